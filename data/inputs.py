"""What the accounting gets to see of a site and month, read from the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from accounting.inputs import BUILDINGS, LINES, SiteMonth
from accounting.products import shipped, verdicts
from data.ingest.kinds import KINDS
from data.ingest.site_file import SiteDocument
from data.periods import heat_pump_hours, meter_periods, next_month, utc
from data.sites import accounting_site, effective_sql
from data.store import Cursor, frame

DIP_REACH = timedelta(hours=48)
_DATED = {"batches": "day", "outputs": "day", "jobs": "day", "trips": "day", "vehicles": "month"}
_KINDS = (
    "batches", "outputs", "jobs", "fuel", "trips", "vehicles", "devices", "site_months",
)  # fmt: skip


@dataclass(frozen=True)
class Frames:
    """Everything of a site that its months are cut from."""

    meters: pd.DataFrame
    meter_day: ByMonth
    meter_month: ByMonth
    records: Mapping[str, pd.DataFrame]
    by_month: Mapping[str, ByMonth]
    heat_pump_hours: Mapping[str, float]


class ByMonth:
    """Rows parted by month once, because every month asks for its own."""

    def __init__(self, rows: pd.DataFrame, labels: pd.Series) -> None:
        self._none = rows.iloc[:0]
        self._parts = dict(list(rows.groupby(labels.to_numpy(), sort=False))) if len(rows) else {}

    def of(self, month: str) -> pd.DataFrame:
        """Return the rows of a month (``2026-07``)."""
        return self._parts.get(month, self._none)


def site_frames(
    cursor: Cursor, document: SiteDocument, meters: pd.DataFrame, months: list[date]
) -> Frames:
    """Read a site's records and the meter quantities of the months."""
    site = document.site_id
    days, totals = meter_periods(cursor, site, months[0], next_month(months[-1]))
    days["period"] = _stamped(days["at"], "%Y-%m-%d")
    totals["period"] = _stamped(totals["at"], "%Y-%m")
    records = {kind: _records(cursor, kind, site) for kind in _KINDS}
    _judge(records)
    records = {kind: _objects(rows) for kind, rows in records.items()}
    parted = {
        kind: ByMonth(records[kind], records[kind][column].astype(str).str[:7])
        for kind, column in _DATED.items()
    }
    hours = heat_pump_hours(cursor, site, document.timezone, months[0], next_month(months[-1]))
    days, totals = _objects(days), _objects(totals)
    return Frames(
        meters,
        ByMonth(days, days["period"].str[:7]),
        ByMonth(totals, totals["period"]),
        records,
        parted,
        hours,
    )


def _stamped(moments: pd.Series, form: str) -> pd.Series:
    """Return dates as text; each distinct one is written once."""
    place, known = pd.factorize(moments)
    words = np.array([moment.strftime(form) for moment in known], dtype=object)
    return pd.Series(words[place] if len(words) else [], index=moments.index, dtype=object)


def _objects(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with plain Python texts: going through them one by one is far faster."""
    texts = [name for name in rows.columns if pd.api.types.is_string_dtype(rows[name].dtype)]
    return rows.astype(dict.fromkeys(texts, object)) if texts else rows


def _judge(records: dict[str, pd.DataFrame]) -> None:
    """Add to batches and outputs what R20 says of each batch, and to outputs its day and line."""
    batches, outputs = records["batches"], records["outputs"]
    found = verdicts(batches, outputs)
    batches["verdict"] = [found[str(ident)] for ident in batches["batch_id"]]
    records["outputs"] = outputs.merge(
        batches[["batch_id", "day", "line", "verdict"]], on="batch_id", how="inner"
    )


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
        for name in ("mass_in_t", "residue_t", "length_km", "units"):
            rows[name] = rows[name].astype(float)
    elif kind == "outputs":
        rows["mass_t"] = rows["mass_t"].astype(float)
        rows["fate"] = [
            fate if isinstance(fate, str) and fate else DEFAULT_FATE.get(material, "sold")
            for fate, material in zip(rows["fate"], rows["material"], strict=True)
        ]
    elif kind == "trips":
        rows["day"] = _labels(rows["date"])
        rows["own"] = rows["own"].fillna(False).astype(bool)
        for name in ("litres", "tonnes", "km"):
            rows[name] = rows[name].astype(float)
    elif kind == "vehicles":
        rows["new_energy"] = rows["new_energy"].fillna(False).astype(bool)
        for name in ("km", "kwh"):
            rows[name] = rows[name].astype(float)
    elif kind == "devices":
        rows["capacity"] = rows["capacity"].astype(float)
        for name in ("in_service_from", "in_service_to"):
            rows[name] = pd.to_datetime(rows[name])
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


DEFAULT_FATE = {"transformer_oil": "rerefined"}


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
        meter_month=frames.meter_month.of(label),
        meter_day=frames.meter_day.of(label),
        batches=frames.by_month["batches"].of(label),
        jobs=frames.by_month["jobs"].of(label),
        fuel=fuel[near],
        trips=frames.by_month["trips"].of(label),
        outputs=frames.by_month["outputs"].of(label),
        booked=_booked(frames, document, month, end),
        vehicles=frames.by_month["vehicles"].of(label),
        devices=records["devices"],
        headcounts=_headcounts(records["site_months"], document, label),
        green_kwh=_number(records["site_months"], label, "green_kwh") or 0.0,
        gec_sold_kwh=_number(records["site_months"], label, "gec_sold_kwh") or 0.0,
        heat_pump_hours=frames.heat_pump_hours.get(label, 0.0),
        usual_throughput_t=_usual(frames.by_month["batches"], month),
    )


def _booked(frames: Frames, document: SiteDocument, month: date, end: date) -> pd.DataFrame:
    """Return the outputs that the month's substitution counts (§8, ``book_on``)."""
    if document.settings.get("book_on") == "shipment":
        return shipped(frames.records["outputs"], frames.records["trips"], month, end)
    return frames.by_month["outputs"].of(month.strftime("%Y-%m"))


def _usual(batches: ByMonth, month: date) -> dict[str, float]:
    """Return each line's median throughput of the twelve months before, t (§10).

    Months without any batch say nothing; a line without one in a month that has others is 0.
    """
    found = [batches.of(f"{y:04d}-{m:02d}") for y, m in _months_before(month, 12)]
    known = [_by_line(rows) for rows in found if len(rows)]
    return {line: float(np.median([part[line] for part in known])) for line in LINES if known}


def _by_line(batches: pd.DataFrame) -> dict[str, float]:
    sums = dict.fromkeys(LINES, 0.0)
    for line, mass in zip(batches["line"].tolist(), batches["mass_in_t"].tolist(), strict=True):
        sums[line] += mass
    return sums


def _months_before(month: date, count: int) -> list[tuple[int, int]]:
    at = month.year * 12 + month.month - 1
    return [((at - n) // 12, (at - n) % 12 + 1) for n in range(1, count + 1)]


def _meters_in(meters: pd.DataFrame, month: date, end: date) -> pd.DataFrame:
    started = meters["valid_from"].isna() | (meters["valid_from"] < pd.Timestamp(end))
    lasting = meters["valid_to"].isna() | (meters["valid_to"] >= pd.Timestamp(month))
    return meters[started & lasting].reset_index(drop=True)


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
