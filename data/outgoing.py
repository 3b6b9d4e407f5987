"""What of the alarm log has not been uploaded in time (clause 6.4)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from data.engine import Engine

LATE = timedelta(minutes=15)


@dataclass(frozen=True)
class Late:
    """A place that has not taken what has waited for it: since when (UTC), and why."""

    place: str
    since: datetime
    error: str


@dataclass(frozen=True)
class Overdue:
    """The places that are late, and how many rows were given up because too many waited."""

    places: tuple[Late, ...]
    dropped: int


def overdue(engine: Engine, at: datetime) -> Overdue:
    """Return the places that have not taken for 15 minutes what waits for them.

    Parameters
    ----------
    engine
        The opened data directory; its options name the places.
    at
        Now (UTC).

    References
    ----------
    Clause 6.4.
    """
    outbox = engine.state.outbox
    found, dropped = [], 0
    for place in engine.options.alarm_places:
        waiting = outbox.waiting(place, 1)
        if not waiting:
            continue
        told = json.loads(waiting[0].body)
        dropped = max(dropped, int(told.get("count", 0)) if told["event"] == "dropped" else 0)
        if at - waiting[0].at >= LATE:
            how = outbox.delivery(place)
            since = min(waiting[0].at, how.failing_since or waiting[0].at)
            found.append(Late(place, since, how.error))
    return Overdue(tuple(found), dropped)
