"""Where the market stands: what may be offset, what is verified, the gap (5.7 f)."""

from __future__ import annotations

from dataclasses import dataclass

from accounting.revenue import OFFSET_CAP, offset
from figures import cards, charts
from figures.cards import Built, Plot
from figures.cells import Cell
from figures.html import Node, el, icon
from figures.number import exact, written
from figures.sheet import Group, Series, Sheet
from figures.view import View

MT = 1e6
UNIT = "MtCO2e"


@dataclass(frozen=True, slots=True)
class Fact:
    """A quantity of the national market: what, t, of when, from where, who stated it.

    ``by`` is empty for what the product ships; its words are then keys of the catalogue.
    """

    name: str
    tonnes: float
    year: str
    source: str
    by: str = ""


# accounting.md §11; what is said of the sources is part of the fact.
SHIPPED = {
    "covered": Fact("应清缴配额量", 8.0e9, "年份未注明", "二手来源汇总，待核实"),
    "verified": Fact("核证减碳量", 17.7637e6, "截至 2026-01-08", "公开报道汇总，33 个已登记项目"),
    "traded": Fact("累计成交量", 9.214e6, "截至 2026-01-08", "公开报道汇总"),
}
CAP_SOURCE = "碳排放权交易管理办法（试行）第二十九条"


def fact_of(view: View, name: str) -> Fact:
    """Return a fact in the reader's words: as somebody stated it last, else as it ships."""
    shipped = SHIPPED[name]
    stated = view.sales.stated.get(name, ()) if view.sales else ()
    if not stated:
        return Fact(view.t(shipped.name), shipped.tonnes, view.t(shipped.year),
                    view.t(shipped.source))  # fmt: skip
    said = stated[0]
    year = said.period if len(said.period) == 4 else view.t("截至 {day}", day=said.period)
    return Fact(view.t(shipped.name), said.amounts["tonnes"] or 0.0, year, said.source, said.by)


def outlook(view: View) -> Built:
    """Return supply and gap as parts of what may be offset (5.7 f; accounting.md §9 f)."""
    covered, verified, traded = (fact_of(view, name) for name in SHIPPED)
    found = offset(covered.tonnes, verified.tonnes)
    supply = _mt(found.supply_t)
    if not found.gap_t:  # supply beyond the cap: the three are no parts of one whole
        parts = [Series(verified.name, "role.reduction", (supply,))]
        whole = centre = supply
        scope, foot = verified.name, view.t("核证量已超过可抵消量，缺口为 0")
    else:
        parts = [
            Series(verified.name, "role.reduction", (supply,)),
            Series(view.t("可抵消配额缺口"), "source.pv", (_mt(found.gap_t),)),
        ]
        whole, centre = _mt(found.demand_cap_t), _mt(found.demand_cap_t)
        scope, foot = view.t("可抵消交易量"), ""
    group = Group("", UNIT, tuple(parts), (whole,), scope=scope)
    words = group.words(0, view.units)[-1] if centre else "--"
    figure = charts.ring(parts, UNIT, view.units, centre=words, note=scope)
    label = view.t("市场")
    beside = Group("", UNIT, (Series(traded.name, "energy.total", (_mt(traded.tonnes),)),))
    return Built(
        subtitle=view.joined("MtCO₂e", view.t("公开数据，待核实")),
        plots=(Plot(figure),),
        beside=cards.parts_list(view, parts, whole, [None] * len(parts)),
        body=el("Div", _cap(view, covered, _mt(found.demand_cap_t)),
                _line(view, "verified", verified), _line(view, "traded", traded),
                cls="ring-note"),
        lead=supply,
        foot=view.joined(foot, view.t("数字随主管部门公布更新；不构成投资建议")),
        sheet=Sheet((label,), (group, beside), (whole,), view.t("范围")),
    )  # fmt: skip


def _cap(view: View, covered: Fact, cap: Cell) -> Node:
    """Return what may be offset and how it follows from the obligations."""
    size = exact(covered.tonnes / 1e8)
    rule = view.t("{cap}% × 应清缴配额量 {covered} 亿 t（{year}，{source}）；{rule}",
                  cap=written(exact(100 * OFFSET_CAP), 0),
                  covered=written(size, 0 if size == int(size) else 2),
                  year=covered.year, source=covered.source, rule=view.t(CAP_SOURCE))  # fmt: skip
    said = written(exact(cap.value or 0.0), 1)
    words = el("P", el("Strong", view.t("可抵消交易量")), f" {said} MtCO₂e = ", rule)
    return _row(view, "covered", covered, words)


def _line(view: View, name: str, fact: Fact) -> Node:
    said = written(exact(fact.tonnes / MT), 1)
    where = view.joined(fact.year, fact.source)
    return _row(view, name, fact, el("P", el("Strong", fact.name), f" {said} MtCO₂e ", where))


def _row(view: View, name: str, fact: Fact, words: Node) -> Node:
    """Return a fact with who stated it, and the button for those who may state another."""
    by = el("P", fact.by, data_verbatim="1") if fact.by else None
    pen = None
    if view.sales is not None and view.sales.keeps:
        what = view.t("修改市场数据：{name}", name=view.t(SHIPPED[name].name))
        pen = el("Button", icon("square-pen"), cls="tool", type="button", data_ask="fact",
                 data_of=name, aria_label=what, title=what)  # fmt: skip
    return el("Div", el("Div", words, by), pen, cls="ring-fact")


def _mt(tonnes: float | None) -> Cell:
    return Cell(None if tonnes is None else tonnes / MT, UNIT, quality="published")
