"""Interfaces to meters and systems: every change of settings or points is a version."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

VERSION = """
CREATE TABLE interface_version(
    version INTEGER PRIMARY KEY, interface TEXT NOT NULL, kind TEXT NOT NULL, site TEXT NOT NULL,
    title TEXT NOT NULL, enabled INTEGER NOT NULL CHECK(enabled IN (0, 1)),
    settings TEXT NOT NULL, points TEXT NOT NULL, points_sm3 TEXT NOT NULL,
    act TEXT NOT NULL CHECK(act IN ('save', 'enable', 'disable', 'remove')),
    author TEXT NOT NULL, at TEXT NOT NULL
) STRICT
"""
KEPT = """
CREATE TRIGGER interface_version_{verb} BEFORE {verb} ON interface_version
BEGIN SELECT RAISE(ABORT, 'what an interface was is kept'); END
"""


def upgrade() -> None:
    """Apply the revision."""
    op.execute(VERSION)
    op.execute(
        "CREATE INDEX interface_version_by_interface ON interface_version(interface, version)"
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(KEPT.format(verb=verb))


def downgrade() -> None:
    """Take the revision back."""
    op.execute("DROP TABLE interface_version")
