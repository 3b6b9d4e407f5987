"""完整性: the completeness calendar of a month; its cells lead to 质量与告警."""

from __future__ import annotations

from dataclasses import replace

from dash import Dash, Input, Output

from callbacks._alert_scene import Scene, scene_of
from callbacks._request import alerts_address, language
from callbacks.alerts import MONTHS_OFFERED, calendar_of, no_readings
from callbacks.closing import Desk
from figures import alert_calendar
from figures.html import Content, el, icon, link
from figures.view import months_of
from pages import alerts, data
from pages._plain import part
from pages.alerts import Choice
from translations import text

TAB = "complete"


def bind(app: Dash, desk: Desk) -> None:
    """Register the tab's callback."""

    @app.callback(Output(part(data.KEY, "complete-body"), "children"), Input("url", "search"))
    def refresh(search: object) -> Content:
        if data.choice(search).tab != TAB:
            return None
        return contents(desk, search, language(desk.language))


def contents(desk: Desk, search: object, chosen: str) -> Content:
    """Return the calendar of the month that an address asks for, or why there is none."""
    asked = alerts.choice(search)
    here = replace(asked, rest={**asked.rest, "tab": TAB})
    scene = scene_of(desk.reader, asked, search, chosen)
    if scene is None:
        words = text("还没有结算过的数据：先导入计量数据并结算，或建立演示厂", chosen)
        empty = el("Div", icon("inbox"), el("P", words, cls="empty-reason"), cls="empty")
        return _card(empty, "empty")
    there = alerts_address(desk.reader.engine.state)
    inside: Content = no_readings(chosen)
    if scene.rows:
        found = replace(
            calendar_of(scene, asked, chosen),
            href=_Leads(here, asked, scene.month, there),
            leads=bool(there),
        )
        inside = alert_calendar.calendar_card(found, chosen)
    return [_tools(desk, here, scene, there, chosen),
            _card(inside, "ready" if scene.rows else "empty")]  # fmt: skip


def _card(inside: Content, state: str) -> Content:
    return el("Section", inside, cls="card alert-calendar", data_panel="complete",
              data_form="list", data_state=state)  # fmt: skip


class _Leads:
    """Where a cell leads: to the alarms of its day; the switch of gaps stays on the tab."""

    def __init__(self, here: Choice, asked: Choice, month: str, there: str) -> None:
        self._here, self._asked, self._month, self._there = here, asked, month, there

    def __call__(self, **changed: object) -> str:
        if "gaps" in changed or not self._there:
            return self._here.href(**changed)
        return self._there + self._asked.href(**{"month": self._month, "gaps": "", **changed})


def _tools(desk: Desk, here: Choice, scene: Scene, there: str, chosen: str) -> Content:
    sites = list(desk.reader.sites().values())
    months = months_of(scene.known.first, scene.known.last)[-MONTHS_OFFERED:]
    lead = None
    if there:
        words = text("质量与告警", chosen)
        lead = link(there + replace(here, rest={k: v for k, v in here.rest.items() if k != "tab"})
                    .href(month=scene.month, gaps=""), icon("bell-ring"), el("Span", words),
                    cls="button")  # fmt: skip
    return el(
        "Div", alerts.site_menu(here, scene.site, sites, chosen),
        alerts.month_menu(here, scene.month, months, chosen), lead,
        cls="work-tools",
    )  # fmt: skip
