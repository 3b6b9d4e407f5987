"""What comes by itself reaches the store each second, and the ledger soon after."""

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
from data.settle import settle
from data.slots import utc_now
from data.state import Act, acts
from data.store import StoreError
from jobs.schedule import DRAIN, SETTLE, Schedule

QUIET_S = 5.0
LONGEST_S = 30.0
LOOK_S = 10.0
PRUNE_S = 3600.0


class Arrivals:
    """Drains the spool and settles what that changed.

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
        self._guard = threading.Lock()
        self._first: float | None = None
        self._last = 0.0
        self._looked = self._pruned = float("-inf")

    def on(self, schedule: Schedule) -> None:
        """Have it done by a schedule."""
        schedule.also(self.drain, 1, DRAIN)
        schedule.also(self.settle, 1, SETTLE)

    def drain(self) -> None:
        """Load what waits; where the store cannot be written it goes on waiting, and is told."""
        try:
            changed = load_pushes(self._engine, self._wall()).rows
            changed += load_posts(self._engine, self._wall())
            if self._engine.arrivals.select(
                "SELECT 1 FROM dropped WHERE state = 'waiting' LIMIT 1"
            ):
                with self._writing:
                    changed += load_drops(self._engine, self._wall)
        except (StoreError, DiskFull, sqlite3.OperationalError) as error:
            with suppress(sqlite3.OperationalError):  # a full disk takes no event either
                self._engine.links.raised("drain", self._wall(), str(error))
            return
        if changed:
            self._note()
        self._housekeeping()

    def _note(self) -> None:
        with self._guard:
            self._last = self._monotonic()
            if self._first is None:
                self._first = self._last

    def _housekeeping(self) -> None:
        mono, at = self._monotonic(), self._wall()
        if mono - self._looked >= LOOK_S:
            self._looked = mono
            look(self._engine, at, collector_runs=is_running(self._engine.home))
        if mono - self._pruned >= PRUNE_S:
            self._pruned = mono
            self._engine.pushes.prune(at, self._engine.store.inbox)

    @property
    def due(self) -> bool:
        """Whether something changed and either nothing more comes or it has waited long enough."""
        with self._guard:
            if self._first is None:
                return False
            mono = self._monotonic()
            return mono - self._last >= QUIET_S or mono - self._first >= LONGEST_S

    def settle(self) -> None:
        """Compute the ledger for what changed."""
        if not self.due:
            return
        with self._writing, acts(Act()):
            with self._guard:
                self._first = None
            with self._engine.state.audit.during("ledger.settle", "arrivals"):
                settle(self._engine)
