"""What one process holds of a data directory: the lock, the store, the spool and the state."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from accounting.factors import FactorLibrary
from data.library import Libraries
from data.link_book import LinkBook
from data.posts import Posts
from data.pushes import Pushes
from data.spool import Spool
from data.spool_file import SpoolFile
from data.state import State
from data.store import Limits, Store
from translations import text

LOCK_NAME = "lock"


class Busy(Exception):
    """Another process holds the data directory."""


class DiskFull(Exception):
    """There is too little free space to take anything in."""


@dataclass(frozen=True)
class Options:
    """How a data directory is opened: limits, language, disk floor, where alarms go."""

    limits: Limits = field(default_factory=Limits)
    language: str = "zh"
    disk_floor_mb: int = 200
    alarm_places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Engine:
    """An opened data directory; the process that holds it is the only one that writes."""

    home: Path
    store: Store
    spool: Spool
    state: State
    libraries: Libraries
    options: Options
    arrivals: SpoolFile

    @property
    def pushes(self) -> Pushes:
        """The batches that came by themselves."""
        return Pushes(self.arrivals)

    @property
    def posts(self) -> Posts:
        """The batches that programs posted."""
        return Posts(self.arrivals)

    @property
    def links(self) -> LinkBook:
        """What interfaces tell of themselves."""
        return LinkBook(self.arrivals)

    @property
    def library(self) -> FactorLibrary:
        """The factor library as it is known now."""
        return self.libraries.now()

    @property
    def language(self) -> str:
        """The language of messages."""
        return self.options.language

    def require_space(self, needed_bytes: int = 0) -> None:
        """Raise DiskFull where the disk would fall below its floor."""
        floor = self.options.disk_floor_mb << 20
        free = shutil.disk_usage(self.home).free
        if free - needed_bytes < floor:
            raise DiskFull(
                text(
                    "磁盘空间不足：剩余 {free} MB，本次需要 {needed} MB，须保留 {floor} MB；"
                    "没有写入任何数据，请清理磁盘后重试",
                    self.language,
                    free=free >> 20,
                    needed=needed_bytes >> 20,
                    floor=floor >> 20,
                )
            )


@contextmanager
def lock(home: Path) -> Iterator[None]:
    """Hold the data directory's lock file; one process at a time has it.

    Parameters
    ----------
    home
        The data directory; made if absent, for its owner alone.

    Raises
    ------
    Busy
        Another process has it; the message is its process number.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / LOCK_NAME).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Busy(file.read().strip()) from error
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def _sweep(inbox: Path) -> None:
    """Remove what a killed command left half-copied; what was acknowledged has another name."""
    for path in inbox.glob(".*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def opened(home: Path, options: Options | None = None) -> Iterator[Engine]:
    """Open a data directory whose lock the caller holds."""
    options = options or Options()
    home.mkdir(parents=True, exist_ok=True)
    spool, state = Spool(home), State(home)
    arrivals = SpoolFile(home)
    store = Store(home, options.limits)
    _sweep(store.inbox)
    engine = Engine(home, store, spool, state, Libraries(state.factors), options, arrivals)
    try:
        yield engine
    finally:
        store.close()
        state.close()
        arrivals.close()
        spool.close()
