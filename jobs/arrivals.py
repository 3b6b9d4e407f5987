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
from jobs.schedule import DRAIN, LINKS, Schedule

LOOK_S = 10
PRUNE_S = 3600.0
STALLED_S = 60.0  # so long something may wait without anything being loaded
FILES_AGAIN_S = 30.0  # an import is recorded: one that fails is not tried each second


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
        self._pruned = self._files_failed = float("-inf")
        self._loaded = (wall(), monotonic())
        self._runs = True  # whether the collector was there at the look before

    def on(self, schedule: Schedule) -> None:
        """Have it done by a schedule; who looks does not wait for who loads."""
        schedule.also(self.drain, 1, DRAIN)
        schedule.also(self.look, LOOK_S, LINKS)

    def drain(self) -> None:
        """Load what waits; where the store cannot be written it goes on waiting, and is told."""
        if not self._told("drain", self._load):
            return
        self._loaded = (self._wall(), self._monotonic())
        if self._monotonic() - self._files_failed < FILES_AGAIN_S:
            return
        if not self._told("file", self._import):
            self._files_failed = self._monotonic()
            return
        self._prune()

    def look(self) -> None:
        """Begin and end the events that are nobody's in particular."""
        since, mono = self._loaded
        stalled = self._monotonic() - mono > STALLED_S and self._waiting()
        # One that is being started, or again, is not there for a moment: that is no alarm.
        before, self._runs = self._runs, is_running(self._engine.home)
        look(self._engine, self._wall(), collector_runs=before or self._runs,
             stalled_since=since if stalled else None)  # fmt: skip

    def _load(self) -> None:
        load_pushes(self._engine, self._wall())
        load_posts(self._engine, self._wall())

    def _import(self) -> None:
        """Import what was dropped, unless somebody writes: readings do not wait for that."""
        waiting = "SELECT 1 FROM dropped WHERE state = 'waiting' LIMIT 1"
        if self._engine.arrivals.select(waiting) and self._writing.acquire(blocking=False):
            try:
                load_drops(self._engine, self._wall)
            finally:
                self._writing.release()

    def _told(self, code: str, work: Callable[[], None]) -> bool:
        """Do something; tell of it as an event where it cannot be done, until it can."""
        try:
            work()
        except (StoreError, DiskFull, sqlite3.OperationalError) as error:
            with suppress(sqlite3.OperationalError):  # a full disk takes no event either
                self._engine.links.raised(code, self._wall(), str(error))
            return False
        with suppress(sqlite3.OperationalError):
            self._engine.links.ended(code, self._wall())
        return True

    def _waiting(self) -> bool:
        """Tell whether anything waits that the service should have loaded."""
        return bool(
            self._engine.arrivals.select(
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM pushed WHERE drained_us IS NULL) "
                "OR EXISTS (SELECT 1 FROM posted WHERE done_us IS NULL)"
            )
        )

    def _prune(self) -> None:
        mono = self._monotonic()
        if mono - self._pruned >= PRUNE_S:
            self._pruned = mono
            prune(self._engine.arrivals, self._wall(), self._engine.store.inbox)
