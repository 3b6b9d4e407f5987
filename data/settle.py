"""Settling: from what changed to new rows of the ledger, each with its terms (ARCHITECTURE §4)."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TypeVar

from accounting.settlement import METHOD
from data.alarm_book import alarms_due, settle_alarms
from data.book import Batch, factor_set, withdraw_months
from data.engine import Engine
from data.horizon import Horizon, newest_horizon, stored_horizon
from data.hours import update_hours
from data.ingest.site_file import SiteDocument
from data.market import MARKET, empty_market, plan_market, settle_market
from data.month_book import Job, settle_months
from data.periods import local, month_of, months_between
from data.sites import documents, inputs_fingerprint
from data.state import Run
from data.store import Cursor, Topic

T = TypeVar("T")
MONTHS_AT_ONCE = 36
ROWS_BETWEEN_COLLECTIONS = 1_000_000
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


def _settle(engine: Engine, first: date | None, last: date | None, progress: Progress) -> Settled:
    def write(work: Callable[[Cursor], T]) -> T:
        return engine.store.write(work, Topic.READINGS | Topic.LEDGER)

    with engine.store.read() as cursor:
        sites = documents(cursor)
    forced = first is not None or last is not None
    plans, emptied = [], []
    for site, document in sites.items():
        plan = write(partial(_plan, engine, site, document))
        emptied += [(document, plan.gone)] if plan.gone else []
        due = [month for month in plan.extent if _inside(month, first, last)]
        if not forced:
            due = plan.due
        if due:
            plans.append((document, due))
    run = 0
    for document, gone in emptied:
        run = run or begin_run(engine)
        batch = Batch(document.site_id, run, factor_set(document, engine.library), {})
        write(partial(_emptied, engine, batch, gone))
    every = [month for _, due in plans for month in due]
    market = _market_months(engine, every)
    unpriced = write(partial(empty_market, due=every))
    if forced:
        market = [month for month in _settled(engine, MARKET) if _inside(month, first, last)]
    if not any((run, plans, market, unpriced, _alarms_due(engine))):
        return Settled(0, 0, 0)
    run = run or begin_run(engine)
    if unpriced:
        write(partial(_emptied, engine, Batch(MARKET, run, "", {}), unpriced))
    months = figures = 0
    for document, due in plans:
        for start in range(0, len(due), MONTHS_AT_ONCE):
            part = due[start : start + MONTHS_AT_ONCE]
            figures += write(partial(settle_months, engine, Job(document, tuple(part), run)))
            months += len(part)
            progress(document.site_id, start + len(part), len(due))
    if market:
        figures += write(partial(settle_market, market, run))
        progress(MARKET, len(market), len(market))
    # Alarms come after the figures, which can be read meanwhile.
    for site in _alarms_due(engine):
        figures += write(partial(settle_alarms, engine, sites[site], run))
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
    """A site's months: all that have rows (R3), those due, those without data any more."""

    extent: list[date]
    due: list[date]
    gone: list[date]


def _plan(engine: Engine, site: str, document: SiteDocument, cursor: Cursor) -> _Plan:
    """Bring a site's hours up to date and return its months that must be settled."""
    zone = document.timezone
    before = stored_horizon(cursor, site)
    now = newest_horizon(cursor, site)
    _mark_held(cursor, before, now)
    update_hours(cursor, site, zone, now)
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
    due = sorted(month for (month,) in rows if month in set(wanted))
    return _Plan(wanted, due, _gone(engine, cursor, site, wanted))


def planned(engine: Engine, site: str, document: SiteDocument, cursor: Cursor) -> list[date]:
    """Bring a site's hours up to date in the caller's transaction; return the months due."""
    return _plan(engine, site, document, cursor).due


def _gone(engine: Engine, cursor: Cursor, site: str, wanted: list[date]) -> list[date]:
    """Return the settled months without data any more; a locked one stays as it was locked."""
    cursor.execute(
        "DELETE FROM changed_month WHERE site = ? AND month NOT IN (SELECT unnest(?::DATE[]))",
        [site, wanted],
    )
    rows = cursor.execute(
        "SELECT month FROM settled_month WHERE site = ? "
        "AND month NOT IN (SELECT unnest(?::DATE[])) ORDER BY month",
        [site, wanted],
    ).fetchall()
    locked = engine.state.months.locked(site)
    return [month for (month,) in rows if f"{month:%Y-%m}" not in locked]


def _emptied(engine: Engine, batch: Batch, gone: list[date], cursor: Cursor) -> int:
    """Take the months without data any more out of the ledger; the years are summed anew."""
    if batch.site != MARKET:
        cursor.execute("INSERT INTO alarm_due VALUES (?)", [batch.site])
    causes = dict.fromkeys(gone, "correction")
    return withdraw_months(cursor, replace(batch, causes=causes), engine.library, gone)


def _mark_held(cursor: Cursor, before: Horizon, now: Horizon) -> None:
    """Mark the intervals of readings that begin or cease to be held back."""
    for one, other in ((before, now), (now, before)):
        if one.held_meter is not None and one != other:
            cursor.execute(
                "INSERT INTO changed_reading SELECT meter, ?, newest, 'late data', 0 "
                "FROM meter_extent WHERE meter = ?",
                [one.held_from, one.held_meter],
            )


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
