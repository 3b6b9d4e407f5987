"""A store that was lost is built anew from what was acknowledged: pushes, posts, files, notes."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from data import rebuild
from data.batches import batches
from data.intake import Reason
from data.intake_forms import Filled, entered
from data.post_load import load_posts
from data.posts import Committer
from data.push_archive import KEPT, prune
from data.rebuild import rebuilt
from data.recovery import recovered
from data.revoke import revoke
from data.settle import settle
from data.store import StoreError
from tests.data.arrivals import drained, plant, push, reading, register
from tests.data.test_posts import AT, Trail, arriving
from tests.plant import bytes_without_clock, meter, opened_home

LATE = datetime(2026, 6, 1, tzinfo=UTC)
METERS = [meter("M1", role="grid_import", register_max=10**6), meter("M2", register_max=10**6)]
POINTS = (register(), register("P2", "M2"), register("P3", "M9"))
TABLES = (
    "reading", "superseded_reading", "aside_reading", "record_fuel", "aside_fuel",
    "record_batches", "batch", "revoked_batch", "intake", "intake_reason", "meter_extent",
    "meter_number", "site_document", "repeated_stretch",
)  # fmt: skip
FUEL = ("fuel_id", "site", "timestamp", "litres", "kind")


def lived(made):
    """What a year brings: pushes, corrections, what is held, posts, files, forms, revocations."""
    engine = made.engine
    push(made, "a", [reading(15 * n, 100 + n) for n in range(90)])
    push(made, "a2", [reading(15 * n, 7 * n, point="P2") for n in range(90)])
    drained(made)
    push(made, "skewed", [reading(15 * 90, 190)], received=LATE - timedelta(days=100))
    push(made, "unknown", [reading(15 * n, n, point="P3") for n in range(4)])
    drained(made)
    made.put("fuel", FUEL, [("F1", "S1", "2026-01-05 08:00", 40, "use")])
    wrong = made.put("fuel", FUEL, [("F1", "S1", "2026-01-05 08:00", 44, "use"),
                                    ("F2", "S1", "2026-01-06 08:00", 9, "use")])  # fmt: skip
    bad = made.readings([("M1", "2026-01-05 01:00", "500"), ("M1", "2026-01-05 01:15", "501")])
    push(made, "b", [reading(15 * n, 100 + n + (n == 5)) for n in range(91)])  # n = 5 corrected
    drained(made)
    revoke(engine, wrong.batch, "li", "wrong fuel")
    made.readings([("M1", "2026-01-05 01:00", "104"), ("M2", "2026-01-05 03:00", "90")])
    revoke(engine, bad.batch, "wu", "wrong meter")
    made.put("fuel", FUEL, [("F2", "S1", "2026-01-06 08:00", 9, "use"),
                            ("F3", "S1", "2026-01-07 08:00", 3, "use")])  # fmt: skip
    Committer(lambda: engine.posts, Trail()).add(arriving("post1"))
    load_posts(engine, AT)
    entered(engine, Filled("fuel", "S1", "li", {"fuel_id": "F9", "timestamp": "2026-01-09 08:00",
                                                "litres": "5", "kind": "use"}), "zh")  # fmt: skip
    made.meters(meter("M9", register_max=10**6))
    engine.pushes.release("house", made.version, LATE)
    push(made, "last", [reading(15 * 92, 195)])
    drained(made)


def contents(engine):
    found = tables(engine)
    settle(engine)
    return found, values(engine)


def tables(engine):
    with engine.store.read() as cursor:
        return {t: sorted(map(repr, cursor.execute(f"FROM {t}").fetchall())) for t in TABLES}


def values(engine):
    """The ledger without revisions and identifiers, which tell how often it was settled."""
    lines = bytes_without_clock(engine).decode().splitlines()
    head = lines[0].split(",")
    kept = [n for n, name in enumerate(head)
            if name not in ("figure_id", "revision", "supersedes", "cause")]  # fmt: skip
    return sorted(tuple(line.split(",")[n] for n in kept) for line in lines[1:])


def emptied(home):
    for path in home.glob("carbon.duckdb*"):
        path.unlink()


@contextmanager
def full(tmp_path):
    with plant(tmp_path, POINTS, METERS) as made:
        lived(made)
        yield made


def test_everything_acknowledged_is_there_again(tmp_path):
    with full(tmp_path) as made:
        before = contents(made.engine)
        listed = batches(made.engine, None)
        held = made.engine.pushes.held()
        assert len(before[0]["reading"]) > 180
        assert len(before[0]["revoked_batch"]) == 2
        assert before[0]["superseded_reading"]
        assert before[0]["record_batches"]
    emptied(tmp_path / "home")
    with opened_home(tmp_path / "home") as engine:
        recovered(engine)
        after = contents(engine)
        for table in TABLES:
            assert after[0][table] == before[0][table], table
        assert after[1] == before[1]
        assert batches(engine, None) == listed
        assert engine.pushes.held() == held
        assert rebuilt(engine) == 0


def test_what_has_moved_to_the_files_of_months_comes_back_too(tmp_path):
    with full(tmp_path) as made:
        before = contents(made.engine)
        inbox = made.engine.store.inbox
        prune(made.engine.arrivals, LATE + KEPT + timedelta(days=1), inbox)
        assert made.engine.arrivals.select("SELECT count(*) FROM pushed") == [(0,)]
        assert list(inbox.glob("arrivals-*.jsonl.gz"))
    emptied(tmp_path / "home")
    with opened_home(tmp_path / "home") as engine:
        recovered(engine)
        assert contents(engine) == before


def test_an_older_copy_of_the_store_gets_what_came_since(tmp_path):
    with plant(tmp_path, POINTS, METERS) as made:
        push(made, "first", [reading(-15, 99)])
        drained(made)
    home = tmp_path / "home"
    shutil.copy(home / "carbon.duckdb", tmp_path / "older.duckdb")
    with opened_home(home) as engine:
        made.engine = engine
        lived(made)
        before = contents(engine)
    emptied(home)
    shutil.copy(tmp_path / "older.duckdb", home / "carbon.duckdb")
    with opened_home(home) as engine:
        recovered(engine)
        assert contents(engine) == before


def newer_pushes(made, wrong):
    push(made, "more", [reading(15 * n, 99 + n) for n in range(40)])
    drained(made)
    push(made, "more2", [reading(15 * n, 9 * n, point="P2") for n in range(40)])
    push(made, "held", [reading(15 * n, n, point="P3") for n in range(4)])
    drained(made)


def newer_post(made, wrong):
    Committer(lambda: made.engine.posts, Trail()).add(arriving("post1"))
    load_posts(made.engine, AT)


def newer_revocation(made, wrong):
    revoke(made.engine, wrong.batch, "li", "wrong fuel")


@pytest.mark.parametrize("newer", [newer_pushes, newer_post, newer_revocation])
def test_an_older_copy_is_told_by_whatever_came_since(tmp_path, newer):
    """No file came since: what came by itself, or was taken back, has to tell of it."""
    home = tmp_path / "home"
    with plant(tmp_path, POINTS, METERS) as made:
        push(made, "first", [reading(-15, 99)])
        drained(made)
        wrong = made.put("fuel", FUEL, [("F1", "S1", "2026-01-05 08:00", 40, "use")])
    shutil.copy(home / "carbon.duckdb", tmp_path / "older.duckdb")
    with opened_home(home) as engine:
        made.engine = engine
        newer(made, wrong)
        before = tables(engine)
        held = engine.pushes.held()
    emptied(home)
    shutil.copy(tmp_path / "older.duckdb", home / "carbon.duckdb")
    with opened_home(home) as engine:
        recovered(engine)
        assert tables(engine) == before
        assert engine.pushes.held() == held
        assert rebuilt(engine) == 0


def test_what_is_held_back_or_refused_whole_is_not_looked_for_at_each_start(tmp_path, monkeypatch):
    with plant(tmp_path, POINTS, METERS) as made:
        push(made, "held", [reading(15 * n, n, point="P3") for n in range(4)])
        drained(made)
        (number,) = (b.seq for b in made.engine.spool.batches() if not b.path)
        monkeypatch.setattr(rebuild, "_all", None)
        assert rebuilt(made.engine) == 0
        monkeypatch.undo()
        made.engine.spool.mark_drained(number)  # as if the store had had it
        rebuilt(made.engine)
        monkeypatch.setattr(rebuild, "_all", None)
        assert rebuilt(made.engine) == 0


def test_a_stop_on_the_way_is_made_good(tmp_path, monkeypatch):
    with full(tmp_path) as made:
        before = contents(made.engine)
    emptied(tmp_path / "home")
    whole, count = rebuild._load, iter(range(100))

    def stopping(*given):
        if next(count) == 12:  # files are all there, pushes and a post are not
            raise StoreError("full")
        return whole(*given)

    with opened_home(tmp_path / "home") as engine:
        monkeypatch.setattr(rebuild, "_load", stopping)
        with pytest.raises(StoreError):
            recovered(engine)
    with opened_home(tmp_path / "home") as engine:
        assert rebuilt(engine) > 0
        recovered(engine)
        assert contents(engine) == before


def test_a_store_that_lost_nothing_is_left_alone(tmp_path):
    with full(tmp_path) as made:
        version = made.engine.store.version
        assert rebuilt(made.engine) == 0
        assert made.engine.store.version == version


def test_reasons_come_back(tmp_path):
    with full(tmp_path) as made:
        number = batches(made.engine, None)[0].batch
        made.engine.store.write(
            lambda c: c.execute("INSERT INTO intake_reason VALUES (?, 'limit', 3, 'why')", [number])
        )
        recovered(made.engine)  # what a stop kept from being noted is noted now
    emptied(tmp_path / "home")
    with opened_home(tmp_path / "home") as engine:
        recovered(engine)
        assert batches(engine, None)[0].reasons == (Reason("limit", 3, "why"),)
