"""Files that a drop folder brought: copied and committed first, imported later, then answered.

The collector takes a file in (``Drops.take``); the process that owns the store imports it
(``data/drop_load.py``); the collector reads what came of it and puts the file where people look.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from data.digest import copy_with_digest
from data.pushes import us
from data.spool_file import SpoolFile

FOLDER = "dropped"
WAITING, DONE, KNOWN, REFUSED, TOLD = "waiting", "done", "known", "refused", "told"
TRAILER = re.compile(rb"#END,\s*(\d+)\s*$")
_TAIL = 4096


@dataclass(frozen=True)
class Drop:
    """A file as it waits, or as it was answered.

    Parameters
    ----------
    seq, interface
        Its number; which drop folder brought it.
    kind, site, accept_good
        As which kind of file, for which site, and whether bad rows are left out.
    name, digest
        Its name as it came, and the SM3 of its bytes.
    state, detail
        ``waiting``, ``done``, ``known`` (came before), ``refused``, or ``told`` once whoever put
        it there was told; the answer in words.
    """

    seq: int
    interface: str
    kind: str
    site: str
    name: str
    digest: str
    accept_good: bool
    state: str
    detail: str


class Drops:
    """The dropped files of a data directory."""

    def __init__(self, file: SpoolFile) -> None:
        self._file = file

    def take(self, drop: Drop, source: Path, at: datetime) -> Drop:
        """Copy a file and commit it; return it, or the same content as it came before."""
        known = self.find(drop.interface, drop.kind, drop.digest)
        if known is not None:
            return known
        folder = self._file.home / FOLDER / drop.digest
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / ".part"
        if copy_with_digest(source, part) != drop.digest:
            raise OSError("the file has changed while it was read")
        cut_trailer(part)
        part.replace(folder / drop.name)
        _to_disk(folder / drop.name)
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO dropped(interface, kind, site, name, digest, accept_good, taken_us, "
                "state, detail) VALUES(?, ?, ?, ?, ?, ?, ?, 'waiting', '')",
                (drop.interface, drop.kind, drop.site, drop.name, drop.digest, drop.accept_good,
                 us(at)),
            )  # fmt: skip
        return self.find(drop.interface, drop.kind, drop.digest) or drop

    def find(self, interface: str, kind: str, digest: str) -> Drop | None:
        """Return a file by its content."""
        found = self._rows("interface = ? AND kind = ? AND digest = ?", interface, kind, digest)
        return found[0] if found else None

    def waiting(self) -> list[Drop]:
        """Return what is not imported yet, oldest first."""
        return self._rows("state = 'waiting'")

    def path(self, drop: Drop) -> Path:
        """Return the copy of a file."""
        return self._file.home / FOLDER / drop.digest / drop.name

    def conclude(self, drop: Drop, state: str, detail: str, at: datetime) -> None:
        """Note what came of a file and remove its copy."""
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE dropped SET state = ?, detail = ?, done_us = ? WHERE seq = ?",
                (state, detail, us(at), drop.seq),
            )
        shutil.rmtree(self.path(drop).parent, ignore_errors=True)

    def answered(self, drop: Drop) -> None:
        """Note that the answer was read.

        A refused content may come again: what it was refused for may have been put right.
        """
        with self._file.transaction() as connection:
            if drop.state == REFUSED:
                connection.execute("DELETE FROM dropped WHERE seq = ?", (drop.seq,))
            else:
                connection.execute("UPDATE dropped SET state = 'told' WHERE seq = ?", (drop.seq,))

    def _rows(self, where: str, *values: object) -> list[Drop]:
        rows = self._file.select(
            "SELECT seq, interface, kind, site, name, digest, accept_good, state, detail "
            f"FROM dropped WHERE {where} ORDER BY seq",
            *values,
        )
        return [
            Drop(seq, interface, kind, site, name, digest, bool(good), state, detail)
            for seq, interface, kind, site, name, digest, good, state, detail in rows
        ]


def trailer(path: Path) -> tuple[int, int] | None:
    """Return where a file's last line ``#END,<rows>`` begins and how many rows it says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    found = TRAILER.search(tail.rstrip())
    return None if found is None else (size - len(tail) + found.start(), int(found[1]))


def cut_trailer(path: Path) -> None:
    """Remove the last line that says how many rows a file has."""
    found = trailer(path)
    if found is not None:
        with path.open("r+b") as file:
            file.truncate(found[0])


def _to_disk(path: Path) -> None:
    for target, flags in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        handle = os.open(target, flags)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
