"""What is said on a start: the set-up code, the link to the demonstration (T/CASMES 615 9.4.2).

Both are used once; only their digests are stored.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from datetime import datetime

from data.state import State, now
from security.sm import sm3_hex

FORWARDED = "forwarding_header"
FORWARDING_HEADERS = frozenset(("forwarded", "via", "x-real-ip"))
DEMONSTRATION_PATH, DISPLAY_PATH = "/demonstration/", "/display/"
# Without what is mistaken for something else when read aloud or copied by hand.
_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUPS, _GROUP = 3, 4


def setup_code(state: State, at: datetime | None = None) -> str | None:
    """Return a new set-up code; the one before is void.

    Parameters
    ----------
    state
        Where accounts are kept.
    at
        The time, UTC without a zone; now if None.

    Returns
    -------
    str or None
        Such as ``ABCD-EFGH-JKLM``; None as soon as there is an account.
    """
    if state.accounts.some():
        return None
    groups = ["".join(secrets.choice(_SIGNS) for _ in range(_GROUP)) for _ in range(_GROUPS)]
    code = "-".join(groups)
    state.accounts.put_code("setup", code_digest(code), at or now())
    return code


def code_digest(code: str) -> str:
    """Return the digest of a set-up code, however its letters were typed.

    Parameters
    ----------
    code
        As it was typed: small letters, blanks and missing hyphens do not matter.

    Returns
    -------
    str
        SM3, hexadecimal.
    """
    signs = "".join(c for c in code[:64].upper() if c.isalnum())
    return sm3_hex(f"setup:{signs}".encode("utf-8", "surrogatepass"))


def demonstration_open(state: State, *, only_demo_sites: bool, bind: str) -> bool:
    """Tell whether anybody may look without an account.

    Parameters
    ----------
    state
        Where it is noted that a forwarding header was seen.
    only_demo_sites
        Whether there are sites and all of them are demonstrations.
    bind
        The address the service listens on.

    Returns
    -------
    bool
        True only where nobody from elsewhere can reach the service and nothing real is in it.
    """
    return only_demo_sites and is_loopback(bind) and state.accounts.noted(FORWARDED) is None


def is_loopback(bind: str) -> bool:
    """Tell whether an address can only be reached from the machine itself.

    Parameters
    ----------
    bind
        An address or a name.

    Returns
    -------
    bool
        False for every name but ``localhost``.
    """
    try:
        return ipaddress.ip_address(bind.strip("[]")).is_loopback
    except ValueError:
        return bind == "localhost"


def forwarded(names: Iterable[str]) -> bool:
    """Tell whether a request passed through something that stands before the service.

    Parameters
    ----------
    names
        The names of the request's headers.

    Returns
    -------
    bool
        Whether one of them is a proxy's.
    """
    return any(
        name in FORWARDING_HEADERS or name.startswith("x-forwarded-")
        for name in map(str.lower, names)
    )


def demonstration_link(
    state: State, only_demo_sites: bool, bind: str, at: datetime | None = None
) -> str | None:
    """Return the path of a new link to the demonstration; the one before is void.

    Parameters
    ----------
    state
        Where accounts are kept.
    only_demo_sites, bind
        See ``demonstration_open``.
    at
        The time, UTC without a zone; now if None.

    Returns
    -------
    str or None
        A path that opens once; None where the demonstration is closed.
    """
    if not demonstration_open(state, only_demo_sites=only_demo_sites, bind=bind):
        return None
    token = secrets.token_urlsafe(24)
    state.accounts.put_code("demonstration", link_digest(token), at or now())
    return f"{DEMONSTRATION_PATH}{token}"


def link_digest(token: str) -> str:
    """Return what is stored of a link to the demonstration.

    Parameters
    ----------
    token
        The last part of the link's path.

    Returns
    -------
    str
        SM3, hexadecimal.
    """
    return sm3_hex(f"demonstration:{token}".encode("utf-8", "surrogatepass"))


def display_link() -> tuple[str, str]:
    """Return a new link for a wall screen and what is stored of it.

    Returns
    -------
    str, str
        A path that opens once, and the digest of its token.
    """
    token = secrets.token_urlsafe(24)
    return f"{DISPLAY_PATH}{token}", display_digest(token)


def display_digest(token: str) -> str:
    """Return what is stored of a wall screen's link.

    Parameters
    ----------
    token
        The last part of the link's path.

    Returns
    -------
    str
        SM3, hexadecimal.
    """
    return sm3_hex(f"display:{token}".encode("utf-8", "surrogatepass"))
