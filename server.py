"""Serving: gunicorn with one worker and threads, on the address and on the socket file."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from app import create_app
from client import SOCKET_NAME
from data.engine import Engine
from security.keys import harden_process
from settings import Settings

READ_S = 30.0


class PatientWorker(ThreadWorker):
    """Threads that wait for nobody: idle and slow connections take none from the others (9.2.2).

    Gunicorn gives every new connection a thread for five seconds, and one that sends a request
    byte by byte keeps its thread for as long as it likes.
    """

    def __init__(self, *words: object, **named: object) -> None:
        super().__init__(*words, **named)
        self._begun: dict[TConn, float] = {}

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection a thread once it has said something."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        silent: Future[object] = Future()
        silent.set_result(_DEFER)
        self.finish_request(conn, silent)

    def handle(self, conn: TConn) -> object:
        """Answer a request, and know since when."""
        self._begun[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._begun.pop(conn, None)

    def murder_pending(self) -> None:
        """End what waits too long; a request that is not all there by now will never be.

        Only the reading half ends: an answer that takes long is still sent.
        """
        super().murder_pending()
        before = time.monotonic() - READ_S
        for conn, began in list(self._begun.items()):
            if began < before:
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)


class Server(BaseApplication):
    """Gunicorn with its settings in code; the application is made in the worker."""

    def __init__(self, settings: Settings, options: Mapping[str, object]) -> None:
        self._settings = settings
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Hand the options to gunicorn."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application, in the worker process that will own the data."""
        harden_process()
        return create_app(self._settings)


def serve(settings: Settings, ready: Callable[[Engine], None]) -> None:
    """Serve until a signal ends it; ``ready`` is called once it answers, where the data are."""
    socket_path = settings.home / SOCKET_NAME

    def when_ready(_server: object) -> None:
        socket_path.chmod(0o600)

    def post_worker_init(worker: Worker) -> None:
        ready(worker.wsgi.extensions["carbon"][0])

    def worker_exit(_server: object, worker: Worker) -> None:
        """End in order: the stop is recorded and signed, the files are closed."""
        if worker.wsgi is not None:
            worker.wsgi.extensions["carbon"][1].close()

    Server(
        settings,
        {
            "bind": [f"{settings.bind}:{settings.port}", f"unix:{socket_path}"],
            "workers": 1,
            "worker_class": PatientWorker,
            "threads": 16,
            "timeout": 0,
            "graceful_timeout": 20,
            "loglevel": "warning",
            "when_ready": when_ready,
            "post_worker_init": post_worker_init,
            "worker_exit": worker_exit,
            "control_socket_disable": True,
        },
    ).run()
