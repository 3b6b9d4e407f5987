import io
import zipfile
from datetime import datetime
from decimal import Decimal

import pytest

from data.ingest import sources
from data.ingest.headers import folded
from data.ingest.kinds import KINDS
from data.ingest.problems import Refused
from data.ingest.tables import layout
from tests.data.ingest.make import csv_bytes, parsed, saved, table, xlsx_bytes

HEAD = ["meter_id", "timestamp", "value"]
ROW = ["EM1", "2026-07-01 00:15", "1.5"]
READINGS = KINDS["readings"]


def refused(folder, kind, body, name="file.csv", **more):
    with pytest.raises(Refused) as caught:
        table(folder, kind, body, name, **more)
    return " ".join(p.line("zh") for p in caught.value.problems)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings_give_the_same_rows(tmp_path, encoding):
    rows = [["表号", "时间", "读数", "质量"], ["一号表", "2026-07-01 00:15", "1.5", "好"]]
    found = parsed(tmp_path, "readings", csv_bytes(rows, encoding))
    assert not found.problems
    assert dict(found.rows[0].values) == {
        "meter_id": "一号表", "timestamp": datetime(2026, 7, 1, 0, 15),
        "value": Decimal("1.5"), "quality": "good",
    }  # fmt: skip


def test_csv_and_workbook_of_the_same_rows_are_the_same(tmp_path):
    rows = [["表号", "时间", "读数", "质量"]]
    rows += [[f"表{n}", f"2026-07-01 {n:02}:15", f"{n}.25", "人工"] for n in range(20)]
    bodies = {e: csv_bytes(rows, e) for e in ("utf-8", "utf-8-sig", "gb18030", "utf-16")}
    answers = [parsed(tmp_path, "readings", body) for body in bodies.values()]
    answers.append(parsed(tmp_path, "readings", csv_bytes(rows, delimiter=";")))
    answers.append(parsed(tmp_path, "readings", csv_bytes(rows, delimiter="\t")))
    typed = [rows[0]] + [[r[0], datetime.fromisoformat(r[1]), float(r[2]), r[3]] for r in rows[1:]]
    answers.append(parsed(tmp_path, "readings", xlsx_bytes(rows), "file.xlsx"))
    answers.append(parsed(tmp_path, "readings", xlsx_bytes(typed), "file.xlsx"))
    assert len(answers[0].rows) == 20
    for answer in answers:
        assert answer.problems == []
        assert [(r.number, dict(r.values)) for r in answer.rows] == [
            (r.number, dict(r.values)) for r in answers[0].rows
        ]


def test_chinese_that_comes_late_decides_the_encoding(tmp_path):
    body = csv_bytes([HEAD, *[ROW] * 60000], "gb18030") + "表二,2026-07-01 00:15,2\r\n".encode(
        "gb18030"
    )
    assert len(body) > 1 << 20
    path = saved(tmp_path, body)
    assert layout(path, READINGS, "zh").encoding == "gb18030"
    assert table(tmp_path, "readings", body).rows[-1][1][0] == "表二"


def test_no_encoding_asks(tmp_path):
    words = refused(tmp_path, "readings", b"meter_id,timestamp,value\n\xff\xff\x80,\xff,1\n")
    assert "文字编码" in words
    assert "UTF-8" in words


def test_layout_serves_a_bulk_reader(tmp_path):
    body = "\ufeff月报\r\n\r\n读数（MWh）;表号;x;时间\r\n1;EM1;;2026-07-01\r\n".encode()
    found = layout(saved(tmp_path, body), READINGS, "zh")
    assert (found.encoding, found.delimiter, found.header_row) == ("utf-8-sig", ";", 3)
    assert found.columns == {
        "value": (0, Decimal(1000)), "meter_id": (1, Decimal(1)), "timestamp": (3, Decimal(1)),
    }  # fmt: skip
    assert found.units == {"value": "MWh"}
    assert not found.is_workbook


def test_titles_above_the_header_do_not_choose_the_separator(tmp_path):
    body = "单位,a,b,c,d,e,f\n表号;时间;读数\nEM1;2026-07-01 00:15;1\n"
    assert table(tmp_path, "readings", body).rows == [(3, ["EM1", "2026-07-01 00:15", "1", None])]


@pytest.mark.parametrize(
    "header",
    ["METER_ID,Timestamp,VALUE", "Meter ID,time stamp,示 数", "表号*, 抄表时间 ,ｖａｌｕｅ"],
)
def test_headers_as_people_write_them(tmp_path, header):
    found = table(tmp_path, "readings", header + "\nEM1,2026-07-01 00:15,1\n")
    assert found.rows == [(2, ["EM1", "2026-07-01 00:15", "1", None])]
    assert found.columns == ("meter_id", "timestamp", "value", "quality")


def test_every_title_means_one_column():
    for kind in KINDS.values():
        titles = [folded(t) for c in kind.columns for t in {c.name, c.zh, *c.aliases}]
        assert len(titles) == len(set(titles)), kind.name
        assert set(kind.key) <= {c.name for c in kind.columns}


def test_a_unit_in_the_header_multiplies(tmp_path):
    body = "批次号,material,mass_t(kg)\nB1,铝,1500\n"
    assert parsed(tmp_path, "outputs", body).rows[0].values["mass_t"] == Decimal("1.5")
    body = "site,month,绿电（万kWh）\nS,2026-07,1.5\n"
    assert parsed(tmp_path, "site_months", body).rows[0].values["green_kwh"] == 15000
    body = "日期,品种,成交量（万吨）,成交额（万元）\n2026-07-01,CEA,2,140\n"
    values = parsed(tmp_path, "prices", body).rows[0].values
    assert (values["volume_t"], values["turnover_cny"]) == (20000, 1400000)


def test_an_unknown_unit_is_never_taken_as_one(tmp_path):
    words = refused(tmp_path, "outputs", "batch_id,material,mass_t(g)\nB1,铝,1500\n")
    assert "“g”" in words
    assert "kg" in words


def test_columns_missing_twice_or_unknown(tmp_path):
    assert "value（读数）" in refused(tmp_path, "readings", "meter_id,timestamp\nEM1,2026-07-01\n")
    words = refused(tmp_path, "readings", "meter_id,timestamp,value,读数\nEM1,2026-07-01,1,1\n")
    assert "同一列" in words
    found = table(tmp_path, "readings", "meter_id,timestamp,value,天气,\nEM1,2026-07-01,1,晴,\n")
    assert [(p.severity, p.value) for p in found.problems] == [("warning", "天气")]
    assert len(found.rows) == 1


def test_no_header(tmp_path):
    assert "没有找到表头" in refused(tmp_path, "readings", "a,b,c\n1,2,3\n")
    assert "没有找到表头" in refused(tmp_path, "readings", xlsx_bytes([["a", "b"]]), "f.xlsx")


def test_a_comma_inside_a_number_is_not_cut_off(tmp_path):
    body = "meter_id,timestamp,value\nEM1,2026-07-01 00:15,1,234\nEM1,2026-07-01 00:30,5,,\n"
    found = table(tmp_path, "readings", body)
    assert [(p.row, p.value, p.severity) for p in found.problems] == [(2, "234", "error")]
    assert found.rows == [(3, ["EM1", "2026-07-01 00:30", "5", None])]


def test_an_open_quote_does_not_swallow_the_rest(tmp_path):
    body = 'meter_id,timestamp,value\nEM1,2026-07-01 00:15,"5\nEM1,2026-07-01 00:30,6\n'
    assert "引号没有配对" in refused(tmp_path, "readings", body)


def test_null_characters_are_named(tmp_path):
    assert "空字符" in refused(
        tmp_path, "readings", b"meter_id,timestamp,value\nEM1,2026-07-01,1\0\n"
    )


def test_rows_of_totals_and_empty_rows(tmp_path):
    body = (
        "序号,batch_id,site,date,line,mass_in_t\n1,B1,S,2026-07-01,电缆,2\n,,,,,\n"
        "2,小计,,,,2\n合计：,,,,,4\n,,S,Sub total,,4\n3,合计表,S,2026-07-02,电缆,1\n"
    )
    found = table(tmp_path, "batches", body)
    assert [row[1][0] for row in found.rows] == ["B1", "合计表"]
    assert [row[0] for row in found.rows] == [2, 7]
    assert found.notes == ("跳过 3 行合计",)


def test_rows_are_numbered_as_an_editor_shows_them(tmp_path):
    body = 'batch_id,site,date,line,mass_in_t,spec\nB1,S,2026-07-01,电缆,2,"a\nb"\nB2,S,x,电缆,2,\n'
    found = parsed(tmp_path, "batches", body)
    assert [(p.row, p.column) for p in found.problems] == [(4, "date")]


def test_merged_and_doubled_headers(tmp_path):
    rows = [
        ["2026年7月抄表", None, None],
        ["表号", "抄表", None],
        [None, "时间", "读数"],
        ["EM1", datetime(2026, 7, 1), 7.5],
    ]
    body = xlsx_bytes(rows, [(0, 0, 0, 2), (1, 0, 2, 0), (1, 1, 1, 2)])
    found = table(tmp_path, "readings", body, "file.xlsx")
    assert found.layout.header_row == 3
    assert found.rows == [(4, ["EM1", datetime(2026, 7, 1), 7.5, None])]


@pytest.mark.parametrize(
    ("second", "value"),
    [
        (["", "", "MWh"], 1500),
        (["", "", "（kWh）"], Decimal("1.5")),
        (["表号", "时间", "读数"], Decimal("1.5")),
    ],
)
def test_a_second_header_row_completes_the_first(tmp_path, second, value):
    found = parsed(tmp_path, "readings", csv_bytes([["表号", "时间", "读数"], second, ROW]))
    assert [(r.number, r.values["value"]) for r in found.rows] == [(3, value)]
    assert found.problems == []


def test_a_second_row_of_a_merged_header_is_no_data(tmp_path):
    rows = [["表号", "时间", "电量(kWh)"], [None, None, "本月示数"], ["EM1", "2026-07-01", 7.5]]
    body = xlsx_bytes(rows, [(0, 0, 1, 0), (0, 1, 1, 1)])
    found = table(tmp_path, "readings", body, "file.xlsx")
    assert found.layout.header_row == 2
    assert found.rows == [(3, ["EM1", "2026-07-01", 7.5, None])]


def test_a_blank_row_or_a_remark_below_the_header_is_no_part_of_it(tmp_path):
    for below in (["", "", ""], ["", "", "", "备注"]):
        found = table(tmp_path, "readings", csv_bytes([HEAD, below, ROW]))
        assert found.layout.header_row == 1
        assert [row[0] for row in found.rows] == [3]


def test_the_first_row_of_data_is_no_header(tmp_path):
    found = table(tmp_path, "readings", csv_bytes([[*HEAD, "quality"], [*ROW, "good"]]))
    assert found.layout.header_row == 1
    assert len(found.rows) == 1


def test_two_columns_under_one_merged_title_are_not_guessed(tmp_path):
    rows = [["表号", "时间", "电量（kWh）", None], [None, None, "上月止码", "本月止码"]]
    body = xlsx_bytes([*rows, ["EM1", "2026-07-01", 1, 2]], [(0, 2, 0, 3)])
    assert "同一列" in refused(tmp_path, "readings", body, "file.xlsx")


def test_a_workbook_of_several_sheets_and_its_serials(tmp_path):
    body = xlsx_bytes([HEAD, ["EM1", 46265.5, 3]], before=("封面",))
    found = parsed(tmp_path, "readings", body, "file.xlsx")
    assert found.rows[0].values["timestamp"] == datetime(2026, 8, 31, 12)
    assert found.notes == ("1 格日期没有日期格式，已按表格软件的日序号换算",)


def test_day_numbers_from_1904(tmp_path):
    body = xlsx_bytes([HEAD, ["EM1", 46265.5 - 1462, 3]], options={"date_1904": True})
    found = parsed(tmp_path, "readings", body, "file.xlsx")
    assert found.rows[0].values["timestamp"] == datetime(2026, 8, 31, 12)


def test_a_wrong_extension_is_seen_through(tmp_path):
    assert table(tmp_path, "readings", xlsx_bytes([HEAD, ROW]), "file.csv").layout.is_workbook
    assert not table(tmp_path, "readings", csv_bytes([HEAD, ROW]), "f.xlsx").layout.is_workbook
    assert "Parquet" in refused(tmp_path, "batches", b"PAR1abcdPAR1", "file.csv")


def test_damaged_and_locked_workbooks(tmp_path):
    whole = xlsx_bytes([HEAD, ROW])
    assert "已损坏" in refused(tmp_path, "readings", whole[: len(whole) // 2], "file.xlsx")
    assert "已损坏" in refused(tmp_path, "readings", b"PK\x03\x04rest", "file.xlsx")
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    locked = ole + "EncryptedPackage".encode("utf-16-le") + b"\0" * 600
    assert "密码" in refused(tmp_path, "readings", locked, "file.xlsx")
    assert "已损坏" in refused(tmp_path, "readings", ole, "file.xls")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    assert "已损坏" in refused(tmp_path, "readings", out.getvalue(), "file.xlsx")


def test_a_flipped_bit_in_a_workbook_is_found(tmp_path):
    body = bytearray(xlsx_bytes([HEAD, ROW]))
    with zipfile.ZipFile(io.BytesIO(bytes(body))) as archive:
        entry = archive.getinfo("xl/worksheets/sheet1.xml")
    body[entry.header_offset + 30 + len(entry.filename) + 40] ^= 0x10
    assert "已损坏" in refused(tmp_path, "readings", bytes(body), "file.xlsx")


def test_a_workbook_that_lies_about_its_size_is_not_unpacked(tmp_path, monkeypatch):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (30 << 20))
    said, told = (n.to_bytes(4, "little") for n in (30 << 20, 100))
    body = out.getvalue()
    assert body.count(said) == 2
    monkeypatch.delattr(sources.calamine, "load_workbook")
    assert "已损坏" in refused(tmp_path, "readings", body.replace(said, told), "file.xlsx")


def test_limits(tmp_path, monkeypatch):
    assert "文件超过" in refused(tmp_path, "readings", csv_bytes([HEAD, ROW]), max_bytes=10)
    assert "文件是空的" in refused(tmp_path, "readings", b"")
    wide = [[*HEAD, *(f"x{n}" for n in range(200))]]
    assert "列数超过 200" in refused(tmp_path, "readings", csv_bytes(wide))
    assert "列数超过 200" in refused(tmp_path, "readings", xlsx_bytes(wide), "file.xlsx")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"\0" * (30 << 20))
    assert "解压后过大" in refused(tmp_path, "readings", out.getvalue(), "file.xlsx")
    monkeypatch.setattr(sources, "MAX_ROWS", 2)
    many = xlsx_bytes([HEAD, ROW, ROW])
    assert "行数超过" in refused(tmp_path, "readings", many, "file.xlsx")
