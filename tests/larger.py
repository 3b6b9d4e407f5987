"""Cases that are left to make test-full."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def larger(cases: Iterable[tuple]) -> list:
    """Return cases of a parametrization that run with ``--full`` alone."""
    return [pytest.param(*case, marks=pytest.mark.larger) for case in cases]
