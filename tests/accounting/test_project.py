"""The six steps: only in order, only with what a gate asks for, back only to 1 or 4."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.project import (
    ACTS,
    BACK,
    BEGIN,
    COMPLETE,
    DONE,
    PLAN,
    REFUSALS,
    RUNNING,
    STEPS,
    WAITING,
    Move,
    Project,
    moved,
    project_of,
    refusal,
)

TODAY = date(2026, 11, 26)
DOCUMENTS = (1, 2)


def why(project, move, *, methodology=True, known=DOCUMENTS):
    return refusal(project, move, methodology=methodology, known=known, today=TODAY)


def begin(step):
    return Move(step, BEGIN, owner="Li")


def complete(step, **more):
    given = {"owner": "Li", "actual_on": "2026-11-01", "evidence": (1,)} | more
    return Move(step, COMPLETE, **given)


def done_to(last):
    return project_of(move for n in range(1, last + 1) for move in (begin(n), complete(n)))


def test_a_project_goes_through_its_steps_in_order():
    project = Project()
    assert not project.begun
    for n in STEPS:
        assert project.current == n
        assert why(project, begin(n)) == ""
        project = moved(project, begin(n))
        assert project.steps[n].status == RUNNING
        assert why(project, complete(n)) == ""
        project = moved(project, complete(n))
    assert project.current == 7
    assert {step.status for step in project.steps.values()} == {DONE}


def test_step_one_does_not_close_without_a_methodology():
    project = moved(Project(), begin(1))
    assert why(project, complete(1), methodology=False) == "methodology"
    assert why(project, complete(1)) == ""
    two = moved(done_to(1), begin(2))
    assert why(two, complete(2), methodology=False) == ""


@pytest.mark.parametrize(
    ("move", "reason"),
    [
        (begin(2), "order"), (Move(1, BEGIN), "owner"), (complete(1), "not_begun"),
        (Move(7, PLAN), "step"), (Move(1, "leap"), "step"),
        (Move(1, PLAN, planned_on="soon"), "date"),
        (Move(1, PLAN, evidence=(9,)), "evidence"), (Move(1, BACK, reason="x"), "not_passed"),
        (Move(2, BACK, reason="x"), "back_to"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_with_a_new_project(move, reason):
    assert why(Project(), move) == reason


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"actual_on": ""}, "actual"), ({"actual_on": "2026-11-27"}, "future"),
        ({"evidence": ()}, "documents"), ({"owner": ""}, "owner"),
        ({"actual_on": "2026-2-1"}, "date"),
    ],
)  # fmt: skip
def test_what_a_step_needs_to_close(more, reason):
    assert why(moved(Project(), begin(1)), complete(1, **more)) == reason


def test_back_opens_the_step_and_closes_what_came_after():
    project = done_to(5)
    assert why(project, Move(4, BACK)) == "reason"
    back = Move(4, BACK, reason="计量点变更")
    assert why(project, back) == ""
    project = moved(project, back)
    assert [project.steps[n].status for n in STEPS] == [DONE] * 3 + [RUNNING] + [WAITING] * 2
    assert project.steps[5].actual_on == ""
    assert project.steps[5].evidence == (1,)  # what it rested on is not forgotten
    assert project.current == 4


def test_days_left():
    project = moved(Project(), Move(1, PLAN, planned_on="2026-12-14"))
    assert project.steps[1].days_left(TODAY) == 18
    assert project.steps[1].days_left(date(2026, 12, 20)) == -6
    assert project.steps[2].days_left(TODAY) is None


moves = st.builds(
    Move,
    step=st.integers(0, 7),
    act=st.sampled_from((*ACTS, "")),
    owner=st.sampled_from(("", "Li")),
    actual_on=st.sampled_from(("", "2026-11-01", "2027-01-01", "x")),
    evidence=st.sampled_from(((), (1,), (9,))),
    reason=st.sampled_from(("", "why")),
)


@given(st.lists(moves, max_size=30), st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_sequence_leaves_the_order(made, methodology):
    project = Project()
    for move in made:
        reason = why(project, move, methodology=methodology)
        if reason:
            assert reason in REFUSALS
            continue
        project = moved(project, move)
        states = [project.steps[n].status for n in STEPS]
        order = {DONE: 0, RUNNING: 1, WAITING: 2}
        assert states == sorted(states, key=order.get)  # done, then at most one running, then rest
        assert states.count(RUNNING) <= 1
        assert methodology or project.steps[1].status != DONE
