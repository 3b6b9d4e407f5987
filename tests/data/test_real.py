"""Real measurements through the import: totals are the source's, faults end as events."""

from collections import defaultdict
from datetime import datetime, timedelta
from math import fsum

import pytest

from tests.data import real_files
from tests.plant import Plant, meter, opened_home

pytestmark = pytest.mark.real


@pytest.fixture
def engine(tmp_path):
    with opened_home(tmp_path / "home") as opened:
        yield opened


def interval(meter_id, step_min, **more):
    return meter(meter_id, reading_kind="interval", step_min=step_min, **more)


def month_of_end(words):
    """The month of an interval by its end; 24:00 belongs to the day it closes."""
    day, _, clock = words.partition(" ")
    if clock == "24:00":
        return day[:7]
    at = datetime.fromisoformat(words) - timedelta(microseconds=1)
    return f"{at:%Y-%m}"


@pytest.mark.parametrize(
    ("made", "spec", "indicator", "zone"),
    [
        ("steel", interval("STEEL", 15, role="grid_import"), "electricity", "Asia/Seoul"),
        ("office", interval("OFFICE", 60, role="grid_import"), "electricity", "Asia/Shanghai"),
        ("rooftop_pv", interval("PV", 60, role="pv_generation"), "pv_generation",
         "Asia/Shanghai"),
        ("charging", interval("EV", 15, role="grid_import"), "electricity", "Asia/Shanghai"),
    ],
)  # fmt: skip
def test_totals_equal_the_source(real, tmp_path, engine, made, spec, indicator, zone):
    rows = list(getattr(real_files, made)(real))
    plant = Plant(tmp_path, engine, zone=zone)
    plant.meters(spec)
    receipt = plant.readings(rows)
    assert receipt.new_rows == len(rows)
    plant.settle()
    months = defaultdict(list)
    for _, at, value in rows:
        months[month_of_end(at)].append(float(value))
    found = {
        k[1]: float(r.value)
        for k, r in plant.ledger().items()
        if k[0] == "month" and k[2:] == (indicator, "site", "site")
    }
    assert found == pytest.approx({m: fsum(v) for m, v in months.items()}, rel=1e-9)
    days = fsum(
        float(r.value)
        for k, r in plant.ledger().items()
        if k[0] == "day" and k[2:] == (indicator, "site", "site")
    )
    assert days == pytest.approx(fsum(found.values()), rel=1e-9)


def test_steel_nights_are_not_a_day_early(real, tmp_path, engine):
    plant = Plant(tmp_path, engine, zone="Asia/Seoul")
    plant.meters(interval("STEEL", 15, role="grid_import"))
    rows = list(real_files.steel(real))
    plant.readings(rows)
    plant.settle()
    day = fsum(float(v) for _, at, v in rows if at.startswith("2018-01-05"))
    assert plant.value("electricity", "2018-01-05") == pytest.approx(day, rel=1e-12)
    assert plant.figure("electricity", "2018-01").quality == "measured"


def test_heat_pump_with_its_odd_steps(real, tmp_path, engine):
    rows = list(real_files.heat_pump(real))
    plant = Plant(tmp_path, engine, zone="Europe/Stockholm")
    plant.meters(interval("HP", 105, role="grid_import"))
    plant.readings(rows)
    plant.settle()
    whole = fsum(float(v) for _, _, v in rows)
    kept = plant.query("SELECT CAST(sum(quantity) AS DOUBLE) FROM meter_hour")[0][0]
    assert kept == pytest.approx(whole, rel=1e-9)
    months = [
        r.quality
        for k, r in plant.ledger().items()
        if k[0] == "month" and k[2:] == ("electricity", "site", "site")
    ]
    assert set(months) <= {"measured", "incomplete"}


@pytest.fixture(scope="module")
def registers(real, tmp_path_factory):
    folder = tmp_path_factory.mktemp("water")
    rows = list(real_files.water(real))
    names = sorted({row[0] for row in rows})
    with opened_home(folder / "home") as engine:
        plant = Plant(folder, engine, zone="Europe/Madrid")
        plant.meters(
            *(meter(n, medium="water", unit="L", step_min=60, rated_max_per_hour=1500)
              for n in names)
        )  # fmt: skip
        plant.readings(rows)
        plant.settle()
        yield plant, rows, real_files.water_summary(real)


def _by_time(rows):
    found = defaultdict(dict)
    for name, at, value in rows:
        found[name][at] = int(float(value))
    return {name: sorted(times.items()) for name, times in found.items()}


def test_water_hours_and_gaps_make_the_registers_growth(registers):
    plant, _, summary = registers
    found = dict(
        plant.query(
            "SELECT n.meter_id, CAST(sum(q) AS DOUBLE) FROM (SELECT meter, quantity AS q "
            "FROM meter_hour UNION ALL SELECT meter, quantity FROM meter_gap) "
            "JOIN meter_number n USING (meter) GROUP BY 1"
        )
    )
    want = {name: float(row["use_l"]) / 1000 for name, row in summary.items()}
    assert found == pytest.approx(want, rel=1e-9)


def test_every_backward_step_and_spike_is_an_event(registers):
    plant, rows, _ = registers
    events = {
        (name, f"{at:%Y-%m-%d %H:%M:%S}"): kind
        for name, at, kind in plant.query(
            "SELECT n.meter_id, timezone('Europe/Madrid', timezone('UTC', e.ts)), e.kind "
            "FROM meter_event e JOIN meter_number n USING (meter)"
        )
    }
    backward = 0
    for name, series in _by_time(rows).items():
        for (before, r0), (at, r) in zip(series, series[1:], strict=False):
            if r < r0:
                backward += 1
                assert (name, at) in events or (name, before) in events, (name, before, at)
    assert backward > 100
    kinds = set(events.values())
    assert {"jitter", "spike"} <= kinds
    assert "reset" not in kinds


def test_no_spike_reaches_a_month_and_no_step_back_consumes(registers):
    plant, _, _ = registers
    month = {
        (name, str(at)): value
        for name, at, value in plant.query(
            "SELECT n.meter_id, p.month, CAST(p.quantity AS DOUBLE) FROM meter_month p "
            "JOIN meter_number n USING (meter) WHERE p.quantity IS NOT NULL"
        )
    }
    assert max(month.values()) < 60  # the two bit errors alone are 248 and 12 m3
    assert plant.query("SELECT count(*) FROM meter_hour WHERE quantity < 0") == [(0,)]


def test_silence_is_null_not_zero(registers):
    plant, _, _ = registers
    rows = plant.query(
        "SELECT p.month, p.quantity, p.quality FROM meter_month p JOIN meter_number n "
        "USING (meter) WHERE n.meter_id = 'W08' ORDER BY 1"
    )
    silent = [(q, quality) for _, q, quality in rows if quality == 3]
    assert len(silent) >= 6
    assert all(quantity is None for quantity, _ in silent)


def test_prices_day_by_day_and_at_once_are_the_same(real, tmp_path, engine):
    columns = ("date", "instrument", "volume_t", "turnover_cny")
    rows = list(real_files.prices(real))
    plant = Plant(tmp_path, engine)
    assert plant.put("prices", columns, rows).new_rows == len(rows)
    for row in rows[:20]:
        assert plant.put("prices", columns, [row]).new_rows == 0
    total = plant.query("SELECT CAST(sum(turnover_cny) AS DOUBLE), count(*) FROM record_prices")
    assert total[0][0] == pytest.approx(fsum(float(r[3]) for r in rows), rel=1e-12)
    assert total[0][1] == len(rows)
