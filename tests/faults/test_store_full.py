"""The store's disk is full and the spool's is not (F9): who sends is acknowledged all the while."""

from __future__ import annotations

import shutil
import time

import pytest

from data.link_book import LinkBook
from data.spool_file import SpoolFile
from data.state import State, now
from tests.api.client import Program, made_key, readings
from tests.api.gateways import Gateway, interface, meters_of, running
from tests.cli import serving
from tests.data.connectors.broker import Broker
from tests.faults.test_disk import fill, small_disk
from tests.plant import Plant, meter, opened_home

__all__ = ["small_disk"]
SQLITE = ("spool.db", "state.db")


def apart(home, elsewhere):
    """Let spool and state lie on another disk than the store, as a plant with two disks has it."""
    elsewhere.mkdir()
    for name in SQLITE:
        for path in home.glob(f"{name}*"):
            shutil.move(path, elsewhere / path.name)
        (home / name).symlink_to(elsewhere / name)


def becomes(true, limit_s=40):
    until = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < until, "did not become so in time"
        time.sleep(0.2)


@pytest.mark.larger
def test_messages_are_taken_an_alarm_is_raised_and_all_comes_in_order(small_disk, tmp_path):
    home, elsewhere = small_disk / "home", tmp_path / "elsewhere"
    broker = Broker(tmp_path)
    with opened_home(home, disk_floor_mb=0) as engine:
        Plant(tmp_path, engine).meters(meter("P", role="grid_import", register_max=10**9),
                                       *map(meter, meters_of(0, POINTS)))  # fmt: skip
        engine.state.interfaces.save(interface(broker.port, 0, POINTS), "t", now())
    apart(home, elsewhere)
    try:
        with serving(home, CARBON_DISK_FLOOR_MB="0") as port:
            _through_a_full_disk(home, small_disk / "ballast", broker, port)
    finally:
        broker.kill()
    with opened_home(home, disk_floor_mb=0) as engine, engine.store.read() as cursor:
        found = dict(cursor.execute(
            "SELECT n.meter_id, list(r.value ORDER BY r.batch, r.ts) FROM reading r "
            "JOIN meter_number n USING (meter) GROUP BY ALL"
        ).fetchall())  # fmt: skip
    assert found == {"P": [0, 1]} | dict.fromkeys(meters_of(0, POINTS), list(range(MESSAGES)))


MESSAGES, POINTS = 400, 10


def _through_a_full_disk(home, ballast, broker, port):
    file, state = SpoolFile(home), State(home)
    book, program = LinkBook(file), Program(port, made_key(home, "ingest:meter"))

    def lasting():
        return {event.code for event in book.events(lasting=True)}

    def waiting():
        return file.select("SELECT count(*) FROM pushed WHERE drained_us IS NULL")[0][0]

    def issues(status):
        found = state.incidents.everything()
        return [i for i in found if (i.kind, i.status) == ("intake", status)]

    try:
        becomes(lambda: running(home, 1))
        gateway = Gateway(broker.port, 0, POINTS)
        fill(ballast, 0)
        for _ in range(MESSAGES):
            gateway.publish()
        becomes(lambda: not gateway.sender.kept)  # every message is answered
        status, headers, _ = program.ask("POST", "/readings", readings("P", 0, 2))
        assert (status, "Retry-After" in headers) == (503, True)
        becomes(lambda: "drain" in lasting())
        becomes(lambda: issues("open"))
        assert waiting() > 0
        ballast.unlink()
        becomes(lambda: waiting() == 0)
        becomes(lambda: "drain" not in lasting())
        becomes(lambda: issues("closed") and not issues("open"))
        assert program.insist("/readings", readings("P", 0, 2))["accepted"] == 2
        becomes(lambda: waiting() == 0)
        gateway.sender.close()
    finally:
        program.close()
        state.close()
        file.close()
