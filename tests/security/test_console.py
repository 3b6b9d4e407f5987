"""Accounts from the console, as the contract names the commands (CONTRACT §1)."""

from __future__ import annotations

import json

import pyotp
import pytest

from commands import COMMANDS, DONE, EVENTS, FAILED, House, Request, run
from data.engine import Options, lock, opened
from settings import Settings
from tests.codes import next_code
from tests.security.doors import PASSWORD, rows

NEW = "Neues-Wort-2026"


class Said:
    def __init__(self):
        self.lines, self.errors = [], []

    def out(self, line):
        self.lines.append(line)

    def err(self, line):
        self.errors.append(line)

    def progress(self, *_):
        pass


@pytest.fixture(autouse=True)
def _quick(work):
    """Every hash with one round."""


@pytest.fixture
def console(tmp_path):
    """Run a command: its exit code and what it said."""
    home = tmp_path / "home"
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n", encoding="utf-8")
    with lock(home), opened(home, Options()) as engine:
        house = House(engine, Settings(home=home))

        def command(name, /, **values):
            said = Said()
            if name != "user-disable":
                values = {"password_file": str(password), "by": {}} | values
            if name == "user-add":
                values = {"as_json": True} | values
            return run(house, Request(name, values), said, "ops"), said

        command.house, command.file = house, password
        yield command


def add(console, name, role, **more):
    code, said = console("user-add", name=name, role=role, **more)
    return code, json.loads(said.lines[0]) if said.lines else said.errors


def test_an_account_has_its_second_factor_at_once(console):
    code, made = add(console, "ana", "analyst")
    assert code == DONE
    assert set(made) == {"user", "role", "totp_secret"}
    assert (made["user"], made["role"]) == ("ana", "analyst")
    assert len(pyotp.TOTP(made["totp_secret"]).now()) == 6
    account = console.house.engine.state.accounts.find("ana")
    assert made["totp_secret"] not in account.totp
    assert not account.must_change


def test_after_the_first_security_administrator_it_takes_two(console, tmp_path):
    secrets = {}
    for name, role in (("ana", "analyst"), ("sys", "sysadmin"), ("sec", "secadmin")):
        code, made = add(console, name, role)
        assert code == DONE
        secrets[name] = made["totp_secret"]
    code, said = add(console, "late", "clerk")
    assert code == FAILED
    assert "担保" in said[0]
    file = str(console.file)
    right = {"user": "sys", "password_file": file, "code": next_code(secrets["sys"])}
    for wrong in (
        {"user": "sys", "password_file": file, "code": "000000"},
        {"user": "sys", "password_file": file, "code": ""},
        {"user": "sys", "password_file": "", "code": next_code(secrets["sys"])},
        {"user": "ana", "password_file": file, "code": next_code(secrets["ana"])},
        {"user": "nobody", "password_file": file, "code": "000000"},
    ):
        assert add(console, "late", "clerk", by=wrong)[0] == FAILED
    assert console.house.engine.state.accounts.find("late") is None
    assert add(console, "late", "clerk", by=right | {"code": next_code(secrets["sys"])})[0] == DONE
    (who,) = rows(
        console.house.engine.home,
        "SELECT actor, role FROM audit WHERE event = 'account.add' AND object = 'late' "
        "AND outcome = 'success'",
    )
    assert who == ("sys", "sysadmin")


def test_a_reset_takes_two_and_disabling_one(console):
    secrets = {}
    for name, role in (("ana", "analyst"), ("sys", "sysadmin"), ("sec", "secadmin")):
        secrets[name] = add(console, name, role)[1]["totp_secret"]
    new = console.file.with_name("new")
    new.write_text(NEW, encoding="utf-8")
    assert console("user-reset", name="ana", password_file=str(new))[0] == FAILED
    by = {"user": "sec", "password_file": str(console.file), "code": next_code(secrets["sec"])}
    assert console("user-reset", name="ana", password_file=str(new), by=by)[0] == DONE
    assert console("user-disable", name="ana")[0] == DONE
    code, said = console("user-disable", name="sec")
    assert code == FAILED
    assert "最后" in said.errors[0]


def test_every_changing_command_of_accounts_is_recorded():
    assert {name for name in COMMANDS if name.startswith("user-")} <= set(EVENTS)
