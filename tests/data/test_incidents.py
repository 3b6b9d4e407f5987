"""Alarm issues: raised, merged, handled, closed by themselves and back, whatever is settled."""

import json
from datetime import datetime, timedelta

import pytest

from data import incidents
from data.incidents import Found, joined, steps
from data.state import Incident, NotHandled, now
from data.store import StoreError
from tests.plant import Plant, meter, moment, opened_home, series

AT = datetime(2026, 3, 31)
GRID = meter("G", role="grid_import")
LOAD = meter("C", parent_id="G")


@pytest.fixture
def plant(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        yield Plant(tmp_path, engine)


def found(since, until, kind="A6", subject="G", level="warn", holds=False, shown=8.0, hits=1):
    return Found(kind, subject, "electricity", level, moment(since), moment(until), shown, 3.0,
                 "h", hits, holds)  # fmt: skip


def issue(number, since, until, status="open", **more):
    values = {"closed_by": "", "reason": "", "assignee": "", "level": "warn", "holds": False,
              "kind": "A6", "subject": "G", "shown": 8.0}  # fmt: skip
    values |= more
    return Incident(
        incident=number, site="S1", medium="electricity", since=moment(since), until=moment(until),
        threshold=3.0, unit="h", hits=1, detail="", effect_kgco2e=None, effect_on="emission",
        status=status, raised_at=AT, changed_at=AT, closed_at=None, **values,
    )  # fmt: skip


def planned(known, alarms, cause="late data", horizon=AT):
    return [
        (one.incident, one.act, one.words)
        for one in steps(known, joined(alarms), horizon, lambda _: cause, AT)
    ]


# ---- what belongs together ----


def test_alarms_that_overlap_or_touch_are_one_and_others_are_not():
    one = joined([
        found("2026-03-05 10:00", "2026-03-05 12:00", level="info"),
        found("2026-03-05 12:00", "2026-03-05 14:00", shown=9.0),
        found("2026-03-05 15:00", "2026-03-05 16:00"),
        found("2026-03-05 11:00", "2026-03-05 13:00", subject="C"),
    ])  # fmt: skip
    told = [(a.subject, a.since.hour, a.until.hour, a.level, a.shown, a.hits) for a in one]
    assert told == [("G", 10, 14, "warn", 9.0, 2), ("C", 11, 13, "warn", 8.0, 1),
                    ("G", 15, 16, "warn", 8.0, 1)]  # fmt: skip


def test_what_is_new_is_raised_and_what_was_over_long_ago_is_closed_at_once():
    assert planned([], [found("2026-03-05 10:00", "2026-03-05 14:00")]) == [(0, "raise", "")]
    assert planned([], [found("2025-03-05 10:00", "2025-03-05 14:00")]) == [(0, "raise", "history")]
    held = found("2025-03-05 10:00", "2025-03-05 14:00", holds=True)
    assert planned([], [held]) == [(0, "raise", "")]
    told = found("2026-03-05 10:00", "2026-03-05 14:00", level="info")
    assert planned([], [told]) == [(0, "raise", "recovered")]


def test_an_issue_is_found_again_by_overlap_whatever_its_ends():
    old = issue(7, "2026-03-05 10:00", "2026-03-05 14:00")
    assert planned([old], [found("2026-03-05 10:00", "2026-03-05 14:00")]) == []
    assert planned([old], [found("2026-03-05 09:00", "2026-03-05 12:00")]) == [(7, "", "")]
    apart = found("2026-03-05 15:00", "2026-03-05 16:00")
    assert planned([old], [apart]) == [(0, "raise", ""), (7, "vanish", "vanish:late data")]


def test_two_issues_that_turn_out_to_be_one_are_merged_and_one_that_is_two_is_split():
    first, second = (issue(n, f"2026-03-05 {h}:00", f"2026-03-05 {h + 2}:00")
                     for n, h in ((1, 10), (2, 14)))  # fmt: skip
    whole = found("2026-03-05 10:00", "2026-03-05 16:00")
    assert planned([first, second], [whole]) == [(1, "", ""), (2, "merge", "merged:1")]
    parts = [found("2026-03-05 10:00", "2026-03-05 11:00"),
             found("2026-03-05 15:00", "2026-03-05 16:00")]  # fmt: skip
    long = issue(3, "2026-03-05 10:00", "2026-03-05 16:00")
    assert planned([long], parts) == [(3, "", ""), (0, "raise", "")]


def test_a_graver_alarm_says_so_and_a_closed_one_stays_closed():
    old = issue(1, "2026-03-05 10:00", "2026-03-05 14:00", level="info", holds=True)
    worse = found("2026-03-05 10:00", "2026-03-05 20:00")
    assert planned([old], [worse]) == [(1, "change", "info>warn")]
    closed = issue(1, "2026-03-05 10:00", "2026-03-05 14:00", "closed", closed_by="ana",
                   reason="repaired")  # fmt: skip
    assert planned([closed], [worse]) == [(1, "", "")]
    assert planned([closed], []) == []


def test_what_vanished_comes_back_and_what_recovered_does_not_by_itself():
    gone = issue(1, "2026-03-05 10:00", "2026-03-05 14:00", "closed", closed_by="system",
                 reason="vanish:correction")  # fmt: skip
    same = found("2026-03-05 10:00", "2026-03-05 14:00")
    assert planned([gone], [same]) == [(1, "return", "")]
    over = issue(1, "2026-03-05 10:00", "2026-03-05 14:00", "closed", closed_by="system",
                 reason="recovered")  # fmt: skip
    assert planned([over], [same]) == []
    on = found("2026-03-05 10:00", "2026-03-05 18:00", holds=True)
    assert planned([over], [on]) == [(1, "return", "")]


# ---- over the store ----


def grown(meter_id, end="2026-04-01 00:00", **more):
    return series(meter_id, moment("2026-03-01 00:00"), moment(end), **more)


def without(rows, since, until):
    return [row for row in rows if not since < row[1] < until]


def test_an_alarm_keeps_its_history_when_it_vanishes_and_comes_back(plant):
    engine, state = plant.engine, plant.engine.state
    plant.meters(GRID)
    whole = grown("G")
    plant.readings(without(whole, "2026-03-05 06:00", "2026-03-07 10:00"))
    plant.settle()
    assert incidents.follow(engine, AT) == 1
    (one,) = state.incidents.of(["S1"])
    assert (one.kind, one.subject, one.level, one.status) == ("A6", "G", "warn", "open")
    assert one.effect_kgco2e == 0.0  # the register told afterwards what went through
    assert state.incidents.handle(one.incident, "assign", "ana", AT, "k1", assignee="李班长")
    assert incidents.follow(engine, AT) == 0
    plant.readings([row for row in whole if "2026-03-05 06:00" < row[1] < "2026-03-07 10:00"])
    plant.settle()
    assert incidents.follow(engine, AT) == 1
    (gone,) = state.incidents.of(["S1"])
    assert (gone.incident, gone.status, gone.reason) == (one.incident, "closed", "vanish:late data")
    acts = [event.act for event in state.incidents.history(one.incident)]
    assert acts == ["raise", "assign", "vanish"]
    assert incidents.follow(engine, AT) == 0
    told = [json.loads(row.body)["event"] for row in state.outbox.waiting("x", 9)]
    assert told == acts


def test_a_gap_that_lasts_is_sized_by_what_is_usual(plant):
    plant.meters(GRID, LOAD)
    plant.readings(grown("G", end="2026-03-31 12:00") + grown("C", per_step=0.95))
    plant.settle()
    incidents.follow(plant.engine, AT)
    (one,) = [a for a in plant.engine.state.incidents.of(["S1"]) if a.kind == "A6"]
    factor = one.effect_kgco2e / (12 * 4.0)
    assert one.holds
    assert 0.4 < factor < 0.9  # 12 h of 4 kWh, the province's factor


def test_the_audit_trail_has_one_record_of_a_sitting_and_the_numbers_are_in_it(plant):
    plant.meters(GRID)
    plant.readings(without(grown("G"), "2026-03-05 06:00", "2026-03-07 10:00"))
    plant.settle()
    before, _ = plant.engine.state.audit.head()
    incidents.follow(plant.engine, AT)
    records = list(plant.engine.state.audit.records(before, 9))
    assert [(r.event, r.object, r.description) for r in records] == [
        ("alarm.follow", "S1", "raise=1")
    ]


# ---- what people do ----


@pytest.fixture
def one(plant):
    incidents.raise_alarm(plant.engine, "silence", "P1", "warn", "3 periods", AT, "S1")
    (found,) = plant.engine.state.incidents.of(["S1"])
    return plant.engine.state, found.incident


def test_the_life_of_an_issue(one):
    state, number = one
    step = state.incidents.handle
    assert step(number, "note", "ana", AT, "k1", words="called")
    assert step(number, "assign", "ana", AT, "k2", assignee="bo")
    assert not step(number, "assign", "ana", AT, "k2", assignee="bo")  # the form came twice
    assert step(number, "close", "ana", AT + timedelta(hours=3), "k3", words="gateway restarted")
    found = state.incidents.find(number)
    assert (found.status, found.reason, found.closed_by, found.assignee) == (
        "closed", "gateway restarted", "ana", "bo",
    )  # fmt: skip
    assert state.incidents.durations_h(["S1"])[number] == 3.0
    assert step(number, "reopen", "ana", AT, "k4", words="it is back")
    assert state.incidents.find(number).status == "working"
    acts = [(e.act, e.actor, e.status) for e in state.incidents.history(number)]
    assert acts == [
        ("raise", "system", "open"), ("note", "ana", "open"), ("assign", "ana", "working"),
        ("close", "ana", "closed"), ("reopen", "ana", "working"),
    ]  # fmt: skip
    assert [r.event for r in state.audit.records() if r.event.startswith("alarm.")] == [
        "alarm.follow", "alarm.note", "alarm.assign", "alarm.close", "alarm.reopen",
    ]  # fmt: skip


@pytest.mark.parametrize(("act", "more", "reason"), [
    ("close", {}, "words"), ("note", {}, "words"), ("assign", {}, "assignee"),
    ("reopen", {"words": "x"}, "not_closed"), ("delete", {"words": "x"}, "act"),
])  # fmt: skip
def test_what_cannot_be_done_changes_and_records_nothing(one, act, more, reason):
    state, number = one
    before = state.audit.head()
    with pytest.raises((NotHandled, ValueError)) as refused:
        state.incidents.handle(number, act, "ana", AT, "k", **more)
    assert getattr(refused.value, "reason", reason) == reason
    assert state.audit.head() == before
    assert len(state.incidents.history(number)) == 1


def test_history_cannot_be_rewritten(one):
    state, _ = one
    with state.engine.connect() as connection, pytest.raises(Exception, match="not authorized"):
        connection.exec_driver_sql("UPDATE incident_event SET words = 'x'")


def test_an_open_issue_of_the_system_is_renewed_not_repeated(plant):
    engine = plant.engine

    def raised(level="warn", minutes=0):
        at = AT + timedelta(minutes=minutes)
        return incidents.raise_alarm(engine, "silence", "P1", level, "no answer", at)

    assert (raised(), raised(minutes=5), raised("critical", 9)) == (1, 0, 1)
    (one,) = engine.state.incidents.of([""])
    assert (one.level, one.until, one.site) == ("critical", AT + timedelta(minutes=9), "")
    assert incidents.clear(engine, "silence", "P1", AT + timedelta(minutes=10)) == 1
    assert incidents.clear(engine, "silence", "P1", AT + timedelta(minutes=11)) == 0
    assert engine.state.incidents.find(one.incident).reason == "recovered"
    assert raised(minutes=20) == 1
    assert len(engine.state.incidents.of([""])) == 2


def test_what_somebody_works_on_is_his_to_close(plant):
    engine = plant.engine
    incidents.raise_alarm(engine, "disk", "data", "warn", "9%", AT)
    (one,) = engine.state.incidents.of([""])
    engine.state.incidents.handle(one.incident, "assign", "ana", now(), "k", assignee="ana")
    assert incidents.clear(engine, "disk", "data", AT) == 1
    kept = engine.state.incidents.find(one.incident)
    assert (kept.status, kept.holds) == ("working", False)
    assert incidents.raise_alarm(engine, "disk", "data", "warn", "8%", AT) == 1
    assert len(engine.state.incidents.of([""])) == 1


def test_issues_follow_only_what_was_kept(plant, monkeypatch):
    def broken(*_args):
        raise StoreError("disk full")

    monkeypatch.setattr(incidents, "_alarms", broken)
    with pytest.raises(StoreError):
        incidents.follow(plant.engine, AT)
    assert plant.engine.state.incidents.everything() == []
