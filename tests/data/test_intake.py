"""Files brought in by hand: what is wrong, what it would change, what is kept of it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import xlsxwriter

from data.batches import batches
from data.digest import file_digest
from data.ingest import large
from data.ingest.load import Options, import_file
from data.ingest.mapping import chosen
from data.ingest.problems import Refused
from data.ingest.review import Corrections
from data.ingest.watch import Stopped, Watch
from data.intake import (
    Draft,
    Reason,
    Wish,
    as_kind,
    begun,
    came_before,
    checked,
    checked_whole,
    file_to_take,
    table_of,
    taken_in,
)
from data.intake_effect import effect_of
from data.revoke import revoke
from tests.plant import Plant, meter, moment, opened_home, series


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    folder = tmp_path_factory.mktemp("intake")
    with opened_home(folder / "home") as engine:
        found = Plant(folder, engine)
        found.meters(meter("M-0101", role="grid_import", register_max=10**6),
                     meter("M-0107", parent_id="M-0101", reading_kind="interval",
                           rated_max_per_hour=60))  # fmt: skip
        found.readings(series("M-0101", moment("2026-06-01 00:00"), moment("2026-07-20 00:00"),
                              per_step=10))  # fmt: skip
        rows = [("M-0107", at, "6") for _, at, _ in
                series("", moment("2026-06-01 00:15"), moment("2026-07-20 00:00"))]  # fmt: skip
        found.readings(rows)
        found.put(
            "batches",
            ("batch_id", "site", "date", "line", "mass_in_t"),
            [(f"B{n}", "S1", f"2026-07-{n:02d}", "cable", "10") for n in range(1, 6)],
        )
        found.settle()
        yield found


def draft(plant, name, body, account="li", **more):
    path = plant.engine.store.inbox / name
    path.write_bytes(body)
    found = Draft(account, name, path, path.stat().st_size, file_digest(path))
    return replace(begun(plant.engine, found, ("S1",)), **more)


def review(plant, found):
    return checked(plant.engine, found, table_of(found, "zh"), "zh")


HEAD = "表号,时间,读数,备注\n"
GOOD = "M-0107,2026-07-20 00:15,6,\n"


def test_a_bad_gb18030_file_is_corrected_cell_by_cell(plant):
    body = (HEAD + GOOD + "M-0107,2026/13/07 00:30,6,\nM-O107,2026-07-20 00:45,6,\n"
            "M-0107,2026-07-20 01:00,,检修\nM-0107,2026-07-20 01:15,6000,\n"
            "M-0107,2026-07-20 01:30,16,\n=cmd,2026-07-20 01:45,1,\n")  # fmt: skip
    found = draft(plant, "七月.csv", body.encode("gb18030"))
    assert (found.kind, found.site, found.head.encoding) == ("readings", "S1", "gb18030")
    seen = review(plant, found)
    assert (seen.counts, sorted(seen.bad), sorted(seen.doubtful)) == (
        (3, 4, 2),
        [3, 4, 5, 8],
        [6, 7],
    )
    assert seen.warnings == {"size": 1, "limit": 1}
    told = {one.row: (one.column, one.severity, one.instead) for one in seen.issues}
    assert told == {
        3: ("timestamp", "error", "2026-07-13 00:30"), 4: ("meter_id", "error", "M-0107"),
        5: ("value", "error", ""), 6: ("value", "warning", "6"), 7: ("value", "warning", ""),
        8: ("meter_id", "error", ""),
    }  # fmt: skip
    assert "1,000 倍" in [one.reason for one in seen.issues if one.row == 6][0]
    made = Corrections(dropped=frozenset({5, 8}))
    for row in (3, 4, 6):
        made = made.edited(row, *(told[row][n] for n in (0, 2)))
    done = replace(found, made=made.edited(3, "timestamp", "2026-07-20 00:30"))
    last = review(plant, done)
    assert (last.counts, last.bad, sorted(last.doubtful)) == ((5, 0, 1), frozenset(), [7])
    receipt = taken_in(plant.engine, done, last, Wish("li", (Reason("limit", 1, "overhaul"),)))
    assert receipt.new_rows == 5
    kept = plant.query("SELECT line, CAST(value AS DOUBLE) FROM reading WHERE batch = ? "
                       "ORDER BY line", [receipt.batch])  # fmt: skip
    assert kept == [(2, 6.0), (3, 6.0), (4, 6.0), (6, 6.0), (7, 16.0)]  # the file's own rows
    note = plant.query("SELECT way, file, digest, edits, left_out FROM intake")
    assert note == [("upload", "七月.csv", found.digest, 3, 2)]
    (listed,) = [one for one in batches(plant.engine, None) if one.batch == receipt.batch]
    assert listed.reasons == (Reason("limit", 1, "overhaul"),)
    assert came_before(plant.engine, found.digest).batch == receipt.batch
    revoke(plant.engine, receipt.batch, "li", "")
    assert came_before(plant.engine, found.digest) is None


def test_a_workbook_with_a_unit_in_its_header_keeps_it(plant):
    path = plant.folder / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["七月电表"])
    sheet.write_row(1, 0, ["表", "什么时候", "电量(MWh)"])
    dated = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for line, value in enumerate((0.006, 0.007, "0.0O8"), start=2):
        sheet.write(line, 0, "M-0107")
        sheet.write_datetime(line, 1, moment(f"2026-07-20 {line + 1:02d}:00"), dated)
        sheet.write(line, 2, value)
    book.close()
    found = draft(plant, "book.xlsx", path.read_bytes())
    assert found.kind == ""  # nothing but a quantity is named: it is asked for
    found = replace(found, kind="readings", site="S1")
    found = as_kind(plant.engine, found, "readings", ("S1",))
    for place, name in enumerate(("meter_id", "timestamp", "value")):
        found = replace(found, matches=chosen(found.matches, place, name))
    seen = review(plant, found)
    assert (len(seen.good), sorted(seen.bad)) == (2, [5])
    assert [(one.column, one.instead) for one in seen.issues] == [("value", "0.008")]
    found = replace(found, made=found.made.edited(5, "value", "0.008"))
    receipt = taken_in(plant.engine, found, review(plant, found), Wish("li"))
    kept = plant.query("SELECT CAST(value AS DOUBLE) FROM reading WHERE batch = ? ORDER BY ts",
                       [receipt.batch])  # fmt: skip
    assert kept == [(6.0,), (7.0,), (8.0,)]
    again = draft(plant, "again.xlsx", path.read_bytes())
    again = as_kind(plant.engine, again, "readings", ("S1",))
    assert again.matches.names == ("meter_id", "timestamp", "value")  # remembered
    other = draft(plant, "other.xlsx", path.read_bytes(), account="wang")
    other = as_kind(plant.engine, other, "readings", ("S1",))
    assert other.matches.names != again.matches.names  # per sender


def test_a_good_file_goes_as_it_came(plant):
    body = (HEAD + "M-0107,2026-07-21 00:15,6,\n").encode()
    found = draft(plant, "good.csv", body)
    assert file_to_take(found, review(plant, found), plant.folder) == found.path
    receipt = taken_in(plant.engine, found, review(plant, found), Wish("li"))
    digest = plant.query("SELECT digest FROM batch WHERE batch = ?", [receipt.batch])[0][0]
    assert digest == found.digest
    assert taken_in(plant.engine, found, review(plant, found), Wish("li")).seen_at


def test_only_good_rows_on_request(plant):
    body = (HEAD + "M-0107,2026-07-22 00:15,6,\nM-0107,yesterday,6,\n").encode()
    found = draft(plant, "part.csv", body)
    with pytest.raises(Refused):
        taken_in(plant.engine, found, review(plant, found), Wish("li"))
    receipt = taken_in(plant.engine, found, review(plant, found), Wish("li", good_only=True))
    assert (receipt.new_rows, receipt.left_out) == (1, 1)


def test_the_expected_effect_is_what_comes_of_it(plant):
    plant.settle()
    before = plant.ledger()
    body = b"meter_id,timestamp,value\nM-0101,2026-07-20 12:00,48040\n"
    found = draft(plant, "effect.csv", body)
    effect = effect_of(plant.engine, "readings", found.path, "S1")
    assert {k: v.value for k, v in plant.ledger().items()}.keys() == before.keys()
    assert plant.settle().run == 0  # nothing of the trial stays
    taken_in(plant.engine, found, review(plant, found), Wish("li"))
    plant.settle()
    key = ("month", "2026-07", "emission", "site", "site")
    truth = plant.ledger()[key].value - before[key].value
    assert [one.month for one in effect.months] == ["2026-07"]
    assert effect.sum("emission_kgco2e") == pytest.approx(truth, abs=1e-9)
    assert abs(truth) > 1


def test_what_waits_already_is_no_part_of_the_effect(plant):
    plant.readings([("M-0101", "2026-07-21 12:00", "50000")])
    body = b"batch_id,site,date,line,mass_in_t\nB9,S1,2026-07-19,cable,11\n"
    found = draft(plant, "batch.csv", body)
    effect = effect_of(plant.engine, "batches", found.path, found.site)
    assert effect.sum("emission_kgco2e") == pytest.approx(0.0, abs=1e-9)


def test_a_batch_a_thousand_times_too_heavy(plant):
    body = b"batch_id,site,date,line,mass_in_t\nB9,S1,2026-07-19,cable,11000\n"
    seen = review(plant, draft(plant, "heavy.csv", body))
    assert [(one.severity, one.instead) for one in seen.issues] == [("warning", "11")]


def test_repeated_rows_and_registers_that_go_back(plant):
    rows = ("00:15,60000", "00:30,59990", "00:45,60900", "00:45,60010")
    body = HEAD + "".join(f"M-0101,2026-07-30 {row},\n" for row in rows)
    seen = review(plant, draft(plant, "odd.csv", body.encode()))
    assert [one.row for one in seen.issues] == [3, 4, 5]
    assert not seen.bad
    older = HEAD + "M-0101,2026-05-30 00:15,60000,\nM-0101,2026-05-30 00:30,59990,\n"
    seen = review(plant, draft(plant, "older.csv", older.encode()))
    assert [(one.row, one.warning) for one in seen.issues] == [(3, "backward")]


PARTED = "".join(f"M-0107,2026-08-0{d} {h:02d}:15,6,\n" for d in (1, 2) for h in range(24))
LARGE = {
    "plain": PARTED,
    "bad": PARTED + "M-O107,2026-08-03 00:15,6,\n示例,,,\n合计,,6,\n" + PARTED[:54] + ",x,6,\n",
    "registers": "".join(f"M-0101,2026-08-0{d} {h:02d}:15,{9000 + 24 * d + h - 50 * (h == 9)},\n"
                         for d in (1, 2) for h in range(24)),
    "older registers": "".join(f"M-0101,2026-05-30 {h:02d}:15,{9000 + h - 50 * (h == 9)},\n"
                               for h in range(24)),
    "newest first": "".join(f"M-0107,2026-08-01 {23 - h:02d}:15,6,\n" for h in range(24)),
    "times of many kinds": "M-0107,2026/8/1 0:15,6,\nM-0107,2026-08-01T00:30:00+08:00,６,\n",
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_a_file_in_parts_is_judged_as_one_that_is_held_whole(plant, monkeypatch, name):
    found = draft(plant, "large.csv", (HEAD + LARGE[name]).encode())
    seen = review(plant, found)
    monkeypatch.setattr("data.intake.PART_ROWS", 7)
    watch = Watch()
    parted = checked_whole(plant.engine, found, "zh", watch)
    assert parted.counts == seen.counts
    assert parted.issues == list(seen.issues)
    assert (parted.warnings, parted.open_rows) == (seen.warnings, seen.open_rows)
    assert parted.notes == seen.notes
    assert {row: seen.cells[row] for row in parted.cells} == parted.cells
    assert watch.checked == sum(parted.counts[:2])
    assert parted.plain is (name not in ("bad", "times of many kinds"))
    path = file_to_take(found, parted, plant.folder)
    assert (path == found.path) is parted.plain
    monkeypatch.setattr("data.ingest.readings._stage_cells", None)  # the store waits for no cell
    receipt = taken_in(plant.engine, found, parted, Wish("li", good_only=True))
    kept = plant.query("SELECT line FROM reading WHERE batch = ? ORDER BY line", [receipt.batch])
    gone = [row.number for row in seen.good]
    assert [line for (line,) in kept] == (gone if name != "bad" else gone[2:])  # two come again
    revoke(plant.engine, receipt.batch, "li", "")


HOURS = [f"2026-08-{d:02d} {h:02d}:15:00" for d in (1, 2) for h in range(24)]
PARQUET = {  # meter, time, value, quality; what the same CSV would be judged as
    "plain": [("M-0107", at, 6.0, None) for at in HOURS],
    "bad": [("M-0107", HOURS[0], 6.0, "坏"), ("M-O107", HOURS[1], 6.0, None),
            ("M-0107", HOURS[2], None, None), ("M-0107", HOURS[3], float("nan"), None),
            ("M-0107", HOURS[4], 6.125, "great"), ("M-0107", None, 6.0, None),
            ("M-0107", HOURS[5], 100.0, None), ("M-0107", HOURS[6], 600.0, "manual")],
    "registers": [("M-0101", at, 9000.0 + n - 50 * (n == 9), None) for n, at in enumerate(HOURS)],
}  # fmt: skip


@pytest.mark.parametrize("times", ["TIMESTAMP", "TIMESTAMPTZ", "VARCHAR"])
@pytest.mark.parametrize("name", PARQUET)
def test_parquet_is_judged_as_the_same_csv_and_taken_in_as_it_came(plant, monkeypatch, name, times):
    rows = PARQUET[name]
    text_ = "".join(f"{m},{at or ''},{'' if v is None or v != v else v},{q or ''}\n"
                    for m, at, v, q in rows)  # fmt: skip
    same = review(plant, draft(plant, "same.csv", ("表号,时间,读数,质量\n" + text_).encode()))
    found = parquet(plant, rows, times)
    monkeypatch.setattr("data.intake.PART_ROWS", 7)
    watch = Watch()
    seen = checked_whole(plant.engine, found, "zh", watch)
    assert seen.counts == same.counts
    assert seen.warnings == same.warnings
    assert [(one.row, one.column, one.severity, one.warning) for one in seen.issues] == [
        (one.row - 1, one.column, one.severity, one.warning) for one in same.issues
    ]
    assert (watch.read, watch.checked, watch.total) == (len(rows),) * 3
    assert file_to_take(found, seen, plant.folder) == found.path
    receipt = taken_in(plant.engine, found, seen, Wish("li", good_only=True))
    kept = plant.query("SELECT line FROM reading WHERE batch = ? ORDER BY line", [receipt.batch])
    assert [line for (line,) in kept] == [row.number - 1 for row in same.good]
    revoke(plant.engine, receipt.batch, "li", "")


def parquet(plant, rows, times="TIMESTAMP"):
    path = plant.engine.store.inbox / "readings.parquet"
    frame = pd.DataFrame(rows, columns=["meter_id", "timestamp", "value", "quality"])
    made = (f"SELECT meter_id, CAST(timestamp AS {times}) AS timestamp, value, quality "
            "FROM frame")  # fmt: skip
    with plant.engine.store.read() as cursor:
        cursor.register("frame", frame)
        cursor.execute(f"COPY ({made}) TO '{path}' (FORMAT parquet)")
    found = Draft("li", path.name, path, path.stat().st_size, file_digest(path))
    return begun(plant.engine, found, ("S1",))


def test_parquet_is_stopped_between_its_parts_and_a_damaged_one_is_refused(plant, monkeypatch):
    found = parquet(plant, PARQUET["plain"])
    monkeypatch.setattr("data.intake.PART_ROWS", 7)
    watch = Watch()
    monkeypatch.setattr(large, "reviewed", lambda *_, **__: watch.stop() or watch.look())
    with pytest.raises(Stopped):
        checked_whole(plant.engine, found, "zh", watch)
    assert watch.read == 7  # nothing more of it was read
    whole = found.path.read_bytes()
    for body in (whole[: len(whole) // 2], b"PAR1" + bytes(64), whole[:-20] + whole[-12:]):
        found.path.write_bytes(body)
        with pytest.raises(Refused, match="1 problems"):
            checked_whole(plant.engine, found, "zh", Watch())
        with pytest.raises(Refused, match="1 problems"):
            import_file(plant.engine, "readings", found.path, Options("S1"))
    lacking = plant.engine.store.inbox / "lacking.parquet"
    with plant.engine.store.read() as cursor:
        cursor.execute(f"COPY (SELECT 'M-0107' AS meter_id, 1.0 AS value) TO '{lacking}'")
    with pytest.raises(Refused) as refused:
        checked_whole(plant.engine, replace(found, path=lacking), "zh", Watch())
    assert refused.value.problems[0].column == "timestamp"


def test_a_large_file_is_stopped_between_its_parts_and_lists_no_more_than_it_must(
    plant, monkeypatch
):
    found = draft(plant, "large.csv", (HEAD + "M-O107,2026-08-03 00:15,6,\n" * 30).encode())
    monkeypatch.setattr("data.intake.PART_ROWS", 7)
    monkeypatch.setattr(large, "LISTED", 10)
    parted = checked_whole(plant.engine, found, "zh", Watch())
    assert (parted.counts, parted.open_rows, len(parted.issues)) == ((0, 30, 0), 30, 10)
    assert "10" in parted.notes[-1]
    odd = "M-0107,2026-08-03 00:15,600,\n" * 30 + "M-O107,2026-08-03 00:15,6,\n"
    found = draft(plant, "odd.csv", (HEAD + odd).encode())
    issues = checked_whole(plant.engine, found, "zh", Watch()).issues
    assert [one.severity for one in issues] == ["warning"] * 10 + ["error"]
    watch = Watch()
    watch.stop()
    with pytest.raises(Stopped):
        checked_whole(plant.engine, found, "zh", watch)
    assert watch.checked == 0
