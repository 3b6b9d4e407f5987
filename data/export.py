"""The ledger as a file: the same bytes as long as nothing changed (CONTRACT §3)."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import xlsxwriter

from data.engine import Engine
from data.store import Cursor
from data.views import view_rows

COLUMNS = (
    "site", "grain", "period", "indicator", "dimension", "entity", "value", "unit", "basis",
    "quality", "measured_pct", "estimated_pct", "uncertainty_pct", "flags", "factor_set",
    "figure_id", "settled_at",
)  # fmt: skip
NUMBERS = ("value", "measured_pct", "estimated_pct", "uncertainty_pct")
FORMATS = ("csv", "parquet", "xlsx")


@dataclass(frozen=True)
class Wanted:
    """Which rows: months from and to (``2026-07``), as known at a time (UTC), or a view's."""

    first: str = ""
    last: str = ""
    as_of: datetime | None = None
    view: str = ""


def ledger_rows(cursor: Cursor, wanted: Wanted) -> pd.DataFrame:
    """Return the ledger's rows in the order of the contract.

    Of each figure the row that was current at ``as_of``; a period belongs to the range by its
    month, a year by any of its months.
    """
    known = (
        "current"
        if wanted.as_of is None
        else "figure_id IN (SELECT figure_id FROM ledger WHERE settled_at <= $as_of QUALIFY "
        "row_number() OVER (PARTITION BY site, grain, period, indicator, dimension, entity "
        "ORDER BY revision DESC) = 1) AND NOT EXISTS (SELECT 1 FROM withdrawn_figure w "
        "WHERE w.figure_id = ledger.figure_id AND w.withdrawn_at <= $as_of)"
    )
    columns = ", ".join(COLUMNS)
    values: dict[str, object] = {"first": wanted.first, "last": wanted.last or "9999-99"}
    if wanted.as_of is not None:
        values["as_of"] = wanted.as_of
    return cursor.execute(
        f"SELECT {columns} FROM ledger WHERE {known} "
        "AND left(period, 7) >= left($first, length(period)) "
        "AND left(period, 7) <= left($last, length(period)) "
        "ORDER BY site, grain, period, indicator, dimension, entity",
        values,
    ).df()


def _text(name: str, value: object) -> str:
    """Return a cell: full precision, empty where null, never a zero for what is not known."""
    if value is None or value is pd.NA or value != value:
        return ""
    if name in NUMBERS:
        return repr(float(str(value)))
    if isinstance(value, pd.Timestamp):
        return str(value.isoformat(timespec="microseconds")) + "Z"
    return str(value)


def as_csv(rows: pd.DataFrame) -> bytes:
    """Return rows as UTF-8 CSV."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows.itertuples(index=False):
        writer.writerow([_text(name, cell) for name, cell in zip(COLUMNS, row, strict=True)])
    return out.getvalue().encode()


def as_xlsx(rows: pd.DataFrame) -> bytes:
    """Return rows as a workbook; its creation date is the newest row's, so bytes repeat."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "constant_memory": True})
    newest = rows["settled_at"].max() if len(rows) else pd.Timestamp(1970, 1, 1)
    book.set_properties({"created": newest.to_pydatetime()})
    sheet = book.add_worksheet("ledger")
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, COLUMNS)
    for at, row in enumerate(rows.itertuples(index=False), start=1):
        for place, (name, cell) in enumerate(zip(COLUMNS, row, strict=True)):
            text = _text(name, cell)
            if text and name in NUMBERS:
                sheet.write_number(at, place, float(text))
            elif text:
                sheet.write_string(at, place, text)
    book.close()
    return out.getvalue()


def export_ledger(engine: Engine, path: Path, form: str, wanted: Wanted) -> int:
    """Write the ledger to a file and return how many rows it holds.

    Parameters
    ----------
    engine
        The opened data directory.
    path
        The file; replaced only when the new one is complete.
    form
        One of FORMATS.
    wanted
        Which rows.

    Raises
    ------
    OSError
        The file cannot be written; an older one stays as it was.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with engine.store.read(timeout_s=600.0) as cursor:
            if wanted.view:
                rows = view_rows(engine, wanted.view, wanted.first, wanted.last, COLUMNS)
            else:
                rows = ledger_rows(cursor, wanted)
            body = _parquet(engine, cursor, rows) if form == "parquet" else _written(form, rows)
        part.write_bytes(body)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return len(rows)


def _written(form: str, rows: pd.DataFrame) -> bytes:
    return as_xlsx(rows) if form == "xlsx" else as_csv(rows)


def _parquet(engine: Engine, cursor: Cursor, rows: pd.DataFrame) -> bytes:
    """Return rows as Parquet; only the inbox may be written by the database."""
    target = engine.store.inbox / f".export-{id(rows)}.parquet"
    cursor.register("exported", rows)
    try:
        cursor.execute(
            "COPY (SELECT * FROM exported) TO $path (FORMAT parquet)", {"path": str(target)}
        )
        return target.read_bytes()
    finally:
        cursor.unregister("exported")
        target.unlink(missing_ok=True)
