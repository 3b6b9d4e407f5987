"""Tier 1, data quality and the two closed forms of M9, by worked examples and by their laws."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import inf, nan, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accounting.factors import FactorLibrary
from accounting.ledger import TermRow
from accounting.uncertainty import (
    DEFAULTS,
    ActivityUncertainty,
    Quality,
    activity_class,
    activity_pct,
    activity_quality,
    allocation_pct,
    completeness_score,
    conservativeness,
    exponents,
    factor_pct,
    factor_quality,
    figure_pct,
    figure_quality,
    lognormal_interval,
    place_score,
    product_pct,
    quality_band,
    quality_score,
    source_score,
    sum_pct,
    technology_score,
    time_score,
)
from data.library import shipped

LIBRARY = shipped()
GRID, DIESEL, WATER = "GRID_HE_2023", "FUEL_DIESEL_EF_L", "WATER_EF"
IDS = (GRID, DIESEL, WATER, "KAPPA_AL", "TRN_HDV_18T", "HP_COP_C")
KAPPA, PRIM, REC = "KAPPA_AL", "MAT_AL_PRIM_IAI2022", "MAT_AL_REC_DEFRA"


def term(kind, ref, quantity, unit, coefficient, *factors):
    return TermRow(kind, ref, quantity, unit, coefficient, factors, "")


def meter(ref, kwh, *, sign=1.0):
    return term("meter", ref, kwh, "kWh", sign * LIBRARY.rows[GRID].value, GRID)


def aluminium(tonnes):
    kappa, prim, rec = (LIBRARY.rows[name].value for name in (KAPPA, PRIM, REC))
    return (
        term("output", "B1/aluminium/sold", tonnes, "t", kappa * prim, KAPPA, PRIM),
        term("output", "B1/aluminium/sold", tonnes, "t", -kappa * rec, KAPPA, REC),
    )


def pct(terms, **given_):
    return figure_pct(terms, LIBRARY, **given_)


# The worked examples of accounting.md §15


@pytest.mark.parametrize(
    ("parts", "expected"), [((1, 5), 5.099020), ((2, 4), 4.472136), ((3, 30), 30.149627)]
)
def test_m11_1_products(parts, expected):
    assert product_pct(parts) == pytest.approx(expected, rel=1e-6)


def test_m11_2_the_emissions_of_a_site():
    rows = [
        meter("grid", 60000.0),
        term("meter", "water", 400.0, "m3", 0.168, WATER),
        term("fuel", "F1", 900.0, "L", 2.600564, DIESEL),
    ]
    assert pct(rows) == pytest.approx(4.810084, rel=1e-6)
    parts = sum_pct(
        (39096.0, 67.2, 2340.5076),
        (product_pct((1, 5)), product_pct((3, 30)), product_pct((2, 4))),
    )
    assert parts == pytest.approx(4.810084, rel=1e-6)


def test_m11_3_a_substitution_line():
    prim, rec = LIBRARY.rows[PRIM].value, LIBRARY.rows[REC].value
    assert sum_pct((prim, -rec), (15, 20)) == pytest.approx(16.120093, rel=1e-6)
    assert pct(aluminium(83.67)) == pytest.approx(22.042173, rel=1e-6)


def test_m11_4_three_lines_share_their_factor():
    lines = [meter("a", 2500.0), meter("b", 1500.0), meter("c", 1800.0)]
    assert pct(lines) == pytest.approx(5.034778, rel=1e-6)
    one_each = sum_pct((2500, 1500, 1800), [product_pct((1, 5))] * 3)
    assert one_each == pytest.approx(3.012262, rel=1e-6)  # what it would be without sharing


def test_m9_5_interval():
    low, high = lognormal_interval(2284200.0, 225380.0, (0.2, 0.1, 0.05))
    assert low == pytest.approx(1341519.776867, rel=1e-6)
    assert high == pytest.approx(3104488.136449, rel=1e-6)


@pytest.mark.parametrize(
    ("u", "expected"),
    [
        (0, 0.98), (8, 0.98), (10, 0.98), (10.0001, 0.94), (25, 0.94), (30, 0.94), (30.0001, 0.89),
        (50, 0.89), (50.0001, 0.82), (100, 0.82), (100.0001, 0.73), (inf, 0.73),
    ],
)  # fmt: skip
def test_conservativeness_at_its_edges(u, expected):
    assert conservativeness(u) == expected


@pytest.mark.parametrize("u", [-0.1, nan])
def test_what_is_no_uncertainty_has_no_conservativeness(u):
    with pytest.raises(ValueError, match="not an uncertainty"):
        conservativeness(u)


# Laws

numbers = st.floats(0.01, 1e6)
signs = st.sampled_from((-1.0, 1.0))
kinds = st.sampled_from((("meter", "kWh"), ("meter", "m3"), ("fuel", "L"), ("trip", "t*km"),
                         ("output", "t"), ("vehicle", "km"), ("mystery", "?")))  # fmt: skip


@st.composite
def terms(draw, sign=signs, least=1):
    def one():
        kind, unit = draw(kinds)
        ids = draw(st.lists(st.sampled_from(IDS), max_size=3, unique=True))
        ref = draw(st.sampled_from("abcde"))
        # fuel rows of both signs are a tank's book, which is a rule of its own
        given_sign = 1.0 if kind == "fuel" else draw(sign)
        return term(kind, ref, draw(numbers), unit, given_sign * draw(numbers), *ids)

    return [one() for _ in range(draw(st.integers(least, 8)))]


def stands(rows):
    """Tell whether a sum is far enough from cancelling for rounding not to matter."""
    parts = [row.quantity * row.coefficient for row in rows]
    return abs(sum(parts)) > 1e-6 * sum(map(abs, parts))


@given(terms(), st.floats(1e-3, 1e3))
def test_scale_does_not_matter(rows, by):
    assume(stands(rows))
    larger = [row._replace(quantity=row.quantity * by) for row in rows]
    finer = [row._replace(coefficient=row.coefficient * by) for row in rows]
    assert pct(larger) == pytest.approx(pct(rows), rel=1e-9)
    assert pct(finer) == pytest.approx(pct(rows), rel=1e-9)


@given(terms())
def test_a_zero_changes_nothing(rows):
    assume(stands(rows))
    nothing = [
        term("fuel", "z", 0.0, "L", 3.0, DIESEL),
        term("meter", "key", 5.0, "kWh", 0.0, "KAPPA_CU"),
    ]
    assert pct([*rows, *nothing]) == pct(rows)


@given(terms(least=2), st.randoms())
def test_order_does_not_matter(rows, random):
    assume(stands(rows))
    mixed = list(rows)
    random.shuffle(mixed)
    assert pct(mixed) == pct(rows)


@given(terms())
def test_a_source_in_two_rows_is_one_source(rows):
    assume(stands(rows))
    halves = [row._replace(quantity=row.quantity / 2) for row in rows for _ in range(2)]
    assert pct(halves) == pytest.approx(pct(rows), rel=1e-9)


@given(terms(sign=st.just(1.0)))
def test_sharing_never_makes_equal_signs_surer(rows):
    rows = [row._replace(ref=str(at)) for at, row in enumerate(rows)]
    apart = sum_pct(
        [row.quantity * row.coefficient for row in rows],
        [
            product_pct(
                (
                    activity_pct(activity_class(row.kind, row.unit)),
                    *(factor_pct(LIBRARY.rows[name]) for name in row.factor_ids),
                )
            )
            for row in rows
        ],
    )
    assert pct(rows) >= apart * (1 - 1e-9)


@given(numbers, numbers, numbers)
def test_opposite_signs_cancel(a, b, c):
    """What is subtracted takes its part of a shared factor with it; the meters stay."""
    assume(abs(a - b) > 1e-6 * (a + b))
    factor = 5.0 * abs(a - b)
    expected = sqrt(a * a + b * b + factor * factor) / abs(a - b)
    assert pct([meter("a", a), meter("b", b, sign=-1.0)]) == pytest.approx(expected, rel=1e-9)
    rest = term("meter", "c", c, "kWh", 1.0)
    balanced = [meter("a", a), meter("b", a, sign=-1.0), rest]
    expected = sqrt(2 * (a * 0.6516) ** 2 + c * c) / c
    assert pct(balanced) == pytest.approx(expected, rel=1e-9)


@given(numbers, numbers)
def test_a_source_that_cancels_is_gone(a, c):
    rest = term("meter", "c", c, "kWh", 1.0)
    assert pct([meter("a", a), meter("a", a, sign=-1.0), rest]) == pytest.approx(1.0)


def test_nothing_has_no_percentage():
    assert pct([]) is None
    assert pct([meter("a", 1.0), meter("b", 1.0, sign=-1.0)]) is None
    assert pct([term("meter", "a", 0.1, "kWh", 1.0), term("meter", "b", 0.2, "kWh", 1.0),
                term("meter", "c", 0.3, "kWh", -1.0)]) is None  # fmt: skip
    assert sum_pct((), ()) is None
    assert sum_pct((2.0, -2.0), (1.0, 1.0)) is None
    with pytest.raises(ValueError, match="argument 2"):
        sum_pct((1.0, 2.0), (1.0,))


def test_a_meter_errs_alike_in_every_month():
    year = [meter("a", 100.0) for _ in range(12)]
    assert pct(year) == pytest.approx(product_pct((1, 5)))
    trips = [term("trip", f"T{n}", 100.0, "t*km", 0.129, "TRN_HDV_18T") for n in range(100)]
    assert pct(trips) == pytest.approx(product_pct((1.0, 20.0)))  # a hundred records average out


# Rules of activity data


@pytest.mark.parametrize(
    ("kind", "unit", "expected"),
    [
        ("meter", "kWh", 1), ("meter", "m3", 3), ("meter", "GJ", 1), ("fuel", "L", 2),
        ("batch", "t", 1), ("output", "t", 1), ("trip", "t*km", 10), ("trip", "t", 10),
        ("trip", "L", 2), ("vehicle", "km", 2), ("vehicle", "kWh", 1), ("area", "m2", 0),
        ("factor", "kgCO2e/t", 0), ("heat_pump_hours", "h", 0), ("what", "ever", 15),
    ],
)  # fmt: skip
def test_defaults_by_kind_and_unit(kind, unit, expected):
    assert activity_pct(activity_class(kind, unit)) == expected


def test_other_defaults_can_be_given():
    loose = ActivityUncertainty(electricity_meter=2.0)
    assert figure_pct([meter("a", 1.0)], LIBRARY, loose) == pytest.approx(product_pct((2, 5)))


@given(st.sampled_from(("electricity_meter", "tonne_km", "tank_dip")), st.floats(0, 100))
def test_more_estimates_are_never_surer(name, share):
    own = activity_pct(name)
    assert own <= activity_pct(name, estimated_pct=share) <= DEFAULTS.estimated + 1e-12
    more = activity_pct(name, estimated_pct=min(100.0, share + 5.0))
    assert activity_pct(name, estimated_pct=share) <= more
    assert activity_pct(name, estimated_pct=100.0) == pytest.approx(DEFAULTS.estimated)


def test_a_tenth_estimated():
    assert activity_pct("electricity_meter", estimated_pct=10.0) == pytest.approx(
        sqrt(1 + 0.01 * (225 - 1))
    )
    assert activity_pct("exact", estimated_pct=100.0) == 0.0


def test_a_tank_book_counts_as_dips():
    rows = [
        term("fuel", "d1", 1000.0, "L", 1.0),
        term("fuel", "in", 500.0, "L", 1.0),
        term("fuel", "d2", 700.0, "L", -1.0),
    ]
    expected = 5 * sqrt(1000**2 + 500**2 + 700**2) / 800
    assert pct(rows) == pytest.approx(expected)
    assert pct([row._replace(coefficient=-1.0) for row in rows]) < 2.0  # L of R = S - L


def test_allocation_adds_once_for_all_that_is_shared():
    rows = [meter("line", 3000.0), meter("crane", 1000.0)]
    shared = {("meter", "crane")}
    expected = sqrt(3000**2 + 1000**2 + (5 * 4000) ** 2 + (20 * 1000) ** 2) / 4000
    assert pct(rows, flags={"alloc_mass"}, allocated=shared) == pytest.approx(expected)
    assert pct(rows, flags={"alloc_mass"}, allocated=()) == pct(rows)
    assert pct(rows, flags="alloc_job;gap") == pytest.approx(product_pct((pct(rows), 10)))
    litres = [term("fuel", f"F{n}", 10.0, "L", 1.0) for n in range(100)]
    assert pct(litres, flags={"alloc_mass"}) == pytest.approx(product_pct((0.2, 20)))
    assert allocation_pct({"alloc_job", "alloc_mass"}) == 20
    assert allocation_pct({"alloc_kwh"}) == 20
    assert allocation_pct({"gap"}) == 0


def test_a_divisor_adds_its_own():
    rows = [meter("a", 100.0), term("divisor", "batch:B1", 25.0, "t", 0.0)]
    assert pct(rows) == pytest.approx(product_pct((1, 5, 1)))
    area = [meter("a", 100.0), term("divisor", "area:plant", 12000.0, "m2", 0.0)]
    assert pct(area) == pct([meter("a", 100.0)])


def test_a_factor_as_a_figure():
    kappa, prim, rec = (LIBRARY.rows[name].value for name in (KAPPA, PRIM, REC))
    net = [
        term("factor", PRIM, prim, "kgCO2e/t", kappa, KAPPA),
        term("factor", REC, rec, "kgCO2e/t", -kappa, KAPPA),
    ]
    assert pct(net) == pytest.approx(product_pct((16.120093, 15)), rel=1e-6)


def test_a_blank_factor_counts_as_thirty():
    blank = replace(LIBRARY.rows[GRID], uncertainty_pct=None)
    assert factor_pct(blank) == 30
    assert factor_pct(replace(blank, uncertainty_pct=0.0)) == 0
    library = FactorLibrary({GRID: blank}, "")
    assert figure_pct([meter("a", 1.0)], library) == pytest.approx(product_pct((1, 30)))


def test_what_divides():
    assert exponents("kWh", ("HP_COP_C", "AC_EER_C", GRID)) == {
        "AC_EER_C": -1, GRID: 1, "HP_COP_C": 1,
    }  # fmt: skip
    car = ("VEH_PETROL_CAR", "FUEL_PETROL_EF_L", "VEH_EV_CAR")
    assert exponents("kWh", car)["VEH_EV_CAR"] == -1
    assert exponents("km", ("VEH_EV_BUS", *car)) == {
        "FUEL_PETROL_EF_L": 1, "VEH_EV_BUS": 1, "VEH_EV_CAR": -1, "VEH_PETROL_CAR": 1,
    }  # fmt: skip
    assert "VEH_EV_CAR" not in exponents("km", ("VEH_EV_CAR", *car))
    assert exponents("t", ("KAPPA_AL", "KAPPA_AL")) == {"KAPPA_AL": 2}


def test_a_factor_that_enters_twice_counts_twice():
    rows = [term("meter", "a", 1.0, "kWh", 1.0, GRID, GRID)]
    assert pct(rows) == pytest.approx(product_pct((1, 10)))


def test_what_cannot_be_said_is_refused():
    with pytest.raises(ValueError, match="two terms"):
        pct([term("output", "B", 1.0, "t", 1.0, KAPPA, PRIM, REC)])
    with pytest.raises(ValueError, match="terms it is made of"):
        pct([term("figure", "abc", 1.0, "kgCO2e", 1.0)])
    with pytest.raises(KeyError):
        pct([term("meter", "a", 1.0, "kWh", 1.0, "NO_SUCH_FACTOR")])


# Data quality


def test_source():
    names = ("meter", "invoice", "log", "estimate", "default", "high", "medium", "low")
    assert [source_score(name) for name in names] == [1, 2, 3, 4, 5, 1, 3, 5]
    with pytest.raises(KeyError):
        source_score("rumour")


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ((2026, 7, 31), 1), ((2026, 6, 30), 2), ((2025, 7, 1), 2), ((2025, 6, 1), 3),
        ((2024, 7, 1), 3), ((2024, 6, 1), 4), ((2023, 7, 1), 4), ((2023, 6, 1), 5),
        ((2013, 1, 1), 5), ((2026, 8, 1), 2), ((2027, 12, 1), 3),
    ],
)  # fmt: skip
def test_time(since, expected):
    assert time_score(date(*since), date(2026, 7, 1)) == expected


def test_time_unknown():
    assert time_score(None, date(2026, 7, 1)) == 5


@pytest.mark.parametrize(
    ("region", "expected"),
    [("CN-HE", 1), ("CN", 2), ("CN-NORTH", 2), ("CN-BJ", 3), ("UK", 4), ("GLOBAL", 5), ("ANY", 5),
     ("", 5)],
)  # fmt: skip
def test_place(region, expected):
    assert place_score(region, "CN-HE") == expected


def test_technology():
    assert technology_score(LIBRARY.rows["MAT_XLPE_PRIM"]) == 5
    assert technology_score(LIBRARY.rows["KAPPA_AL"]) == 3
    assert technology_score(LIBRARY.rows[GRID]) == 1


@pytest.mark.parametrize(
    ("coverage", "expected"),
    [(1.0, 1), (0.98, 1), (0.9799, 2), (0.95, 2), (0.9499, 3), (0.8, 3), (0.7999, 4), (0.5, 4),
     (0.4999, 5), (0.0, 5), (None, 5), (nan, 5)],
)  # fmt: skip
def test_completeness(coverage, expected):
    assert completeness_score(coverage) == expected


def test_items_have_a_mean_and_limits():
    assert Quality(1, 2, 3, 4, 5).score == 3
    for item in (0, 6):
        with pytest.raises(ValueError, match="1 to 5"):
            Quality(1, 2, item, 4, 5)


def test_quality_of_inputs():
    month = date(2026, 7, 1)
    assert factor_quality(LIBRARY.rows[GRID], month, "CN-HE").items == (1, 5, 1, 1, 1)
    assert factor_quality(LIBRARY.rows["KAPPA_AL"], month, "CN-HE").items == (5, 5, 5, 3, 1)
    assert activity_quality("meter", 0.96).items == (1, 1, 1, 1, 2)
    assert activity_quality("fuel", 1.0).items == (3, 1, 1, 1, 1)
    assert activity_quality("meter", 1.0, estimated=True).items == (4, 1, 1, 1, 1)
    assert activity_quality("what", 1.0).items == (5, 1, 1, 1, 1)


def test_every_shipped_factor_has_a_quality():
    for factor in LIBRARY.rows.values():
        assert 1 <= factor_quality(factor, date(2026, 7, 1), "CN-HE").score <= 5


def test_score_of_a_result_is_weighted_by_emissions():
    assert quality_score((3.0, -1.0), (1.0, 5.0)) == 2.0
    assert quality_score((), ()) is None
    rows = [meter("a", 10000.0), term("fuel", "F", 100.0, "L", 2.600564, DIESEL)]
    found = figure_quality(rows, LIBRARY, date(2026, 7, 1), "CN-HE", coverage=1.0)
    electric = (1.0 + 1.8) / 2  # the meter; the factor, which is three years old
    burnt = ((3 + 1 + 1 + 1 + 1) / 5 + (1 + 5 + 2 + 1 + 1) / 5) / 2
    expected = (6516.0 * electric + 260.0564 * burnt) / (6516.0 + 260.0564)
    assert found == pytest.approx(expected)
    late = figure_quality(rows, LIBRARY, date(2026, 7, 1), "CN-HE", coverage=0.5, estimated=True)
    assert late > found
    assert figure_quality([], LIBRARY, date(2026, 7, 1), "CN-HE", coverage=1.0) is None


def test_quality_of_a_factor_as_a_figure():
    rows = [term("factor", "MAT_AL_PRIM_DEFRA", 9115.9, "kgCO2e/t", 0.95, "KAPPA_AL"),
            term("divisor", "x", 1.0, "t", 0.0)]  # fmt: skip
    found = figure_quality(rows, LIBRARY, date(2025, 1, 1), "CN-HE", coverage=None)
    assert found == pytest.approx(((1 + 1 + 4 + 1 + 1) / 5 + (5 + 5 + 5 + 3 + 1) / 5) / 2)


@pytest.mark.parametrize(
    ("score", "band"),
    [(1.0, "A"), (1.5, "A"), (1.51, "B"), (2.5, "B"), (2.51, "C"), (3.5, "C"), (3.51, "D"),
     (5.0, "D")],
)  # fmt: skip
def test_bands(score, band):
    assert quality_band(score) == band
