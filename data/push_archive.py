"""Batches that have been in the store for long: moved to a file of their month, and read back."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from data.pushes import OF_GROUP, Push, moment, pushes_from, us
from data.spool_file import SpoolFile

KEPT = timedelta(days=40)
MOST_MOVED = 20_000  # batches at once
_COLUMNS = (
    "seq", "interface", "version", "key", "digest", "payload", "source_seq", "stamped",
    "sent_us", "backlog", "received_us", "batch", "drained_us",
)  # fmt: skip
_READ = ", ".join("CAST(payload AS TEXT)" if c == "payload" else c for c in _COLUMNS)


def prune(file: SpoolFile, at: datetime, archive: Path) -> None:
    """Move what has been in the store for long out of the spool, into a file of its month.

    How long each file is by then is committed with the removal from the spool: what a stop left
    half-written behind it is cut off before more is written.

    Parameters
    ----------
    file
        The spool.
    at
        Now, UTC.
    archive
        The folder of the files.
    """
    old = file.select(
        f"SELECT {_READ} FROM pushed WHERE drained_us < ? ORDER BY seq LIMIT ?",
        us(at - KEPT), MOST_MOVED,
    )  # fmt: skip
    by_month: dict[str, list[dict[str, object]]] = {}
    for row in old:
        one = dict(zip(_COLUMNS, row, strict=True))
        by_month.setdefault(f"{moment(one['received_us']):%Y-%m}", []).append(one)
    known = _lengths(file)
    sizes = []
    for month, rows in by_month.items():
        name = f"arrivals-{month}.jsonl.gz"
        body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        sizes.append((name, _appended(archive / name, known.get(name, 0), body.encode())))
    with file.transaction() as connection:
        connection.executemany("INSERT OR REPLACE INTO archive VALUES(?, ?)", sizes)
        connection.executemany("DELETE FROM pushed WHERE seq = ?", [row[:1] for row in old])


def _lengths(file: SpoolFile) -> dict[str, int]:
    return dict(file.select("SELECT name, bytes FROM archive"))


def _appended(path: Path, length: int, body: bytes) -> int:
    """Write after the first ``length`` bytes of a file and return how long it is then."""
    with path.open("ab") as file:
        file.truncate(length)
        file.write(gzip.compress(body))
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


@contextmanager
def loaded_groups(file: SpoolFile, archive: Path) -> Iterator[Callable[[int], list[Push]]]:
    """Give what was loaded under a number, from the spool or from the files of months.

    Parameters
    ----------
    file
        The spool.
    archive
        The folder of the files.

    Yields
    ------
    callable
        Number to batches, in the order in which they came; none for what was not loaded.
    """
    loaded = OF_GROUP.format("NOT")
    with (
        TemporaryDirectory(prefix=".arrivals-", dir=archive) as folder,
        closing(sqlite3.connect(Path(folder) / "arrivals.db")) as kept,
    ):
        names = ", ".join(_COLUMNS)
        kept.execute(f"CREATE TABLE pushed({names})")
        for name, length in _lengths(file).items():
            with (archive / name).open("rb") as raw:
                _unpacked(kept, gzip.decompress(raw.read(length)))
        kept.execute("CREATE INDEX pushed_batch ON pushed(batch)")

        def of_number(number: int) -> list[Push]:
            rows = kept.execute(loaded, (number,)).fetchall() + file.select(loaded, number)
            return pushes_from(sorted(rows))

        yield of_number


def _cell(name: str, value: object) -> object:
    return str(value).encode() if name == "payload" else value  # what its digest is of


def _unpacked(kept: sqlite3.Connection, body: bytes) -> None:
    marks = ", ".join("?" * len(_COLUMNS))
    rows = (json.loads(line) for line in body.splitlines())
    kept.executemany(
        f"INSERT INTO pushed VALUES({marks})",
        ([_cell(name, row[name]) for name in _COLUMNS] for row in rows),
    )
    kept.commit()
