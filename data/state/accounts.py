"""Accounts, tries, sessions, one-time codes and facts, as they are kept (T/CASMES 615 9.3, 9.4)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from data.state.audit import Entry, append, recorded, writing
from data.state.tables import (
    ACCOUNT,
    ATTEMPT,
    DISPLAY_GRANT,
    ENDED_SESSION,
    FACT,
    ONE_TIME_CODE,
    PASSWORD_HISTORY,
    RECOVERY_CODE,
    SESSION,
)

USER, DISPLAY = "user", "display"
ENDS_KEPT = timedelta(days=1)  # longer than a user's session, so that its cookie is still known


@dataclass(frozen=True)
class NewAccount:
    """An account to be made.

    Parameters
    ----------
    name, folded
        As it is shown, and as it is compared.
    role, password_hash
        Its one role, and what is kept of its password.
    person, phone, totp
        Sealed; empty where there is none.
    person_mac
        What tells persons apart without naming them; empty where nobody is named.
    sites
        JSON list of the sites it may see; empty for all.
    must_change
        Whether the password is to be changed at the first login.
    """

    name: str
    folded: str
    role: str
    password_hash: str
    person: str = ""
    person_mac: str = ""
    phone: str = ""
    sites: str = ""
    must_change: bool = False
    totp: str = ""


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
    person: str = ""
    person_mac: str = ""
    phone: str = ""
    sites: str = ""
    password_changed_at: datetime | None = None
    must_change: int = 0
    totp: str = ""
    totp_step: int = 0
    last_login_at: datetime | None = None

    @property
    def scope(self) -> tuple[str, ...]:
        """The sites it may see; none named: all."""
        return scope_of(self.sites)


@dataclass(frozen=True)
class Attempt:
    """A counted try: how many have failed with this one, until when no more are taken."""

    failures: int
    locked_until: datetime | None
    refused: bool


@dataclass(frozen=True)
class SessionRow:
    """A session as it is kept; a demonstration and a display have no account.

    Parameters
    ----------
    token_digest, kind, account, name, role
        What it is found by, user, demonstration or display, and whose it is.
    created_at, seen_at, ends_at, address
        Since when, until when, and where the login came from.
    stage
        full; password or factor where one has to be set before anything else is open.
    sites
        The sites it may see; none named: all.
    display, page
        Number and page of a display's grant.
    """

    token_digest: str
    kind: str
    account: int | None
    name: str
    role: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    stage: str = "full"
    sites: tuple[str, ...] = ()
    display: int | None = None
    page: str = ""


class NameTaken(Exception):
    """An account of that name exists; the message is the name."""


class CodeRefused(Exception):
    """A one-time code is unknown, spent or void."""


class LastOne(Exception):
    """The last active security administrator can be neither disabled nor given another role."""


class PersonHolds(Exception):
    """The person holds another administrator's role already."""


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

    def change_password(self, account: int, password_hash: str, at: datetime) -> None:
        """Keep the password that somebody has chosen himself; every session of his ends."""
        with recorded(self._engine, Entry("account.password")) as what:
            what.note(object=_name(what.connection, account))
            _put_password(what.connection, account, password_hash, at, must_change=False)
            end_sessions(what.connection, SESSION.c.account == account, "password", at)
        self.revision += 1

    def reset(
        self, account: int, password_hash: str, at: datetime, *, must_change: bool, enable: bool
    ) -> None:
        """Give an account a new password; its sessions end.

        Parameters
        ----------
        account, password_hash, at
            Whose, what is kept of it, and when.
        must_change
            Whether it is to be changed at the next login.
        enable
            Whether a disabled account may be used again.

        Raises
        ------
        PersonHolds
            It would be enabled beside another administrator's account of the same person.
        """
        with recorded(self._engine, Entry("account.reset")) as what, constraints():
            what.note(object=_name(what.connection, account))
            _put_password(what.connection, account, password_hash, at, must_change=must_change)
            if enable:
                enable_again(what.connection, account, at)
            end_sessions(what.connection, SESSION.c.account == account, "reset", at)
        self.revision += 1

    def disable(self, account: int, at: datetime, why: str = "") -> None:
        """Let nobody use an account any more; its sessions end.

        Raises
        ------
        LastOne
            It is the last active security administrator.
        """
        with recorded(self._engine, Entry("account.disable", description=why)) as what:
            what.note(object=_name(what.connection, account))
            with constraints():
                _set(what.connection, account, disabled_at=at)
            end_sessions(what.connection, SESSION.c.account == account, "disabled", at)
        self.revision += 1

    def old_passwords(self, account: int, most: int) -> list[str]:
        """Return what is kept of an account's newest passwords, the present one among them."""
        past = PASSWORD_HISTORY.c
        wanted = select(past.hash).where(past.account == account).order_by(past.at.desc())
        present = select(ACCOUNT.c.password_hash).where(ACCOUNT.c.account == account)
        with self._engine.connect() as connection:
            found = [connection.execute(present).scalar_one()]
            found += connection.execute(wanted.limit(most)).scalars()
        return list(dict.fromkeys(found))[:most]

    def enrol(self, account: int, totp: str, step: int, codes: Sequence[str], at: datetime) -> None:
        """Keep a second factor and its recovery codes; every session of the account ends.

        Parameters
        ----------
        account
            Whose.
        totp
            The secret, sealed.
        step
            The time step that proved it: none up to it is taken again.
        codes
            Digests of the recovery codes.
        at
            When.

        Raises
        ------
        CodeRefused
            It has a second factor already.
        """
        with recorded(self._engine, Entry("account.factor", description="enrolled")) as what:
            what.note(object=_name(what.connection, account))
            bare = and_(ACCOUNT.c.account == account, ACCOUNT.c.totp == "")
            put = update(ACCOUNT).where(bare).values(totp=totp, totp_step=step)
            if what.connection.execute(put).rowcount != 1:
                raise CodeRefused
            _put_codes(what.connection, account, codes)
            end_sessions(what.connection, SESSION.c.account == account, "factor", at)
        self.revision += 1

    def put_recovery_codes(self, account: int, codes: Sequence[str]) -> None:
        """Keep new recovery codes by their digests; the ones before are void."""
        words = Entry("account.factor", description="recovery codes")
        with recorded(self._engine, words) as what:
            what.note(object=_name(what.connection, account))
            _put_codes(what.connection, account, codes)

    def clear_factor(self, account: int, at: datetime) -> None:
        """Forget an account's second factor: it is enrolled anew at the next login."""
        with recorded(self._engine, Entry("account.factor", description="cleared")) as what:
            what.note(object=_name(what.connection, account))
            _set(what.connection, account, totp="", totp_step=0)
            _put_codes(what.connection, account, ())
            end_sessions(what.connection, SESSION.c.account == account, "factor", at)
        self.revision += 1

    def take_step(self, account: int, step: int) -> bool:
        """Take a one-time code's time step, if none so late was taken; each once, ascending."""
        earlier = and_(ACCOUNT.c.account == account, ACCOUNT.c.totp_step < step)
        with writing(self._engine) as connection:
            taken = connection.execute(update(ACCOUNT).where(earlier).values(totp_step=step))
            return taken.rowcount == 1

    def spend_recovery(self, account: int, digest: str, at: datetime) -> bool:
        """Spend a recovery code; False where there is none such left."""
        code = RECOVERY_CODE.c
        unspent = and_(code.account == account, code.digest == digest, code.used_at.is_(None))
        with recorded(self._engine, Entry("account.factor", description="recovery code")) as what:
            what.note(object=_name(what.connection, account))
            spent = what.connection.execute(update(RECOVERY_CODE).where(unspent).values(used_at=at))
            if spent.rowcount != 1:
                what.entry = None
            return spent.rowcount == 1

    def recovery_codes_left(self, account: int) -> int:
        """Return how many recovery codes of an account are unspent."""
        code = RECOVERY_CODE.c
        wanted = select(func.count()).where(code.account == account, code.used_at.is_(None))
        with self._engine.connect() as connection:
            return connection.execute(wanted).scalar_one()

    def active(self, role: str) -> int:
        """Return how many accounts of a role are not disabled."""
        mine = and_(ACCOUNT.c.role == role, ACCOUNT.c.disabled_at.is_(None))
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).where(mine)).scalar_one()

    def by_number(self, account: int) -> Account | None:
        """Return an account by its number."""
        with self._engine.connect() as connection:
            row = connection.execute(select(ACCOUNT).where(ACCOUNT.c.account == account)).first()
        return None if row is None else Account(**row._mapping)

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
        event = "session.login" if row.kind == USER else f"session.{row.kind}"
        with recorded(self._engine, Entry(event, row.token_digest[:8], row.stage)) as what:
            connection, at = what.connection, row.created_at
            if link and not _spend(connection, row.kind, link, at):
                raise CodeRefused
            _forget_ended(connection, at, idle_since)
            elsewhere = and_(SESSION.c.account == row.account, SESSION.c.kind == USER)
            end_sessions(connection, SESSION.c.token_digest == replacing, "replaced", at)
            if row.account is not None and end_sessions(connection, elsewhere, "elsewhere", at):
                name = _name(connection, row.account)
                append(connection, Entry("session.end", name, "elsewhere"))
            _put_session(connection, row)
            if row.account is not None:
                _set(connection, row.account, last_login_at=at)
        self.revision += 1

    def open_display(self, row: SessionRow, token_digest: str) -> SessionRow:
        """Keep the session of a display whose link is opened: once, from the address it allows.

        Raises
        ------
        CodeRefused
            The link is unknown, opened already or revoked, or is for another address.
        """
        grant = DISPLAY_GRANT.c
        free = and_(grant.token_digest == token_digest, grant.opened_at.is_(None),
                    grant.revoked_at.is_(None), grant.address.in_(("", row.address)))  # fmt: skip
        with recorded(self._engine, Entry("session.display")) as what:
            connection = what.connection
            opened = connection.execute(
                update(DISPLAY_GRANT)
                .where(free)
                .values(opened_at=row.created_at, address=row.address)
                .returning(grant.display, grant.name)
            ).first()
            if opened is None:
                raise CodeRefused
            what.note(object=opened.name, description=row.address)
            _put_session(connection, row, display=opened.display)
        self.revision += 1
        found = self.session(row.token_digest)
        if found is None:
            raise CodeRefused
        return found

    def session(self, token_digest: str) -> SessionRow | None:
        """Return a session with whose it is; None for a disabled account's, a revoked display's."""
        grant = DISPLAY_GRANT.c
        joined = (
            select(
                SESSION, ACCOUNT.c.name, ACCOUNT.c.role, ACCOUNT.c.disabled_at,
                ACCOUNT.c.sites, grant.name.label("display_name"), grant.page,
                grant.sites.label("display_sites"), grant.revoked_at,
            )
            .join(ACCOUNT, SESSION.c.account == ACCOUNT.c.account, isouter=True)
            .join(DISPLAY_GRANT, SESSION.c.display == grant.display, isouter=True)
        )  # fmt: skip
        with self._engine.connect() as connection:
            row = connection.execute(joined.where(SESSION.c.token_digest == token_digest)).first()
        if row is None or row.disabled_at is not None or row.revoked_at is not None:
            return None
        return _session_row(row)

    def why_ended(self, token_digest: str) -> str:
        """Return what ended a session a short while ago; empty for one that nothing did."""
        wanted = select(ENDED_SESSION.c.why).where(ENDED_SESSION.c.token_digest == token_digest)
        with self._engine.connect() as connection:
            return str(connection.execute(wanted).scalar() or "")

    def sessions(self) -> list[SessionRow]:
        """Return the sessions of accounts that have not been ended, newest first."""
        wanted = (
            select(SESSION, ACCOUNT.c.name, ACCOUNT.c.role, ACCOUNT.c.sites)
            .join(ACCOUNT, SESSION.c.account == ACCOUNT.c.account)
            .order_by(SESSION.c.created_at.desc())
        )
        with self._engine.connect() as connection:
            return [_session_row(row) for row in connection.execute(wanted)]

    def end_sessions_of(self, account: int, at: datetime) -> int:
        """End every session of an account and return how many there were."""
        with recorded(self._engine, Entry("session.end", description="ended")) as what:
            what.note(object=_name(what.connection, account))
            ended = end_sessions(what.connection, SESSION.c.account == account, "ended", at)
            if ended == 0:
                what.entry = None
        self.revision += 1
        return ended

    def saw_session(self, token_digest: str, at: datetime) -> None:
        """Note when a session was last used."""
        with writing(self._engine) as connection:
            connection.execute(
                update(SESSION).where(SESSION.c.token_digest == token_digest).values(seen_at=at)
            )

    def end_session(self, token_digest: str, at: datetime, why: str = "logout") -> None:
        """End one session: by its user, or because it was left alone or is over."""
        event = "session.logout" if why == "logout" else "session.end"
        with recorded(self._engine, Entry(event, token_digest[:8], why)) as what:
            mine = SESSION.c.token_digest == token_digest
            if end_sessions(what.connection, mine, why, at) == 0:
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


@contextmanager
def constraints() -> Iterator[None]:
    """Say in our words what the database refuses."""
    try:
        yield
    except IntegrityError as error:
        words = str(error.orig)
        if "account_one_administrator" in words or "person_mac" in words:
            raise PersonHolds from error
        if "last active" in words:
            raise LastOne from error
        raise


def scope_of(sites: str) -> tuple[str, ...]:
    """Return the sites of a scope as it is kept; none named: all."""
    return tuple(json.loads(sites)) if sites else ()


def end_sessions(connection: Connection, which: ColumnElement[bool], why: str, at: datetime) -> int:
    """End sessions within a transaction, keep why, and return how many there were."""
    gone = select(SESSION.c.token_digest, literal(why), literal(at, ENDED_SESSION.c.at.type))
    connection.execute(
        insert(ENDED_SESSION)
        .prefix_with("OR REPLACE")
        .from_select(["token_digest", "why", "at"], gone.where(which))
    )
    return connection.execute(delete(SESSION).where(which)).rowcount


def _forget_ended(connection: Connection, at: datetime, idle_since: datetime) -> None:
    """Forget sessions that have run out or were left alone; this also keeps the tables small."""
    idle = and_(SESSION.c.seen_at <= idle_since, SESSION.c.kind != DISPLAY)
    connection.execute(delete(SESSION).where(or_(SESSION.c.ends_at <= at, idle)))
    connection.execute(delete(ENDED_SESSION).where(ENDED_SESSION.c.at <= at - ENDS_KEPT))


def _put_session(connection: Connection, row: SessionRow, display: int | None = None) -> None:
    connection.execute(
        insert(SESSION).values(
            token_digest=row.token_digest,
            account=row.account,
            kind=row.kind,
            created_at=row.created_at,
            seen_at=row.seen_at,
            ends_at=row.ends_at,
            address=row.address,
            stage=row.stage,
            display=display,
        )
    )


def _put_password(
    connection: Connection, account: int, kept: str, at: datetime, *, must_change: bool
) -> None:
    _set(
        connection, account, password_hash=kept, password_changed_at=at,
        must_change=int(must_change),
    )  # fmt: skip
    connection.execute(insert(PASSWORD_HISTORY).values(account=account, hash=kept, at=at))


def _put_codes(connection: Connection, account: int, codes: Sequence[str]) -> None:
    connection.execute(delete(RECOVERY_CODE).where(RECOVERY_CODE.c.account == account))
    for digest in codes:
        connection.execute(insert(RECOVERY_CODE).values(account=account, digest=digest))


def enable_again(connection: Connection, account: int, at: datetime) -> None:
    """Let a disabled account be used again, within a transaction."""
    used = {"last_login_at": at}  # or it would count as unused and be disabled at once
    disabled = and_(ACCOUNT.c.account == account, ACCOUNT.c.disabled_at.is_not(None))
    connection.execute(update(ACCOUNT).where(disabled).values(disabled_at=None, **used))


def _made(new: Sequence[NewAccount]) -> Entry:
    names, roles = ", ".join(one.name for one in new), ", ".join(one.role for one in new)
    return Entry("account.add", names, after=roles)


def _name(connection: Connection, account: int) -> str:
    wanted = select(ACCOUNT.c.name).where(ACCOUNT.c.account == account)
    return str(connection.execute(wanted).scalar_one())


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(ACCOUNT)).scalar_one()


def insert_account(connection: Connection, new: NewAccount, at: datetime) -> int:
    """Make an account within a transaction and return its number.

    Raises
    ------
    NameTaken
        The name exists.
    PersonHolds
        The person holds another administrator's role.
    """
    values: dict[str, Any] = {
        name: getattr(new, name)
        for name in ("name", "folded", "role", "password_hash", "person", "person_mac", "phone",
                     "sites", "totp")
    }  # fmt: skip
    values |= {
        "created_at": at, "password_changed_at": at, "must_change": int(new.must_change),
        "totp_step": 0,
    }  # fmt: skip
    try:
        with constraints():
            number = connection.execute(insert(ACCOUNT).values(**values)).lastrowid
    except IntegrityError as error:
        raise NameTaken(new.name) from error
    kept = {"account": number, "hash": new.password_hash, "at": at}
    connection.execute(insert(PASSWORD_HISTORY).values(**kept))
    return int(number)


def _insert_accounts(connection: Connection, new: Sequence[NewAccount], at: datetime) -> None:
    for one in new:
        insert_account(connection, one, at)


def _set(connection: Connection, account: int, **values: object) -> None:
    connection.execute(update(ACCOUNT).where(ACCOUNT.c.account == account).values(**values))


def _forget_old_attempts(connection: Connection, at: datetime, hold: timedelta) -> None:
    """Forget tries that count no more; this is also what keeps the table small."""
    old, until = ATTEMPT.c.at <= at - hold, ATTEMPT.c.locked_until
    connection.execute(delete(ATTEMPT).where(old, or_(until.is_(None), until <= at)))


def _session_row(row: Row[tuple[object, ...]]) -> SessionRow:
    display = row.kind == DISPLAY
    sites = (row.display_sites if display else row.sites) or ""
    return SessionRow(
        row.token_digest,
        row.kind,
        row.account,
        (row.display_name if display else row.name) or "",
        row.role or row.kind,
        row.created_at,
        row.seen_at,
        row.ends_at,
        row.address,
        row.stage,
        scope_of(sites),
        row.display,
        row.page if display else "",
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
