"""A full disk: a clear word, reading goes on, nothing is torn."""

import os
import shutil
import subprocess

import pytest

from data.engine import DiskFull
from data.ingest.load import Options, drain, import_file
from data.settle import settle
from data.store import StoreError
from tests.plant import Plant, bytes_without_clock, meter, moment, opened_home, series

START = moment("2026-01-01 00:00")


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"no small file system here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def grown(month):
    start, end = moment(f"2026-{month:02d}-01 00:00"), moment(f"2026-{month + 1:02d}-01 00:00")
    return series("G", start, end, value=(start - START).days * 96)


def taken_until_full(plant, known):
    """Import and settle month by month, noting the ledger after each; ends in an exception."""
    for month in range(2, 12):
        plant.readings(grown(month))
        settle(plant.engine)
        known.append(bytes_without_clock(plant.engine))


@pytest.mark.parametrize("left_kb", [64, 1500, 4000])
def test_full_disk_keeps_what_was_acknowledged(small_disk, tmp_path, left_kb):
    with opened_home(small_disk / "home", disk_floor_mb=0) as engine:
        plant = Plant(tmp_path, engine)
        plant.meters(meter("G", role="grid_import", register_max=1000000))
        plant.readings(grown(1))
        settle(engine)
        known = [bytes_without_clock(engine)]
        ballast = small_disk / "ballast"
        fill(ballast, left_kb)
        with pytest.raises((DiskFull, StoreError)) as refused:
            taken_until_full(plant, known)
        assert str(refused.value)
        assert bytes_without_clock(engine) == known[-1]  # reading goes on, nothing torn
        ballast.unlink()
        drain(engine)
        settle(engine)
        assert plant.value("electricity", "2026-01") == 31 * 96
    with opened_home(small_disk / "home", disk_floor_mb=0) as engine:
        plant.engine = engine
        assert engine.spool.waiting() == []
        plant.readings([("G", "2026-01-01 00:00", "0.00"), ("G", "2026-12-01 00:15", "99000")])
        settle(engine)
        for batch in engine.spool.batches():
            rows = plant.query("SELECT new_rows FROM batch WHERE batch = ?", [batch.seq])
            assert len(rows) == 1, batch


def fill(path, left_kb):
    """Take all of the disk but a little."""
    free = shutil.disk_usage(path.parent).free
    with path.open("wb") as file:
        file.write(bytes(max(free - left_kb * 1024, 0)))


def test_floor_refuses_before_anything_is_written(tmp_path):
    with opened_home(tmp_path / "home", disk_floor_mb=1 << 30) as engine:
        path = tmp_path / "site.toml"
        path.write_text("x", encoding="utf-8")
        with pytest.raises(DiskFull, match="MB"):
            import_file(engine, "site", path, Options())
        assert list(engine.store.inbox.iterdir()) == []
