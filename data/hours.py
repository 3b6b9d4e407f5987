"""Which hours changed readings touch: windows of whole hours, cut into pieces that fit (R5, R6)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pandas as pd

from data.horizon import Horizon
from data.intervals import LOOK_AHEAD, neighbours, recompute
from data.periods import local, month_of, months_between, next_month
from data.sites import site_meters
from data.store import Cursor, frame, view

READINGS_AT_ONCE = 1_000_000


def update_hours(cursor: Cursor, site: str, zone: str, now: Horizon) -> None:
    """Recompute the hours that changed readings touch, month by month in time order.

    Parameters
    ----------
    cursor
        A writing cursor; the caller owns the transaction.
    site, zone
        The site and its time zone; its months with other hours are marked as changed.
    now
        Its horizon as it will be: which readings are held back (R2).

    References
    ----------
    accounting.md R2, R5, R6.
    """
    changed = frame(
        cursor,
        "SELECT c.meter, c.since, c.until, c.cause, c.batch FROM changed_reading c "
        "JOIN meter_number n USING (meter) WHERE n.site = ?",
        [site],
    )
    if changed.empty:
        return
    changed = _merged(changed)
    held = {now.held_meter: now.held_from} if now.held_meter and now.held_from else {}
    meters = site_meters(cursor, site, zone, held=held).measured
    meters = meters.assign(multiplier=meters["multiplier_micro"] / 1_000_000)
    while not changed.empty:
        windows = _windows(cursor, changed)
        beyond = [
            recompute(cursor, window, meters[meters["meter"].isin(window["meter"])])
            for window in _pieces(windows, meters)
        ]
        _mark_touched(cursor, site, zone, windows)
        changed = _beyond(windows, pd.concat(beyond), changed)
    cursor.execute(
        "DELETE FROM changed_reading WHERE meter IN "
        "(SELECT meter FROM meter_number WHERE site = ?)",
        [site],
    )


def _beyond(windows: pd.DataFrame, over: pd.DataFrame, changed: pd.DataFrame) -> pd.DataFrame:
    """Return the stretches that ran beyond the last window of their meter."""
    last = windows.groupby("meter")["h1"].max()
    open_ended = over[over["until"] > over["meter"].map(last)]
    causes = changed.groupby("meter", as_index=False).agg(
        cause=("cause", "min"), batch=("batch", "max")
    )
    return open_ended.merge(causes, on="meter")


def _windows(cursor: Cursor, changed: pd.DataFrame) -> pd.DataFrame:
    """Return whole-hour windows that reach from the reading before to the one after (R5, R6).

    A reading may also change what became of those in the 24 h before it, because spikes and
    dips are judged by what follows, and of those after it that were judged from it.
    """
    tick = timedelta(microseconds=1)
    starts = changed[["meter"]].assign(at=changed["since"] - LOOK_AHEAD - tick)
    ends = changed[["meter"]].assign(at=_chained(cursor, changed) + tick)
    before = neighbours(cursor, starts, after=False, untreated=False)
    after = neighbours(cursor, ends, after=True, untreated=False)
    windows = changed[["meter", "cause", "batch"]].reset_index(drop=True)
    windows["h0"] = before.fillna(starts["at"].reset_index(drop=True)).dt.floor("h")
    ended = after.fillna(ends["at"].reset_index(drop=True))
    windows["h1"] = ended.dt.floor("h") + timedelta(hours=1)
    return windows


def _chained(cursor: Cursor, changed: pd.DataFrame) -> pd.Series:
    """Return ends that lie behind every treated reading judged from within the stretch."""
    ends = changed[["meter"]].assign(at=changed["until"] + timedelta(microseconds=1))
    after = neighbours(cursor, ends, after=True, untreated=False)
    with view(cursor, "changed", changed):
        events = frame(
            cursor,
            "SELECT e.meter, e.since, e.ts FROM meter_event e "
            "JOIN (SELECT meter, min(until) AS until FROM changed GROUP BY meter) c "
            "ON c.meter = e.meter AND e.ts > c.until ORDER BY e.meter, e.ts",
        )
    by_meter = dict(list(events.groupby("meter")))
    found = []
    for row, follower in zip(changed.itertuples(), after, strict=True):
        until = row.until
        reach = until if pd.isna(follower) else max(follower, until)
        if row.meter in by_meter:
            for event in by_meter[row.meter].itertuples():
                if event.since <= reach < event.ts:
                    reach = until = event.ts
        found.append(until)
    return pd.Series(found, index=changed.index, dtype="datetime64[us]")


def _merged(changed: pd.DataFrame) -> pd.DataFrame:
    """Join stretches of a meter and cause that lie within a month of each other."""
    changed = changed.sort_values(["meter", "cause", "since"])
    groups = changed.groupby(["meter", "cause"])
    apart = changed["since"] > groups["until"].shift() + timedelta(days=31)
    piece = (apart | (groups.cumcount() == 0)).cumsum()
    return changed.groupby(piece.to_numpy(), as_index=False).agg(
        meter=("meter", "first"),
        since=("since", "min"),
        until=("until", "max"),
        cause=("cause", "first"),
        batch=("batch", "max"),
    )


def _pieces(windows: pd.DataFrame, meters: pd.DataFrame) -> list[pd.DataFrame]:
    """Cut windows at month ends (UTC) and gather whole months, so that a piece fits in memory."""
    steps_us = dict(zip(meters["meter"], meters["step_us"], strict=True))
    months: dict[date, dict[int, tuple[datetime, datetime]]] = {}
    for row in windows.itertuples():
        start, stop = row.h0.to_pydatetime(), row.h1.to_pydatetime()
        while start < stop:
            month = date(start.year, start.month, 1)
            after = next_month(month)
            end = min(stop, datetime(after.year, after.month, 1))
            low, high = months.setdefault(month, {}).get(int(row.meter), (start, end))
            months[month][int(row.meter)] = (min(low, start), max(high, end))
            start = end
    found: list[pd.DataFrame] = []
    piece: dict[int, tuple[datetime, datetime]] = {}
    size = 0.0
    for month in sorted(months):
        for meter, (low, high) in months[month].items():
            size += (high - low) / timedelta(microseconds=int(steps_us[meter]))
            first, last = piece.get(meter, (low, high))
            piece[meter] = (min(first, low), max(last, high))
        if size > READINGS_AT_ONCE:
            found.append(_window_frame(piece))
            piece, size = {}, 0.0
    return [*found, _window_frame(piece)] if piece else found


def _window_frame(piece: dict[int, tuple[datetime, datetime]]) -> pd.DataFrame:
    rows = [(meter, low, high) for meter, (low, high) in sorted(piece.items())]
    window = pd.DataFrame(rows, columns=["meter", "h0", "h1"])
    return window.astype({"h0": "datetime64[us]", "h1": "datetime64[us]"})


def _mark_touched(cursor: Cursor, site: str, zone: str, windows: pd.DataFrame) -> None:
    marks: dict[tuple[date, str, int], None] = {}
    for row in windows.itertuples():
        first = local(row.h0.to_pydatetime(), zone).date().replace(day=1)
        for month in months_between(first, month_of(row.h1.to_pydatetime(), zone)):
            marks[month, row.cause, int(row.batch)] = None
    rows = [(site, *mark) for mark in marks]
    with view(cursor, "marks", pd.DataFrame(rows, columns=["site", "month", "cause", "batch"])):
        cursor.execute("INSERT INTO changed_month SELECT site, month, cause, batch FROM marks")
