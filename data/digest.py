"""SM3 digests of files and bytes (GB/T 32905), by the standard library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

CHUNK = 1 << 20


def sm3(body: bytes) -> str:
    """Return the SM3 digest of bytes, hexadecimal."""
    return hashlib.new("sm3", body).hexdigest()


def copy_with_digest(source: Path, target: Path) -> str:
    """Copy a file and return the SM3 digest of what was written, hexadecimal.

    Raises
    ------
    OSError
        The source cannot be read or the target not be written.
    """
    digest = hashlib.new("sm3")
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SM3 digest of a file, hexadecimal.

    Raises
    ------
    OSError
        It cannot be read.
    """
    digest = hashlib.new("sm3")
    with path.open("rb") as reader:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def digest_of(rows: Sequence[object]) -> str:
    """Return the SM3 digest of rows that JSON can hold, hexadecimal."""
    return sm3(json.dumps(rows, ensure_ascii=False).encode())
