"""Sessions kept on the server: revocable at once, only digests stored (T/CASMES 615 9.4.1)."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from data.state import CodeRefused, SessionRow, State, now
from security.roles import DEMONSTRATION
from security.sm import sm3_hex

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=8)
NOTED_EVERY = timedelta(minutes=1)
_ID_BYTES = 32
_MOST_KEPT = 10_000
Clock = Callable[[], datetime]


@dataclass
class _Kept:
    """A session in memory: when it was last used, when that was last written."""

    row: SessionRow
    seen_at: datetime
    noted_at: datetime


class Sessions:
    """The sessions of a state, with those in use kept in memory.

    Whatever ends a session through the state, a command included, changes the state's
    ``revision``; then everything in memory is forgotten and read anew.
    """

    def __init__(self, state: State, clock: Clock = now) -> None:
        self._accounts = state.accounts
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._revision = self._accounts.revision
        self._guard = threading.Lock()

    def open(self, account: int, address: str, replacing: str | None = None) -> str:
        """Begin a session of an account.

        Parameters
        ----------
        account
            The account's number.
        address
            Where the request came from.
        replacing
            The identifier of the session that the same browser had; it ends.

        Returns
        -------
        str
            The session's identifier for the cookie; it is stored nowhere.
        """
        return self._open("user", account, address, replacing)

    def open_demonstration(
        self, address: str, link: str = "", replacing: str | None = None
    ) -> str | None:
        """Begin a session that may only look at the demonstration plant.

        Parameters
        ----------
        address
            Where the request came from.
        link
            Digest of the one-time link that is spent for it.
        replacing
            The identifier of the session that the same browser had; it ends.

        Returns
        -------
        str or None
            The session's identifier for the cookie; it is stored nowhere. None where the link
            is unknown, spent or void.
        """
        try:
            return self._open(DEMONSTRATION, None, address, replacing, link)
        except CodeRefused:
            return None

    def _open(
        self, kind: str, account: int | None, address: str, replacing: str | None, link: str = ""
    ) -> str:
        token, at = secrets.token_urlsafe(_ID_BYTES), self._clock()
        row = SessionRow(_digest(token), kind, account, "", "", at, at, at + LONGEST, address)
        old = _digest(replacing) if replacing else ""
        self._accounts.open_session(row, at - IDLE, replacing=old, link=link)
        return token

    def find(self, token: str | None) -> SessionRow | None:
        """Return the session of an identifier and note that it is used.

        Parameters
        ----------
        token
            What the cookie holds; None without a cookie.

        Returns
        -------
        SessionRow or None
            None for a session that is unknown, ended, idle too long or too old.
        """
        if not token:
            return None
        digest, at = _digest(token), self._clock()
        kept = self._in_memory(digest) or self._read(digest)
        if kept is None or at >= kept.row.ends_at or at - kept.seen_at >= IDLE:
            return None
        kept.seen_at = at
        if at - kept.noted_at >= NOTED_EVERY:
            kept.noted_at = at
            self._accounts.saw_session(digest, at)
        return kept.row

    def _in_memory(self, digest: str) -> _Kept | None:
        with self._guard:
            if self._revision != self._accounts.revision:
                self._kept.clear()
                self._revision = self._accounts.revision
            return self._kept.get(digest)

    def _read(self, digest: str) -> _Kept | None:
        revision = self._accounts.revision
        row = self._accounts.session(digest)
        if row is None:
            return None
        kept = _Kept(row, row.seen_at, row.seen_at)
        with self._guard:
            # A session that was ended while it was read must not come back into memory.
            if revision == self._accounts.revision == self._revision:
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                return self._kept.setdefault(digest, kept)
        return kept

    def close(self, token: str | None) -> None:
        """End a session; nothing happens where there is none.

        Parameters
        ----------
        token
            What the cookie holds; None without a cookie.
        """
        if token:
            self._accounts.end_session(_digest(token))


def _digest(token: str) -> str:
    return sm3_hex(token.encode("utf-8", "surrogatepass"))
