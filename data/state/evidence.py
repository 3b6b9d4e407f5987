"""The evidence library (5.7 d): what each document says of itself; its original lies sealed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, func, insert, select

from data.state.audit import Entry, recorded
from data.state.tables import EVIDENCE

ADD, CHANGE, RETIRE, RESTORE = "add", "change", "retire", "restore"
SUPPORT, ARGUE = "support", "argue"


class NoSuchEvidence(Exception):
    """There is no evidence of that number."""


@dataclass(frozen=True)
class Original:
    """The file of a document: its name, SM3 digest (hex) and size; empty where there is none."""

    name: str = ""
    sm3: str = ""
    size: int = 0


@dataclass(frozen=True)
class Said:
    """What a document says of itself.

    Parameters
    ----------
    title, number, issuer, clause
        Name, 文号, who issued it, which clause of it counts.
    issued_on, expires_on
        ISO dates; the latter empty where it does not expire.
    stance
        ``support`` or ``argue``.
    """

    title: str
    number: str
    issuer: str
    issued_on: str
    clause: str
    stance: str
    expires_on: str = ""


@dataclass(frozen=True)
class Evidence:
    """A document as its newest row has it, or one row of its history."""

    evidence: int
    site: str
    said: Said
    original: Original
    author: str
    at: datetime
    act: str

    def counts_on(self, day: str) -> bool:
        """Tell whether it is neither retired nor expired on a day."""
        return self.act != RETIRE and not (self.said.expires_on and self.said.expires_on < day)


class EvidenceLibrary:
    """The evidence of a data directory; ``revision`` is another number after every change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.revision = 0

    def add(
        self, site: str, said: Said, original: Original, author: str, at: datetime, key: str
    ) -> int:
        """Keep a document and return its number; sent twice (``key``) it is one."""
        with recorded(self._engine, Entry("evidence.add", said.title)) as what:
            number = _by_key(what.connection, key)
            if number is not None:
                what.entry = None
                return number
            newest = what.connection.execute(select(func.max(EVIDENCE.c.evidence))).scalar() or 0
            row = Evidence(newest + 1, site, said, original, author, at, ADD)
            what.note(object=f"{site} {row.evidence}", description=said.title, after=original.sm3)
            self._append(what.connection, row, key)
            return row.evidence

    def change(
        self, evidence: int, said: Said, original: Original | None, author: str, at: datetime,
        key: str,
    ) -> None:  # fmt: skip
        """Keep what a document says now; ``original`` None keeps the file that it has.

        Raises
        ------
        NoSuchEvidence
            There is none of that number.
        """
        with recorded(self._engine, Entry("evidence.change", str(evidence), said.title)) as what:
            before = _newest(what.connection, evidence)
            row = replace(before, said=said, original=original or before.original, author=author,
                          at=at, act=CHANGE)  # fmt: skip
            same = (row.said, row.original) == (before.said, before.original)
            if (same and before.act != RETIRE) or _by_key(what.connection, key) is not None:
                what.entry = None
                return
            what.note(before=before.original.sm3, after=row.original.sm3)
            self._append(what.connection, row, key)

    def retire(self, evidence: int, author: str, at: datetime, key: str) -> None:
        """Let a document count no more; it stays with its file.

        Raises
        ------
        NoSuchEvidence
            There is none of that number.
        """
        self._turned(evidence, RETIRE, author, at, key)

    def restore(self, evidence: int, author: str, at: datetime, key: str) -> None:
        """Let a retired document count again; see ``retire``."""
        self._turned(evidence, RESTORE, author, at, key)

    def _turned(self, evidence: int, act: str, author: str, at: datetime, key: str) -> None:
        with recorded(self._engine, Entry(f"evidence.{act}", str(evidence))) as what:
            before = _newest(what.connection, evidence)
            known = _by_key(what.connection, key) is not None
            if (before.act == RETIRE) is (act == RETIRE) or known:
                what.entry = None
                return
            what.note(description=before.said.title)
            row = replace(before, author=author, at=at, act=act)
            self._append(what.connection, row, key)

    def _append(self, connection: Connection, row: Evidence, key: str) -> None:
        said, original = vars(row.said), row.original
        connection.execute(
            insert(EVIDENCE).values(
                evidence=row.evidence, site=row.site, **said, file_name=original.name,
                file_sm3=original.sm3, file_bytes=original.size, author=row.author, at=row.at,
                act=row.act, key=key,
            )
        )  # fmt: skip
        self.revision += 1

    def of(self, sites: Collection[str]) -> list[Evidence]:
        """Return the documents of sites, retired ones too, in the order they were added."""
        newest = select(func.max(EVIDENCE.c.row)).group_by(EVIDENCE.c.evidence).scalar_subquery()
        wanted = select(EVIDENCE).where(
            EVIDENCE.c.row.in_(newest), EVIDENCE.c.site.in_(list(sites))
        )
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(EVIDENCE.c.evidence))
            return [_evidence(row) for row in rows]

    def find(self, evidence: int) -> Evidence | None:
        """Return a document by its number, retired or not."""
        with self._engine.connect() as connection:
            try:
                return _newest(connection, evidence)
            except NoSuchEvidence:
                return None


def _by_key(connection: Connection, key: str) -> int | None:
    return connection.execute(select(EVIDENCE.c.evidence).where(EVIDENCE.c.key == key)).scalar()


def _newest(connection: Connection, evidence: int) -> Evidence:
    wanted = select(EVIDENCE).where(EVIDENCE.c.evidence == evidence)
    row = connection.execute(wanted.order_by(EVIDENCE.c.row.desc()).limit(1)).first()
    if row is None:
        raise NoSuchEvidence(str(evidence))
    return _evidence(row)


def _evidence(row: Row[tuple[object, ...]]) -> Evidence:
    said = Said(row.title, row.number, row.issuer, row.issued_on, row.clause, row.stance,
                row.expires_on)  # fmt: skip
    original = Original(row.file_name, row.file_sm3, row.file_bytes)
    return Evidence(row.evidence, row.site, said, original, row.author, row.at, row.act)
