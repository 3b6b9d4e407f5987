"""The rules on nights: A5 base load, A8 leaks."""

from __future__ import annotations

import numpy as np

from accounting.anomaly import (
    DEFAULTS,
    HOURS,
    UNIT,
    WORKDAY,
    Alarm,
    Floats,
    Measured,
    Thresholds,
    Whole,
    counted,
)
from accounting.anomaly_scores import Run, enough, median, merged, trailing


def base_load(measured: Measured, day_type: Whole, limits: Thresholds = DEFAULTS) -> list[Alarm]:
    """Return nights whose load is too high (A5).

    A night's load is the median of its hours from 22:00 to 06:00: it equals the mean of a steady
    load, and the last hour of a second shift does not raise it. It is a hit above 1.3 times the
    median of the 28 nights before, or above 0.35 times the working-hour mean (06:00-22:00 of the
    workdays in the same 28 days) if that median lay below, for what always runs at night is no
    anomaly; in both cases by at least the resolution floor.

    Parameters
    ----------
    measured
        Electricity meters whose readings come hourly or finer and whose nights the weather does
        not decide.
    day_type
        Shape (days,).
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        Per meter; value and limit in kWh/h.

    References
    ----------
    accounting.md §12 A5.
    """
    night = _nights(measured.quantity, limits)
    work = trailing(_work_means(measured.quantity, day_type, limits), limits.night_reference)
    floor, good = measured.floors(limits), night.copy()
    hit, bound = np.zeros(night.shape, bool), np.full(night.shape, np.nan)
    for day in range(measured.days):
        before = good[:, max(0, day - limits.night_reference) : day]
        usual = median(before, 1)
        known = np.sum(~np.isnan(before), axis=1) >= limits.good_points
        share = limits.night_work_ratio * work[:, day]
        above = limits.night_ratio * usual
        lowest = np.where(usual < share, np.minimum(above, share), above)
        bound[:, day] = np.maximum(lowest, usual + floor)
        hit[:, day] = known & (night[:, day] > bound[:, day])
        good[:, day][hit[:, day]] = np.nan
    found = []
    for row in range(len(measured.names)):
        for run in merged(hit[row], ~np.isnan(night[row]) & ~hit[row], limits.gap_days):
            found.append(
                _of_nights(
                    "A5", measured, row, run, (night[row], bound[row]),
                    (limits.night_from_h - HOURS, limits.night_to_h),
                )
            )  # fmt: skip
    return found


def _nights(quantity: Floats, limits: Thresholds) -> Floats:
    """Return each night's median load, that of the night ending on a day; NaN below half known."""
    evening = np.full((*quantity.shape[:2], HOURS - limits.night_from_h), np.nan)
    evening[:, 1:] = quantity[:, :-1, limits.night_from_h :]
    hours = np.concatenate([evening, quantity[:, :, : limits.night_to_h]], axis=2)
    half = 2 * np.sum(~np.isnan(hours), axis=2) >= hours.shape[2]
    return np.where(half, median(hours, 2), np.nan)


def _work_means(quantity: Floats, day_type: Whole, limits: Thresholds) -> Floats:
    """Return the mean load outside the off-hours of workdays; NaN on others and where missing."""
    means = quantity[:, :, limits.night_to_h : limits.night_from_h].mean(axis=2)
    return np.where(day_type == WORKDAY, means, np.nan)


def _of_nights(
    rule: str,
    measured: Measured,
    row: int,
    run: Run,
    shown: tuple[Floats, Floats | float],
    hours: tuple[int, int],
) -> Alarm:
    """Return the alarm of a run of nights, from an hour of the first to one of the last."""
    value, limit = shown
    bounds = np.broadcast_to(limit, value.shape)
    peak = run.places[np.argmax(value[run.places] - bounds[run.places])]
    return Alarm(
        rule,
        measured.names[row],
        counted(measured.media[row]),
        measured.hour(run.first * HOURS + hours[0]),
        measured.hour(run.last * HOURS + hours[1]),
        "warn",
        float(value[peak]),
        float(bounds[peak]),
        UNIT[measured.media[row]] + "/h",
        hits=len(run.places),
        open=run.open,
    )


def night_flow(measured: Measured, limits: Thresholds = DEFAULTS) -> list[Alarm]:
    """Return the nights with a leak (A8): the flow never stopped on three nights in a row.

    A flow below the resolution floor of water counts as none: it is what a tap that drips or a
    register's last digit shows.

    Parameters
    ----------
    measured
        Water meters whose readings come hourly or finer.
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        Per meter; the value is the highest minimum of 02:00-04:00, m3/h.

    References
    ----------
    accounting.md §12 A8.
    """
    lowest = measured.quantity[:, :, limits.leak_from_h : limits.leak_to_h].min(axis=2)
    found = []
    for row in range(len(measured.names)):
        known = ~np.isnan(lowest[row])
        flowing = known & (np.nan_to_num(lowest[row]) > limits.floor_m3)
        hit = enough(flowing, known, limits.leak_nights)
        for run in merged(hit, known & ~flowing, limits.gap_days):
            hours = (limits.leak_from_h, limits.leak_to_h)
            found.append(
                _of_nights("A8", measured, row, run, (lowest[row], limits.floor_m3), hours)
            )
    return found
