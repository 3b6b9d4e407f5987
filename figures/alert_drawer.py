"""The drawer of an alarm: what the meter showed, what happened, what it touches, what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from figures import charts
from figures.alerts import Line, conclusion, effect_words, level_badge, life
from figures.cards import Built, Plot
from figures.cells import Cell
from figures.html import Content, Node, core, el, icon
from figures.number import NONE, Units, exact, figure_button, kpi_decimals, shown_value, written
from figures.sheet import axis
from translations import text

Ident = Callable[[str], dict[str, str]]
ACTS = {
    "raise": "发现", "change": "加重", "clear": "已恢复", "vanish": "不再成立",
    "return": "再次出现",
    "merge": "并入另一条", "assign": "派单", "note": "备注", "close": "关闭", "reopen": "重新打开",
}  # fmt: skip
MEDIUM_COLORS = {
    "electricity": "energy.electricity", "water": "energy.water", "diesel": "energy.oil",
    "heat": "source.gshp",
}  # fmt: skip


@dataclass(frozen=True)
class Event:
    """A step of an alarm's history, in words: what, when, who, why."""

    act: str
    at: str
    actor: str
    words: str
    assignee: str


@dataclass(frozen=True)
class Point:
    """What a meter showed in an hour or on a day; None where it is not known."""

    at: datetime
    quantity: float | None
    estimated: bool


@dataclass(frozen=True)
class Readings:
    """The readings around an alarm."""

    points: Sequence[Point]
    by_day: bool
    unit: str
    medium: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Affected:
    """A figure that an alarm touches: its name with period, and its cell."""

    name: str
    cell: Cell


def drawer_head(line: Line, age: str, demo: Content, close: str, language: str) -> list[Node]:
    """Return the head: number, what it is about, level, where it stands."""
    shut = text("关闭", language)
    title = f"{line.name} {line.what}"
    return [
        el("Div",
           el("Div", el("Span", text("告警 {number}", language, number=line.issue),
                        cls="drawer-kind"), demo, cls="drawer-marks"),
           el("Div", title, cls="drawer-name", data_verbatim="1"),
           el("Div", level_badge(line.level, language), life(line.status, language),
              el("Span", icon("clock"), el("Span", age), cls="badge") if age else None,
              cls="badges"), cls="drawer-title"),
        el("A", icon("x"), cls="tool drawer-close", href=close, title=shut, aria_label=shut,
           data_alert="close"),
    ]  # fmt: skip


BASIS = {
    "A6": "用量为这些小时平常的用量（前 28 天同一时刻的中位数）",
    "A4": "用量为这些小时的用量，未知的按平常（前 28 天同一时刻的中位数）",
    "A9": "用量为超出限值的升数",
}
EXCESS = "用量为实际减去平常（前 28 天同一时刻的中位数），逐时相加"


@dataclass(frozen=True)
class Effect:
    """How the effect of an alarm comes about: quantity, unit, kgCO2e per unit, kgCO2e."""

    quantity: float
    unit: str
    factor: float
    kgco2e: float


def effect_basis(kind: str, effect: Effect, language: str) -> Node:
    """Return the formula of an effect with its numbers put in, and where the factor stands."""
    words = text(
        "影响 = {quantity} {unit} × {factor} kgCO₂e/{unit} = {kg} kgCO₂e", language,
        quantity=written(exact(effect.quantity), 2), unit=effect.unit.replace("m3", "m³"),
        factor=written(exact(effect.factor), 4), kg=written(exact(effect.kgco2e), 2),
    )  # fmt: skip
    how = text(BASIS.get(kind, EXCESS), language)
    return el("P", el("Span", words, cls="num"), el("Span", how), cls="note alert-basis")


def facts(line: Line, span: str, language: str, effect: Effect | None = None) -> list[Content]:
    """Return the three numbers below the head, and how the effect comes about."""
    known = line.effect_kgco2e is not None
    on = text("影响替代量" if line.effect_on == "substitution" else "影响碳排放", language)
    note = (
        text("估算，不入账", language) if known else text("没有足够的历史数据，无法估算", language)
    )
    if line.effect_kgco2e == 0.0:
        note = text("合计不受影响，只影响分摊或各日", language)
    return [
        _fact(text("实际值 / 限值", language), line.measured or NONE, "", line.what, verbatim=True),
        _fact(text("时段", language), span, "", ""),
        _fact(on, effect_words(line), "tCO₂" if known else "", note),
        None if effect is None else effect_basis(line.kind, effect, language),
    ]


def _fact(name: str, value: str, unit: str, note: str, *, verbatim: bool = False) -> Node:
    return el(
        "Div", el("Div", name, cls="note"),
        el("Div", el("Span", value, cls="num alert-fact-value"),
           el("Span", unit, cls="value-unit") if unit else None, cls="value-line"),
        el("Div", note, cls="note", data_verbatim="1" if verbatim else None), cls="alert-fact",
    )  # fmt: skip


def readings_built(_view: object, found: Readings, words: Mapping[str, str]) -> Built:
    """Return the chart of the readings: the alarm shaded, what was estimated hollow."""
    pattern = "%Y-%m-%d" if found.by_day else "%m-%d %H:00"
    labels = [f"{point.at:{pattern}}" for point in found.points]
    values = [point.quantity for point in found.points]
    scale = axis([value for value in values if value is not None])
    ticks = [[label, *_tick(point, found)] for label, point in zip(labels, found.points,
                                                                   strict=True)]  # fmt: skip
    layout = charts.base_layout(labels, scale, ticks, words=True)
    name = MEDIUM_COLORS.get(found.medium, "energy.electricity")
    hollow = [point.estimated for point in found.points]
    layout["shapes"] = [_shade(found)]
    layout["margin"]["r"] = 24
    trace: dict[str, Any] = {
        "type": "scatter", "mode": "lines+markers", "x": labels, "y": values,
        "connectgaps": False, "hoverinfo": "y", "name": words["measured"],
        "line": {"color": charts.color(name), "width": 1.75},
        "marker": {
            "size": [7 if h else 0.01 for h in hollow], "opacity": 1,
            "color": ["@surface" if h else charts.color(name) for h in hollow],
            "line": {"color": charts.color(name), "width": [1.5 if h else 0 for h in hollow]},
        },
    }  # fmt: skip
    legend = el(
        "Div",
        el("Span", el("Span", cls=f"alert-key-line c-{name.replace('.', '-')}"),
           el("Span", words["measured"]), cls="cal-key"),
        el("Span", el("Span", cls=f"alert-key-dot c-{name.replace('.', '-')}"),
           el("Span", words["estimated"]), cls="cal-key") if any(hollow) else None,
        el("Span", el("Span", cls="alert-key-shade"), el("Span", words["span"]), cls="cal-key"),
        cls="cal-legend",
    )  # fmt: skip
    return Built(
        subtitle=words["subtitle"], plots=(Plot({"data": [trace], "layout": layout}, legend),)
    )


def _tick(point: Point, found: Readings) -> tuple[str, str]:
    if found.by_day:
        return f"{point.at:%m-%d}", f"{point.at:%Y}"
    return f"{point.at:%H:%M}", f"{point.at:%m-%d}"


def _shade(found: Readings) -> dict[str, Any]:
    places = [at for at, point in enumerate(found.points)
              if _inside(point.at, found)]  # fmt: skip
    first, last = (places[0], places[-1]) if places else (0, 0)
    return {
        "type": "rect", "xref": "x", "yref": "paper", "x0": first - 0.5, "x1": last + 0.5,
        "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0},
        "fillcolor": "@energy.oil", "opacity": 0.16,
    }  # fmt: skip


def _inside(at: datetime, found: Readings) -> bool:
    if found.by_day:
        return found.since.date() <= at.date() <= found.until.date()
    return found.since.replace(minute=0) <= at < found.until or at == found.since.replace(minute=0)


def _step(number: int, title: str, note: Content, inside: Content) -> Node:
    head = el("Div", el("Span", str(number), cls="step-number"),
              el("H3", title, cls="alert-step-title"), el("Span", note, cls="note"),
              cls="alert-step-head")  # fmt: skip
    return el("Section", head, inside, cls="alert-step")


def story(events: Sequence[Event], pending: str, language: str) -> Node:
    """Return what has happened, oldest first, and what is still to be done."""
    items = []
    for event in events:
        people = event.actor != "system"
        words = event.words if people else conclusion(event.words, language)
        if event.act == "change":
            words = ""
        title = text(ACTS[event.act], language)
        if event.act == "assign":
            title = f"{title} → {event.assignee}"
        who = event.actor if people else text("系统", language)
        items.append(
            el("Li", el("Strong", title, data_verbatim="1" if event.act == "assign" else None),
               el("Div", f"{event.at} ", el("Span", who, data_verbatim="1"), cls="note"),
               el("Div", words, cls="alert-words", data_verbatim="1" if people else None)
               if words else None)
        )  # fmt: skip
    if pending:
        items.append(el("Li", el("Strong", pending), cls="alert-pending"))
    return _step(2, text("处理经过", language), None, el("Ul", items, cls="alert-story"))


def affected(found: Sequence[Affected], units: Units, note: str, language: str) -> Node:
    """Return the figures that an alarm touches, each with the way to its origin."""
    if not found:
        inside: Content = el("P", note, cls="note")
    else:
        head = [el("Th", text(words, language), scope="col", cls=cls)
                for words, cls in (("数值", ""), ("现值", "num"), ("其中估算", "num"))]  # fmt: skip
        head.append(el("Th", el("Span", text("依据", language), cls="visually-hidden")))
        rows = [_affected_row(one, units, language) for one in found]
        inside = el("Table", el("Thead", el("Tr", head)), el("Tbody", rows), cls="trace-table")
    return _step(3, text("受影响的数值", language), None, inside)


def _affected_row(one: Affected, units: Units, language: str) -> Node:
    measure = units.of(one.cell.unit)
    shown = shown_value(one.cell, measure)
    guessed = one.cell.estimated_pct
    return el(
        "Tr", el("Td", one.name),
        el("Td", f"{written(shown, kpi_decimals(shown))} {measure.word}", cls="num"),
        el("Td", NONE if guessed is None else f"{guessed:.1f}%", cls="num"),
        el("Td", figure_button(one.cell, text("依据", language), language, "fig-link")),
    )  # fmt: skip


@dataclass(frozen=True)
class Handle:
    """What the reader may do: why nothing, whose it is, whether it is closed."""

    hindrance: str
    assignee: str
    closed: bool
    working: bool


def handle(found: Handle, fields: Sequence[Node], language: str) -> Node:
    """Return the fields of the drawer."""
    note = text("关闭与重新打开须填原因，写入审计", language)
    inside: Content = el("Div", fields, cls="alert-fields")
    if found.hindrance:
        inside = el("P", icon("circle-x"), el("Span", found.hindrance), cls="work-hindrance")
    return _step(4, text("处理", language), note, inside)


_BUTTONS = (
    ("assign", "user", "派单"), ("close", "check", "关闭告警"), ("note", "square-pen", "加备注"),
    ("reopen", "rotate-ccw", "重新打开"),
)  # fmt: skip


def buttons(found: Handle, ident: Ident, language: str) -> list[Node]:
    """Return the buttons of the drawer; those that cannot be pressed now are hidden, not gone."""
    made = []
    for act, sign, words in _BUTTONS:
        fits = (act == "note") or (found.closed == (act == "reopen"))
        main = (found.closed and act == "reopen") or (
            not found.closed and act == ("close" if found.working else "assign")
        )
        cls = "button button-main" if main else "button"
        hidden = "" if fits and not found.hindrance else " work-hidden"
        made.append(el("Button", icon(sign), el("Span", text(words, language)), type="button",
                       id=ident(act), cls=cls + hidden))  # fmt: skip
    made.append(el("Button", icon("link"), el("Span", text("复制链接", language)), type="button",
                   cls="button alert-copy", data_do="link"))  # fmt: skip
    return made


def store(ident: Ident, data: Mapping[str, object]) -> Node:
    """Return the store of which alarm the drawer shows."""
    return core("Store", id=ident("issue"), data=dict(data))
