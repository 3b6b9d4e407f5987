"""Integration documents and point tables of interfaces, as downloads (clause 7.2)."""

from __future__ import annotations

import re

from flask import Flask, Response, abort

from callbacks._request import language
from callbacks._scope import denied, in_scope, scope
from callbacks.closing import Desk
from callbacks.download import XLSX, _sent
from data.connectors import UnknownConnector
from data.points import points_csv, points_xlsx
from data.state import NoSuchInterface
from reports import integration
from reports.paper_pdf import NoFont
from settings import load
from translations import text

PATH = re.compile(r"/download/data/interface/[A-Za-z0-9._-]+\.(?:pdf|docx|html|csv|xlsx)")
TYPES = {
    "pdf": "application/pdf", "html": "text/html; charset=utf-8", "xlsx": XLSX,
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "csv": "text/csv; charset=utf-8",
}  # fmt: skip


def bind(server: Flask, desk: Desk) -> None:
    """Register the route."""

    @server.get("/download/data/interface/<name>.<form>")
    def interface_paper(name: str, form: str) -> Response:
        if form not in TYPES:
            abort(404)
        chosen = language(desk.language)
        try:
            body = _body(desk, name, form, chosen)
        except (NoSuchInterface, UnknownConnector):
            abort(404)
        except NoFont as error:
            key = "没有字体 {name}，不能生成 PDF；请安装 fonts-noto-cjk 后重试"
            return Response(text(key, chosen, name=error), 503, mimetype="text/plain")
        title = text("接口点表" if form in ("csv", "xlsx") else "接口集成文档", chosen)
        return _sent(body, TYPES[form], f"{title}_{name}.{form}")


def _body(desk: Desk, name: str, form: str, chosen: str) -> bytes:
    """Return a document, or a point table, of an interface that whoever asks may see."""
    engine, allowed = desk.reader.engine, scope()
    always = {one.name for one in integration.STANDING}
    if name not in always:
        version = engine.state.interfaces.find(name)
        if not in_scope(version.wanted.site):
            denied(f"interface {name}")
            raise NoSuchInterface(name)
        if form == "csv":
            return points_csv(version.wanted.points, chosen).encode()
        if form == "xlsx":
            return points_xlsx(version.wanted.points, chosen)
    if form not in integration.FORMATS:
        raise NoSuchInterface(name)
    sites = None if allowed is None else tuple(sorted(allowed))
    return integration.FORMATS[form](integration.document(engine, name, load(), chosen, sites))
