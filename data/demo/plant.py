"""The demonstration plant as import files: site, meters, readings, production (演示数据).

The institution it is modelled on is real and its capacity published (京津冀电力再生资源中心,
phase 1: 5,000 t conductors, 300 t cables, 3,000 transformers a year); areas, staff and devices
are assumptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from data.demo import episodes
from data.demo.faults import COLUMNS as FAULT_COLUMNS
from data.demo.loads import day_kwh
from data.demo.meters import METERS
from data.demo.production import DayBook, day_book
from data.demo.records import HEADCOUNT_OFFICE, HEADCOUNT_PLANT, TANK_L, record_tables, table
from data.demo.registers import Delivery, deliveries, register
from data.demo.weather import Floats

__all__ = ["SITE", "Delivery", "Plant", "days_of", "generate", "true_quantities"]

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
headcount_plant = {HEADCOUNT_PLANT}
tank_l = {TANK_L:.0f}
headcount_office = {HEADCOUNT_OFFICE}
"""


@dataclass(frozen=True)
class Plant:
    """The plant's import files and the truth about its faults."""

    site_toml: str
    tables: Mapping[str, pd.DataFrame]
    readings: tuple[Delivery, ...]
    faults: pd.DataFrame


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
    known = episodes.within(seed, days[0], days[-1])
    series = [
        register(seed, spec, days[0], truth[spec.meter_id],
                 [one for one in known if one.kind.meter_id == spec.meter_id])
        for spec in METERS
    ]  # fmt: skip
    tables, unbalanced = record_tables(seed, SITE, days, books)
    changes = [row for one in series for row in one.changes]
    tables["meter_changes"] = table("meter_changes", changes)
    rows = [*_told(known), *unbalanced, *(row for one in series for row in one.truth)]
    faults = pd.DataFrame(rows, columns=FAULT_COLUMNS)
    return Plant(SITE_TOML, tables, deliveries(series), faults)


def _told(known: Sequence[episodes.Episode]) -> list[dict[str, object]]:
    """Return the truth about wrong consumption."""
    return [
        {"meter_id": one.kind.meter_id, "kind": one.kind.name, "start": f"{one.first} 00:00",
         "end": f"{one.last + timedelta(days=1)} 00:00", "size": one.size, "expect": "",
         "note": one.kind.note}
        for one in known
    ]  # fmt: skip


def true_quantities(seed: int, days: Sequence[date], books: Sequence[DayBook]) -> dict[str, Floats]:
    """Return what each meter truly measures, before registers and faults.

    Parameters
    ----------
    seed
        The plant's seed.
    days, books
        The days in order, and what happened on them.

    Returns
    -------
    dict
        Meter identifier to quantities per quarter of an hour, shape (96 x days,), in kWh, m3
        or GJ; grid import + generation - export = 1.02 x top-level consumption.
    """
    by_day = [day_kwh(seed, day, book) for day, book in zip(days, books, strict=True)]
    return {
        spec.meter_id: np.concatenate([day[spec.meter_id] for day in by_day]) for spec in METERS
    }
