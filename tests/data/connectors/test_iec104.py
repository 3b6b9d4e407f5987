"""IEC 104 against a live station of our own: F19, F3, acknowledgement after the disk."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from data.connectors.base import LinkError, Point, PointKind, Quality
from data.connectors.iec104 import Iec104, Iec104Address, Iec104Config
from tests.conftest import ROOT
from tests.data.connectors import station as of
from tests.data.connectors.peers import Kept, running, until
from tests.data.connectors.station import Station

SITE = timedelta(hours=8)


def point(name, address, **more):
    return Point(
        point_id=name, address=str(address), **{"kind": "instant", "period_s": 86_400} | more
    )


def master(port, *points, **settings):
    return Iec104(Iec104Config(host="127.0.0.1", port=port, **settings), points)


def tried(station, *points, enough, after=None, emit=None, **settings):
    """Run a master against a station until ``enough(kept)``; ``after`` acts once it is linked."""

    async def run():
        kept = emit or Kept()
        async with station, running(master(station.port, *points, **settings), kept) as task:
            if after:
                await until(lambda: kept.readings, task)
                after()
            await until(lambda: enough(kept), task)
            await asyncio.sleep(0.05)
        return kept

    return asyncio.run(run())


def test_values_and_counters_come_by_interrogation():
    station = Station(
        [of.floats({16385: 229.01, 16386: -3.5}), of.in_row(16400, [1, 2, 3])],
        [of.counter(25601, 123456)],
    )
    kept = tried(
        station,
        point("U", 16385),
        point("P", "0x4002", scale=Decimal(10)),
        point("R3", 16402),
        point("E", "6401H", kind=PointKind.REGISTER, scale=Decimal("0.01")),
        enough=lambda k: len(k.readings) >= 4,
    )
    values = {r.point: r.value for r in kept.readings}
    assert values == {
        "U": Decimal("229.01"), "P": Decimal("-35.0"), "R3": 3, "E": Decimal("1234.56"),
    }  # fmt: skip
    assert {r.q for r in kept.readings} == {Quality.GOOD}
    # All groups, and counters as they stand: nothing is frozen or reset.
    assert station.asked == [(100, 1, 20), (101, 1, 5)]
    assert kept.links == 1


def test_everything_is_asked_again_at_the_period():
    station = Station([of.floats({16385: 1.0})])
    tried(station, point("U", 16385, period_s=0.2), enough=lambda k: len(k.readings) >= 3)
    assert station.asked[:3] == [(100, 1, 20)] * 3


@pytest.mark.parametrize(
    ("quality", "q", "value", "note"),
    [
        (0x80, Quality.BAD, None, "IV"),
        (0x01, Quality.BAD, Decimal("5"), "OV"),
        (0x40, Quality.UNCERTAIN, Decimal("5"), "NT"),
        (0x20, Quality.UNCERTAIN, Decimal("5"), "SB"),
        (0x10, Quality.UNCERTAIN, Decimal("5"), "BL"),
        (0xC0, Quality.BAD, None, "IV"),
    ],
)
def test_quality_is_taken_over(quality, q, value, note):
    station = Station([of.floats({16385: 5.0}, quality=quality)])
    kept = tried(station, point("U", 16385), enough=lambda k: k.readings)
    (reading,) = kept.readings
    assert (reading.q, reading.value) == (q, value)
    assert note in reading.note


def test_the_stations_time_is_kept():
    at = datetime.now(UTC).replace(microsecond=250_000) - timedelta(minutes=2)
    station = Station([of.floats({16385: 1.0})])
    kept = tried(
        station,
        point("U", 16385),
        after=lambda: station.say(of.tagged(16385, 2.5, of.tag(at + SITE))),
        enough=lambda k: len(k.readings) >= 2,
    )
    plain, event = kept.readings
    assert (event.ts, event.value, event.q) == (at, Decimal("2.5"), Quality.GOOD)
    assert abs(plain.ts - datetime.now(UTC)) < timedelta(seconds=10)
    assert [batch.stamped for batch in kept.batches] == [False, True]


@pytest.mark.parametrize("wrong", [{"invalid": True}, {"summer": True}])
def test_a_time_that_cannot_be_trusted_is_replaced_by_ours(wrong):
    at = datetime.now(UTC) - timedelta(hours=3)
    station = Station([of.floats({16385: 1.0})])
    kept = tried(
        station,
        point("U", 16385),
        after=lambda: station.say(of.tagged(16385, 2.5, of.tag(at + SITE, **wrong))),
        enough=lambda k: len(k.readings) >= 2,
    )
    event = kept.readings[1]
    assert abs(event.ts - datetime.now(UTC)) < timedelta(seconds=10)
    assert event.q is Quality.UNCERTAIN
    assert not any(batch.stamped for batch in kept.batches)


def test_an_unknown_type_is_counted_once_and_is_not_fatal():
    strange = of.asdu(125, 3, of.ioa(1) + b"\x01\x02\x03")
    station = Station([strange, strange, of.floats({16385: 1.0})])
    kept = tried(station, point("U", 16385), enough=lambda k: k.readings)
    assert kept.troubles == ["收到不读取的类型标识，已计数"]


def test_a_station_without_counters_still_gives_the_rest():
    station = Station([of.floats({16385: 1.0, 25601: 123.5})], counters=None)
    kept = tried(
        station,
        point("U", 16385, period_s=0.2),
        point("E", 25601, kind=PointKind.REGISTER, period_s=0.2),
        enough=lambda k: len(k.of("E")) >= 3,
    )
    assert kept.troubles == ["站端拒绝电度召唤"]
    assert station.asked.count((101, 1, 5)) == 1
    assert set(kept.values("E")) == {Decimal("123.5")}


def test_several_stations_behind_one_address():
    station = Station([of.floats({16385: 1.0}, common=1), of.floats({16385: 2.0}, common=7)])
    kept = tried(
        station,
        point("A", 16385),
        point("B", "7.16385"),
        enough=lambda k: {"A", "B"} <= {r.point for r in k.readings},
    )
    assert (kept.values("A")[0], kept.values("B")[0]) == (1, 2)
    assert {(100, 1, 20), (100, 7, 20)} <= set(station.asked)


def test_nothing_is_acknowledged_before_it_is_on_the_disk():
    """The station may send k frames; what it was not told of, it keeps."""

    class Watching(Kept):
        async def __call__(self, batch):
            await asyncio.sleep(0.02)
            # One frame confirms the question, then one a value.
            told.append((max(station.acknowledged, default=0), 1 + len(self.readings)))
            return await super().__call__(batch)

    told = []
    frames = [of.floats({16385: float(n)}) for n in range(40)]
    station = Station(frames)
    kept = tried(
        station, point("U", 16385), emit=Watching(), enough=lambda k: len(k.values("U")) >= 40
    )
    assert kept.values("U") == [Decimal(n) for n in range(40)]  # none lost, none twice, in order
    assert len(told) > 2
    assert all(acknowledged <= kept_ for acknowledged, kept_ in told)
    assert max(station.acknowledged) == 42


def test_a_hole_in_the_numbers_ends_the_link_and_the_next_one_asks_for_everything():
    async def run():
        kept = Kept()
        async with Station([of.floats({16385: 1.0})]) as station:
            task = asyncio.create_task(master(station.port, point("U", 16385)).run(kept))
            await until(lambda: kept.readings, task)
            station.hole = True
            station.say(of.floats({16385: 9.0}, cause=3))
            with pytest.raises(LinkError, match="序号不连续"):
                await asyncio.wait_for(task, 5)
            again = Kept()
            async with running(master(station.port, point("U", 16385)), again) as task:
                await until(lambda: again.readings, task)
            return station, kept, again

    station, kept, again = asyncio.run(run())
    assert station.asked == [(100, 1, 20)] * 2
    assert kept.values("U") == [1]
    assert again.values("U") == [1]


def test_a_station_that_freezes_is_left_after_t3_and_t1():
    async def run():
        kept = Kept()
        async with Station([of.floats({16385: 1.0})]) as station:
            task = asyncio.create_task(
                master(station.port, point("U", 16385), t1_s=0.3, t2_s=0.1, t3_s=0.3).run(kept)
            )
            await until(lambda: kept.readings, task)
            station.frozen = True
            with pytest.raises(LinkError, match="t1"):
                async with asyncio.timeout(5):
                    await task

    asyncio.run(run())


def test_a_stopped_process_is_left_and_found_again():
    """F3 and F1: SIGSTOP keeps TCP up; after SIGCONT a new link brings everything."""
    peer = subprocess.Popen(
        [sys.executable, "-m", "tests.data.connectors.station"],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": "."},
    )  # fmt: skip
    try:
        port = int(peer.stdout.readline())
        points = point("U", 16385), point("E", 25601, kind=PointKind.REGISTER)

        async def run():
            kept = Kept()
            task = asyncio.create_task(
                master(port, *points, t1_s=0.4, t2_s=0.1, t3_s=0.3).run(kept)
            )
            await until(lambda: len(kept.readings) >= 2, task)
            os.kill(peer.pid, signal.SIGSTOP)
            with pytest.raises(LinkError, match="t1"):
                async with asyncio.timeout(5):
                    await task
            os.kill(peer.pid, signal.SIGCONT)
            again = Kept()
            async with running(master(port, *points), again) as task:
                await until(lambda: len(again.readings) >= 2, task)
            return again

        again = asyncio.run(run())
        assert {r.value for r in again.readings} == {Decimal("229.01"), Decimal(123456)}
    finally:
        os.kill(peer.pid, signal.SIGCONT)
        peer.kill()
        peer.wait()
        peer.stdout.close()


def test_a_station_that_is_gone_is_a_lost_link():
    async def run():
        kept = Kept()
        async with Station([of.floats({16385: 1.0})]) as station:
            task = asyncio.create_task(master(station.port, point("U", 16385)).run(kept))
            await until(lambda: kept.readings, task)
        with pytest.raises((LinkError, OSError)):
            async with asyncio.timeout(5):
                await task
        with pytest.raises((LinkError, OSError)):
            await master(station.port, point("U", 16385)).run(Kept())

    asyncio.run(run())


def test_bytes_that_are_no_frames_end_the_link():
    async def run():
        async def babble(_, writer):
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(LinkError, match="68H"):
                await master(port, point("U", 16385)).run(Kept())
            return await master(port, point("U", 16385)).probe()

    report = asyncio.run(run())
    assert (report.ok, report.error) == (False, "帧起始符不是 68H")


def test_a_probe_tells_what_the_station_does_not_give():
    async def run():
        async with Station([of.floats({16385: 229.01})], [of.counter(25601, 7)]) as station:
            points = point("U", 16385), point("E", 25601), point("NO", 16386)
            return await master(station.port, *points).probe()

    report = asyncio.run(run())
    voltage, energy, absent = report.rows
    assert voltage.value == Decimal("229.01")
    assert voltage.raw_hex == "0D 01 14 00 01 00 01 40 00 8F 02 65 43 00"
    assert energy.value == 7
    assert "没有这个信息体" in absent.error
    assert not report.ok


def test_pressed_leaves_out_what_no_total_is_made_of():
    station = Station([of.floats({16385: 1.0})], [of.counter(25601, 7)])
    kept = tried(
        station,
        point("U", 16385),
        point("E", 25601, kind=PointKind.REGISTER),
        emit=Kept(pressed=True),
        enough=lambda k: k.readings,
    )
    assert {r.point for r in kept.readings} == {"E"}


@pytest.mark.parametrize(
    ("cell", "common", "address"),
    [("16385", None, 16385), ("0x4001", None, 16385), ("4001H", None, 16385),
     ("7.16385", 7, 16385), ("7:4001h", 7, 16385)],
)  # fmt: skip
def test_addresses_as_people_write_them(cell, common, address):
    assert Iec104Address.parse(cell) == Iec104Address(common=common, address=address)


@pytest.mark.parametrize("cell", ["", "0", "16777216", "4001", "0.5", "65535.1", "1.2.3", "x"])
def test_an_address_that_is_none_is_refused(cell):
    if cell == "4001":
        assert Iec104Address.parse(cell).address == 4001  # decimal: hex is written as such
        return
    with pytest.raises(ValueError, match="信息体地址"):
        Iec104Address.parse(cell)


@pytest.mark.parametrize("wrong", [{"t2_s": 15}, {"station_zone": "Mars"}, {"common_address": 0}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValidationError):
        Iec104Config(host="h", **wrong)
