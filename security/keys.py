"""The keys of one machine: what signs, what backups are sealed for, what other keys are made from.

The folder holds the root key (see ``providers``), ``ring`` with every other key wrapped by it, and
``pub/`` with every public half for ever. The ring is one file, replaced whole: each change is in
force or is not, and what is left to do after a stop is done by asking for it again.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from security.keyfiles import (
    KeyMissing,
    KeyRefused,
    Step,
    locked,
    make_folder,
    no_step,
    read_secret,
    sweep,
    write_whole,
)
from security.providers import KeyProvider, PassphraseProvider, provider, root_id
from security.sealed import open_value, place, seal_value
from security.sm import (
    PRIVATE_BYTES,
    KeyPair,
    Refused,
    Verdict,
    hkdf_sm3,
    sm2_id,
    sm2_pair,
    sm2_public,
    sm2_verify,
)

__all__ = [
    "KeyMissing",
    "KeyOffline",
    "KeyProvider",
    "KeyRefused",
    "Keys",
    "PassphraseProvider",
    "PurposeKey",
    "Switch",
    "harden_process",
    "offline_pair",
    "provider",
    "root_id",
]

SIGNING, ENVELOPE, SEED = "signing", "envelope", "seed"
KINDS = (SIGNING, ENVELOPE, SEED)
PURPOSES = {"session": 32, "audit": 32, "person": 32, "field": 16}
RING, PUB = "ring", "pub"
_FORMAT = "carbon keys 1"
_SEED_BYTES = 32
_KID = re.compile(r"[0-9a-f]{16}")
_PUBLIC = re.compile(r"([0-9a-f]{128})\n")
_OFFLINE = re.compile(r"GMO1\|([0-9a-f]{16})\|([0-9a-f]{64})\|([0-9a-f]{128})\n?")
_PR_SET_DUMPABLE = 4


class KeyOffline(KeyMissing):
    """The private half of an envelope key is kept elsewhere."""


@dataclass(frozen=True)
class Entry:
    """A key of the ring; ``wrapped`` is None where the private half is not here any more."""

    kind: str
    kid: str
    created: str
    public: str | None
    wrapped: str | None

    @property
    def label(self) -> str:
        """What the wrapped key is bound to."""
        return f"{self.kind}|{self.kid}"


@dataclass(frozen=True)
class Ring:
    """Every key, oldest first, and the id of the root key that wraps them."""

    provider: str
    root: str
    keys: tuple[Entry, ...]

    def of(self, kind: str) -> list[Entry]:
        """Return the keys of a kind, newest first.

        Parameters
        ----------
        kind
            One of ``KINDS``.

        Returns
        -------
        list of Entry
            Never empty.
        """
        return [entry for entry in reversed(self.keys) if entry.kind == kind]


@dataclass(frozen=True)
class PurposeKey:
    """A key for one purpose; the key itself is never shown."""

    kid: str
    key: bytes

    def __repr__(self) -> str:
        return f"PurposeKey({self.kid})"


@dataclass(frozen=True)
class Switch:
    """The change from one signing key to the next, signed by both (DER, hexadecimal)."""

    old: str
    new: str
    at: str
    by_old: str
    by_new: str

    @property
    def statement(self) -> bytes:
        """What both have signed."""
        return f"carbon signing key switch|{self.old}|{self.new}|{self.at}".encode()


class Keys:
    """The keys of this machine, opened. ``Keys.open`` makes one."""

    def __init__(self, folder: Path, held: KeyProvider, step: Step) -> None:
        self.folder, self._provider, self._step = folder, held, step
        self._ring = Ring(held.name, "", ())
        self._seeds: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"Keys({str(self.folder)!r})"

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        provider: KeyProvider,
        create: bool,
        needs: Iterable[str] = (),
        step: Step = no_step,
    ) -> Keys:
        """Open the keys of a folder, or make them on the first start (T/CASMES 615 9.1.2).

        Parameters
        ----------
        folder
            Where keys are kept.
        provider
            What holds the root key.
        create
            Whether to make keys where there are none. Two processes make them once.
        needs
            Ids of keys that the data name; with any of them missing nothing is made.
        step
            Told each step that is done.

        Returns
        -------
        Keys
            Every key proved to open.

        Raises
        ------
        KeyMissing
            Keys are needed that are not there.
        KeyRefused
            Keys are there that cannot be used, each with its reason and remedy.
        """
        if create:
            make_folder(folder)
        keys = cls(folder, provider, step)
        with locked(folder):
            sweep(folder)
            keys._load(set(needs), create=create)
        return keys

    def reload(self) -> None:
        """Take over what another process has changed.

        Raises
        ------
        KeyMissing, KeyRefused
            See ``open``.
        """
        with locked(self.folder):
            self._load(set(), create=False)

    # Signing

    @property
    def signing_kid(self) -> str:
        """The id of the key that signs now."""
        return self._ring.of(SIGNING)[0].kid

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """Return a signature of this machine (GB/T 32918.2).

        Parameters
        ----------
        message
            At most 16 KiB; see ``sm2_sign``.

        Returns
        -------
        str, bytes
            Key id and DER signature.
        """
        entry = self._ring.of(SIGNING)[0]
        return entry.kid, self._sign(entry, message)

    def verify(self, kid: str, message: bytes, signature: bytes) -> Verdict:
        """Tell whether a signature of this machine is good, by two implementations.

        Parameters
        ----------
        kid, message, signature
            What ``sign`` took and returned, of today or of long ago.

        Returns
        -------
        Verdict
            See ``sm2_verify``.

        Raises
        ------
        KeyMissing, KeyRefused
            There is no such public key, or it was changed.
        """
        return sm2_verify(self.public(kid), message, signature)

    def public(self, kid: str) -> bytes:
        """Return a public key, of today or of long ago.

        Parameters
        ----------
        kid
            Its id.

        Returns
        -------
        bytes
            X‖Y, 64 bytes.

        Raises
        ------
        KeyMissing
            There is none of this id.
        KeyRefused
            The file is not that of the id.
        """
        if _KID.fullmatch(kid):
            for entry in self._ring.keys:
                if entry.kid == kid and entry.public is not None:
                    return bytes.fromhex(entry.public)
        return _published(self.folder, kid)

    # Envelopes

    @property
    def envelope_kid(self) -> str:
        """The id of the key that backups are sealed for now."""
        return self._ring.of(ENVELOPE)[0].kid

    def envelope_public(self) -> bytes:
        """Return the public key that backups are sealed for.

        Returns
        -------
        bytes
            X‖Y, 64 bytes.
        """
        return self.public(self.envelope_kid)

    def unlock(self, kid: str, wrapped: bytes) -> bytes:
        """Return the own key of an envelope, for ``sealed.unseal``.

        Parameters
        ----------
        kid, wrapped
            From the envelope's header.

        Returns
        -------
        bytes
            The envelope's SM4 key.

        Raises
        ------
        KeyOffline
            The private half is kept elsewhere.
        KeyMissing
            There is no such envelope key.
        security.sm.Refused
            It was changed, or sealed for another key.
        """
        entry = self._entry(ENVELOPE, kid)
        if entry.wrapped is None:
            raise KeyOffline(
                "备份密钥 {kid} 的私钥已离线保存，不在本机。",
                "请取来离线保存的私钥文件再恢复。",
                kid=kid,
            )
        return self._provider.decrypt(entry.wrapped, entry.label, wrapped)

    def move_envelope_offline(self, target: Path, kid: str | None = None) -> str:
        """Write the private half of an envelope key to a file and forget it here.

        Afterwards backups are still made here, but can only be opened with that file.

        Parameters
        ----------
        target
            A new file outside the folder of the keys, to be carried away.
        kid
            Which key; the one in use if None.

        Returns
        -------
        str
            Its id.

        Raises
        ------
        KeyOffline
            It is not here any more.
        KeyMissing
            There is no such key.
        KeyRefused
            The file is there already, inside the folder, or cannot be written.
        """
        with self._alone():
            entry = self._entry(ENVELOPE, kid or self.envelope_kid)
            if entry.wrapped is None:
                raise KeyOffline("备份密钥 {kid} 的私钥已离线保存，不在本机。", kid=entry.kid)
            self._write_offline(target, entry, entry.wrapped)
            self._put([replace(e, wrapped=None) if e == entry else e for e in self._ring.keys])
            return entry.kid

    def _write_offline(self, target: Path, entry: Entry, wrapped: str) -> None:
        if target.exists() or target.resolve().is_relative_to(self.folder.resolve()):
            raise KeyRefused(
                "{path} 已存在，或在密钥目录内。",
                "请换一个新文件名，之后转存到离线介质。",
                path=target,
            )
        private = self._provider.unwrap(wrapped, entry.label)[:PRIVATE_BYTES]
        line = f"GMO1|{entry.kid}|{private.hex()}|{entry.public}\n"
        write_whole(target, line.encode(), self._step)
        offline_pair(target)  # nothing is forgotten before it can be read back

    # Keys for a purpose

    def purpose(self, name: str, kid: str | None = None) -> PurposeKey:
        """Return a key for one purpose, made by HKDF-SM3.

        Parameters
        ----------
        name
            ``session``, ``audit`` or ``person`` (32 bytes), or ``field`` (16 bytes).
        kid
            Of which seed; the newest if None.

        Returns
        -------
        PurposeKey
            The key and the id it is found by again.

        Raises
        ------
        KeyMissing
            There is no such id.
        ValueError
            There is no such purpose.
        """
        if name not in PURPOSES:
            raise ValueError(name)
        entry = self._entry(SEED, kid or self._ring.of(SEED)[0].kid)
        made = hkdf_sm3(self._seeds[entry.kid], b"", f"carbon|{name}".encode(), PURPOSES[name])
        return PurposeKey(entry.kid, made)

    def purposes(self, name: str) -> tuple[PurposeKey, ...]:
        """Return every key of a purpose, newest first: the older ones while they still count.

        Parameters
        ----------
        name
            See ``purpose``.

        Returns
        -------
        tuple of PurposeKey
            Never empty.
        """
        return tuple(self.purpose(name, entry.kid) for entry in self._ring.of(SEED))

    def seal_field(self, value: bytes, table: str, column: str, row: str) -> str:
        """Return a value sealed for its place in the database (see ``sealed.seal_value``).

        Parameters
        ----------
        value
            What to seal.
        table, column, row
            Its place; ``row`` is the primary key.

        Returns
        -------
        str
            Text for the column.
        """
        used = self.purpose("field")
        return seal_value(used.key, used.kid, value, place(table, column, row))

    def open_field(self, sealed: str, table: str, column: str, row: str) -> bytes:
        """Return a sealed value of the database.

        Parameters
        ----------
        sealed
            Text of the column.
        table, column, row
            Its place.

        Returns
        -------
        bytes
            The value.

        Raises
        ------
        security.sm.Refused
            It was changed, or stood in another place.
        KeyMissing
            It was sealed with a key that is not there.
        """
        return open_value(
            lambda kid: self.purpose("field", kid).key, sealed, place(table, column, row)
        )

    # Rotation

    def unfinished(self) -> tuple[str, ...]:
        """Return which rotations were stopped half way; asking for them again completes them.

        Returns
        -------
        tuple of str
            Of ``root`` and ``signing``; nothing is unreadable meanwhile.
        """
        found = ["root"] if any(self.folder.glob("root.*.next")) else []
        if any(entry.wrapped is not None for entry in self._ring.of(SIGNING)[1:]):
            found.append(SIGNING)
        return tuple(found)

    def rotate_root(self, successor: KeyProvider | None = None) -> str:
        """Wrap every key with a new root key; no data need be sealed anew.

        Parameters
        ----------
        successor
            A provider of the same kind that knows the old and the new passphrase; the one in use
            if None.

        Returns
        -------
        str
            The id of the new root key. The printed root key is void.

        Raises
        ------
        KeyRefused
            It cannot be written; the old root key is in force.
        """
        before, self._provider = self._provider, successor or self._provider
        try:
            with self._alone():
                if self._provider.root_pending():
                    self._provider.finish_rotation(self._step)
                    return self._ring.root
                self._provider.begin_rotation(self._step)
                self._put([self._rewrapped(entry) for entry in self._ring.keys])
                self._provider.finish_rotation(self._step)
                return self._ring.root
        except BaseException:
            self._provider = before
            raise

    def rotate_signing(self) -> Switch:
        """Sign with a new key from now on; the old private half is forgotten.

        Returns
        -------
        Switch
            The change, signed by the old and the new key, to be put into the audit.

        Raises
        ------
        KeyRefused
            It cannot be written; what is in force is what was written last.
        """
        with self._alone():
            if SIGNING not in self.unfinished():
                self._put([*self._ring.keys, self._new_pair(SIGNING)])
                self._publish()
            new, old = self._ring.of(SIGNING)[:2]
            made = self._switched(old, new)
            self._put([replace(e, wrapped=None) if e == old else e for e in self._ring.keys])
            return made

    def rotate_envelope(self) -> str:
        """Seal backups for a new key from now on; older ones are still opened by theirs.

        Returns
        -------
        str
            The id of the new key.
        """
        with self._alone():
            self._put([*self._ring.keys, self._new_pair(ENVELOPE)])
            self._publish()
            return self.envelope_kid

    def rotate_purposes(self) -> str:
        """Make the keys for purposes from a new seed; what older ones sealed is still opened.

        Returns
        -------
        str
            The id of the new seed.
        """
        with self._alone():
            self._put([*self._ring.keys, self._new_seed()])
            self._take_seeds()
            return self._ring.of(SEED)[0].kid

    def switch(self, kid: str) -> Switch | None:
        """Return how a signing key took over from the one before.

        Parameters
        ----------
        kid
            The new key.

        Returns
        -------
        Switch or None
            None for the first key.

        Raises
        ------
        KeyRefused
            The record was changed.
        """
        path = self.folder / PUB / f"{_checked(kid)}.switch"
        if not path.exists():
            return None
        refused = KeyRefused("{path} 已损坏。", "请从备份放回。", path=path)
        try:
            found = Switch(**json.loads(path.read_text(encoding="utf-8")))
            by_old, by_new = bytes.fromhex(found.by_old), bytes.fromhex(found.by_new)
        except (TypeError, ValueError):
            raise refused from None
        good = self.verify(found.old, found.statement, by_old).valid
        if found.new != kid or not (good and self.verify(kid, found.statement, by_new).valid):
            raise refused
        return found

    def listed(self) -> list[dict[str, str]]:
        """Return what keys there are, oldest first, without anything secret.

        Returns
        -------
        list of dict
            Kind, id, when made, whether the private half is here (``here`` or ``--``).
        """
        return [
            {
                "kind": entry.kind,
                "kid": entry.kid,
                "made": entry.created,
                "private": "here" if entry.wrapped is not None else "--",
            }
            for entry in self._ring.keys
        ]

    def printed_root(self) -> str | None:
        """Return the root key to be printed and locked away; show it to nobody else.

        Returns
        -------
        str or None
            None where a passphrase or a device takes its place.
        """
        return self._provider.printed()

    # Inside

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder and start from what it holds, whatever was stopped before."""
        with locked(self.folder):
            sweep(self.folder)
            self._load(set(), create=False)
            yield

    def _load(self, needs: set[str], *, create: bool) -> None:
        path = self.folder / RING
        if os.path.lexists(path):
            ring = _ring(path)
            if ring.provider != self._provider.name:
                raise KeyRefused(
                    "密钥由提供者 {found} 保管，设置的是 {wanted}。",
                    "请把 CARBON_KEY_PROVIDER 改为 {found}。",
                    found=ring.provider,
                    wanted=self._provider.name,
                )
            self._provider.load(self.folder, ring.root, create=False, step=self._step)
            self._ring = ring
        else:
            self._first(needs, create=create)
        self._take_seeds()
        self._publish()
        self._prove(needs)

    def _first(self, needs: set[str], *, create: bool) -> None:
        """Make the first keys, unless there is a trace of earlier ones."""
        missing = sorted(needs) + sorted(p.stem for p in (self.folder / PUB).glob("*.pub"))
        if missing or not create:
            raise KeyMissing(
                "{path} 中没有密钥清单 ring，已有数据使用密钥 {kids}。"
                if missing
                else "{path} 中没有密钥清单 ring。",
                "请从备份放回密钥目录；没有它，已加密的内容无法读取。",
                path=self.folder,
                kids=", ".join(missing),
            )
        self._provider.load(self.folder, None, create=True, step=self._step)
        self._put([self._new_pair(SIGNING), self._new_pair(ENVELOPE), self._new_seed()])

    def _put(self, entries: list[Entry]) -> None:
        """Put a ring in force: the one step before which nothing, after which all has changed."""
        ring = Ring(self._provider.name, self._provider.root_id, tuple(entries))
        body = {"format": _FORMAT, **asdict(ring)}
        text = json.dumps(body, indent=1) + "\n"
        write_whole(self.folder / RING, text.encode(), self._step)
        self._ring = ring

    def _new_pair(self, kind: str) -> Entry:
        public, wrapped = self._provider.make_pair(kind)
        return Entry(kind, sm2_id(public), _now(), public.hex(), wrapped)

    def _new_seed(self) -> Entry:
        seed = secrets.token_bytes(_SEED_BYTES)
        entry = Entry(SEED, hkdf_sm3(seed, b"", b"carbon seed id", 8).hex(), _now(), None, None)
        return replace(entry, wrapped=self._provider.wrap(seed, entry.label))

    def _rewrapped(self, entry: Entry) -> Entry:
        if entry.wrapped is None:
            return entry
        return replace(entry, wrapped=self._provider.rewrap(entry.wrapped, entry.label))

    def _take_seeds(self) -> None:
        self._seeds = {
            entry.kid: self._provider.unwrap(entry.wrapped, entry.label)
            for entry in self._ring.of(SEED)
            if entry.wrapped is not None
        }

    def _publish(self) -> None:
        """Write every public half that is not there yet."""
        folder = self.folder / PUB
        for entry in self._ring.keys:
            path = folder / f"{entry.kid}.pub"
            if entry.public is not None and not path.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
                write_whole(path, f"{entry.public}\n".encode(), self._step, mode=0o444)

    def _prove(self, needs: set[str]) -> None:
        """Refuse a ring whose keys do not open, or that lacks one that is needed."""
        for entry in self._ring.keys:
            if entry.public is not None and entry.wrapped is not None:
                public = self._provider.public(entry.wrapped, entry.label)
                if public.hex() != entry.public or _published(self.folder, entry.kid) != public:
                    raise KeyRefused(
                        "密钥 {label} 的公钥与私钥不符。",
                        "请从备份放回密钥目录。",
                        label=entry.label,
                    )
        known = {entry.kid for entry in self._ring.keys}
        missing = sorted(k for k in needs - known if not (self.folder / PUB / f"{k}.pub").exists())
        if missing:
            raise KeyMissing(
                "数据使用密钥 {kids}，{path} 中没有。",
                "请放回与数据一致的密钥目录。",
                kids=", ".join(missing),
                path=self.folder,
            )

    def _switched(self, old: Entry, new: Entry) -> Switch:
        """Return the record of a change of signing keys, written once."""
        found = self.switch(new.kid)
        if found is not None:
            return found
        made = Switch(old.kid, new.kid, new.created, "", "")
        made = replace(
            made,
            by_old=self._sign(old, made.statement).hex(),
            by_new=self._sign(new, made.statement).hex(),
        )
        body = (json.dumps(asdict(made), indent=1) + "\n").encode()
        write_whole(self.folder / PUB / f"{new.kid}.switch", body, self._step, mode=0o444)
        return made

    def _sign(self, entry: Entry, message: bytes) -> bytes:
        if entry.wrapped is None:
            raise KeyMissing("签名密钥 {kid} 的私钥不在本机。", kid=entry.kid)
        return self._provider.sign(entry.wrapped, entry.label, message)

    def _entry(self, kind: str, kid: str) -> Entry:
        for entry in self._ring.of(kind):
            if entry.kid == kid:
                return entry
        raise KeyMissing(
            "没有编号为 {kid} 的密钥。", "请放回与数据一致的密钥目录。", kid=_checked(kid)
        )


def offline_pair(path: Path) -> KeyPair:
    """Return the key pair of a file that was moved offline, for ``sealed.unlocked_by``.

    Parameters
    ----------
    path
        What ``move_envelope_offline`` wrote; whose it is does not matter on a carried medium.

    Returns
    -------
    KeyPair
        Proved to be a pair.

    Raises
    ------
    KeyMissing
        There is no such file.
    KeyRefused
        It is not such a file, or damaged.
    """
    try:
        with path.open("rb") as file:
            body = file.read(1024)
    except OSError as error:
        raise KeyMissing(
            "无法读取 {path}：{why}。", "请插入离线介质。", path=path, why=error.strerror
        ) from error
    found = _OFFLINE.fullmatch(body.decode("ascii", "replace").replace("\r\n", "\n"))
    refused = KeyRefused("{path} 不是离线私钥文件，或已损坏。", "请换另一份离线副本。", path=path)
    if found is None:
        raise refused
    try:
        pair = sm2_pair(bytes.fromhex(found[2]), bytes.fromhex(found[3]))
    except Refused:
        raise refused from None
    if sm2_id(pair.public) != found[1]:
        raise refused
    return pair


def harden_process() -> None:
    """Let no core dump of this process be written and no other process of the user look into it.

    Files under ``/proc/self`` then belong to root. Python cannot wipe memory: keys stay in it as
    long as the process lives.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:  # Linux only
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _checked(kid: str) -> str:
    """Return an id that is one: it becomes the name of a file."""
    if not _KID.fullmatch(kid):
        raise KeyMissing("没有编号为 {kid} 的密钥。", "请放回与数据一致的密钥目录。", kid=kid[:32])
    return kid


def _published(folder: Path, kid: str) -> bytes:
    """Return the public half of a key from its file, proved to be that of the id."""
    path = folder / PUB / f"{_checked(kid)}.pub"
    try:
        found = _PUBLIC.fullmatch(path.read_text(encoding="ascii", errors="replace"))
    except OSError as error:
        raise KeyMissing("没有公钥文件 {path}。", "请从备份放回。", path=path) from error
    try:
        public = sm2_public(bytes.fromhex(found[1] if found else ""))
    except Refused:
        public = b""
    if sm2_id(public) != kid:
        raise KeyRefused("公钥文件 {path} 已损坏或被替换。", "请从备份放回。", path=path)
    return public


def _ring(path: Path) -> Ring:
    """Return the ring of a file, every part of it checked."""
    try:
        found = json.loads(read_secret(path).decode("ascii"))
        entries = tuple(Entry(**entry) for entry in found["keys"])
        ring = Ring(found["provider"], found["root"], entries)
        good = found["format"] == _FORMAT and _well_formed(ring)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError, Refused):
        good = False
    if not good:
        raise KeyRefused("密钥清单 {path} 已损坏。", "请从备份放回密钥目录。", path=path)
    return ring


def _well_formed(ring: Ring) -> bool:
    kids = [entry.kid for entry in ring.keys]
    return (
        bool(_KID.fullmatch(ring.root))
        and len(set(kids)) == len(kids)
        and {entry.kind for entry in ring.keys} == set(KINDS)
        and all(_fits(entry) for entry in ring.keys)
        and ring.of(SIGNING)[0].wrapped is not None
    )


def _fits(entry: Entry) -> bool:
    strings = isinstance(entry.created, str) and isinstance(entry.wrapped, str | None)
    if not (strings and _KID.fullmatch(entry.kid)):
        return False
    if entry.kind == SEED:
        return entry.public is None and entry.wrapped is not None
    return sm2_id(sm2_public(bytes.fromhex(entry.public or ""))) == entry.kid
