"""What the benefit figures of months are made of, added up from their lineage for the screens."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from data.engine import Engine
from data.market import MARKET
from data.queries import LEDGER_COLUMNS
from data.store import Cursor, frame

_FIGURES = """
SELECT figure_id, site, period, dimension, entity FROM ledger
WHERE current AND grain = 'month' AND indicator = ? AND site IN (SELECT unnest(?::VARCHAR[]))
  AND period IN (SELECT unnest(?::VARCHAR[])) AND dimension IN ('stage', 'line')
"""
_TERMS = """
SELECT figure_id, kind, ref, quantity * coefficient AS kg FROM lineage
WHERE figure_id IN (SELECT unnest(?::VARCHAR[])) AND kind <> 'batch' AND quantity * coefficient <> 0
"""
_MASSES = """
SELECT site, batch_id, CAST(mass_in_t AS DOUBLE) AS mass_in_t FROM record_batches
WHERE site IN (SELECT unnest(?::VARCHAR[]))
QUALIFY row_number() OVER (PARTITION BY site, batch_id ORDER BY batch DESC, file_row DESC) = 1
"""


def _terms(
    cursor: Cursor, indicator: str, sites: Sequence[str], months: Sequence[str]
) -> pd.DataFrame:
    """Return the terms of an indicator's month figures by stage and line, kgCO2e."""
    figures = frame(cursor, _FIGURES, [indicator, list(sites), list(months)])
    terms = frame(cursor, _TERMS, [list(figures["figure_id"])])
    return terms.merge(figures, on="figure_id")


def lifecycle_flows(engine: Engine, sites: Sequence[str], months: Sequence[str]) -> pd.DataFrame:
    """Return the full-process emissions of months by activity, stage and line (5.6 d).

    The ledger holds them by stage and by line; a meter, trip or fuel row stands in the lineage of
    both, which gives what of a line is emitted in a stage. A source of several stages is shared
    as it is among the stages.

    Parameters
    ----------
    engine, sites, months
        The opened data directory, site identifiers, months.

    Returns
    -------
    DataFrame
        activity (meter, fuel, trip, output), stage, line, kg (kgCO2e); adds up to the ledger's
        rows by line.
    """
    with engine.store.read() as cursor:
        terms = _terms(cursor, "lifecycle_emission", sites, months)
    source = ["site", "period", "kind", "ref"]
    parts = terms.groupby([*source, "dimension", "entity"], as_index=False)["kg"].sum()
    stages = parts[parts["dimension"] == "stage"].drop(columns="dimension")
    lines = parts[parts["dimension"] == "line"].drop(columns="dimension")
    whole = stages.groupby(source)["kg"].transform("sum")
    stages = stages.assign(part=stages["kg"] / whole).drop(columns="kg")
    both = lines.merge(stages, on=source, suffixes=("_line", "_stage"))
    both["kg"] *= both["part"]
    named = both.rename(
        columns={"kind": "activity", "entity_stage": "stage", "entity_line": "line"}
    )
    return named.groupby(["activity", "stage", "line"], as_index=False)["kg"].sum()


def batch_substitution(engine: Engine, sites: Sequence[str], months: Sequence[str]) -> pd.DataFrame:
    """Return what the batches of months substitute (5.6 e).

    Parameters
    ----------
    engine, sites, months
        The opened data directory, site identifiers, months.

    Returns
    -------
    DataFrame
        line, mass_in_t, kg and copper_kg (kgCO2e, the second the part of copper); a batch whose
        masses do not close is not among them (R20).
    """
    with engine.store.read() as cursor:
        terms = _terms(cursor, "product_substitution", sites, months)
        masses = frame(cursor, _MASSES, [list(sites)])
    terms = terms[(terms["dimension"] == "line") & (terms["kind"] == "output")]
    names = terms["ref"].str.rsplit("/", n=2, expand=True)
    if terms.empty:
        return pd.DataFrame(columns=["line", "mass_in_t", "kg", "copper_kg"])
    copper = terms["kg"].where(names[1] == "copper", 0.0)
    parts = terms.assign(batch_id=names[0], line=terms["entity"], copper_kg=copper)
    whole = parts.groupby(["site", "line", "batch_id"], as_index=False)[["kg", "copper_kg"]].sum()
    found = whole.merge(masses, on=["site", "batch_id"])
    return found.loc[found["mass_in_t"] > 0, ["line", "mass_in_t", "kg", "copper_kg"]]


def market_days(engine: Engine, first: str, last: str) -> pd.DataFrame:
    """Return price and volume of the days with a row between two months (5.7 e).

    Parameters
    ----------
    engine
        The opened data directory.
    first, last
        Months, both included.

    Returns
    -------
    DataFrame
        The columns of ``LEDGER_COLUMNS``.
    """
    with engine.store.read() as cursor:
        return frame(
            cursor,
            f"SELECT {', '.join(LEDGER_COLUMNS)} FROM ledger WHERE current AND grain = 'day' "
            "AND site = ? AND indicator IN ('ccer_price', 'ccer_volume') "
            "AND left(period, 7) BETWEEN ? AND ? ORDER BY period, indicator",
            [MARKET, first, last],
        )
