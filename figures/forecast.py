"""Forecasts as the screen has them: points with their bands, how they were tested, why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from figures.cells import Cell

BANDS = ("lo95", "lo80", "lo50", "p50", "hi50", "hi80", "hi95")
LEVELS = ("50", "80", "95")
FORECAST, SCENARIO = "forecast", "scenario"
COMPUTING, FAILED = "computing", "failed"
Name = tuple[str, str, str, str]  # series, site, entity, grain
Tried = tuple[str, str, str]  # series, site, entity


@dataclass(frozen=True, slots=True)
class Point:
    """A forecast of a step: its identifier, from when, for when, by which model, its bands.

    Parameters
    ----------
    ident, origin, target
        ``F3-17``; the last step that was known; the step it is of.
    model, kind, unit
        What made it; ``forecast`` within the horizon, else ``scenario``; the unit of the bands.
    bands
        `BANDS` to value; None where it is not known.
    """

    ident: str
    origin: str
    target: str
    model: str
    kind: str
    unit: str
    bands: Mapping[str, float | None]

    def cell(self, band: str = "p50") -> Cell:
        """Return one of its numbers."""
        return Cell(self.bands[band], self.unit, quality=self.kind, period=self.target,
                    forecast=self.ident, band=band)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Backtest:
    """A model's backtest; None where nothing could be judged. Coverages are shares of 1."""

    model: str
    mase: float | None
    smape_pct: float | None
    coverage80: float | None
    coverage95: float | None
    intervals: int
    origins: int
    p_better: float | None
    champion: bool


@dataclass(frozen=True)
class Forecasts:
    """The newest run of all forecasts.

    Parameters
    ----------
    run, made_at, seed, check
        Its number, when it was made (site-local), its seed, the SM3 of what it read.
    points
        By series, site, entity and grain, in order of their targets.
    tested
        By series, site and entity: the champion first.
    reasons
        Why no challenger leads, or why there is no forecast; by series, site and entity.
    before
        The points of the run before.
    came
        Of steps that are known by now, what was forecast for them last.
    """

    run: int
    made_at: str
    seed: int
    check: str
    points: Mapping[Name, tuple[Point, ...]] = field(default_factory=dict)
    tested: Mapping[Tried, tuple[Backtest, ...]] = field(default_factory=dict)
    reasons: Mapping[Tried, str] = field(default_factory=dict)
    before: Mapping[Name, tuple[Point, ...]] = field(default_factory=dict)
    came: Mapping[Name, tuple[Point, ...]] = field(default_factory=dict)

    def champion(self, tried: Tried) -> Backtest | None:
        """Return the backtest of the model that is in force."""
        return next((one for one in self.tested.get(tried, ()) if one.champion), None)


def column(
    points: Sequence[Point], labels: Sequence[str], band: str = "p50"
) -> tuple[Cell | None, ...]:
    """Return a band over the periods of an axis; None where it does not reach."""
    known = {point.target: point for point in points}
    return tuple(known[label].cell(band) if label in known else None for label in labels)


def bands(
    points: Sequence[Point], labels: Sequence[str]
) -> Iterator[tuple[str, str, tuple[Cell | None, ...]]]:
    """Yield level, side and column of every edge that any of the points knows, widest last."""
    for level in LEVELS:
        for side in ("lo", "hi"):
            if any(point.bands[side + level] is not None for point in points):
                yield level, side, column(points, labels, side + level)
