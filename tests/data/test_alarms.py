"""The anomaly rules over the store: what they are given is what was settled, in local time."""

from dataclasses import replace
from datetime import date, datetime

import pandas as pd
import pytest

from accounting.anomaly_site import alarms
from data.alarms import site_alarms, site_history
from data.demo.build import SITE_ID, build_demo
from data.periods import local, local_times
from data.settle import settle
from data.sites import documents
from tests.accounting.score_anomaly import LAST
from tests.accounting.score_anomaly import plant as scored_plant
from tests.plant import Plant, meter, moment, opened_home, series

GRID = meter("G", role="grid_import")
LOAD = meter("C", parent_id="G")
WATER = meter("W", medium="water", unit="m3", rated_max_per_hour=8)
BATCH = ("batch_id", "site", "date", "line", "mass_in_t", "residue_t")


@pytest.fixture
def plant(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        yield Plant(tmp_path, engine)


def read(plant, what=site_alarms, **more):
    plant.settle()
    with plant.engine.store.read() as cursor:
        document = documents(cursor)[plant.site]
        return what(cursor, document, document.timezone, **more)


def grown(meter_id, start="2026-03-01 00:00", end="2026-04-01 00:00", **more):
    return series(meter_id, moment(start), moment(end), **more)


def without(rows, since, until):
    return [row for row in rows if not since < row[1] < until]


def told(found):
    return [(one.rule, one.entity, one.medium, one.level, one.start, one.end) for one in found]


def test_nothing_has_come_in(plant):
    assert read(plant) == []
    plant.meters(GRID)
    assert read(plant) == []


def test_steady_readings_raise_nothing(plant):
    plant.meters(GRID, LOAD)
    plant.readings(grown("G") + grown("C", per_step=0.95))
    assert read(plant) == []


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Urumqi", "UTC"])
def test_a_gap_is_told_in_local_time(tmp_path, zone):
    with opened_home(tmp_path / "home") as engine:
        plant = Plant(tmp_path, engine, zone=zone)
        plant.meters(GRID)
        plant.readings(without(grown("G"), "2026-03-05 10:00", "2026-03-05 16:00"))
        (alarm,) = read(plant)
    assert (alarm.rule, alarm.entity, alarm.medium, alarm.open) == ("A6", "G", "electricity", False)
    assert (alarm.start, alarm.end) == (datetime(2026, 3, 5, 10), datetime(2026, 3, 5, 16))


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata"])
def test_times_of_a_frame_are_those_of_each_moment(zone):
    moments = pd.Series(pd.date_range("2026-03-27", "2026-10-27", freq="47min").as_unit("us"))
    moments[5] = pd.NaT
    found = local_times(moments, zone)
    wanted = [pd.NaT if pd.isna(at) else local(at.to_pydatetime(), zone) for at in moments]
    pd.testing.assert_series_equal(found, pd.Series(wanted, dtype="datetime64[us]"))
    assert local_times(moments[5:6], zone).isna().all()


def test_a_short_gap_is_estimated_and_no_alarm(plant):
    plant.meters(GRID)
    plant.readings(without(grown("G"), "2026-03-05 10:00", "2026-03-05 13:00"))
    assert read(plant) == []


def test_a_silent_meter_is_open_up_to_the_newest_reading_of_the_site(plant):
    plant.meters(GRID, LOAD)
    plant.readings(grown("G") + grown("C", end="2026-03-31 12:00", per_step=0.95))
    (alarm,) = read(plant)
    assert (alarm.entity, alarm.open, alarm.value) == ("C", True, 12.0)
    assert (alarm.start, alarm.end) == (datetime(2026, 3, 31, 12), datetime(2026, 4, 1))


def test_a_meter_out_of_service_is_not_missed(plant):
    plant.meters(GRID, LOAD | {"valid_to": "2026-03-20"})
    plant.readings(grown("G") + grown("C", end="2026-03-21 00:00", per_step=0.95))
    assert read(plant) == []


def test_a_reset_is_critical(plant):
    plant.meters(GRID)
    first = grown("G", end="2026-03-10 06:00", value=5000.0)
    plant.readings(first + grown("G", start="2026-03-10 06:15", value=3.0))
    found = [one for one in read(plant) if one.rule == "A4"]
    assert told(found) == [("A4", "G", "electricity", "critical", datetime(2026, 3, 10, 6),
                            datetime(2026, 3, 10, 6, 15))]  # fmt: skip
    assert found[0].value == pytest.approx(3.0 - float(first[-1][2]))


def test_a_month_whose_meters_do_not_add_up(plant):
    plant.meters(GRID, LOAD)
    plant.readings(grown("G") + grown("C", per_step=0.8))
    (alarm,) = read(plant)
    assert told([alarm]) == [("A7", "site", "electricity", "critical", datetime(2026, 3, 1),
                              datetime(2026, 4, 1))]  # fmt: skip
    assert (alarm.value, alarm.limit) == (pytest.approx(20.0), 15.0)


def test_a_month_that_runs_or_lacks_consumption_is_not_judged(plant):
    plant.meters(GRID, LOAD)
    plant.readings(grown("G", end="2026-03-20 00:00") + grown("C", end="2026-03-20 00:00",
                                                              per_step=0.5))  # fmt: skip
    assert read(plant) == []
    load = grown("C", end="2026-05-01 00:00", per_step=0.5)
    plant.readings(grown("G", end="2026-05-01 00:00")
                   + without(load, "2026-03-30 00:00", "2026-04-03 00:00"))  # fmt: skip
    assert {one.rule for one in read(plant)} == {"A6"}


def test_without_consumers_there_is_no_balance(plant):
    plant.meters(GRID)
    plant.readings(grown("G"))
    assert read(plant) == []


def test_a_leak_at_night(plant):
    plant.meters(WATER)
    plant.readings(grown("W", per_step=0.05))
    (alarm,) = read(plant)
    assert told([alarm]) == [("A8", "W", "water", "warn", datetime(2026, 3, 1, 2),
                              datetime(2026, 3, 31, 4))]  # fmt: skip
    assert alarm.open


def test_batches_are_judged_with_their_outputs(plant):
    plant.meters(GRID)
    plant.readings(grown("G"))
    plant.put("batches", BATCH, [("B1", "S1", "2026-03-05", "cable", 10, 0.1),
                                 ("B2", "S1", "2026-03-06", "cable", 10, ""),
                                 ("B3", "S1", "2026-03-07", "cable", 10, 0)])  # fmt: skip
    plant.put("outputs", ("batch_id", "material", "mass_t", "fate"),
              [("B1", "copper", 9.3, "sold"), ("B1", "steel", 0.3, "disposed"),
               ("B2", "copper", 9.0, "sold")])  # fmt: skip
    assert told(read(plant)) == [("A11", "B1", "", "warn", datetime(2026, 3, 5),
                                  datetime(2026, 3, 6)),
                                 ("A11", "B2", "", "critical", datetime(2026, 3, 6),
                                  datetime(2026, 3, 7))]  # fmt: skip


def test_the_tank_is_judged_if_its_size_is_known(plant):
    plant.meters(GRID)
    plant.readings(grown("G"))
    plant.put("fuel", ("fuel_id", "site", "timestamp", "litres", "kind"),
              [("1", "S1", "2026-03-01 00:00", 500, "dip"),
               ("2", "S1", "2026-03-04 10:00", 2000, "delivery"),
               ("3", "S1", "2026-03-20 10:00", 900, "use"),
               ("4", "S1", "2026-04-01 00:00", 1500, "dip")])  # fmt: skip
    assert [one.unit for one in read(plant)] == ["%"]
    with plant.engine.store.read() as cursor:
        document = documents(cursor)[plant.site]
        known = replace(document, settings={**document.settings, "tank_l": 1800.0})
        found = site_alarms(cursor, known, document.timezone)
    assert [one.unit for one in found] == ["%", "L"]


def test_calendar_of_the_site_and_of_the_country(plant):
    plant.meters(GRID)
    plant.readings(grown("G"))
    plant.put("calendar", ("site", "date_from", "date_to", "kind"),
              [("CN", "2026-03-05", "2026-03-05", "holiday"),
               ("S1", "2026-03-06", "2026-03-08", "shutdown")])  # fmt: skip
    history = read(plant, site_history)
    assert sorted(history.calendar["kind"]) == ["holiday", "shutdown"]


def test_edges_of_a_gap_are_no_whole_hours(plant):
    plant.meters(GRID)
    plant.readings(without(grown("G", end="2026-03-02 00:00"), "2026-03-01 10:15",
                           "2026-03-01 15:30"))  # fmt: skip
    history = read(plant, site_history)
    shown = dict(zip(history.hours["hour"].dt.hour, history.hours["quantity"], strict=True))
    assert set(range(24)) - set(shown) == {10, 11, 12, 13, 14, 15}
    assert set(shown.values()) == {4.0}
    assert (history.first_day, history.days) == (date(2026, 3, 1), 1)


@pytest.mark.timeout(120)
def test_the_demonstration_plant_gives_what_its_formulas_give(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        build_demo(engine, LAST, 3, 3, lambda *_: None)
        settle(engine)
        with engine.store.read() as cursor:
            document = documents(cursor)[SITE_ID]
            found = site_alarms(cursor, document, document.timezone)
    wanted = alarms(scored_plant(3, 3, injected=False).history)
    assert told(found) == told(wanted)
    assert len(found) > 3
