"""The web process: opens the data directory, answers requests and commands, shows the pages."""

from __future__ import annotations

import gc
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import cast

from dash import Dash, html
from flask import Flask, Response, abort, request
from flask import Request as FlaskRequest
from flask_compress import Compress
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from api.app import MOUNT, create_api
from api.app import Options as ApiOptions
from callbacks import alerts as alerts_work
from callbacks import audit as audit_work
from callbacks import closing as closing_work
from callbacks import factors as factors_work
from callbacks import intake_papers
from callbacks._bind import answer, bind_page
from callbacks._reader import PageReader
from callbacks._request import language
from callbacks.alerts import bind_alerts
from callbacks.audit import AuditDesk, bind_audit, bind_papers
from callbacks.closing import Desk, bind_closing
from callbacks.course import READINGS_OF, bind_course
from callbacks.data import bind_data
from callbacks.download import bind_downloads
from callbacks.edits import bind_edits
from callbacks.factors import bind_factors
from callbacks.frame import bind_frame
from callbacks.help import bind_help
from callbacks.sales import bind_originals, bind_sales, original_path
from callbacks.since import bind_since
from callbacks.trace import bind_trace
from callbacks.users import bind_users
from client import PATH
from commands import House, engine_options, from_json, os_user
from console import command_lines
from data import incidents
from data.engine import lock, opened
from data.recovery import recovered
from data.state import DBAPIError, SessionRow, State, now
from data.store import StoreError
from figures.html import Node
from jobs import price_feed
from jobs.arrivals import Arrivals
from jobs.collector_child import CollectorChild
from jobs.duty import EVERY_S, Duty
from jobs.forecast import Forecasting
from jobs.schedule import ALARMS, FORECASTS, LINKS, PRICES, UPLOAD, Schedule, trail_of
from pages import (
    alerts,
    audit,
    closing,
    data,
    emission,
    factors,
    help,
    lifecycle,
    market,
    overview,
    process,
    substitution,
    users,
)
from pages._frame import Reader, frame
from pages._panel import Page
from pages._plain import PlainPage
from security import guard, login, web
from security.alarm_upload import Uploader, places_of
from security.guard import GuardRules
from security.login import LoginOptions
from security.policy import may
from security.roles import DEMONSTRATION, DISPLAY, role_name
from settings import Settings
from translations import LANGUAGES, text

PAGES: Sequence[Page] = (
    overview.PAGE, emission.PAGE, process.PAGE, substitution.PAGE, lifecycle.PAGE, market.PAGE,
    data.PAGE, alerts.PAGE, factors.PAGE, closing.PAGE, audit.PAGE, users.PAGE, help.PAGE,
)  # fmt: skip
PANELLED = tuple(page for page in PAGES if not isinstance(page, PlainPage))
ASSETS = Path(__file__).parent / "assets"


def create_app(settings: Settings) -> Flask:
    """Return the application with its data directory opened for as long as the process lives."""
    stack = ExitStack()
    stack.enter_context(lock(settings.home))
    engine = stack.enter_context(opened(settings.home, engine_options(settings)))
    server = Flask(__name__, static_folder=None)
    house = House(engine, settings)
    try:
        recovered(engine)
    except StoreError as error:
        server.logger.warning("acknowledged files wait to be loaded: %s", error)
    incidents.follow(engine)
    server.extensions["carbon"] = (engine, stack)
    trail = trail_of(settings, engine.state, house.keys)
    writing = threading.Lock()  # commands and pages write one after the other
    forecasting = Forecasting(engine, writing, settings.settle_quiet_s)
    trail.also(forecasting.look, EVERY_S, FORECASTS)
    feed = price_feed.feed_of(settings, engine, writing)
    if feed is not None:
        trail.also(feed.look, price_feed.EVERY_S, PRICES)
    _routes(server, house, writing, trail)
    _screens(server, house, writing, trail, forecasting)
    _programs(server, house, trail)
    duty = Duty(engine, writing, settings.settle_quiet_s)
    trail.watch.told = duty.stepped
    trail.also(duty.look, EVERY_S, ALARMS)
    # Apart from what settles: these neither wait for the store nor for who writes to it.
    trail.also(duty.minute, 60, LINKS)
    trail.also(duty.interfaces, 10, LINKS)
    uploader = Uploader(engine.state.outbox, places_of(settings, now), now)
    trail.also(uploader.turn, 1, UPLOAD)
    stack.callback(trail.stop)
    Arrivals(engine, writing).on(trail)
    child = CollectorChild(settings, engine.state.interfaces)
    child.on(trail)
    stack.callback(child.stop)
    trail.start()
    return server


def _programs(server: Flask, house: House, trail: Schedule) -> None:
    """Mount the API beside the pages: its own application, its own gate, no cookie counts."""
    door = web.door(server)
    options = ApiOptions(
        house.settings.language, house.settings.api_rate_per_s, door.signals, door.clock,
        lambda: trail.alive,
    )  # fmt: skip
    api = create_api(house.engine, options)
    server.extensions["api"] = api
    server.wsgi_app = DispatcherMiddleware(server.wsgi_app, {MOUNT: api})  # type: ignore[method-assign]


def _routes(server: Flask, house: House, writing: threading.Lock, trail: Schedule) -> None:
    """Register what answers without a page: health and commands."""

    @server.get("/healthz")
    def healthz() -> Response:
        if not trail.alive:  # nobody watches the audit trail: not healthy, whatever else works
            return Response("audit\n", 503, mimetype="text/plain")
        return Response("ok\n", mimetype="text/plain")

    @server.post(PATH)
    def command() -> Response:
        wanted = from_json(request.get_data())
        by = os_user(guard.peer_uid(request.environ))
        lines = command_lines(house, wanted, writing, by)
        return Response(lines, mimetype="application/x-ndjson")


def _screens(
    server: Flask, house: House, writing: threading.Lock, trail: Schedule, forecasting: Forecasting
) -> None:
    """Register the pages, their callbacks and downloads; warm them before the first request."""
    engine, settings = house.engine, house.settings
    app = _Dash(
        "carbon", server=server, serve_locally=True, compress=False,  # type: ignore[arg-type]
        assets_folder=str(ASSETS), assets_ignore=r"00-theme\.js|login\..*",
        csrf_token_name=web.CSRF_COOKIE, csrf_header_name=web.CSRF_HEADER,
        update_title="", add_log_handler=False, suppress_callback_exceptions=True,
        title=text("电力废旧物资处置碳管理系统", settings.language),
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )  # fmt: skip
    app.default_language = settings.language
    reader = PageReader(engine)
    reader.forecasting = forecasting.waiting
    app.layout = lambda: html.Div(_frame(settings, engine.state), className="app")  # type: ignore[arg-type]
    desk = Desk(reader, writing, settings.language, lambda: house.keys)
    for page in PANELLED:
        bind_page(app, page, reader, settings.language)
        bind_edits(app, page, desk)
    workbooks = {data.KEY: bind_data(app, desk)}
    intake_papers.bind(server, desk)
    bind_sales(app, desk)
    bind_alerts(app, desk)
    bind_factors(app, desk)
    bind_closing(app, desk)
    bind_users(app, desk)
    auditing = AuditDesk(reader, trail, settings.language)
    trail.once.append(auditing.warm)
    bind_audit(app, auditing)
    bind_papers(server, auditing)
    paper = bind_help(app, reader, settings.language)
    bind_originals(server, desk)
    bind_since(app, desk, PAGES)
    bind_frame(app, PAGES, reader, settings.language, paper)
    bind_trace(app, server, reader, settings.language)
    bind_course(server, reader, settings.language)
    bind_downloads(server, PAGES, reader, settings.language)
    _own_downloads(server, desk, auditing, workbooks)
    policy = _Policy(app)
    _gate(app, server, house, reader, policy)
    server.config |= {
        "COMPRESS_ALGORITHM": ["zstd", "br", "gzip"],
        "COMPRESS_LEVEL": 3,
        "COMPRESS_CACHE_KEY": _lasting,
        "COMPRESS_CACHE_BACKEND": _Compressed,
    }
    Compress(server)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    _warm(server, reader)
    policy.settle()


def _own_downloads(
    server: Flask,
    desk: Desk,
    auditing: AuditDesk,
    workbooks: Mapping[str, Callable[[str], Response | None]],
) -> None:
    """Let the working pages answer for their downloads, which are no sheets of panels."""
    panels, pages, books = (
        server.view_functions[name]
        for name in ("download_panel", "download_page", "download_workbook")
    )
    work: Mapping[str, Callable[[str, str], Response | None]] = {
        alerts.KEY: partial(alerts_work.download, desk),
        factors.KEY: partial(factors_work.download, desk),
        closing.KEY: partial(closing_work.download, desk),
        audit.KEY: partial(audit_work.download, auditing),
    }

    def download(page: str, panel: str = "") -> Response:
        if page not in work:
            made = panels(page=page, panel=panel) if panel else pages(page=page)
            return cast(Response, made)
        found = work[page](panel, request.query_string.decode("ascii", "replace"))
        return abort(404) if found is None else found

    def workbook(page: str) -> Response:
        if page not in workbooks:
            return cast(Response, books(page=page))
        found = workbooks[page](request.query_string.decode("ascii", "replace"))
        return abort(404) if found is None else found

    server.view_functions |= {
        "download_panel": download,
        "download_page": download,
        "download_workbook": workbook,
    }


def _warm(server: Flask, reader: PageReader) -> None:
    """Do once, before anyone waits, what the first visitor would otherwise wait for.

    Dash sets itself up at its first request and is not safe for several at once until then.
    """
    client = server.test_client()
    client.get("/healthz")
    for chosen in LANGUAGES:
        for page in PANELLED:
            answer(page, reader, "", chosen)
    for encoding in ("zstd", "br", "gzip"):
        client.get(PLOTLY, headers={"Accept-Encoding": encoding})
    # What is warm stays: the collector need not walk it at every pass (a fifth of a page's time).
    gc.collect()
    gc.freeze()


PLOTLY = "/_dash-component-suites/plotly/package_data/plotly.min.js"
_LASTING = ("/_dash-component-suites/",)
MOST_COMPRESSED = 96


def _lasting(wanted: FlaskRequest) -> str:
    """Return the key under which an answer's compressed bytes are kept; empty for none."""
    return wanted.full_path if wanted.path.startswith(_LASTING) else ""


class _Compressed:
    """The compressed bytes of vendor files: compressing them takes longer than sending.

    Addresses are free to invent, so no more are kept than the product has.
    """

    def __init__(self) -> None:
        self._found: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self._found.get(key)

    def set(self, key: str, value: bytes) -> None:
        if not key.endswith(";") and len(self._found) < MOST_COMPRESSED:
            self._found[key] = value


def _frame(settings: Settings, state: State) -> list[Node]:
    """Return the frame as the reader of this request may see it."""
    session, chosen = web.current(), language(settings.language)
    role = session.role if session else ""
    shown = role_name(role, chosen) if role else ""
    demonstration = role == DEMONSTRATION
    name = session.name if session and session.name else shown
    pages = [page for page in PAGES if _open_to(state, session, page.path)]
    own = session is not None and session.account is not None
    return frame(pages, Reader(name, shown, chosen, demonstration, own=own))


def _open_to(state: State, session: SessionRow | None, path: str) -> bool:
    """Tell whether a session may open a page; a display has one."""
    if session is None or (session.kind == DISPLAY and path != session.page):
        return False
    return may(state, session.role, path)


def _gate(
    app: Dash,
    server: Flask,
    house: House,
    reader: PageReader,
    policy: _Policy,
) -> None:
    """Put login and guard before every route, callback and page."""
    state, settings = house.engine.state, house.settings

    def only_demo() -> bool:
        sites = reader.every_site().values()
        return bool(sites) and all(site.demo for site in sites)

    options = LoginOptions(settings.language, settings.bind, only_demo, keys=house.keys)
    login.install(server, state, options)
    rules = GuardRules(
        pages=frozenset(page.path for page in PAGES),
        outputs=lambda: app.callback_map,
        page_of=_page_of,
        page_of_path=_page_of_path,
        changes=_changes,
        details=_details,
        policy=policy,
    )
    guard.install(server, state, rules)
    server.before_request(lambda: _came(state))


def _came(state: State) -> None:
    """Note that an account is here; that it cannot be noted keeps nobody out."""
    session = web.current()
    if session is None or session.account is None:
        return
    try:
        state.visits.came(session.account, now())
    except DBAPIError:
        logging.getLogger("carbon.pages").exception("a visit could not be noted")


_PATHS = {page.key: page.path for page in PAGES}
_OUTPUT_PAGE = re.compile(r'"page":"([^"]+)"')
_DOWNLOAD = re.compile(r"/download/([a-z]+)(?:\.xlsx|/[a-z0-9-]+\.png|(?:/[a-z0-9-]+)?\.csv)")
_SHEET = re.compile(r"/download/trace/[0-9a-f]{20}\.csv")
_METER = "/download/trace/meter.csv"


def _page_of(output: str) -> str | None:
    """Return the path of the page a callback belongs to; the frame's belong to none."""
    found = _OUTPUT_PAGE.search(output)
    return _PATHS.get(found[1], "unknown") if found else None


def _changes(output: str) -> bool:
    """Tell whether a callback changes anything: its parts are named so (pages/_plain.py)."""
    return '"part":"act-' in output


def _details(output: str) -> bool:
    """Tell whether a callback opens what lies behind a number."""
    return output.startswith("drawer.") or '"part":"band"' in output


def _page_of_path(path: str) -> str | None:
    """Return the path of the page whose numbers a download holds."""
    if _SHEET.fullmatch(path):
        return "/"
    if path == _METER:
        return READINGS_OF
    if intake_papers.PATH.fullmatch(path):
        return data.PAGE.path
    if path in audit_work.PAPERS:
        return audit.PAGE.path
    if original_path(path):
        return market.PAGE.path
    found = _DOWNLOAD.fullmatch(path)
    return _PATHS.get(found[1]) if found else None


class _Policy:
    """The Content-Security-Policy: our scripts and Dash's own inline ones, nothing else runs."""

    def __init__(self, app: Dash) -> None:
        self._app = app
        self._words = guard.POLICY

    def __call__(self) -> str:
        return self._words

    def settle(self) -> None:
        """Take in the digests of Dash's inline scripts, which exist after the first request."""
        allowed = " ".join(f"'{digest.strip(chr(39))}'" for digest in self._app.csp_hashes())
        self._words = guard.POLICY.replace("script-src 'self'", f"script-src 'self' {allowed}")


class _Dash(Dash):
    """Dash whose index says the reader's language and theme before anything is drawn."""

    default_language = "zh"

    def interpolate_index(self, **parts: str) -> str:  # type: ignore[override]
        """Return the page that loads the app."""
        chosen = language(self.default_language)
        theme = request.cookies.get("theme", "") if request else ""
        theme = theme if theme in ("light", "dark") else ""
        parts["lang"] = "zh-CN" if chosen == "zh" else "en"
        return INDEX.format(theme=f' data-bs-theme="{theme}"' if theme else "", **parts)


INDEX = """<!DOCTYPE html>
<html lang="{lang}"{theme}>
<head>
{metas}
<title>{title}</title>
{favicon}
<script src="/assets/00-theme.js"></script>
{css}
</head>
<body>
{app_entry}
<footer>
{config}
{scripts}
{renderer}
</footer>
</body>
</html>
"""
