"""The anomaly rules: §15 M10, a hand-made case per rule and limit, and what no rule may do."""

import time
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from accounting.anomaly import (
    DEFAULTS,
    HOLIDAY,
    REST,
    SHUTDOWN,
    SILENT,
    WORKDAY,
    Measured,
    Thresholds,
)
from accounting.anomaly_daily import drift, pv_yield
from accounting.anomaly_frames import awake, day_types, hour_grid, long_days, residuals
from accounting.anomaly_hourly import flatlines, missing
from accounting.anomaly_nights import base_load, night_flow
from accounting.anomaly_oil import handled_litres, oil_intensity, oil_pause, tank
from accounting.anomaly_records import backward, balance, masses
from accounting.anomaly_scores import enough, ewma, median, merged, robust
from accounting.anomaly_site import History, alarms
from accounting.anomaly_spikes import spikes
from tests.accounting.score_anomaly import plant

FIRST = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 2)
DAYS = 60
HISTORY = (100, 98, 103, 101, 99, 102, 97, 104)


def measured(quantity, medium="electricity"):
    """One meter's hours, shape (days, 24)."""
    return Measured(FIRST, ("M",), (medium,), np.asarray(quantity, float)[None])


def steady(days=DAYS, level=2.0, ripple=0.1):
    """A load that goes up and down by ripple from day to day: median and MAD are exact."""
    turn = np.array([-ripple, 0.0, ripple])[np.arange(days) % 3]
    return np.repeat((level + turn)[:, None], 24, axis=1)


def work(days=DAYS, code=WORKDAY):
    return np.full(days, code)


def spiked(quantity, day_type=None, limits=DEFAULTS, *, night=False, medium="electricity"):
    kind = work(len(quantity)) if day_type is None else day_type
    return spikes(measured(quantity, medium), kind, np.array([night]), limits)


# --- §15 M10 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "z"), [(101, 0.168623), (112, 3.878322), (150, 16.693646)])
def test_robust_score_of_m10(x, z):
    middle, deviation, scale = robust(np.array(HISTORY, float), 0.5)
    assert (float(middle), float(deviation)) == (100.5, 2.0)
    assert float(scale) == pytest.approx(2.9652, rel=1e-6)
    assert (x - middle) / scale == pytest.approx(z, abs=1e-6)


def test_robust_score_without_deviation_of_m10():
    middle, deviation, scale = robust(np.full(8, 10.0), 0.5)
    assert (float(middle), float(deviation), float(scale)) == (10.0, 0.0, 0.5)
    assert (11 - middle) / scale == pytest.approx(2.0, abs=1e-6)


def test_ewma_of_m10():
    found = ewma([104, 108, 112, 115], 100.0, 5.0)
    wanted = [(100.8, 97.0, 103.0, False), (102.24, 96.1581, 103.8419, False),
              (104.192, 95.7051, 104.2949, False), (106.3536, 95.4387, 104.5613, True)]  # fmt: skip
    for point, (average, low, high, signal) in zip(found, wanted, strict=True):
        assert point.average == pytest.approx(average, rel=1e-6)
        assert (point.low, point.high) == pytest.approx((low, high), abs=5e-5)
        assert point.signal is signal


def test_median_leaves_out_what_is_missing():
    values = np.array([[3.0, np.nan], [1.0, np.nan], [np.nan, np.nan], [2.0, np.nan]])
    assert median(values)[0] == 2.0
    assert np.isnan(median(values)[1])
    assert np.isnan(median(np.empty((0, 2)))).all()


# --- merging -----------------------------------------------------------------------------------


def places(words, gap=2):
    """Hits x, normal ., missing blank."""
    hit = np.array([one == "x" for one in words])
    return [(run.first, run.last, len(run.places), run.open)
            for run in merged(hit, np.array([one == "." for one in words]), gap)]  # fmt: skip


def test_hits_two_hours_apart_are_one_alarm_and_three_are_two():
    assert places("..x..x....") == [(2, 5, 2, False)]
    assert places("..x...x...") == [(2, 2, 1, False), (6, 6, 1, False)]


def test_alarm_closes_after_three_normal_hours_and_missing_ones_do_not_close_it():
    assert places(".xx...")[0][3] is False
    assert places(".xx..")[0][3] is True
    assert places(".xx     ..")[0][3] is True
    assert places("....") == []


def test_daily_hits_merge_over_one_day():
    assert places(".x.x..x", gap=1) == [(1, 3, 2, False), (6, 6, 1, True)]


def test_runs_need_their_length_and_unjudged_days_break_none():
    hit = np.array([1, 1, 0, 1, 0, 1, 1], bool)
    judged = np.array([1, 1, 1, 1, 0, 1, 1], bool)
    assert list(enough(hit, judged, 3)) == [False, False, False, True, False, True, True]


# --- A1 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "level"), [
    (3.74, None), (3.75, "warn"), (4.99, "warn"), (5.0, "critical"), (0.26, None), (0.25, "warn"),
])  # fmt: skip
def test_a1_limits_upwards_and_downwards(value, level):
    load = steady()
    load[45, 10] = value  # median 2, MAD 0.1: s is the floor of 0.5 kWh
    found = spiked(load)
    assert [alarm.level for alarm in found] == ([level] if level else [])
    if level:
        alarm = found[0]
        assert (alarm.start, alarm.end) == (MIDNIGHT + timedelta(days=45, hours=10),
                                            MIDNIGHT + timedelta(days=45, hours=11))  # fmt: skip
        assert (alarm.rule, alarm.medium, alarm.unit) == ("A1", "electricity", "kWh/h")
        assert alarm.value == value
        assert alarm.z == pytest.approx((value - 2.0) / 0.5)
        assert alarm.limit == pytest.approx(3.75 if value > 2 else 0.25)
        assert not alarm.open


def test_a1_uses_the_floor_of_water():
    load = steady(level=0.5, ripple=0.001)
    load[45, 10] = 0.66
    assert not spiked(load, medium="water")
    load[45, 10] = 0.68
    assert [(one.medium, one.unit) for one in spiked(load, medium="water")] == [("water", "m3/h")]


def test_a1_hours_of_an_episode_are_one_alarm_with_its_peak():
    load = steady()
    load[45, 8:12] = (9.0, 12.0, 2.0, 7.0)
    (alarm,) = spiked(load)
    assert (alarm.hits, alarm.value) == (3, 12.0)
    assert alarm.end - alarm.start == timedelta(hours=4)


def test_a1_is_silent_until_a_month_is_known_and_below_eight_points():
    load = steady()
    load[27, 10] = 50.0
    assert not spiked(load)
    load = steady()
    load[28, 10] = 50.0
    assert spiked(load)
    load[:28][np.arange(28) % 4 != 0] = np.nan  # seven points are left
    assert not spiked(load)


def test_a1_leaves_out_of_the_reference_what_was_alarmed():
    load = steady(ripple=0.0)
    load[40:46, 10] = 9.0
    found = spiked(load, limits=Thresholds(habit_days=99))
    assert [alarm.start.day for alarm in found] == [11, 12, 13, 14, 15, 16]
    assert [alarm.z for alarm in found] == pytest.approx([14.0] * 6)
    # Without that the day after would have found 9.0 in its range.
    load[40, 10] = np.nan
    assert len(spiked(load, limits=Thresholds(habit_days=1))) == 1


def test_a1_a_value_that_three_days_have_shown_is_no_spike():
    load = steady()
    load[40:50, 10] = 9.0
    assert [alarm.start.day for alarm in spiked(load)] == [11, 12, 13]


def test_a1_a_machine_that_runs_on_some_days_has_two_modes():
    load = steady(level=0.3, ripple=0.01)
    load[::5, 9:15] = 60.0
    load[51, 11] = 60.0
    assert not spiked(load)
    load[52, 11] = 118.0  # within its range above the highest
    assert not spiked(load)
    load[52, 11], load[53, 11] = 60.0, 122.0
    assert [alarm.value for alarm in spiked(load)] == [122.0]


def test_a1_holidays_are_compared_with_rest_days_and_shutdowns_are_not_judged():
    kind = np.where(np.arange(DAYS) % 7 >= 5, REST, WORKDAY)
    load = np.where((kind == WORKDAY)[:, None], 20.0, 0.5) + np.zeros((DAYS, 24))
    kind[46], load[46] = HOLIDAY, 0.5
    assert not spiked(load, kind)
    load[46, 9:17] = 20.0
    (alarm,) = spiked(load, kind)
    assert alarm.hits == 8
    kind[46] = SHUTDOWN
    assert not spiked(load, kind)


def test_a1_what_stands_still_on_a_holiday_is_no_dip():
    kind = np.where(np.arange(DAYS) % 7 >= 5, REST, WORKDAY)
    load = np.where((kind == WORKDAY)[:, None], 20.0, 3.0) + np.zeros((DAYS, 24))
    load[47] = 0.0  # switched off at the main, below every rest day
    assert kind[47] == REST
    assert spiked(load, kind)
    kind[47] = HOLIDAY
    assert not spiked(load, kind)


def test_a1_of_a_meter_that_follows_the_weather_only_at_night():
    load = steady()
    load[45, 14], load[46, 2] = 30.0, 30.0
    assert [alarm.start.hour for alarm in spiked(load, night=True)] == [2]


# --- A2 ----------------------------------------------------------------------------------------


def drifted(daily, day_class=None, limits=DEFAULTS, holiday=None):
    kind = work(len(daily)) if day_class is None else day_class
    holiday = np.zeros(len(daily), bool) if holiday is None else holiday
    return drift(measured(np.repeat(np.asarray(daily, float)[:, None] / 24, 24, axis=1)), kind,
                 holiday, limits)  # fmt: skip


def level_days(days=100):
    """Median 100, MAD 2: s is 2.9652."""
    return np.array([100.0, 98.0, 102.0])[np.arange(days) % 3]


def test_a2_a_level_that_moves_is_told_on_its_fourth_day():
    daily = level_days()
    daily[80:83] = 120.0
    assert not drifted(daily)
    daily[83] = 120.0
    (alarm,) = drifted(daily)
    assert (alarm.start, alarm.end) == (
        MIDNIGHT + timedelta(days=80),
        MIDNIGHT + timedelta(days=84),
    )
    assert (alarm.rule, alarm.level, alarm.hits, alarm.unit) == ("A2", "warn", 4, "kWh/d")
    assert 100 < alarm.limit < alarm.value < 120
    assert not alarm.open
    assert drifted(daily[:85])[0].open


def test_a2_holidays_below_the_level_are_a_standstill_and_leave_the_level_alone():
    daily, holiday = level_days(), np.zeros(100, bool)
    daily[80:90] = 0.0
    assert drifted(daily)
    holiday[80:90] = True
    assert not drifted(daily, holiday=holiday)
    daily[80:90] = 150.0
    assert drifted(daily, holiday=holiday)


def test_a2_day_by_day_the_average_and_its_limit_are_those_of_the_chart():
    daily = level_days(86)
    daily[80:] = (106.0, 107.0, 109.0, 110.0, 109.0, 108.0)
    (alarm,) = drifted(daily, limits=Thresholds(history_days=79, drift_cap=99.0))
    points = ewma(list(daily[79:]), 100.0, 1.4826 * 2)
    peak = max(points, key=lambda point: point.average)
    assert (alarm.value, alarm.limit) == pytest.approx((peak.average, peak.high), rel=1e-9)
    assert alarm.z == pytest.approx((peak.average - 100) / (1.4826 * 2), rel=1e-9)
    assert alarm.hits == sum(point.signal for point in points)


def test_a2_closes_when_nothing_is_judged_any_more():
    daily = level_days(90)
    daily[80:84] = 120.0
    kind = np.where(np.arange(90) >= 84, SILENT, WORKDAY)
    assert drifted(daily, kind)[0].open
    longer = np.where(np.arange(100) >= 84, SILENT, WORKDAY)
    assert not drifted(np.append(daily, np.full(10, 100.0)), longer)[0].open


def test_a2_only_classes_with_a_level_are_judged():
    daily = level_days()
    daily[::6] = 500.0
    daily[80:95] = 130.0
    assert not drifted(daily)


def test_a2_one_wild_day_is_no_drift_and_its_echo_neither():
    daily = level_days()
    daily[80] = 5000.0
    assert not drifted(daily)


def test_a2_cold_start_and_silent_days():
    daily = level_days()
    daily[20:26] = 130.0
    assert not drifted(daily[:26])
    kind = work(100)
    kind[80:90] = SILENT
    daily = level_days()
    daily[80:90] = 130.0
    assert not drifted(daily, kind)


def test_long_days_are_those_on_which_the_equipment_runs_beyond_twelve_hours():
    load = steady(40, level=1.0, ripple=0.0)
    load[:, 8:18] = 30.0
    load[30:, 8:22] = 30.0
    assert list(np.flatnonzero(long_days(load[None]))) == list(range(30, 40))


# --- A3 ----------------------------------------------------------------------------------------


def flat(quantity, mass=None, kind=None, *, rests=False):
    days = len(quantity)
    mass = np.full(days, 10.0) if mass is None else mass
    return flatlines(measured(quantity), work(days) if kind is None else kind, mass,
                     np.array([rests]))  # fmt: skip


def uneven(days=40, level=8.0):
    """Quantities in steps of 0.01 that never repeat from one hour to the next."""
    return level + 0.01 * (np.arange(days * 24) * 7 % 31).reshape(days, 24)


@pytest.mark.parametrize(("hours", "count"), [(5, 0), (6, 1)])
def test_a3_identical_hours(hours, count):
    load = uneven()
    load[35, 4 : 4 + hours] = 8.5
    found = flat(load)
    assert len(found) == count
    if found:
        assert (found[0].value, found[0].limit, found[0].unit) == (6.0, 6.0, "h")
        assert found[0].start == MIDNIGHT + timedelta(days=35, hours=4)


def test_a3_few_digits_repeat_themselves():
    load = uneven(level=0.5)  # 50 steps of the resolution
    load[35, 4:14] = 0.5
    assert not flat(load)


@pytest.mark.parametrize(("hours", "count"), [(23, 0), (24, 1)])
def test_a3_zero_while_the_plant_works(hours, count):
    load = uneven()
    load.reshape(-1)[800 : 800 + hours] = 0.0
    assert len(flat(load)) == count
    assert not flat(load, mass=np.zeros(40))
    assert not flat(load, kind=work(40, SHUTDOWN))
    assert not flat(load, rests=True)


def test_a3_zero_hours_count_on_days_with_throughput_only():
    load = uneven()
    load[33:35] = 0.0
    mass = np.full(40, 10.0)
    mass[34] = 0.0
    assert len(flat(load, mass)) == 1
    load[33, :6] = 8.0 + np.arange(6)
    assert not flat(load, mass)


# --- A4, A6 ------------------------------------------------------------------------------------


def event(kind, hour, before=500.0, shown=1.0, meter="M"):
    at = pd.Timestamp(MIDNIGHT) + pd.Timedelta(hours=hour)
    return (meter, at - pd.Timedelta(minutes=15), at, kind, before, shown)


def events(*rows):
    return pd.DataFrame(rows, columns=["meter_id", "since", "ts", "kind", "before", "shown"])


def test_a4_backward_steps_that_nothing_explains():
    table = events(event("reset", 5), event("dip", 6, shown=400.0), event("negative", 20, None, -3))
    table["before"] = table["before"].astype(float)
    found = backward(table, {"M": "electricity"})
    assert [(one.level, one.value, one.hits) for one in found] == [
        ("critical", -499.0, 2),
        ("critical", -3.0, 1),
    ]
    assert found[0].start == MIDNIGHT + timedelta(hours=4, minutes=45)


@pytest.mark.parametrize("kind", ["jitter", "rollover", "meter_change", "spike", "jump"])
def test_a4_leaves_what_r5_explains(kind):
    assert not backward(events(event(kind, 5)), {"M": "electricity"})


@pytest.mark.parametrize(("medium", "hours", "level"), [
    ("electricity", 2, None), ("electricity", 3, "info"), ("electricity", 24, "warn"),
    ("heat", 3, "info"), ("water", 5, None), ("water", 6, "info"), ("water", 48, "warn"),
    ("diesel", 23, None), ("diesel", 24, "info"),
])  # fmt: skip
def test_a6_limits_by_medium(medium, hours, level):
    load = steady(20)
    load.reshape(-1)[100 : 100 + hours] = np.nan
    found = missing(measured(load, medium), np.ones((1, 20, 24), bool), np.array([0.25]))
    assert [one.level for one in found] == ([level] if level else [])
    if found:
        assert found[0].value == hours
        assert found[0].medium == ("" if medium == "heat" else medium)
        assert not found[0].open


def test_a6_is_open_at_the_end_and_waits_for_slow_meters():
    load = steady(20)
    load[19, 18:] = np.nan
    wanted = np.ones((1, 20, 24), bool)
    assert missing(measured(load), wanted, np.array([1.0]))[0].open
    assert not missing(measured(load), wanted, np.array([24.0]))
    wanted[0, 19, 20:] = False  # the site's readings reach to 20:00
    assert not missing(measured(load), wanted, np.array([1.0]))


def test_a6_looks_for_pv_where_the_meter_has_yielded_before_and_about_noon():
    load = np.zeros((40, 24))
    load[:, 7:18] = 5.0
    load[10:, 7] = np.nan  # it begins later from here on
    found = awake(measured(load))[0]
    assert np.flatnonzero(found[0]).tolist() == [11, 12, 13, 14]  # nothing is known yet
    assert np.flatnonzero(found[10]).tolist() == list(range(7, 18))
    assert np.flatnonzero(found[39]).tolist() == list(range(8, 18))  # 10 of 28 days are too few
    load[1:] = np.nan
    assert np.flatnonzero(awake(measured(load))[0, 39]).tolist() == list(range(7, 18))


# --- A5, A8 ------------------------------------------------------------------------------------


def nights(level, last, day=3.0, days=40):
    load = np.full((days, 24), day)
    load[:, :6] = load[:, 22:] = level
    load[30, 22:] = load[31, :6] = last
    return base_load(measured(load), work(days))


@pytest.mark.parametrize(("level", "last", "day", "count"), [
    (10.0, 12.9, 3.0, 0), (10.0, 13.1, 3.0, 1),  # 1.3 x the median
    (0.2, 0.69, 3.0, 0), (0.2, 0.71, 3.0, 1),  # the floor of 0.5 kWh
    (6.5, 6.9, 20.0, 0), (6.5, 7.1, 20.0, 1),  # 0.35 x the working-hour mean
    (8.0, 9.9, 20.0, 0),  # always above 0.35: only 1.3 x the median counts
])  # fmt: skip
def test_a5_limits(level, last, day, count):
    found = nights(level, last, day)
    assert len(found) == count
    if found:
        (alarm,) = found
        assert (alarm.start, alarm.end) == (MIDNIGHT + timedelta(days=30, hours=22),
                                            MIDNIGHT + timedelta(days=31, hours=6))  # fmt: skip
        assert (alarm.value, alarm.level, alarm.unit) == (last, "warn", "kWh/h")


def test_a5_one_hour_of_a_second_shift_is_no_base_load():
    load = np.full((40, 24), 1.0)
    load[30:, 22] = 50.0
    assert not base_load(measured(load), work(40))


def test_a5_needs_eight_nights():
    load = np.full((40, 24), 1.0)
    load[7, :6] = load[6, 22:] = 9.0
    assert not base_load(measured(load), work(40))
    load[9, :6] = load[8, 22:] = 9.0
    assert len(base_load(measured(load), work(40))) == 1


@pytest.mark.parametrize(("flow", "count_nights", "count"), [
    (0.05, 9, 0), (0.06, 2, 0), (0.06, 3, 1), (0.06, 9, 1),
])  # fmt: skip
def test_a8_limits(flow, count_nights, count):
    load = np.full((40, 24), 0.01)
    load[20 : 20 + count_nights, :8] = flow
    found = night_flow(measured(load, "water"))
    assert len(found) == count
    if found:
        assert (found[0].medium, found[0].hits, found[0].limit) == ("water", count_nights, 0.05)
        assert found[0].start == MIDNIGHT + timedelta(days=20, hours=2)


def test_a8_the_minimum_counts():
    load = np.full((40, 24), 0.3)
    load[:, 3] = 0.0
    assert not night_flow(measured(load, "water"))


# --- A7, A9, A10, A11 --------------------------------------------------------------------------


def month(residual_pct, sources=True, loads=True, n=1):
    return (pd.Timestamp(2026, n, 1), 1000.0, 10.0 * residual_pct, sources, loads)


def balanced(*rows):
    return balance(pd.DataFrame(rows, columns=["month", "site_kwh", "residual_kwh",
                                               "sources_complete", "loads_complete"]))  # fmt: skip


@pytest.mark.parametrize(("pct", "count"), [(-1.9, 0), (-2.1, 1), (14.9, 0), (15.1, 1)])
def test_a7_limits(pct, count):
    found = balanced(month(pct))
    assert len(found) == count
    if found:
        assert (found[0].level, found[0].entity, found[0].medium) == ("critical", "site",
                                                                      "electricity")  # fmt: skip
        assert (found[0].start, found[0].end) == (datetime(2026, 1, 1), datetime(2026, 2, 1))
        assert found[0].value == pytest.approx(pct)


def test_a7_what_is_missing_excuses_its_own_side_only():
    assert not balanced(month(-9.0, sources=False))
    assert not balanced(month(40.0, loads=False))
    assert len(balanced(month(-9.0, loads=False), month(40.0, sources=False, n=2))) == 2
    assert not balanced(month(np.nan))


def test_residuals_of_r9():
    rows = pd.DataFrame(
        [("G", 1, 900.0, True), ("P", 1, 300.0, True), ("X", 1, 100.0, True), ("C", 1, 600.0, True),
         ("K", 1, 450.0, False), ("child", 1, 70.0, True), ("G", 2, np.nan, False)],
        columns=["meter_id", "month", "quantity", "complete"],
    )  # fmt: skip
    found = residuals(rows, {"G": 1, "P": 1, "X": -1, "C": 0, "K": 0})
    assert found.loc[0, ["site_kwh", "residual_kwh"]].tolist() == [1100.0, 50.0]
    assert found.loc[0, ["sources_complete", "loads_complete"]].tolist() == [True, False]
    assert np.isnan(found.loc[1, "residual_kwh"])


def test_a9_litres_per_tonne():
    litres = np.array([60.0, 55.0, 65.0])[np.arange(40) % 3]
    mass = np.full(40, 20.0)
    assert not oil_intensity(litres, mass, FIRST)
    mass[35] = 2.0  # little mass, usual litres
    assert not oil_intensity(litres, mass, FIRST)
    litres[36] = 74.0  # beyond 3.5 s of L/t but within the range of litres again
    assert not oil_intensity(litres, mass, FIRST)
    litres[36] = 120.0
    (alarm,) = oil_intensity(litres, mass, FIRST)
    assert (alarm.entity, alarm.medium, alarm.unit, alarm.value) == ("diesel", "diesel", "L/t", 6.0)
    assert alarm.start == MIDNIGHT + timedelta(days=36)
    assert not oil_intensity(litres[30:], mass[30:], FIRST)


def test_a9_litres_that_hide_behind_many_tonnes():
    litres = np.array([60.0, 55.0, 65.0])[np.arange(40) % 3]
    mass = np.full(40, 20.0)
    litres[36], mass[36] = 84.0, 28.0  # usual L/t, and not twice the range beyond the highest
    assert not oil_intensity(litres, mass, FIRST)
    litres[36], mass[36] = 300.0, 100.0
    (alarm,) = oil_intensity(litres, mass, FIRST)
    assert (alarm.unit, alarm.value) == ("L", 300.0)
    assert alarm.limit < 300.0


def fuel(*rows):
    table = pd.DataFrame(rows, columns=["timestamp", "litres", "kind"])
    return table.assign(timestamp=pd.to_datetime(table["timestamp"]), consumer="",
                        product="diesel", fuel_id=table.index.astype(str))  # fmt: skip


@pytest.mark.parametrize(("litres", "count"), [(3150.0, 0), (3151.0, 1)])
def test_a9_refuelling_beyond_the_tank(litres, count):
    table = fuel(("2026-03-05 10:00", litres, "delivery"))
    assert len(tank(table, 3000.0)) == count
    assert not tank(table, None)


@pytest.mark.parametrize(("used", "count"), [(960.0, 0), (940.0, 1), (1040.0, 0), (1060.0, 1)])
def test_a9_tank_balance(used, count):
    table = fuel(("2026-03-01 00:00", 2000.0, "dip"), ("2026-03-10 10:00", 500.0, "delivery"),
                 ("2026-03-12 10:00", used, "use"),
                 ("2026-04-01 00:00", 1500.0, "dip"))  # fmt: skip
    found = tank(table, 3000.0)
    assert len(found) == count
    if found:
        assert (found[0].start, found[0].end) == (datetime(2026, 3, 1), datetime(2026, 4, 1))
        assert found[0].value == pytest.approx(100 * (1000 - used) / max(used, 1000.0))


def test_a9_an_empty_log_is_left_to_a6():
    table = fuel(("2026-03-01 00:00", 2000.0, "dip"), ("2026-04-01 00:00", 1500.0, "dip"))
    assert not tank(table, 3000.0)


def test_a6_of_the_fuel_log():
    table = fuel(*((f"2026-03-{day:02d} 17:30", 50.0, "use") for day in range(2, 32)))
    litres = handled_litres(table, FIRST, 30)
    assert list(litres) == [50.0] * 30
    mass, kind = np.full(30, 10.0), work(30)
    assert not oil_pause(litres, mass, kind, FIRST)
    mass[20], litres[20:23] = 0.0, np.nan  # two of the days have throughput
    (alarm,) = oil_pause(litres, mass, kind, FIRST)
    assert (alarm.rule, alarm.entity, alarm.value, alarm.level) == ("A6", "diesel", 48.0, "info")
    assert not alarm.open
    litres[:8] = np.nan
    litres[23:] = np.nan
    assert oil_pause(litres, mass, kind, FIRST)[-1].open
    weekly = np.where(np.arange(100) % 5 == 0, 250.0, np.nan)
    assert not oil_pause(weekly, np.full(100, 10.0), work(100), FIRST)
    weekly[60:] = np.nan
    assert oil_pause(weekly, np.full(100, 10.0), work(100), FIRST)[0].open


def sunny(last, days=40):
    shown = np.array([4.0, 3.0, 5.0])[np.arange(days) % 3] * 100.0
    shown[35] = last * 100.0
    load = np.zeros((days, 24))
    load[:, 8:16] = shown[:, None] / 8
    return load


@pytest.mark.parametrize(("last", "count"), [(1.25, 0), (1.15, 1), (6.4, 0), (6.6, 1)])
def test_a10_limits(last, count):
    found = pv_yield(measured(sunny(last)), np.full(40, 100.0))
    assert len(found) == count
    if found:
        assert (found[0].medium, found[0].unit) == ("electricity", "kWh/kWp")
        assert found[0].value == pytest.approx(last)


def test_a10_needs_a_month_and_a_capacity():
    assert not pv_yield(measured(sunny(0.0)[10:]), np.full(30, 100.0))
    assert not pv_yield(measured(sunny(0.0)), np.zeros(40))


def test_a10_generation_at_night():
    load = sunny(4.0)
    load[20, 1] = 0.6
    (alarm,) = pv_yield(measured(load), np.full(40, 100.0))
    assert (alarm.start, alarm.value, alarm.unit) == (MIDNIGHT + timedelta(days=20), 0.6, "kWh/h")


@pytest.mark.parametrize(("out", "residue", "level"), [
    (9.0, 0.81, None), (9.0, 0.79, "warn"), (9.0, 0.51, "warn"), (9.0, 0.49, "critical"),
    (10.0, 0.0005, None), (10.0, 0.002, "critical"), (9.9, np.nan, None), (np.nan, 0.0, None),
])  # fmt: skip
def test_a11_limits(out, residue, level):
    table = pd.DataFrame({"batch_id": ["B1"], "day": [pd.Timestamp(FIRST)], "mass_in_t": [10.0],
                          "out_t": [out], "residue_t": [residue]})  # fmt: skip
    found = masses(table)
    assert [one.level for one in found] == ([level] if level else [])
    if found:
        assert (found[0].entity, found[0].medium, found[0].start) == ("B1", "", MIDNIGHT)


# --- a whole site ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site():
    made = plant(3, 9)
    return made.history, alarms(made.history)


def test_a_site_finds_something_of_most_rules(site):
    assert {"A1", "A2", "A6", "A11"} <= {alarm.rule for alarm in site[1]}


def test_order_and_repeated_rows_do_not_matter(site):
    history, found = site
    names = ("meters", "hours", "calendar", "events", "months", "batches", "fuel", "pv")
    mixed = {}
    for place, name in enumerate(names):
        rows = getattr(history, name)
        again = pd.concat([rows, rows.sample(frac=0.3, random_state=place)])
        mixed[name] = again.sample(frac=1.0, random_state=place)
    assert alarms(replace(history, **mixed)) == found


@pytest.mark.parametrize("days", [75, 140, 200])
def test_what_comes_later_changes_no_alarm(site, days):
    history, found = site
    until = pd.Timestamp(history.first_day) + pd.Timedelta(days=days)
    ends = history.months["month"].map(lambda one: pd.Timestamp(one) + pd.offsets.MonthEnd(1))
    cut = replace(
        history,
        horizon=until.to_pydatetime(),
        hours=history.hours[history.hours["hour"] < until],
        events=history.events[history.events["ts"] < until],
        months=history.months[ends < until],
        batches=history.batches[history.batches["day"] < until],
        fuel=history.fuel[history.fuel["timestamp"] < until],
    )
    past = until - pd.Timedelta(days=2)
    before, after = (
        {(replace(one, open=False), round(one.z, 9)) for one in rows if one.end <= past}
        for rows in (alarms(cut), found)
    )
    assert {one for one, _ in before} == {one for one, _ in after}
    assert len(before) > 3


METER_COLUMNS = ("medium", "role", "building", "group", "equipment", "parent_id", "step_min",
                 "since", "until")  # fmt: skip
PLAIN = ("electricity", "consumer", "plant", "", "", "", 15, pd.NaT, pd.NaT)


def of_meters(quantity, **meters):
    """A site whose meters all show the same; a meter is what differs from a plain one."""
    names = list(meters)
    table = pd.DataFrame([dict(zip(METER_COLUMNS, PLAIN, strict=True)) | {"meter_id": name}
                          | meters[name] for name in names])  # fmt: skip
    hour = pd.Timestamp(FIRST) + pd.to_timedelta(np.arange(quantity.size), unit="h")
    hours = pd.concat([pd.DataFrame({"meter_id": name, "hour": hour, "quantity": quantity.ravel()})
                       for name in names])  # fmt: skip
    none = {
        "calendar": ("date_from", "date_to", "kind"),
        "months": ("month", "site_kwh", "residual_kwh", "sources_complete", "loads_complete"),
        "pv": ("capacity_kwp", "in_service_from", "in_service_to"),
    }
    empty = {name: pd.DataFrame(columns=list(columns)) for name, columns in none.items()}
    batches = pd.DataFrame({"batch_id": ["B"], "day": [pd.Timestamp(FIRST)], "mass_in_t": [1.0],
                            "out_t": [1.0], "residue_t": [0.0]})  # fmt: skip
    horizon = (hour[-1] + pd.Timedelta(hours=1)).to_pydatetime()
    return History(FIRST, horizon, table, hours, events=events(), batches=batches,
                   fuel=fuel(("2026-03-01 00:00", 2000.0, "dip")), **empty)  # fmt: skip


def test_which_meters_a1_judges():
    load = steady()
    load[45, 14] = 30.0  # by day
    kinds = {
        "plain": {}, "charger": {"role": "charger"}, "grid": {"role": "grid_import"},
        "daily": {"step_min": 1440},
    }  # fmt: skip
    assert {one.entity for one in alarms(of_meters(load, **kinds))} == {"plain", "charger", "grid"}
    kinds |= {
        "pv": {"role": "pv_generation"}, "heat": {"role": "heat_pump"},
        "ac": {"group": "ac", "parent_id": "above"}, "above": {"parent_id": "top"}, "top": {},
    }  # fmt: skip
    found = alarms(of_meters(load, **kinds))
    assert {one.entity for one in found if one.rule == "A1"} == {"plain", "charger"}
    load[45, 14], load[45, 23] = 2.0, 30.0  # at night
    found = alarms(of_meters(load, **kinds))
    night = {"plain", "charger", "ac", "above", "top"}
    assert {one.entity for one in found if one.rule == "A1"} == night


def test_which_meters_a2_judges():
    daily = level_days()
    daily[80:95] = 130.0
    load = np.repeat(daily[:, None] / 24, 24, axis=1)
    kinds = {
        "plain": {}, "office": {"building": "office"}, "water": {"medium": "water"},
        "pv": {"role": "pv_generation"}, "heat": {"role": "heat_pump"}, "ac": {"group": "ac"},
        "grid": {"role": "grid_import"}, "monthly": {"step_min": 43200},
    }  # fmt: skip
    found = alarms(of_meters(load, **kinds))
    assert {one.entity for one in found if one.rule == "A2"} == {"plain", "office", "water"}


def test_twenty_meters_over_three_years_are_quick():
    days = 1096
    draw = np.random.default_rng(1)
    load = steady(days) * draw.lognormal(0.0, 0.1, (days, 24))
    history = of_meters(load, **{f"M{n:02d}": {} for n in range(20)})
    began = time.perf_counter()
    alarms(history)
    assert time.perf_counter() - began < 10.0


def test_thresholds_are_told_one_by_one():
    for name in Thresholds.__dataclass_fields__:
        assert name in Thresholds.__doc__, name


def test_hours_become_days_and_unknown_meters_are_left_out():
    meters = pd.DataFrame({"meter_id": ["M"], "medium": ["water"]})
    hours = pd.DataFrame({
        "meter_id": ["M", "M", "other", "M"],
        "hour": [MIDNIGHT, MIDNIGHT + timedelta(hours=30), MIDNIGHT, MIDNIGHT - timedelta(hours=1)],
        "quantity": [1.0, 2.0, 9.0, 9.0],
    })  # fmt: skip
    found = hour_grid(meters, hours, FIRST, 2)
    assert np.nansum(found.quantity) == 3.0
    assert found.quantity[0, 1, 6] == 2.0
    assert found.since[0] == 0


def test_day_types_by_precedence():
    calendar = pd.DataFrame(
        [("2026-03-03", "2026-03-06", "holiday"), ("2026-03-05", "2026-03-05", "workday"),
         ("2026-03-06", "2026-03-07", "shutdown")],
        columns=["date_from", "date_to", "kind"],
    )  # fmt: skip
    mass = np.array([0.0, 0, 5, 0, 0, 0, 0, 0])
    found = day_types(calendar, FIRST, 8, mass)
    assert list(found) == [WORKDAY, HOLIDAY, WORKDAY, WORKDAY, SHUTDOWN, SHUTDOWN, REST, WORKDAY]
