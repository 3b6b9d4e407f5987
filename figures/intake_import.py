"""导入: what stands on the tab on which files are brought in."""

from __future__ import annotations

from figures.html import Content, el
from translations import text


def chooser(language: str) -> Content:
    """Return where a file is chosen."""
    return el("P", text("拖入文件，或点此选择", language))
