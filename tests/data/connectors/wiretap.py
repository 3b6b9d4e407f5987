"""A relay between a connector and its peer that keeps every byte the connector sent."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager, suppress


class Tap:
    """What went towards the peer, over all connections."""

    def __init__(self):
        self.port, self.sent = 0, bytearray()


@asynccontextmanager
async def tapped(port):
    """A port whose traffic goes to another one of this machine."""
    tap, relays = Tap(), set()

    async def relay(reader, writer, kept=None):
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                if kept is not None:
                    kept += data
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader, writer):
        relays.add(asyncio.current_task())
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        sent = bytearray()
        await asyncio.gather(relay(reader, far_writer, sent), relay(far_reader, writer))
        tap.sent += sent

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    tap.port = server.sockets[0].getsockname()[1]
    try:
        yield tap
    finally:
        server.close()
        await asyncio.wait(relays, timeout=2)


def modbus_tcp_functions(sent):
    """The function code of every Modbus TCP request."""
    found, at = [], 0
    while at < len(sent):
        _, protocol, length = struct.unpack_from(">HHH", sent, at)
        assert protocol == 0, sent[at : at + 12].hex()
        found.append(sent[at + 7])
        at += 6 + length
    return found


def modbus_rtu_functions(sent):
    """The function code of every Modbus RTU request: those that read are eight bytes each."""
    assert len(sent) % 8 == 0, sent.hex()
    frames = [sent[at : at + 8] for at in range(0, len(sent), 8)]
    assert all(crc(frame) == 0 for frame in frames)  # so none of them is cut in the wrong place
    return [frame[1] for frame in frames]


def crc(frame):
    found = 0xFFFF
    for byte in frame:
        found ^= byte
        for _ in range(8):
            found = found >> 1 ^ (0xA001 if found & 1 else 0)
    return found


def dlt645_controls(sent):
    """The control code of every DL/T 645 request, wake-up bytes left out."""
    found, at = [], 0
    while at < len(sent):
        if sent[at] == 0xFE:
            at += 1
            continue
        assert sent[at] == sent[at + 7] == 0x68, sent[at:].hex()
        length = sent[at + 9]
        found.append(sent[at + 8])
        assert sent[at + 11 + length] == 0x16
        at += 12 + length
    return found


def iec104_frames(sent):
    """Of every APDU: the type identification where it has data, else the control field's form."""
    found, at = [], 0
    while at < len(sent):
        assert sent[at] == 0x68, sent[at:].hex()
        control = sent[at + 2]
        found.append(sent[at + 6] if not control & 1 else "S" if control & 3 == 1 else "U")
        at += 2 + sent[at + 1]
    return found
