"""The dialog of a page of panels: notes on months, targets of indicators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from figures.html import Content, Node, el, icon
from figures.view import View, period_words
from pages._plain import place, stores
from translations import text

LONGEST = 200
AIMS = (("target", "目标"), ("quota", "配额"), ("budget", "预算"))


def dialog(page: str, language: str) -> list[Node]:
    """Return the dialog, empty and closed, with what it sends and what it is told."""
    close = text("关闭", language)
    head = el(
        "Div", place(page, "edit-title", cls="work-dialog-title"),
        el("Button", icon("x"), cls="tool", type="button", data_edit="close", aria_label=close,
           title=close), cls="work-dialog-head",
    )  # fmt: skip
    foot = el(
        "Div", el("Button", close, cls="button", type="button", data_edit="close"),
        el("Button", icon("check"), el("Span", text("保存", language)), type="button",
           cls="button button-main", data_edit="save"), cls="work-dialog-foot",
    )  # fmt: skip
    return [
        *stores(page, "edit-ask", "edit", "act-edit-done", "edit-closed"),
        el("Dialog", head, place(page, "edit-form", cls="work-dialog-body"),
           place(page, "act-edit-said", cls="work-dialog-said", role="alert"), foot,
           cls="work-dialog edit-dialog", aria_label=text("备注与目标", language)),
    ]  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A note or an aim that there is: its words and who made it when."""

    number: int
    month: str
    words: str
    by: str
    own: bool = True
    old: bool = False


def _select(name: str, label: str, choices: Sequence[tuple[str, str]], chosen: str) -> Node:
    """Return a choice; the script puts it where it is at first."""
    items = [el("Option", words, value=value) for value, words in choices]
    box = el("Select", items, data_field=name, data_chosen=chosen, cls="edit-select")
    return el("Label", el("Span", label, cls="work-label"), box, cls="work-field")


def _area(name: str, label: str, longest: int) -> Node:
    return el(
        "Label", el("Span", label, cls="work-label"),
        el("Textarea", data_field=name, maxLength=str(longest), rows="2", cls="edit-area"),
        cls="work-field work-wide",
    )  # fmt: skip


def _form(kind: str, key: str, *inside: Content, **named: str) -> Node:
    """Return a form; what is fixed of it stands in its attributes."""
    fixed = {f"data_{name}": value for name, value in named.items()}
    return el("Div", *inside, cls="work-fields edit-form", data_kind=kind, data_key=key, **fixed)


def note_form(
    view: View, panel: tuple[str, str], month: str, key: str, there: Sequence[Written]
) -> list[Content]:
    """Return the form of a note on a month, and the notes that there are.

    Parameters
    ----------
    view
        What the page shows.
    panel
        The chart's name in addresses and its title.
    month
        Which month it is for at first.
    key
        The form's own, so that it is one note however often it is sent.
    there
        What stands on the months of the page already.
    """
    t, language = view.t, view.language
    months = [month for span in reversed(view.periods) for month in reversed(span.months)]
    scopes = [("all", t("站点的所有图")), ("page", t("本页的图")),
              ("panel", t("只在此图：{name}", name=panel[1]))]  # fmt: skip
    sites = [(site.site, site.name(language)) for site in view.sites]
    form = _form(
        "note", key, _select("site", t("站点"), sites, sites[0][0]) if len(sites) > 1 else None,
        _select("month", t("月份"), [(m, period_words(m, language)) for m in months], month),
        _select("scope", t("显示在"), scopes, "all"),
        _area("text", t("备注，最多 200 字，例如 春节停工"), LONGEST),
        site=sites[0][0], panel=panel[0], note="0",
    )  # fmt: skip
    return [form, listed(view, t("已有的备注"), there, edits=True)]


def target_form(
    view: View, name: str, of: tuple[str, str, str], unit: str, key: str,
    there: Sequence[Written],
) -> list[Content]:  # fmt: skip
    """Return the form of a target of an indicator, and what was set before."""
    t, language = view.t, view.language
    last = view.last.months[-1]
    years = [str(int(last[:4]) + at) for at in (-1, 0, 1)]
    months = [f"{year}-{at:02d}" for year in reversed(years) for at in range(12, 0, -1)]
    periods = [(one, period_words(one, language)) for one in (*reversed(years), *months)]
    form = _form(
        "target", key, _select("aim", t("类型"), [(a, t(words)) for a, words in AIMS], "target"),
        _select("period", t("期间"), periods, last[:4]),
        el("Label", el("Span", t("数值（{unit}）", unit=unit), cls="work-label"),
           el("Textarea", data_field="value", maxLength="24", rows="1", inputMode="decimal",
              cls="edit-line"), cls="work-field"),
        el("Label", el("Span", t("来源"), cls="work-label"),
           el("Textarea", data_field="source", maxLength=str(LONGEST), rows="1", cls="edit-line"),
           cls="work-field"),
        site=view.sites[0].site, of="|".join(of), mass=view.units.mass, energy=view.units.energy,
    )  # fmt: skip
    return [el("P", name, cls="edit-of"), form, listed(view, t("已设定的"), there, edits=False)]


def listed(view: View, title: str, there: Sequence[Written], *, edits: bool) -> Content:
    """Return what there is under a title; nothing where nothing is."""
    if not there:
        return None
    rows = [_line(view, one, edits=edits) for one in there]
    return el("Div", el("H3", title, cls="edit-title"), el("Ul", rows, cls="edit-list"))


def _line(view: View, one: Written, *, edits: bool) -> Node:
    buttons: Content = None
    if edits and one.own:
        names = (("change", "square-pen", "修改"), ("remove", "x", "删除"))
        buttons = [
            el("Button", icon(sign), cls="tool", type="button", data_edit=name,
               data_number=str(one.number), aria_label=f"{view.t(words)}: {one.words}",
               title=view.t(words))
            for name, sign, words in names
        ]  # fmt: skip
    return el(
        "Li", el("Span", one.month, cls="edit-month"),
        el("Span", one.words, cls="edit-words" + (" is-old" if one.old else ""),
           data_verbatim="1"),
        el("Span", one.by, cls="edit-by", data_verbatim="1"), el("Span", buttons, cls="edit-tools"),
    )  # fmt: skip
