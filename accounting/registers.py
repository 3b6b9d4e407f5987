"""The sequential register rules R5: what each step of a cumulative register means.

All numbers are integers in millionths of the register's unit and times are microseconds, so
that the rules give the same digits in any order and on any machine (R25).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MICRO = 1_000_000
HOUR_US = 3_600 * MICRO
LOOK_AHEAD_US = 24 * HOUR_US


@dataclass(frozen=True)
class Change:
    """A meter replacement: the old register's end, the new one's start (R5.1)."""

    at_us: int
    old_end: int
    new_start: int
    new_multiplier: int | None = None


@dataclass(frozen=True)
class Rules:
    """A register's constants.

    Parameters
    ----------
    multiplier
        Millionths; the unit per register unit.
    register_max
        First value never shown, millionths; None where unknown.
    step_us
        The nominal step.
    rated_per_hour
        Highest growth per hour, millionths of the unit; None means no limit.
    changes
        Meter replacements, oldest first.
    """

    multiplier: int
    register_max: int | None
    step_us: int
    rated_per_hour: int | None
    changes: tuple[Change, ...] = ()

    def multiplier_at(self, ts_us: int) -> int:
        """Return the multiplier that holds at a time."""
        current = self.multiplier
        for change in self.changes:
            if change.at_us <= ts_us and change.new_multiplier is not None:
                current = change.new_multiplier
        return current

    def limit(self, length_us: int) -> int | None:
        """Return 1.2 x rated x hours (at least one step), millionths; None without a limit."""
        if self.rated_per_hour is None:
            return None
        return rounded(12 * self.rated_per_hour * max(length_us, self.step_us), 10 * HOUR_US)


@dataclass(frozen=True)
class Step:
    """What became of one reading.

    Parameters
    ----------
    ts_us, since_us
        The reading's time and the last accepted one's.
    kind
        plain, jitter, dip, reset, spike, jump, rollover or meter_change.
    accepted
        Whether an interval (since, ts] ends in it.
    before, shown
        The register at the last accepted reading and in this one, millionths.
    quantity
        What the interval consumed, millionths of the unit; None where it is missing.
    estimated
        Whether the interval is an estimate.
    """

    ts_us: int
    since_us: int
    kind: str
    accepted: bool
    before: int
    shown: int
    quantity: int | None
    estimated: bool = False


def rounded(numerator: int, denominator: int) -> int:
    """Return the quotient of integers rounded to the nearest, halves away from zero."""
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    top, below = abs(numerator), abs(denominator)
    return sign * ((2 * top + below) // (2 * below))


def walk(
    times_us: Sequence[int],
    values: Sequence[int],
    rules: Rules,
    start: int = 1,
    *,
    until_plain: bool = False,
) -> Iterator[Step]:
    """Yield what becomes of each reading from ``start`` on (R5.1-R5.6).

    Parameters
    ----------
    times_us, values
        Accepted candidates in time order: microseconds, millionths of the register's unit.
    rules
        The register's constants.
    start
        Index of the first reading to judge; the one before it is taken as accepted.
    until_plain
        Stop after the first reading that is accepted as it stands: from there on every step
        can again be judged from its neighbour alone.

    Yields
    ------
    Step
        One per reading, in order.
    """
    since, before = times_us[start - 1], values[start - 1]
    for at in range(start, len(times_us)):
        step = _judge(times_us, values, rules, at, since, before)
        yield step
        if not step.accepted:
            continue
        since = step.ts_us
        if step.kind != "jitter":
            before = step.shown
            if until_plain:
                return


def _judge(
    times_us: Sequence[int],
    values: Sequence[int],
    rules: Rules,
    at: int,
    since: int,
    before: int,
) -> Step:
    ts, shown = times_us[at], values[at]

    def step(kind: str, quantity: int | None, *, accepted: bool = True, est: bool = False) -> Step:
        return Step(ts, since, kind, accepted, before, shown, quantity, est)

    changes = [change for change in rules.changes if since < change.at_us <= ts]
    if changes:
        return step("meter_change", _across(changes, rules, since, before, shown))
    multiplier = rules.multiplier_at(ts)
    if shown < before:
        return _backward(times_us, values, rules, at, since, before)
    quantity = rounded((shown - before) * multiplier, MICRO)
    limit = rules.limit(ts - since)
    if limit is not None and quantity > limit:
        if _returns(times_us, values, rules, at, since, before):
            return step("spike", None, accepted=False)
        return step("jump", quantity)
    return step("plain", quantity)


def _across(changes: Sequence[Change], rules: Rules, since: int, before: int, shown: int) -> int:
    """Return the quantity across meter changes, whatever its sign (R5.1)."""
    multiplier, start, whole = rules.multiplier_at(since), before, 0
    for change in changes:
        whole += rounded((change.old_end - start) * multiplier, MICRO)
        start = change.new_start
        multiplier = change.new_multiplier if change.new_multiplier is not None else multiplier
    return whole + rounded((shown - start) * multiplier, MICRO)


def _backward(
    times_us: Sequence[int],
    values: Sequence[int],
    rules: Rules,
    at: int,
    since: int,
    before: int,
) -> Step:
    """Judge a reading below the last accepted one: R5.2, R5.3, R5.4."""
    ts, shown = times_us[at], values[at]
    multiplier = rules.multiplier_at(ts)
    whole = rules.register_max
    if whole is not None and 10 * before > 9 * whole and 10 * shown < whole:
        quantity = rounded((shown - before + whole) * multiplier, MICRO)
        return Step(ts, since, "rollover", True, before, shown, quantity)
    drop = rounded((before - shown) * multiplier, MICRO)
    if rules.rated_per_hour is not None and drop <= rules.rated_per_hour:
        return Step(ts, since, "jitter", True, before, shown, 0, True)
    if any(values[later] >= before for later in _ahead(times_us, at)):
        return Step(ts, since, "dip", False, before, shown, None)
    return Step(ts, since, "reset", True, before, shown, None)


def _returns(
    times_us: Sequence[int],
    values: Sequence[int],
    rules: Rules,
    at: int,
    since: int,
    before: int,
) -> bool:
    """Tell whether a reading within 24 h returns to where the register could be (R5.5)."""
    for later in _ahead(times_us, at):
        if not before <= values[later] < values[at]:
            continue
        growth = rounded((values[later] - before) * rules.multiplier_at(times_us[later]), MICRO)
        limit = rules.limit(times_us[later] - since)
        if limit is None or growth <= limit:
            return True
    return False


def _ahead(times_us: Sequence[int], at: int) -> range:
    """Return the indices of the readings within 24 h after one."""
    return range(at + 1, bisect_right(times_us, times_us[at] + LOOK_AHEAD_US))


def spread(quantity: int, since_us: int, ts_us: int, slot_us: int = HOUR_US) -> dict[int, int]:
    """Return what each slot takes of an interval (since, ts], by overlap (R5.6, R25).

    Parameters
    ----------
    quantity
        Millionths of the unit.
    since_us, ts_us
        The interval's ends, microseconds.
    slot_us
        The slot's length, microseconds; an hour unless told.

    Returns
    -------
    dict
        Slot start (microseconds) to quantity (millionths); the last slot takes the rest, so
        the parts make the whole.
    """
    found: dict[int, int] = {}
    left, slot = quantity, since_us - since_us % slot_us
    while slot < ts_us:
        overlap = min(ts_us, slot + slot_us) - max(since_us, slot)
        last = slot + slot_us >= ts_us
        found[slot] = left if last else rounded(quantity * overlap, ts_us - since_us)
        left -= found[slot]
        slot += slot_us
    return found
