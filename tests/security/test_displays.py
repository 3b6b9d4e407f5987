"""Wall screens: a link opened once, one page, one address, revoked at once; and the stages."""

from __future__ import annotations

import json
import re

import pytest

from data.state import NewRequest
from security import account_pages, factor, guard, policy, web
from security.access import Keeper, Office, accept, ask_account, ask_display, ask_policy, reject
from security.access import revoke_display as revoke
from security.accounts import AccountRefused
from security.roles import DISPLAY, ROLES
from tests.security.doors import (
    HERE,
    NOBODY,
    PASSWORD,
    SHOWN,
    allowed,
    asked,
    code_of,
    granted,
    keys,
    known,
    log_in,
    page_key,
    post,
    rows,
    send,
    small,
)

OPEN = ("/logout", "/login", "/setup", "/healthz", "/_favicon.ico", "/assets/", "/internal/",
        "/_dash-component-suites/")  # fmt: skip
SYS, SEC = Keeper("sys", "sysadmin"), Keeper("sec", "secadmin")


@pytest.fixture(autouse=True)
def _quick(work):
    """Every hash with one round."""


def office(state, clock):
    return Office(state, keys(), clock(), "zh")


def test_a_link_opens_once_and_only_after_two_agreed(state, clock):
    server, at = small(state, clock), office(state, clock)
    number = ask_display(at, SYS, {"name": "hall", "page": SHOWN, "address": ""}, ())
    with pytest.raises(AccountRefused):
        accept(at, SYS, number)
    link = accept(at, SEC, number).link
    screen = server.test_client()
    assert screen.get(link, headers={"Sec-Purpose": "prefetch"}).status_code == 405
    answer = screen.get(link)
    assert (answer.status_code, answer.headers["Location"]) == (303, SHOWN)
    assert screen.get(SHOWN).status_code == 200
    assert server.test_client().get(link).status_code == 404
    assert [screen.get(p).status_code for p in ("/", "/audit", "/account")] == [403, 403, 404]


def test_a_display_is_bound_to_the_address_that_opened_it(state, clock, monkeypatch):
    server = small(state, clock)
    screen, thief = server.test_client(), server.test_client()
    screen.get(granted(state, clock))
    thief.set_cookie("sid", screen.get_cookie("sid").value)
    elsewhere = {"REMOTE_ADDR": "10.0.0.9"}

    def attack():
        return thief.get(SHOWN, environ_overrides=elsewhere).status_code == 200

    assert not attack()
    assert screen.get(SHOWN).status_code == 200
    with monkeypatch.context() as without:
        without.setattr("security.sessions._elsewhere", lambda *_: False)
        assert attack()
    bound = granted(state, clock, address="10.0.0.7", name="bound")
    assert screen.get(bound).status_code == 404
    there = {"REMOTE_ADDR": "10.0.0.7"}
    assert server.test_client().get(bound, environ_overrides=there).status_code == 303


def test_a_display_has_no_idle_end_and_is_revoked_at_once(state, clock, tmp_path):
    server = small(state, clock)
    screen = server.test_client()
    screen.get(granted(state, clock))
    for _ in range(30):
        clock.pass_(days=1)
        assert screen.get(SHOWN).status_code == 200
    revoke(office(state, clock), SEC, state.access.displays()[0].display)
    assert screen.get(SHOWN).status_code == 302
    assert state.access.displays()[0].revoked_at
    events = [event for (event,) in rows(tmp_path, "SELECT event FROM audit")]
    assert {"display.grant", "session.display", "display.revoke"} <= set(events)


def test_a_revoked_link_opens_nothing(state, clock):
    path = granted(state, clock)
    revoke(office(state, clock), SYS, state.access.displays()[0].display)
    assert small(state, clock).test_client().get(path).status_code == 404


# Stages


@pytest.mark.parametrize("stage", ["password", "factor"])
def test_before_a_stage_is_passed_nothing_else_is_open(application, monkeypatch, stage):
    house, client = application, application.server.test_client()
    client.set_cookie("sid", web.door(house.server).sessions.open(
        house.accounts["manager"], HERE, stage=stage))  # fmt: skip
    place = account_pages.PLACES[stage]
    for rule in house.server.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "x" * 20, rule.rule)
        for method in ("GET", "POST"):
            answer = client.open(path, method=method)
            if path == place:
                assert answer.status_code in (200, 303, 400, 403)
            elif path.startswith(OPEN):
                continue
            elif method == "GET" and not path.startswith(("/_dash", "/_reload", "/api")):
                assert answer.status_code in (302, 404), path
                if answer.status_code == 302:
                    assert answer.headers["Location"] == place, path
            else:
                assert answer.status_code == 401, (path, method)
    for entry in house.dependencies:
        if not entry["clientside_function"]:
            assert send(client, asked(entry)).status_code == 401
    assert client.get("/closing").status_code == 302
    monkeypatch.setattr(guard, "_to_the_stage", lambda *_: None)
    assert client.get("/closing").status_code == 200


def test_a_new_account_sets_password_then_factor_then_works(state, clock, tmp_path):
    server, at = small(state, clock), office(state, clock)
    wanted = {"name": "qian.wei", "role": "clerk", "person": "钱伟", "phone": "13800001234"}
    number = ask_account(at, SYS, wanted, ())
    with pytest.raises(AccountRefused):
        reject(at, SEC, number, " ")
    password = accept(at, SEC, number).password
    client = server.test_client()
    first = log_in(client, "qian.wei", password)
    assert first.headers["Location"] == "/account/password"
    again = post(client, "/account/password", old=password, new=PASSWORD, again="other")
    assert again.status_code == 400
    changed = post(client, "/account/password", old=password, new=PASSWORD, again=PASSWORD)
    assert changed.headers["Location"] == "/account/factor"
    page = client.get("/account/factor").text
    secret = re.search(r'<code class="secret"[^>]*>([^<]+)<', page)[1].replace(" ", "")
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)[1]
    code = factor.code_at(secret, factor.step_at(clock()))
    assert post(client, "/account/factor", sealed=sealed, code=code).status_code == 200
    assert client.get("/").status_code == 200
    assert "钱伟".encode() not in b"".join(p.read_bytes() for p in tmp_path.glob("state.db*"))
    assert password.encode() not in b"".join(p.read_bytes() for p in tmp_path.glob("state.db*"))
    kept = rows(tmp_path, "SELECT body FROM access_request")[0][0]
    assert "13800001234" not in kept


def test_another_sessions_secret_is_not_enrolled(state, clock):
    known(state, clock, "a.a", enrolled=False)
    known(state, clock, "b.b", enrolled=False)
    server = small(state, clock)
    first, second = server.test_client(), server.test_client()
    log_in(first, "a.a")
    log_in(second, "b.b")
    page = first.get("/account/factor").text
    secret = re.search(r'<code class="secret"[^>]*>([^<]+)<', page)[1].replace(" ", "")
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)[1]
    code = factor.code_at(secret, factor.step_at(clock()))
    assert post(second, "/account/factor", sealed=sealed, code=code).status_code == 400
    assert not state.accounts.find("b.b").totp


def test_new_recovery_codes_need_a_code_and_void_the_old(state, clock):
    account = known(state, clock)
    client = small(state, clock).test_client()
    log_in(client)
    assert post(client, "/account/codes", code="000000").status_code == 400
    shown = post(client, "/account/codes", code=code_of(state, clock)).text
    first = re.findall(r"<li><code>([A-Z0-9-]{14})</code>", shown)
    assert len(first) == 10
    post(client, "/account/codes", code=code_of(state, clock))
    digest = factor.recovery_digest(account.folded, first[0])
    assert not state.accounts.spend_recovery(account.account, digest, clock())


def test_ninety_days_unused_are_disabled_at_the_login(state, clock):
    known(state, clock)
    server = small(state, clock)
    clock.pass_(days=91)
    assert log_in(server.test_client()).status_code == 401
    assert state.accounts.find("chen.jing").disabled_at


# The policy


def test_the_default_policy_keeps_the_administrators_apart():
    assert policy.administrators_apart(policy.default())
    for role in ROLES:
        mine = [one for one in policy.permissions() if policy.default().allows(role, *one)]
        assert len(mine) < len(policy.permissions())


def test_every_switch_thrown_still_keeps_the_administrators_apart():
    every = {
        (role, page, action): True
        for role in (*ROLES, "demonstration", DISPLAY, NOBODY)
        for page, action in policy.permissions()
    }
    matrix = json.dumps({" ".join(cell): True for cell in every})
    assert policy.administrators_apart(policy.cells(matrix))
    off = json.dumps({" ".join(cell): False for cell in every})
    for role in ROLES:
        assert policy.cells(off).allows(role, "/")  # where one lands


def test_a_policy_needs_both_and_holds_at_once(state, clock):
    known(state, clock)
    server, at = small(state, clock), office(state, clock)
    client = server.test_client()
    log_in(client)
    assert client.get("/emission").status_code == 200
    cells = {("analyst", "/emission", "open"): False}
    with pytest.raises(AccountRefused):
        ask_policy(at, SYS, cells)
    with pytest.raises(AccountRefused):
        ask_policy(at, SEC, {("auditor", "/emission", "open"): True})
    with pytest.raises(AccountRefused):
        ask_policy(at, SEC, {("verifier", "/factors", "decide"): True})
    number = ask_policy(at, SEC, cells)
    assert client.get("/emission").status_code == 200
    accept(at, SYS, number)
    assert client.get("/emission").status_code == 403
    assert policy.version(state) == 2
    changed = policy.difference("", state.access.matrix())
    assert (("analyst", "/emission", "open"), False) in changed


def test_a_policy_asked_for_before_another_is_stale(state, clock):
    at = office(state, clock)
    cells = {("analyst", "/emission", "open"): False}
    first = ask_policy(at, SEC, cells)
    accept(at, SYS, first)
    second = ask_policy(at, SEC, {("clerk", "/emission", "open"): False})
    newer = {"matrix": policy.written({("clerk", "/market", "open"): False}), "base": 2}
    request = NewRequest("policy", "other", newer, "sec", "secadmin")
    accept(at, SYS, state.access.propose(request, clock()))
    with pytest.raises(AccountRefused, match="变化"):
        accept(at, SYS, second)
    assert policy.version(state) == 3


def test_callbacks_ask_the_policy_in_force(application):
    state = application.engine.state
    entry = next(
        e for e in application.dependencies
        if '"act-piece"' in e["output"] and page_key(e["output"]) == "factors"
    )  # fmt: skip
    client = application.client("manager")
    body = asked(entry)
    body["inputs"][0]["value"] = {"slot": "rows"}
    assert send(client, body).status_code == 200
    kept = state.access._matrix
    try:
        state.access._matrix = policy.written({("manager", "/factors", "propose"): False})
        assert send(client, body).status_code == 403
    finally:
        state.access._matrix = kept


@pytest.mark.parametrize("who", [*ROLES, DISPLAY])
def test_every_callback_follows_a_switched_policy(application, who):
    state = application.engine.state
    off = {(role, page, action): False for role in ROLES for page, action in policy.permissions()}
    kept = state.access._matrix
    try:
        state.access._matrix = policy.written(off)
        now = policy.in_force(state)
        client = application.client(who)
        paths = {"overview": "/"} | {p.strip("/"): p for p in policy.BUSINESS_PAGES}
        for entry in application.dependencies:
            key = page_key(entry["output"])
            if entry["clientside_function"] or not key or key not in paths:
                continue
            fits = now.allows(who, paths[key]) and (who != DISPLAY or paths[key] == SHOWN)
            status = send(client, asked(entry)).status_code
            if not fits:
                assert status == 403, entry["output"][:60]
    finally:
        state.access._matrix = kept
    assert allowed("analyst", "/emission")
