"""True consumption that ought to be found: a leak, an outage, loads left on (assumed).

An episode is drawn per kind and calendar year, so that a day's quantities do not depend on the
range that is generated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from data.demo.calendar import holidays
from data.demo.draws import generator


@dataclass(frozen=True)
class Kind:
    """What episodes of a kind have in common."""

    name: str
    meter_id: str
    days: tuple[int, int]
    size: tuple[float, float]
    note: str


@dataclass(frozen=True)
class Episode:
    """An episode: its days, both included, and its size in the kind's own unit."""

    kind: Kind
    first: date
    last: date
    size: float


KINDS = (
    Kind("leak", "W00", (9, 13), (0.28, 0.42), "size in m3/h, day and night"),
    Kind("inverter_outage", "E01", (7, 11), (0.85, 1.0), "size is the share of generation lost"),
    Kind("night_load", "E33", (6, 9), (7.0, 12.0), "size in kW, air conditioning left on"),
    Kind("holiday_load", "E18", (1, 9), (44.0, 52.0), "size in kW, runs on a holiday"),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def of_year(seed: int, name: str, year: int) -> Episode:
    """Return a year's episode of a kind."""
    kind = BY_NAME[name]
    draw = generator(seed, name, year)
    size = round(float(draw.uniform(*kind.size)), 2)
    if name == "holiday_load":
        known = [row for row in holidays(year) if row[2].startswith(("劳动节", "国庆节"))]
        first, last, _ = known[int(draw.integers(len(known)))]
        return Episode(kind, first, last, size)
    first = date(year, 1, 1) + timedelta(days=int(draw.integers(20, 300)))
    lasts = int(draw.integers(kind.days[0], kind.days[1] + 1))
    return Episode(kind, first, first + timedelta(days=lasts - 1), size)


def size_on(seed: int, name: str, day: date) -> float:
    """Return the size of a kind's episode on a day, 0 where none lasts."""
    found = of_year(seed, name, day.year)
    return found.size if found.first <= day <= found.last else 0.0


def within(seed: int, first: date, last: date) -> list[Episode]:
    """Return the episodes that touch a range, cut at its ends."""
    found = []
    for year in range(first.year, last.year + 1):
        for kind in KINDS:
            one = of_year(seed, kind.name, year)
            start, end = max(one.first, first), min(one.last, last)
            if start <= end:
                found.append(Episode(kind, start, end, one.size))
    return found
