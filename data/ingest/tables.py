"""Files into raw tables: header, separators, title rows, totals rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import cast

from data.ingest.cells import is_serial, plain
from data.ingest.columns import Kind
from data.ingest.headers import HEADER_WITHIN, Header, find_header
from data.ingest.problems import Problem, Refused
from data.ingest.sources import (
    DAYS_1904,
    MAX_COLUMNS,
    check_size,
    counts_from_1904,
    encoding_of,
    format_of,
    refusal,
    sheets,
    too_wide,
)
from data.ingest.watch import Watch
from translations import text

TOTALS = re.compile(
    r"(?:(?:本|当|全|按)?[页日月年]|全厂|全站)?(?:小计|合计|总计)(?:\(.*\))?"
    r"|(?:grand|sub)?[ -]?totals?",
    re.IGNORECASE,
)
EXAMPLE = ("示例", "example")
_DATED = ("timestamp", "date", "month")


@dataclass(frozen=True)
class Layout:
    """Where a file keeps its columns.

    Parameters
    ----------
    encoding, delimiter
        Of a CSV; empty for a workbook.
    header_row
        The header's (last) row, counted from 1.
    columns
        Column name to (place counted from 0, number that turns its unit into the column's).
    is_workbook
        Whether it is XLSX or XLS.
    units
        Column name to the unit its header carries; absent where it carries none.
    """

    encoding: str
    delimiter: str
    header_row: int
    columns: Mapping[str, tuple[int, Decimal]]
    is_workbook: bool
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Raw cells in the order of the kind's columns; absent columns are None."""

    layout: Layout
    rows: list[tuple[int, list[object]]]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Opened:
    """A file whose header is found; ``rows`` are a workbook's, counted from 1."""

    path: Path
    kind: Kind
    language: str
    layout: Layout
    header: Header
    rows: list[list[object]] = field(default_factory=list)
    days_later: int = 0


def layout(path: Path, kind: Kind, language: str, *, max_bytes: int | None = None) -> Layout:
    """Return where a file of a kind keeps its columns.

    Parameters
    ----------
    path, kind, language
        The file, what it holds, and the language of the messages.
    max_bytes
        Largest size taken, bytes; without it 4 GiB of text or 256 MiB of workbook.

    Returns
    -------
    Layout
        Enough for a bulk loader to read a plain UTF-8 CSV by itself.

    Raises
    ------
    Refused
        There is no header, a required column is missing, one stands twice or has a strange unit.
    """
    return _opened(path, kind, language, max_bytes).layout


def read_table(path: Path, kind: Kind, language: str, *, max_bytes: int | None = None) -> Table:
    """Return a file's raw cells in the order of the kind's columns.

    Parameters
    ----------
    path
        CSV, XLSX or XLS, told apart by content.
    kind
        What it holds.
    language
        Of the messages.
    max_bytes
        Largest size taken, bytes; without it 4 GiB of text or 256 MiB of workbook.

    Returns
    -------
    Table
        Rows with their number in the file; totals and example rows are left out and noted.

    Raises
    ------
    Refused
        The file cannot be read or has no header.
    """
    opened = _opened(path, kind, language, max_bytes)
    if opened.layout.is_workbook:
        return _kept(opened, _below_header(opened, enumerate(opened.rows, start=1)))
    return _kept(opened, _below_header(opened, _text_rows(opened)))


def _text_rows(opened: _Opened, watch: Watch | None = None) -> Iterator[tuple[int, list[str]]]:
    """Yield a text's rows with the line they begin on."""
    with opened.path.open(encoding=opened.layout.encoding, newline="") as file:
        lines = _Counted(file)
        try:
            reader = csv.reader(lines, delimiter=opened.layout.delimiter, strict=True)
            rows = _numbered(reader, lines)
            yield from watch.reading(rows, _lines(opened.path)) if watch else rows
        except UnicodeDecodeError as error:
            raise _unreadable(opened.path, opened.language) from error
        except csv.Error as error:
            raise _unpaired(opened.path, opened.language, lines.read) from error


def _lines(path: Path) -> int:
    """Return about how many lines a text has."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(partial(file.read, 1 << 20), b""))


def named_table(
    path: Path, kind: Kind, language: str, header: Header, source: tuple[str, str, int],
    watch: Watch | None = None,
) -> Table:  # fmt: skip
    """Return a file's raw cells by a header whose columns somebody has told apart.

    Parameters
    ----------
    path, kind, language
        As for `read_table`.
    header
        What its columns are.
    source
        Encoding and delimiter of a text, both empty for a workbook; place of the sheet.
    watch
        Follows how far it is; a workbook's sheet is opened in one go.

    Raises
    ------
    Refused
        A required column is missing or has a strange unit, or the file cannot be read.
    """
    encoding, delimiter, sheet = source
    checked = _checked(path, kind, language, header)
    found = _layout(checked, encoding, delimiter)
    if encoding:
        opening = _Opened(path, kind, language, found, checked)
        return _kept(opening, _below_header(opening, _text_rows(opening, watch)))
    form = format_of(path)
    rows = next(islice(sheets(path, form, language), sheet, None))
    later = DAYS_1904 if counts_from_1904(path, form) else 0
    opened = _Opened(path, kind, language, found, checked, rows, later)
    numbered = enumerate(rows, start=1)
    seen = watch.reading(numbered, len(rows)) if watch else numbered
    return _kept(opened, _below_header(opened, seen))


def named_parts(
    path: Path, kind: Kind, language: str, header: Header, source: tuple[str, str], most: int,
    watch: Watch,
) -> Iterator[Table]:  # fmt: skip
    """Yield a text's raw cells in tables of at most so many rows: it is never held whole.

    Parameters
    ----------
    path, kind, language, header
        As for `named_table`.
    source
        Encoding and delimiter.
    most
        Rows of a table.
    watch
        Follows how far it is.

    Yields
    ------
    Table
        Rows in the order of the file; what was skipped is counted from its beginning.

    Raises
    ------
    Refused
        As for `named_table`.
    """
    checked = _checked(path, kind, language, header)
    opened = _Opened(path, kind, language, _layout(checked, *source), checked)
    rows = _below_header(opened, _text_rows(opened, watch))
    skipped = dict(_NONE_SKIPPED)
    while part := list(islice(rows, most)):
        yield _kept(opened, part, skipped)


def _unreadable(path: Path, language: str) -> Refused:
    return refusal(
        path,
        text("文件中有无法识别的字符", language),
        text("请另存为 UTF-8 编码的 CSV", language),
    )


def _unpaired(path: Path, language: str, row: int | None) -> Refused:
    reason = text("引号没有配对，或一格过长，或含有空字符", language)
    return Refused((Problem(path.name, row, None, None, reason, text("请重新导出", language)),))


def _opened(path: Path, kind: Kind, language: str, max_bytes: int | None) -> _Opened:
    found = check_size(path, max_bytes, language)
    if found == "text":
        encoding = encoding_of(path, language)
        delimiter, header = _text_header(path, kind, encoding, language)
        checked = _checked(path, kind, language, header)
        return _Opened(path, kind, language, _layout(checked, encoding, delimiter), checked)
    for rows in sheets(path, found, language):
        header = find_header(kind, rows)
        if header is not None:
            checked = _checked(path, kind, language, header)
            later = DAYS_1904 if counts_from_1904(path, found) else 0
            return _Opened(path, kind, language, _layout(checked, "", ""), checked, rows, later)
    raise _no_header(path, kind, language)


def _no_header(path: Path, kind: Kind, language: str) -> Refused:
    return refusal(
        path,
        text("前 {count} 行里没有找到表头", language, count=HEADER_WITHIN),
        text("请对照模板核对列名（import --template {kind}）", language, kind=kind.name),
    )


def _text_header(path: Path, kind: Kind, encoding: str, language: str) -> tuple[str, Header | None]:
    """Return the separator that lets the header name most columns, and that header."""
    try:
        with path.open(encoding=encoding, newline="") as file:
            lines = list(islice(_Counted(file), HEADER_WITHIN + 1))
        found = [(mark, find_header(kind, csv.reader(lines, delimiter=mark))) for mark in ",;\t"]
    except UnicodeDecodeError as error:
        raise _unreadable(path, language) from error
    except csv.Error as error:
        raise _unpaired(path, language, None) from error
    return max(found, key=lambda pair: pair[1].known() if pair[1] else 0)


def _layout(header: Header, encoding: str, delimiter: str) -> Layout:
    named = [(place, title) for place, title in enumerate(header.titles) if title is not None]
    return Layout(
        encoding,
        delimiter,
        header.row,
        {t.column.name: (place, t.scale or Decimal(1)) for place, t in named},
        is_workbook=not encoding,
        units={t.column.name: t.unit for _, t in named if t.unit},
    )


def _checked(path: Path, kind: Kind, language: str, header: Header | None) -> Header:
    """Return the header if every required column stands in it once, in a known unit."""
    if header is None:
        raise _no_header(path, kind, language)
    if len(header.cells) > MAX_COLUMNS:
        raise too_wide(path, language)
    problems = [*_twice(path, language, header), *_strange_units(path, language, header)]
    named = {title.column.name for title in header.titles if title}
    absent = [c for c in kind.columns if c.required and c.name not in named and c.name != "site"]
    if absent:
        shown = ", ".join(f"{c.name}（{c.zh}）" if language == "zh" else c.name for c in absent)
        problems.append(
            Problem(
                path.name,
                header.row,
                None,
                None,
                text("缺少列：{titles}", language, titles=shown),
                text("请对照模板补上（import --template {kind}）", language, kind=kind.name),
            )
        )
    if problems:
        raise Refused(tuple(problems))
    return header


def _twice(path: Path, language: str, header: Header) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for cell, title in zip(header.cells, header.titles, strict=True):
        if title is None:
            continue
        name = title.column.name
        if name in seen:
            yield Problem(
                path.name,
                header.row,
                name,
                cell,
                text("“{first}”和“{second}”是同一列", language, first=seen[name], second=cell),
                text("请只保留一列", language),
            )
        seen[name] = cell


def _strange_units(path: Path, language: str, header: Header) -> Iterator[Problem]:
    for cell, title in zip(header.cells, header.titles, strict=True):
        if title is None or title.scale is not None:
            continue
        units = ", ".join(title.column.units) or "—"
        yield Problem(
            path.name,
            header.row,
            title.column.name,
            cell,
            text("不认识表头里的单位“{unit}”", language, unit=title.unit),
            text("这一列可用的单位：{units}；或去掉表头里的单位", language, units=units),
        )


class _Counted:
    """Lines of a file, counted, so that a message names the row an editor shows."""

    def __init__(self, file: Iterable[str]) -> None:
        self._lines = iter(file)
        self.read = 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.read += 1
        if "\0" in line:  # a file half written when the power went has holes of these
            raise csv.Error("null character")
        return line


def _numbered(reader: Iterable[list[str]], lines: _Counted) -> Iterator[tuple[int, list[str]]]:
    """Yield rows with the line they begin on."""
    begun = 1
    for row in reader:
        yield begun, row
        begun = lines.read + 1


Numbered = Iterable[tuple[int, Sequence[object]]]
_NONE_SKIPPED = {"totals": 0, "examples": 0}


def _below_header(opened: _Opened, rows: Numbered) -> Iterator[tuple[int, Sequence[object]]]:
    return islice(rows, opened.layout.header_row, None)


def _kept(opened: _Opened, rows: Numbered, skipped: dict[str, int] | None = None) -> Table:
    """Return the rows that hold data, and remarks on those that do not.

    ``skipped`` goes on counting them where rows come in parts.
    """
    kind, found = opened.kind, opened.layout
    places = [found.columns[c.name][0] if c.name in found.columns else None for c in kind.columns]
    keys = [n for n, c in enumerate(kind.columns) if c.name in kind.key or c.name == "date"]
    dated = [n for n, c in enumerate(kind.columns) if c.type in _DATED]
    kept: list[tuple[int, list[object]]] = []
    problems = list(_unread(opened))
    skipped = dict(_NONE_SKIPPED) if skipped is None else skipped
    for number, row in rows:
        cells = [row[p] if p is not None and p < len(row) else None for p in places]
        if not any(_says(cell) for cell in cells):
            continue
        first = next(cell for cell in row if _says(cell))
        mark = _skip(first, *(cells[n] for n in keys))
        if mark:
            skipped[mark] += 1
        elif over := [plain(cell) for cell in row[len(opened.header.cells) :] if _says(cell)]:
            problems.append(_overflow(opened, number, over))
        else:
            kept.append((number, _later(cells, dated, opened.days_later)))
    names = tuple(column.name for column in kind.columns)
    return Table(found, kept, _notes(skipped, opened.language), tuple(problems), names)


def _says(cell: object) -> bool:
    return cell is not None and plain(cell) != ""


def _skip(*named: object) -> str:
    """Return why a row is no data: a template's example, a line of totals, or ''."""
    for cell in named:
        word = plain(cell).rstrip(": ").lower()
        if word in EXAMPLE:
            return "examples"
        if ("计" in word or "total" in word) and TOTALS.fullmatch(word.replace(" ", "")):
            return "totals"
    return ""


def _notes(skipped: Mapping[str, int], language: str) -> tuple[str, ...]:
    notes = []
    if skipped["totals"]:
        notes.append(text("跳过 {count} 行合计", language, count=skipped["totals"]))
    if skipped["examples"]:
        notes.append(text("跳过 {count} 行示例", language, count=skipped["examples"]))
    return tuple(notes)


def _later(cells: list[object], dated: Sequence[int], days: int) -> list[object]:
    """Return a row whose unformatted day numbers count from 1899-12-30."""
    if days:
        for place in dated:
            if is_serial(cells[place]):
                cells[place] = cast("float", cells[place]) + days
    return cells


def _overflow(opened: _Opened, number: int, over: Sequence[str]) -> Problem:
    """Name a row that is wider than its header: a comma inside a number splits it in two."""
    return Problem(
        opened.path.name,
        number,
        None,
        opened.layout.delimiter.join(over),
        text("这一行的格子比表头多", opened.language),
        text("请去掉数字里的逗号，或给含逗号的内容加上双引号", opened.language),
    )


def _unread(opened: _Opened) -> Iterator[Problem]:
    """Warn of columns that nobody reads."""
    header, language = opened.header, opened.language
    unknown = [c for c, t in zip(header.cells, header.titles, strict=True) if c and t is None]
    if unknown:
        yield Problem(
            opened.path.name,
            header.row,
            None,
            ", ".join(unknown),
            text("这些列没有用到", language),
            text("若需要请对照模板核对列名（import --template {kind}）", language,
                 kind=opened.kind.name),
            "warning",
        )  # fmt: skip
