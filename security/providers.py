"""What holds the root key, which unlocks the others: a file, a passphrase, or an extension.

An extension (PKCS #11, a cryptographic card by GM/T 0018) is a class with the methods of
``KeyProvider`` under the entry-point group ``carbon.key_providers``; it is called without
arguments. What ``wrap`` and ``make_pair`` return is opaque text to everybody else: a device may
return a handle instead of a wrapped key, and then no private key ever is in this process.
"""

from __future__ import annotations

import os
import re
import secrets
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from security.keyfiles import KeyMissing, KeyRefused, Step, move, read_secret, write_whole
from security.sealed import open_value, seal_value, value_kid
from security.sm import (
    KEY_BYTES,
    PRIVATE_BYTES,
    KeyPair,
    Refused,
    hkdf_sm3,
    pbkdf2_sm3,
    sm2_decrypt,
    sm2_id,
    sm2_new,
    sm2_sign,
)

GROUP = "carbon.key_providers"
ROUNDS, FEWEST_ROUNDS, MOST_ROUNDS = 310_000, 100_000, 10_000_000
SHORTEST_PASSPHRASE, LONGEST_PASSPHRASE = 16, 1024
_CREDENTIAL = "credential:"
_NEXT = ".next"
_ROOT = re.compile(rb"([0-9a-f]{32})\n")
_SALT = re.compile(rb"pbkdf2-sm3\|([1-9][0-9]{0,8})\|([0-9a-f]{32})\|([0-9a-f]{16})\n")


class KeyProvider(Protocol):
    """What holds the root key. ``label`` is what a wrapped key is: ``kind|key id``."""

    name: str
    root_id: str

    def load(self, folder: Path, wanted: str | None, *, create: bool, step: Step) -> None:
        """Find the root key ``wanted``; with None the one that is there, or a new one."""

    def begin_rotation(self, step: Step) -> None:
        """Let ``wrap`` use a new root key, kept beside the old one; again after a stop."""

    def root_pending(self) -> bool:
        """Tell whether the root key in force only waits for ``finish_rotation``."""

    def finish_rotation(self, step: Step) -> None:
        """Forget the old root key: everything is wrapped with the new one."""

    def wrap(self, secret: bytes, label: str) -> str:
        """Return a secret wrapped with the root key."""

    def unwrap(self, wrapped: str, label: str) -> bytes:
        """Return what was wrapped."""

    def rewrap(self, wrapped: str, label: str) -> str:
        """Return the same wrapped with the root key of now."""

    def make_pair(self, kind: str) -> tuple[bytes, str]:
        """Return a new SM2 key: public half X‖Y and wrapped private half."""

    def public(self, wrapped: str, label: str) -> bytes:
        """Return the public half of a wrapped SM2 key."""

    def sign(self, wrapped: str, label: str, message: bytes) -> bytes:
        """Return a DER signature by a wrapped SM2 key."""

    def decrypt(self, wrapped: str, label: str, sealed: bytes) -> bytes:
        """Return what was sealed for a wrapped SM2 key."""

    def printed(self) -> str | None:
        """Return the root key to be printed, None where it cannot be shown."""


def provider(name: str, passphrase_file: str | None = None) -> KeyProvider:
    """Return the provider of a name.

    Parameters
    ----------
    name
        ``file``, ``passphrase`` or the name of an entry point.
    passphrase_file
        For ``passphrase``: a path, or ``credential:NAME`` for a systemd credential.

    Returns
    -------
    KeyProvider
        Not loaded yet.

    Raises
    ------
    KeyRefused
        There is no such provider, or it lacks its passphrase file.
    """
    if name == FileProvider.name:
        return FileProvider()
    if name == PassphraseProvider.name:
        if not passphrase_file:
            raise KeyRefused("没有指定口令文件。", "请设置 CARBON_KEY_PASSPHRASE_FILE。")
        return PassphraseProvider(passphrase_file)
    found = [point for point in entry_points(group=GROUP) if point.name == name]
    if len(found) != 1:
        raise KeyRefused(
            "没有名为 {name} 的密钥提供者。",
            "CARBON_KEY_PROVIDER 可用 file、passphrase 或已安装的扩展。",
            name=name,
        )
    made: KeyProvider = found[0].load()()
    return made


def root_id(root: bytes) -> str:
    """Return the identifier of a root key, from which the key cannot be worked out.

    Parameters
    ----------
    root
        16 bytes.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    return hkdf_sm3(root, b"", b"carbon root id", 8).hex()


class Software:
    """A root key in this process: what file and passphrase have in common."""

    name = ""
    file = ""

    def __init__(self) -> None:
        self.root_id = ""
        self._roots: dict[str, bytes] = {}
        self._folder = Path()

    def load(self, folder: Path, wanted: str | None, *, create: bool, step: Step) -> None:
        """Find the root key that wrapped the others.

        Parameters
        ----------
        folder
            Where keys are kept, held by ``locked``.
        wanted
            Its id; None before anything was wrapped.
        create
            Whether to make one where there is none and none is wanted.
        step
            Told what is done.

        Raises
        ------
        KeyMissing
            It is not there.
        KeyRefused
            What is there cannot be used.
        """
        self._folder, self._roots = folder, {}
        here, following = folder / self.file, folder / (self.file + _NEXT)
        if wanted is None and create and not os.path.lexists(here):
            self._make(here, step)
        first = self._take(here)
        if following.exists():
            self._take(following)
        self.root_id = wanted or first
        if self.root_id not in self._roots:
            raise self._strange(here, first)

    def begin_rotation(self, step: Step) -> None:
        """Let ``wrap`` use a new root key, kept beside the old one.

        Parameters
        ----------
        step
            Told what is done.

        Raises
        ------
        KeyRefused
            The new root key cannot be written.
        """
        following = self._folder / (self.file + _NEXT)
        self._make(following, step)  # one left by a stop has wrapped nothing that is in force
        self.root_id = self._take(following)

    def root_pending(self) -> bool:
        """Tell whether the root key in force only waits for ``finish_rotation``.

        Returns
        -------
        bool
            True after a stop between the two.
        """
        following = self._folder / (self.file + _NEXT)
        return following.exists() and self._take(following) == self.root_id

    def finish_rotation(self, step: Step) -> None:
        """Put the new root key in the place of the old one, if that is still to be done.

        Parameters
        ----------
        step
            Told what is done.
        """
        here, following = self._folder / self.file, self._folder / (self.file + _NEXT)
        if self.root_pending():
            move(following, here, step)
        self._roots = {self.root_id: self._roots[self.root_id]}

    def wrap(self, secret: bytes, label: str) -> str:
        """Return a secret wrapped by SM4-GCM.

        Parameters
        ----------
        secret
            What to wrap.
        label
            What it is: ``kind|key id``.

        Returns
        -------
        str
            See ``seal_value``.
        """
        return seal_value(self._roots[self.root_id], self.root_id, secret, label)

    def unwrap(self, wrapped: str, label: str) -> bytes:
        """Return what was wrapped.

        Parameters
        ----------
        wrapped, label
            See ``wrap``.

        Returns
        -------
        bytes
            The secret.

        Raises
        ------
        KeyMissing
            It was wrapped by another root key.
        KeyRefused
            It was changed, or is something else.
        """
        try:
            return open_value(self._root_of, wrapped, label)
        except Refused:
            raise KeyRefused(
                "密钥 {label} 已损坏或被替换。", "请从备份放回密钥目录。", label=label
            ) from None

    def rewrap(self, wrapped: str, label: str) -> str:
        """Return the same wrapped with the root key of now.

        Parameters
        ----------
        wrapped, label
            See ``wrap``.

        Returns
        -------
        str
            As it was where that root key has wrapped it.

        Raises
        ------
        KeyMissing, KeyRefused
            See ``unwrap``.
        """
        if value_kid(wrapped) == self.root_id:
            return wrapped
        return self.wrap(self.unwrap(wrapped, label), label)

    def make_pair(self, kind: str) -> tuple[bytes, str]:
        """Return a new SM2 key.

        Parameters
        ----------
        kind
            What it is for.

        Returns
        -------
        bytes, str
            The public half, and both halves wrapped.
        """
        pair = sm2_new()
        label = f"{kind}|{sm2_id(pair.public)}"
        return pair.public, self.wrap(pair.private + pair.public, label)

    def public(self, wrapped: str, label: str) -> bytes:
        """Return the public half of a wrapped SM2 key.

        Parameters
        ----------
        wrapped, label
            See ``wrap``.

        Returns
        -------
        bytes
            X‖Y, 64 bytes.

        Raises
        ------
        KeyMissing, KeyRefused
            See ``unwrap``.
        """
        return self.unwrap(wrapped, label)[PRIVATE_BYTES:]

    def sign(self, wrapped: str, label: str, message: bytes) -> bytes:
        """Return a signature by a wrapped SM2 key.

        Parameters
        ----------
        wrapped, label
            See ``wrap``.
        message
            See ``sm2_sign``.

        Returns
        -------
        bytes
            DER.

        Raises
        ------
        KeyMissing, KeyRefused
            See ``unwrap``.
        """
        return sm2_sign(self._pair(wrapped, label), message)

    def decrypt(self, wrapped: str, label: str, sealed: bytes) -> bytes:
        """Return what was sealed for a wrapped SM2 key.

        Parameters
        ----------
        wrapped, label
            See ``wrap``.
        sealed
            DER.

        Returns
        -------
        bytes
            The plaintext.

        Raises
        ------
        KeyMissing, KeyRefused
            See ``unwrap``.
        security.sm.Refused
            It was changed, or sealed for another key.
        """
        return sm2_decrypt(self._pair(wrapped, label).private, sealed)

    def printed(self) -> str | None:
        """Return nothing: there is no root key to print.

        Returns
        -------
        None
            What is remembered is the backup.
        """
        return None

    def _pair(self, wrapped: str, label: str) -> KeyPair:
        both = self.unwrap(wrapped, label)
        return KeyPair(both[PRIVATE_BYTES:], both[:PRIVATE_BYTES])

    def _root_of(self, kid: str) -> bytes:
        if kid not in self._roots:
            raise KeyMissing("没有编号为 {kid} 的根密钥。", "请从备份放回。", kid=kid)
        return self._roots[kid]

    def _make(self, path: Path, step: Step) -> None:
        """Write a new root key."""
        raise NotImplementedError

    def _take(self, path: Path) -> str:
        """Read a root key and return its id."""
        raise NotImplementedError

    def _strange(self, path: Path, found: str) -> Exception:
        """Return what to raise where the root key is another than the one that is wanted."""
        raise NotImplementedError


class FileProvider(Software):
    """The root key in ``root.key``: 32 small hexadecimal digits and a line feed, mode 0400."""

    name = "file"
    file = "root.key"

    def printed(self) -> str:
        """Return the root key to be printed and locked away.

        Returns
        -------
        str
            Eight groups of four digits, and the id to compare.
        """
        digits = self._roots[self.root_id].hex()
        groups = " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
        return f"{groups} ({self.root_id})"

    def _make(self, path: Path, step: Step) -> None:
        write_whole(path, secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n", step)

    def _take(self, path: Path) -> str:
        body = read_secret(path)
        found = _ROOT.fullmatch(body)
        if found is None or not int(found[1], 16):
            raise _malformed(path, body)
        root = bytes.fromhex(found[1].decode())
        kid = root_id(root)
        self._roots[kid] = root
        return kid

    def _strange(self, path: Path, found: str) -> Exception:
        return KeyMissing(
            "{path} 的编号是 {found}，需要编号 {wanted} 的根密钥。",
            "请放回与密钥目录一致的根密钥。",
            path=path,
            found=found,
            wanted=self.root_id,
        )


class PassphraseProvider(Software):
    """The root key made from a passphrase with the salt in ``root.salt``.

    Parameters
    ----------
    source
        The passphrase's file: a path, or ``credential:NAME`` for a systemd credential.
    successor
        The file of the passphrase to rotate to; the same passphrase with a new salt if None.
    """

    name = "passphrase"
    file = "root.salt"

    def __init__(self, source: str, successor: str | None = None) -> None:
        super().__init__()
        self._sources = [source] if successor is None else [source, successor]

    def _make(self, path: Path, step: Step) -> None:
        salt = secrets.token_bytes(KEY_BYTES)
        # A rotation goes to the successor, the first salt belongs to the only passphrase.
        source = self._sources[-1] if path.name.endswith(_NEXT) else self._sources[0]
        kid = root_id(_derived(passphrase(source), salt, ROUNDS))
        write_whole(path, f"pbkdf2-sm3|{ROUNDS}|{salt.hex()}|{kid}\n".encode(), step)

    def _take(self, path: Path) -> str:
        found = _SALT.fullmatch(read_secret(path))
        if found is None or not FEWEST_ROUNDS <= int(found[1]) <= MOST_ROUNDS:
            raise KeyRefused("{path} 的格式无效。", "请从备份放回。", path=path)
        kid = found[3].decode()
        for source in self._sources:
            salt = bytes.fromhex(found[2].decode())
            root = _derived(passphrase(source), salt, int(found[1]))
            if root_id(root) == kid:
                self._roots[kid] = root
                break
        return kid

    def _strange(self, path: Path, found: str) -> Exception:
        return KeyRefused(
            "口令不正确，或 {path} 不是建立密钥时的盐文件。",
            "请检查 CARBON_KEY_PASSPHRASE_FILE 所指的口令；更换口令后须用新口令。",
            path=path,
        )


def _derived(phrase: bytes, salt: bytes, rounds: int) -> bytes:
    return pbkdf2_sm3(phrase, salt, rounds)[:KEY_BYTES]


def _malformed(path: Path, body: bytes) -> KeyRefused:
    """Return in words what is wrong with the form of a root key, none of its bytes in them."""
    remedy = "须是 32 个小写十六进制数字加一个换行（LF），请从备份或打印件重新写入。"
    if b"\r" in body:
        return KeyRefused("{path} 以 Windows 换行（CRLF）结尾。", remedy, path=path)
    if b"\0" in body:
        return KeyRefused("{path} 含有零字节，内容已损坏。", remedy, path=path)
    if _ROOT.fullmatch(body):
        return KeyRefused("{path} 的密钥全为零。", remedy, path=path)
    return KeyRefused(
        "{path} 的格式无效，长度为 {count} 字节。", remedy, path=path, count=len(body)
    )


def passphrase(source: str) -> bytes:
    """Return the passphrase of a file or of a systemd credential.

    Parameters
    ----------
    source
        A path, or ``credential:NAME``.

    Returns
    -------
    bytes
        One line without its end.

    Raises
    ------
    KeyMissing
        There is no such file or credential.
    KeyRefused
        Others may read it, or it is not one line of 16 to 1024 bytes.
    """
    path, body = _passphrase_body(source)
    line = body.removesuffix(b"\n")
    if b"\r" in line or b"\n" in line or b"\0" in line:
        raise KeyRefused("口令文件 {path} 须只有一行，以 LF 结尾。", path=path)
    if not SHORTEST_PASSPHRASE <= len(line) <= LONGEST_PASSPHRASE:
        raise KeyRefused(
            "口令文件 {path} 的口令须为 {least} 至 {most} 字节。",
            path=path,
            least=SHORTEST_PASSPHRASE,
            most=LONGEST_PASSPHRASE,
        )
    return line


def _passphrase_body(source: str) -> tuple[Path, bytes]:
    if not source.startswith(_CREDENTIAL):
        return Path(source), read_secret(Path(source))
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    name = source.removeprefix(_CREDENTIAL)
    path = Path(folder) / name
    # Who may read a credential is systemd's care, by a list that the mode does not show.
    if not folder or not name or "/" in name or not path.is_file():
        raise KeyMissing(
            "没有 systemd 凭据 {name}。", "请在服务单元中用 LoadCredential= 提供。", name=name
        )
    return path, path.read_bytes()
