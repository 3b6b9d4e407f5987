"""The second factor: one-time codes by time (RFC 6238), recovery codes (T/CASMES 615 9.3.1).

SHA-1, six digits, thirty seconds: what every authenticator understands. A code counts in the step
before, the present one and the next, each step once and never an earlier one again.
"""

from __future__ import annotations

import base64
import io
import secrets
from datetime import UTC, datetime

import pyotp
import segno

from data.state import Account, State
from security.keys import Keys
from security.sm import sm3_hex

STEP_S = 30
ISSUER = "Carbon"
RECOVERY_CODES = 10
_AROUND = (0, -1, 1)
_DIGITS = 6
_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUPS, _GROUP = 3, 4


class Replayed(Exception):
    """A one-time code was right and its step is taken already."""


def new_secret() -> str:
    """Return a new secret.

    Returns
    -------
    str
        160 bits, base32.
    """
    return pyotp.random_base32()


def sealed_secret(keys: Keys, secret: str, folded: str) -> str:
    """Return a secret as it is kept.

    Parameters
    ----------
    keys
        What seals it.
    secret
        Base32.
    folded
        The account's name as it is compared: a sealed secret opens at no other account.

    Returns
    -------
    str
        Text for the column.
    """
    return keys.seal_field(secret.encode(), "account", "totp", folded)


def opened_secret(keys: Keys, account: Account) -> str:
    """Return the secret of an account.

    Parameters
    ----------
    keys
        What sealed it.
    account
        Whose.

    Returns
    -------
    str
        Base32.
    """
    return keys.open_field(account.totp, "account", "totp", account.folded).decode()


def address(name: str, secret: str) -> str:
    """Return the address that an authenticator takes a secret from.

    Parameters
    ----------
    name
        The account's name.
    secret
        Base32.

    Returns
    -------
    str
        ``otpauth://totp/…``.
    """
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def picture(words: str) -> str:
    """Return a QR code as the address of a picture that stands within the page.

    Parameters
    ----------
    words
        What it holds.

    Returns
    -------
    str
        ``data:image/svg+xml;base64,…``: dark on white in every theme, or no camera reads it.
    """
    out = io.BytesIO()
    segno.make(words, error="m").save(out, kind="svg", scale=5, border=4, dark="#000", light="#fff")
    return f"data:image/svg+xml;base64,{base64.b64encode(out.getvalue()).decode()}"


def step_at(at: datetime) -> int:
    """Return the number of a time step.

    Parameters
    ----------
    at
        The time, UTC without a zone.

    Returns
    -------
    int
        Whole half minutes since 1970.
    """
    return int(at.replace(tzinfo=UTC).timestamp()) // STEP_S


def code_at(secret: str, step: int) -> str:
    """Return the code of a time step.

    Parameters
    ----------
    secret
        Base32.
    step
        See ``step_at``.

    Returns
    -------
    str
        Six digits.
    """
    return pyotp.TOTP(secret).generate_otp(step)


def right_step(secret: str, code: str, at: datetime, taken: int) -> int | None:
    """Return the time step that a code is right for.

    Parameters
    ----------
    secret
        Base32.
    code
        As it was typed.
    at
        The time, UTC without a zone.
    taken
        The latest step that was taken.

    Returns
    -------
    int or None
        None where it is right for none of the three.

    Raises
    ------
    Replayed
        Its step is taken, or an earlier one than the latest.
    """
    digits = "".join(c for c in code[:32] if not c.isspace())
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdecimal()):
        return None
    now, replayed = step_at(at), False
    for step in (now + around for around in _AROUND):
        if secrets.compare_digest(code_at(secret, step), digits):
            if step > taken:
                return step
            replayed = True
    if replayed:
        raise Replayed
    return None


def recovery_codes() -> list[str]:
    """Return new recovery codes, to be shown once.

    Returns
    -------
    list of str
        Such as ``ABCD-EFGH-JKLM``: 60 bits each.
    """
    return [
        "-".join("".join(secrets.choice(_SIGNS) for _ in range(_GROUP)) for _ in range(_GROUPS))
        for _ in range(RECOVERY_CODES)
    ]


def recovery_digest(folded: str, code: str) -> str:
    """Return what is kept of a recovery code, however its letters were typed.

    Parameters
    ----------
    folded
        The account's name as it is compared.
    code
        As it was typed.

    Returns
    -------
    str
        SM3, hexadecimal.
    """
    signs = "".join(c for c in code[:64].upper() if c.isalnum())
    return sm3_hex(f"recovery:{folded}:{signs}".encode("utf-8", "surrogatepass"))


def accepted(state: State, keys: Keys | None, account: Account, code: str, at: datetime) -> bool:
    """Tell whether a code is right for an account, and spend it.

    Parameters
    ----------
    state, keys
        Where accounts are kept, and what sealed their secrets.
    account
        Whose; one with a second factor.
    code
        Six digits, or a recovery code.
    at
        The time, UTC without a zone.

    Returns
    -------
    bool
        True once for each code.

    Raises
    ------
    Replayed
        A one-time code was used before.
    RuntimeError
        There are no keys.
    """
    if keys is None:
        raise RuntimeError("a second factor needs the keys")
    step = right_step(opened_secret(keys, account), code, at, account.totp_step)
    if step is not None:
        if state.accounts.take_step(account.account, step):
            return True
        raise Replayed  # another login took it at the same moment
    if sum(c.isalnum() for c in code[:64]) != _GROUPS * _GROUP:
        return False
    digest = recovery_digest(account.folded, code)
    return state.accounts.spend_recovery(account.account, digest, at)
