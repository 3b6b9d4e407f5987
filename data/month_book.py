"""Settling some months of a site in one transaction: quantities, figures, what is locked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from accounting.benefit import ALSO_HERE
from accounting.factors import FactorLibrary
from accounting.inputs import SiteMonth
from accounting.ledger import Figure, indicators
from accounting.settlement import GRAINS, changed_factors, site_month
from data.book import (
    Batch,
    Known,
    Pending,
    causes_of,
    changed_figures,
    current_figures,
    factor_set,
    gather_figures,
    mark_settled,
    withdraw,
    write_years,
)
from data.digest import digest_of
from data.engine import Engine
from data.horizon import elapsed, stored_horizon
from data.ingest.site_file import SiteDocument
from data.inputs import month_inputs, site_frames
from data.periods import day_frame, replace_periods
from data.sites import site_meters
from data.state import NewProposal, now
from data.store import Cursor

NEVER_LOCKED = ("alarm_count",)  # it counts what was noticed, also later (R24)


class Stale(Exception):
    """A locked month would change by other figures than those that were approved."""


@dataclass(frozen=True)
class Approved:
    """An approved adjustment: its proposal, and the digest of what was shown."""

    proposal: int
    digest: str


@dataclass(frozen=True)
class Job:
    """Months of a site to settle in one transaction.

    Parameters
    ----------
    document
        The site.
    months
        First days.
    run
        The settle run.
    adjusting
        What a second person has approved, by locked month.
    trial
        Whether the transaction will be rolled back: locked months are computed as open ones and
        nothing is proposed.
    """

    document: SiteDocument
    months: tuple[date, ...]
    run: int
    adjusting: Mapping[date, Approved] | None = None
    trial: bool = False


def settle_months(engine: Engine, job: Job, cursor: Cursor) -> int:
    """Compute and write the figures of months; return how many are new.

    Parameters
    ----------
    engine
        The opened data directory.
    job
        What to settle. A locked month is not written: what would change is proposed.
    cursor
        A writing cursor; the caller owns the transaction.

    Raises
    ------
    Stale
        A locked month would change by other figures than those that were approved.
    """
    site, zone = job.document.site_id, job.document.timezone
    locked = set() if job.trial else engine.state.months.locked(site)
    # what a locked month holds may be older than its last settle: it is always computed whole
    narrow = {
        month: found
        for month, found in _factor_only(engine, cursor, site).items()
        if f"{month:%Y-%m}" not in locked
    }
    horizon = stored_horizon(cursor, site)
    meters = site_meters(cursor, site, zone, held={})
    wide = [month for month in job.months if month not in narrow]
    if wide:
        columns = ["meter", "reading_kind", "step_us", "valid_since", "valid_until"]
        measured = meters.measured[columns]
        replace_periods(cursor, measured, day_frame(wide, zone), horizon.newest)
        cursor.execute("INSERT INTO alarm_due VALUES (?)", [site])
    frames = site_frames(cursor, job.document, meters.described, list(job.months))
    library = engine.library
    batch = Batch(site, job.run, factor_set(job.document, library), causes_of(cursor, site))
    computed: dict[date, list[Figure]] = {}
    for month in job.months:
        inputs = month_inputs(frames, job.document, month, elapsed(month, zone, horizon))
        computed[month] = _figures(inputs, library, narrow.get(month))
    named = {figure.indicator for figures in computed.values() for figure in figures}
    known = current_figures(cursor, batch, job.months, named)
    pending, emptied = Pending(), set()
    for month, figures in computed.items():
        number = None
        if f"{month:%Y-%m}" in locked:
            number = _approval(cursor, job, batch, month, figures)
            if number is None:
                _propose(engine, cursor, batch, month, figures)
                figures = [f for f in figures if f.indicator in NEVER_LOCKED]
        elif month in wide and _withdrawn(cursor, batch, month, figures, known):
            emptied.add(month.year)
        gather_figures(batch, month, figures, known, pending, number)
    years = sorted(emptied.union(pending.years()))
    written = pending.flush(cursor)
    written += write_years(cursor, batch, library, years)
    mark_settled(cursor, site, job.months, job.run)
    return written


def _withdrawn(
    cursor: Cursor, batch: Batch, month: date, figures: Iterable[Figure], known: Known
) -> int:
    """Take out what the month and its days no longer have: their readings were taken back."""
    label = f"{month:%Y-%m}"
    here = {key: held for key, held in known.items() if key[1][:7] == label}
    return withdraw(cursor, batch.site, here, [figure.key for figure in figures])


@dataclass(frozen=True)
class _Narrow:
    """What of a month must be computed again where nothing but factors changed.

    Parameters
    ----------
    factors
        The factors that changed: only figures made of them.
    grains
        Grains that have such figures.
    benefits
        Whether any figure of the benefit ledger is among them.
    """

    factors: frozenset[str]
    grains: tuple[str, ...]
    benefits: bool


def _figures(inputs: SiteMonth, library: FactorLibrary, narrow: _Narrow | None) -> list[Figure]:
    if narrow is None:
        return site_month(inputs, library)
    return site_month(inputs, library, narrow.factors, narrow.grains, benefits=narrow.benefits)


def _narrowed(cursor: Cursor, site: str, factors: frozenset[str]) -> _Narrow:
    """Return which figures of a site hold one of the factors, by the ledger's own lineage."""
    rows = cursor.execute(
        "SELECT DISTINCT grain, indicator, dimension FROM ledger l SEMI JOIN ("
        "SELECT figure_id FROM (SELECT figure_id, kind, ref, "
        "unnest(string_split(factor_id, ';')) AS factor FROM lineage) "
        "WHERE factor IN (SELECT unnest(?::VARCHAR[])) "
        "OR (kind = 'factor' AND ref IN (SELECT unnest(?::VARCHAR[])))) t USING (figure_id) "
        "WHERE current AND site = ?",
        [sorted(factors), sorted(factors), site],
    ).fetchall()
    known = indicators()
    benefits = any(
        known[indicator, dimension].ledger != "inventory"
        or indicator in ALSO_HERE
        or dimension == "line"  # idle lines are told apart with the benefits
        for _, indicator, dimension in rows
    )
    grains = {grain for grain, _, _ in rows}
    return _Narrow(factors, tuple(g for g in GRAINS if g in grains), benefits)


def _factor_only(engine: Engine, cursor: Cursor, site: str) -> dict[date, _Narrow]:
    """Return the months in which nothing but factors changed, with what that touches.

    Their quantities stand, and so does every figure without one of these factors.
    """
    rows = cursor.execute(
        "SELECT c.month, any_value(s.run) FROM changed_month c "
        "JOIN settled_month s USING (site, month) WHERE c.site = ? "
        "GROUP BY c.month HAVING bool_and(c.cause = 'factor')",
        [site],
    ).fetchall()
    runs = {run["run"]: str(run["factor_digest"]) for run in engine.state.runs()} if rows else {}
    found: dict[str, _Narrow] = {}
    for digest in {runs[run] for _, run in rows}:
        before: FactorLibrary = engine.libraries.by_digest(digest)
        if before.digest == digest:
            found[digest] = _narrowed(cursor, site, changed_factors(before, engine.library))
    return {month: found[runs[run]] for month, run in rows if runs[run] in found}


def _approval(
    cursor: Cursor, job: Job, batch: Batch, month: date, figures: Iterable[Figure]
) -> int | None:
    """Return the proposal by which a locked month may change just so; None without one."""
    approved = (job.adjusting or {}).get(month)
    if approved is None:
        return None
    if adjustment(cursor, batch, month, figures)["digest"] != approved.digest:
        raise Stale
    return approved.proposal


def _propose(
    engine: Engine, cursor: Cursor, batch: Batch, month: date, figures: Iterable[Figure]
) -> None:
    """Propose what a locked month would change by; an earlier proposal of it is replaced."""
    subject = f"{batch.site}/{month:%Y-%m}"
    effect = adjustment(cursor, batch, month, figures)
    by = "system"
    if not effect["figures"]:
        engine.state.approvals.withdraw("adjustment", subject, by, now())
        return
    cause = batch.causes.get(month, "late data")
    body = {"site": batch.site, "month": f"{month:%Y-%m}", "cause": cause}
    engine.state.approvals.propose(NewProposal("adjustment", subject, by, body, effect), now())


def adjustment(
    cursor: Cursor, batch: Batch, month: date, figures: Iterable[Figure]
) -> dict[str, Any]:
    """Return what a month would change by: month figures listed, all others counted.

    Parameters
    ----------
    cursor
        A reading cursor.
    batch, month
        The site and the month.
    figures
        As computed now.
    """
    kept = [f for f in figures if f.indicator not in NEVER_LOCKED]
    changed = changed_figures(cursor, batch, month, kept)
    rows = [
        [batch.site, f.period, f.indicator, f.dimension, f.entity, f.unit, old, f.value,
         None if old is None or f.value is None else f.value - old]
        for f, old in changed
        if f.grain == "month"
    ]  # fmt: skip
    return {
        "months": [f"{batch.site} {month:%Y-%m}"],
        "figures": len(changed),
        "rows": sorted(rows, key=lambda row: row[:5]),
        "digest": digest_of([(*f.key, old, f.value, f.quality) for f, old in changed]),
    }
