"""Which months, and which meters' intervals, a changed row makes settle again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import pandas as pd

from data.sites import documents
from data.store import Cursor, insert, view

_DATE_OF = {
    "batches": "date",
    "trips": "date",
    "fuel": "timestamp",
    "jobs": "start",
    "vehicles": "month",
    "site_months": "month",
    "prices": "date",
}
_FOLLOWED = 12  # months whose usual throughput a batch belongs to (accounting.md §10)
_TANK = ("delivery", "dip")


def mark_records(
    cursor: Cursor,
    kind: str,
    rows: pd.DataFrame,
    zones: Mapping[str, str],
    cause: str,
    batch: int,
) -> None:
    """Mark what rows of a kind change; rows are new ones and the earlier ones they replace."""
    if rows.empty:
        return
    if kind == "prices":
        rows = rows[rows["instrument"] == "CCER"]
    if kind in ("meters", "meter_changes"):
        _mark_meters(cursor, rows, batch)
    if kind == "meters":
        for site in sorted(set(rows["site"])):
            mark_all_months(cursor, site, "meter register", batch)
    elif kind == "devices":
        for site in sorted(set(rows["site"])):
            mark_all_months(cursor, site, cause, batch)
    elif kind == "outputs":
        _mark_batches(cursor, rows, cause, batch)
    elif kind in _DATE_OF:
        months = {
            (row["site"], month) for _, row in rows.iterrows() for month in _months(kind, row)
        }
        _insert_months(cursor, months, cause, batch)
    if kind == "calendar":
        _mark_alarms(cursor, rows)
    if kind == "batches":
        _mark_followers(cursor, rows, cause, batch)
    if kind in ("batches", "outputs", "trips"):
        _mark_shipments(cursor, rows, cause, batch)


def _mark_alarms(cursor: Cursor, rows: pd.DataFrame) -> None:
    """Mark the sites whose days are of another type now: their alarms are judged by it."""
    wanted = set(rows["site"])
    for site in documents(cursor):
        if site in wanted or "CN" in wanted:
            cursor.execute("INSERT INTO alarm_due VALUES (?)", [site])


def _mark_followers(cursor: Cursor, rows: pd.DataFrame, cause: str, batch: int) -> None:
    """Mark the settled months whose usual throughput the batches are part of."""
    touched = rows[["site", "date"]].drop_duplicates()
    with view(cursor, "touched", touched):
        cursor.execute(
            "INSERT INTO changed_month SELECT DISTINCT s.site, s.month, ?, ? "
            "FROM settled_month s JOIN touched t ON t.site = s.site "
            "AND s.month > t.date AND s.month <= CAST(t.date AS DATE) + to_months(?)",
            [cause, batch, _FOLLOWED],
        )


def _mark_shipments(cursor: Cursor, rows: pd.DataFrame, cause: str, batch: int) -> None:
    """Mark every month of the sites that book what is shipped: stock leaves in its order."""
    for site, document in documents(cursor).items():
        if document.settings.get("book_on") == "shipment" and site in set(rows["site"]):
            mark_all_months(cursor, site, cause, batch)


def _months(kind: str, row: pd.Series) -> list[date]:
    """Return the months a row counts in; a tank's dip also closes its neighbours (R13)."""
    when = row[_DATE_OF[kind]]
    month = date.fromisoformat(f"{when}-01") if isinstance(when, str) else _first(when)
    if kind == "fuel" and row["kind"] in _TANK:
        near = {_first(when - timedelta(hours=48)), month, _first(when + timedelta(hours=48))}
        return sorted(near)
    if kind == "prices":  # a week's total may stand at its end until its days are known
        return sorted({month, _first(when + timedelta(days=6))})
    return [month]


def _first(when: date) -> date:
    return date(when.year, when.month, 1)


def _insert_months(cursor: Cursor, months: set[tuple[str, date]], cause: str, batch: int) -> None:
    frame = pd.DataFrame(sorted(months), columns=["site", "month"])
    insert(cursor, "changed_month", frame.assign(cause=cause, batch=batch))


def mark_all_months(cursor: Cursor, site: str, cause: str, batch: int) -> None:
    """Mark every settled month of a site."""
    cursor.execute(
        "INSERT INTO changed_month SELECT site, month, ?, ? FROM settled_month WHERE site = ?",
        [cause, batch, site],
    )


def _mark_batches(cursor: Cursor, rows: pd.DataFrame, cause: str, batch: int) -> None:
    with view(cursor, "touched", rows[["site", "batch_id"]].drop_duplicates()):
        cursor.execute(
            "INSERT INTO changed_month SELECT DISTINCT t.site, "
            "CAST(date_trunc('month', b.date) AS DATE), ?, ? FROM touched t "
            "JOIN record_batches b USING (site, batch_id)",
            [cause, batch],
        )


def _mark_meters(cursor: Cursor, rows: pd.DataFrame, batch: int) -> None:
    """Mark a meter's whole extent: its rules hold for all of its readings."""
    with view(cursor, "touched", rows[["site", "meter_id"]].drop_duplicates()):
        cursor.execute(
            "INSERT INTO changed_reading SELECT e.meter, e.first, e.newest, 'meter register', ? "
            "FROM touched t JOIN meter_number n USING (site, meter_id) "
            "JOIN meter_extent e USING (meter)",
            [batch],
        )
