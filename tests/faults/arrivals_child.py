"""The part of the service that owns the store, without its pages: to be killed by a test."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from data.engine import Busy, Options, lock, opened
from data.recovery import recovered
from data.store import Limits
from jobs.arrivals import Arrivals
from jobs.duty import Duty


def main(home: Path) -> None:
    while True:  # whoever was killed may still hold it for a moment
        try:
            with lock(home), opened(home, Options(Limits(1))) as engine:
                recovered(engine)
                writing = threading.Lock()
                arrivals, duty = Arrivals(engine, writing), Duty(engine, writing)
                print("ready", flush=True)
                while True:
                    arrivals.drain()
                    duty.look()
                    time.sleep(0.05)
        except Busy:
            time.sleep(0.05)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
