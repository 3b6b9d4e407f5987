"""Point tables: both languages, every wrong cell by row and column, and back to files (F23)."""

import io
from decimal import Decimal

import pytest
import python_calamine
import xlsxwriter

from data.connectors.base import PointKind
from data.connectors.iec104 import Iec104, Iec104Config
from data.connectors.modbus import ModbusTcp
from data.connectors.modbus_table import ModbusTcpConfig
from data.ingest.problems import Refused
from data.points import Target, check_points, load_points, points_csv, points_xlsx, table_rows

TARGET = Target(ModbusTcp, ModbusTcpConfig(host="127.0.0.1", address_base=0))
ZH = "点号,表号,寄存器地址,数据类型,字节序,例子,系数,单位,量类,采集周期\n"
EN = "point_id,meter_id,address,dtype,byte_order,example,scale,unit,kind,period_s\n"
ROW = "P1,M1,100,f32,ABCD,229.01 = 43 65 02 8F,1,kWh,{kind},900\n"


def table(tmp_path, body, name="points.csv"):
    path = tmp_path / name
    path.write_text(body, encoding="utf-8")
    return path


def problems(tmp_path, body, language="zh", target=TARGET):
    with pytest.raises(Refused) as refused:
        load_points(table(tmp_path, body), target, language)
    return [problem.line(language) for problem in refused.value.problems]


def test_both_languages_say_the_same(tmp_path):
    zh = load_points(table(tmp_path, ZH + ROW.format(kind="累计")), TARGET, "zh")
    en = load_points(table(tmp_path, EN + ROW.format(kind="register")), TARGET, "en")
    assert zh == en
    assert zh[0].kind is PointKind.REGISTER
    assert zh[0].row == 2


def test_full_width_and_other_names_of_units(tmp_path):
    body = ZH + "Ｐ１,M1,１００,ｆ３２,ＣＤＡＢ,229.01 = 02 8F 43 65,０.１,度,累计,60\n"
    (point,) = load_points(table(tmp_path, body), TARGET, "zh")
    assert (point.point_id, point.address, point.dtype, point.byte_order, point.unit) == (
        "P1", "100", "f32", "CDAB", "kWh",
    )  # fmt: skip
    assert point.scale == Decimal("0.1")


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("P1,,100,f32,ABCD,,一,kWh,累计,900", "系数", "一"),
        ("P1,,100,u8,ABCD,,1,kWh,累计,900", "数据类型", "u8"),
        ("P1,,100,u16,BACD,,1,kWh,累计,900", "字节序", "BACD"),
        ("P1,,100,u16,ABCD,,1,斤,累计,900", "单位", "斤"),
        ("P1,,abc,u16,ABCD,,1,kWh,累计,900", "地址", "abc"),
        ("P1,,70000,u16,ABCD,,1,kWh,累计,900", "地址", "70000"),
        ("P1,,100,f32,CDAB,229.01 = 43 65 02 8F,1,kWh,累计,900", "字节序", "ABCD"),
        ("P1,,100,f32,ABCD,,1,kWh,累计,900", "例子", "字节序 ABCD"),
        ("P1,,100,f32,ABCD,5 = 43 65 02 8F,1,kWh,累计,900", "例子", "哪种字节序"),
        ("P1,,100,u16,ABCD,,1,kWh,总量,900", "量类", "总量"),
        ("P1,M1,100,u16,ABCD,,1,,累计,900", "单位", "单位"),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column(tmp_path, row, column, reason):
    (line,) = problems(tmp_path, ZH + row + "\n")
    assert "第 2 行" in line
    assert f"「{column}」列" in line
    assert reason in line


def test_rows_beside_each_other(tmp_path):
    body = (
        ZH
        + "P1,,1,u16,ABCD,,1,V,瞬时,60\nP1,,2,u16,ABCD,,1,V,瞬时,60\nP3,,1,u16,ABCD,,1,V,瞬时,60\n"
    )
    lines = problems(tmp_path, body)
    assert any("第 3 行" in line and "与第 2 行同一点号" in line for line in lines)
    assert any("第 4 行" in line and "与第 2 行同一地址" in line for line in lines)


def test_an_unknown_column_is_an_error(tmp_path):
    body = "点号,地址,数据类型,颜色\nP1,1,u16,红\n"
    assert any("颜色" in line and "未知的列名" in line for line in problems(tmp_path, body))


def test_writing_is_refused(tmp_path):
    body = "点号,地址,数据类型,方向\nP1,1,u16,W\n"
    (line,) = problems(tmp_path, body)
    assert "只读" in line


def test_the_words_are_the_readers(tmp_path):
    (line,) = problems(tmp_path, EN + "P1,,abc,u16,ABCD,,1,kWh,register,900\n", "en")
    assert not any("\u4e00" <= sign <= "\u9fff" for sign in line), line


@pytest.mark.parametrize(
    ("base", "address", "func", "place"),
    [(0, "100", "", (1, 3, 100)), (1, "100", "4", (1, 4, 99)), (40001, "40001", "", (1, 3, 0)),
     (40001, "30010", "", (1, 4, 9)), (40001, "00001", "", (1, 1, 0)), (0, "0x1F", "", (1, 3, 31)),
     (0, "7!5", "", (7, 3, 5))],
)  # fmt: skip
def test_addresses_count_from_where_the_table_says(base, address, func, place):
    from data.connectors.base import Point
    from data.connectors.modbus_table import located

    cfg = ModbusTcpConfig(host="x", address_base=base)
    dtype = "bit" if place[1] == 1 else "u16"
    found = located(Point(point_id="P", address=address, func=func, dtype=dtype), cfg)
    assert (found.unit, found.func, found.first) == place


def test_where_addresses_begin_is_asked_and_never_guessed():
    with pytest.raises(ValueError, match="address_base"):
        ModbusTcpConfig(host="x")


def test_a_counter_knows_where_it_turns_over(tmp_path):
    body = ZH + "P1,M1,1,u32,ABCD,1 = 00 00 00 01,0.01,kWh,累计,900\n"
    (point,) = load_points(table(tmp_path, body), TARGET, "zh")
    assert point.rollover == Decimal("42949672.96")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_table_comes_back_from_both_files(tmp_path, language):
    body = ZH + ROW.format(kind="累计") + "P2,,3,s16,ABCD,,0.1,°C,瞬时,60\n"
    points = load_points(table(tmp_path, body), TARGET, "zh")
    again = load_points(table(tmp_path, points_csv(points, language), "out.csv"), TARGET, language)
    assert again == points
    book = tmp_path / "out.xlsx"
    book.write_bytes(points_xlsx(points, language))
    assert load_points(book, TARGET, language) == points
    rows = python_calamine.load_workbook(io.BytesIO(book.read_bytes())).get_sheet_by_index(0)
    assert len(rows.to_python()) == len(table_rows(points, language))


def test_a_workbook_with_numbers_in_its_cells(tmp_path):
    book = xlsxwriter.Workbook(str(tmp_path / "p.xlsx"))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["点号", "地址", "数据类型", "系数"])
    sheet.write_row(1, 0, ["P1", 100, "u16", 0.1])
    book.close()
    (point,) = load_points(tmp_path / "p.xlsx", TARGET, "zh")
    assert (point.address, point.scale) == ("100", Decimal("0.1"))


def test_what_a_screen_sends_is_checked_the_same(tmp_path):
    points = load_points(table(tmp_path, ZH + ROW.format(kind="累计")), TARGET, "zh")
    assert check_points(points, TARGET, "screen", "zh") == ()
    wrong = points[0].model_copy(update={"address": "abc"})
    (problem,) = check_points([wrong], TARGET, "screen", "zh")
    assert problem.column == "地址"


@pytest.mark.parametrize("same", ["16385", "1.16385", "1:16385", "0x4001", "1#4001H"])
def test_an_object_of_a_station_is_named_once_however_it_is_written(tmp_path, same):
    station = Target(Iec104, Iec104Config(host="h", common_address=1))
    head = "点号,表号,信息体地址,单位,量类\n"
    body = f"{head}P1,M1,16385,kWh,累计\nP2,M2,{same},kWh,累计\n"
    (line,) = problems(tmp_path, body, target=station)
    assert "第 3 行" in line
    assert "「地址」列" in line
    assert f"值 “{same}”" in line
    assert "与第 2 行同一地址" in line


def test_the_same_object_of_another_station_is_another_point(tmp_path):
    station = Target(Iec104, Iec104Config(host="h", common_address=1))
    body = "点号,表号,信息体地址,单位,量类\nP1,M1,16385,kWh,累计\nP2,M2,2.16385,kWh,累计\n"
    assert len(load_points(table(tmp_path, body), station, "zh")) == 2


def test_a_register_is_named_once_however_it_is_written(tmp_path):
    head = "点号,寄存器地址,数据类型,单位,量类\n"
    body = (
        f"{head}P1,31,u16,kW,瞬时\nP2,0x1F,u16,kW,瞬时\nP3,1!31,u16,kW,瞬时\nP4,2!31,u16,kW,瞬时\n"
    )
    assert [line for line in problems(tmp_path, body) if "与第 2 行同一地址" not in line] == []
    assert len(problems(tmp_path, body)) == 2
