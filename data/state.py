"""Transactional state in SQLite through SQLAlchemy: settle runs (accounts and periods follow)."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import (
    Column,
    DateTime,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
    update,
)

FILE_NAME = "state.db"
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
        self.engine = _engine(url)
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Release the file."""
        self.engine.dispose()

    def begin_run(self, run: Run) -> int:
        """Note the start of a settle run and return its number."""
        with self.engine.begin() as connection:
            result = connection.execute(
                insert(SETTLE_RUN).values(
                    started_at=_now(),
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
                .values(ended_at=_now(), months=months, figures=figures)
            )

    def runs(self) -> list[dict[str, object]]:
        """Return every settle run, oldest first."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(SETTLE_RUN).order_by(SETTLE_RUN.c.run))
            return [dict(row._mapping) for row in rows]


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _engine(url: str) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _pragmas(connection: sqlite3.Connection, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            "busy_timeout = 10000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine
