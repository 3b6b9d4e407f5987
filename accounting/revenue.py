"""CCER figures that need no forecast (module M9, accounting.md §11, D-7, R23)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from accounting.allocation import shared_sources
from accounting.amount import MEASURED, NULL, Amount, flag_names, nothing, scaled
from accounting.factors import FactorLibrary
from accounting.formulas import formula
from accounting.inputs import Grain
from accounting.ledger import Figure, TermRow, indicators, terms_by_period
from accounting.uncertainty import conservativeness, figure_pct

KG_PER_T = 1000.0


def creditable(grain: Grain, reduction: Amount, library: FactorLibrary) -> Amount:
    """Return the creditable reduction of a line, t (R23): 0 without a methodology (D-7).

    Parameters
    ----------
    grain
        The month as one period.
    reduction
        R of the line, kgCO2e.
    library
        The factors, for the reduction's uncertainty.

    Returns
    -------
    Amount
        max(0, R / 1000) CF(u); null where R is null.
    """
    if not grain.setting.get("creditable", False):
        return nothing(1, MEASURED)
    if reduction.quality[0] == NULL:
        return replace(nothing(1), flags=reduction.flags)
    if reduction.values[0] <= 0:
        return replace(scaled(reduction, 0.0), terms=())
    flags = flag_names(int(reduction.flags[0]))
    shared = shared_sources(grain.inputs)
    terms = terms_by_period(reduction, notes=False)[0]
    estimated = float(reduction.shares_pct()[1][0])
    u = figure_pct(
        terms,
        library,
        flags=flags,
        estimated_pct=None if estimated != estimated else estimated,
        allocated=shared,
    )
    cf = conservativeness(float("inf") if u is None else u)
    return scaled(reduction, np.array([cf / KG_PER_T]))


def market_month(rows: pd.DataFrame, month: str) -> list[Figure]:
    """Return price and volume of a month and of its days with a row (§9 j, R23).

    Parameters
    ----------
    rows
        date (text), volume_t, turnover_cny, origin; the CCER rows of the month.
    month
        ``2026-07``.

    Returns
    -------
    list of Figure
        ccer_price, CNY/t: turnover over volume, null without trade. ccer_volume, t: null
        without a row, 0 where every row says so.
    """
    found = _market_figures("month", month, rows)
    for day, of_day in rows.groupby("date", sort=True):
        found += _market_figures("day", str(day), of_day)
    return found


def _market_figures(grain: str, period: str, rows: pd.DataFrame) -> list[Figure]:
    volume = math.fsum(rows["volume_t"])
    volumes = tuple(_price_terms(rows, "volume_t", "t", 1.0))
    prices: tuple[TermRow, ...] = ()
    if volume > 0:
        divisor = TermRow("divisor", "price", volume, "t", 0.0, (), "")
        prices = (*_price_terms(rows, "turnover_cny", "CNY", 1.0 / volume), divisor)
    return [
        _market_figure(grain, period, "ccer_price", prices, known=volume > 0),
        _market_figure(grain, period, "ccer_volume", volumes, known=len(rows) > 0),
    ]


def _price_terms(
    rows: pd.DataFrame, column: str, unit: str, coefficient: float
) -> Iterator[TermRow]:
    ordered = rows.sort_values("date")
    for day, number, origin in zip(
        ordered["date"], ordered[column], ordered["origin"], strict=True
    ):
        if number == number and number != 0.0:
            yield TermRow("price", str(day), float(number), unit, coefficient, (), str(origin))


def _market_figure(
    grain: str, period: str, indicator: str, terms: tuple[TermRow, ...], *, known: bool
) -> Figure:
    value = math.fsum(t.quantity * t.coefficient for t in terms if t.kind != "divisor")
    return Figure(
        grain=grain,
        period=period,
        indicator=indicator,
        dimension="market",
        entity="cn",
        value=value if known else None,
        unit=indicators()[indicator, "market"].unit,
        quality="measured" if known else "null",
        measured_pct=None,
        estimated_pct=None,
        flags="",
        formula=formula(indicator, "market"),
        terms=terms,
        basis="ccer",
    )
