"""The collector: one task a device, each on its own, all of them only reading (ARCHITECTURE §3).

It knows the state database (read only) and the spool, never the store: a driver that hangs or
crashes cannot touch the screen, and either process restarts without loss.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from data.connectors import UnknownConnector, connector
from data.connectors.base import (
    Batch,
    Connector,
    ConnectorConfig,
    FileAnswer,
    Health,
    LinkError,
    LinkState,
    Point,
    PointKind,
    Quality,
    Reading,
    Receipt,
    SpoolBusy,
)
from data.dropped import DONE, KNOWN, TOLD, WAITING, Drop, Drops
from data.link_book import LinkBook
from data.night import is_night
from data.pushes import RETRY_AFTER_S, Pushes
from data.slots import SteadyClock
from data.spool_file import SpoolFile
from data.state import DBAPIError
from data.state.interfaces import Interfaces, InterfaceVersion, interfaces_read_only
from translations import text

LOG = logging.getLogger("carbon.collector")
LOCK_NAME = "collector.lock"
LOOK_S = 2.0  # how often configuration and health are looked at
FIRST_PAUSE_S = 1.0
LINK_PAUSE_S = 6.0  # with the time-out of a connection the peer is back within 10 s
LONGEST_PAUSE_S = 60.0  # after a failure that is no link's
SILENT_PERIODS = 3
LOCK_TRIES = 10
NO_ROOM = "磁盘空间不足，暂不接收"
SOME_MISSED = "有测点停更或停采"


class Running(Exception):
    """Another collector works on this data directory."""


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Be the only collector of a data directory.

    Raises
    ------
    Running
        There is one.
    """
    with (home / LOCK_NAME).open("a+", encoding="utf-8") as file:
        for tries_left in reversed(range(LOCK_TRIES)):  # who only looks holds it for a moment
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if not tries_left:
                    raise Running(str(home)) from error
                time.sleep(0.05)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def is_running(home: Path) -> bool:
    """Tell whether a collector works on a data directory."""
    try:
        with (home / LOCK_NAME).open("r", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@dataclass
class _Point:
    """What is known of a point while its interface runs; times by the clock nobody can set."""

    point: Point
    good_mono: float
    silent: bool = False


@dataclass
class Link:
    """One interface while it runs: what its connector is given, and what is told of it."""

    interface_id: str
    site: str
    version: int
    polls: bool
    cfg: ConnectorConfig
    points: Mapping[str, _Point]
    pushes: Pushes
    book: LinkBook
    drops: Drops
    clock: SteadyClock
    language: str = "zh"
    pressed: bool = False
    no_room: bool = False
    state: LinkState = LinkState.STARTING
    since: datetime = field(init=False)
    last_good_at: datetime | None = None
    error: str = ""
    lag_s: float | None = None
    batches: int = 0
    readings: int = 0
    bad: int = 0
    duplicates: int = 0
    retries: int = 0
    disabled: dict[str, str] = field(default_factory=dict)
    doubted: bool = False
    answered: bool = False
    down_since: float | None = None

    def __post_init__(self) -> None:
        self.since = self.clock.now()

    async def __call__(self, batch: Batch) -> Receipt:
        """Commit a batch; it is on the disk when this returns.

        Below the disk's floor whoever pushes keeps what he has; registers are still read.
        """
        if self.no_room and not self.polls:
            raise SpoolBusy(RETRY_AFTER_S, NO_ROOM)
        batch = replace(batch, readings=tuple(self._kept(batch)))
        while True:
            at = self.clock.wall()
            try:
                receipt = await asyncio.to_thread(
                    self.pushes.put, self.interface_id, self.version, batch, at, forced=self.polls
                )
            except SpoolBusy as busy:
                if not self.polls:
                    raise
                self.trouble("暂存库写不进，稍后再试")
                await asyncio.sleep(min(busy.retry_after_s, LINK_PAUSE_S))
                continue
            self._told(batch, receipt, at)
            return receipt

    async def take(self, path: Path, digest: str, kind: str, *, accept_good: bool) -> FileAnswer:
        """Commit a whole file, or tell what became of it."""
        wanted = Drop(0, self.interface_id, kind, self.site, path.name, digest, accept_good,
                      WAITING, "")  # fmt: skip
        at = self.clock.wall()
        known = await asyncio.to_thread(self.drops.find, self.interface_id, kind, digest)
        if known is None and self.no_room:
            self.trouble(NO_ROOM)
            return FileAnswer(WAITING)
        if known is None:
            known = await asyncio.to_thread(self.drops.take, wanted, path, at)
            self.batches += 1
            self.last_good_at = at
        if known.state == TOLD or (known.name != path.name and known.state in (DONE, KNOWN)):
            key = "已导入：内容相同的文件 {name} 已经收下；{detail}"
            said = text(key, self.language, name=known.name, detail=known.detail or "--")
            self.duplicates += 1
            return FileAnswer(KNOWN, said)
        if known.state != WAITING:
            await asyncio.to_thread(self.drops.answered, known)
        return FileAnswer(known.state, known.detail)

    def _kept(self, batch: Batch) -> Iterator[Reading]:
        for reading in batch.readings:
            known = self.points.get(reading.point)
            shown_only = known is not None and not known.point.kind.metered
            if self.pressed and self.polls and shown_only:
                continue
            if self.doubted and not batch.stamped and reading.q is Quality.GOOD:
                reading = replace(reading, q=Quality.UNCERTAIN, note="时钟跳变")
            yield reading

    def _told(self, batch: Batch, receipt: Receipt, at: datetime) -> None:
        self.batches += 1
        if receipt.duplicate:
            self.duplicates += 1
            return
        self.readings += len(batch.readings)
        mono = self.clock.monotonic()
        for reading in batch.readings:
            good = reading.value is not None and reading.q is not Quality.BAD
            self.bad += not good
            known = self.points.get(reading.point)
            if good and known is not None:
                known.good_mono = mono
            if good and (self.last_good_at is None or reading.ts > self.last_good_at):
                self.last_good_at = reading.ts
        if batch.readings:
            self.lag_s = (at - max(r.ts for r in batch.readings)).total_seconds()
        if any(r.value is not None and r.q is not Quality.BAD for r in batch.readings):
            self.connected()

    def connected(self) -> None:
        """Tell that the peer answers."""
        self.answered, self.down_since = True, None
        if self.state is not LinkState.RUNNING:
            self._is(LinkState.RUNNING, "")
            self._end("link")

    def trouble(self, reason: str) -> None:
        """Tell what went wrong without the link being lost."""
        self._is(LinkState.TROUBLED, reason)

    def disable(self, point_id: str, reason: str) -> None:
        """Tell that a point is asked no more, because its row is wrong."""
        known = self.points.get(point_id)
        row = known.point.row if known is not None else 0
        self.disabled[point_id] = reason
        self._raise("config", f"{row}: {reason}", point_id)

    def lost(self, reason: str) -> None:
        """Tell that the link is down and will be tried again."""
        self.retries += 1
        if self.down_since is None:
            self.down_since = self.clock.monotonic()
        self._is(LinkState.WAITING, reason)

    def _raise(self, code: str, detail: str, point: str = "") -> None:
        with suppress(sqlite3.OperationalError):  # a full disk takes no event; reading goes on
            self.book.raised(
                code, self.clock.now(), detail, interface=self.interface_id, point=point
            )

    def _end(self, code: str, point: str = "") -> None:
        with suppress(sqlite3.OperationalError):
            self.book.ended(code, self.clock.now(), interface=self.interface_id, point=point)

    def _is(self, state: LinkState, error: str) -> None:
        if state is not self.state:
            self.since = self.clock.now()
        self.state, self.error = state, error

    def look(self) -> None:
        """Say which points have given nothing good for too long, and which do again."""
        mono, at = self.clock.monotonic(), self.clock.now()
        dark = is_night(at, self.cfg.latitude, self.cfg.longitude)
        self._look_at_link(mono, dark=dark)
        for name, known in self.points.items():
            asleep = known.point.quiet == "night" and dark
            if asleep:  # morning begins anew
                known.good_mono = mono
            off = name in self.disabled or known.point.kind is PointKind.STATUS
            limit = SILENT_PERIODS * known.point.period_s
            silent = not off and mono - known.good_mono > limit
            if silent and not known.silent:
                self._raise("silent", "", name)
            if known.silent and not silent:
                self._end("silent", name)
            known.silent = silent

    def _look_at_link(self, mono: float, *, dark: bool) -> None:
        """Say that the link is down for too long; a device whose points all sleep may be off."""
        if self.down_since is None:
            return
        awake = [p.point for p in self.points.values() if not (dark and p.point.quiet == "night")]
        if self.points and not awake:  # morning begins anew
            self.down_since = mono
            return
        limit = SILENT_PERIODS * min((point.period_s for point in awake), default=60.0)
        if mono - self.down_since > limit:
            self._raise("link", self.error)

    def health(self) -> Health:
        """Return how the interface is; a link that answers is not well while points are missed."""
        silent = tuple(name for name, known in self.points.items() if known.silent)
        state, error = self.state, self.error
        if state is LinkState.RUNNING and (silent or self.disabled):
            state, error = LinkState.TROUBLED, SOME_MISSED
        return Health(
            self.interface_id, state, self.since, self.last_good_at, error, self.lag_s,
            self.batches, self.readings, self.bad, self.duplicates, self.retries,
            tuple(self.disabled.items()), silent,
        )  # fmt: skip


class Collector:
    """Runs the enabled interfaces of a data directory and follows changes of them.

    Parameters
    ----------
    home, language
        The data directory; the language of what is written down for people.
    clock
        The time of day and seconds that nobody can set.
    disk_floor_mb
        What must stay free on the disk, MB.
    """

    def __init__(
        self, home: Path, language: str = "zh", clock: SteadyClock | None = None,
        disk_floor_mb: int = 0,
    ) -> None:  # fmt: skip
        self._home, self._floor_bytes = home, disk_floor_mb << 20
        self._language = language
        self._clock = clock or SteadyClock()
        self._file = SpoolFile(home)
        self._pushes, self._book = Pushes(self._file), LinkBook(self._file)
        self._interfaces: Interfaces = interfaces_read_only(home)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._links: dict[str, Link] = {}
        self._newest = -1

    async def run(self) -> None:
        """Collect until cancelled."""
        try:
            while True:
                try:
                    await self._reconcile()
                    await self._look()
                except (DBAPIError, sqlite3.OperationalError):
                    # Locked for long, or a full disk: who runs goes on and keeps what it has read.
                    LOG.exception("the collector cannot look at its books")
                await asyncio.sleep(LOOK_S)
        finally:
            for name in list(self._tasks):
                await self._stop(name)
            self._file.close()

    async def _reconcile(self) -> None:
        """Start what is new, stop what is gone, restart what was changed."""
        newest = await asyncio.to_thread(self._interfaces.newest)
        if newest == self._newest:
            return
        current = await asyncio.to_thread(self._interfaces.current)
        wanted = {name: one for name, one in current.items() if one.wanted.enabled}
        for name in list(self._tasks):
            if name not in wanted or wanted[name].version != self._links[name].version:
                await self._stop(name)
        for name, version in wanted.items():
            if name not in self._tasks:
                self._start(version)
        self._newest = newest

    def _start(self, version: InterfaceVersion) -> None:
        name = version.wanted.interface_id
        link = self._link(version)
        self._links[name] = link
        self._tasks[name] = asyncio.create_task(self._keep(version, link), name=name)

    def _link(self, version: InterfaceVersion) -> Link:
        mono, wanted = self._clock.monotonic(), version.wanted
        points = {p.point_id: _Point(p, mono) for p in wanted.points}
        return Link(
            wanted.interface_id, wanted.site, version.version, True, ConnectorConfig(), points,
            self._pushes, self._book, Drops(self._file), self._clock, self._language,
        )  # fmt: skip

    async def _stop(self, name: str) -> None:
        task = self._tasks.pop(name)
        self._links.pop(name)
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await asyncio.wait_for(task, LINK_PAUSE_S)
        with suppress(sqlite3.OperationalError):
            self._book.end_all(name, self._clock.now(), ("link", "silent", "config"))

    async def _keep(self, version: InterfaceVersion, link: Link) -> None:
        """Run an interface again and again, with longer pauses while it does not answer."""
        pause = FIRST_PAUSE_S
        while True:
            link.answered = False
            limit = LINK_PAUSE_S
            try:
                await self._once(version, link)
                link.lost("连接已结束")
            except (LinkError, OSError, TimeoutError) as error:
                link.lost(str(error) or type(error).__name__)
            except (ValidationError, UnknownConnector) as error:
                limit = LONGEST_PAUSE_S
                link.lost(_config_words(error))
            except Exception as error:  # a driver may fail in any way; the others go on
                limit = LONGEST_PAUSE_S
                LOG.exception("interface %s failed", link.interface_id)
                link.lost(f"{type(error).__name__}: {error}")
            if link.answered:
                pause = FIRST_PAUSE_S
            pause = min(pause, limit)
            await asyncio.sleep(pause * random.uniform(0.8, 1.1))  # noqa: S311 (no secret)
            pause *= 2

    async def _once(self, version: InterfaceVersion, link: Link) -> None:
        wanted = version.wanted
        kind = connector(wanted.kind)
        cfg = kind.Config.model_validate(dict(wanted.settings))
        link.polls, link.cfg = getattr(kind, "polls", True), cfg
        made: Connector = kind(cfg, wanted.points)
        await made.run(link)

    async def _look(self) -> None:
        """Look at the clock, at every link, and tell how they are."""
        off = self._clock.look()
        at = self._clock.now()
        if off is not None:
            self._book.raised("step", at, f"{off / timedelta(seconds=1):+.0f} s")
        else:
            self._book.ended("step", at)
        pressure = await asyncio.to_thread(self._pushes.pressure)
        no_room = shutil.disk_usage(self._home).free < self._floor_bytes
        for link in self._links.values():
            link.doubted, link.no_room = off is not None, no_room
            link.pressed = pressure.busy or no_room
            link.look()
        healths = [link.health() for link in self._links.values()]
        await asyncio.to_thread(self._book.keep_health, healths, self._clock.wall())


def _config_words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)


async def _until_told(attached: bool) -> None:
    """Wait for SIGTERM or SIGINT; a child also ends when its parent has."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 64):
            told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    if attached:
        loop.add_reader(sys.stdin.fileno(), read)
    await told.wait()


async def _collect(home: Path, language: str, disk_floor_mb: int, *, attached: bool) -> None:
    collector = Collector(home, language, disk_floor_mb=disk_floor_mb)
    work = asyncio.create_task(collector.run())
    told = asyncio.create_task(_until_told(attached))
    done, _ = await asyncio.wait((work, told), return_when=asyncio.FIRST_COMPLETED)
    work.cancel()
    told.cancel()
    with suppress(asyncio.CancelledError):
        await work
    if work in done and not work.cancelled():
        work.result()


def collect(
    home: Path, language: str = "zh", disk_floor_mb: int = 0, *, attached: bool = False
) -> None:
    """Collect until a signal ends it, or, attached, until standard input ends.

    Raises
    ------
    Running
        Another collector works on this data directory.
    """
    with only_one(home):
        asyncio.run(_collect(home, language, disk_floor_mb, attached=attached))
