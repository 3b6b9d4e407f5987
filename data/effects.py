"""What a change of factors or settings would change: computed, compared, never written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from accounting.factors import FactorLibrary
from accounting.ledger import Figure
from accounting.settlement import changed_factors, site_month
from data.digest import digest_of
from data.engine import Engine
from data.horizon import elapsed, stored_horizon
from data.ingest.site_file import SiteDocument
from data.inputs import month_inputs, site_frames
from data.sites import documents, site_meters
from data.store import Cursor

Progress = Callable[[str, int, int], None]
AT_ONCE = 12


@dataclass(frozen=True)
class Change:
    """A figure that would change: old and new value in its unit, None where not known."""

    site: str
    period: str
    indicator: str
    dimension: str
    entity: str
    unit: str
    old: float | None
    new: float | None

    @property
    def difference(self) -> float | None:
        """New less old, in the figure's unit; None where either is not known."""
        return None if self.old is None or self.new is None else self.new - self.old


def factor_effect(
    engine: Engine, wanted: FactorLibrary, progress: Progress = lambda name, done, of: None
) -> list[Change]:
    """Return the month figures that another factor library would change.

    Parameters
    ----------
    engine
        The opened data directory.
    wanted
        The library as it would be.
    progress
        Called with a site, months done and months in all.

    Returns
    -------
    list of Change
        In the order of the ledger.
    """
    with engine.store.read() as cursor:
        sites = documents(cursor)
    found: list[Change] = []
    for site, document in sites.items():
        changed = changed_factors(engine.library, wanted)
        months = _settled(engine, site)
        for start in range(0, len(months), AT_ONCE):
            part = months[start : start + AT_ONCE]
            with engine.store.read(timeout_s=600.0) as cursor:
                found += _changes(cursor, document, part, wanted, changed)
            progress(site, start + len(part), len(months))
    return found


def setting_effect(engine: Engine, document: SiteDocument) -> list[Change]:
    """Return the month figures that other settings of a site would change.

    Parameters
    ----------
    engine
        The opened data directory.
    document
        The site as it would be.

    Returns
    -------
    list of Change
        In the order of the ledger.
    """
    months = _settled(engine, document.site_id)
    found: list[Change] = []
    for start in range(0, len(months), AT_ONCE):
        with engine.store.read(timeout_s=600.0) as cursor:
            part = months[start : start + AT_ONCE]
            found += _changes(cursor, document, part, engine.library, None)
    return found


def _settled(engine: Engine, site: str) -> list[date]:
    with engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT month FROM settled_month WHERE site = ? ORDER BY month", [site]
        ).fetchall()
    return [month for (month,) in rows]


def _changes(
    cursor: Cursor,
    document: SiteDocument,
    months: list[date],
    library: FactorLibrary,
    changed: frozenset[str] | None,
) -> list[Change]:
    horizon = stored_horizon(cursor, document.site_id)
    meters = site_meters(cursor, document.site_id, document.timezone, held={})
    frames = site_frames(cursor, document, meters.described, months)
    found: list[Change] = []
    for month in months:
        until = elapsed(month, document.timezone, horizon)
        inputs = month_inputs(frames, document, month, until)
        figures = site_month(inputs, library, changed, grains=("month",))
        found += differences(cursor, document.site_id, month, figures)
    return found


def differences(cursor: Cursor, site: str, month: date, figures: Iterable[Figure]) -> list[Change]:
    """Return the month figures whose value is another one than the ledger's.

    Parameters
    ----------
    cursor
        A reading cursor.
    site, month
        Whose figures they are.
    figures
        As computed now.
    """
    label = month.strftime("%Y-%m")
    rows = cursor.execute(
        "SELECT indicator, dimension, entity, value FROM ledger "
        "WHERE current AND site = ? AND grain = 'month' AND period = ?",
        [site, label],
    ).fetchall()
    held: Mapping[tuple[str, str, str], float | None] = {row[:3]: row[3] for row in rows}
    found = []
    for figure in figures:
        key = (figure.indicator, figure.dimension, figure.entity)
        if figure.grain == "month" and held.get(key) != figure.value:
            found.append(Change(site, label, *key, figure.unit, held.get(key), figure.value))
    return sorted(found, key=lambda c: (c.site, c.period, c.indicator, c.dimension, c.entity))


def as_json(changes: list[Change]) -> dict[str, Any]:
    """Return changes as a proposal keeps them: months, rows, and a digest to compare by."""
    rows = [
        [c.site, c.period, c.indicator, c.dimension, c.entity, c.unit, c.old, c.new, c.difference]
        for c in changes
    ]
    return {
        "months": sorted({f"{c.site} {c.period}" for c in changes}),
        "figures": len(rows),
        "rows": rows,
        "digest": digest_of(rows),
    }
