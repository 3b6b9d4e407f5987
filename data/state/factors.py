"""Versions of factor rows, each known from its approval on (accounting.md D-3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from data.state.tables import FACTOR_VERSION, PROPOSAL


@dataclass(frozen=True)
class Version:
    """A version of a factor row.

    Parameters
    ----------
    version, factor_id, columns
        Its number, the row it is a version of, the row's columns as text.
    known_from
        When it was approved, UTC.
    document, document_sm3
        The source document's name and digest.
    proposer, approver
        Who proposed and who approved it.
    """

    version: int
    factor_id: str
    columns: Mapping[str, str]
    known_from: datetime
    document: str
    document_sm3: str
    proposer: str
    approver: str


class FactorVersions:
    """The approved versions of factor rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self) -> int:
        """Return how many there are: another number, another library."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(FACTOR_VERSION)).scalar_one()

    def all(self) -> list[Version]:
        """Return every version in the order in which they became known."""
        wanted = (
            select(FACTOR_VERSION, PROPOSAL.c.proposer, PROPOSAL.c.decided_by)
            .join(PROPOSAL, PROPOSAL.c.proposal == FACTOR_VERSION.c.proposal)
            .order_by(FACTOR_VERSION.c.known_from, FACTOR_VERSION.c.version)
        )
        with self._engine.connect() as connection:
            return [
                Version(
                    row.version,
                    row.factor_id,
                    json.loads(row.columns),
                    row.known_from,
                    row.document,
                    row.document_sm3,
                    row.proposer,
                    row.decided_by or "",
                )
                for row in connection.execute(wanted)
            ]
