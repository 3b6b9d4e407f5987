"""接口: the shell of the tab on which interfaces and keys are looked after."""

from __future__ import annotations

from figures.html import Node, core, el, icon
from pages._plain import bones, place
from translations import text

KEY = "data"


def part_id(name: str) -> dict[str, str]:
    """Return the identifier of a part of the tab."""
    return {"page": KEY, "part": name}


def said(area: str) -> Node:
    """Return where the outcome of an action is told; a refresh leaves it alone."""
    return place(KEY, f"act-{area}-said", cls="users-said", role="status", aria_live="polite")


def _keys_head(language: str) -> Node:
    words = text("程序用它调用 REST 接口；一个系统一把，按需给最小的范围", language)
    titles = el("Div", el("H2", text("接口密钥", language), cls="card-title"),
                el("P", words, cls="card-sub"), cls="card-titles")  # fmt: skip
    return el("Div", titles, cls="card-head")


def shell(language: str) -> Node:
    """Return the tab before anything is known."""
    again = el("Button", icon("rotate-cw"), el("Span", text("刷新", language)), cls="button",
               type="button", id=part_id("links-again"))  # fmt: skip
    return el(
        "Div",
        [core("Store", id=part_id(f"act-{area}-done")) for area in ("links", "link-form", "keys")],
        el("Section", el("Div", el("Div", el("H2", text("接口", language), cls="card-title"),
                                   place(KEY, "links-sub", cls="card-sub"), cls="card-titles"),
                         el("Div", place(KEY, "links-new"), again, cls="work-tools"),
                         cls="card-head"),
           place(KEY, "links-list", bones()), place(KEY, "links-gone"), cls="card"),
        said("link-form"), place(KEY, "links-form"), said("links"), place(KEY, "links-detail"),
        el("Section", _keys_head(language),
           place(KEY, "links-keys"), said("keys"), place(KEY, "links-key-form"),
           cls="card", id="link-keys"),
        cls="links",
    )  # fmt: skip
