"""Forecasts by themselves: computed in another process, so that no page waits for them.

``look`` is called every few seconds and does nothing until the data have changed and been quiet for
a moment; a run is made only where prices, reductions, plan or settings differ from what the newest
run was made of.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from accounting.forecast.run import Inputs, Results, run
from data.engine import Engine
from data.forecasts import Run, newest, refresh
from data.forecasts import due as changed
from data.store import Topic
from jobs.duty import QUIET_S
from jobs.rest import Rest

LONGEST_S = 600
YIELDING = 10  # pages and settling have the processor first
EVERY_S = 3
AFTER_S = 6.0  # what came in is settled first (jobs/duty.py)
PATIENCE_S = 60.0  # data that never rest are looked at so often
MADE_OF = Topic.RECORDS | Topic.LEDGER  # readings count once they are settled
COMPUTING, FAILED = "computing", "failed"


def apart(inputs: Inputs) -> Results:
    """Return what `run` returns, from a process of its own that ends with the answer."""
    pool = ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=os.nice, initargs=(YIELDING,)
    )
    with pool:
        return pool.submit(run, inputs).result(timeout=LONGEST_S)


def refreshed(engine: Engine) -> Run | None:
    """Make the forecasts anew where prices, reductions, plan or settings have changed."""
    return refresh(engine, apart)


@dataclass
class Forecasting:
    """Keeps the forecasts of a data directory in step with its ledger and prices.

    Parameters
    ----------
    engine
        The opened data directory.
    writing
        The lock that commands and pages hold while they write.
    quiet_s
        So long nothing may have come in before it is settled, s.
    make
        What makes a run where it is due.
    monotonic
        Seconds that nobody can set.
    """

    engine: Engine
    writing: threading.Lock
    quiet_s: float = QUIET_S
    make: Callable[[Engine], Run | None] = refreshed
    monotonic: Callable[[], float] = time.monotonic
    _rest: Rest = field(init=False)
    _failed: bool = field(default=False, init=False)
    _working: bool = field(default=False, init=False)
    _made: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        quiet_s = self.quiet_s + AFTER_S
        self._rest = Rest(quiet_s, max(PATIENCE_S, quiet_s))

    def waiting(self) -> str:
        """Return what pages without forecasts say: ``computing``, ``failed``, else empty."""
        self._made = self._made or newest(self.engine) is not None
        if self._made:
            return ""
        if self._failed:
            return FAILED
        return COMPUTING if self._working or self._rest.waited_for else ""

    def look(self) -> None:
        """Make the forecasts anew where it is due, once it is quiet."""
        if not self._rest.come(self.engine.store.version_of(MADE_OF), self.monotonic()):
            return
        if self.writing.acquire(blocking=False):  # else somebody writes what it would read
            self.writing.release()
            self.work()

    def work(self) -> None:
        """Make a run where what it is made of has changed; one that fails waits for other data."""
        self._rest.over()
        self._failed, self._working = False, True
        try:
            if changed(self.engine):
                with self.engine.state.audit.during("forecast.make", "auto"):
                    self.make(self.engine)
        except BaseException:
            self._failed = True
            raise
        finally:
            self._working = False
        self._rest.over(self.engine.store.version_of(MADE_OF))
