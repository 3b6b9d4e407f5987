"""The parts of cards that are words: indicators, lists, legends, tables, empty states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from figures.cells import Cell, Key, change, share
from figures.charts import Figure, spark
from figures.focus import Made, Unparted, unparted_words, where_parted
from figures.html import Content, Node, el, icon, link
from figures.number import (
    attributes,
    badge,
    badge_words,
    exact,
    figure_button,
    kpi_decimals,
    shown_value,
    written,
)
from figures.sheet import Group, Series, Sheet
from figures.view import Span, View, period_words
from figures.years import estimate_line, estimate_words

LONG, LONGER = 8, 11  # characters of a card's number that are written smaller
BAD, GOOD, NEUTRAL = "bad", "good", "neutral"


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart of a card with the words above it."""

    figure: Figure
    lead: Node | None = None


@dataclass(frozen=True)
class Built:
    """What a panel shows.

    Parameters
    ----------
    subtitle
        Unit, period, scope.
    plots
        Its charts, from the top.
    side, beside, body, aside
        Words left of, right of, instead of the charts; and of the second card.
    foot
        Source and factors.
    lead
        The figure that stands for the panel: its quality, its trace.
    sheet
        The numbers behind the charts, for hover, table and CSV.
    empty
        Why there is nothing to show; empty where there is something.
    action
        What can be done about it.
    unparted
        Why it does not follow the filter of the page; empty where it does.
    mark
        What stands at its foot instead of a quality, such as that it is a scenario.
    periods
        The periods of its axis, where they are not those of the page.
    """

    subtitle: str = ""
    plots: tuple[Plot, ...] = ()
    side: Node | None = None
    beside: Node | None = None
    body: Node | None = None
    aside: Content = None
    switch: Node | None = None
    foot: str = ""
    lead: Cell | None = None
    sheet: Sheet | None = None
    empty: str = ""
    action: Content = None
    unparted: str = ""
    mark: Node | None = None
    periods: tuple[Span, ...] = ()

    def lens_words(self, view: View) -> str:
        """Return the view of the ledger that its numbers are of; empty where none touches them."""
        cells = [self.lead, *(self.sheet.cells() if self.sheet else ())]
        return view.lens_words if any(cell and cell.view for cell in cells) else ""


def each(view: View, make: Callable[[View], Content]) -> Content:
    """Return one of several cards of a panel; one that the filter does not reach says so itself."""
    made, why = either(view, make)
    return el("Div", made, unparted(why), cls="unparted-box") if why else made


def either(view: View, make: Callable[[View], Made]) -> tuple[Made, str]:
    """Return what is made of the filtered view, or of whole sites and why."""
    try:
        return make(view), ""
    except Unparted as refused:
        return make(view.unfiltered), unparted_words(refused, view.focus, view.language)


def unparted(why: str) -> Node:
    """Return why numbers do not follow the filter of the page; they are dimmed by it."""
    return el("P", icon("funnel-x"), el("Span", why), cls="unparted")


def swatch(name: str) -> Node:
    """Return the small square of an entity's colour."""
    return el("Span", cls=f"swatch c-{name.replace('.', '-')}", aria_hidden="true")


def value_line(view: View, cell: Cell | None, *, size: str = "kpi-value") -> Node:
    """Return a card's number with its unit."""
    if cell is None:
        return el("Div", el("Span", "--", cls=f"num {size}"), cls="value-line")
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    words = written(shown, kpi_decimals(shown))
    long = " longer" if len(words) > LONGER else " long" if len(words) > LONG else ""
    return el(
        "Div",
        figure_button(cell, words, view.language, size),
        el("Span", measure.word, cls="value-unit"),
        cls="value-line" + long,
    )


def change_words(view: View, cell: Cell, polarity: str) -> tuple[str, str]:
    """Return the words of a change and how it is meant: good, bad or neutral."""
    if cell.value is None:
        return "--", NEUTRAL
    shown = shown_value(cell, view.units.of("%"))
    words = written(None if shown is None else abs(shown), 1)
    if words == "0.0":
        return "0.0%", NEUTRAL
    arrow = "▲" if cell.value > 0 else "▼"
    return f"{arrow} {words}%", _meaning(cell.value, polarity)


def _meaning(value: float, polarity: str) -> str:
    """Return whether a rise or fall is good: more emission is bad, more reduction good."""
    if polarity == NEUTRAL:
        return NEUTRAL
    return polarity if value > 0 else {BAD: GOOD, GOOD: BAD}[polarity]


def changes(view: View, key: Key, polarity: str, *, both: bool = True) -> Node:
    """Return the changes against the period before and the same period last year."""
    found = (view.now(key), view.previous(key), view.year_ago(key))
    return changes_of(view, found, polarity, both=both)


def changes_of(
    view: View, found: tuple[Cell | None, Cell | None, Cell | None], polarity: str, *,
    both: bool = True,
) -> Node:  # fmt: skip
    """Return the changes of a number against the period before and the same one last year."""
    now, before, year_ago = found
    pairs = [(_before_word(view), before), (view.t("同比"), year_ago)]
    if view.grain == "year":
        pairs = pairs[:1]
    shown = [_change(view, name, change(now, base), polarity) for name, base in pairs]
    return el("Div", *(shown if both else shown[:1]), cls="changes")


def _before_word(view: View) -> str:
    """Return what the change against the period before is called; of years it is 同比."""
    return view.t("同比") if view.grain == "year" else view.t("环比")


def _change(view: View, name: str, cell: Cell, polarity: str) -> Node:
    words, meaning = change_words(view, cell, polarity)
    return el(
        "Span", el("Span", name, cls="change-name"),
        figure_button(cell, words, view.language, f"change {meaning}"), cls="change-pair",
    )  # fmt: skip


def sparkline(cells: Sequence[Cell | None], color: str) -> Node | None:
    """Return the small line of a card in the entity's colour."""
    mask = spark(cells)
    if not mask:
        return None
    return el("Div", cls=f"spark c-{color.replace('.', '-')}", aria_hidden="true",
              style={"maskImage": mask, "WebkitMaskImage": mask})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator card: its plain question, ledger name, colour and what a rise means."""

    question: str
    name: str
    key: Key
    color: str
    polarity: str = BAD


def kpi(view: View, what: Indicator, foot: Content) -> Node:
    """Return a KPI card: question, name and period, value, sparkline, changes, one more figure."""
    return kpi_of(
        view, what, view.now(what.key), view.cells(what.key),
        changes(view, what.key, what.polarity),
        [foot, where_parted(lambda: estimate_line(view, what.key)), aims_line(view, what.key)],
        target_menu(view, what.key),
    )  # fmt: skip


def kpi_of(
    view: View, what: Indicator, cell: Cell | None, course: Sequence[Cell | None], moved: Node,
    foot: Content, menu: Node | None = None,
) -> Node:  # fmt: skip
    """Return a KPI card of a number, its course over the axis, its changes and its foot."""
    return el(
        "Div",
        el("Div", swatch(what.color), el("Span", view.t(what.question), cls="kpi-question"),
           badge(cell, view.language), target_menu(view, what.key), cls="kpi-top"),
        el("Div", el("H3", view.t(what.name), cls="kpi-name"),
           el("Span", view.last_words, cls="kpi-period"),
           lens_mark(view, cell), cls="kpi-title"),
        el("Div", value_line(view, cell), sparkline(course, what.color), cls="kpi-middle"),
        moved,
        el("Div", el("Div", foot, cls="kpi-context"), basis_button(view, cell), cls="kpi-foot"),
        cls="kpi",
    )  # fmt: skip


AIMS = {"target": "目标", "quota": "配额", "budget": "预算"}


def aims_line(view: View, key: Key) -> Node | None:
    """Return the target of the last period, else its quota or budget: 目标 40.0 tCO₂e."""
    cell = view.now(key)
    for kind, word in AIMS.items():
        wanted = view.target(key, kind, view.last)
        if wanted is not None and cell is not None:
            measure = view.units.of(cell.unit)
            shown = shown_value(Cell(wanted, cell.unit), measure)
            words = f"{view.t(word)} {written(shown, kpi_decimals(shown))} {measure.word}"
            return el("Div", words, cls="kpi-aim")
    return None


def target_menu(view: View, key: Key) -> Node | None:
    """Return the menu of an indicator card, for those who may set its target."""
    if not view.edits:
        return None
    entry = el("Button", icon("trending-up"), el("Span", view.t("设目标")), cls="menu-item",
               type="button", data_ask="target", data_of="|".join(key), role="menuitem",
               tabIndex="-1")  # fmt: skip
    return el(
        "Details",
        el("Summary", icon("ellipsis"), cls="tool", aria_label=view.t("更多"),
           title=view.t("更多")),
        el("Div", entry, cls="menu menu-right", role="menu"), cls="menu-box kpi-menu",
    )  # fmt: skip


def lens_mark(view: View, cell: Cell | None) -> Node | None:
    """Return the view of the ledger that a number is of, to stand beside it."""
    if cell is None or not cell.view:
        return None
    return el("Span", icon("sliders-horizontal"), view.lens_words, cls="badge badge-info lens-mark")


def basis_button(view: View, cell: Cell | None, *, words: bool = True) -> Node | None:
    """Return the button that opens how a number was computed."""
    if cell is None or not (cell.ids or cell.forecast):
        return None
    label = view.t("测算依据" if cell.forecast else "核算依据")
    inside = [icon("sigma"), el("Span", label)] if words else [icon("sigma")]
    found = figure_button(cell, "", view.language, "basis")
    found["props"]["children"] = inside
    found["props"]["className"] = "btn-trace" if words else "tool btn-trace"
    if not words:
        found["props"]["aria-label"] = label
    return found


def unknown_kpi(view: View, question: str, name: str, color: str, reason: str) -> Node:
    """Return a KPI card whose figure does not exist yet, with the reason in its place."""
    return el(
        "Div",
        el("Div", swatch(color), el("Span", view.t(question), cls="kpi-question"),
           badge_missing(view), cls="kpi-top"),
        el("Div", el("H3", view.t(name), cls="kpi-name"), cls="kpi-title"),
        el("Div", el("Div", el("Span", "--", cls="num kpi-value"), cls="value-line"),
           cls="kpi-middle"),
        el("Div", el("Div", reason, cls="kpi-context"), cls="kpi-foot"),
        cls="kpi kpi-unknown",
    )  # fmt: skip


def badge_missing(view: View) -> Node:
    """Return the mark of a figure that is not computed yet."""
    return el("Span", icon("clock"), el("Span", view.t("尚未核算"), cls="badge-words"),
              cls="badge badge-stale", title=view.t("尚未核算"))  # fmt: skip


def compact(view: View, what: Indicator, beside: Content = None) -> Node:
    """Return a compact indicator: name, value, change, a ratio beside it, sparkline."""
    cell = view.now(what.key)
    return el(
        "Div",
        el("Div", swatch(what.color), el("H3", view.t(what.name), cls="compact-name"),
           basis_button(view, cell, words=False), target_menu(view, what.key),
           cls="compact-top"),
        lens_mark(view, cell),
        value_line(view, cell, size="compact-value"),
        changes(view, what.key, what.polarity, both=False),
        el("Div", beside, cls="compact-beside") if beside else None,
        sparkline(view.cells(what.key), what.color),
        cls="compact",
    )  # fmt: skip


def unknown_compact(view: View, name: str, color: str, reason: str) -> Node:
    """Return a compact indicator whose figure does not exist yet."""
    return el(
        "Div",
        el("Div", swatch(color), el("H3", view.t(name), cls="compact-name"), cls="compact-top"),
        el("Div", el("Span", "--", cls="num compact-value"), cls="value-line"),
        el("P", reason, cls="compact-reason"),
        cls="compact kpi-unknown",
    )  # fmt: skip


def legend(view: View, group: Group, *, shape: str = "square", shapes: Sequence[str] = ()) -> Node:
    """Return the title of a plot and the names of its series.

    A name filters the page by its part, or hides its series where it is of none.

    ``shapes`` has one shape a series where they differ; a number after it is of one more trace
    that belongs to the series.
    """
    looks = [look.split() for look in shapes or [shape] * len(group.series)]
    items = [
        el("Button", el("Span", cls=f"key key-{look[0]} c-{s.color.replace('.', '-')} "
                                    f"dash-{s.dash}{s.symbol and f' mark-{s.symbol}'}"), s.name,
           cls="legend-item", type="button",
           data_series=" ".join((*look[1:], str(at + len(look) - 1))), aria_pressed="true",
           data_part=s.part or None,
           title=view.t("点击筛选本页，双击显示或隐藏") if s.part else None)
        for at, (s, look) in enumerate(zip(group.series, looks, strict=True))
    ]  # fmt: skip
    if group.earlier:
        items.append(el("Span", el("Span", cls="key key-tick c-energy-total"),
                        group.earlier.name, cls="legend-item legend-plain"))  # fmt: skip
    if group.target:
        items.append(el("Span", el("Span", cls="key key-line dash-dash c-status-bad"),
                        group.target.name, cls="legend-item legend-plain"))  # fmt: skip
    last = group.estimates[-1] if group.estimates else None
    if last is not None:
        items.append(el("Span", el("Span", cls="key key-outline"), *estimate_words(view, last),
                        cls="legend-item legend-plain"))  # fmt: skip
    word = view.units.of(group.unit).word
    head = [el("Strong", group.title), el("Span", word, cls="lead-unit")] if group.title else []
    return el("Div", el("Div", head, cls="lead-title"), el("Div", items, cls="legend"), cls="lead")


def ranked(
    view: View, rows: Sequence[tuple[str, str, Key]], whole: Key, polarity: str = BAD
) -> Node:
    """Return a list of parts with bar, share and change; parts add up to the shown whole."""
    cells = [view.now(key) for _, _, key in rows]
    total_cell = view.now(whole)
    group = Group("", cells[0].unit if cells[0] else "kgCO2e", tuple(
        Series(name, color, (cell,)) for (name, color, _), cell in zip(rows, cells, strict=True)
    ), (total_cell,))  # fmt: skip
    words = group.words(0, view.units)
    largest = max((c.value or 0.0 for c in cells if c), default=0.0) or 1.0
    items = [
        _ranked_row(view, row, cell, shown, total_cell, largest, polarity)
        for row, cell, shown in zip(rows, cells, words, strict=False)
    ]
    return el("Div", items, cls="ranked")


def _ranked_row(
    view: View, row: tuple[str, str, Key], cell: Cell | None, words: str,
    whole: Cell | None, largest: float, polarity: str,
) -> Node:  # fmt: skip
    name, color, key = row
    part = share(cell, whole)
    shown = shown_value(part, view.units.of("%"))
    unit = view.units.of(cell.unit).word if cell else ""
    width = 100 * max(0.0, (cell.value or 0.0) if cell else 0.0) / largest
    return el(
        "Div",
        el("Div", swatch(color), _filtering(view, name, cell),
           el("Span", figure_button(cell, words, view.language, "ranked-value")
              if cell else "--", el("Span", unit, cls="value-unit"), cls="ranked-number"),
           cls="ranked-top"),
        el("Div", el("Div", cls=f"bar-fill c-{color.replace('.', '-')}",
                     style={"width": f"{width:.1f}%"}), cls="bar-track", aria_hidden="true"),
        el("Div", el("Span", view.t("占比"), " ",
                     figure_button(part, written(shown, 1) + ("%" if shown is not None else ""),
                                   view.language)),
           _change(view, _before_word(view), change(cell, view.previous(key)), polarity),
           cls="ranked-foot"),
        cls="ranked-row",
    )  # fmt: skip


def _filtering(view: View, name: str, cell: Cell | None) -> Node:
    """Return the name of a part; a press filters the page by it."""
    if cell is None or not cell.part:
        return el("Span", name, cls="ranked-name")
    return el("Button", name, cls="ranked-name part-filter", type="button", data_filter=cell.part,
              title=view.t("按{name}筛选本页", name=name))  # fmt: skip


def parts_list(
    view: View, parts: Sequence[Series], whole: Cell | None, notes: Sequence[Node | None]
) -> Node:
    """Return the list beside a ring: colour, name, value, share; adds up to the whole."""
    unit = next((p.cells[0].unit for p in parts if p.cells[0]), "kgCO2e")
    group = Group("", unit, tuple(parts), (whole,))
    words = group.words(0, view.units)
    rows = [
        el("Div", swatch(part.color),
           el("Div", el("Div", part.name, cls="part-name"), note, cls="part-words"),
           _button(view, part.cells[0], shown, "part-value"),
           _share_button(view, part.cells[0], whole), cls="part")
        for part, shown, note in zip(parts, words, notes, strict=False)
    ]  # fmt: skip
    return el("Div", rows, cls="parts")


def _button(view: View, cell: Cell | None, words: str, cls: str) -> Node:
    return figure_button(cell, words, view.language, cls) if cell else el("Span", "--", cls=cls)


def _share_button(view: View, cell: Cell | None, whole: Cell | None) -> Node:
    part = share(cell, whole)
    shown = shown_value(part, view.units.of("%"))
    words = written(shown, 1) + ("%" if shown is not None else "")
    return figure_button(part, words, view.language, "part-share")


def empty(view: View, reason: str, action: Content = None) -> Node:
    """Return what stands in place of a chart that has nothing to show."""
    return el(
        "Div", icon("inbox"), el("P", reason, cls="empty-reason"),
        el("P", view.range_words(), cls="empty-range"), action, cls="empty",
    )  # fmt: skip


def switch(view: View, panel: str, choices: Sequence[tuple[str, str]], chosen: str) -> Node:
    """Return the switch of a card; its choice is part of the address."""
    items = [
        el("Button", view.t(words), cls="segment", type="button",
           data_switch=f"{panel}={value}", aria_pressed=str(value == chosen).lower())
        for value, words in choices
    ]  # fmt: skip
    return el("Div", items, cls="segments", role="group")


def leads(view: View, address: str, words: str) -> Node | None:
    """Return the link of a card to another page; None where the reader may not open that."""
    if address.partition("?")[0].partition("#")[0] not in view.opens:
        return None
    return link(address, view.t(words), icon("chevron-right"), cls="card-link")


def table(view: View, sheet: Sheet) -> Node:
    """Return the data table of a sheet: the same numbers as the chart, each opens."""
    head = [el("Th", sheet.head or view.t("期间"), scope="col")]
    for group in sheet.groups:
        word = view.units.of(group.unit).word
        title = f"{group.title} " if len(sheet.groups) > 1 else ""
        head += [el("Th", f"{title}{s.name} {word}", cls="num", scope="col")
                 for s in group.columns()]  # fmt: skip
    head.append(el("Th", view.t("数据质量"), scope="col"))
    if sheet.noted:
        head.append(el("Th", view.t("备注"), scope="col"))
    rows = [_table_row(view, sheet, at) for at in range(len(sheet.labels))]
    lens = view.lens_words if any(cell and cell.view for cell in sheet.cells()) else ""
    caption = el("Caption", lens) if lens else None
    return el(
        "Div",
        el("Table", caption, el("Thead", el("Tr", head)), el("Tbody", rows), cls="data-table"),
        cls="table-wrap", tabIndex="0", data_scroll="x", role="region",
        aria_label=view.t("数据表"),
    )  # fmt: skip


def _table_row(view: View, sheet: Sheet, at: int) -> Node:
    row = [el("Th", sheet.labels[at], scope="row")]
    for group in sheet.groups:
        words = group.words(at, view.units)
        for column, shown in zip(group.columns(), words, strict=True):
            cell = column.cells[at]
            beyond = group.sparse and cell is None  # the series does not reach here
            row.append(el("Td", "" if beyond else _button(view, cell, shown, "cell"), cls="num"))
    row.append(el("Td", quality_words(view, sheet, at)))
    if sheet.noted:
        row.append(el("Td", sheet.note(at), cls="cell-note", data_verbatim="1"))
    return el("Tr", row)


def quality_words(view: View, sheet: Sheet, at: int) -> str:
    """Return the quality of a period in words; the worst of its groups."""
    cell = sheet.quality[at] if sheet.quality else None
    words = badge_words(cell, view.language)[2]
    running = cell is not None and "month_to_date" in cell.flags
    return f"{words}, {view.t('未完')}" if running else words


def hover(view: View, sheet: Sheet) -> dict[str, Any]:
    """Return the words of the hover box for every period, by its label."""
    return {label: _hover_at(view, sheet, at) for at, label in enumerate(sheet.labels)}


def _hover_at(view: View, sheet: Sheet, at: int) -> dict[str, Any]:
    return {
        "head": sheet.labels[at] if sheet.head else period_words(sheet.labels[at], view.language),
        "quality": quality_words(view, sheet, at),
        "groups": [_hover_group(view, group, at) for group in sheet.groups],
        "notes": list(sheet.notes[at]) if sheet.notes else [],
        "month": sheet.labels[at] in {span.label for span in view.periods},
    }


def _hover_group(view: View, group: Group, at: int) -> dict[str, Any]:
    word = view.units.of(group.unit).word
    words = group.words(at, view.units)
    whole = group.whole[at] if group.whole else None
    rows = []
    pairs = list(zip(group.series, words, strict=False))
    pairs.sort(key=lambda pair: _size(pair[0].cells[at]), reverse=True)
    for series, shown in pairs:
        cell = series.cells[at]
        if group.sparse and cell is None:
            continue
        rows.append(
            {
                "color": series.color, "name": series.name, "text": f"{shown} {word}",
                "share": _percent(cell, whole),
                "attributes": attributes(cell) if cell else {},
            }
        )  # fmt: skip
    found: dict[str, Any] = {"title": group.title, "rows": rows}
    if whole is not None:
        found["whole"] = {"name": group.scope, "text": f"{words[-1]} {word}",
                          "attributes": attributes(whole)}  # fmt: skip
    if group.earlier and (cell := group.earlier.cells[at]) is not None:
        measure = view.units.of(group.unit)
        shown = written(shown_value(cell, measure), group.decimals(view.units))
        found["earlier"] = {"name": group.earlier.name, "text": f"{shown} {word}",
                            "attributes": attributes(cell)}  # fmt: skip
    guess = group.estimates[at] if group.estimates else None
    if guess is not None and guess.cell.value is not None:
        measure = view.units.of(group.unit)
        shown = written(shown_value(guess.cell, measure), group.decimals(view.units))
        found["estimate"] = {"name": guess.name, "text": f"{shown} {word}",
                             "attributes": attributes(guess.cell)}  # fmt: skip
    return found


def _percent(cell: Cell | None, whole: Cell | None) -> str:
    """Return a part's share of the whole in words, empty where there is none."""
    if cell is None or whole is None or cell.value is None or not whole.value:
        return ""
    return f"{written(exact(100 * cell.value / whole.value), 1)}%"


def _size(cell: Cell | None) -> float:
    return cell.value if cell and cell.value is not None else float("-inf")
