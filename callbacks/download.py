"""Downloads of a page's numbers: one panel as its data table, a page as a long list."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Flask, Response, abort, request

from callbacks._bind import panel_built
from callbacks._reader import PageReader
from callbacks._request import language
from figures.cards import quality_words
from figures.cells import Cell
from figures.number import shown_value
from figures.sheet import Sheet
from figures.view import View
from pages._filters import parse
from pages._panel import Page, Panel

BOM = "\ufeff"


def bind_downloads(server: Flask, pages: Sequence[Page], reader: PageReader, default: str) -> None:
    """Register the download routes."""
    known_pages = {page.key: page for page in pages}

    @server.get("/download/<page>/<panel>.csv")
    def download_panel(page: str, panel: str) -> Response:
        found = _view(known_pages, page, reader, default)
        chosen = next((p for p in found[0].panels if p.key == panel), None)
        if chosen is None:
            abort(404)
        built = panel_built(found[0], chosen, found[1])
        if built.sheet is None:
            abort(404)
        rows = list(_table(found[1], built.sheet))
        return _answer(found[0], found[1], found[1].t(chosen.title), rows)

    @server.get("/download/<page>.csv")
    def download_page(page: str) -> Response:
        found = _view(known_pages, page, reader, default)
        if not found[0].panels:
            abort(404)
        rows = list(_long(found[0].panels, found[0], found[1]))
        return _answer(found[0], found[1], found[1].t("全部"), rows)


def _view(
    pages: Mapping[str, Page], key: str, reader: PageReader, default: str
) -> tuple[Page, View]:
    page, known = pages.get(key), reader.known()
    if page is None or known is None:
        abort(404)
    filters = parse(request.query_string.decode("ascii", "replace"), known)
    view = reader.view(page.key, filters, language(default))
    if view is None:
        abort(404)
    return page, view


def full(cell: Cell | None, view: View) -> str:
    """Return a number in the shown unit with full precision; empty where not known."""
    if cell is None:
        return ""
    value = shown_value(cell, view.units.of(cell.unit))
    return "" if value is None else format(value.normalize(), "f")


def _table(view: View, sheet: Sheet) -> Iterator[list[str]]:
    head = [view.t(sheet.head)]
    for group in sheet.groups:
        word = view.units.of(group.unit).word
        title = f"{group.title} " if len(sheet.groups) > 1 else ""
        head += [
            f"{title}{column.name} ({view.joined(word, _lens(view, column.cells))})"
            for column in group.columns()
        ]
    yield [*head, view.t("数据质量")]
    for at, label in enumerate(sheet.labels):
        cells = [column.cells[at] for group in sheet.groups for column in group.columns()]
        yield [label, *(full(cell, view) for cell in cells), quality_words(view, sheet, at)]


def _lens(view: View, cells: Sequence[Cell | None]) -> str:
    """Return the view of the ledger that any of the cells is of, in words."""
    return view.lens_words if any(cell and cell.view for cell in cells) else ""


def _long(panels: Sequence[Panel], page: Page, view: View) -> Iterator[list[str]]:
    ident = "对照的核算编号" if view.lens else "核算编号"
    head = [view.t(word) for word in
            ("图名", "条款", "期间", "序列", "数值", "单位", "数据质量", ident)]  # fmt: skip
    yield [*head, view.t("口径")] if view.lens else head
    for panel in panels:
        sheet = panel_built(page, panel, view).sheet
        for group in sheet.groups if sheet else ():
            word = view.units.of(group.unit).word
            for column in group.columns():
                for at, label in enumerate(sheet.labels if sheet else ()):
                    cell = column.cells[at]
                    name = column.name or group.title
                    row = [view.t(panel.title), panel.clause, label, name, full(cell, view), word,
                           quality_words(view, sheet, at) if sheet else "",
                           " ".join(cell.ids) if cell else ""]  # fmt: skip
                    lens = _lens(view, [cell]) or view.t("账本口径")
                    yield [*row, lens] if view.lens else row


def _answer(page: Page, view: View, title: str, rows: list[list[str]]) -> Response:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([[_safe(c) for c in row] for row in rows])
    site = view.sites[0].name(view.language)
    today = datetime.now(ZoneInfo(view.sites[0].zone)).date()
    joint = "～" if view.language == "zh" else "-"
    name = f"{site}_{view.t(page.name)}_{title}_"
    name += f"{view.t(view.lens.title)}_" if view.lens else ""
    name += f"{view.periods[0].label}{joint}{view.last.label}_{today}.csv"
    return Response(
        (BOM + out.getvalue()).encode(),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"},
    )


def _safe(cell: str) -> str:
    """Return a cell that a spreadsheet takes as text: a formula is never run."""
    dangerous = cell[:1] in ("=", "+", "@", "\t") or (cell[:1] == "-" and not _number(cell))
    return f"'{cell}" if dangerous else cell


def _number(cell: str) -> bool:
    return cell[1:].replace(".", "", 1).isdigit()
