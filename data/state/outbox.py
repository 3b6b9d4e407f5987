"""The outbox of the alarm log, and how far each place outside has got (clause 6.4).

Rows come in with the steps they tell of (``data/state/incidents.py``). A place is sent them in
order; one is done with when the place has taken it, so that each arrives at least once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from data.state.audit import Entry, recorded, writing
from data.state.tables import ALARM_DELIVERY, ALARM_OUTBOX

MOST_WAITING = 10_000
KEPT = 1_000  # rows that nobody waits for any more; a place that is named later is told of them


@dataclass(frozen=True)
class Posted:
    """A row of the outbox: its number, the id by which a receiver knows it again, JSON, when."""

    seq: int
    uid: str
    at: datetime
    body: str


@dataclass(frozen=True)
class Delivery:
    """How far a place has got, and what stands in its way (UTC)."""

    place: str
    seq: int
    at: datetime | None
    tries: int
    failing_since: datetime | None
    next_at: datetime | None
    error: str


class Outbox:
    """The alarm log on its way out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self, place: str, most: int) -> list[Posted]:
        """Return the oldest rows that a place has not taken yet."""
        with self._engine.connect() as connection:
            wanted = select(ALARM_OUTBOX).where(ALARM_OUTBOX.c.seq > _reached(connection, place))
            rows = connection.execute(wanted.order_by(ALARM_OUTBOX.c.seq).limit(most))
            return [Posted(**row._mapping) for row in rows]

    def oldest(self, place: str) -> datetime | None:
        """Return since when (UTC) the oldest row that a place has not taken has waited."""
        found = self.waiting(place, 1)
        return found[0].at if found else None

    def count(self, place: str) -> int:
        """Return how many rows a place has not taken yet."""
        with self._engine.connect() as connection:
            here = ALARM_OUTBOX.c.seq > _reached(connection, place)
            wanted = select(func.count()).select_from(ALARM_OUTBOX).where(here)
            return int(connection.execute(wanted).scalar() or 0)

    def delivery(self, place: str) -> Delivery:
        """Return how far a place has got."""
        with self._engine.connect() as connection:
            wanted = select(ALARM_DELIVERY).where(ALARM_DELIVERY.c.place == place)
            row = connection.execute(wanted).first()
        return (
            Delivery(place, 0, None, 0, None, None, "") if row is None else Delivery(**row._mapping)
        )

    def taken(self, place: str, seq: int, at: datetime) -> None:
        """Note that a place has taken every row up to one."""
        self._put(place, seq=seq, at=at, tries=0, failing_since=None, next_at=None, error="")

    def refused(self, place: str, error: str, at: datetime, next_at: datetime) -> None:
        """Note that a place took nothing, why, and when it is asked again."""
        before = self.delivery(place)
        since = before.failing_since or at
        self._put(place, seq=before.seq, at=before.at, tries=before.tries + 1,
                  failing_since=since, next_at=next_at, error=error[:400])  # fmt: skip

    def _put(self, place: str, **values: object) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                insert(ALARM_DELIVERY)
                .values(place=place, **values)
                .on_conflict_do_update(index_elements=[ALARM_DELIVERY.c.place], set_=values)
            )

    def trim(self, places: Sequence[str], at: datetime, most: int = MOST_WAITING) -> int:
        """Keep the outbox within its bounds and return how many rows were given up.

        What every place has taken goes without a word. What still waits goes only where more
        than ``most`` wait, the oldest first: the audit trail says so, and so does a row of the
        outbox itself, which the places are sent like any other.
        """
        with recorded(self._engine, Entry("alarm.dropped", "alarm_outbox")) as what:
            connection = what.connection
            newest = int(connection.execute(select(func.max(ALARM_OUTBOX.c.seq))).scalar() or 0)
            done = min((_reached(connection, place) for place in places), default=newest)
            _forget(connection, min(done, newest - KEPT))
            wanted = select(ALARM_OUTBOX.c.seq, ALARM_OUTBOX.c.uid)
            rows = connection.execute(
                wanted.where(ALARM_OUTBOX.c.seq > done).order_by(ALARM_OUTBOX.c.seq)
            ).all()
            lost = rows[: len(rows) - most] if len(rows) > most else []
            if not lost:
                what.entry = None
                return 0
            first, last = lost[0].uid, lost[-1].uid
            what.note(description=f"{len(lost)}: {first} .. {last}")
            body = json.dumps({"id": f"dropped-{lost[-1].uid}", "event": "dropped",
                               "count": len(lost), "first": first, "last": last,
                               "at": f"{at:%Y-%m-%dT%H:%M:%S}Z", "level": "critical"},
                              sort_keys=True)  # fmt: skip
            # It stands where the last of them stood: before everything that still waits.
            here = ALARM_OUTBOX.c.seq == lost[-1].seq
            connection.execute(
                update(ALARM_OUTBOX).where(here).values(uid=f"dropped-{last}", body=body, at=at)
            )
            _forget(connection, lost[-1].seq - 1)
            return len(lost)


def _forget(connection: Connection, upto: int) -> None:
    connection.execute(delete(ALARM_OUTBOX).where(ALARM_OUTBOX.c.seq <= upto))


def _reached(connection: Connection, place: str) -> int:
    wanted = select(ALARM_DELIVERY.c.seq).where(ALARM_DELIVERY.c.place == place)
    return int(connection.execute(wanted).scalar() or 0)
