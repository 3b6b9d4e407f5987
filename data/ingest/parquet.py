"""Readings of a Parquet file as text, part by part: they are checked like those of a large CSV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from data.ingest.bulk import COLUMNS, parquet_rows
from data.ingest.problems import Problem, Refused
from data.ingest.sources import refusal
from data.ingest.tables import Layout, Table
from data.ingest.watch import Watch
from data.store import Cursor, InvalidInput, QueryError, Store
from translations import text

# What the importer would keep, in the shortest form; nothing where it would keep nothing.
_AS_TEXT = """
SELECT line, trim(meter_text), CAST(timezone('{zone}', timezone('UTC', {ts})) AS VARCHAR),
    rtrim(rtrim(CAST({value} AS VARCHAR), '0'), '.'), quality_text
FROM ({source}) ORDER BY line
"""
_PART = "file_row_number >= {first} AND file_row_number < {end}"


def parquet_parts(
    store: Store, path: Path, zone: str, language: str, most: int, watch: Watch
) -> Iterator[Table]:
    """Yield a Parquet file's readings in tables of at most so many rows.

    Parameters
    ----------
    store
        Reads the file, which lies in its inbox.
    path, zone, language
        The file, the zone of times without an offset, and the language of the messages.
    most
        Rows of a table.
    watch
        Follows how far it is.

    Yields
    ------
    Table
        Rows by their number in the file, counted from 1.

    Raises
    ------
    Refused
        A required column is missing, or the file is damaged.
    """
    layout = Layout("", "", 0, {c: (n, Decimal(1)) for n, c in enumerate(COLUMNS)},
                    is_workbook=False)  # fmt: skip
    with whole_file(path, language):
        with store.read() as cursor:
            _whole(cursor, path, language)
            watch.total = _count(cursor, path)
        for first in range(0, watch.total, most):
            watch.look()
            with store.read() as cursor:
                rows = _rows(cursor, path, zone, first, first + most)
            watch.read = first + len(rows)
            yield Table(layout, rows, (), (), COLUMNS)


@contextmanager
def whole_file(path: Path, language: str) -> Iterator[None]:
    """Refuse a damaged Parquet file in words; a full disk is another thing."""
    try:
        yield
    except QueryError as error:
        if not isinstance(error, InvalidInput) and type(error) is not QueryError:
            raise
        reason, remedy = text("Parquet 文件不完整或已损坏", language), text("请重新导出", language)
        raise refusal(path, reason, remedy) from error


def _whole(cursor: Cursor, path: Path, language: str) -> None:
    missing = parquet_rows(cursor, path, "UTC").missing
    if missing:
        reason, remedy = text("缺少这一列", language), text("请补上后重试", language)
        raise Refused((Problem(path.name, None, missing[0], None, reason, remedy),))


def _count(cursor: Cursor, path: Path) -> int:
    found = cursor.execute("SELECT count(*) FROM read_parquet($path)", {"path": str(path)})
    return int((found.fetchone() or (0,))[0])


def _rows(
    cursor: Cursor, path: Path, zone: str, first: int, end: int
) -> list[tuple[int, list[object]]]:
    found = parquet_rows(cursor, path, zone, _PART.format(first=first, end=end))
    asked = _AS_TEXT.format(zone=zone, ts=found.ts, value=found.value, source=found.source)
    return [(line, cells) for line, *cells in cursor.execute(asked, {"path": str(path)}).fetchall()]
