"""The manual's page: its files, the chapter made of the code, and what is looked for in it.

``python -m callbacks.help`` writes the chapter into docs/manual (``make basis``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dash import Dash, Input, Output, State, ctx, no_update

from accounting.factors import FactorLibrary
from callbacks._reader import Kept, PageReader
from callbacks._request import language
from data.basis import basis
from data.library import shipped
from figures import basis as shown
from figures.html import Content, Node
from pages import help as page
from pages._plain import part
from translations import LANGUAGES, text

FOLDER = Path(__file__).parent.parent / "docs" / "manual"
FILES = (
    "README.md", "screens.md", "carbon-sales.md", "forecasts.md", "intake.md", "interfaces.md",
    "protocols.md", "api.md", "alerts.md", "access.md", "trail.md", "keys.md",
)  # fmt: skip
WRITTEN = {"zh": "accounting-basis.md", "en": "accounting-basis.en.md"}
LONGEST = 80
Paper = Callable[[str, str], Node]  # the appendix of a clause in a language


def bind_help(app: Dash, reader: PageReader, default: str) -> Paper:
    """Register the callback that shows a chapter and searches in the basis.

    What is returned makes the appendix of a page on paper.
    """
    kept = Kept(most=4)  # by the factor library: commits do not change what the code says
    for chosen in LANGUAGES:  # made before anyone waits
        _sections(reader.engine.library, kept, chosen)

    @app.callback(
        Output(part(page.KEY, "contents"), "children"),
        Output(part(page.KEY, "chapters"), "children"),
        Output(part(page.KEY, "shown"), "data"),
        Output(part(page.KEY, "find"), "value"),
        Input(part(page.KEY, "find"), "value"),
        Input("url", "hash"),
        State(part(page.KEY, "shown"), "data"),
    )
    def refresh(wanted: object, address: str | None, shown: object) -> tuple[Content, ...]:
        found = _sections(reader.engine.library, kept, language(default))
        words = wanted.strip()[:LONGEST] if isinstance(wanted, str) else ""
        if words and ctx.triggered_id != "url":  # following a link ends the search
            return [], searched(found, words), "", no_update
        target = (address or "").lstrip("#")
        chapter = chapter_of(found, target)
        if shown == chapter and target:  # its anchors are there: the browser goes to them
            return no_update, no_update, no_update, no_update
        listed = page.contents(_listed(found), chapter, found.language)
        return listed, chapter_shown(found, chapter, target), chapter, "" if words else no_update

    def paper(clause: str, chosen: str) -> Node:
        found = _sections(reader.engine.library, kept, chosen)
        return shown.paper_list(found.sections["indicators"], clause, chosen)

    return paper


@dataclass(frozen=True)
class Found:
    """What the manual is made of, in a language: its files and the sections of the basis."""

    language: str
    files: Mapping[str, page.Document | None]
    preface: list[str]
    sections: Mapping[str, shown.Section]

    def entry(self, anchor: str) -> shown.Entry | None:
        """Return the indicator of an anchor."""
        entries = self.sections["indicators"].entries
        return next((entry for entry in entries if entry.anchor == anchor), None)


def _sections(library: FactorLibrary, kept: Kept, chosen: str) -> Found:
    data = kept.get(0, library.digest, lambda: basis(library))
    return kept.get(0, (library.digest, chosen), lambda: made(data, chosen))


def made(data: shown.Row, chosen: str) -> Found:
    """Return the manual in a language."""
    sections = {section.anchor: section for section in shown.chapter(data, chosen)}
    files = {anchor_of(name): read(name) for name in FILES}
    return Found(chosen, files, shown.preface(data, chosen), sections)


def read(name: str) -> page.Document | None:
    """Return a file of the manual; None where it is not installed."""
    try:
        source = (FOLDER / name).read_text(encoding="utf-8")
    except OSError:
        return None
    return page.document(source, anchor_of(name))


def anchor_of(name: str) -> str:
    """Return the anchor of a file's chapter."""
    return name.partition(".")[0].lower()


def chapter_of(found: Found, target: str) -> str:
    """Return the chapter that holds an anchor; the first one for what nobody knows."""
    for anchor, document in found.files.items():
        if target == anchor or (document and target in [h.anchor for h in document.headings]):
            return anchor
    if target in (page.BASIS, page.WHOLE) or target in found.sections or found.entry(target):
        return target
    for section in found.sections.values() if target else ():
        if any(target == row.anchor for _, table in section.tables for row in table.rows):
            return section.anchor
    return next(iter(found.files))


def chapter_shown(found: Found, chapter: str, target: str) -> list[Node]:
    """Return a chapter as elements."""
    chosen = found.language
    if chapter == page.WHOLE:
        parts = [chapter_shown(found, name, "") for name in _in_order(found)]
        return [page.whole_head(chosen), *(node for part in parts for node in part)]
    if chapter in found.files:
        document = found.files[chapter]
        if document is None:
            return [page.missing(_names()[chapter], chosen)]
        return [page.manual(document, target, chosen)]
    if chapter == page.BASIS:
        titles = [(s.anchor, s.title) for s in found.sections.values()]
        return [page.basis_head(found.preface, titles, target, chosen)]
    entry = found.entry(chapter)
    if entry is not None:
        return shown.entry_elements(entry, chosen, target)
    return shown.section_elements(found.sections[chapter], chosen, target)


def _in_order(found: Found) -> list[str]:
    """Return every chapter; the indicators follow their list."""
    entries = [entry.anchor for entry in found.sections["indicators"].entries]
    chapters = [*found.files, page.BASIS, *found.sections]
    at = chapters.index("indicators") + 1
    return [*chapters[:at], *entries, *chapters[at:]]


def searched(found: Found, words: str) -> list[Node]:
    """Return what the basis holds of the words looked for."""
    sections = shown.matching(found.sections.values(), words)
    head = page.found_head(shown.count_of(sections), shown.MOST, words, found.language)
    return [head, *shown.found_elements(sections, found.language)]


def _names() -> dict[str, str]:
    return {anchor_of(name): name for name in FILES}


def _listed(found: Found) -> list[page.Listed]:
    chosen, listed = found.language, []
    for anchor, document in found.files.items():
        headings = document.headings if document else ()
        title = headings[0].own(chosen) if headings else _names()[anchor]
        below = tuple((h.anchor, h.own(chosen)) for h in headings[1:] if h.level == 2)
        listed.append(page.Listed(anchor, title, below))
    sections = tuple((s.anchor, s.title) for s in found.sections.values())
    return [*listed, page.Listed(page.BASIS, text("核算口径", chosen), sections)]


def written() -> dict[str, str]:
    """Return the generated chapters by file name."""
    made = basis(shipped())
    return {WRITTEN[chosen]: shown.markdown(made, chosen) for chosen in LANGUAGES}


def main() -> None:
    """Write the generated chapters into the manual."""
    for name, body in written().items():
        (FOLDER / name).write_text(body, encoding="utf-8")


if __name__ == "__main__":
    main()
