"""Month closing: open, checked, locked; what stands in the way of each step (月结)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from data.engine import Engine
from data.horizon import elapsed, stored_horizon
from data.sites import documents
from data.state import NewProposal, PeriodEvent, now

OPEN, CHECKED, LOCKED = "open", "checked", "locked"
REASONS: Mapping[str, str] = {
    "unknown": "没有这个月份的数值",
    "running": "这个月还没有结束",
    "due": "有变化尚未结算，请先结算",
    "waiting": "有待批准的申请涉及这个月，请先处理",
    "changed": "核对之后数值又有变化，请重新核对",
    "open": "这个月还没有核对",
    "checked": "这个月已经核对",
    "locked": "这个月已经锁定",
    "reason": "请写明原因",
}


class NotClosable(Exception):
    """A month cannot take the step; ``reason`` is one of the words of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class MonthState:
    """How far the closing of a month is.

    Parameters
    ----------
    site, month, status
        ``open``, ``checked`` or ``locked``.
    actor, at
        Who took the last step, when (UTC); empty and None while nobody has.
    figures, incomplete, unknown
        Month figures in all, incomplete ones, and null ones.
    running, due, changed
        Whether it still runs, waits to be settled, or was restated after it was checked.
    adjustments
        Adjustments of it that a second person has approved.
    """

    site: str
    month: str
    status: str
    actor: str
    at: datetime | None
    figures: int
    incomplete: int
    unknown: int
    running: bool
    due: bool
    changed: bool
    adjustments: int


_FIGURES = """
SELECT period, count(*) FILTER (current), count(*) FILTER (current AND quality = 'incomplete'),
    count(*) FILTER (current AND quality = 'null'),
    max(settled_at) FILTER (approval IS NULL), count(DISTINCT approval)
FROM ledger WHERE site = ? AND grain = 'month' AND indicator <> 'alarm_count' GROUP BY period
ORDER BY period
"""


def month_states(engine: Engine, site: str) -> list[MonthState]:
    """Return the closing of every month of a site, oldest first.

    Parameters
    ----------
    engine
        The opened data directory.
    site
        The site's identifier.
    """
    status = engine.state.months.status(site)
    with engine.store.read() as cursor:
        document = documents(cursor).get(site)
        if document is None:
            return []
        horizon = stored_horizon(cursor, site)
        rows = cursor.execute(_FIGURES, [site]).fetchall()
        due = {
            f"{month:%Y-%m}"
            for (month,) in cursor.execute(
                "SELECT DISTINCT month FROM changed_month WHERE site = ?", [site]
            ).fetchall()
        }
    found = []
    for month, figures, incomplete, unknown, newest, adjustments in rows:
        event = status.get(month)
        known = event.status if event else OPEN
        changed = known == CHECKED and event is not None and newest > event.at
        start = date.fromisoformat(f"{month}-01")
        found.append(
            MonthState(
                site=site,
                month=month,
                status=OPEN if changed else known,
                actor=event.actor if event else "",
                at=event.at if event else None,
                figures=figures,
                incomplete=incomplete,
                unknown=unknown,
                running=elapsed(start, document.timezone, horizon) is not None,
                due=month in due,
                changed=changed,
                adjustments=adjustments,
            )
        )
    return found


def _state(engine: Engine, site: str, month: str) -> MonthState:
    for state in month_states(engine, site):
        if state.month == month:
            return state
    raise NotClosable("unknown")


def check(engine: Engine, site: str, month: str, actor: str) -> MonthState:
    """Note that a month was checked.

    Parameters
    ----------
    engine, site, month
        Whose month (``2026-07``).
    actor
        Who checked it.

    Returns
    -------
    MonthState
        As it was before.

    Raises
    ------
    NotClosable
        It runs, waits to be settled, is locked, or a proposal would change it.
    """
    state = _state(engine, site, month)
    if state.status == LOCKED:
        raise NotClosable("locked")
    _ready(engine, state)
    engine.state.months.put(PeriodEvent(site, month, CHECKED, actor, now(), ""))
    return state


def _ready(engine: Engine, state: MonthState) -> None:
    if state.running:
        raise NotClosable("running")
    if state.due:
        raise NotClosable("due")
    name = f"{state.site} {state.month}"
    if any(name in p.effect.get("months", ()) for p in engine.state.approvals.all(only_open=True)):
        raise NotClosable("waiting")


def lock(engine: Engine, site: str, month: str, actor: str) -> MonthState:
    """Lock a checked month: from now on it changes only by an approved adjustment.

    Parameters
    ----------
    engine, site, month
        Whose month.
    actor
        Who locks it.

    Returns
    -------
    MonthState
        As it was before.

    Raises
    ------
    NotClosable
        It is not checked, has changed since, or cannot be closed yet.
    """
    state = _state(engine, site, month)
    if state.status == LOCKED:
        raise NotClosable("locked")
    if state.changed:
        raise NotClosable("changed")
    if state.status != CHECKED:
        raise NotClosable("open")
    _ready(engine, state)
    engine.state.months.put(PeriodEvent(site, month, LOCKED, actor, now(), ""))
    return state


def reopen(engine: Engine, site: str, month: str, actor: str, reason: str) -> int:
    """Open a month again: a checked one at once, a locked one when a second person agrees.

    Parameters
    ----------
    engine, site, month
        Whose month.
    actor, reason
        Who wants it, and why.

    Returns
    -------
    int
        The number of the proposal; 0 where the month is open now.

    Raises
    ------
    NotClosable
        It is open already, or no reason is given for opening a locked one.
    """
    state = _state(engine, site, month)
    if state.status == OPEN and not state.changed:
        raise NotClosable("unknown" if state.figures == 0 else "open")
    if state.status != LOCKED:
        engine.state.months.put(PeriodEvent(site, month, OPEN, actor, now(), reason))
        return 0
    if not reason.strip():
        raise NotClosable("reason")
    body = {"site": site, "month": month, "reason": reason}
    effect = {"months": [], "figures": 0, "rows": [], "digest": ""}
    new = NewProposal("reopen", f"{site}/{month}", actor, body, effect)
    return engine.state.approvals.propose(new, now())
