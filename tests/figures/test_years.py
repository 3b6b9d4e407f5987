"""Estimates of what is not whole, and the base year: beside the figures, never among them."""

from dataclasses import replace

import pytest

from accounting.years import annualised, base_year_index, month_equivalent
from figures.cards import legend
from figures.cells import Book, Cell
from figures.emission import ENERGY, glance
from figures.overview import EMISSION, REDUCTION, emission_kpi, energy_and_emission, reduction_bars
from figures.view import Span, View, months_of, span_words, spans
from figures.years import MASSES, base_index, estimate
from tests.figures.test_targets import texts, walk

MONTHS = months_of("2024-01", "2026-10")
RUNNING = Span("2026", tuple(months_of("2026-01", "2026-10")))
LINE = ("reduction", "line", "cable")


def rows(key, unit, value, missing=()):
    return {
        month: [Cell(None if month in missing else value + 10 * at, unit, (f"{key}-{month}",),
                     period=month)]
        for at, month in enumerate(MONTHS)
    }  # fmt: skip


def view(grain="year", missing=(), **changed):
    cells = {
        key: rows(key[0], unit, value, missing)
        for key, unit, value in ((EMISSION, "kgCO2e", 1000.0), (ENERGY, "kgce", 300.0),
                                 (REDUCTION, "kgCO2e", 5000.0), (LINE, "kgCO2e", 5000.0))
    } | {key: rows(key[2], "t", 50.0) for key in MASSES}  # fmt: skip
    given = {
        "periods": spans("2024-01", "2026-10", grain, "2026-01"),
        "partial_days": {"2026-10": 18.5}, "base_year": 2024,
    }  # fmt: skip
    return View(Book(cells, 1), Book({}, 0), (), grain=grain, **(given | changed))


def values(key, months):
    return [1000.0 + 10 * MONTHS.index(m) if key == EMISSION else 0 for m in months]


def test_the_running_year_is_the_last_period_marked_as_not_over():
    shown = view()
    assert [span.label for span in shown.periods] == ["2024", "2025", "2026"]
    assert shown.last.running
    assert shown.last_words == "2026年1～10月"
    assert span_words(RUNNING, "en") == "Jan – Oct 2026"
    assert "month_to_date" in shown.now(EMISSION).flags
    assert shown.now(EMISSION).value == sum(values(EMISSION, RUNNING.months))


def test_a_range_that_ends_before_the_newest_month_has_no_running_year():
    assert [s.label for s in spans("2024-01", "2026-05", "year")] == ["2024", "2025"]
    assert [s.label for s in spans("2024-03", "2024-10", "year", "2024-01")] == []
    assert [s.label for s in spans("2024-03", "2024-10", "year", "2024-03")] == ["2024"]


def test_the_running_year_is_compared_with_the_same_months():
    before = view().previous(EMISSION)
    months = months_of("2025-01", "2025-10")
    assert before.value == sum(values(EMISSION, months))
    assert before.ids == tuple(f"emission-{month}" for month in months)


def test_per_floor_area_a_running_year_has_no_value():
    key = ("energy_per_area", "building", "site")
    shown = view()
    shown = replace(shown, book=Book({key: rows(key, "kgce/m2", 1.0)}, 1))
    assert shown.cell(key, RUNNING).value is None
    assert shown.cell(key, shown.periods[0]).value is not None


def test_annualised_is_the_accountings_and_no_ledger_figure():
    found = estimate(view(), EMISSION, RUNNING)
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 18.5]
    assert found.name == "年化"
    assert found.cell.value == annualised(values(EMISSION, RUNNING.months), days)
    assert (found.cell.rule, found.cell.quality) == ("view", "estimated")
    assert "年化 = " in found.cell.note
    assert "已知 291.50 天 × 365 天" in found.cell.note


def test_a_whole_year_has_no_estimate_and_one_with_a_hole_leaves_it_out():
    shown = view()
    assert estimate(shown, EMISSION, shown.periods[1]) is None
    holed = view(missing=("2024-02",))
    found = estimate(holed, EMISSION, holed.periods[0])
    months = [m for m in holed.periods[0].months if m != "2024-02"]
    assert found.cell.value == pytest.approx(sum(values(EMISSION, months)) / 337 * 366)
    assert holed.cell(EMISSION, holed.periods[0]).value is None


def test_unknown_stays_unknown_with_its_reason():
    nothing = view(missing=MONTHS)
    assert estimate(nothing, EMISSION, RUNNING).cell.value is None
    assert "年化 --（本年没有已知的月份）" in texts(kpi_of(nothing))
    several = view(partial_days=None, base_year=None)
    assert "年化 --（几个站点已知的天数不同）" in texts(kpi_of(several))
    assert "基准年" not in texts(kpi_of(several))


def kpi_of(shown):
    return emission_kpi(shown).body


def test_the_month_equivalent_of_the_month_that_runs():
    shown = view("month")
    found = estimate(shown, EMISSION, shown.last)
    assert found.name == "整月折算"
    assert found.cell.value == month_equivalent(values(EMISSION, ["2026-10"])[0], 18.5, 31)
    assert estimate(shown, EMISSION, shown.periods[-2]) is None
    assert "整月折算 " in texts(kpi_of(shown))
    assert estimate(view("quarter"), EMISSION, Span("2026-Q3", ())) is None


@pytest.mark.parametrize("build", [reduction_bars, energy_and_emission])
@pytest.mark.parametrize("grain", ["year", "month"])
def test_bars_go_on_dashed_to_the_estimate_and_it_is_in_no_total(grain, build):
    built = build(view(grain))
    plot = built.plots[-1]
    (outline,) = plot.figure["layout"]["shapes"]
    key = REDUCTION if build is reduction_bars else EMISSION
    shown = view(grain)
    assert outline["line"]["dash"] == "dash"
    assert "fillcolor" not in outline
    assert outline["y1"] == pytest.approx(estimate(shown, key, shown.last).cell.value / 1000)
    assert outline["y1"] <= plot.figure["layout"]["yaxis"]["range"][1]
    names = [column.name for group in built.sheet.groups for column in group.columns()]
    assert not {"年化", "整月折算"} & set(names)
    group = built.sheet.groups[-1]
    assert group.estimates[-1].name in texts(legend(shown, group))


def test_an_estimate_carries_no_figure():
    for found in walk(kpi_of(view())):
        props = found.get("props", {})
        if props.get("data-note"):
            assert props["data-rule"] == "view"
            assert "data-figure" not in props
            return
    pytest.fail("no estimate on the card")


def test_the_base_year_stands_beside_the_year():
    shown = view(periods=spans("2024-01", "2025-12", "year"))
    cell, reason = base_index(shown, EMISSION)
    base, now = (
        sum(values(EMISSION, span.months))
        / (3 * sum(50.0 + 10 * MONTHS.index(m) for m in span.months))
        for span in shown.periods
    )
    assert cell.value == pytest.approx(base_year_index(base, now)[0])
    assert not reason
    assert cell.rule == "view"
    assert f"基准年 2024 = 100 → {cell.value:.1f}" in texts(kpi_of(shown))
    assert "基准年 2024 = 100 → " in texts(glance(shown).body)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({}, "本年未完"), ({"periods": spans("2024-01", "2025-12", "year"), "missing": ["2024-05"]},
                        "基准年数据不全"),
     ({"periods": spans("2024-01", "2025-12", "year"), "missing": ["2025-05"]}, "本年数据不全")],
)  # fmt: skip
def test_an_index_that_is_not_known_says_why(changed, reason):
    words = texts(kpi_of(view(**changed)))
    assert f"基准年 2024 = 100 → --（{reason}）" in words


def test_no_base_year_and_no_year_has_no_index():
    assert base_index(view(base_year=None), EMISSION) is None
    assert base_index(view("month"), EMISSION) is None


def test_periods_before_have_names():
    quarter = Span("2026-Q2", tuple(months_of("2026-04", "2026-06")))
    assert quarter.back(3).label == "2026-Q1"
    assert Span("2026", tuple(months_of("2026-01", "2026-12"))).back(12).label == "2025"
    assert span_words(RUNNING.back(12), "zh") == "2025年1～10月"


def test_the_card_of_a_plain_month_has_no_estimate():
    shown = view("month", partial_days={})
    assert "折算" not in texts(kpi_of(shown))
