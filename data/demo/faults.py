"""Faults of the demonstration plant's registers, each in a truth table with its drawn size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.demo.draws import generator
from data.demo.loads import Spec

Floats = NDArray[np.float64]
DAY = 96
COLUMNS = ("meter_id", "kind", "start", "end", "size", "expect", "note")


@dataclass
class Series:
    """A register's readings while faults are put into them; times count quarters."""

    spec: Spec
    times: NDArray[np.datetime64]
    shown: Floats
    keep: NDArray[np.bool_]
    late: NDArray[np.bool_]
    repeat: NDArray[np.bool_]
    truth: list[dict[str, object]] = field(default_factory=list)
    changes: list[dict[str, object]] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The index of the newest reading."""
        return len(self.shown) - 1

    def note(self, kind: str, first: int, last: int, size: float, expect: str, note: str) -> None:
        """Write a fault into the truth table."""
        self.truth.append({
            "meter_id": self.spec.meter_id, "kind": kind, "start": _text(self.times[first]),
            "end": _text(self.times[last]), "size": round(float(size), 3), "expect": expect,
            "note": note,
        })  # fmt: skip


def _text(moment: np.datetime64) -> str:
    return str(pd.Timestamp(moment).strftime("%Y-%m-%d %H:%M"))


Fault = Callable[[Series, np.random.Generator], None]


def _place(series: Series, draw: np.random.Generator, length: int) -> int:
    """Draw where a fault begins: past the first day, a month before the newest reading."""
    latest = max(series.last - 30 * DAY - length, DAY + 1)
    return int(draw.integers(DAY, latest)) if latest > DAY else 0


def gap(series: Series, draw: np.random.Generator) -> None:
    """Lose the readings of two hours to nine days."""
    length = int(draw.choice([8, 20, 60, 200, 864]))
    first = _place(series, draw, length)
    if first:
        series.keep[first : first + length] = False
        short = length + 1 <= 12
        series.note(
            "gap", first, first + length, length / 4, "" if short else "gap", "readings lost"
        )


def recent_gap(series: Series, draw: np.random.Generator) -> None:
    """Lose a few hours in the last days."""
    length = int(draw.integers(14, 30))
    first = series.last - int(draw.integers(5, 10)) * DAY + 40
    if first > DAY:
        series.keep[first : first + length] = False
        series.note("gap", first, first + length, length / 4, "gap", "readings lost")


def silence(series: Series, draw: np.random.Generator) -> None:
    """Fall silent for 21 days and catch up."""
    first = _place(series, draw, 21 * DAY)
    if first:
        series.keep[first : first + 21 * DAY] = False
        series.note("silence_catchup", first, first + 21 * DAY, 504, "gap", "register catches up")


def spike(series: Series, draw: np.random.Generator) -> None:
    """Show 2^12 too much in one reading."""
    at = _place(series, draw, 4)
    if at and series.shown[at] + 4096 < series.spec.register_max:
        series.shown[at] += 4096.0
        series.note("spike", at, at, 4096, "spike", "bit error, returns")


def frozen(series: Series, draw: np.random.Generator) -> None:
    """Show the same value for three days, then catch up."""
    first = _place(series, draw, 3 * DAY)
    if first:
        size = series.shown[first + 3 * DAY] - series.shown[first]
        series.shown[first : first + 3 * DAY] = series.shown[first]
        series.note("frozen", first, first + 3 * DAY, size, "jump", "catches up in one step")


def jitter(series: Series, draw: np.random.Generator) -> None:
    """Step back by one to eight of the last digit, a dozen times."""
    for _ in range(12):
        at = _place(series, draw, 4)
        back = 0.01 * float(draw.integers(1, 9))
        if at and series.shown[at - 1] - back > 0 and series.shown[at] >= series.shown[at - 1]:
            series.shown[at] = round(series.shown[at - 1] - back, 2)
            series.note("jitter", at, at, back, "", "small step back")


def duplicates(series: Series, draw: np.random.Generator) -> None:
    """Deliver a stretch of readings twice."""
    first = _place(series, draw, 40)
    if first:
        length = int(draw.integers(10, 40))
        series.repeat[first : first + length] = True
        series.note("duplicate", first, first + length, length, "", "same rows twice")


def late(series: Series, draw: np.random.Generator) -> None:
    """Deliver one day four days late."""
    first = _place(series, draw, DAY) // DAY * DAY
    if first:
        series.late[first : first + DAY] = True
        series.note("late_delivery", first, first + DAY, 4, "", "arrives in a later file")


def unit_slip(series: Series, draw: np.random.Generator) -> None:
    """Show Wh instead of kWh for a few readings: a thousand times too much, then back."""
    first, length = _place(series, draw, 20), int(draw.integers(4, 12))
    if first:
        series.shown[first : first + length] *= 1000.0
        series.note("unit_slip", first, first + length - 1, 1000, "spike", "Wh shown as kWh")


def change(series: Series, draw: np.random.Generator) -> None:
    """Replace the meter: end and start are recorded."""
    at = _place(series, draw, 4)
    if at:
        old_end = series.shown[at]
        start = round(float(draw.uniform(0, 50)), 2)
        series.shown[at + 1 :] = np.round(series.shown[at + 1 :] - old_end + start, 2)
        moment = series.times[at] + np.timedelta64(7, "m")
        series.changes.append({
            "meter_id": series.spec.meter_id, "timestamp": _text(moment),
            "old_end": round(float(old_end), 2), "new_start": start, "new_multiplier": "",
        })  # fmt: skip
        series.note("meter_change", at, at + 1, start, "meter_change", "replaced meter")


def slow_clock(series: Series, draw: np.random.Generator) -> None:
    """Stamp every reading eight minutes late, from a day on."""
    first = _place(series, draw, DAY) // DAY * DAY + 1
    if first > 1:
        series.times[first:-1] += np.timedelta64(8, "m")
        series.note("clock_slow", first, series.last, 8, "", "stamps eight minutes off")


PLACES: dict[str, tuple[Fault, ...]] = {
    "E10": (gap, jitter),
    "E11": (spike, gap),
    "E12": (frozen,),
    "E13": (duplicates, recent_gap),
    "E14": (change,),
    "E15": (gap, spike),
    "E18": (late, gap),
    "E19": (jitter, gap),
    "E21": (silence,),
    "E31": (gap, late),
    "E32": (slow_clock,),
    "E33": (spike,),
    "E50": (gap, duplicates),
    "E52": (unit_slip,),
    "W00": (gap, late),
    "W01": (jitter, gap),
}
NEAR_ROLLOVER = ("E01", "E11", "E30")


def disturbed(series: Series, seed: int) -> Series:
    """Put a meter's faults into its readings."""
    for place, fault in enumerate(PLACES.get(series.spec.meter_id, ())):
        fault(series, generator(seed, "fault", series.spec.meter_id, place))
    return series
