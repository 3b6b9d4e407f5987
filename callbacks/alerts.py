"""质量与告警: what the page shows for an address, and what people do about an alarm."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from dash import Dash, Input, Output, State, no_update
from flask import Response

from callbacks._alert_drawer import LONGEST_NAME, drawer_of, shut
from callbacks._alert_lines import line_of
from callbacks._alert_scene import Scene, complete_pct, scene_of
from callbacks._bind import FAILED, bind_loading, numbered
from callbacks._reader import PageReader
from callbacks._request import language
from callbacks._scope import in_scope
from callbacks.closing import (
    Answer,
    Desk,
    Said,
    Who,
    _pressed,
    bind_drawing,
    csv_answer,
    failed,
    forbidden,
    may,
    missing,
    not_done,
    panel_outputs,
    said_answer,
    when,
    who,
)
from data import quality
from data.incidents import REASONS, RULES
from data.notes import NotNotable, checked
from data.outgoing import overdue
from data.quality import MeterRow
from data.state import Incident, NotHandled, now
from figures import alert_calendar
from figures import alerts as figures
from figures.alert_calendar import Calendar, DayCell, Row
from figures.alerts import Indicators, Line, Listed
from figures.closing import demo_mark
from figures.html import Content, el, icon, link
from figures.view import months_of, period_words
from pages import alerts as page
from pages._plain import part, query
from pages.alerts import Choice
from security.policy import HANDLE
from translations import text

LOG = logging.getLogger("carbon.pages")
ACTS = ("assign", "close", "note", "reopen")
MONTHS_OFFERED = 36
LEVEL_ORDER = {"critical": 0, "warn": 1, "info": 2}
STATUS_ORDER = {"open": 0, "working": 1, "closed": 2}


def bind_alerts(app: Dash, desk: Desk) -> None:
    """Register the page's callbacks."""
    key = page.KEY
    names = ("top", "banner", "kpis", "calendar", "alarms", "drawer-head", "drawer-facts",
             "drawer-story", "drawer-figures", "drawer-handle", "drawer-foot")  # fmt: skip
    outputs = {name: Output(part(key, name), "children") for name in names} | {
        "charts": Output(part(key, "charts"), "data"),
        "calendar-state": Output(part(key, f"{page.CALENDAR.key}-card"), "data-state"),
        "alarms-state": Output(part(key, f"{page.ALARMS.key}-card"), "data-state"),
        "drawer-box": Output(part(key, "drawer-box"), "className"),
        "drawer-readings": Output(part(key, "drawer-readings"), "className"),
        **panel_outputs(key, page.READINGS),
    }  # fmt: skip

    @app.callback(
        output=outputs,
        inputs={
            "search": Input("url", "search"),
            "_done": Input(part(key, "act-done"), "data"),
        },
    )
    def refresh(search: object, _done: object) -> Answer:
        chosen = language(desk.language)
        try:
            return contents(desk.reader, search, who(), chosen)
        except Exception:
            return _broken(chosen)

    bind_drawing(app, page.PAGE, (page.READINGS,))
    bind_loading(app, [part(key, f"{one.key}-card") for one in (page.CALENDAR, page.ALARMS)])

    @app.callback(
        output={
            "said": Output(part(key, "act-said"), "children"),
            "done": Output(part(key, "act-done"), "data"),
        },
        inputs={act: Input(part(key, act), "n_clicks") for act in ACTS},
        state={
            "of": State(part(key, "issue"), "data"),
            "reason": State(part(key, "reason"), "value"),
            "assignee": State(part(key, "assignee"), "value"),
        },
        prevent_initial_call=True,
    )
    def act(of: object, reason: object, assignee: object, **clicks: object) -> Answer:
        pressed = _pressed()
        if pressed not in ACTS or not clicks.get(pressed):
            return {"said": None, "done": no_update}
        return said_answer(
            handled(desk, who(), pressed, of, str(reason or ""), str(assignee or ""),
                    language(desk.language))
        )  # fmt: skip


# ---- what is done ----


def handled(
    desk: Desk, asks: Who, act: str, of: object, reason: str, assignee: str, chosen: str
) -> Said:
    """Take a step with an alarm; a refusal says why in words."""
    if not may(desk.reader, asks, page.PAGE.path, HANDLE):
        forbidden()
    number, key = _asked_issue(of)
    incidents = desk.reader.engine.state.incidents
    found = incidents.find(number)
    if found is not None and not in_scope(found.site):
        missing(f"alarm {number}")
    try:
        words = checked(reason) if reason.strip() else ""
        whose = checked(assignee)[:LONGEST_NAME] if assignee.strip() else ""
        if act == "assign":
            whose = whose or asks.name
        incidents.handle(number, act, asks.name, now(), key, words=words, assignee=whose)
    except (NotHandled, NotNotable) as error:
        why = failed(text(REASONS[error.reason], chosen))
        return not_done(desk, f"alarm.{act}", str(number), why)
    LOG.info("alarm %s: %s by %s", number, act, asks.name)
    return Said(True, "", {"issue": number, "act": act})


def _asked_issue(of: object) -> tuple[int, str]:
    if not isinstance(of, Mapping):
        return 0, ""
    number, key = of.get("issue"), of.get("key")
    return (number if isinstance(number, int) else 0), str(key or "")[:64]


# ---- what is shown ----


def contents(reader: PageReader, search: object, asks: Who, chosen_language: str) -> Answer:
    """Return everything the page shows for an address."""
    chosen = page.choice(search)
    scene = scene_of(reader, chosen, search, chosen_language)
    if scene is None:
        return _nothing(chosen_language)
    lines = _lines(scene, chosen_language)
    cells = calendar_of(scene, chosen, chosen_language)
    allowed = may(reader, asks, page.PAGE.path, HANDLE)
    emission = reader.book((scene.site.site,)).over(
        ("emission", "site", "site"), (scene.month,), scene.month
    )
    durations = reader.engine.state.incidents.durations_h((scene.site.site, ""))
    here = [durations[one.incident] for one in scene.incidents if one.incident in durations]
    top = Indicators(period_words(scene.month, chosen_language), cells.pct, scene.before_pct,
                     lines, here, emission)  # fmt: skip
    issues = {one.incident: one for one in scene.incidents}
    every = replace(chosen, status="all")
    shown = [line for line in lines if _fits(line, issues[line.issue], scene.month, chosen)]
    listed = Listed(
        [line for line in lines if _fits(line, issues[line.issue], scene.month, every)], shown,
        chosen.status, chosen.issue, chosen.href, chosen.shown,
        [page.level_menu(chosen, figures.LEVEL_WORDS, chosen_language),
         page.subject_menu(chosen, _subjects(scene, lines), chosen_language)],
        _narrowed(scene, chosen, chosen_language), allowed,
    )  # fmt: skip
    found: Answer = {
        "top": _top(reader, scene, chosen, top, chosen_language),
        "banner": figures.banner(*_overdue(reader, scene, chosen_language), chosen_language),
        "kpis": figures.kpis(top, chosen_language),
        "calendar": alert_calendar.calendar_card(cells, chosen_language) if scene.rows
        else no_readings(chosen_language),
        "calendar-state": "ready" if scene.rows else "empty",
        "alarms": figures.alarm_list(listed, _subtitle(scene, lines, chosen_language),
                                     chosen_language),
        "alarms-state": "ready",
    }  # fmt: skip
    return found | drawer_of(reader, scene, chosen, asks, chosen_language)


def _nothing(chosen: str) -> Answer:
    """Return the page without any figure: what is missing and what to do."""
    words = text("还没有结算过的数据：先导入计量数据并结算，或建立演示厂", chosen)
    empty = el("Div", icon("inbox"), el("P", words, cls="empty-reason"), cls="empty")
    head = el("Div", el("Div", el("H1", text(page.PAGE.title, chosen), cls="page-title")),
              cls="page-head")  # fmt: skip
    return shut() | {"top": head, "banner": None, "kpis": None, "calendar": empty,
                      "calendar-state": "empty", "alarms": empty,
                      "alarms-state": "empty"}  # fmt: skip


def _broken(chosen: str) -> Answer:
    """Return the page when it could not be read: a number by which the log knows why."""
    number = numbered("the page of alarms")

    def card(title: str) -> list[Content]:
        head = el("Div", el("Div", el("H2", text(title, chosen), cls="card-title"),
                            cls="card-titles"), cls="card-head")  # fmt: skip
        words = el(
            "Div", icon("circle-x"), el("P", text("未能读取", chosen), cls="empty-reason"),
            el("P", text(FAILED, chosen, number=number), cls="empty-range"),
            el("Button", text("重试", chosen), cls="button", type="button", data_do="retry"),
            cls="empty error", role="alert",
        )  # fmt: skip
        return [head, words]

    return _nothing(chosen) | {
        "calendar": card(page.CALENDAR.title), "calendar-state": "error",
        "alarms": card(page.ALARMS.title), "alarms-state": "error",
    }  # fmt: skip


def no_readings(chosen: str) -> Content:
    """Return what stands where a month has no readings."""
    words = text("这个月没有计量读数", chosen)
    return el("Div", icon("inbox"), el("P", words, cls="empty-reason"), cls="empty")


def _lines(scene: Scene, chosen: str) -> list[Line]:
    """Return the issues as lines: what is open first, then the gravest, then the newest."""
    made = [line_of(one, scene.namer, chosen) for one in scene.incidents]
    order = {one.incident: one for one in scene.incidents}
    return sorted(
        made,
        key=lambda line: (STATUS_ORDER[line.status], LEVEL_ORDER[line.level],
                          -order[line.issue].since.timestamp(), -line.issue),
    )  # fmt: skip


def _fits(line: Line, one: Incident, month: str, chosen: Choice) -> bool:
    if chosen.status not in ("all", line.status) or chosen.level not in ("all", line.level):
        return False
    if chosen.medium not in ("", one.medium) or chosen.meter not in ("", line.subject):
        return False
    return not chosen.day or _touches(one, _midnight(month, chosen.day))


def _midnight(month: str, day: int) -> datetime:
    return datetime.fromisoformat(f"{month}-01") + timedelta(days=day - 1)


def _touches(one: Incident, midnight: datetime) -> bool:
    """Tell whether an issue touches a day; one of a moment touches the day it is in."""
    ends = max(one.until, one.since + timedelta(microseconds=1))
    return one.since < midnight + timedelta(days=1) and ends > midnight


def _subjects(scene: Scene, lines: Sequence[Line]) -> dict[str, str]:
    meters = {row.meter_id: row.name for row in scene.rows}
    named_ = {line.subject: line.name for line in lines if line.subject}
    return dict(sorted({**meters, **named_}.items()))


def _narrowed(scene: Scene, chosen: Choice, language_: str) -> str:
    name = scene.namer.name(chosen.meter) if chosen.meter else ""
    day = f"{scene.month}-{chosen.day:02d}" if chosen.day else ""
    medium = text(page.MEDIA[chosen.medium], language_) if chosen.medium else ""
    return " ".join(word for word in (medium, name, day) if word)


def _subtitle(scene: Scene, lines: Sequence[Line], chosen: str) -> str:
    month = period_words(scene.month, chosen)
    media: dict[str, int] = {}
    for one in scene.incidents:
        media[one.medium] = media.get(one.medium, 0) + 1
    words = {"electricity": "用电", "water": "用水", "diesel": "用油", "": "其他"}
    parts = [f"{text(name, chosen)} {media[medium]}" for medium, name in words.items()
             if media.get(medium)]  # fmt: skip
    head = text("{month}及此前未关闭的，共 {count} 条", chosen, month=month, count=len(lines))
    joint = "，" if chosen == "zh" else ", "
    return joint.join([head, *parts])


def _top(
    reader: PageReader, scene: Scene, chosen: Choice, found: Indicators, language_: str
) -> list[Content]:
    months = months_of(scene.known.first, scene.known.last)[-MONTHS_OFFERED:]
    sites = list(reader.sites().values())
    address = query({"site": scene.site.site, "month": scene.month})
    download = el(
        "A", icon("download"), el("Span", text("导出清单", language_)), cls="button", download="",
        target="_self", href=f"/download/{page.KEY}/{page.ALARMS.key}.csv{address}",
    )  # fmt: skip
    rules = link("/help#alerts", icon("sliders-horizontal"),
                 el("Span", text("告警规则", language_)), cls="button alert-rules")  # fmt: skip
    return [
        el("Div",
           el("Div", el("H1", text(page.PAGE.title, language_), cls="page-title"),
              el("P", figures.finding(found, language_), cls="finding", aria_live="polite")),
           el("Div", page.site_menu(chosen, scene.site, sites, language_),
              page.month_menu(chosen, scene.month, months, language_), download, rules,
              demo_mark(language_) if scene.site.demo else None, cls="work-tools"),
           cls="page-head"),
    ]  # fmt: skip


def _overdue(
    reader: PageReader, scene: Scene, chosen: str
) -> tuple[list[tuple[str, str, str]], int]:
    found = overdue(reader.engine, now())
    late = [(one.place, when(one.since, scene.site.zone), one.error) for one in found.places]
    return late, found.dropped


# ---- the calendar ----


def calendar_of(scene: Scene, chosen: Choice, language_: str) -> Calendar:
    """Return the calendar of a scene: meters by day, each day with its alarms."""
    by_meter: dict[str, list[Incident]] = {}
    for one in scene.every:
        by_meter.setdefault(one.subject, []).append(one)
    rows = [_calendar_row(row, by_meter.get(row.meter_id, ()), scene.month, language_)
            for row in scene.rows]  # fmt: skip
    expected = sum(row.expected_h * 60.0 / row.step_min for row in scene.rows)
    received = sum(row.measured_h * 60.0 / row.step_min for row in scene.rows)
    return Calendar(
        scene.month, period_words(scene.month, language_), rows, round(expected), round(received),
        _totals(scene.rows), (chosen.meter, chosen.day), bool(chosen.gaps), chosen.href,
        complete_pct(scene.rows),
    )  # fmt: skip


def _totals(rows: Sequence[MeterRow]) -> dict[int, float]:
    sums: dict[int, tuple[float, int]] = {}
    for row in rows:
        for day, cell in row.days.items():
            whole, count = sums.get(day, (0.0, 0))
            sums[day] = (whole + cell.measured_pct, count + 1)
    return {day: whole / count for day, (whole, count) in sums.items()}


def _calendar_row(row: MeterRow, alarms: Sequence[Incident], month: str, language_: str) -> Row:
    cells = {}
    for day, found in row.days.items():
        midnight = _midnight(month, day)
        own = [one for one in alarms if one.kind in RULES and _touches(one, midnight)]
        told = any(one.kind in ("A4", "A6") for one in own)
        why = "" if told or found.state == quality.COMPLETE else _why(row, found, language_)
        cells[day] = DayCell(
            found.state, found.measured_pct, tuple(one.incident for one in own),
            any(one.status != "closed" for one in own), why,
        )  # fmt: skip
    return Row(row.meter_id, row.name, row.group, cells, row.pct)


def _why(row: MeterRow, found: quality.Day, language_: str) -> str:
    """Return why a day that lacks something has no alarm."""
    lacking = f"{found.lacking_h:.1f}"
    if found.lacking_h <= row.limit_h:
        return text("缺 {hours} 小时，不到 {limit} 小时的告警限值，未告警", language_,
                    hours=lacking, limit=f"{row.limit_h:g}")  # fmt: skip
    if row.solar:
        key = "缺 {hours} 小时，夜间停送不算，白天不到 {limit} 小时的告警限值，未告警"
        return text(key, language_, hours=lacking, limit=f"{row.limit_h:g}")
    return text("缺 {hours} 小时，但每一段都不到 {limit} 小时的告警限值，或在首个读数之前，未告警",
                language_, hours=lacking, limit=f"{row.limit_h:g}")  # fmt: skip


# ---- downloads ----


def download(desk: Desk, name: str, search: str) -> Response | None:
    """Return a download of the page; None where there is none of that name."""
    reader, chosen = desk.reader, language(desk.language)
    scene = scene_of(reader, page.choice(search), search, chosen)
    if scene is None or name not in ("", page.ALARMS.key, page.CALENDAR.key):
        return None
    title = f"{scene.site.name(chosen)}_{text('质量与告警', chosen)}_{scene.month}"
    if name == page.CALENDAR.key:
        return csv_answer(_calendar_rows(scene, chosen), title)
    return csv_answer(_alarm_rows(scene, chosen), title)


def _alarm_rows(scene: Scene, chosen: str) -> list[list[str]]:
    head = ("编号", "级别", "规则", "内容", "开始", "结束", "对象", "名称", "实际值", "限值",
            "单位", "影响 kgCO2e", "影响对象", "处理人", "状态", "结论", "发现时间",
            "关闭时间")  # fmt: skip
    rows = [[text(word, chosen) for word in head]]
    zone = scene.site.zone
    for one in scene.incidents:
        line = line_of(one, scene.namer, chosen)
        on = "替代" if one.effect_on == "substitution" else "排放"
        rows.append([
            str(one.incident), text(figures.LEVELS[one.level][2], chosen), one.kind, line.what,
            f"{one.since:%Y-%m-%d %H:%M}", f"{one.until:%Y-%m-%d %H:%M}", one.subject, line.name,
            _full(one.shown), _full(one.threshold), one.unit, _full(one.effect_kgco2e),
            text(on, chosen), one.assignee, text(figures.STATUS[one.status], chosen),
            figures.conclusion(one.reason, chosen), when(one.raised_at, zone),
            when(one.closed_at, zone),
        ])  # fmt: skip
    return rows


def _calendar_rows(scene: Scene, chosen: str) -> list[list[str]]:
    head = ("对象", "名称", "日期", "状态", "实测 %", "估算 %", "缺数小时")
    rows = [[text(word, chosen) for word in head]]
    for row in scene.rows:
        rows += [
            [row.meter_id, row.name, f"{scene.month}-{day:02d}",
             text(alert_calendar.STATES[cell.state], chosen), f"{cell.measured_pct:.2f}",
             f"{cell.estimated_pct:.2f}", f"{cell.lacking_h:.2f}"]
            for day, cell in sorted(row.days.items())
        ]  # fmt: skip
    return rows


def _full(value: float | None) -> str:
    return "" if value is None else repr(value)
