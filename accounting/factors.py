"""Emission and conversion factors: which row of the library a month uses (R22, D-2, D-3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from accounting.amount import flag_bits


@dataclass(frozen=True)
class Factor:
    """One row of the factor library, value in ``unit``, valid from the first to the last day."""

    factor_id: str
    name_zh: str
    name_en: str
    category: str
    value: float
    unit: str
    uncertainty_pct: float | None
    region: str
    valid_from: date | None
    valid_to: date | None
    source: str
    source_ref: str
    confidence: str
    note: str


@dataclass(frozen=True)
class Chosen:
    """A factor as a month uses it, with the flags its age brings."""

    factor: Factor
    flags: int

    @property
    def value(self) -> float:
        """The factor's value in its unit."""
        return self.factor.value

    @property
    def factor_id(self) -> str:
        """The identifier that lineage names."""
        return self.factor.factor_id


@dataclass(frozen=True)
class FactorLibrary:
    """Every factor row, read-only, with the digest of the document it came from."""

    rows: Mapping[str, Factor]
    digest: str

    @cached_property
    def families(self) -> Mapping[str, tuple[Factor, ...]]:
        """Rows whose identifiers differ only in a trailing _YYYY, oldest first."""
        found: dict[str, list[Factor]] = {}
        for factor_id, factor in self.rows.items():
            family = family_of(factor_id)
            if family != factor_id:
                found.setdefault(family, []).append(factor)
        return {name: tuple(sorted(rows, key=_age)) for name, rows in found.items()}

    def choose(self, name: str, month: date) -> Chosen:
        """Return the factor of an identifier or family for a month (R22).

        Parameters
        ----------
        name
            A factor_id, or a family: identifiers that differ only in a trailing _YYYY.
        month
            The first day of the activity month.

        Raises
        ------
        KeyError
            No row bears the name.

        References
        ----------
        accounting.md R22: the row valid at month start; else the latest that began before;
        else the earliest, flagged ``backcast``.
        """
        rows = (self.rows[name],) if name in self.rows else self.families[name]
        started = [row for row in rows if row.valid_from is None or row.valid_from <= month]
        # an open end lasts until the next row of the family begins
        valid = [
            row
            for row in started
            if (row.valid_to is None and row is started[-1])
            or (row.valid_to is not None and row.valid_to >= month)
        ]
        if valid or started:
            row = (valid or started)[-1]
            return Chosen(row, flag_bits("provisional") if _provisional(row, month) else 0)
        return Chosen(rows[0], flag_bits("backcast"))

    def grid(self, province: str, month: date) -> Chosen:
        """Return the average grid factor of a province such as ``CN-HE`` (D-2), kgCO2/kWh."""
        family = f"GRID_{province.removeprefix('CN-')}"
        return self.choose(family if family in self.families else "GRID_CN", month)


def family_of(factor_id: str) -> str:
    """Return an identifier without its trailing year: rows that share it are a family (R22)."""
    return re.sub(r"_\d{4}$", "", factor_id)


def _age(row: Factor) -> tuple[date, str]:
    return (row.valid_from or date.min, row.factor_id)


def _provisional(row: Factor, month: date) -> bool:
    if row.category == "grid_average":
        ended = row.valid_to is None or row.valid_to < month
        return ended and row.valid_from is not None and month.year > row.valid_from.year
    return row.valid_to is not None and row.valid_to < month


def library(rows: Iterable[Mapping[str, str]], digest: str) -> FactorLibrary:
    """Return the library of text rows with the columns of factors.csv.

    Parameters
    ----------
    rows
        Mappings of column name to text; an empty cell is unknown.
    digest
        The digest of the document the rows came from.

    Raises
    ------
    ValueError
        Two rows bear the same identifier, or a number or date cannot be read.
    """
    found: dict[str, Factor] = {}
    for row in rows:
        if row["factor_id"] in found:
            raise ValueError(f"factor_id {row['factor_id']} twice")
        found[row["factor_id"]] = Factor(
            factor_id=row["factor_id"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            category=row["category"],
            value=float(row["value"]),
            unit=row["unit"],
            uncertainty_pct=float(row["uncertainty_pct"]) if row["uncertainty_pct"] else None,
            region=row["region"],
            valid_from=date.fromisoformat(row["valid_from"]) if row["valid_from"] else None,
            valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
            source=row["source"],
            source_ref=row["source_ref"],
            confidence=row["confidence"],
            note=row["note"],
        )
    return FactorLibrary(found, digest)
