"""A batch taken back: the ledger is as it was before it came, and nothing of it is lost."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from data import closing
from data.export import Wanted, ledger_rows
from data.ingest.load import drain
from data.revoke import NotRevocable, revoke
from data.trace import trace
from tests.plant import Plant, meter, moment, opened_home, series

SAID = ("value", "unit", "basis", "quality", "measured_pct", "estimated_pct", "uncertainty_pct",
        "flags")  # fmt: skip


@pytest.fixture
def plant(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        found = Plant(tmp_path, engine)
        found.meters(meter("G", role="grid_import", register_max=10**6),
                     meter("C", parent_id="G", register_max=10**6))  # fmt: skip
        found.readings(series("G", moment("2026-01-01 00:00"), moment("2026-02-10 12:00")))
        found.readings(series("C", moment("2026-01-01 00:00"), moment("2026-02-10 12:00"),
                              per_step=0.6))  # fmt: skip
        found.put("batches", ("batch_id", "site", "date", "line", "mass_in_t"),
                  [("B1", "S1", "2026-01-08", "cable", "12"),
                   ("B2", "S1", "2026-02-03", "cable", "8")])  # fmt: skip
        found.put("outputs", ("batch_id", "material", "mass_t"),
                  [("B1", "copper", "6"), ("B2", "copper", "4")])  # fmt: skip
        found.settle()
        yield found


def said(plant):
    """What the ledger says, without its revisions and clock."""
    found = plant.ledger()
    return {key: tuple(repr(getattr(row, n)) for n in SAID) for key, row in found.items()}


def back(plant, receipt, why="wrong file"):
    return revoke(plant.engine, receipt.batch, "li", why)


FILES = {
    "later readings": ("readings", ("meter_id", "timestamp", "value"),
                       series("G", moment("2026-02-10 12:15"), moment("2026-02-20 06:00"),
                              value=3900.0)),
    "readings of a new month and year": (
        "readings", ("meter_id", "timestamp", "value"),
        series("G", moment("2026-03-05 00:00"), moment("2026-04-02 06:00"), 60, 9000.0)
        + series("C", moment("2026-03-05 00:00"), moment("2026-04-02 06:00"), 60, 9000.0)),
    "a correction": ("readings", ("meter_id", "timestamp", "value"),
                     [("G", "2026-01-15 00:15", "1350.5"), ("G", "2026-01-15 00:30", "1351.5")]),
    "bad readings": ("readings", ("meter_id", "timestamp", "value", "quality"),
                     [("G", "2026-02-10 12:00", "0", "bad"),
                      ("G", "2026-01-20 00:00", "0", "bad")]),
    "batches": ("batches", ("batch_id", "site", "date", "line", "mass_in_t"),
                [("B2", "S1", "2026-02-03", "cable", "88"),
                 ("B3", "S1", "2026-05-03", "cable", "9")]),
    "outputs": ("outputs", ("batch_id", "material", "mass_t"),
                [("B1", "copper", "5"), ("B1", "plastic_pvc", "5")]),
    "fuel": ("fuel", ("fuel_id", "site", "timestamp", "litres", "kind", "consumer"),
             [("F1", "S1", "2026-01-11 08:00", "40", "use", "forklift"),
              ("F2", "S1", "2025-12-31 08:00", "500", "delivery", "")]),
    "trips": ("trips", ("trip_id", "site", "date", "line", "leg", "tonnes", "km"),
              [("T1", "S1", "2026-01-11", "cable", "collection", "10", "120")]),
    "prices": ("prices", ("date", "instrument", "volume_t", "turnover_cny"),
               [("2026-01-12", "CCER", "1000", "70000"), ("2026-06-12", "CCER", "900", "70000")]),
}  # fmt: skip


@pytest.mark.parametrize("what", list(FILES))
def test_import_and_revoke_leave_the_ledger_as_it_was(plant, what):
    before = said(plant)
    receipt = plant.put(*FILES[what])
    plant.settle()
    between = said(plant)
    assert between != before
    done = back(plant, receipt)
    assert done.rows == len(FILES[what][2])
    plant.settle()
    assert said(plant) == before
    assert plant.settle().run == 0  # nothing is due for ever
    again = plant.put(*FILES[what])
    assert (again.new_rows, again.corrections) == (receipt.new_rows, receipt.corrections)
    plant.settle()
    assert said(plant) == between
    numbers = plant.query("SELECT count(*), count(DISTINCT figure_id) FROM ledger")
    assert numbers[0][0] == numbers[0][1]


def test_what_was_never_settled_is_taken_back_too(plant):
    before = said(plant)
    for name in ("batches", "prices", "readings of a new month and year"):
        back(plant, plant.put(*FILES[name]))
    plant.settle()
    assert said(plant) == before
    assert plant.settle().run == 0


def test_a_correction_of_a_correction(plant):
    rows = ("meter_id", "timestamp", "value")
    first = plant.put("readings", rows, [("G", "2026-01-15 00:15", "1344.5")])
    plant.settle()
    once = said(plant)
    second = plant.put("readings", rows, [("G", "2026-01-15 00:15", "1344.25")])
    plant.settle()
    twice = said(plant)
    back(plant, first)  # the later one stands
    plant.settle()
    assert said(plant) == twice
    plant.put("readings", rows, [("G", "2026-01-15 00:15", "1344.5")])
    back(plant, second)
    plant.settle()
    assert said(plant) == once


@pytest.mark.parametrize("kind", ["readings", "batches"])
def test_what_a_later_file_said_likewise_stays(plant, kind):
    before = said(plant)
    first = plant.put(*FILES["later readings" if kind == "readings" else "batches"])
    plant.settle()
    between = said(plant)
    head, rows = FILES["later readings" if kind == "readings" else "batches"][1:]
    more = plant.put(kind, head, [*rows, rows[0]][1:])
    assert (more.new_rows, more.same_rows) == (0, len(rows))
    back(plant, first)
    plant.settle()
    assert said(plant) == between
    back(plant, more)
    plant.settle()
    assert said(plant) == before


def test_revoked_rows_are_kept_and_older_figures_still_open(plant):
    receipt = plant.put(*FILES["later readings"])
    back(plant, receipt)
    count = plant.query("SELECT count(*) FROM aside_reading WHERE why = 'revoked' AND batch = ?",
                        [receipt.batch])  # fmt: skip
    assert count == [(len(FILES["later readings"][2]),)]
    assert plant.query("SELECT actor, reason FROM revoked_batch") == [("li", "wrong file")]


def test_an_older_figure_is_traced_to_what_was_known_then(plant):
    receipt = plant.put(*FILES["a correction"])
    plant.settle()
    held = plant.figure("emission", "2026-01-15").figure_id
    back(plant, receipt)
    plant.settle()
    now = plant.figure("emission", "2026-01-15").figure_id
    values = [
        {one["value"] for one in trace(plant.engine, ident)["readings"]} for ident in (held, now)
    ]
    assert 1350.5 in values[0]
    assert 1350.5 not in values[1]


def test_a_locked_month_changes_by_an_approved_adjustment_alone(plant):
    receipt = plant.put(*FILES["a correction"])
    plant.settle()
    before = said(plant)
    closing.check(plant.engine, "S1", "2026-01", "wang")
    closing.lock(plant.engine, "S1", "2026-01", "ana")
    back(plant, receipt)
    plant.settle()
    january = [key for key in before if key[1].startswith("2026-01")]
    after = said(plant)
    assert [after[key] for key in january] == [before[key] for key in january]
    subjects = [one.subject for one in plant.engine.state.approvals.all(only_open=True)]
    assert subjects == ["S1/2026-01"]


def test_an_export_as_of_a_time_has_what_was_there_then(plant):
    receipt = plant.put(*FILES["readings of a new month and year"])
    plant.settle()
    moment_between = datetime.now(UTC).replace(tzinfo=None)
    back(plant, receipt)
    plant.settle()
    with plant.engine.store.read() as cursor:
        then = ledger_rows(cursor, Wanted(as_of=moment_between))
        later = ledger_rows(cursor, Wanted(as_of=datetime.now(UTC).replace(tzinfo=None)))
    assert "2026-04" in set(then["period"])
    assert "2026-04" not in set(later["period"])
    assert len(later) == len(plant.ledger())


def test_only_once_and_not_what_others_need(plant):
    receipt = plant.put(*FILES["fuel"])
    back(plant, receipt)
    reasons = []
    for number in (receipt.batch, 999, 1, 2):
        with pytest.raises(NotRevocable) as refused:
            revoke(plant.engine, number, "li", "")
        reasons.append(refused.value.reason)
    assert reasons == ["already", "unknown", "site", "meters"]
    back(plant, plant.put(*FILES["fuel"]))
    assert drain(plant.engine) == 0


def test_a_meter_nobody_has_read_can_go(plant):
    receipt = plant.meters(meter("N", parent_id="G", register_max=10**6))
    plant.settle()
    back(plant, receipt)
    plant.settle()
    assert plant.query("SELECT count(*) FROM record_meters WHERE meter_id = 'N'") == [(0,)]


ROWS = ("meter_id", "timestamp", "value")


def export(*days, meters=("G", "C"), late=0):
    """An export of some days, meters by turns, as gateways write them."""
    found = []
    for day in days:
        start = moment(f"2026-03-{day:02d} 00:15")
        for n in range(4):
            at = f"{start + timedelta(hours=6 * n):%Y-%m-%d %H:%M}"
            found += [(m, at, f"{1000 * (m == 'G') + 10 * day + n + late:.2f}") for m in meters]
    return found


def kept(plant):
    """Every reading that counts, with its batch and line."""
    return plant.query(
        "SELECT meter, ts, value, quality, batch, line FROM reading r WHERE NOT EXISTS "
        "(FROM superseded_reading s WHERE s.meter = r.meter AND s.ts = r.ts "
        "AND s.batch = r.batch AND s.line = r.line) ORDER BY meter, ts"
    )


def test_exports_that_overlap_are_kept_as_stretches(plant):
    for last in range(3, 20):
        plant.put("readings", ROWS, export(*range(last - 2, last + 1)))
    assert plant.query("SELECT count(*) FROM aside_reading") == [(0,)]
    assert plant.query("SELECT count(*), sum(n) FROM repeated_stretch") == [(32, 16 * 2 * 8)]


def test_a_part_of_what_counts_is_kept_row_by_row(plant):
    plant.put("readings", ROWS, export(1, 2))
    plant.put(
        "readings", ROWS, export(1)[::2][:2] + export(2)[:1] + [("G", "2026-03-09 01:00", "5000")]
    )
    assert plant.query("SELECT count(*) FROM repeated_stretch") == [(0,)]
    assert plant.query("SELECT count(*) FROM aside_reading") == [(3,)]


def test_any_order_of_taking_back_leaves_what_remains(tmp_path, full):
    """Against the same files without those that are taken back, in the same order."""
    for seed in range(30 if full else 3):
        (tmp_path / str(seed)).mkdir()
        left_and_never_there(tmp_path / str(seed), seed)


def left_and_never_there(tmp_path, seed):
    chance = random.Random(seed)
    files = [
        export(*range(first, first + chance.randint(1, 4)),
               meters=chance.choice((("G",), ("G", "C"), ("C", "G"))),
               late=chance.choice((0, 0, 0, 1)))[chance.choice((0, 0, 3)):]
        for first in (chance.randint(1, 5) for _ in range(7))
    ]  # fmt: skip
    files = [rows + [("G", f"2026-04-01 00:{15 + n}", "9")] for n, rows in enumerate(files)]
    taken_back = chance.sample(range(7), chance.randint(1, 6))

    def made(folder, skipped, later):
        folder.mkdir()
        with opened_home(folder / "home") as engine:
            found = Plant(folder, engine)
            found.meters(meter("G", role="grid_import", register_max=10**6),
                         meter("C", parent_id="G", register_max=10**6))  # fmt: skip
            numbers = {n: found.put("readings", ROWS, rows).batch
                       for n, rows in enumerate(files) if n not in skipped}  # fmt: skip
            for n in later:
                revoke(engine, numbers[n], "li", "test")
            named = {number: n for n, number in numbers.items()}
            return [(m, ts, value, q) for m, ts, value, q, batch, line in kept(found)], {
                (m, ts): value for m, ts, value, _, batch, _ in kept(found) if batch in named
            }

    assert made(tmp_path / "a", (), taken_back) == made(tmp_path / "b", taken_back, ())
