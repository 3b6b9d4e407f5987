"""Bands from the store: the ledger's values, whatever the order in which they came in."""

from math import fsum

import pytest

from data.simulations import SIMULATED, band_of, bands, is_simulated, quality_letter
from data.trace import opened
from tests.plant import Plant, meter, moment, opened_home, series

SITE = "S1"
METERS = (
    meter("G", role="grid_import", register_max=10**6),
    meter("C", building="plant", line="cable", equipment="cable_line", register_max=10**6),
    meter("K", building="plant", equipment="crane", register_max=10**6),
    meter("P", role="pv_generation", register_max=10**6),
)
BATCHES = ("batch_id", "site", "date", "line", "mass_in_t", "residue_t")
OUTPUTS = ("batch_id", "material", "mass_t", "fate")
TRIPS = ("trip_id", "site", "date", "line", "leg", "tonnes", "km")


def batch_rows():
    for month in (1, 2):
        for n in range(4):
            line = ("cable", "conductor")[n % 2]
            yield (f"B{month}{n}", SITE, f"2026-0{month}-1{n}", line, 10 + n, 0.3)


def output_rows():
    for ident, _, _, line, mass, _ in batch_rows():
        shares = {"cable": {"copper": 0.6, "plastic_pvc": 0.36}, "conductor": {"aluminium": 0.96}}
        for material, share in shares[line].items():
            yield (ident, material, round(mass * share, 3), "sold")
    yield ("BAD", "copper", 1, "sold")  # ten times as much went in: it does not count


def trip_rows():
    for n in range(6):
        leg = ("collection", "transport", "outbound")[n % 3]
        yield (f"T{n}", SITE, f"2026-0{1 + n % 2}-1{n}", ("cable", "conductor")[n % 2], leg, 9, 80)


def filled(folder, engine, settings="", turned=False):
    """A plant of two months; turned: every file from its last row to its first."""

    def rows(found):
        found = list(found)
        return found[::-1] if turned else found

    plant = Plant(folder, engine, settings=settings)
    plant.meters(*METERS)
    start, end = moment("2026-01-01 00:00"), moment("2026-03-01 00:00")
    steps = {"G": 2.0, "C": 0.5, "K": 0.25, "P": 0.4}
    for ident, step in rows(steps.items()):
        plant.readings(series(ident, start, end, per_step=step))
    plant.put(
        "batches", BATCHES, rows([*batch_rows(), ("BAD", SITE, "2026-01-09", "cable", 10, 0)])
    )
    plant.put("outputs", OUTPUTS, rows(output_rows()))
    plant.put("trips", TRIPS, rows(trip_rows()))
    plant.settle()
    return plant


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bands")
    with opened_home(folder / "home") as engine:
        yield filled(folder, engine)


def ledger_rows(plant):
    """The current rows that are simulated and not zero."""
    rows = plant.query(
        "SELECT figure_id, site, grain, period, indicator, dimension, entity, value FROM ledger "
        "WHERE current AND grain IN ('month', 'year') AND value <> 0"
    )
    names = ("figure_id", "site", "grain", "period", "indicator", "dimension", "entity", "value")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [row for row in found if is_simulated(row)]


def test_every_band_is_the_ledgers_figure_and_holds_it(plant):
    found = bands(plant.engine, SITE, 2026)
    rows = ledger_rows(plant)
    assert {(row["indicator"], row["dimension"]) for row in rows} == SIMULATED
    assert {row["grain"] for row in rows} == {"month", "year"}
    for row in rows:
        band = band_of(found, row)
        assert band is not None, row
        assert band.value == pytest.approx(row["value"], rel=1e-9)
        assert band.lo95 <= row["value"] <= band.hi95
        assert fsum(driver.share_pct for driver in band.drivers) <= 100.0 + 1e-9
        assert (band.draws, band.seed) == (10_000, 615)


def test_masses_close_in_every_draw(plant):
    assert bands(plant.engine, SITE, 2026).closure_t < 1e-9


def test_bands_are_the_same_every_time_and_in_any_order(plant, tmp_path):
    found = bands(plant.engine, SITE, 2026)
    assert bands(plant.engine, SITE, 2026) == found
    with opened_home(tmp_path / "home") as engine:
        filled(tmp_path, engine, turned=True)
        assert bands(engine, SITE, 2026) == found


@pytest.mark.parametrize("settings", ["include_copper = false", 'book_on = "shipment"',
                                      'material_set = "CN2026"'])  # fmt: skip
def test_bands_follow_the_settings(tmp_path, settings):
    with opened_home(tmp_path / "home") as engine:
        plant = filled(tmp_path, engine, settings)
        found = bands(engine, SITE, 2026)
        rows = ledger_rows(plant)
        assert {row["indicator"] for row in rows} >= {"product_substitution", "reduction"}
        missing = [row for row in rows if band_of(found, row) is None]
        # a line that substitutes nothing in a month has no S to draw, and so no R
        drawn = {(b.entity, b.period) for b in found.bands if b.indicator == "product_substitution"}
        assert [r for r in missing if (r["entity"], r["period"]) in drawn] == []
        assert len(missing) < len(rows) / 2
        assert found.closure_t < 1e-9


def test_a_figure_that_waits_to_be_settled_has_no_band(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        plant = filled(tmp_path, engine)
        row = next(r for r in ledger_rows(plant)
                   if (r["indicator"], r["period"], r["entity"])
                   == ("product_substitution", "2026-02", "cable"))  # fmt: skip
        assert band_of(bands(engine, SITE, 2026), row) is not None
        plant.put("batches", BATCHES, [("NEW", SITE, "2026-02-20", "cable", 5, 0)])
        plant.put("outputs", OUTPUTS, [("NEW", "copper", 5, "sold")])
        assert band_of(bands(engine, SITE, 2026), row) is None


def test_other_figures_and_years_have_none(plant):
    assert bands(plant.engine, SITE, 2031).bands == ()
    found = bands(plant.engine, SITE, 2026)
    row = {"grain": "month", "indicator": "emission", "dimension": "site", "entity": "site",
           "period": "2026-01", "value": 1.0}  # fmt: skip
    assert band_of(found, row) is None
    row |= {"indicator": "reduction", "value": None}
    assert band_of(found, row) is None
    assert band_of(found, row | {"value": 1.0}) is None
    with pytest.raises(KeyError):
        bands(plant.engine, "nowhere", 2026)


def test_data_quality_is_a_letter_of_months_alone(plant):
    rows = plant.query("SELECT figure_id, grain, site FROM ledger WHERE current "
                       "AND indicator = 'emission' AND dimension = 'site'")  # fmt: skip
    letters = {}
    for figure_id, grain, _ in rows:
        found = opened(plant.engine, figure_id)
        letters.setdefault(grain, set()).add(
            quality_letter(plant.engine, found["figure"], found["terms"])
        )
    assert letters["day"] == {None}
    assert letters["month"] <= {"A", "B", "C", "D"}
    figure = {"grain": "month", "site": "", "period": "2026-01"}
    assert quality_letter(plant.engine, figure, []) is None
