"""Taking files in: inbox copy, validation, acknowledgement in the spool, rows in the store.

A file is acknowledged when its spool row is committed; loading it into the store afterwards is
idempotent by batch number, so a stop between the two loses and doubles nothing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from data.digest import copy_with_digest, file_digest
from data.engine import DiskFull, Engine
from data.ingest.kinds import KINDS
from data.ingest.loaders import Loaded, Request, load_records, load_site
from data.ingest.problems import Problem, Refused
from data.ingest.readings import load_readings
from data.spool import Batch
from data.state import acting, acts
from data.store import Cursor, StoreError, Topic
from translations import text

SITE_KIND = "site"
ALL_KINDS = (SITE_KIND, *KINDS)
MAX_FILE_BYTES = 4 << 30


@dataclass(frozen=True)
class Options:
    """How files are taken in."""

    site: str = ""
    dry_run: bool = False
    accept_good: bool = False
    actor: str = ""


@dataclass(frozen=True)
class Receipt:
    """What became of one file.

    Parameters
    ----------
    file, kind
        The file's name and what it holds.
    batch
        Its number in the store, 0 for a dry run.
    new_rows, same_rows, corrections, left_out
        Rows new to the store, already known, correcting earlier ones, and refused.
    seen_at
        When the same content came before, empty if never.
    notes
        Warnings and remarks in the user's language.
    """

    file: str
    kind: str
    batch: int = 0
    new_rows: int = 0
    same_rows: int = 0
    corrections: int = 0
    left_out: int = 0
    seen_at: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)


def import_file(engine: Engine, kind: str, path: Path, options: Options) -> Receipt:
    """Take one file in, whole or not at all (CONTRACT §2).

    Parameters
    ----------
    engine
        The opened data directory.
    kind
        One of ALL_KINDS.
    path
        The file.
    options
        The site, whether to try only, whether to leave bad rows out.

    Returns
    -------
    Receipt
        Counts of rows; the same file twice changes nothing.

    Raises
    ------
    Refused
        Rows cannot be taken; nothing was.
    DiskFull
        There is no room; nothing was taken.
    """
    size = _size(engine, path)
    engine.require_space(3 * size)
    folder = Path(mkdtemp(prefix=".part-", dir=engine.store.inbox))
    part = folder / path.name
    try:
        return _taken(engine, kind, path, part, options)
    except (StoreError, OSError, sqlite3.OperationalError) as error:
        if not _is_full(error):
            raise
        raise DiskFull(_disk_full(engine)) from error
    finally:
        rmtree(folder)


def _taken(engine: Engine, kind: str, path: Path, part: Path, options: Options) -> Receipt:
    digest = copy_with_digest(path, part)
    before = engine.spool.known(kind, options.site, digest)
    again = before.seq if before is not None and is_revoked(engine, before.seq) else 0
    if before is not None and not again:
        seen = before.received_at.astimezone().isoformat(timespec="seconds")
        return Receipt(path.name, kind, before.seq, seen_at=seen)
    batch = Batch(
        kind=kind,
        site=options.site,
        source=path.name,
        digest=digest,
        path=f"{digest}-{kind}{path.suffix.lower()}",
        accept_good=options.accept_good,
        actor=options.actor,
        received_at=datetime.now(UTC),
        intent=acting().intent,
    )
    kept = engine.store.inbox / batch.path
    request = _request(engine, batch, part)

    def acknowledge() -> int:
        part.replace(kept)
        _to_disk(kept)
        return engine.spool.add(batch, again)

    if options.dry_run:
        loaded = _tried(engine, request)
        return _receipt(path.name, kind, 0, loaded)
    seq, loaded = engine.store.write(partial(_loaded, request, acknowledge), _touched(kind))
    engine.spool.mark_drained(seq)
    return _receipt(path.name, kind, seq, loaded)


def _receipt(name: str, kind: str, seq: int, loaded: Loaded) -> Receipt:
    return Receipt(
        name,
        kind,
        seq,
        loaded.new_rows,
        loaded.same_rows,
        loaded.corrections,
        loaded.left_out,
        notes=loaded.notes,
    )


def is_revoked(engine: Engine, batch: int) -> bool:
    """Tell whether a batch was revoked."""
    with engine.store.read() as cursor:
        sql = "SELECT 1 FROM revoked_batch WHERE batch = ?"
        return cursor.execute(sql, [batch]).fetchone() is not None


class _DryRun(Exception):
    """Carries what a dry run found out of the transaction that is rolled back."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__()
        self.loaded = loaded


def _tried(engine: Engine, request: Request) -> Loaded:
    """Load into a transaction that is rolled back, and return what would have happened."""

    def attempt(cursor: Cursor) -> None:
        raise _DryRun(_loader(request)(cursor, request, lambda: 0))

    try:
        engine.store.write(attempt)
    except _DryRun as tried:
        return tried.loaded
    raise AssertionError("a dry run always ends in its own exception")


def loaded_into(
    engine: Engine, cursor: Cursor, kind: str, path: Path, options: Options, number: int
) -> Loaded:
    """Load a file under a number into a transaction that the caller will roll back."""
    digest = file_digest(path)
    batch = Batch(kind, options.site, path.name, digest, "", options.accept_good, options.actor,
                  datetime.now(UTC))  # fmt: skip
    request = _request(engine, batch, path)
    return _loader(request)(cursor, request, lambda: number)


def _loader(request: Request) -> Callable[[Cursor, Request, Callable[[], int]], Loaded]:
    if request.kind == SITE_KIND:
        return load_site
    return load_readings if request.kind == "readings" else load_records


def _touched(kind: str) -> Topic:
    return Topic.READINGS if kind == "readings" else Topic.READINGS | Topic.RECORDS


def _loaded(request: Request, acknowledge: Callable[[], int], cursor: Cursor) -> tuple[int, Loaded]:
    loaded = _loader(request)(cursor, request, acknowledge)
    return loaded.batch, loaded


def _request(engine: Engine, batch: Batch, path: Path) -> Request:
    return Request(
        kind=batch.kind,
        site=batch.site,
        path=path,
        file_name=batch.source,
        digest=batch.digest,
        accept_good=batch.accept_good,
        received_at=batch.received_at,
        language=engine.language,
        vehicle_classes=frozenset(
            name for name, row in engine.library.rows.items() if row.category == "transport"
        ),
    )


def drain(engine: Engine) -> int:
    """Load what was acknowledged and is not yet in the store; return how many batches.

    Raises
    ------
    StoreError
        The disk is full; the batches stay acknowledged and wait.
    """
    waiting = engine.spool.waiting()
    for batch in waiting:
        load_batch(engine, batch)
    return len(waiting)


def load_batch(engine: Engine, batch: Batch) -> None:
    """Load an acknowledged file unless it is in the store, and note that it is.

    Raises
    ------
    StoreError
        The store cannot be written; the file waits.
    """
    with engine.store.read() as cursor:
        row = cursor.execute("SELECT 1 FROM batch WHERE batch = ?", [batch.seq]).fetchone()
    if row is None:
        request = _request(engine, batch, engine.store.inbox / batch.path)
        with acts(replace(acting(), intent=batch.intent)):
            write = partial(_loaded, request, partial(int, batch.seq))
            engine.store.write(write, _touched(batch.kind))
    engine.spool.mark_drained(batch.seq)


def _size(engine: Engine, path: Path) -> int:
    def refused(reason: str, remedy: str) -> Refused:
        return Refused((Problem(path.name, None, None, str(path), reason, remedy),))

    language = engine.language
    if not path.is_file():
        raise refused(text("找不到这个文件", language), text("请检查路径", language))
    size = path.stat().st_size
    if size == 0:
        raise refused(text("文件是空的", language), text("请导出后重试", language))
    if size > MAX_FILE_BYTES:
        raise refused(text("文件超过 4 GB", language), text("请按月拆分", language))
    return size


def _to_disk(path: Path) -> None:
    """Make sure that a file and its name survive a power cut before it is acknowledged."""
    for target, flags in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        handle = os.open(target, flags)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_full(error: Exception) -> bool:
    words = str(error).lower()
    return "no space left" in words or "disk is full" in words or "database or disk" in words


def _disk_full(engine: Engine) -> str:
    if engine.spool.waiting():
        return text(
            "磁盘已满：文件已收下但尚未入库；腾出空间后，下一条写入命令会先把它入库",
            engine.language,
        )
    return text("磁盘已满：已确认的数据都在，这个文件没有导入；请清理磁盘后重试", engine.language)
