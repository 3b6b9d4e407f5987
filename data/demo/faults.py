"""Faults of the demonstration plant's registers, each in a truth table with its drawn size.

Values are whole hundredths of a register's unit; places count quarters of an hour from the first
reading. Faults of one meter lie a day apart from each other, from its rollovers and from its
episodes of true consumption, so that each can be told from the data alone. `expect` is what the
rules R5 and R6 make of the meter's intervals, empty where they show nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.demo.draws import generator
from data.demo.meters import Spec

Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]
DAY = 96
HOUR = 4
QUIET_DAYS = 31
BIT_ERROR = 4096
LONGEST_ESTIMATED_H = 3
COLUMNS = ("meter_id", "kind", "start", "end", "size", "expect", "note")


@dataclass
class Series:
    """A register's readings while faults are put into them."""

    spec: Spec
    times: NDArray[np.datetime64]
    shown: Whole
    keep: Mask
    taken: Mask
    repeat: Mask
    late_days: Whole
    truth: list[dict[str, object]] = field(default_factory=list)
    changes: list[dict[str, object]] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The place of the newest reading."""
        return len(self.shown) - 1

    @property
    def limit(self) -> float:
        """The highest growth of a step that R5 takes as it stands, hundredths."""
        return 1.2 * self.spec.rated_max_per_hour / HOUR / self.spec.multiplier * 100

    def note(self, kind: str, first: int, last: int, size: float, expect: str, note: str) -> None:
        """Write a fault into the truth table and keep others away from it."""
        self.taken[first : last + 1] = True
        self.truth.append({
            "meter_id": self.spec.meter_id, "kind": kind, "start": minute(self.times[first]),
            "end": minute(self.times[last]), "size": round(float(size), 3), "expect": expect,
            "note": note,
        })  # fmt: skip


def minute(moment: np.datetime64 | datetime) -> str:
    """Return a time as import files carry it."""
    return str(pd.Timestamp(moment).strftime("%Y-%m-%d %H:%M"))


Fault = Callable[[Series, np.random.Generator], None]


def _place(
    series: Series, draw: np.random.Generator, length: int, fits: Mask | None = None
) -> int | None:
    """Draw where a fault begins: alone, past the first day, before the newest month.

    None where nothing is free.
    """
    starts = np.arange(DAY + 1, series.last - QUIET_DAYS * DAY - length)
    if not len(starts):
        return None
    busy = np.concatenate([[0], np.cumsum(series.taken)])
    free = busy[starts + length + DAY] == busy[starts - DAY]
    if fits is not None:
        free &= fits[starts]
    choices = starts[free]
    return int(choices[draw.integers(len(choices))]) if len(choices) else None


def _midnights(series: Series) -> Mask:
    return np.equal(np.arange(len(series.shown)) % DAY, 0)


def _lose(series: Series, kind: str, first: int, steps: int, note: str) -> None:
    """Lose the readings inside a gap of so many steps that begins before ``first``."""
    series.keep[first : first + steps - 1] = False
    hours = steps / HOUR
    expect = "gap" if hours > LONGEST_ESTIMATED_H else ""
    series.note(kind, first, first + steps - 1, hours, expect, note)


def gap(series: Series, draw: np.random.Generator) -> None:
    """Lose the readings of two hours to two and a half days."""
    steps = int(HOUR * np.exp(draw.uniform(np.log(2), np.log(60))))
    first = _place(series, draw, steps)
    if first is not None:
        _lose(series, "gap", first, steps, "readings lost; size in hours")


def long_gap(series: Series, draw: np.random.Generator) -> None:
    """Lose the readings of three to nine days."""
    steps = int(draw.integers(3 * DAY, 9 * DAY + 1))
    first = _place(series, draw, steps)
    if first is not None:
        _lose(series, "long_gap", first, steps, "readings lost; size in hours")


def recent_gap(series: Series, draw: np.random.Generator) -> None:
    """Lose a few hours in the last days."""
    steps = int(draw.integers(14, 30))
    first = series.last - int(draw.integers(5, 10)) * DAY + int(draw.integers(20, 60))
    if first > DAY:
        _lose(series, "gap", first, steps, "readings lost; size in hours")


def silence(series: Series, draw: np.random.Generator) -> None:
    """Fall silent for 21 days and catch up."""
    first = _place(series, draw, 21 * DAY)
    if first is not None:
        _lose(series, "silence_catchup", first, 21 * DAY, "register catches up; size in hours")


def spike(series: Series, draw: np.random.Generator) -> None:
    """Show 2^12 too much in one reading."""
    highest = int(series.spec.register_max - BIT_ERROR) * 100
    at = _place(series, draw, 1, series.shown < highest)
    if at is not None:
        series.shown[at] += BIT_ERROR * 100
        series.note("spike", at, at, BIT_ERROR, "spike", "one bit too much, returns")


def frozen(series: Series, draw: np.random.Generator) -> None:
    """Show the same value for three days, then catch up by more than the meter can take."""
    length = 3 * DAY
    growth = np.zeros(len(series.shown))
    growth[:-length] = series.shown[length:] - series.shown[:-length]
    first = _place(series, draw, length, growth > 1.5 * series.limit)
    if first is not None:
        series.shown[first + 1 : first + length] = series.shown[first]
        note = "catches up in one step; size in register units"
        series.note("frozen", first, first + length, growth[first] / 100, "jump", note)


def jitter(series: Series, draw: np.random.Generator) -> None:
    """Step back by one to eight of the last digit, several times, where hardly anything runs.

    Under load the growth of two steps would fall into one and R5 would call it a jump.
    """
    steady = np.zeros(len(series.shown), bool)
    both = series.shown[2:] - series.shown[:-2]
    steady[1:-1] = (both >= 0) & (both < series.limit / 2) & (series.shown[:-2] > 10)
    steady[1:] &= np.diff(series.shown) >= 0
    for _ in range(int(draw.integers(6, 15))):
        at = _place(series, draw, 1, steady)
        back = int(draw.integers(1, 9))
        if at is not None:
            series.shown[at] = series.shown[at - 1] - back
            series.note("jitter", at, at, back / 100, "", "small step back, counts as no growth")


def duplicates(series: Series, draw: np.random.Generator) -> None:
    """Deliver a stretch of readings twice."""
    length = int(draw.integers(10, 40))
    first = _place(series, draw, length)
    if first is not None:
        series.repeat[first : first + length] = True
        series.note("duplicate", first, first + length, length, "", "same rows twice; size in rows")


def late(series: Series, draw: np.random.Generator) -> None:
    """Deliver one day's readings days later."""
    first = _place(series, draw, DAY, _midnights(series))
    if first is not None:
        days = int(draw.integers(2, 7))
        series.late_days[first + 1 : first + DAY + 1] = days
        note = "one day arrives in a later file; size in days"
        series.note("late_delivery", first + 1, first + DAY, days, "", note)


def unit_slip(series: Series, draw: np.random.Generator) -> None:
    """Show Wh instead of kWh for a day: a thousand times too much, then back within 24 h."""
    first = _place(series, draw, DAY, _midnights(series))
    if first is not None:
        series.shown[first + 1 : first + DAY] *= 1000
        note = "Wh shown as kWh; each reading is a spike that returned, the day is a gap of 24 h"
        series.note("unit_slip", first + 1, first + DAY - 1, 1000, "spike", note)


def change(series: Series, draw: np.random.Generator) -> None:
    """Replace the meter seven minutes after a reading: end and start are recorded."""
    at = _place(series, draw, 1)
    if at is not None:
        old_end = int(series.shown[at] + (series.shown[at + 1] - series.shown[at]) * 7 // 15)
        start = int(draw.integers(0, 5000))
        series.shown[at + 1 :] += start - old_end
        moment = series.times[at] + np.timedelta64(7, "m")
        series.changes.append({
            "meter_id": series.spec.meter_id, "timestamp": minute(moment),
            "old_end": f"{old_end / 100:.2f}", "new_start": f"{start / 100:.2f}",
            "new_multiplier": "",
        })  # fmt: skip
        note = "replaced meter; size is the new one's start"
        series.note("meter_change", at, at + 1, start / 100, "meter_change", note)


def slow_clock(series: Series, draw: np.random.Generator) -> None:
    """Stamp every reading eight minutes early, from a day on."""
    first = _place(series, draw, DAY, _midnights(series))
    if first is not None:
        series.times[first + 1 :] -= np.timedelta64(8, "m")
        note = "stamps are eight minutes early; size in minutes"
        series.note("clock_slow", first + 1, series.last, 8, "", note)


# The longest come first: what is long finds a place only while much is free.
PLACES: dict[str, tuple[Fault, ...]] = {
    "E10": (gap, jitter),
    "E11": (gap, spike),
    "E12": (frozen,),
    "E13": (recent_gap, duplicates),
    "E14": (gap, change),
    "E15": (long_gap, spike),
    "E18": (late, gap),
    "E19": (gap, jitter),
    "E21": (silence,),
    "E31": (long_gap, late),
    "E32": (slow_clock,),
    "E33": (spike,),
    "E50": (gap, duplicates),
    "E52": (unit_slip,),
    "W00": (gap, late),
    "W01": (gap, jitter),
}


def disturbed(series: Series, seed: int) -> Series:
    """Put a meter's faults into its readings."""
    for place, fault in enumerate(PLACES.get(series.spec.meter_id, ())):
        fault(series, generator(seed, "fault", series.spec.meter_id, place))
    return series
