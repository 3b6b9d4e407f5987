"""A process that is killed while it records: sixteen writers, or one that stops at a point.

``python -m tests.faults.trail_child HOME [POINT]``
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from data import store as store_module
from data.state import Audit, Entry
from tests.plant import opened_home

WRITERS = 16
POINTS = ("announced", "written", "committed", "concluded")


def die() -> None:
    """End as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


def write(engine, name: str) -> None:
    """Do something that is announced, written to the store, and concluded."""
    with engine.state.audit.during("data.import", name):
        engine.store.write(lambda cursor: cursor.execute("SELECT 1").fetchall())


def stop_at(point: str) -> None:
    """Let the next announced action be killed at a point."""
    record, keep = Audit.record, store_module._keep_intent
    commit = store_module.Store._commit

    def recorded(self, entry):
        number = record(self, entry)
        if (point, entry.outcome) in (("announced", "intent"), ("concluded", "success")):
            die()
        return number

    def kept(cursor):
        keep(cursor)
        if point == "written":
            die()

    def committed(self, cursor):
        commit(self, cursor)
        if point == "committed":
            die()

    Audit.record = recorded
    store_module._keep_intent = kept
    store_module.Store._commit = committed


def main(words: list[str]) -> None:
    """Record until killed."""
    with opened_home(Path(words[0])) as engine:
        if len(words) > 1:
            stop_at(words[1])
            write(engine, words[1])
            return
        begun = threading.Barrier(WRITERS + 1)

        def work(name: str) -> None:
            begun.wait()
            number = 0
            while True:
                number += 1
                engine.state.audit.record(Entry("session.login", f"{name} {number}"))
                if number % 4 == 0:
                    write(engine, f"{name} {number}")

        for number in range(WRITERS):
            threading.Thread(target=work, args=(f"writer{number}",), daemon=True).start()
        begun.wait()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
