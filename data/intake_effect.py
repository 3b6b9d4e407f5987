"""What taking a file in would change: settled for real in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from data.engine import Engine
from data.ingest.load import Options, loaded_into
from data.ingest.site_file import SiteDocument
from data.month_book import Job, settle_months
from data.settle import planned
from data.sites import documents
from data.store import Cursor

TRIAL = (1 << 31) - 1  # number of a batch and a run that never come to be: later than any
MOST_MONTHS = 12
_FIGURES = {"emission": "kgCO2e", "electricity": "kWh"}


@dataclass(frozen=True)
class MonthEffect:
    """A month of a site and what would change in it; None where it is not known before or after."""

    site: str
    month: str
    emission_kgco2e: float | None
    electricity_kwh: float | None


@dataclass(frozen=True)
class Effect:
    """What would change, by site and month; ``too_many`` months are not tried, only counted."""

    months: tuple[MonthEffect, ...] = ()
    too_many: int = 0

    def sum(self, name: str) -> float | None:
        """Return a change over all months; None where a month's is not known."""
        values = [getattr(one, name) for one in self.months]
        return None if any(value is None for value in values) else float(sum(values))


class _Tried(Exception):
    """Carries what was found out of the transaction that is rolled back."""

    def __init__(self, effect: Effect) -> None:
        super().__init__()
        self.effect = effect


def effect_of(engine: Engine, kind: str, path: Path, site: str) -> Effect:
    """Return what a file's good rows would change in the figures of its months.

    Parameters
    ----------
    engine
        The opened data directory.
    kind, path, site
        The file, what it holds, and the site given with it.

    Returns
    -------
    Effect
        Differences of the months' emissions, kgCO2e, and electricity, kWh; what is due already is
        settled before, so that only this file counts. A locked month is computed as if it were
        open.

    Raises
    ------
    Refused
        No row can be taken.
    """
    options = Options(site, accept_good=True)
    try:
        engine.store.write(partial(_attempt, engine, kind, path, options))
    except _Tried as tried:
        return tried.effect
    raise AssertionError("a trial always ends in its own exception")


def _attempt(engine: Engine, kind: str, path: Path, options: Options, cursor: Cursor) -> None:
    for document, due in _due(engine, cursor):
        if len(due) <= MOST_MONTHS:
            settle_months(engine, Job(document, tuple(due), TRIAL, trial=True), cursor)
    loaded_into(engine, cursor, kind, path, options, TRIAL)
    found = _due(engine, cursor)
    count = sum(len(due) for _, due in found)
    if count > MOST_MONTHS:
        raise _Tried(Effect(too_many=count))
    months: list[MonthEffect] = []
    for document, due in found:
        before = _figures(cursor, document.site_id, due)
        settle_months(engine, Job(document, tuple(due), TRIAL, trial=True), cursor)
        after = _figures(cursor, document.site_id, due)
        months += [_change(document.site_id, f"{one:%Y-%m}", before, after) for one in due]
    raise _Tried(Effect(tuple(months)))


def _due(engine: Engine, cursor: Cursor) -> list[tuple[SiteDocument, list[date]]]:
    sites = documents(cursor)
    found = [(one, planned(engine, site, one, cursor)) for site, one in sites.items()]
    return [(document, due) for document, due in found if due]


Figures = Mapping[tuple[str, str], float | None]


def _figures(cursor: Cursor, site: str, months: Sequence[date]) -> Figures:
    rows = cursor.execute(
        "SELECT period, indicator, value FROM ledger WHERE current AND site = ? "
        "AND grain = 'month' AND dimension = 'site' AND entity = 'site' "
        "AND indicator IN (SELECT unnest(?::VARCHAR[])) "
        "AND period IN (SELECT unnest(?::VARCHAR[]))",
        [site, list(_FIGURES), [f"{month:%Y-%m}" for month in months]],
    ).fetchall()
    return {(period, indicator): value for period, indicator, value in rows}


def _change(site: str, month: str, before: Figures, after: Figures) -> MonthEffect:
    return MonthEffect(site, month, *(_difference(month, n, before, after) for n in _FIGURES))


def _difference(month: str, name: str, before: Figures, after: Figures) -> float | None:
    """Return a figure's change; a month without any figure before had nothing counted."""
    new = after.get((month, name))
    old = before.get((month, name), 0.0)
    return None if new is None or old is None else new - old
