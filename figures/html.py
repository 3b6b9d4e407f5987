"""Elements of a page as the plain dicts that Dash sends: no component object per element."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]
Content = Any  # whatever may stand inside an element: words, elements, lists of them, nothing


def el(tag: str, *children: Content, cls: str = "", **attributes: object) -> Node:
    """Return an element; ``data_x`` and ``aria_x`` become data-x and aria-x, None is left out."""
    props: dict[str, Any] = {}
    inside = list(_flat(children))
    if inside:
        props["children"] = inside[0] if len(inside) == 1 else inside
    if cls:
        props["className"] = cls
    for name, value in attributes.items():
        if value is not None:
            props[_name(name)] = value
    return {"type": tag, "namespace": "dash_html_components", "props": props}


def _flat(children: tuple[Any, ...] | list[Any]) -> Iterator[Content]:
    for child in children:
        if isinstance(child, list | tuple):
            yield from _flat(child)
        elif child is not None:
            yield child


def _name(name: str) -> str:
    if name.startswith(("data_", "aria_")):
        return name.replace("_", "-")
    return name


def core(tag: str, **props: object) -> Node:
    """Return a component of Dash's own: a store, a graph, the address."""
    return {"type": tag, "namespace": "dash_core_components", "props": props}


def icon(name: str, label: str = "") -> Node:
    """Return an icon; without a label it is decoration."""
    if label:
        return el("Span", cls=f"icon icon-{name}", role="img", aria_label=label, title=label)
    return el("Span", cls=f"icon icon-{name}", aria_hidden="true")


def link(href: str, *children: Content, cls: str = "", **attributes: object) -> Node:
    """Return a link that changes the page without loading it anew (assets/40-frame.js)."""
    return el("A", *children, cls=cls, href=href, **attributes)


def first_up(words: str) -> str:
    """Return words that begin a line; Chinese has no capitals and stays as it is."""
    return words[:1].upper() + words[1:]
