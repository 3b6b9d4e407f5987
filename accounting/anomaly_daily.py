"""The rules on daily totals: A2 drift, A10 PV yield."""

from __future__ import annotations

import numpy as np

from accounting.anomaly import (
    DEFAULTS,
    UNIT,
    Alarm,
    Floats,
    Mask,
    Measured,
    Thresholds,
    Whole,
    counted,
)
from accounting.anomaly_scores import enough, ewma_limit, median, merged, robust


def drift(
    measured: Measured, day_class: Whole, holiday: Mask, limits: Thresholds = DEFAULTS
) -> list[Alarm]:
    """Return the days on which a meter's level has drifted away (A2).

    The chart is that of §12: EWMA with λ 0.2 and limits of 3 σ on the daily totals of one day
    type, level and σ from the 56 days before without those that were signals. Conditions beyond
    its letter (docs/decisions/0006-anomalies.md):

    - σ has the floors of the robust scale, and one day counts at most 6 σ.
    - Only a class that has a level is judged: of the days 15-56 before, at least 8, 95 % lie
      within 30 % of the median.
    - On a signal the day's own total lies outside the same limits: the average alone still
      echoes what is over.
    - Signals on four judged days in a row make the alarm, which begins with the first of them.
      It also closes when 14 days have passed in which no day could be judged.
    - A holiday below the level is a standstill that was declared: it is neither judged nor does
      it lower the level of the rest days after it.

    Parameters
    ----------
    measured
        Meters whose days neither the weather nor single sessions decide.
    day_class
        Days that may be compared have the same number, SILENT is not judged, shape (days,).
    holiday
        Days that the calendar declares holidays, shape (days,).
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        Per meter; value and limit are the average and the limit it crossed, per day.

    References
    ----------
    accounting.md §12 A2; Roberts (1959).
    """
    chart = _Chart(measured, day_class, holiday, limits)
    found = []
    for row, name in enumerate(measured.names):
        judged = chart.judged[row]
        hit = enough(chart.signal[row], judged, limits.drift_run)
        at = np.flatnonzero(judged)
        for run in merged(hit[at], ~hit[at], limits.gap_days):
            places = at[run.places]
            peak = places[np.argmax(np.abs(chart.score[row, places]))]
            fresh = measured.days - int(places[-1]) <= limits.steady_skip_days
            found.append(
                Alarm(
                    "A2",
                    name,
                    counted(measured.media[row]),
                    measured.day(int(places[0])),
                    measured.day(int(places[-1]) + 1),
                    "warn",
                    float(chart.average[row, peak]),
                    float(chart.bound[row, peak]),
                    UNIT[measured.media[row]] + "/d",
                    float(chart.score[row, peak]),
                    len(places),
                    run.open and fresh,
                )
            )
    return found


class _Chart:
    """EWMA charts of meters, one per day class, shapes (meters, days)."""

    def __init__(
        self, measured: Measured, day_class: Whole, holiday: Mask, limits: Thresholds
    ) -> None:
        self.total, self.holiday, self.limits = measured.daily, holiday, limits
        self.floor, self.since = measured.floors(limits), measured.since
        shape = self.total.shape
        self.signal, self.judged = np.zeros(shape, bool), np.zeros(shape, bool)
        self.score, self.average = np.zeros(shape), np.full(shape, np.nan)
        self.bound = np.full(shape, np.nan)
        for one in range(int(day_class.max(initial=0)) + 1 if measured.names else 0):
            self._draw(np.flatnonzero(day_class == one))

    def _draw(self, days: Whole) -> None:
        """Draw the charts of one class day by day; signals leave the days after them alone."""
        limits, total = self.limits, self.total[:, days]
        points = total.copy()
        average, count = np.zeros(len(total)), np.zeros(len(total), np.int64)
        begun = days[:, None] - self.since >= limits.history_days
        since = np.searchsorted(days, days - limits.drift_days)
        settled = np.searchsorted(days, days - limits.steady_skip_days)
        for at, day in enumerate(days):
            today, before = total[:, at], points[:, since[at] : at]
            level, _, sigma = robust(before, self.floor, limits, axis=1)
            fit = begun[at] & self._steady(total[:, since[at] : settled[at]], level)
            fit &= np.sum(~np.isnan(before), axis=1) >= limits.good_points
            rests = self.holiday[day] & (today < level)
            known = fit & ~np.isnan(today) & ~rests
            off = np.clip((today - level) / sigma, -limits.drift_cap, limits.drift_cap)
            moved = limits.drift_lambda * off + (1 - limits.drift_lambda) * average
            average = np.where(known, moved, np.where(fit, average, 0.0))
            count = np.where(known, count + 1, np.where(fit, count, 0))
            edge = ewma_limit(count, limits)
            signal = known & (np.abs(average) > edge) & (off * np.sign(average) > edge)
            points[signal | rests, at] = np.nan
            self.judged[:, day], self.signal[:, day] = known, signal
            self.score[:, day] = average
            self.average[:, day] = level + average * sigma
            self.bound[:, day] = level + np.sign(average) * edge * sigma

    def _steady(self, total: Floats, level: Floats) -> Mask:
        """Tell which meters have a level: their days lie close to the median."""
        limits = self.limits
        near = np.abs(total - level[:, None]) <= limits.steady_spread * np.abs(level)[:, None]
        known = np.sum(~np.isnan(total), axis=1)
        close = np.sum(near, axis=1) >= limits.steady_share * known
        return np.asarray((known >= limits.good_points) & close)


def pv_yield(
    measured: Measured, capacity_kwp: Floats, limits: Thresholds = DEFAULTS
) -> list[Alarm]:
    """Return days of implausible PV yield, and generation at night (A10).

    A day is judged by the median of the 28 good days before it: the month that it ends, for the
    days of its own month that follow it are not known yet. A low day also lies below the lowest
    of them, a high one 1.3 times above the best of them, because weather does no more.

    Parameters
    ----------
    measured
        PV generation meters of a site whose readings come hourly or finer.
    capacity_kwp
        Capacity in service on each day, kWp, shape (days,); NaN or 0 where unknown.
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        Of all meters together (entity: the only meter's name, else ``pv``) in kWh/kWp, and of
        each meter at night in kWh.

    References
    ----------
    accounting.md §12 A10.
    """
    if not measured.names:
        return []
    capacity = np.where(np.nan_to_num(capacity_kwp) > 0, capacity_kwp, np.nan)
    shown = _together(measured) / capacity
    hit, bound = _implausible(shown, limits)
    entity = measured.names[0] if len(measured.names) == 1 else "pv"
    yields = _days(measured, entity, hit, shown, (bound, "kWh/kWp"), limits)
    dark = measured.quantity[:, :, limits.pv_dark_from_h : limits.pv_dark_to_h].max(axis=2)
    zero = np.zeros(measured.days)
    nights = [
        alarm
        for name, own in zip(measured.names, dark, strict=True)
        for alarm in _days(measured, name, np.nan_to_num(own) > 0, own, (zero, "kWh/h"), limits)
    ]
    return yields + nights


def _together(measured: Measured) -> Floats:
    """Return the daily totals of meters together; one that does not exist yet adds nothing."""
    started = np.arange(measured.days) >= measured.since[:, None]
    total = np.where(started, measured.daily, 0.0).sum(axis=0)
    return np.where(np.any(started, axis=0), total, np.nan)


def _implausible(shown: Floats, limits: Thresholds) -> tuple[Mask, Floats]:
    """Return which days are outside, and the limit of each."""
    good = shown.copy()
    hit, bound = np.zeros(shown.shape, bool), np.full(shown.shape, np.nan)
    first = int(np.argmax(~np.isnan(shown)))
    for day in range(first + limits.history_days, len(shown)):
        before = good[day - limits.reference_days : day]
        before = before[~np.isnan(before)]
        if len(before) < limits.good_points:
            continue
        usual = float(median(before))
        low = min(limits.yield_low * usual, float(before.min()))
        high = max(limits.yield_high * usual, limits.yield_peak * float(before.max()))
        bound[day] = low if shown[day] < usual else high
        hit[day] = shown[day] < low or shown[day] > high
        if hit[day]:
            good[day] = np.nan
    return hit, bound


def _days(
    measured: Measured,
    entity: str,
    hit: Mask,
    shown: Floats,
    limit: tuple[Floats, str],
    limits: Thresholds,
) -> list[Alarm]:
    bound, unit = limit
    found = []
    for run in merged(hit, ~np.isnan(shown) & ~hit, limits.gap_days):
        peak = run.places[np.argmax(np.abs(shown[run.places] - bound[run.places]))]
        found.append(
            Alarm(
                "A10",
                entity,
                "electricity",
                measured.day(run.first),
                measured.day(run.last + 1),
                "warn",
                float(shown[peak]),
                float(bound[peak]),
                unit,
                hits=len(run.places),
                open=run.open,
            )
        )
    return found
