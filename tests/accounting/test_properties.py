"""What must hold for any plant: parts and totals, order, scale, units, nulls and negatives."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounting.factors import FactorLibrary
from accounting.settlement import site_month
from accounting.uncertainty import exponents
from data.library import shipped
from tests.accounting.make import batch, meter, month, output, trip, use

LINES = ("cable", "conductor", "transformer")
MATERIALS = ("aluminium", "copper", "steel", "iron", "silicon_steel", "transformer_oil",
             "plastic_pvc", "plastic_pe", "plastic_xlpe")  # fmt: skip
METERS = (
    meter("G", role="grid_import"),
    meter("P", role="pv_generation"),
    meter("X", role="pv_export"),
    meter("K1", equipment="cable_line"),
    meter("K2", equipment="conductor_line"),
    meter("K3", equipment="transformer_bench"),
    meter("CR", equipment="crane"),
    meter("EN", equipment="environmental"),
    meter("SO", equipment="sorting"),
    meter("ST", equipment="storage"),
    meter("O", building="office", group="office"),
    meter("H", role="heat_pump", building="office"),
    meter("Q", role="heat_pump_heat", medium="heat", unit="GJ", building="office"),
    meter("C", role="charger"),
    meter("W", medium="water", unit="m3"),
    meter("W2", medium="water", unit="m3", building="office", parent_id="W"),
)
CONSUMERS = ("K1", "K2", "K3", "CR", "EN", "SO", "ST", "O", "H", "C")
PROPERTY = settings(
    max_examples=25, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
amount = st.floats(0.0, 5000.0).map(lambda x: round(x, 2))
mass = st.floats(0.5, 300.0).map(lambda x: round(x, 3))


@st.composite
def plants(draw):
    """Arguments of a month: meters, records and what is missing."""
    used = {name: draw(amount) for name in CONSUMERS}
    whole = math.fsum(used.values())
    generated = draw(amount)
    exported = round(min(generated, draw(amount)), 2)
    quantities = used | {"P": generated, "X": exported, "Q": draw(amount) / 10, "W": 600.0,
                         "W2": draw(st.floats(0.0, 600.0).map(lambda x: round(x, 1)))}  # fmt: skip
    quantities["G"] = max(0.0, round(whole - generated + exported + draw(amount) / 50, 2))
    batches, outputs = [], []
    for number in range(draw(st.integers(0, 5))):
        into = draw(mass)
        line = draw(st.sampled_from(LINES))
        batches.append(batch(f"B{number}", line, into, residue=0.0, km=1.0, units=3))
        share = draw(st.floats(0.9, 1.0))
        material = draw(st.lists(st.sampled_from(MATERIALS), min_size=1, max_size=4, unique=True))
        outputs += [output(f"B{number}", m, into * share / len(material)) for m in material]
    trips = [trip(f"T{n}", draw(st.sampled_from(("collection", "transport", "outbound"))),
                  draw(st.sampled_from(LINES)), draw(mass), draw(amount))
             for n in range(draw(st.integers(0, 4)))]  # fmt: skip
    fuel = [use(f"F{n}", draw(amount), consumer=draw(st.sampled_from(("forklift", "stacker"))),
                line=draw(st.sampled_from(("", "cable", "shared"))),
                product=draw(st.sampled_from(("diesel", "petrol"))))
            for n in range(draw(st.integers(0, 4)))]  # fmt: skip
    vehicles = [(f"V{n}", draw(st.sampled_from(("shuttle_bus", "official_car"))),
                 draw(st.booleans()), draw(st.one_of(st.none(), amount)),
                 draw(st.one_of(st.none(), amount)), "v:2")
                for n in range(draw(st.integers(0, 3)))]  # fmt: skip
    return {"quantities": quantities, "batches": batches, "outputs": outputs, "trips": trips,
            "fuel": fuel, "vehicles": vehicles}  # fmt: skip


def inputs(plant, **more):
    rest = {k: v for k, v in plant.items() if k != "quantities"}
    return month(METERS, plant["quantities"], heat_pump_hours=100.0, **rest, **more)


def figures(made, library=None):
    found = site_month(made, library or shipped())
    return {(f.indicator, f.dimension, f.entity): f for f in found if f.grain == "month"}


def close(value):
    return pytest.approx(value, rel=1e-9, abs=1e-6)


WHOLES = (
    ("electricity", "building", "electricity"), ("electricity", "group", "electricity"),
    ("water", "building", "water"), ("energy", "medium", "energy"),
    ("energy", "building", "energy"), ("energy", "group", "energy"),
    ("emission", "medium", "emission"), ("emission", "building", "emission"),
    ("emission", "group", "emission"), ("emission", "line", "emission"),
    ("emission", "scope", "emission"), ("substitution", "source", "substitution"),
    ("lifecycle_emission", "stage", "lifecycle_emission"),
    ("lifecycle_emission", "line", "lifecycle_emission"),
    ("product_substitution", "material", "product_substitution"),
    ("product_substitution", "line", "product_substitution"),
)  # fmt: skip


@PROPERTY
@given(plants())
def test_parts_make_their_whole(plant):
    found = figures(inputs(plant))
    for indicator, dimension, whole in WHOLES:
        parts = [f for key, f in found.items() if key[:2] == (indicator, dimension)]
        total = found[whole, "site", "site"]
        known = [p.value for p in parts if p.value is not None]
        if total.value is None:
            assert known == []
        elif all(p.value is not None for p in parts):
            assert math.fsum(known) == close(total.value), (indicator, dimension)
    for line in LINES:
        parts = [found["product_output", "line_material", f"{line}/{m}"].value
                 for m in (*MATERIALS[:6], "plastic")]  # fmt: skip
        if None not in parts:
            whole_in = found["throughput", "line", line].value
            assert math.fsum(parts) <= whole_in * 1.0001 + 1e-9


@PROPERTY
@given(plants(), st.randoms())
def test_order_does_not_matter(plant, draw):
    made = inputs(plant)
    shuffled = replace(
        made,
        **{name: _shuffled(getattr(made, name), draw) for name in (
            "meters", "meter_month", "meter_day", "batches", "outputs", "booked", "fuel", "trips",
            "vehicles")},
    )  # fmt: skip
    one, other = (site_month(m, shipped()) for m in (made, shuffled))
    assert [repr(f) for f in one] == [repr(f) for f in other]


def _shuffled(frame: pd.DataFrame, draw):
    order = list(range(len(frame)))
    draw.shuffle(order)
    return frame.iloc[order].reset_index(drop=True)


@PROPERTY
@given(plants())
def test_days_add_up_to_the_month(plant):
    found = site_month(inputs(plant), shipped())
    days = {}
    for f in found:
        if f.grain == "day":
            days.setdefault((f.indicator, f.dimension, f.entity), []).append(f.value)
    for f in found:
        key = (f.indicator, f.dimension, f.entity)
        if f.grain == "month" and key in days and f.value is not None and None not in days[key]:
            assert math.fsum(days[key]) == close(f.value), key


@PROPERTY
@given(plants(), st.sampled_from((0.5, 3.0, 10.0)))
def test_twice_the_plant_is_twice_the_figures_and_the_same_intensity(plant, scale):
    grown = {
        "quantities": {k: v * scale for k, v in plant["quantities"].items()},
        "batches": [(*b[:3], b[3] * scale, b[4] * scale, b[5] * scale, b[6] * scale, b[7])
                    for b in plant["batches"]],
        "outputs": [(*o[:2], o[2] * scale, *o[3:]) for o in plant["outputs"]],
        "trips": [(*t[:4], t[4] * scale, *t[5:]) for t in plant["trips"]],
        "fuel": [(*f[:2], f[2] * scale, *f[3:]) for f in plant["fuel"]],
        "vehicles": [(*v[:3], *(None if n is None else n * scale for n in v[3:5]), v[5])
                     for v in plant["vehicles"]],
    }  # fmt: skip
    one, many = figures(inputs(plant)), figures(inputs(grown))
    for key, figure in one.items():
        ratio = "/" in figure.unit and not figure.unit.endswith("/m2") or figure.unit in ("%", "1")
        if figure.value is None:
            assert many[key].value is None, key
        else:
            factor = 1.0 if ratio else scale
            assert many[key].value == close(figure.value * factor), key


@PROPERTY
@given(plants(), st.sampled_from(sorted(m["meter_id"] for m in METERS)))
def test_what_is_not_known_never_becomes_a_zero(plant, gone):
    missing = plant | {"quantities": {k: v for k, v in plant["quantities"].items() if k != gone}}
    one, other = figures(inputs(plant)), figures(inputs(missing))
    for key, figure in other.items():
        held = {t.ref for t in one[key].terms if t.kind == "meter" and t.quantity}
        if gone in held and figure.value is not None:
            assert figure.quality in ("incomplete", "estimated"), key
        if figure.value is None:
            assert figure.quality == "null"
            assert figure.terms == ()
    own = {
        "W": ("water", "site", "site"), "G": ("emission", "medium", "electricity"),
        "P": ("pv_generation", "site", "site"), "C": ("charger_energy", "site", "site"),
    }  # fmt: skip
    if gone in own:
        assert other[own[gone]].value is None


@PROPERTY
@given(plants())
def test_every_value_is_what_its_terms_make(plant):
    for key, figure in figures(inputs(plant)).items():
        if figure.value is not None:
            made = math.fsum(t.quantity * t.coefficient for t in figure.terms
                             if t.kind != "divisor")  # fmt: skip
            assert made == figure.value, key


@PROPERTY
@given(plants(), st.sampled_from(("GRID_HE_2023", "FUEL_DIESEL_EF_L", "KAPPA_AL", "WATER_EF",
                                  "MAT_STEEL_PRIM_DEFRA", "TRN_HDV_18T", "AC_EER_C",
                                  "VEH_PETROL_CAR")))  # fmt: skip
def test_a_factor_moves_exactly_what_is_made_of_it(plant, name):
    library = shipped()
    rows = dict(library.rows)
    rows[name] = replace(rows[name], value=rows[name].value * 1.01)
    made = inputs(plant)
    one, other = figures(made), figures(made, FactorLibrary(rows, "test"))
    for key, figure in one.items():
        own = [t for t in figure.terms if name in t.factor_ids or t.ref == name]
        if not own:
            assert other[key].value == figure.value, key
            continue
        if figure.indicator == "creditable_reduction" or figure.value is None:
            continue
        moved = math.fsum(
            t.quantity * t.coefficient * (1.01 ** exponents(t.unit, t.factor_ids).get(name, 1) - 1)
            for t in own
        )
        # where more is driven than charged, the rest has a floor and the form another branch
        if "charger" not in key and figure.indicator != "substitution":
            assert other[key].value - figure.value == pytest.approx(moved, rel=1e-6, abs=1e-6), key


def test_negative_benefits_survive():
    made = month(
        METERS, dict.fromkeys((m["meter_id"] for m in METERS), 100.0) | {"X": 0.0, "Q": 0.01},
        batches=[batch("B", "cable", 1.0)], outputs=[output("B", "plastic_xlpe", 1.0)],
        trips=[trip("T", "transport", "cable", 10000.0, 1000.0)],
        vehicles=[("V", "official_car", True, 1.0, 100.0, "v:2")], fuel=[use("F", 1.0)],
    )  # fmt: skip
    found = figures(made)
    for key in (("substitution", "source", "charger"), ("substitution", "source", "heat_pump"),
                ("heat_pump_saved", "site", "site"), ("reduction", "line", "cable"),
                ("reduction", "site", "site")):  # fmt: skip
        assert found[key].value < 0, key


KW = {"kWh": 1, "h": -1}
SAME = {"kgCO2": "kgCO2e", "m3": "t", "GJ": "kWh", "MJ": "kWh"}


def unit(text):
    """A unit as a product of powers: kgCO2e/(t*km) is {kgCO2e: 1, t: -1, km: -1}."""
    found = Counter()
    if text in ("1", "ratio", "%", ""):
        return found
    if text == "kW":
        return Counter(KW)
    top, _, below = text.replace("100km", "km").partition("/")
    for part, power in ((top, 1), (below, -1)):
        for name in filter(None, re.split(r"[*()]", part)):
            found[SAME.get(name, name)] += power
    return found


def times(left, right, power=1):
    whole = Counter(left)
    for name, exponent in right.items():
        whole[name] += power * exponent
    return Counter({name: e for name, e in whole.items() if e})


@PROPERTY
@given(plants())
def test_units_balance(plant):
    library = shipped().rows
    for key, figure in figures(inputs(plant)).items():
        wanted = unit(figure.unit)
        if figure.indicator == "creditable_reduction":
            wanted = unit("kgCO2e")
        below = [unit(t.unit) for t in figure.terms if t.kind == "divisor"]
        for term in figure.terms:
            if term.kind == "divisor" or not term.coefficient:
                continue
            made = unit(term.unit)
            for name, power in exponents(term.unit, term.factor_ids).items():
                made = times(made, unit(library[name].unit), power)
            for one in below:
                made = times(made, one, -1)
            assert made == wanted, (key, term)
