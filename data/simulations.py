"""Bands of a site's benefit figures, drawn from what its ledger and its outputs hold (§13).

Computed on request and never written: seed, draws and factor library make them again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from math import isclose
from typing import Any

import pandas as pd

from accounting.factors import FactorLibrary
from accounting.ledger import Figure, TermRow
from accounting.montecarlo import (
    Activity,
    Band,
    ProductMonth,
    Simulation,
    activities_of,
    product_months,
    simulate,
)
from accounting.products import COUNTED_FATES, FAILED, pair, shipped
from accounting.uncertainty import figure_quality, quality_band
from data.book import terms_of
from data.engine import Engine
from data.ingest.site_file import SiteDocument
from data.inputs import site_frames
from data.periods import next_month
from data.sites import documents
from data.store import Cursor, frame

SIMULATED = frozenset(
    (
        ("product_substitution", "line"), ("product_substitution", "site"),
        ("lifecycle_emission", "line"), ("lifecycle_emission", "site"),
        ("reduction", "line"), ("reduction", "site"),
        ("substitution", "source"), ("substitution", "site"),
    )
)  # fmt: skip
_LEDGER = """
SELECT figure_id, period, indicator, dimension, entity, value, unit, quality, measured_pct,
    estimated_pct, flags, factor_set, settled_at
FROM ledger
WHERE current AND site = ? AND grain = 'month' AND period BETWEEN ? AND ?
  AND (indicator, dimension) IN (('lifecycle_emission', 'line'), ('substitution', 'source'))
ORDER BY period, indicator, entity
"""
_SAME = 1e-9  # sums of the same terms in another order differ by less


def bands(engine: Engine, site: str, year: int) -> Simulation:
    """Return the bands of a site's benefit figures for the settled months of a year (M11).

    Parameters
    ----------
    engine
        The opened data directory.
    site
        The site's identifier.
    year
        The calendar year.

    Returns
    -------
    Simulation
        Bands in kgCO2e of every month that is settled and of their sum, with the default seed
        and number of draws; without any band where nothing is settled.

    Raises
    ------
    KeyError
        There is no such site.

    References
    ----------
    accounting.md §8, §13, R20; IPCC 2006 Guidelines, Vol 1, Ch 3, Approach 2.
    """
    with engine.store.read() as cursor:
        document = documents(cursor)[site]
        rows = frame(cursor, _LEDGER, [site, f"{year}-01", f"{year}-12"])
        terms = terms_of(cursor, list(rows["figure_id"]))
        months = sorted(set(rows["period"]))
        products = _products(cursor, document, months)
    return simulate(products, _activities(rows, terms), _library(engine, rows))


def is_simulated(figure: Mapping[str, Any]) -> bool:
    """Return whether a ledger row is one that `bands` draws for.

    Parameters
    ----------
    figure
        A ledger row: grain, indicator, dimension.

    Returns
    -------
    bool
        True for product substitution, life-cycle emissions and reductions by line and of the
        site, and for substitution by source and of the site, by month or year.
    """
    named = (figure["indicator"], figure["dimension"]) in SIMULATED
    return named and figure["grain"] in ("month", "year")


def band_of(simulation: Simulation, figure: Mapping[str, Any]) -> Band | None:
    """Return the band of a ledger row, if it is one of the row as it stands.

    Parameters
    ----------
    simulation
        The bands of the row's site and year.
    figure
        A ledger row: grain, indicator, dimension, entity, period, value (kgCO2e).

    Returns
    -------
    Band or None
        None where the figure is not simulated, and where another value was drawn around: a
        month may wait to be settled or, being locked, hold factors of its own.
    """
    value = figure["value"]
    if value is None or not is_simulated(figure):
        return None
    try:
        band = simulation.band(figure["indicator"], figure["entity"], figure["period"])
    except KeyError:
        return None
    return band if isclose(band.value, value, rel_tol=_SAME, abs_tol=1e-6) else None


def quality_letter(
    engine: Engine, figure: Mapping[str, Any], terms: Sequence[Mapping[str, Any]]
) -> str | None:
    """Return the data-quality band of a month figure (§13).

    Parameters
    ----------
    engine
        The opened data directory.
    figure
        A ledger row at month grain.
    terms
        Its terms as `data.trace` has them.

    Returns
    -------
    str or None
        A to D; None for other grains, for what belongs to no site and where nothing weighs.
    """
    if figure["grain"] != "month":
        return None
    with engine.store.read() as cursor:
        document = documents(cursor).get(str(figure["site"]))
    if document is None:
        return None
    library = engine.libraries.by_digest(_digest(str(figure["factor_set"])))
    shares = [figure["measured_pct"], figure["estimated_pct"]]
    known = [share for share in shares if share is not None]
    score = figure_quality(
        [_term(row) for row in terms],
        library,
        date.fromisoformat(f"{figure['period']}-01"),
        document.province,
        coverage=sum(known) / 100.0 if known else None,
        estimated=figure["quality"] == "estimated",
    )
    return None if score is None else quality_band(score)


def _term(row: Mapping[str, Any]) -> TermRow:
    factors = tuple(name for name in (row["factor_id"] or "").split(";") if name)
    return TermRow(
        row["kind"], row["ref"], row["quantity"], row["unit"], row["coefficient"], factors, ""
    )


def _digest(factor_set: str) -> str:
    return factor_set.partition("@")[2]


def _library(engine: Engine, rows: pd.DataFrame) -> FactorLibrary:
    """Return the library of the months settled last; a month of another one gets no band."""
    if rows.empty:
        return engine.library
    newest = rows.sort_values(["settled_at", "period"]).iloc[-1]
    return engine.libraries.by_digest(_digest(str(newest["factor_set"])))


def _activities(rows: pd.DataFrame, terms: Mapping[str, Sequence[TermRow]]) -> list[Activity]:
    found: list[Activity] = []
    figures = [_figure(row, terms.get(row["figure_id"], ())) for row in rows.to_dict("records")]
    shared = _shared(figures)
    for figure in figures:
        found += activities_of(figure, allocated=shared.get(figure.period, frozenset()))
    return found


def _figure(row: Mapping[Any, Any], terms: Sequence[TermRow]) -> Figure:
    def known(name: str) -> float | None:
        value = row[name]
        return None if value is None or value != value else float(value)

    return Figure(
        "month", row["period"], row["indicator"], row["dimension"], row["entity"], known("value"),
        row["unit"], row["quality"], known("measured_pct"), known("estimated_pct"), row["flags"],
        "", tuple(terms),
    )  # fmt: skip


def _shared(figures: Sequence[Figure]) -> dict[str, frozenset[tuple[str, str]]]:
    """Return by month the sources of which several lines have a share: these were allocated."""
    counts: dict[str, Counter[tuple[str, str]]] = {}
    for figure in figures:
        if figure.dimension == "line":
            terms = (t for t in figure.terms if t.quantity * t.coefficient != 0.0)
            counts.setdefault(figure.period, Counter()).update({(t.kind, t.ref) for t in terms})
    return {
        month: frozenset(source for source, count in found.items() if count > 1)
        for month, found in counts.items()
    }


def _products(
    cursor: Cursor, document: SiteDocument, months: Sequence[str]
) -> tuple[ProductMonth, ...]:
    """Return what S of the months is made of: the outputs of batches that passed (R20)."""
    if not months:
        return ()
    first = date.fromisoformat(f"{months[0]}-01")
    # records come whole whatever the months; meters are not needed
    records = site_frames(cursor, document, pd.DataFrame(), [first]).records
    booked = pd.concat([_booked(records, document, month) for month in months])
    booked = booked[booked["verdict"] != FAILED]
    names = [
        pair(str(document.settings["material_set"]), material, fate)
        for material, fate in zip(booked["material"], booked["fate"], strict=True)
    ]
    copper = bool(document.settings["include_copper"]) | (booked["material"] != "copper")
    return product_months(
        booked.assign(
            kappa_id=[used.kappa for used in names],
            prim_id=[used.primary for used in names],
            rec_id=[used.recycled for used in names],
            counted=booked["fate"].isin(COUNTED_FATES) & copper,
            estimated=False,
        )
    )


_COLUMNS = ["batch_id", "line", "material", "fate", "verdict", "mass_t"]


def _booked(
    records: Mapping[str, pd.DataFrame], document: SiteDocument, month: str
) -> pd.DataFrame:
    """Return a month's outputs with the input and residue they close with, t.

    What was shipped is a part of its batch: it closes with itself.
    """
    outputs, batches = records["outputs"], records["batches"]
    if document.settings["book_on"] == "shipment":
        first = date.fromisoformat(f"{month}-01")
        rows = shipped(outputs, records["trips"], first, next_month(first))[_COLUMNS]
        whole = rows.groupby("batch_id")["mass_t"].sum().rename("mass_in_t").reset_index()
        whole["residue_t"] = 0.0
    else:
        rows = outputs.loc[outputs["day"].str.startswith(month), _COLUMNS]
        whole = batches[["batch_id", "mass_in_t", "residue_t"]]
    return rows.merge(whole, on="batch_id").assign(month=month)
