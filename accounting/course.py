"""What is known of a meter over time: its quantities by day or hour, its readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Point:
    """A meter's quantity of a day or hour.

    Parameters
    ----------
    label
        Site-local day (``2026-07-15``) or hour (``2026-07-15 08:00``), its beginning.
    quantity
        In the meter's unit of account (kWh, m3, ...); None where it is not known.
    measured_pct, estimated_pct
        Shares of the time that is measured and estimated, %.
    """

    label: str
    quantity: float | None
    measured_pct: float
    estimated_pct: float


@dataclass(frozen=True, slots=True)
class Reading:
    """A raw reading as it came in: site-local time, value, quality, batch, file, row of it.

    ``superseded`` where a later file corrected it.
    """

    at: datetime
    value: float
    quality: str
    batch: int
    file: str
    row: int
    superseded: bool = False
