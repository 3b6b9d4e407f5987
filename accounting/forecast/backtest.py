"""Rolling-origin backtests: what a model would have said, and how far off it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from accounting.forecast.intervals import LEAST_ERRORS, Errors, corrected, half_widths
from accounting.forecast.models import YEAR, CannotFit, Model, Values

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Course:
    """A series at equal steps, oldest first.

    Parameters
    ----------
    values
        One for every step; where nothing was observed, what stands in for it.
    observed
        Whether a step was observed: what stands in is no target and no error.
    season
        Steps of a season: 12 for months, 1 for none.
    """

    values: Values
    observed: Flags
    season: int = 1

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def log(self) -> bool:
        """Whether errors are ratios: only a series that is positive everywhere has them."""
        return bool(np.all(self.values > 0))


def filled(values: Sequence[float | None], season: int = 1) -> Course:
    """Return a series with gaps as one without: a gap carries the last value on, unobserved.

    Parameters
    ----------
    values
        By step; None where nothing is known. Leading gaps are left out.
    season
        As of `Course`.

    Returns
    -------
    Course
        Empty where nothing is known at all.
    """
    known = [value is not None and math.isfinite(value) for value in values]
    if True not in known:
        return Course(np.array([]), np.array([], dtype=bool), season)
    first = known.index(True)
    carried: list[float] = []
    for value, here in zip(values[first:], known[first:], strict=True):
        carried.append(float(value) if here and value is not None else carried[-1])
    return Course(np.array(carried), np.array(known[first:]), season)


@dataclass(frozen=True)
class Backtest:
    """What a model said at each origin of the past, beside what came.

    Parameters
    ----------
    model
        Its name.
    origins
        How many steps were known, shape (n,).
    said, came
        Shape (n, horizon), in the unit of the series; ``came`` is NaN where nothing was observed.
    scale
        Mean one-step error of the naive forecast (of the season) in what was known, shape (n,).
    log
        Whether errors are differences of logarithms.
    """

    model: str
    origins: Values
    said: Values
    came: Values
    scale: Values
    log: bool

    @cached_property
    def errors(self) -> Values:
        """Signed errors, came - said, on the scale of the intervals, shape (n, horizon)."""
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.log(self.came) - np.log(np.maximum(self.said, 0.0))
            return np.where(np.isinf(ratio), np.nan, ratio)
        return self.came - self.said

    @cached_property
    def losses(self) -> Values:
        """Mean absolute error of each origin over its scale, shape (n,); NaN where none came."""
        with np.errstate(invalid="ignore", divide="ignore"):
            apart = np.abs(self.came - self.said)
            counted = np.sum(~np.isnan(apart), axis=1)
            total = np.nansum(apart, axis=1)
            return np.where(counted > 0, total / counted / self.scale, np.nan)

    @property
    def mase(self) -> float | None:
        """Mean absolute scaled error over all origins; None where no target came."""
        known = self.losses[np.isfinite(self.losses)]
        return float(known.mean()) if len(known) else None

    @property
    def smape_pct(self) -> float | None:
        """Symmetric mean absolute percentage error, percent; None where no target came."""
        size = np.abs(self.came) + np.abs(self.said)
        with np.errstate(invalid="ignore", divide="ignore"):
            parts = 200.0 * np.abs(self.came - self.said) / size
        known = parts[np.isfinite(parts)]
        return float(known.mean()) if len(known) else None

    @property
    def complete(self) -> int:
        """How many origins have every target observed."""
        return int(np.sum(~np.isnan(self.came).any(axis=1)))

    def by_horizon(self) -> list[Errors]:
        """Return the absolute errors of every horizon, those that came."""
        found = []
        for at in range(self.errors.shape[1]):
            sizes = np.abs(self.errors[:, at])
            here = ~np.isnan(sizes)
            found.append(Errors(self.origins[here], sizes[here]))
        return found

    def at(self, origins: Values) -> Backtest:
        """Return the backtest of some of its origins alone."""
        here = np.isin(self.origins, origins)
        return Backtest(self.model, self.origins[here], self.said[here], self.came[here],
                        self.scale[here], self.log)  # fmt: skip


def backtest(course: Course, name: str, model: Model, horizon: int, least: int) -> Backtest:
    """Return what a model would have said at every step of a series.

    Parameters
    ----------
    course
        The series.
    name, model
        What forecasts.
    horizon
        Steps ahead.
    least
        Steps known at the first origin.

    Returns
    -------
    Backtest
        Without the origins at which the model cannot be fitted.
    """
    target = np.where(course.observed, course.values, np.nan)
    origins, said, came, scale = [], [], [], []
    for known in range(least, len(course)):
        try:
            made = model(course.values[:known], horizon)
        except CannotFit:
            continue
        then = np.full(horizon, np.nan)
        seen = target[known : known + horizon]
        then[: len(seen)] = seen
        origins.append(known)
        said.append(made)
        came.append(then)
        scale.append(_scale(course, known))
    shape = (len(origins), horizon)
    return Backtest(name, np.array(origins, dtype=float), np.reshape(said, shape),
                    np.reshape(came, shape), np.array(scale, dtype=float), course.log)  # fmt: skip


def _scale(course: Course, known: int) -> float:
    """Return the mean step of what was known: of the season where there are two of them."""
    season = course.season if known > course.season + 1 else 1
    steps = np.abs(course.values[season:known] - course.values[: known - season])
    size = float(steps.mean()) if len(steps) else math.nan
    return size if size > 0 else math.nan  # a series that never moved scales nothing


@dataclass(frozen=True)
class Coverage:
    """Which share of past intervals held their target: n intervals of a nominal level."""

    level: float
    share: float | None
    count: int


def coverage(past: Backtest, level: float, half_life: float) -> tuple[Coverage, list[list[bool]]]:
    """Return the realised coverage of intervals made only of what was known at each origin.

    Parameters
    ----------
    past
        A model's backtest.
    level
        Nominal coverage, 0 to 1.
    half_life
        Steps after which an error counts half.

    Returns
    -------
    tuple
        The coverage, share None without any interval; and by horizon whether each interval whose
        target came missed it, oldest first, for the next interval's correction.
    """
    errors = past.by_horizon()
    horizon = past.errors.shape[1]
    missed: list[list[tuple[int, bool]]] = [[] for _ in range(horizon)]
    for at, origin in enumerate(past.origins.astype(int)):
        wanted = [
            corrected(level, [bad for then, bad in missed[h] if then + h + 1 <= origin])
            for h in range(horizon)
        ]
        widths = half_widths(errors, origin, wanted, half_life)
        for h in range(horizon):
            size = abs(past.errors[at, h])
            if not math.isnan(size) and not math.isnan(widths[h]) and _enough(errors, h, origin):
                missed[h].append((origin, bool(size > widths[h])))
    flat = [bad for row in missed for _, bad in row]
    share = 1.0 - sum(flat) / len(flat) if flat else None
    return Coverage(level, share, len(flat)), [[bad for _, bad in row] for row in missed]


def _enough(errors: Sequence[Errors], at: int, origin: int) -> bool:
    """Tell whether the first horizon had enough errors then: a guess of three says nothing."""
    return len(errors[0].known_at(origin, 1).sizes) >= LEAST_ERRORS


def better_p(reference: Backtest, challenger: Backtest) -> float | None:
    """Return the one-sided p-value that a challenger's loss is lower by chance alone.

    Parameters
    ----------
    reference, challenger
        Backtests at the same origins.

    Returns
    -------
    float or None
        Of Diebold and Mariano's statistic with the long-run variance of Newey and West up to lag
        horizon - 1, and the small-sample factor of Harvey, Leybourne and Newbold; None where the
        losses do not differ or too few are known.

    References
    ----------
    F. X. Diebold and R. S. Mariano, J. Business & Economic Statistics 13 (1995);
    D. Harvey et al., Int. J. Forecasting 13 (1997).
    """
    gained = reference.losses - challenger.losses
    gained = gained[np.isfinite(gained)]
    count, horizon = len(gained), reference.said.shape[1]
    if count < 3:
        return None
    apart = gained - gained.mean()
    variance = float(apart @ apart) / count
    for lag in range(1, min(horizon, count)):
        weight = 1.0 - lag / horizon
        variance += 2.0 * weight * float(apart[lag:] @ apart[:-lag]) / count
    small = (count + 1 - 2 * horizon + horizon * (horizon - 1) / count) / count
    if variance <= 0.0 or small <= 0.0:
        return None
    statistic = gained.mean() / math.sqrt(variance / count) * math.sqrt(small)
    return 1.0 - NormalDist().cdf(statistic)


def seasonal(months: int) -> int:
    """Return the season of a monthly series: a year, once there are two of them."""
    return YEAR if months >= 2 * YEAR else 1
