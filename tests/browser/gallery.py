"""Every panel of the monitoring pages with numbers of every kind, as files for a browser.

The numbers are the demonstration plant's, changed: none, one, many, nothing, below nothing, not
known, very many, very few. ``python -m tests.browser.gallery OUT`` takes the pictures to look at.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import plotly

from callbacks._reader import PageReader
from data import flows, queries
from data.demo.build import build_demo
from data.engine import Engine
from data.ingest.load import Options, import_file
from data.settle import settle
from figures.cells import Book
from figures.view import Remark, View, months_of, shifted, spans
from pages import emission, lifecycle, market, overview, process, substitution
from pages._filters import parse
from pages._frame import page_head, page_layout
from pages._panel import Page, Rendered, panel_id, render
from tests.plant import opened_home

ROOT = Path(__file__).parent.parent.parent
LAST = date(2026, 3, 18)
LAST_MONTH = "2026-02"
PAGES: tuple[Page, ...] = (
    overview.PAGE, emission.PAGE, process.PAGE, substitution.PAGE, lifecycle.PAGE, market.PAGE,
)  # fmt: skip
Rows = pd.DataFrame
PARTS = ("line", "source", "material", "equipment", "building", "group", "medium", "stage")
LONG = "华北废旧电力物资循环利用示范基地第一综合拆解分拣中心（二期扩建工程）有限责任公司"
LONG_EN = (
    "North China Demonstration Base for the Recycling of Scrap Power-Grid Material, Centre One"
)
NOTE = "春节前设备大修与环保装置改造，全部拆解线停运，仅办公用电，恢复时间视验收而定"


def _share(*words: object) -> float:
    """A number from 0 to 1 that the words decide."""
    return int(hashlib.sha256("|".join(map(str, words)).encode()).hexdigest()[:8], 16) / 2**32


def _each(rows: Rows, name: str, change: Callable[[Any], float | None]) -> Rows:
    return rows.assign(**{name: [change(row) for row in rows.itertuples()]})


def _scaled(rows: Rows, by: Callable[[Any], float]) -> Rows:
    return _each(rows, "value", lambda row: None if pd.isna(row.value) else row.value * by(row))


def _of_size(row: Any, size: float) -> float:
    """Another size for amounts; quotients and shares of them stay as they are."""
    return 1.0 if "/" in row.unit or row.unit == "%" else size


def _nulls(rows: Rows, gone: Callable[[Any], bool]) -> Rows:
    lost = pd.Series([gone(row) for row in rows.itertuples()], index=rows.index)
    value, quality = rows["value"].mask(lost), rows["quality"].mask(lost, "null")
    return rows.assign(value=value, quality=quality)


def _one(rows: Rows) -> Rows:
    parts = rows[rows["dimension"].isin(PARTS)]
    kept = parts.groupby(["indicator", "dimension"])["entity"].transform("min")
    return rows[~rows["dimension"].isin(PARTS) | (rows["entity"] == kept.reindex(rows.index))]


CHANGES: Mapping[str, Callable[[Rows], Rows]] = {
    "plain": lambda rows: rows,
    "zeros": lambda rows: _scaled(rows, lambda row: 0.0),
    "negatives": lambda rows: _scaled(rows, lambda row: -1.0 if int(row.period[5:7]) % 2 else 1.0),
    "mixed": lambda rows: _scaled(
        rows, lambda row: -1.0 if _share(row.entity, row.dimension) < 0.4 else 1.0
    ),
    "nulls": lambda rows: _nulls(
        rows, lambda row: _share(row.period, row.indicator, row.entity) < 0.35
    ),
    "nothing": lambda rows: _nulls(rows, lambda row: row.period[:7] == LAST_MONTH),
    "one": _one,
    "huge": lambda rows: _scaled(rows, lambda row: _of_size(row, 1e4)),
    "tiny": lambda rows: _scaled(rows, lambda row: _of_size(row, 1e-6)),
    "estimated": lambda rows: rows.assign(
        quality="estimated", measured_pct=40.0, estimated_pct=60.0
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Numbers of a kind over a number of months; ``long`` has long names and notes."""

    change: str
    months: int
    long: bool = False

    def __str__(self) -> str:
        return f"{self.change}-{self.months}" + ("-long" if self.long else "")


CASES = (
    *(Case("plain", months) for months in (1, 12, 36)),
    Case("plain", 12, long=True), Case("estimated", 36, long=True),
    *(Case(change, 12) for change in CHANGES if change != "plain"),
    Case("zeros", 1), Case("nulls", 36), Case("negatives", 36), Case("mixed", 1),
    Case("huge", 36), Case("one", 1),
)  # fmt: skip


class Source:
    """A settled demonstration plant with the market's published prices."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.reader = PageReader(engine)
        known = self.reader.known()
        assert known is not None
        self.known = known

    def view(self, page: Page, case: Case, language: str) -> View:
        """Return a page's view of changed numbers."""
        last = LAST_MONTH
        first = shifted(last, 1 - case.months)
        view = self.reader.view(page.key, parse("", self.known), language)
        assert view is not None
        sites = tuple(site.site for site in view.sites)
        rows = self._months(queries.ledger(self.engine, sites, "month"), last)
        change = CHANGES[case.change]
        days = (
            flows.market_days(self.engine, first, last)
            if page.key == "market"
            else (queries.site_days(self.engine, sites, shifted(last, -12), last))
        )
        remarks = view.remarks
        if case.long:
            remarks = tuple(Remark(month, NOTE) for month in months_of(shifted(last, -3), last))
        return replace(
            view, book=Book.of(change(rows)), days=Book.of(change(days)),
            periods=spans(first, last, "month"), remarks=remarks,
            sites=tuple(replace(site, name_zh=LONG, name_en=LONG_EN) for site in view.sites)
            if case.long else view.sites,
        )  # fmt: skip

    def _months(self, rows: Rows, last: str) -> Rows:
        """Return rows of four years: those of the last twelve months over and over."""
        found = []
        for back in range(48):
            month = shifted(last, -back)
            like = month if back < 12 else shifted(month, 12 * (back // 12))
            part = rows[rows["period"] == like]
            ids = [hashlib.sha256(f"{i}{month}".encode()).hexdigest()[:20]
                   for i in part["figure_id"]]  # fmt: skip
            found.append(part.assign(period=month, figure_id=ids))
        return pd.concat(found, ignore_index=True)


@contextmanager
def opened_source(home: Path) -> Iterator[Source]:
    """Yield the plant of the gallery."""
    with opened_home(home) as engine:
        build_demo(engine, LAST, 26, 615, lambda *_: None)
        import_file(engine, "prices", ROOT / "data" / "ccer_weekly.csv", Options())
        settle(engine)
        yield Source(engine)


# ---- a page as a file ----


def document(page: Page, view: View) -> str:
    """Return a page as HTML that draws itself, without the app."""
    rendered = {panel.key: render(page, panel, view, "?") for panel in page.panels}
    layout = page_layout(page, view.language)
    parts: dict[str, Any] = {
        json.dumps({"page": page.key, "part": "head"}, sort_keys=True): page_head(page, view),
    }
    for panel in page.panels:
        for name, content in (("words", rendered[panel.key].words),
                              ("aside", rendered[panel.key].aside)):  # fmt: skip
            parts[json.dumps(panel_id(page.key, panel.key, name), sort_keys=True)] = content
    states = {panel.key: rendered[panel.key].state for panel in page.panels}
    body = _html(layout, parts, states)
    return _SHELL.format(
        lang="zh-CN" if view.language == "zh" else "en", body=body,
        charts=json.dumps(_charts(rendered)).replace("</", "<\\/"),
        styles="".join(f'<link rel="stylesheet" href="/assets/{one.name}">' for one in _css()),
    )  # fmt: skip


def _charts(rendered: Mapping[str, Rendered]) -> dict[str, Any]:
    return {key: one.chart for key, one in rendered.items() if one.chart is not None}


def _css() -> list[Path]:
    return [one for one in sorted((ROOT / "assets").glob("*.css")) if one.name != "login.css"]


_SHELL = """<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>gallery</title>
<script>document.documentElement.setAttribute("data-bs-theme",
  new URLSearchParams(location.search).get("theme") || "light");</script>{styles}</head><body>
<div class="app"><main class="app-body" id="main">{body}</main></div>
<script id="charts" type="application/json">{charts}</script>
<script src="/plotly.min.js"></script><script src="/assets/20-template.js"></script>
<script src="/assets/30-charts.js"></script><script src="/assets/32-focus.js"></script>
<script src="/assets/35-flow.js"></script>
<script src="/gallery.js"></script></body></html>"""

SCRIPT = """
var charts = JSON.parse(document.getElementById('charts').textContent), outputs = [];
document.querySelectorAll('.plot').forEach(function (plot) {
  var panel = plot.closest('[data-panel]').dataset.panel;
  outputs.push({ id: { panel: panel, part: 'plot' + plot.dataset.plot }, plot: plot });
});
window.dash_clientside.callback_context = { outputs_list: outputs };
window.dash_clientside.no_update = {};
Promise.all(window.dash_clientside.carbon.draw(charts).map(function (figure, at) {
  return window.Plotly.newPlot(outputs[at].plot.querySelector('.js-plotly-plot'), figure.data,
    figure.layout, { displayModeBar: false });
})).then(function () { document.documentElement.dataset.drawn = '1'; },
  function (error) { document.documentElement.dataset.failed = String(error); });
"""
_VOID = {"hr", "br", "img", "input"}
_NAMES = {"className": "class", "tabIndex": "tabindex", "htmlFor": "for"}


def _html(node: Any, parts: Mapping[str, Any], states: Mapping[str, str]) -> str:
    if isinstance(node, list | tuple):
        return "".join(_html(child, parts, states) for child in node)
    if not isinstance(node, dict):
        return "" if node is None else escape(str(node))
    if node["namespace"] == "dash_core_components":
        graph = '<div class="dash-graph"><div class="js-plotly-plot"></div></div>'
        return graph if node["type"] == "Graph" else ""
    props, tag = dict(node["props"]), node["type"].lower()
    inside = props.pop("children", None)
    ident = props.pop("id", None)
    if isinstance(ident, dict):
        inside = parts.get(json.dumps(ident, sort_keys=True), inside)
    if props.get("data-panel") in states:
        props["data-state"] = states[props["data-panel"]]
    words = "".join(_attribute(name, value) for name, value in props.items())
    return f"<{tag}{words}>" + (
        "" if tag in _VOID else f"{_html(inside, parts, states)}</{tag}>"
    )  # fmt: skip


def _attribute(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        value = ";".join(f"{_dashed(key)}:{one}" for key, one in value.items())
    if value is None or value is False:
        return ""
    return f' {_NAMES.get(name, name)}="{escape(str(value))}"'


def _dashed(name: str) -> str:
    if name.startswith("--"):
        return name
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name)


def files(documents: Mapping[str, str]) -> dict[str, tuple[str, bytes]]:
    """Return what a server of the gallery answers, by path."""
    bundle = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    found = {
        "/plotly.min.js": ("text/javascript", bundle.read_bytes()),
        "/gallery.js": ("text/javascript", SCRIPT.encode()),
    }
    for one in (ROOT / "assets").iterdir():
        if one.suffix in (".css", ".js"):
            kind = "text/css" if one.suffix == ".css" else "text/javascript"
            found[f"/assets/{one.name}"] = (kind, one.read_bytes())
    return found | {path: ("text/html", body.encode()) for path, body in documents.items()}


def main(words: list[str]) -> int:
    """Take pictures of everything: page, case, width, theme."""
    from tests.browser.test_gallery import shown, site
    from tests.browser.visit import Look, launched

    out, chosen = Path(words[0]), words[1:]
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        launched(shutil.which("chromium") or "") as chrome,
        opened_source(Path(place) / "home") as source,
    ):
        for page in PAGES:
            for case in CASES:
                if chosen and f"{page.key}-{case}" not in chosen:
                    continue
                body = document(page, source.view(page, case, "zh"))
                with site({"/": body}) as host:
                    for width, theme in ((1440, "light"), (390, "dark")):
                        look = Look(width=width, height=900, theme=theme)
                        with shown(chrome, host, look) as visit:
                            file = out / f"{page.key}-{case}-{width}.png"
                            visit.page.screenshot(path=file, full_page=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
