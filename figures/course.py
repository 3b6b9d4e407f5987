"""The drawer of a meter: its days or hours as chart and table, its raw readings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from accounting.course import Point, Reading
from figures import charts
from figures.basis import entity_words
from figures.cells import Cell
from figures.drawer import amount_words, drawer_frame, drawer_step, drawer_table
from figures.html import Content, Node, el, icon
from figures.number import Units, badge, exact, written
from figures.sheet import axis
from figures.view import period_words, tick
from translations import text

_COURSES = {"month": "逐月", "day": "逐日", "hour": "逐时"}
_SHEETS = {"month": "下载逐月 CSV", "day": "下载逐日 CSV", "hour": "下载逐时 CSV"}
_POINTS = {"month": "期间", "day": "日期", "hour": "时间"}
_NEXT = {"month": "点月份看逐日", "day": "点日期看逐时与读数"}
UNITS = {"electricity": "kWh", "heat": "kWh", "water": "m3", "diesel": "L"}
COLORS = {"electricity": "energy.electricity", "heat": "source.gshp", "water": "energy.water",
          "diesel": "energy.oil"}  # fmt: skip
_QUALITIES = {"good": "正常", "uncertain": "存疑", "bad": "无效", "manual": "人工"}
_PLACES = {"building": "建筑", "group": "用能分项", "line": "拆解对象", "equipment": "设备"}


@dataclass(frozen=True)
class MeterSeen:
    """A meter in a period: who it is, its course, and of a day its readings.

    Parameters
    ----------
    period
        A day, a month (``2026-07``) or several (``2026-01/2026-07``).
    places
        Building, use, line and equipment that it measures.
    whole
        The period's quantity as the settlement has it.
    """

    site: str
    meter: str
    name: str
    medium: str
    unit: str
    period: str
    places: Sequence[tuple[str, str]]
    whole: Cell
    points: Sequence[Point]
    readings: Sequence[Reading] = ()
    demo: bool = False

    @property
    def grain(self) -> str:
        """What its points are: the months of several, the days of a month, the hours of a day."""
        if "/" in self.period:
            return "month"
        return "day" if len(self.period) == len("2026-07") else "hour"

    @property
    def leads(self) -> bool:
        """Tell whether its points lead further down."""
        return self.grain != "hour"


def point_cell(point: Point, unit: str) -> Cell:
    """Return a point as a cell, whose quality is by what of its time was measured."""
    known = point.measured_pct + point.estimated_pct
    quality = (
        "null" if point.quantity is None
        else "incomplete" if known < 99.9
        else "estimated" if point.estimated_pct > point.measured_pct
        else "measured"
    )  # fmt: skip
    return Cell(
        point.quantity, unit, (), "", quality, point.measured_pct, point.estimated_pct,
        period=point.label,
    )  # fmt: skip


def course_figure(seen: MeterSeen, language: str) -> charts.Figure:
    """Return the bars of a course: a gap where nothing is known, hatched what is estimated."""
    unit = UNITS.get(seen.medium, seen.unit)
    cells = [point_cell(point, unit) for point in seen.points]
    labels = [point.label if seen.leads else point.label[-5:-3] for point in seen.points]
    drawn = [cell.value for cell in cells]
    ticks = [
        [label, *tick(label, language)] if seen.leads else [label, str(int(label)), ""]
        for label in labels
    ]
    layout = charts.base_layout(
        labels, axis([v for v in drawn if v is not None]), ticks, words=True
    )
    bars = {
        "type": "bar", "x": labels, "y": drawn, "hoverinfo": "none",
        "marker": {
            "color": charts.color(COLORS.get(seen.medium, "energy.total")),
            "pattern": {
                "shape": [charts.HATCH if charts.unsure(cell) else "" for cell in cells],
                "size": 6, "solidity": 0.3, "fillmode": "overlay",
            },
        },
        "customdata": [
            _target(seen, label) if seen.leads else {} for label in labels
        ],
    }  # fmt: skip
    return {"data": [bars], "layout": layout}


def _target(seen: MeterSeen, period: str) -> dict[str, str]:
    return {"data_meter": seen.meter, "data_site": seen.site, "data_period": period}


def drill_button(words: str, site: str, meter: str, period: str, cls: str = "") -> Node:
    """Return the button that leads to a meter's course of a period."""
    return el("Button", words, cls=f"drill {cls}".strip(), type="button", data_meter=meter,
              data_site=site, data_period=period)  # fmt: skip


def meter_drawer(seen: MeterSeen, language: str) -> list[Node]:
    """Return the drawer of a meter in a period."""
    query = urlencode({"site": seen.site, "meter": seen.meter, "period": seen.period})
    address = f"/download/trace/meter.csv?{query}"
    steps = [_places(seen, language), _chart(seen, language), _points(seen, language)]
    if not seen.leads:
        steps.append(_readings(seen, language))
    raw = _download(f"{address}&what=readings", text("下载原始读数 CSV", language))
    foot = [
        _download(address, text(_SHEETS[seen.grain], language)),
        raw if seen.grain != "month" else None,
        el("Button", icon("link"), el("Span", text("复制链接", language)), cls="button",
           type="button", data_do="link"),
    ]  # fmt: skip
    return drawer_frame(_head(seen, language), steps, foot, language)


def _download(address: str, words: str) -> Node:
    return el("A", icon("download"), el("Span", words), cls="button", href=address, download="",
              target="_self")  # fmt: skip


def _head(seen: MeterSeen, language: str) -> Content:
    joint = "，" if language == "zh" else ", "
    demo = el("Span", icon("flask-conical"), text("演示数据", language), cls="badge badge-demo")
    when = period_words(seen.period, language)
    measure = Units("t", "kWh").of(seen.whole.unit)
    return [
        el("Div", el("Span", text("计量表", language), cls="drawer-kind"),
           demo if seen.demo else None, cls="drawer-marks"),
        el("H2", f"{seen.name or seen.meter}{joint}{when}", cls="drawer-name", data_verbatim="1"),
        el("Div", el("Span", amount_words(seen.whole.value), cls="num kpi-value"),
           el("Span", measure.word, cls="value-unit"), badge(seen.whole, language),
           cls="value-line drawer-value"),
    ]  # fmt: skip


def _places(seen: MeterSeen, language: str) -> Node:
    found = [
        el("Span", text("{dimension}：{part}", language,
                        dimension=text(_PLACES[dimension], language),
                        part=entity_words(dimension, entity, language)), cls="place-word")
        for dimension, entity in seen.places
    ]  # fmt: skip
    none = el("P", text("没有归到建筑、分项或对象", language), cls="step-none")
    ident = el("Span", seen.meter, cls="note", data_verbatim="1")
    inside = el("Div", found or none, cls="places")
    return drawer_step(1, text("测的是什么", language), ident, inside)


def _chart(seen: MeterSeen, language: str) -> Node:
    title = text(_COURSES[seen.grain], language)
    gaps = sum(point.quantity is None for point in seen.points)
    note = text("断开 {count} 处，斜纹为估算", language, count=gaps)
    known = [p.quantity for p in seen.points if p.quantity is not None]
    unit = Units("t", "kWh").of(UNITS.get(seen.medium, seen.unit)).word
    label = text("{title}，最高 {top}，最低 {low} {unit}", language, title=title, unit=unit,
                 top=amount_words(max(known, default=None)),
                 low=amount_words(min(known, default=None)))  # fmt: skip
    key = f"course/{seen.site}/{seen.meter}/{seen.period}"
    plot = el("Div", key=key, cls="course-plot", role="img", aria_label=label, tabIndex="0",
              data_course=json.dumps(course_figure(seen, language), ensure_ascii=False,
                                     separators=(",", ":")))  # fmt: skip
    return drawer_step(2, title, f"{unit}，{note}" if language == "zh" else f"{unit}, {note}", plot)


def _points(seen: MeterSeen, language: str) -> Node:
    unit = UNITS.get(seen.medium, seen.unit)
    word = Units("t", "kWh").of(unit).word
    head = [(text(_POINTS[seen.grain], language), ""), (word, "num"),
            (text("质量", language), "")]  # fmt: skip
    rows: list[list[Content]] = []
    for point in seen.points:
        when: Content = point.label[-5:]
        if seen.leads:
            when = drill_button(point.label, seen.site, seen.meter, point.label)
        rows.append([when, amount_words(point.quantity),
                     badge(point_cell(point, unit), language)])  # fmt: skip
    note = text(_NEXT[seen.grain], language) if seen.leads else None
    return drawer_step(3, text("数值", language), note, drawer_table(head, rows))


def _readings(seen: MeterSeen, language: str) -> Node:
    title = text("原始读数", language)
    if not seen.readings:
        none = el("P", text("这一天没有读数", language), cls="step-none")
        return drawer_step(4, title, None, none)
    head = [
        (text(word, language), cls)
        for word, cls in (("时间", ""), ("读数", "num"), ("质量", ""), ("文件", ""), ("行", "num"))
    ]
    decimals = max(_decimals(one.value) for one in seen.readings)
    rows = [_reading(one, decimals, language) for one in seen.readings]
    note = text("{count} 个读数，单位 {unit}", language, count=len(rows), unit=seen.unit)
    return drawer_step(4, title, note, drawer_table(head, rows))


def _reading(one: Reading, decimals: int, language: str) -> list[Content]:
    quality = text(_QUALITIES[one.quality], language)
    if one.superseded:
        quality += text("，已被更正", language)
    batch = text("批次 {batch}", language, batch=one.batch)
    value: dict[str, Any] = {"data_reading": repr(one.value)}
    return [
        f"{one.at:%m-%d %H:%M}" + (f":{one.at:%S}" if one.at.second else ""),
        el("Span", written(exact(one.value), decimals), cls="num", **value),
        quality,
        [el("Div", one.file, data_verbatim="1"), el("Div", batch, cls="note")],
        str(one.row) if one.row else "--",
    ]  # fmt: skip


def _decimals(value: float) -> int:
    """Return the decimals that a reading came with, six at most."""
    digits = -int(exact(round(value, 6)).normalize().as_tuple().exponent)
    return max(0, min(6, digits))


def course_rows(seen: MeterSeen, language: str) -> list[list[str]]:
    """Return a course as the rows of a CSV, in full precision."""
    unit = UNITS.get(seen.medium, seen.unit)
    titles = ("计量点", "期间", "数值", "单位", "实测 %", "估算 %", "数据质量")
    rows = [[text(word, language) for word in titles]]
    for point in seen.points:
        shown = "" if point.quantity is None else repr(point.quantity)
        quality = {"measured": "实测", "estimated": "估算", "incomplete": "不完整", "null": "缺数"}
        word = text(quality[point_cell(point, unit).quality], language)
        rows.append([seen.meter, point.label, shown, unit, f"{point.measured_pct:.2f}",
                     f"{point.estimated_pct:.2f}", word])  # fmt: skip
    return rows


def reading_rows(seen: MeterSeen, language: str) -> list[list[str]]:
    """Return raw readings as the rows of a CSV."""
    titles = ("计量点", "时间", "读数", "单位", "质量", "批次", "文件", "行", "备注")
    rows = [[text(word, language) for word in titles]]
    for one in seen.readings:
        note = text("已被更正", language) if one.superseded else ""
        rows.append([
            seen.meter, one.at.isoformat(sep=" "), repr(one.value), seen.unit, one.quality,
            str(one.batch), one.file, str(one.row or ""), note,
        ])  # fmt: skip
    return rows
