"""完整性: the shell of the tab that shows how complete the readings are, meter by day."""

from __future__ import annotations

from figures.html import Node, el
from pages._plain import bones, place

KEY = "data"


def shell(_language: str) -> Node:
    """Return the tab before anything is known."""
    return el("Div", place(KEY, "complete-body", bones()), cls="links")
