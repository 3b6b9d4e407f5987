"""What reductions could earn if a methodology were accepted: always a scenario (5.2 k, 5.7 b).

Potential and issuable never meet in one number: what may be issued is the ledger's creditable
reduction, beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

from figures import came, cards, fan
from figures.came import Came, met
from figures.cards import Built, Plot
from figures.cells import Cell, Key, change, total
from figures.fan import Fan
from figures.forecast import LEVELS, Point, column
from figures.html import Content, Node, el
from figures.number import (
    badge,
    figure_button,
    kpi_decimals,
    shown_value,
    written,
)
from figures.sheet import Group, Series, Sheet
from figures.view import View

REDUCTION: Key = ("reduction", "site", "site")
PRODUCTS = (
    ("site", "总收益", "总收益预测", "energy.total"),
    ("cable", "电缆", "电缆收益预测", "product.cable"),
    ("conductor", "架空导线", "架空导线收益预测", "product.conductor"),
    ("transformer", "变压器", "变压器收益预测", "product.transformer"),
)
LINES = tuple(entity for entity, _, _, _ in PRODUCTS[1:])
TINT = "energy.total"


def site_of(view: View) -> str:
    """Return the site whose forecasts are shown; empty where several are chosen."""
    return view.sites[0].site if len(view.sites) == 1 else ""


def entity_of(view: View) -> str:
    """Return what of the site the page is filtered by: a line, else the site.

    Raises
    ------
    Unparted
        The filter names something that no reduction is parted by.
    """
    return view.book.named(REDUCTION)[2]


def points_of(view: View, series: str, entity: str, grain: str = "month") -> tuple[Point, ...]:
    """Return forecasts of the chosen site; none of several sites, nor beside a view's numbers."""
    site = site_of(view)
    if view.forecasts is None or not site or view.lens is not None:
        return ()
    return view.forecasts.points.get((series, site, entity, grain), ())


def reason_of(view: View, series: str, entity: str = "site") -> str:
    """Return why a series of the chosen site has no forecast, or no challenger that leads it."""
    known = view.forecasts.reasons if view.forecasts else {}
    return known.get((series, site_of(view), entity), "")


def unknown(view: View, series: str = "revenue") -> tuple[str, Content]:
    """Return why there is nothing to show of a series, and what the browser needs to look again."""
    return fan.waiting(view, reason_of(view, series))


def earned_before(view: View, entity: str, target: str) -> Point | None:
    """Return what the run before said of the same month."""
    if view.forecasts is None:
        return None
    known = view.forecasts.before.get(("revenue", site_of(view), entity, "month"), ())
    return next((point for point in known if point.target == target), None)


def issuable(view: View, entity: str) -> Cell | None:
    """Return what of the chosen periods may be issued: 0 without a methodology, t."""
    lines = LINES if entity == "site" else (entity,)
    spans = [span for span in view.periods if span.months]
    found = [view.cell(("creditable_reduction", "line", line), span)
             for span in spans for line in lines]  # fmt: skip
    known = [cell for cell in found if cell is not None]
    return total(known) if known and len(known) == len(found) else None


def span_words(view: View, points: Sequence[Point]) -> str:
    """Return the months that a cumulated revenue is of."""
    joint = " ～ " if view.language == "zh" else " – "
    return f"{points[0].target}{joint}{points[-1].target}"


def interval_words(view: View, point: Point) -> list[Content]:
    """Return the 80 % interval of a point; both of its numbers open."""
    measure = view.units.of(point.unit)
    low, high = point.cell("lo80"), point.cell("hi80")
    if low.value is None or high.value is None:
        return [view.t("历史误差未知，没有区间")]
    decimals = kpi_decimals(shown_value(high, measure))
    ends = [figure_button(c, written(shown_value(c, measure), decimals, money=True), view.language)
            for c in (low, high)]  # fmt: skip
    return [view.t("80% 区间"), " ", ends[0], "～" if view.language == "zh" else "–", ends[1]]


def money(view: View, cell: Cell, cls: str = "") -> list[Content]:
    """Return a sum of money that opens, with its unit."""
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    words = written(shown, kpi_decimals(shown), money=True)
    return [figure_button(cell, words, view.language, cls), f" {measure.word}"]


def product_card(view: View, entity: str, name: str, color: str, question: str = "") -> Node:
    """Return the card of what an entity could earn up to the horizon (5.7 b)."""
    points = points_of(view, "revenue", entity)
    last = points[-1]
    cell, before = last.cell(), earned_before(view, entity, last.target)
    moved = change(cell, before.cell()) if before else Cell(None, "%", quality="null")
    words, meaning = cards.change_words(view, moved, cards.GOOD)
    cells = [point.cell() for point in points]
    return el(
        "Div",
        el("Div", cards.swatch(color),
           el("Span", view.t(question) if question else
              view.t("{span} 累计", span=span_words(view, points)), cls="kpi-question"),
           badge(cell, view.language), cls="kpi-top"),
        el("Div", el("H3", view.t(name), cls="kpi-name"),
           el("Span", view.t("{span} 累计", span=span_words(view, points)), cls="kpi-period")
           if question else None, cls="kpi-title"),
        el("Div", cards.value_line(view, cell), cards.sparkline(cells, color), cls="kpi-middle"),
        el("Div", el("Span", interval_words(view, last), cls="change-pair interval"),
           el("Span", el("Span", view.t("较上次"), cls="change-name"),
              el("Span", words, cls=f"num change {meaning}"), cls="change-pair"), cls="changes"),
        el("Div", el("Div", _issuable_words(view, entity), cls="kpi-context"),
           cards.basis_button(view, cell), cls="kpi-foot"),
        cls="kpi kpi-earned",
    )  # fmt: skip


def _issuable_words(view: View, entity: str) -> Content:
    """Return 潜在 beside 可签发: two numbers that are never added."""
    cell = issuable(view, entity)
    if cell is None:
        return view.t("潜在收益")
    shown = shown_value(cell, view.units.of("t"))
    words = written(shown, kpi_decimals(shown) if shown else 0)
    return el("Span", view.t("潜在；可签发"), " ", figure_button(cell, words, view.language), " t")


def sums(view: View) -> Built:
    """Return the four cards of cumulated revenue, total and by line (5.7 b)."""
    shown = entity_of(view)
    kept = [row for row in PRODUCTS if row[0] == shown] if shown != "site" else list(PRODUCTS)
    found = [(row, points_of(view, "revenue", row[0])) for row in kept]
    if not all(points for _, points in found):
        why, again = unknown(view)
        return Built(empty=why, action=again)
    cells = [product_card(view, entity, name, color) for (entity, _, name, color), _ in found]
    return Built(
        body=el("Div", cells, cls="kpi-row"),
        lead=found[0][1][-1].cell(),
        sheet=_sheet(view, [(view.t(row[1]), points[-1]) for row, points in found]),
    )


def _sheet(view: View, rows: Sequence[tuple[str, Point]]) -> Sheet:
    """Return the cumulated revenues as a table: a row a product, its median and edges."""
    edges = (("lo", "{level}% 区间下限"), ("hi", "{level}% 区间上限"))
    names = [(view.t("情景中值"), "p50")]
    names += [(view.t(key, level=level), side + level) for level in LEVELS for side, key in edges]
    columns = tuple(
        Series(name, TINT, tuple(point.cell(band) for _, point in rows)) for name, band in names
    )
    group = Group(view.t("累计潜在收益"), "CNY", columns)
    labels = tuple(name for name, _ in rows)
    return Sheet(labels, (group,), tuple(point.cell() for _, point in rows), view.t("对象"))


def ground(view: View, reason: str) -> Node:
    """Return the four cards while there is no forecast: the reason in the place of the number."""
    found = [cards.unknown_kpi(view, _short(name), name, color, reason)
             for _, _, name, color in PRODUCTS]  # fmt: skip
    return el("Div", found, _again(view), cls="kpi-row")


def _short(name: str) -> str:
    return name.removesuffix("预测")


def _again(view: View) -> Content:
    return unknown(view)[1]


# ---- 总览: the answer and the curve ----

QUESTION, ANSWER = "值多少钱", "预测售碳收益"


def answer(view: View) -> Built:
    """Return the answer to what it is worth (5.2 k)."""
    entity = entity_of(view)
    points = points_of(view, "revenue", entity)
    if not points:
        return Built(empty=unknown(view)[0])
    return Built(body=product_card(view, entity, ANSWER, TINT, QUESTION), lead=points[-1].cell())


def unanswered(view: View, reason: str) -> Node:
    """Return the answer's card while there is no forecast."""
    return el("Div", cards.unknown_kpi(view, QUESTION, ANSWER, TINT, reason), _again(view),
              cls="kpi-whole")  # fmt: skip


def curve(view: View) -> Built:
    """Return the cumulated potential revenue by month, stepping at issuance (5.2 k)."""
    entity = entity_of(view)
    points = points_of(view, "revenue", entity)
    if not points:
        why, again = unknown(view)
        return Built(empty=why, action=again)
    chart, held = _fan(view, points, entity), came_of(view, entity)
    figure = fan.figure(view, chart)
    group = fan.group_of(view, chart)
    return Built(
        subtitle=view.joined(
            view.units.of("CNY").word, view.t("累计"), span_words(view, points),
            view.t("潜在，不构成可签发量"),
        ),
        plots=(Plot(figure, fan.legend(view, chart)),),
        body=came.fold(view, held),
        switch=cards.leads(view, "/market#scenario", "测算情景"),
        foot=view.joined(
            came.words(view, held), view.t("未扣成本"), view.t("签发月份成台阶；不构成投资建议")
        ),
        lead=points[-1].cell(),
        sheet=Sheet(chart.labels, (group,), column(points, chart.labels)),
    )  # fmt: skip


def _fan(view: View, points: Sequence[Point], entity: str) -> Fan:
    """Return the cumulated revenue as a fan, the run before as a thin line."""
    labels = tuple(point.target for point in points)
    nothing = Series(view.t("收益"), TINT, (None,) * len(labels))
    more: tuple[Series, ...] = ()
    known = view.forecasts.before.get(("revenue", site_of(view), entity, "month"), ()) \
        if view.forecasts else ()  # fmt: skip
    if any(point.target in labels for point in known):
        more = (Series(view.t("上次测算"), "equip.other", column(known, labels), "dot"),)
    return Fan("", "CNY", labels, nothing, tuple(points), more=more, step=True)


def came_of(view: View, entity: str) -> tuple[Came, ...]:
    """Return what was forecast of months that are known by now, each with what came."""
    if view.forecasts is None or view.lens is not None:
        return ()
    points = view.forecasts.came.get(("reduction", site_of(view), entity, "month"), ())
    return met(points, lambda month: view.book.cell(REDUCTION, month))
