"""Alarm issues with what people did about them, and the outbox of the alarm log (clause 6.4)."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"

INCIDENT = """
CREATE TABLE incident(
    incident INTEGER PRIMARY KEY, site TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    medium TEXT NOT NULL, level TEXT NOT NULL CHECK(level IN ('info', 'warn', 'critical')),
    since TEXT NOT NULL, until TEXT NOT NULL, shown REAL, threshold REAL, unit TEXT NOT NULL,
    hits INTEGER NOT NULL, detail TEXT NOT NULL, holds INTEGER NOT NULL CHECK(holds IN (0, 1)),
    effect_kgco2e REAL, effect_on TEXT NOT NULL,
    status TEXT NOT NULL CHECK(status IN ('open', 'working', 'closed')),
    assignee TEXT NOT NULL, reason TEXT NOT NULL CHECK(length(reason) <= 400),
    closed_by TEXT NOT NULL, raised_at TEXT NOT NULL, changed_at TEXT NOT NULL, closed_at TEXT
) STRICT
"""
EVENT = """
CREATE TABLE incident_event(
    event INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES incident(incident),
    at TEXT NOT NULL, actor TEXT NOT NULL, act TEXT NOT NULL, words TEXT NOT NULL,
    status TEXT NOT NULL, level TEXT NOT NULL, assignee TEXT NOT NULL, key TEXT UNIQUE
) STRICT
"""
KEPT = """
CREATE TRIGGER incident_event_{verb} BEFORE {verb} ON incident_event
BEGIN SELECT RAISE(ABORT, 'what was done about an alarm is kept'); END
"""
OUTBOX = """
CREATE TABLE alarm_outbox(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, at TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT
"""
DELIVERY = """
CREATE TABLE alarm_delivery(
    place TEXT PRIMARY KEY, seq INTEGER NOT NULL, at TEXT, tries INTEGER NOT NULL,
    failing_since TEXT, next_at TEXT, error TEXT NOT NULL
) STRICT
"""


def upgrade() -> None:
    """Apply the revision."""
    op.execute(INCIDENT)
    op.execute("CREATE INDEX incident_by_name ON incident(site, kind, subject)")
    op.execute("CREATE INDEX incident_by_status ON incident(status)")
    op.execute(EVENT)
    op.execute("CREATE INDEX incident_event_by_incident ON incident_event(incident, event)")
    for verb in ("UPDATE", "DELETE"):
        op.execute(KEPT.format(verb=verb))
    op.execute(OUTBOX)
    op.execute(DELIVERY)


def downgrade() -> None:
    """Take the revision back."""
    for table in ("alarm_delivery", "alarm_outbox", "incident_event", "incident"):
        op.execute(f"DROP TABLE {table}")
