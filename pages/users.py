"""用户与权限: accounts, what waits for the other administrator, who may do what, wall screens."""

from __future__ import annotations

from dataclasses import dataclass

from figures.html import Node, el
from pages._plain import (
    PlainPage,
    asked,
    bones,
    card,
    number,
    page_frame,
    place,
    query,
    stores,
)
from translations import text

KEY = "users"
FIRST_SHOWN = 20
AREAS = ("decide", "account", "new", "policy", "display")


@dataclass(frozen=True)
class Choice:
    """What the reader looks at: everything of it stands in the address."""

    request: int = 0
    account: str = ""
    shown: int = FIRST_SHOWN

    def href(self, **changed: object) -> str:
        """Return the address with some of it changed; defaults are left out."""
        now = {"request": self.request, "account": self.account, "shown": self.shown}
        defaults = {"request": 0, "account": "", "shown": FIRST_SHOWN}
        whole: dict[str, object] = {**now, **changed}
        return query({n: str(v) for n, v in whole.items() if v != defaults[n]}) or "?"


def choice(search: object) -> Choice:
    """Return what an address asks for; what it cannot ask for falls back to the default."""
    given = asked(search)
    return Choice(
        number(given.get("request", "")),
        given.get("account", "")[:64],
        max(FIRST_SHOWN, number(given.get("shown", ""))),
    )


def layout(language: str) -> Node:
    """Return the page before its accounts are there."""
    accounts = card(
        KEY, "accounts", "list", _head("全部账号", "accounts-sub", language),
        place(KEY, "accounts", bones()),
    )  # fmt: skip
    waiting = card(
        KEY, "waiting", "list", _head("待处理的申请", "waiting-sub", language),
        place(KEY, "waiting", bones()), place(KEY, "request"),
    )  # fmt: skip
    matrix = card(
        KEY, "matrix", "list", _head("权限策略", "matrix-sub", language),
        place(KEY, "matrix", bones()), _said("policy"),
    )  # fmt: skip
    displays = card(
        KEY, "displays", "list", _head("大屏", "displays-sub", language),
        place(KEY, "displays", bones()), _said("display"),
    )  # fmt: skip
    return page_frame(
        KEY, PAGE.title, language, stores(KEY, *(f"act-{area}-done" for area in AREAS)),
        _said("decide"), waiting,
        el("Div", el("Div", _said("account"), accounts), place(KEY, "account", cls="users-side"),
           cls="users-two"),
        el("Div", place(KEY, "new", cls="users-new"), _said("new"), id=_id("new-box")),
        matrix, displays,
    )  # fmt: skip


def _id(name: str) -> dict[str, str]:
    return {"page": KEY, "part": name}


def _head(title: str, sub: str, language: str) -> Node:
    words = el("Div", el("H2", text(title, language), cls="card-title"),
               place(KEY, sub, cls="card-sub"), cls="card-titles")  # fmt: skip
    return el("Div", words, cls="card-head")


def _said(area: str) -> Node:
    """Return where the outcome of an action is told; a refresh leaves it alone."""
    return place(KEY, f"act-{area}-said", cls="users-said", role="status", aria_live="polite")


PAGE = PlainPage(
    key=KEY,
    path="/users",
    name="用户与权限",
    title="用户与权限",
    clause="",
    group="系统管理",
    icon="users",
    layout=layout,
)
