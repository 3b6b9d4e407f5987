"""Real measurements as import files: only their form changes, never a value."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import datetime, timedelta
from math import fsum


def _rows(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def steel(real):
    """15-minute energy; the reading of 24:00 is stamped 00:00 of the same day."""
    for row in _rows(real / "steel_industry_kr_15min" / "steel_2018_h1.csv.gz"):
        day, clock = row["interval_end"].split(" ")
        yield ("STEEL", f"{day} {'24:00' if clock == '00:00' else clock}", row["Usage_kWh"])


def office(real):
    """Hourly energy stamped at the hour's start."""
    for row in _rows(real / "bdg2_building_hourly" / "building_1.csv"):
        end = datetime.fromisoformat(row["timestamp"]) + timedelta(hours=1)
        yield ("OFFICE", f"{end:%Y-%m-%d %H:%M}", row["kwh"])


def rooftop_pv(real, kwp=600.0):
    """Hourly mean power of one kWp, times ours; empty hours stay out."""
    for row in _rows(real / "pv_turin_hourly" / "pv_turin_2019_2020.csv.gz"):
        if row["pv_norm_0_1"]:
            end = datetime.fromisoformat(row["time"]) + timedelta(hours=1)
            yield ("PV", f"{end:%Y-%m-%d %H:%M}", f"{float(row['pv_norm_0_1']) * kwp:.6f}")


def charging(real):
    """Sessions spread over their quarters of an hour; no session is a known zero."""
    quarters = defaultdict(list)
    for row in _rows(real / "ev_lugano_sessions" / "ev_sessions_2017_jan_jul.csv"):
        start = datetime.fromisoformat(row["start"])
        length = max(int(row["duration_s"]), 1)
        slots = max(length // 900, 1)
        first = start.replace(minute=start.minute // 15 * 15, second=0)
        for n in range(slots):
            quarters[first + timedelta(minutes=15 * (n + 1))].append(int(row["energy_wh"]) / slots)
    at, end = datetime(2017, 1, 1, 0, 15), datetime(2017, 9, 1)
    while at <= end:
        yield ("EV", f"{at:%Y-%m-%d %H:%M}", f"{fsum(quarters.get(at, [])) / 1000:.6f}")
        at += timedelta(minutes=15)


def heat_pump(real):
    """Mean power over 105 or 100 minutes, UTC stamps with their offset."""
    before = None
    for row in _rows(real / "gshp_brine_house" / "gshp_2018-02_2018-10.csv"):
        at = datetime.fromisoformat(row["timestamp"])
        if before is not None and row["WATT"]:
            hours = min((at - before).total_seconds() / 3600, 1.75)
            yield ("HP", at.isoformat(), f"{float(row['WATT']) * hours:.6f}")
        before = at


def water(real):
    """Cumulative registers in litres, stamped dd/mm/yyyy by their publisher."""
    for row in _rows(real / "water_cumulative_daiad" / "water_readings.csv.gz"):
        at = datetime.strptime(row["t"], "%d/%m/%Y %H:%M:%S")
        yield (row["meter"], f"{at:%Y-%m-%d %H:%M:%S}", row["reading_l"])


def water_summary(real):
    return {
        row["meter"]: row for row in _rows(real / "water_cumulative_daiad" / "meter_summary.csv")
    }


def prices(real):
    for row in _rows(real / "cn_ccer_daily" / "ccer_daily.csv"):
        yield (row["date"], "CCER", row["volume_t"], row["turnover_cny"])
