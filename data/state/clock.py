"""The time as the state keeps it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time as the state keeps it: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
