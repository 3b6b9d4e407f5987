"""From the spool to the store: what came by itself, judged and loaded in one transaction.

Loading is idempotent by the number a group was given before: a stop at any moment loses and
doubles nothing. What cannot count is held back with its reason, never thrown away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from pathlib import Path

from data.connectors.base import Point, Quality, Reading
from data.digest import digest_of
from data.engine import Engine
from data.ingest.bulk import stage_values
from data.ingest.loaders import Loaded, Request
from data.ingest.problems import Refused
from data.ingest.readings import append, find_owners, strangers
from data.posts import OWN
from data.pushes import Push, Waiting
from data.sites import documents
from data.spool import Batch
from data.state import InterfaceVersion
from data.store import Cursor, Topic
from data.units import factor

AT_ONCE = 2000  # batches
READINGS_AT_ONCE = 5000  # more at once would have pages and senders wait for one step of it
SKEW = timedelta(minutes=5)
FUTURE = timedelta(minutes=10)
OLDEST = timedelta(days=400)
_TOO_LARGE = Decimal(10) ** 12
HeldBack = tuple[Push, Reading, str]


@dataclass(frozen=True)
class Drained:
    """What one drain did: batches taken, rows that are new or correct, rows held back."""

    batches: int = 0
    rows: int = 0
    held: int = 0


def load_pushes(engine: Engine, at: datetime) -> Drained:
    """Load what waits in the spool, oldest first; what was begun before is ended first.

    Parameters
    ----------
    engine
        The opened data directory.
    at
        Now, UTC.

    Returns
    -------
    Drained
        Zeros if nothing waited.

    Raises
    ------
    StoreError
        The store cannot be written; everything waits where it is.
    """
    done = Drained()
    for number in (*engine.pushes.open_groups(), *_new_groups(engine, at)):
        one = _load_group(engine, number, at)
        done = Drained(done.batches + one.batches, done.rows + one.rows, done.held + one.held)
    return done


def _new_groups(engine: Engine, at: datetime) -> Iterator[int]:
    """Give waiting batches of each site a number under which they will be loaded."""
    waiting = engine.pushes.unloaded(AT_ONCE)
    if not waiting:
        return
    known = engine.state.interfaces.brief()
    by_site: dict[str, list[Waiting]] = {}
    for one in waiting:
        interface = one.interface
        if interface.startswith(OWN):
            site = interface.removeprefix(OWN)
        else:
            found = known.get(interface)
            site = found.site if found is not None else _former_site(engine, interface)
        by_site.setdefault(site, []).append(one)
    for site, members in ((s, part) for s, every in by_site.items() for part in _parts(every)):
        source = ", ".join(sorted({one.interface for one in members}))
        content = digest_of([(one.seq, one.digest) for one in members])
        number = engine.spool.numbered(
            Batch("readings", site, source, content, "", True, "collector", at)
        )
        engine.pushes.group([one.seq for one in members], number)
        yield number


def _parts(members: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """Yield batches in turn, some at a time: those of one group are loaded in one step."""
    part: list[Waiting] = []
    for one in members:
        if part and sum(w.readings for w in part) + one.readings > READINGS_AT_ONCE:
            yield part
            part = []
        part.append(one)
    if part:
        yield part


def _former_site(engine: Engine, interface: str) -> str:
    history = engine.state.interfaces.history(interface)
    return history[0].wanted.site if history else ""


def _load_group(engine: Engine, number: int, at: datetime) -> Drained:
    pushes = engine.pushes.grouped(number)
    for push in pushes:
        if not push.sound:
            engine.links.raised("digest", at, push.batch.key, interface=push.interface)
            engine.pushes.spoiled(push.seq, at)
    judged = _judged(engine, [push for push in pushes if push.sound])
    rows = None
    if judged.rows:
        write = partial(_write, engine, number, judged, at)
        rows = engine.store.write(write, Topic.READINGS)
    if rows is not None:
        engine.spool.mark_drained(number)  # an older copy of the store is told by it
    engine.pushes.loaded(number, judged.held, at)
    _tell(engine, judged, at)
    return Drained(len(pushes), rows or 0, len(judged.held))


def load_again(engine: Engine, batch: Batch, pushes: Sequence[Push]) -> None:
    """Load a group into a store that has lost it; what was held back then is held back now.

    Parameters
    ----------
    engine
        The opened data directory.
    batch
        What the spool knows of the group.
    pushes
        What was loaded under its number.
    """
    judged = _judged(engine, [push for push in pushes if push.sound])
    if judged.rows:
        engine.store.write(partial(_write, engine, batch.seq, judged, batch.received_at))


@dataclass
class _Judged:
    """Readings that go to the store, each with where it came from, and those held back."""

    rows: list[tuple[Push, Reading, Point]] = field(default_factory=list)
    held: list[HeldBack] = field(default_factory=list)
    skewed: dict[str, str] = field(default_factory=dict)
    in_time: set[str] = field(default_factory=set)


def _judged(engine: Engine, pushes: Sequence[Push]) -> _Judged:
    found = _Judged()

    @cache
    def points(version: int) -> Mapping[str, Point]:
        one = engine.state.interfaces.at_version(version)
        return _by_name(one) if one is not None else {}

    for push in pushes:
        known = _OwnMeters() if push.interface.startswith(OWN) else points(push.version)
        skew = _skew(push, known)
        if skew is not None:
            found.skewed[push.interface] = f"{skew.total_seconds():+.0f} s"
        elif push.batch.stamped:
            found.in_time.add(push.interface)
        for reading in push.batch.readings:
            point = known.get(reading.point)
            reason = _held_for(reading, point, push.received_at)
            if reason:
                found.held.append((push, reading, reason))
            elif point is not None and _counts(reading, point):
                uncertain = skew is not None and reading.q is Quality.GOOD
                reading = replace(reading, q=Quality.UNCERTAIN) if uncertain else reading
                found.rows.append((push, reading, point))
    return found


class _OwnMeters(dict[str, Point]):
    """The points of an interface that names meters themselves, in their meter's own unit."""

    def get(self, name: str, default: object = None) -> Point:
        if name not in self:
            self[name] = Point(point_id=name, meter_id=name, address="")
        return self[name]


def _by_name(version: InterfaceVersion) -> Mapping[str, Point]:
    return {point.point_id: point for point in version.wanted.points}


def _counts(reading: Reading, point: Point) -> bool:
    """Tell whether a reading belongs to a meter; powers and states are shown, not added up."""
    return bool(point.meter_id) and point.kind.metered and reading.value is not None


def _held_for(reading: Reading, point: Point | None, received_at: datetime) -> str:
    """Return the code of the event for which a reading is held back; '' lets it pass."""
    if point is None:
        return "unknown"
    if reading.ts > received_at + FUTURE:
        return "future"
    return "late" if reading.ts < received_at - OLDEST else ""


def _skew(push: Push, points: Mapping[str, Point]) -> timedelta | None:
    """Return how far the source's clock is off, None where it is not, or nobody can say.

    Without the source's own word its newest reading stands for its clock; that one may be as old
    as its period.
    """
    batch = push.batch
    if not batch.stamped or not batch.readings:
        return None
    if batch.sent_at is not None:
        off = batch.sent_at - push.received_at
        return off if abs(off) > SKEW else None
    if batch.backlog:
        return None
    newest = max(batch.readings, key=lambda r: r.ts)
    off = newest.ts - push.received_at
    point = points.get(newest.point)
    period = timedelta(seconds=point.period_s if point is not None else 0)
    return off if off > SKEW or -off > SKEW + period else None


def _write(
    engine: Engine, number: int, judged: _Judged, at: datetime, cursor: Cursor
) -> int | None:
    """Load a group's readings unless they are there already; return how many rows it added.

    None says that the store has nothing of the group: all of it is held back.
    """
    sites = documents(cursor)
    site, source = _of_batch(engine, number)
    request = Request("readings", site, Path(), source, digest_of([number]), True, at,
                      engine.language, frozenset())  # fmt: skip
    units = dict(
        cursor.execute(
            "SELECT meter_id, arg_max(unit, batch) FROM record_meters WHERE site = ? "
            "GROUP BY meter_id", [site],
        ).fetchall()
    )  # fmt: skip
    stage_values(cursor, list(_staged(judged, units)))
    find_owners(cursor, request, sites)
    of_line = dict(enumerate(judged.rows))
    for line, *_ in strangers(cursor):
        push, reading, _ = of_line[line]
        judged.held.append((push, reading, "unknown"))
    if cursor.execute("SELECT 1 FROM batch WHERE batch = ?", [number]).fetchone():
        return 0  # stopped between store and spool; what is held back had to be found again
    cursor.execute("DELETE FROM judged WHERE stranger")
    try:
        loaded: Loaded = append(cursor, request, lambda: number, len(judged.held), ())
    except Refused:
        return None  # none of them is known; all are held back
    return loaded.new_rows + loaded.corrections


def _of_batch(engine: Engine, number: int) -> tuple[str, str]:
    batch = engine.spool.find(number)
    return (batch.site, batch.source) if batch is not None else ("", "")


def _staged(
    judged: _Judged, units: Mapping[str, str]
) -> Iterator[tuple[int, str, datetime, str, int]]:
    """Yield the readings to stage, values in their meter's unit."""

    @cache
    def size_of(unit: str, meter_id: str) -> Decimal | None:
        target = units.get(meter_id)
        try:
            return factor(unit, target) if unit and target else Decimal(1)
        except ValueError:
            return None

    for line, (push, reading, point) in enumerate(judged.rows):
        value, size = reading.value, size_of(point.unit, point.meter_id)
        if value is None:
            continue
        if size is None or abs(value * size) >= _TOO_LARGE:
            judged.held.append((push, reading, "unit"))
            continue
        at = reading.ts.astimezone(UTC).replace(tzinfo=None)
        yield line, point.meter_id, at, f"{value * size:f}", int(reading.q)


def _tell(engine: Engine, judged: _Judged, at: datetime) -> None:
    """Say what was odd, and that what was odd before is so no more."""
    for interface, off in judged.skewed.items():
        engine.links.raised("skew", at, off, interface=interface)
    for interface in judged.in_time - set(judged.skewed):
        engine.links.ended("skew", at, interface=interface)
    for push, reading, reason in _first_each(judged.held):
        engine.links.raised(
            reason, at, reading.ts.isoformat(), interface=push.interface, point=reading.point
        )


def _first_each(held: Iterable[HeldBack]) -> Iterator[HeldBack]:
    seen = set()
    for push, reading, reason in held:
        key = (push.interface, reading.point, reason)
        if key not in seen:
            seen.add(key)
            yield push, reading, reason
