"""What an uploaded workbook may not carry: macros, far too much, formulas without a result.

A file from a browser may come from anybody's mail; the same file brought by a command is held to
the wider limits of ``data/ingest/sources.py`` alone.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

from data.ingest.problems import Refused
from data.ingest.sources import format_of, refusal
from translations import text

MAX_ENTRIES = 1000
MAX_UNPACKED_BYTES = 100 << 20
MAX_RATIO = 100
_SMALL = 1 << 16
_VBA_XLS = "_VBA_PROJECT".encode("utf-16-le")
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_NO_RESULT = re.compile(rb"<c\b[^>]*>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")
_RESAVE = "请用表格软件打开，另存为不含宏和公式的 XLSX 或 CSV"


def guarded(path: Path, language: str) -> None:
    """Refuse an uploaded workbook that carries what no table of data needs.

    Parameters
    ----------
    path
        The file; what is no workbook passes.
    language
        Of the message.

    Raises
    ------
    Refused
        It has macros, formulas without a saved result, files inside that are packed again or
        lead elsewhere, or unpacks to far more than it should.
    """
    found = format_of(path)
    if found == "xls" and _VBA_XLS in path.read_bytes():
        raise _macros(path, language)
    if found != "xlsx":
        return
    try:
        with zipfile.ZipFile(path) as archive:
            _archive(path, archive, language)
            _formulas(path, archive, language)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        reason, remedy = "工作簿不完整或已损坏", "请用表格软件打开后另存"
        raise refusal(path, text(reason, language), text(remedy, language)) from error


def _macros(path: Path, language: str) -> Refused:
    return refusal(path, text("工作簿里有宏", language), text(_RESAVE, language))


def _archive(path: Path, archive: zipfile.ZipFile, language: str) -> None:
    entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    ratio = MAX_RATIO * max(path.stat().st_size, _SMALL)
    if len(entries) > MAX_ENTRIES or unpacked > min(ratio, MAX_UNPACKED_BYTES):
        raise refusal(path, text("工作簿解压后过大", language), text("请改用 CSV", language))
    names = [entry.filename.replace("\\", "/").lower() for entry in entries]
    if any(name.endswith("vbaproject.bin") for name in names):
        raise _macros(path, language)
    strange = any(name.startswith("/") or ".." in name.split("/") for name in names)
    if strange or any(name.endswith((".zip", ".7z", ".rar", ".exe")) for name in names):
        raise refusal(path, text("工作簿里有不属于表格的文件", language), text(_RESAVE, language))


def _formulas(path: Path, archive: zipfile.ZipFile, language: str) -> None:
    """Refuse formulas whose result was never saved: they would read as nothing, or as zero."""
    count = sum(
        len(_NO_RESULT.findall(archive.read(name)))
        for name in archive.namelist()
        if _SHEET.fullmatch(name)
    )
    if count:
        reason = text("{count} 个公式没有保存计算结果", language, count=count)
        raise refusal(path, reason, text(_RESAVE, language))


def like_formula(cell: object) -> bool:
    """Tell whether a spreadsheet would take a text for a formula."""
    words = str(cell).strip() if isinstance(cell, str) else ""
    if not words.startswith(("=", "@", "+", "-", "＝", "＠", "＋", "－")):
        return False
    return not re.fullmatch(r"[-+－＋−]?[0-9０-９.,，．\s]*万?", words) and len(words) > 1
