"""Shared fixtures; real measurements lie beside the project and are never shipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "data"


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the larger counts of make test-full")


def pytest_collection_modifyitems(config, items):
    """Leave the larger counts to make test-full; how many is printed at the end."""
    if config.getoption("--full"):
        return
    left = [item for item in items if item.get_closest_marker("larger")]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if not item.get_closest_marker("larger")]


@pytest.fixture(scope="session")
def full(request):
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def real():
    """The folder of real measurements; absent on a machine that only has the project."""
    if not REAL.is_dir():
        pytest.skip("real measurements are not on this machine")
    return REAL


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("CARBON_"):
            monkeypatch.delenv(name)


def pytest_sessionfinish(session, exitstatus):
    """Fail where CI had no real measurements: a green run must mean that they were used."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return  # one of several workers: who started them has every report
    skipped = [
        r for r in reporter.stats.get("skipped", []) if "real measurements" in str(r.longrepr)
    ]
    if skipped and os.environ.get("CI") == "true" and exitstatus == 0:
        reporter.write_line("tests on real measurements were skipped in CI", red=True)
        session.exitstatus = 1
