"""Writing the ledger: a figure that changed is a new row that names its predecessor and cause."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import pandas as pd

from accounting.factors import FactorLibrary
from accounting.ledger import Figure, TermRow
from accounting.years import MonthRow, with_uncertainty, year_figures, year_names
from data.ingest.site_file import SiteDocument
from data.store import Cursor, insert, view


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


def figure_id(site: str, key: Sequence[str], revision: int) -> str:
    """Return a figure's identifier: the same figure and revision have the same everywhere."""
    name = "|".join((site, *key, str(revision)))
    return hashlib.blake2b(name.encode(), digest_size=10).hexdigest()


_COMPARED = (
    "value", "unit", "basis", "quality", "measured_pct", "estimated_pct", "uncertainty_pct",
    "flags",
)  # fmt: skip
_compared = attrgetter(*_COMPARED)


def terms_digest(figure: Figure) -> str:
    """Return a digest of a figure's terms: with other terms it is another figure."""
    return _digest([*map(tuple, figure.terms)]) if figure.terms else _NO_TERMS


def _digest(terms: list[tuple[object, ...]]) -> str:
    return hashlib.blake2b(repr(terms).encode(), digest_size=10).hexdigest()


_NO_TERMS = _digest([])  # of most figures of a quiet day


_ROW_COLUMNS = (
    "figure_id", "site", "grain", "period", "indicator", "dimension", "entity", "value", "unit",
    "basis", "quality", "measured_pct", "estimated_pct", "uncertainty_pct", "flags", "factor_set",
    "settled_at", "formula", "revision", "supersedes", "cause", "run", "terms_digest", "current",
    "approval",
)  # fmt: skip


@dataclass
class Pending:
    """Rows of the ledger that are gathered and appended together."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    terms: list[tuple[object, ...]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    months: set[tuple[str, str, str]] = field(default_factory=set)

    def years(self) -> list[int]:
        """Return the years whose own figures are sums of what was gathered."""
        summed = set(year_names())
        return sorted({int(month[:4]) for month, *name in self.months if tuple(name) in summed})

    def flush(self, cursor: Cursor) -> int:
        """Append what was gathered and return how many rows it was."""
        count = len(self.rows)
        _append(cursor, self.rows, self.terms, self.replaced)
        self.rows, self.terms, self.replaced, self.months = [], [], [], set()
        return count


def write_figures(
    cursor: Cursor,
    batch: Batch,
    months: Mapping[date, Sequence[Figure]],
    *,
    whole: bool = False,
) -> int:
    """Append the figures of months that differ from the current ones; return how many.

    A figure that is as before leaves its row alone, so nothing changed writes nothing. Where the
    figures are ``whole``, those of their indicators that are not among them are withdrawn.
    """
    pending = Pending()
    named = {figure.indicator for figures in months.values() for figure in figures}
    known = current_figures(cursor, batch, months, named)
    if whole:
        every = [figure.key for figures in months.values() for figure in figures]
        withdraw(cursor, batch.site, known, every)
    for month, figures in months.items():
        gather_figures(batch, month, figures, known, pending)
    return pending.flush(cursor)


def gather_figures(
    batch: Batch,
    month: date,
    figures: Iterable[Figure],
    known: Known,
    pending: Pending,
    approval: int | None = None,
) -> None:
    """Gather the figures of a month that differ from the current ones.

    ``approval`` is the proposal by which a locked month may change.
    """
    _gather(batch, batch.causes.get(month, "late data"), known, figures, pending, approval)


def changed_figures(
    cursor: Cursor, batch: Batch, month: date, figures: Iterable[Figure]
) -> list[tuple[Figure, float | None]]:
    """Return the figures of a month that the ledger has otherwise, with the ledger's values."""
    wanted = list(figures)
    known = current_figures(cursor, batch, [month], {f.indicator for f in wanted})
    found = []
    for figure in wanted:
        before = known.get(figure.key)
        if before is None or before.said != _said(figure):
            found.append((figure, None if before is None else before.value))
    return found


class _Held(NamedTuple):
    """What the ledger holds of a figure: its row, its value, and all that is compared."""

    figure_id: str
    revision: int
    value: float | None
    said: tuple[object, ...]


Known = dict[tuple[str, str, str, str, str], _Held]
_HELD = f"""
SELECT grain, period, indicator, dimension, entity, figure_id, revision,
    {", ".join(_COMPARED)}, terms_digest
FROM ledger WHERE current AND site = ? AND run <= ?
"""


def current_figures(
    cursor: Cursor, batch: Batch, months: Collection[date], indicators: Collection[str]
) -> Known:
    """Return what the ledger holds of indicators in months and their days."""
    labels = sorted(f"{month:%Y-%m}" for month in months)
    if not labels:
        return {}
    rows = cursor.execute(
        f"{_HELD} AND grain <> 'year' AND period BETWEEN ? AND ? "
        "AND period[:7] IN (SELECT unnest(?::VARCHAR[])) "
        "AND indicator IN (SELECT unnest(?::VARCHAR[]))",
        [batch.site, batch.run, labels[0], labels[-1] + "-99", labels, sorted(indicators)],
    ).fetchall()
    return withdrawn_figures(cursor, batch.site, labels) | _held(rows)


def _held(rows: Iterable[tuple[Any, ...]]) -> Known:
    return {row[:5]: _Held(row[5], row[6], row[7], row[7:]) for row in rows}


def write_years(cursor: Cursor, batch: Batch, library: FactorLibrary, years: list[int]) -> int:
    """Write the year figures, which are sums of months (§9 e, §14)."""
    labels = [str(year) for year in years]
    with view(cursor, "yearly", pd.DataFrame(year_names(), columns=["indicator", "dimension"])):
        months = cursor.execute(
            f"SELECT {', '.join(MonthRow._fields)} FROM ledger "
            "SEMI JOIN yearly USING (indicator, dimension) "
            "WHERE current AND site = ? AND grain = 'month' "
            "AND period[:4] IN (SELECT unnest(?::VARCHAR[]))",
            [batch.site, labels],
        ).fetchall()
    held = cursor.execute(
        f"{_HELD} AND grain = 'year' AND period IN (SELECT unnest(?::VARCHAR[]))",
        [batch.site, batch.run, labels],
    ).fetchall()
    found = year_figures(MonthRow(*row) for row in months)
    refs = [term.ref for figure in found for term in figure.terms]
    whole = with_uncertainty(found, terms_of(cursor, refs), library)
    pending, known = Pending(), withdrawn_figures(cursor, batch.site, labels) | _held(held)
    withdraw(cursor, batch.site, known, [figure.key for figure in whole])
    for year, figures in groupby(whole, key=lambda figure: int(figure.period)):
        causes = {cause for month, cause in batch.causes.items() if month.year == year}
        _gather(batch, min(causes, default="late data"), known, figures, pending)
    return pending.flush(cursor)


def withdrawn_figures(cursor: Cursor, site: str, labels: Sequence[str]) -> Known:
    """Return the figures of months (their days too) or years that were taken out of the ledger.

    A figure that comes back continues its revisions; nothing that it could say equals this.
    """
    rows = cursor.execute(
        "SELECT grain, period, indicator, dimension, entity, arg_max(figure_id, revision), "
        "max(revision) FROM withdrawn_figure WHERE site = ? "
        "AND left(period, ?) IN (SELECT unnest(?::VARCHAR[])) GROUP BY ALL",
        [site, max(map(len, labels), default=0), list(labels)],
    ).fetchall()
    return {row[:5]: _Held(row[5], row[6], None, ()) for row in rows}


def withdraw(
    cursor: Cursor, site: str, known: Known, kept: Iterable[tuple[str, str, str, str, str]]
) -> int:
    """Take figures out of the ledger whose period has no data any more; return how many.

    Their rows stay, as every earlier revision does; they are current no longer (R3).
    """
    stays = set(kept)
    gone = [(key, held) for key, held in known.items() if held.said and key not in stays]
    if not gone:
        return 0
    rows = [(site, *key, held.figure_id, held.revision) for key, held in gone]
    columns = ["site", "grain", "period", "indicator", "dimension", "entity", "figure_id",
               "revision"]  # fmt: skip
    found = pd.DataFrame(rows, columns=columns)
    insert(
        cursor,
        "withdrawn_figure",
        found.assign(withdrawn_at=datetime.now(UTC).replace(tzinfo=None)),
    )
    with view(cursor, "withdrawn", found):
        cursor.execute(
            "UPDATE ledger SET current = false WHERE current "
            "AND figure_id IN (SELECT figure_id FROM withdrawn)"
        )
    return len(gone)


def withdraw_months(
    cursor: Cursor, batch: Batch, library: FactorLibrary, months: Sequence[date]
) -> int:
    """Take months that have no data any more out of the ledger; return how many figures."""
    labels = [f"{month:%Y-%m}" for month in months]
    rows = cursor.execute(
        f"{_HELD} AND grain <> 'year' AND period[:7] IN (SELECT unnest(?::VARCHAR[]))",
        [batch.site, batch.run, labels],
    ).fetchall()
    count = withdraw(cursor, batch.site, _held(rows), ())
    write_years(cursor, batch, library, sorted({month.year for month in months}))
    for table in ("settled_month", "changed_month"):
        cursor.execute(
            f"DELETE FROM {table} WHERE site = ? AND strftime(month, '%Y-%m') IN "
            "(SELECT unnest(?::VARCHAR[]))",
            [batch.site, labels],
        )
    for table, label in (("meter_day", "day"), ("meter_month", "month")):
        cursor.execute(
            f"DELETE FROM {table} WHERE meter IN (SELECT meter FROM meter_number WHERE site = ?) "
            f"AND strftime({label}, '%Y-%m') IN (SELECT unnest(?::VARCHAR[]))",
            [batch.site, labels],
        )
    return count


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


def _gather(
    batch: Batch,
    cause: str,
    known: Known,
    figures: Iterable[Figure],
    pending: Pending,
    approval: int | None = None,
) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    for figure in figures:
        key = figure.key
        before = known.get(key)
        if before is not None and before.said == _said(figure):
            continue
        revision = 1 if before is None else before.revision + 1
        ident = figure_id(batch.site, key, revision)
        old, why = (None, None) if before is None else (before.figure_id, cause)
        if old is not None:
            pending.replaced.append(old)
        pending.rows.append(
            (
                ident, batch.site, *key, figure.value, figure.unit, figure.basis,
                figure.quality, figure.measured_pct, figure.estimated_pct, figure.uncertainty_pct,
                figure.flags, batch.factor_set, now, figure.formula, revision, old, why,
                batch.run, terms_digest(figure), True, approval,
            )
        )  # fmt: skip
        if figure.grain == "month":
            pending.months.add(key[1:4])
        pending.terms += _terms(ident, figure)


def _said(figure: Figure) -> tuple[object, ...]:
    """Return all that is compared of a figure: the same says the same."""
    return (*_compared(figure), terms_digest(figure))


def _terms(ident: str, figure: Figure) -> list[tuple[object, ...]]:
    return [
        (ident, place, kind, ref, quantity, unit, coefficient, ";".join(factors), origin)
        for place, (kind, ref, quantity, unit, coefficient, factors, origin)
        in enumerate(figure.terms)
    ]  # fmt: skip


_TERM_COLUMNS = (
    "figure_id", "place", "kind", "ref", "quantity", "unit", "coefficient", "factor_id", "origin",
)  # fmt: skip


def _append(
    cursor: Cursor,
    rows: list[tuple[object, ...]],
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
    ledger = pd.DataFrame(rows, columns=list(_ROW_COLUMNS))
    ledger["approval"] = ledger["approval"].astype("Int64")
    for name in ("value", "measured_pct", "estimated_pct", "uncertainty_pct"):
        ledger[name] = ledger[name].astype("Float64")
    insert(cursor, "ledger", ledger)
    insert(cursor, "lineage", pd.DataFrame(terms, columns=list(_TERM_COLUMNS)))
