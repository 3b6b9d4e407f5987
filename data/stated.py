"""What a person states of the market and of a site's phases: amount, year and source, checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from data.engine import Engine
from data.sales import NotKept, worded
from data.state import Statement, now
from data.state.statements import MARKET
from data.targets import NotSettable, number

FACTS = ("covered", "verified", "traded")  # of the market, t
PHASES = ("phase1", "phase2", "phase3")
# Of a phase: what a form calls an amount, and how many of the ledger's unit one of it is.
AMOUNTS = {"reduction": Decimal(1000), "revenue": Decimal(10_000), "mass": Decimal(1)}
LONGEST_SOURCE = 200
MOST_MT = Decimal(100_000)  # more than twice what the world emits in a year
MOST = Decimal(10) ** 9
_MT = Decimal(10) ** 6
_YEAR = re.compile(r"20\d\d")


def state_fact(
    engine: Engine, name: str, amount: str, period: str, source: str, author: str, key: str
) -> None:
    """Keep a quantity of the national market with its year and source (5.7 f).

    Parameters
    ----------
    engine
        The opened data directory.
    name
        One of `FACTS`.
    amount
        As it was typed, MtCO2e.
    period, source
        ``2026``, or the day it is of; where it stands.
    author, key
        Who; the form's own key: sent twice it is one statement.

    Raises
    ------
    NotKept
        It is no such quantity, or year or source is missing.
    """
    if name not in FACTS:
        raise NotKept("没有这项市场数据")
    value = _amount(amount, MOST_MT)
    if value is None or (name == "covered" and value == 0):
        raise NotKept(
            "请填写大于 0 的数值" if name == "covered" else "请填写数值，例如 1200 或 35.5"
        )
    body = {"tonnes": float(value * _MT)}
    _keep(engine, "market.fact", MARKET, name, period, body, source, author, key)


def state_phase(
    engine: Engine, site: str, name: str, year: str, amounts: Mapping[str, str], source: str,
    author: str, key: str,
) -> None:  # fmt: skip
    """Keep what a phase of a site should come to, with its year and source (5.7 h).

    Parameters
    ----------
    engine, site
        The opened data directory; whose phase.
    name, year
        One of `PHASES`; ``2026``.
    amounts
        By name of `AMOUNTS` as it was typed: reduction tCO2e a year, cumulated revenue 10,000
        CNY, throughput t a year; empty where it is not stated.
    source, author, key
        As `state_fact`.

    Raises
    ------
    NotKept
        There is no such phase, nothing is stated, or year or source is missing.
    """
    if name not in PHASES:
        raise NotKept("没有这个阶段")
    if not _YEAR.fullmatch(year.strip()):
        raise NotKept("{name}须写成 2026 这样", name="年份")
    known = {one: _amount(amounts.get(one, ""), MOST) for one in AMOUNTS}
    if all(value is None for value in known.values()):
        raise NotKept("请至少填写一项预期成果")
    body = {one: None if value is None else float(value * AMOUNTS[one])
            for one, value in known.items()}  # fmt: skip
    _keep(engine, "phase.set", site, name, year, body, source, author, key)


def amounts_of(said: Statement) -> dict[str, float | None]:
    """Return the amounts of a statement: t, kgCO2e, CNY; None where none is stated."""
    found: dict[str, float | None] = json.loads(said.body)
    return found


def _keep(
    engine: Engine, event: str, site: str, name: str, period: str,
    body: Mapping[str, float | None], source: str, author: str, key: str,
) -> None:  # fmt: skip
    said = Statement(site, name, _period(period), json.dumps(body, sort_keys=True),
                     worded(source, "来源", LONGEST_SOURCE), author, now())  # fmt: skip
    engine.state.statements.add(event, said, key)


def _period(words: str) -> str:
    found = words.strip()
    if _YEAR.fullmatch(found):
        return found
    try:
        return date.fromisoformat(found).isoformat()
    except ValueError:
        raise NotKept("{name}须写成 2026 或 2026-12-31 这样", name="年份或日期") from None


def _amount(words: str, most: Decimal) -> Decimal | None:
    """Return an amount as it was typed; None for nothing."""
    if not words.strip():
        return None
    try:
        value = number(words)
    except NotSettable:
        raise NotKept("请填写数值，例如 1200 或 35.5") from None
    if value < 0 or value > most:
        raise NotKept("数值不能小于 0，也不能大于 {most}", most=f"{most:,}")
    return value
