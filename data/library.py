"""The factor library with its two clocks: what is valid when, and what was known when (D-3)."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from functools import cache
from pathlib import Path

from accounting.factors import FactorLibrary, library
from data.digest import sm3
from data.state import FactorVersions, Version

FILE = Path(__file__).parent / "factors" / "factors.csv"


@cache
def shipped_rows() -> tuple[dict[str, str], ...]:
    """Return the rows the product ships, as text."""
    text = FILE.read_bytes().decode("utf-8-sig")
    return tuple(dict(row) for row in csv.DictReader(io.StringIO(text, newline="")))


@cache
def shipped() -> FactorLibrary:
    """Return the shipped factors; the digest is the document's SM3."""
    return library(shipped_rows(), sm3(FILE.read_bytes()))


class Libraries:
    """The factor library as it is known now, and as it was known at any time.

    Parameters
    ----------
    versions
        The approved versions; the shipped rows are known from the beginning.
    """

    def __init__(self, versions: FactorVersions) -> None:
        self._versions = versions
        self._kept: dict[int, FactorLibrary] = {0: shipped()}
        self._known: list[Version] | None = None

    def refresh(self) -> None:
        """Forget what is known: versions have been approved."""
        self._known = None

    def versions(self) -> list[Version]:
        """Return the approved versions in the order in which they became known."""
        if self._known is None:
            self._known = self._versions.all()
        return self._known

    def now(self) -> FactorLibrary:
        """Return the library as it is known now."""
        return self._of(len(self.versions()))

    def as_of(self, moment: datetime) -> FactorLibrary:
        """Return the library as it was known at a time, UTC without a zone."""
        return self._of(sum(v.known_from <= moment for v in self.versions()))

    def by_digest(self, start: str) -> FactorLibrary:
        """Return the library whose digest begins so; the present one where none does."""
        for count in range(len(self.versions()), -1, -1):
            if self._of(count).digest.startswith(start):
                return self._of(count)
        return self.now()

    def version_of(self, factor_id: str, known: FactorLibrary) -> Version | None:
        """Return the version of a row in a library; None for a shipped row."""
        found = [
            v
            for at, v in enumerate(self.versions())
            if v.factor_id == factor_id
            and self._of(at + 1).rows[factor_id] == known.rows[factor_id]
        ]
        return found[-1] if found else None

    def _of(self, count: int) -> FactorLibrary:
        if count not in self._kept:
            rows = {row["factor_id"]: row for row in shipped_rows()}
            known = self.versions()[:count]
            rows |= {v.factor_id: dict(v.columns) for v in known}
            story = [shipped().digest, *(json.dumps(v.columns, sort_keys=True) for v in known)]
            self._kept[count] = library(rows.values(), sm3("\n".join(story).encode()))
        return self._kept[count]
