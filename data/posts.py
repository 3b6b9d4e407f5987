"""Batches that programs post: committed first, acknowledged then, loaded later (9.1.1).

Readings go on through the spool of pushed batches, whose rules judge them; records wait here.
The same key of a client is the same batch; another body under it is refused.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from data.connectors.base import Batch, SpoolBusy
from data.pushes import RETRY_AFTER_S, Pushes, moment, us
from data.spool_file import SpoolFile
from data.state.audit import Act, Audit, Entry

KEYS_KEPT = timedelta(days=7)
NONCES_KEPT = timedelta(minutes=15)
MOST_WAITING = 50_000  # rows of records; readings are counted by the spool of pushed batches
OWN = "rest:"  # interfaces of this kind name meters themselves, and need no point table
WAITING, LOADED, REFUSED = "waiting", "loaded", "refused"


class KeyTaken(Exception):
    """The idempotency key was used for another body."""


@dataclass(frozen=True)
class Post:
    """What a program posts.

    Parameters
    ----------
    id
        The batch's name.
    client
        The prefix of its key.
    key
        Its idempotency key.
    body_sm3
        SM3 of the bytes that came, hexadecimal.
    kind, site
        As which kind of import file; whose, empty where the rows name it.
    rows
        The rows that are taken, each a mapping of column to value.
    receipt
        What was answered.
    at
        When it came, UTC.
    """

    id: str
    client: str
    key: str
    body_sm3: str
    kind: str
    site: str
    rows: Sequence[Mapping[str, Any]]
    receipt: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class Posted:
    """A post as it is kept: where it is by now, and what came of it."""

    seq: int
    post: Post
    state: str
    batch: int | None
    done_at: datetime | None
    outcome: Mapping[str, Any]


@dataclass
class Arriving:
    """A post on its way into the spool.

    Parameters
    ----------
    post, readings
        What came; its readings as a batch, where it brings some.
    act, entry
        Who sent it, and what is recorded of it.
    twin, error, done
        What was answered to the same post before; why it was not taken; whether this is known.
    """

    post: Post
    readings: Batch | None
    act: Act
    entry: Entry
    twin: Mapping[str, Any] | None = None
    error: Exception | None = None
    done: bool = False


class Committer:
    """Commits together what comes at once: a disk takes one commit as fast as eight.

    Parameters
    ----------
    posts
        Gives the posted batches.
    audit
        Each post that is taken leaves one record.
    """

    def __init__(self, posts: Callable[[], Posts], audit: Audit) -> None:
        self._posts, self._audit = posts, audit
        self._guard, self._turn = threading.Lock(), threading.Lock()
        self._queue: list[Arriving] = []

    def add(self, one: Arriving) -> Mapping[str, Any] | None:
        """Commit a post; when this returns it is on the disk and may be acknowledged.

        Parameters
        ----------
        one
            What came.

        Returns
        -------
        dict or None
            What was answered to the same post meanwhile, by another thread.

        Raises
        ------
        KeyTaken
            The key came meanwhile with another body.
        SpoolBusy
            The spool or the disk is full; nothing was taken.
        """
        with self._guard:
            self._queue.append(one)
        with self._turn:  # whoever waits here may find that the one before has done it
            if not one.done:
                with self._guard:
                    waiting, self._queue = self._queue, []
                self._commit(waiting)
        if one.error is not None:
            raise one.error
        return one.twin

    def _commit(self, waiting: Sequence[Arriving]) -> None:
        try:
            self._posts().add_all(
                waiting, lambda taken: self._audit.record_all([(o.act, o.entry) for o in taken])
            )
        except Exception as error:
            for one in waiting:
                one.error = one.error or error
                one.twin = None
        finally:
            for one in waiting:
                one.done = True


class Posts:
    """The posted batches of a data directory."""

    def __init__(self, file: SpoolFile, most_waiting: int = MOST_WAITING) -> None:
        self._file = file
        self._most = most_waiting

    def known(self, client: str, key: str, body_sm3: str, at: datetime) -> Mapping[str, Any] | None:
        """Return what was answered to the same post before; None where there was none.

        Raises
        ------
        KeyTaken
            There was one with another body.
        """
        rows = self._file.select(
            "SELECT body_sm3, receipt FROM posted WHERE client = ? AND key = ? "
            "AND received_us >= ?",
            client, key, us(at - KEYS_KEPT),
        )  # fmt: skip
        return _same(rows[0], body_sm3) if rows else None

    def add_all(
        self, wanted: Sequence[Arriving], record: Callable[[Sequence[Arriving]], object]
    ) -> None:
        """Commit posts together; when this returns those without an error may be acknowledged.

        Parameters
        ----------
        wanted
            What came; each is told what became of it.
        record
            Called before the commit with those that are taken: what cannot be recorded is not.

        Raises
        ------
        SpoolBusy
            The spool or the disk takes nothing; none was taken.
        """
        try:
            with self._file.transaction() as connection:
                taken = [one for one in wanted if self._took(connection, one)]
                if taken:
                    record(taken)
        except sqlite3.OperationalError as error:
            raise SpoolBusy(RETRY_AFTER_S, str(error)) from error

    def _took(self, connection: sqlite3.Connection, one: Arriving) -> bool:
        """Put one post into the transaction, or say why not; the others are not concerned."""
        connection.execute("SAVEPOINT one")
        try:
            one.twin = self._met(connection, one.post)
            if one.twin is None:
                self._require_room(connection, one.post, one.readings)
                _insert(connection, one.post, done=not one.post.rows)
                if one.readings is not None and one.readings.readings:
                    Pushes(self._file).put_in(
                        connection, OWN + one.post.site, 0, one.readings, one.post.at
                    )
        except (KeyTaken, SpoolBusy) as error:
            connection.execute("ROLLBACK TO one")
            one.error = error
        connection.execute("RELEASE one")
        return one.error is None and one.twin is None

    def _met(self, connection: sqlite3.Connection, post: Post) -> Mapping[str, Any] | None:
        """Return what was answered under the same key; one that is old enough makes way."""
        row = connection.execute(
            "SELECT body_sm3, receipt, received_us, seq FROM posted WHERE client = ? AND key = ?",
            (post.client, post.key),
        ).fetchone()
        if row is None:
            return None
        if row[2] >= us(post.at - KEYS_KEPT):
            return _same(row, post.body_sm3)
        connection.execute(
            "UPDATE posted SET key = 'former:' || seq || ':' || key WHERE seq = ?", (row[3],)
        )
        return None

    def _require_room(
        self, connection: sqlite3.Connection, post: Post, readings: Batch | None
    ) -> None:
        if readings is not None:
            return  # the spool of pushed batches counts them
        waiting = connection.execute(
            "SELECT coalesce(sum(json_array_length(rows)), 0) FROM posted "
            "WHERE done_us IS NULL AND kind <> 'readings'"
        ).fetchone()[0]
        if waiting + len(post.rows) > self._most:
            raise SpoolBusy(RETRY_AFTER_S)

    def once(self, client: str, nonce: str, at: datetime) -> bool:
        """Tell whether a nonce comes for the first time, and keep it."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM nonce WHERE at_us < ?", (us(at - NONCES_KEPT),))
            return bool(
                connection.execute(
                    "INSERT OR IGNORE INTO nonce VALUES(?, ?, ?)", (client, nonce, us(at))
                ).rowcount
            )

    def find(self, batch_id: str) -> Posted | None:
        """Return a post by its batch's name."""
        found = self._rows("WHERE id = ?", batch_id)
        return self._followed(found[0]) if found else None

    def waiting(self, kind: str = "") -> list[Posted]:
        """Return the records that are not in the store, oldest first; of one kind if named."""
        return self._rows(
            "WHERE done_us IS NULL AND kind <> 'readings' AND (?1 = '' OR kind = ?1)", kind
        )

    def loaded_as(self, batch: int) -> Posted | None:
        """Return the records that were loaded, or refused, under a number."""
        found = self._rows("WHERE batch = ? AND done_us IS NOT NULL AND kind <> 'readings'", batch)
        return found[0] if found else None

    def number(self, seq: int, batch: int) -> None:
        """Note under which number records will be loaded, before they are."""
        with self._file.transaction() as connection:
            connection.execute("UPDATE posted SET batch = ? WHERE seq = ?", (batch, seq))

    def conclude(self, seq: int, outcome: Mapping[str, Any], at: datetime) -> None:
        """Note that records are in the store, or why they cannot be."""
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE posted SET done_us = ?, outcome = ? WHERE seq = ?",
                (us(at), json.dumps(outcome, ensure_ascii=False), seq),
            )

    def _rows(self, where: str, *values: object) -> list[Posted]:
        rows = self._file.select(
            "SELECT seq, id, client, key, body_sm3, kind, site, rows, receipt, received_us, batch, "
            f"done_us, outcome FROM posted {where} ORDER BY seq",
            *values,
        )
        return [_posted(row) for row in rows]

    def _followed(self, found: Posted) -> Posted:
        """Return a post of readings as the spool of pushed batches knows it by now."""
        if found.post.kind != "readings" or found.state == REFUSED:
            return found
        rows = self._file.select(
            "SELECT seq, batch, drained_us FROM pushed WHERE interface = ? AND key = ?",
            OWN + found.post.site, found.post.id,
        )  # fmt: skip
        if not rows:  # in the store for so long that the spool has forgotten it
            return Posted(found.seq, found.post, LOADED, None, None, {})
        seq, batch, drained = rows[0]
        held = self._file.select(
            "SELECT reason, count(*) FROM held WHERE pushed = ? AND released_us IS NULL "
            "GROUP BY reason ORDER BY reason", seq,
        )  # fmt: skip
        state = WAITING if drained is None else LOADED
        done = None if drained is None else moment(drained)
        return Posted(found.seq, found.post, state, batch, done, {"held": dict(held)})


def _same(row: Sequence[Any], body_sm3: str) -> Mapping[str, Any]:
    if row[0] != body_sm3:
        raise KeyTaken
    receipt: dict[str, Any] = json.loads(row[1])
    return receipt


def _insert(connection: sqlite3.Connection, post: Post, *, done: bool) -> None:
    """Keep a post; the rows of readings are kept once, by the spool of pushed batches."""
    rows = [] if post.kind == "readings" else list(post.rows)
    connection.execute(
        "INSERT INTO posted(id, client, key, body_sm3, kind, site, rows, receipt, received_us, "
        "done_us, outcome) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (post.id, post.client, post.key, post.body_sm3, post.kind, post.site,
         json.dumps(rows, ensure_ascii=False), json.dumps(post.receipt, ensure_ascii=False),
         us(post.at), us(post.at) if done else None,
         json.dumps({"refused": True}) if done else ""),
    )  # fmt: skip


def _posted(row: Sequence[Any]) -> Posted:
    seq, name, client, key, body, kind, site, rows, receipt, received, batch, done, outcome = row
    found: dict[str, Any] = json.loads(outcome) if outcome else {}
    post = Post(name, client, key, body, kind, site, json.loads(rows), json.loads(receipt),
                moment(received))  # fmt: skip
    state = WAITING if done is None else REFUSED if found.get("refused") else LOADED
    return Posted(seq, post, state, batch, None if done is None else moment(done), found)
