"""Downloads of a page's numbers: one panel as its data table, a page as a long list."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Flask, Response, abort, request

from callbacks._bind import panel_built
from callbacks._reader import PageReader
from callbacks._request import language
from callbacks.workbook import column_names, page_workbook
from figures.cards import quality_words
from figures.cells import Cell
from figures.number import shown_value
from figures.sheet import Sheet
from figures.view import View
from pages._filters import parse
from pages._panel import Page, Panel, pictured
from pages._plain import PlainPage
from reports.pictures import Busy, NoBrowser, PictureError, Studio, TooSlow, Wanted

LOG = logging.getLogger("carbon.pages")
BOM = "\ufeff"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


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

    studio = Studio()

    @server.get("/download/<page>/<panel>.png")
    def download_picture(page: str, panel: str) -> Response:
        found = _view(known_pages, page, reader, default)
        chosen = next((p for p in found[0].panels if p.key == panel), None)
        spec = pictured(chosen, found[1]) if chosen is not None and chosen.heights else None
        if chosen is None or spec is None:
            abort(404)
        name = _file_name(*found, found[1].t(chosen.title), "png")
        return _pictured(studio, spec, found[1], name)

    @server.get("/download/<page>.xlsx")
    def download_workbook(page: str) -> Response:
        found = _view(known_pages, page, reader, default)
        known = reader.known()
        if isinstance(found[0], PlainPage) or known is None:
            abort(404)
        filters = parse(request.query_string.decode("ascii", "replace"), known)
        body = page_workbook(*found, filters, known)
        return _sent(body, XLSX, _file_name(*found, "", "xlsx"))

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
    head = [sheet.head or view.t("期间")]
    head += column_names(view, sheet)
    head.append(view.t("数据质量"))
    yield [*head, view.t("备注")] if sheet.noted else head
    for at, label in enumerate(sheet.labels):
        cells = [column.cells[at] for group in sheet.groups for column in group.columns()]
        row = [label, *(full(cell, view) for cell in cells), quality_words(view, sheet, at)]
        yield [*row, sheet.note(at)] if sheet.noted else row


def _lens(view: View, cells: Sequence[Cell | None]) -> str:
    """Return the view of the ledger that any of the cells is of, in words."""
    return view.lens_words if any(cell and cell.view for cell in cells) else ""


def _long(panels: Sequence[Panel], page: Page, view: View) -> Iterator[list[str]]:
    ident = "对照的核算编号" if view.lens else "核算编号"
    head = [view.t(word) for word in
            ("图名", "条款", "期间", "序列", "数值", "单位", "数据质量", ident)]  # fmt: skip
    head += [view.t("备注")] if view.remarks else []
    yield [*head, view.t("口径")] if view.lens else head
    for panel in panels:
        sheet = panel_built(page, panel, view).sheet
        for group in sheet.groups if sheet else ():
            word = view.units.of(group.unit).word
            for column in group.columns():
                for at, label in enumerate(sheet.labels if sheet else ()):
                    cell = column.cells[at]
                    name = column.name or group.title
                    if sheet and sheet.head:
                        name, label = view.joined(label, name), view.last.label
                    row = [view.t(panel.title), panel.clause, label, name, full(cell, view), word,
                           quality_words(view, sheet, at) if sheet else "",
                           " ".join(cell.ids) or cell.forecast if cell else ""]  # fmt: skip
                    row += [sheet.note(at)] if view.remarks and sheet else []
                    lens = _lens(view, [cell]) or view.t("账本口径")
                    yield [*row, lens] if view.lens else row


def _pictured(studio: Studio, spec: Mapping[str, Any], view: View, name: str) -> Response:
    """Return a picture that the server makes, or why it makes none, in words."""
    instead = view.t("可在卡片菜单里用浏览器下载 PNG 或 SVG")
    try:
        return _sent(studio.picture(Wanted(spec)), "image/png", name)
    except NoBrowser:
        reason = view.t("服务器上没有 chromium，不能出图；请管理员安装 chromium 和 fonts-noto-cjk")
    except Busy:
        reason = view.t("服务器正在出另一张图，请稍后再试")
    except TooSlow:
        reason = view.t("服务器出图超过时限，已停止")
    except PictureError as error:
        LOG.warning("no picture: %s", error)
        reason = view.t("服务器出图没有成功")
    return Response(f"{reason}。{instead}" if view.language == "zh" else f"{reason}. {instead}",
                    503, mimetype="text/plain")  # fmt: skip


def _answer(page: Page, view: View, title: str, rows: list[list[str]]) -> Response:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([[_safe(c) for c in row] for row in rows])
    return _sent((BOM + out.getvalue()).encode(), "text/csv", _file_name(page, view, title, "csv"))


def _file_name(page: Page, view: View, title: str, ending: str) -> str:
    """Return what a download is called: site, page, title, view, range, day."""
    site = view.sites[0].name(view.language)
    today = datetime.now(ZoneInfo(view.sites[0].zone)).date()
    joint = "～" if view.language == "zh" else "-"
    lens = view.t(view.lens.title) if view.lens else ""
    span = f"{view.periods[0].label}{joint}{view.last.label}"
    words = [site, view.t(page.name), title, view.focus_words, lens, span, str(today)]
    return "_".join(word for word in words if word) + f".{ending}"


def _sent(body: bytes, kind: str, name: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(body, mimetype=kind, headers={"Content-Disposition": disposition})


def _safe(cell: str) -> str:
    """Return a cell that a spreadsheet takes as text: a formula is never run."""
    dangerous = cell[:1] in ("=", "+", "@", "\t") or (cell[:1] == "-" and not _number(cell))
    return f"'{cell}" if dangerous else cell


def _number(cell: str) -> bool:
    return cell[1:].replace(".", "", 1).isdigit()
