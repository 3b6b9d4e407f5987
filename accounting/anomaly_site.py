"""All anomaly rules of a site: which meter is judged by which rule, and on which days (§12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from accounting.anomaly import (
    DEFAULTS,
    HOLIDAY,
    SHUTDOWN,
    SILENT,
    WORKDAY,
    Alarm,
    Floats,
    Mask,
    Measured,
    Thresholds,
    Whole,
    in_order,
)
from accounting.anomaly_daily import drift, pv_yield
from accounting.anomaly_frames import (
    awake,
    daily_mass,
    day_types,
    expected,
    hour_grid,
    long_days,
    pv_capacity,
)
from accounting.anomaly_hourly import flatlines, missing
from accounting.anomaly_nights import base_load, night_flow
from accounting.anomaly_oil import handled_litres, oil_intensity, oil_pause, tank
from accounting.anomaly_records import backward, balance, masses, unique_rows
from accounting.anomaly_spikes import spikes

HOUR_MIN, DAY_MIN = 60.0, 1440.0
PV = ("pv_generation", "pv_export")
HEAT = ("heat_pump", "heat_pump_heat")


@dataclass(frozen=True)
class History:
    """What the rules need of a site; times are site-local, without a zone mark.

    Rows may come in any order and more than once.

    Parameters
    ----------
    first_day, horizon
        The first day with data; up to where the site's readings reach (R2).
    meters
        meter_id, medium, role, building, group, equipment, parent_id, step_min, since, until
        (its validity; NaT where open).
    hours
        meter_id, hour (its start), quantity in kWh, m3, L or GJ; only hours that are wholly known.
    calendar
        date_from, date_to, kind (holiday, workday, shutdown).
    events
        As :func:`accounting.anomaly_records.backward` takes them.
    months
        As :func:`accounting.anomaly_records.balance` takes them.
    batches
        As :func:`accounting.anomaly_records.masses` takes them.
    fuel
        fuel_id, timestamp, litres, kind, consumer, product.
    pv
        capacity_kwp, in_service_from, in_service_to (NaT where open) of each PV plant.
    tank_l
        Capacity of the diesel tank, L; None where unknown.
    """

    first_day: date
    horizon: datetime
    meters: pd.DataFrame
    hours: pd.DataFrame
    calendar: pd.DataFrame
    events: pd.DataFrame
    months: pd.DataFrame
    batches: pd.DataFrame
    fuel: pd.DataFrame
    pv: pd.DataFrame
    tank_l: float | None = None

    @property
    def days(self) -> int:
        """How many local days the readings touch."""
        start = datetime.combine(self.first_day, datetime.min.time())
        return max(-((start - self.horizon).days), 0)


def alarms(history: History, limits: Thresholds = DEFAULTS) -> list[Alarm]:
    """Return every alarm of a site.

    Which meter a rule judges, beyond what §12 says (docs/decisions/0006-anomalies.md):

    - Rules on hours (A1, A3, A5, A8) need readings at least every hour, A2 every day.
    - PV meters, and grid meters of a site with PV, are A10's; A1, A2, A3 and A5 leave them.
    - Heat pumps, and meters above one, follow the weather: A1, A2 and A5 leave them. Air
      conditioning and meters above it: A2 leaves them, A1 judges their off-hours only.
    - A3 lets only consumers not stand at zero.
    - A6 looks for PV meters by day alone: an inverter sleeps at night.
    - A plant that stands still on a declared holiday is no dip (A1) and no drift (A2).
    - A rest day, holiday or shutdown with throughput is a workday.
    - A2 compares workdays with a second shift with each other, for electricity outside the office.

    Parameters
    ----------
    history
        The site's quantities and records.
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        By time, rule and entity.

    References
    ----------
    accounting.md §12, R24.
    """
    meters = unique_rows(history.meters, "meter_id")
    batches = unique_rows(history.batches, "batch_id")
    fuel = unique_rows(history.fuel, "fuel_id")
    measured = hour_grid(meters, history.hours, history.first_day, history.days)
    mass = daily_mass(batches, history.first_day, history.days)
    kind = day_types(history.calendar, history.first_day, history.days, mass)
    role = _Roles(meters)
    found = backward(history.events, dict(zip(meters["meter_id"], meters["medium"], strict=True)))
    found += balance(history.months, limits) + masses(batches, limits)
    found += _of_fuel(fuel, history, mass, kind, limits)
    due = expected(measured, meters, history.horizon)
    pv = role.generation & role.hourly
    due[pv] &= awake(measured.only(pv), limits)
    found += missing(measured, due, role.step_h, limits)
    if not measured.days:
        return in_order(found)
    found += _of_hours(measured, role, kind, mass, limits)
    found += _of_days(measured, role, kind, limits)
    capacity = pv_capacity(history.pv, history.first_day, history.days)
    found += pv_yield(measured.only(pv), capacity, limits)
    return in_order(found)


class _Roles:
    """Which meters are what, as masks over the rows of a meter table."""

    def __init__(self, meters: pd.DataFrame) -> None:
        self.medium = meters["medium"].to_numpy(str)
        self.role = meters["role"].to_numpy(str)
        self.office = meters["building"].to_numpy(str) == "office"
        equipment = meters["equipment"].to_numpy(str)
        self.process = (equipment != "") & (equipment != "storage")
        self.step_h = meters["step_min"].to_numpy(np.float64) / HOUR_MIN
        self.hourly = self.step_h * HOUR_MIN <= HOUR_MIN
        self.daily = self.step_h * HOUR_MIN <= DAY_MIN
        self.generation = self.role == "pv_generation"
        solar = np.isin(self.role, PV)
        heat = np.isin(self.role, HEAT)
        cool = meters["group"].to_numpy(str) == "ac"
        self.solar = solar | ((self.role == "grid_import") & solar.any())
        self.heat, self.cool = _with_above(meters, heat), _with_above(meters, heat | cool)


def _with_above(meters: pd.DataFrame, marked: Mask) -> Mask:
    """Return the marked meters and those above them; a grid meter is above all."""
    parent = dict(zip(meters["meter_id"], meters["parent_id"], strict=True))
    found = set(meters["meter_id"][marked])
    for meter in list(found):
        above = parent.get(meter, "")
        while above and above not in found:
            found.add(above)
            above = parent.get(above, "")
    grid = (meters["role"] == "grid_import").to_numpy(bool) & bool(marked.any())
    return np.asarray(meters["meter_id"].isin(found).to_numpy(bool) | grid)


def _of_hours(
    measured: Measured, role: _Roles, kind: Whole, mass: Floats, limits: Thresholds
) -> list[Alarm]:
    """Return the alarms of A1, A3, A5 and A8."""
    counting = role.hourly & (role.medium != "heat")
    indoors = counting & ~role.solar
    plain = indoors & ~role.heat
    found = spikes(measured.only(plain), kind, role.cool[plain], limits)
    may_rest = role.role[indoors] != "consumer"
    found += flatlines(measured.only(indoors), kind, mass, may_rest, limits)
    found += base_load(measured.only(plain & (role.medium == "electricity")), kind, limits)
    return found + night_flow(measured.only(counting & (role.medium == "water")), limits)


def _of_days(measured: Measured, role: _Roles, kind: Whole, limits: Thresholds) -> list[Alarm]:
    """Return the alarms of A2."""
    level = ~role.solar & ~role.heat & ~role.cool & role.daily & (role.medium != "heat")
    plant = level & (role.medium == "electricity") & ~role.office
    common = np.where(kind == SHUTDOWN, SILENT, np.where(kind == WORKDAY, 0, 1))
    shifts = long_days(measured.quantity[role.process & role.hourly], limits)
    by_shift = np.where((common == 0) & shifts, 2, common)
    holiday = kind == HOLIDAY
    found = drift(measured.only(plant), by_shift, holiday, limits)
    return found + drift(measured.only(level & ~plant), common, holiday, limits)


def _of_fuel(
    fuel: pd.DataFrame, history: History, mass: Floats, kind: Whole, limits: Thresholds
) -> list[Alarm]:
    """Return the alarms of A9, and A6's of the fuel log."""
    litres = handled_litres(fuel, history.first_day, history.days)
    found = oil_intensity(litres, mass, history.first_day, limits)
    found += oil_pause(litres, mass, kind, history.first_day, limits)
    return found + tank(fuel, history.tank_l, limits)
