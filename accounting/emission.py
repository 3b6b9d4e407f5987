"""Energy and emissions of a site (module M1, accounting.md §3, §4, §9, R13, R18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from accounting.amount import (
    MEASURED,
    NULL,
    Amount,
    Ratio,
    Source,
    difference,
    of,
    ratio,
    required,
    scaled,
    total,
    weighted,
)
from accounting.balance import Electricity
from accounting.factors import Chosen, FactorLibrary
from accounting.inputs import Grain


@dataclass(frozen=True)
class Coefficient:
    """A number made of factors, with their identifiers and the flags of their age."""

    value: float
    factor_ids: tuple[str, ...]
    flags: int

    def times(self, amount: Amount) -> Amount:
        """Return an amount multiplied by it."""
        return scaled(amount, self.value, self.factor_ids, flags=self.flags)


class Basis(StrEnum):
    """Which electricity factor is counted with; one total never mixes them (D-2)."""

    INVENTORY = "inventory"
    FOOTPRINT = "footprint"
    MARKET = "market"


@dataclass(frozen=True)
class MonthFactors:
    """The factor library as a site's month uses it (R22).

    Parameters
    ----------
    library, province, month
        The factors, the site's province (``CN-HE``), the month's first day.
    basis
        Inventory, or the factor of a view.
    uncontracted
        Share of the grid electricity that is not contracted green; counts in the market view.
    """

    library: FactorLibrary
    province: str
    month: date
    basis: Basis = Basis.INVENTORY
    uncontracted: float = 1.0

    def named(self, *names: str, per: Sequence[str] = (), scale: float = 1.0) -> Coefficient:
        """Return scale x the product of factors / the product of the factors of ``per``."""
        value, flags, ids = scale, 0, []
        for name in names:
            one = self.library.choose(name, self.month)
            value, flags = value * one.value, flags | one.flags
            ids.append(one.factor_id)
        for name in per:
            one = self.library.choose(name, self.month)
            value, flags = value / one.value, flags | one.flags
            ids.append(one.factor_id)
        return Coefficient(value, tuple(ids), flags)

    @property
    def grid(self) -> Coefficient:
        """The grid factor, kgCO2/kWh: the province's average, or the view's (D-2)."""
        if self.basis is Basis.FOOTPRINT:
            return self.named("GRID_FOOTPRINT_CN")
        if self.basis is Basis.MARKET:
            return self.named("GRID_CN_EXCL", scale=self.uncontracted)
        return _coefficient(self.library.grid(self.province, self.month))

    @property
    def diesel(self) -> Coefficient:
        """The diesel factor, kgCO2/L; with its upstream in the footprint view (§3)."""
        burnt_kg = self.named("FUEL_DIESEL_EF_L")
        if self.basis is not Basis.FOOTPRINT:
            return burnt_kg
        upstream = self.named("FUEL_DIESEL_WTT")
        return Coefficient(
            burnt_kg.value + upstream.value,
            (*burnt_kg.factor_ids, *upstream.factor_ids),
            burnt_kg.flags | upstream.flags,
        )


def _coefficient(one: Chosen) -> Coefficient:
    return Coefficient(one.value, (one.factor_id,), one.flags)


@dataclass(frozen=True)
class Coefficients:
    """The month's conversion coefficients; energy in kgce, emission in kgCO2e, per unit."""

    energy: Mapping[str, Coefficient]
    emission: Mapping[str, Coefficient]
    grid_excluding_contracted: Coefficient


def coefficients(factors: MonthFactors) -> Coefficients:
    """Return the coefficients of §4 for a province and month (D-2, D-3, R13, R22).

    Parameters
    ----------
    factors
        The factor library as the month uses it.

    Returns
    -------
    Coefficients
        electricity per kWh, water per m3 (= t), diesel and petrol per L.
    """
    named = factors.named
    return Coefficients(
        energy={
            "electricity": named("TCE_ELEC_EQV"),
            "water": named("TCE_WATER"),
            "diesel": named("FUEL_DIESEL_RHO", "TCE_DIESEL"),
            "petrol": named("FUEL_PETROL_RHO", "TCE_PETROL"),
        },
        emission={
            "electricity": factors.grid,
            "water": named("WATER_EF"),
            "diesel": factors.diesel,
            "petrol": named("FUEL_PETROL_EF_L"),
        },
        grid_excluding_contracted=named("GRID_CN_EXCL"),
    )


def pv_share(power: Electricity) -> Ratio:
    """Return sigma = Es / (Eg + Es) of the month; 0 without PV or consumption (§4)."""
    if not power.generation.sources:
        known = np.where(power.grid.quality == NULL, NULL, MEASURED)
        return Ratio(np.where(known == NULL, np.nan, 0.0), known, np.zeros(1, np.int64))
    return ratio(power.self_use, power.site)


def grid_part(amount: Amount, sigma: Ratio) -> Amount:
    """Return the part of a consumption that came from the grid, kWh: x (1 - sigma)."""
    return weighted(amount, sigma.complement())


def burnt(by_product: Mapping[str, Amount], factors: Mapping[str, Coefficient]) -> Amount:
    """Return fuel of every product times its coefficient, in the coefficient's unit.

    Petrol is added to diesel and titled 燃油 (R13); where no petrol is burnt it is a zero.
    """
    parts = [factors[product].times(litres) for product, litres in by_product.items()]
    known = [part for part in parts if part.terms or part.quality.max() == NULL]
    return total(known or parts[:1], parts[0].periods)


def sold_by_chargers(
    power: Electricity, resold: bool, *, building: str = "", group: str = ""
) -> Amount:
    """Return charger electricity that leaves the site's emissions, kWh (charger_resold, R18)."""
    chosen = [
        amount
        for (at, of_group), amount in power.chargers.items()
        if resold and building in ("", at) and group in ("", of_group)
    ]
    return total(chosen, power.site.periods)


def electricity_emission(
    consumed: Amount, sold: Amount | None, sigma: Ratio, factor: Coefficient
) -> Amount:
    """Return (x - sold)(1 - sigma) EF of a consumer or a sum of consumers, kgCO2e."""
    kept = difference(consumed, sold) if sold and sold.sources else consumed
    return factor.times(grid_part(kept, sigma))


def site_electricity_emission(
    power: Electricity, sold: Amount, sigma: Ratio, factor: Coefficient
) -> Amount:
    """Return G_el = Eg EF, less the chargers' grid part when it is resold, kgCO2e (R18)."""
    kept = difference(power.grid, grid_part(sold, sigma)) if sold.sources else power.grid
    return factor.times(kept)


def market_based(
    grain: Grain, power: Electricity, others: Sequence[Amount], factor: Coefficient
) -> Amount:
    """Return max(0, Eg - contracted green kWh) EF_excl + water + fuel, kgCO2e (§3, R19)."""
    zero = np.zeros(1)
    green = Source(
        "green_electricity", grain.inputs.month, "kWh", np.array([grain.inputs.green_kwh]),
        zero, zero, zero,
    )  # fmt: skip
    contracted = of(green, np.array([MEASURED]), np.array([0]))
    rest = required([power.grid, scaled(contracted, -1.0)])
    if rest.quality[0] != NULL and rest.values[0] < 0:
        rest = scaled(rest, 0.0)
    if grain.inputs.green_kwh == 0:
        rest = power.grid
    return total([factor.times(rest), *others], 1)
