"""From readings to hours: plain stretches in SQL, suspicious steps by the rules in Python (R5-R8).

The SQL takes every step whose meaning its two ends alone decide; a backward step, one above
the limit or across a meter change goes through :func:`accounting.registers.walk`, and so do
the readings after it until one is accepted as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pandas as pd

from accounting.registers import Rules, Step, walk
from data.store import Cursor, frame, view

HALO = timedelta(days=3)
FAR = timedelta(days=36_500)
LOOK_AHEAD = timedelta(hours=25)
EVENT_COLUMNS = (
    "meter", "ts", "since", "kind", "accepted", "before", "shown", "quantity", "estimated",
    "island",
)  # fmt: skip


def recompute(cursor: Cursor, windows: pd.DataFrame, meters: pd.DataFrame) -> pd.DataFrame:
    """Replace the hours, gaps and events of meters within their windows (R5-R7, R25).

    Parameters
    ----------
    cursor
        A writing cursor; the caller owns the transaction.
    windows
        meter, h0, h1: whole hours, UTC; what lies in [h0, h1) is computed anew.
    meters
        meter, reading_kind, multiplier, register_max, step_us, rated_per_hour (millionths;
        register_max and rated_per_hour NaN where unknown), held_from (UTC, NaT if nothing is
        held back) and changes (tuple of :class:`Change`).

    Returns
    -------
    DataFrame
        meter, since, until of stretches that began in a window and run beyond it: what was
        decided there may have changed too.

    References
    ----------
    accounting.md R5, R6, R7, R25.
    """
    reach = _reach(cursor, windows)
    _load_readings(cursor, reach, meters)
    treated = _treated(cursor, meters)
    _load_intervals(cursor, treated)
    _replace(cursor, reach, treated)
    beyond = treated.merge(reach, on="meter")
    beyond = beyond[(beyond["island"] < beyond["h1"]) & (beyond["ts"] > beyond["h1"])]
    over = beyond.groupby("meter", as_index=False).agg(since=("h1", "max"), until=("ts", "max"))
    for name in ("win", "got", "step", "iv"):
        cursor.execute(f"DROP TABLE IF EXISTS temp.{name}")
    return over


def neighbours(cursor: Cursor, points: pd.DataFrame, *, after: bool, untreated: bool) -> pd.Series:
    """Return the reading next to each point in time, NaT where there is none.

    Parameters
    ----------
    cursor
        A cursor.
    points
        meter, at (UTC); one row per question.
    after
        Whether the next reading at or after the point is wanted, else the last at or before.
    untreated
        Whether it must be one that was accepted as it stands.

    Returns
    -------
    Series
        Times (UTC) in the order of the points.
    """
    asked = points.reset_index(drop=True).rename_axis("place").reset_index()
    asked["place"] = asked["place"].astype("int64")
    sql = _NEXT if after else _LAST
    only = _UNTREATED if untreated else ""
    found: dict[int, pd.Timestamp] = {}
    for reach in (HALO, FAR):
        rest = asked[~asked["place"].isin(found)]
        if rest.empty:
            break
        low, high = rest["at"].min() - reach, rest["at"].max() + reach
        with view(cursor, "points", rest):
            rows = cursor.execute(sql.format(only=only), [reach, low, high]).fetchall()
        found |= {int(place): pd.Timestamp(ts) for place, ts in rows}
    return pd.Series([found.get(n, pd.NaT) for n in asked["place"]], dtype="datetime64[us]")


_UNTREATED = """
AND NOT EXISTS (SELECT 1 FROM meter_event e WHERE e.meter = r.meter AND e.ts = r.ts)
AND NOT EXISTS (SELECT 1 FROM superseded_reading s WHERE s.meter = r.meter AND s.ts = r.ts
                AND s.batch = r.batch AND s.line = r.line)
"""

_NEXT = """
SELECT p.place, min(r.ts) FROM points p JOIN meter_extent x USING (meter) JOIN reading r
  ON r.meter = p.meter AND r.ts >= p.at AND r.ts <= p.at + ?::INTERVAL
WHERE r.ts BETWEEN ? AND ? AND r.quality <> 2 AND p.at <= x.newest {only} GROUP BY p.place
"""

_LAST = """
SELECT p.place, max(r.ts) FROM points p JOIN meter_extent x USING (meter) JOIN reading r
  ON r.meter = p.meter AND r.ts <= p.at AND r.ts >= p.at - ?::INTERVAL
WHERE r.ts BETWEEN ? AND ? AND r.quality <> 2 AND p.at >= x.first {only} GROUP BY p.place
"""


def _reach(cursor: Cursor, windows: pd.DataFrame) -> pd.DataFrame:
    """Add to each window the reading before it that stands as it is, and the one after it."""
    reach = windows.reset_index(drop=True)
    starts = reach.rename(columns={"h0": "at"})[["meter", "at"]]
    ends = reach.rename(columns={"h1": "at"})[["meter", "at"]]
    before = neighbours(cursor, starts, after=False, untreated=True)
    after = neighbours(cursor, ends, after=True, untreated=True)
    reach["lo"] = before.fillna(reach["h0"] - HALO)
    reach["hi"] = after.fillna(reach["h1"]) + LOOK_AHEAD
    return reach[["meter", "h0", "h1", "lo", "hi"]]


def _load_readings(cursor: Cursor, reach: pd.DataFrame, meters: pd.DataFrame) -> None:
    """Fill temp.got with the effective readings in reach, and temp.step with their steps."""
    rescaled = [any(c.new_multiplier is not None for c in found) for found in meters["changes"]]
    plain = meters.drop(columns="changes").assign(changed=rescaled)
    window = reach.merge(plain, on="meter")
    with view(cursor, "windows", window):
        cursor.execute("CREATE OR REPLACE TEMP TABLE win AS SELECT * FROM windows")
    cursor.execute(_GOT, [reach["lo"].min(), reach["hi"].max()])
    cursor.execute(_STEP)
    changes = [(m, c.at_us) for m, found in zip(meters["meter"], meters["changes"], strict=True)
               for c in found]  # fmt: skip
    if changes:
        with view(cursor, "change_at", pd.DataFrame(changes, columns=["meter", "at_us"])):
            cursor.execute(_CHANGED)


# Steps across a meter change are never plain; after a new multiplier none is.
_CHANGED = """
UPDATE step SET suspicious = true FROM change_at c
WHERE c.meter = step.meter AND c.at_us > epoch_us(step.since) AND c.at_us <= epoch_us(step.ts)
"""

_GOT = """
CREATE OR REPLACE TEMP TABLE got AS
SELECT r.meter, r.ts, r.value, r.quality
FROM reading r JOIN win w USING (meter)
ANTI JOIN superseded_reading s
  ON s.meter = r.meter AND s.ts = r.ts AND s.batch = r.batch AND s.line = r.line
WHERE r.ts BETWEEN ? AND ? AND r.ts BETWEEN w.lo AND w.hi AND r.quality <> 2
  AND (w.held_from IS NULL OR r.ts < w.held_from)
  AND NOT (w.reading_kind = 'interval' AND r.value < 0)
"""

# Rounding wide decimals is most of the work; what a whole multiplier gives needs none.
_STEP = """
CREATE OR REPLACE TEMP TABLE step AS
SELECT meter, ts, quality, value, since, before,
    CASE WHEN w.multiplier = floor(w.multiplier)
         THEN CAST((value - before) * CAST(w.multiplier AS DECIMAL(12,0)) AS DECIMAL(18,6))
         ELSE CAST(CAST(value - before AS DECIMAL(26,6)) * CAST(w.multiplier AS DECIMAL(12,6))
                   AS DECIMAL(18,6)) END AS quantity,
    w.reading_kind = 'register' AND (
        value < before OR w.changed
        OR CAST(value - before AS DOUBLE) * w.multiplier * 1000000
           > 1.199999 * w.rated_per_hour
             * greatest(epoch_us(ts) - epoch_us(since), w.step_us) / 3600000000.0
    ) IS TRUE AND since IS NOT NULL AS suspicious
FROM (SELECT meter, ts, quality, value,
             lag(ts) OVER one AS since, lag(value) OVER one AS before
      FROM got WINDOW one AS (PARTITION BY meter ORDER BY ts)) JOIN win w USING (meter)
"""


def _treated(cursor: Cursor, meters: pd.DataFrame) -> pd.DataFrame:
    """Return what the sequential rules make of every reading they had to look at."""
    suspects = frame(cursor, "SELECT meter, ts FROM step WHERE suspicious ORDER BY meter, ts")
    columns: dict[str, list[object]] = {name: [] for name in EVENT_COLUMNS}
    by_meter = meters.set_index("meter")
    for meter, rows in suspects.groupby("meter", sort=True):
        readings = cursor.execute(
            "SELECT epoch_us(ts), CAST(CAST(value AS DECIMAL(38,6)) * 1000000 AS BIGINT) FROM got "
            "WHERE meter = ? ORDER BY ts",
            [int(meter)],
        ).fetchall()
        times, values = [row[0] for row in readings], [row[1] for row in readings]
        starts = [micros(ts.to_pydatetime()) for ts in rows["ts"]]
        for island, step in islands(times, values, rules_of(by_meter.loc[meter]), starts):
            _append(columns, int(meter), step, island)
    return _event_frame(columns)


def islands(
    times: list[int], values: list[int], rules: Rules, suspects: list[int]
) -> Iterator[tuple[int, Step]]:
    """Yield the steps of every stretch that begins at a suspicious reading, with its begin."""
    done = -1
    place = {ts: at for at, ts in enumerate(times)}
    for ts in suspects:
        start = place[ts]
        if start <= done:
            continue
        for step in walk(times, values, rules, start, until_plain=True):
            done = place[step.ts_us]
            yield times[start - 1], step


def rules_of(row: pd.Series) -> Rules:
    """Return a meter's register rules."""
    return Rules(
        multiplier=int(row["multiplier_micro"]),
        register_max=None if pd.isna(row["register_max"]) else int(row["register_max"]),
        step_us=int(row["step_us"]),
        rated_per_hour=None if pd.isna(row["rated_per_hour"]) else int(row["rated_per_hour"]),
        changes=tuple(row["changes"]),
    )


def _append(columns: dict[str, list[object]], meter: int, step: Step, island: int) -> None:
    row = (
        meter, _moment(step.ts_us), _moment(step.since_us), step.kind, step.accepted,
        step.before, step.shown, step.quantity, step.estimated, _moment(island),
    )  # fmt: skip
    for name, value in zip(EVENT_COLUMNS, row, strict=True):
        columns[name].append(value)


def _event_frame(columns: dict[str, list[object]]) -> pd.DataFrame:
    """Return events with their numbers as integers of millionths (nullable)."""
    events = pd.DataFrame(columns)
    for name in ("ts", "since", "island"):
        events[name] = pd.to_datetime(events[name]).astype("datetime64[us]")
    for name in ("before", "shown", "quantity"):
        events[name] = events[name].astype("Int64")
    return events.astype({"meter": "int64", "accepted": "bool", "estimated": "bool"})


def _load_intervals(cursor: Cursor, treated: pd.DataFrame) -> None:
    """Fill temp.iv with every interval that ends in an accepted reading, and with the holes."""
    with view(cursor, "treated", treated):
        cursor.execute(_REGISTER_INTERVALS)
    cursor.execute(_METERED_INTERVALS)
    cursor.execute(_HOLES)


_REGISTER_INTERVALS = """
CREATE OR REPLACE TEMP TABLE iv AS
SELECT meter, since, ts, quantity, estimated,
    CASE WHEN quantity IS NULL THEN 'error'
         WHEN len > 1.5 * step_us AND len > 10800000000 THEN 'gap'
         ELSE 'plain' END AS kind, len
FROM (
    SELECT meter, since, ts, quantity, step_us, epoch_us(ts) - epoch_us(since) AS len,
        held OR quality = 1
        OR epoch_us(ts) - epoch_us(since) BETWEEN 1.5 * step_us + 1 AND 10800000000 AS estimated
    FROM (
        SELECT s.meter, coalesce(t.since, s.since) AS since, s.ts, s.quality, w.step_us,
            CASE WHEN t.meter IS NULL THEN s.quantity
                 ELSE CAST(CAST(t.quantity AS DECIMAL(38,0)) * 0.000001 AS DECIMAL(18,6))
            END AS quantity,
            coalesce(t.estimated, false) AS held, coalesce(t.accepted, true) AS accepted
        FROM step s JOIN win w USING (meter)
        LEFT JOIN treated t ON t.meter = s.meter AND t.ts = s.ts
        WHERE w.reading_kind = 'register'
    ) WHERE accepted AND since IS NOT NULL
)
"""

_METERED = """
SELECT s.meter, greatest(s.ts - to_microseconds(w.step_us), s.since) AS since, s.ts,
    CAST(s.value * CAST(w.multiplier AS DECIMAL(12,6)) AS DECIMAL(18,6)) AS quantity,
    s.quality = 1 AS estimated,
    s.since AS previous, w.step_us
FROM step s JOIN win w USING (meter) WHERE w.reading_kind = 'interval'
"""

_METERED_INTERVALS = f"""
INSERT INTO iv SELECT meter, coalesce(since, ts - to_microseconds(step_us)), ts, quantity,
    estimated, 'plain', epoch_us(ts) - epoch_us(coalesce(since, ts - to_microseconds(step_us)))
FROM ({_METERED})
"""

_HOLES = f"""
INSERT INTO iv SELECT meter, previous, since, NULL, false, 'hole',
    epoch_us(since) - epoch_us(previous)
FROM ({_METERED})
WHERE previous IS NOT NULL AND epoch_us(since) - epoch_us(previous) > 0.5 * step_us
"""


def _replace(cursor: Cursor, reach: pd.DataFrame, treated: pd.DataFrame) -> None:
    """Put the new hours, gaps and events in place of the old ones."""
    low, high = reach["h0"].min(), reach["h1"].max()
    cursor.execute(
        "DELETE FROM meter_hour USING win w WHERE meter_hour.meter = w.meter "
        "AND hour >= ? AND hour < ? AND hour >= w.h0 AND hour < w.h1",
        [low, high],
    )
    cursor.execute(
        "DELETE FROM meter_gap USING win w WHERE meter_gap.meter = w.meter "
        "AND until > w.h0 AND until <= w.h1"
    )
    cursor.execute(
        "DELETE FROM meter_event USING win w WHERE meter_event.meter = w.meter "
        "AND ts > w.h0 AND ts <= w.h1"
    )
    cursor.execute(_HOURS)
    cursor.execute(
        "INSERT INTO meter_gap SELECT meter, since, ts, quantity, kind FROM iv JOIN win w "
        "USING (meter) WHERE kind <> 'plain' AND ts > w.h0 AND ts <= w.h1 ORDER BY ts, meter"
    )
    _keep_events(cursor, treated)
    cursor.execute(_NEGATIVE)


_HOURS = """
INSERT INTO meter_hour
WITH inside AS (
    SELECT meter, date_trunc('hour', since) AS hour, quantity, estimated, len AS overlap
    FROM iv
    WHERE kind = 'plain'
      AND date_trunc('hour', since) = date_trunc('hour', ts - INTERVAL 1 MICROSECOND)
), crossing AS (
    SELECT meter, ts, quantity, estimated, len, hour,
        least(epoch_us(ts), epoch_us(hour) + 3600000000)
            - greatest(epoch_us(since), epoch_us(hour)) AS overlap,
        epoch_us(hour) + 3600000000 >= epoch_us(ts) AS final
    FROM (SELECT *, unnest(generate_series(date_trunc('hour', since),
              date_trunc('hour', ts - INTERVAL 1 MICROSECOND), INTERVAL 1 HOUR)) AS hour
          FROM iv
          WHERE kind = 'plain'
            AND date_trunc('hour', since) <> date_trunc('hour', ts - INTERVAL 1 MICROSECOND))
), parted AS (
    SELECT *, CAST((2 * CAST(CAST(quantity AS DECIMAL(38,6)) * 1000000 AS HUGEINT) * overlap
                    + CAST(sign(quantity) AS HUGEINT) * len) // (2 * len) AS BIGINT) AS part
    FROM crossing
), slots AS (
    SELECT meter, hour, quantity, estimated, overlap FROM inside
    UNION ALL
    SELECT meter, hour,
        CASE WHEN final
             THEN quantity - CAST((sum(part) OVER (PARTITION BY meter, ts) - part)
                                  AS DECIMAL(38,0)) * 0.000001
             ELSE CAST(part AS DECIMAL(38,0)) * 0.000001 END,
        estimated, overlap
    FROM parted
), blanks AS (
    SELECT meter, date_trunc('hour', since) AS hour FROM iv WHERE kind = 'gap'
    UNION SELECT meter, date_trunc('hour', ts - INTERVAL 1 MICROSECOND) FROM iv WHERE kind = 'gap'
    UNION SELECT meter, date_trunc('hour', since) FROM iv
        WHERE kind = 'error' AND len > 10800000000
    UNION SELECT meter, date_trunc('hour', ts - INTERVAL 1 MICROSECOND) FROM iv
        WHERE kind = 'error' AND len > 10800000000
), summed AS (
    SELECT meter, hour, CAST(sum(quantity) AS DECIMAL(18,6)) AS quantity,
        coalesce(sum(overlap) FILTER (NOT estimated), 0) / 1000000.0 AS measured_s,
        coalesce(sum(overlap) FILTER (estimated), 0) / 1000000.0 AS estimated_s
    FROM slots GROUP BY meter, hour
)
SELECT s.meter, s.hour, s.quantity, s.measured_s, s.estimated_s, b.meter IS NOT NULL
FROM summed s JOIN win w USING (meter)
LEFT JOIN blanks b ON b.meter = s.meter AND b.hour = s.hour
WHERE s.hour >= w.h0 AND s.hour < w.h1
ORDER BY s.hour, s.meter
"""

_NEGATIVE = """
INSERT INTO meter_event
SELECT r.meter, r.ts, r.ts - to_microseconds(w.step_us), 'negative', false, NULL, r.value, NULL,
    false
FROM reading r JOIN win w USING (meter)
ANTI JOIN superseded_reading s
  ON s.meter = r.meter AND s.ts = r.ts AND s.batch = r.batch AND s.line = r.line
WHERE w.reading_kind = 'interval' AND r.value < 0 AND r.quality <> 2
  AND r.ts > w.h0 AND r.ts <= w.h1
"""


def _keep_events(cursor: Cursor, treated: pd.DataFrame) -> None:
    """Write what was treated as events; readings that were only looked at are none."""
    events = treated[treated["kind"] != "plain"]
    if events.empty:
        return
    with view(cursor, "treated", events):
        cursor.execute(
            "INSERT INTO meter_event SELECT t.meter, t.ts, t.since, t.kind, t.accepted, "
            "CAST(t.before AS DECIMAL(38,0)) * 0.000001, "
            "CAST(t.shown AS DECIMAL(38,0)) * 0.000001, "
            "CAST(t.quantity AS DECIMAL(38,0)) * 0.000001, t.estimated "
            "FROM treated t JOIN win w USING (meter) WHERE t.ts > w.h0 AND t.ts <= w.h1 "
            "ORDER BY t.ts, t.meter"
        )


def micros(moment: datetime) -> int:
    """Return a UTC time as microseconds since 1970."""
    return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def _moment(micros: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=micros)  # UTC, kept without a zone
