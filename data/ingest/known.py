"""What rows are checked against, and one file's check with its way of naming a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from data.ingest.columns import Kind
from data.ingest.problems import Problem
from data.ingest.rows import Row
from translations import text

_DEFAULT_ZONE = "Asia/Shanghai"


@dataclass(frozen=True)
class KnownMeter:
    """What a check needs of a meter; an empty unit is one the check was not told."""

    medium: str
    valid_from: date | None
    valid_to: date | None
    parent_id: str | None
    unit: str = ""


@dataclass(frozen=True)
class Known:
    """What the store knows.

    Parameters
    ----------
    sites
        Identifiers of sites.
    meters
        Meters by (site, meter_id).
    batches
        Mass in, t, by (site, batch_id).
    vehicle_classes
        Factor identifiers of vehicles.
    residues
        Residue, t, by (site, batch_id); absent counts as none (R20).
    zones
        Time zone by site; absent means Asia/Shanghai.
    trades
        Volume, t, and turnover, CNY, by instrument and day.
    today
        The last day that can have come; None where it is not asked.
    """

    sites: frozenset[str]
    meters: Mapping[tuple[str, str], KnownMeter]
    batches: Mapping[tuple[str, str], Decimal | None]
    vehicle_classes: frozenset[str]
    residues: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    trades: Mapping[tuple[str, date], tuple[float, float]] = field(default_factory=dict)
    today: date | None = None

    def local(self, moment: datetime, site: str) -> datetime:
        """Return a time as the clock of the site shows it, naive."""
        if moment.tzinfo is None:
            return moment
        zone = ZoneInfo(self.zones.get(site, _DEFAULT_ZONE))
        return moment.astimezone(zone).replace(tzinfo=None)


@dataclass(frozen=True)
class Check:
    """One file being checked."""

    kind: Kind
    known: Known
    file_name: str
    language: str
    default_site: str | None

    def problem(
        self,
        row: Row,
        column: str,
        reason: str,
        remedy: str,
        warning: str = "",
        **values: object,
    ) -> Problem:
        """Return a problem of a row's cell: an error unless it is a warning of some kind.

        Reason and remedy are keys.
        """
        value = row.values.get(column)
        return Problem(
            self.file_name,
            row.number,
            column,
            None if value is None else str(value),
            text(reason, self.language, **values),
            text(remedy, self.language, **values),
            "warning" if warning else "error",
            warning,
        )
