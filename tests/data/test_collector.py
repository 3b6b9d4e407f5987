"""The collector against a server of others: reconnects, notices silence, keeps devices apart."""

from __future__ import annotations

import ast
import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from data import connectors
from data.collector import (
    LOOK_S,
    NO_ROOM,
    SOME_MISSED,
    Collector,
    Link,
    Running,
    is_running,
    only_one,
)
from data.collector import _Point as Watched
from data.connectors.base import (
    Batch,
    ConnectorConfig,
    LinkError,
    LinkState,
    Point,
    Reading,
    SpoolBusy,
)  # fmt: skip
from data.digest import file_digest
from data.drain import load_pushes
from data.dropped import Drops
from data.link_book import LinkBook
from data.pushes import MOST_WAITING, Pushes, decoded
from data.slots import SteadyClock, utc_now
from data.spool_file import SpoolFile
from data.state import State, WantedInterface, now
from tests.cli import ROOT
from tests.data.connectors.emitted import until
from tests.data.test_slots import Clocks
from tests.peers.start import free_port, modbus_server
from tests.plant import Plant, meter, opened_home


def point(name="P1", address=0, **more):
    given = {"point_id": name, "meter_id": "M1", "address": str(address), "dtype": "u16",
             "unit": "kWh", "kind": "register", "period_s": 1.0, "row": 2}  # fmt: skip
    return Point(**given | more)


def modbus(port, interface="house", points=None, **settings):
    given = {"host": "127.0.0.1", "port": port, "address_base": 0, "timeout_s": 0.4, "retries": 0}
    return WantedInterface(interface, "modbus_tcp", "S1", "", given | settings,
                           tuple(points or [point()]))  # fmt: skip


@pytest.fixture
def state(tmp_path):
    found = State(tmp_path)
    yield found
    found.close()


@pytest.fixture
def server():
    with modbus_server() as found:
        found.words(0, 7)
        yield found


@pytest.fixture
def often(monkeypatch):
    """Look more often, so that a test need not wait for it."""
    monkeypatch.setattr("data.collector.LOOK_S", 0.2)


@asynccontextmanager
async def collecting(home, **options):
    collector = Collector(home, **options)
    task = asyncio.create_task(collector.run())
    try:
        yield collector
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def seen(home):
    """The spool as another process sees it."""
    file = SpoolFile(home)
    return file, Pushes(file), LinkBook(file)


def rows(file, interface="house"):
    found = file.select("SELECT key FROM pushed WHERE interface = ? ORDER BY seq", interface)
    return [key for (key,) in found]


SECOND = timedelta(seconds=1)


def slot_times(file, interface="house"):
    return [datetime.strptime(k.split("/")[0], "%Y%m%dT%H%M%S.%f") for k in rows(file, interface)]


def test_a_peer_that_returns_is_asked_again_within_ten_seconds(tmp_path, state, server):
    """F1: only the slots meanwhile are missing, nothing doubles, the event ends by itself."""
    away = []
    state.interfaces.save(modbus(server.port), "tester", now())
    file, pushes, book = seen(tmp_path)

    async def run():
        async with collecting(tmp_path):
            await until(lambda: len(rows(file)) >= 2)
            server.kill()
            away.append(utc_now())
            await until(lambda: any(e.code == "link" for e in book.events(lasting=True)))
            await asyncio.sleep(1)
            count = len(rows(file))
            server.start()
            back = time.monotonic()
            await until(lambda: len(rows(file)) > count, 12)
            away.append(utc_now())
            assert time.monotonic() - back < 10
            await until(lambda: book.events(lasting=True) == [])
            await until(lambda: len(rows(file)) > count + 2)

    asyncio.run(run())
    times = slot_times(file)
    assert len(times) == len(set(times))
    grid = {times[0] + n * SECOND for n in range((times[-1] - times[0]) // SECOND + 1)}
    gone, back = (at.replace(tzinfo=None) for at in away)
    missed = sorted(grid - set(times))
    assert len(missed) >= 3  # the alarm comes after three periods
    assert gone - SECOND < missed[0]
    assert missed[-1] < back
    assert {t for t in times if missed[0] < t < missed[-1]} == set()
    link = next(e for e in book.events() if e.code == "link")
    assert link.began - away[0] > 2.9 * SECOND
    assert link.ended is not None
    assert pushes.counts("house")["batches"] == len(times)
    file.close()


def test_a_frozen_peer_raises_an_alarm_within_three_periods_and_it_ends(tmp_path, state, server):
    """F3: the connection stays up; the point is what is watched."""
    state.interfaces.save(modbus(server.port), "tester", now())
    file, _, book = seen(tmp_path)

    def silent():
        return [e.point for e in book.events(lasting=True) if e.code == "silent"]

    async def run():
        async with collecting(tmp_path):
            await until(lambda: len(rows(file)) >= 2)
            server.signal(signal.SIGSTOP)
            await until(lambda: silent() == ["P1"])
            (event,) = (e for e in book.events(lasting=True) if e.code == "silent")
            (last,) = book.last_values("house")
            late = event.began - last.good_at - 3 * SECOND
            assert 0 * SECOND < late < (LOOK_S + 0.5) * SECOND  # seen at the next look
            server.signal(signal.SIGCONT)
            await until(lambda: silent() == [])
            health = book.health()["house"][0]
            assert health.last_good_at is not None

    asyncio.run(run())
    file.close()


def test_one_task_a_device(tmp_path, state, server, full):
    """F25: 50 devices, 10 of them dead: the others keep their period, +-10 %, and miss none."""
    dead, turns = free_port(), 30 if full else 5
    for n in range(50):
        port = dead if n % 5 == 0 else server.port
        slow = [point(period_s=2.0)]
        state.interfaces.save(modbus(port, f"d{n}", slow), "tester", now())
    file, _, book = seen(tmp_path)

    async def run():
        async with collecting(tmp_path):
            live = [f"d{n}" for n in range(50) if n % 5]
            await until(lambda: all(len(rows(file, d)) >= turns for d in live), 30 + 2 * turns)
            await until(lambda: len(book.health()) == 50)
            return {name: one.state for name, (one, _) in book.health().items()}

    states = asyncio.run(run())
    for n in range(50):
        name, times = f"d{n}", slot_times(file, f"d{n}")
        assert (states[name] is LinkState.RUNNING) == (n % 5 != 0)
        if n % 5 == 0:
            assert times == []
            continue
        came = [us / 1e6 for (us,) in file.select(
            "SELECT received_us FROM pushed WHERE interface = ? ORDER BY seq", name)]  # fmt: skip
        assert {b - a for a, b in zip(times, times[1:], strict=False)} == {2 * SECOND}
        steady = came[1:]  # the first slot is read when the link is made
        assert (steady[-1] - steady[0]) / (len(steady) - 1) == pytest.approx(2.0, rel=0.1)
    file.close()


def test_a_row_the_device_refuses_is_a_configuration_error_that_names_it(
    tmp_path, state, server, often
):
    """F5, exception 2: that point alone is asked no more; no silence is told of it besides."""
    server.say(refuse=[1])
    server.words(0, 7, 8, 9)
    points = [point(period_s=0.2), point("X", 1, row=3, period_s=0.2),
              point("P3", 2, row=4, period_s=0.2)]  # fmt: skip
    state.interfaces.save(modbus(server.port, points=points), "tester", now())
    file, _, book = seen(tmp_path)

    async def run():
        async with collecting(tmp_path):
            await until(lambda: len(rows(file)) >= 5)
            await until(lambda: book.health()["house"][0].disabled)
            asked = server.say()["requests"]
            await until(lambda: len(rows(file)) >= 7)
            assert server.say()["requests"] - asked in range(2, 9)  # two registers a slot, not X
            return book.health()["house"][0]

    health = asyncio.run(run())
    assert health.disabled == (("X", "设备没有这个地址"),)
    assert (health.state, health.error) == (LinkState.TROUBLED, SOME_MISSED)
    lasting = [(e.code, e.point, e.detail) for e in book.events()]
    assert lasting == [("config", "X", "3: 设备没有这个地址")]
    assert [v.value for v in book.last_values("house")] == [7, 9, None]
    file.close()


def test_a_change_of_configuration_is_followed(tmp_path, state, server):
    server.words(0, 7, 8)
    state.interfaces.save(modbus(server.port), "tester", now())
    file, _, book = seen(tmp_path)

    def last():
        return {v.point: v.value for v in book.last_values("house")}

    async def run():
        async with collecting(tmp_path):
            await until(lambda: last() == {"P1": 7})
            state.interfaces.save(
                modbus(server.port, points=[point(), point("P2", 1, meter_id="")]), "other", now()
            )
            await until(lambda: last() == {"P1": 7, "P2": 8})
            state.interfaces.switch("house", "other", now(), on=False)
            await until(lambda: book.health() == {})
            count = len(rows(file))
            await asyncio.sleep(1.5)
            assert len(rows(file)) == count

    asyncio.run(run())
    versions = state.interfaces.history("house")
    assert [(v.act, v.author) for v in versions] == [
        ("disable", "other"), ("save", "other"), ("save", "tester"),
    ]  # fmt: skip
    file.close()


def test_a_driver_that_crashes_takes_nothing_from_the_others(tmp_path, state, server, monkeypatch):
    class Crashing(connectors.connector("modbus_tcp")):
        async def run(self, emit):
            raise ZeroDivisionError("driver")

    genuine = connectors.connector

    def found(kind):
        return Crashing if kind == "modbus_rtu" else genuine(kind)

    monkeypatch.setattr("data.collector.connector", found)
    state.interfaces.save(modbus(server.port), "tester", now())
    other = modbus(server.port, "other")
    state.interfaces.save(
        WantedInterface("other", "modbus_rtu", "S1", "", other.settings, other.points), "t", now()
    )
    file, _, book = seen(tmp_path)

    async def run():
        async with collecting(tmp_path):
            await until(lambda: len(rows(file)) >= 3)
            await until(lambda: "ZeroDivisionError" in book.health()["other"][0].error)

    asyncio.run(run())
    file.close()


def test_settings_that_cannot_be_used_any_more_are_told(tmp_path, state):
    state.interfaces.save(modbus(1, unknown="x"), "tester", now())
    file, _, book = seen(tmp_path)

    async def run():
        async with collecting(tmp_path):
            await until(lambda: "unknown" in book.health().get("house", [None])[0].error
                        if "house" in book.health() else False)  # fmt: skip

    asyncio.run(run())
    file.close()


# A link by itself


@pytest.fixture
def link(tmp_path):
    file = SpoolFile(tmp_path)
    clocks = Clocks()
    points = {p.point_id: Watched(p, 0.0) for p in
              [point(), point("P2", 1, kind="instant"), point("PV", 2, quiet="night")]}  # fmt: skip
    found = Link("house", "S1", 1, True, ConnectorConfig(), points, Pushes(file), LinkBook(file),
                 Drops(file), SteadyClock(clocks.wall, clocks.monotonic))  # fmt: skip
    found.clocks, found.file = clocks, file
    yield found
    file.close()


def given(link, *names, key=None):
    readings = tuple(Reading(n, link.clock.now(), Decimal(1)) for n in names)
    return asyncio.run(link(Batch(key or str(link.clocks.mono), readings)))


def silent(link):
    link.look()
    return set(link.health().silent)


def test_an_inverter_that_sleeps_is_not_broken(link):
    """F21: no alarm between sunset and sunrise; one in the day."""
    day = datetime(2026, 7, 1, 4, tzinfo=UTC)
    link.clocks.start = day
    link.clock.__post_init__()
    given(link, "P1", "P2", "PV")
    link.clocks.mono = 10.0
    assert silent(link) == {"P1", "P2", "PV"}
    given(link, "P1", "P2", "PV")
    assert silent(link) == set()
    night = day + timedelta(hours=12)
    link.clocks.start = night
    link.clock.__post_init__()
    link.clocks.mono = 20.0
    assert silent(link) == {"P1", "P2"}


def lasting(link):
    return {(e.code, e.point) for e in link.book.events(lasting=True)}


def sunlit(link, hours):
    """Set the time of day: hours after noon of a summer's day at the plant."""
    link.clocks.start = datetime(2026, 7, 1, 4, tzinfo=UTC) + timedelta(hours=hours)
    link.clock.__post_init__()


def test_an_inverter_that_switches_itself_off_at_night_is_no_lost_link(link):
    """F21: it refuses connections from sunset to sunrise; in the day that is an alarm."""
    for name in ("P1", "P2"):
        del link.points[name]
    sunlit(link, 12)
    link.lost("连接不上")
    for night in (100.0, 10_000.0):
        link.clocks.mono = night
        link.look()
        assert lasting(link) == set()
    sunlit(link, 0)
    link.clocks.mono += 3.0
    link.look()
    assert lasting(link) == set()  # three periods of the morning are not over
    link.clocks.mono += 0.1
    link.look()
    assert lasting(link) == {("link", ""), ("silent", "PV")}
    given(link, "PV")
    link.look()
    assert lasting(link) == set()


def test_a_link_is_told_after_three_periods_and_not_before(link):
    """F1: of the point that is asked most often; it ends by itself."""
    link.points["P1"].point = point(period_s=10.0)
    link.points["P2"].point = point("P2", 1, period_s=60.0)
    del link.points["PV"]
    link.lost("连接不上")
    link.clocks.mono = 30.0
    link.look()
    assert lasting(link) == set()
    link.clocks.mono = 30.1
    link.look()
    assert lasting(link) == {("link", ""), ("silent", "P1")}
    link.clocks.mono = 180.0
    link.look()
    assert lasting(link) == {("link", ""), ("silent", "P1")}
    link.clocks.mono = 180.1
    link.look()
    assert lasting(link) == {("link", ""), ("silent", "P1"), ("silent", "P2")}
    given(link, "P1", "P2")
    link.look()
    assert lasting(link) == set()


def test_after_a_jump_of_the_clock_values_are_doubted(link):
    """F12."""
    link.doubted = True
    given(link, "P1")
    (last,) = link.book.last_values("house")
    assert (last.q, last.note) == (1, "时钟跳变")


def test_under_pressure_what_is_only_shown_is_left_out(link):
    link.pressed = True
    given(link, "P1", "P2")
    assert [v.point for v in link.book.last_values("house")] == ["P1"]


def test_a_poller_waits_for_the_disk_and_loses_nothing(link, monkeypatch):
    put, tries = link.pushes.put, []

    def busy(*words, **named):
        tries.append(1)
        if len(tries) < 3:
            raise SpoolBusy(0.01)
        return put(*words, **named)

    monkeypatch.setattr(link.pushes, "put", busy)
    given(link, "P1")
    assert len(tries) == 3
    assert link.pushes.counts("house")["readings"] == 1


def test_a_peer_that_pushes_is_told_to_wait(link, monkeypatch):
    link.polls = False

    def busy(*_words, **_named):
        raise SpoolBusy(5.0)

    monkeypatch.setattr(link.pushes, "put", busy)
    with pytest.raises(SpoolBusy):
        given(link, "P1")


def test_a_full_spool_slows_polling_and_stops_who_pushes(tmp_path, state, server, often):
    """Beyond the limit what is only shown is left out, registers never; both end by themselves."""
    server.words(0, 7, 8)
    points = [point(period_s=0.2), point("P2", 1, kind="instant", meter_id="", period_s=0.2)]
    state.interfaces.save(modbus(server.port, points=points), "tester", now())
    file, pushes, _ = seen(tmp_path)
    much = tuple(Reading("X", utc_now(), Decimal(n)) for n in range(MOST_WAITING + 1))

    def asked():
        (payload,) = file.select("SELECT payload FROM pushed ORDER BY seq DESC LIMIT 1")[0]
        return {reading.point for reading in decoded(payload)}

    async def run():
        async with collecting(tmp_path) as collector:
            await until(lambda: rows(file) and asked() == {"P1", "P2"})
            pushes.put("other", 1, Batch("much", much), utc_now())
            await until(lambda: asked() == {"P1"})
            before = len(rows(file))
            await until(lambda: len(rows(file)) >= before + 2)
            assert asked() == {"P1"}
            link = collector._links["house"]
            link.polls = False  # as an interface that is pushed to
            with pytest.raises(SpoolBusy):
                await link(Batch("pushed", ()))
            link.polls = True
            with file.transaction() as connection:
                connection.execute("UPDATE pushed SET drained_us = 1 WHERE key = 'much'")
            await until(lambda: asked() == {"P1", "P2"})

    asyncio.run(run())
    file.close()


def test_below_the_disks_floor_only_registers_are_taken(
    tmp_path, state, server, often, monkeypatch
):
    """Who pushes is not acknowledged, a file stays where it lies, and both come in after."""
    server.words(0, 7, 8)
    points = [point(period_s=0.2), point("P2", 1, kind="instant", meter_id="", period_s=0.2)]
    state.interfaces.save(modbus(server.port, points=points), "tester", now())
    file, _, _ = seen(tmp_path)
    usage, path = shutil.disk_usage(tmp_path), tmp_path / "a.csv"
    path.write_text("meter_id,timestamp,value\n", encoding="utf-8")

    def asked():
        (payload,) = file.select("SELECT payload FROM pushed ORDER BY seq DESC LIMIT 1")[0]
        return {reading.point for reading in decoded(payload)}

    async def run():
        async with collecting(tmp_path, disk_floor_mb=200) as collector:
            await until(lambda: rows(file) and asked() == {"P1", "P2"})
            with monkeypatch.context() as low:
                low.setattr(
                    "data.collector.shutil.disk_usage", lambda _: usage._replace(free=199 << 20)
                )
                await until(lambda: asked() == {"P1"})
                link = collector._links["house"]
                link.polls = False  # as an interface that is pushed to
                with pytest.raises(SpoolBusy, match="磁盘"):
                    await link(Batch("pushed", ()))
                taken = await link.take(path, file_digest(path), "readings", accept_good=False)
                assert (taken.state, Drops(file).waiting()) == ("waiting", [])
                assert (link.state, link.error) == (LinkState.TROUBLED, NO_ROOM)
            await until(lambda: not link.no_room)
            assert not (await link(Batch("pushed", ()))).duplicate
            await link.take(path, file_digest(path), "readings", accept_good=False)
            assert [drop.name for drop in Drops(file).waiting()] == ["a.csv"]
            link.polls = True

    asyncio.run(run())
    file.close()


def test_a_disk_that_takes_no_event_stops_no_reading(link, monkeypatch):
    """F9: what was read goes on to be kept, and who asks goes on asking."""

    def full(*_words, **_named):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(link.book, "raised", full)
    monkeypatch.setattr(link.book, "ended", full)
    link.lost("连接不上")
    link.clocks.mono = 100.0
    link.disable("P2", "设备没有这个地址")
    assert "P1" in silent(link)
    given(link, "P1")
    link.look()
    assert "P1" not in link.health().silent
    assert link.pushes.counts("house")["readings"] == 1


def test_a_duplicate_is_counted(link):
    given(link, "P1", key="k")
    assert given(link, "P1", key="k").duplicate
    assert link.health().duplicates == 1


# By construction


def test_nothing_of_the_store_is_loaded():
    code = "import data.collector, sys; sys.exit('duckdb' in sys.modules or 'dash' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_no_connector_can_write_to_a_device():
    written = [
        (path.name, node.attr)
        for path in (ROOT / "data" / "connectors").glob("modbus*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith(("write_reg", "write_coil", "mask_write", "readwrite", "execute"))
    ]
    assert written == []


def test_only_one_collector_works_on_a_data_directory(tmp_path):
    assert not is_running(tmp_path)
    with only_one(tmp_path):
        assert is_running(tmp_path)
        with pytest.raises(Running), only_one(Path(tmp_path)):
            pass
    assert not is_running(tmp_path)


def test_link_errors_are_sentences():
    assert str(LinkError("连接不上")) == "连接不上"


def test_from_a_meter_to_the_ledger(tmp_path, server):
    """Server, collector, spool, store and ledger: the same figure all the way."""
    server.words(0, 0x0001, 0xE240)
    counter = point(dtype="u32", scale="0.01", example="123456 = 00 01 E2 40")
    with opened_home(tmp_path / "home") as engine:
        made = Plant(tmp_path, engine)
        made.meters(meter("M1", role="grid_import", register_max=10**8))
        engine.state.interfaces.save(modbus(server.port, points=[counter]), "tester", now())

        async def run():
            async with collecting(tmp_path / "home"):
                await until(lambda: engine.pushes.counts("house")["batches"] >= 2)

        asyncio.run(run())
        assert load_pushes(engine, datetime.now(UTC)).held == 0
        made.settle()
        rows = made.query("SELECT value, quality, epoch_us(ts) FROM reading ORDER BY ts")
        assert {(value, q) for value, q, _ in rows} == {(Decimal("1234.56"), 0)}
        assert all(ts % 1_000_000 == 0 for _, _, ts in rows)
        assert made.query("SELECT source FROM batch WHERE kind = 'readings'") == [("house",)]
        assert len(made.ledger()) > 0
