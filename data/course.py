"""A meter down to its days, hours and readings, as the screen walks it from a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from accounting.course import Point, Reading
from data.engine import Engine
from data.periods import local, local_times, next_month, utc
from data.store import Cursor, frame

HOUR_S = 3600.0


@dataclass(frozen=True)
class Meter:
    """A meter of a site as it was registered last, with its place in the plant."""

    site: str
    meter_id: str
    number: int
    name: str
    medium: str
    unit: str
    kind: str
    places: tuple[tuple[str, str], ...]


QUALITIES = ("good", "uncertain", "bad", "manual")
_PLACES = ("building", "group", "line", "equipment")


def meter(engine: Engine, site: str, meter_id: str) -> Meter | None:
    """Return a meter; None where a site has none of that name.

    Parameters
    ----------
    engine, site, meter_id
        The opened data directory, a site and a meter of it.
    """
    with engine.store.read() as cursor:
        row = cursor.execute(
            "SELECT n.meter, m.name, m.medium, m.unit, m.reading_kind, "
            f"{', '.join(f'm.{place}' for place in _PLACES)} "
            "FROM meter_number n LEFT JOIN record_meters m "
            "ON m.site = n.site AND m.meter_id = n.meter_id "
            "WHERE n.site = ? AND n.meter_id = ? ORDER BY m.batch DESC, m.file_row DESC LIMIT 1",
            [site, meter_id],
        ).fetchone()
    if row is None:
        return None
    number, name, medium, unit, kind, *places = row
    known = tuple((at, found) for at, found in zip(_PLACES, places, strict=True) if found)
    return Meter(site, meter_id, number, name or "", medium or "", unit or "", kind or "", known)


SPAN = "/"  # between the first and the last month of a period that is longer than one


def ends(period: str) -> tuple[date, date]:
    """Return the first day of a day, a month or several, and the first day after it."""
    if SPAN in period:
        begin, end = period.split(SPAN)
        return ends(begin)[0], ends(end)[1]
    if len(period) == len("2026-07"):
        first = date.fromisoformat(f"{period}-01")
        return first, next_month(first)
    day = date.fromisoformat(period)
    return day, day + timedelta(days=1)


def days(engine: Engine, found: Meter, month: str) -> list[Point]:
    """Return a meter's days of a month; a day without a row is a gap.

    Parameters
    ----------
    engine, found
        The opened data directory and a meter.
    month
        ``2026-07``, site-local.
    """
    first, end = ends(month)
    with engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT day, CAST(quantity AS DOUBLE), measured_h, estimated_h, expected_h "
            "FROM meter_day WHERE meter = ? AND day >= ? AND day < ?",
            [found.number, first, end],
        ).fetchall()
    known = {row[0]: row[1:] for row in rows}
    points = []
    for n in range((end - first).days):
        day = first + timedelta(days=n)
        quantity, sure, guessed, hours = known.get(day, (None, 0.0, 0.0, 0.0))
        points.append(Point(f"{day}", quantity, _pct(sure, hours), _pct(guessed, hours)))
    return points


def months(engine: Engine, found: Meter, period: str) -> list[Point]:
    """Return a meter's months of a period; a month without a row is a gap.

    Parameters
    ----------
    engine, found
        The opened data directory and a meter.
    period
        The first and the last month, ``2026-01/2026-07``.
    """
    first, end = ends(period)
    with engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT month, CAST(quantity AS DOUBLE), measured_h, estimated_h, expected_h "
            "FROM meter_month WHERE meter = ? AND month >= ? AND month < ?",
            [found.number, first, end],
        ).fetchall()
    known = {row[0]: row[1:] for row in rows}
    points = []
    while first < end:
        quantity, sure, guessed, hours = known.get(first, (None, 0.0, 0.0, 0.0))
        points.append(Point(f"{first:%Y-%m}", quantity, _pct(sure, hours), _pct(guessed, hours)))
        first = next_month(first)
    return points


def whole(engine: Engine, found: Meter, period: str) -> Point:
    """Return a meter's quantity of a period as the settlement keeps it.

    Parameters
    ----------
    engine, found, period
        The opened data directory, a meter, a site-local day, a month or several, of which those
        that are known are added up.
    """
    first, end = ends(period)
    table, column = ("meter_month", "month") if _monthly(period) else ("meter_day", "day")
    with engine.store.read() as cursor:
        row = cursor.execute(
            "SELECT CAST(sum(quantity) AS DOUBLE), sum(measured_h), sum(estimated_h), "
            f"sum(expected_h) FROM {table} WHERE meter = ? AND {column} >= ? AND {column} < ?",
            [found.number, first, end],
        ).fetchone()
    quantity, sure, guessed, expected = row or (None, 0.0, 0.0, 0.0)
    return Point(period, quantity, _pct(sure, expected), _pct(guessed, expected))


def hours(engine: Engine, found: Meter, first: date, end: date, zone: str) -> list[Point]:
    """Return a meter's hours from a day up to another, which is not among them.

    An hour without a row, or one that is blank, is a gap: its quantity is not known.

    Parameters
    ----------
    engine, found
        The opened data directory and a meter.
    first, end
        Site-local days.
    zone
        The site's time zone.
    """
    low, high = _edges(first, end, zone)
    with engine.store.read() as cursor:
        rows = frame(
            cursor,
            "SELECT hour, CASE WHEN blank THEN NULL ELSE CAST(quantity AS DOUBLE) END AS quantity, "
            "measured_s, estimated_s FROM meter_hour WHERE meter = ? AND hour >= ? AND hour < ?",
            [found.number, low, high],
        )
    every = pd.date_range(low, high, freq="h", inclusive="left", unit="us")
    rows = rows.set_index("hour").reindex(every)
    shown = local_times(pd.Series(every), zone).to_numpy("datetime64[m]")
    labels = np.char.replace(np.datetime_as_string(shown), "T", " ").tolist()
    sure, guessed = (
        (100.0 * rows[name].fillna(0.0) / HOUR_S).tolist() for name in ("measured_s", "estimated_s")
    )
    amounts = rows["quantity"].astype(object).where(rows["quantity"].notna(), None).tolist()
    return [Point(*row) for row in zip(labels, amounts, sure, guessed, strict=True)]


def _monthly(period: str) -> bool:
    """Tell whether a period is a month or several."""
    return SPAN in period or len(period) == len("2026-07")


_READINGS = """
SELECT r.ts, CAST(r.value AS DOUBLE), r.quality, r.batch, b.source, r.line,
    row_number() OVER (PARTITION BY r.ts ORDER BY r.batch DESC, r.line DESC) > 1
FROM reading r JOIN batch b USING (batch)
WHERE r.meter = $meter AND r.ts > $low AND r.ts <= $high
ORDER BY r.ts, r.batch, r.line
"""


def readings(engine: Engine, found: Meter, first: date, end: date, zone: str) -> list[Reading]:
    """Return a meter's raw readings of days, oldest first, those that were corrected among them.

    A reading closes the interval before it, so the one at midnight belongs to the day that ends;
    of a register the one at the beginning is among them too, which the first step starts from.

    Parameters
    ----------
    engine, found, first, end, zone
        As for `hours`.
    """
    low, high = _edges(first, end, zone)
    with engine.store.read() as cursor:
        if found.kind == "register":
            low = _before(cursor, found.number, low)
        rows = cursor.execute(
            _READINGS, {"meter": found.number, "low": low, "high": high}
        ).fetchall()
    return [
        Reading(local(ts, zone), value, QUALITIES[quality], batch, file or "", row or 0, old)
        for ts, value, quality, batch, file, row, old in rows
    ]


def _before(cursor: Cursor, number: int, low: datetime) -> datetime:
    """Return a moment that leaves the reading at the beginning among those after it."""
    row = cursor.execute(
        "SELECT max(ts) FROM reading WHERE meter = ? AND ts <= ? AND ts > ?",
        [number, low, low - timedelta(days=2)],
    ).fetchone()
    return row[0] - timedelta(microseconds=1) if row and row[0] else low


def _edges(first: date, end: date, zone: str) -> tuple[datetime, datetime]:
    low, high = (utc(datetime(day.year, day.month, day.day), zone) for day in (first, end))
    return low, high


def _pct(part: float | None, whole: float | None) -> float:
    return 100.0 * (part or 0.0) / whole if whole else 0.0


_JOINT = {"line": ("line_material", "equipment_line"), "material": ("line_material",),
          "equipment": ("equipment_line",)}  # fmt: skip


def parts_of(engine: Engine, figure: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the ledger rows that a figure is parted into, by dimension.

    Parameters
    ----------
    engine
        The opened data directory.
    figure
        A ledger row; of a whole site all its parts are found, of a line, material or equipment
        those that are of it and of something else.

    Returns
    -------
    list
        Rows of the same indicator, site, grain and period with their dimension and entity, the
        largest of each dimension first.
    """
    dimension, entity = str(figure["dimension"]), str(figure["entity"])
    if dimension == "site":
        inner = "dimension NOT IN ('site', 'line_material', 'equipment_line')"
        values: list[object] = []
    elif dimension in _JOINT:
        inner = ("dimension IN (SELECT unnest(?::VARCHAR[])) "
                 "AND list_contains(string_split(entity, '/'), ?)")  # fmt: skip
        values = [list(_JOINT[dimension]), entity]
    else:
        return []
    names = ("figure_id", "site", "grain", "period", "indicator", "dimension", "entity", "value",
             "unit", "quality", "measured_pct", "estimated_pct", "flags")  # fmt: skip
    with engine.store.read() as cursor:
        rows = cursor.execute(
            f"SELECT {', '.join(names)} FROM ledger WHERE current AND site = ? AND grain = ? "
            f"AND period = ? AND indicator = ? AND {inner} "
            "ORDER BY dimension, value DESC NULLS LAST, entity",
            [*(figure[name] for name in ("site", "grain", "period", "indicator")), *values],
        ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]
