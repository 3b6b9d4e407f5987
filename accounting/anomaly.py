"""The anomaly rules A1-A11 (§12): their defaults, what they judge, what they return.

The rules themselves are in anomaly_spikes (A1), anomaly_hourly (A3, A6), anomaly_nights (A5, A8),
anomaly_daily (A2, A10), anomaly_records (A4, A7, A11) and anomaly_oil (A9, A6 of the fuel log);
anomaly_scores holds the robust scores and the merging, and anomaly_site runs everything for a
site. A rule judges a point by what lies before it, and neither the order of rows nor repeated
rows matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]

WORKDAY, REST, HOLIDAY, SHUTDOWN = range(4)
SILENT = -1
HOURS = 24
UNIT = {"electricity": "kWh", "water": "m3", "diesel": "L", "heat": "GJ"}
# R24 counts alarms of these media; heat and A11 count in none.
MEDIA = ("electricity", "water", "diesel")


@dataclass(frozen=True)
class Thresholds:
    """The numbers of §12, then those of the conditions that go beyond its letter.

    Parameters
    ----------
    reference_days, good_points
        Length of the reference class, d, and the fewest good points in it (cold start below).
    relative_floor, floor_kwh, floor_m3, floor_l
        Floors of the robust scale: share of the median, kWh, m3, L.
    spike_warn_z, spike_critical_z
        A1: robust z from which an hour is a hit, and from which it is critical.
    drift_lambda, drift_limit, drift_days
        A2: weight of the newest day, control limit in standard deviations, days of reference.
    flat_h, zero_h
        A3: hours of identical non-zero quantity, hours of zero while throughput > 0.
    night_from_h, night_to_h, night_ratio, night_work_ratio, night_reference
        A5: the off-hours, h of the day; limit as a multiple of the median of so many nights, and
        of the working-hour mean.
    missing_electricity_h, missing_water_h, missing_diesel_h
        A6: hours without data.
    balance_low_pct, balance_high_pct
        A7: residual in percent of the site total.
    leak_from_h, leak_to_h, leak_nights
        A8: hours of the night flow, consecutive nights.
    oil_z, tank_overfill, tank_error_pct
        A9: robust z of L per t, refuelling as a multiple of the tank, balance error in percent.
    yield_low, yield_high
        A10: limits as multiples of the median of kWh/kWp.
    mass_warn_pct, mass_critical_pct, mass_excess
        A11: mass that does not close, percent; outputs above input, relative (R20).
    gap_h, gap_days
        Hours (of daily rules: days) without a hit that still merge.
    history_days
        Days a meter must have been read before A1, A2 and A10 judge it, d.
    off_days
        A1: the reference of days off reaches so far back where 28 days hold fewer points, d.
    range_days, range_half_h, range_gap, habit_days
        A1: a hit also lies outside what the meter showed within so many hours around the hour
        in so many days before, by so many times that range; what so many days have shown is no
        spike.
    long_day_h
        A2: from so many hours of running dismantling equipment a workday has a second shift, h.
    steady_share, steady_spread, steady_skip_days
        A2: a class has a level if so large a share of its days lies within so large a share of
        the median; the newest days, d, are left out, for they may be the drift.
    drift_cap, drift_run
        A2: one day counts at most so many standard deviations; consecutive days of signals.
    flat_steps
        A3: an identical quantity is at least so many steps of the meter's resolution.
    missing_warn
        A6: from so many times the limit the level is warn.
    yield_peak
        A10: a high day also lies above the best day of the reference by this factor.
    pv_dark_from_h, pv_dark_to_h
        A10: hours in which the sun is down everywhere in the country and season, h of the day.
    pv_light_from_h, pv_light_to_h
        A6: hours in which the sun is up everywhere in the country and season, h of the day.
    oil_pause
        A6: a fuel log pauses when so many times its usual step have passed.

    References
    ----------
    accounting.md §12, R20; docs/decisions/0006-anomalies.md for what goes beyond the letter.
    """

    reference_days: int = 28
    good_points: int = 8
    relative_floor: float = 0.02
    floor_kwh: float = 0.5
    floor_m3: float = 0.05
    floor_l: float = 2.0
    spike_warn_z: float = 3.5
    spike_critical_z: float = 6.0
    drift_lambda: float = 0.2
    drift_limit: float = 3.0
    drift_days: int = 56
    flat_h: int = 6
    zero_h: int = 24
    night_from_h: int = 22
    night_to_h: int = 6
    night_ratio: float = 1.3
    night_work_ratio: float = 0.35
    night_reference: int = 28
    missing_electricity_h: float = 3.0
    missing_water_h: float = 6.0
    missing_diesel_h: float = 24.0
    balance_low_pct: float = -2.0
    balance_high_pct: float = 15.0
    leak_from_h: int = 2
    leak_to_h: int = 4
    leak_nights: int = 3
    oil_z: float = 3.5
    tank_overfill: float = 1.05
    tank_error_pct: float = 5.0
    yield_low: float = 0.3
    yield_high: float = 1.5
    mass_warn_pct: float = 2.0
    mass_critical_pct: float = 5.0
    mass_excess: float = 1e-4
    gap_h: int = 2
    gap_days: int = 1
    history_days: int = 28
    off_days: int = 56
    range_days: int = 56
    range_half_h: int = 6
    range_gap: float = 1.0
    habit_days: int = 3
    long_day_h: int = 12
    steady_share: float = 0.95
    steady_spread: float = 0.3
    steady_skip_days: int = 14
    drift_cap: float = 6.0
    drift_run: int = 4
    flat_steps: int = 100
    missing_warn: float = 8.0
    yield_peak: float = 1.3
    pv_dark_from_h: int = 0
    pv_dark_to_h: int = 2
    pv_light_from_h: int = 11
    pv_light_to_h: int = 15
    oil_pause: float = 1.5

    def floor(self, medium: str) -> float:
        """Return the resolution floor of a medium, kWh, m3, L or GJ."""
        known = {
            "electricity": self.floor_kwh,
            "water": self.floor_m3,
            "diesel": self.floor_l,
            "heat": self.floor_kwh * 0.0036,
        }
        return known[medium]

    def missing_h(self, medium: str) -> float:
        """Return from how many hours without data A6 fires; heat counts as electricity."""
        known = {"water": self.missing_water_h, "diesel": self.missing_diesel_h}
        return known.get(medium, self.missing_electricity_h)


DEFAULTS = Thresholds()


@dataclass(frozen=True)
class Alarm:
    """What a rule found, merged (§12).

    Parameters
    ----------
    rule
        A1 to A11.
    entity
        A meter, a batch, ``site``, ``diesel`` or ``pv``.
    medium
        electricity, water or diesel as R24 counts it; empty where it counts in none.
    start, end
        Site-local, without a zone mark; start of the first and end of the last hit.
    level
        info, warn or critical.
    value, limit, unit
        What was measured where it lies farthest outside, and the limit it broke.
    z
        The peak score where the rule has one, else NaN.
    hits
        How many hours, days, nights, months or rows were merged.
    open
        Whether what was found still held at the end of the data.
    """

    rule: str
    entity: str
    medium: str
    start: datetime
    end: datetime
    level: str
    value: float
    limit: float
    unit: str
    z: float = field(default=float("nan"), compare=False)
    hits: int = 1
    open: bool = False


@dataclass(frozen=True)
class Measured:
    """Hourly quantities of meters on whole local days.

    Parameters
    ----------
    first_day
        The day of the first column.
    names, media
        Meter identifiers and their media, one per row.
    quantity
        Shape (meters, days, 24), kWh, m3, L or GJ; NaN where missing or treated as missing.
    """

    first_day: date
    names: tuple[str, ...]
    media: tuple[str, ...]
    quantity: Floats

    @property
    def days(self) -> int:
        """How many days there are."""
        return int(self.quantity.shape[1])

    @cached_property
    def daily(self) -> Floats:
        """Totals of whole days, shape (meters, days); NaN where an hour is missing."""
        return np.asarray(self.quantity.sum(axis=2))

    @cached_property
    def since(self) -> Whole:
        """The first day with a known hour of each meter; the number of days where there is none."""
        known: Mask = np.any(~np.isnan(self.quantity), axis=2)
        first = np.argmax(known, axis=1)
        return np.where(np.any(known, axis=1), first, self.days).astype(np.int64)

    def only(self, wanted: Mask | Sequence[bool]) -> Measured:
        """Return the meters that are wanted."""
        rows = np.flatnonzero(np.asarray(wanted, dtype=bool))
        return Measured(
            self.first_day,
            tuple(self.names[n] for n in rows),
            tuple(self.media[n] for n in rows),
            self.quantity[rows],
        )

    def floors(self, limits: Thresholds) -> Floats:
        """Return each meter's resolution floor, shape (meters,)."""
        return np.array([limits.floor(medium) for medium in self.media])

    def day(self, place: int) -> datetime:
        """Return the midnight at which a day begins."""
        return datetime.combine(self.first_day, datetime.min.time()) + timedelta(days=place)

    def hour(self, place: int) -> datetime:
        """Return the time at which an hour of the flattened series begins."""
        return self.day(0) + timedelta(hours=place)


def counted(medium: str) -> str:
    """Return the medium in which R24 counts an alarm of a meter.

    Parameters
    ----------
    medium
        The meter's.

    Returns
    -------
    str
        electricity, water, diesel, or empty for one that R24 does not count.

    References
    ----------
    accounting.md R24.
    """
    return medium if medium in MEDIA else ""


def in_order(alarms: Sequence[Alarm]) -> list[Alarm]:
    """Return alarms in the order of their start, rule, entity and end.

    Parameters
    ----------
    alarms
        In any order.

    Returns
    -------
    list of Alarm
        The same in an order that their content alone decides.
    """
    return sorted(alarms, key=lambda one: (one.start, int(one.rule[1:]), one.entity, one.end))
