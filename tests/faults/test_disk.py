"""A full disk: a clear word, reading goes on, nothing is torn."""

import os
import subprocess

import pytest

from data.engine import DiskFull
from data.ingest.load import Options, import_file
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


def grown(month, value):
    end = moment(f"2026-{month + 1:02d}-01 00:00")
    return series("G", moment(f"2026-{month:02d}-01 00:00"), end, value=value)


def test_full_disk_keeps_what_was_acknowledged(small_disk, tmp_path):
    with opened_home(small_disk / "home", disk_floor_mb=0) as engine:
        plant = Plant(tmp_path, engine)
        plant.meters(meter("G", role="grid_import", register_max=1000000))
        plant.readings(grown(1, 0))
        settle(engine)
        before = bytes_without_clock(engine)
        ballast = small_disk / "ballast"
        with pytest.raises((DiskFull, StoreError)) as refused:
            fill(ballast)
            for month in range(2, 12):
                plant.readings(grown(month, month * 4000))
                settle(engine)
        assert str(refused.value)
        assert bytes_without_clock(engine) == before or len(bytes_without_clock(engine)) > len(
            before
        )
        ballast.unlink()
        done = plant.readings(grown(2, 31 * 96))
        assert done.new_rows + done.same_rows + done.corrections > 0
        settle(engine)
        assert plant.value("electricity", "2026-01") == 31 * 96
    with opened_home(small_disk / "home", disk_floor_mb=0) as engine:
        assert engine.spool.waiting() == []
        plant.engine = engine
        assert plant.value("electricity", "2026-02") is not None


def fill(path):
    """Take all of the disk but a little."""
    with path.open("wb") as file:
        try:
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        except OSError:
            return


def test_floor_refuses_before_anything_is_written(tmp_path):
    with opened_home(tmp_path / "home", disk_floor_mb=1 << 30) as engine:
        path = tmp_path / "site.toml"
        path.write_text("x", encoding="utf-8")
        with pytest.raises(DiskFull, match="MB"):
            import_file(engine, "site", path, Options())
        assert list(engine.store.inbox.iterdir()) == []
