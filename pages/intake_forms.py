"""补录: the shell of the tab on which people fill in what no interface and no file brings."""

from __future__ import annotations

from figures.html import Node, el
from pages._plain import bones, card, place, stores

KEY = "data"
FORMS = ("readings", "production", "fuel", "trips")


def shell(_language: str) -> Node:
    """Return the tab before anything is known."""
    return el(
        "Div",
        stores(KEY, "forms-do", "act-forms-done", "forms-shown"),
        place(KEY, "forms-pick", cls="intake-forms-pick"),
        card(KEY, "forms", "list", place(KEY, "act-forms-said", role="alert"),
             place(KEY, "forms-body", bones()), cls="intake-form-card"),
        place(KEY, "forms-recent"),
    )  # fmt: skip
