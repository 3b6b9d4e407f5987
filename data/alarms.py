"""What the anomaly rules need of a site, read from the store (accounting.md §12)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from accounting.anomaly import DEFAULTS, Alarm, Thresholds
from accounting.anomaly_frames import residuals
from accounting.anomaly_records import BACKWARD
from accounting.anomaly_site import History, alarms
from accounting.balance import top_level
from accounting.inputs import Meter
from data.horizon import stored_horizon
from data.ingest.checks import COMMON_SITE
from data.ingest.site_file import SiteDocument
from data.periods import local, local_times, next_month
from data.sites import SiteMeters, records, site_meters
from data.store import Cursor, frame

MINUTE_US = 60_000_000
# An hour is wholly covered when this many seconds of it are measured or estimated.
HOUR_S = 3600.0 - 0.001
COMPLETE = 1
SIGNS = {"grid_import": 1, "pv_generation": 1, "pv_export": -1}


def site_alarms(
    cursor: Cursor,
    document: SiteDocument,
    zone: str,
    limits: Thresholds = DEFAULTS,
) -> list[Alarm]:
    """Return every alarm of a site, computed anew from its settled quantities and its records.

    Parameters
    ----------
    cursor
        Where to read; after the site is settled, in the same transaction or later.
    document
        The site.
    zone
        The site's time zone.
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        By time, rule and entity; times are site-local, without a zone mark. The month of an
        alarm is that of its start (R24).

    References
    ----------
    accounting.md §12, R24.
    """
    found = site_history(cursor, document, zone)
    return [] if found is None else alarms(found, limits)


def site_history(cursor: Cursor, document: SiteDocument, zone: str) -> History | None:
    """Return what the rules need of a site; None where nothing has come in yet.

    Parameters
    ----------
    cursor, document, zone
        As for :func:`site_alarms`.

    Returns
    -------
    History
        Times are site-local. Hours are those wholly covered by measured or estimated intervals;
        the days reach to the newest reading (R2), or to the last record where there is none.
    """
    site = document.site_id
    meters = site_meters(cursor, site, zone, held={})
    hours = _hours(cursor, site, zone)
    batches, fuel = _batches(cursor, site), _fuel(cursor, site)
    horizon = stored_horizon(cursor, site).newest
    moments = [part for part in (hours["hour"], batches["day"], fuel["timestamp"]) if len(part)]
    if not moments:
        return None
    first, last = min(part.min() for part in moments), max(part.max() for part in moments)
    day_after = (last + timedelta(days=1)).to_pydatetime()
    until = day_after if horizon is None else local(horizon, zone)
    return History(
        first_day=first.date(),
        horizon=until,
        meters=_meters(meters, zone),
        hours=hours,
        calendar=_calendar(cursor, document),
        events=_events(cursor, site, zone),
        months=_balance(cursor, site, meters.described, until),
        batches=batches,
        fuel=fuel,
        pv=_pv(cursor, site),
        tank_l=_litres(document.settings["tank_l"]),
    )


def _litres(setting: object) -> float | None:
    # Unknown, or the template's 0: refuelling is not judged.
    return setting if isinstance(setting, float) and setting > 0 else None


def _meters(meters: SiteMeters, zone: str) -> pd.DataFrame:
    step = meters.measured.set_index("meter_id")
    names = meters.described["meter_id"]
    return meters.described[
        ["meter_id", "medium", "role", "building", "group", "equipment", "parent_id"]
    ].assign(
        step_min=(names.map(step["step_us"]) / MINUTE_US).astype("float64"),
        since=local_times(names.map(step["valid_since"]), zone),
        until=local_times(names.map(step["valid_until"]), zone),
    )


def _hours(cursor: Cursor, site: str, zone: str) -> pd.DataFrame:
    """Return the hours that are wholly known; those at the edge of a gap are not."""
    meters = frame(
        cursor,
        "SELECT meter, meter_id FROM meter_number WHERE site = ? ORDER BY meter",
        [site],
    )
    rows = frame(
        cursor,
        "SELECT h.meter, h.hour, CAST(h.quantity AS DOUBLE) AS quantity FROM meter_hour h "
        "SEMI JOIN (SELECT meter FROM meter_number WHERE site = ?) n USING (meter) "
        "WHERE h.quantity IS NOT NULL AND NOT h.blank AND h.measured_s + h.estimated_s >= ?",
        [site, HOUR_S],
    )
    # millions of rows: names as categories, not as texts
    place = np.searchsorted(meters["meter"].to_numpy(), rows["meter"].to_numpy())
    names = pd.Categorical.from_codes(place, categories=meters["meter_id"])
    return pd.DataFrame(
        {
            "meter_id": names,
            "hour": local_times(rows["hour"], zone),
            "quantity": rows["quantity"],
        }
    )


def _events(cursor: Cursor, site: str, zone: str) -> pd.DataFrame:
    rows = frame(
        cursor,
        "SELECT n.meter_id, e.since, e.ts, e.kind, CAST(e.before AS DOUBLE) AS before, "
        "CAST(e.shown AS DOUBLE) AS shown FROM meter_event e JOIN meter_number n USING (meter) "
        "WHERE n.site = ? AND e.kind IN (SELECT unnest(?::VARCHAR[]))",
        [site, list(BACKWARD)],
    )
    return rows.assign(since=local_times(rows["since"], zone), ts=local_times(rows["ts"], zone))


def _balance(cursor: Cursor, site: str, meters: pd.DataFrame, until: datetime) -> pd.DataFrame:
    """Return the balance of every month that is over."""
    rows = frame(
        cursor,
        "SELECT n.meter_id, m.month, CAST(m.quantity AS DOUBLE) AS quantity, "
        "m.quality <= ? AS complete FROM meter_month m JOIN meter_number n USING (meter) "
        "WHERE n.site = ? ORDER BY m.month, n.meter_id",
        [COMPLETE, site],
    )
    over = [_end(month.date()) <= until for month in pd.to_datetime(rows["month"])]
    columns = list(Meter.__dataclass_fields__)
    all_meters = tuple(Meter(*map(str, row)) for row in meters[columns].itertuples(index=False))
    signs = {m.meter_id: 0 for m in top_level(all_meters, "electricity")}
    signs |= {m.meter_id: SIGNS[m.role] for m in all_meters if m.role in SIGNS}
    return residuals(rows[pd.Series(over, index=rows.index, dtype=bool)], signs)


def _end(month: date) -> datetime:
    after = next_month(month)
    return datetime(after.year, after.month, after.day)


def _batches(cursor: Cursor, site: str) -> pd.DataFrame:
    rows, outputs = records(cursor, "batches", site), records(cursor, "outputs", site)
    out = outputs.assign(mass_t=outputs["mass_t"].astype(float)).groupby("batch_id")["mass_t"].sum()
    return pd.DataFrame(
        {
            "batch_id": rows["batch_id"].astype(str),
            "day": pd.to_datetime(rows["date"]).astype("datetime64[us]"),
            "mass_in_t": rows["mass_in_t"].astype(float),
            "out_t": rows["batch_id"].map(out).astype(float),
            "residue_t": rows["residue_t"].astype(float),
        }
    )


def _fuel(cursor: Cursor, site: str) -> pd.DataFrame:
    rows = records(cursor, "fuel", site)
    return pd.DataFrame(
        {
            "fuel_id": rows["fuel_id"].astype(str),
            "timestamp": rows["timestamp"].astype("datetime64[us]"),
            "litres": rows["litres"].astype(float),
            "kind": rows["kind"].astype(str),
            "consumer": rows["consumer"].fillna("").astype(str),
            "product": rows["product"].fillna("diesel").astype(str),
        }
    )


def _calendar(cursor: Cursor, document: SiteDocument) -> pd.DataFrame:
    """Return the site's calendar and, in China, the common one."""
    rows = [records(cursor, "calendar", document.site_id)]
    if document.province.startswith(COMMON_SITE):
        rows.append(records(cursor, "calendar", COMMON_SITE))
    return pd.concat(rows, ignore_index=True)[["date_from", "date_to", "kind"]]


def _pv(cursor: Cursor, site: str) -> pd.DataFrame:
    rows = records(cursor, "devices", site)
    rows = rows[rows["kind"] == "pv"]
    return pd.DataFrame(
        {
            "capacity_kwp": rows["capacity"].astype(float),
            "in_service_from": pd.to_datetime(rows["in_service_from"]),
            "in_service_to": pd.to_datetime(rows["in_service_to"]),
        }
    )
