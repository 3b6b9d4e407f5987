"""Verifying the trail that is being written: against its chain, its checkpoints and its anchors.

What verifies is ``verify_audit.py``, which shares no code with what writes (T/CASMES 615 9.5).
Signatures are judged by two implementations; where they differ, the signature is invalid and an
alarm says so.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from data.state import FAILURE, SUCCESS, Entry, Signed, State
from security.anchors import Anchor, FileAnchor
from security.notary import GRAVEST, Signer, alarm, line_of
from security.problem import Problem
from security.verify_audit import ZERO, Checkpoint, Findings, examine, head_of, read_anchors


@dataclass(frozen=True)
class Result:
    """What came of a verification, when it was, and whether all records were looked at."""

    findings: Findings
    at: datetime
    full: bool


@dataclass
class TrailCheck:
    """Verifies the trail of a data directory, and remembers how far it was right.

    Parameters
    ----------
    state
        Whose trail.
    keys
        What verifies signatures.
    anchors
        The places outside; of these a file is read.
    """

    state: State
    keys: Signer
    anchors: Sequence[Anchor] = ()
    last: Result | None = None
    _known: tuple[int, bytes] = (0, ZERO)
    _alarmed: str = ""
    _one: threading.Lock = field(default_factory=threading.Lock)

    def verify(self, at: datetime, *, full: bool, more: Sequence[Path] = ()) -> Result:
        """Verify the trail; what is wrong is alarmed once.

        Parameters
        ----------
        at
            Now.
        full
            All of it, or what came after the last checkpoint that was right.
        more
            Further files with anchors, such as a log host's.

        Returns
        -------
        Result
            Also kept as ``last``.
        """
        with self._one:
            start = (0, ZERO) if full else self._known
            found = self._examined(start, more)
            self.last = Result(found, at, start[0] == 0)
            if found.ok:
                self._alarmed = ""
                self._remember(found)
            elif found.reason != self._alarmed:
                self._alarmed = found.reason
                alarm(self.state, "audit_verification_failed", str(found.first_bad or "-"), GRAVEST,
                      reason=found.reason)  # fmt: skip
            return self.last

    def record(self, result: Result) -> None:
        """Record what came of a verification.

        Parameters
        ----------
        result
            What ``verify`` returned.
        """
        outcome = SUCCESS if result.findings.ok else FAILURE
        what = "full" if result.full else "since the last checkpoint"
        words = json.dumps(result.findings.brief())
        self.state.audit.record(Entry("audit.verify", what, words, outcome))

    def _examined(self, start: tuple[int, bytes], more: Sequence[Path]) -> Findings:
        """Return what there is to say: the records first, then what anchors have lost."""
        outside = self._anchored()
        for path in more:
            found = read_anchors(path.read_text("utf-8", errors="replace").splitlines())[0]
            if not found:
                return Findings(False, 0, None, f"anchor: {path.name} holds no checkpoint")
            outside += found
        anchors = [one for one in dict.fromkeys(outside) if one.size >= start[0]]
        checkpoints = [_plain(one) for one in self.state.checkpoints.all(start[0])]
        examined = examine(
            self.state.audit.rows(start[0]), checkpoints=checkpoints, anchors=anchors,
            check=self._good, installation=self.state.audit.begin(), start=start,
        )  # fmt: skip
        return self._with_losses(examined) if examined.ok else examined

    def _with_losses(self, found: Findings) -> Findings:
        """Return what was found, not right where a place outside has lost what it was given.

        Only a file can be read back; a log host is compared by whoever brings its lines.
        """
        known = {signed.size: line_of(signed) for signed in self.state.checkpoints.all()}
        for anchor in self.anchors:
            sizes = self.state.checkpoints.sizes_at(anchor.place)
            if lost := anchor.lost([known[size] for size in sizes]):
                reason = f"anchor: {anchor.place} has lost {lost} of {len(sizes)} checkpoints"
                return found._replace(ok=False, reason=reason)
        return found

    def _remember(self, found: Findings) -> None:
        """Start from the newest checkpoint that was right, the next time."""
        newest = self.state.checkpoints.all(found.newest)[:1] if found.newest else []
        if newest and newest[0].size == found.newest:
            self._known = (found.newest, head_of(newest[0].text).hash)

    def _anchored(self) -> list[Checkpoint]:
        """Return the checkpoints that are kept in files outside."""
        lines = [line for one in self.anchors if isinstance(one, FileAnchor) for line in one.read()]
        return read_anchors(lines)[0]

    def _good(self, kid: str, message: bytes, signature: bytes) -> bool:
        """Tell whether both implementations say that a signature is good."""
        try:
            verdict = self.keys.verify(kid, message, signature)
        except Problem:  # there is no such key, or it was changed
            return False
        if not verdict.agreed:
            alarm(self.state, "signature_disagreement", kid, GRAVEST)
        return verdict.valid and verdict.agreed


def _plain(signed: Signed) -> Checkpoint:
    return Checkpoint(signed.size, signed.text, signed.signature, signed.kid)
