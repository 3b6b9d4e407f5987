"""The API under eight programs at once: reading figures, pushing a hundred rows."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from tests.api.client import Program, at_once, made_key, readings
from tests.cli import serving
from tests.plant import Plant, meter, moment, opened_home, series

CLIENTS, ROWS, SECONDS = 8, 100, 10
READS = (
    "/ledger?grain=month&dimension=site&limit=100",
    "/ledger?grain=day&indicator=electricity&limit=100",
    "/readings?meter_id=G&site=S1&from=2026-01-10T00:00:00Z&limit=100",
    "/meters",
    "/alarms?limit=100",
)


@contextmanager
def served():
    """A small settled site, answering."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with opened_home(home) as engine:
            plant = Plant(Path(folder), engine)
            plant.meters(
                meter("G", role="grid_import", register_max=10**6),
                *(meter(f"P{n}", role="consumer", register_max=10**9) for n in range(CLIENTS)),
            )
            plant.readings(series("G", moment("2026-01-01 00:00"), moment("2026-03-01 00:00")))
            plant.settle()
        with serving(home, CARBON_API_RATE_PER_S="10000") as port:
            yield home, port


def p95(programs):
    times = [t for one in programs for t in one.times]
    return statistics.quantiles(times, n=20)[-1] * 1e3, len(times)


def floor(home):
    """A write that reaches the disk, which no acknowledgement can do without, ms."""
    times = []
    with (home.parent / "floor").open("wb") as file:
        for _ in range(50):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def api(line):
    """Print the lines of the API."""
    with served() as (home, port):
        token = made_key(home, "read", "ingest:meter")
        bare = Program(port, token)
        for _ in range(50):
            bare.ask("GET", "/health")
        bare.close()
        healthy = statistics.median(bare.times) * 1e3

        def read(program, turn):
            status, _, body = program.ask("GET", READS[turn % len(READS)])
            assert status == 200, body

        programs = [Program(port, token) for _ in range(CLIENTS)]
        at_once(programs, read, SECONDS)
        found, count = p95(programs)
        line(f"API read, {CLIENTS} clients, P95 of {count}", found, 80, healthy, "ms")

        programs = [Program(port, token) for _ in range(CLIENTS)]
        numbered = {id(one): n for n, one in enumerate(programs)}

        def push(program, turn):
            document = readings(f"P{numbered[id(program)]}", turn * ROWS, ROWS)
            status, _, body = program.ask("POST", "/readings", document)
            assert status in (202, 503), body
            if status == 503:
                time.sleep(1)

        at_once(programs, push, SECONDS)
        found, count = p95(programs)
        line(f"API push of {ROWS} rows, {CLIENTS} clients, P95 of {count}", found, 100,
             floor(home), "ms")  # fmt: skip
        told = {}
        for one in programs:
            for status, times in one.statuses.items():
                told[status] = told.get(status, 0) + times
        sys.stdout.write(f"{'':58s} answers {told}\n")
