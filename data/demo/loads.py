"""What each meter of the demonstration plant truly measures, quarter by quarter (assumed)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from data.demo.calendar import is_workday
from data.demo.draws import generator
from data.demo.production import DayBook
from data.demo.weather import SLOTS, Floats, pv_kwh, temperatures_c

PV_KWP = 600.0
PV_SINCE = date(2023, 6, 1)
RESIDUAL = 0.02
LEAK_M3_PER_HOUR = 0.35
# kind, meter, days it lasts, note: true consumption that ought to be found
EPISODES = (
    ("leak", "W00", 11, "leak of 0.35 m3/h"),
    ("inverter_outage", "E01", 9, "inverters down"),
    ("night_load", "E33", 7, "air conditioning left on at night"),
    ("holiday_load", "E18", 5, "environmental device running on a holiday"),
)


@dataclass(frozen=True)
class Spec:
    """A meter of the plant: its register row, and its digits."""

    meter_id: str
    name: str
    medium: str
    role: str
    building: str
    group: str
    line: str
    equipment: str
    parent_id: str
    unit: str
    multiplier: float
    register_max: float
    rated_max_per_hour: float


def _meter(
    meter_id: str,
    name: str,
    rated: float,
    *,
    medium: str = "electricity",
    role: str = "consumer",
    building: str = "plant",
    group: str = "",
    line: str = "",
    equipment: str = "",
    parent: str = "",
    unit: str = "kWh",
    ct: float = 1.0,
    top: float = 1e6,
) -> Spec:
    return Spec(
        meter_id, name, medium, role, building, group, line, equipment, parent, unit, ct, top,
        rated,
    )  # fmt: skip


METERS = (
    _meter("E00", "关口表", 900.0, role="grid_import", building="", ct=80.0),
    _meter("E01", "光伏发电", 620.0, role="pv_generation", building="", ct=60.0),
    _meter("E02", "光伏上网", 620.0, role="pv_export", building="", ct=60.0),
    _meter("E10", "电缆拆解线", 90.0, equipment="cable_line"),
    _meter("E11", "架空导线拆解线", 110.0, equipment="conductor_line"),
    _meter("E12", "变压器拆解台A", 80.0, equipment="transformer_bench"),
    _meter("E13", "变压器拆解台B", 80.0, equipment="transformer_bench"),
    _meter("E14", "变压器拆解台C", 60.0, equipment="transformer_bench"),
    _meter("E15", "1号吊机", 40.0, equipment="crane", line="shared"),
    _meter("E16", "2号吊机", 40.0, equipment="crane", line="shared"),
    _meter("E17", "3号吊机", 40.0, equipment="crane", line="transformer"),
    _meter("E18", "环保装置", 70.0, equipment="environmental", line="shared"),
    _meter("E19", "分拣设备", 50.0, equipment="sorting", line="shared"),
    _meter("E20", "堆场照明", 12.0, equipment="storage", group="other"),
    _meter("E21", "空压机", 25.0, group="other"),
    _meter("E22", "厂房空调", 50.0, group="ac"),
    _meter("E30", "办公楼总表", 120.0, building="office", group="office"),
    _meter("E31", "办公插座照明", 50.0, building="office", group="office", parent="E30"),
    _meter("E32", "信息机房", 12.0, building="office", group="office", parent="E30"),
    _meter("E33", "办公分体空调", 45.0, building="office", group="ac", parent="E30"),
    _meter("E40", "地源热泵", 60.0, role="heat_pump", building="", group="ac"),
    _meter(
        "H40", "地源热泵供热", 0.9, medium="heat", role="heat_pump_heat", building="", unit="GJ"
    ),
    _meter("E50", "充电桩1", 180.0, role="charger", group="other"),
    _meter("E51", "充电桩2", 70.0, role="charger", group="other"),
    _meter("E52", "充电桩3", 70.0, role="charger", group="other"),
    _meter("W00", "自来水总表", 6.0, medium="water", unit="m3"),
    _meter("W01", "办公楼水表", 3.0, medium="water", unit="m3", building="office", parent="W00"),
)  # fmt: skip

CHILDREN = {"E30": ("E31", "E32", "E33")}


def _shift(hours: float, start_h: float = 8.0) -> Floats:
    """Return how much of each quarter lies in a run of hours."""
    edge = np.arange(SLOTS) / 4
    return np.clip((start_h + hours - edge) * 4, 0, 1) * np.clip((edge + 0.25 - start_h) * 4, 0, 1)


def _noise(seed: int, meter_id: str, day: date, spread: float) -> Floats:
    return generator(seed, meter_id, day).lognormal(0.0, spread, SLOTS)


def episode(seed: int, kind: str, year: int) -> tuple[date, date]:
    """Return the first and last day of a year's episode of a kind."""
    lasts = next(days for name, _, days, _ in EPISODES if name == kind)
    if kind == "holiday_load":
        return date(year, 10, 1), date(year, 10, lasts)
    first = date(year, 1, 1) + timedelta(days=int(generator(seed, kind, year).integers(20, 300)))
    return first, first + timedelta(days=lasts - 1)


def during(seed: int, kind: str, day: date) -> bool:
    """Tell whether an episode of a kind lasts on a day."""
    first, last = episode(seed, kind, day.year)
    return first <= day <= last


def day_kwh(seed: int, day: date, book: DayBook) -> dict[str, Floats]:
    """Return each meter's true quantity in every quarter of an hour of a day.

    Parameters
    ----------
    seed, day
        What is drawn.
    book
        The day's production; electricity follows it.

    Returns
    -------
    dict
        Meter identifier to 96 quantities in kWh, m3 or GJ; the balance holds exactly.
    """
    work = is_workday(day)
    found = _process(seed, day, book, work=work)
    found |= _buildings(seed, day, work=work)
    found |= _chargers(seed, day, work=work)
    top = [found[m.meter_id] for m in METERS if m.meter_id in found and not m.parent_id
           and m.medium == "electricity"]  # fmt: skip
    generation_share = 0.0 if during(seed, "inverter_outage", day) else 1.0
    load = np.sum(top, axis=0) * (1 + RESIDUAL)
    age = max((day - PV_SINCE).days / 365.25, 0.0)
    generation = pv_kwh(seed, day, PV_KWP, age) * generation_share
    found["E01"] = generation
    found["E02"] = np.maximum(generation - load, 0.0)
    found["E00"] = np.maximum(load - generation, 0.0)
    return found | _water(seed, day, work=work)


def _process(seed: int, day: date, book: DayBook, *, work: bool) -> dict[str, Floats]:
    hours = {
        "E10": min(book.mass_t("cable") / 0.45, 9.5),
        "E11": min(book.mass_t("conductor") / 2.3, 9.5),
    }
    rated = {"E10": 75.0, "E11": 90.0}
    found: dict[str, Floats] = {}
    for meter, run in hours.items():
        idle = 0.05 * rated[meter] * _shift(9.5 if work else 0.0) + 0.3
        found[meter] = (idle + 0.8 * rated[meter] * _shift(run)) / 4
    units = book.mass_t("transformer") / 1.05
    for meter, benches in (("E12", 3), ("E13", 3), ("E14", 2)):
        run = min(units * 4.6 / 8, 9.0)
        found[meter] = (0.25 * benches + 22 * benches * 0.75 * _shift(run)) / 4
    busy = sum(float(str(b["mass_in_t"])) for b in book.batches)
    for meter, share in (("E15", 0.4), ("E16", 0.35), ("E17", 0.25)):
        burst = generator(seed, meter, day, "burst").random(SLOTS) < 0.6
        found[meter] = (0.2 + 30 * 0.5 * burst * _shift(min(busy / 4, 9.0)) * share * 2.5) / 4
    run = max((*hours.values(), min(units * 0.6, 9.0)), default=0.0)
    left_on = during(seed, "holiday_load", day)
    running = np.maximum(_shift(run + 0.5, 7.84) * (run > 0), _shift(12.0, 6.0) * left_on)
    found["E18"] = (0.5 + 55 * 0.9 * running) / 4
    found["E19"] = (0.2 + 40 * 0.8 * _shift(min(busy / 3.5, 8.0), 9.0)) / 4
    found["E21"] = (0.8 + 18 * 0.7 * _shift(9.5 if work else 0.0)) / 4
    hour = (np.arange(SLOTS) + 0.5) / 4
    dark = (hour < 6.5) | (hour > 18.0)
    found["E20"] = (0.6 + 7.0 * dark) / 4
    outside = temperatures_c(seed, day)
    hot = np.clip((outside - 26.0) / 8.0, 0.0, 1.0)
    found["E22"] = (0.3 + 45 * hot * _shift(9.5 if work else 0.0)) / 4
    return {meter: load * _noise(seed, meter, day, 0.06) for meter, load in found.items()}


def _buildings(seed: int, day: date, *, work: bool) -> dict[str, Floats]:
    outside = temperatures_c(seed, day)
    inside = _shift(10.0 if work else 0.0, 7.75)
    found = {
        "E31": (2.2 + 26 * inside) / 4 * _noise(seed, "E31", day, 0.08),
        "E32": 4.2 / 4 * _noise(seed, "E32", day, 0.02),
    }
    hot = np.clip((outside - 27.0) / 7.0, 0.0, 1.0)
    night = 9.0 * (1 - inside) * during(seed, "night_load", day)
    found["E33"] = (0.2 + 28 * hot * inside + night) / 4 * _noise(seed, "E33", day, 0.08)
    losses = 1 + 0.01 * generator(seed, "E30", day).random()
    found["E30"] = (found["E31"] + found["E32"] + found["E33"]) * losses
    heating = np.clip(18.0 - outside, 0.0, None) * 4.2 * (0.45 + 0.55 * inside)
    cooling = np.clip(outside - 26.0, 0.0, None) * 9.0 * inside
    season = day.month >= 10 or day.month <= 4
    heat_kw = np.minimum(heating if season else cooling, 170.0)
    ground = 14.0 - 4.0 * np.cos(2 * np.pi * (day.timetuple().tm_yday - 45) / 365)
    lift = np.maximum(42.0 - ground if season else 12.0 + (ground - 8.0) * 0.6, 8.0)
    cop = min(0.45 * (315.0 if season else 285.0) / lift, 5.2)
    cop = min(max(cop, 3.2), 5.2)
    load = heat_kw / cop + np.where(heat_kw > 0, 2.2, 0.15)
    wobble = _noise(seed, "E40", day, 0.05)
    found["E40"] = load / 4 * wobble
    found["H40"] = heat_kw / 4 * 0.0036 * wobble
    return found


def _chargers(seed: int, day: date, *, work: bool) -> dict[str, Floats]:
    """Return sessions of staff cars and buses; one start in five fails with 0.1 kWh or less."""
    draw = generator(seed, "chargers", day)
    found = {meter: np.full(SLOTS, 0.02) for meter in ("E50", "E51", "E52")}
    growth = 1 + 0.25 * (day - date(2024, 1, 1)).days / 365
    for _ in range(int(draw.negative_binomial(6, 0.5) * growth) if work else 0):
        meter = ("E50", "E51", "E52")[int(draw.integers(3))]
        start = int(np.clip(draw.normal(8.0, 0.66), 6, 12) * 4)
        energy = draw.uniform(0.0, 0.1) if draw.random() < 0.2 else draw.lognormal(2.2, 0.5)
        _charge(found[meter], start, float(energy), 1.7)
    for _ in range(2 if work else 0):
        _charge(found["E50"], int(draw.normal(17.5, 0.3) * 4), float(draw.normal(38.0, 5.0)), 14.0)
    return found


def _charge(load: Floats, start: int, energy_kwh: float, per_slot_kwh: float) -> None:
    slot = start
    while energy_kwh > 0 and slot < SLOTS:
        load[slot] += min(per_slot_kwh, energy_kwh)
        energy_kwh -= per_slot_kwh
        slot += 1


def _water(seed: int, day: date, *, work: bool) -> dict[str, NDArray[np.float64]]:
    draw = generator(seed, "water", day)
    inside = _shift(10.0 if work else 0.0, 7.5)
    office = 0.005 / 4 + inside * draw.gamma(2.0, 0.045, SLOTS) / 2
    leak = LEAK_M3_PER_HOUR / 4 * during(seed, "leak", day)
    plant = 0.02 / 4 + leak + inside * draw.gamma(2.0, 0.095, SLOTS)
    return {"W01": office, "W00": office + plant}
