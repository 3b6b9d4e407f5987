"""The inventory ledger of a site and month (modules M1 and M2, accounting.md §3-§5, §9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accounting.allocation import (
    PARTS,
    Shares,
    direct_electricity,
    line_electricity,
    shared_electricity,
    throughput,
)
from accounting.amount import Amount, Ratio, difference, quotient, total
from accounting.balance import (
    Electricity,
    area_m2,
    area_source,
    water,
)
from accounting.emission import (
    Coefficient,
    Coefficients,
    burnt,
    electricity_emission,
    market_based,
    site_electricity_emission,
    sold_by_chargers,
)
from accounting.fuel import Fuel, fuel
from accounting.inputs import BUILDINGS, EQUIPMENT, LINES, SHARED_EQUIPMENT, Grain
from accounting.ledger import Found

SHARED = (*SHARED_EQUIPMENT, "forklift")


def inventory(
    grain: Grain, power: Electricity, split: Shares, sigma: Ratio, factors: Coefficients
) -> Inventory:
    """Return the quantities of a grain, from which its inventory figures are written.

    Parameters
    ----------
    grain
        The month, or its days.
    power
        The grain's electricity, kWh.
    split, sigma
        The month's shares of the shared resources and of PV; they hold for its days too.
    factors
        The month's coefficients.
    """
    direct = direct_electricity(grain, power)
    shared = shared_electricity(grain, power, split)
    return Inventory(
        grain=grain,
        factors=factors,
        sigma=sigma,
        power=power,
        split=split,
        direct=direct,
        litres=fuel(grain, split),
        shared=shared,
        lines=line_electricity(direct, shared, grain.periods),
        water=water(grain),
    )


def each(indicator: str, dimension: str, parts: Mapping[str, Amount]) -> Found:
    """Return parts by entity as figures of an indicator."""
    return {(indicator, dimension, entity): amount for entity, amount in parts.items()}


@dataclass(frozen=True)
class Inventory:
    """The quantities of one grain, from which its figures are written."""

    grain: Grain
    factors: Coefficients
    sigma: Ratio
    power: Electricity
    split: Shares
    direct: Mapping[str, Amount]
    litres: Fuel
    shared: Mapping[str, Mapping[str, Amount]]
    lines: Mapping[str, Amount]
    water: tuple[Amount, Mapping[str, Amount]]

    @property
    def resold(self) -> bool:
        """Whether charging is sold on (R18)."""
        return bool(self.grain.setting.get("charger_resold", False))

    def common(self) -> Found:
        """Return the figures that months and days both have."""
        power = self.power
        volume, by_building = self.water
        found: Found = {
            ("electricity", "site", "site"): power.site,
            ("grid_electricity", "site", "site"): power.grid,
            ("pv_generation", "site", "site"): power.generation,
            ("pv_self_use", "site", "site"): power.self_use,
            ("pv_export", "site", "site"): power.export,
            ("water", "site", "site"): volume,
            ("diesel", "site", "site"): self.litres.site["diesel"],
        }
        found |= each("electricity", "building", power.building)
        found |= each("electricity", "group", power.group)
        found |= each("electricity", "line", self.lines)
        found |= each("electricity", "equipment", power.equipment)
        found |= each("water", "building", by_building)
        found |= each("throughput", "line", throughput(self.grain))
        spent, emitted = self.spent(), self.emitted()
        found |= each("energy", "medium", spent) | each("emission", "medium", emitted)
        counted = [a for name, a in spent.items() if name != "water" or self.counts_water]
        found["energy", "site", "site"] = total(counted, self.grain.periods)
        found["emission", "site", "site"] = total(list(emitted.values()), self.grain.periods)
        return found

    @property
    def counts_water(self) -> bool:
        """Whether water counts as energy (D-5)."""
        return bool(self.grain.setting.get("water_in_energy", True))

    def spent(self) -> dict[str, Amount]:
        """Return the site's energy by medium, kgce (§4)."""
        factor = self.factors.energy
        return {
            "electricity": factor["electricity"].times(self.power.site),
            "water": factor["water"].times(self.water[0]),
            "diesel": burnt(self.litres.site, factor),
        }

    def emitted(self) -> dict[str, Amount]:
        """Return the site's emissions by medium, kgCO2e (§4)."""
        factor = self.factors.emission
        sold = sold_by_chargers(self.power, self.resold)
        return {
            "electricity": site_electricity_emission(
                self.power, sold, self.sigma, factor["electricity"]
            ),
            "water": factor["water"].times(self.water[0]),
            "diesel": burnt(self.litres.site, factor),
        }

    def month_only(self, common: Found) -> Found:
        """Return the figures that only months have."""
        emitted = self.emitted()
        found = each("diesel", "line", self.litres.line["diesel"])
        found |= self.energy_parts() | self.emission_parts(common["emission", "site", "site"])
        found |= each("emission", "scope", self.scopes(emitted))
        found["emission_market_based", "site", "site"] = market_based(
            self.grain,
            self.power,
            [emitted["water"], emitted["diesel"]],
            self.factors.grid_excluding_contracted,
        )
        for indicator in ("energy", "emission"):
            whole = {b: found[indicator, "building", b] for b in BUILDINGS}
            whole["site"] = common[indicator, "site", "site"]
            found |= each(f"{indicator}_per_area", "building", self.per_area(whole))
        return found

    def line_fuel(self, part: str, factor: Mapping[str, Coefficient]) -> Amount:
        """Return a line's forklift fuel of every product times a coefficient."""
        return burnt({product: found[part] for product, found in self.litres.line.items()}, factor)

    def energy_parts(self) -> Found:
        """Return energy by building, group, line and equipment, kgce (§5, R10)."""
        factor, n = self.factors.energy, self.grain.periods
        power = factor["electricity"]
        fuel_kgce = burnt(self.litres.site, factor)
        _, volume = self.water
        water_kgce = {b: factor["water"].times(a) for b, a in volume.items() if self.counts_water}
        buildings = {b: [power.times(a)] for b, a in self.power.building.items()}
        buildings["plant"].append(fuel_kgce)
        for building, amount in water_kgce.items():
            buildings[building].append(amount)
        groups = {g: [power.times(a)] for g, a in self.power.group.items()}
        groups["dismantling"].append(fuel_kgce)
        if self.counts_water:
            groups["other"].append(factor["water"].times(self.water[0]))
        lines = {p: [power.times(self.lines[p]), self.line_fuel(p, factor)] for p in PARTS}
        forklift = {p: self.line_fuel(p, factor) for p in PARTS}
        equipment = {e: power.times(self.power.equipment[e]) for e in EQUIPMENT[:-2]}
        equipment["forklift"] = total(list(forklift.values()), n)
        by_line = {
            f"{resource}/{line}": forklift[line]
            if resource == "forklift"
            else power.times(self.shared[resource][line])
            for resource in SHARED
            for line in LINES
        }
        return (
            each("energy", "building", self._totals(buildings))
            | each("energy", "group", self._totals(groups))
            | each("energy", "line", self._totals(lines))
            | each("energy", "equipment", equipment)
            | each("energy", "equipment_line", by_line)
        )

    def _totals(self, parts: Mapping[str, list[Amount]]) -> dict[str, Amount]:
        return {name: total(found, self.grain.periods) for name, found in parts.items()}

    def emission_parts(self, site: Amount) -> Found:
        """Return emissions by building, group and line, kgCO2e (§4, §5, §9 a)."""
        factor = self.factors.emission
        fuel_kg = burnt(self.litres.site, factor)
        volume, by_building = self.water
        buildings = {
            b: [self.consumed(a, building=b), factor["water"].times(by_building[b])]
            for b, a in self.power.building.items()
        }
        buildings["plant"].append(fuel_kg)
        groups = {g: [self.consumed(a, group=g)] for g, a in self.power.group.items()}
        groups["dismantling"].append(fuel_kg)
        groups["other"].append(factor["water"].times(volume))
        lines = {
            p: total(
                [
                    electricity_emission(self.lines[p], None, self.sigma, factor["electricity"]),
                    self.line_fuel(p, factor),
                ],
                self.grain.periods,
            )
            for p in LINES
        }
        lines["office_etc"] = difference(site, total(list(lines.values()), self.grain.periods))
        return (
            each("emission", "building", self._totals(buildings))
            | each("emission", "group", self._totals(groups))
            | each("emission", "line", lines)
        )

    def consumed(self, amount: Amount, *, building: str = "", group: str = "") -> Amount:
        """Return the emissions of a part of the electricity, kgCO2e."""
        sold = sold_by_chargers(self.power, self.resold, building=building, group=group)
        factor = self.factors.emission["electricity"]
        return electricity_emission(amount, sold, self.sigma, factor)

    def scopes(self, emitted: Mapping[str, Amount]) -> dict[str, Amount]:
        """Return emissions by GHG Protocol scope, kgCO2e (§3, R24)."""
        third = [emitted["water"]]
        sold = sold_by_chargers(self.power, self.resold)
        if sold.sources:
            factor = self.factors.emission["electricity"]
            third.append(electricity_emission(sold, None, self.sigma, factor))
        return {
            "scope1": emitted["diesel"],
            "scope2": emitted["electricity"],
            "scope3": total(third, self.grain.periods),
        }

    def per_area(self, whole: Mapping[str, Amount]) -> dict[str, Amount]:
        """Return a quantity per floor area valid on the month's last day, per m2 (§9 e)."""
        areas = {b: area_source(self.grain, b) for b in BUILDINGS}
        known = [a for b, a in areas.items() if area_m2(self.grain, b) is not None]
        areas["site"] = total(known, 1)
        return {entity: quotient(whole[entity], areas[entity]) for entity in areas}
