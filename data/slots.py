"""When to ask: slots of the site's clock, kept by a clock that nobody can set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LOCAL = timedelta(hours=8)  # a day's slot begins with the day in Beijing
SLEW = timedelta(minutes=5)
HOLD_S = 3600.0
GRACE_S = 30.0


def utc_now() -> datetime:
    """Return the time of day, UTC."""
    return datetime.now(UTC)


@dataclass
class SteadyClock:
    """A time of day that does not jump: small corrections are followed, large ones doubted.

    Parameters
    ----------
    wall, monotonic
        The time of day, and seconds that nobody can set.
    """

    wall: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    _at: tuple[datetime, float] = field(init=False)
    _off_since: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._at = (self.wall(), self.monotonic())

    def now(self) -> datetime:
        """Return the time."""
        return self._at[0] + timedelta(seconds=self.monotonic() - self._at[1])

    def look(self) -> timedelta | None:
        """Compare with the time of day; return how far that has jumped, None where it has not.

        A jump is believed when it has lasted an hour: until then readings are stamped as if it
        had not been, and marked uncertain.
        """
        off, mono = self.wall() - self.now(), self.monotonic()
        if abs(off) <= SLEW:
            self._at, self._off_since = (self.wall(), mono), None
            return None
        if self._off_since is None:
            self._off_since = mono
        elif mono - self._off_since > HOLD_S:
            self._at, self._off_since = (self.wall(), mono), None
            return None
        return off


def floor(at: datetime, period_s: float) -> datetime:
    """Return the newest slot of a period that has begun at a time."""
    period = timedelta(seconds=period_s)
    return at - (at - EPOCH + LOCAL) % period


@dataclass(frozen=True)
class Slot:
    """A time at which points of a period are due, and how many slots before it were missed."""

    at: datetime
    period_s: float
    missed: int = 0


async def slots(
    periods_s: Sequence[float],
    clock: SteadyClock,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Slot]:
    """Yield what is due when it is; a slot that has passed meanwhile is missed, never made up.

    The slot that has just begun is due at the start as well, so that a restart misses none.
    """
    done: dict[float, datetime] = {}
    for period in periods_s:
        now = clock.now()
        current = floor(now, period)
        young = now - current <= timedelta(seconds=min(period / 2, GRACE_S))
        done[period] = current - timedelta(seconds=period) if young else current
    while True:
        now = clock.now()
        for period in sorted(done):
            current = floor(now, period)
            if current > done[period]:
                missed = round((current - done[period]).total_seconds() / period) - 1
                done[period] = current
                yield Slot(current, period, missed)
        now = clock.now()
        later = [floor(now, p) + timedelta(seconds=p) for p in done]
        waiting = [d + timedelta(seconds=p) for p, d in done.items()]
        if all(one > now for one in waiting):
            # Never longer than a second: the clock may be corrected meanwhile.
            wait = min(later, default=now + timedelta(seconds=1)) - now
            await sleep(min(max(wait.total_seconds(), 0.001), 1.0))
