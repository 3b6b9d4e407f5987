"""Energy balance of a site: from meters to site, buildings, groups and equipment (R9, R14, R15).

Accounting.md §2, §4, §5 and the binding rules of §16.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from accounting.amount import (
    ESTIMATED,
    MEASURED,
    NULL,
    Amount,
    Ratio,
    Source,
    difference,
    flag_bits,
    nothing,
    of,
    ratio,
    required,
    scaled,
    total,
    weighted,
)
from accounting.inputs import BUILDINGS, EQUIPMENT, GROUPS, Grain, Meter

BALANCE_TOLERANCE = 0.02
EXPORT_TOLERANCE_KWH = 1e-6


@dataclass(frozen=True)
class Electricity:
    """The site's electricity, kWh per period.

    Parameters
    ----------
    grid, generation, export, self_use, site
        Eg, gen, Ex, Es and E = Eg + Es; ``self_use`` is null without any PV meter (R19).
    attributable
        Each consumer's own quantity minus its direct children's.
    building, group, equipment
        By entity of indicators.csv.
    chargers
        Attributable kWh of the chargers by (building, group).
    """

    grid: Amount
    generation: Amount
    export: Amount
    self_use: Amount
    site: Amount
    attributable: Mapping[str, Amount]
    building: Mapping[str, Amount]
    group: Mapping[str, Amount]
    equipment: Mapping[str, Amount]
    chargers: Mapping[tuple[str, str], Amount]


def meters_of(grain: Grain) -> tuple[Meter, ...]:
    """Return the month's meters in the order of their identifiers."""
    return grain.inputs.placed_meters


def group_of(meter: Meter) -> str:
    """Return the equipment group a consumer counts in (R9)."""
    if meter.group:
        return meter.group
    if meter.equipment and meter.equipment != "storage":
        return "dismantling"
    return "ac" if meter.role == "heat_pump" else "other"


def attributable(
    meters: tuple[Meter, ...], amounts: Mapping[str, Amount], medium: str
) -> dict[str, Amount]:
    """Return own quantity minus the direct children's, for the meters of a medium (R9).

    Parameters
    ----------
    meters, amounts
        The month's meters and the quantity of each.
    medium
        ``electricity`` (kWh) or ``water`` (m3).

    Returns
    -------
    dict
        Meter identifier to amount; grid and PV meters have no attributable part.
    """
    own = [m for m in meters if m.medium == medium and m.role in _CONSUMING]
    found = {}
    for meter in own:
        children = [amounts[m.meter_id] for m in own if m.parent_id == meter.meter_id]
        amount = amounts[meter.meter_id]
        if children:
            amount = difference(amount, total(children, amount.periods))
        found[meter.meter_id] = amount
    return found


_CONSUMING = ("consumer", "charger", "heat_pump")


def top_level(meters: tuple[Meter, ...], medium: str) -> tuple[Meter, ...]:
    """Return the consumers directly below the grid connection (R9)."""
    grid = {m.meter_id for m in meters if m.role == "grid_import"}
    return tuple(
        m
        for m in meters
        if m.medium == medium and m.role in _CONSUMING and (not m.parent_id or m.parent_id in grid)
    )


def electricity(grain: Grain, office_share: Ratio) -> Electricity:
    """Return the balance of a site's electricity, kWh (accounting.md §2, §4, §5, R9, R15, R19).

    Parameters
    ----------
    grain
        The month, or its days.
    office_share
        The office's share of heat pumps that serve both buildings (R15).

    Returns
    -------
    Electricity
        Amounts per period, kWh.
    """
    meters, amounts = meters_of(grain), grain.amounts
    n = grain.periods
    of_role = _by_role(meters, amounts, n)
    grid, generation = of_role["grid_import"], of_role["pv_generation"]
    export, self_use = _self_use(meters, of_role, n)
    site = required([grid, self_use]) if _has(meters, "pv_generation") else grid
    own = attributable(meters, amounts, "electricity")
    by_id = {m.meter_id: m for m in meters}
    office = _office(own, by_id, office_share, n)
    plant = difference(site, office) if office is not None else site
    parts = {
        name: [a for i, a in own.items() if group_of(by_id[i]) == name] for name in GROUPS[:-1]
    }
    groups = {name: total(found, n) for name, found in parts.items()}
    top = total([amounts[m.meter_id] for m in top_level(meters, "electricity")], n)
    broken = _unbalanced(site, top)
    rest = (
        difference(site, total([a for a in groups.values() if _asked(a)], n))
        if any(parts.values())
        else site
    )
    metered = total([a for i, a in own.items() if group_of(by_id[i]) == "other"], n)
    groups["other"] = _either(broken, metered, rest)
    return Electricity(
        grid=grid,
        generation=generation,
        export=export,
        self_use=self_use,
        site=site.flagged(np.where(broken, flag_bits("balance_error"), 0)),
        attributable=own,
        building=dict(zip(BUILDINGS, (plant, office or nothing(n)), strict=True)),
        group=groups,
        equipment={
            name: total([a for i, a in own.items() if by_id[i].equipment == name], n)
            for name in EQUIPMENT
        },
        chargers=_chargers(own, by_id, n),
    )


def _chargers(
    own: Mapping[str, Amount], by_id: Mapping[str, Meter], n: int
) -> dict[tuple[str, str], Amount]:
    places: dict[tuple[str, str], list[Amount]] = {}
    for meter_id, amount in own.items():
        meter = by_id[meter_id]
        if meter.role == "charger":
            place = (meter.building or "plant", group_of(meter))
            places.setdefault(place, []).append(amount)
    return {place: total(amounts, n) for place, amounts in places.items()}


def _by_role(meters: tuple[Meter, ...], amounts: Mapping[str, Amount], n: int) -> dict[str, Amount]:
    roles = ("grid_import", "pv_generation", "pv_export")
    return {
        role: total([amounts[m.meter_id] for m in meters if m.role == role], n) for role in roles
    }


def _has(meters: tuple[Meter, ...], role: str) -> bool:
    return any(m.role == role for m in meters)


def _asked(amount: Amount) -> bool:
    """Tell whether any meter stands behind an amount, known or not."""
    return bool(amount.sources)


def _self_use(
    meters: tuple[Meter, ...], of_role: Mapping[str, Amount], n: int
) -> tuple[Amount, Amount]:
    """Return export and PV self-use; without an export meter the export is zero (R19)."""
    if not _has(meters, "pv_generation"):
        return nothing(n), nothing(n)
    if _has(meters, "pv_export"):
        return of_role["pv_export"], _generation_kept(of_role)
    flag = flag_bits("no_export_meter")
    return nothing(n, MEASURED, flag), of_role["pv_generation"].flagged(flag)


def _generation_kept(of_role: Mapping[str, Amount]) -> Amount:
    """Return generation - export; more exported than generated is an error, not a negative."""
    generation, export = of_role["pv_generation"], of_role["pv_export"]
    kept = difference(generation, export)
    wrong = (kept.quality != NULL) & (kept.values < -EXPORT_TOLERANCE_KWH)
    return replace(
        kept,
        quality=np.where(wrong, NULL, kept.quality),
        flags=kept.flags | np.where(wrong, flag_bits("error"), 0),
    )


def _office(
    own: Mapping[str, Amount], by_id: Mapping[str, Meter], share: Ratio, n: int
) -> Amount | None:
    """Return the office's electricity, None where no meter says anything of an office."""
    parts = [a for i, a in own.items() if by_id[i].building == "office"]
    parts += [
        weighted(a, share)
        for i, a in own.items()
        if by_id[i].role == "heat_pump" and not by_id[i].building
    ]
    return total(parts, n) if parts else None


def _unbalanced(site: Amount, top: Amount) -> np.ndarray:
    """Tell per period whether consumers add up to more than 102 % of the site (R9)."""
    with np.errstate(invalid="ignore"):
        residual = site.values - top.values
        return np.asarray(residual < -BALANCE_TOLERANCE * site.values)


def _either(first: np.ndarray, left: Amount, right: Amount) -> Amount:
    """Return left in the periods where ``first`` holds and right in the others."""
    if not first.any():
        return right
    chosen = total(
        [scaled(left, np.where(first, 1.0, 0.0)), scaled(right, np.where(first, 0.0, 1.0))],
        len(first),
    )
    return Amount(
        chosen.terms,
        np.where(first, left.quality, right.quality),
        np.where(first, left.flags, right.flags),
        chosen.sources,
        chosen.notes,
    )


def office_share(grain: Grain) -> Ratio:
    """Return the office's share of heat pumps that serve both buildings (R15).

    Parameters
    ----------
    grain
        The month; its share holds for its days too.

    Returns
    -------
    Ratio
        By heat meters if each names a building, else by area on the month's last day
        (estimated, ``area_split``); unknown without either.
    """
    meters = meters_of(grain)
    heat = [m for m in meters if m.role == "heat_pump_heat"]
    if heat and all(m.building for m in heat):
        amounts = grain.amounts
        parts = {
            b: total([amounts[m.meter_id] for m in heat if m.building == b], 1) for b in BUILDINGS
        }
        known = [a for a in parts.values() if _asked(a)]
        office = parts["office"] if _asked(parts["office"]) else nothing(1, MEASURED)
        return ratio(office, total(known, 1))
    office_m2, plant_m2 = (area_m2(grain, b) for b in ("office", "plant"))
    if office_m2 is None or plant_m2 is None or office_m2 + plant_m2 == 0:
        return Ratio(np.array([np.nan]), np.array([NULL]), np.array([0]))
    notes = tuple(
        replace(t, coefficient=np.zeros(1))
        for b in ("office", "plant")
        for t in area_source(grain, b).terms
    )
    return Ratio(
        np.array([office_m2 / (office_m2 + plant_m2)]),
        np.array([ESTIMATED]),
        np.array([flag_bits("area_split")]),
        notes,
    )


def area_m2(grain: Grain, building: str) -> float | None:
    """Return the floor area valid on the month's last day, m2; None if there is none (§9 e)."""
    last = grain.inputs.last_day
    valid = [
        a.m2
        for a in grain.inputs.site.areas
        if a.building == building
        and a.valid_from <= last
        and (not a.valid_to or a.valid_to >= last)
    ]
    return sum(valid) if valid else None


def area_source(grain: Grain, building: str) -> Amount:
    """Return a building's floor area as a source, m2."""
    area = area_m2(grain, building)
    zero = np.zeros(1)
    quantity = np.array([np.nan if area is None else area])
    return of(
        Source("area", building, "m2", quantity, zero, zero, zero),
        np.array([MEASURED]),
        np.array([0]),
    )


def water(grain: Grain) -> tuple[Amount, dict[str, Amount]]:
    """Return the site's water and its split over buildings, m3 (R14).

    Returns
    -------
    tuple
        The site's total of top-level meters, and plant and office; without an office meter
        the office's part goes by headcount (estimated), without headcounts it is null.
    """
    meters, amounts, n = meters_of(grain), grain.amounts, grain.periods
    own = attributable(meters, amounts, "water")
    by_id = {m.meter_id: m for m in meters}
    site = total([amounts[m.meter_id] for m in top_level(meters, "water")], n)
    office = [a for i, a in own.items() if by_id[i].building == "office"]
    plant = total([a for i, a in own.items() if by_id[i].building != "office"], n)
    if office:
        return site, {"plant": plant, "office": total(office, n)}
    heads = grain.inputs.headcounts
    if not own or "office" not in heads or "plant" not in heads or not sum(heads.values()):
        return site, {"plant": plant, "office": nothing(n)}
    share = heads["office"] / (heads["office"] + heads["plant"])
    by_heads = scaled(site, share, quality=ESTIMATED)
    return site, {"plant": scaled(site, 1.0 - share, quality=ESTIMATED), "office": by_heads}
