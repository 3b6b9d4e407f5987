"""Settling: from what changed to new rows of the ledger, each with its terms (ARCHITECTURE §4)."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

import pandas as pd

from accounting.settlement import METHOD
from data.alarm_book import alarms_due, settle_alarms
from data.engine import Engine
from data.horizon import Horizon, newest_horizon, stored_horizon
from data.ingest.site_file import SiteDocument
from data.intervals import LOOK_AHEAD, neighbours, recompute
from data.market import MARKET, plan_market, settle_market
from data.month_book import Job, settle_months
from data.periods import (
    local,
    month_of,
    months_between,
    next_month,
)
from data.sites import documents, inputs_fingerprint, site_meters
from data.state import Run
from data.store import Cursor, frame, view

MONTHS_AT_ONCE = 36
READINGS_AT_ONCE = 1_000_000
ROWS_BETWEEN_COLLECTIONS = 100_000
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Settled:
    """What a settle did."""

    run: int
    months: int
    figures: int


def settle(
    engine: Engine,
    first: date | None = None,
    last: date | None = None,
    progress: Progress = lambda name, done, of: None,
) -> Settled:
    """Compute the ledger for what changed; nothing changed does nothing (CONTRACT §1).

    Parameters
    ----------
    engine
        The opened data directory.
    first, last
        Months to settle anew whether or not they changed; None leaves that side open.
    progress
        Called with a site, months done and months in all.

    Returns
    -------
    Settled
        The run's number (0 if there was nothing to do), months and new ledger rows.
    """
    with _few_collections():
        return _settle(engine, first, last, progress)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for cycles seldom: a settle makes millions of rows and not one cycle among them."""
    before = gc.get_threshold()
    gc.set_threshold(ROWS_BETWEEN_COLLECTIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _settle(
    engine: Engine, first: date | None, last: date | None, progress: Progress
) -> Settled:
    with engine.store.read() as cursor:
        sites = documents(cursor)
    forced = first is not None or last is not None
    plans = []
    for site, document in sites.items():
        plan = engine.store.write(partial(_plan, engine, site, document))
        due = [month for month in plan.extent if _inside(month, first, last)]
        if not forced:
            due = plan.due
        if due:
            plans.append((document, due))
    market = _market_months(engine, [month for _, due in plans for month in due])
    if forced:
        market = [month for month in _settled(engine, MARKET) if _inside(month, first, last)]
    if not plans and not market and not _alarms_due(engine):
        return Settled(0, 0, 0)
    run = begin_run(engine)
    months = figures = 0
    for document, due in plans:
        for start in range(0, len(due), MONTHS_AT_ONCE):
            part = due[start : start + MONTHS_AT_ONCE]
            figures += engine.store.write(
                partial(settle_months, engine, Job(document, tuple(part), run))
            )
            months += len(part)
            progress(document.site_id, start + len(part), len(due))
    if market:
        figures += engine.store.write(partial(settle_market, market, run))
        progress(MARKET, len(market), len(market))
    # Alarms come after the figures, which can be read meanwhile.
    for site in _alarms_due(engine):
        figures += engine.store.write(partial(settle_alarms, engine, sites[site], run))
    engine.state.end_run(run, months, figures)
    return Settled(run, months, figures)


def _alarms_due(engine: Engine) -> list[str]:
    with engine.store.read() as cursor:
        return alarms_due(cursor)


def begin_run(engine: Engine) -> int:
    """Note the start of a settle run and what it is made with; return its number."""
    return engine.state.begin_run(Run(METHOD, engine.library.digest, _newest_batch(engine)))


def _market_months(engine: Engine, due: list[date]) -> list[date]:
    with engine.store.read() as cursor:
        return plan_market(cursor, due)


def _newest_batch(engine: Engine) -> int:
    with engine.store.read() as cursor:
        row = cursor.execute("SELECT coalesce(max(batch), 0) FROM batch").fetchone()
    return int(row[0]) if row else 0


def _inside(month: date, first: date | None, last: date | None) -> bool:
    return (first is None or month >= first) and (last is None or month <= last)


def _settled(engine: Engine, site: str) -> list[date]:
    with engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT month FROM settled_month WHERE site = ? ORDER BY month", [site]
        ).fetchall()
    return [month for (month,) in rows]


@dataclass(frozen=True)
class _Plan:
    """A site's months: all that have rows (R3), and those that must be settled."""

    extent: list[date]
    due: list[date]


def _plan(engine: Engine, site: str, document: SiteDocument, cursor: Cursor) -> _Plan:
    """Bring a site's hours up to date and return its months that must be settled."""
    zone = document.timezone
    before = stored_horizon(cursor, site)
    now = newest_horizon(cursor, site)
    _mark_held(cursor, before, now)
    _update_hours(cursor, site, zone, now)
    fingerprint = inputs_fingerprint(document, engine.library.digest, METHOD)
    _mark_horizon(cursor, site, zone, before, now)
    _mark_inputs(cursor, site, fingerprint)
    cursor.execute(
        "INSERT INTO site_state VALUES (?, ?, ?, ?, ?) ON CONFLICT (site) DO UPDATE SET "
        "horizon = excluded.horizon, held_meter = excluded.held_meter, "
        "held_from = excluded.held_from, inputs = excluded.inputs",
        [site, now.newest, now.held_meter, now.held_from, fingerprint],
    )
    wanted = _extent_months(cursor, site, zone, now)
    rows = cursor.execute(
        "SELECT month FROM changed_month WHERE site = ? UNION SELECT unnest(?::DATE[]) "
        "EXCEPT SELECT month FROM settled_month WHERE site = ? AND month NOT IN "
        "(SELECT month FROM changed_month WHERE site = ?)",
        [site, wanted, site, site],
    ).fetchall()
    return _Plan(wanted, sorted(month for (month,) in rows if month in set(wanted)))


def _mark_held(cursor: Cursor, before: Horizon, now: Horizon) -> None:
    """Mark the intervals of readings that begin or cease to be held back."""
    for one, other in ((before, now), (now, before)):
        if one.held_meter is not None and one != other:
            cursor.execute(
                "INSERT INTO changed_reading SELECT meter, ?, newest, 'late data', 0 "
                "FROM meter_extent WHERE meter = ?",
                [one.held_from, one.held_meter],
            )


def _update_hours(cursor: Cursor, site: str, zone: str, now: Horizon) -> None:
    """Recompute the hours that changed readings touch, month by month in time order."""
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


def _mark_horizon(cursor: Cursor, site: str, zone: str, before: Horizon, now: Horizon) -> None:
    """Mark the months whose elapsed part the newest reading has moved (R2)."""
    for horizon in (before, now):
        if horizon.newest is not None and before.newest != now.newest:
            cursor.execute(
                "INSERT INTO changed_month VALUES (?, ?, 'late data', 0)",
                [site, month_of(horizon.newest, zone)],
            )


def _mark_inputs(cursor: Cursor, site: str, fingerprint: str) -> None:
    """Mark every settled month when factors, method or settings are others than before."""
    row = cursor.execute("SELECT inputs FROM site_state WHERE site = ?", [site]).fetchone()
    if row is not None and row[0] is not None and row[0] != fingerprint:
        cause = _input_cause(row[0], fingerprint)
        cursor.execute(
            "INSERT INTO changed_month SELECT site, month, ?, 0 FROM settled_month WHERE site = ?",
            [cause, site],
        )


def _input_cause(before: str, now: str) -> str:
    old, new = json.loads(before), json.loads(now)
    if old["factors"] != new["factors"]:
        return "factor"
    return "method" if old["method"] != new["method"] else "setting"


def _extent_months(cursor: Cursor, site: str, zone: str, now: Horizon) -> list[date]:
    """Return every month from the first to the last with an interval or a record (R3)."""
    edges: list[date] = []
    row = cursor.execute(
        "SELECT min(e.first) FROM meter_extent e JOIN meter_number n USING (meter) "
        "WHERE n.site = ?",
        [site],
    ).fetchone()
    if now.newest is not None and row is not None:
        edges += [local(row[0], zone).date(), month_of(now.newest, zone)]
    for sql in (
        "SELECT min(date), max(date) FROM record_batches WHERE site = ?",
        "SELECT min(date), max(date) FROM record_trips WHERE site = ?",
        "SELECT min(timestamp)::DATE, max(timestamp)::DATE FROM record_fuel WHERE site = ?",
    ):
        found = cursor.execute(sql, [site]).fetchone()
        edges += [edge for edge in found or () if edge is not None]
    if not edges:
        return []
    return months_between(min(edges).replace(day=1), max(edges).replace(day=1))
