"""Trades against what the market has seen: days to come, amounts that cannot be (5.7 e)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median

from data.ingest.known import Check
from data.ingest.problems import Problem
from data.ingest.row_checks import decimal, price_row
from data.ingest.rows import Row

AROUND = timedelta(days=30)
LEAST_NEIGHBOURS = 5
LEAST_KNOWN = 3  # days that came before and are no part of the file: it cannot vouch for itself
MOST_TIMES = 1.8  # a doubled or halved amount is beyond it, the market's own jumps are not
LEAST_VOLUME_T = 1000  # a day with less says little about the price
_AGREES = 0.02

Traded = Mapping[tuple[str, date], tuple[float, float]]


def prices(check: Check, rows: Sequence[Row]) -> list[Problem]:
    """Return what is wrong with trades: alone, in the future, or far from the days around.

    Parameters
    ----------
    check
        With the trades that are known (t, CNY) and today's date.
    rows
        Typed rows of one file.

    Returns
    -------
    list of Problem
        A mean price of a day with 1,000 t or more that is 1.8 times the median of the days around
        it, or less than its 1.8th part, is an error unless a closing price confirms it. The days
        around it are all that are known, and those that the file does not bring itself: of a file
        whose every amount is doubled, the days agree with each other.
    """
    here = _here(rows)
    every = _means({**check.known.trades, **here})
    others = _means({key: pair for key, pair in check.known.trades.items() if key not in here})
    found: list[Problem] = []
    for row in rows:
        alone = price_row(check, row) or _future(check, row)
        found += (alone or _apart(check, row, every, LEAST_NEIGHBOURS)
                  or _apart(check, row, others, LEAST_KNOWN))  # fmt: skip
    return found


def _means(traded: Traded) -> dict[str, list[tuple[date, float]]]:
    """Return the mean prices of the days that say something, by instrument, CNY/t."""
    found: dict[str, list[tuple[date, float]]] = {}
    for (instrument, day), (volume_t, turnover_cny) in sorted(traded.items()):
        if volume_t >= LEAST_VOLUME_T and turnover_cny > 0:
            found.setdefault(instrument, []).append((day, turnover_cny / volume_t))
    return found


def _here(rows: Sequence[Row]) -> dict[tuple[str, date], tuple[float, float]]:
    found = {}
    for row in rows:
        day, volume, turnover = row.values["date"], decimal(row, "volume_t"), decimal(
            row, "turnover_cny")  # fmt: skip
        if isinstance(day, date) and volume and turnover:
            found[str(row.values["instrument"]), day] = (float(volume), float(turnover))
    return found


def _future(check: Check, row: Row) -> list[Problem]:
    day, today = row.values["date"], check.known.today
    if today is None or not isinstance(day, date) or day <= today:
        return []
    return [check.problem(row, "date", "日期还没有到", "请核对日期；行情只收已成交的日子")]


def _apart(
    check: Check, row: Row, means: Mapping[str, Sequence[tuple[date, float]]], least: int
) -> list[Problem]:
    day, volume, turnover = row.values["date"], decimal(row, "volume_t"), decimal(
        row, "turnover_cny")  # fmt: skip
    if not isinstance(day, date) or not volume or not turnover or volume < LEAST_VOLUME_T:
        return []
    near = [mean for then, mean in means.get(str(row.values["instrument"]), ())
            if then != day and abs(then - day) <= AROUND]  # fmt: skip
    mean = float(turnover / volume)
    if len(near) < least:
        return []
    usual, close = median(near), decimal(row, "close_cny")
    if 1 / MOST_TIMES <= mean / usual <= MOST_TIMES:
        return []
    if close and abs(mean - float(close)) <= _AGREES * float(close):
        return []
    return [
        check.problem(
            row, "turnover_cny", "均价 {mean} 与前后 30 天的中位价 {usual} 相差过大",
            "请核对成交额是否重复计入或单位有误；确为当日价格时补上收盘价", mean=f"{mean:.2f}",
            usual=f"{usual:.2f}",
        )
    ]  # fmt: skip
