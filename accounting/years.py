"""Year figures: sums of the year's months, never extrapolated (accounting.md §9 e, §14)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from accounting.factors import FactorLibrary
from accounting.ledger import Figure, TermRow, indicators
from accounting.uncertainty import figure_pct

COMPLETE = ("measured", "estimated")
FORMULA = "Σ 12 months"
WHOLE_ONLY = ("energy_per_area", "emission_per_area")


def year_names() -> list[tuple[str, str]]:
    """Return the (indicator, dimension) that have a year figure."""
    return [key for key, row in indicators().items() if "year" in row.grains]


def year_figures(months: pd.DataFrame, year: int) -> list[Figure]:
    """Return the year's figures of indicators that add up over months.

    Parameters
    ----------
    months
        The year's month rows of the ledger: indicator, dimension, entity, unit, period, value,
        quality, measured_pct, estimated_pct, flags, figure_id.
    year
        The calendar year.

    Returns
    -------
    list of Figure
        Per floor area: null unless all twelve months are complete (§9 e). The others: the sum
        of the months that are known, ``incomplete`` unless all twelve are complete (§14).
    """
    found = []
    for (indicator, dimension, entity), rows in months.groupby(
        ["indicator", "dimension", "entity"], sort=True
    ):
        known = rows[rows["value"].notna()]
        flags = {flag for text in rows["flags"] for flag in text.split(";") if flag}
        whole = len(known) == 12 and rows["quality"].isin(COMPLETE).all()
        whole = whole and "month_to_date" not in flags
        if not whole and indicator in WHOLE_ONLY:
            known = known.iloc[:0]
        terms = tuple(
            TermRow("figure", row.figure_id, float(row.value), row.unit, 1.0, (), "")
            for row in known.itertuples()
        )
        found.append(
            Figure(
                grain="year",
                period=str(year),
                indicator=indicator,
                dimension=dimension,
                entity=entity,
                value=math.fsum(term.quantity for term in terms) if terms else None,
                unit=rows["unit"].iloc[0],
                quality=_quality(known, whole=whole),
                measured_pct=_mean(rows["measured_pct"]),
                estimated_pct=_mean(rows["estimated_pct"]),
                flags=";".join(sorted(flags)),
                formula=FORMULA,
                terms=terms,
            )
        )
    return found


def _quality(known: pd.DataFrame, *, whole: bool) -> str:
    if known.empty:
        return "null"
    if not whole:
        return "incomplete"
    return "estimated" if (known["quality"] == "estimated").any() else "measured"


def with_uncertainty(
    figures: Sequence[Figure], parts: Mapping[str, Sequence[TermRow]], library: FactorLibrary
) -> list[Figure]:
    """Return year figures with their uncertainty, from the terms of their months (§13).

    Parameters
    ----------
    figures
        Year figures, whose terms name month figures.
    parts
        figure_id of a month figure to its terms.
    library
        The factors.
    """
    found = []
    for figure in figures:
        terms = [row for term in figure.terms for row in parts.get(term.ref, ())]
        pct = None
        if terms:
            pct = figure_pct(terms, library, estimated_pct=figure.estimated_pct)
        found.append(replace(figure, uncertainty_pct=pct))
    return found


def _mean(shares: pd.Series) -> float | None:
    """Return the mean share of the months that have one, percent."""
    known = [float(share) for share in shares if share is not None and share == share]
    return math.fsum(known) / len(known) if known else None
