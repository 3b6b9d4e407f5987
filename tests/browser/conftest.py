"""Fixtures of the tests in a browser.

Chromium lives for the package, not the session: while Playwright runs, no other test of the
process may use an event loop of its own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.browser.app import Plant, build, serving, sign_in
from tests.browser.visit import Look, Visit, browser_path, launched, opened


class Open(Protocol):
    """Opens an address; see ``open_page``."""

    def __call__(self, url: str, **how: Any) -> AbstractContextManager[Visit]: ...


@pytest.fixture(scope="package")
def chromium():
    with launched(browser_path()) as browser:
        yield browser


@pytest.fixture(scope="package")
def open_page(chromium) -> Open:
    """Open an address: ``with open_page(url, width=…, height=…, theme=…) as visit``."""

    def opens(url, *, cookies=None, state=None, **look):
        return opened(chromium, url, Look(**look), cookies=cookies, state=state)

    return opens


def copied(temporary: Path, place: Path) -> str:
    """Copy the plant that every process of a run shares; the first one builds it."""
    shared = (temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary) / "plant"
    shared.mkdir(exist_ok=True)
    made = shared.with_suffix(".secret")
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            (shared / "home").mkdir()
            made.write_text(build(shared / "home"), encoding="utf-8")
        shutil.copytree(shared, place, dirs_exist_ok=True)
    return made.read_text(encoding="utf-8")


@pytest.fixture(scope="package")
def plant_app(tmp_path_factory):
    """The demonstration plant, running: a copy of the one that is built once a run."""
    browser_path()
    place = tmp_path_factory.mktemp("browser")
    secret = copied(tmp_path_factory.getbasetemp(), place)
    home = place / "home"
    with serving(home, place / "serve.log") as url:
        yield Plant(url, home, secret)


@pytest.fixture(scope="package")
def signed_in(chromium, plant_app):
    """The storage state of an analyst of the plant: one login for all visits."""
    who = (plant_app.user, plant_app.password, plant_app.secret)
    return sign_in(chromium, plant_app.url, *who)
