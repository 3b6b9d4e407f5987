"""Passwords: what they must be, what is kept of them, what comparing them costs."""

from __future__ import annotations

import threading

import pytest

from security import passwords
from security.passwords import Busy, hashed, matches, nobodys_hash, outdated, reasons_against, turn
from tests.security.doors import PASSWORD

LEAST_ROUNDS = 310_000


@pytest.mark.parametrize(
    "password", [PASSWORD, "Aa1!Aa1!Aa1!", "Langes Wort mit 1 Punkt.", "Ab1。" * 3]
)
def test_twelve_signs_of_four_classes_are_taken(password):
    assert reasons_against(password, "chen.jing", "zh") == []


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Aa1!Aa1!Aa1", "密码至少 12 个字符"),
        ("AA11!!AA11!!", "密码缺少小写字母"),
        ("aa11!!aa11!!", "密码缺少大写字母"),
        ("AAaa!!AAaa!!", "密码缺少数字"),
        ("AAaa11AAaa11", "密码缺少符号"),
        ("AAaa 11 AAaa", "密码缺少符号"),
        ("AAaa11密码密码密码", "密码缺少符号"),
        ("Aa1!Aa1!Aa1!\t", "密码含有不可显示的字符"),
        ("Aa1!Aa1!Aa1!\ud800", "密码含有不可显示的字符"),
        ("My-Chen.Jing-1999", "密码不能包含账号名"),
        ("Ｍｙ-ｃｈｅｎ.ｊｉｎｇ-1999", "密码不能包含账号名"),
        ("Aa1!" * 33, "密码最多 128 个字符"),
        ("\ufb01" * 100 + "Aa1!", "密码最多 128 个字符"),  # a ligature is two letters
    ],
)
def test_each_broken_rule_is_named_alone(password, reason):
    assert reasons_against(password, "Chen.Jing", "zh") == [reason]


def test_every_broken_rule_is_named_at_once():
    assert len(reasons_against("", "chen.jing", "zh")) == 5


def test_an_endless_password_is_refused_before_it_is_looked_at(monkeypatch):
    monkeypatch.setattr(passwords, "normalised", None)
    assert reasons_against("\ufdfa" * 10**6, "chen.jing", "zh") == ["密码最多 128 个字符"]


def test_a_hash_is_salted_sm3_of_many_rounds_for_real(monkeypatch):
    kept = hashed(PASSWORD)
    scheme, rounds, salt, key = kept.split("$")
    assert scheme == "pbkdf2-sm3"
    assert int(rounds) >= LEAST_ROUNDS
    assert bytes.fromhex(key) == passwords.pbkdf2_sm3(
        PASSWORD.encode(), bytes.fromhex(salt), int(rounds)
    )
    assert PASSWORD not in kept


def test_the_same_password_is_never_kept_alike(work):
    found = [hashed(PASSWORD) for _ in range(2)]
    assert found[0] != found[1]
    assert len({kept.split("$")[2] for kept in found}) == 2
    assert all(len(bytes.fromhex(kept.split("$")[2])) >= 16 for kept in found)


@pytest.mark.parametrize(
    "wrong", ["", PASSWORD.lower(), PASSWORD + " ", PASSWORD[:-1], PASSWORD + "x", "\ud800"]
)
def test_only_the_right_password_matches(work, wrong):
    kept = hashed(PASSWORD)
    assert matches(PASSWORD, kept)
    assert not matches(wrong, kept)


def test_what_looks_the_same_is_the_same_password(work):
    assert matches("Ｋupfer-Eisen-４７", hashed(PASSWORD))


def test_a_password_is_not_cut_at_the_limit(work):
    longest = ("Aa1!" * 32)[: passwords.LONGEST]
    assert matches(longest, hashed(longest))
    assert not matches(longest + "x", hashed(longest))
    assert not matches(longest + "x" * 10**6, hashed(longest))


def test_a_hash_of_another_kind_is_refused_not_trusted():
    with pytest.raises(ValueError, match="plain"):
        matches(PASSWORD, "plain$1$00$00")


def test_a_hash_of_fewer_rounds_is_outdated():
    assert outdated(hashed(PASSWORD, 1))
    assert not outdated(f"pbkdf2-sm3${passwords.ROUNDS}$00$00")
    assert outdated(f"pbkdf2-sm3${passwords.ROUNDS}$00$00", passwords.ROUNDS + 1)


def test_nobodys_hash_costs_as_much_and_nobody_has_it(work):
    assert nobodys_hash().split("$")[1] == str(passwords.ROUNDS)
    assert not matches("", nobodys_hash())
    assert not outdated(nobodys_hash())


def test_one_hash_at_a_time_and_few_wait(monkeypatch):
    monkeypatch.setattr(passwords, "_WAITING", threading.Semaphore(2))
    inside, entered, release = [], threading.Event(), threading.Event()

    def hash_slowly():
        with turn():
            inside.append(len(inside))
            entered.set()
            assert release.wait(10)

    waiting = [threading.Thread(target=hash_slowly) for _ in range(2)]
    waiting[0].start()
    assert entered.wait(10)
    waiting[1].start()
    # The second has its place in the queue as soon as there is none left.
    while passwords._WAITING.acquire(blocking=False):
        passwords._WAITING.release()
    assert inside == [0]
    with pytest.raises(Busy), turn():
        pass
    release.set()
    for thread in waiting:
        thread.join()
    with turn():
        assert inside == [0, 1]
