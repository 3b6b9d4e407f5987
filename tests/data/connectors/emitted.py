"""An emit that keeps what it is given, and waiting for something to become so."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress

from data.connectors.base import Receipt
from data.slots import SteadyClock


class Emitted:
    """What a connector told; ``pressed`` may be set."""

    def __init__(self):
        self.batches, self.troubles, self.disabled, self.times = [], [], {}, []
        self.pressed, self.clock, self.language = False, SteadyClock(), "zh"
        self.connections = 0

    async def __call__(self, batch):
        self.batches.append(batch)
        self.times.append(time.monotonic())
        return Receipt()

    def connected(self):
        self.connections += 1

    def trouble(self, reason):
        self.troubles.append(reason)

    def disable(self, point_id, reason):
        self.disabled[point_id] = reason

    def of(self, point):
        return [r for b in self.batches for r in b.readings if r.point == point]

    def values(self, point):
        return [r.value for r in self.of(point)]


async def until(true, limit_s=15.0):
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "did not become so in time"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(connector, emit):
    task = asyncio.create_task(connector.run(emit))
    try:
        yield task
    finally:
        while not task.done():  # Python 3.11 loses a cancel that comes together with an answer
            task.cancel()
            await asyncio.wait((task,), timeout=1)
        with suppress(asyncio.CancelledError, Exception):
            task.result()
