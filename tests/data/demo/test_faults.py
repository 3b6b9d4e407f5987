"""The truth table: every fault is in the data, and R5 and R6 make of it what the table expects."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from accounting.registers import HOUR_US, MICRO, Change, Rules, walk
from data.demo.episodes import BY_NAME as EPISODE_KINDS
from data.demo.episodes import Episode, of_year
from data.demo.faults import COLUMNS
from data.demo.loads import METERS
from data.demo.registers import register
from tests.data.demo.conftest import LAST

KINDS = {"gap", "long_gap", "silence_catchup", "spike", "frozen", "jitter", "duplicate",
         "late_delivery", "unit_slip", "night_load", "holiday_load", "rollover", "meter_change",
         "clock_slow", "mass_balance", "leak", "inverter_outage"}  # fmt: skip
SPECS = {m.meter_id: m for m in METERS}
OF_REGISTERS = KINDS - {"night_load", "holiday_load", "leak", "inverter_outage", "mass_balance"}
DAY = pd.Timedelta(days=1)
GAP_HOURS = 3


@pytest.fixture(scope="module")
def faults(whole):
    found = whole.plant.faults.copy()
    found["start"], found["end"] = pd.to_datetime(found["start"]), pd.to_datetime(found["end"])
    return found


@pytest.fixture(scope="module")
def received(whole):
    """Readings as they arrived, by meter and time; repeated rows are still there."""
    frames = [d.frame.assign(delivery=place) for place, d in enumerate(whole.plant.readings)]
    return {meter: rows.sort_values("timestamp", kind="stable").set_index("timestamp")
            for meter, rows in pd.concat(frames).groupby("meter_id")}  # fmt: skip


def of(faults, kind):
    found = faults[faults["kind"] == kind]
    assert len(found), kind
    return list(found.itertuples())


def test_table_has_its_columns_and_every_kind(whole, faults):
    assert tuple(whole.plant.faults.columns) == COLUMNS
    assert set(faults["kind"]) == KINDS
    assert (faults["start"] <= faults["end"]).all()
    assert (faults["size"] > 0).all()


def test_faults_of_one_meter_lie_apart(faults):
    ours = faults[faults["kind"] != "mass_balance"].sort_values("start")
    for meter, rows in ours.groupby("meter_id"):
        for before, after in pairwise(rows.itertuples()):
            assert before.end < after.start, (meter, before, after)


@pytest.mark.parametrize("seed", range(12))
def test_faults_lie_a_day_apart_also_where_there_is_little_room(seed):
    spec, first = SPECS["E10"], date(2025, 1, 1)
    leak = Episode(EPISODE_KINDS["leak"], first + timedelta(days=20), first + timedelta(days=24), 1)
    made = register(seed, spec, first, np.full(75 * 96, 0.02), [leak])
    told = sorted((pd.Timestamp(row["start"]), pd.Timestamp(row["end"])) for row in made.truth)
    told.append((pd.Timestamp(leak.first), pd.Timestamp(leak.last) + DAY))
    assert len(told) > 3
    for (_, before), (after, _) in pairwise(sorted(told)):
        assert after - before >= DAY - pd.Timedelta(minutes=15)


def test_newest_month_has_one_small_gap_only(faults):
    ours = faults[faults["kind"].isin(OF_REGISTERS - {"clock_slow", "rollover"})]
    recent = ours[ours["end"] > pd.Timestamp(LAST) - 30 * DAY]
    assert list(recent["kind"]) == ["gap"]
    assert 2 <= recent["size"].iloc[0] <= 8


@pytest.mark.parametrize("kind", ["gap", "long_gap", "silence_catchup"])
def test_gaps_are_empty_and_as_long_as_told(faults, received, kind):
    for fault in of(faults, kind):
        at = received[fault.meter_id].index
        assert not ((at >= fault.start) & (at < fault.end)).any()
        assert fault.end in at
        assert (fault.end - at[at < fault.start].max()) / pd.Timedelta(hours=1) == fault.size
        low, high = {"gap": (2, 60), "long_gap": (72, 216), "silence_catchup": (504, 504)}[kind]
        assert low <= fault.size <= high


def test_spikes_return_at_once(faults, received):
    for fault in of(faults, "spike"):
        shown = received[fault.meter_id]["value"]
        at = shown.index.get_loc(fault.start)
        before, spike, after = shown.iloc[at - 1 : at + 2]
        assert before <= after < spike
        assert 4096 <= spike - before < 4096 + 60


def test_frozen_register_stands_still_and_catches_up(faults, received):
    for fault in of(faults, "frozen"):
        shown = received[fault.meter_id]["value"].loc[fault.start : fault.end]
        assert fault.end - fault.start == 3 * DAY
        assert shown.iloc[:-1].nunique() == 1
        assert shown.iloc[-1] - shown.iloc[0] == pytest.approx(fault.size, abs=0.006)


def test_jitter_steps_back_by_a_few_of_the_last_digit(faults, received):
    for fault in of(faults, "jitter"):
        shown = received[fault.meter_id]["value"]
        at = shown.index.get_loc(fault.start)
        back = shown.iloc[at - 1] - shown.iloc[at]
        assert back == pytest.approx(fault.size, abs=1e-6)
        assert 0.01 <= fault.size <= 0.08
        assert shown.iloc[at + 1] >= shown.iloc[at - 1]
        spec = SPECS[fault.meter_id]
        assert back * spec.multiplier <= spec.rated_max_per_hour


def test_duplicates_are_the_same_rows(faults, received):
    told = 0
    for fault in of(faults, "duplicate"):
        rows = received[fault.meter_id]
        inside = rows[(rows.index >= fault.start) & (rows.index < fault.end)]
        assert inside.index.duplicated().sum() == fault.size
        assert inside.reset_index().drop_duplicates().shape[0] == fault.size
        told += fault.size
    assert sum(rows.index.duplicated().sum() for rows in received.values()) == told


def test_late_days_are_in_a_later_delivery_only(whole, faults, received):
    years = 4
    for fault in of(faults, "late_delivery"):
        rows = received[fault.meter_id]
        inside = rows.loc[fault.start : fault.end]
        assert len(inside) == 96
        assert (inside["delivery"] >= years).all()
        assert (rows.drop(inside.index)["delivery"] < years).all()
        assert 2 <= fault.size <= 6
    assert len(whole.plant.readings) == years + len(of(faults, "late_delivery"))


def test_unit_slip_is_a_thousand_times_too_much_for_a_day(faults, received):
    for fault in of(faults, "unit_slip"):
        shown = received[fault.meter_id]["value"]
        inside = shown.loc[fault.start : fault.end]
        before = shown[shown.index < fault.start].iloc[-1]
        after = shown[shown.index > fault.end].iloc[0]
        assert len(inside) == 95
        assert inside.min() >= 1000 * before
        assert inside.max() <= 1000 * after
        assert shown.index[shown.index > fault.end][0] - fault.start <= DAY


def test_meter_change_is_recorded_between_its_readings(whole, faults, received):
    changes = whole.plant.tables["meter_changes"]
    assert len(changes) == len(of(faults, "meter_change")) == 1
    for fault, row in zip(of(faults, "meter_change"), changes.itertuples(), strict=True):
        shown = received[fault.meter_id]["value"]
        assert row.meter_id == fault.meter_id
        assert fault.start < pd.Timestamp(row.timestamp) < fault.end
        assert float(row.new_start) == pytest.approx(fault.size)
        before = float(row.old_end) - shown.loc[fault.start]
        after = shown.loc[fault.end] - float(row.new_start)
        assert min(before, after) >= 0
        at = round((fault.start - pd.Timestamp(whole.days[0])) / pd.Timedelta(minutes=15))
        true = whole.truth[fault.meter_id][at]
        assert (before + after) * SPECS[fault.meter_id].multiplier == pytest.approx(true, abs=0.011)


def test_slow_clock_stamps_off_the_quarter(faults, received):
    for fault in of(faults, "clock_slow"):
        at = received[fault.meter_id].index
        assert set(at[at >= fault.start].minute) == {7, 22, 37, 52}
        assert set(at[at < fault.start].minute) == {0, 15, 30, 45}


def test_two_or_three_registers_roll_over(faults, received):
    found = of(faults, "rollover")
    assert 2 <= len({fault.meter_id for fault in found}) <= 3
    for fault in found:
        shown = received[fault.meter_id]["value"]
        assert shown.loc[fault.start] > 0.9 * SPECS[fault.meter_id].register_max
        assert shown.loc[fault.end] < 0.1 * SPECS[fault.meter_id].register_max


def test_batches_that_do_not_close_are_told_and_all_others_close(whole, faults):
    batches = whole.plant.tables["batches"].set_index("batch_id")
    out = whole.plant.tables["outputs"].groupby("batch_id")["mass_t"].sum()
    mass = batches["mass_in_t"].astype(float)
    missing = (mass - out - batches["residue_t"].astype(float)) / mass
    told = {fault.note.split()[1].strip(","): fault for fault in of(faults, "mass_balance")}
    assert sorted(fault.size for fault in told.values()) == [0.03] * 6 + [0.07] * 2
    assert (missing >= -0.0001).all()
    for batch, share in missing.items():
        if batch not in told:
            assert share <= 0.02, batch
            continue
        fault = told[batch]
        assert str(fault.start.date()) == batches.loc[batch, "date"]
        assert ("mass_balance_warn" in fault.note) == (share <= 0.05)
        assert (0.02 < share <= 0.05) if fault.size == 0.03 else share > 0.05


def judged(spec, rows, changes):
    """Return what R5 makes of readings: time, last accepted time, kind."""
    rules = Rules(
        round(spec.multiplier * MICRO), round(spec.register_max * MICRO), HOUR_US // 4,
        round(spec.rated_max_per_hour * MICRO), changes,
    )  # fmt: skip
    times = [int(t) for t in rows.index.to_numpy().astype("datetime64[us]").astype(np.int64)]
    return list(walk(times, [round(v * MICRO) for v in rows["value"]], rules))


def test_the_rules_find_what_the_table_expects(whole, faults, received):
    changes = {row.meter_id: (Change(int(pd.Timestamp(row.timestamp).value // 1000),
                                     round(float(row.old_end) * MICRO),
                                     round(float(row.new_start) * MICRO)),)
               for row in whole.plant.tables["meter_changes"].itertuples()}  # fmt: skip
    for fault in faults[faults["kind"].isin(OF_REGISTERS - {"clock_slow"})].itertuples():
        rows = received[fault.meter_id]
        rows = rows[~rows.index.duplicated()]
        # Within a day of the fault there is no other one, so its neighbourhood decides alone.
        near = rows.loc[fault.start - DAY / 2 : fault.end + DAY]
        steps = judged(SPECS[fault.meter_id], near, changes.get(fault.meter_id, ()))
        seen = {step.kind for step in steps if step.kind not in ("plain", "jitter")}
        accepted = [step for step in steps if step.accepted]
        if any(step.ts_us - step.since_us > GAP_HOURS * HOUR_US for step in accepted):
            seen.add("gap")
        also = {"gap"} if fault.kind == "unit_slip" else set()
        assert seen == ({fault.expect} - {""}) | also, fault
        if fault.kind == "jitter":
            assert sum(step.kind == "jitter" for step in steps) == 1
        else:
            assert all(step.quantity is not None for step in accepted)


def test_readings_beside_the_faults_raise_no_flag(faults, received):
    for meter, rows in received.items():
        spec = SPECS[meter]
        rows = rows[~rows.index.duplicated()]
        step = rows["value"].diff() * spec.multiplier
        odd = step[(step < 0) | (step > 1.2 * spec.rated_max_per_hour / 4)].index
        ours = faults[(faults["meter_id"] == meter) & faults["kind"].isin(OF_REGISTERS)]
        for moment in odd:
            near = (ours["start"] - DAY / 96 <= moment) & (moment <= ours["end"] + DAY / 96)
            assert near.any(), (meter, moment)


def test_episodes_of_a_year_keep_to_the_year():
    for year in range(2023, 2031):
        for name in ("leak", "inverter_outage", "night_load", "holiday_load"):
            one = of_year(615, name, year)
            assert date(year, 1, 1) <= one.first <= one.last <= date(year, 12, 31)
            assert one.last - one.first < timedelta(days=13)
