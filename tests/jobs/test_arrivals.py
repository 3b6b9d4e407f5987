"""The drain's clockwork: settled once it is quiet, told where it cannot, a child that is kept."""

from __future__ import annotations

import shutil
import sys
import threading
from datetime import UTC, datetime

from data.collector import only_one
from data.digest import file_digest
from data.dropped import WAITING, Drop, Drops
from data.state import now
from data.store import StoreError
from jobs.arrivals import FILES_AGAIN_S, STALLED_S, Arrivals
from jobs.collector_child import CollectorChild
from jobs.duty import Duty, due
from settings import Settings
from tests.data.arrivals import codes, plant, push, reading, stored, wanted

NOW = datetime(2026, 7, 1, tzinfo=UTC)


class Seconds:
    def __init__(self):
        self.at = 100.0

    def __call__(self):
        return self.at


def arrivals(made, seconds):
    return Arrivals(made.engine, threading.Lock(), lambda: NOW, seconds)


def test_what_comes_is_loaded_and_due_to_be_settled(tmp_path):
    with plant(tmp_path) as made:
        work = arrivals(made, Seconds())
        work.drain()
        assert not due(made.engine)
        push(made, "a", [reading(15 * n, n) for n in range(97)])
        work.drain()
        assert due(made.engine)
        duty = Duty(made.engine, threading.Lock())
        duty.work()
        assert made.ledger()
        assert not due(made.engine)


def test_what_an_interface_tells_is_an_issue_as_long_as_it_lasts(tmp_path):
    with plant(tmp_path) as made:
        duty, links = Duty(made.engine, threading.Lock()), made.engine.links
        links.raised("link", NOW, "refused", interface="house")
        links.raised("silent", NOW, "", interface="house", point="P1")
        duty.interfaces()

        def issues():
            return {(i.kind, i.subject, i.status) for i in made.engine.state.incidents.everything()}

        assert issues() == {("silence", "house", "open"), ("silence", "house/P1", "open")}
        assert "接口断开 refused" in {i.detail for i in made.engine.state.incidents.everything()}
        before = made.engine.state.audit.head()[0]
        duty.interfaces()
        assert made.engine.state.audit.head()[0] == before
        links.ended("link", NOW, interface="house")
        duty.interfaces()
        assert ("silence", "house", "closed") in issues()
        links.ended("silent", NOW, interface="house", point="P1")
        Duty(made.engine, threading.Lock()).interfaces()  # after a restart
        assert ("silence", "house/P1", "closed") in issues()


def test_a_store_that_cannot_be_written_is_told_and_ends_nothing(tmp_path, monkeypatch):
    with plant(tmp_path) as made:
        work = arrivals(made, Seconds())

        def full(*_words):
            raise StoreError("disk full")

        push(made, "a", [reading(0, 1)])
        with monkeypatch.context() as broken:
            broken.setattr(made.engine.store, "write", full)
            work.drain()
        assert codes(made) == ["drain"]
        work.drain()
        assert "drain" not in codes(made)


def test_a_store_that_is_held_is_told_and_holds_up_no_sender(tmp_path):
    """F9: who pushes is acknowledged, an issue is raised, and all comes in order after."""
    with plant(tmp_path) as made:
        seconds, held, free = Seconds(), threading.Event(), threading.Event()
        work, duty = arrivals(made, seconds), Duty(made.engine, threading.Lock())
        work.drain()

        def hold(_cursor):
            held.set()
            free.wait(30)

        holder = threading.Thread(target=made.engine.store.write, args=(hold,), daemon=True)
        holder.start()
        assert held.wait(10)
        for n in range(10):
            assert not push(made, str(n), [reading(15 * n, n)]).duplicate
        drain = threading.Thread(target=work.drain, daemon=True)
        drain.start()
        work.look()
        assert codes(made) == []  # for a minute nobody is bothered
        seconds.at += STALLED_S + 1
        work.look()
        duty.interfaces()
        assert codes(made) == ["collector", "stall"]
        issues = {(i.kind, i.level, i.status) for i in made.engine.state.incidents.everything()}
        assert ("intake", "critical", "open") in issues
        free.set()
        holder.join()
        drain.join()
        assert [value for _, value, _ in stored(made)] == list(range(10))
        work.look()
        assert codes(made) == ["collector"]


def dropped(made, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("meter_id,timestamp,value\nM1,2026-01-05 00:00,1\n", encoding="utf-8")
    drops = Drops(made.engine.arrivals)
    return drops, drops.take(Drop(0, "house", "readings", "S1", "a.csv", file_digest(path), False,
                                  WAITING, ""), path, NOW)  # fmt: skip


def test_a_file_that_finds_no_room_waits_and_is_tried_again_later(tmp_path, monkeypatch):
    """The disk's floor: nothing is written, readings go on, and not every second is recorded."""
    with plant(tmp_path) as made:
        seconds = Seconds()
        work, (drops, drop) = arrivals(made, seconds), dropped(made, tmp_path)
        push(made, "a", [reading(0, 1)])
        before, usage = made.engine.state.audit.head()[0], shutil.disk_usage(tmp_path)
        with monkeypatch.context() as low:
            low.setattr("data.engine.shutil.disk_usage", lambda _: usage._replace(free=1 << 20))
            for _ in range(5):
                work.drain()
                seconds.at += 1
        assert len(stored(made)) == 1
        assert codes(made) == ["file"]
        records = made.engine.state.audit.records(before)
        assert [r.outcome for r in records if r.event == "data.import"] == ["intent", "failure"]
        assert drops.waiting() == [drop]
        seconds.at += FILES_AGAIN_S
        work.drain()
        assert drops.waiting() == []
        assert codes(made) == []


def test_a_file_waits_for_who_writes_and_readings_do_not(tmp_path):
    with plant(tmp_path) as made:
        writing = threading.Lock()
        work = Arrivals(made.engine, writing, lambda: NOW, Seconds())
        drops, drop = dropped(made, tmp_path)
        push(made, "a", [reading(0, 1)])
        with writing:
            work.drain()
        assert len(stored(made)) == 1
        assert drops.waiting() == [drop]
        work.drain()
        assert drops.waiting() == []


def child(tmp_path, made, code, seconds):
    settings = Settings(home=tmp_path / "home")
    return CollectorChild(settings, made.engine.state.interfaces, [sys.executable, "-c", code],
                          seconds)  # fmt: skip


WAITS = "import sys; sys.stdin.read()"


def test_a_child_is_started_restarted_later_each_time_and_stopped(tmp_path):
    with plant(tmp_path) as made:
        seconds = Seconds()
        kept = child(tmp_path, made, "raise SystemExit(3)", seconds)
        kept.look()
        starts = 0
        for _ in range(60):
            before = kept._child
            if before is not None:
                before.wait()
            kept.look()
            starts += kept._child is not None and kept._child is not before
            seconds.at += 1
        assert 3 <= starts <= 7
        kept.stop()


def test_a_child_ends_with_its_interfaces_and_without_orphans(tmp_path):
    with plant(tmp_path) as made:
        kept = child(tmp_path, made, WAITS, Seconds())
        kept.look()
        process = kept._child
        assert kept.pid
        made.engine.state.interfaces.switch("house", "t", now(), on=False)
        kept.look()
        assert process.returncode == 0
        assert kept.pid is None


def test_a_collector_of_its_own_service_is_left_alone(tmp_path):
    with plant(tmp_path) as made, only_one(tmp_path / "home"):
        kept = child(tmp_path, made, WAITS, Seconds())
        kept.look()
        assert kept.pid is None


def test_without_interfaces_there_is_no_child(tmp_path):
    with plant(tmp_path) as made:
        made.engine.state.interfaces.save(wanted([], interface="x"), "t", now())
        for name in ("x", "house"):
            made.engine.state.interfaces.remove(name, "t", now())
        kept = child(tmp_path, made, WAITS, Seconds())
        kept.look()
        assert kept.pid is None


def test_a_collector_that_is_being_started_is_no_alarm_and_one_that_stays_away_is(tmp_path):
    with plant(tmp_path) as made:
        seconds = Seconds()
        work = arrivals(made, seconds)
        work.look()
        assert "collector" not in codes(made)
        seconds.at += 11
        work.look()
        assert "collector" in codes(made)
        with only_one(tmp_path / "home"):
            seconds.at += 11
            work.look()
            assert "collector" not in codes(made)


def test_what_a_push_tells_is_an_issue_of_its_site(tmp_path):
    with plant(tmp_path) as made:
        made.engine.links.raised("skew", NOW, "-7200 s", interface="rest:S1")
        Duty(made.engine, threading.Lock()).interfaces()
        (one,) = made.engine.state.incidents.of(["S1"])
        assert (one.kind, one.subject, one.site) == ("clock", "rest:S1", "S1")
