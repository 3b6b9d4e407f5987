"""What PV, chargers and heat pumps substitute (modules M3-M5, accounting.md §6, R16-R19).

A negative substitution is shown as it is (D-9); PV, chargers and heat pump never count the same
kWh twice (§3, rules 1 and 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from accounting.amount import (
    ESTIMATED,
    MEASURED,
    NULL,
    Amount,
    Source,
    difference,
    flag_bits,
    nothing,
    of,
    quotient,
    scaled,
    total,
)
from accounting.balance import Electricity, meters_of
from accounting.emission import MonthFactors
from accounting.inputs import Grain

GJ_PER_KWH = 0.0036
HEATING_MONTHS = frozenset((10, 11, 12, 1, 2, 3, 4))
NATURAL_GAS_GJ_PER_M3 = 0.03893  # GB/T 51366-2019 table A.0.1, with FUEL_NG_EF's own source
_CLASSES = {
    "official_car": ("VEH_EV_CAR", "VEH_PETROL_CAR", "FUEL_PETROL_EF_L"),
    "shuttle_bus": ("VEH_EV_BUS", "VEH_DIESEL_BUS", "FUEL_DIESEL_EF_L"),
}


@dataclass(frozen=True)
class Pv:
    """PV of a period: parts of A_pv, kgCO2e, and the self-use rate, %."""

    self_use: Amount
    export: Amount
    self_rate: Amount

    def avoided(self) -> Amount:
        """Return A_pv, kgCO2e; null without a PV meter (R19)."""
        return total([self.self_use, self.export], self.self_use.periods)


def pv(grain: Grain, power: Electricity, factors: MonthFactors) -> Pv:
    """Return what PV avoids (M3, §6, R19).

    Parameters
    ----------
    grain
        The month as one period.
    power
        Electricity, kWh.
    factors
        The factor library as the month uses it.

    Returns
    -------
    Pv
        self x EF; (export - certificates sold) x EF; 100 self / generation, null without any.
    """
    if not power.generation.sources:
        none = nothing(grain.periods)
        return Pv(none, none, none)
    sold = grain.inputs.gec_sold_kwh
    export = power.export
    if sold:
        certificates = _entry("green_certificate", grain.inputs.month, "kWh", sold)
        export = difference(export, certificates)
    return Pv(
        self_use=factors.grid.times(power.self_use),
        export=factors.grid.times(export),
        self_rate=scaled(quotient(power.self_use, power.generation), 100.0),
    )


def _entry(kind: str, ref: str, unit: str, quantity: float) -> Amount:
    """Return one recorded number as an amount of one period."""
    zero = np.zeros(1)
    source = Source(kind, ref, unit, np.array([quantity]), zero, zero, zero)
    return of(source, np.array([MEASURED]), np.array([0]))


def of_role(grain: Grain, role: str) -> Amount:
    """Return the quantity of a role's meters, each counted once; null without any.

    Parameters
    ----------
    grain
        The month, or its days.
    role
        ``charger``, ``heat_pump`` or ``heat_pump_heat``.

    Returns
    -------
    Amount
        kWh, or GJ for heat; a meter below another of its role is inside that one.
    """
    meters = [m for m in meters_of(grain) if m.role == role]
    own = {m.meter_id for m in meters}
    amounts = [grain.amounts[m.meter_id] for m in meters if m.parent_id not in own]
    return total(amounts, grain.periods)


def charger_avoided(grain: Grain, factors: MonthFactors) -> Amount:
    """Return A_ch = sum km FC / 100 EF_fuel - kWh EF_grid, kgCO2e (M4, §6, R18).

    Parameters
    ----------
    grain
        The month as one period.
    factors
        The factor library as the month uses it.

    Returns
    -------
    Amount
        Null without a charger meter; what no vehicle accounts for is driven by cars.
    """
    energy = of_role(grain, "charger")
    if not energy.sources:
        return nothing(1)
    fleet = [row for row in _vehicles(grain) if row.new_energy]
    driven = [_baseline(grain, row, factors) for row in fleet]
    known = total([_known_kwh(row, factors) for row in fleet] or [nothing(1, MEASURED)], 1)
    rest = difference(energy, known)
    parts = [*driven, scaled(factors.grid.times(energy), -1.0)]
    if rest.quality[0] == NULL or rest.values[0] > 0:
        parts.append(_by_car(rest, factors))
    whole = total(parts, 1)
    return replace(whole, quality=np.where(energy.quality == NULL, NULL, whole.quality))


@dataclass(frozen=True)
class _Vehicle:
    """A vehicle's month: kilometres and charged kWh, None where not recorded."""

    ident: str
    kind: str
    new_energy: bool
    km: float | None
    kwh: float | None
    origin: str


def _vehicles(grain: Grain) -> list[_Vehicle]:
    rows = grain.inputs.vehicles
    columns = ("vehicle_id", "class", "new_energy", "km", "kwh", "origin")
    return [
        _Vehicle(str(ident), str(kind), bool(new), _number(km), _number(kwh), str(origin))
        for ident, kind, new, km, kwh, origin in zip(*(rows[c] for c in columns), strict=True)
    ]


def _number(cell: object) -> float | None:
    return None if cell is None or pd.isna(cell) else float(str(cell))


def _vehicle_amount(vehicle: _Vehicle) -> tuple[Amount, bool]:
    """Return what is recorded of a vehicle and whether it is kilometres (else kWh)."""
    by_km = vehicle.km is not None
    quantity = vehicle.km if vehicle.km is not None else vehicle.kwh or 0.0
    zero = np.zeros(1)
    source = Source(
        "vehicle", vehicle.ident + ("/km" if by_km else "/kwh"), "km" if by_km else "kWh",
        np.array([quantity]), zero, zero, zero, vehicle.origin,
    )  # fmt: skip
    return of(source, np.array([MEASURED]), np.array([0])), by_km


def _baseline(grain: Grain, vehicle: _Vehicle, factors: MonthFactors) -> Amount:
    """Return km FC / 100 EF_fuel of the vehicle it replaces; km = kWh / e where not recorded."""
    per_kwh, fuel_use, fuel_ef = _CLASSES[vehicle.kind]
    amount, by_km = _vehicle_amount(vehicle)
    per = () if by_km else (per_kwh,)
    driven = factors.named(fuel_use, fuel_ef, per=per, scale=0.01).times(amount)
    return replace(driven, sources=(grain.log("vehicle_log"),))


def _known_kwh(vehicle: _Vehicle, factors: MonthFactors) -> Amount:
    """Return the kWh a vehicle accounts for: charged, else km e (R18)."""
    charged = vehicle.kwh is not None
    zero = np.zeros(1)
    quantity = vehicle.kwh if vehicle.kwh is not None else vehicle.km or 0.0
    source = Source(
        "vehicle", vehicle.ident + ("/kwh" if charged else "/km"), "kWh" if charged else "km",
        np.array([quantity]), zero, zero, zero, vehicle.origin,
    )  # fmt: skip
    amount = of(source, np.array([MEASURED]), np.array([0]))
    amount = replace(amount, sources=())
    return amount if charged else factors.named(_CLASSES[vehicle.kind][0]).times(amount)


def _by_car(rest_kwh: Amount, factors: MonthFactors) -> Amount:
    """Return what the charging of unknown vehicles replaces: petrol cars (R18)."""
    per_kwh, fuel_use, fuel_ef = _CLASSES["official_car"]
    return factors.named(fuel_use, fuel_ef, per=(per_kwh,), scale=0.01).times(rest_kwh)


def new_energy_shares(grain: Grain) -> dict[str, Amount]:
    """Return the new-energy share of buses and cars, % (§6); null without such a vehicle."""
    found = {}
    for kind in ("shuttle_bus", "official_car"):
        fleet = [v for v in _vehicles(grain) if v.kind == kind]
        if not fleet:
            found[kind] = nothing(1)
            continue
        new = total(
            [_one(v, grain) for v in fleet if v.new_energy] or [nothing(1, MEASURED)], 1
        )  # fmt: skip
        found[kind] = scaled(quotient(new, _entry("vehicles", kind, "1", float(len(fleet)))), 100.0)
    return found


def _one(vehicle: _Vehicle, grain: Grain) -> Amount:
    zero = np.zeros(1)
    source = Source(
        "vehicle", vehicle.ident, "1", np.ones(1), zero, zero, zero, vehicle.origin
    )  # fmt: skip
    amount = of(source, np.array([MEASURED]), np.array([0]))
    return replace(amount, sources=(grain.log("vehicle_log"),))


@dataclass(frozen=True)
class HeatPump:
    """The heat pumps of a period.

    Parameters
    ----------
    electricity, standard, saved
        E_hp, E_std and E_saved, kWh.
    heat
        Q delivered or taken away, kWh.
    """

    electricity: Amount
    standard: Amount
    saved: Amount
    heat: Amount


def heat_pump(grain: Grain, factors: MonthFactors) -> HeatPump:
    """Return heat pump and standard air conditioning (M5, §6, R17).

    Parameters
    ----------
    grain
        The month, or its days: a month is all heating or all cooling.
    factors
        The factor library as the month uses it.

    Returns
    -------
    HeatPump
        Q of the heat meters; without any, E_hp COP (estimated, ``cop_default``).
    """
    used = of_role(grain, "heat_pump")
    heating = is_heating(grain)
    if any(m.role == "heat_pump_heat" for m in meters_of(grain)):
        heat = scaled(of_role(grain, "heat_pump_heat"), 1.0 / GJ_PER_KWH)
    else:
        one = factors.named("HP_COP_H" if heating else "HP_COP_C")
        heat = one.times(used)
        if used.sources:
            heat = heat.at_least(ESTIMATED).flagged(flag_bits("cop_default"))
    standard = factors.named(per=("AC_COP_H" if heating else "AC_EER_C",)).times(heat)
    return HeatPump(used, standard, difference(standard, used), heat)


def is_heating(grain: Grain) -> bool:
    """Tell whether the month lies in the heating season, 10-01 to 04-30 (R17)."""
    return grain.inputs.month_start.month in HEATING_MONTHS


def heat_pump_avoided(grain: Grain, pump: HeatPump, factors: MonthFactors) -> Amount:
    """Return A_hp, kgCO2e: E_saved EF, or Q_h fuel factor - E_hp EF for gas and district heat.

    Parameters
    ----------
    grain
        The month as one period.
    pump
        The month's heat pumps.
    factors
        The factor library as the month uses it.
    """
    baseline = str(grain.setting.get("heating_baseline", "ac"))
    if baseline == "ac" or not is_heating(grain):
        return factors.grid.times(pump.saved)
    per_kwh = GJ_PER_KWH if baseline == "district" else GJ_PER_KWH / NATURAL_GAS_GJ_PER_M3
    name = "HEAT_EF" if baseline == "district" else "FUEL_NG_EF"
    replaced = factors.named(name, scale=per_kwh).times(pump.heat)
    return difference(replaced, factors.grid.times(pump.electricity))


def mean_load(grain: Grain, pump: HeatPump) -> Amount:
    """Return Q / clock hours with heat-pump electricity, kW (R17); null without any."""
    hours = _entry("heat_pump_hours", grain.inputs.month, "h", grain.inputs.heat_pump_hours)
    return quotient(pump.heat, hours)


def in_service(grain: Grain, kind: str, unit: str = "") -> Amount:
    """Return the devices of a kind in service on the month's last day (R16).

    Parameters
    ----------
    grain
        The month as one period.
    kind
        ``pv`` or ``charger``.
    unit
        Sum the capacity given in this unit; empty counts devices.

    Returns
    -------
    Amount
        Null where the site has no device row at all.
    """
    if grain.inputs.devices.empty:
        return nothing(1)
    rows, last = grain.inputs.devices.assign(day=""), pd.Timestamp(grain.inputs.last_day)
    there = rows[
        (rows["kind"] == kind)
        & (rows["in_service_from"] <= last)
        & (rows["in_service_to"].isna() | (rows["in_service_to"] >= last))
    ]
    if unit:
        return grain.records(there[there["unit"] == unit], "device", "device_id", "capacity", unit,
                             "device_register")  # fmt: skip
    return grain.records(there.assign(one=1.0), "device", "device_id", "one", "1",
                         "device_register")  # fmt: skip


def sources_avoided(
    grain: Grain, power: Electricity, factors: MonthFactors
) -> tuple[Pv, HeatPump, Mapping[str, Amount]]:
    """Return PV, heat pump and A of the three sources, kgCO2e (5.5 a, b, h).

    Parameters
    ----------
    grain
        The month as one period.
    power
        Electricity, kWh.
    factors
        The factor library as the month uses it.
    """
    sun, pump = pv(grain, power, factors), heat_pump(grain, factors)
    avoided = {
        "pv": sun.avoided(),
        "charger": charger_avoided(grain, factors),
        "heat_pump": heat_pump_avoided(grain, pump, factors),
    }
    return sun, pump, avoided
