"""Finding a table's header: which cell names which column, and in which unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from data.ingest.cells import plain
from data.ingest.columns import Column, Kind

HEADER_WITHIN = 30
_KNOWN_NAMES = 2


@dataclass(frozen=True)
class Title:
    """A header cell that names a column; ``scale`` is None where its unit is not known."""

    column: Column
    unit: str
    scale: Decimal | None


@dataclass(frozen=True)
class Header:
    """A header as it stands in the file.

    Parameters
    ----------
    row
        Its last row, counted from 1.
    cells
        Its texts from left to right.
    titles
        What each of them names; None for a column nobody reads.
    """

    row: int
    cells: tuple[str, ...]
    titles: tuple[Title | None, ...]

    def known(self) -> int:
        """Return how many columns are named."""
        return len({title.column.name for title in self.titles if title})


def folded(title: str) -> str:
    """Return a title without what writers vary: case, width, blanks, joints, a required mark."""
    return re.sub(r"[\s_·*]", "", plain(title).lower())


def _titles_of(kind: Kind) -> Mapping[str, Column]:
    return {
        folded(title): column
        for column in kind.columns
        for title in (column.name, column.zh, *column.aliases)
    }


def title_of(titles: Mapping[str, Column], cell: object) -> Title | None:
    """Return the column that a header cell names, with the unit in its brackets."""
    words = plain("" if cell is None else cell)
    if (column := titles.get(folded(words))) is not None:
        return Title(column, "", Decimal(1))
    found = re.fullmatch(r"(.+?)\s*[(\[](.*)[)\]]", words, re.DOTALL)
    if found is None or (column := titles.get(folded(found[1]))) is None:
        return None
    if column.type != "number":
        return Title(column, "", Decimal(1))
    scales = {folded(name): scale for name, scale in column.units.items()}
    return Title(column, found[2].strip(), scales.get(folded(found[2])))


def header_at(kind: Kind, number: int, row: Sequence[object]) -> Header:
    """Return a row as a header, whatever it names."""
    return _header(_titles_of(kind), number, row)


def named_header(kind: Kind, row: int, cells: Sequence[str], names: Sequence[str]) -> Header:
    """Return a header whose cells were told apart by somebody.

    Parameters
    ----------
    kind
        What the table holds.
    row, cells
        The header's last row, counted from 1, and its texts.
    names
        What each of them is; empty for a column nobody reads.
    """
    columns = {column.name: column for column in kind.columns}
    titles: list[Title | None] = []
    for cell, name in zip(cells, names, strict=True):
        column = columns.get(name)
        if column is None:
            titles.append(None)
            continue
        bare = re.sub(r"\s*[(\[].*[)\]]$", "", plain(cell), flags=re.DOTALL)
        found = title_of({folded(cell): column, folded(bare): column}, cell)
        unit = title_of({folded(bare): column}, cell)
        titles.append(unit if unit is not None and unit.unit else found)
    return Header(row, tuple(cells), tuple(titles))


def find_header(kind: Kind, rows: Iterable[Sequence[object]]) -> Header | None:
    """Return the first row that names two columns, joined with the next where that completes it.

    Parameters
    ----------
    kind
        What the table holds.
    rows
        Its first rows, title rows included.

    Returns
    -------
    Header or None
        None where no row names two columns.
    """
    titles = _titles_of(kind)
    head = list(islice(rows, HEADER_WITHIN + 1))
    for number, row in enumerate(head[:HEADER_WITHIN], start=1):
        found = _header(titles, number, row)
        if found.known() >= _KNOWN_NAMES:
            if number < len(head):
                return _joined(titles, found, head[number]) or found
            return found
    return None


def _header(titles: Mapping[str, Column], number: int, row: Sequence[object]) -> Header:
    cells = [plain("" if cell is None else cell) for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return Header(number, tuple(cells), tuple(title_of(titles, cell) for cell in cells))


def _joined(titles: Mapping[str, Column], top: Header, below: Sequence[object]) -> Header | None:
    """Return both rows as one header; None where the second one holds data."""
    under = [plain("" if cell is None else cell) for cell in below]
    width = max(len(top.cells), len(under))
    over = [*top.cells, *[""] * (width - len(top.cells))]
    under += [""] * (width - len(under))
    pairs = list(zip(over, under, strict=True))
    # No data repeat their own title: a merged cell does.
    merged = any(one == two and title_of(titles, one) is not None for one, two in pairs)
    cells, completed = [], 0
    for upper, lower in pairs:
        joined = _joint(titles, upper, lower)
        if joined is None and merged:
            joined = upper
        if joined is None:
            return None
        completed += bool(lower) and title_of(titles, joined) is not None
        cells.append(joined)
    found = _header(titles, top.row + 1, cells)
    return found if completed and found.known() >= top.known() else None


def _joint(titles: Mapping[str, Column], upper: str, lower: str) -> str | None:
    """Return the title that two stacked cells make, None if the lower one is no title."""
    if not lower or lower == upper:
        return upper
    if not upper:
        return lower
    in_brackets = upper + lower if lower.startswith("(") else f"{upper}({lower})"
    unit = title_of(titles, in_brackets)
    if unit is not None and unit.unit and unit.scale is not None:
        return in_brackets
    for title in (f"{upper}/{lower}", upper + lower, lower):
        if title_of(titles, title) is not None:
            return title
    return None if title_of(titles, upper) is not None else f"{upper}/{lower}"
