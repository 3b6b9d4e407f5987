"""Opening a number: the drawer and its sheet as CSV."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import parse_qs

from dash import Dash, Input, Output
from flask import Flask, Response, abort

from accounting.ledger import indicators
from accounting.montecarlo import Band
from accounting.settlement import GRAINS
from callbacks import _forecasts
from callbacks._reader import PageReader
from callbacks._request import language
from callbacks._scope import denied, in_scope, may_see
from callbacks.course import may_read, opened_meter
from data import course, trace
from data.behind import meters_behind
from data.simulations import band_of, bands, is_simulated, quality_letter
from data.trace import Name, Unknown
from data.views import NAMES, VIEWS
from figures.basis import entity_words
from figures.came import Came, met
from figures.drawer import (
    BAND,
    BAND_ASKED,
    DRIVERS_SHOWN,
    Number,
    Opened,
    Part,
    Viewed,
    band_parts,
    driver_words,
    figure_drawer,
    missing_drawer,
    parts_drawer,
    tier_one,
    view_drawer,
)
from figures.forecast_drawer import OpenedForecast, forecast_drawer, series_words
from figures.html import Content
from figures.sales import LINES
from figures.trading import came_in
from figures.view import period_words, shifted
from translations import text

_ID = re.compile(r"[0-9a-f]{20}")
_FORECAST = re.compile(r"F\d{1,9}-\d{1,9}")
LOG = logging.getLogger("carbon.trace")


class Hidden(Exception):
    """A figure is of a page that the reader's role may not open."""


def bind_trace(app: Dash, server: Flask, reader: PageReader, default: str) -> None:
    """Register the drawer's callback and the sheet's download."""

    @app.callback(Output("drawer", "children"), Input("trace-request", "data"))
    def drawer(asked: object) -> Content:
        return opened_drawer(reader, asked, language(default))

    @app.callback(Output(BAND, "children"), Input(BAND_ASKED, "data"))
    def band(asked: object) -> Content:
        return opened_band(reader, asked, language(default))

    @server.get("/download/trace/<figure_id>.csv")
    def sheet(figure_id: str) -> Response:
        if not _ID.fullmatch(figure_id):
            abort(404)
        try:
            body = sheet_csv(reader, figure_id, language(default))
        except (Unknown, Hidden):
            abort(404)
        return Response(
            body, mimetype="text/csv",
            headers={"Content-Disposition": f"attachment; filename=trace_{figure_id}.csv"},
        )  # fmt: skip


def opened_drawer(reader: PageReader, asked: object, chosen: str) -> Content:
    """Return the drawer of what a number says it is made of; nothing for nothing."""
    if not isinstance(asked, Mapping):
        return None
    if asked.get("meter"):
        return opened_meter(reader, asked, chosen)
    if asked.get("forecast"):
        return _forecast(reader, str(asked["forecast"]), str(asked.get("band") or ""), chosen)
    figure, figures = str(asked.get("figure") or ""), str(asked.get("figures") or "")
    try:
        if _ID.fullmatch(figure):
            return _figure(reader, figure, chosen)
        rows = [row for row in _parts(reader, figures) if _shown(row)]
    except Unknown:
        return missing_drawer(chosen)
    if not rows:
        return missing_drawer(chosen)
    parts = [Part(_name(row, chosen), row) for row in rows]
    words = {name: str(asked.get(name) or "")[:MOST_WORDS] for name in _WORDS}
    view = words.pop("view")
    number = Number(_number(asked.get("value")), **words)
    if view not in VIEWS:
        meters = _meters(reader, rows) if number.rule == "sum" else []
        return parts_drawer(parts, number, chosen, meters, opens=may_read())
    return view_drawer(_viewed(reader, view, parts), number, VIEWS[view].zh, chosen)


def _forecast(reader: PageReader, ident: str, band: str, chosen: str) -> Content:
    """Return the drawer of a forecast, to who may open the page that shows it."""
    found = _forecasts.opened(reader.engine, ident) if _FORECAST.fullmatch(ident) else None
    if found is None or not may_see("reduction"):
        return missing_drawer(chosen)
    site = reader.every_site().get(found.site)
    if not in_scope(found.site):
        denied(f"forecast {ident}")
        return missing_drawer(chosen)
    name = site.name(chosen) if site else found.site
    named = replace(
        found, site=name, band=band, demo=site is not None and site.demo,
        tables=[(text(series_words(key), chosen), tests) for key, tests in found.tables],
        came=_came(reader, found, chosen),
    )  # fmt: skip
    return forecast_drawer(named, chosen, text("万元", chosen))


def _came(reader: PageReader, found: OpenedForecast, chosen: str) -> tuple[Came, ...]:
    """Return what was forecast last of a series and is known by now, beside what came."""
    known = reader.forecasts()
    held = known.came if known else {}
    if found.series == "ccer_price":
        points = held.get(("ccer_price", "", found.entity, "week"), ())
        # a week may begin in the month before the one it ends in
        days = (shifted(points[0].target[:7], -1), points[-1].target[:7]) if points else ()
        return came_in(reader.market_days(*days), points, chosen) if days else ()
    if found.series not in ("reduction", "revenue"):
        return ()
    points = held.get(("reduction", found.site, found.entity, "month"), ())
    dimension = "line" if found.entity in LINES else "site"
    book = reader.book((found.site,))
    return met(points, lambda month: book.cell(("reduction", dimension, found.entity), month))


_WORDS = ("unit", "rule", "made", "note", "view")
MOST_WORDS = 400


def _viewed(reader: PageReader, view: str, parts: Sequence[Part]) -> list[Viewed]:
    """Return ledger rows beside their values under a view; a market's row has none."""
    months: dict[tuple[str, str], list[str]] = {}
    for part in parts:
        row = part.figure
        months.setdefault((row["site"], row["grain"]), []).append(str(row["period"])[:7])
    values: dict[tuple[str, ...], float | None] = {}
    for (site, grain), found in months.items():
        if site in reader.sites() and grain in GRAINS:
            rows = reader.views.of(view, site, grain, min(found), max(found))
            names = zip(*(rows[name] for name in NAMES), strict=True)
            values |= dict(zip(names, rows["value"], strict=True))
    return [
        Viewed(part, _known(values.get(tuple(part.figure[n] for n in NAMES)))) for part in parts
    ]


def _known(value: float | None) -> float | None:
    return None if value is None or value != value else float(value)


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


def _meters(reader: PageReader, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Return the meters behind months that a number adds up; none of rows of another kind."""
    if any(row["grain"] != "month" or row["unit"] != rows[0]["unit"] for row in rows):
        return []
    return meters_behind(reader.engine, [str(row["figure_id"]) for row in rows], "month")


def _name(row: Mapping[str, Any], chosen: str) -> str:
    """Return a ledger row's name in words."""
    indicator = indicators()[row["indicator"], row["dimension"]]
    entity = entity_words(row["dimension"], row["entity"], chosen)
    name = indicator.name_en if chosen == "en" else indicator.name_zh
    return f"{name} {entity}" if entity else name


def _figure(reader: PageReader, figure_id: str, chosen: str) -> Content:
    found: Mapping[str, Any] = trace.opened(reader.engine, figure_id)
    if not _shown(found["figure"]):
        return missing_drawer(chosen)
    opened = _opened(reader, found, chosen)
    return figure_drawer(opened, chosen, f"/download/trace/{figure_id}.csv")


def _shown(figure: Mapping[str, Any]) -> bool:
    """Tell whether who asks may open a figure; one of another site is recorded as denied."""
    if not in_scope(str(figure["site"] or "")):
        denied(f"figure {figure['figure_id']}")
        return False
    return may_see(str(figure["indicator"]))


def _opened(reader: PageReader, found: Mapping[str, Any], chosen: str) -> Opened:
    figure = found["figure"]
    indicator = indicators()[figure["indicator"], figure["dimension"]]
    site = reader.sites().get(figure["site"])
    return Opened(
        name=indicator.name_en if chosen == "en" else indicator.name_zh,
        entity=entity_words(figure["dimension"], figure["entity"], chosen),
        figure=figure,
        terms=found["terms"],
        meters=found["meters"],
        versions=found["versions"],
        factors={name: asdict(row) for name, row in _factors(reader, found).items()},
        settled_at=found["settled_at"],
        check=found["check"],
        demo=site is not None and site.demo,
        letter=quality_letter(reader.engine, figure, found["terms"]),
        simulated=is_simulated(figure),
        parts=_below(reader, figure, chosen),
        months=_months(reader, found, chosen),
        opens=may_read(),
    )


def _below(reader: PageReader, figure: Mapping[str, Any], chosen: str) -> list[Part]:
    """Return the ledger rows that a figure is parted into, each with the words of its part."""
    rows = [row for row in course.parts_of(reader.engine, figure) if may_see(str(row["indicator"]))]
    return [
        Part(entity_words(str(row["dimension"]), str(row["entity"]), chosen), row) for row in rows
    ]


def _months(reader: PageReader, found: Mapping[str, Any], chosen: str) -> list[Part]:
    """Return the ledger rows of the months that a year's figure adds up."""
    months = [str(term["ref"]) for term in found["terms"] if term["kind"] == "figure"]
    rows = trace.rows_of(reader.engine, months)
    return [Part(period_words(str(row["period"]), chosen), row) for row in rows]


def opened_band(reader: PageReader, asked: object, chosen: str) -> Content:
    """Return the band of the figure that a drawer shows, or why there is none."""
    figure_id = str(asked.get("figure") or "") if isinstance(asked, Mapping) else ""
    if not _ID.fullmatch(figure_id):
        return None
    try:
        opened = _opened(reader, trace.opened(reader.engine, figure_id), chosen)
    except Unknown:
        return None
    if not _shown(opened.figure):
        return None
    band = _band(reader, opened.figure)
    if band is not None:
        return band_parts(band, _with_drivers(reader, opened, band), chosen)
    note = text("没有这个数值的抽样：它为零、未知，或等待重新结算", chosen)
    return tier_one(opened, chosen, note)


def _band(reader: PageReader, figure: Mapping[str, Any]) -> Band | None:
    """Return a figure's band; the year's simulation is kept until the data change."""
    if not is_simulated(figure):
        return None
    site, year = str(figure["site"]), int(str(figure["period"])[:4])
    try:
        found = reader.page(("bands", site, year), lambda: bands(reader.engine, site, year))
    except (KeyError, ValueError):
        LOG.exception("no bands for %s %s", site, year)
        return None
    return band_of(found, figure)


def _with_drivers(reader: PageReader, opened: Opened, band: Band) -> Opened:
    """Return the figure with the factors that its drivers name; a year's terms name none."""
    known = str(opened.figure["factor_set"]).partition("@")[2]
    library = reader.engine.libraries.by_digest(known).rows
    names = {name for driver in band.drivers for name in driver.factor_ids if name in library}
    found = {name: asdict(library[name]) for name in names}
    return replace(opened, factors={**opened.factors, **found})


def _factors(reader: PageReader, found: Mapping[str, Any]) -> dict[str, Any]:
    known = str(found["figure"]["factor_set"]).partition("@")[2]
    library = reader.engine.libraries.by_digest(known).rows
    names = {n for t in found["terms"] for n in (t["factor_id"] or "").split(";") if n}
    return {name: library[name] for name in names}


def sheet_csv(reader: PageReader, figure_id: str, chosen: str) -> bytes:
    """Return a figure's sheet: its terms with full precision, what they add up to, its readings."""
    found = trace.trace(reader.engine, figure_id)
    if not _shown(found):
        raise Hidden
    opened = trace.opened(reader.engine, figure_id)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")

    def line(*cells: object) -> None:
        writer.writerow(["" if cell is None else cell for cell in cells])

    for word, value in (
        ("核算编号", figure_id), ("站点", found["site"]), ("期间", found["period"]),
        ("数值", _full(found["value"])), ("单位", found["unit"]), ("公式", found["formula"]),
        ("数据质量", found["quality"]), ("标记", found["flags"]),
        ("口径与因子集", found["factor_set"]), ("核算时间", found["settled_at"]),
        ("校验码 SM3", opened["check"]),
    ):  # fmt: skip
        line(text(word, chosen), value)
    for word, value in _certainty(reader, opened, chosen):
        line(word, value)
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


def _certainty(
    reader: PageReader, found: Mapping[str, Any], chosen: str
) -> Iterator[tuple[str, object]]:
    """Yield the lines of a sheet that say how sure its figure is, in the figure's unit."""
    opened = _opened(reader, found, chosen)
    band = _band(reader, opened.figure)
    pct = opened.figure["uncertainty_pct"]
    if band is not None:
        opened = _with_drivers(reader, opened, band)
        yield text("95% 区间下限", chosen), _full(band.lo95)
        yield text("95% 区间上限", chosen), _full(band.hi95)
        yield text("95% 区间半宽 %", chosen), _full(band.half_pct)
        yield text("抽样次数", chosen), band.draws
        yield text("种子", chosen), band.seed
        yield text("方法", chosen), text("联合抽样，IPCC 2006 方法 2", chosen)
        for driver in band.drivers[:DRIVERS_SHOWN]:
            words = driver_words(driver, opened, chosen)
            ident = f" {driver.name}" if driver.factor_ids else ""
            yield text("区间来源（占方差 %）", chosen), f"{words}{ident} {driver.share_pct:.1f}"
    elif pct is not None:
        yield text("95% 区间半宽 %", chosen), _full(pct)
        yield text("方法", chosen), text("误差传递，IPCC 2006 方法 1", chosen)
    if opened.letter is not None:
        yield text("数据质量等级", chosen), opened.letter


def _full(value: object) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
