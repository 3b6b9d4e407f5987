"""What the accounting gets to see of a site and month, read from the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd

from accounting.inputs import BUILDINGS, SiteMonth
from data.ingest.kinds import KINDS
from data.ingest.site_file import SiteDocument
from data.periods import meter_periods, next_month, utc
from data.sites import accounting_site, effective_sql
from data.store import Cursor, frame

DIP_REACH = timedelta(hours=48)
_KINDS = ("batches", "jobs", "fuel", "trips", "site_months")


@dataclass(frozen=True)
class Frames:
    """Everything of a site that its months are cut from."""

    meters: pd.DataFrame
    meter_day: pd.DataFrame
    meter_month: pd.DataFrame
    records: Mapping[str, pd.DataFrame]


def site_frames(
    cursor: Cursor, document: SiteDocument, meters: pd.DataFrame, months: list[date]
) -> Frames:
    """Read a site's records and the meter quantities of the months."""
    site = document.site_id
    days, totals = meter_periods(cursor, site, months[0], next_month(months[-1]))
    days["period"] = [d.strftime("%Y-%m-%d") for d in days["at"]]
    totals["period"] = [d.strftime("%Y-%m") for d in totals["at"]]
    return Frames(meters, days, totals, {kind: _records(cursor, kind, site) for kind in _KINDS})


def _records(cursor: Cursor, kind: str, site: str) -> pd.DataFrame:
    """Return the rows that count, with where each came from: file and row."""
    rows = frame(
        cursor,
        "SELECT r.*, b.source || ':' || r.file_row AS origin "
        f"FROM ({effective_sql(KINDS[kind])}) r "
        "LEFT JOIN batch b USING (batch)",
        [site],
    )
    if kind == "batches":
        rows["day"] = _labels(rows["date"])
        rows["mass_in_t"] = rows["mass_in_t"].astype(float)
    elif kind == "trips":
        rows["day"] = _labels(rows["date"])
        rows["own"] = rows["own"].fillna(False).astype(bool)
        rows["litres"] = rows["litres"].astype(float)
    elif kind == "fuel":
        rows["day"] = _labels(rows["timestamp"])
        rows["litres"] = rows["litres"].astype(float)
        rows["product"] = rows["product"].fillna("diesel")
        for name in ("consumer", "line"):
            rows[name] = rows[name].fillna("").astype(str)
    elif kind == "jobs":
        rows["day"] = _labels(rows["start"])
        rows["hours"] = (rows["end"] - rows["start"]).dt.total_seconds() / 3600.0
        rows["lifted_t"] = rows["lifted_t"].astype(float)
    return rows


def _labels(moments: pd.Series) -> pd.Series:
    return pd.Series(
        [moment.strftime("%Y-%m-%d") for moment in moments], index=moments.index, dtype=object
    )


def month_inputs(
    frames: Frames, document: SiteDocument, month: date, elapsed_until: datetime | None
) -> SiteMonth:
    """Return the inputs of one month.

    Parameters
    ----------
    frames
        The site's frames.
    document
        The site's document.
    month
        Its first day.
    elapsed_until
        The newest reading if the month is running, UTC; else None (R2).
    """
    zone, end = document.timezone, next_month(month)
    edges = [
        utc(datetime(month.year, month.month, 1) + timedelta(days=n), zone)
        for n in range((end - month).days + 1)
    ]
    stop = elapsed_until or edges[-1]
    days = [n for n, start in enumerate(edges[:-1]) if start < stop]
    label = month.strftime("%Y-%m")
    records = frames.records
    fuel = records["fuel"]
    near = (fuel["timestamp"] >= pd.Timestamp(month) - DIP_REACH) & (
        fuel["timestamp"] <= pd.Timestamp(end) + DIP_REACH
    )
    return SiteMonth(
        site=accounting_site(document),
        month_start=month,
        month_end=end,
        days=tuple((month + timedelta(days=n)).isoformat() for n in days),
        elapsed_h=(stop - edges[0]).total_seconds() / 3600.0,
        elapsed_day_h=tuple(
            (min(stop, edges[n + 1]) - edges[n]).total_seconds() / 3600.0 for n in days
        ),
        running=elapsed_until is not None,
        meters=_meters_in(frames.meters, month, end),
        meter_month=_of_month(frames.meter_month, label),
        meter_day=_of_month(frames.meter_day, label),
        batches=_in_month(records["batches"], label),
        jobs=_in_month(records["jobs"], label),
        fuel=fuel[near],
        trips=_in_month(records["trips"], label),
        headcounts=_headcounts(records["site_months"], document, label),
        green_kwh=_number(records["site_months"], label, "green_kwh") or 0.0,
    )


def _meters_in(meters: pd.DataFrame, month: date, end: date) -> pd.DataFrame:
    started = meters["valid_from"].isna() | (meters["valid_from"] < pd.Timestamp(end))
    lasting = meters["valid_to"].isna() | (meters["valid_to"] >= pd.Timestamp(month))
    return meters[started & lasting].reset_index(drop=True)


def _of_month(rows: pd.DataFrame, month: str) -> pd.DataFrame:
    return rows[rows["period"].str.startswith(month)]


def _in_month(rows: pd.DataFrame, month: str) -> pd.DataFrame:
    return rows[rows["day"].str.startswith(month)] if len(rows) else rows


def _headcounts(rows: pd.DataFrame, document: SiteDocument, month: str) -> dict[str, float]:
    found = {}
    for building in BUILDINGS:
        number = _number(rows, month, f"headcount_{building}")
        if number is None:
            setting = document.settings.get(f"headcount_{building}")
            number = None if setting is None else float(str(setting))
        if number is not None:
            found[building] = number
    return found


def _number(rows: pd.DataFrame, month: str, column: str) -> float | None:
    found = rows.loc[rows["month"] == month, column] if len(rows) else rows.get(column)
    if found is None or found.empty or pd.isna(found.iloc[0]):
        return None
    return float(found.iloc[0])
