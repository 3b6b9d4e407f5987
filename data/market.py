"""The market's rows of the ledger, which belong to no site (CONTRACT §3, R3, R23)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pandas as pd

from accounting.revenue import market_month
from data.book import Batch, causes_of, mark_settled, write_figures
from data.prices import EFFECTIVE
from data.store import Cursor, frame, view

MARKET = ""
_PRICES = f"""
SELECT strftime(p.date, '%Y-%m-%d') AS date, CAST(p.volume_t AS DOUBLE) AS volume_t,
    CAST(p.turnover_cny AS DOUBLE) AS turnover_cny, b.source || ':' || p.file_row AS origin
FROM ({EFFECTIVE}) p LEFT JOIN batch b USING (batch) ORDER BY p.date
"""


def plan_market(cursor: Cursor, due: Iterable[date]) -> list[date]:
    """Return the market's months that must be settled.

    Parameters
    ----------
    cursor
        A reading or writing cursor.
    due
        The months of any site that this run settles.

    Returns
    -------
    list of date
        First days: months of any site, or with prices, that are new or whose prices changed.
    """
    with view(cursor, "due", pd.DataFrame({"month": pd.Series(list(due), dtype=object)})):
        rows = cursor.execute(
            "SELECT month FROM (SELECT CAST(month AS DATE) AS month FROM due "
            "UNION SELECT month FROM settled_month WHERE site <> ? "
            "UNION SELECT CAST(date_trunc('month', date) AS DATE) FROM record_prices "
            "WHERE instrument = 'CCER') "
            "WHERE month NOT IN (SELECT month FROM settled_month WHERE site = ?) "
            "OR month IN (SELECT month FROM changed_month WHERE site = ?) ORDER BY month",
            [MARKET, MARKET, MARKET],
        ).fetchall()
    return [month for (month,) in rows]


def settle_market(months: list[date], run: int, cursor: Cursor) -> int:
    """Write price and volume of months and return how many rows are new.

    Parameters
    ----------
    months
        First days of the months.
    run
        The settle run.
    cursor
        A writing cursor; the caller owns the transaction.
    """
    prices = frame(cursor, _PRICES, {"instrument": "CCER"})
    batch = Batch(MARKET, run, "", causes_of(cursor, MARKET))
    priced = dict(list(prices.groupby(prices["date"].str[:7]))) if len(prices) else {}
    none = prices.iloc[:0]
    figures = {
        month: market_month(priced.get(label, none), label)
        for month, label in ((month, month.strftime("%Y-%m")) for month in months)
    }
    written = write_figures(cursor, batch, figures, whole=True)
    mark_settled(cursor, MARKET, months, run)
    return written


def empty_market(cursor: Cursor, due: Iterable[date]) -> list[date]:
    """Return the market's settled months without a site or a price any more.

    Parameters
    ----------
    cursor
        A writing cursor; what is due of months that never had figures is forgotten.
    due
        The months of any site that this run settles.

    Returns
    -------
    list of date
        First days: their prices were taken back.
    """
    with view(cursor, "due", pd.DataFrame({"month": pd.Series(list(due), dtype=object)})):
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE priced AS SELECT CAST(month AS DATE) AS month FROM due "
            "UNION SELECT month FROM settled_month WHERE site <> ? "
            "UNION SELECT CAST(date_trunc('month', date) AS DATE) FROM record_prices",
            [MARKET],
        )
    cursor.execute(
        "DELETE FROM changed_month WHERE site = ? AND month NOT IN (FROM priced)", [MARKET]
    )
    rows = cursor.execute(
        "SELECT month FROM settled_month WHERE site = ? AND month NOT IN (FROM priced) "
        "ORDER BY month",
        [MARKET],
    ).fetchall()
    cursor.execute("DROP TABLE temp.priced")
    return [month for (month,) in rows]


def forget_market(cursor: Cursor) -> None:
    """Remove the market's empty months in which no site is left (a demonstration went)."""
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE gone AS SELECT month FROM settled_month WHERE site = ? "
        "AND month NOT IN (SELECT month FROM settled_month WHERE site <> ? "
        "UNION SELECT CAST(date_trunc('month', date) AS DATE) FROM record_prices)",
        [MARKET, MARKET],
    )
    for sql in (
        "DELETE FROM ledger WHERE site = ? AND left(period, 7) IN "
        "(SELECT strftime(month, '%Y-%m') FROM gone)",
        "DELETE FROM settled_month WHERE site = ? AND month IN (SELECT month FROM gone)",
    ):
        cursor.execute(sql, [MARKET])
    cursor.execute("DROP TABLE temp.gone")
