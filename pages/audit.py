"""安全审计: the trail's state, what was done by whom, every record down to its hash (9.5.4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from figures.audit import DAYS_KEY
from figures.html import Node, core, el, icon
from pages._panel import Panel, Section
from pages._plain import (
    GLOBAL,
    PlainPage,
    asked,
    bones,
    card,
    chart,
    nothing,
    number,
    page_frame,
    part,
    place,
    query,
    stores,
)
from translations import text

KEY = "audit"
ROWS = 25
OUTCOMES = ("success", "failure", "denied", "intent")
SPANS = ("1", "7", "30", "90", "all")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_EVENT = re.compile(r"[a-z]{1,20}\.[a-z_]{1,20}")

DAYS = Panel(
    key="days", clause="", title="每日记录", form="bar", reads=(DAYS_KEY,), build=nothing, width=12,
    heights=(220,),
)  # fmt: skip
RECORDS = Panel(key="records", clause="", title="审计记录", form="list", reads=(), build=nothing)


@dataclass(frozen=True)
class Choice:
    """What the auditor looks at: everything of it stands in the address."""

    span: str = "30"
    since: str = ""
    until: str = ""
    actor: str = ""
    event: str = ""
    outcome: str = ""
    address: str = ""
    words: str = ""
    beats: str = ""
    page: int = 1
    top: int = 0
    record: int = 0
    table: str = ""
    rest: Mapping[str, str] = field(default_factory=dict)

    def href(self, **changed: object) -> str:
        """Return the address with some of it changed; another filter begins at the first page."""
        now = {
            "span": self.span, "since": self.since, "until": self.until, "actor": self.actor,
            "event": self.event, "outcome": self.outcome, "address": self.address,
            "q": self.words, "beats": self.beats, "page": self.page, "top": self.top,
            "record": self.record, "table": self.table,
        }  # fmt: skip
        if not {"page", "record", "table"} & changed.keys():
            now |= {"page": 1, "top": 0, "record": 0}
        now |= changed
        defaults = {"span": "30", "page": 1, "top": 0, "record": 0}
        kept = {n: str(v) for n, v in now.items() if v != defaults.get(n, "")}
        return query({**self.rest, **kept})

    @property
    def filtered(self) -> bool:
        """Whether anything but the days is asked for."""
        return bool(self.actor or self.event or self.outcome or self.address or self.words)

    def days(self, today: date) -> tuple[str, str]:
        """Return the first and last day; empty for no end."""
        if self.since or self.until:
            return self.since, self.until
        if self.span == "all":
            return "", ""
        return (today - timedelta(days=int(self.span) - 1)).isoformat(), today.isoformat()

    def filters(self) -> dict[str, str]:
        """Return what is asked for, as the record of the query says it."""
        days = {"since": self.since, "until": self.until}
        if not (self.since or self.until):
            days = {"days": self.span}
        found = {**days, "actor": self.actor, "event": self.event, "outcome": self.outcome,
                 "address": self.address, "words": self.words}  # fmt: skip
        found |= {"beats": self.beats} if self.beats else {}
        found |= {"record": str(self.record)} if self.record else {}
        return {name: value for name, value in found.items() if value}


def choice(search: object) -> Choice:
    """Return what an address asks for; what it cannot ask for falls back to the default."""
    given = asked(search)
    span, outcome, event = (given.get(name, "") for name in ("span", "outcome", "event"))
    return Choice(
        span=span if span in SPANS else "30",
        since=_day(given.get("since", "")),
        until=_day(given.get("until", "")),
        actor=given.get("actor", "")[:80],
        event=event if _EVENT.fullmatch(event) else "",
        outcome=outcome if outcome in OUTCOMES else "",
        address=given.get("address", "")[:80],
        words=given.get("q", "")[:80],
        beats="1" if given.get("beats") == "1" else "",
        page=max(1, min(number(given.get("page", "")), 1_000_000)),
        top=number(given.get("top", "")),
        record=number(given.get("record", "")),
        table=DAYS.key if given.get("table") == DAYS.key else "",
        rest={name: given[name] for name in GLOBAL if given.get(name)},
    )


def _day(words: str) -> str:
    try:
        return date.fromisoformat(words).isoformat() if _DAY.fullmatch(words) else ""
    except ValueError:
        return ""


def layout(language: str) -> Node:
    """Return the page before its records are there."""
    words = text("搜索对象、描述、账号或地址", language)
    search = el(
        "Label", el("Span", words, cls="visually-hidden"), icon("search"),
        core("Input", id=part(KEY, "search"), type="text", debounce=0.4, placeholder=words,
             autoComplete="off", maxLength=80),
        cls="work-search",
    )  # fmt: skip
    records = card(
        KEY, RECORDS.key, RECORDS.form, place(KEY, "records-title", cls="audit-records-title"),
        place(KEY, "records", bones()),
    )  # fmt: skip
    return page_frame(
        KEY, PAGE.title, language, stores(KEY, "charts", "sent", "act-done"),
        place(KEY, "act-said", cls="work-said", role="alert"),
        el("Div",
           place(KEY, "state-card-trail", cls="kpi audit-kpi"),
           place(KEY, "state-card-checkpoint", cls="kpi audit-kpi"),
           place(KEY, "state-card-anchors", cls="kpi audit-kpi"),
           el("Div", place(KEY, "state-card-verified"),
              el("Button", icon("shield-check"), el("Span", text("立即校验", language)),
                 id=part(KEY, "verify"), cls="button", type="button"),
              el("Span", text("正在校验…", language), id=part(KEY, "busy"), cls="work-hidden",
                 role="status"),
              cls="kpi audit-kpi audit-verified"),
           cls="kpi-row audit-state"),
        el("Div", place(KEY, "filters", cls="audit-menus"), search, cls="audit-filters",
           role="search", aria_label=text("筛选", language)),
        el("Div", chart(PAGE, DAYS, language), place(KEY, "outcomes", cls="card audit-outcomes"),
           cls="audit-days"),
        el("Div", place(KEY, "events", cls="card"), place(KEY, "actors", cls="card"),
           place(KEY, "signs", cls="card audit-signs"), cls="audit-thirds"),
        el("Div", records, place(KEY, "record", cls="audit-record"), cls="audit-list"),
    )  # fmt: skip


PAGE = PlainPage(
    key=KEY,
    path="/audit",
    name="安全审计",
    title="安全审计",
    clause="9.5.4",
    group="系统管理",
    icon="shield-check",
    sections=(Section(panels=(DAYS, RECORDS)),),
    layout=layout,
)
