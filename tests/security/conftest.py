"""A state of its own and a clock for every test; the whole application once."""

from __future__ import annotations

import shutil

import pytest

from data.state import FILE_NAME, State
from security import passwords
from security.sm import pbkdf2_sm3
from tests.security.doors import Clock, house


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory):
    """A state without anything in it: copying it is faster than making it."""
    home = tmp_path_factory.mktemp("state")
    State(home).close()
    return home / FILE_NAME


@pytest.fixture
def state(tmp_path, _migrated):
    shutil.copy(_migrated, tmp_path)
    opened = State(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def work(monkeypatch):
    """The rounds of every hash that was asked for; each is made with one round only."""
    asked = []

    def quick(password, salt, rounds):
        asked.append(rounds)
        return pbkdf2_sm3(password, salt, 1)

    monkeypatch.setattr(passwords, "pbkdf2_sm3", quick)
    passwords.nobodys_hash.cache_clear()
    yield asked
    passwords.nobodys_hash.cache_clear()


@pytest.fixture(scope="package")
def application(tmp_path_factory):
    with house(tmp_path_factory.mktemp("house")) as found:
        yield found
