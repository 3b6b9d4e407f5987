"""The register of a site: a tree with balances, and changes that go the way of an import file."""

import tomllib
from datetime import date

import pytest

from data.approvals import accept
from data.ingest.problems import Refused
from data.queries import site_documents
from data.register import history, register
from data.register_edit import Edit, area_edited, row_edited, setting_edited, toml
from data.settle import settle
from tests.plant import Plant, meter, moment, opened_home, series

MONTH = "2026-01"
START, END = moment("2026-01-01 00:00"), moment("2026-02-01 00:00")
STEPS = 31 * 96


@pytest.fixture
def plant(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        found = Plant(tmp_path, engine)
        found.meters(
            meter("G", role="grid_import", register_max=10**6),
            meter("A", name="楼", building="office", register_max=10**6),
            meter("B", parent_id="A", building="office", register_max=10**6),
            meter("C", parent_id="A", building="office", register_max=10**6),
        )
        for name, step in (("G", 1.0), ("A", 0.5), ("B", 0.2)):
            found.readings(series(name, START, END, per_step=step))
        found.put("devices", ["device_id", "site", "kind", "capacity", "unit", "in_service_from"],
                  [["PV1", "S1", "pv", 50, "kWp", "2024-01-01"]])  # fmt: skip
        found.settle()
        yield found


def edit(values, actor="clerk"):
    return Edit("S1", actor, values, "zh")


def fields(found, name):
    entry = next(one for one in found.meters if one.meter_id == name)
    return {k: str(v) for k, v in entry.values.items()
            if v is not None and k not in ("site", "batch", "file_row")}  # fmt: skip


def test_the_tree_and_why_a_balance_is_not_known(plant):
    found = register(plant.engine, "S1", MONTH)
    assert [(one.meter_id, one.depth) for one in found.meters] == [
        ("A", 0), ("B", 1), ("C", 1), ("G", 0),
    ]  # fmt: skip
    house = found.meters[0]
    assert house.quantity == pytest.approx(0.5 * STEPS)
    assert (house.balance.why, house.balance.lacking) == ("children", ("C",))
    assert found.meters[2].quantity is None
    assert found.whole.own == pytest.approx(STEPS)
    assert found.whole.pct == pytest.approx(50.0)
    plant.readings(series("C", START, END, per_step=0.25))
    plant.settle()
    balance = register(plant.engine, "S1", MONTH).meters[0].balance
    assert balance.difference == pytest.approx(0.05 * STEPS)
    assert balance.pct == pytest.approx(10.0)


def test_a_month_without_readings_knows_nothing(plant):
    found = register(plant.engine, "S1", "2025-06")
    assert all(one.quantity is None for one in found.meters)
    assert found.whole.why == "own"


def test_a_changed_row_is_a_correction_dated_and_named(plant):
    found = register(plant.engine, "S1", MONTH)
    values = fields(found, "B") | {"name": "机房"}
    done = row_edited(plant.engine, "meters", edit(values))
    assert (done.errors, done.receipt.corrections) == ({}, 1)
    steps = history(plant.engine, "meters", "S1", "B")
    assert [(step.author, list(step.changes)) for step in steps] == [
        ("clerk", [("name", None, "机房")]), ("", []),
    ]  # fmt: skip
    assert steps[0].at > steps[1].at


def test_what_is_changed_back_and_forth_is_kept_each_time(plant):
    """The same file twice changes nothing, yet the same row may come to hold again."""
    values = fields(register(plant.engine, "S1", MONTH), "B")
    for name in ("x", "y", "x", "y"):
        assert row_edited(plant.engine, "meters", edit(values | {"name": name})).receipt.corrections
        assert fields(register(plant.engine, "S1", MONTH), "B")["name"] == name
    assert len(history(plant.engine, "meters", "S1", "B")) == 5
    again = row_edited(plant.engine, "meters", edit(values | {"name": "y"})).receipt
    assert (again.new_rows, again.corrections, again.same_rows) == (0, 0, 1)


def test_a_wrong_field_is_named_and_nothing_is_kept(plant):
    before = register(plant.engine, "S1", MONTH)
    values = fields(before, "B") | {"parent_id": "NONE", "step_min": "abc"}
    done = row_edited(plant.engine, "meters", edit(values))
    assert done.receipt is None
    assert "step_min" in done.errors
    assert "；" in done.errors["step_min"]
    done = row_edited(plant.engine, "meters", edit(fields(before, "B") | {"parent_id": "NONE"}))
    assert set(done.errors) == {"parent_id"}
    assert fields(register(plant.engine, "S1", MONTH), "B") == fields(before, "B")


def test_a_new_meter_and_a_device(plant):
    values = fields(register(plant.engine, "S1", MONTH), "B") | {"meter_id": "D", "parent_id": "B"}
    assert row_edited(plant.engine, "meters", edit(values)).receipt.new_rows == 1
    found = register(plant.engine, "S1", MONTH)
    assert ("D", 2) in [(one.meter_id, one.depth) for one in found.meters]
    device = {"device_id": "PV1", "kind": "pv", "capacity": "60", "unit": "kWp",
              "in_service_from": "2024-01-01"}  # fmt: skip
    assert row_edited(plant.engine, "devices", edit(device)).receipt.corrections == 1
    assert float(register(plant.engine, "S1", MONTH).devices[0]["capacity"]) == 60


def test_an_area_is_changed_and_added(plant):
    end = {"building": "plant", "m2": "1000", "valid_from": "2000-01-01", "valid_to": "2025-12-31"}
    assert area_edited(plant.engine, 0, edit(end)).receipt.corrections == 1
    new = {"building": "plant", "m2": "1200.5", "valid_from": "2026-01-01", "valid_to": ""}
    done = area_edited(plant.engine, 2, edit(new))
    assert (done.errors, list(done.proposals)) == ({}, [])
    areas = site_documents(plant.engine)["S1"].areas
    assert [(a.building, a.m2, str(a.valid_from)) for a in areas] == [
        ("plant", 1000.0, "2000-01-01"), ("office", 100.0, "2000-01-01"),
        ("plant", 1200.5, "2026-01-01"),
    ]  # fmt: skip
    wrong = area_edited(plant.engine, 2, edit({"building": "plant", "m2": "x", "valid_from": ""}))
    assert set(wrong.errors) == {"m2", "valid_from"}
    with pytest.raises(Refused):
        area_edited(plant.engine, 3, edit(new | {"building": "moon"}))


def test_a_setting_waits_for_a_second_person(plant):
    done = setting_edited(plant.engine, "headcount_plant", "55", edit({}))
    assert len(done.proposals) == 1
    assert site_documents(plant.engine)["S1"].settings["headcount_plant"] != 55
    accept(plant.engine, done.proposals[0], "boss")
    assert site_documents(plant.engine)["S1"].settings["headcount_plant"] == 55
    assert set(setting_edited(plant.engine, "nonsense", "1", edit({})).errors) == {"name"}
    assert set(setting_edited(plant.engine, "headcount_plant", "many", edit({})).errors) == {
        "value"
    }


def test_figures_follow_a_changed_register(plant):
    values = fields(register(plant.engine, "S1", MONTH), "G") | {"multiplier": "2"}
    row_edited(plant.engine, "meters", edit(values))
    assert settle(plant.engine).months >= 1
    found = register(plant.engine, "S1", MONTH)
    grid = next(one for one in found.meters if one.meter_id == "G")
    assert grid.quantity == pytest.approx(2 * STEPS)


@pytest.mark.parametrize("words", ['a "b" \\ c', "换\n行", "x # y", "[z]"])
def test_toml_is_read_back_as_it_was(words):
    body = {"demo": True, "site": {"id": "S1", "name_zh": words,
            "commissioned_on": date(2024, 1, 2)},
            "area": [{"building": "plant", "m2": 1.5}], "settings": {"n": 3}}  # fmt: skip
    assert tomllib.loads(toml(body)) == body
