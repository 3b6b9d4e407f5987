"""补录: forms with their fields, words beside each, and what was entered last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from figures.factors import strip
from figures.html import Content, Node, core, el, icon, link
from translations import text

NAMES = {"readings": "读数", "production": "生产", "fuel": "燃油", "trips": "运输"}
ICONS = {"readings": "activity", "production": "recycle", "fuel": "fuel", "trips": "workflow"}
Href = Callable[..., str]


@dataclass(frozen=True)
class Field:
    """A field: its name, title and unit, and what may stand in it.

    Parameters
    ----------
    name, title, unit
        What it is.
    options
        Value and words of each choice; empty where anything may be written.
    value
        What stands in it at first.
    number
        Whether a phone shows digits to write it with.
    required
        Whether it must be filled in.
    once
        Whether it is emptied after the form was taken in.
    hint
        What helps to fill it in.
    """

    name: str
    title: str
    unit: str = ""
    options: Sequence[tuple[str, str]] = ()
    value: str = ""
    number: bool = False
    required: bool = False
    once: bool = False
    hint: str = ""


def pick(chosen: str, sites: Sequence[tuple[str, str, bool]], href: Href, language: str) -> Node:
    """Return the choice of the form, and of the site where there are several."""
    items = [
        link(href(form=name), icon(ICONS[name]), el("Span", text(words, language)), cls="segment",
             aria_current="true" if name == chosen else None)
        for name, words in NAMES.items()
    ]  # fmt: skip
    bar = el("Div", items, cls="segments intake-forms", role="group",
             aria_label=text("补录内容", language))  # fmt: skip
    menu = None
    if len(sites) > 1:
        shown = next((words for words, _, now in sites if now), "")
        ways = [link(way, icon("check") if now else el("Span", cls="icon-gap"),
                     el("Span", words), cls="menu-item", aria_current="true" if now else None)
                for words, way, now in sites]  # fmt: skip
        menu = el("Details", el("Summary", el("Span", text("站点", language), cls="filter-label"),
                                el("Span", shown, cls="filter-value"), icon("chevron-down"),
                                cls="filter"),
                  el("Div", ways, cls="menu"), cls="menu-box")  # fmt: skip
    return el("Div", bar, menu, cls="intake-forms-row")


def form(
    name: str, fields: Sequence[Field], parts: Sequence[Field], site: str, language: str
) -> list[Node]:
    """Return a form: fields, the masses of a batch's products, a remark, the button."""
    inside: list[Content] = [_field(one, language) for one in fields]
    blocks: list[Content] = [el("Div", inside, cls="intake-fields")]
    if parts:
        blocks.append(el("H3", text("产出物（没有的留空）", language), cls="intake-part"))
        blocks.append(el("Div", [_field(one, language) for one in parts],
                         cls="intake-fields intake-outputs"))  # fmt: skip
    note = Field("note", text("备注", language), hint=text("有疑问的数据须说明原因", language),
                 once=True)  # fmt: skip
    blocks.append(el("Div", _field(note, language), cls="intake-fields intake-note"))
    head = el("Div", el("Div", el("H2", text(NAMES[name], language), cls="card-title"),
                        el("P", text("与导入走同一条路：同样校验、记入批次，可撤回；读数标为“人工”",
                                     language), cls="card-sub"), cls="card-titles"),
              cls="card-head")  # fmt: skip
    send = el("Button", icon("check"), el("Span", text("提交", language)),
              cls="button button-main intake-submit", type="button",
              data_intake_submit=name)  # fmt: skip
    return [el("Div", head, blocks, el("Div", send, cls="intake-submit-row"), role="form",
               aria_label=text(NAMES[name], language), cls="intake-form", data_form_name=name,
               data_site=site)]  # fmt: skip


def _field(one: Field, language: str) -> Node:
    mark = el("Span", " *", cls="intake-required", aria_hidden="true") if one.required else None
    unit = el("Span", f"（{one.unit}）" if language == "zh" else f" ({one.unit})",
              cls="intake-unit") if one.unit else None  # fmt: skip
    kept = "once" if one.once else "kept"
    inside: Content
    if one.options:
        inside = el("Select", [el("Option", words, value=value,
                                  selected="selected" if value == one.value else None)
                               for value, words in one.options], name=one.name,
                    cls=f"intake-select {kept}")  # fmt: skip
    else:
        inside = core("Input", id={"page": "data", "part": f"field-{one.name}"}, name=one.name,
                      type="text", value=one.value, maxLength=80, autoComplete="off",
                      inputMode="decimal" if one.number else "text",
                      className=f"{kept}")  # fmt: skip
    return el(
        "Label", el("Span", one.title, unit, mark, cls="work-label"), inside,
        el("Span", one.hint, cls="note intake-hint") if one.hint else None,
        el("Span", cls="intake-error", role="alert"), cls="work-field intake-field-box",
        data_field=one.name,
    )  # fmt: skip


def said(errors: Mapping[str, str], doubts: Mapping[str, str], language: str) -> Node:
    """Return what is wrong with a form as a whole; each word stands beside its field too."""
    if errors:
        words = text("没有提交：请改正 {n} 处", language, n=len(errors))
        loose = [words_ for name, words_ in errors.items() if not name]
        return strip("danger", "circle-x", words, [el("P", one) for one in loose])
    words = text("有疑问：请核对；无误请在备注里说明原因后再提交", language)
    return strip("warn", "triangle-alert", words,
                 el("Ul", [el("Li", one) for one in doubts.values()]))  # fmt: skip


def done(batches: Sequence[tuple[int, str]], again: bool, language: str) -> Node:
    """Return that a form was taken in, with the way to take it back."""
    if again:
        return strip("info", "info", text("此前已录入相同内容，没有变化", language))
    links = [link(href, text("批次 {batch}：查看或撤回", language, batch=batch), cls="intake-undo")
             for batch, href in batches]  # fmt: skip
    return strip("ok", "circle-check", el("Strong", text("已入库", language)), links)


def recent(rows: Sequence[tuple[str, str, str, str, str]], language: str) -> Content:
    """Return what was entered last: (batch, what, who, when, address) each."""
    if not rows:
        return None
    items = [
        el("Li", link(href, f"{text('批次', language)} {batch}", cls="work-name"),
           el("Span", what), el("Span", who, data_verbatim="1"), el("Span", at, cls="note"))
        for batch, what, who, at, href in rows
    ]  # fmt: skip
    head = el("Div", el("H2", text("最近补录", language), cls="card-title"), cls="card-head")
    return el("Div", head, el("Ul", items, cls="intake-recent"), cls="card")
