"""What the running product may not say to its state database, whatever code says it (9.5)."""

from __future__ import annotations

import sqlite3

_REFUSED = frozenset(
    (
        sqlite3.SQLITE_ALTER_TABLE, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH,
        sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_TRIGGER, sqlite3.SQLITE_CREATE_VIEW,
        sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_CREATE_TEMP_TABLE,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER, sqlite3.SQLITE_CREATE_TEMP_VIEW,
        sqlite3.SQLITE_CREATE_TEMP_INDEX, sqlite3.SQLITE_CREATE_VTABLE,
        sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_DROP_TRIGGER, sqlite3.SQLITE_DROP_VIEW,
        sqlite3.SQLITE_DROP_INDEX, sqlite3.SQLITE_DROP_VTABLE, sqlite3.SQLITE_REINDEX,
    )
)  # fmt: skip
_CHANGES = frozenset((sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE))
_GROWS_ONLY = frozenset(
    (
        "audit",
        "checkpoint",
        "anchored",
        "password_history",
        "policy_version",
        "note",
        "incident_event",
    )
)


def lock_statements(connection: sqlite3.Connection, _record: object) -> None:
    """Let a connection neither change tables nor touch what is recorded (a pool's listener)."""
    connection.set_authorizer(_allowed)


def _allowed(
    action: int, first: str | None, second: str | None, _database: str | None, _inner: str | None
) -> int:
    if action in _REFUSED:
        return sqlite3.SQLITE_DENY
    if action in _CHANGES and first in _GROWS_ONLY:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and second is not None:  # to ask is free, to set is not
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() == "load_extension":
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
