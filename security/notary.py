"""Checkpoints: signed heads of the audit trail, and their way to places outside (T/CASMES 615 9.5).

A checkpoint's text is five lines, after the C2SP checkpoints of transparency logs; each holds the
digest of the one before with its signature, so that the newest vouches for all. What a checkpoint
says is worth as much as the place where it is kept: see ``security/anchors.py``.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from data.state import Entry, Signed, State
from data.state.audit import BEIJING
from security.anchors import Anchor, Refuses
from security.sm import Verdict, sm3

ORIGIN = "ccms-audit/"
EVERY_RECORDS = 500
EVERY = timedelta(minutes=10)
AT_ONCE = 200
AGAIN = timedelta(hours=24)  # a place that stays away is alarmed again after so long
GRAVEST = 0


class Signer(Protocol):
    """What signs and verifies: ``security.keys.Keys``."""

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """Return key id and signature of a message."""

    def verify(self, kid: str, message: bytes, signature: bytes) -> Verdict:
        """Tell whether a signature is good, by two implementations."""


def text_of(installation: str, size: int, head: bytes, before: Signed | None, at: datetime) -> str:
    r"""Return a checkpoint's text.

    Parameters
    ----------
    installation
        The trail's installation, its first record.
    size, head
        Number and hash of the newest record.
    before
        The checkpoint before, None for the first.
    at
        When it is made, with its offset.

    Returns
    -------
    str
        ``ccms-audit/<installation>\n<size>\n<base64 head>\n<base64 before>\n<time>\n``.
    """
    previous = bytes(32) if before is None else sm3(before.text.encode() + before.signature)
    words = (base64.b64encode(one).decode() for one in (head, previous))
    return "\n".join((f"{ORIGIN}{installation}", str(size), *words, at.isoformat("T", "seconds"),
                      ""))  # fmt: skip


def line_of(signed: Signed) -> str:
    """Return a checkpoint as a line of JSON, as anchors keep it.

    Parameters
    ----------
    signed
        The checkpoint.

    Returns
    -------
    str
        Without a line's end.
    """
    return json.dumps({"kind": "checkpoint", "size": signed.size, "text": signed.text,
                       "signature": base64.b64encode(signed.signature).decode(),
                       "kid": signed.kid})  # fmt: skip


@dataclass
class _Outage:
    """Since when a place has not taken anything, and when that was last alarmed."""

    since: datetime
    alarmed: datetime


@dataclass
class Notary:
    """Makes checkpoints and brings them outside.

    Parameters
    ----------
    state
        Whose trail.
    keys
        What signs.
    anchors
        The places outside.
    clock
        The time, UTC without a zone.
    """

    state: State
    keys: Signer
    anchors: Sequence[Anchor]
    clock: Callable[[], datetime]
    _out: dict[str, _Outage] = field(default_factory=dict)
    _one: threading.Lock = field(default_factory=threading.Lock)

    def due(self) -> bool:
        """Tell whether a checkpoint is due: 500 records, 10 minutes, or the end of a day."""
        size, _ = self.state.audit.head()
        newest = self.state.checkpoints.newest()
        if newest is None:
            return size > 0
        at = self.clock()
        return size > newest.size and (
            size - newest.size >= EVERY_RECORDS
            or not timedelta() <= at - newest.at < EVERY
            or _day(at) != _day(newest.at)
        )

    def sign(self) -> Signed | None:
        """Make a checkpoint of the trail as it is now; None where the newest says all already."""
        installation, at = self.state.audit.begin(), self.clock()

        def made(size: int, head: bytes, before: Signed | None) -> Signed:
            text = text_of(installation, size, head, before, local(at))
            kid, signature = self.keys.sign(text.encode())
            return Signed(size, text, signature, kid, at)

        return self.state.checkpoints.add(made)

    def deliver(self) -> int:
        """Bring what waits to every place outside and return how many were delivered.

        A place that does not take it keeps nobody waiting: it is alarmed once, and asked again
        the next time.
        """
        with self._one:
            return sum(self._bring(anchor) for anchor in self.anchors)

    def _bring(self, anchor: Anchor) -> int:
        count = 0
        try:
            while waiting := self.state.checkpoints.waiting(anchor.place, AT_ONCE):
                anchor.send([line_of(signed) for signed in waiting])
                sizes = [signed.size for signed in waiting]
                self.state.checkpoints.deliver(anchor.place, sizes, self.clock())
                count += len(sizes)
        except (OSError, Refuses) as error:
            self._missed(anchor, str(error))
            return count
        if count and (out := self._out.pop(anchor.place, None)):
            said = {"since": local(out.since).isoformat("T", "seconds"), "delivered": count}
            self.state.audit.record(Entry("audit.anchor", anchor.place, json.dumps(said)))
        return count

    def _missed(self, anchor: Anchor, why: str) -> None:
        at = self.clock()
        out = self._out.get(anchor.place)
        if out is None or at - out.alarmed >= AGAIN:
            self._out[anchor.place] = _Outage(out.since if out else at, at)
            alarm(self.state, "anchor_unreachable", anchor.place, 1, reason=why)


def alarm(state: State, name: str, place: str, level: int, **said: object) -> None:
    """Record a security alarm.

    Parameters
    ----------
    state
        Whose trail.
    name, place
        What it is and what it is about.
    level
        0 the gravest.
    said
        What else is known.
    """
    words = json.dumps({"level": level, **said}, ensure_ascii=False, default=str)
    state.audit.record(Entry("alarm.security", f"{name} {place}", words))


def local(at: datetime) -> datetime:
    """Return a time of the state with the offset that records have."""
    return at.replace(tzinfo=UTC).astimezone(BEIJING)


def _day(at: datetime) -> str:
    return local(at).date().isoformat()
