"""A trail to attack: its records, checkpoints and anchor, and its file past the product."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from data.state import FILE_NAME, Entry, State
from data.state.audit import BEIJING, FIELDS, append, writing
from security.anchors import FileAnchor
from security.notary import EVERY_RECORDS, Notary
from security.sm import sm2_id, sm2_new, sm2_sign, sm2_verify
from security.trail_check import TrailCheck
from tests.security.doors import Clock

COLUMNS = ", ".join(FIELDS)


class Pair:
    """A key of this test alone, in the place of the machine's."""

    def __init__(self):
        self.pair = sm2_new()
        self.known = {self.signing_kid: self.pair.public}

    @property
    def signing_kid(self):
        return sm2_id(self.pair.public)

    def sign(self, message):
        return self.signing_kid, sm2_sign(self.pair, message)

    def verify(self, kid, message, signature):
        return sm2_verify(self.public(kid), message, signature)

    def public(self, kid):
        return self.known.get(kid, bytes(64))

    def envelope_public(self):
        return self.pair.public


@dataclass
class Trail:
    """A data directory with a trail, its anchor and its keys."""

    home: Path
    keys: Pair
    anchor: FileAnchor
    clock: Clock = field(default_factory=Clock)

    def state(self):
        return State(self.home)

    def check(self, anchored=True, more=()):
        """Verify the trail as it lies there."""
        state = self.state()
        try:
            check = TrailCheck(state, self.keys, [self.anchor] if anchored else [])
            return check.verify(self.clock(), full=True, more=more).findings
        finally:
            state.close()

    def copy(self, folder: Path):
        """The same once more, to be attacked."""
        shutil.copytree(self.home, folder / "home")
        anchor = folder / "anchor.jsonl"
        if self.anchor.path.exists():
            shutil.copy(self.anchor.path, anchor)
        made = Trail(folder / "home", self.keys, FileAnchor(anchor), self.clock)
        # What was delivered was delivered to this place.
        with made.raw() as found:
            found.execute("UPDATE anchored SET place = ?", (made.anchor.place,))
        return made

    def raw(self):
        """The file, opened past the product, its triggers dropped."""
        return _Raw(self.home / FILE_NAME)


class _Raw:
    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.found = sqlite3.connect(self.path)
        names = self.found.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names.fetchall():
            self.found.execute(f"DROP TRIGGER {name}")
        return self.found

    def __exit__(self, *error):
        if error[0] is None:
            self.found.commit()
        self.found.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.found.close()


def made(folder: Path, records: int, *, every: int = EVERY_RECORDS, anchored: bool = True) -> Trail:
    """A trail of so many records, with a checkpoint after each so many, brought outside."""
    home = folder / "home"
    home.mkdir(parents=True)
    found = Trail(home, Pair(), FileAnchor(folder / "anchor" / "checkpoints.jsonl"))
    state = State(home)
    notary = Notary(state, found.keys, [found.anchor] if anchored else [], found.clock)
    at = datetime(2026, 3, 2, 8, tzinfo=BEIJING)
    size = state.audit.head()[0]
    while size < records:
        with writing(state.engine) as connection:
            for _ in range(min(every - size % every, records - size)):
                size += 1
                at += timedelta(seconds=20)
                append(connection, Entry("session.login", f"user{size % 7}", f"marker-{size:07d}"),
                       at)  # fmt: skip
        found.clock.pass_(minutes=11)
        notary.sign()
    notary.deliver()
    state.close()
    return found


def rehashed(found: sqlite3.Connection, first: int) -> None:
    """Chain every record anew from one on, as whoever knows the format can."""
    cursor = found.execute("SELECT hash FROM audit WHERE seq = ?", (first - 1,)).fetchone()
    before = cursor[0] if cursor else bytes(32)
    rows = found.execute(f"SELECT {COLUMNS} FROM audit WHERE seq >= ? ORDER BY seq", (first,))
    for row in rows.fetchall():
        own = forged(row[:16], before)
        found.execute("UPDATE audit SET prev = ?, hash = ? WHERE seq = ?", (before, own, row[0]))
        before = own


def forged(values, before: bytes) -> bytes:
    """The hash of a record, worked out a third time."""
    body = b"AUD1"
    for value in values:
        part = str(value).encode()
        body += len(part).to_bytes(4, "big") + part
    return hashlib.new("sm3", body + (32).to_bytes(4, "big") + before).digest()
