"""What the tests of connectors share: an emit that remembers, and running one for a while."""

from __future__ import annotations

import asyncio
import contextlib

from data.connectors.base import Receipt, SpoolBusy
from data.slots import SteadyClock


class Kept:
    """An emit: keeps batches, as the spool would, and what the connector tells of itself."""

    def __init__(self, pressed=False):
        self.batches = []
        self.keys = set()
        self.duplicates = 0
        self.links = 0
        self.troubles = []
        self.disabled = {}
        self.pressed = pressed
        self.busy_for = 0  # how many batches are refused before one is taken
        self.missing = {}  # source_seq → the numbers to ask for
        self.clock = SteadyClock()
        self.files = []

    async def __call__(self, batch):
        if self.busy_for:
            self.busy_for -= 1
            raise SpoolBusy(0.05)
        duplicate = batch.key in self.keys
        self.keys.add(batch.key)
        self.duplicates += duplicate
        if not duplicate:
            self.batches.append(batch)
        return Receipt(duplicate, self.missing.get(batch.source_seq, ()))

    def connected(self):
        self.links += 1

    def trouble(self, reason):
        self.troubles.append(reason)

    def disable(self, point_id, reason):
        self.disabled[point_id] = reason

    @property
    def readings(self):
        return [reading for batch in self.batches for reading in batch.readings]

    def values(self, point):
        return [reading.value for reading in self.readings if reading.point == point]

    def of(self, point):
        return [reading for reading in self.readings if reading.point == point]


@contextlib.asynccontextmanager
async def running(connector, emit):
    """Run a connector in the block; what it raises comes out when the block waits for it."""
    task = asyncio.create_task(connector.run(emit))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


async def until(condition, task=None, seconds=10):
    """Wait until something holds; a connector that ends meanwhile ends the wait."""
    async with asyncio.timeout(seconds):
        while not condition():
            if task is not None and task.done():
                task.result()
                raise AssertionError("the connector stopped by itself")
            await asyncio.sleep(0.01)
