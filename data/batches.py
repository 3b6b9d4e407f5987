"""The batches that people brought in, newest first, with what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from data.engine import Engine
from data.intake import Reason

MOST = 500


@dataclass(frozen=True)
class BatchRow:
    """A batch as it is listed.

    Parameters
    ----------
    batch, kind, site, file, digest
        Its number, what it holds, the site given with it, its name and SM3 as it came.
    actor, at
        Who brought it and when, UTC.
    new_rows, same_rows, corrections
        Rows new to the store, known already, correcting others.
    way, edits, left_out, reason
        upload, form or empty; cells corrected and rows left out by hand, a form's remark.
    revoked_at, revoked_by, revoked_for
        When, by whom and why it was taken back; None and empty while it counts.
    reasons
        Of a file: why each kind of warning was let pass.
    """

    batch: int
    kind: str
    site: str
    file: str
    digest: str
    actor: str
    at: datetime
    new_rows: int
    same_rows: int
    corrections: int
    way: str = ""
    edits: int = 0
    left_out: int = 0
    reason: str = ""
    revoked_at: datetime | None = None
    revoked_by: str = ""
    revoked_for: str = ""
    reasons: tuple[Reason, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that it said something with."""
        return self.new_rows + self.corrections


_SQL = """
SELECT b.batch, b.kind, b.site, coalesce(i.file, b.source), coalesce(i.digest, b.digest),
    b.received_at, b.new_rows, b.same_rows, b.corrections, coalesce(i.way, ''),
    coalesce(i.edits, 0), coalesce(i.left_out, 0), coalesce(i.reason, ''), r.revoked_at,
    coalesce(r.actor, ''), coalesce(r.reason, '')
FROM batch b LEFT JOIN intake i USING (batch) LEFT JOIN revoked_batch r USING (batch)
WHERE b.batch IN (SELECT unnest(?::INTEGER[])) ORDER BY b.batch DESC
"""

_REASONS = """
SELECT batch, warning, row_count, reason FROM intake_reason
WHERE batch IN (SELECT unnest(?::INTEGER[])) ORDER BY batch, rowid
"""


def batches(engine: Engine, sites: frozenset[str] | None, most: int = MOST) -> list[BatchRow]:
    """Return the newest batches that came as files or forms; interfaces' own are not among them.

    Parameters
    ----------
    engine
        The opened data directory.
    sites
        Only what was brought for these sites; None for all.
    most
        How many files are looked through.

    Returns
    -------
    list of BatchRow
        Newest first.
    """
    kept = {b.seq: b for b in engine.spool.files(most) if sites is None or b.site in sites}
    with engine.store.read() as cursor:
        rows = cursor.execute(_SQL, [list(kept)]).fetchall()
        given = cursor.execute(_REASONS, [list(kept)]).fetchall()
    reasons: dict[int, list[Reason]] = {}
    for batch, *reason in given:
        reasons.setdefault(batch, []).append(Reason(*reason))
    found = []
    for row in rows:
        passed = tuple(reasons.get(row[0], ()))
        values = [*row[:5], kept[row[0]].actor, *row[5:], passed]
        found.append(BatchRow(*values))
    return found
