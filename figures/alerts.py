"""质量与告警 in words: levels, life cycle, indicators, the list of alarms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import fsum

from figures.cells import Cell
from figures.factors import mark, strip
from figures.html import Content, Node, el, first_up, icon, link
from figures.number import MINUS, NONE, figure_button, share_words
from figures.since import RULES
from figures.view import View
from translations import text

Href = Callable[..., str]
LEVELS = {
    "critical": ("danger", "siren", "紧急"),
    "warn": ("warn", "triangle-alert", "重要"),
    "info": ("info", "info", "提示"),
}  # fmt: skip
LEVEL_WORDS = {"all": "全部", **{level: words for level, (_, _, words) in LEVELS.items()}}
STATUS = {"open": "未处理", "working": "处理中", "closed": "已关闭"}
STATUS_WORDS = {"all": "全部", **STATUS}
KINDS = {
    **RULES,
    "silence": "接口无数据", "clock": "时钟偏差", "disk": "磁盘空间不足", "gap": "序号缺口",
    "intake": "数据接收异常",
}  # fmt: skip
CAUSES = {
    "late data": "补录数据", "correction": "更正数据", "factor": "因子变更", "method": "方法变更",
    "setting": "设置变更", "meter register": "计量表变更",
}  # fmt: skip
ENTITIES = {"site": "全站", "diesel": "用油", "pv": "光伏", "data": "数据盘", "server": "服务器"}
SMALLEST_T = 0.005
LIFE = "生命周期：未处理 → 处理中 → 已关闭（须填原因）；同一规则、同一对象相连的时段合并为一条"


@dataclass(frozen=True)
class Line:
    """An alarm issue as the screen shows it.

    Parameters
    ----------
    issue, kind, level, status
        Number, rule, level and where it stands.
    at
        When it began, in words.
    subject, name
        What it is about, and its name where it has one.
    what, measured
        What was found; the measured value and its limit, in words.
    effect_kgco2e, effect_on
        Estimated effect, None where unknown; on emission or substitution.
    assignee, note
        Whose it is; how long it has taken, or its conclusion. ``own`` tells that a person wrote it.
    """

    issue: int
    kind: str
    level: str
    status: str
    at: str
    subject: str
    name: str
    what: str
    measured: str
    effect_kgco2e: float | None
    effect_on: str
    assignee: str
    note: str
    own: bool = False
    holds: bool = False


def level_badge(level: str, language: str) -> Node:
    """Return a level as a badge: icon, word, colour."""
    kind, sign, words = LEVELS[level]
    return mark(kind, sign, text(words, language))


def life(status: str, language: str) -> Node:
    """Return the three dots of the life cycle with its word."""
    at = tuple(STATUS).index(status)
    dots = [
        el("Span", cls="life-dot" + (" on" if n <= at else ""), aria_hidden="true")
        for n in range(3)
    ]
    word = first_up(text(STATUS[status], language))
    return el(
        "Span", el("Span", dots, cls="life-dots"), el("Span", word), cls=f"life life-{status}"
    )


def tonnes(kg: float | None, *, signed: bool = False) -> str:
    """Return an effect in t with two decimals; what is small says that it is not zero."""
    if kg is None:
        return NONE
    t = kg / 1000.0
    if kg and abs(t) < SMALLEST_T:
        return "<0.01"
    words = f"{abs(t):,.2f}"
    if t < 0:
        return f"{MINUS}{words}"
    return f"+{words}" if signed and t else words


def effect_words(line: Line) -> str:
    """Return the effect of a line; what is more or less than usual has its sign."""
    return tonnes(line.effect_kgco2e, signed=line.kind not in ("A4", "A6"))


def conclusion(reason: str, language: str) -> str:
    """Return why an issue closed by itself, in words; a person's words stay as they are."""
    head, _, rest = reason.partition(":")
    if head == "recovered":
        return text("已恢复正常", language)
    if head == "history":
        return text("补录的历史数据，发现时早已恢复", language)
    if head == "merged":
        return text("并入告警 {number}", language, number=rest)
    if head == "vanish":
        cause = text(CAUSES.get(rest, "重新核算"), language)
        return text("{cause}后不再成立", language, cause=cause)
    return reason


def span_words(hours: float, language: str) -> str:
    """Return a length of time in its two largest units."""
    minutes = max(round(hours * 60), 0)
    days, rest = divmod(minutes, 1440)
    whole, left = divmod(rest, 60)
    if days:
        return text("{days} 天 {hours} 小时", language, days=days, hours=whole)
    if whole:
        return text("{hours} 小时 {minutes} 分", language, hours=whole, minutes=left)
    return text("{minutes} 分", language, minutes=left)


# ---- indicators ----


@dataclass(frozen=True)
class Indicators:
    """The six numbers at the top.

    Parameters
    ----------
    month
        In words.
    complete_pct, before_pct
        Hours measured of hours expected, %, of the month and of the one before; None without.
    lines
        The alarms of the month and those before it that are not closed.
    closing_h
        Hours that people took from raising to closing, of the month's.
    emission
        The month's emission, whose estimated share is shown.
    """

    month: str
    complete_pct: float | None
    before_pct: float | None
    lines: Sequence[Line]
    closing_h: Sequence[float]
    emission: Cell | None

    def of(self, *statuses: str) -> list[Line]:
        """Return the lines that stand so."""
        return [line for line in self.lines if line.status in statuses]


def finding(found: Indicators, language: str) -> Content:
    """Return the page in one sentence."""
    pending, size = found.of("open", "working"), _sum(found.of("open", "working"))
    first = text("{month}数据完整率 {pct}%", language, month=found.month, pct=share_words(
        found.complete_pct))  # fmt: skip
    if not found.lines:
        return _joined(language, first, text("没有告警", language))
    second = text("{count} 条告警中 {open} 条未处理", language, count=len(found.lines),
                  open=len(found.of("open")))  # fmt: skip
    third = ""
    if pending and size is not None:
        third = text("未关闭的告警约涉及 {t} t", language, t=tonnes(size))
    return _joined(language, first, second, third)


def _joined(language: str, *words: str) -> str:
    return ("，" if language == "zh" else ", ").join(word for word in words if word)


def _sum(lines: Sequence[Line], on: str = "") -> float | None:
    """Return the effect of lines without their signs; None where none of them is known."""
    known = [abs(one.effect_kgco2e) for one in lines
             if one.effect_kgco2e is not None and on in ("", one.effect_on)]  # fmt: skip
    return fsum(known) if known else None


def kpis(found: Indicators, language: str) -> list[Node]:
    """Return the indicators."""
    return [
        _kpi(
            "accent",
            "完整率",
            share_words(found.complete_pct),
            "%",
            _steps(found, language),
            language,
        ),
        _count("danger", "未处理", found.of("open"), language),
        _count("warn", "处理中", found.of("working"), language),
        _closed(found, language),
        _estimated(found, language),
        _pending(found, language),
    ]


def _kpi(
    tone: str, name: str, value: Content, unit: str, note: Content, language: str, cls: str = ""
) -> Node:
    number = el("Span", value, cls="num kpi-value") if isinstance(value, str) else value
    return el(
        "Div",
        el("Div", el("Span", cls=f"alert-dot dot-{tone}", aria_hidden="true"),
           el("Span", text(name, language), cls="kpi-question"), cls="kpi-top"),
        el("Div", number, el("Span", unit, cls="value-unit"), cls="value-line"),
        el("Div", note, cls="alert-kpi-note"), cls=f"kpi alert-kpi {cls}".strip(),
    )  # fmt: skip


def _steps(found: Indicators, language: str) -> Content:
    if found.complete_pct is None or found.before_pct is None:
        return "\u00a0"
    step = found.complete_pct - found.before_pct
    if abs(step) < 0.05:
        return text("与上月持平", language)
    arrow = "▲" if step > 0 else "▼"
    words = text("{arrow} {step} 个百分点", language, arrow=arrow, step=f"{abs(step):.1f}")
    return el("Span", words, cls="change good" if step > 0 else "change bad")


def _count(tone: str, name: str, lines: Sequence[Line], language: str) -> Node:
    parts = [
        f"{first_up(text(words, language))} {count}"
        for level, (_, _, words) in LEVELS.items()
        if (count := sum(one.level == level for one in lines))
    ]
    grave = tone == "danger" and any(one.level != "info" for one in lines)
    note = el("Span", _joined(language, *parts) or "\u00a0", cls="bad" if grave else "")
    return _kpi(tone, name, str(len(lines)), _each(language), note, language)


def _each(language: str) -> str:
    return "条" if language == "zh" else ""


def _closed(found: Indicators, language: str) -> Node:
    note = "\u00a0"
    if found.closing_h:
        mean = fsum(found.closing_h) / len(found.closing_h)
        note = text("平均用时 {hours} 小时", language, hours=f"{mean:.1f}")
    count = str(len(found.of("closed")))
    return _kpi("ok", "本月已关闭", count, _each(language), note, language)


def _estimated(found: Indicators, language: str) -> Node:
    cell, value = found.emission, NONE
    shown: Content = value
    if cell is not None and cell.estimated_pct is not None:
        share = Cell(cell.estimated_pct, "%", cell.ids, "share", period=cell.period)
        shown = figure_button(share, f"{cell.estimated_pct:.1f}", language, "kpi-value")
    note = text("占{month}碳排放量", language, month=found.month)
    return _kpi("info", "估算占比", shown, "%", note, language)


def _pending(found: Indicators, language: str) -> Node:
    lines = found.of("open", "working")
    parts = [
        f"{text(name, language)} {tonnes(size)}"
        for on, name in (("substitution", "替代"), ("emission", "排放"))
        if (size := _sum(lines, on)) is not None
    ]
    unknown = sum(one.effect_kgco2e is None for one in lines)
    if unknown:
        parts.append(text("另 {count} 条无法估算", language, count=unknown))
    value = tonnes(_sum(lines)) if lines else "0.00"
    note = _joined(language, *parts) or "\u00a0"
    return _kpi("plain", "待确认影响", value, "tCO₂", note, language)


# ---- the list ----


@dataclass(frozen=True)
class Listed:
    """The list of alarms: the lines of the month, which are shown, how they were chosen."""

    lines: Sequence[Line]
    shown: Sequence[Line]
    status: str
    chosen: int
    href: Href
    most: int
    filters: Content
    narrowed: str = ""
    may: bool = False


_COLUMNS = (
    ("级别", ""), ("发生", ""), ("对象", ""), ("内容", ""), ("实际值 / 限值", "num"),
    ("影响 tCO₂", "num"), ("处理人", ""), ("状态", ""), ("用时或结论", ""), ("", ""),
)  # fmt: skip


def segments(listed: Listed, language: str) -> Node:
    """Return the choice of the life cycle's stages, each with its count."""
    items = []
    for status, words in STATUS_WORDS.items():
        count = sum(status in ("all", one.status) for one in listed.lines)
        items.append(
            link(listed.href(status=status, issue=0), f"{first_up(text(words, language))} {count}",
                 cls="segment", aria_current="true" if status == listed.status else None)
        )  # fmt: skip
    return el("Div", items, cls="segments alert-segments", role="group",
              aria_label=text("状态", language))  # fmt: skip


def alarm_list(listed: Listed, subtitle: str, language: str) -> list[Content]:
    """Return the card of the alarms."""
    head = el(
        "Div",
        el("Div", el("H2", text("告警", language), cls="card-title"),
           el("P", subtitle, cls="card-sub"), cls="card-titles"),
        el("Div", segments(listed, language), listed.filters, cls="alert-filters"),
        cls="card-head alert-head",
    )  # fmt: skip
    parts: list[Content] = [head]
    if listed.narrowed:
        back = listed.href(meter="", day=0, medium="", issue=0)
        parts.append(
            el("Div", link(back, el("Span", listed.narrowed, data_verbatim="1"), icon("x"),
                           el("Span", text("取消筛选", language), cls="visually-hidden"),
                           cls="work-chip"), cls="work-chips")
        )  # fmt: skip
    if not listed.shown:
        words = text("没有符合条件的告警" if listed.lines or listed.narrowed else "没有告警",
                     language)  # fmt: skip
        parts.append(el("Div", icon("circle-check"), el("P", words, cls="empty-reason"),
                        cls="empty alert-none"))  # fmt: skip
    else:
        parts.append(_table(listed, language))
    left = len(listed.shown) - listed.most
    if left > 0:
        more = text("再显示 {count} 条", language, count=min(left, 40))
        parts.append(link(listed.href(shown=listed.most + 40), more, cls="button work-more"))
    note = text(LIFE, language)
    parts.append(el("Div", el("Span", note, cls="foot-words"), cls="card-foot"))
    return parts


def _table(listed: Listed, language: str) -> Node:
    head = [el("Th", text(words, language) if words else el(
        "Span", text("处理", language), cls="visually-hidden"), scope="col", cls=cls)
        for words, cls in _COLUMNS]  # fmt: skip
    rows = [_row(line, listed, language) for line in listed.shown[: listed.most]]
    table = el("Table", el("Thead", el("Tr", head)), el("Tbody", rows),
               cls="work-table alert-table")  # fmt: skip
    return el("Div", table, cls="work-scroll", tabIndex="0", data_scroll="x", role="region",
              aria_label=text("告警", language))  # fmt: skip


def _row(line: Line, listed: Listed, language: str) -> Node:
    subject = el(
        "Span", el("Strong", line.name, data_verbatim="1"),
        el("Span", f" {line.subject}", cls="note", data_verbatim="1")
        if line.subject and line.subject != line.name else None,
    )  # fmt: skip
    action = {"open": "派单", "working": "更新"}.get(line.status, "查看")
    step = link(
        listed.href(issue=line.issue), text(action if listed.may else "查看", language),
        el("Span", f" {line.name}", cls="visually-hidden", data_verbatim="1"), cls="work-step",
    )  # fmt: skip
    unknown = text("没有足够的历史数据，无法估算", language)
    effect = el("Span", effect_words(line), title=unknown if line.effect_kgco2e is None else None)
    note = el("Span", line.note, data_verbatim="1" if line.own else None)
    cells = (
        ("", level_badge(line.level, language), "at-level"), ("发生", line.at, "at-when"),
        ("对象", subject, "at-subject"), ("内容", first_up(line.what), "at-what"),
        ("实际值 / 限值", line.measured, "num at-measured"),
        ("影响 tCO₂", effect, "num at-effect"),
        ("处理人", el("Span", line.assignee or NONE, data_verbatim="1"), "at-whose"),
        ("", life(line.status, language), "at-life"), ("用时或结论", note, "at-note"),
        ("", step, "at-step"),
    )  # fmt: skip
    return el("Tr", [el("Td", inside, cls=cls,
                        data_label=text(label, language) if label else None)
                     for label, inside, cls in cells],
              cls="chosen" if line.issue == listed.chosen else "", data_issue=str(line.issue),
              )  # fmt: skip


# ---- elsewhere ----


def notice(view: View) -> Content:
    """Return the strip of what is not handled and grave, its newest three; nothing without."""
    grave = [one for one in view.issues if one.status == "open" and one.level != "info"]
    if not grave:
        return None
    worst = any(one.level == "critical" for one in grave)
    parts = "；" if view.language == "zh" else "; "
    words = parts.join(f"{one.name} {one.at} {one.what}" for one in grave[:3])
    head = view.t("{count} 条未处理告警", count=len(grave))
    way = None
    if view.alerts:
        way = link(f"{view.alerts}?status=open", view.t("去处理"), icon("chevron-right"),
                   cls="strip-link")  # fmt: skip
    return el("Div", strip("danger" if worst else "warn", "siren" if worst else "triangle-alert",
                           way, el("Strong", head), " ",
                           el("Span", words, data_verbatim="1")), cls="alarm-strip")  # fmt: skip


def banner(places: Sequence[tuple[str, str, str]], dropped: int, language: str) -> list[Node]:
    """Return that the alarm log has not been uploaded: to where, since when, why."""
    found = [
        strip("danger", "cloud", el("Strong", text("告警日志超过 15 分钟未能上传", language)),
              el("Span", text("{place}，自 {since}：{why}", language, place=place, since=since,
                              why=why), data_verbatim="1"))
        for place, since, why in places
    ]  # fmt: skip
    if dropped:
        words = text("上传队列已满，放弃了最早的 {count} 条；审计记录里有它们的编号", language,
                     count=dropped)  # fmt: skip
        found.append(strip("danger", "circle-x", words))
    return found
