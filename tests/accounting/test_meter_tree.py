"""Parents less children, by hand; what is not known is never zero."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.inputs import Meter
from accounting.meter_tree import balances, site_balance


def meter(name, parent="", role="consumer", medium="electricity"):
    return Meter(name, medium, role, "", "", "", "", parent)


OFFICE = (meter("T"), meter("A", "T"), meter("B", "T"), meter("C", "A"),
          meter("W", "T", medium="water"))  # fmt: skip


def test_a_parent_less_its_direct_children():
    found = balances(OFFICE, {"T": 100.0, "A": 60.0, "B": 30.0, "C": 55.0, "W": 7.0})
    assert set(found) == {"T", "A"}
    assert (found["T"].below, found["T"].difference) == (90.0, 10.0)
    assert found["T"].pct == pytest.approx(10.0)
    assert found["A"].pct == pytest.approx(100 * 5 / 60)


@pytest.mark.parametrize(
    ("quantities", "why", "lacking"),
    [
        ({"A": 1.0, "B": 1.0}, "own", ("T",)),
        ({"T": None, "A": 1.0, "B": None}, "own", ("T", "B")),
        ({"T": 3.0, "A": 1.0}, "children", ("B",)),
        ({"T": 0.0, "A": 0.0, "B": 0.0}, "nothing", ()),
    ],
)
def test_it_says_why_there_is_none(quantities, why, lacking):
    found = balances(OFFICE[:3], quantities)["T"]
    assert (found.why, found.lacking, found.pct) == (why, lacking, None)
    assert (found.difference is None) is (why != "nothing")


def test_a_site_is_grid_and_sun_less_what_it_sold_against_its_top_meters():
    meters = (meter("G", role="grid_import"), meter("P", role="pv_generation"),
              meter("X", role="pv_export"), meter("A", "G"), meter("B"), meter("C", "B"),
              meter("H", role="heat_pump"), meter("K", role="charger"))  # fmt: skip
    used = {"G": 80.0, "P": 50.0, "X": 20.0, "A": 60.0, "B": 30.0, "C": 25.0, "H": 10.0, "K": 5.0}
    found = site_balance(meters, used)
    assert (found.own, found.below) == (110.0, 105.0)
    assert found.pct == pytest.approx(100 * 5 / 110)
    assert site_balance(meters, used | {"X": None}).why == "own"
    assert site_balance(meters[3:], used) is None


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=8))
def test_difference_and_sum_make_the_parent(values):
    children = [meter(f"C{n}", "T") for n in range(len(values) - 1)]
    used = {"T": values[0]} | {c.meter_id: v for c, v in zip(children, values[1:], strict=True)}
    found = balances((meter("T"), *children), used)["T"]
    assert found.below + found.difference == pytest.approx(found.own, abs=1e-6)
