"""R5 case by case, with numbers made by hand; the whole of the sequential rules."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.registers import HOUR_US, MICRO, Change, Rules, rounded, spread, walk

QUARTER = HOUR_US // 4
RULES = Rules(MICRO, 1_000_000 * MICRO, QUARTER, 100 * MICRO)


def judged(values, rules=RULES, step=QUARTER, times=None):
    times = times or [n * step for n in range(len(values))]
    steps = walk(times, [round(v * MICRO) for v in values], rules)
    return [(s.kind, s.accepted, None if s.quantity is None else s.quantity / MICRO) for s in steps]


def test_plain_growth_is_the_difference():
    assert judged([10, 15, 15]) == [("plain", True, 5), ("plain", True, 0)]


def test_multiplier_applies():
    assert judged([10, 10.5], Rules(40 * MICRO, None, QUARTER, None)) == [("plain", True, 20)]


def test_rollover_near_the_end_of_the_digits():
    assert judged([999_990, 5]) == [("rollover", True, 15)]


def test_a_drop_from_the_middle_is_no_rollover():
    assert judged([500_000, 5, 6, 7])[0] == ("reset", True, None)


def test_small_step_back_is_jitter_and_keeps_the_register():
    assert judged([100, 99.5, 101]) == [("jitter", True, 0), ("plain", True, 1)]


def test_dip_that_returns_is_discarded():
    assert judged([5000, 200, 5001]) == [("dip", False, None), ("plain", True, 1)]


def test_unexplained_reset_is_missing_and_goes_on():
    assert judged([5000, 200, 201]) == [("reset", True, None), ("plain", True, 1)]


def test_without_a_limit_a_step_back_is_never_jitter():
    bare = Rules(MICRO, None, QUARTER, None)
    assert judged([100, 99, 99.5], bare)[0] == ("reset", True, None)
    assert judged([100, 99, 100.5], bare)[0] == ("dip", False, None)


def test_spike_that_returns_is_discarded():
    assert judged([100, 4196, 101]) == [("spike", False, None), ("plain", True, 1)]


def test_jump_that_stays_is_accepted():
    assert judged([100, 4196, 4197]) == [("jump", True, 4096), ("plain", True, 1)]


def test_limit_counts_at_least_one_step_and_grows_with_time():
    # 1.2 * 100 per hour: 30 in a quarter, 120 in an hour
    assert judged([0, 30])[0][0] == "plain"
    assert judged([0, 30.1])[0][0] == "jump"
    assert judged([0, 30], times=[0, 60 * MICRO])[0][0] == "plain"
    assert judged([0, 119], times=[0, HOUR_US])[0][0] == "plain"


def test_spike_must_return_within_a_day():
    times = [0, QUARTER, 25 * HOUR_US + QUARTER]
    assert judged([100, 4196, 101], times=times)[0][0] == "jump"


@pytest.mark.parametrize(("new", "after"), [(None, 5.0), (2, 10.0)])
def test_meter_change_adds_both_parts(new, after):
    change = Change(QUARTER // 2, 110 * MICRO, 20 * MICRO, None if new is None else new * MICRO)
    rules = Rules(MICRO, None, QUARTER, 100 * MICRO, (change,))
    assert judged([100, 25, 26], rules) == [
        ("meter_change", True, 10 + after),
        ("plain", True, 1.0 if new is None else 2.0),
    ]


def test_changes_chain():
    changes = (Change(1, 110 * MICRO, 0), Change(2, 7 * MICRO, 50 * MICRO))
    rules = Rules(MICRO, None, QUARTER, None, changes)
    assert judged([100, 51], rules) == [("meter_change", True, 10 + 7 + 1)]


def test_walk_until_plain_stops_where_neighbours_decide_again():
    values = [round(v * MICRO) for v in (100, 99.5, 99.7, 101, 102, 103)]
    times = [n * QUARTER for n in range(len(values))]
    kinds = [s.kind for s in walk(times, values, RULES, until_plain=True)]
    assert kinds == ["jitter", "jitter", "plain"]


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**9), st.integers(1, 10**7))
def test_spread_parts_make_the_whole(quantity, start_s, length_s):
    since, ts = start_s * MICRO, (start_s + length_s) * MICRO
    parts = spread(quantity, since, ts)
    assert sum(parts.values()) == quantity
    assert all(b - a == HOUR_US for a, b in pairwise(parts))


def test_rounding_goes_away_from_zero_at_the_half():
    assert [rounded(n, 2) for n in (1, 3, -1, -3)] == [1, 2, -1, -2]
