"""One run of all forecasts: series in, rows out; the same input gives the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import NormalDist
from typing import Any

import numpy as np

from accounting.forecast.backtest import filled
from accounting.forecast.champion import (
    PRICE_MONTHS,
    PRICE_WEEKS,
    REDUCTION_MONTHS,
    Fan,
    Held,
    Rules,
    forecast,
)
from accounting.forecast.models import YEAR, Values
from accounting.forecast.paths import (
    PATHS,
    Schedule,
    Spread,
    earned,
    price_paths,
    reduction_paths,
)

SEED = 615
REVENUE_MONTHS = 60
LATER_YEARS = 5
LINES = ("cable", "conductor", "transformer")
WHOLE = "site"
Row = dict[str, Any]
_BANDS = {"lo95": 0.025, "lo80": 0.10, "lo50": 0.25, "p50": 0.50, "hi50": 0.75, "hi80": 0.90,
          "hi95": 0.975}  # fmt: skip
_LEVELS = {"50": 0.50, "80": 0.80, "95": 0.95}


@dataclass(frozen=True)
class Series:
    """A series with the labels of its steps, oldest first; None where nothing is known.

    Parameters
    ----------
    labels
        Months (``2026-07``) or the days weeks end on (``2026-07-31``), without a hole.
    values
        In the unit of the series.
    """

    labels: tuple[str, ...] = ()
    values: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class SiteInputs:
    """What is known of a site.

    Parameters
    ----------
    reductions
        Line to its monthly reductions, kgCO2e, whole months only.
    per_tonne
        Line to reduction per tonne of the last twelve months, kgCO2e/t; None where unknown.
    plan_t
        Line to year to planned mass, t.
    uncertainty_pct
        Line to the half-width of the 95 % interval of the last twelve months' reduction, percent.
    eligible
        Whether a methodology applies (D-7).
    schedule
        Issuance and cost.
    """

    reductions: Mapping[str, Series]
    per_tonne: Mapping[str, float | None] = field(default_factory=dict)
    plan_t: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    uncertainty_pct: Mapping[str, float | None] = field(default_factory=dict)
    eligible: bool = False
    schedule: Schedule = field(default_factory=Schedule)


@dataclass(frozen=True)
class Inputs:
    """What a run reads: weekly CCER prices, monthly CEA prices (CNY/t), sites, held champions."""

    ccer: Series = field(default_factory=Series)
    cea: Series = field(default_factory=Series)
    sites: Mapping[str, SiteInputs] = field(default_factory=dict)
    held: Mapping[tuple[str, str, str], Held] = field(default_factory=dict)
    seed: int = SEED


@dataclass(frozen=True)
class Basis:
    """What the joint paths of a site are drawn from.

    Parameters
    ----------
    origin
        The last known month.
    lines
        Line to what paths need of its fan, kgCO2e.
    weekly_cny_per_t
        Weekly prices without gaps, oldest first, CNY/t; empty where none are known.
    schedule, seed
        Issuance and cost; what paths are drawn with.
    """

    origin: str
    lines: Mapping[str, Spread]
    weekly_cny_per_t: tuple[float, ...]
    schedule: Schedule
    seed: int


@dataclass(frozen=True)
class Results:
    """Rows of forecasts and of the tables of their backtests, and a reason by series.

    ``bases``: by site what its joint paths are drawn from, for scenarios.
    """

    forecasts: tuple[Row, ...]
    backtests: tuple[Row, ...]
    reasons: Mapping[tuple[str, str, str], str]
    bases: Mapping[str, Basis] = field(default_factory=dict)


def run(inputs: Inputs) -> Results:
    """Return every forecast that the history allows (accounting.md §11; 5.2 j, k, 5.7 a to c, e).

    Parameters
    ----------
    inputs
        The series, the champions in force and the seed.

    Returns
    -------
    Results
        Prices per week (CCER) and month (CEA), reductions per month and year by line and site,
        revenue by month cumulated. Beyond the horizon of a price everything is a ``scenario``.
    """
    made = _Run(inputs)
    made.price("ccer_price", inputs.ccer, PRICE_WEEKS, "week")
    made.price("cea_price", inputs.cea, PRICE_MONTHS, "month")
    for site, known in sorted(inputs.sites.items()):
        made.site(site, known)
    return Results(tuple(made.rows), tuple(made.tables), made.reasons, made.bases)


class _Run:
    """The rows of a run as they are made."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.rows: list[Row] = []
        self.tables: list[Row] = []
        self.reasons: dict[tuple[str, str, str], str] = {}
        self.bases: dict[str, Basis] = {}

    def price(self, name: str, series: Series, rules: Rules, grain: str) -> None:
        """Forecast a price of the market; beyond it nothing is said."""
        fan = self._forecast((name, "", "cn"), series, rules)
        targets = _ahead(series.labels[-1], grain, len(fan.p50)) if series.labels else []
        self._fan((name, "", "cn"), grain, series, fan, targets, "CNY/t")

    def site(self, site: str, known: SiteInputs) -> None:
        """Forecast a site's lines, their sum, and what they could earn."""
        fans: dict[str, Fan] = {}
        origin = ""
        for line in LINES:
            series = known.reductions.get(line, Series())
            fan = self._forecast(("reduction", site, line), series, REDUCTION_MONTHS)
            if not len(fan.p50):
                continue
            fans[line], origin = fan, series.labels[-1]
            targets = _ahead(origin, "month", len(fan.p50))
            self._fan(("reduction", site, line), "month", series, fan, targets, "kgCO2e")
        if not fans:
            return
        weekly = filled(self.inputs.ccer.values).values
        spreads = {line: Spread.of(fan) for line, fan in fans.items()}
        self.bases[site] = Basis(
            origin, spreads,
            tuple(weekly.tolist()) if np.all(weekly > 0) else (), known.schedule, self.inputs.seed,
        )  # fmt: skip
        paths = reduction_paths(spreads, REVENUE_MONTHS, PATHS, self.inputs.seed)
        months = _ahead(origin, "month", REVENUE_MONTHS)
        whole = sum(paths.values())
        near = min(len(fan.p50) for fan in fans.values())
        self._paths(("reduction", site, WHOLE), origin, months[:near], np.asarray(whole)[:, :near],
                    "forecast", "kgCO2e", "sum of lines", sure=self._sure(site))  # fmt: skip
        self._years(site, known, paths, origin)
        self._revenue(site, known, paths, origin, months)

    def _sure(self, site: str, line: str = "") -> bool:
        """Tell whether past errors of a line, or of every line of a site, are known."""
        lines = self.bases[site].lines
        return all(spread.sure for name, spread in lines.items() if line in ("", name))

    def _forecast(self, key: tuple[str, str, str], series: Series, rules: Rules) -> Fan:
        course = filled(series.values, rules.season)
        fan = forecast(course, rules, self.inputs.held.get(key))
        self.reasons[key] = fan.reason
        for one in fan.judged:
            self.tables.append({
                "series": key[0], "site": key[1], "entity": key[2], "model": one.model,
                "mase": one.mase, "smape_pct": one.smape_pct, "coverage80": one.coverage80,
                "coverage95": one.coverage95, "intervals": one.intervals, "origins": one.origins,
                "p_better": one.p_better, "champion": one.champion,
            })  # fmt: skip
        return fan

    def _fan(
        self, key: tuple[str, str, str], grain: str, series: Series, fan: Fan,
        targets: Sequence[str], unit: str,
    ) -> None:  # fmt: skip
        for at, target in enumerate(targets):
            row = self._row(key, grain, series.labels[-1], target, fan.model, "forecast", unit)
            row["p50"] = _known(fan.p50[at])
            for name, level in _LEVELS.items():
                row[f"lo{name}"] = _known(fan.low[level][at])
                row[f"hi{name}"] = _known(fan.high[level][at])
            self.rows.append(row)

    def _paths(
        self, key: tuple[str, str, str], origin: str, targets: Sequence[str], paths: Values,
        kind: str, unit: str, model: str, *, sure: bool,
    ) -> None:  # fmt: skip
        bands = [_bands_of(month, sure=sure) for month in paths.T]
        for target, band in zip(targets, bands, strict=True):
            self.rows.append(self._row(key, "month", origin, target, model, kind, unit) | band)

    def _row(
        self, key: tuple[str, str, str], grain: str, origin: str, target: str, model: str,
        kind: str, unit: str,
    ) -> Row:  # fmt: skip
        return {"series": key[0], "site": key[1], "entity": key[2], "grain": grain,
                "origin": origin, "target": target, "model": model, "kind": kind,
                "unit": unit}  # fmt: skip

    def _years(
        self, site: str, known: SiteInputs, paths: Mapping[str, Values], origin: str
    ) -> None:
        """Forecast the running year and the five after it: the plan's mass, else the months."""
        for year in range(int(origin[:4]), int(origin[:4]) + LATER_YEARS + 1):
            parts = [self._year(site, line, known, paths[line], year, origin) for line in paths]
            rows = [row for row, _ in parts if row is not None]
            self.rows += rows
            if not rows or len(rows) < len(parts):
                continue
            sums = [drawn for _, drawn in parts if drawn is not None]
            whole = rows[0] | {"entity": WHOLE}
            if len(sums) == len(parts):
                whole |= _bands_of(np.sum(sums, axis=0), sure=self._sure(site))
            else:  # shared factors move all lines together: their half-widths add
                whole |= {name: _sum(row[name] for row in rows) for name in _BANDS}
            self.rows.append(whole)

    def _year(
        self, site: str, line: str, known: SiteInputs, paths: Values, year: int, origin: str
    ) -> tuple[Row | None, Values | None]:
        """Return a line's row of a year, and its draws where it is made of months."""
        running = year == int(origin[:4])
        key = ("reduction", site, line)
        planned, rate = known.plan_t.get(line, {}).get(year), known.per_tonne.get(line)
        if not running and planned is not None and rate is not None:
            row = self._row(key, "year", origin, str(year), "plan", "scenario", "kgCO2e")
            return row | _planned(planned * rate, known.uncertainty_pct.get(line)), None
        first = (year - int(origin[:4])) * YEAR - int(origin[5:7])
        months = slice(max(first, 0), first + YEAR)
        past = _of_year(known.reductions[line], year) if running else 0.0
        if past is None or first + YEAR > paths.shape[1]:
            return None, None
        drawn = past + paths[:, months].sum(axis=1)
        kind = "forecast" if running else "scenario"
        row = self._row(key, "year", origin, str(year), "months", kind, "kgCO2e")
        return row | _bands_of(drawn, sure=self._sure(site, line)), drawn

    def _revenue(
        self, site: str, known: SiteInputs, paths: Mapping[str, Values], origin: str,
        months: Sequence[str],
    ) -> None:  # fmt: skip
        """Return what could be earned if a methodology were accepted: always a scenario."""
        weekly = self.bases[site].weekly_cny_per_t
        if not weekly:
            self.reasons["revenue", site, WHOLE] = "no_price"
            return
        prices = price_paths(weekly, REVENUE_MONTHS, PATHS, self.inputs.seed)
        found = earned(paths, prices, known.schedule, self.inputs.seed)
        for entity, gross in {**found.by_entity_cny, WHOLE: found.gross_cny}.items():
            self._paths(("revenue", site, entity), origin, months, np.cumsum(gross, axis=1),
                        "scenario", "CNY", "joint paths", sure=self._sure(site))  # fmt: skip


def _planned(value: float, u_pct: float | None) -> Row:
    """Return planned mass times rate with the interval of accounting.md §13, which is normal."""
    found: Row = dict.fromkeys(_BANDS)
    found |= {"p50": value}
    if u_pct is None:
        return found
    apart = abs(value) * u_pct / 100
    reach = {name: NormalDist().inv_cdf((1 + level) / 2) for name, level in _LEVELS.items()}
    for name in _LEVELS:
        part = apart * (reach[name] / reach["95"])
        found |= {f"lo{name}": value - part, f"hi{name}": value + part}
    return found


def _bands_of(drawn: Values, *, sure: bool) -> Row:
    """Return the quantiles of draws; the median alone where their spread is not known."""
    found = np.quantile(drawn, list(_BANDS.values()))
    return {name: _known(float(value)) if sure or name == "p50" else None
            for name, value in zip(_BANDS, found, strict=True)}  # fmt: skip


def _sum(values: Iterable[float | None]) -> float | None:
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known) if len(known) == len(found) else None


def _of_year(series: Series, year: int) -> float | None:
    """Return the sum of a year's known months so far; None where one of them is not known."""
    pairs = zip(series.labels, series.values, strict=True)
    return _sum(value for label, value in pairs if label[:4] == str(year))


def _known(value: float) -> float | None:
    return None if value != value else float(value)


def _ahead(last: str, grain: str, count: int) -> list[str]:
    """Return the labels of the steps after the last one."""
    return list(_labels(last, grain, count))


def _labels(last: str, grain: str, count: int) -> Iterator[str]:
    if grain == "week":
        day = date.fromisoformat(last)
        for ahead in range(1, count + 1):
            yield (day + timedelta(days=7 * ahead)).isoformat()
        return
    number = int(last[:4]) * YEAR + int(last[5:7]) - 1
    for ahead in range(1, count + 1):
        yield f"{(number + ahead) // YEAR}-{(number + ahead) % YEAR + 1:02d}"
