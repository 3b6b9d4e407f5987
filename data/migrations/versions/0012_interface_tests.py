"""What probes of interfaces gave: the results that integration documents print (7.2 e)."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"

TEST = """
CREATE TABLE interface_test(
    test INTEGER PRIMARY KEY, interface TEXT NOT NULL, version INTEGER NOT NULL,
    ok INTEGER NOT NULL CHECK(ok IN (0, 1)), report TEXT NOT NULL, author TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT
"""
KEPT = """
CREATE TRIGGER interface_test_{verb} BEFORE {verb} ON interface_test
BEGIN SELECT RAISE(ABORT, 'what a test gave is kept'); END
"""


def upgrade() -> None:
    """Apply the revision."""
    op.execute(TEST)
    op.execute("CREATE INDEX interface_test_by_interface ON interface_test(interface, test)")
    for verb in ("UPDATE", "DELETE"):
        op.execute(KEPT.format(verb=verb))


def downgrade() -> None:
    """Take the revision back."""
    op.execute("DROP TABLE interface_test")
