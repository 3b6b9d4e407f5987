"""导入: the shell of the tab on which files are brought in."""

from __future__ import annotations

from figures.html import Node, core, el
from pages._plain import bones, card, part, place, stores
from translations import text

KEY = "data"
LONGEST_REASON = 200
ROWS = ("open", "all")


def shell(language: str) -> Node:
    """Return the tab before anything is known."""
    reason = el(
        "Label",
        el("Span", text("放行警告的说明（记入批次与审计）", language), cls="work-label"),
        core("Input", id=part(KEY, "import-reason"), type="text", value="",
             maxLength=LONGEST_REASON, autoComplete="off"),
        cls="work-field intake-reason",
    )  # fmt: skip
    batches = card(KEY, "batches", "list", place(KEY, "import-batches", bones()))
    return el(
        "Div",
        stores(KEY, "import-piece", "act-import-piece", "import-do", "act-import-draft",
               "import-commit", "act-import-done", "import-revoke", "act-import-revoked",
               "import-sent"),
        place(KEY, "act-import-said", cls="work-said", role="alert"),
        place(KEY, "import-body", bones(), cls="intake-body"),
        el("Div", reason, id=part(KEY, "import-reason-box"), cls="work-hidden"),
        place(KEY, "import-foot", cls="intake-foot-box"),
        place(KEY, "act-import-revoke-said", cls="work-said", role="alert"),
        place(KEY, "import-batch"),
        batches,
    )  # fmt: skip
