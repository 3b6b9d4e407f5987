"""From a site's rows to what the anomaly rules judge: hours, day types, masses, balances."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import numpy as np
import pandas as pd

from accounting.anomaly import (
    DEFAULTS,
    HOLIDAY,
    HOURS,
    REST,
    SHUTDOWN,
    WORKDAY,
    Floats,
    Mask,
    Measured,
    Thresholds,
    Whole,
)
from accounting.anomaly_records import unique_rows
from accounting.anomaly_scores import median

SATURDAY = 5


def hour_grid(meters: pd.DataFrame, hours: pd.DataFrame, first_day: date, days: int) -> Measured:
    """Return hourly rows as whole local days.

    Parameters
    ----------
    meters, hours
        As in :class:`History`; rows of unknown meters or outside the days are left out.
    first_day, days
        The first day and how many.

    Returns
    -------
    Measured
        Meters in the order of ``meters``, NaN where there is no row. Of several rows for one hour
        the largest counts, so that their order does not matter.
    """
    quantity = np.full((len(meters), days, HOURS), np.nan)
    row = pd.Index(meters["meter_id"]).get_indexer(hours["meter_id"])
    start = np.datetime64(pd.Timestamp(first_day), "us")
    since = pd.to_datetime(hours["hour"]).to_numpy("datetime64[us]") - start
    at = (since // np.timedelta64(1, "h")).astype(np.int64)
    value = hours["quantity"].to_numpy(np.float64)
    inside = (row >= 0) & (at >= 0) & (at < days * HOURS) & ~np.isnan(value)
    place, value = (row * days * HOURS + at)[inside], value[inside]
    flat = quantity.reshape(-1)
    flat[place] = value
    while (larger := value > flat[place]).any():  # only where an hour has several rows
        place, value = place[larger], value[larger]
        flat[place] = value
    return Measured(first_day, tuple(meters["meter_id"]), tuple(meters["medium"]), quantity)


def expected(measured: Measured, meters: pd.DataFrame, horizon: datetime) -> Mask:
    """Return the hours in which meters ought to have data (A6).

    From the first known hour to the horizon, within the meter's validity.

    Parameters
    ----------
    measured
        All meters, shape (meters, days, 24).
    meters
        since, until (site-local; NaT where open), in the order of ``measured``.
    horizon
        Up to where the site's readings reach (R2), site-local.

    Returns
    -------
    ndarray of bool
        Shape (meters, days, 24).

    References
    ----------
    accounting.md §12 A6, R2, R6, R8.
    """
    found = np.zeros(measured.quantity.shape, bool)
    hour = np.datetime64(measured.day(0), "us") + np.arange(measured.days * HOURS) * np.timedelta64(
        1, "h"
    )
    ended = hour + np.timedelta64(1, "h") <= np.datetime64(horizon, "us")
    for row, (since, until) in enumerate(zip(meters["since"], meters["until"], strict=True)):
        known = ~np.isnan(measured.quantity[row].ravel())
        ours = ended & (np.cumsum(known) > 0)
        if not pd.isna(since):
            ours &= hour >= np.datetime64(pd.Timestamp(since), "us")
        if not pd.isna(until):
            ours &= hour < np.datetime64(pd.Timestamp(until), "us")
        found[row] = ours.reshape(measured.days, HOURS)
    return found


def awake(measured: Measured, limits: Thresholds = DEFAULTS) -> Mask:
    """Return the hours in which PV meters are looked for: an inverter sleeps at night (A6).

    Where the sun stands is not known here, but what the meter itself has shown: an hour of the
    day counts where it yielded something on at least half of the 28 days before that have any
    reading. The hours in which the sun is up everywhere always count, so that a meter that dies
    is missed however long it had yielded nothing.

    Parameters
    ----------
    measured
        PV generation meters whose readings come hourly or finer, shape (meters, days, 24).
    limits
        Thresholds.

    Returns
    -------
    ndarray of bool
        Shape (meters, days, 24).

    References
    ----------
    docs/decisions/0031-night-and-standstill.md.
    """
    found = np.zeros(measured.quantity.shape, bool)
    found[..., limits.pv_light_from_h : limits.pv_light_to_h] = True
    for row, quantity in enumerate(measured.quantity):
        read = np.flatnonzero(np.any(~np.isnan(quantity), axis=1))
        yields = np.cumsum(np.vstack([np.zeros(HOURS), np.nan_to_num(quantity[read]) > 0]), axis=0)
        last = np.searchsorted(read, np.arange(measured.days))
        first = np.maximum(last - limits.reference_days, 0)
        often = 2 * (yields[last] - yields[first]) >= (last - first)[:, None]
        found[row] |= often & (last > first)[:, None]
    return found


def day_types(calendar: pd.DataFrame, first_day: date, days: int, throughput_t: Floats) -> Whole:
    """Return the type of each day (§12).

    Parameters
    ----------
    calendar
        date_from, date_to (both included), kind. A shutdown goes before a make-up workday, that
        before a holiday; without a row Saturdays and Sundays are rest days.
    first_day, days
        The first day and how many.
    throughput_t
        Mass dismantled, t, shape (days,): where it is positive the day is a workday.

    Returns
    -------
    ndarray of int
        WORKDAY, REST, HOLIDAY or SHUTDOWN, shape (days,).

    References
    ----------
    accounting.md §12, reference class.
    """
    weekday = (first_day.weekday() + np.arange(days)) % 7
    found = np.where(weekday >= SATURDAY, REST, WORKDAY)
    for name, code in (("holiday", HOLIDAY), ("workday", WORKDAY), ("shutdown", SHUTDOWN)):
        for row in calendar[calendar["kind"] == name].itertuples():
            since = (pd.Timestamp(row.date_from) - pd.Timestamp(first_day)).days
            until = (pd.Timestamp(row.date_to) - pd.Timestamp(first_day)).days
            found[max(since, 0) : max(until + 1, 0)] = code
    return np.where(np.nan_to_num(throughput_t) > 0, WORKDAY, found).astype(np.int64)


def daily_mass(batches: pd.DataFrame, first_day: date, days: int) -> Floats:
    """Return the mass dismantled per day (A3, A9).

    Parameters
    ----------
    batches
        day, mass_in_t (t); one row per batch.
    first_day, days
        The first day and how many.

    Returns
    -------
    ndarray
        Mass, t, shape (days,); 0 on days without a batch.
    """
    day = pd.to_datetime(batches["day"]).dt.normalize()
    at = (day - pd.Timestamp(first_day)).dt.days.to_numpy(np.int64)
    inside = (at >= 0) & (at < days)
    mass = batches["mass_in_t"].to_numpy(np.float64)
    return np.asarray(np.bincount(at[inside], mass[inside], days), dtype=np.float64)


def long_days(process: Floats, limits: Thresholds = DEFAULTS) -> Mask:
    """Return the days on which the dismantling equipment ran longer than one shift (A2).

    An hour counts as running if the equipment together lies above 1.3 times the median of its
    hours from 00:00 to 06:00 in the 28 days up to the day (the ratio of A5) and above the floor.

    Parameters
    ----------
    process
        Hourly quantities of dismantling equipment, kWh, shape (meters, days, 24).
    limits
        Thresholds.

    Returns
    -------
    ndarray of bool
        Shape (days,).

    References
    ----------
    docs/decisions/0006-anomalies.md.
    """
    load = np.nansum(process, axis=0)
    found = np.zeros(len(load), bool)
    for day in range(len(load)):
        since = max(0, day + 1 - limits.reference_days)
        idle = float(median(load[since : day + 1, : limits.night_to_h].ravel()))
        running = load[day] > max(limits.night_ratio * idle, idle + limits.floor_kwh)
        found[day] = running.sum() > limits.long_day_h
    return found


def pv_capacity(pv: pd.DataFrame, first_day: date, days: int) -> Floats:
    """Return the PV capacity in service on each day (A10, R16).

    Parameters
    ----------
    pv
        capacity_kwp (kWp), in_service_from, in_service_to (included; NaT where open).
    first_day, days
        The first day and how many.

    Returns
    -------
    ndarray
        Capacity, kWp, shape (days,).
    """
    found = np.zeros(days)
    start = pd.Timestamp(first_day)
    for row in unique_rows(pv).itertuples():
        since = (pd.Timestamp(row.in_service_from) - start).days
        until = days if pd.isna(row.in_service_to) else (row.in_service_to - start).days + 1
        found[max(since, 0) : max(until, 0)] += float(row.capacity_kwp)
    return found


def residuals(rows: pd.DataFrame, top_level: Mapping[str, int]) -> pd.DataFrame:
    """Return the monthly balance of a site for :func:`accounting.anomaly_records.balance` (R9).

    Parameters
    ----------
    rows
        meter_id, month, quantity (kWh, NaN where unknown), complete (whether all of it is known).
    top_level
        Sign of each meter in Eg + gen − Ex (1, 1, −1), 0 for the top-level consumers; meters that
        are not named have no part in the balance.

    Returns
    -------
    DataFrame
        month, site_kwh, residual_kwh, sources_complete, loads_complete; NaN in a month in which
        a quantity is unknown or no consumer is metered. A meter without a row has no part in
        that month.
    """
    ours = unique_rows(rows[rows["meter_id"].isin(list(top_level))], ["meter_id", "month"])
    sign = ours["meter_id"].map(top_level)
    source = sign != 0
    parts = pd.DataFrame(
        {
            "month": ours["month"],
            "site_kwh": ours["quantity"].where(source, 0.0) * sign,
            "load": ours["quantity"].where(~source, 0.0),
            "sources_complete": ours["complete"] | ~source,
            "loads_complete": ours["complete"] | source,
            "loads": ~source,
        }
    )
    whole = parts.groupby("month", as_index=False).agg(
        site_kwh=("site_kwh", lambda one: one.sum(skipna=False)),
        load=("load", lambda one: one.sum(skipna=False)),
        sources_complete=("sources_complete", "all"),
        loads_complete=("loads_complete", "all"),
        loads=("loads", "any"),
    )
    whole["residual_kwh"] = (whole["site_kwh"] - whole["load"]).where(whole["loads"].astype(bool))
    return whole.drop(columns=["load", "loads"])
