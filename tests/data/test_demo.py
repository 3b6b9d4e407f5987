"""The demonstration plant: plausible, deterministic, honest about its faults, recomputable."""

import hashlib
import json
import random
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.demo.build import build_demo, remove_demo
from data.demo.loads import METERS, PV_KWP
from data.demo.plant import SITE, days_of, generate, true_quantities
from data.demo.production import day_book
from data.ingest.kinds import KINDS
from data.prices import SHIPPED_BY
from data.settle import settle
from data.trace import trace
from tests.plant import opened_home

LAST = date(2026, 11, 23)


@pytest.fixture(scope="module")
def year():
    days = days_of(LAST, 12)[:365]
    return true_quantities(615, days, [day_book(615, SITE, day) for day in days])


def test_a_years_totals_are_plausible(year):
    total = {meter: float(values.sum()) for meter, values in year.items()}
    used = total["E00"] + total["E01"] - total["E02"]
    assert 900_000 < used < 1_100_000
    assert 1_120 < total["E01"] / PV_KWP < 1_280
    assert year["E01"].max() * 4 <= 0.90 * PV_KWP
    assert 6 < total["W00"] / 365 < 9


def test_balance_holds_in_every_quarter(year):
    top = [m.meter_id for m in METERS if m.role in ("consumer", "charger", "heat_pump")
           and m.medium == "electricity" and not m.parent_id]  # fmt: skip
    load = np.sum([year[meter] for meter in top], axis=0)
    assert np.allclose(year["E00"] + year["E01"] - year["E02"], load * 1.02)


def test_same_arguments_same_bytes_and_days_stand_alone():
    def digest(plant):
        text = "".join(t.to_csv(index=False) for t in plant.tables.values())
        text += "".join(d.frame.to_csv(index=False) for d in plant.readings)
        return hashlib.sha256(text.encode()).hexdigest()

    assert digest(generate(LAST, 1)) == digest(generate(LAST, 1))
    assert digest(generate(LAST, 1)) != digest(generate(LAST, 1, seed=7))
    short, long = days_of(LAST, 0), days_of(LAST, 1)
    few, many = (
        true_quantities(615, days, [day_book(615, SITE, d) for d in days]) for days in (short, long)
    )
    for meter, values in few.items():
        assert np.array_equal(values, many[meter][-len(values) :])


def test_tables_have_the_contracts_columns():
    plant = generate(LAST, 2)
    for kind, table in plant.tables.items():
        assert set(table.columns) <= {c.name for c in KINDS[kind].columns}, kind
        for column in KINDS[kind].columns:
            if column.required:
                assert (table[column.name].astype(str) != "").all(), (kind, column.name)


def test_every_fault_of_the_truth_table_is_in_the_data():
    plant = generate(LAST, 36)
    readings = pd.concat([d.frame for d in plant.readings])
    faults = plant.faults
    assert {"gap", "spike", "jitter", "rollover", "meter_change", "silence_catchup", "frozen",
            "duplicate", "late_delivery", "unit_slip", "clock_slow", "leak",
            "inverter_outage", "night_load", "holiday_load"} <= set(faults["kind"])  # fmt: skip
    by_meter = {m: r.set_index("timestamp") for m, r in readings.groupby("meter_id")}
    for fault in faults.itertuples():
        start, end = pd.Timestamp(fault.start), pd.Timestamp(fault.end)
        seen = by_meter[fault.meter_id]
        if fault.kind in ("gap", "silence_catchup"):
            inside = seen[(seen.index >= start) & (seen.index < end)]
            assert inside.empty, fault
        elif fault.kind == "spike":
            assert seen.loc[start, "value"] - 4096 == pytest.approx(
                seen[seen.index < start]["value"].iloc[-1], abs=60
            )
        elif fault.kind == "jitter":
            before = seen[seen.index < start].sort_index()["value"].iloc[-1]
            assert 0 < before - seen.loc[start, "value"] < 0.1
        elif fault.kind == "duplicate":
            inside = seen[(seen.index >= start) & (seen.index < end)]
            assert inside.index.duplicated().sum() == fault.size


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    with opened_home(tmp_path_factory.mktemp("demo") / "home") as engine:
        build_demo(engine, LAST, 14, 615, lambda *_: None)
        settle(engine)
        yield engine


def test_expected_flags_are_found(settled):
    faults = generate(LAST, 14).faults
    wanted = faults[faults["expect"] != ""]
    assert len(wanted) > 5
    with settled.store.read() as cursor:
        events = cursor.execute(
            "SELECT n.meter_id, e.kind, e.since, e.ts FROM meter_event e JOIN meter_number n "
            "USING (meter) UNION ALL SELECT n.meter_id, g.kind, g.since, g.until FROM meter_gap g "
            "JOIN meter_number n USING (meter)"
        ).fetchall()
    for fault in wanted.itertuples():
        start, end = (
            datetime.fromisoformat(words) - timedelta(hours=8) for words in (fault.start, fault.end)
        )
        hits = [
            kind
            for meter, kind, since, until in events
            if meter == fault.meter_id and since <= end and until >= start
        ]
        assert fault.expect in hits, fault


def test_three_hundred_figures_recompute_from_their_trace(settled, tmp_path):
    with settled.store.read() as cursor:
        ids = [
            row[0]
            for row in cursor.execute(
                "SELECT figure_id FROM ledger WHERE current AND grain <> 'year' ORDER BY figure_id"
            ).fetchall()
        ]
        changes = cursor.execute(
            "SELECT meter_id, timestamp, CAST(old_end AS DOUBLE), CAST(new_start AS DOUBLE) "
            "FROM record_meter_changes"
        ).fetchall()
    rules = {
        m.meter_id: {
            "multiplier": m.multiplier, "max": m.register_max, "step_min": 15,
            "rated": m.rated_max_per_hour,
            "changes": [{"at": at.isoformat(), "old_end": old, "new_start": new}
                        for meter, at, old, new in changes if meter == m.meter_id],
        }
        for m in METERS
    }  # fmt: skip
    (tmp_path / "rules.json").write_text(json.dumps(rules), encoding="utf-8")
    chosen = random.Random(615).sample(ids, 300)
    documents = "\n".join(json.dumps(trace(settled, ident)) for ident in chosen) + "\n"
    script = Path(__file__).parent.parent / "recompute.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "rules.json")],
        input=documents, capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    wrong = [line for line in lines if not line.endswith(": ok")]
    assert len(lines) == 300
    assert wrong == []


def test_remove_deletes_it_and_nothing_else(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        build_demo(engine, LAST, 1, 615, lambda *_: None)
        settle(engine)
        assert remove_demo(engine) == ([SITE], [])
        with engine.store.read() as cursor:
            left = [
                cursor.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("reading", "record_batches", "meter_number")
            ]
            sites = cursor.execute("SELECT DISTINCT site FROM ledger").fetchall()
        assert left == [0] * 3
        assert sites == [("",)]  # the market's facts are no demonstration
        assert [b.actor for b in engine.spool.batches()] == [SHIPPED_BY]
        assert len(list(engine.store.inbox.iterdir())) == 1
        build_demo(engine, LAST, 1, 615, lambda *_: None)
        assert settle(engine).months == 2
