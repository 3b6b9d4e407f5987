"""What a bad cell was probably meant to say; offered beside it, never put in by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher, get_close_matches

from data.ingest import cells
from data.ingest.columns import Column
from data.ingest.headers import folded

CLOSE = 0.6
NEAR = 0.5  # of the few words that a cell may hold
_LOOKS = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "。": ".", "，": ",", "S": "5"})


@dataclass(frozen=True)
class Known:
    """Names that cells of a file may hold, by column (``meter_id``, ``batch_id``, ``site``)."""

    meter_id: tuple[str, ...] = ()
    batch_id: tuple[str, ...] = ()
    site: tuple[str, ...] = ()
    parent_id: tuple[str, ...] = ()
    vehicle_class: tuple[str, ...] = ()


def suggested(column: Column, cell: object, known: Known, *, unknown: bool = False) -> str:
    """Return what a bad cell was probably meant to say; empty where nothing is likely.

    Parameters
    ----------
    column
        The cell's column.
    cell
        What stands in it.
    known
        Names that may stand in it.
    unknown
        Whether the cell reads well but names nothing that is there.

    Returns
    -------
    str
        A text that the importer would take in the cell.
    """
    words = "" if cell is None else cells.plain(cell)
    names: tuple[str, ...] = getattr(known, column.name, ())
    if not words:
        return names[0] if column.name == "site" and len(names) == 1 else ""
    if column.choices:
        return _choice(column, words)
    if names and (unknown or column.name in ("meter_id", "batch_id", "site")):
        return _name(words, names)
    if column.type in ("number", "integer"):
        return _number(column, words)
    if column.type in ("date", "timestamp"):
        return _moment(words)
    return _month(words) if column.type == "month" else ""


def _name(words: str, names: Sequence[str]) -> str:
    by_fold = {folded(name).replace("-", ""): name for name in names}
    asked = folded(words).replace("-", "")
    found = get_close_matches(asked, list(by_fold), 2, CLOSE)
    if len(found) > 1 and _alike(asked, found[0]) == _alike(asked, found[1]):
        return ""  # E23 is as near to E13 as to E33: nobody can tell
    return by_fold[found[0]] if found and by_fold[found[0]] != words else ""


def _alike(asked: str, name: str) -> float:
    match = SequenceMatcher()  # in the order of get_close_matches
    match.set_seq2(asked)
    match.set_seq1(name)
    return match.ratio()


def _choice(column: Column, words: str) -> str:
    titles = {folded(t): name for name, zh in column.choices.items() for t in (name, zh)}
    low = folded(words)
    inside = [t for t in titles if len(t) > 1 and (t in low or (len(low) > 1 and low in t))]
    found = inside[:1] or get_close_matches(low, list(titles), 1, NEAR)
    return titles[found[0]] if found else ""


def _number(column: Column, words: str) -> str:
    """Return a number freed of what is no part of it: a unit, letters like digits, a sign."""
    bare = words.translate(_LOOKS)
    tries = [bare, re.sub(r"\s*[A-Za-z³²%吨元度个台升]+[A-Za-z0-9³²/]*$", "", words)]
    tries += [one.replace(" ", "").replace(",", "") for one in list(tries)]
    if column.minimum == 0:
        tries += [one.lstrip("-") for one in list(tries)]
    for one in tries:
        try:
            found = cells.number(one)
        except cells.CellError:
            continue
        if found is not None and one != words and (column.minimum is None or found >= 0):
            return f"{found:f}"
    return ""


_PARTS = re.compile(
    r"\s*(\d{1,4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,4})\s*日?(.*)", re.DOTALL
)


def _moment(words: str) -> str:
    """Return a date whose parts make sense in one order alone."""
    found = _PARTS.fullmatch(words)
    if found is None:
        return ""
    one, two, three = (int(found[n]) for n in (1, 2, 3))
    orders = [(one, three, two)] if one > 31 else [(three, one, two), (three, two, one)]
    rest = found[4].strip()
    likely = [text for order in orders if (text := _dated(*order, rest))]
    return likely[0] if len(set(likely)) == 1 else ""


def _dated(year: int, month: int, day: int, rest: str) -> str:
    year += 2000 if year < 100 else 0
    try:
        words = f"{date(year, month, day).isoformat()} {rest}".strip()
        cells.timestamp(words)
    except (ValueError, cells.CellError):
        return ""
    return words


def _month(words: str) -> str:
    found = re.match(r"\s*(\d{4})\D+(\d{1,2})(?=\D|$)", words)
    if found is None or words.strip() == f"{found[1]}.1" or not 1 <= int(found[2]) <= 12:
        return ""
    return f"{found[1]}-{int(found[2]):02d}"
