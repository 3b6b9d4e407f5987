"""Reaching the app of a data directory through its Unix socket; None where no app answers."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path

from commands import Console, Request

SOCKET_NAME = "app.sock"
PATH = "/internal/command"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._socket_path = path

    def connect(self) -> None:
        """Connect to the socket file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._socket_path))


def over_socket(home: Path, request: Request, console: Console) -> int | None:
    """Let the running app carry a command out; return its exit code, None without an app."""
    connection = _UnixConnection(home / SOCKET_NAME)
    try:
        connection.connect()
    except OSError:
        connection.close()
        return None
    try:
        connection.request("POST", PATH, request.to_json(), {"Content-Type": "application/json"})
        return _relay(connection.getresponse(), console)
    except (http.client.HTTPException, ConnectionError):
        return None
    finally:
        connection.close()


def _relay(response: http.client.HTTPResponse, console: Console) -> int | None:
    """Pass on what the command says; the last line carries its exit code."""
    for line in response:
        said = json.loads(line)
        if "code" in said:
            return int(said["code"])
        if "task" in said:
            console.progress(said["task"], said["done"], said["of"])
        elif "out" in said:
            console.out(said["out"])
        else:
            console.err(said["err"])
    return None
