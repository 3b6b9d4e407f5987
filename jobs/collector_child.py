"""The collector as a child of the service: started when interfaces are on, again when it dies."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from data.collector import is_running
from data.state import Interfaces
from jobs.schedule import LINKS, Schedule
from settings import Settings

LOG = logging.getLogger("carbon.collector")
MANAGE = Path(__file__).parent.parent / "manage.py"
STOP_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
STEADY_S = 60.0


class CollectorChild:
    """Keeps a collector running while any interface is enabled.

    Its standard input ends with this process, and the child with that: no orphan goes on. Where a
    collector of its own service works already, none is started.
    """

    def __init__(
        self,
        settings: Settings,
        interfaces: Interfaces,
        command: Sequence[str] = (sys.executable, str(MANAGE), "collect", "--attached"),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._interfaces = settings, interfaces
        self._command, self._monotonic = list(command), monotonic
        self._child: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._next = float("-inf")
        self._pause = FIRST_PAUSE_S

    def on(self, schedule: Schedule) -> None:
        """Have it looked after by a schedule."""
        schedule.also(self.look, 1, LINKS)

    @property
    def pid(self) -> int | None:
        """The child's process number while it runs."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def look(self) -> None:
        """Start, restart or stop the child as the interfaces want it."""
        wanted = any(one.enabled for one in self._interfaces.brief().values())
        mono = self._monotonic()
        if self._child is not None and self._child.poll() is not None:
            code = self._child.returncode
            LOG.warning("the collector ended with %s", code)
            lived = mono - self._began
            self._pause = FIRST_PAUSE_S if lived > STEADY_S else min(
                self._pause * 2, LONGEST_PAUSE_S
            )  # fmt: skip
            self._next = mono + self._pause
            self._close()
        if not wanted and self._child is not None:
            self.stop()
        home = self._settings.home
        if wanted and self._child is None and mono >= self._next and not is_running(home):
            self._start(mono)

    def _start(self, mono: float) -> None:
        named = {
            "CARBON_HOME": str(self._settings.home),
            "CARBON_LANGUAGE": self._settings.language,
            "CARBON_DISK_FLOOR_MB": str(self._settings.disk_floor_mb),
        }
        self._child = subprocess.Popen(  # noqa: S603 (our own program)
            self._command, stdin=subprocess.PIPE, env=os.environ | named, start_new_session=True
        )
        self._began = mono

    def _close(self) -> None:
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
        self._child = None

    def stop(self) -> None:
        """Let the child end by itself; end it where it does not."""
        child = self._child
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._child = None
