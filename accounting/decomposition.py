"""Why emissions changed from one month to the next (5.3 g, R26)."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum, log

EFFECTS = ("throughput", "intensity", "pv_share", "grid_factor")


@dataclass(frozen=True)
class Drivers:
    """What a period's emissions are made of.

    Parameters
    ----------
    throughput_t
        Mass dismantled, t.
    electricity_kwh, grid_kwh
        Electricity used (grid plus PV self-use) and the grid's part of it, kWh.
    electricity_kgco2e, fuel_kgco2e, water_kgco2e
        Emissions by medium, kgCO2e.
    """

    throughput_t: float
    electricity_kwh: float
    grid_kwh: float
    electricity_kgco2e: float
    fuel_kgco2e: float
    water_kgco2e: float

    @property
    def whole_kgco2e(self) -> float:
        """The emissions of the period, kgCO2e."""
        return fsum((self.electricity_kgco2e, self.fuel_kgco2e, self.water_kgco2e))


def emission_effects(before: Drivers, now: Drivers) -> dict[str, float] | None:
    """Return what each driver did to the emissions, by logarithmic-mean Divisia decomposition.

    Electricity: G = M · (E/M) · (Eg/E) · (G/Eg); fuel and water: G = M · (G/M). The effect of a
    driver x on a product is L(G1, G0) · ln(x1/x0), L the logarithmic mean.

    Parameters
    ----------
    before, now
        The drivers of both periods.

    Returns
    -------
    dict or None
        Effect in kgCO2e by the names of ``EFFECTS``; they sum to the change. None where a driver
        is zero or less, because its logarithm does not exist.

    References
    ----------
    accounting.md R26; Ang (2005), The LMDI approach to decomposition analysis, Energy Policy 33.
    """
    if min(before.throughput_t, now.throughput_t) <= 0:
        return None
    electric = _electric(before, now)
    if electric is None:
        return None
    found = {name: [electric[name]] for name in EFFECTS}
    for g0, g1 in (
        (before.fuel_kgco2e, now.fuel_kgco2e),
        (before.water_kgco2e, now.water_kgco2e),
    ):
        if g0 == g1 == 0:
            continue
        if min(g0, g1) <= 0:
            return None
        mass = _mean(g1, g0) * log(now.throughput_t / before.throughput_t)
        found["throughput"].append(mass)
        found["intensity"].append(g1 - g0 - mass)
    return {name: fsum(parts) for name, parts in found.items()}


def _electric(before: Drivers, now: Drivers) -> dict[str, float] | None:
    """Return the four effects on the emissions of electricity."""
    chains = [
        (
            d.throughput_t,
            d.electricity_kwh / d.throughput_t,
            d.grid_kwh / d.electricity_kwh if d.electricity_kwh > 0 else 0.0,
            d.electricity_kgco2e / d.grid_kwh if d.grid_kwh > 0 else 0.0,
        )
        for d in (before, now)
    ]
    if min(*chains[0], *chains[1]) <= 0:
        return None
    weight = _mean(now.electricity_kgco2e, before.electricity_kgco2e)
    return {
        name: weight * log(x1 / x0)
        for name, x0, x1 in zip(EFFECTS, chains[0], chains[1], strict=True)
    }


def _mean(a: float, b: float) -> float:
    """Return the logarithmic mean of two positive numbers."""
    return a if a == b else (a - b) / log(a / b)
