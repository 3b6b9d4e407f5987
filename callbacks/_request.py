"""What a request says of its reader: language and account."""

from __future__ import annotations

from flask import has_request_context, request

from data.state import State
from security import policy, web
from translations import LANGUAGES


def language(default: str) -> str:
    """Return the language of the reader's choice, from the cookie that the switch sets."""
    if not has_request_context():
        return default
    chosen = request.cookies.get("lang", "")
    return chosen if chosen in LANGUAGES else default


def may_edit(state: State, page: str) -> bool:
    """Tell whether who asks may write notes and set targets on a page now."""
    session = web.current() if has_request_context() else None
    return session is not None and policy.may(state, session.role, page, policy.NOTE)


ALERTS = "/alerts"
LED_TO = ("/market", "/data")  # the pages that cards of other pages lead to


def alerts_address(state: State) -> str:
    """Return the address of the list of alarms; empty for whoever may not open it."""
    session = web.current() if has_request_context() else None
    if session is None or not policy.may(state, session.role, ALERTS):
        return ""
    return ALERTS


def opened_pages(state: State) -> frozenset[str]:
    """Return the pages that cards lead to and who asks may open."""
    session = web.current() if has_request_context() else None
    if session is None:
        return frozenset()
    return frozenset(path for path in LED_TO if policy.may(state, session.role, path))
