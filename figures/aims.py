"""What three phases of a site should bring, beside what is reached (5.7 h)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from figures import cards, fan, revenue
from figures.cards import Built
from figures.cells import Cell, Key, total
from figures.forecast import Point
from figures.html import Content, Node, el, icon
from figures.number import figure_button, kpi_decimals, shown_value, written
from figures.reduction import REDUCTION, copper_words, cumulative
from figures.sales import LINES, Stated
from figures.sheet import Group, Series, Sheet
from figures.view import Span, View, months_of, shifted

PHASES = {"phase1": "一期成果", "phase2": "二期成果（预期）", "phase3": "长期成果（预期）"}
MASS: tuple[Key, ...] = tuple(("throughput", "line", line) for line in LINES)
DONE, RUNNING, AHEAD, PLANNED = "已结束", "进行中", "情景", "规划"


@dataclass(frozen=True)
class Phase:
    """A phase.

    Parameters
    ----------
    key, name, year, state
        Which; its year; whether that year is over, running, a scenario or beyond all of them.
    done, mass
        Reduction and mass dismantled of the year as far as the ledger knows them.
    expected, earned
        The forecast of the year; the potential revenue up to its end.
    aim, aim_money, aim_mass
        What was aimed at.
    stated
        What somebody stated of the phase; its aims come from there, else from the targets.
    """

    key: str
    name: str
    year: str
    state: str
    done: Cell | None
    mass: Cell | None
    expected: Point | None
    earned: Point | None
    aim: Cell | None
    aim_money: Cell | None = None
    aim_mass: Cell | None = None
    stated: Stated | None = None


def aims(view: View) -> Built:
    """Return the phases: what is done, what is expected, what is aimed at (5.7 h)."""
    phases = _phases(view)
    if not phases:
        return _unknown(view)
    legend = el("Div", [
        el("Span", el("Span", cls=f"key key-{key}"), view.t(word), cls="legend-item")
        for key, word in (("done", "实际"), ("expected", "预期"), ("aim", "目标"))
    ], cls="legend")  # fmt: skip
    last = phases[-1].expected
    return Built(
        subtitle=view.joined(view.t("年减碳量与累计潜在收益"), copper_words(view)),
        body=el(
            "Div",
            el("Div", legend, cards.target_menu(view, REDUCTION), cls="aim-top"),
            [_row(view, phase) for phase in phases],
            cls="aims",
        ),
        foot=view.t(
            "未设定年份时：一期为当年，二期为下一年，长期为最远的情景年；未设定目标时取该年的减排目标"
        ),
        lead=last.cell() if last else phases[0].done,
        sheet=_sheet(view, phases),
    )


def _unknown(view: View) -> Built:
    """Return what is reached so far, where nothing is forecast and nothing stated."""
    why, again = revenue.unknown(view, "reduction")
    known = view.book.periods(REDUCTION)
    since = known[0] if known else "--"
    cell = cumulative(view, REDUCTION, since)[0] if known else None
    so_far = el(
        "Div", el("Span", view.t("目前实际，{month} 起累计", month=since)),
        el("Span", _said(view, cell) if cell else "--", cls="aim-value"), cls="fact",
    )  # fmt: skip
    lens = view.lens_words if cell and cell.view else ""
    return Built(
        subtitle=view.joined(view.t("减碳量与收益"), lens),
        body=el("Div", so_far, [_pen_line(view, key) for key in PHASES] if _edits(view) else None,
                cls="aims"),
        empty=why, action=again,
    )  # fmt: skip


def _phases(view: View) -> list[Phase]:
    entity = revenue.entity_of(view)
    points = revenue.points_of(view, "reduction", entity, "year")
    usual: dict[str, str] = {}
    if len(points) > 2:
        now = int(_running(view, points))
        usual = dict(zip(PHASES, (str(now), str(now + 1), points[-1].target), strict=True))
    found = []
    for key in PHASES:
        stated = _stated(view, key) if entity == "site" else None
        year = stated.period if stated else usual.get(key)
        if year:
            found.append(_phase(view, key, year, stated, points))
    return found


def _stated(view: View, key: str) -> Stated | None:
    stated = view.sales.stated.get(key, ()) if view.sales and view.lens is None else ()
    return stated[0] if stated else None


def _phase(
    view: View, key: str, year: str, stated: Stated | None, points: Sequence[Point]
) -> Phase:  # fmt: skip
    earned = revenue.points_of(view, "revenue", revenue.entity_of(view))
    own = stated.amounts if stated else {}

    def aim(name: str, unit: str) -> Cell | None:
        value = own.get(name)
        return None if value is None else Cell(value, unit)

    expected = next((one for one in points if one.target == year), None)
    return Phase(
        key, view.t(PHASES[key]), year, _state(view, year, points),
        done=_done(view, (REDUCTION,), year),
        mass=_done(view, [one for one in MASS if view.reaches(one)], year),
        expected=expected,
        earned=next((one for one in earned if one.target == f"{year}-12"), None),
        aim=aim("reduction", "kgCO2e") or _target(view, year),
        aim_money=aim("revenue", "CNY"), aim_mass=aim("mass", "t"), stated=stated,
    )  # fmt: skip


def _running(view: View, points: Sequence[Point]) -> str:
    """Return the year that runs: of the month after the last whole one; empty without any."""
    if points:
        return shifted(points[0].origin, 1)[:4]
    months = view.book.periods(REDUCTION)
    return months[-1][:4] if months else ""


def _state(view: View, year: str, points: Sequence[Point]) -> str:
    running = _running(view, points)
    if running and year <= running:
        return DONE if year < running else RUNNING
    return AHEAD if any(one.target == year for one in points) else PLANNED


def _done(view: View, keys: Sequence[Key], year: str) -> Cell | None:
    """Return what is known of a year, whatever range is shown."""
    months = [month for month in view.book.periods(REDUCTION) if month[:4] == year]
    cells = [view.book.cell(key, month) for key in keys for month in months]
    known = [cell for cell in cells if cell is not None and cell.value is not None]
    return total(known) if known else None


def _target(view: View, year: str) -> Cell | None:
    span = Span(year, tuple(months_of(f"{year}-01", f"{year}-12")))
    value = view.target(REDUCTION, "target", span)
    return None if value is None else Cell(value, "kgCO2e")


def _said(view: View, cell: Cell) -> list[Content]:
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    words = written(shown, kpi_decimals(shown), money=cell.unit == "CNY")
    return [figure_button(cell, words, view.language), f" {measure.word}"]


def _edits(view: View) -> bool:
    return view.sales is not None and view.sales.keeps and bool(view.sales.site)


def _pen(view: View, key: str) -> Node | None:
    """Return the button that states what a phase should bring, for those who may."""
    if not _edits(view):
        return None
    words = view.t("设定预期成果：{name}", name=view.t(PHASES[key]))
    return el("Button", icon("square-pen"), cls="tool", type="button", data_ask="phase",
              data_of=key, aria_label=words, title=words)  # fmt: skip


def _pen_line(view: View, key: str) -> Node:
    return el("Div", el("Strong", view.t(PHASES[key])), _pen(view, key), cls="aim-top")


def _row(view: View, phase: Phase) -> Node:
    """Return a row: what is done stands solid, what is expected hatched, the aim as a mark."""
    expected = phase.expected.cell() if phase.expected else None
    done = phase.done.value if phase.done and phase.done.value else 0.0
    ahead = expected.value if expected and expected.value else 0.0
    aim = phase.aim.value if phase.aim and phase.aim.value else 0.0
    full = max(done, ahead, aim) or 1.0

    def width(value: float) -> dict[str, str]:
        return {"width": f"{100 * max(0.0, value) / full:.1f}%"}

    mark = el("Div", cls="aim-mark", style={"left": f"{100 * aim / full:.1f}%"}) if aim else None
    shown = expected or phase.done
    source = el("P", el("Span", view.t("来源"), "：" if view.language == "zh" else ": "),
                el("Span", f"{phase.stated.source} {phase.stated.by}", data_verbatim="1"),
                cls="aim-source") if phase.stated else None  # fmt: skip
    return el(
        "Div",
        el("Div", el("Strong", phase.name), el("Span", view.joined(phase.year, view.t(phase.state)),
           cls="badge badge-info"),
           el("Span", _said(view, shown) if shown else "--", cls="aim-value"),
           _pen(view, phase.key), cls="aim-top"),
        el("Div", el("Div", cls="aim-expected", style=width(ahead)),
           el("Div", cls="aim-done", style=width(done)), mark, cls="aim-track",
           aria_hidden="true"),
        el("Div", el("Span", _progress(view, phase)), el("Span", _worth(view, phase)),
           cls="aim-foot"),
        el("Div", el("Span", _mass(view, phase)), cls="aim-foot") if phase.aim_mass else None,
        source,
        cls="aim",
    )  # fmt: skip


def _progress(view: View, phase: Phase) -> list[Content]:
    """Return what is done and aimed at, and how much of the aim that is."""
    words: list[Content] = []
    if phase.done:
        words += [view.t("已实现"), " ", *_said(view, phase.done), view.comma]
    if phase.aim is None or not phase.aim.value:
        return [*words, view.t("未录入目标")]
    words += [view.t("目标"), " ", *_said(view, phase.aim)]
    reached = phase.done.value if phase.done else None
    if reached is not None:
        words += [view.comma, view.t("达成 {share}", share=fan.percent(reached / phase.aim.value))]
    elif phase.expected and phase.expected.bands["p50"] is not None:
        share = phase.expected.bands["p50"] / phase.aim.value
        words += [view.comma, view.t("预期达成 {share}", share=fan.percent(share))]
    return words


def _worth(view: View, phase: Phase) -> list[Content]:
    words: list[Content] = []
    if phase.earned is not None:
        words += [view.t("潜在收益"), " ", *_said(view, phase.earned.cell())]
    if phase.aim_money is not None:
        words += [
            view.comma if words else "",
            view.t("收益目标"),
            " ",
            *_said(view, phase.aim_money),
        ]
    return words


def _mass(view: View, phase: Phase) -> list[Content]:
    """Return the mass dismantled beside its aim."""
    if phase.aim_mass is None:
        return []
    words: list[Content] = [view.t("处理量"), " ", *(_said(view, phase.mass) if phase.mass else
                            ["--"]), view.comma, view.t("目标"), " ",
                            *_said(view, phase.aim_mass)]  # fmt: skip
    if phase.mass and phase.mass.value is not None and phase.aim_mass.value:
        share = fan.percent(phase.mass.value / phase.aim_mass.value)
        words += [view.comma, view.t("达成 {share}", share=share)]
    return words


def _sheet(view: View, phases: Sequence[Phase]) -> Sheet:
    def column(name: str, cells: Sequence[Cell | None]) -> Series:
        return Series(view.t(name), "role.reduction", tuple(cells))

    def of(band: str) -> list[Cell | None]:
        return [phase.expected.cell(band) if phase.expected else None for phase in phases]

    edges = [
        Series(view.t(words, level="80"), "role.reduction", tuple(of(band)))
        for words, band in (("{level}% 区间下限", "lo80"), ("{level}% 区间上限", "hi80"))
    ]
    reduction = Group(view.t("年减碳量"), "kgCO2e", (
        column("实际", [phase.done for phase in phases]), column("预期", of("p50")), *edges,
        column("目标", [phase.aim for phase in phases]),
    ), sparse=True)  # fmt: skip
    money = Group(view.t("累计潜在收益"), "CNY", (
        column("情景中值", [p.earned.cell() if p.earned else None for p in phases]),
        column("目标", [phase.aim_money for phase in phases]),
    ), sparse=True)  # fmt: skip
    mass = Group(view.t("处理量"), "t", (
        column("实际", [phase.mass for phase in phases]),
        column("目标", [phase.aim_mass for phase in phases]),
    ), sparse=True)  # fmt: skip
    labels = tuple(f"{phase.name} {phase.year}" for phase in phases)
    return Sheet(labels, (reduction, money, mass), tuple(of("p50")), view.t("阶段"),
                 notes=tuple((p.stated.source,) if p.stated else () for p in phases))  # fmt: skip
