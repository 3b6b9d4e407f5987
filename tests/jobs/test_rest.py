"""Data come to rest: after a while of quiet, or when they have not been quiet for too long."""

from jobs.rest import Rest


def test_quiet_then_work_and_never_twice_for_the_same():
    rest = Rest(8.0, 30.0)
    assert rest.waited_for
    assert not rest.come(1, 0.0)
    assert not rest.come(1, 7.9)
    assert rest.come(1, 8.0)
    rest.over(1)
    assert not rest.waited_for
    assert not rest.come(1, 100.0)
    assert not rest.come(2, 101.0)
    assert rest.come(2, 109.0)


def test_what_never_rests_is_worked_on_after_the_longest_wait():
    rest = Rest(8.0, 30.0)
    told = [rest.come(at, float(at)) for at in range(40)]
    assert told.index(True) == 30


def test_a_failure_waits_anew_and_a_version_that_came_meanwhile_is_not_missed():
    rest = Rest(8.0, 300.0)
    rest.come(1, 0.0)
    assert rest.come(1, 9.0)
    rest.again(9.0)
    assert not rest.come(1, 16.9)
    assert rest.come(1, 17.0)
    rest.over(1)
    assert not rest.come(2, 18.0)
    assert rest.come(2, 26.0)


def test_over_without_a_version_waits_for_another():
    rest = Rest(0.0, 0.0)
    assert rest.come(3, 1.0)
    rest.over()
    assert not rest.come(3, 2.0)
    assert rest.come(4, 3.0)
