"""Accounts: made, disabled, reset, and who comes in (T/CASMES 615 9.3.1, 9.4.2).

There is no default account. Tries are counted by what was typed, so that a name that exists
answers word for word and in the same time as one that does not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from data.state import Account, CodeRefused, NameTaken, NewAccount, State
from security import passwords
from security.first import code_digest
from security.roles import ADMINISTRATORS, ROLES
from security.sm import sm3_hex
from translations import text

TRIES = 5
HOLD = timedelta(minutes=15)
FIRST = (*ADMINISTRATORS, "analyst")
_SHORTEST_NAME, _LONGEST_NAME = 2, 64
_SETUP = sm3_hex(b"setup")
_NAME_SIGNS = frozenset("._-@")


class AccountRefused(Exception):
    """An account cannot be made or changed; ``reasons`` say why in the reader's language."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


class SetupRefused(Exception):
    """The first accounts cannot be made; ``reasons`` by role, or by ``code`` or ``form``."""

    def __init__(self, reasons: Mapping[str, Sequence[str]]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = dict(reasons)


@dataclass(frozen=True)
class Wanted:
    """An account that somebody wants to be made."""

    name: str
    role: str
    password: str


@dataclass(frozen=True)
class Entry:
    """How a try to come in ended: with an account, or with what to say.

    ``known`` is the name of the account that was tried, if there is one; ``subject`` the digest
    that tries are counted by.
    """

    account: Account | None = None
    left: int = 0
    locked_until: datetime | None = None
    known: str = field(default="", compare=False)  # what is recorded is not what is said
    subject: str = field(default="", compare=False)


def folded(name: str) -> str:
    """Return a name as it is compared.

    Parameters
    ----------
    name
        As it was typed.

    Returns
    -------
    str
        Normal form NFKC without case and surrounding blanks.
    """
    return shown(name).casefold()


def shown(name: str) -> str:
    """Return a name as it is kept and shown.

    Parameters
    ----------
    name
        As it was typed.

    Returns
    -------
    str
        Normal form NFKC without surrounding blanks.
    """
    normal = unicodedata.normalize("NFKC", name[: 4 * _LONGEST_NAME]).strip()
    return normal.encode("utf-8", "replace").decode()  # half a sign: no database can keep it


def reasons_against(wanted: Wanted, language: str) -> list[str]:
    """Return why an account cannot be made with this name and password.

    Parameters
    ----------
    wanted
        Name, role and password.
    language
        The language of the reasons.

    Returns
    -------
    list of str
        Empty for a good name and a good password.
    """
    name, reasons = shown(wanted.name), []
    letters = all(c.isalnum() or c in _NAME_SIGNS for c in name)
    if not letters or not _SHORTEST_NAME <= len(name) <= _LONGEST_NAME:
        reasons.append(text("账号名为 2 至 64 个字母、数字或 . _ - @", language))
    return reasons + passwords.reasons_against(wanted.password, name, language)


def prepared(wanted: Wanted, language: str) -> NewAccount:
    """Return an account ready to be kept, its password hashed.

    Parameters
    ----------
    wanted
        Name, role and password.
    language
        The language of the reasons.

    Returns
    -------
    NewAccount
        What the state keeps.

    Raises
    ------
    AccountRefused
        Name or password are against the rules.
    ValueError
        There is no such role.
    """
    if wanted.role not in ROLES:
        raise ValueError(wanted.role)
    reasons = reasons_against(wanted, language)
    if reasons:
        raise AccountRefused(reasons)
    name = shown(wanted.name)
    return NewAccount(name, folded(name), wanted.role, passwords.hashed(wanted.password))


def add(state: State, wanted: Wanted, at: datetime, language: str) -> NewAccount:
    """Make one account (T/CASMES 615 9.4.2).

    Parameters
    ----------
    state
        Where accounts are kept.
    wanted
        Name, role and password.
    at
        The time, UTC without a zone.
    language
        The language of the reasons.

    Returns
    -------
    NewAccount
        What was kept.

    Raises
    ------
    AccountRefused
        Name or password are against the rules, or the name is taken.
    """
    new = prepared(wanted, language)
    try:
        state.accounts.add([new], at)
    except NameTaken as taken:
        raise AccountRefused([taken_words(taken, language)]) from taken
    return new


def make_first(
    state: State, code: str, wanted: Sequence[Wanted], at: datetime, language: str
) -> None:
    """Make the first accounts and spend the set-up code, all or nothing (T/CASMES 615 9.4.2).

    Parameters
    ----------
    state
        Where accounts are kept.
    code
        The set-up code as it was typed.
    wanted
        One account for each role of ``FIRST``.
    at
        The time, UTC without a zone.
    language
        The language of the reasons.

    Raises
    ------
    SetupRefused
        The code is not right, tried too often, or an account is against the rules.
    ValueError
        The roles are not those of ``FIRST``.
    security.passwords.Busy
        Too many wait already; the try does not count.
    """
    if tuple(one.role for one in wanted) != FIRST:
        raise ValueError([one.role for one in wanted])
    digest = code_digest(code)
    with passwords.turn():
        attempt = state.accounts.count_attempt(_SETUP, at, TRIES, HOLD)
        if attempt.refused:
            raise SetupRefused({"code": [text("设置码多次错误，请 15 分钟后再试", language)]})
        wrong = {"code": [text("设置码不正确或已失效", language)]}
        if not state.accounts.has_code("setup", digest):
            raise SetupRefused(wrong)
        state.accounts.forget_attempts(_SETUP)
        new = _all_prepared(wanted, language)
        try:
            state.accounts.add_first(new, digest, at)
        except CodeRefused as refused:
            raise SetupRefused(wrong) from refused


def _all_prepared(wanted: Sequence[Wanted], language: str) -> list[NewAccount]:
    """Return the accounts ready to be kept, none hashed unless all are good."""
    reasons: dict[str, list[str]] = {}
    seen: set[str] = set()
    for one in wanted:
        found = reasons_against(one, language)
        if folded(one.name) in seen:
            found.append(text("账号名 {name} 已被使用", language, name=one.name))
        seen.add(folded(one.name))
        if found:
            reasons[one.role] = found
    if reasons:
        raise SetupRefused(reasons)
    return [prepared(one, language) for one in wanted]


def taken_words(taken: NameTaken, language: str) -> str:
    """Return in words that a name is taken.

    Parameters
    ----------
    taken
        What the state raised.
    language
        The reader's language.

    Returns
    -------
    str
        A sentence.
    """
    return text("账号名 {name} 已被使用", language, name=str(taken))


def disable(state: State, name: str, at: datetime, language: str) -> Account:
    """Let nobody use an account any more; its sessions end at once (T/CASMES 615 9.4.2).

    Parameters
    ----------
    state, name, at, language
        Where, whose, when, and the language of the reasons.

    Returns
    -------
    Account
        The account as it was.

    Raises
    ------
    AccountRefused
        There is no such account.
    """
    account = _existing(state, name, language)
    state.accounts.disable(account.account, at)
    return account


def reset(state: State, name: str, password: str, language: str) -> Account:
    """Give an account a new password: it is unlocked and enabled, its sessions end at once.

    Parameters
    ----------
    state, name, password, language
        Where, whose, the new password, and the language of the reasons.

    Returns
    -------
    Account
        The account as it was.

    Raises
    ------
    AccountRefused
        There is no such account, or the password is against the rules.
    """
    account = _existing(state, name, language)
    reasons = passwords.reasons_against(password, account.name, language)
    if reasons:
        raise AccountRefused(reasons)
    state.accounts.reset(account.account, passwords.hashed(password))
    state.accounts.forget_attempts(_subject(account.folded))
    return account


def _existing(state: State, name: str, language: str) -> Account:
    account = state.accounts.find(folded(name))
    if account is None:
        raise AccountRefused([text("没有账号 {name}", language, name=name)])
    return account


def _subject(folded_name: str) -> str:
    """Return what tries are counted by: a digest, for people type passwords as names."""
    return sm3_hex(f"account:{folded_name}".encode("utf-8", "surrogatepass"))


def enter(state: State, name: str, password: str, at: datetime) -> Entry:
    """Judge a try to come in (T/CASMES 615 9.3.1, 9.4.1).

    The try is counted before it is judged: many at the same time cannot pass the limit.

    Parameters
    ----------
    state
        Where accounts are kept.
    name, password
        As they were typed.
    at
        The time, UTC without a zone.

    Returns
    -------
    Entry
        The account, or how many tries are left, or until when no more are taken.

    Raises
    ------
    security.passwords.Busy
        Too many wait to come in; the try does not count.
    """
    key = folded(name)
    subject = _subject(key)
    with passwords.turn():
        attempt = state.accounts.count_attempt(subject, at, TRIES, HOLD)
        account = state.accounts.find(key)
        known = "" if account is None else account.name
        if attempt.refused:
            return Entry(locked_until=attempt.locked_until, known=known, subject=subject)
        kept = passwords.nobodys_hash() if account is None else account.password_hash
        right = passwords.matches(password, kept)
        if not right or account is None or account.disabled_at is not None:
            left = TRIES - attempt.failures
            return Entry(None, left, attempt.locked_until, known, subject)
        state.accounts.forget_attempts(subject)
        if passwords.outdated(kept):
            state.accounts.set_password(account.account, passwords.hashed(password))
        return Entry(account, known=known, subject=subject)
