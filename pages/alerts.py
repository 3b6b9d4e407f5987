"""质量与告警 (clauses 5.3 f, 6.4): completeness of readings, alarms, who handles them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from figures.html import Content, Node, core, el, first_up
from figures.overview import EMISSION
from figures.view import SiteInfo, period_words
from pages._bar import menu, option
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

KEY = "alerts"
STATUSES = ("all", "open", "working", "closed")
LEVELS = ("all", "critical", "warn", "info")
MEDIA = {"electricity": "用电", "water": "用水", "diesel": "用油"}
FIRST_SHOWN = 40
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")

CALENDAR = Panel(
    key="calendar", clause="", title="完整率日历", form="list", reads=(), build=nothing
)
ALARMS = Panel(key="alarms", clause="6.4", title="告警", form="list", reads=(), build=nothing)
READINGS = Panel(
    key="readings", clause="", title="读数", form="line", reads=(EMISSION,), build=nothing,
    width=12, heights=(190,),
)  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """What the reader looks at: everything of it stands in the address."""

    month: str = ""
    status: str = "all"
    level: str = "all"
    meter: str = ""
    day: int = 0
    gaps: str = ""
    medium: str = ""
    issue: int = 0
    shown: int = FIRST_SHOWN
    rest: Mapping[str, str] = field(default_factory=dict)

    def href(self, **changed: object) -> str:
        """Return the address with some of it changed; defaults are left out."""
        now: dict[str, object] = {
            "month": self.month, "status": self.status, "level": self.level, "meter": self.meter,
            "day": self.day, "gaps": self.gaps, "medium": self.medium,
            "issue": self.issue, "shown": self.shown,
        }  # fmt: skip
        defaults = {"status": "all", "level": "all", "day": 0, "issue": 0, "shown": FIRST_SHOWN}
        whole = {**self.rest, **now, **changed}
        return query({n: str(v) for n, v in whole.items() if v != defaults.get(n, "")})


def choice(search: object) -> Choice:
    """Return what an address asks for; what it cannot ask for falls back to the default."""
    given = asked(search)
    month, status, level = (given.get(name, "") for name in ("month", "status", "level"))
    day = number(given.get("day", ""))
    return Choice(
        month=month if _MONTH.fullmatch(month) else "",
        status=status if status in STATUSES else "all",
        level=level if level in LEVELS else "all",
        meter=given.get("meter", "")[:80],
        day=day if day <= 31 else 0,
        medium=given.get("medium", "") if given.get("medium") in MEDIA else "",
        gaps="1" if given.get("gaps") == "1" else "",
        issue=number(given.get("issue", "")),
        shown=max(FIRST_SHOWN, number(given.get("shown", ""))),
        rest={name: given[name] for name in GLOBAL if given.get(name)},
    )


def layout(language: str) -> Node:
    """Return the page before its alarms are there."""
    calendar = card(
        KEY, CALENDAR.key, CALENDAR.form, place(KEY, "calendar", bones()), cls="alert-calendar"
    )
    alarms = card(KEY, ALARMS.key, ALARMS.form, place(KEY, "alarms", bones()), cls="alert-list")
    return page_frame(
        KEY, PAGE.title, language, stores(KEY, "charts", "act-done", "key"),
        place(KEY, "banner"),
        place(KEY, "kpis", cls="kpi-row alert-kpis", aria_live="polite"),
        el("Div", calendar, alarms, cls="alert-cards"),
        el(
            "Div",
            el("Div", cls="drawer-shade"),
            el(
                "Div",
                place(KEY, "drawer-head", cls="drawer-head"),
                el("Div", place(KEY, "drawer-facts", cls="alert-facts"),
                   el("Div", chart(PAGE, READINGS, language), id=part(KEY, "drawer-readings")),
                   place(KEY, "drawer-story"), place(KEY, "drawer-figures"),
                   place(KEY, "drawer-handle"), cls="drawer-body", tabIndex="0", data_scroll="y"),
                place(KEY, "act-said", cls="work-said alert-said", role="alert"),
                place(KEY, "drawer-foot", cls="drawer-foot"),
                cls="drawer alert-drawer", role="dialog", aria_modal="true",
                aria_label=text("告警", language),
            ),
            id=part(KEY, "drawer-box"), cls="work-hidden",
        ),
    )  # fmt: skip


def site_menu(chosen: Choice, site: SiteInfo, sites: Sequence[SiteInfo], language: str) -> Content:
    """Return the choice of the site, where there are several."""
    if len(sites) < 2:
        return None
    items = [
        option(chosen.href(site=one.site, meter="", day=0, issue=0), one.name(language),
                chosen=one.site == site.site)
        for one in sites
    ]  # fmt: skip
    return menu(text("站点", language), site.name(language), items, "filter-month-site")


def month_menu(chosen: Choice, month: str, months: Sequence[str], language: str) -> Node:
    """Return the choice of the month whose days are shown."""
    items = [
        option(chosen.href(month=one, day=0, issue=0), period_words(one, language),
                chosen=one == month)
        for one in reversed(months)
    ]  # fmt: skip
    return menu("", period_words(month, language), items, "filter-alert-month", "calendar")


def level_menu(chosen: Choice, words: Mapping[str, str], language: str) -> Node:
    """Return the choice of the level."""
    items = [
        option(chosen.href(level=one, issue=0), text(words[one], language),
                chosen=one == chosen.level)
        for one in LEVELS
    ]  # fmt: skip
    return menu(first_up(text("级别", language)), text(words[chosen.level], language), items,
                 "filter-alert-level")  # fmt: skip


def subject_menu(chosen: Choice, names: Mapping[str, str], language: str) -> Node:
    """Return the choice of what the alarms are about."""
    every = text("全部", language)
    items = [option(chosen.href(meter="", day=0, issue=0), every, chosen=not chosen.meter)]
    items += [
        option(chosen.href(meter=one, day=0, issue=0), name, chosen=one == chosen.meter)
        for one, name in names.items()
    ]
    shown = names.get(chosen.meter, chosen.meter) if chosen.meter else every
    return menu(text("对象", language), shown, items, "filter-alert-subject")


def form(which: str, ident: dict[str, str], label: str, value: str, longest: int) -> Node:
    """Return a field of the drawer."""
    return el(
        "Label", el("Span", label, cls="work-label"),
        core("Input", id=ident, type="text", value=value, maxLength=longest, autoComplete="off"),
        cls=f"work-field alert-{which}",
    )  # fmt: skip


PAGE = PlainPage(
    key=KEY,
    path="/alerts",
    name="质量与告警",
    title="质量与告警",
    clause="6.4",
    group="数据与核算",
    icon="bell-ring",
    sections=(Section(panels=(CALENDAR, ALARMS, READINGS)),),
    layout=layout,
)
