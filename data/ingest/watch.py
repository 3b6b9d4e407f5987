"""How far a file has been read and checked, and a way to stop it half-way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
EVERY = 256  # rows between two looks whether to go on


class Stopped(Exception):
    """Nobody waits for the file any more."""


class Watch:
    """Counts the rows of one file while another thread looks on.

    Attributes
    ----------
    total
        Lines of the file, then its rows of data; 0 while it is not known.
    read, checked
        Rows that were read; rows whose cells were checked.
    in_parts
        Whether rows are checked while later ones are not read yet.
    stopped
        Whether nobody waits any more.
    """

    def __init__(self) -> None:
        self.total = self.read = self.checked = 0
        self.in_parts = self.stopped = False

    def stop(self) -> None:
        """Let the work end at its next look."""
        self.stopped = True

    def look(self) -> None:
        """Raise Stopped where nobody waits any more."""
        if self.stopped:
            raise Stopped

    def reading(self, rows: Iterable[T], total: int) -> Iterator[T]:
        """Yield rows as they are read."""
        self.total = total
        for self.read, row in enumerate(rows, 1):
            if not self.read % EVERY:
                self.look()
            yield row

    def checking(self, rows: Sequence[T]) -> Iterator[T]:
        """Yield rows as they are checked."""
        self.total = len(rows)
        for self.checked, row in enumerate(rows, 1):
            if not self.checked % EVERY:
                self.look()
            yield row
        self.look()
