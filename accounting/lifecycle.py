"""Full-process emissions by stage and line (module M7, accounting.md §7, R11, R12, R13, R21)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accounting.allocation import PARTS, UNALLOCATED, Shares
from accounting.amount import (
    MEASURED,
    Amount,
    Ratio,
    Source,
    Term,
    flag_bits,
    in_order,
    nothing,
    total,
)
from accounting.balance import Electricity, meters_of
from accounting.emission import Coefficient, MonthFactors, burnt, electricity_emission
from accounting.fuel import Fuel
from accounting.inputs import LINES, Grain

STAGES = ("collection", "transport", "storage", "dismantling", "sorting", "treatment")
DEFAULT_VEHICLE = {
    "collection": "TRN_LDV_2T",
    "transport": "TRN_HDV_18T",
    "outbound": "TRN_HDV_18T",
}


@dataclass(frozen=True)
class Lifecycle:
    """L of a month, kgCO2e: every stage by line, with what no line takes."""

    cells: Mapping[tuple[str, str], Amount]

    def stage(self, stage: str) -> Amount:
        """Return a stage over all lines and the unallocated rest."""
        return total([self.cells[stage, part] for part in PARTS], 1)

    def line(self, part: str) -> Amount:
        """Return a line, or ``_unallocated``, over all stages."""
        return total([self.cells[stage, part] for stage in STAGES], 1)

    def site(self) -> Amount:
        """Return L of the site: the sum of its stages."""
        return total([self.stage(stage) for stage in STAGES], 1)


@dataclass(frozen=True)
class Trip:
    """A trip: tonnes, km, vehicle class (a factor, empty for the leg's own), litres or NaN."""

    ident: str
    tonnes: float
    km: float
    vehicle: str
    own: bool
    litres: float
    origin: str


@dataclass(frozen=True)
class Burdens:
    """What the stages are made of, one period.

    Parameters
    ----------
    grain, factors
        The month and its factors.
    power, sigma, split
        Electricity, kWh; PV share; shares of the shared resources.
    direct, shared
        Electricity by line, and by shared equipment and line, kWh.
    litres
        Fuel by product and line, L.
    fuel_ef, grid_ef
        Emission factors of fuel by product, kgCO2/L, and of grid electricity, kgCO2/kWh.
    """

    grain: Grain
    factors: MonthFactors
    power: Electricity
    sigma: Ratio
    split: Shares
    direct: Mapping[str, Amount]
    shared: Mapping[str, Mapping[str, Amount]]
    litres: Fuel
    fuel_ef: Mapping[str, Coefficient]
    grid_ef: Coefficient

    @cached_property
    def trips(self) -> Mapping[tuple[str, str], list[Trip]]:
        """The month's trips by leg and line."""
        rows = self.grain.inputs.trips
        found: dict[tuple[str, str], list[Trip]] = {}
        columns = ("leg", "line", "trip_id", "tonnes", "km", "vehicle_class", "own", "litres",
                   "origin")  # fmt: skip
        for leg, line, ident, tonnes, km, vehicle, own, litres, origin in zip(
            *(rows[name].tolist() for name in columns), strict=True
        ):
            trip = Trip(
                str(ident), float(tonnes), float(km), vehicle if isinstance(vehicle, str) else "",
                bool(own), math.nan if litres is None else float(litres), str(origin),
            )  # fmt: skip
            found.setdefault((str(leg), str(line)), []).append(trip)
        return found

    def from_grid(self, consumed: Amount) -> Amount:
        """Return E EF (1 - sigma), kgCO2e."""
        return electricity_emission(consumed, None, self.sigma, self.grid_ef)

    def fuel(self, by_product: Mapping[str, Mapping[str, Amount]], part: str) -> Amount:
        """Return litres of a part times their factors, kgCO2e."""
        return burnt({p: found[part] for p, found in by_product.items()}, self.fuel_ef)


def lifecycle(burdens: Burdens) -> Lifecycle:
    """Return the full-process emissions of a month (§7).

    Parameters
    ----------
    burdens
        What the stages are made of.

    Returns
    -------
    Lifecycle
        kgCO2e by stage and line; the stages and the lines add up to the same site total.
    """
    storage = _storage_electricity(burdens)
    cells: dict[tuple[str, str], Amount] = {}
    for part in PARTS:
        cells["collection", part] = _haulage(burdens, "collection", part)
        cells["transport", part] = _haulage(burdens, "transport", part)
        cells["storage", part] = total(
            [burdens.from_grid(storage[part]), burdens.fuel(burdens.litres.stacker, part)], 1
        )
        cells["dismantling", part] = _dismantling(burdens, part)
        cells["sorting", part] = _sorting(burdens, part)
        cells["treatment", part] = _treatment(burdens, part)
    return Lifecycle(cells)


def _equipped(burdens: Burdens, equipment: str) -> bool:
    power = burdens.power
    return any(
        m.equipment == equipment and m.meter_id in power.attributable
        for m in meters_of(burdens.grain)
    )


def _storage_electricity(burdens: Burdens) -> dict[str, Amount]:
    """Return yard electricity by line, kWh: by mass unless a meter names its line (R21)."""
    meters = [m for m in meters_of(burdens.grain) if m.equipment == "storage"]
    own = {m.meter_id: burdens.power.attributable[m.meter_id] for m in meters
           if m.meter_id in burdens.power.attributable}  # fmt: skip
    if not own:
        return {part: nothing(1, MEASURED) for part in PARTS}
    common = [own[m.meter_id] for m in meters if m.meter_id in own and m.line not in LINES]
    parts: dict[str, list[Amount]] = {part: [] for part in PARTS}
    for meter in meters:
        if meter.meter_id in own and meter.line in LINES:
            parts[meter.line].append(own[meter.meter_id])
    if common:
        for part, amount in burdens.split.split("sorting", total(common, 1)).items():
            parts[part].append(amount)
    return {p: total(found, 1) if found else nothing(1, MEASURED) for p, found in parts.items()}


def _dismantling(burdens: Burdens, part: str) -> Amount:
    """Return (direct + crane) EF (1 - sigma) + forklift litres EF_d, kgCO2e."""
    consumed = [burdens.shared["crane"][part]]
    if part != UNALLOCATED:
        consumed.append(burdens.direct[part])
    metered = [amount for amount in consumed if amount.sources]
    parts = [burdens.from_grid(total(metered, 1))] if metered else []
    return total([*parts, burdens.fuel(burdens.litres.line, part)], 1)


def _sorting(burdens: Burdens, part: str) -> Amount:
    """Return sorting's electricity; without a meter it is inside dismantling (R21)."""
    if not _equipped(burdens, "sorting"):
        return nothing(1, MEASURED, flag_bits("merged_in_dismantle"))
    return burdens.from_grid(burdens.shared["sorting"][part])


def _treatment(burdens: Burdens, part: str) -> Amount:
    """Return environmental device, burnt oil, residue and outbound haulage, kgCO2e."""
    parts = [_haulage(burdens, "outbound", part), _residue(burdens, part)]
    if _equipped(burdens, "environmental"):
        parts.append(burdens.from_grid(burdens.shared["environmental"][part]))
    if part != UNALLOCATED:
        parts.append(_burnt_oil(burdens, part))
    return total(parts, 1)


def _burnt_oil(burdens: Burdens, line: str) -> Amount:
    rows = burdens.grain.inputs.outputs
    if not rows.empty:
        burnt_oil = (rows["material"] == "transformer_oil") & (rows["fate"] == "burnt")
        rows = rows[burnt_oil & (rows["line"] == line)]
    if rows.empty:
        return nothing(1, MEASURED)
    rows = rows.assign(ref=[f"{ident}/transformer_oil/burnt" for ident in rows["batch_id"]])
    oil = burdens.grain.records(rows, "output", "ref", "mass_t", "t", "output_log")
    return burdens.factors.named("MAT_OIL_COMBUST").times(oil)


def _residue(burdens: Burdens, part: str) -> Amount:
    """Return nothing for residue, whose disposal has no factor yet, and say so (§7)."""
    rows = burdens.grain.inputs.batches_by_line.get(part)
    left = rows is not None and not rows.empty and bool((rows["residue_t"] > 0).any())
    return nothing(1, MEASURED, flag_bits("no_disposal_factor") if left else 0)


def _haulage(burdens: Burdens, leg: str, part: str) -> Amount:
    """Return sum of m d EF rf, or litres EF_d of own trucks, kgCO2e (R13, R21)."""
    if not burdens.trips:
        return nothing(1, MEASURED, flag_bits("no_trips"))
    back = float(str(burdens.grain.setting.get("return_trip_factor", 1.0)))
    terms: list[Term] = []
    flags = 0
    for trip in burdens.trips.get((leg, part), ()):
        own = trip.own and trip.litres == trip.litres
        name = trip.vehicle or DEFAULT_VEHICLE[leg]
        one = burdens.fuel_ef["diesel"] if own else burdens.factors.named(name, scale=back)
        quantity = trip.litres if own else trip.tonnes * trip.km
        terms.append(_trip_term(trip, quantity, "L" if own else "t*km", one))
        flags |= one.flags
    return Amount(
        in_order(terms), np.array([MEASURED]), np.array([flags]), _logs(burdens.grain, terms)
    )


def _trip_term(trip: Trip, quantity: float, unit: str, one: Coefficient) -> Term:
    zero = np.zeros(1)
    source = Source("trip", trip.ident, unit, np.array([quantity]), zero, zero, zero, trip.origin)
    return Term(source, np.array([one.value]), one.factor_ids)


def _logs(grain: Grain, terms: Sequence[Term]) -> tuple[Source, ...]:
    return (grain.log("trip_log"),) if terms else ()
