"""The spool's file for whatever comes by itself: one connection, commits that reach the disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.spool import FILE_NAME

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS pushed(
        seq INTEGER PRIMARY KEY AUTOINCREMENT, interface TEXT NOT NULL, version INTEGER NOT NULL,
        key TEXT NOT NULL, digest TEXT NOT NULL, payload BLOB NOT NULL, readings INTEGER NOT NULL,
        source_seq INTEGER, stamped INTEGER NOT NULL, sent_us INTEGER, backlog INTEGER NOT NULL,
        received_us INTEGER NOT NULL, batch INTEGER, drained_us INTEGER, UNIQUE(interface, key))
    """,
    "CREATE INDEX IF NOT EXISTS pushed_waiting ON pushed(readings) WHERE drained_us IS NULL",
    "CREATE INDEX IF NOT EXISTS pushed_numbers ON pushed(interface, source_seq) "
    "WHERE source_seq IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS pushed_drained ON pushed(drained_us)",
    "CREATE INDEX IF NOT EXISTS pushed_came ON pushed(interface, received_us)",
    "CREATE INDEX IF NOT EXISTS pushed_batch ON pushed(batch) WHERE batch IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS archive(name TEXT PRIMARY KEY, bytes INTEGER NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS sequence(
        interface TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS missing(
        interface TEXT NOT NULL, number INTEGER NOT NULL, since_us INTEGER NOT NULL,
        PRIMARY KEY(interface, number)) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS held(
        id INTEGER PRIMARY KEY AUTOINCREMENT, interface TEXT NOT NULL, version INTEGER NOT NULL,
        pushed INTEGER NOT NULL, reading TEXT NOT NULL, reason TEXT NOT NULL,
        at_us INTEGER NOT NULL, received_us INTEGER NOT NULL, released_us INTEGER,
        UNIQUE(pushed, reading, reason))
    """,
    """
    CREATE TABLE IF NOT EXISTS last_value(
        interface TEXT NOT NULL, point TEXT NOT NULL, ts_us INTEGER NOT NULL, value TEXT,
        q INTEGER NOT NULL, note TEXT NOT NULL, received_us INTEGER NOT NULL, good_us INTEGER,
        good_value TEXT, PRIMARY KEY(interface, point)) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS health(
        interface TEXT PRIMARY KEY, body TEXT NOT NULL, at_us INTEGER NOT NULL) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS event(
        id INTEGER PRIMARY KEY AUTOINCREMENT, interface TEXT NOT NULL, point TEXT NOT NULL,
        code TEXT NOT NULL, detail TEXT NOT NULL, began_us INTEGER NOT NULL,
        seen_us INTEGER NOT NULL, times INTEGER NOT NULL, ended_us INTEGER)
    """,
    "CREATE UNIQUE INDEX IF NOT EXISTS event_open ON event(interface, point, code) "
    "WHERE ended_us IS NULL",
    """
    CREATE TABLE IF NOT EXISTS dropped(
        seq INTEGER PRIMARY KEY AUTOINCREMENT, interface TEXT NOT NULL, kind TEXT NOT NULL,
        site TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, accept_good INTEGER NOT NULL,
        taken_us INTEGER NOT NULL, state TEXT NOT NULL, detail TEXT NOT NULL, done_us INTEGER,
        UNIQUE(interface, kind, digest))
    """,
    """
    CREATE TABLE IF NOT EXISTS posted(
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, client TEXT NOT NULL,
        key TEXT NOT NULL, body_sm3 TEXT NOT NULL, kind TEXT NOT NULL, site TEXT NOT NULL,
        rows BLOB NOT NULL, receipt TEXT NOT NULL, received_us INTEGER NOT NULL, batch INTEGER,
        done_us INTEGER, outcome TEXT NOT NULL DEFAULT '', UNIQUE(client, key))
    """,
    "CREATE INDEX IF NOT EXISTS posted_waiting ON posted(kind, seq) WHERE done_us IS NULL",
    """
    CREATE TABLE IF NOT EXISTS nonce(
        client TEXT NOT NULL, nonce TEXT NOT NULL, at_us INTEGER NOT NULL,
        PRIMARY KEY(client, nonce)) WITHOUT ROWID
    """,
)


class SpoolFile:
    """Connections to the spool for several processes; every commit reaches the disk (FULL).

    Who only reads has one of its own and does not wait while another's commit goes to the disk.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._guard, self._reading = threading.Lock(), threading.Lock()
        # Explicit transactions: what is read before a write must be of the same moment.
        self._connection = sqlite3.connect(
            home / FILE_NAME, check_same_thread=False, timeout=30, isolation_level=None
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        with self.transaction() as connection:
            for statement in _TABLES:
                connection.execute(statement)
        self._reader = sqlite3.connect(
            home / FILE_NAME, check_same_thread=False, timeout=30, isolation_level=None
        )
        self._reader.execute("PRAGMA query_only = ON")

    def close(self) -> None:
        """Close the file."""
        with self._guard, self._reading:
            self._reader.close()
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for a block; what it did is on the disk when it ends."""
        with self._guard:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def select(self, sql: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        """Return a query's rows, as of the last commit."""
        with self._reading:
            return self._reader.execute(sql, values).fetchall()
