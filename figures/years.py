"""What stands beside figures of a period that is not whole, and of a year: estimates and index.

Neither is a ledger figure or part of any total (accounting.md §13, §14); the arithmetic is
accounting/years.py alone.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Sequence
from dataclasses import dataclass, replace

from accounting.years import annualised, base_year_index, month_equivalent
from figures.cells import Cell, Key, adds_over_sites, ratio, total
from figures.cells import view as viewed
from figures.focus import where_parted
from figures.html import Content, el
from figures.number import exact, figure_button, kpi_decimals, shown_value, written
from figures.view import Span, View, months_of

MASSES = tuple(("throughput", "line", line) for line in ("cable", "conductor", "transformer"))


@dataclass(frozen=True)
class Estimate:
    """What a period would be as a whole, named; without a value it has a reason."""

    name: str
    cell: Cell
    reason: str = ""


def estimate(view: View, key: Key, span: Span) -> Estimate | None:
    """Return 整月折算 or 年化 of a period; None where the period is whole or has none.

    Parameters
    ----------
    view
        The cells.
    key
        A quantity that adds up over time.
    span
        A month, or a year of which months may be missing.
    """
    if view.grain == "month":
        return _month(view, key, span)
    return _year(view, key, span) if view.grain == "year" else None


def _days_of(month: str) -> int:
    return monthrange(int(month[:4]), int(month[5:7]))[1]


def _month(view: View, key: Key, span: Span) -> Estimate | None:
    month = span.months[0]
    days = (view.partial_days or {}).get(month)
    cell = view.cell(key, span)
    if days is None or cell is None or not adds_over_sites(cell.unit):
        return None
    whole = _days_of(month)
    value = month_equivalent(cell.value, days, whole)
    reason = view.t("本月没有已知的数值") if value is None else ""
    name = view.t("整月折算")
    return Estimate(name, _made(view, name, value, [cell], days, whole), reason)


def _year(view: View, key: Key, span: Span) -> Estimate | None:
    year, name = int(span.label), view.t("年化")
    cells = [view.book.cell(key, month) for month in span.months]
    parts = [cell for cell in cells if cell is not None and cell.value is not None]
    unit = next((cell.unit for cell in cells if cell is not None), "")
    if not unit or not adds_over_sites(unit):
        return None
    if view.partial_days is None:
        reason = view.t("几个站点已知的天数不同") if span.running else ""
        return Estimate(name, Cell(None, unit, quality="null"), reason) if reason else None
    days = [view.partial_days.get(part.period, _days_of(part.period)) for part in parts]
    whole = 366 if isleap(year) else 365
    if sum(days) >= whole:
        return None
    value = annualised([part.value for part in parts], days, whole)
    reason = view.t("本年没有已知的月份") if value is None else ""
    return Estimate(name, _made(view, name, value, parts, sum(days), whole), reason)


def _made(
    view: View, name: str, value: float | None, parts: Sequence[Cell], days: float, whole: int
) -> Cell:
    """Return the cell of an estimate, with the words by which the drawer explains it."""
    if value is None:
        return Cell(None, parts[0].unit if parts else "", quality="null")
    known = total(parts)
    note = view.t(
        "{name} = {sum} {unit} ÷ 已知 {days} 天 × {whole} 天；估算，不入账，不计入任何合计",
        sum=written(exact(known.value or 0.0), 2), unit=known.unit,
        name=name, days=written(exact(float(days)), 2).removesuffix(".00"), whole=whole,
    )  # fmt: skip
    return replace(viewed(value, known.unit, parts), quality="estimated", note=note)


def estimates(view: View, key: Key) -> tuple[Estimate | None, ...]:
    """Return the estimates of a quantity over the axis."""
    return tuple(estimate(view, key, span) for span in view.periods)


def estimate_words(view: View, found: Estimate) -> list[Content]:
    """Return an estimate as name, number that opens, unit; or its reason."""
    measure = view.units.of(found.cell.unit)
    shown = shown_value(found.cell, measure)
    if shown is None:
        return [f"{found.name} --", view.t("（{reason}）", reason=found.reason)]
    words = written(shown, kpi_decimals(shown))
    return [f"{found.name} ", figure_button(found.cell, words, view.language), f" {measure.word}"]


def estimate_line(view: View, key: Key) -> Content:
    """Return the estimate of the last period as a line of a card's foot."""
    found = estimate(view, key, view.last)
    return None if found is None else el("Div", estimate_words(view, found), cls="kpi-estimate")


def base_index(view: View, key: Key) -> tuple[Cell, str] | None:
    """Return a year's quantity per tonne of scrap against the base year's, or why there is none.

    None where no base year is set, or no year is shown.
    """
    if view.grain != "year" or view.base_year is None:
        return None
    year = str(view.base_year)
    span = Span(year, tuple(months_of(f"{year}-01", f"{year}-12")))
    base, now = _per_tonne(view, key, span), _per_tonne(view, key, view.last)
    if view.last.running:
        return Cell(None, "", quality="null"), view.t("本年未完")
    value, _ = base_year_index(base.value, now.value)
    if value is None:
        unknown = "基准年数据不全" if base.value is None else "本年数据不全"
        return Cell(None, "", quality="null"), view.t(unknown)
    note = view.t("{now} ÷ 基准年 {base} × 100，{unit} 废旧物资", unit=now.unit,
                  now=written(exact(now.value or 0.0), 4),
                  base=written(exact(base.value or 0.0), 4))  # fmt: skip
    return replace(viewed(value, "", [base, now]), note=note), ""


def _per_tonne(view: View, key: Key, span: Span) -> Cell:
    quantity = view.cell(key, span)
    names = view.kept("throughput", "line", MASSES)
    masses = [mass for name in names if (mass := view.cell(name, span)) is not None]
    unit = f"{quantity.unit if quantity else ''}/t"
    if len(masses) < len(names):
        return Cell(None, unit, quality="null")
    return ratio(quantity, total(masses), unit)


def index_line(view: View, key: Key) -> Content:
    """Return the base-year index of the last period as a line of a card's foot."""
    found = where_parted(lambda: base_index(view, key))
    if found is None:
        return None
    cell, reason = found
    shown = written(None if cell.value is None else exact(cell.value), 1)
    name = view.t("单位处理量，基准年 {year} = 100 →", year=view.base_year)
    why = view.t("（{reason}）", reason=reason) if reason else None
    return el("Div", name, " ", figure_button(cell, shown, view.language), why)
