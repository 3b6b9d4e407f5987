"""What each meter of the demonstration plant truly measures, quarter by quarter (assumed)."""

from __future__ import annotations

from datetime import date

import numpy as np

from data.demo.calendar import is_workday
from data.demo.draws import generator
from data.demo.episodes import size_on
from data.demo.fleet import electric_buses
from data.demo.meters import METERS
from data.demo.production import DayBook, shift_h
from data.demo.weather import SLOTS, Floats, pv_kwh, temperatures_c

PV_KWP = 600.0
PV_SINCE = date(2023, 6, 1)
RESIDUAL = 0.02
# Quantities lie on a grid far coarser than what arithmetic differs by between machines, so that
# the same arguments give the same bytes anywhere; the losses keep it, being 2 % of such a load.
GRID_DECIMALS = {"electricity": 3, "water": 5, "heat": 6}
LOSS_DECIMALS = 5


def _shift(hours: float, start_h: float = 8.0) -> Floats:
    """Return how much of each quarter lies in a run of hours."""
    edge = np.arange(SLOTS) / 4
    return np.clip((start_h + hours - edge) * 4, 0, 1) * np.clip((edge + 0.25 - start_h) * 4, 0, 1)


def _noise(seed: int, meter_id: str, day: date, spread: float) -> Floats:
    return generator(seed, meter_id, day).lognormal(0.0, spread, SLOTS)


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
    used = _process(seed, day, book, work=work)
    used |= _buildings(seed, day, work=work)
    used |= _chargers(seed, day, work=work)
    used |= _water(seed, day, work=work)
    decimals = {m.meter_id: GRID_DECIMALS[m.medium] for m in METERS}
    found = {meter: np.round(values, decimals[meter]) for meter, values in used.items()}
    top = [found[m.meter_id] for m in METERS if m.meter_id in found and not m.parent_id
           and m.medium == "electricity"]  # fmt: skip
    load = np.round(np.sum(top, axis=0) * (1 + RESIDUAL), LOSS_DECIMALS)
    age = max((day - PV_SINCE).days / 365.25, 0.0)
    working = 1.0 - size_on(seed, "inverter_outage", day)
    generation = np.round(pv_kwh(seed, day, PV_KWP, age) * working, GRID_DECIMALS["electricity"])
    found["E01"] = generation
    found["E02"] = np.round(np.maximum(generation - load, 0.0), LOSS_DECIMALS)
    found["E00"] = np.round(np.maximum(load - generation, 0.0), LOSS_DECIMALS)
    return found


def _process(seed: int, day: date, book: DayBook, *, work: bool) -> dict[str, Floats]:
    """Return the lines, cranes, environmental device and hall; they follow the day's lots."""
    pace = generator(seed, "pace", day).lognormal(0.0, 0.15, 3)
    longest = shift_h(day)
    hours = {
        "E10": min(book.mass_t("cable") / 0.45 * pace[0], longest),
        "E11": min(book.mass_t("conductor") / 2.3 * pace[1], longest),
    }
    rated = {"E10": 75.0, "E11": 90.0}
    found: dict[str, Floats] = {}
    present = _shift(longest if work else 0.0)
    for meter, run in hours.items():
        found[meter] = (0.05 * rated[meter] * present + 0.3 + 0.8 * rated[meter] * _shift(run)) / 4
    units = book.mass_t("transformer") / 1.05
    bench_h = min(units * 4.6 / 8 * pace[2], longest)
    for meter, benches in (("E12", 3), ("E13", 3), ("E14", 2)):
        found[meter] = (0.25 * benches + 22 * benches * 0.75 * _shift(bench_h)) / 4
    busy = sum(float(str(b["mass_in_t"])) for b in book.batches)
    for meter, share in (("E15", 0.4), ("E16", 0.35), ("E17", 0.25)):
        burst = generator(seed, meter, day, "burst").random(SLOTS) < 0.6
        found[meter] = (0.2 + 30 * 0.5 * burst * _shift(min(busy / 4, longest)) * share * 2.5) / 4
    run = max(*hours.values(), min(units * 0.6, longest))
    left_on = size_on(seed, "holiday_load", day) * _shift(12.0, 6.0)
    # The device starts ten minutes before the lines and stops twenty minutes after them.
    found["E18"] = (0.5 + np.maximum(49.5 * _shift(run + 0.5, 7.84) * (run > 0), left_on)) / 4
    found["E19"] = (0.2 + 40 * 0.8 * _shift(min(busy / 3.5, longest - 1.5), 9.0)) / 4
    found["E21"] = (0.8 + 18 * 0.7 * present) / 4
    hour = (np.arange(SLOTS) + 0.5) / 4
    found["E20"] = (0.6 + 7.0 * ((hour < 6.5) | (hour > 18.0))) / 4
    hot = np.clip((temperatures_c(seed, day) - 26.0) / 8.0, 0.0, 1.0)
    found["E22"] = (0.3 + 45 * hot * present) / 4
    return {meter: load * _noise(seed, meter, day, 0.06) for meter, load in found.items()}


def _buildings(seed: int, day: date, *, work: bool) -> dict[str, Floats]:
    """Return the office and the heat pump with its heat; they follow the weather."""
    outside = temperatures_c(seed, day)
    inside = _shift(10.0 if work else 0.0, 7.75)
    found = {
        "E31": (2.2 + 26 * inside) / 4 * _noise(seed, "E31", day, 0.08),
        "E32": 4.2 / 4 * _noise(seed, "E32", day, 0.02),
    }
    hot = np.clip((outside - 27.0) / 7.0, 0.0, 1.0)
    night = size_on(seed, "night_load", day) * (1 - inside)
    found["E33"] = (0.2 + 28 * hot * inside + night) / 4 * _noise(seed, "E33", day, 0.08)
    losses = 1.002 + 0.008 * generator(seed, "E30", day).random()
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
    for _ in range(electric_buses(day) if work else 0):
        _charge(found["E50"], int(draw.normal(17.5, 0.3) * 4), float(draw.normal(62.0, 6.0)), 14.0)
    return found


def _charge(load: Floats, start: int, energy_kwh: float, per_slot_kwh: float) -> None:
    slot = start
    while energy_kwh > 0 and slot < SLOTS:
        load[slot] += min(per_slot_kwh, energy_kwh)
        energy_kwh -= per_slot_kwh
        slot += 1


def _water(seed: int, day: date, *, work: bool) -> dict[str, Floats]:
    """Return the building's water and the main's; a leak lies outside the building."""
    draw = generator(seed, "water", day)
    inside = _shift(10.0 if work else 0.0, 7.5)
    office = 0.005 / 4 + inside * draw.gamma(2.0, 0.045, SLOTS) / 2
    leak = size_on(seed, "leak", day) / 4
    plant = 0.02 / 4 + leak + inside * draw.gamma(2.0, 0.095, SLOTS)
    return {"W01": office, "W00": office + plant}
