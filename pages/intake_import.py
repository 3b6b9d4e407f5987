"""导入: the shell of the tab on which files are brought in."""

from __future__ import annotations

from figures.html import Node, el
from pages._plain import bones, card, place, stores

KEY = "data"


def shell(language: str) -> Node:
    """Return the tab before anything is known."""
    batches = card(KEY, "batches", "list", place(KEY, "import-batches", bones()))
    return el(
        "Div",
        stores(KEY, "import-piece", "act-import-piece", "import-do", "act-import-draft",
               "import-checked", "import-commit", "act-import-done", "import-revoke",
               "act-import-revoked", "import-sent"),
        place(KEY, "act-import-said", cls="work-said", role="alert"),
        place(KEY, "import-body", bones(), cls="intake-body"),
        place(KEY, "import-reasons", cls="intake-reasons-box"),
        place(KEY, "import-foot", cls="intake-foot-box"),
        place(KEY, "act-import-revoke-said", cls="work-said", role="alert"),
        place(KEY, "import-batch"),
        batches,
    )  # fmt: skip
