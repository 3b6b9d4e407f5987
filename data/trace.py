"""A figure down to its factors, sources and readings (CONTRACT §6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from data.behind import meters_behind
from data.digest import sm3
from data.engine import Engine
from data.ingest.site_file import DEFAULT_ZONE
from data.periods import local, next_month, utc
from data.sites import documents
from data.store import Cursor


class Unknown(Exception):
    """There is no such figure."""


@dataclass(frozen=True)
class Name:
    """What names a figure: indicator, period, site, dimension and entity."""

    indicator: str
    period: str
    site: str = ""
    dimension: str = ""
    entity: str = ""


def find(cursor: Cursor, name: Name) -> str:
    """Return the identifier of the current figure of a name.

    Raises
    ------
    Unknown
        None or several match; the message lists what would do.
    """
    rows = cursor.execute(
        "SELECT figure_id, site, dimension, entity FROM ledger WHERE current AND indicator = ? "
        "AND period = ? AND (? = '' OR site = ?) AND (? = '' OR dimension = ?) "
        "AND (? = '' OR entity = ?) ORDER BY site, dimension <> 'site', dimension, entity",
        [
            name.indicator, name.period, name.site, name.site, name.dimension, name.dimension,
            name.entity, name.entity,
        ],
    ).fetchall()  # fmt: skip
    if not name.dimension and len(rows) > 1:
        whole = [row for row in rows if row[2] == "site"]
        rows = whole if len(whole) == 1 else rows
    if len(rows) != 1:
        choices = "; ".join(f"{site} {dimension}/{entity}" for _, site, dimension, entity in rows)
        raise Unknown(choices)
    return str(rows[0][0])


def trace(engine: Engine, figure_id: str) -> dict[str, object]:
    """Return a figure with its terms and the readings behind them (CONTRACT §6).

    Parameters
    ----------
    engine
        The opened data directory.
    figure_id
        A ledger row's identifier.

    Returns
    -------
    dict
        figure_id, indicator, period, value, unit, formula, terms, readings, supersedes, cause
        and what names the figure. The sum of quantity x coefficient over the terms is the
        value; terms of kind ``divisor`` are not summed.

    Raises
    ------
    Unknown
        There is no such figure.
    """
    with engine.store.read() as cursor:
        row = cursor.execute(
            "SELECT figure_id, site, grain, period, indicator, dimension, entity, value, unit, "
            "formula, quality, flags, factor_set, supersedes, cause, settled_at "
            "FROM ledger WHERE figure_id = ?",
            [figure_id],
        ).fetchone()
        if row is None:
            raise Unknown(figure_id)
        names = (
            "figure_id", "site", "grain", "period", "indicator", "dimension", "entity", "value",
            "unit", "formula", "quality", "flags", "factor_set", "supersedes", "cause",
            "settled_at",
        )  # fmt: skip
        found = dict(zip(names, row, strict=True))
        terms = _terms(engine, cursor, figure_id, found["factor_set"])
        zone = _zone(cursor, found["site"])
        meters = sorted({str(t["ref"]) for t in terms if t["kind"] == "meter"})
        span = _span(found["grain"], found["period"], zone)
        readings = _readings(cursor, found["site"], meters, *span, found["settled_at"])
    found["settled_at"] = found["settled_at"].isoformat() + "Z"
    return found | {"terms": terms, "readings": readings}


def _zone(cursor: Cursor, site: str) -> str:
    """Return a site's time zone; the market, which has no site, keeps China's."""
    found = documents(cursor).get(site)
    return DEFAULT_ZONE if found is None else found.timezone


def _terms(
    engine: Engine, cursor: Cursor, figure_id: str, factor_set: str
) -> list[dict[str, object]]:
    """Return a figure's terms with the factors as they were known when it was settled."""
    library = engine.libraries.by_digest(factor_set.partition("@")[2])
    rows = cursor.execute(
        "SELECT kind, ref, quantity, unit, coefficient, factor_id, origin FROM lineage "
        "WHERE figure_id = ? ORDER BY place",
        [figure_id],
    ).fetchall()
    found = []
    for kind, ref, quantity, unit, coefficient, factor_id, origin in rows:
        factors = [library.rows[name] for name in factor_id.split(";") if name]
        found.append(
            {
                "kind": kind,
                "ref": ref,
                "quantity": quantity,
                "unit": unit,
                "coefficient": coefficient,
                "factor_id": factor_id or None,
                "factor_version": ";".join(
                    f"{f.value!r} {f.unit} {f.valid_from or ''}" for f in factors
                )
                or None,
                "source": "; ".join(f"{f.source} {f.source_ref}".strip() for f in factors) or None,
                "origin": origin or None,
            }
        )
    return found


def _span(grain: str, period: str, zone: str) -> tuple[datetime, datetime]:
    """Return the ends of a period, UTC; a year's readings are its months' affair."""
    if grain == "day":
        day = date.fromisoformat(period)
        start, end = day, day + timedelta(days=1)
    elif grain == "month":
        start = date.fromisoformat(f"{period}-01")
        end = next_month(start)
    else:
        start = end = date(int(period), 1, 1)
    edges = [utc(datetime(d.year, d.month, d.day), zone) for d in (start, end)]
    return edges[0], edges[1]


_READINGS = """
SELECT n.meter_id, strftime(r.ts, '%Y-%m-%dT%H:%M:%S.%fZ') AS timestamp,
    CAST(r.value AS DOUBLE) AS value, r.quality, r.batch
FROM (SELECT meter, ts, value, quality, batch, line FROM reading UNION ALL
      SELECT meter, ts, value, quality, batch, line FROM aside_reading JOIN revoked_batch v
          USING (batch) WHERE v.revoked_at > $known) r
JOIN meter_number n USING (meter)
JOIN batch b ON b.batch = r.batch AND b.received_at <= $known
WHERE n.site = $site AND n.meter_id IN (SELECT unnest($meters::VARCHAR[]))
  AND r.ts BETWEEN $low AND $high
QUALIFY row_number() OVER (PARTITION BY r.meter, r.ts ORDER BY r.batch DESC, r.line DESC) = 1
ORDER BY n.meter_id, r.ts
"""

_QUALITIES = ("good", "uncertain", "bad", "manual")


def _readings(
    cursor: Cursor,
    site: str,
    meters: Sequence[str],
    start: datetime,
    end: datetime,
    known: datetime,
) -> list[dict[str, object]]:
    """Return the readings of a period with the one before and the one after each meter's."""
    if not meters or start == end:
        return []
    low, high = _edges(cursor, site, meters, start, end)
    rows = cursor.execute(
        _READINGS,
        {"site": site, "meters": list(meters), "low": low, "high": high, "known": known},
    ).fetchall()
    return [
        {
            "meter_id": meter_id,
            "timestamp": timestamp,
            "value": value,
            "quality": _QUALITIES[quality],
            "batch": batch,
        }
        for meter_id, timestamp, value, quality, batch in rows
    ]


_EDGES = """
SELECT min(before), max(after) FROM (
    SELECT r.meter, max(r.ts) FILTER (r.ts <= $start) AS before,
        min(r.ts) FILTER (r.ts >= $end) AS after
    FROM reading r JOIN meter_number n USING (meter)
    WHERE n.site = $site AND n.meter_id IN (SELECT unnest($meters::VARCHAR[]))
      AND (r.ts BETWEEN $low AND $start OR r.ts BETWEEN $end AND $high)
    GROUP BY r.meter)
"""


def _edges(
    cursor: Cursor, site: str, meters: Sequence[str], start: datetime, end: datetime
) -> tuple[datetime, datetime]:
    """Return the times that also hold the neighbours across the period's edges (R5, R6)."""
    gap = timedelta(days=2)
    values = {"site": site, "meters": list(meters), "start": start, "end": end}
    row = cursor.execute(_EDGES, values | {"low": start - gap, "high": end + gap}).fetchone()
    before, after = row or (None, None)
    return before or start - gap, after or end + gap


def opened(engine: Engine, figure_id: str) -> dict[str, object]:
    """Return a figure as the drawer shows it: terms, factors, meters, versions; no readings.

    Parameters
    ----------
    engine
        The opened data directory.
    figure_id
        A ledger row's identifier.

    Returns
    -------
    dict
        ``figure`` (the ledger row), ``terms`` as `trace` has them, ``meters`` as `meters_behind`
        has them, and ``versions`` of the figure, newest first.

    Raises
    ------
    Unknown
        There is no such figure.
    """
    with engine.store.read() as cursor:
        row = cursor.execute("SELECT * FROM ledger WHERE figure_id = ?", [figure_id]).fetchone()
        if row is None:
            raise Unknown(figure_id)
        figure = dict(zip([column[0] for column in cursor.description or []], row, strict=True))
        terms = _terms(engine, cursor, figure_id, str(figure["factor_set"]))
        zone = _zone(cursor, figure["site"])
        versions = cursor.execute(
            "SELECT figure_id, revision, value, quality, settled_at, cause, run, current "
            "FROM ledger WHERE site = ? AND grain = ? AND period = ? AND indicator = ? "
            "AND dimension = ? AND entity = ? ORDER BY revision DESC",
            [figure[n] for n in ("site", "grain", "period", "indicator", "dimension", "entity")],
        ).fetchall()
    names = ("figure_id", "revision", "value", "quality", "settled_at", "cause", "run", "current")
    return {
        "figure": figure,
        "terms": terms,
        "meters": _meters(engine, figure, terms),
        "versions": [
            dict(zip(names, v, strict=True)) | {"settled_at": local(v[4], zone)} for v in versions
        ],
        "settled_at": local(figure["settled_at"], zone),
        "check": check_value(figure, terms),
    }


def _meters(
    engine: Engine, figure: dict[str, object], terms: Sequence[dict[str, object]]
) -> list[dict[str, object]]:
    """Return the meters behind a figure; those of a year are its months'."""
    if figure["grain"] != "year":
        return meters_behind(engine, [str(figure["figure_id"])], str(figure["grain"]))
    months = [str(term["ref"]) for term in terms if term["kind"] == "figure"]
    return meters_behind(engine, months, "month")


def check_value(figure: dict[str, object], terms: Sequence[dict[str, object]]) -> str:
    """Return the SM3 digest of a figure and its terms, by which a printed sheet is checked."""
    kept = [figure["figure_id"], repr(figure["value"]), figure["unit"]]
    kept += [
        "|".join(str(t[n]) for n in ("kind", "ref", "quantity", "unit", "coefficient"))
        for t in terms
    ]
    return sm3("\n".join(map(str, kept)).encode())


def rows_of(engine: Engine, figure_ids: Sequence[str]) -> list[dict[str, object]]:
    """Return ledger rows by their identifiers, in the order asked for."""
    names = ("figure_id", "site", "grain", "period", "indicator", "dimension", "entity", "value",
             "unit", "quality", "flags")  # fmt: skip
    with engine.store.read() as cursor:
        rows = cursor.execute(
            f"SELECT {', '.join(names)} FROM ledger "
            "WHERE figure_id IN (SELECT unnest(?::VARCHAR[]))",
            [list(figure_ids)],
        ).fetchall()
    found = {row[0]: dict(zip(names, row, strict=True)) for row in rows}
    return [found[name] for name in figure_ids if name in found]


def span_of(
    engine: Engine, sites: Sequence[str], name: Name, first: str, last: str
) -> list[dict[str, object]]:
    """Return the current month rows of a name between two months, oldest first."""
    with engine.store.read() as cursor:
        ids = cursor.execute(
            "SELECT figure_id FROM ledger WHERE current AND grain = 'month' AND indicator = ? "
            "AND dimension = ? AND entity = ? AND period BETWEEN ? AND ? "
            "AND site IN (SELECT unnest(?::VARCHAR[])) ORDER BY period, site",
            [name.indicator, name.dimension, name.entity, first, last, list(sites)],
        ).fetchall()
    return rows_of(engine, [row[0] for row in ids])
