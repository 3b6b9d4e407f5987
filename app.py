"""The web process: opens the data directory, answers requests and commands, shows the pages."""

from __future__ import annotations

import json
import logging
import queue
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from dash import Dash, html
from flask import Flask, Response, abort, request
from flask import Request as FlaskRequest
from flask_compress import Compress

from callbacks._bind import answer, bind_page
from callbacks._reader import PageReader
from callbacks._request import language
from callbacks.download import bind_downloads
from callbacks.frame import bind_frame
from callbacks.trace import bind_trace
from client import PATH
from commands import WRITING, Request, from_json, run
from data.engine import Engine, Options, lock, opened
from data.ingest.load import drain
from data.store import Limits, StoreError
from pages import emission, overview
from pages._frame import Reader, frame
from pages._panel import Page
from settings import Settings
from translations import LANGUAGES, text

PAGES: Sequence[Page] = (overview.PAGE, emission.PAGE)
ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class _QueueConsole:
    """A console whose words are put into a queue for the socket's other end."""

    said: queue.SimpleQueue[dict[str, object] | None] = field(default_factory=queue.SimpleQueue)

    def out(self, line: str) -> None:
        self.said.put({"out": line})

    def err(self, line: str) -> None:
        self.said.put({"err": line})

    def progress(self, task: str, done: int, of: int) -> None:
        self.said.put({"task": task, "done": done, "of": of})


def engine_options(settings: Settings) -> Options:
    """Return how the settings want the data directory opened."""
    limits = Limits(settings.threads, settings.memory_mb)
    return Options(limits, settings.language, settings.disk_floor_mb)


def create_app(settings: Settings) -> Flask:
    """Return the application with its data directory opened for as long as the process lives."""
    stack = ExitStack()
    stack.enter_context(lock(settings.home))
    engine = stack.enter_context(opened(settings.home, engine_options(settings)))
    server = Flask(__name__, static_folder=None)
    try:
        drain(engine)
    except StoreError as error:
        server.logger.warning("acknowledged files wait to be loaded: %s", error)
    server.extensions["carbon"] = (engine, stack)
    _routes(server, engine)
    _screens(server, engine, settings)
    return server


def _routes(server: Flask, engine: Engine) -> None:
    """Register what answers without a page: health and commands."""
    writing = threading.Lock()

    @server.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @server.post(PATH)
    def command() -> Response:
        if not _came_by_socket_file():
            abort(404)
        wanted = from_json(request.get_data())
        return Response(_command_lines(engine, wanted, writing), mimetype="application/x-ndjson")


def _came_by_socket_file() -> bool:
    """Tell whether the request came through app.sock, which only the owner may open."""
    sock = request.environ.get("gunicorn.socket")
    return sock is not None and sock.family == socket.AF_UNIX


def _screens(server: Flask, engine: Engine, settings: Settings) -> None:
    """Register the pages, their callbacks and downloads; warm them before the first request."""
    app = _Dash(
        "carbon", server=server, serve_locally=True, compress=False,  # type: ignore[arg-type]
        assets_folder=str(ASSETS), assets_ignore=r"00-theme\.js|login\..*",
        update_title="", add_log_handler=False, suppress_callback_exceptions=True,
        title=text("电力废旧物资处置碳管理系统", settings.language),
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )  # fmt: skip
    app.default_language = settings.language
    reader = PageReader(engine)
    app.layout = lambda: html.Div(frame(PAGES, _who(settings)), className="app")  # type: ignore[arg-type]
    for page in PAGES:
        bind_page(app, page, reader, settings.language)
    bind_frame(app, PAGES, reader, settings.language)
    bind_trace(app, server, reader, settings.language)
    bind_downloads(server, PAGES, reader, settings.language)
    server.config |= {
        "COMPRESS_ALGORITHM": ["zstd", "br", "gzip"],
        "COMPRESS_CACHE_KEY": _lasting,
        "COMPRESS_CACHE_BACKEND": _Compressed,
    }
    Compress(server)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    _warm(app, server, reader)


def _warm(app: Dash, server: Flask, reader: PageReader) -> None:
    """Do once, before anyone waits, what the first visitor would otherwise wait for.

    Dash sets itself up at its first request and is not safe for several at once until then.
    """
    client = server.test_client()
    client.get("/healthz")
    for chosen in LANGUAGES:
        for page in PAGES:
            answer(page, reader, "", chosen)
    for encoding in ("zstd", "br", "gzip"):
        client.get(PLOTLY, headers={"Accept-Encoding": encoding})


PLOTLY = "/_dash-component-suites/plotly/package_data/plotly.min.js"
_LASTING = ("/_dash-component-suites/",)


def _lasting(wanted: FlaskRequest) -> str:
    """Return the key under which an answer's compressed bytes are kept; empty for none."""
    return wanted.full_path if wanted.path.startswith(_LASTING) else ""


class _Compressed:
    """The compressed bytes of vendor files: compressing them takes longer than sending."""

    def __init__(self) -> None:
        self._found: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self._found.get(key)

    def set(self, key: str, value: bytes) -> None:
        if not key.endswith(";"):
            self._found[key] = value


def _who(settings: Settings) -> Reader:
    return Reader("", "", language(settings.language))


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


def _command_lines(engine: Engine, wanted: Request, writing: threading.Lock) -> Iterator[str]:
    """Yield what a command says, line by line, and its exit code last."""
    console = _QueueConsole()

    def work() -> None:
        code = 1
        try:
            if wanted.name in WRITING:
                with writing:
                    code = run(engine, wanted, console)
            else:
                code = run(engine, wanted, console)
        finally:
            console.said.put({"code": code})
            console.said.put(None)

    threading.Thread(target=work, name=f"command-{wanted.name}").start()
    while (line := console.said.get()) is not None:
        yield json.dumps(line, ensure_ascii=False) + "\n"
