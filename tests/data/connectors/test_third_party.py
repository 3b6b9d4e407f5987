"""A package of others, installed by pip, adds a kind of interface without touching ours (7.1)."""

import base64
import hashlib
import json
import subprocess
import sys
import time
import zipfile
from decimal import Decimal

import pytest

from data.connectors.base import Point
from data.pushes import decoded
from data.spool_file import SpoolFile
from data.state import WantedInterface, now
from tests.cli import ROOT, command, environment, manage
from tests.plant import Plant, meter, opened_home

NAME = "acme_ramp"
CODE = '''
"""A made-up device whose register grows by one a second."""
import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import Field

from data.connectors.base import (
    Batch, ConnectorConfig, InterfaceDoc, PointAddress, ProbeReport, ProbeRow, Reading,
)


class RampConfig(ConnectorConfig):
    start: int = Field(description="first value")


class RampAddress(PointAddress):
    offset: int

    @classmethod
    def parse(cls, address, func=""):
        return cls(offset=int(address))


class Ramp:
    kind, title, polls = "acme_ramp", "Acme ramp", True
    Config, PointAddr = RampConfig, RampAddress
    DOC = InterfaceDoc("a", "b", "c", "d", "e", "f")

    def __init__(self, cfg, points):
        self.cfg, self.points = cfg, points

    async def run(self, emit):
        emit.connected()
        for turn in range(1000):
            at = datetime(2026, 1, 5, 0, 0, turn, tzinfo=UTC)
            rows = tuple(
                Reading(p.point_id, at, Decimal(self.cfg.start + int(p.address) + turn))
                for p in self.points
            )
            await emit(Batch(str(turn), rows))
            await asyncio.sleep(0.1)

    async def probe(self):
        rows = tuple(ProbeRow(p.point_id, p.row, value=Decimal(self.cfg.start), unit=p.unit)
                     for p in self.points)
        return ProbeReport(datetime.now(UTC), True, rows)
'''
DRAFT = """
id = "ramp"
kind = "acme_ramp"
site = "S1"
points = "points.csv"

[settings]
start = 40
"""
POINTS = "点号,表号,地址,单位,量类\nR1,M1,2,kWh,累计\n"


def wheel(folder):
    """The package as its maker would ship it."""
    info = f"{NAME}-1.0.dist-info"
    files = {
        f"{NAME}.py": CODE,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: acme-ramp\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[carbon.connectors]\nacme_ramp = {NAME}:Ramp\n",
    }
    path = folder / f"{NAME}-1.0-py3-none-any.whl"
    record = []
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
            digest = base64.urlsafe_b64encode(hashlib.sha256(body.encode()).digest()).rstrip(b"=")
            record.append(f"{name},sha256={digest.decode()},{len(body.encode())}\n")
        archive.writestr(f"{info}/RECORD", "".join(record) + f"{info}/RECORD,,\n")
    return path


@pytest.fixture
def site_packages(tmp_path):
    into = tmp_path / "site-packages"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
         "--disable-pip-version-check", "--target", into, wheel(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return into


@pytest.fixture
def home(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        Plant(tmp_path, engine).meters(meter("M1", register_max=10**6))
        point = Point(point_id="R1", meter_id="M1", address="2", unit="kWh", row=2)
        engine.state.interfaces.save(
            WantedInterface("ramp", NAME, "S1", "", {"start": 40}, (point,)), "t", now()
        )
    return tmp_path / "home"


def test_the_collector_runs_what_a_package_brings(home, site_packages):
    collector = subprocess.Popen(command("collect"), env=with_package(home, site_packages))
    file = SpoolFile(home)
    try:
        until, rows = time.monotonic() + 30, []
        while len(rows) < 3:
            assert time.monotonic() < until
            time.sleep(0.1)
            rows = file.select("SELECT payload FROM pushed WHERE interface = 'ramp' ORDER BY seq")
    finally:
        collector.terminate()
        assert collector.wait(20) == 0
        file.close()
    values = [reading.value for (payload,) in rows[:3] for reading in decoded(payload)]
    assert values == [Decimal(42), Decimal(43), Decimal(44)]


def with_package(home, site_packages):
    return environment(home, PYTHONPATH=f"{ROOT}:{site_packages}")


@pytest.mark.larger
def test_its_settings_are_checked_its_points_probed_its_document_written(
    tmp_path, home, site_packages
):
    draft = tmp_path / "ramp.toml"
    (tmp_path / "points.csv").write_text(POINTS, encoding="utf-8")
    known = {"PYTHONPATH": f"{ROOT}:{site_packages}"}
    for body, package, code in (
        (DRAFT, {}, 1), (DRAFT.replace("40", "'x'"), known, 1), (DRAFT, known, 0),
    ):  # fmt: skip
        draft.write_text(body, encoding="utf-8")
        done = manage(home, "interfaces", "save", str(draft), **package)
        assert done.returncode == code, done.stderr
        assert (code == 0) or (NAME if not package else "start") in done.stderr
    probed = manage(home, "interfaces", "probe", "ramp", "--json", **known)
    assert json.loads(probed.stdout)["rows"][0]["value"] == "40"
    written = manage(home, "interfaces", "doc", "--out", str(tmp_path / "doc"), "ramp", **known)
    assert written.returncode == 0, written.stderr
    assert {path.suffix for path in (tmp_path / "doc").iterdir()} == {".pdf", ".docx", ".html"}
