"""Serving: gunicorn with one worker and threads, on the address and on the socket file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker

from app import create_app
from client import SOCKET_NAME
from data.engine import Engine
from security.keys import harden_process
from settings import Settings


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
            "worker_class": "gthread",
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
