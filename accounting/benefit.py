"""The benefit ledger and the activity figures of a site and month (M3-M9, accounting.md §6-§11).

Nothing here is ever subtracted from the inventory ledger, nor the other way round (D-1); the one
difference the standard names, R = S - L, lives here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accounting.allocation import PARTS, throughput
from accounting.amount import Amount, difference, flag_bits, total
from accounting.emission import MonthFactors
from accounting.inputs import LINES, PRODUCTS, Grain
from accounting.intensity import COUNTED_IN, idle, per_piece, per_tonne
from accounting.inventory import Inventory, each
from accounting.ledger import Found
from accounting.lifecycle import STAGES, Burdens, Lifecycle, lifecycle
from accounting.products import Products, overlaps, products, reviewed
from accounting.revenue import creditable
from accounting.substitution import (
    heat_pump,
    in_service,
    mean_load,
    new_energy_shares,
    of_role,
    sources_avoided,
)

# Of the indicators settled here with the benefits, those that belong to the inventory.
ALSO_HERE = frozenset(
    f"{name}_per_{piece}" for name in ("energy", "emission") for piece in ("tonne", "km", "unit")
)


def common(grain: Grain, factors: MonthFactors) -> Found:
    """Return the benefit figures that months and days both have.

    Parameters
    ----------
    grain
        The month, or its days.
    factors
        The factor library as the month uses it.

    Returns
    -------
    dict
        Charger and heat-pump electricity, kWh (R17, R18).
    """
    pump = heat_pump(grain, factors)
    return {
        ("charger_energy", "site", "site"): of_role(grain, "charger"),
        ("heat_pump_electricity", "site", "site"): pump.electricity,
        ("standard_ac_electricity", "site", "site"): pump.standard,
        ("heat_pump_saved", "site", "site"): pump.saved,
    }


def month_only(inventory: Inventory, factors: MonthFactors, known: Found) -> Found:
    """Return the benefit and activity figures that only months have.

    Parameters
    ----------
    inventory
        The month's inventory quantities.
    factors
        The factor library as the month uses it.
    known
        The month's inventory figures; the energy and emissions of idle lines get their flag.

    Returns
    -------
    dict
        (indicator, dimension, entity) to amount in the indicator's unit.
    """
    grain = inventory.grain
    book = _Benefit(
        grain=grain,
        factors=factors,
        mass=throughput(grain),
        products=products(grain, factors),
        stages=lifecycle(_burdens(inventory, factors)),
    )
    lines = {
        name: {p: _idle(known[name, "line", p], book.mass[p]) for p in LINES}
        for name in ("energy", "emission")
    }
    found = each("energy", "line", lines["energy"]) | each("emission", "line", lines["emission"])
    found |= _substitution(inventory, factors) | book.recovered() | book.avoided()
    for name, parts in lines.items():
        found |= book.intensities(name, parts)
    return found | _equipment(grain)


def _idle(amount: Amount, mass: Amount) -> Amount:
    return amount.flagged(idle(amount, mass))


def _burdens(inventory: Inventory, factors: MonthFactors) -> Burdens:
    emission = inventory.factors.emission
    return Burdens(
        grain=inventory.grain,
        factors=factors,
        power=inventory.power,
        sigma=inventory.sigma,
        split=inventory.split,
        direct=inventory.direct,
        shared=inventory.shared,
        litres=inventory.litres,
        fuel_ef={product: emission[product] for product in ("diesel", "petrol")},
        grid_ef=emission["electricity"],
    )


def _substitution(inventory: Inventory, factors: MonthFactors) -> Found:
    """Return what PV, chargers and heat pumps substitute, kgCO2e (§6)."""
    grain = inventory.grain
    sun, pump, avoided = sources_avoided(grain, inventory.power, factors)
    found = each("substitution", "source", avoided)
    found["substitution", "site", "site"] = total(list(avoided.values()), 1)
    found |= each("pv_substitution", "part", {"self_use": sun.self_use, "export": sun.export})
    found["pv_self_rate", "site", "site"] = sun.self_rate
    found["heat_pump_mean_load", "site", "site"] = mean_load(grain, pump)
    return found


def _equipment(grain: Grain) -> Found:
    found: Found = {
        ("pv_capacity", "site", "site"): in_service(grain, "pv", "kWp"),
        ("charger_count", "site", "site"): in_service(grain, "charger"),
    }
    return found | each("nev_share", "vehicle_class", new_energy_shares(grain))


@dataclass(frozen=True)
class _Benefit:
    """The products and stages of a month, from which its figures are written."""

    grain: Grain
    factors: MonthFactors
    mass: Mapping[str, Amount]
    products: Products
    stages: Lifecycle

    def recovered(self) -> Found:
        """Return recovered masses, t, and the factors of the products, kgCO2e/t."""
        made = self.products
        found = each("product_output", "material", {p: made.of_product(p) for p in PRODUCTS})
        found |= each(
            "product_output", "line_material",
            {f"{line}/{product}": amount for (line, product), amount in made.output.items()},
        )  # fmt: skip
        found |= each("residue", "line", made.residue)
        return found | each("net_factor", "material", made.net_factor)

    def avoided(self) -> Found:
        """Return S, L and R = S - L, kgCO2e, and what could be credited, t (§7-§9, §11)."""
        chosen = str(self.grain.setting.get("material_set", "CONS"))
        s = {p: reviewed(self.products.by_line[p], self.mass[p], chosen) for p in LINES}
        burden = {part: self.stages.line(part) for part in PARTS}
        r = {p: self._overlapping(difference(s[p], burden[p]), s[p]) for p in LINES}
        s_site, l_site = total(list(s.values()), 1), self.stages.site()
        r_site = self._overlapping(difference(s_site, l_site), s_site)
        found = each("product_substitution", "material", self.products.substitution)
        found |= each("product_substitution", "line", s)
        found |= each("lifecycle_emission", "stage", {x: self.stages.stage(x) for x in STAGES})
        found |= each("lifecycle_emission", "line", burden) | each("reduction", "line", r)
        found["product_substitution", "site", "site"] = s_site
        found["lifecycle_emission", "site", "site"] = l_site
        found["reduction", "site", "site"] = r_site
        found |= each(
            "creditable_reduction", "line",
            {p: creditable(self.grain, r[p], self.factors.library, p) for p in LINES},
        )  # fmt: skip
        return found | self.intensities("reduction", r)

    def _overlapping(self, reduction: Amount, avoided: Amount) -> Amount:
        found = overlaps(avoided, self.factors)
        return reduction.flagged(flag_bits("boundary_overlap")) if found else reduction

    def intensities(self, name: str, parts: Mapping[str, Amount]) -> Found:
        """Return a quantity of the lines per tonne, kilometre and unit (§10, R24)."""
        found = each(f"{name}_per_tonne", "line", per_tonne(self.grain, parts, self.mass))
        for piece in COUNTED_IN:
            by_piece = per_piece(self.grain, parts, self.mass, piece)
            found |= each(f"{name}_per_{piece}", "line", by_piece)
        return found
