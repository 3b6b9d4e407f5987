"""A small plant with an interface, for what comes by itself."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from data.connectors.base import Batch, Point, PointKind, Quality, Reading
from data.drain import load_pushes
from data.state import WantedInterface, now
from tests.plant import Plant, meter, opened_home

LOCAL = timedelta(hours=8)
START = datetime(2026, 1, 5, tzinfo=UTC) - LOCAL


def at(minutes, start=START):
    return start + timedelta(minutes=minutes)


def wanted(points, interface="house", site="S1", kind="modbus_tcp", **settings):
    settings = settings or {"host": "127.0.0.1", "address_base": 0}
    return WantedInterface(interface, kind, site, "", settings, tuple(points))


def register(name="P1", meter_id="M1", **more):
    given = {"point_id": name, "meter_id": meter_id, "address": name[1:], "dtype": "u32",
             "unit": "kWh", "kind": PointKind.REGISTER, "row": 2}  # fmt: skip
    return Point(**given | more)


def reading(minutes, value, q=Quality.GOOD, point="P1", start=START):
    value = None if value is None else Decimal(str(value))
    return Reading(point, at(minutes, start), value, q)


@contextmanager
def plant(folder, points=None, meters=None, **options):
    points = points or (register(),)
    with opened_home(folder / "home", **options) as engine:
        made = Plant(folder, engine)
        made.meters(*(meters or [meter("M1", role="grid_import", register_max=10**6)]))
        made.version = engine.state.interfaces.save(wanted(points), "tester", now())
        yield made


def push(made, key, readings, received=None, **more):
    readings = tuple(readings)
    received = received or max(r.ts for r in readings) + timedelta(seconds=5)
    batch = Batch(key, readings, **more)
    return made.engine.pushes.put("house", made.version, batch, received)


def drained(made, moment=None):
    return load_pushes(made.engine, moment or datetime(2026, 6, 1, tzinfo=UTC))


def stored(made, meter_id="M1"):
    return made.query(
        "SELECT epoch_us(r.ts), r.value, r.quality FROM reading r "
        "JOIN meter_number n USING (meter) "
        "ANTI JOIN superseded_reading s ON s.meter = r.meter AND s.ts = r.ts "
        "AND s.batch = r.batch AND s.line = r.line WHERE n.meter_id = ? ORDER BY r.ts",
        [meter_id],
    )


def codes(made, *, lasting=True):
    return sorted(event.code for event in made.engine.links.events(lasting=lasting))
