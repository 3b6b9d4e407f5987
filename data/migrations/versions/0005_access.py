"""Persons, second factors, scopes, sessions with stages, requests of two, the policy, displays."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

ACCOUNT = (
    "person TEXT NOT NULL DEFAULT ''",
    "person_mac TEXT NOT NULL DEFAULT ''",
    "phone TEXT NOT NULL DEFAULT ''",
    "sites TEXT NOT NULL DEFAULT ''",
    "password_changed_at DATETIME",
    "must_change INTEGER NOT NULL DEFAULT 0 CHECK(must_change IN (0, 1))",
    "totp TEXT NOT NULL DEFAULT ''",
    "totp_step INTEGER NOT NULL DEFAULT 0",
    "last_login_at DATETIME",
)
# One person holds at most one of the three administrators' roles at a time.
ONE_ADMINISTRATOR = """
CREATE UNIQUE INDEX account_one_administrator ON account(person_mac)
WHERE person_mac <> '' AND disabled_at IS NULL AND role IN ('sysadmin', 'secadmin', 'auditor')
"""
LAST = """
CREATE TRIGGER account_last_secadmin BEFORE UPDATE OF role, disabled_at ON account
WHEN old.role = 'secadmin' AND old.disabled_at IS NULL
    AND (new.role <> 'secadmin' OR new.disabled_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM account WHERE account <> old.account
        AND role = 'secadmin' AND disabled_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'the last active security administrator stays'); END
"""
NEVER = """
CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table}: kept as it is'); END
"""
HISTORY = """
CREATE TABLE password_history(
    account INTEGER NOT NULL REFERENCES account(account), hash TEXT NOT NULL, at DATETIME NOT NULL,
    PRIMARY KEY(account, at, hash)
)
"""
RECOVERY = """
CREATE TABLE recovery_code(
    account INTEGER NOT NULL REFERENCES account(account), digest TEXT NOT NULL,
    used_at DATETIME, PRIMARY KEY(account, digest)
)
"""
DISPLAY = """
CREATE TABLE display_grant(
    display INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,
    token_digest TEXT NOT NULL UNIQUE, address TEXT NOT NULL DEFAULT '', sites TEXT NOT NULL,
    page TEXT NOT NULL, granted_by TEXT NOT NULL, granted_at DATETIME NOT NULL,
    opened_at DATETIME, revoked_at DATETIME
)
"""
SESSION = """
CREATE TABLE session(
    token_digest TEXT NOT NULL PRIMARY KEY, account INTEGER REFERENCES account(account),
    kind TEXT NOT NULL, created_at DATETIME NOT NULL, seen_at DATETIME NOT NULL,
    ends_at DATETIME NOT NULL, address TEXT NOT NULL,
    stage TEXT NOT NULL DEFAULT 'full',
    display INTEGER REFERENCES display_grant(display),
    CONSTRAINT session_kind CHECK(
        (kind = 'user' AND account IS NOT NULL AND display IS NULL)
        OR (kind = 'demonstration' AND account IS NULL AND display IS NULL)
        OR (kind = 'display' AND account IS NULL AND display IS NOT NULL)),
    CONSTRAINT session_stage CHECK(
        stage = 'full' OR (kind = 'user' AND stage IN ('password', 'factor')))
)
"""
ONE_SESSION = "CREATE UNIQUE INDEX session_one_a_user ON session(account) WHERE kind = 'user'"
ONE_DISPLAY = "CREATE UNIQUE INDEX session_one_a_display ON session(display) WHERE kind = 'display'"
# What ended a session, for as long as its cookie may still be sent: digests only.
ENDED = """
CREATE TABLE ended_session(
    token_digest TEXT NOT NULL PRIMARY KEY, why TEXT NOT NULL, at DATETIME NOT NULL
)
"""
REQUEST = """
CREATE TABLE access_request(
    request INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK(kind IN ('account', 'role', 'sites', 'policy', 'display', 'enable')),
    subject TEXT NOT NULL, body TEXT NOT NULL,
    proposer TEXT NOT NULL,
    proposer_role TEXT NOT NULL CHECK(proposer_role IN ('sysadmin', 'secadmin')),
    proposed_at DATETIME NOT NULL,
    status TEXT NOT NULL CHECK(status IN ('open', 'accepted', 'rejected', 'withdrawn')),
    decided_by TEXT, decided_role TEXT, decided_at DATETIME, reason TEXT NOT NULL DEFAULT '',
    CONSTRAINT access_request_of_two CHECK(
        decided_by <> proposer AND decided_role <> proposer_role),
    CONSTRAINT access_request_not_of_oneself CHECK(
        kind IN ('policy', 'display') OR decided_by <> subject),
    CONSTRAINT access_request_decided CHECK(
        (status IN ('accepted', 'rejected') AND decided_by IS NOT NULL
            AND decided_role IN ('sysadmin', 'secadmin'))
        OR (status IN ('open', 'withdrawn') AND decided_by IS NULL))
)
"""
POLICY = """
CREATE TABLE policy_version(
    version INTEGER PRIMARY KEY, matrix TEXT NOT NULL, at DATETIME NOT NULL,
    proposed_by TEXT NOT NULL, approved_by TEXT NOT NULL,
    CONSTRAINT policy_version_of_two CHECK(approved_by <> proposed_by)
)
"""


def upgrade() -> None:
    """Apply the revision; everybody signs in anew."""
    for column in ACCOUNT:
        op.execute(f"ALTER TABLE account ADD COLUMN {column}")
    op.execute("UPDATE account SET password_changed_at = created_at")
    op.execute("DROP TABLE session")
    for statement in (
        ONE_ADMINISTRATOR, LAST, HISTORY, RECOVERY, DISPLAY, SESSION, ONE_SESSION, ONE_DISPLAY,
        ENDED, REQUEST, POLICY,
    ):  # fmt: skip
        op.execute(statement)
    for table, verb in (
        ("account", "DELETE"), ("password_history", "UPDATE"), ("password_history", "DELETE"),
        ("policy_version", "UPDATE"), ("policy_version", "DELETE"), ("access_request", "DELETE"),
        ("display_grant", "DELETE"),
    ):  # fmt: skip
        op.execute(NEVER.format(table=table, verb=verb))


def downgrade() -> None:
    """Refuse: who held which right is never taken back."""
    raise RuntimeError("who held which right is never taken back")
