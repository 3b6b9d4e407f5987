"""What waits for a second person: proposals, and how they were decided (CONTRACT §1 approve)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from data.state.audit import Entry, recorded
from data.state.tables import FACTOR_VERSION, PERIOD, PROPOSAL


class Decided(Exception):
    """A proposal is not open any more; the message is its status."""


@dataclass(frozen=True)
class NewProposal:
    """A change that somebody wants; ``body`` and ``effect`` are JSON.

    Parameters
    ----------
    kind
        factors, setting, adjustment or reopen.
    subject
        What it is about: one open proposal of a kind and subject at a time.
    proposer
        Who wants it.
    body
        What is to be done.
    effect
        What it would change: months, figures, old and new.
    """

    kind: str
    subject: str
    proposer: str
    body: Mapping[str, Any]
    effect: Mapping[str, Any]


@dataclass(frozen=True)
class Proposal:
    """A proposal as it is kept."""

    proposal: int
    kind: str
    subject: str
    proposer: str
    proposed_at: datetime
    body: Mapping[str, Any]
    effect: Mapping[str, Any]
    status: str
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


class Approvals:
    """Proposals; every change is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def propose(self, new: NewProposal, at: datetime) -> int:
        """Keep a proposal and return its number; an open one of the same subject is withdrawn."""
        after = str(new.effect.get("digest", ""))
        made = Entry("proposal.propose", f"{new.kind} {new.subject}", after=after)
        with recorded(self._engine, made) as what:
            connection = what.connection
            connection.execute(
                update(PROPOSAL)
                .where(
                    PROPOSAL.c.kind == new.kind,
                    PROPOSAL.c.subject == new.subject,
                    PROPOSAL.c.status == "open",
                )
                .values(status="withdrawn", decided_at=at, decided_by=new.proposer)
            )
            result = connection.execute(
                insert(PROPOSAL).values(
                    kind=new.kind,
                    subject=new.subject,
                    proposer=new.proposer,
                    proposed_at=at,
                    body=_json(new.body),
                    effect=_json(new.effect),
                    status="open",
                )
            )
            what.note(description=f"proposal={result.lastrowid}")
            return int(result.lastrowid)

    def withdraw(self, kind: str, subject: str, by: str, at: datetime) -> None:
        """Withdraw the open proposal of a subject, if there is one: it has become moot."""
        with recorded(self._engine, Entry("proposal.withdraw", f"{kind} {subject}")) as what:
            moot = what.connection.execute(
                update(PROPOSAL)
                .where(
                    PROPOSAL.c.kind == kind,
                    PROPOSAL.c.subject == subject,
                    PROPOSAL.c.status == "open",
                )
                .values(status="withdrawn", decided_at=at, decided_by=by)
            )
            if moot.rowcount == 0:
                what.entry = None

    def find(self, proposal: int) -> Proposal | None:
        """Return a proposal by its number."""
        with self._engine.connect() as connection:
            row = connection.execute(
                select(PROPOSAL).where(PROPOSAL.c.proposal == proposal)
            ).first()
        return None if row is None else _proposal(row)

    def all(self, *, only_open: bool = False) -> list[Proposal]:
        """Return proposals, oldest first."""
        wanted = select(PROPOSAL).order_by(PROPOSAL.c.proposal)
        if only_open:
            wanted = wanted.where(PROPOSAL.c.status == "open")
        with self._engine.connect() as connection:
            return [_proposal(row) for row in connection.execute(wanted)]

    def reject(self, proposal: int, by: str, at: datetime, reason: str) -> None:
        """Note that a proposal was rejected.

        Raises
        ------
        Decided
            It is not open.
        """
        with recorded(self._engine, _decision("reject", proposal, reason)) as what:
            _decide(what.connection, proposal, "rejected", by, at, reason)

    def accept(self, proposal: int, by: str, at: datetime, reason: str) -> None:
        """Note that a proposal was accepted; what it does elsewhere is done by the caller.

        Raises
        ------
        Decided
            It is not open.
        """
        with recorded(self._engine, _decision("accept", proposal, reason)) as what:
            _decide(what.connection, proposal, "accepted", by, at, reason)

    def accept_factors(self, proposal: Proposal, by: str, at: datetime, reason: str) -> None:
        """Accept factor rows: they are known from now on, all or none.

        Raises
        ------
        Decided
            It is not open.
        """
        with recorded(self._engine, _decision("accept", proposal.proposal, reason)) as what:
            connection = what.connection
            _decide(connection, proposal.proposal, "accepted", by, at, reason)
            for row in proposal.body["rows"]:
                connection.execute(
                    insert(FACTOR_VERSION).values(
                        factor_id=row["factor_id"],
                        columns=_json(row),
                        known_from=at,
                        document=proposal.body["document"],
                        document_sm3=proposal.body["document_sm3"],
                        proposal=proposal.proposal,
                    )
                )

    def accept_reopen(self, proposal: Proposal, by: str, at: datetime, reason: str) -> None:
        """Accept that a locked month is opened again.

        Raises
        ------
        Decided
            It is not open.
        """
        with recorded(self._engine, _decision("accept", proposal.proposal, reason)) as what:
            connection = what.connection
            _decide(connection, proposal.proposal, "accepted", by, at, reason)
            connection.execute(
                insert(PERIOD).values(
                    site=proposal.body["site"],
                    month=proposal.body["month"],
                    status="open",
                    actor=by,
                    at=at,
                    reason=str(proposal.body["reason"]),
                )
            )


def _decision(verb: str, proposal: int, reason: str) -> Entry:
    return Entry(f"proposal.{verb}", f"proposal={proposal}", reason)


def _decide(
    connection: Connection, proposal: int, status: str, by: str, at: datetime, reason: str
) -> None:
    result = connection.execute(
        update(PROPOSAL)
        .where(PROPOSAL.c.proposal == proposal, PROPOSAL.c.status == "open")
        .values(status=status, decided_by=by, decided_at=at, reason=reason)
    )
    if result.rowcount != 1:
        row = connection.execute(
            select(PROPOSAL.c.status).where(PROPOSAL.c.proposal == proposal)
        ).first()
        raise Decided("" if row is None else row.status)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _proposal(row: Row[tuple[object, ...]]) -> Proposal:
    return Proposal(
        row.proposal,
        row.kind,
        row.subject,
        row.proposer,
        row.proposed_at,
        json.loads(row.body),
        json.loads(row.effect),
        row.status,
        row.decided_by,
        row.decided_at,
        row.reason,
    )
