"""Accounts: made, disabled, reset, and who comes in (T/CASMES 615 9.3.1, 9.4.2).

There is no default account. Tries are counted by what was typed, so that a name that exists
answers word for word and in the same time as one that does not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from data.state import Account, CodeRefused, LastOne, NameTaken, NewAccount, PersonHolds, State
from security import factor, passwords
from security.first import code_digest
from security.keys import Keys
from security.roles import ADMINISTRATORS, KEEPERS, ROLES
from security.sm import sm3_hex
from translations import text

TRIES = 5
HOLD = timedelta(minutes=15)
UNUSED = timedelta(days=90)
FULL, PASSWORD, FACTOR = "full", "password", "factor"  # the stages of a session
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
    that tries are counted by; ``replayed`` whether a one-time code came a second time, ``forged``
    whether a certificate's signature was not good; ``stage`` what the account must still set before
    anything is open to it.
    """

    account: Account | None = None
    left: int = 0
    locked_until: datetime | None = None
    stage: str = FULL
    known: str = field(default="", compare=False)  # what is recorded is not what is said
    subject: str = field(default="", compare=False)
    replayed: bool = field(default=False, compare=False)
    forged: bool = field(default=False, compare=False)


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
    name = shown(wanted.name)
    against = passwords.reasons_against(wanted.password, name, language)
    return name_reasons(name, language) + against


def name_reasons(name: str, language: str) -> list[str]:
    """Return why no account can have a name.

    Parameters
    ----------
    name
        What ``shown`` returned.
    language
        The language of the reasons.

    Returns
    -------
    list of str
        Empty for a good one.
    """
    letters = all(c.isalnum() or c in _NAME_SIGNS for c in name)
    if letters and _SHORTEST_NAME <= len(name) <= _LONGEST_NAME:
        return []
    return [text("账号名为 2 至 64 个字母、数字或 . _ - @", language)]


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


def add_with_factor(
    state: State, keys: Keys, wanted: Wanted, at: datetime, language: str
) -> tuple[NewAccount, str]:
    """Make one account whose second factor is enrolled at once (T/CASMES 615 9.3.1, 9.4.2).

    Parameters
    ----------
    state, keys
        Where accounts are kept, and what seals the secret.
    wanted, at, language
        As in ``add``.

    Returns
    -------
    NewAccount, str
        What was kept, and the secret, base32: it is shown nowhere else.

    Raises
    ------
    AccountRefused
        Name or password are against the rules, or the name is taken.
    """
    secret = factor.new_secret()
    new = prepared(wanted, language)
    new = replace(new, totp=factor.sealed_secret(keys, secret, new.folded))
    try:
        state.accounts.add([new], at)
    except NameTaken as taken:
        raise AccountRefused([taken_words(taken, language)]) from taken
    return new, secret


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
        There is no such account, or it is the last active security administrator.
    """
    account = existing(state, name, language)
    try:
        state.accounts.disable(account.account, at)
    except LastOne as last:
        raise AccountRefused([last_words(language)]) from last
    return account


def last_words(language: str) -> str:
    """Return in words that the last security administrator stays.

    Parameters
    ----------
    language
        The reader's language.

    Returns
    -------
    str
        A sentence.
    """
    return text("最后一位启用中的安全管理员不能停用，也不能改任其他角色", language)


def person_words(language: str) -> str:
    """Return in words that a person holds another administrator's role.

    Parameters
    ----------
    language
        The reader's language.

    Returns
    -------
    str
        A sentence.
    """
    return text("此人已担任另一管理员角色；三员角色互斥", language)


def reset(
    state: State, name: str, password: str, at: datetime, language: str, *, enable: bool = True
) -> Account:
    """Give an account a new password: it is unlocked, its sessions end at once.

    Parameters
    ----------
    state, name, password, at, language
        Where, whose, the new password, when, and the language of the reasons.
    enable
        Whether a disabled account is enabled too.

    Returns
    -------
    Account
        The account as it was.

    Raises
    ------
    AccountRefused
        There is no such account, or the password is against the rules or was used before.
    security.passwords.Busy
        Too many wait already.
    """
    account = existing(state, name, language)
    with passwords.turn():
        reasons = against_new(state, account, password, language)
        if reasons:
            raise AccountRefused(reasons)
        kept = passwords.hashed(password)
    try:
        state.accounts.reset(account.account, kept, at, must_change=False, enable=enable)
    except PersonHolds as holds:
        raise AccountRefused([person_words(language)]) from holds
    state.accounts.forget_attempts(_subject(account.folded))
    return account


def reset_to_one_time(state: State, name: str, at: datetime, language: str) -> str:
    """Give an account a password that is told once and changed at the next login.

    Parameters
    ----------
    state, name, at, language
        Where, whose, when, and the language of the reasons.

    Returns
    -------
    str
        The password; only its hash is kept.

    Raises
    ------
    AccountRefused
        There is no such account, or it is disabled: to enable it needs two administrators.
    security.passwords.Busy
        Too many wait already.
    """
    account = existing(state, name, language)
    if account.disabled_at is not None:
        raise AccountRefused([text("账号已停用；启用须由两位管理员办理", language)])
    made = passwords.one_time()
    with passwords.turn():
        kept = passwords.hashed(made)
    state.accounts.reset(account.account, kept, at, must_change=True, enable=False)
    state.accounts.forget_attempts(_subject(account.folded))
    return made


def against_new(state: State, account: Account, password: str, language: str) -> list[str]:
    """Return why an account cannot take a new password; hold ``passwords.turn``.

    Parameters
    ----------
    state, account, password, language
        Where, whose, which, and the language of the reasons.

    Returns
    -------
    list of str
        Empty for a good one that is none of the last five.
    """
    reasons = passwords.reasons_against(password, account.name, language)
    if not reasons and passwords.used_before(password, _past(state, account)):
        key = "不能使用最近 {count} 次用过的密码"
        reasons.append(text(key, language, count=passwords.NOT_AGAIN))
    return reasons


def _past(state: State, account: Account) -> list[str]:
    return state.accounts.old_passwords(account.account, passwords.NOT_AGAIN)


def change_password(
    state: State, account: Account, old: str, new: str, at: datetime, language: str
) -> None:
    """Let somebody change his own password; his sessions end (T/CASMES 615 9.3.1).

    Parameters
    ----------
    state, account
        Where, and whose.
    old, new
        As they were typed.
    at, language
        When, and the language of the reasons.

    Raises
    ------
    AccountRefused
        The old one is wrong, tried too often, or the new one is against the rules.
    security.passwords.Busy
        Too many wait already; the try does not count.
    """
    subject = sm3_hex(f"change:{account.folded}".encode())
    with passwords.turn():
        attempt = state.accounts.count_attempt(subject, at, TRIES, HOLD)
        if attempt.refused:
            raise AccountRefused([text("错误次数过多，请 15 分钟后再试", language)])
        if not passwords.matches(old, account.password_hash):
            raise AccountRefused([text("原密码不正确", language)])
        state.accounts.forget_attempts(subject)
        reasons = against_new(state, account, new, language)
        if reasons:
            raise AccountRefused(reasons)
        kept = passwords.hashed(new)
    state.accounts.change_password(account.account, kept, at)


def existing(state: State, name: str, language: str) -> Account:
    """Return the account of a name.

    Parameters
    ----------
    state, name, language
        Where, which, and the language of the reason.

    Returns
    -------
    Account
        As it is kept.

    Raises
    ------
    AccountRefused
        There is none.
    """
    account = state.accounts.find(folded(name))
    if account is None:
        raise AccountRefused([text("没有账号 {name}", language, name=name)])
    return account


def _subject(folded_name: str) -> str:
    """Return what tries are counted by: a digest, for people type passwords as names."""
    return sm3_hex(f"account:{folded_name}".encode("utf-8", "surrogatepass"))


def enter(
    state: State,
    name: str,
    password: str,
    at: datetime,
    *,
    code: str = "",
    keys: Keys | None = None,
    by_password_alone: bool = False,
    certificate: Callable[[str], bool] | None = None,
) -> Entry:
    """Judge a try to come in (T/CASMES 615 9.3.1, 9.4.1).

    The try is counted before it is judged: many at the same time cannot pass the limit. A wrong
    code is told apart from a wrong password by nobody.

    Parameters
    ----------
    state
        Where accounts are kept.
    name, password
        As they were typed.
    at
        The time, UTC without a zone.
    code
        The one-time code, or a recovery code; looked at where the account has a second factor.
    keys
        What sealed the secrets.
    by_password_alone
        Whether no code is needed where none is given: the operating system has asked already.
    certificate
        Tells whether the certificate of a folded account name stands in place of the code; None
        where none was shown.

    Returns
    -------
    Entry
        The account and its stage, or how many tries are left, or until when no more are taken.

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
        refused = Entry(
            None, TRIES - attempt.failures, attempt.locked_until, known=known, subject=subject
        )
        right = passwords.matches(password, kept)
        if not right or account is None or account.disabled_at is not None:
            return refused
        if certificate is not None:
            if not certificate(account.folded):
                return replace(refused, forged=True)
        elif account.totp and (code or not by_password_alone):
            try:
                if not factor.accepted(state, keys, account, code, at):
                    return refused
            except factor.Replayed:
                return replace(refused, replayed=True)
        if unused(account, at) and _disabled(state, account, at):
            return refused
        state.accounts.forget_attempts(subject)
        if passwords.outdated(kept):
            state.accounts.set_password(account.account, passwords.hashed(password))
        return Entry(account, stage=stage_of(account, at), known=known, subject=subject)


def unused(account: Account, at: datetime) -> bool:
    """Tell whether nobody has come in with an account for so long that it is disabled.

    Parameters
    ----------
    account, at
        Which, and when.

    Returns
    -------
    bool
        After 90 days.
    """
    return at - (account.last_login_at or account.created_at) >= UNUSED


def _disabled(state: State, account: Account, at: datetime) -> bool:
    """Disable an account that was left unused; False for the one that must stay."""
    try:
        state.accounts.disable(account.account, at, "unused")
    except LastOne:
        return False
    return True


def stage_of(account: Account, at: datetime) -> str:
    """Return what an account must set before anything else is open to it.

    Parameters
    ----------
    account, at
        Whose, and when.

    Returns
    -------
    str
        ``password``, then ``factor``, then ``full``.
    """
    if account.must_change or passwords.expired(account.password_changed_at, at):
        return PASSWORD
    return FULL if account.totp else FACTOR


def vouched(
    state: State, keys: Keys, name: str, password: str, code: str, at: datetime, language: str
) -> Account:
    """Return the administrator who stands for a change made from the console.

    Parameters
    ----------
    state, keys, name, password, code
        Where, what opens secrets, who, and what proves it.
    at, language
        When, and the language of the reasons.

    Returns
    -------
    Account
        An active system or security administrator.

    Raises
    ------
    AccountRefused
        Account, password or code are not right, or it is no such administrator.
    """
    try:
        entry = enter(state, name, password, at, code=code, keys=keys)
    except passwords.Busy as busy:
        raise AccountRefused([text("正在登录的人太多，请稍后再试", language)]) from busy
    if entry.account is None:
        raise AccountRefused([text("管理员账号、密码或动态口令不正确，或账号已锁定", language)])
    if entry.stage != FULL:
        raise AccountRefused([text("担保的管理员须先在网页上登记动态口令或修改密码", language)])
    if entry.account.role not in KEEPERS:
        raise AccountRefused([text("须由系统管理员或安全管理员担保", language)])
    return entry.account
