"""True quantities as registers show them, and the files in which the readings arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from data.demo.draws import generator
from data.demo.episodes import Episode
from data.demo.faults import DAY, Series, disturbed
from data.demo.meters import NEAR_ROLLOVER, Spec
from data.demo.weather import Floats

MICRO = 1_000_000


@dataclass(frozen=True)
class Delivery:
    """A file of readings, in the order in which files arrive."""

    name: str
    frame: pd.DataFrame


def register(
    seed: int, spec: Spec, first_day: date, truth: Floats, episodes: Sequence[Episode]
) -> Series:
    """Return a register's readings: a start, the sum of what was consumed, limited digits.

    Parameters
    ----------
    seed
        Draws the start and the faults.
    spec
        The meter.
    first_day
        The day at whose 00:00 the first reading stands.
    truth
        Quantity per quarter of an hour, in the meter's unit.
    episodes
        True consumption of this meter that faults keep away from.

    Returns
    -------
    Series
        Whole hundredths of the register's unit, with faults and their truth.
    """
    micro = np.rint(truth * MICRO).astype(np.int64)
    per_hundredth = round(spec.multiplier * MICRO / 100)
    summed = np.concatenate([[0], np.cumsum(micro)])
    growth = (summed + per_hundredth // 2) // per_hundredth
    whole = round(spec.register_max * 100)
    draw = generator(seed, "register", spec.meter_id)
    start = int(draw.integers(20_000, 3_000_000))
    if spec.meter_id in NEAR_ROLLOVER:
        start = whole - int(growth[-1] * draw.integers(30, 70) // 100) - 1
    shown = (start + growth) % whole
    times = np.datetime64(first_day, "us") + np.arange(len(shown)) * np.timedelta64(15, "m")
    none = np.zeros(len(shown), bool)
    series = Series(
        spec, times, shown, ~none, none.copy(), none.copy(), np.zeros(len(shown), np.int64)
    )
    for at in map(int, np.flatnonzero(np.diff(shown) < -whole // 2)):
        series.note("rollover", at, at + 1, spec.register_max, "rollover", "digits end")
    for one in episodes:
        since = (one.first - first_day).days * DAY
        series.taken[since : ((one.last - first_day).days + 1) * DAY] = True
    return disturbed(series, seed)


def deliveries(series: Sequence[Series]) -> tuple[Delivery, ...]:
    """Return the readings by the calendar year in which their interval closes, then late ones."""
    frames = [_frame(one) for one in series]
    on_time = [
        part
        for one, made in zip(series, frames, strict=True)
        for part in (
            made[one.keep & (one.late_days == 0)],
            made[one.keep & (one.late_days == 0) & one.repeat],
        )
    ]
    whole = pd.concat(on_time, ignore_index=True)
    year = (whole["timestamp"] - pd.Timedelta(microseconds=1)).dt.year
    first = int(whole["timestamp"].iloc[0].year)
    year = year.clip(lower=first)
    found = [
        Delivery(f"readings-{at}.parquet", whole[year == at].reset_index(drop=True))
        for at in sorted(year.unique())
    ]
    behind = [late for one, made in zip(series, frames, strict=True) for late in _late(one, made)]
    return (*found, *(delivery for _, delivery in sorted(behind, key=lambda pair: pair[0])))


def _frame(one: Series) -> pd.DataFrame:
    return pd.DataFrame({
        "meter_id": one.spec.meter_id, "timestamp": one.times, "value": one.shown / 100,
        "quality": "good",
    })  # fmt: skip


def _late(one: Series, made: pd.DataFrame) -> list[tuple[str, Delivery]]:
    """Return a meter's late deliveries, each with its moment of arrival to sort by."""
    rows = made[one.keep & (one.late_days > 0)]
    if rows.empty:
        return []
    day = (rows["timestamp"].iloc[0]).date()
    arrival = day + timedelta(days=int(one.late_days.max()))
    name = f"readings-{day}-{one.spec.meter_id}-late.parquet"
    return [(f"{arrival}-{name}", Delivery(name, rows.reset_index(drop=True)))]
