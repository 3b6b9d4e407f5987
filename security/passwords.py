"""Passwords: what they must be, how they are kept, how they are compared (T/CASMES 615 9.3.1)."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from security.sm import pbkdf2_sm3
from translations import text

SHORTEST, LONGEST = 12, 128
ROUNDS = 310_000
_SCHEME = "pbkdf2-sm3"
_SALT_BYTES = 16
# One hash takes a core for 0.2 s. One at a time leaves the other core to everybody else; the
# rest wait, and more than a few waiting would take the server's threads instead.
_TURN = threading.Semaphore(1)
_WAITING = threading.Semaphore(4)


class Busy(Exception):
    """Too many passwords wait to be compared."""


@contextmanager
def turn() -> Iterator[None]:
    """Hold the only place at which passwords are hashed.

    Raises
    ------
    Busy
        As many as may wait do so already.
    """
    if not _WAITING.acquire(blocking=False):
        raise Busy
    try:
        with _TURN:
            yield
    finally:
        _WAITING.release()


def normalised(password: str) -> str:
    """Return a password as it is compared: what looks the same and is typed otherwise is one.

    Parameters
    ----------
    password
        As it was typed.

    Returns
    -------
    str
        In normal form NFKC.
    """
    return unicodedata.normalize("NFKC", password)


def reasons_against(password: str, name: str, language: str) -> list[str]:
    """Return why a password cannot be taken (T/CASMES 615 9.3.1).

    Parameters
    ----------
    password
        As it was typed.
    name
        The account's name, which it must not contain.
    language
        The language of the reasons.

    Returns
    -------
    list of str
        Empty for a good password.
    """
    if len(password) > LONGEST:  # before normalising: that may take long and grow
        return [text("密码最多 {most} 个字符", language, most=LONGEST)]
    typed = normalised(password)
    found = []
    if len(typed) < SHORTEST:
        found.append(text("密码至少 {least} 个字符", language, least=SHORTEST))
    if len(typed) > LONGEST:
        found.append(text("密码最多 {most} 个字符", language, most=LONGEST))
    if not typed.isprintable():
        found.append(text("密码含有不可显示的字符", language))
    if not any(c.islower() for c in typed):
        found.append(text("密码缺少小写字母", language))
    if not any(c.isupper() for c in typed):
        found.append(text("密码缺少大写字母", language))
    if not any(c.isdecimal() for c in typed):
        found.append(text("密码缺少数字", language))
    if all(c.isalnum() or c.isspace() for c in typed):
        found.append(text("密码缺少符号", language))
    if name and normalised(name).casefold() in typed.casefold():
        found.append(text("密码不能包含账号名", language))
    return found


def hashed(password: str, rounds: int = ROUNDS) -> str:
    """Return what is kept of a password.

    Parameters
    ----------
    password
        As it was typed.
    rounds
        How often it is hashed over.

    Returns
    -------
    str
        ``pbkdf2-sm3$rounds$salt$hash``, the last two hexadecimal.
    """
    salt = secrets.token_bytes(_SALT_BYTES)
    key = pbkdf2_sm3(normalised(password).encode("utf-8", "surrogatepass"), salt, rounds)
    return f"{_SCHEME}${rounds}${salt.hex()}${key.hex()}"


def matches(password: str, kept: str) -> bool:
    """Tell whether a password is the kept one; the comparison takes the same time either way.

    Parameters
    ----------
    password
        As it was typed; one longer than the limit is cut, so that it matches nothing and costs
        the same as any other.
    kept
        What ``hashed`` returned.

    Returns
    -------
    bool
        Whether it is the same password.

    Raises
    ------
    ValueError
        ``kept`` is not in the form of ``hashed``.
    """
    scheme, rounds, salt, key = kept.split("$")
    if scheme != _SCHEME:
        raise ValueError(scheme)
    typed = normalised(password[: LONGEST + 1]).encode("utf-8", "surrogatepass")
    made = pbkdf2_sm3(typed, bytes.fromhex(salt), int(rounds))
    return secrets.compare_digest(made, bytes.fromhex(key)) and len(password) <= LONGEST


def outdated(kept: str, rounds: int = ROUNDS) -> bool:
    """Tell whether a kept hash was made with fewer rounds than are made now.

    Parameters
    ----------
    kept
        What ``hashed`` returned.
    rounds
        The rounds of today.

    Returns
    -------
    bool
        Whether to hash it anew when the password is next seen.
    """
    return int(kept.split("$")[1]) < rounds


@cache
def nobodys_hash() -> str:
    """Return the hash of a password that nobody has, for names that do not exist.

    Returns
    -------
    str
        A hash that costs as much to compare as anybody's.
    """
    return hashed(secrets.token_urlsafe(32))
