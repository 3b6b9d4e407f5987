"""Slots: by a monotonic clock, at whole multiples of a period, never twice."""

from data.connectors.base import Point
from data.connectors.slots import Slots


class Clock:
    def __init__(self, wall):
        self.wall, self.steady = wall, 1000.0

    def pass_s(self, seconds):
        self.wall += seconds
        self.steady += seconds


def slots(clock, *periods):
    points = [Point(point_id=f"P{p}", address="1", period_s=p) for p in periods]
    return Slots(points, lambda: clock.wall, lambda: clock.steady)


def test_the_current_slot_is_asked_at_once_and_then_the_next_multiple():
    clock = Clock(900 * 2_000_000 + 100)
    plan = slots(clock, 900, 60)
    first = plan.due()
    assert {p.point_id for p in first.points} == {"P900", "P60"}
    assert plan.due() is None
    assert plan.wait_s == 20
    clock.pass_s(20)
    assert [p.point_id for p in plan.due().points] == ["P60"]
    clock.pass_s(780)
    later = plan.due()
    assert {p.point_id for p in later.points} == {"P900", "P60"}
    assert later.at.timestamp() == 900 * 2_000_001


def test_slots_that_passed_are_left_out():
    clock = Clock(6_000_000)
    plan = slots(clock, 60)
    plan.due()
    clock.pass_s(600)
    assert plan.due().at.timestamp() == 6_000_600
    assert plan.due() is None


def test_a_step_of_the_wall_clock_doubles_and_skips_none():
    """F12: an hour forward, a day back."""
    clock = Clock(6_000_000)
    plan = slots(clock, 60)
    plan.due()
    seen = []
    for step in (3600, -86_400, 0):
        clock.wall += step
        clock.pass_s(60)
        seen.append(plan.due().at.timestamp())
    assert seen == [6_000_060, 6_000_120, 6_000_180]


def test_a_key_names_the_slot_and_what_was_read():
    plan = slots(Clock(6_000_000), 60)
    slot = plan.due()
    assert slot.key(["A", "B"]) != slot.key(["A"])
    assert slot.key(["A"]) == slot.key(["A"])
