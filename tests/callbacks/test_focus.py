"""A filtered page: every number is the ledger's row of the chosen part, or says it is not."""

import csv
import io
import json

import pytest

from callbacks._bind import answer, contents
from figures.cells import facets
from figures.focus import _OWN, Unparted
from pages._filters import address, parse
from pages._panel import built_panel
from tests.callbacks.test_screens import PAGES, numbers, walk

FOCI = (
    "line:cable", "line:office_etc", "medium:electricity", "medium:diesel", "building:plant",
    "group:office", "equipment:crane", "material:steel", "source:pv", "stage:transport",
    "scope:scope1", "line:cable,material:copper", "equipment:crane,line:transformer",
    "line:cable,building:office",
)  # fmt: skip


@pytest.fixture(scope="module")
def names(reader):
    """Identifier of a ledger row to its name and value."""
    with reader.engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT figure_id, indicator, dimension, entity, value, period FROM ledger "
            "WHERE current"
        ).fetchall()
    return {row[0]: ((row[1], row[2], row[3]), row[4], row[5]) for row in rows}


def view_of(reader, page, focus, search=""):
    return reader.view(page.key, parse(f"?focus={focus}{search}", reader.known()), "zh")


def belongs(key, focus):
    """A row is of the chosen parts by its name, or by what its indicator is of."""
    own = facets(key) | (dict([_OWN[key[0]]]) if key[0] in _OWN else {})
    if own.get("equipment") in ("cable_line", "conductor_line", "transformer_bench"):
        own.setdefault("line", own["equipment"].partition("_")[0].replace("bench", ""))
    wanted = dict(part.split(":") for part in focus.split(","))
    return all(own.get(dimension) == entity for dimension, entity in wanted.items())


def cells_of(built):
    found = list(built.sheet.cells()) if built.sheet else []
    return [*found, *([built.lead] if built.lead else [])]


@pytest.mark.parametrize("focus", FOCI)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_a_filtered_panel_holds_rows_of_the_part_alone(reader, names, page, focus):
    view = view_of(reader, page, focus)
    plain = reader.view(page.key, parse("", reader.known()), "zh")
    for panel in page.panels:
        built, whole = built_panel(panel, view), built_panel(panel, plain)
        if built.unparted:
            assert cells_of(built) == cells_of(whole)
            assert "未筛选" in built.unparted
            continue
        for cell in cells_of(built):
            assert all(belongs(names[one][0], focus) for one in cell.ids), panel.key
            if len(cell.ids) == 1 and not cell.rule:
                assert cell.value == names[cell.ids[0]][1]
        if panel.reads and not whole.empty:
            assert not built.empty, (panel.key, built.empty)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_what_is_pressed_on_a_chart_filters_its_page(reader, page):
    """Every part that a mark bears is one that the address takes and some panel follows."""
    found = contents(page, reader, "", "zh")
    parts = {
        point["data_part"] for chart in found["charts"].values() for point in walk(chart["plots"])
        if "data_part" in point
    }  # fmt: skip
    for part in sorted(parts):
        filters = parse(f"?focus={part}", reader.known())
        assert ",".join(":".join(one) for one in filters.focus) == part
        view = view_of(reader, page, part)
        followed = [p for p in page.panels if p.reads and not built_panel(p, view).unparted]
        assert followed, part


@pytest.mark.parametrize("focus", ["line:cable", "source:pv", "month:2025-07"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_words_and_table_say_what_the_chart_says(reader, names, page, focus):
    found = contents(page, reader, f"?focus={focus}", "zh")
    for _, number in numbers((found["words"], found["asides"], found["head"])):
        if "data_figure" in number:
            value = names[number["data_figure"]][1]
            assert number["data_value"] == ("" if value is None else repr(value))
    shown = json.dumps(found["filters"], ensure_ascii=False)
    assert f'"data-chip": "{focus}"' in shown
    assert '"data-chip": "all"' in shown
    for panel in page.panels:
        chart = found["charts"].get(panel.key)
        if chart is None or focus.startswith("month"):
            continue
        said = "未筛选" in chart["subtitle"] or "筛选：" in chart["subtitle"]
        assert said, panel.key


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_what_is_sent_is_what_a_browser_takes(reader, page):
    """Lists of elements, never lists in lists; and no card fails under any filter."""
    for focus in FOCI:
        found = contents(page, reader, f"?focus={focus}", "zh")
        assert "error" not in found["states"]
        for one in (*found["words"], *found["asides"], found["head"], found["filters"]):
            inside = one if isinstance(one, list) else [one]
            assert not [part for part in inside if isinstance(part, list)]


def test_a_month_is_what_indicators_follow(reader, names):
    page = PAGES[0]
    view = view_of(reader, page, "month:2025-07")
    panel = next(p for p in page.panels if p.key == "emission-answer")
    lead = built_panel(panel, view).lead
    assert names[lead.ids[0]] == (("emission", "site", "site"), lead.value, "2025-07")
    trend = next(p for p in page.panels if p.key == "energy-emission")
    assert built_panel(trend, view).sheet.labels == tuple(s.label for s in view.periods)


def test_a_month_outside_the_range_filters_nothing_and_says_so(reader):
    found = contents(PAGES[0], reader, "?focus=month:1999-01", "zh")
    assert "没有按它筛选" in json.dumps(found["filters"], ensure_ascii=False)
    assert found["charts"] == contents(PAGES[0], reader, "", "zh")["charts"]


def test_the_whole_is_never_taken_for_a_part(reader):
    view = view_of(reader, PAGES[0], "line:cable")
    assert view.cell(("emission", "site", "site"), view.last).part == "line:cable"
    for key in (("emission", "building", "plant"), ("emission", "line", "conductor"),
                ("ccer_price", "market", "cn"), ("water", "site", "site")):  # fmt: skip
        with pytest.raises(Unparted):
            view.cell(key, view.last)
    assert view.unfiltered.cell(("emission", "site", "site"), view.last).part == ""


def test_chips_take_one_away_or_all(reader):
    known = reader.known()
    filters = parse("?focus=line:cable,month:2025-07&carbon=object", known)
    assert address(filters, known, focus="line:cable").endswith("focus=line:cable&carbon=object")
    assert address(filters, known, focus="") == "?carbon=object"
    assert parse(address(filters, known), known) == filters


def test_a_filter_asks_the_store_nothing_more(reader, monkeypatch):
    for page in PAGES:
        answer(page, reader, "", "zh")
    asked = []
    monkeypatch.setattr(reader.engine.store, "read", lambda: asked.append(1))
    for page in PAGES:
        for focus in ("line:cable", "medium:electricity", "source:pv", "building:plant"):
            answer(page, reader, f"?focus={focus}&mass=kg", "zh")
    assert not asked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_a_panel_that_fails_leaves_the_others(reader, page, monkeypatch):
    """One builder raises on each page: it alone says so, the others are as they were."""
    plain = contents(page, reader, "", "zh")
    for at, panel in enumerate(page.panels):

        def fails(_view):
            raise RuntimeError("planted")

        broken = object.__getattribute__(panel, "build")
        object.__setattr__(panel, "build", fails)
        try:
            found = contents(page, reader, "", "zh")
        finally:
            object.__setattr__(panel, "build", broken)
        if panel.reads is not None and plain["states"][at] == "empty":
            continue
        assert found["states"][at] == "error"
        said = json.dumps(found["words"][at], ensure_ascii=False)
        assert "未能读取" in said
        assert "retry" in said
        assert "planted" not in said
        others = [n for n in range(len(page.panels)) if n != at]
        assert [found["states"][n] for n in others] == [plain["states"][n] for n in others]
        assert [found["words"][n] for n in others] == [plain["words"][n] for n in others]


def test_csv_of_a_filtered_panel_is_the_parts(reader, names):
    from flask import Flask

    from callbacks.download import bind_downloads

    server = Flask(__name__)
    bind_downloads(server, PAGES, reader, "zh")
    client = server.test_client()
    for page in PAGES:
        for focus in ("line:cable", "medium:electricity", "source:pv"):
            view = view_of(reader, page, focus)
            for panel in page.panels:
                built = built_panel(panel, view)
                if built.sheet is None:
                    continue
                body = client.get(f"/download/{page.key}/{panel.key}.csv?focus={focus}").data
                rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
                columns = [c for g in built.sheet.groups for c in g.columns()]
                assert len(rows) == 1 + len(built.sheet.labels)
                for at, row in enumerate(rows[1:]):
                    for column, word in zip(columns, row[1:], strict=False):
                        cell = column.cells[at]
                        assert (word == "") == (cell is None or cell.value is None)
                named = view.focus_words in rows[0][1] or "未筛选" in rows[0][1]
                assert named, rows[0]
