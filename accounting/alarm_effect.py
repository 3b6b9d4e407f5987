"""What an alarm may mean for the emissions: the quantity that is unsure, times its factor.

The standard asks for no such figure; it stands in no ledger. It says which alarm is worth a
person's time first (docs/decisions/0017-alarm-issues.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from accounting.anomaly import UNIT

REFERENCE_DAYS = 28
GOOD_POINTS = 8
# What the period shows against what is usual; what the period lacks.
EXCESS = ("A1", "A2", "A3", "A5", "A10")
LACKING = ("A4", "A6")
NIGHT = (22, 23, 0, 1, 2, 3, 4, 5)
SUBSTITUTES = ("pv_generation",)


@dataclass(frozen=True)
class Impact:
    """The estimated effect of an alarm.

    Parameters
    ----------
    kgco2e
        Signed where it is more or less than usual, unsigned where the quantity itself is unsure;
        0 where the totals are known in spite of it; None where nothing can be said.
    on
        emission or substitution.
    quantity, unit, factor
        What is unsure (kWh, m3, L or GJ) and the factor that it was multiplied with, kgCO2e per
        unit; None where nothing was multiplied.
    """

    kgco2e: float | None = None
    on: str = "emission"
    quantity: float | None = field(default=None, compare=False)
    unit: str = field(default="", compare=False)
    factor: float | None = field(default=None, compare=False)


def usual(before: pd.Series, hours: pd.DatetimeIndex) -> pd.Series:
    """Return what hours usually show: the median of the same hour in the 28 days before.

    Parameters
    ----------
    before
        Quantities by hour (site-local) of the days before, in any unit; NaN where unknown.
    hours
        The hours that are asked for.

    Returns
    -------
    Series
        By hour, same unit. Days of the same kind (Monday to Friday, weekend) count where there
        are 8 good points of them, else every day; NaN where those are fewer than 8 too.

    References
    ----------
    accounting.md §12, the reference class.
    """
    index = pd.DatetimeIndex(before.index)
    known = pd.DataFrame(
        {"quantity": before.to_numpy(float), "hour": index.hour, "rest": index.day_of_week >= 5}
    ).dropna()
    alike = _medians(known, ["hour", "rest"])
    every = _medians(known, ["hour"])
    found = [alike.get((at.hour, at.day_of_week >= 5), every.get(at.hour, np.nan)) for at in hours]
    return pd.Series(found, index=hours, dtype="float64")


def _medians(known: pd.DataFrame, by: list[str]) -> pd.Series:
    grouped = known.groupby(by if len(by) > 1 else by[0])["quantity"]
    counts = grouped.count()
    return grouped.median()[counts >= GOOD_POINTS]


def unsure_quantity(kind: str, hours: pd.DataFrame) -> float | None:
    """Return the quantity of an alarm that is unsure.

    Parameters
    ----------
    kind
        The rule.
    hours
        One row per hour of the alarm: ``quantity`` (NaN where null), ``usual`` (NaN where
        unknown), ``hour`` of the day.

    Returns
    -------
    float or None
        In the unit of the quantity. A gap: what is usual in its hours, or was estimated there.
        Else what was shown less what is usual, signed. None where an hour cannot be told.

    References
    ----------
    accounting.md §12; docs/decisions/0017-alarm-issues.md.
    """
    if kind == "A5":
        hours = hours[hours["hour"].isin(NIGHT)]
    if hours.empty:
        return None
    if kind in LACKING:
        parts = hours["quantity"].fillna(hours["usual"])
    elif kind in EXCESS:
        parts = hours["quantity"] - hours["usual"]
    else:
        return None
    return None if parts.isna().any() else float(parts.sum())


def impact(
    kind: str, role: str, medium: str, quantity: float | None, factors: Mapping[str, float],
    *, counts: bool, total_known: bool,
) -> Impact:  # fmt: skip
    """Return the effect of an alarm of a meter.

    Parameters
    ----------
    kind, role, medium
        The rule; the meter's role and medium.
    quantity
        What is unsure, kWh, m3 or L; None where unknown.
    factors
        kgCO2e per kWh, m3 or L by medium.
    counts
        Whether the meter is among those that the site's total is made of; what another one lacks
        only moves emissions between its users.
    total_known
        Whether the register told after the gap what went through meanwhile: then the month's
        total is right and only its days are not.

    Returns
    -------
    Impact
        None kilograms where nothing can be said, never a zero for that.

    References
    ----------
    docs/decisions/0017-alarm-issues.md.
    """
    on = "substitution" if role in SUBSTITUTES else "emission"
    if kind in LACKING and (total_known or (on == "emission" and not counts)):
        return Impact(0.0, on)
    if quantity is None or medium not in factors:
        return Impact(None, on)
    factor = factors[medium]
    return Impact(quantity * factor, on, quantity, UNIT[medium], factor)
