"""Rows of a view: readings, import files, corrections, and where reading stopped."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.connectors import sql_rows as rows
from data.connectors.base import Point, Quality
from data.connectors.sql_rows import SOURCE_COLUMN, RowError, Void
from data.ingest.kinds import KINDS
from data.ingest.rows import parse_rows
from data.ingest.tables import read_table

ZONE = ZoneInfo("Asia/Shanghai")
NO_VOID = Void("", frozenset())
VOID = Void("voided", frozenset({"1", "作废"}))
NARROW = {"point": "code", "timestamp": "at", "value": "kwh"}
POINTS = {"M1": Point(point_id="E1", address="M1", scale=Decimal("0.1"), valid_max=Decimal(100))}
AT = datetime(2026, 11, 26, 8, 0)


def row(**more):
    return {"code": "M1", "at": AT, "kwh": Decimal("12.50"), "voided": 0} | more


def read(found, columns=NARROW, points=POINTS, void=NO_VOID):
    return rows.readings(found, columns, points, ZONE, void)


def test_a_row_is_a_reading():
    (reading,) = read(row())
    assert (reading.point, reading.value, reading.q) == ("E1", Decimal("1.250"), Quality.GOOD)
    assert reading.ts == datetime(2026, 11, 26, 0, 0, tzinfo=UTC)


def test_a_wide_row_is_a_reading_a_column():
    points = {name: Point(point_id=name.upper(), address=name) for name in ("kwh", "m3")}
    found = read(row(m3=3), {"timestamp": "at"}, points)
    assert {r.point: r.value for r in found} == {"KWH": Decimal("12.50"), "M3": 3}


@pytest.mark.parametrize("value", [None, "n/a", "", float("nan"), "1,5"])
def test_what_is_no_number_is_bad_and_never_zero(value):
    (reading,) = read(row(kwh=value))
    assert (reading.value, reading.q) == (None, Quality.BAD)


@pytest.mark.parametrize(
    ("value", "number"), [(0.1, "0.1"), (" 12.5 ", "12.5"), (7, "7"), (True, "1")]
)
def test_numbers_as_drivers_give_them(value, number):
    assert rows.number(value) == Decimal(number)


@pytest.mark.parametrize(
    "at",
    [AT, "2026-11-26 08:00:00", AT.replace(tzinfo=timezone(timedelta(hours=8))),
     datetime(2026, 11, 26, 0, 0, tzinfo=UTC)],
)  # fmt: skip
def test_times_as_drivers_give_them(at):
    assert rows.moment(at, ZONE) == datetime(2026, 11, 26, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("at", [None, "0000-00-00 00:00:00", "gestern", 5, date(2026, 1, 1)])
def test_a_time_that_is_none_is_refused(at):
    with pytest.raises(RowError):
        read(row(at=at))


@pytest.mark.parametrize(("voided", "gone"), [(1, True), (True, True), ("作废", True), (0, False),
                                              (None, False), ("", False)])  # fmt: skip
def test_a_void_row_is_bad_with_its_value(voided, gone):
    (reading,) = read(row(voided=voided), void=VOID)
    assert (reading.q is Quality.BAD) == gone
    assert reading.value == Decimal("1.250")


def test_quality_limits_and_strangers():
    columns = NARROW | {"quality": "q"}
    assert [read(row(q=q), columns)[0].q for q in ("good", 1, "BAD", "?", None)] == [
        Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.UNCERTAIN, Quality.GOOD,
    ]  # fmt: skip
    assert read(row(kwh=5000))[0].q is Quality.BAD
    assert read(row(code="M9")) == []


BATCH = {
    "batch_id": "id", "date": "day", "line": "line", "mass_in_t": "t", "length_km": "km",
}  # fmt: skip


def batch(**more):
    return {
        "id": "B1", "day": date(2026, 7, 1), "line": "cable", "t": Decimal("5.20"), "km": 1.5,
        "changed": AT, "voided": 0,
    } | more  # fmt: skip


def test_rows_are_an_import_file(tmp_path):
    body = rows.table(
        [batch(), batch(id="B2", voided=1)], BATCH, {"site": "HB01"}, KINDS["batches"], "changed",
        VOID,
    )  # fmt: skip
    assert body.decode().splitlines() == [
        f"batch_id,site,date,line,mass_in_t,length_km,{SOURCE_COLUMN}",
        "B1,HB01,2026-07-01,cable,5.20,1.5,2026-11-26T08:00:00",
        "B2,HB01,2026-07-01,cable,0,,2026-11-26T08:00:00",
    ]
    path = tmp_path / "batches.csv"
    path.write_bytes(body)
    table = read_table(path, KINDS["batches"], "zh")
    parsed = parse_rows(table, KINDS["batches"], path.name, "zh", None)
    assert [p for p in parsed.problems if p.severity == "error"] == []
    assert [r.values["mass_in_t"] for r in parsed.rows] == [Decimal("5.20"), 0]


def test_a_value_that_comes_back_is_another_file():
    """5, then 6, then 5 again: the third must not be taken for the first."""
    files = {
        rows.table([batch(t=t, changed=AT + timedelta(minutes=n))], BATCH, {}, KINDS["batches"],
                   "changed", NO_VOID)
        for n, t in enumerate((5, 6, 5))
    }  # fmt: skip
    assert len(files) == 3


def test_cells_that_programs_would_take_apart_stay_whole():
    body = rows.table([batch(id='B,"1"\n2')], BATCH, {}, KINDS["batches"], "changed", NO_VOID)
    assert body.decode().count('"B,""1""\n2"') == 1


CURSORS = st.one_of(
    st.datetimes(), st.datetimes(timezones=st.just(UTC)), st.integers(), st.text(),
    st.decimals(allow_nan=False, allow_infinity=False), st.dates(),
)  # fmt: skip


@given(CURSORS)
def test_where_reading_stopped_comes_back_as_it_was(value):
    found = rows.cursor(rows.dumped(value))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("words", ["", "{", "[]", '["int"]', '["x", "1"]', '["int", "a"]', "7"])
def test_half_a_mark_is_none(words):
    with pytest.raises(ValueError):  # noqa: PT011 (any of the library's words)
        rows.cursor(words)


def test_a_cursor_of_bytes_cannot_be_gone_on_from():
    with pytest.raises(RowError):
        rows.dumped(b"\x00\x01")


def test_only_times_are_read_again():
    assert rows.overlapped(AT, 300) == AT - timedelta(minutes=5)
    assert rows.overlapped(17, 300) == 17
