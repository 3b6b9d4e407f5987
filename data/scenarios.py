"""Scenarios: what the presets are made of, and what somebody may save under a name."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import pandas as pd

from accounting.scenario import Choice
from accounting.whatif import Levers
from data.engine import Engine
from data.prices import by_week, trades
from data.sales import NotKept, worded
from data.state import NoSuchScenario, now

LONGEST_NAME = 40
MOST = 24
GROWTHS_PCT = (-5.0, 0.0, 5.0)
RATIOS = (0.75, 0.85, 0.95)  # accounting.md §11: 0.85; the others are ours, an assumption
PRESETS = (("low", "保守"), ("base", "基准"), ("high", "积极"))


@dataclass(frozen=True)
class Prices:
    """What prices of the market were: lowest and highest week, mean of the newest year, CNY/t."""

    low: float
    mean: float
    high: float
    year: int
    first: str
    last: str


def prices(engine: Engine) -> Prices | None:
    """Return the prices that the presets are made of; None without trade.

    Weeks of less than 1,000 t say little and set no limit (engineering notes of the forecasts,
    §5.2 and §5.4: lowest, mean of the year, highest).
    """
    with engine.store.read() as cursor:
        days = trades(cursor, "CCER")
    weeks = by_week(days)
    thick = weeks[~weeks["thin"].astype(bool)] if len(weeks) else weeks
    if thick.empty:
        return None
    last = pd.to_datetime(days["date"]).max()
    of_year = days[pd.to_datetime(days["date"]).dt.year == last.year]
    price = thick["price_cny_per_t"]
    mean = float(of_year["turnover_cny"].sum() / of_year["volume_t"].sum())
    return Prices(float(price.min()), mean, float(price.max()), int(last.year),
                  str(thick["week"].iloc[0]), str(thick["week"].iloc[-1]))  # fmt: skip


def presets(found: Prices | None) -> list[tuple[str, str, Choice]]:
    """Return the presets: key, title, assumptions. Without prices the slider stands at 90."""
    levels = (90.0, 90.0, 90.0) if found is None else (found.low, found.mean, found.high)
    return [
        (key, title, Choice(round(level, 1), growth, ratio))
        for (key, title), level, growth, ratio in zip(
            PRESETS, levels, GROWTHS_PCT, RATIOS, strict=True
        )
    ]


def choice_of(values: str) -> Choice:
    """Return the assumptions that three numbers parted by commas are.

    Raises
    ------
    NotKept
        They are none, or beyond what the sliders allow.
    """
    try:
        price, growth, ratio = (float(one) for one in values.split(","))
        return Choice(price, growth, ratio)
    except ValueError:
        raise NotKept("情景的数值超出滑块范围") from None


def save(
    engine: Engine, site: str, kind: str, name: str, assumed: Choice | Levers, author: str, key: str
) -> int:
    """Keep assumptions of a site under a name and return their number.

    Parameters
    ----------
    engine, site
        The opened data directory; whose.
    kind
        `SALE` for the sliders of a scenario, `WHATIF` for the levers of a what-if.
    name, assumed
        Under which name what.
    author, key
        Who; the form's own key: sent twice it is saved once.

    Raises
    ------
    NotKept
        It has no name, or there are too many.
    """
    words = worded(name, "名称", LONGEST_NAME)
    kept = engine.state.scenarios.of(site, kind)
    if len(kept) >= MOST and words not in {one.name for one in kept}:
        raise NotKept("一个站点最多保存 {most} 个情景，请先删除不用的", most=MOST)
    body = json.dumps(asdict(assumed), sort_keys=True)
    return engine.state.scenarios.save(site, kind, words, body, author, now(), key)


def read(body: str) -> Choice:
    """Return the assumptions of a saved scenario."""
    return Choice(**json.loads(body))


def remove(engine: Engine, scenario: int, author: str, key: str) -> None:
    """Take a saved scenario away; `restore` brings it back.

    Raises
    ------
    NotKept
        There is none of that number.
    """
    try:
        engine.state.scenarios.remove(scenario, author, now(), key)
    except NoSuchScenario:
        raise NotKept("没有这个情景") from None


def restore(engine: Engine, scenario: int, author: str, key: str) -> None:
    """Bring a scenario back; see `remove`."""
    try:
        engine.state.scenarios.restore(scenario, author, now(), key)
    except NoSuchScenario:
        raise NotKept("没有这个情景") from None
