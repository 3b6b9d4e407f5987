"""The worked examples of the benefit ledger: M3 to M9, the identity, and their rules."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import pytest

from accounting.factors import FactorLibrary
from accounting.ledger import indicators
from accounting.lifecycle import STAGES
from accounting.products import verdict
from accounting.settlement import site_month
from data.library import shipped
from tests.accounting.make import Book, batch, meter, month, output, trip, use

GRID = meter("G", role="grid_import")
LINES = ("cable", "conductor", "transformer")


def close(value):
    return pytest.approx(value, rel=1e-6)


def exactly(value):
    return pytest.approx(value, rel=1e-12, abs=1e-9)


def recomputed(figure):
    return math.fsum(t.quantity * t.coefficient for t in figure.terms if t.kind != "divisor")


@pytest.mark.parametrize(
    ("generated", "exported", "self_kwh", "rate", "self_kg", "export_kg"),
    [
        (50000.0, 8000.0, 42000.0, 84.0, 27367.2, 5212.8),
        (30000.0, 0.0, 30000.0, 100.0, 19548.0, 0.0),
        (0.0, 0.0, 0.0, None, 0.0, 0.0),
    ],
)
def test_m3_pv(generated, exported, self_kwh, rate, self_kg, export_kg):
    meters = [GRID, meter("P", role="pv_generation"), meter("X", role="pv_export")]
    book = Book(month(meters, {"G": 1000.0, "P": generated, "X": exported}))
    assert book.value("pv_self_use") == close(self_kwh)
    assert book.value("pv_self_rate") == (None if rate is None else close(rate))
    assert book.value("pv_substitution", "self_use") == close(self_kg)
    assert book.value("pv_substitution", "export") == close(export_kg)
    assert book.value("substitution", "pv") == close(self_kg + export_kg)


def test_m3_certificates_sold_leave_the_export():
    meters = [GRID, meter("P", role="pv_generation"), meter("X", role="pv_export")]
    inputs = month(meters, {"G": 1.0, "P": 50000.0, "X": 8000.0}, gec_sold_kwh=3000.0)
    assert Book(inputs).value("pv_substitution", "export") == close(5000 * 0.6516)


def test_m3_more_export_than_generation_is_an_error_and_no_number():
    meters = [GRID, meter("P", role="pv_generation"), meter("X", role="pv_export")]
    book = Book(month(meters, {"G": 1000.0, "P": 10.0, "X": 20.0}))
    for name in ("pv_self_use", "electricity"):
        assert book.value(name) is None
        assert "error" in book.figure(name).flags


def test_m3_without_a_meter_nothing_is_known():
    book = Book(month([GRID], {"G": 1000.0}))
    for name in ("pv_generation", "pv_self_rate"):
        assert book.value(name) is None
    assert book.value("substitution", "pv") is None
    assert book.value("electricity") == close(1000.0)


def car(ident="V1", *, km=None, kwh=None, kind="official_car", new=True):
    return (ident, kind, new, km, kwh, "vehicles.csv:2")


def charging(kwh, vehicles, **settings):
    meters = [GRID, meter("C", role="charger")]
    return Book(month(meters, {"G": 20000.0, "C": kwh}, vehicles=vehicles, settings=settings))


def test_m4_car_bus_and_both():
    assert charging(4000.0, []).value("substitution", "charger") == close(494.816596)
    bus = car(kind="shuttle_bus", km=6000.0, kwh=6600.0)
    assert charging(6600.0, [bus]).value("substitution", "charger") == close(817.349952)
    both = charging(10600.0, [bus]).figure("substitution", "charger")
    assert both.value == close(1312.166548)
    gross = math.fsum(t.quantity * t.coefficient for t in both.terms
                      if "GRID_HE_2023" not in t.factor_ids)  # fmt: skip
    assert gross == close(8219.126548)


def test_m4_4_a_bus_that_emits_more_than_its_diesel_is_negative():
    library = library_with(VEH_DIESEL_BUS=20.0)
    meters = [GRID, meter("C", role="charger")]
    inputs = month(meters, {"G": 20000.0, "C": 9000.0},
                   vehicles=[car(kind="shuttle_bus", km=3000.0, kwh=9000.0)])  # fmt: skip
    found = [f for f in site_month(inputs, library)
             if (f.grain, f.entity) == ("month", "charger")]  # fmt: skip
    assert found[0].value == close(-4304.061600)


def test_m4_kilometres_of_unknown_vehicles_and_old_cars():
    known = car("V1", km=1000.0)  # its kWh follow from its kilometres
    old = car("V2", km=9000.0, new=False)
    rest = 4000.0 - 1000.0 * 0.20656
    km = 1000.0 + rest / 0.20656
    expected = km * 0.075 * 2.135291 - 4000.0 * 0.6516
    assert charging(4000.0, [known, old]).value("substitution", "charger") == close(expected)
    more = charging(100.0, [car("V1", km=1000.0)])  # more driven than charged here: no rest
    assert more.value("substitution", "charger") == close(1000 * 0.075 * 2.135291 - 65.16)


def test_r18_resold_charging_keeps_its_substitution():
    plain, resold = charging(4000.0, []), charging(4000.0, [], charger_resold=True)
    assert plain.value("substitution", "charger") == resold.value("substitution", "charger")
    assert plain.value("emission") > resold.value("emission")


def test_nev_shares():
    fleet = [car("B1", kind="shuttle_bus"), car("B2", kind="shuttle_bus", new=False), car("C1")]
    book = charging(1.0, fleet)
    assert book.value("nev_share", "shuttle_bus") == close(50.0)
    assert book.value("nev_share", "official_car") == close(100.0)
    assert charging(1.0, []).value("nev_share", "official_car") is None


def pump(used, heat_gj=None, *, start, **settings):
    meters = [GRID, meter("H", role="heat_pump", building="office")]
    values = {"G": 90000.0, "H": used}
    if heat_gj is not None:
        meters.append(meter("Q", role="heat_pump_heat", medium="heat", unit="GJ"))
        values["Q"] = heat_gj
    return Book(month(meters, values, start=start, settings=settings, heat_pump_hours=400.0))


COOL, HEAT = date(2026, 7, 1), date(2026, 1, 1)


def library_with(**values):
    library = shipped()
    rows = dict(library.rows)
    for name, value in values.items():
        rows[name] = replace(rows[name], value=value)
    return FactorLibrary(rows, "test")


@pytest.mark.parametrize(
    ("start", "used", "heat", "standard", "saved", "kg"),
    [
        (COOL, 20000.0, 80000.0, 28571.428571, 8571.428571, 5585.142857),
        (HEAT, 30000.0, 105000.0, 45652.173913, 15652.173913, 10198.956522),
        (COOL, 0.0, 0.0, 0.0, 0.0, 0.0),
    ],
)
def test_m5_heat_pump_by_default_cop(start, used, heat, standard, saved, kg):
    book = pump(used, start=start)
    assert book.value("heat_pump_mean_load") == close(heat / 400)
    assert book.value("standard_ac_electricity") == close(standard)
    assert book.value("heat_pump_saved") == close(saved)
    assert book.value("substitution", "heat_pump") == close(kg)
    assert "cop_default" in book.figure("heat_pump_saved").flags
    assert book.figure("heat_pump_saved").quality == "estimated"


def test_m5_3_a_poor_heat_pump_saves_less_than_nothing():
    meters = [GRID, meter("H", role="heat_pump", building="office")]
    inputs = month(meters, {"G": 90000.0, "H": 10000.0}, start=COOL)
    found = {(f.indicator, f.entity): f.value for f in
             site_month(inputs, library_with(HP_COP_C=2.0)) if f.grain == "month"}  # fmt: skip
    assert found["heat_pump_saved", "site"] == close(-2857.142857)
    assert found["substitution", "heat_pump"] == close(-1861.714286)


def test_m5_5_metered_heat():
    book = pump(19000.0, 76000 * 0.0036, start=COOL)
    assert book.value("standard_ac_electricity") == close(27142.857143)
    assert book.value("heat_pump_saved") == close(27142.857143 - 19000)
    assert "cop_default" not in book.figure("heat_pump_saved").flags


@pytest.mark.parametrize(
    ("baseline", "per_kwh"), [("district", 0.0036 * 110), ("gas", 0.0036 / 0.03893 * 2.1622)]
)
def test_r17_other_heating_baselines_hold_in_winter_only(baseline, per_kwh):
    winter = pump(30000.0, 105000 * 0.0036, start=HEAT, heating_baseline=baseline)
    expected = 105000 * per_kwh - 30000 * 0.6516
    assert winter.value("substitution", "heat_pump") == close(expected)
    assert winter.value("heat_pump_saved") == close(15652.173913)
    summer = pump(20000.0, start=COOL, heating_baseline=baseline)
    assert summer.value("substitution", "heat_pump") == close(5585.142857)


def test_identity_of_the_three_sources():
    """ID-1: baseline - project is the sum of the three, whatever PV feeds."""
    meters = [GRID, meter("P", role="pv_generation"), meter("X", role="pv_export"),
              meter("C", role="charger"), meter("H", role="heat_pump", building="office"),
              meter("O", building="office")]  # fmt: skip
    quantities = {"G": 70000.0, "P": 50000.0, "X": 8000.0, "C": 10600.0, "H": 20000.0, "O": 5000.0}
    bus = car(kind="shuttle_bus", km=6000.0, kwh=6600.0)
    book = Book(month(meters, quantities, vehicles=[bus]))
    ef = 0.6516
    others = 70000.0 + 42000.0 - 10600.0 - 20000.0
    fuel = 8219.126548
    baseline = (others + 80000 / 2.8) * ef + fuel
    project = (70000.0 - 8000.0) * ef
    assert baseline - project == close(book.value("substitution"))


def worked(material_set="CONS", **settings):
    """M6-1 to M6-3: 100 t conductor, 25 t cable, 100 transformers."""
    batches = [batch("A", "conductor", 100.0, km=48.095421),
               batch("B", "cable", 25.0, residue=1.0, km=7.8125),
               batch("C", "transformer", 90.2, units=100.0)]  # fmt: skip
    outputs = [
        output("A", "aluminium", 83.67), output("A", "steel", 16.33),
        output("B", "copper", 15.0), output("B", "steel", 2.5), output("B", "plastic_xlpe", 3.0),
        output("B", "plastic_pvc", 3.5),
        output("C", "silicon_steel", 29.8), output("C", "copper", 18.9),
        output("C", "transformer_oil", 20.0), output("C", "iron", 4.0), output("C", "steel", 17.5),
    ]  # fmt: skip
    chosen = settings | {"material_set": material_set}
    return Book(month([GRID], {"G": 1000.0}, batches=batches, outputs=outputs, settings=chosen))


@pytest.mark.parametrize(
    ("chosen", "values"),
    [
        ("CN2026", {"aluminium": 13399.675995, "copper": 3380.45, "steel": 1186.8, "iron": 920.0,
                    "silicon_steel": 1186.8, "transformer_oil": 616.25}),
        ("CONS", {"aluminium": 7714.782239, "copper": 1713.695062, "steel": 956.8, "iron": 956.8,
                  "silicon_steel": 956.8, "transformer_oil": 616.25}),
    ],
)  # fmt: skip
def test_m6_net_factors(chosen, values):
    book = worked(chosen)
    for material, value in values.items():
        assert book.value("net_factor", material) == close(value)
    plastic = (3.0 * 560.152977 + 3.5 * 767.853436) / 6.5
    assert book.value("net_factor", "plastic") == close(plastic)


@pytest.mark.parametrize(
    ("chosen", "line", "value"),
    [
        ("CN2026", "conductor", 1140531.334502), ("CONS", "conductor", 661120.373979),
        ("CN2026", "cable", 58041.695957), ("CONS", "cable", 32465.371884),
        ("CN2026", "transformer", 136031.145000), ("CONS", "transformer", 93797.676668),
    ],
)  # fmt: skip
def test_m6_substitution_of_the_lines(chosen, line, value):
    figure = worked(chosen).figure("product_substitution", line)
    assert figure.value == close(value)
    assert recomputed(figure) == figure.value
    assert "review_high" not in figure.flags


def test_m6_more_per_tonne_than_is_plausible_is_reviewed():
    found = Book(month([GRID], {"G": 1.0}, batches=[batch("A", "conductor", 10.0)],
                       outputs=[output("A", "aluminium", 10.0)],
                       settings={"material_set": "CN2026"}))  # fmt: skip
    assert "review_high" in found.figure("product_substitution", "conductor").flags
    assert "review_high" in found.figure("reduction", "conductor").flags


def test_m6_lines_and_materials_add_up_and_copper_can_be_left_out():
    book, strict = worked(), worked(include_copper=False)
    site = book.value("product_substitution")
    materials = ("aluminium", "copper", "steel", "iron", "silicon_steel", "transformer_oil",
                 "plastic")  # fmt: skip
    assert math.fsum(book.value("product_substitution", m) for m in materials) == exactly(site)
    assert math.fsum(book.value("product_substitution", p) for p in LINES) == exactly(site)
    copper = book.value("product_substitution", "copper")
    assert strict.value("product_substitution", "copper") == copper
    assert strict.value("product_substitution") == exactly(site - copper)


def test_m6_substitution_is_the_factor_times_what_counts():
    book = worked("CN2026")
    for material in ("aluminium", "steel", "plastic", "silicon_steel"):
        tonnes = book.value("product_output", material)
        product = book.value("net_factor", material) * tonnes
        assert book.value("product_substitution", material) == exactly(product)


def test_m6_reused_sheet_is_not_remelted():
    outputs = [output("A", "silicon_steel", 6.0, "reused"), output("A", "silicon_steel", 4.0)]
    book = Book(month([GRID], {"G": 1.0}, batches=[batch("A", "transformer", 10.0)],
                      outputs=outputs))  # fmt: skip
    reused = 0.92 * 2530
    assert book.value("product_substitution", "silicon_steel") == close(6 * reused + 4 * 956.8)
    assert book.value("net_factor", "silicon_steel") == close((6 * reused + 4 * 956.8) / 10)


@pytest.mark.parametrize(
    ("mass_in", "residue", "out", "found"),
    [
        (100.0, 0.0, [98.0], "passed"), (100.0, 0.0, [97.9], "warned"),
        (100.0, 0.0, [95.0], "warned"), (100.0, 0.0, [94.9], "failed"),
        (12.3, 0.0, [11.685], "warned"), (100.0, 5.0, [95.0], "passed"),
        (100.0, 0.0, [100.01], "passed"), (100.0, 0.0, [100.011], "failed"),
        (100.0, 100.0, [], "failed"), (0.0, 0.0, [0.0], "passed"), (0.0, 0.0, [1.0], "failed"),
    ],
)  # fmt: skip
def test_r20_verdicts(mass_in, residue, out, found):
    assert verdict(mass_in, residue, out) == found


def test_r20_a_batch_that_does_not_close_counts_nowhere_and_says_so():
    batches = [batch("A", "cable", 10.0), batch("B", "cable", 10.0), batch("C", "conductor", 5.0)]
    outputs = [output("A", "copper", 10.0), output("B", "copper", 8.0),
               output("C", "aluminium", 5.0)]  # fmt: skip
    book = Book(month([GRID], {"G": 1.0}, batches=batches, outputs=outputs))
    cable = book.figure("product_substitution", "cable")
    assert cable.value == close(10 * 1713.695062)
    assert (cable.quality, cable.flags) == ("incomplete", "mass_balance;provisional")
    assert book.figure("product_substitution", "copper").quality == "incomplete"
    assert book.figure("product_substitution", "aluminium").quality == "measured"
    assert book.figure("product_substitution", "conductor").quality == "measured"
    assert book.value("product_output", "copper") == close(18.0)
    assert book.figure("reduction", "cable").quality == "incomplete"


def test_r20_fates_that_do_not_replace_anything():
    outputs = [output("A", "transformer_oil", 6.0), output("A", "transformer_oil", 4.0, "burnt"),
               output("A", "steel", 10.0, "disposed")]  # fmt: skip
    book = Book(month([GRID], {"G": 1.0}, batches=[batch("A", "transformer", 20.0)],
                      outputs=outputs))  # fmt: skip
    assert book.value("product_substitution", "transformer") == close(6 * 616.25)
    assert book.value("product_output", "steel") == close(10.0)
    assert book.value("lifecycle_emission", "treatment") == close(4 * 3181)


def test_r12_without_a_batch_production_is_unknown_with_one_the_rest_is_zero():
    none = Book(month([GRID], {"G": 1.0}))
    for name, entity in (("product_output", "steel"), ("product_substitution", "cable"),
                         ("reduction", "cable"), ("throughput", "cable"),
                         ("product_substitution", "site"), ("reduction", "site"),
                         ("energy_per_tonne", "cable"), ("residue", "cable")):  # fmt: skip
        assert none.value(name, entity) is None, name
    assert none.value("net_factor", "aluminium") == close(7714.782239)
    one = Book(month([GRID], {"G": 1.0}, batches=[batch("A", "cable", 2.0)],
                     outputs=[output("A", "copper", 2.0)]))  # fmt: skip
    assert one.value("throughput", "transformer") == 0
    assert one.value("product_output", "cable/steel") == 0
    assert one.value("product_substitution", "conductor") == 0
    assert one.value("energy_per_tonne", "conductor") is None


BENCH = {"cable": "cable_line", "conductor": "conductor_line", "transformer": "transformer_bench"}
RECOVERED = {
    "conductor": {"aluminium": 83.67, "steel": 16.33},
    "cable": {"copper": 15.0, "steel": 2.5, "plastic_xlpe": 3.0, "plastic_pvc": 3.5},
    "transformer": {"silicon_steel": 29.8, "copper": 18.9, "transformer_oil": 20.0, "iron": 4.0,
                    "steel": 17.5},
}  # fmt: skip


def process(line, *, collect, transport, kwh, litres, sorting, treat, mass=100.0, oil=0.0,
            storage=0.0, **settings):  # fmt: skip
    """A plant that works for one line alone: every stage as M7 gives it."""
    meters = [GRID, meter("D", equipment=BENCH[line]), meter("S", equipment="sorting"),
              meter("E", equipment="environmental"), meter("Y", equipment="storage")]  # fmt: skip
    quantities = {"G": 90000.0, "D": kwh, "S": sorting, "E": treat, "Y": storage}
    outputs = [output("A", material, tonnes) for material, tonnes in RECOVERED[line].items()]
    if oil:
        outputs.append(output("A", "transformer_oil", oil, "burnt"))
    left = mass - math.fsum(RECOVERED[line].values()) - oil
    return Book(month(
        meters, quantities, batches=[batch("A", line, mass, residue=left)], outputs=outputs,
        fuel=[use("F", litres)], settings=settings,
        trips=[trip("T1", "collection", line, collect, 1.0),
               trip("T2", "transport", line, transport, 1.0)],
    ))  # fmt: skip


M7 = {
    "conductor": {"collect": 500.0, "transport": 12000.0, "storage": 300.0, "kwh": 2500.0,
                  "litres": 180.0, "sorting": 400.0, "treat": 600.0, "mass": 100.0},
    "cable": {"collect": 125.0, "transport": 2000.0, "storage": 120.0, "kwh": 1500.0,
              "litres": 60.0, "sorting": 300.0, "treat": 250.0, "mass": 25.0},
    "transformer": {"collect": 744.0, "transport": 13950.0, "storage": 500.0, "kwh": 1800.0,
                    "litres": 240.0, "sorting": 200.0, "treat": 900.0, "oil": 2.0, "mass": 93.0},
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "stages", "whole", "reduction"),
    [
        ("conductor", (143.0, 1548.0, 195.48, 2097.101520, 260.64, 390.96), 4635.181520,
         {"CN2026": 1135896.152982, "CONS": 656485.192459}),
        ("cable", (35.75, 258.0, 78.192, 1133.433840, 195.48, 162.9), 1863.755840,
         {"CN2026": 56177.940117, "CONS": 30601.616044}),
        ("transformer", (212.784, 1799.55, 325.8, 1797.015360, 130.32, 6948.44), 11213.909360,
         {"CN2026": 124817.235640, "CONS": 82583.767308}),
    ],
)  # fmt: skip
def test_m7_stages_and_reduction(line, stages, whole, reduction):
    book = process(line, **M7[line])
    for stage, value in zip(STAGES, stages, strict=True):
        assert book.value("lifecycle_emission", stage) == close(value)
    site = book.value("lifecycle_emission")
    assert site == close(whole)
    assert math.fsum(book.value("lifecycle_emission", s) for s in STAGES) == exactly(site)
    assert book.value("lifecycle_emission", line, "line") == exactly(site)
    assert book.value("lifecycle_emission", "_unallocated") == 0
    for chosen, value in reduction.items():
        assert process(line, material_set=chosen, **M7[line]).value("reduction") == close(value)


def test_m8_full_process_emissions_per_tonne_kilometre_and_unit():
    cable, wire, unit = (process(line, **M7[line]).value("lifecycle_emission") for line in
                         ("cable", "conductor", "transformer"))  # fmt: skip
    assert (cable / 25, cable / 25 * 3.2) == (close(74.550234), close(238.560748))
    assert (wire / 100, wire / 100 * 2.0792) == (close(46.351815), close(96.374694))
    assert (unit / 100, unit / 93 * 0.927) == (close(112.139094), close(111.777355))


def test_m7_energy_parts_reconcile_with_the_line():
    book = process("conductor", collect=0.0, transport=0.0, kwh=2500.0, litres=200.0,
                   sorting=400.0, treat=600.0)  # fmt: skip
    stages = math.fsum(book.value("lifecycle_emission", s)
                       for s in ("dismantling", "sorting", "treatment"))  # fmt: skip
    assert stages == exactly(book.value("emission", "conductor", "line"))


def test_m7_own_trucks_count_litres_and_the_return_factor_other_tonnes():
    trips = [trip("T1", "transport", "cable", 10.0, 100.0),
             trip("T2", "transport", "cable", 10.0, 100.0, own=True, litres=30.0),
             trip("T3", "outbound", "cable", 10.0, 100.0, own=True),
             trip("T4", "collection", "cable", 10.0, 100.0, vehicle="TRN_RAIL")]  # fmt: skip
    book = Book(month([GRID], {"G": 1.0}, trips=trips, settings={"return_trip_factor": 2.0}))
    assert book.value("lifecycle_emission", "transport") == close(2 * 129 + 30 * 2.600564)
    assert book.value("lifecycle_emission", "treatment") == close(2 * 129)
    assert book.value("lifecycle_emission", "collection") == close(2 * 10)


def test_m7_flags_of_what_is_not_there():
    book = Book(month([GRID], {"G": 1.0}, batches=[batch("A", "cable", 10.0, residue=1.0)],
                      outputs=[output("A", "copper", 9.0)]))  # fmt: skip
    assert book.figure("lifecycle_emission", "sorting").flags == "merged_in_dismantle"
    assert book.value("lifecycle_emission", "sorting") == 0
    assert "no_trips" in book.figure("lifecycle_emission", "collection").flags
    assert "no_disposal_factor" in book.figure("lifecycle_emission", "treatment").flags
    assert "boundary_overlap" in book.figure("reduction", "cable").flags


def test_reduction_is_the_difference_and_may_be_negative():
    book = process("cable", collect=1e6, transport=1e6, kwh=10.0, litres=1.0, sorting=1.0,
                   treat=1.0, mass=25.0)  # fmt: skip
    s, l = (book.value(n, "cable", "line") for n in ("product_substitution", "lifecycle_emission"))  # noqa: E741
    assert book.value("reduction", "cable") == exactly(s - l)
    assert s - l < 0
    assert book.value("reduction") == exactly(s - l)


def test_m8_unit_products():
    book = worked()
    energy = book.value("energy", "conductor", "line")
    assert energy is None or energy >= 0
    reduction = book.value("reduction", "conductor")
    assert book.value("reduction_per_tonne", "conductor") == close(reduction / 100)
    assert book.value("reduction_per_km", "conductor") == close(reduction / 48.095421)
    unit = book.figure("reduction_per_unit", "transformer")
    assert unit.value == close(book.value("reduction", "transformer") / 100)
    assert recomputed(unit) == exactly(unit.value)


def test_m8_per_km_scales_to_the_batches_without_a_length():
    batches = [batch("A", "cable", 20.0, km=10.0), batch("B", "cable", 30.0)]
    outputs = [output("A", "copper", 20.0), output("B", "copper", 30.0)]
    book = Book(month([GRID], {"G": 1.0}, batches=batches, outputs=outputs))
    reduction = book.value("reduction", "cable")
    assert book.value("reduction_per_km", "cable") == close(reduction / 50 * 20 / 10)
    assert book.value("reduction_per_km", "conductor") is None


def test_idle_line_keeps_its_energy_and_has_no_intensity():
    meters = [GRID, meter("K", equipment="cable_line")]
    inputs = month(meters, {"G": 100.0, "K": 40.0}, batches=[batch("A", "conductor", 1.0)],
                   outputs=[output("A", "aluminium", 1.0)], fuel=[use("F", 0.0)])  # fmt: skip
    book = Book(inputs)
    assert book.value("energy", "cable", "line") > 0
    assert "idle" in book.figure("energy", "cable", "line").flags
    assert book.value("energy_per_tonne", "cable") is None
    assert "idle" in book.figure("energy_per_tonne", "cable").flags


def test_low_volume_months_say_so():
    inputs = month([GRID], {"G": 100.0}, batches=[batch("A", "cable", 1.0)],
                   outputs=[output("A", "copper", 1.0)],
                   usual_throughput_t={"cable": 30.0})  # fmt: skip
    assert "low_volume" in Book(inputs).figure("reduction_per_tonne", "cable").flags


def test_creditable_needs_the_flag():
    assert worked().value("creditable_reduction", "conductor") == 0
    figure = worked(creditable=True).figure("creditable_reduction", "conductor")
    reduction = worked().value("reduction", "conductor")
    assert any(figure.value == exactly(reduction / 1000 * cf) for cf in
               (0.98, 0.94, 0.89, 0.82, 0.73))  # fmt: skip
    assert recomputed(figure) == exactly(figure.value)


def test_devices_in_service():
    devices = [("P1", "pv", 100.0, "kWp", "2026-01-01", None, "d:2"),
               ("P2", "pv", 50.0, "kWp", "2026-08-01", None, "d:3"),
               ("C1", "charger", 7.0, "kW", "2026-07-31", None, "d:4"),
               ("C2", "charger", 7.0, "kW", "2020-01-01", "2026-07-30", "d:5")]  # fmt: skip
    book = Book(month([GRID], {"G": 1.0}, devices=devices))
    assert book.value("pv_capacity") == 100.0
    assert book.value("charger_count") == 1
    assert Book(month([GRID], {"G": 1.0})).value("charger_count") is None


def test_every_indicator_has_its_rows():
    found = {(f.indicator, f.dimension, f.entity) for f in site_month(
        month([GRID], {"G": 1.0}), shipped()) if f.grain == "month"}  # fmt: skip
    wanted = set()
    for (name, dimension), row in indicators().items():
        if "month" not in row.grains or name.startswith("ccer_") or name == "alarm_count":
            continue
        entities = row.entities
        if dimension == "line_material":
            entities = [f"{p}/{m}" for p in LINES for m in (
                "aluminium", "copper", "steel", "iron", "silicon_steel", "transformer_oil",
                "plastic")]  # fmt: skip
        wanted |= {(name, dimension, entity) for entity in entities}
    assert wanted == found
