"""Files to ledger: gaps, edges, the running month, corrections, what is settled again."""

from datetime import datetime, timedelta

import pytest

from data.approvals import accept, propose_settings
from data.ingest.problems import Refused
from tests.plant import Plant, bytes_without_clock, meter, moment, opened_home, series

GRID = meter("G", role="grid_import", register_max=1000000)


@pytest.fixture
def plant(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        yield Plant(tmp_path, engine)


def grown(start, end, **more):
    return series("G", moment(start), moment(end), **more)


def test_month_day_and_hour_agree(plant):
    plant.meters(GRID)
    plant.readings(grown("2026-03-01 00:00", "2026-05-01 00:00"))
    plant.settle()
    assert plant.value("electricity", "2026-03") == 31 * 96
    assert plant.value("electricity", "2026-04") == 30 * 96
    assert plant.value("electricity", "2026-03-08") == 96
    row = plant.figure("electricity", "2026-04")
    assert (row.quality, row.measured_pct, row.flags) == ("measured", 100.0, "")
    assert ("month", "2026-05", "electricity", "site", "site") not in plant.ledger()


def test_nothing_changed_does_nothing(plant):
    plant.meters(GRID)
    rows = grown("2026-03-01 00:00", "2026-04-01 00:00")
    plant.readings(rows)
    assert plant.settle().figures > 0
    before = bytes_without_clock(plant.engine)
    assert plant.settle().run == 0
    again = plant.take("readings", plant.folder / f"readings-{plant.count}.csv")
    assert again.seen_at
    assert plant.readings([*rows, rows[-1]]).same_rows == len(rows) + 1
    assert plant.settle().run == 0
    assert bytes_without_clock(plant.engine) == before


def test_short_gap_is_estimated_and_spread(plant):
    plant.meters(GRID)
    rows = grown("2026-03-01 00:00", "2026-04-01 00:00")
    gone = {"2026-03-05 10:15", "2026-03-05 10:30", "2026-03-05 10:45"}
    plant.readings([r for r in rows if r[1] not in gone])
    plant.settle()
    row = plant.figure("electricity", "2026-03-05")
    assert (row.value, row.quality) == (96.0, "estimated")
    assert row.estimated_pct == pytest.approx(100 / 24)


def test_long_gap_inside_a_month_is_exact_there_and_null_by_day(plant):
    plant.meters(GRID)
    rows = grown("2026-03-01 00:00", "2026-04-01 00:00")
    plant.readings([r for r in rows if not "2026-03-05 10:00" < r[1] < "2026-03-06 09:00"])
    plant.settle()
    month = plant.figure("electricity", "2026-03")
    assert (month.value, month.quality, month.flags) == (31 * 96, "measured", "gap")
    assert month.measured_pct == pytest.approx(100 * (31 * 24 - 23) / (31 * 24))
    for day in ("2026-03-05", "2026-03-06"):
        assert plant.value("electricity", day) is None
        assert plant.figure("electricity", day).quality == "null"
    assert plant.value("electricity", "2026-03-07") == 96
    assert plant.query("SELECT count(*) FROM meter_hour WHERE blank") == [(0,)]


def test_long_gap_across_the_edge_belongs_to_no_month(plant):
    plant.meters(GRID)
    rows = grown("2026-03-01 00:00", "2026-05-01 00:00")
    plant.readings([r for r in rows if not "2026-03-31 12:00" < r[1] < "2026-04-01 12:00"])
    plant.settle()
    march, april = (plant.figure("electricity", m) for m in ("2026-03", "2026-04"))
    assert (march.value, march.quality) == (31 * 96 - 48, "incomplete")
    assert (april.value, april.quality) == (30 * 96 - 48, "incomplete")


def test_month_with_too_little_coverage_is_null_never_zero(plant):
    plant.meters(GRID)
    rows = grown("2026-03-01 00:00", "2026-06-01 00:00")
    plant.readings([r for r in rows if not "2026-03-20 00:00" < r[1] < "2026-05-10 00:00"])
    plant.settle()
    for month in ("2026-03", "2026-04", "2026-05"):
        row = plant.figure("electricity", month)
        assert row.quality == "null"
        assert row.value != row.value
    assert plant.figure("emission", "2026-04", "electricity", "medium").quality == "null"


def test_low_coverage_is_flagged(plant):
    plant.meters(GRID)
    rows = grown("2026-03-01 00:00", "2026-04-01 00:00")
    plant.readings([r for r in rows if not "2026-03-05 00:00" < r[1] < "2026-03-08 00:00"])
    plant.settle()
    assert plant.figure("electricity", "2026-03").flags == "gap;low_coverage"


def test_running_month_counts_elapsed_hours_of_the_site(plant):
    plant.meters(GRID, meter("L", equipment="cable_line"))
    plant.readings(grown("2026-03-01 00:00", "2026-03-10 12:00"))
    plant.readings(series("L", moment("2026-03-01 00:00"), moment("2026-03-10 08:00")))
    plant.settle()
    row = plant.figure("electricity", "2026-03")
    assert (row.value, row.quality, row.flags) == (9.5 * 96, "measured", "month_to_date")
    line = plant.figure("electricity", "2026-03", "cable_line", "equipment")
    assert (line.value, line.quality) == (9.5 * 96 - 16, "incomplete")
    days = {k[1] for k in plant.ledger() if k[0] == "day"}
    assert max(days) == "2026-03-10"
    plant.readings(grown("2026-03-10 12:15", "2026-04-02 00:00", value=9.5 * 96 + 1))
    plant.settle()
    held = plant.figure("electricity", "2026-03")
    assert held.flags == "month_to_date"  # 48 h ahead of the other meter: held back
    plant.readings(series("L", moment("2026-03-10 08:15"), moment("2026-04-02 00:00"), value=900))
    plant.settle()
    closed = plant.figure("electricity", "2026-03")
    assert (closed.value, closed.flags) == (31 * 96, "")


def test_reading_that_closes_a_month_opens_no_running_one(plant):
    plant.meters(GRID)
    plant.readings(grown("2026-03-01 00:00", "2026-04-01 00:00"))
    plant.settle()
    assert plant.figure("electricity", "2026-03").flags == ""
    assert {k[1] for k in plant.ledger() if k[0] == "month"} == {"2026-03"}


def test_reading_far_ahead_of_all_others_is_held_back(plant):
    plant.meters(GRID, meter("L"))
    plant.readings(grown("2026-03-01 00:00", "2026-03-20 00:00"))
    plant.readings(
        [*series("L", moment("2026-03-01 00:00"), moment("2026-03-20 00:00")),
         ("L", "2026-06-20 00:00", "9999")]
    )  # fmt: skip
    plant.settle()
    assert max(k[1] for k in plant.ledger() if k[0] == "month") == "2026-03"
    plant.readings(grown("2026-03-20 00:15", "2026-06-20 00:00", value=19 * 96 + 1))
    plant.settle()
    assert max(k[1] for k in plant.ledger() if k[0] == "month") == "2026-06"


def test_correction_restates_with_predecessor_and_cause(plant):
    plant.meters(GRID)
    plant.readings(grown("2026-03-01 00:00", "2026-05-01 00:00"))
    plant.settle()
    first = plant.figure("electricity", "2026-03")
    untouched = plant.figure("electricity", "2026-04").figure_id
    done = plant.readings([("G", "2026-03-15 12:00", 14 * 96 + 47.5)])
    assert (done.new_rows, done.corrections) == (0, 1)
    plant.settle()
    day = plant.figure("electricity", "2026-03-15")
    assert day.value == 96.0
    hours = plant.query(
        "SELECT quantity FROM meter_hour WHERE hour IN "
        "(TIMESTAMP '2026-03-15 03:00', TIMESTAMP '2026-03-15 04:00') ORDER BY hour"
    )
    assert [float(q) for (q,) in hours] == [3.5, 4.5]
    assert plant.figure("electricity", "2026-03").value == first.value
    assert plant.figure("electricity", "2026-04").figure_id == untouched
    plant.readings([("G", "2026-04-01 00:00", 31 * 96 + 10)])
    plant.settle()
    march = plant.figure("electricity", "2026-03")
    assert march.value == first.value + 10
    row = plant.query(
        "SELECT supersedes, cause, revision FROM ledger WHERE figure_id = ?", [march.figure_id]
    )
    assert row == [(first.figure_id, "correction", 2)]
    assert plant.query("SELECT count(*) FROM ledger WHERE figure_id = ?", [first.figure_id]) == [
        (1,)
    ]


def test_late_file_equals_a_file_in_time(plant, tmp_path):
    plant.meters(GRID)
    rows = grown("2026-03-01 00:00", "2026-05-01 00:00")
    late = [r for r in rows if "2026-03-29" < r[1] < "2026-04-03"]
    plant.readings([r for r in rows if r not in late])
    plant.settle()
    assert plant.figure("electricity", "2026-03").quality == "incomplete"
    plant.readings(late)
    plant.settle()
    (tmp_path / "b").mkdir()
    with opened_home(tmp_path / "b" / "home") as other:
        whole = Plant(tmp_path / "b", other)
        whole.meters(GRID)
        whole.readings(rows)
        whole.settle()
        want = {k: (r.value, r.quality, r.flags) for k, r in whole.ledger().items()}
    got = {k: (r.value, r.quality, r.flags) for k, r in plant.ledger().items()}
    assert str(got) == str(want)


def test_bad_reading_counts_as_not_received(plant):
    plant.meters(GRID)
    rows = [(*r, "good") for r in grown("2026-03-01 00:00", "2026-04-01 00:00")]
    plant.readings(rows)
    plant.settle()
    plant.readings([("G", "2026-03-15 12:00", "5", "bad")])
    plant.settle()
    row = plant.figure("electricity", "2026-03-15")
    assert (row.value, row.quality) == (96.0, "estimated")


def test_interval_meter_holes_are_never_filled(plant):
    plant.meters(GRID | {"reading_kind": "interval", "register_max": ""})
    rows = [(m, t, "2.5") for m, t, _ in grown("2026-03-01 00:15", "2026-04-01 00:00")]
    plant.readings([r for r in rows if r[1] != "2026-03-05 10:15"])
    plant.settle()
    row = plant.figure("electricity", "2026-03")
    assert (row.value, row.quality, row.flags) == (2.5 * (31 * 96 - 1), "incomplete", "gap")
    plant.readings([("G", "2026-03-06 10:15", "-3")])
    plant.settle()
    row = plant.figure("electricity", "2026-03")
    assert row.value == 2.5 * (31 * 96 - 2)
    assert "error" in row.flags.split(";") or plant.query("SELECT kind FROM meter_event") == [
        ("negative",)
    ]


def test_consumers_add_up_to_the_site(plant):
    plant.meters(
        GRID,
        meter("P", role="consumer", building="office"),
        meter("C", parent_id="P", building="office", group="office"),
        meter("L", equipment="conductor_line"),
        meter("K", equipment="crane"),
        meter("Q", role="charger"),
    )
    for name, step in (("G", 10.0), ("P", 3.0), ("C", 1.0), ("L", 2.0), ("K", 1.0), ("Q", 0.5)):
        start, end = moment("2026-03-01 00:00"), moment("2026-04-01 00:00")
        plant.readings(series(name, start, end, per_step=step))
    plant.put(
        "batches",
        ("batch_id", "site", "date", "line", "mass_in_t"),
        [("B1", "S1", "2026-03-05", "cable", 10), ("B2", "S1", "2026-03-05", "conductor", 30)],
    )
    plant.settle()
    site = plant.value("electricity", "2026-03")
    groups = [plant.value("electricity", "2026-03", e, "group") or 0
              for e in ("dismantling", "office", "ac", "other")]  # fmt: skip
    assert sum(groups) == pytest.approx(site, abs=1e-9)
    buildings = [plant.value("electricity", "2026-03", e, "building") for e in ("plant", "office")]
    assert sum(buildings) == pytest.approx(site, abs=1e-9)
    crane = plant.value("electricity", "2026-03", "crane", "equipment")
    lines = {e: plant.value("electricity", "2026-03", e, "line")
             for e in ("cable", "conductor", "transformer", "_unallocated")}  # fmt: skip
    assert lines["cable"] == pytest.approx(crane / 4)
    direct = plant.value("electricity", "2026-03", "conductor_line", "equipment")
    assert sum(lines.values()) == pytest.approx(crane + direct, abs=1e-9)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Madrid"])
def test_days_are_the_sites_own(tmp_path, zone):
    with opened_home(tmp_path / "home") as engine:
        plant = Plant(tmp_path, engine, zone=zone)
        plant.meters(GRID)
        rows = grown("2026-02-01 00:00", "2026-03-02 00:00")
        plant.readings(rows)
        plant.settle()
        assert plant.value("electricity", "2026-02") == 28 * 96
        assert plant.value("electricity", "2026-02-28") == 96


def test_readings_outside_the_meters_life_are_refused(plant):
    plant.meters(GRID | {"valid_from": "2026-03-10", "valid_to": "2026-03-20"})
    for moment_ in ("2026-03-09 23:45", "2026-03-21 00:15"):
        with pytest.raises(Refused):
            plant.readings([("G", moment_, 1)])
    done = plant.readings([("G", "2026-03-10 00:00", 1), ("G", "2026-03-21 00:00", 2)])
    assert done.new_rows == 2


def test_setting_restates_what_depends_on_it(plant):
    plant.meters(GRID, meter("W", medium="water", unit="m3", step_min=60))
    plant.readings(grown("2026-03-01 00:00", "2026-04-01 00:00"))
    start, end = datetime(2026, 3, 1), datetime(2026, 4, 1)
    plant.readings(series("W", start, end, step_min=60))
    plant.settle()
    before = plant.figure("energy", "2026-03")
    power = plant.figure("electricity", "2026-03").figure_id
    path = plant.folder / "S1.toml"
    path.write_text(
        path.read_text(encoding="utf-8") + "water_in_energy = false\n", encoding="utf-8"
    )
    plant.take("site", path)
    (number,) = propose_settings(plant.engine, "ana")
    accept(plant.engine, number, "bob")
    plant.settle()
    after = plant.figure("energy", "2026-03")
    assert before.value - after.value == pytest.approx(31 * 24 * 0.2571)
    assert plant.figure("electricity", "2026-03").figure_id == power
    cause = plant.query("SELECT cause FROM ledger WHERE figure_id = ?", [after.figure_id])
    assert cause == [("setting",)]
    assert timedelta(0) <= after.settled_at - before.settled_at


@pytest.mark.parametrize(
    ("line", "word"),
    [("G,2026-03-01 00:45,1,234", "234"), ("G,2026-03-01 00:45,1,2,3,4", "2"), ("G", "")],
)
def test_a_ragged_row_is_refused_and_named(plant, line, word):
    plant.meters(GRID)
    path = plant.folder / "ragged.csv"
    rows = "meter_id,timestamp,value\nG,2026-03-01 00:15,1\nG,2026-03-01 00:30,2\n"
    path.write_text(rows + line + "\n", encoding="utf-8")
    with pytest.raises(Refused) as refused:
        plant.take("readings", path)
    assert {problem.row for problem in refused.value.problems} == {4}
    assert word in refused.value.problems[0].line("en")
    assert plant.query("SELECT count(*) FROM reading") == [(0,)]
    assert plant.take("readings", path, accept_good=True).new_rows == 2


@pytest.mark.parametrize(("unit", "stored"), [("MWh", 1500.0), ("kWh", 1.5)])
def test_a_unit_in_the_header_is_turned_into_the_meters(plant, unit, stored):
    plant.meters(GRID)
    path = plant.folder / "unit.csv"
    path.write_text(f"表号,时间,读数（{unit}）\nG,2026-03-01 00:15,1.5\n", encoding="utf-8")
    plant.take("readings", path)
    assert plant.query("SELECT CAST(value AS DOUBLE) FROM reading") == [(stored,)]


def test_a_unit_that_is_not_the_meters_is_refused(plant):
    plant.meters(GRID | {"unit": "MWh", "rated_max_per_hour": 1})
    path = plant.folder / "unit.csv"
    path.write_text("表号,时间,读数（MWh）\nG,2026-03-01 00:15,1.5\n", encoding="utf-8")
    with pytest.raises(Refused) as refused:
        plant.take("readings", path)
    assert "MWh" in refused.value.problems[0].line("zh")
