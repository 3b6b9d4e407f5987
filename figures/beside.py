"""Ratios that stand beside an indicator: how much of it per pile, per tonne, of a whole."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from figures.cells import Cell, Key, ratio, share
from figures.cells import view as viewed
from figures.html import Content, el
from figures.number import exact, figure_button, kpi_decimals, percent_button, shown_value, written
from figures.view import Span, View

GENERATION: Key = ("pv_generation", "site", "site")
SELF_USE: Key = ("pv_self_use", "site", "site")
CHARGED: Key = ("charger_energy", "site", "site")
CHARGERS: Key = ("charger_count", "site", "site")
SAVED: Key = ("heat_pump_saved", "site", "site")
STANDARD: Key = ("standard_ac_electricity", "site", "site")

Beside = Callable[[View], Content]


def self_rate(view: View, span: Span) -> Cell | None:
    """Return self-use over generation, %: the ledger's of a month, else sum over sum."""
    if len(span.months) == 1 and len(view.sites) <= 1:
        return view.cell(("pv_self_rate", "site", "site"), span)
    return share(view.cell(SELF_USE, span), view.cell(GENERATION, span))


def per_pile(view: View) -> Cell | None:
    """Return the energy of a charger and day in the last month."""
    a, b = view.now(CHARGED), view.now(CHARGERS)
    month = view.last.months[-1]
    days = (view.partial_days or {}).get(month) or _days(month)
    if len(view.last.months) > 1 or a is None or b is None or a.value is None or not b.value:
        return None
    note = view.t("充电量 ÷ 桩数 ÷ {days} 天", days=written(exact(float(days)), 1))
    return replace(viewed(a.value / b.value / days, "kWh/d", [a, b]), note=note)


def _days(month: str) -> int:
    return monthrange(int(month[:4]), int(month[5:7]))[1]


def saving_rate(view: View) -> Cell | None:
    """Return the electricity saved over what a standard air conditioner would use, %."""
    saved, base = view.now(SAVED), view.now(STANDARD)
    if saved is None or base is None or saved.value is None or not base.value:
        return None
    note = view.t("节电量 ÷ 标准空调用电 × 100%")
    return replace(viewed(100 * saved.value / base.value, "%", [saved, base]), note=note)


def reduction_per_tonne(view: View, line: str) -> Cell | None:
    """Return a line's reduction per tonne: the ledger's row of a month, else sum over sum."""
    if len(view.last.months) == 1 and len(view.sites) <= 1:
        return view.now(("reduction_per_tonne", "line", line))
    found = [view.now((name, "line", line)) for name in ("reduction", "throughput")]
    return ratio(found[0], found[1], "kgCO2e/t")


def _said(name: str, read: Callable[[View], Cell | None], view: View) -> Content:
    cell = read(view)
    if cell is None or cell.value is None:
        return None
    if cell.unit == "%":
        return el("Span", view.t(name), " ", percent_button(cell, view.language))
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    number = figure_button(cell, written(shown, kpi_decimals(shown)), view.language)
    return el("Span", view.t(name), " ", number, f" {measure.word}")


PV: Beside = partial(_said, "自用率", lambda view: self_rate(view, view.last))
PILES: Beside = partial(_said, "单桩日均", per_pile)
PUMP: Beside = partial(_said, "节电率", saving_rate)
LINES = {
    line: partial(_said, "每吨", partial(reduction_per_tonne, line=line))
    for line in ("cable", "conductor", "transformer")
}
