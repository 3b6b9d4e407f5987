"""CF(u) of every line and month, and what it would be if nothing were estimated (§11, §13)."""

from __future__ import annotations

import math

from accounting.uncertainty import conservativeness, figure_pct
from data.book import terms_of
from data.engine import Engine
from data.store import frame

_REDUCTIONS = """
SELECT figure_id, entity, period, uncertainty_pct, estimated_pct, flags FROM ledger
WHERE current AND grain = 'month' AND site = ? AND indicator = 'reduction' AND dimension = 'line'
  AND value IS NOT NULL
"""


def discounts(
    engine: Engine, site: str, sure: dict[tuple[str, str], float]
) -> dict[tuple[str, str], tuple[float, float]]:
    """Return by line and month CF(u), and CF of the uncertainty without estimates.

    Parameters
    ----------
    engine, site
        The opened data directory; which site.
    sure
        What was found before, by factor library and figure: a row of the ledger never changes.

    Returns
    -------
    dict
        (line, month) to two ratios, the second never below the first: estimates make a figure
        less certain, never more.
    """
    with engine.store.read() as cursor:
        rows = frame(cursor, _REDUCTIONS, [site])
        guessed = rows[rows["estimated_pct"].fillna(0.0) > 0]["figure_id"]
        version = engine.library.digest
        new = [one for one in guessed if (version, one) not in sure]
        terms = terms_of(cursor, new) if new else {}
    found = {}
    for row in rows.itertuples():
        if row.figure_id in terms:
            flags = [name for name in str(row.flags).split(";") if name]
            pct = figure_pct(terms[row.figure_id], engine.library, flags=flags)
            sure[version, row.figure_id] = _cf(pct)
        cf = _cf(row.uncertainty_pct)
        found[row.entity, row.period] = (cf, max(cf, sure.get((version, row.figure_id), cf)))
    return found


def _cf(u_pct: float | None) -> float:
    known = u_pct is not None and u_pct == u_pct
    return conservativeness(u_pct if known and u_pct is not None else math.inf)
