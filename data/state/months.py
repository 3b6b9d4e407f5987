"""Month closing: every month is open, checked or locked, and keeps how it came to be so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, insert, select

from data.state.audit import Entry, recorded
from data.state.tables import PERIOD

OPEN, CHECKED, LOCKED = "open", "checked", "locked"


@dataclass(frozen=True)
class PeriodEvent:
    """A change of a month's status: who, when, why."""

    site: str
    month: str
    status: str
    actor: str
    at: datetime
    reason: str


class Months:
    """The status of months by site."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, event: PeriodEvent) -> None:
        """Keep a change of status."""
        step = Entry("period.step", f"{event.site} {event.month}", event.reason, after=event.status)
        with recorded(self._engine, step) as what:
            what.connection.execute(
                insert(PERIOD).values(
                    site=event.site,
                    month=event.month,
                    status=event.status,
                    actor=event.actor,
                    at=event.at,
                    reason=event.reason,
                )
            )

    def history(self, site: str = "") -> list[PeriodEvent]:
        """Return every change of status, oldest first; of one site if named."""
        wanted = select(PERIOD).order_by(PERIOD.c.event)
        if site:
            wanted = wanted.where(PERIOD.c.site == site)
        with self._engine.connect() as connection:
            return [
                PeriodEvent(row.site, row.month, row.status, row.actor, row.at, row.reason)
                for row in connection.execute(wanted)
            ]

    def count(self) -> int:
        """Return how many changes of status there are: another number, other months."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(PERIOD)).scalar_one()

    def status(self, site: str) -> dict[str, PeriodEvent]:
        """Return the newest change by month; a month without any is open."""
        return {event.month: event for event in self.history(site)}

    def locked(self, site: str) -> frozenset[str]:
        """Return the locked months of a site."""
        return frozenset(m for m, event in self.status(site).items() if event.status == LOCKED)
