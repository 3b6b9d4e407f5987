"""Alarm issues in step with the data: A1-A11 as settled, and what the system says of itself.

The alarms of the rules are computed anew at every settle (``data/alarm_book.py``); the issues
live in the state, where what people did about them survives. ``follow`` compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from data.engine import Engine
from data.impact import Impact, impacts
from data.sites import documents
from data.state import Incident, Step, now
from data.state.incidents import (
    CHANGE,
    CLEAR,
    CLOSED,
    LEVELS,
    MERGE,
    OPEN,
    RAISE,
    RETURN,
    SYSTEM,
    VANISH,
    WORKING,
)
from data.store import Cursor

RULES = tuple(f"A{n}" for n in range(1, 12))
SILENCE, CLOCK, DISK, GAP, INTAKE = "silence", "clock", "disk", "gap", "intake"
SERVER = "server"
SYSTEM_KINDS = (SILENCE, CLOCK, DISK, GAP, INTAKE)
# Found so long after it was over, nobody can be sent any more: it is told and closed at once.
LONG_OVER = timedelta(days=62)  # what began before the month that is being closed
RECOVERED, HISTORY, MERGED = "recovered", "history", "merged"
REASONS = {
    "unknown": "没有这条告警",
    "closed": "这条告警已关闭，请先重新打开",
    "not_closed": "这条告警没有关闭",
    "words": "请填写原因",
    "assignee": "请填写处理人",
    "act": "没有这种处理",
    "long": "最多 200 字",
    "signs": "有无法显示的字符",
}


@dataclass(frozen=True)
class Found:
    """An alarm as it was found, joined with those of its rule and entity that touch it.

    Times are site-local, without a zone mark.
    """

    kind: str
    subject: str
    medium: str
    level: str
    since: datetime
    until: datetime
    shown: float | None
    threshold: float | None
    unit: str
    hits: int
    holds: bool
    impact: Impact = Impact()


def joined(alarms: Sequence[Found]) -> list[Found]:
    """Return alarms with those of one rule and entity joined that overlap or touch.

    Parameters
    ----------
    alarms
        In any order.

    Returns
    -------
    list of Found
        One per rule, entity and contiguous period: the gravest level, the number of the part
        that lies farthest beyond its limit, by start.
    """
    found: list[Found] = []
    for one in sorted(alarms, key=lambda a: (a.kind, a.subject, a.since, a.until)):
        last = found[-1] if found else None
        if (
            last
            and (last.kind, last.subject) == (one.kind, one.subject)
            and (one.since <= last.until)
        ):
            found[-1] = _both(last, one)
        else:
            found.append(one)
    return sorted(found, key=lambda a: (a.since, a.kind, a.subject))


def _both(first: Found, second: Found) -> Found:
    worse = max(first, second, key=lambda a: (LEVELS.index(a.level), _beyond(a)))
    return replace(
        worse, since=min(first.since, second.since), until=max(first.until, second.until),
        hits=first.hits + second.hits, holds=first.holds or second.holds,
    )  # fmt: skip


def _beyond(one: Found) -> float:
    if one.shown is None or one.threshold is None:
        return 0.0
    return abs(one.shown - one.threshold)


def steps(
    known: Sequence[Incident], found: Sequence[Found], horizon: datetime | None,
    cause: Callable[[Incident], str], at: datetime,
) -> list[Step]:  # fmt: skip
    """Return what must be done to the issues of a site so that they say what was found.

    Parameters
    ----------
    known
        The issues of the rules as they stand.
    found
        What was found now, joined.
    horizon
        Up to where the site's readings reach (site-local).
    cause
        Why an issue may have vanished: the cause of the newest figures of its month.
    at
        Now (UTC).

    Returns
    -------
    list of Step
        Nothing where nothing changed. An issue is found again by rule, entity and overlap in
        time. One that is not found any more closes by itself with the cause, and opens again if
        it comes back. A person's closing holds. Information that has recovered closes by itself.
    """
    taken: dict[int, Found] = {}
    done: list[Step] = []
    for one in found:
        same = [old for old in known if _same(old, one) and old.incident not in taken]
        if not same:
            done += _raised(one, horizon, at)
            continue
        keeps = max(same, key=lambda old: (_overlap(old, one), old.status != CLOSED, -old.incident))
        taken[keeps.incident] = one
        done += _kept(keeps, one, at)
        for other in same:
            if other is not keeps and _overlap(other, one) and other.status != CLOSED:
                taken[other.incident] = one
                words = f"{MERGED}:{keeps.incident}"
                done.append(Step(other.incident, MERGE, _closing(words, at), words))
    for old in known:
        if old.incident not in taken:
            done += _vanished(old, cause, at)
    return done


def _same(old: Incident, one: Found) -> bool:
    touching = old.since <= one.until and one.since <= old.until
    return (old.kind, old.subject) == (one.kind, one.subject) and touching


def _overlap(old: Incident, one: Found) -> timedelta:
    return max(min(old.until, one.until) - max(old.since, one.since), timedelta(0))


def _values(one: Found) -> dict[str, object]:
    return {
        "kind": one.kind, "subject": one.subject, "medium": one.medium, "level": one.level,
        "since": one.since, "until": one.until, "shown": one.shown, "threshold": one.threshold,
        "unit": one.unit, "hits": one.hits, "holds": one.holds,
        "effect_kgco2e": one.impact.kgco2e, "effect_on": one.impact.on,
    }  # fmt: skip


def _closing(reason: str, at: datetime) -> dict[str, object]:
    return {"status": CLOSED, "reason": reason, "closed_by": SYSTEM, "closed_at": at,
            "holds": False}  # fmt: skip


def _raised(one: Found, horizon: datetime | None, at: datetime) -> list[Step]:
    """Return the step that makes an issue; what was over long ago is closed as it is told."""
    over = not one.holds and horizon is not None and one.until < horizon - LONG_OVER
    reason = HISTORY if over else RECOVERED if one.level == "info" and not one.holds else ""
    closing = _closing(reason, at) if reason else {}
    return [Step(0, RAISE, {**_values(one), **closing}, reason)]


def _kept(old: Incident, one: Found, at: datetime) -> list[Step]:
    """Return how an issue that was found again changes."""
    values = _values(one)
    changed = {name: value for name, value in values.items() if getattr(old, name) != value}
    if old.status == CLOSED and old.closed_by == SYSTEM and _came_back(old, one):
        back = {"status": WORKING if old.assignee else OPEN, "reason": "", "closed_by": "",
                "closed_at": None}  # fmt: skip
        return [Step(old.incident, RETURN, {**changed, **back})]
    if old.status == OPEN and one.level == "info" and not one.holds:
        return [Step(old.incident, CLEAR, {**changed, **_closing(RECOVERED, at)}, RECOVERED)]
    worse = LEVELS.index(one.level) > LEVELS.index(old.level)
    if worse and old.status != CLOSED:
        return [Step(old.incident, CHANGE, changed, f"{old.level}>{one.level}")]
    return [Step(old.incident, "", changed)] if changed else []


def _came_back(old: Incident, one: Found) -> bool:
    """Tell whether what had closed by itself is there again: not what had only recovered."""
    return old.reason.partition(":")[0] not in (RECOVERED, HISTORY, MERGED) or (
        one.holds and not old.holds and one.until > old.until
    )


def _vanished(old: Incident, cause: Callable[[Incident], str], at: datetime) -> list[Step]:
    if old.status == CLOSED:
        return [Step(old.incident, "", {"holds": False})] if old.holds else []
    words = f"{VANISH}:{cause(old)}"
    return [Step(old.incident, VANISH, _closing(words, at), words)]


# ---- over the store ----


def follow(engine: Engine, at: datetime | None = None) -> int:
    """Bring the issues of every site in step with its alarms; return how many steps it took.

    Parameters
    ----------
    engine
        The opened data directory; settled.
    at
        Now (UTC).

    References
    ----------
    Clause 6.4; accounting.md §12.
    """
    at = at or now()
    with engine.store.read() as cursor:
        sites = documents(cursor)
    gone = {one.site for one in _rule_issues(engine)} - {*sites, ""}
    taken = 0
    for site, document in sites.items():
        with engine.store.read() as cursor:
            found = joined(_alarms(cursor, site))
            horizon = _horizon(cursor, site)
            causes = _causes(cursor, site)
        known = [one for one in engine.state.incidents.of([site]) if one.kind in RULES]
        need = [one for one in found if _unlike(one, known)]
        sizes = impacts(engine, document, need) if need else {}
        told = [_sized(one, sizes, known) for one in found]
        if not _plan(known, told, horizon, causes, at):
            continue
        taken += engine.state.incidents.follow(
            site, partial(_plan, found=told, horizon=horizon, causes=causes, at=at), at
        )
    for site in gone:
        taken += engine.state.incidents.follow(
            site, partial(_plan, found=[], horizon=None, causes={}, at=at), at
        )
    return taken


def _plan(
    known: list[Incident], found: Sequence[Found], horizon: datetime | None,
    causes: dict[str, str], at: datetime,
) -> list[Step]:  # fmt: skip
    def cause(one: Incident) -> str:
        return causes.get(f"{one.since:%Y-%m}", "")

    return steps([one for one in known if one.kind in RULES], found, horizon, cause, at)


def _rule_issues(engine: Engine) -> list[Incident]:
    return [one for one in engine.state.incidents.everything() if one.kind in RULES]


def _alarms(cursor: Cursor, site: str) -> list[Found]:
    rows = cursor.execute(
        "SELECT rule, entity, medium, level, started, ended, shown, threshold, unit, hits, open "
        "FROM alarm WHERE site = ? ORDER BY ALL",
        [site],
    ).fetchall()
    return [Found(*row) for row in rows]


def _horizon(cursor: Cursor, site: str) -> datetime | None:
    """Return the last moment that anything is known of: alarms cannot lie after it."""
    row = cursor.execute(
        "SELECT greatest((SELECT max(day) + INTERVAL 1 DAY FROM meter_day "
        "JOIN meter_number USING (meter) WHERE site = $site), "
        "(SELECT max(ended) FROM alarm WHERE site = $site))",
        {"site": site},
    ).fetchone()
    return row[0] if row else None


def _causes(cursor: Cursor, site: str) -> dict[str, str]:
    """Return by month why its figures are what they are now."""
    rows = cursor.execute(
        "SELECT period, arg_max(cause, run) FROM ledger WHERE site = ? AND grain = 'month' "
        "AND cause IS NOT NULL GROUP BY period",
        [site],
    ).fetchall()
    return dict(rows)


def _key(one: Found | Incident) -> tuple[object, ...]:
    return (one.kind, one.subject, one.since, one.until, one.shown, one.hits)


def _unlike(one: Found, known: Sequence[Incident]) -> bool:
    """Tell whether an alarm is new or another one than its issue says."""
    return _key(one) not in {_key(old) for old in known} or one.holds


def _sized(one: Found, sizes: dict[Found, Impact], known: Sequence[Incident]) -> Found:
    if one in sizes:
        return replace(one, impact=sizes[one])
    old = next(old for old in known if _key(old) == _key(one))
    return replace(one, impact=Impact(old.effect_kgco2e, old.effect_on))


# ---- what the system says of itself ----


def raise_alarm(
    engine: Engine, kind: str, subject: str, level: str, detail: str, at: datetime,
    site: str = "",
) -> int:  # fmt: skip
    """Raise an issue of the system, or renew the open one of this kind and subject.

    Parameters
    ----------
    engine
        The opened data directory.
    kind, subject
        silence, clock, disk, gap or intake; what it is about: an interface, a device, a volume.
    level
        info, warn or critical; an open issue only becomes graver.
    detail
        In words.
    at
        When (UTC).
    site
        Whose; empty where it is no site's.

    Returns
    -------
    int
        1 where an issue was raised, became graver or came back, else 0.

    References
    ----------
    Clauses 6.4, 9.1.1.
    """

    def plan(known: list[Incident]) -> list[Step]:
        old = _system(known, kind, subject)
        if old is None:
            values = {"kind": kind, "subject": subject, "level": level, "since": at, "until": at,
                      "detail": detail, "holds": True}  # fmt: skip
            return [Step(0, RAISE, values, "")]
        values = {"until": max(at, old.until), "detail": detail, "holds": True}
        if LEVELS.index(level) > LEVELS.index(old.level):
            return [Step(old.incident, CHANGE, {**values, "level": level}, f"{old.level}>{level}")]
        if not old.holds:
            return [Step(old.incident, RETURN, values)]
        return [Step(old.incident, "", values)]

    return engine.state.incidents.follow(site, plan, at)


def clear(engine: Engine, kind: str, subject: str, at: datetime, site: str = "") -> int:
    """Close the open issue of a kind and subject because it has recovered.

    Parameters
    ----------
    engine, kind, subject, site
        As for :func:`raise_alarm`.
    at
        When it recovered (UTC).

    Returns
    -------
    int
        1 where there was an open one. One that somebody works on stays his to close; it is only
        told that it has recovered.
    """

    def plan(known: list[Incident]) -> list[Step]:
        old = _system(known, kind, subject)
        if old is None or not old.holds:
            return []
        ended = {"until": max(at, old.until), "holds": False}
        if old.status == WORKING:
            return [Step(old.incident, CLEAR, ended, RECOVERED)]
        return [Step(old.incident, CLEAR, {**ended, **_closing(RECOVERED, at)}, RECOVERED)]

    return engine.state.incidents.follow(site, plan, at)


def _system(known: Sequence[Incident], kind: str, subject: str) -> Incident | None:
    """Return the newest issue of a kind and subject that is not closed."""
    same = [one for one in known if (one.kind, one.subject) == (kind, subject)]
    return next((one for one in reversed(same) if one.status != CLOSED), None)
