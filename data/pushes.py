"""Batches that came by themselves: committed first, acknowledged then, loaded later (9.1.1).

Whoever receives something, the collector or the API, puts it here; the process that owns the
store takes it from here. The same key is the same batch.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from data.connectors.base import Batch, Quality, Reading, Receipt, SpoolBusy
from data.digest import sm3
from data.spool_file import SpoolFile

MOST_WAITING = 50_000  # readings; beyond it who pushes is told to wait
RETRY_AFTER_S = 5.0
MOST_MISSING = 10_000  # a larger hole in a sender's numbers is a new beginning
OVERTAKEN, OVERTAKEN_AT_FIRST = 100, 3  # how far back a number may come late
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_QUALITIES = tuple(Quality)
_KEPT_AS_GOOD = frozenset({Quality.GOOD, Quality.MANUAL})


def us(moment: datetime) -> int:
    """Return microseconds since 1970 of a moment with a zone."""
    return (moment - EPOCH) // MICROSECOND


def moment(found: int) -> datetime:
    """Return the moment, UTC, of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=found)


@dataclass(frozen=True)
class Pressure:
    """How full the spool is.

    Parameters
    ----------
    waiting
        Readings that have not reached the store.
    busy
        Whether pushes are refused now: HTTP answers 503 with ``retry_after_s``.
    retry_after_s
        When to come again, s.
    """

    waiting: int
    busy: bool
    retry_after_s: float = RETRY_AFTER_S


@dataclass(frozen=True)
class Push:
    """A batch as it waits.

    Parameters
    ----------
    seq
        Its number in the spool.
    interface, version
        Which interface brought it, by which version of its point table.
    batch
        What it holds.
    received_at
        When it was committed, UTC.
    sound
        Whether its digest is that of its bytes.
    """

    seq: int
    interface: str
    version: int
    batch: Batch
    received_at: datetime
    sound: bool


@dataclass(frozen=True)
class Waiting:
    """A batch that is in no group: its number, who brought it, how many readings, their digest."""

    seq: int
    interface: str
    readings: int
    digest: str


@dataclass(frozen=True)
class Held:
    """A reading that is kept out of all totals until somebody decides: quarantine."""

    id: int
    interface: str
    version: int
    pushed: int
    reading: Reading
    reason: str
    at: datetime
    received_at: datetime


class Pushes:
    """The waiting batches of a data directory."""

    def __init__(self, file: SpoolFile, most_waiting: int = MOST_WAITING) -> None:
        self.file = file
        self._most = most_waiting

    def pressure(self) -> Pressure:
        """Return how full the spool is."""
        waiting = int(self.file.select(_WAITING)[0][0])
        return Pressure(waiting, waiting > self._most)

    def put(
        self, interface: str, version: int, batch: Batch, at: datetime, *, forced: bool = False
    ) -> Receipt:
        """Commit a batch; when this returns it is on the disk and may be acknowledged.

        Parameters
        ----------
        interface, version
            Which interface brought it, by which version of its settings.
        batch
            What it brought.
        at
            Now, UTC.
        forced
            Whether a full spool takes it nevertheless: registers that were asked for.

        Raises
        ------
        SpoolBusy
            The spool or the disk is full; nothing was taken.
        """
        try:
            with self.file.transaction() as connection:
                return self.put_in(connection, interface, version, batch, at, forced=forced)
        except sqlite3.OperationalError as error:
            raise SpoolBusy(RETRY_AFTER_S, str(error)) from error

    def put_in(
        self, connection: sqlite3.Connection, interface: str, version: int, batch: Batch,
        at: datetime, *, forced: bool = False,
    ) -> Receipt:  # fmt: skip
        """Put a batch within a transaction of the caller, whose commit acknowledges it.

        Raises
        ------
        SpoolBusy
            The spool is full.
        """
        waiting = connection.execute(_WAITING).fetchone()[0]
        if waiting > self._most and not forced:
            raise SpoolBusy(RETRY_AFTER_S)
        payload = encoded(batch.readings)
        new = connection.execute(
            _PUT,
            (interface, version, batch.key, sm3(payload), payload, len(batch.readings),
             batch.source_seq, batch.stamped, _us(batch.sent_at), batch.backlog, us(at)),
        ).rowcount  # fmt: skip
        if batch.source_seq is not None:
            _count(connection, interface, batch.source_seq, us(at), new=bool(new))
        if new:
            _keep_last(connection, interface, batch.readings, us(at))
        return Receipt(not new, _missing(connection, interface))

    def known(self, interface: str, key: str) -> str | None:
        """Return the digest of what came under a key before: another one is another batch."""
        found = self.file.select(
            "SELECT digest FROM pushed WHERE interface = ? AND key = ?", interface, key
        )
        return str(found[0][0]) if found else None

    def missing(self, interface: str) -> tuple[int, ...]:
        """Return the sender's numbers that have not come."""
        rows = self.file.select(
            "SELECT number FROM missing WHERE interface = ? ORDER BY number", interface
        )
        return tuple(number for (number,) in rows)

    def grouped(self, number: int) -> list[Push]:
        """Return the waiting batches that are loaded together under a number, in order."""
        return pushes_from(self.file.select(OF_GROUP.format(""), number))

    def open_groups(self) -> list[int]:
        """Return the numbers under which loading was begun and not ended."""
        rows = self.file.select(
            "SELECT DISTINCT batch FROM pushed WHERE drained_us IS NULL AND batch IS NOT NULL "
            "ORDER BY batch"
        )
        return [number for (number,) in rows]

    def unloaded(self, most: int) -> list[Waiting]:
        """Return the oldest waiting batches that are in no group."""
        rows = self.file.select(
            "SELECT seq, interface, readings, digest FROM pushed WHERE drained_us IS NULL "
            "AND batch IS NULL ORDER BY seq LIMIT ?",
            most,
        )
        return [Waiting(*row) for row in rows]

    def group(self, seqs: Sequence[int], number: int) -> None:
        """Note under which number batches will be loaded, before they are."""
        with self.file.transaction() as connection:
            connection.execute(
                "UPDATE pushed SET batch = ? WHERE seq IN (SELECT value FROM json_each(?))",
                (number, json.dumps(list(seqs))),
            )

    def loaded(self, number: int, held: Iterable[tuple[Push, Reading, str]], at: datetime) -> None:
        """Note that a group is in the store, but for what is held back of it."""
        with self.file.transaction() as connection:
            connection.executemany(
                _HOLD,
                [(push.interface, push.version, push.seq, encoded([reading]).decode(), reason,
                  us(at), us(push.received_at)) for push, reading, reason in held],
            )  # fmt: skip
            connection.execute(
                "UPDATE pushed SET drained_us = ? WHERE batch = ? AND drained_us IS NULL",
                (us(at), number),
            )

    def spoiled(self, seq: int, at: datetime) -> None:
        """Put a batch aside whose bytes have changed, so that it can come again under its key."""
        with self.file.transaction() as connection:
            connection.execute(
                "UPDATE pushed SET key = 'spoiled:' || seq || ':' || key, drained_us = ? "
                "WHERE seq = ?",
                (us(at), seq),
            )

    def held(self, interface: str | None = None) -> list[Held]:
        """Return what is held back, oldest first."""
        rows = self.file.select(
            "SELECT id, interface, version, pushed, reading, reason, at_us, received_us FROM held "
            "WHERE released_us IS NULL AND (?1 IS NULL OR interface = ?1) ORDER BY id",
            interface,
        )
        return [
            Held(number, name, version, pushed, decoded(reading)[0], reason, moment(at),
                 moment(received))
            for number, name, version, pushed, reading, reason, at, received in rows
        ]  # fmt: skip

    def release(self, interface: str, version: int, at: datetime) -> int:
        """Judge again, by a version of the point table, what is held back; return how many.

        Each is kept with the time it was received: what came from the future still did.
        """
        waiting = self.held(interface)
        with self.file.transaction() as connection:
            for one in waiting:
                payload = encoded([one.reading])
                connection.execute(
                    _PUT,
                    (interface, version, f"released:{one.id}", sm3(payload), payload, 1, None,
                     True, None, True, us(one.received_at)),
                )  # fmt: skip
                connection.execute("UPDATE held SET released_us = ? WHERE id = ?", (us(at), one.id))
        return len(waiting)

    def counts(self, interface: str) -> dict[str, int]:
        """Return how many batches and readings of an interface came, wait and are held back."""
        row = self.file.select(
            "SELECT count(*), coalesce(sum(readings), 0), coalesce(sum(drained_us IS NULL), 0) "
            "FROM pushed WHERE interface = ?",
            interface,
        )[0]
        held = self.file.select(
            "SELECT count(*) FROM held WHERE interface = ? AND released_us IS NULL", interface
        )[0][0]
        return {"batches": row[0], "readings": row[1], "waiting": row[2], "held": held}

    def since(self, interface: str, at: datetime) -> tuple[int, int]:
        """Return how many batches and readings of an interface came since a moment."""
        row = self.file.select(
            "SELECT count(*), coalesce(sum(readings), 0) FROM pushed "
            "WHERE interface = ? AND received_us >= ?",
            interface, us(at),
        )[0]  # fmt: skip
        return row[0], row[1]


_WAITING = "SELECT coalesce(sum(readings), 0) FROM pushed WHERE drained_us IS NULL"
_PUT = """
INSERT INTO pushed(interface, version, key, digest, payload, readings, source_seq, stamped,
    sent_us, backlog, received_us) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(interface, key) DO NOTHING
"""
OF_GROUP = """
SELECT seq, interface, version, key, digest, payload, source_seq, stamped, sent_us, backlog,
    received_us FROM pushed WHERE batch = ? AND drained_us IS {} NULL ORDER BY seq
"""
_HOLD = """
INSERT INTO held(interface, version, pushed, reading, reason, at_us, received_us)
VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
# One statement for all points of a batch: each step of another one lets other threads in between.
_LAST = """
INSERT INTO last_value SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
    ?2, value ->> 5, value ->> 6 FROM json_each(?3) WHERE true
ON CONFLICT(interface, point) DO UPDATE SET
    ts_us = excluded.ts_us, value = excluded.value, q = excluded.q, note = excluded.note,
    received_us = excluded.received_us,
    good_us = iif(excluded.good_us >= coalesce(good_us, excluded.good_us),
        excluded.good_us, good_us),
    good_value = iif(excluded.good_us >= coalesce(good_us, excluded.good_us),
        excluded.good_value, good_value)
WHERE excluded.ts_us >= last_value.ts_us
"""


def encoded(readings: Iterable[Reading]) -> bytes:
    """Return readings as the spool keeps them: values as decimals, never as binary fractions."""
    rows = [
        [r.point, us(r.ts), None if r.value is None else str(r.value), int(r.q), r.note]
        for r in readings
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def decoded(payload: bytes | str) -> tuple[Reading, ...]:
    """Return the readings of a payload."""
    return tuple(
        Reading(point, moment(ts), None if value is None else Decimal(value), _QUALITIES[q], note)
        for point, ts, value, q, note in json.loads(payload)
    )


def _us(found: datetime | None) -> int | None:
    return None if found is None else us(found)


def pushes_from(rows: list[tuple]) -> list[Push]:  # type: ignore[type-arg]
    """Return batches from the spool's columns, in the order of ``OF_GROUP``."""
    found = []
    for seq, interface, version, key, digest, payload, number, stamped, sent, backlog, at in rows:
        sound = sm3(payload) == digest
        batch = Batch(
            key,
            decoded(payload) if sound else (),
            number,
            bool(stamped),
            None if sent is None else moment(sent),
            bool(backlog),
        )
        found.append(Push(seq, interface, version, batch, moment(at), sound))
    return found


def _count(
    connection: sqlite3.Connection, interface: str, number: int, at: int, *, new: bool
) -> None:
    """Follow a sender's numbers: what is skipped is missing until it comes."""
    row = connection.execute(
        "SELECT last FROM sequence WHERE interface = ?", (interface,)
    ).fetchone()
    last = number - 1 if row is None else int(row[0])
    filled = connection.execute(
        "DELETE FROM missing WHERE interface = ? AND number = ?", (interface, number)
    ).rowcount
    if number > last:
        if number - last <= MOST_MISSING:
            connection.executemany(
                "INSERT OR IGNORE INTO missing VALUES(?, ?, ?)",
                [(interface, one, at) for one in range(last + 1, number)],
            )
    elif filled or not new or not _begins_anew(connection, interface, number, last):
        return  # one that came late, or one that came again
    connection.execute(
        "INSERT INTO sequence VALUES(?, ?) ON CONFLICT(interface) DO UPDATE SET "
        "last = excluded.last",
        (interface, number),
    )


def _begins_anew(connection: sqlite3.Connection, interface: str, number: int, last: int) -> bool:
    """Tell whether a lower number that nobody missed is of a sender that began anew.

    It is where that number came before, under another key, or lies too far back to have been
    overtaken on the way.
    """
    came = connection.execute(
        "SELECT count(*) FROM pushed WHERE interface = ? AND source_seq = ?", (interface, number)
    ).fetchone()[0]
    overtaken = OVERTAKEN_AT_FIRST if number <= 1 else OVERTAKEN
    return came > 1 or last - number > overtaken


def _missing(connection: sqlite3.Connection, interface: str) -> tuple[int, ...]:
    rows = connection.execute(
        "SELECT number FROM missing WHERE interface = ? ORDER BY number LIMIT 1000", (interface,)
    )
    return tuple(number for (number,) in rows)


def _keep_last(
    connection: sqlite3.Connection, interface: str, readings: Iterable[Reading], at: int
) -> None:
    newest: dict[str, Reading] = {}
    good: dict[str, Reading] = {}
    for r in readings:
        for found, counts in ((newest, True), (good, r.value is not None and r.q in _KEPT_AS_GOOD)):
            if counts and (r.point not in found or r.ts >= found[r.point].ts):
                found[r.point] = r
    rows = [[point, us(r.ts), _text(r), int(r.q), r.note,
             *((us(good[point].ts), _text(good[point])) if point in good else (None, None))]
            for point, r in newest.items()]  # fmt: skip
    connection.execute(_LAST, (interface, at, json.dumps(rows, ensure_ascii=False)))


def _text(reading: Reading) -> str | None:
    return None if reading.value is None else str(reading.value)


def pushes_of(home: Path) -> Pushes:
    """Return the waiting batches of a data directory."""
    return Pushes(SpoolFile(home))
