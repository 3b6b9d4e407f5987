"""The rules on events, balances and batches: A4, A7, A11."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from accounting.anomaly import DEFAULTS, Alarm, Thresholds, counted
from accounting.anomaly_scores import merged

BACKWARD = ("reset", "negative", "dip")
DAY = timedelta(days=1)


def unique_rows(rows: pd.DataFrame, key: str | list[str] | None = None) -> pd.DataFrame:
    """Return rows without repetitions in an order that their content alone decides.

    Parameters
    ----------
    rows
        Any table, in any order.
    key
        Columns that name a row; None: all of them.

    Returns
    -------
    DataFrame
        Of the rows of one key the last in that order.
    """
    ordered = rows.sort_values(list(rows.columns), kind="stable", key=lambda one: one.astype(str))
    return ordered.drop_duplicates(key, keep="last").reset_index(drop=True)


def backward(
    events: pd.DataFrame, media: dict[str, str], limits: Thresholds = DEFAULTS
) -> list[Alarm]:
    """Return backward steps that neither rollover nor meter change explains (A4).

    R5 has judged the readings: a dip (discarded because the register returned), an unexplained
    reset and a negative interval are hits; jitter is growth of zero (R5.3).

    Parameters
    ----------
    events
        meter_id, since, ts (site-local), kind (as :class:`accounting.registers.Step` has it, or
        ``negative``), before, shown (register; ``before`` NaN for an interval).
    media
        Medium by meter.
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        Per meter; the value is the largest drop, in the register's unit.

    References
    ----------
    accounting.md §12 A4, R5, R7.
    """
    found = []
    ours = unique_rows(events[events["kind"].isin(BACKWARD)])
    for meter, rows in ours.sort_values("ts").groupby("meter_id", sort=True):
        drop = (rows["shown"] - rows["before"].fillna(0.0)).to_numpy(np.float64)
        apart = (rows["since"] - rows["ts"].shift()).dt.total_seconds() > 3600.0 * limits.gap_h
        for _, part in rows.assign(drop=drop).groupby(apart.cumsum().to_numpy()):
            found.append(
                Alarm(
                    "A4",
                    str(meter),
                    counted(media[str(meter)]),
                    part["since"].min().to_pydatetime(),
                    part["ts"].max().to_pydatetime(),
                    "critical",
                    float(part["drop"].min()),
                    0.0,
                    "register",
                    hits=len(part),
                )
            )
    return found


def balance(months: pd.DataFrame, limits: Thresholds = DEFAULTS) -> list[Alarm]:
    """Return the months whose meters do not add up (A7).

    Parameters
    ----------
    months
        Months that are over: month (first day), site_kwh (Eg + gen − Ex), residual_kwh (R9),
        sources_complete, loads_complete (whether grid and PV meters, and the top-level
        consumers, have complete quantities). Missing consumption raises the residual and a
        missing source lowers it, so that a side is judged only where nothing is missing there.
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        One per month, entity ``site``; value and limit in percent.

    References
    ----------
    accounting.md §12 A7, §2, R9.
    """
    rows = unique_rows(months, "month").sort_values("month").reset_index(drop=True)
    rows = rows[rows["site_kwh"] > 0].reset_index(drop=True)
    share = (100.0 * rows["residual_kwh"] / rows["site_kwh"]).to_numpy(np.float64)
    low = (share < limits.balance_low_pct) & rows["sources_complete"].to_numpy(bool)
    high = (share > limits.balance_high_pct) & rows["loads_complete"].to_numpy(bool)
    first = [pd.Timestamp(month).to_pydatetime() for month in rows["month"]]
    found = []
    for run in merged(low | high, ~np.isnan(share) & ~(low | high), 0):
        for at in run.places:
            limit = limits.balance_low_pct if low[at] else limits.balance_high_pct
            found.append(
                Alarm(
                    "A7",
                    "site",
                    "electricity",
                    first[at],
                    (first[at] + 32 * DAY).replace(day=1),
                    "critical",
                    float(share[at]),
                    limit,
                    "%",
                    open=bool(run.open and at == run.last),
                )
            )
    return found


def masses(batches: pd.DataFrame, limits: Thresholds = DEFAULTS) -> list[Alarm]:
    """Return the batches whose masses do not close (A11).

    Parameters
    ----------
    batches
        batch_id, day, mass_in_t, out_t (NaN without outputs: not dismantled yet, not judged),
        residue_t (NaN counts as 0), t.
    limits
        Thresholds.

    Returns
    -------
    list of Alarm
        One per batch; the value is what is missing (negative: too much) in percent of the input.

    References
    ----------
    accounting.md §12 A11, §8, R20.
    """
    rows = unique_rows(batches, "batch_id")
    rows = rows[rows["out_t"].notna() & (rows["mass_in_t"] > 0)]
    out = rows["out_t"] + rows["residue_t"].fillna(0.0)
    missing_pct = 100.0 * (1.0 - out / rows["mass_in_t"])
    too_much = out > rows["mass_in_t"] * (1.0 + limits.mass_excess)
    grave = (missing_pct.abs() > limits.mass_critical_pct) | too_much
    wrong = grave | (missing_pct.abs() > limits.mass_warn_pct)
    found = []
    for row in rows.assign(pct=missing_pct, grave=grave, over=too_much)[wrong].itertuples():
        start = pd.Timestamp(row.day).normalize().to_pydatetime()
        limit = limits.mass_critical_pct if row.grave else limits.mass_warn_pct
        limit = -100.0 * limits.mass_excess if row.over else limit
        level = "critical" if row.grave else "warn"
        found.append(
            Alarm("A11", str(row.batch_id), "", start, start + DAY, level, float(row.pct), limit,
                  "%", open=True)
        )  # fmt: skip
    return found
