"""Proposals, factor versions, month closing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "proposal",
        sa.Column("proposal", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("proposer", sa.String, nullable=False),
        sa.Column("proposed_at", sa.DateTime, nullable=False),
        sa.Column("body", sa.String, nullable=False),
        sa.Column("effect", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("decided_by", sa.String),
        sa.Column("decided_at", sa.DateTime),
        sa.Column("reason", sa.String),
        sa.CheckConstraint(
            "kind IN ('factors', 'setting', 'adjustment', 'reopen')", name="proposal_kind"
        ),
        sa.CheckConstraint(
            "status IN ('open', 'accepted', 'rejected', 'withdrawn')", name="proposal_status"
        ),
    )
    op.create_table(
        "factor_version",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("factor_id", sa.String, nullable=False),
        sa.Column("columns", sa.String, nullable=False),
        sa.Column("known_from", sa.DateTime, nullable=False),
        sa.Column("document", sa.String, nullable=False),
        sa.Column("document_sm3", sa.String, nullable=False),
        sa.Column("proposal", sa.Integer, sa.ForeignKey("proposal.proposal"), nullable=False),
        sa.UniqueConstraint("factor_id", "known_from", name="factor_version_once"),
    )
    op.create_table(
        "period",
        sa.Column("event", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("site", sa.String, nullable=False),
        sa.Column("month", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.CheckConstraint("status IN ('open', 'checked', 'locked')", name="period_status"),
    )


def downgrade() -> None:
    """Take the revision back."""
    for name in ("period", "factor_version", "proposal"):
        op.drop_table(name)
