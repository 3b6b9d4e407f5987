"""The register of settle runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "settle_run",
        sa.Column("run", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("method", sa.String, nullable=False),
        sa.Column("factor_digest", sa.String, nullable=False),
        sa.Column("newest_batch", sa.Integer, nullable=False),
        sa.Column("months", sa.Integer),
        sa.Column("figures", sa.Integer),
    )


def downgrade() -> None:
    """Take the revision back."""
    op.drop_table("settle_run")
