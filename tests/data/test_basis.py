"""The basis as data: everything that the code computes with, and nothing else."""

from dataclasses import asdict, replace
from importlib.util import find_spec

import pytest

from accounting.amount import FLAGS, QUALITIES
from accounting.factors import library
from accounting.ledger import indicators
from accounting.products import SETS
from accounting.uncertainty import DEFAULTS
from data.basis import (
    DECISIONS,
    FLAG_SENTENCES,
    MONTHS,
    QUALITY_SENTENCES,
    REASONS,
    RULES,
    UNCERTAINTY_SENTENCES,
    _figures,
    _month,
    basis,
    sentences,
)
from data.ingest.site_file import SETTINGS
from data.library import shipped, shipped_rows
from data.views import VIEWS
from tests.test_translations import catalogue


@pytest.fixture(scope="module")
def found():
    return basis(shipped())


def forms(found):
    return {
        (row["indicator"], form["dimension"]): form
        for row in found["indicators"]
        for form in row["forms"]
    }


def test_every_indicator_has_formula_and_clause_or_reason(found):
    assert forms(found).keys() == indicators().keys()
    for key, form in forms(found).items():
        assert form["formula"], key
        assert form["clauses"] or form["reason"], key
        assert form["entities"], key
        assert "..." not in form["entities"]
    assert all(not indicators()[key].clauses for key in REASONS)


def test_every_indicator_occurs_in_the_made_up_months():
    known = {}
    for figure in _figures(shipped())[""]:
        key = (figure.indicator, figure.dimension)
        known.setdefault(key, []).append(figure.value)
    assert indicators().keys() - known.keys() == {("alarm_count", "medium")}
    assert [key for key, values in known.items() if None in values] == []


def test_the_factors_are_those_of_the_lineage(found):
    of = forms(found)
    grid = shipped().grid("CN-HE", MONTHS[0]).factor_id
    assert of["emission", "site"]["factors"] == [
        "FUEL_DIESEL_EF_L", "FUEL_PETROL_EF_L", grid, "WATER_EF",
    ]  # fmt: skip
    assert {"AC_EER_C", "AC_COP_H"} <= set(of["heat_pump_saved", "site"]["factors"])
    assert of["water", "site"]["factors"] == []
    listed = {row["factor_id"]: row for row in found["factors"]}
    assert {name for form in of.values() for name in form["factors"]} <= listed.keys()
    for row in listed.values():
        kept = asdict(shipped().rows[row["factor_id"]])
        assert (row["value"], row["source"], row["unit"]) == (
            kept["value"], kept["source"], kept["unit"],
        )  # fmt: skip
        assert row["unsure"] == (kept["confidence"] == "low")
        assert row["indicators"] or row["sets"] or row["views"]
    assert listed["GRID_FOOTPRINT_CN_2024"]["views"] == ["footprint"]
    assert any(row["unsure"] for row in listed.values())


def test_another_library_is_another_basis():
    rows = [dict(row) for row in shipped_rows()]
    for row in rows:
        if row["factor_id"] == "WATER_EF":
            row["value"] = "0.5"
    found = basis(library(rows, "0" * 64))
    water = next(row for row in found["factors"] if row["factor_id"] == "WATER_EF")
    assert (water["value"], found["library"]) == (0.5, "0" * 8)


def test_net_factors_are_those_that_are_settled_with(found):
    settled = {
        figure.entity: figure.value
        for figure in _figures(shipped())[""]
        if figure.indicator == "net_factor"
    }
    sets = {one["set"]: {row["material"]: row["net"] for row in one["rows"]}
            for one in found["sets"]}  # fmt: skip
    assert sets.keys() == SETS.keys()
    for name in ("aluminium", "copper", "steel", "iron", "transformer_oil"):
        assert sets["CONS"][name] == pytest.approx(settled[name], rel=1e-12)
    assert sets["CN2026"]["aluminium"] == pytest.approx(13399.68, abs=0.005)


def test_every_flag_quality_default_setting_and_view_is_there(found):
    assert FLAG_SENTENCES.keys() == set(FLAGS)
    assert tuple(QUALITY_SENTENCES) == QUALITIES
    assert UNCERTAINTY_SENTENCES.keys() == asdict(DEFAULTS).keys()
    assert {row["name"]: row["default"] for row in found["settings"]} == {
        name: setting.default for name, setting in SETTINGS.items()
    }
    assert [row["view"] for row in found["views"]] == list(VIEWS)


def test_every_decision_and_rule_names_modules_that_exist():
    assert list(DECISIONS) == [f"D-{n}" for n in range(1, 11)]
    assert list(RULES) == [f"R{n}" for n in range(1, 27)]
    for sentence, modules in (*DECISIONS.values(), *RULES.values()):
        assert sentence
        assert modules
        assert all(find_spec(module) for module in modules)


def test_every_sentence_has_its_english():
    english = catalogue()
    assert [s for s in sentences() if not english.get(s)] == []


def test_a_made_up_month_is_made_anew_each_time():
    first, again = _month(MONTHS[0]), _month(MONTHS[0])
    assert first.meter_month.equals(again.meter_month)
    assert replace(first.site, settings={}) == replace(again.site, settings={})
