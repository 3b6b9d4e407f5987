"""Lists in pages, by keys and never by place: what comes meanwhile shifts nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from accounting.ledger import indicators
from data.engine import Engine
from data.export import COLUMNS
from data.ingest.kinds import KINDS
from data.store import Cursor

QUALITIES = ("good", "uncertain", "bad", "manual")


class BadCursor(ValueError):
    """A cursor is none that was given out."""


@dataclass(frozen=True)
class Part:
    """Which part of a list.

    Parameters
    ----------
    limit
        At most so many rows.
    cursor
        Where the page before ended; empty for the first.
    sites
        Whose rows may be seen; None for all.
    """

    limit: int
    cursor: str = ""
    sites: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Listed:
    """A page of a list, and where the next one begins; None where there is none."""

    rows: list[dict[str, Any]]
    next_cursor: str | None


def encoded(keys: Sequence[object]) -> str:
    """Return a cursor of the keys of a page's last row."""
    body = json.dumps(list(keys), ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def decoded(cursor: str, types: Sequence[type]) -> list[Any]:
    """Return the keys of a cursor.

    Raises
    ------
    BadCursor
        It is none that ``encoded`` made of such keys.
    """
    try:
        body = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = json.loads(body)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadCursor(cursor) from error
    if not isinstance(found, list) or [type(one) for one in found] != list(types):
        raise BadCursor(cursor)
    return found


def _page(
    cursor: Cursor, sql: str, keys: Mapping[str, type], part: Part, values: dict[str, Any]
) -> Listed:
    """Return a page of a query, sorted by its keys."""
    names = ", ".join(keys)
    after = ""
    if part.cursor:
        marks = ", ".join(f"$after_{n}" for n in range(len(keys)))
        after = f"WHERE ({names}) > ({marks})"
        found = decoded(part.cursor, list(keys.values()))
        values |= {f"after_{n}": one for n, one in enumerate(found)}
    values["most"] = part.limit + 1
    result = cursor.execute(f"SELECT * FROM ({sql}) {after} ORDER BY {names} LIMIT $most", values)
    columns = [column[0] for column in result.description or ()]
    rows = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
    kept = rows[: part.limit]
    more = len(rows) > part.limit
    return Listed(kept, encoded([kept[-1][key] for key in keys]) if more else None)


def _within(part: Part, values: dict[str, Any], site: str, *, market: bool = False) -> str:
    """Return the condition that keeps to a site and to those that may be seen."""
    found = ["true"]
    if site:
        values["site"] = site
        found.append("site = $site")
    if part.sites is not None:
        values["sites"] = list(part.sites)
        seen = "site IN (SELECT unnest($sites::VARCHAR[]))"
        found.append(f"(site = '' OR {seen})" if market else seen)
    return " AND ".join(found)


@dataclass(frozen=True)
class Figures:
    """Which figures; empty words are no condition, months as in ``export ledger``."""

    site: str = ""
    grain: str = ""
    indicator: str = ""
    dimension: str = ""
    entity: str = ""
    first: str = ""
    last: str = ""
    as_of: datetime | None = None


_NAMES = ("site", "grain", "period", "indicator", "dimension", "entity")
_LEDGER_KEYS: Mapping[str, type] = dict.fromkeys(_NAMES, str)
_AS_OF = """
figure_id IN (SELECT figure_id FROM ledger WHERE settled_at <= $as_of QUALIFY row_number() OVER
    (PARTITION BY site, grain, period, indicator, dimension, entity ORDER BY revision DESC) = 1)
"""


def ledger_page(engine: Engine, wanted: Figures, part: Part) -> Listed:
    """Return a page of the ledger in the order and with the columns of the contract (§3).

    Parameters
    ----------
    engine
        The opened data directory.
    wanted, part
        Which figures, which part of them; the market's rows, which have no site, are everybody's.

    Returns
    -------
    Listed
        The rows that `export ledger` writes.
    """
    values: dict[str, Any] = {}
    where = [_within(part, values, wanted.site, market=True)]
    for name in ("grain", "indicator", "dimension", "entity"):
        if chosen := getattr(wanted, name):
            values[name] = chosen
            where.append(f"{name} = ${name}")
    if wanted.first:
        values["first"] = wanted.first
        where.append("left(period, 7) >= left($first, length(period))")
    if wanted.last:
        values["last"] = wanted.last
        where.append("left(period, 7) <= left($last, length(period))")
    if wanted.as_of is None:
        where.append("current")
    else:
        values["as_of"] = wanted.as_of
        where.append(_AS_OF)
    sql = f"SELECT {', '.join(COLUMNS)} FROM ledger WHERE {' AND '.join(where)}"
    with engine.store.read() as cursor:
        found = _page(cursor, sql, _LEDGER_KEYS, part, values)
    for row in found.rows:
        row["settled_at"] = row["settled_at"].isoformat(timespec="microseconds") + "Z"
    return found


_READINGS = """
SELECT site, meter_id, strftime(ts, '%Y-%m-%dT%H:%M:%S.%fZ') AS timestamp,
    CAST(value AS DOUBLE) AS value, quality, batch
FROM (SELECT n.site, n.meter_id, r.ts, r.value, r.quality, r.batch, r.line, r.meter
      FROM reading r JOIN meter_number n USING (meter)
      WHERE n.meter_id = $meter_id AND r.ts >= $since AND r.ts < $until
      QUALIFY row_number() OVER (PARTITION BY r.meter, r.ts ORDER BY r.batch DESC, r.line DESC)
          = 1)
"""
_EVER = (datetime(1900, 1, 1), datetime(2200, 1, 1))


@dataclass(frozen=True)
class Span:
    """Readings of a meter in [since, until), UTC without a zone; None is open."""

    meter_id: str
    site: str = ""
    since: datetime | None = None
    until: datetime | None = None


def readings_page(engine: Engine, wanted: Span, part: Part) -> Listed:
    """Return a page of the readings of a meter that count, oldest first.

    Parameters
    ----------
    engine, wanted, part
        Where, which readings, which part of them.

    Returns
    -------
    Listed
        site, meter_id, timestamp (UTC), value in the meter's unit, quality, batch.
    """
    values: dict[str, Any] = {
        "meter_id": wanted.meter_id,
        "since": wanted.since or _EVER[0],
        "until": wanted.until or _EVER[1],
    }
    if part.cursor and wanted.site:  # of one site the page before says where to begin
        _, moment = decoded(part.cursor, (str, str))
        values["since"] = max(values["since"], _moment(moment))
    where = _within(part, values, wanted.site)
    sql = f"SELECT * FROM ({_READINGS}) WHERE {where}"
    with engine.store.read() as cursor:
        found = _page(cursor, sql, {"site": str, "timestamp": str}, part, values)
    for row in found.rows:
        row["quality"] = QUALITIES[row["quality"]]
    return found


def _moment(words: str) -> datetime:
    try:
        return datetime.strptime(words, "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 (UTC, as stored)
    except ValueError as error:
        raise BadCursor(words) from error


def meters_page(engine: Engine, site: str, part: Part) -> Listed:
    """Return a page of the meters as they are described now, with their newest reading.

    Parameters
    ----------
    engine, site, part
        Where, whose (empty for all), which part of them.

    Returns
    -------
    Listed
        The columns of the import file and ``newest`` (UTC), by site and meter_id.
    """
    names = ", ".join(f'm."{column.name}"' for column in KINDS["meters"].columns)
    values: dict[str, Any] = {}
    sql = (
        f"SELECT {names}, strftime(e.newest, '%Y-%m-%dT%H:%M:%SZ') AS newest "
        "FROM (SELECT * FROM record_meters QUALIFY row_number() OVER "
        "(PARTITION BY site, meter_id ORDER BY batch DESC, file_row DESC) = 1) m "
        "LEFT JOIN meter_number n ON n.site = m.site AND n.meter_id = m.meter_id "
        "LEFT JOIN meter_extent e ON e.meter = n.meter"
    )
    sql = f"SELECT * FROM ({sql}) WHERE {_within(part, values, site)}"
    with engine.store.read() as cursor:
        page = _page(cursor, sql, {"site": str, "meter_id": str}, part, values)
    return Listed([{k: _plain(v) for k, v in row.items()} for row in page.rows], page.next_cursor)


@dataclass(frozen=True)
class Spell:
    """Alarms of a rule between two days, both included, site-local; empty is open."""

    site: str = ""
    rule: str = ""
    first: date | None = None
    last: date | None = None


_ALARMS = """
SELECT site, rule, entity, medium, strftime(started, '%Y-%m-%dT%H:%M:%S') AS started,
    strftime(ended, '%Y-%m-%dT%H:%M:%S') AS ended, level, shown AS value, threshold AS "limit",
    unit, z, hits, "open"
FROM alarm
"""


def alarms_page(engine: Engine, wanted: Spell, part: Part) -> Listed:
    """Return a page of the alarms of accounting.md §12, oldest first within a site.

    Parameters
    ----------
    engine, wanted, part
        Where, which, which part of them.

    Returns
    -------
    Listed
        Times are site-local.
    """
    values: dict[str, Any] = {}
    where = [_within(part, values, wanted.site)]
    if wanted.rule:
        values["rule"] = wanted.rule
        where.append("rule = $rule")
    if wanted.first:
        values["first"] = wanted.first
        where.append("started >= $first")
    if wanted.last:
        values["last"] = wanted.last
        where.append("CAST(started AS DATE) <= $last")
    sql = f"{_ALARMS} WHERE {' AND '.join(where)}"
    keys = dict.fromkeys(("site", "started", "rule", "entity", "level", "ended"), str)
    with engine.store.read() as cursor:
        return _page(cursor, sql, keys, part, values)


def indicator_rows() -> list[dict[str, Any]]:
    """Return every indicator by dimension, as indicators.csv lists them."""
    return [
        {"indicator": one.indicator, "name_zh": one.name_zh, "name_en": one.name_en,
         "unit": one.unit, "dimension": one.dimension, "entities": list(one.entities),
         "grains": list(one.grains), "ledger": one.ledger, "section": one.section,
         "clauses": list(one.clauses)}
        for one in indicators().values()
    ]  # fmt: skip


def factor_rows(engine: Engine, as_of: datetime | None) -> tuple[str, list[dict[str, Any]]]:
    """Return the digest and the rows of the factor library as it is, or was, known.

    Parameters
    ----------
    engine
        The opened data directory.
    as_of
        UTC without a zone; None for now.
    """
    known = engine.library if as_of is None else engine.libraries.as_of(as_of)
    rows = [
        {name: _plain(getattr(one, name)) for name in type(one).__dataclass_fields__}
        for one in known.rows.values()
    ]
    return known.digest, rows


def _plain(value: object) -> object:
    """Return a value as JSON holds it; what is not known is null."""
    if value is None or value != value:
        return None
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, str | bool | int | float) else float(str(value))
