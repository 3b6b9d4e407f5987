"""Views: the ledger under other settings or factors, computed on request, never stored (D-2)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType

import pandas as pd

from accounting.emission import Basis
from accounting.ledger import Figure
from accounting.settlement import site_month
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


def view_rows(
    engine: Engine, name: str, first: str, last: str, columns: tuple[str, ...]
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

    Returns
    -------
    DataFrame
        One row per figure in the ledger's order; identifiers begin with ``view``.
    """
    rule, rows = VIEWS[name], []
    with engine.store.read(timeout_s=600.0) as cursor:
        for site, document in documents(cursor).items():
            viewed = replace(document, settings={**document.settings, **rule.settings})
            known = _settled(cursor, site, first, last)
            label = f"{factor_set(viewed, engine.library)};view={name}"
            for figure, at in _figures(engine, cursor, viewed, rule, known):
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
) -> Iterator[tuple[Figure, datetime]]:
    if not months:
        return
    zone = document.timezone
    horizon = stored_horizon(cursor, document.site_id)
    meters = site_meters(cursor, document.site_id, zone, held={})
    frames = site_frames(cursor, document, meters.described, list(months))
    for month, at in months.items():
        inputs = month_inputs(frames, document, month, elapsed(month, zone, horizon))
        for figure in site_month(inputs, engine.library, basis=rule.basis):
            yield figure, at


def _row(site: str, figure: Figure, name: str, label: str, at: datetime) -> tuple[object, ...]:
    words = "|".join((name, site, *figure.key))
    ident = "view" + hashlib.blake2b(words.encode(), digest_size=8).hexdigest()
    return (
        site, figure.grain, figure.period, figure.indicator, figure.dimension, figure.entity,
        figure.value, figure.unit, figure.basis, figure.quality, figure.measured_pct,
        figure.estimated_pct, figure.uncertainty_pct, figure.flags, label, ident, at,
    )  # fmt: skip
