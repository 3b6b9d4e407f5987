"""When each account last came, and what people wrote on months: every change of a note is a row."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

VISIT = """
CREATE TABLE visit(
    account INTEGER PRIMARY KEY REFERENCES account(account), since TEXT, seen_at TEXT NOT NULL
) STRICT
"""
NOTE = """
CREATE TABLE note(
    row INTEGER PRIMARY KEY, note INTEGER NOT NULL, site TEXT NOT NULL, month TEXT NOT NULL,
    page TEXT NOT NULL, panel TEXT NOT NULL, text TEXT NOT NULL CHECK(length(text) <= 200),
    author TEXT NOT NULL, at TEXT NOT NULL,
    act TEXT NOT NULL CHECK(act IN ('add', 'change', 'remove')), key TEXT NOT NULL UNIQUE
) STRICT
"""
KEPT = """
CREATE TRIGGER note_{verb} BEFORE {verb} ON note
BEGIN SELECT RAISE(ABORT, 'what was written on a month is kept'); END
"""


def upgrade() -> None:
    """Apply the revision."""
    op.execute(VISIT)
    op.execute(NOTE)
    op.execute("CREATE INDEX note_by_note ON note(note, row)")
    for verb in ("UPDATE", "DELETE"):
        op.execute(KEPT.format(verb=verb))


def downgrade() -> None:
    """Take the revision back."""
    op.execute("DROP TABLE note")
    op.execute("DROP TABLE visit")
