"""A view on the screen: the exported view's numbers, named everywhere, no ledger rows."""

import csv
import io
import threading
from math import fsum
from urllib.parse import unquote

import pytest

from callbacks import _scope
from callbacks._bind import contents
from callbacks._views import ViewRows
from callbacks.trace import opened_drawer
from data import queries
from data.export import Wanted, export_ledger, ledger_rows
from data.views import NAMES, VIEWS
from pages import emission, lifecycle, market, overview, process, substitution
from tests.callbacks.test_screens import downloads, numbers, walk, words
from translations import LANGUAGES, text

PAGES = (
    overview.PAGE, emission.PAGE, process.PAGE, substitution.PAGE, lifecycle.PAGE, market.PAGE,
)  # fmt: skip
SEARCHES = ("", "&from=2024-04&to=2025-12&grain=quarter&energy=tce&trend=month&carbon=object")
UNTOUCHED = ("alarm_count", "ccer_price", "ccer_volume")
UNVIEWED = ("anomalies", "ccer-price", "trading", "path", "outlook", "scenario")


def named(view, language="zh"):
    return text("口径：{name}", language, name=text(VIEWS[view].zh, language))


@pytest.fixture(scope="module")
def ledger(reader):
    """The key of every ledger row by its identifier."""
    with reader.engine.store.read() as cursor:
        rows = ledger_rows(cursor, Wanted())
    return {row.figure_id: tuple(getattr(row, name) for name in NAMES) for row in rows.itertuples()}


@pytest.fixture(scope="module", params=VIEWS)
def exported(reader, tmp_path_factory, request):
    """A view, and the values that its export writes, by key."""
    file = tmp_path_factory.mktemp("view") / "view.csv"
    export_ledger(reader.engine, file, "csv", Wanted(view=request.param))
    with file.open(encoding="utf-8") as body:
        found = {tuple(row[n] for n in NAMES): row["value"] for row in csv.DictReader(body)}
    return request.param, found


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_every_number_is_the_exported_views(reader, ledger, exported, page, search):
    view, values = exported
    sent = contents(page, reader, f"?view={view}{search}", "zh")
    assert "error" not in sent["states"]
    plain = sums = 0
    for _, attributes in numbers(sent):
        if "data_figure" in attributes:
            assert ledger[attributes["data_figure"]][2] in UNTOUCHED
            continue
        keys = [ledger[part] for part in attributes["data_figures"].split()]
        if "data_view" not in attributes:
            assert all(key[2] in UNTOUCHED for key in keys)
            continue
        assert (attributes["data_rule"], attributes["data_view"]) == ("view", view)
        value = attributes["data_value"]
        if not attributes["data_made"]:
            plain += 1
            assert value == values[keys[0]]
        elif attributes["data_made"] == "sum" and value:
            sums += 1
            assert float(value) == fsum(float(values[key]) for key in keys)
    assert sums if search else plain > (2 if page is market.PAGE else 40)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_the_view_is_named_beside_every_number(reader, page, language):
    sent = contents(page, reader, "?view=without-copper", language)
    name = named("without-copper", language)
    assert name in words(sent["head"])
    for panel, inside, state in zip(page.panels, sent["words"], sent["states"], strict=True):
        touched = any("data_view" in attributes for _, attributes in numbers(inside))
        assert (name in words(inside)) == touched
        chart = sent["charts"].get(panel.key)
        if chart is not None:
            assert chart["lens"] == (name if touched else "")
            assert (name in chart["subtitle"]) == touched
        assert touched or state == "empty" or panel.key in UNVIEWED


def test_the_ledgers_own_numbers_name_no_view(reader):
    for search in ("", "?view=unknown", "?view="):
        sent = contents(overview.PAGE, reader, search, "zh")
        assert not [a for _, a in numbers(sent) if "data_view" in a]
        assert "口径：" not in words([sent["head"], sent["words"]])


def test_every_table_names_the_view(reader):
    for page in PAGES:
        for at, panel in enumerate(page.panels):
            sent = contents(page, reader, f"?view=CN2026&table={panel.key}", "zh")
            captions = [n for n in walk(sent["words"][at]) if n.get("type") == "Caption"]
            tables = [n for n in walk(sent["words"][at]) if n.get("type") == "Table"]
            expected = len(tables) if panel.key not in UNVIEWED else 0
            assert [words(c) for c in captions] == [named("CN2026")] * expected


def test_downloads_name_the_view_in_file_and_header(reader):
    client = downloads(reader)
    panel = client.get("/download/overview/reduction-trend.csv?view=CN2026")
    assert "材料因子集 CN2026" in unquote(panel.headers["Content-Disposition"])
    head = panel.get_data().decode("utf-8-sig").splitlines()[0]
    assert head.count(named("CN2026")) == 4
    body = client.get("/download/emission.csv?view=CN2026").get_data().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert {row["口径"] for row in rows} == {named("CN2026"), "账本口径"}
    assert {row["图名"] for row in rows if row["口径"] == "账本口径"} == {"用能异常"}


def test_another_filter_computes_nothing_and_a_longer_range_only_its_own(reader, monkeypatch):
    asked = []

    def counted(engine, site, view, grain, first, last):
        asked.append((first, last))
        return viewed(engine, site, view, grain, first, last)

    viewed = queries.viewed
    monkeypatch.setattr(queries, "viewed", counted)
    monkeypatch.setattr(reader, "views", ViewRows(reader.engine))
    for change in ("", "&mass=kg", "&compare=none", "&table=reduction-trend"):
        contents(overview.PAGE, reader, f"?view=footprint&from=2025-06&to=2025-08{change}", "zh")
    contents(overview.PAGE, reader, "?view=footprint&from=2025-07&to=2025-07", "zh")
    assert asked == [("2024-06", "2025-08")]
    contents(overview.PAGE, reader, "?view=footprint&from=2025-05&to=2025-10", "zh")
    assert asked[1:] == [("2024-05", "2024-05"), ("2025-09", "2025-10")]


def test_who_asks_at_once_waits_for_one_computation(reader, monkeypatch):
    started, asked = threading.Barrier(3), []

    def counted(*given):
        asked.append(given)
        return viewed(*given)

    viewed = queries.viewed
    monkeypatch.setattr(queries, "viewed", counted)
    rows, site = ViewRows(reader.engine), next(iter(reader.sites()))

    def ask():
        started.wait()
        rows.of("CN2026", site, "month", "2026-01", "2026-02")

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1


def test_a_number_of_a_view_opens_beside_the_ledgers(reader):
    sent = contents(overview.PAGE, reader, "?view=CN2026&grain=quarter", "zh")
    place = [panel.key for panel in overview.PAGE.panels].index("reduction-answer")
    attributes = next(a for _, a in numbers(sent["words"][place]) if a["data_made"] == "sum")
    asked = {name.removeprefix("data_"): value for name, value in attributes.items()}
    drawer = opened_drawer(reader, asked, "zh")
    assert named("CN2026") in words(drawer)
    assert "不入账" in words(drawer)
    opened = [n["props"]["data-figure"] for n in walk(drawer)
              if "data-figure" in n.get("props", {})]  # fmt: skip
    assert opened == attributes["data_figures"].split()
    rows = [[words(cell) for cell in n["props"]["children"]]
            for n in walk(drawer) if n.get("type") == "Tr"]  # fmt: skip
    assert rows[0] == ["数值", "期间", "账本", "此口径", "差"]
    shown = [float(cell.split(" ")[0].replace(",", "").replace("+", "")) for cell in rows[-1][2:]]
    assert shown[0] + shown[2] == pytest.approx(shown[1], abs=0.02)
    assert shown[1] == pytest.approx(float(attributes["data_value"]), abs=0.01)
    assert shown[2] > 0


def test_an_administrator_opens_a_view_of_the_overview_alone(reader, ledger, monkeypatch):
    class Session:
        role = "auditor"
        sites = ()

    monkeypatch.setattr(_scope, "has_request_context", lambda: True)
    monkeypatch.setattr(_scope.web, "current", Session)
    period, site = "2026-01", next(iter(reader.sites()))
    for indicator, seen in (("emission", True), ("electricity", False)):
        key = (site, period, indicator, "site", "site")
        ident = next(name for name, found in ledger.items() if found == key)
        asked = {"figures": ident, "rule": "view", "view": "CN2026", "value": "1"}
        assert (named("CN2026") in words(opened_drawer(reader, asked, "zh"))) is seen
