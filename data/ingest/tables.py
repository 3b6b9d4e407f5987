"""Files into raw tables: encodings, separators, title rows, workbooks, totals rows."""

from __future__ import annotations

import codecs
import csv
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import python_calamine as calamine

from data.ingest.cells import plain
from data.ingest.kinds import Column, Kind
from data.ingest.problems import Problem, Refused
from translations import text

WORKBOOKS = (".xlsx", ".xls", ".xlsm")
HEADER_WITHIN = 30
MAX_COLUMNS = 200
MAX_ROWS = 1_050_000
MAX_RATIO = 200
SAMPLE = 1 << 20
TOTALS = ("小计", "合计", "总计", "total", "subtotal")
EXAMPLE = ("示例", "example")


@dataclass(frozen=True)
class Layout:
    """Where a file keeps its columns.

    Parameters
    ----------
    encoding, delimiter
        Of a CSV; empty for a workbook.
    header_row
        The header's row, counted from 1.
    columns
        Column name to (place counted from 0, number that turns its unit into the column's).
    is_workbook
        Whether it is XLSX or XLS.
    """

    encoding: str
    delimiter: str
    header_row: int
    columns: Mapping[str, tuple[int, Decimal]]
    is_workbook: bool


@dataclass(frozen=True)
class Table:
    """Raw cells in the order of the kind's columns; absent columns are None."""

    layout: Layout
    rows: list[tuple[int, list[object]]]
    notes: tuple[str, ...]


def _refusal(path: Path, reason: str, remedy: str, value: str | None = None) -> Refused:
    return Refused((Problem(path.name, None, None, value, reason, remedy),))


def encoding_of(path: Path, language: str) -> str:
    """Return a text file's encoding: its mark, else strict UTF-8, else strict GB18030."""
    with path.open("rb") as file:
        head = file.read(SAMPLE)
        whole = not file.read(1)
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            decoder.decode(head, final=whole)
        except UnicodeDecodeError:
            continue
        return encoding
    raise _refusal(
        path,
        text("无法识别文字编码", language),
        text("请另存为 UTF-8 编码的 CSV", language),
    )


def layout(path: Path, kind: Kind, language: str) -> Layout:
    """Return where a file of a kind keeps its columns.

    Raises
    ------
    Refused
        There is no header, a required column is missing or one stands twice.
    """
    if path.suffix.lower() in WORKBOOKS:
        rows: Iterable[Sequence[object]] = _sheet(path, kind, language)
        return _located(path, kind, language, rows, "", "", is_workbook=True)
    encoding = encoding_of(path, language)
    with path.open(encoding=encoding, newline="") as file:
        lines = [file.readline() for _ in range(HEADER_WITHIN)]
    best = max(",;\t", key=lambda mark: max((line.count(mark) for line in lines), default=0))
    head = csv.reader(lines, delimiter=best)
    return _located(path, kind, language, head, encoding, best, is_workbook=False)


def _located(
    path: Path,
    kind: Kind,
    language: str,
    rows: Iterable[Sequence[object]],
    encoding: str,
    delimiter: str,
    *,
    is_workbook: bool,
) -> Layout:
    for number, row in enumerate(rows, start=1):
        if number > HEADER_WITHIN:
            break
        columns = _columns(path, kind, language, row)
        if len(columns) >= 2:
            missing = [c for c in kind.columns if c.required and c.name not in columns]
            absent = [c for c in missing if c.name != "site"]
            if absent:
                titles = ", ".join(f"{c.name}（{c.zh}）" for c in absent)
                raise _refusal(
                    path,
                    text("缺少列：{titles}", language, titles=titles),
                    text("请对照模板补上（import --template {kind}）", language, kind=kind.name),
                )
            return Layout(encoding, delimiter, number, columns, is_workbook)
    raise _refusal(
        path,
        text("前 {count} 行里没有找到表头", language, count=HEADER_WITHIN),
        text("请对照模板核对列名（import --template {kind}）", language, kind=kind.name),
    )


def _columns(
    path: Path, kind: Kind, language: str, row: Sequence[object]
) -> dict[str, tuple[int, Decimal]]:
    if len(row) > MAX_COLUMNS:
        raise _refusal(
            path,
            text("列数超过 {count}", language, count=MAX_COLUMNS),
            text("请只保留需要的列", language),
        )
    found: dict[str, tuple[int, Decimal]] = {}
    for place, cell in enumerate(row):
        match = _column(kind, cell)
        if match is None:
            continue
        column, scale = match
        if column.name in found:
            raise _refusal(
                path,
                text("“{name}”列出现了两次", language, name=column.name),
                text("请只保留一列", language),
            )
        found[column.name] = (place, scale)
    return found


def _column(kind: Kind, cell: object) -> tuple[Column, Decimal] | None:
    """Return the column a header means, and what its unit multiplies by."""
    title = plain(cell if cell is not None else "")
    for column in kind.columns:
        names = {_folded(n) for n in (column.name, column.zh, *column.aliases)}
        if _folded(title) in names:
            return column, Decimal(1)
        base, _, unit = title.replace(")", "").partition("(")
        if unit and _folded(base) in names:
            scales = {_folded(name): scale for name, scale in column.units.items()}
            return column, scales.get(_folded(unit), Decimal(1))
    return None


def _folded(title: str) -> str:
    return plain(title).lower().replace(" ", "").replace("³", "3")


def read_table(path: Path, kind: Kind, language: str) -> Table:
    """Return a file's raw cells in the order of the kind's columns.

    Parameters
    ----------
    path
        CSV, XLSX or XLS.
    kind
        What it holds.
    language
        Of the messages.

    Returns
    -------
    Table
        Rows with their number in the file; totals and example rows are left out and noted.

    Raises
    ------
    Refused
        The file cannot be read or has no header.
    """
    found = layout(path, kind, language)
    if found.is_workbook:
        rows: Iterable[tuple[int, Sequence[object]]] = enumerate(
            _sheet(path, kind, language), start=1
        )
        kept, notes = _kept(rows, kind, found, language)
        return Table(found, kept, notes)
    with path.open(encoding=found.encoding, newline="") as file:
        lines = _Counted(file)
        reader = csv.reader(lines, delimiter=found.delimiter)
        try:
            kept, notes = _kept(_numbered(reader, lines), kind, found, language)
        except UnicodeDecodeError as error:
            raise _refusal(
                path,
                text("文件中有无法识别的字符", language),
                text("请另存为 UTF-8 编码的 CSV", language),
            ) from error
        except csv.Error as error:
            raise _refusal(
                path,
                text("CSV 的引号或换行不完整：{reason}", language, reason=error),
                text("请重新导出", language),
            ) from error
    return Table(found, kept, notes)


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
        return line


def _numbered(reader: Iterable[list[str]], lines: _Counted) -> Iterable[tuple[int, list[str]]]:
    """Yield rows with the line they begin on."""
    begun = 1
    for row in reader:
        yield begun, row
        begun = lines.read + 1


def _kept(
    rows: Iterable[tuple[int, Sequence[object]]], kind: Kind, found: Layout, language: str
) -> tuple[list[tuple[int, list[object]]], tuple[str, ...]]:
    places = [found.columns.get(column.name, (None, None))[0] for column in kind.columns]
    keys = [n for n, c in enumerate(kind.columns) if c.name in kind.key or c.name == "date"]
    kept: list[tuple[int, list[object]]] = []
    totals = 0
    for number, row in rows:
        if number <= found.header_row:
            continue
        cells = [row[p] if p is not None and p < len(row) else None for p in places]
        if all(cell is None or str(cell).strip() == "" for cell in cells):
            continue
        words = [plain(cells[n]).lower() for n in keys if cells[n] is not None]
        if any(word in EXAMPLE for word in words):
            continue
        if any(word.rstrip(":") in TOTALS for word in words):
            totals += 1
            continue
        kept.append((number, cells))
    notes = (text("跳过 {count} 行合计", language, count=totals),) if totals else ()
    return kept, notes


def _sheet(path: Path, kind: Kind, language: str) -> list[list[object]]:
    """Return the rows of the workbook's first sheet that has the kind's header."""
    _guard(path, language)
    try:
        book = calamine.load_workbook(str(path))
        sheets = [book.get_sheet_by_name(name) for name in book.sheet_names]
    except calamine.PasswordError as error:
        raise _refusal(
            path, text("工作簿有密码", language), text("请去掉密码后重试", language)
        ) from error
    except (calamine.CalamineError, calamine.XmlError, calamine.ZipError) as error:
        raise _refusal(
            path,
            text("工作簿打不开：{reason}", language, reason=error),
            text("请用表格软件打开后另存", language),
        ) from error
    for sheet in sheets:
        rows = [_tidy(row) for row in sheet.to_python(skip_empty_area=False)]
        if len(rows) > MAX_ROWS:
            raise _refusal(
                path, text("行数超过工作簿的上限", language), text("请改用 CSV", language)
            )
        _fill_merged(rows, sheet.merged_cell_ranges or [])
        if any(len(_columns(path, kind, language, row)) >= 2 for row in rows[:HEADER_WITHIN]):
            return rows
    return []


def _tidy(row: Sequence[object]) -> list[object]:
    """Return cells with midnight dates as datetimes, as every other time comes."""
    return [
        datetime(cell.year, cell.month, cell.day)
        if isinstance(cell, date) and not isinstance(cell, datetime)
        else cell
        for cell in row
    ]


def _fill_merged(
    rows: list[list[object]], ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    """Give every cell of a merged header what its first cell says."""
    for (top, left), (bottom, right) in ranges:
        if top >= min(HEADER_WITHIN, len(rows)) or left >= len(rows[top]):
            continue
        said = rows[top][left]
        for row in rows[top : min(bottom + 1, HEADER_WITHIN)]:
            for place in range(left, min(right + 1, len(row))):
                row[place] = said if row[place] in (None, "") else row[place]


def _guard(path: Path, language: str) -> None:
    """Refuse a workbook that unpacks to far more than it should."""
    if path.suffix.lower() == ".xls":
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise _refusal(
            path,
            text("工作簿不完整或有密码", language),
            text("请去掉密码，用表格软件打开后另存", language),
        ) from error
    if unpacked > MAX_RATIO * max(path.stat().st_size, 1 << 16):
        raise _refusal(path, text("工作簿解压后过大", language), text("请改用 CSV", language))
