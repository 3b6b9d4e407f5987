"""The rules on fuel: A9 intensity, refuelling and tank balance; A6 for the fuel log."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from accounting.anomaly import DEFAULTS, WORKDAY, Alarm, Floats, Mask, Thresholds, Whole
from accounting.anomaly_scores import merged, robust

HANDLING = ("", "forklift", "stacker")
DAY = timedelta(days=1)


def handled_litres(fuel: pd.DataFrame, first_day: date, days: int) -> Floats:
    """Return the diesel of forklifts and stackers per day (A9, R13).

    Parameters
    ----------
    fuel
        timestamp (site-local), litres (L), kind, consumer, product.
    first_day, days
        The first day and how many.

    Returns
    -------
    ndarray
        L, shape (days,); NaN on days without a row.

    References
    ----------
    accounting.md §12 A9, R13.
    """
    rows = fuel[(fuel["kind"] == "use") & (fuel["product"] == "diesel")]
    rows = rows[rows["consumer"].isin(HANDLING)]
    at = (pd.to_datetime(rows["timestamp"]).dt.normalize() - pd.Timestamp(first_day)).dt.days
    inside = ((at >= 0) & (at < days)).to_numpy(bool)
    place = at.to_numpy(np.int64)[inside]
    litres = np.bincount(place, rows["litres"].to_numpy(np.float64)[inside], days)
    return np.where(np.bincount(place, minlength=days) > 0, litres, np.nan)


def oil_intensity(
    litres: Floats, throughput_t: Floats, first_day: date, limits: Thresholds = DEFAULTS
) -> list[Alarm]:
    """Return days of implausible litres per tonne handled (A9).

    Forklifts also drive on days with little mass, so that litres per tonne alone say nothing
    there: the litres themselves must also lie outside those of the reference, to the same side
    and by their whole range, as in A1. On a day of much mass many litres hide behind the tonnes:
    such a day is judged by the score of its litres, which
    must lie twice as far outside. The resolution floor of 2 L divided by the
    day's mass is the floor of L/t.

    Parameters
    ----------
    litres
        Diesel of forklifts and stackers, L, shape (days,); NaN where not logged.
    throughput_t
        Mass dismantled, t, shape (days,).
    first_day
        The day of the first value.
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        Entity ``diesel``; value and limit in L/t, in L where only the litres stand out.

    References
    ----------
    accounting.md §12 A9.
    """
    mass = np.where(np.nan_to_num(throughput_t) > 0, throughput_t, np.nan)
    per_t, known = litres / mass, ~np.isnan(litres / mass)
    good, hit = known.copy(), np.zeros(len(litres), bool)
    shown: dict[int, tuple[float, float, str, float]] = {}
    for day in np.flatnonzero(known):
        since = max(0, int(day) - limits.reference_days)
        at = np.flatnonzero(good[since:day]) + since
        if len(at) < limits.good_points:
            continue
        low, high = float(litres[at].min()), float(litres[at].max())
        spread = limits.range_gap * (high - low)
        for number, floor, unit, far in (
            (per_t, limits.floor_l / mass[day], "L/t", spread),
            (litres, limits.floor_l, "L", 2.0 * spread),
        ):
            side = float(litres[day] >= high + far) - float(litres[day] <= low - far)
            middle, _, scale = robust(number[at], floor, limits)
            score = float((number[day] - middle) / scale)
            if side * score >= limits.oil_z:
                bound = float(middle + side * limits.oil_z * scale)
                shown[int(day)] = (float(number[day]), bound, unit, score)
                hit[day], good[day] = True, False
                break
    at = np.flatnonzero(known)
    found = []
    for run in merged(hit[at], ~hit[at], limits.gap_days):
        places = at[run.places]
        peak = max((int(p) for p in places if int(p) in shown), key=lambda p: abs(shown[p][3]))
        found.append(_oil_days("A9", first_day, places, ("warn", run.open), shown[peak]))
    return found


def _oil_days(
    rule: str,
    first_day: date,
    places: Whole,
    state: tuple[str, bool],
    shown: tuple[float, float, str, float],
) -> Alarm:
    """Return an alarm of the fuel log over some days."""
    midnight = datetime.combine(first_day, datetime.min.time())
    value, limit, unit, score = shown
    start, end = midnight + int(places[0]) * DAY, midnight + (int(places[-1]) + 1) * DAY
    return Alarm(rule, "diesel", "diesel", start, end, state[0], value, limit, unit, score,
                 len(places), state[1])  # fmt: skip


def oil_pause(
    litres: Floats,
    throughput_t: Floats,
    day_type: Whole,
    first_day: date,
    limits: Thresholds = DEFAULTS,
) -> list[Alarm]:
    """Return stretches without a row in the fuel log while the plant works (A6, oil).

    Days with throughput count, because a log without work is empty by right. A log that is
    written every third such day pauses from 1.5 times its usual step on; the step is the median
    of the last 28, at least 8. Before the first row nothing is missing.

    Parameters
    ----------
    litres
        Diesel of forklifts and stackers, L, shape (days,); NaN where not logged.
    throughput_t
        Mass dismantled, t, shape (days,).
    day_type
        Shape (days,).
    first_day
        The day of the first value.
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        Entity ``diesel``; value and limit in h of days with throughput.

    References
    ----------
    accounting.md §12 A6.
    """
    working = (np.nan_to_num(throughput_t) > 0) | ((day_type == WORKDAY) & ~np.isnan(litres))
    at = np.flatnonzero(working)
    logged = ~np.isnan(litres[at])
    absent, usual = _paused(logged, limits)
    found = []
    for run in merged(absent, logged, 0):
        hours = 24.0 * len(run.places)
        grave = hours >= limits.missing_warn * limits.missing_diesel_h
        least = max(limits.missing_diesel_h, 24.0 * (limits.oil_pause * usual[run.last] - 1))
        still = run.last == len(at) - 1
        found.append(
            _oil_days("A6", first_day, at[run.places], ("warn" if grave else "info", still),
                      (hours, float(least), "h", float("nan")))
        )  # fmt: skip
    return found


def _paused(logged: Mask, limits: Thresholds) -> tuple[Mask, Floats]:
    """Return the days of pauses that are too long, and the usual step before each day, d."""
    absent, usual = np.zeros(len(logged), bool), np.full(len(logged), np.nan)
    steps: list[int] = []
    last = None
    for place, here in enumerate(logged):
        if len(steps) >= limits.good_points:
            usual[place] = float(np.median(steps[-limits.reference_days :]))
        if here:
            if last is not None:
                steps.append(place - last)
            last = place
        elif last is not None and place - last + 1 > limits.oil_pause * usual[place]:
            absent[last + 1 : place + 1] = True
    return absent, usual


def tank(fuel: pd.DataFrame, tank_l: float | None, limits: Thresholds = DEFAULTS) -> list[Alarm]:
    """Return refuellings that the tank cannot hold, and dips that do not balance (A9).

    Between two dips: first dip + deliveries − last dip against the litres logged as used, if any
    are; an empty log is A6's. The error also exceeds the resolution floor of oil.

    Parameters
    ----------
    fuel
        fuel_id, timestamp (site-local), litres, kind (use, delivery, dip), consumer, product.
    tank_l
        The tank's capacity, L; None where unknown, then refuellings are not judged.
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        Entity ``diesel``; in L, and in percent of what was used.

    References
    ----------
    accounting.md §12 A9, R13.
    """
    rows = fuel[fuel["product"] == "diesel"].sort_values("timestamp", kind="stable")
    dips = rows[rows["kind"] == "dip"].groupby("timestamp", as_index=False)["litres"].last()
    found = []
    highest = float("inf") if tank_l is None else limits.tank_overfill * tank_l
    for row in rows[(rows["kind"] == "delivery") & (rows["litres"] > highest)].itertuples():
        at = row.timestamp.to_pydatetime()
        found.append(
            Alarm("A9", "diesel", "diesel", at, at, "warn", float(row.litres), highest, "L")
        )
    for place in range(len(dips) - 1):
        since, until = dips["timestamp"].iloc[place], dips["timestamp"].iloc[place + 1]
        inside = rows[(rows["timestamp"] > since) & (rows["timestamp"] <= until)]
        used = float(inside.loc[inside["kind"] == "use", "litres"].sum())
        delivered = float(inside.loc[inside["kind"] == "delivery", "litres"].sum())
        gone = float(dips["litres"].iloc[place]) + delivered - float(dips["litres"].iloc[place + 1])
        error = gone - used
        if used <= 0 or abs(error) <= limits.floor_l:
            continue
        share = 100.0 * error / max(used, gone)
        if abs(share) > limits.tank_error_pct:
            limit = limits.tank_error_pct if share > 0 else -limits.tank_error_pct
            found.append(
                Alarm("A9", "diesel", "diesel", since.to_pydatetime(), until.to_pydatetime(),
                      "warn", share, limit, "%", open=place == len(dips) - 2)
            )  # fmt: skip
    return found
