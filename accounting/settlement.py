"""Every figure of a site and month (accounting.md §9): inventory, benefit and activity."""

from __future__ import annotations

from collections.abc import Sequence, Set

from accounting import benefit
from accounting.allocation import month_shares, shared_sources
from accounting.amount import Amount
from accounting.balance import Electricity, electricity, office_share
from accounting.emission import Basis, MonthFactors, coefficients, pv_share
from accounting.factors import FactorLibrary, family_of
from accounting.formulas import formula
from accounting.inputs import SiteMonth
from accounting.inventory import inventory
from accounting.ledger import Figure, figures
from accounting.uncertainty import figure_pct

METHOD = "M1-M12.1"


GRAINS = ("month", "day")
SHARING = ("line", "equipment_line")
NATION = "GRID_CN"


def site_month(
    inputs: SiteMonth,
    library: FactorLibrary,
    changed: Set[str] | None = None,
    grains: Sequence[str] = GRAINS,
    basis: Basis = Basis.INVENTORY,
    *,
    benefits: bool = True,
    lineage: bool = True,
) -> list[Figure]:
    """Return every figure of a site and month at month and day grain (M1-M9).

    Parameters
    ----------
    inputs
        The month's quantities and records.
    library
        The factors.
    changed
        Only figures made of one of these factors; None for all figures.
    grains
        Which grains are wanted.
    basis
        The electricity factor of a view; the ledger's own is the inventory's.
    benefits
        Whether the benefit ledger is wanted.
    lineage
        Whether figures hold their terms, and months their uncertainty, which is made of them.

    Returns
    -------
    list of Figure
        One per period and entity of indicators.csv, nulls included (R3).

    References
    ----------
    accounting.md §3-§11 and R1-R25.
    """
    month, days = inputs.by_month(), inputs.by_day()
    office = office_share(month)
    power = electricity(month, office)
    factors = MonthFactors(
        library, inputs.site.province, inputs.month_start, basis, uncontracted(inputs, power)
    )
    split, sigma = month_shares(month, power), pv_share(power)
    rows: list[Figure] = []
    for grain in (month, days):
        if grain.name not in grains:
            continue
        of_grain = power if grain is month else electricity(days, office)
        book = inventory(grain, of_grain, split, sigma, coefficients(factors))
        found = book.common()
        if benefits:
            found |= benefit.common(grain, factors)
        if grain is month:
            found |= book.month_only(found)
            if benefits:
                found |= benefit.month_only(book, factors, found)
        described = {
            key: amount.described(formula(*key[:2]))
            for key, amount in found.items()
            if changed is None or _made_of(amount, changed)
        }
        rows += figures(described, grain, lineage=lineage)
    if basis is Basis.FOOTPRINT:
        rows = [row._replace(basis="footprint") for row in rows]
    if not lineage:
        return rows
    shared = shared_sources(inputs)
    return [
        _with_uncertainty(row, library, shared) if row.grain == "month" else row for row in rows
    ]


def uncontracted(inputs: SiteMonth, power: Electricity) -> float:
    """Return the share of grid electricity beyond contracted green kWh, 0 to 1 (R19).

    Parameters
    ----------
    inputs
        The month.
    power
        The month's electricity, kWh.
    """
    bought = float(power.grid.values[0])
    if not inputs.green_kwh or bought != bought or bought <= 0:
        return 1.0
    return max(0.0, 1.0 - inputs.green_kwh / bought)


def _made_of(amount: Amount, factors: Set[str]) -> bool:
    """Tell whether any of the factors is in an amount's lineage."""
    return any(
        not factors.isdisjoint(term.factors)
        or (term.source.kind == "factor" and term.source.ref in factors)
        for term in amount.terms
    )


def changed_factors(before: FactorLibrary, after: FactorLibrary) -> frozenset[str]:
    """Return the factors whose figures another library may change.

    Parameters
    ----------
    before, after
        The libraries.

    Returns
    -------
    frozenset of str
        Rows that are new, gone or other, and the rows of their families: a new year of a
        family takes months from the year before.
    """
    names = {*before.rows, *after.rows}
    other = {name for name in names if before.rows.get(name) != after.rows.get(name)}
    families = {family_of(name) for name in other}
    if any(name.startswith("GRID_") for name in families):
        families.add(NATION)  # a province's first row takes its months from the nation's
    kin = {name for name in names if family_of(name) in families and family_of(name) != name}
    return frozenset(other | kin)


def _with_uncertainty(row: Figure, library: FactorLibrary, shared: Set[tuple[str, str]]) -> Figure:
    """Return a figure with its uncertainty (§13); days have none, their errors are the month's.

    The keys of an allocation only move a shared quantity between lines: what holds all of it,
    such as a site's total, does not feel their error.
    """
    if row.value is None or not row.terms:
        return row
    pct = figure_pct(
        row.terms,
        library,
        flags=row.flags.split(";"),
        estimated_pct=row.estimated_pct,
        allocated=shared if row.dimension in SHARING else frozenset(),
    )
    return row._replace(uncertainty_pct=pct)
