"""Rows of a posted document, judged as the rows of a file are (CONTRACT §2, §4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from data.ingest.checks import check_rows
from data.ingest.kinds import KINDS, Kind
from data.ingest.known import Known
from data.ingest.problems import Problem
from data.ingest.rows import Parsed, parse_rows
from data.ingest.tables import Layout, Table

FIRST = 0  # rows of a document are counted from here, as its array is


def typed(
    kind: Kind, rows: Sequence[Mapping[str, Any]], name: str, language: str, site: str
) -> Parsed:
    """Return a document's typed rows; a row's number is its place in the array."""
    names = tuple(column.name for column in kind.columns)
    layout = Layout("", "", 0, {n: (at, Decimal(1)) for at, n in enumerate(names)}, False)
    cells = [(at, [row.get(n) for n in names]) for at, row in enumerate(rows, FIRST)]
    return parse_rows(Table(layout, cells, (), columns=names), kind, name, language, site or None)


def judged(
    kind_name: str, rows: Sequence[Mapping[str, Any]], known: Known, language: str, site: str
) -> tuple[Parsed, list[Problem]]:
    """Return typed rows and what is wrong with others.

    Parameters
    ----------
    kind_name
        Which kind of import file they would stand in.
    rows
        Column to value.
    known
        What the store knows.
    language
        Of the sentences.
    site
        The site of rows that name none; empty for none.

    Returns
    -------
    tuple
        Rows without an error among their cells, and every problem; warnings keep no row out.
    """
    kind = KINDS[kind_name]
    parsed = typed(kind, rows, kind_name, language, site)
    found = check_rows(kind, parsed, known, kind_name, language, site or None)
    return parsed, [*parsed.problems, *found]
