"""What the panels of 拆解流程 (clause 5.4) show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from figures import cards, charts, shapes
from figures.budgets import PLAN, budget_line
from figures.cards import Built, Indicator, Plot
from figures.cells import Cell, Key, change, ratio, share, total
from figures.cells import view as viewed
from figures.flows import equipment_flows
from figures.html import Content, Node, el, icon
from figures.number import (
    attributes,
    figure_button,
    kpi_decimals,
    percent_button,
    shown_value,
    written,
)
from figures.overview import LINES, grain_words
from figures.shapes import Spoke
from figures.sheet import Group, Series, Sheet, series
from figures.view import Span, View, span_words

STYLES = {"cable": ("solid", "circle"), "conductor": ("dot", "square"),
          "transformer": ("dash", "diamond")}  # fmt: skip
LEAST_BASE = 5000 * 0.1229  # kgce of 5 MWh: a base under it gives no ratio (DESIGN §7)
RATIO_LEAST = 140.0


def line_key(indicator: str, line: str) -> Key:
    """Return the ledger's name of a dismantling line's figure."""
    return (indicator, "line", line)


def per_tonne(view: View, indicator: str, line: str, span: Span) -> Cell | None:
    """Return a line's quantity per tonne: the ledger's row of a month, else sum over sum (§10)."""
    row = view.cell(line_key(f"{indicator}_per_tonne", line), span)
    if len(span.months) == 1 and len(view.sites) <= 1:
        return row
    unit = {"energy": "kgce/t", "emission": "kgCO2e/t"}[indicator]
    above, below = (view.cell(line_key(name, line), span) for name in (indicator, "throughput"))
    return ratio(above, below, unit)


def _lines_sum(view: View, indicator: str, span: Span) -> Cell | None:
    """Return the sum of the three lines; None where a line has no row."""
    found = [view.cell(line_key(indicator, line), span) for _, _, line in LINES]
    known = [cell for cell in found if cell is not None]
    return total(known) if len(known) == len(found) else None


Reading = Callable[[Span], Cell | None]


def _moved(view: View, read: Reading, polarity: str, *, both: bool = True) -> Node:
    """Return the changes of what is read of a span."""
    found = (read(view.last), read(view.last.back(view.step)), read(view.last.back(12)))
    return cards.changes_of(view, found, polarity, both=both)


def _small(view: View, cell: Cell | None) -> list[Content]:
    """Return a number with its unit, as the foot of a card has it."""
    if cell is None:
        return ["--"]
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    words = written(shown, kpi_decimals(shown))
    return [figure_button(cell, words, view.language), f" {measure.word}"]


def month_kpi(view: View) -> Built:
    """Return the emissions and the energy of the three lines in the last period (5.4 a)."""

    def emission(span: Span) -> Cell | None:
        return _lines_sum(view, "emission", span)

    def energy(span: Span) -> Cell | None:
        return _lines_sum(view, "energy", span)

    what = Indicator("当月合计", "拆解环节碳排放", line_key("emission", "cable"), "role.emission")
    cell = emission(view.last)
    foot = el("Div", view.t("能耗"), " ", _small(view, energy(view.last)), " ",
              _moved(view, energy, cards.BAD, both=False), cls="kpi-inline")  # fmt: skip
    course = [emission(span) for span in view.periods]
    body = cards.kpi_of(view, what, cell, course, _moved(view, emission, cards.BAD), foot)
    return Built(body=body, lead=cell)


def product_kpi(view: View, line: str) -> Built:
    """Return a line's energy per tonne, per length or unit, and how far its quota is (5.4 b)."""
    name, color, _ = next(found for found in LINES if found[2] == line)

    def read(span: Span) -> Cell | None:
        return per_tonne(view, "energy", line, span)

    cell = read(view.last)
    what = Indicator("单个产品能耗", name, line_key("energy_per_tonne", line), color)
    foot = [_quota(view, cell, line), _per_piece(view, line), _load(view, line, cell)]
    course = [read(span) for span in view.periods]
    body = cards.kpi_of(view, what, cell, course, _moved(view, read, cards.BAD), foot)
    return Built(body=body, lead=cell)


def _quota(view: View, cell: Cell | None, line: str) -> Content:
    """Return the quota of the period or its year and the distance to it; None where none is set."""
    for kind, sentence in (("quota", "限额 {value} {unit}，"), ("target", "目标 {value} {unit}，")):
        periods = view.targets.get(("energy_per_tonne", "line", line, kind), {})
        wanted = periods.get(view.last.label, periods.get(view.last.label[:4]))
        if wanted is None:
            continue
        measure = view.units.of("kgce/t")
        shown = shown_value(Cell(wanted, "kgce/t"), measure)
        said = view.t(sentence, value=written(shown, kpi_decimals(shown)), unit=measure.word)
        if cell is None or cell.value is None or not wanted:
            return el("Div", said, "--")
        gap = 100 * (cell.value - wanted) / wanted
        note = view.t("（{value} − {wanted}）÷ {wanted} × 100%", value=written(
            shown_value(cell, measure), 2), wanted=written(shown, 2))  # fmt: skip
        apart = replace(viewed(abs(gap), "%", [cell]), note=note)
        side = view.t("超出") if gap > 0 else view.t("低于")
        return el("Div", said, el("Span", side, " ", percent_button(apart, view.language),
                                  cls="bad" if gap > 0 else "good"))  # fmt: skip
    return None


def _per_piece(view: View, line: str) -> Content:
    """Return energy per kilometre or per transformer, where batches have length or units."""
    piece = "unit" if line == "transformer" else "km"
    cell = view.now(line_key(f"energy_per_{piece}", line))
    if cell is None or cell.value is None:
        return None
    name = view.t("每台") if piece == "unit" else view.t("每千米")
    shown = shown_value(cell, view.units.of(cell.unit))
    return el("Div", name, " ",
              figure_button(cell, written(shown, kpi_decimals(shown)), view.language),
              " kgce")  # fmt: skip


def _load(view: View, line: str, cell: Cell | None) -> Content:
    """Return emissions per tonne and the mass, or why a quotient says little."""
    flags = cell.flags if cell is not None else frozenset()
    if "idle" in flags or (cell is not None and cell.value is None):
        return el("Div", view.t("没有处理量，单位值不计"))
    emission = per_tonne(view, "emission", line, view.last)
    mass = view.now(line_key("throughput", line))
    words: list[Content] = [_small(view, emission), view.t("，处理"), " ", _small(view, mass)]
    if "low_volume" in flags:
        words.append(view.t("，处理量偏低"))
    return el("Div", words)


_COMPARED = (("emission", "碳排放"), ("energy", "能耗"), ("intensity", "强度"))


def comparison(view: View) -> Built:
    """Return the three lines' emissions, energy or emissions per tonne over time (5.4 a)."""
    chosen = view.switches.get("lines", "emission")
    chosen = chosen if chosen in dict(_COMPARED) else "emission"
    unit = {"emission": "kgCO2e", "energy": "kgce", "intensity": "kgCO2e/t"}[chosen]
    labels = tuple(span.label for span in view.periods)
    found = tuple(
        Series(view.t(name), color, tuple(_compared(view, chosen, line)), *STYLES[line])
        for name, color, line in LINES
    )
    group = Group("", unit, found)
    figure = charts.lines(group, labels, view.units, view.language)
    legend = cards.legend(view, group, shape="line")
    _aims(view, chosen, figure, labels, legend)
    what = {"emission": "碳排放", "energy": "能耗", "intensity": "每吨废旧物资碳排放"}[chosen]
    lead = _lines_sum(view, "energy" if chosen == "energy" else "emission", view.last)
    return Built(
        subtitle=view.joined(view.t(what), view.units.of(unit).word, view.range_words(),
                             grain_words(view)),
        plots=(Plot(figure, legend),),
        switch=cards.switch(view, "lines", _COMPARED, chosen),
        foot=view.joined(view.facts.get("meters", ""), shared_rule(view)),
        lead=lead,
        sheet=Sheet(labels, (group,), tuple(
            _lines_sum(view, "emission", span) for span in view.periods)),
    )  # fmt: skip


def _compared(view: View, chosen: str, line: str) -> list[Cell | None]:
    if chosen == "intensity":
        return [per_tonne(view, "emission", line, span) for span in view.periods]
    return view.cells(line_key(chosen, line))


def _aims(
    view: View, chosen: str, figure: charts.Figure, labels: Sequence[str], legend: Node
) -> None:
    """Add the imported targets of the lines as dashed red steps, each with its name."""
    if chosen == "intensity":
        return
    unit = "kgce" if chosen == "energy" else "kgCO2e"
    items = []
    for name, _, line in LINES:
        wanted = [view.target(line_key(chosen, line), "target", span) for span in view.periods]
        if all(value is None for value in wanted):
            continue
        cells = tuple(None if value is None else Cell(value, unit) for value in wanted)
        aim = Series(view.t("{name}目标", name=view.t(name)), "status.bad", cells, "dash")
        drawn = charts.values(cells, unit, view.units)
        figure["data"].append(charts.target_line(aim, labels, drawn))
        top = max((value for value in drawn if value is not None), default=0.0)
        axis = figure["layout"]["yaxis"]["range"]
        axis[1] = max(axis[1], 1.06 * top)
        items.append(el("Span", el("Span", cls="key key-line dash-dash c-status-bad"), aim.name,
                        cls="legend-item legend-plain"))  # fmt: skip
    if items:
        box = legend["props"]["children"][1]["props"]
        box["children"] = [*box["children"], *items]


def shared_rule(view: View) -> str:
    """Return by which key shared equipment is allotted to the lines (§5)."""
    flags: frozenset[str] = frozenset()
    for _, _, line in LINES:
        cell = view.now(line_key("energy", line))
        flags |= cell.flags if cell is not None else frozenset()
    rules = (("alloc_job", "公用设备按作业记录分摊"), ("alloc_mass", "公用设备按处理量分摊"),
             ("alloc_kwh", "环保装置按直接用电分摊"))  # fmt: skip
    return view.joined(*(view.t(words) for flag, words in rules if flag in flags))


SPOKES = (
    ("电缆拆解设备用电", "电缆拆解<br>设备用电", "cable_line"),
    ("架空导线拆解设备用电", "架空导线拆解<br>设备用电", "conductor_line"),
    ("吊机用电", "吊机用电", "crane"),
    ("环保装置用电", "环保装置<br>用电", "environmental"),
    ("叉车用油", "叉车用油", "forklift"),
    ("变压器拆解台用电", "变压器拆解台<br>用电", "transformer_bench"),
)
_READINGS = (("absolute", "绝对值"), ("ratio", "与上年同月之比"))


def radar(view: View) -> Built:
    """Return the six uses of energy of a month beside those of a year before (5.4 c)."""
    chosen = view.switches.get("radar", "absolute")
    chosen = chosen if chosen in dict(_READINGS) else "absolute"
    asked = view.switches.get("month", "")
    span = next((s for s in view.periods if s.label.lower() == asked), view.last)
    keys: list[Key] = [("energy", "equipment", key) for _, _, key in SPOKES]
    now = [view.cell(key, span) for key in keys]
    base = [view.cell(key, span.back(12)) for key in keys]
    ratios = [_ratio(view, a, b, span) for a, b in zip(now, base, strict=True)]
    names = [view.t(name) for name, _, _ in SPOKES]
    figure = shapes.radar(
        _spokes(view, chosen, names, now, base, ratios), (view.t("本月"), "energy.electricity"),
        (view.t("上年同月"), "equip.other"), least=RATIO_LEAST if chosen == "ratio" else 0.0,
    )  # fmt: skip
    word = view.units.of("kgce").word
    known = [cell for cell in now if cell is not None]
    lead = total(known) if known else None
    unit = view.t("上年同月 = 100") if chosen == "ratio" else word
    return Built(
        subtitle=view.joined(unit, span_words(span, view.language),
                             "" if chosen == "ratio" else view.t("对比上年同月")),
        plots=(Plot(figure),),
        body=_radar_foot(view, chosen, span),
        switch=cards.switch(view, "radar", _READINGS, chosen),
        foot=view.t("轴从零起；基数小于 5 MWh 当量的项不显示比值")
        if chosen == "ratio" else view.t("电按当量值、油按热值折标煤，轴从零起"),
        lead=lead,
        sheet=_radar_sheet(view, chosen, names, now, base, ratios),
    )  # fmt: skip


def _ratio(view: View, now: Cell | None, base: Cell | None, span: Span) -> Cell | None:
    """Return 100 x now / base; None where the base is too small to say anything."""
    if now is None or base is None or now.value is None or base.value is None:
        return None
    if base.value < LEAST_BASE * len(span.months):
        return None
    plain = view.units.of("")
    note = view.t("{now} ÷ {base} kgce × 100", now=written(shown_value(now, plain), 1),
                  base=written(shown_value(base, plain), 1))  # fmt: skip
    return replace(viewed(100 * now.value / base.value, "", [base, now]), note=note)


def _spokes(
    view: View, chosen: str, names: Sequence[str], now: Sequence[Cell | None],
    base: Sequence[Cell | None], ratios: Sequence[Cell | None],
) -> list[Spoke]:  # fmt: skip
    group = Group("", "kgce", (Series("", "", tuple(now)), Series("", "", tuple(base))))
    found = []
    for at, (_, lines, _) in enumerate(SPOKES):
        if chosen == "ratio":
            cell = ratios[at]
            value = None if cell is None else cell.value
            words = "--" if value is None else written(shown_value(
                Cell(value, ""), view.units.of("")), 1)  # fmt: skip
            drawn = (value, None if cell is None else 100.0)
        else:
            cell = now[at]
            value, before = charts.values([now[at], base[at]], "kgce", view.units)
            drawn, words = (value, before), group.words(at, view.units)[0]
        found.append(Spoke(
            names[at], view.t(lines), drawn[0], drawn[1], words,
            {} if cell is None else attributes(cell),
            chosen == "ratio" and value is not None and value > 100,
        ))  # fmt: skip
    return found


def _radar_sheet(
    view: View, chosen: str, names: Sequence[str], now: Sequence[Cell | None],
    base: Sequence[Cell | None], ratios: Sequence[Cell | None],
) -> Sheet:  # fmt: skip
    """Return the six uses from the largest down, by what is drawn."""
    by = ratios if chosen == "ratio" else now
    low = float("-inf")
    order = sorted(
        range(len(names)), reverse=True,
        key=lambda at: low if (cell := by[at]) is None or cell.value is None else cell.value,
    )  # fmt: skip

    def column(name: str, color: str, cells: Sequence[Cell | None]) -> Series:
        return Series(view.t(name), color, tuple(cells[at] for at in order))

    use = Group(view.t("用能"), "kgce", (column("本月", "energy.electricity", now),
                                       column("上年同月", "equip.other", base)))  # fmt: skip
    ratio_group = Group(view.t("比值"), "", (column("上年同月 = 100", "energy.total", ratios),))
    return Sheet(tuple(names[at] for at in order), (use, ratio_group),
                 tuple(now[at] for at in order), view.t("用能"))  # fmt: skip


def _radar_foot(view: View, chosen: str, span: Span) -> Node:
    """Return the names of the polygons and the slider over the months of the range."""
    base = view.t("上年同月 = 100") if chosen == "ratio" else view.t("上年同月")
    legend = el(
        "Div",
        el("Span", el("Span", cls="key key-line dash-dash c-equip-other"), base,
           cls="legend-item legend-plain"),
        el("Span", el("Span", cls="key key-line c-energy-electricity"), view.t("本月"),
           cls="legend-item legend-plain"),
        cls="legend legend-middle",
    )  # fmt: skip
    return el("Div", legend, slider(view, "month", span) if len(view.periods) > 1 else None)


def slider(view: View, name: str, span: Span) -> Node:
    """Return a slider over the periods of the axis; its choice is part of the address."""
    labels = [period.label for period in view.periods]
    at = labels.index(span.label)
    place = f"{100 * at / (len(labels) - 1):.2f}%"
    chosen = span_words(span, view.language)
    joint = " " if view.language == "zh" else " – "
    return el(
        "Div",
        el("Span", labels[0], cls="slider-end"),
        el("Div", el("Span", cls="slider-track"),
           el("Span", cls="slider-fill", style={"width": place}),
           el("Span", cls="slider-thumb", style={"left": place}),
           cls="slider", role="slider", tabIndex="0", aria_label=view.t("月份"),
           aria_valuemin="0", aria_valuemax=str(len(labels) - 1), aria_valuenow=str(at),
           aria_valuetext=chosen, data_slider=name,
           data_values=" ".join(label.lower() for label in labels),
           data_words="|".join(span_words(p, view.language) for p in view.periods)),
        el("Span", labels[-1], cls="slider-end"),
        el("Output", chosen, cls="slider-words num", title=f"{labels[0]}{joint}{labels[-1]}"),
        cls="slider-row",
    )  # fmt: skip


_TILES = (
    ("用电量", "zap", "electricity"), ("用油量", "fuel", "diesel"),
    ("能耗", "flame", "energy"), ("碳排放", "cloud", "emission"),
)  # fmt: skip
_SHARED = (("吊机", "crane"), ("环保装置", "environmental"), ("分拣设备", "sorting"),
           ("叉车", "forklift"))  # fmt: skip
_OWN = {
    "cable": ("电缆拆解设备", "cable_line"),
    "conductor": ("架空导线拆解设备", "conductor_line"),
    "transformer": ("变压器拆解台", "transformer_bench"),
}


def line_card(view: View, line: str) -> Built:
    """Return electricity, oil, energy and emissions of a line and what used them (5.4 d, e, f)."""
    _, color, _ = next(found for found in LINES if found[2] == line)
    emission = view.now(line_key("emission", line))
    tiles = [_tile(view, name, mark, line_key(indicator, line))
             for name, mark, indicator in _TILES]  # fmt: skip
    part = share(emission, _lines_sum(view, "emission", view.last))
    words = el(
        "P", view.t("处理量"), " ", _small(view, view.now(line_key("throughput", line))),
        view.t("，占三环节排放"), " ", percent_button(part, view.language),
    )  # fmt: skip
    planned = budget_line(view, line_key("throughput", line), PLAN)
    plan = el("P", planned, cls="line-plan") if planned else None
    head = el("Div", el("Div", words, plan), _alarm_tag(view, line), cls="line-head")
    labels = tuple(span.label for span in view.periods)
    groups = tuple(
        Group(view.t(name), _unit(view, line_key(indicator, line)),
              (series(view, line_key(indicator, line), view.t(name), color),))
        for name, _, indicator in _TILES
    )  # fmt: skip
    return Built(
        subtitle=view.last_words,
        body=el("Div", head, el("Div", tiles, cls="tiles line-tiles"), _equipment(view, line)),
        foot=shared_rule(view),
        lead=emission,
        sheet=Sheet(labels, groups, tuple(view.cells(line_key("emission", line)))),
    )


def _unit(view: View, key: Key) -> str:
    units = {"electricity": "kWh", "diesel": "L", "energy": "kgce", "emission": "kgCO2e"}
    return next((c.unit for c in view.cells(key) if c is not None), units[key[0]])


def _tile(view: View, name: str, mark: str, key: Key) -> Node:
    cell = view.now(key)
    return el(
        "Div",
        el("Div", icon(mark), el("Span", view.t(name), cls="tile-name"), cls="tile-top"),
        cards.value_line(view, cell, size="compact-value"),
        cards.changes(view, key, cards.BAD, both=False), cls="tile",
    )  # fmt: skip


def _alarm_tag(view: View, line: str) -> Node | None:
    """Return how many alarms of the line are not closed."""
    count = view.line_alarms.get(line, 0)
    if not count:
        return None
    words = view.t("未关闭告警 {count}", count=count)
    return el("Span", icon("siren"), el("Span", words), cls="badge badge-danger", title=words)


def _equipment(view: View, line: str) -> Node | None:
    """Return the list of what used the line's energy; its own equipment first, then shares."""
    name, own = _OWN[line]
    rows: list[tuple[str, Key, bool]] = [(name, ("energy", "equipment", own), False)]
    rows += [(n, ("energy", "equipment_line", f"{key}/{line}"), True) for n, key in _SHARED]
    cells = [(n, view.now(key), shared) for n, key, shared in rows]
    known = [(n, cell, shared) for n, cell, shared in cells if cell is not None]
    if not known:
        return None
    whole = view.now(line_key("energy", line))
    group = Group("", "kgce", tuple(Series(n, "", (cell,)) for n, cell, _ in known), (whole,))
    words = group.words(0, view.units)
    measure = view.units.of("kgce")
    lines = [
        el("Div",
           el("Span", view.t(n), el("Span", view.t("公用分摊"), cls="equipment-mark")
              if shared else None, cls="equipment-name"),
           el("Span", figure_button(cell, shown, view.language), cls="equipment-value"),
           percent_button(share(cell, whole), view.language, "equipment-share"),
           cls="equipment-row")
        for (n, cell, shared), shown in zip(known, words, strict=False)
    ]  # fmt: skip
    head = el("Div", el("Span", view.t("设备")), el("Span", view.t("能耗"), " ", measure.word),
              el("Span", view.t("占比")), cls="equipment-row equipment-head")  # fmt: skip
    return el(
        "Details",
        el("Summary", view.t("查看工序与设备明细"), icon("chevron-right"), cls="equipment-more"),
        head, lines, cls="equipment",
    )  # fmt: skip


MATERIALS = (
    ("铝", "material.aluminium", "aluminium", "diamond"),
    ("铜（扩展项）", "material.copper", "copper", "circle"),
    ("钢", "material.steel", "steel", "square"),
    ("铁", "material.iron", "iron", "circle"),
    ("硅钢片", "material.silicon-steel", "silicon_steel", "triangle-up"),
    ("变压器油", "material.insulating-oil", "transformer_oil", "x"),
    ("塑料", "material.plastic", "plastic", "cross"),
)
_CLASSES = (("all", "全部"), ("cable", "电缆"), ("conductor", "架空导线"),
            ("transformer", "变压器"))  # fmt: skip
BALANCED, BALANCE_BROKEN = 2.0, 5.0  # % of the mass taken in (accounting.md §8)


def products(view: View) -> Built:
    """Return the masses of the products over time, what was recovered, the balance (5.4 g)."""
    chosen = view.switches.get("products", "all")
    chosen = chosen if chosen in dict(_CLASSES) else "all"
    labels = tuple(span.label for span in view.periods)
    found = tuple(
        series(view, _product(chosen, m), view.t(name), color, symbol=symbol)
        for name, color, m, symbol in MATERIALS
    )
    kept = tuple(s for s in found if any(c is None or c.value != 0 for c in s.cells))
    group = Group("", "t", kept or found)
    figure = charts.lines(group, labels, view.units, view.language)
    whole = _output(view, chosen, view.last)
    return Built(
        subtitle=view.joined("t", view.range_words(), grain_words(view),
                             view.t(dict(_CLASSES)[chosen])),
        plots=(Plot(figure, cards.legend(view, group, shape="line")),),
        side=_recovery(view, chosen),
        switch=cards.switch(view, "products", _CLASSES, chosen),
        foot=view.t("来源：批次与产物称重；没有的产物不画"),
        lead=whole,
        sheet=Sheet(labels, (group,), tuple(_output(view, chosen, s) for s in view.periods)),
    )  # fmt: skip


def _product(chosen: str, material: str) -> Key:
    if chosen == "all":
        return ("product_output", "material", material)
    return ("product_output", "line_material", f"{chosen}/{material}")


def _of_class(view: View, indicator: str, chosen: str, span: Span) -> Cell | None:
    """Return a class's quantity, or the sum of the three."""
    if chosen == "all":
        return _lines_sum(view, indicator, span)
    return view.cell(line_key(indicator, chosen), span)


def _output(view: View, chosen: str, span: Span) -> Cell | None:
    cells = [view.cell(_product(chosen, m), span) for _, _, m, _ in MATERIALS]
    known = [cell for cell in cells if cell is not None]
    return total(known) if known and len(known) == len(cells) else None


def _recovery(view: View, chosen: str) -> Node:
    """Return mass in, mass of products, what was recovered, residue and what is missing."""
    mass = _of_class(view, "throughput", chosen, view.last)
    out = _output(view, chosen, view.last)
    residue = _of_class(view, "residue", chosen, view.last)
    rows = [
        _side_row(view, view.t("处理量"), mass),
        _side_row(view, view.t("产物合计"), out),
        _side_row(view, view.t("回收率"), _recovered(view, mass, out)),
        _side_row(view, view.t("残余物"), residue),
        _balance(view, mass, out, residue),
    ]
    title = el("Div", el("Span", view.last_words), cls="side-title")
    return el("Div", title, rows, cls="side side-rows")


def _side_row(view: View, name: str, cell: Cell | None, note: Content = None) -> Node:
    """Return a small indicator of the column beside a chart."""
    return el("Div", el("Div", name, cls="side-name"),
              cards.value_line(view, cell, size="side-value"), note, cls="side-row")  # fmt: skip


def _recovered(view: View, mass: Cell | None, out: Cell | None) -> Cell | None:
    if mass is None or out is None or not mass.value or out.value is None:
        return None
    note = view.t("产物合计 ÷ 处理量 × 100%")
    return replace(viewed(100 * out.value / mass.value, "%", [out, mass]), note=note)


def _balance(view: View, mass: Cell | None, out: Cell | None, residue: Cell | None) -> Node:
    """Return what of the mass is neither product nor residue, and whether that is too much."""
    name = view.t("物料平衡差")
    cells = [cell for cell in (mass, out, residue) if cell is not None]
    values = [cell.value for cell in cells if cell.value is not None]
    if len(values) < 3 or not values[0]:
        return _side_row(view, name, None)
    gap = values[0] - values[1] - values[2]
    note = view.t("处理量 − 产物合计 − 残余物")
    cell = replace(viewed(gap, "t", cells), note=note)
    pct = replace(viewed(100 * gap / values[0], "%", cells), note=note)
    size = abs(pct.value or 0.0)
    kind, mark, words = (
        ("ok", "circle-check", "平衡") if size <= BALANCED
        else ("warn", "triangle-alert", "偏差大于 2%") if size <= BALANCE_BROKEN
        else ("danger", "triangle-alert", "偏差大于 5%")
    )  # fmt: skip
    said = el("Span", icon(mark), view.t(words), cls=f"badge badge-{kind}")
    state = el("Div", percent_button(pct, view.language), " ", said, cls="side-note")
    return _side_row(view, name, cell, state)


_PARTS = (
    ("拆解设备用电", "elec.1", ("cable_line", "conductor_line")),
    ("叉车用油", "energy.oil", ("forklift",)),
    ("拆解台用电", "elec.2", ("transformer_bench",)),
    ("环保装置用电", "elec.3", ("environmental",)),
    ("吊机用电", "elec.4", ("crane",)),
)


def equipment_ring(view: View) -> Built:
    """Return how the energy of dismantling is made up of its equipment (5.4 g)."""
    found = []
    for name, color, keys in _PARTS:
        cells = [view.now(("energy", "equipment", key)) for key in keys]
        known = [cell for cell in cells if cell is not None]
        if known:
            cell = known[0] if len(known) == 1 else total(known)
            found.append(Series(view.t(name), color, (cell,)))
    sorting = _sorting(view)
    if sorting is not None and sorting.value:
        found.append(Series(view.t("分拣用电"), "equip.other", (sorting,)))
    found.sort(key=lambda part: -((part.cells[0].value if part.cells[0] else None) or 0.0))
    word = view.units.of("kgce").word
    subtitle = view.joined(word, view.last_words)
    made = [part.cells[0] for part in found if part.cells[0] is not None]
    whole = total(made) if made else None
    if whole is None or not whole.value or any((one.value or 0) < 0 for one in made):
        return Built(subtitle=subtitle, empty=view.t("占比无法计算：合计缺失或有负值"))
    parts = tuple(found)
    group = Group("", "kgce", parts, (whole,), None, view.t("合计"))
    words = group.words(0, view.units)[-1]
    figure = charts.ring(parts, "kgce", view.units, centre=words, note=word)
    figure["layout"]["meta"]["attributes"] = attributes(whole)
    return Built(
        subtitle=subtitle,
        plots=(Plot(figure),),
        beside=cards.parts_list(view, parts, whole, [None] * len(parts)),
        foot=view.t("合计 {value} {unit}，不含办公等", value=words, unit=word),
        lead=whole,
        sheet=Sheet((view.last.label,), (group,), (whole,)),
    )


def _sorting(view: View) -> Cell | None:
    """Return the energy of sorting, which the ledger holds by line."""
    cells = [view.now(("energy", "equipment_line", f"sorting/{line}")) for _, _, line in LINES]
    known = [cell for cell in cells if cell is not None]
    return total(known) if len(known) == len(cells) else None


def flows(view: View) -> Built:
    """Return energy from its carrier through equipment to what it was used for."""
    found = equipment_flows(view)
    word = view.units.of("kgce").word
    subtitle = view.joined(word, view.last_words, view.t("宽度表示用能量"))
    if found is None:
        return Built(subtitle=subtitle, empty=view.t("本期用能不全，无法画出流向"))
    stops, bands, cells, left = found
    figure = shapes.sankey(stops, bands)
    group = Group("", "kgce", (Series(view.t("用能"), "energy.total", tuple(cells)),))
    rest = view.joined(shared_rule(view), view.t("电网与光伏按当月比例分开"), left)
    return Built(
        subtitle=subtitle,
        plots=(Plot(figure),),
        foot=rest,
        lead=view.now(("energy", "site", "site")),
        sheet=Sheet(tuple(band.name for band in bands), (group,), tuple(cells), view.t("流向")),
    )


def finding(view: View) -> Content:
    """Return what the last period means, in one sentence."""
    emission, energy = (_lines_sum(view, name, view.last) for name in ("emission", "energy"))
    if emission is None or emission.value is None or energy is None:
        return el("Span", view.t("所选期间没有拆解环节的数值。"))
    words: list[Content] = [view.t("{period}拆解环节排放", period=view.last_short), " "]
    words += [*_strong(view, emission), view.t("，能耗"), " ", *_strong(view, energy)]
    per = [
        (cell.value, name) for name, _, line in LINES
        if (cell := per_tonne(view, "energy", line, view.last)) is not None
        and cell.value is not None
    ]  # fmt: skip
    if len(per) > 1:
        words.append(view.t("；{low}单耗最低，{high}单耗最高", low=view.t(min(per)[1]),
                            high=view.t(max(per)[1])))  # fmt: skip
    return el("Span", *words, *_risen(view), view.t("。"))


def _risen(view: View) -> list[Content]:
    """Return what rose most against the year before, where one use outweighs the others."""
    cells = [(name, ("energy", "equipment", key)) for name, _, key in SPOKES]
    risen = []
    for name, key in cells:
        now, base = view.now(key), view.year_ago(key)
        if _ratio(view, now, base, view.last) is not None:
            cell = change(now, base)
            if cell.value is not None:
                risen.append((cell.value, name, cell))
    if not risen or max(risen, key=lambda one: one[0])[0] <= 0:
        return []
    _, name, cell = max(risen, key=lambda one: one[0])
    shown = shown_value(cell, view.units.of("%"))
    return [view.t("；{name}较上年同月多", name=view.t(name)), " ",
            figure_button(cell, f"{written(shown, 1)}%", view.language, "strong")]  # fmt: skip


def _strong(view: View, cell: Cell) -> list[Content]:
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    words = written(shown, kpi_decimals(shown))
    return [figure_button(cell, words, view.language, "strong"), f" {measure.word}"]
