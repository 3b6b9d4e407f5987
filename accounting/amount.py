"""Quantities that know what they are made of (accounting.md R1, CONTRACT §3 and §6).

An :class:`Amount` holds one value per period as a linear form over its sources, so that
``value = sum of quantity x coefficient`` is how the value is made and not a later claim.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEASURED, ESTIMATED, INCOMPLETE, NULL = 0, 1, 2, 3
QUALITIES = ("measured", "estimated", "incomplete", "null")

FLAGS = (
    "month_to_date", "low_coverage", "gap", "error", "spike", "jump", "rollover",
    "meter_change", "provisional", "backcast", "mass_balance", "mass_balance_warn", "alloc_job",
    "alloc_mass", "alloc_kwh", "unallocated", "area_split", "cop_default", "merged_in_dismantle",
    "no_disposal_factor", "boundary_overlap", "low_volume", "idle", "balance_error",
    "review_high", "no_trips", "no_export_meter",
)  # fmt: skip
_BIT = {name: 1 << place for place, name in enumerate(FLAGS)}


def flag_bits(*names: str) -> int:
    """Return the bit mask of flags of the closed list R4; an unknown flag is a KeyError."""
    mask = 0
    for name in names:
        mask |= _BIT[name]
    return mask


@cache
def flag_names(mask: int) -> tuple[str, ...]:
    """Return the sorted names of a bit mask of flags."""
    return tuple(sorted(name for name, bit in _BIT.items() if mask & bit))


@dataclass(frozen=True)
class Source:
    """One thing that was read or recorded: a meter's quantity, a fuel row, a batch.

    Parameters
    ----------
    kind, ref, unit
        What it is (``meter``, ``fuel``, ``batch``, ...), its identifier, its unit.
    quantity
        Shape (periods,), in ``unit``; NaN where it is not known.
    measured_h, estimated_h, expected_h
        Shape (periods,), hours measured, estimated and expected.
    origin
        The document it came from, empty for meters (their readings are the origin).
    """

    kind: str
    ref: str
    unit: str
    quantity: Floats
    measured_h: Floats
    estimated_h: Floats
    expected_h: Floats
    origin: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What makes two sources the same."""
        return (self.kind, self.ref)


@dataclass(frozen=True)
class Term:
    """A source and the number it is multiplied by, with the factors inside that number."""

    source: Source
    coefficient: Floats
    factors: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """What makes two terms addable into one."""
        return (self.source.kind, self.source.ref, self.factors)


@dataclass(frozen=True)
class Amount:
    """A quantity per period with its terms, quality and flags.

    Parameters
    ----------
    terms
        What is summed; a term counts in a period where its quantity is known.
    quality
        Shape (periods,), one of MEASURED, ESTIMATED, INCOMPLETE, NULL.
    flags
        Shape (periods,), bit masks of R4.
    sources
        Everything asked for, known or not: the base of the measured share.
    notes
        Terms that explain a coefficient (allocation keys, PV share) and are not summed.
    divisor
        The denominator of a quotient, not summed.
    """

    terms: tuple[Term, ...]
    quality: Ints
    flags: Ints
    sources: tuple[Source, ...] = ()
    notes: tuple[Term, ...] = ()
    divisor: Term | None = None
    formula: str = field(default="", compare=False)

    @property
    def periods(self) -> int:
        """How many periods it holds."""
        return len(self.quality)

    @property
    def unknown(self) -> bool:
        """Whether it is null in every period."""
        return _always(self.quality == NULL)

    @cached_property
    def values(self) -> Floats:
        """Shape (periods,), the sum of quantity x coefficient; NaN where null."""
        out = np.full(self.periods, np.nan)
        if self.unknown:
            return out
        if self.periods == 1:
            out[0] = self._single() + 0.0
            return out
        if self.terms:
            products = np.array([t.source.quantity * t.coefficient for t in self.terms])
            rows = np.where(np.isnan(products), 0.0, products).T.tolist()
        else:
            rows = [[] for _ in range(self.periods)]
        known = self.quality != NULL
        out[known] = [math.fsum(row) for row, here in zip(rows, known, strict=True) if here]
        return out + 0.0  # no negative zero in a report

    def _single(self) -> float:
        products = (float(t.source.quantity[0]) * float(t.coefficient[0]) for t in self.terms)
        return math.fsum(product for product in products if product == product)

    def shares_pct(self) -> tuple[Floats, Floats]:
        """Return measured and estimated share of the expected hours, percent, NaN if none."""
        if not self.sources:
            return (unknown := np.full(self.periods, np.nan)), unknown
        expected = _hours(self.sources, "expected_h", self.periods)
        with np.errstate(invalid="ignore", divide="ignore"):
            measured = 100.0 * _hours(self.sources, "measured_h", self.periods) / expected
            estimated = 100.0 * _hours(self.sources, "estimated_h", self.periods) / expected
        return measured, estimated

    def flagged(self, mask: int | Ints) -> Amount:
        """Return it with more flags."""
        return self._with(flags=self.flags | mask)

    def at_least(self, quality: int | Ints) -> Amount:
        """Return it with a quality no better than the one given."""
        return self._with(quality=np.maximum(self.quality, quality))

    def described(self, formula: str) -> Amount:
        """Return it with its formula in words."""
        found = self._with()
        object.__setattr__(found, "formula", formula)
        if "values" in self.__dict__:
            found.__dict__["values"] = self.values
        return found

    def _with(self, quality: Ints | None = None, flags: Ints | None = None) -> Amount:
        """Return it with another quality or other flags; dataclasses.replace is far slower."""
        return Amount(
            self.terms,
            self.quality if quality is None else quality,
            self.flags if flags is None else flags,
            self.sources,
            self.notes,
            self.divisor,
            self.formula,
        )


def _hours(sources: Sequence[Source], name: str, periods: int) -> Floats:
    columns = [getattr(source, name) for source in sources]
    if len(columns) == 1:
        return np.asarray(columns[0])
    if periods == 1:
        return np.array([math.fsum(float(column[0]) for column in columns)])
    return np.array([math.fsum(column) for column in zip(*columns, strict=True)])


def _distinct(sources: Iterable[Source]) -> tuple[Source, ...]:
    seen: dict[tuple[str, str], Source] = {}
    for source in sources:
        seen.setdefault(source.key, source)
    return tuple(source for _, source in sorted(seen.items(), key=_name))


def _name(item: tuple[tuple[object, ...], object]) -> tuple[object, ...]:
    return item[0]


def _merged(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Add the coefficients of equal terms; a term that cancels in every period goes."""
    whole: dict[tuple[str, str, tuple[str, ...]], Term] = {}
    for term in terms:
        source = term.source
        key = (source.kind, source.ref, term.factors)
        known = whole.get(key)
        if known is not None:
            term = Term(source, known.coefficient + term.coefficient, term.factors)
        whole[key] = term
    ordered = sorted(whole.items(), key=_name)
    return tuple(term for _, term in ordered if _adds(term.coefficient))


def _adds(coefficient: Floats) -> bool:
    """Tell whether a coefficient is not zero throughout; asking one number is far faster."""
    return bool(coefficient[0] != 0.0 if len(coefficient) == 1 else coefficient.any())


def _always(where: NDArray[np.bool_]) -> bool:
    return bool(where[0] if len(where) == 1 else where.all())


def _ever(where: NDArray[np.bool_]) -> bool:
    return bool(where[0] if len(where) == 1 else where.any())


def in_order(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Return terms by what names them: the order of the rows they came from does not matter."""
    return tuple(sorted(terms, key=lambda term: term.key))


def of(source: Source, quality: Ints, flags: Ints) -> Amount:
    """Return the amount that is one source."""
    known = np.where(np.isnan(source.quantity), NULL, quality).astype(np.int64)
    term = Term(source, np.ones(len(quality)))
    return Amount((term,), known, flags.astype(np.int64), (source,))


def nothing(periods: int, quality: int = NULL, flags: int = 0) -> Amount:
    """Return an amount without terms: null by default, a known zero as MEASURED."""
    return Amount((), np.full(periods, quality, np.int64), np.full(periods, flags, np.int64))


def total(parts: Sequence[Amount], periods: int) -> Amount:
    """Return the sum over parts of R1: null parts are skipped and make it incomplete."""
    if not parts:
        return nothing(periods)
    if len(parts) == 1:
        return _alone(parts[0])
    return Amount(
        _merged(t for part in parts for t in _where_known(part)),
        _worst([part.quality for part in parts]),
        np.bitwise_or.reduce([part.flags for part in parts]),
        _distinct(s for part in parts for s in part.sources),
        _notes(parts),
    )


def _worst(qualities: Sequence[Ints]) -> Ints:
    """Return the worst quality per period, null only where all are; months are a single one."""
    if len(qualities[0]) == 1:
        found = [int(quality[0]) for quality in qualities]
        if min(found) == NULL:
            return np.array([NULL])
        return np.array([max(INCOMPLETE if one == NULL else one for one in found)])
    table = np.array(qualities)
    null = table == NULL
    return np.where(null.all(axis=0), NULL, np.where(null, INCOMPLETE, table).max(axis=0))


def _alone(part: Amount) -> Amount:
    """Return the sum of one part: itself, without a quotient's divisor or words."""
    return Amount(
        _merged(_where_known(part)), part.quality, part.flags, _distinct(part.sources), part.notes
    )


def required(parts: Sequence[Amount]) -> Amount:
    """Return a sum that is null as soon as one operand is (E = Eg + Es, R19)."""
    whole = total(parts, parts[0].periods)
    null = np.any([part.quality == NULL for part in parts], axis=0)
    return whole._with(quality=np.where(null, NULL, whole.quality))


def difference(left: Amount, right: Amount) -> Amount:
    """Return left - right; null if either is, an incomplete operand counts as its value."""
    return required([left, scaled(right, -1.0)])


def scaled(
    amount: Amount,
    coefficient: float | Floats,
    factors: Sequence[str] = (),
    *,
    flags: int | Ints = 0,
    quality: int | Ints = MEASURED,
    notes: Sequence[Term] = (),
) -> Amount:
    """Return the amount times a number; where the number is NaN the product is null."""
    number = np.asarray(coefficient, np.float64)
    worst = np.maximum(amount.quality, quality)
    unknown = np.isnan(number)
    if unknown.any():
        number = np.where(unknown, 0.0, number)
        worst = np.where(unknown, NULL, worst)
    names = tuple(factors)
    return Amount(
        tuple(Term(t.source, t.coefficient * number, t.factors + names) for t in amount.terms),
        worst,
        amount.flags | flags,
        amount.sources,
        _merged_notes((*amount.notes, *notes)) if notes else amount.notes,
        amount.divisor,
        amount.formula,
    )


@dataclass(frozen=True)
class Ratio:
    """A pure number per period with what made it: a share, the PV share sigma."""

    values: Floats
    quality: Ints
    flags: Ints
    notes: tuple[Term, ...] = ()

    def complement(self) -> Ratio:
        """Return one minus the ratio."""
        return replace(self, values=1.0 - self.values)


def ratio(part: Amount, whole: Amount) -> Ratio:
    """Return part / whole per period, 0 where the whole is 0, NaN where either is null."""
    below, above = whole.values, part.values
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.where(below == 0.0, 0.0, above / below)
    null = (part.quality == NULL) | (whole.quality == NULL)
    return Ratio(
        np.where(null, np.nan, values),
        np.where(null, NULL, np.maximum(part.quality, whole.quality)),
        part.flags | whole.flags,
        tuple(
            Term(t.source, np.zeros(part.periods), t.factors) for t in (*part.terms, *whole.terms)
        ),
    )


def weighted(amount: Amount, share: Ratio) -> Amount:
    """Return the amount times a ratio, carrying the ratio's quality, flags and notes."""
    known = np.where(share.quality == NULL, MEASURED, share.quality)
    return scaled(amount, share.values, flags=share.flags, quality=known, notes=share.notes)


def quotient(amount: Amount, below: Amount) -> Amount:
    """Return amount / below; null where the divisor is unknown or zero (M8-4, M12-4).

    The lineage of a quotient has the numerator's terms with coefficient 1 / denominator and
    the denominator as one term that is not summed (CONTRACT §6).
    """
    values = np.where(below.quality == NULL, np.nan, below.values)
    usable = ~np.isnan(values) & (values != 0.0)
    inverse = np.full(amount.periods, np.nan)
    inverse[usable] = 1.0 / values[usable]
    known = np.where(below.quality == NULL, MEASURED, below.quality)
    whole = scaled(amount, inverse, flags=below.flags, quality=known)
    zero = np.zeros(amount.periods)
    name = "+".join(f"{t.source.kind}:{t.source.ref}" for t in below.terms)
    unit = below.terms[0].source.unit if below.terms else ""
    return replace(
        whole, divisor=Term(Source("divisor", name, unit, values, zero, zero, zero), zero)
    )


def _where_known(part: Amount) -> tuple[Term, ...]:
    """Blank a part's coefficients where the part is null, so that it adds nothing there."""
    null = part.quality == NULL
    if not _ever(null):
        return part.terms
    return tuple(Term(t.source, np.where(null, 0.0, t.coefficient), t.factors) for t in part.terms)


def _notes(parts: Sequence[Amount]) -> tuple[Term, ...]:
    return _merged_notes(note for part in parts for note in part.notes)


def _merged_notes(notes: Iterable[Term]) -> tuple[Term, ...]:
    seen: dict[tuple[str, str, tuple[str, ...]], Term] = {}
    for note in notes:
        seen.setdefault(note.key, note)
    return tuple(note for _, note in sorted(seen.items(), key=_name))
