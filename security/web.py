"""What the login pages and the gate ask of a request, and what they answer with."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast
from urllib.parse import quote, urlencode, urlsplit

from flask import Flask, Request, Response, current_app, g, redirect, render_template, request

from data.state import Act, SessionRow, State, acting, now
from security.certificate import Challenges
from security.first import demonstration_open
from security.keys import Keys
from security.sessions import Sessions
from security.signals import Signals
from translations import LANGUAGES, text

EXTENSION = "security"
CSRF_COOKIE, CSRF_FIELD, CSRF_HEADER = "csrf", "csrf_token", "X-CSRF-Token"
LARGEST_FORM = 64 << 10
_CSRF = re.compile(r"[\w-]{43}")
_LONGEST_NEXT = 2048
_YEAR_S = 365 * 86400
_OWN_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True)
class Door:
    """What the login pages and the gate share of an installed application."""

    state: State
    sessions: Sessions
    language: str
    bind: str
    only_demo_sites: Callable[[], bool]
    signals: Signals
    keys: Keys | None
    challenges: Challenges
    clock: Callable[[], datetime] = field(default=now)

    def demonstration_open(self) -> bool:
        """Tell whether anybody may look without an account, now."""
        return demonstration_open(
            self.state, only_demo_sites=self.only_demo_sites(), bind=self.bind
        )


def door(server: Flask) -> Door:
    """Return what ``security.login.install`` put into the application.

    Parameters
    ----------
    server
        The application.

    Returns
    -------
    Door
        State, sessions and options.

    Raises
    ------
    RuntimeError
        It was not installed.
    """
    found = server.extensions.get(EXTENSION)
    if not isinstance(found, Door):
        raise RuntimeError("security.login.install(server, ...) comes first")
    return found


def installed() -> Door:
    """Return what was installed into the application that answers this request.

    Returns
    -------
    Door
        State, sessions and options.

    Raises
    ------
    RuntimeError
        It was not installed.
    """
    return door(current_app)


def held_keys() -> Keys:
    """Return the keys of the application that answers this request.

    Returns
    -------
    Keys
        Opened.

    Raises
    ------
    RuntimeError
        It was installed without.
    """
    found = installed().keys
    if found is None:
        raise RuntimeError("accounts need the keys")
    return found


def session_cookie(asked: Request) -> str:
    """Return the name of the session's cookie: bound to this host where the browser can do so.

    Parameters
    ----------
    asked
        The request.

    Returns
    -------
    str
        ``__Host-sid`` over https, ``sid`` otherwise.
    """
    return "__Host-sid" if asked.is_secure else "sid"


def session_token(asked: Request) -> str | None:
    """Return the session's identifier that a request brings, if any.

    Parameters
    ----------
    asked
        The request.

    Returns
    -------
    str or None
        What the cookie holds.
    """
    return asked.cookies.get(session_cookie(asked))


def current() -> SessionRow | None:
    """Return the session of the request that is being answered.

    Returns
    -------
    SessionRow or None
        None for a request without one, and outside requests.
    """
    found = g.get("session") if g else None
    return found if isinstance(found, SessionRow) else None


def act() -> Act:
    """Return who acts in the request that is being answered, for its records.

    Returns
    -------
    Act
        Without account and role where nobody is in.
    """
    session, known = current(), acting()
    if session is None:
        return replace(known, actor="", role="", session="")
    name = session.name or session.kind
    return replace(known, actor=name, role=session.role, session=session.token_digest[:8])


def give_session(answer: Response, token: str, max_age: int | None = None) -> None:
    """Let the browser keep a session (T/CASMES 615 9.4.1).

    Parameters
    ----------
    answer
        The response to send it with.
    token
        The session's identifier.
    max_age
        Seconds that it outlives the browser's end; not at all if None.
    """
    answer.set_cookie(
        session_cookie(request),
        token,
        max_age=max_age,
        path="/",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def take_session(answer: Response) -> None:
    """Let the browser forget its session.

    Parameters
    ----------
    answer
        The response to send it with.
    """
    answer.delete_cookie(
        session_cookie(request), path="/", secure=request.is_secure, httponly=True, samesite="Lax"
    )


def csrf_token() -> str:
    """Return the token that a form must send back beside its cookie.

    Returns
    -------
    str
        The one of the cookie, or a new one that ``keep_csrf`` gives to the browser.
    """
    if "csrf" not in g:
        brought = request.cookies.get(CSRF_COOKIE, "")
        g.csrf = brought if _CSRF.fullmatch(brought) else secrets.token_urlsafe(32)
    return str(g.csrf)


def keep_csrf(answer: Response, token: str) -> None:
    """Give the browser the token, readable by the pages' own scripts.

    Parameters
    ----------
    answer
        The response to send it with.
    token
        The token; it is sent only where the browser does not have it yet.
    """
    if request.cookies.get(CSRF_COOKIE) != token:
        answer.set_cookie(CSRF_COOKIE, token, path="/", secure=request.is_secure, samesite="Lax")


def csrf_right(sent: str | None = None) -> bool:
    """Tell whether a form, or a script's header, brings the token of its cookie.

    Parameters
    ----------
    sent
        What the header brings; the form's field if None.

    Returns
    -------
    bool
        False also without a cookie.
    """
    brought = request.cookies.get(CSRF_COOKIE, "")
    if sent is None:
        sent = request.form.get(CSRF_FIELD, "")
    if not _CSRF.fullmatch(brought):
        return False
    return secrets.compare_digest(brought.encode(), sent.encode("utf-8", "surrogatepass"))


def foreign(asked: Request) -> bool:
    """Tell whether another site's page caused a request (T/CASMES 615 9.2.2).

    Parameters
    ----------
    asked
        The request.

    Returns
    -------
    bool
        By what the browser says in ``Sec-Fetch-Site`` and ``Origin``; a client that says
        neither is no browser.
    """
    if asked.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = asked.headers.get("Origin")
    return origin is not None and not _same_host(origin, asked.host)


def _same_host(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    port = _OWN_PORTS.get(parts.scheme)
    if port is None:
        return False
    # Not the scheme: where a proxy ends TLS, the service itself is asked over http.
    return parts.netloc.lower().removesuffix(port) == host.lower().removesuffix(port)


def safe_next(wanted: str | None) -> str | None:
    """Return where to go after the login, if it is a path of this service.

    Parameters
    ----------
    wanted
        What the address or the form says.

    Returns
    -------
    str or None
        None for what a browser could read as another host's address.
    """
    if not wanted or len(wanted) > _LONGEST_NEXT or not wanted.startswith("/"):
        return None
    if wanted.startswith("//") or "\\" in wanted or not wanted.isprintable():
        return None
    return wanted


def page_language(asked: Request, default: str) -> str:
    """Return the language of a page.

    Parameters
    ----------
    asked
        The request: its address, cookie and browser, in this order.
    default
        The language of the settings.

    Returns
    -------
    str
        One of ``translations.LANGUAGES``.
    """
    for said in (asked.args.get("lang"), asked.cookies.get("lang")):
        if said in LANGUAGES:
            return said
    return asked.accept_languages.best_match(LANGUAGES) or default


def page(template: str, status: int, /, **values: object) -> Response:
    """Return a page of the room's templates, in the reader's language and theme.

    Parameters
    ----------
    template
        The template's file.
    status
        The status of the answer.
    values
        What the template shows.

    Returns
    -------
    Response
        With the token of its forms, and with the language if the address chose one.
    """
    language = page_language(request, installed().language)
    theme = request.cookies.get("theme", "")
    body = render_template(
        template,
        t=_Words(language),
        language=language,
        theme=theme if theme in ("light", "dark") else "",
        csrf=csrf_token(),
        here=_switched(language, values.get("wanted")),
        **values,
    )
    answer = Response(body, status, mimetype="text/html")
    answer.headers["Content-Language"] = "zh-CN" if language == "zh" else "en"
    answer.headers["Content-Security-Policy"] = PAGE_POLICY
    keep_csrf(answer, csrf_token())
    if request.args.get("lang") in LANGUAGES:
        answer.set_cookie("lang", language, max_age=_YEAR_S, path="/", samesite="Lax")
    return answer


def go(path: str, status: int = 303) -> Response:
    """Return the way to another path of this service.

    Parameters
    ----------
    path
        Where to go.
    status
        303: to be asked for with GET, whatever was asked now.

    Returns
    -------
    Response
        A redirection.
    """
    return cast(Response, redirect(path, status, Response))


def _switched(language: str, wanted: object) -> str:
    """Return the address of this page in the other language.

    The form is not asked where to go next: a refusal must not read the body it refuses.
    """
    asked = {"lang": "en" if language == "zh" else "zh"}
    if wanted:
        asked["next"] = str(wanted)
    return f"{quote(safe_next(request.path) or '/login')}?{urlencode(asked)}"


def words(key: str, **values: object) -> str:
    """Return a sentence in the reader's language.

    Parameters
    ----------
    key
        The Chinese sentence.
    values
        Its named values.

    Returns
    -------
    str
        The sentence.
    """
    return text(key, page_language(request, installed().language), **values)


PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def refused_page(status: int) -> Response:
    """Return the page of a request that is not answered.

    Parameters
    ----------
    status
        403, 404, 405, 413 or another.

    Returns
    -------
    Response
        The page with that status.
    """
    return page("refused.html", status, status=status, session=current())


@dataclass(frozen=True)
class _Words:
    """The templates' way to a sentence in the reader's language."""

    language: str

    def __call__(self, key: str, **values: object) -> str:
        return text(key, self.language, **values)


def own_address() -> str:
    """Return the address that this request came to: scheme and host.

    Returns
    -------
    str
        Such as ``http://10.0.0.5:8050``.
    """
    return request.host_url.rstrip("/")
