"""Alarm issues: what raised them, what people did about them, each step a row that is kept.

A step, its place in the outbox of the alarm log and its audit record are one transaction (6.4,
9.5): an alarm that is known is one that will be uploaded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from data.state.audit import Entry, Recording, recorded
from data.state.tables import ALARM_OUTBOX, AUDIT, INCIDENT, INCIDENT_EVENT

OPEN, WORKING, CLOSED = "open", "working", "closed"
STATUSES = (OPEN, WORKING, CLOSED)
LEVELS = ("info", "warn", "critical")
SYSTEM = "system"
# What happened to an issue: by itself, then by a person.
RAISE, CHANGE, CLEAR, VANISH, RETURN, MERGE = (
    "raise", "change", "clear", "vanish", "return", "merge",
)  # fmt: skip
ASSIGN, NOTE, CLOSE, REOPEN = "assign", "note", "close", "reopen"
BY_PEOPLE = (ASSIGN, NOTE, CLOSE, REOPEN)


class NotHandled(Exception):
    """An issue cannot be handled so; ``reason`` is unknown, closed, not_closed or words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Incident:
    """An alarm issue as it stands.

    Parameters
    ----------
    incident
        Its number.
    site, kind, subject, medium
        Where (empty: the system itself), rule or kind, what it is about, the medium R24 counts.
    level
        info, warn or critical: 提示, 重要, 紧急.
    since, until
        First and last moment, site-local (UTC where there is no site).
    shown, threshold, unit, hits
        What was measured, the limit it broke, how many hours, days or rows; None where there
        is no number.
    detail
        What else is known, in words or JSON.
    holds
        Whether what raised it still holds.
    effect_kgco2e, effect_on
        Estimated effect, kgCO2e, None where unknown; on emission or substitution.
    status, assignee, reason, closed_by
        Where it stands, whose it is, why it was closed and by whom (``system`` for by itself).
    raised_at, changed_at, closed_at
        UTC.
    """

    incident: int
    site: str
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
    detail: str
    holds: bool
    effect_kgco2e: float | None
    effect_on: str
    status: str
    assignee: str
    reason: str
    closed_by: str
    raised_at: datetime
    changed_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class IncidentEvent:
    """One step of an issue's history: who did what when (UTC), and how it stood afterwards."""

    event: int
    incident: int
    at: datetime
    actor: str
    act: str
    words: str
    status: str
    level: str
    assignee: str


@dataclass(frozen=True)
class Step:
    """What is to be done to an issue by itself; 0 makes a new one, no act changes values alone."""

    incident: int
    act: str
    values: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""


Plan = Callable[[list[Incident]], Sequence[Step]]


class Incidents:
    """The alarm issues of a data directory; ``revision`` is another number after every change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.revision = 0

    def of(self, sites: Collection[str]) -> list[Incident]:
        """Return the issues of sites, the newest first; those of the system have no site."""
        wanted = (
            select(INCIDENT)
            .where(INCIDENT.c.site.in_(list(sites)))
            .order_by(INCIDENT.c.since.desc(), INCIDENT.c.incident.desc())
        )
        with self._engine.connect() as connection:
            return [_incident(row) for row in connection.execute(wanted)]

    def everything(self) -> list[Incident]:
        """Return every issue, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(INCIDENT).order_by(INCIDENT.c.incident))
            return [_incident(row) for row in rows]

    def open_count(self, sites: Collection[str]) -> int:
        """Return how many issues of sites are not closed."""
        here = INCIDENT.c.site.in_(list(sites)), INCIDENT.c.status != CLOSED
        with self._engine.connect() as connection:
            count = select(func.count()).select_from(INCIDENT).where(*here)
            return int(connection.execute(count).scalar() or 0)

    def find(self, number: int) -> Incident | None:
        """Return an issue by its number."""
        with self._engine.connect() as connection:
            return _find(connection, number)

    def history(self, number: int) -> list[IncidentEvent]:
        """Return what happened to an issue, oldest first."""
        here = INCIDENT_EVENT.c.incident == number
        wanted = select(INCIDENT_EVENT).where(here).order_by(INCIDENT_EVENT.c.event)
        names = tuple(IncidentEvent.__dataclass_fields__)
        with self._engine.connect() as connection:
            return [
                IncidentEvent(**{name: getattr(row, name) for name in names})
                for row in connection.execute(wanted)
            ]

    def durations_h(self, sites: Collection[str]) -> dict[int, float]:
        """Return how long each issue that a person closed took from raising to closing, h."""
        here = INCIDENT.c.closed_at.is_not(None), INCIDENT.c.closed_by != SYSTEM
        wanted = select(INCIDENT).where(INCIDENT.c.site.in_(list(sites)), *here)
        with self._engine.connect() as connection:
            return {
                row.incident: (row.closed_at - row.raised_at).total_seconds() / 3600.0
                for row in connection.execute(wanted)
            }

    # ---- by itself ----

    def follow(self, site: str, plan: Plan, at: datetime) -> int:
        """Bring the issues of a site in step with what was found; return how many steps it took.

        Parameters
        ----------
        site
            Whose issues; empty for those of the system.
        plan
            From the issues as they stand, what is to be done; called inside the transaction.
        at
            When (UTC).
        """
        entry = Entry("alarm.follow", site or SYSTEM)
        with recorded(self._engine, entry) as what:
            known = select(INCIDENT).where(INCIDENT.c.site == site).order_by(INCIDENT.c.since)
            steps = plan([_incident(row) for row in what.connection.execute(known)])
            acts: dict[str, int] = {}
            for step in steps:
                self._take(what, site, step, at)
                if step.act:
                    acts[step.act] = acts.get(step.act, 0) + 1
            what.note(description=" ".join(f"{act}={n}" for act, n in sorted(acts.items())))
            if not acts:
                what.entry = None
            if steps:
                self.revision += 1
        return sum(acts.values())

    def _take(self, what: Recording, site: str, step: Step, at: datetime) -> None:
        connection, number = what.connection, step.incident
        if number == 0:
            made = {**_BLANK, **step.values, "site": site, "raised_at": at, "changed_at": at}
            number = int(connection.execute(insert(INCIDENT).values(**made)).lastrowid)
        elif step.values:
            changed = {**step.values, **({"changed_at": at} if step.act else {})}
            here = INCIDENT.c.incident == number
            connection.execute(update(INCIDENT).where(here).values(**changed))
        if step.act:
            self._note(connection, number, SYSTEM, step.act, step.words, at, None)

    # ---- by people ----

    def handle(
        self, number: int, act: str, actor: str, at: datetime, key: str, *, words: str = "",
        assignee: str = "",
    ) -> bool:  # fmt: skip
        """Let a person take a step with an issue.

        Parameters
        ----------
        number
            Which.
        act
            assign, note, close or reopen.
        actor, at
            Who, when (UTC).
        key
            The form's own: sent twice it is one step.
        words
            The reason or note; a closing and a reopening need one.
        assignee
            Whose the issue is from now on; needed to assign.

        Returns
        -------
        bool
            False where the form had been sent before, which changes and records nothing.

        Raises
        ------
        NotHandled
            There is no such issue, or it cannot be handled so.
        """
        with recorded(self._engine, Entry(f"alarm.{act}", str(number), words)) as what:
            sent = select(INCIDENT_EVENT.c.event).where(INCIDENT_EVENT.c.key == key)
            if what.connection.execute(sent).first() is not None:
                what.entry = None
                return False
            found = _find(what.connection, number)
            values = _handled(found, act, actor, words, assignee, at)
            name = f"{found.site} {found.kind} {found.subject}".strip() if found else ""
            what.note(
                object=f"{number} {name}",
                before=found.status if found else "",
                after=str(values.get("status", found.status if found else "")),
            )
            if values:
                here = INCIDENT.c.incident == number
                what.connection.execute(
                    update(INCIDENT).where(here).values(**values, changed_at=at)
                )
            self._note(what.connection, number, actor, act, words, at, key)
            self.revision += 1
        return True

    def _note(
        self, connection: Connection, number: int, actor: str, act: str, words: str, at: datetime,
        key: str | None,
    ) -> None:  # fmt: skip
        """Keep a step and put it into the outbox, both in the transaction that it belongs to."""
        found = _find(connection, number)
        if found is None:
            raise NotHandled("unknown")
        values = {"incident": number, "at": at, "actor": actor, "act": act, "words": words,
                  "status": found.status, "level": found.level, "assignee": found.assignee,
                  "key": key}  # fmt: skip
        event = int(connection.execute(insert(INCIDENT_EVENT).values(**values)).lastrowid)
        uid = f"{_installation(connection)}-{event}"
        body = _body(uid, found, act, actor, words, at)
        connection.execute(insert(ALARM_OUTBOX).values(uid=uid, at=at, body=body))


_BLANK: Mapping[str, Any] = {
    "medium": "", "unit": "", "hits": 1, "detail": "", "holds": True, "effect_on": "emission",
    "status": OPEN, "assignee": "", "reason": "", "closed_by": "",
}  # fmt: skip


def _handled(
    found: Incident | None, act: str, actor: str, words: str, assignee: str, at: datetime
) -> dict[str, Any]:
    """Return the values that a person's step changes."""
    if found is None:
        raise NotHandled("unknown")
    if act in (CLOSE, REOPEN, NOTE) and not words:
        raise NotHandled("words")
    if act == REOPEN:
        if found.status != CLOSED:
            raise NotHandled("not_closed")
        status = WORKING if found.assignee else OPEN
        return {"status": status, "reason": "", "closed_by": "", "closed_at": None}
    if act != NOTE and found.status == CLOSED:
        raise NotHandled("closed")
    if act == ASSIGN:
        if not assignee:
            raise NotHandled("assignee")
        return {"status": WORKING, "assignee": assignee}
    if act == CLOSE:
        whose = found.assignee or actor
        return {"status": CLOSED, "reason": words, "closed_by": actor, "closed_at": at,
                "assignee": whose}  # fmt: skip
    if act == NOTE:
        return {}
    raise NotHandled("act")


def _body(uid: str, found: Incident, act: str, actor: str, words: str, at: datetime) -> str:
    """Return a step as it is uploaded: the issue as it stood then, JSON."""
    said = {
        "id": uid, "event": act, "at": f"{at:%Y-%m-%dT%H:%M:%S}Z", "actor": actor,
        "words": words, "incident": found.incident, "site": found.site, "kind": found.kind,
        "subject": found.subject, "medium": found.medium, "level": found.level,
        "since": found.since.isoformat(), "until": found.until.isoformat(),
        "shown": found.shown, "limit": found.threshold, "unit": found.unit,
        "holds": found.holds, "effect_kgco2e": found.effect_kgco2e, "status": found.status,
        "assignee": found.assignee, "detail": found.detail,
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False, sort_keys=True)


def _installation(connection: Connection) -> str:
    wanted = select(AUDIT.c.object).where(AUDIT.c.event == "audit.begin").order_by(AUDIT.c.seq)
    return str(connection.execute(wanted.limit(1)).scalar() or "")


def _find(connection: Connection, number: int) -> Incident | None:
    row = connection.execute(select(INCIDENT).where(INCIDENT.c.incident == number)).first()
    return None if row is None else _incident(row)


def _incident(row: Row[Any]) -> Incident:
    return Incident(**row._mapping)
