"""Bytes of a file into rows of cells: encodings of texts, sheets of workbooks, and their limits."""

from __future__ import annotations

import codecs
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import python_calamine as calamine

from data.ingest.headers import HEADER_WITHIN
from data.ingest.problems import Problem, Refused
from translations import text

MAX_COLUMNS = 200
MAX_ROWS = 1_050_000
MAX_RATIO = 200
MAX_UNPACKED = 2 << 30
MAX_TEXT_BYTES = 4 << 30
MAX_WORKBOOK_BYTES = 256 << 20
DAYS_1904 = 1462
_SMALL = 1 << 16
_CHUNK = 1 << 20
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")

Format = Literal["text", "xlsx", "xls", "parquet"]
Area = tuple[tuple[int, int], tuple[int, int]]


def refusal(path: Path, reason: str, remedy: str, column: str | None = None) -> Refused:
    """Return the refusal of a whole file."""
    return Refused((Problem(path.name, None, column, None, reason, remedy),))


def format_of(path: Path) -> Format:
    """Return what a file is by its first bytes; its name may say anything."""
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    if head == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "xls"
    return "parquet" if head.startswith(b"PAR1") else "text"


def check_size(path: Path, max_bytes: int | None, language: str) -> Format:
    """Return a file's format; refuse one that is empty, too large or no table of cells."""
    found, size = format_of(path), path.stat().st_size
    limit = max_bytes or (MAX_TEXT_BYTES if found == "text" else MAX_WORKBOOK_BYTES)
    if size == 0:
        raise refusal(path, text("文件是空的", language), text("请导出后重试", language))
    if size > limit:
        shown = f"{limit / (1 << 20):g} MB"
        raise refusal(
            path,
            text("文件超过 {limit}", language, limit=shown),
            text("请按月拆分，或改用 CSV", language),
        )
    if found == "parquet":
        raise refusal(
            path,
            text("Parquet 只用于读数", language),
            text("请改用 CSV 或工作簿", language),
        )
    return found


def encoding_of(path: Path, language: str) -> str:
    """Return a text file's encoding: its mark, else strict UTF-8, else strict GB18030.

    The whole file is read: Chinese may appear only in its last line.
    """
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8", "gb18030"):
        if _decodes(path, encoding):
            return encoding
    raise refusal(
        path, text("无法识别文字编码", language), text("请另存为 UTF-8 编码的 CSV", language)
    )


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def sheets(path: Path, found: Format, language: str) -> Iterator[list[list[object]]]:
    """Yield the rows of every visible sheet, merged header cells filled.

    Raises
    ------
    Refused
        The workbook is encrypted, damaged, or larger than a workbook can be.
    """
    _guard(path, found, language)
    try:
        with path.open("rb") as file:
            book = calamine.load_workbook(file)
            for at in book.sheets_metadata:
                if (
                    at.typ == calamine.SheetTypeEnum.WorkSheet
                    and at.visible == calamine.SheetVisibleEnum.Visible
                ):
                    yield _sheet_rows(path, book.get_sheet_by_name(at.name), language)
    except calamine.PasswordError as error:
        raise _locked(path, language) from error
    except calamine.CalamineError as error:
        raise refusal(
            path,
            text("工作簿不完整或已损坏", language),
            text("请用表格软件打开后另存", language),
        ) from error


def _locked(path: Path, language: str) -> Refused:
    return refusal(path, text("工作簿有密码", language), text("请去掉密码后重试", language))


def _sheet_rows(path: Path, sheet: calamine.CalamineSheet, language: str) -> list[list[object]]:
    last_row, last_column = sheet.end or (0, 0)
    if last_row + 1 > MAX_ROWS:
        raise refusal(path, text("行数超过工作簿的上限", language), text("请改用 CSV", language))
    if last_column + 1 > MAX_COLUMNS:
        raise too_wide(path, language)
    rows = [_tidy(row) for row in sheet.to_python(skip_empty_area=False)]
    _fill_merged(rows, sheet.merged_cell_ranges or [])
    return rows


def too_wide(path: Path, language: str) -> Refused:
    """Return the refusal of a table with more columns than any kind has."""
    return refusal(
        path,
        text("列数超过 {count}", language, count=MAX_COLUMNS),
        text("请只保留需要的列", language),
    )


def _tidy(row: Sequence[object]) -> list[object]:
    """Return cells with midnight dates as datetimes, as every other time comes."""
    return [
        datetime(cell.year, cell.month, cell.day)
        if isinstance(cell, date) and not isinstance(cell, datetime)
        else cell
        for cell in row
    ]


def _fill_merged(rows: list[list[object]], areas: Sequence[Area]) -> None:
    """Give every cell of a merged header what its first cell says."""
    for (top, left), (bottom, right) in areas:
        if top >= min(HEADER_WITHIN, len(rows)) or left >= len(rows[top]):
            continue
        said = rows[top][left]
        for row in rows[top : min(bottom + 1, HEADER_WITHIN)]:
            for place in range(left, min(right + 1, len(row))):
                row[place] = said if row[place] in (None, "") else row[place]


def _guard(path: Path, found: Format, language: str) -> None:
    """Refuse a workbook that is encrypted, damaged, or unpacks to far more than it should."""
    if found == "xls":
        if _ENCRYPTED in path.read_bytes():
            raise _locked(path, language)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > min(MAX_RATIO * max(path.stat().st_size, _SMALL), MAX_UNPACKED):
                raise refusal(
                    path, text("工作簿解压后过大", language), text("请改用 CSV", language)
                )
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise _damaged(path, language) from error
    if damaged is not None:
        raise _damaged(path, language)


def _damaged(path: Path, language: str) -> Refused:
    return refusal(
        path,
        text("工作簿不完整或已损坏", language),
        text("请用表格软件打开后另存", language),
    )


def counts_from_1904(path: Path, found: Format) -> bool:
    """Tell whether a workbook's day numbers count from 1904, as old Macintosh ones do."""
    if found != "xlsx":
        return False
    with zipfile.ZipFile(path) as archive:
        if "xl/workbook.xml" not in archive.namelist():
            return False
        body = archive.read("xl/workbook.xml")
    return re.search(rb"""date1904\s*=\s*["'](1|true)["']""", body) is not None
