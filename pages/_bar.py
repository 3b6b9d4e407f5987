"""The filter bar over every page: what is shown, compared, printed and taken away."""

from __future__ import annotations

from collections.abc import Sequence

from figures.focus import DIMENSIONS, MONTH, part_words
from figures.html import Content, Node, el, icon, link
from figures.view import SiteInfo, View
from pages._filters import Filters, Known, address, all_months, focus_address, presets

_MASS = (("t", "t"), ("kg", "kg"))
_ENERGY = (("MWh", "MWh"), ("kWh", "kWh"), ("tce", "tce"))
_GRAIN = (("month", "月"), ("quarter", "季"), ("year", "年"))
_COMPARE = (("none", "无"), ("month", "上期"), ("year", "上年同期"))


def filter_bar(
    view: View, filters: Filters, known: Known, names: Sequence[SiteInfo]
) -> list[Content]:
    """Return the filters; every choice is a link, so the address says what is chosen."""
    sites, units = _sites(view, filters, known, names), _units(view, filters, known)
    compared = _choices(view, "compare", _COMPARE, filters, known)
    seen = (("", "账本口径"), *known.views)
    here = view.joined(*(site.name(view.language) for site in view.sites))
    return [
        menu(view.t("站点"), here, sites, "filter-site"),
        month_range(view, filters, known),
        el("Div", [_segment(view, filters, known, "grain", value, words)
                   for value, words in _GRAIN], cls="segments filter-grain", role="group",
           aria_label=view.t("粒度")),
        menu(view.t("单位"), f"{filters.mass} / {filters.energy}", units, "filter-unit"),
        menu(view.t("对比"), _now(view, "compare", _COMPARE, filters), compared, "filter-compare"),
        menu(view.t("口径"), _now(view, "view", seen, filters),
             _choices(view, "view", seen, filters, known), "filter-view"),
        _rest(view, ("site", "站点", sites),
              ("grain", "粒度", _choices(view, "grain", _GRAIN, filters, known)),
              ("unit", "", units), ("compare", "对比", compared)),
        el("Div", cls="filter-gap"),
        el("Button", icon("printer"), el("Span", view.t("打印")), cls="button filter-button",
           type="button", data_do="print", title=view.t("打印"), aria_label=view.t("打印")),
        _exports(view, address(filters, known)),
        _chips(view, filters, known),
    ]  # fmt: skip


def _rest(view: View, *groups: tuple[str, str, Sequence[Content]]) -> Node:
    """Return the menu of what a narrow screen has no room for; a style sheet says what that is."""
    name = view.t("更多筛选")
    inside = [
        el("Div", el("Div", view.t(title), cls="menu-note") if title else None, *items,
           cls=f"rest-group rest-{key}", role="group", aria_label=view.t(title or "单位"))
        for key, title, items in groups
    ]  # fmt: skip
    paper = el("Button", icon("printer"), el("Span", view.t("打印")), cls="menu-item",
               type="button", data_do="print")  # fmt: skip
    return el(
        "Details",
        el("Summary", icon("sliders-horizontal"), cls="filter", title=name, aria_label=name),
        el("Div", inside, el("Hr", cls="menu-rule"), paper, cls="menu"), cls="menu-box filter-rest",
    )  # fmt: skip


def _chips(view: View, filters: Filters, known: Known) -> Node | None:
    """Return what the page is filtered by, each to be taken away, and all at once."""
    if not filters.focus:
        return None
    chips = [_chip(view, filters, known, one) for one in filters.focus]
    clear = link(address(filters, known, focus=""), view.t("清除全部"), el("Kbd", "Esc"),
                 cls="chip-clear", data_chip="all")  # fmt: skip
    return el("Div", el("Span", icon("funnel"), view.t("筛选"), cls="chips-name"), chips, clear,
              cls="chips", role="group", aria_label=view.t("本页的筛选"))  # fmt: skip


def _chip(view: View, filters: Filters, known: Known, one: tuple[str, str]) -> Node:
    dimension, entity = one
    part = part_words(dimension, entity, view.language)
    name = view.t("{dimension}：{part}", dimension=view.t(DIMENSIONS[dimension]), part=part)
    rest = focus_address(tuple(other for other in filters.focus if other != one))
    idle = dimension == MONTH and (view.at is None or view.at.label != entity)
    words = view.t("不在所选范围内，没有按它筛选") if idle else ""
    return link(
        address(filters, known, focus=rest), el("Span", view.joined(name, words)), icon("x"),
        cls="chip chip-idle" if idle else "chip", data_chip=f"{dimension}:{entity}",
        title=view.t("移除筛选"), aria_label=view.t("移除筛选 {name}", name=name),
    )  # fmt: skip


def _exports(view: View, query: str) -> Node:
    """Return the menu of what the page can be taken away as."""
    files = [("table-2", "Excel 工作簿", "xlsx"), ("file-text", "CSV 长表", "csv")]
    items = [
        el("A", icon(mark), el("Span", view.t(words)), cls="menu-item", download="",
           href=f"/download/{view.facts['page']}.{ending}{query}", target="_self")
        for mark, words, ending in files
    ]  # fmt: skip
    name = view.t("导出本页")
    return el(
        "Details",
        el("Summary", icon("download"), el("Span", name), cls="button filter-button", title=name,
           aria_label=name),
        el("Div", items, cls="menu menu-right"), cls="menu-box filter-export",
    )  # fmt: skip


def menu(label: str, value: Content, items: Content, cls: str, mark: str = "") -> Node:
    """Return a filter: its name, what is chosen, and the choices."""
    head = [icon(mark)] if mark else []
    return el(
        "Details",
        el("Summary", *head, el("Span", label, cls="filter-label") if label else None,
           el("Span", value, cls="filter-value"), icon("chevron-down"), cls="filter",
           title=label or None),
        el("Div", items, cls="menu"), cls=f"menu-box {cls}",
    )  # fmt: skip


def option(href: str, words: str, *, chosen: bool) -> Node:
    """Return one of the choices of a filter."""
    return link(href, icon("check") if chosen else el("Span", cls="icon-gap"), el("Span", words),
                cls="menu-item", aria_current="true" if chosen else None)  # fmt: skip


def _sites(view: View, filters: Filters, known: Known, names: Sequence[SiteInfo]) -> list[Content]:
    items: list[Content] = []
    for site in names:
        here = site.site in filters.sites
        picked = [s for s in known.sites if (s == site.site) != (s in filters.sites)]
        href = address(filters, known, site=",".join(picked) or site.site)
        items.append(option(href, site.name(view.language), chosen=here))
    return items


def month_range(view: View, filters: Filters, known: Known) -> Node:
    """Return the choice of the months: presets, and a first and a last one."""
    items: list[Content] = [
        option(
            address(filters, known, **{"from": first, "to": last}), view.t(name),
            chosen=(filters.first, filters.last) == (first, last),
        )
        for name, first, last in presets(known)
    ]  # fmt: skip
    months = all_months(known)
    items.append(el("Hr", cls="menu-rule"))
    items.append(
        el("Div",
           el("Span", view.t("自定义"), cls="menu-note"),
           _month_list(view, filters, known, months, "from"),
           el("Span", "～"),
           _month_list(view, filters, known, months, "to"),
           cls="month-picker")
    )  # fmt: skip
    joint = " ～ " if view.language == "zh" else " – "
    return menu("", f"{filters.first}{joint}{filters.last}", items, "filter-range", "calendar")


def _month_list(
    view: View, filters: Filters, known: Known, months: Sequence[str], which: str
) -> Node:
    """Return a scrolling list of months for one end of the range."""
    first, last = filters.first, filters.last
    items = []
    for month in reversed(months):
        ends = (month, max(month, last)) if which == "from" else (min(first, month), month)
        href = address(filters, known, **{"from": ends[0], "to": ends[1]})
        items.append(option(href, month, chosen=month == (first if which == "from" else last)))
    name = view.t("开始月") if which == "from" else view.t("结束月")
    return el("Div", items, cls="month-list", role="group", aria_label=name, data_scroll="y",
              tabIndex="0")  # fmt: skip


def _segment(view: View, filters: Filters, known: Known, name: str, value: str, words: str) -> Node:
    chosen = getattr(filters, name) == value
    return link(address(filters, known, **{name: value}), view.t(words), cls="segment",
                aria_current="true" if chosen else None)  # fmt: skip


def _units(view: View, filters: Filters, known: Known) -> list[Content]:
    groups: list[Content] = []
    for title, name, choices in (("质量", "mass", _MASS), ("电量", "energy", _ENERGY)):
        groups.append(el("Div", view.t(title), cls="menu-note"))
        groups += [
            option(address(filters, known, **{name: value}), words,
                   chosen=getattr(filters, name) == value)
            for value, words in choices
        ]  # fmt: skip
    return groups


def _choices(
    view: View, name: str, choices: Sequence[tuple[str, str]], filters: Filters, known: Known
) -> list[Content]:
    now = getattr(filters, name)
    return [
        option(address(filters, known, **{name: value}), view.t(words), chosen=value == now)
        for value, words in choices
    ]


def _now(view: View, name: str, choices: Sequence[tuple[str, str]], filters: Filters) -> str:
    return view.t(next(words for value, words in choices if value == getattr(filters, name)))
