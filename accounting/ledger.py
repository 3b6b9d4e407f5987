"""The ledger's rows: indicators, figures and their terms (CONTRACT §3, §6, R1, R3, R4)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from accounting.amount import NULL, QUALITIES, Amount, Source, Term, flag_bits, flag_names
from accounting.inputs import Grain

BASIS = "inventory"


@dataclass(frozen=True)
class Indicator:
    """One row of indicators.csv."""

    indicator: str
    unit: str
    dimension: str
    entities: tuple[str, ...]
    grains: tuple[str, ...]
    ledger: str
    section: str
    clauses: tuple[str, ...]
    name_zh: str
    name_en: str


@cache
def indicators() -> Mapping[tuple[str, str], Indicator]:
    """Return every indicator by (indicator, dimension), as indicators.csv lists them."""
    with (Path(__file__).parent / "indicators.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            Indicator(
                **{name: row[name] for name in _PLAIN},
                entities=tuple(row["entities"].split("|")),
                grains=tuple(row["grains"].split("|")),
                clauses=tuple(filter(None, row["clauses"].split("|"))),
            )
            for row in csv.DictReader(file)
        ]
    return {(row.indicator, row.dimension): row for row in rows}


_PLAIN = ("indicator", "unit", "dimension", "ledger", "section", "name_zh", "name_en")


class TermRow(NamedTuple):
    """One term of a figure; terms with coefficient 0 explain and add nothing."""

    kind: str
    ref: str
    quantity: float
    unit: str
    coefficient: float
    factor_ids: tuple[str, ...]
    origin: str


@dataclass(frozen=True)
class Figure:
    """One figure of the ledger: value in ``unit``, None where null, and its terms."""

    grain: str
    period: str
    indicator: str
    dimension: str
    entity: str
    value: float | None
    unit: str
    quality: str
    measured_pct: float | None
    estimated_pct: float | None
    flags: str
    formula: str
    terms: tuple[TermRow, ...]

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What names the figure within its site."""
        return (self.grain, self.period, self.indicator, self.dimension, self.entity)


Found = dict[tuple[str, str, str], Amount]


def figures(found: Found, grain: Grain) -> list[Figure]:
    """Return the ledger rows of amounts, one per period; null stays null (R1, R3).

    Parameters
    ----------
    found
        (indicator, dimension, entity) to amount in the indicator's unit.
    grain
        The periods.

    Returns
    -------
    list of Figure
        Values in the indicator's unit, full precision.
    """
    running = flag_bits("month_to_date") if grain.inputs.running else 0
    rows: list[Figure] = []
    for (indicator, dimension, entity), amount in found.items():
        unit = indicators()[indicator, dimension].unit
        values = amount.values.tolist()
        measured, estimated = (shares.tolist() for shares in amount.shares_pct())
        terms = _Terms.of(amount)
        for at, period in enumerate(grain.labels):
            null = amount.quality[at] == NULL
            rows.append(
                Figure(
                    grain=grain.name,
                    period=period,
                    indicator=indicator,
                    dimension=dimension,
                    entity=entity,
                    value=None if null else values[at],
                    unit=unit,
                    quality=QUALITIES[amount.quality[at]],
                    measured_pct=_known(measured[at]),
                    estimated_pct=_known(estimated[at]),
                    flags=";".join(flag_names(int(amount.flags[at]) | running)),
                    formula=amount.formula,
                    terms=() if null else terms.rows(at),
                )
            )
    return rows


def _known(number: float) -> float | None:
    return None if number != number else number


@dataclass(frozen=True)
class _Column:
    """A term's numbers over the periods; one number stands for all of them."""

    source: Source
    factors: tuple[str, ...]
    quantity: list[float]
    coefficient: list[float]

    def row(self, at: int) -> TermRow | None:
        """Return the term in one period; None where it is unknown or an empty record."""
        quantity = self.quantity[at if len(self.quantity) > 1 else 0]
        if quantity != quantity or (quantity == 0.0 and self.source.kind != "meter"):
            return None
        source = self.source
        coefficient = self.coefficient[at if len(self.coefficient) > 1 else 0]
        return TermRow(
            source.kind, source.ref, quantity, source.unit, coefficient, self.factors,
            source.origin,
        )  # fmt: skip


def _column(term: Term) -> _Column:
    source = term.source
    return _Column(source, term.factors, source.quantity.tolist(), term.coefficient.tolist())


@dataclass(frozen=True)
class _Terms:
    """An amount's terms, ready to be written period by period."""

    summed: list[_Column]
    divisor: list[_Column]
    notes: list[_Column]

    @staticmethod
    def of(amount: Amount) -> _Terms:
        """Return the terms of an amount."""
        below = [] if amount.divisor is None else [_column(amount.divisor)]
        known = {term.source.key for term in amount.terms}
        notes = [_column(note) for note in amount.notes if note.source.key not in known]
        return _Terms([_column(term) for term in amount.terms], below, notes)

    def rows(self, at: int) -> tuple[TermRow, ...]:
        """Return one period's rows: what is summed, then the divisor, then what explains."""
        summed = (column.row(at) for column in self.summed)
        others = (column.row(at) for column in (*self.divisor, *self.notes))
        kept = [row for row in summed if row and (row.coefficient or row.kind == "meter")]
        return (*kept, *(row for row in others if row))
