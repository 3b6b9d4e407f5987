"""Accounts, tries, sessions, one-time codes and facts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ROLES = "'clerk', 'analyst', 'manager', 'verifier', 'sysadmin', 'secadmin', 'auditor'"


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "account",
        sa.Column("account", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("folded", sa.String, nullable=False, unique=True),
        sa.Column(
            "role",
            sa.String,
            sa.CheckConstraint(f"role IN ({ROLES})", name="account_role"),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("disabled_at", sa.DateTime),
    )
    op.create_table(
        "attempt",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("locked_until", sa.DateTime),
    )
    op.create_table(
        "session",
        sa.Column("token_digest", sa.String, primary_key=True),
        sa.Column("account", sa.Integer, sa.ForeignKey("account.account")),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
        sa.Column("ends_at", sa.DateTime, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.CheckConstraint(
            "(kind = 'user' AND account IS NOT NULL)"
            " OR (kind = 'demonstration' AND account IS NULL)",
            name="session_kind",
        ),
    )
    op.create_table(
        "one_time_code",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("used_at", sa.DateTime),
        sa.CheckConstraint("purpose IN ('setup', 'demonstration')", name="one_time_code_purpose"),
    )
    op.create_table(
        "fact",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    """Take the revision back."""
    for name in ("fact", "one_time_code", "session", "attempt", "account"):
        op.drop_table(name)
