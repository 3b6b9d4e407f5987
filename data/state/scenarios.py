"""Scenarios that somebody saved: what was assumed, by whom and when; nothing of them is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, func, insert, select

from data.state.audit import Entry, recorded
from data.state.tables import SCENARIO

SAVE, REMOVE, RESTORE = "save", "remove", "restore"
SALE, WHATIF = "sale", "whatif"


class NoSuchScenario(Exception):
    """There is no scenario of that number."""


@dataclass(frozen=True)
class Scenario:
    """A scenario as its newest row has it; ``body`` is JSON of what was assumed."""

    scenario: int
    site: str
    kind: str
    name: str
    body: str
    author: str
    at: datetime
    act: str


class Scenarios:
    """The scenarios of a data directory; ``revision`` is another number after every change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.revision = 0

    def save(
        self, site: str, kind: str, name: str, body: str, author: str, at: datetime, key: str
    ) -> int:
        """Keep a scenario under a name and return its number.

        Parameters
        ----------
        site, kind
            Of which site; ``sale`` or ``whatif``.
        name
            A name that a scenario of the site and kind has already: its assumptions change.
        body
            JSON of what was assumed.
        author, at, key
            Who, when (UTC); the form's own key: sent twice it is saved once.
        """
        entry = Entry("scenario.save", f"{site} {name}", body)
        with recorded(self._engine, entry) as what:
            before = _current(what.connection, site, kind)
            same = next((one for one in before if one.name == name), None)
            number = same.scenario if same else _next(what.connection)
            if _known(what.connection, key) or (same is not None and same.body == body):
                what.entry = None
                return number
            what.note(before=same.body if same else "", after=body)
            row = Scenario(number, site, kind, name, body, author, at, SAVE)
            what.connection.execute(insert(SCENARIO).values(**vars(row), key=key))
            self.revision += 1
            return number

    def remove(self, scenario: int, author: str, at: datetime, key: str) -> None:
        """Take a scenario away; its rows stay, and it can come back.

        Raises
        ------
        NoSuchScenario
            There is none of that number.
        """
        self._turned(scenario, REMOVE, author, at, key)

    def restore(self, scenario: int, author: str, at: datetime, key: str) -> None:
        """Bring a scenario back; see ``remove``."""
        self._turned(scenario, RESTORE, author, at, key)

    def _turned(self, scenario: int, act: str, author: str, at: datetime, key: str) -> None:
        with recorded(self._engine, Entry(f"scenario.{act}", str(scenario))) as what:
            before = _newest(what.connection, scenario)
            if (before.act == REMOVE) is (act == REMOVE) or _known(what.connection, key):
                what.entry = None
                return
            what.note(object=f"{before.site} {before.name}", before=before.body)
            row = {**vars(before), "author": author, "at": at, "act": act}
            what.connection.execute(insert(SCENARIO).values(**row, key=key))
            self.revision += 1

    def of(self, site: str, kind: str) -> list[Scenario]:
        """Return the scenarios of a site and kind that are not removed, in the order of saving."""
        with self._engine.connect() as connection:
            return _current(connection, site, kind)

    def find(self, scenario: int) -> Scenario | None:
        """Return a scenario by its number, removed or not."""
        with self._engine.connect() as connection:
            try:
                return _newest(connection, scenario)
            except NoSuchScenario:
                return None


def _next(connection: Connection) -> int:
    return int(connection.execute(select(func.max(SCENARIO.c.scenario))).scalar() or 0) + 1


def _known(connection: Connection, key: str) -> bool:
    wanted = select(SCENARIO.c.row).where(SCENARIO.c.key == key)
    return connection.execute(wanted).first() is not None


def _newest(connection: Connection, scenario: int) -> Scenario:
    wanted = select(SCENARIO).where(SCENARIO.c.scenario == scenario)
    row = connection.execute(wanted.order_by(SCENARIO.c.row.desc()).limit(1)).first()
    if row is None:
        raise NoSuchScenario(str(scenario))
    return _scenario(row)


def _current(connection: Connection, site: str, kind: str) -> list[Scenario]:
    newest = select(func.max(SCENARIO.c.row)).group_by(SCENARIO.c.scenario).scalar_subquery()
    wanted = select(SCENARIO).where(
        SCENARIO.c.row.in_(newest), SCENARIO.c.act != REMOVE,
        SCENARIO.c.site == site, SCENARIO.c.kind == kind,
    )  # fmt: skip
    return [_scenario(row) for row in connection.execute(wanted.order_by(SCENARIO.c.scenario))]


def _scenario(row: Row[tuple[object, ...]]) -> Scenario:
    return Scenario(row.scenario, row.site, row.kind, row.name, row.body, row.author, row.at,
                    row.act)  # fmt: skip
