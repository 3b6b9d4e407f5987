"""What could be sold, step by step from gross to sellable; the steps add up exactly (§11, R23)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal

GROSS, PROJECT, NEGATIVE, ESTIMATED, UNCERTAIN, INELIGIBLE, SELLABLE = (
    "gross", "project", "negative", "estimated", "uncertain", "ineligible", "sellable",
)  # fmt: skip
STEPS = (GROSS, PROJECT, NEGATIVE, ESTIMATED, UNCERTAIN, INELIGIBLE, SELLABLE)
_EXACT = Context(prec=60)  # sums of some hundred doubles, to the last digit


@dataclass(frozen=True)
class LineMonth:
    """A line's month.

    Parameters
    ----------
    gross_kg, project_kg
        Avoided emissions BE and emissions of the project PE + LE, kgCO2e.
    reduction_kg
        R = BE - PE - LE, kgCO2e, as the ledger has it.
    cf, cf_sure
        CF(u), and what it would be if nothing were estimated; ratios, ``cf_sure`` >= ``cf``.
    eligible
        Whether a methodology applies to the line (flag_k).
    """

    gross_kg: float
    project_kg: float
    reduction_kg: float
    cf: float
    cf_sure: float
    eligible: bool


def waterfall(months: Iterable[LineMonth]) -> dict[str, Decimal]:
    """Return the steps from gross to sellable, kgCO2e with their sign.

    Parameters
    ----------
    months
        Every line and month that is known.

    Returns
    -------
    dict
        By step of `STEPS`. gross = Σ BE; project = Σ R - Σ BE; negative = Σ max(0, R) - Σ R: a
        month that adds emissions counts as nothing, it is not carried on; estimated = what CF(u)
        takes more because data are estimated; uncertain = what it takes anyway; ineligible = what
        no methodology applies to; sellable = Σ flag · max(0, R) · CF(u). The first six add up to
        the last, exactly.
    """
    totals = [Decimal(0)] * 6
    for one in months:
        gross, reduction = _exact(one.gross_kg), _exact(one.reduction_kg)
        kept = max(reduction, Decimal(0))
        cf, sure = _exact(one.cf), _exact(one.cf_sure)
        credited = _EXACT.multiply(kept, cf)
        less = _EXACT.multiply(kept, _EXACT.subtract(sure, cf))
        for at, value in enumerate(
            (gross, reduction, kept, _EXACT.subtract(kept, less), credited,
             credited if one.eligible else Decimal(0))
        ):  # fmt: skip
            totals[at] = _EXACT.add(totals[at], value)
    steps = [totals[0]]
    steps += [_EXACT.subtract(totals[at], totals[at - 1]) for at in range(1, 6)]
    return dict(zip(STEPS, [*steps, totals[5]], strict=True))


def _exact(value: float) -> Decimal:
    return Decimal(repr(float(value)))
