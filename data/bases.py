"""What joint paths are drawn from, kept with the run of forecasts that it was read for."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np

from accounting.forecast.models import Values
from accounting.forecast.paths import Schedule, Spread
from accounting.forecast.run import Basis
from data.engine import Engine


def kept(basis: Basis) -> str:
    """Return a basis as it is kept: JSON with every digit."""
    return json.dumps(
        {
            "origin": basis.origin,
            "lines": {line: _written(spread) for line, spread in basis.lines.items()},
            "weekly": basis.weekly_cny_per_t,
            "schedule": asdict(basis.schedule),
            "seed": basis.seed,
        }
    )


def _written(spread: Spread) -> dict[str, object]:
    errors = spread.errors
    rows = None if errors is None else [[_number(x) for x in row] for row in errors.tolist()]
    return {"p50": spread.p50.tolist(), "errors": rows, "log": spread.log}


def _number(value: float) -> float | None:
    return None if value != value else value


def read(body: str) -> Basis:
    """Return a basis from how it is kept."""
    found = json.loads(body)
    return Basis(
        origin=found["origin"],
        lines={line: _spread(one) for line, one in found["lines"].items()},
        weekly_cny_per_t=tuple(found["weekly"]),
        schedule=Schedule(**found["schedule"]),
        seed=found["seed"],
    )


def _spread(found: dict[str, list[list[float | None]]]) -> Spread:
    rows = found["errors"]
    errors: Values | None = None if rows is None else np.array(rows, dtype=float)
    return Spread(np.array(found["p50"], dtype=float), errors, bool(found["log"]))


def newest_run(engine: Engine) -> int:
    """Return the number of the newest run of forecasts; 0 before the first."""
    with engine.store.read() as cursor:
        row = cursor.execute("SELECT coalesce(max(run), 0) FROM forecast_run").fetchone()
    return int(row[0]) if row else 0


def basis_of(engine: Engine, run: int, site: str) -> Basis | None:
    """Return what a site's joint paths of a run are drawn from; None where it has none."""
    with engine.store.read() as cursor:
        row = cursor.execute(
            "SELECT body FROM forecast_basis WHERE run = ? AND site = ?", [run, site]
        ).fetchone()
    return None if row is None else read(row[0])
