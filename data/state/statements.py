"""What a person states of the market and of a site's phases: rows are added, the newest counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select

from data.state.audit import Entry, recorded
from data.state.tables import STATEMENT

MARKET = ""  # the site of what is stated of the national market


@dataclass(frozen=True)
class Statement:
    """A statement: whose, what of, year or day, JSON of its amounts, source, by whom and when."""

    site: str
    name: str
    period: str
    body: str
    source: str
    author: str
    at: datetime


class Statements:
    """The statements of a data directory; ``revision`` is another number after every change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.revision = 0

    def add(self, event: str, said: Statement, key: str) -> None:
        """Keep a statement, in the place of an earlier one of the same name, which stays.

        Parameters
        ----------
        event
            What the audit trail calls it.
        said
            What is stated; the same as before is no change and leaves no record.
        key
            The form's own key: sent twice it is one statement.
        """
        entry = Entry(event, f"{said.site} {said.name}".strip())
        with recorded(self._engine, entry) as what:
            wanted = select(STATEMENT.c.row).where(STATEMENT.c.key == key)
            before = next(iter(_rows(what.connection, said.site, said.name)), None)
            known = what.connection.execute(wanted).first() is not None
            if known or (before is not None and _words(before) == _words(said)):
                what.entry = None
                return
            what.note(before=_words(before) if before else "", after=_words(said))
            what.connection.execute(insert(STATEMENT).values(**vars(said), key=key))
            self.revision += 1

    def of(self, site: str) -> dict[str, tuple[Statement, ...]]:
        """Return the statements of a site, or of the market, by name: the newest first."""
        found: dict[str, list[Statement]] = {}
        with self._engine.connect() as connection:
            for one in _rows(connection, site):
                found.setdefault(one.name, []).append(one)
        return {name: tuple(rows) for name, rows in found.items()}


def _words(said: Statement) -> str:
    return f"{said.period} {said.body} {said.source}"


def _rows(connection: Connection, site: str, name: str = "") -> list[Statement]:
    wanted = select(STATEMENT).where(STATEMENT.c.site == site)
    if name:
        wanted = wanted.where(STATEMENT.c.name == name)
    rows = connection.execute(wanted.order_by(STATEMENT.c.row.desc()))
    return [Statement(r.site, r.name, r.period, r.body, r.source, r.author, r.at) for r in rows]
