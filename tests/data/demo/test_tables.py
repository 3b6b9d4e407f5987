"""The import tables: the contract's columns, valid cells, and the cases the rules need."""

import io
import tomllib
from datetime import date, timedelta

import pandas as pd
import pytest

from data.demo import calendar
from data.demo.plant import SITE, generate
from data.ingest.kinds import KINDS
from tests.data.demo.conftest import LAST

WANTED = {"meters", "meter_changes", "batches", "outputs", "trips", "fuel", "vehicles", "devices",
          "jobs", "calendar", "site_months", "targets", "plan"}  # fmt: skip


@pytest.fixture(scope="module")
def tables(whole):
    return whole.plant.tables


def as_read(table):
    return pd.read_csv(io.StringIO(table.to_csv(index=False)), dtype=str, keep_default_na=False)


def checked(tables):
    assert set(tables) == WANTED
    for kind, table in tables.items():
        columns = KINDS[kind].columns
        assert list(table.columns) == [column.name for column in columns], kind
        assert not table.isna().any().any(), kind
        read = as_read(table)
        for column in columns:
            if column.required:
                assert (read[column.name] != "").all(), (kind, column.name)
            if column.choices:
                assert set(read[column.name]) <= {*column.choices, ""}, (kind, column.name)
        keys = [name for name in KINDS[kind].key if name in read.columns]
        assert not read.duplicated(keys).any(), kind


def test_tables_have_the_contracts_columns_and_no_empty_required_cell(tables):
    checked(tables)
    assert all(len(table) for table in tables.values())


@pytest.mark.parametrize(("last", "months"), [(date(2026, 2, 10), 0), (date(2028, 3, 5), 2)])
def test_tables_stay_whole_where_nothing_happens(last, months):
    checked(generate(last, months).tables)


def test_times_and_dates_are_written_as_the_contract_reads_them(tables):
    shapes = {"date": r"\d{4}-\d\d-\d\d", "timestamp": r"\d{4}-\d\d-\d\d \d\d:\d\d",
              "month": r"\d{4}-\d\d", "period": r"\d{4}(-\d\d)?"}  # fmt: skip
    seen = set()
    for kind, table in tables.items():
        for column in KINDS[kind].columns:
            if column.type in shapes:
                cells = as_read(table)[column.name]
                assert cells[cells != ""].str.fullmatch(shapes[column.type]).all(), (kind, column)
                seen.add(column.type)
    assert seen == set(shapes)


def test_site_is_marked_as_demonstration(whole):
    site = tomllib.loads(whole.plant.site_toml)
    assert site["demo"] is True
    assert site["site"]["id"] == SITE == "demo-langfang"
    assert "演示数据" in whole.plant.site_toml
    assert site["site"]["province"] == "CN-HE"
    assert {area["building"] for area in site["area"]} == {"plant", "office"}


def test_meters_are_as_many_and_as_varied_as_the_rules_need(tables):
    meters = tables["meters"]
    assert 22 <= len(meters) <= 28
    assert {"grid_import", "pv_generation", "pv_export", "charger", "heat_pump", "heat_pump_heat",
            "consumer"} == set(meters["role"])  # fmt: skip
    assert set(meters["medium"]) == {"electricity", "water", "heat"}
    assert set(meters["parent_id"]) - {""} <= set(meters["meter_id"])
    assert meters["parent_id"].nunique() == 3
    assert 40 <= meters.set_index("meter_id").loc["E00", "multiplier"] <= 80


def last_year(table, column):
    day = pd.to_datetime(table[column])
    return table[(day > pd.Timestamp(LAST) - pd.Timedelta(days=365)) & (day <= pd.Timestamp(LAST))]


def test_diesel_of_the_last_full_year(tables):
    fuel = last_year(tables["fuel"], "timestamp")
    used = fuel.loc[fuel["kind"] == "use", "litres"].astype(float).sum()
    assert 22_000 < used < 30_000


def test_tank_takes_what_is_delivered(tables):
    fuel = tables["fuel"]
    delivered = fuel.loc[fuel["kind"] == "delivery", "litres"].astype(float)
    dips = fuel.loc[fuel["kind"] == "dip", "litres"].astype(float)
    assert delivered.between(1_500, 2_500).all()
    assert dips.between(0, 3_000).all()
    assert fuel.loc[fuel["kind"] == "dip", "timestamp"].str.endswith("-01 00:00").all()
    book = (fuel.assign(signed=fuel["litres"].astype(float))
            .sort_values("timestamp", kind="stable"))  # fmt: skip
    for first, last in zip(book[book["kind"] == "dip"].index[:-1],
                           book[book["kind"] == "dip"].index[1:], strict=True):  # fmt: skip
        since, until = book.loc[first, "timestamp"], book.loc[last, "timestamp"]
        inside = book[(book["timestamp"] > since) & (book["timestamp"] < until)]
        used = inside.loc[inside["kind"] == "use", "signed"].sum()
        added = inside.loc[inside["kind"] == "delivery", "signed"].sum()
        gone = book.loc[first, "signed"] + added - book.loc[last, "signed"]
        if used == 0:
            assert gone > 1_000
        else:
            assert gone == pytest.approx(used, abs=0.5)


def test_one_month_has_only_the_tanks_book(tables):
    fuel = tables["fuel"].assign(month=tables["fuel"]["timestamp"].str[:7])
    used = set(fuel.loc[fuel["kind"] == "use", "month"])
    only = set(fuel["month"]) - used
    assert only == {"2025-09"}
    book = fuel[fuel["month"] == "2025-09"]
    assert {"dip", "delivery"} == set(book["kind"])
    assert "2025-10-01 00:00" in set(fuel.loc[fuel["kind"] == "dip", "timestamp"])


def test_trucks_diesel_comes_from_rows_or_from_own_trips(tables):
    fuel, trips = tables["fuel"], tables["trips"]
    trucks = set(fuel.loc[fuel["consumer"] == "truck", "timestamp"].str[:7])
    own = set(trips.loc[trips["litres"].astype(str) != "", "date"].str[:7])
    assert own - trucks
    assert own & trucks
    assert (trips.loc[trips["litres"].astype(str) != "", "own"] == 1).all()


def test_job_logs_exist_in_some_months_only(tables):
    jobs = tables["jobs"].assign(month=tables["jobs"]["start"].str[:7])
    months = set(tables["site_months"]["month"])
    logged = {kind: set(rows["month"]) for kind, rows in jobs.groupby("equipment")}
    assert len(months) / 3 < len(logged["crane"]) < 2 * len(months) / 3
    assert 0 < len(logged["environmental"]) < len(months) / 2
    assert 0 < len(logged["forklift"]) < len(months) / 3
    cranes = jobs.loc[jobs["equipment"] == "crane", "lifted_t"].astype(float)
    assert (cranes > 0).all()
    assert (pd.to_datetime(jobs["end"]) > pd.to_datetime(jobs["start"])).all()


def test_outputs_name_their_batch_and_every_fate(tables):
    outputs = tables["outputs"]
    assert set(outputs["batch_id"]) == set(tables["batches"]["batch_id"])
    assert (outputs["mass_t"] > 0).all()
    oil = outputs[outputs["material"] == "transformer_oil"]["fate"].value_counts()
    assert oil["rerefined"] > 10 * oil["burnt"] > 0
    steel = outputs[outputs["material"] == "silicon_steel"]["fate"].value_counts()
    assert steel["sold"] > 5 * steel["reused"] > 0


def test_lots_have_the_sizes_of_their_line(tables):
    batches = tables["batches"].set_index("line")
    mass = batches["mass_in_t"].astype(float)
    assert mass.loc["conductor"].between(12, 32.2).all()
    assert mass.loc["cable"].between(2, 8.6).all()
    units = batches.loc["transformer", "units"].astype(int)
    assert units.between(6, 25).all()
    known = batches["length_km"].astype(str) != ""
    assert set(known[known].index) == {"cable", "conductor"}
    assert not known.loc["conductor"].all()


def test_fleet_has_two_buses_and_nine_of_fourteen_cars(tables):
    share = tables["vehicles"].groupby(["month", "class"])["new_energy"].agg(["sum", "count"])
    assert (share["count"].xs("official_car", level=1) == 14).all()
    assert (share["sum"].xs("official_car", level=1) == 9).all()
    buses = share["sum"].xs("shuttle_bus", level=1)
    assert list(buses.loc[["2024-05", "2024-11", "2024-12"]]) == [0, 1, 2]


def test_spring_festival_stops_the_plant_for_twelve_days():
    for first in (date(2024, 2, 10), date(2025, 1, 28), date(2026, 2, 15)):
        days = [first + timedelta(days=n) for n in range(12)]
        assert not any(calendar.is_workday(day) for day in days)
        after = [first + timedelta(days=12 + n) for n in range(3)]
        assert any(calendar.is_workday(day) for day in after)


def test_make_up_days_are_worked_and_unknown_years_have_fixed_holidays():
    assert calendar.is_workday(date(2025, 10, 11))
    assert not calendar.is_workday(date(2025, 10, 8))
    assert not calendar.is_workday(date(2027, 10, 1))
    assert calendar.is_workday(date(2027, 10, 4))
    rows = calendar.rows("S", date(2027, 9, 1), date(2027, 12, 31))
    assert [(r["date_from"], r["date_to"], r["kind"]) for r in rows] == [
        ("2027-10-01", "2027-10-03", "holiday")
    ]


def test_a_holiday_across_the_year_belongs_to_both():
    assert not calendar.is_workday(date(2024, 1, 1))
    rows = calendar.rows("S", date(2024, 1, 1), date(2024, 1, 31))
    assert [r["note"] for r in rows] == ["元旦"]


def test_targets_are_known_indicators(tables):
    targets = tables["targets"]
    assert {"target", "quota", "budget"} == set(targets["kind"])
    assert (targets["indicator"] == "emission").sum() == 4
    assert (tables["plan"].groupby("year")["line"].nunique() == 3).all()
