"""The audit trail with its triggers, signed heads, what has reached a place outside."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

TRAIL = """
CREATE TABLE audit(
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, mono_ns INTEGER NOT NULL, boot TEXT NOT NULL,
    actor TEXT NOT NULL, role TEXT NOT NULL, session TEXT NOT NULL, address TEXT NOT NULL,
    event TEXT NOT NULL, object TEXT NOT NULL, description TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK(outcome IN ('success', 'failure', 'denied', 'intent')),
    before TEXT NOT NULL, after TEXT NOT NULL, request TEXT NOT NULL, intent INTEGER NOT NULL,
    prev BLOB NOT NULL CHECK(length(prev) = 32), hash BLOB NOT NULL CHECK(length(hash) = 32)
) STRICT
"""
CHECKPOINTS = """
CREATE TABLE checkpoint(
    size INTEGER PRIMARY KEY, text TEXT NOT NULL, signature BLOB NOT NULL, kid TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT
"""
ANCHORED = """
CREATE TABLE anchored(
    size INTEGER NOT NULL REFERENCES checkpoint(size), place TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY(size, place)
) STRICT
"""
# The check before an insert is what stops INSERT OR REPLACE: it deletes without a delete trigger
# where recursive triggers are off, but cannot make its row the next one of the chain.
NEXT = """
CREATE TRIGGER audit_next BEFORE INSERT ON audit
WHEN new.seq <> coalesce((SELECT max(seq) FROM audit), 0) + 1
    OR new.prev <> coalesce((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), zeroblob(32))
BEGIN SELECT RAISE(ABORT, 'the audit trail only grows, one record after the other'); END
"""
KEPT = """
CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END
"""


def upgrade() -> None:
    """Apply the revision."""
    op.execute(TRAIL)
    op.execute("CREATE INDEX audit_by_intent ON audit(intent)")
    op.execute("CREATE INDEX audit_by_time ON audit(at)")
    op.execute(CHECKPOINTS)
    op.execute(ANCHORED)
    op.execute(NEXT)
    for table in ("audit", "checkpoint"):
        for verb in ("UPDATE", "DELETE"):
            op.execute(KEPT.format(table=table, verb=verb))


def downgrade() -> None:
    """Refuse: a trail is never taken back."""
    raise RuntimeError("the audit trail is never taken back")
