"""Coming in and going out: plain forms, rendered here, working without any script.

The account's session is ours (``security.sessions``); Flask-Login only tells the rest of the
application who asks (T/CASMES 615 9.3.1, 9.4.1, 9.4.2).
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flask import Blueprint, Flask, Request, Response, request
from flask_login import LoginManager  # type: ignore[import-untyped]

from data.state import FAILURE, SessionRow, State, now
from data.state import Entry as Record
from security import account_pages, web
from security.accounts import FIRST, Entry, SetupRefused, Wanted, enter, make_first
from security.certificate import CertificateLogin, Challenges, certificate_login
from security.first import display_digest, link_digest
from security.keys import Keys
from security.passwords import Busy, nobodys_hash
from security.roles import role_name
from security.sessions import LONGEST_DISPLAY, Sessions
from security.signals import Signals

HOME = "/"


@dataclass(frozen=True)
class LoginOptions:
    """How the login is installed: language, address, whether all sites are demonstrations, keys."""

    language: str = "zh"
    bind: str = "127.0.0.1"
    only_demo_sites: Callable[[], bool] = lambda: False
    clock: Callable[[], datetime] = field(default=now)
    keys: Keys | None = None
    certificates: CertificateLogin | None = field(default_factory=certificate_login)


@dataclass(frozen=True)
class User:
    """Who asks, as Flask-Login wants it."""

    session: SessionRow
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    @property
    def name(self) -> str:
        """The account's name; nothing in a demonstration."""
        return self.session.name

    @property
    def role(self) -> str:
        """The account's role, or ``demonstration``."""
        return self.session.role

    def get_id(self) -> str:
        """Return what tells accounts apart."""
        return str(self.session.account or self.session.kind)


def install(server: Flask, state: State, options: LoginOptions | None = None) -> None:
    """Install login, logout, set-up and demonstration; ``security.guard.install`` comes after.

    Parameters
    ----------
    server
        The application.
    state
        Where accounts and sessions are kept.
    options
        Language, address, whether all sites are demonstrations (asked often: must be cheap).
    """
    chosen = options or LoginOptions()
    server.extensions[web.EXTENSION] = web.Door(
        state,
        Sessions(state, chosen.clock),
        chosen.language,
        chosen.bind,
        chosen.only_demo_sites,
        Signals(state.audit, chosen.clock),
        chosen.keys,
        Challenges(chosen.certificates, chosen.clock),
        chosen.clock,
    )
    nobodys_hash()  # made now: the first unknown name must not take longer than the next
    manager = LoginManager()
    manager.session_protection = None  # it compares what our sessions do not use
    # "Remember me" is looked for before our session is; nobody can know this cookie's name.
    server.config["REMEMBER_COOKIE_NAME"] = secrets.token_hex(16)
    manager.request_loader(_user)
    manager.init_app(server)
    server.register_blueprint(_blueprint())


def _user(_asked: Request) -> User | None:
    session = web.current()
    return None if session is None else User(session)


def _blueprint() -> Blueprint:
    found = Blueprint("security", __name__, template_folder="templates")
    found.before_request(_small_bodies)
    found.register_error_handler(413, _too_large)
    found.get("/login")(login_form)
    found.post("/login")(login)
    found.post("/logout")(logout)
    found.get("/setup")(setup_form)
    found.post("/setup")(setup)
    found.get("/demonstration/<token>")(demonstration)
    found.get("/display/<token>")(display)
    account_pages.register(found)
    return found


def _small_bodies() -> None:
    request.max_content_length = web.LARGEST_FORM


def _too_large(_error: Exception) -> Response:
    return web.refused_page(413)


def _door() -> web.Door:
    return web.installed()


def _form(status: int, error: str = "", name: str = "") -> Response:
    wanted = web.safe_next(request.values.get("next"))
    ready = web.words("账号已建立，请登录") if request.args.get("ready") and not error else ""
    return web.page(
        "login.html",
        status,
        error=error,
        notice=ready,
        ended="" if error or ready else _ended(),
        name=name,
        wanted=wanted or "",
        first=not _door().state.accounts.some(),
        challenge=_door().challenges.new(request.host),
    )


def _ended() -> str:
    """Return what to say to a browser whose session was ended: the cookie is still there."""
    said = {
        "elsewhere": "已在别处登录，这里的会话已结束",
        "idle": "15 分钟没有操作，会话已结束",
        "over": "会话已满 8 小时，请重新登录",
        "role": "账号的角色已变更，请重新登录",
        "sites": "账号的站点范围已变更，请重新登录",
        "ended": "会话已由管理员结束",
    }
    why = _door().sessions.why_ended(web.session_token(request))
    return web.words(said[why]) if why in said else ""


def login_form() -> Response:
    """Answer GET /login: the form, or where one wanted to go if one is in already."""
    session = web.current()
    if session is not None and session.account is not None:
        return web.go(web.safe_next(request.args.get("next")) or HOME)
    return _form(200)


def login() -> Response:
    """Answer POST /login: a new session, or why not (T/CASMES 615 9.3.1)."""
    name = request.form.get("username", "")
    if not web.csrf_right():
        return _form(403, web.words("表单已过期，请重新输入（浏览器须允许 Cookie）"), name)
    here, at = _door(), _door().clock()
    try:
        entry = enter(
            here.state,
            name,
            request.form.get("password", ""),
            at,
            code=request.form.get("code", ""),
            keys=here.keys,
            certificate=_certificate(here),
        )
    except Busy:
        return _retry_after(_form(503, web.words("正在登录的人太多，请稍后再试"), name), 5)
    if entry.account is None:
        _record_failure(entry)
        return _not_in(entry, at, name)
    wanted = web.safe_next(request.form.get("next")) or HOME
    answer = web.go(account_pages.PLACES.get(entry.stage, wanted))
    account_pages.begin(answer, entry.account, entry.stage)
    return answer


def _certificate(here: web.Door) -> Callable[[str], bool] | None:
    """Return what judges the signature that was sent; None where none was."""
    challenge, signature = (request.form.get(name, "") for name in ("challenge", "signature"))
    if not signature:
        return None
    return lambda folded: here.challenges.accepted(request.host, folded, challenge, signature)


def _record_failure(entry: Entry) -> None:
    """Record a try that failed: by the account's name if there is one, people type passwords."""
    here, place = _door(), request.remote_addr or ""
    words = "locked" if entry.locked_until is not None else "wrong"
    words = "replayed" if entry.replayed else "certificate" if entry.forged else words
    here.signals.record(Record("session.login", entry.known, words, FAILURE), place)
    here.signals.sign("wrong_password", entry.subject)
    here.signals.sign("wrong_from_address", place)
    here.signals.sign("account_tried", place, entry.subject)
    if entry.replayed:
        here.signals.sign("replayed_code", entry.known)
    if entry.forged:
        here.signals.sign("bad_certificate", entry.known)


def _not_in(entry: Entry, at: datetime, name: str) -> Response:
    if entry.locked_until is None:
        words = web.words(
            "账号、密码或动态口令不正确。再错 {count} 次将锁定 15 分钟。", count=entry.left
        )
        return _form(401, words, name)
    seconds = (entry.locked_until - at).total_seconds()
    words = web.words(
        "错误次数过多，账号已锁定，请 {count} 分钟后再试。", count=math.ceil(seconds / 60)
    )
    return _retry_after(_form(429, words, name), math.ceil(seconds))


def _retry_after(answer: Response, seconds: int) -> Response:
    answer.headers["Retry-After"] = str(seconds)
    return answer


def logout() -> Response:
    """Answer POST /logout: the session is ended on the server, whatever the browser keeps."""
    if not web.csrf_right():
        return web.refused_page(403)
    _door().sessions.close(web.session_token(request))
    answer = web.go("/login")
    web.take_session(answer)
    return answer


def setup_form() -> Response:
    """Answer GET /setup: the form of the first accounts; none once there is an account."""
    if _door().state.accounts.some():
        return web.refused_page(404)
    return _setup_page(200, {})


def setup() -> Response:
    """Answer POST /setup: the first accounts, all or nothing (T/CASMES 615 9.4.2)."""
    state = _door().state
    if state.accounts.some():
        return web.refused_page(404)
    if not web.csrf_right():
        return _setup_page(
            403, {"form": [web.words("表单已过期，请重新输入（浏览器须允许 Cookie）")]}
        )
    form = request.form
    wanted = [
        Wanted(form.get(f"name_{role}", ""), role, form.get(f"password_{role}", ""))
        for role in FIRST
    ]
    language = web.page_language(request, _door().language)
    try:
        make_first(state, form.get("code", ""), wanted, _door().clock(), language)
    except SetupRefused as refused:
        return _setup_page(400, refused.reasons)
    except Busy:
        return _setup_page(503, {"form": [web.words("正在登录的人太多，请稍后再试")]})
    return web.go("/login?ready=1")


def _setup_page(status: int, reasons: Mapping[str, Sequence[str]]) -> Response:
    language = web.page_language(request, _door().language)
    accounts = [
        {
            "role": role,
            "title": role_name(role, language),
            "name": request.form.get(f"name_{role}", ""),
            "reasons": reasons.get(role, []),
        }
        for role in FIRST
    ]
    return web.page(
        "setup.html",
        status,
        accounts=accounts,
        code=request.form.get("code", ""),
        reasons=reasons,
    )


def demonstration(token: str) -> Response:
    """Answer GET /demonstration/TOKEN: a session that only looks; the link is spent."""
    here = _door()
    if request.method != "GET" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return web.refused_page(405)  # asking ahead must not spend it
    if not here.demonstration_open():
        return web.refused_page(404)
    opened = here.sessions.open_demonstration(
        request.remote_addr or "", link_digest(token), web.session_token(request)
    )
    if opened is None:
        return web.refused_page(404)
    answer = web.go(HOME)
    web.give_session(answer, opened)
    web.keep_csrf(answer, web.csrf_token())
    return answer


def display(token: str) -> Response:
    """Answer GET /display/TOKEN: the session of a wall screen; the link is spent."""
    here = _door()
    if request.method != "GET" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return web.refused_page(405)  # asking ahead must not spend it
    opened = here.sessions.open_display(request.remote_addr or "", display_digest(token))
    found = here.sessions.find(opened, request.remote_addr or "")
    if opened is None or found is None:
        return web.refused_page(404)
    answer = web.go(found.page)
    web.give_session(answer, opened, int(LONGEST_DISPLAY.total_seconds()))
    web.keep_csrf(answer, web.csrf_token())
    return answer
