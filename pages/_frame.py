"""The frame around every page: navigation, top bar, filter bar, drawer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from figures.cards import swatch
from figures.focus import Unparted, unparted_words
from figures.html import Content, Node, core, el, icon
from figures.view import View
from pages._edit import dialog
from pages._panel import Page, shell
from pages._plain import PlainPage
from translations import text

BRAND = "废旧物资碳管理"
GROUPS = ("监测分析", "数据与核算", "系统管理")


@dataclass(frozen=True)
class Reader:
    """Who looks: name, role in words, language, whether a demonstration, whether an account."""

    name: str
    role: str
    language: str
    demonstration: bool = False
    own: bool = False


def frame(pages: Sequence[Page], reader: Reader) -> list[Node]:
    """Return the frame of every page in the reader's language."""
    navigation = text("导航", reader.language)
    return [
        el("A", text("跳到正文", reader.language), href="#main", cls="skip-link"),
        core("Location", id="url", refresh=False),
        core("Store", id="screen", data={"theme": "light", "width": 0}),
        core("Store", id="trace-request"),
        el("Aside", _nav(pages, reader), cls="app-nav", aria_label=navigation),
        el("Div", el("Header", _topbar(reader), cls="app-topbar"),
           el("Main", id="main", tabIndex="-1"), cls="app-body"),
        el("Nav", _bottom(pages, reader.language), cls="app-bottomnav", aria_label=navigation),
        el("Div", id="drawer", cls="drawer-box"),
        el("Div", id="toast", cls="toast", role="status", aria_live="polite"),
        el("P", text("正在计算…", reader.language), cls="computing", role="status"),
        _lost(reader.language),
    ]  # fmt: skip


def _lost(language: str) -> Node:
    """Return what the browser shows while the server does not answer."""
    words = text("连接不上服务器，显示的是断开前的数字；请检查网络后重试", language)
    retry = el("Button", text("重试", language), cls="button", type="button", data_do="retry")
    return el("Div", el("P", words), retry, id="lost", cls="lost", role="alert", hidden=True)


def _nav(pages: Sequence[Page], reader: Reader) -> list[Node]:
    language = reader.language
    mark = el("Span", el("Span", cls="icon icon-leaf icon-lg"), cls="brand-mark")
    items = [el("Div", mark, el("Span", text(BRAND, language), cls="brand-name"), cls="brand")]
    for group in GROUPS:
        members = [page for page in pages if page.group == group]
        if members:
            name = text(group, language)
            items.append(el("Div", name, cls="nav-group"))
            items.append(el("Nav", [_item(page, language) for page in members], aria_label=name))
    items.append(el("Div", id="nav-foot", cls="nav-foot"))
    return items


ROOM = 5  # items of the phone's bar


def _bottom(pages: Sequence[Page], language: str) -> list[Node]:
    """Return the phone's bar; what has no room there stands behind 更多."""
    if len(pages) <= ROOM:
        return [_item(page, language) for page in pages]
    more = text("更多", language)
    rest = [_item(page, language) for page in pages[ROOM - 1 :]]
    return [
        *(_item(page, language) for page in pages[: ROOM - 1]),
        el("Details",
           el("Summary", icon("ellipsis"), el("Span", more, cls="nav-name"), cls="nav-item"),
           el("Div", rest, cls="menu nav-more"), cls="menu-box nav-rest"),
    ]  # fmt: skip


def _item(page: Page, language: str) -> Node:
    name = text(page.name, language)
    return el("A", icon(page.icon), el("Span", name, cls="nav-name"), href=page.path,
              cls="nav-item", title=name, data_nav=page.path)  # fmt: skip


def _topbar(reader: Reader) -> list[Content]:
    def t(key: str) -> str:
        return text(key, reader.language)

    zh = reader.language == "zh"
    return [
        el("Div", id="breadcrumb", cls="breadcrumb"),
        el("Div", id="freshness", cls="freshness"),
        el("Span", id="alarms", cls="top-button top-alarms", title=t("未关闭的告警")),
        el("Button", icon("moon"), cls="top-button top-icon", type="button",
           title=t("浅色或深色"), data_do="theme", aria_label=t("浅色或深色")),
        el("Button", icon("languages"),
           el("Span", "English" if zh else "中文", cls="language-name"),
           cls="top-button", type="button", data_do="language",
           data_language="en" if zh else "zh", lang="en" if zh else "zh-CN",
           aria_label="Switch to English" if zh else "切换到中文"),
        el("Span", icon("flask-conical"), el("Span", t("演示会话，只读"), cls="alarm-words"),
           cls="badge badge-demo", title=t("演示会话，只读")) if reader.demonstration else None,
        _account(reader),
    ]  # fmt: skip


def _account(reader: Reader) -> Node:
    """Return the account's menu: role, end of the session."""
    avatar = el("Span", cls="avatar", data_letter=reader.name[:1].upper(), aria_hidden="true")
    name = text("账号", reader.language)
    leave = text("退出登录", reader.language)
    return el(
        "Details",
        el("Summary", avatar, el("Span", reader.name, cls="account-name", data_verbatim="1"),
           cls="top-button", aria_label=f"{name} {reader.name}"),
        el("Div", el("Div", reader.role, cls="menu-note"),
           el("A", icon("users"), el("Span", text("我的账号", reader.language)),
              cls="menu-item", href="/account", target="_self") if reader.own else None,
           el("Button", icon("log-out"), el("Span", leave), cls="menu-item", type="button",
              data_do="logout"), cls="menu menu-right"),
        cls="menu-box account",
    )  # fmt: skip


def page_layout(page: Page, language: str) -> Node:
    """Return a page before its numbers are there."""
    if isinstance(page, PlainPage):
        return page.layout(language)
    sections: list[Node] = []
    for section in page.sections:
        if section.title:
            note = text(section.note, language) if section.note else ""
            sections.append(
                el("Div", swatch(section.color) if section.color else None,
                   el("H2", text(section.title, language), cls="section-title"),
                   el("Span", note, cls="section-note"), cls="section-head")
            )  # fmt: skip
        sections.append(
            el("Div", [shell(page, panel, language) for panel in section.panels], cls="grid")
        )
    title = [el("H1", text(page.title, language), cls="page-title"),
             el("P", "\u00a0", cls="finding")]  # fmt: skip
    return el(
        "Div",
        core("Store", id={"page": page.key, "part": "charts"}),
        el("Div", id={"page": page.key, "part": "filters"}, cls="app-filterbar"),
        el("Div", el("Div", el("Div", title), id={"page": page.key, "part": "head"},
                     cls="page-head"), page.before(language) if page.before else None, sections,
           cls="content"),
        dialog(page.key, language),
        cls="page", data_page=page.key, data_manual=page.manual,
    )  # fmt: skip


def page_head(page: Page, view: View) -> list[Content]:
    """Return the title, the finding and the mark of demonstration data."""
    demo = any(site.demo for site in view.sites)
    mark = el("Span", icon("flask-conical"), view.t("演示数据"), cls="badge badge-demo")
    return [
        el("Div", el("H1", view.t(page.title), cls="page-title"),
           el("P", _finding(page, view), cls="finding", aria_live="polite"), _lens(view)),
        mark if demo else None,
        page.notice(view) if page.notice else None,
        _print_head(page, view),
    ]  # fmt: skip


def _finding(page: Page, view: View) -> Content:
    """Return the sentence of a page; of whole sites where it says what cannot be filtered."""
    try:
        return [page.finding(view), _by(view)] if view.focus else page.finding(view)
    except Unparted as refused:
        why = unparted_words(refused, view.focus, view.language)
        return [page.finding(view.unfiltered), el("Span", f" {why}", cls="finding-by")]


def _by(view: View) -> Node:
    return el("Span", f" {view.filter_words}", cls="finding-by")


def _lens(view: View) -> Node | None:
    """Return the line that names the view of the ledger and leads back to the ledger itself."""
    if view.lens is None:
        return None
    return el(
        "P", icon("sliders-horizontal"), el("Strong", view.lens_words),
        el("Span", view.t("按此口径即时计算，不入账；打开任一数值可与账本对照")),
        el("Button", view.t("回到账本口径"), cls="button", type="button", data_switch="view="),
        cls="lens-line",
    )  # fmt: skip


def _print_head(page: Page, view: View) -> Node:
    """Return the line that paper has in place of the filters; the browser adds who and when.

    What stands at the head of every sheet of paper is beside it (assets/70-print.js).
    """
    sites = view.joined(*(site.name(view.language) for site in view.sites))
    units = f"{view.units.mass} / {view.units.energy}"
    month = view.t("指标月份 {month}", month=view.last.label) if view.at else ""
    words = view.joined(sites, view.range_words(), units, view.filter_words, month, view.lens_words)
    demo = view.t("演示数据") if any(site.demo for site in view.sites) else ""
    paper = view.joined(
        sites, view.t(page.name), view.range_words(), view.filter_words, view.lens_words
    )
    return el(
        "P", words, view.comma, el("Span", cls="print-time"), cls="print-only print-head",
        data_paper=paper, data_mark=demo, data_forecast_mark=view.t("预测"),
    )  # fmt: skip
