"""Imported targets and budgets beside the figures: a line, a share; nothing where none is set."""

from dataclasses import replace

import pytest

from figures.cells import Book, Cell
from figures.emission import WATER, glance
from figures.overview import REDUCTION, reduction_bars
from figures.process import line_card
from figures.view import Span, View, months_of

MONTHS = months_of("2026-01", "2026-10")
LINE = ("reduction", "line", "conductor")
QUARTER = Span("2026-Q3", ("2026-07", "2026-08", "2026-09"))


def view(targets, missing=()):
    def row(key, unit, value):
        return {
            month: [Cell(None if month in missing else value, unit, (f"{key[0]}-{month}",),
                         period=month)]
            for month in MONTHS
        }  # fmt: skip

    cells = {
        WATER: row(WATER, "m3", 200.0),
        LINE: row(LINE, "kgCO2e", 1000.0),
        REDUCTION: row(REDUCTION, "kgCO2e", 1000.0),
    }
    periods = tuple(Span(month, (month,)) for month in MONTHS)
    return View(Book(cells, 1), Book({}, 0), (), periods, targets=targets)


def texts(node):
    if isinstance(node, dict):
        return texts(node.get("props", {}).get("children", ""))
    if isinstance(node, list | tuple):
        return "".join(map(texts, node))
    return "" if node is None else str(node)


def target_line(built):
    (plot,) = built.plots
    return [t for t in plot.figure["data"] if t["type"] == "scatter" and t["mode"] == "lines"]


def test_a_target_of_its_own_or_of_all_its_months():
    aims = dict.fromkeys(QUARTER.months, 100.0)
    name = (*REDUCTION, "target")
    assert view({name: aims}).target(REDUCTION, "target", QUARTER) == 300.0
    assert view({name: aims | {"2026-Q3": 250.0}}).target(REDUCTION, "target", QUARTER) == 250.0
    assert view({name: {"2026-07": 100.0}}).target(REDUCTION, "target", QUARTER) is None
    assert view({name: aims}).target(REDUCTION, "budget", QUARTER) is None


def test_the_line_of_the_target_breaks_where_none_is_set():
    aims = {"2026-01": 1_500.0, "2026-03": 2_500.0}
    built = reduction_bars(view({(*REDUCTION, "target"): aims}))
    (line,) = target_line(built)
    assert line["y"] == [1.5, None, 2.5, *[None] * 7]
    assert "目标 2.50 tCO₂e" in texts(built.plots[0].lead)
    assert not target_line(reduction_bars(view({})))


@pytest.mark.parametrize(("kind", "words"), [("budget", "预算"), ("quota", "配额")])
def test_used_of_the_years_budget(kind, words):
    shown = texts(glance(view({(*WATER, kind): {"2026": 4000.0}})).body)
    assert f"{words} 4,000 m³，已用 50.0%" in shown


def test_done_of_the_years_plan_on_the_line_it_was_made_for():
    mass = ("throughput", "line", "conductor")
    planned = view({(*mass, "plan"): {"2026": 4000.0}})
    row = {month: [Cell(300.0, "t", (f"t-{month}",), period=month)] for month in MONTHS}
    planned = replace(planned, book=Book({mass: row}, 1))
    assert "本年计划 4,000 t，已完成 75.0%" in texts(line_card(planned, "conductor").body)
    assert "本年计划" not in texts(line_card(planned, "cable").body)


def test_no_budget_is_no_share_and_an_unknown_month_is_no_zero():
    assert "已用" not in texts(glance(view({})).body)
    assert "已用" not in texts(glance(view({(*WATER, "budget"): {"2025": 4000.0}})).body)
    unknown = view({(*WATER, "budget"): {"2026": 4000.0}}, missing=("2026-04",))
    assert "已用 --" in texts(glance(unknown).body)
    assert "已用 --%" not in texts(glance(unknown).body)


def test_the_share_opens_down_to_its_months():
    months = view({(*WATER, "budget"): {"2026": 4000.0}})
    (span,) = [
        found for found in walk(glance(months).body)
        if found.get("props", {}).get("data-rule") == "view"
    ]  # fmt: skip
    assert float(span["props"]["data-value"]) == 50.0
    assert span["props"]["data-figures"].split() == [f"water-{month}" for month in MONTHS]


def walk(node):
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from walk(value)


def test_several_sites_have_no_common_target():
    assert replace(view({}), targets={}).target(REDUCTION, "target", QUARTER) is None
