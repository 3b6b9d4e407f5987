"""The rules on hourly quantities: A1 spikes, A3 flatlines, A6 missing data."""

from __future__ import annotations

import numpy as np

from accounting.anomaly import (
    DEFAULTS,
    HOURS,
    SHUTDOWN,
    UNIT,
    WORKDAY,
    Alarm,
    Floats,
    Mask,
    Measured,
    Thresholds,
    Whole,
    counted,
)
from accounting.anomaly_scores import (
    MAD_TO_SIGMA,
    deviation,
    enough,
    least_scale,
    median,
    merged,
)

SAME = 5e-7


def spikes(
    measured: Measured, day_type: Whole, night_only: Mask, limits: Thresholds = DEFAULTS
) -> list[Alarm]:
    """Return the hours that are spikes or dips (A1).

    The score is that of §12: same meter, hour and day type, 28 days, at least 8 good points.
    Three conditions go beyond its letter, because a machine that runs on some days only has two
    modes and no scale (docs/decisions/0006-anomalies.md):

    - The hour also lies outside what the meter showed within 6 hours around it on the days of
      this type in the 56 days before, by at least that range (Dixon's ratio of 1/2). What three
      days have shown, alarmed or not, is no spike: a new habit is told three times.
    - Rest days and holidays are one type, and their reference reaches back 56 days where 28
      hold fewer than 8 points: public holidays alone never reach 8.
    - A meter is judged once it has been read for 28 days; shutdown days are not judged.

    Parameters
    ----------
    measured
        Meters whose readings come hourly or finer, shape (meters, days, 24).
    day_type
        WORKDAY, REST, HOLIDAY or SHUTDOWN, shape (days,).
    night_only
        Meters judged in the off-hours alone, because the weather decides the others, shape
        (meters,).
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        Per meter; the value is the hour's quantity, the limit the nearest that was normal.

    References
    ----------
    accounting.md §12 A1; Iglewicz and Hoaglin (1993); Dixon (1950), Analysis of extreme values.
    """
    hit, score, bound = _spiked(measured, day_type, limits)
    hit &= ~night_only[:, None, None] | _off_hours(limits)
    found = []
    for row, name in enumerate(measured.names):
        flat = [part[row].ravel() for part in (measured.quantity, hit, score, bound)]
        quantity, hits, scores, bounds = flat
        for run in merged(hits.astype(bool), ~np.isnan(quantity) & (hits == 0), limits.gap_h):
            peak = run.places[np.argmax(np.abs(scores[run.places]))]
            grave = abs(scores[peak]) >= limits.spike_critical_z
            found.append(
                Alarm(
                    "A1",
                    name,
                    counted(measured.media[row]),
                    measured.hour(run.first),
                    measured.hour(run.last + 1),
                    "critical" if grave else "warn",
                    float(quantity[peak]),
                    float(bounds[peak]),
                    UNIT[measured.media[row]] + "/h",
                    float(scores[peak]),
                    len(run.places),
                    run.open,
                )
            )
    return found


def _spiked(measured: Measured, day_type: Whole, limits: Thresholds) -> tuple[Mask, Floats, Floats]:
    """Return which hours are hits, their scores, and the bound each would have to keep.

    Scores and bounds are those of the hits. Days of one type are judged by each other alone.
    """
    shape = measured.quantity.shape
    hit, score, bound = np.zeros(shape, bool), np.zeros(shape), np.full(shape, np.nan)
    for ours in (day_type == WORKDAY, (day_type != WORKDAY) & (day_type != SHUTDOWN)):
        days = np.flatnonzero(ours)
        found = _of_type(measured.quantity[:, days], days, measured, limits)
        for whole, part in zip((hit, score, bound), found, strict=True):
            whole[:, days] = part
    return hit, score, bound


def _of_type(
    shown: Floats, days: Whole, measured: Measured, limits: Thresholds
) -> tuple[Mask, Floats, Floats]:
    """Judge the days of one type, shape (meters, days, 24), as :func:`_spiked` does.

    They are judged in order, because what was alarmed leaves the reference of the days after it.
    """
    hit, score, bound = np.zeros(shown.shape, bool), np.zeros(shown.shape), shown * np.nan
    begun = days - measured.since[:, None] >= limits.history_days
    clean = shown.transpose(0, 2, 1).copy()  # what is compared lies side by side
    every = _extremes(shown, limits.range_half_h)
    good = tuple(part.copy() for part in every)
    floor = measured.floors(limits)[:, None]
    near, off, wide = (
        np.searchsorted(days, days - length)
        for length in (limits.reference_days, limits.off_days, limits.range_days)
    )
    since = np.where(np.arange(len(days)) - near < limits.good_points, off, near)
    for at in np.flatnonzero(np.arange(len(days)) - since >= limits.good_points):
        points, today = clean[..., since[at] : at], shown[:, at]
        middle = median(points, -1)
        least = least_scale(middle, floor, limits)
        # What the smallest scale does not find, neither scale nor range will: most hours.
        cells = np.nonzero(
            _outside(today, middle, limits.spike_warn_z * least) & begun[:, at, None]
        )
        own, ours, middle = points[cells], today[cells], middle[cells]
        scale = np.maximum(MAD_TO_SIGMA * deviation(own, middle[:, None], 1), least[cells])
        far = _outside(ours, middle, limits.spike_warn_z * scale)
        far &= np.sum(~np.isnan(own), axis=1) >= limits.good_points
        if not far.any():
            continue
        cells = (cells[0][far], cells[1][far])
        ours, middle, scale = ours[far], middle[far], scale[far]
        half = limits.spike_warn_z * scale
        high, low = _range(every, good, cells, slice(wide[at], at), limits.habit_days)
        spread = limits.range_gap * (high - low)
        upper = np.maximum(middle + half, high + spread)
        lower = np.minimum(middle - half, low - spread)
        place = (cells[0], at, cells[1])
        hit[place] = (ours >= upper) | (ours <= lower)
        score[place] = (ours - middle) / scale
        bound[place] = np.where(ours > middle, upper, lower)
        rows = np.flatnonzero(hit[:, at].any(axis=1))
        if not rows.size:
            continue
        clean[..., at][hit[:, at]] = np.nan
        for part, left in zip(
            good, _extremes(clean[rows, :, at], limits.range_half_h), strict=True
        ):
            part[rows, at] = left
    return hit, score, bound


def _outside(quantity: Floats, middle: Floats, half: Floats) -> Mask:
    return np.asarray((quantity >= middle + half) | (quantity <= middle - half))


def _extremes(quantity: Floats, half_h: int) -> tuple[Floats, Floats]:
    """Return the highest and the lowest within some hours around each hour of the same day."""
    unknown = np.isnan(quantity)
    high = _highest(np.where(unknown, -np.inf, quantity), half_h)
    return high, -_highest(np.where(unknown, -np.inf, -quantity), half_h)


def _highest(quantity: Floats, half_h: int) -> Floats:
    """Return the highest within some hours around each hour of the same day, doubling the span."""
    span, width = 1, 2 * half_h + 1
    while span < width:
        step = min(span, width - span)
        quantity = np.maximum(quantity, np.roll(quantity, step, axis=-1))
        span += step
    return np.roll(quantity, -half_h, axis=-1)


def _range(
    every: tuple[Floats, Floats],
    good: tuple[Floats, ...],
    cells: tuple[Whole, ...],
    days: slice,
    habit: int,
) -> tuple[Floats, Floats]:
    """Return the range of good points and of what ``habit`` days have shown, shape (cells,).

    Where nothing is known the range is unbounded and nothing can lie outside it.
    """
    place = (cells[0], days, cells[1])
    high, low = good[0][place].max(axis=1), good[1][place].min(axis=1)
    if days.stop - days.start >= habit:
        high = np.maximum(high, np.partition(every[0][place], -habit, axis=1)[:, -habit])
        low = np.minimum(low, np.partition(every[1][place], habit - 1, axis=1)[:, habit - 1])
    known = np.isfinite(high) & np.isfinite(low)
    return np.where(known, high, 0.0), np.where(known, low, -np.inf)


def _off_hours(limits: Thresholds) -> Mask:
    """Return which hours of the day are off-hours, shape (24,)."""
    hour = np.arange(HOURS)
    return np.asarray((hour >= limits.night_from_h) | (hour < limits.night_to_h))


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
