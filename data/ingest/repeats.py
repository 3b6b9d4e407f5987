"""Readings that a later batch says likewise: kept as stretches, written out when somebody asks.

Exports that overlap say the same readings day after day. Where a batch repeats everything that
counts of a meter between two times, one row says so; only what it repeats in part is kept row by
row (docs/decisions/0024-intake-closing.md).
"""

from __future__ import annotations

from data.store import Cursor

# The repeated rows of temp.judged, each with its rank among those of its meter.
_RANKED = """
CREATE OR REPLACE TEMP TABLE ranked AS
SELECT j.meter, j.ts, j.value, j.quality, j.line,
    row_number() OVER (PARTITION BY j.meter ORDER BY j.ts) - 1 AS place
FROM judged j SEMI JOIN (FROM known_before WHERE alike) k USING (line)
"""
# Meters whose repeated rows are all that counts between the first and the last, lines evenly apart.
_WHOLE = """
CREATE OR REPLACE TEMP TABLE stretch AS
WITH edge AS (
    SELECT meter, min(ts) AS since, max(ts) AS until, count(*) AS n,
        arg_min(line, ts) AS first_line, arg_max(line, ts) AS last_line
    FROM ranked GROUP BY meter HAVING count(*) = count(DISTINCT ts) AND count(*) > 1),
spaced AS (SELECT *, (last_line - first_line) // (n - 1) AS step FROM edge),
even AS (
    SELECT s.* FROM spaced s JOIN ranked r USING (meter)
    GROUP BY ALL HAVING bool_and(r.line = s.first_line + s.step * r.place))
SELECT e.* FROM even e
JOIN reading r ON r.meter = e.meter AND r.ts BETWEEN e.since AND e.until
ANTI JOIN superseded_reading x
    ON x.meter = r.meter AND x.ts = r.ts AND x.batch = r.batch AND x.line = r.line
WHERE r.ts BETWEEN (SELECT min(since) FROM edge) AND (SELECT max(until) FROM edge)
GROUP BY ALL HAVING count(*) = e.n
"""
# Of each time what counted when the batch came: the newest row of a batch before it.
_WRITTEN_OUT = """
CREATE OR REPLACE TEMP TABLE written_out AS
SELECT s.meter, s.batch, r.ts, r.value, r.quality,
    s.first_line + s.step * (row_number() OVER (PARTITION BY s.meter, s.batch ORDER BY r.ts) - 1)
        AS line
FROM asked s JOIN (
    SELECT s.batch AS by_batch, r.meter, r.ts, r.value, r.quality
    FROM asked s JOIN reading r ON r.meter = s.meter AND r.ts BETWEEN s.since AND s.until
        AND r.batch < s.batch
    WHERE r.ts BETWEEN (SELECT min(since) FROM asked) AND (SELECT max(until) FROM asked)
    QUALIFY row_number() OVER (PARTITION BY s.batch, r.meter, r.ts
        ORDER BY r.batch DESC, r.line DESC) = 1
) r ON r.by_batch = s.batch AND r.meter = s.meter
"""


def keep_repeats(cursor: Cursor, batch: int) -> None:
    """Keep what a batch says likewise: temp.judged against temp.known_before.

    Parameters
    ----------
    cursor
        A writing cursor; the batch's own rows are not among the readings yet.
    batch
        Its number.
    """
    cursor.execute(_RANKED)
    cursor.execute(_WHOLE)
    cursor.execute(
        "INSERT INTO repeated_stretch SELECT ?, meter, since, until, n, first_line, step "
        "FROM stretch",
        [batch],
    )
    cursor.execute(
        "INSERT INTO aside_reading SELECT meter, ts, value, quality, ?, line, 'repeated' "
        "FROM ranked ANTI JOIN stretch USING (meter)",
        [batch],
    )
    for name in ("ranked", "stretch"):
        cursor.execute(f"DROP TABLE temp.{name}")


def write_out(cursor: Cursor, batch: int) -> None:
    """Write out row by row what a batch repeats, and what others repeat where it has readings.

    Parameters
    ----------
    cursor
        A writing cursor, before any reading of the batch is moved.
    batch
        The batch that is taken back.
    """
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE asked AS SELECT * FROM repeated_stretch s "
        "WHERE s.batch = $batch OR EXISTS (SELECT 1 FROM (SELECT meter, min(ts) AS low, "
        "max(ts) AS high FROM reading WHERE batch = $batch GROUP BY meter) b "
        "WHERE b.meter = s.meter AND b.low <= s.until AND b.high >= s.since)",
        {"batch": batch},
    )
    cursor.execute(_WRITTEN_OUT)
    cursor.execute(
        "INSERT INTO aside_reading SELECT meter, ts, value, quality, batch, line, 'repeated' "
        "FROM written_out"
    )
    cursor.execute(
        "DELETE FROM repeated_stretch USING asked a WHERE a.batch = repeated_stretch.batch "
        "AND a.meter = repeated_stretch.meter"
    )
    for name in ("asked", "written_out"):
        cursor.execute(f"DROP TABLE temp.{name}")
