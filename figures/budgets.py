"""How much of a year's budget, quota or plan is used by the last period shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from figures.cells import Cell, Key
from figures.cells import view as viewed
from figures.html import Content, el
from figures.number import kpi_decimals, percent_button, shown_value, written
from figures.view import Span, View, months_of

BUDGETS = (("budget", "预算 {value} {unit}，已用"), ("quota", "配额 {value} {unit}，已用"))
PLAN = (("plan", "本年计划 {value} {unit}，已完成"),)


def budget_line(view: View, key: Key, kinds: Sequence[tuple[str, str]] = BUDGETS) -> Content:
    """Return the year's aim and the share of it that is used by the last period; None without."""
    last = view.last.months[-1]
    year = Span(last[:4], tuple(months_of(f"{last[:4]}-01", f"{last[:4]}-12")))
    used = view.book.over(key, months_of(year.months[0], last), year.label)
    for kind, sentence in kinds:
        aim = view.target(key, kind, year)
        if aim and used is not None:
            part = None if used.value is None else 100 * used.value / aim
            measure = view.units.of(used.unit)
            whole = shown_value(Cell(aim, used.unit), measure)
            said = view.t(sentence, value=written(whole, kpi_decimals(whole)), unit=measure.word)
            note = view.t("{used} ÷ {budget} {unit} × 100%，{year} 年", unit=measure.word,
                          used=written(shown_value(used, measure), 2), budget=written(whole, 2),
                          year=year.label)  # fmt: skip
            cell = replace(viewed(part, "%", [used]), note=note)
            return el("Span", said, " ", percent_button(cell, view.language))
    return None
