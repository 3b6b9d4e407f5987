"""One's own account: password, second factor, recovery codes, sessions; plain forms like the login.

Whoever has a password to change or a second factor to enrol reaches nothing else until it is done
(T/CASMES 615 9.3.1, 9.4.1). Every such step gives the browser another session.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request

from data.state import FAILURE, Account, CodeRefused, Entry, acting, acts
from security import factor, web
from security.accounts import (
    FACTOR,
    FULL,
    HOLD,
    PASSWORD,
    TRIES,
    AccountRefused,
    change_password,
    stage_of,
)
from security.passwords import Busy
from security.roles import role_name
from security.sm import Refused, sm3_hex

HOME = "/account"
PLACES = {PASSWORD: "/account/password", FACTOR: "/account/factor"}
PATHS = (HOME, *PLACES.values(), "/account/codes")
_ZONE = ZoneInfo("Asia/Shanghai")


def register(found: Blueprint) -> None:
    """Register the pages.

    Parameters
    ----------
    found
        The blueprint of the plain forms.
    """
    found.get(HOME)(account)
    found.get(PLACES[PASSWORD])(password_form)
    found.post(PLACES[PASSWORD])(password)
    found.get(PLACES[FACTOR])(factor_form)
    found.post(PLACES[FACTOR])(enrol)
    found.get("/account/codes")(codes_form)
    found.post("/account/codes")(codes)


def begin(answer: Response, of: Account, stage: str) -> None:
    """Give the browser a new session of an account; the one it had ends.

    Parameters
    ----------
    answer
        The response to send it with.
    of, stage
        Whose, and what must still be set.
    """
    here = web.installed()
    with acts(replace(acting(), actor=of.name, role=of.role)):
        opened = here.sessions.open(
            of.account, request.remote_addr or "", web.session_token(request), stage
        )
    web.give_session(answer, opened)
    web.keep_csrf(answer, secrets.token_urlsafe(32))


def _mine() -> Account:
    """Return the account of who asks; the gate has let nobody else in."""
    session = web.current()
    found = None
    if session is not None and session.account is not None:
        found = web.installed().state.accounts.by_number(session.account)
    if found is None:
        raise RuntimeError("the gate lets only accounts in here")
    return found


def _stage() -> str:
    session = web.current()
    return session.stage if session else FULL


def _language() -> str:
    return web.page_language(request, web.installed().language)


def _when(moment: datetime | None) -> str:
    if moment is None:
        return "--"
    return f"{moment.replace(tzinfo=ZoneInfo('UTC')).astimezone(_ZONE):%Y-%m-%d %H:%M}"


def _expired() -> str:
    return web.words("表单已过期，请重新输入（浏览器须允许 Cookie）")


def account() -> Response:
    """Answer GET /account: who one is here, and what one can change."""
    mine, session, here = _mine(), web.current(), web.installed()
    sessions = [
        {
            "since": _when(one.created_at),
            "seen": _when(here.clock() if session and one == session else one.seen_at),
            "address": one.address,
            "here": session is not None and one.token_digest == session.token_digest,
        }
        for one in here.state.accounts.sessions()
        if one.account == mine.account
    ]
    return web.page(
        "account.html",
        200,
        account=mine,
        role=role_name(mine.role, _language()),
        changed=_when(mine.password_changed_at),
        login=_when(mine.last_login_at),
        left=here.state.accounts.recovery_codes_left(mine.account),
        sessions=sessions,
        done=request.args.get("done", "")[:20],
    )


def password_form() -> Response:
    """Answer GET /account/password: the form of another password."""
    return _password_page(200, [])


def _password_page(status: int, reasons: Sequence[str]) -> Response:
    return web.page("password.html", status, reasons=reasons, must=_stage() == PASSWORD)


def password() -> Response:
    """Answer POST /account/password: another password, or why not; other sessions end."""
    mine, here = _mine(), web.installed()
    form = request.form
    if not web.csrf_right():
        return _password_page(403, [_expired()])
    if form.get("new", "") != form.get("again", ""):
        return _password_page(400, [web.words("两次输入的新密码不同")])
    try:
        change_password(
            here.state, mine, form.get("old", ""), form.get("new", ""), here.clock(), _language()
        )
    except AccountRefused as refused:
        here.state.audit.record(Entry("account.password", mine.name, "refused", FAILURE))
        return _password_page(400, refused.reasons)
    except Busy:
        return _password_page(503, [web.words("正在登录的人太多，请稍后再试")])
    stage = stage_of(_mine(), here.clock())
    answer = web.go(PLACES.get(stage, f"{HOME}?done=password"))
    begin(answer, mine, stage)
    return answer


def factor_form() -> Response:
    """Answer GET /account/factor: a new secret as a picture and in words."""
    if _mine().totp:
        return web.go(HOME)
    return _factor_page(200, factor.new_secret())


def _factor_page(status: int, secret: str, error: str = "") -> Response:
    mine = _mine()
    place = "account", "totp_new", f"{mine.folded}|{_digest()}"
    return web.page(
        "factor.html",
        status,
        error=error,
        picture=factor.picture(factor.address(mine.name, secret)),
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        sealed=web.held_keys().seal_field(secret.encode(), *place),
    )


def _digest() -> str:
    session = web.current()
    return session.token_digest if session else ""


def enrol() -> Response:
    """Answer POST /account/factor: the second factor is kept once a code has proved it."""
    mine, here, keys = _mine(), web.installed(), web.held_keys()
    if mine.totp:
        return web.go(HOME)
    if not web.csrf_right():
        return _factor_page(403, factor.new_secret(), _expired())
    place = "account", "totp_new", f"{mine.folded}|{_digest()}"
    try:
        secret = keys.open_field(request.form.get("sealed", ""), *place).decode()
    except Refused:  # of another session, or not ours
        return _factor_page(400, factor.new_secret(), _expired())
    step = factor.right_step(secret, request.form.get("code", ""), here.clock(), 0)
    if step is None:
        words = web.words("动态口令不正确，请核对手机时间后再输入一次")
        return _factor_page(400, secret, words)
    shown = factor.recovery_codes()
    digests = [factor.recovery_digest(mine.folded, code) for code in shown]
    try:
        kept = factor.sealed_secret(keys, secret, mine.folded)
        here.state.accounts.enrol(mine.account, kept, step, digests, here.clock())
    except CodeRefused:  # enrolled at the same moment elsewhere
        return web.go(HOME)
    answer = web.page("codes.html", 200, codes=shown, error="")
    begin(answer, mine, stage_of(_mine(), here.clock()))
    return answer


def codes_form() -> Response:
    """Answer GET /account/codes: the form that makes new recovery codes."""
    return web.page("codes.html", 200, codes=[], error="")


def codes() -> Response:
    """Answer POST /account/codes: new recovery codes against a one-time code, shown once."""
    mine, here = _mine(), web.installed()
    if not web.csrf_right():
        return web.page("codes.html", 403, codes=[], error=_expired())
    error = _against_code(mine)
    if error:
        here.state.audit.record(Entry("account.factor", mine.name, "refused", FAILURE))
        return web.page("codes.html", 400, codes=[], error=error)
    shown = factor.recovery_codes()
    digests = [factor.recovery_digest(mine.folded, code) for code in shown]
    here.state.accounts.put_recovery_codes(mine.account, digests)
    return web.page("codes.html", 200, codes=shown, error="")


def _against_code(mine: Account) -> str:
    """Spend a one-time code; return why it is not taken. Tries are counted as at the login."""
    here, subject = web.installed(), sm3_hex(f"code:{mine.folded}".encode())
    if here.state.accounts.count_attempt(subject, here.clock(), TRIES, HOLD).refused:
        return web.words("错误次数过多，请 15 分钟后再试")
    code = request.form.get("code", "")
    try:
        if not factor.accepted(here.state, here.keys, mine, code, here.clock()):
            return web.words("动态口令不正确，请核对手机时间后再输入一次")
    except factor.Replayed:
        here.signals.sign("replayed_code", mine.name)
        return web.words("这个动态口令已经用过，请等下一个")
    here.state.accounts.forget_attempts(subject)
    return ""
