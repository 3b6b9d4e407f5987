"""Row 71: kill -9 while sixteen write, and at each point around what is announced."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from data.recovery import recovered
from security.verify_audit import examine
from tests.cli import ROOT, environment
from tests.faults.trail_child import POINTS
from tests.plant import opened_home


def child(home, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.trail_child", str(home), *words], cwd=ROOT,
        env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def killed_while_writing(home, delay):
    process = child(home)
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def results(engine):
    """Announcement to how it was concluded, and which of them the store has."""
    records = list(engine.state.audit.records())
    intents = {r.seq: [] for r in records if r.outcome == "intent"}
    for record in records:
        if record.intent in intents and record.event == "data.import":
            intents[record.intent].append(record.outcome)
    with engine.store.read() as cursor:
        kept = {seq for (seq,) in cursor.execute("SELECT intent FROM applied_intent").fetchall()}
    return intents, kept


def test_sixteen_writers(tmp_path, full):
    draw, home = random.Random(615), tmp_path / "home"
    before = 0
    for _ in range(50 if full else 5):
        killed_while_writing(home, draw.uniform(0.05, 0.6))
        with opened_home(home) as engine:
            rows = list(engine.state.audit.rows())
            found = examine(rows)
            assert found.ok, found.reason  # no gap, no torn record
            assert found.checked > before
            before = found.checked
            recovered(engine)
            assert engine.state.audit.unconcluded() == []
            intents, kept = results(engine)
            assert all(len(ends) == 1 for ends in intents.values())
            assert {seq for seq, ends in intents.items() if ends == ["success"]} == kept
            assert examine(engine.state.audit.rows()).ok


@pytest.mark.parametrize("point", POINTS)
def test_at_each_point(tmp_path, point):
    home = tmp_path / "home"
    process = child(home, point)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    with opened_home(home) as engine:
        open_ = [record.object for record in engine.state.audit.unconcluded()]
        # Control: without the reconciliation nobody could tell what became of it.
        assert open_ == ([] if point == "concluded" else [point])
        recovered(engine)
        assert engine.state.audit.unconcluded() == []
        intents, kept = results(engine)
        (ends,) = intents.values()
        done = point in ("committed", "concluded")
        assert ends == ["success" if done else "failure"]
        assert bool(kept) is done
        assert examine(engine.state.audit.rows()).ok
        recovered(engine)  # once more changes nothing
        assert results(engine) == (intents, kept)
