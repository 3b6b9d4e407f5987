from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.ingest import cells
from data.ingest.cells import CellError


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("１２，３４５．６７", "12345.67"),
        ("12,999.10", "12999.10"),
        ("1 234.5", "1234.5"),
        ("5\u00a0678", "5678"),
        ("1.2万", "12000"),
        ("1,234万", "12340000"),
        ("(1,234.5)", "-1234.5"),
        ("（3）", "-3"),
        ("－7", "-7"),
        ("\u22127", "-7"),
        ("+7", "7"),
        (".5", "0.5"),
        ("1.2E+05", "120000"),
        ("0", "0"),
        (12, "12"),
        (0.1, "0.1"),
        (Decimal("1.10"), "1.10"),
        (" 3\u200b", "3"),
    ],
)
def test_a_number_is_what_is_written(cell, value):
    assert cells.number(cell) == Decimal(value)


@pytest.mark.parametrize("cell", ["", " ", "—", "-", "/", "无", "#N/A", "NULL", "n/a", None, "－"])
def test_a_word_for_nothing_is_not_a_zero(cell):
    assert cells.number(cell) is None
    assert cells.timestamp(cell) is None
    assert cells.day(cell) is None
    assert cells.month(cell) is None
    assert cells.period(cell) is None
    assert cells.flag(cell) is None
    assert cells.name(cell) is None


@pytest.mark.parametrize(
    "cell",
    [
        "1,3万", "12,34", "1,2345", "1,234 567", "1.234,5", "12 kWh", "(-5)", "1.2.3", "五",
        "#DIV/0!", "0x10", "1e999999999", "1e-999999999", "1e99", "٣", True, float("nan"),
        float("inf"), "nan", "-inf", Decimal("NaN"), "1'234", "--5", "()", "万",
    ],
)  # fmt: skip
def test_nonsense_is_no_number(cell):
    with pytest.raises(CellError):
        cells.number(cell)


def test_a_doubtful_comma_offers_both_readings():
    with pytest.raises(CellError) as caught:
        cells.number("1,3万")
    assert caught.value.values == {"point": "1.3万", "bare": "13万"}


STYLES = [
    str,
    lambda n: f"{n:,}",
    lambda n: f"{n:,}".replace(",", " "),
    lambda n: f"{n:,}".replace(",", "\u00a0"),
    lambda n: f"({-n:,})" if n < 0 else f"{n:,}",
    lambda n: f"{n / 10000:f}万",
    lambda n: str(n).translate(str.maketrans("0123456789.-,", "０１２３４５６７８９．－，")),
]
NUMBERS = st.decimals(-(10**11), 10**11, allow_nan=False, allow_infinity=False, places=3)


@given(NUMBERS, st.sampled_from(STYLES))
def test_every_style_of_a_number_reads_back(number, style):
    assert cells.number(style(number)) == number


@given(st.floats(-1e12, 1e12, allow_subnormal=False).filter(lambda f: not 0 < abs(f) < 1e-25))
def test_a_float_of_a_workbook_keeps_its_digits(value):
    assert float(cells.number(value)) == value
    assert cells.number(value) == Decimal(repr(value))


def read_or_refused(read, cell):
    """Anything else than a value or a refusal with a remedy escapes and fails the test."""
    try:
        read(cell)
    except CellError as error:
        return bool(error.reason and error.remedy)
    return True


LIKELY = st.text(alphabet="0123456789０１,.，-+() /年月日时分:TZ万eE\u00a0٣", max_size=14)


@given(st.text(max_size=12) | LIKELY)
def test_any_text_is_read_or_refused_never_broken(words):
    for read in (cells.number, cells.timestamp, cells.day, cells.month, cells.period, cells.flag):
        assert read_or_refused(read, words)


@given(st.floats() | st.integers())
def test_any_number_is_a_time_or_refused(value):
    for read in (cells.timestamp, cells.day, cells.month, cells.name):
        assert read_or_refused(read, value)


QUARTER = datetime(2026, 8, 31, 23, 45)


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-08-31 23:45", QUARTER),
        ("2026-08-31T23:45:00", QUARTER),
        ("2026/8/31 9:5", datetime(2026, 8, 31, 9, 5)),
        ("2026年8月31日 9时05分", datetime(2026, 8, 31, 9, 5)),
        ("2026年8月31日9时05分", datetime(2026, 8, 31, 9, 5)),
        ("2026年8月31日9时", datetime(2026, 8, 31, 9)),
        ("2026年8月31日 9点05分30秒", datetime(2026, 8, 31, 9, 5, 30)),
        ("2026年 8月 31日", datetime(2026, 8, 31)),
        ("2026.8.31", datetime(2026, 8, 31)),
        ("20260831", datetime(2026, 8, 31)),
        ("20260831 0915", datetime(2026, 8, 31, 9, 15)),
        ("20260831T091530", datetime(2026, 8, 31, 9, 15, 30)),
        ("２０２６－０８－３１　２３：４５", QUARTER),
        ("2026-08-31 23:45:00.000000000", QUARTER),
        ("2026-08-31 23:45:00.25", QUARTER.replace(microsecond=250000)),
        ("2026/8/31 24:00", datetime(2026, 9, 1)),
        ("2026-12-31 24:00:00", datetime(2027, 1, 1)),
        (QUARTER, QUARTER),
        (date(2026, 8, 31), datetime(2026, 8, 31)),
        (46265.0, datetime(2026, 8, 31)),
        (46265.989583333336, QUARTER),
        (20260831.0, datetime(2026, 8, 31)),
        (20000.0, datetime(1954, 10, 3)),
    ],
)
def test_a_time_is_what_is_written(cell, moment):
    assert cells.timestamp(cell) == moment
    assert cells.timestamp(cell).tzinfo is None


@pytest.mark.parametrize(
    ("cell", "hours"),
    [
        ("2026-08-31T23:45:00+08:00", 8),
        ("2026-08-31 23:45+0800", 8),
        ("2026-08-31T23:45Z", 0),
        ("2026-08-31T23:45:00-05", -5),
    ],
)
def test_an_offset_is_kept(cell, hours):
    found = cells.timestamp(cell)
    assert found == QUARTER.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert found.utcoffset() == timedelta(hours=hours)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)),
       st.sampled_from(["", "Z", "+08:00", "-03:30"]), st.sampled_from("T "))  # fmt: skip
def test_a_time_of_a_program_is_read_as_one_of_a_person(moment, offset, joint):
    written = f"{moment:%Y-%m-%d}{joint}{moment:%H:%M:%S}{offset}"
    usual = cells.timestamp(written)
    careful = cells.timestamp(written.replace("-", "/", 2))
    assert (usual, usual.utcoffset()) == (careful, careful.utcoffset())


def test_midnight_of_an_offset_is_the_next_day():
    assert cells.timestamp("2026-08-31T24:00+08:00").isoformat() == "2026-09-01T00:00:00+08:00"


@pytest.mark.parametrize("cell", ["08/31/2026", "31.08.26", "31-08-2026", "1/2/2026 10:00"])
def test_an_uncertain_order_is_refused_with_a_remedy(cell):
    with pytest.raises(CellError, match="先后无法确定") as caught:
        cells.timestamp(cell)
    assert "2026-08-31" in caught.value.remedy


@pytest.mark.parametrize(
    "cell",
    [
        "2026-02-30", "2026-13-01", "2026-08-31 25:00", "2026-08-31 24:01", "2026-08-31 9:60",
        "2026-08-3112:00", "2026-08/31", "0206-08-31", "2026-08-31 9:05 PM", "昨天", "46265",
        "2026-08-31T10:00+99:00", 19999.0, 80001.0, 20261331.0, float("nan"), float("inf"), True,
        "9999-12-31 24:00",
    ],
)  # fmt: skip
def test_nonsense_is_no_time(cell):
    with pytest.raises(CellError):
        cells.timestamp(cell)


@given(st.datetimes(datetime(1955, 1, 1), datetime(2100, 1, 1)))
def test_a_serial_of_a_workbook_is_exact_to_the_second(moment):
    moment = moment.replace(microsecond=0)
    serial = (moment - datetime(1899, 12, 30)) / timedelta(days=1)
    assert cells.timestamp(serial) == moment


def test_a_date_has_no_time_of_day():
    assert cells.day("2026年8月31日") == date(2026, 8, 31)
    assert cells.day(datetime(2026, 8, 31)) == date(2026, 8, 31)
    assert cells.day("2026-08-30 24:00") == date(2026, 8, 31)
    with pytest.raises(CellError):
        cells.day("2026-08-31 00:00:01")


@pytest.mark.parametrize(
    "cell",
    ["2026-07", "2026年7月", "2026/7", "202607", 202607.0, "2026.07", date(2026, 7, 1), 46204.0],
)
def test_a_month(cell):
    assert cells.month(cell) == "2026-07"


@pytest.mark.parametrize("cell", ["2026-13", "20261", 2026.1, "2026.1", "2026-07-02", "七月", 7])
def test_no_month(cell):
    with pytest.raises(CellError):
        cells.month(cell)


def test_a_period_is_a_year_or_a_month():
    assert [cells.period(c) for c in ("2026", 2026.0, "2026年", "2026-07", "2026年7月")] == [
        "2026", "2026", "2026", "2026-07", "2026-07",
    ]  # fmt: skip
    with pytest.raises(CellError):
        cells.period("2026-Q1")


def test_a_flag():
    assert [cells.flag(c) for c in ("1", 1.0, "是", "TRUE", True)] == [True] * 5
    assert [cells.flag(c) for c in ("0", 0, "否", "no", False)] == [False] * 5
    with pytest.raises(CellError):
        cells.flag("2")


def test_a_name_is_narrowed_and_kept():
    assert cells.name("  EM０００６ ") == "EM0006"
    assert cells.name("1# 变压器（东）") == "1# 变压器(东)"
    assert cells.name(1203.0) == "1203"
    assert cells.name("007") == "007"


@pytest.mark.parametrize("cell", [1.3e21, "1.30001E+21", datetime(2026, 8, 1), float("nan")])
def test_a_name_that_a_spreadsheet_spoiled_is_refused(cell):
    with pytest.raises(CellError, match="表格软件"):
        cells.name(cell)
