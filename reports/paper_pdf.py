"""A paper as PDF, by typst: no browser, and fonts that are named are there or it fails."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import typst

from reports.paper import Paper, plain

TEMPLATE = Path(__file__).parent / "paper.typ"
FONT = "Noto Sans CJK SC"


class NoFont(Exception):
    """The font is not installed; the message names it."""


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_embedded_fonts=False)


def pdf(paper: Paper, font: str = FONT) -> bytes:
    """Return a paper as PDF; the same paper is the same bytes.

    Raises
    ------
    NoFont
        The font is not installed: typst would take another one without a word.
    """
    fonts = _fonts()
    if font not in fonts.families():
        raise NoFont(font)
    inputs = {"paper": json.dumps(plain(paper), ensure_ascii=False), "font": font}
    found, warnings = typst.compile_with_warnings(
        str(TEMPLATE), font_paths=fonts, sys_inputs=inputs, timestamp=int(paper.as_of.timestamp())
    )
    if warnings:
        raise NoFont(f"{font}: {warnings[0].message}")
    if not isinstance(found, bytes):
        raise TypeError(type(found))
    return found
