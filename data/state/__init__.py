"""Transactional state in SQLite through SQLAlchemy: runs, accounts, proposals, periods."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, NullPool, create_engine, event, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from data.state.access import (
    Access,
    AccessRequest,
    Decider,
    Display,
    NewRequest,
    PolicyVersion,
    Stale,
    change_account,
    enable_account,
    grant_display,
    make_account,
    put_policy,
)
from data.state.accounts import (
    Account,
    Accounts,
    Attempt,
    CodeRefused,
    LastOne,
    NameTaken,
    NewAccount,
    PersonHolds,
    SessionRow,
    scope_of,
)
from data.state.api_keys import ApiKey, ApiKeys, NoSuchKey
from data.state.approvals import Approvals, Decided, NewProposal, Proposal
from data.state.audit import (
    DENIED,
    FAILURE,
    SUCCESS,
    Act,
    Audit,
    Entry,
    NotRecorded,
    Record,
    act_as,
    acting,
    acts,
)
from data.state.clock import now
from data.state.evidence import Evidence, EvidenceLibrary, NoSuchEvidence, Original
from data.state.evidence import Said as EvidenceSaid
from data.state.factors import FactorVersions, Version
from data.state.incidents import (
    Incident,
    IncidentEvent,
    Incidents,
    NotHandled,
    Step,
)
from data.state.interface_tests import InterfaceTest, InterfaceTests
from data.state.interfaces import (
    Interfaces,
    InterfaceVersion,
    NoSuchInterface,
    interfaces_read_only,
)
from data.state.interfaces import Wanted as WantedInterface
from data.state.locked import lock_statements
from data.state.months import Months, PeriodEvent
from data.state.notes import NewNote, NoSuchNote, Note, Notes
from data.state.outbox import Delivery, Outbox, Posted
from data.state.projects import ProjectEvent, Projects
from data.state.scenarios import NoSuchScenario, Scenario, Scenarios
from data.state.statements import Statement, Statements
from data.state.tables import ACCOUNT, CHECKPOINT, METADATA, SETTLE_RUN
from data.state.trail import Checkpoints, Delivered, Signed
from data.state.visits import Visits

__all__ = [
    "DBAPIError",
    "DENIED",
    "FAILURE",
    "METADATA",
    "SUCCESS",
    "Access",
    "AccessRequest",
    "Account",
    "Act",
    "Audit",
    "Entry",
    "NotRecorded",
    "Record",
    "act_as",
    "acting",
    "acts",
    "Accounts",
    "ApiKey",
    "ApiKeys",
    "Approvals",
    "Attempt",
    "Checkpoints",
    "CodeRefused",
    "Decided",
    "Decider",
    "Delivered",
    "Delivery",
    "Display",
    "Evidence",
    "EvidenceLibrary",
    "EvidenceSaid",
    "FactorVersions",
    "InterfaceTest",
    "InterfaceTests",
    "InterfaceVersion",
    "Interfaces",
    "Incident",
    "IncidentEvent",
    "Incidents",
    "LastOne",
    "Months",
    "NameTaken",
    "NewAccount",
    "NewNote",
    "NewProposal",
    "NewRequest",
    "NoSuchEvidence",
    "NoSuchInterface",
    "NoSuchKey",
    "NoSuchNote",
    "NoSuchScenario",
    "NotHandled",
    "Note",
    "Notes",
    "Original",
    "Outbox",
    "PeriodEvent",
    "PersonHolds",
    "PolicyVersion",
    "Posted",
    "ProjectEvent",
    "Projects",
    "Proposal",
    "Run",
    "Scenario",
    "Scenarios",
    "SessionRow",
    "Signed",
    "Statement",
    "Statements",
    "Stale",
    "State",
    "Step",
    "Version",
    "Visits",
    "WantedInterface",
    "change_account",
    "enable_account",
    "grant_display",
    "interfaces_read_only",
    "make_account",
    "now",
    "put_policy",
    "scope_of",
]
FILE_NAME = "state.db"


@dataclass(frozen=True)
class Run:
    """What a settle run was made with."""

    method: str
    factor_digest: str
    newest_batch: int


class State:
    """The state database of a data directory, migrated to the newest revision when opened."""

    def __init__(self, home: Path) -> None:
        url = f"sqlite:///{home / FILE_NAME}"
        _migrate(url)
        self.engine = _engine(create_engine(url))
        event.listen(self.engine, "connect", lock_statements)
        self.audit = Audit(self.engine)
        self.audit.begin()
        self.checkpoints = Checkpoints(self.engine)
        self.accounts = Accounts(self.engine)
        self.access = Access(self.engine, self.accounts)
        self.api_keys = ApiKeys(self.engine)
        self.approvals = Approvals(self.engine)
        self.factors = FactorVersions(self.engine)
        self.interfaces = Interfaces(self.engine)
        self.interface_tests = InterfaceTests(self.engine)
        self.months = Months(self.engine)
        self.notes = Notes(self.engine)
        self.visits = Visits(self.engine)
        self.incidents = Incidents(self.engine)
        self.outbox = Outbox(self.engine)
        self.scenarios = Scenarios(self.engine)
        self.evidence = EvidenceLibrary(self.engine)
        self.projects = Projects(self.engine)
        self.statements = Statements(self.engine)

    def close(self) -> None:
        """Release the file."""
        self.engine.dispose()

    def key_ids(self) -> set[str]:
        """Return the ids of the keys that what is kept cannot do without."""
        with self.engine.connect() as connection:
            found = set(connection.execute(select(CHECKPOINT.c.kid).distinct()).scalars())
            for column in (ACCOUNT.c.person, ACCOUNT.c.phone, ACCOUNT.c.totp):
                sealed = connection.execute(select(column).where(column != "")).scalars()
                found |= {value.split("|")[1] for value in sealed}
            return found

    def begin_run(self, run: Run) -> int:
        """Note the start of a settle run and return its number."""
        with self.engine.begin() as connection:
            result = connection.execute(
                insert(SETTLE_RUN).values(
                    started_at=now(),
                    method=run.method,
                    factor_digest=run.factor_digest,
                    newest_batch=run.newest_batch,
                )
            )
            return int(result.lastrowid)

    def end_run(self, run: int, months: int, figures: int) -> None:
        """Note the end of a settle run and how much it changed."""
        with self.engine.begin() as connection:
            connection.execute(
                update(SETTLE_RUN)
                .where(SETTLE_RUN.c.run == run)
                .values(ended_at=now(), months=months, figures=figures)
            )

    def run_at(self, at: datetime) -> int:
        """Return the number of the newest settle run whose figures were all there at a time."""
        known = func.coalesce(SETTLE_RUN.c.ended_at, SETTLE_RUN.c.started_at) <= at
        with self.engine.connect() as connection:
            newest = connection.execute(select(func.max(SETTLE_RUN.c.run)).where(known))
            return int(newest.scalar() or 0)

    def runs(self) -> list[dict[str, object]]:
        """Return every settle run, oldest first."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(SETTLE_RUN).order_by(SETTLE_RUN.c.run))
            return [dict(row._mapping) for row in rows]


def _migrate(url: str) -> None:
    """Bring the file to the newest revision; only here may its tables be changed."""
    engine = _engine(create_engine(url, poolclass=NullPool))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def _engine(engine: Engine) -> Engine:
    @event.listens_for(engine, "connect")
    def _pragmas(connection: sqlite3.Connection, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            "secure_delete = ON",
            "busy_timeout = 10000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine
