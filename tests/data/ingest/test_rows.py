from decimal import Decimal

import pytest

from data.ingest.kinds import KINDS
from data.ingest.problems import Problem
from tests.data.ingest.make import csv_bytes, parsed

BATCH = ["batch_id", "site", "date", "line", "mass_in_t"]


def problems(found):
    return [(p.row, p.column, p.value) for p in found.problems]


def test_defaults_and_chinese_choices(tmp_path):
    body = "表号,site,介质,用途,单位,读数类型,周期\n1203,S,电,用能,KWH,累计,15\n"
    values = parsed(tmp_path, "meters", body).rows[0].values
    assert values["medium"] == "electricity"
    assert values["unit"] == "kWh"
    assert values["reading_kind"] == "register"
    assert values["multiplier"] == 1
    assert values["valid_from"] is None
    assert values["parent_id"] is None


@pytest.mark.parametrize(
    ("material", "fate", "meant"),
    [("铝", "", "sold"), ("变压器油", "", "rerefined"), ("变压器油", "焚烧", "burnt"),
     ("COPPER", "Reused", "reused")],
)  # fmt: skip
def test_the_default_fate_depends_on_the_material(tmp_path, material, fate, meant):
    body = f"batch_id,material,mass_t,fate\nB1,{material},1,{fate}\n"
    assert parsed(tmp_path, "outputs", body).rows[0].values["fate"] == meant


def test_every_bad_cell_is_named_once_and_the_good_row_stays(tmp_path):
    rows = [
        BATCH,
        ["B1", "S", "08/31/2026", "缆", "-2"],
        ["", "S", "2026-07-01", "电缆", "—"],
        ["B3", "S", "2026-07-01", "电缆", "1,3万"],
        ["B4", "S", "2026-07-01", "电缆", "0"],
    ]
    found = parsed(tmp_path, "batches", csv_bytes(rows))
    assert problems(found) == [
        (2, "date", "08/31/2026"), (2, "line", "缆"), (2, "mass_in_t", "-2"),
        (3, "batch_id", None), (3, "mass_in_t", None), (4, "mass_in_t", "1,3万"),
    ]  # fmt: skip
    assert [(r.number, r.values["mass_in_t"]) for r in found.rows] == [(5, 0)]
    assert "cable/电缆" in found.problems[1].remedy


@pytest.mark.parametrize(
    ("kind", "column"),
    [(k.name, c.name) for k in KINDS.values() for c in k.columns if c.type == "number"],
)
def test_what_cannot_be_negative_is_refused(kind, column):
    signed = {"old_end", "new_start", "outdoor_mean_c"}
    is_signed = column in signed or (kind, column) in {("readings", "value"), ("targets", "value")}
    found = next(c for c in KINDS[kind].columns if c.name == column)
    assert (found.minimum is None) == is_signed


def test_too_many_problems_are_counted(tmp_path):
    rows = [
        BATCH,
        *[["B", "S", "2026-07-01", "电缆", "x"]] * 1300,
        ["B", "S", "2026-07-01", "电缆", "1"],
    ]
    found = parsed(tmp_path, "batches", csv_bytes(rows))
    assert len(found.problems) == 1001
    assert found.problems[-1].reason == "还有 300 处问题没有列出"
    assert [r.number for r in found.rows] == [1302]


def test_the_site_comes_from_the_file_or_from_the_caller(tmp_path):
    with_site = csv_bytes([BATCH, ["B1", "S1", "2026-07-01", "电缆", "1"]])
    assert parsed(tmp_path, "batches", with_site, site="S1").rows[0].values["site"] == "S1"
    against = parsed(tmp_path, "batches", with_site, site="S2")
    assert problems(against) == [(2, "site", "S1")]
    assert against.rows == []
    columns = [name for name in BATCH if name != "site"]
    without = csv_bytes([columns, *[["B1", "2026-07-01", "电缆", "1"]] * 3])
    assert [r.values["site"] for r in parsed(tmp_path, "batches", without, site="S2").rows] == [
        "S2", "S2", "S2",
    ]  # fmt: skip
    assert problems(parsed(tmp_path, "batches", without)) == [(None, "site", None)]


def test_numbers_beyond_what_is_stored_are_refused(tmp_path):
    body = "meter_id,timestamp,value\nE,2026-07-01,1000000000000\nE,2026-07-02,999999999999.5\n"
    found = parsed(tmp_path, "readings", body)
    assert problems(found) == [(2, "value", "1000000000000")]
    assert found.rows[0].values["value"] == Decimal("999999999999.5")


def test_a_day_without_trade_needs_no_turnover(tmp_path):
    body = "date,instrument,volume_t,turnover_cny\n2026-04-01,ccer,0,\n"
    assert parsed(tmp_path, "prices", body).rows[0].values["turnover_cny"] is None


def test_a_problem_in_one_sentence(tmp_path):
    body = 'meter_id,timestamp,value\nE,2026-07-01,5\nE,2026-07-02,"1,3万"\n'
    found = parsed(tmp_path, "readings", body, "readings.csv")
    assert found.problems[0].line("zh") == (
        "readings.csv 第 3 行 「value」列 值 “1,3万”：数字的千分位写法不对；"
        "逗号若是小数点请写 1.3万，若是千分位请写 13万"
    )
    warning = Problem("f", None, None, "x" * 100 + "\n", "甲", "乙", "warning")
    assert warning.line("zh") == f"提醒：f 值 “{'x' * 60}…”：甲；乙"
