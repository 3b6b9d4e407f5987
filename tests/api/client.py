"""Programs that speak to a served API over kept connections."""

from __future__ import annotations

import http.client
import itertools
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from client import over_socket
from commands import Request

RETRY = (429, 503)


class Lines:
    """A console that keeps what is said."""

    def __init__(self):
        self.said = []

    def out(self, line):
        self.said.append(line)

    def err(self, line):
        self.said.append(line)

    def progress(self, *_words):
        pass


def made_key(home, *scopes):
    """A key of a served data directory, made by its command."""
    console = Lines()
    values = {"name": "test", "scopes": list(scopes), "sites": [], "addresses": [], "days": 1,
              "as_json": True}  # fmt: skip
    assert over_socket(home, Request("api-key-add", values), console) == 0, console.said
    return json.loads(console.said[-1])["key"]


@dataclass
class Program:
    """One sender over one kept connection.

    ``taken`` are the times of what was acknowledged, s; ``unsaid`` counts refusals that did not
    say when to come again.
    """

    port: int
    token: str
    times: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    unsaid: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    connection: http.client.HTTPConnection | None = None

    def ask(self, method, path, document=None, key=None):
        """Ask once; a connection that the server ended is opened again."""
        body = None if document is None else json.dumps(document).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers |= {"Content-Type": "application/json",
                        "Idempotency-Key": key or secrets.token_hex(8)}  # fmt: skip
        began = time.perf_counter()
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.connection.request(method, f"/api/v1{path}", body, headers)
        answer = self.connection.getresponse()
        found = answer.read()
        self.times.append(time.perf_counter() - began)
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        if answer.status == 202:
            self.taken.append(self.times[-1])
        elif answer.status in RETRY and "Retry-After" not in answer.headers:
            self.unsaid += 1
        return answer.status, dict(answer.headers), found

    def close(self):
        """End the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def insist(self, path, document):
        """Push until it is taken, as a sender should: the same key, after the time it was told."""
        key = secrets.token_hex(8)
        while True:
            try:
                status, headers, body = self.ask("POST", path, document, key)
            except (http.client.HTTPException, OSError):
                self.close()
                time.sleep(0.2)
                continue
            if status == 202:
                return json.loads(body)
            assert status in RETRY, (status, body)
            time.sleep(min(float(headers["Retry-After"]), 2.0))


# So far back that no burst reaches the present: what is of the future is held back.
BEGIN = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=100)


def readings(meter_id, first, count, begin=BEGIN):
    """Readings of a second each, by number: value = number."""
    return {"rows": [
        {"meter_id": meter_id, "value": n,
         "timestamp": f"{begin + timedelta(seconds=n):%Y-%m-%dT%H:%M:%SZ}"}
        for n in range(first, first + count)
    ]}  # fmt: skip


def at_once(programs, work, seconds):
    """Let programs work for a while, each in its thread; raise what one of them raised."""
    failed, until = [], time.monotonic() + seconds

    def forever(program):
        try:
            for turn in itertools.count():
                if time.monotonic() > until:
                    return
                work(program, turn)
        except BaseException as error:
            failed.append(error)
        finally:
            program.close()

    threads = [threading.Thread(target=forever, args=(one,)) for one in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
