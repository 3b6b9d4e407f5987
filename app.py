"""The web process: opens the data directory, answers requests and commands."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from flask import Flask, Response, abort, request

from client import PATH
from commands import WRITING, Request, from_json, run
from data.engine import Engine, Options, lock, opened
from data.ingest.load import drain
from data.store import Limits, StoreError
from settings import Settings


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
    app = Flask(__name__, static_folder=None)
    try:
        drain(engine)
    except StoreError as error:
        app.logger.warning("acknowledged files wait to be loaded: %s", error)
    app.extensions["carbon"] = (engine, stack)
    writing = threading.Lock()

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.post(PATH)
    def command() -> Response:
        if not _came_by_socket_file():
            abort(404)
        wanted = from_json(request.get_data())
        return Response(_answer(engine, wanted, writing), mimetype="application/x-ndjson")

    return app


def _came_by_socket_file() -> bool:
    """Tell whether the request came through app.sock, which only the owner may open."""
    sock = request.environ.get("gunicorn.socket")
    return sock is not None and sock.family == socket.AF_UNIX


def _answer(engine: Engine, wanted: Request, writing: threading.Lock) -> Iterator[str]:
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
