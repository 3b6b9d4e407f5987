"""The times at which the product does things by itself, in the process that owns the data."""

from __future__ import annotations

import logging
from collections.abc import Callable

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from data.state import State, now
from jobs.watch import LOG, Watch
from security.anchors import anchors_of
from security.notary import Notary, alarm
from security.segments import Sealing
from security.trail_check import TrailCheck
from settings import Settings

ZONE = "Asia/Shanghai"
# Each has a thread of its own.
DRAIN, ALARMS, LINKS, UPLOAD, FORECASTS, PRICES = OTHERS = (
    "drain", "alarms", "links", "upload", "forecasts", "prices",
)  # fmt: skip
# A tick that is left out because the one before still runs is nothing to write about.
logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)


class Schedule:
    """Runs what is to be done, one after the other; ends with the process.

    There is no switch: who has this started has the trail watched.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.once: list[Callable[[], None]] = []  # what others want done after the start
        self._scheduler = BackgroundScheduler(
            timezone=ZONE,
            # What others have done, however long it takes, keeps nobody from watching the trail.
            executors={name: ThreadPoolExecutor(1) for name in ("default", *OTHERS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._every(watch.minute, seconds=60)
        self._every(watch.beat, seconds=300)
        self._every(watch.ten_minutes, seconds=600)
        self._scheduler.add_job(self._guarded(watch.day), "cron", hour=3, minute=10)

    def _every(self, work: Callable[[], None], seconds: int) -> None:
        self._scheduler.add_job(self._guarded(work), "interval", seconds=seconds)

    def also(self, work: Callable[[], None], seconds: int, own: str) -> None:
        """Have something done every so many seconds, in one of the threads of OTHERS."""
        if own not in OTHERS:
            raise ValueError(own)
        self._scheduler.add_job(self._guarded(work), "interval", seconds=seconds, executor=own)

    def _guarded(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return work whose failure ends neither the schedule nor goes unnoticed."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:
                LOG.exception("%s failed", work.__name__)
                try:
                    alarm(self.watch.notary.state, "job_failed", work.__name__, 0, reason=error)
                except Exception:
                    LOG.exception("and could not be recorded")

        return guarded

    @property
    def alive(self) -> bool:
        """Whether it runs and has run lately; a service where it does not is not healthy."""
        return bool(self._scheduler.running) and not self.watch.silent

    def start(self) -> None:
        """Record the start, then begin; what is slow is done in the background."""
        self.watch.begin()
        self._scheduler.add_job(self._guarded(self.watch.minute))
        for work in (*self.once, self.watch.ten_minutes):
            self._scheduler.add_job(self._guarded(work))
        self._scheduler.start()

    def stop(self) -> None:
        """Finish what is being done and record the stop."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
            self.watch.end()


def trail_of(settings: Settings, state: State, keys: Sealing) -> Schedule:
    """Return the schedule of a data directory with all it needs, not started yet.

    Parameters
    ----------
    settings
        Where data and anchors are.
    state
        Whose trail.
    keys
        What signs and seals.

    Returns
    -------
    Schedule
        To be started by the process that owns the data.
    """
    anchors = anchors_of(settings)
    notary = Notary(state, keys, anchors, now)
    return Schedule(Watch(settings.home, notary, TrailCheck(state, keys, anchors), keys))
