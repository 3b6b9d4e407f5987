"""Finding records of the audit trail and counting them, for the auditor (9.5.4)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import reduce
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, literal_column, or_, select

from data.state.audit import INTENT, SUCCESS, Record, _record
from data.state.tables import AUDIT

LONGEST_DAYS = 4000
LONGEST_SILENCE_MIN = 11  # two heartbeats and a little
NOBODY = "-"
BEAT = "service.alive"
ALARM = "alarm.security"
NIGHT = ("22", "06")  # from this hour to that one
_COLUMNS = ("object", "description", "actor", "address", "request")
# Their texts as one, parted by what no search holds: one comparison a record instead of five.
_TEXTS = reduce(lambda left, name: left + "\n" + AUDIT.c[name], _COLUMNS[1:], AUDIT.c.object + "")


@dataclass(frozen=True)
class Sought:
    """Which records: those of some days, of an account, an event, an outcome, with some words.

    Parameters
    ----------
    first, last
        Days as records write them, both included; empty for no end.
    actor, event, outcome, address
        Exactly these; empty for any. An account ``NOBODY``: those where nobody was in.
    words
        Stand in the object, the description or another of the texts.
    beats
        Whether heartbeats count: there is one every five minutes, whatever happens.
    top
        The newest record that counts: pages stay as they are while records are added. 0: all.
    """

    first: str = ""
    last: str = ""
    actor: str = ""
    event: str = ""
    outcome: str = ""
    address: str = ""
    words: str = ""
    beats: bool = True
    top: int = 0


class Group(NamedTuple):
    """What records are counted by."""

    day: str
    night: int
    actor: str
    event: str
    outcome: str
    address: str


@dataclass
class Sums:
    """How many records there are by each thing they are counted by."""

    outcomes: Counter[str] = field(default_factory=Counter)
    actors: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    bad_actors: Counter[str] = field(default_factory=Counter)
    bad_events: Counter[str] = field(default_factory=Counter)
    night: Counter[str] = field(default_factory=Counter)
    addresses: Counter[str] = field(default_factory=Counter)

    def add(self, group: Group, count: int) -> None:
        """Count records of a group."""
        self.outcomes[group.outcome] += count
        self.actors[group.actor] += count
        self.events[group.event] += count
        self.addresses[group.address] += count
        if group.outcome not in (SUCCESS, INTENT):
            self.bad_actors[group.actor] += count
            self.bad_events[group.event] += count
        if group.night and group.actor != "system":
            self.night[group.actor] += count

    def take(self, other: Sums) -> None:
        """Count what others have counted."""
        for name, counter in vars(other).items():
            getattr(self, name).update(counter)


@dataclass
class Day:
    """The records of a day: by group, and summed, heartbeats by themselves."""

    # Bare tuples: the collector of garbage does not walk them, and a year has tens of thousands.
    groups: dict[tuple[Any, ...], int] = field(default_factory=dict)
    sums: Sums = field(default_factory=Sums)
    beats: Sums = field(default_factory=Sums)

    def add(self, group: Group, count: int) -> None:
        """Count records of a group."""
        key = tuple(group)
        self.groups[key] = self.groups.get(key, 0) + count
        (self.beats if group.event == BEAT else self.sums).add(group, count)


class Gap(NamedTuple):
    """A time without any record: from when to when, in minutes."""

    first: str
    last: str
    minutes: float


@dataclass(frozen=True)
class Seen:
    """An address that was seen for the first time: when, by whom, how often since."""

    address: str
    at: str
    actor: str
    count: int


@dataclass(frozen=True)
class Summary:
    """What there is of the records that are sought.

    Parameters
    ----------
    total
        How many.
    days
        Day to outcome to number, every day of the range.
    actors, events
        Most frequent first: name, all of them, those that were refused or failed.
    outcomes
        Outcome to number.
    night
        Account to number between 22 and 6 o'clock; the product's own work does not count.
    addresses
        Those first seen within the range, newest first.
    alarms
        How many security alarms.
    """

    total: int = 0
    days: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    actors: tuple[tuple[str, int, int], ...] = ()
    events: tuple[tuple[str, int, int], ...] = ()
    outcomes: Mapping[str, int] = field(default_factory=dict)
    night: Mapping[str, int] = field(default_factory=dict)
    addresses: tuple[Seen, ...] = ()
    alarms: int = 0


class AuditSearch:
    """Searches the trail of a data directory.

    Records only ever come to it, so what was counted once stays counted: each time only the new
    ones are read.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._days: dict[str, Day] = {}
        self._first: dict[str, int] = {}  # address to its first record
        self._actors: set[str] = set()
        self._upto = 0
        self._guard = threading.Lock()

    def page(self, sought: Sought, number: int, size: int) -> list[Record]:
        """Return a page of records, newest first.

        Parameters
        ----------
        sought
            Which.
        number
            The page, from 1.
        size
            How many on each.

        Returns
        -------
        list of Record
            Empty after the last page.
        """
        with self._engine.connect() as connection:
            wanted = select(AUDIT).where(*_conditions(connection, sought))
            wanted = wanted.order_by(AUDIT.c.seq.desc()).limit(size).offset((number - 1) * size)
            return [_record(row) for row in connection.execute(wanted)]

    def each(self, sought: Sought) -> Iterator[Record]:
        """Yield every record that is sought, oldest first."""
        with self._engine.connect() as connection:
            wanted = select(AUDIT).where(*_conditions(connection, sought)).order_by(AUDIT.c.seq)
            for row in connection.execute(wanted).yield_per(1000):
                yield _record(row)

    def find(self, seq: int) -> Record | None:
        """Return a record by its number."""
        with self._engine.connect() as connection:
            row = connection.execute(select(AUDIT).where(AUDIT.c.seq == seq)).first()
        return None if row is None else _record(row)

    def related(self, record: Record, most: int = 20) -> list[Record]:
        """Return the records of the same request, announcement or action, oldest first."""
        same = [AUDIT.c.intent == (record.intent or record.seq)]
        if record.intent:
            same.append(AUDIT.c.seq == record.intent)
        if record.request:
            same.append(AUDIT.c.request == record.request)
        wanted = select(AUDIT).where(or_(*same), AUDIT.c.seq != record.seq)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(AUDIT.c.seq).limit(most))
            return [_record(row) for row in rows]

    def span(self, sought: Sought, after: int = 0) -> tuple[int, int]:
        """Return the numbers of the first and last record of the days; (0, 0) without any.

        Parameters
        ----------
        sought
            The days.
        after
            Above which number.
        """
        ends = select(func.min(AUDIT.c.seq), func.max(AUDIT.c.seq))
        wanted = ends.where(*_days(sought), AUDIT.c.seq > after)
        with self._engine.connect() as connection:
            first, last = connection.execute(wanted).one()
        return first or 0, last or 0

    def gaps(self, sought: Sought) -> list[Gap]:
        """Return when nothing was recorded for longer than a heartbeat allows, oldest first.

        Where the service had stopped in order, silence is no gap.
        """
        with self._engine.connect() as connection:
            before = func.lag(AUDIT.c.at).over(order_by=AUDIT.c.seq)
            event = func.lag(AUDIT.c.event).over(order_by=AUDIT.c.seq)
            rows = (
                select(AUDIT.c.seq, AUDIT.c.at, before.label("before"), event.label("after"))
                .where(*_conditions(connection, sought))
                .subquery()
            )
            passed = (func.julianday(rows.c.at) - func.julianday(rows.c.before)) * 1440
            wanted = select(rows.c.before, rows.c.at, passed).where(
                passed > LONGEST_SILENCE_MIN, rows.c.after != "service.stop"
            )
            return [Gap(*row) for row in connection.execute(wanted.order_by(rows.c.seq))]

    def first_day(self) -> str:
        """Return the day of the first record; empty without any."""
        with self._engine.connect() as connection:
            found = connection.execute(select(AUDIT.c.at).where(AUDIT.c.seq == 1)).scalar()
        return (found or "")[:10]

    def summary(self, sought: Sought) -> Summary:
        """Return how many records there are of what is sought, by day, account, event, outcome.

        Announcements are counted with what concludes them, not by themselves.
        """
        with self._engine.connect() as connection, self._guard:
            self._catch_up(connection)
            days = self._of_words(connection, sought) if sought.words else self._days
            sums, outcomes = Sums(), {}
            for name in sorted(days):
                if sought.first <= name and (not sought.last or name <= sought.last):
                    found = _fitting(days[name], sought)
                    counted = sum((one.outcomes for one in found), Counter())
                    if counted:
                        outcomes[name] = dict(counted)
                    for one in found:
                        sums.take(one)
            addresses = self._first_seen(connection, sums.addresses, sought)
        return _summed(sums, outcomes, addresses)

    def names(self) -> tuple[list[str], list[str]]:
        """Return every account and every address that has left records."""
        with self._engine.connect() as connection, self._guard:
            self._catch_up(connection)
            return sorted(self._actors), sorted(self._first)

    def _of_words(self, connection: Connection, sought: Sought) -> dict[str, Day]:
        days: dict[str, Day] = {}
        for group, count, _ in _grouped(connection, _conditions(connection, sought)):
            days.setdefault(group.day, Day()).add(group, count)
        return days

    def _catch_up(self, connection: Connection) -> None:
        newest = connection.execute(select(func.max(AUDIT.c.seq))).scalar() or 0
        if newest == self._upto:
            return
        new = [AUDIT.c.seq > self._upto, AUDIT.c.seq <= newest]
        for group, count, first in _grouped(connection, new):
            self._days.setdefault(group.day, Day()).add(group, count)
            self._first[group.address] = min(first, self._first.get(group.address, first))
            self._actors.add(group.actor)
        self._upto = newest

    def _first_seen(
        self, connection: Connection, counts: Counter[str], sought: Sought
    ) -> tuple[Seen, ...]:
        """Return the addresses whose first record of all is among the days."""
        numbers = {self._first[one]: one for one in counts if one in self._first and one}
        wanted = select(AUDIT.c.seq, AUDIT.c.at, AUDIT.c.actor).where(
            AUDIT.c.seq.in_(sorted(numbers, reverse=True)[:500]), *_days(sought)
        )
        rows = connection.execute(wanted.order_by(AUDIT.c.seq.desc()))
        return tuple(
            Seen(numbers[row.seq], row.at, row.actor, counts[numbers[row.seq]]) for row in rows
        )


def _days(sought: Sought) -> list[ColumnElement[bool]]:
    found = []
    if sought.first:
        found.append(AUDIT.c.at >= sought.first)
    if sought.last:
        found.append(AUDIT.c.at < _after(sought.last))
    return found


def _after(day: str) -> str:
    """Return the day after one; the day itself where it is the last that there can be."""
    try:
        return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return day


def _conditions(connection: Connection, sought: Sought) -> list[ColumnElement[bool]]:
    """Return what the rows must be; days as numbers first, which is the order they are read in."""
    found: list[ColumnElement[bool]] = []
    if sought.top:
        found.append(AUDIT.c.seq <= sought.top)
    if sought.first or sought.last:
        ends = select(func.min(AUDIT.c.seq), func.max(AUDIT.c.seq)).where(*_days(sought))
        first, last = connection.execute(ends).one()
        found.append(AUDIT.c.seq.between(first or 0, last or 0))
        # The days once more, for clocks that went back; the plus keeps the index out of it.
        at: ColumnElement[str] = literal_column("+at")
        if sought.first:
            found.append(at >= sought.first)
        if sought.last:
            found.append(at < _after(sought.last))
    for name in ("actor", "event", "outcome", "address"):
        if value := getattr(sought, name):
            found.append(AUDIT.c[name] == _exact(value))
    if not sought.beats and sought.event != BEAT:
        found.append(AUDIT.c.event != BEAT)
    for word in sought.words.split():
        found.append(_TEXTS.contains(word, autoescape=True))
    return found


def _grouped(
    connection: Connection, conditions: list[ColumnElement[bool]]
) -> Iterator[tuple[Group, int, int]]:
    """Yield each group of records, how many there are and the first one's number."""
    day, hour = func.substr(AUDIT.c.at, 1, 10), func.substr(AUDIT.c.at, 12, 2)
    night = or_(hour >= NIGHT[0], hour < NIGHT[1])
    by = (day, night, AUDIT.c.actor, AUDIT.c.event, AUDIT.c.outcome, AUDIT.c.address)
    wanted = select(*by, func.count(), func.min(AUDIT.c.seq)).group_by(*by)
    for row in connection.execute(wanted.where(and_(True, *conditions))):
        yield Group(*row[:6]), row[6], row[7]


def _fitting(day: Day, sought: Sought) -> list[Sums]:
    """Return the sums of a day's records that are sought."""
    names = ("actor", "event", "outcome", "address")
    wanted = {name: _exact(getattr(sought, name)) for name in names if getattr(sought, name)}
    if not wanted:
        return [day.sums, day.beats] if sought.beats else [day.sums]
    found = Sums()
    places = [(Group._fields.index(name), value) for name, value in wanted.items()]
    hidden = BEAT if not sought.beats and sought.event != BEAT else ""
    for key, count in day.groups.items():
        if key[3] != hidden and all(key[at] == value for at, value in places):
            found.add(Group._make(key), count)
    return [found]


def _exact(value: str) -> str:
    return "" if value == NOBODY else value


def _summed(
    sums: Sums, days: Mapping[str, Mapping[str, int]], addresses: tuple[Seen, ...]
) -> Summary:
    return Summary(
        sums.outcomes.total(), _every_day(days),
        tuple((name, n, sums.bad_actors[name]) for name, n in sums.actors.most_common()),
        tuple((name, n, sums.bad_events[name]) for name, n in sums.events.most_common()),
        dict(sums.outcomes), dict(sums.night.most_common()), addresses, sums.events[ALARM],
    )  # fmt: skip


def _every_day(days: Mapping[str, Mapping[str, int]]) -> dict[str, Mapping[str, int]]:
    """Return the days from the first to the last, those without a record too."""
    if not days:
        return {}
    day, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    if (last - day).days > LONGEST_DAYS:  # a clock that went astray makes no thousand years
        return dict(sorted(days.items()))
    found: dict[str, Mapping[str, int]] = {}
    while day <= last:
        found[day.isoformat()] = days.get(day.isoformat(), {})
        day += timedelta(days=1)
    return found
