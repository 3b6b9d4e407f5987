"""Where the market and the site's own aims stand: outlook ring and expected results (5.7 f, h)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounting.revenue import OFFSET_CAP, offset
from figures import cards, charts, fan, revenue
from figures.cards import Built, Plot
from figures.cells import Cell, total
from figures.forecast import Point
from figures.html import Content, Node, el
from figures.number import exact, figure_button, kpi_decimals, shown_value, written
from figures.reduction import REDUCTION, copper_words, cumulative
from figures.sheet import Group, Series, Sheet
from figures.view import Span, View, months_of

MT = 1e6
UNIT = "MtCO2e"


@dataclass(frozen=True, slots=True)
class Fact:
    """A published quantity of the national market: what, t, of when, from where, how sure."""

    name: str
    tonnes: float
    year: str
    source: str


# accounting.md §11; what is said of the sources is part of the fact.
COVERED = Fact("应清缴配额量", 8.0e9, "年份未注明", "二手来源汇总，待核实")
REGISTERED = Fact("核证减碳量", 17.7637e6, "截至 2026-01-08", "公开报道汇总，33 个已登记项目")
CAP_SOURCE = "碳排放权交易管理办法（试行）第二十九条"


def outlook(view: View) -> Built:
    """Return supply and gap as parts of what may be offset (5.7 f; accounting.md §9 f)."""
    found = offset(COVERED.tonnes, REGISTERED.tonnes)
    supply = _mt(found.supply_t)
    cap_words = view.t("{cap}% × 应清缴配额量 {covered} 亿 t（{year}，{source}）；{rule}",
                       cap=written(exact(100 * OFFSET_CAP), 0),
                       covered=written(exact(COVERED.tonnes / 1e8), 0),
                       year=view.t(COVERED.year), source=view.t(COVERED.source),
                       rule=view.t(CAP_SOURCE))  # fmt: skip
    subtitle = view.joined("MtCO₂e", view.t("公开数据，待核实"))
    if not found.gap_t:  # supply beyond the cap: the three are no parts of one whole
        parts = [Series(view.t(REGISTERED.name), "role.reduction", (supply,))]
        whole = centre = supply
        foot = view.t("核证量已超过可抵消量，缺口为 0")
    else:
        parts = [
            Series(view.t(REGISTERED.name), "role.reduction", (supply,)),
            Series(view.t("可抵消配额缺口"), "source.pv", (_mt(found.gap_t),)),
        ]
        whole, centre = _mt(found.demand_cap_t), _mt(found.demand_cap_t)
        foot = ""
    group = Group("", UNIT, tuple(parts), (whole,), scope=view.t("可抵消交易量"))
    words = group.words(0, view.units)[-1] if centre else "--"
    figure = charts.ring(parts, UNIT, view.units, centre=words, note=view.t("可抵消交易量"))
    body = [
        el("P", el("Strong", view.t("可抵消交易量")), f" {words} MtCO₂e = ", cap_words),
        el("P", el("Strong", view.t(REGISTERED.name)), " ",
           view.joined(view.t(REGISTERED.year), view.t(REGISTERED.source))),
    ]  # fmt: skip
    notes = [None] * len(parts)
    label = view.t("市场")
    return Built(
        subtitle=subtitle,
        plots=(Plot(figure),),
        beside=cards.parts_list(view, parts, whole, notes),
        body=el("Div", body, cls="ring-note"),
        lead=supply,
        foot=view.joined(foot, view.t("数字随主管部门公布更新；不构成投资建议")),
        sheet=Sheet((label,), (group,), (whole,), view.t("范围")),
    )


def _mt(tonnes: float | None) -> Cell:
    return Cell(None if tonnes is None else tonnes / MT, UNIT, quality="published")


# ---- h: aims ----

PHASES = ("一期成果", "二期成果（预期）", "长期成果（预期）")


@dataclass(frozen=True)
class Phase:
    """A row of expected results: its name, year, what is done, expected, aimed at, earned."""

    name: str
    year: str
    done: Cell | None
    expected: Point | None
    aim: Cell | None
    earned: Point | None


def aims(view: View) -> Built:
    """Return what three spans should bring, beside what is reached (5.7 h)."""
    phases = _phases(view)
    if not phases:
        why, again = revenue.unknown(view, "reduction")
        known = view.book.periods(REDUCTION)
        since = known[0] if known else "--"
        cell = cumulative(view, REDUCTION, since)[0] if known else None
        so_far = el(
            "Div", el("Span", view.t("目前实际，{month} 起累计", month=since)),
            el("Span", _said(view, cell) if cell else "--", cls="aim-value"), cls="fact",
        )  # fmt: skip
        lens = view.lens_words if cell and cell.view else ""
        subtitle = view.joined(view.t("减碳量与收益"), lens)
        reached = el("Div", so_far, cls="aims")
        return Built(subtitle=subtitle, body=reached, empty=why, action=again)
    keys = el(
        "Div", el("Span", el("Span", cls="key key-done"), view.t("实际"), cls="legend-item"),
        el("Span", el("Span", cls="key key-expected"), view.t("预期"), cls="legend-item"),
        el("Span", el("Span", cls="key key-aim"), view.t("目标"), cls="legend-item"),
        cls="legend",
    )  # fmt: skip
    last = phases[-1].expected
    return Built(
        subtitle=view.joined(view.t("年减碳量与累计潜在收益"), copper_words(view)),
        body=el(
            "Div",
            el("Div", keys, cards.target_menu(view, REDUCTION), cls="aim-top"),
            [_row(view, phase) for phase in phases],
            cls="aims",
        ),
        foot=view.t(
            "一期为当年，二期为下一年（有计划时按计划处理量），长期为最远的情景年；目标在目标文件或指标卡中设定"
        ),
        lead=last.cell() if last else None,
        sheet=_sheet(view, phases),
    )


def _phases(view: View) -> list[Phase]:
    entity = revenue.entity_of(view)
    points = revenue.points_of(view, "reduction", entity, "year")
    if len(points) < 3:
        return []
    earned = {p.target: p for p in revenue.points_of(view, "revenue", entity)}
    chosen = zip(PHASES, (points[0], points[1], points[-1]), strict=True)
    return [
        Phase(view.t(name), p.target, _done(view, p.target), p, _aim(view, p.target),
              earned.get(f"{p.target}-12"))
        for name, p in chosen
    ]  # fmt: skip


def _done(view: View, year: str) -> Cell | None:
    """Return what is known of a year, whatever range is shown."""
    months = [month for month in view.book.periods(REDUCTION) if month[:4] == year]
    cells = [view.book.cell(REDUCTION, month) for month in months]
    known = [cell for cell in cells if cell is not None and cell.value is not None]
    return total(known) if known else None


def _aim(view: View, year: str) -> Cell | None:
    span = Span(year, tuple(months_of(f"{year}-01", f"{year}-12")))
    value = view.target(REDUCTION, "target", span)
    return None if value is None else Cell(value, "kgCO2e")


def _said(view: View, cell: Cell) -> list[Content]:
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    words = written(shown, kpi_decimals(shown), money=cell.unit == "CNY")
    return [figure_button(cell, words, view.language), f" {measure.word}"]


def _row(view: View, phase: Phase) -> Node:
    """Return a row: what is done stands solid, what is expected hatched, the aim as a mark."""
    expected = phase.expected.cell() if phase.expected else None
    done = phase.done.value if phase.done and phase.done.value else 0.0
    ahead = expected.value if expected and expected.value else 0.0
    aim = phase.aim.value if phase.aim and phase.aim.value else 0.0
    full = max(done, ahead, aim) or 1.0

    def width(value: float) -> dict[str, str]:
        return {"width": f"{100 * max(0.0, value) / full:.1f}%"}

    state = view.t("进行中") if phase.done else view.t("情景")
    mark = el("Div", cls="aim-mark", style={"left": f"{100 * aim / full:.1f}%"}) if aim else None
    return el(
        "Div",
        el("Div", el("Strong", phase.name), el("Span", view.joined(phase.year, state),
           cls="badge badge-info"),
           el("Span", _said(view, expected) if expected else "--", cls="aim-value"), cls="aim-top"),
        el("Div", el("Div", cls="aim-expected", style=width(ahead)),
           el("Div", cls="aim-done", style=width(done)), mark, cls="aim-track",
           aria_hidden="true"),
        el("Div", el("Span", _progress(view, phase)), el("Span", _worth(view, phase)),
           cls="aim-foot"),
        cls="aim",
    )  # fmt: skip


def _progress(view: View, phase: Phase) -> list[Content]:
    """Return what is done and aimed at, and how much of the aim that is."""
    words: list[Content] = []
    if phase.done:
        words += [view.t("已实现"), " ", *_said(view, phase.done), "  "]
    if phase.aim is None or not phase.aim.value:
        return [*words, view.t("未录入目标")]
    words += [view.t("目标"), " ", *_said(view, phase.aim)]
    reached = phase.done.value if phase.done else None
    if reached is not None:
        words += ["  ", view.t("达成 {share}", share=fan.percent(reached / phase.aim.value))]
    elif phase.expected and phase.expected.bands["p50"] is not None:
        share = phase.expected.bands["p50"] / phase.aim.value
        words += ["  ", view.t("预期达成 {share}", share=fan.percent(share))]
    return words


def _worth(view: View, phase: Phase) -> list[Content]:
    if phase.earned is None:
        return []
    return [view.t("潜在收益"), " ", *_said(view, phase.earned.cell())]


def _sheet(view: View, phases: Sequence[Phase]) -> Sheet:
    def column(name: str, cells: Sequence[Cell | None]) -> Series:
        return Series(name, "role.reduction", tuple(cells))

    def of(band: str) -> list[Cell | None]:
        return [phase.expected.cell(band) if phase.expected else None for phase in phases]

    mass = Group(view.t("年减碳量"), "kgCO2e", (
        column(view.t("实际"), [phase.done for phase in phases]),
        column(view.t("预期"), of("p50")),
        column(view.t("{level}% 区间下限", level="80"), of("lo80")),
        column(view.t("{level}% 区间上限", level="80"), of("hi80")),
        column(view.t("目标"), [phase.aim for phase in phases]),
    ), sparse=True)  # fmt: skip
    money = Group(view.t("累计潜在收益"), "CNY", (
        column(view.t("情景中值"), [p.earned.cell() if p.earned else None for p in phases]),
    ), sparse=True)  # fmt: skip
    labels = tuple(f"{phase.name} {phase.year}" for phase in phases)
    return Sheet(labels, (mass, money), tuple(of("p50")), view.t("阶段"))
