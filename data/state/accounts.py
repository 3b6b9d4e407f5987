"""Accounts, tries, sessions, one-time codes and facts, as they are kept (T/CASMES 615 9.3, 9.4)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, Row, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from data.state.audit import Entry, recorded, writing
from data.state.tables import ACCOUNT, ATTEMPT, FACT, ONE_TIME_CODE, SESSION


@dataclass(frozen=True)
class NewAccount:
    """An account to be made; ``folded`` is the name as it is compared."""

    name: str
    folded: str
    role: str
    password_hash: str


@dataclass(frozen=True)
class Account:
    """An account as it is kept."""

    account: int
    name: str
    folded: str
    role: str
    password_hash: str
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True)
class Attempt:
    """A counted try: how many have failed with this one, until when no more are taken."""

    failures: int
    locked_until: datetime | None
    refused: bool


@dataclass(frozen=True)
class SessionRow:
    """A session as it is kept; a demonstration has no account."""

    token_digest: str
    kind: str
    account: int | None
    name: str
    role: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str


class NameTaken(Exception):
    """An account of that name exists; the message is the name."""


class CodeRefused(Exception):
    """A one-time code is unknown, spent or void."""


class Accounts:
    """Accounts, tries, sessions, one-time codes and facts (T/CASMES 615 9.3, 9.4).

    Every change is one transaction. ``revision`` counts what ended sessions, so that whoever
    keeps sessions in memory knows when to forget them.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counting = threading.Lock()
        self._some = False
        self._facts: dict[str, datetime | None] = {}
        self.revision = 0

    def some(self) -> bool:
        """Tell whether there is an account; accounts are disabled, never deleted."""
        if not self._some:
            with self._engine.connect() as connection:
                self._some = _count(connection) > 0
        return self._some

    def everyone(self) -> list[Account]:
        """Return every account by name."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(ACCOUNT).order_by(ACCOUNT.c.folded))
            return [Account(**row._mapping) for row in rows]

    def find(self, folded: str) -> Account | None:
        """Return the account of a name, as it is compared."""
        with self._engine.connect() as connection:
            row = connection.execute(select(ACCOUNT).where(ACCOUNT.c.folded == folded)).first()
        return None if row is None else Account(**row._mapping)

    def add(self, new: Sequence[NewAccount], at: datetime) -> None:
        """Make accounts, all or none.

        Raises
        ------
        NameTaken
            One of the names exists.
        """
        with recorded(self._engine, _made(new)) as what:
            _insert_accounts(what.connection, new, at)

    def add_first(self, new: Sequence[NewAccount], code_digest: str, at: datetime) -> None:
        """Make the first accounts and spend the set-up code, all or nothing.

        Raises
        ------
        CodeRefused
            The code is not the set-up code, is spent, or there is an account already.
        NameTaken
            Two of the names are the same.
        """
        with recorded(self._engine, _made(new)) as what:
            spent = _spend(what.connection, "setup", code_digest, at)
            if not spent or _count(what.connection) > 0:
                raise CodeRefused
            _insert_accounts(what.connection, new, at)

    def set_password(self, account: int, password_hash: str) -> None:
        """Keep another hash for an account (the same password, more rounds)."""
        with writing(self._engine) as connection:
            _set(connection, account, password_hash=password_hash)

    def reset(self, account: int, password_hash: str) -> None:
        """Give an account a new password: its sessions end, and it is enabled again."""
        with recorded(self._engine, Entry("account.reset")) as what:
            what.note(object=_name(what.connection, account))
            _set(what.connection, account, password_hash=password_hash, disabled_at=None)
            what.connection.execute(delete(SESSION).where(SESSION.c.account == account))
        self.revision += 1

    def disable(self, account: int, at: datetime) -> None:
        """Let nobody use an account any more; its sessions end."""
        with recorded(self._engine, Entry("account.disable")) as what:
            what.note(object=_name(what.connection, account))
            _set(what.connection, account, disabled_at=at)
            what.connection.execute(delete(SESSION).where(SESSION.c.account == account))
        self.revision += 1

    def count_attempt(self, subject: str, at: datetime, most: int, hold: timedelta) -> Attempt:
        """Count a try before it is judged, so that tries side by side cannot pass the limit.

        Parameters
        ----------
        subject
            What is tried, as a digest.
        at
            The time of the try.
        most
            The try that locks when it fails.
        hold
            How long it stays locked, and how long a failure is remembered.

        Returns
        -------
        Attempt
            ``refused``: it was locked already, the try is not to be judged.
        """
        with self._counting, writing(self._engine) as connection:
            _forget_old_attempts(connection, at, hold)
            row = connection.execute(select(ATTEMPT).where(ATTEMPT.c.subject == subject)).first()
            if row is not None and row.locked_until is not None:
                return Attempt(row.failures, row.locked_until, refused=True)
            failures = 1 if row is None else row.failures + 1
            until = at + hold if failures >= most else None
            connection.execute(delete(ATTEMPT).where(ATTEMPT.c.subject == subject))
            connection.execute(
                insert(ATTEMPT).values(
                    subject=subject, failures=failures, at=at, locked_until=until
                )
            )
            return Attempt(failures, until, refused=False)

    def forget_attempts(self, subject: str) -> None:
        """Start counting anew: the try succeeded, or the password was reset."""
        with self._counting, writing(self._engine) as connection:
            connection.execute(delete(ATTEMPT).where(ATTEMPT.c.subject == subject))

    def open_session(
        self, row: SessionRow, idle_since: datetime, *, replacing: str = "", link: str = ""
    ) -> None:
        """Keep a new session; those that have run out or were idle go.

        Parameters
        ----------
        row
            The session.
        idle_since
            Sessions not used since then have ended.
        replacing
            Digest of the session that the same browser had; it ends.
        link
            Digest of the one-time link that is spent for it; empty without one.

        Raises
        ------
        CodeRefused
            The link is unknown, spent or void.
        """
        event = "session.login" if row.kind == "user" else f"session.{row.kind}"
        old = or_(SESSION.c.ends_at <= row.created_at, SESSION.c.seen_at <= idle_since)
        with recorded(self._engine, Entry(event, row.token_digest[:8])) as what:
            connection = what.connection
            if link and not _spend(connection, row.kind, link, row.created_at):
                raise CodeRefused
            ended = connection.execute(
                delete(SESSION).where(or_(old, SESSION.c.token_digest == replacing))
            )
            what.note(description=f"ended={ended.rowcount}" if ended.rowcount else "")
            connection.execute(
                insert(SESSION).values(
                    token_digest=row.token_digest,
                    account=row.account,
                    kind=row.kind,
                    created_at=row.created_at,
                    seen_at=row.seen_at,
                    ends_at=row.ends_at,
                    address=row.address,
                )
            )
        if replacing:
            self.revision += 1

    def session(self, token_digest: str) -> SessionRow | None:
        """Return a session with its account's name and role; None for a disabled account's."""
        joined = select(SESSION, ACCOUNT.c.name, ACCOUNT.c.role, ACCOUNT.c.disabled_at).join(
            ACCOUNT, SESSION.c.account == ACCOUNT.c.account, isouter=True
        )
        with self._engine.connect() as connection:
            row = connection.execute(joined.where(SESSION.c.token_digest == token_digest)).first()
        return None if row is None or row.disabled_at is not None else _session_row(row)

    def saw_session(self, token_digest: str, at: datetime) -> None:
        """Note when a session was last used."""
        with writing(self._engine) as connection:
            connection.execute(
                update(SESSION).where(SESSION.c.token_digest == token_digest).values(seen_at=at)
            )

    def end_session(self, token_digest: str) -> None:
        """End one session."""
        with recorded(self._engine, Entry("session.logout", token_digest[:8])) as what:
            ended = what.connection.execute(
                delete(SESSION).where(SESSION.c.token_digest == token_digest)
            )
            if ended.rowcount == 0:
                what.entry = None
        self.revision += 1

    def end_demonstrations(self) -> None:
        """End every demonstration and void the links to more."""
        with recorded(self._engine, Entry("session.end", "demonstration")) as what:
            ended = what.connection.execute(
                delete(SESSION).where(SESSION.c.kind == "demonstration")
            )
            if ended.rowcount + _void(what.connection, "demonstration") == 0:
                what.entry = None
        self.revision += 1

    def put_code(self, purpose: str, digest: str, at: datetime) -> None:
        """Keep a new one-time code; the unused ones for the same purpose are void."""
        with recorded(self._engine, Entry(f"code.{purpose}")) as what:
            _void(what.connection, purpose)
            what.connection.execute(
                insert(ONE_TIME_CODE).values(purpose=purpose, digest=digest, created_at=at)
            )

    def has_code(self, purpose: str, digest: str) -> bool:
        """Tell whether a code could be spent."""
        code = ONE_TIME_CODE.c
        found = select(code.digest).where(
            code.purpose == purpose, code.digest == digest, code.used_at.is_(None)
        )
        with self._engine.connect() as connection:
            return connection.execute(found).first() is not None

    def note(self, name: str, at: datetime) -> None:
        """Keep when something was first the case."""
        with recorded(self._engine, Entry("fact.note", name)) as what:
            new = insert(FACT).prefix_with("OR IGNORE").values(name=name, at=at)
            if what.connection.execute(new).rowcount == 0:
                what.entry = None
        self._facts[name] = at

    def noted(self, name: str) -> datetime | None:
        """Return when something was first the case."""
        if name not in self._facts:
            with self._engine.connect() as connection:
                found = connection.execute(select(FACT.c.at).where(FACT.c.name == name)).scalar()
            self._facts.setdefault(name, found)  # not over what was noted in the meantime
        return self._facts[name]


def _made(new: Sequence[NewAccount]) -> Entry:
    names, roles = ", ".join(one.name for one in new), ", ".join(one.role for one in new)
    return Entry("account.add", names, after=roles)


def _name(connection: Connection, account: int) -> str:
    wanted = select(ACCOUNT.c.name).where(ACCOUNT.c.account == account)
    return str(connection.execute(wanted).scalar_one())


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(ACCOUNT)).scalar_one()


def _insert_accounts(connection: Connection, new: Sequence[NewAccount], at: datetime) -> None:
    for one in new:
        try:
            connection.execute(
                insert(ACCOUNT).values(
                    name=one.name,
                    folded=one.folded,
                    role=one.role,
                    password_hash=one.password_hash,
                    created_at=at,
                )
            )
        except IntegrityError as error:
            raise NameTaken(one.name) from error


def _set(connection: Connection, account: int, **values: object) -> None:
    connection.execute(update(ACCOUNT).where(ACCOUNT.c.account == account).values(**values))


def _forget_old_attempts(connection: Connection, at: datetime, hold: timedelta) -> None:
    """Forget tries that count no more; this is also what keeps the table small."""
    old, until = ATTEMPT.c.at <= at - hold, ATTEMPT.c.locked_until
    connection.execute(delete(ATTEMPT).where(old, or_(until.is_(None), until <= at)))


def _session_row(row: Row[tuple[object, ...]]) -> SessionRow:
    return SessionRow(
        row.token_digest,
        row.kind,
        row.account,
        row.name or "",
        row.role or "demonstration",
        row.created_at,
        row.seen_at,
        row.ends_at,
        row.address,
    )


def _spend(connection: Connection, purpose: str, digest: str, at: datetime) -> bool:
    code = ONE_TIME_CODE.c
    result = connection.execute(
        update(ONE_TIME_CODE)
        .where(code.purpose == purpose, code.digest == digest, code.used_at.is_(None))
        .values(used_at=at)
    )
    return result.rowcount == 1


def _void(connection: Connection, purpose: str) -> int:
    code = ONE_TIME_CODE.c
    voided = delete(ONE_TIME_CODE).where(code.purpose == purpose, code.used_at.is_(None))
    return connection.execute(voided).rowcount
