"""导入: the shell of the tab on which files are brought in."""

from __future__ import annotations

from figures.html import Node, el
from pages._plain import bones, place

KEY = "data"


def shell(_language: str) -> Node:
    """Return the tab before anything is known."""
    return el("Div", place(KEY, "import-body", bones()))
