"""Taking what was posted from the spool into the store, each second, in the owner of the data."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from data.drain import load_pushes
from data.engine import Engine
from data.post_load import load_posts
from data.pushes import Pushes
from data.store import StoreError
from jobs.schedule import ZONE

LOG = logging.getLogger("carbon.arrivals")
EVERY_S = 1
PRUNED_EVERY = timedelta(hours=6)


class Arrivals:
    """Loads what waits in the spool; what cannot be loaded now waits for the next second."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pruned = datetime.min.replace(tzinfo=UTC)
        self._scheduler = BackgroundScheduler(
            timezone=ZONE,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_job(self.work, "interval", seconds=EVERY_S)

    def work(self) -> None:
        """Load once."""
        at = datetime.now(UTC)
        try:
            load_pushes(self._engine, at)
            load_posts(self._engine, at)
            if at - self._pruned > PRUNED_EVERY:
                Pushes(self._engine.arrivals).prune(at)
                self._pruned = at
        except StoreError as error:
            LOG.warning("what arrived waits: %s", error)
        except Exception:
            LOG.exception("what arrived could not be loaded")

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Finish what is being done."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
