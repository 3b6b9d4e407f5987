"""The spool: what is committed here is acknowledged and will reach the store (ARCHITECTURE §3)."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

FILE_NAME = "spool.db"

_TABLE = """
CREATE TABLE IF NOT EXISTS batch(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, site TEXT NOT NULL,
    source TEXT NOT NULL, digest TEXT NOT NULL, path TEXT NOT NULL,
    accept_good INTEGER NOT NULL, received_at TEXT NOT NULL, actor TEXT NOT NULL,
    drained_at TEXT, intent INTEGER NOT NULL DEFAULT 0, UNIQUE(kind, site, digest))
"""
_NOTES = """
CREATE TABLE IF NOT EXISTS noted(
    what TEXT NOT NULL, batch INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE(what, batch, body))
"""
_FILES = "CREATE INDEX IF NOT EXISTS batch_file ON batch(seq) WHERE path <> ''"
_INTENT = "ALTER TABLE batch ADD COLUMN intent INTEGER NOT NULL DEFAULT 0"


@dataclass(frozen=True)
class Batch:
    """One acknowledged batch.

    Parameters
    ----------
    kind, site
        What it holds; the site it was given for, empty where the rows name it.
    source
        The file's name as it came.
    digest
        SM3 of its bytes.
    path
        Its copy, relative to the inbox; empty for readings that came by themselves
        (``data/pushes.py`` keeps those until they are loaded).
    accept_good
        Whether bad rows are left out instead of refusing the file.
    actor
        Who brought it.
    received_at
        When it was received, UTC.
    seq
        Its number; later numbers correct earlier ones. 0 until acknowledged.
    intent
        Number of the audit record that announced it; 0 without one.
    """

    kind: str
    site: str
    source: str
    digest: str
    path: str
    accept_good: bool
    actor: str
    received_at: datetime
    seq: int = 0
    intent: int = 0


class Spool:
    """The SQLite file of acknowledged batches; every commit reaches the disk (FULL)."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE_NAME
        self._guard = threading.Lock()
        self._connection = sqlite3.connect(self._path, check_same_thread=False, timeout=10)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(_TABLE)
        self._connection.execute(_NOTES)
        self._connection.execute(_FILES)  # few among those that came by themselves
        columns = self._connection.execute("PRAGMA table_info(batch)").fetchall()
        if "intent" not in {column[1] for column in columns}:
            self._connection.execute(_INTENT)
        self._connection.commit()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._guard, self._connection:
            yield self._connection

    def add(self, batch: Batch, revoked: int = 0) -> int:
        """Commit a batch and return its number: from here on it is acknowledged.

        The same content may come again once the batch it came with is ``revoked``.

        Raises
        ------
        sqlite3.OperationalError
            The disk is full; nothing was acknowledged.
        """
        with self._transaction() as connection:
            connection.execute(
                "UPDATE batch SET digest = digest || ':' || seq WHERE seq = ?", (revoked,)
            )
            row = connection.execute(
                "INSERT INTO batch(kind, site, source, digest, path, accept_good, received_at, "
                "actor, intent) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    batch.kind,
                    batch.site,
                    batch.source,
                    batch.digest,
                    batch.path,
                    int(batch.accept_good),
                    batch.received_at.isoformat(),
                    batch.actor,
                    batch.intent,
                ),
            )
            return int(row.lastrowid or 0)

    def numbered(self, batch: Batch) -> int:
        """Return the number of a batch that came by itself, the same one after a stop.

        Its number is given before it is noted beside what it names: whoever was stopped between
        the two asks again with the same content.

        Raises
        ------
        sqlite3.OperationalError
            The disk is full; no number was given.
        """
        before = self.known(batch.kind, batch.site, batch.digest)
        return before.seq if before is not None else self.add(batch)

    def known(self, kind: str, site: str, digest: str) -> Batch | None:
        """Return the batch of the same content, if it was acknowledged before."""
        found = self._select("WHERE kind = ? AND site = ? AND digest = ?", (kind, site, digest))
        return found[0] if found else None

    def waiting(self) -> list[Batch]:
        """Return the files that have not reached the store, oldest first."""
        return self._select("WHERE drained_at IS NULL AND path <> ''", ())

    def find(self, seq: int) -> Batch | None:
        """Return a batch by its number."""
        found = self._select("WHERE seq = ?", (seq,))
        return found[0] if found else None

    def batches(self) -> list[Batch]:
        """Return every batch, oldest first."""
        return self._select("", ())

    def files(self, most: int) -> list[Batch]:
        """Return the newest batches that came as files, newest first."""
        newest = "WHERE seq IN (SELECT seq FROM batch WHERE path <> '' ORDER BY seq DESC LIMIT ?)"
        return self._select(newest, (most,))[::-1]

    def mark_drained(self, seq: int) -> None:
        """Note that a batch is in the store."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE batch SET drained_at = ? WHERE seq = ?",
                (datetime.now(UTC).isoformat(), seq),
            )

    def forget(self, seqs: list[int]) -> None:
        """Remove the batches of a removed site, so that its files can come again."""
        with self._transaction() as connection:
            for table, name in (("batch", "seq"), ("noted", "batch")):
                connection.executemany(
                    f"DELETE FROM {table} WHERE {name} = ?", [(seq,) for seq in seqs]
                )

    def loaded(self) -> tuple[int, int]:
        """Return how many batches are in the store, and the number of the newest, 0 without any."""
        with self._guard:
            count, newest = self._connection.execute(
                "SELECT count(*), max(seq) FROM batch WHERE drained_at IS NOT NULL"
            ).fetchone()
        return int(count), int(newest or 0)

    def unload(self, known: set[int]) -> list[int]:
        """Note that what the store does not know is not in it; return those batches' numbers."""
        with self._transaction() as connection:
            rows = connection.execute("SELECT seq FROM batch WHERE drained_at IS NOT NULL")
            absent = [seq for (seq,) in rows if seq not in known]
            connection.executemany(
                "UPDATE batch SET drained_at = NULL WHERE seq = ?", [(seq,) for seq in absent]
            )
        return absent

    def note(self, notes: Iterable[tuple[str, int, str]]) -> None:
        """Keep what is known of batches beside their content: what it is, the batch, the rest."""
        with self._transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO noted VALUES(?, ?, ?)", notes)

    def note_count(self) -> int:
        """Return how many notes are kept."""
        with self._guard:
            return int(self._connection.execute("SELECT count(*) FROM noted").fetchone()[0])

    def notes(self) -> list[tuple[str, int, str]]:
        """Return what is known of batches, in the order in which it was kept."""
        with self._guard:
            return self._connection.execute(
                "SELECT what, batch, body FROM noted ORDER BY rowid"
            ).fetchall()

    def _select(self, where: str, values: tuple[object, ...]) -> list[Batch]:
        with self._guard:
            rows = self._connection.execute(
                "SELECT kind, site, source, digest, path, accept_good, actor, received_at, seq, "
                "intent "
                f"FROM batch {where} ORDER BY seq",
                values,
            ).fetchall()
        return [_batch(row) for row in rows]


def _batch(row: tuple[str, str, str, str, str, int, str, str, int, int]) -> Batch:
    kind, site, source, digest, path, accept_good, actor, received_at, seq, intent = row
    moment = datetime.fromisoformat(received_at)
    return Batch(kind, site, source, digest, path, bool(accept_good), actor, moment, seq, intent)
