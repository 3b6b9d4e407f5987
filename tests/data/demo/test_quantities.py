"""True quantities: plausible, balanced in every quarter, and each day on its own."""

import time
from datetime import date

import numpy as np
import pytest

from data.demo.episodes import of_year, within
from data.demo.loads import METERS, PV_KWP
from data.demo.plant import generate
from data.demo.weather import SLOTS
from tests.data.demo.conftest import LAST, SEED, made

DAYS = 365
PHASE_1_T = 5000 + 300 + 3000 * 1.05
MICRO = 1_000_000
TOP = [m.meter_id for m in METERS if m.medium == "electricity" and not m.parent_id
       and m.role in ("consumer", "charger", "heat_pump")]  # fmt: skip


def micro(values):
    return np.rint(values * MICRO).astype(np.int64)


@pytest.fixture(scope="module")
def year(whole):
    return {meter: values[-DAYS * SLOTS :] for meter, values in whole.truth.items()}


def test_electricity_of_the_last_year(year):
    used = sum(year["E00"]) + sum(year["E01"]) - sum(year["E02"])
    assert 900_000 < used < 1_100_000


def test_pv_of_the_last_year(year):
    assert 1_150 < year["E01"].sum() / PV_KWP < 1_280
    assert year["E01"].max() * 4 <= 0.90 * PV_KWP
    by_slot = year["E01"].reshape(DAYS, SLOTS)
    assert by_slot[:, : 4 * 4].max() == 0.0
    assert by_slot[:, 21 * 4 :].max() == 0.0


def test_water_of_the_last_year(year):
    assert 6 < year["W00"].sum() / DAYS < 9
    assert (year["W00"] >= year["W01"]).all()


def test_heat_pump_gives_three_to_five_times_its_electricity(year):
    heat_kwh = year["H40"].sum() / 0.0036
    assert 3.0 < heat_kwh / year["E40"].sum() < 5.0


@pytest.mark.parametrize("seed", [7, 99])
def test_other_seeds_are_other_plants_of_the_same_size(seed):
    found = made(LAST, 12, seed)
    total = {meter: values[-DAYS * SLOTS :].sum() for meter, values in found.truth.items()}
    assert 900_000 < total["E00"] + total["E01"] - total["E02"] < 1_100_000
    assert 1_150 < total["E01"] / PV_KWP < 1_280
    assert 6 < total["W00"] / DAYS < 9


@pytest.mark.parametrize(("calendar_year", "share"), [(2024, 0.60), (2025, 0.80), (2026, 0.95)])
def test_throughput_ramps_up(whole, calendar_year, share):
    mass = sum(float(row["mass_in_t"]) for book in whole.books for row in book.batches
               if row["date"].startswith(str(calendar_year)))  # fmt: skip
    seen = sum(day.year == calendar_year for day in whole.days) / 365
    assert mass / (PHASE_1_T * seen) == pytest.approx(share, rel=0.08)


def test_chargers_cover_what_the_vehicles_report(whole):
    vehicles = whole.plant.tables["vehicles"]
    charged = vehicles[(vehicles["new_energy"] == 1) & (vehicles["month"].str[:4] == "2025")]
    reported = charged["kwh"].replace("", 0).astype(float).sum()
    at = np.repeat([day.year == 2025 for day in whole.days], SLOTS)
    metered = sum(whole.truth[m.meter_id][at].sum() for m in METERS if m.role == "charger")
    assert 0.4 * metered < reported < metered


def test_balance_holds_exactly_in_every_quarter(whole):
    grid, generation, export = (micro(whole.truth[meter]) for meter in ("E00", "E01", "E02"))
    load = np.sum([micro(whole.truth[meter]) for meter in TOP], axis=0)
    assert (load > 0).all()
    assert np.array_equal(50 * (grid + generation - export), 51 * load)
    assert not (np.minimum(grid, export) > 0).any()
    assert min(grid.min(), export.min()) == 0


def test_children_measure_no_more_than_their_parent(whole):
    for parent in ("E30", "W00"):
        children = [m.meter_id for m in METERS if m.parent_id == parent]
        assert children
        rest = whole.truth[parent] - np.sum([whole.truth[child] for child in children], axis=0)
        assert rest.min() > -1e-9


def test_no_true_quantity_exceeds_its_meter(whole):
    for meter in METERS:
        most = whole.truth[meter.meter_id].max() * 4
        assert most <= 1.2 * meter.rated_max_per_hour, meter.meter_id
        assert whole.truth[meter.meter_id].min() >= 0, meter.meter_id


def test_a_days_quantities_depend_neither_on_months_nor_on_the_last_day(whole):
    longer, earlier = made(LAST, 3), made(date(2026, 10, 20), 2)
    shorter = made(LAST, 2)
    for meter, values in shorter.truth.items():
        assert np.array_equal(values, longer.truth[meter][-len(values) :]), meter
        assert np.array_equal(values, whole.truth[meter][-len(values) :]), meter
    common = [day for day in shorter.days if day in earlier.days]
    assert len(common) > 40
    for meter in shorter.truth:
        ours, theirs = ([side.truth[meter].reshape(-1, SLOTS)[side.days.index(day)]
                         for day in common] for side in (shorter, earlier))  # fmt: skip
        assert np.array_equal(ours, theirs), meter


def test_episodes_change_what_is_consumed(whole):
    for one in within(SEED, whole.days[0], whole.days[-1]):
        first = whole.days.index(one.first)
        last = whole.days.index(one.last)
        daily = whole.truth[one.kind.meter_id].reshape(-1, SLOTS)
        inside, before = daily[first : last + 1], daily[max(first - 8, 0) : first]
        if one.kind.name == "leak":
            assert inside[:, 8:16].min() >= one.size / 4
            assert before[:, 8:16].max() < one.size / 4
        elif one.kind.name == "inverter_outage":
            assert inside.sum(axis=1).mean() < 0.5 * before.sum(axis=1).mean()
        elif one.kind.name == "night_load":
            assert inside[:, :24].mean() > 5 * before[:, :24].mean()
        else:
            assert inside[:, 28:68].min() * 4 > 0.7 * one.size


def test_episodes_are_cut_at_the_ends_of_the_range():
    leak = of_year(SEED, "leak", 2025)
    found = within(SEED, leak.last, leak.last)
    assert ("leak", leak.last, leak.last) in [(e.kind.name, e.first, e.last) for e in found]


def test_two_months_are_quick():
    began = time.perf_counter()
    plant = generate(LAST, 2)
    assert time.perf_counter() - began < 3.0
    assert {len(d.frame) > 0 for d in plant.readings} == {True}
