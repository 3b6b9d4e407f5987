"""What 月结 shows: months, what waits for approval, its effect, and what was restated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import fsum
from typing import Any, NamedTuple

from accounting.ledger import indicators
from accounting.polarity import sign
from figures import charts
from figures.basis import entity_words
from figures.cards import BAD, GOOD, NEUTRAL, Built, Plot
from figures.cells import Book, Cell, Key, adds_over_time
from figures.factors import mark, percent, shown_decimals, strip, vanishing
from figures.html import Content, Node, core, el, first_up, icon, link
from figures.number import (
    MINUS,
    Units,
    attributes,
    figure_button,
    shown_value,
    written,
)
from figures.overview import EMISSION, REDUCTION, SUBSTITUTION
from figures.sheet import Group, Series, Sheet
from figures.view import SiteInfo, View, months_of, period_words
from translations import text

Href = Callable[..., str]
MAIN = (
    (EMISSION, "碳排放量", "role.emission"),
    (SUBSTITUTION, "清洁能源代碳量", "role.substitution"),
    (REDUCTION, "拆解减排量", "role.reduction"),
)
MONTHS_DRAWN = 12
LARGEST_SHOWN = 4


def polarity(indicator: str) -> str:
    """Return whether more of an indicator is bad, good or neither."""
    return {1: GOOD, -1: BAD, 0: NEUTRAL}[sign(indicator)]


def named(key: Key, language: str) -> str:
    """Return a ledger name in words."""
    main = {one: name for one, name, _ in MAIN}
    if key in main:
        return text(main[key], language)
    indicator = indicators().get((key[0], key[1]))
    if indicator is None:
        return " ".join(key)
    name = indicator.name_en if language == "en" else indicator.name_zh
    entity = entity_words(key[1], key[2], language)
    return f"{name}{'，' if language == 'zh' else ', '}{entity}" if entity else name


# ---- what a proposal would change ----


class Changed(NamedTuple):
    """A month figure that would change: old and new in its unit, None where not known."""

    site: str
    period: str
    indicator: str
    dimension: str
    entity: str
    unit: str
    old: float | None
    new: float | None

    @property
    def key(self) -> Key:
        """The figure's name in the ledger."""
        return self.indicator, self.dimension, self.entity


@dataclass(frozen=True)
class Effect:
    """What a proposal would change at one site.

    Parameters
    ----------
    rows
        Its month figures.
    site
        The site.
    sites
        Every site that it touches.
    months, figures
        Site months and figures in all, other sites included.
    settled
        Whether it is in force: then the old values are the former ones.
    """

    rows: tuple[Changed, ...]
    site: SiteInfo
    sites: tuple[SiteInfo, ...]
    months: int
    figures: int
    settled: bool = False

    def of(self, key: Key) -> dict[str, Changed]:
        """Return the rows of a name by month."""
        return {row.period: row for row in self.rows if row.key == key}

    def range(self) -> list[str]:
        """Return the months from the first that changes to the last."""
        periods = sorted({row.period for row in self.rows})
        return months_of(periods[0], periods[-1]) if periods else []


def effect_rows(found: Mapping[str, Any]) -> list[Changed]:
    """Return the rows that a proposal keeps of its effect."""
    return [Changed(*row[:8]) for row in found.get("rows", ())]


def names(effect: Effect, language: str) -> tuple[str, str]:
    """Return how old and new values are called: trial, or in force and former."""
    if effect.settled:
        return text("原值", language), text("现行", language)
    return text("现行", language), text("试算", language)


def _cell(value: float | None, unit: str, held: Cell | None, period: str) -> Cell:
    """Return a value as a cell: the ledger's row itself where the ledger has just that value."""
    if held is not None and held.value == value:
        return held
    return Cell(value, unit, quality="null" if value is None else "measured", period=period)


def pairs(view: View, effect: Effect, key: Key, months: Sequence[str]) -> tuple[list[Cell], ...]:
    """Return old and new of a name by month; a month that does not change has both alike."""
    changed, unit = effect.of(key), indicators()[key[0], key[1]].unit
    before, after = [], []
    for month in months:
        held = view.book.cell(key, month)
        row = changed.get(month)
        now = held.value if held else None
        before.append(_cell(row.old if row else now, unit, held, month))
        after.append(_cell(row.new if row else now, unit, held, month))
    return before, after


def effect_built(view: View, effect: Effect) -> Built:
    """Return old and new per month of the main indicators that change, side by side."""
    labels = tuple(span.label for span in view.periods)
    shown = [one for one in MAIN if effect.of(one[0])]
    if not shown:
        return Built(
            empty=view.t("碳排放量、清洁能源代碳量、拆解减排量都不受影响；受影响的指标见表")
        )
    groups = [_group(view, effect, *one, labels) for one in shown]
    plots = [
        Plot(_bars(view, group, labels, last=group is groups[-1], effect=effect),
             _lead(view, group, effect, legend=group is groups[0]))
        for group in groups
    ]  # fmt: skip
    old, new = names(effect, view.language)
    foot = (
        view.t("实心为现行，斜纹为原值；原值保留在账本里")
        if effect.settled
        else view.t("实心为现行，斜纹为试算；未写入任何数值")
    )
    title = [view.units.of("kgCO2e").word, view.range_words(), view.t("按月")]
    if len(effect.range()) > len(labels):
        title.append(view.t("受影响的最近 {count} 个月", count=len(labels)))
    quality = tuple(groups[0].series[0].cells)
    return Built(
        subtitle=view.joined(*title), plots=tuple(plots), foot=f"{old} / {new}：{foot}"
        if view.language == "zh" else f"{old} / {new}: {foot}",
        sheet=Sheet(labels, tuple(groups), quality), lead=_leading(groups[0]),
    )  # fmt: skip


def _group(
    view: View, effect: Effect, key: Key, name: str, color: str, labels: Sequence[str]
) -> Group:
    before, after = pairs(view, effect, key, labels)
    old, new = names(effect, view.language)
    series = (Series(old, color, tuple(before)), Series(new, color, tuple(after)))
    return Group(view.t(name), before[0].unit, series)


def _bars(
    view: View, group: Group, labels: Sequence[str], *, last: bool, effect: Effect
) -> charts.Figure:
    """Return the bars: what is in force solid, the other hatched, whatever their quality."""
    figure = charts.bars(group, labels, view.units, view.language, stacked=False, axis_words=last)
    solid = 1 if effect.settled else 0
    for at, trace in enumerate(figure["data"]):
        trace["marker"]["pattern"] = {"shape": ""} if at == solid else dict(_HATCHED)
        trace["marker"]["line"] = {"width": 1, "color": trace["marker"]["color"]}
    return figure


_HATCHED = {"shape": charts.HATCH, "size": 5, "solidity": 0.45, "fillmode": "replace",
            "bgcolor": "@surface"}  # fmt: skip


def _lead(view: View, group: Group, effect: Effect, *, legend: bool) -> Node:
    """Return the title of one indicator's bars with its last pair; the first names the two."""
    word = view.units.of(group.unit).word
    at = _last_whole(group)
    shown = group.words(at, view.units)
    period = period_words(group.series[0].cells[at].period, view.language)  # type: ignore[union-attr]
    last = el("Span", period, " ", *_pair(view, group, at, shown), cls="work-last")
    keys: list[Node] = []
    if legend:
        hatched = 0 if effect.settled else 1
        for place, series in enumerate(group.series):
            cls = f"key c-{series.color.replace('.', '-')}"
            cls += " key-hatch" if place == hatched else ""
            keys.append(el("Span", el("Span", cls=cls, aria_hidden="true"), series.name,
                           cls="legend-item legend-plain"))  # fmt: skip
    return el(
        "Div",
        el("Div", el("Strong", group.title), el("Span", word, cls="lead-unit"), last,
           cls="lead-title"),
        el("Div", keys, cls="legend") if keys else None, cls="lead",
    )  # fmt: skip


def _pair(view: View, group: Group, at: int, shown: Sequence[str]) -> list[Content]:
    found: list[Content] = []
    for place, series in enumerate(group.series):
        cell = series.cells[at]
        found += [" → "] if place else []
        found.append(_number(cell, shown[place], view.language) if cell else "--")
    return found


def _leading(group: Group) -> Cell | None:
    """Return the ledger row that stands for the chart: the last whole month as it is in force."""
    at = _last_whole(group)
    found = [s.cells[at] for s in group.series]
    return next((cell for cell in found if cell is not None and cell.ids), None)


def _last_whole(group: Group) -> int:
    """Return the place of the last month that is over; of the last one where none is."""
    columns = [series.cells for series in group.series]
    whole = [
        at
        for at, cells in enumerate(zip(*columns, strict=True))
        if not any(cell and "month_to_date" in cell.flags for cell in cells)
    ]
    return whole[-1] if whole else len(columns[0]) - 1


@dataclass(frozen=True, slots=True)
class Compared:
    """A line of the effect table: what, over which months, old and new."""

    key: Key
    period: str
    before: Cell
    after: Cell


def compared(view: View, effect: Effect) -> tuple[list[Compared], list[Compared]]:
    """Return the lines of the effect table: the main indicators, and every other one."""
    months = effect.range()
    main: list[Compared] = []
    for key, _, _ in MAIN:
        if effect.of(key):
            main += _both(view, effect, key, months)
    others = sorted({row.key for row in effect.rows} - {key for key, _, _ in MAIN})
    order = list(indicators())
    others.sort(key=lambda key: order.index((key[0], key[1])))
    rest: list[Compared] = []
    for key in others:
        rest += _both(view, effect, key, months)[-1:]
    return main, rest


def _both(view: View, effect: Effect, key: Key, months: Sequence[str]) -> list[Compared]:
    """Return the last month that changes, and all that change together where they add up."""
    changed = sorted(effect.of(key))
    whole = [m for m in changed if not _running(view, key, m)] or changed
    before, after = pairs(view, effect, key, whole[-1:])
    found = [Compared(key, whole[-1], before[0], after[0])]
    if len(changed) > 1 and adds_over_time(before[0].unit):
        before, after = pairs(view, effect, key, changed)
        label = f"{changed[0]}/{changed[-1]}"
        found.append(Compared(key, label, _sum(before, label), _sum(after, label)))
    return found


def _running(view: View, key: Key, month: str) -> bool:
    cell = view.book.cell(key, month)
    return cell is not None and "month_to_date" in cell.flags


def _sum(cells: Sequence[Cell], label: str) -> Cell:
    """Return the sum of cells, exact; it opens only where every part is a row of the ledger."""
    values = [cell.value for cell in cells if cell.value is not None]
    whole = fsum(values) if len(values) == len(cells) else None
    ids = tuple(ident for cell in cells for ident in cell.ids)
    known = len(ids) == len(cells) and len(ids) > 1
    return Cell(whole, cells[0].unit, ids if known else (), "sum" if known else "",
                "null" if whole is None else "measured", period=label)  # fmt: skip


def affected(view: View, effect: Effect, csv: str) -> Node:
    """Return the table of affected indicators: old, new, difference, percentage."""
    language = view.language
    main, rest = compared(view, effect)
    old, new = names(effect, language)
    head = [(view.t("指标"), ""), (old, "num"), (new, "num"), (view.t("差"), "num"),
            (view.t("幅度"), "num")]  # fmt: skip
    body: list[Content] = []
    if main:
        body.append(_effect_table(view, head, main))
    if rest:
        largest = sorted(rest, key=_size, reverse=True)[:LARGEST_SHOWN]
        title = view.t("其他指标中变化最大的") if main else view.t("变化最大的指标")
        body.append(el("P", title, cls="work-label work-largest"))
        body.append(_effect_table(view, head, largest))
    if len(rest) > LARGEST_SHOWN:
        words = view.t("全部其他指标（{count}）", count=len(rest))
        body.append(el("Details", el("Summary", words, cls="more"),
                       _effect_table(view, head, rest)))  # fmt: skip
    counts = view.t(
        "共 {months} 个站点月、{figures} 个数值", months=effect.months, figures=effect.figures
    )
    return el(
        "Section",
        el("Div", el("Div", el("H3", view.t("受影响的指标"), cls="card-title"),
                     el("P", view.t("颜色按好坏：排放降为好，替代与减排升为好"), cls="card-sub"),
                     cls="card-titles"), cls="card-head"),
        body or el("Div", icon("inbox"), el("P", view.t("没有数值会变化"), cls="empty-reason"),
                   cls="empty"),
        el("Div", el("Span", counts, cls="foot-words"),
           el("A", icon("download"), el("Span", view.t("全部清单 CSV")), href=csv, download="",
              target="_self", cls="btn-trace"), cls="card-foot"),
        cls="card",
    )  # fmt: skip


def _size(row: Compared) -> float:
    """Return how much a line changes, as a share of what it was."""
    if not row.before.value or row.after.value is None:
        return 0.0
    return abs(row.after.value / row.before.value - 1)


def _effect_table(view: View, head: Sequence[tuple[str, str]], rows: Sequence[Compared]) -> Node:
    return el(
        "Div",
        el("Table",
           el("Thead", el("Tr", [el("Th", words, cls=cls, scope="col") for words, cls in head])),
           el("Tbody", [_effect_row(view, row) for row in rows]), cls="trace-table effect-table"),
        cls="work-scroll", tabIndex="0", data_scroll="x", role="region",
        aria_label=view.t("受影响的指标"),
    )  # fmt: skip


def _effect_row(view: View, row: Compared) -> Node:
    measure = view.units.of(row.before.unit)
    before, after = shown_value(row.before, measure), shown_value(row.after, measure)
    decimals, gap = 2, None
    if before is not None and after is not None:
        decimals = vanishing(after - before, shown_decimals(float(before), float(after)))
        gap = round(after, decimals) - round(before, decimals)
    name = el("Th", el("Div", named(row.key, view.language)),
              el("Div", _when(view, row.period), " ", measure.word, cls="note"),
              scope="row")  # fmt: skip
    return el(
        "Tr", name,
        el("Td", _number(row.before, written(before, decimals), view.language), cls="num"),
        el("Td", el("Strong", _number(row.after, written(after, decimals), view.language)),
           cls="num"),
        el("Td", _gap(row.key, gap, decimals), cls="num"),
        el("Td", _pct(before, gap), cls="num"),
    )  # fmt: skip


def _number(cell: Cell, words: str, language: str) -> Node:
    """Return a number of a table: one of the ledger opens and says so by its underline."""
    return figure_button(cell, words, language, "cell" if cell.ids else "")


def _when(view: View, period: str) -> str:
    first, _, last = period.partition("/")
    if not last:
        return period_words(first, view.language)
    joint = " ～ " if view.language == "zh" else " – "
    return f"{first}{joint}{last}"


def _gap(key: Key, gap: Decimal | None, decimals: int) -> Content:
    if gap is None:
        return "--"
    meaning = NEUTRAL
    if gap:
        meaning = polarity(key[0])
        meaning = {BAD: GOOD, GOOD: BAD}.get(meaning, meaning) if gap < 0 else meaning
    arrow = "▲ " if gap > 0 else "▼ " if gap < 0 else ""
    return el("Span", f"{arrow}{written(abs(gap), decimals)}", cls=f"num change {meaning}")


def _pct(before: Decimal | None, gap: Decimal | None) -> str:
    if gap is None or not before:
        return "--"
    return percent(float(100 * gap / abs(before)))


# ---- the decision ----


@dataclass(frozen=True)
class Decision:
    """A proposal as it stands, and why the reader cannot decide it.

    Parameters
    ----------
    number, kind, status
        Its number, what it is about, ``open``, ``accepted``, ``rejected`` or ``withdrawn``.
    proposer, proposed, decider, decided, reason
        Who and when (site-local), and what was remarked.
    hindrances
        Why it cannot be approved, in words; none where it can.
    may_reject
        Whether the reader may reject it.
    restated
        Of the figures that were tried, how many the ledger now holds so.
    """

    number: int
    kind: str
    status: str
    proposer: str
    proposed: str
    decider: str = ""
    decided: str = ""
    reason: str = ""
    hindrances: tuple[str, ...] = ()
    may_reject: bool = False
    restated: tuple[int, int] = (0, 0)
    bare: bool = False


def decide(
    decision: Decision, ident: Callable[[str], dict[str, str]], said: Content, language: str
) -> Node:
    """Return the steps of a proposal, the reason and the two buttons."""
    return el(
        "Section", _stepper(decision, language), said,
        _buttons(decision, ident, language) if decision.status == "open" else None,
        cls="card work-decide", aria_label=text("批准", language),
    )  # fmt: skip


def _stepper(decision: Decision, language: str) -> Node:
    status = decision.status
    approve = {
        "open": ("now", text("批准", language), text("等待另一账号", language)),
        "accepted": ("done", text("批准", language), _by(decision.decider, decision.decided)),
        "rejected": ("bad", text("已驳回", language), _by(decision.decider, decision.decided)),
        "withdrawn": ("bad", text("已撤回", language), _by(decision.decider, decision.decided)),
    }[status]
    last = text("旧值保留为上一版", language)
    if status == "accepted" and decision.restated[1]:
        last = text("{done} / {of} 个月度数值与试算一致", language, done=decision.restated[0],
                    of=decision.restated[1])  # fmt: skip
    steps = (
        ("done", text("提出", language), _by(decision.proposer, decision.proposed)),
        approve,
        ("done" if status == "accepted" else "next", text("生效并重算", language), last),
    )
    items = [
        el("Li",
           el("Span", icon("check") if state == "done" else icon("x") if state == "bad"
              else str(at + 1), cls="step-dot", aria_hidden="true"),
           el("Div", el("Strong", name), el("Div", note, cls="note", data_verbatim="1"),
              cls="step-words"), cls=f"step-{state}",
           aria_current="step" if state == "now" else None)
        for at, (state, name, note) in enumerate(steps)
    ]  # fmt: skip
    remark = None
    if decision.reason:
        remark = el("P", text("意见", language), ": ",
                    el("Span", decision.reason, data_verbatim="1"), cls="note")  # fmt: skip
    return el("Div", el("Ol", items, cls="steps-row"), remark)


def _by(name: str, when: str) -> str:
    return " ".join(part for part in (name, when) if part)


def _buttons(decision: Decision, ident: Callable[[str], dict[str, str]], language: str) -> Node:
    closed = bool(decision.hindrances)
    reason = el(
        "Label", el("Span", text("意见（驳回时必填）", language), cls="work-label"),
        core("Input", id=ident("reason"), type="text", value="", maxLength=300,
             autoComplete="off", disabled=not decision.may_reject),
        cls="work-field work-reason",
    )  # fmt: skip
    why = el("Div", [el("P", icon("circle-x"), el("Span", words), cls="work-hindrance")
                     for words in decision.hindrances], id="why")  # fmt: skip
    return el(
        "Div", reason,
        el("Div",
           el("Button", icon("undo-2"), el("Span", text("驳回", language)), cls="button",
              id=ident("reject"), type="button", disabled=not decision.may_reject),
           el("Button", icon("check"), el("Span", text("批准并重算", language)),
              cls="button button-main", id=ident("accept"), type="button", disabled=closed,
              aria_describedby="why" if closed else None),
           cls="work-buttons"),
        why if closed else None,
        el("Div", text("正在重算…", language), id=ident("busy"), cls="work-hidden",
           role="status"),
        el("Div", id=ident("act-said"), role="alert", cls="work-said"),
        cls="work-decision",
    )  # fmt: skip


# ---- what waits ----

KINDS = {
    "factors": ("book-open-check", "因子版本"),
    "setting": ("sliders-horizontal", "站点设置"),
    "adjustment": ("square-pen", "月份调整"),
    "reopen": ("lock-open", "月份重开"),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal of the list: number, kind, subject in words, who, when, how much it changes."""

    number: int
    kind: str
    subject: str
    proposer: str
    proposed: str
    months: int
    figures: int


def waiting(rows: Sequence[Waiting], chosen: int, href: Href, language: str) -> Node:
    """Return what waits for a second person; choosing one shows its effect."""
    head = [text(w, language) for w in ("申请", "涉及", "提出", "影响")]
    body = [_waiting_row(row, chosen, href, language) for row in rows]
    inside = el(
        "Table", el("Thead", el("Tr", [el("Th", w, scope="col", role="columnheader")
                                       for w in head], role="row"), role="rowgroup"),
        el("Tbody", body, role="rowgroup"), cls="work-table waiting", role="table",
        aria_label=text("待批准", language),
    )  # fmt: skip
    if not rows:
        inside = el("Div", icon("circle-check"),
                    el("P", text("没有待批准的申请", language), cls="empty-reason"),
                    cls="empty work-slim")  # fmt: skip
    whole = scrolled(inside, text("待批准", language)) if rows else inside
    return el("Section", whole, cls="card")


def scrolled(table: Node, label: str) -> Node:
    """Return a table that is scrolled sideways by itself where it is too wide."""
    return el("Div", table, cls="work-scroll", tabIndex="0", data_scroll="x", role="region",
              aria_label=label)  # fmt: skip


def _waiting_row(row: Waiting, chosen: int, href: Href, language: str) -> Node:
    sign, kind = KINDS[row.kind]
    name = link(href(proposal=row.number), icon(sign), " ", f"{text(kind, language)} {row.number}",
                cls="work-name", aria_current="true" if row.number == chosen else None)  # fmt: skip
    size = text("{months} 个站点月、{figures} 个数值", language, months=row.months,
                figures=row.figures) if row.figures else text("不改变数值", language)  # fmt: skip
    cells = (
        ("", name, "at-name"),
        ("涉及", el("Span", row.subject, data_verbatim="1", cls="wrap"), "at-source"),
        ("提出", el("Span", _by(row.proposer, row.proposed), data_verbatim="1"), "at-rest"),
        ("影响", size, "at-rest"),
    )
    return el("Tr", [el("Td", inside, cls=cls, role="cell",
                        data_label=text(label, language) if label else None)
                     for label, inside, cls in cells], role="row",
              cls="chosen" if row.number == chosen else "")  # fmt: skip


def subject_note(rows: Sequence[tuple[str, Content, Content]], language: str) -> Node:
    """Return what a proposal would do: name, old, new."""
    head = [text(w, language) for w in ("项目", "现行", "申请")]
    return el(
        "Div",
        el("Table", el("Thead", el("Tr", [el("Th", w, scope="col") for w in head])),
           el("Tbody", [el("Tr", el("Th", el("Span", name, data_verbatim="1"), scope="row"),
                           el("Td", el("Span", old, data_verbatim="1")),
                           el("Td", el("Span", new, data_verbatim="1")))
                        for name, old, new in rows]), cls="trace-table"),
        cls="work-scroll", tabIndex="0", data_scroll="x", role="region",
        aria_label=text("申请", language),
    )  # fmt: skip


# ---- months ----

STATUS = {
    "open": ("stale", "clock", "未结"),
    "checked": ("info", "clipboard-check", "已核对"),
    "locked": ("ok", "lock", "已锁定"),
}
STEPS = {"open": "核对", "checked": "锁定", "locked": "重新打开"}


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a site as the table shows it; ``at`` is site-local, in words."""

    site: str
    month: str
    status: str
    actor: str
    at: str
    figures: int
    incomplete: int
    unknown: int
    running: bool
    due: bool
    changed: bool
    adjustments: int
    waiting: int = 0


def closing_finding(months: Sequence[Month], proposals: int, language: str) -> Content:
    """Return the page in one sentence."""
    locked = sum(m.status == "locked" for m in months)
    checked = sum(m.status == "checked" for m in months)
    whole = [m for m in months if not m.running]
    ready = [m for m in whole if m.status == "open"]
    waits = text("{count} 项待批准", language, count=proposals)
    return [
        text("{count} 个已结束的月份：{locked} 个已锁定，{checked} 个已核对，{open} 个未结；",
             language, count=len(whole), locked=locked, checked=checked, open=len(ready)),
        el("Strong", waits, cls="strong") if proposals else waits,
        text("。", language),
    ]  # fmt: skip


def month_badges(month: Month, language: str) -> list[Node]:
    """Return how a month stands: status, and what is open about it."""
    kind, sign, words = STATUS[month.status]
    found = [mark(kind, sign, text(words, language))]
    for there, one in (
        (month.running, ("stale", "clock", "进行中")),
        (month.due, ("warn", "rotate-cw", "待结算")),
        (month.changed, ("warn", "triangle-alert", "核对后有变化")),
        (bool(month.waiting), ("info", "git-compare-arrows", "有申请")),
    ):
        if there:
            found.append(mark(one[0], one[1], text(one[2], language)))
    return found


def months_table(
    months: Sequence[Month], chosen: Month | None, shown: int, href: Href, language: str
) -> list[Node]:
    """Return the months of a site, newest first; choosing one shows its steps."""
    heads = (("月份", ""), ("状态", ""), ("谁、何时", ""), ("数值个数", "num"), ("不完整", "num"),
             ("缺数", "num"), ("调整", "num"), ("下一步", ""))  # fmt: skip
    rows = [_month_row(m, chosen, href, language) for m in months[:shown]]
    table = el(
        "Table",
        el("Thead", el("Tr", [el("Th", text(w, language), cls=cls, scope="col",
                                 role="columnheader") for w, cls in heads], role="row"),
           role="rowgroup"),
        el("Tbody", rows, role="rowgroup"), cls="work-table months", role="table",
        aria_label=text("月份", language),
    )  # fmt: skip
    box = scrolled(table, text("月份", language))
    left = len(months) - shown
    if left <= 0:
        return [box]
    words = text("显示更多（还有 {count} 个）", language, count=left)
    return [box, link(href(shown=shown + 24), icon("chevron-down"), el("Span", words),
                        cls="button work-more")]  # fmt: skip


def _month_row(month: Month, chosen: Month | None, href: Href, language: str) -> Node:
    here = chosen is not None and chosen.month == month.month
    name = link(href(month=month.month), month.month, cls="work-name num",
                aria_current="true" if here else None)  # fmt: skip
    step = el("Span", "--", cls="note")
    if not month.running:
        step = link(href(month=month.month), text(STEPS[month.status], language),
                    icon("chevron-right"), cls="work-step")  # fmt: skip
    cells = (
        ("", name, "at-name"),
        ("", el("Div", month_badges(month, language), cls="badges"), "at-state"),
        ("谁、何时", el("Span", el("Span", month.actor), " ", el("Span", month.at, cls="note"),
                    data_verbatim="1", cls="work-by") if month.actor else "--", "at-rest"),
        ("数值个数", f"{month.figures:,}", "num at-rest"),
        ("不完整", f"{month.incomplete:,}", "num at-rest"),
        ("缺数", f"{month.unknown:,}", "num at-rest"),
        ("调整", f"{month.adjustments:,}", "num at-rest"),
        ("下一步", step, "at-rest"),
    )  # fmt: skip
    return el("Tr", [el("Td", inside, cls=cls, role="cell",
                        data_label=text(label, language) if label else None)
                     for label, inside, cls in cells], role="row",
              cls="chosen" if here else "")  # fmt: skip


@dataclass(frozen=True)
class Steps:
    """What the reader may do with a month: why nothing, and what was done so far."""

    hindrance: str = ""
    history: tuple[tuple[str, str, str, str], ...] = field(default=())


def month_card(
    month: Month, steps: Steps, ident: Callable[[str], dict[str, str]], language: str
) -> Node:
    """Return a month's counts, its story and its steps."""
    whole = max(month.figures, 1)
    facts = [
        (text("数值个数", language), f"{month.figures:,}"),
        (text("不完整", language),
         f"{month.incomplete:,} ({percent(100 * month.incomplete / whole, signed=False)})"),
        (text("缺数", language),
         f"{month.unknown:,} ({percent(100 * month.unknown / whole, signed=False)})"),
        (text("已批准的调整", language), f"{month.adjustments:,}"),
    ]  # fmt: skip
    story = [
        el("Li", mark(*STATUS[status][:2], text(STATUS[status][2], language)),
           el("Span", " ", _by(who, when), data_verbatim="1", cls="note"),
           el("Div", reason, cls="note", data_verbatim="1") if reason else None)
        for status, who, when, reason in reversed(steps.history)
    ]  # fmt: skip
    return el(
        "Section",
        el("Div", el("Div", el("H2", period_words(month.month, language), cls="card-title"),
                     el("P", text(_MEANS[month.status], language), cls="card-sub"),
                     cls="card-titles"), cls="card-head"),
        el("Div", month_badges(month, language), cls="badges"),
        el("Div", [el("Div", el("Span", name), el("Span", words, cls="num"), cls="fact")
                   for name, words in facts], cls="facts"),
        _month_steps(month, steps, ident, language),
        el("Div", el("Div", text("经过", language), cls="work-label"),
           el("Ul", story, cls="work-story")) if story else None,
        cls="card month-card", id="month-card",
    )  # fmt: skip


_MEANS = {
    "open": "核对表示有人看过这个月的数值；数值再变时，状态自动退回未结",
    "checked": "锁定后数值只能经第二个人批准的调整改变",
    "locked": "数值已固定；补录与因子变更会变成调整申请",
}
_DONE = {"open": ("check",), "checked": ("lock", "reopen"), "locked": ("reopen",)}
_STEP_WORDS = {
    "check": ("clipboard-check", "核对"),
    "lock": ("lock", "锁定"),
    "reopen": ("lock-open", "重新打开"),
}


def _month_steps(
    month: Month, steps: Steps, ident: Callable[[str], dict[str, str]], language: str
) -> Node:
    """Return the buttons of a month; those that are not the next step are hidden, not gone."""
    shut = bool(steps.hindrance)
    buttons = []
    for at, (step, (icon_name, words)) in enumerate(_STEP_WORDS.items()):
        main = " button-main" if step == _DONE[month.status][0] and at < 2 else ""
        gone = "" if step in _DONE[month.status] else " work-hidden"
        buttons.append(
            el("Button", icon(icon_name), el("Span", text(words, language)), type="button",
               id=ident(step), cls=f"button{main}{gone}", disabled=shut)
        )  # fmt: skip
    label = text("原因（重新打开已锁定的月份时必填）", language)
    reason = el(
        "Label", el("Span", label, cls="work-label"),
        core("Input", id=ident("step-reason"), type="text", value="", maxLength=300,
             autoComplete="off", disabled=shut),
        cls="work-field" + ("" if "reopen" in _DONE[month.status] else " work-hidden"),
    )  # fmt: skip
    why = el("P", icon("circle-x"), el("Span", steps.hindrance), cls="work-hindrance")
    return el(
        "Div", reason, el("Div", buttons, cls="work-buttons"), why if shut else None,
        el("Div", id=ident("act-step-said"), role="alert", cls="work-said"),
        cls="work-decision",
    )  # fmt: skip


# ---- what was restated ----

CAUSES = {
    "late data": "补录数据", "correction": "更正数据", "factor": "因子变更", "method": "方法变更",
    "setting": "设置变更", "meter register": "计量表变更",
}  # fmt: skip


@dataclass(frozen=True)
class Restatement:
    """An indicator as it was known at a time and as it is known now.

    Parameters
    ----------
    key, unit
        Its ledger name and unit.
    old, new
        Sums over the months, exact; None where there is none.
    parts
        Difference by cause, exact: old and all parts make new.
    months
        Month, row known then, row of now, difference by cause.
    left_out
        Months that are in neither sum, and why: unknown or first computed later.
    since
        The time, site-local, in words.
    """

    key: Key
    unit: str
    old: Decimal | None
    new: Decimal | None
    parts: Mapping[str, Decimal]
    months: tuple[tuple[str, Cell, Cell, Mapping[str, Decimal]], ...]
    left_out: tuple[tuple[str, str], ...]
    since: str


def restated_built(view: View, found: Restatement) -> Built:
    """Return the waterfall from old to new by cause."""
    name = named(found.key, view.language)
    measure = view.units.of(found.unit)
    subtitle = view.joined(name, measure.word, view.range_words())
    if found.old is None or found.new is None:
        return Built(subtitle=subtitle, empty=view.t("所选月份没有当时已知的数值"))
    if not found.parts:
        return Built(
            subtitle=subtitle,
            empty=view.t("自 {since} 之前至今没有重述：数值仍是当时的", since=found.since),
        )
    causes = [cause for cause in CAUSES if cause in found.parts]
    amounts = [found.old, *(found.parts[cause] for cause in causes), found.new]
    shown = [amount * measure.scale for amount in amounts]
    words = _adding(shown)
    labels = [view.t("当时"), *(first_up(view.t(CAUSES[cause])) for cause in causes),
              view.t("现在")]  # fmt: skip
    kinds = ["absolute", *["relative"] * len(causes), "total"]
    cells = _restated_cells(found, causes)
    figure = charts.steps(
        labels, [float(v) for v in shown], kinds, words, [attributes(c) for c in cells]
    )
    _coloured(figure, found.key)
    sheet = _restated_sheet(view, found)
    lead = el(
        "Div", el("Div", el("Strong", name), el("Span", measure.word, cls="lead-unit"),
                  cls="lead-title"), cls="lead",
    )  # fmt: skip
    foot = view.t("当时为 {since} 之前已知的数值；各原因之差相加正好是现在", since=found.since)
    now = view.book.cell(found.key, found.months[-1][0])
    return Built(subtitle=subtitle, plots=(Plot(figure, lead),), foot=foot, sheet=sheet, lead=now)


def _coloured(figure: charts.Figure, key: Key) -> None:
    """Give steps the colours of good and bad for the indicator, totals its own."""
    trace = figure["data"][0]
    up, down = {GOOD: ("status.good", "status.bad"), BAD: ("status.bad", "status.good")}.get(
        polarity(key[0]), ("product.office", "product.office")
    )
    trace["increasing"] = {"marker": {"color": charts.color(up)}}
    trace["decreasing"] = {"marker": {"color": charts.color(down)}}
    own = next((color for one, _, color in MAIN if one == key), "energy.total")
    trace["totals"] = {"marker": {"color": charts.color(own)}}


def _adding(amounts: Sequence[Decimal]) -> list[str]:
    """Return the words of first, steps and last; what is shown adds up: steps take the rest."""
    gaps = [abs(a) for a in amounts[1:-1] if a]
    decimals = shown_decimals(float(amounts[0]), float(amounts[-1]))
    for gap in gaps:
        decimals = vanishing(gap, decimals)
    first, last = round(amounts[0], decimals), round(amounts[-1], decimals)
    steps = [round(a, decimals) for a in amounts[1:-1]]
    if steps:
        largest = max(range(len(steps)), key=lambda at: abs(steps[at]))
        steps[largest] += last - first - sum(steps)
    signs = [("+" if s > 0 else MINUS if s < 0 else "") for s in steps]
    shown = [f"{sign}{written(abs(s), decimals)}" for sign, s in zip(signs, steps, strict=True)]
    return [written(first, decimals), *shown, written(last, decimals)]


def _restated_cells(found: Restatement, causes: Sequence[str]) -> list[Cell]:
    old = [row[1] for row in found.months]
    new = [row[2] for row in found.months]
    ends = [
        Cell(fsum(c.value or 0.0 for c in cells), found.unit,
             tuple(i for c in cells for i in c.ids), "sum" if len(cells) > 1 else "")
        for cells in (old, new)
    ]  # fmt: skip
    steps = []
    for cause in causes:
        touched = [row for row in found.months if cause in row[3]]
        ids = tuple(i for _, a, b, _ in touched for i in (*a.ids, *b.ids))
        steps.append(Cell(float(found.parts[cause]), found.unit, tuple(dict.fromkeys(ids)), "view"))
    return [ends[0], *steps, ends[1]]


def _restated_sheet(view: View, found: Restatement) -> Sheet:
    labels = tuple(row[0] for row in found.months)
    before = Series(view.t("当时"), "product.office", tuple(row[1] for row in found.months))
    now = Series(view.t("现在"), "role.emission", tuple(row[2] for row in found.months))
    group = Group(named(found.key, view.language), found.unit, (before, now))
    return Sheet(labels, (group,), tuple(row[2] for row in found.months))


def restated_table(found: Restatement, units: Units, language: str) -> Node:
    """Return the months that were restated: then, now, difference, causes."""
    measure = units.of(found.unit)
    rows = []
    for month, before, now, parts in found.months:
        if not parts:
            continue
        a, b = shown_value(before, measure), shown_value(now, measure)
        if a is None or b is None:
            continue
        decimals = vanishing(b - a, shown_decimals(float(a), float(b)))
        gap = round(b, decimals) - round(a, decimals)
        why = "、" if language == "zh" else ", "
        rows.append(
            el("Tr", el("Th", month, scope="row"),
               el("Td", _number(before, written(a, decimals), language), cls="num"),
               el("Td", _number(now, written(b, decimals), language), cls="num"),
               el("Td", _gap(found.key, gap, decimals), cls="num"),
               el("Td", first_up(why.join(text(CAUSES[c], language) for c in CAUSES
                                           if c in parts))))
        )  # fmt: skip
    heads = (("月份", ""), ("当时", "num"), ("现在", "num"), ("差", "num"), ("原因", ""))
    note = [
        el("P", f"{month}: {text(why, language)}", cls="note") for month, why in found.left_out[:6]
    ]
    title = text("被重述的月份", language)
    table = el(
        "Div",
        el("Table",
           el("Thead", el("Tr", [el("Th", text(w, language), cls=cls, scope="col")
                                 for w, cls in heads])), el("Tbody", rows),
           cls="trace-table effect-table"),
        cls="work-scroll", tabIndex="0", data_scroll="x", role="region", aria_label=title,
    )  # fmt: skip
    empty = el("Div", icon("circle-check"), el("P", text("没有月份被重述", language),
                                               cls="empty-reason"), cls="empty")  # fmt: skip
    return el(
        "Section",
        el("Div", el("Div", el("H3", title, cls="card-title"),
                     el("P", measure.word, cls="card-sub"), cls="card-titles"), cls="card-head"),
        table if rows else empty,
        el("Div", text("不计入的月份", language), ": ", note, cls="note work-left") if note else
        None, cls="card",
    )  # fmt: skip


def demo_mark(language: str) -> Node:
    """Return the mark of a page whose numbers are a demonstration site's."""
    return el("Span", icon("flask-conical"), text("演示数据", language), cls="badge badge-demo")


def said_strip(kind: str, words: str) -> Node:
    """Return what came of an action."""
    return strip(kind, "circle-check" if kind == "ok" else "circle-x", words)


def held(book: Book, rows: Sequence[Changed]) -> tuple[int, int]:
    """Return how many of the tried figures the ledger now holds so, and how many there are."""
    cells = [(book.cell(row.key, row.period), row.new) for row in rows]
    return sum(cell is not None and cell.value == new for cell, new in cells), len(cells)
