"""Ten times the usual at once, and kills in between: what was acknowledged is there, once (F18)."""

from __future__ import annotations

import collections
import contextlib
import http.client
import itertools
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from data.drain import load_pushes
from data.engine import Busy
from data.state import now
from tests.api.client import Program, at_once, made_key, readings
from tests.api.gateways import Gateway, interface, meters_of, running
from tests.bench.screens import USER, Reader, bodies, p95, signed_in
from tests.cli import answers, command, environment, free_port, manage, serving
from tests.codes import next_code
from tests.data.connectors.broker import Broker
from tests.plant import Plant, meter, opened_home

SENDERS, ROWS = 10, 50
GATEWAYS, POINTS = 2, 10


@pytest.fixture
def home(tmp_path):
    """A site with a meter for every sender."""
    with opened_home(tmp_path / "home") as engine:
        plant = Plant(tmp_path, engine)
        plant.meters(
            *(meter(f"P{n}", role="grid_import", register_max=10**9) for n in range(SENDERS)),
            *(
                meter(name, register_max=10**9)
                for n in range(GATEWAYS)
                for name in meters_of(n, POINTS)
            ),
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
        while load_pushes(engine, datetime.now(UTC)).batches:
            pass  # some at a time
        assert [engine.pushes.missing(f"gateway-{n}") for n in range(GATEWAYS)] == [()] * GATEWAYS
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
    for name, total in counts.items():
        if total:
            found[name] = (total, total, Decimal(total * (total - 1) // 2))
    return found


def test_a_burst_loses_nothing_and_leaves_the_pages_alone(home, tmp_path, full):
    """Programs and gateways without a pause; a small rate makes "too often" be said by default."""
    seconds, more = (60, {}) if full else (3, {"CARBON_API_RATE_PER_S": "5"})
    (tmp_path / "broker").mkdir()
    broker = Broker(tmp_path / "broker")
    with opened_home(home) as engine:
        for n in range(GATEWAYS):
            engine.state.interfaces.save(interface(broker.port, n, POINTS), "t", now())
    reader = user_of(home, tmp_path) if full else None
    try:
        with serving(home, **more) as port:
            becomes(lambda: running(home, GATEWAYS))
            programs, taken, gateways, pages = burst(home, port, broker, seconds, reader)
    finally:
        broker.kill()
    counts = {f"P{n}": turns * ROWS for n, turns in taken.items()}
    for n, one in enumerate(gateways):
        counts |= dict.fromkeys(meters_of(n, POINTS), one.seq)
    found, pushes, kept = loaded(home)
    assert found == expected(counts)
    assert len(pushes) == len(set(pushes)) == sum(taken.values())
    assert sorted(pushes) == sorted(kept)
    statuses = {s for one in programs for s in one.statuses}
    assert statuses <= {202, 429, 503}
    assert full or 429 in statuses
    assert sum(one.unsaid for one in programs) == 0
    assert {status for _, status in pages} == {200}
    if full:
        told(programs, gateways, pages, seconds)
        quick = p95([t for one in programs for t in one.taken]) < 0.8
        assert quick or statuses & {429, 503}  # quick, or told when to come again
        assert max(seconds for seconds, _ in pages) < 3.0


def burst(home, port, broker, seconds, reader):
    """All at once for a while, and after that until everything is answered."""
    token = made_key(home, "ingest:meter")
    programs = [Program(port, token) for _ in range(SENDERS)]
    numbered = {id(one): n for n, one in enumerate(programs)}
    taken = dict.fromkeys(range(SENDERS), 0)
    gateways = [Gateway(broker.port, n, POINTS) for n in range(GATEWAYS)]
    pages, stop = [], threading.Event()

    def send(program, turn):
        n = numbered[id(program)]
        program.insist("/readings", readings(f"P{n}", turn * ROWS, ROWS))
        taken[n] = turn + 1

    watcher = threading.Thread(target=look, args=(port, reader, pages, stop))
    watcher.start()
    for one in gateways:
        one.start(seconds)
    try:
        at_once(programs, send, seconds)
    finally:
        stop.set()
        watcher.join()
        for one in gateways:
            one.finish()
    return programs, taken, gateways, pages


def look(port, reader, pages, stop):
    """Somebody at the screen meanwhile: with a user every page in turn, else the first of all."""
    person = Reader(port, signed_in(port, *reader)) if reader else Reader(port, "csrf=")
    outputs = list(bodies(person).values()) if reader else []
    for turn in itertools.count():
        if stop.wait(0.5):
            person.connection.close()
            return
        if outputs:
            taken, status = person.callback(outputs[turn % len(outputs)], "")
            pages.append((taken / 1e3, status))
        else:
            pages.append(person.send("GET", "/login")[:2])


def user_of(home, folder):
    """A reader's password and present code."""
    secret = folder / "password"
    word = f"Aa1-{secrets.token_urlsafe(12)}"
    secret.write_text(word, encoding="utf-8")
    words = ("--role", "analyst", "--password-file", str(secret), "--json")
    made = json.loads(manage(home, "user", "add", USER, *words).stdout)
    return word, next_code(made["totp_secret"])


def told(programs, gateways, pages, seconds):
    answers = collections.Counter()
    for one in programs:
        answers.update(one.statuses)
    times = [t for one in programs for t in one.taken]
    sys.stdout.write(
        f"burst of {seconds} s: answers {dict(answers)}, P95 of a push {p95(times) * 1e3:.0f} ms; "
        f"{sum(one.seq for one in gateways)} MQTT messages of {POINTS} values; {len(pages)} pages, "
        f"slowest {max(taken for taken, _ in pages) * 1e3:.0f} ms\n"
    )


def becomes(true, limit_s=30):
    until = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)


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
    assert found == expected({"P0": taken * ROWS})
    assert len(kept) == taken
    assert set(kept) <= set(pushes)  # a record may tell of one that was never acknowledged
