"""The meters behind figures: what each showed in their periods and adds to them."""

from __future__ import annotations

from collections.abc import Sequence

from data.engine import Engine
from data.ingest.site_file import DEFAULT_ZONE
from data.periods import local
from data.sites import documents

# A meter may stand in several figures of one period (a shared one in three lines): what it adds
# is added up, what it showed counts once.
_METERS = """
WITH part AS (
    SELECT l.site, l.period, t.ref AS meter_id, sum(t.quantity * t.coefficient) AS amount
    FROM ledger l JOIN lineage t USING (figure_id)
    WHERE l.figure_id IN (SELECT unnest($figures::VARCHAR[])) AND t.kind = 'meter'
        AND l.grain = $grain
    GROUP BY ALL),
shown AS (
    SELECT n.site, n.meter_id, any_value(e.newest) AS newest, sum(q.quantity) AS quantity,
        min(coalesce(q.quality, 3)) AS best, max(coalesce(q.quality, 3)) AS worst,
        sum(q.measured_h) AS measured_h, sum(q.estimated_h) AS estimated_h,
        sum(q.expected_h) AS expected_h, min(p.period) AS first, max(p.period) AS last,
        sum(p.amount) AS amount
    FROM part p
    JOIN meter_number n ON n.site = p.site AND n.meter_id = p.meter_id
    LEFT JOIN meter_extent e USING (meter)
    LEFT JOIN {table} q ON q.meter = n.meter AND q.{column} = CAST({start} AS DATE)
    GROUP BY n.site, n.meter_id)
SELECT s.site, s.meter_id, m.name, m.unit, m.medium, s.newest, s.quantity,
    CASE WHEN s.best = 3 THEN 3 ELSE least(s.worst, 2) END, s.measured_h, s.estimated_h,
    s.expected_h, s.first, s.last, s.amount
FROM shown s
LEFT JOIN (SELECT * FROM record_meters
    QUALIFY row_number() OVER (PARTITION BY site, meter_id ORDER BY batch DESC, file_row DESC) = 1
    ) m ON m.site = s.site AND m.meter_id = s.meter_id
ORDER BY s.site, s.meter_id
"""
_NAMES = (
    "site", "meter_id", "name", "unit", "medium", "newest", "quantity", "quality", "measured_h",
    "estimated_h", "expected_h", "first", "last", "amount",
)  # fmt: skip
_TABLES = {
    "day": {"table": "meter_day", "column": "day", "start": "p.period"},
    "month": {"table": "meter_month", "column": "month", "start": "p.period || '-01'"},
}


def meters_behind(engine: Engine, figure_ids: Sequence[str], grain: str) -> list[dict[str, object]]:
    """Return the meters that figures of one grain are made of.

    Parameters
    ----------
    engine
        The opened data directory.
    figure_ids
        Ledger rows of days or of months.
    grain
        ``day`` or ``month``; rows of another grain are left out.

    Returns
    -------
    list
        By site and meter: name, unit and medium as registered last, ``newest`` reading
        (site-local), ``quantity`` of all its periods together (unit of account; what is not known
        is left out and makes the ``quality`` incomplete), hours measured, estimated and expected,
        the ``first`` and ``last`` period, and the ``amount`` that it adds, in the figures' unit.
    """
    sql = _METERS.format(**_TABLES[grain])
    with engine.store.read() as cursor:
        rows = cursor.execute(sql, {"figures": list(figure_ids), "grain": grain}).fetchall()
        zones = {site: found.timezone for site, found in documents(cursor).items()}
    found = [dict(zip(_NAMES, row, strict=True)) for row in rows]
    for row in found:
        zone = zones.get(str(row["site"]), DEFAULT_ZONE)
        row["newest"] = None if row["newest"] is None else local(row["newest"], zone)
    return found
