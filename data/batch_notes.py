"""What is known of a batch beside its rows, kept where batches are acknowledged (the spool).

How a file came, why its warnings passed and who took it back cannot be derived from its content:
a store that is built anew gets them from here.
"""

from __future__ import annotations

import json
from datetime import datetime

from data.engine import Engine
from data.store import Cursor

REVOKED = "revoked_batch"
TABLES = ("intake", "intake_reason", REVOKED)


def keep_notes(engine: Engine, batch: int | None = None) -> None:
    """Copy what the store says of a batch, or of all of them, into the spool; once is enough."""
    found: list[tuple[str, int, str]] = []
    with engine.store.read() as cursor:
        if batch is None and _count(cursor) <= engine.spool.note_count():
            return
        for table in TABLES:
            where = "" if batch is None else f"WHERE batch = {int(batch)}"
            rows = cursor.execute(f"SELECT * FROM {table} {where} ORDER BY rowid").fetchall()
            found += [(table, row[0], json.dumps(row, default=_plain)) for row in rows]
    engine.spool.note(found)


def lacks_notes(engine: Engine, cursor: Cursor) -> bool:
    """Tell whether the spool knows more of its batches than the store: an older copy of it."""
    return engine.spool.note_count() > _count(cursor)


def _count(cursor: Cursor) -> int:
    counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
    row = cursor.execute(f"SELECT {counts}").fetchone()
    return int(row[0]) if row else 0


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value))


def put_back(cursor: Cursor, table: str, body: str) -> None:
    """Write a note into the store again, unless it is there."""
    row = json.loads(body)
    if table not in TABLES:
        raise ValueError(table)
    known = cursor.execute(f"SELECT * FROM {table} WHERE batch = ?", [row[0]]).fetchall()
    if body not in {json.dumps(one, default=_plain) for one in known}:
        cursor.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
