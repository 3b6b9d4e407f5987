"""接口: the interfaces as a table, and one of them with its points, versions and probe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from figures.factors import mark, strip
from figures.forms import work_row, work_table
from figures.html import Content, Node, core, el, icon, link
from figures.intake_gone import removal
from translations import text

Href = Callable[..., str]
Ident = Callable[[str], dict[str, str]]
Cell = tuple[str, Content, str]
STATES = {
    "running": ("ok", "circle-check", "正常"),
    "starting": ("info", "rotate-cw", "连接中"),
    "troubled": ("warn", "triangle-alert", "异常"),
    "waiting": ("danger", "circle-x", "断开"),
    "off": ("stale", "archive", "停用中"),
    "open": ("ok", "circle-check", "开放"),
}
ACTS = {"save": "保存", "enable": "启用接口", "disable": "停用接口", "remove": "移除接口"}
QUALITIES = {0: ("ok", "正常"), 1: ("warn", "存疑"), 2: ("danger", "坏值"), 3: ("info", "人工")}
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
FIRST_POINTS = 100
MAX_TABLE_BYTES = 600_000  # base64 in a callback's body, which may have a megabyte
PAPERS = ("pdf", "docx", "html")


@dataclass(frozen=True, slots=True)
class LinkRow:
    """An interface as the table shows it; times are site-local words, empty for never."""

    name: str
    title: str
    kind: str
    site: str
    state: str
    error: str
    last: str
    last_at: str
    lag: str
    today: str
    errors: int
    points: int
    waiting: int = 0
    held: int = 0
    missing: int = 0
    standing: bool = False


@dataclass(frozen=True, slots=True)
class PointRow:
    """A point with its newest value."""

    point: str
    name: str
    meter: str
    address: str
    value: str
    at: str
    quality: int | None
    lag: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of an interface: who made it by which act, when, and how many points it has."""

    version: int
    at: str
    author: str
    act: str
    points: int
    digest: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A cell that differs between two versions; None for what was not there."""

    point: str
    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Probed:
    """A probed point: raw bytes, the value by the table, the value by each byte order."""

    point: str
    raw: str
    value: str
    orders: tuple[str, ...]
    said: str


@dataclass(frozen=True)
class Probe:
    """The newest recorded probe: when, by whom, whether it passed, whether it is current."""

    at: str
    author: str
    ok: bool
    current: bool
    error: str
    skew: str
    rows: Sequence[Probed]


@dataclass(frozen=True)
class Detail:
    """One interface, opened."""

    row: LinkRow
    facts: Sequence[tuple[str, str]]
    points: Sequence[PointRow]
    events: Sequence[tuple[str, str]]
    versions: Sequence[VersionRow]
    chosen: int
    changes: Sequence[Changed]
    probe: Probe | None
    every: bool


def _own(words: str) -> Node:
    return el("Span", words, data_verbatim="1")


def badge(state: str, language: str) -> Node:
    """Return what an interface is doing, as a badge."""
    kind, sign, words = STATES[state]
    return mark(kind, sign, text(words, language))


def links_table(rows: Sequence[LinkRow], chosen: str, href: Href, language: str) -> Node:
    """Return the table of interfaces; a name opens one."""
    head = (("接口", ""), ("状态", ""), ("站点", ""), ("最近数值", ""), ("落后", "num"),
            ("今日收到", "num"), ("异常", "num"), ("测点", "num"))  # fmt: skip
    body = [_line(row, chosen, href, language) for row in rows]
    table = work_table(head, body, "接口", language)
    return el("Div", table, data_panel="links", data_form="list", data_state="ready")


def _line(row: LinkRow, chosen: str, href: Href, language: str) -> Node:
    name = link(
        href(link="" if row.name == chosen else row.name, version="", all="", new="", edit=""),
        _own(row.title),
        cls="work-name", aria_current="true" if row.name == chosen else None,
    )  # fmt: skip
    newest = [_own(row.last or "--"), el("Span", row.last_at, cls="note link-note")]
    errors = str(row.errors) if row.errors else "0"
    cells: list[Cell] = [
        ("", [name, el("Span", row.kind, cls="note link-note")], "at-name"),
        ("状态", [badge(row.state, language),
                 el("Span", row.error, cls="note link-note") if row.error else None], "at-wide"),
        ("站点", _own(row.site), "at-rest at-site"),
        ("最近数值", newest, "at-rest"),
        ("落后", row.lag or "--", "num at-rest"),
        ("今日收到", row.today or "--", "num at-rest"),
        ("异常", errors, f"num at-rest{' bad' if row.errors else ''}"),
        ("测点", str(row.points), "num at-rest"),
    ]  # fmt: skip
    return work_row(cells, language, "chosen" if row.name == chosen else "")


def detail_card(found: Detail, ident: Ident, href: Href, *, may: bool, language: str) -> Node:
    """Return an interface with what can be done about it."""
    row = found.row
    facts = [el("Div", el("Dt", text(name, language)), el("Dd", words, data_verbatim="1"))
             for name, words in found.facts]  # fmt: skip
    parts: list[Content] = [
        _head(row, href, language),
        el("Dl", facts, cls="users-facts"),
        _buttons(row, ident, href, may=may, language=language),
    ]
    if found.events:
        parts.append(_events(found.events, language))
    if not row.standing:
        parts += [
            _points(found, href, language), _probe(found.probe, language),
            _versions(found, href, language),
        ]  # fmt: skip
        if may:
            parts.append(_upload(ident, language))
    return el("Section", parts, cls="card link-detail", id="link-detail")


def _head(row: LinkRow, href: Href, language: str) -> Node:
    papers = [
        el("A", icon("file-text"), el("Span", form.upper()), cls="button", download="",
           href=f"/download/data/interface/{row.name}.{form}", target="_self",
           aria_label=text("下载接口集成文档 {form}", language, form=form.upper()))
        for form in PAPERS
    ]  # fmt: skip
    tables = [] if row.standing else [
        el("A", icon("download"), el("Span", text("点表 {form}", language, form=form.upper())),
           cls="button", download="", target="_self",
           href=f"/download/data/interface/{row.name}.{form}")
        for form in ("xlsx", "csv")
    ]  # fmt: skip
    close = link(href(link="", version="", all="", edit=""), icon("x", text("收起", language)),
                 cls="button link-close")  # fmt: skip
    return el(
        "Div",
        el("Div", el("H2", row.title, cls="card-title", data_verbatim="1"),
           el("P", text("接口集成文档由当前配置生成（7.2）", language), cls="card-sub"),
           cls="card-titles"),
        badge(row.state, language), el("Div", papers, tables, close, cls="work-tools"),
        cls="card-head link-head",
    )  # fmt: skip


def _buttons(row: LinkRow, ident: Ident, href: Href, *, may: bool, language: str) -> Node:
    off = row.state == "off"

    def button(name: str, sign: str, words: str, *, no: bool) -> Node:
        return el("Button", icon(sign), el("Span", words), id=ident(name), cls="button",
                  type="button", disabled=no or not may or row.standing)  # fmt: skip

    def t(key: str, **values: object) -> str:
        return text(key, language, **values)

    form = href(edit="1", new="") + "#link-form"
    edit = link(form, icon("square-pen"), el("Span", t("修改设置")), cls="button") if may else None
    buttons = [
        edit,
        button("links-on", "lock-open", t("启用采集"), no=not off),
        button("links-off", "lock", t("停用采集"), no=off),
        button("links-probe", "activity", t("试读"), no=False),
        button("links-resend", "rotate-cw", t("重新入库（隔离 {count} 条）", count=row.held),
               no=not row.held),
    ]  # fmt: skip
    hint = None
    if row.standing:
        hint = t("随系统提供，无须启停；权限由接口密钥和账号管理")
    elif not may:
        hint = t("您的角色只能查看接口")
    if not row.standing:
        buttons.append(removal(row.name, ident, may=may, language=language))
    return el(
        "Div", el("Div", [] if row.standing else buttons, cls="users-buttons"),
        el("P", hint, cls="note") if hint else None,
        el("Div", t("正在试读…"), id=ident("links-busy"), cls="work-hidden"),
    )  # fmt: skip


def _events(events: Sequence[tuple[str, str]], language: str) -> Node:
    items = [el("Li", el("Strong", what), " ", el("Span", more, data_verbatim="1"))
             for what, more in events]  # fmt: skip
    return strip("warn", "triangle-alert", el("Strong", text("仍在持续的事件", language)),
                 el("Ul", items))  # fmt: skip


def _section(title: str, note: str, *inside: Content) -> Node:
    return el("Div", el("H3", title, cls="link-title"),
              el("P", note, cls="note") if note else None, *inside, cls="link-section")  # fmt: skip


def _points(found: Detail, href: Href, language: str) -> Node:
    head = (("点号", ""), ("名称", ""), ("表号", ""), ("地址", ""), ("最近数值", "num"),
            ("时间", ""), ("数据质量", ""), ("落后", "num"))  # fmt: skip
    shown = found.points if found.every else found.points[:FIRST_POINTS]
    body = [_point(one, language) for one in shown]
    title = text("测点（{count}）", language, count=len(found.points))
    more = None
    if len(shown) < len(found.points):
        words = text("显示全部 {count} 个测点", language, count=len(found.points))
        more = link(href(all="1"), icon("chevron-down"), el("Span", words), cls="button work-more")
    if not body:
        return _section(title, text("这种接口没有单独的测点", language))
    return _section(title, "", el("Div", work_table(head, body, "测点", language),
                                  cls="work-box-y"), more)  # fmt: skip


def _point(one: PointRow, language: str) -> Node:
    quality: Content = "--"
    if one.quality is not None:
        kind, words = QUALITIES[one.quality]
        quality = el("Span", text(words, language), cls=f"badge badge-{kind}")
    trouble = el("Span", one.trouble, cls="note link-note bad") if one.trouble else None
    return work_row(
        [("", [el("Strong", one.point, data_verbatim="1"), trouble], "at-name"),
         ("名称", _own(one.name or "--"), "at-rest"), ("表号", _own(one.meter or "--"), "at-rest"),
         ("地址", _own(one.address), "at-rest"), ("最近数值", one.value or "--", "num at-rest"),
         ("时间", one.at or "--", "at-rest"), ("数据质量", quality, "at-rest"),
         ("落后", one.lag or "--", "num at-rest")],
        language,
    )  # fmt: skip


def _probe(found: Probe | None, language: str) -> Node:
    title = text("试读结果", language)
    if found is None:
        words = "还没有试读过：点“试读”逐点读一次，原始字节与四种字节序并列显示"
        return _section(title, text(words, language))
    verdict = text("通过" if found.ok else "未通过", language)
    note = text("{at}，{author}，{verdict}", language, at=found.at, author=found.author,
                verdict=verdict)  # fmt: skip
    extra: list[Content] = []
    if not found.current:
        words = text("此后配置有变动，须重新试读。", language)
        extra.append(strip("warn", "triangle-alert", words))
    if found.error:
        extra.append(strip("danger", "circle-x", found.error))
    if found.skew:
        extra.append(el("P", text("设备时钟偏差 {skew} 秒。", language, skew=found.skew),
                        cls="note"))  # fmt: skip
    head = (("点号", ""), ("原始字节", ""), ("按点表", "num"), *((one, "num") for one in ORDERS),
            ("说明", ""))  # fmt: skip
    body = [
        work_row(
            [("", el("Strong", one.point, data_verbatim="1"), "at-name"),
             ("原始字节", el("Code", one.raw or "--"), "at-rest"),
             ("按点表", one.value, "num at-rest"),
             *((order, value, "num at-rest")
               for order, value in zip(ORDERS, one.orders, strict=True)),
             ("说明", one.said or "--", "at-wide")],
            language,
        )
        for one in found.rows
    ]  # fmt: skip
    table = el("Div", work_table(head, body, "试读结果", language), cls="work-box-y")
    return _section(title, note, extra, table if body else None)


def _versions(found: Detail, href: Href, language: str) -> Node:
    head = (("版本", ""), ("时间", ""), ("人员", ""), ("动作", ""), ("测点", "num"),
            ("点表 SM3", ""), ("", ""))  # fmt: skip
    oldest = found.versions[-1].version if found.versions else 0
    body = []
    for one in found.versions:
        chosen = one.version == found.chosen
        compare = None
        if one.version != oldest:
            words = text("收起" if chosen else "与前一版对比", language)
            compare = link(href(version="" if chosen else one.version), icon("git-compare-arrows"),
                           el("Span", words), cls="work-step",
                           aria_current="true" if chosen else None)  # fmt: skip
        body.append(
            work_row(
                [("", el("Strong", str(one.version)), "at-name"), ("时间", one.at, "at-rest"),
                 ("人员", _own(one.author), "at-rest"),
                 ("动作", text(ACTS[one.act], language), "at-rest"),
                 ("测点", str(one.points), "num at-rest"),
                 ("点表 SM3", el("Code", one.digest[:16]), "at-rest"), ("", compare, "at-do")],
                language, "chosen" if chosen else "",
            )
        )  # fmt: skip
    inside: list[Content] = [work_table(head, body, "版本", language)]
    if found.chosen:
        inside.append(_changes(found, language))
    return _section(text("版本（{count}）", language, count=len(found.versions)), "", inside)


def _changes(found: Detail, language: str) -> Node:
    title = text("版本 {version} 与前一版的不同", language, version=found.chosen)
    if not found.changes:
        return _section(title, text("没有不同", language))
    head = (("点号", ""), ("列", ""), ("之前", ""), ("之后", ""))
    body = [
        work_row(
            [("", _own(one.point or text("设置", language)), "at-name"),
             ("列", _own(one.column or text("整行", language)), "at-rest"),
             ("之前", _value(one.before, "minus", language), "at-wide"),
             ("之后", _value(one.after, "plus", language), "at-wide")],
            language,
        )
        for one in found.changes
    ]  # fmt: skip
    return _section(title, "", work_table(head, body, title, language))


def _value(value: str | None, sign: str, language: str) -> Node:
    if value is None:
        return el("Span", text("没有", language), cls="note")
    cls = "link-new" if sign == "plus" else "link-old"
    return el("Span", value or text("（空）", language), cls=cls, data_verbatim="1")


def _upload(ident: Ident, language: str) -> Node:
    """Return where a new point table is taken in."""
    words = text("拖入新点表，或点此选择（CSV、XLSX、XLS，至多 {size} kB）", language,
                 size=MAX_TABLE_BYTES // 1000)  # fmt: skip
    field = core(
        "Upload", id=ident("links-table"), accept=".csv,.xlsx,.xls", max_size=MAX_TABLE_BYTES,
        className="link-drop",
        children=el("Span", icon("upload"), el("Span", words), cls="button"),
    )  # fmt: skip
    note = text(
        "整份校验；有一格不对就全部不收，逐格列出。通过后成为新版本，记录何人、何时", language
    )
    return _section(text("上传新点表", language), note, el("Label", field))


def problems(rows: Sequence[tuple[str, str, str, str, str]], language: str, words: str) -> Node:
    """Return what is wrong cell by cell: row, column, value, why, remedy."""
    head = (("行", "num"), ("列", ""), ("值", ""), ("问题", ""), ("建议", ""))
    body = [
        work_row([("行", row, "num at-rest"), ("列", _own(column), "at-rest"),
                  ("值", _own(value), "at-wide"), ("问题", why, "at-wide"),
                  ("建议", remedy, "at-wide")], language)
        for row, column, value, why, remedy in rows
    ]  # fmt: skip
    return el("Div", strip("danger", "circle-x", el("Strong", words)),
              work_table(head, body, "问题", language), role="alert")  # fmt: skip
