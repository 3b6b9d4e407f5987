"""Notes on months: who wrote what when; a change or a removal is a row of its own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, func, insert, select

from data.state.audit import Entry, Recording, recorded
from data.state.tables import NOTE

ADD, CHANGE, REMOVE = "add", "change", "remove"


class NoSuchNote(Exception):
    """There is no note of that number."""


@dataclass(frozen=True)
class NewNote:
    """What is written on a month of a site: on every chart, on a page's, or on one chart."""

    site: str
    month: str
    text: str
    page: str = ""
    panel: str = ""


@dataclass(frozen=True)
class Note:
    """A note as its newest row, or one row of its history, has it."""

    note: int
    site: str
    month: str
    page: str
    panel: str
    text: str
    author: str
    at: datetime
    act: str


class Notes:
    """The notes of a data directory; ``revision`` is another number after every change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.revision = 0

    def add(self, new: NewNote, author: str, at: datetime, key: str) -> int:
        """Keep a note and return its number.

        Parameters
        ----------
        new
            What and where.
        author, at
            Who wrote it, when (UTC).
        key
            The form's own: sent twice it is one note. So are the same words in the same place.
        """
        entry = Entry(f"note.{ADD}", f"{new.site} {new.month}", new.text)
        with recorded(self._engine, entry) as what:
            known = _by_key(what.connection, key) or _same(what.connection, new)
            if known is not None:
                what.entry = None
                return known
            newest = what.connection.execute(select(func.max(NOTE.c.note))).scalar() or 0
            row = Note(newest + 1, new.site, new.month, new.page, new.panel, new.text, author, at,
                       ADD)  # fmt: skip
            self._append(what, row, key)
            return row.note

    def change(self, note: int, text: str, author: str, at: datetime, key: str) -> None:
        """Give a note other words, or a removed one its words back.

        Raises
        ------
        NoSuchNote
            There is none of that number.
        """
        with recorded(self._engine, Entry(f"note.{CHANGE}", str(note), text)) as what:
            before = _newest(what.connection, note)
            same = before.act != REMOVE and before.text == text
            if same or _by_key(what.connection, key) is not None:
                what.entry = None
                return
            what.note(object=f"{before.site} {before.month}", before=before.text, after=text)
            self._append(what, _as(before, text, author, at, CHANGE), key)

    def remove(self, note: int, author: str, at: datetime, key: str) -> None:
        """Take a note away; its rows stay.

        Raises
        ------
        NoSuchNote
            There is none of that number.
        """
        with recorded(self._engine, Entry(f"note.{REMOVE}", str(note))) as what:
            before = _newest(what.connection, note)
            if before.act == REMOVE or _by_key(what.connection, key) is not None:
                what.entry = None
                return
            what.note(object=f"{before.site} {before.month}", before=before.text)
            self._append(what, _as(before, before.text, author, at, REMOVE), key)

    def _append(self, what: Recording, row: Note, key: str) -> None:
        what.connection.execute(insert(NOTE).values(**vars(row), key=key))
        self.revision += 1

    def of(self, sites: Collection[str]) -> list[Note]:
        """Return the notes of sites that are not removed, by month, oldest first."""
        with self._engine.connect() as connection:
            return _current(connection, NOTE.c.site.in_(list(sites)))

    def find(self, note: int) -> Note | None:
        """Return a note by its number, removed or not."""
        with self._engine.connect() as connection:
            try:
                return _newest(connection, note)
            except NoSuchNote:
                return None

    def history(self, note: int) -> list[Note]:
        """Return every row of a note, oldest first."""
        wanted = select(NOTE).where(NOTE.c.note == note).order_by(NOTE.c.row)
        with self._engine.connect() as connection:
            return [_note(row) for row in connection.execute(wanted)]


def _as(before: Note, text: str, author: str, at: datetime, act: str) -> Note:
    return Note(before.note, before.site, before.month, before.page, before.panel, text, author,
                at, act)  # fmt: skip


def _by_key(connection: Connection, key: str) -> int | None:
    return connection.execute(select(NOTE.c.note).where(NOTE.c.key == key)).scalar()


def _newest(connection: Connection, note: int) -> Note:
    wanted = select(NOTE).where(NOTE.c.note == note).order_by(NOTE.c.row.desc()).limit(1)
    row = connection.execute(wanted).first()
    if row is None:
        raise NoSuchNote(str(note))
    return _note(row)


def _same(connection: Connection, new: NewNote) -> int | None:
    here = [getattr(NOTE.c, name) == value for name, value in vars(new).items()]
    found = _current(connection, *here)
    return found[0].note if found else None


def _current(connection: Connection, *where: object) -> list[Note]:
    newest = select(func.max(NOTE.c.row)).group_by(NOTE.c.note).scalar_subquery()
    wanted = (
        select(NOTE)
        .where(NOTE.c.row.in_(newest), NOTE.c.act != REMOVE, *where)  # type: ignore[arg-type]
        .order_by(NOTE.c.month, NOTE.c.note)
    )
    return [_note(row) for row in connection.execute(wanted)]


def _note(row: Row[tuple[object, ...]]) -> Note:
    return Note(row.note, row.site, row.month, row.page, row.panel, row.text, row.author, row.at,
                row.act)  # fmt: skip
