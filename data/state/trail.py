"""Signed heads of the audit trail, and which of them have reached which place outside (9.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, func, insert, select

from data.state.audit import writing
from data.state.tables import ANCHORED, AUDIT, CHECKPOINT


@dataclass(frozen=True)
class Signed:
    """A signed head: the trail's size, its text, the signature (DER) and whose it is."""

    size: int
    text: str
    signature: bytes
    kid: str
    at: datetime


@dataclass(frozen=True)
class Delivered:
    """How far a place outside has got: its newest checkpoint, and when it was delivered."""

    place: str
    size: int
    at: datetime


# From the trail's size and head and the checkpoint before: the next one; None where none is due.
Make = Callable[[int, bytes, Signed | None], Signed | None]


class Checkpoints:
    """The checkpoints of a data directory; rows are added, never changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, make: Make) -> Signed | None:
        """Add the checkpoint that is made of the trail's head; no record comes in between.

        Parameters
        ----------
        make
            Signs; called inside the transaction.

        Returns
        -------
        Signed or None
            None where none was due.
        """
        head = select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)
        with writing(self._engine) as connection:
            row = connection.execute(head).first()
            before = _signed(connection.execute(_NEWEST).first())
            if row is None or (before is not None and before.size >= row.seq):
                return None
            made = make(row.seq, row.hash, before)
            if made is not None:
                connection.execute(insert(CHECKPOINT).values(**vars(made)))
            return made

    def newest(self) -> Signed | None:
        """Return the newest checkpoint."""
        with self._engine.connect() as connection:
            return _signed(connection.execute(_NEWEST).first())

    def all(self, since: int = 0) -> list[Signed]:
        """Return the checkpoints from a size on, oldest first."""
        wanted = select(CHECKPOINT).where(CHECKPOINT.c.size >= since).order_by(CHECKPOINT.c.size)
        with self._engine.connect() as connection:
            return [Signed(**row._mapping) for row in connection.execute(wanted)]

    def waiting(self, place: str, most: int) -> list[Signed]:
        """Return the oldest checkpoints that have not reached a place yet.

        Parameters
        ----------
        place
            Where to.
        most
            How many at once.

        Returns
        -------
        list of Signed
            Oldest first.
        """
        there = (
            select(ANCHORED.c.size)
            .where(ANCHORED.c.size == CHECKPOINT.c.size, ANCHORED.c.place == place)
            .exists()
        )
        wanted = select(CHECKPOINT).where(~there).order_by(CHECKPOINT.c.size).limit(most)
        with self._engine.connect() as connection:
            return [Signed(**row._mapping) for row in connection.execute(wanted)]

    def deliver(self, place: str, sizes: list[int], at: datetime) -> None:
        """Note that checkpoints have reached a place."""
        with writing(self._engine) as connection:
            rows = [{"size": size, "place": place, "at": at} for size in sizes]
            connection.execute(insert(ANCHORED), rows)

    def delivered(self) -> list[Delivered]:
        """Return every place outside and how far it has got."""
        newest = func.max(ANCHORED.c.size)
        wanted = select(ANCHORED.c.place, newest, ANCHORED.c.at).group_by(ANCHORED.c.place)
        with self._engine.connect() as connection:
            return [Delivered(*row) for row in connection.execute(wanted)]

    def sizes_at(self, place: str) -> list[int]:
        """Return the sizes of all checkpoints that have reached a place, in order."""
        wanted = select(ANCHORED.c.size).where(ANCHORED.c.place == place).order_by(ANCHORED.c.size)
        with self._engine.connect() as connection:
            return list(connection.execute(wanted).scalars())


_NEWEST = select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc()).limit(1)


def _signed(row: Row[Any] | None) -> Signed | None:
    return None if row is None else Signed(**row._mapping)
