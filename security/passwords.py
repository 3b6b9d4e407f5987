"""Passwords: what they must be, how they are kept, how they are compared (T/CASMES 615 9.3.1)."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache

from security.sm import pbkdf2_sm3
from translations import text

SHORTEST, LONGEST = 12, 128
ROUNDS = 310_000
OLDEST = timedelta(days=90)
NOT_AGAIN = 5
_SCHEME = "pbkdf2-sm3"
_SALT_BYTES = 16
# One hash takes a core for 0.2 s. One at a time leaves the other core to everybody else; the
# rest wait, and more than a few waiting would take the server's threads instead.
_TURN = threading.Semaphore(1)
_WAITING = threading.Semaphore(4)


# What is left of a common password without digits and symbols, or with the digits that stand for
# letters read as such. A list of millions would be of other words; these are those of this place.
_WORDS = """
password passwd passwort pass login welcome letmein iloveyou changeme secret default access admin
administrator root superuser sysadmin secadmin auditor operator system service server test tester
testing demo guest user qwerty qwertyuiop qwert asdf asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx
qazwsxedc abc abcd abcde abcdef abcdefg abcdefgh monkey dragon sunshine woaini mima guowang
dianwang sgcc stategrid tanguanli carbon china beijing
"""
_COMMON = frozenset(_WORDS.split())
_READ_AS = str.maketrans("@4031!5$7", "aaoelisst")
_WALKS = ("1qaz2wsx", "q1w2e3r4", "1q2w3e4r", "zaq12wsx", "!qaz@wsx", "1qaz@wsx")


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
    if common(typed):
        found.append(text("密码太常见", language))
    return found


def common(password: str) -> bool:
    """Tell whether a password is a common word with digits and symbols around it.

    Parameters
    ----------
    password
        As it is compared.

    Returns
    -------
    bool
        Also where digits stand for letters, or fingers walked over the keyboard.
    """
    small = password.casefold()
    letters = "".join(c for c in small if c.isalpha())
    ends = "".join(c for c in small.strip("0123456789!@#$%^&*()_+-=.,?~ ").translate(_READ_AS)
                   if c.isalpha())  # fmt: skip
    return letters in _COMMON or ends in _COMMON or small.startswith(_WALKS)


def used_before(password: str, kept: Sequence[str]) -> bool:
    """Tell whether a password is one of earlier ones.

    Parameters
    ----------
    password
        As it was typed.
    kept
        What ``hashed`` returned for them, newest first.

    Returns
    -------
    bool
        Each is compared, which takes as long as so many logins; hold ``turn``.
    """
    return any(matches(password, one) for one in kept[:NOT_AGAIN])


def expired(changed_at: datetime | None, at: datetime) -> bool:
    """Tell whether a password is so old that it must be changed.

    Parameters
    ----------
    changed_at
        When it was chosen.
    at
        Now.

    Returns
    -------
    bool
        After 90 days; also where nobody knows.
    """
    return changed_at is None or at - changed_at >= OLDEST


def one_time() -> str:
    """Return a new password to be told once and changed at the first login.

    Returns
    -------
    str
        16 signs of every kind, none that is mistaken for another.
    """
    kinds = ("ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnpqrstuvwxyz", "23456789", "-+=#%")
    signs = [secrets.choice(kind) for kind in kinds]
    signs += [secrets.choice(kinds[0] + kinds[1] + kinds[2]) for _ in range(12)]
    secrets.SystemRandom().shuffle(signs)
    return "".join(signs)


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
