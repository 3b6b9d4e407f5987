"""Requests that need two administrators, the policy in force, displays (T/CASMES 615 9.4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, func, insert, select, update

from data.state.accounts import (
    Accounts,
    NewAccount,
    constraints,
    enable_again,
    end_sessions,
    insert_account,
    scope_of,
)
from data.state.approvals import Decided
from data.state.audit import Entry, append, recorded
from data.state.tables import (
    ACCESS_REQUEST,
    ACCOUNT,
    DISPLAY_GRANT,
    POLICY_VERSION,
    SESSION,
)


@dataclass(frozen=True)
class NewRequest:
    """A change of accounts or rights that somebody wants.

    Parameters
    ----------
    kind
        account, role, sites, enable, policy or display.
    subject
        The account's name, ``policy``, or the display's name.
    body
        What is to be done; persons and phones only sealed.
    proposer, proposer_role
        Who wants it: a system or a security administrator.
    """

    kind: str
    subject: str
    body: Mapping[str, Any]
    proposer: str
    proposer_role: str


@dataclass(frozen=True)
class AccessRequest:
    """A request as it is kept."""

    request: int
    kind: str
    subject: str
    body: Mapping[str, Any]
    proposer: str
    proposer_role: str
    proposed_at: datetime
    status: str
    decided_by: str | None
    decided_role: str | None
    decided_at: datetime | None
    reason: str


@dataclass(frozen=True)
class Decider:
    """Who decides about a request: the other of the two administrators."""

    name: str
    role: str


@dataclass(frozen=True)
class PolicyVersion:
    """A version of the policy: its switched cells as JSON, and who put it in force."""

    version: int
    matrix: str
    at: datetime
    proposed_by: str
    approved_by: str


@dataclass(frozen=True)
class Display:
    """A display that may show one page without anybody signing in."""

    display: int
    name: str
    address: str
    sites: tuple[str, ...]
    page: str
    granted_by: str
    granted_at: datetime
    opened_at: datetime | None
    revoked_at: datetime | None


class Stale(Exception):
    """What a request was made for has changed since."""


class Access:
    """Requests of two, the policy, displays; every change is one transaction."""

    def __init__(self, engine: Engine, accounts: Accounts) -> None:
        self._engine, self._accounts = engine, accounts
        self._matrix: str | None = None

    # Requests

    def propose(self, new: NewRequest, at: datetime) -> int:
        """Keep a request and return its number; an open one of the same subject is withdrawn."""
        entry = Entry("account.request", f"{new.kind} {new.subject}", _said(new.body))
        with recorded(self._engine, entry) as what:
            old = and_(ACCESS_REQUEST.c.kind == new.kind, ACCESS_REQUEST.c.status == "open",
                       ACCESS_REQUEST.c.subject == new.subject)  # fmt: skip
            what.connection.execute(update(ACCESS_REQUEST).where(old).values(status="withdrawn"))
            made = what.connection.execute(
                insert(ACCESS_REQUEST).values(
                    kind=new.kind, subject=new.subject, proposer=new.proposer,
                    body=json.dumps(new.body, ensure_ascii=False, sort_keys=True),
                    proposer_role=new.proposer_role, proposed_at=at, status="open", reason="",
                )
            )  # fmt: skip
            what.note(after=f"request={made.lastrowid}")
            return int(made.lastrowid)

    def request(self, number: int) -> AccessRequest | None:
        """Return a request by its number."""
        wanted = select(ACCESS_REQUEST).where(ACCESS_REQUEST.c.request == number)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return None if row is None else _request(row)

    def requests(self, *, only_open: bool = False, most: int = 200) -> list[AccessRequest]:
        """Return requests, newest first."""
        wanted = select(ACCESS_REQUEST).order_by(ACCESS_REQUEST.c.request.desc()).limit(most)
        if only_open:
            wanted = wanted.where(ACCESS_REQUEST.c.status == "open")
        with self._engine.connect() as connection:
            return [_request(row) for row in connection.execute(wanted)]

    def reject(self, number: int, by: Decider, at: datetime, reason: str) -> None:
        """Note that a request was rejected.

        Raises
        ------
        Decided
            It is not open.
        """
        entry = Entry("account.decide", f"request={number}", f"rejected: {reason}")
        with recorded(self._engine, entry) as what:
            _decide(what.connection, number, "rejected", by, at, reason)

    def accept(
        self, found: AccessRequest, by: Decider, at: datetime, do: Callable[[Connection], None]
    ) -> None:
        """Accept a request and do what it asks for, all or nothing.

        Parameters
        ----------
        found, by, at
            The request, who decides, when.
        do
            What it asks for: one of the functions below, bound.

        Raises
        ------
        Decided
            It is not open.
        NameTaken, PersonHolds, LastOne, Stale
            It cannot be done (any more); it stays open.
        """
        entry = Entry("account.decide", f"request={found.request}",
                      f"accepted: {found.kind} {found.subject}")  # fmt: skip
        with recorded(self._engine, entry) as what, constraints():
            _decide(what.connection, found.request, "accepted", by, at, "")
            do(what.connection)
        self._accounts.revision += 1
        self._matrix = None

    # The policy

    def matrix(self) -> str:
        """Return the switched cells in force as JSON; empty where nothing was ever switched."""
        if self._matrix is None:
            newest = select(POLICY_VERSION.c.matrix).order_by(POLICY_VERSION.c.version.desc())
            with self._engine.connect() as connection:
                self._matrix = str(connection.execute(newest.limit(1)).scalar() or "")
        return self._matrix

    def policies(self) -> list[PolicyVersion]:
        """Return every version of the policy after the first, newest first."""
        wanted = select(POLICY_VERSION).order_by(POLICY_VERSION.c.version.desc())
        with self._engine.connect() as connection:
            return [PolicyVersion(**row._mapping) for row in connection.execute(wanted)]

    # Displays

    def displays(self) -> list[Display]:
        """Return the displays, newest first."""
        wanted = select(DISPLAY_GRANT).order_by(DISPLAY_GRANT.c.display.desc())
        with self._engine.connect() as connection:
            return [_display(row) for row in connection.execute(wanted)]

    def revoke(self, display: int, at: datetime) -> None:
        """Revoke a display: its session ends at once, its link is void."""
        with recorded(self._engine, Entry("display.revoke")) as what:
            grant = DISPLAY_GRANT.c
            mine = and_(grant.display == display, grant.revoked_at.is_(None))
            revoked = update(DISPLAY_GRANT).where(mine).values(revoked_at=at)
            name = what.connection.execute(revoked.returning(grant.name)).scalar()
            end_sessions(what.connection, SESSION.c.display == display, "revoked", at)
            if name is None:
                what.entry = None
            else:
                what.note(object=str(name))
        self._accounts.revision += 1


# What an accepted request does


def make_account(connection: Connection, new: NewAccount, at: datetime) -> None:
    """Make the account that a request asks for."""
    insert_account(connection, new, at)
    append(connection, Entry("account.add", new.name, after=new.role))


def change_account(
    connection: Connection, name: str, before: Mapping[str, str], after: Mapping[str, str],
    at: datetime,
) -> None:  # fmt: skip
    """Give an account another role or other sites; its sessions end.

    Raises
    ------
    Stale
        It is not any more as it was when it was asked for.
    """
    columns = [ACCOUNT.c[column] == value for column, value in before.items()]
    changed = connection.execute(
        update(ACCOUNT).where(ACCOUNT.c.name == name, *columns).values(**after)
        .returning(ACCOUNT.c.account)
    ).scalar()  # fmt: skip
    if changed is None:
        raise Stale(name)
    why = "role" if "role" in after else "sites"
    end_sessions(connection, SESSION.c.account == changed, why, at)
    entry = Entry(f"account.{why}", name, before=before[why], after=after[why])
    append(connection, entry)


def enable_account(connection: Connection, name: str, at: datetime) -> None:
    """Let a disabled account be used again.

    Raises
    ------
    Stale
        It is not disabled.
    """
    mine = and_(ACCOUNT.c.name == name, ACCOUNT.c.disabled_at.is_not(None))
    number = connection.execute(select(ACCOUNT.c.account).where(mine)).scalar()
    if number is None:
        raise Stale(name)
    enable_again(connection, number, at)
    append(connection, Entry("account.enable", name))


def put_policy(
    connection: Connection, matrix: str, base: int, by: tuple[str, str], at: datetime
) -> None:
    """Put a version of the policy in force.

    Parameters
    ----------
    connection
        Of the transaction that accepts the request.
    matrix
        The switched cells as JSON.
    base
        The version that was looked at when it was asked for.
    by
        Who proposed and who approved.
    at
        When.

    Raises
    ------
    Stale
        Another version came in between.
    """
    newest = connection.execute(select(func.max(POLICY_VERSION.c.version))).scalar() or 1
    if newest != base:
        raise Stale(str(newest))
    values = {"version": newest + 1, "matrix": matrix, "at": at}
    connection.execute(
        insert(POLICY_VERSION).values(**values, proposed_by=by[0], approved_by=by[1])
    )
    append(connection, Entry("policy.change", f"version {newest + 1}", matrix))


def grant_display(
    connection: Connection, grant: Mapping[str, str], token_digest: str, by: str, at: datetime
) -> None:
    """Let a display show a page; its link opens once.

    Parameters
    ----------
    connection
        Of the transaction that accepts the request.
    grant
        name, page, sites (JSON), address.
    token_digest
        What is stored of the link.
    by, at
        Who grants it, when.
    """
    connection.execute(
        insert(DISPLAY_GRANT).values(**grant, token_digest=token_digest, granted_by=by,
                                     granted_at=at)
    )  # fmt: skip
    append(connection, Entry("display.grant", grant["name"], grant["page"]))


def _said(body: Mapping[str, Any]) -> str:
    """Return a request's body for its record: persons and phones stay out of it."""
    kept = {name: value for name, value in body.items() if name not in ("person", "phone")}
    kept.pop("person_mac", None)
    return json.dumps(kept, ensure_ascii=False, sort_keys=True)


def _decide(
    connection: Connection, number: int, status: str, by: Decider, at: datetime, reason: str
) -> None:
    still = and_(ACCESS_REQUEST.c.request == number, ACCESS_REQUEST.c.status == "open")
    found = connection.execute(
        update(ACCESS_REQUEST)
        .where(still)
        .values(
            status=status, decided_by=by.name, decided_role=by.role, decided_at=at, reason=reason
        )
    )
    if found.rowcount != 1:
        wanted = select(ACCESS_REQUEST.c.status).where(ACCESS_REQUEST.c.request == number)
        raise Decided(str(connection.execute(wanted).scalar() or ""))


def _request(row: Row[tuple[object, ...]]) -> AccessRequest:
    return AccessRequest(**(dict(row._mapping) | {"body": json.loads(row.body)}))


def _display(row: Row[tuple[object, ...]]) -> Display:
    kept = dict(row._mapping) | {"sites": scope_of(row.sites)}
    del kept["token_digest"]
    return Display(**kept)
