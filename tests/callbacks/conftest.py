"""A settled demonstration plant and the pages' reader over it."""

from datetime import date

import pytest

from accounting.forecast.run import run
from callbacks._reader import PageReader
from data import forecasts
from data.demo.build import build_demo
from data.incidents import follow
from data.settle import settle
from tests.plant import opened_home

LAST = date(2026, 3, 18)


@pytest.fixture(scope="session")
def reader(tmp_path_factory):
    with opened_home(tmp_path_factory.mktemp("screens") / "home") as engine:
        build_demo(engine, LAST, 26, 615, lambda *_: None)
        settle(engine)
        follow(engine)
        forecasts.refresh(engine, run)
        yield PageReader(engine)
