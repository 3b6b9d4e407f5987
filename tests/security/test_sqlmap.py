"""Row 34: a known tool looks for injections; it finds the one that is planted and no other.

Only with --full: the tool is installed into a place of its own, never beside the product.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from urllib.request import Request, urlopen

import duckdb
import pytest
from flask import Flask, request
from werkzeug.serving import make_server

from data.state import NewAccount, State, now
from security import passwords
from security.guard import CALLBACK
from security.sessions import Sessions
from tests.bench.screens import page_callbacks
from tests.browser.app import serving
from tests.plant import Plant, meter, moment, opened_home, series
from tests.security.doors import TOKEN

TOOL = "sqlmap==1.10.10"
FOUND = "is vulnerable"


@pytest.fixture(scope="module")
def scan(full, tmp_path_factory):
    """Ask the tool about one request and return what it says."""
    if not full:
        pytest.skip("the scan for injections takes minutes: make test-full runs it")
    place = tmp_path_factory.mktemp("tool")
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    got = subprocess.run([place / "bin/pip", "install", "-q", TOOL], capture_output=True, text=True)
    if got.returncode:
        pytest.skip(f"{TOOL} cannot be installed here: {got.stderr[-200:]}")

    def asked(*words):
        command = [place / "bin/sqlmap", "--batch", "--disable-coloring", "--level", "5", "--risk",
                   "3", "--flush-session", "--technique", "BEUS", "--threads", "2",
                   "--ignore-code", "*", "--output-dir", place / "out", *words]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, timeout=1200).stdout

    return asked


@pytest.fixture
def planted():
    """A server that builds its SQL of what it is sent, over the same database."""
    server, store = Flask("planted"), duckdb.connect()
    store.execute("CREATE TABLE t AS SELECT range AS id, 'x' || range AS name FROM range(50)")

    @server.get("/bad")
    def bad():
        try:
            words = f"SELECT * FROM t WHERE name = '{request.args['q']}'"
            return str(store.cursor().execute(words).fetchall())
        except duckdb.Error:
            return "error"

    running = make_server("127.0.0.1", 0, server, threaded=True)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    store.close()


@pytest.fixture(scope="module")
def app(scan, tmp_path_factory):
    """The application over two months, and the session of an analyst."""
    place = tmp_path_factory.mktemp("scanned")
    with opened_home(place / "home") as engine:
        plant = Plant(place, engine)
        plant.meters(meter("G", role="grid_import", register_max=10**6))
        plant.readings(series("G", moment("2026-01-01 00:00"), moment("2026-03-01 00:00")))
        plant.settle()
    state = State(place / "home")
    state.accounts.add([NewAccount("scan", "scan", "analyst", passwords.hashed("x", 1))], now())
    token = Sessions(state).open(state.accounts.find("scan").account, "127.0.0.1")
    state.close()
    with serving(place / "home", place / "log") as url:
        yield url, f"sid={token}; csrf={TOKEN}"


def test_34_control_what_is_planted_is_found(scan, planted):
    assert FOUND in scan("-u", f"{planted}/bad?q=x1")


@pytest.mark.parametrize("path", ["/download/emission.csv?site=S1*", "/download/factors.csv?q=x*"])
def test_34_no_address_reaches_sql(scan, app, path):
    url, cookie = app
    said = scan("-u", url + path, "--cookie", cookie, "--param-exclude", "sid|csrf")
    assert FOUND not in said
    assert "do not appear to be injectable" in said, said[-2000:]


def test_34_no_callback_reaches_sql(scan, app):
    url, cookie = app
    asked = Request(f"{url}/_dash-dependencies", headers={"Cookie": cookie})
    with urlopen(asked, timeout=30) as answer:
        body = page_callbacks(json.load(answer))["emission"].body("?site=S1*")
    said = scan("-u", url + CALLBACK, "--data", body, "--cookie", cookie,
                "--headers", f"X-CSRF-Token: {TOKEN}\nContent-Type: application/json",
                "--param-exclude", "sid|csrf")  # fmt: skip
    assert FOUND not in said
    assert "do not appear to be injectable" in said, said[-2000:]
