"""The completeness calendar of 质量与告警: meters by day, and on a phone one month of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from figures.alerts import Href
from figures.html import Content, Node, el, link
from figures.number import share_words
from translations import text

GROUPS = {"gate": "关口电表", "sub": "分项电表", "water": "水表", "clean": "清洁能源"}
COMPLETE, PART, MISSING, ESTIMATED = "complete", "part", "missing", "estimated"
STATES = {
    COMPLETE: "完整（≥ 99.5%）", PART: "部分缺数，数字为完整率 %", MISSING: "缺数，未补",
    ESTIMATED: "缺数，已估算",
}  # fmt: skip
SHORT = {PART: "部分缺数", MISSING: "缺数，未补", ESTIMATED: "缺数，已估算"}
BAD_PCT = 95.0
WHOLE_PCT = 99.5


@dataclass(frozen=True)
class DayCell:
    """A meter's day: how much is measured, how it stands, its alarms, why it has none.

    ``pct`` is hours measured of hours expected; ``issues`` the numbers of the alarms that touch
    the day, ``open`` whether one of them is not closed; ``why`` says why there is none.
    """

    state: str
    pct: float
    issues: tuple[int, ...] = ()
    open: bool = False
    why: str = ""


@dataclass(frozen=True)
class Row:
    """A meter of the calendar; a day on which nothing was expected is absent."""

    meter: str
    name: str
    group: str
    cells: Mapping[int, DayCell]
    pct: float | None

    @property
    def gaps(self) -> bool:
        """Whether anything of it is not measured."""
        return any(cell.state != COMPLETE for cell in self.cells.values())


@dataclass(frozen=True)
class Calendar:
    """A month of meters: expected and received points, days by their share, what is chosen."""

    month: str
    words: str
    rows: Sequence[Row]
    expected: int
    received: int
    totals: Mapping[int, float]
    chosen: tuple[str, int]
    only_gaps: bool
    href: Href
    pct: float | None
    leads: bool = False  # whether a cell opens another page, where its alarms are

    @property
    def days(self) -> range:
        """The days of the month."""
        first = date.fromisoformat(f"{self.month}-01")
        after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        return range(1, (after - first).days + 1)

    def weekday(self, day: int) -> int:
        """Return the weekday, 0 for Monday."""
        return date.fromisoformat(f"{self.month}-{day:02d}").weekday()


def calendar_card(found: Calendar, language: str) -> list[Content]:
    """Return the inside of the card: for a desk and, beside it, for a phone."""
    gaps = [row for row in found.rows if row.gaps]
    shown = gaps if found.only_gaps else list(found.rows)
    every = text("全部 {count}", language, count=len(found.rows))
    lacking = text("仅缺数 {count}", language, count=len(gaps))
    switch = el(
        "Div",
        link(found.href(gaps="", issue=0), every, cls="segment",
             aria_current=None if found.only_gaps else "true"),
        link(found.href(gaps="1", issue=0), lacking, cls="segment",
             aria_current="true" if found.only_gaps else None),
        cls="segments", role="group", aria_label=text("计量点", language),
    )  # fmt: skip
    sub = text("计量点 × 日，{month}，{count} 个计量点；应收 {expected} 点，实收 {received} 点",
               language, month=found.words, count=len(found.rows),
               expected=f"{found.expected:,}", received=f"{found.received:,}")  # fmt: skip
    short = text("全部 {count} 个计量点，{month}；点日期看当天", language, count=len(found.rows),
                 month=found.words)  # fmt: skip
    head = el(
        "Div",
        el("Div", el("H2", text("完整率日历", language), cls="card-title"),
           el("P", sub, cls="card-sub cal-wide"), el("P", short, cls="card-sub cal-narrow"),
           cls="card-titles"), el("Div", switch, cls="cal-wide"), cls="card-head",
    )  # fmt: skip
    body: Content = el("P", text("这个月没有缺数的计量点", language), cls="empty-reason")
    if shown:
        body = el("Div", _table(found, shown, language), cls="work-scroll cal-scroll cal-wide",
                  tabIndex="0", data_scroll="x", role="region",
                  aria_label=text("完整率日历", language))  # fmt: skip
    key = "完整率 = 实收 / 应收；黑体日为周末。点选格子或计量点，下表同步筛选"
    if found.leads:
        key = "完整率 = 实收 / 应收；黑体日为周末。点选格子或计量点，打开当天的告警"
    note = text(key, language)
    foot = el(
        "Div", el("Span", note, cls="foot-words"),
        el("Span", text("完整 {pct}%", language, pct=share_words(found.pct)), cls="badge badge-ok"),
        cls="card-foot cal-wide",
    )  # fmt: skip
    return [head, body, el("Div", _phone(found, gaps, language), cls="cal-narrow"),
            _legend(language, picked=not found.leads), foot]  # fmt: skip


# ---- meters by day ----


def _table(found: Calendar, rows: Sequence[Row], language: str) -> Node:
    head = [el("Th", text("计量点", language), scope="col", cls="cal-name")]
    for day in found.days:
        weekend = " cal-weekend" if found.weekday(day) >= 5 else ""
        here = found.chosen == ("", day) or (found.chosen[1] == day and bool(found.chosen[0]))
        head.append(el("Th", str(day), scope="col",
                       cls=f"cal-day{weekend}{' cal-here' if here else ''}"))  # fmt: skip
    head.append(el("Th", text("完整率", language), scope="col", cls="num cal-total"))
    bodies = []
    for group, words in GROUPS.items():
        own = [row for row in rows if row.group == group]
        if own:
            title = el("Tr", el("Th", f"{text(words, language)} {len(own)}", scope="colgroup",
                                colSpan=len(found.days) + 2, cls="cal-group"))  # fmt: skip
            bodies.append(el("Tbody", title, [_row(found, row, language) for row in own]))
    return el("Table", el("Thead", el("Tr", head)), bodies, cls="cal-table")


def _row(found: Calendar, row: Row, language: str) -> Node:
    name = link(
        found.href(meter=row.meter, day=0, issue=0), el("Span", row.name, data_verbatim="1"), " ",
        el("Span", row.meter, cls="note", data_verbatim="1"), cls="cal-meter",
        aria_current="true" if found.chosen == (row.meter, 0) else None,
    )  # fmt: skip
    cells = [el("Td", _cell(found, row, day, language)) for day in found.days]
    bad = " bad" if row.pct is not None and row.pct < BAD_PCT else ""
    total = el("Td", f"{share_words(row.pct)}%", cls=f"num cal-total{bad}")
    return el("Tr", el("Th", name, scope="row", cls="cal-name"), cells, total)


def _cell(found: Calendar, row: Row, day: int, language: str) -> Node | None:
    cell = row.cells.get(day)
    if cell is None:
        return el("Span", cls="cal-cell cal-none", aria_hidden="true")
    chosen = found.chosen == (row.meter, day)
    cls = f"cal-cell cal-{cell.state}{' cal-chosen' if chosen else ''}"
    cls += " cal-open" if cell.open else " cal-told" if cell.issues else ""
    words = said(found.month, day, cell, language)
    if cell.state == COMPLETE and not cell.issues:
        return el("Span", cls=cls, title=words)
    inside = {PART: f"{int(cell.pct)}", MISSING: "×"}.get(cell.state, "")
    target = (
        found.href(meter="", day=0, issue=0)
        if chosen
        else found.href(meter=row.meter, day=day, issue=0)
    )
    return link(target, inside, cls=cls, title=words, aria_label=words,
                aria_current="true" if chosen else None)  # fmt: skip


def said(month: str, day: int, cell: DayCell, language: str) -> str:
    """Return a cell in words: how much is measured, its alarms or why there is none."""
    joint = "，" if language == "zh" else ", "
    words = [
        f"{month}-{day:02d}",
        text("完整率 {pct}%", language, pct=share_words(cell.pct)),
    ]
    if cell.state != COMPLETE:
        words.append(text(SHORT[cell.state], language))
    if cell.issues:
        words.append(text("{count} 条告警", language, count=len(cell.issues)))
    elif cell.why:
        words.append(cell.why)
    return joint.join(words)


def _legend(language: str, *, picked: bool) -> Node:
    inside = {PART: "90", MISSING: "×"}
    items = [
        el("Span", el("Span", inside.get(state, ""), cls=f"cal-cell cal-{state}",
                      aria_hidden="true"), el("Span", text(words, language)), cls="cal-key")
        for state, words in STATES.items()
    ]  # fmt: skip
    items.append(el("Span", el("Span", cls="cal-cell cal-complete cal-open", aria_hidden="true"),
                    el("Span", text("有未关闭的告警", language)), cls="cal-key"))  # fmt: skip
    if not picked:
        return el("Div", items, cls="cal-legend")
    items.append(el("Span", el("Span", cls="cal-cell cal-complete cal-chosen", aria_hidden="true"),
                    el("Span", text("已选中，表中同步筛选", language)), cls="cal-key"))  # fmt: skip
    return el("Div", items, cls="cal-legend")


# ---- on a phone: one month of all meters, then those that lack something ----


def _phone(found: Calendar, gaps: Sequence[Row], language: str) -> list[Content]:
    names = text("一 二 三 四 五 六 日", language).split()
    head = [el("Span", name, cls="month-name") for name in names]
    pads = [el("Span") for _ in range(found.weekday(1))]
    days = [_month_day(found, day, language) for day in found.days]
    parts: list[Content] = [el("Div", head, pads, days, cls="month-grid")]
    if gaps:
        title = text("有缺数的 {count} 个计量点", language, count=len(gaps))
        parts.append(el("H3", title, cls="month-title"))
        parts += [_strip(found, row, language) for row in gaps]
    return parts


def _month_day(found: Calendar, day: int, language: str) -> Node:
    pct = found.totals.get(day)
    if pct is None:
        return el("Span", str(day), cls="month-day month-none")
    lacking = pct < WHOLE_PCT
    words = [el("Span", str(day))]
    if lacking:
        words.append(el("Span", f"{share_words(pct)}%", cls="month-pct"))
    chosen = found.chosen == ("", day)
    return link(found.href(meter="", day=0 if chosen else day, issue=0), words,
                cls=f"month-day{' month-part' if lacking else ''}",
                aria_current="true" if chosen else None,
                title=text("完整率 {pct}%", language, pct=share_words(pct)))  # fmt: skip


def _strip(found: Calendar, row: Row, language: str) -> Node:
    bad = " bad" if row.pct is not None and row.pct < BAD_PCT else ""
    cells = []
    for day in found.days:
        cell = row.cells.get(day)
        state = cell.state if cell else "none"
        cells.append(el("Span", cls=f"cal-cell cal-{state}"))
    lacking = [str(day) for day in found.days if row.cells.get(day, _WHOLE).state != COMPLETE]
    label = text("缺数的日：{days}", language, days=", ".join(lacking))
    return link(
        found.href(meter=row.meter, day=0, issue=0),
        el("Span", el("Span", row.name, data_verbatim="1"), " ",
           el("Span", row.meter, cls="note", data_verbatim="1"),
           el("Strong", f"{share_words(row.pct)}%", cls=f"num{bad}"), cls="strip-head"),
        el("Span", cells, cls="strip-days", aria_hidden="true"), cls="month-strip",
        title=label,
    )  # fmt: skip


_WHOLE = DayCell(COMPLETE, 100.0)
