"""Read-only as a peer sees it: every frame that was sent is looked at (clause 7.1)."""

import asyncio
import subprocess
import time

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from data.connectors.base import PointKind
from tests.data.connectors import station as of
from tests.data.connectors import test_dlt645 as line
from tests.data.connectors import test_iec104 as far
from tests.data.connectors import test_modbus as near
from tests.data.connectors import test_mqtt as sub
from tests.data.connectors.broker import Broker, Sender
from tests.data.connectors.emitted import Emitted
from tests.data.connectors.peers import Kept, running, until
from tests.data.connectors.station import Station
from tests.data.connectors.wiretap import (
    dlt645_controls,
    iec104_frames,
    modbus_rtu_functions,
    modbus_tcp_functions,
    tapped,
)
from tests.peers.start import libmodbus_peer, modbus_server
from tests.peers.start import running as peer

READS = {1, 2, 3, 4}  # 5, 6, 15, 16, 22, 23 write


def test_modbus_tcp_asks_with_reading_functions_alone():
    points = [near.point("H", 0), near.point("I", 0, func="4"), near.point("C", 3, "bit", func="1"),
              near.point("D", 4, "bit", func="2"), near.point("NO", 900)]  # fmt: skip
    with modbus_server() as server:
        for area in (1, 2, 3, 4):
            server.words(0, *range(10), area=area)

        async def run():
            emit = Emitted()
            async with tapped(server.port) as tap:
                async with running(near.tcp(tap.port, points), emit):
                    await near.until(lambda: len(emit.batches) >= 2)
                    server.say(busy=1)  # asked again
                    seen = len(emit.batches)
                    await near.until(lambda: len(emit.batches) >= seen + 2)
                await near.tcp(tap.port, points).probe()
            return tap.sent, emit

        sent, emit = asyncio.run(run())
    assert list(emit.disabled) == ["NO"]
    assert set(modbus_tcp_functions(sent)) == READS


def test_modbus_rtu_asks_with_reading_functions_alone(tmp_path):
    """socat keeps what goes from our end of the line to the other."""
    ends, kept = [tmp_path / "ours", tmp_path / "theirs"], tmp_path / "sent"
    binary = libmodbus_peer()
    try:
        socat = subprocess.Popen(
            ["socat", "-r", kept, *(f"pty,raw,echo=0,link={end}" for end in ends)],
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        pytest.skip("no socat here: no serial line without hardware")
    try:
        limit = time.monotonic() + 10
        while not all(end.exists() for end in ends):
            assert time.monotonic() < limit
            time.sleep(0.02)
        points = [near.point("A", 0, "f32", byte_order="BADC"), near.point("I", 7, func="4"),
                  near.point("Q", 4, "bit", func="2")]  # fmt: skip
        with peer(binary, "rtu", str(ends[1])):
            emit = near.collected(near.rtu(ends[0], points), lambda e: len(e.batches) >= 2)
    finally:
        socat.kill()
        socat.wait()
    assert emit.values("I")[0] == 4711
    assert set(modbus_rtu_functions(kept.read_bytes())) == {2, 3, 4}


def test_dlt645_asks_with_reading_controls_alone():
    """11H reads, 12H reads on; 14H and above write, freeze, reset."""
    meter = line.Meter({0x00010000: line.bcd("01234567"), 0x02030000: 0x02} | line.CLOCK)
    meter.cut = 2

    async def run():
        kept = Kept()
        server, port = await line.served(meter)
        points = (line.point("E1", line.METER, line.ENERGY),
                  line.point("P1", line.METER, line.POWER))  # fmt: skip
        async with server, tapped(port) as tap:
            async with running(line.connector(tap.port, *points), kept) as task:
                await until(lambda: len(kept.of("E1")) >= 2, task)
            await line.connector(tap.port, *points).probe()
        return tap.sent

    assert set(dlt645_controls(asyncio.run(run()))) == {0x11, 0x12}


def test_iec104_interrogates_and_nothing_else():
    """100 and 101 ask for values; 45 to 69 and 103 to 113 are commands and parameters."""
    station = Station([of.floats({16385: 1.0})], [of.counter(25601, 7)])
    points = (far.point("U", 16385, period_s=0.2),
              far.point("E", 25601, kind=PointKind.REGISTER, period_s=0.2))  # fmt: skip

    async def run():
        kept = Kept()
        async with station, tapped(station.port) as tap:
            master = far.master(tap.port, *points, t1_s=0.5, t2_s=0.1, t3_s=0.1)
            async with running(master, kept) as task:
                await until(lambda: len(kept.of("E")) >= 3, task)
                await asyncio.sleep(0.3)  # tested, acknowledged
            await far.master(tap.port, *points).probe()
        return tap.sent

    assert set(iec104_frames(asyncio.run(run()))) == {"U", "S", 100, 101}


def test_mqtt_publishes_answers_and_nothing_else(tmp_path):
    broker = Broker(tmp_path)
    sender, came = Sender(broker.port), []
    witness = paho.Client(CallbackAPIVersion.VERSION2, "witness", protocol=paho.MQTTv5)
    witness.on_message = lambda _, __, message: came.append(message.topic)
    ready = []
    witness.on_subscribe = lambda *_: ready.append(True)
    witness.connect("127.0.0.1", broker.port)
    witness.subscribe("#", 1)
    witness.loop_start()

    async def run():
        kept = Kept()
        async with running(sub.subscription(broker), kept) as task:
            await until(lambda: kept.links and ready, task)
            await asyncio.to_thread(sender.measure, 1, 5)
            sender.send(b"{")
            await until(lambda: len(sender.answers) >= 2, task)
        await sub.subscription(broker, timeout_s=0.5).probe()

    try:
        asyncio.run(run())
    finally:
        witness.disconnect()
        witness.loop_stop()
        sender.close()
        broker.kill()
    assert sorted(came) == ["ack/D1", "ack/D1", "plant/D1/up", "plant/D1/up"]


def test_the_control_finds_a_writing_function():
    """What looks at the frames would see one that writes."""
    write = bytes.fromhex("0001 0000 0006 01 06 0000 0001".replace(" ", ""))
    assert modbus_tcp_functions(write) == [6]
    frame = bytes.fromhex("68 AA AA AA AA AA AA 68 14 00 A4 16".replace(" ", ""))
    assert dlt645_controls(frame) == [0x14]
    command = bytes.fromhex("68 0E 00 00 00 00 2D 01 06 00 01 00 01 00 00 01".replace(" ", ""))
    assert iec104_frames(command) == [45]
