"""A meter down to its readings: what came in, where it stood, and gaps that stay gaps."""

from datetime import date
from math import fsum

import pytest

from data import course
from tests.plant import Plant, meter, moment, opened_home, series

ZONE = "Asia/Shanghai"


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    """A register read for three days: silent for two hours, then for five; corrected once."""
    folder = tmp_path_factory.mktemp("course")
    with opened_home(folder / "home") as engine:
        made = Plant(folder, engine)
        made.meters(meter("G1", role="grid_import", register_max=10**6, building="plant"))
        rows = series("G1", moment("2026-01-01 00:00"), moment("2026-01-04 00:00"), per_step=2.5)
        silent = [
            row for row in rows
            if not "2026-01-02 08:00" < row[1] < "2026-01-02 10:00"
            and not "2026-01-03 13:00" < row[1] < "2026-01-03 18:00"
        ]  # fmt: skip
        made.readings(silent)
        made.readings([("G1", "2026-01-03 10:00", "580.50")])
        made.settle()
        yield made


def found(plant):
    return course.meter(plant.engine, "S1", "G1")


def test_a_meter_says_where_it_stands(plant):
    assert found(plant).places == (("building", "plant"),)
    assert found(plant).kind == "register"
    assert course.meter(plant.engine, "S1", "nobody") is None
    assert course.meter(plant.engine, "nowhere", "G1") is None


def test_readings_are_the_rows_of_the_files(plant):
    """Each reading is the value that stands in its file at its row."""
    rows = course.readings(plant.engine, found(plant), date(2026, 1, 1), date(2026, 1, 4), ZONE)
    files = {path.name: path.read_text("utf-8").splitlines() for path in plant.folder.glob("*.csv")}
    assert len(rows) == 3 * 96 + 1 - 7 - 19 + 1
    for one in rows:
        name, when, value = files[one.file][one.row - 1].split(",")
        assert (name, when) == ("G1", f"{one.at:%Y-%m-%d %H:%M}")
        assert float(value) == one.value
    assert [one.value for one in rows if one.superseded] == [580.0]
    assert [one.at for one in rows] == sorted(one.at for one in rows)


def test_a_day_has_the_reading_it_starts_from_and_ends_with(plant):
    rows = course.readings(plant.engine, found(plant), date(2026, 1, 1), date(2026, 1, 2), ZONE)
    assert (rows[0].at, rows[-1].at) == (moment("2026-01-01 00:00"), moment("2026-01-02 00:00"))
    assert rows[-1].value - rows[0].value == 240.0


def test_hours_add_up_to_the_day_and_say_what_is_estimated(plant):
    days = {p.label: p for p in course.days(plant.engine, found(plant), "2026-01")}
    assert len(days) == 31
    for day in (1, 2):
        first, end = date(2026, 1, day), date(2026, 1, day + 1)
        hours = course.hours(plant.engine, found(plant), first, end, ZONE)
        assert [h.label for h in hours] == [f"{first} {n:02d}:00" for n in range(24)]
        assert fsum(h.quantity for h in hours) == pytest.approx(days[f"{first}"].quantity)
        assert course.whole(plant.engine, found(plant), f"{first}") == days[f"{first}"]
    guessed = course.hours(plant.engine, found(plant), date(2026, 1, 2), date(2026, 1, 3), ZONE)
    assert {h.label[-5:] for h in guessed if h.estimated_pct > 50} == {"08:00", "09:00"}
    assert sum(h.quantity for h in guessed) == 240.0


def test_a_silence_is_a_gap_in_the_hours_of_its_day(plant):
    hours = course.hours(plant.engine, found(plant), date(2026, 1, 3), date(2026, 1, 4), ZONE)
    gaps = {h.label[-5:] for h in hours if h.quantity is None}
    assert gaps == {"13:00", "14:00", "15:00", "16:00", "17:00"}
    assert course.whole(plant.engine, found(plant), "2026-01-03").quantity is None


def test_what_is_not_known_is_a_gap_and_no_zero(plant):
    days = course.days(plant.engine, found(plant), "2026-02")
    assert all(point.quantity is None for point in days)
    hours = course.hours(plant.engine, found(plant), date(2026, 2, 1), date(2026, 2, 2), ZONE)
    assert [point.quantity for point in hours] == [None] * 24
    assert course.whole(plant.engine, found(plant), "2026-02").quantity is None


def test_the_parts_of_a_figure_are_ledger_rows_of_it(plant):
    whole = plant.figure("electricity", "2026-01")._asdict()
    parts = course.parts_of(plant.engine, whole)
    assert {row["dimension"] for row in parts} >= {"building"}
    assert {row["period"] for row in parts} == {"2026-01"}
    ledger = {row.figure_id: row for row in plant.ledger().values()}
    for row in parts:
        assert ledger[row["figure_id"]].indicator == "electricity"
    inner = plant.figure("electricity", "2026-01", "plant", "building")._asdict()
    assert course.parts_of(plant.engine, inner) == []
