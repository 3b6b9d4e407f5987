"""Fan charts: what was, then the median of a forecast and its bands (DESIGN §7).

A sheet has every number that is drawn, so that hover, table, CSV and workbook say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from figures import charts
from figures.cells import Cell
from figures.forecast import FORECAST, Backtest, Point, bands, column
from figures.html import Content, Node, el, icon
from figures.number import Units, attributes, exact, written
from figures.sheet import Axis, Group, Series, axis
from figures.view import View, tick
from translations import text

MODELS = {
    "naive": "朴素法", "drift": "漂移法", "ets": "ETS", "theta": "Theta",
    "seasonal_naive": "季节朴素法", "seasonal_growth": "季节朴素×年增长", "run_rate": "近期均值",
    "plan": "计划处理量×单位减碳量", "months": "各月之和", "joint paths": "联合模拟",
    "sum of lines": "三线之和",
}  # fmt: skip
REASONS = {
    "short": "历史太短，不作预测", "reference": "没有模型显著优于朴素法",
    "season": "不足 24 个月，不用季节模型", "still": "序列没有变化，无从检验",
    "untested": "历史还不足以回测，暂用参考模型",
    "no_price": "没有 CCER 价格，只给减排量、不给金额",
}  # fmt: skip
# Of fewer intervals a coverage of 80 % has a standard error of more than 7 points.
FEW = 30
Drawn = list[float | None]


@dataclass(frozen=True)
class Fan:
    """What a fan chart shows.

    Parameters
    ----------
    title, unit
        Of its axis.
    labels
        The periods, those that are to come last.
    past
        What was.
    points
        What is forecast.
    origin
        The period and the value, in ``unit``, that the median leads on from; None for none.
    more
        Lines beside them: the running year so far, the run before.
    target
        What was aimed at, or assumed.
    step
        Whether it changes at its periods alone, as revenue does at issuance.
    """

    title: str
    unit: str
    labels: tuple[str, ...]
    past: Series
    points: tuple[Point, ...]
    origin: tuple[str, float] | None = None
    more: tuple[Series, ...] = ()
    target: Series | None = None
    step: bool = False


def median_words(view: View, points: Sequence[Point]) -> str:
    """Return what the median is called: a forecast within the horizon, else a scenario."""
    kinds = {point.kind for point in points}
    word = (
        "预测中值" if kinds == {FORECAST} else "预测、情景中值" if FORECAST in kinds else "情景中值"
    )
    return view.t(word)


def group_of(view: View, fan: Fan) -> Group:
    """Return the columns of a fan: what was, the median, the edges of its intervals."""
    edge = {"lo": "{level}% 区间下限", "hi": "{level}% 区间上限"}
    tint = fan.past.color
    found = [fan.past] if any(cell is not None for cell in fan.past.cells) else []
    if fan.points:
        cells = column(fan.points, fan.labels)
        found.append(Series(median_words(view, fan.points), tint, cells, "dash"))
    found += [
        Series(view.t(edge[side], level=level), tint, cells)
        for level, side, cells in bands(fan.points, fan.labels)
    ]
    found += fan.more
    return Group(fan.title, fan.unit, tuple(found), target=fan.target, sparse=True)


def figure(
    view: View, fan: Fan, *, bar: bool = False, zero: bool = True, axis_words: bool = True
) -> charts.Figure:
    """Return the chart of a fan; ``bar`` draws what was as bars."""
    units, group = view.units, group_of(view, fan)
    known = [
        v for s in group.series for v in charts.values(s.cells, fan.unit, units) if v is not None
    ]
    if fan.target:
        wanted = charts.values(fan.target.cells, fan.unit, units)
        known += [v for v in wanted if v is not None]
    scale = axis([*known, *([0.0] if bar else [])], zero=zero or bar)
    layout = _layout(view, fan, scale, words=axis_words)
    traces = [_past(fan, units, bar=bar)]
    traces += [trace for level in ("95", "80", "50") for trace in _band(fan, units, level)]
    traces += [_line(fan, one, units) for one in fan.more]
    if fan.points:
        traces.append(_median(fan, units))
        layout["meta"]["ends"] = list(_ends(view, fan, group))
    if fan.target:
        traces.append(charts.target_line(fan.target, fan.labels, wanted))
    ends = layout["meta"]["ends"]
    layout["margin"]["r"] = 24 + max((charts.width_of(end["text"]) for end in ends), default=0)
    return {"data": traces, "layout": layout}


def _layout(view: View, fan: Fan, scale: Axis, *, words: bool) -> dict[str, Any]:
    ticks = [[label, *tick(label, view.language)] for label in fan.labels]
    layout = charts.base_layout(fan.labels, scale, ticks, words=words)
    layout["barmode"] = "group"
    layout["meta"]["words"] = []
    start = fan.origin[0] if fan.origin else ""
    if start in fan.labels and fan.points:
        at = fan.labels.index(start)
        layout["shapes"] = [
            {"type": "line", "xref": "x", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1,
             "line": {"color": "@axis", "width": 1.5, "dash": "dot"}, "layer": "below"}
        ]  # fmt: skip
        ahead = "预测" if fan.points[0].kind == FORECAST else "情景"
        sides = [("实际", "right", -6), (ahead, "left", 6)]
        layout["meta"]["words"] = [
            {"x": at, "xref": "x", "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": side,
             "xshift": by, "text": view.t(word), "showarrow": False,
             "font": {"size": 12, "color": "@label"}}
            for word, side, by in sides if word != "实际" or at
        ]  # fmt: skip
        layout["margin"]["t"] = 24
    return layout


def _past(fan: Fan, units: Units, *, bar: bool) -> dict[str, Any]:
    drawn = charts.values(fan.past.cells, fan.unit, units)
    tint = charts.color(fan.past.color)
    common = {"name": fan.past.name, "x": list(fan.labels), "y": drawn, "hoverinfo": "none",
              "customdata": [attributes(c) if c else {} for c in fan.past.cells]}  # fmt: skip
    hollow = [charts.unsure(cell) for cell in fan.past.cells]
    inside = ["@surface" if h else tint for h in hollow]
    if bar:
        edge = {"color": tint, "width": [1.5 if h else 0 for h in hollow]}
        return common | {"type": "bar", "marker": {"color": inside, "line": edge}}
    return common | {
        "type": "scatter", "mode": "lines+markers", "connectgaps": False,
        "line": {"color": tint, "dash": "solid", "width": 2, "shape": _shape(fan)},
        "marker": {"symbol": fan.past.symbol, "size": 7, "opacity": 1, "color": inside,
                   "line": {"color": tint, "width": [1.5 if h else 0 for h in hollow]}},
    }  # fmt: skip


def _shape(fan: Fan) -> str:
    return "hv" if fan.step else "linear"


def _led(fan: Fan, units: Units, band: str) -> tuple[list[str], Drawn]:
    """Return a band of the points over their periods, led on from the origin."""
    cells = [point.cell(band) for point in fan.points]
    x, y = [point.target for point in fan.points], charts.values(cells, fan.unit, units)
    if fan.origin is None or fan.origin[0] in x:
        return x, y
    return [fan.origin[0], *x], [
        *charts.values([Cell(fan.origin[1], fan.unit)], fan.unit, units),
        *y,
    ]


def _band(fan: Fan, units: Units, level: str) -> Iterator[dict[str, Any]]:
    """Yield low and high edge of every stretch that knows both; between is filled."""
    x, low = _led(fan, units, f"lo{level}")
    _, high = _led(fan, units, f"hi{level}")
    for stretch in _stretches(low, high):
        common = {
            "type": "scatter", "mode": "lines", "x": x[stretch], "hoverinfo": "skip",
            "line": {"width": 0, "color": charts.color(fan.past.color), "shape": _shape(fan)},
        }  # fmt: skip
        yield common | {"y": low[stretch]}
        fill = f"{charts.color(fan.past.color)}/band"
        yield common | {"y": high[stretch], "fill": "tonexty", "fillcolor": fill}


def _stretches(low: Drawn, high: Drawn) -> Iterator[slice]:
    begun: int | None = None
    for at, pair in enumerate([*zip(low, high, strict=True), (None, None)]):
        if None in pair:
            if begun is not None and at - begun > 1:
                yield slice(begun, at)
            begun = None
        elif begun is None:
            begun = at


def _line(fan: Fan, series: Series, units: Units) -> dict[str, Any]:
    cells = series.cells
    hollow = [charts.unsure(cell) for cell in cells]
    tint = charts.color(series.color)
    return {
        "type": "scatter", "name": series.name, "x": list(fan.labels), "hoverinfo": "none",
        "mode": "markers" if series.dash == "none" else "lines", "connectgaps": False,
        "y": charts.values(cells, fan.unit, units),
        "customdata": [attributes(c) if c else {} for c in cells],
        "line": {"color": tint, "dash": "solid" if series.dash == "none" else series.dash,
                 "width": 1.25, "shape": _shape(fan)},
        "marker": {"symbol": series.symbol, "size": 8, "opacity": 1,
                   "color": ["@surface" if h else tint for h in hollow],
                   "line": {"color": tint, "width": 1.5}},
    }  # fmt: skip


def _median(fan: Fan, units: Units) -> dict[str, Any]:
    x, y = _led(fan, units, "p50")
    points = [attributes(point.cell()) for point in fan.points]
    led = len(x) - len(points)
    tint = charts.color(fan.past.color)
    many = fan.step or len(x) > 26  # marks would be a string of beads
    sizes = [0.01] * led + [0.01 if many else 7] * len(points)
    edges = [0.0] * led + [0.0 if many else 1.5] * len(points)
    return {
        "type": "scatter", "mode": "lines+markers", "name": fan.past.name, "x": x, "y": y,
        "hoverinfo": "none", "customdata": [{}] * led + points,
        "line": {"color": tint, "dash": "dash", "width": 2, "shape": _shape(fan)},
        "marker": {"symbol": "circle", "opacity": 1, "color": "@surface", "size": sizes,
                   "line": {"color": tint, "width": edges}},
    }  # fmt: skip


def _ends(view: View, fan: Fan, group: Group) -> Iterator[dict[str, Any]]:
    """Yield the labels at the end: P90, median, P10."""
    last, measure = fan.points[-1], view.units.of(fan.unit)
    decimals = group.decimals(view.units)
    for name, band in (("P90", "hi80"), (view.t("中值"), "p50"), ("P10", "lo80")):
        cell = last.cell(band)
        if cell.value is not None:
            shown = exact(cell.value) * measure.scale
            yield {
                "y": float(shown), "text": f"{name} {written(shown, decimals)}",
                "color": charts.color(fan.past.color) if band == "p50" else "@label",
                "attributes": attributes(cell),
            }  # fmt: skip


def legend(view: View, fan: Fan, *, bar: bool = False, own: str = "") -> Node:
    """Return the title of a fan and what is drawn in it; ``own`` names the reader's scenario."""
    tint = fan.past.color.replace(".", "-")

    def item(key: str, words: str) -> Node:
        return el("Span", el("Span", cls=f"key {key}"), words, cls="legend-item legend-plain")

    items = []
    if any(cell is not None for cell in fan.past.cells):
        shape = "square" if bar else "line"
        items.append(item(f"key-{shape} c-{tint} dash-solid", fan.past.name))
    if fan.points:
        items.append(item(f"key-line c-{tint} dash-dash", median_words(view, fan.points)))
        levels = {level for level, _, _ in bands(fan.points, fan.labels)}
        items += [
            item(f"key-band band-{level} c-{tint}", view.t("{level}% 区间", level=level))
            for level in ("50", "80", "95") if level in levels
        ]  # fmt: skip
    for one in fan.more:
        mark = "key-diamond" if one.symbol.startswith("diamond") else "key-dot"
        look = mark if one.dash == "none" else f"key-line dash-{one.dash}"
        items.append(item(f"{look} c-{one.color.replace('.', '-')}", one.name))
    if fan.target:
        aim = fan.target.color.replace(".", "-")
        items.append(item(f"key-line dash-dash c-{aim}", fan.target.name))
    if own:
        items.append(item("key-line dash-dashdot c-energy-total", own))
    word = view.units.of(fan.unit).word
    head = [el("Strong", fan.title), el("Span", word, cls="lead-unit")] if fan.title else []
    return el("Div", el("Div", head, cls="lead-title"), el("Div", items, cls="legend"), cls="lead")


# ---- how it was tested ----


def percent(share: float | None, decimals: int = 0) -> str:
    """Return a share of 1 as a percentage; -- where it is not known."""
    return "--" if share is None else f"{written(exact(100 * share), decimals)}%"


def few_words(language: str, tests: Sequence[Backtest]) -> str:
    """Return the warning that a coverage of so few intervals says little; empty for enough."""
    few = any(0 < one.intervals < FEW for one in tests)
    words = "n 小于 {few} 的覆盖率样本太少，不足以说明区间可靠"
    return text(words, language, few=FEW) if few else ""


def ratio_words(value: float | None, decimals: int = 2) -> str:
    """Return an error in words; -- where nothing could be judged."""
    return "--" if value is None else written(exact(value), decimals)


def caption(view: View, tested: Backtest | None, tests: Sequence[Backtest], reason: str) -> str:
    """Return what is printed under a fan: model, errors against the naive one, coverage."""
    if tested is None:
        return view.t(REASONS[reason]) if reason else ""
    naive = next((one for one in tests if one.model == "naive"), None)
    words = [
        view.t("模型：{model}", model=view.t(MODELS[tested.model])),
        view.t("回测 MASE {mase}（朴素法 {naive}），sMAPE {smape}%", mase=ratio_words(tested.mase),
               naive=ratio_words(naive.mase if naive else None),
               smape=ratio_words(tested.smape_pct, 1)),
        view.t("80% 区间实际覆盖 {share}（n={count}）", share=percent(tested.coverage80, 1),
               count=tested.intervals),
    ]  # fmt: skip
    if reason:
        words.append(view.t(REASONS[reason]))
    return view.joined(*words, few_words(view.language, [tested]))


def fold(view: View, tables: Sequence[tuple[str, Sequence[Backtest]]]) -> Node | None:
    """Return the table of all models' backtests, folded; nothing without any."""
    rows = [
        el("Tr", el("Th", name, scope="row"), el("Td", view.t(MODELS[one.model])),
           *(el("Td", words, cls="num") for words in (
               ratio_words(one.mase), ratio_words(one.smape_pct, 1), percent(one.coverage80, 1),
               percent(one.coverage95, 1), str(one.intervals), str(one.origins),
               ratio_words(one.p_better, 3),
           )), el("Td", view.t("采用") if one.champion else ""),
           cls="chosen" if one.champion else "")
        for name, tests in tables for one in tests
    ]  # fmt: skip
    if not rows:
        return None
    few = few_words(view.language, [one for _, tests in tables for one in tests])
    head = ("序列", "模型", "MASE", "sMAPE %", "80% 覆盖", "95% 覆盖", "n", "起点数", "p 值", "")
    cells = [el("Th", view.t(word) if word else "", scope="col", cls="num" if 1 < at < 9 else "")
             for at, word in enumerate(head)]  # fmt: skip
    table = el("Table", el("Thead", el("Tr", cells)), el("Tbody", rows), cls="fold-rows")
    return el(
        "Details",
        el("Summary", icon("chevron-right"), view.t("全部模型的回测")),
        el("Div", table, cls="fold-table", tabIndex="0", data_scroll="x", role="region",
           aria_label=view.t("全部模型的回测")),
        el("P", view.t("MASE 和 sMAPE 越小越好；挑战模型须低 10% 以上且 Diebold-Mariano 检验 "
                       "p < 0.05 才采用"), cls="fold-note"),
        el("P", few, cls="fold-note") if few else None,
        cls="fold",
    )  # fmt: skip


def waiting(view: View, reason: str = "") -> tuple[str, Content]:
    """Return why there is no forecast, and what the browser needs to look again."""
    if len(view.sites) > 1:
        return view.t("预测按站点给出：请只选一个站点"), None
    if view.lens is not None:
        return view.t("预测按账本口径给出：清除口径后显示"), None
    if view.forecasts is not None:
        return view.t(REASONS[reason] if reason else "历史太短，不作预测"), None
    if view.forecasting == "computing":
        again = el("Span", cls="forecast-wait", data_again=view.facts.get("page", ""))
        return view.t("正在计算预测…"), again
    if view.forecasting == "failed":
        return view.t("预测没有算成，已记入审计；数据变化后重算"), None
    return view.t("还没有预测：价格和减排量结算后自动计算"), None
