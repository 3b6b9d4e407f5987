"""Slots by a clock that does not jump (F12), and the night of inverters (F21)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from data.night import is_night
from data.slots import HOLD_S, SteadyClock, floor, slots

START = datetime(2026, 7, 1, 2, 0, 7, tzinfo=UTC)


class Clocks:
    """A time of day that somebody sets, and seconds that nobody can."""

    def __init__(self, start=START):
        self.mono, self.offset, self.start = 0.0, timedelta(0), start

    def wall(self):
        return self.start + timedelta(seconds=self.mono) + self.offset

    def monotonic(self):
        return self.mono

    async def sleep(self, seconds):
        self.mono += seconds
        await asyncio.sleep(0)

    @property
    def steady(self):
        return SteadyClock(self.wall, self.monotonic)


def collected(clocks, periods, until, each=lambda clock: None):
    async def run():
        clock, found = clocks.steady, []
        async for slot in slots(periods, clock, clocks.sleep):
            found.append(slot)
            each(clock)
            if clocks.mono > until:
                return found

    return asyncio.run(run())


def test_slots_begin_with_the_clock_of_the_site():
    assert floor(START, 900) == datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
    assert floor(START, 86400) == datetime(2026, 6, 30, 16, 0, tzinfo=UTC)


def test_a_slot_that_has_just_begun_is_due_at_the_start():
    found = collected(Clocks(), [900.0], 2000)
    assert [slot.at.minute for slot in found[:3]] == [0, 15, 30]
    late = collected(Clocks(START + timedelta(minutes=5)), [900.0], 1000)
    assert late[0].at.minute == 15


def test_what_passed_while_nobody_asked_is_missed_and_not_made_up():
    clocks = Clocks()

    def busy(_clock):
        if clocks.mono < 100:
            clocks.mono += 3 * 60

    found = collected(clocks, [60.0], 600, busy)
    stamps = [slot.at for slot in found]
    assert len(stamps) == len(set(stamps))
    assert sum(slot.missed for slot in found) == 2


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=-1), timedelta(hours=-1)])
def test_a_jump_doubles_no_slot_and_is_doubted(jump):
    clocks, doubted = Clocks(), []

    def step(clock):
        clocks.offset = jump if 300 < clocks.mono < 1200 else timedelta(0)
        doubted.append(clock.look())

    found = collected(clocks, [60.0], 2000, step)
    stamps = [slot.at for slot in found]
    assert stamps == sorted(set(stamps))
    assert all(b - a == timedelta(seconds=60) for a, b in zip(stamps, stamps[1:], strict=False))
    assert any(doubted)
    assert doubted[-1] is None


def test_a_jump_that_lasts_is_believed():
    clocks = Clocks()
    clock = clocks.steady
    clocks.offset = timedelta(hours=2)
    assert clock.look() == timedelta(hours=2)
    clocks.mono += HOLD_S + 1
    assert clock.look() is None
    assert clock.now() == clocks.wall()


def test_a_small_correction_is_followed_at_once():
    clocks = Clocks()
    clock = clocks.steady
    clocks.offset = timedelta(seconds=3)
    assert clock.look() is None
    assert clock.now() == clocks.wall()


@pytest.mark.parametrize(
    ("beijing", "night"),
    [("2026-07-01 03:00", True), ("2026-07-01 12:00", False), ("2026-07-01 22:00", True),
     ("2026-12-21 07:00", True), ("2026-12-21 12:00", False), ("2026-12-21 17:30", True),
     ("2026-07-01 18:30", False)],
)  # fmt: skip
def test_the_night_of_an_inverter(beijing, night):
    at = datetime.fromisoformat(beijing + "+08:00")
    assert is_night(at, 38.0, 114.5) is night
