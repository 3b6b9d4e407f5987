"""Wires every declared panel of a page once: one callback, its charts, its downloads."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from dash import ClientsideFunction, Dash, Input, Output, no_update
from werkzeug.exceptions import HTTPException

from callbacks._alert_lines import issues_of
from callbacks._reader import FORECASTING, PageReader
from callbacks._request import alerts_address, language, may_edit, opened_pages
from callbacks._sales import revision
from callbacks._scope import scope
from figures.cards import Built
from figures.html import Content, Node, el, icon
from figures.view import View
from jobs.duty import due
from pages._bar import filter_bar
from pages._filters import Filters, address, parse
from pages._frame import page_head
from pages._panel import Page, Panel, Rendered, built_panel, panel_id, render
from pages._plain import part
from translations import text

LOG = logging.getLogger("carbon.pages")
DATA = "/data"
FAILED = "编号 {number}，已写入日志；重试仍不行请联系管理员"
Answer = dict[str, Any]


def bind_page(app: Dash, page: Page, reader: PageReader, default_language: str) -> None:
    """Register the page's callback and the drawing of its charts."""
    outputs: dict[str, Any] = {
        "head": Output({"page": page.key, "part": "head"}, "children"),
        "filters": Output({"page": page.key, "part": "filters"}, "children"),
        "charts": Output({"page": page.key, "part": "charts"}, "data"),
        "words": [Output(panel_id(page.key, p.key, "words"), "children") for p in page.panels],
        "states": [Output(panel_id(page.key, p.key, "panel"), "data-state") for p in page.panels],
        "asides": [
            Output(panel_id(page.key, p.key, "aside"), "children") for p in page.panels if p.aside
        ],
    }

    @app.callback(
        output=outputs,
        inputs={
            "search": Input("url", "search"),
            "_done": Input(part(page.key, "act-edit-done"), "data"),
        },
    )
    def refresh(search: str | None, _done: object) -> Answer:
        return refreshed(page, reader, search, language(default_language))

    charts = [p for p in page.panels if p.heights]
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("carbon", "draw"),
        [
            Output(panel_id(page.key, p.key, f"plot{at}"), "figure")
            for p in charts
            for at in range(len(p.heights))
        ],
        Input({"page": page.key, "part": "charts"}, "data"),
        Input("screen", "data"),
    )
    bind_loading(app, [panel_id(page.key, p.key, "panel") for p in page.panels])


def refreshed(page: Page, reader: PageReader, search: str | None, chosen: str) -> Answer:
    """Return what a page shows for an address; where it cannot be read, that it cannot."""
    try:
        edits = may_edit(reader.engine.state, page.path)
        return answer(page, reader, search, chosen, edits=edits)
    except HTTPException:
        raise
    except Exception:
        return _broken(page, chosen)


def bind_loading(app: Dash, panels: Sequence[dict[str, str]]) -> None:
    """Dim panels as soon as the address changes, until their numbers are there."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("carbon", "loading"),
        [Output(panel, "data-state", allow_duplicate=True) for panel in panels],
        Input("url", "search"),
        prevent_initial_call=True,
    )


def answer(
    page: Page, reader: PageReader, search: str | None, reader_language: str, *, edits: bool = False
) -> Answer:
    """Return what `contents` has for an address as JSON, kept until the data change.

    Kept as bytes: as objects, some hundred pages would be millions for the collector to walk.
    """
    known = reader.known()
    if known is None:
        return _nothing(page, reader, reader_language)
    filters = parse(search, known)
    late = reader.late(filters, datetime.now(UTC))
    alerts = alerts_address(reader.engine.state)
    key = (
        page.key, filters.key(), reader_language, late, scope(), edits, reader.notes_revision,
        reader.alarms_revision, alerts, opened_pages(reader.engine.state),
        revision(reader, page.key),
        reader.forecasting() if page.key in FORECASTING else "",
    )  # fmt: skip
    return reader.page(
        key, lambda: _packed(contents(page, reader, search, reader_language, edits=edits))
    )


def _packed(found: Answer) -> Answer:
    """Return an answer whose parts are already JSON; Dash puts them in as they are."""

    def packed(value: Content) -> Content:
        return value if value is None else orjson.Fragment(orjson.dumps(value))

    return {
        name: [packed(part) for part in value] if name in ("words", "asides") else packed(value)
        for name, value in found.items()
        if name != "states"
    } | {"states": found["states"]}


def contents(
    page: Page, reader: PageReader, search: str | None, reader_language: str, *, edits: bool = False
) -> Answer:
    """Return everything a page shows for an address."""
    known = reader.known()
    if known is None:
        return _nothing(page, reader, reader_language)
    filters = parse(search, known)
    late = reader.late(filters, datetime.now(UTC))
    return _answer(page, reader, filters, reader_language, late=late, edits=edits)


def _answer(
    page: Page, reader: PageReader, filters: Filters, reader_language: str, *, late: bool,
    edits: bool,
) -> Answer:  # fmt: skip
    known = reader.known()
    view = reader.view(page.key, filters, reader_language)
    if known is None or view is None:
        return _nothing(page, reader, reader_language)
    state = reader.engine.state
    view = replace(view, edits=edits, alerts=alerts_address(state), opens=opened_pages(state))
    if page.key in ("overview", "emission"):
        view = replace(view, issues=issues_of(reader, filters.sites, reader_language))
    query = address(filters, known)
    rendered = {panel.key: _guarded(page, panel, view, query) for panel in page.panels}
    found = {
        "head": [
            *_guarded_head(page, view),
            None if filters.asked is None else _elsewhere(filters.asked, filters, view),
            _stopped(reader, filters, view) if late else None,
        ],
        "filters": filter_bar(view, filters, known, list(reader.sites().values())),
        "charts": {key: r.chart for key, r in rendered.items() if r.chart is not None},
        "words": [rendered[p.key].words for p in page.panels],
        "states": [_state(rendered[p.key].state, late=late) for p in page.panels],
        "asides": [rendered[p.key].aside for p in page.panels if p.aside],
    }
    return found


def _state(state: str, *, late: bool) -> str:
    """Return a panel's state; figures whose readings are late are shown and say so."""
    return "stale" if late and state == "ready" else state


def _guarded(page: Page, panel: Panel, view: View, query: str) -> Rendered:
    """Return a panel; one that fails says so alone and the others keep working."""
    try:
        return render(page, panel, view, query)
    except Exception:
        number = numbered(f"panel {page.key}/{panel.key}")
        return Rendered(_failed(panel, number, view.language), None, "error")


def numbered(what: str) -> str:
    """Log the failure that is being handled, and return the number by which the log knows it."""
    number = f"E-{secrets.token_hex(3).upper()}"
    LOG.exception("%s failed, %s", what, number)
    return number


def _failed(panel: Panel, number: str, chosen: str, *, alone: bool = True) -> Content:
    """Return what a panel shows that could not be read: which, the number, and what to do."""
    key = "编号 {number}，其他卡片不受影响" if alone else FAILED
    words = el(
        "Div", el("Span", cls="icon icon-circle-x", aria_hidden="true"),
        el("P", text("未能读取", chosen), cls="empty-reason"),
        el("P", text(key, chosen, number=number), cls="empty-range"),
        el("Button", text("重试", chosen), cls="button", type="button", data_do="retry"),
        cls="empty error", role="alert",
    )  # fmt: skip
    return [_titled(panel, chosen), words]


def _titled(panel: Panel, chosen: str) -> Node:
    """Return the title of a panel that has nothing else to show."""
    title = el("H3", text(panel.title, chosen), cls="card-title")
    return el("Div", el("Div", title, cls="card-titles"), cls="card-head")


def _broken(page: Page, chosen: str) -> Answer:
    """Return a page that could not be read at all: every panel says so, the filters stay."""
    number = numbered(f"page {page.key}")
    return {
        "head": [el("Div", el("H1", text(page.title, chosen), cls="page-title"))],
        "filters": no_update,
        "charts": {},
        "words": [_failed(panel, number, chosen, alone=False) for panel in page.panels],
        "states": ["error" for _ in page.panels],
        "asides": [None for p in page.panels if p.aside],
    }


def _stopped(reader: PageReader, filters: Filters, view: View) -> Node:
    """Return the line that says since when nothing is new, why, and where to look."""
    newest = reader.freshness(filters).newest
    at = "--" if newest is None else f"{newest:%Y-%m-%d %H:%M}"
    if due(reader.engine):
        words = view.t("数据停在 {at}：此后收到的读数还在结算，请稍后刷新；下面是此前的数字", at=at)
    else:
        words = view.t("数据停在 {at}：各计量点此后没有上送；下面是此前的数字", at=at)
    look = None
    if DATA in view.opens:
        look = el("A", view.t("查看接口"), icon("chevron-right"), href=DATA, cls="notice-link")
    return el("P", icon("triangle-alert"), el("Span", words), look, cls="notice notice-warn",
              role="note")  # fmt: skip


def _elsewhere(asked: tuple[str, str], filters: Filters, view: View) -> Node:
    """Return the line that says that the months of the address are not those shown."""
    joint = " ～ " if view.language == "zh" else " – "
    words = view.t("地址里的月份 {asked} 不全有数值，显示的是 {shown}", asked=joint.join(asked),
                   shown=joint.join((filters.first, filters.last)))  # fmt: skip
    return el("P", icon("calendar"), el("Span", words), cls="notice notice-info", role="note")


def _guarded_head(page: Page, view: View) -> list[Content]:
    """Return the head of a page; without its sentence where that cannot be made."""
    try:
        return page_head(page, view)
    except Exception:
        LOG.exception("the finding of %s failed", page.key)
        return [el("Div", el("H1", view.t(page.title), cls="page-title"))]


def _nothing(page: Page, reader: PageReader, reader_language: str) -> Answer:
    """Return a page without any figure: what is missing and what to do."""
    reason = text("还没有结算过的数据：先导入计量数据并结算，或建立演示厂", reader_language)
    look = None
    if DATA in opened_pages(reader.engine.state):
        look = el("A", text("去导入", reader_language), icon("chevron-right"), href=DATA,
                  cls="notice-link")  # fmt: skip
    words = el("Div", icon("inbox"), el("P", text("还没有数据", reader_language),
                                        cls="empty-reason"), cls="empty")  # fmt: skip
    return {
        "head": [
            el("Div", el("H1", text(page.title, reader_language), cls="page-title")),
            el("P", icon("info"), el("Span", reason), look, cls="notice notice-info", role="note"),
        ],
        "filters": [],
        "charts": {},
        "words": [[_titled(panel, reader_language), words] for panel in page.panels],
        "states": ["empty" for _ in page.panels],
        "asides": [None for p in page.panels if p.aside],
    }


def panel_built(_page: Page, panel: Panel, view: View) -> Built:
    """Return what a panel shows, for its downloads."""
    return built_panel(panel, view)
