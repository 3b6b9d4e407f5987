"""Fuel of forklifts, stackers and own trucks (R13, R11): litres by product, by line, by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from accounting.allocation import PARTS, Shares
from accounting.amount import (
    ESTIMATED,
    Amount,
    Source,
    nothing,
    of,
    scaled,
    total,
)
from accounting.inputs import LINES, FuelRow, Grain

DIP_REACH = pd.Timedelta(hours=48)


@dataclass(frozen=True)
class Fuel:
    """Litres per period.

    Parameters
    ----------
    site
        Product (diesel, petrol) to litres burnt at the site and in own trucks.
    line, stacker
        Product to line to litres of forklifts and of stackers, with ``_unallocated``.
    """

    site: Mapping[str, Amount]
    line: Mapping[str, Mapping[str, Amount]]
    stacker: Mapping[str, Mapping[str, Amount]]

    def forklift(self, product: str, periods: int) -> Amount:
        """Return the forklifts' litres of a product."""
        return total(list(self.line[product].values()), periods)


def fuel(grain: Grain, split: Shares) -> Fuel:
    """Return the litres of a site by product and line (R13, R11).

    Parameters
    ----------
    grain
        The month, or its days.
    split
        The month's allocation shares; the forklifts' are used.

    Returns
    -------
    Fuel
        Litres; null in a month without any fuel row. By tank dips only the month is known.
    """
    inside = grain.inputs.fuel_rows
    use = [row for row in inside if row.kind == "use"]
    if not inside:
        return _unknown(grain)
    if not use:
        return _by_dips(grain, split)
    site, line, stacker = {}, {}, {}
    for product in ("diesel", "petrol"):
        own = [row for row in use if row.product == product]
        lifts = [row for row in own if row.consumer in ("", "forklift")]
        line[product] = _by_line(grain, lifts, split, "forklift")
        stackers = [row for row in own if row.consumer == "stacker"]
        stacker[product] = _by_line(grain, stackers, split, "sorting")  # both by mass (R11)
        here = _litres(grain, [row for row in own if row.consumer != "truck"])
        site[product] = total([here, _trucks(grain, use, product)], grain.periods)
    return Fuel(site, line, stacker)


def _litres(grain: Grain, rows: Sequence[FuelRow]) -> Amount:
    return grain.entries("fuel", "L", "fuel_log", (row[:4] for row in rows))


def _trucks(grain: Grain, use: Sequence[FuelRow], product: str) -> Amount:
    """Return the trucks' litres: fuel rows if there are any, else own trips', all diesel."""
    trucks = [row for row in use if row.consumer == "truck"]
    trips = grain.inputs.trips
    if trucks or product != "diesel":
        return _litres(grain, [row for row in trucks if row.product == product])
    own = trips[trips["own"] & trips["litres"].notna()]
    return grain.records(own, "trip", "trip_id", "litres", "L", "fuel_log")


def _by_line(
    grain: Grain, rows: Sequence[FuelRow], split: Shares, resource: str
) -> dict[str, Amount]:
    named = {line: _litres(grain, [r for r in rows if r.line == line]) for line in LINES}
    common = _litres(grain, [row for row in rows if row.line not in LINES])
    parts = split.split(resource, common) if common.terms else {}
    return {
        part: total(
            [a for a in (named.get(part), parts.get(part)) if a is not None]
            or [nothing(grain.periods, 0)],
            grain.periods,
        )
        for part in PARTS
    }


def _unknown(grain: Grain) -> Fuel:
    nulls = {part: nothing(grain.periods) for part in PARTS}
    products = ("diesel", "petrol")
    none = dict.fromkeys(products, nulls)
    return Fuel({p: nothing(grain.periods) for p in products}, none, none)


def _by_dips(grain: Grain, split: Shares) -> Fuel:
    """Return first dip + deliveries - last dip where both dips are near enough (R13)."""
    found = _dip_amount(grain)
    if grain.name != "month" or found is None:
        return _unknown(grain)
    line = {"diesel": split.split("forklift", found), "petrol": _zero_lines(grain)}
    stacker = dict.fromkeys(("diesel", "petrol"), _zero_lines(grain))
    return Fuel({"diesel": found, "petrol": nothing(grain.periods, 0)}, line, stacker)


def _zero_lines(grain: Grain) -> dict[str, Amount]:
    return {part: nothing(grain.periods, 0) for part in PARTS}


def _dip_amount(grain: Grain) -> Amount | None:
    rows = grain.inputs.fuel
    start, end = pd.Timestamp(grain.inputs.month_start), pd.Timestamp(grain.inputs.month_end)
    diesel = rows[rows["product"] == "diesel"]
    dips = diesel[diesel["kind"] == "dip"].sort_values("timestamp")
    first = dips[(dips["timestamp"] <= start) & (dips["timestamp"] >= start - DIP_REACH)].tail(1)
    last = dips[(dips["timestamp"] >= end) & (dips["timestamp"] <= end + DIP_REACH)].head(1)
    if first.empty or last.empty:
        return None
    since, until = first["timestamp"].iloc[0], last["timestamp"].iloc[0]
    delivered = diesel[
        (diesel["kind"] == "delivery")
        & (diesel["timestamp"] > since)
        & (diesel["timestamp"] < until)
    ]
    parts = [_entries(first), _entries(delivered), scaled(_entries(last), -1.0)]
    hours = np.array(grain.hours)
    zero = np.zeros(1)
    log = Source("fuel_log", grain.inputs.month, "", hours, zero, hours, hours)
    return replace(total(parts, 1).at_least(ESTIMATED), sources=(log,))


def _entries(rows: pd.DataFrame) -> Amount:
    """Return rows of the tank's book as an amount of one period, L."""
    zero = np.zeros(1)
    parts = [
        of(
            Source(
                "fuel",
                str(row.fuel_id),
                "L",
                np.array([float(row.litres)]),
                zero,
                zero,
                zero,
                str(row.origin),
            ),
            np.array([0]),
            np.array([0]),
        )
        for row in rows.itertuples()
    ]
    return total([*parts, nothing(1, 0)], 1)
