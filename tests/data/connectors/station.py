"""A station of IEC 104 for the tests. It is ours: no second implementation without GPL was found.

It keeps to the standard's window (k), answers tests, and has the faults that F3 and F19 name. Its
frames are put together from bytes here, not by the codec under test.
``python -m tests.data.connectors.station PORT`` runs it as a process of its own.
"""

from __future__ import annotations

import asyncio
import struct
import sys

WORDS = {
    "startdt": "68 04 07 00 00 00", "started": "68 04 0B 00 00 00",
    "test": "68 04 43 00 00 00", "tested": "68 04 83 00 00 00",
}  # fmt: skip
FRAMES = {name: bytes.fromhex(words) for name, words in WORDS.items()}


def asdu(type_id, cause, body, count=1, common=1):
    return struct.pack("<BBBBH", type_id, count, cause, 0, common) + body


def ioa(number):
    return number.to_bytes(3, "little")


def floats(values, cause=20, common=1, quality=0):
    """M_ME_NC_1, SQ=0: object → value."""
    body = b"".join(ioa(a) + struct.pack("<fB", v, quality) for a, v in values.items())
    return asdu(13, cause, body, len(values), common)


def in_row(first, values, cause=20):
    """M_ME_NB_1, SQ=1."""
    body = ioa(first) + b"".join(struct.pack("<hB", v, 0) for v in values)
    return asdu(11, cause, body, 0x80 | len(values))


def counter(address, value, flags=0, cause=37):
    return asdu(15, cause, ioa(address) + struct.pack("<iB", value, flags))


def tagged(address, value, tag, quality=0):
    """M_ME_TF_1, spontaneous."""
    return asdu(36, 3, ioa(address) + struct.pack("<fB", value, quality) + tag)


def tag(at, invalid=False, summer=False):
    return struct.pack(
        "<HBBBBB",
        at.second * 1000 + at.microsecond // 1000,
        at.minute | (0x80 if invalid else 0),
        at.hour | (0x80 if summer else 0),
        at.day | at.isoweekday() << 5,
        at.month,
        at.year - 2000,
    )


class Station:
    """Answers any number of masters with the same values.

    Parameters
    ----------
    general, counters
        ASDUs given on a general and a counter interrogation; None: the station knows no such.
    k
        I frames it sends before it waits for an acknowledgement.
    """

    def __init__(self, general=(), counters=(), k=12):
        self.general, self.counters, self.k = list(general), counters, k
        self.asked = []
        self.acknowledged = []
        self.masters = 0
        self.frozen = False
        self.hole = False
        self.links = []
        self.server = None

    async def __aenter__(self):
        return await self.listen(0)

    async def listen(self, port):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for link in self.links:
            link.writer.close()
        await asyncio.sleep(0)

    async def serve(self, reader, writer):
        self.masters += 1
        link = _Link(self, writer)
        self.links.append(link)
        try:
            while True:
                head = await reader.readexactly(2)
                link.got(await reader.readexactly(head[1]))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def say(self, *asdus):
        """Send spontaneously to the newest master."""
        self.links[-1].send(*asdus)


class _Link:
    def __init__(self, station, writer):
        self.station, self.writer = station, writer
        self.sent = self.confirmed = self.received = 0
        self.queue = []

    def got(self, frame):
        if self.station.frozen:
            return
        whole = bytes([0x68, len(frame)]) + frame
        if whole == FRAMES["startdt"]:
            self.writer.write(FRAMES["started"])
        elif whole == FRAMES["test"]:
            self.writer.write(FRAMES["tested"])
        elif frame[0] & 3 == 3:
            return
        else:
            self.confirmed = struct.unpack("<H", frame[2:4])[0] >> 1
            self.station.acknowledged.append(self.confirmed)
            if not frame[0] & 1:
                self.received += 1
                self.asked(frame[4:])
            self.flush()

    def asked(self, unit):
        type_id, common = unit[0], struct.unpack("<H", unit[4:6])[0]
        self.station.asked.append((type_id, common, unit[-1]))
        values = self.station.general if type_id == 100 else self.station.counters
        answer = ioa(0) + unit[-1:]
        if values is None:
            self.send(asdu(type_id, 0x40 | 44, answer, common=common))
            return
        self.send(
            asdu(type_id, 7, answer, common=common),
            *values,
            asdu(type_id, 10, answer, common=common),
        )

    def send(self, *asdus):
        self.queue += asdus
        self.flush()

    def flush(self):
        while self.queue and self.sent - self.confirmed < self.station.k:
            unit = self.queue.pop(0)
            if self.station.hole:
                self.sent += 1
                self.station.hole = False
            numbers = struct.pack("<HH", self.sent << 1, self.received << 1)
            self.writer.write(bytes([0x68, 4 + len(unit)]) + numbers + unit)
            self.sent += 1


async def _alone():
    station = Station([floats({16385: 229.01})], [counter(25601, 123456)])
    async with station:
        sys.stdout.write(f"{station.port}\n")
        sys.stdout.flush()
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(_alone())
