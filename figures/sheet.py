"""A sheet: the cells of a chart as series over periods. Chart, hover, table and CSV read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from math import floor, log10

from figures.cells import Cell, Key, total
from figures.focus import TINTS
from figures.number import Units, apportioned, shown_value, written
from figures.view import View
from figures.years import Estimate


@dataclass(frozen=True, slots=True)
class Series:
    """Cells over the periods under one name and colour (``family.member`` of the template).

    A line without a symbol has no marks on its periods.
    """

    name: str
    color: str
    cells: tuple[Cell | None, ...]
    dash: str = "solid"
    symbol: str = "circle"

    @property
    def part(self) -> str:
        """The part of a site that all of its cells are of; empty for none."""
        parts = {cell.part for cell in self.cells if cell is not None}
        return parts.pop() if len(parts) == 1 else ""


@dataclass(frozen=True)
class Group:
    """Series of one unit and axis.

    Parameters
    ----------
    title, unit
        What the axis shows; the ledger's unit.
    series
        Its parts, in their fixed order.
    whole
        Their total as the ledger has it, None where they make none.
    earlier
        What stands beside it for comparison, with its name.
    scope
        The name of the whole in hover and table.
    target
        What the total should come to, with its name; an input, no ledger row.
    counted
        Whether its numbers are counts, which have no decimals.
    estimates
        What the total of each period would be as a whole, where it is not: part of no total.
    sparse
        Whether its series reach over different periods: where one does not reach, nothing is
        missing.
    """

    title: str
    unit: str
    series: tuple[Series, ...]
    whole: tuple[Cell | None, ...] | None = None
    earlier: Series | None = None
    scope: str = ""
    target: Series | None = None
    estimates: tuple[Estimate | None, ...] = ()
    counted: bool = False
    sparse: bool = False

    def columns(self) -> list[Series]:
        """Return the series as a table's columns, the whole last."""
        if self.whole is None:
            return list(self.series)
        return [*self.series, Series(self.scope, "energy.total", self.whole)]

    @cached_property
    def largest(self) -> float:
        """The largest size of any of its numbers, in the ledger's unit."""
        columns = [*self.columns(), *([self.earlier] if self.earlier else [])]
        known = [
            abs(cell.value)
            for column in columns
            for cell in column.cells
            if cell is not None and cell.value is not None
        ]
        return max(known, default=0.0)

    def decimals(self, units: Units) -> int:
        """Return the decimals that every number of the group has."""
        if self.counted:
            return 0
        largest = self.largest * float(units.of(self.unit).scale)
        return 0 if largest >= 10000 else 1 if largest >= 100 else 2

    def words(self, at: int, units: Units) -> list[str]:
        """Return every column's number of a period in words; parts add up to the shown whole."""
        measure, decimals = units.of(self.unit), self.decimals(units)
        cells = [series.cells[at] for series in self.series]
        values = [None if cell is None else shown_value(cell, measure) for cell in cells]
        if self.whole is None:
            return [written(value, decimals) for value in values]
        cell = self.whole[at]
        whole = None if cell is None else shown_value(cell, measure)
        if whole is None:
            return [*(written(value, decimals) for value in values), written(None, decimals)]
        return [*apportioned(values, whole, decimals), written(whole, decimals)]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The groups of a panel over the same periods; of each period its quality and its notes.

    Where its rows are no periods, ``head`` says what they are and labels are words.
    """

    labels: tuple[str, ...]
    groups: tuple[Group, ...]
    quality: tuple[Cell | None, ...] = field(default=())
    head: str = ""
    notes: tuple[tuple[str, ...], ...] = ()

    def note(self, at: int) -> str:
        """Return what stands on a period, as one line."""
        return "; ".join(self.notes[at]) if self.notes else ""

    @property
    def noted(self) -> bool:
        """Tell whether anything stands on any of its periods."""
        return any(self.notes)

    def cells(self) -> Iterator[Cell]:
        """Yield every cell that has a row."""
        for group in self.groups:
            for series in group.columns():
                yield from (cell for cell in series.cells if cell is not None)

    @property
    def empty(self) -> bool:
        """Tell whether no number of it is known."""
        return all(cell.value is None for cell in self.cells())


def series(view: View, key: Key, name: str, color: str, **style: str) -> Series:
    """Return the series of a ledger name over the view's periods."""
    return Series(name, color, tuple(view.cells(key)), **style)


def parted(
    view: View, indicator: str, dimension: str, members: Sequence[tuple[str, ...]]
) -> tuple[Series, ...]:
    """Return the parts of a quantity, name, colour and entity each; further places are its style.

    Of a filtered page those that the filter leaves; where the ledger parts it no further, what is
    filtered is the only part.
    """
    kept = [row for row in members if view.reaches((indicator, dimension, row[2]))]
    if kept:
        return tuple(
            Series(view.t(name), tint, tuple(view.cells((indicator, dimension, entity))), *style)
            for name, tint, entity, *style in kept
        )
    cells = view.cells((indicator, "site", "site"))
    return (Series(view.focus_words, TINTS.get(view.focus[0], "energy.total"), tuple(cells)),)


def earlier(view: View, key: Key) -> Series | None:
    """Return what the reader compares with: the month before or the same period last year."""
    if view.compare == "none":
        return None
    back = 12 if view.compare == "year" else view.step
    name = view.t("上年同期") if view.compare == "year" else view.t("上期")
    cells = tuple(view.before(key, back))
    if not any(cell is not None and cell.value is not None for cell in cells):
        return None
    return Series(name, "energy.total", cells)


def summed(columns: Sequence[Series]) -> tuple[Cell | None, ...]:
    """Return the sums of series at each period; None where a part has no row."""
    found: list[Cell | None] = []
    for cells in zip(*(column.cells for column in columns), strict=True):
        parts = [cell for cell in cells if cell is not None]
        found.append(total(parts) if parts and len(parts) == len(cells) else None)
    return tuple(found)


NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Axis:
    """A value axis: its range, ticks and their words."""

    low: float
    high: float
    ticks: tuple[float, ...]
    words: tuple[str, ...]


def axis(values: Sequence[float], *, most: int = 4, zero: bool = True) -> Axis:
    """Return an axis of round steps around the values; bars start at zero."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    elif high - low < 1e-9 * abs(high):  # one value: it stands in the middle
        low, high = low - 0.05 * abs(low), high + 0.05 * abs(high)
    if high - low < NOTHING:
        high = low + 1.0
    size, span = (high, high - min(low, 0.0)) if zero else (high - low, high - low)
    step = _step((high - low) / most)
    first, last = floor(low / step + 1e-9), -floor(-high / step + 1e-9)
    roomy = not 0.03 * size <= last * step - high <= 0.12 * size
    top = high + 0.1 * span if roomy else last * step
    last = floor(top / step + 1e-9)
    bottom = first * step
    if low < 0.0 and bottom < low - 0.5 * step:  # a little below zero takes no whole step
        bottom = low - 0.05 * (high - low)
        first = -floor(-bottom / step + 1e-9)
    digits = 12 + max(0, -floor(log10(step)))  # of steps however small
    ticks = tuple(round(n * step, digits) for n in range(first, last + 1))
    decimals = max(0, -floor(log10(step) + 1e-9)) if step < 1 else 0
    decimals += 1 if step < 1 and round(step * 10.0**decimals, 6) % 1 else 0
    return Axis(bottom, top, ticks, tuple(_tick_words(tick, decimals) for tick in ticks))


def _step(rough: float) -> float:
    size = 10.0 ** floor(log10(rough))
    for nice in (1.0, 2.0, 2.5, 5.0, 10.0):
        if rough <= nice * size * 1.0000001:
            return nice * size
    return 10.0 * size


def _tick_words(tick: float, decimals: int) -> str:
    return written(Decimal(repr(tick)), decimals)
