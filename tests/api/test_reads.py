"""What the API tells is what the exported file, the trace and the screen tell."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime

import orjson
import pytest

from accounting.forecast.run import run
from app import PANELLED
from callbacks._bind import answer as page_answer
from callbacks._reader import PageReader
from data.export import COLUMNS, Wanted, as_csv, ledger_rows
from data.export import _text as cell_text
from data.forecasts import document, refresh
from data.ingest.load import Options, import_file
from data.prices import SHIPPED
from data.settle import settle
from data.trace import trace
from tests.plant import Plant, meter, moment, series


def pages(api, token, path, limit):
    """Every row of a list, page by page."""
    found, cursor, joint = [], "", "&" if "?" in path else "?"
    while True:
        answer = api.get(f"{path}{joint}limit={limit}&cursor={cursor}", token)
        assert answer.status_code == 200, answer.text
        body = answer.json
        assert len(body["rows"]) <= limit
        found += body["rows"]
        cursor = body["next_cursor"]
        if cursor is None:
            return found


def exported(api, wanted=None):
    with api.engine.store.read() as cursor:
        body = as_csv(ledger_rows(cursor, wanted or Wanted()))
    return list(csv.DictReader(io.StringIO(body.decode())))


def as_file(row):
    """A row of the API as the file writes it."""
    return {
        name: row[name] if name == "settled_at" else cell_text(name, row[name]) for name in COLUMNS
    }


def test_the_ledger_is_the_exported_one_row_by_row_in_its_order(api, token):
    rows = pages(api, token, "/ledger", 1000)
    assert len(rows) > 500
    assert [as_file(row) for row in rows] == exported(api)


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_of_any_length_are_the_same_list(api, token, limit):
    path = "/ledger?grain=month&dimension=site&from=2026-01&to=2026-02"
    rows = pages(api, token, path, limit)
    assert rows == pages(api, token, path, 1000)
    expected = [r for r in exported(api, Wanted("2026-01", "2026-02"))
                if (r["grain"], r["dimension"]) == ("month", "site")]  # fmt: skip
    assert [as_file(row) for row in rows] == expected


def test_numbers_have_full_precision_and_what_is_not_known_is_null(api, token):
    raw = api.get("/ledger?limit=1000&grain=day", token).get_data(as_text=True)
    rows = json.loads(raw, parse_float=str, parse_int=str)["rows"]
    expected = {row["figure_id"]: row for row in exported(api)}
    assert any(row["value"] is None for row in pages(api, token, "/ledger", 1000))
    for row in rows:
        if row["value"] is not None:
            assert repr(float(row["value"])) == expected[row["figure_id"]]["value"]


def test_as_of_gives_what_was_known(api, token):
    """A correction later the API still tells the earlier figures at the earlier time."""
    before = exported(api)
    answer = api.get("/ledger?limit=1000&as_of=2000-01-01T00:00:00Z", token)
    assert answer.json["rows"] == []
    known = max(row["settled_at"] for row in before)
    told = pages(api, token, f"/ledger?as_of={known}", 1000)
    at = datetime.fromisoformat(known).replace(tzinfo=None)
    assert [as_file(row) for row in told] == exported(api, Wanted(as_of=at))


def test_a_trace_is_the_one_of_the_command(api, token):
    figures = [row for row in exported(api) if row["value"]]
    assert figures
    for row in figures[:: max(1, len(figures) // 25)]:
        found = api.get(f"/trace/{row['figure_id']}", token)
        assert found.status_code == 200
        assert found.json == json.loads(json.dumps(trace(api.engine, row["figure_id"])))
        terms = [t for t in found.json["terms"] if t["kind"] != "divisor"]
        if found.json["unit"] == "kWh" and terms:
            total = sum(t["quantity"] * t["coefficient"] for t in terms)
            assert total == pytest.approx(found.json["value"], rel=1e-9)


def test_the_screen_shows_the_same_figure(api, token):
    """What a page's panel names with its value is what the API names (CONTRACT §5)."""
    reader = PageReader(api.engine)
    known = {row["figure_id"]: row["value"] for row in pages(api, token, "/ledger", 1000)}
    seen = 0
    for page in PANELLED:
        found = page_answer(page, reader, "", "zh")
        shown = orjson.loads(orjson.dumps(found, default=lambda node: node.to_plotly_json()))
        for node in nodes(shown):
            figure, value = node.get("data-figure"), node.get("data-value")
            if figure in known and value not in (None, ""):
                assert float(value) == known[figure]
                seen += 1
    assert seen > 0


def nodes(tree):
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from nodes(value)


def test_readings_are_those_that_count(api, token):
    rows = pages(api, token, "/readings?meter_id=G&from=2026-01-05T00:00:00%2B08:00"
                 "&to=2026-01-06T00:00:00%2B08:00", 17)  # fmt: skip
    assert len(rows) == 96
    assert rows[0]["timestamp"] == "2026-01-04T16:00:00.000000Z"
    assert [row["value"] for row in rows] == [384.0 + n for n in range(96)]
    assert {row["quality"] for row in rows} == {"good"}
    assert rows == pages(api, token, "/readings?site=S1&meter_id=G&from=2026-01-04T16:00:00Z"
                         "&to=2026-01-05T16:00:00Z", 17)  # fmt: skip


def test_lists_that_are_short(api, token):
    meters = pages(api, token, "/meters", 1)
    assert [m["meter_id"] for m in meters] == ["G"]
    assert meters[0]["newest"].endswith("Z")
    assert len(api.get("/indicators", token).json["rows"]) > 50
    factors = api.get("/factors", token).json
    assert factors["digest"] == api.engine.library.digest
    assert {row["factor_id"] for row in factors["rows"]} == set(api.engine.library.rows)
    forecasts = api.get("/forecasts", token, **{"Accept-Language": "en"}).json
    assert (forecasts["forecasts"], forecasts["reason"][:9]) == ([], "There are")


def test_forecasts_are_those_of_the_command_and_of_the_keys_sites(api, token):
    import_file(api.engine, "prices", SHIPPED, Options(actor="tester"))  # others posted prices too
    refresh(api.engine, run)
    found = api.get("/forecasts", token).json
    assert found == {**json.loads(json.dumps(document(api.engine))), "reason": None}
    assert {row["series"] for row in found["forecasts"]} >= {"ccer_price"}
    names = {row["forecast_id"] for row in found["forecasts"]}
    assert len(names) == len(found["forecasts"])
    seen = document(api.engine, ("another",))
    assert {row["site"] for row in seen["forecasts"]} == {""}


def test_alarms_are_those_of_the_store(api, token):
    with api.engine.store.read() as cursor:
        cursor.execute("SELECT 1")
    expected = api.query("SELECT site, rule, entity, level, shown FROM alarm "
                         "ORDER BY site, started, rule, entity, level, ended")  # fmt: skip
    found = pages(api, token, "/alarms", 3)
    assert [(a["site"], a["rule"], a["entity"], a["level"], a["value"]) for a in found] == expected


@pytest.mark.parametrize(
    "path",
    [
        "/ledger?limit=0", "/ledger?limit=1001", "/ledger?limit=x", "/ledger?limit=1&limit=2",
        "/ledger?nothing=1", "/ledger?grain=hour", "/ledger?from=2026-13", "/ledger?from=2026",
        "/ledger?as_of=2026-02-30T00:00:00Z", "/ledger?as_of=2026-02-03",
        "/ledger?cursor=x", "/ledger?cursor=W10", "/ledger?cursor=WzEsMiwzLDQsNSw2XQ",
        "/ledger?cursor=" + "A" * 1001, "/readings", "/readings?meter_id=",
        "/readings?meter_id=G&site=S1&cursor=WyJhIiwiYiJd", "/readings?meter_id=G&from=yesterday",
        "/alarms?rule=B1", "/alarms?from=2026-02-30", "/indicators?x=1", "/meters?site=a%00b",
    ],
)  # fmt: skip
def test_parameters_are_checked(api, token, path):
    answer = api.get(path, token)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json"), answer.text


def test_words_are_values_and_never_a_part_of_a_query(api, token):
    for words in ("' OR 1=1 --", "S1'); DROP TABLE ledger; --", "%", "_"):
        for path in ("/ledger?site=", "/ledger?indicator=", "/meters?site=", "/alarms?site="):
            answer = api.get(path + words.replace(" ", "%20").replace("%", "%25"), token)
            assert (answer.status_code, answer.json["rows"]) == (200, [])
    assert exported(api)


@pytest.mark.parametrize("figure", ["x", "0" * 20, "..%2f", "a" * 5000])
def test_an_unknown_figure_or_batch_is_not_found(api, token, figure):
    for path in ("/trace/", "/batches/"):
        answer = api.get(path + figure, token)
        assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_a_key_of_a_site_sees_nothing_of_another(api, token, tmp_path):
    plant = Plant(tmp_path, api.engine, site="S2")
    plant.meters(meter("H", role="grid_import", register_max=10**6))
    plant.readings(series("H", moment("2026-01-01 00:00"), moment("2026-01-03 00:00")), site="S2")
    settle(api.engine)
    mine = api.key("read", "ingest:meter", sites=("S1",))
    assert {m["site"] for m in pages(api, token, "/meters", 10)} == {"S1", "S2"}
    for path in ("/ledger", "/meters", "/readings?meter_id=H", "/readings?meter_id=G"):
        assert {row["site"] for row in pages(api, mine, path, 1000)} <= {"S1", ""}
        more = "&" if "?" in path else "?"
        assert pages(api, mine, f"{path}{more}site=S2", 1000) == []
    figure = next(r["figure_id"] for r in exported(api) if r["site"] == "S2" and r["value"])
    assert api.get(f"/trace/{figure}", token).status_code == 200
    assert api.get(f"/trace/{figure}", mine).status_code == 404
    row = {"meter_id": "H", "timestamp": "2026-01-03T00:15:00", "value": 1000}
    assert api.post("/readings", mine, {"site": "S2", "rows": [row]}).json["code"] == "site"
    assert api.post("/readings", mine, {"rows": [row]}).json["accepted"] == 0
    scale = api.key("ingest:production", sites=("S1",))
    batch = {"batch_id": "F", "site": "S2", "date": "2026-01-02", "line": "cable", "mass_in_t": 1}
    assert api.post("/production/batches", scale, {"rows": [batch]}).json["accepted"] == 0
