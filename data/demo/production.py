"""Lots, outputs, jobs, trips and fuel of the demonstration plant, day by day (assumed)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np

from data.demo.calendar import is_workday
from data.demo.draws import generator

RECIPES = {
    "conductor": {"aluminium": 0.72, "steel": 0.26, "plastic_pe": 0.02},
    "cable": {"copper": 0.48, "aluminium": 0.12, "plastic_pvc": 0.14, "plastic_xlpe": 0.12,
              "plastic_pe": 0.06, "steel": 0.08},
    "transformer": {"silicon_steel": 0.38, "steel": 0.24, "transformer_oil": 0.20,
                    "copper": 0.10, "aluminium": 0.04, "residue": 0.04},
}  # fmt: skip
SPECS = {
    "conductor": ("JL/G1A-630/45", "JL/G1A-400/35", "JL/G1A-240/30"),
    "cable": ("YJV22-8.7/15-3x300", "YJV-0.6/1-4x120"),
    "transformer": ("S9-400/10", "S11-200/10", "S13-M.RL-200/10"),
}
T_PER_KM = {"JL/G1A-630/45": 2.0792, "JL/G1A-400/35": 1.3475, "JL/G1A-240/30": 0.9222,
            "YJV22-8.7/15-3x300": 15.9, "YJV-0.6/1-4x120": 5.1}  # fmt: skip
UNIT_T = 1.05
SHIFT_START_H = 8.0
ONE_SHIFT_H, TWO_SHIFTS_H = 9.5, 14.5
PEAK_MONTHS = (4, 5, 9, 10)
OWN_TRIP_MONTHS = (2, 6, 10)
# Without truck rows the litres of own trips are the trucks' diesel (R13).
NO_TRUCK_ROWS = (6,)


@dataclass
class DayBook:
    """What happened on one day."""

    batches: list[dict[str, object]] = field(default_factory=list)
    outputs: list[dict[str, object]] = field(default_factory=list)
    jobs: list[dict[str, object]] = field(default_factory=list)
    trips: list[dict[str, object]] = field(default_factory=list)
    fuel: list[dict[str, object]] = field(default_factory=list)

    def mass_t(self, line: str) -> float:
        """Return the day's mass of a line, t."""
        return sum(float(str(b["mass_in_t"])) for b in self.batches if b["line"] == line)


def ramp(day: date) -> float:
    """Return the share of phase-1 capacity that is used: it grows year by year."""
    return {2023: 0.55, 2024: 0.60, 2025: 0.80}.get(day.year, 0.95)


def shift_h(day: date) -> float:
    """Return how long the lines may run on a day: peak months have a second shift."""
    return TWO_SHIFTS_H if day.month in PEAK_MONTHS else ONE_SHIFT_H


def day_book(seed: int, site: str, day: date) -> DayBook:
    """Return a day's production; nothing on days off."""
    book = DayBook()
    if not is_workday(day):
        return book
    draw = generator(seed, "production", day)
    share = ramp(day)
    conductor = 1.24 if day.month in PEAK_MONTHS else 0.85
    for line, low, high, mean in (
        ("conductor", 12.0, 30.0, conductor * share),
        ("cable", 2.0, 8.0, 0.245 * share),
        ("transformer", 6, 25, 0.80 * share),
    ):
        for place in range(_lots(seed, line, day, mean)):
            _lot(book, draw, seed, site, day, line, low, high, place)
    _jobs(book, draw, site, day)
    _fuel(book, draw, site, day)
    return book


def _lots(seed: int, line: str, day: date, mean: float) -> int:
    """Return how many lots a workday gets; a month's lots are shuffled over its workdays.

    Shuffled shares keep a month near its plan, which independent draws of each day would not.
    """
    first = day.replace(day=1)
    month = [first + timedelta(days=n) for n in range(31)]
    worked = [one for one in month if one.month == day.month and is_workday(one)]
    order = generator(seed, "arrivals", line, first).permutation(len(worked))
    return int(mean + (order[worked.index(day)] + 0.5) / len(worked))


def _lot(
    book: DayBook,
    draw: np.random.Generator,
    seed: int,
    site: str,
    day: date,
    line: str,
    low: float,
    high: float,
    place: int,
) -> None:
    """Weigh a lot in and write what came out of it: recipe, noise, and a loss of 0.5-1.5 %."""
    ident = f"D{day:%Y%m%d}-{line[:2].upper()}{place + 1}"
    spec = SPECS[line][int(draw.integers(len(SPECS[line])))]
    units: object = ""
    if line == "transformer":
        units = int(draw.integers(int(low), int(high) + 1))
        mass = units * UNIT_T * draw.normal(1.0, 0.06)
    else:
        mass = draw.uniform(low, high)
    mass = round(float(mass), 3)
    noise = generator(seed, "recipe", ident)
    recipe = RECIPES[line]
    parts = noise.dirichlet([400 * share for share in recipe.values()])
    loss = noise.uniform(0.005, 0.015)
    masses = {m: round(float(p) * mass * (1 - loss), 3) for m, p in zip(recipe, parts, strict=True)}
    residue = masses.pop("residue", 0.0) + round(mass * loss * float(noise.uniform(0.2, 0.8)), 3)
    length = round(mass / T_PER_KM[spec], 3) if spec in T_PER_KM and draw.random() < 0.7 else ""
    book.batches.append({
        "batch_id": ident, "site": site, "date": day.isoformat(), "line": line, "spec": spec,
        "mass_in_t": mass, "units": units, "length_km": length, "residue_t": round(residue, 3),
    })  # fmt: skip
    for material, part in masses.items():
        fate = ""
        if material == "transformer_oil":
            fate = "burnt" if noise.random() < 0.03 else "rerefined"
        elif material == "silicon_steel" and noise.random() < 0.05:
            fate = "reused"
        book.outputs.append(
            {"batch_id": ident, "material": material, "mass_t": part, "fate": fate or "sold"}
        )
    _trips(book, draw, site, day, line, ident, mass)


def _trips(
    book: DayBook,
    draw: np.random.Generator,
    site: str,
    day: date,
    line: str,
    ident: str,
    mass: float,
) -> None:
    """Write a lot's trips: in some months the plant's own van collects and its litres are known."""
    own = day.month in OWN_TRIP_MONTHS and draw.random() < 0.5
    legs = (
        ("collection", draw.uniform(5, 25), "TRN_LDV_2T"),
        ("transport", draw.uniform(60, 220), "TRN_HDV_18T"),
        ("outbound", draw.uniform(40, 260), "TRN_HDV_18T"),
    )
    for leg, km, vehicle in legs:
        litres: object = ""
        if own and leg == "collection":
            litres = round(km * 2 * 0.18, 1)
        book.trips.append({
            "trip_id": f"{ident}-{leg[:3]}", "site": site, "date": day.isoformat(), "line": line,
            "leg": leg, "tonnes": round(mass, 3), "km": round(float(km), 1),
            "vehicle_class": vehicle, "own": int(litres != ""), "litres": litres,
        })  # fmt: skip


def _moment(day: date, hour: float) -> str:
    moment = datetime(day.year, day.month, day.day) + timedelta(minutes=round(hour * 60))
    return moment.strftime("%Y-%m-%d %H:%M")


def _jobs(book: DayBook, draw: np.random.Generator, site: str, day: date) -> None:
    """Write the job log: cranes every other month, the environmental device one in three."""
    for batch in book.batches:
        line, mass = str(batch["line"]), float(str(batch["mass_in_t"]))
        start = SHIFT_START_H + draw.uniform(0.2, 1.0)
        hours = draw.uniform(1.0, 6.0)
        ident = f"{batch['batch_id']}"
        for equipment, wanted in (
            ("crane", day.month % 2 == 1),
            ("environmental", day.month % 3 == 0),
            ("forklift", day.month in (4, 8)),
        ):
            if wanted:
                book.jobs.append({
                    "job_id": f"{ident}-{equipment[:3]}", "site": site, "equipment": equipment,
                    "start": _moment(day, start), "end": _moment(day, start + hours),
                    "line": line, "lifted_t": round(mass * 2, 3) if equipment == "crane" else "",
                })  # fmt: skip


def _fuel(book: DayBook, draw: np.random.Generator, site: str, day: date) -> None:
    """Write forklift, stacker and truck litres; one month has only the tank's book."""
    if tank_only(day):
        return
    ident = f"F{day:%Y%m%d}"
    at = _moment(day, 17.5)
    litres = 4.6 * draw.normal(3.2, 0.3) * draw.normal(5.0, 0.6) * (0.75 + 0.35 * ramp(day))
    rows = [("forklift", "", litres), ("stacker", "", draw.uniform(8, 16))]
    if day.weekday() == 2:
        rows.append(("forklift", "conductor", draw.uniform(10, 20)))
    if day.weekday() == 4 and day.month not in NO_TRUCK_ROWS:
        rows.append(("truck", "", draw.uniform(25, 45)))
    for place, (consumer, line, amount) in enumerate(rows):
        book.fuel.append({
            "fuel_id": f"{ident}-{place}", "site": site, "timestamp": at,
            "litres": round(max(float(amount), 1.0), 1), "kind": "use", "consumer": consumer,
            "line": line, "product": "diesel",
        })  # fmt: skip


def tank_only(day: date) -> bool:
    """Tell whether the fuel log of a month is lost and only the tank's book is left."""
    return day.month == 9 and day.year % 2 == 1
