"""What if: numbers by hand, the self-use limit, levers that are unknown stay unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.whatif import LIMITS, Bus, Levers, Month, outcome

MONTH = Month(
    grid_kwh=1000.0, grid_kg=600.0, pv_kwh=500.0, pv_self_kwh=400.0, pv_kwp=5.0,
    charger_kwh=200.0, charger_count=4.0, charger_kg=50.0, saved_kwh=80.0, heat_pump_kg=48.0,
    line_kwh=700.0, line_kg=500.0, reduction_kg=9000.0,
)  # fmt: skip
BUS = Bus(km=100.0, kwh_per_km=1.2, diesel_kg_per_km=0.9)


def effect(found, lever):
    return next(one for one in found.effects if one.lever == lever)


def test_pv_by_hand():
    found = outcome([MONTH] * 12, Levers(pv_kwp=2.0))
    # 100 kWh per kWp and month; 80 % used by the site, 0.6 kg/kWh
    assert (found.pv_kwh, found.pv_self_kwh, found.limited) == (2400.0, 1920.0, False)
    one = effect(found, "pv_kwp")
    assert one.emission_kg == pytest.approx(-1920 * 0.6)
    assert one.substitution_kg == pytest.approx(2400 * 0.6)
    assert found.whole == replace(one, lever="all")


def test_no_more_is_used_than_is_still_bought():
    found = outcome([MONTH], Levers(pv_kwp=50.0))
    assert (found.pv_kwh, found.pv_self_kwh, found.limited) == (5000.0, 1000.0, True)
    assert effect(found, "pv_kwp").emission_kg == -600.0  # what is bought, and no more
    more = outcome([MONTH], Levers(pv_kwp=50.0, chargers=4.0, heat_pump_pct=50.0))
    assert more.pv_self_kwh == 1000.0 + 200.0 - 40.0  # what others add, PV may cover


def test_each_other_lever_by_hand():
    found = outcome([MONTH], Levers(0.0, 2.0, 3.0, 50.0, 10.0), BUS)
    assert effect(found, "chargers").emission_kg == pytest.approx(100 * 0.6)
    assert effect(found, "chargers").substitution_kg == pytest.approx(25.0)
    bus = effect(found, "buses")
    assert bus.emission_kg == pytest.approx(3 * 120 * 0.6)
    assert bus.substitution_kg == pytest.approx(3 * (90 - 72))
    pump = effect(found, "heat_pump_pct")
    assert (pump.emission_kg, pump.substitution_kg) == (pytest.approx(-24.0), pytest.approx(24.0))
    mass = effect(found, "throughput_pct")
    assert (mass.emission_kg, mass.reduction_kg) == (pytest.approx(50.0), pytest.approx(900.0))
    assert found.whole.emission_kg == pytest.approx(60 + 216 - 24 + 50)
    assert found.whole.reduction_kg == pytest.approx(900.0)


def test_resold_charging_is_none_of_the_sites_electricity():
    found = outcome([MONTH], Levers(chargers=2.0, buses=1.0), BUS, resold=True)
    assert found.whole.emission_kg == 0.0
    assert effect(found, "chargers").substitution_kg == pytest.approx(25.0)


def test_nothing_changed_is_nothing():
    found = outcome([Month()] * 12, Levers())
    assert (found.whole.emission_kg, found.whole.substitution_kg) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("levers", "gone"),
    [
        (Levers(pv_kwp=1.0), {"pv_kwp": None}), (Levers(pv_kwp=1.0), {"grid_kg": None}),
        (Levers(chargers=1.0), {"charger_count": 0.0}),
        (Levers(heat_pump_pct=5.0), {"saved_kwh": None}),
        (Levers(throughput_pct=5.0), {"line_kg": None}), (Levers(buses=1.0), {}),
    ],
)  # fmt: skip
def test_what_is_not_known_stays_unknown(levers, gone):
    found = outcome([MONTH, replace(MONTH, **gone)], levers)
    assert found.whole.emission_kg is None


@pytest.mark.parametrize("name", list(LIMITS))
def test_beyond_the_sliders_is_refused(name):
    for value in (LIMITS[name][0] - 1, LIMITS[name][1] + 1, float("nan")):
        with pytest.raises(ValueError, match=name):
            Levers(**{name: value})


@given(st.floats(0, 5000), st.floats(0, 100), st.floats(0, 200), st.floats(-50, 100))
@settings(max_examples=60, deadline=None)
def test_pv_never_uses_more_than_is_bought_and_emissions_stay_above_zero(kwp, n, pump, mass):
    found = outcome([MONTH] * 3, Levers(kwp, n, 0.0, pump, mass))
    others = sum(e.emission_kg for e in found.effects if e.lever != "pv_kwp")
    assert found.pv_self_kwh <= found.pv_kwh + 1e-9
    pv = effect(found, "pv_kwp").emission_kg
    demand = sum(e.emission_kg for e in found.effects if e.lever in ("chargers", "heat_pump_pct"))
    room = 3 * max(0.0, 600 + demand / 3 + mass / 100 * 700 * 0.6)
    assert -pv <= room + 1e-6
    assert found.whole.emission_kg == pytest.approx(pv + others)
