"""The forms of 售碳潜力: a scenario's name, a document, a step of the project, eligibility."""

from __future__ import annotations

from collections.abc import Sequence

from figures.html import Content, Node, el
from figures.view import View

LONGEST_NAME = 40


def line(name: str, label: str, longest: int, value: str = "", *, wide: bool = False) -> Node:
    """Return a field of one line; the script puts the value it had into it."""
    box = el("Textarea", data_field=name, data_chosen=value, maxLength=str(longest), rows="1",
             cls="edit-line")  # fmt: skip
    return el("Label", el("Span", label, cls="work-label"), box,
              cls="work-field" + (" work-wide" if wide else ""))  # fmt: skip


def choice(name: str, label: str, choices: Sequence[tuple[str, str]], chosen: str) -> Node:
    """Return a choice of one."""
    items = [el("Option", words, value=value) for value, words in choices]
    box = el("Select", items, data_field=name, data_chosen=chosen, cls="edit-select")
    return el("Label", el("Span", label, cls="work-label"), box, cls="work-field")


def form(act: str, key: str, site: str, *inside: Content, **fixed: str) -> Node:
    """Return a form; what it sends besides its fields stands in its attributes."""
    more = {f"data_{name}": value for name, value in fixed.items()}
    return el("Div", *inside, cls="work-fields edit-form", data_kind="sale", data_act=act,
              data_key=key, data_site=site, **more)  # fmt: skip


def scenario_form(view: View, of: str, key: str) -> tuple[Content, Content]:
    """Return the form that saves the sliders under a name; a name that is there is overwritten."""
    t, sales = view.t, view.sales
    if sales is None or sales.scene is None:
        return t("保存情景"), t("还没有减碳量预测：作出预测后自动显示")
    said = _said(view, of)
    kept = [one.name for one in sales.scene.saved]
    there = t("已有：{names}；同名的会被替换", names="、".join(kept)) if kept else ""
    inside = form(
        "scenario-save", key, sales.site,
        line("name", t("名称，最多 {most} 字", most=LONGEST_NAME), LONGEST_NAME, wide=True),
        el("P", said, cls="edit-of work-wide"),
        el("P", there, cls="work-wide sale-note", data_verbatim="1") if there else None, of=of,
    )  # fmt: skip
    return t("保存情景"), inside


def _said(view: View, of: str) -> str:
    """Return the sliders' values in words."""
    try:
        price, growth, ratio = (float(one) for one in of.split(","))
    except ValueError:
        return ""
    return view.joined(
        f"{view.t('CCER 均价')} {view.t('{value} 元/t', value=f'{price:.1f}')}",
        f"{view.t('年处理量增速')} {growth:.1f} %",
        f"{view.t('可核证比例')} {100 * ratio:.0f} %",
    )
