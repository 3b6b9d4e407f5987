"""台账: the site and its areas, meters as a tree with their balance, devices, and the forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from figures.factors import mark, strip
from figures.forms import radio, text_field, work_row, work_table
from figures.html import Content, Node, core, el, icon, link
from figures.number import MINUS
from translations import text

Href = Callable[..., str]
WHY = {
    "own": "总表缺本月用量：{names}",
    "children": "下级缺本月用量：{names}",
    "nothing": "本月用量为 0，没有百分比",
}
LOWEST_PCT, HIGHEST_PCT = -2.0, 15.0
FIELD, PICK = "register-field", "register-pick"


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """A meter against those below it, in words; ``pct`` None where it cannot be known."""

    below: str
    difference: str
    pct: float | None
    why: str
    names: str
    whole: bool = False

    @property
    def bad(self) -> bool:
        """Whether those below measure more, or a site lacks more than A7 allows."""
        if self.pct is None:
            return False
        return self.pct < LOWEST_PCT or (self.whole and self.pct > HIGHEST_PCT)


@dataclass(frozen=True, slots=True)
class MeterRow:
    """A meter of the tree, in words."""

    meter: str
    name: str
    medium: str
    place: str
    depth: int
    quantity: str
    unit: str
    complete: str
    estimated: bool
    valid: str
    balance: BalanceRow | None


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form: name, title, its choices (none: written), value, hint, what is wrong."""

    name: str
    title: str
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False
    hint: str = ""
    fixed: bool = False


@dataclass(frozen=True)
class Form:
    """A form of the register: what it changes, its fields, how the entry came to be."""

    what: str
    ident: str
    title: str
    note: str
    fields: Sequence[Field]
    story: Sequence[tuple[str, Sequence[str]]]


def _own(words: str) -> Node:
    return el("Span", words, data_verbatim="1")


def _card(name: str, title: str, note: str, tools: Content, *inside: Content) -> Node:
    head = el("Div", el("Div", el("H2", title, cls="card-title"), el("P", note, cls="card-sub"),
                        cls="card-titles"), tools, cls="card-head")  # fmt: skip
    return el("Section", head, *inside, cls="card", data_panel=name, data_form="list",
              data_state="ready")  # fmt: skip


def _edit(href: Href, what: str, words: str, *, may: bool, sign: str = "square-pen") -> Content:
    if not may:
        return None
    return link(href(edit=what), icon(sign), el("Span", words), cls="work-step")


def nothing(language: str) -> Node:
    """Return what stands where there is no site yet."""
    words = text("还没有站点：先导入站点文件，或建立演示厂", language)
    return el("Div", el("Div", icon("inbox"), el("P", words, cls="empty-reason"), cls="empty"),
              cls="card", data_panel="site", data_form="list", data_state="empty")  # fmt: skip


def site_card(
    facts: Sequence[tuple[str, str]], areas: Sequence[tuple[str, str, str, str]],
    waiting: Content, href: Href, *, may: bool, language: str,
) -> Node:  # fmt: skip
    """Return the site with its areas; settings are changed here and decided by another."""
    words = text("修改设置", language)
    tools = link(href(edit="setting:"), icon("sliders-horizontal"), el("Span", words),
                 cls="button") if may else None  # fmt: skip
    facts_ = [el("Div", el("Dt", text(name, language)), el("Dd", value, data_verbatim="1"))
              for name, value in facts]  # fmt: skip
    head = (("建筑", ""), ("面积（m²）", "num"), ("启用日期", ""), ("停用日期", ""), ("", ""))
    rows = [
        work_row([("", text(building, language), "at-name"), ("面积（m²）", m2, "num at-rest"),
                  ("启用日期", since, "at-rest"), ("停用日期", until or "--", "at-rest"),
                  ("", _edit(href, f"area:{at}", text("修改", language), may=may), "at-do")],
                 language)
        for at, (building, m2, since, until) in enumerate(areas)
    ]  # fmt: skip
    more = _edit(href, f"area:{len(areas)}", text("增加面积", language), may=may, sign="plus")
    return _card(
        "site", text("站点与面积", language),
        text("面积的变化按日期生效；设置的变化由另一账号批准后生效", language), tools,
        el("Dl", facts_, cls="users-facts"), waiting,
        work_table(head, rows, "面积", language), el("Div", more, cls="register-more"),
    )  # fmt: skip


def meters_card(
    rows: Sequence[MeterRow], whole: BalanceRow | None, month: str, href: Href, *, may: bool,
    language: str,
) -> Node:  # fmt: skip
    """Return the meters as a tree: what each used, what those below it add up to, the rest."""
    head = (("计量点", ""), ("介质与位置", ""), ("本月用量", "num"), ("下级合计", "num"),
            ("差额", "num"), ("完整率", "num"), ("有效期", ""), ("", ""))  # fmt: skip
    add = link(href(edit="meter:"), icon("plus"), el("Span", text("增加计量点", language)),
               cls="button") if may else None  # fmt: skip
    note = text("{month}；差额 = 本表 − 直接下级之和，任何一块缺数都不推算", language, month=month)
    return _card(
        "meters", text("计量点（{count}）", language, count=len(rows)), note, add,
        _whole(whole, language),
        work_table(head, [_meter(row, href, may=may, language=language) for row in rows],
                   "计量点", language),
    )  # fmt: skip


def _whole(found: BalanceRow | None, language: str) -> Content:
    if found is None:
        return None
    title = el("Strong", text("全站电量平衡", language))
    if found.why and found.difference == "--":
        return strip("info", "info", title, " ", _why(found, language))
    words = text("购电 + 光伏 − 上网 − 顶层分表 = {difference}（{pct}）", language,
                 difference=found.difference, pct=_pct(found.pct))  # fmt: skip
    kind, sign = ("warn", "triangle-alert") if found.bad else ("ok", "circle-check")
    more = text("低于 −2% 或高于 15% 触发平衡告警（A7）", language)
    return strip(kind, sign, title, " ", words, el("Span", more, cls="note link-note"))


def _why(found: BalanceRow, language: str) -> str:
    return (
        text(WHY[found.why], language, names=found.names)
        if found.names
        else text(WHY[found.why], language)
    )


def _pct(value: float | None) -> str:
    return "--" if value is None else f"{value:.1f}%".replace("-", MINUS)


def _meter(row: MeterRow, href: Href, *, may: bool, language: str) -> Node:
    name = el(
        "Span", el("Strong", row.name, data_verbatim="1"), " ",
        el("Span", row.meter, cls="note", data_verbatim="1"),
        cls=f"register-depth register-depth-{min(row.depth, 4)}",
    )  # fmt: skip
    badge = mark("warn", "triangle-alert", text("含估算", language)) if row.estimated else None
    found = row.balance
    below: Content = None
    rest: Content = None
    if found is not None:
        below = found.below
        rest = [el("Span", f"{found.difference} ({_pct(found.pct)})" if found.pct is not None
                   else found.difference, cls="bad" if found.bad else "")]  # fmt: skip
        if found.why:
            rest.append(el("Span", _why(found, language), cls="note link-note"))
    return work_row(
        [("", name, "at-name"), ("介质与位置", row.place, "at-rest at-site"),
         ("本月用量", [f"{row.quantity} {row.unit}" if row.quantity != "--" else "--", " ", badge],
          "num at-rest"),
         ("下级合计", below, "num at-rest"), ("差额", rest, "num"),
         ("完整率", row.complete, "num at-rest"), ("有效期", row.valid or None, "at-rest"),
         ("", _edit(href, f"meter:{row.meter}", text("修改", language), may=may), "at-do")],
        language,
    )  # fmt: skip


def devices_card(
    rows: Sequence[tuple[str, str, str, str, str]], href: Href, *, may: bool, language: str
) -> Node:
    """Return the devices of clean energy: identifier, kind, capacity, in and out of service."""
    head = (
        ("设备编号", ""),
        ("类型", ""),
        ("容量", "num"),
        ("投运日期", ""),
        ("退运日期", ""),
        ("", ""),
    )
    body = [
        work_row([("", el("Strong", ident, data_verbatim="1"), "at-name"),
                  ("类型", text(kind, language), "at-rest"), ("容量", capacity, "num at-rest"),
                  ("投运日期", since, "at-rest"), ("退运日期", until or "--", "at-rest"),
                  ("", _edit(href, f"device:{ident}", text("修改", language), may=may), "at-do")],
                 language)
        for ident, kind, capacity, since, until in rows
    ]  # fmt: skip
    add = link(href(edit="device:"), icon("plus"), el("Span", text("增加设备", language)),
               cls="button") if may else None  # fmt: skip
    note = text("装机容量和桩数由此计算", language)
    return _card("devices", text("设备（{count}）", language, count=len(rows)), note, add,
                 work_table(head, body, "设备", language))  # fmt: skip


def form_card(found: Form, href: Href, language: str) -> Node:
    """Return the form of an entry: what is chosen by pressing, what is written, its history."""
    fields = [_field(one, language) for one in found.fields]
    save = el("Button", icon("check"), el("Span", text("保存", language)),
              id={"page": "data", "part": "register-save"}, cls="button button-main",
              type="button")  # fmt: skip
    close = link(href(edit=""), icon("x"), el("Span", text("收起", language)), cls="button")
    story = _settings(found, href, language) if found.what == "setting" else _story(found, language)
    head = el("Div", el("Div", el("H2", found.title, cls="card-title"),
                        el("P", found.note, cls="card-sub"), cls="card-titles"), close,
              cls="card-head")  # fmt: skip
    return el(
        "Section", core("Store", id={"page": "data", "part": "register-of"},
                        data={"what": found.what, "ident": found.ident}),
        head, el("Div", fields, cls="users-form users-form-wide"),
        el("Div", save, el("Span", text("与导入文件同样校验；改动作为更正，旧值保留，记入审计",
                                        language), cls="note"), cls="users-submit"),
        story, cls="card", id="register-form",
    )  # fmt: skip


def _story(found: Form, language: str) -> Content:
    """Return how an entry came to be."""
    if not found.story:
        return None
    items = [el("Li", el("Strong", when), [el("Div", one, data_verbatim="1") for one in what])
             for when, what in found.story]  # fmt: skip
    words = text("变更历史（{count}）", language, count=len(found.story))
    return el("Details", el("Summary", words, cls="more"), el("Ul", items, cls="register-story"))


def _settings(found: Form, href: Href, language: str) -> Content:
    """Return every setting with its value in force; a name puts it into the form."""
    items = [
        el("Li", link(href(edit=f"setting:{name}"), name, cls="work-name"),
           [el("Div", one, data_verbatim="1") for one in what])
        for name, what in found.story
    ]  # fmt: skip
    title = text("全部设置（{count}），点名称填入", language, count=len(items))
    return el("Div", el("H3", title, cls="link-title"),
              el("Ul", items, cls="register-story register-settings"),
              cls="link-section")  # fmt: skip


def _field(one: Field, language: str) -> Node:
    title = text(one.title, language) + ("" if not one.required else " *")
    ident = {"page": "data", "part": FIELD, "field": one.name}
    if one.choices:
        options = [(value, text(words, language)) for value, words in one.choices]
        if not one.required:
            options = [("", text("不填", language)), *options]
        return radio({"page": "data", "part": PICK, "field": one.name}, options, one.value, title)
    made = text_field(ident, title, text(one.hint, language) if one.hint else "", 200, one.value)
    if one.fixed:
        made["props"]["children"][1]["props"]["disabled"] = True
    return made


def wrong(errors: Sequence[tuple[str, str]], language: str) -> Node:
    """Return what is wrong with a form, field by field."""
    items = [el("Li", el("Strong", text(title, language)), " ", words) for title, words in errors]
    return strip("danger", "circle-x", el("Strong", text("没有保存", language)), el("Ul", items))
