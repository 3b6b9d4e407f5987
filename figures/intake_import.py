"""导入: what stands on the tab on which files are brought in, step by step."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from figures.factors import strip
from figures.html import Content, Node, core, el, icon, link
from figures.number import MINUS, share_words
from translations import text

STEPS = ("选择文件", "匹配字段", "校验与修正", "确认入库")
SHOWN = 200
Href = Callable[..., str]


def doing(**command: object) -> str:
    """Return what a button asks for, as assets/66-intake.js sends it."""
    return json.dumps(command, ensure_ascii=False)


def button(words: Content, sign: str, command: str, cls: str = "", **more: object) -> Node:
    """Return a button that sends a command."""
    return el("Button", icon(sign) if sign else None, el("Span", words),
              cls=f"button {cls}".strip(), type="button", data_intake=command, **more)  # fmt: skip


def picker(label: str, shown: str, options: Sequence[tuple[str, str, bool]], cls: str) -> Node:
    """Return a menu: label, what is chosen, and each choice with its command."""
    items = [
        el("Button", icon("check") if chosen else el("Span", cls="icon-gap"), el("Span", words),
           cls="menu-item", type="button", data_intake=command,
           aria_current="true" if chosen else None)
        for words, command, chosen in options
    ]  # fmt: skip
    return el(
        "Details",
        el("Summary", el("Span", label, cls="filter-label") if label else None,
           el("Span", shown, cls="filter-value"), icon("chevron-down"), cls="filter"),
        el("Div", items, cls="menu"), cls=f"menu-box {cls}",
    )  # fmt: skip


def stepper(step: int, notes: Sequence[str], language: str) -> Node:
    """Return the four steps; those before ``step`` are done, counted from 0."""
    items = []
    for place, (name, note) in enumerate(zip(STEPS, notes, strict=True)):
        state = "done" if place < step else "now" if place == step else "open"
        dot = icon("check") if place < step else str(place + 1)
        items.append(
            el("Li", el("Span", dot, cls="step-dot"),
               el("Span", el("Strong", text(name, language)),
                  el("Span", note or "\u00a0", cls="card-sub"), cls="step-words"),
               cls=f"step-{state}", aria_current="step" if place == step else None)
        )  # fmt: skip
    return el("Div", el("Ol", items, cls="steps-row intake-steps"), cls="card intake-card")


# ---- a file is chosen ----


@dataclass(frozen=True)
class Takes:
    """Which files are taken, by the ends of their names; how large, MB; what is said of larger."""

    suffixes: str
    most_mb: int
    book_mb: int
    too_large: str
    too_large_book: str
    too_large_parquet: str


def chooser(templates: Sequence[tuple[str, str]], takes: Takes, may: bool, language: str) -> Node:
    """Return where a file is dropped or chosen, and the templates of every kind."""
    if not may:
        return el("Div", icon("lock"),
                  el("P", text("您的角色不能导入数据", language), cls="empty-reason"),
                  cls="card empty")  # fmt: skip
    words = text("CSV（UTF-8 或 GB18030）不超过 {mb} MB；XLSX、XLS、读数的 Parquet，"
                 "以及表计、产出物、行情的 CSV 不超过 {book} MB",
                 language, mb=takes.most_mb, book=takes.book_mb)  # fmt: skip
    drop = el(
        "Div",
        icon("upload"),
        el("P", text("把文件拖到这里", language), cls="intake-drop-lead"),
        el("P", words, cls="card-sub"),
        el("Button", icon("file-plus"), el("Span", text("选择文件", language)),
           cls="button button-main", type="button", data_intake_choose="1"),
        el("Div", el("Progress", value="0", max="100", cls="intake-progress"),
           el("Span", cls="intake-progress-words", role="status"),
           el("Button", icon("x"), el("Span", text("取消", language)), cls="button",
              type="button", data_intake_stop="1"),
           cls="intake-progress-box work-hidden"),
        cls="intake-drop", data_accept=takes.suffixes, data_most=str(takes.most_mb << 20),
        data_most_book=str(takes.book_mb << 20), data_most_parquet=str(takes.book_mb << 20),
        data_busy=text("正在上传", language), data_checking=text("正在校验", language),
        data_label=text("选择文件", language),
        data_large=takes.too_large, data_large_book=takes.too_large_book,
        data_large_parquet=takes.too_large_parquet,
        data_failed=text("没有传上去，请重选", language),
    )  # fmt: skip
    items = [el("A", icon("download"), el("Span", name), href=href, cls="menu-item", download="",
                target="_self") for name, href in templates]  # fmt: skip
    menu = el("Details",
              el("Summary", icon("table-2"), el("Span", text("下载模板", language)),
                 icon("chevron-down"), cls="filter"),
              el("Div", items, cls="menu intake-templates"), cls="menu-box")  # fmt: skip
    note = text("列名不必与模板相同：系统会猜，并记住您上次的选择", language)
    return el("Div", drop, el("Div", menu, el("Span", note, cls="note"), cls="intake-below"),
              cls="card")  # fmt: skip


def refused(words: Sequence[str], language: str, *, back: bool) -> Node:
    """Return why a file cannot be taken, and the ways back: to its columns, to another file."""
    items = [el("Li", one, data_verbatim="1") for one in words]
    step = button(text("上一步", language), "chevron-left", doing(do="step", to=1))
    return el("Div", strip("danger", "circle-x", el("Strong", text("这个文件不能导入", language)),
                           el("Ul", items)),
              el("Div", step if back else None,
                 button(text("换一个文件", language), "file-plus", doing(do="cancel")),
                 cls="intake-tools"))  # fmt: skip


def told(words: Sequence[str], language: str) -> Node:
    """Return why the last file was not taken."""
    return strip("warn", "triangle-alert", el("Strong", text("没有导入", language)),
                 el("Ul", [el("Li", one, data_verbatim="1") for one in words]))  # fmt: skip


# ---- columns are matched ----


@dataclass(frozen=True)
class Pair:
    """A column of the file: title, first values, what it is taken for and why; its choices."""

    title: str
    samples: Sequence[str]
    name: str
    by: str
    options: Sequence[tuple[str, str, bool]]


BY = {
    "known": "列名相符",
    "remembered": "上次的选择",
    "guessed": "猜测，请核对",
    "chosen": "您的选择",
}


def matching(
    pairs: Sequence[Pair], pickers: Sequence[Node], missing: Sequence[str], language: str
) -> list[Node]:
    """Return the columns of the file and what each is taken for."""
    rows = [
        el("Tr",
           el("Td", pair.title or text("（无标题）", language), cls="at-name", data_verbatim="1"),
           el("Td", el("Span", "  ".join(one for one in pair.samples if one), cls="intake-sample",
                       data_verbatim="1"), cls="at-rest"),
           el("Td", picker("", pair.name or text("不导入", language), pair.options,
                           "intake-field"), cls="at-value"),
           el("Td", text(BY[pair.by], language) if pair.by else "",
              cls="at-rest" + (" intake-guess" if pair.by == "guessed" else "")))
        for pair in pairs
    ]  # fmt: skip
    heads = ("文件中的列", "前几行", "作为", "依据")
    table = el("Table", el("Thead", el("Tr", [el("Th", text(h, language)) for h in heads])),
               el("Tbody", rows), cls="work-table intake-match")  # fmt: skip
    lack = None
    if missing:
        words = text("还缺：{names}", language, names="、".join(missing) if language == "zh"
                     else ", ".join(missing))  # fmt: skip
        lack = strip("warn", "triangle-alert", words)
    return [
        el("Div", el("Div", pickers, cls="intake-pickers"), lack,
           el("Div", table, cls="work-scroll", tabIndex="0", data_scroll="x", role="region",
              aria_label=text("匹配字段", language)) if pairs else None, cls="card"),
    ]  # fmt: skip


# ---- a large file is checked ----

READ_PCT, CHECKED_PCT = 20, 80  # what reading and checking its cells take of the whole


def checking_card(ident: Callable[[str], dict[str, str]], told: Content, language: str) -> Node:
    """Return how far the check is, asked anew each second, and the way to stop it."""
    return el(
        "Div", el("H2", text("正在校验", language), cls="card-title"),
        el("Div", told, id=ident("import-progress"), role="status"),
        button(text("取消", language), "x", doing(do="cancel")),
        core("Interval", id=ident("import-tick"), interval=1000), cls="card intake-checking",
    )  # fmt: skip


class Progress(Protocol):
    """Rows read and checked of all, and whether the two go on together."""

    read: int
    checked: int
    total: int
    in_parts: bool


def checking_words(now: Progress, language: str) -> list[Node]:
    """Return a bar and the rows read or checked of all.

    The last part of a file that is read whole is comparing its rows with each other.
    """
    checked, total = now.checked, now.total
    if now.in_parts:
        total = max(total, now.read, 1)
        key, pct = "已校验 {n} / {total} 行", 100 * checked / total
    elif not checked:
        total = max(total, now.read, 1)
        key, pct = "已读取 {n} / {total} 行", READ_PCT * now.read / total
    elif checked < total:
        key = "已校验 {n} / {total} 行"
        pct = READ_PCT + (CHECKED_PCT - READ_PCT) * checked / total
    else:
        key, pct = "已校验 {total} 行，正在比对表计和以前的数据", CHECKED_PCT
    done = checked if now.in_parts else checked or now.read
    words = text(key, language, n=f"{done:,}", total=f"{total:,}")
    return [el("Progress", value=str(round(pct)), max="100", cls="intake-progress"),
            el("Span", f"{pct:.0f}%  {words}")]  # fmt: skip


# ---- cells are corrected ----


@dataclass(frozen=True)
class Cell:
    """A cell: its column, its text, and whether it is wrong ("bad", "odd" or "")."""

    column: str
    words: str
    tone: str = ""
    number: bool = False


@dataclass(frozen=True)
class Issue:
    """What is wrong with a cell: error or warning, why, what to do, what to put in instead."""

    tone: str
    column: str
    reason: str
    remedy: str
    instead: str = ""
    label: str = ""


@dataclass(frozen=True)
class Line:
    """A row with what is wrong with it."""

    row: int
    cells: Sequence[Cell]
    issues: Sequence[Issue]


@dataclass(frozen=True)
class Sheet:
    """What the table of rows shows.

    Parameters
    ----------
    columns
        Names and titles.
    lines
        Rows in sight.
    good, bad, odd, dropped, edited
        Rows to take, with errors, with warnings alone, left out by hand; cells corrected.
    open_rows, suggestions
        Rows with something wrong; suggestions that can be adopted at once.
    every
        Whether all rows are shown, not only those with something wrong.
    """

    columns: Sequence[tuple[str, str]]
    lines: Sequence[Line]
    good: int
    bad: int
    odd: int
    dropped: int
    edited: int
    open_rows: int
    suggestions: int
    every: bool
    editable: bool = True
    notes: Sequence[str] = ()

    @property
    def total(self) -> int:
        """Rows of data."""
        return self.good + self.bad


def counts(sheet: Sheet, impact: Content, language: str) -> Node:
    """Return the four counts: to take, errors, warnings, expected effect."""
    share = f"{share_words(100 * sheet.good / sheet.total)}%" if sheet.total else "--"
    left = text("另剔除 {n} 行", language, n=sheet.dropped) if sheet.dropped else ""
    return el(
        "Div",
        _count("ok", "circle-check", "可入库", f"{sheet.good:,}",
               " ".join(word for word in (share, left) if word), language),
        _count("danger", "circle-x", "错误", f"{sheet.bad:,}",
               text("必须修正或剔除" if sheet.bad else "没有错误", language), language),
        _count("warn", "triangle-alert", "警告", f"{sheet.odd:,}",
               text("可放行，需说明" if sheet.odd else "没有警告", language), language),
        impact, cls="kpi-row intake-counts", aria_live="polite",
    )  # fmt: skip


def _count(tone: str, sign: str, name: str, value: str, note: str, language: str) -> Node:
    return el(
        "Div",
        el("Div", icon(sign), el("Span", text(name, language)), cls=f"intake-count tone-{tone}"),
        el("Div", value, cls="num intake-value"), el("Div", note, cls="note"),
        cls="kpi intake-kpi", data_count=name,
    )  # fmt: skip


def impact_card(ident: dict[str, str], ask: dict[str, str], version: str, language: str) -> Node:
    """Return the card of the expected effect, which is computed after the rest is seen."""
    return el(
        "Div",
        el("Div", icon("sigma"), el("Span", text("预计影响", language)),
           cls="intake-count tone-info"),
        el("Div", el("Div", text("正在试算…", language), cls="note"), id=ident),
        core("Store", id=ask, data=version), cls="kpi intake-kpi", data_count="预计影响",
    )  # fmt: skip


def signed(value: float, decimals: int) -> str:
    """Return a change with its sign; what rounds to nothing has none."""
    shown = f"{abs(value):,.{decimals}f}"
    if not any(digit in shown for digit in "123456789"):
        return shown
    return ("+" if value > 0 else MINUS) + shown


def impact(
    emission_t: float | None, energy_kwh: float | None, months: str, language: str
) -> list[Node]:
    """Return the expected effect: tonnes and kilowatt-hours over the months it touches."""
    tonnes = "--" if emission_t is None else signed(emission_t, 2)
    energy = "--" if energy_kwh is None else signed(energy_kwh, 0)
    words = text("入库后 {months} 碳排放变化；用电 {energy} kWh", language, months=months,
                 energy=energy)  # fmt: skip
    return [el("Div", el("Span", tonnes, cls="num intake-value"), el("Span", " tCO₂e", cls="num"),
               cls="value-line"), el("Div", words, cls="note")]  # fmt: skip


def no_impact(words: str) -> list[Node]:
    """Return why no effect can be told."""
    return [el("Div", "--", cls="num intake-value"), el("Div", words, cls="note")]


def rows_card(sheet: Sheet, href: Href, download: str, language: str) -> Node:
    """Return the table of rows, bad cells outlined, each with its message and suggestion."""
    t = text
    some = f"{t('待处理', language)} {sheet.open_rows:,}"
    whole = f"{t('全部', language)} {sheet.total:,}"
    segments = el(
        "Div",
        link(href(rows=""), el("Span", some), cls="segment",
             aria_current=None if sheet.every else "true"),
        link(href(rows="all"), el("Span", whole), cls="segment",
             aria_current="true" if sheet.every else None),
        cls="segments", role="group", aria_label=t("显示哪些行", language),
    )  # fmt: skip
    tools: list[Content] = [segments] if sheet.editable else []
    if sheet.open_rows:
        tools.append(el("A", icon("download"), el("Span", t("下载错误清单", language)),
                        cls="button", href=download, download="", target="_self"))  # fmt: skip
    if sheet.suggestions:
        words = t("采纳 {n} 条建议", language, n=sheet.suggestions)
        tools.append(button(words, "wand-sparkles", doing(do="adopt")))
    if sheet.edited or sheet.dropped:
        tools.append(button(t("还原", language), "undo-2", doing(do="restore")))
    sub = t("错误格已标出；直接在表内修改，改完自动重新校验", language)
    if not sheet.editable:
        sub = t("这个文件不能在此逐格修改：请按错误清单改正原文件后重新上传，或剔除错误行入库"
                if sheet.bad else "文件较大，已整体校验", language)  # fmt: skip
    head = el("Div", el("Div", el("H2", t("待处理的行" if not sheet.every else "全部行", language),
                                  cls="card-title"), el("P", sub, cls="card-sub"),
                        cls="card-titles"), el("Div", tools, cls="intake-tools"),
              cls="card-head intake-head")  # fmt: skip
    if not sheet.lines:
        body: Content = el("Div", icon("circle-check"),
                           el("P", t("没有待处理的行", language), cls="empty-reason"),
                           cls="empty intake-clean")  # fmt: skip
    else:
        body = _table(sheet, language)
    more = sheet.total if sheet.every else sheet.open_rows
    foot = [t("只列出前 {n} 行", language, n=SHOWN)] if more > len(sheet.lines) else []
    words = t("校验：必填、日期、单位、量级、表号、重复、上下限；重复以编号列判定", language)
    notes = el("P", "。".join([words, *foot]) if language == "zh" else ". ".join([words, *foot]),
               cls="note intake-notes")  # fmt: skip
    read = [el("P", one, cls="note", data_verbatim="1") for one in sheet.notes[:5]]
    return el("Div", head, body, notes, read, cls="card intake-rows")


def _table(sheet: Sheet, language: str) -> Node:
    numbers = {cell.column for cell in sheet.lines[0].cells if cell.number}
    heads = [el("Th", text("行", language)),
             *(el("Th", title, cls="num" if name in numbers else "")
               for name, title in sheet.columns),
             el("Th", text("问题", language)), el("Th", text("建议", language))]  # fmt: skip
    rows = [_row(line, sheet, language) for line in sheet.lines]
    table = el(
        "Table",
        el("Thead", el("Tr", heads)),
        el("Tbody", rows),
        cls="work-table intake intake-all" if sheet.every else "work-table intake",
    )
    return el("Div", table, cls="work-scroll", tabIndex="0", data_scroll="x", role="region",
              aria_label=text("待处理的行", language))  # fmt: skip


def _row(line: Line, sheet: Sheet, language: str) -> Node:
    titles = dict(sheet.columns)
    cells = [_cell(line.row, one, titles[one.column], sheet.editable, language)
             for one in line.cells]  # fmt: skip
    issues, ways = [], []
    for one in line.issues:
        sign, cls = ("circle-x", "bad") if one.tone == "error" else ("triangle-alert", "odd")
        name, reason = titles.get(one.column, one.column), one.reason
        said = f"{name}{'：' if language == 'zh' else ': '}{reason}" if name else reason
        issues.append(el("P", icon(sign), el("Span", said), cls=f"issue-{cls}",
                         title=one.remedy))  # fmt: skip
        if one.instead and sheet.editable:
            command = doing(do="edit", row=line.row, column=one.column, value=one.instead)
            ways.append(el("Button", text("改为 {value}", language, value=one.label),
                           cls="intake-way", type="button", data_intake=command))  # fmt: skip
        elif one.tone == "error":
            ways.append(el("Span", one.remedy, cls="intake-remedy"))
        else:
            ways.append(el("Span", text("保留并说明原因", language), cls="intake-remedy"))
    drop = None
    if sheet.editable and line.issues:
        words = text("剔除该行", language)
        drop = el("Button", icon("x"), el("Span", words, cls="visually-hidden"),
                  cls="intake-drop-row", type="button", title=words,
                  data_intake=doing(do="drop", row=line.row))  # fmt: skip
    suggestions = el("Td", el("Div", el("Div", ways), drop, cls="intake-ways"), cls="at-rest")
    place = el("Td", str(line.row), cls="at-name", data_label=text("行", language))
    return el("Tr", place, cells,
              el("Td", issues, cls="at-rest"), suggestions, data_row=str(line.row))  # fmt: skip


def _cell(row: int, cell: Cell, title: str, editable: bool, language: str) -> Node:
    blank = text("（空）", language) if cell.tone else "\u00a0"
    words = cell.words or blank
    cls = " ".join(c for c in ("at-cell", "num" if cell.number else "",
                               f"cell-{cell.tone}" if cell.tone else "") if c)  # fmt: skip
    if not editable:
        return el("Td", words, cls=cls, data_label=title, data_verbatim="1")
    inside = el(
        "Button", words, cls="intake-cell", type="button", data_cell=f"{row}:{cell.column}",
        data_words=cell.words, data_verbatim="1",
        aria_label=text("第 {row} 行 {title}：{words}，点此修改", language, row=row, title=title,
                        words=words),
    )  # fmt: skip
    return el("Td", inside, cls=cls, data_label=title)


def foot(sheet: Sheet, version: int, language: str) -> Node:
    """Return the way back, and the ways to take the rows in."""

    def send(good_only: bool) -> str:
        return doing(commit=version, good=good_only)

    able = bool(sheet.good)
    words = ""
    if not able:
        words = text("没有可入库的行", language)
    elif sheet.bad:
        words = text("剔除错误行后可先入库其余 {n} 行", language, n=f"{sheet.good:,}")
    out = text("剔除 {n} 行并入库", language, n=f"{sheet.bad:,}")
    return el(
        "Div",
        button(text("上一步", language), "chevron-left", doing(do="step", to=1)),
        button(text("取消", language), "x", doing(do="cancel")),
        el("Span", words, cls="note intake-foot-words"),
        button(out, "", send(True), disabled=not able) if sheet.bad else None,
        button(text("全部入库", language), "check", send(False), "button-main",
               disabled=bool(sheet.bad) or not able),
        cls="intake-foot",
    )  # fmt: skip


def steps_foot(ready: bool, language: str) -> Node:
    """Return the way back and on while columns are matched."""
    return el(
        "Div", button(text("换一个文件", language), "chevron-left", doing(do="cancel")),
        el("Span", cls="intake-foot-words"),
        button(text("校验", language), "chevron-right", doing(do="step", to=2), "button-main",
               disabled=not ready),
        cls="intake-foot",
    )  # fmt: skip
