"""Choices of a card: stacked, beside, as shares; prices of all months; rings round alarms."""

from dataclasses import replace

import pytest

from figures import emission, overview
from figures.cells import Book, Cell
from figures.price import PRICE
from figures.view import Issue, Span, View, months_of
from pages._panel import _course
from tests.figures.test_targets import texts

MONTHS = months_of("2026-01", "2026-10")
SHOWN = MONTHS[4:]
DAYS = [f"2026-10-{day:02d}" for day in range(1, 32)]
LINES = {"cable": 100.0, "conductor": 300.0, "transformer": 600.0}
ISSUE = Issue("major", "new", "electricity", "关口表", "10-22 00:00", "缺数 24 小时",
              "2026-10-22", "2026-10-22")  # fmt: skip


def view(lines=LINES, missing=(), **changed):
    def row(key, unit, value, labels=MONTHS):
        return {at: [Cell(None if at in missing else value, unit, (f"{key}{at}",), period=at)]
                for at in labels}  # fmt: skip

    cells = {("reduction", "line", line): row(line, "kgCO2e", v) for line, v in lines.items()}
    cells |= {
        overview.REDUCTION: row("all", "kgCO2e", sum(lines.values())),
        PRICE: row("price", "CNY/t", 80.0),
        ("ccer_volume", "market", "cn"): row("volume", "t", 1000.0),
    }
    days = {
        key: row(key[0], unit, 50.0, DAYS)
        for key, unit in ((emission.ENERGY, "kgce"), (emission.ELECTRICITY, "kWh"),
                          (emission.WATER, "m3"), (emission.DIESEL, "L"))
    }  # fmt: skip
    periods = tuple(Span(month, (month,)) for month in SHOWN)
    return View(Book(cells, 1), Book(days, 1), (), periods, **changed)


def test_shares_of_the_lines_make_a_whole_and_open_as_shares():
    built = overview.reduction_bars(view(switches={"arranged": "share"}))
    (group,) = built.sheet.groups
    assert [one.cells[0].value for one in group.series] == [10.0, 30.0, 60.0]
    assert {one.cells[0].rule for one in group.series} == {"share"}
    (plot,) = built.plots
    assert plot.figure["layout"]["barmode"] == "relative"
    assert built.subtitle.startswith("%")


def test_bars_beside_each_other_have_no_target_of_their_sum():
    aims = {(*overview.REDUCTION, "target"): dict.fromkeys(MONTHS, 900.0)}
    shown = {
        how: overview.reduction_bars(view(targets=aims, switches={"arranged": how}))
        for how in ("stack", "group", "nonsense")
    }
    assert shown["group"].plots[0].figure["layout"]["barmode"] == "group"
    assert shown["group"].sheet.groups[0].target is None
    assert shown["stack"].sheet.groups[0].target is not None
    assert shown["nonsense"].plots[0].figure == shown["stack"].plots[0].figure


def test_a_line_below_zero_is_neither_stacked_nor_a_share():
    for how in ("stack", "share"):
        built = overview.reduction_bars(
            view({"cable": -5.0, "conductor": 10.0}, switches={"arranged": how})
        )
        assert built.plots[0].figure["layout"]["barmode"] == "group"
        assert built.switch is None


def test_prices_of_all_months_begin_with_the_first_that_is_known():
    built = overview.ccer_price(view(switches={"priced": "all"}, missing=MONTHS[:2]))
    assert list(built.sheet.labels) == MONTHS[2:]
    assert [span.label for span in built.periods] == MONTHS[2:]
    assert list(overview.ccer_price(view()).sheet.labels) == SHOWN


def rings(built, at):
    figure = built.plots[at].figure
    traces = [t for t in figure["data"] if t.get("marker", {}).get("symbol") == "circle-open"]
    return [(x, y) for t in traces for x, y in zip(t["x"], t["y"], strict=True)]


def test_days_with_an_open_alarm_are_ringed_on_the_chart_of_their_medium():
    built = emission.trends(view(issues=(ISSUE,)))
    assert [rings(built, at) for at in range(4)] == [[], [("2026-10-22", 0.05)], [], []]
    (words,) = built.plots[1].figure["layout"]["meta"]["spots"]
    assert words["text"] == "22日 缺数 24 小时"
    for quiet in ((), (replace(ISSUE, status="closed"),), (replace(ISSUE, medium="heat"),)):
        assert not rings(emission.trends(view(issues=quiet)), 1)
    assert not rings(emission.trends(view(issues=(ISSUE,), switches={"trend": "month"})), 1)


def test_a_missing_day_is_shaded_and_its_ring_stands_at_the_foot():
    built = emission.trends(view(issues=(ISSUE,), missing=("2026-10-22",)))
    for plot in built.plots:
        (shape,) = plot.figure["layout"]["shapes"]
        assert (shape["x0"], shape["x1"]) == (20.5, 21.5)
    assert rings(built, 1) == [("2026-10-22", 0.0)]
    assert "缺数 1 个" in texts(built.plots[1].lead)


@pytest.mark.parametrize("opens", [frozenset(), frozenset({"/market", "/data"})])
def test_a_card_leads_only_to_a_page_that_may_be_opened(opens):
    built = emission.per_area(view(opens=opens))
    assert (built.switch is not None) == bool(opens)
    if opens:
        assert built.switch["props"]["href"] == "/data?tab=register"


@pytest.mark.parametrize(("values", "words"), [
    ([1.0, 2.0], ""), ([1.0, 2.0, 3.0], "总体上升"), ([3.0, 2.0, 1.0], "总体下降"),
    ([100.0, 0.0, 102.0], "总体持平"), ([-1.0, -2.0, -3.0], "总体下降"), ([0.0] * 6, "总体持平"),
])  # fmt: skip
def test_a_chart_says_where_its_course_leads(values, words):
    assert _course(values) == words
