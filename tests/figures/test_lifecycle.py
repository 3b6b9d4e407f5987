"""全流程减碳 and 售碳潜力: parts add up, nothing invented, whatever the values are."""

from dataclasses import replace
from decimal import Decimal
from math import fsum

import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figures import aims, market, price, reduction, revenue, trading
from figures.cells import Book, Cell
from figures.lifecycle import STEP, TOTAL, Step, edges, signed, waterfall
from figures.reduction import EMISSION, MATERIALS, REDUCTION, STAGES, SUBSTITUTION
from figures.shapes import Flow as Band
from figures.shapes import Stop, sankey
from figures.view import BatchMonth, Flow, Span, View, months_of

LINES = ("cable", "conductor", "transformer")
AMOUNTS = st.one_of(
    st.just(0.0), st.floats(-1e9, 1e9), st.floats(-1e-6, 1e-6), st.floats(1e11, 1e12), st.none()
)


def words(node):
    if isinstance(node, dict):
        return words(node.get("props", {}).get("children", ""))
    if isinstance(node, list | tuple):
        return "".join(map(words, node))
    return "" if node is None else str(node)


def number(text):
    return Decimal(text.replace(",", "").replace("−", "-").replace("+", ""))


def plain(node):
    if isinstance(node, str):
        return "rgba(1,2,3,.5)" if node.startswith("@") else node
    if isinstance(node, dict):
        return {k: plain(v) for k, v in node.items() if k != "customdata"}
    return [plain(v) for v in node] if isinstance(node, list | tuple) else node


def known_sum(values):
    known = [value for value in values if value is not None]
    return fsum(known) if known else None


def view(months=12, materials=None, stages=None, more=None, **fields):
    """Every month the same: what materials save, what stages emit, kgCO2e."""
    materials = materials or {key: 1000.0 * n for n, (_, _, key, _, _) in enumerate(MATERIALS, 1)}
    stages = stages or {key: 100.0 * n for n, (_, _, key, _, _) in enumerate(STAGES, 1)}
    saved, burden = known_sum(materials.values()), known_sum(stages.values())
    net = None if saved is None or burden is None else saved - burden
    values = {SUBSTITUTION: saved, EMISSION: burden, REDUCTION: net}
    values |= {("product_substitution", "material", key): v for key, v in materials.items()}
    values |= {("lifecycle_emission", "stage", key): v for key, v in stages.items()}
    values |= more or {}
    labels = months_of("2024-01", "2026-12")[:months]
    units = {"throughput": "t", "product_output": "t", "residue": "t",
             "creditable_reduction": "t", "ccer_volume": "t", "ccer_price": "CNY/t"}  # fmt: skip
    cells = {
        key: {
            month: [Cell(value, units.get(key[0], "kgCO2e"), (f"{'-'.join(key)}-{month}",),
                         quality="null" if value is None else "measured", period=month)]
            for month in labels
        }
        for key, value in values.items()
    }  # fmt: skip
    periods = tuple(Span(month, (month,)) for month in labels)
    return View(Book(cells, 1), Book({}, 0), (), periods, **fields)


@given(st.lists(AMOUNTS, min_size=1, max_size=8), st.lists(AMOUNTS, min_size=1, max_size=6))
@settings(deadline=None)
def test_a_waterfall_ends_at_what_is_left(up, down):
    total = fsum(value or 0.0 for value in up)
    left = total + fsum(value or 0.0 for value in down)
    steps = [Step(str(n), v, STEP, "c.c", "") for n, v in enumerate(up)]
    steps.append(Step("sum", total, TOTAL, "c.c", ""))
    steps += [Step(f"d{n}", v, STEP, "c.c", "") for n, v in enumerate(down)]
    steps.append(Step("left", left, TOTAL, "c.c", ""))
    found = edges(steps)
    size = max(abs(v or 0.0) for v in (*up, *down)) or 1.0
    assert found[len(up) - 1][1] == pytest.approx(total, abs=1e-9 * size)
    assert found[-2][1] == pytest.approx(left, abs=1e-9 * size)
    assert all(start == 0 for step, (start, _) in zip(steps, found, strict=True)
               if step.kind == TOTAL)  # fmt: skip
    for before, step, here in zip(found, steps[1:], found[1:], strict=False):
        assert step.kind == TOTAL or here[0] == before[1]
    drawn = waterfall(steps)
    low, high = drawn["layout"]["yaxis"]["range"]
    room = 1e-9 * (high - low)
    assert all(low - room <= at <= high + room for place in found for at in place)
    assert [y is None for y in drawn["data"][0]["y"]] == [step.amount is None for step in steps]


@given(st.lists(st.decimals(-(10**7), 10**7, places=6), min_size=1, max_size=8), st.integers(0, 2))
def test_signed_steps_add_up_to_the_shown_whole(parts, decimals):
    places = Decimal(1).scaleb(-decimals)
    whole = sum(parts).quantize(places)
    said = signed(parts, whole, decimals)
    assert sum(map(number, said)) == whole
    assert all(word[0] in "+−0" or not word.strip("0.") for word in said)


def test_a_step_that_is_not_known_takes_nothing():
    assert signed([Decimal("1.04"), None], Decimal("1.0"), 1) == ["+1.0", "--"]
    assert signed([None], Decimal(0), 1) == ["--"]


@pytest.mark.parametrize("months", [1, 12, 36])
@pytest.mark.parametrize(
    ("materials", "stages"),
    [
        (None, None),
        ({"aluminium": -5e5, "steel": 3.3}, {"transport": -12.5, "treatment": 0.0}),
        ({"aluminium": 0.0}, {"transport": 0.0}),
        ({"aluminium": 1e12, "steel": 1e-6}, {"transport": 1e11, "storage": 1e-9}),
        ({"aluminium": None, "steel": 2e6}, {"transport": None, "storage": 5.0}),
    ],
)
def test_the_steps_of_a_month_end_at_its_reduction(months, materials, stages):
    seen = view(months, materials, stages)
    built = reduction.flow_down(seen)
    assert not built.empty
    bars, said = built.plots[0].figure["data"]
    ends = [b + (y or 0.0) for b, y in zip(bars["base"], bars["y"], strict=True)]
    left = seen.now(REDUCTION).value / 1000
    assert ends[-1] == pytest.approx(left, rel=1e-9, abs=1e-9)
    assert ends[-2] == pytest.approx(left, rel=1e-9, abs=1e-6)
    shown = [text.replace("<b>", "").replace("</b>", "") for text in said["text"]]
    at = next(n for n, text in enumerate(said["text"]) if text.startswith("<b>"))
    parts = [number(text) for text in shown[:at] if text != "--"]
    taken = [number(text) for text in shown[at + 1 : -1] if text != "--"]
    assert sum(parts) == number(shown[at])
    assert number(shown[at]) + sum(taken) == number(shown[-1])
    go.Figure(plain(built.plots[0].figure))


def test_nothing_known_is_empty_with_a_reason_and_never_a_zero():
    seen = view(1, {"aluminium": None}, {"transport": None})
    assert reduction.flow_down(seen).empty
    assert reduction.network(seen).empty
    assert reduction.unit_product(seen).empty
    assert "--" in words(reduction.sums(seen).body)
    assert "0.0" not in words(reduction.sums(seen).body)


def test_copper_counts_as_the_totals_do():
    with_copper = view()
    assert "铜（扩展项）" in reduction.flow_down(with_copper).sheet.labels
    six = {key: 1000.0 for _, _, key, _, _ in MATERIALS if key != "copper"}
    without = view(1, six, copper=False)
    without.book._cells["product_substitution", "material", "copper"] = {
        "2024-01": [Cell(9e9, "kgCO2e", ("cu",), period="2024-01")]
    }
    built = reduction.flow_down(without)
    assert "铜（扩展项）" not in built.sheet.labels
    assert "标准六种" in built.subtitle
    differs = replace(without, copper=None)
    assert "其他口径差" in reduction.flow_down(differs).sheet.labels


def test_a_sum_over_months_leaves_out_what_is_not_known_and_says_so():
    seen = view(12)
    cells = seen.book._cells[REDUCTION]
    cells["2024-03"] = [Cell(None, "kgCO2e", ("x",), quality="null", period="2024-03")]
    cell, missing = reduction.cumulative(seen, REDUCTION, "2024-01")
    assert missing == 1
    assert cell.quality == "incomplete"
    assert "x" not in cell.ids
    assert cell.value == pytest.approx(11 * seen.now(REDUCTION).value)
    assert "缺 1 个月" in words(reduction.sums(seen).body)


FLOWS = (
    Flow("meter", "dismantling", "cable", 10.0), Flow("meter", "dismantling", "conductor", 5.5),
    Flow("trip", "transport", "cable", 4.25), Flow("fuel", "storage", "transformer", 0.001),
)  # fmt: skip


def flowing(flows=FLOWS, scale=1.0):
    stages = {key: 0.0 for _, _, key, _, _ in STAGES}
    lines = dict.fromkeys(LINES, 0.0)
    for flow in flows:
        stages[flow.stage] += flow.kg * scale
        lines[flow.line] += flow.kg * scale
    more = {("lifecycle_emission", "line", key): value for key, value in lines.items()}
    return view(1, None, stages, more, flows=flows)


def test_what_flows_into_a_stage_flows_out_of_it():
    built = reduction.network(flowing())
    link = built.plots[0].figure["data"][0]["link"]
    for node in range(len(built.plots[0].figure["data"][0]["node"]["label"])):
        into = fsum(v for t, v in zip(link["target"], link["value"], strict=True) if t == node)
        out = fsum(v for s, v in zip(link["source"], link["value"], strict=True) if s == node)
        assert not into or not out or into == pytest.approx(out)
    go.Figure(plain(built.plots[0].figure))


def test_lineage_that_does_not_make_the_shown_stages_is_not_drawn():
    assert "此口径下" in reduction.network(flowing(scale=1.1)).empty
    assert reduction.network(flowing((Flow("meter", "storage", "cable", -1.0),))).empty


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=9))
def test_flows_keep_their_amounts(values):
    bands = [Band("0", str(n + 1), value, "", "c.c", {}) for n, value in enumerate(values)]
    stops = [Stop(str(n), min(n, 1), "", "", "", "c.c", {}) for n in range(len(values) + 1)]
    drawn = sankey(stops, bands)
    assert fsum(drawn["data"][0]["link"]["value"]) == pytest.approx(fsum(values))


def test_estimated_flows_are_paler_and_named():
    seen = flowing()
    stage = ("lifecycle_emission", "stage", "transport")
    (cell,) = seen.book._cells[stage]["2024-01"]
    guessed = replace(cell, quality="estimated", estimated_pct=88.0, measured_pct=12.0)
    seen.book._cells[stage]["2024-01"] = [guessed]
    trace = reduction.network(seen).plots[0].figure["data"][0]
    assert any("（估算）" in label for label in trace["node"]["label"])
    assert {color.rpartition("/")[2] for color in trace["link"]["color"]} == {"flow", "pale"}
    assert "12%" in words(reduction.stages(seen).aside)


def unit(saved, burden, mass=10.0, **fields):
    more = {
        ("product_substitution", "line", "cable"): saved,
        ("lifecycle_emission", "line", "cable"): burden,
        ("reduction", "line", "cable"): None if None in (saved, burden) else saved - burden,
        ("throughput", "line", "cable"): mass,
    }
    return view(1, more=more, **fields)


def test_the_ring_of_a_product_sums_to_what_it_substitutes():
    built = reduction.unit_product(unit(7786.0, 1470.0))
    (ring,) = built.plots[0].figure["data"]
    assert fsum(ring["values"]) == pytest.approx(778.6)
    shown = [number(word) for word in built.sheet.groups[0].words(0, unit(1, 1).units)]
    assert shown[0] + shown[1] == shown[2]


def test_a_negative_product_makes_bars_and_no_ring():
    built = reduction.unit_product(unit(100.0, 900.0))
    assert not built.plots
    assert "不能画成环" in words(built.body)


@pytest.mark.parametrize(("saved", "mass"), [(None, 10.0), (100.0, 0.0), (100.0, None)])
def test_no_scrap_or_no_products_is_no_value(saved, mass):
    assert reduction.unit_product(unit(saved, 10.0, mass)).empty


def test_the_range_of_the_batches_is_of_those_that_make_the_total():
    batches = tuple(BatchMonth("cable", 2.0, 100.0 * n, 10.0 * n) for n in range(1, 6))
    seen = unit(1500.0, 100.0, 10.0, batches=batches)
    count, low, high = reduction.batch_range(seen, "cable", Cell(10.0, "kgCO2e/t"))
    assert (count, low.value, high.value) == (5, pytest.approx(60.0), pytest.approx(220.0))
    six = unit(1350.0, 100.0, 10.0, batches=batches)
    assert reduction.batch_range(six, "cable", Cell(10.0, "kgCO2e/t"))[2].value < 220.0
    other = unit(1400.0, 100.0, 10.0, batches=batches)
    assert reduction.batch_range(other, "cable", Cell(10.0, "kgCO2e/t")) is None
    assert reduction.batch_range(replace(seen, batches=batches[:4]), "cable", low) is None


def test_mass_in_is_products_copper_residue_and_what_does_not_close():
    outputs = {("product_output", "material", key): 10.0 for _, _, key, _, _ in MATERIALS}
    more = outputs | {("throughput", "line", key): 30.0 for key in LINES}
    more |= {("residue", "line", key): 5.0 for key in LINES}
    said = words(reduction.products(view(1, more=more)).aside)
    assert "未闭合5.00 t，5.6%" in said
    assert "铜（扩展项）10.00 t" in said
    without = replace(view(1, more=more), copper=False)
    assert "铜（扩展项）10.00 t" in words(reduction.products(without).aside)


@pytest.mark.parametrize("months", [1, 12, 36])
@pytest.mark.parametrize("chosen", ["three", "net"])
def test_reduction_substitution_and_emission_share_an_axis(months, chosen):
    seen = view(months, switches={"months": chosen})
    figure = reduction.trend(seen).plots[0].figure
    low, high = figure["layout"]["yaxis"]["range"]
    assert low <= 0 <= high
    drawn = [value for trace in figure["data"] for value in trace["y"]]
    assert all(low <= value <= high for value in drawn)
    assert {trace["type"] for trace in figure["data"]} == {"bar", "scatter"}
    go.Figure(plain(figure))


def market_view(rows, chosen="week"):
    days = {
        key: {
            day: [Cell(pair[at], unit, (f"{day}{at}",), period=day)] for day, pair in rows.items()
        }
        for key, at, unit in ((price.VOLUME, 0, "t"), (price.PRICE, 1, "CNY/t"))
    }
    more = {price.VOLUME: None, price.PRICE: None}
    return replace(view(1, more=more, switches={"trading": chosen}), days=Book(days, 0))


def test_weeks_weigh_their_prices_by_volume_and_leave_gaps():
    seen = market_view({
        "2024-01-08": (100.0, 50.0), "2024-01-10": (300.0, 70.0), "2024-01-26": (5000.0, 80.0),
        "2024-01-30": (0.0, None),
    })  # fmt: skip
    labels, volumes, prices = trading.weeks(seen.days, seen.language)
    assert labels == ("2024-01-12", "2024-01-19", "2024-01-26", "2024-02-02")
    assert [cell and cell.value for cell in volumes] == [400.0, None, 5000.0, 0.0]
    assert [cell and cell.value for cell in prices] == [pytest.approx(65.0), None, 80.0, None]
    built = trading.trading(seen)
    widths = built.plots[0].figure["data"][0]["marker"]["line"]["width"]
    assert widths == [1.5, 0, 0, 1.5]
    assert "空心" in built.foot


def test_no_price_is_made_up():
    assert trading.trading(market_view({}, "month")).empty
    assert trading.trading(market_view({})).empty


@pytest.mark.parametrize("months", [1, 12, 36])
def test_years_that_are_not_whole_are_hollow_and_counted(months):
    more = {("creditable_reduction", "line", line): 0.0 for line in LINES}
    seen = view(months, more=more)
    built = market.years(seen)
    trace, *rest = built.plots[0].figure["data"]
    assert len(trace["x"]) == (months + 11) // 12
    hollow = [one["marker"]["color"][-1] for one in rest]
    assert hollow == (["@surface"] if months % 12 else [])
    notes = built.plots[0].figure["layout"]["meta"]["words"]
    assert [note["text"] for note in notes] == (["1/12 个月"] if months == 1 else [])
    sold = market.months(seen).sheet.groups[-1].series[0]
    assert {cell.value for cell in sold.cells} == {0.0}


def test_what_is_not_recorded_is_empty_with_its_reason():
    seen = view(1)
    for build in (aims.aims, revenue.sums, revenue.curve):
        assert build(seen).empty
    assert "不构成可签发量" in words(market.notice(seen))
    eligible = replace(seen, facts={"methodology": "yes"})
    assert "不构成可签发量" not in words(market.notice(eligible))
