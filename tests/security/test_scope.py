"""Administrators open the figures of the overview and no others."""

import pytest

from callbacks import _scope


class _Session:
    def __init__(self, role):
        self.role = role


@pytest.mark.parametrize("role", ["sysadmin", "secadmin", "auditor"])
@pytest.mark.parametrize(
    ("indicator", "seen"), [("emission", True), ("ccer_price", True), ("electricity", False),
                            ("energy_per_tonne", False), ("net_factor", False)],
)  # fmt: skip
def test_an_administrator_sees_the_overview_alone(monkeypatch, role, indicator, seen):
    monkeypatch.setattr(_scope, "has_request_context", lambda: True)
    monkeypatch.setattr(_scope.web, "current", lambda: _Session(role))
    assert _scope.may_see(indicator) is seen


@pytest.mark.parametrize("role", ["clerk", "analyst", "manager", "verifier", "demonstration"])
def test_readers_see_every_figure(monkeypatch, role):
    monkeypatch.setattr(_scope, "has_request_context", lambda: True)
    monkeypatch.setattr(_scope.web, "current", lambda: _Session(role))
    assert _scope.may_see("electricity")
