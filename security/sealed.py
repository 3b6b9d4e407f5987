"""What is sealed: files as GME1 envelopes, single values of the database, signatures of files.

Envelope: ``GME1 | version | key id 8 | u16 length, SM2-DER of the file's own SM4 key | nonce
prefix 7 | u32 chunk | u16 length, what it is | chunks``, each chunk SM4-GCM with the nonce
``prefix | u32 number | last`` and the digest of the header bound to it (T/CASMES 615 9.1.2). A new
key for each file makes nonces unique; the mark of the last chunk shows a missing or added one.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from security.sm import (
    KEY_BYTES,
    NONCE_BYTES,
    TAG_BYTES,
    KeyPair,
    Refused,
    Verdict,
    sm2_decrypt,
    sm2_encrypt,
    sm2_id,
    sm2_verify,
    sm3,
    sm3_stream,
    sm4_gcm_open,
    sm4_gcm_seal,
)

MAGIC = b"GME1"
VERSION = 1
CHUNK = 1 << 20
PART = ".part"
_PREFIX = 7
_MOST_WRAPPED, _MOST_AAD = 512, 4096
_FIELD = re.compile(r"v1\|([0-9a-f]{16})\|([\w-]{16})\|([\w-]*)\|([\w-]{22})", re.ASCII)
_SIGNATURE = re.compile(r"GMS1\|([0-9a-f]{16})\|([\w-]{1,128})\n?", re.ASCII)
Unlock = Callable[[str, bytes], bytes]


@dataclass(frozen=True)
class Header:
    """What an envelope says of itself; proved only when its chunks are opened."""

    kid: str
    aad: str
    wrapped: bytes
    prefix: bytes
    digest: bytes


# Envelopes


def seal(reader: BinaryIO, writer: BinaryIO, public: bytes, aad: str) -> None:
    """Write an envelope of all that is left to read.

    Parameters
    ----------
    reader, writer
        Where the plaintext comes from and the envelope goes to; never whole in memory.
    public
        For whom: SM2 public key X‖Y, 64 bytes.
    aad
        What it is, such as ``purpose|dataset|created|sequence``; travels openly, at most 4096
        bytes of UTF-8.

    Raises
    ------
    Refused
        The public key is no point of the curve.
    ValueError
        What it is is too long.
    """
    key, prefix = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(_PREFIX)
    header = _header(public, sm2_encrypt(public, key), prefix, aad.encode())
    digest = sm3(header)
    writer.write(header)
    number, chunk = 0, _read(reader, CHUNK)
    while True:
        after = _read(reader, CHUNK) if len(chunk) == CHUNK else b""
        nonce = _nonce(prefix, number, last=not after)
        writer.write(sm4_gcm_seal(key, nonce, chunk, digest))
        if not after:
            return
        number, chunk = number + 1, after


def seal_file(source: Path, target: Path, public: bytes, aad: str) -> None:
    """Seal a file into another, which is there whole or not at all.

    Parameters
    ----------
    source, target
        The plaintext and the envelope.
    public, aad
        See ``seal``.

    Raises
    ------
    Refused, ValueError
        See ``seal``.
    """
    with source.open("rb") as reader:
        _whole_file(target, lambda writer: seal(reader, writer, public, aad))


def header(reader: BinaryIO) -> Header:
    """Return what an envelope says of itself, read up to its first chunk.

    Parameters
    ----------
    reader
        At the beginning of the envelope.

    Returns
    -------
    Header
        Key id and what it is, neither proved yet.

    Raises
    ------
    Refused
        It is no envelope of this version.
    """
    fixed = _exactly(reader, len(MAGIC) + 1 + 8 + 2)
    magic, version, kid, length = struct.unpack(">4sB8sH", fixed)
    if magic != MAGIC or version != VERSION or not 1 <= length <= _MOST_WRAPPED:
        raise Refused("不是 GME1 加密文件，或版本不支持。")
    wrapped = _exactly(reader, length)
    more = _exactly(reader, _PREFIX + 4 + 2)
    prefix, chunk, length = struct.unpack(f">{_PREFIX}sIH", more)
    if chunk != CHUNK or length > _MOST_AAD:
        raise Refused("不是 GME1 加密文件，或版本不支持。")
    aad = _exactly(reader, length)
    try:
        said = aad.decode()
    except UnicodeDecodeError:
        raise Refused("加密文件已被改动。") from None
    return Header(kid.hex(), said, wrapped, prefix, sm3(fixed + wrapped + more + aad))


def unseal(reader: BinaryIO, target: Path, aad: str, unlock: Unlock) -> None:
    """Open an envelope into a file, which is there only when every chunk is proved.

    Parameters
    ----------
    reader
        At the beginning of the envelope.
    target
        The file to write; until all is proved its name ends in ``.part`` and only its owner can
        read it.
    aad
        What it must be.
    unlock
        Returns the file's own key: from the key id and the wrapped key; ``unlocked_by`` for a
        pair at hand, ``Keys.unlock`` for those of the machine.

    Raises
    ------
    Refused
        The envelope is cut, changed, or is something else; nothing of it is left.
    """
    said = header(reader)
    if said.aad != aad:
        raise Refused("加密文件的用途不符：{found}。", found=said.aad)
    key = unlock(said.kid, said.wrapped)
    if len(key) != KEY_BYTES:
        raise Refused("加密文件已被改动。")
    _whole_file(target, lambda writer: _open_chunks(reader, writer, key, said))


def unlocked_by(pair: KeyPair) -> Unlock:
    """Return how to unlock with a pair at hand, such as one kept offline.

    Parameters
    ----------
    pair
        The envelope's key pair.

    Returns
    -------
    callable
        For ``unseal``.
    """

    def unlock(kid: str, wrapped: bytes) -> bytes:
        if kid != sm2_id(pair.public):
            raise Refused("加密文件属于另一把密钥：{kid}。", kid=kid)
        return sm2_decrypt(pair.private, wrapped)

    return unlock


def _header(public: bytes, wrapped: bytes, prefix: bytes, aad: bytes) -> bytes:
    if len(aad) > _MOST_AAD:
        raise ValueError(len(aad))
    kid = bytes.fromhex(sm2_id(public))
    begin = struct.pack(">4sB8sH", MAGIC, VERSION, kid, len(wrapped)) + wrapped
    return begin + struct.pack(f">{_PREFIX}sIH", prefix, CHUNK, len(aad)) + aad


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + struct.pack(">IB", number, last)


def _open_chunks(reader: BinaryIO, writer: BinaryIO, key: bytes, said: Header) -> None:
    """Write the plaintext chunk by chunk; the caller keeps it only if nothing is raised."""
    whole = CHUNK + TAG_BYTES
    number, chunk = 0, _read(reader, whole)
    while True:
        after = _read(reader, whole) if len(chunk) == whole else b""
        nonce = _nonce(said.prefix, number, last=not after)
        writer.write(sm4_gcm_open(key, nonce, chunk, said.digest))
        if not after:
            return
        number, chunk = number + 1, after


def _read(reader: BinaryIO, size: int) -> bytes:
    """Return so many bytes, fewer only at the end: a pipe may give less at a time."""
    parts: list[bytes] = []
    while size and (part := reader.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _exactly(reader: BinaryIO, size: int) -> bytes:
    found = _read(reader, size)
    if len(found) != size:
        raise Refused("加密文件不完整。")
    return found


def _whole_file(target: Path, fill: Callable[[BinaryIO], None]) -> None:
    """Put a file in place only when it is written and on the disk."""
    part = target.with_name(target.name + PART)
    part.unlink(missing_ok=True)  # of a run that was killed
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as writer:
            fill(writer)
            writer.flush()
            os.fsync(writer.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# Single values


def seal_value(key: bytes, kid: str, value: bytes, aad: str) -> str:
    """Return a value sealed for a text column: ``v1|key id|nonce|ciphertext|tag``, base64url.

    Parameters
    ----------
    key, kid
        SM4 key of 16 bytes and its id of 16 hexadecimal digits.
    value
        What to seal; may be empty.
    aad
        Where it stands; it can be opened nowhere else. ``place`` for a database.

    Returns
    -------
    str
        ASCII without blanks.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = sm4_gcm_seal(key, nonce, value, aad.encode())
    parts = (nonce, sealed[:-TAG_BYTES], sealed[-TAG_BYTES:])
    return "|".join(("v1", kid, *map(_text, parts)))


def open_value(key_of: Callable[[str], bytes], sealed: str, aad: str) -> bytes:
    """Return what was sealed.

    Parameters
    ----------
    key_of
        Returns the key of an id.
    sealed
        What ``seal_value`` returned.
    aad
        Where it stands.

    Returns
    -------
    bytes
        The value.

    Raises
    ------
    Refused
        It is malformed, changed, or was sealed for another place.
    """
    found = _FIELD.fullmatch(sealed)
    if found is None:
        raise Refused("加密字段的格式无效。")
    nonce, cipher, tag = (_bytes(found[n]) for n in (2, 3, 4))
    return sm4_gcm_open(key_of(found[1]), nonce, cipher + tag, aad.encode())


def value_kid(sealed: str) -> str:
    """Return the id of the key a value was sealed with.

    Parameters
    ----------
    sealed
        What ``seal_value`` returned.

    Returns
    -------
    str
        16 hexadecimal digits.

    Raises
    ------
    Refused
        It is malformed.
    """
    found = _FIELD.fullmatch(sealed)
    if found is None:
        raise Refused("加密字段的格式无效。")
    return found[1]


def place(table: str, column: str, row: str) -> str:
    """Return where a value stands in the database, so that it cannot be moved.

    Parameters
    ----------
    table, column
        Names without ``|``.
    row
        The primary key.

    Returns
    -------
    str
        ``table|column|primary key``.

    Raises
    ------
    ValueError
        A name holds ``|``: two places could read the same.
    """
    if "|" in table + column or not (table and column and row):
        raise ValueError((table, column))
    return f"{table}|{column}|{row}"


def _text(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def _bytes(written: str) -> bytes:
    """Return what base64url text stands for, in its one canonical form."""
    try:
        body = base64.urlsafe_b64decode(written + "=" * (-len(written) % 4))
    except ValueError:
        raise Refused("加密字段的格式无效。") from None
    if _text(body) != written:
        raise Refused("加密字段的格式无效。")
    return body


# Signatures of files


def file_signature(reader: BinaryIO, sign: Callable[[bytes], tuple[str, bytes]]) -> str:
    """Return a detached signature of a file: SM2 over its SM3 digest (GB/T 35276).

    An envelope proves that nothing was changed, not who made it; this does.

    Parameters
    ----------
    reader
        At the beginning of the file.
    sign
        Returns key id and DER signature of a message, as ``Keys.sign`` does.

    Returns
    -------
    str
        ``GMS1|key id|base64url of DER`` and a line's end, to be kept beside the file.
    """
    kid, signature = sign(sm3_stream(reader))
    return f"GMS1|{kid}|{_text(signature)}\n"


def file_verdict(reader: BinaryIO, signature: str, public_of: Callable[[str], bytes]) -> Verdict:
    """Tell whether a detached signature is that of the file.

    Parameters
    ----------
    reader
        At the beginning of the file.
    signature
        What ``file_signature`` returned.
    public_of
        Returns the public key of an id, as ``Keys.public`` does.

    Returns
    -------
    Verdict
        Of both implementations.

    Raises
    ------
    Refused
        The signature is malformed, or the key is unknown.
    """
    found = _SIGNATURE.fullmatch(signature)
    if found is None:
        raise Refused("签名文件的格式无效。")
    return sm2_verify(public_of(found[1]), sm3_stream(reader), _bytes(found[2]))
