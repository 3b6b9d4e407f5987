"""Signs of an attack, counted in the application, day and night (T/CASMES 615 9.2.2).

Counts live in memory: what they are for is the alarm, and the alarm is a record of the trail.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from data.state import Audit, Entry

MINUTE = timedelta(minutes=1)
MOST_RECORDS = 10  # of one kind from one address in a minute; the rest is counted
_MOST_KEYS = 10_000


@dataclass(frozen=True)
class Rule:
    """How many signs of a kind, from one place within a time, are an alarm.

    Parameters
    ----------
    name
        The alarm's name.
    kind
        The signs it counts.
    most
        The number that raises it.
    within
        The time it counts over.
    level
        0 the gravest, 2 the least.
    """

    name: str
    kind: str
    most: int
    within: timedelta
    level: int


RULES = (
    Rule("brute_force", "wrong_password", 5, timedelta(minutes=15), 2),
    Rule("password_flood", "wrong_from_address", 20, timedelta(minutes=5), 2),
    Rule("password_spraying", "account_tried", 8, timedelta(minutes=10), 1),
    Rule("scan", "unknown_path", 20, MINUTE, 2),
    Rule("privilege_probing", "denied", 3, timedelta(minutes=5), 1),
    Rule("malformed_callbacks", "malformed", 5, MINUTE, 2),
    Rule("foreign_origin", "foreign", 1, MINUTE, 2),
    Rule("replayed_code", "replayed_code", 1, MINUTE, 1),
    Rule("bad_certificate", "bad_certificate", 1, MINUTE, 1),
    Rule("replayed_session", "ended_session", 1, MINUTE, 1),
    Rule("wrong_api_keys", "wrong_key", 20, timedelta(minutes=5), 1),
    Rule("replayed_message", "replayed_nonce", 1, MINUTE, 1),
    Rule("changed_messages", "bad_digest", 5, MINUTE, 2),
    Rule("mass_export", "export", 30, timedelta(minutes=10), 2),
)


@dataclass
class _Counted:
    """The times of signs of one kind from one place; each of different things once."""

    times: deque[tuple[datetime, str]] = field(default_factory=deque)
    quiet_until: datetime = datetime.min


class Signals:
    """Counts signs and raises alarms.

    Parameters
    ----------
    audit
        Where alarms are recorded.
    clock
        The time, UTC without a zone.
    """

    def __init__(self, audit: Audit, clock: Callable[[], datetime]) -> None:
        self._audit, self._clock = audit, clock
        self._counted: OrderedDict[tuple[str, str], _Counted] = OrderedDict()
        self._recorded: OrderedDict[tuple[str, str], tuple[datetime, int]] = OrderedDict()
        self._guard = threading.Lock()

    def sign(self, kind: str, place: str, of: str = "") -> None:
        """Count a sign; an alarm is recorded where a rule says so.

        Parameters
        ----------
        kind
            As in the rules.
        place
            What signs are counted by: an address, an account, a session.
        of
            What was tried, where different things count and the same one counts once.
        """
        for rule in RULES:
            if rule.kind == kind and (count := self._crossed(rule, place, of)):
                seconds = int(rule.within.total_seconds())
                said = {"level": rule.level, "count": count, "within_s": seconds}
                alarm = f"{rule.name} {place}"
                self._audit.record(Entry("alarm.security", alarm, json.dumps(said)))

    def _crossed(self, rule: Rule, place: str, of: str) -> int:
        """Return how many signs there are if they are an alarm now, 0 otherwise."""
        at = self._clock()
        with self._guard:
            counted = self._counted.setdefault((rule.name, place), _Counted())
            self._counted.move_to_end((rule.name, place))
            while len(self._counted) > _MOST_KEYS:
                self._counted.popitem(last=False)
            times = counted.times
            while times and times[0][0] <= at - rule.within:
                times.popleft()
            if not of or all(of != seen for _, seen in times):
                times.append((at, of))
            while len(times) > 2 * rule.most:
                times.popleft()
            if len(times) < rule.most or at < counted.quiet_until:
                return 0
            counted.quiet_until = at + rule.within
            return len(times)

    def record(self, entry: Entry, place: str) -> None:
        """Record a refusal; from one place only so many a minute, the next tells of the rest.

        Whoever sends a thousand bad requests must not fill the disk with a thousand records.

        Parameters
        ----------
        entry
            What is recorded.
        place
            Where the request came from.
        """
        at, key = self._clock(), (entry.event, place)
        with self._guard:
            began, count = self._recorded.get(key, (at, 0))
            unsaid = max(0, count - MOST_RECORDS) if at - began >= MINUTE else 0
            if at - began >= MINUTE:
                began, count = at, 0
            self._recorded[key] = (began, count + 1)
            self._recorded.move_to_end(key)
            while len(self._recorded) > _MOST_KEYS:
                self._recorded.popitem(last=False)
        if count >= MOST_RECORDS:
            return
        words = f"{entry.description} (+{unsaid})" if unsaid else entry.description
        self._audit.record(Entry(entry.event, entry.object, words, entry.outcome))
