"""What interfaces tell of themselves as alarm issues: as long as it lasts, and no longer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from data import incidents
from data.engine import Engine
from data.link_book import EVENTS, Event
from data.posts import OWN

# The disk is looked at by itself: an issue of its own (jobs/duty.py).
KINDS: Mapping[str, str] = {
    **dict.fromkeys(("link", "silent", "hushed", "collector"), incidents.SILENCE),
    "skew": incidents.CLOCK, "step": incidents.CLOCK, "future": incidents.CLOCK,
    "gap": incidents.GAP,
    **dict.fromkeys(("config", "late", "unknown", "unit", "digest", "pressure", "drain", "stall",
                     "file"), incidents.INTAKE),
}  # fmt: skip
GRAVE = frozenset(("collector", "drain", "stall", "digest"))
NOBODYS = "server"


@dataclass(frozen=True, order=True)
class Subject:
    """What an issue is about: kind, interface or point, site."""

    kind: str
    name: str
    site: str


def lasting(engine: Engine) -> dict[Subject, tuple[str, str]]:
    """Return what lasts now, by what it is about: the gravest level and the words of all of it.

    Parameters
    ----------
    engine
        The opened data directory.
    """
    sites = {name: one.site for name, one in engine.state.interfaces.brief().items()}
    found: dict[Subject, tuple[str, str]] = {}
    for event in reversed(engine.links.events(lasting=True)):
        if event.code not in KINDS:
            continue
        pushed = event.interface.removeprefix(OWN) if event.interface.startswith(OWN) else ""
        site = sites.get(event.interface, pushed)
        subject = Subject(KINDS[event.code], _name(event), site)
        level = "critical" if event.code in GRAVE else "warn"
        before = found.get(subject, (level, ""))
        words = "；".join(filter(None, (before[1], _words(event))))
        found[subject] = (max(level, before[0], key=("warn", "critical").index), words)
    return found


def _name(event: Event) -> str:
    return "/".join(filter(None, (event.interface, event.point))) or NOBODYS


def _words(event: Event) -> str:
    return f"{EVENTS[event.code]} {event.detail}".strip()


def follow(
    engine: Engine, told: Mapping[Subject, tuple[str, str]] | None, at: datetime
) -> dict[Subject, tuple[str, str]]:
    """Raise issues for what began, close those of what ended, and return what lasts.

    Parameters
    ----------
    engine
        The opened data directory.
    told
        What lasted when this was last asked; None at the start, when open issues are compared.
    at
        Now (UTC, without a zone).
    """
    now = lasting(engine)
    if told is None:
        known = set(KINDS.values())
        told = {
            Subject(one.kind, one.subject, one.site): ("", "")
            for one in engine.state.incidents.everything()
            if one.kind in known and one.holds and one.subject != incidents.SERVER
        }
    for subject, (level, words) in now.items():
        if told.get(subject) != (level, words):
            incidents.raise_alarm(
                engine, subject.kind, subject.name, level, words, at, subject.site
            )
    for subject in sorted(told.keys() - now.keys()):
        incidents.clear(engine, subject.kind, subject.name, at, subject.site)
    return now
