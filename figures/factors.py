"""What 因子库 shows: the table of factors, versions side by side, the form of a new version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from accounting.factors import Factor
from figures.html import Content, Node, core, el, first_up, icon, link
from figures.number import MINUS, exact, written
from translations import text

Href = Callable[..., str]
DUE_DAYS = 90
SHOWN_FIRST = 30
GROUPS = (
    ("power", "电力", ("grid_",)),
    ("fuel", "燃油", ("fuel",)),
    ("coal", "折标煤", ("standard_coal",)),
    ("transport", "运输", ("transport", "vehicle")),
    ("material", "材料", ("material_", "composition")),
    ("ratio", "替代系数", ("substitution_", "heat_pump", "pv")),
)
OTHER = ("other", "其他")
CONFIDENCE = {
    "high": ("ok", "circle-check", "高"),
    "medium": ("info", "info", "中"),
    "low": ("warn", "triangle-alert", "低"),
}
STATES = {
    "proposed": ("info", "git-compare-arrows", "待替换"),
    "future": ("info", "clock", "未到生效期"),
    "retired": ("stale", "archive", "已停用"),
    "past": ("warn", "clock", "已过期"),
    "due": ("warn", "clock", "{days} 天后到期"),
    "valid": ("ok", "circle-check", "生效"),
}
NO_DOCUMENT = "no-source-document.csv"


@dataclass(frozen=True, slots=True)
class Line:
    """A factor of the table: its version, how many figures hold it, and how it stands today."""

    factor: Factor
    version: int
    uses: int
    state: str
    days: int = 0

    @property
    def kind(self) -> str:
        """The group of its category."""
        return group_of(self.factor.category)[0]


def group_of(category: str) -> tuple[str, str]:
    """Return the group of a category of the library, with its name."""
    for key, name, starts in GROUPS:
        if category.startswith(starts):
            return key, name
    return OTHER


def standing(factor: Factor, today: date, *, newer: bool, proposed: bool) -> tuple[str, int]:
    """Return how a factor stands on a day, and the days until its validity ends."""
    left = (factor.valid_to - today).days if factor.valid_to else 0
    if proposed:
        return "proposed", left
    if factor.valid_from and factor.valid_from > today:
        return "future", left
    if newer:
        return "retired", left
    if factor.valid_to and factor.valid_to < today:
        return "past", left
    if factor.valid_to and factor.valid_to <= today + timedelta(days=DUE_DAYS):
        return "due", left
    return "valid", left


def name_of(factor: Factor, language: str) -> str:
    """Return a factor's name in a language."""
    return factor.name_en if language == "en" and factor.name_en else factor.name_zh


def unit_words(unit: str, language: str) -> str:
    """Return a factor's unit as the screen writes it."""
    if unit == "ratio":
        return text("比值", language)
    return unit.replace("CO2", "CO₂").replace("m3", "m³").replace("t*km", "t·km")


def value_words(value: float) -> str:
    """Return a factor's value as the library has it, with thousands parted."""
    return f"{value:,.10g}".replace("-", MINUS)


def mark(kind: str, sign: str, words: str) -> Node:
    """Return a badge: icon and word in the colour of a status."""
    return el("Span", icon(sign), el("Span", words, cls="badge-words"),
              cls=f"badge badge-box badge-{kind}")  # fmt: skip


def state_badge(line: Line, language: str) -> Node:
    """Return how a factor stands, as a badge."""
    kind, sign, words = STATES[line.state]
    shown = text(words, language, days=line.days) if "{" in words else text(words, language)
    found = mark(kind, sign, shown)
    if line.state == "past":
        found["props"]["title"] = text("有效期已过，新版发布前沿用", language)
    return found


def confidence_badge(confidence: str, language: str) -> Node:
    """Return how sure a factor is; low says why."""
    kind, sign, words = CONFIDENCE.get(confidence, CONFIDENCE["low"])
    found = el("Span", icon(sign), el("Span", text(words, language), cls="badge-words"),
               cls=f"badge badge-{kind}")  # fmt: skip
    if kind == "warn":
        found["props"]["title"] = text("未核实或假定", language)
    return found


def validity(factor: Factor, language: str) -> str:
    """Return the days that a factor is valid for, in words."""
    first, last = factor.valid_from, factor.valid_to
    if first is None and last is None:
        return text("不限", language)
    if last is None:
        return text("{day} 起", language, day=first)
    if first is None:
        return text("至 {day}", language, day=last)
    return text("{first} ～ {last}", language, first=first, last=last)


def finding(lines: Sequence[Line], proposals: int, language: str) -> Content:
    """Return the page in one sentence."""
    due = sum(line.state == "due" for line in lines)
    past = sum(line.state == "past" for line in lines)
    bare = sum(not line.factor.source for line in lines)
    used = sum(line.uses > 0 for line in lines)
    waiting = text("{count} 项待批准", language, count=proposals)
    return [
        text("{count} 个因子，{used} 个正用于账本；", language, count=len(lines), used=used),
        el("Strong", waiting, cls="strong") if proposals else waiting,
        text("；{due} 个将在 {days} 天内到期，{past} 个已过期而沿用；", language, due=due,
             days=DUE_DAYS, past=past),
        text("{count} 个没有出处。", language, count=bare)
        if bare
        else text("所有因子都有出处。", language),
    ]  # fmt: skip


def kinds(lines: Sequence[Line], chosen: str, href: Href, language: str) -> Node:
    """Return the filter by category, each with its count."""
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.kind] = counts.get(line.kind, 0) + 1
    rows = [("all", text("全部 {count}", language, count=len(lines)))]
    for key, name in [*((key, name) for key, name, _ in GROUPS), OTHER]:
        rows.append((key, f"{text(name, language)} {counts.get(key, 0)}"))
    items = [
        link(href(kind=key, shown=SHOWN_FIRST), words, cls="segment",
             aria_current="true" if key == chosen else None)
        for key, words in rows
    ]  # fmt: skip
    return el("Div", items, cls="segments work-segments", role="group",
              aria_label=text("类别", language))  # fmt: skip


_SORTS: Mapping[str, Callable[[Line], object]] = {
    "name": lambda line: line.factor.name_zh,
    "value": lambda line: line.factor.value,
    "kind": lambda line: line.kind,
    "source": lambda line: line.factor.source,
    "year": lambda line: line.factor.valid_from or date.min,
    "valid": lambda line: line.factor.valid_to or date.max,
    "version": lambda line: line.version,
    "uses": lambda line: line.uses,
    "confidence": lambda line: ("high", "medium", "low").index(line.factor.confidence),
    "state": lambda line: list(STATES).index(line.state),
}


def chosen_lines(lines: Sequence[Line], kind: str, words: str, sort: str) -> list[Line]:
    """Return the lines of a category that hold the words, in the order asked for."""
    wanted = words.casefold().split()
    found = [
        line
        for line in lines
        if kind in ("all", line.kind) and all(word in _searched(line) for word in wanted)
    ]
    found.sort(key=lambda line: line.factor.factor_id)
    key = _SORTS[sort.removeprefix("-")]
    return sorted(found, key=key, reverse=sort.startswith("-"))  # type: ignore[arg-type]


def _searched(line: Line) -> str:
    factor = line.factor
    return " ".join((factor.factor_id, factor.name_zh, factor.name_en, factor.source)).casefold()


_COLUMNS = (
    ("name", "因子", ""),
    ("value", "取值", "num"),
    ("kind", "类别", ""),
    ("source", "出处", ""),
    ("year", "数据年份", "num"),
    ("valid", "有效期", ""),
    ("version", "版本", "num"),
    ("uses", "引用次数", "num"),
    ("confidence", "可信度", ""),
    ("state", "状态", ""),
)


@dataclass(frozen=True)
class Listed:
    """The table's lines, what the reader chose among them, and how addresses are made."""

    lines: Sequence[Line]
    factor: str
    sort: str
    shown: int
    href: Href


def library_title(listed: Listed, of: int, language: str) -> list[Node]:
    """Return the title of the table and what it shows."""
    column = next(words for key, words, _ in _COLUMNS if key == listed.sort.removeprefix("-"))
    shown = min(listed.shown, len(listed.lines))
    words = text(
        "按{column}排序，显示 {shown} / {of}；引用次数为账本现行数值中用到它的个数", language,
        column=text(column, language), shown=shown, of=of,
    )  # fmt: skip
    return [el("H2", text("因子", language), cls="card-title"), el("P", words, cls="card-sub")]


def library(listed: Listed, language: str) -> list[Node]:
    """Return the table of factors; a name opens the comparison of its versions."""
    if not listed.lines:
        return [
            el("Div", icon("inbox"), el("P", text("没有符合的因子", language), cls="empty-reason"),
               link(listed.href(kind="all", q="", shown=SHOWN_FIRST), text("清除筛选", language),
                    cls="button"), cls="empty")
        ]  # fmt: skip
    head = [_head(listed, *column, language) for column in _COLUMNS]
    rows = [_row(listed, line, language) for line in listed.lines[: listed.shown]]
    table = el(
        "Table", el("Thead", el("Tr", head, role="row"), role="rowgroup"),
        el("Tbody", rows, role="rowgroup"), role="table",
        cls="work-table library" + (" is-first" if listed.shown == SHOWN_FIRST else ""),
        aria_label=text("因子", language),
    )  # fmt: skip
    left = len(listed.lines) - listed.shown
    more = None
    if left > 0:
        words = text("显示更多（还有 {count} 个）", language, count=left)
        more = link(listed.href(shown=listed.shown + 60), icon("chevron-down"),
                    el("Span", words, cls="more-long"),
                    el("Span", text("显示更多", language), cls="more-short"),
                    cls="button work-more")  # fmt: skip
    sourced = sum(bool(line.factor.source) for line in listed.lines)
    foot = el(
        "Div",
        el("Span", text("取值变更须由第二个人批准；旧版本永久保留", language), cls="foot-words"),
        el("Span", icon("circle-check"),
           el("Span", text("有出处 {count} / {of}", language, count=sourced,
                           of=len(listed.lines))), cls="badge badge-ok"),
        cls="card-foot",
    )  # fmt: skip
    box = el("Div", table, cls="work-box-y", tabIndex="0", data_scroll="xy", role="region",
             aria_label=text("因子", language))  # fmt: skip
    return [box, *([more] if more else []), foot]


def _head(listed: Listed, key: str, words: str, cls: str, language: str) -> Node:
    """Return a column's head, which sorts by it; once more the other way round."""
    now = listed.sort.removeprefix("-") == key
    down = listed.sort.startswith("-")
    first = f"-{key}" if cls == "num" else key
    wanted = (key if down else f"-{key}") if now else first
    order = ("descending" if down else "ascending") if now else None
    sign = icon("arrow-down" if down else "arrow-up") if now else None
    return el("Th", link(listed.href(sort=wanted), el("Span", text(words, language)), sign,
                         cls="work-sort"),
              cls=cls, scope="col", role="columnheader", aria_sort=order)  # fmt: skip


def _row(listed: Listed, line: Line, language: str) -> Node:
    factor, chosen = line.factor, line.factor.factor_id == listed.factor
    name = link(
        listed.href(factor=factor.factor_id, proposal=0), name_of(factor, language),
        cls="work-name", aria_current="true" if chosen else None,
    )  # fmt: skip
    year = str(factor.valid_from.year) if factor.valid_from else "--"
    cells: list[tuple[str, Content, str]] = [
        ("", [name, el("Div", factor.factor_id, cls="note")], "at-name"),
        ("取值", [el("Span", value_words(factor.value), cls="num work-value"), " ",
                el("Span", unit_words(factor.unit, language), cls="note")], "num at-value"),
        ("类别", text(group_of(factor.category)[1], language), "at-rest"),
        ("出处", el("Span", factor.source, data_verbatim="1") if factor.source
         else mark("danger", "circle-x", text("没有出处", language)), "at-source"),
        ("数据年份", year, "num at-rest"),
        ("有效期", validity(factor, language), "at-rest"),
        ("版本", f"v{line.version}", "num at-rest"),
        ("引用次数", el("Span", f"{line.uses:,}", cls="num work-uses"), "num at-rest at-uses"),
        ("可信度", confidence_badge(factor.confidence, language), "at-rest at-sure"),
        ("", state_badge(line, language), "at-state"),
    ]  # fmt: skip
    return el(
        "Tr",
        [el("Td", inside, cls=cls, role="cell", data_label=text(label, language) if label else None)
         for label, inside, cls in cells],
        cls="chosen" if chosen else "", role="row",
    )  # fmt: skip


# ---- versions side by side ----


@dataclass(frozen=True)
class Column:
    """A version of a factor in the comparison.

    Parameters
    ----------
    title, state
        ``v2`` or ``申请 3``; badge kind, icon and words.
    factor
        The row as that version has it.
    document, digest
        The source document and its SM3; the product's own for a shipped row.
    proposer, approver, known
        Who, and when it became known, site-local; empty where nobody did.
    kind
        ``now``, ``open`` or nothing: how the column is shaded.
    """

    title: str
    state: tuple[str, str, str]
    factor: Factor
    document: str
    digest: str
    proposer: str = ""
    approver: str = ""
    known: str = ""
    kind: str = ""


def compare(columns: Sequence[Column], title: str, note: Content, language: str) -> Node:
    """Return versions side by side; a cell that differs from the one before is marked."""
    head = [el("Td", cls="work-corner")]
    for column in columns:
        head.append(
            el("Th", el("Span", column.title, cls="work-version"), mark(*column.state),
               el("Div", column.factor.factor_id, cls="note"), scope="col",
               cls=f"is-{column.kind}")
        )  # fmt: skip
    rows = [
        _compared(name, [show(c, language) for c in columns], columns, language)
        for name, show in _ROWS
    ]
    table = el("Table", el("Thead", el("Tr", head)),
               el("Tbody", _values(columns, language), rows), cls="compare-table")  # fmt: skip
    sub = text("左侧竖线：与左边一列不同", language)
    clocks = text(
        "两个时钟：有效期说适用于哪些月份，知悉起说系统从何时知道；旧版本与旧数值都保留", language
    )
    return el(
        "Section",
        el("Div", el("Div", el("H2", title, cls="card-title"), el("P", sub, cls="card-sub"),
                     cls="card-titles"), cls="card-head"),
        note,
        el("Div", table, cls="work-scroll", tabIndex="0", data_scroll="x", role="region",
           aria_label=title),
        el("Div", el("Span", clocks, cls="foot-words"), cls="card-foot"),
        cls="card", id="compare",
    )  # fmt: skip


def _values(columns: Sequence[Column], language: str) -> Node:
    cells: list[Node] = []
    for at, column in enumerate(columns):
        before = columns[at - 1] if at else None
        differs = before is not None and before.factor.value != column.factor.value
        cells.append(
            el("Td",
               el("Div", el("Span", value_words(column.factor.value), cls="num compact-value"), " ",
                  el("Span", unit_words(column.factor.unit, language), cls="value-unit")),
               _value_change(column, before, language),
               cls=_cell_class(column, differs=differs), data_label=column.title)
        )  # fmt: skip
    return el("Tr", el("Th", text("取值", language), scope="row"), cells)


def _value_change(column: Column, before: Column | None, language: str) -> Content:
    """Return how a value differs from the column before, %."""
    if before is None or not before.factor.value or before.factor.unit != column.factor.unit:
        return None
    pct = 100 * (column.factor.value - before.factor.value) / before.factor.value
    words = percent(pct, signed=False)
    arrow = "▲ " if pct > 0 else "▼ " if pct < 0 else ""
    name = before.title
    if before.factor.factor_id != column.factor.factor_id:
        name = before.factor.factor_id
    return el("Div", text("较 {name}", language, name=name), " ", el("Strong", f"{arrow}{words}"),
              cls="note")  # fmt: skip


def percent(pct: float, *, signed: bool = True) -> str:
    """Return a percentage in words, its sign written out."""
    words = written(abs(exact(pct)), 1)
    sign = "" if not signed or words == "0.0" else MINUS if pct < 0 else "+"
    return f"{sign}{words}%"


def _region(column: Column, _language: str) -> Content:
    return el("Span", column.factor.region or "--", data_verbatim="1")


def _year(column: Column, _language: str) -> Content:
    return str(column.factor.valid_from.year) if column.factor.valid_from else "--"


def _source(column: Column, language: str) -> Content:
    if not column.factor.source:
        return mark("danger", "circle-x", text("没有出处", language))
    return el("Span", column.factor.source, data_verbatim="1")


def _source_ref(column: Column, _language: str) -> Content:
    return el("Span", column.factor.source_ref or "--", cls="wrap", data_verbatim="1")


def _valid(column: Column, language: str) -> Content:
    return validity(column.factor, language)


def _uncertainty(column: Column, _language: str) -> Content:
    pct = column.factor.uncertainty_pct
    return "--" if pct is None else f"±{pct:g}%"


def _confidence(column: Column, language: str) -> Content:
    return confidence_badge(column.factor.confidence, language)


def _document(column: Column, language: str) -> Content:
    digest = " ".join(column.digest[at : at + 4].upper() for at in (0, 4))
    if column.document == NO_DOCUMENT:
        return mark("danger", "file-x", text("缺出处文件", language))
    return [el("Span", column.document, data_verbatim="1"), el("Div", f"SM3 {digest}", cls="note")]


def _persons(column: Column, language: str) -> Content:
    if not column.proposer:
        return text("随产品提供", language)
    approver = column.approver or text("待批准", language)
    return el("Span", f"{column.proposer} / {approver}", data_verbatim="1")


def _known(column: Column, language: str) -> Content:
    if column.known:
        return column.known
    return text("批准之时", language) if column.proposer else text("从一开始", language)


def _note(column: Column, _language: str) -> Content:
    return el("Span", column.factor.note or "--", data_verbatim="1", cls="note")


_ROWS: tuple[tuple[str, Callable[[Column, str], Content]], ...] = (
    ("适用地区", _region),
    ("数据年份", _year),
    ("有效期", _valid),
    ("出处", _source),
    ("出处位置", _source_ref),
    ("不确定度", _uncertainty),
    ("可信度", _confidence),
    ("文件与校验", _document),
    ("提出 / 批准", _persons),
    ("知悉起", _known),
    ("备注", _note),
)
_NEVER_MARKED = ("提出 / 批准", "知悉起")


def _compared(
    name: str, shown: Sequence[Content], columns: Sequence[Column], language: str
) -> Node:
    cells = []
    for at, (inside, column) in enumerate(zip(shown, columns, strict=True)):
        differs = at > 0 and shown[at - 1] != inside and name not in _NEVER_MARKED
        cells.append(el("Td", inside, cls=_cell_class(column, differs=differs),
                        data_label=column.title))  # fmt: skip
    return el("Tr", el("Th", text(name, language), scope="row"), cells)


def _cell_class(column: Column, *, differs: bool) -> str:
    return f"is-{column.kind}" + (" is-changed" if differs else "")


# ---- the form ----

FIELDS = (
    ("factor_id", "因子编号", "年份不同的新一行用新编号，如 GRID_HE_2024"),
    ("value", "取值", ""),
    ("name_zh", "中文名", ""),
    ("name_en", "英文名", ""),
    ("valid_from", "有效期起", "年-月-日，空着为不限"),
    ("valid_to", "有效期止", "年-月-日，空着为不限"),
    ("source", "出处", "文号、标题与日期"),
    ("source_ref", "出处位置", "页、表、网址"),
    ("uncertainty_pct", "不确定度（%）", ""),
)
LONG = ("source", "source_ref")
PICKED = {"way": ("form", "file"), "field-confidence": tuple(CONFIDENCE)}
TAKEN = tuple(name for name, _, _ in FIELDS) + ("confidence", "note")


def form(
    values: Mapping[str, str], ident: Callable[[str], dict[str, str]], language: str
) -> list[Node]:
    """Return the form of a new version of one factor, or of a file with several."""
    ways = (("form", text("逐项填写一个因子", language)),
            ("file", text("上传因子文件（CSV、XLSX）", language)))  # fmt: skip
    way = _pick("way", ways, "form", text("方式", language), ident)
    fixed = [
        el("Div", el("Span", _label(label, language), cls="work-label"),
           el("Span", shown, data_verbatim="1"), cls="work-fixed")
        for label, shown in (("类别", values.get("category", "")),
                             ("单位", unit_words(values.get("unit", ""), language)),
                             ("适用地区", values.get("region", "")))
    ]  # fmt: skip
    fields = [_field(name, label, hint, values, ident, language) for name, label, hint in FIELDS]
    sure = [(key, text(words, language)) for key, (_, _, words) in CONFIDENCE.items()]
    label = _label("可信度", language)
    confidence = el(
        "Div", el("Span", label, cls="work-label"),
        _pick("field-confidence", sure, values.get("confidence", "medium"), label, ident),
        cls="work-field",
    )  # fmt: skip
    note = el(
        "Label", el("Span", text("备注", language), cls="work-label"),
        core("Textarea", id=ident("field-note"), value=values.get("note", ""), maxLength=500,
             className="work-input"), cls="work-field work-wide",
    )  # fmt: skip
    one = el("Div", el("Div", fixed, cls="work-fixed-row work-wide"), fields, confidence, note,
             cls="work-fields way-form")  # fmt: skip
    rows = el(
        "Div", _file("rows", text("因子文件", language),
                     text("列名与导出的 CSV 相同：factor_id、value、unit 等 14 列；只写要改的行",
                          language), ".csv,.xlsx,.xls", language), cls="work-fields way-file",
    )  # fmt: skip
    document = el(
        "Div",
        _file("document", text("出处文件", language),
              text("公告原文或扫描件；没有也可提出，申请上标明缺出处文件", language),
              ".pdf,.png,.jpg,.jpeg,.doc,.docx,.xls,.xlsx,.csv,.zip", language),
        cls="work-fields",
    )  # fmt: skip
    return [way, one, rows, document]


def _pick(
    name: str, options: Sequence[tuple[str, str]], chosen: str, label: str,
    ident: Callable[[str], dict[str, str]],
) -> Node:  # fmt: skip
    """Return a choice of one: buttons, and the store that keeps what was picked."""
    buttons = [
        el("Button", words, cls="segment", type="button", id=ident(pick_id(name, value)),
           aria_pressed=str(value == chosen).lower(), data_pick=value)
        for value, words in options
    ]  # fmt: skip
    return el("Div", el("Div", buttons, cls="segments", role="group", aria_label=label),
              core("Store", id=ident(name), data=chosen))  # fmt: skip


def pick_id(name: str, value: str) -> str:
    """Return the part of a button that picks a value."""
    return f"pick-{name}-{value}"


def _field(
    name: str, label: str, hint: str, values: Mapping[str, str],
    ident: Callable[[str], dict[str, str]], language: str,
) -> Node:  # fmt: skip
    words = text(hint, language) if hint else ""
    if name in LONG:
        field = core("Textarea", id=ident(f"field-{name}"), value=values.get(name, ""), rows=2,
                     placeholder=words, maxLength=500, className="work-input")  # fmt: skip
    else:
        field = core("Input", id=ident(f"field-{name}"), type="text", value=values.get(name, ""),
                     placeholder=words, autoComplete="off", maxLength=500)  # fmt: skip
    return el("Label", el("Span", _label(label, language), cls="work-label"), field,
              cls="work-field" + (" work-wide" if name in LONG else ""))  # fmt: skip


def _label(key: str, language: str) -> str:
    """Return a label in words; the names of columns stay as they are."""
    words = text(key, language)
    return words if "_" in words else first_up(words)


def _file(slot: str, label: str, hint: str, accept: str, language: str) -> Node:
    """Return the place of a file; the script puts the chooser in and sends what is chosen."""
    return el(
        "Div", el("Span", label, cls="work-label"), el("Span", hint, cls="note"),
        el("Div", cls="work-file", data_file=slot, data_accept=accept, data_label=label,
           data_busy=text("正在上传…", language), data_ready=text("已上传", language),
           data_failed=text("没有传上去，请重选", language)),
        cls="work-field work-wide",
    )  # fmt: skip


def problems(rows: Sequence[tuple[str, str, str, str]], language: str) -> Node:
    """Return why a proposal was not taken: column, value, reason, remedy."""
    items = [
        el("Li", el("Strong", column) if column else None,
           el("Span", f" “{value}” ", data_verbatim="1") if value else " ",
           el("Span", reason), el("Span", f"{'；' if language == 'zh' else '; '}{remedy}"))
        for column, value, reason, remedy in rows
    ]  # fmt: skip
    title = text("没有提出：{count} 处要改，填写的内容都还在", language, count=len(rows))
    return el("Div", icon("circle-x"), el("Div", el("Strong", title), el("Ul", items)),
              cls="strip strip-danger")  # fmt: skip


def strip(kind: str, sign: str, *inside: Content) -> Node:
    """Return a strip: one thing the reader must know, with what to do."""
    return el("Div", icon(sign), el("Div", *inside, cls="strip-words"), cls=f"strip strip-{kind}",
              role="status" if kind == "ok" else None)  # fmt: skip


def table_rows(
    lines: Sequence[Line], known: Mapping[str, str], texts: Callable[[Factor], Mapping[str, str]]
) -> list[list[str]]:
    """Return the library as rows of a CSV: every column, version, known from, uses."""
    columns = list(texts(lines[0].factor)) if lines else []
    rows = [[*columns, "version", "known_from", "uses"]]
    for line in lines:
        row = texts(line.factor)
        rows.append([*(row[c] for c in columns), str(line.version),
                     known.get(line.factor.factor_id, ""), str(line.uses)])  # fmt: skip
    return rows


def decimal_words(value: float | None, decimals: int) -> str:
    """Return a number with the given decimals; -- where it is not known."""
    return written(None if value is None else exact(value), decimals)


def shown_decimals(*values: float | None) -> int:
    """Return the decimals that a row's numbers share: fewer the larger they are."""
    largest = max((abs(v) for v in values if v is not None), default=0.0)
    return 0 if largest >= 10000 else 1 if largest >= 100 else 2


def vanishing(difference: Decimal, decimals: int) -> int:
    """Return decimals at which a difference that is there does not become nothing."""
    while difference and decimals < 6 and not round(difference, decimals):
        decimals += 1
    return decimals
