"""A1, A2 and the medians as plain loops: how they are computed must not change what they find."""

import statistics
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.anomaly import DEFAULTS, HOLIDAY, REST, SHUTDOWN, WORKDAY, Measured
from accounting.anomaly_daily import drift
from accounting.anomaly_scores import enough, ewma_limit, median, merged, trailing
from accounting.anomaly_spikes import spikes

T = DEFAULTS


def known(values):
    return [value for value in values if value == value]


def middle_of(values):
    return statistics.median(known(values)) if known(values) else float("nan")


def scores(values, floor):
    middle = middle_of(values)
    spread = middle_of([abs(value - middle) for value in values])
    return middle, max(1.4826 * spread, T.relative_floor * abs(middle), floor)


def same_days(kind, day, length):
    return [d for d in range(max(0, day - length), day) if kind[d] == kind[day]]


def around(row, hour):
    near = [row[(hour + n) % 24] for n in range(-T.range_half_h, T.range_half_h + 1)]
    return known(near)


def spikes_plainly(shown, day_type):
    """Which hours of one meter are hits, by docs/decisions/0006-anomalies.md and 0031."""
    kind = ["w" if k == WORKDAY else "s" if k == SHUTDOWN else "r" for k in day_type]
    first = next((d for d, row in enumerate(shown) if known(row)), len(shown))
    clean, hits = shown.copy(), np.zeros(shown.shape, bool)
    for day in range(len(shown)):
        near = same_days(kind, day, T.reference_days)
        if len(near) < T.good_points:
            near = same_days(kind, day, T.off_days)
        wide = same_days(kind, day, T.range_days)
        if kind[day] == "s" or len(near) < T.good_points or day - first < T.history_days:
            continue
        for hour, value in enumerate(shown[day]):
            points = [clean[d, hour] for d in near]
            if len(known(points)) < T.good_points:
                continue
            middle, scale = scores(points, T.floor_kwh)
            high, low = bounds(clean, shown, wide, hour)
            half, spread = T.spike_warn_z * scale, T.range_gap * (high - low)
            upper, lower = max(middle + half, high + spread), min(middle - half, low - spread)
            hits[day, hour] = value >= upper or value <= lower
        clean[day, hits[day]] = np.nan
        if day_type[day] == HOLIDAY:  # what lies below stands still, as was declared
            hits[day] &= shown[day] > np.nanmedian(clean[near], axis=0)
    return hits


def bounds(clean, shown, wide, hour):
    """The range of the good points, and of what three days have shown."""
    high = max((max(around(clean[d], hour), default=-np.inf) for d in wide), default=-np.inf)
    low = min((min(around(clean[d], hour), default=np.inf) for d in wide), default=np.inf)
    if len(wide) >= T.habit_days:
        highest = sorted(max(around(shown[d], hour), default=-np.inf) for d in wide)
        lowest = sorted(min(around(shown[d], hour), default=np.inf) for d in wide)
        high = max(high, highest[-T.habit_days])
        low = min(low, lowest[T.habit_days - 1])
    return (high, low) if np.isfinite(high) and np.isfinite(low) else (0.0, -np.inf)


def drift_plainly(total, kind):
    """Which days of one meter are judged, and which are signals, by the letter of 0006."""
    first = next((d for d, value in enumerate(total) if value == value), len(total))
    judged, signal = np.zeros(len(total), bool), np.zeros(len(total), bool)
    state = {}
    for day, value in enumerate(total):
        average, count = state.get(kind[day], (0.0, 0))
        days = same_days(kind, day, T.drift_days)
        points = [total[d] for d in days if not signal[d]]
        settled = known([total[d] for d in days if d < day - T.steady_skip_days])
        fit = day - first >= T.history_days and len(known(points)) >= T.good_points
        if fit:
            level, sigma = scores(points, T.floor_kwh)
            close = sum(abs(one - level) <= T.steady_spread * abs(level) for one in settled)
            fit = len(settled) >= T.good_points and close >= T.steady_share * len(settled)
        judged[day] = fit and value == value
        if judged[day]:
            off = min(max((value - level) / sigma, -T.drift_cap), T.drift_cap)
            average = T.drift_lambda * off + (1 - T.drift_lambda) * average
            count += 1
            edge = float(ewma_limit(np.array([count]))[0])
            signal[day] = abs(average) > edge and off * np.sign(average) > edge
        state[kind[day]] = (average, count) if fit else (0.0, 0)
    return judged, signal


def measured(quantity):
    return Measured(date(2026, 3, 2), ("M",), ("electricity",), quantity[None])


def hours_of(found):
    """The hours from the first to the last hit of each alarm, and how many hits it has."""
    return sorted((one.start, one.end, one.hits) for one in found)


def runs(hits, gap):
    """Places of hits merged as §12 says."""
    found = []
    for at in np.flatnonzero(hits):
        if found and at - found[-1][-1] <= gap + 1:
            found[-1].append(int(at))
        else:
            found.append([int(at)])
    return found


@pytest.mark.timeout(120)
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_spikes_as_loops(seed):
    draw = np.random.default_rng(seed)
    kinds = [WORKDAY] * 6 + [REST, HOLIDAY, SHUTDOWN]
    day_type = draw.choice(kinds, 90)
    level = np.where(day_type == WORKDAY, 2.0, 1.0)[:, None]
    quantity = draw.normal(20.0, 1.0, (90, 24)).round(2) * level
    for _ in range(60):
        wrong = draw.choice([0.0, 5.0, 90.0, 200.0, np.nan])
        quantity[draw.integers(90), draw.integers(24)] = wrong
    quantity[: draw.integers(0, 10)] = np.nan
    meter = measured(quantity)
    found = spikes(meter, day_type, np.array([False]))
    hits = spikes_plainly(quantity, day_type).ravel()
    assert hours_of(found) == [
        (meter.hour(run[0]), meter.hour(run[-1] + 1), len(run)) for run in runs(hits, T.gap_h)
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_drift_as_loops(seed):
    draw = np.random.default_rng(seed)
    kind = draw.choice([0, 0, 0, 1], 180)
    daily = draw.normal(100.0, 4.0, 180) * np.where(kind == 0, 1.0, 0.6)
    start = draw.integers(70, 150)
    daily[start : start + draw.integers(4, 25)] *= draw.choice([0.8, 1.15, 1.3])
    daily[draw.random(180) < 0.05] = np.nan
    meter = measured(np.repeat(daily[:, None] / 24, 24, axis=1))
    judged, signal = drift_plainly(meter.daily[0], kind)
    at, hit = np.flatnonzero(judged), enough(signal, judged, T.drift_run)
    assert hours_of(drift(meter, kind, np.zeros(len(kind), bool))) == [
        (meter.day(int(at[run.first])), meter.day(int(at[run.last]) + 1), len(run.places))
        for run in merged(hit[at], ~hit[at], T.gap_days)
    ]


@given(st.integers(0, 10**6))
def test_medians_as_loops(seed):
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(3, 17, 4))
    values[draw.random(values.shape) < draw.choice([0.0, 0.2, 0.9])] = np.nan
    for axis in range(3):
        wanted = np.apply_along_axis(middle_of, axis, values)
        assert np.array_equal(median(values, axis), wanted, equal_nan=True)
    days = values[:, :, 0]
    wanted = [[middle_of(row[max(0, day - 5) : day]) for day in range(17)] for row in days]
    assert np.array_equal(trailing(days, 5), wanted, equal_nan=True)
