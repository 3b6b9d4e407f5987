"""When an account was last here: what changed since is told on its next visit."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select, update
from sqlalchemy.dialects.sqlite import insert

from data.state.audit import Entry, recorded, writing
from data.state.tables import VISIT

APART = timedelta(minutes=30)
NOTED_EVERY = timedelta(seconds=60)


@dataclass
class _Kept:
    since: datetime | None
    seen_at: datetime
    noted_at: datetime


class Visits:
    """The visits of accounts: one ends when half an hour passes without a request."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[int, _Kept] = {}
        self._guard = threading.Lock()

    def came(self, account: int, at: datetime) -> None:
        """Note a request of an account.

        Parameters
        ----------
        account
            Its number.
        at
            When (UTC). Written at once where a visit begins, else once a minute.
        """
        with self._guard:
            kept = self._kept.get(account) or self._read(account)
            if kept is None:
                kept = _Kept(None, at, at)
            elif at - kept.seen_at >= APART:
                kept = _Kept(kept.seen_at, at, at)
            else:
                kept.seen_at = max(at, kept.seen_at)
                if at - kept.noted_at < NOTED_EVERY:
                    self._kept[account] = kept
                    return
                kept.noted_at = at
            self._write(account, kept)
            self._kept[account] = kept

    def since(self, account: int) -> datetime | None:
        """Return when the account's visit before this one ended, or what it has read since.

        Returns
        -------
        datetime or None
            UTC; None on its first visit.
        """
        with self._guard:
            kept = self._kept.get(account) or self._read(account)
            return kept.since if kept else None

    def read(self, account: int, upto: datetime) -> bool:
        """Note that an account has read what changed up to a time.

        Returns
        -------
        bool
            False where it had already, which changes and records nothing.
        """
        with self._guard, recorded(self._engine, Entry("visit.read", f"{upto:%FT%T}")) as what:
            done = what.connection.execute(
                update(VISIT)
                .where(VISIT.c.account == account, VISIT.c.since < upto)
                .values(since=upto)
            )
            self._kept.pop(account, None)
            if done.rowcount == 0:
                what.entry = None
            return done.rowcount == 1

    def _read(self, account: int) -> _Kept | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(VISIT).where(VISIT.c.account == account)).first()
        return None if row is None else _Kept(row.since, row.seen_at, row.seen_at)

    def _write(self, account: int, kept: _Kept) -> None:
        values = {"since": kept.since, "seen_at": kept.seen_at}
        with writing(self._engine) as connection:
            connection.execute(
                insert(VISIT)
                .values(account=account, **values)
                .on_conflict_do_update(index_elements=[VISIT.c.account], set_=values)
            )
