"""Which figures and sites whoever asks may see (T/CASMES 615 9.4.3).

Administrators and displays see figures of the overview alone; an account or a display that names
sites sees only those. What has no site (CCER prices) is open to all. Outside a request, and for
commands, nothing is limited.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from flask import has_request_context, request

from data.state import DENIED, Entry
from pages import overview
from security import web
from security.roles import ADMINISTRATORS, DISPLAY

# The numbers of the overview that no panel names as what it reads: masses and parts of sums.
_BESIDE = frozenset(("throughput", "substitution", "reduction", "emission", "energy"))
Scope = frozenset[str] | None


@cache
def _of_overview() -> frozenset[str]:
    named = {key[0] for panel in overview.PAGE.panels for key in panel.reads or ()}
    return frozenset(named | _BESIDE)


def may_see(indicator: str) -> bool:
    """Tell whether who asks may open figures of an indicator; administrators see the overview."""
    session = web.current() if has_request_context() else None
    if session is None or session.role not in (*ADMINISTRATORS, DISPLAY):
        return True
    return indicator in _of_overview()


def scope() -> Scope:
    """Return the sites that who asks may see; None for all of them."""
    session = web.current() if has_request_context() else None
    return frozenset(session.sites) if session is not None and session.sites else None


def in_scope(site: str) -> bool:
    """Tell whether who asks may see a site; what has no site is open to all."""
    allowed = scope()
    return allowed is None or not site or site in allowed


def all_in_scope(sites: Iterable[str]) -> bool:
    """Tell whether who asks may see every one of some sites."""
    return all(in_scope(site) for site in sites)


def denied(what: str) -> None:
    """Record that something of another site was asked for by its identifier."""
    if not has_request_context():
        return
    entry = Entry("request.denied", what, "site", DENIED)
    web.installed().signals.record(entry, request.remote_addr or "")
    web.installed().signals.sign("denied", request.remote_addr or "")
