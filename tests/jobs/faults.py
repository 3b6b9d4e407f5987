"""A fault for each rule A1-A11, as data that come in: of fixed days, or of days just past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tests.plant import meter, series

GRID = meter("G", role="grid_import")
LOAD = meter("C", parent_id="G")
WATER = meter("W", medium="water", unit="m3", rated_max_per_hour=8)
HOURLY = {"reading_kind": "interval", "step_min": 60}
MACHINE = meter("M", building="plant", **HOURLY)
OFFICE = meter("O", building="office", group="office", **HOURLY)
PV = meter("P", role="pv_generation", **HOURLY)
DEVICES = ("device_id", "site", "kind", "capacity", "unit", "in_service_from")
SHORT = "%Y-%m-%d %H:%M"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class When:
    """The midnights from which faults are counted: of a Monday, of a month and the next."""

    monday: datetime
    month: datetime
    after: datetime


FIXED = When(datetime(2026, 1, 5), datetime(2026, 3, 1), datetime(2026, 4, 1))


def just_past(today: date) -> When:
    """The newest whole month, and a Monday after which thirteen weeks are over."""
    midnight = datetime.combine(today, datetime.min.time())
    after = midnight.replace(day=1)
    monday = midnight - DAY * (midnight.weekday() + 91)
    return When(monday, (after - DAY).replace(day=1), after)


def in_month(when, day, hour=0, minute=0):
    """A time of the month."""
    return when.month + DAY * (day - 1) + timedelta(hours=hour, minutes=minute)


def grown(when, meter_id, start=None, end=None, **more):
    """A register over the month."""
    return series(meter_id, start or when.month, end or when.after, **more)


def hours(when, meter_id, days, profile):
    """Hourly quantities; the profile gives one from day and hour."""
    found = []
    for n in range(24 * days):
        at = when.monday + timedelta(hours=n + 1)
        found.append((meter_id, f"{at:{SHORT}}", f"{profile(*divmod(n, 24)):.2f}"))
    return found


def works(day, hour):
    """A machine from Monday to Friday, its load never quite the same."""
    wobble = ((day * 7 + hour * 3) % 11) / 10
    return 40 + wobble if day % 7 < 5 and 8 <= hour < 18 else 2 + wobble / 10


def sun(day, hour, share=1.0):
    """What a roof of 100 kWp yields."""
    return max(0.0, 60 - (hour - 12) ** 2 * 2 + day % 5) * share if 6 <= hour <= 18 else 0.0


def roof(plant):
    """A PV meter and its modules."""
    plant.meters(PV)
    plant.put("devices", DEVICES, [("roof", plant.site, "pv", 100, "kWp", "2020-01-01")])


def spike(plant, when):
    plant.meters(MACHINE)
    plant.readings(hours(
        when, "M", 75, lambda d, h: 400 if (d, h) == (73, 11) else works(d, h)
    ))  # fmt: skip


def drift(plant, when):
    plant.meters(OFFICE)
    plant.readings(hours(when, "O", 90, lambda d, h: works(d, h) * (1.5 if d >= 75 else 1)))


def flat(plant, when):
    plant.meters(MACHINE)
    plant.readings(hours(
        when, "M", 60, lambda d, h: 41.37 if d == 57 and 6 <= h < 20 else works(d, h)
    ))  # fmt: skip


def reset(plant, when):
    plant.meters(GRID)
    plant.readings(grown(when, "G", end=in_month(when, 10, 6), value=5000.0)
                   + grown(when, "G", start=in_month(when, 10, 6, 15), value=3.0))  # fmt: skip


def nights(plant, when):
    plant.meters(MACHINE)
    plant.readings(hours(
        when, "M", 60,
        lambda d, h: 14.0 + h / 10 if d >= 55 and (h < 6 or h >= 22) else works(d, h),
    ))  # fmt: skip


def gap(plant, when):
    plant.meters(GRID)
    since, until = (f"{in_month(when, 5, hour):{SHORT}}" for hour in (10, 16))
    plant.readings([row for row in grown(when, "G") if not since < row[1] < until])


def unbalanced(plant, when):
    plant.meters(GRID, LOAD)
    plant.readings(grown(when, "G") + grown(when, "C", per_step=0.8))


def leak(plant, when):
    plant.meters(WATER)
    plant.readings(grown(when, "W", per_step=0.05))


def tank(plant, when):
    plant.meters(GRID)
    plant.readings(grown(when, "G"))
    log = ((in_month(when, 1), 500, "dip"), (in_month(when, 4, 10), 2000, "delivery"),
           (in_month(when, 20, 10), 900, "use"), (when.after, 1500, "dip"))  # fmt: skip
    plant.put("fuel", ("fuel_id", "site", "timestamp", "litres", "kind"),
              [(str(n), plant.site, f"{at:{SHORT}}", litres, kind)
               for n, (at, litres, kind) in enumerate(log)])  # fmt: skip


def shaded(plant, when):
    roof(plant)
    plant.readings(hours(when, "P", 60, lambda d, h: sun(d, h, 0.05 if d >= 56 else 1.0)))


def masses(plant, when):
    plant.meters(GRID)
    plant.readings(grown(when, "G"))
    plant.put("batches", ("batch_id", "site", "date", "line", "mass_in_t"),
              [("B1", plant.site, f"{in_month(when, 6):%Y-%m-%d}", "cable", 10)])  # fmt: skip
    plant.put("outputs", ("batch_id", "material", "mass_t", "fate"), [("B1", "copper", 9, "sold")])


FAULTS = {
    ("A1", "M"): spike, ("A2", "O"): drift, ("A3", "M"): flat, ("A4", "G"): reset,
    ("A5", "M"): nights, ("A6", "G"): gap, ("A7", "site"): unbalanced, ("A8", "W"): leak,
    ("A9", "diesel"): tank, ("A10", "P"): shaded, ("A11", "B1"): masses,
}  # fmt: skip
