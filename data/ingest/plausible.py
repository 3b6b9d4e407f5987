"""Rows that read well and yet look wrong: a repeated key, an amount of another order.

These are warnings of whoever brings a file by hand: they keep nothing out by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from data.ingest.columns import Kind
from data.ingest.problems import Problem
from data.ingest.rows import Row
from translations import text

FAR = 100
HAPPENED = ("readings", "batches", "trips", "fuel", "jobs")  # none of it is planned
THOUSAND = Decimal(1000)
UNIT = "请核对单位；无误则保留并说明原因"


@dataclass(frozen=True)
class Usual:
    """What a meter usually shows, in its own unit.

    Parameters
    ----------
    register
        Whether it shows a total instead of what went through since the last reading.
    multiplier
        What its readings are multiplied by.
    step_h
        Hours between two readings.
    most_per_h
        Its limit an hour, multiplied; None where it has none.
    mean_per_h
        Mean of the last 30 days with data, multiplied; None where there are none.
    last_at, last
        Its newest reading, site-local time and value; None without one.
    """

    register: bool
    multiplier: float
    step_h: float
    most_per_h: float | None = None
    mean_per_h: float | None = None
    last_at: datetime | None = None
    last: float | None = None


Newest = dict[str, tuple[datetime, float]]


@dataclass(frozen=True)
class Earlier:
    """What was seen of a file's parts before: keys with their row, each meter's newest reading."""

    keys: dict[int, int] = field(default_factory=dict)
    newest: Newest = field(default_factory=dict)


@dataclass(frozen=True)
class Odd:
    """A warning, and the text that would probably be right; empty where nothing is likely."""

    problem: Problem
    instead: str = ""


def odd_rows(
    kind: Kind,
    rows: Sequence[Row],
    usual: Mapping[str, Usual],
    mean_t: float | None,
    where: tuple[str, str],
    today: date | None = None,
    earlier: Earlier | None = None,
) -> list[Odd]:
    """Return what of typed rows looks wrong.

    Parameters
    ----------
    kind, rows
        The rows.
    usual
        What meters usually show, by meter_id.
    mean_t
        Median mass of a batch, t; None where it is not known.
    where
        The file's name and the language, for the messages.
    today
        The last day that something can have happened on; None where it is not asked.
    earlier
        The rows before, where a file comes in parts; these are added.

    Returns
    -------
    list of Odd
        In the order of the rows.
    """
    earlier = earlier or Earlier()
    found = _repeated(kind, rows, where, earlier.keys)
    if kind.name == "readings":
        usual = _carried(usual, earlier.newest, rows)
        found += _readings(rows, usual, where)
    if kind.name in HAPPENED and today is not None:
        found += [odd for row in rows for odd in _early(kind, row, today, where)]
    if kind.name == "batches" and mean_t:
        found += [odd for row in rows for odd in _mass(row, mean_t, where)]
    return sorted(found, key=lambda odd: odd.problem.row or 0)


def _said(
    where: tuple[str, str], row: Row, column: str, words: tuple[str, str, str], **values: object
) -> Problem:
    value = row.values.get(column)
    warning, *keys = words
    reason, remedy = (text(one, where[1], **values) for one in keys)
    shown = None if value is None else str(value)
    return Problem(where[0], row.number, column, shown, reason, remedy, "warning",
                   warning)  # fmt: skip


def _repeated(
    kind: Kind, rows: Sequence[Row], where: tuple[str, str], seen: dict[int, int]
) -> list[Odd]:
    found = []
    words = "repeated", "与第 {first} 行的编号重复", "后一行为准；若两行都对，请改编号"
    for row in rows:
        # Kept small: keys that hash alike would bring a warning, nothing more.
        key = hash(tuple(row.values.get(name) for name in kind.key))
        if key in seen:
            found.append(Odd(_said(where, row, kind.key[-1], words, first=seen[key])))
        seen[key] = row.number
    return found


def _readings(rows: Sequence[Row], usual: Mapping[str, Usual], where: tuple[str, str]) -> list[Odd]:
    by_meter: dict[str, list[Row]] = {}
    for row in rows:
        by_meter.setdefault(str(row.values["meter_id"]), []).append(row)
    found: list[Odd] = []
    for meter_id, own in by_meter.items():
        known = usual.get(meter_id)
        if known is not None:
            judge = _totals if known.register else _amounts
            found += judge(own, known, where)
    return found


def _amounts(rows: Sequence[Row], known: Usual, where: tuple[str, str]) -> list[Odd]:
    """Judge readings that are what went through since the one before."""
    found = []
    for row in rows:
        value = row.values["value"]
        if isinstance(value, Decimal):
            per_h = float(value) * known.multiplier / known.step_h
            found += _judged(row, value, per_h, known, where)
    return found


def _judged(
    row: Row, value: Decimal, per_h: float, known: Usual, where: tuple[str, str]
) -> list[Odd]:
    if known.mean_per_h and per_h >= FAR * known.mean_per_h:
        words = "size", "是近 30 日均值的 {times} 倍，单位疑似错误", UNIT
        problem = _said(where, row, "value", words, times=f"{per_h / known.mean_per_h:,.0f}")
        return [Odd(problem, f"{value / THOUSAND:f}")]
    if known.most_per_h and per_h > known.most_per_h:
        words = "limit", "超过每小时上限 {pct}%", "无误则保留并说明原因"
        pct = f"{100 * (per_h / known.most_per_h - 1):,.0f}"
        return [Odd(_said(where, row, "value", words, pct=pct))]
    return []


def _totals(rows: Sequence[Row], known: Usual, where: tuple[str, str]) -> list[Odd]:
    """Judge readings of a register by their steps, in the order of time.

    What is older than its newest reading is compared within the file.
    """
    moments = [(row.values["timestamp"], row) for row in rows]
    naive = [(at.replace(tzinfo=None), row) for at, row in moments if isinstance(at, datetime)]
    found: list[Odd] = []
    newest = None if known.last_at is None or known.last is None else (known.last_at, known.last)
    before: tuple[datetime, float] | None = None
    for at, row in sorted(naive, key=lambda one: one[0]):
        value = row.values["value"]
        if not isinstance(value, Decimal) or row.values.get("quality") == "bad":
            continue
        if newest is not None and at > newest[0]:
            before = before if before is not None and before[0] == newest[0] else newest
            newest = None
        if before is not None and at > before[0]:
            step = (float(value) - before[1]) * known.multiplier
            hours = max((at - before[0]).total_seconds() / 3600.0, known.step_h)
            found += _step(row, step, hours, known, where)
        if before is None or at > before[0]:
            before = at, float(value)
    return found


def _step(row: Row, step: float, hours: float, known: Usual, where: tuple[str, str]) -> list[Odd]:
    if step < 0:
        words = "backward", "示数比前一次小", "若换过表请登记换表，若翻转请核对满度值"
        return [Odd(_said(where, row, "value", words))]
    if known.most_per_h and step / hours > known.most_per_h:
        words = "limit", "超过每小时上限 {pct}%", "无误则保留并说明原因"
        pct = f"{100 * (step / hours / known.most_per_h - 1):,.0f}"
        return [Odd(_said(where, row, "value", words, pct=pct))]
    return []


def _early(kind: Kind, row: Row, today: date, where: tuple[str, str]) -> list[Odd]:
    """Warn of what is dated after today; the end of a day is midnight of the next."""
    name = kind.date_column or ""
    value = row.values.get(name)
    if not isinstance(value, date):
        return []
    day = (value - timedelta(microseconds=1)).date() if isinstance(value, datetime) else value
    if day <= today:
        return []
    return [Odd(_said(where, row, name, ("future", "日期在今天之后", "请核对年份和月份")))]


def _mass(row: Row, mean_t: float, where: tuple[str, str]) -> list[Odd]:
    value = row.values["mass_in_t"]
    if not isinstance(value, Decimal) or float(value) < FAR * mean_t:
        return []
    words = "size", "是近一年各批中位数的 {times} 倍，单位疑似错误", UNIT
    problem = _said(where, row, "mass_in_t", words, times=f"{float(value) / mean_t:,.0f}")
    return [Odd(problem, f"{value / THOUSAND:f}")]


def _between(known: Usual, seen: datetime, at: datetime) -> bool:
    """Tell whether what was seen of a file is the last before a time, newer than the store's."""
    return seen < at and not (known.last_at is not None and seen < known.last_at < at)


def _carried(usual: Mapping[str, Usual], newest: Newest, rows: Sequence[Row]) -> dict[str, Usual]:
    """Return what meters show before these rows: the parts before are, unless they are later."""
    first: dict[str, datetime] = {}
    last: Newest = {}
    for row in rows:
        at, value, meter_id = (row.values[n] for n in ("timestamp", "value", "meter_id"))
        if not isinstance(at, datetime) or not isinstance(value, Decimal):
            continue
        at, name = at.replace(tzinfo=None), str(meter_id)
        first[name] = min(at, first.get(name, at))
        if row.values.get("quality") != "bad" and (name not in last or at >= last[name][0]):
            last[name] = at, float(value)
    found = dict(usual)
    for name, at in first.items():
        if name in usual and name in newest and _between(usual[name], newest[name][0], at):
            found[name] = replace(usual[name], last_at=newest[name][0], last=newest[name][1])
    for name, one in last.items():
        newest[name] = max(newest.get(name, one), one)
    return found
