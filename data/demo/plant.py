"""The demonstration plant as import files: site, meters, readings, production (演示数据).

The institution it is modelled on is real and its capacity published (京津冀电力再生资源中心,
phase 1: 5,000 t conductors, 300 t cables, 3,000 transformers a year); areas, staff and devices
are assumptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from data.demo import calendar
from data.demo.draws import generator
from data.demo.faults import COLUMNS as FAULT_COLUMNS
from data.demo.faults import NEAR_ROLLOVER, Series, disturbed
from data.demo.loads import EPISODES, METERS, PV_KWP, Spec, day_kwh, episode
from data.demo.production import DayBook, day_book, tank_only
from data.demo.weather import Floats, daily_mean_c

SITE = "demo-langfang"
SITE_TOML = f"""\
# 演示数据 / demonstration data: areas, staff and devices are assumptions
demo = true

[site]
id = "{SITE}"
name_zh = "示范回收中心（演示数据）"
name_en = "Demonstration recycling centre (demo data)"
province = "CN-HE"
timezone = "Asia/Shanghai"
commissioned_on = 2023-06-01
base_year = 2025

[[area]]
building = "plant"
m2 = 9600.0
valid_from = 2023-01-01

[[area]]
building = "office"
m2 = 1800.0
valid_from = 2023-01-01

[settings]
headcount_plant = 46
headcount_office = 22
"""
TANK_L = 3000.0


@dataclass(frozen=True)
class Delivery:
    """A file of readings, in the order in which files arrive."""

    name: str
    frame: pd.DataFrame


@dataclass(frozen=True)
class Plant:
    """The plant's import files and the truth about its faults."""

    site_toml: str
    tables: Mapping[str, pd.DataFrame]
    readings: tuple[Delivery, ...]
    faults: pd.DataFrame


def _episodes(seed: int, days: list[date]) -> list[dict[str, object]]:
    """Return the truth about wrong consumption that lies wholly within the days."""
    found = []
    for year in range(days[0].year, days[-1].year + 1):
        for kind, meter, lasts, note in EPISODES:
            first, last = episode(seed, kind, year)
            if days[0] <= first and last <= days[-1]:
                found.append({
                    "meter_id": meter, "kind": kind, "start": f"{first} 00:00",
                    "end": f"{last + timedelta(days=1)} 00:00", "size": float(lasts),
                    "expect": "", "note": note,
                })  # fmt: skip
    return found


def days_of(last_day: date, months: int) -> list[date]:
    """Return the days from the first of the month that lies ``months`` before, to the last."""
    index = last_day.year * 12 + last_day.month - 1 - months
    first = date(index // 12, index % 12 + 1, 1)
    return [first + timedelta(days=n) for n in range((last_day - first).days + 1)]


def generate(last_day: date, months: int = 36, seed: int = 615) -> Plant:
    """Return the demonstration plant; the same arguments give the same bytes.

    Parameters
    ----------
    last_day
        The last day with readings, up to 24:00.
    months
        Whole months before the one of ``last_day``.
    seed
        Other seeds make other plants.

    Returns
    -------
    Plant
        Tables named as import kinds with the contract's columns, readings, faults.
    """
    days = days_of(last_day, months)
    books = [day_book(seed, SITE, day) for day in days]
    truth = true_quantities(seed, days, books)
    series = [_series(seed, spec, days, truth[spec.meter_id]) for spec in METERS]
    known = [*_episodes(seed, days), *(row for one in series for row in one.truth)]
    faults = pd.DataFrame(known, columns=FAULT_COLUMNS)
    tables = _record_tables(seed, days, books)
    tables["meters"] = _meter_table()
    tables["meter_changes"] = pd.DataFrame(
        [row for one in series for row in one.changes],
        columns=["meter_id", "timestamp", "old_end", "new_start", "new_multiplier"],
    )
    return Plant(SITE_TOML, tables, _deliveries(series), faults)


def true_quantities(seed: int, days: list[date], books: list[DayBook]) -> dict[str, Floats]:
    """Return each meter's true quantity per quarter of an hour, in its unit."""
    by_day = [day_kwh(seed, day, book) for day, book in zip(days, books, strict=True)]
    return {
        spec.meter_id: np.concatenate([day[spec.meter_id] for day in by_day]) for spec in METERS
    }


def _series(seed: int, spec: Spec, days: list[date], truth: Floats) -> Series:
    """Return a register's readings: a start, the sum of what was consumed, limited digits."""
    draw = generator(seed, "register", spec.meter_id)
    start = float(draw.uniform(200, 30_000))
    growth = np.concatenate([[0.0], np.cumsum(truth)]) / spec.multiplier
    if spec.meter_id in NEAR_ROLLOVER:
        start = spec.register_max - growth[-1] * float(draw.uniform(0.3, 0.7))
    shown = np.round((np.floor(start * 100) / 100 + growth) % spec.register_max, 2)
    times = np.datetime64(days[0], "us") + np.arange(len(shown)) * np.timedelta64(15, "m")
    none = np.zeros(len(shown), bool)
    series = Series(spec, times, shown, ~none, none.copy(), none.copy())
    for at in np.flatnonzero(np.diff(shown) < -0.5 * spec.register_max):
        series.note("rollover", int(at), int(at) + 1, spec.register_max, "rollover", "digits end")
    return disturbed(series, seed)


def _deliveries(series: list[Series]) -> tuple[Delivery, ...]:
    """Return the readings by calendar year, then what came late."""
    parts, late = [], []
    for one in series:
        made = pd.DataFrame({
            "meter_id": one.spec.meter_id, "timestamp": one.times, "value": one.shown,
            "quality": "good",
        })  # fmt: skip
        parts.append(made[one.keep & ~one.late])
        parts.append(made[one.keep & ~one.late & one.repeat])
        late.append(made[one.keep & one.late])
    whole = pd.concat(parts, ignore_index=True)
    closed = whole["timestamp"] - pd.Timedelta(microseconds=1)
    found = [
        Delivery(f"readings-{year}.parquet", whole[closed.dt.year == year].reset_index(drop=True))
        for year in sorted(closed.dt.year.unique())
    ]
    behind = pd.concat(late, ignore_index=True)
    return (*found, Delivery("readings-late.parquet", behind)) if len(behind) else tuple(found)


def _meter_table() -> pd.DataFrame:
    rows = [
        {
            "meter_id": spec.meter_id, "site": SITE, "name": spec.name, "medium": spec.medium,
            "role": spec.role, "building": spec.building, "group": spec.group,
            "line": spec.line, "equipment": spec.equipment, "parent_id": spec.parent_id,
            "unit": spec.unit, "reading_kind": "register", "multiplier": spec.multiplier,
            "register_max": spec.register_max, "step_min": 15,
            "rated_max_per_hour": spec.rated_max_per_hour, "valid_from": "", "valid_to": "",
        }
        for spec in METERS
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _record_tables(seed: int, days: list[date], books: list[DayBook]) -> dict[str, pd.DataFrame]:
    def gathered(name: str) -> pd.DataFrame:
        return pd.DataFrame([row for book in books for row in getattr(book, name)])

    months = sorted({day.strftime("%Y-%m") for day in days})
    fuel = pd.concat([gathered("fuel"), pd.DataFrame(_tank(days, gathered("fuel")))])
    return {
        "batches": _unbalanced(gathered("batches")),
        "outputs": gathered("outputs"),
        "fuel": fuel,
        "trips": gathered("trips"),
        "jobs": gathered("jobs"),
        "vehicles": _vehicles(seed, months),
        "devices": _devices(),
        "site_months": _site_months(seed, days),
        "calendar": pd.DataFrame(calendar.rows(SITE, days[0], days[-1])),
        "plan": _plan(days),
        "targets": _targets(days),
    }


def _unbalanced(batches: pd.DataFrame) -> pd.DataFrame:
    """Let a few batches miss 3 % of their mass, and two of them 7 %."""
    known = batches["mass_in_t"].astype(float)
    every = max(len(batches) // 8, 1)
    off = list(range(3, len(batches), every))[:6]
    for place, at in enumerate(off):
        share = 0.07 if place < 2 else 0.03
        more = float(known.iloc[at]) * (1 + share)
        batches.loc[batches.index[at], "mass_in_t"] = round(more, 3)
    return batches


def _tank(days: list[date], used: pd.DataFrame) -> list[dict[str, object]]:
    """Return the tank's book: a dip at each month's start, a delivery when it runs low."""
    litres = used.groupby(used["timestamp"].str[:10])["litres"].sum() if len(used) else {}
    rows: list[dict[str, object]] = []
    level = 2200.0
    for day in days:
        if day.day == 1:
            rows.append(_entry(f"DIP{day:%Y%m%d}", f"{day} 00:00", level, "dip"))
        lost = 95.0 if tank_only(day) and calendar.is_workday(day) else 0.0
        level -= float(litres.get(day.isoformat(), 0.0)) + lost
        if level < 700.0:
            amount = float(round((TANK_L - level) * 0.85, -1))
            rows.append(_entry(f"DEL{day:%Y%m%d}", f"{day} 18:30", amount, "delivery"))
            level += amount
    return rows


def _entry(ident: str, at: str, litres: float, kind: str) -> dict[str, object]:
    return {"fuel_id": ident, "site": SITE, "timestamp": at, "litres": round(litres, 1),
            "kind": kind, "consumer": "", "line": "", "product": "diesel"}  # fmt: skip


def _vehicles(seed: int, months: list[str]) -> pd.DataFrame:
    rows = []
    for month in months:
        draw = generator(seed, "vehicles", month)
        for n in range(16):
            bus = n < 2
            new = n < 2 or n < 11
            km = float(round(draw.normal(2400 if bus else 1100, 150), 0))
            kwh = round(km * (1.08 if bus else 0.2), 1) if new and n % 3 else ""
            rows.append({
                "vehicle_id": f"{'B' if bus else 'C'}{n:02d}", "site": SITE, "month": month,
                "class": "shuttle_bus" if bus else "official_car", "new_energy": int(new),
                "km": km, "kwh": kwh,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _devices() -> pd.DataFrame:
    rows = [("PV1", "pv", PV_KWP, "kWp"), ("HP1", "heat_pump", 90.0, "kW"),
            ("HP2", "heat_pump", 90.0, "kW")]  # fmt: skip
    rows += [(f"CH{n:02d}", "charger", 7.0 if n < 12 else 60.0, "kW") for n in range(14)]
    return pd.DataFrame([
        {"device_id": ident, "site": SITE, "kind": kind, "capacity": capacity, "unit": unit,
         "in_service_from": "2023-06-01", "in_service_to": ""}
        for ident, kind, capacity, unit in rows
    ])  # fmt: skip


def _site_months(seed: int, days: list[date]) -> pd.DataFrame:
    means: dict[str, list[float]] = {}
    for day in days:
        means.setdefault(day.strftime("%Y-%m"), []).append(daily_mean_c(seed, day))
    return pd.DataFrame([
        {"site": SITE, "month": month, "headcount_plant": 46, "headcount_office": 22,
         "green_kwh": 0, "gec_sold_kwh": 0, "outdoor_mean_c": round(float(np.mean(found)), 1)}
        for month, found in means.items()
    ])  # fmt: skip


def _plan(days: list[date]) -> pd.DataFrame:
    capacity = {"conductor": 5000.0, "cable": 300.0, "transformer": 3150.0}
    years = range(days[0].year, days[-1].year + 2)
    return pd.DataFrame([
        {"site": SITE, "line": line, "year": year, "mass_in_t": t}
        for year in years for line, t in capacity.items()
    ])  # fmt: skip


def _targets(days: list[date]) -> pd.DataFrame:
    years = range(days[0].year, days[-1].year + 1)
    return pd.DataFrame([
        {"site": SITE, "indicator": "emission", "dimension": "site", "entity": "site",
         "period": str(year), "value": 620000, "kind": "target", "source": "演示数据"}
        for year in years
    ])  # fmt: skip
