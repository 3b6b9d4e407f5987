"""Why emissions changed: the effects add up, and each driver alone gets the whole change (R26)."""

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.decomposition import EFFECTS, Drivers, emission_effects

BASE = Drivers(100.0, 20_000.0, 12_000.0, 7_800.0, 2_600.0, 30.0)
amounts = st.floats(0.01, 1e7)
drivers = st.builds(Drivers, amounts, amounts, amounts, amounts, amounts, amounts)


@given(drivers, drivers)
def test_effects_add_up_to_the_change(before, now):
    found = emission_effects(before, now)
    change = now.whole_kgco2e - before.whole_kgco2e
    scale = max(before.whole_kgco2e, now.whole_kgco2e)
    assert fsum(found.values()) == pytest.approx(change, rel=1e-9, abs=1e-9 * scale)


@pytest.mark.parametrize(
    ("changed", "effect"),
    [
        # twice the mass with the same energy and emission per tonne
        (Drivers(200.0, 40_000.0, 24_000.0, 15_600.0, 5_200.0, 60.0), "throughput"),
        # the same mass needs half as much again of everything
        (Drivers(100.0, 30_000.0, 18_000.0, 11_700.0, 3_900.0, 45.0), "intensity"),
        # less of the electricity comes from the grid
        (Drivers(100.0, 20_000.0, 9_000.0, 5_850.0, 2_600.0, 30.0), "pv_share"),
        # the grid's factor rises
        (Drivers(100.0, 20_000.0, 12_000.0, 8_400.0, 2_600.0, 30.0), "grid_factor"),
    ],
)
def test_a_single_driver_gets_the_whole_change(changed, effect):
    found = emission_effects(BASE, changed)
    change = changed.whole_kgco2e - BASE.whole_kgco2e
    assert found[effect] == pytest.approx(change)
    assert all(abs(found[name]) < 1e-6 for name in EFFECTS if name != effect)


def test_nothing_is_split_without_throughput():
    assert emission_effects(BASE, Drivers(0.0, 1.0, 1.0, 1.0, 1.0, 1.0)) is None
    assert emission_effects(BASE, Drivers(1.0, 1.0, 0.0, 0.0, 1.0, 1.0)) is None


def test_a_medium_that_nobody_used_changes_nothing():
    dry = Drivers(100.0, 20_000.0, 12_000.0, 7_800.0, 2_600.0, 0.0)
    assert fsum(emission_effects(dry, dry).values()) == 0.0
