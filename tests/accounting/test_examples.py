"""The worked examples of the accounting basis: M1, M2 and M12."""

from datetime import date

import numpy as np
import pytest

from accounting.allocation import UNALLOCATED, shares
from accounting.amount import MEASURED, Source, of, total, weighted
from data.library import shipped
from tests.accounting.make import Book, batch, meter, month, trip, use


def close(value):
    return pytest.approx(value, rel=1e-6)


def plant(grid, pv_self, water, diesel, **more):
    meters = [
        meter("G", role="grid_import"),
        meter("PV", role="pv_generation"),
        meter("W", medium="water", unit="m3"),
    ]
    return month(meters, {"G": grid, "PV": pv_self, "W": water}, fuel=[use("F1", diesel)], **more)


@pytest.mark.parametrize(
    ("grid", "pv", "water", "diesel", "kgce", "kg"),
    [
        (60000, 12000, 400, 900, (8848.8, 102.84, 1101.5676, 10053.2076),
         (39096.0, 67.2, 2340.5076, 41503.7076)),
        (0, 0, 0, 0, (0, 0, 0, 0), (0, 0, 0, 0)),
        (85000, 0, 520, 1200, (10446.5, 133.692, 1468.7568, 12048.9488),
         (55386.0, 87.36, 3120.6768, 58594.0368)),
        (30000, 40000, 300, 0, (8603.0, 77.13, 0, 8680.13), (19548.0, 50.4, 0, 19598.4)),
    ],
)  # fmt: skip
def test_m1_energy_and_emissions(grid, pv, water, diesel, kgce, kg):
    book = Book(plant(grid, pv, water, diesel))
    media = ("electricity", "water", "diesel")
    assert [book.value("energy", m, "medium") for m in media] == [close(v) for v in kgce[:3]]
    assert book.value("energy") == close(kgce[3])
    assert [book.value("emission", m, "medium") for m in media] == [close(v) for v in kg[:3]]
    assert book.value("emission") == close(kg[3])


def test_m1_5_consumers_carry_the_grid_part_and_add_up():
    meters = [
        meter("G", role="grid_import"),
        meter("PV", role="pv_generation"),
        meter("C", equipment="conductor_line"),
        meter("X"),
    ]
    book = Book(
        month(meters, {"G": 60000.0, "PV": 12000.0, "C": 3000.0, "X": 69000.0},
              fuel=[use("F", 0.0)], batches=[batch("B", "conductor", 1.0)])
    )  # fmt: skip
    assert book.value("energy", "conductor_line") == close(368.7)
    assert book.value("emission", "conductor", "line") == close(1629.0)
    groups = [book.value("emission", g, "group") or 0.0 for g in ("dismantling", "other")]
    assert sum(groups) == close(39096.0)
    assert book.value("emission", "electricity", "medium") == close(39096.0)


def amount(number, ref="X", unit="t"):
    zero = np.zeros(1)
    source = Source("batch", ref, unit, np.array([float(number)]), zero, zero, zero)
    return of(source, np.array([MEASURED]), np.array([0]))


@pytest.mark.parametrize(
    ("resource", "keys", "expected"),
    [
        (3000.0, (25.0, 400.0, 275.0), (107.142857, 1714.285714, 1178.571429, 0)),
        (900.0, (50.0, 300.0, 150.0), (90.0, 540.0, 270.0, 0)),
        (1200.0, (0.0, 0.0, 0.0), (0, 0, 0, 1200.0)),
        (2000.0, (0.0, 120.0, 80.0), (0, 1200.0, 800.0, 0)),
    ],
)
def test_m2_allocation(resource, keys, expected):
    lines = ("cable", "conductor", "transformer")
    split = shares({p: amount(k, p) for p, k in zip(lines, keys, strict=True)}, "alloc_mass")
    whole = amount(resource, "R", "kWh")
    parts = [weighted(whole, split[p]).values[0] for p in (*lines, UNALLOCATED)]
    assert parts == [close(v) for v in expected]
    assert sum(parts) == pytest.approx(resource, rel=1e-12)


def test_negative_keys_are_rejected():
    with pytest.raises(ValueError, match="negative"):
        shares({"cable": amount(-1.0, "a"), "conductor": amount(2.0, "b")}, "alloc_mass")


def test_m2_5_conductor_line():
    meters = [
        meter("G", role="grid_import"),
        meter("L", equipment="conductor_line"),
        meter("CR", equipment="crane"),
        meter("EN", equipment="environmental"),
    ]
    inputs = month(
        meters,
        {"G": 10000.0, "L": 2500.0, "CR": 3000.0, "EN": 900.0},
        batches=[batch("B1", "cable", 25.0), batch("B2", "conductor", 400.0),
                 batch("B3", "transformer", 275.0)],
        jobs=[("J1", "2026-07-03", "environmental", "cable", 5.0, None, "j:2"),
              ("J2", "2026-07-03", "environmental", "conductor", 40.0, None, "j:3"),
              ("J3", "2026-07-03", "environmental", "transformer", 25.0, None, "j:4")],
        fuel=[use("F", 200.0, line="conductor")],
    )  # fmt: skip
    book = Book(inputs)
    crane, env = 3000.0 * 400 / 700, 900.0 * 40 / 70
    assert (crane, env) == (close(1714.285714), close(514.285714))
    assert book.value("electricity", "conductor", "line") == close(4728.571429)
    assert book.value("diesel", "conductor") == close(200.0)
    assert book.value("energy", "conductor", "line") == close(825.934229)
    assert book.value("emission", "conductor", "line") == close(3601.249943)
    assert book.value("emission", "conductor", "line") / 400 == close(9.003125)
    flags = book.figure("electricity", "conductor", "line").flags
    assert flags == "alloc_job;alloc_mass"


def test_m12_per_area_and_missing_area():
    meters = [meter("G", role="grid_import"), meter("O", building="office")]
    book = Book(month(meters, {"G": 100000.0, "O": 9000 / 0.1229}, fuel=[use("F", 0.0)]))
    assert book.value("energy_per_area", "office") == close(4.5)
    plant_kg = book.value("emission", "plant", "building")
    assert book.value("emission_per_area", "plant") == close(plant_kg / 12000)
    bare = Book(month(meters, {"G": 100000.0, "O": 1.0}, areas=(("plant", 0.0),)))
    assert bare.value("emission_per_area", "plant") is None
    assert bare.value("emission_per_area", "office") is None


def test_factor_of_a_month():
    library = shipped()
    assert library.grid("CN-HE", date(2022, 5, 1)).factor_id == "GRID_HE_2022"
    new = library.grid("CN-HE", date(2026, 7, 1))
    assert (new.factor_id, new.flags) == ("GRID_HE_2023", 1 << 8)
    assert library.grid("CN-HE", date(2023, 7, 1)).flags == 0
    assert library.grid("CN-HE", date(2019, 7, 1)).factor_id == "GRID_HE_2021"
    assert library.grid("CN-TW", date(2026, 7, 1)).factor_id == "GRID_CN_2023"
    assert library.choose("TCE_WATER", date(2026, 7, 1)).value == 0.2571


def test_sum_over_parts_skips_null_and_says_so():
    known, unknown = amount(5.0, "a"), amount(float("nan"), "b")
    both = total([known, unknown], 1)
    assert (both.values[0], both.quality[0]) == (5.0, 2)
    none = total([unknown], 1)
    assert np.isnan(none.values[0])
    assert none.quality[0] == 3


def fuel_book(fuel, trips=()):
    meters = [meter("G", role="grid_import")]
    lots = [batch("B", "cable", 30.0), batch("C", "conductor", 10.0)]
    return Book(month(meters, {"G": 1000.0}, fuel=fuel, trips=trips, batches=lots))


def test_r13_petrol_counts_as_fuel_and_not_as_diesel():
    book = fuel_book([use("F1", 100.0), use("F2", 50.0, product="petrol")])
    assert book.value("diesel") == close(100.0)
    petrol_kgce, petrol_kg = 50 * 0.73 * 1.4714, 50 * 2.135291
    assert book.value("energy", "diesel", "medium") == close(100 * 1.2239640 + petrol_kgce)
    assert book.value("emission", "scope1", "scope") == close(260.0564 + petrol_kg)
    assert book.value("diesel", "cable") == close(75.0)
    assert book.value("energy", "forklift", "equipment") == close(122.39640 + petrol_kgce)


def test_r13_own_trips_count_only_without_truck_rows():
    trips = [trip("T1", "collection", "cable", 1.0, 9.0, own=True, litres=40.0),
             trip("T2", "collection", "cable", 1.0, 9.0, litres=99.0)]  # fmt: skip
    assert fuel_book([use("F1", 100.0)], trips).value("diesel") == close(140.0)
    with_truck = fuel_book([use("F1", 100.0), use("F2", 7.0, consumer="truck")], trips)
    assert with_truck.value("diesel") == close(107.0)
    assert with_truck.value("diesel", "cable") == close(75.0)


def test_r13_tank_book_when_no_use_is_logged():
    rows = [
        use("D1", 1000.0, kind="dip", at="2026-06-30 20:00"),
        use("D2", 500.0, kind="delivery", at="2026-07-15 10:00"),
        use("D3", 1200.0, kind="dip", at="2026-08-01 08:00"),
    ]
    book = fuel_book(rows)
    figure = book.figure("diesel")
    assert (figure.value, figure.quality) == (close(300.0), "estimated")
    assert book.value("diesel", "conductor") == close(75.0)
    assert {k[1] for k, f in book.all.items() if k[2] == "diesel" and f.value is not None} == {
        "2026-07"
    }
    late = [*rows[:2], use("D3", 1200.0, kind="dip", at="2026-08-05 08:00")]
    assert fuel_book(late).value("diesel") is None


def test_r12_no_batch_leaves_shared_resources_unallocated():
    meters = [meter("G", role="grid_import"), meter("K", equipment="crane")]
    book = Book(month(meters, {"G": 1000.0, "K": 400.0}))
    assert book.value("throughput", "cable") is None
    assert book.value("electricity", "_unallocated", "line") == close(400.0)
    assert book.figure("electricity", "_unallocated", "line").flags == "unallocated"


def test_r14_water_by_headcount_and_null_without():
    meters = [meter("G", role="grid_import"), meter("W", medium="water", unit="m3")]
    quantities = {"G": 1000.0, "W": 90.0}
    counted = Book(month(meters, quantities, headcounts={"plant": 40.0, "office": 20.0}))
    assert counted.value("water", "office") == close(30.0)
    assert counted.figure("water", "office").quality == "estimated"
    bare = Book(month(meters, quantities))
    assert bare.value("water", "office") is None
    assert bare.value("water", "plant") == close(90.0)


def test_r15_heat_pump_of_both_buildings_goes_by_area():
    meters = [meter("G", role="grid_import"), meter("H", role="heat_pump")]
    book = Book(month(meters, {"G": 1000.0, "H": 700.0}))
    office = book.figure("electricity", "office", "building")
    assert (office.value, office.quality) == (close(700 * 2000 / 14000), "estimated")
    assert office.flags == "area_split"


def test_r18_resold_charging_leaves_emissions_but_not_energy():
    meters = [meter("G", role="grid_import"), meter("Q", role="charger")]
    kept = Book(month(meters, {"G": 1000.0, "Q": 300.0}))
    sold = Book(month(meters, {"G": 1000.0, "Q": 300.0}, settings={"charger_resold": True}))
    assert sold.value("energy") == kept.value("energy")
    assert sold.value("emission", "scope2", "scope") == close(700 * 0.6516)
    assert sold.value("emission", "scope3", "scope") == close(300 * 0.6516)
    assert sold.value("emission", "plant", "building") == close(700 * 0.6516)


def test_r19_market_based_and_pv_without_export_meter():
    meters = [meter("G", role="grid_import"), meter("P", role="pv_generation")]
    book = Book(month(meters, {"G": 1000.0, "P": 500.0}, green_kwh=400.0, fuel=[use("F", 0.0)]))
    assert book.value("emission_market_based") == close(600 * 0.6096)
    assert "no_export_meter" in book.figure("pv_self_use").flags
    more = Book(month(meters, {"G": 1000.0, "P": 500.0}, green_kwh=4000.0, fuel=[use("F", 0.0)]))
    assert more.value("emission_market_based") == 0.0


def test_r19_unknown_pv_makes_electricity_unknown():
    meters = [meter("G", role="grid_import"), meter("P", role="pv_generation")]
    book = Book(month(meters, {"G": 1000.0, "P": float("nan")}))
    assert book.value("pv_self_use") is None
    assert book.value("electricity") is None
    assert book.value("emission", "scope2", "scope") == close(651.6)


def test_r9_children_are_not_counted_twice_and_imbalance_is_not_plugged():
    meters = [
        meter("G", role="grid_import"),
        meter("A", group="office", building="office"),
        meter("B", group="ac", building="office", parent_id="A"),
    ]
    book = Book(month(meters, {"G": 1000.0, "A": 300.0, "B": 100.0}))
    assert book.value("electricity", "office", "group") == close(200.0)
    assert book.value("electricity", "office", "building") == close(300.0)
    assert book.value("electricity", "other", "group") == close(700.0)
    wrong = Book(month(meters, {"G": 250.0, "A": 300.0, "B": 100.0}))
    assert "balance_error" in wrong.figure("electricity").flags
    assert wrong.value("electricity", "other", "group") is None
