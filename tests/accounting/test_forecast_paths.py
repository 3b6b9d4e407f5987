"""Joint paths: what they earn adds up in every path and is the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from accounting.forecast.backtest import filled
from accounting.forecast.champion import REDUCTION_MONTHS, forecast
from accounting.forecast.paths import (
    QUANTILES,
    Schedule,
    Spread,
    earned,
    price_paths,
    reduction_paths,
)

MONTHS, PATHS = 36, 400


def fans():
    draw = np.random.default_rng(1)
    return {
        line: forecast(filled((level * draw.normal(1, 0.1, 36)).tolist()), REDUCTION_MONTHS)
        for line, level in (("cable", 2e5), ("conductor", 1.5e6), ("transformer", 4e5))
    }


@pytest.fixture(scope="module")
def paths():
    return reduction_paths(fans(), MONTHS, PATHS, 615)


@pytest.fixture(scope="module")
def prices():
    weekly = 90 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.04, 80)))
    return price_paths(weekly.tolist(), MONTHS, PATHS, 615)


def line_of(months):
    draw = np.random.default_rng(3)
    return forecast(filled((2e5 * draw.normal(1, 0.1, months)).tolist()), REDUCTION_MONTHS)


def test_what_was_never_tested_is_not_certain():
    fan = line_of(24)  # the seasonal reference needs all of them
    assert not Spread.of(fan).sure
    assert np.all(np.isnan(fan.widths[0.8]))


@pytest.mark.parametrize("months", [25, 27, 30])
def test_few_past_errors_are_drawn_as_wide_as_the_fan_says(months):
    fan = line_of(months)
    spread = Spread.of(fan)
    assert spread.sure
    drawn = reduction_paths({"cable": spread}, 12, 5000, 615)["cable"]
    low, high = np.quantile(drawn, (0.1, 0.9), axis=0)
    assert low == pytest.approx(fan.low[0.8], rel=0.02)
    assert high == pytest.approx(fan.high[0.8], rel=0.02)
    assert np.median(drawn, axis=0) == pytest.approx(fan.p50, rel=0.02)


def test_many_past_errors_are_drawn_as_they_are():
    fan = line_of(48)
    assert Spread.of(fan).errors is fan.past.errors


def test_a_price_that_never_moved_gives_quantity_times_price(paths):
    flat = price_paths([80.0] * 60, MONTHS, PATHS, 1)
    assert np.all(flat == 80.0)
    found = earned(paths, flat, Schedule(), 1)
    assert found.gross_cny == pytest.approx(found.issued_t * 80.0)


def test_entities_add_up_in_every_path(paths, prices):
    found = earned(paths, prices, Schedule(), 615)
    assert sum(found.by_entity_cny.values()) == pytest.approx(found.gross_cny)


def test_credits_are_issued_in_lumps_and_none_is_lost(paths, prices):
    schedule = Schedule(first_month=18, every_months=12, issuance_ratio=0.85)
    found = earned(paths, prices, schedule, 1)
    assert np.flatnonzero(found.issued_t.any(axis=0)).tolist() == [17, 29]
    due = sum(paths.values())[:, :30].sum(axis=1) / 1000 * 0.85
    assert np.all(found.issued_t == np.floor(found.issued_t))
    assert np.all(np.abs(found.issued_t.sum(axis=1) - due) < 1 + 1e-6)


def test_costs_are_paid_when_they_fall_due(paths, prices):
    schedule = Schedule(fixed_cny=1000.0, verification_cny=100.0, variable_cny_per_t=2.0)
    found = earned(paths, prices, schedule, 1)
    cost = found.gross_cny - found.net_cny
    assert cost[:, 17] == pytest.approx(1100 + 2 * found.issued_t[:, 17])
    assert cost[:, 29] == pytest.approx(100 + 2 * found.issued_t[:, 29])
    assert cost.sum() == pytest.approx(cost[:, [17, 29]].sum())


def test_what_is_kept_back_is_not_sold(paths):
    flat = price_paths([50.0, 50.0], MONTHS, PATHS, 1)
    whole = earned(paths, flat, Schedule(), 1)
    held = earned(paths, flat, Schedule(buffer=0.1), 1)
    assert held.gross_cny == pytest.approx(np.floor(0.9 * whole.issued_t) * 50.0)
    assert np.all(held.issued_t == whole.issued_t)


def test_the_same_seed_gives_the_same_bytes(prices):
    once, again = (reduction_paths(fans(), MONTHS, PATHS, 9) for _ in range(2))
    assert all(once[name].tobytes() == again[name].tobytes() for name in once)
    other = reduction_paths(fans(), MONTHS, PATHS, 10)
    assert any(once[name].tobytes() != other[name].tobytes() for name in once)
    weekly = [80.0, 84.0, 79.0, 90.0, 85.0, 88.0]
    assert price_paths(weekly, 12, 50, 3).tobytes() == price_paths(weekly, 12, 50, 3).tobytes()


def test_months_and_lines_move_together(paths):
    cable, conductor = paths["cable"], paths["conductor"]
    assert np.corrcoef(cable[:, 0], cable[:, 5])[0, 1] > 0.8
    assert np.corrcoef(cable[:, 3], conductor[:, 3])[0, 1] > 0.8


def test_quantiles_of_a_product_are_not_products_of_quantiles(paths, prices):
    found = earned(paths, prices, Schedule(issuance_ratio=1.0), 1)
    bands = found.quantiles(found.gross_cny)
    assert list(bands) == list(QUANTILES)
    tonnes, price = np.cumsum(found.issued_t, axis=1)[:, 17], prices[:, 17]
    product = [np.quantile(tonnes, q) * np.quantile(price, q) for q in (0.1, 0.9)]
    assert bands[0.9][17] - bands[0.1][17] < product[1] - product[0]


def test_a_price_has_no_drift():
    rising = (50 * 1.02 ** np.arange(60)).tolist()
    assert price_paths(rising, 12, 10, 1) == pytest.approx(rising[-1])


def test_a_line_that_takes_away_earns_nothing_and_takes_from_the_whole(prices):
    flat = {"good": np.full((PATHS, MONTHS), 2000.0), "bad": np.full((PATHS, MONTHS), -500.0)}
    found = earned(flat, prices, Schedule(issuance_ratio=1.0), 1)
    assert found.issued_t[0, 17] == 27  # 1.5 t a month
    assert not found.by_entity_cny["bad"].any()
    assert found.by_entity_cny["good"] == pytest.approx(found.gross_cny)


@pytest.mark.parametrize("wrong", [{"issuance_ratio": 1.2}, {"buffer": -0.1}, {"first_month": 0}])
def test_a_schedule_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r".+"):
        Schedule(**wrong)


@pytest.mark.parametrize("weekly", [[], [0.0], [10.0, -1.0]])
def test_what_is_no_price_is_refused(weekly):
    with pytest.raises(ValueError, match="positive"):
        price_paths(weekly, 1, 1, 1)
