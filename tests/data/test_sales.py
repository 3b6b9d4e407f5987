"""Scenarios, evidence and steps as they are kept: nothing lost, each act one record."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from accounting.project import Move
from accounting.scenario import Choice
from accounting.whatif import Levers
from data import sales, scenarios, stated
from data.bases import kept, read
from data.ingest.load import Options, import_file
from data.sales import NotKept
from data.state import EvidenceSaid, Original
from data.state.scenarios import SALE, WHATIF
from tests.accounting.test_scenario import basis, walk
from tests.plant import opened_home, write_csv

TODAY = date(2026, 11, 26)
CHOICE = Choice(83.8, 2.5, 0.9)
SAID = EvidenceSaid(
    "管理办法", "第31号", "生态环境部", "2023-10-19", "第九条", "support", "2026-12-31"
)


@pytest.fixture
def engine(tmp_path):
    with opened_home(tmp_path / "home") as found:
        yield found


def events(engine, since=0):
    return [record.event for record in engine.state.audit.records(since)]


def test_a_basis_is_read_as_it_was_kept():
    made = basis(walk(), 0.2)
    assert read(kept(made)) == made
    assert kept(read(kept(made))) == kept(made)


def test_a_scenario_is_saved_replaced_removed_and_brought_back(engine):
    before = engine.state.audit.head()[0]
    first = scenarios.save(engine, "S1", SALE, "董事会", CHOICE, "ana", "k1")
    assert scenarios.save(engine, "S1", SALE, "董事会", CHOICE, "ana", "k1") == first  # sent twice
    assert (
        scenarios.save(engine, "S1", SALE, " 董事会 ", Choice(90.0, 0.0, 0.85), "bo", "k2") == first
    )
    (found,) = engine.state.scenarios.of("S1", SALE)
    assert scenarios.read(found.body) == Choice(90.0, 0.0, 0.85)
    scenarios.remove(engine, first, "ana", "k3")
    scenarios.remove(engine, first, "ana", "k4")
    assert engine.state.scenarios.of("S1", SALE) == []
    scenarios.restore(engine, first, "ana", "k5")
    assert [one.name for one in engine.state.scenarios.of("S1", SALE)] == ["董事会"]
    assert engine.state.scenarios.of("S2", SALE) == []
    assert events(engine, before) == [
        "scenario.save", "scenario.save", "scenario.remove", "scenario.restore",
    ]  # fmt: skip


def test_names_and_numbers_that_cannot_be_are_refused(engine):
    for name in ("", " ", "长" * 41, "a\u202eb"):
        with pytest.raises(NotKept):
            scenarios.save(engine, "S1", SALE, name, CHOICE, "ana", "k")
    for values in ("", "1,2", "9999,0,0.5", "90,0,nan", "x,y,z"):
        with pytest.raises(NotKept):
            scenarios.choice_of(values)
    with pytest.raises(NotKept):
        scenarios.remove(engine, 7, "ana", "k")
    for at in range(scenarios.MOST):
        scenarios.save(engine, "S1", SALE, f"n{at}", CHOICE, "ana", f"k{at}")
    with pytest.raises(NotKept, match="最多"):
        scenarios.save(engine, "S1", SALE, "one more", CHOICE, "ana", "last")
    scenarios.save(engine, "S1", WHATIF, "a what-if", Levers(), "ana", "other")


def test_presets_come_from_the_market(engine, tmp_path):
    assert scenarios.prices(engine) is None
    assert {choice.price_cny_per_t for _, _, choice in scenarios.presets(None)} == {90.0}
    rows = [
        ("2025-12-05", "CCER", 2000, 100_000, "x"),
        ("2026-01-09", "CCER", 1000, 80_000, "x"),
        ("2026-01-16", "CCER", 3000, 300_000, "x"),
        ("2026-01-23", "CCER", 10, 2000, "x"),
    ]
    path = write_csv(tmp_path / "p.csv", ("date", "instrument", "volume_t", "turnover_cny",
                                          "source"), rows)  # fmt: skip
    import_file(engine, "prices", path, Options())
    found = scenarios.prices(engine)
    assert (found.low, found.high, found.year) == (50.0, 100.0, 2026)  # a thin week sets no limit
    assert found.mean == pytest.approx(382_000 / 4010)
    assert [choice.price_cny_per_t for _, _, choice in scenarios.presets(found)] == [50, 95.3, 100]


def test_evidence_is_kept_with_every_change(engine):
    before = engine.state.audit.head()[0]
    number = sales.add_evidence(engine, "S1", SAID, Original("a.pdf", "ab" * 32, 5), "ana", "k1")
    assert sales.add_evidence(engine, "S1", SAID, Original(), "ana", "k1") == number
    other = replace(SAID, stance="argue")
    sales.change_evidence(engine, number, other, None, "bo", "k2")
    (found,) = engine.state.evidence.of(["S1"])
    assert (found.said.stance, found.original.name, found.author) == ("argue", "a.pdf", "bo")
    assert sales.counting(engine, "S1", TODAY) == {number: "管理办法"}
    assert sales.counting(engine, "S1", date(2027, 1, 1)) == {}  # expired
    sales.retire_evidence(engine, number, "ana", "k3")
    assert sales.counting(engine, "S1", TODAY) == {}
    sales.restore_evidence(engine, number, "ana", "k4")
    assert sales.counting(engine, "S1", TODAY) == {number: "管理办法"}
    assert events(engine, before) == [
        "evidence.add", "evidence.change", "evidence.retire", "evidence.restore",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""}, {"issuer": " "}, {"issued_on": "2023"}, {"stance": "maybe"},
        {"expires_on": "2020-01-01"}, {"title": "长" * 121}, {"clause": "\x07"},
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_is_refused(engine, wrong):
    with pytest.raises(NotKept):
        sales.add_evidence(engine, "S1", replace(SAID, **wrong), Original(), "ana", "k")
    assert engine.state.evidence.of(["S1"]) == []


def move(engine, wanted, key, **more):
    given = {"methodology": True, "today": TODAY, "author": "ana"} | more
    sales.move(engine, "S1", wanted, key=key, **given)


def test_steps_are_kept_and_gates_hold(engine):
    number = sales.add_evidence(engine, "S1", SAID, Original(), "ana", "k0")
    before = engine.state.audit.head()[0]
    move(engine, Move(1, "begin", owner=" 王  工 ", planned_on="2026-12-14"), "k1")
    move(engine, Move(1, "begin", owner="王工"), "k1")  # sent twice
    done = Move(1, "complete", "王工", "", "2026-11-20", (number,))
    with pytest.raises(NotKept, match="方法学"):
        move(engine, done, "k2", methodology=False)
    sales.retire_evidence(engine, number, "ana", "k3")
    with pytest.raises(NotKept, match="佐证"):
        move(engine, done, "k4")
    sales.restore_evidence(engine, number, "ana", "k5")
    move(engine, done, "k6")
    project = engine.state.projects.of("S1")
    assert (project.current, project.steps[1].owner) == (2, "王工")
    assert project.steps[1].planned_on == "2026-12-14"
    assert [one.move.act for one in engine.state.projects.events("S1")] == ["begin", "complete"]
    assert events(engine, before).count("project.step") == 2


@pytest.mark.parametrize("table", ["scenario", "evidence", "project_event", "statement"])
def test_rows_can_be_neither_changed_nor_removed(engine, table):
    scenarios.save(engine, "S1", SALE, "n", CHOICE, "ana", "k1")
    sales.add_evidence(engine, "S1", SAID, Original(), "ana", "k2")
    move(engine, Move(1, "plan", owner="x"), "k3")
    stated.state_fact(engine, "covered", "8000", "2026", "通知", "ana", "k4")
    for words in (f"DELETE FROM {table}", f"UPDATE {table} SET site = 'x'"):
        with pytest.raises(Exception, match="kept"), engine.state.engine.begin() as connection:
            connection.exec_driver_sql(words)
