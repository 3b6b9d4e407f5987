"""Forecasts by themselves: computed in another process, so that no page waits for them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from accounting.forecast.run import Inputs, Results, run
from data.engine import Engine
from data.forecasts import Run, refresh

LONGEST_S = 600


def apart(inputs: Inputs) -> Results:
    """Return what `run` returns, from a process of its own that ends with the answer."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(run, inputs).result(timeout=LONGEST_S)


def refreshed(engine: Engine) -> Run | None:
    """Make the forecasts anew where prices, reductions, plan or settings have changed."""
    return refresh(engine, apart)
