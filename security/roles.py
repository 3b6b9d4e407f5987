"""Roles and the pages that each may open: an exact list, everything else is refused.

Least privilege and mutual constraint (T/CASMES 615 9.4.3): an account has exactly one role, the
three administrators see no business data beyond the overview, and nobody has every right.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from translations import text

DEMONSTRATION = "demonstration"
DISPLAY = "display"
ADMINISTRATORS = ("sysadmin", "secadmin", "auditor")
BUSINESS = ("clerk", "analyst", "manager", "verifier")
ROLES = (*BUSINESS, *ADMINISTRATORS)
KEEPERS = ("sysadmin", "secadmin")  # of accounts and rights: what one asks for the other decides

_PEOPLE = frozenset((*ROLES, DEMONSTRATION))
_ALL = _PEOPLE | {DISPLAY}
_READERS = frozenset((*BUSINESS, DEMONSTRATION))
_SHOWN = _READERS | {DISPLAY}

PAGE_ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "/": _ALL,
        "/emission": _SHOWN,
        "/process": _SHOWN,
        "/substitution": _SHOWN,
        "/lifecycle": _SHOWN,
        "/market": _SHOWN,
        "/data": frozenset(("clerk", "analyst")),
        "/alerts": frozenset(("clerk", "analyst", "manager")),
        "/factors": frozenset(("analyst", "manager", "verifier")),
        "/closing": _READERS,
        "/audit": frozenset(("auditor",)),
        "/users": frozenset(KEEPERS),
        "/ops": frozenset(("sysadmin",)),
        "/help": _PEOPLE,
    }
)


def may_open(role: str, page: str) -> bool:
    """Tell whether a role may open a page unless it was switched (T/CASMES 615 9.4.1).

    What holds now, ``security.policy`` says.

    Parameters
    ----------
    role
        One of ``ROLES``, ``DEMONSTRATION`` or ``DISPLAY``.
    page
        The page's path, exactly as registered.

    Returns
    -------
    bool
        False for an unknown page and an unknown role.
    """
    return role in PAGE_ROLES.get(page, frozenset())


def role_name(role: str, language: str) -> str:
    """Return a role in words.

    Parameters
    ----------
    role
        One of ``ROLES`` or ``DEMONSTRATION``.
    language
        The reader's language.

    Returns
    -------
    str
        The role in that language.

    Raises
    ------
    KeyError
        No such role.
    """
    names = {
        "clerk": text("数据员", language),
        "analyst": text("分析员", language),
        "manager": text("管理者", language),
        "verifier": text("核查员", language),
        "sysadmin": text("系统管理员", language),
        "secadmin": text("安全管理员", language),
        "auditor": text("安全审计员", language),
        DEMONSTRATION: text("演示（只读）", language),
        DISPLAY: text("大屏（只读）", language),
    }
    return names[role]
