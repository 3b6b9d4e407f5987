"""Print one line a budget: name, measured, budget, floor, ratio, and `over budget` where it is.

``python -m tests.bench [--full] [PART...]``; without parts, all of them.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from data.approvals import accept, propose_factors
from data.demo.build import SITE_ID, build_demo
from data.demo.plant import generate
from data.engine import Options as EngineOptions
from data.engine import lock, opened
from data.ingest.factor_file import text_of
from data.ingest.load import Options, drain, import_file
from data.settle import settle
from data.simulations import bands
from data.store import Limits, view
from data.trace import trace
from tests.bench.api import api
from tests.bench.screens import screens
from tests.bench.trail import trail
from tests.plant import METER_COLUMNS, SITE, meter, write_csv

METERS = 20
ZONE_H = 8


def timed(work):
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def settled(engine, **options):
    """Wall seconds of a settle; its processor seconds are told below its line.

    The writer thread settles one thing after another, DuckDB's other threads help it: where other
    programs disturb the wall clock these two still say what a settle takes.
    """
    (writer,) = [one for one in threading.enumerate() if one.name == "store-writer"]
    clock = time.pthread_getcpuclockid(writer.ident)
    before, whole = time.clock_gettime(clock), time.process_time()
    seconds, _ = timed(lambda: settle(engine, **options))
    own, whole = time.clock_gettime(clock) - before, time.process_time() - whole
    return seconds, f"{'':58s} {own:12.3f} s of the writer, {whole - own:.3f} s of other threads\n"


def line(name, measured, budget, floor, unit, *, at_least=False):
    over = measured < budget if at_least else measured > budget
    ratio = measured / floor if floor else float("nan")
    sys.stdout.write(
        f"{name:58s} {measured:12.3f} {unit:8s} budget {budget:10.3f} floor {floor:12.3f} "
        f"ratio {ratio:7.2f}{'  over budget' if over else ''}\n"
    )
    sys.stdout.flush()


def registers(meters, days, seed=1):
    """Registers of 15 minutes with 0.3 % single gaps, in order of arrival."""
    return next(parts_of_registers(meters, days, 1, seed))


def parts_of_registers(meters, days, parts, seed=1):
    """The same in several frames, one after another."""
    draw = np.random.default_rng(seed)
    before, names = np.zeros(meters), [f"M{n:03d}" for n in range(meters)]
    for slots in np.array_split(np.arange(days * 96 + 1), parts):
        grown = before + np.cumsum(draw.uniform(0, 5 / parts, (len(slots), meters)), axis=0)
        before = grown[-1]
        times = np.datetime64("2016-01-01", "us") + slots * np.timedelta64(15, "m")
        frame = pd.DataFrame({
            "meter_id": pd.Categorical.from_codes(np.tile(np.arange(meters), len(slots)), names),
            "timestamp": np.repeat(times, meters),
            "value": grown.round(2).ravel(),
        })  # fmt: skip
        yield frame[draw.random(len(frame)) > 0.003].reset_index(drop=True)


class Bench:
    """A data directory of its own, removed at the end."""

    def __init__(self, stack, meters, memory_mb=6000):
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home = self.folder / "home"
        stack.enter_context(lock(home))
        self.engine = stack.enter_context(opened(home, EngineOptions(Limits(2, memory_mb))))
        drain(self.engine)
        path = self.folder / "site.toml"
        path.write_text(SITE.format(site="S1", zone="Asia/Shanghai", settings=""))
        self.take("site", path)
        rows = [
            meter(f"M{n:03d}", role="grid_import" if n == 0 else "consumer", register_max=10**7,
                  equipment=("conductor_line", "crane", "cable_line", "")[n % 4] if n else "")
            for n in range(meters)
        ]  # fmt: skip
        cells = [[row[c] for c in METER_COLUMNS] for row in rows]
        self.take("meters", write_csv(self.folder / "meters.csv", METER_COLUMNS, cells))

    def take(self, kind, path):
        return import_file(self.engine, kind, path, Options())

    def parquet(self, name, frame):
        inside = self.engine.store.inbox / name
        with self.engine.store.read() as cursor, view(cursor, "made", frame):
            cursor.execute(f"COPY made TO '{inside}' (FORMAT parquet)")
        path = self.folder / name
        shutil.move(inside, path)
        return path


def floor_of(path, form):
    """How fast the bare database reads the same file into a table, rows a second."""
    con = duckdb.connect(config={"threads": 2})
    reader = "read_parquet" if form == "parquet" else "read_csv"
    seconds, _ = timed(lambda: con.execute(f"CREATE TABLE t AS SELECT * FROM {reader}('{path}')"))
    rows = con.execute("SELECT count(*) FROM t").fetchone()[0]
    con.close()
    return rows / seconds


def bulk():
    for form, budget, days in (("parquet", 3e6, 1826), ("csv", 5e5, 180)):
        with ExitStack() as stack:
            bench = Bench(stack, METERS)
            frame = registers(METERS, days)
            path = bench.folder / f"r.{form}"
            if form == "parquet":
                path = bench.parquet("r.parquet", frame)
            else:
                frame.assign(timestamp=frame["timestamp"].astype(str)).to_csv(path, index=False)
            seconds, receipt = timed(lambda b=bench, p=path: b.take("readings", p))
            rate = receipt.new_rows / seconds
            line(f"bulk import, {form}", rate / 1e6, budget / 1e6, floor_of(path, form) / 1e6,
                 "M rows/s", at_least=True)  # fmt: skip


def settling():
    with ExitStack() as stack:
        bench = Bench(stack, METERS)
        bench.take("readings", bench.parquet("r.parquet", registers(METERS, 365)))
        floor, _ = timed(lambda: scan(bench))
        seconds, shares = settled(bench.engine)
        line("settle 20 meters x 1 year", seconds, 1.0, floor, "s")
        sys.stdout.write(shares)


def scan(bench):
    with bench.engine.store.read() as cursor:
        cursor.execute("SELECT meter, sum(value) FROM reading GROUP BY meter").fetchall()


def rebuild_and_late_day():
    with ExitStack() as stack:
        bench = Bench(stack, METERS)
        frame = registers(METERS, 3653)
        last = frame["timestamp"].max() - timedelta(days=40)
        late = (frame["timestamp"] > last) & (frame["timestamp"] <= last + timedelta(days=1))
        path = bench.parquet("r.parquet", frame[~late])
        bench.take("readings", path)
        floor, _ = timed(lambda: scan(bench))
        seconds, shares = settled(bench.engine)
        line(f"rebuild, {len(frame) / 1e6:.1f} M readings", seconds, 6.0, floor, "s")
        sys.stdout.write(shares)
        path = bench.parquet("late.parquet", frame[late])

        began, reached = time.perf_counter(), []
        bench.take("readings", path)
        _, shares = settled(bench.engine, progress=lambda *_: reached.append(time.perf_counter()))
        # The figures are written when a site's months are told; alarms of ten years come after.
        line("late day, file to new ledger rows", reached[0] - began, 1.5, floor, "s")
        line("late day, file to its alarms", time.perf_counter() - began, 1.5, floor, "s")
        sys.stdout.write(shares)
        traced(bench)
        hourly(bench)
        factor_changed(bench)


def rebuild_whole():
    """Seventy million readings with the memory that a new installation has."""
    with ExitStack() as stack:
        bench = Bench(stack, 200, Limits().memory_mb)
        for frame in parts_of_registers(200, 3653, 10):
            bench.take("readings", bench.parquet("r.parquet", frame))
        floor, _ = timed(lambda: scan(bench))
        seconds, shares = settled(bench.engine)
        line("rebuild, 70 M readings", seconds, 60, floor, "s")
        sys.stdout.write(shares)
        peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        line("rebuild, 70 M readings, most memory", peak_gb, 6, Limits().memory_mb / 1024, "GB")


def factor_changed(bench):
    """A factor that ten years of figures are made of; the old ones are kept."""
    known = bench.engine.library
    row = text_of(known.rows["TCE_ELEC_EQV"]) | {"value": "0.123"}
    path = write_csv(bench.folder / "factors.csv", list(row), [list(row.values())])
    proposed = propose_factors(bench.engine, path, "ana")
    accept(bench.engine, proposed.proposal, "bob")
    floor, _ = timed(lambda: held_by(bench, "TCE_ELEC_EQV"))
    seconds, shares = settled(bench.engine)
    line("factor change, 10 years of ledger", seconds, 3.0, floor, "s")
    sys.stdout.write(shares)


def held_by(bench, name):
    """Reading the terms of the figures that hold a factor, which no change can do without."""
    with bench.engine.store.read() as cursor:
        cursor.execute("SELECT * FROM lineage WHERE contains(factor_id, ?)", [name]).fetchall()


def traced(bench):
    with bench.engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT figure_id FROM ledger WHERE current AND grain = 'day' AND value IS NOT NULL "
            "USING SAMPLE reservoir(60 ROWS) REPEATABLE (1)"
        ).fetchall()
    times = [timed(lambda i=i: trace(bench.engine, i))[0] for (i,) in rows]
    floor, _ = timed(lambda: scan(bench))
    line("trace a figure to readings, P95", statistics.quantiles(times, n=20)[-1] * 1e3, 100,
         floor * 1e3, "ms")  # fmt: skip


def hourly(bench):
    def view_year():
        with bench.engine.store.read() as cursor:
            return cursor.execute(
                "SELECT hour, quantity FROM meter_hour WHERE meter = 3 AND hour >= ? AND hour < ? "
                "ORDER BY hour",
                [datetime(2020, 1, 1), datetime(2021, 1, 1)],
            ).df()

    def scan_year():
        with bench.engine.store.read() as cursor:
            return cursor.execute("SELECT hour, quantity FROM meter_hour LIMIT ?", [rows]).df()

    rows = len(view_year())
    times = [timed(view_year)[0] for _ in range(9)]
    floors = [timed(scan_year)[0] for _ in range(9)]
    line("hourly view of one meter-year", statistics.median(times) * 1e3, 50,
         statistics.median(floors) * 1e3, "ms")  # fmt: skip


def demonstration():
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "home"
        stack.enter_context(lock(home))
        engine = stack.enter_context(opened(home))

        def build():
            build_demo(engine, *made, lambda *_: None)
            settle(engine)

        made = (date(2026, 11, 23), 36, 615)
        floor, _ = timed(lambda: generate(*made))  # the frames alone, nothing taken in
        seconds, _ = timed(build)
        line("demonstration plant of 3 years", seconds, 60, floor, "s")
        floor, _ = timed(lambda: np.random.default_rng(1).normal(size=(10_000, 300)))
        seconds, _ = timed(lambda: bands(engine, SITE_ID, 2025))
        line("10,000 draws of a year, read and drawn", seconds, 1.0, floor, "s")


def main():
    parts = {
        "bulk": bulk,
        "settle": settling,
        "rebuild": rebuild_and_late_day,
        "rebuild-whole": rebuild_whole,
        "demo": demonstration,
        "api": lambda: api(line),
        "trail": lambda: trail(line),
        "screens": lambda: screens(line, full=wanted.full),
    }
    asked = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    asked.add_argument(
        "--full", action="store_true", help="the crowd for five minutes, 70 M readings"
    )
    asked.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    wanted = asked.parse_args()
    for name in wanted.parts:
        if name not in parts:
            asked.error(f"{name}: not one of {', '.join(parts)}")
    usual = [name for name in parts if wanted.full or name != "rebuild-whole"]
    for name in wanted.parts or usual:
        parts[name]()


if __name__ == "__main__":
    main()
