"""SM3 and what is made of it (GB/T 32905), by the standard library's OpenSSL.

The only file of the room that computes digests, so that another implementation can take its
place in one spot (T/CASMES 615 9.1.2).
"""

from __future__ import annotations

import hashlib
import hmac

SM3 = "sm3"


def sm3(body: bytes) -> bytes:
    """Return the SM3 digest.

    Parameters
    ----------
    body
        What to digest.

    Returns
    -------
    bytes
        32 bytes.
    """
    return hashlib.new(SM3, body).digest()


def sm3_hex(body: bytes) -> str:
    """Return the SM3 digest, hexadecimal.

    Parameters
    ----------
    body
        What to digest.

    Returns
    -------
    str
        64 digits.
    """
    return hashlib.new(SM3, body).hexdigest()


def hmac_sm3(key: bytes, body: bytes) -> bytes:
    """Return the message authentication code HMAC-SM3 (GM/T 0042).

    Parameters
    ----------
    key
        The secret, of any length.
    body
        What to authenticate.

    Returns
    -------
    bytes
        32 bytes.
    """
    return hmac.digest(key, body, SM3)


def pbkdf2_sm3(password: bytes, salt: bytes, rounds: int) -> bytes:
    """Return a key made from a password with PBKDF2-HMAC-SM3 (GM/T 0091).

    Parameters
    ----------
    password, salt
        The password and its own random bytes.
    rounds
        How often it is hashed over.

    Returns
    -------
    bytes
        32 bytes.
    """
    return hashlib.pbkdf2_hmac(SM3, password, salt, rounds)
