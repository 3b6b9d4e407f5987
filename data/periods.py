"""From hours to days and months per meter: coverage, quality and flags (R2, R6, R7)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accounting.amount import flag_bits
from data.store import Cursor, frame, view

Moments = NDArray[np.datetime64]
UTC = ZoneInfo("UTC")
GAP_LIMIT_S = 3 * 3600
EVENT_FLAGS = {
    "spike": "spike",
    "jump": "jump",
    "rollover": "rollover",
    "meter_change": "meter_change",
    "reset": "error",
    "negative": "error",
}


def utc(moment: datetime, zone: str) -> datetime:
    """Return a site-local time as UTC without a zone mark."""
    return moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def local(moment: datetime, zone: str) -> datetime:
    """Return a UTC time as the site's local time without a zone mark."""
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def local_times(moments: pd.Series, zone: str) -> pd.Series:
    """Return UTC times as a site's; a day whose two ends have one offset is looked up once."""
    known = moments.notna().to_numpy()
    if not known.any():
        return moments
    found = moments.to_numpy("datetime64[us]").copy()
    at = found[known]
    day = at.astype("datetime64[D]").astype(np.int64)
    edges = np.arange(day.min(), day.max() + 2).astype("datetime64[D]").astype("datetime64[us]")
    offset = _shifted(edges, zone) - edges
    place = day - day.min()
    shifted = at + offset[place]
    turns = offset[:-1] != offset[1:]  # summer time begins or ends
    if turns.any():
        shifted[turns[place]] = _shifted(at[turns[place]], zone)
    found[known] = shifted
    return pd.Series(found, index=moments.index)


def _shifted(moments: Moments, zone: str) -> Moments:
    return np.array([local(moment, zone) for moment in moments.tolist()], "datetime64[us]")


def month_of(moment: datetime, zone: str) -> date:
    """Return the month of the interval that a reading at a time closes (R2)."""
    return local(moment - timedelta(microseconds=1), zone).date().replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the next month."""
    return (month + timedelta(days=32)).replace(day=1)


def previous_month(month: date) -> date:
    """Return the first day of the month before."""
    return (month - timedelta(days=1)).replace(day=1)


def months_between(first: date, last: date) -> list[date]:
    """Return the months from the first to the last, both included."""
    found = []
    while first <= last:
        found.append(first)
        first = next_month(first)
    return found


def day_frame(months: list[date], zone: str) -> pd.DataFrame:
    """Return every day of the months: day, month, and its ends in UTC."""
    days = [
        (day, month)
        for month in months
        for day in (month + timedelta(days=n) for n in range((next_month(month) - month).days))
    ]
    start = [utc(datetime(d.year, d.month, d.day), zone) for d, _ in days]
    end = [utc(datetime(d.year, d.month, d.day) + timedelta(days=1), zone) for d, _ in days]
    out = pd.DataFrame({"day": [d for d, _ in days], "month": [m for _, m in days]})
    out["day_start"] = pd.Series(start, dtype="datetime64[us]")
    out["day_end"] = pd.Series(end, dtype="datetime64[us]")
    return out


def replace_periods(
    cursor: Cursor, meters: pd.DataFrame, days: pd.DataFrame, horizon: datetime | None
) -> None:
    """Replace the days and months of a site's meters from their hours, gaps and events.

    Parameters
    ----------
    cursor
        A writing cursor; the caller owns the transaction.
    meters
        meter, reading_kind, step_us, valid_since, valid_until (UTC, NaT if open).
    days
        day, month, day_start, day_end (UTC) of whole months, see :func:`day_frame`.
    horizon
        The end of the elapsed part of the running month (R2), UTC; None without one.

    References
    ----------
    accounting.md R2, R6, R7.
    """
    with view(cursor, "m_in", meters), view(cursor, "d_in", days):
        cursor.execute("CREATE OR REPLACE TEMP TABLE site_meter AS SELECT * FROM m_in")
        cursor.execute("CREATE OR REPLACE TEMP TABLE span AS SELECT * FROM d_in")
    low, high = days["day_start"].min(), days["day_end"].max()
    cursor.execute(_DAY_BASE, {"low": low, "high": high, "horizon": horizon})
    for table, label in (("meter_day", "day"), ("meter_month", "month")):
        cursor.execute(
            f"DELETE FROM {table} USING site_meter m WHERE {table}.meter = m.meter "
            f"AND {label} IN (SELECT {label} FROM span)"
        )
    cursor.execute(_PERIOD.format(table="meter_day", label="day", exact="false"))
    cursor.execute(_PERIOD.format(table="meter_month", label="month", exact="true"))
    for name in ("site_meter", "span", "day_base", "period_gap"):
        cursor.execute(f"DROP TABLE IF EXISTS temp.{name}")


# The hours that begin in a day are listed and looked up: far faster than comparing ranges.
_DAY_BASE = """
CREATE OR REPLACE TEMP TABLE day_base AS
WITH slots AS (
    SELECT day, unnest(range(date_trunc('hour', day_start + INTERVAL '1 hour'
        - INTERVAL 1 MICROSECOND), day_end, INTERVAL '1 hour')) AS hour
    FROM span
), hours AS (
    SELECT h.meter, s.day, sum(h.quantity) AS quantity, sum(h.measured_s) AS measured_s,
        sum(h.estimated_s) AS estimated_s
    FROM (SELECT h.* FROM meter_hour h SEMI JOIN site_meter m USING (meter)
          WHERE h.hour >= $low AND h.hour < $high) h
    JOIN slots s USING (hour)
    GROUP BY h.meter, s.day
), expected AS (
    SELECT m.meter, m.reading_kind, m.step_us, s.day, s.month,
        greatest(s.day_start, m.valid_since) AS since,
        least(s.day_end, m.valid_until,
              CASE WHEN $horizon > month_start AND $horizon < month_end THEN $horizon END)
            AS until
    FROM site_meter m CROSS JOIN (
        SELECT *, min(day_start) OVER (PARTITION BY month) AS month_start,
            max(day_end) OVER (PARTITION BY month) AS month_end
        FROM span) s
)
SELECT e.*, CAST(h.quantity AS DECIMAL(18,6)) AS quantity,
    coalesce(h.measured_s, 0) AS measured_s, coalesce(h.estimated_s, 0) AS estimated_s
FROM expected e LEFT JOIN hours h ON h.meter = e.meter AND h.day = e.day
WHERE e.until > e.since
"""

_FLAG_CASE = " ".join(f"WHEN '{kind}' THEN {flag_bits(flag)}" for kind, flag in EVENT_FLAGS.items())

# Gap and event tables are small: they hold faults, not readings.
_PERIOD = f"""
INSERT INTO {{table}}
WITH base AS (
    SELECT meter, any_value(reading_kind) AS reading_kind, any_value(step_us) AS step_us,
        {{label}} AS label, min(since) AS since, max(until) AS until,
        sum(quantity) AS quantity, sum(measured_s) AS measured_s,
        sum(estimated_s) AS estimated_s,
        sum(epoch_us(until) - epoch_us(since)) / 1000000.0 AS expected_s
    FROM day_base GROUP BY meter, {{label}}
), gaps AS (
    SELECT b.meter, b.label,
        bool_or(g.kind = 'gap') AS long,
        bool_or(g.kind = 'error') AS error,
        bool_or(g.kind = 'hole') AS hole,
        bool_or(g.kind = 'gap' AND NOT (g.since >= b.since AND g.until <= b.until)) AS crossing,
        sum(g.quantity) FILTER (g.kind = 'gap' AND g.since >= b.since AND g.until <= b.until)
            AS quantity,
        coalesce(sum(epoch_us(g.until) - epoch_us(g.since))
            FILTER (g.kind = 'gap' AND g.since >= b.since AND g.until <= b.until), 0) / 1000000.0
            AS exact_s
    FROM base b JOIN meter_gap g
      ON g.meter = b.meter AND g.since < b.until AND g.until > b.since
    GROUP BY b.meter, b.label
), events AS (
    SELECT b.meter, b.label,
        bit_or(CASE e.kind {_FLAG_CASE} ELSE 0 END) AS flags
    FROM base b JOIN meter_event e ON e.meter = b.meter
      AND CASE WHEN e.accepted THEN e.since ELSE e.ts - INTERVAL 1 MICROSECOND END < b.until
      AND CASE WHEN e.accepted THEN e.ts ELSE e.ts END > b.since
    GROUP BY b.meter, b.label
), judged AS (
    SELECT b.meter, b.label, b.reading_kind = 'register' AS register, b.quantity AS summed,
        g.quantity AS exact, measured_s, estimated_s, expected_s,
        (measured_s + estimated_s) / expected_s AS c,
        expected_s - measured_s - estimated_s
            - CASE WHEN {{exact}} THEN coalesce(g.exact_s, 0) ELSE 0 END AS missing_s,
        coalesce(g.long, false) AS long, coalesce(g.error, false) AS error,
        coalesce(g.hole, false) AS hole, coalesce(g.crossing, false) AS crossing,
        coalesce(e.flags, 0) AS flags, step_us / 1000000.0 AS step_s
    FROM base b LEFT JOIN gaps g USING (meter, label) LEFT JOIN events e USING (meter, label)
), ruled AS (
    SELECT *,
        CASE WHEN register THEN crossing OR error OR missing_s > {GAP_LIMIT_S}
             ELSE hole OR missing_s > 0.5 * step_s END AS incomplete,
        register AND NOT crossing AND NOT error AND missing_s <= {GAP_LIMIT_S} AS exact_total,
        CASE WHEN {{exact}} THEN CASE WHEN summed IS NULL AND exact IS NULL THEN NULL
                                      ELSE coalesce(summed, 0) + coalesce(exact, 0) END
             WHEN long AND register THEN NULL
             ELSE summed END AS known
    FROM judged
)
SELECT meter, label, CAST(CASE WHEN c < 0.8 AND NOT exact_total THEN NULL ELSE known END
                          AS DECIMAL(18,6)) AS quantity,
    CASE WHEN known IS NULL OR (c < 0.8 AND NOT exact_total) THEN 3
         WHEN incomplete THEN 2 WHEN estimated_s > 0 THEN 1 ELSE 0 END,
    measured_s / 3600.0, estimated_s / 3600.0, expected_s / 3600.0,
    flags
    | CASE WHEN c >= 0.8 AND c < 0.95 THEN {flag_bits("low_coverage")} ELSE 0 END
    | CASE WHEN long OR (NOT register AND incomplete) THEN {flag_bits("gap")} ELSE 0 END
    | CASE WHEN error THEN {flag_bits("error")} ELSE 0 END
FROM ruled ORDER BY label, meter
"""


def meter_periods(
    cursor: Cursor, site: str, first: date, end: date
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the day and month quantities of a site's meters, period labels as text."""
    days = frame(cursor, _READ.format(table="meter_day", label="day"), [site, first, end])
    months = frame(cursor, _READ.format(table="meter_month", label="month"), [site, first, end])
    return days, months


_READ = """
SELECT n.meter_id, p.{label} AS at, CAST(p.quantity AS DOUBLE) AS quantity, p.quality,
    p.measured_h, p.estimated_h, p.expected_h, p.flags
FROM {table} p JOIN meter_number n USING (meter)
WHERE n.site = ? AND p.{label} >= ? AND p.{label} < ? ORDER BY n.meter_id, p.{label}
"""


def heat_pump_hours(
    cursor: Cursor, site: str, zone: str, first: date, end: date
) -> dict[str, float]:
    """Return the clock hours of each month in which heat-pump electricity was above zero (R17).

    Parameters
    ----------
    cursor, site, zone
        Where to read, which site, its time zone (of whole hours).
    first, end
        The first day, and the day after the last.

    Returns
    -------
    dict
        Month label to hours, h.
    """
    edges = [utc(datetime(d.year, d.month, d.day), zone) for d in (first, end)]
    rows = cursor.execute(
        _PUMP_HOURS, {"site": site, "zone": zone, "low": edges[0], "high": edges[1]}
    ).fetchall()
    return {label: float(count) for label, count in rows}


_PUMP_HOURS = """
SELECT strftime((hour AT TIME ZONE 'UTC') AT TIME ZONE $zone, '%Y-%m') AS label, count(*)
FROM (SELECT h.hour, sum(h.quantity) AS quantity
      FROM meter_hour h JOIN meter_number n USING (meter)
      JOIN (SELECT site, meter_id, role FROM record_meters WHERE site = $site
            QUALIFY row_number() OVER (PARTITION BY meter_id ORDER BY batch DESC, file_row DESC)
                = 1) m
        ON m.site = n.site AND m.meter_id = n.meter_id AND m.role = 'heat_pump'
      WHERE h.hour >= $low AND h.hour < $high GROUP BY h.hour)
WHERE quantity > 0 GROUP BY label
"""
