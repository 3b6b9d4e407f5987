"""What if there were more PV, chargers, electric buses, heat pump, throughput (M3 to M7).

Every coefficient is the site's own, month by month of the last twelve in the ledger; what is not
known makes a lever unknown, never nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import fsum

PV, CHARGERS, BUSES, HEAT_PUMP, THROUGHPUT = (
    "pv_kwp", "chargers", "buses", "heat_pump_pct", "throughput_pct",
)  # fmt: skip
LEVERS = (PV, CHARGERS, BUSES, HEAT_PUMP, THROUGHPUT)
LIMITS: Mapping[str, tuple[float, float]] = {
    PV: (0.0, 5000.0), CHARGERS: (0.0, 100.0), BUSES: (0.0, 50.0), HEAT_PUMP: (0.0, 200.0),
    THROUGHPUT: (-50.0, 100.0),
}  # fmt: skip


@dataclass(frozen=True)
class Levers:
    """What is added: kWp of PV, chargers, electric buses; percent of heat pump and throughput.

    Raises
    ------
    ValueError
        One lies beyond `LIMITS`.
    """

    pv_kwp: float = 0.0
    chargers: float = 0.0
    buses: float = 0.0
    heat_pump_pct: float = 0.0
    throughput_pct: float = 0.0

    def __post_init__(self) -> None:
        for one in fields(self):
            low, high = LIMITS[one.name]
            if not low <= getattr(self, one.name) <= high:
                raise ValueError(f"{one.name}: {getattr(self, one.name)}")


@dataclass(frozen=True)
class Month:
    """A month of the ledger; None where nothing is known.

    Parameters
    ----------
    grid_kwh, grid_kg
        Electricity bought and its emissions, kWh and kgCO2e.
    pv_kwh, pv_self_kwh, pv_kwp
        Generation, self-use, capacity.
    charger_kwh, charger_count, charger_kg
        Charged, chargers in service, substitution of charging, kgCO2e.
    saved_kwh, heat_pump_kg
        Electricity that the heat pump saved, and its substitution.
    line_kwh, line_kg, reduction_kg
        Electricity and emissions of the dismantling lines; reduction of the site.
    """

    grid_kwh: float | None = None
    grid_kg: float | None = None
    pv_kwh: float | None = None
    pv_self_kwh: float | None = None
    pv_kwp: float | None = None
    charger_kwh: float | None = None
    charger_count: float | None = None
    charger_kg: float | None = None
    saved_kwh: float | None = None
    heat_pump_kg: float | None = None
    line_kwh: float | None = None
    line_kg: float | None = None
    reduction_kg: float | None = None


@dataclass(frozen=True)
class Bus:
    """An electric bus: km a month, kWh/km, and what a diesel bus would emit, kgCO2e/km."""

    km: float
    kwh_per_km: float
    diesel_kg_per_km: float


@dataclass(frozen=True)
class Effect:
    """What a lever changes in twelve months, kgCO2e; None where it is not known."""

    lever: str
    emission_kg: float | None
    substitution_kg: float | None
    reduction_kg: float | None = 0.0


@dataclass(frozen=True)
class Outcome:
    """The effects by lever and of all together; kWh of the added PV used by the site itself.

    ``limited``: whether in any month less could be used than its share would be.
    """

    effects: tuple[Effect, ...]
    whole: Effect
    pv_kwh: float | None
    pv_self_kwh: float | None
    limited: bool


def outcome(
    months: Sequence[Month], levers: Levers, bus: Bus | None = None, *, resold: bool = False
) -> Outcome:
    """Return what levers change in the months that are given.

    Parameters
    ----------
    months
        The last twelve of the ledger.
    levers
        What is added.
    bus
        None where the site has no electric bus with known km.
    resold
        Whether charging is resold: then its electricity is none of the site's (setting
        charger_resold).

    Returns
    -------
    Outcome
        Added PV gives its yield per kWp; the share that the site uses itself stays as it is, but
        is never more than what it still buys, with the demand of the other levers added: the rest
        is exported. Self-use lowers emissions; self-use and export both substitute (§6). Chargers
        and buses add electricity and substitute fuel; the heat pump saves electricity; throughput
        scales emissions and reductions of the lines.
    """
    sums = {lever: [_one(month, lever, levers, bus, resold=resold) for month in months]
            for lever in LEVERS if lever != PV}  # fmt: skip
    pv = [
        _pv(month, levers.pv_kwp, [sums[lever][at][0] for lever in sums])
        for at, month in enumerate(months)
    ]
    effects = [Effect(PV, *(_total([one[n] for one in pv]) for n in (0, 1)))]
    for lever, found in sums.items():
        effects.append(Effect(lever, *(_total([one[n] for one in found]) for n in (1, 2, 3))))
    effects.sort(key=lambda one: LEVERS.index(one.lever))
    whole = Effect("all", *(
        _total([getattr(one, name) for one in effects])
        for name in ("emission_kg", "substitution_kg", "reduction_kg")
    ))  # fmt: skip
    limited = any(one[4] for one in pv)
    return Outcome(tuple(effects), whole, _total([one[2] for one in pv]),
                   _total([one[3] for one in pv]), limited)  # fmt: skip


_Part = tuple[float | None, float | None, float | None, float | None]
_UNKNOWN: _Part = (None, None, None, None)


def _one(month: Month, lever: str, levers: Levers, bus: Bus | None, *, resold: bool) -> _Part:
    """Return demand in kWh, emission, substitution and reduction that a lever adds in a month."""
    size = getattr(levers, lever)
    if size == 0.0:
        return 0.0, 0.0, 0.0, 0.0
    ef = _ratio(month.grid_kg, month.grid_kwh)
    if lever == CHARGERS:
        kwh = _times(size, _ratio(month.charger_kwh, month.charger_count))
        kg = _times(kwh, _ratio(month.charger_kg, month.charger_kwh))
        return (0.0, 0.0, kg, 0.0) if resold else (kwh, _times(kwh, ef), kg, 0.0)
    if lever == BUSES:
        if bus is None or ef is None:
            return _UNKNOWN
        km = size * bus.km
        kwh = km * bus.kwh_per_km
        kg = km * bus.diesel_kg_per_km - kwh * ef
        return (0.0, 0.0, kg, 0.0) if resold else (kwh, kwh * ef, kg, 0.0)
    share = size / 100.0
    if lever == HEAT_PUMP:
        kwh = _times(-share, month.saved_kwh)
        return kwh, _times(kwh, ef), _times(share, month.heat_pump_kg), 0.0
    return (_times(share, month.line_kwh), _times(share, month.line_kg), 0.0,
            _times(share, month.reduction_kg))  # fmt: skip


def _pv(
    month: Month, kwp: float, demands: Sequence[float | None]
) -> tuple[float | None, float | None, float | None, float | None, bool]:
    """Return emission, substitution, generation and self-use of added PV, and whether limited."""
    if kwp == 0.0:
        return 0.0, 0.0, 0.0, 0.0, False
    made = _times(kwp, _ratio(month.pv_kwh, month.pv_kwp))
    rate, ef = _ratio(month.pv_self_kwh, month.pv_kwh), _ratio(month.grid_kg, month.grid_kwh)
    demand = _total(demands)
    if made is None or rate is None or ef is None or demand is None or month.grid_kwh is None:
        return None, None, None, None, False
    room = max(0.0, month.grid_kwh + demand)
    own = min(rate * made, room)
    return -own * ef, made * ef, made, own, rate * made > room


def _ratio(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below


def _times(*values: float | None) -> float | None:
    found = 1.0
    for value in values:
        if value is None:
            return None
        found *= value
    return found


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fsum(known) if len(known) == len(values) else None
