"""Fans, revenue and aims: what is drawn is what is in the table, and nothing that is not known."""

from dataclasses import replace
from datetime import date

import plotly.graph_objects as go
import pytest

from figures import aims, came, fan, market, outlook, revenue, trading
from figures.cells import Book, Cell
from figures.charts import values
from figures.forecast import BANDS, Backtest, Forecasts, Point
from figures.number import Units, attributes
from figures.sales import Sales, Stated
from figures.view import Lens, SiteInfo, shifted
from tests.figures.test_lifecycle import plain, view, words

SITE = "S1"
LINES = ("cable", "conductor", "transformer")


def point(at, target, p50, kind="forecast", unit="kgCO2e", model="seasonal_growth",
          origin="2024-12"):  # fmt: skip
    spread = {"lo95": 0.5, "lo80": 0.7, "lo50": 0.9, "p50": 1.0, "hi50": 1.1, "hi80": 1.3,
              "hi95": 1.5}  # fmt: skip
    bands = {name: p50 * factor for name, factor in spread.items()}
    return Point(f"F1-{at}", origin, target, model, kind, unit, bands)


def backtest(model="seasonal_growth", champion=True):
    return Backtest(model, 0.5, 9.0, 0.83, 0.95, 40, 14, None, champion)


def ahead(months=12, before=False):
    """Forecasts of a site whose ledger ends with 2024."""
    points, of = {}, 0
    for entity in (*LINES, "site"):
        size = 3e5 if entity == "site" else 1e5
        for series, count, kind, unit in (("reduction", months, "forecast", "kgCO2e"),
                                          ("revenue", 60, "scenario", "CNY")):  # fmt: skip
            targets = [shifted("2024-12", by + 1) for by in range(count)]
            points[series, SITE, entity, "month"] = tuple(
                point(of := of + 1, target, size * (at // 18 if unit == "CNY" else 1), kind, unit)
                for at, target in enumerate(targets)
            )
        points["reduction", SITE, entity, "year"] = tuple(
            point(of := of + 1, str(2025 + at), 12 * size, kind)
            for at, kind in enumerate(("forecast", "scenario", "scenario", "scenario"))
        )
    tests = {
        ("reduction", SITE, line): (backtest(), backtest("naive", champion=False)) for line in LINES
    }
    found = Forecasts(1, "2025-01-01 08:00", 615, "ab" * 32, points, tests)
    return replace(found, before=points) if before else found


def seen(**more):
    found = view(12, more={("creditable_reduction", "line", line): 0.0 for line in LINES})
    site = SiteInfo(SITE, "站", "", False, "Asia/Shanghai")
    return replace(found, sites=(site,), **{"forecasts": ahead(), **more})


def in_table(built):
    return {(cell.forecast, cell.band): cell.value for cell in built.sheet.cells() if cell.forecast}


def drawn(built):
    """What the charts carry: forecast, band and value of every mark and end label."""
    for plot in built.plots:
        for trace in plot.figure["data"]:
            yield from (mark for mark in trace.get("customdata", ()) if "data_forecast" in mark)
        ends = plot.figure["layout"]["meta"].get("ends", ())
        yield from (end["attributes"] for end in ends if "data_forecast" in end["attributes"])


@pytest.mark.parametrize("build", [market.years, market.months, revenue.curve])
def test_every_mark_of_a_fan_is_in_its_table(build):
    built = build(seen())
    known, marks = in_table(built), list(drawn(built))
    assert len(marks) > 3
    for mark in marks:
        value = known[mark["data_forecast"], mark["data_band"]]
        assert mark["data_value"] == repr(value)
    for plot in built.plots:
        go.Figure(plain(plot.figure))


def test_a_fan_has_its_three_bands_and_starts_where_the_past_ends():
    figure = market.months(seen()).plots[0].figure
    filled = [trace for trace in figure["data"] if trace.get("fill") == "tonexty"]
    assert len(filled) == 3
    actual = figure["data"][0]["y"][11]
    assert all(trace["y"][0] == actual and trace["x"][0] == "2024-12" for trace in filled)
    (start,) = figure["layout"]["shapes"]
    assert start["x0"] == 11
    said = [note["text"] for note in figure["layout"]["meta"]["words"]]
    assert said == ["实际", "预测"]


def test_a_band_that_is_not_known_is_a_gap_and_no_column():
    bands = dict.fromkeys(BANDS) | {"p50": 5.0}
    alone = tuple(replace(point(n, f"2025-{n:02d}", 1.0), bands=bands) for n in (1, 2, 3))
    labels = tuple(p.target for p in alone)
    chart = fan.Fan("", "CNY", labels, fan.Series("", "energy.total", (None,) * 3), alone)
    figure = fan.figure(seen(), chart)
    assert not [trace for trace in figure["data"] if trace.get("fill")]
    assert len(fan.group_of(seen(), chart).series) == 1


def test_revenue_is_called_a_scenario_and_stands_beside_what_may_be_issued():
    built = revenue.sums(seen())
    said = words(built.body)
    assert said.count("情景") == 4
    assert said.count("潜在；可签发 0 t") == 4
    assert "预测" not in said.replace("收益预测", "")
    assert built.sheet.labels == ("总收益", "电缆", "架空导线", "变压器")


def test_a_run_before_gives_the_change():
    before = ahead()
    last = before.points["revenue", SITE, "site", "month"][-1]
    less = replace(last, bands={name: v / 2 for name, v in last.bands.items()})
    known = replace(before, before={("revenue", SITE, "site", "month"): (less,)})
    assert "▲ 100.0%" in words(revenue.sums(seen(forecasts=known)).body)
    assert "上次测算" in words(revenue.curve(seen(forecasts=known)).plots[0].lead)


def test_what_was_forecast_is_held_against_what_came():
    base = seen()
    cell = base.book.cell(revenue.REDUCTION, "2024-12")
    said = point(9, "2024-12", cell.value * 2)
    known = replace(ahead(), came={("reduction", SITE, "site", "month"): (said,)})
    held = revenue.came_of(replace(base, forecasts=known), "site")
    words_ = came.words(base, held)
    assert "2024-12 减排量偏差 ▼ 50.0%" in words_
    assert "1 个月中 0 个" in words_


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"forecasts": None, "forecasting": "computing"}, "正在计算"),
        ({"forecasts": None, "forecasting": "failed"}, "没有算成"),
        ({"forecasts": None}, "还没有预测"),
        ({"lens": Lens("CN2026", "x")}, "账本口径"),
        ({"forecasts": Forecasts(1, "", 1, "", reasons={
            ("revenue", SITE, "site"): "no_price"})}, "没有 CCER 价格"),
    ],
)  # fmt: skip
def test_without_a_forecast_the_reason_stands_in_its_place(more, word):
    here = seen(**more)
    assert word in revenue.sums(here).empty
    assert word in revenue.curve(here).empty
    assert not market.years(here).empty  # what is known is shown
    assert not list(drawn(market.months(here)))


def test_several_sites_have_no_forecast_in_common():
    here = seen()
    both = replace(here, sites=(here.sites[0], replace(here.sites[0], site="S2")))
    assert "只选一个站点" in revenue.sums(both).empty


def test_a_range_that_ends_before_shows_no_forecast():
    here = seen()
    earlier = replace(here, periods=here.periods[:6])
    assert not list(drawn(market.months(earlier)))
    assert "不含最近的整月" in market.years(earlier).foot


def test_money_is_shown_in_ten_thousands():
    cell = Cell(7_904_845.96, "CNY")
    assert values([cell], "CNY", Units()) == [pytest.approx(790.484596)]


def test_aims_part_what_is_done_from_what_is_expected():
    here = seen()
    aim = {("reduction", "site", "site", "target"): {"2025": 3_600_000.0}}
    built = aims.aims(replace(here, targets=aim))
    said = words(built.body)
    assert "预期达成 100%" in said
    assert said.count("未录入目标") == 2
    assert [cell and cell.value for cell in built.sheet.groups[0].series[4].cells][0] == 3_600_000.0


def test_the_outlook_parts_the_cap_and_names_every_source():
    built = outlook.outlook(seen())
    supply, gap = (part.cells[0].value for part in built.sheet.groups[0].series)
    (whole,) = built.sheet.groups[0].whole
    assert supply + gap == pytest.approx(whole.value) == pytest.approx(400.0)
    said = words(built.body)
    assert all(word in said for word in ("第二十九条", "年份未注明", "截至 2026-01-08"))


def test_supply_beyond_the_cap_stands_alone(monkeypatch):
    less = {**outlook.SHIPPED, "covered": replace(outlook.SHIPPED["covered"], tonnes=1e8)}
    monkeypatch.setattr(outlook, "SHIPPED", less)
    built = outlook.outlook(seen())
    assert "已超过可抵消量" in built.foot
    assert len(built.sheet.groups[0].series) == 1


def traded(model="theta"):
    days = {"2024-12-06": 5000.0, "2024-12-13": 500.0, "2024-12-20": 8000.0}
    book = Book({
        trading.VOLUME: {d: [Cell(v, "t", (f"{d}v",), period=d)] for d, v in days.items()},
        trading.PRICE: {d: [Cell(80.0, "CNY/t", (f"{d}p",), period=d)] for d in days},
    }, 0)  # fmt: skip
    weeks = tuple(
        point(n, f"2025-01-{3 + 7 * n:02d}", 80.0, unit="CNY/t", model=model, origin="2024-12-20")
        for n in range(3)
    )
    name, tests = ("ccer_price", "", "cn"), (backtest(model), backtest("naive", champion=False))
    known = Forecasts(1, "", 615, "", {(*name, "week"): weeks}, {name: tests}, {name: "reference"})
    return replace(seen(forecasts=known), days=book)


def test_weeks_have_the_price_ahead_the_naive_line_and_the_caption():
    built = trading.trading(traded())
    names = [trace["name"] for trace in built.plots[1].figure["data"] if trace.get("name")]
    assert "朴素法" in names
    assert built.sheet.labels[-1] == "2025-01-17"
    assert all(word in built.foot for word in
               ("MASE 0.50", "sMAPE 9.0%", "实际覆盖 83.0%（n=40）", "2024-12-20",
                "没有模型显著优于朴素法", "不构成投资建议"))  # fmt: skip
    assert list(drawn(built))
    naive = trading.trading(traded("naive")).plots[1].figure["data"]
    assert "朴素法" not in [trace.get("name") for trace in naive]


def test_a_forecast_names_itself_and_its_band():
    cell = point(7, "2025-01", 2.0).cell("lo80")
    assert attributes(cell) == {"data_value": "1.4", "data_forecast": "F1-7", "data_band": "lo80"}


def test_ten_weeks_of_history_are_no_forecast_and_say_so():
    here = traded()
    name = ("ccer_price", "", "cn")
    short = Forecasts(1, "", 615, "", reasons={name: "short"})
    built = trading.trading(replace(here, forecasts=short))
    assert not list(drawn(built))
    assert "历史太短，不作预测" in built.foot


def test_the_card_says_when_prices_last_came_by_themselves():
    here = traded()
    facts = {**here.facts, "feed": "行情上次自动更新 2026-11-26 08:00"}
    assert facts["feed"] in trading.trading(replace(here, facts=facts)).foot


@pytest.mark.parametrize("size", [0.0, -3e5, 1e-6, 1e15])
@pytest.mark.parametrize("months", [1, 12, 36])
def test_fans_of_every_size_are_drawn_within_their_axis(size, months):
    base = view(months, more={("creditable_reduction", "line", line): 0.0 for line in LINES})
    site = SiteInfo(SITE, "站", "", False, "Asia/Shanghai")
    origin = base.periods[-1].label
    points = tuple(point(n, shifted(origin, n), size * n, origin=origin) for n in range(1, 13))
    known = Forecasts(1, "", 615, "", {("reduction", SITE, "site", "month"): points})
    built = market.months(replace(base, sites=(site,), forecasts=known))
    figure = built.plots[0].figure
    go.Figure(plain(figure))
    low, high = figure["layout"]["yaxis"]["range"]
    seen_ = [y for trace in figure["data"] for y in trace["y"] if y is not None]
    room = 1e-9 * (high - low)
    assert all(low - room <= y <= high + room for y in seen_)


def test_without_known_errors_no_interval_is_shown_anywhere():
    bare = dict.fromkeys(BANDS)
    points = {
        name: tuple(replace(p, bands=bare | {"p50": p.bands["p50"]}) for p in of)
        for name, of in ahead().points.items()
    }
    here = seen(forecasts=replace(ahead(), points=points))
    assert words(revenue.sums(here).body).count("历史误差未知，没有区间") == 4
    for built in (market.years(here), market.months(here), revenue.curve(here), aims.aims(here)):
        assert not [t for plot in built.plots for t in plot.figure["data"] if t.get("fill")]
    said = came.Came(points["reduction", SITE, "site", "month"][0], Cell(1.0, "kgCO2e"))
    assert said.inside is None
    assert "没有区间" in words(came.table([said], Units(), "zh"))


@pytest.mark.parametrize(("n", "warned"), [(10, True), (29, True), (30, False), (0, False)])
def test_a_coverage_of_few_cases_says_that_it_says_little(n, warned):
    few = replace(backtest(), coverage80=1.0 if n else None, intervals=n)
    tests = {("reduction", SITE, line): (few,) for line in LINES}
    here = seen(forecasts=replace(ahead(), tested=tests))
    for foot in (market.months(here).foot, market.years(here).foot, fan.caption(here, few, (), "")):
        assert f"（n={n}）" in foot
        assert ("样本太少" in foot) is warned
    assert ("样本太少" in words(fan.fold(here, [("x", [few])]))) is warned


def stated(**by_name):
    def one(period, amounts):
        return (Stated(period, amounts, "可研报告", "ana 2026-01-01 08:00"),)

    of = {name: one(*values) for name, values in by_name.items()}
    return Sales(SITE, date(2026, 1, 1), stated=of, keeps=True)


def test_a_stated_phase_has_its_year_its_aims_and_its_source():
    sales = stated(
        phase1=("2023", {"reduction": None, "revenue": None, "mass": None}),
        phase2=("2027", {"reduction": 4e6, "revenue": 5e5, "mass": 1e4}),
        phase3=("2040", {"reduction": 6e6, "revenue": None, "mass": None}),
    )
    built = aims.aims(replace(seen(), sales=sales))
    said = words(built.body)
    assert built.sheet.labels == ("一期成果 2023", "二期成果（预期） 2027", "长期成果（预期） 2040")
    for part in (
        "2023，已结束",
        "2027，情景",
        "2040，规划",
        "收益目标 50.0",
        "处理量 --",
        "可研报告",
    ):
        assert part in said, part
    assert "预期达成 90%" in said  # 3.6 of 4.0 million
    expected = built.sheet.groups[0].series[1].cells
    assert [cell is not None for cell in expected] == [False, True, False]
    assert built.sheet.note(1) == "可研报告"


def test_without_a_forecast_a_stated_phase_still_stands():
    sales = stated(phase1=("2024", {"reduction": 4e6, "revenue": None, "mass": None}))
    built = aims.aims(replace(seen(forecasts=None), sales=sales))
    assert built.sheet.labels == ("一期成果 2024",)
    assert "2024，进行中" in words(built.body)
    assert "预期成果：一期成果" in str(
        aims.aims(replace(seen(forecasts=None), sales=stated())).body
    )


def test_a_stated_fact_stands_with_its_year_and_source_in_the_place_of_the_shipped_one():
    sales = stated(covered=("2025", {"tonnes": 4e9}), verified=("2026-06-30", {"tonnes": 5e7}))
    built = outlook.outlook(replace(seen(), sales=sales))
    (whole,) = built.sheet.groups[0].whole
    assert whole.value == pytest.approx(200.0)
    assert [p.cells[0].value for p in built.sheet.groups[0].series] == pytest.approx([50.0, 150.0])
    said = words(built.body)
    assert all(
        word in said for word in ("40 亿 t（2025，可研报告）", "截至 2026-06-30", "可研报告")
    )
    assert "截至 2026-01-08，公开报道汇总" in said  # what nobody stated is as it ships
    assert "年份未注明" not in said
