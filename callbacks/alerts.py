"""质量与告警: what the page shows for an address, and what people do about an alarm."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, no_update
from flask import Response

from callbacks._alert_lines import Namer, line_of
from callbacks._reader import PageReader
from callbacks._request import language
from callbacks._scope import denied, in_scope
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
    site_view,
    when,
    who,
)
from data import quality
from data.incidents import REASONS, RULES
from data.notes import NotNotable, checked
from data.outgoing import overdue
from data.quality import MeterRow
from data.state import Incident, NotHandled, now
from figures import alert_calendar, alert_drawer
from figures import alerts as figures
from figures.alert_calendar import Calendar, DayCell, Row
from figures.alert_drawer import Affected, Event, Handle, Point, Readings
from figures.alerts import Indicators, Line, Listed
from figures.closing import demo_mark, named
from figures.html import Content, el, icon, link
from figures.view import SiteInfo, months_of, period_words, shifted
from pages import alerts as page
from pages._filters import Known, parse
from pages._panel import Rendered, render
from pages._plain import part, query
from pages.alerts import Choice
from security.policy import HANDLE
from security.roles import DEMONSTRATION, role_name
from translations import text

LOG = logging.getLogger("carbon.pages")
ACTS = ("assign", "close", "note", "reopen")
LONGEST_NAME = 40
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
            "done": Input(part(key, "act-done"), "data"),
        },
    )
    def refresh(search: object, done: object) -> Answer:
        return contents(desk.reader, search, who(), language(desk.language), done)

    bind_drawing(app, page.PAGE, (page.READINGS,))

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


@dataclass(frozen=True)
class Scene:
    """A site's month with its alarms, as the page works with it."""

    site: SiteInfo
    month: str
    known: Known
    rows: Sequence[MeterRow]
    before_pct: float | None
    incidents: Sequence[Incident]
    every: Sequence[Incident]
    namer: Namer


def scene_of(reader: PageReader, chosen: Choice, search: object, language_: str) -> Scene | None:
    """Return what an address asks for; None without any figure."""
    known = reader.known()
    if known is None:
        return None
    filters = parse(search if isinstance(search, str) else "", known)
    site = reader.sites()[filters.sites[0]]
    month = chosen.month if known.first <= chosen.month <= known.last else known.last
    rows = _calendar(reader, site.site, month)
    before = _pct(_calendar(reader, site.site, shifted(month, -1)))
    every = reader.engine.state.incidents.of((site.site, ""))
    here = [one for one in every if _concerns(one, site, month)]
    namer = Namer(reader, site, language_)
    return Scene(site, month, known, rows, before, here, every, namer)


def _calendar(reader: PageReader, site: str, month: str) -> list[MeterRow]:
    return reader.page(
        ("quality", site, month), lambda: quality.calendar(reader.engine, site, month)
    )


def _pct(rows: Sequence[MeterRow]) -> float | None:
    expected = sum(row.expected_h for row in rows)
    return 100.0 * sum(row.measured_h for row in rows) / expected if expected else None


def _concerns(one: Incident, site: SiteInfo, month: str) -> bool:
    """Tell whether an issue belongs on the page of a month: it touches it, or is not closed."""
    since, until = f"{one.since:%Y-%m}", f"{one.until - timedelta(microseconds=1):%Y-%m}"
    touches = since <= month <= max(since, until)
    return touches or (one.status != "closed" and since <= month)


def contents(
    reader: PageReader, search: object, asks: Who, chosen_language: str, done: object = None
) -> Answer:
    """Return everything the page shows for an address."""
    chosen = page.choice(search)
    scene = scene_of(reader, chosen, search, chosen_language)
    if scene is None:
        return _nothing(chosen_language)
    lines = _lines(scene, reader, chosen_language)
    cells = _calendar_of(scene, chosen, chosen_language)
    allowed = may(reader, asks, page.PAGE.path, HANDLE)
    emission = reader.book((scene.site.site,)).over(
        ("emission", "site", "site"), (scene.month,), scene.month
    )
    durations = reader.engine.state.incidents.durations_h((scene.site.site, ""))
    here = [durations[one.incident] for one in scene.incidents if one.incident in durations]
    top = Indicators(period_words(scene.month, chosen_language), cells.pct, scene.before_pct,
                     lines, here, emission)  # fmt: skip
    shown = [line for line in lines if _fits(line, scene, chosen)]
    listed = Listed(
        [line for line in lines if _fits(line, scene, replace(chosen, status="all"))], shown,
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
        else _no_readings(chosen_language),
        "calendar-state": "ready" if scene.rows else "empty",
        "alarms": figures.alarm_list(listed, _subtitle(scene, lines, chosen_language),
                                     chosen_language),
        "alarms-state": "ready",
    }  # fmt: skip
    return found | _drawer(reader, scene, chosen, asks, chosen_language)


def _nothing(chosen: str) -> Answer:
    """Return the page without any figure: what is missing and what to do."""
    words = text("还没有结算过的数据：先导入计量数据并结算，或建立演示厂", chosen)
    empty = el("Div", icon("inbox"), el("P", words, cls="empty-reason"), cls="empty")
    head = el("Div", el("Div", el("H1", text(page.PAGE.title, chosen), cls="page-title")),
              cls="page-head")  # fmt: skip
    return _shut() | {"top": head, "banner": None, "kpis": None, "calendar": empty,
                      "calendar-state": "empty", "alarms": empty,
                      "alarms-state": "empty"}  # fmt: skip


def _shut() -> Answer:
    """Return the drawer closed; its controls stay, for callbacks need them there."""
    parts = ("drawer-head", "drawer-facts", "drawer-story", "drawer-figures", "drawer-handle",
             "drawer-foot")  # fmt: skip
    return dict.fromkeys(parts) | {
        "drawer-box": "work-hidden", "drawer-readings": "work-hidden", "charts": {},
        "readings-words": None, "readings-state": "empty",
    }  # fmt: skip


def _no_readings(chosen: str) -> Content:
    words = text("这个月没有计量读数", chosen)
    return el("Div", icon("inbox"), el("P", words, cls="empty-reason"), cls="empty")


def _lines(scene: Scene, reader: PageReader, chosen: str) -> list[Line]:
    """Return the issues as lines: what is open first, then the gravest, then the newest."""
    made = [line_of(one, scene.namer, chosen) for one in scene.incidents]
    order = {one.incident: one for one in scene.incidents}
    return sorted(
        made,
        key=lambda line: (STATUS_ORDER[line.status], LEVEL_ORDER[line.level],
                          -order[line.issue].since.timestamp(), -line.issue),
    )  # fmt: skip


def _fits(line: Line, scene: Scene, chosen: Choice) -> bool:
    if chosen.status not in ("all", line.status) or chosen.level not in ("all", line.level):
        return False
    one = next(one for one in scene.incidents if one.incident == line.issue)
    if chosen.medium not in ("", one.medium):
        return False
    if chosen.meter and line.subject != chosen.meter:
        return False
    if not chosen.day:
        return True
    return _touches(one, _midnight(scene.month, chosen.day))


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


def _calendar_of(scene: Scene, chosen: Choice, language_: str) -> Calendar:
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
        _pct(scene.rows),
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
    return text("缺 {hours} 小时，但每一段都不到 {limit} 小时的告警限值，或在首个读数之前，未告警",
                language_, hours=lacking, limit=f"{row.limit_h:g}")  # fmt: skip


# ---- the drawer ----


def _drawer(reader: PageReader, scene: Scene, chosen: Choice, asks: Who, language_: str) -> Answer:
    found = reader.engine.state.incidents.find(chosen.issue) if chosen.issue else None
    if found is not None and found.site not in ("", scene.site.site):
        if not in_scope(found.site):
            denied(f"alarm {chosen.issue}")
        found = None
    handle = _handle(reader, asks, found, language_)
    controls = _controls(found, handle, asks, language_)
    if found is None:
        return _shut() | controls
    line = line_of(found, scene.namer, language_)
    age = "" if found.status == "closed" else _age(found, scene.site.zone, language_)
    rendered = _readings(reader, scene, found, language_)
    demo = demo_mark(language_) if scene.site.demo else None
    history = reader.engine.state.incidents.history(found.incident)
    events = [Event(one.act, when(one.at, scene.site.zone), one.actor, one.words, one.assignee)
              for one in history]  # fmt: skip
    pending = {"open": "待处理：派单或关闭", "working": "待处理：查明原因后关闭"}.get(
        found.status, ""
    )
    return controls | {
        "drawer-head": alert_drawer.drawer_head(line, age, demo, chosen.href(issue=0), language_),
        "drawer-facts": alert_drawer.facts(line, _span(found, language_), language_),
        "drawer-story": alert_drawer.story(events, text(pending, language_) if pending else "",
                                           language_),
        "drawer-figures": _figures(reader, scene, found, language_),
        "drawer-box": "alert-drawer-box",
        "drawer-readings": "" if rendered else "work-hidden",
        "charts": {page.READINGS.key: rendered.chart} if rendered else {},
        "readings-words": rendered.words if rendered else None,
        "readings-state": rendered.state if rendered else "empty",
    }  # fmt: skip


def _age(found: Incident, zone: str, language_: str) -> str:
    here = datetime.now(ZoneInfo(zone if found.site else "UTC")).replace(tzinfo=None)
    hours = (here - found.since).total_seconds() / 3600
    return text("已 {span}", language_, span=figures.span_words(hours, language_))


def _span(found: Incident, language_: str) -> str:
    hours = (found.until - found.since).total_seconds() / 3600.0
    joint = " ～ " if language_ == "zh" else " – "
    same = found.since.date() == found.until.date()
    last = f"{found.until:%H:%M}" if same else f"{found.until:%m-%d %H:%M}"
    return f"{found.since:%m-%d %H:%M}{joint}{last}" if hours else f"{found.since:%m-%d %H:%M}"


def _handle(reader: PageReader, asks: Who, found: Incident | None, language_: str) -> Handle:
    why = ""
    if asks.role == DEMONSTRATION:
        why = text("演示会话只读，不能处理告警", language_)
    elif not may(reader, asks, page.PAGE.path, HANDLE):
        role = role_name(asks.role, language_) if asks.role else "--"
        why = text("{role}不能处理告警", language_, role=role)
    status = found.status if found else "closed"
    assignee = (found.assignee if found else "") or asks.name
    return Handle(why, assignee, status == "closed", status == "working")


def _controls(found: Incident | None, handle: Handle, asks: Who, language_: str) -> Answer:
    """Return fields and buttons, which are there even where the drawer is closed."""
    ident = partial(part, page.KEY)
    fields = [
        page.form("reason", ident("reason"), text("原因或备注", language_), "", 200),
        page.form("assignee", ident("assignee"), text("处理人", language_), handle.assignee,
                  LONGEST_NAME),
    ]  # fmt: skip
    sent = {"issue": found.incident if found else 0, "key": secrets.token_hex(16)}
    return {
        "drawer-handle": [alert_drawer.store(ident, sent),
                          alert_drawer.handle(handle, fields, language_)],
        "drawer-foot": alert_drawer.buttons(handle, ident, language_),
    }  # fmt: skip


def _readings(reader: PageReader, scene: Scene, found: Incident, language_: str) -> Rendered | None:
    """Return the chart of the meter around an alarm; nothing for what is no meter."""
    trace = quality.around(
        reader.engine, scene.site.site, scene.site.zone, found.subject, found.since, found.until
    )
    if trace is None or not any(point.quantity is not None for point in trace.points):
        return None
    shown = Readings(
        [Point(one.at, one.quantity, one.estimated) for one in trace.points], trace.by_day,
        trace.unit, found.medium or "heat", found.since, found.until,
    )  # fmt: skip
    unit = "m³" if trace.unit == "m3" else trace.unit
    each = text("每日" if trace.by_day else "每小时", language_)
    words = {
        "measured": text("实测", language_), "estimated": text("插补", language_),
        "span": text("告警时段 {span}", language_, span=_span(found, language_)),
        "subtitle": f"{each}, {unit}" if language_ == "en" else f"{each}，{unit}",
    }  # fmt: skip
    filters = parse("", scene.known)
    view = site_view(reader, scene.site, [scene.month], filters, language_, "")
    panel = replace(
        page.READINGS, reads=None, build=partial(alert_drawer.readings_built, found=shown,
                                                 words=words)
    )  # fmt: skip
    return render(page.PAGE, panel, view, "")


_TOUCHED = {
    "electricity": (("emission", "site", "site"), ("electricity", "site", "site")),
    "water": (("emission", "site", "site"), ("water", "site", "site")),
    "diesel": (("emission", "site", "site"), ("diesel", "site", "site")),
}


def _figures(reader: PageReader, scene: Scene, found: Incident, language_: str) -> Content:
    """Return the figures of the months that an alarm touches."""
    keys = _TOUCHED.get(found.medium, ())
    if found.kind == "A11":
        keys = (("product_substitution", "site", "site"), ("reduction", "site", "site"))
    if found.effect_on == "substitution":
        keys = (("substitution", "source", "pv"), ("substitution", "site", "site"))
    last = max(found.since, found.until - timedelta(microseconds=1))
    book = reader.book((scene.site.site,))
    made = []
    for month in months_of(f"{found.since:%Y-%m}", f"{last:%Y-%m}")[-2:]:
        for key in keys:
            cell = book.over(key, (month,), month)
            if cell is not None and cell.value is not None:
                name = f"{named(key, language_)}, {period_words(month, language_)}"
                if language_ == "zh":
                    name = name.replace(", ", "，")
                made.append(Affected(name, cell))
    note = text("不涉及账本数值", language_)
    return alert_drawer.affected(made, parse("", scene.known).units, note, language_)


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
