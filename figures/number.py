"""The one place where a number becomes words: cards, hovers, tables, CSV and drawers use it.

Rounding is half to even (GB/T 8170); money rounds half up (accounting.md §15).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

from figures.cells import Cell
from figures.html import el
from translations import text

MINUS = "\u2212"
NONE = "--"
MANY = 40


@dataclass(frozen=True, slots=True)
class Measure:
    """How a ledger unit is shown: its word and what the ledger's value is multiplied by."""

    word: str
    scale: Decimal


@dataclass(frozen=True, slots=True)
class Units:
    """The units a reader chose: mass t or kg, energy MWh, kWh or tce."""

    mass: str = "t"
    energy: str = "MWh"
    money: str = "万元"  # in the reader's language; sums of money are shown in ten thousands

    def of(self, unit: str) -> Measure:
        """Return how quantities of a ledger unit are shown."""
        if unit in _PER_AREA:
            return Measure(unit.replace("m2", "m²").replace("CO2e", "CO₂e"), Decimal(1))
        if unit in ("kgCO2e", "kgce") and self.mass == "t":
            return Measure({"kgCO2e": "tCO₂e", "kgce": "tce"}[unit], Decimal("0.001"))
        if unit == "kWh" and self.energy == "MWh":
            return Measure("MWh", Decimal("0.001"))
        if unit == "CNY":
            return Measure(self.money, Decimal("0.0001"))
        if unit == "m3":
            return Measure("m³", Decimal(1))
        return Measure(_MONEY.get(unit) or unit.replace("CO2e", "CO₂e"), Decimal(1))


_MONEY = {"CNY/t": "¥/t"}
_PER_AREA = ("kgce/m2", "kgCO2e/m2")


def exact(value: float) -> Decimal:
    """Return a value as the decimal that it prints as."""
    return Decimal(repr(value))


def shown_value(cell: Cell, measure: Measure) -> Decimal | None:
    """Return a cell's value in the unit it is shown in."""
    return None if cell.value is None else exact(cell.value) * measure.scale


def kpi_decimals(value: Decimal | None) -> int:
    """Return the decimals of a card's value: none from 1,000 up, one from 10 up, else two."""
    size = abs(value) if value is not None else Decimal(0)
    return 0 if size >= 1000 else 1 if size >= 10 else 2


def written(value: Decimal | None, decimals: int, *, money: bool = False) -> str:
    """Return a number in words: thousands by commas, a true minus, -- where not known."""
    if value is None:
        return NONE
    rounding = ROUND_HALF_UP if money else ROUND_HALF_EVEN
    rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding)
    words = f"{abs(rounded):,.{decimals}f}"
    return MINUS + words if rounded < 0 else words


def share_words(pct: float | None, decimals: int = 1) -> str:
    """Return how much of a whole is there, %, rounded down: what lacks anything is never 100.

    What is off by a rounding of the computer alone, under 1e-9, is not rounded down by it.
    """
    if pct is None:
        return NONE
    step = Decimal(1).scaleb(-decimals)
    return written(exact(round(pct, 9)).quantize(step, ROUND_FLOOR), decimals)


def apportioned(values: Sequence[Decimal | None], whole: Decimal, decimals: int) -> list[str]:
    """Return the words of parts so that they add up to the shown whole (largest remainder).

    Parts that are not known are written ``--`` and take nothing; where the known parts do not
    make the whole, each is rounded by itself.
    """
    step = Decimal(1).scaleb(-decimals)
    target = whole.quantize(step, ROUND_HALF_EVEN)
    known = [value for value in values if value is not None]
    if not known or abs(sum(known) - whole) > step / 1000:
        return [written(value, decimals) for value in values]
    floors = [value.quantize(step, ROUND_FLOOR) for value in known]
    left = int((target - sum(floors)) / step)
    order = sorted(range(len(known)), key=lambda at: known[at] - floors[at], reverse=True)
    for at in order[:left]:
        floors[at] += step
    rounded = iter(floors)
    return [NONE if value is None else written(next(rounded), decimals) for value in values]


def attributes(cell: Cell) -> dict[str, Any]:
    """Return the attributes by which a shown number is opened and checked (CONTRACT §5)."""
    if not cell.ids and not cell.forecast:
        return {}
    found: dict[str, Any] = {"data_value": "" if cell.value is None else repr(cell.value)}
    if cell.forecast:
        return found | {"data_forecast": cell.forecast, "data_band": cell.band}
    if cell.part:
        found["data_part"] = cell.part
    if not cell.rule and not cell.view:
        return found | {"data_figure": cell.ids[0]}
    many = len(cell.ids) > MANY and cell.query
    parts = cell.query if many else " ".join(cell.ids)
    found |= {"data_figures": parts, "data_rule": cell.rule, "data_unit": cell.unit}
    if cell.view:
        found |= {"data_rule": "view", "data_view": cell.view, "data_made": cell.rule}
    return found | ({"data_note": cell.note} if cell.note else {})


def figure_button(cell: Cell, words: str, language: str, cls: str = "") -> dict[str, Any]:
    """Return a number that opens its trace; one that is not known says so and opens nothing."""
    if not cell.ids and not cell.forecast:
        return el("Span", words, cls=f"num {cls}".strip())
    title = "查看预测依据" if cell.forecast else "查看核算依据"
    return el(
        "Button", words, cls=f"num fig {cls}".strip(), type="button",
        title=text(title, language), **attributes(cell),
    )  # fmt: skip


def percent_button(cell: Cell, language: str, cls: str = "") -> dict[str, Any]:
    """Return a percentage that opens its trace, to one decimal; -- where it is not known."""
    words = NONE if cell.value is None else f"{written(exact(cell.value), 1)}%"
    return figure_button(cell, words, language, cls)


def badge(cell: Cell | None, language: str) -> dict[str, Any]:
    """Return the quality of a number as icon, word and share; it is part of the number."""
    name, mark, words = badge_words(cell, language)
    return el("Span", el("Span", cls=f"icon icon-{mark}", aria_hidden="true"),
              el("Span", words, cls="badge-words"), cls=f"badge badge-{name}",
              title=words)  # fmt: skip


def badge_words(cell: Cell | None, language: str) -> tuple[str, str, str]:
    """Return kind, icon and words of a number's quality."""
    if cell is None or cell.value is None:
        return "warn", "triangle-alert", text("缺数", language)
    if cell.quality == "published":
        return "info", "file-text", text("公开数据", language)
    if cell.forecast or cell.quality == "scenario":
        word = "情景" if cell.quality == "scenario" else "预测"
        return "info", "trending-up", text(word, language)
    if cell.quality == "incomplete" and "month_to_date" not in cell.flags:
        return "warn", "triangle-alert", text("不完整", language)
    if (cell.estimated_pct or 0) >= 5:
        share = written(exact(cell.estimated_pct or 0), 0)
        return "warn", "triangle-alert", text("估算 {share}%", language, share=share)
    if cell.measured_pct is None:
        return "ok", "circle-check", text("实测", language)
    share = share_words(cell.measured_pct, 0)
    return "ok", "circle-check", text("实测 {share}%", language, share=share)
