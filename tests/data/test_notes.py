"""Notes on months keep all that was written; targets of the screen are those of a file."""

import sqlite3
from decimal import Decimal

import pytest

from data import notes, queries, targets
from data.notes import NotNotable
from data.state import FILE_NAME, NewNote, now
from data.targets import Aim, NotSettable
from tests.data.test_book import made
from tests.plant import opened_home

KEY = "a1" * 8
EMISSION = ("emission", "site", "site")


@pytest.fixture
def plant(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        yield made(tmp_path, engine)


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A plant that every test leaves without notes and targets."""
    folder = tmp_path_factory.mktemp("still")
    with opened_home(folder / "home") as engine:
        yield made(folder, engine)


def add(plant, text="春节停工", month="2026-02", site="S1", key=KEY):
    return notes.add(plant.engine, NewNote(site, month, text), "ana", key)


def events(plant):
    return [r.event for r in plant.engine.state.audit.records() if r.event.startswith("note.")]


def test_a_note_is_kept_changed_removed_and_brought_back(plant):
    kept = plant.engine.state.notes
    assert add(plant, "长" * 200, key="9" * 16) == 1  # the longest there is
    notes.remove(plant.engine, 1, "ana", "k1")
    number = add(plant, "  春节\n停工 ")
    (found,) = kept.of(["S1"])
    assert (found.text, found.month, found.author) == ("春节 停工", "2026-02", "ana")
    notes.change(plant.engine, number, "春节停工 7 天", "bob", "k2")
    notes.remove(plant.engine, number, "bob", "k3")
    assert kept.of(["S1"]) == []
    notes.restore(plant.engine, number, "ana", "k4")
    assert [n.text for n in kept.of(["S1"])] == ["春节停工 7 天"]
    story = [(n.act, n.text, n.author) for n in kept.history(number)]
    assert story == [
        ("add", "春节 停工", "ana"), ("change", "春节停工 7 天", "bob"),
        ("remove", "春节停工 7 天", "bob"), ("change", "春节停工 7 天", "ana"),
    ]  # fmt: skip
    assert events(plant)[2:] == ["note.add", "note.change", "note.remove", "note.change"]


def test_sent_twice_or_from_two_tabs_it_is_one_note(plant):
    first = add(plant)
    assert add(plant) == first  # the same form again
    assert add(plant, key="b2" * 8) == first  # another tab, the same words
    notes.remove(plant.engine, first, "ana", "k2")
    notes.remove(plant.engine, first, "ana", "k3")
    assert len(plant.engine.state.notes.history(first)) == 2
    assert events(plant) == ["note.add", "note.remove"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"text": ""}, "empty"), ({"text": " \n"}, "empty"), ({"text": "长" * 201}, "long"),
        ({"text": "a\x00b"}, "signs"), ({"text": "a\u202eb"}, "signs"),
        ({"month": "1999-01"}, "month"), ({"month": "2026-2"}, "month"), ({"month": ""}, "month"),
        ({"site": "S2"}, "site"),
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(still, given, reason):
    with pytest.raises(NotNotable, match=reason):
        add(still, **given)
    assert events(still) == []


def test_a_note_that_is_not_there(still):
    for act in (notes.remove, notes.restore):
        with pytest.raises(NotNotable, match="gone"):
            act(still.engine, 7, "ana", "k")
    with pytest.raises(NotNotable, match="gone"):
        notes.change(still.engine, 7, "x", "ana", "k")


def test_what_was_written_cannot_be_rewritten(plant):
    add(plant)
    with sqlite3.connect(plant.engine.home / FILE_NAME) as past:
        for sql in ("UPDATE note SET text = 'x'", "DELETE FROM note"):
            with pytest.raises(sqlite3.IntegrityError, match="kept"):
                past.execute(sql)


def test_shutdowns_of_the_calendar_stand_on_every_month_they_touch(plant):
    plant.put("calendar", ("site", "date_from", "date_to", "kind", "note"),
              [("S1", "2026-01-28", "2026-02-04", "shutdown", "春节停工"),
               ("CN", "2026-03-02", "2026-03-02", "shutdown", ""),
               ("S1", "2026-03-05", "2026-03-06", "holiday", "x")])  # fmt: skip
    found = [(s.month, s.days, s.note) for s in queries.shutdowns(plant.engine, ["S1"])]
    assert found == [
        ("2026-01", "01-28 ～ 02-04", "春节停工"), ("2026-02", "01-28 ～ 02-04", "春节停工"),
        ("2026-03", "03-02", ""),
    ]  # fmt: skip


# ---- targets ----


def aim(value="35500", period="2026-02", kind="budget", **given):
    return Aim("S1", *EMISSION, kind, period, Decimal(value), **given)


def put(plant, wanted, key=KEY):
    return targets.set_aim(plant.engine, wanted, "ana", key)


def held(plant):
    return queries.targets(plant.engine, "S1")


def test_a_target_of_the_screen_is_that_of_a_file(plant):
    receipt = put(plant, aim(source='年度计划 <b>,"1"'))
    assert receipt.new_rows == 1
    assert held(plant) == {(*EMISSION, "budget"): {"2026-02": 35500.0}}
    columns = ("site", "indicator", "dimension", "entity", "period", "value", "kind")
    plant.put("targets", columns, [("S1", *EMISSION, "2026-02", 40000, "budget")])  # a correction
    assert held(plant)[*EMISSION, "budget"]["2026-02"] == 40000.0
    story = targets.history(plant.engine, "S1", EMISSION)
    assert [(s.value, s.counts) for s in story] == [(40000.0, True), (35500.0, False)]
    assert (story[1].source, story[1].actor) == ('年度计划 <b>,"1"', "ana")


def test_sent_twice_it_is_one_row_and_an_earlier_value_can_return(plant):
    put(plant, aim("1"))
    assert put(plant, aim("1")).seen_at
    put(plant, aim("2"), "b2" * 8)
    put(plant, aim("1"), "c3" * 8)
    assert held(plant)[*EMISSION, "budget"]["2026-02"] == 1.0
    assert len(targets.history(plant.engine, "S1", EMISSION)) == 3
    batches = plant.query("SELECT count(*) FROM batch WHERE kind = 'targets'")
    assert batches == [(3,)]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (aim(kind="wish"), "kind"), (aim(period="2026-13"), "period"), (aim(period=""), "period"),
        (aim("1e15"), "large"), (aim("0.0000001"), "large"), (aim("NaN"), "large"),
        (aim(source="x" * 201), "source"), (aim(source="a\x07"), "source"),
        (Aim("S2", *EMISSION, "target", "2026", Decimal(1)), "site"),
        (Aim("S1", "magic", "site", "site", "target", "2026", Decimal(1)), "name"),
        (Aim("S1", "emission", "site", "moon", "target", "2026", Decimal(1)), "name"),
    ],
)  # fmt: skip
def test_what_is_no_target_is_refused(still, wanted, reason):
    with pytest.raises(NotSettable, match=reason):
        put(still, wanted)
    assert held(still) == {}


@pytest.mark.parametrize("words", ["", "abc", "1e5", "1.2.3", "١٢", "NaN", "--1"])
def test_what_is_no_number(words):
    with pytest.raises(NotSettable, match="value"):
        targets.number(words)


@pytest.mark.parametrize(("words", "value"), [("1,200", "1200"), (" 35.5 ", "35.5"), ("−2", "-2")])
def test_numbers_as_people_type_them(words, value):
    assert targets.number(words) == Decimal(value)


def test_a_target_comes_back_when_the_store_is_made_anew(plant):
    put(plant, aim())
    waiting = [b for b in plant.engine.spool.batches() if b.kind == "targets"]
    assert [(b.actor, b.source) for b in waiting] == [("ana", f"screen-{KEY[:16]}.csv")]
    assert (plant.engine.store.inbox / waiting[0].path).is_file()
    assert waiting[0].received_at.replace(tzinfo=None) <= now()
