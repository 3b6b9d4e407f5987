"""The auditor's papers: the report of a month, the page of a day to be signed (9.5.4)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from data.state import Delivered, Record, Signed, State, now
from data.state.audit import EVENTS
from data.state.audit_search import AuditSearch, Gap, Sought, Summary
from security.notary import local
from security.roles import DEMONSTRATION, ROLES, role_name
from security.segments import Segment, segments
from security.trail_check import Result
from translations import text

MOST_LISTED = 100
OUTCOMES = {"success": "成功", "failure": "失败", "denied": "拒绝", "intent": "预告"}
FAULTS = {
    "gap": "缺少记录",
    "hash": "记录被改动",
    "chain": "记录不相连",
    "cut": "尾部被截或整库被换成旧的",
    "anchor": "与外部锚点不符",
    "checkpoint": "与检查点不符",
    "signature": "签名无效",
    "split": "同一长度有两个不同的签名",
    "installation": "属于别的安装",
}


@dataclass(frozen=True)
class Report:
    """What there is to say of a month."""

    month: str
    installation: str
    made_at: str
    summary: Summary
    failures: Sequence[Record]
    steps: Sequence[Record]
    alarms: Sequence[Record]
    gaps: Sequence[Gap]
    checkpoints: Sequence[Signed]
    places: Sequence[Delivered]
    segment: Segment | None
    result: Result


@dataclass(frozen=True)
class DayPage:
    """What the page of a day says: its records, and the signed head to be kept on paper."""

    day: str
    installation: str
    made_at: str
    summary: Summary
    signed: Signed | None
    size: int
    head: str

    @property
    def words(self) -> str:
        """What the code holds: the checkpoint's text, or the bare head where none is signed."""
        return self.signed.text if self.signed else f"{self.installation}\n{self.size}\n{self.head}"


def month_of(month: str) -> Sought:
    """Return the records of a month.

    Parameters
    ----------
    month
        ``YYYY-MM``.

    Returns
    -------
    Sought
        All of them.

    Raises
    ------
    ValueError
        It is no month.
    """
    first = date.fromisoformat(f"{month}-01")
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return Sought(first=first.isoformat(), last=last.isoformat())


def report_of(state: State, month: str, result: Result) -> Report:
    """Return the report of a month.

    Parameters
    ----------
    state
        Whose trail.
    month
        ``YYYY-MM``.
    result
        What came of verifying the trail just now.

    Returns
    -------
    Report
        Of what is recorded so far.

    Raises
    ------
    ValueError
        It is no month.
    """
    search, sought = AuditSearch(state.engine), month_of(month)

    def listed(event: str = "", outcome: str = "") -> list[Record]:
        return search.page(replace(sought, event=event, outcome=outcome), 1, MOST_LISTED)

    bad = [*listed(outcome="failure"), *listed(outcome="denied")]
    of_month = [one for one in state.checkpoints.all() if f"{local(one.at):%Y-%m}" == month]
    return Report(
        month, state.audit.begin(), _moment(now()), search.summary(sought),
        sorted(bad, key=lambda record: -record.seq)[:MOST_LISTED], listed(event="clock.step"),
        listed(event="alarm.security"), search.gaps(sought), of_month,
        state.checkpoints.delivered(),
        next((one for one in segments(state) if one.month == month), None), result,
    )  # fmt: skip


def day_page(state: State, day: str, search: AuditSearch | None = None) -> DayPage:
    """Return the page of a day.

    Parameters
    ----------
    state
        Whose trail.
    day
        ``YYYY-MM-DD``.
    search
        What has counted before.

    Returns
    -------
    DayPage
        With the newest checkpoint of that day, or the last one before it.
    """
    search = search or AuditSearch(state.engine)
    signed = next(
        (one for one in reversed(state.checkpoints.all()) if f"{local(one.at):%Y-%m-%d}" <= day),
        None,
    )
    size, head = state.audit.head()
    if signed is not None:
        size, head = signed.size, state.audit.hash_of(signed.size)
    return DayPage(
        day, state.audit.begin(), _moment(now()), search.summary(Sought(day, day)), signed, size,
        head.hex(),
    )  # fmt: skip


def _moment(at: datetime) -> str:
    return local(at).isoformat(" ", "seconds")


# ---- in words ----


def event_words(event: str, language: str) -> str:
    """Return an event in words.

    Parameters
    ----------
    event
        One of ``EVENTS``; another is returned as it is.
    language
        The reader's.

    Returns
    -------
    str
        As screen and paper name it.
    """
    return text(EVENTS[event], language) if event in EVENTS else event


def outcome_words(outcome: str, language: str) -> str:
    """Return an outcome in words.

    Parameters
    ----------
    outcome
        success, failure, denied or intent.
    language
        The reader's.

    Returns
    -------
    str
        As screen and paper name it.
    """
    return text(OUTCOMES[outcome], language) if outcome in OUTCOMES else outcome


def actor_words(actor: str, language: str) -> str:
    """Return who acted, in words where it was no account.

    Parameters
    ----------
    actor
        As recorded.
    language
        The reader's.

    Returns
    -------
    str
        The account itself, or what stands for it.
    """
    if not actor:
        return text("未登录", language)
    return text("系统", language) if actor == "system" else actor


def role_words(role: str, language: str) -> str:
    """Return a role in words.

    Parameters
    ----------
    role
        As recorded.
    language
        The reader's.

    Returns
    -------
    str
        Empty for none.
    """
    if role in (*ROLES, DEMONSTRATION):
        return role_name(role, language)
    return {"system": text("系统", language), "console": text("控制台", language)}.get(role, role)


def fault_words(reason: str, language: str) -> str:
    """Return why a verification failed, in words.

    Parameters
    ----------
    reason
        As ``verify_audit`` says it: a kind, then the details.
    language
        The reader's.

    Returns
    -------
    str
        The kind in words; the details as they are.
    """
    kind, _, rest = reason.partition(": ")
    joint = "：" if language == "zh" else ": "
    return f"{text(FAULTS[kind], language)}{joint}{rest}" if kind in FAULTS else reason


# ---- on paper ----


def written(report: Report, language: str) -> str:
    """Return the report as a page to print.

    Parameters
    ----------
    report
        What there is to say.
    language
        The reader's.

    Returns
    -------
    str
        HTML that needs nothing else.
    """
    return _rendered("audit-report.html", language, r=report)


def printed_day(page: DayPage, language: str) -> str:
    """Return the page of a day, to be printed and signed.

    Parameters
    ----------
    page
        What it says.
    language
        The reader's.

    Returns
    -------
    str
        HTML that needs nothing else; the code holds the checkpoint's text.
    """
    return _rendered("audit-day.html", language, p=page, code=_code(page.words))


def _code(words: str) -> str:
    out = io.BytesIO()
    found = segno.make(words, error="m", micro=False)
    found.save(out, kind="svg", scale=4, border=2, xmldecl=False, svgns=True, omitsize=True)
    return out.getvalue().decode()


def _rendered(template: str, language: str, **values: object) -> str:
    def words(key: str, **named: object) -> str:
        return text(key, language, **named)

    shown: dict[str, Callable[[str], str]] = {
        "event": lambda name: event_words(name, language),
        "outcome": lambda name: outcome_words(name, language),
        "actor": lambda name: actor_words(name, language),
        "fault": lambda name: fault_words(name, language),
    }
    return _environment().get_template(template).render(
        t=words, language=language, total=_total, local=_moment, said=_said, **shown, **values
    )  # fmt: skip


@cache
def _environment() -> Environment:
    folder = Path(__file__).parent / "templates"
    return Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def _total(summary: Summary, outcome: str) -> int:
    return summary.outcomes.get(outcome, 0)


def _said(record: Record) -> str:
    """Return an alarm's details without its level."""
    try:
        found = json.loads(record.description)
    except ValueError:
        return record.description
    if not isinstance(found, dict):
        return record.description
    return ", ".join(f"{name}={value}" for name, value in found.items() if name != "level")
