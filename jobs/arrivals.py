"""What comes by itself reaches the store each second."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from data.collector import is_running
from data.drain import load_pushes
from data.drop_load import load_drops
from data.engine import DiskFull, Engine
from data.interfaces import look
from data.post_load import load_posts
from data.push_archive import prune
from data.slots import utc_now
from data.store import StoreError
from jobs.schedule import DRAIN, Schedule

LOOK_S = 10.0
PRUNE_S = 3600.0


class Arrivals:
    """Drains the spool; what that changes is settled by jobs/duty.py, as after any file.

    Parameters
    ----------
    engine
        The opened data directory.
    writing
        Held by commands and pages while they write.
    wall, monotonic
        The time of day, UTC, and seconds that nobody can set.
    """

    def __init__(
        self,
        engine: Engine,
        writing: threading.Lock,
        wall: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._writing = engine, writing
        self._wall, self._monotonic = wall, monotonic
        self._looked = self._pruned = float("-inf")
        self._runs = True  # whether the collector was there at the look before

    def on(self, schedule: Schedule) -> None:
        """Have it done by a schedule."""
        schedule.also(self.drain, 1, DRAIN)

    def drain(self) -> None:
        """Load what waits; where the store cannot be written it goes on waiting, and is told."""
        try:
            load_pushes(self._engine, self._wall())
            load_posts(self._engine, self._wall())
            if self._engine.arrivals.select(
                "SELECT 1 FROM dropped WHERE state = 'waiting' LIMIT 1"
            ):
                with self._writing:
                    load_drops(self._engine, self._wall)
        except (StoreError, DiskFull, sqlite3.OperationalError) as error:
            with suppress(sqlite3.OperationalError):  # a full disk takes no event either
                self._engine.links.raised("drain", self._wall(), str(error))
            return
        self._housekeeping()

    def _housekeeping(self) -> None:
        mono, at = self._monotonic(), self._wall()
        if mono - self._looked >= LOOK_S:
            self._looked = mono
            # One that is being started, or again, is not there for a moment: that is no alarm.
            before, self._runs = self._runs, is_running(self._engine.home)
            look(self._engine, at, collector_runs=before or self._runs)
        if mono - self._pruned >= PRUNE_S:
            self._pruned = mono
            prune(self._engine.arrivals, at, self._engine.store.inbox)
