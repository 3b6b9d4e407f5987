"""拆解流程 and 替代情况 of any numbers: nothing breaks, parts add up, what is unknown stays so."""

from dataclasses import replace
from math import fsum, isfinite

import orjson
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figures import process as p
from figures import shapes
from figures import substitution as s
from figures.cells import Book, Cell
from figures.flows import equipment_flows
from figures.number import NONE
from figures.sheet import axis
from figures.view import SiteInfo, Span, View, months_of, shifted
from pages import process, substitution
from pages._panel import render

LAST = "2026-07"
LINES = ("cable", "conductor", "transformer")
SITE = ("site", "site")
UNITS = {
    "energy": "kgce", "emission": "kgCO2e", "electricity": "kWh", "diesel": "L", "throughput": "t",
    "residue": "t", "product_output": "t", "energy_per_tonne": "kgce/t",
    "emission_per_tonne": "kgCO2e/t", "energy_per_km": "kgce/km", "energy_per_unit": "kgce/unit",
    "pv_capacity": "kWp", "charger_count": "1", "nev_share": "%", "pv_self_rate": "%",
    "heat_pump_mean_load": "kW", "substitution": "kgCO2e", "pv_substitution": "kgCO2e",
}  # fmt: skip
KEYS = [
    *((name, "line", line) for line in LINES for name in (
        "energy", "emission", "electricity", "diesel", "throughput", "residue", "energy_per_tonne",
        "emission_per_tonne")),
    ("energy_per_km", "line", "cable"), ("energy_per_unit", "line", "transformer"),
    *(("energy", "equipment", key) for _, _, key in p.SPOKES),
    *(("energy", "equipment_line", f"{key}/{line}")
      for key in ("crane", "environmental", "sorting", "forklift") for line in LINES),
    *(("energy", "medium", key) for key in ("electricity", "diesel", "water")),
    *(("energy", "group", key) for key in ("office", "ac")),
    *((name, *SITE) for name in (
        "energy", "electricity", "pv_self_use", "pv_generation", "pv_export", "pv_capacity",
        "pv_self_rate", "charger_energy", "charger_count", "heat_pump_electricity",
        "standard_ac_electricity", "heat_pump_saved", "heat_pump_mean_load", "substitution")),
    *(("substitution", "source", key) for key in ("pv", "charger", "heat_pump")),
    *(("pv_substitution", "part", key) for key in ("self_use", "export")),
    *(("nev_share", "vehicle_class", key) for key in ("shuttle_bus", "official_car")),
    *(("product_output", "material", key) for _, _, key, _ in p.MATERIALS),
    *(("product_output", "line_material", f"{line}/{key}")
      for line in LINES for _, _, key, _ in p.MATERIALS),
]  # fmt: skip


def book(value, months, missing=()):
    """A book that holds a value of every name and month; ``value`` may be a function."""
    cells = {}
    for key in KEYS:
        if key in missing:
            continue
        unit = UNITS.get(key[0], "kWh")
        cells[key] = {}
        for at, month in enumerate(months):
            v = value(key, at) if callable(value) else value
            ident = f"{abs(hash((key, month))):020x}"[:20]
            cells[key][month] = [Cell(v, unit, (ident,), period=month)]
    return Book(cells, 1)


def view(value=1.0, count=12, grain="month", missing=(), **more):
    first = shifted(LAST, 1 - count)
    months = months_of(shifted(first, -12), LAST)
    sites = (SiteInfo("S1", "测试站", "Test", demo=False, zone="Asia/Shanghai"),)
    periods = tuple(Span(m, (m,)) for m in months_of(first, LAST))
    return View(book(value, months, missing), Book({}, 0), sites, periods, grain=grain, **more)


def walk(node):
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from walk(child)
    elif isinstance(node, list | tuple):
        for child in node:
            yield from walk(child)


def texts(node):
    if isinstance(node, dict):
        return texts(node.get("props", {}).get("children", ""))
    if isinstance(node, list | tuple):
        return "".join(map(texts, node))
    return "" if node is None else str(node)


def plain(node):
    if isinstance(node, str):
        return "#123456" if node.startswith("@") else node
    if isinstance(node, dict):
        return {k: plain(v) for k, v in node.items() if k not in ("customdata", "meta")}
    return [plain(v) for v in node] if isinstance(node, list | tuple) else node


def panels():
    return [(page, panel) for page in (process.PAGE, substitution.PAGE) for panel in page.panels]


VALUES = {
    "one": 1.0, "zero": 0.0, "below": -3.5, "unknown": None, "huge": 4.2e12, "tiny": 1e-9,
    "holes": lambda key, at: None if at % 3 == 0 else 10.0 + at,
    "mixed": lambda key, at: (-1.0) ** at * (at + 1) * (1 + len(key[2])),
}  # fmt: skip
SWITCHES = {
    "first": {},
    "second": {"lines": "energy", "radar": "ratio", "products": "cable", "course": "sum",
               "pv": "day", "pump": "stacked", "since": "2026-01", "month": "2026-07"},
    "third": {"lines": "intensity", "products": "transformer", "month": "2026-02"},
}  # fmt: skip


@pytest.mark.parametrize("count", [1, 12, 36])
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("switches", SWITCHES)
def test_every_panel_stands_any_numbers(value, count, switches):
    profile = {(day, hour): 2.0 for day in range(7) for hour in range(24)}
    found = view(
        VALUES[value], count, switches=SWITCHES[switches], charger_kw=60.0,
        profiles={"charger": profile, "pv_generation": profile, "pv_export": {}},
        line_alarms={"cable": 2},
    )  # fmt: skip
    for page, panel in panels():
        sent = render(page, panel, found, "?")
        assert sent.state in ("ready", "empty")
        orjson.dumps([sent.words, sent.aside])
        for node in walk(sent.chart or {}):
            for number in node.values():
                assert not isinstance(number, float) or isfinite(number)
        for figure in (sent.chart or {"plots": []})["plots"]:
            go.Figure(plain(figure))


def test_what_is_unknown_is_no_zero():
    for page, panel in panels():
        sent = render(page, panel, view(None), "?")
        shown = texts(sent.words)
        assert sent.state == "empty" or NONE in shown, panel.key


@pytest.mark.parametrize(
    ("missing", "empty"),
    [
        ({"pv_generation", "pv_self_use", "pv_export"}, {"pv"}),
        ({"charger_energy", "charger_count"}, {"chargers"}),
        ({"heat_pump_saved", "standard_ac_electricity", "heat_pump_electricity"}, {"heat-pump"}),
    ],
)
def test_a_site_without_a_source_has_empty_panels_of_it_alone(missing, empty):
    found = view(5.0, missing={key for key in KEYS if key[0] in missing})
    states = {panel.key: render(page, panel, found, "?").state for page, panel in panels()}
    assert {key for key, state in states.items() if state == "empty"} == empty


def test_one_line_alone():
    others = {key for key in KEYS if any(line in key[2] for line in ("conductor", "transformer"))}

    def value(key, at):
        return 0.0 if key in others else 100.0

    found = view(value)
    assert all(render(page, panel, found, "?").state != "error" for page, panel in panels())
    stops, _, _, _ = equipment_flows(found)
    assert not {stop.key for stop in stops} & {"conductor", "transformer"}


POWERED = ("cable_line", "conductor_line", "transformer_bench", "crane", "environmental")
AMOUNT = st.floats(0.0, 1e6)


def energies(drawn):
    """The ledger of a site whose equipment uses what was drawn; its totals follow from it."""
    own, shared, split, pv, office, water, trucks = drawn
    found = dict(zip((("energy", "equipment", k) for k in POWERED), own, strict=True))
    found["energy", "equipment", "forklift"] = shared
    for key, whole in (("crane", own[3]), ("environmental", own[4]), ("forklift", shared)):
        for line, part in zip(LINES, split, strict=True):
            found["energy", "equipment_line", f"{key}/{line}"] = whole * part
    for line in LINES:
        found["energy", "equipment_line", f"sorting/{line}"] = office / 7
    found["energy", "group", "office"] = office
    found["energy", "group", "ac"] = office / 2
    electricity = fsum(own) + 3 * (office / 7) + 1.5 * office + 1.0
    found["energy", "medium", "electricity"] = electricity
    found["energy", "medium", "diesel"] = shared + trucks
    found["energy", "medium", "water"] = water
    found["energy", *SITE] = electricity + shared + trucks + water
    found["electricity", *SITE] = electricity / 0.1229
    found["pv_self_use", *SITE] = pv * electricity / 0.1229
    return found


DRAWN = st.tuples(
    st.lists(AMOUNT, min_size=5, max_size=5), AMOUNT,
    st.sampled_from([(0.2, 0.5, 0.3), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.1, 0.1, 0.1)]),
    st.floats(0.0, 1.0), AMOUNT, AMOUNT, AMOUNT,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(DRAWN)
def test_flows_balance(drawn):
    ledger = energies(drawn)
    whole = ledger["energy", *SITE]
    stops, flows, cells, left = equipment_flows(view(lambda key, at: ledger.get(key, 0.0), 1))
    near = 1e-5 * whole + 1e-9
    into, out = {}, {}
    for flow in flows:
        assert flow.value > 0
        into[flow.target] = into.get(flow.target, 0.0) + flow.value
        out[flow.source] = out.get(flow.source, 0.0) + flow.value
    assert left == ""
    assert [flow.value for flow in flows] == [cell.value for cell in cells]
    for stop in stops:
        if stop.column == 1:
            assert into[stop.key] == pytest.approx(out.get(stop.key, 0.0), abs=near)
    for column, side in ((0, out), (2, into)):
        total = fsum(side[stop.key] for stop in stops if stop.column == column)
        assert total == pytest.approx(whole, abs=near)


def test_flows_between_equipment_and_line_are_ledger_rows():
    ledger = energies(([100.0] * 5, 50.0, (0.2, 0.5, 0.3), 0.4, 30.0, 2.0, 5.0))
    _, flows, cells, _ = equipment_flows(view(lambda key, at: ledger.get(key, 0.0), 1))
    for flow, cell in zip(flows, cells, strict=True):
        if flow.source in ("crane", "environmental", "forklift") and flow.target in LINES:
            assert cell.rule == ""
            assert cell.value == ledger["energy", "equipment_line", f"{flow.source}/{flow.target}"]
    grid = fsum(flow.value for flow in flows if flow.source == "grid")
    pv = fsum(flow.value for flow in flows if flow.source == "pv")
    assert pv / (pv + grid) == pytest.approx(0.4)


def test_a_negative_rest_is_told_and_not_drawn():
    ledger = energies(([100.0] * 5, 50.0, (0.2, 0.5, 0.3), 0.4, 30.0, 2.0, 5.0))
    ledger["energy", "medium", "electricity"] -= 20.0
    _, flows, _, left = equipment_flows(view(lambda key, at: ledger.get(key, 0.0), 1))
    assert all(flow.value > 0 for flow in flows)
    assert left


def drawn_radar(found):
    built = p.radar(found)
    return built, built.plots[0].figure


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.0, 1e7), min_size=12, max_size=12))
def test_the_radar_draws_the_ledger_from_zero(amounts):
    keys = [("energy", "equipment", key) for _, _, key in p.SPOKES]
    now, base = dict(zip(keys, amounts[:6], strict=True)), dict(zip(keys, amounts[6:], strict=True))

    def value(key, at):
        return (now if at == 12 else base).get(key, 1.0)

    built, figure = drawn_radar(view(value, 1))
    last, before = figure["data"][-1], figure["data"][0]
    assert last["r"][:6] == pytest.approx([now[key] / 1000 for key in keys], rel=1e-12)
    assert before["r"][:6] == pytest.approx([base[key] / 1000 for key in keys], rel=1e-12)
    assert before["line"]["dash"] == "dash"
    assert figure["layout"]["polar"]["radialaxis"]["range"][0] == 0
    held = [cell.value for cell in built.sheet.groups[0].series[0].cells]
    assert sorted(held) == sorted(now.values())
    assert held == sorted(held, reverse=True)

    built, figure = drawn_radar(view(value, 1, switches={"radar": "ratio"}))
    for at, key in enumerate(keys):
        drawn = figure["data"][-1]["r"][at]
        if base[key] < p.LEAST_BASE:
            assert drawn is None
            assert f"<b>{NONE}</b>" in figure["layout"]["polar"]["angularaxis"]["ticktext"][at]
        else:
            assert drawn == pytest.approx(100 * now[key] / base[key])
            marked = figure["data"][-1]["marker"]["color"][at] == "@status.bad"
            assert marked == (drawn > 100)
    assert figure["layout"]["polar"]["radialaxis"]["range"][1] >= 140


def test_the_slider_chooses_a_month_of_the_range():
    def value(key, at):
        return 1000.0 + at

    found = view(value, switches={"month": "2026-03"})
    _, figure = drawn_radar(found)
    assert figure["data"][-1]["r"][0] == pytest.approx((1000.0 + 19) / 1000)
    slider = next(
        n for n in walk(p.radar(found).body) if n.get("props", {}).get("role") == "slider"
    )
    assert slider["props"]["aria-valuenow"] == "7"
    assert slider["props"]["data-values"].split()[7] == "2026-03"
    assert not [n for n in walk(p.radar(view(value, 1)).body)
                if n.get("props", {}).get("role") == "slider"]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.0, 1e7), min_size=9, max_size=9).filter(any))
def test_rings_show_parts_of_their_whole(amounts):
    keys = [*(("energy", "equipment", k) for _, _, k in p.SPOKES),
            *(("energy", "equipment_line", f"sorting/{line}") for line in LINES)]  # fmt: skip
    ledger = dict(zip(keys, amounts, strict=True))
    built = p.equipment_ring(view(lambda key, at: ledger.get(key, 0.0), 1))
    if built.empty:
        assert fsum(amounts) == 0
        return
    parts = built.plots[0].figure["data"][0]["values"]
    assert fsum(parts) == pytest.approx(fsum(amounts) / 1000, rel=1e-9)
    assert built.sheet.groups[0].whole[0].value == pytest.approx(fsum(amounts), rel=1e-12)
    assert parts == sorted(parts, reverse=True)


def substituted(pv, charger, pump):
    ledger = {
        ("substitution", "source", "pv"): pv, ("substitution", "source", "charger"): charger,
        ("substitution", "source", "heat_pump"): pump, ("substitution", *SITE): pv + charger + pump,
    }  # fmt: skip
    return lambda key, at: ledger.get(key, 1.0)


def test_shares_are_a_ring_or_bars_where_a_part_is_below_zero():
    ring = s.shares(view(substituted(600.0, 300.0, 100.0)))
    assert ring.plots[0].figure["data"][0]["type"] == "pie"
    assert "60.0%" in texts(ring.beside)
    bars = s.shares(view(substituted(600.0, 300.0, -100.0)))
    assert {t["type"] for t in bars.plots[0].figure["data"]} == {"bar"}
    assert "%" not in texts(bars.beside)


def test_shares_moved_by_points():
    def value(key, at):
        now = substituted(600.0, 300.0, 100.0) if at == 23 else substituted(500.0, 400.0, 100.0)
        return now(key, at)

    assert "▲ 10.0" in texts(s.shares(view(value)).beside)
    assert "▼ 10.0" in texts(s.shares(view(value)).beside)


def test_added_up_since_a_month_and_of_the_aim():
    found = view(1000.0, targets={("substitution", "site", "site", "target"): {"2026": 14_000.0}})
    built = s.cumulative(found)
    assert built.lead.value == 24_000.0
    assert "50.0%" in texts(built.body)
    assert fsum(c.value for c in built.sheet.groups[0].series[0].cells) == built.lead.value
    later = s.cumulative(replace(found, switches={"since": "2026-01"}))
    assert later.lead.value == 7_000.0
    holes = s.cumulative(view(lambda key, at: None if at == 20 else 1000.0))
    assert holes.lead.value == 23_000.0
    assert holes.lead.quality == "incomplete"
    assert "缺 1 个月" in holes.foot


def test_the_course_added_up_ends_at_an_unknown_month():
    found = view(lambda key, at: None if at == 16 else 2.0, switches={"course": "sum"})
    cells = s.trend(found).sheet.groups[0].series[0].cells
    assert [cell.value for cell in cells[:4]] == [2.0, 4.0, 6.0, 8.0]
    assert all(cell.value is None for cell in cells[4:])


def test_a_gap_is_not_filled():
    def value(key, at):
        return None if key == ("pv_self_use", *SITE) and at == 18 else 3.0

    figure = s.pv(view(value)).plots[0].figure
    filled = [trace for trace in figure["data"] if trace.get("fill") == "tonexty"]
    assert [len(trace["x"]) for trace in filled] == [6, 5]
    assert all(None not in trace["y"] for trace in filled)


def test_quota_and_distance():
    targets = {("energy_per_tonne", "line", "cable", "quota"): {"2026": 40.0, "2026-07": 50.0}}
    over = p.product_kpi(view(60.0, targets=targets), "cable")
    assert "限额 50.0 kgce/t，超出 20.0%" in texts(over.body)
    under = p.product_kpi(view(45.0, targets=targets), "cable")
    assert "低于 10.0%" in texts(under.body)
    assert "限额" not in texts(p.product_kpi(view(45.0, targets=targets), "conductor").body)


def test_mass_balance_is_judged():
    def value(out):
        return lambda key, at: {"throughput": 100.0, "residue": 1.0}.get(
            key[0], out if key[1] == "material" else 1.0)  # fmt: skip

    n = len(p.MATERIALS)
    for out, words in ((298.0 / n, "平衡"), (290.0 / n, "偏差大于 2%"), (200.0 / n, "偏差大于 5%")):
        assert words in texts(p.products(view(value(out))).side)


def test_the_week_is_of_the_rated_power():
    profile = {(day, hour): 6.0 if (day, hour) == (2, 18) else 0.0
               for day in range(7) for hour in range(24)}  # fmt: skip
    built = s.chargers(view(1.0, profiles={"charger": profile}, charger_kw=60.0))
    figure = built.plots[2].figure
    assert figure["data"][0]["customdata"][2][18] == 10.0
    assert figure["data"][0]["z"][2][18] == 4.5
    assert "周三 18 时" in texts(built.plots[2].lead)
    without = s.chargers(view(1.0, charger_kw=60.0))
    assert "没有逐时" in texts(without.plots[2].lead)


def test_hours_without_a_value_stay_empty():
    figure = shapes.week({(0, 0): 1.0}, ["a"] * 7, top=5.0, name="", hour="{hour}", common={})
    cells = [z for row in figure["data"][0]["z"] for z in row]
    assert cells.count(None) == 167


@pytest.mark.parametrize(("low", "high"), [(-0.09, 15.0), (-3.0, 0.2), (-10.0, 10.0)])
def test_a_little_below_zero_takes_no_whole_step(low, high):
    found = axis([low, high])
    assert found.low <= low
    assert found.low >= low - 0.5 * (found.ticks[1] - found.ticks[0])
