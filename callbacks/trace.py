"""Opening a number: the drawer and its sheet as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

from dash import Dash, Input, Output
from flask import Flask, Response, abort

from accounting.ledger import indicators
from callbacks._reader import PageReader
from callbacks._request import language
from data import trace
from data.trace import Name, Unknown
from figures.drawer import Opened, Part, figure_drawer, missing_drawer, parts_drawer
from figures.html import Content
from translations import text

_ID = re.compile(r"[0-9a-f]{20}")
_ENTITIES = {
    "cable": "电缆", "conductor": "架空导线", "transformer": "变压器", "office_etc": "办公等",
    "_unallocated": "公用未分摊", "plant": "厂区", "office": "办公楼", "dismantling": "拆解",
    "ac": "空调", "other": "其他", "electricity": "电", "water": "水", "diesel": "燃油",
    "scope1": "范围一", "scope2": "范围二", "scope3": "范围三", "site": "",
    "cable_line": "电缆拆解设备", "conductor_line": "架空导线拆解设备",
    "transformer_bench": "变压器拆解台", "crane": "吊机", "environmental": "环保装置",
    "sorting": "分拣", "storage": "堆场", "forklift": "叉车",
}  # fmt: skip


def bind_trace(app: Dash, server: Flask, reader: PageReader, default: str) -> None:
    """Register the drawer's callback and the sheet's download."""

    @app.callback(Output("drawer", "children"), Input("trace-request", "data"))
    def drawer(asked: object) -> Content:
        return opened_drawer(reader, asked, language(default))

    @server.get("/download/trace/<figure_id>.csv")
    def sheet(figure_id: str) -> Response:
        if not _ID.fullmatch(figure_id):
            abort(404)
        try:
            body = sheet_csv(reader, figure_id, language(default))
        except Unknown:
            abort(404)
        return Response(
            body, mimetype="text/csv",
            headers={"Content-Disposition": f"attachment; filename=trace_{figure_id}.csv"},
        )  # fmt: skip


def opened_drawer(reader: PageReader, asked: object, chosen: str) -> Content:
    """Return the drawer of what a number says it is made of; nothing for nothing."""
    if not isinstance(asked, Mapping):
        return None
    figure, figures = str(asked.get("figure") or ""), str(asked.get("figures") or "")
    try:
        if _ID.fullmatch(figure):
            return _figure(reader, figure, chosen)
        rows = _parts(reader, figures)
    except Unknown:
        return missing_drawer(chosen)
    if not rows:
        return missing_drawer(chosen)
    parts = [Part(_name(row, chosen), row) for row in rows]
    return parts_drawer(parts, str(asked.get("rule") or ""), _number(asked.get("value")), chosen)


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def _parts(reader: PageReader, figures: str) -> list[dict[str, Any]]:
    """Return the rows that a number names: a list of identifiers, or a query for many."""
    if "=" in figures:
        asked = {name: values[0] for name, values in parse_qs(figures).items()}
        name = Name(asked.get("indicator", ""), "", "", asked.get("dimension", ""),
                    asked.get("entity", ""))  # fmt: skip
        sites = list(reader.sites())
        found = trace.span_of(
            reader.engine, sites, name, asked.get("from", ""), asked.get("to", "")
        )
        return [dict(row) for row in found]
    ids = [ident for ident in figures.split() if _ID.fullmatch(ident)]
    return [dict(row) for row in trace.rows_of(reader.engine, ids[:500])]


def _name(row: Mapping[str, Any], chosen: str) -> str:
    """Return a ledger row's name in words."""
    indicator = indicators()[row["indicator"], row["dimension"]]
    entity = _ENTITIES.get(row["entity"], row["entity"])
    name = indicator.name_en if chosen == "en" else indicator.name_zh
    return f"{name} {text(entity, chosen)}" if entity else name


def _figure(reader: PageReader, figure_id: str, chosen: str) -> Content:
    found = trace.opened(reader.engine, figure_id)
    opened = _opened(reader, found, chosen)
    return figure_drawer(opened, chosen, f"/download/trace/{figure_id}.csv")


def _opened(reader: PageReader, found: Mapping[str, Any], chosen: str) -> Opened:
    figure = found["figure"]
    indicator = indicators()[figure["indicator"], figure["dimension"]]
    entity = _ENTITIES.get(figure["entity"], figure["entity"])
    site = reader.sites().get(figure["site"])
    return Opened(
        name=indicator.name_en if chosen == "en" else indicator.name_zh,
        entity=text(entity, chosen) if entity else "",
        figure=figure,
        terms=found["terms"],
        meters=found["meters"],
        versions=found["versions"],
        factors={name: asdict(row) for name, row in _factors(reader, found).items()},
        settled_at=found["settled_at"],
        check=found["check"],
        demo=site is not None and site.demo,
    )


def _factors(reader: PageReader, found: Mapping[str, Any]) -> dict[str, Any]:
    known = str(found["figure"]["factor_set"]).partition("@")[2]
    library = reader.engine.libraries.by_digest(known).rows
    names = {n for t in found["terms"] for n in (t["factor_id"] or "").split(";") if n}
    return {name: library[name] for name in names}


def sheet_csv(reader: PageReader, figure_id: str, chosen: str) -> bytes:
    """Return a figure's sheet: its terms with full precision, what they add up to, its readings."""
    found = trace.trace(reader.engine, figure_id)
    opened = trace.opened(reader.engine, figure_id)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")

    def line(*cells: object) -> None:
        writer.writerow(["" if cell is None else cell for cell in cells])

    for word, value in (
        ("核算编号", figure_id), ("站点", found["site"]), ("期间", found["period"]),
        ("数值", _full(found["value"])), ("单位", found["unit"]), ("公式", found["formula"]),
        ("数据质量", found["quality"]), ("标记", found["flags"]), ("口径", found["factor_set"]),
        ("核算时间", found["settled_at"]), ("校验码 SM3", opened["check"]),
    ):  # fmt: skip
        line(text(word, chosen), value)
    line()
    line(
        *(
            text(w, chosen)
            for w in ("类别", "来源", "数量", "单位", "系数", "计入", "因子", "出处", "文件")
        )
    )
    terms: Any = found["terms"]
    for t in terms:
        amount = None if t["kind"] == "divisor" else t["quantity"] * t["coefficient"]
        line(t["kind"], t["ref"], _full(t["quantity"]), t["unit"], _full(t["coefficient"]),
             _full(amount), t["factor_id"], t["source"], t["origin"])  # fmt: skip
    line()
    line(*(text(w, chosen) for w in ("计量点", "时间（UTC）", "读数", "质量", "批次")))
    readings: Any = found["readings"]
    for r in readings:
        line(r["meter_id"], r["timestamp"], _full(r["value"]), r["quality"], r["batch"])
    return ("\ufeff" + out.getvalue()).encode()


def _full(value: object) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
