"""Views: the ledger under other settings or factors, computed on request, never stored (D-2)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType

import pandas as pd

from accounting.emission import Basis
from accounting.ledger import Figure
from accounting.settlement import GRAINS, site_month
from data.book import factor_set
from data.engine import Engine
from data.horizon import elapsed, stored_horizon
from data.ingest.site_file import SiteDocument
from data.inputs import month_inputs, site_frames
from data.sites import documents, site_meters
from data.store import Cursor


@dataclass(frozen=True)
class ViewRule:
    """What a view changes: settings of every site, and the electricity it counts with."""

    zh: str
    settings: Mapping[str, object]
    basis: Basis = Basis.INVENTORY


VIEWS: Mapping[str, ViewRule] = MappingProxyType(
    {
        "footprint": ViewRule("产品碳足迹口径", {}, Basis.FOOTPRINT),
        "CN2026": ViewRule("材料因子集 CN2026", {"material_set": "CN2026"}),
        "market-based": ViewRule("市场法口径", {}, Basis.MARKET),
        "without-copper": ViewRule("标准六种（不含铜）", {"include_copper": False}),
        "without-water": ViewRule("能耗不含水", {"water_in_energy": False}),
    }
)


@dataclass(frozen=True)
class Asked:
    """Which rows of a view: sites (None for all), grains, and whether their lineage is wanted."""

    sites: Sequence[str] | None = None
    grains: Sequence[str] = GRAINS
    lineage: bool = True


def view_rows(
    engine: Engine,
    name: str,
    first: str,
    last: str,
    columns: tuple[str, ...],
    asked: Asked | None = None,
) -> pd.DataFrame:
    """Return the ledger's month and day rows under a view.

    Parameters
    ----------
    engine
        The opened data directory.
    name
        One of VIEWS.
    first, last
        Months from and to; empty leaves that side open.
    columns
        The ledger's columns; ``factor_set`` names the view, ``settled_at`` is the month's own.
    asked
        Which sites and grains; all of them by default.

    Returns
    -------
    DataFrame
        One row per figure in the ledger's order; identifiers begin with ``view``.
    """
    rule, rows, asked = VIEWS[name], [], asked or Asked()
    with engine.store.read(timeout_s=600.0) as cursor:
        for site, document in documents(cursor).items():
            if asked.sites is not None and site not in asked.sites:
                continue
            viewed = replace(document, settings={**document.settings, **rule.settings})
            known = _settled(cursor, site, first, last)
            label = f"{factor_set(viewed, engine.library)};view={name}"
            for figure, at in _figures(engine, cursor, viewed, rule, known, asked):
                rows.append(_row(site, figure, name, label, at))
    frame = pd.DataFrame(rows, columns=list(columns))
    order = ["site", "grain", "period", "indicator", "dimension", "entity"]
    return frame.sort_values(order, ignore_index=True)


def _settled(cursor: Cursor, site: str, first: str, last: str) -> dict[date, datetime]:
    rows = cursor.execute(
        "SELECT s.month, max(l.settled_at) FROM settled_month s JOIN ledger l "
        "ON l.site = s.site AND l.grain = 'month' AND l.period = strftime(s.month, '%Y-%m') "
        "WHERE s.site = ? AND l.period >= ? AND l.period <= ? GROUP BY s.month ORDER BY s.month",
        [site, first, last or "9999-99"],
    ).fetchall()
    return dict(rows)


def _figures(
    engine: Engine,
    cursor: Cursor,
    document: SiteDocument,
    rule: ViewRule,
    months: Mapping[date, datetime],
    asked: Asked,
) -> Iterator[tuple[Figure, datetime]]:
    if not months:
        return
    zone = document.timezone
    horizon = stored_horizon(cursor, document.site_id)
    meters = site_meters(cursor, document.site_id, zone, held={})
    frames = site_frames(cursor, document, meters.described, list(months))
    for month, at in months.items():
        inputs = month_inputs(frames, document, month, elapsed(month, zone, horizon))
        found = site_month(
            inputs, engine.library, grains=asked.grains, basis=rule.basis, lineage=asked.lineage
        )
        for figure in found:
            yield figure, at


def _row(site: str, figure: Figure, name: str, label: str, at: datetime) -> tuple[object, ...]:
    words = "|".join((name, site, *figure.key))
    ident = "view" + hashlib.blake2b(words.encode(), digest_size=8).hexdigest()
    return (
        site, figure.grain, figure.period, figure.indicator, figure.dimension, figure.entity,
        figure.value, figure.unit, figure.basis, figure.quality, figure.measured_pct,
        figure.estimated_pct, figure.uncertainty_pct, figure.flags, label, ident, at,
    )  # fmt: skip


NAMES = ("site", "period", "indicator", "dimension", "entity")
TAKEN = ("value", "quality", "measured_pct", "estimated_pct", "flags")


def under_view(held: pd.DataFrame, viewed: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return ledger rows of one grain with the values of a view in place of their own.

    Parameters
    ----------
    held
        Ledger rows; their identifiers stay, so that what is shown can be held against the ledger.
    viewed
        Rows of the view at the same grain.
    name
        The view, which the new column ``view`` names; empty where no view touches a row, as
        with prices and alarms.
    """
    names, taken = list(NAMES), list(TAKEN)
    own = held.drop(columns=taken)
    both = own.merge(viewed[names + taken], on=names, how="left", indicator="found")
    of_view = (both.pop("found") == "both").to_numpy()
    for column in taken:
        both[column] = both[column].astype(object).where(of_view, held[column].to_numpy(object))
    both["view"] = pd.Series(of_view, index=both.index).map({True: name, False: ""})
    return both
