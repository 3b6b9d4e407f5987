"""Sessions: kept on the server, ended there, and the cookie that stands for one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from security.sessions import IDLE, LONGEST, NOTED_EVERY, Sessions
from security.sm import sm3_hex
from tests.security.doors import (
    HERE,
    PASSWORD,
    code_of,
    csrf,
    kept,
    known,
    log_in,
    post,
    rows,
    small,
)


@pytest.fixture(autouse=True)
def _quick(work):
    """Every hash with one round."""


@pytest.fixture
def account(state, clock):
    return known(state, clock).account


@pytest.fixture
def sessions(state, clock):
    return Sessions(state, clock)


@pytest.fixture
def server(state, clock, account):
    return small(state, clock)


def inside(client, **how):
    """Whether a client is answered as somebody who is signed in."""
    return client.get("/", **how).status_code == 200


# On the server


def test_only_a_digest_of_the_identifier_is_stored(sessions, account, tmp_path):
    token = sessions.open(account, HERE)
    assert len(token) >= 43  # 256 bits
    assert token.encode() not in kept(tmp_path)
    assert rows(tmp_path, "SELECT token_digest FROM session") == [(sm3_hex(token.encode()),)]


def test_the_stored_digest_opens_nothing(sessions, account):
    digest = sm3_hex(sessions.open(account, HERE).encode())
    assert sessions.find(digest) is None


def test_identifiers_never_repeat(sessions, account):
    assert len({sessions.open(account, HERE) for _ in range(50)}) == 50


@pytest.mark.parametrize("token", [None, "", "x", "x" * 43, "\ud800", "x" * 10**5, "a\0b"])
def test_an_unknown_identifier_opens_nothing(sessions, account, token):
    sessions.open(account, HERE)
    assert sessions.find(token) is None


def test_a_session_outlives_a_restart(state, clock, sessions, account):
    token = sessions.open(account, HERE)
    found = Sessions(state, clock).find(token)
    assert (found.name, found.role, found.account) == ("chen.jing", "analyst", account)


# Its ends


def test_a_session_ends_when_it_is_idle(sessions, account, clock):
    token = sessions.open(account, HERE)
    clock.at += IDLE - timedelta(seconds=1)
    assert sessions.find(token)
    clock.at += IDLE
    assert sessions.find(token) is None
    assert sessions.find(token) is None  # and looking again does not wake it


def test_a_session_ends_when_it_is_old_however_busy(sessions, account, clock):
    token, began = sessions.open(account, HERE), clock()
    while clock() < began + LONGEST - timedelta(minutes=10):
        clock.pass_(minutes=10)
        assert (sessions.find(token) is not None) == (clock() < began + LONGEST)
    clock.pass_(minutes=10)
    assert sessions.find(token) is None
    assert timedelta(hours=8) >= LONGEST


def test_idleness_is_counted_across_a_restart(state, sessions, account, clock):
    token = sessions.open(account, HERE)
    clock.at += IDLE - timedelta(minutes=5)
    assert sessions.find(token)
    clock.pass_(minutes=10)
    assert Sessions(state, clock).find(token)  # its use was written down
    clock.at += IDLE
    assert Sessions(state, clock).find(token) is None


def test_use_is_written_at_most_once_a_minute(state, sessions, account, clock, monkeypatch):
    written = []
    monkeypatch.setattr(state.accounts, "saw_session", lambda *a: written.append(a))
    token = sessions.open(account, HERE)
    for _ in range(60):
        clock.pass_(seconds=2)
        sessions.find(token)
    assert len(written) == timedelta(minutes=2) // NOTED_EVERY


def test_a_closed_session_is_closed_for_whoever_has_read_it(state, sessions, account, clock):
    other = Sessions(state, clock)
    token = sessions.open(account, HERE)
    assert sessions.find(token)
    assert other.find(token)
    sessions.close(token)
    assert sessions.find(token) is None
    assert other.find(token) is None


def test_a_session_ended_while_it_is_read_does_not_come_back(
    state, sessions, account, clock, monkeypatch
):
    token = sessions.open(account, HERE)
    read = state.accounts.session

    def read_and_end(digest):
        found = read(digest)
        state.accounts.end_session(digest, clock())
        race.undo()
        sessions.find("another")  # by which everything in memory is forgotten
        return found

    with monkeypatch.context() as race:
        race.setattr(state.accounts, "session", read_and_end)
        sessions.find(token)
    assert sessions.find(token) is None


def test_sessions_that_have_ended_are_not_kept(sessions, account, clock, tmp_path):
    sessions.open(account, HERE)
    clock.at += LONGEST
    sessions.open(account, HERE)
    assert rows(tmp_path, "SELECT count(*) FROM session") == [(1,)]


# The cookie


def flags(answer, name):
    """A cookie's attributes, its value left out."""
    found = [c for c in answer.headers.getlist("Set-Cookie") if c.startswith(f"{name}=")]
    assert len(found) == 1
    return {part.strip() for part in found[0].split(";")[1:]}


def test_the_cookie_is_hidden_from_scripts_and_from_other_sites(server):
    assert flags(log_in(server.test_client()), "sid") == {"HttpOnly", "Path=/", "SameSite=Lax"}


def test_over_https_the_cookie_is_bound_to_host_and_https(server, state, clock):
    client = server.test_client()
    how = {"base_url": "https://localhost"}
    client.get("/login", **how)
    fields = {"csrf_token": client.get_cookie("csrf").value, "username": "chen.jing"}
    fields |= {"password": PASSWORD, "code": code_of(state, clock)}
    answer = client.post("/login", data=fields, **how)
    assert flags(answer, "__Host-sid") == {"HttpOnly", "Path=/", "SameSite=Lax", "Secure"}
    assert "Secure" in flags(answer, "csrf")
    assert inside(client, **how)


def test_over_https_the_cookie_of_http_opens_nothing(server, state, clock, account):
    client = server.test_client()
    client.set_cookie("sid", Sessions(state, clock).open(account, HERE))
    assert inside(client)
    assert not inside(client, base_url="https://localhost")


def test_nobody_is_given_a_session_before_the_login(server):
    client = server.test_client()
    for path in ("/", "/login", "/setup", "/healthz", "/nowhere"):
        assert "sid=" not in "".join(client.get(path).headers.getlist("Set-Cookie"))


def test_the_login_gives_a_new_identifier_and_ends_the_one_before(server):
    client, old = server.test_client(), server.test_client()
    client.set_cookie("sid", "chosen-by-somebody-else")
    log_in(client)
    first = client.get_cookie("sid").value
    assert first != "chosen-by-somebody-else"
    log_in(client)
    assert client.get_cookie("sid").value != first
    for token in ("chosen-by-somebody-else", first):
        old.set_cookie("sid", token)
        assert not inside(old)


def test_the_login_changes_the_token_of_the_forms(server):
    client = server.test_client()
    before = csrf(client)
    log_in(client)
    assert csrf(client) != before


def test_after_logout_the_cookie_opens_nothing_whoever_kept_it(server, tmp_path):
    client, thief = server.test_client(), server.test_client()
    log_in(client)
    thief.set_cookie("sid", client.get_cookie("sid").value)
    assert inside(thief)
    answer = post(client, "/logout")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert client.get_cookie("sid") is None
    assert not inside(thief)
    assert rows(tmp_path, "SELECT count(*) FROM session") == [(0,)]


def test_an_ended_session_answers_scripts_with_401_and_people_with_the_login(server, clock):
    client = server.test_client()
    log_in(client)
    clock.at += IDLE
    assert client.get("/emission").headers["Location"] == "/login?next=%2Femission"
    assert client.get("/_dash-layout").status_code == 401
    assert client.post("/_dash-update-component", json={}).status_code == 401


def test_flask_keeps_no_session_of_its_own(server):
    client = server.test_client()
    log_in(client)
    assert client.get_cookie("session") is None
    assert client.get_cookie("remember_token") is None
