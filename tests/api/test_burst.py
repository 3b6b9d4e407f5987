"""Ten times the usual at once, and kills in between: what was acknowledged is there, once (F18)."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import secrets
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from data.drain import load_pushes
from data.engine import Busy
from tests.api.client import Program, at_once, made_key, readings
from tests.cli import answers, command, environment, free_port, serving
from tests.plant import Plant, meter, opened_home

SENDERS, ROWS = 10, 50


@pytest.fixture
def home(tmp_path):
    """A site with a meter for every sender."""
    with opened_home(tmp_path / "home") as engine:
        plant = Plant(tmp_path, engine)
        plant.meters(
            *(meter(f"P{n}", role="grid_import", register_max=10**9) for n in range(SENDERS))
        )
    return tmp_path / "home"


def reopened(home):
    """The data directory, once the process that was ended has let it go."""
    until = time.monotonic() + 30
    while True:
        stack = contextlib.ExitStack()
        try:
            return stack, stack.enter_context(opened_home(home))
        except Busy:
            assert time.monotonic() < until
            time.sleep(0.1)


def loaded(home):
    """Readings by meter: how many, of how many times, their sum."""
    stack, engine = reopened(home)
    with stack:
        load_pushes(engine, datetime.now(UTC))
        with engine.store.read() as cursor:
            rows = cursor.execute(
                "SELECT n.meter_id, count(*), count(DISTINCT r.ts), sum(r.value) FROM reading r "
                "JOIN meter_number n USING (meter) GROUP BY n.meter_id ORDER BY n.meter_id"
            ).fetchall()
        pushes = [r.object for r in engine.state.audit.records() if r.event == "api.push"]
        kept = engine.arrivals.select("SELECT id FROM posted")
    return {name: tuple(found) for name, *found in rows}, pushes, [name for (name,) in kept]


def expected(counts):
    found = {}
    for name, turns in counts.items():
        if turns:
            total = turns * ROWS
            found[name] = (total, total, Decimal(total * (total - 1) // 2))
    return found


def test_a_burst_loses_nothing_and_leaves_the_pages_alone(home, full):
    """Senders without a pause; small limits make both words, too often and busy, be said."""
    seconds = 60 if full else 4
    pages = []
    with serving(home, CARBON_API_RATE_PER_S="20") as port:
        token = made_key(home, "ingest:meter")
        programs = [Program(port, token) for _ in range(SENDERS)]
        numbered = {id(one): n for n, one in enumerate(programs)}
        taken = dict.fromkeys(range(SENDERS), 0)

        def send(program, turn):
            n = numbered[id(program)]
            program.insist("/readings", readings(f"P{n}", turn * ROWS, ROWS))
            taken[n] = turn + 1

        def look(stop):
            while not stop.wait(0.5):
                began = time.perf_counter()
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                connection.request("GET", "/login")
                assert connection.getresponse().status == 200
                pages.append(time.perf_counter() - began)
                connection.close()

        stop = threading.Event()
        watcher = threading.Thread(target=look, args=(stop,))
        watcher.start()
        at_once(programs, send, seconds)
        stop.set()
        watcher.join()
    counts = {f"P{n}": turns for n, turns in taken.items()}
    found, pushes, kept = loaded(home)
    assert found == expected(counts)
    assert len(pushes) == len(set(pushes)) == sum(taken.values())
    assert sorted(pushes) == sorted(kept)
    statuses = {s for one in programs for s in one.statuses}
    assert statuses <= {202, 429, 503}
    assert 429 in statuses
    assert pages


@contextmanager
def killable(home, port):
    process = subprocess.Popen(
        command("serve"), env=environment(home, CARBON_PORT=str(port)),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while not answers(port):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_kills_between_push_and_store_lose_and_double_nothing(home, full):
    kills, draw = (20 if full else 1), random.Random(615)
    port, taken = free_port(), 0
    token = ""
    for _ in range(kills):
        with killable(home, port) as process:
            token = token or made_key(home, "ingest:meter")
            program = Program(port, token)
            until = time.monotonic() + draw.uniform(0.5, 2.5)
            while time.monotonic() < until:
                program.insist("/readings", readings("P0", taken * ROWS, ROWS))
                taken += 1
            open_ended = threading.Timer(
                draw.uniform(0.0, 0.02), os.killpg, (process.pid, signal.SIGKILL)
            )
            key, document = secrets.token_hex(8), readings("P0", taken * ROWS, ROWS)
            open_ended.start()
            # Nobody knows whether this one is taken: it is sent again under its key.
            with contextlib.suppress(http.client.HTTPException, OSError):
                program.ask("POST", "/readings", document, key)
            program.close()
            open_ended.join()
            process.wait()
        with killable(home, port):
            program = Program(port, token)
            status, _, body = program.ask("POST", "/readings", document, key)
            program.close()
            assert status == 202, body
            taken += 1
    found, pushes, kept = loaded(home)
    assert found == expected({"P0": taken})
    assert len(kept) == taken
    assert set(kept) <= set(pushes)  # a record may tell of one that was never acknowledged
