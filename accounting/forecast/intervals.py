"""Prediction intervals from past errors: weighted split-conformal, corrected as it goes.

References
----------
G. Shafer and V. Vovk, A tutorial on conformal prediction, JMLR 9 (2008); R. F. Barber et al.,
Conformal prediction beyond exchangeability, Annals of Statistics 51 (2023), weights;
I. Gibbs and E. Candès, Adaptive conformal inference under distribution shift, NeurIPS 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from accounting.forecast.models import Values

LEVELS = (0.50, 0.80, 0.95)
LEAST_ERRORS = 8
GAMMA = 0.02
_NORMAL = NormalDist()
_FURTHEST = 0.999  # no correction asks for certainty


@dataclass(frozen=True)
class Errors:
    """Errors of past forecasts at one horizon, oldest first.

    Parameters
    ----------
    origins
        The step each forecast was made at.
    sizes
        |error|, on the scale of the interval (log or the unit itself), same length.
    """

    origins: Values
    sizes: Values

    def known_at(self, step: int, horizon: int) -> Errors:
        """Return the errors whose target had been seen at a step."""
        seen = self.origins + horizon <= step
        return Errors(self.origins[seen], self.sizes[seen])


def half_width(errors: Errors, now: int, level: float, half_life: float) -> float:
    """Return the half-width that a share of the next errors stays within.

    Parameters
    ----------
    errors
        At one horizon, known now.
    now
        The step of the new forecast's origin.
    level
        Share to be covered, 0 to 1.
    half_life
        After how many steps an error counts half.

    Returns
    -------
    float
        The smallest |error| q with weight(|e| <= q) >= level, the coming error itself counting as
        beyond all (the n + 1 correction). Where so few errors cannot say it, the largest one,
        stretched as a normal distribution would be. NaN without any error.
    """
    if not len(errors.sizes):
        return math.nan
    order = np.argsort(errors.sizes, kind="stable")
    weights = 0.5 ** ((now - errors.origins[order]) / half_life)
    shares = np.cumsum(weights) / (weights.sum() + 1.0)
    reached = np.flatnonzero(shares >= level - 1e-12)
    sizes = errors.sizes[order]
    if len(reached):
        return float(sizes[reached[0]])
    return float(sizes[-1]) * _ratio(level, float(shares[-1]))


def _ratio(level: float, reached: float) -> float:
    """Return how much wider a normal distribution is at a level than at what was reached."""
    return _quantile(level) / max(_quantile(reached), 1e-9)


def _quantile(level: float) -> float:
    return _NORMAL.inv_cdf(0.5 + 0.5 * min(level, _FURTHEST))


def half_widths(
    errors: Sequence[Errors], now: int, level: Sequence[float], half_life: float
) -> Values:
    """Return half-widths of every horizon, none narrower than the one before.

    Parameters
    ----------
    errors
        By horizon from 1 on; those whose target is not seen yet are left out.
    now
        The step of the new forecast's origin.
    level
        By horizon: the share to be covered, corrected by `corrected`.
    half_life
        As of `half_width`.

    Returns
    -------
    ndarray
        By horizon. Where fewer than eight errors are known, the half-width of the horizon before
        times the square root of h / (h - 1). NaN where none is known at the first horizon.
    """
    found: list[float] = []
    for at, (past, wanted) in enumerate(zip(errors, level, strict=True)):
        horizon, known = at + 1, past.known_at(now, at + 1)
        if len(known.sizes) >= LEAST_ERRORS or not found:
            width = half_width(known, now, wanted, half_life)
        else:
            width = found[-1] * math.sqrt(horizon / (horizon - 1))
        found.append(max(width, found[-1]) if found else width)
    return np.array(found)


def corrected(level: float, missed: Sequence[bool], gamma: float = GAMMA) -> float:
    """Return the level to ask for so that the realised coverage comes to the nominal one.

    Parameters
    ----------
    level
        Nominal coverage, 0 to 1.
    missed
        Whether each past interval missed its target, oldest first.
    gamma
        How much one miss counts.

    Returns
    -------
    float
        1 - alpha, alpha stepped by gamma (alpha_nominal - miss), kept within 0.01 and 0.999.
    """
    alpha = 1.0 - level
    now = alpha
    for one in missed:
        now += gamma * (alpha - float(one))
    return float(np.clip(1.0 - now, 0.01, _FURTHEST))
