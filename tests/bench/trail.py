"""The audit trail at 100,000 records: verifying it, and the auditor's page over it."""

from __future__ import annotations

import gc
import hashlib
import random
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from callbacks._reader import PageReader
from callbacks.audit import AuditDesk, contents
from data.engine import lock, opened
from data.state import Act, Entry, acts
from data.state.audit import BEIJING, EVENTS, append, writing
from jobs.schedule import trail_of
from security.verify_audit import examine
from settings import Settings
from tests.security.trail import Pair

RECORDS = 100_000
PEOPLE = ("chen.jing", "wang.wei", "li.na", "zhao.lei", "")


def filled(state):
    """A year of a busy site: a heartbeat each five minutes, people in between."""
    draw, at = random.Random(615), datetime.now(BEIJING) - timedelta(days=365)
    with writing(state.engine) as connection:
        for number in range(RECORDS):
            at += timedelta(seconds=300)
            event = "service.alive" if draw.random() < 0.6 else draw.choice(list(EVENTS)[1:])
            who = "system" if event == "service.alive" else draw.choice(PEOPLE)
            outcome = draw.choices(("success", "failure", "denied"), (93, 5, 2))[0]
            place = "" if who == "system" else f"10.1.2.{draw.randint(1, 60)}"
            with acts(Act(who, "analyst", "0123abcd", place, f"{number // 2:016x}")):
                append(connection, Entry(event, f"object {number % 97}", "some words", outcome), at)


def trail(line):
    """Print the lines of the trail."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "home"
        stack.enter_context(lock(home))
        engine = stack.enter_context(opened(home))
        filled(engine.state)
        _verify(line, engine.state)
        _page(line, engine, home)


def _verify(line, state):
    rows = [b"".join(str(value).encode() for value in row) for row in state.audit.rows()]
    began = time.perf_counter()
    for row in rows:
        hashlib.new("sm3", row).digest()
    floor = len(rows) / (time.perf_counter() - began)
    began = time.perf_counter()
    found = examine(state.audit.rows())
    rate = found.checked / (time.perf_counter() - began)
    assert found.ok
    line("audit verify", rate / 1e3, 50, floor / 1e3, "k rec/s", at_least=True)


def _page(line, engine, home):
    keys = Pair()
    schedule = trail_of(Settings(home=home), engine.state, keys)
    schedule.watch.minute()
    desk = AuditDesk(PageReader(engine), schedule)
    seen = ["", "?span=all", "?span=7&actor=li.na", "?span=all&outcome=denied", "?page=40",
            "?span=all&event=session.login", "?q=words", "?span=all&q=object%2096",
            "?span=all&beats=1", f"?record={RECORDS // 2}"]  # fmt: skip
    began = time.perf_counter()
    contents(desk, "", "zh")  # the first counts all of them, once for the process
    first = (time.perf_counter() - began) * 1e3
    gc.collect()
    gc.freeze()  # as the application does once it is warm
    times, work = [], []
    for turn in range(20):
        for search in seen:
            began, worked = time.perf_counter(), time.process_time()
            contents(desk, search, ("zh", "en")[turn % 2])
            times.append((time.perf_counter() - began) * 1e3)
            work.append((time.process_time() - worked) * 1e3)
    p95, own = (sorted(found)[int(len(found) * 0.95)] for found in (times, work))
    middle = statistics.median(times)
    line("audit page at 100,000 records, P95", p95, 150, middle, "ms")
    line("audit page at 100,000 records, P95 of the processor", own, 150, middle, "ms")
    line("audit page, first after a start", first, 3000, middle, "ms")
