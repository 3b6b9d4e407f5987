"""What the panels of 售碳潜力 (clause 5.7) show: what is known; nothing is forecast here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from math import fsum

from figures import cards, charts
from figures.cards import Built, Plot
from figures.cells import Cell, Key, total
from figures.cells import view as viewed
from figures.html import Content, Node, el, icon
from figures.number import figure_button, kpi_decimals, shown_value, written
from figures.overview import LINES, grain_words, same_margin
from figures.reduction import REDUCTION, copper_words, cumulative
from figures.sheet import Group, Series, Sheet, series, summed
from figures.view import Span, View, tick

PRICE: Key = ("ccer_price", "market", "cn")
VOLUME: Key = ("ccer_volume", "market", "cn")
CREDITABLE: tuple[Key, ...] = tuple(("creditable_reduction", "line", line) for _, _, line in LINES)
THIN_T = 1000.0  # a week with less says little about the price
RECENT_WEEKS = 26
_ELIGIBILITY = "/help#indicator-creditable_reduction"


def notice(view: View) -> Node:
    """Return the warning over the page: what counts as creditable, and what does not (D-7)."""
    if view.facts.get("methodology"):
        words = view.t("内部测算：减排量须经审定与核查后方可签发为 CCER，不构成投资建议。")
        kind, mark = "info", "info"
    else:
        words = view.t(
            "情景预测（当前无适用方法学，不构成可签发量）：减排量须经方法学适用性论证、审定与核查后方可签发"
            "为 CCER；在此之前可售量为 0。"
        )
        kind, mark = "warn", "triangle-alert"
    return el("P", icon(mark), el("Span", words),
              el("A", view.t("查看方法学适用性"), icon("chevron-right"), href=_ELIGIBILITY,
                 cls="notice-link"), cls=f"notice notice-{kind}", role="note")  # fmt: skip


def finding(view: View) -> Content:
    """Return what could be sold and what may be, in one sentence."""
    months = [month for span in view.periods for month in span.months]
    potential, _ = cumulative(view, REDUCTION, months[0])
    if potential is None:
        return el("Span", view.t("所选期间没有碳减排量的数值。"))
    found = [cell for cell in summed(_creditable(view)) if cell is not None]
    words: list[Content] = [
        view.t("{range} 潜在减排量", range=view.range_words()), " ",
        *_said(view, potential, "strong"),
    ]  # fmt: skip
    if found and all(cell.value is not None for cell in found):
        words += [view.t("，其中可售"), " ", *_said(view, total(found), "strong")]
    return el("Span", words, view.t("；收益随预测模块启用后给出。"))


def _said(view: View, cell: Cell, cls: str = "") -> list[Content]:
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    words = written(shown, kpi_decimals(shown))
    return [figure_button(cell, words, view.language, cls), f" {measure.word}"]


REVENUES = (
    ("总共值多少", "总收益预测", "energy.total"),
    ("电缆值多少", "电缆收益预测", "product.cable"),
    ("架空导线值多少", "架空导线收益预测", "product.conductor"),
    ("变压器值多少", "变压器收益预测", "product.transformer"),
)


def revenue_ground(view: View, reason: str) -> Node:
    """Return the four revenue cards while there is no forecast (5.7 b)."""
    found = [cards.unknown_kpi(view, question, name, color, reason)
             for question, name, color in REVENUES]  # fmt: skip
    return el("Div", found, cls="kpi-row")


def no_forecast(view: View) -> Built:
    """Return why a forecast is not there."""
    return Built(empty=view.t("收益预测尚未启用：预测模块启用后自动显示"))


def years(view: View) -> Built:
    """Return the reductions of the years that the ledger has; no year is forecast (5.7 a)."""
    known = view.book.periods(REDUCTION)
    last = view.periods[-1].months[-1]
    found = _years(view, [month for month in known if month <= last])
    labels = tuple(year for year, _ in found)
    cells = tuple(cell for _, cell in found)
    line = Series(view.t("碳减排量（实际）"), "role.reduction", cells)
    group = Group("", "kgCO2e", (line,))
    figure = charts.lines(group, labels, view.units, view.language)
    if len(labels) == 1:
        figure["layout"]["xaxis"]["range"] = [-1, 1]
    figure["layout"]["margin"]["t"] = 26
    figure["layout"]["meta"]["words"] = _counts(view, labels, line, known)
    return Built(
        subtitle=view.joined(
            view.t("{unit}/年", unit=view.units.of("kgCO2e").word),
            view.t("实际，按年"),
            copper_words(view),
        ),
        plots=(Plot(figure, _forecast_lead(view, group)),),
        foot=view.t("实线为实际，空心点为不足 12 个月或不完整的年份；预测随预测模块启用后显示"),
        lead=cells[-1] if cells else None,
        sheet=Sheet(labels, (group,), cells),
    )


def _years(view: View, months: Sequence[str]) -> list[tuple[str, Cell | None]]:
    """Return the sums of the known months of every year; a year that is not whole says so."""
    found = []
    for year in dict.fromkeys(month[:4] for month in months):
        held = tuple(month for month in months if month[:4] == year)
        ended = replace(view, periods=(Span(held[-1], (held[-1],)),), at=None)
        cell, missing = cumulative(ended, REDUCTION, held[0])
        if cell is not None and (missing or len(held) < 12):
            cell = replace(cell, quality="incomplete", period=year)
        found.append((year, cell if cell is None else replace(cell, period=year)))
    return found


def _counts(
    view: View, labels: Sequence[str], line: Series, known: Sequence[str]
) -> list[dict[str, object]]:
    """Return how many months the points of years have that are not over."""
    found: list[dict[str, object]] = []
    drawn = charts.values(line.cells, "kgCO2e", view.units)
    for at, (label, value) in enumerate(zip(labels, drawn, strict=True)):
        count = sum(month[:4] == label and month <= view.periods[-1].months[-1] for month in known)
        if count < 12 and value is not None:
            words = view.t("{count}/12 个月", count=count)
            below = at < len(labels) - 1 and value > 0.2 * max(v or 0.0 for v in drawn)
            place = {"x": at, "xref": "x", "y": value, "yref": "y", "yshift": -15 if below else 15}
            found.append(place | {"text": words, "showarrow": False, "font": {"size": 12}})
    return found


def _forecast_lead(view: View, group: Group) -> Node:
    lead = cards.legend(view, group, shape="line")
    return el("Div", lead, el("Span", icon("clock"), view.t("预测尚未启用"),
                              cls="badge badge-stale"), cls="lead-row")  # fmt: skip


def _creditable(view: View) -> list[Series]:
    return [series(view, key, "", "") for key in CREDITABLE]


def months(view: View) -> Built:
    """Return the potential and the creditable reduction by month; no revenue yet (5.7 c)."""
    labels = tuple(span.label for span in view.periods)
    potential = Group(view.t("潜在减排量"), "kgCO2e",
                      (series(view, REDUCTION, view.t("不计适用性"), "role.reduction"),)
                      )  # fmt: skip
    held = Series(view.t("计适用性"), "energy.total", summed(_creditable(view)), "dot", "square")
    sold = Group(view.t("可售减排量"), "t", (held,))
    above = charts.lines(potential, labels, view.units, view.language, axis_words=False)
    below = charts.lines(sold, labels, view.units, view.language)
    same_margin(above, below)
    later = el("Div", el("Div", el("Strong", view.t("预测收益")),
                         el("Span", view.t("万元"), cls="lead-unit"), cls="lead-title"),
               el("P", icon("clock"), view.t("收益预测尚未启用：预测模块启用后自动显示"),
                  cls="inline-empty"), cls="later")  # fmt: skip
    return Built(
        subtitle=view.joined(view.range_words(), grain_words(view), view.t("实际"),
                             copper_words(view)),
        plots=(Plot(above, cards.legend(view, potential, shape="line")),
               Plot(below, cards.legend(view, sold, shape="line"))),
        body=later,
        foot=view.t("可售 = 有无适用方法学 × 减排量 × 保守系数；没有方法学时为 0"),
        lead=view.now(REDUCTION),
        sheet=Sheet(labels, (potential, sold), tuple(view.cells(REDUCTION))),
    )  # fmt: skip


# ---- e: the market ----

_RANGES = (("month", "按月"), ("week", "按周"), ("recent", "近 26 周"))
WEEKS = "周（截至周五）"


def trading(view: View) -> Built:
    """Return volume and average price as bars, by month or week; thin weeks are flagged (5.7 e)."""
    chosen = view.switches.get("trading", "month")
    chosen = chosen if chosen in dict(_RANGES) else "month"
    weekly = chosen != "month"
    if weekly:
        labels, volume, price = weeks(view, RECENT_WEEKS if chosen == "recent" else None)
        grain = view.t("按周")
    else:
        labels = tuple(span.label for span in view.periods)
        volume, price = view.cells(VOLUME), _prices(view)
        grain = grain_words(view)
    switch = cards.switch(view, "trading", _RANGES, chosen)
    span = view.range_words() if not weekly or not labels else f"{labels[0]} ～ {labels[-1]}"
    subtitle = view.joined(span, grain, view.t("全国市场"))
    if not any(cell is not None and cell.value is not None for cell in (*volume, *price)):
        reason = view.t("所选期间没有 CCER 成交：导入行情后自动显示")
        return Built(subtitle=subtitle, switch=switch, empty=reason)
    above = Group(
        view.t("交易量"), "t", (Series(view.t("CCER 交易量"), "equip.dismantling", tuple(volume)),)
    )
    below = Group(view.t("交易均价"), "CNY/t",
                  (Series(view.t("CCER 交易均价"), "equip.hvac", tuple(price)),))  # fmt: skip
    drawn = [
        charts.bars(above, labels, view.units, view.language, axis_words=False),
        charts.bars(below, labels, view.units, view.language),
    ]
    same_margin(*drawn)
    thin = [weekly and _thin(cell) for cell in volume]
    for figure in drawn:
        figure["data"][0]["marker"]["pattern"]["shape"] = [charts.HATCH if t else "" for t in thin]
        if weekly:
            _month_ticks(figure, labels, view.language)
    leads = [cards.legend(view, above), cards.legend(view, below)]
    note = view.t(
        "来源：公布的周合计和导入行情，均价 = 成交额 ÷ 成交量；没有成交的期间留空，不补零也不插值"
    )
    if any(thin):
        note = view.joined(view.t("斜纹为成交不足 1,000 t 的周，均价参考性弱"), note)
    head = view.t(WEEKS) if weekly else ""
    return Built(
        subtitle=subtitle,
        plots=(Plot(drawn[0], leads[0]), Plot(drawn[1], leads[1])),
        switch=switch,
        foot=note,
        lead=next((cell for cell in reversed(price) if cell and cell.value is not None), None),
        sheet=Sheet(labels, (above, below), tuple(price), head),
    )


def _prices(view: View) -> list[Cell | None]:
    """Return the average price of each period: of several months, turnover over volume."""
    return [
        view.cell(PRICE, span) if len(span.months) == 1
        else average(
            view, [view.book.cell(PRICE, month) for month in span.months],
            [view.book.cell(VOLUME, month) for month in span.months], span.label,
        )
        for span in view.periods
    ]  # fmt: skip


def _thin(cell: Cell | None) -> bool:
    return cell is not None and cell.value is not None and cell.value < THIN_T


def average(
    view: View, prices: Sequence[Cell | None], volumes: Sequence[Cell | None], label: str
) -> Cell:
    """Return the average price of several periods, weighted by their volume; null without trade."""
    pairs = [
        (price, volume)
        for price, volume in zip(prices, volumes, strict=True)
        if price is not None and volume is not None and price.value is not None and volume.value
    ]
    if not pairs:
        return Cell(None, "CNY/t", quality="null", period=label)
    if len(pairs) == 1:
        return pairs[0][0]
    turnover = fsum((price.value or 0.0) * (volume.value or 0.0) for price, volume in pairs)
    whole = fsum(volume.value or 0.0 for _, volume in pairs)
    note = view.t("Σ 价格 × 成交量 ÷ Σ 成交量")
    cell = viewed(turnover / whole, "CNY/t", [cell for pair in pairs for cell in pair])
    return replace(cell, period=label, note=note)


def _friday(day: str) -> date:
    found = date.fromisoformat(day)
    return found + timedelta(days=4 - found.weekday())


def weeks(
    view: View, most: int | None = None
) -> tuple[tuple[str, ...], list[Cell | None], list[Cell | None]]:
    """Return the weeks of the range by their Friday: volume and average price of each."""
    days = view.days.periods(VOLUME)
    if not days:
        return (), [], []
    by_week: dict[str, list[str]] = {}
    at, end = _friday(days[0]), _friday(days[-1])
    while at <= end:
        by_week[at.isoformat()] = []
        at += timedelta(days=7)
    for day in days:
        by_week[_friday(day).isoformat()].append(day)
    labels = tuple(by_week)[-most:] if most else tuple(by_week)
    volumes, prices = [], []
    for label in labels:
        traded = [view.days.cell(VOLUME, day) for day in by_week[label]]
        paid = [view.days.cell(PRICE, day) for day in by_week[label]]
        known = [cell for cell in traded if cell is not None]
        volumes.append(None if not known else known[0] if len(known) == 1 else total(known))
        prices.append(average(view, paid, traded, label) if known else None)
    return labels, volumes, prices


def _month_ticks(figure: charts.Figure, labels: Sequence[str], language: str) -> None:
    """Write the months under weeks: the first week of each, or of every third."""
    firsts = [label for at, label in enumerate(labels) if not at or label[:7] != labels[at - 1][:7]]
    step = 1 if len(firsts) <= 7 else 3
    shown = firsts[::step]
    words, year = [], ""
    for label in shown:
        name, of_year = tick(label[:7], language)
        words.append(f"{name}<br>{of_year}" if of_year != year else name)
        year = of_year
    figure["layout"]["meta"]["ticks"] = []
    figure["layout"]["xaxis"] |= {
        "tickmode": "array", "tickvals": shown, "ticktext": words, "tickangle": 0,
    }  # fmt: skip


# ---- f, h: outlook, aims ----


def outlook(view: View) -> Built:
    """Return the outlook, empty until its parts are recorded with source and year (5.7 f)."""
    return Built(
        subtitle=view.t("可抵消交易量、核证减碳量、配额缺口"),
        empty=view.t("没有录入应清缴配额量和已登记减排量：须附来源和年份，录入后按 5% 上限画出"),
    )


AIMS = (
    ("一期成果", "已投运的拆解线"),
    ("二期成果（预期）", "扩建后的拆解线"),
    ("长期成果（预期）", "远期规划"),
)


def aims(view: View) -> Built:
    """Return the three rows of expected results beside what is reached so far (5.7 h)."""
    known = view.book.periods(REDUCTION)
    cell = cumulative(view, REDUCTION, known[0])[0] if known else None
    so_far = el(
        "Div", el("Span", view.t("目前实际，{month} 起累计", month=known[0] if known else "--")),
        el("Span", _said(view, cell) if cell else "--", cls="aim-value"), cls="fact",
    )  # fmt: skip
    rows = [
        el("Div", el("Div", el("Strong", view.t(name)),
                     el("Span", view.t("未录入目标"), cls="badge badge-stale"), cls="aim-top"),
           el("Div", cls="bar-track", aria_hidden="true"),
           el("Div", el("Span", view.t(words)), el("Span", view.t("目标"), " --"), cls="aim-foot"),
           cls="aim")
        for name, words in AIMS
    ]  # fmt: skip
    return Built(
        subtitle=view.joined(
            view.t("减碳量与收益"),
            copper_words(view),
            view.lens_words if cell and cell.view else "",
        ),
        body=el("Div", so_far, rows, cls="aims"),
        empty=view.t("录入各期目标后显示达成率"),
    )
