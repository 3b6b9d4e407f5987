"""A file as somebody corrects it: what is wrong cell by cell, what could be taken in now."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from data.ingest.checks import check_rows
from data.ingest.columns import Kind
from data.ingest.guard import like_formula
from data.ingest.known import Known
from data.ingest.plausible import Earlier, Odd, Usual, odd_rows
from data.ingest.problems import Problem
from data.ingest.rows import Row, parse_rows
from data.ingest.suggest import Known as Names
from data.ingest.suggest import suggested
from data.ingest.tables import Table
from data.ingest.watch import Watch
from translations import text

_NAMED = ("meter_id", "batch_id", "site", "parent_id", "vehicle_class")


@dataclass(frozen=True)
class Corrections:
    """What somebody did to a file: cells by (row, column) with their new text, rows left out."""

    edits: Mapping[tuple[int, str], str] = field(default_factory=dict)
    dropped: frozenset[int] = frozenset()

    def edited(self, row: int, column: str, words: str) -> Corrections:
        """Return the corrections with another text in a cell."""
        return replace(self, edits={**self.edits, (row, column): words})


@dataclass(frozen=True)
class Against:
    """What a file's rows are checked against.

    Parameters
    ----------
    known
        Sites, meters, batches of the store.
    names
        What cells may name, for suggestions.
    usual, mean_t, today
        What meters usually show; median mass of a batch, t; the last day that has begun.
    site
        The site given with the file; empty for none.
    file_name, language
        For the messages.
    """

    known: Known
    names: Names
    usual: Mapping[str, Usual]
    mean_t: float | None
    site: str
    file_name: str
    language: str
    today: date | None = None


@dataclass(frozen=True)
class Issue:
    """What is wrong with a cell or a row, and the text that would probably be right.

    ``warning`` is the kind of a warning (``data/ingest/problems.py``).
    """

    row: int
    column: str
    value: str
    reason: str
    remedy: str
    severity: str
    instead: str = ""
    warning: str = ""


@dataclass(frozen=True)
class Reviewed:
    """A file as it stands now.

    Parameters
    ----------
    columns
        The kind's columns that the file has.
    cells
        Row number to the texts of these columns.
    issues
        In the order of the rows; of one row its errors before its warnings.
    good
        Typed rows that could be taken in.
    bad, doubtful
        Numbers of rows with an error, and of rows with a warning alone.
    notes
        What was left unread, in words.
    """

    columns: tuple[str, ...]
    cells: Mapping[int, tuple[str, ...]]
    issues: tuple[Issue, ...]
    good: tuple[Row, ...]
    bad: frozenset[int]
    doubtful: frozenset[int]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[int, int, int]:
        """Rows to take, with an error, and with a warning alone."""
        return len(self.good), len(self.bad), len(self.doubtful)

    @property
    def open_rows(self) -> int:
        """Rows with something wrong."""
        return len({one.row for one in self.issues})

    @property
    def warnings(self) -> dict[str, int]:
        """Kinds of warnings and how many rows to take each concerns, in the order of the rows."""
        rows: dict[str, set[int]] = {}
        for one in self.issues:
            if one.severity != "error" and one.row in self.doubtful:
                rows.setdefault(one.warning, set()).add(one.row)
        return {kind: len(found) for kind, found in rows.items()}


def reviewed(
    kind: Kind, table: Table, made: Corrections, against: Against, watch: Watch | None = None,
    earlier: Earlier | None = None,
) -> Reviewed:  # fmt: skip
    """Return what is wrong with a table after somebody's corrections (CONTRACT §2).

    Parameters
    ----------
    kind, table
        The file's raw cells.
    made
        What was corrected and left out.
    against
        What its rows are checked against.
    watch
        Follows how far it is.
    earlier
        The rows before, where a file comes in parts; these are added.

    Returns
    -------
    Reviewed
        Errors keep their rows out; warnings do not.
    """
    corrected = _corrected(kind, table, made)
    site = against.site or None
    parsed = parse_rows(corrected, kind, against.file_name, against.language, site, watch)
    found = check_rows(kind, parsed, against.known, against.file_name, against.language, site)
    found += _formulas(kind, corrected, against)
    wrong = {p.row for p in found if p.severity == "error"}
    rows = [row for row in parsed.rows if row.number not in wrong]
    odd = odd_rows(kind, rows, against.usual, against.mean_t,
                   (against.file_name, against.language), against.today, earlier)  # fmt: skip
    numbers = {number for number, _ in corrected.rows}
    apart = {p.row for p in parsed.problems if p.severity == "error" and p.row not in numbers}
    bad = (numbers - {row.number for row in rows}) | {row for row in apart if row is not None}
    shown = [n for n, c in enumerate(kind.columns)
             if c.name in table.layout.columns or (c.name == "site" and not site)]  # fmt: skip
    raw = dict(corrected.rows)
    names = [column.name for column in kind.columns]
    issues = [
        _issue(kind, problem, raw.get(problem.row or 0), names, against)
        for problem in (*parsed.problems, *found)
        if problem.row is not None and (problem.row in numbers or problem.severity == "error")
    ] + [_odd_issue(one) for one in odd]
    issues = [one for one in issues if one.row not in made.dropped]
    issues.sort(key=lambda one: (one.row, one.severity != "error"))
    warned = {one.row for one in issues if one.severity != "error"} - bad
    notes = (*corrected.notes, *parsed.notes, *(
        problem.line(against.language) for problem in parsed.problems
        if problem.severity != "error" and problem.row not in numbers
    ))  # fmt: skip
    return Reviewed(
        tuple(names[n] for n in shown),
        {number: tuple(_shown(cells[n]) for n in shown) for number, cells in raw.items()},
        tuple(issues), tuple(rows), frozenset(bad - made.dropped), frozenset(warned),
        tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _corrected(kind: Kind, table: Table, made: Corrections) -> Table:
    places = {column.name: place for place, column in enumerate(kind.columns)}
    rows = []
    for number, cells in table.rows:
        if number in made.dropped:
            continue
        own = {places[c]: words for (row, c), words in made.edits.items() if row == number}
        rows.append((number, [own.get(n, cell) for n, cell in enumerate(cells)] if own else cells))
    problems = tuple(p for p in table.problems if p.row not in made.dropped)
    return replace(table, rows=rows, problems=problems)


def _formulas(kind: Kind, table: Table, against: Against) -> list[Problem]:
    """Refuse texts that a spreadsheet would take for a formula once they are exported."""
    texts = [(n, c.name) for n, c in enumerate(kind.columns) if c.type == "text" and not c.choices]
    reason, remedy = "这一格像公式", "请去掉开头的符号"
    return [
        Problem(against.file_name, number, name, str(cells[n]), text(reason, against.language),
                text(remedy, against.language))
        for number, cells in table.rows
        for n, name in texts
        if like_formula(cells[n])
    ]  # fmt: skip


def _issue(
    kind: Kind,
    problem: Problem,
    cells: Sequence[object] | None,
    names: Sequence[str],
    against: Against,
) -> Issue:
    row, name = problem.row or 0, problem.column or ""
    instead = ""
    if cells is not None and name in names:
        column, cell = kind.columns[names.index(name)], cells[names.index(name)]
        if problem.severity == "error" and not like_formula(cell):
            instead = suggested(column, cell, against.names, unknown=name in _NAMED)
    return Issue(row, name, problem.value or "", problem.reason, problem.remedy,
                 problem.severity, instead, problem.warning)  # fmt: skip


def _odd_issue(odd: Odd) -> Issue:
    p = odd.problem
    return Issue(p.row or 0, p.column or "", p.value or "", p.reason, p.remedy, p.severity,
                 odd.instead, p.warning)  # fmt: skip


def _shown(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M:%S}".removesuffix(":00").removesuffix(" 00:00")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def written(kind: Kind, rows: Sequence[Row], path: Path, header_row: int) -> Path:
    """Write typed rows as a CSV of the contract's columns and return its path.

    Every row stands on the line that it has in the file it came from, so that whatever names a
    row later names the one that somebody can look up.
    """
    names = [c.name for c in kind.columns
             if any(row.values.get(c.name) is not None for row in rows)]  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as file:
        TypedRows(file, names, header_row).add(rows)
    return path


class TypedRows:
    """Writes typed rows into a CSV, each on the line that it has in the file it came from.

    Parameters
    ----------
    file
        Where to.
    names
        The columns.
    header_row
        The header's row in the file they came from.
    """

    def __init__(self, file: TextIO, names: Sequence[str], header_row: int) -> None:
        self._file, self._names = file, names
        self._writer = csv.writer(file, lineterminator="\n")
        # An empty line would not be counted by every reader.
        self._blank = "," * (len(names) - 1) + "\n"
        self._line = min(max(header_row, 1), 30)
        file.write(self._blank * (self._line - 1))
        self._writer.writerow(names)

    def add(self, rows: Sequence[Row]) -> None:
        """Write rows that come after all that were written."""
        for row in sorted(rows, key=lambda one: one.number):
            self._file.write(self._blank * max(row.number - self._line - 1, 0))
            self._writer.writerow([_written(row.values.get(name)) for name in self._names])
            self._line = max(self._line + 1, row.number)


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)
