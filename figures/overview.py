"""What the panels of 总览 (clause 5.2) show."""

from __future__ import annotations

from dataclasses import replace

from figures import cards, charts
from figures.beside import Beside
from figures.cards import Built, Indicator, Plot
from figures.cells import Cell, Key, ratio, share, total
from figures.focus import where_parted
from figures.html import Content, Node, el
from figures.number import badge, figure_button, kpi_decimals, percent_button, shown_value, written
from figures.price import PRICE, VOLUME, average
from figures.sheet import Group, Series, Sheet, earlier, parted, series, summed
from figures.view import View, shifted, spans
from figures.years import MASSES, estimates, index_line

YEAR = 12
EMISSION: Key = ("emission", "site", "site")
ENERGY: Key = ("energy", "site", "site")
REDUCTION: Key = ("reduction", "site", "site")
SUBSTITUTION: Key = ("substitution", "site", "site")
LINES = (
    ("电缆", "product.cable", "cable"),
    ("架空导线", "product.conductor", "conductor"),
    ("变压器", "product.transformer", "transformer"),
)
OBJECTS = (*LINES, ("办公等", "product.office", "office_etc"))
MEDIA = (
    ("用电", "energy.electricity", "electricity"),
    ("用油", "energy.oil", "diesel"),
    ("用水", "energy.water", "water"),
)
SOURCES = (
    ("光伏", "source.pv", "pv", "solid", "circle"),
    ("充电桩", "source.charger", "charger", "dot", "square"),
    ("地源热泵", "source.gshp", "heat_pump", "dash", "diamond"),
)


def emission_kpi(view: View) -> Built:
    """Return the emission of the last period, with its intensity per tonne of scrap."""
    cell = view.now(EMISSION)
    what = Indicator("排了多少", "碳排放量", EMISSION, "role.emission")
    foot = [where_parted(lambda: _per_tonne(view, EMISSION)), index_line(view, EMISSION)]
    return Built(body=cards.kpi(view, what, foot), lead=cell)


def _per_tonne(view: View, key: Key) -> Content:
    """Return a quantity per tonne of scrap dismantled."""
    masses = [view.now(key) for key in view.kept("throughput", "line", MASSES)]
    known = [mass for mass in masses if mass is not None]
    if len(known) < len(masses):
        return None
    per_tonne = ratio(view.now(key), total(known), "kgCO2e/t")
    shown = shown_value(per_tonne, view.units.of("kgCO2e/t"))
    words = written(shown, kpi_decimals(shown))
    return el("Span", figure_button(per_tonne, words, view.language), " ",
              view.t("kgCO₂e/t 废旧物资"))  # fmt: skip


def reduction_kpi(view: View) -> Built:
    """Return the reduction of the last period."""
    what = Indicator("减了多少", "拆解减排量", REDUCTION, "role.reduction", cards.GOOD)
    foot = where_parted(lambda: _per_tonne(view, REDUCTION))
    return Built(body=cards.kpi(view, what, foot), lead=view.now(REDUCTION))


def substitution_kpi(view: View) -> Built:
    """Return what clean energy substituted in the last period."""
    what = Indicator("替了多少", "清洁能源代碳量", SUBSTITUTION, "role.substitution", cards.GOOD)
    foot = where_parted(lambda: _pv_part(view))
    return Built(body=cards.kpi(view, what, foot), lead=view.now(SUBSTITUTION))


def _pv_part(view: View) -> Content:
    """Return the share of PV in what clean energy substitutes; none where a part is negative."""
    parts = [view.now(("substitution", "source", s)) for _, _, s, _, _ in SOURCES]
    if any(part is None or part.value is None or part.value < 0 for part in parts):
        return None
    part = share(parts[0], view.now(SUBSTITUTION))
    return el("Span", view.t("光伏占"), " ", percent_button(part, view.language))


_PRICED = (("page", "所选期间"), ("all", "全部月份"))


def ccer_price(view: View) -> Built:
    """Return the CCER price over time; a month without trade is a gap (5.2 j)."""
    chosen = view.switches.get("priced", "page")
    chosen = chosen if chosen in dict(_PRICED) else "page"
    built = _priced(view if chosen == "page" else _every_month(view))
    return replace(built, switch=cards.switch(view, "priced", _PRICED, chosen))


def _every_month(view: View) -> View:
    """Return the view of every month from the first with a price on."""
    known = [month for month in view.book.periods(PRICE)
             if (cell := view.book.cell(PRICE, month)) and cell.value is not None]  # fmt: skip
    if not known:
        return view
    return replace(view, periods=spans(known[0], known[-1], "month"), grain="month", at=None)


def _priced(view: View) -> Built:
    labels = tuple(span.label for span in view.periods)
    price = series(view, PRICE, view.t("成交均价"), "energy.total")
    if all(cell is None or cell.value is None for cell in price.cells):
        return Built(empty=view.t("所选期间没有 CCER 成交：导入行情后自动显示"))
    group = Group("", "CNY/t", (price, _year_mean(view, price)))
    figure = charts.lines(group, labels, view.units, view.language, zero=False)
    return Built(
        subtitle=view.joined(view.units.of("CNY/t").word, view.range_words(), grain_words(view),
                             view.t("纵轴不从零起")),
        plots=(Plot(figure, cards.legend(view, group, shape="line")),),
        foot=view.t("来源：交易所公布的周合计和导入的行情；没有成交的月份断线，不补零也不插值"),
        lead=next((c for c in reversed(price.cells) if c and c.value is not None), None),
        sheet=Sheet(labels, (group,), tuple(view.cells(PRICE))),
        periods=view.periods,
    )  # fmt: skip


def _year_mean(view: View, price: Series) -> Series:
    """Return the mean of the twelve months up to the last one with a price, over the axis."""
    priced = [span for span, cell in zip(view.periods, price.cells, strict=True)
              if cell is not None and cell.value is not None]  # fmt: skip
    last = priced[-1].months[-1]
    months = [shifted(last, -back) for back in reversed(range(YEAR))]
    mean = average(
        view.language, [view.book.cell(PRICE, month) for month in months],
        [view.book.cell(VOLUME, month) for month in months], f"{months[0]}/{last}",
    )  # fmt: skip
    return Series(view.t("12 个月均价"), "equip.other", (mean,) * len(price.cells), "dot", "")


def energy_and_emission(view: View) -> Built:
    """Return energy by medium over emission by line, with the lines' figures beside (5.2 a)."""
    labels = tuple(span.label for span in view.periods)
    energy = Group(
        view.t("能耗"), "kgce",
        parted(view, "energy", "medium", MEDIA),
        tuple(view.cells(ENERGY)), None, view.t("合计"), aim_line(view, ENERGY, "kgce"),
        estimates(view, ENERGY),
    )  # fmt: skip
    emission = Group(
        view.t("碳排放"), "kgCO2e",
        parted(view, "emission", "line", OBJECTS),
        tuple(view.cells(EMISSION)), earlier(view, EMISSION), view.t("合计"),
        aim_line(view, EMISSION, "kgCO2e"), estimates(view, EMISSION),
    )  # fmt: skip
    sheet = Sheet(labels, (energy, emission), tuple(view.cells(EMISSION)))
    above = charts.bars(energy, labels, view.units, view.language, axis_words=False)
    below = charts.bars(emission, labels, view.units, view.language)
    same_margin(above, below)
    return Built(
        subtitle=view.joined(view.range_words(), grain_words(view)),
        plots=(Plot(above, cards.legend(view, energy)), Plot(below, cards.legend(view, emission))),
        aside=cards.each(view, _objects),
        foot=view.facts.get("sources", ""),
        lead=view.now(EMISSION),
        sheet=sheet,
    )


def same_margin(*figures: charts.Figure) -> None:
    """Let stacked charts share the edges of their axes, also where a phone has no end labels."""
    if any(len(figure["layout"]["meta"]["ends"]) > 1 for figure in figures):
        for figure in figures:
            figure["layout"]["meta"]["together"] = True
    left = max(figure["layout"]["margin"]["l"] for figure in figures)
    right = max(figure["layout"]["margin"]["r"] for figure in figures)
    for figure in figures:
        figure["layout"]["margin"] |= {"l": left, "r": right}


def grain_words(view: View) -> str:
    """Return the grain in words: 按月."""
    return view.t({"month": "按月", "quarter": "按季", "year": "按年"}[view.grain])


def _objects(view: View) -> Content:
    """Return the second card of 5.2 a: the four objects' emissions."""
    whole = view.now(EMISSION)
    unit = view.units.of("kgCO2e").word
    rows = [
        (view.t("{name}碳排放", name=view.t(name)), color, ("emission", "line", line))
        for name, color, line in view.kept("emission", "line", OBJECTS)
    ]
    shown = shown_value(whole, view.units.of("kgCO2e")) if whole else None
    words = Group("", "kgCO2e", (), (whole,)).words(0, view.units)[-1] if whole else "--"
    foot = view.t("合计 {value} {unit}，与碳排放量一致", value=words, unit=unit)
    return [
        el("Div", el("Div", el("H3", view.t("各对象碳排放"), cls="card-title"),
                     el("P", view.joined(unit, view.last_words,
                                    view.lens_words if whole and whole.view else ""),
                        cls="card-sub"), cls="card-titles"),
           el("Div", cards.basis_button(view, whole, words=False), cls="card-tools"),
           cls="card-head"),
        cards.ranked(view, rows, EMISSION),
        el("Div", el("Span", foot if shown is not None else "", cls="foot-words"),
           badge(whole, view.language), cls="card-foot"),
    ]  # fmt: skip


def indicator(view: View, what: Indicator, beside: Beside) -> Built:
    """Return a compact indicator card and the ratio that stands beside its number."""
    more = where_parted(lambda: beside(view))
    return Built(body=cards.compact(view, what, more), lead=view.now(what.key))


def substitution_lines(view: View) -> Built:
    """Return the substitution of PV, chargers and heat pump over time (5.2 e)."""
    labels = tuple(span.label for span in view.periods)
    found = parted(view, "substitution", "source", SOURCES)
    group = Group("", "kgCO2e", found, tuple(view.cells(SUBSTITUTION)), None, view.t("合计"))
    figure = charts.lines(group, labels, view.units, view.language)
    return Built(
        subtitle=view.joined(view.units.of("kgCO2e").word, grain_words(view)),
        plots=(Plot(figure, sum_lead(view, group, SUBSTITUTION)),),
        foot=view.t("来源：光伏、充电桩、热泵计量；基准：燃油车、标准空调"),
        lead=view.now(SUBSTITUTION),
        sheet=Sheet(labels, (group,), tuple(view.cells(SUBSTITUTION))),
    )


def sum_lead(view: View, group: Group, key: Key) -> Node:
    """Return the legend of lines, before it the sum of all periods where it is known."""
    legend = cards.legend(view, replace(group, title=""), shape="line")
    whole = [cell for cell in view.cells(key) if cell is not None]
    added = total(whole) if len(whole) == len(view.periods) else None
    if added is None or added.value is None:
        return legend
    months = [month for span in view.periods for month in span.months]
    indicator, dimension, entity = view.book.named(key)
    query = (f"indicator={indicator}&dimension={dimension}&entity={entity}"
             f"&from={months[0]}&to={months[-1]}")  # fmt: skip
    measure = view.units.of(added.unit)
    shown = shown_value(added, measure)
    number = figure_button(replace(added, query=query), written(shown, kpi_decimals(shown)),
                           view.language, "num")  # fmt: skip
    words = el("Span", view.t("{count} 期合计", count=len(view.periods)), " ", number,
               f" {measure.word}", cls="lead-unit")  # fmt: skip
    legend["props"]["children"][0]["props"]["children"] = words
    return legend


_ARRANGED = (("stack", "堆叠"), ("group", "并列"), ("share", "占比"))


def reduction_bars(view: View) -> Built:
    """Return the reductions of the three lines over time (5.2 i), stacked if none is below 0."""
    labels = tuple(span.label for span in view.periods)
    found = parted(view, "reduction", "line", LINES)
    plain = _no_negative(found)
    chosen = view.switches.get("arranged", "stack")
    chosen = chosen if plain and chosen in dict(_ARRANGED) else "stack" if plain else "group"
    group = Group("", "kgCO2e", found, summed(found), None, view.t("合计"),
                  aim_line(view, REDUCTION, "kgCO2e"),
                  estimates(view, REDUCTION))  # fmt: skip
    if chosen == "share":
        group = _shares(group)
    elif chosen == "group":
        group = replace(group, target=None)  # of the sum, which no bar shows
    figure = charts.bars(group, labels, view.units, view.language, stacked=chosen != "group")
    return Built(
        subtitle=view.joined(view.units.of(group.unit).word, grain_words(view)),
        plots=(Plot(figure, cards.legend(view, group)),),
        switch=cards.switch(view, "arranged", _ARRANGED, chosen) if plain else None,
        foot=view.t(
            "来源：批次与产出称重、运输和能耗；材料因子集 {name}",
            name=view.facts.get("materials", "CONS"),
        ),
        lead=view.now(REDUCTION),
        sheet=Sheet(labels, (group,), tuple(view.cells(REDUCTION))),
    )


def _shares(group: Group) -> Group:
    """Return the parts of a total as shares of it, none of which is below zero."""
    whole = group.whole or ()
    columns = tuple(
        replace(one, cells=tuple(share(*pair) for pair in zip(one.cells, whole, strict=True)))
        for one in group.series
    )
    return Group(group.title, "%", columns)


_AIMS = (
    ("target", "目标 {value} {unit}"), ("quota", "配额 {value} {unit}"),
    ("budget", "预算 {value} {unit}"),
)  # fmt: skip


def aim_line(view: View, key: Key, unit: str) -> Series | None:
    """Return the target of a quantity over the axis, else its quota or budget; None without."""
    for kind, sentence in _AIMS:
        wanted = [view.target(key, kind, span) for span in view.periods]
        known = [value for value in wanted if value is not None]
        if not known:
            continue
        cells = tuple(None if value is None else Cell(value, unit) for value in wanted)
        measure = view.units.of(unit)
        shown = shown_value(Cell(known[-1], unit), measure)
        name = view.t(sentence, value=written(shown, kpi_decimals(shown)), unit=measure.word)
        return Series(name, "status.bad", cells, "dash")
    return None


def _no_negative(columns: tuple[Series, ...]) -> bool:
    return all((cell.value or 0) >= 0 for column in columns for cell in column.cells if cell)


def finding(view: View) -> Content:
    """Return what the last period means, in one sentence."""
    cell = view.now(EMISSION)
    if cell is None or cell.value is None:
        return el("Span", view.t("所选期间没有碳排放数值。"))
    measure = view.units.of("kgCO2e")
    shown = shown_value(cell, measure)
    words = written(shown, kpi_decimals(shown))
    sentence = [
        view.t("{period}排放", period=view.last_short), " ",
        figure_button(cell, words, view.language, "strong"), f" {measure.word}",
    ]  # fmt: skip
    return el("Span", *sentence, *_largest(view), view.t("。"))


def _largest(view: View) -> list[Content]:
    """Return the object with the largest share, as a clause of the sentence; of whole sites."""
    if view.focus:
        return []
    whole = view.now(EMISSION)
    parts = [
        (cell.value, name, cell)
        for name, _, line in OBJECTS
        if (cell := view.now(("emission", "line", line))) is not None and cell.value is not None
    ]
    if not parts:
        return []
    _, name, cell = max(parts, key=lambda part: part[0])
    part = share(cell, whole)
    return [
        view.t("，其中{name}最多，占", name=view.t(name)), " ",
        percent_button(part, view.language, "strong"),
    ]  # fmt: skip
