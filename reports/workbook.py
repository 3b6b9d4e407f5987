"""A page's numbers as one workbook: a cover that says what they are, a sheet per panel."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import xlsxwriter

NAME_LONGEST = 31  # of a sheet, by the file format
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", "·"))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LIGHT, _HEAD, _WARN = "#F3F5F7", "#E6EBF0", "#93510A"


class _Exact(float):
    """A number that is written with every digit it has; the library would write sixteen."""

    def __format__(self, _how: str) -> str:
        return repr(float(self))


@dataclass(frozen=True, slots=True)
class Number:
    """A number of full precision and the decimals that it is shown with; None is not known."""

    value: Decimal | None
    decimals: int = 2


Value = str | Number


@dataclass(frozen=True, slots=True)
class Leaf:
    """A sheet: its name, the lines above its table, the table.

    Parameters
    ----------
    name
        What stands on its tab.
    lines
        Title first; then unit, period, source.
    head, rows
        The table; a row has a value a column.
    """

    name: str
    lines: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class Cover:
    """The first sheet: its name, the page, facts by name, the mark of demonstration data.

    ``head`` and ``contents`` are the list of what follows; a row leads to the leaf that it names,
    and says why there is none where it names none.
    """

    name: str
    title: str
    mark: str
    facts: tuple[tuple[str, Value], ...]
    head: tuple[str, ...]
    contents: tuple[tuple[tuple[str, ...], str], ...]


def workbook(cover: Cover, leaves: Sequence[Leaf], made: datetime) -> bytes:
    """Return the workbook; ``made`` is a time of the site, without zone."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"title": cover.title, "created": made, "comments": cover.mark})
    pen = _Pen(book)
    names = _names([cover.name, *(leaf.name for leaf in leaves)])
    tabs = dict(zip((leaf.name for leaf in leaves), names[1:], strict=True))
    _cover(pen, names[0], cover, tabs)
    for leaf, name in zip(leaves, names[1:], strict=True):
        _leaf(pen, name, leaf, cover.mark)
    book.close()
    return out.getvalue()


def _names(wanted: Sequence[str]) -> list[str]:
    """Return names that a workbook takes: short, without its signs, no two alike in any case."""
    found: list[str] = []
    for name in wanted:
        plain = name.translate(_NOT_IN_NAMES).strip()[:NAME_LONGEST] or "·"
        taken = {one.casefold() for one in found}
        at, chosen = 2, plain
        while chosen.casefold() in taken:
            chosen = f"{plain[: NAME_LONGEST - 1 - len(str(at))]}~{at}"
            at += 1
        found.append(chosen)
    return found


class _Pen:
    """A workbook and its formats, each made once."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.book = book
        self._made: dict[tuple[tuple[str, object], ...], object] = {}

    def format(self, **how: object) -> object:
        """Return the format of some properties."""
        key = tuple(sorted(how.items()))
        if key not in self._made:
            self._made[key] = self.book.add_format({"font_size": 10, "valign": "top", **how})
        return self._made[key]

    def write(
        self, sheet: xlsxwriter.worksheet.Worksheet, at: tuple[int, int], value: Value,
        **how: object,
    ) -> None:  # fmt: skip
        """Write a value as what it is: text never runs, what is not known stays empty."""
        if isinstance(value, str):
            quoted = {"quote_prefix": True} if value.startswith(_FORMULA) else {}
            sheet.write_string(*at, value, self.format(**how, **quoted))
            return
        if value.value is None:
            return
        shape = "#,##0" + ("." + "0" * value.decimals if value.decimals else "")
        sheet.write_number(*at, _Exact(value.value), self.format(**how, num_format=shape))


def _cover(pen: _Pen, name: str, cover: Cover, tabs: Mapping[str, str]) -> None:
    sheet = pen.book.add_worksheet(name)
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, 1, 34)
    sheet.set_column(2, 6, 26)
    pen.write(sheet, (0, 0), cover.title, bold=True, font_size=16)
    if cover.mark:
        pen.write(sheet, (1, 0), cover.mark, bold=True, font_color=_WARN)
    row = 3
    for label, value in cover.facts:
        pen.write(sheet, (row, 0), label, font_color="#52606D")
        pen.write(sheet, (row, 1), value, align="left")
        row += 1
    row += 1
    for at, words in enumerate(cover.head):
        pen.write(sheet, (row, at), words, bold=True, bg_color=_HEAD, bottom=1)
    for cells, leaf in cover.contents:
        row += 1
        for at, words in enumerate(cells):
            pen.write(sheet, (row, at), words)
        if leaf in tabs:
            place = f"internal:'{tabs[leaf]}'!A1"
            link = pen.format(font_color="#0B5CAD", underline=1)
            sheet.write_url(row, 1, place, link, cells[1])
    _paper(sheet, cover.mark)


def _leaf(pen: _Pen, name: str, leaf: Leaf, mark: str) -> None:
    sheet = pen.book.add_worksheet(name)
    for at, line in enumerate(leaf.lines):
        how = {"bold": True, "font_size": 13} if at == 0 else {"font_color": "#52606D"}
        pen.write(sheet, (at, 0), line, **how)
    top = len(leaf.lines) + 1
    for at, words in enumerate(leaf.head):
        pen.write(sheet, (top, at), words, bold=True, bg_color=_HEAD, bottom=1, text_wrap=True)
        sheet.set_column(at, at, _width(words, [row[at] for row in leaf.rows]))
    for below, row in enumerate(leaf.rows, start=1):
        for at, value in enumerate(row):
            band = {"bg_color": _LIGHT} if at == 0 else {}
            pen.write(sheet, (top + below, at), value, **band)
    sheet.freeze_panes(top + 1, 1)
    if leaf.rows:
        sheet.autofilter(top, 0, top + len(leaf.rows), len(leaf.head) - 1)
    sheet.repeat_rows(top)
    _paper(sheet, mark)


def _paper(sheet: xlsxwriter.worksheet.Worksheet, mark: str) -> None:
    """Set what a printed sheet looks like: A4 on its side, one page wide, its name below."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer(f"&L{mark.replace('&', '&&')}&C&A&R&P / &N")


def _width(head: str, column: Sequence[Value]) -> float:
    """Return a column's width in characters; CJK characters take two."""
    texts = [value for value in column if isinstance(value, str)]
    longest = max((_cells(text) for text in texts), default=0)
    return min(max(12.0, min(_cells(head), 24) + 2.0, longest + 2.0), 46.0)


def _cells(text: str) -> int:
    return sum(2 if ord(character) > 0x2E80 else 1 for character in text)
