"""CCER: creditable and issued tonnes, revenue, offset outlook, prices (M9, §11, D-7, R23)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise

import numpy as np
import pandas as pd

from accounting.allocation import shared_sources
from accounting.amount import MEASURED, NULL, Amount, flag_names, nothing, scaled
from accounting.factors import FactorLibrary
from accounting.formulas import formula
from accounting.inputs import LINES, Grain
from accounting.ledger import Figure, TermRow, indicators, terms_by_period
from accounting.uncertainty import conservativeness, figure_pct, lognormal_interval

KG_PER_T = 1000.0
OFFSET_CAP = 0.05
LEAST_SD = 0.05
LONGEST_MONTHS = 12


@dataclass(frozen=True)
class Revenue:
    """What a reduction earns; None where it is not known.

    Parameters
    ----------
    creditable_t
        Creditable reduction, tCO2e.
    issued_t
        Credits issued, whole t.
    gross_cny, net_cny
        Before and after cost, CNY without VAT.
    """

    creditable_t: float | None
    issued_t: int | None
    gross_cny: float | None
    net_cny: float | None


@dataclass(frozen=True)
class Offset:
    """Demand and supply of the outlook ring (5.7 f); None where it is not known.

    Parameters
    ----------
    demand_cap_t
        What may be offset in a year, t.
    supply_t
        Registered reductions, t.
    gap_t
        What of the cap no supply meets, t.
    cover
        supply / cap, ratio; more than 1 where supply exceeds the cap.
    """

    demand_cap_t: float | None
    supply_t: float | None
    gap_t: float | None
    cover: float | None


def eligible(settings: Mapping[str, object], source: str) -> bool:
    """Tell whether a methodology applies to a source: flag_k (§11, D-7), default no.

    Parameters
    ----------
    settings
        Of the site: ``creditable_<source>``, and ``creditable`` for all lines at once.
    source
        A line, or pv, charger, heat_pump.
    """
    return bool(settings.get(f"creditable_{source}")) or (
        source in LINES and bool(settings.get("creditable"))
    )


def creditable(grain: Grain, reduction: Amount, library: FactorLibrary, line: str) -> Amount:
    """Return the creditable reduction of a line, t (R23): 0 without a methodology (D-7).

    Parameters
    ----------
    grain
        The month as one period.
    reduction
        R of the line, kgCO2e.
    library
        The factors, for the reduction's uncertainty.
    line
        Which line.

    Returns
    -------
    Amount
        max(0, R / 1000) CF(u); null where R is null.
    """
    if not eligible(grain.setting, line):
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
    return scaled(reduction, np.array([_cf(u) / KG_PER_T]))


def _cf(u_pct: float | None) -> float:
    """Return CF(u); what has no known uncertainty counts as the least certain."""
    return conservativeness(math.inf if u_pct is None else u_pct)


def revenue(
    reduction_t: float | None,
    u_pct: float | None,
    *,
    eligible: bool,
    price_cny_per_t: float | None,
    issuance_ratio: float,
    fixed_cny: float,
    variable_cny_per_t: float,
) -> Revenue:
    """Return what a reduction is issued and earns (M9-1 to M9-4).

    Parameters
    ----------
    reduction_t
        R = BE - PE - LE, tCO2e; None where it is not known.
    u_pct
        Half-width of its 95 % interval, percent; None counts as the least certain.
    eligible
        Whether a methodology applies (D-7).
    price_cny_per_t
        CNY/t; None without trade.
    issuance_ratio
        Issued per creditable tonne, 0 to 1.
    fixed_cny
        Design, validation and verification, CNY.
    variable_cny_per_t
        CNY per issued tonne.

    Returns
    -------
    Revenue
        creditable = max(0, R) CF(u), t; issued = floor(creditable r), t; gross = issued price,
        CNY; net = gross - fixed - issued variable, CNY. An ineligible reduction is credited 0,
        known or not (R23); else an unknown one leaves everything unknown. An unknown price
        leaves the tonnes known and the money unknown.

    Raises
    ------
    ValueError
        The reduction or price is not finite, the price or uncertainty negative, or the issuance
        ratio not within 0 and 1.

    References
    ----------
    accounting.md §11, §15 M9-1 to M9-4, R23.
    """
    _refuse(reduction_t, price_cny_per_t, issuance_ratio)
    credited = _creditable_t(reduction_t, u_pct, eligible=eligible)
    if credited is None:
        return Revenue(None, None, None, None)
    issued = int((credited * _text(issuance_ratio)).to_integral_value(ROUND_FLOOR))
    if price_cny_per_t is None:
        return Revenue(float(credited), issued, None, None)
    gross = issued * price_cny_per_t
    net = gross - fixed_cny - issued * variable_cny_per_t
    return Revenue(float(credited), issued, gross, net)


def _refuse(
    reduction_t: float | None, price_cny_per_t: float | None, issuance_ratio: float
) -> None:
    """Raise ValueError on what can be no reduction, price or ratio; None is not known."""
    if not 0.0 <= issuance_ratio <= 1.0:
        raise ValueError(f"not an issuance ratio: {issuance_ratio}")
    if price_cny_per_t is not None and not 0.0 <= price_cny_per_t < math.inf:
        raise ValueError(f"not a price: {price_cny_per_t}")
    if reduction_t is not None and not math.isfinite(reduction_t):
        raise ValueError(f"not a reduction: {reduction_t}")


def _creditable_t(
    reduction_t: float | None, u_pct: float | None, *, eligible: bool
) -> Decimal | None:
    """Return max(0, R) CF(u), t, by decimal text: binary noise must not cost a whole credit."""
    if not eligible:
        return Decimal(0)
    if reduction_t is None:
        return None
    return max(Decimal(0), _text(reduction_t)) * _text(_cf(u_pct))


def _text(number: float) -> Decimal:
    """Return a number as the decimal that it prints as."""
    return Decimal(repr(float(number)))


def offset(covered_t: float | None, supply_t: float | None, cap: float = OFFSET_CAP) -> Offset:
    """Return how much of what may be offset the registered supply meets (M9-6).

    Parameters
    ----------
    covered_t
        Obligations of the covered emitters in a year, t; None where not known.
    supply_t
        Registered reductions, t; None where not known.
    cap
        Share of the obligations that credits may settle, ratio.

    Returns
    -------
    Offset
        demand_cap = cap covered, t; gap = max(0, demand_cap - supply), t; cover =
        supply / demand_cap, None where nothing may be offset.

    Raises
    ------
    ValueError
        A quantity is negative or not finite, or the cap not within 0 and 1.

    References
    ----------
    accounting.md §9 5.7 f, §11, §15 M9-6; 碳排放权交易管理办法(试行) Art. 29.
    """
    if not 0.0 <= cap <= 1.0:
        raise ValueError(f"not a share: {cap}")
    for tonnes in (covered_t, supply_t):
        if tonnes is not None and not 0.0 <= tonnes < math.inf:
            raise ValueError(f"not a quantity: {tonnes}")
    demand_cap_t = None if covered_t is None else cap * covered_t
    if demand_cap_t is None or supply_t is None:
        return Offset(demand_cap_t, supply_t, None, None)
    cover = supply_t / demand_cap_t if demand_cap_t else None
    return Offset(demand_cap_t, supply_t, max(0.0, demand_cap_t - supply_t), cover)


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


def price_volatility(months: Mapping[str, float | None]) -> float | None:
    """Return the relative standard deviation of the price from a month to the next (M9-8).

    Parameters
    ----------
    months
        Month, ``2026-07``, to its average price, CNY/t, in any order; None without trade.

    Returns
    -------
    float or None
        max(sample sd of ln(P_t / P_t-1), 0.05), ratio per month, over *adjacent* months only: a
        gap gives no return. None with fewer than two returns, which have no deviation.

    Raises
    ------
    ValueError
        A price is not positive and finite, or a month is not written as one.

    References
    ----------
    accounting.md §11, §15 M9-8 (not MAD: two flat months make it 0.012).
    """
    prices = {_month_number(m): price for m, price in months.items() if price is not None}
    for price in prices.values():
        if not 0.0 < price < math.inf:
            raise ValueError(f"not a price: {price}")
    returns = [
        math.log(prices[now] / prices[before])
        for before, now in pairwise(sorted(prices))
        if now == before + 1
    ]
    if len(returns) < 2:
        return None
    return max(float(np.std(returns, ddof=1)), LEAST_SD)


def _month_number(month: str) -> int:
    """Return a month's place in time, so that adjacent months differ by one."""
    first = date.fromisoformat(f"{month}-01")
    return first.year * 12 + first.month


def price_interval(
    price_cny_per_t: float, sd_month: float, horizon_months: int
) -> tuple[float, float, float]:
    """Return the closed-form 90 % interval of a price some months ahead (M9-8).

    Parameters
    ----------
    price_cny_per_t
        The last monthly average, CNY/t: the price has no drift.
    sd_month
        Relative standard deviation per month, ratio.
    horizon_months
        Months ahead, 1 to 12.

    Returns
    -------
    tuple of float
        P5, P50 and P95, CNY/t: P exp(-+1.645 sd sqrt(h)) and P itself.

    Raises
    ------
    ValueError
        The horizon is not within 1 and 12, or the deviation negative or not a number.

    References
    ----------
    accounting.md §11, §15 M9-8.
    """
    if not 1 <= horizon_months <= LONGEST_MONTHS:
        raise ValueError(f"not a horizon of 1 to {LONGEST_MONTHS} months: {horizon_months}")
    if not sd_month >= 0.0:
        raise ValueError(f"not a deviation: {sd_month}")
    low, high = lognormal_interval(price_cny_per_t, 0.0, (sd_month * math.sqrt(horizon_months),))
    return low, price_cny_per_t, high
