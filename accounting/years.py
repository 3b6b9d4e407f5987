"""Year figures: sums of twelve complete months, never extrapolated (accounting.md §9 e, §14)."""

from __future__ import annotations

import math

import pandas as pd

from accounting.ledger import Figure, TermRow

COMPLETE = ("measured", "estimated")
FORMULA = "Σ 12 months"


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
        Null unless all twelve months are complete.
    """
    found = []
    for (indicator, dimension, entity), rows in months.groupby(
        ["indicator", "dimension", "entity"], sort=True
    ):
        whole = len(rows) == 12 and rows["quality"].isin(COMPLETE).all()
        flags = {flag for text in rows["flags"] for flag in text.split(";") if flag}
        whole = whole and "month_to_date" not in flags
        terms = [
            TermRow("figure", row.figure_id, float(row.value), row.unit, 1.0, (), "")
            for row in rows.itertuples()
            if whole
        ]
        value = math.fsum(term.quantity for term in terms) if whole else None
        estimated = (rows["quality"] == "estimated").any()
        found.append(
            Figure(
                grain="year",
                period=str(year),
                indicator=indicator,
                dimension=dimension,
                entity=entity,
                value=value,
                unit=rows["unit"].iloc[0],
                quality="null" if value is None else "estimated" if estimated else "measured",
                measured_pct=_mean(rows["measured_pct"]),
                estimated_pct=_mean(rows["estimated_pct"]),
                flags=";".join(sorted(flags)),
                formula=FORMULA,
                terms=tuple(terms),
            )
        )
    return found


def _mean(shares: pd.Series) -> float | None:
    """Return the mean share of the months that have one, percent."""
    known = [float(share) for share in shares if share is not None and share == share]
    return math.fsum(known) / len(known) if known else None
