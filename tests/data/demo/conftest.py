"""The whole plant once for all tests: three years, and what its meters truly measured."""

from datetime import date
from types import SimpleNamespace

import pytest

from data.demo.plant import SITE, days_of, generate, true_quantities
from data.demo.production import day_book

LAST = date(2026, 11, 23)
SEED = 615


def made(last, months, seed=SEED):
    days = days_of(last, months)
    books = [day_book(seed, SITE, day) for day in days]
    return SimpleNamespace(days=days, books=books, truth=true_quantities(seed, days, books))


@pytest.fixture(scope="session")
def whole():
    """Three years: the plant's files beside the true quantities."""
    found = made(LAST, 36)
    found.plant = generate(LAST, 36, SEED)
    return found
