"""Shared resources and the lines they serve (module M2, accounting.md §5, R10, R11, R12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from accounting.amount import (
    MEASURED,
    NULL,
    Amount,
    Ratio,
    flag_bits,
    nothing,
    ratio,
    scaled,
    total,
    weighted,
)
from accounting.balance import Electricity, meters_of
from accounting.inputs import DIRECT_LINE, LINES, SHARED_EQUIPMENT, Grain, Meter, SiteMonth

UNALLOCATED = "_unallocated"
PARTS = (*LINES, UNALLOCATED)


@dataclass(frozen=True)
class Shares:
    """The share of each line in each shared resource, for one month."""

    of: Mapping[str, Mapping[str, Ratio]]

    def split(self, resource: str, amount: Amount) -> dict[str, Amount]:
        """Return a resource's amount by line and what no line takes."""
        return {part: weighted(amount, share) for part, share in self.of[resource].items()}


def shares(keys: Mapping[str, Amount], flag: str) -> dict[str, Ratio]:
    """Return each line's share k_p / sum k, and the rest that no line takes (§5).

    Parameters
    ----------
    keys
        The key of each line, all in one unit, one period.
    flag
        How the keys were found: alloc_job, alloc_mass or alloc_kwh (R11).

    Returns
    -------
    dict
        Line to ratio; ``_unallocated`` takes everything when the keys are unknown or sum to 0.

    Raises
    ------
    ValueError
        A key is negative.
    """
    whole = total(list(keys.values()), 1)
    if any(np.any(key.values < 0) for key in keys.values()):
        raise ValueError("negative allocation key")
    usable = bool(whole.quality[0] != NULL and whole.values[0] > 0)
    if not usable:
        mask = np.array([flag_bits("unallocated")])
        none = Ratio(np.zeros(1), np.array([MEASURED]), np.array([0]))
        rest = Ratio(np.ones(1), np.array([MEASURED]), mask)
        return {**dict.fromkeys(keys, none), UNALLOCATED: rest}
    mask = np.array([flag_bits(flag)])
    found = {}
    for line, key in keys.items():
        known = key if key.quality[0] != NULL else nothing(1, MEASURED)
        share = ratio(known, whole)
        found[line] = Ratio(share.values, share.quality, share.flags | mask, share.notes)
    return {**found, UNALLOCATED: Ratio(np.zeros(1), np.array([MEASURED]), np.array([0]))}


def throughput(grain: Grain) -> dict[str, Amount]:
    """Return the mass dismantled by line, t; null without any batch in the month (R12)."""
    batches = grain.inputs.batches
    if batches.empty:
        return {line: nothing(grain.periods) for line in LINES}
    return {
        line: grain.records(rows, "batch", "batch_id", "mass_in_t", "t", "batch_log")
        for line, rows in grain.inputs.batches_by_line.items()
    }


def month_shares(grain: Grain, power: Electricity) -> Shares:
    """Return the month's shares of every shared resource (R11).

    Parameters
    ----------
    grain
        The month as one period.
    power
        The month's electricity, for the direct key of the environmental device, kWh.

    Returns
    -------
    Shares
        For crane, environmental, sorting and forklift.
    """
    mass = throughput(grain)
    direct = direct_electricity(grain, power)
    found = {"sorting": shares(mass, "alloc_mass")}
    for resource, column, unit in (
        ("crane", "lifted_t", "t"),
        ("environmental", "hours", "h"),
        ("forklift", "hours", "h"),
    ):
        logged = _job_keys(grain, resource, column, unit)
        if logged is not None:
            found[resource] = shares(logged, "alloc_job")
            continue
        keys = {line: scaled(mass[line], _weight(grain, resource, line)) for line in LINES}
        weighed = total(list(keys.values()), 1)
        if resource == "environmental" and (weighed.quality[0] == NULL or weighed.values[0] == 0):
            found[resource] = shares(direct, "alloc_kwh")
        else:
            found[resource] = shares(keys, "alloc_mass")
    return Shares(found)


def _weight(grain: Grain, resource: str, line: str) -> float:
    setting = grain.inputs.site.settings.get(f"allocation_weight_{resource}_{line}", 1.0)
    return float(str(setting))


def _job_keys(grain: Grain, resource: str, column: str, unit: str) -> dict[str, Amount] | None:
    """Return the job log's keys, None if it says nothing of the equipment this month."""
    jobs = grain.inputs.jobs
    if not jobs.empty:
        jobs = jobs[jobs["equipment"] == resource]
    if jobs.empty or not pd.to_numeric(jobs[column]).fillna(0.0).sum() > 0:
        return None
    return {
        line: grain.records(jobs[jobs["line"] == line], "job", "job_id", column, unit, "job_log")
        for line in LINES
    }


def _direct_line(meter: Meter) -> str:
    """Return the line a consumer belongs to without any key, empty if it is shared or none."""
    if meter.line in LINES and meter.equipment != "storage":
        return meter.line
    return DIRECT_LINE.get(meter.equipment, "")


def direct_electricity(grain: Grain, power: Electricity) -> dict[str, Amount]:
    """Return the electricity metered for one line alone, kWh (E_direct)."""
    meters = [m for m in meters_of(grain) if m.meter_id in power.attributable]
    return {
        line: total(
            [
                power.attributable[m.meter_id]
                for m in meters
                if _direct_line(m) == line and m.equipment not in SHARED_EQUIPMENT
            ],
            grain.periods,
        )
        for line in LINES
    }


def shared_electricity(
    grain: Grain, power: Electricity, split: Shares
) -> dict[str, dict[str, Amount]]:
    """Return each shared equipment's electricity by line, kWh (R10, R11).

    A shared meter whose ``line`` names one goes there whole; the rest is allocated.
    """
    meters = [m for m in meters_of(grain) if m.meter_id in power.attributable]
    found: dict[str, dict[str, Amount]] = {}
    for resource in SHARED_EQUIPMENT:
        own = [m for m in meters if m.equipment == resource]
        common = [power.attributable[m.meter_id] for m in own if not _direct_line(m)]
        parts: dict[str, list[Amount]] = {part: [] for part in PARTS}
        for meter in own:
            if line := _direct_line(meter):
                parts[line].append(power.attributable[meter.meter_id])
        if common:
            for part, amount in split.split(resource, total(common, grain.periods)).items():
                parts[part].append(amount)
        found[resource] = {
            part: total(amounts, grain.periods)
            if amounts or not own
            else nothing(grain.periods, MEASURED)
            for part, amounts in parts.items()
        }
    return found


def line_electricity(
    direct: Mapping[str, Amount], shared: Mapping[str, Mapping[str, Amount]], periods: int
) -> dict[str, Amount]:
    """Return E_p = direct + crane + environmental + sorting, and what no line takes (R10)."""
    found = {
        line: _sum([direct[line], *(parts[line] for parts in shared.values())], periods)
        for line in LINES
    }
    rest = [parts[UNALLOCATED] for parts in shared.values() if parts[UNALLOCATED].sources]
    found[UNALLOCATED] = _sum(rest, periods) if rest else nothing(periods, MEASURED)
    return found


def _sum(parts: Sequence[Amount], periods: int) -> Amount:
    """Return the total of the parts that any meter stands behind."""
    return total([part for part in parts if part.sources], periods)


def shared_sources(inputs: SiteMonth) -> frozenset[tuple[str, str]]:
    """Return the (kind, ref) of the meters and fuel rows of which lines have only a share (R11).

    Parameters
    ----------
    inputs
        The month.
    """
    meters = {
        ("meter", m.meter_id)
        for m in inputs.placed_meters
        if m.equipment in (*SHARED_EQUIPMENT, "storage") and m.line not in LINES
    }
    fuel = inputs.fuel
    common = fuel[(fuel["consumer"] != "truck") & ~fuel["line"].isin(LINES)]
    return frozenset(meters | {("fuel", str(ident)) for ident in common["fuel_id"]})
