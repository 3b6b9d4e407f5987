"""The last forecast of steps that are known by now, against what came (5.2 k, 5.7 c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from figures import cards
from figures.cells import Cell, change
from figures.drawer import drawer_table
from figures.forecast import Point
from figures.html import Content, Node, el, icon
from figures.number import MINUS, Units, exact, figure_button, kpi_decimals, shown_value, written
from figures.view import View
from translations import text

SHOWN = 12
_INSIDE = {True: "在区间内", False: "在区间外", None: "没有区间"}


@dataclass(frozen=True, slots=True)
class Came:
    """A forecast whose step is known by now, and what came."""

    point: Point
    actual: Cell

    @property
    def error(self) -> Cell:
        """How far what came is from the median, in percent of the median."""
        return change(self.actual, self.point.cell())

    @property
    def inside(self) -> bool | None:
        """Whether it came within the 80 % interval; None where there was none."""
        low, high, value = self.point.bands["lo80"], self.point.bands["hi80"], self.actual.value
        return None if low is None or high is None or value is None else low <= value <= high


def met(points: Sequence[Point], actual: Callable[[str], Cell | None]) -> tuple[Came, ...]:
    """Return the forecasts of which it is known what came, the oldest first.

    A step of which only a part is known is held against nothing.
    """
    pairs = [(point, actual(point.target)) for point in points]
    return tuple(
        Came(point, cell) for point, cell in pairs
        if cell is not None and cell.value is not None and cell.quality != "incomplete"
        and "month_to_date" not in cell.flags
    )  # fmt: skip


def words(view: View, found: Sequence[Came]) -> str:
    """Return how the last forecast of a month that is known by now was wrong."""
    if not found:
        return view.t("上次预测对实际：尚无已到期的预测")
    last = found[-1]
    error = cards.change_words(view, last.error, cards.NEUTRAL)[0]
    return view.t(
        "上次预测对实际：{month} 减排量偏差 {error}，{count} 个月中 {inside} 个落在 80% 区间内",
        month=last.point.target, error=error, count=len(found),
        inside=inside_of(found),
    )  # fmt: skip


def inside_of(found: Sequence[Came]) -> int:
    """Return how many came within their interval."""
    return sum(one.inside is True for one in found)


def table(found: Sequence[Came], units: Units, language: str) -> Node:
    """Return the newest steps as rows: forecast, its interval, what came, how far off."""

    def said(cell: Cell) -> Content:
        shown = shown_value(cell, units.of(cell.unit))
        return figure_button(cell, written(shown, kpi_decimals(shown)), language)

    rows: list[list[Content]] = [
        [one.point.target, said(one.point.cell()),
         _interval(one, said), said(one.actual), _error_words(one),
         text(_INSIDE[one.inside], language)]
        for one in reversed(found[-SHOWN:])
    ]  # fmt: skip
    unit = units.of(found[0].actual.unit).word
    head = [
        (text("期间", language), ""), (f"{text('预测中值', language)} {unit}", "num"),
        (text("{level}% 区间", language, level="80"), "num"),
        (f"{text('实际', language)} {unit}", "num"), (text("偏差", language), "num"), ("", "num"),
    ]  # fmt: skip
    return el("Div", drawer_table(head, rows), cls="one-line")


def _interval(one: Came, said: Callable[[Cell], Content]) -> Content:
    if one.inside is None:
        return "--"
    return [said(one.point.cell("lo80")), " ～ ", said(one.point.cell("hi80"))]


def _error_words(one: Came) -> str:
    value = one.error.value
    if value is None:
        return "--"
    said = written(exact(value), 1)
    return f"{said}%" if said.startswith(MINUS) else f"+{said}%"


def fold(view: View, found: Sequence[Came]) -> Node | None:
    """Return the table under a chart, folded; nothing before anything came."""
    if not found:
        return None
    return el(
        "Details",
        el("Summary", icon("chevron-right"), view.t("上次预测对实际")),
        el("Div", table(found, view.units, view.language), cls="fold-table", tabIndex="0",
           data_scroll="x", role="region", aria_label=view.t("上次预测对实际")),
        cls="fold",
    )  # fmt: skip
