"""Saved scenarios, the evidence library and the steps of a project (5.7): rows are only added."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

SCENARIO = """
CREATE TABLE scenario(
    row INTEGER PRIMARY KEY, scenario INTEGER NOT NULL, site TEXT NOT NULL,
    kind TEXT NOT NULL CHECK(kind IN ('sale', 'whatif')),
    name TEXT NOT NULL CHECK(length(name) BETWEEN 1 AND 40), body TEXT NOT NULL,
    author TEXT NOT NULL, at TEXT NOT NULL,
    act TEXT NOT NULL CHECK(act IN ('save', 'remove', 'restore')), key TEXT NOT NULL UNIQUE
) STRICT
"""
EVIDENCE = """
CREATE TABLE evidence(
    row INTEGER PRIMARY KEY, evidence INTEGER NOT NULL, site TEXT NOT NULL,
    title TEXT NOT NULL CHECK(length(title) BETWEEN 1 AND 120), number TEXT NOT NULL,
    issuer TEXT NOT NULL, issued_on TEXT NOT NULL, clause TEXT NOT NULL,
    stance TEXT NOT NULL CHECK(stance IN ('support', 'argue')), expires_on TEXT NOT NULL,
    file_name TEXT NOT NULL, file_sm3 TEXT NOT NULL, file_bytes INTEGER NOT NULL,
    author TEXT NOT NULL, at TEXT NOT NULL,
    act TEXT NOT NULL CHECK(act IN ('add', 'change', 'retire', 'restore')),
    key TEXT NOT NULL UNIQUE
) STRICT
"""
PROJECT_EVENT = """
CREATE TABLE project_event(
    event INTEGER PRIMARY KEY, site TEXT NOT NULL,
    step INTEGER NOT NULL CHECK(step BETWEEN 1 AND 6),
    act TEXT NOT NULL CHECK(act IN ('plan', 'begin', 'complete', 'back')),
    owner TEXT NOT NULL, planned_on TEXT NOT NULL, actual_on TEXT NOT NULL,
    evidence TEXT NOT NULL, reason TEXT NOT NULL, actor TEXT NOT NULL, at TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE
) STRICT
"""
KEPT = """
CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'rows of {table} are kept'); END
"""
TABLES = {
    "scenario": (SCENARIO, "CREATE INDEX scenario_by_scenario ON scenario(scenario, row)"),
    "evidence": (EVIDENCE, "CREATE INDEX evidence_by_evidence ON evidence(evidence, row)"),
    "project_event": (
        PROJECT_EVENT,
        "CREATE INDEX project_event_by_site ON project_event(site, event)",
    ),
}


def upgrade() -> None:
    """Apply the revision."""
    for table, statements in TABLES.items():
        for statement in statements:
            op.execute(statement)
        for verb in ("UPDATE", "DELETE"):
            op.execute(KEPT.format(table=table, verb=verb))


def downgrade() -> None:
    """Take the revision back."""
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
