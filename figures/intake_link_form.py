"""接口: the form in which an interface is added or its settings are changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from figures.forms import radio, text_field
from figures.html import Node, core, el, icon, link
from figures.intake_links import MAX_TABLE_BYTES, Href, Ident
from translations import text

FIELD, PICK = "link-field", "link-pick"
LONGEST = 1000
FLAGS = {"true": "是", "false": "否"}
HOW = {"list": "用逗号分开", "pairs": "写成 名称=值，用逗号分开"}


@dataclass(frozen=True, slots=True)
class LinkField:
    """A setting: its name and what it is, how it is written, its value, default and choices."""

    name: str
    about: str
    shape: str
    required: bool
    value: str
    default: str = ""
    choices: tuple[str, ...] = ()
    kept: bool = False
    server: bool = False

    @property
    def missing(self) -> bool:
        """Whether it must be set, and can only be set on the server."""
        return self.server and self.required and not (self.kept or self.value)


@dataclass(frozen=True)
class LinkForm:
    """The form: of which interface (empty for a new one), of which kind and site, its settings.

    ``kinds`` and ``sites`` are names and words; ``fields`` are required first.
    """

    ident: str
    kind: str
    title: str
    site: str
    kinds: Sequence[tuple[str, str]]
    sites: Sequence[tuple[str, str]]
    fields: Sequence[LinkField]


def add_button(href: Href, kind: str, language: str) -> Node:
    """Return the way to the form of a new interface."""
    return link(href(new=kind, link="", edit="", version="", all="") + "#link-form", icon("plus"),
                el("Span", text("新增接口", language)), cls="button button-main")  # fmt: skip


def form_card(found: LinkForm, ident: Ident, href: Href, language: str) -> Node:
    """Return the form with its save button."""

    def t(key: str, **values: object) -> str:
        return text(key, language, **values)

    new = not found.ident
    title = t("新增接口") if new else t("修改接口 {name}", name=found.ident)
    note = t(
        "与命令 interfaces save 同样校验；保存即成为新版本，记录何人、何时，采集程序两秒内跟上"
    )
    close = link(href(new="", edit=""), icon("x"), el("Span", t("收起")), cls="button")
    head = el("Div", el("Div", el("H2", title, cls="card-title"), el("P", note, cls="card-sub"),
                        cls="card-titles"), close, cls="card-head")  # fmt: skip
    fields = sorted(found.fields, key=lambda one: bool(one.choices))  # choices take a whole row
    needed = [_field(one, language) for one in fields if one.required]
    others = [_field(one, language) for one in fields if not one.required]
    more = el(
        "Details",
        el("Summary", t("其他设置（{count}，不填用默认值）", count=len(others)), cls="more"),
        el("Div", others, cls="users-form users-form-wide"), open=None if new else True,
        cls="link-more",
    )  # fmt: skip
    lacks = [t(one.about) for one in found.fields if one.missing]
    save = el("Button", icon("check"), el("Span", t("保存")), id=ident("link-save"),
              cls="button button-main", type="button")  # fmt: skip
    where = t("密码、密钥和服务器上的路径只在服务器上设置；有密码的接口，全部设置都是")
    return el(
        "Section",
        core("Store", id=ident("link-of"), data={"ident": found.ident, "kind": found.kind}),
        head, _kinds(found, href, language) if new else None,
        el("Div", _names(found, language), needed, cls="users-form users-form-wide"), more,
        _table(ident, language, new=new),
        el("Div", _elsewhere(lacks, language) if lacks else save, el("Span", where, cls="note"),
           cls="users-submit"),
        cls="card", id="link-form",
    )  # fmt: skip


def _kinds(found: LinkForm, href: Href, language: str) -> Node:
    """Return the choice of the kind: another kind has other settings, so it is an address."""
    items = [
        link(href(new=name) + "#link-form", icon("check"), el("Span", words),
             cls="users-pick link-kind", aria_current="true" if name == found.kind else None)
        for name, words in found.kinds
    ]  # fmt: skip
    return el("Div", el("Span", text("种类", language), cls="work-label"),
              el("Div", items, cls="users-picks", role="group",
                 aria_label=text("种类", language)), cls="work-field work-wide")  # fmt: skip


def _names(found: LinkForm, language: str) -> list[Node]:
    def ident(name: str) -> dict[str, str]:
        return {"page": "data", "part": FIELD, "field": name}

    title = text_field(ident("title"), text("名称", language), "", 80, found.title)
    if found.ident:
        named = next((words for name, words in found.sites if name == found.site), found.site)
        why = text(
            "不能改：读数、批次和历史属于一个站点。要接另一站点，请新增接口，再停用或移除这个",
            language,
        )
        site = el("Div", el("Span", text("站点", language), cls="work-label"),
                  el("Span", named, data_verbatim="1"), el("Span", why, cls="note link-note"),
                  cls="work-field")  # fmt: skip
        return [title, site]
    sites = radio({"page": "data", "part": PICK, "field": "site"}, found.sites, found.site,
                  text("站点", language) + " *")  # fmt: skip
    hint = text("字母、数字、- 和 _，例如 workshop-meters", language)
    return [text_field(ident("id"), text("编号", language) + " *", hint, 40), title, sites]


def _field(one: LinkField, language: str) -> Node:
    label = text(one.about, language) + (" *" if one.required else "")
    name = f"set-{one.name}"
    if one.server:
        return _told(one, label, language)
    if one.choices:
        return radio({"page": "data", "part": PICK, "field": name}, _options(one, language),
                     one.value, label)  # fmt: skip
    made = text_field({"page": "data", "part": FIELD, "field": name}, label, _hint(one, language),
                      LONGEST, one.value)  # fmt: skip
    made["props"]["children"].append(el("Code", one.name, cls="note link-note"))
    return made


def _told(one: LinkField, label: str, language: str) -> Node:
    """Return a setting that is set on the server alone: what it is, nothing of a secret."""
    said = text("已设置，不再显示", language) if one.kept else one.value or one.default
    return el("Div", el("Span", label, cls="work-label"),
              el("Span", said or text("未设置", language), data_verbatim="1"),
              el("Code", one.name, cls="note link-note"), cls="work-field")  # fmt: skip


def _elsewhere(lacks: Sequence[str], language: str) -> Node:
    """Return where an interface is added that a page cannot add."""
    joint = "、" if language == "zh" else ", "
    return el("P", icon("info"), text("{names}只能在服务器上设置：manage.py interfaces save 文件",
                                      language, names=joint.join(lacks)), cls="note")  # fmt: skip


def _options(one: LinkField, language: str) -> list[tuple[str, str]]:
    def told(value: str) -> str:
        return text(FLAGS[value], language) if value in FLAGS else value

    options = [(value, told(value)) for value in one.choices]
    if one.required:
        return options
    words = text("默认（{value}）", language, value=told(one.default))
    return [("", words), *options]


def _hint(one: LinkField, language: str) -> str:
    parts = [text(HOW[one.shape], language)] if one.shape in HOW else []
    if one.default:
        parts.append(text("默认 {value}", language, value=one.default))
    return ("；" if language == "zh" else "; ").join(parts)


def _table(ident: Ident, language: str, *, new: bool) -> Node:
    words = text("选择点表文件（CSV、XLSX、XLS，至多 {size} kB）", language,
                 size=MAX_TABLE_BYTES // 1000)  # fmt: skip
    field = core(
        "Upload", id=ident("link-points"), accept=".csv,.xlsx,.xls", max_size=MAX_TABLE_BYTES,
        className="link-drop",
        children=el("Span", icon("upload"), el("Span", words), cls="button"),
    )  # fmt: skip
    note = text(
        "可以以后再上传；文件夹和记录视图不用点表" if new else "不选则沿用现在的点表", language
    )
    return el("Div", el("Span", text("点表", language), cls="work-label"), el("Label", field),
              el("Span", note, id=ident("link-points-name"), cls="note"),
              cls="work-field work-wide link-points")  # fmt: skip


def wrong_rows(
    problems: Sequence[tuple[str, str, str, str, str]], about: Mapping[str, str], language: str
) -> list[tuple[str, str, str, str, str]]:
    """Return problems with their settings called what the form calls them."""
    named = {"id": "编号", "site": "站点", "kind": "种类"} | dict(about)
    return [
        (row, text(named[column], language) if column in named else column, value, why, remedy)
        for row, column, value, why, remedy in problems
    ]  # fmt: skip
