"""The ledger's rows: indicators, figures and their terms (CONTRACT §3, §6, R1, R3, R4)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from accounting.amount import NULL, QUALITIES, Amount, Floats, Term, flag_bits, flag_names
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


@dataclass(frozen=True)
class TermRow:
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
        values = amount.values
        measured, estimated = amount.shares_pct()
        for at, period in enumerate(grain.labels):
            null = amount.quality[at] == NULL
            rows.append(
                Figure(
                    grain=grain.name,
                    period=period,
                    indicator=indicator,
                    dimension=dimension,
                    entity=entity,
                    value=None if null else float(values[at]),
                    unit=unit,
                    quality=QUALITIES[amount.quality[at]],
                    measured_pct=_number(measured, at),
                    estimated_pct=_number(estimated, at),
                    flags=";".join(flag_names(int(amount.flags[at]) | running)),
                    formula=amount.formula,
                    terms=() if null else term_rows(amount, at),
                )
            )
    return rows


def _number(values: Floats, at: int) -> float | None:
    return None if np.isnan(values[at]) else float(values[at])


def term_rows(amount: Amount, at: int) -> tuple[TermRow, ...]:
    """Return the terms of one period: summed ones, then the divisor, then what explains."""
    summed = [_term_row(term, at) for term in amount.terms]
    rows = [row for row in summed if row and (row.coefficient or row.kind == "meter")]
    if amount.divisor is not None:
        below = _term_row(amount.divisor, at)
        rows += [below] if below else []
    known = {(row.kind, row.ref) for row in rows}
    notes = [_term_row(note, at) for note in amount.notes]
    return (*rows, *(row for row in notes if row and (row.kind, row.ref) not in known))


def _term_row(term: Term, at: int) -> TermRow | None:
    """Return a term in one period; None where it is unknown or an empty record."""
    quantity, coefficient = (
        float(values[min(at, len(values) - 1)])
        for values in (term.source.quantity, term.coefficient)
    )
    if np.isnan(quantity) or (quantity == 0.0 and term.source.kind != "meter"):
        return None
    source = term.source
    return TermRow(
        source.kind, source.ref, quantity, source.unit, coefficient, term.factors, source.origin
    )
