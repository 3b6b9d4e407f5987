"""What somebody writes down about selling reductions: evidence and steps, and what is refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from accounting.project import REFUSALS, Move, Project, refusal
from data.engine import Engine
from data.state import EvidenceSaid, NoSuchEvidence, Original, now
from data.state.evidence import ARGUE, SUPPORT

LONGEST = 120
LONGEST_REASON = 200


class NotKept(Exception):
    """Something cannot be kept; ``words`` is a key of the catalogue, with its values."""

    def __init__(self, words: str, **values: object) -> None:
        super().__init__(words)
        self.words, self.values = words, values


def worded(words: str, name: str, longest: int, *, need: bool = True) -> str:
    """Return words as they are kept: on one line, without spaces around.

    Raises
    ------
    NotKept
        Nothing is written where something must be, too much, or signs that cannot be shown.
    """
    found = " ".join(words.split())
    if need and not found:
        raise NotKept("请填写{name}", name=name)
    if len(found) > longest:
        raise NotKept("{name}最多 {most} 字", name=name, most=longest)
    if not found.isprintable():
        raise NotKept("{name}里有无法显示的字符", name=name)
    return found


def dated(words: str, name: str, *, need: bool) -> str:
    """Return an ISO date as it is kept; empty where none is needed.

    Raises
    ------
    NotKept
        It is no date.
    """
    found = words.strip()
    if not found and not need:
        return ""
    try:
        return date.fromisoformat(found).isoformat()
    except ValueError:
        raise NotKept("{name}须写成 2026-12-31 这样", name=name) from None


def today_at(zone: str) -> date:
    """Return the day that it is at a site."""
    return datetime.now(ZoneInfo(zone)).date()


def said_of(given: EvidenceSaid) -> EvidenceSaid:
    """Return what a document says of itself, checked.

    Raises
    ------
    NotKept
        Something is missing or cannot be.
    """
    if given.stance not in (SUPPORT, ARGUE):
        raise NotKept("请选择支持或需论证")
    found = replace(
        given,
        title=worded(given.title, "名称", LONGEST),
        number=worded(given.number, "文号", LONGEST, need=False),
        issuer=worded(given.issuer, "发布机关", LONGEST),
        issued_on=dated(given.issued_on, "发布日期", need=True),
        clause=worded(given.clause, "条款", LONGEST, need=False),
        expires_on=dated(given.expires_on, "到期日", need=False),
    )
    if found.expires_on and found.expires_on < found.issued_on:
        raise NotKept("到期日早于发布日期")
    return found


def add_evidence(
    engine: Engine, site: str, said: EvidenceSaid, original: Original, author: str, key: str
) -> int:
    """Keep a document of a site and return its number; see `said_of`."""
    return engine.state.evidence.add(site, said_of(said), original, author, now(), key)


def change_evidence(
    engine: Engine, evidence: int, said: EvidenceSaid, original: Original | None, author: str,
    key: str,
) -> None:  # fmt: skip
    """Keep what a document says now; ``original`` None keeps its file."""
    checked = said_of(said)
    try:
        engine.state.evidence.change(evidence, checked, original, author, now(), key)
    except NoSuchEvidence:
        raise NotKept("没有这份佐证材料") from None


def retire_evidence(engine: Engine, evidence: int, author: str, key: str) -> None:
    """Let a document count no more.

    Raises
    ------
    NotKept
        There is none of that number.
    """
    try:
        engine.state.evidence.retire(evidence, author, now(), key)
    except NoSuchEvidence:
        raise NotKept("没有这份佐证材料") from None


def restore_evidence(engine: Engine, evidence: int, author: str, key: str) -> None:
    """Let a retired document count again; see `retire_evidence`."""
    try:
        engine.state.evidence.restore(evidence, author, now(), key)
    except NoSuchEvidence:
        raise NotKept("没有这份佐证材料") from None


def counting(engine: Engine, site: str, day: date) -> dict[int, str]:
    """Return the documents of a site that count on a day: number to title."""
    return {
        one.evidence: one.said.title
        for one in engine.state.evidence.of([site])
        if one.counts_on(day.isoformat())
    }


def move(
    engine: Engine, site: str, wanted: Move, *, methodology: bool, today: date, author: str,
    key: str,
) -> None:  # fmt: skip
    """Make a move of a site's project.

    Raises
    ------
    NotKept
        It is not allowed as the project stands (`accounting.project.REFUSALS`).
    """
    checked = replace(
        wanted,
        owner=worded(wanted.owner, "责任人", LONGEST, need=False),
        reason=worded(wanted.reason, "原因", LONGEST_REASON, need=False),
    )
    known: Collection[int] = counting(engine, site, today)

    def check(stands: Project) -> None:
        why = refusal(stands, checked, methodology=methodology, known=known, today=today)
        if why:
            raise NotKept(REFUSALS[why])

    engine.state.projects.add(site, checked, author, now(), key, check)
