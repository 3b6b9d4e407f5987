"""Bad requests and what they must not do, each with the defence taken away once.

A test whose defence can be removed without failing says nothing: every row has its control.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from dataclasses import dataclass

import duckdb
import pytest

import server
from data.store import Limits, Store
from pages.factors import SORTS, choice
from security import guard, web
from security.body import Malformed
from security.guard import HEADERS
from server import READ_S, PatientWorker
from settings import SettingsError, load
from tests.browser.app import serving
from tests.cli import manage
from tests.security.doors import NOBODY, asked, send
from tests.security.test_callbacks import ROUTED

OUTSIDE = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/hostname')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "COPY (SELECT 1) TO '/tmp/out.csv'",
    "EXPORT DATABASE '/tmp/out'",
    "IMPORT DATABASE '/tmp/out'",
    "ATTACH '/tmp/other.duckdb'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET allowed_directories = ['/']",
    "SET memory_limit = '99GB'",
]


@pytest.fixture(autouse=True)
def _fresh_counts(application):
    """No test's signs count for another's alarm."""
    signals = web.door(application.server).signals
    signals._counted.clear()
    signals._recorded.clear()


@pytest.fixture(scope="module")
def routed(application):
    return next(e for e in application.dependencies if e["output"] == ROUTED)


@pytest.fixture
def events(application):
    """What was recorded since, by event."""
    audit = application.server.extensions["carbon"][0].state.audit
    before = audit.head()[0]
    return lambda event: [r for r in audit.records(before) if r.event == event]


@pytest.mark.parametrize("sql", OUTSIDE)
def test_35_no_sql_reaches_outside_or_opens_the_lock(tmp_path, sql):
    store = Store(tmp_path, Limits(1, 256))
    with store.read() as cursor, pytest.raises(duckdb.Error):
        cursor.execute(sql).fetchall()
    store.close()


def test_35_control_without_the_lock_a_file_is_read():
    assert duckdb.connect().execute("SELECT * FROM read_text('/etc/passwd')").fetchall()


@pytest.mark.parametrize("wanted", ["value desc; --", "1; drop table x", "", "VALUE", "value,"])
def test_36_a_column_to_sort_by_is_one_of_the_list(wanted):
    assert wanted not in SORTS
    assert choice(f"?sort={wanted}").sort.removeprefix("-") in SORTS


@pytest.mark.parametrize("name", ["DASH_MCP_ENABLED", "DASH_DEBUG", "FLASK_DEBUG", "FLASK_ENV"])
def test_30_a_variable_that_opens_another_interface_stops_the_start(monkeypatch, name):
    load()  # the control: without it everything starts
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=name):
        load()


@pytest.mark.parametrize(
    "cookie", ["sid=" + "x" * 65536, "sid=a; sid=b", "sid=\x00\x01", "sid=;;="]
)
def test_17_a_strange_cookie_is_nobody(application, cookie):
    client = application.server.test_client(use_cookies=False)
    answer = client.get("/emission", headers={"Cookie": cookie})
    assert answer.status_code in (302, 401)
    assert "Traceback" not in answer.text


def test_17_one_bit_of_the_cookie_is_another_session(application):
    client = application.client("analyst")
    token = client.get_cookie("sid").value
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    other = application.server.test_client()
    other.set_cookie("sid", changed)
    assert other.get("/emission").status_code == 302
    other.set_cookie("sid", token)  # the control
    assert other.get("/emission").status_code == 200


def test_19_20_a_refusal_is_recorded_with_who_and_what(application, routed, events):
    client = application.client("sysadmin")
    assert client.get("/emission").status_code == 403
    assert send(client, asked(routed, {"pathname": "/emission"})).status_code == 403
    found = events("request.denied")
    assert [(r.role, r.outcome) for r in found] == [("sysadmin", "denied")] * 2
    assert found[0].object == "GET /emission"
    assert found[1].description == routed["output"]


def test_20_control_without_the_check_of_paths_the_page_is_given(application, routed, monkeypatch):
    client = application.client("sysadmin")
    monkeypatch.setattr(guard.Guard, "_callback_status", lambda self, session: 0)
    assert send(client, asked(routed, {"pathname": "/emission"})).status_code == 200


MALFORMED = [
    b"[]", b"{}", b"null", b"{", b'{"output":', b'"x"', b"\xff\xfe", b"[" * 200_000,
    b'{"output":1e999}', b'{"output":NaN}', b'{"output":' + b"9" * 400 + b"}", b"",
    b'{"output":"\\ud800"}', b'{"output":{"a":' * 40 + b"1" + b"}" * 80,
]  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED)
def test_21_22_what_is_malformed_is_refused_counted_and_told_nobody(
    application, body, caplog, events
):
    answer = send(application.client("analyst"), body)
    assert answer.status_code in (400, 404)
    assert answer.json in ({"error": "malformed"}, {"error": "unknown"})
    assert "Traceback" not in answer.text + caplog.text


def test_22_control_without_the_look_ahead_the_depth_is_not_limited(monkeypatch):
    from security import body as bodies

    deep = b'{"output":"x","a":' + b"[" * 100 + b"]" * 100 + b"}"
    with pytest.raises(Malformed):
        bodies.parsed(deep)
    monkeypatch.setattr(bodies, "DEEPEST", 10**6)
    assert bodies.parsed(deep)["output"] == "x"


def test_21_many_malformed_bodies_are_an_alarm_and_few_records(application, events):
    client = application.client("analyst")
    for _ in range(60):
        send(client, b"[]")
    alarms = [r for r in events("alarm.security") if r.object.startswith("malformed_callbacks")]
    assert len(alarms) <= 1
    assert len(events("request.refused")) <= 10


def test_27_a_page_cannot_be_framed_and_runs_no_foreign_script(application):
    answer = application.client("analyst").get("/emission")
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert "unsafe-eval" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_27_control_without_the_headers_nothing_forbids_it(application, monkeypatch):
    monkeypatch.setattr(guard, "HEADERS", {})
    answer = application.client("analyst").get("/emission")
    assert not set(HEADERS) & {name for name, _ in answer.headers}


@pytest.mark.parametrize("who", ["analyst", NOBODY])
@pytest.mark.parametrize("where", ["/", "/emission?x=", "/login?next="])
def test_29_markup_in_an_address_is_never_markup(application, who, where):
    answer = application.client(who).get(where + '"><script>alert(1)</script>')
    assert "<script>alert(1)" not in answer.text
    assert "<script>" not in answer.headers.get("Location", "")


def test_31_paths_that_nobody_has_are_counted(application, events):
    client = application.client("analyst")
    for at in range(25):
        assert client.get(f"/wp-admin-{at}").status_code == 404
    assert any(r.object.startswith("scan ") for r in events("alarm.security"))
    assert len(events("request.refused")) <= 10


SLOW = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx"
QUICK = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def empty_app(tmp_path_factory):
    place = tmp_path_factory.mktemp("idle")
    assert manage(place / "home", "settle").returncode == 0
    with serving(place / "home", place / "log") as url:
        yield int(url.rpartition(":")[2])


@pytest.mark.parametrize("said", [b"", b"GET", SLOW])
def test_23_idle_and_slow_connections_keep_nobody_waiting(empty_app, said):
    """Idle ones take no thread; slow ones take all but a few until their time is up."""
    with contextlib.ExitStack() as stack:

        def connected():
            return stack.enter_context(socket.create_connection(("127.0.0.1", empty_app), 5))

        for _ in range(12 if said else 200):
            connected().sendall(said)
        began = time.monotonic()
        other = connected()
        other.sendall(QUICK)
        assert other.recv(200).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - began < 3


@dataclass(frozen=True)
class Said:
    """A connection that a thread reads from."""

    sock: socket.socket


def test_23_a_request_that_never_ends_is_ended(monkeypatch):
    """Its reading half is shut, whatever thread waits for it; an answer can still be sent."""
    ours, theirs = socket.socketpair()
    worker = PatientWorker.__new__(PatientWorker)
    worker._begun, worker.pending_conns = {Said(ours): 0.0}, []
    monkeypatch.setattr(server.time, "monotonic", lambda: READ_S - 1)
    worker.murder_pending()
    theirs.sendall(b"x")
    assert ours.recv(1) == b"x"  # the control: its time is not up
    monkeypatch.setattr(server.time, "monotonic", lambda: READ_S + 1)
    worker.murder_pending()
    assert ours.recv(1) == b""
    ours.sendall(b"y")
    assert theirs.recv(1) == b"y"
    ours.close()
    theirs.close()


def test_a_download_is_recorded_before_it_leaves(application, events, monkeypatch):
    client = application.client("analyst")
    assert client.get("/download/emission.csv").status_code == 200
    assert [r.object for r in events("page.export")] == ["/download/emission.csv"]

    def full(self, entry):
        raise OSError("disk full")

    monkeypatch.setattr("data.state.audit.Audit.record", full)
    answer = client.get("/download/emission.csv")
    assert answer.status_code == 503
    assert "emission" not in answer.headers.get("Content-Disposition", "")
    assert json.dumps("indicator") not in answer.text
