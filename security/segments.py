"""Finished months of the trail, sealed: made once, never made again, never deleted (9.6.2).

A segment is an envelope for the offline key (GME1) with a signature beside it, in
``CARBON_HOME/audit``. The live table keeps its records all the same.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from data.state import Entry, Record, State
from data.state.audit_search import AuditSearch, Sought
from security.audit_export import Keyring, Range, lines
from security.notary import GRAVEST, alarm, local
from security.sealed import file_signature, seal
from security.sm import sm3_stream

FOLDER = "audit"


class Sealing(Keyring, Protocol):
    """What signs, and for whom is sealed: ``security.keys.Keys``."""

    def envelope_public(self) -> bytes:
        """Return the public key that is sealed for."""


@dataclass(frozen=True)
class Segment:
    """A sealed month: its records and the digest of its file, as recorded."""

    month: str
    first: int
    last: int
    digest: str


def segments(state: State) -> list[Segment]:
    """Return the segments that were sealed, oldest first.

    Parameters
    ----------
    state
        Whose trail.

    Returns
    -------
    list of Segment
        As their records say.
    """
    sought = Sought(event="audit.seal", outcome="success")
    found = (_segment(record) for record in AuditSearch(state.engine).each(sought))
    return [segment for segment in found if segment is not None]


def _segment(record: Record) -> Segment | None:
    """Return the segment that a record tells of; None where it tells of none."""
    try:
        said = json.loads(record.description)
        return Segment(record.object, int(said["first"]), int(said["last"]), record.after)
    except (KeyError, TypeError, ValueError):  # one bad record must not stop the sealing of others
        return None


def seal_finished(home: Path, state: State, keys: Sealing, at: datetime) -> list[Segment]:
    """Seal every month that is over and not sealed yet; return what was sealed now.

    Parameters
    ----------
    home
        The data directory.
    state
        Whose trail.
    keys
        What signs, and for whom is sealed.
    at
        Now.

    Returns
    -------
    list of Segment
        Empty where all is sealed.

    Raises
    ------
    OSError
        It cannot be written; it is tried again the next time.
    """
    made = []
    done = segments(state)
    search, now = AuditSearch(state.engine), f"{local(at):%Y-%m}"
    after = done[-1].last if done else 0
    size, _ = state.audit.head()  # what sealing itself records waits for the next time
    while after < size and (record := next(state.audit.records(after, 1))).at[:7] < now:
        month = record.at[:7]
        later, _ = search.span(Sought(first=_next(month) + "-01"), after)
        # By number, not by time: where a clock went ahead and back, the rest is the next month's.
        last = later - 1 if later else size
        made.append(_sealed(home / FOLDER, state, keys, month, Range(after + 1, last), at))
        after = last
    return made


def missing(home: Path, state: State) -> list[str]:
    """Return the months whose sealed file is gone or another one, alarmed.

    Parameters
    ----------
    home
        The data directory.
    state
        Whose trail.

    Returns
    -------
    list of str
        Empty where all is as it was recorded.
    """
    found = []
    for segment in segments(state):
        if _digest(home / FOLDER / _name(segment.month, segment.first)) != segment.digest:
            found.append(segment.month)
            alarm(state, "segment_lost", segment.month, GRAVEST)
    return found


def _sealed(
    folder: Path, state: State, keys: Sealing, month: str, wanted: Range, at: datetime
) -> Segment:
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / _name(month, wanted.first)
    if not path.exists():  # one that a stop left unrecorded is recorded as it is
        aad = f"audit|{month}|{local(at).isoformat('T', 'seconds')}|{wanted.first}-{wanted.last}"
        _write(path, _Lines(lines(state, keys, wanted, at)), keys, aad)
    made = Segment(month, wanted.first, wanted.last, _digest(path))
    said = json.dumps({"first": made.first, "last": made.last, "file": path.name})
    state.audit.record(Entry("audit.seal", month, said, after=made.digest))
    return made


def _write(path: Path, reader: _Lines, keys: Sealing, aad: str) -> None:
    """Put the signature in place first: where the file is, it is signed."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o400)
    with os.fdopen(descriptor, "w+b") as file:
        seal(reader, file, keys.envelope_public(), aad)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        signature = file_signature(file, keys.sign)
    path.with_name(path.name + ".sig").write_text(signature, encoding="ascii")
    part.replace(path)


class _Lines(io.RawIOBase):
    """Lines as a file to read from, made as they are read."""

    def __init__(self, found: Iterator[str]) -> None:
        self._found = found
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        """Return some bytes; none at the end."""
        while not self._left:
            line = next(self._found, None)
            if line is None:
                return b""
            self._left = f"{line}\n".encode()
        found, self._left = self._left[:size], self._left[size:]
        return found


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return sm3_stream(file).hex()
    except OSError:
        return ""


def _name(month: str, first: int) -> str:
    return f"{month}-{first}.gme"


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"
