"""Forecasts as they are kept: read from the ledger, computed elsewhere, stored with their run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd

from accounting.forecast.champion import Held
from accounting.forecast.paths import Schedule
from accounting.forecast.run import LINES, SEED, WHOLE, Inputs, Results, Row, Series, SiteInputs
from accounting.revenue import eligible
from accounting.uncertainty import conservativeness
from data.bases import kept
from data.digest import sm3
from data.engine import Engine
from data.prices import by_month, by_week, ended, model_weeks, trades
from data.queries import targets
from data.sites import documents
from data.state import now
from data.store import Cursor, Topic, frame, insert

YEAR = 12
METHOD = 3  # another number where the same input gives other rows, or more is kept of a run
KEPT = 2  # what is kept of a run; a later edition that keeps more makes a run anew
COLUMNS = (
    "series", "site", "entity", "grain", "origin", "target", "p50", "lo50", "hi50", "lo80", "hi80",
    "lo95", "hi95", "model", "kind", "unit",
)  # fmt: skip
TABLE = ("series", "site", "entity", "model", "mase", "smape_pct", "coverage80", "coverage95",
         "intervals", "origins", "p_better", "champion")  # fmt: skip
_LINES = """
SELECT indicator, entity, period, value, quality, flags, uncertainty_pct FROM ledger
WHERE current AND grain = 'month' AND site = ? AND dimension = 'line'
  AND indicator IN ('reduction', 'throughput') ORDER BY period
"""


@dataclass(frozen=True)
class Run:
    """A run that was kept: its number, when it was made (UTC), its seed, the reasons by series."""

    run: int
    made_at: datetime
    seed: int
    inputs: str
    reasons: Mapping[str, str]


def inputs_of(engine: Engine, seed: int = SEED) -> Inputs:
    """Return what a run of forecasts reads (accounting.md §11).

    Parameters
    ----------
    engine
        The opened data directory.
    seed
        What paths are drawn with.

    Returns
    -------
    Inputs
        Weekly CCER and monthly CEA prices, whole months of every line's reduction by site.
    """
    with engine.store.read() as cursor:
        days = trades(cursor, "CCER")
        months = by_month(trades(cursor, "CEA"))
        sites = documents(cursor)
        held = _held(cursor)
    weeks = by_week(days)
    weeks = ended(weeks, days["date"].max().date()) if len(days) else weeks
    cea = Series(tuple(months["month"]), tuple(_floats(months["price_cny_per_t"])))
    return Inputs(
        ccer=Series(*model_weeks(weeks)),
        cea=cea,
        sites={site: _site(engine, site, any(eligible(document.settings, p) for p in LINES))
               for site, document in sites.items()},
        held=held,
        seed=seed,
    )  # fmt: skip


def _site(engine: Engine, site: str, applies: bool) -> SiteInputs:
    with engine.store.read() as cursor:
        rows = frame(cursor, _LINES, [site])
    whole = rows[~rows["flags"].str.split(";").map(lambda flags: "month_to_date" in flags)]
    plan: dict[str, dict[int, float]] = {}
    for (indicator, _, line, kind), periods in targets(engine, site).items():
        if (indicator, kind) == ("throughput", "plan"):
            plan[line] = {int(year): value for year, value in periods.items()}
    made = {line: _line(whole, line) for line in LINES}
    return SiteInputs(
        reductions={line: series for line, (series, _, _) in made.items()},
        per_tonne={line: rate for line, (_, rate, _) in made.items()},
        plan_t=plan,
        uncertainty_pct={line: u for line, (_, _, u) in made.items()},
        eligible=applies,
        schedule=Schedule(conservativeness=_cf(made.values())),
    )


def _cf(made: Iterable[tuple[Series, float | None, float | None]]) -> float:
    """Return CF(u) of the least certain line (accounting.md §11); unknown is the least certain."""
    found = [math.inf if u is None else u for series, _, u in made if series.values]
    return conservativeness(max(found, default=math.inf))


def _line(rows: pd.DataFrame, line: str) -> tuple[Series, float | None, float | None]:
    """Return a line's series, its reduction per tonne and uncertainty of the last twelve months."""
    found = rows[rows["entity"] == line].set_index("period")
    reduction = found[found["indicator"] == "reduction"]
    if reduction.empty:
        return Series(), None, None
    first, last_month = reduction.index.min(), reduction.index.max()
    labels = [str(p) for p in pd.period_range(first, last_month, freq="M")]
    # a month of which only a part is known is no target: it would teach the models a dip
    known = reduction["value"].where(reduction["quality"] != "incomplete").reindex(labels)
    mass = found[found["indicator"] == "throughput"]["value"].reindex(labels)
    last, tonnes = known[-YEAR:], mass[-YEAR:]
    sure = last.notna() & tonnes.notna()
    rate = float(last[sure].sum() / tonnes[sure].sum()) if tonnes[sure].sum() > 0 else None
    u = reduction["uncertainty_pct"].reindex(labels)[-YEAR:].dropna()
    return Series(tuple(labels), tuple(_floats(known))), rate, float(u.mean()) if len(u) else None


def _floats(values: Sequence[float] | pd.Series) -> list[float | None]:
    return [None if value is None or value != value else float(value) for value in values]


def _held(cursor: Cursor) -> dict[tuple[str, str, str], Held]:
    """Return the champions of the newest run and for how many calendar months they have been."""
    rows = frame(
        cursor,
        "SELECT b.series, b.site, b.entity, b.model, date_diff('month', min(r.made_at), "
        "max(max(r.made_at)) OVER ()) AS months, max(b.run) = max(max(b.run)) OVER () AS newest "
        "FROM forecast_backtest b JOIN forecast_run r USING (run) WHERE champion GROUP BY ALL",
    )
    rows = rows[rows["newest"]] if len(rows) else rows
    return {(r.series, r.site, r.entity): Held(r.model, int(r.months)) for r in rows.itertuples()}


def digest_of(inputs: Inputs) -> str:
    """Return the SM3 of everything a run reads but the champions it keeps: its data version."""
    said = {
        "kept": KEPT,
        "ccer": [inputs.ccer.labels, inputs.ccer.values],
        "cea": [inputs.cea.labels, inputs.cea.values],
        "seed": inputs.seed,
        "method": METHOD,
        "sites": {
            site: [
                {line: [s.labels, s.values] for line, s in known.reductions.items()},
                known.per_tonne, known.plan_t, known.uncertainty_pct, known.eligible,
                repr(known.schedule),
            ]
            for site, known in inputs.sites.items()
        },
    }  # fmt: skip
    return sm3(json.dumps(said, sort_keys=True, separators=(",", ":")).encode())


def refresh(engine: Engine, compute: Callable[[Inputs], Results], seed: int = SEED) -> Run | None:
    """Make the forecasts anew where what they are made of has changed.

    Parameters
    ----------
    engine
        The opened data directory.
    compute
        `accounting.forecast.run.run`, here or in another process.
    seed
        What paths are drawn with.

    Returns
    -------
    Run or None
        None where nothing has changed since the last run.
    """
    inputs = inputs_of(engine, seed)
    version = digest_of(inputs)
    last = newest(engine)
    if last is not None and last.inputs == version:
        return None
    results = compute(inputs)
    return engine.store.write(partial(_keep, version, seed, results), Topic.FORECASTS)


def due(engine: Engine, seed: int = SEED) -> bool:
    """Tell whether what forecasts are made of has changed since the newest run."""
    inputs, last = inputs_of(engine, seed), newest(engine)
    if last is None:  # of nothing there is no forecast
        lines = [line for site in inputs.sites.values() for line in site.reductions.values()]
        return any(series.labels for series in (inputs.ccer, inputs.cea, *lines))
    return last.inputs != digest_of(inputs)


def _keep(version: str, seed: int, results: Results, cursor: Cursor) -> Run | None:
    """Keep a run; nothing where somebody else has made it in the meantime."""
    row = cursor.execute(
        "SELECT run, inputs FROM forecast_run ORDER BY run DESC LIMIT 1"
    ).fetchone()
    if row is not None and row[1] == version:
        return None
    number = 1 if row is None else int(row[0]) + 1
    reasons = {"/".join(key): reason for key, reason in results.reasons.items()}
    at = now()
    cursor.execute(
        "INSERT INTO forecast_run VALUES (?, ?, ?, ?, ?)",
        [number, at, seed, version, json.dumps(reasons, ensure_ascii=False, sort_keys=True)],
    )
    rows = pd.DataFrame(list(results.forecasts), columns=list(COLUMNS))
    if len(rows):
        ids = [f"F{number}-{at_}" for at_ in range(1, len(rows) + 1)]
        insert(cursor, "forecast", rows.assign(run=number, forecast_id=ids))
    tables = pd.DataFrame(list(results.backtests), columns=list(TABLE))
    insert(cursor, "forecast_backtest", tables.assign(run=number))
    for site, basis in sorted(results.bases.items()):
        cursor.execute("INSERT INTO forecast_basis VALUES (?, ?, ?)", [number, site, kept(basis)])
    return Run(number, at, seed, version, reasons)


def newest(engine: Engine) -> Run | None:
    """Return the newest run; None before the first."""
    return run_of(engine)


def run_of(engine: Engine, run: int | None = None) -> Run | None:
    """Return a run, the newest by default; None where there is none."""
    with engine.store.read() as cursor:
        row = cursor.execute(
            "SELECT run, made_at, seed, inputs, reasons FROM forecast_run "
            "WHERE run = coalesce(?, run) ORDER BY run DESC LIMIT 1",
            [run],
        ).fetchone()
    return None if row is None else Run(row[0], row[1], row[2], row[3], json.loads(row[4]))


def forecasts(engine: Engine, run: int | None = None) -> pd.DataFrame:
    """Return the forecasts of a run, the newest by default.

    Parameters
    ----------
    engine
        The opened data directory.
    run
        Its number.

    Returns
    -------
    DataFrame
        forecast_id and `COLUMNS`; null where a band is not known. Units: CNY/t, kgCO2e, CNY.
    """
    return _of_run(engine, f"SELECT forecast_id, {', '.join(COLUMNS)} FROM forecast", run,
                   "series, site, entity, grain, target")  # fmt: skip


def backtests(engine: Engine, run: int | None = None) -> pd.DataFrame:
    """Return the tables of the backtests of a run: `TABLE`, the champion of each series first."""
    return _of_run(engine, f"SELECT {', '.join(TABLE)} FROM forecast_backtest", run,
                   "series, site, entity, champion DESC, mase, model")  # fmt: skip


def _of_run(engine: Engine, select: str, run: int | None, order: str) -> pd.DataFrame:
    with engine.store.read() as cursor:
        return frame(
            cursor,
            f"{select} WHERE run = coalesce(?, (SELECT max(run) FROM forecast_run)) "
            f"ORDER BY {order}",
            [run],
        )


def before(engine: Engine, run: int) -> int | None:
    """Return the number of the run before one; None for the first."""
    with engine.store.read() as cursor:
        row = cursor.execute("SELECT max(run) FROM forecast_run WHERE run < ?", [run]).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def came(engine: Engine) -> pd.DataFrame:
    """Return what was forecast last of steps that the newest run knows: as `forecasts`.

    A step's own forecast is of the newest run that began before it; revenue has nothing that it
    could be held against.
    """
    with engine.store.read() as cursor:
        return frame(
            cursor,
            f"""
WITH newest AS (
    SELECT series, site, entity, grain, max(origin) AS origin FROM forecast
    WHERE run = (SELECT max(run) FROM forecast_run) GROUP BY ALL)
SELECT f.forecast_id, {", ".join(f"f.{name}" for name in COLUMNS)} FROM forecast f
JOIN newest n USING (series, site, entity, grain)
WHERE f.grain <> 'year' AND f.series <> 'revenue' AND f.target <= n.origin
QUALIFY row_number() OVER (
    PARTITION BY f.series, f.site, f.entity, f.grain, f.target ORDER BY f.run DESC) = 1
ORDER BY f.series, f.site, f.entity, f.grain, f.target
""",
        )


def one(engine: Engine, forecast_id: str) -> tuple[Row, Run, pd.DataFrame] | None:
    """Return a forecast, its run and the backtests of its series; None for an unknown name.

    Parameters
    ----------
    engine
        The opened data directory.
    forecast_id
        ``F3-17``.

    Returns
    -------
    tuple or None
        `COLUMNS` with forecast_id, the run, `TABLE` of the series; a sum has its parts' tables.
    """
    with engine.store.read() as cursor:
        rows = frame(
            cursor,
            f"SELECT run, forecast_id, {', '.join(COLUMNS)} FROM forecast WHERE forecast_id = ?",
            [forecast_id],
        )
    if rows.empty:
        return None
    row = next(_rows(rows))
    made = run_of(engine, int(row["run"]))
    if made is None:
        return None
    tables = backtests(engine, made.run)
    names = {"ccer_price", row["series"]} if row["series"] == "revenue" else {row["series"]}
    names |= {"reduction"} if row["series"] == "revenue" else set()
    of = tables[tables["series"].isin(names) & tables["site"].isin(["", row["site"]])]
    if row["entity"] not in (WHOLE, "cn"):
        of = of[of["entity"].isin([row["entity"], "cn"])]
    return row, made, of


def document(engine: Engine, sites: Sequence[str] = ()) -> dict[str, Any]:
    """Return the newest forecasts as `forecast --json` and the API give them (CONTRACT §6).

    Parameters
    ----------
    engine
        The opened data directory.
    sites
        The sites that who asks may see; none for all of them. The market's are everybody's.
    """
    found = {"forecasts": forecasts(engine), "backtests": backtests(engine)}
    if sites:
        found = {name: rows[rows["site"].isin(["", *sites])] for name, rows in found.items()}
    return {name: list(_rows(rows)) for name, rows in found.items()}


def _rows(found: pd.DataFrame) -> Iterator[Row]:
    for row in found.to_dict("records"):
        yield {name: None if value is None or value != value else value
               for name, value in row.items()}  # fmt: skip
