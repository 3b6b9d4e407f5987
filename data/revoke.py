"""Taking a whole batch back: its rows are kept aside, and what they had changed stands again.

A batch is never deleted. Rows that a later batch said likewise count from then on as that
batch's; what the batch had corrected counts as it did before (docs/decisions/0019-intake.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pandas as pd

from data.batch_notes import keep_notes
from data.engine import Engine
from data.ingest.kinds import KINDS, Kind
from data.ingest.load import SITE_KIND
from data.ingest.repeats import write_out
from data.ingest.touched import mark_records
from data.schema import aside_table, record_columns, record_table
from data.sites import documents
from data.store import Cursor, frame

CAUSE = "correction"
UNKNOWN, ALREADY, SITE, METERS, WAITING = "unknown", "already", "site", "meters", "waiting"


class NotRevocable(Exception):
    """A batch cannot be taken back; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Revoked:
    """A batch that was taken back: its number, its kind, and how many rows were put aside."""

    batch: int
    kind: str
    rows: int


def revoke(engine: Engine, batch: int, actor: str, reason: str) -> Revoked:
    """Take a batch back (CONTRACT §2: rows are marked, months are settled again).

    Parameters
    ----------
    engine
        The opened data directory.
    batch
        The batch's number.
    actor, reason
        Who takes it back, and why.

    Returns
    -------
    Revoked
        What was put aside.

    Raises
    ------
    NotRevocable
        There is no such batch, it was taken back before, it has not reached the store yet, it
        describes a site, or meters that have readings.
    """
    done = revoke_again(engine, batch, actor, reason, datetime.now(UTC))
    keep_notes(engine, batch)
    return done


def revoke_again(engine: Engine, batch: int, actor: str, reason: str, at: datetime) -> Revoked:
    """Take a batch back as it was at a moment (UTC): for a store that is built anew.

    Raises
    ------
    NotRevocable
        As for ``revoke``.
    """
    if engine.spool.find(batch) is None:
        raise NotRevocable(UNKNOWN)
    return engine.store.write(partial(_revoke, batch, actor, reason, at))


def _revoke(batch: int, actor: str, reason: str, at: datetime, cursor: Cursor) -> Revoked:
    row = cursor.execute("SELECT kind FROM batch WHERE batch = ?", [batch]).fetchone()
    if row is None:
        raise NotRevocable(WAITING)
    if cursor.execute("SELECT 1 FROM revoked_batch WHERE batch = ?", [batch]).fetchone():
        raise NotRevocable(ALREADY)
    kind = str(row[0])
    if kind == SITE_KIND:
        raise NotRevocable(SITE)
    rows = _readings(cursor, batch) if kind == "readings" else _records(cursor, KINDS[kind], batch)
    cursor.execute(
        "INSERT INTO revoked_batch VALUES (?, ?, ?, ?, ?)",
        [batch, at.astimezone(UTC).replace(tzinfo=None), actor, reason, rows],
    )
    return Revoked(batch, kind, rows)


# ---- readings ----

_READING = "meter, ts, value, quality, batch, line"
_COUNTED = f"""
CREATE OR REPLACE TEMP TABLE gone AS
SELECT {_READING} FROM reading r WHERE batch = ? AND NOT EXISTS (
    SELECT 1 FROM superseded_reading s
    WHERE s.meter = r.meter AND s.ts = r.ts AND s.batch = r.batch AND s.line = r.line)
"""
_HEIRS = """
CREATE OR REPLACE TEMP TABLE heir AS
SELECT meter, ts, batch, line, aside FROM (
    SELECT meter, ts, batch, line, false AS aside FROM reading
        SEMI JOIN gone USING (meter, ts) WHERE ts BETWEEN $low AND $high
    UNION ALL
    SELECT meter, ts, batch, line, true FROM aside_reading
        SEMI JOIN gone USING (meter, ts) WHERE why = 'repeated')
QUALIFY row_number() OVER (PARTITION BY meter, ts ORDER BY batch DESC, line DESC) = 1
"""
_SAME = "{table}.meter = h.meter AND {table}.ts = h.ts AND {table}.batch = h.batch " \
        "AND {table}.line = h.line"  # fmt: skip


def _readings(cursor: Cursor, batch: int) -> int:
    """Put a batch's readings aside; those before them, or beside them, count again (R5)."""
    write_out(cursor, batch)
    cursor.execute(_COUNTED, [batch])
    meters = frame(cursor, "SELECT DISTINCT meter FROM reading WHERE batch = ?", [batch])
    rows = _count(cursor, "SELECT count(*) FROM reading WHERE batch = ?", batch)
    rows += _count(cursor, "SELECT count(*) FROM aside_reading WHERE batch = ?", batch)
    cursor.execute("UPDATE aside_reading SET why = 'revoked' WHERE batch = ?", [batch])
    cursor.execute(
        f"INSERT INTO aside_reading SELECT {_READING}, 'revoked' FROM reading WHERE batch = ?",
        [batch],
    )
    cursor.execute("DELETE FROM reading WHERE batch = ?", [batch])
    span = cursor.execute("SELECT min(ts), max(ts) FROM gone").fetchone() or (None, None)
    cursor.execute(_HEIRS, {"low": span[0], "high": span[1]})
    cursor.execute(
        "DELETE FROM superseded_reading USING heir h WHERE NOT h.aside AND "
        + _SAME.format(table="superseded_reading")
    )
    cursor.execute(
        f"INSERT INTO reading SELECT {', '.join(f'a.{n}' for n in _READING.split(', '))} "
        "FROM aside_reading a JOIN heir h ON h.aside AND " + _SAME.format(table="a")
    )
    cursor.execute(
        "DELETE FROM aside_reading USING heir h WHERE h.aside AND "
        + _SAME.format(table="aside_reading")
    )
    cursor.execute(
        "INSERT INTO changed_reading SELECT meter, min(ts), max(ts), ?, ? FROM gone "
        "GROUP BY meter, date_trunc('month', ts)",
        [CAUSE, batch],
    )
    _extents(cursor, [int(m) for m in meters["meter"]])
    for name in ("gone", "heir"):
        cursor.execute(f"DROP TABLE temp.{name}")
    return rows


def _extents(cursor: Cursor, meters: list[int]) -> None:
    """Find each meter's first and newest reading anew; a `bad` one counts as not received."""
    sql = (
        "SELECT meter, min(ts) AS first, max(ts) AS newest FROM reading "
        "WHERE quality <> 2 AND meter IN (SELECT unnest(?::INTEGER[])) GROUP BY meter"
    )
    cursor.execute(
        f"UPDATE meter_extent SET first = x.first, newest = x.newest FROM ({sql}) x "
        "WHERE meter_extent.meter = x.meter",
        [meters],
    )
    cursor.execute(
        "DELETE FROM meter_extent WHERE meter IN (SELECT unnest(?::INTEGER[])) "
        "AND meter NOT IN (SELECT meter FROM reading WHERE quality <> 2 "
        "AND meter IN (SELECT unnest(?::INTEGER[])))",
        [meters, meters],
    )


def _count(cursor: Cursor, sql: str, batch: int) -> int:
    row = cursor.execute(sql, [batch]).fetchone()
    return int(row[0]) if row else 0


# ---- records ----


def _records(cursor: Cursor, kind: Kind, batch: int) -> int:
    """Put a batch's rows aside; of each key the last that remains counts."""
    table, aside = record_table(kind), aside_table(kind)
    keys = list(dict.fromkeys(("site", *kind.key)))
    names = ["site", *(c.name for c in record_columns(kind)), "batch", "file_row"]
    columns = ", ".join(f'"{name}"' for name in names)
    same = " AND ".join(f't."{k}" IS NOT DISTINCT FROM g."{k}"' for k in keys)
    named = ", ".join(f'"{k}"' for k in keys)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE gone AS SELECT DISTINCT {named} FROM {table} "
        "WHERE batch = ?",
        [batch],
    )
    before = _effective(cursor, table, columns, same, named)
    rows = sum(_count(cursor, f"SELECT count(*) FROM {t} WHERE batch = ?", batch)
               for t in (table, aside))  # fmt: skip
    cursor.execute(f"UPDATE {aside} SET why = 'revoked' WHERE batch = ?", [batch])
    cursor.execute(
        f"INSERT INTO {aside} SELECT {columns}, 'revoked' FROM {table} WHERE batch = ?", [batch]
    )
    cursor.execute(f"DELETE FROM {table} WHERE batch = ?", [batch])
    # A row that was said likewise later than what remains takes the place of what is gone.
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE heir AS SELECT batch, file_row, aside FROM ("
        f"SELECT {columns}, false AS aside FROM {table} t WHERE EXISTS (FROM gone g WHERE {same}) "
        f"UNION ALL SELECT {columns}, true FROM {aside} t WHERE why = 'repeated' "
        f"AND EXISTS (FROM gone g WHERE {same})) QUALIFY row_number() OVER "
        f"(PARTITION BY {named} ORDER BY batch DESC, file_row DESC) = 1"
    )
    cursor.execute(
        f"INSERT INTO {table} SELECT {columns} FROM {aside} SEMI JOIN (FROM heir WHERE aside) "
        "USING (batch, file_row)"
    )
    cursor.execute(
        f"DELETE FROM {aside} USING heir h WHERE h.aside AND h.batch = {aside}.batch "
        f"AND h.file_row = {aside}.file_row"
    )
    after = _effective(cursor, table, columns, same, named)
    if kind.name == "meters":
        _unread_only(cursor, before, after)
    _mark(cursor, kind, pd.concat([before, after], ignore_index=True), batch)
    for name in ("gone", "heir"):
        cursor.execute(f"DROP TABLE temp.{name}")
    return rows


def _effective(cursor: Cursor, table: str, columns: str, same: str, named: str) -> pd.DataFrame:
    """Return the rows that count of the keys in temp.gone, as the loader has them."""
    found = cursor.execute(
        f"SELECT {columns} FROM {table} t WHERE EXISTS (FROM gone g WHERE {same}) QUALIFY "
        f"row_number() OVER (PARTITION BY {named} ORDER BY batch DESC, file_row DESC) = 1"
    )
    names = [column[0] for column in found.description or []]
    return pd.DataFrame(found.fetchall(), columns=names, dtype=object)


def _mark(cursor: Cursor, kind: Kind, touched: pd.DataFrame, batch: int) -> None:
    zones = {site: document.timezone for site, document in documents(cursor).items()}
    rows = touched.drop(columns=["batch", "file_row"])
    mark_records(cursor, kind.name, rows, zones, CAUSE, batch)


def _unread_only(cursor: Cursor, before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Refuse to take a meter away that has readings: they would belong to nothing."""
    left = set(zip(after["site"], after["meter_id"], strict=True))
    for site, meter_id in zip(before["site"], before["meter_id"], strict=True):
        read = cursor.execute(
            "SELECT 1 FROM meter_extent JOIN meter_number USING (meter) "
            "WHERE site = ? AND meter_id = ?",
            [site, meter_id],
        ).fetchone()
        if (site, meter_id) not in left and read is not None:
            raise NotRevocable(METERS)
