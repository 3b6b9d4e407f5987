"""The ledger's rows: indicators, figures and their terms (CONTRACT §3, §6, R1, R3, R4)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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


class TermRow(NamedTuple):
    """One term of a figure; terms with coefficient 0 explain and add nothing."""

    kind: str
    ref: str
    quantity: float
    unit: str
    coefficient: float
    factor_ids: tuple[str, ...]
    origin: str


class Figure(NamedTuple):
    """One figure of the ledger: value in ``unit``, None where null, and its terms.

    A tuple, because a settle makes hundreds of thousands of them.

    Parameters
    ----------
    basis
        Which electricity factor it was computed with: inventory, footprint or ccer (D-2).
    uncertainty_pct
        Half-width of the 95 % interval, percent; None where there is none to tell.
    """

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
    basis: str = BASIS
    uncertainty_pct: float | None = None

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What names the figure within its site."""
        return self[:5]


Found = dict[tuple[str, str, str], Amount]


def figures(found: Found, grain: Grain, *, lineage: bool = True) -> list[Figure]:
    """Return the ledger rows of amounts, one per period; null stays null (R1, R3).

    Parameters
    ----------
    found
        (indicator, dimension, entity) to amount in the indicator's unit.
    grain
        The periods.
    lineage
        Whether they hold their terms; without, a month takes half the time.

    Returns
    -------
    list of Figure
        Values in the indicator's unit, full precision.
    """
    running = flag_bits("month_to_date") if grain.inputs.running else 0
    rows: list[Figure] = []
    known: dict[tuple[int, ...], tuple[list[float | None], ...]] = {}
    for (indicator, dimension, entity), amount in found.items():
        unit = indicators()[indicator, dimension].unit
        sources = tuple(map(id, amount.sources))  # many figures are made of the same meters
        if sources not in known:
            known[sources] = tuple(_known(shares) for shares in amount.shares_pct())
        measured, estimated = known[sources]
        quality, flags = amount.quality.tolist(), (amount.flags | running).tolist()
        if lineage:
            terms_of = terms_by_period(amount, notes=grain.name == "month")
        else:
            terms_of = [[] for _ in grain.labels]
        columns = zip(
            grain.labels, quality, amount.values.tolist(), measured, estimated, flags, terms_of,
            strict=True,
        )  # fmt: skip
        rows += [
            Figure(
                grain.name, period, indicator, dimension, entity, None if how == NULL else value,
                unit, QUALITIES[how], read, guessed, _flag_text(bits),
                amount.formula, () if how == NULL else tuple(terms),
            )
            for period, how, value, read, guessed, bits, terms in columns
        ]  # fmt: skip
    return rows


@cache
def _flag_text(mask: int) -> str:
    return ";".join(flag_names(mask))


def _known(shares: Floats) -> list[float | None]:
    return [None if share != share else share for share in shares.tolist()]


def terms_by_period(amount: Amount, *, notes: bool) -> list[list[TermRow]]:
    """Return each period's rows: what is summed, then the divisor, then what explains.

    Days use the month's shares, so what explains these stands with the month's figures alone.
    """
    found: list[list[TermRow]] = [[] for _ in range(amount.periods)]
    if amount.unknown:
        return found  # what is null has no terms
    for term in amount.terms:
        meter = term.source.kind == "meter"
        _add(found, term, (term.coefficient != 0.0) | meter)
    if amount.divisor is not None:
        _add(found, amount.divisor, np.ones(amount.periods, bool))
    if notes:
        known = {term.source.key for term in amount.terms}
        for note in amount.notes:
            if note.source.key not in known:
                _add(found, note, np.ones(amount.periods, bool))
    return found


def _add(found: list[list[TermRow]], term: Term, wanted: NDArray[np.bool_]) -> None:
    """Add a term to the periods in which it is known and, for a record, not nothing."""
    source = term.source
    if len(found) == 1:
        _add_one(found[0], term, bool(wanted[0]))
        return
    quantity, coefficient = (_long(a, len(found)) for a in (source.quantity, term.coefficient))
    known = (quantity == quantity) & wanted
    if source.kind != "meter":
        known &= quantity != 0.0
    quantities, coefficients = quantity.tolist(), coefficient.tolist()
    for at in known.nonzero()[0].tolist():
        found[at].append(
            TermRow(
                source.kind, source.ref, quantities[at], source.unit, coefficients[at],
                term.factors, source.origin,
            )
        )  # fmt: skip


def _add_one(found: list[TermRow], term: Term, wanted: bool) -> None:
    """Add a term to the only period: months are many small sums."""
    source, quantity = term.source, float(term.source.quantity[0])
    known = wanted and quantity == quantity
    if known and (quantity != 0.0 or source.kind == "meter"):
        found.append(
            TermRow(
                source.kind, source.ref, quantity, source.unit, float(term.coefficient[0]),
                term.factors, source.origin,
            )
        )  # fmt: skip


def _long(values: Floats, periods: int) -> Floats:
    """Return one value per period; a month's share stands for each of its days."""
    return values if len(values) == periods else np.full(periods, values[0])
