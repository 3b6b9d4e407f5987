"""kill -9 over the collector and the owner of the store (F8): nothing lost, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from data.connectors.base import Batch, Reading, SpoolBusy
from data.pushes import Pushes
from data.spool_file import SpoolFile
from data.state import WantedInterface, now
from tests.cli import ROOT, command, environment, serving
from tests.data.arrivals import register, wanted
from tests.plant import Plant, meter, opened_home

START = datetime(2026, 1, 4, 16, tzinfo=UTC)
FILES, ROWS = 24, 200
BATCHES = 120
STEP = timedelta(minutes=15)


def text_of(number):
    """One file's rows: its own stretch of meter F, in site-local time."""
    first = START + timedelta(hours=8) + STEP * ROWS * number
    lines = [f"F,{(first + STEP * n):%Y-%m-%d %H:%M},{number * ROWS + n}.25\n" for n in range(ROWS)]
    return "meter_id,timestamp,value\n" + "".join(lines)


def drop(folder, files, draw, stop):
    """Put files down as careless systems do: twice, in halves, under other names."""
    for number in range(files):
        body = text_of(number)
        names = [f"f{number:03d}.csv"] + ([f"copy-{number:03d}.csv"] if number % 6 == 0 else [])
        for name in names:
            cut = draw.randrange(1, len(body)) if number % 4 == 0 else len(body)
            with (folder / name).open("w", encoding="utf-8") as file:
                file.write(body[:cut])
                file.flush()
                if cut < len(body):
                    time.sleep(0.15)
                    file.write(body[cut:])
        if stop.wait(draw.uniform(0, 0.1)):
            return


def send(home, batches, draw, stop):
    """Push batches as a gateway does: again where it is not sure, some in another order."""
    file = SpoolFile(home)
    pushes, order = Pushes(file), list(range(batches))
    for n in range(0, batches, 7):
        order[n : n + 3] = reversed(order[n : n + 3])
    for number in order:
        at = START + STEP * number
        readings = tuple(
            Reading("P1", at + timedelta(minutes=k), Decimal(f"{number}.{k:02d}"))
            for k in range(15)
        )
        batch = Batch(f"b{number}", readings, number, stamped=True, backlog=True)
        for _ in range(1 + (number % 5 == 0)):
            while True:
                try:
                    pushes.put("house", 1, batch, at + timedelta(hours=1))
                    break
                except SpoolBusy:
                    time.sleep(0.05)
        if stop.wait(draw.uniform(0, 0.05)):
            break
    file.close()


class Process:
    """A process that is started again after it was killed."""

    def __init__(self, words, env):
        self.words, self.env = words, env
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.words, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start()

    def end(self):
        self.process.kill()
        self.process.wait()


def test_nothing_is_lost_or_doubled(tmp_path, full):
    home, folder = tmp_path / "home", tmp_path / "into"
    kills, files, batches = (50, FILES * 10, BATCHES * 10) if full else (5, FILES, BATCHES)
    folder.mkdir()
    with opened_home(home) as engine:
        plant = Plant(tmp_path, engine)
        plant.meters(
            meter("F", role="grid_import", register_max=10**6), meter("M1", register_max=10**6)
        )
        assert engine.state.interfaces.save(wanted([register()]), "t", now()) == 1
        engine.state.interfaces.switch("house", "t", now(), on=False)
        settings = {"folder": str(folder), "settle_s": 0.4, "look_s": 0.05}
        engine.state.interfaces.save(
            WantedInterface("drop", "drop_folder", "S1", "", settings, ()), "t", now()
        )
    env = environment(home)
    owner = Process([sys.executable, str(ROOT / "tests/faults/arrivals_child.py"), str(home)], env)
    collector = Process(command("collect"), env)
    draw, stop = random.Random(8), threading.Event()
    work = [
        threading.Thread(target=drop, args=(folder, files, random.Random(1), stop)),
        threading.Thread(target=send, args=(home, batches, random.Random(2), stop)),
    ]
    file = SpoolFile(home)
    try:
        for thread in work:
            thread.start()
        for kill in range(kills):
            time.sleep(draw.uniform(0.3, 2.0))
            (collector if kill % 2 else owner).kill()
        for thread in work:
            thread.join()
        until = time.monotonic() + 300
        while not _all_in(folder, file):
            assert time.monotonic() < until, "not everything came in"
            time.sleep(0.1)
    finally:
        stop.set()
        for process in (owner, collector):
            process.end()
        for thread in work:
            thread.join()
        file.close()
    _exact(home, folder, files, batches)


def _all_in(folder, file):
    left = [path for path in folder.iterdir() if path.is_file()]
    waiting = file.select("SELECT count(*) FROM pushed WHERE drained_us IS NULL")[0][0]
    undone = file.select("SELECT count(*) FROM dropped WHERE state = 'waiting'")[0][0]
    return not left and not waiting and not undone


def _exact(home, folder, files, batches):
    with opened_home(home) as engine, engine.store.read() as cursor:
        found = {
            name: (count, total)
            for name, count, total in cursor.execute(
                "SELECT n.meter_id, count(*), sum(r.value) FROM reading r "
                "JOIN meter_number n USING (meter) GROUP BY ALL"
            ).fetchall()
        }
        corrected = cursor.execute("SELECT count(*) FROM superseded_reading").fetchone()[0]
        held = engine.pushes.held()
        missing = engine.pushes.missing("house")
    values = [Decimal(n) + Decimal("0.25") for n in range(files * ROWS)]
    pushed = [Decimal(f"{n}.{k:02d}") for n in range(batches) for k in range(15)]
    assert found == {"F": (len(values), sum(values)), "M1": (len(pushed), sum(pushed))}
    assert (corrected, held, missing) == (0, [], ())
    assert not list((folder / "error").iterdir())
    done = [path.name for path in (folder / "done").glob("*.csv")]
    assert len(done) == files + -(-files // 6)


def test_the_service_keeps_a_collector_and_takes_it_along(tmp_path):
    """Killed, it comes back; where the service ends, it ends."""
    home, folder = tmp_path / "home", tmp_path / "into"
    folder.mkdir()
    with opened_home(home) as engine:
        Plant(tmp_path, engine).meters(meter("F", role="grid_import", register_max=10**6))
        settings = {"folder": str(folder), "settle_s": 0.2, "look_s": 0.1}
        engine.state.interfaces.save(
            WantedInterface("drop", "drop_folder", "S1", "", settings, ()), "t", now()
        )

    def pid():
        path = home / "collector.lock"
        return int(path.read_text() or 0) if path.exists() else 0

    def lives(number):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return False
        return True

    def becomes(true, limit_s=60):
        end = time.monotonic() + limit_s
        while not true():
            assert time.monotonic() < end
            time.sleep(0.1)

    with serving(home):
        becomes(lambda: pid() and lives(pid()))
        first = pid()
        os.kill(first, signal.SIGKILL)
        becomes(lambda: pid() not in (0, first) and lives(pid()))
        (folder / "a.csv").write_text(text_of(0), encoding="utf-8")
        becomes(lambda: (folder / "done" / "a.csv").exists())
        last = pid()
    becomes(lambda: not lives(last))
    with opened_home(home) as engine, engine.store.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM reading").fetchone() == (ROWS,)


@pytest.mark.parametrize("words", [("collect",)])
def test_a_collector_ends_cleanly(tmp_path, words):
    with opened_home(tmp_path / "home"):
        pass
    process = subprocess.Popen(command(*words), env=environment(tmp_path / "home"))
    until = time.monotonic() + 30
    while not (tmp_path / "home" / "collector.lock").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.3)
    process.terminate()
    assert process.wait(20) == 0
