"""Every figure of a site and month (accounting.md §9): inventory, benefit and activity."""

from __future__ import annotations

from dataclasses import replace

from accounting import benefit
from accounting.allocation import month_shares
from accounting.balance import electricity, office_share
from accounting.emission import MonthFactors, coefficients, pv_share
from accounting.factors import FactorLibrary
from accounting.formulas import formula
from accounting.inputs import SiteMonth
from accounting.inventory import inventory
from accounting.ledger import Figure, figures
from accounting.uncertainty import figure_pct

METHOD = "M1-M12.1"


def site_month(inputs: SiteMonth, library: FactorLibrary) -> list[Figure]:
    """Return every figure of a site and month at month and day grain (M1-M9).

    Parameters
    ----------
    inputs
        The month's quantities and records.
    library
        The factors.

    Returns
    -------
    list of Figure
        One per period and entity of indicators.csv, nulls included (R3).

    References
    ----------
    accounting.md §3-§11 and R1-R25.
    """
    factors = MonthFactors(library, inputs.site.province, inputs.month_start)
    month, days = inputs.by_month(), inputs.by_day()
    office = office_share(month)
    power = electricity(month, office)
    split, sigma = month_shares(month, power), pv_share(power)
    rows: list[Figure] = []
    for grain, of_grain in ((month, power), (days, electricity(days, office))):
        book = inventory(grain, of_grain, split, sigma, coefficients(factors))
        found = book.common() | benefit.common(grain, factors)
        if grain is month:
            found |= book.month_only(found)
            found |= benefit.month_only(book, factors, found)
        described = {key: amount.described(formula(*key[:2])) for key, amount in found.items()}
        rows += figures(described, grain)
    return [_with_uncertainty(row, library) if row.grain == "month" else row for row in rows]


def _with_uncertainty(row: Figure, library: FactorLibrary) -> Figure:
    """Return a figure with its uncertainty (§13); days have none, their errors are the month's."""
    if row.value is None or not row.terms:
        return row
    pct = figure_pct(
        row.terms, library, flags=row.flags.split(";"), estimated_pct=row.estimated_pct
    )
    return replace(row, uncertainty_pct=pct)
