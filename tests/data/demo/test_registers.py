"""Registers and deliveries: the same bytes twice, nothing but the listed faults between them."""

import hashlib
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.demo.loads import METERS
from data.demo.plant import generate
from tests.data.demo.conftest import LAST

QUARTER = pd.Timedelta(minutes=15)
# The rest leaves the register as it is: rows come twice, come later, or the consumption is wrong.
CHANGES_VALUES = {"spike", "frozen", "jitter", "unit_slip", "rollover", "meter_change"}
CHANGES_TIMES = {"gap", "long_gap", "silence_catchup", "clock_slow"}


def digest(plant):
    seen = hashlib.sha256(plant.site_toml.encode())
    for frame in (*plant.tables.values(), plant.faults, *(d.frame for d in plant.readings)):
        seen.update(frame.to_csv(index=False).encode())
    return seen.hexdigest()


@pytest.fixture(scope="module")
def by_meter(whole):
    readings = pd.concat([d.frame for d in whole.plant.readings])
    return {m: r.drop_duplicates().sort_values("timestamp").reset_index(drop=True)
            for m, r in readings.groupby("meter_id")}  # fmt: skip


def test_same_arguments_same_bytes_in_another_process():
    script = (
        "from datetime import date\n"
        "from data.demo.plant import generate\n"
        "from tests.data.demo.test_registers import digest\n"
        "print(digest(generate(date(2026, 11, 23), 1)))\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root,
        env={"PYTHONHASHSEED": "1", "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.stdout.strip() == digest(generate(LAST, 1))


def test_other_seed_other_bytes():
    assert digest(generate(LAST, 0)) != digest(generate(LAST, 0, seed=7))


def test_deliveries_are_years_and_then_late_days(whole):
    names = [d.name for d in whole.plant.readings]
    years = [f"readings-{year}.parquet" for year in (2023, 2024, 2025, 2026)]
    assert names[:4] == years
    assert len(names) > 4
    assert all(name.endswith("-late.parquet") for name in names[4:])
    assert len(set(names)) == len(names)
    for delivery in whole.plant.readings[1:4]:
        year = int(delivery.name[9:13])
        at = delivery.frame["timestamp"]
        assert at.min() > pd.Timestamp(year, 1, 1)
        assert at.max() <= pd.Timestamp(year + 1, 1, 1)


def test_frames_have_the_contracts_columns_and_types(whole):
    for delivery in whole.plant.readings:
        frame = delivery.frame
        assert list(frame.columns) == ["meter_id", "timestamp", "value", "quality"]
        assert frame["timestamp"].dtype == np.dtype("datetime64[us]")
        assert frame["value"].dtype == np.float64
        assert not frame.isna().any().any()
        assert (frame["value"] == frame["value"].round(2)).all()
        assert (frame["value"] >= 0).all()


def test_every_register_runs_from_the_first_midnight_to_the_last(whole, by_meter):
    first = pd.Timestamp(2023, 11, 1)
    last = pd.Timestamp(LAST) + pd.Timedelta(days=1)
    assert set(by_meter) == {m.meter_id for m in METERS}
    slow = set(whole.plant.faults.query("kind == 'clock_slow'")["meter_id"])
    for meter, rows in by_meter.items():
        assert rows["timestamp"].iloc[0] == first, meter
        late = pd.Timedelta(minutes=8) if meter in slow else pd.Timedelta(0)
        assert rows["timestamp"].iloc[-1] == last - late, meter


def test_steps_between_readings_are_quarters_outside_the_listed_gaps(whole, by_meter):
    faults = whole.plant.faults
    for meter, rows in by_meter.items():
        at = rows["timestamp"]
        irregular = at[at.diff().notna() & (at.diff() != QUARTER)]
        listed = faults[(faults["meter_id"] == meter) & faults["kind"].isin(CHANGES_TIMES)]
        slow = listed["kind"] == "clock_slow"
        ends = set(listed["end"].where(~slow, listed["start"]))
        assert {f"{t:%Y-%m-%d %H:%M}" for t in irregular} == ends, meter


def test_registers_show_the_true_quantities_outside_faults(whole, by_meter):
    faults = whole.plant.faults
    grid = pd.date_range(whole.days[0], periods=len(whole.truth["E00"]) + 1, freq="15min")
    for spec in METERS:
        rows = by_meter[spec.meter_id].copy()
        touched = np.zeros(len(rows), bool)
        listed = faults[faults["meter_id"] == spec.meter_id]
        for fault in listed[listed["kind"].isin(CHANGES_VALUES | CHANGES_TIMES)].itertuples():
            start, end = pd.Timestamp(fault.start), pd.Timestamp(fault.end)
            if fault.kind == "clock_slow":
                late = rows["timestamp"] >= start
                rows.loc[late, "timestamp"] += pd.Timedelta(minutes=8)
                continue
            touched |= rows["timestamp"].between(start, end + QUARTER).to_numpy()
        place = np.searchsorted(grid, rows["timestamp"])
        summed = np.concatenate([[0.0], np.cumsum(whole.truth[spec.meter_id])])[place]
        error = rows["value"].diff() * spec.multiplier - np.diff(summed, prepend=0.0)
        error = error[1:][~touched[1:]]
        assert len(error) > 0.5 * len(rows)
        assert error.abs().max() <= 0.01 * spec.multiplier + 1e-4, spec.meter_id


@pytest.mark.parametrize("months", [0, 1, 4])
def test_short_ranges_work_and_keep_the_faults_that_fit(months):
    plant = generate(LAST, months)
    first = date(2026, LAST.month - months, 1)
    starts = pd.to_datetime(plant.faults["start"])
    assert (starts >= pd.Timestamp(first)).all()
    assert (pd.to_datetime(plant.faults["end"]) <= pd.Timestamp(LAST + timedelta(days=1))).all()
    frames = pd.concat([d.frame for d in plant.readings])
    assert frames.groupby("meter_id")["timestamp"].min().nunique() == 1
    assert "gap" in set(plant.faults["kind"])
