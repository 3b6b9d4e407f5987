"""Handing over a batch when the spool may be full: wait and hand it over again, never drop it."""

from __future__ import annotations

import asyncio

from data.connectors.base import Batch, Emit, Receipt, SpoolBusy


async def committed(emit: Emit, batch: Batch) -> Receipt:
    """Return the receipt of a batch once it is on the disk, however long that takes."""
    while True:
        try:
            return await emit(batch)
        except SpoolBusy as busy:
            await asyncio.sleep(busy.retry_after_s)
