"""Keys of programs: what they may do, until when, from where; the secret is kept as a digest."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

KEY = """
CREATE TABLE api_key(
    prefix TEXT PRIMARY KEY CHECK(length(prefix) = 12), name TEXT NOT NULL,
    salt TEXT NOT NULL CHECK(length(salt) = 32), digest TEXT NOT NULL CHECK(length(digest) = 64),
    scopes TEXT NOT NULL, sites TEXT NOT NULL, addresses TEXT NOT NULL,
    created_by TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL,
    revoked_at TEXT, revoked_by TEXT) STRICT
"""
# A key is revoked once and changed in nothing else: what it was allowed then can be told for ever.
ONCE = """
CREATE TRIGGER api_key_update BEFORE UPDATE ON api_key
WHEN OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
    OR (NEW.prefix, NEW.name, NEW.salt, NEW.digest, NEW.scopes, NEW.sites, NEW.addresses,
        NEW.created_by, NEW.created_at, NEW.expires_at)
    <> (OLD.prefix, OLD.name, OLD.salt, OLD.digest, OLD.scopes, OLD.sites, OLD.addresses,
        OLD.created_by, OLD.created_at, OLD.expires_at)
BEGIN SELECT RAISE(ABORT, 'a key is only ever revoked'); END
"""
KEPT = """
CREATE TRIGGER api_key_delete BEFORE DELETE ON api_key
BEGIN SELECT RAISE(ABORT, 'what a key was is kept'); END
"""


def upgrade() -> None:
    """Apply the revision."""
    for statement in (KEY, ONCE, KEPT):
        op.execute(statement)


def downgrade() -> None:
    """Take the revision back."""
    op.execute("DROP TABLE api_key")
