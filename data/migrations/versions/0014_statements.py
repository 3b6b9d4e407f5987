"""What a person states of the market and of a site's phases, with year and source (5.7 f, h)."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0012"

STATEMENT = """
CREATE TABLE statement(
    row INTEGER PRIMARY KEY, site TEXT NOT NULL, name TEXT NOT NULL,
    period TEXT NOT NULL CHECK(length(period) BETWEEN 4 AND 10), body TEXT NOT NULL,
    source TEXT NOT NULL CHECK(length(source) BETWEEN 1 AND 200),
    author TEXT NOT NULL, at TEXT NOT NULL, key TEXT NOT NULL UNIQUE
) STRICT
"""
KEPT = """
CREATE TRIGGER statement_{verb} BEFORE {verb} ON statement
BEGIN SELECT RAISE(ABORT, 'what was stated is kept'); END
"""


def upgrade() -> None:
    """Apply the revision."""
    op.execute(STATEMENT)
    op.execute("CREATE INDEX statement_by_name ON statement(site, name, row)")
    for verb in ("UPDATE", "DELETE"):
        op.execute(KEPT.format(verb=verb))


def downgrade() -> None:
    """Take the revision back."""
    op.execute("DROP TABLE statement")
