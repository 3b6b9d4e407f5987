"""Attacks on accounts and sessions, each tried twice: against the defence, and without it.

The numbers are those of the list of bad inputs. An attack returns whether it succeeded; where its
defence is taken away it must, or the test would prove nothing.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from data.state import DBAPIError, acts
from data.state import accounts as kept_accounts
from data.state.audit import Act
from security import (
    access,
    accounts,
    certificate,
    factor,
    guard,
    passwords,
    sessions,
    signals,
    sm,
    web,
)
from security.access import Keeper, Office
from security.accounts import AccountRefused, enter
from security.sessions import Sessions
from tests.security.doors import (
    HERE,
    PASSWORD,
    asked,
    code_of,
    csrf,
    keys,
    known,
    log_in,
    post,
    rows,
    send,
    small,
)

WRONG = "Kupfer-Eisen-48"
NEW = "Neues-Wort-2026"
SYS, SEC = Keeper("sys", "sysadmin"), Keeper("sec", "secadmin")


@pytest.fixture(autouse=True)
def _quick(work):
    """Every hash with one round."""


@pytest.fixture
def server(state, clock):
    known(state, clock)
    return small(state, clock)


def entered(state, clock, name="chen.jing", password=PASSWORD, code=None):
    code = code_of(state, clock, name) if code is None else code
    return enter(state, name, password, clock(), code=code, keys=keys())


def inside(client, path="/"):
    return client.get(path).status_code == 200


def defended(attack, monkeypatch, remove):
    """The attack fails; with its defence taken away it succeeds."""
    assert not attack()
    with monkeypatch.context() as without:
        remove(without)
        assert attack()


# 1–5: passwords


def test_1_wrong_passwords_lock_the_account(server, state, clock, monkeypatch, tmp_path):
    def attack():
        clock.pass_(hours=1)
        for _ in range(5):
            entered(state, clock, password=WRONG)
        return entered(state, clock).account is not None

    defended(attack, monkeypatch, lambda m: m.setattr(accounts, "TRIES", 10**6))
    client = server.test_client()
    clock.pass_(hours=1)
    for _ in range(6):
        log_in(client, password=WRONG)
    alarms = rows(tmp_path, "SELECT object FROM audit WHERE event = 'alarm.security'")
    assert any(name.startswith("brute_force") for (name,) in alarms)


def test_2_an_unknown_name_costs_as_much(state, clock, work, monkeypatch):
    known(state, clock)
    passwords.nobodys_hash()  # made when the service starts

    def attack():
        costs = []
        for name in ("chen.jing", "no.one"):
            clock.pass_(hours=1)
            work.clear()
            entered(state, clock, name, WRONG)
            costs.append(list(work))
        return costs[0] != costs[1]

    cheap = passwords.hashed("x", 1)
    defended(attack, monkeypatch, lambda m: m.setattr(passwords, "nobodys_hash", lambda: cheap))


def test_3_one_password_on_many_accounts_raises_an_alarm(server, state, monkeypatch, tmp_path):
    def attack():
        before = len(rows(tmp_path, "SELECT 1 FROM audit WHERE object LIKE 'password_spraying%'"))
        client = server.test_client()
        for number in range(10):
            log_in(client, f"user{number}.{before}", WRONG)
        found = rows(tmp_path, "SELECT 1 FROM audit WHERE object LIKE 'password_spraying%'")
        return len(found) == before

    assert not attack()
    server.extensions[web.EXTENSION].signals._counted.clear()
    monkeypatch.setattr(signals, "RULES", ())
    assert attack()


def test_4_many_logins_side_by_side_take_one_core(state, clock, monkeypatch):
    known(state, clock)
    guard_, now, most = threading.Lock(), [0], [0]
    compare = passwords.matches

    def slow(*what):
        with guard_:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.005)
        with guard_:
            now[0] -= 1
        return compare(*what)

    monkeypatch.setattr(passwords, "matches", slow)

    def attack():
        most[0] = 0

        def one(number):
            try:
                enter(state, f"user{number}", WRONG, clock())
            except passwords.Busy:
                return "busy"
            return "judged"

        with ThreadPoolExecutor(20) as crowd:
            list(crowd.map(one, range(100)))
        return most[0] > 1

    defended(attack, monkeypatch, lambda m: m.setattr(passwords, "turn", nullcontext))


def test_5_an_endless_password_is_cut_before_it_is_hashed(state, clock, monkeypatch):
    known(state, clock)
    lengths = []
    hash_ = passwords.pbkdf2_sm3

    def noted(password, salt, rounds):
        lengths.append(len(password))
        return hash_(password, salt, rounds)

    monkeypatch.setattr(passwords, "pbkdf2_sm3", noted)

    def attack():
        lengths.clear()
        for password in ("x" * 10**6, "a\0b" * 10**5, "\U0001f600" * 10**5, "Ｘ" * 10**5, "\ud800"):
            clock.pass_(hours=1)
            assert entered(state, clock, password=password).account is None
        return max(lengths) > 10_000

    defended(attack, monkeypatch, lambda m: m.setattr(passwords, "LONGEST", 10**9))


# 6: weak, used before, old


@pytest.mark.parametrize(
    ("password", "defence"),
    [("Password-123", "common"), (PASSWORD, "used_before"), ("short-A1", "reasons_against")],
)
def test_6_a_weak_or_old_password_is_not_taken(state, clock, monkeypatch, password, defence):
    account = known(state, clock)

    def attack():
        try:
            accounts.change_password(state, account, PASSWORD, password, clock(), "zh")
        except AccountRefused:
            return False
        return True

    nothing = (lambda *_: []) if defence == "reasons_against" else (lambda *_: False)
    defended(attack, monkeypatch, lambda m: m.setattr(passwords, defence, nothing))


def test_6_the_last_five_passwords_are_not_taken_again(state, clock):
    known(state, clock)
    chosen = [PASSWORD] + [f"Neues-Wort-20{number}" for number in range(10, 16)]
    for old, new in zip(chosen, chosen[1:], strict=False):
        clock.pass_(days=1)
        account = state.accounts.find("chen.jing")
        accounts.change_password(state, account, old, new, clock(), "zh")
    account, last = state.accounts.find("chen.jing"), chosen[-1]
    for recent in chosen[-5:]:
        with pytest.raises(AccountRefused, match="5"):
            accounts.change_password(state, account, last, recent, clock(), "zh")
    accounts.change_password(state, account, last, chosen[0], clock(), "zh")


def test_6_an_old_password_must_be_changed_first(server, state, clock, monkeypatch):
    def attack():
        client = server.test_client()
        log_in(client)
        return inside(client)

    assert attack()
    clock.pass_(days=89)
    assert attack()
    clock.pass_(days=1)
    defended(attack, monkeypatch, lambda m: m.setattr(passwords, "expired", lambda *_: False))


# 7–9: the second factor


def test_7_the_password_alone_opens_nothing(state, clock, monkeypatch):
    known(state, clock, enrolled=False)
    server = small(state, clock)

    def attack():
        client = server.test_client()
        log_in(client)
        return inside(client) or inside(client, "/emission")

    defended(attack, monkeypatch, lambda m: m.setattr(accounts, "stage_of", lambda *_: "full"))
    client = server.test_client()
    assert log_in(client).headers["Location"] == "/account/factor"
    assert inside(client, "/account/factor")


def test_7_a_missing_code_is_a_wrong_password(server, state, clock, monkeypatch):
    def attack():
        client = server.test_client()
        log_in(client, code="")
        return inside(client)

    defended(attack, monkeypatch, lambda m: m.setattr(factor, "accepted", lambda *_: True))
    client = server.test_client()
    clock.pass_(hours=1)
    wrong = log_in(client, password=WRONG)
    clock.pass_(hours=1)
    missing = log_in(client, code="")
    assert (missing.status_code, missing.text) == (wrong.status_code, wrong.text)


def test_8_a_code_counts_once_and_in_three_steps(server, state, clock, monkeypatch, tmp_path):
    secret = factor.opened_secret(keys(), state.accounts.find("chen.jing"))
    clock.pass_(minutes=5)
    now = factor.step_at(clock())
    code = factor.code_at(secret, now)
    assert entered(state, clock, code=code).account

    def attack():
        clock.pass_(seconds=1)
        return entered(state, clock, code=code).account is not None

    def remove(without):
        read = factor.right_step
        without.setattr(factor, "right_step", lambda s, c, at, _taken: read(s, c, at, 0))
        without.setattr(state.accounts, "take_step", lambda *_: True)

    defended(attack, monkeypatch, remove)
    for away in (-2, 2):
        clock.pass_(hours=1)
        around = factor.step_at(clock()) + away
        assert entered(state, clock, code=factor.code_at(secret, around)).account is None
    client = server.test_client()
    log_in(client, code=(used := factor.code_at(secret, factor.step_at(clock()))))
    log_in(client, code=used)
    alarms = rows(tmp_path, "SELECT object FROM audit WHERE event = 'alarm.security'")
    assert ("replayed_code chen.jing",) in alarms


def test_8_an_earlier_step_is_not_taken_after_a_later_one(server, state, clock):
    secret = factor.opened_secret(keys(), state.accounts.find("chen.jing"))
    now = factor.step_at(clock())
    for step, right in ((now, True), (now - 1, False), (now + 1, True), (now, False)):
        found = entered(state, clock, code=factor.code_at(secret, step)).account
        assert (found is not None) is right


def test_8_five_wrong_codes_lock(server, state, clock):
    for _ in range(5):
        assert entered(state, clock, code="000000").account is None
    assert entered(state, clock).account is None
    clock.pass_(minutes=15)
    assert entered(state, clock).account is not None


def test_9_a_recovery_code_counts_once(server, state, clock, monkeypatch, tmp_path):
    account = state.accounts.find("chen.jing")
    codes = factor.recovery_codes()
    digests = [factor.recovery_digest(account.folded, one) for one in codes]
    state.accounts.put_recovery_codes(account.account, digests)
    assert len(set(codes)) == 10
    assert entered(state, clock, code=codes[0].lower().replace("-", " ")).account

    def attack():
        return entered(state, clock, code=codes[0]).account is not None

    defended(
        attack, monkeypatch, lambda m: m.setattr(state.accounts, "spend_recovery", lambda *_: True)
    )
    assert state.accounts.recovery_codes_left(account.account) == 9
    spent = rows(tmp_path, "SELECT count(*) FROM audit WHERE description = 'recovery code'")
    assert spent == [(1,)]


class Pinned:
    """An installation's certificates: one account has one."""

    def __init__(self):
        self.pair = sm.sm2_new()

    def public_key(self, account):
        return self.pair.public if account == "chen.jing" else None


@dataclass
class Token:
    """Comes in with password and device: what each attack changes is a field."""

    server: object
    pair: object
    host: str = "localhost"
    signs_for: str = "localhost"
    spent: dict = field(default_factory=dict)

    def challenge(self, client):
        page = client.get("/login", base_url=f"http://{self.host}").get_data(as_text=True)
        return re.search(r'name="challenge" value="([0-9a-f]{64})"', page)[1]

    def form(self, client, *, name="chen.jing", wait=lambda: None):
        given = self.challenge(client)
        said = certificate.message(self.signs_for, name, given)
        wait()
        return {"username": name, "password": PASSWORD, "challenge": given,
                "signature": sm.sm2_sign(self.pair, said).hex()}  # fmt: skip

    def enters(self, client, form):
        post(client, "/login", base_url=f"http://{self.host}", **form)
        return inside(client)


def pinned(state, clock):
    known(state, clock)
    own = Pinned()
    return Token(small(state, clock, certificates=own), own.pair)


def test_10_a_device_comes_in_without_a_code(state, clock):
    token = pinned(state, clock)
    client = token.server.test_client()
    assert token.enters(client, token.form(client))


def test_10_a_challenge_counts_once(state, clock, monkeypatch, tmp_path):
    token = pinned(state, clock)
    client = token.server.test_client()
    form = token.form(client)
    assert token.enters(client, form)

    def attack():
        return token.enters(token.server.test_client(), form)

    class Endless(dict):
        def pop(self, _challenge, _none):
            return "localhost", datetime.max

    challenges = web.door(token.server).challenges
    defended(attack, monkeypatch, lambda m: m.setattr(challenges, "_open", Endless()))
    alarms = rows(tmp_path, "SELECT object FROM audit WHERE event = 'alarm.security'")
    assert ("bad_certificate chen.jing",) in alarms
    failed = "SELECT description, outcome FROM audit WHERE event = 'session.login' AND outcome != "
    assert ("certificate", "failure") in rows(tmp_path, failed + "'success'")


def test_10_another_certificate_opens_nothing(state, clock, monkeypatch):
    token = replace(pinned(state, clock), pair=sm.sm2_new())

    def attack():
        clock.pass_(hours=1)
        client = token.server.test_client()
        return token.enters(client, token.form(client))

    good = sm.Verdict(valid=True, agreed=True)
    defended(attack, monkeypatch, lambda m: m.setattr(certificate, "sm2_verify", lambda *_: good))


def test_10_nor_one_pinned_to_somebody_else(state, clock):
    token = pinned(state, clock)
    known(state, clock, "li.wei")
    client = token.server.test_client()
    assert not token.enters(client, token.form(client, name="li.wei"))


def test_10_an_old_challenge_opens_nothing(state, clock, monkeypatch):
    token = pinned(state, clock)

    def attack():
        client = token.server.test_client()
        return token.enters(client, token.form(client, wait=lambda: clock.pass_(minutes=3)))

    defended(attack, monkeypatch, lambda m: m.setattr(certificate, "LASTS", timedelta(hours=1)))


def test_10_a_signature_for_another_origin_opens_nothing(state, clock, monkeypatch):
    token = replace(pinned(state, clock), signs_for="evil.example")

    def attack():
        client = token.server.test_client()
        return token.enters(client, token.form(client))

    said = certificate.message
    defended(attack, monkeypatch, lambda m: m.setattr(
        certificate, "message", lambda _origin, *rest: said("evil.example", *rest)))  # fmt: skip


@pytest.mark.parametrize("signature", ["", "zz", "00" * 72, "3006020101020101", "30" * 500])
def test_10_junk_is_no_signature(state, clock, signature):
    token = pinned(state, clock)
    client = token.server.test_client()
    form = token.form(client) | {"signature": signature}
    assert not token.enters(client, form)


def test_10_no_challenge_is_given_where_no_certificates_are_installed(server):
    assert certificate.certificate_login() is None
    assert 'name="challenge"' not in server.test_client().get("/login").get_data(as_text=True)


# 12–17: sessions


def test_12_a_session_chosen_before_the_login_opens_nothing(server, monkeypatch):
    planted = "x" * 43

    def attack():
        client, thief = server.test_client(), server.test_client()
        client.set_cookie("sid", planted)
        log_in(client)
        thief.set_cookie("sid", planted)
        return inside(thief)

    class Planted:
        @staticmethod
        def token_urlsafe(_bytes):
            return planted

    defended(attack, monkeypatch, lambda m: m.setattr(sessions, "secrets", Planted))


def test_12_enrolling_gives_another_session(state, clock):
    known(state, clock, enrolled=False)
    client = small(state, clock).test_client()
    log_in(client)
    before = client.get_cookie("sid").value
    page = client.get("/account/factor").text
    secret = re.search(r'<code class="secret"[^>]*>([^<]+)<', page)[1].replace(" ", "")
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)[1]
    right = factor.code_at(secret, factor.step_at(clock()))
    wrong = post(client, "/account/factor", sealed=sealed, code="000000")
    assert wrong.status_code == 400
    done = post(client, "/account/factor", sealed=sealed, code=right)
    assert len(re.findall(r"<li><code>([A-Z0-9-]{14})</code>", done.text)) == 10
    assert client.get_cookie("sid").value != before
    assert inside(client)
    thief = small(state, clock).test_client()
    thief.set_cookie("sid", before)
    assert not inside(thief)
    assert secret not in str(state.accounts.everyone())


def ended(state, clock, how, account):
    """End a session in one of the ways there are."""
    if how == "password":
        accounts.change_password(state, account, PASSWORD, NEW, clock(), "zh")
    elif how == "reset":
        accounts.reset(state, account.name, NEW, clock(), "zh")
    elif how == "role":
        by = Office(state, keys(), clock(), "zh")
        number = access.ask_role(by, SEC, account.name, "clerk")
        access.accept(by, SYS, number)


@pytest.mark.parametrize("how", ["logout", "password", "reset", "role"])
def test_13_an_ended_session_opens_nothing(server, state, clock, monkeypatch, tmp_path, how):
    def attack():
        state.engine.dispose()
        client, thief = server.test_client(), server.test_client()
        assert log_in(client).status_code == 303
        thief.set_cookie("sid", client.get_cookie("sid").value)
        assert inside(thief)
        if how == "logout":
            post(client, "/logout")
        else:
            ended(state, clock, how, state.accounts.find("chen.jing"))
        return inside(thief)

    assert not attack()
    recorded = rows(tmp_path, "SELECT description FROM audit WHERE description LIKE 'ended: %'")
    assert (f"ended: {how}",) in recorded
    with state.engine.begin() as connection:  # as it was
        kept = passwords.hashed(PASSWORD)
        connection.exec_driver_sql(
            "UPDATE account SET password_hash = ?, role = 'analyst'", (kept,)
        )
    monkeypatch.setattr(passwords, "used_before", lambda *_: False)
    real = kept_accounts.end_sessions

    def lame(connection, which, why, at):
        return real(connection, which, why, at) if why in ("elsewhere", "replaced") else 1

    monkeypatch.setattr(kept_accounts, "end_sessions", lame)
    monkeypatch.setattr("data.state.access.end_sessions", lame)
    assert attack()


def test_13_a_disabled_account_is_out_at_once(server, state, clock):
    client = server.test_client()
    log_in(client)
    accounts.disable(state, "chen.jing", clock(), "zh")
    assert not inside(client)
    assert log_in(client).status_code == 401


def test_14_a_session_ends_idle_old_and_when_the_clock_is_set_back(state, clock, monkeypatch):
    account = known(state, clock).account
    mono = [0.0]

    def attack():
        found = Sessions(state, clock, lambda: mono[0])
        token = found.open(account, HERE)
        assert found.find(token)
        mono[0] += 16 * 60
        clock.pass_(minutes=-60)  # set back: by the wall no time has passed
        return found.find(token) is not None

    defended(attack, monkeypatch, lambda m: m.setattr(sessions, "IDLE", timedelta(days=9)))


def test_14_eight_hours_are_eight_hours_by_either_clock(state, clock):
    account = known(state, clock).account
    mono = [0.0]
    found = Sessions(state, clock, lambda: mono[0])
    token = found.open(account, HERE)
    for _ in range(47):
        mono[0] += 600
        assert found.find(token)
        state.accounts.revision += 1  # whatever forgets the session keeps its monotonic end
    mono[0] += 600
    assert found.find(token) is None


def test_14_after_a_restart_a_session_used_in_the_future_has_ended(state, clock):
    account = known(state, clock).account
    token = Sessions(state, clock).open(account, HERE)
    clock.pass_(hours=-1)
    assert Sessions(state, clock).find(token) is None


def test_15_a_second_login_ends_the_first(server, state, clock, monkeypatch, tmp_path):
    def attack():
        first, second = server.test_client(), server.test_client()
        log_in(first)
        log_in(second)
        assert inside(second)
        return inside(first)

    assert not attack()
    first = server.test_client()
    log_in(first)
    log_in(server.test_client())
    assert first.get("/").headers["Location"] == "/login?next=%2F"
    assert "已在别处登录" in first.get("/login").text
    recorded = rows(tmp_path, "SELECT object FROM audit WHERE description = 'elsewhere'")
    assert recorded
    monkeypatch.setattr(kept_accounts, "end_sessions", lambda *_: 0)
    account = state.accounts.find("chen.jing").account
    with pytest.raises(DBAPIError):  # and the database keeps one session a user by itself
        Sessions(state, clock).open(account, HERE)


@pytest.mark.parametrize("wanted", ["//evil.example", "https:evil", "/\\evil", "/\r\nX: y"])
def test_16_the_login_leads_nowhere_else(server, monkeypatch, wanted):
    def attack():
        answer = log_in(server.test_client(), next=wanted)
        assert not [value for value in answer.headers.values() if "\n" in value]
        return answer.headers["Location"] not in ("/",)

    def remove(without):
        without.setattr(web, "safe_next", lambda asked_: (asked_ or "").replace("\r\n", ""))

    defended(attack, monkeypatch, remove)


def test_17_a_changed_cookie_opens_nothing(server, monkeypatch):
    client = server.test_client()
    log_in(client)
    right = client.get_cookie("sid").value
    changed = chr(ord(right[0]) ^ 1) + right[1:]

    def attack():
        thief = server.test_client()
        thief.set_cookie("sid", changed)
        return inside(thief)

    digest = sessions._digest
    defended(attack, monkeypatch, lambda m: m.setattr(sessions, "_digest", lambda _: digest(right)))
    for header in (f"sid={'x' * 65536}", f"sid={changed}; sid={right[:-1]}", "sid=\x00", "sid"):
        assert server.test_client().get("/", headers={"Cookie": header}).status_code in (302, 400)


# 18, 20, 24, 26


def test_18_nothing_is_open_to_nobody(server, monkeypatch):
    def attack():
        return inside(server.test_client(), "/emission")

    def remove(without):
        for gate in server.before_request_funcs[None]:
            if getattr(gate, "__self__", None).__class__ is guard.Guard:
                without.setattr(gate.__self__.__class__, "_status", lambda *_: 0)
                without.setattr(guard, "_to_the_login", lambda _path: None)

    defended(attack, monkeypatch, remove)


def test_20_the_router_shows_no_layout_to_a_role_that_may_not(application, monkeypatch):
    entry = next(e for e in application.dependencies if e["output"] == "main.children")

    def attack():
        shown = []
        for path in ("/users", "/users/", "//users", "/%75sers", "/USERS"):
            answer = send(application.client("analyst"), asked(entry, {"pathname": path}))
            shown.append("act-decide-said" in answer.text)
        return any(shown)

    def remove(without):
        without.setattr(guard.Guard, "_callback_status", lambda *_: 0)

    defended(attack, monkeypatch, remove)


def test_24_a_choice_that_is_not_offered_is_refused(state, clock, monkeypatch, tmp_path):
    def attack():
        office = Office(state, keys(), clock(), "zh")
        wanted = {"name": "hall", "page": "/audit", "address": ""}
        try:
            access.ask_display(office, SEC, wanted, ())
        except AccountRefused:
            return False
        return True

    defended(attack, monkeypatch, lambda m: m.setattr(access, "MONITORING", ("/audit",)))
    denied = rows(tmp_path, "SELECT count(*) FROM audit WHERE outcome = 'denied'")
    assert denied == [(1,)]


def test_26_another_site_changes_nothing(server, monkeypatch):
    headers = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}

    def attack():
        client = server.test_client()
        log_in(client)
        client.post("/logout", headers=headers)
        return not inside(client)

    def remove(without):
        without.setattr(web, "foreign", lambda _: False)
        without.setattr(web, "csrf_right", lambda: True)

    defended(attack, monkeypatch, remove)
    client = server.test_client()
    log_in(client)
    assert csrf(client)
    body = client.post("/_dash-update-component", data="x", headers={"Content-Type": "text/plain"})
    assert body.status_code in (400, 403, 415)  # without the token of its cookie: 403


# 32, 33: rights


def office(state, clock):
    return Office(state, keys(), clock(), "zh")


def test_32_nobody_gives_himself_a_role(state, clock, monkeypatch, tmp_path):
    known(state, clock, "sys", "sysadmin", person="张一")
    known(state, clock, "sec", "secadmin", person="李二")
    known(state, clock, "ana", "analyst", person="王三")
    at = office(state, clock)

    def attack():
        """Ask for a role and grant it oneself."""
        number = access.ask_role(at, SYS, "ana", "manager")
        try:
            with acts(Act("sys", "sysadmin")):
                access.accept(at, SYS, number)
        except AccountRefused:
            return False
        return True

    assert not attack()
    with monkeypatch.context() as without:
        without.setattr(access, "hindrance", lambda *_: "")
        with pytest.raises(DBAPIError):  # the database refuses it by itself
            attack()
        unchecked(tmp_path)
        state.engine.dispose()
        assert attack()
    with pytest.raises(AccountRefused):
        access.ask_role(at, SYS, "sys", "secadmin")
    with pytest.raises(AccountRefused):
        access.ask_role(at, Keeper("aud", "auditor"), "ana", "clerk")
    denied = rows(tmp_path, "SELECT event FROM audit WHERE outcome = 'denied'")
    assert len(denied) >= 3


def unchecked(home):
    """Take the constraint of two away, past the application."""
    with sqlite3.connect(home / "state.db") as found:
        found.execute("PRAGMA writable_schema = ON")
        found.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'decided_by <> proposer AND', '1 OR')"
        )
    found.close()


def test_32_one_person_holds_one_administrators_role(state, clock, monkeypatch):
    known(state, clock, "sys", "sysadmin", person="张一")
    at = office(state, clock)
    wanted = {"name": "sec2", "role": "secadmin", "person": " 张  一".replace(" ", ""), "phone": ""}
    with pytest.raises(AccountRefused, match="互斥"):
        access.ask_account(at, SYS, wanted, ())
    with monkeypatch.context() as without:
        without.setattr(access, "_holds", lambda *_: False)
        number = access.ask_account(at, SYS, wanted, ())
    with pytest.raises(AccountRefused, match="互斥"):  # the database
        access.accept(at, SEC, number)
    assert state.accounts.find("sec2") is None
    assert access.accept(at, SEC, access.ask_account(at, SYS, wanted | {"person": "赵四"}, ()))
    assert state.accounts.find("sec2").role == "secadmin"


def test_33_the_last_security_administrator_stays(state, clock, monkeypatch, tmp_path):
    known(state, clock, "sys", "sysadmin", person="张一")
    known(state, clock, "sec", "secadmin", person="李二")
    at = office(state, clock)

    def attack():
        try:
            access.disable(at, SYS, "sec")
        except AccountRefused:
            return False
        return True

    assert not attack()
    number = access.ask_role(at, SYS, "sec", "analyst")
    with pytest.raises(AccountRefused):
        access.accept(at, Keeper("other", "secadmin"), number)
    with sqlite3.connect(tmp_path / "state.db") as found:
        found.execute("DROP TRIGGER account_last_secadmin")
    found.close()
    state.engine.dispose()
    assert attack()


def test_33_nobody_disables_himself(state, clock):
    known(state, clock, "sys", "sysadmin", person="张一")
    with pytest.raises(AccountRefused):
        access.disable(office(state, clock), SYS, "sys")


def test_32_no_administrator_takes_the_other_over_by_resets(state, clock, monkeypatch):
    at = office(state, clock)
    known(state, clock, "sys", "sysadmin", person="张一")

    def attack():
        """Password and second factor reset by one: he could come in as the other."""
        name = f"sec{len(state.accounts.everyone())}"
        known(state, clock, name, "secadmin")
        try:
            access.reset_password(at, SYS, name)
            access.reset_factor(at, SYS, name)
        except AccountRefused:
            return False
        return True

    defended(attack, monkeypatch, lambda m: m.setattr(access, "_not_both", lambda *_, **__: None))
    known(state, clock, "other", "secadmin")
    access.reset_factor(at, SYS, "other")
    with pytest.raises(AccountRefused):
        access.reset_password(at, SYS, "other")
    known(state, clock, "clerk", "clerk")
    access.reset_factor(at, SYS, "clerk")
    assert access.reset_password(at, SYS, "clerk")
