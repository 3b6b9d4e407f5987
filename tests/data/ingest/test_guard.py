"""Uploaded workbooks: no macros, no bombs, no formulas without a result."""

from __future__ import annotations

import zipfile

import pytest
import xlsxwriter

from data.ingest.guard import guarded, like_formula
from data.ingest.problems import Refused


def book(path, formula_value=None):
    made = xlsxwriter.Workbook(path)
    sheet = made.add_worksheet()
    sheet.write_row(0, 0, ["meter_id", "timestamp", "value"])
    if formula_value is not None:
        sheet.write_formula(1, 2, "=1+1", None, formula_value)
    made.close()
    return path


def with_entry(path, name, body=b"x"):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, body)
    return path


def refused(path):
    with pytest.raises(Refused) as found:
        guarded(path, "zh")
    return found.value.problems[0].reason


def test_a_plain_workbook_and_one_with_saved_results_pass(tmp_path):
    guarded(book(tmp_path / "a.xlsx"), "zh")
    guarded(book(tmp_path / "b.xlsx", 2), "zh")


def test_what_no_table_needs_is_refused(tmp_path):
    a, b, c, d, e = (book(tmp_path / f"{n}.xlsx") for n in range(5))
    assert "宏" in refused(with_entry(a, "xl/vbaProject.bin"))
    assert "不属于表格" in refused(with_entry(b, "xl/more.zip"))
    assert "不属于表格" in refused(with_entry(c, "../../etc/cron.d/x"))
    assert "过大" in refused(with_entry(d, "xl/bomb.xml", b"0" * (30 << 20)))
    with zipfile.ZipFile(e, "a") as archive:
        for number in range(1001):
            archive.writestr(f"xl/{number}.xml", b"")
    assert "过大" in refused(e)


def test_a_formula_without_a_result_is_refused(tmp_path):
    path = tmp_path / "f.xlsx"
    book(path, 2)
    body = tmp_path / "g.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(body, "w") as new:
        for name in old.namelist():
            found = old.read(name)
            if name.startswith("xl/worksheets/"):
                assert b"<v>2</v>" in found
                found = found.replace(b"<v>2</v>", b"")
            new.writestr(name, found)
    assert refused(body).startswith("1 ")


def test_a_damaged_workbook_and_a_workbook_of_macros(tmp_path):
    path = book(tmp_path / "a.xlsx")
    path.write_bytes(path.read_bytes()[:-200])
    assert "损坏" in refused(path)
    old = tmp_path / "old.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "_VBA_PROJECT".encode("utf-16-le"))
    assert "宏" in refused(old)


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "＝A1", "-x", "-A1"])
def test_formulas_are_recognised(cell):
    assert like_formula(cell)


@pytest.mark.parametrize("cell", ["-12.5", "+3", "－３", "-", "M-1", 5.0, None, "-1.2万", ""])
def test_numbers_and_names_are_none(cell):
    assert not like_formula(cell)
