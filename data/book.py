"""Writing the ledger: a figure that changed is a new row that names its predecessor and cause."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from accounting.factors import FactorLibrary
from accounting.ledger import Figure, TermRow
from accounting.years import with_uncertainty, year_figures, year_names
from data.ingest.site_file import SiteDocument
from data.store import Cursor, frame, insert, view


@dataclass(frozen=True)
class Batch:
    """What the rows of one settle have in common."""

    site: str
    run: int
    factor_set: str
    causes: Mapping[date, str]


def factor_set(document: SiteDocument, library: FactorLibrary) -> str:
    """Return the material set and the digest of the factor library."""
    return f"{document.settings.get('material_set', 'CONS')}@{library.digest[:12]}"


def figure_id(site: str, figure: Figure, revision: int) -> str:
    """Return a figure's identifier: the same figure and revision have the same everywhere."""
    name = "|".join((site, *figure.key, str(revision)))
    return hashlib.blake2b(name.encode(), digest_size=10).hexdigest()


_COMPARED = (
    "value", "unit", "basis", "quality", "measured_pct", "estimated_pct", "uncertainty_pct",
    "flags",
)  # fmt: skip


def terms_digest(figure: Figure) -> str:
    """Return a digest of a figure's terms: with other terms it is another figure."""
    return hashlib.blake2b(repr([*map(tuple, figure.terms)]).encode(), digest_size=10).hexdigest()


def write_figures(
    cursor: Cursor,
    batch: Batch,
    month: date,
    figures: Iterable[Figure],
    approval: int | None = None,
) -> int:
    """Append the figures of a month that differ from the current ones; return how many.

    A figure that is as before leaves its row alone, so nothing changed writes nothing.
    ``approval`` is the proposal by which a locked month may change.
    """
    cause = batch.causes.get(month, "late data")
    current = _current(cursor, batch, month)
    return _write(cursor, batch, cause, current, list(figures), approval)


def changed_figures(
    cursor: Cursor, batch: Batch, month: date, figures: Iterable[Figure]
) -> list[tuple[Figure, float | None]]:
    """Return the figures of a month that the ledger has otherwise, with the ledger's values."""
    known = _by_key(_current(cursor, batch, month))
    found = []
    for figure in figures:
        before = known.get(figure.key)
        if before is None or not _same(before, figure, terms_digest(figure)):
            found.append((figure, None if before is None else _number(before.value)))
    return found


def _current(cursor: Cursor, batch: Batch, month: date) -> pd.DataFrame:
    start = month.strftime("%Y-%m")
    return frame(
        cursor,
        "SELECT * FROM ledger WHERE current AND site = ? AND run <= ? AND grain <> 'year' "
        "AND period BETWEEN ? AND ?",
        [batch.site, batch.run, start, start + "-99"],
    )


def _by_key(current: pd.DataFrame) -> dict[tuple[str, str, str, str, str], Any]:
    return {
        (row.grain, row.period, row.indicator, row.dimension, row.entity): row
        for row in current.itertuples()
    }


def write_years(cursor: Cursor, batch: Batch, library: FactorLibrary, years: list[int]) -> int:
    """Write the year figures, which are sums of months (§9 e, §14)."""
    written = 0
    names = pd.DataFrame(year_names(), columns=["indicator", "dimension"])
    for year in years:
        with view(cursor, "yearly", names):
            months = frame(
                cursor,
                "SELECT l.* FROM ledger l JOIN yearly USING (indicator, dimension) "
                "WHERE current AND site = ? AND grain = 'month' "
                "AND period BETWEEN ? AND ? ORDER BY indicator, entity, period",
                [batch.site, f"{year}-01", f"{year}-12"],
            )
        current = frame(
            cursor,
            "SELECT * FROM ledger WHERE current AND site = ? AND grain = 'year' AND period = ?",
            [batch.site, str(year)],
        )
        causes = {c for m, c in batch.causes.items() if m.year == year}
        cause = next(iter(sorted(causes)), "late data")
        found = year_figures(months, year)
        refs = [term.ref for figure in found for term in figure.terms]
        whole = with_uncertainty(found, terms_of(cursor, refs), library)
        written += _write(cursor, batch, cause, current, whole)
    return written


def mark_settled(cursor: Cursor, site: str, months: Sequence[date], run: int) -> None:
    """Note that months of a site are settled and nothing of them is due any more."""
    with view(cursor, "done", pd.DataFrame({"month": list(months)})):
        cursor.execute(
            "INSERT INTO settled_month SELECT ?, month, ? FROM done ON CONFLICT (site, month) "
            "DO UPDATE SET run = excluded.run",
            [site, run],
        )
        cursor.execute(
            "DELETE FROM changed_month WHERE site = ? AND month IN (SELECT month FROM done)",
            [site],
        )


def causes_of(cursor: Cursor, site: str) -> dict[date, str]:
    """Return why each month is settled again; the gravest cause where there are several."""
    rank = ("late data", "correction", "meter register", "setting", "method", "factor")
    found: dict[date, str] = {}
    for month, cause in cursor.execute(
        "SELECT DISTINCT month, cause FROM changed_month WHERE site = ?", [site]
    ).fetchall():
        known = found.get(month, rank[0])
        found[month] = max(cause, known, key=rank.index)
    return found


def terms_of(cursor: Cursor, figure_ids: Sequence[str]) -> dict[str, list[TermRow]]:
    """Return the terms of ledger rows by figure_id, in their order."""
    rows = cursor.execute(
        "SELECT figure_id, kind, ref, quantity, unit, coefficient, factor_id, origin FROM lineage "
        "WHERE figure_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY figure_id, place",
        [list(figure_ids)],
    ).fetchall()
    found: dict[str, list[TermRow]] = {}
    for ident, kind, ref, quantity, unit, coefficient, factor_id, origin in rows:
        factors = tuple(filter(None, factor_id.split(";")))
        term = TermRow(kind, ref, quantity, unit, coefficient, factors, origin)
        found.setdefault(ident, []).append(term)
    return found


def _write(
    cursor: Cursor,
    batch: Batch,
    cause: str,
    current: pd.DataFrame,
    figures: list[Figure],
    approval: int | None = None,
) -> int:
    known = _by_key(current)
    now = datetime.now(UTC).replace(tzinfo=None)
    rows, terms, replaced = [], [], []
    for figure in figures:
        before = known.get(figure.key)
        digest = terms_digest(figure)
        if before is not None and _same(before, figure, digest):
            continue
        revision = 1 if before is None else int(before.revision) + 1
        ident = figure_id(batch.site, figure, revision)
        if before is not None:
            replaced.append(before.figure_id)
        rows.append(
            _row(batch, figure, ident, revision, now)
            | {
                "terms_digest": digest,
                "supersedes": None if before is None else before.figure_id,
                "cause": None if before is None else cause,
                "approval": approval,
            }
        )
        terms += _terms(ident, figure)
    _append(cursor, rows, terms, replaced)
    return len(rows)


def _same(before: object, figure: Figure, digest: str) -> bool:
    """Tell whether a figure is what the ledger already says."""
    now = (*(getattr(figure, name) for name in _COMPARED), digest)
    old = (getattr(before, name) for name in (*_COMPARED, "terms_digest"))
    return all(_plain(a) == b for a, b in zip(old, now, strict=True))


def _plain(value: object) -> object:
    return None if value is None or value != value else value


def _number(value: object) -> float | None:
    found = _plain(value)
    return None if found is None else float(str(found))


def _row(
    batch: Batch, figure: Figure, ident: str, revision: int, now: datetime
) -> dict[str, object]:
    return {
        "figure_id": ident,
        "site": batch.site,
        "grain": figure.grain,
        "period": figure.period,
        "indicator": figure.indicator,
        "dimension": figure.dimension,
        "entity": figure.entity,
        "value": figure.value,
        "unit": figure.unit,
        "basis": figure.basis,
        "quality": figure.quality,
        "measured_pct": figure.measured_pct,
        "estimated_pct": figure.estimated_pct,
        "uncertainty_pct": figure.uncertainty_pct,
        "flags": figure.flags,
        "factor_set": batch.factor_set,
        "settled_at": now,
        "formula": figure.formula,
        "revision": revision,
        "run": batch.run,
        "current": True,
    }


def _terms(ident: str, figure: Figure) -> list[tuple[object, ...]]:
    return [
        (
            ident, place, term.kind, term.ref, term.quantity, term.unit, term.coefficient,
            ";".join(term.factor_ids), term.origin,
        )
        for place, term in enumerate(figure.terms)
    ]  # fmt: skip


_TERM_COLUMNS = (
    "figure_id", "place", "kind", "ref", "quantity", "unit", "coefficient", "factor_id", "origin",
)  # fmt: skip


def _append(
    cursor: Cursor,
    rows: list[dict[str, object]],
    terms: list[tuple[object, ...]],
    replaced: list[str],
) -> None:
    if not rows:
        return
    if replaced:
        with view(cursor, "replaced", pd.DataFrame({"figure_id": replaced})):
            cursor.execute(
                "UPDATE ledger SET current = false WHERE current "
                "AND figure_id IN (SELECT figure_id FROM replaced)"
            )
    ledger = pd.DataFrame(rows)
    ledger["approval"] = ledger["approval"].astype("Int64")
    for name in ("value", "measured_pct", "estimated_pct", "uncertainty_pct"):
        ledger[name] = ledger[name].astype("Float64")
    insert(cursor, "ledger", ledger)
    insert(cursor, "lineage", pd.DataFrame(terms, columns=list(_TERM_COLUMNS)))
