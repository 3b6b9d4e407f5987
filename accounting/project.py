"""The six steps of a CCER project as a state machine (5.7 g, accounting.md §11)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

STEPS = (1, 2, 3, 4, 5, 6)
BACK_TO = (1, 4)
WAITING, RUNNING, DONE = "waiting", "running", "done"
PLAN, BEGIN, COMPLETE, BACK = "plan", "begin", "complete", "back"
ACTS = (PLAN, BEGIN, COMPLETE, BACK)


@dataclass(frozen=True)
class Move:
    """What somebody does with a step.

    Parameters
    ----------
    step
        1 to 6.
    act
        ``plan`` writes owner, date and documents down; ``begin``; ``complete``; ``back`` returns
        to the step.
    owner, reason
        Who answers for it; why it goes back.
    planned_on, actual_on
        ISO dates; empty where not known.
    evidence
        Numbers of the documents that it rests on.
    """

    step: int
    act: str
    owner: str = ""
    planned_on: str = ""
    actual_on: str = ""
    evidence: tuple[int, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Step:
    """A step as it stands."""

    step: int
    status: str = WAITING
    owner: str = ""
    planned_on: str = ""
    actual_on: str = ""
    evidence: tuple[int, ...] = ()

    def days_left(self, today: date) -> int | None:
        """Return the days until the planned one, negative past it; None when done or unplanned."""
        if self.status == DONE or not self.planned_on:
            return None
        return (date.fromisoformat(self.planned_on) - today).days


@dataclass(frozen=True)
class Project:
    """A project as it stands: its steps by number."""

    steps: Mapping[int, Step] = field(default_factory=lambda: {n: Step(n) for n in STEPS})

    @property
    def current(self) -> int:
        """The first step that is not done; 7 where all are."""
        return next((n for n in STEPS if self.steps[n].status != DONE), STEPS[-1] + 1)

    @property
    def begun(self) -> bool:
        """Whether anything was begun."""
        return any(step.status != WAITING for step in self.steps.values())


def refusal(
    project: Project, move: Move, *, methodology: bool, known: Collection[int], today: date
) -> str:
    """Return why a move cannot be made: a word of `REFUSALS`; empty where it can.

    Parameters
    ----------
    project
        How it stands.
    move
        What is wanted.
    methodology
        Whether a methodology applies to any source: without, step 1 cannot close (D-7).
    known
        Numbers of the evidence that counts.
    today
        What is done was not done in the future.
    """
    if move.step not in STEPS or move.act not in ACTS:
        return "step"
    if any(not _is_date(day) for day in (move.planned_on, move.actual_on) if day):
        return "date"
    if not set(move.evidence) <= set(known):
        return "evidence"
    return {PLAN: _plan, BEGIN: _begin, COMPLETE: _complete, BACK: _back}[move.act](
        project, move, methodology, today
    )


def _plan(project: Project, move: Move, _methodology: bool, _today: date) -> str:
    return "done" if project.steps[move.step].status == DONE else ""


def _begin(project: Project, move: Move, _methodology: bool, _today: date) -> str:
    if project.steps[move.step].status != WAITING:
        return "begun"
    if move.step != project.current:
        return "order"
    return "" if move.owner else "owner"


def _complete(project: Project, move: Move, methodology: bool, today: date) -> str:
    if project.steps[move.step].status != RUNNING:
        return "not_begun"
    if move.step == 1 and not methodology:
        return "methodology"
    if not move.owner:
        return "owner"
    if not move.actual_on:
        return "actual"
    if date.fromisoformat(move.actual_on) > today:
        return "future"
    return "" if move.evidence else "documents"


def _back(project: Project, move: Move, _methodology: bool, _today: date) -> str:
    if move.step not in BACK_TO:
        return "back_to"
    if project.steps[move.step].status != DONE:
        return "not_passed"
    return "" if move.reason else "reason"


REFUSALS: Mapping[str, str] = {
    "step": "没有这个步骤",
    "date": "日期须写成 2026-12-31 这样",
    "evidence": "所选佐证材料不存在、已停用或已到期",
    "done": "这一步已完成，只能退回第 1 或第 4 步",
    "begun": "这一步已经开始",
    "order": "前面的步骤还没有完成",
    "owner": "请填写责任人",
    "not_begun": "这一步还没有开始",
    "methodology": "没有适用方法学，第 1 步不能完成；先在适用性中为减排来源登记方法学和佐证材料",
    "actual": "请填写实际完成日期",
    "future": "实际完成日期不能在今天之后",
    "documents": "请至少选一份佐证材料",
    "back_to": "只能退回第 1 或第 4 步",
    "not_passed": "只能退回已经完成的步骤",
    "reason": "请写退回的原因",
}


def moved(project: Project, move: Move) -> Project:
    """Return how a project stands after a move that was not refused."""
    step = replace(
        project.steps[move.step], owner=move.owner or project.steps[move.step].owner,
        planned_on=move.planned_on or project.steps[move.step].planned_on,
        evidence=move.evidence or project.steps[move.step].evidence,
    )  # fmt: skip
    steps = dict(project.steps)
    if move.act == BACK:
        for later in STEPS:
            if later > move.step:
                steps[later] = replace(steps[later], status=WAITING, actual_on="")
        step = replace(step, status=RUNNING, actual_on="")
    elif move.act == BEGIN:
        step = replace(step, status=RUNNING)
    elif move.act == COMPLETE:
        step = replace(step, status=DONE, actual_on=move.actual_on)
    return Project(steps | {move.step: step})


def project_of(moves: Iterable[Move]) -> Project:
    """Return how a project stands after what was done, oldest first."""
    found = Project()
    for move in moves:
        found = moved(found, move)
    return found


def _is_date(words: str) -> bool:
    try:
        return date.fromisoformat(words).isoformat() == words
    except ValueError:
        return False
