"""Walking down in the drawer: figure, parts, meters, days, hours, readings; each step to CSV."""

import csv
import io
import json

import plotly.graph_objects as go
import pytest
from flask import Flask

from callbacks import course as walk_down
from callbacks.course import bind_course, meter_seen, opened_meter
from callbacks.trace import opened_drawer
from data import trace
from figures.course import course_figure
from tests.callbacks.test_screens import walk

MONTH, DAY = "2025-07", "2025-07-15"


@pytest.fixture(scope="module")
def figure(reader):
    """The electricity of the cable line in a month."""
    with reader.engine.store.read() as cursor:
        name = trace.Name("electricity", MONTH, "", "line", "cable")
        return trace.find(cursor, name)


@pytest.fixture(scope="module")
def client(reader):
    server = Flask(__name__)
    bind_course(server, reader, "zh")
    return server.test_client()


def leads(node):
    """What the buttons of a drawer lead to."""
    names = ("data-meter", "data-site", "data-period")
    return [tuple(p[n] for n in names) for found in walk(node)
            if "data-meter" in (p := found.get("props", {}))]  # fmt: skip


def asked(lead):
    return dict(zip(("meter", "site", "period"), lead, strict=True))


def test_a_figure_leads_to_its_meters_and_their_days_and_readings(reader, figure):
    drawer = opened_drawer(reader, {"figure": figure}, "zh")
    meters = leads(drawer)
    with reader.engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT DISTINCT ref FROM lineage WHERE figure_id = ? AND kind = 'meter'", [figure]
        ).fetchall()
    assert {meter for meter, _, _ in meters} == {row[0] for row in rows}
    assert {period for _, _, period in meters} == {MONTH}
    days = leads(opened_drawer(reader, asked(meters[0]), "zh"))
    assert [period for _, _, period in days] == [f"{MONTH}-{n:02d}" for n in range(1, 32)]
    last = json.dumps(opened_drawer(reader, asked(days[14]), "zh"), ensure_ascii=False)
    assert "原始读数" in last
    assert "data-reading" in last


def test_the_share_of_the_meters_makes_the_figure(reader, figure):
    words = json.dumps(opened_drawer(reader, {"figure": figure}, "zh"), ensure_ascii=False)
    assert "占本数" in words


def test_a_whole_sites_figure_leads_to_its_parts(reader):
    with reader.engine.store.read() as cursor:
        whole = trace.find(cursor, trace.Name("energy", MONTH, "", "site", "site"))
    drawer = opened_drawer(reader, {"figure": whole}, "zh")
    opened = {p["data-figure"] for found in walk(drawer)
              if "data-figure" in (p := found.get("props", {}))}  # fmt: skip
    with reader.engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT figure_id FROM ledger WHERE current AND grain = 'month' AND period = ? "
            "AND indicator = 'energy' AND dimension IN "
            "('building', 'group', 'line', 'medium', 'equipment')",
            [MONTH],
        ).fetchall()
    assert {row[0] for row in rows} <= opened
    assert "data-filter" not in json.dumps(drawer)


def test_the_drawer_of_a_part_filters_by_it(reader, figure):
    drawer = opened_drawer(reader, {"figure": figure}, "zh")
    found = [p["data-filter"] for node in walk(drawer)
             if "data-filter" in (p := node.get("props", {}))]  # fmt: skip
    assert found == ["line:cable"]


def opened_figures(drawer):
    """The ledger rows that a drawer leads to."""
    return {p["data-figure"] for found in walk(drawer)
            if "data-figure" in (p := found.get("props", {}))}  # fmt: skip


def test_a_years_figure_leads_to_its_months_and_their_meters(reader):
    """Year → months, and year → meters → months of a meter → days."""
    with reader.engine.store.read() as cursor:
        year = trace.find(cursor, trace.Name("substitution", "2025", "", "site", "site"))
        months = cursor.execute(
            "SELECT ref FROM lineage WHERE figure_id = ? AND kind = 'figure'", [year]
        ).fetchall()
        wanted = cursor.execute(
            "SELECT t.ref, sum(t.quantity * t.coefficient) FROM lineage y JOIN lineage t "
            "ON t.figure_id = y.ref WHERE y.figure_id = ? AND t.kind = 'meter' GROUP BY t.ref",
            [year],
        ).fetchall()
    drawer = opened_drawer(reader, {"figure": year}, "zh")
    assert len(months) == 12
    assert {row[0] for row in months} <= opened_figures(drawer)
    meters = leads(drawer)
    assert {meter for meter, _, _ in meters} == {meter for meter, _ in wanted}
    assert {period for _, _, period in meters} == {"2025-01/2025-12"}
    listed = {row["meter_id"]: row for row in trace.opened(reader.engine, year)["meters"]}
    for meter, amount in wanted:
        assert listed[meter]["amount"] == pytest.approx(amount, rel=1e-12)
    below = leads(opened_drawer(reader, asked(meters[0]), "zh"))
    assert [period for _, _, period in below] == [f"2025-{n:02d}" for n in range(1, 13)]
    name, site, _ = meters[0]
    found = [meter_seen(reader, {"site": site, "meter": name, "period": month}, readings=False)
             for _, _, month in below]  # fmt: skip
    assert sum(one.whole.value for one in found) == pytest.approx(float(listed[name]["quantity"]))


def test_a_sum_of_months_leads_to_their_meters_each_once(reader):
    """The lines share meters: what one showed counts once, what it adds to each is added up."""
    spoken = {"figures": "", "rule": "sum", "value": "1", "unit": "tCO₂e"}
    with reader.engine.store.read() as cursor:
        spoken["figures"] = " ".join(
            trace.find(cursor, trace.Name("electricity", month, "", "line", line))
            for month in (MONTH, "2025-08") for line in ("cable", "conductor")
        )  # fmt: skip
    drawer = opened_drawer(reader, spoken, "zh")
    meters = leads(drawer)
    assert meters
    assert len({meter for meter, _, _ in meters}) == len(meters)
    assert {period for _, _, period in meters} == {f"{MONTH}/2025-08"}
    assert leads(opened_drawer(reader, spoken | {"rule": "share"}, "zh")) == []


@pytest.mark.parametrize(("name", "leads_to"), [
    (("electricity", "line", "cable"), ("/process", "line:cable")),
    (("pv_generation", "site", "site"), ("/substitution", "source:pv")),
    (("reduction", "line", "cable"), ("/lifecycle", "line:cable")),
    (("emission", "building", "plant"), ("/emission", "building:plant")),
    (("emission", "site", "site"), None),
])  # fmt: skip
def test_a_figure_leads_to_its_page_filtered_by_its_part(reader, name, leads_to):
    indicator, dimension, entity = name
    with reader.engine.store.read() as cursor:
        found = trace.find(cursor, trace.Name(indicator, MONTH, "", dimension, entity))
    drawer = opened_drawer(reader, {"figure": found}, "zh")
    said = [(p["data-module"], p["data-part"]) for node in walk(drawer)
            if "data-module" in (p := node.get("props", {}))]  # fmt: skip
    assert said == ([leads_to] if leads_to else [])


@pytest.mark.parametrize("period", [MONTH, DAY, "2025-05/2025-07"])
def test_chart_table_and_csv_say_the_same(reader, client, figure, period):
    meter, site, _ = leads(opened_drawer(reader, {"figure": figure}, "zh"))[0]
    several = "/" in period
    there = {"site": site, "meter": meter, "period": period}
    seen = meter_seen(reader, there, readings=not several)
    drawn = course_figure(seen, "zh")
    go.Figure(data=[dict(drawn["data"][0], marker={})])
    assert drawn["data"][0]["y"] == [point.quantity for point in seen.points]
    query = f"site={site}&meter={meter}&period={period}"
    body = client.get(f"/download/trace/meter.csv?{query}").data.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(body)))[1:]
    assert [row[1] for row in rows] == [point.label for point in seen.points]
    assert [row[2] for row in rows] == [
        "" if point.quantity is None else repr(point.quantity) for point in seen.points
    ]
    if several:
        assert client.get(f"/download/trace/meter.csv?{query}&what=readings").status_code == 404
        return
    body = client.get(f"/download/trace/meter.csv?{query}&what=readings").data.decode("utf-8-sig")
    raw = list(csv.reader(io.StringIO(body)))[1:]
    assert [row[2] for row in raw] == [repr(one.value) for one in seen.readings]
    assert all(row[6] and row[7] for row in raw)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("asked_for", [
    {}, {"meter": "E10"}, {"meter": "E10", "site": "demo-langfang", "period": "2025-13"},
    {"meter": "E10", "site": "demo-langfang", "period": "2025-02-30"},
    {"meter": "E10", "site": "demo-langfang", "period": "2025-07/2025-06"},
    {"meter": "E10", "site": "demo-langfang", "period": "0001-01/9000-12"},
    {"meter": "nobody", "site": "demo-langfang", "period": MONTH},
    {"meter": "E10", "site": "nowhere", "period": DAY}, {"meter": ["x"], "site": 3, "period": None},
])  # fmt: skip
def test_whatever_is_asked_is_answered_in_words(reader, client, asked_for, language):
    drawer = opened_meter(reader, asked_for, language)
    assert ("找不到" if language == "zh" else "Not found") in json.dumps(drawer, ensure_ascii=False)
    query = {key: value for key, value in asked_for.items() if isinstance(value, str)}
    assert client.get("/download/trace/meter.csv", query_string=query).status_code == 404


def test_who_may_not_read_is_led_no_further(reader, figure, monkeypatch):
    monkeypatch.setattr(walk_down, "may_read", lambda: False)
    monkeypatch.setattr("callbacks.trace.may_read", lambda: False)
    assert leads(opened_drawer(reader, {"figure": figure}, "zh")) == []
    seen = {"site": "demo-langfang", "meter": "E10", "period": MONTH}
    assert meter_seen(reader, seen, readings=False) is None


def test_a_meter_of_another_site_is_not_there_and_the_try_is_noted(reader, monkeypatch):
    tried = []
    monkeypatch.setattr(walk_down, "in_scope", lambda _site: False)
    monkeypatch.setattr(walk_down, "denied", tried.append)
    seen = {"site": "demo-langfang", "meter": "E10", "period": MONTH}
    assert meter_seen(reader, seen, readings=False) is None
    assert tried == ["meter demo-langfang/E10"]
