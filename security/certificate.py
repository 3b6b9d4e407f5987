"""Login by a certificate in place of the one-time code: an SM2 challenge (T/CASMES 615 9.3.1).

The product ships no device. An installation adds one as an entry point of the group
``carbon.certificate_login``; challenges, their binding and their judgement are ours.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import entry_points
from typing import Protocol

from security.sm import sm2_verify

CERTIFICATES = "carbon.certificate_login"
LASTS = timedelta(minutes=2)
_BYTES = 32
_MOST = 10_000  # open challenges: whoever asks for more pushes out the oldest
_LONGEST_SIGNATURE = 200  # hex digits; DER of two numbers of 32 bytes has 144 at most


class CertificateLogin(Protocol):
    """What an installation adds: whose certificate is pinned to an account."""

    def public_key(self, account: str) -> bytes | None:
        """Return X‖Y (64 bytes) of the certificate pinned to a folded account name, or None."""


def certificate_login() -> CertificateLogin | None:
    """Return the installed login by certificate.

    Returns
    -------
    CertificateLogin or None
        None where none is installed.
    """
    for found in entry_points(group=CERTIFICATES):
        made: CertificateLogin = found.load()()
        return made
    return None


def message(origin: str, account: str, challenge: str) -> bytes:
    """Return what the device signs with the default identifier (GB/T 32918.2).

    Parameters
    ----------
    origin
        Host and port that the login form was fetched from.
    account
        The folded account name.
    challenge
        Of the form, hex.

    Returns
    -------
    bytes
        UTF-8 lines; none of the three can hold a line break.
    """
    return "\n".join(("carbon-login-1", origin, account, challenge)).encode()


class Challenges:
    """Challenges that were given out: each counts once, for two minutes, at one origin.

    Parameters
    ----------
    installed
        Whose certificates count; None leaves the login by certificate closed.
    clock
        The time, UTC without a zone.
    """

    def __init__(self, installed: CertificateLogin | None, clock: Callable[[], datetime]) -> None:
        self._installed, self._clock = installed, clock
        self._open: OrderedDict[str, tuple[str, datetime]] = OrderedDict()
        self._guard = threading.Lock()

    def new(self, origin: str) -> str:
        """Return a new challenge for a login form.

        Parameters
        ----------
        origin
            Host and port the form is fetched from.

        Returns
        -------
        str
            Hex; empty where no certificates are installed.
        """
        if self._installed is None:
            return ""
        made = secrets.token_hex(_BYTES)
        with self._guard:
            self._open[made] = (origin, self._clock() + LASTS)
            while len(self._open) > _MOST:
                self._open.popitem(last=False)
        return made

    def accepted(self, origin: str, account: str, challenge: str, signature: str) -> bool:
        """Tell whether the certificate of an account signed an open challenge; it is spent.

        Parameters
        ----------
        origin, account
            Where and as whom one comes in; the account folded.
        challenge, signature
            As they were sent; the signature is DER, hex.

        Returns
        -------
        bool
            False for whatever is not open here and now, or not signed by the pinned certificate.
        """
        with self._guard:
            given, until = self._open.pop(challenge, ("", datetime.min))
        if self._installed is None or given != origin or self._clock() >= until:
            return False
        public = self._installed.public_key(account)
        try:
            signed = bytes.fromhex(signature[:_LONGEST_SIGNATURE])
        except ValueError:
            return False
        return (
            public is not None
            and sm2_verify(public, message(origin, account, challenge), signed).valid
        )
