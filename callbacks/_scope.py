"""Which figures a role may open: those of the pages it may see (T/CASMES 615 9.4.3)."""

from __future__ import annotations

from functools import cache

from flask import has_request_context

from pages import overview
from security import web
from security.roles import ADMINISTRATORS

# The numbers of the overview that no panel names as what it reads: masses and parts of sums.
_BESIDE = frozenset(("throughput", "substitution", "reduction", "emission", "energy"))


@cache
def _of_overview() -> frozenset[str]:
    named = {key[0] for panel in overview.PAGE.panels for key in panel.reads or ()}
    return frozenset(named | _BESIDE)


def may_see(indicator: str) -> bool:
    """Tell whether who asks may open figures of an indicator; administrators see the overview."""
    session = web.current() if has_request_context() else None
    if session is None or session.role not in ADMINISTRATORS:
        return True
    return indicator in _of_overview()
