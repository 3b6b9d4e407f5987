"""上次来访以来: the few changes that matter since a reader's last visit, each with its proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from figures.html import Content, Node, core, el, icon, link
from translations import text

SHOWN = 5
RULES = {
    "A1": "用量突变", "A2": "用量漂移", "A3": "读数不变", "A4": "用量为负", "A5": "夜间负荷偏高",
    "A6": "缺数", "A7": "电量不平衡", "A8": "夜间漏水", "A9": "用油异常", "A10": "光伏出力异常",
    "A11": "物料不平衡",
}  # fmt: skip
LEVELS = {"critical": ("siren", "danger", "紧急"), "warn": ("triangle-alert", "warn", "重要")}
AIMS = {"target": "目标", "quota": "配额", "budget": "预算"}


@dataclass(frozen=True)
class Item:
    """A change as it is told.

    Parameters
    ----------
    sign, tone
        Its icon, and the status that colours it: danger, warn, info, ok.
    head
        What changed, in a few words.
    words
        From what to what.
    cause
        Why, in words.
    proof
        The link or number that opens the proof.
    """

    sign: str
    tone: str
    head: Content
    words: Content
    cause: str
    proof: Content


def proof_link(href: str, words: str) -> Node:
    """Return the way to the page that proves a change."""
    return link(href, words, icon("chevron-right"), cls="since-proof")


def card(
    items: Sequence[Item], since: str, ident: dict[str, dict[str, str]], upto: str, language: str
) -> Content:
    """Return the changes as a card, at most five of them, the rest counted; none, nothing.

    Parameters
    ----------
    items
        Every change, the weightiest first.
    since
        The time it is told from, in words.
    ident
        Identifiers of the button (``read``) and of what it sends (``upto``).
    upto
        Up to when changes are told; what comes later stays for the next time.
    """
    if not items:
        return None
    count = text("{count} 项变化", language, count=len(items))
    head = el(
        "Summary", icon("history"), el("H2", text("上次来访以来", language), cls="card-title"),
        el("Span", count, cls="since-count"),
        el("Span", text("自 {at} 起", language, at=since), cls="card-sub since-at"),
        icon("chevron-down"), cls="since-head",
    )  # fmt: skip
    rows = [_row(item) for item in items[:SHOWN]]
    rest = len(items) - SHOWN
    more = text("另有 {count} 项", language, count=rest) if rest > 0 else ""
    read = el("Button", icon("check"), el("Span", text("已阅", language)), type="button",
              id=ident["read"], cls="button since-read")  # fmt: skip
    foot = el("Div", el("Span", more, cls="foot-words"), read, cls="since-foot")
    return el(
        "Section", core("Store", id=ident["upto"], data=upto),
        el("Details", head, el("Ul", rows, cls="since-list"), foot, open=True),
        cls="card since", aria_label=text("上次来访以来", language),
    )  # fmt: skip


def _row(item: Item) -> Node:
    return el(
        "Li", el("Span", icon(item.sign), cls=f"since-sign badge-{item.tone}"),
        el("Strong", item.head, cls="since-what"),
        el("Span", item.words, cls="since-words", data_verbatim="1"),
        el("Span", item.cause, cls="since-cause", data_verbatim="1"),
        el("Span", item.proof, cls="since-link"),
        cls="since-row",
    )  # fmt: skip
