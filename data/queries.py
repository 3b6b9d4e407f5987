"""What the screens read: sites, ledger rows and the state of the data, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from math import fsum
from typing import Any

import pandas as pd

from accounting.emission import Basis, MonthFactors
from accounting.factors import Factor
from data.engine import Engine
from data.export import COLUMNS
from data.horizon import stored_horizon
from data.ingest.checks import COMMON_SITE
from data.ingest.site_file import SiteDocument
from data.market import MARKET
from data.periods import (
    local,
    month_of,
    months_between,
    next_month,
    previous_month,
    utc,
)
from data.sites import documents, records
from data.store import frame
from data.views import NAMES, TAKEN, Asked, view_rows

LEDGER_COLUMNS = (
    "site", "grain", "period", "indicator", "dimension", "entity", "value", "unit", "quality",
    "measured_pct", "estimated_pct", "flags", "figure_id",
)  # fmt: skip


@dataclass(frozen=True)
class Freshness:
    """How far and how completely a site's data reach.

    Parameters
    ----------
    newest
        Site-local time of the newest reading; None without readings.
    hours
        Month to hours measured and hours expected of all meters.
    meters
        How many meters have readings, by medium.
    """

    newest: datetime | None
    hours: dict[str, tuple[float, float]]
    meters: dict[str, int]

    def complete_pct(self, first: str, last: str) -> float | None:
        """Return hours measured over hours expected between two months, %."""
        found = [self.hours[month] for month in self.hours if first <= month <= last]
        expected = fsum(hours for _, hours in found)
        return 100 * fsum(hours for hours, _ in found) / expected if expected else None


def site_documents(engine: Engine) -> dict[str, SiteDocument]:
    """Return every site's document by its identifier."""
    with engine.store.read() as cursor:
        return documents(cursor)


def ledger(engine: Engine, sites: Sequence[str], grain: str) -> pd.DataFrame:
    """Return the current ledger rows of sites at a grain (CONTRACT §3).

    Parameters
    ----------
    engine
        The opened data directory.
    sites
        Site identifiers.
    grain
        ``day``, ``month`` or ``year``.

    Returns
    -------
    DataFrame
        The columns of ``LEDGER_COLUMNS``, with the market's rows, which have no site;
        values in the indicator's unit, null where not known.
    """
    with engine.store.read() as cursor:
        return frame(
            cursor,
            f"SELECT {', '.join(LEDGER_COLUMNS)} FROM ledger WHERE current AND grain = ? "
            "AND site IN (SELECT unnest(?::VARCHAR[])) "
            "ORDER BY site, period, indicator, dimension, entity",
            [grain, [MARKET, *sites]],
        )


_DAY_NAMES = (
    "(('energy', 'site'), ('electricity', 'site'), ('water', 'site'), ('diesel', 'site'), "
    "('energy', 'medium'))"
)


def site_days(engine: Engine, sites: Sequence[str], first: str, last: str) -> pd.DataFrame:
    """Return the day rows of whole sites and of energy by medium (CONTRACT §3).

    Parameters
    ----------
    engine, sites
        The opened data directory and site identifiers.
    first, last
        Months from and to.

    Returns
    -------
    DataFrame
        The columns of ``LEDGER_COLUMNS``.
    """
    with engine.store.read() as cursor:
        return frame(
            cursor,
            f"SELECT {', '.join(LEDGER_COLUMNS)} FROM ledger WHERE current AND grain = 'day' "
            f"AND site IN (SELECT unnest(?::VARCHAR[])) AND (indicator, dimension) IN {_DAY_NAMES} "
            "AND period BETWEEN ? AND ? ORDER BY site, period, indicator, dimension, entity",
            [list(sites), f"{first}-01", f"{last}-31"],
        )


def viewed(engine: Engine, site: str, view: str, grain: str, first: str, last: str) -> pd.DataFrame:
    """Return a site's rows at a grain under a view, computed now and not stored.

    Parameters
    ----------
    engine, site
        The opened data directory and a site.
    view
        One of ``data.views.VIEWS``.
    grain
        ``month`` or ``day``.
    first, last
        Months from and to.

    Returns
    -------
    DataFrame
        The columns that ``data.views.under_view`` puts in place of the ledger's.
    """
    asked = Asked(sites=(site,), grains=(grain,), lineage=False)
    return view_rows(engine, view, first, last, COLUMNS, asked)[[*NAMES, *TAKEN]]


def months_known(engine: Engine, sites: Sequence[str]) -> tuple[str, str, str] | None:
    """Return the first, the last complete and the last month of the ledger of sites."""
    with engine.store.read() as cursor:
        row = cursor.execute(
            "SELECT min(period), max(period), "
            "max(period) FILTER (NOT contains(flags, 'month_to_date')) FROM ledger "
            "WHERE current AND grain = 'month' AND site IN (SELECT unnest(?::VARCHAR[]))",
            [list(sites)],
        ).fetchone()
    if row is None or row[0] is None:
        return None
    first, last, complete = row
    return first, complete or last, last


def freshness(engine: Engine, site: str, zone: str) -> Freshness:
    """Return how far and how completely a site's readings reach (clauses 5.2, 7.3)."""
    with engine.store.read() as cursor:
        newest = cursor.execute(
            "SELECT max(newest) FROM meter_extent JOIN meter_number USING (meter) WHERE site = ?",
            [site],
        ).fetchone()
        hours = cursor.execute(
            "SELECT strftime(month, '%Y-%m'), sum(measured_h), sum(expected_h) FROM meter_month "
            "JOIN meter_number USING (meter) WHERE site = ? GROUP BY ALL ORDER BY ALL",
            [site],
        ).fetchall()
        counts = cursor.execute(
            "SELECT m.medium, count(DISTINCT m.meter_id) FROM record_meters m "
            "JOIN meter_number n ON n.site = m.site AND n.meter_id = m.meter_id "
            "JOIN meter_extent e ON e.meter = n.meter WHERE m.site = ? GROUP BY ALL ORDER BY ALL",
            [site],
        ).fetchall()
    moment = local(newest[0], zone) if newest and newest[0] else None
    return Freshness(moment, {m: (a or 0.0, b or 0.0) for m, a, b in hours}, dict(counts))


def partial_days(engine: Engine, site: str, zone: str) -> dict[str, float]:
    """Return the days that are known of a site's months that are not whole, by month.

    They are the month of its first reading and the month that runs (accounting.md §14, R2).
    """
    with engine.store.read() as cursor:
        row = cursor.execute(
            "SELECT min(e.first) FROM meter_extent e JOIN meter_number n USING (meter) "
            "WHERE n.site = ?",
            [site],
        ).fetchone()
        newest = stored_horizon(cursor, site).newest
    if row is None or row[0] is None or newest is None:
        return {}
    first = local(row[0], zone)
    begun, running = first.date().replace(day=1), month_of(newest, zone)
    found = {}
    for month in {begun, running}:
        edges = [utc(datetime(m.year, m.month, 1), zone) for m in (month, next_month(month))]
        known = min(newest, edges[1]) - max(row[0], edges[0])
        if known < edges[1] - edges[0]:
            found[f"{month:%Y-%m}"] = known.total_seconds() / 86400.0
    return found


def meter_names(engine: Engine, site: str) -> dict[str, str]:
    """Return the names of a site's meters by their identifiers; those without a name are absent."""
    with engine.store.read() as cursor:
        rows = records(cursor, "meters", site)
    named = rows[rows["name"].notna()]
    return dict(zip(named["meter_id"], named["name"], strict=True))


_EQUIPMENT_LINE = (
    "CASE m.equipment WHEN 'cable_line' THEN 'cable' WHEN 'conductor_line' THEN 'conductor' "
    "WHEN 'transformer_bench' THEN 'transformer' ELSE m.line END"
)


def line_alarms(engine: Engine, sites: Sequence[str]) -> dict[str, int]:
    """Return how many alarms are not closed by dismantling line, of its meters and batches.

    Alarms of equipment that the lines share belong to none.
    """
    with engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT DISTINCT * FROM ("
            f"SELECT m.site, m.meter_id, {_EQUIPMENT_LINE} AS line FROM record_meters m "
            "UNION ALL SELECT site, batch_id, line FROM record_batches) "
            "WHERE line IN ('cable', 'conductor', 'transformer') "
            "AND site IN (SELECT unnest(?::VARCHAR[]))",
            [list(sites)],
        ).fetchall()
    lines = {(site, entity): line for site, entity, line in rows}
    found = [
        lines.get((one.site, one.subject))
        for one in engine.state.incidents.of(sites)
        if one.status != "closed"
    ]
    return dict(Counter(line for line in found if line))


def hour_means(
    engine: Engine, site: str, zone: str, month: str, role: str
) -> dict[tuple[int, int], float]:
    """Return the mean kWh of the hours of a month, all meters of a role together.

    Parameters
    ----------
    engine, site, zone
        The opened data directory, a site and its time zone.
    month
        ``2026-07``, in site-local time.
    role
        ``charger``, ``pv_generation`` or ``pv_export``.

    Returns
    -------
    dict
        Weekday (0 is Monday) and hour, site-local, to the mean over the hours in which every
        meter that knows any hour of the month is wholly known; others are absent.
    """
    first = date.fromisoformat(f"{month}-01")
    edges = [utc(datetime(m.year, m.month, 1), zone) for m in (first, next_month(first))]
    with engine.store.read() as cursor:
        rows = frame(
            cursor,
            "WITH known AS (SELECT h.meter, h.hour, CAST(h.quantity AS DOUBLE) AS quantity "
            "FROM meter_hour h JOIN meter_number n USING (meter) WHERE n.site = ? "
            "AND n.meter_id IN (SELECT meter_id FROM record_meters WHERE site = ? AND role = ?) "
            "AND h.hour >= ? AND h.hour < ? AND h.quantity IS NOT NULL AND NOT h.blank "
            "AND h.measured_s + h.estimated_s >= 3600) "
            "SELECT hour, sum(quantity ORDER BY meter) AS quantity FROM known GROUP BY hour "
            "HAVING count(*) = (SELECT count(DISTINCT meter) FROM known) ORDER BY hour",
            [site, site, role, *edges],
        )
    found: dict[tuple[int, int], list[float]] = {}
    for moment, quantity in zip(rows["hour"], rows["quantity"], strict=True):
        at = local(moment.to_pydatetime(), zone)
        found.setdefault((at.weekday(), at.hour), []).append(quantity)
    return {at: fsum(values) / len(values) for at, values in found.items()}


def charger_power(engine: Engine, site: str, month: str) -> float | None:
    """Return the rated power of the chargers in service in a month, kW (R16)."""
    first = date.fromisoformat(f"{month}-01")
    last = next_month(first) - timedelta(days=1)
    with engine.store.read() as cursor:
        rows = records(cursor, "devices", site)
    found = [
        float(row.capacity)
        for row in rows[(rows["kind"] == "charger") & (rows["unit"] == "kW")].itertuples()
        if row.in_service_from.date() <= last
        and (row.in_service_to != row.in_service_to or row.in_service_to.date() >= last)
    ]
    return fsum(found) if found else None


def grid_factor(
    engine: Engine, province: str, month: str, basis: Basis = Basis.INVENTORY
) -> Factor:
    """Return the electricity factor of a province in a month (R22), or a view's (D-2)."""
    factors = MonthFactors(engine.library, province, date.fromisoformat(f"{month}-01"), basis)
    return engine.library.rows[factors.grid.factor_ids[0]]


def outdoor_means(engine: Engine, site: str) -> dict[str, float]:
    """Return a site's mean outdoor temperature by month, degrees Celsius, where it was given."""
    with engine.store.read() as cursor:
        rows = records(cursor, "site_months", site)
    known = rows[rows["outdoor_mean_c"].notna()]
    return dict(zip(known["month"], known["outdoor_mean_c"].astype(float), strict=True))


def targets(engine: Engine, site: str) -> dict[tuple[str, str, str, str], dict[str, float]]:
    """Return a site's targets, quotas, budgets and plan in the ledger's unit, by period.

    The name is indicator, dimension, entity and kind; a line's planned mass (kind plan) stands
    under the mass it is held against.
    """
    with engine.store.read() as cursor:
        rows = records(cursor, "targets", site)
        plan = records(cursor, "plan", site)
    found: dict[tuple[str, str, str, str], dict[str, float]] = {}
    for row in rows.itertuples():
        name = (row.indicator, row.dimension, row.entity, row.kind)
        found.setdefault(name, {})[row.period] = float(row.value)
    for row in plan.itertuples():
        name = ("throughput", "line", row.line, "plan")
        found.setdefault(name, {})[str(row.year)] = float(row.mass_in_t)
    return found


@dataclass(frozen=True)
class Shutdown:
    """A shutdown of the calendar in one month: its days in words (``02-10 ～ 02-17``), its note."""

    site: str
    month: str
    days: str
    note: str


def shutdowns(engine: Engine, sites: Sequence[str]) -> list[Shutdown]:
    """Return the shutdowns of sites by month, their own and, in China, the common ones."""
    found = []
    with engine.store.read() as cursor:
        known = documents(cursor)
        for site in sites:
            own = [records(cursor, "calendar", site)]
            if known[site].province.startswith(COMMON_SITE):
                own.append(records(cursor, "calendar", COMMON_SITE))
            rows = pd.concat(own, ignore_index=True)
            rows = rows[rows["kind"] == "shutdown"]
            for first, last, note in zip(
                rows["date_from"], rows["date_to"], rows["note"], strict=True
            ):
                found += _by_month(site, first.date(), last.date(), note)
    return sorted(found, key=lambda one: (one.month, one.days))


def _by_month(site: str, first: date, last: date, note: object) -> list[Shutdown]:
    words = note if isinstance(note, str) else ""
    days = f"{first:%m-%d}" if first == last else f"{first:%m-%d} ～ {last:%m-%d}"
    months = months_between(first.replace(day=1), last.replace(day=1))
    return [Shutdown(site, f"{month:%Y-%m}", days, words) for month in months]


def default_range(first: str, last: str) -> tuple[str, str]:
    """Return the twelve months that end with the last complete one."""
    day = date.fromisoformat(f"{last}-01")
    for _ in range(11):
        day = previous_month(day)
    return max(first, f"{day:%Y-%m}"), last


_USES = """
WITH used AS (SELECT DISTINCT figure_id, factor_id FROM lineage WHERE factor_id <> '')
SELECT factor, count(*) FROM (
    SELECT DISTINCT figure_id, unnest(string_split(factor_id, ';')) AS factor
    FROM used SEMI JOIN (SELECT figure_id FROM ledger WHERE current) USING (figure_id))
GROUP BY factor
"""


def factor_uses(engine: Engine) -> dict[str, int]:
    """Return how many current figures of the ledger hold each factor in their lineage.

    Parameters
    ----------
    engine
        The opened data directory.

    Returns
    -------
    dict
        Factor identifier to a count; a factor that no figure holds is absent.
    """
    with engine.store.read() as cursor:
        return dict(cursor.execute(_USES).fetchall())


@dataclass(frozen=True)
class Restating:
    """A settle run that changed figures: its number, its first moment (UTC), how many, why."""

    run: int
    at: datetime
    figures: int
    causes: tuple[str, ...]


def restating_runs(engine: Engine, sites: Sequence[str], most: int = 24) -> list[Restating]:
    """Return the settle runs that restated month figures of sites, newest first.

    Parameters
    ----------
    engine, sites
        The opened data directory and site identifiers.
    most
        How many at most.
    """
    with engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT run, min(settled_at), count(*), list(DISTINCT cause ORDER BY cause) "
            "FROM ledger WHERE grain = 'month' AND cause IS NOT NULL "
            "AND site IN (SELECT unnest(?::VARCHAR[])) GROUP BY run ORDER BY run DESC LIMIT ?",
            [list(sites), most],
        ).fetchall()
    return [Restating(run, at, count, tuple(causes)) for run, at, count, causes in rows]


@dataclass(frozen=True)
class RestatedMonth:
    """A month figure then and now: rows of the ledger, and the difference by cause, exact."""

    site: str
    period: str
    old_id: str
    new_id: str
    old: float
    new: float
    parts: dict[str, Decimal]


@dataclass(frozen=True)
class Restated:
    """How an indicator became what it is: sums over the months known at a time.

    Parameters
    ----------
    unit
        The indicator's unit.
    old, new
        Then and now, exact sums; None where no month was known then.
    parts
        Difference by cause, exact: ``old`` and all of them make ``new``.
    months
        The months that are in both sums.
    left_out
        Site, month and why a month is in neither: ``later`` where it was first computed
        afterwards, ``unknown`` where it has no value then or now.
    """

    unit: str
    old: Decimal | None
    new: Decimal | None
    parts: dict[str, Decimal]
    months: tuple[RestatedMonth, ...]
    left_out: tuple[tuple[str, str, str], ...]


def restated(
    engine: Engine,
    sites: Sequence[str],
    indicator: str,
    dimension: str,
    entity: str,
    first: str,
    last: str,
    since: datetime,
) -> Restated:
    """Return an indicator's sum as known at a time, as known now, and the differences by cause.

    Every revision after the time is walked and its step goes to its cause; a step to or from an
    unknown value waits for the next known one.

    Parameters
    ----------
    engine, sites
        The opened data directory and site identifiers.
    indicator, dimension, entity
        The ledger's name.
    first, last
        Months, ``2026-01``, both included.
    since
        The time (UTC, without a zone): what was settled until then was known.

    Returns
    -------
    Restated
        In the indicator's unit; as decimals of the values as printed, which add up exactly.
    """
    with engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT site, period, figure_id, value, unit, settled_at, cause FROM ledger "
            "WHERE grain = 'month' AND indicator = ? AND dimension = ? AND entity = ? "
            "AND period BETWEEN ? AND ? AND site IN (SELECT unnest(?::VARCHAR[])) "
            "ORDER BY period, site, revision",
            [indicator, dimension, entity, first, last, list(sites)],
        ).fetchall()
    unit = rows[-1][4] if rows else ""
    story: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for row in rows:
        story.setdefault((row[0], row[1]), []).append(row)
    months, left_out = [], []
    for (site, period), revisions in story.items():
        found = _restated_month(revisions, since)
        if isinstance(found, str):
            left_out.append((site, period, found))
        else:
            months.append(found)
    with localcontext() as context:
        context.prec = EXACT_DIGITS
        parts: dict[str, Decimal] = {}
        for month in months:
            for cause, step in month.parts.items():
                parts[cause] = parts.get(cause, Decimal(0)) + step
        old = sum((_exact(m.old) for m in months), Decimal(0)) if months else None
        new = sum((_exact(m.new) for m in months), Decimal(0)) if months else None
    kept = {cause: step for cause, step in parts.items() if step}
    return Restated(unit, old, new, kept, tuple(months), tuple(left_out))


EXACT_DIGITS = 80  # sums of doubles as printed stay exact: seventeen digits, far exponents apart


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))


def _restated_month(revisions: list[tuple[Any, ...]], since: datetime) -> RestatedMonth | str:
    """Return a month's walk from what was known at a time to now, or why there is none."""
    known = [row for row in revisions if row[5] <= since]
    if not known:
        return "later"
    start, end = known[-1], revisions[-1]
    if start[3] is None or end[3] is None:
        return "unknown"
    parts: dict[str, Decimal] = {}
    before = _exact(start[3])
    with localcontext() as context:
        context.prec = EXACT_DIGITS
        for row in revisions[len(known) :]:
            if row[3] is None:
                continue
            now = _exact(row[3])
            parts[row[6]] = parts.get(row[6], Decimal(0)) + now - before
            before = now
    kept = {cause: step for cause, step in parts.items() if step}
    return RestatedMonth(start[0], start[1], start[2], end[2], start[3], end[3], kept)
