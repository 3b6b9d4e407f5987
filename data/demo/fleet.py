"""Shuttle buses and official cars of the demonstration plant (assumed)."""

from __future__ import annotations

from datetime import date

from data.demo.draws import generator

# Each bus and the month from which it is a new-energy one.
BUSES = (("B00", date(2024, 6, 1)), ("B01", date(2024, 12, 1)))
CARS, NEW_ENERGY_CARS = 14, 9
BUS_KM, CAR_KM = 1250.0, 900.0
BUS_KWH_PER_KM, CAR_KWH_PER_KM = 1.08, 0.16


def electric_buses(day: date) -> int:
    """Return how many buses are charged on a day."""
    return sum(since <= day for _, since in BUSES)


def rows(seed: int, site: str, months: list[date]) -> list[dict[str, object]]:
    """Return the import rows of every vehicle and month; a third of the logs lack the kWh."""
    found = []
    for month in months:
        draw = generator(seed, "vehicles", month)
        fleet = [(bus, "shuttle_bus", since <= month) for bus, since in BUSES]
        fleet += [(f"C{n:02d}", "official_car", n < NEW_ENERGY_CARS) for n in range(CARS)]
        for place, (vehicle, sort, new) in enumerate(fleet):
            bus = sort == "shuttle_bus"
            km = round(float(draw.normal(BUS_KM if bus else CAR_KM, 80.0)))
            kwh = round(km * (BUS_KWH_PER_KM if bus else CAR_KWH_PER_KM), 1)
            found.append({
                "vehicle_id": vehicle, "site": site, "month": month.strftime("%Y-%m"),
                "class": sort, "new_energy": int(new), "km": km,
                "kwh": kwh if new and place % 3 else "",
            })  # fmt: skip
    return found
