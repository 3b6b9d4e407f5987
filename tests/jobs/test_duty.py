"""Readings come in and, without a person, an alarm of each rule is there (clause 6.4)."""

import threading

import pytest

from data import incidents
from data.store import StoreError
from jobs import duty as work
from jobs.duty import LONGEST_S, QUIET_S, Duty
from tests.jobs.faults import FAULTS, FIXED, MACHINE, gap, hours, roof, sun, works
from tests.plant import Plant, moment, opened_home


class Clock:
    """Seconds that a test moves."""

    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


@pytest.fixture
def plant(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        yield Plant(tmp_path, engine)


def raised(plant):
    """What is raised once the duty has looked a few times, nobody doing anything."""
    clock = Clock()
    duty = Duty(plant.engine, threading.Lock(), monotonic=clock)
    while clock.at < 60:
        duty.look()
        clock.at += 3
    return {(one.kind, one.subject) for one in plant.engine.state.incidents.of([plant.site])}


@pytest.mark.parametrize("wanted", list(FAULTS), ids="-".join)
def test_each_rule_raises_its_alarm_without_a_person(plant, wanted):
    FAULTS[wanted](plant, FIXED)
    assert wanted in raised(plant)
    sent = plant.engine.state.outbox.waiting("anywhere", 99)
    assert any(f'"kind": "{wanted[0]}"' in row.body and '"raise"' in row.body for row in sent)


def test_every_rule_has_its_case():
    assert [rule for rule, _ in FAULTS] == list(incidents.RULES)


# ---- what is no alarm ----


def test_the_sun_sets_without_an_alarm(plant):
    roof(plant)
    plant.readings(hours(FIXED, "P", 60, sun))
    assert raised(plant) == set()


def test_an_inverter_that_sleeps_is_no_alarm_and_one_that_is_lost_by_day_is(plant):
    roof(plant)
    asleep = [row for row in hours(FIXED, "P", 60, sun) if 6 <= int(row[1][11:13]) <= 18]
    plant.readings([row for row in asleep
                    if not "2026-02-10 09:30" < row[1] < "2026-02-10 14:30"])  # fmt: skip
    assert raised(plant) == {("A6", "P")}
    (one,) = plant.engine.state.incidents.of([plant.site])
    assert (one.since, one.until) == (moment("2026-02-10 09:00"), moment("2026-02-10 14:00"))


STILL = range(42, 54)  # from a Monday to the Friday of the week after


@pytest.mark.parametrize("kind", ["holiday", "shutdown", None])
@pytest.mark.parametrize("load", [0.0, 1.0], ids=["off", "idle"])
def test_a_declared_standstill_is_no_alarm_and_another_one_is(plant, kind, load):
    plant.meters(MACHINE)
    if kind:
        plant.put("calendar", ("site", "date_from", "date_to", "kind"),
                  [("S1", "2026-02-16", "2026-02-27", kind)])  # fmt: skip
    plant.readings(hours(FIXED, "M", 75, lambda d, h: works(5, h) * load if d in STILL
                         else works(d, h)))  # fmt: skip
    assert bool(raised(plant)) == (kind is None)


def test_steady_readings_raise_nothing(plant):
    plant.meters(MACHINE)
    plant.readings(hours(FIXED, "M", 75, works))
    assert raised(plant) == set()


# ---- when ----


def test_it_waits_until_it_is_quiet_but_not_for_long(plant, monkeypatch):
    done = []
    monkeypatch.setattr(work, "settle", lambda engine: done.append(clock.at))
    clock = Clock()
    duty = Duty(plant.engine, threading.Lock(), monotonic=clock)
    gap(plant, FIXED)
    while not done and clock.at < 100:
        duty.look()
        plant.engine.store.write(lambda cursor: cursor.execute("SELECT 1"))  # something comes in
        clock.at += 3
    assert LONGEST_S <= done[0] < LONGEST_S + 4
    done.clear()
    duty = Duty(plant.engine, threading.Lock(), monotonic=clock)
    begun = clock.at
    while not done:
        duty.look()
        clock.at += 3
    assert QUIET_S <= done[0] - begun < QUIET_S + 4


def test_a_command_that_writes_is_not_disturbed(plant):
    writing, clock = threading.Lock(), Clock()
    duty = Duty(plant.engine, writing, monotonic=clock)
    gap(plant, FIXED)
    with writing:
        for _ in range(30):
            duty.look()
            clock.at += 3
        assert plant.engine.state.incidents.everything() == []
    duty.look()
    assert len(plant.engine.state.incidents.everything()) == 1


def test_what_failed_is_tried_again(plant, monkeypatch):
    clock = Clock()
    duty = Duty(plant.engine, threading.Lock(), monotonic=clock)
    gap(plant, FIXED)

    def full(_engine):
        raise StoreError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(work, "settle", full)
        duty.look()
        clock.at += QUIET_S + 1
        with pytest.raises(StoreError):
            duty.look()
    for _ in range(5):
        clock.at += 3
        duty.look()
    assert len(plant.engine.state.incidents.everything()) == 1
    records = [r for r in plant.engine.state.audit.records() if r.event == "ledger.settle"]
    assert [r.outcome for r in records] == ["intent", "failure", "intent", "success"]


def test_the_disk_is_told_of_and_recovers(plant):
    duty = Duty(plant.engine, threading.Lock())
    gb = 1 << 30
    duty.room(50 * gb, 100 * gb)
    assert plant.engine.state.incidents.of([""]) == []
    duty.room(5 * gb, 100 * gb)
    duty.room(5 * gb, 100 * gb)
    (one,) = plant.engine.state.incidents.of([""])
    assert (one.kind, one.level, one.status) == ("disk", "warn", "open")
    duty.room(1 << 20, 100 * gb)
    assert plant.engine.state.incidents.find(one.incident).level == "critical"
    duty.room(50 * gb, 100 * gb)
    assert plant.engine.state.incidents.find(one.incident).status == "closed"


def test_a_step_of_the_servers_clock_is_an_issue_that_only_a_person_closes(plant):
    duty = Duty(plant.engine, threading.Lock())
    duty.stepped("-7200.0 s: 2026-03-01T10:00:00 > 2026-03-01T08:00:00")
    duty.interfaces()  # what it finds at its start is of interfaces alone

    (one,) = plant.engine.state.incidents.of([plant.site, ""])
    assert (one.kind, one.subject, one.level) == ("clock", "server", "critical")
    assert one.holds
    assert "-7200" in one.detail
