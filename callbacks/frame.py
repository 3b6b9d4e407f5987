"""The frame's own callbacks: where one is, how fresh the data are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from dash import Dash, Input, Output

from accounting.settlement import METHOD
from callbacks._reader import PageReader
from callbacks._request import alerts_address, language
from callbacks.help import Paper
from figures.html import Content, el, icon, link
from figures.number import share_words
from pages._filters import parse
from pages._frame import page_layout
from pages._panel import Page
from pages._plain import PlainPage
from translations import text


def bind_frame(
    app: Dash, pages: Sequence[Page], reader: PageReader, default: str, paper: Paper
) -> None:
    """Register the router, breadcrumb, freshness and the foot of the navigation."""

    @app.callback(Output("main", "children"), Input("url", "pathname"))
    def content(pathname: str | None) -> Content:
        chosen = language(default)
        page = next((p for p in pages if p.path == pathname), None)
        if page is None:
            return missing(chosen)
        screen = page_layout(page, chosen)
        return screen if isinstance(page, PlainPage) else [screen, paper(page.clause, chosen)]

    @app.callback(
        Output("breadcrumb", "children"),
        Output("freshness", "children"),
        Output("nav-foot", "children"),
        Output("alarms", "children"),
        Input("url", "pathname"),
        Input("url", "search"),
    )
    def refresh(pathname: str | None, search: str | None) -> tuple[Content, ...]:
        chosen = language(default)
        page = next((p for p in pages if p.path == pathname), None)
        return (
            _crumbs(page, chosen),
            _freshness(reader, search, chosen),
            _foot(reader, chosen),
            _alarms(reader, search, chosen),
        )


def missing(chosen: str) -> Content:
    """Return what stands in place of a page that does not exist."""
    title = el("H1", text("没有这个页面", chosen), cls="page-title")
    back = el("A", text("回到总览", chosen), href="/", cls="button")
    return el("Div", title, back, cls="content empty")


def _crumbs(page: Page | None, chosen: str) -> Content:
    if page is None:
        return None
    return [el("Span", text(page.group, chosen)), el("Span", " / ", cls="crumb-joint"),
            el("Strong", text(page.name, chosen))]  # fmt: skip


def _freshness(reader: PageReader, search: str | None, chosen: str) -> Content:
    known = reader.known()
    if known is None:
        return None
    filters = parse(search, known)
    found = reader.freshness(filters)
    if found.newest is None:
        return el("Span", text("没有读数", chosen))
    share = found.complete_pct(filters.first, filters.last)
    late = reader.late(filters, datetime.now(UTC))
    key = "数据停在 {at}，完整率 {pct}%" if late else "数据截至 {at}，完整率 {pct}%"
    words = text(key, chosen, at=f"{found.newest:%Y-%m-%d %H:%M}", pct=share_words(share))
    short = text("截至 {at}", chosen, at=f"{found.newest:%m-%d %H:%M}")
    return [
        el("Span", cls="dot dot-late" if late else "dot", aria_hidden="true"),
        el("Span", words, cls="fresh-long"),
        el("Span", short, cls="fresh-short", aria_hidden="true"),
    ]


def _alarms(reader: PageReader, search: str | None, chosen: str) -> Content:
    """Return how many alarms of the chosen sites are not closed."""
    known = reader.known()
    words, short, count = text("告警 --", chosen), "--", 0
    if known is not None:
        count = reader.open_alarms(parse(search, known).sites)
        words, short = text("告警 {count}", chosen, count=count), str(count)
    inside = [icon("bell"), el("Span", words, cls="alarm-words"),
              el("Span", short, cls="alarm-short", aria_hidden="true")]  # fmt: skip
    cls = "alarm-link alarm-open" if count else "alarm-link"
    way = alerts_address(reader.engine.state)
    if not way:
        return el("Span", inside, cls=cls)
    return link(way, inside, cls=cls, data_open=str(count), title=words)


def _foot(reader: PageReader, chosen: str) -> Content:
    return [
        el("Div", text("核算口径 {method}", chosen, method=METHOD)),
        el("Div", text("因子集 {digest}", chosen, digest=reader.engine.library.digest[:8])),
    ]
