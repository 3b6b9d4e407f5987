"""Panels: what a page declares. Card, states, CSV, data table and trace follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from figures import cards
from figures.cards import Built
from figures.cells import Key
from figures.focus import Unparted, unparted_words
from figures.html import Content, Node, core, el, icon
from figures.number import badge
from figures.picture import picture_spec
from figures.view import View
from translations import text

GRAPH_CONFIG: Mapping[str, Any] = {
    "displayModeBar": False, "displaylogo": False, "responsive": False, "plotlyServerURL": "",
    "scrollZoom": False, "doubleClick": "reset", "staticPlot": False,
    "modeBarButtonsToRemove": ["sendChartToCloud"],
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One function of clause 5 on the screen.

    Parameters
    ----------
    key, clause, title, form
        Its name in addresses, its clause (``5.2.a``; empty for what stands beside one), its title,
        the form the standard asks for.
    reads
        The ledger names it needs; without any of them it is empty and says why. None for what
        needs no ledger.
    build
        Makes what it shows of a view.
    width
        Columns of twelve.
    heights
        The heights of its charts, px; none for indicators alone.
    kind
        ``card``, or ``bare`` for indicators that are cards themselves.
    waits
        Why it is empty while its figures do not exist.
    aside_from
        The first of its charts that stands in the second card; None where none does.
    ground
        What a bare panel shows while it is empty.
    look
        The name of an arrangement of its own (assets/35-flow.css).
    """

    key: str
    clause: str
    title: str
    form: str
    reads: tuple[Key, ...] | None
    build: Callable[[View], Built]
    width: int = 6
    heights: tuple[int, ...] = ()
    kind: str = "card"
    waits: str = "此项数值尚未核算：所需的核算模块还没有启用"
    ground: Callable[[View, str], Content] | None = None
    quad: bool = False
    aside: bool = False
    look: str = ""
    aside_from: int | None = None

    def made(self, view: View) -> Built:
        """Return what it shows of a view, or why it is empty."""
        if self.reads is None or view.known(self.reads):
            return self.build(view)
        return Built(empty=view.t(self.waits))


@dataclass(frozen=True, kw_only=True)
class Section:
    """A titled row of panels, with the colour of what it is about."""

    title: str = ""
    note: str = ""
    color: str = ""
    panels: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page: address, name, clause, the sentence under its title, its sections.

    ``manual`` is the anchor of its chapter; ``before`` makes what stands above the sections, in a
    language; ``notice`` what stands under the title of every state of the page: a warning.
    """

    key: str
    path: str
    name: str
    title: str
    clause: str
    group: str
    icon: str
    sections: tuple[Section, ...]
    finding: Callable[[View], Content]
    manual: str = "screens"
    before: Callable[[str], Content] | None = None
    notice: Callable[[View], Content] | None = None

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel, in reading order."""
        return tuple(panel for section in self.sections for panel in section.panels)


@dataclass(frozen=True)
class Rendered:
    """A panel as the page callback sends it."""

    words: Content
    aside: Content
    state: str
    chart: dict[str, Any] | None = field(default=None)


def panel_id(page: str, panel: str, part: str) -> dict[str, str]:
    """Return the identifier of a part of a panel."""
    return {"page": page, "panel": panel, "part": part}


def shell(page: Page, panel: Panel, language: str) -> Node:
    """Return a panel before its numbers are there: frame, skeleton, empty charts."""
    skeleton = el("Div", [el("Span", cls="bone") for _ in range(8)], cls="skeleton")
    title = el("Div", el("H3", text(panel.title, language), cls="card-title"), cls="card-head")
    words = el(
        "Div", title if panel.kind == "card" else None, skeleton,
        id=panel_id(page.key, panel.key, "words"), cls="words",
    )  # fmt: skip
    graphs = [_graph(page, panel, at) for at in range(len(panel.heights))]
    look = " quad" if panel.quad else " with-aside" if panel.aside else ""
    look += f" {panel.look}" if panel.look else ""
    plain = "card" if panel.kind == "card" else "bare"
    return el(
        "Section", el("Div", words, graphs[: panel.aside_from], cls=f"{plain} card-grid{look}"),
        _aside(page, panel, graphs) if panel.aside else None,
        id=panel_id(page.key, panel.key, "panel"),
        cls=f"panel w{panel.width} panel-{plain}{look}",
        data_panel=panel.key, data_clause=panel.clause or None, data_form=panel.form,
        data_state="loading", aria_label=text(panel.title, language),
    )  # fmt: skip


def _aside(page: Page, panel: Panel, graphs: list[Node]) -> Node:
    """Return the second card of a panel, with the charts that stand in it."""
    name = panel_id(page.key, panel.key, "aside")
    if panel.aside_from is None:
        return el("Div", id=name, cls="card card-aside")
    words = el("Div", id=name, cls="aside-words")
    return el("Div", words, graphs[panel.aside_from :], cls="card card-aside has-plot")


_BLANK = {"visible": False}


def _graph(page: Page, panel: Panel, at: int) -> Node:
    """Return the place of a chart; what is drawn comes with the numbers."""
    height = panel.heights[at]
    graph = core(
        "Graph", id=panel_id(page.key, panel.key, f"plot{at}"), config=dict(GRAPH_CONFIG),
        figure={"data": [], "layout": {"height": height, "xaxis": _BLANK, "yaxis": _BLANK}},
    )  # fmt: skip
    return el("Div", graph, cls=f"plot plot-{at}", data_plot=str(at), data_height=str(height),
              style={"--plot-h": f"{height}px"})  # fmt: skip


def built_panel(panel: Panel, view: View) -> Built:
    """Return what a panel shows, with what stands on its months."""
    try:
        built = named(panel.made(view), view.focus_words, view)
    except Unparted as refused:
        why = unparted_words(refused, view.focus, view.language)
        whole = built_panel(panel, view.unfiltered)
        return replace(named(whole, view.t("未筛选"), view), unparted=why)
    periods = built.periods or view.periods
    labels = tuple(span.label for span in periods)
    if not view.remarks or built.sheet is None or built.sheet.labels != labels:
        return built
    there = [view.remarks_at(span, panel.key) for span in periods]
    notes = tuple(tuple(dict.fromkeys(one.words for one in found)) for found in there)
    for plot in built.plots:
        ticks = plot.figure["layout"].get("meta", {}).get("ticks", ())
        if tuple(tick[0] for tick in ticks) == labels and any(notes):
            plot.figure["layout"]["meta"]["notes"] = [
                {"x": label, "brief": found[0].text, "texts": list(texts)}
                for label, found, texts in zip(labels, there, notes, strict=True) if found
            ]  # fmt: skip
            break
    return replace(built, sheet=replace(built.sheet, notes=notes))


def named(built: Built, part: str, view: View) -> Built:
    """Return what a panel shows, its columns named by the part of the site that they are of."""
    if not part or built.sheet is None:
        return built

    def own(name: str) -> str:
        known = not name or part in name
        return name if known else view.t("{name}（{part}）", name=name, part=part)

    groups = tuple(
        replace(
            group, title=own(group.title), scope=own(group.scope),
            series=tuple(replace(one, name=own(one.name)) for one in group.series),
        )
        for group in built.sheet.groups
    )  # fmt: skip
    return replace(built, sheet=replace(built.sheet, groups=groups))


def render(page: Page, panel: Panel, view: View, address: str) -> Rendered:
    """Return what a panel shows of a view."""
    built = built_panel(panel, view)
    if not built.empty and built.sheet is not None and built.sheet.empty:
        built = replace(
            Built(subtitle=built.subtitle, empty=view.t("所选期间没有数据")),
            unparted=built.unparted,
        )
    if built.empty:
        return Rendered(_empty(panel, view, built), None, "empty")
    by = "" if built.unparted else view.filter_words
    built = replace(built, subtitle=view.joined(built.subtitle, by, built.lens_words(view)))
    tabled = view.switches.get("table") == panel.key and built.sheet is not None
    if panel.kind == "bare":
        return Rendered([built.body, unparted(built)], built.aside, "ready", None)
    words = [_head(page, panel, view, built, address, tabled=tabled), unparted(built)]
    if tabled and built.sheet is not None:
        words.append(cards.table(view, built.sheet))
    else:
        words += [
            _placed("side", built.side), _placed("beside", built.beside),
            _placed("body", built.body),
            *(_placed(f"lead-{at}", plot.lead) for at, plot in enumerate(built.plots)),
        ]  # fmt: skip
    words.append(_foot(view, built))
    kept = [word for word in words if word is not None]
    return Rendered(kept, built.aside, "ready", _chart(panel, view, built))


def unparted(built: Built) -> Content:
    """Return why a panel does not follow the filter of the page."""
    return cards.unparted(built.unparted) if built.unparted else None


def _placed(name: str, node: Content) -> Content:
    return None if node is None else el("Div", node, cls=f"area-{name}")


def _empty(panel: Panel, view: View, built: Built) -> Content:
    if panel.kind == "bare" and panel.ground is not None:
        return [panel.ground(view, built.empty)]
    head = el("Div", el("Div", el("H3", view.t(panel.title), cls="card-title"),
                        el("P", built.subtitle, cls="card-sub"), cls="card-titles"),
              el("Div", built.switch, cls="card-switch") if built.switch else None,
              cls="card-head" + (" has-switch" if built.switch else ""))  # fmt: skip
    return [head, _placed("body", built.body), cards.empty(view, built.empty, built.action)]


def _head(
    page: Page, panel: Panel, view: View, built: Built, address: str, *, tabled: bool
) -> Node:
    titles = el(
        "Div", el("H3", view.t(panel.title), cls="card-title"),
        el("P", built.subtitle, cls="card-sub"), cls="card-titles",
    )  # fmt: skip
    choice = built.switch
    if tabled:
        choice = cards.switch(view, "table", [("", "图"), (panel.key, "数据表")], panel.key)
    return el(
        "Div", titles, el("Div", choice, cls="card-switch") if choice else None,
        el("Div", cards.basis_button(view, built.lead, words=False), _enlarge(view),
           _menu(page, panel, view, "" if built.sheet is None else address or "?"),
           cls="card-tools"),
        cls="card-head" + (" has-switch" if choice else ""),
    )  # fmt: skip


def _enlarge(view: View) -> Node:
    return el("Button", icon("maximize-2"), cls="tool", type="button", data_do="enlarge",
              title=view.t("放大"), aria_label=view.t("放大"))  # fmt: skip


def _menu(page: Page, panel: Panel, view: View, address: str) -> Node:
    """Return the menu of a card: pictures, CSV, data table, link; no numbers without address."""
    csv = f"/download/{page.key}/{panel.key}.csv{address}"
    item = "menu-item"
    numbers = [
        el("A", icon("file-text"), el("Span", view.t("下载 CSV")), href=csv, cls=item,
           download="", role="menuitem", tabIndex="-1", target="_self"),
        el("Hr", cls="menu-rule"),
        el("Button", icon("table-2"), el("Span", view.t("查看数据表")), el("Kbd", "T"), cls=item,
           type="button", data_switch=f"table={panel.key}", role="menuitem", tabIndex="-1"),
    ] if address else []  # fmt: skip
    entries = [
        _small(_do("maximize-2", "放大", "enlarge", view)),
        _do("image", "下载 PNG", "png", view) if panel.heights else None,
        _do("file-code", "下载 SVG", "svg", view) if panel.heights else None,
        _server_picture(page, panel, view, address) if panel.heights else None,
        *numbers,
        _do("link", "复制链接", "link", view),
        _note(panel, view) if panel.heights else None,
    ]  # fmt: skip
    return el(
        "Details",
        el("Summary", icon("ellipsis"), cls="tool", aria_label=view.t("更多"),
           title=view.t("更多")),
        el("Div", entries, cls="menu", role="menu"), cls="menu-box",
    )  # fmt: skip


def _server_picture(page: Page, panel: Panel, view: View, address: str) -> Node | None:
    """Return the entry that has the server make the picture; the address says of what."""
    if not address:
        return None
    entry = _do("monitor", "服务器出图", "server-png", view)
    entry["props"]["data-href"] = f"/download/{page.key}/{panel.key}.png{address}"
    return entry


def _note(panel: Panel, view: View) -> Content:
    """Return the entry that writes a note on a month of a chart, for those who may."""
    if not view.edits:
        return None
    return [
        el("Hr", cls="menu-rule"),
        el("Button", icon("square-pen"), el("Span", view.t("加备注")), el("Kbd", "N"),
           cls="menu-item", type="button", data_ask="note", data_of=panel.key, role="menuitem",
           tabIndex="-1"),
    ]  # fmt: skip


def _small(entry: Node) -> Node:
    """Return an entry that stands in the menu where the card has no room for its button."""
    entry["props"]["className"] += " menu-small"
    return entry


def _do(name: str, words: str, action: str, view: View) -> Node:
    return el("Button", icon(name), el("Span", view.t(words)), cls="menu-item", type="button",
              data_do=action, role="menuitem", tabIndex="-1")  # fmt: skip


def _foot(view: View, built: Built) -> Node:
    mark = built.mark
    if mark is None and (built.lead or built.sheet):
        mark = badge(built.lead, view.language)
    return el("Div", el("Span", built.foot, cls="foot-words"), mark, cls="card-foot")


def _chart(panel: Panel, view: View, built: Built) -> dict[str, Any] | None:
    """Return what the browser draws of a panel, with the words of hover and picture."""
    if not built.plots:
        return None
    sites = view.joined(*(site.name(view.language) for site in view.sites))
    return {
        "plots": [plot.figure for plot in built.plots],
        "hover": cards.hover(view, built.sheet) if built.sheet else {},
        "title": view.t(panel.title),
        "subtitle": view.joined(built.subtitle, built.unparted),
        "foot": built.foot,
        "site": sites,
        "range": replace(view, periods=built.periods or view.periods).range_words(),
        "focus": "" if built.unparted else view.focus_words,
        "lens": built.lens_words(view),
        "mark": _mark(view, built),
        "trace": view.t("点击查看核算依据"),
        "filter": view.t("点击筛选本页，双击查看核算依据"),
        "label": _sentence(panel, view, built),
    }


def _mark(view: View, built: Built) -> str:
    """Return what a picture says of its numbers: demonstration data, forecasts, scenarios."""
    demo = view.t("演示数据") if any(site.demo for site in view.sites) else ""
    cells = built.sheet.cells() if built.sheet else ()
    kinds = {cell.quality for cell in cells if cell.forecast}
    words = [view.t(word) for kind, word in _AHEAD if kind in kinds]
    return view.joined(demo, *words)


_AHEAD = (("forecast", "预测"), ("scenario", "情景"))


def pictured(panel: Panel, view: View) -> dict[str, Any] | None:
    """Return what a picture of a panel is made of without a screen; None where it has no chart."""
    built = built_panel(panel, view)
    shown = built.empty or (built.sheet is not None and built.sheet.empty)
    chart = None if shown else _chart(panel, view, replace(
        built, subtitle=view.joined(built.subtitle, built.lens_words(view))
    ))  # fmt: skip
    if chart is None:
        return None
    return picture_spec(chart, [plot.lead for plot in built.plots], panel.heights)


def _sentence(panel: Panel, view: View, built: Built) -> str:
    """Return a chart in one sentence for those who do not see it."""
    if built.sheet is None or not built.sheet.groups or built.sheet.head:
        return view.t(panel.title)
    group = built.sheet.groups[0]
    at = 0 if group.sparse else -1  # of a fan what was, of parts their whole
    column = group.columns()[at]
    count = sum(bool(found) for found in built.sheet.notes)
    noted = view.t("{count} 期有备注", count=count) if count else ""
    known = [
        (cell.value, label)
        for cell, label in zip(column.cells, built.sheet.labels, strict=True)
        if cell is not None and cell.value is not None
    ]
    if not known:
        return view.t(panel.title)
    ends = [n for n, cell in enumerate(column.cells) if cell is not None and cell.value is not None]
    last = group.words(ends[-1], view.units)[at]
    sentence = view.t(
        "{title}：{name}最高 {top}，最低 {low}，末值 {last} {unit}",
        title=view.t(panel.title), name=column.name, top=max(known)[1], low=min(known)[1],
        last=last, unit=view.units.of(group.unit).word,
    )  # fmt: skip
    course = _course([value for value, _ in known])
    return view.joined(sentence, view.t(course) if course else "", noted)


STEADY = 0.05  # of its size: what a course may move and still be called level


def _course(values: Sequence[float]) -> str:
    """Return where a course leads, its last third against its first; empty of few values."""
    third = len(values) // 3
    if not third:
        return ""
    gap = fmean(values[-third:]) - fmean(values[:third])
    if abs(gap) <= STEADY * fmean(map(abs, values)):
        return "总体持平"
    return "总体上升" if gap > 0 else "总体下降"
