"""The store: locked, bounded, interruptible, one transaction or none; state and spool."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import duckdb
import pytest

from data.engine import Busy, lock
from data.spool import Batch, Spool
from data.state import Run, State
from data.store import Interrupted, Limits, Store


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path, Limits(1, 512))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "SET memory_limit = '99GB'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ],
)
def test_nothing_outside_the_inbox_and_no_setting_can_be_reached(store, sql):
    with store.read() as cursor, pytest.raises(duckdb.Error):
        cursor.execute(sql)


def test_every_cursor_has_the_zone_threads_and_memory(store):
    with store.read() as cursor:
        row = cursor.execute(
            "SELECT current_setting('TimeZone'), current_setting('threads'), "
            "current_setting('memory_limit')"
        ).fetchone()
    assert row[:2] == ("Asia/Shanghai", 1)
    assert "488" in row[2]


def test_a_query_that_runs_too_long_is_stopped(store):
    with pytest.raises(Interrupted), store.read(timeout_s=0.2) as cursor:
        cursor.execute("SELECT count(*) FROM range(10000000000) a WHERE hash(a.range) = 1")
    with store.read() as cursor:
        assert cursor.execute("SELECT 1").fetchone() == (1,)


def test_a_failed_job_keeps_nothing(store):
    def half(cursor):
        cursor.execute("INSERT INTO changed_month VALUES ('a', DATE '2026-01-01', 'x', 1)")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        store.write(half)
    with store.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM changed_month").fetchone() == (0,)


def test_readers_and_the_writer_go_side_by_side(store):
    def read():
        found = set()
        for _ in range(50):
            with store.read() as cursor:
                found.add(cursor.execute("SELECT count(*) FROM changed_month").fetchone()[0])
        return found

    def pair(cursor):
        for month in ("01", "02"):
            cursor.execute(
                f"INSERT INTO changed_month VALUES ('a', DATE '2026-{month}-01', 'x', 1)"
            )

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        for _ in range(30):
            store.write(pair)
        seen = set().union(*(reader.result() for reader in readers))
    assert all(count % 2 == 0 for count in seen)


def test_one_process_at_a_time(tmp_path):
    with lock(tmp_path), pytest.raises(Busy), lock(tmp_path):
        pass
    with lock(tmp_path):
        pass


def batch(digest, **more):
    return Batch("readings", "", "a.csv", digest, "p", False, "who", datetime.now(UTC), **more)


def test_spool_acknowledges_once(tmp_path):
    spool = Spool(tmp_path)
    first = spool.add(batch("d1"))
    with pytest.raises(sqlite3.IntegrityError):
        spool.add(batch("d1"))
    assert spool.known("readings", "", "d1").seq == first
    assert [b.seq for b in spool.waiting()] == [first]
    spool.mark_drained(first)
    assert spool.waiting() == []
    spool.close()
    mode = sqlite3.connect(tmp_path / "spool.db").execute("PRAGMA journal_mode").fetchone()
    assert mode == ("wal",)


def test_state_migrates_and_keeps_runs(tmp_path):
    for expected in (1, 2):
        state = State(tmp_path)
        run = state.begin_run(Run("M", "d", 3))
        state.end_run(run, 2, 5)
        assert [r["run"] for r in state.runs()] == list(range(1, expected + 1))
        with state.engine.connect() as connection:
            pragmas = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
            ]
        assert pragmas == ["wal", 2, 1, 1]
        state.close()
