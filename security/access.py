"""Accounts and rights on the page: what one administrator asks for, the other decides (9.4).

Created, enabled, given a role, sites, a policy, a display: asked for by a system or a security
administrator and decided by the other of these two, never about oneself. Disabled, signed out,
given a new password or freed of the second factor: by a system administrator alone. Whatever is
refused is recorded; the database refuses the same by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from data.state import (
    DENIED,
    AccessRequest,
    Account,
    Decided,
    Decider,
    Entry,
    LastOne,
    NameTaken,
    NewAccount,
    NewRequest,
    PersonHolds,
    Stale,
    State,
    change_account,
    enable_account,
    grant_display,
    make_account,
    put_policy,
)
from security import accounts, passwords, people, policy
from security.accounts import AccountRefused, existing, folded, last_words, person_words
from security.first import display_link
from security.keys import Keys
from security.policy import MONITORING, Cell
from security.roles import ADMINISTRATORS, KEEPERS, ROLES
from translations import text

_DISPLAY = re.compile(r"[\w .()（）-]{2,40}")
_ADDRESS = re.compile(r"[0-9a-fA-F.:]{0,45}")
LONGEST_REASON = 500


@dataclass(frozen=True)
class Keeper:
    """Who acts: an administrator's account and role."""

    name: str
    role: str


@dataclass(frozen=True)
class Done:
    """What came of an accepted request: what is shown once, or nothing.

    Parameters
    ----------
    request
        As it was.
    password
        The one-time password of a new account.
    link
        The path of a display's link.
    """

    request: AccessRequest
    password: str = ""
    link: str = ""


@dataclass(frozen=True)
class Office:
    """Where administrators work: the state, the keys, the time, the reader's language."""

    state: State
    keys: Keys
    at: datetime
    language: str

    def words(self, key: str, **values: object) -> str:
        """Return a sentence in the reader's language."""
        return text(key, self.language, **values)

    def refuse(self, event: str, what: str, *reasons: str) -> AccountRefused:
        """Record that something was refused and return the refusal, to be raised."""
        self.state.audit.record(Entry(event, what, "; ".join(reasons), DENIED))
        return AccountRefused(reasons)


def _keeper(office: Office, by: Keeper, event: str, what: str, *roles: str) -> None:
    """Refuse whoever is none of some roles."""
    if by.role not in (roles or KEEPERS):
        raise office.refuse(event, what, office.words("您的角色不能办理此事"))


# Asking


def ask_account(office: Office, by: Keeper, wanted: Mapping[str, str], sites: Sequence[str]) -> int:
    """Ask for an account.

    Parameters
    ----------
    office, by
        Where, and who asks.
    wanted
        ``name``, ``role``, ``person`` and ``phone`` as they were typed.
    sites
        The sites it may see; none: all.

    Returns
    -------
    int
        The request's number.

    Raises
    ------
    AccountRefused
        It is against the rules, or the name is taken.
    """
    name, role = accounts.shown(wanted.get("name", "")), wanted.get("role", "")
    _keeper(office, by, "account.request", f"account {name}")
    person, phone = wanted.get("person", ""), wanted.get("phone", "")
    reasons = accounts.name_reasons(name, office.language)
    reasons += people.reasons_against(person, phone, office.language)
    if role not in ROLES:
        reasons.append(office.words("请选择角色"))
    if office.state.accounts.find(folded(name)) is not None:
        reasons.append(office.words("账号名 {name} 已被使用", name=name))
    found = people.sealed(office.keys, folded(name), person, phone)
    if role in ADMINISTRATORS:
        if not found.person_mac:
            reasons.append(office.words("管理员账号须写姓名：三员角色不能由一人兼任"))
        elif _holds(office, found.person_mac, folded(name)):
            reasons.append(person_words(office.language))
    if reasons:
        raise office.refuse("account.request", f"account {name}", *reasons)
    body = {
        "role": role, "sites": list(sites), "person": found.person, "phone": found.phone,
        "person_mac": found.person_mac,
    }  # fmt: skip
    return _ask(office, by, "account", name, body)


def _holds(office: Office, person_mac: str, but: str) -> bool:
    """Tell whether a person has an active administrator's account, one name left out."""
    return bool(person_mac) and any(
        one.person_mac == person_mac and one.role in ADMINISTRATORS and one.disabled_at is None
        for one in office.state.accounts.everyone()
        if one.folded != but
    )


def ask_role(office: Office, by: Keeper, name: str, role: str) -> int:
    """Ask for another role of an account.

    Parameters
    ----------
    office, by
        Where, and who asks.
    name, role
        Whose, and which.

    Returns
    -------
    int
        The request's number.

    Raises
    ------
    AccountRefused
        There is no such account or role, it is one's own, or it would break a rule.
    """
    account = _of_another(office, by, "role", name)
    if role not in ROLES or role == account.role:
        raise office.refuse("account.request", f"role {name}", office.words("请选择另一个角色"))
    if role in ADMINISTRATORS and not account.person_mac:
        words = office.words("此账号没有登记姓名，不能担任管理员；请另建账号")
        raise office.refuse("account.request", f"role {name}", words)
    if role in ADMINISTRATORS and _holds(office, account.person_mac, account.folded):
        raise office.refuse("account.request", f"role {name}", person_words(office.language))
    return _ask(office, by, "role", account.name, {"before": account.role, "role": role})


def ask_sites(office: Office, by: Keeper, name: str, sites: Sequence[str]) -> int:
    """Ask for other sites of an account.

    Parameters
    ----------
    office, by
        Where, and who asks.
    name, sites
        Whose, and which; none: all.

    Returns
    -------
    int
        The request's number.

    Raises
    ------
    AccountRefused
        There is no such account, it is one's own, or nothing would change.
    """
    account = _of_another(office, by, "sites", name)
    after = _written(sites)
    if after == account.sites:
        raise office.refuse("account.request", f"sites {name}", office.words("站点范围没有变化"))
    return _ask(office, by, "sites", account.name, {"before": account.sites, "sites": after})


def ask_enable(office: Office, by: Keeper, name: str) -> int:
    """Ask that a disabled account may be used again.

    Parameters
    ----------
    office, by, name
        Where, who asks, and whose.

    Returns
    -------
    int
        The request's number.

    Raises
    ------
    AccountRefused
        There is no such account, or it is not disabled.
    """
    account = _of_another(office, by, "enable", name)
    if account.disabled_at is None:
        raise office.refuse("account.request", f"enable {name}", office.words("账号没有停用"))
    return _ask(office, by, "enable", account.name, {})


def ask_policy(office: Office, by: Keeper, cells: Mapping[Cell, bool]) -> int:
    """Ask for another policy; the security administrator asks, the system administrator decides.

    Parameters
    ----------
    office, by
        Where, and who asks.
    cells
        Every switchable cell to whether it is allowed.

    Returns
    -------
    int
        The request's number.

    Raises
    ------
    AccountRefused
        Somebody else asks, nothing would change, or a fixed cell is touched.
    """
    _keeper(office, by, "account.request", "policy", "secadmin")
    if not all(policy.switchable(*cell) for cell in cells):
        raise office.refuse("account.request", "policy", office.words("固定的权限不能改动"))
    matrix = policy.written(cells)
    if not policy.difference(office.state.access.matrix(), matrix):
        raise office.refuse("account.request", "policy", office.words("权限没有变化"))
    body = {"matrix": matrix, "base": policy.version(office.state)}
    return _ask(office, by, "policy", "policy", body)


def ask_display(office: Office, by: Keeper, wanted: Mapping[str, str], sites: Sequence[str]) -> int:
    """Ask for a wall screen that shows a page without anybody signing in.

    Parameters
    ----------
    office, by
        Where, and who asks.
    wanted
        ``name``, ``page`` and ``address``; without an address the first that opens it counts.
    sites
        The sites it may show; none: all.

    Returns
    -------
    int
        The request's number.

    Raises
    ------
    AccountRefused
        Name, page or address cannot be.
    """
    name = people.normal(wanted.get("name", ""))
    _keeper(office, by, "account.request", f"display {name}")
    page, address = wanted.get("page", ""), wanted.get("address", "").strip()
    reasons = []
    if not _DISPLAY.fullmatch(name):
        reasons.append(office.words("大屏名称为 2 至 40 个字"))
    if page not in MONITORING:
        reasons.append(office.words("请选择监测页面"))
    if not _ADDRESS.fullmatch(address):
        reasons.append(office.words("地址须为 IP 地址，或留空"))
    if reasons:
        raise office.refuse("account.request", f"display {name}", *reasons)
    body = {"page": page, "sites": _written(sites), "address": address}
    return _ask(office, by, "display", name, body)


def _written(sites: Sequence[str]) -> str:
    return json.dumps(sorted(set(sites)), ensure_ascii=False) if sites else ""


def _of_another(office: Office, by: Keeper, kind: str, name: str) -> Account:
    """Return the account a request is about; refuse who asks about his own."""
    _keeper(office, by, "account.request", f"{kind} {name}")
    account = existing(office.state, name, office.language)
    if account.name == by.name:
        words = office.words("不能为自己的账号申请变更")
        raise office.refuse("account.request", f"{kind} {name}", words)
    return account


def _ask(office: Office, by: Keeper, kind: str, subject: str, body: Mapping[str, Any]) -> int:
    new = NewRequest(kind, subject, body, by.name, by.role)
    return office.state.access.propose(new, office.at)


# Deciding


def reject(office: Office, by: Keeper, number: int, reason: str) -> AccessRequest:
    """Reject a request: everything stays as it is.

    Parameters
    ----------
    office, by, number
        Where, who decides, and which.
    reason
        Why; needed.

    Returns
    -------
    AccessRequest
        As it was.

    Raises
    ------
    AccountRefused
        It may not be decided by this one, is decided already, or there is no reason.
    """
    found = _decidable(office, by, number)
    if not reason.strip():
        raise AccountRefused([office.words("驳回须写原因")])
    try:
        office.state.access.reject(
            number, Decider(by.name, by.role), office.at, reason.strip()[:LONGEST_REASON]
        )
    except Decided as decided:
        raise AccountRefused([office.words("这项申请已经处理过")]) from decided
    return found


def hindrance(by: Keeper, found: AccessRequest, language: str) -> str:
    """Return why somebody cannot decide about a request, in words; empty where he can.

    Parameters
    ----------
    by, found, language
        Who, which, and the reader's language.

    Returns
    -------
    str
        A sentence or nothing.
    """
    if by.role not in KEEPERS:
        return text("您的角色不能办理此事", language)
    if found.proposer == by.name:
        return text("不能处理自己提出的申请", language)
    if found.proposer_role == by.role:
        return text("须由另一类管理员处理（系统管理员与安全管理员互相制约）", language)
    if found.kind not in ("policy", "display") and found.subject == by.name:
        return text("不能处理关于自己账号的申请", language)
    return ""


def _decidable(office: Office, by: Keeper, number: int) -> AccessRequest:
    found = office.state.access.request(number)
    if found is None:
        raise office.refuse("account.decide", f"request={number}", office.words("没有这项申请"))
    why = hindrance(by, found, office.language)
    if why:
        raise office.refuse("account.decide", f"request={number}", why)
    if found.status != "open":
        raise AccountRefused([office.words("这项申请已经处理过")])
    return found


def accept(office: Office, by: Keeper, number: int) -> Done:
    """Accept a request and put it in force at once.

    Parameters
    ----------
    office, by, number
        Where, who decides, and which.

    Returns
    -------
    Done
        With what is shown only now.

    Raises
    ------
    AccountRefused
        It may not be decided by this one, is decided already, or cannot be done any more.
    security.passwords.Busy
        Too many passwords wait to be hashed.
    """
    found = _decidable(office, by, number)
    do, done = _DOES[found.kind](office, by, found)
    try:
        office.state.access.accept(found, Decider(by.name, by.role), office.at, do)
    except Decided as decided:
        raise AccountRefused([office.words("这项申请已经处理过")]) from decided
    except NameTaken as taken:
        words = office.words("账号名 {name} 已被使用", name=str(taken))
        raise office.refuse("account.decide", f"request={number}", words) from taken
    except PersonHolds as holds:
        words = person_words(office.language)
        raise office.refuse("account.decide", f"request={number}", words) from holds
    except LastOne as last:
        words = last_words(office.language)
        raise office.refuse("account.decide", f"request={number}", words) from last
    except Stale as stale:
        words = office.words("提出后情况已有变化，请驳回后重新提出")
        raise office.refuse("account.decide", f"request={number}", words) from stale
    return done


Doing = tuple[Callable[[Any], None], Done]


def _account(office: Office, by: Keeper, found: AccessRequest) -> Doing:
    password = passwords.one_time()
    with passwords.turn():
        kept = passwords.hashed(password)
    body = found.body
    new = NewAccount(
        found.subject, folded(found.subject), str(body["role"]), kept, str(body["person"]),
        str(body["person_mac"]), str(body["phone"]), _written(body["sites"]), must_change=True,
    )  # fmt: skip
    return partial(make_account, new=new, at=office.at), Done(found, password=password)


def _role(office: Office, by: Keeper, found: AccessRequest) -> Doing:
    before, after = {"role": str(found.body["before"])}, {"role": str(found.body["role"])}
    do = partial(change_account, name=found.subject, before=before, after=after, at=office.at)
    return do, Done(found)


def _sites(office: Office, by: Keeper, found: AccessRequest) -> Doing:
    before, after = {"sites": str(found.body["before"])}, {"sites": str(found.body["sites"])}
    do = partial(change_account, name=found.subject, before=before, after=after, at=office.at)
    return do, Done(found)


def _enable(office: Office, by: Keeper, found: AccessRequest) -> Doing:
    return partial(enable_account, name=found.subject, at=office.at), Done(found)


def _policy(office: Office, by: Keeper, found: AccessRequest) -> Doing:
    matrix = policy.written(policy.switched(str(found.body["matrix"])))
    if not policy.administrators_apart(policy.cells(matrix)):
        raise office.refuse("account.decide", f"request={found.request}", "separation")
    do = partial(
        put_policy, matrix=matrix, base=int(found.body["base"]), by=(found.proposer, by.name),
        at=office.at,
    )  # fmt: skip
    return do, Done(found)


def _show(office: Office, by: Keeper, found: AccessRequest) -> Doing:
    path, digest = display_link()
    grant = {"name": found.subject} | {
        name: str(found.body[name]) for name in ("page", "sites", "address")
    }
    do = partial(grant_display, grant=grant, token_digest=digest, by=by.name, at=office.at)
    return do, Done(found, link=path)


_DOES: Mapping[str, Callable[[Office, Keeper, AccessRequest], Doing]] = {
    "account": _account,
    "role": _role,
    "sites": _sites,
    "enable": _enable,
    "policy": _policy,
    "display": _show,
}


# Done by one alone


def _alone(office: Office, by: Keeper, event: str, name: str, *, own: bool = False) -> Account:
    """Return the account that a system administrator deals with alone; never his own."""
    _keeper(office, by, event, name, "sysadmin")
    account = existing(office.state, name, office.language)
    if account.name == by.name and not own:
        raise office.refuse(event, name, office.words("不能对自己的账号这样做"))
    return account


def disable(office: Office, by: Keeper, name: str) -> Account:
    """Let nobody use an account any more; its sessions end at once.

    Parameters
    ----------
    office, by, name
        Where, who, and whose.

    Returns
    -------
    Account
        As it was.

    Raises
    ------
    AccountRefused
        It is one's own, or the last active security administrator.
    """
    account = _alone(office, by, "account.disable", name)
    try:
        office.state.accounts.disable(account.account, office.at)
    except LastOne as last:
        words = last_words(office.language)
        raise office.refuse("account.disable", name, words) from last
    return account


def sign_out(office: Office, by: Keeper, name: str) -> Account:
    """End every session of an account.

    Parameters
    ----------
    office, by, name
        Where, who, and whose.

    Returns
    -------
    Account
        As it was.

    Raises
    ------
    AccountRefused
        There is none such.
    """
    account = _alone(office, by, "session.end", name, own=True)
    office.state.accounts.end_sessions_of(account.account, office.at)
    return account


def _not_both(office: Office, account: Account, event: str, *, pending: bool) -> None:
    """Refuse to reset the second half of an administrator's login before the first is set anew.

    Whoever resets password and second factor could come in as the other administrator and accept
    what he asked for himself.
    """
    if pending and account.role in ADMINISTRATORS:
        words = office.words("管理员的密码和动态口令不能都重设：先由本人设好其中一个")
        raise office.refuse(event, account.name, words)


def reset_password(office: Office, by: Keeper, name: str) -> str:
    """Give an account a one-time password that is changed at the next login.

    Parameters
    ----------
    office, by, name
        Where, who, and whose.

    Returns
    -------
    str
        To be told once.

    Raises
    ------
    AccountRefused
        It is one's own, disabled, or an administrator's without a second factor.
    security.passwords.Busy
        Too many passwords wait to be hashed.
    """
    account = _alone(office, by, "account.reset", name)
    _not_both(office, account, "account.reset", pending=not account.totp)
    return accounts.reset_to_one_time(office.state, account.name, office.at, office.language)


def reset_factor(office: Office, by: Keeper, name: str) -> Account:
    """Free an account of its second factor: another is enrolled at the next login.

    Parameters
    ----------
    office, by, name
        Where, who, and whose.

    Returns
    -------
    Account
        As it was.

    Raises
    ------
    AccountRefused
        It is one's own, or an administrator's whose password was just reset.
    """
    account = _alone(office, by, "account.factor", name)
    _not_both(office, account, "account.factor", pending=bool(account.must_change))
    office.state.accounts.clear_factor(account.account, office.at)
    return account


def revoke_display(office: Office, by: Keeper, display: int) -> None:
    """Revoke a wall screen at once.

    Parameters
    ----------
    office, by, display
        Where, who, and which.

    Raises
    ------
    AccountRefused
        Somebody else than a system or a security administrator asks.
    """
    _keeper(office, by, "display.revoke", str(display))
    office.state.access.revoke(display, office.at)


def unmask(office: Office, by: Keeper, name: str) -> tuple[str, str]:
    """Return name and telephone of an account, whole; who looks is recorded.

    Parameters
    ----------
    office, by, name
        Where, who, and whose.

    Returns
    -------
    str, str
        Empty where there is none.

    Raises
    ------
    AccountRefused
        Somebody else than a system or a security administrator asks.
    """
    _keeper(office, by, "account.unmask", name)
    account = existing(office.state, name, office.language)
    return people.unmasked(office.state, office.keys, account)
