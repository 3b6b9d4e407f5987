"""Scenarios of what reductions could earn: the stored joint paths under other assumptions.

No quantile is ever multiplied: a scenario scales the paths, and its quantiles are of what each
path earns (accounting.md §11; engineering notes of the forecasts, §5.4 and §5.6).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from accounting.forecast.models import YEAR, Values
from accounting.forecast.paths import PATHS, Earned, earned, price_paths, reduction_paths
from accounting.forecast.run import REVENUE_MONTHS, Basis

LOW, MIDDLE, HIGH = 0.10, 0.50, 0.90
PRICE_CNY_PER_T = (10.0, 300.0)
GROWTH_PCT = (-20.0, 30.0)
RATIO = (0.0, 1.0)
_CLOSE_CNY = 0.005  # a break-even price is as exact as money is
_MOST_STEPS = 200


@dataclass(frozen=True)
class Choice:
    """The assumptions of a scenario.

    Parameters
    ----------
    price_cny_per_t
        Mean CCER price that the price paths swing around, CNY/t.
    growth_pct
        Growth of the mass dismantled a year, percent, from the year after the last known month.
    ratio
        Issued per creditable tonne, 0 to 1.

    Raises
    ------
    ValueError
        One lies outside of what the sliders allow.
    """

    price_cny_per_t: float
    growth_pct: float
    ratio: float

    def __post_init__(self) -> None:
        for name, (low, high) in (
            ("price_cny_per_t", PRICE_CNY_PER_T), ("growth_pct", GROWTH_PCT), ("ratio", RATIO),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name}: {getattr(self, name)}")


@dataclass(frozen=True)
class Band:
    """The tenth, fiftieth and ninetieth percentile of what paths come to."""

    p10: float
    p50: float
    p90: float

    @classmethod
    def of(cls, drawn: Values) -> Band:
        """Return the band of one number a path."""
        low, middle, high = np.quantile(drawn, (LOW, MIDDLE, HIGH))
        return cls(float(low), float(middle), float(high))


@dataclass(frozen=True)
class Drawn:
    """The joint paths of a run, drawn once and scaled for every scenario.

    Parameters
    ----------
    basis
        What they are drawn from.
    months
        The months ahead, ``2026-11``.
    reductions_kgco2e
        Line to shape (paths, months).
    prices
        Ratio of the month's price to the last known one, same shape; None without prices.
    """

    basis: Basis
    months: tuple[str, ...]
    reductions_kgco2e: Mapping[str, Values]
    prices: Values | None


@dataclass(frozen=True)
class Outcome:
    """What a scenario comes to; everything is potential but ``issuable_cny`` (D-7).

    Parameters
    ----------
    year
        The last whole year ahead.
    until
        The last month of the horizon.
    reduction_t
        Reduction of that year, tCO2e.
    year_cny
        Revenue of that year before cost, CNY; None without prices, as everything in money.
    gross_cny, net_cny
        Revenue of the whole horizon before and after cost, CNY.
    issued_t
        Credits issued over the horizon, t.
    issuable_cny
        Revenue of the lines to which a methodology applies, CNY; 0 where there is none.
    break_even_cny_per_t
        The mean price at which half of the paths pay their cost, CNY/t; None where no price does.
    by_line_cny
        Line to its share of the mean of ``gross_cny``; they add up.
    years_t
        Whole year ahead to the median of its reduction, tCO2e.
    """

    year: int
    until: str
    reduction_t: Band
    issued_t: Band
    year_cny: Band | None = None
    gross_cny: Band | None = None
    net_cny: Band | None = None
    issuable_cny: Band | None = None
    break_even_cny_per_t: float | None = None
    by_line_cny: Mapping[str, float] = field(default_factory=dict)
    years_t: Mapping[int, float] = field(default_factory=dict)


def drawn(basis: Basis, paths: int = PATHS, months: int = REVENUE_MONTHS) -> Drawn:
    """Return the joint paths of a run, the same ones that its forecasts were read from.

    Parameters
    ----------
    basis
        What they are drawn from, with the stored seed.
    paths, months
        How many and how far.
    """
    last = int(basis.origin[:4]) * YEAR + int(basis.origin[5:7]) - 1
    labels = tuple(f"{at // YEAR}-{at % YEAR + 1:02d}" for at in range(last + 1, last + 1 + months))
    prices = None
    if basis.weekly_cny_per_t:
        walked = price_paths(basis.weekly_cny_per_t, months, paths, basis.seed)
        prices = walked / basis.weekly_cny_per_t[-1]
    return Drawn(basis, labels, reduction_paths(basis.lines, months, paths, basis.seed), prices)


def outcome(found: Drawn, choice: Choice, eligible: Collection[str] = ()) -> Outcome:
    """Return what a scenario comes to.

    Parameters
    ----------
    found
        The joint paths.
    choice
        The assumptions.
    eligible
        Lines to which a methodology applies; what they earn is issuable, the rest potential.

    Returns
    -------
    Outcome
        Reductions grow with the mass: R (1 + g)^(year - year of the last known month). The price
        of a month is the chosen mean times what the path's price is of the last known one, so
        that without variance revenue is quantity times price. Costs are those of the run.

    References
    ----------
    accounting.md §11, D-7; engineering notes of the forecasts, §5.6.
    """
    reductions = grown(found, choice.growth_pct)
    years = [int(month[:4]) for month in found.months]
    whole = [year for year in dict.fromkeys(years) if years.count(year) == YEAR]
    year = whole[-1] if whole else years[-1]
    within = np.array(years) == year
    together = np.sum(list(reductions.values()), axis=0) / 1000.0
    tonnes = together[:, within].sum(axis=1)
    by_year = {one: float(np.median(together[:, np.array(years) == one].sum(axis=1)))
               for one in whole}  # fmt: skip
    schedule = replace(found.basis.schedule, issuance_ratio=choice.ratio)
    shape = next(iter(reductions.values())).shape
    unit = np.ones(shape) if found.prices is None else found.prices
    at_one = earned(reductions, unit, replace(schedule, variable_cny_per_t=0.0), found.basis.seed)
    known = Outcome(
        year, found.months[-1], Band.of(tonnes), Band.of(at_one.issued_t.sum(axis=1)),
        years_t=by_year,
    )  # fmt: skip
    if found.prices is None:
        return known
    price = choice.price_cny_per_t
    gross = at_one.gross_cny * price
    cost = at_one.gross_cny - at_one.net_cny + at_one.issued_t * schedule.variable_cny_per_t
    return replace(
        known,
        year_cny=Band.of(gross[:, within].sum(axis=1)),
        gross_cny=Band.of(gross.sum(axis=1)),
        net_cny=Band.of((gross - cost).sum(axis=1)),
        issuable_cny=_issuable(reductions, unit, found, choice, eligible),
        break_even_cny_per_t=break_even(at_one.gross_cny.sum(axis=1), cost.sum(axis=1)),
        by_line_cny={
            line: float(part.sum(axis=1).mean() * price)
            for line, part in at_one.by_entity_cny.items()
        },
    )


def grown(found: Drawn, growth_pct: float) -> dict[str, Values]:
    """Return reductions whose mass grows from the year after the last known month, kgCO2e."""
    ahead = np.array([int(month[:4]) for month in found.months]) - int(found.basis.origin[:4])
    factor = (1.0 + growth_pct / 100.0) ** ahead
    return {line: values * factor for line, values in found.reductions_kgco2e.items()}


def _issuable(
    reductions: Mapping[str, Values], unit: Values, found: Drawn, choice: Choice,
    eligible: Collection[str],
) -> Band:  # fmt: skip
    own = {line: values for line, values in reductions.items() if line in eligible}
    if not own:
        return Band(0.0, 0.0, 0.0)
    schedule = replace(found.basis.schedule, issuance_ratio=choice.ratio)
    made: Earned = earned(own, unit, schedule, found.basis.seed)
    return Band.of(made.gross_cny.sum(axis=1) * choice.price_cny_per_t)


def break_even(gross_at_one: Values, cost_cny: Values) -> float | None:
    """Return the mean price at which half of the paths pay their cost.

    Parameters
    ----------
    gross_at_one
        What each path earns at a mean price of 1 CNY/t, CNY, shape (paths,).
    cost_cny
        What each path costs, CNY, same shape.

    Returns
    -------
    float or None
        CNY/t. Where all paths cost the same: cost / median of ``gross_at_one``; else by
        bisection of the median of price x gross - cost on the same paths, which rises with the
        price. None where half of the paths never earn anything.
    """
    middle = float(np.median(gross_at_one))
    if middle <= 0.0:
        return None
    if np.ptp(cost_cny) == 0.0:
        return float(cost_cny[0]) / middle
    low, high = 0.0, 1.0
    while np.median(high * gross_at_one - cost_cny) < 0.0:
        low, high = high, 2.0 * high
        if high > 1e9:
            return None
    for _ in range(_MOST_STEPS):
        if high - low <= _CLOSE_CNY:
            break
        price = (low + high) / 2.0
        if np.median(price * gross_at_one - cost_cny) < 0.0:
            low = price
        else:
            high = price
    return high
