"""Scenarios: hand-computed money, exact quantity times price, sums in every path, one seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.forecast.paths import Schedule, Spread, earned
from accounting.forecast.run import Basis
from accounting.scenario import Choice, Drawn, break_even, drawn, grown, outcome

FLAT = Schedule(first_month=18, every_months=12, issuance_ratio=0.85, fixed_cny=150_000.0,
                verification_cny=50_000.0)  # fmt: skip


def spread(kg, wild=0.0):
    errors = None if not wild else np.random.default_rng(3).normal(0, wild, (24, 12))
    return Spread(np.full(12, float(kg)), errors, True)


def basis(weekly=(80.0,) * 30, wild=0.0, schedule=FLAT, **lines):
    lines = lines or {"cable": 100_000.0, "conductor": 900_000.0}
    return Basis("2026-10", {name: spread(kg, wild) for name, kg in lines.items()}, weekly,
                 schedule, 615)  # fmt: skip


def walk():
    return tuple(90 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.04, 80))))


def test_without_variance_it_is_quantity_times_price_by_hand():
    found = outcome(drawn(basis(), 50), Choice(80.0, 0.0, 0.85))
    # 1,000 t a month; 18 months, then 3 x 12 within 60 months; 0.85 issued, whole tonnes
    issued = 15_300 + 3 * 10_200
    assert found.issued_t.p50 == issued
    assert found.gross_cny.p10 == found.gross_cny.p90 == issued * 80.0
    assert found.net_cny.p50 == issued * 80.0 - 150_000 - 4 * 50_000
    assert (found.year, found.until) == (2030, "2031-10")
    assert found.reduction_t.p50 == pytest.approx(12_000)
    assert found.year_cny.p50 == 10_200 * 80.0
    assert found.break_even_cny_per_t == pytest.approx(350_000 / issued)


def test_growth_begins_with_the_next_year():
    made = grown(drawn(basis(cable=1000.0), 3), 10.0)["cable"]
    assert made[0, [0, 1, 2, 13, 14]] == pytest.approx([1000, 1000, 1100, 1100, 1210])


def test_the_price_of_a_path_swings_around_the_chosen_mean():
    once = outcome(drawn(basis(walk(), 0.2), 400), Choice(60.0, 2.0, 0.8))
    twice = outcome(drawn(basis(walk(), 0.2), 400), Choice(120.0, 2.0, 0.8))
    assert twice.gross_cny.p50 == pytest.approx(2 * once.gross_cny.p50)
    assert once.gross_cny.p10 < once.gross_cny.p50 < once.gross_cny.p90
    assert once.break_even_cny_per_t == twice.break_even_cny_per_t


def test_the_same_seed_gives_the_same_bytes_and_another_one_not():
    first, again = (drawn(basis(walk(), 0.2), 200) for _ in range(2))
    assert first.prices.tobytes() == again.prices.tobytes()
    choice = Choice(90.0, 3.0, 0.9)
    assert outcome(first, choice) == outcome(again, choice)
    other = drawn(replace(basis(walk(), 0.2), seed=9), 200)
    assert outcome(other, choice) != outcome(first, choice)


def test_lines_add_up_in_every_path_and_nothing_is_a_product_of_quantiles():
    found = drawn(basis(walk(), 0.3), 400)
    made = earned(grown(found, 4.0), found.prices, FLAT, 615)
    assert sum(made.by_entity_cny.values()) == pytest.approx(made.gross_cny)
    got = outcome(found, Choice(90.0, 4.0, 0.85))
    assert sum(got.by_line_cny.values()) == pytest.approx(made.gross_cny.sum(axis=1).mean() * 90)
    price = np.quantile(found.prices[:, 17], 0.9) * 90
    assert got.gross_cny.p90 < got.issued_t.p90 * price


def test_nothing_is_issuable_until_a_methodology_applies():
    found = drawn(basis(), 20)
    none = outcome(found, Choice(80.0, 0.0, 0.85))
    assert none.issuable_cny.p90 == 0.0
    assert none.gross_cny.p50 > 0
    one = outcome(found, Choice(80.0, 0.0, 0.85), ["conductor"])
    assert 0 < one.issuable_cny.p50 < one.gross_cny.p50
    every = outcome(found, Choice(80.0, 0.0, 0.85), ["cable", "conductor"])
    assert every.issuable_cny == every.gross_cny


def test_without_prices_there_are_tonnes_and_no_money():
    found = outcome(drawn(basis(weekly=()), 20), Choice(80.0, 0.0, 0.85))
    assert found.issued_t.p50 > 0
    assert found.gross_cny is None
    assert found.break_even_cny_per_t is None


def test_a_site_that_takes_away_has_no_break_even():
    found = outcome(drawn(basis(cable=-1000.0), 20), Choice(80.0, 0.0, 0.85))
    assert found.break_even_cny_per_t is None
    assert found.gross_cny.p90 == 0.0


def test_break_even_by_bisection_on_the_same_paths():
    draw = np.random.default_rng(1)
    gross = draw.uniform(900, 1100, 501)
    cost = 50_000 + 20 * draw.uniform(900, 1100, 501)
    price = break_even(gross, cost)
    assert np.median(price * gross - cost) >= 0 > np.median((price - 0.01) * gross - cost)
    assert break_even(gross, np.full(501, 5000.0)) == 5000.0 / np.median(gross)
    assert break_even(np.zeros(5), np.ones(5)) is None


def test_at_the_break_even_price_half_of_the_paths_pay():
    schedule = replace(FLAT, variable_cny_per_t=7.0)
    found = drawn(basis(walk(), 0.3, schedule), 400)
    price = outcome(found, Choice(90.0, 0.0, 0.85)).break_even_cny_per_t
    at = outcome(found, Choice(price, 0.0, 0.85))
    assert at.net_cny.p50 == pytest.approx(0.0, abs=0.01 * 46_000)


@pytest.mark.parametrize("wrong", [(5, 0, 0.5), (90, 31, 0.5), (90, 0, 1.1), (float("nan"), 0, 0)])
def test_what_the_sliders_do_not_allow_is_refused(wrong):
    with pytest.raises(ValueError, match=r".+"):
        Choice(*map(float, wrong))


PATHS = drawn(basis(walk(), 0.3), 60)


@given(st.floats(10, 300), st.floats(-20, 30), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_more_of_anything_never_earns_less(price, growth, ratio):
    found = outcome(PATHS, Choice(price, growth, ratio))
    assert isinstance(PATHS, Drawn)
    assert found.gross_cny.p10 <= found.gross_cny.p50 <= found.gross_cny.p90
    more = outcome(
        PATHS, Choice(min(300.0, price + 10), min(30.0, growth + 1), min(1, ratio + 0.1))
    )
    assert more.gross_cny.p50 >= found.gross_cny.p50 - 1e-6
    assert more.issued_t.p50 >= found.issued_t.p50
