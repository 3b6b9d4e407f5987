"""Up to where a site's readings reach, and which month is running (accounting.md R2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from data.periods import next_month, utc
from data.store import Cursor

HOLD = timedelta(hours=48)


@dataclass(frozen=True)
class Horizon:
    """Up to where a site's readings reach (R2).

    Parameters
    ----------
    newest
        The newest accepted reading of any meter, UTC; None without readings.
    held_meter, held_from
        The meter whose readings from a time on are held back, being more than 48 h later than
        every other meter's newest.
    """

    newest: datetime | None
    held_meter: int | None = None
    held_from: datetime | None = None


def stored_horizon(cursor: Cursor, site: str) -> Horizon:
    """Return a site's horizon as the last settle left it."""
    row = cursor.execute(
        "SELECT horizon, held_meter, held_from FROM site_state WHERE site = ?", [site]
    ).fetchone()
    return Horizon(*row) if row else Horizon(None)


def newest_horizon(cursor: Cursor, site: str) -> Horizon:
    """Return the newest accepted reading; one 48 h ahead of all other meters is held (R2)."""
    rows = cursor.execute(
        "SELECT e.newest, e.meter FROM meter_extent e JOIN meter_number n USING (meter) "
        "WHERE n.site = ? ORDER BY e.newest DESC, e.meter LIMIT 2",
        [site],
    ).fetchall()
    if not rows:
        return Horizon(None)
    if len(rows) == 1 or rows[0][0] <= rows[1][0] + HOLD:
        return Horizon(rows[0][0])
    limit = rows[1][0] + HOLD
    row = cursor.execute(
        "SELECT max(ts) FROM reading r WHERE meter = ? AND ts <= ? AND quality <> 2",
        [rows[0][1], limit],
    ).fetchone()
    own = row[0] if row and row[0] is not None else rows[1][0]
    return Horizon(max(own, rows[1][0]), rows[0][1], limit + timedelta(microseconds=1))


def elapsed(month: date, zone: str, horizon: Horizon) -> datetime | None:
    """Return the end of the running month's elapsed part, None if it is not running (R2)."""
    if horizon.newest is None:
        return None
    end = next_month(month)
    start_utc = utc(datetime(month.year, month.month, 1), zone)
    end_utc = utc(datetime(end.year, end.month, 1), zone)
    return horizon.newest if start_utc < horizon.newest < end_utc else None
