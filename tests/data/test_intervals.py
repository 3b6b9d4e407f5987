"""The SQL and the sequential rules say the same, hour by hour, whatever the faults."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from accounting.registers import HOUR_US, MICRO, Rules, spread, walk
from tests.plant import Plant, meter, opened_home

START = datetime(2026, 1, 30, 16, tzinfo=UTC)
STEP = 15 * 60 * MICRO


def faulty(seed, count):
    """A register with gaps, spikes, dips, jitter, jumps, resets, rollovers, odd stamps."""
    draw = random.Random(seed)
    shown, at, found = draw.uniform(0, 990), 0, []
    for _ in range(count):
        at += STEP if draw.random() > 0.02 else STEP * draw.randint(2, 40)
        at += draw.choice((0, 0, 0, 0, 61 * MICRO))
        shown += draw.uniform(0, 3)
        if draw.random() < 0.004:
            shown = draw.uniform(0, 500)
        shown %= 1000
        value = shown
        fate = draw.random()
        if fate < 0.01:
            value = shown + draw.choice((80, 400, -0.02, -0.3, -200))
        found.append((at, round(max(value, 0), 2)))
    return found


def expected_hours(readings, rules):
    """Every step judged in sequence, spread over hours, as the rules are written."""
    times, values = [t for t, _ in readings], [round(v * MICRO) for _, v in readings]
    hours, gaps = {}, []
    for step in walk(times, values, rules):
        if not step.accepted:
            continue
        length = step.ts_us - step.since_us
        if step.quantity is None or (length > 1.5 * STEP and length > 3 * HOUR_US):
            gaps.append((step.since_us, step.ts_us, step.quantity))
            continue
        for slot, part in spread(step.quantity, step.since_us, step.ts_us).items():
            hours[slot] = hours.get(slot, 0) + part
    return hours, gaps


@pytest.mark.parametrize(("seed", "multiplier"), [(0, 1), (1, 1), (2, 40), (3, 1.37)])
def test_sql_equals_the_sequential_rules(tmp_path, seed, multiplier):
    readings = faulty(seed, 3000)
    base = int(START.timestamp()) * MICRO
    readings = [(base + at, value) for at, value in readings]
    with opened_home(tmp_path / "home") as engine:
        plant = Plant(tmp_path, engine)
        rated = round(20 * multiplier, 2)
        plant.meters(meter("R", role="grid_import", register_max=1000, multiplier=multiplier,
                           rated_max_per_hour=rated))  # fmt: skip
        rows = [
            ("R", (START + timedelta(microseconds=at - base)).isoformat(), f"{value:.2f}")
            for at, value in readings
        ]
        half = len(rows) // 3
        plant.readings(rows[half:])
        plant.settle()
        plant.readings(rows[:half])
        plant.settle()
        hours = plant.query(
            "SELECT epoch_us(hour), CAST(quantity AS VARCHAR) FROM meter_hour ORDER BY hour"
        )
        gaps = plant.query("SELECT epoch_us(since), epoch_us(until) FROM meter_gap ORDER BY 1")
    rules = Rules(round(multiplier * MICRO), 1000 * MICRO, STEP, round(rated * MICRO))
    want, want_gaps = expected_hours(readings, rules)
    assert {h: round(float(q) * MICRO) for h, q in hours} == want
    assert gaps == [(since, until) for since, until, _ in want_gaps]
