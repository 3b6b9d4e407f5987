"""The ledger as a book: factors with two clocks, settings, locked months, replay of the past."""

import csv
import random
import sqlite3
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from data import approvals, closing
from data.approvals import NotApprovable
from data.closing import NotClosable
from data.export import COLUMNS, Wanted, as_csv, export_ledger, ledger_rows
from data.ingest.factor_file import FACTOR_KIND, text_of
from data.ingest.load import drain
from data.ingest.problems import Refused
from data.settle import settle
from data.trace import trace
from data.views import VIEWS, view_rows
from tests.plant import Plant, meter, moment, opened_home, series, write_csv

METERS = (
    meter("G", role="grid_import", register_max=1000000, step_min=60),
    meter("L", equipment="cable_line", step_min=60),
    meter("P", role="pv_generation", step_min=60),
    meter("W", medium="water", unit="m3", step_min=60),
)
START, END = moment("2026-01-01 00:00"), moment("2026-04-01 00:00")
COLUMNS_OF = tuple(c.name for c in FACTOR_KIND.columns)
BATCH = ("batch_id", "site", "date", "line", "mass_in_t")
OUTPUT = ("batch_id", "material", "mass_t")
FUEL = ("fuel_id", "site", "timestamp", "litres", "kind")


def made(folder, engine):
    plant = Plant(folder, engine)
    plant.meters(*METERS)
    for ident, step in (("G", 30.0), ("L", 8.0), ("P", 5.0), ("W", 0.5)):
        plant.readings(series(ident, START, END, step_min=60, per_step=step))
    months = ("2026-01", "2026-02", "2026-03")
    plant.put("batches", BATCH, [(f"B{m}", "S1", f"{m}-10", "cable", 40) for m in months])
    plant.put("outputs", OUTPUT, [(f"B{m}", "copper", 39.5) for m in months])
    plant.put("fuel", FUEL, [(f"F{m}", "S1", f"{m}-05 08:00", 120, "use") for m in months])
    plant.settle()
    return plant


@pytest.fixture
def plant(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        yield made(tmp_path, engine)


def factor_file(plant, *rows, known=None, **changed):
    """A file with rows of the library, some cells changed; or rows given whole."""
    library = known or plant.engine.library
    cells = list(rows)
    for name, values in changed.items():
        cells.append(text_of(library.rows[name]) | {k: str(v) for k, v in values.items()})
    plant.count += 1
    path = plant.folder / f"factors-{plant.count}.csv"
    return write_csv(path, COLUMNS_OF, [[row[c] for c in COLUMNS_OF] for row in cells])


def new_row(**values):
    row = dict.fromkeys(COLUMNS_OF, "") | {
        "name_zh": "试", "name_en": "trial", "category": "grid_average", "value": "0.6",
        "unit": "kgCO2/kWh", "region": "CN-HE", "source": "a document", "confidence": "high",
    }  # fmt: skip
    return row | values


def change_factor(plant, name="FUEL_DIESEL_EF_L", value=2.7):
    made_ = approvals.propose_factors(
        plant.engine, factor_file(plant, **{name: {"value": value}}), "ana"
    )
    approvals.accept(plant.engine, made_.proposal, "bob")
    return plant.settle()


def exported(plant, as_of=None):
    with plant.engine.store.read() as cursor:
        return as_csv(ledger_rows(cursor, Wanted(as_of=as_of)))


def clock():
    return datetime.now(UTC).replace(tzinfo=None)


def test_a_factor_counts_only_once_a_second_person_agreed(plant):
    before = plant.figure("emission", "2026-02")
    path = factor_file(plant, FUEL_DIESEL_EF_L={"value": 2.7})
    proposed = approvals.propose_factors(plant.engine, path, "ana")
    assert (proposed.rows, proposed.months) == (1, 3)
    assert plant.settle().figures == 0
    assert plant.value("emission", "2026-02") == before.value
    with pytest.raises(NotApprovable, match="own"):
        approvals.accept(plant.engine, proposed.proposal, "ana")
    approvals.accept(plant.engine, proposed.proposal, "bob")
    assert plant.settle().figures > 0
    after = plant.figure("emission", "2026-02")
    assert after.value - before.value == pytest.approx(120 * (2.7 - 2.600564))
    supersedes, cause = plant.query(
        "SELECT supersedes, cause FROM ledger WHERE figure_id = ?", [after.figure_id]
    )[0]
    assert (supersedes, cause) == (before.figure_id, "factor")
    with pytest.raises(NotApprovable, match="decided"):
        approvals.accept(plant.engine, proposed.proposal, "bob")


def test_two_proposals_that_exclude_each_other_are_not_both_accepted(plant):
    rows = [
        new_row(factor_id=f"GRID_HE_{year}", valid_from="2026-02-01", value=value)
        for year, value in ((2026, "0.6"), (2027, "0.5"))
    ]
    first, second = (
        approvals.propose_factors(plant.engine, factor_file(plant, row), "ana").proposal
        for row in rows
    )
    approvals.accept(plant.engine, first, "bob")
    known = plant.engine.library
    with pytest.raises(NotApprovable, match="conflict"):
        approvals.accept(plant.engine, second, "bob")
    assert plant.engine.library.digest == known.digest
    approvals.reject(plant.engine, second, "bob", "重叠")


def test_a_proposal_whose_effect_has_changed_since_is_shown_again(plant):
    path = factor_file(plant, FUEL_DIESEL_EF_L={"value": 2.7})
    first = approvals.propose_factors(plant.engine, path, "ana").proposal
    other = factor_file(plant, FUEL_DIESEL_EF_L={"value": 2.8}, KAPPA_CU={"value": 0.9})
    number = approvals.propose_factors(plant.engine, other, "ana").proposal
    approvals.accept(plant.engine, number, "bob")
    plant.settle()
    with pytest.raises(NotApprovable, match="stale"):
        approvals.accept(plant.engine, first, "bob")
    assert plant.engine.library.rows["FUEL_DIESEL_EF_L"].value == 2.8
    (second,) = plant.engine.state.approvals.all(only_open=True)
    assert second.proposer == "ana"
    approvals.accept(plant.engine, second.proposal, "bob")
    assert plant.engine.library.rows["FUEL_DIESEL_EF_L"].value == 2.7


def test_the_effect_shown_is_the_effect(plant):
    path = factor_file(plant, FUEL_DIESEL_EF_L={"value": 2.7}, KAPPA_CU={"value": 0.9})
    proposed = approvals.propose_factors(plant.engine, path, "ana")
    shown = {tuple(row[:5]): (row[6], row[7]) for row in
             plant.engine.state.approvals.find(proposed.proposal).effect["rows"]}  # fmt: skip
    before = plant.ledger()
    approvals.accept(plant.engine, proposed.proposal, "bob")
    plant.settle()
    after = plant.ledger()
    changed = {
        ("S1", *key[1:]): (before[key].value, row.value)
        for key, row in after.items()
        if key[0] == "month" and row.value != before[key].value and row.value == row.value
    }
    assert changed == shown
    assert len(shown) > 10


def test_only_figures_made_of_the_factor_change_and_all_of_them(plant):
    held = {
        row[0] for row in plant.query(
            "SELECT DISTINCT figure_id FROM lineage WHERE "
            "list_contains(string_split(factor_id, ';'), 'FUEL_DIESEL_EF_L')"
        )
    }  # fmt: skip
    before = {key: row.figure_id for key, row in plant.ledger().items() if key[0] != "year"}
    change_factor(plant, value=2.700001)
    after = plant.ledger()
    moved = {before[key] for key in before if after[key].figure_id != before[key]}
    assert moved == held & set(before.values())


def test_settling_for_a_factor_is_what_settling_everything_gives(plant):
    change_factor(plant)
    change_factor(plant, "KAPPA_CU", 0.9)
    done = settle(plant.engine, moment("2026-01-01").date(), moment("2026-12-01").date())
    assert (done.months, done.figures) == (3, 0)


def test_the_past_library_is_read_as_it_was(plant):
    early = clock()
    change_factor(plant)
    library = plant.engine.libraries
    assert library.as_of(early).rows["FUEL_DIESEL_EF_L"].value == 2.600564
    assert library.now().rows["FUEL_DIESEL_EF_L"].value == 2.7
    version = library.version_of("FUEL_DIESEL_EF_L", library.now())
    assert (version.proposer, version.approver) == ("ana", "bob")
    assert len(version.document_sm3) == 64
    assert (plant.engine.home / "documents" / f"{version.document_sm3}.csv").is_file()


def test_an_old_figure_opens_with_the_factor_it_was_made_with(plant):
    old = plant.figure("emission", "2026-02").figure_id
    change_factor(plant)
    for ident, value in ((old, "2.600564"), (plant.figure("emission", "2026-02").figure_id, "2.7")):
        fuel = [t for t in trace(plant.engine, ident)["terms"] if t["kind"] == "fuel"]
        assert fuel[0]["factor_version"].startswith(value)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (new_row(factor_id="GRID_HE_2024", source=""), "source"),
        (new_row(factor_id="GRID_HE_2023B", valid_from="2024-01-01", unit="kgCO2/MWh"), "unit"),
        (new_row(factor_id="GRID_HE_2024", valid_from="2023-01-01"), "valid_from"),
        (new_row(factor_id="GRID_HE_2024", valid_from="2022-06-01", valid_to="2022-12-31"),
         "valid_from"),
        (new_row(factor_id="GRID_HE_2024", valid_from="2024-06-01", valid_to="2024-01-01"),
         "valid_to"),
        (new_row(factor_id="grid he", valid_from="2024-01-01"), "factor_id"),
        (new_row(factor_id="GRID_HE_2024", value="-1"), "value"),
        (new_row(factor_id="NEW_THING", category="nothing"), "category"),
        (new_row(factor_id="GRID_HE_2024", category="fuel", valid_from="2024-01-01"), "category"),
    ],
)  # fmt: skip
def test_a_factor_that_cannot_be_is_refused_in_words(plant, row, column):
    with pytest.raises(Refused) as refused:
        approvals.propose_factors(plant.engine, factor_file(plant, row), "ana")
    problems = refused.value.problems
    assert column in {p.column for p in problems}
    assert all(p.file.endswith(".csv") and p.row == 2 and p.reason and p.remedy for p in problems)
    assert plant.engine.state.approvals.all() == []


def test_primary_smaller_than_recycled_is_refused(plant):
    path = factor_file(plant, MAT_STEEL_REC_DEFRA={"value": 3030.0})
    with pytest.raises(Refused) as refused:
        approvals.propose_factors(plant.engine, path, "ana")
    assert "MAT_STEEL_PRIM_DEFRA" in refused.value.problems[0].reason


def test_the_next_year_ends_an_open_year_and_takes_its_months(plant):
    row = new_row(factor_id="GRID_HE_2025", valid_from="2025-01-01", value="0.61")
    made_ = approvals.propose_factors(plant.engine, factor_file(plant, row), "ana")
    approvals.accept(plant.engine, made_.proposal, "bob")
    plant.settle()
    used = plant.query(
        "SELECT DISTINCT factor_id FROM lineage JOIN ledger USING (figure_id) "
        "WHERE current AND indicator = 'emission' AND starts_with(factor_id, 'GRID_')"
    )
    assert used == [("GRID_HE_2025",)]


def test_other_settings_wait_for_a_second_person(plant):
    before = plant.value("energy", "2026-02")
    path = plant.folder / "S1.toml"
    path.write_text(path.read_text(encoding="utf-8") + "water_in_energy = false\n", "utf-8")
    plant.take("site", path)
    (number,) = approvals.propose_settings(plant.engine, "ana")
    proposal = plant.engine.state.approvals.find(number)
    assert proposal.body["settings"] == {"water_in_energy": [True, False]}
    assert plant.settle().figures == 0
    assert approvals.propose_settings(plant.engine, "ana") == []
    approvals.accept(plant.engine, number, "bob")
    plant.settle()
    assert before - plant.value("energy", "2026-02") == pytest.approx(28 * 24 * 0.5 * 0.2571)
    assert plant.settle().figures == 0


def test_settings_whose_effect_has_changed_since_are_shown_again(plant):
    path = plant.folder / "S1.toml"
    path.write_text(path.read_text(encoding="utf-8") + "water_in_energy = false\n", "utf-8")
    plant.take("site", path)
    (first,) = approvals.propose_settings(plant.engine, "ana")
    plant.readings(series("W", START, END, step_min=60, per_step=0.7))
    plant.settle()
    with pytest.raises(NotApprovable, match="stale"):
        approvals.accept(plant.engine, first, "bob")
    assert plant.settle().figures == 0  # the earlier settings are still in force
    (second,) = plant.engine.state.approvals.all(only_open=True)
    before = plant.engine.state.approvals.find(first)
    assert before.status == "withdrawn"
    assert (second.proposer, second.body) == ("ana", before.body)
    assert second.effect["digest"] != before.effect["digest"]
    assert approvals.propose_settings(plant.engine, "ana") == []
    approvals.accept(plant.engine, second.proposal, "bob")
    plant.settle()
    shown = {tuple(row[1:5]): row[7] for row in second.effect["rows"]}
    assert plant.value("energy", "2026-02") == shown["2026-02", "energy", "site", "site"]


def test_settings_that_a_newer_file_replaced_are_not_accepted(plant):
    path = plant.folder / "S1.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "water_in_energy = false\n", "utf-8")
    plant.take("site", path)
    (first,) = approvals.propose_settings(plant.engine, "ana")
    path.write_text(text + "water_in_energy = false\nmaterial_set = 'CN2026'\n", "utf-8")
    plant.take("site", path)
    with pytest.raises(NotApprovable, match="stale"):
        approvals.accept(plant.engine, first, "bob")
    (second,) = plant.engine.state.approvals.all(only_open=True)
    assert second.body["settings"].keys() == {"water_in_energy", "material_set"}
    assert plant.settle().figures == 0


def test_settings_taken_back_withdraw_their_proposal(plant):
    path = plant.folder / "S1.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "water_in_energy = false\n", "utf-8")
    plant.take("site", path)
    (number,) = approvals.propose_settings(plant.engine, "ana")
    path.write_text(text + "water_in_energy = true\n", "utf-8")
    plant.take("site", path)
    approvals.propose_settings(plant.engine, "ana")
    assert plant.engine.state.approvals.find(number).status == "withdrawn"
    assert plant.settle().figures == 0


def test_a_rejected_setting_stays_rejected_when_the_store_is_rebuilt(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        plant = made(tmp_path, engine)
        path = plant.folder / "S1.toml"
        path.write_text(path.read_text(encoding="utf-8") + "water_in_energy = false\n", "utf-8")
        plant.take("site", path)
        (number,) = approvals.propose_settings(engine, "ana")
        approvals.reject(engine, number, "bob", "no")
        energy = plant.value("energy", "2026-02")
    for name in ("carbon.duckdb", "carbon.duckdb.wal"):
        (tmp_path / "home" / name).unlink(missing_ok=True)
    with sqlite3.connect(tmp_path / "home" / "spool.db") as spool:
        spool.execute("UPDATE batch SET drained_at = NULL")
    spool.close()
    with opened_home(tmp_path / "home") as engine:
        drain(engine)
        approvals.restore_settings(engine)
        settle(engine)
        with engine.store.read() as cursor:
            rows = ledger_rows(cursor, Wanted())
        found = rows[(rows["indicator"] == "energy") & (rows["dimension"] == "site")
                     & (rows["period"] == "2026-02")]  # fmt: skip
        assert found["value"].tolist() == [energy]


def closed(plant, month="2026-02"):
    closing.check(plant.engine, "S1", month, "ana")
    closing.lock(plant.engine, "S1", month, "ana")


def late(plant, litres=77, day="2026-02-20"):
    plant.put("fuel", FUEL, [(f"X{litres}", "S1", f"{day} 08:00", litres, "use")])


def test_a_month_goes_from_open_over_checked_to_locked(plant):
    with pytest.raises(NotClosable, match="open"):
        closing.lock(plant.engine, "S1", "2026-02", "ana")
    closing.check(plant.engine, "S1", "2026-02", "ana")
    late(plant)
    with pytest.raises(NotClosable, match="due"):
        closing.lock(plant.engine, "S1", "2026-02", "ana")
    plant.settle()
    with pytest.raises(NotClosable, match="changed"):
        closing.lock(plant.engine, "S1", "2026-02", "ana")
    closed(plant)
    with pytest.raises(NotClosable, match="locked"):
        closing.check(plant.engine, "S1", "2026-02", "ana")
    with pytest.raises(NotClosable, match="unknown"):
        closing.check(plant.engine, "S1", "2031-01", "ana")


def test_a_running_month_cannot_be_closed(plant):
    plant.readings([("G", "2026-04-02 00:00", 66000.0)])
    plant.settle()
    with pytest.raises(NotClosable, match="running"):
        closing.check(plant.engine, "S1", "2026-04", "ana")


def test_a_locked_month_changes_only_by_an_approved_adjustment(plant):
    closed(plant)
    before, year = plant.figure("emission", "2026-02"), plant.value("reduction", "2026")
    late(plant)
    assert plant.settle().figures == 0
    assert plant.figure("emission", "2026-02").figure_id == before.figure_id
    (proposal,) = plant.engine.state.approvals.all(only_open=True)
    assert (proposal.kind, proposal.subject) == ("adjustment", "S1/2026-02")
    assert plant.settle().run == 0
    late(plant, 5, "2026-02-21")
    plant.settle()
    (newer,) = plant.engine.state.approvals.all(only_open=True)
    assert newer.proposal != proposal.proposal
    approvals.accept(plant.engine, newer.proposal, "bob")
    after = plant.figure("emission", "2026-02")
    assert after.value - before.value == pytest.approx(82 * 2.600564)
    held = plant.query(
        "SELECT supersedes, cause, approval FROM ledger WHERE figure_id = ?", [after.figure_id]
    )
    assert held == [(before.figure_id, "late data", newer.proposal)]
    assert plant.value("reduction", "2026") != year
    state = {s.month: s for s in closing.month_states(plant.engine, "S1")}["2026-02"]
    assert (state.status, state.adjustments) == ("locked", 1)


def test_an_adjustment_that_has_changed_since_is_shown_again(plant):
    closed(plant)
    late(plant)
    plant.settle()
    (first,) = plant.engine.state.approvals.all(only_open=True)
    late(plant, 3, "2026-02-22")
    with pytest.raises(NotApprovable, match="stale"):
        approvals.accept(plant.engine, first.proposal, "bob")
    (second,) = plant.engine.state.approvals.all(only_open=True)
    assert second.effect["digest"] != first.effect["digest"]
    approvals.accept(plant.engine, second.proposal, "bob")


def test_a_rejected_adjustment_leaves_the_month_and_says_why(plant):
    closed(plant)
    before = exported(plant)
    late(plant)
    plant.settle()
    (proposal,) = plant.engine.state.approvals.all(only_open=True)
    approvals.reject(plant.engine, proposal.proposal, "bob", "未附凭证")
    assert plant.engine.state.approvals.find(proposal.proposal).reason == "未附凭证"
    assert plant.settle().figures == 0
    assert exported(plant) == before


def test_opening_a_locked_month_needs_a_second_person(plant):
    closed(plant)
    with pytest.raises(NotClosable, match="reason"):
        closing.reopen(plant.engine, "S1", "2026-02", "ana", " ")
    number = closing.reopen(plant.engine, "S1", "2026-02", "ana", "漏录油单")
    assert plant.engine.state.months.locked("S1") == {"2026-02"}
    with pytest.raises(NotApprovable, match="own"):
        approvals.accept(plant.engine, number, "ana")
    approvals.accept(plant.engine, number, "bob")
    assert plant.engine.state.months.locked("S1") == set()
    plant.settle()
    closing.check(plant.engine, "S1", "2026-02", "ana")
    assert closing.reopen(plant.engine, "S1", "2026-02", "ana", "") == 0


def test_a_factor_does_not_change_a_locked_month_either(plant):
    closed(plant)
    before = plant.figure("emission", "2026-02").figure_id
    change_factor(plant)
    assert plant.figure("emission", "2026-02").figure_id == before
    assert plant.figure("emission", "2026-03").value > 0
    change_factor(plant, "WATER_EF", 0.2)
    (proposal,) = plant.engine.state.approvals.all(only_open=True)
    assert proposal.body["cause"] == "factor"
    approvals.accept(plant.engine, proposal.proposal, "bob")
    library = plant.engine.library.rows
    expected = 28 * 24 * 30 * library["GRID_HE_2023"].value + 28 * 24 * 0.5 * 0.2 + 120 * 2.7
    assert plant.value("emission", "2026-02") == pytest.approx(expected)


def test_a_month_opened_again_takes_what_it_was_kept_from(plant):
    closed(plant)
    before = plant.value("emission", "2026-02")
    change_factor(plant)
    (adjustment,) = plant.engine.state.approvals.all(only_open=True)
    approvals.reject(plant.engine, adjustment.proposal, "bob", "no")
    number = closing.reopen(plant.engine, "S1", "2026-02", "ana", "因子已更新")
    approvals.accept(plant.engine, number, "bob")
    plant.settle()
    change = 120 * (2.7 - 2.600564)
    assert plant.value("emission", "2026-02") - before == pytest.approx(change)
    assert settle(plant.engine, moment("2026-01-01").date(), None).figures == 0


@pytest.mark.parametrize("name", list(VIEWS))
def test_a_view_is_computed_named_and_never_stored(plant, name):
    before = plant.query("SELECT count(*) FROM ledger")
    rows = view_rows(plant.engine, name, "2026-02", "2026-02", COLUMNS)
    assert plant.query("SELECT count(*) FROM ledger") == before
    assert rows["factor_set"].str.endswith(f";view={name}").all()
    assert rows["figure_id"].str.startswith("view").all()
    assert rows["figure_id"].is_unique
    value = {
        (r.indicator, r.dimension, r.entity): r.value for r in rows.itertuples()
        if r.grain == "month"
    }  # fmt: skip
    kwh, emitted = 28 * 24 * 30.0, plant.value("emission", "2026-02")
    if name == "footprint":
        expected = kwh * 0.5777 + 28 * 24 * 0.5 * 0.168 + 120 * (2.600564 + 0.62409)
        assert value["emission", "site", "site"] == pytest.approx(expected)
        assert set(rows["basis"]) == {"footprint"}
    elif name == "market-based":
        assert value["emission", "site", "site"] == pytest.approx(
            plant.value("emission_market_based", "2026-02")
        )
    elif name == "CN2026":
        assert value["net_factor", "material", "copper"] == pytest.approx(3380.45)
    elif name == "without-copper":
        assert value["product_substitution", "line", "cable"] == 0
    else:
        assert value["energy", "site", "site"] < plant.value("energy", "2026-02")
    if name in ("CN2026", "without-copper", "without-water"):
        assert value["emission", "site", "site"] == emitted


def test_every_earlier_export_is_given_back_byte_for_byte(tmp_path, full):
    steps = 200 if full else 14
    print(f"{steps} changes")
    draw = random.Random(615)
    with opened_home(tmp_path / "home") as engine:
        plant = made(tmp_path, engine)
        told = [(clock(), exported(plant))]
        for number in range(steps):
            _change(plant, draw, number)
            plant.settle()
            told.append((clock(), exported(plant)))
        for moment_, body in told:
            assert exported(plant, moment_) == body
        assert len({body for _, body in told}) > steps // 2
        _adjustments_add_up(plant)
        done = settle(engine, moment("2026-01-01").date(), moment("2026-12-01").date())
        assert done.figures == 0


def _change(plant, draw, number):
    month = draw.choice(("2026-01", "2026-02", "2026-03"))
    kind = draw.choice(("factor", "fuel", "correction", "batch", "reading"))
    if kind == "factor":
        name = draw.choice(("FUEL_DIESEL_EF_L", "KAPPA_CU", "GRID_HE_2023", "WATER_EF",
                            "TCE_WATER", "MAT_OIL_PRIM"))  # fmt: skip
        value = plant.engine.library.rows[name].value * draw.uniform(1.0001, 1.01)
        path = factor_file(plant, **{name: {"value": value}})
        made_ = approvals.propose_factors(plant.engine, path, "ana")
        approvals.accept(plant.engine, made_.proposal, "bob")
    elif kind == "fuel":
        late(plant, draw.randint(1, 99), f"{month}-{draw.randint(1, 28):02d}")
    elif kind == "correction":
        plant.put("fuel", FUEL, [(f"F{month}", "S1", f"{month}-05 08:00",
                                  draw.randint(50, 150), "use")])  # fmt: skip
    elif kind == "batch":
        ident = f"N{number}"
        plant.put("batches", BATCH, [(ident, "S1", f"{month}-15", "conductor", 10)])
        plant.put("outputs", OUTPUT, [(ident, "aluminium", draw.uniform(9.6, 10))])
    else:
        day, hour = draw.randint(1, 28), draw.randint(0, 23)
        at = moment(f"{month}-{day:02d} {hour:02d}:00")
        passed = (at - START).total_seconds() / 3600
        shown = f"{passed * 30.0 + draw.uniform(-10, 10):.2f}"
        plant.readings([("G", f"{at:%Y-%m-%d %H:%M}", shown)])


def _adjustments_add_up(plant):
    """Along the revisions of every figure the differences make the whole change, exactly."""
    rows = plant.query(
        "SELECT site, grain, period, indicator, dimension, entity, revision, value, supersedes, "
        "figure_id, cause FROM ledger WHERE value IS NOT NULL ORDER BY ALL"
    )
    story = {}
    for *name, _revision, value, supersedes, ident, cause in rows:
        story.setdefault(tuple(name), []).append((Fraction(value), supersedes, ident, cause))
    for found in story.values():
        steps = [new[0] - old[0] for old, new in zip(found, found[1:], strict=False)]
        assert sum(steps, found[0][0]) == found[-1][0]
        for old, new in zip(found, found[1:], strict=False):
            assert new[1] == old[2]
            assert new[3]


def test_the_ledger_file_of_a_view_carries_its_name(plant, tmp_path):
    path = tmp_path / "view.csv"
    export_ledger(plant.engine, path, "csv", Wanted("2026-02", "2026-02", view="CN2026"))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert {row["factor_set"].rpartition(";")[2] for row in rows} == {"view=CN2026"}
    assert path.read_bytes() == _again(plant, tmp_path)


def _again(plant, tmp_path):
    path = tmp_path / "again.csv"
    export_ledger(plant.engine, path, "csv", Wanted("2026-02", "2026-02", view="CN2026"))
    return path.read_bytes()
