"""Working pages: a layout of their own instead of panels alone; cards, states and tokens stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

from figures.cards import Built
from figures.html import Content, Node, core, el
from figures.view import View
from pages._panel import Page, Panel, Section, shell
from translations import text

LONGEST_QUERY = 2000
GLOBAL = ("site", "from", "to", "grain", "mass", "energy", "compare", "view")


def _no_finding(_view: View) -> Content:
    return None


def nothing(_view: View) -> Built:
    """Return an empty panel: what a working page shows is put in when it is asked for."""
    return Built()


@dataclass(frozen=True, kw_only=True)
class PlainPage(Page):
    """A page with a layout of its own; its panels are charts and downloads."""

    layout: Callable[[str], Node]
    sections: tuple[Section, ...] = ()
    finding: Callable[[View], Content] = _no_finding


def part(page: str, name: str) -> dict[str, str]:
    """Return the identifier of a part of a page; those of changing callbacks begin with act-."""
    return {"page": page, "part": name}


def place(page: str, name: str, *inside: Content, cls: str = "", **attributes: object) -> Node:
    """Return the place of a part, which a callback fills."""
    return el("Div", *inside, id=part(page, name), cls=cls, **attributes)


def bones() -> Node:
    """Return the skeleton of a card that has nothing to show yet."""
    return el("Div", [el("Span", cls="bone") for _ in range(8)], cls="skeleton")


def card(page: str, name: str, form: str, *inside: Content, cls: str = "") -> Node:
    """Return a card that is a panel by itself, before its words are there."""
    return el(
        "Section", *inside, id=part(page, f"{name}-card"), cls=f"card {cls}".strip(),
        data_panel=name, data_form=form, data_state="loading",
    )  # fmt: skip


def chart(page: Page, panel: Panel, language: str) -> Node:
    """Return the shell of a chart; a working page's belongs to no clause of the standard."""
    found = shell(page, panel, language)
    found["props"].pop("data-clause", None)
    return found


def stores(page: str, *names: str) -> list[Node]:
    """Return the stores of a page."""
    return [core("Store", id=part(page, name)) for name in names]


def page_frame(page: str, title: str, language: str, *inside: Content) -> Node:
    """Return a working page with its title, before anything is known."""
    head = el("Div", el("H1", text(title, language), cls="page-title"),
              el("P", "\u00a0", cls="finding"))  # fmt: skip
    return el(
        "Div", el("Div", place(page, "top", el("Div", head, cls="page-head")), *inside,
                  cls="content work"), cls="page", data_page=page,
    )  # fmt: skip


def asked(search: object) -> dict[str, str]:
    """Return the query of an address; what is no text asks for nothing."""
    if not isinstance(search, str):
        return {}
    return dict(parse_qsl(search.lstrip("?")[:LONGEST_QUERY]))


def query(values: Mapping[str, str]) -> str:
    """Return an address's query; what is empty is left out."""
    return "?" + "&".join(f"{name}={quote(value, safe=',')}" for name, value in values.items()
                          if value)  # fmt: skip


def number(words: str) -> int:
    """Return a positive number that stands in an address, 0 for anything else."""
    return int(words) if words.isascii() and words.isdecimal() and len(words) < 10 else 0
