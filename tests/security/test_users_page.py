"""用户与权限: what its buttons do for whom, what is shown once, what is masked and recorded."""

from __future__ import annotations

import json
import re

import pytest

from data.state import NewAccount
from security import passwords, people, web
from tests.security.doors import PASSWORD, asked, keys, rows, send


@pytest.fixture(autouse=True)
def _quick(work):
    """Every hash with one round."""


@pytest.fixture(scope="module", autouse=True)
def _persons(application):
    """Somebody of whom name and telephone are kept."""
    house = web.door(application.server)
    found = people.sealed(house.keys, "zhou", "周敏", "13812345678")
    new = NewAccount("zhou", "zhou", "clerk", passwords.hashed("x", 1), found.person,
                     found.person_mac, found.phone)  # fmt: skip
    house.state.accounts.add([new], house.clock())


def callback(application, part):
    return next(e for e in application.dependencies if f'"{part}"' in e["output"]
                and not e["clientside_function"])  # fmt: skip


def pressed(application, who, area, button, **state):
    """What a button answers; ``state`` by part or property."""
    entry = callback(application, f"act-{area}-said")
    body = asked(entry)
    for one in (*body["inputs"], *body["state"]):
        if isinstance(one, dict):
            name = one["id"]["part"] if isinstance(one["id"], dict) else one["property"]
            one["value"] = state.get(name.replace("-", "_"))
            if name == button:
                one["value"] = 1
    ident = json.dumps({"page": "users", "part": button}, separators=(",", ":"))
    body["changedPropIds"] = [f"{ident}.n_clicks"]
    return send(application.client(who), body)


def page(application, who, search=""):
    entry = callback(application, "accounts-sub")
    return send(application.client(who), asked(entry, {"search": search}))


def events(application, event, outcome="success"):
    sql = f"SELECT object FROM audit WHERE event = '{event}' AND outcome = '{outcome}'"
    return [name for (name,) in rows(application.engine.home, sql)]


@pytest.mark.parametrize("who", ["sysadmin", "secadmin"])
def test_persons_are_masked_until_they_are_asked_for(application, who):
    text = page(application, who, "?account=zhou").get_data(as_text=True)
    shown = json.dumps(json.loads(text), ensure_ascii=False)
    assert "周*" in shown
    assert "138****5678" in shown
    assert "周敏" not in shown
    assert "12345678" not in shown


def test_to_unmask_is_recorded(application):
    before = events(application, "account.unmask")
    answer = pressed(application, "sysadmin", "account", "unmask", account_name="zhou")
    said = json.dumps(answer.json, ensure_ascii=False)
    assert "周敏" in said
    assert "13812345678" in said
    assert events(application, "account.unmask") == [*before, "zhou"]


def test_a_request_is_made_by_one_and_accepted_by_the_other(application):
    state = application.engine.state
    fields = {"new_name": "qian", "new_role": "clerk", "new_person": "钱伟", "new_sites": ["S1"]}
    assert "已提出申请" in told(pressed(application, "secadmin", "new", "ask-account", **fields))
    number = state.access.requests(only_open=True)[0].request
    search = {"search": f"?request={number}"}
    own = told(pressed(application, "secadmin", "decide", "accept", **search))
    assert "不能处理自己提出的申请" in own
    done = told(pressed(application, "sysadmin", "decide", "accept", **search))
    assert "一次性密码" in done
    made = state.accounts.find("qian")
    assert (made.role, made.scope, made.must_change) == ("clerk", ("S1",), 1)
    again = json.dumps(page(application, "sysadmin", search["search"]).json, ensure_ascii=False)
    once = re.search(r'"children": "([^"]{16})", "className": "users-once"', done)[1]
    assert once not in again
    assert not [word for word in everything_kept(application) if once.encode() in word]
    assert "已同意" in again
    assert "request=" in events(application, "account.decide", "denied")[0]


def everything_kept(application):
    return [path.read_bytes() for path in application.engine.home.glob("state.db*")]


def told(answer):
    assert answer.status_code == 200
    return json.dumps(answer.json, ensure_ascii=False)


def test_only_the_system_administrator_acts_alone(application):
    for button in ("disable", "reset-password", "reset-factor", "sign-out"):
        denied = told(pressed(application, "secadmin", "account", button, account_name="zhou"))
        assert "您的角色不能办理此事" in denied
    words = told(pressed(application, "sysadmin", "account", "reset-password", account_name="zhou"))
    assert "一次性密码" in words
    assert application.engine.state.accounts.find("zhou").must_change
    own = told(pressed(application, "sysadmin", "account", "disable", account_name="sysadmin"))
    assert "不能对自己的账号这样做" in own
    last = told(pressed(application, "sysadmin", "account", "disable", account_name="secadmin"))
    assert "最后" in last


@pytest.mark.parametrize("who", ["clerk", "analyst", "manager", "verifier", "auditor"])
def test_nobody_else_reaches_the_page_or_its_buttons(application, who):
    assert page(application, who).status_code == 403
    for area, button in (("decide", "accept"), ("account", "disable"), ("new", "ask-account"),
                         ("policy", "ask-policy"), ("display", "ask-display")):  # fmt: skip
        assert pressed(application, who, area, button).status_code == 403


def test_a_made_up_cell_is_refused(application):
    cells = {"auditor /emission open": True}
    said = told(pressed(application, "secadmin", "policy", "ask-policy", cells=cells))
    assert "固定的权限不能改动" in said
    for odd in ({"x": True}, ["x"], "x", None, {"a b c d": 1}):
        assert "users-once" not in told(
            pressed(application, "secadmin", "policy", "ask-policy", cells=odd)
        )


def test_the_state_holds_no_name_in_the_clear(application):
    home = application.engine.home
    body = b"".join(path.read_bytes() for path in home.glob("state.db*"))
    assert "周敏".encode() not in body
    assert b"13812345678" not in body
    assert PASSWORD.encode() not in body
    assert keys() is not web.door(application.server).keys
