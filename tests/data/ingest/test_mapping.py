"""Which column is which: guessed by title, remembered by sender, chosen by hand."""

from __future__ import annotations

import pytest
import xlsxwriter

from data.ingest.headers import named_header
from data.ingest.kinds import KINDS
from data.ingest.mapping import chosen, guessed_kind, head_of, matched
from data.ingest.problems import Refused
from data.ingest.suggest import Known, suggested
from data.ingest.tables import named_table

MB = 1 << 20


def csv_of(folder, body, encoding="utf-8"):
    path = folder / "from anywhere.csv"
    path.write_bytes(body.encode(encoding))
    return path


def book_of(folder, *rows):
    path = folder / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("封面")
    sheet = book.add_worksheet("数据")
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return path


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "meters"])
@pytest.mark.parametrize("chinese", [False, True])
def test_every_kind_is_known_by_its_own_header(tmp_path, kind, chinese):
    titles = [c.zh if chinese else c.name for c in KINDS[kind].columns]
    head = head_of(csv_of(tmp_path, ",".join(titles) + "\n" + "," * (len(titles) - 1)), "zh", MB)
    assert guessed_kind(head) == kind
    assert not matched(head, KINDS[kind], {}).missing(KINDS[kind])


def test_titles_of_others_are_guessed_and_say_so(tmp_path):
    body = "七月抄表;;;\n表计编号;采集时间点;本次读数(MWh);备注\nM-1;2026-07-01;5;x\n"
    head = head_of(csv_of(tmp_path, body, "gb18030"), "zh", MB)
    assert (head.encoding, head.delimiter) == ("gb18030", ";")
    found = matched(head, KINDS["readings"], {})
    assert found.row == 2
    assert found.names == ("meter_id", "timestamp", "value", "")
    assert [one.by for one in found.columns] == ["known", "guessed", "guessed", ""]
    assert found.columns[0].samples[:1] == ("M-1",)
    assert not found.plain()
    header = named_header(KINDS["readings"], 2, [c.title for c in found.columns], found.names)
    table = named_table(tmp_path / "from anywhere.csv", KINDS["readings"], "zh", header,
                        (head.encoding, head.delimiter, 0))  # fmt: skip
    assert table.rows == [(3, ["M-1", "2026-07-01", "5", None])]
    assert table.layout.units == {"value": "MWh"}
    assert table.layout.columns["value"][1] == 1000


def test_what_a_sender_meant_before_comes_first(tmp_path):
    head = head_of(csv_of(tmp_path, "仪表,时刻,电量,值\nM,2026-07-01,1,2\n"), "zh", MB)
    kind = KINDS["readings"]
    assert matched(head, kind, {}).names == ("", "", "value", "")
    told = {"仪表": "meter_id", "时刻": "timestamp", "值": "value", "电量": "nothing"}
    found = matched(head, kind, told)
    assert found.names == ("meter_id", "timestamp", "", "value")
    by_hand = chosen(found, 2, "value")
    assert by_hand.names == ("meter_id", "timestamp", "value", "")
    assert chosen(by_hand, 0, "").missing(kind)[0].name == "meter_id"


def test_a_workbook_is_read_by_the_sheet_that_has_the_table(tmp_path):
    path = book_of(tmp_path, ["仪表", "时刻", "读到的"], ["M", "2026-07-01 00:15", 12.5])
    head = head_of(path, "zh", MB)
    assert head.sheet == 1
    header = named_header(KINDS["readings"], 1, ["仪表", "时刻", "读到的"],
                          ["meter_id", "timestamp", "value"])  # fmt: skip
    table = named_table(path, KINDS["readings"], "zh", header, ("", "", 1))
    assert table.rows == [(2, ["M", "2026-07-01 00:15", 12.5, None])]
    titles, names = ["仪表", "时刻", "读到的(桶)"], ["meter_id", "timestamp", "value"]
    wrong = named_header(KINDS["readings"], 1, titles, names)
    with pytest.raises(Refused):
        named_table(path, KINDS["readings"], "zh", wrong, ("", "", 1))


SAID = {
    ("readings", "timestamp", "2026/13/02"): "2026-02-13",
    ("readings", "timestamp", "2026/13/42"): "",
    ("readings", "timestamp", "25-07-2026 08:15"): "2026-07-25 08:15",
    ("readings", "timestamp", "07/25/2026"): "2026-07-25",
    ("readings", "timestamp", "05/06/2026"): "",  # both orders make sense
    ("readings", "value", "612.4 kWh"): "612.4",
    ("readings", "value", "12O.5"): "120.5",
    ("readings", "value", "1,3"): "13",
    ("readings", "value", "many"): "",
    ("readings", "value", ""): "",
    ("fuel", "litres", "-38.5"): "38.5",
    ("fuel", "litres", "38.5升"): "38.5",
    ("batches", "line", "电缆线"): "cable",
    ("batches", "line", "transfomer"): "transformer",
    ("batches", "line", "?"): "",
    ("batches", "site", ""): "S1",
    ("site_months", "month", "2026年7月份"): "2026-07",
    ("site_months", "month", "2026.1"): "",
    ("readings", "meter_id", "M-O107"): "M-0107",
    ("readings", "meter_id", "M_0103"): "M-0103",
    ("readings", "meter_id", "boiler"): "",
    ("readings", "meter_id", "M-0105"): "",  # as near to one as to the other
}  # fmt: skip


@pytest.mark.parametrize("asked", list(SAID), ids=lambda one: "/".join(one))
def test_what_a_cell_was_meant_to_say(asked):
    kind, name, cell = asked
    column = next(c for c in KINDS[kind].columns if c.name == name)
    known = Known(meter_id=("M-0103", "M-0107"), site=("S1",))
    assert suggested(column, cell, known, unknown=name == "meter_id") == SAID[asked]
