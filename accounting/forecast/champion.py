"""Which model forecasts a series: the reference, unless another is better beyond doubt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from accounting.forecast.backtest import (
    Backtest,
    Course,
    backtest,
    better_p,
    coverage,
)
from accounting.forecast.intervals import LEVELS, corrected, half_widths
from accounting.forecast.models import PRICES, REDUCTIONS, YEAR, Model, Values

MARGIN = 0.10
SIGNIFICANT = 0.05
LEAST_COVERAGE = 0.70
STAYS = 3  # months that a champion stays unless the reference is better by the margin
HALF = 0.80


@dataclass(frozen=True)
class Rules:
    """How series of a kind are forecast.

    Parameters
    ----------
    models
        By name, the ones that compete.
    reference
        The name of the one that must be beaten, by how many steps are known; empty for none.
    horizon
        The furthest step that is called a forecast, by how many steps are known; 0 for none.
    least_origins
        Complete origins that a challenger must be judged on.
    least_known
        Steps known at the first origin of the backtest.
    half_life
        Steps after which a past error counts half.
    season
        Steps of a season.
    """

    models: Mapping[str, Model]
    reference: Callable[[int], str]
    horizon: Callable[[int], int]
    least_origins: int
    least_known: int
    half_life: float
    season: int = 1


def _price_weeks(known: int) -> int:
    return 0 if known < 26 else 8 if known < 52 else 13


def _reduction_model(known: int) -> str:
    return "seasonal_growth" if known >= 2 * YEAR else "run_rate"


def _reduction_months(known: int) -> int:
    return 0 if known < 3 else YEAR


PRICE_WEEKS = Rules(PRICES, lambda known: "naive", _price_weeks, 20, 12, 26.0)
PRICE_MONTHS = Rules(PRICES, lambda known: "naive", lambda known: 6 if known >= 12 else 0, 20, 12,
                     12.0)  # fmt: skip
REDUCTION_MONTHS = Rules(REDUCTIONS, _reduction_model, _reduction_months, 12, 6, 12.0, YEAR)
ENTERS = {"ets": 5 * YEAR, "theta": 3 * YEAR}  # months of a reduction before a model may compete


@dataclass(frozen=True)
class Held:
    """The champion that was in force: its name and for how many months."""

    model: str
    months: int


@dataclass(frozen=True)
class Judged:
    """A model as the table of the backtest shows it; None where nothing could be judged."""

    model: str
    mase: float | None
    smape_pct: float | None
    coverage80: float | None
    coverage95: float | None
    intervals: int
    origins: int
    champion: bool
    p_better: float | None = None


@dataclass(frozen=True)
class Fan:
    """A forecast by step ahead.

    Parameters
    ----------
    model
        What made it.
    p50
        The point forecast, in the unit of the series, shape (horizon,).
    low, high
        By nominal level 0.5, 0.8, 0.95, same shape.
    widths
        Half-widths by level on the scale of the errors, same shape; NaN where unknown.
    judged
        Every model that was tried, the champion first.
    reason
        Why no challenger leads, or why there is no forecast: a key of `REASONS`; empty otherwise.
    log
        Whether the half-widths are of logarithms.
    """

    model: str
    p50: Values
    low: Mapping[float, Values]
    high: Mapping[float, Values]
    widths: Mapping[float, Values]
    judged: tuple[Judged, ...]
    reason: str
    log: bool
    past: Backtest | None = None


REASONS: Mapping[str, str] = {
    "short": "历史太短，不作预测",
    "reference": "没有模型显著优于朴素法",
    "season": "不足 24 个月，不用季节模型",
    "still": "序列没有变化，无从检验",
    "untested": "历史还不足以回测，暂用参考模型",
    "no_price": "没有 CCER 价格或不足 26 周，只给减排量、不给金额",
}


def forecast(course: Course, rules: Rules, held: Held | None = None) -> Fan:
    """Return the forecast of a series by the model that the gate lets through.

    Parameters
    ----------
    course
        The series.
    rules
        Of its kind.
    held
        The champion in force, if any.

    Returns
    -------
    Fan
        Without steps where the history is too short (engineering: minimum history).

    References
    ----------
    accounting.md §11; the gate is engineering/forecasting.md §5.3.
    """
    known = len(course)
    horizon = rules.horizon(known)
    name = rules.reference(known)
    if horizon == 0 or not name:
        return Fan("", np.array([]), {}, {}, {}, (), "short", course.log)
    course = replace(course, season=rules.season if known >= 2 * rules.season else 1)
    pasts = {
        key: backtest(course, key, model, horizon, min(rules.least_known, known))
        for key, model in rules.models.items()
        if key == name or _may_enter(rules, key, known)
    }
    chosen, chances = _champion(pasts, name, rules, held)
    base = pasts[name].origins
    judged = [_judged(past, base, rules, chosen, chances.get(key)) for key, past in pasts.items()]
    judged.sort(key=lambda one: (not one.champion, one.mase is None, one.mase or 0.0))
    points = rules.models[chosen](course.values, horizon)
    fan = _fan(points, pasts[chosen], known, rules, log=course.log)
    return replace(fan, judged=tuple(judged), reason=_reason(chosen, name, known, rules, judged))


def _may_enter(rules: Rules, model: str, known: int) -> bool:
    return rules.season == 1 or known >= ENTERS.get(model, 0)


def _reason(chosen: str, reference: str, known: int, rules: Rules, judged: list[Judged]) -> str:
    if chosen != reference:
        return ""
    if rules.season > 1 and known < 2 * rules.season:
        return "season"
    if not any(one.origins for one in judged if one.model == reference):
        return "untested"
    return "reference" if any(one.mase is not None for one in judged) else "still"


def _champion(
    pasts: Mapping[str, Backtest], reference: str, rules: Rules, held: Held | None
) -> tuple[str, dict[str, float | None]]:
    """Return the champion, and how likely each challenger's gain is chance."""
    base, chances, best = pasts[reference], {}, (1.0 - MARGIN, reference)
    for key, past in pasts.items():
        if key == reference:
            continue
        ratio, chances[key], able = _compared(base, past, rules)
        stays = held is not None and held.model == key and held.months < STAYS
        if stays and ratio is not None and ratio <= 1.0 / (1.0 - MARGIN):
            return key, chances
        if able and ratio is not None and ratio <= best[0]:
            best = (ratio, key)
    return best[1], chances


def _compared(
    base: Backtest, past: Backtest, rules: Rules
) -> tuple[float | None, float | None, bool]:
    """Return loss over the reference's, its p-value, and whether it passes the gate."""
    common = np.intersect1d(base.origins, past.origins)
    mine, theirs = past.at(common), base.at(common)
    if mine.mase is None or not theirs.mase:
        return None, None, False
    ratio, chance = mine.mase / theirs.mase, better_p(theirs, mine)
    able = (
        mine.complete >= rules.least_origins
        and ratio <= 1.0 - MARGIN
        and chance is not None
        and chance < SIGNIFICANT
    )
    if able:
        share = coverage(past, HALF, rules.half_life)[0].share
        able = share is not None and share >= LEAST_COVERAGE
    return ratio, chance, able


def _judged(
    past: Backtest, base: Values, rules: Rules, champion: str, chance: float | None
) -> Judged:
    """Return a model's row of the table: its errors where the reference was judged too."""
    same = past.at(base)
    eighty, ninety = (coverage(past, level, rules.half_life)[0] for level in (0.80, 0.95))
    return Judged(
        past.model, same.mase, same.smape_pct, eighty.share, ninety.share, eighty.count,
        len(same.origins), past.model == champion, chance,
    )  # fmt: skip


def _fan(points: Values, past: Backtest, known: int, rules: Rules, *, log: bool) -> Fan:
    errors = past.by_horizon()
    low: dict[float, Values] = {}
    high: dict[float, Values] = {}
    widths: dict[float, Values] = {}
    for level in LEVELS:
        _, missed = coverage(past, level, rules.half_life)
        wanted = [corrected(level, row) for row in missed]
        width = half_widths(errors, known, wanted, rules.half_life)
        widths[level] = np.maximum(width, widths[_before(level)]) if _before(level) else width
        if log:
            low[level], high[level] = (
                points * np.exp(-widths[level]),
                points * np.exp(widths[level]),
            )
        else:
            low[level], high[level] = points - widths[level], points + widths[level]
    return Fan(past.model, points, low, high, widths, (), "", log, past)


def _before(level: float) -> float:
    """Return the level below one, 0 for none: a wider level is never narrower."""
    at = LEVELS.index(level)
    return LEVELS[at - 1] if at else 0.0
