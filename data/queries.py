"""What the screens read: sites, ledger rows and the state of the data, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import fsum

import pandas as pd

from accounting.factors import Factor
from data.engine import Engine
from data.ingest.site_file import SiteDocument
from data.periods import local, previous_month
from data.sites import documents, records
from data.store import frame

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
        The columns of ``LEDGER_COLUMNS``; values in the indicator's unit, null where not known.
    """
    with engine.store.read() as cursor:
        return frame(
            cursor,
            f"SELECT {', '.join(LEDGER_COLUMNS)} FROM ledger WHERE current AND grain = ? "
            "AND site IN (SELECT unnest(?::VARCHAR[])) "
            "ORDER BY site, period, indicator, dimension, entity",
            [grain, list(sites)],
        )


_DAY_NAMES = (
    "(('energy', 'site'), ('electricity', 'site'), ('water', 'site'), ('diesel', 'site'), "
    "('energy', 'medium'))"
)


def site_days(engine: Engine, sites: Sequence[str], year: int) -> pd.DataFrame:
    """Return a year's day rows of whole sites and of energy by medium (CONTRACT §3)."""
    with engine.store.read() as cursor:
        return frame(
            cursor,
            f"SELECT {', '.join(LEDGER_COLUMNS)} FROM ledger WHERE current AND grain = 'day' "
            f"AND site IN (SELECT unnest(?::VARCHAR[])) AND (indicator, dimension) IN {_DAY_NAMES} "
            "AND period BETWEEN ? AND ? ORDER BY site, period, indicator, dimension, entity",
            [list(sites), f"{year}-01-01", f"{year}-12-31"],
        )


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


def grid_factor(engine: Engine, province: str, month: str) -> Factor:
    """Return the electricity factor of a province in a month (R22)."""
    day = date.fromisoformat(f"{month}-01")
    return engine.library.grid(province, day).factor


def outdoor_means(engine: Engine, site: str) -> dict[str, float]:
    """Return a site's mean outdoor temperature by month, degrees Celsius, where it was given."""
    with engine.store.read() as cursor:
        rows = records(cursor, "site_months", site)
    known = rows[rows["outdoor_mean_c"].notna()]
    return dict(zip(known["month"], known["outdoor_mean_c"].astype(float), strict=True))


def default_range(first: str, last: str) -> tuple[str, str]:
    """Return the twelve months that end with the last complete one."""
    day = date.fromisoformat(f"{last}-01")
    for _ in range(11):
        day = previous_month(day)
    return max(first, f"{day:%Y-%m}"), last
