"""Tables and fields that working pages share."""

from __future__ import annotations

import json
from collections.abc import Sequence

from figures.html import Content, Node, core, el, icon
from translations import text


def work_table(head: Sequence[tuple[str, str]], rows: Content, label: str, language: str) -> Node:
    """Return a table that becomes cards on a phone; its head is names and classes."""
    cells = [el("Th", text(words, language) if words else None, cls=cls, scope="col",
                role="columnheader") for words, cls in head]  # fmt: skip
    return el(
        "Div",
        el("Table", el("Thead", el("Tr", cells, role="row"), role="rowgroup"),
           el("Tbody", rows, role="rowgroup"), role="table", cls="work-table users-table",
           aria_label=text(label, language)),
        cls="work-scroll", tabIndex="0", data_scroll="x", role="region",
        aria_label=text(label, language),
    )  # fmt: skip


def work_row(cells: Sequence[tuple[str, Content, str]], language: str, cls: str = "") -> Node:
    """Return a row: each cell's label on a phone, what stands in it, its class."""
    return el(
        "Tr",
        [el("Td", inside, cls=own, role="cell", data_label=_label(label, language))
         for label, inside, own in cells],
        cls=cls, role="row",
    )  # fmt: skip


def _label(label: str, language: str) -> str | None:
    words = text(label, language) if label else ""
    return words[:1].upper() + words[1:] or None


def radio(
    ident: dict[str, str], options: Sequence[tuple[str, str]], chosen: str | None, label: str
) -> Node:
    """Return a choice of one; the script keeps what is pressed in the store."""
    picks = [_pick(value, words, pressed=value == chosen) for value, words in options]
    return _choice(ident, picks, label, "one", chosen)


def checks(
    ident: dict[str, str], options: Sequence[tuple[str, str]], chosen: Sequence[str], label: str
) -> Node:
    """Return a choice of several."""
    picks = [_pick(value, words, pressed=value in chosen) for value, words in options]
    return _choice(ident, picks, label, "many", list(chosen))


def _pick(value: str, words: str, *, pressed: bool) -> Node:
    return el("Button", icon("check"), el("Span", words), cls="users-pick", type="button",
              aria_pressed=str(pressed).lower(), data_pick=value)  # fmt: skip


def _choice(
    ident: dict[str, str], picks: Sequence[Node], label: str, how: str, chosen: object
) -> Node:
    return el(
        "Div", el("Span", label, cls="work-label"),
        el("Div", picks, cls="users-picks", role="group", aria_label=label,
           data_picks=ident["part"], data_ident=json.dumps(ident), data_how=how),
        core("Store", id=ident, data=chosen), cls="work-field work-wide",
    )  # fmt: skip


def text_field(ident: dict[str, str], label: str, hint: str = "", most: int = 64,
               value: str = "") -> Node:  # fmt: skip
    """Return a field of one line."""
    return el(
        "Label", el("Span", label, cls="work-label"),
        core("Input", id=ident, type="text", value=value, placeholder=hint, autoComplete="off",
             maxLength=most), cls="work-field",
    )  # fmt: skip
