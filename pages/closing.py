"""月结: months checked and locked, what waits for approval, what was restated since and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from figures.html import Content, Node, el
from figures.overview import EMISSION
from figures.view import SiteInfo, View
from pages._bar import menu, month_range, option
from pages._filters import Filters, Known
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

KEY = "closing"
FIRST_SHOWN = 12
INDICATORS = ("emission", "substitution", "reduction", "energy", "electricity", "water", "diesel",
              "lifecycle_emission", "product_substitution")  # fmt: skip

MONTHS = Panel(key="months", clause="", title="月份", form="list", reads=(), build=nothing)
EFFECT = Panel(
    key="effect", clause="", title="批准前后", form="bar", reads=(EMISSION,), build=nothing,
    width=12, heights=(170, 170, 194),
)  # fmt: skip
RESTATED = Panel(
    key="restated", clause="", title="重述", form="bar", reads=(EMISSION,), build=nothing, width=12,
    heights=(340,),
)  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """What the reader looks at: everything of it stands in the address."""

    month: str = ""
    proposal: int = 0
    shown: int = FIRST_SHOWN
    indicator: str = INDICATORS[0]
    since: int = 0
    table: str = ""
    rest: Mapping[str, str] = field(default_factory=dict)

    def href(self, **changed: object) -> str:
        """Return the address with some of it changed; defaults are left out."""
        now = {
            "month": self.month, "proposal": self.proposal, "shown": self.shown,
            "indicator": self.indicator, "since": self.since, "table": self.table,
        }  # fmt: skip
        defaults = {"proposal": 0, "shown": FIRST_SHOWN, "indicator": INDICATORS[0], "since": 0}
        whole: dict[str, object] = {**self.rest, **now, **changed}
        return query({n: str(v) for n, v in whole.items() if v != defaults.get(n, "")})


def choice(search: object) -> Choice:
    """Return what an address asks for; what it cannot ask for falls back to the default."""
    given = asked(search)
    indicator, table = given.get("indicator", ""), given.get("table", "")
    return Choice(
        month=given.get("month", "")[:7],
        proposal=number(given.get("proposal", "")),
        shown=max(FIRST_SHOWN, number(given.get("shown", ""))),
        indicator=indicator if indicator in INDICATORS else INDICATORS[0],
        since=number(given.get("since", "")),
        table=table if table in (EFFECT.key, RESTATED.key) else "",
        rest={name: given[name] for name in GLOBAL if given.get(name)},
    )


def layout(language: str) -> Node:
    """Return the page before its months are there."""
    months = card(
        KEY, MONTHS.key, MONTHS.form,
        el("Div", el("Div", el("H2", text("各月", language), cls="card-title"),
                     place(KEY, "months-sub", cls="card-sub"), cls="card-titles"),
           cls="card-head"),
        place(KEY, "months", bones()),
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
        stores(KEY, "charts", "act-done", "act-step-done"),
        el("Div", months, place(KEY, "month", cls="work-month"), cls="work-closing"),
        _section("待批准", "由第二个人决定：因子、站点设置、锁定月份", language),
        place(KEY, "waiting"), effect,
        _section("重述", "账本数值从当时到现在为何改变", language),
        place(KEY, "restated-menus", cls="work-filters"),
        el("Div", chart(PAGE, RESTATED, language), place(KEY, "restated", cls="work-affected"),
           cls="work-effect"),
    )  # fmt: skip


def _section(title: str, note: str, language: str) -> Node:
    return el("Div", el("H2", text(title, language), cls="section-title"),
              el("Span", text(note, language), cls="section-note"), cls="section-head")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Since:
    """A time that restatements are counted from: a settle run, in words."""

    run: int
    words: str


def site_menu(chosen: Choice, site: SiteInfo, sites: Sequence[SiteInfo], language: str) -> Content:
    """Return the choice of the site, where there are several."""
    if len(sites) < 2:
        return None
    items = [
        option(chosen.href(site=one.site, month="", shown=FIRST_SHOWN), one.name(language),
                chosen=one.site == site.site)
        for one in sites
    ]  # fmt: skip
    return menu(text("站点", language), site.name(language), items, "filter-month-site")


def restated_menus(
    view: View, filters: Filters, known: Known, chosen: Choice, times: Sequence[Since],
    indicator_name: Callable[[str], str],
) -> list[Node]:  # fmt: skip
    """Return what is asked of the restatements: indicator, months, since when."""
    indicators = [
        option(chosen.href(indicator=one), indicator_name(one), chosen=one == chosen.indicator)
        for one in INDICATORS
    ]
    found = [
        menu(view.t("指标"), indicator_name(chosen.indicator), indicators, "filter-indicator"),
        el("Div", month_range(view, filters, known), cls="work-range"),
    ]
    if times:
        now = next((one for one in times if one.run == chosen.since), times[-1])
        items = [option(chosen.href(since=one.run), one.words, chosen=one is now) for one in times]
        found.append(menu(view.t("自"), now.words, items, "filter-since"))
    return found


PAGE = PlainPage(
    key=KEY,
    path="/closing",
    name="月结",
    title="月结",
    clause="",
    group="数据与核算",
    icon="calendar-check",
    sections=(Section(panels=(MONTHS, EFFECT, RESTATED)),),
    layout=layout,
)
