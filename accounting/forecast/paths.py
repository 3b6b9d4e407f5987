"""Joint paths of reductions and prices, and what they earn where credits are issued in lumps.

Products of quantiles are nowhere: every quantity of a path is of that path (accounting.md §11).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from accounting.forecast.champion import Fan
from accounting.forecast.intervals import LEAST_ERRORS
from accounting.forecast.models import Values

PATHS = 5000
BLOCK_WEEKS = 4
WEEKS_PER_MONTH = 365.25 / 7 / 12
_DRAWN = 81  # errors made of half-widths: one for every 2.5 % of them
QUANTILES = (0.025, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.975)


@dataclass(frozen=True)
class Schedule:
    """When credits are issued, and what of them is kept or paid.

    Parameters
    ----------
    first_month, every_months
        Months after registration of the first issuance, and between the next ones.
    issuance_ratio, conservativeness
        Issued per creditable tonne; CF(u). Both 0 to 1.
    buffer
        Share of what is issued that is kept back, 0 to 1.
    fixed_cny, verification_cny, variable_cny_per_t
        Design and validation, paid at the first issuance; each verification; each issued tonne.
    """

    first_month: int = 18
    every_months: int = 12
    issuance_ratio: float = 0.85
    conservativeness: float = 1.0
    buffer: float = 0.0
    fixed_cny: float = 150_000.0
    verification_cny: float = 50_000.0
    variable_cny_per_t: float = 0.0

    def __post_init__(self) -> None:
        for name in ("issuance_ratio", "conservativeness", "buffer"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name}: {getattr(self, name)}")
        if self.first_month < 1 or self.every_months < 1:
            raise ValueError("an issuance has a month")

    def months(self, horizon: int) -> list[int]:
        """Return the months of issuance within a horizon, counted from 1."""
        return list(range(self.first_month, horizon + 1, self.every_months))


@dataclass(frozen=True, eq=False)
class Spread:
    """What joint paths need of a fan: kept with the run, so that they can be drawn again.

    Parameters
    ----------
    p50
        The point forecast, in the unit of the series, shape (horizon,).
    errors
        Past errors by origin and step, NaN where none is known, shape (n, horizon). Where fewer
        than eight are known, equally likely ones that stay within the fan's own intervals; None
        where nothing is known of them.
    log
        Whether errors are of logarithms.
    """

    p50: Values
    errors: Values | None
    log: bool

    @classmethod
    def of(cls, fan: Fan) -> Spread:
        """Return what paths need of a fan."""
        return cls(fan.p50, _errors_of(fan), fan.log)

    @property
    def sure(self) -> bool:
        """Whether anything is known of its errors: else paths that look certain are not."""
        return self.errors is not None and not bool(np.all(np.isnan(self.errors[:, 0])))

    def __eq__(self, other: object) -> bool:
        """Tell whether every number is the same; what is not known equals what is not known."""
        return isinstance(other, Spread) and self._bytes() == other._bytes()

    def __hash__(self) -> int:
        return hash(self._bytes())

    def _bytes(self) -> tuple[bytes, bytes | None, bool]:
        errors = None if self.errors is None else self.errors.tobytes()
        return self.p50.tobytes(), errors, self.log


@dataclass(frozen=True)
class Earned:
    """What paths earn, month by month.

    Parameters
    ----------
    issued_t
        Credits issued, shape (paths, months); whole tonnes.
    gross_cny, net_cny
        Not cumulated, same shape.
    by_entity_cny
        Gross by entity, same shape each; they add up to ``gross_cny`` in every path.
    seed
        Of the draws.
    """

    issued_t: Values
    gross_cny: Values
    net_cny: Values
    by_entity_cny: Mapping[str, Values] = field(default_factory=dict)
    seed: int = 0

    def quantiles(self, what: Values) -> dict[float, Values]:
        """Return the quantiles of a cumulated quantity by month."""
        found = np.quantile(np.cumsum(what, axis=1), QUANTILES, axis=0)
        return dict(zip(QUANTILES, found, strict=True))


def reduction_paths(
    fans: Mapping[str, Fan | Spread], months: int, paths: int, seed: int
) -> dict[str, Values]:
    """Return joint paths of monthly reductions by entity.

    Parameters
    ----------
    fans
        The forecast of each entity, kgCO2e a month, with its past errors.
    months
        How many months ahead; beyond a fan its last twelve steps repeat.
    paths, seed
        How many, and what they are drawn with.

    Returns
    -------
    dict
        Entity to shape (paths, months), in the unit of the fans. One shock a path moves every
        month and entity together: what comes late or dear comes so everywhere.

    References
    ----------
    Engineering notes of the forecasts, §5.6: bootstrap of the errors of the backtest.
    """
    shock = np.random.default_rng([seed, 1]).random(paths)
    spreads = {name: Spread.of(f) if isinstance(f, Fan) else f for name, f in fans.items()}
    return {name: _one(spread, shock, months) for name, spread in spreads.items()}


def _errors_of(fan: Fan) -> Values | None:
    """Return the errors that paths draw of a fan.

    Few past errors say too little by themselves: a quantile of three of them is never further
    than the largest, and of one has no width. The fan's half-widths are stretched for that.
    """
    errors = None if fan.past is None else fan.past.errors
    if errors is not None and np.count_nonzero(~np.isnan(errors[:, :1])) >= LEAST_ERRORS:
        return errors
    levels = sorted(fan.widths)
    if not levels or np.any(np.isnan(fan.widths[levels[0]])):
        return None
    widths = np.stack([np.zeros(len(fan.p50)), *(fan.widths[level] for level in levels)])
    wanted = np.linspace(-1.0, 1.0, _DRAWN)  # beyond the widest level its own width
    reach = [np.interp(np.abs(wanted), [0.0, *levels], column) for column in widths.T]
    return np.stack([np.sign(wanted) * one for one in reach], axis=1)


def _one(fan: Spread, shock: Values, months: int) -> Values:
    points = _longer(fan.p50, months)
    apart = np.empty((len(shock), months))
    for at in range(months):
        step = min(at, len(fan.p50) - 1)
        apart[:, at] = _errors_at(fan, step, shock)
    return points * np.exp(apart) if fan.log else points + apart


def _longer(points: Values, months: int) -> Values:
    """Return a forecast of more months than it has: its last year again."""
    found = list(points[:months])
    while len(found) < months:
        found.append(found[-12] if len(found) >= 12 else found[-1])
    return np.array(found)


def _errors_at(fan: Spread, step: int, shock: Values) -> Values:
    """Return the error of each path at a step; where few are known, those before it, wider."""
    if fan.errors is None:
        return np.zeros(len(shock))
    wider, at = 1.0, step
    while True:
        known = fan.errors[:, at]
        known = known[~np.isnan(known)]
        if len(known) >= LEAST_ERRORS or at == 0:
            break
        wider *= math.sqrt((at + 1) / at)
        at -= 1
    return np.quantile(known, shock) * wider if len(known) else np.zeros(len(shock))


def price_paths(weekly_cny_per_t: Sequence[float], months: int, paths: int, seed: int) -> Values:
    """Return paths of the monthly mean price without drift.

    Parameters
    ----------
    weekly_cny_per_t
        Weekly volume-weighted prices, oldest first, without gaps; the last one is the start.
    months, paths, seed
        How far, how many, what they are drawn with.

    Returns
    -------
    ndarray
        CNY/t, shape (paths, months): blocks of four weekly log changes, drawn anew for each path,
        less their mean; the month's price is the mean of its weeks.

    Raises
    ------
    ValueError
        No price, or one that is not positive.
    """
    prices = np.asarray(weekly_cny_per_t, dtype=float)
    if not len(prices) or not np.all(prices > 0):
        raise ValueError("prices must be positive")
    changes = np.diff(np.log(prices))
    if not len(changes):
        return np.full((paths, months), prices[-1])
    changes = changes - changes.mean()
    weeks = math.ceil(months * WEEKS_PER_MONTH)
    draw = np.random.default_rng([seed, 2])
    blocks = math.ceil(weeks / BLOCK_WEEKS)
    first = draw.integers(0, max(1, len(changes) - BLOCK_WEEKS + 1), (paths, blocks))
    places = (first[:, :, None] + np.arange(BLOCK_WEEKS)) % len(changes)
    walked = np.cumsum(changes[places].reshape(paths, -1)[:, :weeks], axis=1)
    month = np.minimum((np.arange(weeks) / WEEKS_PER_MONTH).astype(int), months - 1)
    level = prices[-1] * np.exp(walked)
    sums = np.stack([level[:, month == at].mean(axis=1) for at in range(months)], axis=1)
    return np.asarray(sums)


def earned(
    reductions_kgco2e: Mapping[str, Values], prices_cny_per_t: Values, schedule: Schedule, seed: int
) -> Earned:
    """Return what paths of reductions earn on paths of prices.

    Parameters
    ----------
    reductions_kgco2e
        Entity to shape (paths, months), kgCO2e.
    prices_cny_per_t
        Shape (paths, months), CNY/t; the price of the month of sale counts.
    schedule
        When credits are issued and what they cost.
    seed
        Of the draws, kept with the result.

    Returns
    -------
    Earned
        At each issuance floor(creditable ratio) whole tonnes of what was accumulated since the one
        before, what is left over carried on; the revenue of an entity is its share of what was
        accumulated, so that entities add up in every path.
    """
    names = list(reductions_kgco2e)
    stack = np.stack([reductions_kgco2e[name] for name in names]) / 1000.0
    paths, months = prices_cny_per_t.shape
    issued, gross = np.zeros((paths, months)), np.zeros((paths, months))
    cost = np.zeros((paths, months))
    parts = np.zeros((len(names), paths, months))
    rest, since = np.zeros(paths), 0
    keep = schedule.conservativeness * schedule.issuance_ratio
    for number, month in enumerate(schedule.months(months)):
        gathered = stack[:, :, since:month].sum(axis=2)
        since, at = month, month - 1
        due = np.maximum(gathered.sum(axis=0), 0.0) * keep + rest
        whole = np.floor(due + 1e-9)
        rest = due - whole
        issued[:, at] = whole
        gross[:, at] = np.floor(whole * (1.0 - schedule.buffer) + 1e-9) * prices_cny_per_t[:, at]
        cost[:, at] = schedule.verification_cny + whole * schedule.variable_cny_per_t
        cost[:, at] += schedule.fixed_cny if number == 0 else 0.0
        parts[:, :, at] = _shares(gathered) * gross[:, at]
    return Earned(issued, gross, gross - cost, dict(zip(names, parts, strict=True)), seed)


def _shares(gathered: Values) -> Values:
    """Return each entity's share of what was gathered; what took away has none."""
    kept = np.maximum(gathered, 0.0)
    whole = kept.sum(axis=0)
    shares = np.where(whole > 0, kept / np.where(whole > 0, whole, 1.0), 0.0)
    return np.asarray(shares)
