"""From the spool to the ledger: exact, once, corrections kept, clocks judged (F9–F13)."""

from __future__ import annotations

import random
from datetime import UTC, timedelta
from decimal import Decimal

import pytest

from data.connectors.base import PointKind, Quality
from data.interfaces import resend
from data.pushes import us
from data.quality import calendar
from data.state import now
from data.store import StoreError
from tests.data.arrivals import (
    at,
    codes,
    drained,
    plant,
    push,
    reading,
    register,
    stored,
    wanted,
)
from tests.plant import bytes_without_clock, meter

DAY = 96


def test_values_and_times_are_exact(tmp_path):
    with plant(tmp_path) as made:
        push(made, "a", [reading(15 * n, f"{n}.000001") for n in range(5)])
        assert drained(made).rows == 5
        assert [(ts, value) for ts, value, _ in stored(made)] == [
            (int(at(15 * n).timestamp() * 1e6), Decimal(f"{n}.000001")) for n in range(5)
        ]
        assert made.engine.pushes.counts("house")["waiting"] == 0
        assert drained(made).batches == 0


def test_the_meters_unit_holds(tmp_path):
    with plant(tmp_path, [register(unit="MWh")]) as made:
        push(made, "a", [reading(0, "1.5")])
        drained(made)
        assert stored(made)[0][1] == Decimal(1500)


def test_a_unit_of_something_else_is_held_back(tmp_path):
    with plant(tmp_path, [register(unit="m3")]) as made:
        push(made, "a", [reading(0, 1)])
        assert drained(made).held == 1
        assert stored(made) == []
        assert codes(made) == ["unit"]


def test_powers_are_shown_and_not_added_up(tmp_path):
    power = register("P2", "M1", kind=PointKind.INSTANT, unit="kW")
    with plant(tmp_path, [register(), power]) as made:
        push(made, "a", [reading(0, 1), reading(0, 55, point="P2")])
        drained(made)
        assert len(stored(made)) == 1
        assert {v.point: v.value for v in made.engine.links.last_values("house")} == {
            "P1": 1, "P2": 55,
        }  # fmt: skip


@pytest.mark.parametrize("q", list(Quality))
def test_quality_is_kept(tmp_path, q):
    with plant(tmp_path) as made:
        push(made, "a", [reading(0, 1, q)])
        drained(made)
        assert stored(made)[0][2] == q


def test_the_same_again_changes_nothing_and_another_value_corrects(tmp_path):
    with plant(tmp_path) as made:
        push(made, "a", [reading(0, 1), reading(15, 2)])
        drained(made)
        push(made, "b", [reading(15, 2)])
        assert drained(made).rows == 0
        push(made, "c", [reading(15, "2.5")])
        assert drained(made).rows == 1
        assert [value for _, value, _ in stored(made)] == [1, Decimal("2.5")]
        assert made.query("SELECT count(*) FROM reading")[0][0] == 3


def test_many_batches_come_in_one_transaction(tmp_path):
    with plant(tmp_path) as made:
        for n in range(20):
            push(made, str(n), [reading(15 * n, n)])
        before = made.engine.store.version
        assert drained(made).batches == 20
        assert made.engine.store.version == before + 1


@pytest.mark.parametrize("stop", ["number", "group", "write", "loaded"])
def test_a_stop_at_any_place_loses_and_doubles_nothing(tmp_path, stop, monkeypatch):
    strange = register("P2", "NOT_THERE")
    with plant(tmp_path, [register(), strange]) as made:
        pushes = made.engine.pushes
        push(made, "a", [reading(15 * n, n) for n in range(4)] + [reading(0, 1, point="P2")])

        class Stopped(Exception):
            pass

        def stopped(*_words, **_named):
            raise Stopped

        where = {
            "number": (type(pushes), "group"),
            "group": (type(pushes), "grouped"),
            "write": (type(made.engine.store), "write"),
            "loaded": (type(pushes), "loaded"),
        }[stop]
        with monkeypatch.context() as broken:
            broken.setattr(*where, stopped)
            with pytest.raises(Stopped):
                drained(made)
        drained(made)
        assert [value for _, value, _ in stored(made)] == [0, 1, 2, 3]
        assert [held.reason for held in pushes.held()] == ["unknown"]
        assert pushes.counts("house")["waiting"] == 0
        drained(made)
        assert len(stored(made)) == 4


def test_a_store_that_cannot_be_written_lets_all_wait_and_in_order_after(tmp_path, monkeypatch):
    """F9: the spool grows and acknowledges; then everything comes in order."""
    with plant(tmp_path) as made:
        with monkeypatch.context() as broken:

            def full(*_words):
                raise StoreError("no space left on device")

            broken.setattr(made.engine.store, "write", full)
            for n in range(10):
                assert not push(made, str(n), [reading(15 * n, n)]).duplicate
                with pytest.raises(StoreError):
                    drained(made)
        assert drained(made).rows == 10
        assert [value for _, value, _ in stored(made)] == list(range(10))


def ledger(made):
    made.settle()
    return [line.split(b",")[:14] for line in bytes_without_clock(made.engine).splitlines()]


def test_a_backlog_out_of_order_ends_like_one_in_order(tmp_path):
    """F13: three days late, in any order, settled in between: the same ledger."""
    rows = [reading(15 * n, n) for n in range(2 * DAY + 1)]
    found = []
    for name in ("order", "chaos"):
        (tmp_path / name).mkdir()
        with plant(tmp_path / name) as made:
            parts = [rows[n : n + 40] for n in range(0, len(rows), 40)]
            if name == "chaos":
                random.Random(7).shuffle(parts)
            late = rows[-1].ts + timedelta(days=3)
            for n, part in enumerate(parts):
                push(made, str(n), part, late, stamped=True, backlog=True)
                drained(made)
                if n == 3:
                    made.settle()
            found.append(ledger(made))
            assert codes(made) == []
    assert found[0] == found[1]
    assert len(found[0]) > 10


def test_slots_that_were_missed_are_a_gap_and_no_others(tmp_path):
    """F1: what a peer did not give while it was away is missing, told by A6, and never a zero."""
    with plant(tmp_path) as made:
        push(made, "before", [reading(15 * n, n) for n in range(40)])
        push(made, "after", [reading(15 * n, n) for n in range(60, 97)])
        drained(made)
        made.settle()
        gaps = made.query("SELECT epoch_us(since), epoch_us(until), quantity FROM meter_gap")
        assert gaps == [(us(at(15 * 39)), us(at(15 * 60)), 21)]  # the register tells how much
        (row,) = calendar(made.engine, "S1", "2026-01")
        assert (row.days[5].state, row.days[5].lacking_h) == ("part", pytest.approx(5.25))
        alarms = made.query("SELECT rule, entity FROM alarm")
        assert ("A6", "M1") in alarms


def test_too_old_is_held_back_and_400_days_are_not(tmp_path):
    with plant(tmp_path) as made:
        received = at(0) + timedelta(days=399)
        push(made, "a", [reading(0, 1)], received, stamped=True, backlog=True)
        push(made, "b", [reading(-3 * 24 * 60, 1)], received, stamped=True, backlog=True)
        assert drained(made).held == 1
        assert len(stored(made)) == 1
        assert codes(made) == ["late"]


class TestClocks:
    """F12: a sender's clock that is wrong."""

    def test_an_hour_ahead_is_kept_out_of_totals(self, tmp_path):
        with plant(tmp_path) as made:
            push(made, "a", [reading(60, 1)], at(0), stamped=True)
            assert drained(made).held == 1
            assert stored(made) == []
            assert codes(made) == ["future", "skew"]

    def test_a_day_behind_is_uncertain(self, tmp_path):
        with plant(tmp_path) as made:
            push(made, "a", [reading(0, 1)], at(24 * 60), stamped=True)
            drained(made)
            assert stored(made)[0][2] == Quality.UNCERTAIN
            assert codes(made) == ["skew"]

    def test_the_senders_own_word_is_sharper(self, tmp_path):
        with plant(tmp_path) as made:
            push(made, "a", [reading(0, 1)], at(14), stamped=True)
            push(made, "b", [reading(15, 2)], at(21), stamped=True, sent_at=at(15))
            push(made, "c", [reading(30, 2)], at(60), stamped=True, sent_at=at(59))
            drained(made)
            assert [q for _, _, q in stored(made)] == [0, 1, 0]

    def test_it_ends_by_itself(self, tmp_path):
        with plant(tmp_path) as made:
            push(made, "a", [reading(0, 1)], at(24 * 60), stamped=True)
            drained(made)
            push(made, "b", [reading(24 * 60, 1)], at(24 * 60), stamped=True)
            drained(made)
            assert codes(made) == []

    def test_what_the_collector_stamps_has_no_skew(self, tmp_path):
        with plant(tmp_path) as made:
            push(made, "a", [reading(0, 1)], at(8))
            drained(made)
            assert stored(made)[0][2] == Quality.GOOD


def test_held_back_readings_are_judged_again_once_their_meter_is_known(tmp_path):
    with plant(tmp_path, [register("P1", "M9")]) as made:
        push(made, "a", [reading(0, 1), reading(15, 2)])
        assert drained(made).held == 2
        made.meters(meter("M9"))
        assert resend(made.engine, "house", now().replace(tzinfo=UTC)) == 2
        drained(made)
        assert [value for _, value, _ in stored(made, "M9")] == [1, 2]
        assert made.engine.pushes.held() == []
        assert codes(made) == []


def test_the_table_of_the_time_holds_for_what_came_then(tmp_path):
    with plant(tmp_path, meters=[meter("M1"), meter("M2")]) as made:
        push(made, "a", [reading(0, 1)])
        engine = made.engine
        engine.state.interfaces.save(wanted([register("P1", "M2")]), "tester", now())
        drained(made)
        assert len(stored(made, "M1")) == 1
        assert stored(made, "M2") == []


METER = meter("M1", role="grid_import", register_max=1000, rated_max_per_hour=40)


def used(tmp_path, values, changes=(), settings=METER):
    """What a register that showed these values used, kWh, and what is told of odd steps.

    By kind of event: the step's quantity, None where it has none, and whether it is estimated.
    """
    with plant(tmp_path, meters=[settings]) as made:
        push(made, "a", [reading(15 * n, v) for n, v in enumerate(values)])
        drained(made)
        if changes:
            made.put("meter_changes", ("meter_id", "timestamp", "old_end", "new_start"), changes)
        made.settle()
        total = made.query("SELECT coalesce(sum(quantity), 0) FROM meter_hour")[0][0]
        rows = made.query("SELECT kind, quantity, estimated FROM meter_event")
        return float(total), {kind: tuple(found) for kind, *found in rows}


def test_a_register_that_turns_over(tmp_path):
    """F10."""
    total, events = used(tmp_path, [990, 995, 3, 8])
    assert total == 18
    assert events == {"rollover": (8, False)}


def test_a_register_that_turns_over_by_its_width(tmp_path):
    """F10: 4294967290 to 10 is 16 counts."""
    wide = meter("M1", role="grid_import", register_max=4294967296, rated_max_per_hour=400)
    total, events = used(tmp_path, [4294967280, 4294967290, 10], settings=wide)
    assert total == 26
    assert events == {"rollover": (16, False)}


def test_a_meter_that_was_replaced_with_a_record(tmp_path):
    """F11: (old end - previous) + (now - new start)."""
    changes = [("M1", "2026-01-05 00:20", "509", "2")]
    total, events = used(tmp_path, [500, 505, 4, 7], changes)
    assert total == 5 + 4 + 2 + 3
    assert events == {"meter_change": (4 + 2, False)}


def test_a_meter_that_was_reset_without_a_record_gives_no_figure(tmp_path):
    """F11: no value, and told; later steps count again. A4 makes it somebody's task."""
    total, events = used(tmp_path, [500, 505, 100, 103])
    assert total == 5 + 3
    assert events == {"reset": (None, False)}


def test_a_small_step_back_is_no_use_and_no_spike(tmp_path):
    """F11."""
    total, events = used(tmp_path, [500, 505, 504.9, 510])
    assert total == 10
    assert events == {"jitter": (0, True)}  # counted as nothing, and marked


def test_a_dip_to_zero_and_back_is_no_spike(tmp_path):
    """F11."""
    total, events = used(tmp_path, [500, 505, 0, 510, 512])
    assert total == 12
    assert set(events) == {"dip"}


def test_what_waits_is_loaded_in_steps_of_few_readings(tmp_path, monkeypatch):
    monkeypatch.setattr("data.drain.READINGS_AT_ONCE", 10)
    with plant(tmp_path) as made:
        for n in range(7):
            push(made, f"k{n}", [reading(15 * (4 * n + part), 4 * n + part) for part in range(4)])
        push(made, "long", [reading(15 * (28 + part), 28 + part) for part in range(12)])
        assert drained(made).rows == 40
        sizes = made.query("SELECT new_rows FROM batch WHERE source = 'house' ORDER BY batch")
        assert [size for (size,) in sizes] == [8, 8, 8, 4, 12]
        assert [value for _, value, _ in stored(made)] == list(range(40))
