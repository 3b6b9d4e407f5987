"""The tables of the state database; every change of them is an Alembic revision."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

METADATA = MetaData()

SETTLE_RUN = Table(
    "settle_run",
    METADATA,
    Column("run", Integer, primary_key=True, autoincrement=True),
    Column("started_at", DateTime, nullable=False),
    Column("ended_at", DateTime),
    Column("method", String, nullable=False),
    Column("factor_digest", String, nullable=False),
    Column("newest_batch", Integer, nullable=False),
    Column("months", Integer),
    Column("figures", Integer),
)

# Exactly one role an account: that the three administrators exclude each other is in the column.
ACCOUNT = Table(
    "account",
    METADATA,
    Column("account", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False),
    Column("folded", String, nullable=False, unique=True),
    Column(
        "role",
        String,
        CheckConstraint(
            "role IN ('clerk', 'analyst', 'manager', 'verifier',"
            " 'sysadmin', 'secadmin', 'auditor')",
            name="account_role",
        ),
        nullable=False,
    ),
    Column("password_hash", String, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("disabled_at", DateTime),
    Column("person", String, nullable=False),  # sealed, as phone and totp are
    Column("person_mac", String, nullable=False),
    Column("phone", String, nullable=False),
    Column("sites", String, nullable=False),
    Column("password_changed_at", DateTime),
    Column("must_change", Integer, nullable=False),
    Column("totp", String, nullable=False),
    Column("totp_step", Integer, nullable=False),
    Column("last_login_at", DateTime),
)

PASSWORD_HISTORY = Table(
    "password_history",
    METADATA,
    Column("account", Integer, ForeignKey("account.account"), primary_key=True),
    Column("hash", String, primary_key=True),
    Column("at", DateTime, primary_key=True),
)

RECOVERY_CODE = Table(
    "recovery_code",
    METADATA,
    Column("account", Integer, ForeignKey("account.account"), primary_key=True),
    Column("digest", String, primary_key=True),
    Column("used_at", DateTime),
)

# Tries by the digest of what was typed, whether such an account exists or not: a name that
# exists must not answer otherwise than one that does not.
ATTEMPT = Table(
    "attempt",
    METADATA,
    Column("subject", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("locked_until", DateTime),
)

# What the constraints of sessions, requests, the policy and displays are is in their revision.
SESSION = Table(
    "session",
    METADATA,
    Column("token_digest", String, primary_key=True),
    Column("account", Integer, ForeignKey("account.account")),
    Column("kind", String, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("seen_at", DateTime, nullable=False),
    Column("ends_at", DateTime, nullable=False),
    Column("address", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("display", Integer, ForeignKey("display_grant.display")),
)

ENDED_SESSION = Table(
    "ended_session",
    METADATA,
    Column("token_digest", String, primary_key=True),
    Column("why", String, nullable=False),
    Column("at", DateTime, nullable=False),
)

DISPLAY_GRANT = Table(
    "display_grant",
    METADATA,
    Column("display", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False),
    Column("token_digest", String, nullable=False, unique=True),
    Column("address", String, nullable=False),
    Column("sites", String, nullable=False),
    Column("page", String, nullable=False),
    Column("granted_by", String, nullable=False),
    Column("granted_at", DateTime, nullable=False),
    Column("opened_at", DateTime),
    Column("revoked_at", DateTime),
)

ACCESS_REQUEST = Table(
    "access_request",
    METADATA,
    Column("request", Integer, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("body", String, nullable=False),
    Column("proposer", String, nullable=False),
    Column("proposer_role", String, nullable=False),
    Column("proposed_at", DateTime, nullable=False),
    Column("status", String, nullable=False),
    Column("decided_by", String),
    Column("decided_role", String),
    Column("decided_at", DateTime),
    Column("reason", String, nullable=False),
)

POLICY_VERSION = Table(
    "policy_version",
    METADATA,
    Column("version", Integer, primary_key=True),
    Column("matrix", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("proposed_by", String, nullable=False),
    Column("approved_by", String, nullable=False),
)

ONE_TIME_CODE = Table(
    "one_time_code",
    METADATA,
    Column("digest", String, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("used_at", DateTime),
    CheckConstraint("purpose IN ('setup', 'demonstration')", name="one_time_code_purpose"),
)

FACT = Table(
    "fact",
    METADATA,
    Column("name", String, primary_key=True),
    Column("at", DateTime, nullable=False),
)

# What waits for a second person: what would change, who wants it, who decided and why.
PROPOSAL = Table(
    "proposal",
    METADATA,
    Column("proposal", Integer, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("proposer", String, nullable=False),
    Column("proposed_at", DateTime, nullable=False),
    Column("body", String, nullable=False),
    Column("effect", String, nullable=False),
    Column("status", String, nullable=False),
    Column("decided_by", String),
    Column("decided_at", DateTime),
    Column("reason", String),
    CheckConstraint("kind IN ('factors', 'setting', 'adjustment', 'reopen')", name="proposal_kind"),
    CheckConstraint(
        "status IN ('open', 'accepted', 'rejected', 'withdrawn')", name="proposal_status"
    ),
)

# A factor row has two clocks: valid from-to (its own columns), known from (the approval).
FACTOR_VERSION = Table(
    "factor_version",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=True),
    Column("factor_id", String, nullable=False),
    Column("columns", String, nullable=False),
    Column("known_from", DateTime, nullable=False),
    Column("document", String, nullable=False),
    Column("document_sm3", String, nullable=False),
    Column("proposal", Integer, ForeignKey("proposal.proposal"), nullable=False),
    UniqueConstraint("factor_id", "known_from", name="factor_version_once"),
)

PERIOD = Table(
    "period",
    METADATA,
    Column("event", Integer, primary_key=True, autoincrement=True),
    Column("site", String, nullable=False),
    Column("month", String, nullable=False),
    Column("status", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("reason", String, nullable=False),
    CheckConstraint("status IN ('open', 'checked', 'locked')", name="period_status"),
)

# Its triggers and STRICT types are in the revision that makes it: rows are added, never changed.
AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("at", String, nullable=False),
    Column("mono_ns", Integer, nullable=False),
    Column("boot", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("role", String, nullable=False),
    Column("session", String, nullable=False),
    Column("address", String, nullable=False),
    Column("event", String, nullable=False),
    Column("object", String, nullable=False),
    Column("description", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("before", String, nullable=False),
    Column("after", String, nullable=False),
    Column("request", String, nullable=False),
    Column("intent", Integer, nullable=False),
    Column("prev", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("audit_by_intent", "intent"),
    Index("audit_by_time", "at"),
    *(Index(f"audit_by_{name}", name) for name in ("event", "actor", "address", "request")),
)

# Signed heads of the trail, and which of them have reached which place outside.
CHECKPOINT = Table(
    "checkpoint",
    METADATA,
    Column("size", Integer, primary_key=True),
    Column("text", String, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("kid", String, nullable=False),
    Column("at", DateTime, nullable=False),
)

ANCHORED = Table(
    "anchored",
    METADATA,
    Column("size", Integer, ForeignKey("checkpoint.size"), primary_key=True),
    Column("place", String, primary_key=True),
    Column("at", DateTime, nullable=False),
)

# When an account's visit before this one ended (none on its first), and its last request.
VISIT = Table(
    "visit",
    METADATA,
    Column("account", Integer, ForeignKey("account.account"), primary_key=True),
    Column("since", DateTime),
    Column("seen_at", DateTime, nullable=False),
)

# Notes on months: a change or a removal is a row of its own, so nothing written is ever lost.
NOTE = Table(
    "note",
    METADATA,
    Column("row", Integer, primary_key=True),
    Column("note", Integer, nullable=False),
    Column("site", String, nullable=False),
    Column("month", String, nullable=False),
    Column("page", String, nullable=False),
    Column("panel", String, nullable=False),
    Column("text", String, nullable=False),
    Column("author", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("act", String, nullable=False),
    Column("key", String, nullable=False, unique=True),
    Index("note_by_note", "note", "row"),
)

# An interface's settings and points: every change is a row of its own, the newest one holds.
INTERFACE_VERSION = Table(
    "interface_version",
    METADATA,
    Column("version", Integer, primary_key=True),
    Column("interface", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("site", String, nullable=False),
    Column("title", String, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("settings", String, nullable=False),
    Column("points", String, nullable=False),
    Column("points_sm3", String, nullable=False),
    Column("act", String, nullable=False),
    Column("author", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Index("interface_version_by_interface", "interface", "version"),
)

# What probes of interfaces gave; that a row is never changed is in the triggers of its revision.
INTERFACE_TEST = Table(
    "interface_test",
    METADATA,
    Column("test", Integer, primary_key=True),
    Column("interface", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("ok", Integer, nullable=False),
    Column("report", String, nullable=False),
    Column("author", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Index("interface_test_by_interface", "interface", "test"),
)

# Programs' keys; that one is only ever revoked is in the triggers of its revision.
API_KEY = Table(
    "api_key",
    METADATA,
    Column("prefix", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("salt", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("scopes", String, nullable=False),
    Column("sites", String, nullable=False),
    Column("addresses", String, nullable=False),
    Column("created_by", String, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Column("revoked_at", DateTime),
    Column("revoked_by", String),
)

# Alarm issues as they stand; what was done about each is a row of its history, never changed.
INCIDENT = Table(
    "incident",
    METADATA,
    Column("incident", Integer, primary_key=True),
    *(Column(name, String, nullable=False) for name in ("site", "kind", "subject", "medium")),
    Column("level", String, nullable=False),
    Column("since", DateTime, nullable=False),
    Column("until", DateTime, nullable=False),
    Column("shown", Float),
    Column("threshold", Float),
    Column("unit", String, nullable=False),
    Column("hits", Integer, nullable=False),
    Column("detail", String, nullable=False),
    Column("holds", Boolean, nullable=False),
    Column("effect_kgco2e", Float),
    Column("effect_on", String, nullable=False),
    *(Column(name, String, nullable=False) for name in ("status", "assignee", "reason")),
    Column("closed_by", String, nullable=False),
    Column("raised_at", DateTime, nullable=False),
    Column("changed_at", DateTime, nullable=False),
    Column("closed_at", DateTime),
    Index("incident_by_name", "site", "kind", "subject"),
    Index("incident_by_status", "status"),
)

INCIDENT_EVENT = Table(
    "incident_event",
    METADATA,
    Column("event", Integer, primary_key=True),
    Column("incident", Integer, ForeignKey("incident.incident"), nullable=False),
    Column("at", DateTime, nullable=False),
    *(Column(name, String, nullable=False) for name in ("actor", "act", "words", "status")),
    Column("level", String, nullable=False),
    Column("assignee", String, nullable=False),
    Column("key", String, unique=True),
    Index("incident_event_by_incident", "incident", "event"),
)

# What is to be uploaded (clause 6.4), and how far each place has got.
ALARM_OUTBOX = Table(
    "alarm_outbox",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("uid", String, nullable=False, unique=True),
    Column("at", DateTime, nullable=False),
    Column("body", String, nullable=False),
    sqlite_autoincrement=True,
)

ALARM_DELIVERY = Table(
    "alarm_delivery",
    METADATA,
    Column("place", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("at", DateTime),
    Column("tries", Integer, nullable=False),
    Column("failing_since", DateTime),
    Column("next_at", DateTime),
    Column("error", String, nullable=False),
)

# Scenarios that somebody saved, by site: a removal or a return is a row of its own.
SCENARIO = Table(
    "scenario",
    METADATA,
    Column("row", Integer, primary_key=True),
    Column("scenario", Integer, nullable=False),
    *(Column(name, String, nullable=False) for name in ("site", "kind", "name", "body")),
    Column("author", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("act", String, nullable=False),
    Column("key", String, nullable=False, unique=True),
    Index("scenario_by_scenario", "scenario", "row"),
)

# The evidence of clause 5.7 d: every change is a row, the file lies sealed beside the database.
EVIDENCE = Table(
    "evidence",
    METADATA,
    Column("row", Integer, primary_key=True),
    Column("evidence", Integer, nullable=False),
    *(
        Column(name, String, nullable=False)
        for name in (
            "site", "title", "number", "issuer", "issued_on", "clause", "stance", "expires_on",
            "file_name", "file_sm3",
        )
    ),
    Column("file_bytes", Integer, nullable=False),
    Column("author", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("act", String, nullable=False),
    Column("key", String, nullable=False, unique=True),
    Index("evidence_by_evidence", "evidence", "row"),
)  # fmt: skip

# What somebody states of the market or of a site's phases (5.7 f, h): the newest of a name counts.
STATEMENT = Table(
    "statement",
    METADATA,
    Column("row", Integer, primary_key=True),
    *(
        Column(name, String, nullable=False)
        for name in ("site", "name", "period", "body", "source", "author")
    ),
    Column("at", DateTime, nullable=False),
    Column("key", String, nullable=False, unique=True),
    Index("statement_by_name", "site", "name", "row"),
)

# What was done in the six steps of a project (5.7 g); how far it is follows from these rows.
PROJECT_EVENT = Table(
    "project_event",
    METADATA,
    Column("event", Integer, primary_key=True),
    Column("site", String, nullable=False),
    Column("step", Integer, nullable=False),
    *(
        Column(name, String, nullable=False)
        for name in ("act", "owner", "planned_on", "actual_on", "evidence", "reason")
    ),
    Column("actor", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("key", String, nullable=False, unique=True),
    Index("project_event_by_site", "site", "event"),
)
