"""Joint draws: masses that close, bands that cover, draws that depend on nothing but their key."""

from __future__ import annotations

import hashlib
import os
import pickle
import random
import subprocess
import sys
from dataclasses import replace
from math import fsum, sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.factors import FactorLibrary
from accounting.ledger import Figure, TermRow
from accounting.montecarlo import (
    Z95,
    Activity,
    ProductMonth,
    activities_of,
    draw_masses,
    log_sd,
    normals,
    product_months,
    simulate,
)
from accounting.products import SETS
from accounting.uncertainty import figure_pct, product_pct
from data.library import shipped

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = shipped()
PAIRS = SETS["CONS"]
SHARES = {
    "cable": {"copper": 0.6, "steel": 0.1, "plastic_xlpe": 0.12, "plastic_pvc": 0.14},
    "conductor": {"aluminium": 0.8367, "steel": 0.1433},
    "transformer": {"silicon_steel": 0.33, "copper": 0.21, "transformer_oil": 0.22, "steel": 0.2},
}
MONTHS = tuple(f"2026-{month:02d}" for month in range(1, 13))
S, L, R = "product_substitution", "lifecycle_emission", "reduction"
GRID = "GRID_HE_2023"


def row(line, month, material, mass_in, mass, residue=None, **given_):
    pair = PAIRS[material]
    left = mass_in - mass if residue is None else residue
    return ProductMonth(
        line, month, material, pair.kappa, pair.primary, pair.recycled, True, mass_in, mass, left,
        **given_,
    )  # fmt: skip


def line_month(line, month, mass_in=100.0, **given_):
    shares = SHARES[line]
    left = mass_in * (1.0 - fsum(shares.values()))
    return [row(line, month, m, mass_in, mass_in * p, left, **given_) for m, p in shares.items()]


def plant(months=MONTHS):
    products, found = [], []
    for month in months:
        for at, line in enumerate(SHARES):
            products += line_month(line, month, 100.0 + 20.0 * at)
            found += [
                Activity(L, line, month, "trip", f"{line}{month}{n}", "t*km", ("TRN_HDV_18T",),
                         1000.0 + 100 * n, 0.129, 10.0)
                for n in range(5)
            ]  # fmt: skip
            found.append(
                Activity(L, line, month, "meter", "crane", "kWh", (GRID,), 3000.0,
                         0.6516 * (0.2, 0.3, 0.5)[at], 1.0, 20.0)
            )  # fmt: skip
        found += [
            Activity("substitution", "pv", month, "meter", "pv", "kWh", (GRID,), 4e4, 0.6516, 1.0),
            Activity("substitution", "heat_pump", month, "meter", "hp", "kWh", (GRID,), 2e4,
                     -0.6516, 1.0),
            Activity("substitution", "heat_pump", month, "meter", "hp", "kWh",
                     ("HP_COP_C", "AC_EER_C", GRID), 2e4, 0.6516 * 4.0 / 2.8, 1.0),
        ]  # fmt: skip
    return products, found


def certain(**pct):
    """Return the library with every factor certain but those given, percent."""
    rows = {name: replace(f, uncertainty_pct=0.0) for name, f in LIBRARY.rows.items()}
    rows |= {name: replace(rows[name], uncertainty_pct=u) for name, u in pct.items()}
    return FactorLibrary(rows, "")


# Masses

masses = st.floats(0.0, 500.0)


@settings(max_examples=60)
@given(
    st.lists(masses, min_size=1, max_size=9),
    st.floats(0.0, 1.0),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_every_draw_closes(out, loss, estimated, seed):
    """Products + residue = input within 1e-9 t, with and without residue, and none below zero."""
    mass_in = fsum(out) * (1.0 + 0.05 * loss)
    rows = [
        row("cable", "2026-01", name, mass_in, mass, 0.0, estimated=estimated)
        for name, mass in zip(PAIRS, out, strict=False)
    ]
    drawn = draw_masses(rows, draws=500, seed=seed)
    gap = drawn.product_t.sum(axis=0) + drawn.residue_t - drawn.input_t
    assert np.abs(gap).max() < 1e-9
    assert drawn.closure_t < 1e-9
    assert drawn.product_t.min() >= 0.0
    assert drawn.residue_t.min() >= 0.0


def test_every_draw_of_the_year_closes():
    products, _ = plant()
    assert simulate(products, (), LIBRARY, draws=2000).closure_t < 1e-9


def half_pct(drawn):
    low, high = np.quantile(drawn, (0.025, 0.975))
    return 50.0 * (high - low) / np.median(drawn)


def test_weighed_products_keep_the_weighbridge_and_the_input_is_surer():
    drawn = draw_masses(line_month("conductor", "2026-01"), draws=40_000)
    for of_product in drawn.product_t:
        assert half_pct(of_product) == pytest.approx(1.0, rel=0.03)
    assert half_pct(drawn.input_t) < 1.0
    shares = drawn.product_t / drawn.input_t
    assert np.corrcoef(shares)[0, 1] < -0.5  # what is not aluminium is steel


def test_estimated_products_share_a_weighed_input():
    drawn = draw_masses(line_month("cable", "2026-01", estimated=True), draws=40_000)
    assert half_pct(drawn.input_t) == pytest.approx(1.0, rel=0.03)
    copper, *others = (half_pct(of_product) for of_product in drawn.product_t)
    assert copper < 15.0  # 60 % of a fixed input cannot vary as freely as a tenth of it
    assert all(8.0 < other < 20.0 for other in others)


def test_masses_that_do_not_close_are_refused():
    for mass_in, residue in ((99.0, 0.0), (106.0, 0.0), (102.0, 3.0)):
        with pytest.raises(ValueError, match="t out"):
            draw_masses([row("cable", "2026-01", "copper", mass_in, 100.0, residue)])
    good = row("cable", "2026-01", "copper", 100.0, 100.0)
    with pytest.raises(ValueError, match="stands twice"):
        draw_masses([good, good])
    with pytest.raises(ValueError, match="negative"):
        draw_masses([replace(good, mass_out_t=-1.0)])
    for other in (replace(good, month="2026-02"), replace(good, mass_in_t=101.0)):
        with pytest.raises(ValueError, match="share its input"):
            draw_masses([good, replace(other, material="steel")])


def test_batches_become_months():
    pair = PAIRS["copper"]
    outputs = pd.DataFrame(
        [
            {"batch_id": f"B{n}", "line": "cable", "month": month, "material": material,
             "kappa_id": pair.kappa, "prim_id": pair.primary, "rec_id": pair.recycled,
             "counted": True, "mass_in_t": 10.0, "residue_t": residue, "mass_t": mass,
             "estimated": False}
            for n, (month, residue) in enumerate([("2026-01", 1.0)] * 4 + [("2026-02", np.nan)])
            for material, mass in (("copper", 6.0), ("steel", 3.0))
        ]
    )  # fmt: skip
    found = product_months(outputs)
    assert [(r.month, r.material) for r in found] == [
        ("2026-01", "copper"), ("2026-01", "steel"), ("2026-02", "copper"), ("2026-02", "steel"),
    ]  # fmt: skip
    first, last = found[0], found[-1]
    assert (first.mass_in_t, first.mass_out_t, first.residue_t) == (40.0, 24.0, 4.0)
    assert first.weighing_pct == pytest.approx(0.5)  # four equal weighings
    assert (last.residue_t, last.weighing_pct) == (0.0, 1.0)
    guessed = product_months(outputs.assign(estimated=outputs["material"] == "steel"))
    assert [r.weighing_pct for r in guessed[:2]] == [0.5, 15.0]
    assert product_months(outputs.iloc[:0]) == ()


def test_a_month_stands_for_its_batches():
    """One draw for the sum of 50 batches spreads like 50 draws, each batch closed by itself."""
    sizes = [5.0 + n % 7 for n in range(50)]
    singly = [r for n, size in enumerate(sizes) for r in line_month("cable", f"2026/{n}", size)]
    outputs = pd.DataFrame(
        [
            {"batch_id": r.month, "line": r.line, "month": "2026-01", "material": r.material,
             "kappa_id": r.kappa_id, "prim_id": r.prim_id, "rec_id": r.rec_id, "counted": True,
             "mass_in_t": r.mass_in_t, "residue_t": r.residue_t, "mass_t": r.mass_out_t,
             "estimated": False}
            for r in singly
        ]
    )  # fmt: skip
    apart = simulate(singly, (), certain(), draws=20_000).band(S, "cable", "2026")
    summed = simulate(product_months(outputs), (), certain(), draws=20_000)
    assert summed.band(S, "cable", "2026").value == pytest.approx(apart.value)
    assert summed.band(S, "cable", "2026").half_pct == pytest.approx(apart.half_pct, rel=0.03)


# The same seed, the same bytes


def test_a_seed_gives_the_same_bytes():
    products, found = plant(MONTHS[:2])
    first, second = (pickle.dumps(simulate(products, found, LIBRARY, draws=1000)) for _ in "ab")
    assert first == second
    other = simulate(products, found, LIBRARY, draws=1000, seed=616)
    assert pickle.dumps(other) != first
    assert other.bands[0].seed == 616
    assert other.bands[0].draws == 1000


def digest():
    products, found = plant(MONTHS[:1])
    whole = repr(simulate(products, found, LIBRARY, draws=500))
    return hashlib.sha256(whole.encode()).hexdigest()


def test_another_process_gives_the_same_bytes():
    code = "from tests.accounting.test_montecarlo import digest; print(digest())"
    for hashing in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": hashing, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        assert done.stdout.strip() == digest()


def test_the_order_of_rows_does_not_matter():
    products, found = plant(MONTHS[:3])
    expected = pickle.dumps(simulate(products, found, LIBRARY, draws=500))
    for seed in range(3):
        random.Random(seed).shuffle(products)
        random.Random(seed).shuffle(found)
        assert pickle.dumps(simulate(products, found, LIBRARY, draws=500)) == expected


def test_a_month_alone_is_the_month_of_the_year():
    products, found = plant()
    year = simulate(products, (), LIBRARY, draws=500)
    month = simulate([r for r in products if r.month == "2026-05"], (), LIBRARY, draws=500)
    for line in SHARES:
        assert month.band(S, line, "2026-05") == year.band(S, line, "2026-05")


def test_streams_differ_by_key_alone():
    one, same = normals(1, ("factor", "A"), 1000), normals(1, ("factor", "A"), 1000)
    other, longer = normals(1, ("factor", "B"), 1000), normals(1, ("factorA",), 1000)
    assert np.array_equal(one, same)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.15
    assert not np.array_equal(one, longer)


def test_log_normal_has_the_width_it_is_given():
    for pct in (1.0, 20.0, 40.0, 120.0):
        sigma = log_sd(pct)
        assert 50.0 * (np.exp(Z95 * sigma) - np.exp(-Z95 * sigma)) == pytest.approx(pct)


# Figures


def test_values_are_the_ledgers():
    products, found = plant(MONTHS[:2])
    result = simulate(products, found, LIBRARY, draws=500)
    net = {
        name: LIBRARY.rows[p.kappa].value
        * (LIBRARY.rows[p.primary].value - LIBRARY.rows[p.recycled].value)
        for name, p in PAIRS.items()
    }
    conductor = 120.0 * (0.8367 * net["aluminium"] + 0.1433 * net["steel"])
    assert result.band(S, "conductor", "2026-01").value == pytest.approx(conductor)
    burden = fsum(a.value for a in found if a.entity == "conductor" and a.month == "2026-01")
    assert result.band(L, "conductor", "2026-01").value == pytest.approx(burden)
    assert result.band(R, "conductor", "2026-01").value == pytest.approx(conductor - burden)
    for indicator in (S, L, R):
        months = [result.band(indicator, "site", month).value for month in MONTHS[:2]]
        lines = [result.band(indicator, line, "2026").value for line in SHARES]
        assert result.band(indicator, "site", "2026").value == pytest.approx(fsum(months))
        assert fsum(lines) == pytest.approx(fsum(months))
    sources = [result.band("substitution", name, "2026").value for name in ("pv", "heat_pump")]
    assert result.band("substitution", "site", "2026").value == pytest.approx(fsum(sources))
    assert [b.indicator for b in result.bands] == sorted(b.indicator for b in result.bands)
    with pytest.raises(KeyError):
        result.band(R, "pv", "2026")


def test_what_no_line_takes_belongs_to_the_site():
    rest = Activity(L, "_unallocated", "2026-01", "fuel", "F", "L", ("FUEL_DIESEL_EF_L",), 100.0,
                    2.6, 2.0)  # fmt: skip
    result = simulate(line_month("cable", "2026-01"), (rest,), LIBRARY, draws=200)
    s, l_ = (result.band(name, "site", "2026-01").value for name in (S, L))
    assert result.band(R, "site", "2026-01").value == pytest.approx(s - l_)
    with pytest.raises(KeyError):
        result.band(R, "cable", "2026-01")


def test_what_does_not_count_is_drawn_and_left_out():
    rows = line_month("cable", "2026-01")
    burnt = [replace(r, counted=r.material != "copper") for r in rows]
    result = simulate(burnt, (), LIBRARY, draws=200)
    assert result.closure_t < 1e-9
    names = {d.name for d in result.band(S, "cable", "2026-01").drivers}
    assert "KAPPA_CU" not in names
    none = simulate([replace(r, counted=False) for r in rows], (), LIBRARY, draws=200)
    empty = none.band(S, "cable", "2026-01")
    assert (empty.value, empty.half_pct, empty.drivers) == (0.0, None, ())


def test_sheet_that_is_reused_needs_no_recycling():
    sheet = ProductMonth(
        "transformer", "2026-01", "silicon_steel", "KAPPA_SISTEEL", "MAT_SISTEEL_PRIM_COLD", "",
        True, 10.0, 10.0, 0.0,
    )  # fmt: skip
    band = simulate([sheet], (), LIBRARY, draws=20_000).band(S, "transformer", "2026-01")
    assert band.value == pytest.approx(10.0 * 0.92 * 2530.0)
    assert band.half_pct == pytest.approx(product_pct((15, 20, 1)), rel=0.03)


def test_weighing_averages_out_and_factors_do_not():
    products, _ = plant()
    result = simulate(products, (), certain(KAPPA_CU=15.0), draws=20_000)
    shares = {}
    for period in ("2026-01", "2026"):
        drivers = result.band(S, "cable", period).drivers
        shares[period] = {d.name: d.share_pct for d in drivers}
    assert shares["2026"]["weighbridge"] == pytest.approx(
        shares["2026-01"]["weighbridge"] / 12, rel=0.1
    )
    month, year = (result.band(S, "cable", period).half_pct for period in ("2026-01", "2026"))
    assert year == pytest.approx(month, rel=0.02)


def test_what_divides_divides():
    used = Activity("substitution", "heat_pump", "2026-07", "meter", "hp", "kWh", ("AC_EER_C",),
                    1000.0, 1 / 2.8, 0.0)  # fmt: skip
    driven = replace(used, ref="other", factor_ids=("HP_COP_C", "AC_EER_C"))
    library = certain(AC_EER_C=40.0)
    band = simulate((), (used,), library, draws=50_000).band("substitution", "site", "2026")
    assert band.mean > band.median  # 1 / x is skewed upwards
    multiplied = replace(used, factor_ids=("AC_EER_C", "AC_EER_C"), coefficient=-1 / 2.8)
    both = simulate((), (used, multiplied), library, draws=50_000)
    assert both.band("substitution", "site", "2026").value == 0.0
    assert simulate((), (driven,), certain(), draws=200).bands[0].half_pct == pytest.approx(0.0)


def test_allocation_moves_between_lines_and_not_the_site():
    _, found = plant(MONTHS[:1])
    result = simulate((), found, certain(), draws=5000)
    for line in SHARES:
        assert result.band(L, line, "2026").drivers[0].name == "allocation"
    site = {d.name: d.share_pct for d in result.band(L, "site", "2026").drivers}
    assert site.get("allocation", 0.0) < 1e-9
    cancelled = [replace(a, coefficient=0.0) for a in found]
    assert simulate((), cancelled, certain(), draws=200).bands[0].value == 0.0


def test_too_few_draws_and_nothing_at_all():
    with pytest.raises(ValueError, match="too few"):
        simulate((), (), LIBRARY, draws=99)
    assert simulate((), (), LIBRARY).bands == ()


def test_ledger_terms_become_activities():
    figure = Figure(
        "month", "2026-07", L, "line", "cable", 1.0, "kgCO2e", "measured", 90.0, 10.0,
        "alloc_job;gap", "",
        (
            TermRow("meter", "crane", 1000.0, "kWh", 0.2, (GRID,), ""),
            TermRow("trip", "T1", 500.0, "t*km", 0.129, ("TRN_HDV_18T",), "trips.csv:2"),
            TermRow("fuel", "F1", 50.0, "L", 2.6, ("FUEL_DIESEL_EF_L",), ""),
            TermRow("fuel", "F2", 20.0, "L", -2.6, ("FUEL_DIESEL_EF_L",), ""),
            TermRow("job", "J1", 3.0, "h", 0.0, (), ""),
            TermRow("divisor", "x", 3.0, "t", 0.0, (), ""),
        ),
    )  # fmt: skip
    crane, trip, fuel, _ = activities_of(figure)
    assert (crane.indicator, crane.entity, crane.month) == (L, "cable", "2026-07")
    assert (crane.ref, crane.value, crane.allocation_pct) == ("crane", 200.0, 10.0)
    assert crane.pct == pytest.approx(sqrt(1 + 0.01 * 224))
    assert (trip.pct > 10.0, trip.allocation_pct) == (True, 0.0)
    assert fuel.pct > 5.0  # rows of both signs: a tank's book
    own = activities_of(figure, allocated={("fuel", "F1")})
    assert [a.allocation_pct for a in own] == [0.0, 0.0, 10.0, 0.0]


# Against Tier 1


def small():
    """Return a case with small uncertainties, as it is drawn and as the ledger's terms."""
    lines = {"cable": ("copper", "steel"), "conductor": ("aluminium", "steel")}
    pct = {"MAT_STEEL_PRIM_DEFRA": 2.0, "MAT_AL_PRIM_DEFRA": 3.0, "KAPPA_AL": 1.5,
           "MAT_SCRAPMETAL_PRIM_DEFRA": 2.5, "KAPPA_STEEL": 1.0, "TRN_HDV_18T": 3.0}  # fmt: skip
    library = certain(**pct)
    products, terms = [], []
    for line, materials in lines.items():
        for material, mass in zip(materials, (70.0, 28.0), strict=True):
            products.append(row(line, "2026-01", material, 100.0, mass, 2.0))
            pair = PAIRS[material]
            kappa = library.rows[pair.kappa].value
            terms += [
                TermRow("output", f"{line}/{material}", mass, "t",
                        sign * kappa * library.rows[name].value, (pair.kappa, name), "")
                for sign, name in ((1.0, pair.primary), (-1.0, pair.recycled))
            ]  # fmt: skip
    haul = [TermRow("trip", f"T{n}", 1e5, "t*km", 0.129, ("TRN_HDV_18T",), "") for n in range(4)]
    return library, products, terms, haul


def test_tier_1_and_simulation_agree_within_two_percent():
    """40,000 draws leave a half-width about 0.6 % of itself uncertain; 2 % is three of them."""
    library, products, terms, haul = small()
    found = [
        Activity(L, "cable", "2026-01", t.kind, t.ref, t.unit, t.factor_ids, t.quantity,
                 t.coefficient, 10.0)
        for t in haul
    ]  # fmt: skip
    result = simulate(products, found, library, draws=40_000)
    negative = [t._replace(coefficient=-t.coefficient) for t in haul]
    for indicator, of_figure in ((S, terms), (L, haul), (R, [*terms, *negative])):
        band = result.band(indicator, "site", "2026")
        expected = figure_pct(of_figure, library)
        print(f"{indicator}: Tier 1 {expected:.4f} %, simulation {band.half_pct:.4f} %")
        assert band.half_pct == pytest.approx(expected, rel=0.02)
        assert band.mean == pytest.approx(band.value, rel=0.002)


# Drivers


def test_the_planted_driver_is_found():
    products, found = plant()
    library = certain(MAT_AL_PRIM_DEFRA=30.0, KAPPA_CU=10.0, TRN_HDV_18T=20.0)
    for seed in range(5):
        result = simulate(products, found, library, draws=2000, seed=seed)
        drivers = result.band(R, "site", "2026").drivers
        assert [d.name for d in drivers[:2]] == ["MAT_AL_PRIM_DEFRA", "KAPPA_CU"]
        assert drivers[0].factor_ids == ("MAT_AL_PRIM_DEFRA",)
        haulage, metering, *_ = result.band(L, "site", "2026").drivers
        assert haulage.name == "TRN_HDV_18T"
        # one meter errs alike all year, a hundred and eighty trips do not
        assert (metering.name, metering.factor_ids) == ("electricity_meter", ())


def test_shares_are_those_of_the_variance():
    products, _ = plant(MONTHS[:1])
    library = certain(KAPPA_CU=10.0, MAT_STEEL_PRIM_DEFRA=20.0)
    result = simulate(products, (), library, draws=50_000)
    net = {n: LIBRARY.rows[n].value for n in ("KAPPA_CU", "MAT_STEEL_PRIM_DEFRA", "KAPPA_STEEL")}
    drivers = result.band(S, "transformer", "2026").drivers
    copper = 140 * 0.21 * net["KAPPA_CU"] * (3473.11953 - 1706.42359) * 10
    steel = 140 * (0.33 + 0.2) * net["KAPPA_STEEL"] * net["MAT_STEEL_PRIM_DEFRA"] * 20
    expected = 100.0 * steel**2 / (steel**2 + copper**2)
    shares = {d.name: d.share_pct for d in drivers}
    assert shares["MAT_STEEL_PRIM_DEFRA"] == pytest.approx(expected, abs=2.0)


def test_the_ranking_is_stable_and_never_above_all():
    products, found = plant()
    ranks = set()
    for seed in range(4):
        result = simulate(products, found, LIBRARY, draws=1000, seed=seed)
        for band in result.bands:
            shares = [d.share_pct for d in band.drivers]
            assert fsum(shares) <= 100.0 + 1e-9
            assert shares == sorted(shares, reverse=True)
            assert min(shares) > 0.0
        ranks.add(tuple(d.name for d in result.band(R, "site", "2026").drivers))
    assert len(ranks) == 1


# Coverage: worlds in which the truth is known


def erring(value, pct, rng):
    """Return what someone would book of a true value."""
    return value * float(np.exp(log_sd(pct) * rng.standard_normal()))


def world(rng):
    """Return a true plant's figures and what is booked of it: rows, activities, factors."""
    library = {
        name: replace(f, value=erring(f.value, f.uncertainty_pct or 0.0, rng))
        for name, f in LIBRARY.rows.items()
        if name in USED
    }
    truth = {name: LIBRARY.rows[name].value for name in USED}
    products, found, true = [], [], {S: 0.0, L: 0.0, "heat_pump": 0.0, "conductor": 0.0}
    for month in MONTHS[:2]:
        for line, shares in SHARES.items():
            mass_in = float(rng.uniform(50.0, 300.0))
            booked = {m: erring(mass_in * p, 1.0, rng) for m, p in shares.items()}
            whole = fsum(booked.values()) + mass_in * (1.0 - fsum(shares.values()))
            for material, p in shares.items():
                pair = PAIRS[material]
                net = truth[pair.primary] - truth[pair.recycled]
                saved = mass_in * p * truth[pair.kappa] * net
                true[S] += saved
                true["conductor"] += saved if (line, month) == ("conductor", "2026-01") else 0.0
                residue = whole - fsum(booked.values())
                products.append(row(line, month, material, whole, booked[material], residue))
            for leg, name in (("a", "TRN_LDV_2T"), ("b", "TRN_HDV_18T")):
                for n in range(3):
                    done = float(rng.uniform(500.0, 3000.0))
                    true[L] += done * truth[name]
                    err = 1.0 + 0.1 / Z95 * rng.standard_normal()
                    found.append(
                        Activity(L, line, month, "trip", f"{line}{month}{leg}{n}", "t*km", (name,),
                                 done * err, library[name].value, 10.0)
                    )  # fmt: skip
    cop, eer, grid = "HP_COP_C", "AC_EER_C", GRID
    kwh = 20000.0
    booked_kwh = kwh * (1.0 + 0.01 / Z95 * rng.standard_normal())
    true["heat_pump"] = kwh * truth[grid] * (truth[cop] / truth[eer] - 1.0)
    per = library[cop].value / library[eer].value
    ef = library[grid].value
    found += [
        Activity("substitution", "heat_pump", "2026-01", "meter", "hp", "kWh", ids, booked_kwh,
                 coefficient, 1.0)
        for ids, coefficient in (((cop, eer, grid), per * ef), ((grid,), -ef))
    ]  # fmt: skip
    return FactorLibrary(library, ""), products, found, true


USED = {
    "TRN_LDV_2T", "TRN_HDV_18T", "HP_COP_C", "AC_EER_C", GRID,
    *(name for pair in PAIRS.values() for name in (pair.kappa, pair.primary, pair.recycled)),
}  # fmt: skip


def covers(count, allowed, of_world):
    """Count how often the truth lies in its band; print and compare with 95 %."""
    hits = {}
    for at in range(count):
        for name, inside in of_world(at).items():
            hits[name] = hits.get(name, 0) + inside
    for name, n in hits.items():
        print(f"{name}: {100 * n / count:.2f} % of {count} worlds")
    for name, n in hits.items():
        assert abs(n / count - 0.95) <= allowed, name


def inside(band, true):
    return band.lo95 <= true <= band.hi95


def counts(full):
    """95 +- 1.5 % in full; the short run allows three standard errors of sampling more."""
    return (2000, 0.015) if full else (300, 0.015 + 3 * sqrt(0.95 * 0.05 / 300))


def test_bands_cover_the_truth(full):
    def of_world(at):
        library, products, found, true = world(np.random.default_rng((7, at)))
        result = simulate(products, found, library, draws=2000, seed=at)
        return {
            S: inside(result.band(S, "site", "2026"), true[S]),
            L: inside(result.band(L, "site", "2026"), true[L]),
            R: inside(result.band(R, "site", "2026"), true[S] - true[L]),
            "heat pump": inside(
                result.band("substitution", "heat_pump", "2026"), true["heat_pump"]
            ),
            "S of a month": inside(result.band(S, "conductor", "2026-01"), true["conductor"]),
        }

    covers(*counts(full), of_world)


@pytest.mark.parametrize("line", SHARES)
def test_bands_of_weighing_alone_cover_the_truth(full, line):
    """With certain factors, closure must neither sharpen nor blur what the weighbridge says."""
    library = certain()

    def of_world(at):
        rng = np.random.default_rng((11, at))
        shares = {m: 100.0 * p for m, p in SHARES[line].items()}
        booked = {m: erring(mass, 1.0, rng) for m, mass in shares.items()}
        left = 100.0 - fsum(shares.values())
        whole = fsum(booked.values()) + left
        rows = [row(line, "2026-01", m, whole, mass, left) for m, mass in booked.items()]
        true = fsum(
            mass * library.rows[PAIRS[m].kappa].value
            * (library.rows[PAIRS[m].primary].value - library.rows[PAIRS[m].recycled].value)
            for m, mass in shares.items()
        )  # fmt: skip
        result = simulate(rows, (), library, draws=2000, seed=at)
        return {f"{line}, weighing": inside(result.band(S, line, "2026-01"), true)}

    covers(*counts(full), of_world)


def test_normal_errors_are_covered_too(full):
    """Factors whose errors are normal around the truth, 20 % wide: the choice is not decisive."""

    def of_world(at):
        rng = np.random.default_rng((13, at))
        true = {name: LIBRARY.rows[name].value for name in USED}
        rows = {
            name: replace(
                LIBRARY.rows[name],
                uncertainty_pct=20.0,
                value=true[name] * (1.0 + 0.2 / Z95 * rng.standard_normal()),
            )
            for name in USED
        }
        saved = fsum(
            r.mass_out_t * true[r.kappa_id] * (true[r.prim_id] - true[r.rec_id])
            for r in line_month("transformer", "2026-01")
        )
        rows_in = line_month("transformer", "2026-01")
        result = simulate(rows_in, (), FactorLibrary(rows, ""), draws=2000, seed=at)
        return {"normal factors": inside(result.band(S, "transformer", "2026-01"), saved)}

    covers(*counts(full), of_world)
