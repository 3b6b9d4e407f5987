"""Accounts: none at first, made all or nothing, locked after five wrong tries, ended at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from security import accounts, passwords
from security.accounts import FIRST, AccountRefused, SetupRefused, Wanted, make_first
from security.first import setup_code
from security.passwords import Busy
from security.roles import ADMINISTRATORS, ROLES
from security.sessions import Sessions
from tests.security.doors import PASSWORD, kept, known, log_in, post, small

WRONG = "Kupfer-Eisen-48"
COMMON = ("admin", "root", "sysadmin", "secadmin", "auditor", "administrator", "demo", "test", "")


@pytest.fixture(autouse=True)
def _quick(work):
    """Every hash with one round."""


def enter(*what):
    """A try whose password alone is judged; codes have tests of their own."""
    return accounts.enter(*what, by_password_alone=True)


def first(**changed):
    """The first accounts as they are wanted; ``role=(name, password)`` changes one."""
    wanted = {role: (f"first.{role}", PASSWORD) for role in FIRST} | changed
    return [Wanted(name, role, password) for role, (name, password) in wanted.items()]


def tries(state, clock, name, count, password=WRONG):
    return [enter(state, name, password, clock()) for _ in range(count)]


# Nobody at first


def test_there_is_no_default_account(state, clock):
    assert state.accounts.everyone() == []
    for name in COMMON:
        for password in (name, "", "admin", "123456", f"{name}123"):
            clock.pass_(minutes=16)
            assert enter(state, name, password, clock()).account is None


def test_an_account_has_exactly_one_known_role(state, clock):
    with pytest.raises(ValueError, match="superuser"):
        accounts.add(state, Wanted("chen.jing", "superuser", PASSWORD), clock(), "zh")
    made = known(state, clock)
    for role in ("superuser", "sysadmin,auditor", "demonstration", ""):
        with pytest.raises(IntegrityError), state.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE account SET role = ? WHERE account = ?", (role, made.account)
            )


def test_the_first_accounts_are_the_three_administrators_and_one_who_works(state, clock):
    assert set(ADMINISTRATORS) < set(FIRST) <= set(ROLES)
    make_first(state, setup_code(state, clock()), first(), clock(), "zh")
    assert sorted(one.role for one in state.accounts.everyone()) == sorted(FIRST)
    assert enter(state, "first.sysadmin", PASSWORD, clock()).account.role == "sysadmin"


# The set-up code


def test_the_setup_code_works_once(state, clock):
    code = setup_code(state, clock())
    make_first(state, code, first(), clock(), "zh")
    more = [Wanted(f"x.{one.name}", one.role, one.password) for one in first()]
    with pytest.raises(SetupRefused) as refused:
        make_first(state, code, more, clock(), "zh")
    assert set(refused.value.reasons) == {"code"}
    assert len(state.accounts.everyone()) == len(FIRST)
    assert setup_code(state, clock()) is None


def test_a_new_setup_code_voids_the_one_before(state, clock):
    before, after = setup_code(state, clock()), setup_code(state, clock())
    with pytest.raises(SetupRefused):
        make_first(state, before, first(), clock(), "zh")
    make_first(state, after, first(), clock(), "zh")


def test_the_setup_code_may_be_typed_carelessly_and_is_stored_nowhere(state, clock, tmp_path):
    code = setup_code(state, clock())
    assert code.encode() not in kept(tmp_path)
    assert code.replace("-", "").encode() not in kept(tmp_path)
    make_first(state, f" {code.lower().replace('-', ' ')} ", first(), clock(), "zh")


def test_wrong_setup_codes_are_counted_and_then_the_right_one_waits_too(state, clock):
    code = setup_code(state, clock())
    for _ in range(accounts.TRIES):
        with pytest.raises(SetupRefused, match="code"):
            make_first(state, "ABCD-EFGH-JKLM", first(), clock(), "zh")
    with pytest.raises(SetupRefused) as refused:
        make_first(state, code, first(), clock(), "zh")
    assert "15" in refused.value.reasons["code"][0]
    clock.pass_(minutes=15)
    make_first(state, code, first(), clock(), "zh")


@pytest.mark.parametrize(
    "changed",
    [
        {"analyst": ("first.analyst", "too-short")},
        {"analyst": ("a b", PASSWORD)},
        {"analyst": ("ＦＩＲＳＴ.sysadmin", PASSWORD)},
    ],
)
def test_the_first_accounts_are_made_all_or_none(state, clock, changed):
    code = setup_code(state, clock())
    with pytest.raises(SetupRefused) as refused:
        make_first(state, code, first(**changed), clock(), "zh")
    assert set(refused.value.reasons) == {"analyst"}
    assert state.accounts.everyone() == []
    make_first(state, code, first(), clock(), "zh")  # the code was not spent


def test_setup_is_closed_as_soon_as_there_is_an_account(state, clock):
    code = setup_code(state, clock())
    known(state, clock)
    with pytest.raises(SetupRefused):
        make_first(state, code, first(), clock(), "zh")
    assert [one.name for one in state.accounts.everyone()] == ["chen.jing"]
    client = small(state, clock).test_client()
    assert client.get("/setup").status_code == 404
    assert post(client, "/setup", code=code).status_code == 404


def test_the_setup_form_makes_the_accounts_and_closes(state, clock):
    client = small(state, clock).test_client()
    fields = {f"name_{one.role}": one.name for one in first()}
    fields |= {f"password_{one.role}": one.password for one in first()}
    wrong = post(client, "/setup", code="ABCD-EFGH-JKLM", **fields)
    assert wrong.status_code == 400
    assert PASSWORD not in wrong.text
    done = post(client, "/setup", code=setup_code(state, clock()), **fields)
    assert (done.status_code, done.headers["Location"]) == (303, "/login?ready=1")
    assert client.get("/setup").status_code == 404


# Names


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("Chen.Jing", "chen.jing"),
        ("chen.jing", " CHEN.JING "),
        ("chen.jing", "ｃｈｅｎ.ｊｉｎｇ"),
        ("strasse", "Straße"),
        ("陈静①", "陈静1"),
    ],
)
def test_a_name_that_looks_the_same_is_taken(state, clock, name, twin):
    accounts.add(state, Wanted(name, "clerk", PASSWORD), clock(), "zh")
    with pytest.raises(AccountRefused, match="已被使用"):
        accounts.add(state, Wanted(twin, "analyst", PASSWORD), clock(), "zh")
    assert len(state.accounts.everyone()) == 1
    assert enter(state, twin, PASSWORD, clock()).account is not None


@pytest.mark.parametrize(
    "name",
    ["", "x", "a b", "a/b", "a\nb", "a\0b", "<b>x</b>", "x" * 65, "ops\u202e", "op\u200bs", "=1+1"],
)
def test_a_name_of_other_signs_is_refused(state, clock, name):
    with pytest.raises(AccountRefused):
        accounts.add(state, Wanted(name, "clerk", PASSWORD), clock(), "zh")


# Ended at once


def test_disabling_ends_every_session_at_once(state, clock):
    account = known(state, clock)
    sessions = Sessions(state, clock)
    token = sessions.open(account.account, "")
    assert sessions.find(token)
    accounts.disable(state, "CHEN.JING", clock(), "zh")
    assert sessions.find(token) is None
    assert enter(state, "chen.jing", PASSWORD, clock()).account is None


def test_a_session_opened_beside_the_disabling_opens_nothing(state, clock):
    account = known(state, clock)
    accounts.disable(state, "chen.jing", clock(), "zh")
    sessions = Sessions(state, clock)
    assert sessions.find(sessions.open(account.account, "")) is None


def test_reset_unlocks_enables_and_ends_the_sessions(state, clock):
    account = known(state, clock)
    sessions = Sessions(state, clock)
    token = sessions.open(account.account, "")
    tries(state, clock, "chen.jing", accounts.TRIES)
    accounts.disable(state, "chen.jing", clock(), "zh")
    accounts.reset(state, "chen.jing", "Neues-Wort-2026", clock(), "zh")
    assert sessions.find(token) is None
    assert enter(state, "chen.jing", PASSWORD, clock()).account is None
    assert enter(state, "chen.jing", "Neues-Wort-2026", clock()).account is not None


def test_a_reset_to_a_weak_password_changes_nothing(state, clock):
    known(state, clock)
    with pytest.raises(AccountRefused):
        accounts.reset(state, "chen.jing", "weak", clock(), "zh")
    assert enter(state, "chen.jing", PASSWORD, clock()).account is not None


def test_who_does_not_exist_is_neither_disabled_nor_reset(state, clock):
    with pytest.raises(AccountRefused):
        accounts.disable(state, "nobody", clock(), "zh")
    with pytest.raises(AccountRefused):
        accounts.reset(state, "nobody", PASSWORD, clock(), "zh")


# Five wrong tries


def test_five_wrong_tries_lock_for_fifteen_minutes(state, clock):
    known(state, clock)
    found = tries(state, clock, "chen.jing", accounts.TRIES)
    assert [entry.left for entry in found] == [4, 3, 2, 1, 0]
    assert found[-1].locked_until == clock() + timedelta(minutes=15)
    clock.pass_(minutes=14, seconds=59)
    assert enter(state, "chen.jing", PASSWORD, clock()).account is None
    clock.pass_(seconds=1)
    assert enter(state, "chen.jing", PASSWORD, clock()).account is not None


def test_tries_while_locked_do_not_lock_longer(state, clock):
    known(state, clock)
    until = tries(state, clock, "chen.jing", accounts.TRIES)[-1].locked_until
    clock.pass_(minutes=10)
    assert tries(state, clock, "chen.jing", 3)[-1].locked_until == until


def test_a_spelling_of_a_name_has_no_tries_of_its_own(state, clock):
    known(state, clock)
    for name in ("chen.jing", "CHEN.JING", " chen.jing", "ｃｈｅｎ.jing", "Chen.Jing "):
        enter(state, name, WRONG, clock())
    assert enter(state, "chen.jing", PASSWORD, clock()).account is None


def test_coming_in_forgets_the_wrong_tries(state, clock):
    known(state, clock)
    for _ in range(3):
        tries(state, clock, "chen.jing", accounts.TRIES - 1)
        assert enter(state, "chen.jing", PASSWORD, clock()).account is not None


def test_a_name_that_does_not_exist_is_judged_alike_and_costs_the_same(state, clock, work):
    known(state, clock)
    known(state, clock, "wang.li")
    accounts.disable(state, "wang.li", clock(), "zh")
    passwords.nobodys_hash()
    found, costs = [], []
    for name in ("chen.jing", "wang.li", "no.one", "", "\ud800", "x" * 10**5):
        work.clear()
        found.append(tries(state, clock, name, accounts.TRIES + 2))
        costs.append(list(work))
    assert all(entries == found[0] for entries in found)
    assert all(cost == [passwords.ROUNDS] * accounts.TRIES for cost in costs)


def test_the_form_says_the_same_word_for_word(state, clock):
    known(state, clock)
    known(state, clock, "wang.li")
    accounts.disable(state, "wang.li", clock(), "zh")
    client = small(state, clock).test_client()
    said = []
    for name, password in (("chen.jing", WRONG), ("no.one", WRONG), ("wang.li", PASSWORD)):
        answers = [log_in(client, name, password) for _ in range(accounts.TRIES + 1)]
        said.append(
            [(a.status_code, a.headers.get("Retry-After"), a.text.replace(name, "NAME"))
             for a in answers]
        )  # fmt: skip
    assert [status for status, *_ in said[0]] == [401, 401, 401, 401, 429, 429]
    assert said[0][-1][1] == "900"
    assert said[1] == said[0]
    assert said[2] == said[0]


def test_tries_side_by_side_cannot_pass_the_limit(state, clock, monkeypatch):
    known(state, clock)
    judged = []
    compare = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda *a: judged.append(1) or compare(*a))

    def attempt(_number):
        while True:
            try:
                return enter(state, "chen.jing", WRONG, clock())
            except Busy:
                continue

    with ThreadPoolExecutor(8) as crowd:
        found = list(crowd.map(attempt, range(24)))
    assert len(judged) == accounts.TRIES
    assert sorted(entry.left for entry in found if entry.left) == [1, 2, 3, 4]
    assert enter(state, "chen.jing", PASSWORD, clock()).account is None


def test_the_state_counts_right_side_by_side(state, clock):
    def attempt(_number):
        return state.accounts.count_attempt("x", clock(), 5, timedelta(minutes=15)).refused

    with ThreadPoolExecutor(8) as crowd:
        assert sorted(crowd.map(attempt, range(40))) == [False] * 5 + [True] * 35


def test_who_is_turned_away_because_many_wait_has_not_tried(state, clock, monkeypatch):
    known(state, clock)
    client = small(state, clock).test_client()
    with monkeypatch.context() as full:
        full.setattr(passwords, "_WAITING", passwords.threading.Semaphore(0))
        for _ in range(accounts.TRIES + 1):
            answer = log_in(client, password=WRONG)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert log_in(client, password=WRONG).status_code == 401
    assert log_in(client).status_code == 303


def test_what_was_typed_as_a_name_is_kept_only_as_a_digest(state, clock, tmp_path):
    enter(state, PASSWORD, "", clock())
    assert PASSWORD.encode() not in kept(tmp_path)
    assert PASSWORD.casefold().encode() not in kept(tmp_path)


# Rounds rise


def test_a_password_of_fewer_rounds_is_hashed_anew_when_it_is_next_right(state, clock, work):
    account = known(state, clock)
    old = passwords.hashed(PASSWORD, 1000)
    state.accounts.set_password(account.account, old)
    enter(state, "chen.jing", WRONG, clock())
    assert state.accounts.find("chen.jing").password_hash == old
    assert enter(state, "chen.jing", PASSWORD, clock()).account is not None
    new = state.accounts.find("chen.jing").password_hash
    assert new.split("$")[1] == str(passwords.ROUNDS)
    assert enter(state, "chen.jing", PASSWORD, clock()).account is not None
    assert state.accounts.find("chen.jing").password_hash == new
