"""Forecasts: models by hand, the gate, intervals that cover, and honest words for short series."""

from __future__ import annotations

import math

import numpy as np
import pytest

from accounting.forecast import models
from accounting.forecast.backtest import backtest, better_p, coverage, filled
from accounting.forecast.champion import (
    PRICE_MONTHS,
    PRICE_WEEKS,
    REDUCTION_MONTHS,
    Held,
    forecast,
)
from accounting.forecast.intervals import Errors, corrected, half_width, half_widths
from accounting.forecast.models import CannotFit


def walk(seed, steps=81):
    """A price that only wanders, with the jumps of a thin market."""
    moves = np.random.default_rng(seed).standard_t(4, steps) * 0.04
    return (80 * np.exp(np.cumsum(moves))).tolist()


def seasonal(seed, months=72):
    """A clean year's course with a little growth and noise."""
    at = np.arange(months)
    course = 100 + 0.4 * at + 25 * np.sin(2 * math.pi * at / 12)
    return (course * np.random.default_rng(seed).normal(1, 0.02, months)).tolist()


def test_the_baselines_by_hand():
    history = np.array([1.0, 2.0, 4.0])
    assert models.naive(history, 2).tolist() == [4.0, 4.0]
    assert models.drift(history, 2).tolist() == [5.5, 7.0]
    assert models.run_rate(history, 2) == pytest.approx([7 / 3, 7 / 3])
    years = np.concatenate([np.arange(1.0, 13), 2 * np.arange(1.0, 13)])
    assert models.seasonal_naive(years, 14).tolist() == [*years[12:], 2.0, 4.0]
    grown = models.seasonal_growth(years, 14)
    assert grown.tolist() == [*(2 * years[12:]), 8.0, 16.0]


@pytest.mark.parametrize("model", [models.seasonal_naive, models.seasonal_growth, models.theta,
                                   models.ets, models.drift])  # fmt: skip
def test_too_little_history_is_said(model):
    with pytest.raises(CannotFit):
        model(np.array([1.0]), 3)


def test_growth_is_kept_within_bounds_and_needs_a_positive_year():
    jump = np.concatenate([np.full(12, 1.0), np.full(12, 100.0)])
    assert models.seasonal_growth(jump, 1).tolist() == [200.0]
    lost = np.concatenate([np.full(12, -1.0), np.full(12, 5.0)])
    assert models.seasonal_growth(lost, 1).tolist() == [5.0]


def test_a_gap_is_carried_and_is_no_target():
    course = filled([None, 10.0, None, 12.0])
    assert course.values.tolist() == [10.0, 10.0, 12.0]
    assert course.observed.tolist() == [True, False, True]
    past = backtest(course, "naive", models.naive, 1, 1)
    assert np.isnan(past.came[0, 0])
    assert past.came[1, 0] == 12.0
    assert len(filled([None, None])) == 0


def test_errors_scale_and_losses_by_hand():
    past = backtest(filled([10.0, 12.0, 11.0, 15.0]), "naive", models.naive, 1, 2)
    assert past.said[:, 0].tolist() == [12.0, 11.0]
    assert past.scale.tolist() == [2.0, 1.5]
    assert past.losses.tolist() == [0.5, pytest.approx(4 / 1.5)]
    assert past.mase == pytest.approx((0.5 + 4 / 1.5) / 2)
    assert past.errors[0, 0] == pytest.approx(math.log(11 / 12))
    assert past.smape_pct == pytest.approx((200 / 23 + 800 / 26) / 2)


def test_the_conformal_quantile_by_hand():
    past = Errors(np.arange(9.0), np.arange(1.0, 10))
    far = math.inf  # no weight fades
    assert half_width(past, 9, 0.80, far) == 8.0  # 8 of 10 with the coming one
    assert half_width(past, 9, 0.50, far) == 5.0
    assert half_width(past, 9, 0.95, far) > 9.0  # nine errors cannot say it
    old = half_width(Errors(np.array([0.0, 50.0]), np.array([9.0, 1.0])), 51, 0.4, 5.0)
    assert old == 1.0  # what is long ago hardly counts
    assert math.isnan(half_width(Errors(np.array([]), np.array([])), 1, 0.8, far))


def test_widths_never_narrow_and_borrow_where_errors_are_few():
    many = Errors(np.arange(20.0), np.full(20, 4.0))
    few = Errors(np.arange(3.0), np.full(3, 1.0))
    widths = half_widths([many, many, few], 40, [0.8] * 3, 26)
    assert widths.tolist() == [4.0, 4.0, pytest.approx(4.0 * math.sqrt(3 / 2))]


def test_misses_widen_and_hits_narrow():
    assert corrected(0.8, [True] * 5) > 0.8 > corrected(0.8, [False] * 5)
    assert corrected(0.8, [True] * 10_000) <= 0.999
    assert corrected(0.8, [False] * 100_000) >= 0.01


def test_nothing_ahead_is_known_at_an_origin():
    """Coverage with all later values changed is the same for the intervals made before."""
    series = walk(3)
    full = coverage(backtest(filled(series), "naive", models.naive, 4, 12), 0.8, 26)[1]
    changed = [*series[:60], *(1e6 for _ in series[60:])]
    other = coverage(backtest(filled(changed), "naive", models.naive, 4, 12), 0.8, 26)[1]
    for mine, theirs in zip(full, other, strict=True):
        assert mine[:20] == theirs[:20]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_intervals_cover_what_they_say(share, full):
    """Prequential coverage of a wandering series, with and without fat tails."""
    found = []
    for seed in range(40 if full else 8):
        draw = np.random.default_rng([seed, 7])
        moves = np.where(share, draw.standard_t(4, 200), draw.normal(size=200)) * 0.03
        series = (50 * np.exp(np.cumsum(moves))).tolist()
        past = backtest(filled(series), "naive", models.naive, 8, 26)
        found.append(coverage(past, 0.8, 26)[0].share)
    assert 0.76 < np.mean(found) < 0.86


def test_the_gate_lets_a_false_champion_through_rarely(full):
    walks, steps = range(60 if full else 2), 81
    false = [n for n in walks if forecast(filled(walk(n, steps)), PRICE_WEEKS).model != "naive"]
    assert len(false) <= 0.1 * len(walks), f"{len(walks)} walks"


def test_a_seasonal_series_has_a_seasonal_model(full):
    months = 72 if full else 40
    fan = forecast(filled(seasonal(1, months)), REDUCTION_MONTHS)
    assert fan.model in ("ets", "theta", "seasonal_growth"), f"{months} months"
    steps = np.arange(months, months + 12)
    ahead = 100 + 0.4 * steps + 25 * np.sin(2 * math.pi * steps / 12)
    assert fan.p50 == pytest.approx(ahead, rel=0.08)


def test_eleven_months_have_no_season_and_say_so():
    fan = forecast(filled(seasonal(1, 11)), REDUCTION_MONTHS)
    assert (fan.model, fan.reason) == ("run_rate", "season")
    assert fan.p50.tolist() == [pytest.approx(np.mean(seasonal(1, 11)))] * 12


@pytest.mark.parametrize(("weeks", "horizon"), [(10, 0), (25, 0), (26, 8), (51, 8), (52, 13)])
def test_the_horizon_follows_the_history(weeks, horizon):
    fan = forecast(filled(walk(1, weeks)), PRICE_WEEKS)
    assert len(fan.p50) == horizon
    assert (fan.reason == "short") == (horizon == 0)
    for level in fan.low:
        assert np.all(fan.low[level] <= fan.p50)
        assert np.all(fan.p50 <= fan.high[level])


def test_bands_nest_and_widen():
    fan = forecast(filled(walk(5)), PRICE_WEEKS)
    for near, far in ((0.5, 0.8), (0.8, 0.95)):
        assert np.all(fan.low[far] <= fan.low[near])
        assert np.all(fan.high[near] <= fan.high[far])
    assert np.all(np.diff(fan.widths[0.8]) >= 0)


def test_a_champion_never_loses_to_the_reference_where_both_were_judged(full):
    months, weeks = (96, 81) if full else (38, 40)
    for series, rules in ((seasonal(2, months), REDUCTION_MONTHS), (walk(2, weeks), PRICE_WEEKS)):
        fan = forecast(filled(series), rules)
        by_name = {one.model: one for one in fan.judged}
        reference = by_name[rules.reference(len(series))]
        assert by_name[fan.model].mase <= reference.mase
        assert [one.model for one in fan.judged if one.champion] == [fan.model]


def test_a_champion_stays_for_three_months_unless_it_fails_by_the_margin():
    series = walk(2, 54)
    assert forecast(filled(series), PRICE_WEEKS).model == "naive"
    assert forecast(filled(series), PRICE_WEEKS, Held("theta", 1)).model == "theta"
    assert forecast(filled(series), PRICE_WEEKS, Held("theta", 3)).model == "naive"


def test_what_cannot_be_tested_yet_is_said():
    fan = forecast(filled(seasonal(1, 24)), REDUCTION_MONTHS)
    assert (fan.model, fan.reason) == ("seasonal_growth", "untested")


def test_a_series_that_never_moves_or_turns_negative_is_forecast():
    still = forecast(filled([5.0] * 40), REDUCTION_MONTHS)
    assert still.p50.tolist() == [5.0] * 12
    turned = forecast(filled([float(n % 7 - 3) for n in range(40)]), REDUCTION_MONTHS)
    assert not turned.log
    assert np.all(np.isfinite(turned.low[0.8]))


def test_better_needs_more_than_luck():
    course = filled(walk(4))
    naive = backtest(course, "naive", models.naive, 4, 12)
    assert better_p(naive, naive) is None
    assert better_p(naive, backtest(course, "drift", models.drift, 4, 12)) > 0.05


def test_prices_of_months_reach_half_a_year():
    assert len(forecast(filled(walk(1, 61)), PRICE_MONTHS).p50) == 6
