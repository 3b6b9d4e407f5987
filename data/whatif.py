"""The levers of what-ifs, and what is known of a site's electric buses."""

from __future__ import annotations

import json
from collections.abc import Collection

from accounting.whatif import LEVERS, Bus, Levers
from data.engine import Engine
from data.sales import NotKept
from data.sites import records

_BUS = "shuttle_bus"


def bus_of(engine: Engine, site: str, months: Collection[str]) -> Bus | None:
    """Return an electric bus as a site's own were in some months; None where none is known.

    Parameters
    ----------
    engine, site
        The opened data directory; which site.
    months
        ``2026-07``.

    Returns
    -------
    Bus or None
        Mean km of a bus and month; kWh/km of those that record both, else factor VEH_EV_BUS; what
        a diesel bus emits (VEH_DIESEL_BUS, FUEL_DIESEL_EF_L), kgCO2e/km (accounting.md §6, R18).
    """
    with engine.store.read() as cursor:
        rows = records(cursor, "vehicles", site)
    rows = rows[(rows["class"] == _BUS) & rows["new_energy"].astype(bool)]
    rows = rows[rows["month"].isin(list(months)) & rows["km"].notna()].astype({"km": float})
    if rows.empty or not rows["km"].sum() > 0:
        return None
    both = rows[rows["kwh"].notna() & (rows["km"] > 0)]
    factors = engine.library.rows
    used = float(both["kwh"].astype(float).sum() / both["km"].sum()) if len(both) else None
    diesel = factors["VEH_DIESEL_BUS"].value / 100.0 * factors["FUEL_DIESEL_EF_L"].value
    return Bus(float(rows["km"].mean()), used or float(factors["VEH_EV_BUS"].value), float(diesel))


def levers_of(values: str) -> Levers:
    """Return the levers that five numbers parted by commas are.

    Raises
    ------
    NotKept
        They are none, or beyond what the sliders allow.
    """
    try:
        numbers = [float(one) for one in values.split(",")]
        return Levers(**dict(zip(LEVERS, numbers, strict=True)))
    except ValueError:
        raise NotKept("情景的数值超出滑块范围") from None


def read(body: str) -> Levers:
    """Return the levers of a saved what-if."""
    return Levers(**json.loads(body))
