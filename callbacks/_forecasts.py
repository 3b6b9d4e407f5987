"""Forecasts as the pages show them, read once for a version of the data."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd

from data import forecasts as kept
from data.engine import Engine
from data.price_feed import Outcome, last
from figures.forecast import BANDS, Backtest, Forecasts, Name, Point, Tried
from figures.forecast_drawer import OpenedForecast

ZONE = ZoneInfo("Asia/Shanghai")


def read(engine: Engine) -> Forecasts | None:
    """Return the newest forecasts with what the run before said; None before the first."""
    newest = kept.newest(engine)
    if newest is None:
        return None
    earlier = kept.before(engine, newest.run)
    return Forecasts(
        run=newest.run, made_at=local(newest.made_at), seed=newest.seed, check=newest.inputs,
        points=_points(kept.forecasts(engine, newest.run)),
        tested=_tested(kept.backtests(engine, newest.run)),
        reasons={(of[0], of[1], of[2]): reason for name, reason in newest.reasons.items()
                 if len(of := name.split("/")) == 3},
        before={} if earlier is None else _points(kept.forecasts(engine, earlier)),
        came=_points(kept.came(engine)),
    )  # fmt: skip


def opened(engine: Engine, ident: str) -> OpenedForecast | None:
    """Return a forecast with its run and the backtests behind it; None for an unknown name."""
    found = kept.one(engine, ident)
    if found is None:
        return None
    row, made, tables = found
    (points,) = _points(pd.DataFrame([row])).values()
    reason = made.reasons.get(f"{row['series']}/{row['site']}/{row['entity']}", "")
    return OpenedForecast(
        series=row["series"], entity=row["entity"], site=row["site"], point=points[0], band="",
        run=made.run, made_at=local(made.made_at), seed=made.seed, check=made.inputs,
        reason=reason, tables=[(name[2], tests) for name, tests in _tested(tables).items()],
    )  # fmt: skip


def fed(engine: Engine) -> tuple[Outcome | None, Outcome | None]:
    """Return the last time prices came by themselves, and the last time they did not."""
    return last(engine, ok=True), last(engine, ok=False)


def local(at: datetime) -> str:
    """Return a moment (UTC without a zone) as the screen writes it."""
    return f"{at.replace(tzinfo=UTC).astimezone(ZONE):%Y-%m-%d %H:%M}"


def _points(rows: pd.DataFrame) -> dict[Name, tuple[Point, ...]]:
    found: dict[Name, list[Point]] = {}
    for row in rows.to_dict("records"):
        bands = {name: _known(row[name]) for name in BANDS}
        point = Point(row["forecast_id"], row["origin"], row["target"], row["model"], row["kind"],
                      row["unit"], bands)  # fmt: skip
        name = (row["series"], row["site"], row["entity"], row["grain"])
        found.setdefault(name, []).append(point)
    return {name: tuple(sorted(points, key=lambda p: p.target)) for name, points in found.items()}


def _tested(rows: pd.DataFrame) -> dict[Tried, tuple[Backtest, ...]]:
    found: dict[Tried, list[Backtest]] = {}
    for row in rows.to_dict("records"):
        one = Backtest(
            row["model"], _known(row["mase"]), _known(row["smape_pct"]), _known(row["coverage80"]),
            _known(row["coverage95"]), int(row["intervals"]), int(row["origins"]),
            _known(row["p_better"]), bool(row["champion"]),
        )  # fmt: skip
        found.setdefault((row["series"], row["site"], row["entity"]), []).append(one)
    return {name: tuple(tests) for name, tests in found.items()}


def _known(value: float | None) -> float | None:
    return None if value is None or value != value else float(value)
