"""Recall and precision of the anomaly rules on the demonstration plant.

    python -m tests.accounting.score_anomaly --seeds 101-120

A plant is made from its seed without the store: true quantities, registers with their faults,
the rules R5 and R6, hours, then the anomaly rules. The truth table of the demonstration plant says
what is wrong; faults that it lacks are put in here (INJECTED). An alarm is right if it overlaps,
within a day, a fault of its rule on its meter or on one below it. Seeds 1-20 are for tuning; the
others are for measuring only.
"""

from __future__ import annotations

import argparse
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from multiprocessing import get_context
from unittest.mock import patch

import numpy as np
import pandas as pd

from accounting.anomaly import DEFAULTS, HOURS
from accounting.anomaly_frames import residuals
from accounting.anomaly_site import History, alarms
from accounting.registers import HOUR_US, MICRO, Change, Rules
from data.demo import episodes, loads, production, records
from data.demo import faults as register_faults
from data.demo.draws import generator
from data.demo.faults import minute
from data.demo.meters import METERS
from data.demo.plant import SITE, _told, days_of, true_quantities
from data.demo.production import day_book, tank_only
from data.demo.records import record_tables
from data.demo.registers import register
from data.intervals import islands

LAST = date(2026, 11, 23)
MONTHS, CLEAN_MONTHS, COLD_MONTHS = 36, 14, 2
NEAR = pd.Timedelta(days=1)
QUARTER_US = HOUR_US // 4
PARENT = {spec.meter_id: spec.parent_id for spec in METERS}
MEDIUM = {spec.meter_id: spec.medium for spec in METERS}

# What each rule has to find (recall), with the reason.
MEANT = {
    "A1": {
        "frozen": "what was consumed in three days falls into one quarter of an hour",
        "holiday_load": "a device runs in hours in which it has always stood still",
        "leak": "the main flows at night, when it hardly ever does",
    },
    "A2": {
        "leak": "the day's total doubles for more than a week",
        "drift": "the level creeps up by a hundredth of itself a day",
    },
    "A3": {
        "frozen": "zero for three days while the plant works",
        "flat": "a gateway fills ten hours with the same quantity",
    },
    "A4": {"reset": "the register begins anew without a recorded change"},
    "A5": {"night_load": "air conditioning runs from evening to morning"},
    "A6": {
        "gap": "readings lost for as long as the limit of the medium, or longer",
        "long_gap": "readings lost for days",
        "silence_catchup": "silent for 21 days",
        "unit_slip": "every reading of the day is discarded as a spike: a gap of 24 h",
        "fuel_log_lost": "a month without a row in the fuel log",
    },
    "A7": {"phase_loss": "the grid meter counts two thirds for a month"},
    "A8": {"leak": "the flow never stops at night"},
    "A9": {
        "oil_day": "five times the litres on a day like others",
        "tank_loss": "a sixth of what the tank gave is in no log",
    },
    "A10": {"inverter_outage": "nearly all generation is lost for a week"},
    "A11": {"mass_balance": "a batch is weighed in 3 % or 7 % too heavy"},
}
# What a rule may rightly see besides (precision), with the reason.
ALSO = {
    "A1": {"night_load": "the off-hours of air conditioning are judged hour by hour too"},
    "A2": {"holiday_load": "from four days on the level of days off is another"},
}
INJECTED = ("drift", "flat", "reset", "phase_loss", "oil_day", "tank_loss")
# Days a rule must have read before it can judge (cold start).
COLD_DAYS = {"A1": 28, "A2": 56, "A5": 8, "A9": 28, "A10": 28}


@dataclass(frozen=True)
class Plant:
    """What the rules get, and the truth about it."""

    history: History
    truth: pd.DataFrame
    mass: dict[date, float]


@dataclass
class Score:
    """Counts by rule: faults, those found, alarms, right ones; alarms of a year without faults."""

    faults: Counter = field(default_factory=Counter)
    found: Counter = field(default_factory=Counter)
    alarms: Counter = field(default_factory=Counter)
    right: Counter = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    quiet: Counter = field(default_factory=Counter)
    years: list[int] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Add another plant's counts."""
        for name in ("faults", "found", "alarms", "right", "quiet"):
            getattr(self, name).update(getattr(other, name))
        for name in ("missed", "wrong", "years"):
            getattr(self, name).extend(getattr(other, name))

    def recall(self, rule: str) -> float:
        """Return the share of the faults of a rule that it found."""
        return self.caught(rule) / self.of(rule)

    def caught(self, rule: str) -> int:
        """Return how many of its faults a rule found."""
        return sum(self.found[rule, kind] for kind in MEANT[rule])

    def of(self, rule: str) -> int:
        """Return how many faults a rule had to find."""
        return sum(self.faults[rule, kind] for kind in MEANT[rule])

    def precision(self, rule: str) -> float:
        """Return the share of a rule's alarms that are right."""
        return self.right[rule] / self.alarms[rule]

    def monthly(self) -> float:
        """Return the alarms per month of a plant without faults."""
        return sum(self.years) / (12 * len(self.years))


def plant(seed: int, months: int = MONTHS, *, faults: bool = True, injected: bool = True) -> Plant:
    """Return a demonstration plant as the anomaly rules see it; INJECTED are put in if wanted."""
    injected = injected and faults
    with _faultless() if not faults else ExitStack():
        days = days_of(LAST, months)
        books = [day_book(seed, SITE, day) for day in days]
        true = true_quantities(seed, days, books)
        known = episodes.within(seed, days[0], days[-1]) if faults else []
        tables, told = record_tables(seed, SITE, days, books)
        extra = _injected_loads(seed, days, true) if injected else []
        hours, events, monthly = [], [], []
        for spec in METERS:
            ours = [one for one in known if one.kind.meter_id == spec.meter_id]
            series = register(seed, spec, days[0], true[spec.meter_id], ours)
            if injected and spec.meter_id == "E16":
                extra.append(_reset(seed, series))
            steps = _steps(series)
            told += series.truth
            hours.append(_hours(spec.meter_id, steps, days))
            events.append(steps["events"].assign(meter_id=spec.meter_id))
            monthly.append(_months(spec.meter_id, steps, days))
        fuel = _fuel(seed, tables["fuel"], extra, injected=injected)
        rows = [*_told(known), *told, *extra]
        rows += _lost_logs(days) if faults else []
    truth = pd.DataFrame(rows, columns=register_faults.COLUMNS)
    truth["start"], truth["end"] = pd.to_datetime(truth["start"]), pd.to_datetime(truth["end"])
    history = _history(days, tables, fuel, pd.concat(hours), pd.concat(events), pd.concat(monthly))
    mass = dict.fromkeys(days, 0.0)
    for day, book in zip(days, books, strict=True):
        mass[day] = sum(float(row["mass_in_t"]) for row in book.batches)
    return Plant(history, truth, mass)


@contextmanager
def _faultless():
    """Let the demonstration plant be made without any fault."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(loads, "size_on", lambda *_: 0.0))
        stack.enter_context(patch.dict(register_faults.PLACES, clear=True))
        balanced = patch.object(records, "_unbalanced", lambda seed, days, rows: (rows, []))
        stack.enter_context(balanced)
        stack.enter_context(patch.object(production, "tank_only", lambda day: False))
        stack.enter_context(patch.object(records, "tank_only", lambda day: False))
        yield


def _row(meter: str, kind: str, start: object, end: object, size: float) -> dict[str, object]:
    times = {"start": minute(pd.Timestamp(start)), "end": minute(pd.Timestamp(end))}
    return {"meter_id": meter, "kind": kind, **times, "size": size, "expect": "", "note": ""}


def _injected_loads(seed, days, true) -> list[dict[str, object]]:
    """Put a drift, a filled-in stretch and a lost phase into what meters measure."""
    draw = generator(seed, "injected")
    rows = []
    at, lasts = int(draw.integers(100, len(days) - 80)), 25
    slots = slice(at * 96, (at + lasts) * 96)
    true["E32"][slots] *= 1 + 0.01 * np.arange(lasts * 96) / 96
    rows.append(_row("E32", "drift", days[at], days[at + lasts], 0.25))
    at = int(draw.integers(60, len(days) - 40))
    first = at * 96 + int(draw.integers(0, 56))
    true["E20"][first : first + 44] = round(1.9 + float(draw.uniform(-0.4, 0.4)), 2)
    start = datetime.combine(days[0], datetime.min.time()) + timedelta(minutes=15 * first)
    rows.append(_row("E20", "flat", start, start + timedelta(hours=11), 11.0))
    starts = [n for n, day in enumerate(days) if day.day == 1][3:-2]
    at = starts[int(draw.integers(len(starts)))]
    end = next(n for n in range(at + 1, len(days)) if days[n].day == 1)
    true["E00"][at * 96 : end * 96] *= 2 / 3
    rows.append(_row("E00", "phase_loss", days[at], days[end], 2 / 3))
    return rows


def _reset(seed, series) -> dict[str, object]:
    at = int(generator(seed, "injected", "reset").integers(96 * 40, series.last - 96 * 40))
    series.shown[at + 1 :] -= series.shown[at]
    moment = pd.Timestamp(series.times[at])
    return _row(series.spec.meter_id, "reset", moment, moment + pd.Timedelta(minutes=15), 1.0)


def _fuel(seed, fuel, extra, *, injected) -> pd.DataFrame:
    """Return the fuel rows, with a day of too many litres and a loss from the tank put in."""
    fuel = fuel.assign(timestamp=pd.to_datetime(fuel["timestamp"]))
    fuel["litres"] = fuel["litres"].astype(float)
    if not injected:
        return fuel
    draw = generator(seed, "injected", "fuel")
    day = fuel["timestamp"].dt.normalize()
    use = fuel[(fuel["kind"] == "use") & (fuel["consumer"] == "forklift") & (fuel["line"] == "")]
    row = use.index[int(draw.integers(60, len(use) - 40))]
    more = 4.0 * fuel.loc[row, "litres"]
    fuel.loc[row, "litres"] += more
    extra.append(_row("diesel", "oil_day", day[row], day[row] + NEAR, 5.0))
    # What the log has too much the tank has too little: it keeps its balance but for the loss.
    later = (fuel["kind"] == "dip") & (fuel["timestamp"] > fuel.loc[row, "timestamp"])
    fuel.loc[later, "litres"] -= more
    dips = fuel[fuel["kind"] == "dip"].sort_values("timestamp")
    place = int(draw.integers(2, len(dips) - 1))
    while tank_only(dips["timestamp"].iloc[place].date() - timedelta(days=1)):
        place -= 1
    since, until = dips["timestamp"].iloc[place - 1], dips["timestamp"].iloc[place]
    fuel.loc[(fuel["kind"] == "dip") & (fuel["timestamp"] >= until), "litres"] -= 400.0
    extra.append(_row("diesel", "tank_loss", since, until, 400.0))
    return fuel


def _lost_logs(days) -> list[dict[str, object]]:
    """Return the truth about months whose fuel log is lost: the records know, no table tells."""
    lost = sorted({day.replace(day=1) for day in days if tank_only(day)})
    return [_row("diesel", "fuel_log_lost", m, m + timedelta(days=30), 1.0) for m in lost]


def _rules(series) -> Rules:
    spec = series.spec
    changes = tuple(
        Change(
            int(np.datetime64(row["timestamp"].replace(" ", "T"), "us").astype(np.int64)),
            round(float(row["old_end"]) * MICRO),
            round(float(row["new_start"]) * MICRO),
        )
        for row in series.changes
    )
    return Rules(round(spec.multiplier * MICRO), round(spec.register_max * MICRO), QUARTER_US,
                 round(spec.rated_max_per_hour * MICRO), changes)  # fmt: skip


def _steps(series) -> dict[str, object]:
    """Return a register's intervals by R5 and R6: plain steps at once, the others by the rules."""
    rules = _rules(series)
    times = series.times[series.keep].astype(np.int64)
    values = series.shown[series.keep].astype(np.int64) * (MICRO // 100)
    grown, length = np.diff(values), np.diff(times)
    quantity = grown * (rules.multiplier / MICRO) / MICRO
    limit = 1.2 * series.spec.rated_max_per_hour * np.maximum(length, QUARTER_US) / HOUR_US
    odd = (grown < 0) | (quantity > limit)
    for change in rules.changes:
        odd |= (times[:-1] < change.at_us) & (change.at_us <= times[1:])
    since, kept = times[:-1].copy(), np.ones(len(quantity), bool)
    error, events = np.zeros(len(quantity), bool), []
    if odd.any():
        place = {int(ts): n for n, ts in enumerate(times[1:])}
        plain = [int(ts) for ts in times], [int(value) for value in values]
        for _, step in islands(*plain, rules, [int(ts) for ts in times[1:][odd]]):
            at = place[step.ts_us]
            since[at], kept[at] = step.since_us, step.accepted
            quantity[at] = 0.0 if step.quantity is None else step.quantity / MICRO
            error[at] = step.accepted and step.quantity is None
            events.append((step.since_us, step.ts_us, step.kind, step.before, step.shown))
    table = pd.DataFrame(events, columns=["since", "ts", "kind", "before", "shown"])
    for name in ("since", "ts"):
        table[name] = pd.to_datetime(table[name], unit="us")
    for name in ("before", "shown"):
        table[name] = table[name].astype(float) / MICRO
    since, until, quantity, error = since[kept], times[1:][kept], quantity[kept], error[kept]
    length = until - since
    lost = ((length > 1.5 * QUARTER_US) | error) & (length > 3 * HOUR_US)
    return {"since": since, "until": until, "quantity": quantity, "lost": lost, "error": error,
            "events": table[table["kind"] != "plain"]}  # fmt: skip


def _hours(meter, steps, days) -> pd.DataFrame:
    """Return the hours that are wholly known."""
    start = int(np.datetime64(days[0], "us").astype(np.int64))
    edges = start + np.arange(len(days) * HOURS + 1) * HOUR_US
    since, until, lost = steps["since"], steps["until"], steps["lost"]
    summed = np.concatenate([[0.0], np.cumsum(np.where(lost, 0.0, steps["quantity"]))])
    shown = np.round(np.diff(np.interp(edges, np.concatenate([since[:1], until]), summed)), 6)
    known = (edges[:-1] >= since[0]) & (edges[1:] <= until[-1])
    for first, last in zip(since[lost | steps["error"]], until[lost | steps["error"]], strict=True):
        known &= (edges[1:] <= first) | (edges[:-1] >= last)
    hour = pd.to_datetime(edges[:-1], unit="us")
    return pd.DataFrame({"meter_id": meter, "hour": hour, "quantity": shown})[known]


def _months(meter, steps, days) -> pd.DataFrame:
    """Return the totals of the months that are over, and whether they are complete (R6)."""
    starts = [day for day in days if day.day == 1]
    edges = np.array([np.datetime64(day, "us").astype(np.int64) for day in starts])
    since, until, lost = steps["since"], steps["until"], steps["lost"]
    month = np.searchsorted(edges, until, side="left") - 1
    across = lost & (np.searchsorted(edges, since, side="right") - 1 != month)
    rows = []
    for n in range(len(starts) - 1):
        inside = (month == n) & ~across
        edge = across & (until > edges[n]) & (since < edges[n + 1])
        broken = bool(edge.any() or steps["error"][inside].any())
        rows.append((meter, starts[n], float(steps["quantity"][inside].sum()), not broken))
    return pd.DataFrame(rows, columns=["meter_id", "month", "quantity", "complete"])


def _history(days, tables, fuel, hours, events, months) -> History:
    meters = tables["meters"][["meter_id", "medium", "role", "building", "group", "equipment",
                               "parent_id", "step_min"]]  # fmt: skip
    batches = tables["batches"]
    out = tables["outputs"].groupby("batch_id")["mass_t"].sum()
    batches = pd.DataFrame({
        "batch_id": batches["batch_id"], "day": pd.to_datetime(batches["date"]),
        "mass_in_t": batches["mass_in_t"].astype(float),
        "out_t": batches["batch_id"].map(out).astype(float),
        "residue_t": batches["residue_t"].astype(float),
    })  # fmt: skip
    devices = tables["devices"]
    pv = devices[devices["kind"] == "pv"]
    signs = {"grid_import": 1, "pv_generation": 1, "pv_export": -1}
    top = {m.meter_id: signs.get(m.role, 0) for m in METERS
           if m.medium == "electricity" and not m.parent_id}  # fmt: skip
    return History(
        first_day=days[0],
        horizon=datetime.combine(days[-1] + timedelta(days=1), datetime.min.time()),
        meters=meters.assign(since=pd.NaT, until=pd.NaT),
        hours=hours,
        calendar=tables["calendar"],
        events=events,
        months=residuals(months, top),
        batches=batches,
        fuel=fuel,
        pv=pd.DataFrame({
            "capacity_kwp": pv["capacity"].astype(float),
            "in_service_from": pd.to_datetime(pv["in_service_from"]), "in_service_to": pd.NaT,
        }),
        tank_l=records.TANK_L,
    )  # fmt: skip


def scored(seed: int, months: int = MONTHS, clean_months: int = CLEAN_MONTHS) -> Score:
    """Return the counts of one seed: a plant with faults, and a year of one without."""
    score = Score()
    made = plant(seed, months)
    found = alarms(made.history)
    truth = made.truth
    seen: set[tuple[str, int]] = set()
    for alarm in found:
        kinds = MEANT[alarm.rule] | ALSO.get(alarm.rule, {})
        right = _overlapping(alarm, truth[truth["kind"].isin(kinds)])
        score.alarms[alarm.rule] += 1
        score.right[alarm.rule] += len(right) > 0
        seen |= {(alarm.rule, at) for at in right}
        if not len(right):
            score.wrong.append(f"{seed} {alarm.rule} {alarm.entity} {alarm.start} {alarm.end} "
                               f"{alarm.value:.3f} {alarm.limit:.3f}")  # fmt: skip
    for rule, kinds in MEANT.items():
        for fault in truth[truth["kind"].isin(kinds)].itertuples():
            if not _can_be_seen(rule, fault, made):
                continue
            score.faults[rule, fault.kind] += 1
            if (rule, fault.Index) in seen:
                score.found[rule, fault.kind] += 1
            else:
                score.missed.append(f"{seed} {rule} {fault.meter_id} {fault.kind} {fault.start} "
                                    f"{fault.end} {fault.size}")  # fmt: skip
    quiet = plant(seed, clean_months, faults=False)
    begin = quiet.history.first_day + timedelta(days=31 * COLD_MONTHS)
    end = begin + timedelta(days=365)
    told = [one for one in alarms(quiet.history) if begin <= one.start.date() < end]
    score.quiet.update(f"{one.rule} {one.entity}" for one in told)
    score.years.append(len(told))
    return score


def _overlapping(alarm, truth) -> list[int]:
    """Return the faults an alarm overlaps within a day, on its meter or one below it."""
    near = truth[(truth["start"] - NEAR <= alarm.end) & (truth["end"] + NEAR >= alarm.start)]
    if alarm.rule == "A11":
        named = near["note"].str.split().str[1].str.strip(",") == alarm.entity
        return list(near.index[named])
    if alarm.entity == "site":
        return list(near.index)
    return [at for at, meter in near["meter_id"].items() if alarm.entity in _up(meter)]


def _up(meter: str) -> list[str]:
    """Return a meter and those above it."""
    found = [meter]
    while PARENT.get(found[-1]):
        found.append(PARENT[found[-1]])
    return found


def _can_be_seen(rule, fault, made) -> bool:
    """Tell whether a rule's own text lets it see a fault: cold start, limits, throughput."""
    first = pd.Timestamp(made.history.first_day)
    if fault.start < first + pd.Timedelta(days=COLD_DAYS.get(rule, 0)):
        return False
    if rule == "A6" and fault.kind == "gap":
        return fault.size >= DEFAULTS.missing_h(MEDIUM[fault.meter_id])
    if rule == "A6" and fault.kind == "fuel_log_lost":
        return fault.start > first + pd.Timedelta(days=28)
    if rule == "A3" and fault.kind == "frozen":
        hours = pd.date_range(fault.start.ceil("h"), fault.end.floor("h"), freq="h")
        return sum(made.mass.get(at.date(), 0.0) > 0 for at in hours) > DEFAULTS.zero_h
    return True


def total(seeds: list[int], processes: int = 2, months: int = MONTHS) -> Score:
    """Return the counts of several seeds."""
    score = Score()
    jobs = [(seed, months) for seed in seeds]
    with get_context("spawn").Pool(min(processes, len(jobs))) as pool:
        for one in pool.starmap(scored, jobs):
            score.add(one)
    return score


def report(score: Score) -> str:
    """Return the counts as text."""
    lines = ["rule   recall  faults  precision  alarms  by kind"]
    for rule, kinds in MEANT.items():
        by_kind = ", ".join(
            f"{kind}{'*' if kind in INJECTED else ''} "
            f"{score.found[rule, kind]}/{score.faults[rule, kind]}"
            for kind in kinds
        )
        recall = f"{score.recall(rule):6.3f}" if score.of(rule) else "     -"
        precision = f"{score.precision(rule):9.3f}" if score.alarms[rule] else "        -"
        lines.append(f"{rule:4} {recall}  {score.of(rule):6}  {precision}  "
                     f"{score.alarms[rule]:6}  {by_kind}")  # fmt: skip
    lines.append("* put in by the scorer; the plant's truth table has none")
    lines.append(f"without faults: {score.monthly():.3f} alarms a month, worst year "
                 f"{max(score.years)}: {dict(score.quiet)}")  # fmt: skip
    return "\n".join(lines)


def seeds_of(words: str) -> list[int]:
    """Return the seeds of a range (101-120) or of one number."""
    first, _, last = words.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main() -> None:
    """Print the scores of a range of seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1-20")
    parser.add_argument("--details", action="store_true", help="name what was missed and wrong")
    given = parser.parse_args()
    score = total(seeds_of(given.seeds))
    print(report(score))
    if given.details:
        print("\n".join(["missed:", *score.missed, "wrong:", *score.wrong]))


if __name__ == "__main__":
    main()
