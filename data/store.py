"""The analytical store: one DuckDB file, one writer thread, a cursor per request.

Readings, records, derived tables, ledger and lineage. See docs/decisions/0001-stores.md.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass
from enum import Flag, auto
from pathlib import Path
from typing import TypeVar, cast

import duckdb
import pandas as pd

from data.schema import statements
from data.state import acting

T = TypeVar("T")
Cursor = duckdb.DuckDBPyConnection
InvalidInput = duckdb.InvalidInputException
QueryError = duckdb.Error
FILE_NAME = "carbon.duckdb"
ZONE = "Asia/Shanghai"
LOOK_S = 0.1


class StoreError(Exception):
    """The store could not do what was asked; nothing of it was kept."""


class Interrupted(StoreError):
    """A query ran longer than it may."""


class Topic(Flag):
    """What a transaction may have changed: what is kept of the others stays as it is.

    ``READINGS`` are readings and the tables made of them, ``RECORDS`` the records and site
    documents, ``LEDGER`` figures with their lineage, ``FORECASTS`` runs and the price feed.
    """

    READINGS = auto()
    RECORDS = auto()
    LEDGER = auto()
    FORECASTS = auto()


EVERYTHING = Topic.READINGS | Topic.RECORDS | Topic.LEDGER | Topic.FORECASTS


@dataclass(frozen=True)
class Limits:
    """What the store may use: threads, memory in MB."""

    threads: int = 2
    memory_mb: int = 4096


@dataclass(frozen=True)
class _Job:
    """Work for the writer thread, which does it in the name of whoever asked."""

    work: Callable[[Cursor], object]
    touches: Topic
    future: Future[object]
    context: Context


@dataclass(eq=False)
class _Deadline:
    """When a cursor is interrupted, by the monotonic clock, s; whether it was."""

    cursor: Cursor
    at: float
    passed: bool = False


class _Deadlines:
    """Interrupts cursors that take too long.

    One thread looks after all: a timer each would cost more than many a read.
    """

    def __init__(self) -> None:
        self._guard, self._over = threading.Lock(), threading.Event()
        self._kept: set[_Deadline] = set()
        threading.Thread(target=self._look_forever, name="store-deadlines", daemon=True).start()

    @contextmanager
    def kept(self, deadline: _Deadline) -> Iterator[None]:
        """Look after a cursor for a block."""
        with self._guard:
            self._kept.add(deadline)
        try:
            yield
        finally:
            with self._guard:
                self._kept.remove(deadline)

    def close(self) -> None:
        """Look no more."""
        self._over.set()

    def _look_forever(self) -> None:
        while not self._over.wait(LOOK_S):
            now = time.monotonic()
            with self._guard:
                for one in self._kept:
                    if one.at <= now:
                        one.passed = True
                        one.cursor.interrupt()


class Store:
    """The DuckDB file of a data directory; opened by one process at a time.

    Parameters
    ----------
    home
        The data directory.
    limits
        Threads and memory (MB) of the database.
    """

    def __init__(self, home: Path, limits: Limits | None = None) -> None:
        self._home = home
        self._limits = limits or Limits()
        self._guard = threading.Lock()
        self._commits = 0
        self._touched = dict.fromkeys(EVERYTHING, 0)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._connection = self._open()
        self._deadlines = _Deadlines()
        self._writer = threading.Thread(target=self._write_forever, name="store-writer")
        self._writer.daemon = True
        self._writer.start()

    @property
    def inbox(self) -> Path:
        """The only folder the database may read and write besides its own file."""
        return self._home / "inbox"

    @property
    def version(self) -> int:
        """How many transactions this process has committed: what was read before is stale after."""
        return self._commits

    def version_of(self, topics: Topic) -> int:
        """Return another number after every transaction that may have changed any of topics."""
        return sum(self._touched[topic] for topic in topics)

    def _open(self) -> Cursor:
        self.inbox.mkdir(parents=True, exist_ok=True)
        spill = self._home / "spill"
        spill.mkdir(exist_ok=True)
        connection = duckdb.connect(
            str(self._home / FILE_NAME),
            config={
                "threads": self._limits.threads,
                "memory_limit": f"{self._limits.memory_mb}MB",
                "temp_directory": str(spill),
                "preserve_insertion_order": True,
            },
        )
        for statement in statements():
            connection.execute(statement)
        connection.execute(f"SET GLOBAL TimeZone = '{ZONE}'")
        connection.execute("SET GLOBAL allowed_directories = [" + _quoted(self.inbox) + "]")
        connection.execute("SET GLOBAL enable_external_access = false")
        connection.execute("SET GLOBAL lock_configuration = true")
        return connection

    def write(self, work: Callable[[Cursor], T], touches: Topic = EVERYTHING) -> T:
        """Run work in one transaction of the writer thread and return what it returns.

        Parameters
        ----------
        work
            Called with a cursor inside a transaction; an exception rolls it back.
        touches
            What it may change; who is not sure says nothing.

        Raises
        ------
        StoreError
            The disk is full or the file cannot be written; nothing was kept.
        """
        job = _Job(work, touches, Future(), copy_context())
        self._jobs.put(job)
        return cast(T, job.future.result())

    @contextmanager
    def read(self, timeout_s: float = 60.0) -> Iterator[Cursor]:
        """Yield a cursor that is interrupted after the given time, s."""
        with self._guard:
            cursor = self._connection.cursor()
        deadline = _Deadline(cursor, time.monotonic() + timeout_s)
        try:
            with self._deadlines.kept(deadline):
                yield cursor
        except duckdb.InterruptException as error:
            if deadline.passed:
                raise Interrupted(f"query stopped after {timeout_s:g} s") from error
            raise
        finally:
            cursor.close()

    def close(self) -> None:
        """Finish what is queued and close the file."""
        self._jobs.put(None)
        self._writer.join()
        self._deadlines.close()
        with self._guard:
            self._connection.close()

    def _write_forever(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job.future.set_result(job.context.run(self._in_transaction, job))
            except BaseException as error:
                job.future.set_exception(error)

    def _in_transaction(self, job: _Job) -> object:
        cursor = self._connection.cursor()
        try:
            cursor.execute("BEGIN")
            result = job.work(cursor)
            _keep_intent(cursor)
        except duckdb.FatalException as error:
            self._reopen()
            raise StoreError(_reason(error)) from error
        except duckdb.IOException as error:
            self._roll_back(cursor)
            raise StoreError(_reason(error)) from error
        except BaseException:
            self._roll_back(cursor)
            raise
        else:
            self._commit(cursor)
            self._commits += 1
            for topic in job.touches:
                self._touched[topic] += 1
            return result
        finally:
            cursor.close()

    def _commit(self, cursor: Cursor) -> None:
        """Commit; a commit that cannot be written leaves only what was there before."""
        try:
            cursor.execute("COMMIT")
        except (duckdb.FatalException, duckdb.TransactionException, duckdb.IOException) as error:
            self._reopen()
            raise StoreError(_reason(error)) from error

    def _roll_back(self, cursor: Cursor) -> None:
        """Roll back; a database that a full disk invalidated is opened anew."""
        try:
            cursor.execute("ROLLBACK")
        except duckdb.TransactionException:
            return  # the failed statement has already ended it
        except duckdb.FatalException:
            self._reopen()

    def _reopen(self) -> None:
        """Open the file again: after a fatal error DuckDB refuses even to read until then."""
        with self._guard:
            self._connection.close()
            self._connection = self._open()


def _keep_intent(cursor: Cursor) -> None:
    """Keep with the data which announced action they are of: after a stop it tells what was done.

    The announcement is in the audit trail, which is another database (see data/state/audit.py).
    """
    if intent := acting().intent:
        cursor.execute("INSERT INTO applied_intent VALUES (?) ON CONFLICT DO NOTHING", [intent])


def restart(cursor: Cursor) -> None:
    """Begin the transaction anew after a failed read; what it had written is gone."""
    cursor.execute("ROLLBACK")
    cursor.execute("BEGIN")


def insert(cursor: Cursor, table: str, frame: pd.DataFrame) -> None:
    """Append a frame whose columns are named as the table's; absent ones become null."""
    if frame.empty:
        return
    cursor.register("incoming_frame", frame)
    try:
        cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming_frame")
    finally:
        cursor.unregister("incoming_frame")


@contextmanager
def view(cursor: Cursor, name: str, frame: pd.DataFrame) -> Iterator[None]:
    """Let the cursor see a frame under a name for a while."""
    cursor.register(name, frame)
    try:
        yield
    finally:
        cursor.unregister(name)


def frame(
    cursor: Cursor, sql: str, values: list[object] | dict[str, object] | None = None
) -> pd.DataFrame:
    """Return a query's rows as a frame."""
    return cursor.execute(sql, values or []).df()


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0]
