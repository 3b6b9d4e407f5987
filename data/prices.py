"""Trades of the carbon markets as series: days, weeks, months; what thin weeks say (5.7 e)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from data.engine import Engine
from data.ingest.load import Options, Receipt, import_file
from data.store import Cursor, frame

SHIPPED = Path(__file__).parent / "ccer_weekly.csv"
SHIPPED_BY = "carbon"
THIN_T = 1000.0  # a week with less says little about the price
LONGEST_GAP_WEEKS = 8  # a series that rested for longer begins anew
_FRIDAY = 4
# A total of a week says so in its source; it counts only while no day of that week is known.
EFFECTIVE = """
WITH newest AS (
    SELECT *, coalesce(source LIKE '%周合计%', false) AS weekly FROM record_prices
    WHERE instrument = $instrument
    QUALIFY row_number() OVER (PARTITION BY date ORDER BY batch DESC, file_row DESC) = 1)
SELECT p.* FROM newest p WHERE NOT p.weekly OR NOT EXISTS (
    SELECT 1 FROM newest q WHERE NOT q.weekly AND q.date > p.date - 7 AND q.date <= p.date)
"""


def take_shipped(engine: Engine) -> Receipt | None:
    """Take in the weekly totals of the national market that the exchange published, once.

    Parameters
    ----------
    engine
        The opened data directory; the caller holds the lock of everything that writes.

    Returns
    -------
    Receipt or None
        None where there are prices already: they are never mixed into what somebody brought.
    """
    with engine.store.read() as cursor:
        known = cursor.execute(
            "SELECT count(*) FROM record_prices WHERE instrument = 'CCER'"
        ).fetchone()
    if known and known[0]:
        return None
    return import_file(engine, "prices", SHIPPED, Options(actor=SHIPPED_BY))


def trades(cursor: Cursor, instrument: str) -> pd.DataFrame:
    """Return the trades of an instrument that count, by day.

    Parameters
    ----------
    cursor
        A reading cursor.
    instrument
        CCER or CEA.

    Returns
    -------
    DataFrame
        date, volume_t (t), turnover_cny (CNY), source; of a day the newest row, of a week its
        total only while none of its days is known.
    """
    return frame(
        cursor,
        "SELECT CAST(date AS DATE) AS date, CAST(volume_t AS DOUBLE) AS volume_t, "
        f"CAST(coalesce(turnover_cny, 0) AS DOUBLE) AS turnover_cny, source FROM ({EFFECTIVE}) "
        "ORDER BY date",
        {"instrument": instrument},
    )


def by_week(rows: pd.DataFrame) -> pd.DataFrame:
    """Return weeks that end on a Friday, without a hole, from `trades`.

    Parameters
    ----------
    rows
        date, volume_t, turnover_cny.

    Returns
    -------
    DataFrame
        week (ISO date of the Friday), volume_t (0 where a day was reported without trade, null
        without a row), price_cny_per_t (volume-weighted; null without trade), thin (whether less
        than 1,000 t were traded).
    """
    if rows.empty:
        return pd.DataFrame({"week": [], "volume_t": [], "price_cny_per_t": [], "thin": []})
    ends = [friday(day) for day in pd.to_datetime(rows["date"]).dt.date]
    found = rows.assign(week=ends).groupby("week")[["volume_t", "turnover_cny"]].sum()
    count = (max(ends) - min(ends)).days // 7 + 1
    weeks = [min(ends) + timedelta(days=7 * at) for at in range(count)]
    found = found.reindex(weeks)
    traded = found["volume_t"].where(found["volume_t"] > 0)
    return pd.DataFrame({
        "week": [week.isoformat() for week in weeks],
        "volume_t": found["volume_t"].to_numpy(),
        "price_cny_per_t": (found["turnover_cny"] / traded).to_numpy(),
        "thin": ~(found["volume_t"] >= THIN_T).to_numpy(),
    })  # fmt: skip


def by_month(rows: pd.DataFrame) -> pd.DataFrame:
    """Return months without a hole; units and nulls as `by_week`."""
    if rows.empty:
        return pd.DataFrame({"month": [], "volume_t": [], "price_cny_per_t": []})
    months = pd.PeriodIndex(pd.to_datetime(rows["date"]), freq="M")
    found = rows.assign(month=months).groupby("month")[["volume_t", "turnover_cny"]].sum()
    found = found.reindex(pd.period_range(months.min(), months.max(), freq="M"))
    traded = found["volume_t"].where(found["volume_t"] > 0)
    return pd.DataFrame({
        "month": found.index.astype(str), "volume_t": found["volume_t"].to_numpy(),
        "price_cny_per_t": (found["turnover_cny"] / traded).to_numpy(),
    })  # fmt: skip


def ended(weeks: pd.DataFrame, newest: date) -> pd.DataFrame:
    """Return the weeks whose Friday has come: a week that still runs is no price of a week."""
    return weeks[weeks["week"] <= newest.isoformat()]


def friday(day: date) -> date:
    """Return the Friday that ends a day's trading week."""
    return day + timedelta(days=(_FRIDAY - day.weekday()) % 7)


def model_weeks(weeks: pd.DataFrame) -> tuple[tuple[str, ...], tuple[float | None, ...]]:
    """Return labels and prices for a model: thin weeks are gaps, a long rest begins a new series.

    Parameters
    ----------
    weeks
        From `by_week`.

    Returns
    -------
    tuple
        Fridays, and CNY/t or None.
    """
    priced = zip(weeks["price_cny_per_t"], weeks["thin"], strict=True)
    known = [None if thin or price != price else float(price) for price, thin in priced]
    traded = (weeks["volume_t"].fillna(0.0) > 0).tolist()
    first = max((at for at, here in enumerate(traded) if here and _rested(traded, at)), default=0)
    return tuple(weeks["week"][first:]), tuple(known[first:])


def _rested(traded: Sequence[bool], at: int) -> bool:
    """Tell whether the weeks before one had no trade for longer than a series may rest."""
    return at >= LONGEST_GAP_WEEKS and not any(traded[at - LONGEST_GAP_WEEKS : at])
