"""Indexes by which the auditor's page finds records."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply the revision."""
    for column in ("event", "actor", "address", "request"):
        op.execute(f"CREATE INDEX audit_by_{column} ON audit({column})")


def downgrade() -> None:
    """Take the indexes away again; no record is touched."""
    for column in ("event", "actor", "address", "request"):
        op.execute(f"DROP INDEX audit_by_{column}")
