"""Forecasts by themselves: when they are made, what they say while they are waited for."""

import threading

import pytest

from accounting.forecast.run import run
from data import forecasts
from data.ingest.load import Options, import_file
from data.prices import take_shipped
from data.settle import settle
from jobs import forecast as work
from jobs.duty import QUIET_S
from jobs.forecast import COMPUTING, FAILED, Forecasting
from tests.jobs.test_duty import Clock
from tests.plant import opened_home, write_csv

PRICES = ("date", "instrument", "volume_t", "turnover_cny", "source")


@pytest.fixture
def engine(tmp_path):
    with opened_home(tmp_path / "home") as found:
        yield found


def looked(engine, seconds, clock=None, make=None):
    """A job that has looked for so long, and how often it made a run."""
    clock, made = clock or Clock(), []

    def here(engine):
        made.append(clock.at)
        return forecasts.refresh(engine, run)

    job = Forecasting(engine, threading.Lock(), make=make or here, monotonic=clock)
    until = clock.at + seconds
    while clock.at < until:
        job.look()
        clock.at += work.EVERY_S
    return job, made


def settled(engine):
    take_shipped(engine)
    settle(engine)


def test_a_first_run_is_made_once_it_is_quiet_and_no_second(engine):
    settled(engine)
    job, made = looked(engine, 120)
    assert len(made) == 1
    assert made[0] >= QUIET_S
    assert job.waiting() == ""
    assert forecasts.newest(engine).run == 1
    assert looked(engine, 120)[1] == []


def test_who_looks_meanwhile_is_told(engine):
    settled(engine)
    job = Forecasting(engine, threading.Lock(), monotonic=Clock())
    assert job.waiting() == COMPUTING
    job.look()
    assert job.waiting() == COMPUTING


def test_who_looks_while_it_is_made_is_told_so_and_not_that_it_failed(engine):
    settled(engine)
    said = []
    job = Forecasting(engine, threading.Lock(), make=lambda _: said.append(job.waiting()))
    job.work()
    assert said == [COMPUTING]


def test_new_prices_make_a_new_run_and_the_run_before_stays(engine, tmp_path):
    settled(engine)
    looked(engine, 120)
    row = ("2026-08-07", "CCER", 40_000, 3_700_000, "日行情")
    import_file(engine, "prices", write_csv(tmp_path / "p.csv", PRICES, [row]), Options())
    settle(engine)
    assert len(looked(engine, 30)[1]) == 1
    assert (forecasts.newest(engine).run, forecasts.before(engine, 2)) == (2, 1)


def test_who_writes_is_waited_for(engine):
    settled(engine)
    clock, made, lock = Clock(), [], threading.Lock()
    job = Forecasting(engine, lock, make=lambda _: made.append(1), monotonic=clock)
    with lock:
        for _ in range(30):
            job.look()
            clock.at += work.EVERY_S
        assert not made
    job.look()
    assert made


def test_nothing_is_made_of_nothing(engine):
    job, made = looked(engine, 60)
    assert (made, job.waiting()) == ([], "")


def test_a_failure_is_told_recorded_and_not_repeated_until_data_change(engine):
    settled(engine)

    def broken(engine):
        raise RuntimeError("no memory")

    clock = Clock()
    job = Forecasting(engine, threading.Lock(), make=broken, monotonic=clock)
    failures = 0
    for _ in range(40):
        try:
            job.look()
        except RuntimeError:
            failures += 1
        clock.at += work.EVERY_S
    assert (failures, job.waiting()) == (1, FAILED)
    outcomes = [r.outcome for r in engine.state.audit.records() if r.event == "forecast.make"]
    assert outcomes[-1] == "failure"


def test_a_run_that_somebody_else_made_meanwhile_is_not_kept_twice(engine):
    settled(engine)

    def slow(inputs):
        if forecasts.newest(engine) is None:
            forecasts.refresh(engine, run)  # a command, at the same time
        return run(inputs)

    assert forecasts.refresh(engine, slow) is None
    assert forecasts.newest(engine).run == 1


def test_a_process_of_its_own_gives_what_is_given_here(engine):
    settled(engine)
    inputs = forecasts.inputs_of(engine)
    assert work.apart(inputs) == run(inputs)
