"""What the panels of 替代情况 (clause 5.5) show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import fsum

from figures import cards, charts, shapes
from figures.beside import (
    CHARGED,
    CHARGERS,
    GENERATION,
    SAVED,
    SELF_USE,
    STANDARD,
    per_pile,
    saving_rate,
    self_rate,
)
from figures.cards import Built, Plot
from figures.cells import Cell, Key, difference, ratio, share, total
from figures.cells import view as viewed
from figures.html import Content, Node, el, icon
from figures.number import (
    MINUS,
    attributes,
    exact,
    figure_button,
    kpi_decimals,
    percent_button,
    shown_value,
    written,
)
from figures.overview import SOURCES, grain_words, same_margin, sum_lead
from figures.sheet import Group, Series, Sheet, earlier, parted, series
from figures.view import Span, View, months_of, period_words, short_period
from figures.years import estimate_line

WHOLE: Key = ("substitution", "site", "site")
EXPORT: Key = ("pv_export", "site", "site")
PUMPED: Key = ("heat_pump_electricity", "site", "site")
CAPACITY: Key = ("pv_capacity", "site", "site")
LOAD: Key = ("heat_pump_mean_load", "site", "site")


def of_source(source: str) -> Key:
    """Return the ledger's name of what a source substituted."""
    return ("substitution", "source", source)


# a: since a month, and of the year's aim ---------------------------------------------------------


def _known_months(view: View) -> list[str]:
    """Return the months with a row, up to the last that is shown."""
    return [m for m in view.book.periods(WHOLE) if m <= view.last.months[-1]]


def _since(view: View, months: Sequence[str]) -> tuple[Cell | None, int]:
    """Return the sum of the known months and how many are not known (§14: n of twelve)."""
    cells = [view.book.cell(WHOLE, month) for month in months]
    known = [cell for cell in cells if cell is not None and cell.value is not None]
    if not known:
        return None, len(cells)
    whole, missing = total(known), len(cells) - len(known)
    indicator, dimension, entity = WHOLE
    query = f"indicator={indicator}&dimension={dimension}&entity={entity}"
    if missing:
        return replace(whole, quality="incomplete"), missing
    return replace(whole, query=f"{query}&from={months[0]}&to={months[-1]}"), 0


def cumulative(view: View) -> Built:
    """Return what was substituted since a month, year by year, and of the year's aim (5.5 a)."""
    months = _known_months(view)
    if not months:
        return Built(empty=view.t("所选期间没有数据"))
    starts = [months[0], *(m for m in months[1:] if m.endswith("-01"))]
    asked = view.switches.get("since", "")
    first = asked if asked in starts else months[0]
    counted = [m for m in months if m >= first]
    cell, missing = _since(view, counted)
    years = list(dict.fromkeys(m[:4] for m in counted))
    parts = [(y, [m for m in counted if m[:4] == y]) for y in years]
    rows = [(_year_words(view, y, own), *_since(view, own)) for y, own in parts]
    body = el(
        "Div",
        el("Div", cards.value_line(view, cell), cards.sparkline(view.cells(WHOLE),
           "role.substitution"), cls="kpi-middle"),
        el("Div", view.last_words, " ", _small(view, view.now(WHOLE)), " ",
           cards.changes(view, WHOLE, cards.GOOD), cls="kpi-inline"),
        el("Div", estimate_line(view, WHOLE), cls="side-note"),
        _aim(view), _year_bars(view, rows), cls="cumulative",
    )  # fmt: skip
    foot = view.t("三类替代量之和，{first} 至 {last}", first=first, last=counted[-1])
    if missing:
        foot = view.joined(foot, view.t("缺 {count} 个月", count=missing))
    group = Group("", "kgCO2e", (Series(view.t("替代量"), "role.substitution", tuple(
        found for _, found, _ in rows)),))  # fmt: skip
    return Built(
        subtitle=view.joined(view.units.of("kgCO2e").word, view.t("光伏、充电桩、地源热泵合计")),
        body=body, switch=_starts(view, starts, first), foot=foot, lead=cell,
        sheet=Sheet(tuple(name for name, _, _ in rows), (group,),
                    tuple(found for _, found, _ in rows), view.t("年")),
    )  # fmt: skip


def _year_words(view: View, year: str, months: Sequence[str]) -> str:
    if len(months) == 12:
        return period_words(year, view.language)
    return period_words(f"{months[0]}/{months[-1]}", view.language)


def _starts(view: View, starts: Sequence[str], chosen: str) -> Node:
    """Return the menu of months from which it is added up."""
    items = [
        el("Button", icon("check") if start == chosen else el("Span", cls="icon-gap"),
           el("Span", view.t("{month} 起", month=start)), cls="menu-item", type="button",
           data_switch=f"since={start}", aria_current="true" if start == chosen else None)
        for start in starts
    ]  # fmt: skip
    return el(
        "Details",
        el("Summary", el("Span", view.t("{month} 起", month=chosen)), icon("chevron-down"),
           cls="filter from-month"),
        el("Div", items, cls="menu menu-right"), cls="menu-box",
    )  # fmt: skip


def _small(view: View, cell: Cell | None) -> list[Content]:
    if cell is None:
        return ["--"]
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    return [figure_button(cell, written(shown, kpi_decimals(shown)), view.language),
            f" {measure.word}"]  # fmt: skip


def _aim(view: View) -> Node | None:
    """Return how far the year's imported aim is reached, beside how far the year is."""
    last = view.last.months[-1]
    year = Span(last[:4], tuple(months_of(f"{last[:4]}-01", f"{last[:4]}-12")))
    wanted = view.target(WHOLE, "target", year)
    if not wanted:
        return None
    cell, _ = _since(view, [m for m in year.months if m <= last])
    measure = view.units.of("kgCO2e")
    whole = shown_value(Cell(wanted, "kgCO2e"), measure)
    said = view.t("{year} 年目标 {value} {unit}", year=year.label,
                  value=written(whole, kpi_decimals(whole)), unit=measure.word)  # fmt: skip
    value = None if cell is None or cell.value is None else 100 * cell.value / wanted
    note = view.t("本年已知各月之和 ÷ 年目标 × 100%")
    done = replace(viewed(value, "%", [cell]), note=note) if cell is not None else None
    passed = 100 * (int(last[5:7]) / 12)
    width = min(max(value or 0.0, 0.0), 100.0)
    return el(
        "Div",
        el("Div", el("Span", said), el("Span", view.t("已完成"), " ", _small(view, cell), " ",
           percent_button(done, view.language) if done else "--"), cls="aim-words"),
        el("Div", el("Div", cls="bar-fill c-role-substitution", style={"width": f"{width:.1f}%"}),
           el("Div", cls="aim-time", style={"left": f"{passed:.1f}%"}), cls="bar-track aim",
           aria_hidden="true"),
        el("Div", view.t("竖线为时间进度 {passed}%", passed=written(exact(passed), 1)),
           cls="side-note"), cls="aim-box",
    )  # fmt: skip


def _year_bars(view: View, rows: Sequence[tuple[str, Cell | None, int]]) -> Node:
    """Return the years as bars of one scale; a year with unknown months is hatched."""
    largest = max((abs(c.value or 0.0) for _, c, _ in rows if c is not None), default=0.0) or 1.0
    group = Group("", "kgCO2e", (Series("", "", tuple(c for _, c, _ in rows)),))
    items = []
    for at, (name, cell, missing) in enumerate(rows):
        value = 0.0 if cell is None or cell.value is None else cell.value
        words = group.words(at, view.units)[0]
        unit = view.units.of("kgCO2e").word
        unsure = missing or charts.unsure(cell)
        items.append(el(
            "Div", el("Span", name, cls="year-name"),
            el("Div", el("Div", cls="bar-fill c-role-substitution" + (" hatched" if unsure else ""),
                         style={"width": f"{100 * max(value, 0.0) / largest:.1f}%"}),
               cls="bar-track", aria_hidden="true"),
            el("Span", figure_button(cell, words, view.language) if cell else "--", " ",
               el("Span", unit, cls="value-unit"), cls="year-value"), cls="year-row",
        ))  # fmt: skip
    return el("Div", items, cls="year-rows")


# b: shares of the month --------------------------------------------------------------------------


def shares(view: View) -> Built:
    """Return the three sources of the period as a ring, and how their shares moved (5.5 b)."""
    parts = tuple(
        Series(view.t(name), color, (view.now(of_source(source)),))
        for name, color, source, _, _ in SOURCES
    )
    whole = view.now(WHOLE)
    word = view.units.of("kgCO2e").word
    subtitle = view.joined(word, view.last_words)
    values = [part.cells[0].value if part.cells[0] else None for part in parts]
    if whole is None or all(value is None for value in values):
        return Built(subtitle=subtitle, empty=view.t("所选期间没有数据"))
    group = Group("", "kgCO2e", parts, (whole,), None, view.t("合计"))
    words = group.words(0, view.units)[-1]
    sheet = Sheet((view.last.label,), (group,), (whole,))
    if not charts.made_of([part.cells[0] for part in parts], whole):
        figure = charts.bars(group, (view.last.label,), view.units, view.language, stacked=False)
        below = any((value or 0.0) < 0 for value in values)
        reason = (
            "有负值，用柱表示，不算占比" if below else "有未知的部分或合计为零，用柱表示，不算占比"
        )
        return Built(
            subtitle=view.joined(subtitle, view.t(reason)),
            plots=(Plot(figure),),
            beside=cards.parts_list(view, parts, None, [None] * len(parts)),
            foot=view.t("合计 {value} {unit}", value=words, unit=word), lead=whole, sheet=sheet,
        )  # fmt: skip
    figure = charts.ring(parts, "kgCO2e", view.units, centre=words, note=word)
    figure["layout"]["meta"]["attributes"] = attributes(whole)
    notes = [_points(view, source) for _, _, source, _, _ in SOURCES]
    return Built(
        subtitle=view.joined(subtitle, view.t("名下为占比较上期的变化，个百分点")),
        plots=(Plot(figure),),
        beside=cards.parts_list(view, parts, whole, notes),
        body=_share_bars(view),
        foot=view.t("合计 {value} {unit}，与替代量一致", value=words, unit=word),
        lead=whole, sheet=sheet,
    )  # fmt: skip


def _points(view: View, source: str) -> Node | None:
    """Return by how many percentage points a share moved against the period before."""
    back = view.last.back(view.step)
    now = share(view.now(of_source(source)), view.now(WHOLE))
    before = share(view.cell(of_source(source), back), view.cell(WHOLE, back))
    moved = difference(now, before)
    if moved is None or moved.value is None:
        return None
    size = written(exact(abs(moved.value)), 1)
    arrow = "" if size == "0.0" else "▲ " if moved.value > 0 else "▼ "
    return el("Span", figure_button(moved, f"{arrow}{size}", view.language), cls="part-note")


def _share_bars(view: View) -> Node:
    """Return the shares of this period, the one before and the year before as bars."""
    rows = [(view.t("本期"), view.last), (view.t("上期"), view.last.back(view.step)),
            (view.t("上年"), view.last.back(12))]  # fmt: skip
    if view.grain == "year":
        rows = rows[:2]
    items = []
    for name, span in rows:
        whole = view.cell(WHOLE, span)
        cells = [view.cell(of_source(source), span) for _, _, source, _, _ in SOURCES]
        known = [cell.value for cell in cells if cell is not None and cell.value is not None]
        below, words = bool(known) and min(known) < 0, ""
        bar: Content = el("Span", view.t("有负值，不算占比") if below else "--", cls="share-none")
        if len(known) == len(cells) and whole is not None and whole.value and min(known) >= 0:
            sized = zip(SOURCES, known, strict=True)
            parts = [(view.t(s[0]), s[1], 100 * value / fsum(known)) for s, value in sized]
            bar = [
                el("Span", cls=f"share-part c-{color.replace('.', '-')}",
                   style={"width": f"{part:.2f}%"})
                for _, color, part in parts
            ]  # fmt: skip
            words = view.joined(*(
                view.t("{name} {share}%", name=title, share=written(exact(part), 1))
                for title, _, part in parts
            ))  # fmt: skip
        label = {"role": "img", "aria_label": words} if words else {}
        items.append(el("Div", el("Span", name), el("Div", bar, cls="share-bar", **label),
                        cls="share-row"))  # fmt: skip
    return el("Div", items, cls="share-rows")


# e: what each device does ------------------------------------------------------------------------


def devices(view: View) -> Built:
    """Return capacity, energy and substitution of each source, all visible (5.5 e)."""
    groups = [cards.each(view, one) for one in (_pv_device, _charger_device, _pump_device)]
    labels = tuple(span.label for span in view.periods)
    energies = (
        (view.t("光伏"), GENERATION, view.t("发电量"), "source.pv"),
        (view.t("充电桩"), CHARGED, view.t("充电量"), "source.charger"),
        (view.t("地源热泵"), SAVED, view.t("节电量"), "source.gshp"),
    )
    sheet_groups = (
        *(Group(title, "kWh", (series(view, key, name, color),))
          for title, key, name, color in energies if view.reaches(key)),
        Group(view.t("替代量"), "kgCO2e", parted(view, "substitution", "source",
                                                [row[:3] for row in SOURCES])),
    )  # fmt: skip
    return Built(
        subtitle=view.joined(view.last_words, view.t("按来源，右上为替代量")),
        body=el("Div", groups, cls="devices"),
        foot=view.t("来源：光伏、充电桩、热泵计量与设备台账"),
        lead=view.now(WHOLE),
        sheet=Sheet(labels, sheet_groups, tuple(view.cells(WHOLE))),
    )


def _pv_device(view: View) -> Node:
    return _device(view, 0, [
        ("装机容量", view.now(CAPACITY)), ("月发电量", view.now(GENERATION)),
        ("等效利用小时", _over(view, GENERATION, CAPACITY, "h", "发电量 ÷ 装机容量")),
    ])  # fmt: skip


def _charger_device(view: View) -> Node:
    return _device(view, 1, [
        ("充电桩数量", view.now(CHARGERS)), ("月充电量", view.now(CHARGED)),
        ("单桩日均", per_pile(view)),
    ])  # fmt: skip


def _pump_device(view: View) -> Node:
    return _device(view, 2, [
        ("月平均负荷", view.now(LOAD)), ("月节约电量", view.now(SAVED)),
        ("节电率", saving_rate(view)),
    ])  # fmt: skip


def _device(view: View, at: int, facts: Sequence[tuple[str, Cell | None]]) -> Node:
    name, color, source, _, _ = SOURCES[at]
    cell = view.now(of_source(source))
    return el(
        "Div",
        el("Div", cards.swatch(color), el("H4", view.t(name), cls="device-name"),
           el("Span", view.t("月替代量"), " ", _small(view, cell), cls="device-sum"),
           cls="device-head"),
        el("Div", [_fact(view, title, found) for title, found in facts], cls="device-facts"),
        cls="device",
    )  # fmt: skip


def _fact(view: View, name: str, cell: Cell | None) -> Node:
    if cell is None:
        value: Content = el("Span", "--", cls="num device-value")
        return el("Div", el("Div", view.t(name), cls="device-title"), value, cls="device-fact")
    measure = view.units.of("" if cell.unit == "1" else cell.unit)
    shown = shown_value(cell, measure)
    words = written(shown, 0 if cell.unit == "1" else kpi_decimals(shown))
    return el(
        "Div", el("Div", view.t(name), cls="device-title"),
        el("Div", figure_button(cell, words, view.language, "device-value"),
           el("Span", measure.word or view.t("台"), cls="value-unit"), cls="value-line"),
        cls="device-fact",
    )  # fmt: skip


def _over(view: View, above: Key, below: Key, unit: str, note: str) -> Cell | None:
    """Return a quotient of two figures of the last month; of longer spans there is none."""
    a, b = view.now(above), view.now(below)
    if len(view.last.months) > 1 or a is None or b is None or a.value is None or not b.value:
        return None
    return replace(ratio(a, b, unit), note=view.t(note))


# h: the trend ------------------------------------------------------------------------------------

_COURSE = (("month", "当期"), ("sum", "累计"))


def trend(view: View) -> Built:
    """Return the three sources over time beside the year before, or added up (5.5 h)."""
    chosen = view.switches.get("course", "month")
    chosen = chosen if chosen in dict(_COURSE) else "month"
    labels = tuple(span.label for span in view.periods)

    def course(cells: Sequence[Cell | None]) -> tuple[Cell | None, ...]:
        return tuple(cells) if chosen == "month" else _running(cells)

    found = tuple(
        Series(view.t(name), color, course(view.cells(of_source(s))), dash, symbol)
        for name, color, s, dash, symbol in view.kept("substitution", "source", SOURCES)
    )
    group = Group(view.t("当期") if chosen == "month" else view.t("累计"), "kgCO2e", found,
                  course(view.cells(WHOLE)), None, view.t("合计"))  # fmt: skip
    groups = [group]
    back = {"year": 12, "month": view.step}.get(view.compare, 0)
    if back and not (view.compare == "month" and chosen == "sum"):
        before = tuple(
            Series(view.t(name), color, course(view.before(of_source(s), back)), "dot", symbol)
            for name, color, s, _, symbol in view.kept("substitution", "source", SOURCES)
        )
        if any(c is not None and c.value is not None for s in before for c in s.cells):
            title = view.t("上年同期") if view.compare == "year" else view.t("上期")
            groups.append(Group(title, "kgCO2e", before))
    figure = charts.lines(group, labels, view.units, view.language)
    if len(groups) > 1:
        _faint(figure, groups[1], labels, view)
    measure = view.units.of("kgCO2e")
    return Built(
        subtitle=view.joined(measure.word, view.range_words(), grain_words(view),
                             view.t("细点线为{title}", title=groups[1].title)
                             if len(groups) > 1 else ""),
        plots=(Plot(figure, sum_lead(view, group, WHOLE)),),
        switch=cards.switch(view, "course", _COURSE, chosen),
        foot=view.t("空心点为估算、不完整或未完；负值表示比基准排得多"),
        lead=view.now(WHOLE),
        sheet=Sheet(labels, tuple(groups), tuple(view.cells(WHOLE))),
    )  # fmt: skip


def _running(cells: Sequence[Cell | None]) -> tuple[Cell | None, ...]:
    """Return the sums from the first period on; unknown from the first unknown period on."""
    found: list[Cell | None] = []
    parts: list[Cell] = []
    for cell in cells:
        if cell is not None:
            parts.append(cell)
        known = len(parts) == len(found) + 1
        found.append(replace(total(parts), period=cell.period) if known and cell else None)
    return tuple(found)


def _faint(figure: charts.Figure, group: Group, labels: Sequence[str], view: View) -> None:
    """Draw another course under the lines, thin and dotted, in the same colours."""
    under, top, low = (
        [],
        figure["layout"]["yaxis"]["range"][1],
        figure["layout"]["yaxis"]["range"][0],
    )
    both = []
    for s in group.series:
        drawn = charts.values(s.cells, group.unit, view.units)
        both += [value for value in drawn if value is not None]
        under.append({
            "type": "scatter", "mode": "lines", "name": f"{s.name} {group.title}",
            "x": list(labels), "y": drawn, "hoverinfo": "skip", "connectgaps": False,
            "line": {"color": charts.color(s.color), "dash": "dot", "width": 1},
        })  # fmt: skip
    figure["data"] += under
    figure["layout"]["yaxis"]["range"] = [
        min([low, *(1.05 * v for v in both)]),
        max([top, *(1.05 * v for v in both)]),
    ]


# c, d: PV ----------------------------------------------------------------------------------------

_PV_COURSE = (("month", "按期"), ("day", "典型日"))


def pv(view: View) -> Built:
    """Return generation and self-use; what lies between was exported (5.5 c)."""
    chosen = view.switches.get("pv", "month")
    chosen = chosen if chosen in dict(_PV_COURSE) else "month"
    if chosen == "day":
        plot, sheet = _pv_day(view)
        when = ("kWh/h", _month_words(view), view.t("各小时平均"))
    else:
        labels = tuple(span.label for span in view.periods)
        plot = _pv_course(view)
        sheet = Sheet(labels, (_pv_group(view),), tuple(view.cells(GENERATION)))
        when = (view.units.of("kWh").word, view.range_words(), grain_words(view))
    return Built(
        subtitle=view.joined(*when, view.t("两线之间为上网电量") if sheet is not None else ""),
        plots=(plot,),
        side=_pv_side(view),
        switch=cards.switch(view, "pv", _PV_COURSE, chosen),
        foot=view.t("来源：光伏发电表与上网电表；自发自用 = 发电 − 上网"),
        lead=view.now(GENERATION),
        sheet=sheet,
    )


def _month_words(view: View) -> str:
    """Return the last month, which the hours of a day are read of."""
    return period_words(view.last.months[-1], view.language)


def _pv_group(view: View) -> Group:
    return Group("", "kWh", (
        series(view, GENERATION, view.t("总发电量"), "source.pv"),
        series(view, SELF_USE, view.t("自发自用"), "source.pv", dash="dash", symbol="square"),
    ))  # fmt: skip


def _pv_course(view: View) -> Plot:
    labels = tuple(span.label for span in view.periods)
    group = _pv_group(view)
    figure = charts.lines(group, labels, view.units, view.language)
    _between(figure)
    last = [c.value for c in (s.cells[-1] for s in group.series) if c is not None]
    if len(last) == 2 and None not in last:
        rate = self_rate(view, view.last)
        if rate is not None and rate.value is not None:
            words = view.t("自用率 {share}%", share=written(exact(rate.value), 1))
            figure["layout"]["meta"]["spots"] = [
                {"x": labels[-1], "y": figure["data"][1]["y"][-1], "text": words,
                 "attributes": attributes(rate), "align": "right"}
            ]  # fmt: skip
    return Plot(figure, cards.legend(view, group, shape="line"))


def _between(figure: charts.Figure) -> None:
    """Fill what lies between the first two lines where both are known."""
    above, below = figure["data"][0], figure["data"][1]
    both = [a if a is not None and b is not None else None
            for a, b in zip(above["y"], below["y"], strict=True)]  # fmt: skip
    under = [b if a is not None else None for a, b in zip(both, below["y"], strict=True)]
    common = {
        "type": "scatter", "mode": "lines", "x": above["x"], "hoverinfo": "skip",
        "line": {"width": 0, "color": above["line"]["color"]}, "connectgaps": False,
    }  # fmt: skip
    # A fill must not bridge a gap: each stretch without one has a pair of its own.
    pairs = []
    for first, end in _stretches(both):
        place = slice(first, end)
        low = common | {"x": above["x"][place], "y": under[place]}
        high = common | {"x": above["x"][place], "y": both[place], "fill": "tonexty",
                         "fillcolor": f"{above['line']['color']}/band"}  # fmt: skip
        pairs += [low, high]
    figure["data"] += pairs


def _stretches(drawn: Sequence[float | None]) -> list[tuple[int, int]]:
    """Return first and end of each stretch of known values."""
    found: list[tuple[int, int]] = []
    start: int | None = None
    for at, value in enumerate([*drawn, None]):
        if value is not None and start is None:
            start = at
        if value is None and start is not None:
            found.append((start, at))
            start = None
    return found


def _pv_day(view: View) -> tuple[Plot, Sheet | None]:
    """Return generation and self-use of the hours of a mean day of the last month."""
    made, sent = view.profiles.get("pv_generation", {}), view.profiles.get("pv_export", {})
    month = view.book.cell(GENERATION, view.last.months[-1])
    if not made or month is None:
        words = el("P", view.t("所选月份没有逐时的光伏读数"), cls="side-note")
        return Plot(charts.strip([], []), words), None
    whole, away = _mean_hours(made), _mean_hours(sent)
    own = [None if v is None or (sent and w is None) else v - (w or 0.0)
           for v, w in zip(whole, away, strict=True)]  # fmt: skip
    note = view.t("该月各天同一小时的平均；逐时读数见计量")

    def course(name: str, drawn: Sequence[float | None], dash: str, symbol: str) -> Series:
        cells = tuple(None if v is None else replace(viewed(v, "kWh/h", [month]), note=note)
                      for v in drawn)  # fmt: skip
        return Series(view.t(name), "source.pv", cells, dash, symbol)

    group = Group("", "kWh/h", (course("总发电量", whole, "solid", "circle"),
                               course("自发自用", own, "dash", "square")))  # fmt: skip
    labels = tuple(view.t("{hour} 时", hour=hour) for hour in range(24))
    figure = charts.hour_lines(group, labels, view.units)
    _between(figure)
    sheet = Sheet(labels, (group,), (month,) * len(labels), view.t("小时"))
    return Plot(figure, cards.legend(view, group, shape="line")), sheet


def _mean_hours(profile: Mapping[tuple[int, int], float]) -> list[float | None]:
    """Return the mean of an hour over the weekdays, each weekday weighted alike."""
    found: list[float | None] = []
    for hour in range(24):
        values = [profile[day, hour] for day in range(7) if (day, hour) in profile]
        found.append(fsum(values) / len(values) if values else None)
    return found


def _pv_side(view: View) -> Node:
    rate, before = self_rate(view, view.last), self_rate(view, view.last.back(view.step))
    return el(
        "Div",
        _indicator(view, "总发电量", GENERATION, "source.pv", cards.GOOD, _done(view)),
        _indicator(view, "自发自用", SELF_USE, "source.pv", cards.GOOD),
        _rate(view, "自用率", rate, before),
        _indicator(view, "上网电量", EXPORT, "source.pv", cards.NEUTRAL),
        cls="side side-rows",
    )


def _done(view: View) -> Content:
    """Return how much of the year's imported generation target is reached."""
    last = view.last.months[-1]
    year = Span(last[:4], tuple(months_of(f"{last[:4]}-01", f"{last[:4]}-12")))
    wanted = view.target(GENERATION, "target", year)
    used = view.book.over(GENERATION, months_of(year.months[0], last), year.label)
    if not wanted or used is None:
        return None
    part = None if used.value is None else 100 * used.value / wanted
    measure = view.units.of("kWh")
    shown = shown_value(Cell(wanted, "kWh"), measure)
    said = view.t("年目标 {value} {unit}，已完成", value=written(shown, kpi_decimals(shown)),
                  unit=measure.word)  # fmt: skip
    note = view.t("本年已知各月之和 ÷ 年目标 × 100%")
    return el("Div", said, " ", percent_button(replace(viewed(part, "%", [used]), note=note),
                                               view.language), cls="side-note")  # fmt: skip


def _indicator(
    view: View, name: str, key: Key, color: str, polarity: str, note: Content = None
) -> Node:
    """Return an indicator of the column beside a chart."""
    cell = view.now(key)
    return el(
        "Div",
        el("Div", cards.swatch(color) if color else None, el("Span", view.t(name)),
           cards.basis_button(view, cell, words=False), cls="side-name"),
        cards.value_line(view, cell, size="side-value"),
        cards.changes(view, key, polarity, both=False), note, cls="side-row",
    )  # fmt: skip


def _rate(view: View, name: str, now: Cell | None, before: Cell | None) -> Node:
    """Return a share in percent and by how many points it moved."""
    moved = difference(now, before)
    note: Content = None
    if moved is not None and moved.value is not None:
        size = written(exact(abs(moved.value)), 1)
        arrow = "" if size == "0.0" else "▲ " if moved.value > 0 else "▼ "
        note = el("Div", figure_button(moved, f"{arrow}{size}", view.language), " ",
                  view.t("个百分点"), cls="side-note")  # fmt: skip
    return el(
        "Div", el("Div", el("Span", view.t(name)),
                  cards.basis_button(view, now, words=False), cls="side-name"),
        cards.value_line(view, now, size="side-value"), note, cls="side-row",
    )  # fmt: skip


def pv_bars(view: View) -> Built:
    """Return what PV substituted by self-use and by export (5.5 d)."""
    found = (
        series(view, ("pv_substitution", "part", "self_use"), view.t("自用"), "source.pv"),
        series(view, ("pv_substitution", "part", "export"), view.t("上网"), "source.pv-soft"),
    )
    return _source_bars(view, "pv", found, view.t("上网部分为外送替代，计入替代量"))


def charger_bars(view: View) -> Built:
    """Return what chargers substituted, net of their electricity (5.5 g)."""
    found = (series(view, of_source("charger"), view.t("充电桩"), "source.charger"),)
    return _source_bars(view, "charger", found,
                        view.t("基准：同里程燃油车；净值 = 燃油排放 − 充电排放"))  # fmt: skip


def pump_bars(view: View) -> Built:
    """Return what the heat pump substituted, over the seasons (5.5 j)."""
    found = (series(view, of_source("heat_pump"), view.t("地源热泵"), "source.gshp"),)
    built = _source_bars(view, "heat_pump", found,
                         view.t("底色：供热季 10 月至次年 4 月，供冷季 5 月至 9 月"))  # fmt: skip
    if view.grain == "month" and built.plots:
        shapes_, notes = _seasons(view)
        layout = built.plots[0].figure["layout"]
        layout["shapes"] = shapes_
        layout["meta"]["spots"] = notes
        layout["margin"]["t"] = 24
    return built


def _seasons(view: View) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return the grounds of heating and cooling months and their names (R17)."""
    runs: list[tuple[bool, int, int]] = []
    for at, span in enumerate(view.periods):
        cooling = 5 <= int(span.label[5:7]) <= 9
        if runs and runs[-1][0] == cooling:
            runs[-1] = (cooling, runs[-1][1], at)
        else:
            runs.append((cooling, at, at))
    grounds: list[dict[str, object]] = []
    notes: list[dict[str, object]] = []
    for cooling, first, last in runs:
        grounds.append({
            "type": "rect", "xref": "x", "yref": "paper", "x0": first - 0.5, "x1": last + 0.5,
            "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0},
            "fillcolor": "@season.cool" if cooling else "@season.heat",
        })  # fmt: skip
        if len(runs) <= 6 and (last > first or len(view.periods) <= 6):
            notes.append({"at": (first + last) / 2, "text": view.t("供冷") if cooling
                          else view.t("供热")})  # fmt: skip
    return grounds, notes


def _source_bars(view: View, source: str, found: tuple[Series, ...], foot: str) -> Built:
    labels = tuple(span.label for span in view.periods)
    key = of_source(source)
    whole = tuple(view.cells(key)) if len(found) > 1 else None
    parts = _parted(found, whole)
    group = Group("", "kgCO2e", parts, whole if len(parts) > 1 else None,
                  earlier(view, key), view.t("合计"), _monthly_aim(view, key))  # fmt: skip
    none_below = all((c.value or 0) >= 0 for s in parts for c in s.cells if c is not None)
    figure = charts.bars(group, labels, view.units, view.language,
                         stacked=len(parts) == 1 or none_below, marked=none_below)  # fmt: skip
    moved = view.joined(view.units.of("kgCO2e").word, view.range_words(), grain_words(view))
    return Built(
        subtitle=moved,
        plots=(Plot(figure, cards.legend(view, group)),),
        foot=foot,
        lead=view.now(key),
        sheet=Sheet(labels, (group,), tuple(view.cells(key))),
    )


def _parted(found: tuple[Series, ...], whole: Sequence[Cell | None] | None) -> tuple[Series, ...]:
    """Return the parts of PV, without one that is nothing over the whole axis."""
    if whole is None:
        return found
    kept = tuple(s for s in found if any(c is not None and c.value for c in s.cells))
    return kept or found[:1]


def _monthly_aim(view: View, key: Key) -> Series | None:
    """Return the imported target over the axis; None where none is set."""
    wanted = [view.target(key, "target", span) for span in view.periods]
    if all(value is None for value in wanted):
        return None
    cells = tuple(None if value is None else Cell(value, "kgCO2e") for value in wanted)
    return Series(view.t("目标"), "status.bad", cells, "dash")


# f: chargers -------------------------------------------------------------------------------------

_DAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_TOPS = (5.0, 10.0, 20.0, 50.0, 100.0)


def chargers(view: View) -> Built:
    """Return energy charged over the number of chargers, and the hours of the week (5.5 f)."""
    labels = tuple(span.label for span in view.periods)
    energy = Group(view.t("充电量"), "kWh", (series(view, CHARGED, view.t("充电量"),
                                               "source.charger"),))  # fmt: skip
    count = Group(view.t("充电桩数量"), "1", (series(view, CHARGERS, view.t("数量"),
                                                "source.charger-soft"),))  # fmt: skip
    if view.grain != "month":  # a number in service is no sum: that of the span's last month
        count = replace(count, series=(replace(count.series[0], cells=tuple(
            view.book.cell(CHARGERS, span.months[-1]) for span in view.periods)),))  # fmt: skip
    above = charts.bars(energy, labels, view.units, view.language, axis_words=False, marked=True)
    below = charts.bars(count, labels, view.units, view.language)
    same_margin(above, below)
    plots = [Plot(above, _title(view, energy, view.units.of("kWh").word)),
             Plot(below, _title(view, count, view.t("台")))]  # fmt: skip
    plots.append(_week(view))
    return Built(
        subtitle=view.joined(view.range_words(), grain_words(view),
                             view.t("利用率为 {period}", period=short_period(
                                 view.last.months[-1], view.language))),
        plots=tuple(plots),
        side=_charger_side(view),
        foot=view.t("来源：充电电表、设备与车辆台账；利用率 = 各小时平均充电量 ÷ 额定功率"),
        lead=view.now(CHARGED),
        sheet=Sheet(labels, (energy, count), tuple(view.cells(CHARGED))),
    )  # fmt: skip


def _title(view: View, group: Group, word: str) -> Node:
    return el("Div", el("Div", el("Strong", group.title), el("Span", word, cls="lead-unit"),
                        cls="lead-title"), cls="lead")  # fmt: skip


def _charger_side(view: View) -> Node:
    count, before = view.now(CHARGERS), view.previous(CHARGERS)
    if len(view.last.months) > 1:
        count, before = (view.book.cell(CHARGERS, span.months[-1])
                         for span in (view.last, view.last.back(view.step)))  # fmt: skip
    step = difference(count, before)
    more = None
    if step is not None and step.value is not None:
        words = f"+{step.value:.0f}" if step.value > 0 else f"{step.value:.0f}".replace("-", MINUS)
        more = el("Div", view.t("较上期"), " ", figure_button(step, words, view.language),
                  cls="side-note")  # fmt: skip
    words = "--" if count is None or count.value is None else f"{count.value:.0f}"
    number = el("Div", figure_button(count, words, view.language, "side-value")
                if count is not None else el("Span", "--", cls="num side-value"),
                el("Span", view.t("台"), cls="value-unit"), cls="value-line")  # fmt: skip
    return el(
        "Div",
        _indicator(view, "月充电量" if view.grain == "month" else "充电量", CHARGED,
                   "source.charger", cards.GOOD),
        el("Div", el("Div", el("Span", view.t("充电桩数量")),
                     cards.basis_button(view, count, words=False), cls="side-name"),
           number, more, cls="side-row"),
        _rate(view, "班车新能源占比", *_fleet(view, "shuttle_bus")),
        _rate(view, "公务车新能源占比", *_fleet(view, "official_car")),
        cls="side side-rows",
    )  # fmt: skip


def _fleet(view: View, vehicle: str) -> tuple[Cell | None, Cell | None]:
    """Return the new-energy share at the end of the last month and of the period before."""
    key: Key = ("nev_share", "vehicle_class", vehicle)
    spans = (view.last, view.last.back(view.step))
    now, before = (view.book.cell(key, span.months[-1]) for span in spans)
    return now, before


def _week(view: View) -> Plot:
    """Return how the chargers' rated power was used by hour and weekday of the last month."""
    profile, rated = view.profiles.get("charger", {}), view.charger_kw
    month = view.book.cell(CHARGED, view.last.months[-1])
    name = el("Div", el("Strong", view.t("桩位利用率")),
              el("Span", view.joined("%", view.t("小时 × 星期")), cls="lead-unit"),
              cls="lead-title")  # fmt: skip
    if not profile or not rated or month is None:
        reason = (
            view.t("没有逐时的充电读数") if not profile else view.t("设备台账没有充电桩的额定功率")
        )
        return Plot(
            charts.strip([], []), el("Div", name, el("P", reason, cls="side-note"), cls="lead")
        )
    used = {at: 100 * kwh / rated for at, kwh in profile.items()}
    largest = max(used.values(), default=0.0)
    top = next((edge for edge in _TOPS if largest <= edge), 100.0)
    note = view.t("该小时平均充电量 ÷ 额定功率 {kw} kW × 100%", kw=written(exact(rated), 0))
    cell = replace(viewed(0.0, "%", [month]), note=note)
    common = attributes(cell)
    common.pop("data_value", None)
    days = [view.t(day) for day in _DAYS]
    figure = shapes.week(
        used, days, top=top, name=view.t("利用率"), hour=view.t("{hour} 时", hour="{hour}"),
        common=common,
    )  # fmt: skip
    scale = el("Span", el("Span", "0"), [el("Span", cls=f"seq seq-{n}") for n in range(1, 6)],
               el("Span", f"{top:.0f}%"), cls="seq-scale", aria_hidden="true")  # fmt: skip
    lead = el("Div", name, scale, _busiest(view, used, days, cell), cls="lead")
    return Plot(figure, lead)


def _busiest(
    view: View, used: Mapping[tuple[int, int], float], days: Sequence[str], cell: Cell
) -> Node:
    """Return the hour of the week in which most was charged."""
    (day, hour), most = max(used.items(), key=lambda one: one[1])
    return el(
        "Div", view.t("最忙：{day} {hour} 时，", day=days[day], hour=hour), " ",
        percent_button(replace(cell, value=most), view.language), cls="busy",
    )  # fmt: skip


# i: heat pump ------------------------------------------------------------------------------------

_SIDE_BY_SIDE = (("beside", "并列"), ("stacked", "叠加"))


def heat_pump(view: View) -> Built:
    """Return electricity saved beside what it is saved from and what the pump uses (5.5 i)."""
    chosen = view.switches.get("pump", "beside")
    chosen = chosen if chosen in dict(_SIDE_BY_SIDE) else "beside"
    labels = tuple(span.label for span in view.periods)
    group = Group("", "kWh", (
        series(view, STANDARD, view.t("标准空调（基准）"), "equip.other"),
        series(view, PUMPED, view.t("热泵用电"), "equip.hvac"),
        series(view, SAVED, view.t("节电量"), "source.gshp"),
    ))  # fmt: skip
    if chosen == "beside":
        figure = charts.bars(group, labels, view.units, view.language, stacked=False)
        pattern = figure["data"][0]["marker"]["pattern"]
        pattern["shape"] = [charts.HATCH] * len(labels)
        note = view.t("斜纹为计算值（标准空调基准）")
    else:
        figure = _stacked(view, group, labels)
        note = view.t("虚线框为标准空调基准，框内空白为节电量")
    return Built(
        subtitle=view.joined(view.units.of("kWh").word, view.range_words(), grain_words(view),
                             note),
        plots=(Plot(figure, _pump_legend(view, group, chosen)),),
        side=_pump_side(view),
        switch=cards.switch(view, "pump", _SIDE_BY_SIDE, chosen),
        foot=_efficiency(view),
        lead=view.now(SAVED),
        sheet=Sheet(labels, (group,), tuple(view.cells(SAVED))),
    )  # fmt: skip


def _stacked(view: View, group: Group, labels: Sequence[str]) -> charts.Figure:
    """Return what the pump uses as bars inside dashed frames of what it replaces."""
    base, used, _ = (charts.values(s.cells, "kWh", view.units) for s in group.series)
    inner = replace(group, series=(group.series[1],), target=None)
    figure = charts.bars(inner, labels, view.units, view.language)
    known = [value for value in (*base, *used) if value is not None]
    figure["layout"]["yaxis"] |= charts.value_axis([*known, 0.0])
    figure["layout"]["shapes"] = charts.outlines([0.0] * len(base), base)
    return figure


def _pump_legend(view: View, group: Group, chosen: str) -> Node:
    if chosen == "beside":
        legend = cards.legend(view, group)
        first = legend["props"]["children"][1]["props"]["children"][0]
        first["props"]["children"][0]["props"]["className"] += " hatched"
        return legend
    legend = cards.legend(view, replace(group, series=(group.series[1],)))
    box = legend["props"]["children"][1]["props"]
    items = [box["children"]] if isinstance(box["children"], dict) else box["children"]
    frame = el("Span", el("Span", cls="key key-outline"), group.series[0].name,
               cls="legend-item legend-plain")  # fmt: skip
    box["children"] = [frame, *items]
    return legend


def _pump_side(view: View) -> Node:
    back = view.last.back(view.step)
    rate = saving_rate(view)
    before = _saving_of(view, back)
    return el(
        "Div",
        _indicator(view, "节电量", SAVED, "source.gshp", cards.GOOD),
        _indicator(view, "标准空调（基准）", STANDARD, "", cards.NEUTRAL,
                   el("Div", view.t("计算值"), cls="side-note")),
        _indicator(view, "热泵用电", PUMPED, "equip.hvac", cards.BAD),
        _rate(view, "节电率", rate, before),
        cls="side side-rows",
    )  # fmt: skip


def _saving_of(view: View, span: Span) -> Cell | None:
    saved, base = view.cell(SAVED, span), view.cell(STANDARD, span)
    if saved is None or base is None or saved.value is None or not base.value:
        return None
    return viewed(100 * saved.value / base.value, "%", [saved, base])


def _efficiency(view: View) -> str:
    """Return the efficiencies that the baseline is computed with."""
    return view.facts.get("efficiency", "") or view.t("基准：同负荷的标准空调，能效取自因子库")


# the sentence ------------------------------------------------------------------------------------


def finding(view: View) -> Content:
    """Return what the last period means, in one sentence."""
    cell = view.now(WHOLE)
    if cell is None or cell.value is None:
        return el("Span", view.t("所选期间没有替代量数值。"))
    words: list[Content] = [view.t("{period}替代", period=view.last_short), " ",
                            *_strong(view, cell)]  # fmt: skip
    gap = difference(cell, view.previous(WHOLE))
    if gap is not None and gap.value is not None:
        more = view.t("，比上期多") if gap.value > 0 else view.t("，比上期少")
        words += [more, " ", *_strong(view, replace(gap, value=abs(gap.value)))]
    moved = []
    for name, _, source, _, _ in SOURCES:
        step = difference(view.now(of_source(source)), view.previous(of_source(source)))
        if step is not None and step.value is not None:
            moved.append((abs(step.value), name, step))
    if moved:
        _, name, step = max(moved, key=lambda one: one[0])
        side = "；变化最大的是{name}，多" if (step.value or 0) > 0 else "；变化最大的是{name}，少"
        words += [view.t(side, name=view.t(name)), " ",
                  *_strong(view, replace(step, value=abs(step.value or 0.0)))]  # fmt: skip
    return el("Span", *words, view.t("。"))


def _strong(view: View, cell: Cell) -> list[Content]:
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    return [figure_button(cell, written(shown, kpi_decimals(shown)), view.language, "strong"),
            f" {measure.word}"]  # fmt: skip
