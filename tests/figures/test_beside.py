"""The ratios beside an indicator are the ledger's own, or made of its rows."""

from calendar import monthrange

import pytest

from figures import beside
from figures.number import exact, written
from tests.figures.test_flow_pages import LAST, texts, view

VALUES = {
    "pv_generation": 55_000.0, "pv_self_use": 35_000.0, "pv_self_rate": 63.5,
    "charger_energy": 3_100.0, "charger_count": 10.0, "heat_pump_saved": 1_500.0,
    "standard_ac_electricity": 6_000.0, "reduction": 27_000.0, "throughput": 15.0,
}  # fmt: skip


def seen(**more):
    return view(lambda key, _: VALUES.get(key[0], 1.0), **more)


def test_the_self_use_rate_of_a_month_is_the_ledgers_row():
    assert texts(beside.PV(seen())) == "自用率 63.5%"


def test_a_pile_has_its_share_of_a_day():
    days = monthrange(int(LAST[:4]), int(LAST[5:]))[1]
    per_day = written(exact(3_100.0 / 10 / days), 1)
    assert texts(beside.PILES(seen())).startswith(f"单桩日均 {per_day}")


def test_what_the_heat_pump_saves_is_of_what_an_air_conditioner_would_use():
    assert texts(beside.PUMP(seen())) == "节电率 25.0%"


@pytest.mark.parametrize("name", ["PV", "PILES", "PUMP"])
def test_what_is_not_known_is_not_said(name):
    assert getattr(beside, name)(view(None)) is None


def test_a_line_of_a_ledger_without_its_row_says_nothing():
    assert beside.LINES["cable"](seen()) is None
