"""Records of the demonstration plant beside its readings, as import tables (assumed)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from data.demo import calendar, fleet
from data.demo.faults import QUIET_DAYS
from data.demo.loads import PV_KWP
from data.demo.meters import METERS
from data.demo.production import DayBook, ramp, tank_only
from data.demo.weather import daily_mean_c

TANK_L = 3000.0
CAPACITY_T = {"conductor": 5000.0, "cable": 300.0, "transformer": 3150.0}
LINE_METER = {"cable": "E10", "conductor": "E11", "transformer": "E12"}
HEADCOUNT_PLANT, HEADCOUNT_OFFICE = 46, 22
ORIGIN = "演示数据"
TARGETS_SINCE = 2023
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "meters": ("meter_id", "site", "name", "medium", "role", "building", "group", "line",
               "equipment", "parent_id", "unit", "reading_kind", "multiplier", "register_max",
               "step_min", "rated_max_per_hour", "valid_from", "valid_to"),
    "meter_changes": ("meter_id", "timestamp", "old_end", "new_start", "new_multiplier"),
    "batches": ("batch_id", "site", "date", "line", "spec", "mass_in_t", "units", "length_km",
                "residue_t"),
    "outputs": ("batch_id", "material", "mass_t", "fate"),
    "trips": ("trip_id", "site", "date", "line", "leg", "tonnes", "km", "vehicle_class", "own",
              "litres"),
    "fuel": ("fuel_id", "site", "timestamp", "litres", "kind", "consumer", "line", "product"),
    "vehicles": ("vehicle_id", "site", "month", "class", "new_energy", "km", "kwh"),
    "devices": ("device_id", "site", "kind", "capacity", "unit", "in_service_from",
                "in_service_to"),
    "jobs": ("job_id", "site", "equipment", "start", "end", "line", "lifted_t"),
    "calendar": ("site", "date_from", "date_to", "kind", "note"),
    "site_months": ("site", "month", "headcount_plant", "headcount_office", "green_kwh",
                    "gec_sold_kwh", "outdoor_mean_c"),
    "targets": ("site", "indicator", "dimension", "entity", "period", "value", "kind", "source"),
    "plan": ("site", "line", "year", "mass_in_t"),
}  # fmt: skip

Rows = list[dict[str, object]]


def table(kind: str, rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Return an import table with the contract's columns, also where it has no row."""
    return pd.DataFrame(list(rows), columns=list(COLUMNS[kind]))


def record_tables(
    seed: int, site: str, days: list[date], books: list[DayBook]
) -> tuple[dict[str, pd.DataFrame], Rows]:
    """Return the tables of records, and the truth about batches whose masses do not close.

    Parameters
    ----------
    seed, site
        The plant.
    days, books
        The days and what happened on them.

    Returns
    -------
    tuple
        Import kind to table; rows of the truth table.
    """
    batches = [row for book in books for row in book.batches]
    used = [row for book in books for row in book.fuel]
    batches, truth = _unbalanced(seed, days, batches)
    months = sorted({day.replace(day=1) for day in days})
    found: dict[str, Sequence[Mapping[str, object]]] = {
        "meters": _meters(site),
        "batches": batches,
        "outputs": [row for book in books for row in book.outputs],
        "trips": [row for book in books for row in book.trips],
        "fuel": [*used, *_tank(site, days, used)],
        "vehicles": fleet.rows(seed, site, months),
        "devices": _devices(site),
        "jobs": [row for book in books for row in book.jobs],
        "calendar": calendar.rows(site, days[0], days[-1]),
        "site_months": _site_months(seed, site, days),
        "targets": _targets(site, days),
        "plan": _plan(site, days),
    }
    return {kind: table(kind, rows) for kind, rows in found.items()}, truth


def _unbalanced(seed: int, days: list[date], batches: Rows) -> tuple[Rows, Rows]:
    """Weigh two batches in 7 % too heavy and up to six 3 %, before the newest month."""
    limit = (days[-1] - timedelta(days=QUIET_DAYS)).isoformat()

    def rank(row: dict[str, object]) -> bytes:
        key = f"{seed}|mass_balance|{row['batch_id']}".encode()
        return hashlib.blake2b(key, digest_size=8).digest()

    chosen = sorted((row for row in batches if str(row["date"]) < limit), key=rank)[:8]
    share = {str(row["batch_id"]): 0.07 if n < 2 else 0.03 for n, row in enumerate(chosen)}
    found, truth = [], []
    for row in batches:
        excess = share.get(str(row["batch_id"]), 0.0)
        if excess:
            row = row | {"mass_in_t": round(float(str(row["mass_in_t"])) * (1 + excess), 3)}
            truth.append(_mass_truth(row, excess))
        found.append(row)
    return found, truth


def _mass_truth(row: Mapping[str, object], excess: float) -> dict[str, object]:
    """Return a batch's row of the truth table; the flag is the ledger's (R20), no interval's."""
    day = date.fromisoformat(str(row["date"]))
    flag = "mass_balance" if excess > 0.05 else "mass_balance_warn"
    return {
        "meter_id": LINE_METER[str(row["line"])], "kind": "mass_balance", "start": f"{day} 00:00",
        "end": f"{day + timedelta(days=1)} 00:00", "size": excess, "expect": "",
        "note": f"batch {row['batch_id']}, not the meter of its line; ledger flag {flag}",
    }  # fmt: skip


def _tank(site: str, days: list[date], used: Rows) -> Rows:
    """Return the tank's book: a dip at each month's start, a delivery when it runs low."""
    litres: dict[str, float] = {}
    for row in used:
        day = str(row["timestamp"])[:10]
        litres[day] = litres.get(day, 0.0) + float(str(row["litres"]))
    rows: Rows = []
    level = 2200.0
    for today in days:
        if today.day == 1:
            rows.append(_entry(site, f"DIP{today:%Y%m%d}", f"{today} 00:00", level, "dip"))
        lost = 95.0 if tank_only(today) and calendar.is_workday(today) else 0.0
        level -= litres.get(today.isoformat(), 0.0) + lost
        if level < 700.0:
            amount = float(round((TANK_L - level) * 0.85, -1))
            rows.append(_entry(site, f"DEL{today:%Y%m%d}", f"{today} 18:30", amount, "delivery"))
            level += amount
    return rows


def _entry(site: str, ident: str, at: str, litres: float, kind: str) -> dict[str, object]:
    return {"fuel_id": ident, "site": site, "timestamp": at, "litres": round(litres, 1),
            "kind": kind, "consumer": "", "line": "", "product": "diesel"}  # fmt: skip


def _meters(site: str) -> Rows:
    return [
        {
            "meter_id": spec.meter_id, "site": site, "name": spec.name, "medium": spec.medium,
            "role": spec.role, "building": spec.building, "group": spec.group,
            "line": spec.line, "equipment": spec.equipment, "parent_id": spec.parent_id,
            "unit": spec.unit, "reading_kind": "register", "multiplier": spec.multiplier,
            "register_max": spec.register_max, "step_min": 15,
            "rated_max_per_hour": spec.rated_max_per_hour, "valid_from": "", "valid_to": "",
        }
        for spec in METERS
    ]  # fmt: skip


def _devices(site: str) -> Rows:
    opened = "2023-06-01"
    rows = [("PV1", "pv", PV_KWP, "kWp", opened), ("HP1", "heat_pump", 90.0, "kW", opened),
            ("HP2", "heat_pump", 90.0, "kW", opened)]  # fmt: skip
    for n in range(14):
        since = opened if n < 8 else "2024-06-01" if n < 12 else "2024-12-01"
        rows.append((f"CH{n + 1:02d}", "charger", 7.0 if n < 12 else 60.0, "kW", since))
    return [
        {"device_id": ident, "site": site, "kind": kind, "capacity": capacity, "unit": unit,
         "in_service_from": since, "in_service_to": ""}
        for ident, kind, capacity, unit, since in rows
    ]  # fmt: skip


def _site_months(seed: int, site: str, days: list[date]) -> Rows:
    means: dict[str, list[float]] = {}
    for day in days:
        means.setdefault(day.strftime("%Y-%m"), []).append(daily_mean_c(seed, day))
    return [
        {"site": site, "month": month, "headcount_plant": HEADCOUNT_PLANT,
         "headcount_office": HEADCOUNT_OFFICE, "green_kwh": 0, "gec_sold_kwh": 0,
         "outdoor_mean_c": round(float(np.mean(found)), 1)}
        for month, found in means.items()
    ]  # fmt: skip


def _plan(site: str, days: list[date]) -> Rows:
    """Return what each line is to dismantle: the ramp-up, then the capacity."""
    newest = days[-1].year
    return [
        {"site": site, "line": line, "year": year,
         "mass_in_t": round(t * (ramp(date(year, 7, 1)) if year <= newest else 1.0), 1)}
        for year in range(days[0].year, newest + 2) for line, t in CAPACITY_T.items()
    ]  # fmt: skip


def _targets(site: str, days: list[date]) -> Rows:
    """Return targets and budgets of years and months, and a monthly quota of the newest year."""
    yearly = (
        ("emission", "site", 430_000, -10_000, "target"),
        ("electricity", "site", 1_050_000, 0, "budget"),
        ("diesel", "site", 27_000, 0, "budget"),
        ("pv_generation", "site", 690_000, 0, "target"),
        ("water", "site", 2_900, 0, "quota"),
    )
    first, newest = days[0].year, days[-1].year
    rows: Rows = [
        {"site": site, "indicator": indicator, "dimension": "site", "entity": entity,
         "period": str(year), "value": value + yearly_step * (year - TARGETS_SINCE), "kind": kind,
         "source": ORIGIN}
        for year in range(first, newest + 1)
        for indicator, entity, value, yearly_step, kind in yearly
    ]  # fmt: skip
    rows += [
        {"site": site, "indicator": "electricity", "dimension": "site", "entity": "site",
         "period": f"{newest}-{month:02d}", "value": 95_000, "kind": "quota", "source": ORIGIN}
        for month in range(1, 13)
    ]  # fmt: skip
    monthly = (
        ("reduction", "site", 2_400_000),
        ("energy_per_area", "building", 1.35),
        ("emission_per_area", "building", 4.0),
    )
    rows += [
        {"site": site, "indicator": indicator, "dimension": dimension, "entity": "site",
         "period": f"{year}-{month:02d}", "value": value, "kind": "target", "source": ORIGIN}
        for year in range(first, newest + 1) for month in range(1, 13)
        for indicator, dimension, value in monthly
    ]  # fmt: skip
    return rows
