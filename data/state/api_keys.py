"""Keys by which programs use the API, as they are kept (T/CASMES 615 7.1, 9.4.1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, bindparam, insert, select, update

from data.state.audit import Entry, recorded
from data.state.tables import API_KEY as T


class NoSuchKey(Exception):
    """There is no such key, or it is revoked already; the message is its prefix."""


@dataclass(frozen=True)
class ApiKey:
    """A key as it is kept: nothing of it opens a door.

    Parameters
    ----------
    prefix, name
        Its public half, and what people call it.
    salt, digest
        Hexadecimal; the digest is SM3(salt ‖ secret).
    scopes
        What it may do.
    sites
        Whose data; empty for every site.
    addresses
        Networks (CIDR) it may come from; empty for any.
    created_by, created_at, expires_at, revoked_at, revoked_by
        Who made and revoked it, and when, UTC without a zone.
    """

    prefix: str
    name: str
    salt: str
    digest: str
    scopes: tuple[str, ...]
    sites: tuple[str, ...]
    addresses: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    def told(self) -> dict[str, Any]:
        """Return what may be shown and recorded of it."""
        return {
            "prefix": self.prefix,
            "name": self.name,
            "scopes": list(self.scopes),
            "sites": list(self.sites),
            "addresses": list(self.addresses),
            "created_by": self.created_by,
            "created_at": self.created_at.isoformat() + "Z",
            "expires_at": self.expires_at.isoformat() + "Z",
            "revoked_at": None if self.revoked_at is None else self.revoked_at.isoformat() + "Z",
            "revoked_by": self.revoked_by,
        }


class ApiKeys:
    """The keys of a data directory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, key: ApiKey) -> None:
        """Keep a new key; the trail keeps what it may do."""
        told = json.dumps(key.told(), ensure_ascii=False)
        with recorded(self._engine, Entry("api_key.add", key.prefix, after=told)) as what:
            what.connection.execute(
                insert(T).values(
                    prefix=key.prefix, name=key.name, salt=key.salt, digest=key.digest,
                    scopes=" ".join(key.scopes), sites=json.dumps(key.sites),
                    addresses=" ".join(key.addresses), created_by=key.created_by,
                    created_at=key.created_at, expires_at=key.expires_at,
                )
            )  # fmt: skip

    def revoke(self, prefix: str, by: str, at: datetime) -> None:
        """Let a key open nothing any more, at once.

        Raises
        ------
        NoSuchKey
            There is none that is still open.
        """
        with recorded(self._engine, Entry("api_key.revoke", prefix)) as what:
            done = what.connection.execute(
                update(T)
                .where(T.c.prefix == prefix, T.c.revoked_at.is_(None))
                .values(revoked_at=at, revoked_by=by)
            )
            if not done.rowcount:
                raise NoSuchKey(prefix)

    def find(self, prefix: str) -> ApiKey | None:
        """Return a key, revoked and expired ones too."""
        with self._engine.connect() as connection:
            row = connection.execute(_ONE, {"prefix": prefix}).first()
        return None if row is None else _key(row)

    def all(self) -> list[ApiKey]:
        """Return every key, oldest first."""
        with self._engine.connect() as connection:
            return [_key(row) for row in connection.execute(select(T).order_by(T.c.created_at))]


_ONE = select(T).where(T.c.prefix == bindparam("prefix"))  # asked for at each request


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.prefix, row.name, row.salt, row.digest, tuple(row.scopes.split()),
        tuple(json.loads(row.sites)), tuple(row.addresses.split()), row.created_by,
        row.created_at, row.expires_at, row.revoked_at, row.revoked_by,
    )  # fmt: skip
