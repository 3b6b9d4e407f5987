"""The rules on hourly quantities but A1: A3 flatlines, A6 missing data."""

from __future__ import annotations

import numpy as np

from accounting.anomaly import (
    DEFAULTS,
    HOURS,
    SHUTDOWN,
    Alarm,
    Floats,
    Mask,
    Measured,
    Thresholds,
    Whole,
    counted,
)
from accounting.anomaly_scores import (
    enough,
    merged,
)

SAME = 5e-7


def flatlines(
    measured: Measured,
    day_type: Whole,
    throughput_t: Floats,
    may_rest: Mask,
    limits: Thresholds = DEFAULTS,
) -> list[Alarm]:
    """Return stretches in which a quantity does not change (A3).

    Identical non-zero quantities for 6 hours, or zero for 24 hours that lie on days with
    throughput; nothing on shutdown days. An identical quantity says nothing where the register
    has few digits, so it is at least 100 steps of the resolution that the 28 days before show
    (the usual distance between neighbouring quantities).

    Parameters
    ----------
    measured
        Meters whose readings come hourly or finer.
    day_type
        Shape (days,).
    throughput_t
        Mass dismantled, t, shape (days,); NaN or 0 where none.
    may_rest
        Meters that may show zero while the plant works (PV, chargers, heat pumps), (meters,).
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        Per meter; the value is the number of hours.

    References
    ----------
    accounting.md §12 A3.
    """
    working = np.repeat(day_type != SHUTDOWN, HOURS)
    busy = np.repeat(np.nan_to_num(throughput_t) > 0, HOURS) & working
    found = []
    for row, name in enumerate(measured.names):
        quantity = measured.quantity[row].ravel()
        least = _unchanged(quantity, working, busy & ~may_rest[row], limits)
        hit = least > 0
        for run in merged(hit, ~np.isnan(quantity) & ~hit, limits.gap_h):
            found.append(
                Alarm(
                    "A3",
                    name,
                    counted(measured.media[row]),
                    measured.hour(run.first),
                    measured.hour(run.last + 1),
                    "warn",
                    float(len(run.places)),
                    float(least[run.first]),
                    "h",
                    hits=len(run.places),
                    open=run.open,
                )
            )
    return found


def _unchanged(quantity: Floats, working: Mask, busy: Mask, limits: Thresholds) -> Whole:
    """Return for each hour of a stretch without change the hours it had to last, else 0.

    Of a stretch of zeros the busy hours count, of another one those outside shutdowns.
    """
    found = np.zeros(len(quantity), np.int64)
    same = np.abs(np.diff(quantity)) < SAME
    edges = np.diff(np.concatenate([[False], same, [False]]).astype(np.int8))
    for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        inside = slice(first, last + 1)
        if quantity[first] == 0:
            if busy[inside].sum() >= limits.zero_h:
                found[inside] = limits.zero_h
        elif working[inside].sum() >= limits.flat_h and _told_apart(quantity, int(first), limits):
            found[inside] = limits.flat_h
    return found


def _told_apart(quantity: Floats, first: int, limits: Thresholds) -> bool:
    """Tell whether a meter's digits would show a change of the quantity at a place."""
    before = quantity[max(0, first - limits.reference_days * HOURS) : first]
    values = np.unique(before[~np.isnan(before)])
    steps = np.diff(values)
    steps = steps[steps > SAME]
    if len(steps) < limits.good_points:
        return False
    return bool(abs(quantity[first]) >= limits.flat_steps * np.median(steps))


def missing(
    measured: Measured, expected: Mask, step_h: Floats, limits: Thresholds = DEFAULTS
) -> list[Alarm]:
    """Return stretches without data (A6): 3 h of electricity and heat, 6 h of water, 24 h of oil.

    A meter that is read more seldom is late from 1.5 times its own step on (R6). From eight times
    the limit the level rises from info to warn.

    Parameters
    ----------
    measured
        All meters.
    expected
        Hours in which a meter ought to have data, shape (meters, days, 24): from its first
        reading or its validity on, up to the newest reading of the site.
    step_h
        Nominal distance between readings, h, shape (meters,).
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        Per meter; the value is the number of hours without data.

    References
    ----------
    accounting.md §12 A6, R6.
    """
    found = []
    for row, name in enumerate(measured.names):
        wanted = expected[row].ravel()
        absent = wanted & np.isnan(measured.quantity[row].ravel())
        least = max(limits.missing_h(measured.media[row]), 1.5 * float(step_h[row]))
        long = enough(absent, wanted, int(np.ceil(least)))
        for run in merged(long, wanted & ~absent, limits.gap_h):
            hours = len(run.places)
            found.append(
                Alarm(
                    "A6",
                    name,
                    counted(measured.media[row]),
                    measured.hour(run.first),
                    measured.hour(run.last + 1),
                    "warn" if hours >= limits.missing_warn * least else "info",
                    float(hours),
                    least,
                    "h",
                    hits=hours,
                    open=run.open,
                )
            )
    return found
