"""Alarms without a person (clause 6.4): what came in is settled and judged within a minute.

``look`` is called every few seconds and does nothing until the data have changed and been quiet
for a moment; then it settles what is due and brings the alarm issues in step. ``minute`` looks at
the disk.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from data import incidents, link_alarms
from data.engine import Engine
from data.link_alarms import Subject
from data.settle import settle
from data.state import now
from data.store import EVERYTHING, StoreError, Topic
from jobs.rest import Rest

JUDGED = EVERYTHING & ~Topic.FORECASTS
LOG = logging.getLogger("carbon.alarms")
EVERY_S = 3
QUIET_S = 8.0  # so long nothing may have come in, unless the settings say otherwise
LONGEST_S = 30.0  # but so long nobody waits
LOW_PCT = 10.0
VOLUME = "data"


@dataclass
class Duty:
    """Keeps the alarm issues of a data directory in step with what comes in.

    Parameters
    ----------
    engine
        The opened data directory.
    writing
        The lock that commands and pages hold while they write.
    quiet_s
        So long nothing may have come in, s.
    wall, monotonic
        The time of day (UTC without a zone), and seconds that nobody can set.
    """

    engine: Engine
    writing: threading.Lock
    quiet_s: float = QUIET_S
    wall: Callable[[], datetime] = now
    monotonic: Callable[[], float] = time.monotonic
    _rest: Rest = field(init=False)
    _told: dict[Subject, tuple[str, str]] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._rest = Rest(self.quiet_s, max(LONGEST_S, self.quiet_s))

    def look(self) -> None:
        """Settle and judge what has come in, once it is quiet."""
        if not self._rest.come(self.engine.store.version_of(JUDGED), self.monotonic()):
            return
        # A command that writes settles by itself, or will have changed the version when it ends.
        if self.writing.acquire(blocking=False):
            try:
                self.work()
            finally:
                self.writing.release()

    def work(self) -> int:
        """Settle what is due and bring the issues in step; return how many steps that took."""
        if due(self.engine):
            try:
                with self.engine.state.audit.during("ledger.settle", "auto"):
                    settle(self.engine)
            except StoreError:
                LOG.exception("settling by itself failed; it is tried again")
                self._rest.again(self.monotonic())
                raise
        taken = incidents.follow(self.engine, self.wall())
        self._rest.over(self.engine.store.version_of(JUDGED))
        return taken

    def interfaces(self) -> None:
        """Have an issue for what interfaces tell of themselves, as long as it lasts."""
        self._told = link_alarms.follow(self.engine, self._told, self.wall())

    def stepped(self, words: str) -> None:
        """Raise an issue for a step of the server's clock; a person closes it, with a reason."""
        incidents.raise_alarm(
            self.engine, incidents.CLOCK, incidents.SERVER, "critical", words, self.wall()
        )

    def minute(self) -> None:
        """Look at the room on the disk that has the data."""
        usage = shutil.disk_usage(self.engine.home)
        self.room(usage.free, usage.total)

    def room(self, free: int, total: int) -> None:
        """Raise an issue where the disk is nearly full, and close it where it is not any more.

        Parameters
        ----------
        free, total
            Bytes.
        """
        pct, floor = 100.0 * free / max(total, 1), self.engine.options.disk_floor_mb << 20
        at = self.wall()
        if free >= floor and pct >= LOW_PCT:
            incidents.clear(self.engine, incidents.DISK, VOLUME, at)
            return
        level = "critical" if free < floor else "warn"
        detail = f"{free >> 20} MB, {pct:.0f}%"
        incidents.raise_alarm(self.engine, incidents.DISK, VOLUME, level, detail, at)


def due(engine: Engine) -> bool:
    """Tell whether anything has come in that is not settled yet."""
    with engine.store.read() as cursor:
        row = cursor.execute(
            "SELECT EXISTS (FROM changed_reading) OR EXISTS (FROM changed_month) "
            "OR EXISTS (FROM alarm_due)"
        ).fetchone()
    return bool(row and row[0])
