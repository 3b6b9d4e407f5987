"""The worked examples of credits, prices and years: M9-1 to M9-8, M12-2, M12-3, their edges."""

from __future__ import annotations

import math
from statistics import stdev

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.revenue import (
    Offset,
    Revenue,
    market_month,
    offset,
    price_interval,
    price_volatility,
    revenue,
)
from accounting.years import annualised, base_year_index, month_equivalent, recalculation_due
from data.library import shipped

ROWS = shipped().rows
PRICES = {
    name.removeprefix("CCER_PX_").replace("_", "-"): row.value
    for name, row in ROWS.items()
    if name.startswith("CCER_PX_20")
}
FIXED_CNY, VARIABLE_CNY_PER_T = 200000.0, 1.0  # what the nets of M9-1 and M9-2 leave


def close(value):
    return pytest.approx(value, rel=1e-6)


def earned(reduction_t, u_pct=25.0, *, price=90.0, ratio=0.9, eligible=True):
    return revenue(
        reduction_t,
        u_pct,
        eligible=eligible,
        price_cny_per_t=price,
        issuance_ratio=ratio,
        fixed_cny=FIXED_CNY,
        variable_cny_per_t=VARIABLE_CNY_PER_T,
    )


# M9-1 to M9-4: from a reduction to money


@pytest.mark.parametrize(
    ("found", "creditable_t", "issued_t", "gross_cny", "net_cny"),
    [
        (earned(1000.0, eligible=False), 0.0, 0, 0.0, -200000.0),
        (earned(30000.0), 28200.0, 25380, 2284200.0, 2058820.0),
        (earned(30000.0, 8.0, price=80.0, ratio=0.85), 29400.0, 24990, 1999200.0, 1774210.0),
        (earned(500.0), 470.0, 423, 38070.0, -162353.0),
    ],
    ids=["M9-1", "M9-2", "M9-3", "M9-4"],
)
def test_m9_revenue(found, creditable_t, issued_t, gross_cny, net_cny):
    assert found.creditable_t == close(creditable_t)
    assert found.issued_t == issued_t
    assert isinstance(found.issued_t, int)
    assert found.gross_cny == close(gross_cny)
    assert found.net_cny == close(net_cny)


def test_binary_noise_costs_no_credit():
    assert math.floor(34500.0 * 0.94 * 0.9) == 29186  # what floats would issue
    assert earned(34500.0).issued_t == 29187


def test_without_trade_the_tonnes_are_known_and_the_money_is_not():
    assert earned(500.0, price=None) == Revenue(470.0, 423, None, None)
    assert earned(500.0, eligible=False, price=None) == Revenue(0.0, 0, None, None)
    assert earned(500.0, price=0.0).gross_cny == 0.0


def test_an_unknown_reduction_leaves_everything_unknown():
    assert earned(None) == Revenue(None, None, None, None)
    assert earned(None, price=None) == Revenue(None, None, None, None)


def test_r23_without_a_methodology_nothing_is_credited_known_or_not():
    assert earned(None, eligible=False) == Revenue(0.0, 0, 0.0, -200000.0)


def test_a_negative_reduction_is_credited_nothing_and_still_costs():
    assert earned(-30000.0) == Revenue(0.0, 0, 0.0, -200000.0)


def test_no_known_uncertainty_is_the_least_certain():
    assert earned(1000.0, None).creditable_t == close(730.0)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"ratio": 1.01}, "issuance ratio"), ({"ratio": math.nan}, "issuance ratio"),
        ({"price": -0.01}, "price"), ({"price": math.inf}, "price"),
        ({"reduction_t": math.nan}, "reduction"), ({"reduction_t": math.inf}, "reduction"),
        ({"u_pct": -1.0}, "uncertainty"),
    ],
)  # fmt: skip
def test_what_can_be_no_revenue_is_refused(given_, message):
    with pytest.raises(ValueError, match=f"not an? {message}"):
        earned(**({"reduction_t": 1.0} | given_))


@given(st.floats(-1e7, 1e7), st.floats(0.0, 200.0), st.floats(0.0, 1.0))
def test_never_more_issued_than_creditable_and_never_a_whole_tonne_lost(reduction_t, u_pct, ratio):
    found = earned(reduction_t, u_pct, ratio=ratio)
    exact = found.creditable_t * ratio
    assert 0 <= found.creditable_t <= max(0.0, reduction_t)
    assert -1e-6 < exact - found.issued_t < 1 + 1e-6


# M9-6: the outlook ring


def test_m9_6_offset():
    found = offset(
        ROWS["ETS_COVERED"].value, ROWS["CCER_SUPPLY_2026_01"].value, ROWS["OFFSET_CAP"].value
    )
    assert found.demand_cap_t == close(400000000.0)
    assert found.supply_t == close(17763700.0)
    assert found.gap_t == close(382236300.0)
    assert found.cover == pytest.approx(0.044409, abs=5e-7)  # printed with six decimals
    assert found == offset(ROWS["ETS_COVERED"].value, ROWS["CCER_SUPPLY_2026_01"].value)


def test_more_supply_than_the_cap_leaves_no_gap():
    assert offset(100.0, 8.0) == Offset(5.0, 8.0, 0.0, 1.6)
    assert offset(100.0, 8.0, 0.1) == Offset(10.0, 8.0, 2.0, 0.8)


def test_an_unknown_part_of_the_ring_is_no_zero():
    assert offset(None, 8.0) == Offset(None, 8.0, None, None)
    assert offset(100.0, None) == Offset(5.0, None, None, None)
    assert offset(0.0, 8.0) == Offset(0.0, 8.0, 0.0, None)


@pytest.mark.parametrize("given_", [(-1.0, 1.0), (1.0, math.nan), (1.0, math.inf), (1.0, 1.0, 5.0)])
def test_what_can_be_no_ring_is_refused(given_):
    with pytest.raises(ValueError, match="not a (quantity|share)"):
        offset(*given_)


# M9-7: the average price of a month


def traded(*rows):
    columns = ["date", "volume_t", "turnover_cny", "origin"]
    found = market_month(pd.DataFrame(rows, columns=columns), "2026-08")
    return {(f.grain, f.period, f.indicator): f.value for f in found}


def test_m9_7_average_price_by_volume():
    volume_t = ROWS["CCER_VOL_20260820"].value
    assert volume_t == 352877
    found = traded(("2026-08-20", volume_t, 33463325.91, "ccer.csv:2"))
    assert found["day", "2026-08-20", "ccer_price"] == close(94.83)
    assert found["month", "2026-08", "ccer_price"] == close(94.83)
    assert found["month", "2026-08", "ccer_volume"] == close(352877.0)


def test_the_average_weighs_by_volume_and_a_day_without_trade_has_no_price():
    found = traded(("2026-08-19", 300.0, 27000.0, "a:2"), ("2026-08-20", 100.0, 10000.0, "a:3"),
                   ("2026-08-21", 0.0, 0.0, "a:4"))  # fmt: skip
    assert found["month", "2026-08", "ccer_price"] == close(92.5)  # not 95, the days' mean
    assert found["day", "2026-08-21", "ccer_price"] is None
    assert found["day", "2026-08-21", "ccer_volume"] == 0.0


# M9-8: how far the price may move


def test_m9_8_volatility():
    assert sorted(PRICES) == [
        "2025-09", "2025-10", "2025-11", "2025-12", "2026-04", "2026-05", "2026-06", "2026-07",
        "2026-08",
    ]  # fmt: skip
    assert price_volatility(PRICES) == pytest.approx(0.137227, abs=5e-7)  # as printed
    returns = [-0.005215, -0.18122, 0.259076, 0.000479, -0.008777, 0.136486, -0.000949]
    assert price_volatility(PRICES) == pytest.approx(stdev(returns), abs=1e-6)


@pytest.mark.parametrize(
    ("months", "low", "high"),
    [
        (1, 75.667431, 118.845437),
        (3, 64.141793, 140.200771),
        (12, 43.384685, 207.278881),
    ],
)
def test_m9_8_interval(months, low, high):
    found = price_interval(PRICES["2026-08"], price_volatility(PRICES), months)
    assert found == (close(low), close(94.83), close(high))


def test_a_gap_month_gives_no_return():
    around = {"2025-11": 60.0, "2025-12": 66.0, "2026-03": 90.0, "2026-04": 81.0}
    expected = stdev([math.log(1.1), math.log(0.9)])
    assert price_volatility(around) == close(expected)
    untraded = {"2026-01": None, "2026-02": None}
    assert price_volatility(around | untraded) == close(expected)
    assert price_volatility(dict(reversed(around.items()))) == close(expected)


def test_december_and_january_are_adjacent():
    turn = {"2025-11": 60.0, "2025-12": 66.0, "2026-01": 59.4}
    assert price_volatility(turn) == close(stdev([math.log(1.1), math.log(0.9)]))


def test_a_flat_price_keeps_the_floor_and_one_return_has_no_deviation():
    assert price_volatility({"2026-05": 80.0, "2026-06": 80.0, "2026-07": 80.0}) == 0.05
    assert price_volatility({"2026-06": 80.0, "2026-07": 90.0}) is None
    assert price_volatility({"2026-03": 80.0, "2026-05": 90.0, "2026-07": 70.0}) is None
    assert price_volatility({}) is None


@pytest.mark.parametrize("months", [{"2026-07": 0.0}, {"2026-07": -1.0}, {"2026-07": math.nan}])
def test_what_is_no_price_has_no_volatility(months):
    with pytest.raises(ValueError, match="not a price"):
        price_volatility(months)


@pytest.mark.parametrize("months", [-1, 0, 13])
def test_nothing_is_said_beyond_twelve_months(months):
    with pytest.raises(ValueError, match="not a horizon of 1 to 12 months"):
        price_interval(94.83, 0.137227, months)


@pytest.mark.parametrize("sd_month", [-0.1, math.nan])
def test_what_is_no_deviation_has_no_interval(sd_month):
    with pytest.raises(ValueError, match="not a deviation"):
        price_interval(94.83, sd_month, 1)


@given(st.floats(1.0, 1000.0), st.floats(0.05, 0.5), st.integers(1, 11))
def test_further_ahead_is_never_surer(price, sd_month, months):
    low, middle, high = price_interval(price, sd_month, months)
    later_low, later_middle, later_high = price_interval(price, sd_month, months + 1)
    assert later_low < low < middle == later_middle < high < later_high
    assert low * high == pytest.approx(price * price, rel=1e-9)


# M12-2 and M12-3: partial months, base year


def test_m12_2_partial_month():
    assert month_equivalent(20000.0, 10, 31) == close(62000.0)
    assert month_equivalent(20000.0, 31, 31) == close(20000.0)
    assert month_equivalent(0.0, 10, 31) == 0.0


def test_what_is_not_known_of_a_month_has_no_equivalent():
    assert month_equivalent(None, 10, 31) is None
    assert month_equivalent(20000.0, 0, 31) is None
    for days in (32, -1, math.nan):
        with pytest.raises(ValueError, match="of 31 days"):
            month_equivalent(20000.0, days, 31)


def test_annualised_estimate():
    assert annualised((3100.0, 2800.0), (31, 28)) == close(36500.0)
    assert annualised((3100.0, 2900.0), (31, 29), 366) == close(36600.0)  # a leap day counts


def test_an_unknown_month_does_not_dilute_the_others():
    assert annualised((3100.0, None, 2800.0), (31, 30, 28)) == close(36500.0)
    assert annualised((None, None), (31, 28)) is None
    assert annualised((), ()) is None
    assert annualised((5.0,), (0,)) is None
    with pytest.raises(ValueError, match="argument 2"):
        annualised((1.0, 2.0), (31,))
    with pytest.raises(ValueError, match="not a number of days"):
        annualised((1.0, 2.0), (31, -1))


def test_m12_3_base_year():
    index, change_pct = base_year_index(4.50, 4.05)
    assert index == close(90.0)
    assert change_pct == close(-10.0)


@pytest.mark.parametrize(("base", "now"), [(None, 4.05), (4.5, None), (0.0, 4.05)])
def test_no_base_no_index(base, now):
    assert base_year_index(base, now) == (None, None)


@pytest.mark.parametrize(
    ("before", "after", "due"),
    [
        (4.5, 4.5, False), (4.5, 4.72, False), (100.0, 105.0, True), (100.0, 95.0, True),
        (100.0, 95.0001, False), (1.1, 1.155, True), (-100.0, -105.0, True),
        (0.0, 0.0, False), (0.0, 1.0, True), (None, 1.0, None), (1.0, None, None),
    ],
)  # fmt: skip
def test_base_year_is_recalculated_from_five_percent(before, after, due):
    assert recalculation_due(before, after) is due


def test_another_limit_can_be_given():
    assert recalculation_due(100.0, 105.0, 0.1) is False
