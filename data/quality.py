"""How complete the readings of a site are, meter by day, and what an alarm's meter showed."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from accounting.anomaly import DEFAULTS
from data.engine import Engine
from data.ingest.kinds import KINDS
from data.periods import local, utc
from data.sites import effective_sql
from data.store import Cursor

COMPLETE, PART, MISSING, ESTIMATED = "complete", "part", "missing", "estimated"
WHOLE_PCT = 99.5
NOTHING_PCT = 5.0
GROUPS = ("gate", "sub", "water", "clean")
_CLEAN = ("pv_generation", "charger", "heat_pump", "heat_pump_heat")
MARGIN = timedelta(hours=12)
LONGEST_HOURS = 24 * 8


@dataclass(frozen=True)
class Day:
    """What of a meter's day is known.

    Parameters
    ----------
    state
        complete, part, missing or estimated.
    measured_pct, estimated_pct
        Of the hours that were expected, %.
    lacking_h
        Hours that were not measured.
    """

    state: str
    measured_pct: float
    estimated_pct: float
    lacking_h: float


@dataclass(frozen=True)
class MeterRow:
    """A meter's month.

    Parameters
    ----------
    meter_id, name, medium, group
        Which meter; group is gate, sub, water or clean.
    days
        By day of the month; a day on which nothing was expected is absent.
    measured_h, expected_h
        Hours of the month so far.
    step_min
        Minutes between readings.
    limit_h
        Hours without data from which A6 alarms.
    solar
        Whether it measures what PV yields: its silence at night is none.
    """

    meter_id: str
    name: str
    medium: str
    group: str
    days: Mapping[int, Day]
    measured_h: float
    expected_h: float
    step_min: float
    limit_h: float
    solar: bool

    @property
    def pct(self) -> float | None:
        """Hours measured of hours expected, %."""
        return 100.0 * self.measured_h / self.expected_h if self.expected_h else None


def calendar(engine: Engine, site: str, month: str) -> list[MeterRow]:
    """Return how complete each meter's days are.

    Parameters
    ----------
    engine
        The opened data directory.
    site, month
        Which site, ``2026-07``.

    Returns
    -------
    list of MeterRow
        By group and identifier; meters that nothing was expected of are absent.

    References
    ----------
    accounting.md R6, R8, §12 A6.
    """
    first = date.fromisoformat(f"{month}-01")
    last = first.replace(day=monthrange(first.year, first.month)[1])
    with engine.store.read() as cursor:
        days = cursor.execute(
            "SELECT n.meter_id, d.day, d.measured_h, d.estimated_h, d.expected_h FROM meter_day d "
            "JOIN meter_number n USING (meter) WHERE n.site = ? AND d.day BETWEEN ? AND ? "
            "AND d.expected_h > 0 ORDER BY ALL",
            [site, first, last],
        ).fetchall()
        meters = cursor.execute(
            "SELECT meter_id, name, medium, role, step_min FROM "
            f"({effective_sql(KINDS['meters'])}) ORDER BY meter_id",
            [site],
        ).fetchall()
    found: dict[str, dict[int, tuple[float, float, float]]] = {}
    for meter, day, measured, estimated, expected in days:
        found.setdefault(meter, {})[day.day] = (measured or 0.0, estimated or 0.0, expected)
    rows = []
    for meter, name, medium, role, step in meters:
        own = found.get(meter)
        if not own:
            continue
        least = max(DEFAULTS.missing_h(medium), 1.5 * float(step) / 60.0)
        rows.append(
            MeterRow(
                meter, name or meter, medium, group_of(medium, role),
                {day: day_of(*hours) for day, hours in own.items()},
                sum(hours[0] for hours in own.values()),
                sum(hours[2] for hours in own.values()), float(step), least,
                role == "pv_generation",
            )
        )  # fmt: skip
    return sorted(rows, key=lambda row: (GROUPS.index(row.group), row.meter_id))


def group_of(medium: str, role: str) -> str:
    """Return the group of a meter in the calendar."""
    if role in _CLEAN:
        return "clean"
    if medium == "water":
        return "water"
    return "gate" if role in ("grid_import", "pv_export") else "sub"


def day_of(measured_h: float, estimated_h: float, expected_h: float) -> Day:
    """Return what of a day is known, from its hours.

    Parameters
    ----------
    measured_h, estimated_h, expected_h
        Hours of the day.

    Returns
    -------
    Day
        estimated where what was not measured is filled, missing where next to nothing is known.
    """
    measured = 100.0 * measured_h / expected_h
    estimated = 100.0 * estimated_h / expected_h
    if measured >= WHOLE_PCT:
        state = COMPLETE
    elif measured + estimated >= WHOLE_PCT:
        state = ESTIMATED
    elif measured + estimated < NOTHING_PCT:
        state = MISSING
    else:
        state = PART
    return Day(state, measured, estimated, max(expected_h - measured_h, 0.0))


# ---- what an alarm's meter showed ----


@dataclass(frozen=True)
class Shown:
    """What a meter showed in an hour or day (site-local start); None where it is not known."""

    at: datetime
    quantity: float | None
    estimated: bool


@dataclass(frozen=True)
class Trace:
    """Readings around an alarm: by hour, or by day where it is long; unit of the quantity."""

    points: tuple[Shown, ...]
    by_day: bool
    unit: str


_UNITS = {"electricity": "kWh", "water": "m3", "heat": "GJ", "diesel": "L"}


def around(
    engine: Engine, site: str, zone: str, meter_id: str, since: datetime, until: datetime
) -> Trace | None:
    """Return what a meter showed from half a day before an alarm to half a day after it.

    Parameters
    ----------
    engine
        The opened data directory.
    site, zone, meter_id
        Which meter, and its time zone.
    since, until
        The alarm, site-local.

    Returns
    -------
    Trace or None
        None where there is no such meter.
    """
    with engine.store.read() as cursor:
        row = cursor.execute(
            "SELECT n.meter, any_value(m.medium) FROM meter_number n JOIN record_meters m "
            "ON m.site = n.site AND m.meter_id = n.meter_id "
            "WHERE n.site = ? AND n.meter_id = ? GROUP BY n.meter",
            [site, meter_id],
        ).fetchone()
        if row is None:
            return None
        meter, medium = int(row[0]), str(row[1])
        long = until - since > timedelta(hours=LONGEST_HOURS)
        points = (_days if long else _hours)(cursor, meter, zone, since, until)
    return Trace(points, long, _UNITS[medium])


def _hours(
    cursor: Cursor, meter: int, zone: str, since: datetime, until: datetime
) -> tuple[Shown, ...]:
    first = (since - MARGIN).replace(minute=0, second=0, microsecond=0)
    last = until + MARGIN
    rows = cursor.execute(
        "SELECT hour, CAST(quantity AS DOUBLE), estimated_s > 0, blank FROM meter_hour "
        "WHERE meter = ? AND hour >= ? AND hour < ? ORDER BY hour",
        [meter, utc(first, zone), utc(last, zone)],
    ).fetchall()
    known = {
        local(hour, zone): (None if blank else quantity, bool(estimated))
        for hour, quantity, estimated, blank in rows
    }
    end = max(known, default=until)
    found, at = [], first
    while at < last and at <= max(end, until):
        found.append(Shown(at, *known.get(at, (None, False))))
        at += timedelta(hours=1)
    return tuple(found)


def _days(
    cursor: Cursor, meter: int, _zone: str, since: datetime, until: datetime
) -> tuple[Shown, ...]:
    first, last = (since - timedelta(days=5)).date(), (until + timedelta(days=5)).date()
    rows = cursor.execute(
        "SELECT day, CAST(quantity AS DOUBLE), estimated_h > 0 FROM meter_day "
        "WHERE meter = ? AND day BETWEEN ? AND ? ORDER BY day",
        [meter, first, last],
    ).fetchall()
    return tuple(Shown(datetime(d.year, d.month, d.day), q, bool(e)) for d, q, e in rows)
