"""What each role may do: page and action by role, deny by default (T/CASMES 615 9.4.1, 9.4.3).

Some cells are fixed, so that no policy can give an administrator business data or anybody
everything; the others may be switched by two administrators. The version in force is the newest
one that was accepted; version 1 is the default of the code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from data.state import State
from security.roles import ADMINISTRATORS, BUSINESS, DISPLAY, PAGE_ROLES, ROLES

OPEN, EXPORT, NOTE, HANDLE = "open", "export", "note", "handle"
IMPORT, REVOKE, LINK, KEY = "import", "revoke", "link", "key"
SCENARIO, PROJECT = "scenario", "project"
# What can be done on a page besides opening it.
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "/": (EXPORT, NOTE),
    "/emission": (EXPORT, NOTE),
    "/process": (EXPORT, NOTE),
    "/substitution": (EXPORT, NOTE),
    "/lifecycle": (EXPORT, NOTE),
    "/market": (EXPORT, NOTE, SCENARIO, PROJECT),
    "/factors": (EXPORT, "propose", "decide"),
    "/closing": (EXPORT, "check", "lock", "reopen", "decide"),
    "/data": (EXPORT, IMPORT, REVOKE, LINK, KEY),
    "/alerts": (EXPORT, HANDLE),
    "/audit": (EXPORT,),
}
MONITORING = ("/", "/emission", "/process", "/substitution", "/lifecycle", "/market")
EVERYBODYS = ("/", "/help")  # where one lands, and what explains it
BUSINESS_PAGES = (*MONITORING, "/data", "/alerts", "/factors", "/closing")
# Who checks what others did does none of it himself; readings are brought in by one who does not
# approve what they lead to.
NEVER = {
    "verifier": (
        "propose", "decide", "check", "lock", "reopen", NOTE, HANDLE, IMPORT, REVOKE, LINK, KEY,
        PROJECT,
    ),
    "clerk": ("decide", "lock", KEY),
}  # fmt: skip
_WORKERS = frozenset(("analyst", "manager"))

Cell = tuple[str, str, str]  # role, page, action


@dataclass(frozen=True)
class Cells:
    """A policy: the cells that allow something."""

    allowed: frozenset[Cell]

    def allows(self, role: str, page: str, action: str = OPEN) -> bool:
        """Tell whether a role may do something; an action needs its page to be open.

        Parameters
        ----------
        role, page, action
            What is asked for.

        Returns
        -------
        bool
            False for whatever is not written down.
        """
        return (role, page, OPEN) in self.allowed and (role, page, action) in self.allowed


def permissions() -> list[tuple[str, str]]:
    """Return every page and action, in the order they are shown.

    Returns
    -------
    list of tuple
        Page and action; opening a page comes before what is done on it.
    """
    return [(page, action) for page in PAGE_ROLES for action in (OPEN, *ACTIONS.get(page, ()))]


def switchable(role: str, page: str, action: str) -> bool:
    """Tell whether a cell may be switched; every other one is fixed.

    Parameters
    ----------
    role, page, action
        The cell.

    Returns
    -------
    bool
        Only for the roles that work, on pages of the business.
    """
    if role not in BUSINESS or page not in BUSINESS_PAGES or action in NEVER.get(role, ()):
        return False
    if page in EVERYBODYS and action == OPEN:
        return False
    return action == OPEN or action in ACTIONS.get(page, ())


@lru_cache(maxsize=1)
def default() -> Cells:
    """Return the policy of the code: version 1.

    Returns
    -------
    Cells
        What each role may do unless two administrators have switched it.
    """
    found = {(role, page, OPEN) for page, roles in PAGE_ROLES.items() for role in roles}
    for page, actions in ACTIONS.items():
        for action in actions:
            roles = PAGE_ROLES[page] - {DISPLAY} if action == EXPORT else _WORKERS
            if page == "/data":  # who may not open it brings nothing in
                roles = PAGE_ROLES[page]
            if action == KEY:  # who brings data in opens no door for programs
                roles = _WORKERS & PAGE_ROLES[page]
            if action == HANDLE:  # who brings readings in knows why some are missing
                roles |= {"clerk"}
            found |= {(role, page, action) for role in roles}
    return Cells(frozenset(found))


def switched(matrix: str) -> dict[Cell, bool]:
    """Return the cells that a kept policy switches.

    Parameters
    ----------
    matrix
        JSON, ``role page action`` to whether it is allowed; empty for the default.

    Returns
    -------
    dict
        Fixed cells are left out, whatever is written of them.
    """
    given = json.loads(matrix) if matrix else {}
    found: dict[Cell, bool] = {}
    for name, allowed in given.items():
        role, page, action = str(name).split(" ")
        if switchable(role, page, action):
            found[role, page, action] = bool(allowed)
    return found


def written(cells: Mapping[Cell, bool]) -> str:
    """Return switched cells as they are kept.

    Parameters
    ----------
    cells
        Cells to whether they are allowed.

    Returns
    -------
    str
        JSON; only what differs from the default.
    """
    kept = {
        " ".join(cell): allowed
        for cell, allowed in cells.items()
        if allowed != (cell in default().allowed)
    }
    return json.dumps(kept, sort_keys=True)


@lru_cache(maxsize=64)
def cells(matrix: str) -> Cells:
    """Return the policy that a kept one makes of the default.

    Parameters
    ----------
    matrix
        See ``switched``.

    Returns
    -------
    Cells
        What each role may do.
    """
    found = set(default().allowed)
    for cell, allowed in switched(matrix).items():
        (found.add if allowed else found.discard)(cell)
    return Cells(frozenset(found))


def in_force(state: State) -> Cells:
    """Return the policy in force.

    Parameters
    ----------
    state
        Where its versions are kept.

    Returns
    -------
    Cells
        What each role may do.
    """
    return cells(state.access.matrix())


def may(state: State, role: str, page: str, action: str = OPEN) -> bool:
    """Tell whether a role may do something now (T/CASMES 615 9.4.1).

    Parameters
    ----------
    state
        Where the policy is kept.
    role, page, action
        What is asked for.

    Returns
    -------
    bool
        False for whatever is not written down.
    """
    return in_force(state).allows(role, page, action)


def page_of_proposal(kind: str) -> str:
    """Return the page that a proposal is decided on, whose cell says who may.

    Parameters
    ----------
    kind
        factors, setting, adjustment or reopen.

    Returns
    -------
    str
        A path.
    """
    return "/factors" if kind == "factors" else "/closing"


def version(state: State) -> int:
    """Return the number of the policy in force.

    Parameters
    ----------
    state
        Where its versions are kept.

    Returns
    -------
    int
        1 for the default of the code.
    """
    found = state.access.policies()
    return found[0].version if found else 1


def difference(before: str, after: str) -> list[tuple[Cell, bool]]:
    """Return which cells a policy switches in another.

    Parameters
    ----------
    before, after
        Kept policies.

    Returns
    -------
    list of tuple
        Cell, and whether it is allowed afterwards.
    """
    old, new = cells(before).allowed, cells(after).allowed
    order = {one: at for at, one in enumerate(permissions())}
    changed = sorted(old ^ new, key=lambda c: (order[c[1], c[2]], (*ROLES, c[0]).index(c[0])))
    return [(cell, cell in new) for cell in changed]


def administrators_apart(found: Cells) -> bool:
    """Tell whether a policy keeps the administrators from the business (9.4.3).

    Parameters
    ----------
    found
        A policy.

    Returns
    -------
    bool
        Whether none opens more of the business than the overview, and nobody has everything.
    """
    closed = set(BUSINESS_PAGES) - set(EVERYBODYS)
    apart = not any(found.allows(role, page) for role in ADMINISTRATORS for page in closed)
    whole = len(permissions())
    sums = [sum(found.allows(role, *one) for one in permissions()) for role in ROLES]
    return apart and max(sums) < whole
