"""What was done in the steps of a project (5.7 g): rows are added, how it stands follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, insert, select

from accounting.project import Move, Project, project_of
from data.state.audit import Entry, recorded
from data.state.tables import PROJECT_EVENT


@dataclass(frozen=True)
class ProjectEvent:
    """A move with who made it and when (UTC)."""

    event: int
    move: Move
    actor: str
    at: datetime


class Projects:
    """The projects of a data directory, one a site; ``revision`` changes with every move."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.revision = 0

    def add(
        self, site: str, move: Move, actor: str, at: datetime, key: str,
        check: Callable[[Project], None],
    ) -> None:  # fmt: skip
        """Keep a move.

        Parameters
        ----------
        site, move
            Of which project, what.
        actor, at, key
            Who, when (UTC); the form's own key: sent twice it is one move.
        check
            Raises where the project as it stands does not allow it; nothing can come in between.
        """
        entry = Entry("project.step", f"{site} {move.step}", f"{move.act} {move.reason}".strip())
        with recorded(self._engine, entry) as what:
            wanted = select(PROJECT_EVENT.c.event).where(PROJECT_EVENT.c.key == key)
            if what.connection.execute(wanted).first() is not None:
                what.entry = None
                return
            stands = project_of(one.move for one in _events(what.connection, site))
            check(stands)
            what.note(before=stands.steps[move.step].status, after=move.act)
            what.connection.execute(
                insert(PROJECT_EVENT).values(
                    site=site, step=move.step, act=move.act, owner=move.owner,
                    planned_on=move.planned_on, actual_on=move.actual_on,
                    evidence=" ".join(map(str, move.evidence)), reason=move.reason,
                    actor=actor, at=at, key=key,
                )
            )  # fmt: skip
            self.revision += 1

    def events(self, site: str) -> list[ProjectEvent]:
        """Return every move of a site's project, oldest first."""
        with self._engine.connect() as connection:
            return _events(connection, site)

    def of(self, site: str) -> Project:
        """Return how a site's project stands."""
        return project_of(one.move for one in self.events(site))


def _events(connection: Connection, site: str) -> list[ProjectEvent]:
    wanted = select(PROJECT_EVENT).where(PROJECT_EVENT.c.site == site)
    return [_event(row) for row in connection.execute(wanted.order_by(PROJECT_EVENT.c.event))]


def _event(row: Row[tuple[object, ...]]) -> ProjectEvent:
    move = Move(row.step, row.act, row.owner, row.planned_on, row.actual_on,
                tuple(int(one) for one in row.evidence.split()), row.reason)  # fmt: skip
    return ProjectEvent(row.event, move, row.actor, row.at)
