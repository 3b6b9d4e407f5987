"""Keeping a site's alarms and their counts in step with its quantities (accounting.md §12, R24)."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pandas as pd

from accounting.alarm_counts import alarm_counts
from accounting.anomaly import Alarm
from accounting.ledger import Figure
from data.alarms import site_alarms
from data.book import Batch, write_figures
from data.engine import Engine
from data.horizon import elapsed, stored_horizon
from data.ingest.site_file import SiteDocument
from data.store import Cursor, insert


def alarms_due(cursor: Cursor) -> list[str]:
    """Return the sites whose quantities or calendar changed since their alarms were computed.

    Parameters
    ----------
    cursor
        A reading cursor.
    """
    rows = cursor.execute("SELECT DISTINCT site FROM alarm_due ORDER BY site").fetchall()
    return [site for (site,) in rows]


def settle_alarms(engine: Engine, document: SiteDocument, run: int, cursor: Cursor) -> int:
    """Compute a site's alarms anew and write their counts; return how many rows are new.

    Parameters
    ----------
    engine
        The opened data directory.
    document
        The site; its months are settled.
    run
        The settle run.
    cursor
        A writing cursor; the caller owns the transaction.
    """
    site = document.site_id
    found = site_alarms(cursor, document, document.timezone)
    known = cursor.execute(_KNOWN, [site]).fetchall()
    cursor.execute("DELETE FROM alarm WHERE site = ?", [site])
    if found:
        insert(cursor, "alarm", _rows(site, found).assign(run=_first_runs(found, known, run)))
    months = [
        month
        for (month,) in cursor.execute(
            "SELECT month FROM settled_month WHERE site = ? ORDER BY month", [site]
        ).fetchall()
    ]
    batch = Batch(site, run, "", {})
    horizon = stored_horizon(cursor, site)
    running = [m for m in months if elapsed(m, document.timezone, horizon) is not None]
    figures: dict[date, list[Figure]] = {month: [] for month in months}
    labels = [f"{month:%Y-%m}" for month in months]
    for figure in alarm_counts(found, labels, f"{running[0]:%Y-%m}" if running else ""):
        figures[date.fromisoformat(f"{figure.period}-01")].append(figure)
    written = write_figures(cursor, batch, figures)
    cursor.execute("DELETE FROM alarm_due WHERE site = ?", [site])
    return written


_KNOWN = "SELECT rule, entity, level, started, ended, run FROM alarm WHERE site = ?"


def _first_runs(
    alarms: list[Alarm], known: list[tuple[Any, ...]], run: int
) -> pd.arrays.IntegerArray:
    """Return the run that first found each alarm; null for those from before it was kept.

    An alarm whose ends move with late readings stays the one that it was.
    """
    before: dict[tuple[str, str, str], list[tuple[Any, Any, int | None]]] = {}
    for rule, entity, level, started, ended, first in known:
        before.setdefault((rule, entity, level), []).append((started, ended, first))
    found: list[int | None] = []
    for alarm in alarms:
        same = [
            first
            for started, ended, first in before.get((alarm.rule, alarm.entity, alarm.level), ())
            if started <= alarm.end and alarm.start <= ended
        ]
        found.append(same[0] if same else run)
    return pd.array(found, dtype="Int64")


def _rows(site: str, alarms: list[Alarm]) -> pd.DataFrame:
    columns = ("rule", "entity", "medium", "start", "end", "level", "value", "limit", "unit", "z",
               "hits", "open")  # fmt: skip
    rows = [
        [site, *(_plain(getattr(alarm, name)) for name in columns)]
        for alarm in alarms
    ]  # fmt: skip
    names = ["site", "rule", "entity", "medium", "started", "ended", "level", "shown",
             "threshold", "unit", "z", "hits", "open"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=names)
    for name in ("shown", "threshold", "z"):
        frame[name] = frame[name].astype("Float64")
    return frame


def _plain(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
