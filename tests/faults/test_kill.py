"""kill -9 at random moments of import, drain and settle: nothing acknowledged is lost or torn."""

import os
import random
import signal
import subprocess
import time

import pytest

from tests.cli import command, environment, manage
from tests.plant import (
    METER_COLUMNS,
    SITE,
    Plant,
    bytes_without_clock,
    meter,
    moment,
    opened_home,
    series,
    write_csv,
)

METERS = [meter("G", role="grid_import", register_max=1000000), meter("L", equipment="cable_line")]
START, END = moment("2026-01-01 00:00"), moment("2026-07-01 00:00")
PARTS = 12


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "site.toml").write_text(
        SITE.format(site="S1", zone="Asia/Shanghai", settings=""), encoding="utf-8"
    )
    write_csv(folder / "meters.csv", METER_COLUMNS, [[m[c] for c in METER_COLUMNS] for m in METERS])
    rows = [*series("G", START, END, per_step=3.0), *series("L", START, END)]
    random.Random(1).shuffle(rows)
    size = len(rows) // PARTS + 1
    for n in range(PARTS):
        part = rows[n * size : (n + 1) * size]
        write_csv(folder / f"r{n:02d}.csv", ("meter_id", "timestamp", "value"), part)
    return folder


@pytest.fixture(scope="module")
def reference(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    with opened_home(folder / "home") as engine:
        plant = Plant(folder, engine)
        plant.take("meters", files / "meters.csv")
        for n in range(PARTS):
            plant.take("readings", files / f"r{n:02d}.csv")
        plant.settle()
        return values(bytes_without_clock(engine))


def values(body):
    """Everything but the identifier, which counts how often a figure was restated."""
    return [line.split(b",")[:14] for line in body.splitlines()]


def killed(home, words, delay):
    """Run a command and kill it after a delay; return its output if it came to its end."""
    process = subprocess.Popen(
        command(*words), env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, _ = process.communicate(timeout=delay)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None
    return out.decode()


def test_kill_at_random_moments(tmp_path, files, reference, full):
    kills = 30 if full else 10
    home, draw = tmp_path / "home", random.Random(615)
    manage(home, "import", "site", str(files / "site.toml"))
    manage(home, "import", "meters", str(files / "meters.csv"))
    acknowledged, cut = set(), 0
    pending = [f"r{n:02d}.csv" for n in range(PARTS)]
    began = time.monotonic()
    manage(home, "settle")
    usual = time.monotonic() - began
    while cut < kills:
        name = pending[cut % PARTS]
        words = ("settle",) if cut % 3 == 2 else ("import", "readings", str(files / name))
        out = killed(home, words, draw.uniform(0.3 * usual, 1.15 * usual))
        if out is None:
            cut += 1
        elif "r" in name and words[0] == "import":
            acknowledged.add(name)
            cut += 1
    with opened_home(home) as engine:
        assert engine.spool.waiting() == []
        known = {batch.source for batch in engine.spool.batches()}
        assert acknowledged <= known
        with engine.store.read() as cursor:
            batches = cursor.execute(
                "SELECT b.source, b.new_rows, count(r.batch) FROM batch b LEFT JOIN reading r "
                "USING (batch) WHERE b.kind = 'readings' GROUP BY ALL"
            ).fetchall()
        assert all(new == kept for _, new, kept in batches)
        assert {source for source, _, _ in batches} == known - {"site.toml", "meters.csv"}
    for name in pending:
        assert manage(home, "import", "readings", str(files / name)).returncode == 0
    assert manage(home, "settle").returncode == 0
    with opened_home(home) as engine:
        assert values(bytes_without_clock(engine)) == reference
        assert not [p for p in engine.store.inbox.iterdir() if p.name.startswith(".")]


def test_acknowledged_but_not_loaded_is_drained_at_the_next_start(tmp_path, files, reference):
    with opened_home(tmp_path / "home") as engine:
        plant = Plant(tmp_path, engine)
        plant.take("meters", files / "meters.csv")
        for n in range(PARTS):
            plant.take("readings", files / f"r{n:02d}.csv")
    for name in ("carbon.duckdb", "carbon.duckdb.wal"):
        (tmp_path / "home" / name).unlink(missing_ok=True)
    spool = tmp_path / "home" / "spool.db"
    subprocess.run(
        ["python3", "-c", "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); "
         "c.execute('UPDATE batch SET drained_at = NULL'); c.commit()", str(spool)],
        check=True,
    )  # fmt: skip
    with opened_home(tmp_path / "home") as engine:
        from data.settle import settle

        settle(engine)
        assert values(bytes_without_clock(engine)) == reference
