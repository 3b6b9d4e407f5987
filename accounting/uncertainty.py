"""How sure a figure is (module M11, accounting.md §13) and how good the data behind it are.

A figure is a linear form over its sources, its coefficients are products of factors
(accounting.ledger.TermRow). First order and with independent sources q_i and factors f_j::

    u^2 = (sum_i (u_qi x_i)^2 + sum_j (u_fj sum_i n_ij x_i)^2) / y^2

x_i is what all terms of source i add to y with their signs, n_ij the exponent of factor j in a
term. Eq 3.1 and 3.2 of the IPCC guidelines are its special cases; a factor that stands in many
terms is drawn once, so "first add the activity, then multiply" needs no rule of its own.
Percentages are half-widths of 95 % intervals throughout.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, fsum, isnan, sqrt

from accounting.factors import Factor, FactorLibrary
from accounting.ledger import TermRow

_NOTHING = 1e-12  # a sum below this part of its terms is rounding, not a value


# Tier 1 ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ActivityUncertainty:
    """Half-widths of 95 % intervals of activity data, percent (accounting.md §13).

    Parameters
    ----------
    electricity_meter, heat_meter, water_meter
        Meters of class 0.5 to 1; heat meters count as electricity meters.
    fuel_log, tank_dip
        Litres from a log, and a tank's level.
    weighbridge, tonne_km
        Batches and their outputs; haulage.
    odometer
        Kilometres. §13 names none; they are written down like a fuel log.
    exact
        Areas, counts, nameplates and clock hours.
    allocation_job, allocation_mass
        What a share in a common resource adds, by where its key comes from.
    estimated
        Estimated data, and what nobody classified.
    factor
        A factor without an uncertainty of its own.
    """

    electricity_meter: float = 1.0
    heat_meter: float = 1.0
    water_meter: float = 3.0
    fuel_log: float = 2.0
    tank_dip: float = 5.0
    weighbridge: float = 1.0
    tonne_km: float = 10.0
    odometer: float = 2.0
    exact: float = 0.0
    allocation_job: float = 10.0
    allocation_mass: float = 20.0
    estimated: float = 15.0
    factor: float = 30.0


DEFAULTS = ActivityUncertainty()

_CLASS_OF_UNIT = {
    "kWh": "electricity_meter",
    "MWh": "electricity_meter",
    "GJ": "heat_meter",
    "m3": "water_meter",
    "L": "fuel_log",
    "t": "weighbridge",
    "kg": "weighbridge",
    "km": "odometer",
    **dict.fromkeys(("t*km", "t·km", "tkm", "t km"), "tonne_km"),
    **dict.fromkeys(("m2", "h", "1", "unit", "kW", "kWp"), "exact"),
}
# alloc_kwh stands in for a missing throughput: no better a key than mass
_ALLOCATION = {
    "alloc_job": "allocation_job",
    "alloc_mass": "allocation_mass",
    "alloc_kwh": "allocation_mass",
}


def product_pct(parts: Iterable[float]) -> float:
    """Return the uncertainty of a product of independent quantities.

    Parameters
    ----------
    parts
        Half-widths of the factors' 95 % intervals, percent.

    Returns
    -------
    float
        Half-width of the product's, percent: the root of the sum of squares.

    References
    ----------
    IPCC 2006 Guidelines, Vol 1, Ch 3, Eq 3.1; accounting.md §13.
    """
    return sqrt(fsum(part * part for part in parts))


def sum_pct(values: Sequence[float], parts_pct: Sequence[float]) -> float | None:
    """Return the uncertainty of a sum or difference of independent quantities.

    Parameters
    ----------
    values
        Shape (n,), the summands with their signs, all in one unit.
    parts_pct
        Shape (n,), half-widths of their 95 % intervals, percent of each.

    Returns
    -------
    float or None
        Half-width of the sum's, percent of its magnitude; None where the sum is zero.

    Raises
    ------
    ValueError
        The sequences differ in length.

    References
    ----------
    IPCC 2006 Guidelines, Vol 1, Ch 3, Eq 3.2; accounting.md §13.
    """
    spread = fsum((x * u) ** 2 for x, u in zip(values, parts_pct, strict=True))
    whole = fsum(values)
    if abs(whole) <= _NOTHING * fsum(abs(x) for x in values):
        return None
    return sqrt(spread) / abs(whole)


def activity_class(kind: str, unit: str) -> str:
    """Return which of the defaults a source has.

    Parameters
    ----------
    kind
        As in the lineage: meter, fuel, batch, output, trip, vehicle, area, divisor, ...
    unit
        The source's unit. It tells electricity, water and heat apart, and the litres of a trip
        from its tonne-kilometres.

    Returns
    -------
    str
        Name of a field of `ActivityUncertainty`; ``estimated`` for what is not known here.

    Raises
    ------
    ValueError
        The source is a figure: a sum over months is asked with its months' terms.

    References
    ----------
    accounting.md §13.
    """
    if kind == "figure":
        raise ValueError("a figure has no uncertainty of its own: give the terms it is made of")
    if kind == "factor":
        return "exact"  # the factor's own uncertainty counts instead
    if kind == "trip":
        return "fuel_log" if unit == "L" else "tonne_km"
    return _CLASS_OF_UNIT.get(unit, "estimated")


def activity_pct(
    name: str, defaults: ActivityUncertainty = DEFAULTS, estimated_pct: float | None = None
) -> float:
    """Return the uncertainty of a source, part of which may be estimated.

    Parameters
    ----------
    name
        A class that `activity_class` returns.
    defaults
        The half-width of each class, percent.
    estimated_pct
        Estimated share of the figure's hours, 0 to 100 percent; None counts as 0.

    Returns
    -------
    float
        Half-width of the 95 % interval, percent.

    Notes
    -----
    A mean over the measured and the estimated part by Eq 3.2 would make a source that is bad
    to begin with better when some of it is estimated. So the excess is mixed,
    u^2 = u_m^2 + e^2 max(0, u_e^2 - u_m^2): u_m where nothing is estimated, u_e where all is,
    and never less with more estimates.

    References
    ----------
    accounting.md §13.
    """
    own = float(getattr(defaults, name))
    if name == "exact" or not estimated_pct:
        return own
    share = min(max(estimated_pct / 100.0, 0.0), 1.0)
    return sqrt(own**2 + share**2 * max(0.0, defaults.estimated**2 - own**2))


def factor_pct(factor: Factor, defaults: ActivityUncertainty = DEFAULTS) -> float:
    """Return a factor's uncertainty, the default where its row is blank.

    Parameters
    ----------
    factor
        A row of the library.
    defaults
        Holds what a blank counts as.

    Returns
    -------
    float
        Half-width of the 95 % interval, percent.

    References
    ----------
    accounting.md §13: blank counts as 30 %.
    """
    return defaults.factor if factor.uncertainty_pct is None else factor.uncertainty_pct


def exponents(unit: str, factor_ids: Iterable[str]) -> dict[str, int]:
    """Return the power to which each factor of a term enters its coefficient.

    Parameters
    ----------
    unit
        The unit of the term's quantity.
    factor_ids
        The factors the coefficient is made of, in their order, repeated where one enters twice.

    Returns
    -------
    dict
        factor_id to exponent, in the order of the identifiers, without those that cancel. The
        standard air conditioner's efficiencies divide (§6). An electric vehicle's consumption
        turns kWh into km by dividing and km into kWh by multiplying, in turns: km e_bus / e_car
        is the charging that a bus takes from the cars' rest (R18).

    References
    ----------
    accounting.md §6, R17, R18.
    """
    found: Counter[str] = Counter()
    driven = unit == "km"
    for factor_id in factor_ids:
        power = -1 if factor_id in _DIVIDING else 1
        if factor_id in _CONSUMPTION:
            power, driven = (1 if driven else -1), not driven
        found[factor_id] += power
    return {factor_id: power for factor_id, power in sorted(found.items()) if power}


_DIVIDING = frozenset({"AC_EER_C", "AC_COP_H"})
_CONSUMPTION = frozenset({"VEH_EV_CAR", "VEH_EV_BUS"})


def figure_pct(
    terms: Sequence[TermRow],
    library: FactorLibrary,
    defaults: ActivityUncertainty = DEFAULTS,
    *,
    flags: Collection[str] = (),
    estimated_pct: float | None = None,
    allocated: Collection[tuple[str, str]] | None = None,
) -> float | None:
    """Return the uncertainty of a ledger figure from its terms.

    Parameters
    ----------
    terms
        The figure's lineage; for a sum over months or entities the terms of all its parts.
        Each coefficient is a product of its factors and of numbers without uncertainty: a
        difference of factors stands as two terms.
    library
        Where the terms' factors are found.
    defaults
        Uncertainty of the activity data, percent.
    flags
        The figure's flags; alloc_job, alloc_mass and alloc_kwh add the allocation.
    estimated_pct
        Estimated share of the figure's hours, percent.
    allocated
        (kind, ref) of the sources of which the figure has only a share; without it every meter
        and fuel row of an allocated figure counts as shared, which is never too small.

    Returns
    -------
    float or None
        Half-width of the 95 % interval, percent of the figure's magnitude; None without terms
        or where they sum to zero.

    Raises
    ------
    KeyError
        The library has no row for a factor.
    ValueError
        A term is a figure, or holds a primary and a recycled factor in one coefficient.

    Notes
    -----
    Rows of one source count as one draw wherever they stand, so a meter's error is the same
    in every month and does not average out over the year. An allocation's error is one draw
    for all shared sources of the figure: the keys are the same. A divisor (of a quotient) adds
    its own uncertainty by Eq 3.1, without credit for being a sum.

    References
    ----------
    IPCC 2006 Guidelines, Vol 1, Ch 3, Eq 3.1 and 3.2; accounting.md §13.
    """
    summed = [t for t in terms if t.kind != "divisor"]
    parts = [t.quantity * t.coefficient for t in summed]
    value, scale = fsum(parts), fsum(abs(part) for part in parts)
    if abs(value) <= _NOTHING * scale:
        return None
    # what is left of terms that cancel must not count as a sign
    summed = [t for t, x in zip(summed, parts, strict=True) if abs(x) > _NOTHING * scale]
    spreads = [
        *_source_spreads(summed, defaults, estimated_pct),
        *_factor_spreads(summed, library, defaults),
        _allocation_spread(summed, defaults, flags, allocated),
    ]
    below = (
        activity_pct(activity_class(t.kind, t.unit), defaults) for t in terms if t.kind == "divisor"
    )
    return product_pct((product_pct(spreads) / abs(value), *below))


def _source_spreads(
    terms: Sequence[TermRow], defaults: ActivityUncertainty, estimated_pct: float | None
) -> list[float]:
    """Return u x of every source, in percent times the figure's unit."""
    parts: dict[tuple[str, str, str], list[float]] = {}
    for term in terms:
        key = (term.kind, term.ref, term.unit)
        parts.setdefault(key, []).append(term.quantity * term.coefficient)
    tank = by_dips(terms)
    spreads = []
    for (kind, _, unit), found in parts.items():
        name = "tank_dip" if tank and kind == "fuel" else activity_class(kind, unit)
        spreads.append(activity_pct(name, defaults, estimated_pct) * fsum(found))
    return spreads


def by_dips(terms: Iterable[TermRow]) -> bool:
    """Return whether the fuel of a figure is read from a tank's book.

    Parameters
    ----------
    terms
        The figure's terms that count.

    Returns
    -------
    bool
        Whether fuel rows of both signs hold the same factors: only a closing dip is subtracted.

    References
    ----------
    accounting.md R13: first dip + deliveries - last dip.
    """
    signs: dict[tuple[str, ...], set[bool]] = {}
    for term in terms:
        if term.kind == "fuel":
            signs.setdefault(term.factor_ids, set()).add(term.coefficient > 0)
    return any(len(found) == 2 for found in signs.values())


def _factor_spreads(
    terms: Iterable[TermRow], library: FactorLibrary, defaults: ActivityUncertainty
) -> list[float]:
    """Return u x of every factor over all terms that hold it."""
    parts: dict[str, list[float]] = {}
    powers: dict[tuple[str, tuple[str, ...]], dict[str, int]] = {}
    for term in terms:
        names = (term.ref, *term.factor_ids) if term.kind == "factor" else term.factor_ids
        if (term.unit, names) not in powers:  # a few combinations stand in hundreds of terms
            _refuse_difference(names, library)
            powers[term.unit, names] = exponents(term.unit, names)
        for factor_id, power in powers[term.unit, names].items():
            parts.setdefault(factor_id, []).append(power * term.quantity * term.coefficient)
    return [factor_pct(library.rows[name], defaults) * fsum(x) for name, x in parts.items()]


def _refuse_difference(names: Iterable[str], library: FactorLibrary) -> None:
    categories = {library.rows[name].category for name in names}
    if {"material_primary", "material_recycled"} <= categories:
        raise ValueError(f"{'; '.join(names)}: a difference of factors stands as two terms")


def _allocation_spread(
    terms: Iterable[TermRow],
    defaults: ActivityUncertainty,
    flags: Collection[str],
    allocated: Collection[tuple[str, str]] | None,
) -> float:
    pct = allocation_pct(flags, defaults)
    shared = (t.quantity * t.coefficient for t in terms if is_share(t.kind, t.ref, allocated))
    return pct * fsum(shared) if pct else 0.0


def is_share(kind: str, ref: str, allocated: Collection[tuple[str, str]] | None) -> bool:
    """Return whether an allocated figure has only a share of a source.

    Parameters
    ----------
    kind, ref
        The source.
    allocated
        (kind, ref) of the shared sources; None where nobody says: every meter and fuel row.

    Returns
    -------
    bool
        Whether its allocation's uncertainty counts.
    """
    return kind in ("meter", "fuel") if allocated is None else (kind, ref) in allocated


def allocation_pct(flags: Collection[str], defaults: ActivityUncertainty = DEFAULTS) -> float:
    """Return what being a share of a common resource adds to a source's uncertainty.

    Parameters
    ----------
    flags
        The figure's flags.
    defaults
        Percent by where the key comes from.

    Returns
    -------
    float
        Half-width of the 95 % interval, percent; the worst where keys of several kinds were
        used, 0 where nothing was allocated.

    References
    ----------
    accounting.md §13, R11: 10 % by job log, 20 % by mass; kWh as a key counts like mass.
    """
    return max(
        (float(getattr(defaults, field)) for flag, field in _ALLOCATION.items() if flag in flags),
        default=0.0,
    )


# Data quality ---------------------------------------------------------------------------------

_SOURCES = {"meter": 1, "invoice": 2, "log": 3, "estimate": 4, "default": 5}
_SOURCE_OF_KIND = {
    "meter": "meter",
    "batch": "meter",  # weighbridge tickets are readings of an instrument
    "output": "meter",
    "green_electricity": "invoice",
    "green_certificate": "invoice",
    "fuel": "log",
    "trip": "log",
    "vehicle": "log",
    "job": "log",
    "area": "log",
}
_CONFIDENCE = {"high": 1, "medium": 3, "low": 5}
_COMPLETE = ((0.98, 1), (0.95, 2), (0.80, 3), (0.50, 4))
_GRIDS = frozenset(
    f"CN-{name}"
    for name in ("NORTH", "NORTHEAST", "EAST", "CENTRAL", "NORTHWEST", "SOUTH", "SOUTHWEST")
)
_BANDS = ((1.5, "A"), (2.5, "B"), (3.5, "C"))


@dataclass(frozen=True)
class Quality:
    """The five items of a datum's quality, each from 1 (best) to 5 (accounting.md §13)."""

    source: int
    time: int
    place: int
    technology: int
    completeness: int

    def __post_init__(self) -> None:
        if not all(1 <= item <= 5 for item in self.items):
            raise ValueError(f"quality items run from 1 to 5: {self.items}")

    @property
    def items(self) -> tuple[int, int, int, int, int]:
        """The items in the order of §13."""
        return (self.source, self.time, self.place, self.technology, self.completeness)

    @property
    def score(self) -> float:
        """Their mean, 1 to 5."""
        return sum(self.items) / 5.0


def source_score(name: str) -> int:
    """Return the score of where a datum comes from.

    Parameters
    ----------
    name
        meter, invoice, log, estimate or default; or a factor's confidence high, medium, low.

    Returns
    -------
    int
        1 to 5; high, medium and low are 1, 3 and 5.

    Raises
    ------
    KeyError
        It is none of these.

    References
    ----------
    accounting.md §13.
    """
    return _SOURCES[name] if name in _SOURCES else _CONFIDENCE[name]


def time_score(valid_from: date | None, month: date) -> int:
    """Return the score of a datum's age against the activity's month.

    Parameters
    ----------
    valid_from
        The first day the datum stands for; None where nobody knows.
    month
        A day of the activity's month.

    Returns
    -------
    int
        1 in the same month, 2, 3 and 4 up to one, two and three years away (before or after),
        5 beyond and where unknown.

    References
    ----------
    accounting.md §13; §13 names the two ends, the steps between are years.
    """
    if valid_from is None:
        return 5
    months = abs((month.year - valid_from.year) * 12 + month.month - valid_from.month)
    return 1 if months == 0 else min(5, 2 + (months - 1) // 12)


def place_score(region: str, province: str) -> int:
    """Return the score of where a datum holds against where the site is.

    Parameters
    ----------
    region
        As in the factor library: ``CN-HE``, ``CN-NORTH``, ``CN``, ``UK``, ``GLOBAL``, ``ANY``.
    province
        The site's, ``CN-HE``.

    Returns
    -------
    int
        1 the province, 2 the country or one of its grids, 3 another province, 4 another
        country, 5 the world or nowhere.

    References
    ----------
    accounting.md §13; §13 names the two ends.
    """
    if region == province:
        return 1
    if region == "CN" or region in _GRIDS:
        return 2
    if region.startswith("CN-"):
        return 3
    return 5 if region in ("", "ANY", "GLOBAL") else 4


def technology_score(factor: Factor) -> int:
    """Return the score of whether a factor is of the technology it is used for.

    Parameters
    ----------
    factor
        A row of the library.

    Returns
    -------
    int
        5 where the row calls itself a proxy, 3 where it is an engineering default, else 1.

    References
    ----------
    accounting.md §13; §13 names the two ends.
    """
    words = " ".join((factor.name_zh, factor.name_en, factor.source_ref, factor.note)).lower()
    if "proxy" in words:
        return 5
    return 3 if factor.source == "engineering default" else 1


def completeness_score(coverage: float | None) -> int:
    """Return the score of how much of a period is covered.

    Parameters
    ----------
    coverage
        c of §2 as a ratio, 0 to 1; None where unknown.

    Returns
    -------
    int
        1 from 0.98, 2 from 0.95, 3 from 0.8, 4 from 0.5, else 5.

    References
    ----------
    accounting.md §13.
    """
    if coverage is None or isnan(coverage):
        return 5
    return next((score for limit, score in _COMPLETE if coverage >= limit), 5)


def factor_quality(factor: Factor, month: date, province: str) -> Quality:
    """Return the quality of a factor where and when it is used.

    Parameters
    ----------
    factor
        A row of the library.
    month
        A day of the activity's month.
    province
        The site's, ``CN-HE``.

    Returns
    -------
    Quality
        A published number has no gaps: its completeness is 1.

    References
    ----------
    accounting.md §13.
    """
    return Quality(
        source_score(factor.confidence),
        time_score(factor.valid_from, month),
        place_score(factor.region, province),
        technology_score(factor),
        1,
    )


def activity_quality(kind: str, coverage: float | None, *, estimated: bool = False) -> Quality:
    """Return the quality of what a site recorded itself.

    Parameters
    ----------
    kind
        As in the lineage: meter, fuel, batch, ...
    coverage
        The share of the period that is covered, 0 to 1.
    estimated
        Whether it is estimated.

    Returns
    -------
    Quality
        It is of the site, the month and the technology: these are 1.

    References
    ----------
    accounting.md §13.
    """
    name = "estimate" if estimated else _SOURCE_OF_KIND.get(kind, "default")
    return Quality(source_score(name), 1, 1, 1, completeness_score(coverage))


def quality_score(weights: Sequence[float], scores: Sequence[float]) -> float | None:
    """Return the weighted mean of scores.

    Parameters
    ----------
    weights
        Shape (n,), emissions, kgCO2e; a credit weighs as much as a debit.
    scores
        Shape (n,), 1 to 5.

    Returns
    -------
    float or None
        1 to 5; None where nothing weighs.

    Raises
    ------
    ValueError
        The sequences differ in length.

    References
    ----------
    accounting.md §13.
    """
    rated = fsum(abs(w) * s for w, s in zip(weights, scores, strict=True))
    whole = fsum(abs(w) for w in weights)
    return rated / whole if whole else None


def figure_quality(
    terms: Sequence[TermRow],
    library: FactorLibrary,
    month: date,
    province: str,
    *,
    coverage: float | None,
    estimated: bool = False,
) -> float | None:
    """Return the data-quality score of a ledger figure.

    Parameters
    ----------
    terms
        The figure's lineage.
    library
        Where the terms' factors are found.
    month
        A day of the figure's month.
    province
        The site's, ``CN-HE``.
    coverage
        The share of the period that is covered, 0 to 1.
    estimated
        Whether the figure's quality is ``estimated``.

    Returns
    -------
    float or None
        1 to 5, the mean over terms weighted by emissions. A term's score is the mean over its
        inputs: the activity and each of its factors. None without terms that count.

    Raises
    ------
    KeyError
        The library has no row for a factor.

    References
    ----------
    accounting.md §13.
    """
    weights, scores = [], []
    for term in terms:
        if term.kind == "divisor" or term.quantity * term.coefficient == 0.0:
            continue
        names = term.factor_ids
        inputs = []
        if term.kind == "factor":
            names = (term.ref, *names)
        else:
            inputs = [activity_quality(term.kind, coverage, estimated=estimated).score]
        inputs += [factor_quality(library.rows[name], month, province).score for name in names]
        weights.append(term.quantity * term.coefficient)
        scores.append(fsum(inputs) / len(inputs))
    return quality_score(weights, scores)


def quality_band(score: float) -> str:
    """Return the letter of a data-quality score.

    Parameters
    ----------
    score
        1 to 5.

    Returns
    -------
    str
        A up to 1.5, B up to 2.5, C up to 3.5, else D.

    References
    ----------
    accounting.md §13.
    """
    return next((letter for limit, letter in _BANDS if score <= limit), "D")


# CCER -----------------------------------------------------------------------------------------

_CONSERVATIVE = ((10.0, 0.98), (30.0, 0.94), (50.0, 0.89), (100.0, 0.82))


def conservativeness(u_pct: float) -> float:
    """Return the conservativeness factor CF(u) of a creditable reduction.

    Parameters
    ----------
    u_pct
        Half-width of the reduction's 95 % interval, percent.

    Returns
    -------
    float
        0.98 up to 10 %, 0.94 up to 30 %, 0.89 up to 50 %, 0.82 up to 100 %, else 0.73.

    Raises
    ------
    ValueError
        The uncertainty is negative or not a number.

    References
    ----------
    accounting.md §11 (UNFCCC conservativeness factors).
    """
    if isnan(u_pct) or u_pct < 0.0:
        raise ValueError(f"not an uncertainty: {u_pct}")
    return next((factor for limit, factor in _CONSERVATIVE if u_pct <= limit), 0.73)


def lognormal_interval(
    gross: float, cost: float, relative_sd: Iterable[float], z: float = 1.645
) -> tuple[float, float]:
    """Return the closed-form interval of a revenue, gross exp(+-z sigma) - cost.

    Parameters
    ----------
    gross, cost
        CNY.
    relative_sd
        Relative standard deviations of reduction, price and issuance ratio, independent.
    z
        Standard deviations to either side; 1.645 gives 90 %.

    Returns
    -------
    tuple of float
        Lower and upper end, CNY.

    References
    ----------
    accounting.md §11, M9-5.
    """
    sigma = product_pct(relative_sd)
    return gross * exp(-z * sigma) - cost, gross * exp(z * sigma) - cost
