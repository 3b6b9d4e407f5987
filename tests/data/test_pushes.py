"""The spool of what comes by itself: committed first, once by key, gaps known, full means busy."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.connectors.base import Batch, Quality, Reading, SpoolBusy
from data.link_book import LinkBook
from data.push_archive import loaded_groups, prune
from data.pushes import Pushes, decoded, encoded
from data.spool_file import SpoolFile

NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def file(tmp_path):
    found = SpoolFile(tmp_path)
    yield found
    found.close()


def batch(key, value="1", number=None, count=1):
    rows = tuple(Reading(f"P{n}", NOW + timedelta(seconds=n), Decimal(value)) for n in range(count))
    return Batch(key, rows, number)


readings = st.lists(
    st.builds(
        Reading,
        st.text(min_size=1),
        st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
            lambda t: t.replace(tzinfo=UTC)
        ),
        st.none() | st.decimals(allow_nan=False, allow_infinity=False),
        st.sampled_from(Quality),
        st.text(),
    )
)


@given(readings)
def test_readings_come_back_as_they_were(rows):
    assert decoded(encoded(rows)) == tuple(rows)


def test_the_same_key_is_the_same_batch(file):
    pushes = Pushes(file)
    assert not pushes.put("a", 1, batch("k"), NOW).duplicate
    assert pushes.put("a", 1, batch("k", "2"), NOW).duplicate
    assert not pushes.put("b", 1, batch("k"), NOW).duplicate
    assert pushes.counts("a") == {"batches": 1, "readings": 1, "waiting": 1, "held": 0}
    assert pushes.known("a", "k") != pushes.known("a", "absent")


def test_a_hole_in_the_senders_numbers_is_told_until_it_is_filled(file):
    pushes = Pushes(file)
    assert pushes.put("m", 1, batch("1", number=1), NOW).missing == ()
    assert pushes.put("m", 1, batch("5", number=5), NOW).missing == (2, 3, 4)
    assert pushes.put("m", 1, batch("3", number=3), NOW).missing == (2, 4)
    assert pushes.put("m", 1, batch("3", number=3), NOW).missing == (2, 4)
    pushes.put("m", 1, batch("2", number=2), NOW)
    assert pushes.put("m", 1, batch("4", number=4), NOW).missing == ()
    assert pushes.put("m", 1, batch("6", number=6), NOW).missing == ()


def test_a_sender_that_begins_anew_has_no_gap(file):
    pushes = Pushes(file)
    for number in (7, 8):
        pushes.put("m", 1, batch(f"a{number}", number=number), NOW)
    assert pushes.put("m", 1, batch("b1", number=1), NOW).missing == ()
    assert pushes.put("m", 1, batch("b3", number=3), NOW).missing == (2,)


def test_a_sender_whose_first_numbers_overtake_each_other_has_no_gap(file):
    pushes = Pushes(file)
    for number in (2, 1, 0, 3, 4):
        assert pushes.put("m", 1, batch(str(number), number=number), NOW).missing == ()


def test_a_number_that_came_before_under_another_key_begins_anew(file):
    pushes = Pushes(file)
    for number in range(50, 60):
        pushes.put("m", 1, batch(f"a{number}", number=number), NOW)
    pushes.put("m", 1, batch("b52", number=52), NOW)
    assert pushes.put("m", 1, batch("b54", number=54), NOW).missing == (53,)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(1, 9)))
def test_in_any_order_nothing_is_missing_in_the_end(tmp_path_factory, order):
    file = SpoolFile(tmp_path_factory.mktemp("order"))
    pushes = Pushes(file)
    pushes.put("m", 1, batch("0", number=0), NOW)
    for number in order:
        receipt = pushes.put("m", 1, batch(str(number), number=number), NOW)
    assert receipt.missing == ()
    file.close()


def test_a_full_spool_is_busy_and_registers_still_go_in(file):
    pushes = Pushes(file, most_waiting=10)
    pushes.put("a", 1, batch("1", count=11), NOW)
    found = pushes.pressure()
    assert found.busy
    assert found.retry_after_s > 0
    with pytest.raises(SpoolBusy) as busy:
        pushes.put("a", 1, batch("2"), NOW)
    assert busy.value.retry_after_s > 0
    assert pushes.known("a", "2") is None
    pushes.put("a", 1, batch("3"), NOW, forced=True)
    assert pushes.known("a", "3")


def limited(file, pages):
    with file.transaction() as connection:
        connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_acknowledges_nothing(file):
    pushes = Pushes(file)
    pages = file.select("PRAGMA page_count")[0][0]
    limited(file, pages)

    def fill():
        for n in range(1000):
            pushes.put("a", 1, batch(str(n), count=50), NOW)

    with pytest.raises(SpoolBusy):
        fill()
    limited(file, 1000000)
    came = pushes.counts("a")["batches"]
    pushes.put("a", 1, batch("after"), NOW)
    assert pushes.counts("a")["batches"] == came + 1


def test_changed_bytes_are_found_and_may_come_again(file):
    pushes = Pushes(file)
    pushes.put("a", 1, batch("k"), NOW)
    with file.transaction() as connection:
        connection.execute("UPDATE pushed SET payload = CAST(replace(payload, '1', '7') AS BLOB)")
    pushes.group([1], 9)
    (push,) = pushes.grouped(9)
    assert not push.sound
    pushes.spoiled(push.seq, NOW)
    assert not pushes.put("a", 1, batch("k"), NOW).duplicate


def test_what_is_acknowledged_survives_a_kill(tmp_path):
    """The child prints after each commit and is killed: all it printed is there."""
    code = (
        "import sys, os, signal\n"
        "from tests.data.test_pushes import NOW, batch\n"
        "from data.spool_file import SpoolFile\nfrom data.pushes import Pushes\n"
        "from pathlib import Path\n"
        "p = Pushes(SpoolFile(Path(sys.argv[1])))\n"
        "for n in range(50):\n"
        "    p.put('a', 1, batch(str(n)), NOW); print(n, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    said = len(done.stdout.split())
    file = SpoolFile(tmp_path)
    assert said == 50
    assert Pushes(file).counts("a")["batches"] == said
    with file.transaction() as connection:
        assert connection.execute("PRAGMA synchronous").fetchall() == [(2,)]
    file.close()


def test_two_processes_may_write(file, tmp_path):
    other = SpoolFile(tmp_path)
    Pushes(file).put("a", 1, batch("1"), NOW)
    Pushes(other).put("a", 1, batch("2"), NOW)
    assert Pushes(file).counts("a")["batches"] == 2
    other.close()


def test_last_values_keep_the_newest_and_the_newest_good_one(file):
    pushes = Pushes(file)
    good = Reading("P", NOW, Decimal("5"))
    bad = Reading("P", NOW + timedelta(minutes=1), None, Quality.BAD, "应答超时")
    older = Reading("P", NOW - timedelta(minutes=1), Decimal("4"))
    for n, one in enumerate((good, bad, older)):
        pushes.put("a", 1, Batch(str(n), (one,)), NOW)
    (found,) = LinkBook(file).last_values("a")
    assert (found.value, found.note, found.good_value, found.good_at) == (
        None, "应答超时", Decimal("5"), NOW,
    )  # fmt: skip


def test_a_batch_of_many_values_of_a_point_leaves_the_last_ones_in_any_order(file):
    pushes = Pushes(file)
    early, later, last = (NOW + timedelta(minutes=m) for m in (0, 5, 9))
    pushes.put("a", 1, Batch("1", (Reading("P", later, Decimal("5")),)), NOW)
    bad = Reading("P", last, None, Quality.BAD, "应答超时")
    pushes.put("a", 1, Batch("2", (bad, Reading("P", early, Decimal("3")))), NOW)
    (found,) = LinkBook(file).last_values("a")
    assert (found.ts, found.value, found.good_value, found.good_at) == (
        last, None, Decimal("5"), later,
    )  # fmt: skip
    again = (Reading("P", last, Decimal("7")), Reading("P", last, Decimal("8.50")))
    pushes.put("a", 1, Batch("3", again), NOW)
    (found,) = LinkBook(file).last_values("a")
    assert (found.value, found.good_value, found.note) == (Decimal("8.50"), Decimal("8.50"), "")


def test_an_event_lasts_until_it_ends(file):
    book = LinkBook(file)
    for minute in range(3):
        book.raised("skew", NOW + timedelta(minutes=minute), str(minute), interface="a")
    (event,) = book.events(lasting=True)
    assert (event.times, event.detail) == (3, "2")
    book.ended("skew", NOW, interface="a")
    assert book.events(lasting=True) == []
    book.raised("skew", NOW, interface="a")
    assert len(book.events()) == 2
    with pytest.raises(ValueError, match="nothing"):
        book.raised("nothing", NOW)


def test_old_drained_batches_move_to_the_file_of_their_month(file, tmp_path):
    pushes = Pushes(file)
    pushes.put("a", 1, batch("old"), NOW)
    pushes.group([1], 9)
    pushes.loaded(9, [], NOW)
    pushes.put("a", 1, batch("waits"), NOW)
    prune(file, NOW + timedelta(days=41), tmp_path)
    assert pushes.known("a", "old") is None
    assert pushes.known("a", "waits")
    with gzip.open(tmp_path / "arrivals-2026-07.jsonl.gz", "rt", encoding="utf-8") as kept:
        (row,) = [json.loads(line) for line in kept]
    assert (row["interface"], row["key"], row["batch"]) == ("a", "old", 9)
    assert decoded(row["payload"]) == batch("old").readings


def test_what_a_stop_left_half_written_is_cut_off(file, tmp_path):
    pushes, path = Pushes(file), tmp_path / "arrivals-2026-07.jsonl.gz"
    for number, name in enumerate(("one", "two"), 1):
        pushes.put("a", 1, batch(name), NOW)
        pushes.group([number], number)
        pushes.loaded(number, [], NOW)
        if path.exists():
            path.write_bytes(path.read_bytes() + b"\x1f\x8bhalf")
        prune(file, NOW + timedelta(days=41), tmp_path)
    path.write_bytes(path.read_bytes() + b"\x1f\x8bhalf")
    with loaded_groups(file, tmp_path) as group:
        assert [push.batch.key for n in (1, 2, 3) for push in group(n)] == ["one", "two"]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_broken_transaction_leaves_nothing(file):
    def broken():
        with file.transaction() as connection:
            connection.execute("INSERT INTO sequence VALUES('x', 1)")
            connection.execute("INSERT INTO nowhere VALUES(1)")

    with pytest.raises(sqlite3.OperationalError):
        broken()
    assert file.select("SELECT * FROM sequence") == []
