"""A month of a small plant, made by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from accounting.inputs import Area, Site, SiteMonth
from accounting.products import verdicts
from accounting.settlement import site_month
from data.library import shipped

BATCH = ("batch_id", "day", "line", "mass_in_t", "residue_t", "length_km", "units", "origin")
OUTPUT = ("batch_id", "material", "mass_t", "fate", "origin")
TRIP = ("trip_id", "day", "line", "leg", "tonnes", "km", "vehicle_class", "own", "litres",
        "origin")  # fmt: skip
VEHICLE = ("vehicle_id", "class", "new_energy", "km", "kwh", "origin")
METER = ("medium", "role", "building", "group", "line", "equipment", "parent_id", "unit")


def meter(meter_id, **given):
    row = dict.fromkeys(METER, "") | {"medium": "electricity", "role": "consumer", "unit": "kWh"}
    return {"meter_id": meter_id} | row | given


def frame(columns, rows=()):
    return pd.DataFrame(list(rows), columns=list(columns))


def month(
    meters,
    quantities,
    *,
    start=date(2026, 7, 1),
    batches=(),
    jobs=(),
    fuel=(),
    trips=(),
    areas=(("plant", 12000.0), ("office", 2000.0)),
    settings=None,
    headcounts=None,
    green_kwh=0.0,
    gec_sold_kwh=0.0,
    outputs=(),
    vehicles=(),
    devices=(),
    heat_pump_hours=0.0,
    usual_throughput_t=None,
    running=False,
    province="CN-HE",
    quality=None,
):
    end = (start + timedelta(days=32)).replace(day=1)
    days = [start + timedelta(days=n) for n in range((end - start).days)]
    hours = 24.0 * len(days)
    label = start.strftime("%Y-%m")
    quality = quality or {}
    months, by_day = [], []
    for ident, total in quantities.items():
        base = {"meter_id": ident, "quality": quality.get(ident, 0), "flags": 0}
        base |= {"estimated_h": 0.0}
        months.append(base | {"period": label, "quantity": total, "measured_h": hours,
                              "expected_h": hours})  # fmt: skip
        for day in days:
            by_day.append(
                base
                | {"period": day.isoformat(), "quantity": total / len(days), "measured_h": 24.0,
                   "expected_h": 24.0}
            )  # fmt: skip
    made = frame(BATCH, batches).astype({"residue_t": float, "length_km": float, "units": float})
    out = frame(OUTPUT, outputs).merge(made[["batch_id", "day", "line"]], on="batch_id")
    found = verdicts(made, out)
    made["verdict"] = [found[i] for i in made["batch_id"]]
    out["verdict"] = [found[i] for i in out["batch_id"]]
    return SiteMonth(
        site=Site(
            "S1",
            province,
            tuple(Area(b, m2, date(2020, 1, 1), None) for b, m2 in areas),
            settings or {},
        ),
        month_start=start,
        month_end=end,
        days=tuple(day.isoformat() for day in days),
        elapsed_h=hours,
        elapsed_day_h=(24.0,) * len(days),
        running=running,
        meters=pd.DataFrame(list(meters)),
        meter_month=pd.DataFrame(months),
        meter_day=pd.DataFrame(by_day),
        batches=made,
        outputs=out,
        booked=out,
        vehicles=frame(VEHICLE, vehicles),
        devices=_devices(devices),
        gec_sold_kwh=gec_sold_kwh,
        heat_pump_hours=heat_pump_hours,
        usual_throughput_t=usual_throughput_t or {},
        jobs=frame(("job_id", "day", "equipment", "line", "hours", "lifted_t", "origin"), jobs),
        fuel=_fuel(fuel),
        trips=frame(TRIP, trips).astype({"own": bool}),
        headcounts=headcounts or {},
        green_kwh=green_kwh,
    )


def _fuel(rows):
    columns = ("fuel_id", "timestamp", "litres", "kind", "consumer", "line", "product", "origin")
    made = frame(columns, rows)
    made["timestamp"] = pd.to_datetime(made["timestamp"])
    made["day"] = [t.strftime("%Y-%m-%d") for t in made["timestamp"]]
    return made


def use(
    ident, litres, *, at="2026-07-10 08:00", kind="use", consumer="", line="", product="diesel"
):
    return (ident, at, litres, kind, consumer, line, product, "fuel.csv:2")


def batch(ident, line, mass, day="2026-07-05", *, residue=None, km=None, units=None):
    return (ident, day, line, mass, residue, km, units, "batches.csv:2")


def output(ident, material, mass, fate=None):
    fate = fate or ("rerefined" if material == "transformer_oil" else "sold")
    return (ident, material, mass, fate, f"outputs.csv:{ident}/{material}")


def trip(ident, leg, line, tonnes, km, *, own=False, litres=None, vehicle="", day="2026-07-05"):
    return (ident, day, line, leg, tonnes, km, vehicle, own, litres, "trips.csv:2")


def _devices(rows):
    columns = ("device_id", "kind", "capacity", "unit", "in_service_from", "in_service_to",
               "origin")  # fmt: skip
    made = frame(columns, rows)
    for name in ("in_service_from", "in_service_to"):
        made[name] = pd.to_datetime(made[name])
    return made


def figures(inputs):
    return {
        (f.grain, f.period, f.indicator, f.dimension, f.entity): f
        for f in site_month(inputs, shipped())
    }


class Book:
    """Month figures by (indicator, dimension, entity)."""

    def __init__(self, inputs):
        self.all = figures(inputs)
        self.label = inputs.month

    def figure(self, indicator, entity="site", dimension=None):
        dimension = dimension or ("site" if entity == "site" else None)
        found = [
            f
            for (grain, period, name, dim, ent), f in self.all.items()
            if (grain, period, name, ent) == ("month", self.label, indicator, entity)
            and dimension in (None, dim)
        ]
        assert len(found) == 1, (indicator, entity, found)
        return found[0]

    def value(self, indicator, entity="site", dimension=None):
        return self.figure(indicator, entity, dimension).value
