"""The drawer of an alarm: its readings, history, figures, and what whoever asks may do."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from math import isclose
from zoneinfo import ZoneInfo

from callbacks._alert_lines import line_of
from callbacks._alert_scene import Scene
from callbacks._reader import PageReader
from callbacks._scope import denied, in_scope
from callbacks.closing import Answer, Who, may, site_view, when
from data import quality
from data.impact import impacts
from data.incidents import RULES
from data.state import Incident
from figures import alert_drawer
from figures.alert_drawer import Affected, Effect, Event, Handle, Point, Readings
from figures.alerts import span_words
from figures.closing import demo_mark, named
from figures.html import Content
from figures.view import months_of, period_words
from pages import alerts as page
from pages._filters import parse
from pages._panel import Rendered, render
from pages._plain import part
from pages.alerts import Choice
from security.policy import HANDLE
from security.roles import DEMONSTRATION, role_name
from translations import text

LONGEST_NAME = 40


def shut() -> Answer:
    """Return the drawer closed; its controls stay, for callbacks need them there."""
    parts = ("drawer-head", "drawer-facts", "drawer-story", "drawer-figures", "drawer-handle",
             "drawer-foot")  # fmt: skip
    return dict.fromkeys(parts) | {
        "drawer-box": "work-hidden", "drawer-readings": "work-hidden", "charts": {},
        "readings-words": None, "readings-state": "empty",
    }  # fmt: skip


def _effect(reader: PageReader, found: Incident) -> Effect | None:
    """Return how an effect comes about, computed anew; None where the data have changed since."""
    document = reader.documents().get(found.site)
    if document is None or not found.effect_kgco2e or found.kind not in RULES:
        return None
    one = impacts(reader.engine, document, [found])[found]
    if one.kgco2e is None or one.quantity is None or one.factor is None:
        return None
    same = isclose(one.kgco2e, found.effect_kgco2e, rel_tol=1e-9)
    return Effect(one.quantity, one.unit, one.factor, one.kgco2e) if same else None


def drawer_of(
    reader: PageReader, scene: Scene, chosen: Choice, asks: Who, language_: str
) -> Answer:
    found = reader.engine.state.incidents.find(chosen.issue) if chosen.issue else None
    if found is not None and found.site not in ("", scene.site.site):
        if not in_scope(found.site):
            denied(f"alarm {chosen.issue}")
        found = None
    handle = _handle(reader, asks, found, language_)
    controls = _controls(found, handle, asks, language_)
    if found is None:
        return shut() | controls
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
        "drawer-facts": alert_drawer.facts(line, _span(found, language_), language_,
                                           _effect(reader, found)),
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
    return text("已 {span}", language_, span=span_words(hours, language_))


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
