"""Joint draws of the benefit figures: masses that close, factors that are shared (M11, §13).

What is drawn, and how:

- **Masses.** Every output of a line's month has its own log-normal weighing error; residue and
  loss are what the balance leaves. The weights are closed, so their shares are logistic-normal,
  and scaled to the input mass of the same draw: products + residue = input in every draw. Where
  the outputs were weighed, the input of a draw is the one the drawn outputs imply: the booked
  figure uses the outputs as weighed, so they keep exactly the weighbridge's spread, and the input
  is known more tightly than by its own weighing. Where outputs were estimated from a composition
  the input is drawn by its own weighing error and the outputs close to it.
- **Factors** are one draw each for all batches, lines and months, log-normal with the ledger's
  value as median and sinh(1.96 sigma) = half-width: always positive, so that dividing by one is
  safe; the same whether the value scatters around the truth or the truth around the value; right
  for wide factors too, where a normal one reaches below zero.
- **Activity** (meters, litres, tonne-kilometres) is normal. A meter is one draw for all its
  months. Records that occur once are pooled per month, line and factors, which is exact for sums
  of normal errors.

Every source and factor has its own random stream, named by the seed and its key. So neither the
order of rows nor what else is simulated changes a draw, and a month's band and the year's come
from the same worlds.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import asinh, exp, expm1, fsum, sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from accounting.factors import FactorLibrary
from accounting.ledger import Figure
from accounting.uncertainty import (
    DEFAULTS,
    ActivityUncertainty,
    activity_class,
    activity_pct,
    allocation_pct,
    by_dips,
    exponents,
    factor_pct,
    is_share,
)

Floats = NDArray[np.float64]

DRAWS = 10_000
SEED = 615
Z95 = 1.959963984540054
SITE = "site"
SUBSTITUTION, LIFECYCLE, REDUCTION = "product_substitution", "lifecycle_emission", "reduction"
_MORE_THAN_IN, _FAIL = 1.0001, 0.05  # R20


# What goes in ---------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class ProductMonth:
    """A material of a line's month, over all batches that passed (R20).

    Parameters
    ----------
    line, month, material
        What it is: ``cable``, ``2026-07``, ``aluminium``.
    kappa_id, prim_id, rec_id
        The factors of S; an empty ``rec_id`` counts as zero (reuse as sheet).
    counted
        Whether it enters S: fate sold, reused or rerefined.
    mass_in_t, residue_t
        Input and residue of the line's month, t; the same in all its rows.
    mass_out_t
        The material's mass, t.
    estimated
        Whether the mass comes from a composition instead of the weighbridge.
    weighing_pct
        Half-width of the 95 % interval of ``mass_out_t``, percent; None takes the default.
    """

    line: str
    month: str
    material: str
    kappa_id: str
    prim_id: str
    rec_id: str
    counted: bool
    mass_in_t: float
    mass_out_t: float
    residue_t: float
    estimated: bool = False
    weighing_pct: float | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """What names the row within a simulation."""
        return (
            self.line, self.month, self.material, self.kappa_id, self.prim_id, self.rec_id,
            str(self.counted),
        )  # fmt: skip


@dataclass(frozen=True, order=True)
class Activity:
    """A term of another benefit figure: an activity times a product of factors.

    Parameters
    ----------
    indicator, entity, month
        The month's figure it belongs to: ``lifecycle_emission`` of a line, or ``substitution``
        of ``pv``, ``charger`` or ``heat_pump``.
    kind, ref, unit, factor_ids, quantity, coefficient
        As in the lineage; quantity x coefficient in kgCO2e.
    pct
        Half-width of the quantity's 95 % interval, percent.
    allocation_pct
        What being a share of a common resource adds, percent.
    """

    indicator: str
    entity: str
    month: str
    kind: str
    ref: str
    unit: str
    factor_ids: tuple[str, ...]
    quantity: float
    coefficient: float
    pct: float
    allocation_pct: float = 0.0

    @property
    def value(self) -> float:
        """What it adds to the figure, kgCO2e."""
        return self.quantity * self.coefficient


_KEY = ["line", "month", "material", "kappa_id", "prim_id", "rec_id", "counted"]


def product_months(
    outputs: pd.DataFrame, defaults: ActivityUncertainty = DEFAULTS
) -> tuple[ProductMonth, ...]:
    """Return batches' outputs summed by line, month and material.

    Parameters
    ----------
    outputs
        One row per output of a batch that passed: batch_id, mass_in_t, residue_t (t, the
        batch's; NaN counts as none), line, month, material, kappa_id, prim_id, rec_id, counted,
        mass_t (t), estimated.
    defaults
        Uncertainty of one weighing, percent.

    Returns
    -------
    tuple of ProductMonth
        In the order of their keys; ``weighing_pct`` is that of the sum.

    Notes
    -----
    Independent errors of n weighings have the sum u sqrt(sum m^2) / sum m, so one draw for the
    sum stands for a draw per weighing. Estimates from one composition err together and are not
    averaged: a row with any estimate counts as estimated.

    References
    ----------
    accounting.md §8, §13; IPCC 2006 Guidelines, Vol 1, Ch 3, Eq 3.2.
    """
    if outputs.empty:
        return ()
    batches = outputs.drop_duplicates("batch_id")
    whole = {
        key: (fsum(rows["mass_in_t"]), fsum(rows["residue_t"].fillna(0.0)))
        for key, rows in batches.groupby(["line", "month"])
    }
    found = []
    for key, rows in outputs.groupby(_KEY, sort=True):
        line, month, material, kappa_id, prim_id, rec_id, counted = key
        mass_in, residue = whole[line, month]
        mass = fsum(rows["mass_t"])
        estimated = bool(rows["estimated"].any())
        spread = sqrt(fsum(rows["mass_t"] ** 2)) / mass if mass else 0.0
        pct = defaults.estimated if estimated else defaults.weighbridge * spread
        found.append(
            ProductMonth(
                str(line), str(month), str(material), str(kappa_id), str(prim_id), str(rec_id),
                bool(counted), mass_in, mass, residue, estimated, pct,
            )
        )  # fmt: skip
    return tuple(sorted(found))


def activities_of(
    figure: Figure,
    defaults: ActivityUncertainty = DEFAULTS,
    *,
    allocated: Collection[tuple[str, str]] | None = None,
) -> tuple[Activity, ...]:
    """Return the terms of a month's ledger figure as activities.

    Parameters
    ----------
    figure
        ``lifecycle_emission`` of a line or ``substitution`` of a source, kgCO2e.
    defaults
        Uncertainty of the activity data, percent.
    allocated
        (kind, ref) of the sources of which the figure has only a share; without it every meter
        and fuel row of an allocated figure counts as shared.

    Returns
    -------
    tuple of Activity
        Empty for a null figure.

    References
    ----------
    accounting.md §13; accounting.uncertainty.figure_pct.
    """
    shared_pct = allocation_pct(figure.flags.split(";"), defaults)
    terms = [t for t in figure.terms if t.kind != "divisor" and t.quantity * t.coefficient != 0.0]
    tank = by_dips(terms)
    found = []
    for term in terms:
        shared = is_share(term.kind, term.ref, allocated)
        dipped = tank and term.kind == "fuel"
        name = "tank_dip" if dipped else activity_class(term.kind, term.unit)
        found.append(
            Activity(
                figure.indicator, figure.entity, figure.period, term.kind, term.ref, term.unit,
                term.factor_ids, term.quantity, term.coefficient,
                activity_pct(name, defaults, figure.estimated_pct), shared_pct if shared else 0.0,
            )
        )  # fmt: skip
    return tuple(found)


# What comes out -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Driver:
    """A group of inputs and its part in a band.

    Parameters
    ----------
    name
        A factor_id, or a class of activity data: ``weighbridge``, ``tonne_km``, ``fuel_log``,
        ``electricity_meter``, ``water_meter``, ``heat_meter``, ``odometer``, ``allocation``,
        ``estimated``.
    factor_ids
        The factor, empty for activity data.
    share_pct
        Its share of the variance, percent.
    """

    name: str
    factor_ids: tuple[str, ...]
    share_pct: float


@dataclass(frozen=True)
class Band:
    """A simulated figure, kgCO2e.

    Parameters
    ----------
    indicator, entity, period
        As in the ledger; the period is a month or a year.
    value
        The ledger's value: nothing drawn.
    mean, median, lo95, hi95
        Of the draws.
    half_pct
        Half the width of the interval, percent of the value's magnitude; None where that is 0.
    draws, seed
        How often and with what.
    drivers
        The greatest first; equal ones by name. Together never above 100 %.
    """

    indicator: str
    entity: str
    period: str
    value: float
    mean: float
    median: float
    lo95: float
    hi95: float
    half_pct: float | None
    draws: int
    seed: int
    drivers: tuple[Driver, ...]


@dataclass(frozen=True)
class Simulation:
    """Every band of a simulation.

    Parameters
    ----------
    bands
        By indicator, entity and period, in this order.
    closure_t
        The greatest |products + residue - input| over all draws and line-months, t.
    """

    bands: tuple[Band, ...]
    closure_t: float

    def band(self, indicator: str, entity: str, period: str) -> Band:
        """Return one band; a KeyError where there is none."""
        for band in self.bands:
            if (band.indicator, band.entity, band.period) == (indicator, entity, period):
                return band
        raise KeyError((indicator, entity, period))


@dataclass(frozen=True)
class Masses:
    """The drawn masses of a line's month, t.

    Parameters
    ----------
    rows
        The outputs, in the order of their keys.
    product_t
        Shape (outputs, draws).
    residue_t, input_t
        Shape (draws,); the residue holds what was lost without being weighed.
    """

    rows: tuple[ProductMonth, ...]
    product_t: Floats
    residue_t: Floats
    input_t: Floats

    @property
    def closure_t(self) -> float:
        """The greatest |products + residue - input| of any draw, t."""
        return float(np.abs(self.product_t.sum(axis=0) + self.residue_t - self.input_t).max())


# Draws ----------------------------------------------------------------------------------------


def normals(seed: int, key: Sequence[str], shape: int | tuple[int, int]) -> Floats:
    """Return the standard normal draws that belong to a key.

    Parameters
    ----------
    seed
        The simulation's seed, 0 or more.
    key
        What is drawn. Its digest names the stream, so that a stream depends on nothing else.
    shape
        Of the result; the last axis are the draws.

    Returns
    -------
    numpy.ndarray
        float64, standard normal.
    """
    digest = hashlib.sha256("\x1f".join(key).encode()).digest()
    words = np.frombuffer(digest[:16], "<u4").tolist()
    stream = np.random.SeedSequence(seed, spawn_key=words)
    return np.random.Generator(np.random.PCG64(stream)).standard_normal(shape)


def log_sd(pct: float) -> float:
    """Return the sigma of the log-normal whose 95 % interval is 2 x pct % of its median wide.

    Parameters
    ----------
    pct
        Half-width, percent.

    Returns
    -------
    float
        sigma with sinh(1.96 sigma) = pct / 100.
    """
    return asinh(pct / 100.0) / Z95


@dataclass
class _World:
    """What all figures of one simulation share."""

    library: FactorLibrary
    defaults: ActivityUncertainty
    draws: int
    seed: int
    _factors: dict[str, Floats] = field(default_factory=dict)
    _products: dict[tuple[tuple[str, int], ...], Floats] = field(default_factory=dict)

    def normal(self, *key: str) -> Floats:
        return normals(self.seed, key, self.draws)

    def sigma(self, factor_id: str) -> float:
        return log_sd(factor_pct(self.library.rows[factor_id], self.defaults))

    def value(self, factor_id: str) -> float:
        return self.library.rows[factor_id].value if factor_id else 0.0

    def factor(self, factor_id: str) -> Floats:
        """Return the factor's draws relative to its value, shape (draws,)."""
        if factor_id not in self._factors:
            sigma = self.sigma(factor_id)
            self._factors[factor_id] = np.exp(sigma * self.normal("factor", factor_id))
        return self._factors[factor_id]

    def product(self, powers: tuple[tuple[str, int], ...]) -> Floats:
        """Return the relative draws of a product of powers of factors, shape (draws,)."""
        if powers not in self._products:
            whole = np.ones(self.draws)
            for factor_id, power in powers:
                whole = whole * self.factor(factor_id) ** power
            self._products[powers] = whole
        return self._products[powers]


def draw_masses(
    rows: Iterable[ProductMonth],
    *,
    draws: int = DRAWS,
    seed: int = SEED,
    defaults: ActivityUncertainty = DEFAULTS,
) -> Masses:
    """Return joint draws of the masses of one line's month.

    Parameters
    ----------
    rows
        Every output of the month, counted in S or not.
    draws, seed
        How many, and of which streams.
    defaults
        Uncertainty of a weighing and of a composition, percent.

    Returns
    -------
    Masses
        products + residue = input in every draw.

    Raises
    ------
    ValueError
        The rows are not of one line and month, differ in input or residue, name one output
        twice, or do not close as a passed batch does (R20).

    Notes
    -----
    w_k = m_k exp(sigma_k z_k) over outputs and residue, shares = w / sum w (logistic-normal),
    masses = shares x input. Input = sum w if all outputs were weighed, which leaves each product
    its own spread; else the weighed input with its own error. What neither output nor recorded
    residue explains is loss and counts as residue.

    References
    ----------
    Aitchison (1986), The Statistical Analysis of Compositional Data; accounting.md §8, §13.
    """
    ordered = tuple(sorted(rows, key=lambda row: row.key))
    _check(ordered)
    first = ordered[0]
    out = fsum(row.mass_out_t for row in ordered)
    residue = max(0.0, first.mass_in_t - out)
    nominal = np.array([*(row.mass_out_t for row in ordered), residue])
    pcts = [*(_weighing_pct(row, defaults) for row in ordered), defaults.weighbridge]
    sigma = np.array([log_sd(pct) for pct in [*pcts, defaults.weighbridge]])
    z = normals(seed, ("weighing", first.line, first.month), (len(nominal) + 1, draws))
    spread = np.exp(sigma[:, None] * z)
    weights = nominal[:, None] * spread[:-1]
    whole = weights.sum(axis=0)
    if any(row.estimated for row in ordered) and nominal.any():
        input_t = nominal.sum() * spread[-1]
        weights *= input_t / whole
    else:
        input_t = whole
    return Masses(ordered, weights[:-1], weights[-1], input_t)


def _weighing_pct(row: ProductMonth, defaults: ActivityUncertainty) -> float:
    if row.weighing_pct is not None:
        return row.weighing_pct
    return defaults.estimated if row.estimated else defaults.weighbridge


def _check(rows: Sequence[ProductMonth]) -> None:
    """Refuse rows that are not the outputs of one line's month, or that do not close."""
    if len({(r.line, r.month, r.mass_in_t, r.residue_t) for r in rows}) != 1:
        raise ValueError("outputs of one line and month share its input and residue")
    if len({row.key for row in rows}) != len(rows):
        raise ValueError(f"{rows[0].line} {rows[0].month}: an output stands twice")
    if min(*(row.mass_out_t for row in rows), rows[0].mass_in_t, rows[0].residue_t) < 0.0:
        raise ValueError(f"{rows[0].line} {rows[0].month}: a mass is negative")
    whole = rows[0].mass_in_t
    out = fsum([*(row.mass_out_t for row in rows), rows[0].residue_t])
    if out > whole * _MORE_THAN_IN or whole - out > whole * _FAIL * (1.0 + 1e-9):
        raise ValueError(f"{rows[0].line} {rows[0].month}: {whole} t in, {out} t out")


# Samples: drawn figures and the inputs they respond to ----------------------------------------


class _Input(NamedTuple):
    """Something drawn once: its driver's name, and what tells it from others of that name."""

    name: str
    is_factor: bool
    ident: tuple[str, ...] = ()


class _Key(NamedTuple):
    indicator: str
    entity: str
    period: str


@dataclass(frozen=True)
class _Sample:
    """A figure: its value, its draws, and its signed standard deviation by input, kgCO2e.

    The standard deviations are first order: dy/dx at the value times the input's own. They add
    up like the figures do, with their signs, so that what is shared adds linearly.
    """

    value: float
    drawn: Floats
    inputs: Mapping[_Input, float]


def _combined(parts: Sequence[tuple[float, _Sample]]) -> _Sample:
    """Return the sum of samples, each times its sign."""
    drawn = np.zeros_like(parts[0][1].drawn)
    inputs: dict[_Input, float] = {}
    for sign, sample in parts:
        drawn += sign * sample.drawn
        for name, sd in sample.inputs.items():
            inputs[name] = inputs.get(name, 0.0) + sign * sd
    return _Sample(fsum(sign * sample.value for sign, sample in parts), drawn, inputs)


def _factor_sd(sigma: float) -> float:
    """Return the relative standard deviation of a log-normal factor."""
    return sqrt(expm1(sigma * sigma)) * exp(0.5 * sigma * sigma)


def _factor_inputs(world: _World, slopes: Mapping[str, Sequence[float]]) -> dict[_Input, float]:
    return {
        _Input(name, True): fsum(parts) * _factor_sd(world.sigma(name))
        for name, parts in sorted(slopes.items())
    }


# S --------------------------------------------------------------------------------------------


def _substitution(world: _World, masses: Masses) -> _Sample:
    """Return S of a line's month: sum m kappa (EF_prim - EF_rec) over what counts."""
    drawn, weighing = np.zeros(world.draws), np.zeros(world.draws)
    values: list[float] = []
    slopes: dict[str, list[float]] = {}
    for row, mass in zip(masses.rows, masses.product_t, strict=True):
        if not row.counted:
            continue
        kappa = world.value(row.kappa_id)
        prim, rec = kappa * world.value(row.prim_id), kappa * world.value(row.rec_id)
        drawn += mass * _net(world, row, prim, rec)
        weighing += (mass - row.mass_out_t) * (prim - rec)
        values.append(row.mass_out_t * (prim - rec))
        slopes.setdefault(row.kappa_id, []).append(values[-1])
        slopes.setdefault(row.prim_id, []).append(row.mass_out_t * prim)
        if row.rec_id:
            slopes.setdefault(row.rec_id, []).append(-row.mass_out_t * rec)
    name = "estimated" if any(row.estimated for row in masses.rows) else "weighbridge"
    place = (masses.rows[0].line, masses.rows[0].month)
    inputs = _factor_inputs(world, slopes)
    inputs[_Input(name, False, place)] = float(weighing.std())
    return _Sample(fsum(values), drawn, inputs)


def _net(world: _World, row: ProductMonth, prim: float, rec: float) -> Floats:
    """Return kappa (EF_prim - EF_rec) in every draw, kgCO2e/t."""
    net = prim * world.factor(row.prim_id)
    if row.rec_id:
        net = net - rec * world.factor(row.rec_id)
    return net * world.factor(row.kappa_id)


# L, PV, chargers, heat pump -------------------------------------------------------------------

_Powers = tuple[tuple[str, int], ...]
_Source = tuple[str, str, str]


def _source(row: Activity) -> _Source:
    return (row.kind, row.ref, row.unit)


def _cell(row: Activity) -> _Key:
    return _Key(row.indicator, row.entity, row.month)


def _powers(row: Activity) -> _Powers:
    return tuple(exponents(row.unit, row.factor_ids).items())


def _activity_samples(world: _World, rows: Sequence[Activity]) -> dict[_Key, _Sample]:
    """Return the figures that activities add up to."""
    ordered = sorted(rows, key=lambda row: (_cell(row), _powers(row), row))
    places = {(_source(row), _cell(row), _powers(row)) for row in ordered}
    counted = Counter(source for source, _, _ in places)
    shared = {source for source, n in counted.items() if n > 1}
    found = {}
    for cell, of_cell in groupby(ordered, key=_cell):
        parts = [
            _term_sample(world, cell, powers, tuple(same), shared)
            for powers, same in groupby(of_cell, key=_powers)
        ]
        found[cell] = _combined([(1.0, part) for part in parts])
    for cell, sample in _allocation_samples(world, ordered):
        found[cell] = _combined([(1.0, found[cell]), (1.0, sample)])
    return found


def _term_sample(
    world: _World,
    cell: _Key,
    powers: _Powers,
    rows: Sequence[Activity],
    shared: Collection[_Source],
) -> _Sample:
    """Return the sum of a figure's terms that hold the same factors."""
    value = fsum(row.value for row in rows)
    inputs = _activity_inputs(cell, powers, rows, shared)
    activity = np.full(world.draws, value)
    for name, sd in inputs.items():
        activity += sd * world.normal(name.name, *name.ident)
    slopes = {factor_id: (power * value,) for factor_id, power in powers}
    return _Sample(
        value, activity * world.product(powers), inputs | _factor_inputs(world, slopes)
    )  # fmt: skip


def _activity_inputs(
    cell: _Key, powers: _Powers, rows: Sequence[Activity], shared: Collection[_Source]
) -> dict[_Input, float]:
    """Return the standard deviations of the activity, kgCO2e: shared sources, and pools."""
    spreads: dict[_Source, list[float]] = {}
    for row in rows:
        spreads.setdefault(_source(row), []).append(row.value * row.pct / 100.0 / Z95)
    inputs: dict[_Input, float] = {}
    pools: dict[str, list[float]] = {}
    for source, parts in spreads.items():
        name, sd = activity_class(source[0], source[2]), fsum(parts)
        if source in shared:
            inputs[_Input(name, False, source)] = sd
        else:
            pools.setdefault(name, []).append(sd * sd)
    factors = ";".join(f"{factor_id}^{power}" for factor_id, power in powers)
    for name, squares in pools.items():
        inputs[_Input(name, False, (*cell, factors))] = sqrt(fsum(squares))
    return {name: sd for name, sd in inputs.items() if sd}


def _allocation_samples(world: _World, rows: Iterable[Activity]) -> Iterator[tuple[_Key, _Sample]]:
    """Yield what wrong keys add: what one line gets too much, the others get too little."""
    amounts: dict[tuple[str, str], dict[str, list[Activity]]] = {}
    for row in rows:
        if row.allocation_pct:
            of_month = amounts.setdefault((row.indicator, row.month), {})
            of_month.setdefault(row.entity, []).append(row)
    for (indicator, month), of_month in amounts.items():
        parts = {entity: fsum(r.value for r in found) for entity, found in of_month.items()}
        whole = fsum(parts.values())
        if not whole:
            continue
        sds = {e: max(r.allocation_pct for r in f) / 100.0 / Z95 for e, f in of_month.items()}
        for entity, amount in parts.items():
            inputs = {
                _Input("allocation", False, (indicator, other)):
                    amount * sds[other] * ((other == entity) - parts[other] / whole)
                for other in parts
            }  # fmt: skip
            drawn = np.zeros(world.draws)
            for name, sd in inputs.items():
                drawn += sd * world.normal(name.name, *name.ident)
            yield _Key(indicator, entity, month), _Sample(0.0, drawn, inputs)


# Bands ----------------------------------------------------------------------------------------


def simulate(
    products: Iterable[ProductMonth],
    activities: Iterable[Activity],
    library: FactorLibrary,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
    defaults: ActivityUncertainty = DEFAULTS,
) -> Simulation:
    """Return the bands of the benefit figures of a site by joint simulation.

    Parameters
    ----------
    products
        What S is made of: every output of every line and month.
    activities
        The terms of L by line and of the substitution of PV, chargers and heat pump. The
        allocation closes over the lines, so that all of them belong in here.
    library
        The factors.
    draws, seed
        How many draws, at least 100, and of which streams; the same seed gives the same bytes,
        whatever the order of the rows.
    defaults
        Uncertainty of weighings and of factors without one, percent.

    Returns
    -------
    Simulation
        For each month: S, L and R = S - L by line and of the site, substitution by source and
        of the site; R where S and L both are. For each year the sums of the months given.

    Raises
    ------
    KeyError
        The library has no row for a factor.
    ValueError
        Too few draws, or outputs that do not close (see `draw_masses`).

    Notes
    -----
    A driver's share is the squared standardised regression coefficient of the figure on the
    driver's first-order contribution: the contribution's variance over the figure's. The slopes
    are derivatives and not estimates, so that small drivers keep their rank from seed to seed.
    Where sampling leaves the contributions a greater sum than the variance, they are scaled to
    100 %; what is missing to 100 % are products of errors.

    References
    ----------
    IPCC 2006 Guidelines, Vol 1, Ch 3, Approach 2; accounting.md §6-§8, §13.
    """
    if draws < 100:
        raise ValueError(f"{draws} draws are too few for a 95 % interval")
    world = _World(library, defaults, draws, seed)
    months = _activity_samples(world, tuple(activities))
    closure_t = 0.0
    by_line = sorted(products, key=lambda row: (row.line, row.month))
    for (line, month), rows in groupby(by_line, key=lambda row: (row.line, row.month)):
        masses = draw_masses(rows, draws=draws, seed=seed, defaults=defaults)
        closure_t = max(closure_t, masses.closure_t)
        months[_Key(SUBSTITUTION, line, month)] = _substitution(world, masses)
    months = _with_reduction(_with_site(months))
    return Simulation(_bands(world, months | _years(months)), closure_t)


def _with_site(months: Mapping[_Key, _Sample]) -> dict[_Key, _Sample]:
    parts: dict[_Key, list[tuple[float, _Sample]]] = {}
    for key in sorted(months):
        parts.setdefault(key._replace(entity=SITE), []).append((1.0, months[key]))
    return {**months, **{key: _combined(found) for key, found in parts.items()}}


def _with_reduction(months: Mapping[_Key, _Sample]) -> dict[_Key, _Sample]:
    """Add R = S - L of every line and of the site, L's unallocated part included (R20)."""
    found = dict(months)
    for key in sorted(months):
        other = key._replace(indicator=LIFECYCLE)
        if key.indicator == SUBSTITUTION and other in months:
            parts = ((1.0, months[key]), (-1.0, months[other]))
            found[key._replace(indicator=REDUCTION)] = _combined(parts)
    return found


def _years(months: Mapping[_Key, _Sample]) -> dict[_Key, _Sample]:
    parts: dict[_Key, list[tuple[float, _Sample]]] = {}
    for key in sorted(months):
        year = key._replace(period=key.period[:4])
        parts.setdefault(year, []).append((1.0, months[key]))
    return {key: _combined(found) for key, found in parts.items()}


def _bands(world: _World, samples: Mapping[_Key, _Sample]) -> tuple[Band, ...]:
    keys = sorted(samples)
    if not keys:
        return ()
    table = np.stack([samples[key].drawn for key in keys])
    low, median, high = np.quantile(table, (0.025, 0.5, 0.975), axis=1).tolist()
    means, variances = table.mean(axis=1).tolist(), table.var(axis=1).tolist()
    found = []
    for at, key in enumerate(keys):
        value = samples[key].value
        half = 50.0 * (high[at] - low[at]) / abs(value) if value else None
        found.append(
            Band(
                *key, value, means[at], median[at], low[at], high[at], half, world.draws,
                world.seed, _drivers(samples[key].inputs, variances[at]),
            )
        )  # fmt: skip
    return tuple(found)


def _drivers(inputs: Mapping[_Input, float], variance: float) -> tuple[Driver, ...]:
    squares: dict[tuple[str, bool], list[float]] = {}
    for name, sd in inputs.items():
        squares.setdefault((name.name, name.is_factor), []).append(sd * sd)
    parts = {name: fsum(found) for name, found in squares.items()}
    whole = max(variance, fsum(parts.values()))
    drivers = [
        Driver(name, (name,) if is_factor else (), 100.0 * part / whole)
        for (name, is_factor), part in parts.items()
        if part
    ]
    return tuple(sorted(drivers, key=lambda driver: (-driver.share_pct, driver.name)))
