"""What changed between two times: alarms, restated figures, aims, late meters, months, factors.

``known_at`` reads what was known at a time; ``changes`` compares two of these and reads nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import fsum
from typing import NamedTuple

from accounting.polarity import sign
from data.engine import Engine
from data.incidents import SYSTEM_KINDS
from data.ingest.site_file import SiteDocument
from data.market import MARKET
from data.periods import utc
from data.state.months import LOCKED, OPEN
from data.store import Cursor

Key = tuple[str, str, str]
FigureName = tuple[str, Key, str]  # site, ledger name, month
AlarmName = tuple[str, str, str, str, datetime]  # site, rule, entity, level, start
AimName = tuple[str, Key, str, str]  # site, ledger name, kind, period
MeterName = tuple[str, str]  # site, meter; empty for the whole site
LATE = timedelta(hours=2)
GRAVE = ("critical", "warn")
LEAST = 1e-9  # a figure is another one only where it differs by more than this share


class Held(NamedTuple):
    """A month figure as the ledger held it."""

    figure_id: str
    value: float | None
    unit: str
    running: bool
    cause: str
    at: datetime


class Raised(NamedTuple):
    """An alarm: what was measured, the limit it broke, whether it still holds."""

    medium: str
    ended: datetime
    shown: float | None
    threshold: float | None
    unit: str
    open: bool


class Step(NamedTuple):
    """The newest step of a month's closing."""

    status: str
    actor: str
    at: datetime
    reason: str


class Approved(NamedTuple):
    """The newest approved version of a factor."""

    version: int
    value: str
    unit: str
    approver: str
    at: datetime


@dataclass(frozen=True)
class Known:
    """What was known at a time.

    Parameters
    ----------
    at
        The time, UTC.
    figures
        Month figures of the ledger names that were asked for.
    alarms
        Alarms that are grave (紧急, 重要).
    aims
        Targets, quotas and budgets, in the ledger's unit.
    late
        Meters that had stopped sending, with their newest reading, UTC.
    months
        How far the closing of months was.
    factors
        Approved versions by factor.
    keys
        The ledger names whose restating is told; figures of aims are there besides. None: all.
    """

    at: datetime
    figures: Mapping[FigureName, Held] = field(default_factory=dict)
    alarms: Mapping[AlarmName, Raised] = field(default_factory=dict)
    aims: Mapping[AimName, float] = field(default_factory=dict)
    late: Mapping[MeterName, datetime] = field(default_factory=dict)
    months: Mapping[tuple[str, str], Step] = field(default_factory=dict)
    factors: Mapping[str, Approved] = field(default_factory=dict)
    keys: Collection[Key] | None = None


# ---- what changed: nothing is read here ----


@dataclass(frozen=True)
class NewAlarm:
    """An alarm that was not there before."""

    name: AlarmName
    alarm: Raised

    @property
    def rank(self) -> tuple[int, float]:
        """Weight, then size: how far beyond its limit."""
        weights = {("critical", True): 100, ("critical", False): 85, ("warn", True): 75}
        weight = weights.get((self.name[3], self.alarm.open), 35)
        shown, limit = self.alarm.shown, self.alarm.threshold
        return weight, 0.0 if shown is None or limit is None else _apart(shown, limit)


@dataclass(frozen=True)
class Restatement:
    """A figure of months that were known and have another value now, by one cause.

    ``months`` has the month, what was held and what is held, oldest first.
    """

    site: str
    key: Key
    cause: str
    months: tuple[tuple[str, Held, Held], ...]

    @property
    def largest(self) -> tuple[str, Held, Held]:
        """The month that changed most."""
        return max(self.months, key=lambda month: _apart(month[1].value, month[2].value))

    @property
    def rank(self) -> tuple[int, float]:
        """Weight, then size."""
        _, before, now = self.largest
        return 65, _apart(before.value, now.value)


@dataclass(frozen=True)
class Missed:
    """An aim that is missed and was not: over a quota or budget, beside a target.

    ``cause`` is that of the newest figure; ``by_aim`` tells that the figures of then miss it too.
    """

    name: AimName
    aim: float
    total: float
    unit: str
    figure_ids: tuple[str, ...]
    cause: str = ""
    by_aim: bool = False

    @property
    def rank(self) -> tuple[int, float]:
        """Weight, then size: how far beside the aim."""
        return 90, _apart(self.aim, self.total)


@dataclass(frozen=True)
class Stopped:
    """A meter, or a whole site, that sends no readings any more."""

    name: MeterName
    newest: datetime
    late: timedelta

    @property
    def rank(self) -> tuple[int, float]:
        """Weight, then how long."""
        return 95 if not self.name[1] else 70, self.late.total_seconds()


@dataclass(frozen=True)
class MonthStep:
    """A month that was locked, or opened again after it was locked."""

    site: str
    month: str
    step: Step

    @property
    def rank(self) -> tuple[int, float]:
        """Weight, then the newest month."""
        return 40 if self.step.status == LOCKED else 60, float(self.month.replace("-", ""))


@dataclass(frozen=True)
class NewFactor:
    """A factor whose newest version was approved."""

    factor_id: str
    approved: Approved
    before: Approved | None

    @property
    def rank(self) -> tuple[int, float]:
        """Weight, then the newest version."""
        return 50, float(self.approved.version)


Change = NewAlarm | Restatement | Missed | Stopped | MonthStep | NewFactor


def changes(before: Known, now: Known, reader: str = "") -> list[Change]:
    """Return what changed between two times, the weightiest and largest first.

    Parameters
    ----------
    before, now
        What was known then and is known now.
    reader
        The account that is told: it is not told what it did itself.
    """
    found: list[Change] = [
        *_alarms(before, now), *_restated(before, now), *_missed(before, now),
        *_stopped(before, now), *_steps(before, now, reader), *_approved(before, now, reader),
    ]  # fmt: skip
    return sorted(found, key=lambda change: change.rank, reverse=True)


def _apart(one: float | None, other: float | None) -> float:
    """Return how far two numbers are apart, as a share of the larger; 1 where one is unknown."""
    if one is None or other is None:
        return 0.0 if one is other else 1.0
    largest = max(abs(one), abs(other))
    return abs(one - other) / largest if largest else 0.0


def _alarms(before: Known, now: Known) -> Iterator[NewAlarm]:
    for name, alarm in now.alarms.items():
        if name not in before.alarms:
            yield NewAlarm(name, alarm)


def _restated(before: Known, now: Known) -> Iterator[Restatement]:
    """Yield what was restated; a part only where its whole was not in the same month."""
    found: dict[tuple[str, Key, str], list[tuple[str, Held, Held]]] = {}
    whole: set[tuple[str, str, str]] = set()
    for (site, key, month), held in sorted(now.figures.items(), key=lambda item: item[0]):
        old = before.figures.get((site, key, month))
        if now.keys is not None and key not in now.keys:
            continue
        if old is None or old.running or _apart(old.value, held.value) <= LEAST:
            continue
        found.setdefault((site, key, held.cause), []).append((month, old, held))
        if key[1] == "site":
            whole.add((site, key[0], month))
    for (site, key, cause), months in found.items():
        own = [m for m in months if key[1] == "site" or (site, key[0], m[0]) not in whole]
        if own:
            yield Restatement(site, key, cause, tuple(own))


def _missed(before: Known, now: Known) -> Iterator[Missed]:
    for name, aim in now.aims.items():
        found = _miss(now, name, aim)
        if found is None:
            continue
        old = before.aims.get(name)
        if old is None or _miss(before, name, old) is None:
            yield replace(found, by_aim=_miss(before, name, aim) is not None)


def _miss(known: Known, name: AimName, aim: float) -> Missed | None:
    """Return how an aim is missed; None where it is not, or cannot be told yet.

    What more is bad of, a quota and a budget, is missed as soon as it is exceeded; a target of
    what more is good of, once every month is over.
    """
    site, key, kind, period = name
    months = [period] if len(period) == 7 else [f"{period}-{n:02d}" for n in range(1, 13)]
    held = [known.figures.get((site, key, month)) for month in months]
    there = [one for one in held if one is not None and one.value is not None]
    if not there or (len(months) > 1 and not _adds(there[0].unit)):
        return None
    total = fsum(one.value for one in there if one.value is not None)
    if kind != "target" or sign(key[0]) < 0:
        hit = total > aim
    else:
        over = len(there) == len(months) and not any(one.running for one in there)
        hit = over and total < aim and sign(key[0]) > 0
    if not hit:
        return None
    ids = tuple(one.figure_id for one in there)
    newest = max(there, key=lambda one: one.at)
    return Missed(name, aim, total, newest.unit, ids, newest.cause)


def _adds(unit: str) -> bool:
    """Tell whether months of a unit make a year (accounting.md §9)."""
    return "/" not in unit and unit not in ("%", "1", "kW", "kWp")


def _stopped(before: Known, now: Known) -> Iterator[Stopped]:
    whole = {site for (site, meter) in now.late if not meter}
    for name, newest in now.late.items():
        if name not in before.late and (not name[1] or name[0] not in whole):
            yield Stopped(name, newest, now.at - newest)


def _steps(before: Known, now: Known, reader: str) -> Iterator[MonthStep]:
    for name, step in now.months.items():
        old = before.months.get(name)
        was = old.status if old else OPEN
        turned = (was == LOCKED) != (step.status == LOCKED)
        if turned and step.actor != reader:
            yield MonthStep(*name, step)


def _approved(before: Known, now: Known, reader: str) -> Iterator[NewFactor]:
    for name, approved in now.factors.items():
        old = before.factors.get(name)
        if (old is None or old.version != approved.version) and approved.approver != reader:
            yield NewFactor(name, approved, old)


# ---- what was known: reading as of a time ----


Sites = Mapping[str, SiteDocument]


def known_at(
    engine: Engine, sites: Sites, keys: Collection[Key], at: datetime, *, late: bool = True
) -> Known:
    """Return what was known of sites at a time, as far as it was settled then.

    Parameters
    ----------
    engine, sites
        The opened data directory, and the documents of the sites.
    keys
        The ledger names whose month figures are compared; those with aims come by themselves.
    at
        The time, UTC.
    late
        Whether it is asked which meters were late: of the past that reads every reading's batch.
    """
    run, names_of = engine.state.run_at(at), list(sites)
    with engine.store.read() as cursor:
        aims = _aims_at(cursor, names_of, at)
        names = {*keys, *(name[1] for name in aims)}
        return Known(
            at, _figures_at(cursor, names_of, names, run),
            _alarms_at(cursor, names_of, run) | _own_alarms(engine, names_of, at), aims,
            _late_at(cursor, sites, at) if late else {}, _months_at(engine, sites, at),
            _factors_at(engine, at), keys,
        )  # fmt: skip


_FIGURES = """
SELECT site, indicator, dimension, entity, period, figure_id, value, unit,
    contains(flags, 'month_to_date'), cause, settled_at
FROM ledger WHERE grain = 'month' AND run <= ? AND site IN (SELECT unnest(?::VARCHAR[]))
    AND indicator IN (SELECT unnest(?::VARCHAR[]))
    AND concat_ws('|', indicator, dimension, entity) IN (SELECT unnest(?::VARCHAR[]))
QUALIFY row_number() OVER (
    PARTITION BY site, period, indicator, dimension, entity ORDER BY revision DESC) = 1
"""


def _figures_at(
    cursor: Cursor, sites: Sequence[str], keys: Collection[Key], run: int
) -> dict[FigureName, Held]:
    indicators, names = sorted({key[0] for key in keys}), sorted("|".join(key) for key in keys)
    rows = cursor.execute(_FIGURES, [run, [MARKET, *sites], indicators, names]).fetchall()
    return {
        (row[0], row[1:4], row[4]):
            Held(row[5], row[6], row[7], row[8], row[9] or "", row[10])
        for row in rows
    }  # fmt: skip


def _alarms_at(cursor: Cursor, sites: Sequence[str], run: int) -> dict[AlarmName, Raised]:
    rows = cursor.execute(
        "SELECT site, rule, entity, level, started, medium, ended, shown, threshold, unit, open "
        "FROM alarm WHERE level IN (SELECT unnest(?::VARCHAR[])) AND coalesce(run, 0) <= ? "
        "AND site IN (SELECT unnest(?::VARCHAR[]))",
        [list(GRAVE), run, list(sites)],
    ).fetchall()
    return {row[:5]: Raised(*row[5:]) for row in rows}


def _own_alarms(engine: Engine, sites: Sequence[str], at: datetime) -> dict[AlarmName, Raised]:
    """Return what the system had raised of itself: silent interfaces, clocks, the disk."""
    return {
        (one.site, one.kind, one.subject, one.level, one.since):
            Raised(one.medium, one.until, one.shown, one.threshold, one.unit, one.holds)
        for one in engine.state.incidents.of((*sites, ""))
        if one.kind in SYSTEM_KINDS and one.level in GRAVE and one.raised_at <= at
    }  # fmt: skip


def _aims_at(cursor: Cursor, sites: Sequence[str], at: datetime) -> dict[AimName, float]:
    rows = cursor.execute(
        "SELECT t.site, indicator, dimension, entity, t.kind, period, value "
        "FROM record_targets t JOIN batch b ON b.batch = t.batch WHERE b.received_at <= ? "
        "AND t.site IN (SELECT unnest(?::VARCHAR[])) QUALIFY row_number() OVER (PARTITION BY "
        "t.site, indicator, dimension, entity, period, t.kind "
        "ORDER BY t.batch DESC, file_row DESC) = 1",
        [at, list(sites)],
    ).fetchall()
    return {(row[0], row[1:4], row[4], row[5]): float(row[6]) for row in rows}


_METERS = """
SELECT n.site, n.meter_id, n.meter, e.newest, m.step_min, m.valid_to
FROM meter_extent e JOIN meter_number n USING (meter)
JOIN (SELECT * FROM record_meters WHERE site IN (SELECT unnest($sites::VARCHAR[]))
    QUALIFY row_number() OVER (PARTITION BY site, meter_id ORDER BY batch DESC, file_row DESC) = 1
) m ON m.site = n.site AND m.meter_id = n.meter_id
"""


def _late_at(cursor: Cursor, sites: Sites, at: datetime) -> dict[MeterName, datetime]:
    """Return the meters that lagged behind their site at a time, and sites that were late.

    A meter lags where it is more than two of its intervals, and two hours, behind the newest
    reading of its site; files that come once a month make nobody late. A site that is no
    demonstration was late where it had sent within two hours before its newest reading's receipt.
    """
    batch = _batch_at(cursor, at)
    rows = cursor.execute(_METERS, {"sites": list(sites)}).fetchall()
    newest = _newest_at(cursor, [row[2] for row in rows], batch)
    found: dict[MeterName, datetime] = {}
    ends: dict[str, datetime] = {}
    for site, _, meter, reach, _, _ in rows:
        reach = newest.get(meter) if newest is not None else reach
        if reach is not None:
            ends[site] = max(ends.get(site, reach), min(reach, at))
    for site, name, meter, reach, step, valid_to in rows:
        reach = newest.get(meter) if newest is not None else reach
        if reach is None or site not in ends:
            continue
        until = ends[site]
        if valid_to is not None:
            until = min(until, utc(datetime(valid_to.year, valid_to.month, valid_to.day)
                                   + timedelta(days=1), sites[site].timezone))  # fmt: skip
        if until - reach > max(LATE, 2 * timedelta(minutes=int(step))):
            found[site, name] = reach
    for site, end in ends.items():
        if not sites[site].demo and at - end > LATE and _live(cursor, site, end):
            found[site, ""] = end
    return found


def _batch_at(cursor: Cursor, at: datetime) -> int:
    row = cursor.execute(
        "SELECT coalesce(max(batch), 0) FROM batch WHERE received_at <= ?", [at]
    ).fetchone()
    return int(row[0]) if row else 0


def _newest_at(cursor: Cursor, meters: list[int], batch: int) -> dict[int, datetime] | None:
    """Return the newest reading of meters up to a batch; None where none has come since."""
    row = cursor.execute(
        "SELECT 1 FROM batch WHERE kind = 'readings' AND batch > ? LIMIT 1", [batch]
    ).fetchone()
    if row is None:
        return None
    return dict(
        cursor.execute(
            "SELECT meter, max(ts) FROM reading WHERE batch <= ? "
            "AND meter IN (SELECT unnest(?::INTEGER[])) GROUP BY meter",
            [batch, meters],
        ).fetchall()
    )


def _live(cursor: Cursor, site: str, end: datetime) -> bool:
    """Tell whether the newest reading of a site came as it was taken, not with a file later."""
    row = cursor.execute(
        "SELECT min(b.received_at) FROM reading r JOIN batch b ON b.batch = r.batch "
        "JOIN meter_number n ON n.meter = r.meter WHERE n.site = ? AND r.ts = ?",
        [site, end],
    ).fetchone()
    return row is not None and row[0] is not None and row[0] - end <= LATE


def _months_at(engine: Engine, sites: Sites, at: datetime) -> dict[tuple[str, str], Step]:
    return {
        (event.site, event.month): Step(event.status, event.actor, event.at, event.reason)
        for event in engine.state.months.history()
        if event.at <= at and event.site in sites
    }


def _factors_at(engine: Engine, at: datetime) -> dict[str, Approved]:
    return {
        one.factor_id: Approved(
            one.version, one.columns.get("value", ""), one.columns.get("unit", ""),
            one.approver, one.known_from,
        )
        for one in engine.state.factors.all()
        if one.known_from <= at
    }  # fmt: skip


@dataclass(frozen=True)
class Digest:
    """What changed since a time, up to a time (UTC)."""

    since: datetime
    upto: datetime
    changes: tuple[Change, ...]


def digest(
    engine: Engine,
    sites: Sites, keys: Collection[Key], since: datetime, upto: datetime,
    reader: str = "",
) -> Digest:  # fmt: skip
    """Return what changed at sites between two times; see ``known_at`` and ``changes``."""
    now = known_at(engine, sites, keys, upto)
    late = bool(now.late)
    before = known_at(engine, sites, keys, since, late=late)
    missing = {name[1] for name in now.aims} - {name[1] for name in before.aims} - {*keys}
    if missing:  # an aim that is new is told against the figures of then
        before = known_at(engine, sites, {*keys, *missing}, since, late=late)
    return Digest(since, upto, tuple(changes(before, now, reader)))
