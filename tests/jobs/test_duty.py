"""Readings come in and, without a person, an alarm of each rule is there (clause 6.4)."""

import threading
from datetime import timedelta

import pytest

from data import incidents
from data.store import StoreError
from jobs import duty as work
from jobs.duty import LONGEST_S, QUIET_S, Duty
from tests.plant import Plant, meter, moment, opened_home, series

GRID = meter("G", role="grid_import")
LOAD = meter("C", parent_id="G")
WATER = meter("W", medium="water", unit="m3", rated_max_per_hour=8)
HOURLY = {"reading_kind": "interval", "step_min": 60}
MACHINE = meter("M", building="plant", **HOURLY)
OFFICE = meter("O", building="office", group="office", **HOURLY)
PV = meter("P", role="pv_generation", **HOURLY)
FIRST = "2026-01-05 00:00"  # a Monday
DEVICES = ("device_id", "site", "kind", "capacity", "unit", "in_service_from")


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


def grown(meter_id, start="2026-03-01 00:00", end="2026-04-01 00:00", **more):
    return series(meter_id, moment(start), moment(end), **more)


def hours(meter_id, days, profile):
    """Hourly quantities; the profile gives one from day and hour."""
    begin = moment(FIRST)
    found = []
    for n in range(24 * days):
        day, hour = divmod(n, 24)
        at = begin + timedelta(hours=n + 1)
        found.append((meter_id, f"{at:%Y-%m-%d %H:%M}", f"{profile(day, hour):.2f}"))
    return found


def works(day, hour):
    """A machine from Monday to Friday, its load never quite the same."""
    wobble = ((day * 7 + hour * 3) % 11) / 10
    return 40 + wobble if day % 7 < 5 and 8 <= hour < 18 else 2 + wobble / 10


def spike(plant):
    plant.meters(MACHINE)
    plant.readings(hours("M", 75, lambda d, h: 400 if (d, h) == (73, 11) else works(d, h)))


def drift(plant):
    plant.meters(OFFICE)
    plant.readings(hours("O", 90, lambda d, h: works(d, h) * (1.5 if d >= 75 else 1)))


def flat(plant):
    plant.meters(MACHINE)
    plant.readings(hours("M", 60, lambda d, h: 41.37 if d == 57 and 6 <= h < 20 else works(d, h)))


def reset(plant):
    plant.meters(GRID)
    plant.readings(grown("G", end="2026-03-10 06:00", value=5000.0)
                   + grown("G", start="2026-03-10 06:15", value=3.0))  # fmt: skip


def nights(plant):
    plant.meters(MACHINE)
    plant.readings(hours(
        "M", 60, lambda d, h: 14.0 + h / 10 if d >= 55 and (h < 6 or h >= 22) else works(d, h)
    ))  # fmt: skip


def gap(plant):
    plant.meters(GRID)
    plant.readings([row for row in grown("G")
                    if not "2026-03-05 10:00" < row[1] < "2026-03-05 16:00"])  # fmt: skip


def unbalanced(plant):
    plant.meters(GRID, LOAD)
    plant.readings(grown("G") + grown("C", per_step=0.8))


def leak(plant):
    plant.meters(WATER)
    plant.readings(grown("W", per_step=0.05))


def tank(plant):
    plant.meters(GRID)
    plant.readings(grown("G"))
    plant.put("fuel", ("fuel_id", "site", "timestamp", "litres", "kind"),
              [("1", "S1", "2026-03-01 00:00", 500, "dip"),
               ("2", "S1", "2026-03-04 10:00", 2000, "delivery"),
               ("3", "S1", "2026-03-20 10:00", 900, "use"),
               ("4", "S1", "2026-04-01 00:00", 1500, "dip")])  # fmt: skip


def sun(day, hour, share=1.0):
    return max(0.0, 60 - (hour - 12) ** 2 * 2 + day % 5) * share if 6 <= hour <= 18 else 0.0


def shaded(plant):
    plant.meters(PV)
    plant.put("devices", DEVICES, [("roof", "S1", "pv", 100, "kWp", "2020-01-01")])
    plant.readings(hours("P", 60, lambda d, h: sun(d, h, 0.05 if d >= 56 else 1.0)))


def masses(plant):
    plant.meters(GRID)
    plant.readings(grown("G"))
    plant.put("batches", ("batch_id", "site", "date", "line", "mass_in_t", "residue_t"),
              [("B1", "S1", "2026-03-06", "cable", 10, "")])  # fmt: skip
    plant.put("outputs", ("batch_id", "material", "mass_t", "fate"), [("B1", "copper", 9, "sold")])


FAULTS = {
    ("A1", "M"): spike, ("A2", "O"): drift, ("A3", "M"): flat, ("A4", "G"): reset,
    ("A5", "M"): nights, ("A6", "G"): gap, ("A7", "site"): unbalanced, ("A8", "W"): leak,
    ("A9", "diesel"): tank, ("A10", "P"): shaded, ("A11", "B1"): masses,
}  # fmt: skip


@pytest.mark.parametrize("wanted", list(FAULTS), ids="-".join)
def test_each_rule_raises_its_alarm_without_a_person(plant, wanted):
    FAULTS[wanted](plant)
    assert wanted in raised(plant)
    sent = plant.engine.state.outbox.waiting("anywhere", 99)
    assert any(f'"kind": "{wanted[0]}"' in row.body and '"raise"' in row.body for row in sent)


def test_every_rule_has_its_case():
    assert [rule for rule, _ in FAULTS] == list(incidents.RULES)


# ---- what is no alarm ----


def test_the_sun_sets_without_an_alarm(plant):
    plant.meters(PV)
    plant.put("devices", DEVICES, [("roof", "S1", "pv", 100, "kWp", "2020-01-01")])
    plant.readings(hours("P", 60, sun))
    assert raised(plant) == set()


@pytest.mark.parametrize("kind", ["holiday", "shutdown"])
def test_a_declared_standstill_is_no_alarm(plant, kind):
    plant.meters(MACHINE)
    plant.put("calendar", ("site", "date_from", "date_to", "kind"),
              [("S1", "2026-02-16", "2026-02-27", kind)])  # fmt: skip
    still = range(42, 54)
    plant.readings(hours("M", 75, lambda d, h: works(5 if d in still else d, h)))
    assert raised(plant) == set()


def test_steady_readings_raise_nothing(plant):
    plant.meters(MACHINE)
    plant.readings(hours("M", 75, works))
    assert raised(plant) == set()


# ---- when ----


def test_it_waits_until_it_is_quiet_but_not_for_long(plant, monkeypatch):
    done = []
    monkeypatch.setattr(work, "settle", lambda engine: done.append(clock.at))
    clock = Clock()
    duty = Duty(plant.engine, threading.Lock(), monotonic=clock)
    gap(plant)
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
    gap(plant)
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
    gap(plant)

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
