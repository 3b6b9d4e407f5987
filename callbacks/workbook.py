"""A monitoring page as a workbook: the numbers of its panels, in the units that it shows."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from callbacks._bind import panel_built
from figures.cards import Built, quality_words
from figures.cells import Cell
from figures.html import Content
from figures.number import attributes, badge_words, shown_value
from figures.sheet import Group, Sheet
from figures.view import View
from pages._filters import Filters, Known, address
from pages._panel import Page, Panel
from reports.workbook import Cover, Leaf, Number, Value, workbook

LOG = logging.getLogger("carbon.pages")
_GRAIN = {"month": "月", "quarter": "季", "year": "年"}
_COMPARED = {"none": "无", "month": "上期", "year": "上年同期"}


def page_workbook(page: Page, view: View, filters: Filters, known: Known) -> bytes:
    """Return a page's workbook: cover, indicators, a sheet per panel with a table."""
    found = [(panel, _built(page, panel, view)) for panel in page.panels]
    cards = [(panel, built) for panel, built in found if built and _carded(built)]
    leaves = [_cards(cards, view)] if cards else []
    named: dict[str, str] = {panel.key: leaves[0].name for panel, _ in cards}
    for panel, built in found:
        if built is not None and built.sheet is not None and not _reason(view, built):
            leaf = _leaf(panel, built, built.sheet, view)
            leaves.append(leaf)
            named[panel.key] = leaf.name
    contents = tuple(
        ((panel.clause, view.t(panel.title), _about(view, built), "" if built is None else
          built.foot), named.get(panel.key, ""))
        for panel, built in found
    )  # fmt: skip
    made = datetime.now(ZoneInfo(view.sites[0].zone))
    ids = {ident for _, built in found if built for cell in _cells(built) for ident in cell.ids}
    cover = Cover(
        view.t("封面"), view.t(page.title),
        view.t("演示数据") if any(site.demo for site in view.sites) else "",
        _facts(page, view, filters, known, made, len(ids)),
        tuple(view.t(word) for word in ("条款", "图名", "单位与期间", "来源")), contents,
    )  # fmt: skip
    return workbook(cover, leaves, made.replace(tzinfo=None))


def _built(page: Page, panel: Panel, view: View) -> Built | None:
    """Return what a panel shows; None for one that fails, which takes no other with it."""
    try:
        return panel_built(page, panel, view)
    except Exception:
        LOG.exception("panel %s/%s failed in a workbook", page.key, panel.key)
        return None


def _carded(built: Built) -> bool:
    """Tell whether a panel is indicators alone: numbers without a table."""
    return built.sheet is None and not built.empty and any(_lines(built))


def _reason(view: View, built: Built) -> str:
    """Return why a panel has no numbers; empty where it has."""
    if built.empty:
        return built.empty
    return view.t("所选期间没有数据") if built.sheet is not None and built.sheet.empty else ""


def _about(view: View, built: Built | None) -> str:
    """Return a panel's unit and period, or why it is empty."""
    if built is None:
        return view.t("未能读取")
    return _reason(view, built) or _subtitle(view, built)


def _subtitle(view: View, built: Built) -> str:
    """Return a panel's unit and period, by what it is filtered and under which view."""
    by = "" if built.unparted else view.filter_words
    return view.joined(built.subtitle, by, built.lens_words(view))


def _cells(built: Built) -> Iterator[Cell]:
    yield from built.sheet.cells() if built.sheet else ()
    yield from [built.lead] if built.lead else []


def _facts(
    page: Page, view: View, filters: Filters, known: Known, made: datetime, figures: int
) -> tuple[tuple[str, Value], ...]:  # fmt: skip
    """Return what the cover says of the whole page."""
    units = view.t(
        "按页面所选单位 {mass}、{energy}，数值为全精度、未舍入；账本单位 kgCO2e、kgce、kWh",
        mass=view.units.mass, energy=view.units.energy,
    )  # fmt: skip
    said: tuple[tuple[str, Value], ...] = (
        ("页面", f"{view.t(page.name)} ({page.clause})"),
        ("站点", view.joined(*(site.name(view.language) for site in view.sites))),
        ("期间", view.range_words()),
        ("粒度", view.t(_GRAIN[view.grain])),
        ("对比", view.t(_COMPARED[view.compare])),
        ("筛选", view.filter_words or view.t("无")),
        ("口径", view.t(view.lens.title) if view.lens else view.t("账本口径")),
        ("单位", units),
        ("来源", view.facts.get("sources", "").removeprefix(view.t("来源："))),
        ("缺数", view.t("空单元格表示未知，从不当作零")),
        ("核算编号个数", Number(Decimal(figures), 0)),
        ("生成时间", f"{made:%Y-%m-%d %H:%M:%S} {view.sites[0].zone}"),
        ("页面地址", page.path + address(filters, known)),
    )
    return tuple((view.t(label), value) for label, value in said)


# ---- panels with a table ----


def _leaf(panel: Panel, built: Built, sheet: Sheet, view: View) -> Leaf:
    title = view.t(panel.title)
    lines = (
        f"{panel.clause}  {title}".strip(),
        _subtitle(view, built),
        built.foot,
    )
    return Leaf(
        f"{panel.clause} {title}".strip(), tuple(line for line in lines if line),
        _head(view, sheet),
        tuple(_row(view, sheet, at) for at in range(len(sheet.labels))),
    )  # fmt: skip


def column_names(view: View, sheet: Sheet) -> list[str]:
    """Return the names of a sheet's columns of numbers, each with its unit and view."""
    found = []
    for group in sheet.groups:
        word = view.units.of(group.unit).word
        title = f"{group.title} " if len(sheet.groups) > 1 else ""
        for column in group.columns():
            viewed = any(cell and cell.view for cell in column.cells)
            unit = view.joined(word, view.lens_words if viewed else "")
            found.append(f"{title}{column.name} ({unit})")
    return found


def _ident(view: View) -> str:
    return view.t("对照的核算编号" if view.lens else "核算编号")


def _head(view: View, sheet: Sheet) -> tuple[str, ...]:
    names = column_names(view, sheet)
    idents = [f"{_ident(view)} {name.rsplit(' (', 1)[0]}".strip() for name in names]
    noted = [view.t("备注")] if sheet.noted else []
    return (sheet.head or view.t("期间"), *names, view.t("数据质量"), *noted, *idents)


def _row(view: View, sheet: Sheet, at: int) -> tuple[Value, ...]:
    pairs = [(group, column.cells[at]) for group in sheet.groups for column in group.columns()]
    noted = [sheet.note(at)] if sheet.noted else []
    return (
        sheet.labels[at], *(_number(view, group, cell) for group, cell in pairs),
        quality_words(view, sheet, at), *noted, *(_ids(cell) for _, cell in pairs),
    )  # fmt: skip


def _number(view: View, group: Group, cell: Cell | None) -> Number:
    shown = None if cell is None else shown_value(cell, view.units.of(cell.unit))
    return Number(shown, group.decimals(view.units))


_IDS = ("data-figure", "data-figures", "data-forecast")


def _ids(cell: Cell | None) -> str:
    """Return the rows a number is made of, as the screen names them (CONTRACT §5)."""
    if cell is None:
        return ""
    said = attributes(cell)
    return str(next((said[name] for name in said if name.replace("_", "-") in _IDS), ""))


# ---- panels of indicators alone ----


@dataclass(frozen=True, slots=True)
class _Line:
    """A number that a card writes out with its unit: its name, words, value, unit, rows."""

    name: str
    words: str
    value: str
    unit: str
    ids: str


def _cards(found: list[tuple[Panel, Built]], view: View) -> Leaf:
    """Return the numbers of the cards, one a row."""
    rows = [
        (panel.clause, view.t(panel.title), line.name, _shown(line, view), line.unit,
         badge_words(built.lead, view.language)[2] if built.lead else "", line.ids)
        for panel, built in found
        for line in _lines(built)
    ]  # fmt: skip
    head = ("条款", "图名", "指标", "数值", "单位", "数据质量", "核算编号")
    words = tuple(view.t(word) for word in head[:-1])
    title = view.t("指标")
    lines = (title, view.joined(view.last_words, view.lens_words))
    return Leaf(title, lines, (*words, _ident(view)), tuple(rows))


def _lines(built: Built) -> Iterator[_Line]:
    """Yield the numbers with a unit among the words of a panel, named by what stands over them."""
    name = ""
    for node in _walk([built.body, built.aside]):
        cls = str(node["props"].get("className", "")).split()
        if set(cls) & {"kpi-name", "compact-name", "tile-name", "side-name"}:
            name = _text(node)
        inside = node["props"].get("children")
        if "value-line" not in cls or not isinstance(inside, list):
            continue
        number, *unit = inside
        props = number["props"]
        if props.get("data-value"):
            ids = next((props[name] for name in _IDS if props.get(name)), "")
            yield _Line(name, _text(number), props["data-value"], _text(unit), ids)


def _walk(node: Content) -> Iterator[dict[str, dict[str, Content]]]:
    if isinstance(node, list | tuple):
        for child in node:
            yield from _walk(child)
    elif isinstance(node, dict):
        yield node
        yield from _walk(node["props"].get("children"))


def _text(node: Content) -> str:
    if isinstance(node, list | tuple):
        return "".join(_text(child) for child in node)
    if isinstance(node, dict):
        return _text(node["props"].get("children"))
    return str(node) if node is not None else ""


def _shown(line: _Line, view: View) -> Number:
    """Return a line's value, which is in the ledger's unit, in the unit that it is written in."""
    decimals = len(re.sub(r"[^\d.]", "", line.words).partition(".")[2])
    scales = [view.units.of(unit) for unit in ("kgCO2e", "kgce", "kWh", "CNY")]
    scale = next((one.scale for one in scales if one.word == line.unit), Decimal(1))
    return Number(Decimal(line.value) * scale, decimals)
