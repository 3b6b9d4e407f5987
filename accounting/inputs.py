"""What one site and month is computed from (CONTRACT §2, ARCHITECTURE §4): plain frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from accounting.amount import MEASURED, Amount, Source, Term, in_order, of

LINES = ("cable", "conductor", "transformer")
BUILDINGS = ("plant", "office")
GROUPS = ("dismantling", "office", "ac", "other")
EQUIPMENT = (
    "cable_line", "conductor_line", "transformer_bench", "crane", "environmental", "sorting",
    "storage",
)  # fmt: skip
DIRECT_LINE = {
    "cable_line": "cable",
    "conductor_line": "conductor",
    "transformer_bench": "transformer",
}
SHARED_EQUIPMENT = ("crane", "environmental", "sorting")
MATERIALS = (
    "aluminium", "copper", "steel", "iron", "silicon_steel", "transformer_oil", "plastic_pvc",
    "plastic_pe", "plastic_xlpe",
)  # fmt: skip
PRODUCTS = (*MATERIALS[:6], "plastic")


@dataclass(frozen=True)
class Area:
    """A building's floor area and the days on which it holds, both inclusive."""

    building: str
    m2: float
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True)
class Site:
    """A site as its document describes it."""

    site_id: str
    province: str
    areas: tuple[Area, ...]
    settings: Mapping[str, object]


@dataclass(frozen=True)
class Meter:
    """A meter's place in the plant, empty where not given."""

    meter_id: str
    medium: str
    role: str
    building: str
    group: str
    line: str
    equipment: str
    parent_id: str


class FuelRow(NamedTuple):
    """A row of the fuel log: litres used, delivered or standing in the tank."""

    fuel_id: str
    litres: float
    day: str
    origin: str
    kind: str
    consumer: str
    line: str
    product: str


@dataclass(frozen=True)
class SiteMonth:
    """Everything the figures of one site and month depend on.

    Parameters
    ----------
    month_start, month_end
        First day of the month, first day of the next.
    days
        The days that have a row, oldest first.
    elapsed_h, elapsed_day_h
        Hours of the month, and of each day, that have passed at the newest reading (R2).
    running
        Whether the month is the running one.
    meters
        One row per meter valid in the month: meter_id, medium, role, building, group, line,
        equipment, parent_id, unit.
    meter_month, meter_day
        meter_id, period, quantity (kWh, m3, L), quality, measured_h, estimated_h, expected_h,
        flags (bit mask). An unknown quantity is NaN.
    batches
        batch_id, day, line, mass_in_t, residue_t, length_km, units, verdict, origin; the
        verdict is accounting.products.verdicts' (R20).
    outputs
        batch_id, day, line, material, mass_t, fate, verdict, origin of the month's batches.
    booked
        The same columns of what the month's substitution counts: the outputs themselves, or
        with ``book_on = shipment`` what was shipped in the month.
    jobs
        job_id, equipment, line, hours, lifted_t, origin; those that start in the month.
    fuel
        fuel_id, timestamp (site-local), litres, kind, consumer, line, product, origin; the
        month's rows and the dips and deliveries within 48 h of its edges.
    trips
        trip_id, day, line, leg, tonnes, km, vehicle_class, own, litres, origin.
    vehicles
        vehicle_id, class, new_energy, km, kwh, origin of the month.
    devices
        device_id, kind, capacity, unit, in_service_from, in_service_to, origin of the site.
    headcounts
        Persons by building from site_months, else from the settings; absent if unknown.
    headcounts_assumed
        Whether the headcounts come from the settings.
    green_kwh, gec_sold_kwh
        Contracted green electricity, and own PV electricity whose certificates were sold.
    heat_pump_hours
        Clock hours of the month in which heat-pump electricity was above zero (R17).
    usual_throughput_t
        By line, the median throughput of the twelve months before (§10); absent if unknown.
    """

    site: Site
    month_start: date
    month_end: date
    days: tuple[str, ...]
    elapsed_h: float
    elapsed_day_h: tuple[float, ...]
    running: bool
    meters: pd.DataFrame
    meter_month: pd.DataFrame
    meter_day: pd.DataFrame
    batches: pd.DataFrame
    jobs: pd.DataFrame
    fuel: pd.DataFrame
    trips: pd.DataFrame
    outputs: pd.DataFrame
    booked: pd.DataFrame
    vehicles: pd.DataFrame
    devices: pd.DataFrame
    headcounts: Mapping[str, float]
    green_kwh: float
    gec_sold_kwh: float
    heat_pump_hours: float
    usual_throughput_t: Mapping[str, float]

    @property
    def month(self) -> str:
        """The month's label, 2026-07."""
        return self.month_start.strftime("%Y-%m")

    @property
    def last_day(self) -> date:
        """The month's last calendar day."""
        return date.fromordinal(self.month_end.toordinal() - 1)

    @cached_property
    def fuel_rows(self) -> tuple[FuelRow, ...]:
        """The fuel rows dated in the month."""
        if self.fuel.empty:
            return ()
        start, end = pd.Timestamp(self.month_start), pd.Timestamp(self.month_end)
        inside = self.fuel[(self.fuel["timestamp"] >= start) & (self.fuel["timestamp"] < end)]
        columns = (inside[name].tolist() for name in FuelRow._fields)
        return tuple(FuelRow(*row) for row in zip(*columns, strict=True))

    @cached_property
    def batches_by_line(self) -> Mapping[str, pd.DataFrame]:
        """The month's batches by line."""
        if self.batches.empty:
            return dict.fromkeys(LINES, self.batches)
        return {line: self.batches[self.batches["line"] == line] for line in LINES}

    @cached_property
    def placed_meters(self) -> tuple[Meter, ...]:
        """The month's meters in the order of their identifiers."""
        frame = self.meters.sort_values("meter_id")
        columns = (frame[name].tolist() for name in Meter.__dataclass_fields__)
        return tuple(Meter(*map(str, row)) for row in zip(*columns, strict=True))

    def by_month(self) -> Grain:
        """Return the month as a grain of one period."""
        return Grain("month", (self.month,), (self.elapsed_h,), self)

    def by_day(self) -> Grain:
        """Return the days as a grain."""
        return Grain("day", self.days, self.elapsed_day_h, self)


@dataclass(frozen=True)
class Grain:
    """The month seen as one period, or as its days."""

    name: str
    labels: tuple[str, ...]
    hours: tuple[float, ...]
    inputs: SiteMonth

    @property
    def periods(self) -> int:
        """How many periods there are."""
        return len(self.labels)

    @cached_property
    def amounts(self) -> Mapping[str, Amount]:
        """Each meter's quantity per period; a meter without a row in it is null."""
        frame = self.inputs.meter_month if self.name == "month" else self.inputs.meter_day
        meters = list(self.inputs.meters["meter_id"])
        units = dict(zip(meters, self.inputs.meters["unit"], strict=True))
        place = {label: at for at, label in enumerate(self.labels)}
        row = {meter_id: at for at, meter_id in enumerate(meters)}
        tables = {
            name: np.full((len(meters), self.periods), np.nan if name == "quantity" else 0.0)
            for name in ("quantity", "measured_h", "estimated_h", "expected_h", "quality", "flags")
        }
        rows = np.array([row.get(name, -1) for name in frame["meter_id"].tolist()], np.int64)
        columns = np.array([place.get(at, -1) for at in frame["period"].tolist()], np.int64)
        known = (rows >= 0) & (columns >= 0)
        for name, table in tables.items():
            table[rows[known], columns[known]] = frame[name].to_numpy(np.float64)[known]
        found: dict[str, Amount] = {}
        for meter_id, at in row.items():
            source = Source(
                "meter",
                meter_id,
                units[meter_id],
                tables["quantity"][at],
                tables["measured_h"][at],
                tables["estimated_h"][at],
                tables["expected_h"][at],
            )
            quality, flags = (tables[name][at].astype(np.int64) for name in ("quality", "flags"))
            found[meter_id] = of(source, quality, flags)
        return found

    @property
    def setting(self) -> Mapping[str, object]:
        """The site's settings."""
        return self.inputs.site.settings

    def log(self, name: str) -> Source:
        """Return a log as a source: it counts as measured for the elapsed hours."""
        hours, zeros = np.array(self.hours), np.zeros(self.periods)
        return Source(name, self.inputs.month, "", hours, hours, zeros, hours)

    def records(
        self, frame: pd.DataFrame, kind: str, key: str, column: str, unit: str, log: str
    ) -> Amount:
        """Return the sum of a column of record rows as an amount with one term per row.

        The share measured is the log's: hours belong to the log, not to each of its rows.
        """
        columns = (frame[name].tolist() for name in (key, column, "day", "origin"))
        return self.entries(kind, unit, log, zip(*columns, strict=True))

    def entries(
        self, kind: str, unit: str, log: str, rows: Iterable[tuple[object, float, object, object]]
    ) -> Amount:
        """Return the sum of (identifier, number, day, origin) as `records` does."""
        zeros, ones = np.zeros(self.periods), np.ones(self.periods)
        place = {label: at for at, label in enumerate(self.labels)}
        terms = []
        for ident, number, day, origin in rows:
            at = 0 if self.name == "month" else place.get(str(day))
            if at is None or number is None or number != number:
                continue
            quantity = np.zeros(self.periods)
            quantity[at] = float(number)
            source = Source(kind, str(ident), unit, quantity, zeros, zeros, zeros, str(origin))
            terms.append(Term(source, ones))
        none = np.zeros(self.periods, np.int64)
        return Amount(in_order(terms), none + MEASURED, none, (self.log(log),))
