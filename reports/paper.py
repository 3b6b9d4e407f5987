"""A document as data: the same paper becomes PDF, Word and HTML."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

LEAST_WIDTH, MOST_WIDTH = 7, 34  # of a column, in letters
MOST_UPRIGHT = 9  # columns on a page that stands


@dataclass(frozen=True)
class Table:
    """A table: what stands above it, its head, its rows; a wide one lies on a page of its own."""

    name: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """An item: its letter, its name in both languages, paragraphs and then tables."""

    letter: str
    title: str
    second: str
    words: tuple[str, ...]
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Paper:
    """A document.

    Parameters
    ----------
    title, second, subtitle
        Its name, the same in the second language, what it is about.
    mark
        Of demonstration data; empty for a plant that is real.
    facts
        Name and value, above everything else.
    sections
        The items of the standard.
    closing
        Tables after the items: changes, signatures.
    foot
        What stands at the foot of every page.
    as_of
        The time of the newest fact it states, UTC: the same facts make the same bytes.
    language
        zh or en.
    """

    title: str
    second: str
    subtitle: str
    mark: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    closing: tuple[Table, ...]
    foot: str
    as_of: datetime
    language: str = "zh"


def plain(paper: Paper) -> dict[str, Any]:
    """Return a paper as JSON can hold it, with the widths of its columns."""
    body = asdict(paper)
    body["as_of"] = paper.as_of.isoformat()
    body["facts"] = [list(one) for one in paper.facts]
    for section, found in zip(body["sections"], paper.sections, strict=True):
        section["tables"] = [_table(table) for table in found.tables]
    body["closing"] = [_table(table) for table in paper.closing]
    return body


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name, "head": list(table.head), "rows": [list(row) for row in table.rows],
        "wide": table.wide, "widths": widths(table),
    }  # fmt: skip


def widths(table: Table) -> list[int]:
    """Return how wide each column is beside the others, by its longest cell."""
    found = []
    for column in zip(table.head, *table.rows, strict=True):
        longest = max(_letters(cell) for cell in column)
        found.append(min(MOST_WIDTH, max(LEAST_WIDTH, longest)))
    return found


def _letters(words: str) -> int:
    """Return how much room words take: a Chinese sign as much as two letters."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in words)


def without_empty(head: Sequence[str], rows: Sequence[Sequence[str]], kept: int = 1) -> Table:
    """Return a wide table without the columns in which no row says anything."""
    shown = [at for at in range(len(head)) if at < kept or any(row[at].strip() for row in rows)]
    return Table(
        "", tuple(head[at] for at in shown), tuple(tuple(r[at] for at in shown) for r in rows),
        wide=len(shown) > MOST_UPRIGHT,
    )  # fmt: skip
