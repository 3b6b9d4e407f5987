from datetime import date
from decimal import Decimal

import pytest

from data.ingest.checks import Known, KnownMeter, check_rows
from data.ingest.kinds import KINDS
from tests.data.ingest.make import csv_bytes, parsed

METER = KnownMeter("electricity", date(2026, 7, 1), date(2026, 7, 31), None, "kWh")
KNOWN = Known(
    sites=frozenset({"S", "T"}),
    meters={
        ("S", "E1"): METER,
        ("S", "M1"): KnownMeter("electricity", None, None, None, "MWh"),
        ("S", "W1"): KnownMeter("water", None, None, None, "m3"),
        ("S", "X"): METER,
        ("T", "X"): KnownMeter("electricity", None, None, None),
        ("T", "T1"): KnownMeter("electricity", None, None, None),
    },
    batches={("S", "B1"): Decimal(10), ("S", "B2"): None, ("S", "BX"): Decimal(1),
             ("T", "BX"): Decimal(1)},
    vehicle_classes=frozenset({"TRN_HDV_18T"}),
    residues={("S", "B1"): Decimal(1)},
    zones={"S": "Asia/Shanghai", "T": "Asia/Tokyo"},
)  # fmt: skip


def checked(folder, kind, rows, site=None, language="zh", known=KNOWN):
    found = parsed(folder, kind, csv_bytes(rows), site=site)
    assert [p.line("zh") for p in found.problems] == []
    return [
        (p.row, p.column, p.severity)
        for p in check_rows(KINDS[kind], found, known, "file.csv", language, site)
    ]


METERS = {
    "meter_id": "N1", "site": "S", "medium": "electricity", "role": "consumer", "unit": "kWh",
    "reading_kind": "interval", "step_min": "15",
}  # fmt: skip


def meters(*changes):
    names = list(METERS | {name: "" for change in changes for name in change})
    return [names, *[[(METERS | c).get(n, "") for n in names] for c in changes]]


def test_a_plain_meter_is_taken(tmp_path):
    assert checked(tmp_path, "meters", meters({})) == []


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"site": "U"}, "site"),
        ({"parent_id": "NOPE"}, "parent_id"),
        ({"parent_id": "T1"}, "parent_id"),
        ({"parent_id": "W1"}, "parent_id"),
        ({"parent_id": "N1"}, "parent_id"),
        ({"unit": "m3"}, "unit"),
        ({"medium": "water", "unit": "kWh"}, "unit"),
        ({"medium": "heat", "unit": "L"}, "unit"),
        ({"medium": "water", "unit": "m3", "role": "charger"}, "role"),
        ({"role": "heat_pump_heat"}, "role"),
        ({"valid_from": "2026-07-02", "valid_to": "2026-07-01"}, "valid_to"),
        ({"step_min": "0"}, "step_min"),
        ({"step_min": "0.5"}, "step_min"),
        ({"multiplier": "0"}, "multiplier"),
        ({"register_max": "0"}, "register_max"),
    ],
)
def test_a_meter_that_cannot_be(tmp_path, change, column):
    assert checked(tmp_path, "meters", meters(change)) == [(2, column, "error")]


def test_parents_within_the_file_and_circles(tmp_path):
    good = meters({"meter_id": "A", "parent_id": "B"}, {"meter_id": "B", "parent_id": "E1"})
    assert checked(tmp_path, "meters", good) == []
    circle = meters({"meter_id": "A", "parent_id": "B"}, {"meter_id": "B", "parent_id": "A"})
    assert checked(tmp_path, "meters", circle) == [
        (2, "parent_id", "error"), (3, "parent_id", "error"),
    ]  # fmt: skip


def test_a_parent_elsewhere_is_told_apart_from_none(tmp_path):
    found = parsed(tmp_path, "meters", csv_bytes(meters({"parent_id": "T1"})))
    problem = check_rows(KINDS["meters"], found, KNOWN, "f", "zh", None)[0]
    assert "另一个站点（T）" in problem.reason


def test_a_register_without_limits_is_warned_of(tmp_path):
    rows = meters({"reading_kind": "register"})
    assert checked(tmp_path, "meters", rows) == [
        (2, "rated_max_per_hour", "warning"), (2, "register_max", "warning"),
    ]  # fmt: skip
    rows = meters(
        {"reading_kind": "register", "register_max": "1000000", "rated_max_per_hour": "5"}
    )
    assert checked(tmp_path, "meters", rows) == []


def readings(*rows, value="value"):
    return [["meter_id", "timestamp", value], *[[*row, "1"] for row in rows]]


@pytest.mark.parametrize(
    ("moment", "is_taken"),
    [
        ("2026-07-01 00:00", True),
        ("2026-07-31 24:00", True),
        ("2026-08-01 00:00", True),
        ("2026-06-30 23:59:59", False),
        ("2026-08-01 00:00:01", False),
        ("2026-06-30T16:00:00Z", True),
        ("2026-06-30T15:59:00Z", False),
        ("2026-07-31T16:00:00+00:00", True),
        ("2026-07-31T16:01:00+00:00", False),
    ],
)
def test_readings_within_the_validity_of_their_meter(tmp_path, moment, is_taken):
    expected = [] if is_taken else [(2, "timestamp", "error")]
    assert checked(tmp_path, "readings", readings(["E1", moment])) == expected


def test_readings_of_unknown_and_of_doubtful_meters(tmp_path):
    rows = readings(["NOPE", "2026-07-02"], ["X", "2026-07-02"], ["E1", "2026-07-02"])
    assert checked(tmp_path, "readings", rows) == [
        (2, "meter_id", "error"), (3, "meter_id", "error"),
    ]  # fmt: skip
    assert checked(tmp_path, "readings", readings(["X", "2026-07-02"]), site="S") == []
    assert checked(tmp_path, "readings", readings(["E1", "2026-07-02"]), site="T") == [
        (2, "meter_id", "error")
    ]


@pytest.mark.parametrize(
    ("meter", "header", "verdict"),
    [
        ("E1", "电量（kWh）", None),
        ("E1", "电量（MWh）", None),
        ("M1", "电量（MWh）", "error"),
        ("M1", "电量（kWh）", "error"),
        ("W1", "读数（立方米）", None),
        ("W1", "读数（M³）", None),
        ("W1", "读数（kWh）", "error"),
        ("T1", "电量（MWh）", "warning"),
        ("M1", "电量", None),
    ],
)
def test_a_header_unit_against_the_meter_own_unit(tmp_path, meter, header, verdict):
    """A MWh meter under a MWh header would be multiplied by a thousand."""
    rows = readings([meter, "2026-07-02"], [meter, "2026-07-03"], value=header)
    expected = [(2, "meter_id", verdict)] if verdict else []
    assert checked(tmp_path, "readings", rows) == expected


def test_meter_changes_belong_to_a_known_meter(tmp_path):
    head = ["meter_id", "timestamp", "old_end", "new_start"]
    rows = [head, ["E1", "2026-07-02 09:00", "5", "0"], ["E1", "2026-08-02", "5", "0"],
            ["Q", "2026-07-02", "5", "0"]]  # fmt: skip
    assert checked(tmp_path, "meter_changes", rows) == [
        (3, "timestamp", "error"), (4, "meter_id", "error"),
    ]  # fmt: skip


def outputs(*rows):
    return [["batch_id", "material", "mass_t", "fate"], *rows]


def test_more_out_than_in_is_only_a_warning(tmp_path):
    nine = [["B1", "铝", "5", ""], ["B1", "钢", "4", ""]]
    assert checked(tmp_path, "outputs", outputs(*nine)) == []
    more = [*nine, ["B1", "铁", "0.1", ""]]
    assert checked(tmp_path, "outputs", outputs(*more)) == [(4, "batch_id", "warning")]
    assert checked(tmp_path, "outputs", outputs(["B2", "铝", "99", ""])) == []


def test_a_corrected_line_of_outputs_counts_once(tmp_path):
    rows = [["B1", "铝", "8", ""], ["B1", "铝", "9", "sold"]]
    assert checked(tmp_path, "outputs", outputs(*rows)) == []


def test_outputs_of_unknown_and_of_doubtful_batches(tmp_path):
    rows = outputs(["B9", "铝", "1", ""], ["BX", "铝", "1", ""])
    assert checked(tmp_path, "outputs", rows) == [
        (2, "batch_id", "error"), (3, "batch_id", "error"),
    ]  # fmt: skip
    assert checked(tmp_path, "outputs", outputs(["BX", "铝", "1", ""]), site="T") == []


def one(names, cells):
    return [names.split(), cells.split()]


@pytest.mark.parametrize(
    ("kind", "names", "cells", "expected"),
    [
        ("trips", "trip_id site date line leg tonnes km vehicle_class",
         "1 S 2026-07-01 cable collection 1 2 TRN_HDV_18T", []),
        ("trips", "trip_id site date line leg tonnes km vehicle_class",
         "1 S 2026-07-01 cable collection 1 2 TRN_X", [("vehicle_class", "error")]),
        ("trips", "trip_id site date line leg tonnes km own litres",
         "1 S 2026-07-01 cable outbound 1 2 0 5", [("litres", "warning")]),
        ("trips", "trip_id site date line leg tonnes km own litres",
         "1 S 2026-07-01 cable outbound 1 2 1 5", []),
        ("fuel", "fuel_id site timestamp litres kind consumer", "1 S 2026-07-01 5 use truck", []),
        ("fuel", "fuel_id site timestamp litres kind consumer line",
         "1 S 2026-07-01 5 dip truck cable", [("consumer", "warning"), ("line", "warning")]),
        ("jobs", "job_id site equipment start end line",
         "1 S crane 2026-07-01T09:00 2026-07-01T09:00 cable", [("end", "error")]),
        ("jobs", "job_id site equipment start end line",
         "1 S crane 2026-07-01T09:00 2026-07-01T01:30Z cable", []),
        ("devices", "device_id site kind capacity unit in_service_from in_service_to",
         "1 S pv 5 kWp 2026-07-02 2026-07-01", [("in_service_to", "error")]),
        ("devices", "device_id site kind capacity unit in_service_from in_service_to",
         "1 S pv 5 kWp 2026-07-02 2026-07-02", []),
        ("calendar", "site date_from date_to kind", "CN 2026-10-01 2026-10-07 假日", []),
        ("calendar", "site date_from date_to kind", "S 2026-10-07 2026-10-01 假日",
         [("date_to", "error")]),
        ("plan", "site line year mass_in_t", "CN cable 2026 5", [("site", "error")]),
        ("plan", "site line year mass_in_t", "S cable 1999 5", [("year", "error")]),
        ("plan", "site line year mass_in_t", "S cable 2100 5", []),
        ("prices", "date instrument volume_t turnover_cny", "2026-07-01 CEA 0 5",
         [("turnover_cny", "error")]),
        ("prices", "date instrument volume_t turnover_cny", "2026-07-01 CEA 5 —",
         [("turnover_cny", "error")]),
        ("prices", "date instrument volume_t turnover_cny", "2026-07-01 CEA 0 —", []),
        ("prices", "date instrument volume_t turnover_cny", "2026-07-01 CEA 0 0", []),
        ("prices", "date instrument volume_t turnover_cny close_cny", "2026-07-01 CEA 10 700 50",
         []),
        ("prices", "date instrument volume_t turnover_cny close_cny", "2026-07-01 CEA 10 701 50",
         [("close_cny", "warning")]),
        ("prices", "date instrument volume_t turnover_cny close_cny", "2026-07-01 CEA 10 299 50",
         [("close_cny", "warning")]),
    ],
)  # fmt: skip
def test_rows_that_contradict_themselves(tmp_path, kind, names, cells, expected):
    found = checked(tmp_path, kind, one(names, cells))
    assert found == [(2, column, severity) for column, severity in expected]


def test_the_messages_are_sentences_without_open_braces(tmp_path):
    rows = readings(["NOPE", "2026-07-02"], ["M1", "2026-09-02"], value="电量（MWh）")
    found = parsed(tmp_path, "readings", csv_bytes(rows))
    for problem in check_rows(KINDS["readings"], found, KNOWN, "f", "zh", None):
        assert "{" not in problem.line("zh")
