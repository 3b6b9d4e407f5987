"""The estimated effect of alarms on emissions, from the settled hours of their meters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import numpy as np
import pandas as pd

from accounting.alarm_effect import REFERENCE_DAYS, Impact, impact, unsure_quantity, usual
from accounting.balance import top_level
from accounting.emission import MonthFactors, coefficients
from accounting.inputs import Meter
from data.engine import Engine
from data.ingest.site_file import SiteDocument
from data.periods import local_times, utc
from data.sites import SiteMeters, site_meters
from data.store import Cursor, frame

__all__ = ["Impact", "impacts"]
SOURCES = ("grid_import", "pv_export", "pv_generation")
LONGEST_DAYS = 120  # an alarm longer than that is no matter of single hours


class Alarmed(Protocol):
    """What an alarm must say of itself; times are site-local."""

    kind: str
    subject: str
    since: datetime
    until: datetime
    shown: float | None
    threshold: float | None
    unit: str
    holds: bool


def impacts(engine: Engine, document: SiteDocument, alarms: Sequence[Any]) -> dict[Any, Impact]:
    """Return the estimated effect of alarms of a site, kgCO2e.

    Parameters
    ----------
    engine
        The opened data directory; settled.
    document
        The site.
    alarms
        Alarms (see :class:`Alarmed`), hashable.

    Returns
    -------
    dict
        From alarm to effect; None kilograms where nothing can be said.

    References
    ----------
    docs/decisions/0017-alarm-issues.md.
    """
    with engine.store.read() as cursor:
        meters = site_meters(cursor, document.site_id, document.timezone, held={})
        reader = _Reader(engine, document, cursor, meters)
        return {one: reader.of(one) for one in alarms}


class _Reader:
    """Reads for one site what the effects of its alarms need."""

    def __init__(
        self, engine: Engine, document: SiteDocument, cursor: Cursor, meters: SiteMeters
    ) -> None:
        self._engine, self._document, self._cursor = engine, document, cursor
        columns = list(Meter.__dataclass_fields__)
        rows = [Meter(*map(str, r)) for r in meters.described[columns].itertuples(index=False)]
        self._meters = {meter.meter_id: meter for meter in rows}
        self._numbers = dict(
            zip(meters.measured["meter_id"], meters.measured["meter"], strict=True)
        )
        self._counted = _counted(tuple(rows))

    def of(self, alarm: Alarmed) -> Impact:
        factors = self._factors(alarm.since.date().replace(day=1))
        if alarm.kind == "A9":
            return _oil(alarm, factors)
        meter = self._meters.get(alarm.subject)
        if meter is None:
            return Impact()
        days = (alarm.until - alarm.since).days
        quantity = None if days > LONGEST_DAYS else self._quantity(alarm, meter)
        return impact(
            alarm.kind, meter.role, meter.medium, quantity, factors,
            counts=meter.meter_id in self._counted,
            total_known=not alarm.holds and self._register_tells(alarm, meter),
        )  # fmt: skip

    def _factors(self, month: date) -> dict[str, float]:
        found = coefficients(MonthFactors(self._engine.library, self._document.province, month))
        return {medium: one.value for medium, one in found.emission.items()}

    def _quantity(self, alarm: Alarmed, meter: Meter) -> float | None:
        first = alarm.since - timedelta(days=REFERENCE_DAYS)
        zone = self._document.timezone
        rows = frame(
            self._cursor,
            "SELECT hour, CAST(quantity AS DOUBLE) AS quantity FROM meter_hour WHERE meter = ? "
            "AND hour >= ? AND hour < ? AND NOT blank ORDER BY hour",
            [int(self._numbers[meter.meter_id]), utc(first, zone), utc(alarm.until, zone)],
        )
        known = pd.Series(
            rows["quantity"].to_numpy(float),
            index=pd.DatetimeIndex(local_times(rows["hour"], zone)),
        )
        known = known[~known.index.duplicated()]
        since = pd.Timestamp(alarm.since).floor("h")
        hours = pd.date_range(since, alarm.until, freq="h", inclusive="left")
        if not len(hours):
            hours = pd.DatetimeIndex([since])
        table = pd.DataFrame(
            {
                "quantity": known.reindex(hours).to_numpy(float),
                "usual": usual(known[known.index < since], hours).to_numpy(float),
                "hour": np.asarray(hours.hour),
            }
        )
        return unsure_quantity(alarm.kind, table)

    def _register_tells(self, alarm: Alarmed, meter: Meter) -> bool:
        """Tell whether a register's readings around the gap say what went through in it."""
        if alarm.kind != "A6" or alarm.since.month != alarm.until.month:
            return False
        zone = self._document.timezone
        row = self._cursor.execute(
            "SELECT count(*) FROM meter_gap WHERE meter = ? AND kind = 'gap' "
            "AND quantity IS NOT NULL AND since <= ? AND until >= ?",
            [int(self._numbers[meter.meter_id]), utc(alarm.since, zone), utc(alarm.until, zone)],
        ).fetchone()
        return bool(row and row[0])


def _counted(meters: tuple[Meter, ...]) -> frozenset[str]:
    """Return the meters that the site's totals are made of (§2, §4)."""
    found = {m.meter_id for m in meters if m.role in SOURCES}
    media = {"water", "heat"} | ({"electricity"} if not found else set())
    for medium in media:
        found |= {m.meter_id for m in top_level(meters, medium)}
    return frozenset(found)


def _oil(alarm: Alarmed, factors: dict[str, float]) -> Impact:
    """Return the effect of litres beyond their limit; of an intensity nothing can be said."""
    if alarm.unit != "L" or alarm.shown is None or alarm.threshold is None:
        return Impact()
    litres, factor = alarm.shown - alarm.threshold, factors["diesel"]
    return Impact(litres * factor, "emission", litres, "L", factor)
