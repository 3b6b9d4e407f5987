"""The master's side of an IEC 104 link without any socket: numbers, acknowledgements, timers.

Time comes in as seconds of a monotonic clock, so that every timer can be tested in no time.
Source: IEC 60870-5-104:2006 (DL/T 634.5104—2009), 5.1–5.6 and table of 9.6.
"""

from __future__ import annotations

from dataclasses import dataclass

from data.connectors import iec104_codec as codec
from data.connectors.iec104_codec import Apdu, Unnumbered
from data.connectors.wire import WireError


class LinkLost(WireError):
    """The link is of no use any more and must be closed (t1, a hole in the numbers)."""


@dataclass(frozen=True)
class Timers:
    """The parameters both sides agree on; the defaults are the standard's.

    Parameters
    ----------
    t1, t2, t3
        Seconds: a sent frame must be acknowledged, a received one acknowledged, a silent link
        tested.
    k, w
        I frames sent without an acknowledgement; received before one is due.
    """

    t1: float = 15.0
    t2: float = 10.0
    t3: float = 20.0
    k: int = 12
    w: int = 8


class Link:
    """State of one connection. What it returns is to be sent; LinkLost ends it."""

    def __init__(self, timers: Timers, now: float) -> None:
        self._timers = timers
        self._sent = self._acknowledged = 0  # V(S) and what the station has acknowledged
        self._received = self._told = 0  # V(R) and what we have acknowledged
        self._awaiting_u: dict[Unnumbered, float] = {}
        self._sent_at: list[float] = []
        self._first_untold: float | None = None
        self._heard = now
        self.started = False

    def start(self, now: float) -> bytes:
        """Return STARTDT."""
        return self._u(Unnumbered.STARTDT, Unnumbered.STARTDT_CON, now)

    def _u(self, function: Unnumbered, answer: Unnumbered, now: float) -> bytes:
        self._awaiting_u[answer] = now
        return codec.unnumbered(function)

    @property
    def may_send(self) -> bool:
        """Tell whether another I frame may go out (k)."""
        return self.started and len(self._sent_at) < self._timers.k

    def send(self, asdu: bytes, now: float) -> bytes:
        """Return an I frame; it acknowledges what has been told as durable and no more."""
        if not self.may_send:
            raise LinkLost("未确认的 I 帧已达 k，不能再发")
        frame = codec.information(self._sent, self._told, asdu)
        self._sent = (self._sent + 1) % codec.SEQUENCE
        self._sent_at.append(now)
        return frame

    def received(self, apdu: Apdu, now: float) -> bytes:
        """Take a frame; return what must be answered at once (a test, nothing else).

        Raises
        ------
        LinkLost
            A hole in the numbers, or an acknowledgement of what was never sent.
        """
        self._heard = now
        if apdu.control is not None:
            return self._control(apdu.control)
        self._confirm(apdu.receive)
        if apdu.send is not None:
            if not self.started:
                raise LinkLost("未启动传输就收到 I 帧")
            if apdu.send != self._received:
                raise LinkLost("I 帧序号不连续", got=apdu.send, expected=self._received)
            self._received = (self._received + 1) % codec.SEQUENCE
            if self._first_untold is None:
                self._first_untold = now
        return b""

    def _control(self, control: Unnumbered) -> bytes:
        self._awaiting_u.pop(control, None)
        if control is Unnumbered.STARTDT_CON:
            self.started = True
        if control is Unnumbered.TESTFR:
            return codec.unnumbered(Unnumbered.TESTFR_CON)
        return b""

    def _confirm(self, number: int) -> None:
        """Take the station's N(R)."""
        open_ = (self._sent - self._acknowledged) % codec.SEQUENCE
        confirmed = (number - self._acknowledged) % codec.SEQUENCE
        if confirmed > open_:
            raise LinkLost("对方确认了没有发过的 I 帧", number=number)
        self._acknowledged = number
        del self._sent_at[:confirmed]

    @property
    def untold(self) -> int:
        """Return how many received I frames have not been acknowledged."""
        return (self._received - self._told) % codec.SEQUENCE

    @property
    def full(self) -> bool:
        """Tell whether an acknowledgement is due by number (w)."""
        return self.untold >= self._timers.w

    def tell(self) -> bytes:
        """Return the S frame for everything received: call it when that is on the disk."""
        if not self.untold:
            return b""
        self._told = self._received
        self._first_untold = None
        return codec.supervisory(self._told)

    def due(self, now: float) -> bytes:
        """Return what the timers want sent (a test after t3).

        Raises
        ------
        LinkLost
            t1 has passed without an answer.
        """
        waiting = [*self._awaiting_u.values(), *self._sent_at[:1]]
        if waiting and now - min(waiting) >= self._timers.t1:
            raise LinkLost("t1 内没有应答", t1=self._timers.t1)
        if now - self._heard >= self._timers.t3 and Unnumbered.TESTFR_CON not in self._awaiting_u:
            return self._u(Unnumbered.TESTFR, Unnumbered.TESTFR_CON, now)
        return b""

    def overdue(self, now: float) -> bool:
        """Tell whether an acknowledgement is due by time (t2)."""
        return self._first_untold is not None and now - self._first_untold >= self._timers.t2
