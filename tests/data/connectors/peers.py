"""What the tests of connectors share: an emit that remembers, and running one for a while."""

from __future__ import annotations

import asyncio

from data.connectors.base import Receipt, SpoolBusy
from tests.data.connectors.emitted import Emitted, running

__all__ = ["Kept", "running", "until"]


class Kept(Emitted):
    """An emit as the spool is: a key counts once, and it may be full for a while."""

    def __init__(self, pressed=False):
        super().__init__()
        self.pressed = pressed
        self.keys = set()
        self.duplicates = 0
        self.busy_for = 0  # how many batches are refused before one is taken
        self.files = []

    async def __call__(self, batch):
        if self.busy_for:
            self.busy_for -= 1
            raise SpoolBusy(0.05)
        duplicate = batch.key in self.keys
        self.keys.add(batch.key)
        self.duplicates += duplicate
        if not duplicate:
            await super().__call__(batch)
        return Receipt(duplicate)

    @property
    def links(self):
        return self.connections

    @property
    def readings(self):
        return [reading for batch in self.batches for reading in batch.readings]


async def until(condition, task=None, seconds=10):
    """Wait until something holds; a connector that ends meanwhile ends the wait."""
    async with asyncio.timeout(seconds):
        while not condition():
            if task is not None and task.done():
                task.result()
                raise AssertionError("the connector stopped by itself")
            await asyncio.sleep(0.01)
