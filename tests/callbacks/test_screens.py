"""What a page sends: every number is the ledger's, in card, hover, table and CSV alike."""

import csv
import io
import re
from dataclasses import replace
from decimal import Decimal
from math import fsum

import plotly.graph_objects as go
import pytest
from flask import Flask

from callbacks import _bind
from callbacks._bind import answer, contents, refreshed
from callbacks._reader import PageReader
from callbacks.download import bind_downloads
from callbacks.trace import opened_drawer, sheet_csv
from data import forecasts
from data.export import Wanted, ledger_rows
from data.store import StoreError
from pages import emission, help, lifecycle, market, overview, process, substitution
from pages._filters import parse
from pages._panel import built_panel
from tests.shown import assert_words
from translations import text

PAGES = (
    overview.PAGE, emission.PAGE, process.PAGE, substitution.PAGE, lifecycle.PAGE, market.PAGE,
)  # fmt: skip
SEARCHES = (
    "",
    "?from=2024-03&to=2026-03",
    "?from=2024-04&to=2025-12&grain=quarter&carbon=object",
    "?from=2024-01&to=2025-12&grain=year",
    "?from=2024-02&to=2026-03&grain=year&carbon=cause",
    "?from=2024-04&to=2025-12&grain=quarter&carbon=cause",
    "?mass=kg&energy=kWh&compare=none&carbon=scope&building=water",
    "?energy=tce&trend=month&carbon=cause&compare=month&building=energy_per_area",
    "?lines=intensity&radar=ratio&month=2025-07&products=cable&course=sum&pv=day&pump=stacked",
    "?from=2026-03&to=2026-03&lines=energy&since=2025-01",
    "?months=net&products=mass&product=transformer&since=year",
)
STANDARD = {
    "5.2": {
        "a": "bar indicators", "b": "indicators", "c": "indicators", "d": "indicators",
        "e": "line", "f": "indicators", "g": "indicators", "h": "indicators", "i": "bar",
        "j": "line", "k": "line",
    },
    "5.3": {
        "a": "line", "b": "bar", "c": "line", "d": "indicators", "e": "bar line",
        "f": "indicators", "g": "bar indicators", "h": "ring", "i": "ring",
    },
    "5.4": {
        "a": "line indicators", "b": "indicators", "c": "radar", "d": "indicators",
        "e": "indicators", "f": "indicators", "g": "line ring",
    },
    "5.5": {
        "a": "indicators", "b": "ring", "c": "line indicators", "d": "bar", "e": "indicators",
        "f": "bar indicators", "g": "bar", "h": "line", "i": "bar indicators", "j": "bar",
    },
    "5.6": {
        "a": "indicators", "b": "bar line", "c": "line indicators", "d": "line ring",
        "e": "indicators ring",
    },
    "5.7": {
        "a": "line", "b": "indicators", "c": "line", "d": "list", "e": "bar", "f": "ring",
        "g": "steps", "h": "indicators",
    },
}  # fmt: skip


def walk(node):
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from walk(value)


def numbers(node):
    """Every number of the ledger or a forecast: its words and the attributes it is opened by.

    What a scenario comes to is made of the sliders and opens nothing.
    """
    for found in walk(node):
        props = found.get("props", {})
        if "data-value" in props and not props.keys() & {"data-scenario", "data-slider"}:
            yield (
                words(props.get("children", "")),
                {k.replace("-", "_"): v for k, v in props.items() if k.startswith("data-")},
            )
        attributes = found.get("attributes")
        if isinstance(attributes, dict) and attributes:
            yield found.get("text", ""), attributes


def words(node):
    if isinstance(node, dict):
        return words(node.get("props", {}).get("children", ""))
    if isinstance(node, list | tuple):
        return "".join(words(child) for child in node)
    return str(node)


@pytest.fixture(scope="module")
def ahead(reader):
    return {row["forecast_id"]: row for row in forecasts.document(reader.engine)["forecasts"]}


@pytest.fixture(scope="module")
def ledger(reader):
    with reader.engine.store.read() as cursor:
        rows = ledger_rows(cursor, Wanted())
    return {
        row.figure_id: (None if row.value != row.value else float(row.value))
        for row in rows.itertuples()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_every_letter_of_the_clause_has_its_panel_and_form(page):
    letters = STANDARD[page.clause]
    forms = {}
    for panel in page.panels:
        if panel.clause:  # what stands beside a clause's panel belongs to none
            forms.setdefault(panel.clause, set()).add(panel.form)
    assert {c.rpartition(".")[2] for c in forms} == set(letters)
    for letter, form in letters.items():
        found = {word for one in forms[f"{page.clause}.{letter}"] for word in one.split()}
        assert set(form.split()) <= found


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_every_number_is_the_ledgers_or_a_forecasts(reader, ledger, ahead, page, search, language):
    count = 0
    sent = contents(page, reader, search, language)
    assert "error" not in sent["states"]
    for shown, attributes in numbers(sent):
        value = attributes["data_value"]
        count += 1
        if "data_forecast" in attributes:
            held = ahead[attributes["data_forecast"]][attributes["data_band"]]
            assert value == ("" if held is None else repr(held))
            assert_words(shown, held)
            continue
        if "data_figure" in attributes:
            held = ledger[attributes["data_figure"]]
            assert value == ("" if held is None else repr(held))
            assert_words(shown, held)
            continue
        parts = attributes["data_figures"].split()
        assert parts or not value
        if attributes["data_rule"] == "sum" and value:
            assert float(value) == fsum(ledger[part] for part in parts)
        if attributes["data_rule"] == "share" and value:
            assert 0 <= float(value) <= 100.0001
    assert count > (40 if page is not market.PAGE else 5)


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_charts_are_valid_figures_with_iso_periods(reader, page, search):
    charts = contents(page, reader, search, "zh")["charts"]
    for chart in charts.values():
        for figure in chart["plots"]:
            go.Figure(plain(figure))
            if figure["layout"]["meta"].get("all_ticks"):
                continue  # its columns are steps, not periods
            for trace in figure["data"]:
                meta = figure["layout"]["meta"]
                named = trace["type"] == "waterfall" or "hours" in meta or "week" in meta
                for x in [] if named else trace.get("x", []):
                    assert re.fullmatch(r"\d{4}(-(\d\d|Q\d)(-\d\d)?)?", x)


def plain(node):
    """A figure with a real colour wherever the browser will put one."""
    if isinstance(node, str):
        return "#123456" if node.startswith("@") else node
    if isinstance(node, dict):
        return {k: plain(v) for k, v in node.items() if k != "customdata"}
    return [plain(v) for v in node] if isinstance(node, list | tuple) else node


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_table_hover_and_csv_say_the_same(reader, page):
    client = downloads(reader)
    for panel in page.panels:
        sent = contents(page, reader, f"?table={panel.key}", "zh")
        place = [p.key for p in page.panels].index(panel.key)
        tables = [n for n in walk(sent["words"][place])
                  if n.get("props", {}).get("className") == "data-table"]  # fmt: skip
        chart = contents(page, reader, "", "zh")["charts"].get(panel.key)
        if not tables:
            assert chart is None
            continue
        rows = [
            [words(td) for td in tr["props"]["children"]]
            for tr in walk(tables[0]) if tr.get("type") == "Tr"
        ]  # fmt: skip
        hovered = {} if chart is None else {
            label: [row["text"] for group in at["groups"]
                    for row in (*group["rows"], *filter(None, [group.get("whole")]))]
            for label, at in chart["hover"].items()
        }  # fmt: skip
        body = client.get(f"/download/{page.key}/{panel.key}.csv").get_data().decode("utf-8-sig")
        sheet = list(csv.reader(io.StringIO(body)))
        assert [len(row) for row in sheet] == [len(rows[0])] * len(rows)
        if rows[0][-1] == "备注":  # the demonstration plant has a shutdown in its calendar
            notes = [row.pop() for row in rows]
            assert [row.pop() for row in sheet] == notes
            told = {} if chart is None else {
                label: "; ".join(at["notes"]) for label, at in chart["hover"].items()
            }  # fmt: skip
            wanted = dict(zip([row[0] for row in rows[1:]], notes[1:], strict=True))
            assert chart is None or told == wanted
        for shown, exact in zip(rows[1:], sheet[1:], strict=True):
            assert shown[0] == exact[0]
            if hovered:
                there = sorted(word for word in shown[1:-1] if word)
                assert sorted(w.split(" ")[0] for w in hovered[shown[0]]) == there
            for short, full in zip(shown[1:-1], exact[1:-1], strict=True):
                assert (short in ("--", "")) == (full == "")
                if full:
                    number = Decimal(short.replace(",", "").replace("−", "-"))
                    step = Decimal(1).scaleb(int(number.as_tuple().exponent))
                    assert abs(number - Decimal(full)) <= step


def downloads(reader):
    server = Flask("downloads")
    bind_downloads(server, (*PAGES, help.PAGE), reader, "zh")
    return server.test_client()


def test_csv_opens_in_a_spreadsheet(reader):
    answered = downloads(reader).get("/download/emission.csv")
    assert answered.get_data().startswith("\ufeff".encode())
    rows = list(csv.reader(io.StringIO(answered.get_data().decode("utf-8-sig"))))
    assert rows[0][:3] == ["图名", "条款", "期间"]
    assert len(rows) > 200
    assert "filename*=UTF-8''" in answered.headers["Content-Disposition"]


def test_unknown_downloads_are_not_found(reader):
    client = downloads(reader)
    for path in (
        "/download/x.csv",
        "/download/emission/x.csv",
        "/download/overview/cable-reduction.csv",
        "/download/help.csv",
    ):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_every_number_opens_and_adds_up_again(reader, ledger, page, full):
    names = {a.get("data_figure") for _, a in numbers(contents(page, reader, "", "zh"))} - {None}
    assert len(names) > (60 if page is not market.PAGE else 10)
    for name in sorted(names)[:: 1 if full else 4]:
        drawer = opened_drawer(reader, {"figure": name}, "zh")
        heads = [n["props"]["children"] for n in walk(drawer) if n.get("type") == "H3"]
        wanted = ["计算公式", "排放因子", "活动数据", "原始读数"]
        assert heads in (wanted, [*wanted, "各部分"])
        assert recomputed_value(reader, name) == pytest.approx(ledger[name], rel=1e-12)


def recomputed_value(reader, name):
    """The value that a figure's sheet adds up to, by the terms in its CSV alone."""
    rows = list(csv.reader(io.StringIO(sheet_csv(reader, name, "zh").decode("utf-8-sig"))))
    start = next(at for at, row in enumerate(rows) if row[:2] == ["类别", "来源"])
    terms = []
    for row in rows[start + 1 :]:
        if not row:
            break
        terms.append(row)
    return fsum(float(t[2]) * float(t[4]) for t in terms if t[0] != "divisor")


def test_numbers_of_several_rows_list_their_parts(reader):
    for _, attributes in numbers(contents(overview.PAGE, reader, "", "zh")):
        if "data_figures" not in attributes or not attributes["data_value"]:
            continue
        asked = {"figures": attributes["data_figures"], "rule": attributes["data_rule"],
                 "value": attributes["data_value"]}  # fmt: skip
        drawer = opened_drawer(reader, asked, "zh")
        opened = [n for n in walk(drawer) if "data-figure" in n.get("props", {})]
        assert len(opened) == len(attributes["data_figures"].split())


@pytest.mark.parametrize(
    "asked",
    [{"figure": "0" * 20}, {"figures": "0" * 20}, {"figure": "'; drop"}, {"figures": "x=1"}],
)
def test_a_figure_that_is_not_there_says_so(reader, asked):
    assert "没有这个数值" in words(opened_drawer(reader, asked, "zh"))


def test_a_page_is_kept_until_the_data_change(reader):
    first = answer(overview.PAGE, reader, "", "zh")
    assert answer(overview.PAGE, reader, "", "zh") is first
    reader.engine.store.write(lambda cursor: cursor.execute("SELECT 1"))
    assert answer(overview.PAGE, reader, "", "zh") is not first


def test_a_panel_that_fails_does_not_take_the_page_with_it(reader):
    panels = list(emission.PAGE.sections[1].panels)
    broken = replace(panels[0], build=fails)
    section = replace(emission.PAGE.sections[1], panels=(broken, *panels[1:]))
    page = replace(emission.PAGE, key="broken", sections=(section,))
    sent = contents(page, reader, "", "zh")
    assert sent["states"] == ["error", "ready"]
    assert "编号 E-" in words(sent["words"][0])
    assert panels[0].title in words(sent["words"][0])


@pytest.mark.parametrize(("waits", "why"), [
    (True, "还在结算"), (False, "没有上送"),
])  # fmt: skip
def test_a_page_that_is_late_says_since_when_and_why(reader, monkeypatch, waits, why):
    monkeypatch.setattr(PageReader, "late", lambda *_: True)
    monkeypatch.setattr(_bind, "due", lambda _: waits)
    sent = contents(emission.PAGE, reader, "", "zh")
    said = words(sent["head"])
    newest = reader.freshness(parse("", reader.known())).newest
    assert f"数据停在 {newest:%Y-%m-%d %H:%M}" in said
    assert why in said
    assert set(sent["states"]) == {"stale"}


def test_an_address_of_months_without_figures_says_what_is_shown(reader):
    found = contents(overview.PAGE, reader, "?from=2019-01&to=2019-12", "zh")
    assert "地址里的月份 2019-01 ～ 2019-12 不全有数值" in words(found["head"])
    assert "地址里的月份" not in words(contents(overview.PAGE, reader, "", "zh")["head"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_a_page_whose_store_has_stopped_says_so_in_every_panel(reader, page, monkeypatch):
    def stopped(_self):
        raise StoreError("stopped")

    plain = contents(page, reader, "", "en")
    monkeypatch.setattr(PageReader, "known", stopped)
    with Flask(__name__).test_request_context():
        sent = refreshed(page, reader, "", "en")
    assert sent.keys() == plain.keys()
    assert set(sent["states"]) == {"error"}
    assert (len(sent["words"]), len(sent["asides"])) == (len(plain["words"]), len(plain["asides"]))
    for panel, shown in zip(page.panels, sent["words"], strict=True):
        said = words(shown)
        assert all(word in said for word in (text(panel.title, "en"), "No. E-", "administrator"))
        assert "stopped" not in said


def fails(view):
    raise ZeroDivisionError


@pytest.mark.parametrize("page", [market.PAGE, overview.PAGE], ids=lambda page: page.key)
def test_a_forecast_is_the_same_on_screen_in_csv_and_in_json(reader, ahead, page):
    client, found = downloads(reader), set()
    for panel in page.panels:
        built = built_panel(panel, reader.view(page.key, parse("", reader.known()), "zh"))
        if built.sheet is None or not any(cell.forecast for cell in built.sheet.cells()):
            continue
        body = client.get(f"/download/{page.key}/{panel.key}.csv").get_data().decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(body)))[1:]
        scales = {"kgCO2e": Decimal("0.001"), "CNY": Decimal("0.0001"), "CNY/t": Decimal(1)}
        for at, row in enumerate(rows):
            cells = [c.cells[at] for group in built.sheet.groups for c in group.columns()]
            for cell, written in zip(cells, row[1:], strict=False):
                if cell is not None and cell.forecast:
                    held = ahead[cell.forecast][cell.band]
                    assert Decimal(written) == Decimal(repr(held)) * scales[cell.unit]
                    assert row[-1] in ("预测", "情景") or row[-2] in ("预测", "情景")
                    found.add(panel.key)
    wanted = {"market": {"revenue", "years", "months", "aims"}, "overview": {"revenue-forecast"}}
    assert found == wanted[page.key]


def test_a_forecast_opens_and_says_what_made_it(reader, ahead):
    name = next(n for n, row in ahead.items() if row["series"] == "revenue")
    said = words(opened_drawer(reader, {"forecast": name, "band": "lo80"}, "zh"))
    last = forecasts.newest(reader.engine)
    for word in (last.inputs, str(last.seed), "情景", "联合模拟", "回测与选择理由", "80% 区间下限"):
        assert word in said
    for wrong in ("F9-9", "F1", "x", "F1-999999"):
        assert "找不到" in words(opened_drawer(reader, {"forecast": wrong}, "zh"))


def test_pictures_of_forecasts_are_marked(reader):
    charts = contents(market.PAGE, reader, "", "zh")["charts"]
    assert charts["months"]["mark"] == "演示数据，预测，情景"
    assert charts["trading"]["mark"] in ("演示数据", "演示数据，预测")
