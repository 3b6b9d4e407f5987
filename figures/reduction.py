"""What the panels of 全流程减碳 (clause 5.6) show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from math import fsum, isclose
from statistics import quantiles

from figures import cards, charts, shapes
from figures.cards import Built, Indicator, Plot
from figures.cells import Cell, Key, change, ratio, share, total
from figures.cells import view as viewed
from figures.focus import where_parted
from figures.html import Content, Node, el
from figures.lifecycle import (
    STEP,
    TOTAL,
    Said,
    Shade,
    Step,
    bars_and_line,
    signed,
    waterfall,
)
from figures.number import (
    attributes,
    badge,
    figure_button,
    kpi_decimals,
    percent_button,
    share_words,
    shown_value,
    written,
)
from figures.overview import LINES, grain_words
from figures.shapes import Stop
from figures.sheet import Group, Series, Sheet, series
from figures.view import BatchMonth, View, months_of

REDUCTION: Key = ("reduction", "site", "site")
SUBSTITUTION: Key = ("product_substitution", "site", "site")
EMISSION: Key = ("lifecycle_emission", "site", "site")
COPPER = "copper"
MATERIALS = (
    ("铝", "material.aluminium", "aluminium", "solid", "circle"),
    ("钢", "material.steel", "steel", "dot", "square"),
    ("铁", "material.iron", "iron", "dash", "diamond"),
    ("硅钢片", "material.silicon-steel", "silicon_steel", "solid", "triangle-up"),
    ("变压器油", "material.insulating-oil", "transformer_oil", "dot", "cross"),
    ("塑料", "material.plastic", "plastic", "dash", "x"),
    ("铜（扩展项）", "material.copper", COPPER, "solid", "star"),
)
STAGES = (
    ("收集", "stage.collect", "collection", "dash", "square"),
    ("运输", "stage.transport", "transport", "dot", "diamond"),
    ("存储", "stage.store", "storage", "solid", "x"),
    ("拆解", "stage.dismantle", "dismantling", "solid", "circle"),
    ("分拣", "stage.sort", "sorting", "dash", "cross"),
    ("处理", "stage.treat", "treatment", "dot", "triangle-up"),
)
ACTIVITIES = (
    ("外购电", "energy.electricity", "meter"),
    ("厂内燃油", "energy.oil", "fuel"),
    ("厂外运输", "equip.other", "trip"),
    ("变压器油焚烧", "material.insulating-oil", "output"),
)
UNALLOCATED = ("未归集", "product.office", "_unallocated")
WITHOUT_COPPER = "without-copper"
FEWEST_BATCHES = 5
_SAME = 1e-9


def materials(view: View) -> tuple[tuple[str, str, str, str, str], ...]:
    """Return the products that count in the totals: copper only where it does."""
    return tuple(row for row in MATERIALS if row[2] != COPPER or view.copper is not False)


def copper_words(view: View) -> str:
    """Return whether copper counts, unless the view of the ledger says so itself."""
    if view.lens is not None and view.lens.name == WITHOUT_COPPER:
        return ""
    if view.copper is None:
        return view.t("各站点是否计铜不同")
    return view.t("含铜（扩展项）") if view.copper else view.t("标准六种")


def copper_switch(view: View) -> Node | None:
    """Return the page's choice of products; none where the sites do not count copper at all."""
    chosen = WITHOUT_COPPER if view.lens and view.lens.name == WITHOUT_COPPER else ""
    if view.copper is not True and not chosen:
        return None
    choices = [("", "含铜（扩展项）"), (WITHOUT_COPPER, "标准六种")]
    return cards.switch(view, "view", choices, chosen)


def _month(view: View, cell: Cell | None, decimals: int | None = None, cls: str = "") -> Content:
    """Return a number that opens with its unit, as words of a sentence."""
    if cell is None:
        return "--"
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    places = kpi_decimals(shown) if decimals is None else decimals
    return [figure_button(cell, written(shown, places), view.language, cls), f" {measure.word}"]


# ---- a: three sums, and how they come about ----

_SINCE = (("all", "账本首月起"), ("year", "本年"), ("range", "所选期间"))


def since(view: View) -> tuple[str, str]:
    """Return the chosen start of the sums and its month."""
    begun = min((view.book.periods(key)[0] for key in _SUMS if view.book.has(key)), default="")
    last = view.last.months[-1]
    starts = {"all": begun, "year": f"{last[:4]}-01", "range": view.periods[0].months[0]}
    chosen = view.switches.get("since", "all")
    chosen = chosen if chosen in starts else "all"
    return chosen, max(starts[chosen], begun)


_SUMS = (REDUCTION, SUBSTITUTION, EMISSION)


def cumulative(view: View, key: Key, first: str) -> tuple[Cell | None, int]:
    """Return the sum of the known months from one to the last, and how many are not known (R1)."""
    last = view.last.months[-1]
    months = months_of(first, last)
    found = [view.book.cell(key, month) for month in months]
    known = [cell for cell in found if cell is not None and cell.value is not None]
    if not known:
        return None, len(months)
    names = f"indicator={key[0]}&dimension={key[1]}&entity={key[2]}"
    label = f"{first} ～ {last}"
    whole = replace(total(known), period=label, query=f"{names}&from={first}&to={last}")
    missing = len(months) - len(known)
    return (replace(whole, quality="incomplete") if missing else whole), missing


_ANSWERS = (
    (Indicator("净减了多少", "累计碳减排量", REDUCTION, "role.reduction", cards.GOOD),
     "产品替代减排 − 全流程排放"),
    (Indicator("产物替了多少", "累计产品替代减排量", SUBSTITUTION, "role.substitution", cards.GOOD),
     "再生产物替代原生材料"),
    (Indicator("过程排了多少", "累计全流程碳排放量", EMISSION, "role.emission", cards.BAD),
     "收集到处理六个环节，不含办公"),
)  # fmt: skip


def sums(view: View) -> Built:
    """Return the three sums since a month (5.6 a)."""
    chosen, first = since(view)
    cells = [_sum_card(view, what, foot, first) for what, foot in _ANSWERS]
    start = el("Div", el("Span", view.t("累计起点"), cls="since-name"),
               cards.switch(view, "since", _SINCE, chosen), cls="starting")  # fmt: skip
    body = [start, el("Div", cells, cls="kpi-row kpi-three")]
    return Built(body=el("Div", body), lead=cumulative(view, REDUCTION, first)[0])


def _sum_card(view: View, what: Indicator, foot: str, first: str) -> Node:
    cell, missing = cumulative(view, what.key, first)
    context = view.t(foot)
    if missing and cell is not None:
        context = view.joined(context, view.t("缺 {count} 个月", count=missing))
    now = view.now(what.key)
    return el(
        "Div",
        el("Div", cards.swatch(what.color), el("Span", view.t(what.question), cls="kpi-question"),
           badge(cell, view.language), cls="kpi-top"),
        el("Div", el("H3", view.t(what.name), cls="kpi-name"),
           el("Span", view.t("{month} 起", month=first), cls="kpi-period since-month"),
           el("Span", copper_words(view) if what.key != EMISSION else "", cls="kpi-period"),
           cards.lens_mark(view, cell), cls="kpi-title"),
        el("Div", cards.value_line(view, cell), cards.sparkline(view.cells(what.key), what.color),
           cls="kpi-middle"),
        el("Div", el("Span", el("Span", view.last_short, cls="change-name"),
                     _month(view, now, cls="sum-now"), cls="change-pair"),
           cards.changes(view, what.key, what.polarity, both=False), cls="changes"),
        el("Div", el("Div", context, cls="kpi-context"), cards.basis_button(view, cell),
           cls="kpi-foot"),
        cls="kpi",
    )  # fmt: skip


def _negative(cell: Cell | None, unit: str = "kgCO2e") -> Cell:
    """Return what a quantity takes away: the same row with the other sign."""
    if cell is None:
        return Cell(None, unit, quality="null")
    value = None if cell.value is None else -cell.value
    return viewed(value, cell.unit, [cell])


def flow_down(view: View) -> Built:
    """Return how products and stages make the reduction of the last period (5.6 a)."""
    whole, burden, net = (view.now(key) for key in (SUBSTITUTION, EMISSION, REDUCTION))
    word = view.units.of("kgCO2e").word
    subtitle = view.joined(word, view.last_words, copper_words(view), view.t("每一步都可打开"))
    switch = copper_switch(view)
    if whole is None or burden is None or net is None or net.value is None:
        reason = view.t("本期没有产物或全流程排放的数值，无法分步")
        return Built(subtitle=subtitle, switch=switch, empty=reason)
    products = _sorted([
        (view.t(name), color, view.now(("product_substitution", "material", key)))
        for name, color, key, _, _ in materials(view)
    ])  # fmt: skip
    rest = (whole.value or 0.0) - fsum(cell.value or 0.0 for _, _, cell in products if cell)
    if abs(rest) > _SAME * max(abs(whole.value or 0.0), 1.0):
        cells = [cell for _, _, cell in products if cell]
        products.append((view.t("其他口径差"), "equip.other",
                         viewed(rest, "kgCO2e", [whole, *cells])))  # fmt: skip
    stages = _sorted([
        (view.t(name), color, view.now(("lifecycle_emission", "stage", key)))
        for name, color, key, _, _ in STAGES
    ])  # fmt: skip
    steps, cells = _steps(view, products, stages, (whole, net))
    group = Said("", "kgCO2e", (Series(view.t("变化"), "energy.total", tuple(cells)),),
                 said=tuple(step.words for step in steps))  # fmt: skip
    count = len(products)
    shades = [
        Shade(0, count - 1, f"{view.t('再生产物替代')} {_plus(steps[count].words)}",
              "role.substitution"),
        Shade(count + 1, count + len(stages),
              f"{view.t('全流程排放')} {_taken(view, steps[count], steps[-1])}", "role.emission"),
    ]  # fmt: skip
    labels = tuple(step.name for step in steps)
    return Built(
        subtitle=subtitle,
        plots=(Plot(waterfall(steps, shades)),),
        switch=switch,
        foot=view.joined(view.t("合计从零起，中间各段从上一段末端起；斜纹为估算或不完整"),
                         view.t("材料因子集 {name}", name=view.facts.get("materials", "CONS"))),
        lead=net,
        sheet=Sheet(labels, (group,), tuple(cells), view.t("步骤")),
    )  # fmt: skip


def _plus(words: str) -> str:
    return words if words[:1] in "−-" else f"+{words}"


def _taken(view: View, first: Step, last: Step) -> str:
    """Return the difference of two shown totals in words."""
    numbers = [Decimal(step.words.replace(",", "").replace("−", "-")) for step in (first, last)]
    gap = numbers[1] - numbers[0]
    places = -int(gap.as_tuple().exponent)
    return written(gap, places) if gap <= 0 else f"+{written(gap, places)}"


def _sorted(rows: list[tuple[str, str, Cell | None]]) -> list[tuple[str, str, Cell | None]]:
    """Return parts with the largest first; what is not known last."""

    def size(row: tuple[str, str, Cell | None]) -> float:
        cell = row[2]
        return float("inf") if cell is None or cell.value is None else -cell.value

    return sorted(rows, key=size)


def _steps(
    view: View, products: Sequence[tuple[str, str, Cell | None]],
    stages: Sequence[tuple[str, str, Cell | None]], totals: tuple[Cell, Cell],
) -> tuple[list[Step], list[Cell]]:  # fmt: skip
    """Return the columns from the products over their sum and the stages to what is left."""
    whole, net = totals
    measure = view.units.of("kgCO2e")
    up = [cell or Cell(None, "kgCO2e", quality="null") for _, _, cell in products]
    down = [_negative(cell) for _, _, cell in stages]
    # as fine as the stages alone are written: what they take is the same number everywhere
    decimals = Group("", "kgCO2e", (Series("", "", (*down, view.now(EMISSION))),)).decimals(
        view.units
    )
    places = Decimal(1).scaleb(-decimals)
    tops = [
        (shown_value(cell, measure) or Decimal(0)).quantize(places, ROUND_HALF_EVEN)
        for cell in totals
    ]
    cells = [*up, whole, *down, net]
    words = [
        *signed([shown_value(cell, measure) for cell in up], tops[0], decimals),
        written(tops[0], decimals),
        *signed([shown_value(cell, measure) for cell in down], tops[1] - tops[0], decimals),
        written(tops[1], decimals),
    ]  # fmt: skip
    opened = [*up, whole, *(cell or Cell(None, "kgCO2e") for _, _, cell in stages), net]
    names = [
        *((name, color, STEP) for name, color, _ in products),
        (view.t("产品替代减排"), "role.substitution", TOTAL),
        *((name, color, STEP) for name, color, _ in stages),
        (view.t("净减排"), "role.reduction", TOTAL),
    ]  # fmt: skip
    drawn = [shown_value(cell, measure) for cell in cells]
    steps = [
        Step(name, None if amount is None else float(amount), kind, color, said,
             attributes(point), attributes(cell), charts.unsure(cell))
        for (name, color, kind), amount, said, point, cell in zip(
            names, drawn, words, opened, cells, strict=True
        )
    ]  # fmt: skip
    return steps, cells


# ---- b: month by month ----

_NET = (("three", "三者"), ("net", "净值"))


def trend(view: View) -> Built:
    """Return reduction and substitution as bars, emissions as a line; or the net (5.6 b)."""
    chosen = view.switches.get("months", "three")
    chosen = chosen if chosen in dict(_NET) else "three"
    labels = tuple(span.label for span in view.periods)
    saved = series(view, SUBSTITUTION, view.t("产品替代减排量"), "role.substitution")
    net = series(view, REDUCTION, view.t("碳减排量（净）"), "role.reduction")
    burden = series(view, EMISSION, view.t("全流程碳排放量"), "role.emission")
    if chosen == "net":
        taken = tuple(None if cell is None else _negative(cell) for cell in burden.cells)
        bars = (saved, replace(burden, cells=taken))
        line = replace(net, color="energy.total", name=view.t("净减排量"))
    else:
        bars, line = (saved, net), burden
    group = Group("", "kgCO2e", (*bars, line))
    figure = bars_and_line(replace(group, series=bars), line, labels, view.units, view.language,
                           stacked=chosen == "net")  # fmt: skip
    return Built(
        subtitle=view.joined(view.units.of("kgCO2e").word, view.range_words(), grain_words(view),
                             view.t("同一纵轴"), copper_words(view)),
        plots=(Plot(figure, cards.legend(view, group, shapes=("square", "square", "line 2"))),),
        switch=cards.switch(view, "months", _NET, chosen),
        foot=view.t("碳减排量（净）= 产品替代减排量 − 全流程碳排放量；缺数的月份断开"),
        lead=view.now(REDUCTION),
        sheet=Sheet(labels, (group,), tuple(view.cells(REDUCTION))),
    )  # fmt: skip


# ---- c: products ----

_PRODUCTS = (("saved", "减排量"), ("mass", "产量"))
_OUTPUT = {"saved": ("product_substitution", "kgCO2e"), "mass": ("product_output", "t")}


def products(view: View) -> Built:
    """Return the products over time, with output, factor and reduction beside (5.6 c)."""
    chosen = view.switches.get("products", "saved")
    chosen = chosen if chosen in _OUTPUT else "saved"
    indicator, unit = _OUTPUT[chosen]
    labels = tuple(span.label for span in view.periods)
    found = tuple(
        series(view, (indicator, "material", key), view.t(name), color, dash=dash, symbol=symbol)
        for name, color, key, dash, symbol in view.kept(indicator, "material", materials(view))
    )
    group = Group("", unit, found)
    figure = charts.lines(group, labels, view.units, view.language)
    switches = [copper_switch(view), cards.switch(view, "products", _PRODUCTS, chosen)]
    return Built(
        subtitle=view.joined(view.units.of(unit).word, view.range_words(), grain_words(view),
                             view.t(dict(_PRODUCTS)[chosen]), copper_words(view)),
        plots=(Plot(figure, cards.legend(view, group, shape="line")),),
        switch=el("Div", switches, cls="switches"),
        aside=cards.each(view, _product_card),
        foot=view.joined(view.t("减排量 = 计入产量 × 减排因子；来源：产出称重台账"),
                         view.t("材料因子集 {name}", name=view.facts.get("materials", "CONS"))),
        lead=view.now(SUBSTITUTION),
        sheet=Sheet(labels, (group,), tuple(view.cells(SUBSTITUTION))),
    )  # fmt: skip


def _product_card(view: View) -> Content:
    """Return the card of output, factor, reduction and change of each product."""
    rows = materials(view)
    whole = view.now(SUBSTITUTION)
    saved = [view.now(("product_substitution", "material", key)) for _, _, key, _, _ in rows]
    made = [view.now(("product_output", "material", key)) for _, _, key, _, _ in rows]
    output = total([cell for cell in made if cell]) if any(made) else None
    words = [
        Group("", unit, tuple(Series("", "", (cell,)) for cell in cells), (end,)).words(
            0, view.units)
        for unit, cells, end in (("kgCO2e", saved, whole), ("t", made, output))
    ]  # fmt: skip
    body = [
        _product_row(view, row, cells, said)
        for row, cells, said in zip(
            rows, zip(made, saved, strict=True), zip(words[1], words[0], strict=False), strict=False
        )
    ]
    foot = el(
        "Tr", el("Th", view.t("合计"), scope="row"),
        el("Td", _number(view, output, words[1][-1]), cls="num"), el("Td", "--", cls="num"),
        el("Td", _number(view, whole, words[0][-1]), cls="num"),
        el("Td", _moved(view, SUBSTITUTION), cls="num"), cls="sum-row",
    )  # fmt: skip
    mass = view.units.of("kgCO2e").word
    head = [
        el("Th", view.t("产物"), scope="col"),
        el("Th", view.t("产量"), " t", cls="num", scope="col"),
        el("Th", view.t("因子"), " kg/t", cls="num", scope="col"),
        el("Th", view.t("减排"), f" {mass[:-4]}", cls="num", scope="col"),
        el("Th", view.t("环比") if view.grain != "year" else view.t("同比"), cls="num",
           scope="col"),
    ]  # fmt: skip
    lens = view.lens_words if whole and whole.view else ""
    return [
        el("Div", el("Div", el("H3", view.t("产量与减排因子"), cls="card-title"),
                     el("P", view.joined(view.last_words, copper_words(view), lens,
                                         view.t("点因子看出处")), cls="card-sub"),
                     cls="card-titles"),
           el("Div", cards.basis_button(view, whole, words=False), cls="card-tools"),
           cls="card-head"),
        el("Div", el("Table", el("Thead", el("Tr", head)), el("Tbody", body, foot),
                     cls="product-table"),
           cls="product-box", tabIndex="0", data_scroll="x", role="region",
           aria_label=view.t("产量与减排因子")),
        _balance(view),
        el("Div", el("Span", view.t("因子 = κ ×（原生 − 再生），单位 {unit}",
                                    unit=view.units.of("kgCO2e/t").word), cls="foot-words"),
           badge(whole, view.language), cls="card-foot"),
    ]  # fmt: skip


def _product_row(
    view: View, row: tuple[str, str, str, str, str], cells: tuple[Cell | None, Cell | None],
    said: tuple[str, str],
) -> Node:  # fmt: skip
    name, color, key, _, _ = row
    factor = view.now(("net_factor", "material", key))
    shown = shown_value(factor, view.units.of("kgCO2e/t")) if factor else None
    return el(
        "Tr", el("Th", cards.swatch(color), view.t(name), scope="row"),
        el("Td", _number(view, cells[0], said[0]), cls="num"),
        el("Td", _number(view, factor, written(shown, 0), "factor-link"), cls="num"),
        el("Td", _number(view, cells[1], said[1], "cell strong"), cls="num"),
        el("Td", _moved(view, ("product_substitution", "material", key)), cls="num"),
    )  # fmt: skip


def _number(view: View, cell: Cell | None, words: str, cls: str = "cell") -> Content:
    return "--" if cell is None else figure_button(cell, words, view.language, cls)


def _moved(view: View, key: Key) -> Content:
    cell = change(view.now(key), view.previous(key))
    words, meaning = cards.change_words(view, cell, cards.GOOD)
    return figure_button(cell, words, view.language, f"change {meaning}")


def _balance(view: View) -> Node:
    """Return where the mass goes that comes in; copper always stands in it."""
    taken = _total(view, [("throughput", "line", line) for _, _, line in LINES])
    keys = [("product_output", "material", key) for _, _, key, _, _ in MATERIALS if key != COPPER]
    made = _total(view, keys)
    copper = view.now(("product_output", "material", COPPER))
    left = _total(view, [("residue", "line", line) for _, _, line in LINES])
    parts = [cell for cell in (taken, made, copper, left) if cell is not None]
    known = [cell.value for cell in parts if cell.value is not None]
    gap = None
    if len(known) == 4 and len(parts) == 4:
        gap = viewed(known[0] - fsum(known[1:]), "t", parts)
    names = (("投入", taken), ("六种产物", made), ("铜（扩展项）", copper), ("残余物", left),
             ("未闭合", gap))  # fmt: skip
    rows: list[Content] = [
        el("Div", el("Span", view.t(name)),
           el("Span", _month(view, cell, 2), _part(view, cell, taken) if cell is gap else None),
           cls="fact")
        for name, cell in names
    ]  # fmt: skip
    title = el("P", view.t("质量平衡，每批限值 5%"), cls="side-note")
    return el("Div", title, el("Div", rows, cls="balance-rows"), cls="facts balance")


def _part(view: View, cell: Cell | None, whole: Cell | None) -> Content:
    part = share(cell, whole)
    return [view.comma, percent_button(part, view.language)] if cell else None


def _total(view: View, keys: Sequence[Key]) -> Cell | None:
    """Return the sum of names in the last period; unknown where any is."""
    found = [cell for key in keys if (cell := view.now(key)) is not None]
    return total(found) if found and len(found) == len(keys) else None


# ---- d: stages ----


def stages(view: View) -> Built:
    """Return the six stages over time and their shares in the last period (5.6 d)."""
    labels = tuple(span.label for span in view.periods)
    found = tuple(
        series(view, ("lifecycle_emission", "stage", key), view.t(name), color, dash=dash,
               symbol=symbol)
        for name, color, key, dash, symbol in view.kept("lifecycle_emission", "stage", STAGES)
    )  # fmt: skip
    group = Group("", "kgCO2e", found, tuple(view.cells(EMISSION)), None, view.t("合计"))
    figure = charts.lines(group, labels, view.units, view.language)
    (ring, card), why = cards.either(view, _stage_card)
    plots = [Plot(figure, cards.legend(view, group, shape="line"))]
    return Built(
        subtitle=view.joined(view.units.of("kgCO2e").word, view.range_words(), grain_words(view),
                             view.t("空心点为估算或不完整")),
        plots=(*plots, Plot(ring)) if ring else tuple(plots),
        aside=[*card, cards.unparted(why)] if why else card,
        foot=where_parted(lambda: _merged(view))
        or view.t("车次：吨公里 × 车型因子，或自有车燃油；厂区：分摊后的电和油"),
        lead=view.now(EMISSION),
        sheet=Sheet(labels, (group,), tuple(view.cells(EMISSION))),
    )  # fmt: skip


def _merged(view: View) -> str:
    cell = view.now(("lifecycle_emission", "stage", "sorting"))
    merged = cell is not None and "merged_in_dismantle" in cell.flags
    return view.t("没有分拣电表，分拣并入拆解") if merged else ""


def _stage_card(view: View) -> tuple[charts.Figure | None, Content]:
    """Return the ring of the last period's stages and the card it stands in."""
    word = view.units.of("kgCO2e").word
    whole = view.now(EMISSION)
    rows = _sorted([
        (view.t(name), color, view.now(("lifecycle_emission", "stage", key)))
        for name, color, key, _, _ in STAGES
    ])  # fmt: skip
    parts = tuple(Series(name, color, (cell,)) for name, color, cell in rows)
    lens = view.lens_words if whole and whole.view else ""
    head = el(
        "Div", el("Div", el("H3", view.t("环节占比与实测比例"), cls="card-title"),
                  el("P", view.joined(word, view.last_words, lens, view.t("末列为实测比例")),
                     cls="card-sub"), cls="card-titles"),
        el("Div", cards.basis_button(view, whole, words=False), cls="card-tools"),
        cls="card-head",
    )  # fmt: skip
    if whole is None or not charts.made_of([cell for _, _, cell in rows], whole):
        return None, [head, cards.empty(view, view.t("占比无法计算：有未知的部分，或有负值"))]
    group = Group("", "kgCO2e", parts, (whole,), None, view.t("合计"))
    words = group.words(0, view.units)
    ring = charts.ring(parts, "kgCO2e", view.units, centre=words[-1], note=word)
    ring["layout"]["meta"]["attributes"] = attributes(whole)
    listed = [_stage_row(view, row, said, whole) for row, said in zip(rows, words, strict=False)]
    foot = el("Div", el("Span", view.t("合计 {value} {unit}，与全流程碳排放量一致", value=words[-1],
                                       unit=word), cls="foot-words"),
              badge(whole, view.language), cls="card-foot")  # fmt: skip
    return ring, [head, el("Div", listed, cls="stage-list"), foot]


def _stage_row(
    view: View, row: tuple[str, str, Cell | None], words: str, whole: Cell | None
) -> Node:
    name, color, cell = row
    part = share(cell, whole)
    sure = None if cell is None or cell.value is None else _measured(cell)
    said = "--" if sure is None else f"{share_words(sure, 0)}%"
    return el(
        "Div", cards.swatch(color), el("Span", name, cls="part-name"),
        _number(view, cell, words, "part-value"), percent_button(part, view.language, "part-share"),
        el("Div", el("Div", cls=f"sure-fill c-{color.replace('.', '-')}",
                     style={"width": f"{sure or 0.0:.1f}%"}), cls="sure-track",
           role="img", aria_label=view.t("实测 {share}", share=said)),
        el("Span", said, cls="num sure-words"), cls="stage-row",
    )  # fmt: skip


def _measured(cell: Cell) -> float:
    """Return the measured share of a figure, %; what is estimated is the rest."""
    if cell.measured_pct is not None:
        return cell.measured_pct
    return 100.0 - (cell.estimated_pct or 0.0)


def network(view: View) -> Built:
    """Return the flow of emissions from activities through stages to lines (5.6 d)."""
    whole = view.now(EMISSION)
    subtitle = view.joined(view.units.of("kgCO2e").word, view.last_words,
                           view.t("宽度表示排放量，浅色为估算"))  # fmt: skip
    stage_cells = {
        key: view.now(("lifecycle_emission", "stage", key)) for _, _, key, _, _ in STAGES
    }
    ends = (*LINES, UNALLOCATED)
    line_cells = {key: view.now(("lifecycle_emission", "line", key)) for _, _, key in ends}
    if not view.flows or whole is None or not whole.value:
        return Built(subtitle=subtitle, empty=view.t("本期没有可以分到环节的排放"))
    if any(flow.kg < 0 for flow in view.flows):
        return Built(subtitle=subtitle, empty=view.t("有负值，流向无法按宽度画出"))
    if not _balanced(view, stage_cells):
        reason = view.t("此口径下没有逐笔明细，流向按账本口径才能画出")
        return Built(subtitle=subtitle, empty=reason)
    kinds = [row for row in ACTIVITIES if any(flow.activity == row[2] for flow in view.flows)]
    known = [cell for cell in stage_cells.values() if cell is not None]
    stops = []
    for name, color, key in kinds:
        amount = fsum(flow.kg for flow in view.flows if flow.activity == key)
        cell = viewed(amount, "kgCO2e", known)
        stops.append(_stop(view, (f"activity/{key}", 0, name, color), cell))
    for name, color, key, _, _ in STAGES:
        if any(flow.stage == key for flow in view.flows) and (found := stage_cells[key]):
            guess = view.t("（估算）") if _guessed(found) else ""
            stops.append(_stop(view, (f"stage/{key}", 1, name, color), found, guess))
    for name, color, key in ends:
        if any(flow.line == key for flow in view.flows) and (found := line_cells[key]):
            stops.append(_stop(view, (f"line/{key}", 2, name, color), found))
    bands, cells = _bands(view, stops, stage_cells, line_cells)
    labels = tuple(band.name for band in bands)
    group = Group("", "kgCO2e", (Series(view.t("排放量"), "role.emission", tuple(cells)),))
    return Built(
        subtitle=subtitle,
        plots=(Plot(shapes.sankey(stops, bands)),),
        foot=view.t(
            "由各数值的逐笔明细按电表、车次、燃油和批次对应得出；共用设备按分摊规则归到对象"
        ),
        lead=whole,
        sheet=Sheet(labels, (group,), tuple(cells), view.t("流向")),
    )


def _guessed(cell: Cell | None) -> bool:
    return cell is not None and (
        (cell.estimated_pct or 0) >= charts.ESTIMATED_PCT
        or (cell.quality == "incomplete" and "month_to_date" not in cell.flags)
    )


def _stop(view: View, what: tuple[str, int, str, str], cell: Cell, guess: str = "") -> Stop:
    key, column, title, color = what
    words = written(shown_value(cell, view.units.of(cell.unit)), 2)
    name = view.t(title)
    return Stop(key, column, name, name, words + guess, color, attributes(cell))


def _balanced(view: View, stage_cells: dict[str, Cell | None]) -> bool:
    """Tell whether the ledger's lineage adds up to the shown stages: another view's may not."""
    for key, cell in stage_cells.items():
        made = fsum(flow.kg for flow in view.flows if flow.stage == key)
        shown = cell.value if cell is not None and cell.value is not None else 0.0
        if not isclose(made, shown, rel_tol=1e-6, abs_tol=1e-6):
            return False
    return True


def _bands(
    view: View, stops: Sequence[Stop], stage_cells: dict[str, Cell | None],
    line_cells: dict[str, Cell | None],
) -> tuple[list[shapes.Flow], list[Cell]]:  # fmt: skip
    """Return the flows between the stops and their numbers."""
    known = {stop.key: stop for stop in stops}
    places = {stop.key: at for at, stop in enumerate(stops)}
    amounts: dict[tuple[str, str], float] = {}
    for flow in view.flows:
        middle = f"stage/{flow.stage}"
        for pair in ((f"activity/{flow.activity}", middle), (middle, f"line/{flow.line}")):
            amounts[pair] = amounts.get(pair, 0.0) + flow.kg
    scale = float(view.units.of("kgCO2e").scale)
    bands, cells = [], []
    for (start, end), amount in sorted(amounts.items(), key=lambda item: places[item[0][0]]):
        stage = stage_cells[(start if start.startswith("stage/") else end).partition("/")[2]]
        line = line_cells[end.partition("/")[2]] if end.startswith("line/") else None
        cell = viewed(amount, "kgCO2e", [one for one in (stage, line) if one is not None])
        name = f"{known[start].name} → {known[end].name}"
        bands.append(
            shapes.Flow(start, end, amount * scale, name, known[start].color, attributes(cell),
                        _guessed(stage))
        )  # fmt: skip
        cells.append(cell)
    return bands, cells


# ---- e: per product ----


def unit_product(view: View) -> Built:
    """Return what a tonne of a product's scrap saves, with its parts as a ring (5.6 e)."""
    chosen = dict(view.focus).get("line") or view.switches.get("product", "cable")
    tabs = [(key, name) for name, _, key in LINES]
    chosen = chosen if chosen in dict(tabs) else "cable"
    name = view.t(dict(tabs)[chosen])
    switch = cards.switch(view, "product", tabs, chosen)
    subtitle = view.joined(view.units.of("kgCO2e/t").word, name, view.last_words,
                           copper_words(view))  # fmt: skip
    mass = view.now(("throughput", "line", chosen))
    saved, burden = (
        ratio(view.now((indicator, "line", chosen)), mass, "kgCO2e/t")
        for indicator in ("product_substitution", "lifecycle_emission")
    )
    net = _per_tonne(view, chosen, back=0)
    if net.value is None or saved.value is None or burden.value is None:
        reason = view.t("本期没有拆解{name}，或产物、排放不全，单位值无法计算", name=name)
        return Built(subtitle=subtitle, switch=switch, empty=reason)
    lead = _unit_words(view, chosen, net, burden)
    foot = el(
        "Div", el("Span", view.t("拆解处理量")), el("Span", _month(view, mass, 1)), cls="fact"
    )
    built = Built(subtitle=subtitle, switch=switch, lead=net, foot=view.t("替代 = 净减 + 排放"))
    parts = (
        Series(view.t("净减碳"), "role.reduction", (net,)),
        Series(view.t("全流程排放"), "role.emission", (burden,)),
    )
    label = (view.last.label,)
    if net.value < 0 or burden.value < 0 or saved.value <= 0:
        both = (Series(view.t("产品替代减排"), "role.substitution", (saved,)), parts[1])
        group = Group("", "kgCO2e/t", both)
        body = el("Div", lead, _two_bars(view, group), el("Div", foot, cls="facts"))
        return replace(built, body=body, sheet=Sheet(label, (group,), (net,)))
    group = Group("", "kgCO2e/t", parts, (saved,), None, view.t("产品替代减排"))
    words = group.words(0, view.units)
    ring = charts.ring(parts, "kgCO2e/t", view.units, centre=words[-1], note=view.t("替代 kg/t"))
    ring["layout"]["meta"]["attributes"] = attributes(saved)
    return replace(
        built,
        plots=(Plot(ring, lead),),
        beside=cards.parts_list(view, parts, saved, [None, None]),
        body=el("Div", foot, cls="facts"),
        sheet=Sheet(label, (group,), (net,)),
    )


def _per_tonne(view: View, line: str, *, back: int) -> Cell:
    """Return the reduction per tonne of a line: the ledger's of a month, else of the sums."""
    span = view.last.back(back) if back else view.last
    held = view.cell(("reduction_per_tonne", "line", line), span)
    if held is not None and held.value is not None:
        return held
    whole = view.cell(("reduction", "line", line), span)
    return ratio(whole, view.cell(("throughput", "line", line), span), "kgCO2e/t")


_PIECES = {"km": "每 km", "unit": "每台"}


def _unit_words(view: View, line: str, net: Cell, burden: Cell) -> Node:
    """Return the indicator over the ring: value, change, range of the batches, per piece."""
    moved = change(net, _per_tonne(view, line, back=view.step))
    words, meaning = cards.change_words(view, moved, cards.GOOD)
    base = view.t("环比") if view.grain != "year" else view.t("同比")
    rows: list[Content] = [
        el("Span", el("Span", base, cls="change-name"),
           figure_button(moved, words, view.language, f"change {meaning}"), cls="change-pair"),
    ]  # fmt: skip
    found = batch_range(view, line, burden)
    if found is not None:
        count, low, high = found
        rows.append(el("Span", view.t("{count} 批，P10 ～ P90", count=count), " ",
                       _month(view, low, 0)[0], " ～ ", _month(view, high, 0),
                       cls="change-pair"))  # fmt: skip
    for piece, name in _PIECES.items():
        cell = view.now((f"reduction_per_{piece}", "line", line))
        if cell is not None and cell.value is not None:
            rows.append(el("Span", view.t(name), " ", _piece(view, cell), cls="change-pair"))
    return el(
        "Div", el("Div", view.t("单位净减碳"), cls="side-note"),
        cards.value_line(view, net, size="compact-value"), el("Div", rows, cls="changes"),
        cls="unit-lead",
    )  # fmt: skip


def _piece(view: View, cell: Cell) -> Content:
    shown = shown_value(cell, view.units.of(cell.unit))
    return [figure_button(cell, written(shown, kpi_decimals(shown)), view.language), " kg"]


def batch_range(view: View, line: str, burden: Cell) -> tuple[int, Cell, Cell] | None:
    """Return the 10th and 90th percentile of the reductions per tonne of a line's batches.

    A batch's share of the full-process emissions is by mass, as the ledger allocates them. None
    with few batches, and where the ledger's batches do not add up to what is shown.
    """
    batches = [batch for batch in view.batches if batch.line == line]
    saved = view.now(("product_substitution", "line", line))
    if len(batches) < FEWEST_BATCHES or saved is None or saved.value is None:
        return None
    amounts = _amounts(batches, saved.value)
    if amounts is None or burden.value is None:
        return None
    each = [
        amount / batch.mass_in_t - burden.value
        for amount, batch in zip(amounts, batches, strict=True)
    ]
    cuts = quantiles(each, n=10, method="inclusive")
    note = view.t("{count} 批每吨净减碳的第 10 和第 90 百分位；各批的全流程排放按质量分摊",
                  count=len(batches))  # fmt: skip
    low, high = (
        replace(viewed(cut, "kgCO2e/t", [saved, burden]), note=note) for cut in (cuts[0], cuts[-1])
    )
    return len(batches), low, high


def _amounts(batches: Sequence[BatchMonth], whole: float) -> list[float] | None:
    """Return what the batches substitute, with or without copper: as the shown total counts."""
    with_copper = [batch.kg for batch in batches]
    without = [batch.kg - batch.copper_kg for batch in batches]
    for amounts in (with_copper, without):
        if isclose(fsum(amounts), whole, rel_tol=1e-9, abs_tol=1e-6):
            return amounts
    return None


def _two_bars(view: View, group: Group) -> Node:
    """Return substitution and emissions as two bars: a negative difference makes no ring."""
    words = group.words(0, view.units)
    sizes = [abs(s.cells[0].value or 0.0) if s.cells[0] else 0.0 for s in group.series]
    largest = max(sizes) or 1.0
    rows = [
        el("Div", el("Div", cards.swatch(s.color), el("Span", s.name, cls="ranked-name"),
                     _number(view, s.cells[0], said, "ranked-value"), cls="ranked-top"),
           el("Div", el("Div", cls=f"bar-fill c-{s.color.replace('.', '-')}",
                        style={"width": f"{100 * size / largest:.1f}%"}), cls="bar-track",
              aria_hidden="true"), cls="ranked-row")
        for s, said, size in zip(group.series, words, sizes, strict=True)
    ]  # fmt: skip
    note = el("P", view.t("净值为负，不能画成环"), cls="side-note")
    return el("Div", rows, note, cls="ranked")


def finding(view: View) -> Content:
    """Return what the last period means, in one sentence."""
    whole, burden, net = (view.now(key) for key in (SUBSTITUTION, EMISSION, REDUCTION))
    if whole is None or burden is None or net is None or net.value is None:
        return el("Span", view.t("所选期间没有全流程减碳的数值。"))
    words: list[Content] = [
        view.t("{period}再生产物替代减排", period=view.last_short), " ",
        _month(view, whole, cls="strong"), view.t("，全流程排放"), " ",
        _month(view, burden, cls="strong"), view.t("，净减"), " ",
        _month(view, net, cls="strong"),
    ]  # fmt: skip
    rows = _sorted([
        (view.t(name), color, view.now(("product_substitution", "material", key)))
        for name, color, key, _, _ in materials(view)
    ])  # fmt: skip
    name, _, cell = rows[0]
    part = share(cell, whole)
    if part.value is not None and part.value > 0:
        words += [view.t("；{name}贡献最多，占", name=name), " ",
                  percent_button(part, view.language, "strong")]  # fmt: skip
    return el("Span", words, view.t("。"))
