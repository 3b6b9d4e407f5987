"""How far a view has been read: the cursor on the disk, and the rows of the overlap in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from data.connectors.base import LinkError
from data.connectors.sql_rows import Row, RowError, cursor, digest, dumped
from settings import Settings

FOLDER = "cursors"
_REMEMBERED = 200_000


@dataclass(frozen=True)
class CursorFile:
    """Where reading stopped, in the data directory.

    Parameters
    ----------
    name
        The file's name.
    """

    name: str

    @property
    def _path(self) -> Path:
        return Settings().home / FOLDER / self.name

    def kept(self) -> object | None:
        """Return the newest change that was read, None before the first round."""
        try:
            return cursor(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None  # from the beginning; nothing counts twice

    def keep(self, newest: object, now: object) -> None:
        """Keep how far reading is; a row dated in the future must not hide those before it.

        Raises
        ------
        LinkError
            Nobody can go on from a cursor of this type.
        """
        if isinstance(newest, datetime) and isinstance(now, datetime):
            newest = min(newest, now)
        try:
            words = dumped(newest)
        except RowError as error:
            raise LinkError(error.reason) from error
        path = self._path
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            file.write(words)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)  # noqa: PTH105 (the name says that it is atomic)


@dataclass
class Seen:
    """Rows of the overlap that were taken already; forgotten all together when too many."""

    rows: set[str] = field(default_factory=set)

    def fresh(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that were not taken as they are."""
        return [row for row in rows if digest(row) not in self.rows]

    def add(self, rows: Sequence[Row]) -> None:
        """Remember rows as taken."""
        if len(self.rows) > _REMEMBERED:
            self.rows.clear()
        self.rows |= {digest(row) for row in rows}
