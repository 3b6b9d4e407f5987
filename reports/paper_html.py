"""A paper as one HTML file that needs nothing else."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from reports.paper import Paper


@cache
def _template() -> Template:
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=folder, autoescape=True, undefined=StrictUndefined).get_template(
        "paper.html"
    )


def html(paper: Paper) -> bytes:
    """Return a paper as HTML; the same paper is the same bytes."""
    return _template().render(paper=paper).encode()
