"""The drop folder, through collector and import: whole files only, each answered (F14, F15)."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import xlsxwriter

from data.collector import Collector
from data.connectors.drop_folder import DropFolder, DropFolderConfig, _Watch
from data.digest import file_digest
from data.drop_load import load_drops
from data.slots import utc_now
from data.state import WantedInterface, now
from tests.conftest import ROOT
from tests.data.connectors.emitted import until
from tests.plant import Plant, meter, opened_home

HEAD = "meter_id,timestamp,value\n"
ROWS = "M1,2026-01-05 00:00,100\nM1,2026-01-05 00:15,101\n"


class Folder:
    """A plant with a drop folder; ``run`` collects and imports until the folder is empty."""

    def __init__(self, engine, path, **settings):
        self.engine, self.path, self.settings = engine, path, settings
        path.mkdir()
        given = {"folder": str(path), "settle_s": 0.2, "look_s": 0.05}
        engine.state.interfaces.save(
            WantedInterface("drop", "drop_folder", "S1", "", given | settings, ()), "t", now()
        )

    def put(self, name, body, encoding="utf-8"):
        body = body.encode(encoding) if isinstance(body, str) else body
        (self.path / name).write_bytes(body)
        return self.path / name

    @asynccontextmanager
    async def collecting(self):
        task = asyncio.create_task(Collector(self.engine.home).run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def emptied(self, leave=()):
        def empty():
            load_drops(self.engine, utc_now)
            return {p.name for p in self.path.iterdir() if p.is_file()} <= set(leave)

        await until(empty)

    def run(self, leave=()):
        async def go():
            async with self.collecting():
                await self.emptied(leave)

        asyncio.run(go())

    def said(self, where, name):
        word = "错误" if where == "error" else "结果"
        return (self.path / where / f"{name}.{word}.txt").read_text(encoding="utf-8")

    def values(self):
        with self.engine.store.read() as cursor:
            return [float(v) for (v,) in cursor.execute(
                "SELECT value FROM reading ORDER BY ts, batch").fetchall()]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        plant = Plant(tmp_path, engine)
        plant.meters(meter("M1", role="grid_import", register_max=10**6))
        yield Folder(engine, tmp_path / "into")


def test_a_file_goes_in_and_is_answered(folder):
    folder.put("a.csv", HEAD + ROWS)
    folder.run()
    assert folder.values() == [100, 101]
    assert (folder.path / "done" / "a.csv").read_text() == HEAD + ROWS
    assert "新增 2 行" in folder.said("done", "a.csv")


def test_a_file_that_still_grows_waits(folder):
    watch = _Watch(1.0, monotonic=lambda: watch.now)
    watch.now = 0.0
    path = folder.put("a.csv", HEAD)
    assert watch.settled([path]) == []
    watch.now = 0.9
    path.write_text(HEAD + ROWS)
    assert watch.settled([path]) == []
    watch.now = 1.8
    assert watch.settled([path]) == []
    watch.now = 1.95
    assert watch.settled([path]) == [path]


def test_what_is_not_finished_is_left_alone(folder):
    for name in ("a.csv.tmp", "b.part", ".hidden.csv", "~$c.xlsx"):
        folder.put(name, HEAD + ROWS)
    folder.put("d.csv", HEAD + ROWS)
    folder.run(leave={"a.csv.tmp", "b.part", ".hidden.csv", "~$c.xlsx"})
    assert folder.values() == [100, 101]


def test_bad_files_are_answered_with_the_reason(folder, tmp_path):
    """F14: nothing in it, cut off, wrong rows; the next file goes in all the same."""
    book = xlsxwriter.Workbook(str(tmp_path / "whole.xlsx"))
    book.add_worksheet().write_row(0, 0, ["meter_id", "timestamp", "value"])
    book.close()
    folder.put("empty.csv", "")
    folder.put("cut.xlsx", (tmp_path / "whole.xlsx").read_bytes()[:-300])
    folder.put("wrong.csv", HEAD + "M1,2026-01-05 00:00,abc\n")
    folder.put("good.csv", HEAD + ROWS)
    folder.run()
    assert "空" in folder.said("error", "empty.csv")
    assert folder.said("error", "cut.xlsx")
    said = folder.said("error", "wrong.csv")
    assert "第 2 行" in said
    assert "abc" in said
    assert folder.values() == [100, 101]
    assert (folder.path / "error" / "wrong.csv").exists()


def test_the_same_content_under_another_name_is_known(folder):
    folder.put("a.csv", HEAD + ROWS)
    folder.run()
    folder.put("b.csv", HEAD + ROWS)
    folder.run()
    assert "已导入" in folder.said("done", "b.csv")
    assert "a.csv" in folder.said("done", "b.csv")
    assert folder.values() == [100, 101]


def test_an_extension_that_lies_is_seen_through(folder, tmp_path):
    book = xlsxwriter.Workbook(str(tmp_path / "real.xlsx"))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["表号", "时间", "读数"])
    sheet.write_row(1, 0, ["M1", "2026-01-05 00:00", 100])
    book.close()
    folder.put("really.csv", (tmp_path / "real.xlsx").read_bytes())
    folder.run()
    assert folder.values() == [100]


def test_a_workbook_of_before_2007_goes_in(folder, tmp_path):
    """XLS as a spreadsheet wrote it; its one unreadable cell is answered, and the rest waits."""
    Plant(tmp_path, folder.engine).meters(meter("M-0107", register_max=10**6))
    folder.put("old.xls", (ROOT / "tests/browser/files/meter-readings.xls").read_bytes())
    folder.run()
    said = folder.said("error", "old.xls")
    assert "第 5 行" in said
    assert "七" in said
    assert folder.values() == []
    accepting = Folder(folder.engine, tmp_path / "accepting", accept_good=True)
    accepting.put("old.xls", (ROOT / "tests/browser/files/meter-readings.xls").read_bytes())
    accepting.run()
    assert folder.values()[:3] == [6, 6.5, 7]


def test_a_refused_file_may_come_again_once_its_cause_is_gone(folder, tmp_path):
    folder.put("a.csv", HEAD + "M9,2026-01-05 00:00,1\n")
    folder.run()
    assert "没有这块表" in folder.said("error", "a.csv")
    Plant(tmp_path, folder.engine).meters(meter("M9"))
    folder.put("a.csv", HEAD + "M9,2026-01-05 00:00,1\n")
    folder.run()
    assert folder.values() == [1]


def test_a_last_line_that_counts(folder):
    folder.put("a.csv", HEAD + ROWS + "#END,2\n")
    folder.put("b.csv", HEAD + ROWS + "#END,3\n")
    folder.run()
    assert folder.values() == [100, 101]
    assert "3" in folder.said("error", "b.csv")


def test_a_digest_beside_it(folder):
    good = folder.put("a.csv", HEAD + ROWS)
    folder.put("a.csv.sm3", file_digest(good) + "  a.csv\n")
    folder.put("b.csv", HEAD + ROWS + "M1,2026-01-05 00:30,102\n")
    folder.put("b.csv.sm3", "0" * 64)
    folder.run()
    assert folder.values() == [100, 101]
    assert "摘要不符" in folder.said("error", "b.csv")
    assert (folder.path / "done" / "a.csv.sm3").exists()


def test_a_name_that_is_taken_gets_a_number(folder):
    folder.put("a.csv", HEAD + ROWS)
    folder.run()
    folder.put("a.csv", HEAD + "M1,2026-01-05 00:30,102\n")
    folder.run()
    assert {p.name for p in (folder.path / "done").iterdir()} == {
        "a.csv", "a.csv.结果.txt", "a-2.csv", "a-2.csv.结果.txt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gb18030", "表号,时间,读数\nM1,2026-01-05 00:00,１００\nM1,2026-01-05 24:00,1.2万\n"),
        ("utf-8-sig",
         "表号,时间,读数\nM1,2026年1月5日 00:00,100\n合计,,100\nM1,2026/1/6 0:00,12000\n"),
    ],
)  # fmt: skip
def test_files_as_people_write_them(folder, encoding, body):
    """F15 through the folder; the rest of it is in tests/data/ingest."""
    folder.put("a.csv", body, encoding)
    folder.run()
    assert folder.values() == [100, 12000]


def test_one_record_a_file(folder):
    audit = folder.engine.state.audit
    before = audit.head()[0]
    folder.put("a.csv", HEAD + ROWS)
    folder.run()
    new = list(audit.records(before))
    assert [(r.event, r.outcome, r.actor) for r in new] == [
        ("data.import", "intent", "interface:drop"), ("data.import", "success", "interface:drop"),
    ]  # fmt: skip


def test_a_folder_that_is_not_there(tmp_path):
    cfg = DropFolderConfig(folder=Path(tmp_path / "absent"))
    report = asyncio.run(DropFolder(cfg, ()).probe())
    assert not report.ok
    assert report.error
    with pytest.raises(ValueError, match="绝对路径"):
        DropFolderConfig(folder="relative")
