"""数据接入 (clauses 7, 5.3 f): the tabs of how data come in; one module a tab.

A tab is one line of ``TABS``; its shell is in pages/intake_<tab>.py, what it shows in
figures/intake_<tab>.py, its callbacks in callbacks/intake_<tab>.py (``callbacks/data.py`` binds
them). The callback of a tab that is not seen sets the state of
its cards to "empty": a page has settled when no panel on it is loading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from figures.html import Content, Node, el, icon, link
from pages import (
    intake_complete,
    intake_forms,
    intake_import,
    intake_links,
    intake_register,
)
from pages._plain import GLOBAL, PlainPage, asked, page_frame, part, query
from translations import text

KEY = "data"
Shell = Callable[[str], Node]


@dataclass(frozen=True)
class Tab:
    """A tab: its name in the address and in words, its icon, its parts before they are filled.

    ``finding`` is the sentence under the title.
    """

    key: str
    name: str
    icon: str
    shell: Shell
    finding: str


TABS = (
    Tab(
        "import",
        "导入",
        "upload",
        intake_import.shell,
        "文件先校验、修正，看到影响后再入库；入库后可整批撤回。",
    ),
    Tab(
        "forms",
        "补录",
        "square-pen",
        intake_forms.shell,
        "没有接口也没有文件的数据在这里填写；与导入同样校验，可撤回。",
    ),
    Tab(
        "links",
        "接口",
        "link",
        intake_links.shell,
        "数据自己进来；每个接口的状态、最近数值、落后和今日收到都在这里。",
    ),
    Tab(
        "register",
        "台账",
        "table-2",
        intake_register.shell,
        "站点、面积、计量点和设备；与导入同样校验，每次变更都记下何人、何时。",
    ),
    Tab(
        "complete",
        "完整性",
        "calendar-check",
        intake_complete.shell,
        "每块表每天应收多少、实收多少；缺数和估算的格子通向当天的告警。",
    ),
)
FIRST = TABS[0].key


@dataclass(frozen=True)
class Choice:
    """Which tab is looked at; what a tab asks for itself stands in ``own``."""

    tab: str = FIRST
    own: Mapping[str, str] = field(default_factory=dict)
    rest: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str, longest: int = 80) -> str:
        """Return what a tab asks for in the address; empty where it does not."""
        return self.own.get(name, "")[:longest]

    def href(self, **changed: object) -> str:
        """Return the address of this tab with some of it changed; what is empty is left out."""
        whole = {**self.rest, "tab": self.tab, **self.own, **changed}
        return query({name: str(value) for name, value in whole.items()})

    def of(self, tab: str) -> str:
        """Return the address of a tab as one comes to it."""
        return query({**self.rest, "tab": tab})


def choice(search: object) -> Choice:
    """Return what an address asks for; an unknown tab falls back to the first."""
    given = asked(search)
    tab = given.get("tab", "")
    own = {name: value for name, value in given.items() if name not in (*GLOBAL, "tab")}
    return Choice(
        tab if tab in {one.key for one in TABS} else FIRST, own,
        {name: given[name] for name in GLOBAL if given.get(name)},
    )  # fmt: skip


def tab_bar(chosen: Choice, language: str) -> Node:
    """Return the row of tabs, the chosen one marked."""
    items = [
        link(chosen.of(tab.key), icon(tab.icon), el("Span", text(tab.name, language)),
             cls="intake-tab", aria_current="page" if tab.key == chosen.tab else None)
        for tab in TABS
    ]  # fmt: skip
    return el("Nav", items, cls="intake-tabs", data_scroll="x",
              aria_label=text("数据接入", language))  # fmt: skip


def head(title: str, finding: Content, chosen: Choice, language: str, *tools: Content) -> Node:
    """Return what stands above a tab: title, one sentence, tools, and the tabs."""
    words = el("Div", el("H1", title, cls="page-title"),
               el("P", finding, cls="finding", aria_live="polite"))  # fmt: skip
    return el("Div", el("Div", words, el("Div", tools, cls="work-tools"), cls="page-head"),
              tab_bar(chosen, language))  # fmt: skip


def layout(language: str) -> Node:
    """Return the page before the address is known: every tab's shell, none of them seen."""
    shells = [
        el("Div", tab.shell(language), id=part(KEY, f"tab-{tab.key}"), cls="work-hidden")
        for tab in TABS
    ]
    return page_frame(KEY, PAGE.title, language, shells)


PAGE = PlainPage(
    key=KEY,
    path="/data",
    name="数据接入",
    title="数据接入",
    clause="7",
    group="数据与核算",
    icon="database",
    layout=layout,
)
