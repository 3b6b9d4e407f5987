"""A1, spikes and dips of hourly quantities."""

from __future__ import annotations

import numpy as np

from accounting.anomaly import (
    DEFAULTS,
    HOLIDAY,
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
from accounting.anomaly_scores import merged, robust


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
    - A dip on a holiday is no hit: the plant stands still, as the calendar declares.

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
    hit &= ~((day_type == HOLIDAY)[None, :, None] & (score < 0))
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
        found = _Days(measured, days, limits)
        hit[:, days], score[:, days], bound[:, days] = found.hit, found.score, found.bound
    return hit, score, bound


class _Days:
    """The days of one type, judged by each other, shapes (meters, days, 24).

    They are judged in order, because what was alarmed leaves the reference of the days after it.
    """

    def __init__(self, measured: Measured, days: Whole, limits: Thresholds) -> None:
        self.limits, self.shown = limits, measured.quantity[:, days]
        self.clean = self.shown.transpose(0, 2, 1).copy()  # what is compared lies side by side
        # the days come first: the range of a meter and hour is taken over them
        self.every = _extremes(self.shown.transpose(1, 0, 2), limits.range_half_h)
        self.good = tuple(part.copy() for part in self.every)
        self.hit, self.score = np.zeros(self.shown.shape, bool), np.zeros(self.shown.shape)
        self.bound = np.full(self.shown.shape, np.nan)
        self.begun = days - measured.since[:, None] >= limits.history_days
        self.floor = measured.floors(limits)
        near, off, wide = (
            np.searchsorted(days, days - length)
            for length in (limits.reference_days, limits.off_days, limits.range_days)
        )
        place = np.arange(len(days))
        since = np.where(place - near < limits.good_points, off, near)
        for at in np.flatnonzero(place - since >= limits.good_points):
            self._judge(int(at), int(since[at]), int(wide[at]))

    def _judge(self, at: int, since: int, wide: int) -> None:
        """Judge a day; an hour within the range is no hit, so that few have to be scored."""
        limits, today = self.limits, self.shown[:, at]
        high, low = self.good[0][wide:at].max(axis=0), self.good[1][wide:at].min(axis=0)
        beyond = ((today >= high) | (today <= low)) & self.begun[:, at, None]
        if not beyond.any():
            return
        cells = np.nonzero(beyond)
        points = self.clean[..., since:at][cells]
        middle, _, scale = robust(points, self.floor[cells[0]], limits, axis=1)
        half = limits.spike_warn_z * scale
        top, bottom = self._range(cells, slice(wide, at), high[cells], low[cells])
        spread = limits.range_gap * (top - bottom)
        upper = np.maximum(middle + half, top + spread)
        lower = np.minimum(middle - half, bottom - spread)
        shown = today[cells]
        hit = (shown >= upper) | (shown <= lower)
        hit &= np.sum(~np.isnan(points), axis=1) >= limits.good_points
        if not hit.any():
            return
        self._keep(cells[0][hit], at, cells[1][hit])
        place = (cells[0], at, cells[1])
        self.score[place] = (shown - middle) / scale
        self.bound[place] = np.where(shown > middle, upper, lower)

    def _keep(self, rows: Whole, at: int, hours: Whole) -> None:
        """Note the hits of a day, which leave the reference of the days after it."""
        self.hit[rows, at, hours] = True
        self.clean[rows, hours, at] = np.nan
        left = _extremes(self.clean[rows, :, at], self.limits.range_half_h)
        for part, own in zip(self.good, left, strict=True):
            part[at, rows] = own

    def _range(
        self, cells: tuple[Whole, ...], days: slice, high: Floats, low: Floats
    ) -> tuple[Floats, Floats]:
        """Return the range of good points, widened to what ``habit_days`` have shown.

        Where nothing is known the range is unbounded and nothing can lie outside it.
        """
        habit, place = self.limits.habit_days, (days, cells[0], cells[1])
        if days.stop - days.start >= habit:
            highest = np.partition(self.every[0][place], -habit, axis=0)[-habit]
            lowest = np.partition(self.every[1][place], habit - 1, axis=0)[habit - 1]
            high, low = np.maximum(high, highest), np.minimum(low, lowest)
        known = np.isfinite(high) & np.isfinite(low)
        return np.where(known, high, 0.0), np.where(known, low, -np.inf)


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


def _off_hours(limits: Thresholds) -> Mask:
    """Return which hours of the day are off-hours, shape (24,)."""
    hour = np.arange(HOURS)
    return np.asarray((hour >= limits.night_from_h) | (hour < limits.night_to_h))
