r"""Verify an audit trail without the product: this one file, Python and, for signatures, gmssl.

    python verify_audit.py export.jsonl --anchors checkpoints.jsonl --keys DIR

It shares no code with what writes the trail: the two must agree.

Record: ``hash = SM3("AUD1" || for each field of FIELDS up to prev: length, 4 bytes big-endian ||
the field as UTF-8; prev as its 32 bytes)``; ``prev`` is the hash of the record before, zeros for
the first, and ``seq`` counts from 1 without a gap.

Checkpoint: the text ``ccms-audit/<installation>\n<size>\n<base64 hash of record size>\n<base64
SM3 of the text and signature of the checkpoint before, zeros for the first>\n<time>\n`` and an
SM2 signature of it (DER, identity 1234567812345678). So each checkpoint vouches for all before
it. An anchor is a checkpoint that was kept elsewhere: one JSON object a line, whatever a log
host put before it. A public key is a file ``<id>.pub`` of 128 hexadecimal digits, X and Y; its id
is the beginning of its SM3 digest.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

FIELDS = (
    "seq", "at", "mono_ns", "boot", "actor", "role", "session", "address", "event", "object",
    "description", "outcome", "before", "after", "request", "intent", "prev", "hash",
)  # fmt: skip
ORIGIN = "ccms-audit/"
ZERO = bytes(32)
# The curve's order: r and s of a signature are below it (GB/T 32918.5).
_N = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
_PUBLIC = re.compile(r"[0-9a-f]{128}")
_SIGNED = re.compile(r"GMS1\|([0-9a-f]{16})\|([\w-]{1,128})\s*", re.ASCII)
Check = Callable[[str, bytes, bytes], bool]
Row = Sequence[Any]
Heads = dict[int, tuple[bytes, str]]


class Checkpoint(NamedTuple):
    """A signed head of the trail, here or anchored elsewhere."""

    size: int
    text: str
    signature: bytes
    kid: str


class Head(NamedTuple):
    """What a checkpoint's text says."""

    installation: str
    size: int
    hash: bytes
    previous: bytes
    at: str


class Findings(NamedTuple):
    """What came of a verification.

    Parameters
    ----------
    ok, checked
        Whether all is right, and how many records were looked at.
    first_bad
        Number of the first record that is wrong or missing; None where none is.
    reason
        A word for the kind of fault, then what it is about; empty where all is right.
    size, head
        Number and hash of the last record.
    newest
        Size of the newest checkpoint that was right.
    anchors, foreign
        How many anchors are of this installation and of others.
    """

    ok: bool
    checked: int
    first_bad: int | None
    reason: str
    size: int = 0
    head: bytes = ZERO
    newest: int = 0
    anchors: int = 0
    foreign: int = 0

    def brief(self) -> dict[str, Any]:
        """Return the four values that every verification answers with."""
        return {"ok": self.ok, "checked": self.checked, "first_bad": self.first_bad,
                "reason": self.reason}  # fmt: skip


class Bad(Exception):
    """Something is wrong: with which record, if that is known, and what."""

    def __init__(self, first: int | None, reason: str) -> None:
        super().__init__(reason)
        self.first, self.reason = first, reason


# ---- records ----


def sm3(body: bytes) -> bytes:
    """Return the SM3 digest: by OpenSSL, by gmssl where that has none.

    Parameters
    ----------
    body
        What to digest.

    Returns
    -------
    bytes
        32 bytes.
    """
    try:
        return hashlib.new("sm3", body).digest()
    except ValueError:
        from gmssl import sm3 as slow

        return bytes.fromhex(slow.sm3_hash(list(body)))


def record_hash(row: Row) -> bytes:
    """Return what the hash of a record must be.

    Parameters
    ----------
    row
        Its values in the order of FIELDS; the last one, the hash itself, is not looked at.

    Returns
    -------
    bytes
        32 bytes.
    """
    parts = [b"AUD1"]
    add = parts.append
    for value in row[:16]:
        body = str(value).encode()
        add(len(body).to_bytes(4, "big"))
        add(body)
    add(b"\0\0\0 ")  # the length of prev: 32
    add(row[16])
    return sm3(b"".join(parts))


def _walked(records: Iterable[Row], start: tuple[int, bytes], heads: Heads) -> tuple[int, bytes]:
    """Go through the records after a known one and return the last one's number and hash."""
    seq, before = start
    earlier = b""  # the hash before that: where a record follows it, the one between was put in
    proved = seq  # up to here a signed head says the same
    sizes = iter(sorted(size for size in heads if size > seq))
    size = next(sizes, 0)
    for row in records:
        expected = seq + 1
        if row[0] != expected:
            raise Bad(expected, f"gap: record {expected} is missing, {row[0]} follows")
        try:
            fits = record_hash(row) == row[17] and len(row[16]) == 32
        except (TypeError, UnicodeError):
            fits = False
        if row[16] == earlier != before and proved < seq:
            raise Bad(seq, f"chain: record {seq} was put in")
        if not fits:
            raise Bad(expected, f"hash: record {expected} does not fit its hash")
        if row[16] != before:
            first = max(proved + 1, seq)
            raise Bad(first, f"chain: record {expected} does not follow the one before")
        seq, earlier, before = expected, before, row[17]
        if seq == size:
            wanted, place = heads[size]
            if wanted != before:
                first = proved + 1
                raise Bad(first, f"{place}: records {first} to {seq} are not those it signed")
            proved, size = seq, next(sizes, 0)
    if size:
        raise Bad(seq + 1, f"cut: the last record is {seq}, {heads[size][1]} {size} knows more")
    return seq, before


# ---- checkpoints and anchors ----


def head_of(text: str) -> Head:
    """Return what a checkpoint's text says.

    Parameters
    ----------
    text
        Five lines, in the one form that they are written in.

    Returns
    -------
    Head
        Nothing of it is proved yet.

    Raises
    ------
    ValueError
        It is not such a text.
    """
    lines = text.split("\n")
    if len(lines) != 6 or lines[5] or not lines[0].startswith(ORIGIN):
        raise ValueError(text)
    size = int(lines[1])
    digests = [base64.b64decode(line, validate=True) for line in lines[2:4]]
    found = Head(lines[0][len(ORIGIN) :], size, digests[0], digests[1], lines[4])
    exact = [str(size), *(base64.b64encode(one).decode() for one in digests)]
    if exact != lines[1:4] or size < 1 or any(len(one) != 32 for one in digests):
        raise ValueError(text)
    return found


def link(checkpoint: Checkpoint) -> bytes:
    """Return what the checkpoint after this one says of it.

    Parameters
    ----------
    checkpoint
        Its text and signature count.

    Returns
    -------
    bytes
        32 bytes.
    """
    return sm3(checkpoint.text.encode() + checkpoint.signature)


def installation_of(checkpoint: Checkpoint) -> str:
    """Return the installation that a checkpoint is of; empty where its text is none.

    Parameters
    ----------
    checkpoint
        Of this trail or another.

    Returns
    -------
    str
        What stands in its first line.
    """
    first = checkpoint.text.partition("\n")[0]
    return first[len(ORIGIN) :] if first.startswith(ORIGIN) else ""


Proved = list[tuple[Checkpoint, Head, str]]


def _proved(
    found: Iterable[Checkpoint], place: str, check: Check | None, faults: list[Bad]
) -> Proved:
    """Return the checkpoints that are signed or vouched for, newest first; note the others."""
    vouched: set[bytes] = set()
    proved = []
    for one in sorted(found, key=lambda one: one.size, reverse=True):
        try:
            head = head_of(one.text)
        except ValueError:
            faults.append(Bad(None, f"{place}: the text of {one.size} is none"))
            continue
        known = link(one) in vouched
        if head.size != one.size:
            faults.append(Bad(None, f"{place}: {one.size} is filed under another size"))
        elif known or check is None or check(one.kid, one.text.encode(), one.signature):
            vouched.add(head.previous)
            proved.append((one, head, place))
        else:
            faults.append(Bad(None, f"signature: {place} {one.size} is not signed by {one.kid}"))
    return proved


def _linked(checkpoints: Iterable[Checkpoint], *, first: bool, faults: list[Bad]) -> None:
    """Note where in a row of checkpoints one was changed, taken out or put in."""
    before: bytes | None = ZERO if first else None
    for one in sorted(checkpoints):
        try:
            head = head_of(one.text)
        except ValueError:
            before = None  # which is noted already
            continue
        if before is not None and head.previous != before:
            faults.append(Bad(None, f"checkpoint: {one.size} does not follow the one before"))
        before = link(one)


def _heads(proved: Iterable[tuple[Checkpoint, Head, str]], faults: list[Bad]) -> Heads:
    """Return the hash that is signed for each size, those from outside first.

    Two for one size are two trails.
    """
    heads: Heads = {}
    for _, head, place in proved:
        known = heads.setdefault(head.size, (head.hash, place))
        if known[0] != head.hash:
            faults.append(Bad(None, f"split: two signed heads of size {head.size} differ"))
    return heads


def examine(
    records: Iterable[Row],
    *,
    checkpoints: Sequence[Checkpoint] = (),
    anchors: Sequence[Checkpoint] = (),
    check: Check | None = None,
    installation: str = "",
    start: tuple[int, bytes] = (0, ZERO),
    last: int = 0,
) -> Findings:
    """Verify records against their chain, signed checkpoints, and anchors from outside.

    Parameters
    ----------
    records
        Values in the order of FIELDS, oldest first; ``prev`` and ``hash`` as bytes.
    checkpoints
        Those kept with the trail, all after ``start``.
    anchors
        Those kept elsewhere, of this and of other installations.
    check
        Tells whether a signature is good, from key id, message and DER; None leaves them.
    installation
        Of which anchors count; by the first checkpoint where it is empty.
    start
        Number and hash of the record before the first one, where that is proved already.
    last
        Where only a part of the trail is at hand: its last record. Anchors after it say nothing.

    Returns
    -------
    Findings
        The first thing that is wrong, if any.
    """
    installation = installation or next(map(installation_of, (*checkpoints, *anchors)), "")
    own = [one for one in anchors if installation_of(one) == installation]
    faults: list[Bad] = []
    if anchors and not own:
        faults.append(Bad(None, "anchor: none is of this installation"))
    if any(installation_of(one) != installation for one in checkpoints):
        faults.append(Bad(None, "checkpoint: one is of another installation"))
    proved = _proved(own, "anchor", check, faults) + _proved(
        checkpoints, "checkpoint", check, faults
    )
    _linked(checkpoints, first=start[0] == 0 and not last, faults=faults)
    heads = _heads(proved, faults)
    if last:
        heads = {size: head for size, head in heads.items() if size <= last}
    walk = _Walk(records, installation)
    size, head = start
    try:
        size, head = _walked(walk, start, heads)
    except Bad as bad:
        faults.insert(0, bad)  # which record is wrong says more than which signature
    count, others = walk.count, len(anchors) - len(own)
    if faults:
        first, reason = faults[0].first, faults[0].reason
        return Findings(False, count, first, reason, anchors=len(own), foreign=others)
    newest = max((s for s in heads if s <= size), default=start[0])
    return Findings(True, count, None, "", size, head, newest, len(own), others)


class _Walk:
    """The records on their way through, counted."""

    def __init__(self, records: Iterable[Row], installation: str) -> None:
        self._records, self._installation = records, installation
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._records:
            self.count += 1
            if row[8] == "audit.begin" and row[9] != self._installation != "" and row[0] == 1:
                raise Bad(1, "installation: the trail is of another one than its checkpoints")
            yield row


def verify(records: Iterable[Row], **given: Any) -> dict[str, Any]:  # noqa: ANN401
    """Verify a trail; see ``examine`` for what is given.

    Parameters
    ----------
    records
        Oldest first.
    given
        As ``examine`` takes it.

    Returns
    -------
    dict
        ok, checked, first_bad, reason.
    """
    return examine(records, **given).brief()


# ---- signatures ----


def signature_check(keys: Mapping[str, bytes]) -> Check:
    """Return how to tell whether a signature is good, by gmssl.

    Parameters
    ----------
    keys
        Public keys by id, X and Y, 64 bytes.

    Returns
    -------
    callable
        For ``examine``. A key that is not among them signs nothing.
    """
    from gmssl import sm2

    def check(kid: str, message: bytes, signature: bytes) -> bool:
        public = keys.get(kid)
        numbers = _numbers(signature)
        if public is None or len(public) != 64 or sm3(public)[:8].hex() != kid or numbers is None:
            return False
        judge = sm2.CryptSM2(private_key="", public_key="")
        judge.public_key = public.hex()  # its constructor strips every leading 0 and 4
        try:
            return bool(judge.verify_with_sm3(f"{numbers[0]:064x}{numbers[1]:064x}", message))
        except (TypeError, ValueError):
            return False

    return check


def _numbers(signature: bytes) -> tuple[int, int] | None:
    """Return r and s of SEQUENCE {r, s} in the one form that DER allows."""
    if len(signature) < 8 or signature[0] != 0x30 or signature[1] != len(signature) - 2:
        return None
    found, rest = [], signature[2:]
    for _ in range(2):
        if len(rest) < 3 or rest[0] != 2 or not 1 <= rest[1] <= min(33, len(rest) - 2):
            return None
        body, rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
        if body[0] & 0x80 or (len(body) > 1 and body[0] == 0 and not body[1] & 0x80):
            return None
        found.append(int.from_bytes(body, "big"))
    r, s = found
    good = not rest and 1 <= r < _N and 1 <= s < _N and (r + s) % _N != 0
    return (r, s) if good else None


# ---- files ----


def checkpoint_of(found: Mapping[str, Any]) -> Checkpoint:
    """Return the checkpoint of a JSON object.

    Parameters
    ----------
    found
        size, text, signature (base64), kid.

    Returns
    -------
    Checkpoint
        Nothing of it is proved yet.

    Raises
    ------
    ValueError
        It is none.
    """
    try:
        signature = base64.b64decode(found["signature"], validate=True)
        return Checkpoint(int(found["size"]), str(found["text"]), signature, str(found["kid"]))
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError(str(error)) from error


def read_anchors(lines: Iterable[str]) -> tuple[list[Checkpoint], int]:
    """Return the checkpoints of an anchor file, and how many lines are none.

    Parameters
    ----------
    lines
        Each with one JSON object, after whatever a log host puts before it.

    Returns
    -------
    list of Checkpoint, int
        A line that was cut by a stop is counted, not taken.
    """
    found, unreadable = [], 0
    for line in lines:
        begin = line.find("{")
        try:
            found.append(checkpoint_of(json.loads(line[begin:]) if begin >= 0 else {}))
        except (ValueError, TypeError, RecursionError):
            unreadable += bool(line.strip())
    return found, unreadable


def read_keys(folder: Path) -> dict[str, bytes]:
    """Return the public keys of a folder.

    Parameters
    ----------
    folder
        With files ``<id>.pub``.

    Returns
    -------
    dict
        By id; a file that is no key is left out.
    """
    found = {}
    for path in sorted(folder.glob("*.pub")):
        body = path.read_text(encoding="ascii", errors="replace").strip()
        if _PUBLIC.fullmatch(body):
            found[path.stem] = bytes.fromhex(body)
    return found


def row_of(found: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a record of a JSON object as ``examine`` takes it.

    Parameters
    ----------
    found
        Every field by name; prev and hash in hexadecimal.

    Returns
    -------
    tuple
        In the order of FIELDS.

    Raises
    ------
    ValueError
        A field is missing or none.
    """
    try:
        values = [found[name] for name in FIELDS[:-2]]
        return (*values, bytes.fromhex(found["prev"]), bytes.fromhex(found["hash"]))
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


class Export(NamedTuple):
    """An exported file: its header, its checkpoints, and where its records begin."""

    path: Path
    header: Mapping[str, Any]
    checkpoints: list[Checkpoint]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield its records; a line that is none stands for a record that does not fit."""
        with self.path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                try:
                    found = json.loads(line)
                    if found.get("kind") == "record":
                        yield row_of(found)
                except (ValueError, AttributeError):
                    yield (None,) * len(FIELDS)


def read_export(path: Path) -> Export:
    """Return what stands before the records of an exported file.

    Parameters
    ----------
    path
        JSON lines: a header, checkpoints, records.

    Returns
    -------
    Export
        Nothing of it is proved yet.

    Raises
    ------
    ValueError
        It is no exported trail.
    """
    header: Mapping[str, Any] = {}
    checkpoints = []
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            found = json.loads(line)
            kind = found.get("kind")
            if kind == "header":
                header = found
            elif kind == "checkpoint":
                checkpoints.append(checkpoint_of(found))
            else:
                break
    if not header:
        raise ValueError("no header")
    return Export(path, header, checkpoints)


def verify_file(
    path: Path, anchors: Sequence[Checkpoint], keys: Mapping[str, bytes]
) -> tuple[Findings, list[str]]:
    """Verify an exported file.

    Parameters
    ----------
    path
        What ``audit export`` wrote; its signature is beside it, ``.sig``.
    anchors
        From outside.
    keys
        Public keys by id, from outside; without any the file's own are taken, and that is said.

    Returns
    -------
    Findings, list of str
        What came of it, and what must be known besides.
    """
    notes: list[str] = []
    try:
        export = read_export(path)
    except (ValueError, OSError) as error:
        return Findings(False, 0, None, f"file: {error}"), notes
    header = export.header
    if not keys:
        keys = {str(k): bytes.fromhex(str(v)) for k, v in dict(header.get("keys", {})).items()}
        notes.append("keys: taken from the file itself; compare them with those kept elsewhere")
    check = signature_check(keys)
    first, last, size = (int(header.get(name, 0)) for name in ("first", "last", "size"))
    partial = first > 1 or last < size
    if partial:
        notes.append(f"part: records {first} to {last} of {size}")
    if not anchors:
        notes.append("anchors: none given; a cut or a whole older file would not be seen")
    signed = _signed(path, check)
    if signed is None:
        notes.append("signature: no .sig beside the file")
    if signed is False:
        return Findings(False, 0, None, "signature: the file is not the one that was signed"), notes
    before = bytes.fromhex(str(header.get("before", ""))) or ZERO
    found = examine(
        export.rows(), checkpoints=export.checkpoints, anchors=anchors, check=check,
        installation=str(header.get("installation", "")),
        start=(max(first, 1) - 1, before), last=last if partial else 0,
    )  # fmt: skip
    if found.ok and (found.size, found.head.hex()) != (last, header.get("head")):
        found = Findings(False, found.checked, found.size + 1, f"cut: the header says {last}")
    if found.foreign:
        notes.append(f"anchors: {found.foreign} are of another installation")
    return found, notes


def _signed(path: Path, check: Check) -> bool | None:
    """Tell whether a file is the one that was signed; None without a signature beside it."""
    beside = path.with_name(path.name + ".sig")
    if not beside.exists():
        return None
    found = _SIGNED.fullmatch(beside.read_text(encoding="ascii", errors="replace"))
    if found is None:
        return False
    signature = base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new("sm3")).digest()
    return check(found[1], digest, signature)


def main(words: Sequence[str] | None = None) -> int:
    """Verify the file that the command line names; 1 where it is not right.

    Parameters
    ----------
    words
        The command line; the process's own if None.

    Returns
    -------
    int
        The exit code.
    """
    parser = argparse.ArgumentParser(description="Verify an exported audit trail.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--anchors", type=Path, action="append", default=[],
                        help="checkpoints that were kept elsewhere")  # fmt: skip
    parser.add_argument("--keys", type=Path, help="folder of <id>.pub")
    chosen = parser.parse_args(words)
    anchors: list[Checkpoint] = []
    for path in chosen.anchors:
        with path.open(encoding="utf-8", errors="replace") as file:
            found, unreadable = read_anchors(file)
        anchors += found
        if unreadable:
            sys.stderr.write(f"anchors: {unreadable} lines of {path} are no checkpoint\n")
    keys = read_keys(chosen.keys) if chosen.keys else {}
    result, notes = verify_file(chosen.export, list(dict.fromkeys(anchors)), keys)
    if chosen.anchors and not anchors and result.ok:
        result = Findings(False, result.checked, None, "anchor: the file holds no checkpoint")
    for note in notes:
        sys.stderr.write(note + "\n")
    sys.stdout.write(json.dumps(result.brief()) + "\n")
    return 0 if result.ok else 1


if __name__ == "__main__":
    sys.exit(main())
