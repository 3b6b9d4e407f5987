"""The four connectors in the collector itself: its spool, its supervisor, its health."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from data.collector import LOOK_S
from data.connectors.base import LinkState, Point
from data.dropped import Drops
from data.pushes import decoded
from data.state import State, WantedInterface, now
from tests.cli import ROOT
from tests.data.connectors import station as of
from tests.data.connectors.broker import Broker, Sender
from tests.data.connectors.databases import READER_PASSWORD, Postgres, started
from tests.data.connectors.emitted import until
from tests.data.connectors.station import Station
from tests.data.connectors.test_dlt645 import CLOCK, ENERGY, METER, Meter, bcd, served
from tests.data.test_collector import collecting, seen
from tests.peers.start import free_port


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("CARBON_HOME", str(tmp_path))
    found = State(tmp_path)
    yield found
    found.close()


def wanted(kind, settings, *points):
    return WantedInterface(kind, kind, "S1", "", settings, points)


def point(name, address, **more):
    given = {"meter_id": name, "unit": "kWh", "kind": "register", "period_s": 1.0, "row": 2}
    return Point(point_id=name, address=address, **given | more)


def values(file, interface):
    rows = file.select("SELECT payload FROM pushed WHERE interface = ? ORDER BY seq", interface)
    return [reading.value for (payload,) in rows for reading in decoded(payload)]


def running(book, interface):
    found = book.health().get(interface)
    return found is not None and found[0].state is LinkState.RUNNING


def test_meters_and_a_station_reach_the_spool_and_a_station_that_returns_is_found(tmp_path, state):
    """F1 for 104: reconnected within ten seconds of its return, interrogated anew."""
    port = free_port()
    file, _, book = seen(tmp_path)

    async def run():
        meters, meter_port = await served(Meter({0x00010000: bcd("01234567")} | CLOCK))
        first = await Station([], [of.counter(25601, 100)]).listen(port)
        line = {"host": "127.0.0.1", "port": meter_port, "min_gap_ms": 0, "timeout_s": 0.5}
        state.interfaces.save(
            wanted("dlt645", line, point("E1", f"{METER}#{ENERGY}")), "tester", now()
        )
        far = {"host": "127.0.0.1", "port": port, "timeout_s": 1}
        state.interfaces.save(wanted("iec104", far, point("C1", "25601")), "tester", now())
        async with meters, collecting(tmp_path):
            await until(lambda: values(file, "dlt645") and values(file, "iec104"))
            await first.__aexit__()
            await until(lambda: book.health()["iec104"][0].state is LinkState.WAITING)
            second = await Station([], [of.counter(25601, 200)]).listen(port)
            back = time.monotonic()
            await until(lambda: 200 in values(file, "iec104"), 12)
            assert time.monotonic() - back < 10
            await until(lambda: running(book, "iec104"))
        await second.__aexit__()

    asyncio.run(run())
    assert set(values(file, "dlt645")) == {Decimal("12345.67")}
    assert set(values(file, "iec104")) == {100, 200}
    file.close()


@pytest.mark.larger
def test_a_station_that_freezes_is_silent_left_by_t1_and_found_again(tmp_path, state):
    """F3 for 104: SIGSTOP; TCP stays up, both watch it, and both end by themselves."""
    peer = subprocess.Popen(
        [sys.executable, "-m", "tests.data.connectors.station"],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": "."},
    )  # fmt: skip
    file, _, book = seen(tmp_path)

    def lasting():
        return {(e.code, e.point) for e in book.events("iec104", lasting=True)}

    async def run():
        far = {"host": "127.0.0.1", "port": int(peer.stdout.readline()), "timeout_s": 0.5,
               "t1_s": 0.4, "t2_s": 0.1, "t3_s": 0.3}  # fmt: skip
        state.interfaces.save(
            wanted("iec104", far, point("C1", "25601", period_s=0.5)), "tester", now()
        )
        async with collecting(tmp_path):
            await until(lambda: running(book, "iec104"))
            peer.send_signal(signal.SIGSTOP)
            await until(lambda: ("silent", "C1") in lasting())
            (event,) = (e for e in book.events(lasting=True) if e.code == "silent")
            (last,) = book.last_values("iec104")
            assert event.began - last.good_at < timedelta(seconds=3 * 0.5 + LOOK_S + 0.5)
            await until(lambda: "t1" in book.health()["iec104"][0].error)
            await until(lambda: ("link", "") in lasting())
            peer.send_signal(signal.SIGCONT)
            back = time.monotonic()
            await until(lambda: running(book, "iec104") and not lasting())
            assert time.monotonic() - back < 10

    try:
        asyncio.run(run())
    finally:
        peer.send_signal(signal.SIGCONT)
        peer.kill()
        peer.wait()
        peer.stdout.close()
    assert set(values(file, "iec104")) == {123456}
    file.close()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_message_is_answered_when_it_is_in_the_spool_and_a_gap_is_asked_for(
    tmp_path, state, version
):
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Broker(folder)
    sender = Sender(broker.port)
    file, pushes, book = seen(tmp_path)
    settings = {
        "host": "127.0.0.1", "port": broker.port, "client_id": "carbon",
        "topics": ["plant/+/up"], "ack_topic": "ack/{device}", "version": version,
    }  # fmt: skip

    async def run():
        state.interfaces.save(wanted("mqtt", settings, point("E1", "E1")), "tester", now())
        async with collecting(tmp_path):
            await until(lambda: running(book, "mqtt"))
            sender.measure(1, 1)
            await until(lambda: sender.answers)
            sender.kept[2] = {"ts": datetime.now(UTC).isoformat(), "seq": 2, "values": {"E1": 2}}
            sender.measure(3, 3)  # the second was never sent
            await until(lambda: 2 in values(file, "mqtt"))
            await until(lambda: not sender.kept)

    try:
        asyncio.run(run())
    finally:
        sender.close()
        broker.kill()
    assert set(values(file, "mqtt")) == {1, 2, 3}
    assert pushes.missing("mqtt") == ()
    assert any(answer.get("missing") == [2] for answer in sender.answers)
    file.close()


def test_production_rows_of_a_view_are_files_that_wait_for_the_store(tmp_path, state, monkeypatch):
    server = started(Postgres)
    monkeypatch.setenv("READER_PASSWORD", READER_PASSWORD)
    file, _, book = seen(tmp_path)
    settings = {
        "url": server.url(), "password": "env:READER_PASSWORD", "view": "v", "cursor": "changed",
        "key": ["id"], "content": "batches", "period_s": 1, "constants": {"site": "S1"},
        "columns": {"batch_id": "id", "date": "day", "line": "line", "mass_in_t": "t"},
    }  # fmt: skip
    try:
        server.execute(
            "CREATE TABLE w(id TEXT, day DATE, line TEXT, t NUMERIC, changed TIMESTAMP)",
            "INSERT INTO w VALUES ('B1', DATE '2026-07-01', 'cable', 5.2, LOCALTIMESTAMP)",
            "CREATE VIEW v AS SELECT * FROM w",
        )
        server.reader("v")

        async def run():
            state.interfaces.save(wanted("sql_view", settings), "tester", now())
            async with collecting(tmp_path):
                await until(lambda: len(Drops(file).waiting()) == 1)
                await asyncio.to_thread(
                    server.execute, "UPDATE w SET t = 4.9, changed = LOCALTIMESTAMP"
                )
                await until(lambda: len(Drops(file).waiting()) == 2)
                await until(lambda: running(book, "sql_view"))

        asyncio.run(run())
    finally:
        server.close()
    drops = Drops(file)
    weighed = [drops.path(one).read_text().splitlines()[1].split(",")[4] for one in drops.waiting()]
    assert weighed == ["5.2", "4.9"]
    assert {one.kind for one in drops.waiting()} == {"batches"}
    file.close()
