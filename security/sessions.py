"""Sessions kept on the server: revocable at once, only digests stored (T/CASMES 615 9.4.1)."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from data.state import CodeRefused, SessionRow, State, now
from security.roles import DEMONSTRATION, DISPLAY
from security.sm import sm3_hex

IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=8)
LONGEST_DISPLAY = timedelta(days=365)
NOTED_EVERY = timedelta(minutes=1)
SLACK = timedelta(seconds=5)  # what time servers correct without anybody's asking
_ID_BYTES = 32
_MOST_KEPT = 10_000
Clock = Callable[[], datetime]


@dataclass
class _Kept:
    """A session in memory: when it was last used, when that was last written."""

    row: SessionRow
    seen_at: datetime
    noted_at: datetime


@dataclass
class _Mark:
    """A session by the clock that nobody can set: when it ends, when it was last used."""

    ends: float
    seen: float


class Sessions:
    """The sessions of a state, with those in use kept in memory.

    Whatever ends a session through the state, a command included, changes the state's
    ``revision``; then everything in memory is forgotten and read anew.

    Parameters
    ----------
    state
        Where they are kept.
    clock
        The time, UTC without a zone.
    monotonic
        Seconds that only grow, whatever is done to the clock.
    """

    def __init__(
        self, state: State, clock: Clock = now, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._accounts = state.accounts
        self._clock, self._monotonic = clock, monotonic
        self._kept: dict[str, _Kept] = {}
        self._marks: OrderedDict[str, _Mark] = OrderedDict()
        self._revision = self._accounts.revision
        self._guard = threading.Lock()

    def open(
        self, account: int, address: str, replacing: str | None = None, stage: str = "full"
    ) -> str:
        """Begin a session of an account; the one that it had elsewhere ends.

        Parameters
        ----------
        account
            The account's number.
        address
            Where the request came from.
        replacing
            The identifier of the session that the same browser had; it ends.
        stage
            ``full``, or what must be set before anything else is open.

        Returns
        -------
        str
            The session's identifier for the cookie; it is stored nowhere.
        """
        return self._open("user", account, address, replacing, stage=stage)

    def open_display(self, address: str, link: str) -> str | None:
        """Begin the session of a wall screen, bound to the address that opened its link.

        Parameters
        ----------
        address
            Where the request came from.
        link
            Digest of its link, which is spent.

        Returns
        -------
        str or None
            The session's identifier for the cookie; None where the link is unknown, opened
            already, revoked, or for another address.
        """
        token, at = secrets.token_urlsafe(_ID_BYTES), self._clock()
        row = SessionRow(
            _digest(token), DISPLAY, None, "", "", at, at, at + LONGEST_DISPLAY, address
        )
        try:
            self._accounts.open_display(row, link)
        except CodeRefused:
            return None
        return token

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
        self,
        kind: str,
        account: int | None,
        address: str,
        replacing: str | None,
        link: str = "",
        stage: str = "full",
    ) -> str:
        token, at = secrets.token_urlsafe(_ID_BYTES), self._clock()
        row = SessionRow(
            _digest(token), kind, account, "", "", at, at, at + LONGEST, address, stage
        )
        old = _digest(replacing) if replacing else ""
        self._accounts.open_session(row, at - IDLE, replacing=old, link=link)
        mono = self._monotonic()
        with self._guard:
            self._mark(row.token_digest, _Mark(mono + LONGEST.total_seconds(), mono))
        return token

    def _mark(self, digest: str, mark: _Mark) -> _Mark:
        """Keep a session's monotonic marks; those longest unused go."""
        self._marks[digest] = mark
        while len(self._marks) > _MOST_KEPT:
            self._marks.popitem(last=False)
        return mark

    def find(self, token: str | None, address: str | None = None) -> SessionRow | None:
        """Return the session of an identifier and note that it is used.

        Parameters
        ----------
        token
            What the cookie holds; None without a cookie.
        address
            Where the request comes from; a display's session opens from no other.

        Returns
        -------
        SessionRow or None
            None for a session that is unknown, ended, idle too long or too old.
        """
        if not token:
            return None
        digest, at = _digest(token), self._clock()
        kept = self._in_memory(digest) or self._read(digest)
        if kept is None or _elsewhere(kept.row, address):
            return None
        mono = self._monotonic()
        why = self._over(digest, kept, at, mono)
        if why:
            self._accounts.end_session(digest, at, why)
            return None
        kept.seen_at = at
        if abs(at - kept.noted_at) >= NOTED_EVERY:
            kept.noted_at = at
            self._accounts.saw_session(digest, at)
        return kept.row

    def why_ended(self, token: str | None) -> str:
        """Return what ended the session of an identifier; empty where nothing did.

        Parameters
        ----------
        token
            What the cookie holds; None without a cookie.

        Returns
        -------
        str
            elsewhere, logout, password, idle and the like.
        """
        return self._accounts.why_ended(_digest(token)) if token else ""

    def _over(self, digest: str, kept: _Kept, at: datetime, mono: float) -> str:
        """Return why a session is over by either clock; empty while it is not.

        The monotonic marks outlive what is kept of the session: a clock that is set back makes
        no session longer. After a restart there are none; then a session that was used in the
        future has ended.
        """
        with self._guard:
            mark = self._marks.get(digest)
            if mark is None:
                if at < kept.seen_at - SLACK:
                    return "clock"
                left, unseen = kept.row.ends_at - at, at - kept.seen_at
                made = _Mark(mono + left.total_seconds(), mono - unseen.total_seconds())
                mark = self._mark(digest, made)
            self._marks.move_to_end(digest)
            idle = kept.row.kind != DISPLAY
            if at >= kept.row.ends_at or mono >= mark.ends:
                return "over"
            if idle and (at - kept.seen_at >= IDLE or mono - mark.seen >= IDLE.total_seconds()):
                return "idle"
            mark.seen = mono
            return ""

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
            self._accounts.end_session(_digest(token), self._clock())


def _elsewhere(row: SessionRow, address: str | None) -> bool:
    return row.kind == DISPLAY and address is not None and address != row.address


def _digest(token: str) -> str:
    return sm3_hex(token.encode("utf-8", "surrogatepass"))
