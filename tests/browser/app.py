"""The app with the demonstration plant, served for the browser, and an account signed in to it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from playwright.sync_api import Browser

from tests.browser.visit import Look, new_context
from tests.cli import answers, command, environment, free_port, manage
from tests.codes import next_code

MONTHS = "14"
USER = "pages"
WORDS = "Kupfer-Eisen-4711 Stahl"  # a password of this test alone
WAIT_S = 60.0


@dataclass(frozen=True)
class Plant:
    """A running app: address, data directory, and who may sign in."""

    url: str
    home: Path
    secret: str = ""
    user: str = USER
    password: str = WORDS


def build(home: Path) -> str:
    """Make the demonstration plant and the account; return the secret of its one-time codes."""
    secret = home.parent / "password"
    secret.write_text(WORDS, encoding="utf-8")
    _done(home, "demo", "--months", MONTHS)
    _done(home, "import", "prices", str(_prices(home.parent)))
    _done(home, "settle")  # now, not by itself while somebody looks
    _done(home, "forecast")
    return add_user(home, USER, "analyst", secret)


def add_user(home: Path, name: str, role: str, password_file: Path, *more: str) -> str:
    """Make an account and return the secret of its one-time codes."""
    words = ("user", "add", name, "--role", role, "--password-file", str(password_file))
    return str(json.loads(_done(home, *words, *more, "--json"))["totp_secret"])


def _prices(folder: Path) -> Path:
    """Write twelve months of invented prices, so that the market has a picture to look at."""
    file = folder / "prices.csv"
    months = pd.period_range(end=pd.Timestamp.now().to_period("M") - 1, periods=12, freq="M")
    rows = [f"{month}-15,CCER,{1000 + 10 * i},{(1000 + 10 * i) * (70 + i)},测试数据"
            for i, month in enumerate(months)]  # fmt: skip
    file.write_text("\n".join(["date,instrument,volume_t,turnover_cny,source", *rows]), "utf-8")
    return file


def _done(home: Path, *words: str) -> str:
    done = manage(home, *words)
    assert done.returncode == 0, f"manage.py {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def serving(home: Path, log: Path) -> Iterator[str]:
    """Serve a data directory, its words going to a file; ended by its process number."""
    port = free_port()
    with log.open("wb") as said:
        process = subprocess.Popen(
            command("serve"),
            env=environment(home, CARBON_PORT=str(port)),
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            until = time.monotonic() + WAIT_S
            while not answers(port):
                assert process.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < until, f"no answer after {WAIT_S:g} s"
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def sign_in(browser: Browser, url: str, user: str, password: str, secret: str = "") -> Any:
    """Fill in the login form and return the storage state of who is signed in."""
    context = new_context(browser, Look(width=1024, height=768))
    try:
        page = context.new_page()
        page.goto(f"{url}/login")
        page.locator("input[name=username]").fill(user)
        page.locator("input[name=password]").fill(password)
        if secret:
            page.locator("input[name=code]").fill(next_code(secret))
        with page.expect_navigation():
            page.locator("form:has(input[name=password]) [type=submit]").click()
        assert "/login" not in page.url, f"not signed in: {page.locator('body').inner_text()}"
        return context.storage_state()
    finally:
        context.close()
