"""The waterfall of what can be sold: by hand, exact, equal to what the ledger credits."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.revenue import eligible
from accounting.sellable import SELLABLE, STEPS, LineMonth, waterfall


def test_by_hand():
    months = [
        LineMonth(1000.0, 200.0, 800.0, 0.94, 0.98, True),
        LineMonth(500.0, 100.0, 400.0, 0.98, 0.98, False),
        LineMonth(50.0, 80.0, -30.0, 0.94, 0.94, True),
    ]
    found = {name: float(value) for name, value in waterfall(months).items()}
    assert found == {
        "gross": 1550.0, "project": -380.0, "negative": 30.0,
        "estimated": -32.0,  # 800 x (0.98 - 0.94)
        "uncertain": -24.0,  # 1200 x 0.02
        "ineligible": -392.0, "sellable": 752.0,  # 800 x 0.94
    }  # fmt: skip


def test_without_a_methodology_nothing_is_sellable():
    found = waterfall([LineMonth(1000.0, 200.0, 800.0, 0.94, 0.94, False)])
    assert found[SELLABLE] == 0
    assert found["ineligible"] == Decimal("-752")


number = st.integers(-(10**12), 10**12).map(lambda n: n / 1000)
months = st.builds(
    LineMonth, number, number, number, st.sampled_from((0.73, 0.82, 0.89, 0.94)),
    st.sampled_from((0.94, 0.98)), st.booleans(),
)  # fmt: skip


@given(st.lists(months, max_size=40))
@settings(max_examples=80, deadline=None)
def test_the_steps_add_up_exactly_and_each_takes_only_what_it_may(made):
    found = waterfall(made)
    assert sum(Fraction(found[name]) for name in STEPS[:-1]) == Fraction(found[SELLABLE])
    exact = sum(
        (Fraction(repr(m.reduction_kg)) * Fraction(repr(m.cf))
         for m in made if m.eligible and m.reduction_kg > 0), Fraction(0),
    )  # fmt: skip
    assert Fraction(found[SELLABLE]) == exact
    assert found["negative"] >= 0
    assert max(found[name] for name in ("estimated", "uncertain", "ineligible")) <= 0


def test_a_source_is_not_eligible_unless_it_is_switched():
    assert not eligible({}, "cable")
    assert eligible({"creditable_cable": True}, "cable")
    assert not eligible({"creditable_cable": True}, "conductor")
    assert eligible({"creditable": True}, "conductor")
    assert not eligible({"creditable": True}, "pv")  # all lines, and no more
    assert eligible({"creditable_pv": True}, "pv")
