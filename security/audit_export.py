"""The trail as files that are verified elsewhere: signed JSON lines, a table, sealed months.

``verify_audit.py`` says what the lines hold (T/CASMES 615 9.5.4, 9.6.2).
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from data.state import Record, State
from data.state.audit import FIELDS, GENESIS
from security import verify_audit
from security.notary import Signer, line_of, local
from security.sealed import file_signature

FORMAT = "ccms-audit-export 1"
BOM = "\ufeff"
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|")


class Keyring(Signer, Protocol):
    """What signs, verifies, and gives its public halves: ``security.keys.Keys``."""

    @property
    def signing_kid(self) -> str:
        """The id of the key that signs now."""

    def public(self, kid: str) -> bytes:
        """Return a public key."""


@dataclass(frozen=True)
class Range:
    """Records from one number to another."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


def lines(state: State, keys: Keyring, wanted: Range, at: datetime) -> Iterator[str]:
    """Yield a part of the trail as lines: a header, the checkpoints, the records.

    Parameters
    ----------
    state
        Whose trail.
    keys
        Whose public halves go into the header.
    wanted
        From which record to which.
    at
        When it is made.

    Returns
    -------
    iterator of str
        Without their ends.
    """
    checkpoints = state.checkpoints.all()
    kids = dict.fromkeys((*(one.kid for one in checkpoints), keys.signing_kid))
    size, _ = state.audit.head()
    before = next(state.audit.records(wanted.first - 2, 1)).hash if wanted.first > 1 else GENESIS
    last = next(state.audit.records(wanted.last - 1, 1), None)
    header = {
        "kind": "header", "format": FORMAT, "installation": state.audit.begin(),
        "first": wanted.first, "last": wanted.last, "size": size, "before": before.hex(),
        "head": (last.hash if last else GENESIS).hex(),
        "made_at": local(at).isoformat("T", "seconds"),
        "keys": {kid: keys.public(kid).hex() for kid in kids},
    }  # fmt: skip
    yield json.dumps(header)
    since = 0 if wanted.first == 1 else wanted.first
    yield from (line_of(one) for one in checkpoints if since <= one.size <= wanted.last)
    for row in state.audit.rows(wanted.first - 1, wanted.last):
        values = dict(zip(FIELDS, row, strict=True))
        body = {"kind": "record"} | values | {"prev": row[-2].hex(), "hash": row[-1].hex()}
        yield json.dumps(body, ensure_ascii=False)


def write(path: Path, found: Iterable[str], keys: Signer) -> None:
    """Write lines to a file and a signature beside it, ``.sig``.

    Parameters
    ----------
    path
        The file; one that is there is replaced.
    found
        The lines.
    keys
        What signs.

    Raises
    ------
    OSError
        It cannot be written.
    """
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in found)
    with part.open("rb") as file:
        signature = file_signature(file, keys.sign)
    path.with_name(path.name + ".sig").write_text(signature, encoding="ascii")
    part.replace(path)


def safe(cell: str) -> str:
    """Return a cell that a spreadsheet takes as text: a formula is never run.

    Parameters
    ----------
    cell
        As it was recorded.

    Returns
    -------
    str
        With an apostrophe before what would begin a formula.
    """
    return f"'{cell}" if cell.lstrip(" ")[:1] in _STARTS and cell.strip() else cell


def table(records: Iterable[Record]) -> Iterator[list[str]]:
    """Yield records as the rows of a table, the names of the fields first.

    Parameters
    ----------
    records
        Oldest first.

    Returns
    -------
    iterator of list of str
        Safe for a spreadsheet.
    """
    yield list(FIELDS)
    for record in records:
        values = (getattr(record, name) for name in FIELDS)
        yield [v.hex() if isinstance(v, bytes) else safe(v) if isinstance(v, str) else str(v)
               for v in values]  # fmt: skip


def write_table(path: Path, records: Iterable[Record]) -> None:
    """Write records as CSV that a spreadsheet opens.

    Parameters
    ----------
    path
        The file; one that is there is replaced.
    records
        Oldest first.

    Raises
    ------
    OSError
        It cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(BOM)
        csv.writer(file, lineterminator="\r\n").writerows(table(records))


def put_verifier(folder: Path) -> Path:
    """Put the file that verifies exports into a folder and return where it is.

    Parameters
    ----------
    folder
        Where the export is.

    Returns
    -------
    Path
        ``verify_audit.py``; it needs nothing else of the product.
    """
    source = Path(verify_audit.__file__)
    target = folder / source.name
    shutil.copyfile(source, target)
    return target
