"""因子库: every factor with source, validity and version; what a new version would change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from figures.factors import SHOWN_FIRST
from figures.html import Node, core, el, icon
from figures.overview import EMISSION
from pages._panel import Panel, Section
from pages._plain import (
    GLOBAL,
    PlainPage,
    asked,
    bones,
    card,
    chart,
    nothing,
    number,
    page_frame,
    part,
    place,
    query,
    stores,
)
from translations import text

KEY = "factors"
FIRST_SHOWN = SHOWN_FIRST
KINDS = ("all", "power", "fuel", "coal", "transport", "material", "ratio", "other")
SORTS = ("name", "value", "kind", "source", "year", "valid", "version", "uses", "confidence",
         "state")  # fmt: skip
_FACTOR = re.compile(r"[A-Z][A-Z0-9_]{1,63}")

LIBRARY = Panel(key="library", clause="", title="因子", form="list", reads=(), build=nothing)
EFFECT = Panel(
    key="effect", clause="", title="批准前后", form="bar", reads=(EMISSION,), build=nothing,
    width=12, heights=(170, 170, 194),
)  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """What the reader looks at: everything of it stands in the address."""

    factor: str = ""
    proposal: int = 0
    kind: str = "all"
    words: str = ""
    sort: str = "-uses"
    shown: int = FIRST_SHOWN
    table: str = ""
    rest: Mapping[str, str] = field(default_factory=dict)

    def href(self, **changed: object) -> str:
        """Return the address with some of it changed; defaults are left out."""
        now = {
            "factor": self.factor, "proposal": self.proposal, "kind": self.kind,
            "q": self.words, "sort": self.sort, "shown": self.shown, "table": self.table,
        } | changed  # fmt: skip
        defaults = {"proposal": 0, "kind": "all", "sort": "-uses", "shown": FIRST_SHOWN}
        kept = {n: str(v) for n, v in now.items() if v != defaults.get(n, "")}
        return query({**self.rest, **kept})


def choice(search: object) -> Choice:
    """Return what an address asks for; what it cannot ask for falls back to the default."""
    given = asked(search)
    kind, sort = given.get("kind", ""), given.get("sort", "")
    factor = given.get("factor", "").upper()
    return Choice(
        factor=factor if _FACTOR.fullmatch(factor) else "",
        proposal=number(given.get("proposal", "")),
        kind=kind if kind in KINDS else "all",
        words=given.get("q", "")[:80],
        sort=sort if sort.removeprefix("-") in SORTS else "-uses",
        shown=max(FIRST_SHOWN, number(given.get("shown", ""))),
        table=EFFECT.key if given.get("table") == EFFECT.key else "",
        rest={name: given[name] for name in GLOBAL if given.get(name)},
    )


def layout(language: str) -> Node:
    """Return the page before its factors are there."""
    words = text("搜索因子、编号或出处", language)
    search = el(
        "Label", el("Span", words, cls="visually-hidden"), icon("search"),
        core("Input", id=part(KEY, "search"), type="text", debounce=0.25, placeholder=words,
             autoComplete="off", maxLength=80),
        cls="work-search",
    )  # fmt: skip
    library = card(
        KEY, LIBRARY.key, LIBRARY.form,
        el("Div", place(KEY, "library-title", cls="card-titles"), search,
           place(KEY, "kinds", cls="work-kinds"), cls="work-library-head"),
        place(KEY, "library", bones()),
    )  # fmt: skip
    effect = el(
        "Div", place(KEY, "effect-head"),
        el("Div", chart(PAGE, EFFECT, language), place(KEY, "affected", cls="work-affected"),
           cls="work-effect"),
        place(KEY, "decide"),
        id=part(KEY, "effect-box"), cls="work-hidden",
    )  # fmt: skip
    return page_frame(
        KEY, PAGE.title, language,
        stores(KEY, "charts", "act-done", "piece", "act-piece", "sent", "file-document",
               "file-rows"),
        library, place(KEY, "compare"), effect, _dialog(language),
    )  # fmt: skip


def _dialog(language: str) -> Node:
    """Return the dialog of a new version; the script opens it."""
    close = text("关闭", language)
    title = text("新增版本", language)
    head = el(
        "Div", el("H2", title, cls="work-dialog-title"),
        el("Button", icon("x"), cls="tool", type="button", data_work="close", aria_label=close,
           title=close), cls="work-dialog-head",
    )  # fmt: skip
    foot = el(
        "Div",
        el("Span", text("正在试算影响…", language), id=part(KEY, "form-busy"), cls="work-hidden",
           role="status"),
        el("Button", close, cls="button", type="button", data_work="close"),
        el("Button", icon("git-compare-arrows"), el("Span", text("试算并提出", language)),
           id=part(KEY, "propose"), cls="button button-main", type="button"),
        cls="work-dialog-foot",
    )  # fmt: skip
    return el(
        "Dialog", head, place(KEY, "form", cls="work-dialog-body"),
        place(KEY, "act-form", cls="work-dialog-said", role="alert"), foot,
        cls="work-dialog", aria_label=title,
    )  # fmt: skip


PAGE = PlainPage(
    key=KEY,
    path="/factors",
    name="因子库",
    title="因子库",
    clause="",
    group="数据与核算",
    icon="book-open-check",
    sections=(Section(panels=(LIBRARY, EFFECT)),),
    layout=layout,
)
