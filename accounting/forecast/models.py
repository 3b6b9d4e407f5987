"""Point forecasts of a series from its own past (accounting.md §11, 5.7 e, 5.7 a)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Model = Callable[[Values, int], Values]
YEAR = 12  # months of a season
RUN = 12  # months of a run rate
LEAST_GROWTH, MOST_GROWTH = (
    0.5,
    2.0,
)  # a line that began in the middle of a year grows no hundredfold


class CannotFit(Exception):
    """A model has too little history, or found no parameters."""


def naive(history: Values, horizon: int) -> Values:
    """Return the last value for every step.

    Parameters
    ----------
    history
        Values at equal steps, oldest first, in any unit.
    horizon
        How many steps ahead.

    Returns
    -------
    ndarray
        ``horizon`` values in the unit of the history.
    """
    return np.full(horizon, history[-1])


def drift(history: Values, horizon: int) -> Values:
    """Return the last value moved on by the mean step; parameters as of `naive`.

    Raises
    ------
    CannotFit
        Fewer than two values.
    """
    _need(history, 2)
    step = (history[-1] - history[0]) / (len(history) - 1)
    steps: Values = history[-1] + step * np.arange(1, horizon + 1)
    return steps


def run_rate(history: Values, horizon: int) -> Values:
    """Return the mean of the last twelve values, or of all there are; parameters as of `naive`."""
    return np.full(horizon, float(np.mean(history[-RUN:])))


def seasonal_naive(history: Values, horizon: int) -> Values:
    """Return the value of the same month a year before; parameters as of `naive`.

    Raises
    ------
    CannotFit
        Less than a year.
    """
    _need(history, YEAR)
    return np.resize(history[-YEAR:], horizon)


def seasonal_growth(history: Values, horizon: int) -> Values:
    """Return the same month a year before, times how the last year stands to the one before.

    Parameters
    ----------
    history, horizon
        As of `naive`.

    Returns
    -------
    ndarray
        The growth is applied once a year and kept within 0.5 and 2; it is 1 where the earlier
        year's sum is not positive.

    Raises
    ------
    CannotFit
        Less than two years.
    """
    _need(history, 2 * YEAR)
    last, before = history[-YEAR:].sum(), history[-2 * YEAR : -YEAR].sum()
    growth = (
        float(np.clip(last / before, LEAST_GROWTH, MOST_GROWTH)) if min(last, before) > 0 else 1
    )
    years = np.arange(horizon) // YEAR + 1
    return seasonal_naive(history, horizon) * growth**years


def theta(history: Values, horizon: int) -> Values:
    """Return the forecast of the Theta method (statsmodels); parameters as of `naive`.

    Raises
    ------
    CannotFit
        Fewer than eight values, or no parameters were found.
    """
    _need(history, 8)
    from statsmodels.tsa.forecasting.theta import ThetaModel  # type: ignore[import-untyped]

    seasonal = len(history) >= 3 * YEAR and bool(np.all(history > 0))

    def fitted() -> Values:
        model = ThetaModel(history, period=YEAR, deseasonalize=seasonal, method="additive")
        return np.asarray(model.fit().forecast(horizon), dtype=float)

    return _quietly(fitted)


def theta_plain(history: Values, horizon: int) -> Values:
    """Return the forecast of the Theta method without a season; as of `theta`.

    Raises
    ------
    CannotFit
        Fewer than eight values, or no parameters were found.
    """
    _need(history, 8)
    from statsmodels.tsa.forecasting.theta import ThetaModel

    def fitted() -> Values:
        model = ThetaModel(history, period=1, deseasonalize=False)
        return np.asarray(model.fit().forecast(horizon), dtype=float)

    return _quietly(fitted)


def ets(history: Values, horizon: int) -> Values:
    """Return the forecast of exponential smoothing with a damped trend; as of `naive`.

    The season is additive, from three years of months on.

    Raises
    ------
    CannotFit
        Fewer than ten values, or no parameters were found.
    """
    return _ets(history, horizon, YEAR if len(history) >= 3 * YEAR else 0)


def ets_plain(history: Values, horizon: int) -> Values:
    """Return the forecast of exponential smoothing with a damped trend, no season; as of `ets`.

    Raises
    ------
    CannotFit
        Fewer than ten values, or no parameters were found.
    """
    return _ets(history, horizon, 0)


def _ets(history: Values, horizon: int, season: int) -> Values:
    _need(history, 10)
    from statsmodels.tsa.exponential_smoothing.ets import (  # type: ignore[import-untyped]
        ETSModel,
    )

    def fitted() -> Values:
        model = ETSModel(
            history, error="add", trend="add", damped_trend=True,
            seasonal="add" if season else None, seasonal_periods=season or None,
        )  # fmt: skip
        return np.asarray(model.fit(disp=False).forecast(horizon), dtype=float)

    return _quietly(fitted)


PRICES: Mapping[str, Model] = {
    "naive": naive, "drift": drift, "theta": theta_plain, "ets": ets_plain,
}  # fmt: skip
REDUCTIONS: Mapping[str, Model] = {
    "run_rate": run_rate, "naive": naive, "seasonal_naive": seasonal_naive,
    "seasonal_growth": seasonal_growth, "theta": theta, "ets": ets,
}  # fmt: skip


def _need(history: Values, least: int) -> None:
    if len(history) < least:
        raise CannotFit(f"{len(history)} < {least}")


def _quietly(fitted: Callable[[], Values]) -> Values:
    """Return what a library fits; its warnings are no output, its failures no traceback."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = fitted()
        except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            raise CannotFit(str(error)) from error
    if not np.all(np.isfinite(found)):
        raise CannotFit("not finite")
    return found
