"""The gate before every route: nothing is open that is not written down here or in the rules.

One ``before_request`` decides for pages, Dash's own routes, callbacks, downloads and assets, by
exact paths; a route that nobody has classified answers 404 to those who are in and leads the
others to the login (T/CASMES 615 9.2.2, 9.4.1, 9.4.3).
"""

from __future__ import annotations

import logging
import re
import secrets
import socket
import struct
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from data.state import (
    DENIED,
    FAILURE,
    Act,
    DBAPIError,
    Entry,
    NotRecorded,
    SessionRow,
    State,
    act_as,
)
from security import account_pages, policy, web
from security.body import LONGEST_BYTES, PAGES_CONTENT, Malformed, Registered, checked, parsed
from security.first import DEMONSTRATION_PATH, DISPLAY_PATH, FORWARDED, forwarded
from security.policy import EXPORT, OPEN
from security.roles import DEMONSTRATION, DISPLAY, PAGE_ROLES

LOG = logging.getLogger("carbon.security")
COMMAND = "/internal/command"
CALLBACK = "/_dash-update-component"
FOR_EVERY_SESSION = frozenset(("/_dash-layout", "/_dash-dependencies"))
FAVICON = "/_favicon.ico"
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PART = r"[A-Za-z0-9_@-][A-Za-z0-9_@.-]*"  # begins with no dot: neither hidden nor upwards
_SUITE = re.compile(rf"/_dash-component-suites(?:/{_PART})+")
_ASSET = re.compile(rf"/assets(?:/{_PART})+")
_LINK = re.compile(rf"(?:{DEMONSTRATION_PATH}|{DISPLAY_PATH})[\w-]{{16,64}}")
_USED_ASSET = re.compile(r'"(/assets/[\w./-]+)"')
_STAYS = ("/assets/", "/_dash-component-suites/", FAVICON)
_READS = ("GET", "HEAD")


def _no_page(_name: str) -> str | None:
    return None


def _changes_nothing(_output: str) -> bool:
    return False


@dataclass(frozen=True)
class GuardRules:
    """What the gate must know of the application.

    Attributes
    ----------
    pages
        The path of every page that exists; who may open it, the policy says.
    outputs
        Dash's ``callback_map``: output to the record of its callback (``inputs``, ``state``;
        ``callback`` where the server is the one to run it).
    page_of
        Output of a callback to the path of its page; None for one that every session may call.
    page_of_path
        Path of a download or the like to the path of its page; None: there is no such path.
    changes
        Whether a callback changes anything: a demonstration may not call it, nor a display.
    details
        Whether a callback opens what lies behind a number: a display may not call it.
    policy
        The Content-Security-Policy, asked anew for every answer.
    """

    pages: Container[str] = field(default_factory=lambda: PAGE_ROLES)
    outputs: Callable[[], Registered] = dict
    page_of: Callable[[str], str | None] = _no_page
    page_of_path: Callable[[str], str | None] = _no_page
    changes: Callable[[str], bool] = _changes_nothing
    details: Callable[[str], bool] = _changes_nothing
    policy: Callable[[], str] = lambda: POLICY


def install(server: Flask, state: State, rules: GuardRules) -> None:
    """Put the gate before every route of an application, and the headers on every answer.

    Parameters
    ----------
    server
        The application; ``security.login.install`` comes before.
    state
        Where it is noted that a forwarding header was seen.
    rules
        What the gate must know of the application.

    Raises
    ------
    RuntimeError
        The login is not installed.
    """
    gate = Guard(state, rules, web.door(server))
    # First of all, whatever registered before: nothing may answer ahead of the gate.
    server.before_request_funcs.setdefault(None, []).insert(0, gate.before)
    server.after_request(gate.after)
    server.teardown_request(lambda _error: act_as(Act()))
    for kind in (NotRecorded, DBAPIError):
        server.register_error_handler(kind, _not_recorded)


def _not_recorded(error: Exception) -> Response:
    """Return what is answered where a record could not be written, so that nothing was done."""
    LOG.error("the audit trail could not be written: %s", error)
    for_machines = _for_machines(decoded_path(request.environ))
    return _json("unavailable", 503) if for_machines else web.refused_page(503)


class Guard:
    """Decides about a request before anything else sees it."""

    def __init__(self, state: State, rules: GuardRules, door: web.Door) -> None:
        self._state, self._rules, self._door = state, rules, door
        self._open_assets = used_assets()

    def before(self) -> Response | None:
        """Return the refusal of the request that is being answered; None lets it through."""
        g.session = None
        act_as(Act("", "", "", request.remote_addr or "", secrets.token_hex(8)))
        path = decoded_path(request.environ)
        if path == COMMAND:
            return None if by_socket_file(request.environ) else web.refused_page(404)
        self._note_forwarding()
        if request.method not in (*_READS, "POST"):
            return web.refused_page(405)
        if request.method == "POST" and web.foreign(request):
            return _refused(path, 403)
        g.session = self._session()
        act_as(web.act())
        if self._open_to_all(path):
            return None
        if g.session is None:
            self._note_ended(path)
            return _to_the_login(path)
        if g.session.stage != "full":
            return _to_the_stage(path, g.session.stage)
        status = self._status(path, g.session)
        return None if status == 0 else _refused(path, status)

    def _note_ended(self, path: str | None) -> None:
        """Record that the cookie of an ended session was sent; after a logout it was copied."""
        why = self._door.sessions.why_ended(web.session_token(request))
        if not why:
            return
        place = request.remote_addr or ""
        entry = Entry("request.refused", f"{request.method} {path}", f"ended: {why}", DENIED)
        self._door.signals.record(entry, place)
        if why == "logout":
            self._door.signals.sign("ended_session", place)

    def _note_forwarding(self) -> None:
        """Note the first sign of a proxy: then others can reach us, and demonstrations end."""
        if not forwarded(request.headers.keys()) or self._state.accounts.noted(FORWARDED):
            return
        self._state.accounts.note(FORWARDED, self._door.clock())
        self._state.accounts.end_demonstrations()

    def _session(self) -> SessionRow | None:
        place = request.remote_addr or ""
        found = self._door.sessions.find(web.session_token(request), place)
        if found is None or found.kind != DEMONSTRATION or self._door.demonstration_open():
            return found
        self._state.accounts.end_demonstrations()
        return None

    def _open_to_all(self, path: str | None) -> bool:
        """Tell whether a path is on the list of those that need no session."""
        if path is None:
            return False
        if path in ("/login", "/setup"):  # the latter answers 404 once there is an account
            return True
        if request.method == "POST":
            return False
        return (
            path in ("/healthz", FAVICON)
            or path in self._open_assets
            or _SUITE.fullmatch(path) is not None
            or _LINK.fullmatch(path) is not None
        )

    def _status(self, path: str | None, session: SessionRow) -> int:
        """Return the status of the refusal of somebody who is in; 0 lets the request through."""
        if request.method == "POST":
            if path == CALLBACK:
                right = web.csrf_right(request.headers.get(web.CSRF_HEADER, ""))
                return self._callback_status(session) if right else 403
            if path in account_pages.PATHS and path != account_pages.HOME:
                return 0 if session.account is not None else 404
            return 0 if path == "/logout" else 404
        if path is None:
            return 404
        if path in FOR_EVERY_SESSION or _ASSET.fullmatch(path):
            return 0
        if path in account_pages.PATHS:
            return 0 if session.account is not None else 404
        if path in self._rules.pages:
            return self._page_status(path, session)
        return self._page_status(self._rules.page_of_path(path), session, EXPORT)

    def _page_status(self, page: object, session: SessionRow, action: str = OPEN) -> int:
        """Return the status of the refusal of a page or of what is done on it; 0 allows it."""
        if not isinstance(page, str) or page not in self._rules.pages:
            return 404
        if session.kind == DISPLAY and page != session.page:
            return 403
        return 0 if policy.may(self._state, session.role, page, action) else 403

    def _callback_status(self, session: SessionRow) -> int:
        """Return the status of the refusal of a callback (see ``security.body``)."""
        try:
            request.max_content_length = LONGEST_BYTES
            body = parsed(request.get_data())
            callback = self._rules.outputs().get(body["output"])
            if callback is None or "callback" not in callback:  # that one runs in the browser
                return 404
            pathnames = checked(body, callback)
        except (Malformed, RequestEntityTooLarge):
            return 400
        output: str = body["output"]
        g.callback = output
        if session.account is None and self._rules.changes(output):
            return 403
        if session.kind == DISPLAY and self._rules.details(output):
            return 403
        found = [self._page_status(name, session) for name in _asked_pages(output, pathnames)]
        page = self._rules.page_of(output)
        if page is not None:
            found.append(self._page_status(page, session))
        return max(found, default=0)

    def after(self, answer: Response) -> Response:
        """Return an answer with the headers that every answer has; what must be is recorded.

        What cannot be recorded is not answered (T/CASMES 615 9.5).
        """
        try:
            self._record(answer.status_code)
        except Exception:
            LOG.exception("the audit trail could not be written")
            answer = web.refused_page(503)
        return self._headed(answer)

    def _record(self, status: int) -> None:
        """Record a refusal, and what leaves the house."""
        path = decoded_path(request.environ)
        signals, place = self._door.signals, request.remote_addr or ""
        what = f"{request.method} {path if path is not None else request.path}"
        callback = g.get("callback", "")
        if status == 403:
            event = "request.denied" if g.get("session") is not None else "request.refused"
            signals.record(Entry(event, what, callback or "403", DENIED), place)
            signals.sign("foreign" if web.foreign(request) else "denied", place)
        elif status == 400 and path == CALLBACK:
            signals.record(Entry("request.refused", what, callback or "400", FAILURE), place)
            signals.sign("malformed", place)
        elif status in (404, 405):
            signals.record(Entry("request.refused", what, str(status), FAILURE), place)
            signals.sign("unknown_path", place)
        elif status == 200 and path is not None and self._rules.page_of_path(path) is not None:
            if not g.get("recorded"):  # what records itself has words of its own
                query = request.query_string.decode("ascii", "replace")
                self._state.audit.record(Entry("page.export", path, query))
            signals.sign("export", web.act().session or place)

    def _headed(self, answer: Response) -> Response:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        if "Content-Security-Policy" not in answer.headers:
            answer.headers["Content-Security-Policy"] = self._rules.policy()
        if not request.path.startswith(_STAYS):
            answer.headers["Cache-Control"] = "no-store"
        if g.get("session") is not None and answer.mimetype == "text/html":
            web.keep_csrf(answer, web.csrf_token())  # the pages' scripts need it to log out
        return answer


def _asked_pages(output: str, pathnames: list[object]) -> list[object]:
    """Return the pages a callback is asked for: a browser first says none at all.

    The router of Dash itself is always asked for one.
    """
    return [name for name in pathnames if name is not None or PAGES_CONTENT in output]


def decoded_path(environ: Mapping[str, Any]) -> str | None:
    """Return the path of a request as it was sent, decoded once and otherwise untouched.

    Werkzeug's ``request.path`` makes one slash of several at the start: an exact list would
    then take ``//audit`` for ``/audit``.

    Parameters
    ----------
    environ
        The WSGI environment.

    Returns
    -------
    str or None
        None where it is not UTF-8.
    """
    try:
        return str(environ.get("PATH_INFO", "")).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None


def by_socket_file(environ: Mapping[str, Any]) -> bool:
    """Tell whether a request came through app.sock, which only the owner may open.

    Parameters
    ----------
    environ
        The WSGI environment, with gunicorn's socket.

    Returns
    -------
    bool
        False for every other way.
    """
    sock = environ.get("gunicorn.socket")
    return sock is not None and sock.family == socket.AF_UNIX


def peer_uid(environ: Mapping[str, Any]) -> int | None:
    """Return the operating system's number of the user at the other end of app.sock.

    Parameters
    ----------
    environ
        The WSGI environment, with gunicorn's socket.

    Returns
    -------
    int or None
        None where the request came another way.
    """
    sock = environ.get("gunicorn.socket")
    if sock is None or sock.family != socket.AF_UNIX:
        return None
    packed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", packed)[1])


def used_assets() -> frozenset[str]:
    """Return the assets that the pages without a session use, read from their templates.

    Returns
    -------
    frozenset of str
        Exact paths.
    """
    folder = Path(__file__).parent / "templates"
    found = (path.read_text(encoding="utf-8") for path in folder.glob("*.html"))
    return frozenset(name for body in found for name in _USED_ASSET.findall(body))


def _for_machines(path: str | None) -> bool:
    """Tell whether a script asks, which a page of words does not help."""
    return path is None or path.startswith(("/_dash-", "/_reload-hash", "/api", "/assets/"))


def _to_the_login(path: str | None) -> Response:
    """Return what somebody without a session is answered."""
    if path == "/logout":
        return web.go("/login")
    if request.method not in _READS or _for_machines(path):
        return _json("login", 401)
    query = request.query_string.decode("utf-8", "replace")
    wanted = web.safe_next(f"{path}?{query}" if query else path)
    return web.go(f"/login?{urlencode({'next': wanted or '/'})}", 302)


def _to_the_stage(path: str | None, stage: str) -> Response | None:
    """Return where somebody is led who must set a password or a second factor first."""
    wanted = account_pages.PLACES[stage]
    if path == wanted or (path == "/logout" and request.method == "POST"):
        return None
    if path is not None and _ASSET.fullmatch(path) and request.method in _READS:
        return None
    if request.method not in _READS or _for_machines(path):
        return _json(stage, 401)
    return web.go(wanted, 302)


_WORDS = {400: "malformed", 403: "forbidden", 404: "unknown", 405: "method"}


def _refused(path: str | None, status: int) -> Response:
    if _for_machines(path):
        return _json(_WORDS[status], status)
    return web.refused_page(status)


def _json(word: str, status: int) -> Response:
    answer = jsonify(error=word)
    answer.status_code = status
    return answer
