"""When a poller asks: every point at the whole multiples of its own period."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from data.connectors.base import Point
from data.digest import sm3


@dataclass(frozen=True)
class Slot:
    """What is due together.

    Parameters
    ----------
    at
        The multiple of the period, UTC.
    points
        Those due, in the table's order.
    """

    at: datetime
    points: tuple[Point, ...]

    def key(self, readings: Sequence[str]) -> str:
        """Return a batch's key: the slot and the points that were read for it.

        A slot that a lost link cut short is another batch than the whole one read after it.
        """
        names = sm3("\n".join(readings).encode())[:16]
        return f"{self.at:%Y-%m-%dT%H:%M:%S.%f}/{names}"


class Slots:
    """Hands out slots by a monotonic clock: a step of the wall clock doubles and skips none.

    Parameters
    ----------
    points
        With their periods in seconds.
    wall, monotonic
        Clocks in seconds; a test brings its own.
    """

    def __init__(
        self,
        points: Sequence[Point],
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._points = points
        self._monotonic = monotonic
        self._offset = wall() - monotonic()
        # The current slot first: whoever comes back asks at once, not at the next quarter.
        self._next = {p: int(self._now() // p) for p in {point.period_s for point in points}}

    def _now(self) -> float:
        return self._monotonic() + self._offset

    @property
    def wait_s(self) -> float:
        """Return the seconds until the next slot; 0 when one is due."""
        if not self._next:
            return 3600.0
        return max(0.0, min(p * n for p, n in self._next.items()) - self._now())

    def due(self) -> Slot | None:
        """Return what is due now; slots that passed meanwhile are left out, never made up."""
        now = self._now()
        due = {period for period, number in self._next.items() if period * number <= now}
        if not due:
            return None
        at = max(int(now // period) * period for period in due)
        self._next |= {period: int(now // period) + 1 for period in due}
        return Slot(
            datetime.fromtimestamp(at, UTC),
            tuple(point for point in self._points if point.period_s in due),
        )

    async def next(self) -> Slot:
        """Wait for the next slot."""
        while (slot := self.due()) is None:
            await asyncio.sleep(self.wait_s)
        return slot
