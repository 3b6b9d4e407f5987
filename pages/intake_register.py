"""台账: the shell of the tab on which sites, meters and devices are kept."""

from __future__ import annotations

from figures.html import Node, core, el
from pages._plain import bones, place
from pages.intake_links import part_id, said

KEY = "data"


def shell(_language: str) -> Node:
    """Return the tab before anything is known."""
    return el(
        "Div", core("Store", id=part_id("act-register-done")),
        place(KEY, "register-tools"), said("register"), place(KEY, "register-form"),
        place(KEY, "register-body", bones(), cls="links"), cls="links",
    )  # fmt: skip
