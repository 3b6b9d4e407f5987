"""假设分析: more PV, chargers, buses, heat pump, throughput, by the site's own coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple

from accounting.whatif import (
    BUSES,
    CHARGERS,
    HEAT_PUMP,
    LEVERS,
    LIMITS,
    PV,
    THROUGHPUT,
    Levers,
    Month,
    Outcome,
    outcome,
)
from figures.cards import Built
from figures.cells import Cell, Key, ratio, total
from figures.html import Content, Node, el, icon
from figures.number import exact, figure_button, kpi_decimals, shown_value, written
from figures.sales import LINES, Sales
from figures.scenario import Ident, removal, scenario_mark, slider
from figures.sheet import Group, Series, Sheet
from figures.view import View, shifted

MONTHS = 12
# Of every lever its title, step, decimals and words.
TITLES: Mapping[str, tuple[str, float, str]] = {
    PV: ("新增光伏", 10.0, "{value} kWp"),
    CHARGERS: ("新增充电桩", 1.0, "{value} 个"),
    BUSES: ("新增电动班车", 1.0, "{value} 辆"),
    HEAT_PUMP: ("扩大地源热泵", 5.0, "{value} %"),
    THROUGHPUT: ("处理量变化", 1.0, "{value} %"),
}
_SITE: Mapping[str, Key] = {
    "grid_kwh": ("grid_electricity", "site", "site"),
    "grid_kg": ("emission", "medium", "electricity"),
    "pv_kwh": ("pv_generation", "site", "site"),
    "pv_self_kwh": ("pv_self_use", "site", "site"),
    "pv_kwp": ("pv_capacity", "site", "site"),
    "charger_kwh": ("charger_energy", "site", "site"),
    "charger_count": ("charger_count", "site", "site"),
    "charger_kg": ("substitution", "source", "charger"),
    "saved_kwh": ("heat_pump_saved", "site", "site"),
    "heat_pump_kg": ("substitution", "source", "heat_pump"),
    "reduction_kg": ("reduction", "site", "site"),
}
_LINE = {"line_kwh": "electricity", "line_kg": "emission"}
# Coefficients as the page lists them: title, unit, numerator, denominator.
_RATIOS = (
    ("外购电排放系数", "kgCO2e/kWh", "grid_kg", "grid_kwh"),
    ("光伏单位容量月发电量", "kWh/kWp", "pv_kwh", "pv_kwp"),
    ("光伏自用率", "1", "pv_self_kwh", "pv_kwh"),
    ("单桩月充电量", "kWh", "charger_kwh", "charger_count"),
    ("充电替代系数", "kgCO2e/kWh", "charger_kg", "charger_kwh"),
    ("热泵替代系数", "kgCO2e/kWh", "heat_pump_kg", "saved_kwh"),
)


def months_of(view: View) -> list[str]:
    """Return the twelve months that end with the page's last."""
    last = view.last.months[-1]
    return [shifted(last, back) for back in range(1 - MONTHS, 1)]


def _cells(view: View) -> dict[str, list[Cell | None]]:
    """Return the cells of every quantity by month; of the lines all of them together."""
    book, months = view.unfiltered.book, months_of(view)
    found = {name: [book.cell(key, month) for month in months] for name, key in _SITE.items()}
    for name, indicator in _LINE.items():
        by_line = [[book.cell((indicator, "line", line), m) for line in LINES] for m in months]
        found[name] = [
            total([c for c in cells if c is not None]) if all(cells) else None for cells in by_line
        ]
    return found


def base(view: View) -> list[Month]:
    """Return the last twelve months as the ledger has them."""
    found = _cells(view)
    return [
        Month(**{name: None if (cell := cells[at]) is None else cell.value
                 for name, cells in found.items()})
        for at in range(MONTHS)
    ]  # fmt: skip


def made(view: View, levers: Levers) -> Outcome:
    """Return what levers come to at the site of a view."""
    sales = view.sales
    bus, resold = (None, False) if sales is None else (sales.bus, sales.resold)
    return outcome(base(view), levers, bus, resold=resold)


def whatif(view: View, out: Ident) -> Built:
    """Return the panel: sliders, effects by lever, coefficients with their figures, saved ones."""
    sales = view.sales
    if sales is None or not sales.site:
        return Built(empty=view.t("假设分析属于一个站点，请先只选一个站点"))
    if view.lens is not None:
        return Built(empty=view.t("假设分析只按账本口径给出"))
    months = months_of(view)
    left = el(
        "Div", _sliders(view), _actions(view, sales), _saved(view, sales), cls="whatif-left",
    )  # fmt: skip
    right = el("Div", el("Div", results(view, made(view, Levers())), id=out, cls="sale-out",
                         aria_live="polite"), _coefficients(view), cls="whatif-right")  # fmt: skip
    return Built(
        subtitle=view.joined(
            view.t("按 {first} ～ {last} 本站账本的强度推算一年的变化", first=months[0],
                   last=months[-1]),
            view.t("情景，不是预测"),
        ),
        body=el("Div", left, right, cls="sale whatif", data_sale="whatif", data_site=sales.site,
                data_at=str([(one.scenario, one.name) for one in sales.whatifs])),
        foot=view.t("新增光伏按现有自用率自用，且不超过其余措施之后的外购电量；其余上网，两部分都计替代"),
        mark=scenario_mark(view),
        sheet=compared(view, sales),
    )  # fmt: skip


def _sliders(view: View) -> Node:
    rows = []
    for name in LEVERS:
        title, step, words = TITLES[name]
        rows.append(slider(view, name, title, LIMITS[name], step, 0.0, 0, words, 1.0))
    return el("Div", rows, cls="sale-sliders")


def results(view: View, found: Outcome) -> list[Node]:
    """Return the effects of a year: emissions, substitution, reductions, by lever and in all."""
    titles = ("措施", "碳排放", "替代量", "碳减排量")
    head = el("Tr", [el("Th", view.t(words), scope="col") for words in titles])
    rows = [
        el("Tr", el("Th", view.t(TITLES[one.lever][0]), scope="row"),
           *(_amount(view, value) for value in
             (one.emission_kg, one.substitution_kg, one.reduction_kg)))
        for one in found.effects
    ]  # fmt: skip
    whole = found.whole
    rows.append(
        el("Tr", el("Th", view.t("合计"), scope="row"),
           *(_amount(view, value) for value in
             (whole.emission_kg, whole.substitution_kg, whole.reduction_kg)), cls="whatif-whole")
    )  # fmt: skip
    notes: list[Content] = [view.t("每年 {unit}", unit=view.units.of("kgCO2e").word)]
    if found.pv_kwh:
        own = written(exact((found.pv_self_kwh or 0.0) / 1000.0), 1)
        made_mwh = written(exact(found.pv_kwh / 1000.0), 1)
        notes.append(view.t("新增发电 {made} MWh，其中自用 {own} MWh", made=made_mwh, own=own))
    if found.limited:
        notes.append(view.t("有的月份自用已到外购电量上限"))
    if None in (whole.emission_kg, whole.substitution_kg, whole.reduction_kg):
        notes.append(view.t("-- 为缺少本站数据，不作推算"))
    return [
        el("Div", el("Table", el("Thead", head), el("Tbody", rows), cls="whatif-table"),
           cls="scroll-x", data_scroll="x", tabIndex="0", role="group",
           aria_label=view.t("假设分析结果")),
        el("P", view.joined(*notes), cls="sale-note"),
    ]  # fmt: skip


def _amount(view: View, value: float | None) -> Node:
    measure = view.units.of("kgCO2e")
    shown = shown_value(Cell(value, "kgCO2e"), measure)
    words = written(shown, kpi_decimals(shown))
    sign = "+" if shown is not None and shown > 0 else ""
    return el("Td", f"{sign}{words}", cls="num", data_scenario="" if value is None else repr(value))


def _coefficients(view: View) -> Node:
    """Return the coefficients, each opening the figures that it is made of."""
    found = _cells(view)
    rows = []
    for title, unit, above, below in _RATIOS:
        parts = [_sum(found[name]) for name in (above, below)]
        rows.append(_coefficient(view, view.t(title), ratio(parts[0], parts[1], unit)))
    throughput = [
        view.unfiltered.book.cell(("throughput", "line", line), month)
        for month in months_of(view) for line in LINES
    ]  # fmt: skip
    for title, name in (("每吨拆解排放", "line_kg"), ("每吨碳减排量", "reduction_kg")):
        cell = ratio(_sum(found[name]), _sum(throughput), "kgCO2e/t")
        rows.append(_coefficient(view, view.t(title), cell))
    return el("Details", el("Summary", view.t("所用系数，点击查看核算依据"), cls="sale-fold"),
              el("Ul", rows, cls="whatif-coefficients"))  # fmt: skip


def _sum(cells: Sequence[Cell | None]) -> Cell | None:
    known = [cell for cell in cells if cell is not None]
    return total(known) if known and len(known) == len(cells) else None


def _coefficient(view: View, title: str, cell: Cell) -> Node:
    shown = None if cell.value is None else exact(cell.value)
    words = written(shown, 3 if shown is not None and abs(shown) < 10 else 1)
    unit = "" if cell.unit == "1" else f" {cell.unit.replace('CO2e', 'CO₂e')}"
    return el("Li", el("Span", title), el("Span", figure_button(cell, words, view.language), unit))


def values_of(levers: Levers) -> str:
    """Return levers as an attribute has them."""
    return ",".join(repr(value) for value in astuple(levers))


def _actions(view: View, sales: Sales) -> Node:
    none = el("Button", icon("rotate-ccw"), el("Span", view.t("归零")), cls="button",
              type="button", data_values=values_of(Levers()))  # fmt: skip
    save = el("Button", icon("plus"), el("Span", view.t("保存假设")), cls="button", type="button",
              data_ask="whatif", data_of="") if sales.saves else None  # fmt: skip
    compare = el("Button", icon("git-compare-arrows"), el("Span", view.t("比较假设")),
                 cls="button", type="button", data_switch="table=whatif")  # fmt: skip
    return el("Div", none, save, compare if sales.whatifs else None, cls="sale-actions")


def _saved(view: View, sales: Sales) -> Content:
    if not sales.whatifs:
        return None
    items = [
        el("Li",
           el("Button", el("Span", one.name, data_verbatim="1"), cls="sale-saved-name",
              type="button", data_values=values_of(one.levers), title=one.by),
           el("Span", said(view, one.levers), cls="sale-saved-words"),
           removal(view, "scenario-remove", one.scenario, one.name) if sales.saves else None)
        for one in sales.whatifs
    ]  # fmt: skip
    return el("Div", el("H4", view.t("已保存的假设"), cls="sale-title"),
              el("Ul", items, cls="sale-saved"))  # fmt: skip


def said(view: View, levers: Levers) -> str:
    """Return the levers that are not nothing in words."""
    found = []
    for name in LEVERS:
        value = getattr(levers, name)
        if value:
            title, _, words = TITLES[name]
            found.append(f"{view.t(title)} {view.t(words, value=written(exact(value), 0))}")
    return view.joined(*found) or view.t("没有变化")


def words_of(view: View, of: str) -> str:
    """Return levers as an attribute has them in words; empty for what is none."""
    try:
        return said(view, Levers(*(float(one) for one in of.split(","))))
    except (TypeError, ValueError):
        return ""


def compared(view: View, sales: Sales) -> Sheet | None:
    """Return the saved what-ifs side by side, for table, CSV and workbook."""
    if not sales.whatifs:
        return None
    found = [made(view, one.levers) for one in sales.whatifs]

    def column(title: str, values: Sequence[float | None], unit: str) -> Series:
        cells = tuple(Cell(value, unit, quality="null" if value is None else "scenario")
                      for value in values)  # fmt: skip
        return Series(view.t(title), "energy.total", cells)

    units = {PV: "kWp", CHARGERS: "1", BUSES: "1", HEAT_PUMP: "%", THROUGHPUT: "%"}
    groups = [
        Group(view.t("假设"), units[name], (
            column(TITLES[name][0], [getattr(one.levers, name) for one in sales.whatifs],
                   units[name]),))
        for name in LEVERS
    ]  # fmt: skip
    wholes = [one.whole for one in found]
    groups.append(
        Group(view.t("一年的变化"), "kgCO2e", (
            column("碳排放", [one.emission_kg for one in wholes], "kgCO2e"),
            column("替代量", [one.substitution_kg for one in wholes], "kgCO2e"),
            column("碳减排量", [one.reduction_kg for one in wholes], "kgCO2e"),
        ))
    )  # fmt: skip
    marks = tuple(Cell(1.0, "1", quality="scenario") for _ in found)
    return Sheet(tuple(one.name for one in sales.whatifs), tuple(groups), marks,
                 head=view.t("假设"))  # fmt: skip
