"""A chart as a picture that is made without a screen: what is drawn, what stands around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from figures.html import Content, Node

_COLOR = re.compile(r"\bc-([a-z]+)-([a-z0-9-]+)")
_AROUND = ("plots", "title", "subtitle", "foot", "site", "range", "lens", "mark")


def picture_spec(
    chart: Mapping[str, Any], leads: Sequence[Node | None], heights: Sequence[int]
) -> dict[str, Any]:
    """Return what a picture is made of: charts, words around them, what stands over each.

    Parameters
    ----------
    chart
        What the browser draws of a panel.
    leads
        The words above each chart.
    heights
        The height of each chart on the screen, px.
    """
    above = [
        {"height": height, "title": _title(lead), "keys": _keys(lead)}
        for lead, height in zip(leads, heights, strict=False)
    ]
    return {"chart": {name: chart[name] for name in _AROUND}, "leads": above}


def _title(lead: Content) -> str:
    found = next(_of_class(lead, "lead-title"), None)
    parts = found["props"].get("children") if found else None
    parts = parts if isinstance(parts, list) else [parts]
    return " ".join(_text(part) for part in parts if part is not None)


def _keys(lead: Content) -> list[list[str]]:
    """Return the names of a legend with their colours."""
    found = []
    for item in _of_class(lead, "legend-item"):
        key = next(_of_class(item, "key"), None)
        color = _COLOR.search(key["props"]["className"]) if key else None
        found.append([_text(item), f"{color[1]}.{color[2]}" if color else ""])
    return found


def _of_class(node: Content, name: str) -> Iterator[Node]:
    if isinstance(node, list | tuple):
        for child in node:
            yield from _of_class(child, name)
    elif isinstance(node, dict):
        if name in str(node["props"].get("className", "")).split():
            yield node
        yield from _of_class(node["props"].get("children"), name)


def _text(node: Content) -> str:
    if isinstance(node, list | tuple):
        return "".join(_text(child) for child in node)
    if isinstance(node, dict):
        return _text(node["props"].get("children"))
    return "" if node is None else str(node)
