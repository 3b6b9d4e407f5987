"""What changed since a time: planted changes are told, each once, and nothing else is."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from data import closing
from data.export import Wanted, ledger_rows
from data.queries import site_documents
from data.since import (
    Approved,
    Held,
    Known,
    Missed,
    MonthStep,
    NewAlarm,
    NewFactor,
    Raised,
    Restatement,
    Step,
    Stopped,
    changes,
    digest,
)
from data.state import NewAccount, State, Visits
from security import passwords
from tests.data.test_book import change_factor, made
from tests.plant import moment, opened_home, series

EMISSION = ("emission", "site", "site")
ENERGY = ("energy", "site", "site")
WATER = ("water", "site", "site")
CABLE = ("reduction", "line", "cable")
REDUCTION = ("reduction", "site", "site")
KEYS = (EMISSION, ENERGY, REDUCTION, CABLE)
MONTHS = [f"2026-{n:02d}" for n in range(1, 10)]
T0 = datetime(2026, 10, 1)
T1 = T0 + timedelta(days=3)
TARGET = ("site", "indicator", "dimension", "entity", "period", "value", "kind")


def clock():
    return datetime.now(UTC).replace(tzinfo=None)


# ---- the comparison, which reads nothing ----


def base(rng):
    figures = {
        ("S1", key, month): Held(f"{key[0]}{key[1]}{month}-1", rng.uniform(50, 150),
                                 "kgCO2e", month == MONTHS[-1], "", T0)
        for key in (*KEYS, WATER) for month in MONTHS
    }  # fmt: skip
    alarm = ("S1", "A6", "M1", "warn", datetime(2026, 9, 1))
    return Known(
        T0, figures, {alarm: Raised("electricity", datetime(2026, 9, 2), 5.0, 3.0, "h", False)},
        {("S1", WATER, "budget", MONTHS[0]): 1000.0, ("S1", REDUCTION, "target", MONTHS[0]): 1.0},
        {("S1", "M9"): datetime(2026, 8, 1)},
        {("S1", MONTHS[0]): Step("locked", "ana", T0, "")},
        {"F0": Approved(1, "2", "kg", "bob", T0)},
    )  # fmt: skip


def quiet(rng, now):
    """Changes that nobody is to be told of."""
    figures = dict(now.figures)
    running = ("S1", EMISSION, MONTHS[-1])
    figures[running] = figures[running]._replace(value=rng.uniform(150, 200), cause="late data")
    same = ("S1", ENERGY, MONTHS[2])
    figures[same] = figures[same]._replace(figure_id="again", cause="factor")
    figures["S1", EMISSION, "2026-10"] = Held("new", 9.0, "kgCO2e", True, "", T1)
    months = {**now.months, ("S1", MONTHS[3]): Step("checked", "ana", T1, "")}
    aims = {**now.aims, ("S1", REDUCTION, "target", "2026"): 1e9}  # the year is not over
    return replace(now, at=T1, figures=figures, months=months, aims=aims)


def planted(rng, now, kind):
    """One change of a kind, and how it is recognised."""
    tag = rng.randrange(10**6)
    month = rng.choice(MONTHS[1:-1])
    if kind == "alarm":
        level = rng.choice(("critical", "warn"))
        name = ("S1", f"A{rng.randint(1, 11)}", f"M{tag}", level, datetime(2026, 9, 20))
        raised = Raised("water", datetime(2026, 9, 21), 9.0, rng.uniform(1, 8), "m3", True)
        return replace(now, alarms={**now.alarms, name: raised}), (NewAlarm, name)
    if kind == "restated":
        name = ("S1", rng.choice((EMISSION, ENERGY, CABLE)), month)
        held = now.figures[name]
        gone = name[1] != EMISSION and rng.random() < 0.3  # one with an aim stays known
        value = None if gone else rng.uniform(200, 300)
        cause = rng.choice(("factor", "correction", "late data"))
        figures = {**now.figures, name: held._replace(figure_id=str(tag), value=value, cause=cause)}
        return replace(now, figures=figures), (Restatement, name)
    if kind == "missed":
        ways = ((WATER, "budget", 1.0), (EMISSION, "quota", 1.0), (EMISSION, "target", 1.0),
                (REDUCTION, "target", 1e6))  # fmt: skip
        key, how, aim = rng.choice(ways)
        name = ("S1", key, how, month)
        return replace(now, aims={**now.aims, name: aim}), (Missed, name)
    if kind == "late":
        late = {**now.late, ("S1", f"M{tag}"): datetime(2026, 9, 29)}
        return replace(now, late=late), (Stopped, ("S1", f"M{tag}"))
    if kind == "month":
        known = now.months.get(("S1", month))
        status = "open" if known and known.status == "locked" else "locked"
        step = Step(status, "bob", T1, "")
        return replace(now, months={**now.months, ("S1", month): step}), (MonthStep, month)
    name = f"F{tag}"
    approved = Approved(tag, "1", "kg", "bob", T1)
    return replace(now, factors={**now.factors, name: approved}), (NewFactor, name)


def told(found):
    names = set()
    for one in found:
        if isinstance(one, Restatement):
            names |= {(Restatement, (one.site, one.key, month)) for month, _, _ in one.months}
        elif isinstance(one, MonthStep):
            names.add((MonthStep, one.month))
        elif isinstance(one, NewFactor):
            names.add((NewFactor, one.factor_id))
        else:
            names.add((type(one), one.name))
    return names


KINDS = ("alarm", "restated", "missed", "late", "month", "factor")


@pytest.mark.parametrize("seed", range(20))
def test_fifty_planted_changes_are_told_and_nothing_else(seed):
    rng = random.Random(seed)
    before = base(rng)
    now, expected = quiet(rng, before), {}
    for _ in range(50):
        kind = rng.choice(KINDS)
        now, mark = planted(rng, now, kind)
        expected[mark] = kind
    # A month that was locked and opened again since is as it was.
    steps = {("S1", m) for _, m in [e for e in expected if e[0] is MonthStep]}
    for name in steps:
        was = before.months.get(name)
        if (was is not None and was.status == "locked") == (now.months[name].status == "locked"):
            del expected[MonthStep, name[1]]
    found = changes(before, now, "eve")
    assert told(found) == set(expected)
    ranks = [one.rank for one in found]
    assert ranks == sorted(ranks, reverse=True)


def test_nobody_is_told_what_they_did_themselves():
    before = base(random.Random(1))
    now = replace(
        before, at=T1, months={("S1", MONTHS[1]): Step("locked", "bob", T1, "")},
        factors={"F1": Approved(2, "1", "kg", "bob", T1)},
    )  # fmt: skip
    assert changes(before, replace(now, months={**before.months, **now.months}), "bob") == []
    assert len(changes(before, replace(now, months={**before.months, **now.months}), "ana")) == 2


def test_a_part_is_told_only_where_its_whole_is_not():
    before = base(random.Random(2))

    def restated(*keys):
        figures = dict(before.figures)
        for key in keys:
            held = figures["S1", key, MONTHS[1]]
            figures["S1", key, MONTHS[1]] = held._replace(value=held.value + 9, cause="factor")
        return changes(before, replace(before, figures=figures))

    assert [one.key for one in restated(CABLE)] == [CABLE]
    assert [one.key for one in restated(CABLE, REDUCTION)] == [REDUCTION]


def test_months_restated_by_one_cause_are_one_change():
    before = base(random.Random(3))
    figures = dict(before.figures)
    for month, cause, more in ((MONTHS[1], "factor", 1), (MONTHS[2], "factor", 40),
                               (MONTHS[3], "correction", 2)):  # fmt: skip
        held = figures["S1", EMISSION, month]
        figures["S1", EMISSION, month] = held._replace(value=held.value + more, cause=cause)
    found = changes(before, replace(before, figures=figures))
    assert [(one.cause, len(one.months)) for one in found] == [("factor", 2), ("correction", 1)]
    assert found[0].largest[0] == MONTHS[2]


@pytest.mark.parametrize(
    ("kind", "key", "aim", "values", "hit"),
    [
        ("budget", WATER, 100.0, (60.0, 50.0), True),
        ("budget", WATER, 120.0, (60.0, 50.0), False),
        ("target", EMISSION, 100.0, (60.0, 50.0), True),
        ("target", REDUCTION, 1e9, (60.0, 50.0), False),  # the year is not over
        ("target", ("throughput", "line", "cable"), 1e9, (60.0, 50.0), False),
    ],
)
def test_a_years_aim_is_missed_once_it_must_be(kind, key, aim, values, hit):
    before = Known(T0, aims={("S1", key, kind, "2026"): aim})
    figures = {
        ("S1", key, month): Held(month, value, "kg", False, "", T1)
        for month, value in zip(MONTHS, values, strict=False)
    }
    found = changes(before, replace(before, at=T1, figures=figures))
    assert bool(found) is hit
    if hit:
        assert found[0].total == sum(values)
        assert found[0].figure_ids == tuple(MONTHS[:2])


# ---- the reading, against the ledger as it was exported then ----


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    folder = tmp_path_factory.mktemp("since")
    with opened_home(folder / "home") as engine:
        found = made(folder, engine)
        found.put("targets", TARGET, [("S1", *WATER, m, 5000, "budget") for m in MONTHS[:3]])
        yield found


def look(plant, since, reader="eve"):
    return digest(plant.engine, site_documents(plant.engine), KEYS, since, clock(), reader)


def test_nothing_changed_tells_nothing(plant):
    assert look(plant, clock()).changes == ()
    before_all = look(plant, datetime(2020, 1, 1)).changes  # nothing was known, nothing restated
    assert {type(change) for change in before_all} == {NewAlarm}


def restate(plant, rng, number):
    month = rng.choice(MONTHS[:3])
    litres = 120 + rng.uniform(1, 40)
    plant.put("fuel", ("fuel_id", "site", "timestamp", "litres", "kind"),
              [(f"F{month}", "S1", f"{month}-05 08:00", f"{litres:.3f}", "use")])  # fmt: skip
    plant.settle()
    return {(Restatement, ("S1", EMISSION, month)), (Restatement, ("S1", ENERGY, month))}


def aim(plant, rng, number):
    month = rng.choice(MONTHS[:3])
    kind = rng.choice(("quota", "target"))
    key = (*EMISSION[:2], "site")
    before = plant.query("SELECT count(*) FROM record_targets WHERE period = ? AND kind = ? "
                         "AND indicator = 'emission'", [month, kind])[0][0]  # fmt: skip
    value = 1.0 if before == 0 else 1.0 + number
    plant.put("targets", TARGET, [("S1", *key, month, value, kind)])
    return {(Missed, ("S1", EMISSION, kind, month))} if before == 0 else set()


def lock(plant, rng, number):
    month = rng.choice(MONTHS[:3])
    if plant.engine.state.months.status("S1").get(month, None) is not None:
        return set()
    closing.check(plant.engine, "S1", month, "ana")
    closing.lock(plant.engine, "S1", month, "ana")
    return {(MonthStep, month)}


def factor(plant, rng, number):
    month_state = plant.engine.state.months.locked("S1")
    if month_state:
        return set()
    change_factor(plant, value=2.61 + number / 1000)
    every = {(Restatement, ("S1", EMISSION, month)) for month in MONTHS[:3]}
    return every | {(NewFactor, "FUEL_DIESEL_EF_L")}


def alarm(plant, rng, number):
    """A batch whose outputs are far less than what went in."""
    if plant.engine.state.months.locked("S1"):
        return set()
    month, name = rng.choice(MONTHS[:3]), f"X{number}"
    plant.put("batches", ("batch_id", "site", "date", "line", "mass_in_t"),
              [(name, "S1", f"{month}-{rng.randint(11, 20)}", "cable", 40)])  # fmt: skip
    plant.put("outputs", ("batch_id", "material", "mass_t"), [(name, "copper", 20)])
    plant.settle()
    return {(NewAlarm, name)}


def oracle(plant, since):
    """The month figures that are others now than in the export as of then."""
    with plant.engine.store.read() as cursor:
        then, now = (ledger_rows(cursor, Wanted(as_of=at)) for at in (since, None))

    def months(rows):
        return {
            (r.site, (r.indicator, r.dimension, r.entity), r.period): r.value
            for r in rows.itertuples()
            if r.grain == "month" and (r.indicator, r.dimension, r.entity) in KEYS
        }

    old, new = months(then), months(now)
    return {
        name for name in old if repr(old[name]) != repr(new.get(name)) and old[name] == old[name]
    }


def test_planted_changes_are_told_and_nothing_is_false(plant, full):
    rng = random.Random(615)
    count = 50 if full else 10
    plants = [restate, aim, factor, alarm] * count
    for number in range(count):
        since = clock()
        act = lock if number == count - 1 else plants[rng.randrange(4)]
        expected = act(plant, rng, number)
        found = look(plant, since).changes
        seen = {(kind, name[2]) if kind is NewAlarm else (kind, name) for kind, name in told(found)}
        assert expected <= seen, act.__name__
        changed = oracle(plant, since)
        for kind, name in seen - expected:
            assert kind is Restatement, (act.__name__, kind, name)
            assert name in changed
        for name in changed:
            whole = (name[0], (name[1][0], "site", "site"), name[2])
            assert (Restatement, name) in seen or (Restatement, whole) in seen


def test_a_meter_that_stays_behind_is_told_once(plant):
    since = clock()
    assert not [c for c in look(plant, since).changes if isinstance(c, Stopped)]
    plant.readings(series("G", moment("2026-04-01 01:00"), moment("2026-04-02 00:00"), step_min=60,
                          value=24 * 90 * 30.0 + 30.0, per_step=30.0))  # fmt: skip
    plant.settle()
    late = {c.name for c in look(plant, since).changes if isinstance(c, Stopped)}
    assert late == {("S1", "L"), ("S1", "P"), ("S1", "W")}
    assert not [c for c in look(plant, clock()).changes if isinstance(c, Stopped)]


# ---- visits ----


def account(state, at):
    state.accounts.add([NewAccount("ana", "ana", "analyst", passwords.hashed("x", 1))], at)
    return state.accounts.find("ana").account


def test_a_visit_ends_after_half_an_hour(tmp_path):
    state = State(tmp_path)
    at = datetime(2026, 3, 1, 8)
    ana = account(state, at)
    state.visits.came(ana, at)
    assert state.visits.since(ana) is None  # there was no visit before the first
    for minutes in (10, 39, 60):
        state.visits.came(ana, at + timedelta(minutes=minutes))
    assert state.visits.since(ana) is None
    again = at + timedelta(minutes=91)
    state.visits.came(ana, again)
    assert state.visits.since(ana) == at + timedelta(minutes=60)
    assert Visits(state.engine).since(ana) == at + timedelta(minutes=60)  # as written
    records = state.audit.count()
    assert state.visits.read(ana, again)
    assert not state.visits.read(ana, again)  # a second click
    assert state.audit.count() == records + 1
    assert state.visits.since(ana) == again
    state.close()
