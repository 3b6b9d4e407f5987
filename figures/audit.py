"""What 安全审计 shows: the trail's state, counts, the table of records, one record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from figures import charts
from figures.cards import Built, Plot, legend
from figures.cells import Book, Cell, Key
from figures.factors import mark
from figures.html import Content, Node, el, icon, link
from figures.sheet import Group, Series, Sheet
from figures.view import Span, View
from translations import text

Href = Callable[..., str]
DAYS_KEY: Key = ("audit", "site", "site")
SHOWN = 8
MOST_BARS = 124
LONGEST = 160  # of a description in the table; the record itself shows all of it
OUTCOMES = (
    ("success", "成功", "product.office"),
    ("failure", "失败", "source.pv"),
    ("denied", "拒绝", "status.bad"),
)
MARKS = {
    "success": ("ok", "circle-check", "成功"),
    "failure": ("warn", "triangle-alert", "失败"),
    "denied": ("danger", "circle-x", "拒绝"),
    "intent": ("info", "clock", "预告"),
}


@dataclass(frozen=True)
class Line:
    """A record as the table shows it; every text as it was recorded, names in words."""

    seq: int
    at: str
    actor: str
    role: str
    address: str
    event: str
    event_words: str
    object: str
    description: str
    outcome: str


@dataclass(frozen=True)
class Place:
    """An anchor: what it is, how far it has got, when."""

    name: str
    size: int
    at: str
    behind: bool


@dataclass(frozen=True)
class TrailState:
    """How the trail stands.

    Parameters
    ----------
    size, head
        Number and hash of the newest record.
    checkpoint
        Size, time and key of the newest checkpoint; None without any.
    places
        The anchors.
    verified
        Whether the last verification was right, when it was, how many records, and the fault;
        None where there was none.
    whole
        Whether it looked at all of them, or at what came after the last checkpoint it knew.
    """

    size: int
    head: str
    checkpoint: tuple[int, str, str] | None
    places: Sequence[Place]
    verified: tuple[bool, str, int, str] | None
    whole: bool = True


def number(value: int) -> str:
    """Return a count with its thousands parted."""
    return f"{value:,}"


def short_time(at: str) -> str:
    """Return a record's time without what it shares with the others: no fraction, no offset."""
    return at[:19].replace("T", " ")


# ---- the trail's state ----


def _kpi(question: str, value: Content, context: Content, foot: Content, badge: Content) -> list[
    Content
]:  # fmt: skip
    return [
        el("Div", el("Span", question, cls="kpi-question"), badge, cls="kpi-top"),
        el("Div", value, cls="audit-value"),
        el("Div", context, cls="audit-context"),
        el("Div", foot, cls="kpi-foot") if foot else None,
    ]


def trail_card(state: TrailState, language: str) -> Content:
    """Return the size of the trail and its head."""
    value = [el("Span", number(state.size), cls="num kpi-value"),
             el("Span", text("条", language), cls="value-unit")]  # fmt: skip
    short = f"{state.head[:10]}…{state.head[-6:]}"
    head = el("Span", short, cls="audit-hash", title=state.head, data_verbatim="1")
    return _kpi(text("记录总数", language), value,
                [el("Span", text("链头 SM3", language)), " ", head], None,
                mark("info", "lock", text("只增不改", language)))  # fmt: skip


def checkpoint_card(state: TrailState, language: str) -> Content:
    """Return the newest checkpoint."""
    if state.checkpoint is None:
        return _kpi(text("最后检查点", language), el("Span", "--", cls="kpi-value"),
                    text("还没有签名的检查点", language), None, None)  # fmt: skip
    size, at, kid = state.checkpoint
    value = el("Span", at[11:16], cls="num kpi-value")
    context = text("{day}，签至第 {size} 条", language, day=at[:10], size=number(size))
    key = [el("Span", text("签名密钥", language)), " ", el("Span", kid, cls="audit-hash")]
    unsigned = state.size - size
    note = (
        text("其后 {count} 条待签", language, count=number(unsigned))
        if unsigned
        else text("全部已签", language)
    )
    return _kpi(text("最后检查点", language), value, [el("Div", context), el("Div", key)], None,
                el("Span", note, cls="note"))  # fmt: skip


def anchors_card(state: TrailState, language: str) -> Content:
    """Return the anchors: how many have all, and how far each has got."""
    good = sum(not place.behind for place in state.places)
    value = [el("Span", f"{good} / {len(state.places)}", cls="num kpi-value"),
             el("Span", text("处送达", language), cls="value-unit")]  # fmt: skip
    rows = [
        el("Div", icon("circle-check" if not one.behind else "triangle-alert"),
           el("Span", one.name.rsplit("/", 1)[-1], cls="audit-place", title=one.name,
              data_verbatim="1"),
           el("Span", short_time(one.at)[5:16] if one.at else "--", cls="num"),
           cls=f"audit-anchor {'bad' if one.behind else 'good'}")
        for one in state.places
    ]  # fmt: skip
    behind = good < len(state.places)
    sign = (
        mark("warn", "triangle-alert", text("排队中", language))
        if behind
        else mark("ok", "circle-check", text("已送达", language))
    )
    return _kpi(text("外部锚点", language), value, rows, None, sign)


def verified_card(state: TrailState, language: str) -> Content:
    """Return what came of the last verification."""
    title = text("最近校验", language)
    if state.verified is None:
        return _kpi(title, el("Span", "--", cls="kpi-value"), text("还没有校验过", language), None,
                    None)  # fmt: skip
    good, at, count, fault = state.verified
    value = el("Span", text("完好" if good else "不完好", language),
               cls=f"audit-verdict {'good' if good else 'bad'}")  # fmt: skip
    key = "核对全部 {count} 条" if state.whole else "核对新增 {count} 条"
    words = text(key, language, count=number(count))
    sign = (
        mark("ok", "circle-check", text("一致", language))
        if good
        else mark("danger", "siren", text("告警", language))
    )
    return _kpi(title, value, [el("Div", words), el("Div", short_time(at)[:16]),
                                el("Div", fault, cls="bad") if fault else None],
                None, sign)  # fmt: skip


# ---- counts ----


def days_view(
    days: Mapping[str, Mapping[str, int]], ends: tuple[str, str], language: str, table: str
) -> View:
    """Return the view that the chart of days is drawn from; without records, of the days asked."""
    labels = list(days)
    first, last = (labels[0], labels[-1]) if labels else ends
    periods = (Span(first, (first,)), Span(last, (last,)))
    return View(
        book=Book({DAYS_KEY: {}}, 0), days=Book({}, 0), sites=(), periods=periods,
        language=language, compare="none", switches={"table": table},
    )  # fmt: skip


def days_built(view: View, days: Mapping[str, Mapping[str, int]]) -> Built:
    """Return the records of each day, stacked by outcome."""
    if not days:
        return Built(empty=view.t("没有符合的记录"))
    monthly = len(days) > MOST_BARS
    days = _months(days) if monthly else days
    labels, unit = tuple(days), view.t("条")
    series = [
        Series(view.t(name), color, tuple(_cell(days[day].get(key, 0), unit, day) for day in days))
        for key, name, color in OUTCOMES
    ]
    whole = tuple(_cell(sum(days[d].get(k, 0) for k, _, _ in OUTCOMES), unit, d) for d in days)
    group = Group(view.t("记录"), unit, tuple(series), whole, scope=view.t("合计"), counted=True)
    figure = charts.bars(group, labels, view.units, view.language)
    return Built(
        subtitle=view.joined(
            unit, view.range_words(), view.t("按月" if monthly else "按日"), view.t("不含预告")
        ),
        plots=(Plot(figure, legend(view, group)),), sheet=Sheet(labels, (group,), whole),
    )  # fmt: skip


def _months(days: Mapping[str, Mapping[str, int]]) -> dict[str, Counter[str]]:
    """Return the months of days: more bars than a screen has room for say nothing."""
    found: dict[str, Counter[str]] = {}
    for day, counts in days.items():
        found.setdefault(day[:7], Counter()).update(counts)
    return found


def _cell(count: int, unit: str, day: str) -> Cell:
    return Cell(float(count), unit, period=day, measured_pct=100.0)


def _title(words: str, note: str = "") -> Node:
    return el("Div", el("Div", el("H2", words, cls="card-title"),
                        el("P", note, cls="card-sub") if note else None, cls="card-titles"),
              cls="card-head")  # fmt: skip


def _bar(name: Content, count: int, most: int, bad: int, href: str, chosen: bool) -> Node:
    """Return a line of a list with its share as a bar; the refused part stands at its end."""
    width, worse = (f"{100 * n / most:.2f}%" if most else "0" for n in (count, bad))
    figures = [el("Span", number(count), cls="num")]
    if bad:
        figures.append(el("Span", icon("triangle-alert"), number(bad), cls="num audit-bad"))
    return el(
        "Li",
        link(href, el("Span", name, cls="audit-bar-name"),
             el("Span", figures, cls="audit-bar-figures"),
             el("Span", el("Span", cls="audit-bar-part", style={"width": width}),
                el("Span", cls="audit-bar-bad", style={"width": worse}) if bad else None,
                cls="audit-bar-line", aria_hidden="true"),
             cls="audit-bar", aria_current="true" if chosen else None),
    )  # fmt: skip


def ranking(
    title: str, note: str, rows: Sequence[tuple[str, Content, int, int]], chosen: str,
    href: Callable[[str], str], language: str,
) -> list[Content]:  # fmt: skip
    """Return a ranking: most frequent first, each a filter; the rest can be opened."""
    most = max((count for _, _, count, _ in rows), default=0)
    lines = [
        _bar(words, count, most, bad, href("" if key == chosen else key), key == chosen)
        for key, words, count, bad in rows
    ]
    if not lines:
        return [_title(title, note), _none(language)]
    rest = lines[SHOWN:]
    more = el("Details", el("Summary", text("其余 {count} 个", language, count=len(rest)),
                            cls="more"), el("Ul", rest, cls="audit-bars"))  # fmt: skip
    return [_title(title, note), el("Ul", lines[:SHOWN], cls="audit-bars"), more if rest else None]


def _none(language: str) -> Node:
    return el("P", text("没有", language), cls="note audit-none")


def outcomes_card(
    counts: Mapping[str, int], chosen: str, href: Callable[[str], str], language: str
) -> list[Content]:
    """Return the outcomes, each with its number and share, each a filter."""
    total = sum(counts.values())
    lines = []
    for key, (kind, sign, words) in MARKS.items():
        count = counts.get(key, 0)
        share = f"{100 * count / total:.1f}%" if total else "--"
        lines.append(
            el("Li", link(href("" if key == chosen else key),
                          mark(kind, sign, text(words, language)),
                          el("Span", number(count), cls="num audit-count"),
                          el("Span", share, cls="num note"), cls="audit-outcome",
                          aria_current="true" if key == chosen else None))
        )  # fmt: skip
    note = text("点一项只看它，再点一次看全部", language)
    return [_title(text("按结果", language), note), el("Ul", lines, cls="audit-outcome-list")]


@dataclass(frozen=True)
class Sign:
    """Something an auditor looks at first: words, when or how often, where it leads."""

    words: Content
    value: str
    href: str


def signs_card(
    night: Sequence[Sign], addresses: Sequence[Sign], alarms: Sequence[Sign], language: str
) -> list[Content]:
    """Return night activity, addresses seen for the first time, alarms."""

    def block(title: str, rows: Sequence[Sign], most: int) -> Node:
        lines = [
            el("Li", link(one.href, el("Span", one.words, cls="audit-sign-words"),
                          el("Span", one.value, cls="num note"), cls="audit-sign"))
            for one in rows[:most]
        ]  # fmt: skip
        rest = len(rows) - most
        more = el("P", text("另有 {count} 个", language, count=rest), cls="note")
        return el("Div", el("H3", title, cls="audit-block"),
                  el("Ul", lines, cls="audit-sign-list") if lines else _none(language),
                  more if rest > 0 else None)  # fmt: skip

    return [
        _title(text("值得一看", language)),
        block(text("安全告警", language), alarms, 4),
        block(text("夜间活动（22–6 时）", language), night, 4),
        block(text("首次出现的地址", language), addresses, 4),
    ]


# ---- records ----


def records_title(shown: str, language: str) -> Content:
    """Return the title of the table and which of the records it shows."""
    return el("Div", el("H2", text("审计记录", language), cls="card-title"),
              el("P", shown, cls="card-sub"), cls="card-titles")  # fmt: skip


_HEAD = (("序号", "num"), ("时间", ""), ("账号", ""), ("事件", ""), ("涉及对象", ""), ("地址", ""),
         ("结果", ""))  # fmt: skip


def records_table(
    lines: Sequence[Line], chosen: int, href: Href, clear: str, language: str
) -> list[Content]:
    """Return the table of records, newest first; a number opens the record."""
    if not lines:
        return [
            el("Div", icon("inbox"), el("P", text("没有符合的记录", language), cls="empty-reason"),
               link(clear, text("清除筛选", language), cls="button"), cls="empty")
        ]  # fmt: skip
    head = [el("Th", text(words, language), cls=cls, scope="col", role="columnheader")
            for words, cls in _HEAD]  # fmt: skip
    table = el(
        "Table", el("Thead", el("Tr", head, role="row"), role="rowgroup"),
        el("Tbody", [_row(one, one.seq == chosen, href, language) for one in lines],
           role="rowgroup"),
        cls="work-table records", role="table", aria_label=text("审计记录", language),
    )  # fmt: skip
    return [el("Div", table, cls="work-scroll", tabIndex="0", data_scroll="x", role="region",
               aria_label=text("审计记录", language))]  # fmt: skip


def _row(one: Line, chosen: bool, href: Href, language: str) -> Node:
    opened = link(href(record=0 if chosen else one.seq), number(one.seq), cls="work-name num",
                  aria_current="true" if chosen else None)  # fmt: skip
    role = el("Div", one.role, cls="note") if one.role and one.role != one.actor else None
    who = [el("Span", one.actor, cls="audit-who", data_verbatim="1"), role]
    what: list[Content] = [el("Span", one.object, data_verbatim="1")]
    if one.description:
        words = one.description
        words = words if len(words) <= LONGEST else words[:LONGEST] + "…"
        what.append(el("Div", words, cls="note", data_verbatim="1"))
    event = [el("Span", one.event_words), el("Div", one.event, cls="note audit-code")]
    cells: list[tuple[str, Content, str]] = [
        ("", opened, "num at-name"),
        ("", [el("Span", one.at[11:19]), el("Div", one.at[:10], cls="note")],
         "audit-time at-source"),
        ("账号", who, "at-source"),
        ("", event, "at-source"),
        ("涉及对象", what, "audit-object at-source"),
        ("地址", el("Span", one.address, data_verbatim="1"), "audit-address at-source"),
        ("", mark(*_mark(one.outcome, language)), "at-state"),
    ]  # fmt: skip
    return el(
        "Tr",
        [el("Td", inside, cls=cls, role="cell", data_label=text(label, language) if label else None)
         for label, inside, cls in cells],
        cls="chosen" if chosen else "", role="row",
    )  # fmt: skip


def _mark(outcome: str, language: str) -> tuple[str, str, str]:
    kind, sign, words = MARKS.get(outcome, MARKS["failure"])
    return kind, sign, text(words, language)


def pager(page: int, pages: int, href: Callable[[int], str], language: str) -> Content:
    """Return the way to the pages before and after."""
    if pages < 2:
        return None
    newer = link(href(page - 1), icon("chevron-right"), el("Span", text("较新", language)),
                 cls="button audit-newer") if page > 1 else None  # fmt: skip
    older = link(href(page + 1), el("Span", text("较早", language)), icon("chevron-right"),
                 cls="button") if page < pages else None  # fmt: skip
    words = text("第 {page} / {pages} 页", language, page=number(page), pages=number(pages))
    return el("Nav", newer, el("Span", words, cls="num note"), older, cls="audit-pager",
              aria_label=text("翻页", language))  # fmt: skip


def record_card(
    one: Line, fields: Sequence[tuple[str, Content, bool]], related: Sequence[Line], href: Href,
    language: str,
) -> Node:  # fmt: skip
    """Return one record with all its fields, and what belongs to it."""
    rows: list[Content] = []
    for name, value, code in fields:
        rows.append(el("Dt", name))
        rows.append(el("Dd", value, cls="audit-hash-long" if code else "", data_verbatim="1"))
    close = text("关闭", language)
    head = el(
        "Div", el("Div", el("H2", text("第 {seq} 条", language, seq=number(one.seq)),
                            cls="card-title"),
                  el("P", one.event_words, " ", mark(*_mark(one.outcome, language)),
                     cls="card-sub"), cls="card-titles"),
        el("Div", link(href(record=0), icon("x"), cls="tool", aria_label=close, title=close),
           cls="card-tools"), cls="card-head",
    )  # fmt: skip
    linked: Content = None
    if related:
        items = [
            el("Li", link(href(record=r.seq), el("Span", number(r.seq), cls="num"), " ",
                          el("Span", r.event_words), " ",
                          el("Span", _mark(r.outcome, language)[2], cls="note"),
                          cls="audit-related"))
            for r in related
        ]  # fmt: skip
        linked = el("Div", el("H3", text("同一请求或操作的记录", language), cls="audit-block"),
                    el("Ul", items, cls="audit-sign-list"))  # fmt: skip
    return el("Section", head, el("Dl", rows, cls="audit-fields"), linked, cls="card",
              id="record-card", aria_label=text("第 {seq} 条", language, seq=one.seq))  # fmt: skip


def finding(total: int, bad: int, days: str, state: TrailState, language: str) -> list[Any]:
    """Return the page in one sentence."""
    words: list[Any] = [
        text("{days} {count} 条记录，", language, days=days, count=number(total)),
        el("Strong", text("{count} 条失败或拒绝", language, count=number(bad)), cls="strong"),
        "；" if language == "zh" else "; ",
    ]
    if state.verified is None:
        return [*words, text("还没有校验过。", language)]
    good, at, _, fault = state.verified
    if good:
        return [*words, text("最近校验 {at}，完好。", language, at=short_time(at)[5:16])]
    return [*words, el("Strong", text("最近校验不完好：{fault}", language, fault=fault),
                       cls="bad")]  # fmt: skip
