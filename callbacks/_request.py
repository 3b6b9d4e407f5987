"""What a request says of its reader: language and account."""

from __future__ import annotations

from flask import has_request_context, request

from translations import LANGUAGES


def language(default: str) -> str:
    """Return the language of the reader's choice, from the cookie that the switch sets."""
    if not has_request_context():
        return default
    chosen = request.cookies.get("lang", "")
    return chosen if chosen in LANGUAGES else default
