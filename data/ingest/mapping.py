"""Which column of a file is which: guessed from its header, corrected by whoever brings it."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path

from data.ingest.cells import plain
from data.ingest.columns import Column, Kind
from data.ingest.headers import HEADER_WITHIN, Header, find_header, folded, header_at
from data.ingest.kinds import KINDS
from data.ingest.sources import MAX_COLUMNS, check_size, encoding_of, sheets, too_wide

ALIKE = 0.7
SAMPLES = 3
KNOWN, REMEMBERED, GUESSED, CHOSEN = "known", "remembered", "guessed", "chosen"
_DIGITS = re.compile(r"[-+]?[0-9][0-9,.:/ T-]*")
_BRACKETS = re.compile(r"\s*[(\[].*[)\]]$", re.DOTALL)


@dataclass(frozen=True)
class Head:
    """A file's first rows as they stand.

    Parameters
    ----------
    encoding, delimiter
        Of a text; empty for a workbook.
    sheet
        Place of the sheet that is read, counted from 0.
    rows
        Cells from the first row on.
    """

    encoding: str
    delimiter: str
    sheet: int
    rows: tuple[tuple[object, ...], ...]


@dataclass(frozen=True)
class Match:
    """A column of the file: its title, first values, what it is taken for, and by what."""

    title: str
    samples: tuple[str, ...]
    name: str = ""
    by: str = ""


@dataclass(frozen=True)
class Matches:
    """What the columns of a file are taken for; ``row`` is the header's last row, from 1."""

    row: int
    columns: tuple[Match, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The column of the kind that each column of the file is; empty where none."""
        return tuple(column.name for column in self.columns)

    def missing(self, kind: Kind) -> list[Column]:
        """Return the required columns that nothing is taken for; the site may be given apart."""
        return [c for c in kind.columns
                if c.required and c.name not in self.names and c.name != "site"]  # fmt: skip

    def doubtful(self) -> bool:
        """Tell whether somebody should look: a column is a guess, or less than half are taken."""
        titled = [column for column in self.columns if column.title]
        taken = [column for column in titled if column.name]
        return 2 * len(taken) < len(titled) or any(one.by == GUESSED for one in taken)

    def plain(self) -> bool:
        """Tell whether the importer takes every column for the same by itself."""
        return all(column.by in ("", KNOWN) for column in self.columns)


def head_of(path: Path, language: str, max_bytes: int) -> Head:
    """Return a file's first rows.

    Raises
    ------
    Refused
        It cannot be read as a table of cells.
    """
    found = check_size(path, max_bytes, language)
    if found == "text":
        encoding = encoding_of(path, language)
        with path.open(encoding=encoding, newline="") as file:
            lines = list(islice(file, HEADER_WITHIN + SAMPLES + 20))
        parted = {mark: _parted(lines, mark) for mark in ",;\t"}
        mark = max(parted, key=lambda one: sum(len(row) > 1 for row in parted[one]))
        widest = max((len(row) for row in parted[mark]), default=0)
        if widest > MAX_COLUMNS:
            raise too_wide(path, language)
        return Head(encoding, mark, 0, parted[mark])
    best = Head("", "", 0, ())
    for place, rows in enumerate(sheets(path, found, language)):
        head = Head("", "", place, tuple(map(tuple, rows[: HEADER_WITHIN + SAMPLES + 20])))
        if any(find_header(kind, head.rows) for kind in KINDS.values()):
            return head
        if not best.rows and any(_said(row) > 1 for row in head.rows):
            best = head
    return best


def _parted(lines: Sequence[str], mark: str) -> tuple[tuple[str, ...], ...]:
    try:
        return tuple(map(tuple, csv.reader(lines, delimiter=mark)))
    except csv.Error:
        return ()


def _said(row: Sequence[object]) -> int:
    return sum(cell is not None and plain(cell) != "" for cell in row)


def guessed_kind(head: Head) -> str:
    """Return the kind whose columns the header names best; empty where none fits.

    A kind is better when more of its required columns are there, then when more of the file's
    columns are read.
    """
    scores: dict[str, tuple[float, int, int]] = {}
    for name, kind in KINDS.items():
        header = find_header(kind, head.rows)
        if header is None:
            continue
        named = {title.column.name for title in header.titles if title}
        required = [c.name for c in kind.columns if c.required and c.name != "site"]
        share = sum(one in named for one in required) / max(len(required), 1)
        scores[name] = (share, header.known(), -len(kind.columns))
    return max(scores, key=lambda name: scores[name]) if scores else ""


def matched(head: Head, kind: Kind, remembered: Mapping[str, str]) -> Matches:
    """Return what the columns of a file are taken for.

    Parameters
    ----------
    head, kind
        The file and what it holds.
    remembered
        Folded title to column: what the same sender's columns were taken for before.

    Returns
    -------
    Matches
        A column is taken for one column only, and one column by one only.
    """
    header = find_header(kind, head.rows) or _unnamed(head, kind)
    if header is None:
        return Matches(0, ())
    names: list[tuple[str, str]] = []
    for cell, title in zip(header.cells, header.titles, strict=True):
        before = remembered.get(folded(cell), "") if cell else ""
        if before and any(column.name == before for column in kind.columns):
            names.append((before, REMEMBERED))
        else:
            names.append((title.column.name, KNOWN) if title else ("", ""))
    names = _once(names)
    taken = {name for name, _ in names}
    free = [column for column in kind.columns if column.name not in taken]
    for place, cell in enumerate(header.cells):
        if not names[place][0] and cell and (likely := _likely(cell, free)) is not None:
            names[place] = (likely.name, GUESSED)
            free.remove(likely)
    below = head.rows[header.row : header.row + SAMPLES]
    columns = tuple(
        Match(cell, tuple(_shown(row, place) for row in below), *names[place])
        for place, cell in enumerate(header.cells)
    )
    return Matches(header.row, columns)


def _once(names: list[tuple[str, str]]) -> list[tuple[str, str]]:
    seen: set[str] = set()
    found = []
    for name, by in sorted(names, key=lambda one: one[1] != REMEMBERED):
        found.append(("", "") if name in seen else (name, by))
        seen |= {name} - {""}
    order = sorted(range(len(names)), key=lambda n: names[n][1] != REMEMBERED)
    return [found[order.index(place)] for place in range(len(names))]


def _shown(row: Sequence[object], place: int) -> str:
    cell = row[place] if place < len(row) else None
    return "" if cell is None else plain(cell)[:40]


def _unnamed(head: Head, kind: Kind) -> Header | None:
    """Return the first row of several words, none of which is a number."""
    for number, row in enumerate(head.rows[:HEADER_WITHIN], start=1):
        cells = tuple(plain("" if cell is None else cell) for cell in row)
        words = [cell for cell in cells if cell]
        if len(words) > 1 and not any(_DIGITS.fullmatch(word) for word in words):
            return header_at(kind, number, row)
    return None


def _likely(cell: str, free: Sequence[Column]) -> Column | None:
    words = folded(_BRACKETS.sub("", plain(cell)))
    best: tuple[float, Column | None] = (ALIKE, None)
    for column in free:
        for title in (column.name, column.zh, *column.aliases):
            known = folded(title)
            inside = len(known) > 1 and known in words
            score = 0.9 if inside else SequenceMatcher(None, words, known).ratio()
            if words and score > best[0]:
                best = (score, column)
    return best[1]


def chosen(matches: Matches, place: int, name: str) -> Matches:
    """Return the matches with a column taken for another; whatever had that one is free again."""
    columns = [
        Match(one.title, one.samples, name, CHOSEN if name else "")
        if at == place
        else Match(one.title, one.samples) if name and one.name == name else one
        for at, one in enumerate(matches.columns)
    ]  # fmt: skip
    return Matches(matches.row, tuple(columns))
