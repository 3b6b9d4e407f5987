"""The whole application over a small settled site, and keys to it."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass

import pytest

from data.state import now
from jobs.duty import Duty
from security.api_keys import SCOPES, WantedKey, add
from tests.security.doors import House, house

_NUMBERS = itertools.count(1)


@dataclass
class Api:
    """The application with a way to speak to its API."""

    house: House

    @property
    def engine(self):
        return self.house.engine

    @property
    def gate(self):
        return self.house.server.extensions["api"].extensions["api_gate"]

    def key(self, *scopes, sites=(), addresses=(), days=30, name="test"):
        """A new key's token."""
        wanted = WantedKey(name, scopes or SCOPES, days, sites, addresses)
        return add(self.engine.state, wanted, "tester", now(), ("S1",))[1]

    def get(self, path, token, **headers):
        client = self.house.server.test_client()
        return client.get(f"/api/v1{path}", headers=bearer(token) | headers)

    def post(self, path, token, document, key=None, **headers):
        """Push a document, or bytes as they are; a new idempotency key unless one is given."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        sent = bearer(token) | {"Content-Type": "application/json",
                                "Idempotency-Key": key or fresh()}  # fmt: skip
        client = self.house.server.test_client()
        return client.post(f"/api/v1{path}", data=body, headers=sent | headers)

    def settled(self, batch_id, token, within_s=20):
        """A batch's state once it has left the spool."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            found = self.get(f"/batches/{batch_id}", token).json
            if found["state"] != "waiting":
                return found
            time.sleep(0.1)
        raise AssertionError(f"still waiting: {found}")

    def query(self, sql, values=()):
        with self.engine.store.read() as cursor:
            return cursor.execute(sql, list(values)).fetchall()

    def records(self, before, event):
        return [r for r in self.engine.state.audit.records(before) if r.event == event]

    def head(self):
        return self.engine.state.audit.head()[0]


def bearer(token):
    return {"Authorization": f"Bearer {token}"} if token else {}


def fresh():
    return f"test-{next(_NUMBERS)}"


@pytest.fixture(scope="package")
def api(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        # Figures change when a test says so, not while another compares them.
        patched.setattr(Duty, "look", lambda _self: None)
        with house(tmp_path_factory.mktemp("api")) as found:
            api = Api(found)
            api.gate.buckets._per_s = 100_000  # tests of the rate have buckets of their own
            yield api


@pytest.fixture(scope="package")
def token(api):
    return api.key()
