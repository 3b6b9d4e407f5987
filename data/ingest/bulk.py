"""Readings in bulk: DuckDB reads a plain file by itself; any other goes cell by cell."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from data.ingest.rows import Row
from data.ingest.tables import Layout
from data.store import Cursor, InvalidInput, restart, view

QUALITIES = ("good", "uncertain", "bad", "manual")
COLUMNS = ("meter_id", "timestamp", "value", "quality")

_STAGE = """
CREATE OR REPLACE TEMP TABLE staged AS
SELECT line, trim(meter_text) AS meter_id, {ts} AS ts, CAST({value} AS DECIMAL(18,6)) AS value,
    CAST(CASE lower(coalesce(nullif(trim(quality_text), ''), 'good'))
         WHEN 'good' THEN 0 WHEN '好' THEN 0 WHEN 'uncertain' THEN 1 WHEN '可疑' THEN 1
         WHEN 'bad' THEN 2 WHEN '坏' THEN 2 WHEN 'manual' THEN 3 WHEN '人工' THEN 3 END AS UTINYINT)
        AS quality
FROM ({source})
"""

# A time with an offset says its zone itself; one without is site-local.
_TEXT_TIME = """
CASE WHEN regexp_matches(ts_text, ':[0-9.]+ ?(Z|[+-][0-9][0-9](:?[0-9][0-9])?)$')
     THEN timezone('UTC', TRY_CAST(ts_text AS TIMESTAMPTZ))
     WHEN length(ts_text) >= 10 THEN {local} END
"""


@cache
def constant_offset(zone: str) -> timedelta | None:
    """Return a zone's offset if it is the same all year since 2000, as in China."""
    place = ZoneInfo(zone)
    moments = (datetime(year, month, 1, tzinfo=UTC) for year in range(2000, 2041, 2)
               for month in (1, 7))  # fmt: skip
    offsets = {moment.astimezone(place).utcoffset() for moment in moments}
    return offsets.pop() if len(offsets) == 1 else None


def _local_sql(expression: str, zone: str) -> str:
    """Return SQL that turns a site-local TIMESTAMP into UTC."""
    offset = constant_offset(zone)
    if offset is None:
        return f"timezone('UTC', timezone('{zone}', {expression}))"
    return f"{expression} - to_seconds({int(offset.total_seconds())})"


def stage_csv(cursor: Cursor, path: Path, layout: Layout, zone: str) -> bool:
    """Read a UTF-8 CSV into temp.staged; tell whether every cell was plain.

    Parameters
    ----------
    cursor
        A cursor that may read the folder of ``path``.
    path, layout
        The file, and where its columns are.
    zone
        The zone of times without an offset.

    Returns
    -------
    bool
        False where a cell, or a line, needs the patient reader; temp.staged is then of no use.
    """
    width = _width(path, layout)
    # One column more than the header has, so that a cell too many is seen and not dropped.
    columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(width + 1))
    texts = [
        f"c{layout.columns[name][0]}" if name in layout.columns else "CAST(NULL AS VARCHAR)"
        for name in COLUMNS
    ]
    cells = ", ".join(f"c{n}" for n in range(width + 1))
    source = (
        "SELECT * FROM ("
        f"SELECT CAST({layout.header_row} + row_number() OVER () AS INTEGER) AS line, "
        f"{texts[0]} AS meter_text, {texts[1]} AS ts_text, {texts[2]} AS value_text, "
        f"{texts[3]} AS quality_text, c{width} AS beyond, "
        f"CASE WHEN coalesce({texts[0]}, '') = '' THEN concat({cells}) = '' ELSE false END "
        "AS blank FROM read_csv($path, header = false, "
        f"auto_detect = false, all_varchar = true, skip = {layout.header_row}, delim = $delim, "
        f"quote = '\"', escape = '\"', null_padding = true, ignore_errors = false, "
        f"strict_mode = false, columns = {{{columns}}})) WHERE NOT blank"
    )
    scale = layout.columns["value"][1]
    value = (
        "CASE WHEN coalesce(beyond, '') = '' THEN TRY_CAST(value_text AS DECIMAL(24,9)) "
        f"* CAST('{scale}' AS DECIMAL(12,6)) END"
    )
    time = _TEXT_TIME.format(local=_local_sql("TRY_CAST(ts_text AS TIMESTAMP)", zone))
    try:
        cursor.execute(
            _STAGE.format(source=source, ts=time, value=value),
            {"path": str(path), "delim": layout.delimiter},
        )
    except InvalidInput:
        restart(cursor)
        return False
    return _clean(cursor)


def _width(path: Path, layout: Layout) -> int:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=layout.delimiter)
        return len(next(islice(rows, layout.header_row - 1, None)))


def _clean(cursor: Cursor) -> bool:
    row = cursor.execute(
        "SELECT count(*) FROM staged WHERE ts IS NULL OR value IS NULL OR quality IS NULL "
        "OR coalesce(meter_id, '') = ''"
    ).fetchone()
    return row is not None and row[0] == 0


@dataclass(frozen=True)
class ParquetRows:
    """How a Parquet file of readings is read.

    Parameters
    ----------
    missing
        Required columns that it lacks; the rest is empty then.
    source
        A query of its rows: line, meter_text, ts_text, value_text, quality_text.
    ts, value
        Expressions of these: UTC time, and value as it is kept.
    """

    missing: tuple[str, ...] = ()
    source: str = ""
    ts: str = ""
    value: str = "TRY_CAST(value_text AS DECIMAL(18,6))"


def parquet_rows(cursor: Cursor, path: Path, zone: str, within: str = "true") -> ParquetRows:
    """Return how a Parquet file is read; times without an offset are of the zone.

    ``within`` says which of its rows, by ``file_row_number``.
    """
    described = cursor.execute(
        "DESCRIBE SELECT * FROM read_parquet($path)", {"path": str(path)}
    ).fetchall()
    types = {row[0]: row[1] for row in described}
    missing = tuple(column for column in COLUMNS[:3] if column not in types)
    if missing:
        return ParquetRows(missing)
    time = _TEXT_TIME.format(local=_local_sql("TRY_CAST(ts_text AS TIMESTAMP)", zone))
    if types["timestamp"].startswith("TIMESTAMP WITH TIME ZONE"):
        time = "timezone('UTC', ts_text)"
    elif types["timestamp"].startswith("TIMESTAMP") or types["timestamp"] == "DATE":
        time = _local_sql("CAST(ts_text AS TIMESTAMP)", zone)
    quality = "CAST(quality AS VARCHAR)" if "quality" in types else "CAST(NULL AS VARCHAR)"
    source = (
        "SELECT CAST(file_row_number + 1 AS INTEGER) AS line, "
        "CAST(meter_id AS VARCHAR) AS meter_text, timestamp AS ts_text, value AS value_text, "
        f"{quality} AS quality_text FROM read_parquet($path, file_row_number = true) "
        f"WHERE {within}"
    )
    return ParquetRows((), source, time)


def stage_parquet(cursor: Cursor, path: Path, zone: str) -> tuple[str, ...]:
    """Read a Parquet file into temp.staged; return the required columns it lacks.

    Rows without a time, value, known quality or meter stay in temp.staged with a null.
    """
    found = parquet_rows(cursor, path, zone)
    if not found.missing:
        staged = _STAGE.format(source=found.source, ts=found.ts, value=found.value)
        cursor.execute(staged, {"path": str(path)})
    return found.missing


def stage_rows(cursor: Cursor, rows: Iterable[Row], zone: str) -> None:
    """Put parsed rows of a workbook into temp.staged."""
    values = [
        (row.number, row.values["meter_id"], _utc(row.values["timestamp"], zone),
         str(row.values["value"]), QUALITIES.index(str(row.values["quality"] or "good")))
        for row in rows
    ]  # fmt: skip
    stage_values(cursor, values)


def stage_values(
    cursor: Cursor, values: Sequence[tuple[int, object, datetime | None, str, int]]
) -> None:
    """Put readings into temp.staged: line, meter, time UTC without a zone, value, quality."""
    incoming = pd.DataFrame(values, columns=["line", "meter_id", "ts", "value", "quality"])
    incoming["ts"] = pd.to_datetime(incoming["ts"]).astype("datetime64[us]")
    with view(cursor, "incoming", incoming):
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE staged AS SELECT CAST(line AS INTEGER) AS line, "
            "meter_id, ts, CAST(value AS DECIMAL(18,6)) AS value, "
            "CAST(quality AS UTINYINT) AS quality FROM incoming"
        )


def _utc(moment: object, zone: str) -> datetime | None:
    if not isinstance(moment, datetime):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    return aware.astimezone(UTC).replace(tzinfo=None)
