"""What keeps the audit trail going and watches it: heartbeat, clock, checkpoints, verification.

Each is a function of the clocks it is given; ``jobs/schedule.py`` calls them in time.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from data.state import Entry, now
from security.anchors import FileAnchor
from security.notary import GRAVEST, Notary, alarm, local
from security.segments import Sealing, missing, seal_finished
from security.trail_check import TrailCheck
from security.verify_audit import installation_of, read_anchors

LOG = logging.getLogger("carbon.trail")
STEP = timedelta(seconds=5)
SILENT_S = 300.0


@dataclass
class Watch:
    """Keeps the trail of a data directory.

    Parameters
    ----------
    home
        The data directory.
    notary
        Makes checkpoints and brings them outside.
    check
        Verifies.
    keys
        What signs, and for whom months are sealed.
    wall, monotonic
        The time of day (UTC without a zone), and seconds that nobody can set.
    told
        Also told of a step of the clock, in words.
    """

    home: Path
    notary: Notary
    check: TrailCheck
    keys: Sealing
    wall: Callable[[], datetime] = now
    monotonic: Callable[[], float] = time.monotonic
    told: Callable[[str], None] | None = None
    _at: tuple[datetime, float] = field(init=False)
    _began: float = field(init=False)
    _ran: float = field(init=False)

    def __post_init__(self) -> None:
        self._at = (self.wall(), self.monotonic())
        self._began = self._ran = self._at[1]

    @property
    def silent(self) -> bool:
        """Whether nothing has been done for so long that something must have ended it."""
        return self.monotonic() - self._ran > SILENT_S

    def begin(self) -> None:
        """Record that the service starts; what its clock and its anchors say of the time before."""
        audit = self.notary.state.audit
        size, _ = audit.head()
        newest = next(audit.records(size - 1, 1), None)
        if newest is not None:
            before = datetime.fromisoformat(newest.at)
            if local(self.wall()) < before - STEP:
                self._stepped(before, local(self.wall()))
        audit.record(Entry("service.start", f"pid={os.getpid()}"))
        self._foreign()
        self.notary.sign()

    def _foreign(self) -> None:
        """Alarm anchors of another installation where this one has none yet: data were replaced."""
        if self.notary.state.checkpoints.newest() is not None:
            return
        own = self.notary.state.audit.begin()
        for anchor in self.notary.anchors:
            lines = anchor.read() if isinstance(anchor, FileAnchor) else []
            others = {installation_of(one) for one in read_anchors(lines)[0]} - {own}
            if others:
                alarm(self.notary.state, "anchors_of_another_installation", anchor.place, 1,
                      installations=sorted(others))  # fmt: skip

    def end(self) -> None:
        """Record that the service stops, sign that, and bring it outside."""
        self.notary.state.audit.record(Entry("service.stop", f"pid={os.getpid()}"))
        self.notary.sign()
        self.notary.deliver()

    def beat(self) -> None:
        """Record that the service is alive: silence becomes visible."""
        last = self.check.last
        said = {
            "uptime_s": round(self.monotonic() - self._began),
            "verified": last.findings.size if last and last.findings.ok else None,
        }
        self.notary.state.audit.record(Entry("service.alive", "", json.dumps(said)))

    def minute(self) -> None:
        """Look at the clock, make a checkpoint where one is due, bring outside what waits."""
        self._ran = self.monotonic()
        self.look_at_the_clock()
        if self.notary.due():
            self.notary.sign()
        self.notary.deliver()

    def look_at_the_clock(self) -> None:
        """Record where the time of day has jumped against the time that nobody can set."""
        wall, mono = self.wall(), self.monotonic()
        expected = self._at[0] + timedelta(seconds=mono - self._at[1])
        if abs(wall - expected) > STEP:
            self._stepped(local(expected), local(wall))
        self._at = (wall, mono)

    def _stepped(self, before: datetime, after: datetime) -> None:
        state, seconds = self.notary.state, (after - before).total_seconds()
        words = (before.isoformat("T", "seconds"), after.isoformat("T", "seconds"))
        state.audit.record(
            Entry("clock.step", f"{seconds:+.1f} s", before=words[0], after=words[1])
        )
        alarm(state, "clock_step", f"{seconds:+.1f} s", GRAVEST, before=words[0], after=words[1])
        if self.told is not None:
            self.told(f"{seconds:+.1f} s: {words[0]} > {words[1]}")

    def ten_minutes(self) -> None:
        """Verify what has come since the last time; seal months that are over."""
        self.check.verify(self.wall(), full=False)
        seal_finished(self.home, self.notary.state, self.keys, self.wall())

    def day(self) -> None:
        """Verify all of it and every sealed month, and record what came of it."""
        self.check.record(self.check.verify(self.wall(), full=True))
        missing(self.home, self.notary.state)
