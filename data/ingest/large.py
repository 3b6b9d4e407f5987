"""A text too large to be held cell by cell: checked part by part, its good rows written away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from data.ingest.bulk import QUALITIES
from data.ingest.columns import Kind
from data.ingest.plausible import Earlier
from data.ingest.review import Against, Corrections, Issue, Reviewed, TypedRows, reviewed
from data.ingest.rows import Row
from data.ingest.tables import Table
from data.ingest.watch import Watch
from translations import text

PART_ROWS = 20_000
LISTED = 1000  # errors, and as many warnings, that are shown and listed; all are counted
TOGETHER = ("meters", "outputs", "prices")  # their rows are judged by each other

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?( ?(Z|[+-]\d\d(:?\d\d)?))?)?", re.ASCII
)
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,6})?", re.ASCII)


@dataclass
class Counted:
    """A file that was checked as a whole.

    Parameters
    ----------
    good, bad, doubtful
        Rows to take, with an error, and with a warning alone.
    open_rows
        Rows with something wrong.
    columns, cells, issues
        As for ``Reviewed``, of the first things wrong.
    warnings
        Kinds of warnings and how many rows to take each concerns.
    notes
        What was left unread, in words.
    plain
        Whether the importer reads the file as it came in one go.
    path
        The good rows as a CSV of the contract's columns; None for Parquet.
    told
        Errors and warnings, listed or not.
    """

    good: int = 0
    bad: int = 0
    doubtful: int = 0
    open_rows: int = 0
    columns: tuple[str, ...] = ()
    cells: dict[int, tuple[str, ...]] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    warnings: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    plain: bool = True
    path: Path | None = None
    told: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Rows to take, with an error, and with a warning alone."""
        return self.good, self.bad, self.doubtful


def counted(
    kind: Kind, parts: Iterator[Table], against: Against, path: Path | None, header_row: int,
    watch: Watch,
) -> Counted:  # fmt: skip
    """Return what is wrong with a file that comes in parts; no two of them are held at once.

    Parameters
    ----------
    kind, parts
        The file's raw cells, at most ``PART_ROWS`` rows at a time.
    against
        What its rows are checked against.
    path
        Where its good rows are written; None for Parquet, which is taken in as it came.
    header_row
        Its header's row.
    watch
        Follows how far it is; looked at between two parts.

    Returns
    -------
    Counted
        Errors keep their rows out; warnings do not.

    Raises
    ------
    Stopped
        Nobody waits any more.
    OSError
        The disk is full.
    """
    found, earlier, warned = Counted(path=path), Earlier(), Counter[str]()
    notes: dict[str, None] = {}
    skipped: tuple[str, ...] = ()
    watch.in_parts = True
    with ExitStack() as opened:
        rows = None
        if path is not None:
            file = opened.enter_context(path.open("w", encoding="utf-8", newline=""))
            rows = TypedRows(file, [column.name for column in kind.columns], header_row)
        for table in parts:
            watch.look()
            one = reviewed(kind, table, Corrections(), against, earlier=earlier)
            if rows is not None:
                rows.add(one.good)
            _add(found, one)
            found.plain = found.plain and _plain(kind, table, one)
            warned.update(one.warnings)
            skipped = table.notes
            notes |= dict.fromkeys(note for note in one.notes if note not in skipped)
            watch.checked += len(table.rows)
    found.warnings = dict(warned)
    found.notes = (*skipped, *notes, *_more(found, against.language))
    return found


def _add(found: Counted, one: Reviewed) -> None:
    good, bad, doubtful = one.counts
    found.good, found.bad, found.doubtful = (
        found.good + good, found.bad + bad, found.doubtful + doubtful
    )  # fmt: skip
    found.open_rows += one.open_rows
    found.columns = one.columns
    new = [issue for issue in one.issues if _listed(found, issue)]
    found.issues += new
    found.cells |= {issue.row: one.cells[issue.row] for issue in new if issue.row in one.cells}


def _listed(found: Counted, issue: Issue) -> bool:
    """Count an issue; tell whether it is listed: warnings never take the place of errors."""
    found.told[issue.severity] += 1
    return found.told[issue.severity] <= LISTED


def _more(found: Counted, language: str) -> tuple[str, ...]:
    if max(found.told.values(), default=0) <= LISTED:
        return ()
    return (text("错误和警告各列前 {most} 处；行数都已计入", language, most=f"{LISTED:,}"),)


def _plain(kind: Kind, table: Table, one: Reviewed) -> bool:
    """Tell whether DuckDB reads a part's cells by itself (``bulk.stage_csv``)."""
    if kind.name != "readings":
        return True  # records are read cell by cell in any case
    if one.bad or table.layout.units:
        return False
    places = {name: place for place, name in enumerate(one.columns)}
    return all(_plain_row(one.cells[row.number], places, row) for row in one.good)


def _plain_row(cells: tuple[str, ...], places: Mapping[str, int], row: Row) -> bool:
    def cell(name: str) -> str:
        return cells[places[name]] if name in places else ""

    return (
        cell("meter_id") == row.values["meter_id"]
        and _TIME.fullmatch(cell("timestamp")) is not None
        and _NUMBER.fullmatch(cell("value")) is not None
        and cell("quality") in ("", *QUALITIES)
    )
