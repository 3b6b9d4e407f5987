"""What changes anything leaves exactly one record of its own, whatever else comes with it.

Commands, routes and callbacks are read from the application: a new one that is not classified here
fails. A record of its own is no announcement, and is part of none, or concludes it.
"""

from __future__ import annotations

import csv
import json
import re
from datetime import timedelta

import pytest

from commands import COMMANDS, EVENTS, LEAVING, House, Request, run
from data.incidents import raise_alarm
from data.state import WantedInterface, now
from settings import Settings
from tests.cli import ROOT
from tests.plant import Plant, meter, moment, opened_home, series, write_csv
from tests.security.doors import (
    PASSWORD,
    asked,
    csrf,
    house,
    page_key,
    send,
)

READS = frozenset(("trace", "factors-list", "factors-show", "factors-diff", "period-list",
                   "approve-list", "approve-show", "key-list", "interfaces-list",
                   "interfaces-points", "api-key-list"))  # fmt: skip


def own(records):
    """The records that are nobody's part: each stands for something that was done."""
    announced = {record.seq: record for record in records if record.outcome == "intent"}
    return [
        record
        for record in records
        if record.outcome != "intent"
        and (
            record.intent == 0
            or (record.intent in announced and announced[record.intent].event == record.event)
        )
    ]


class Silent:
    """A console that nobody reads."""

    def __init__(self):
        self.said = []

    def out(self, line):
        self.said.append(line)

    def err(self, line):
        self.said.append(line)

    def progress(self, *_words):
        pass


# Commands


def test_every_command_is_classified():
    assert set(COMMANDS) == READS | set(EVENTS)
    assert not READS & set(EVENTS)
    assert set(LEAVING) <= set(EVENTS)
    assert set(CASES) == set(EVENTS)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A data directory with a site, for the commands."""
    folder = tmp_path_factory.mktemp("commands")
    with opened_home(folder / "home") as engine:
        plant = Plant(folder, engine)
        plant.meters(meter("G", role="grid_import", register_max=10**6))
        plant.readings(series("G", moment("2026-01-01 00:00"), moment("2026-03-01 00:00")))
        plant.settle()
        secret = folder / "password"
        secret.write_text(f"{PASSWORD} Stahl 4711\n", encoding="utf-8")
        with (ROOT / "data" / "factors" / "factors.csv").open(encoding="utf-8-sig") as file:
            head, row, *_ = csv.reader(file)
        row[head.index("factor_id")] = "EF_OF_A_TEST"
        write_csv(folder / "factors.csv", head, [row])
        (folder / "other").write_text(f"{PASSWORD} Zink 4711\n", encoding="utf-8")
        (folder / "more.csv").write_text(
            "meter_id,timestamp,value\nG,2026-03-01 00:15,99000\n", encoding="utf-8"
        )
        (folder / "into").mkdir()
        (folder / "interface.toml").write_text(
            'id = "drop"\nkind = "drop_folder"\nsite = "S1"\n[settings]\n'
            f'folder = "{folder}/into"\n',
            encoding="utf-8",
        )
        yield House(engine, Settings(home=folder / "home")), folder


def _files(folder):
    found = {"factors": "factors.csv", "more": "more.csv", "interface": "interface.toml"}
    names = {
        name: found.get(name, name)
        for name in ("password", "other", "factors", "more", "out", "interface")
    }
    return {name: str(folder / file) for name, file in names.items()}


# In this order: a user is made before it is reset.
CASES = {
    "setup": lambda f: {},
    "import": lambda f: {"kind": "readings", "files": [f["more"]], "site": "S1", "dry_run": False,
                         "accept_good": False, "as_json": False},
    "forecast": lambda f: {"as_json": True},
    "settle": lambda f: {"first": "", "last": "", "as_json": False},
    "export": lambda f: {"out": f["out"] + ".csv", "first": "", "last": "", "form": "csv",
                         "as_of": "", "view": "", "as_json": False},
    "user-add": lambda f: {"name": "second.one", "role": "analyst", "password_file": f["password"],
                           "by": {}, "as_json": False},
    "user-reset": lambda f: {"name": "second.one", "password_file": f["other"], "by": {}},
    "user-disable": lambda f: {"name": "second.one"},
    "period-step": lambda f: {"step": "check", "month": "2026-01", "site": "S1", "reason": "",
                              "as_json": False},
    "factors-import": lambda f: {"file": f["factors"], "document": "", "dry_run": False,
                                 "as_json": False},
    "approve-decide": lambda f: {"number": 1, "accepted": True, "user": "nobody",
                                 "password_file": f["password"], "code": "", "reason": "",
                                 "as_json": False},
    "key-print": lambda f: {"what": "root"},
    "key-rotate": lambda f: {"what": "purposes"},
    "audit-verify": lambda f: {"anchor": f["out"] + ".anchor", "anchors": [], "as_json": True},
    "audit-export": lambda f: {"out": f["out"] + ".jsonl", "first": "", "last": "",
                               "with_verifier": True, "as_json": True},
    "audit-report": lambda f: {"anchor": f["out"] + ".anchor", "month": "2026-03",
                               "out": f["out"] + ".html"},
    "api-key-add": lambda f: {"name": "scales", "scopes": ["read"], "sites": ["S1"],
                              "addresses": [], "days": 30, "as_json": True},
    "api-key-revoke": lambda f: {"prefix": "0" * 12},
    "interfaces-save": lambda f: {"file": f["interface"]},
    "interfaces-disable": lambda f: {"name": "drop"},
    "interfaces-enable": lambda f: {"name": "drop"},
    "interfaces-probe": lambda f: {"name": "drop", "as_json": True},
    "interfaces-resend": lambda f: {"name": "drop"},
    "interfaces-doc": lambda f: {"out": f["out"] + ".papers", "names": []},
    "interfaces-remove": lambda f: {"name": "drop"},
    "demo": lambda f: {"months": 1, "seed": 1, "last_day": "2026-02-10"},
    "demo-remove": lambda f: {},
}  # fmt: skip
REFUSED = {"approve-decide", "api-key-revoke"}  # by whom or what nobody knows: so recorded


@pytest.mark.parametrize("name", list(CASES))
def test_a_command_leaves_one_record(place, name):
    found, folder = place
    audit = found.engine.state.audit
    before, console = audit.head()[0], Silent()
    code = run(found, Request(name, CASES[name](_files(folder))), console, "root")
    assert (code == 0) is (name not in REFUSED), console.said
    left = own(list(audit.records(before)))
    assert [record.event for record in left] == [EVENTS[name][0]]
    assert (left[0].outcome == "success") is (code == 0)
    assert left[0].actor == "root"


@pytest.mark.parametrize("name", ["import", "user-add", "user-disable", "period-step"])
def test_a_refused_command_leaves_one_record_too(place, name):
    found, folder = place
    wrong = {"import": {"files": [str(folder / "absent.csv")]}, "user-add": {"name": ""},
             "user-disable": {"name": "nobody"}, "period-step": {"month": "1999-01"}}  # fmt: skip
    audit = found.engine.state.audit
    before = audit.head()[0]
    values = CASES[name](_files(folder)) | wrong[name]
    assert run(found, Request(name, values), Silent(), "root") == 1
    left = own(list(audit.records(before)))
    assert [(record.event, record.outcome) for record in left] == [(EVENTS[name][0], "failure")]


def test_a_command_without_an_event_would_leave_none(place, monkeypatch):
    """Control: one that is not classified is done without a trace."""
    found, folder = place
    monkeypatch.setitem(COMMANDS, "new", lambda engine, console: 0)
    before = found.engine.state.audit.head()[0]
    assert run(found, Request("new", {}), Silent(), "root") == 0
    assert own(list(found.engine.state.audit.records(before))) == []
    assert set(COMMANDS) != READS | set(EVENTS)


# Callbacks


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with house(tmp_path_factory.mktemp("house")) as found:
        yield found


def changing(application):
    """The callbacks that change something, by page and the first of the parts they answer to."""
    found = {}
    for entry in application.dependencies:
        if entry["clientside_function"] or '"part":"act-' not in entry["output"]:
            continue
        part = re.search(r'"part":"(act-[a-z-]+)"', entry["output"])
        found[page_key(entry["output"]), part[1]] = entry
    return found


def pressed(entry, button, values):
    """The body of a callback as it is after a button was pressed."""
    body = asked(entry)
    for one in (*body["inputs"], *body["state"]):
        if not isinstance(one, dict):
            continue
        name = one["id"]["part"] if isinstance(one["id"], dict) else one["id"]
        if name == button:
            one["value"] = 1
            written = json.dumps(one["id"], sort_keys=True, separators=(",", ":"))
            body["changedPropIds"] = [f"{written}.{one['property']}"]
        elif name in values:
            one["value"] = values[name]
    return body


# Page and part: who presses which button with what filled in, and what is recorded.
ACTS = {
    ("alerts", "act-said"): ("clerk", "close", {"reason": "gateway restarted"}, "alarm.close"),
    ("data", "act-import-said"): ("clerk", "", {"import-commit": {"commit": 1}}, "data.import"),
    ("data", "act-import-revoke-said"): (
        "clerk", "", {"import-revoke": {"revoke": 999}, "import-why": "wrong"}, "data.revoke",
    ),
    ("data", "act-forms-said"): ("clerk", "", {"forms-do": {"form": "fuel"}}, "data.import"),
    ("audit", "act-said"): ("auditor", "verify", {}, "audit.verify"),
    ("closing", "act-step-said"): (
        "analyst", "check", {"step-month": {"site": "S1", "month": "2026-01"}}, "period.step",
    ),
    ("factors", "act-form"): (
        "analyst", "propose",
        {"way": "form", "form-base": "EF_DIESEL_CN", "field-value": "3.2",
         "field-source": "试验来源",
         "field-valid_from": "2027-01-01"},
        "proposal.propose",
    ),
    ("factors", "act-said"): ("manager", "reject", {"reason": "no", "url": "?proposal=1"},
                              "proposal.decide"),
    ("closing", "act-said"): ("manager", "reject", {"reason": "no", "url": "?proposal=999"},
                              "proposal.decide"),
    **{
        (page, "act-edit-said"): (
            "analyst", "",
            {"edit": {"do": "note-add", "key": f"{page}-{'0' * 16}", "site": "S1",
                      "month": "2026-01", "scope": "all", "text": page}},
            "note.add",
        )
        for page in ("overview", "emission", "process", "substitution", "lifecycle", "market")
    },
    ("overview", "act-read"): ("analyst", "read", {}, "visit.read"),
    ("data", "act-links-said"): ("clerk", "links-off", {"url": "?tab=links&link=gate"},
                                 "interface.disable"),
    ("data", "act-link-form-said"): (
        "clerk", "link-save",
        {"link-of": {"ident": "", "kind": "modbus_tcp"}, "url": "?tab=links&new=modbus_tcp"},
        "interface.save",
    ),
    ("data", "act-register-said"): (
        "clerk", "register-save",
        {"register-of": {"what": "meter", "ident": ""}, "url": "?tab=register"}, "data.import",
    ),
    ("data", "act-keys-said"): (
        "analyst", "keys-add",
        {"keys-name": "scales", "keys-days": "30", "keys-addresses": "10.0.0.0/8",
         "keys-scopes": ["read"], "keys-sites": []},
        "api_key.add",
    ),
    ("users", "act-new-said"): (
        "secadmin", "ask-account",
        {"new-name": "new.one", "new-person": "新人", "new-phone": "13800000000",
         "new-role": "clerk", "new-sites": []},
        "account.request",
    ),
    ("users", "act-decide-said"): ("sysadmin", "reject", {"reason": "no", "url": "?request=1"},
                                   "account.decide"),
    ("users", "act-account-said"): ("secadmin", "sign-out", {"account-name": "clerk"},
                                    "session.end"),
    ("users", "act-policy-said"): ("secadmin", "ask-policy", {}, "account.request"),
    ("users", "act-display-said"): (
        "secadmin", "ask-display",
        {"display-name": "墙", "display-address": "10.0.0.5", "display-page": "/",
         "display-sites": []},
        "account.request",
    ),
}  # fmt: skip
# A piece of a file, or a file in work: not proposed, not added, not taken in yet.
NONE = {("factors", "act-piece"), ("data", "act-import-piece"), ("data", "act-import-draft"),
        ("market", "act-piece")}  # fmt: skip


def test_every_changing_callback_is_classified(home):
    assert set(changing(home)) == set(ACTS) | NONE


@pytest.mark.parametrize("which", list(ACTS), ids="/".join)
def test_a_callback_leaves_one_record(home, which):
    who, button, values, event = ACTS[which]
    client, audit = home.client(who), home.engine.state.audit
    client.get("/healthz")
    if button == "read":  # somebody who was here before reads up to now
        home.engine.state.visits.came(home.accounts[who], now() + timedelta(hours=1))
        values = {"upto": now().isoformat()}
    if which == ("data", "act-links-said"):
        given_interface(home, "gate")
    if which[0] == "alerts":
        raise_alarm(home.engine, "silence", "P1", "warn", "no answer", now())
        (one,) = home.engine.state.incidents.of([""])
        values = values | {"issue": {"issue": one.incident, "key": "a1" * 16}}
    before = audit.head()[0]
    answer = send(client, pressed(changing(home)[which], button, values))
    assert answer.status_code == 200, answer.text
    new = [record for record in audit.records(before) if record.request]
    left = own(new)
    assert len({record.request for record in new}) <= 1
    assert [record.event for record in left] == [event], answer.text


def given_interface(home, name):
    wanted = WantedInterface(name, "modbus_tcp", "S1", "", {"host": "h", "address_base": 0}, ())
    home.engine.state.interfaces.save(wanted, "tester", now())


@pytest.mark.parametrize("act", ["resend", "remove"])
def test_a_button_of_an_interface_leaves_one_record(home, act):
    given_interface(home, f"to-{act}")
    entry = changing(home)["data", "act-links-said"]
    client, audit = home.client("clerk"), home.engine.state.audit
    for outcome in ("success", "failure") if act == "remove" else ("success",):
        before = audit.head()[0]
        send(client, pressed(entry, f"links-{act}", {"url": f"?tab=links&link=to-{act}"}))
        left = own([record for record in audit.records(before) if record.request])
        assert [(one.event, one.outcome) for one in left] == [(f"interface.{act}", outcome)]


# Routes


def test_what_leaves_the_house_by_an_address_is_recorded_once(home):
    wanted = {
        "/download/audit.csv": "audit.export",
        "/download/audit/records.csv": "audit.export",
        "/download/audit/days.csv": "page.export",
        "/audit/report?month=2026-03": "audit.report",
        "/audit/day?day=2026-03-01": "audit.report",
    }
    audit = home.engine.state.audit
    client = home.client("auditor")
    for path, event in wanted.items():
        before = audit.head()[0]
        assert client.get(path).status_code == 200, path
        left = own([record for record in audit.records(before) if record.request])
        assert [record.event for record in left] == [event], path
    analyst = home.client("analyst")
    for path in ("/download/overview.csv", "/download/emission.xlsx", "/download/closing.csv",
                 "/download/factors.csv", "/download/data/interface/builtin.rest.html",
                 "/download/data/interface/builtin.upload.pdf"):  # fmt: skip
        before = audit.head()[0]
        if analyst.get(path).status_code == 200:
            left = own([record for record in audit.records(before) if record.request])
            assert [record.event for record in left] == ["page.export"], path


def test_a_query_is_recorded_once_a_minute(home):
    entry = next(e for e in home.dependencies if '"part":"records"' in e["output"])
    client, audit = home.client("auditor"), home.engine.state.audit
    before = audit.head()[0]
    for search in ("?actor=x", "?actor=x", "?actor=y"):
        assert send(client, asked(entry, {"search": search})).status_code == 200
    found = [r.description for r in audit.records(before) if r.event == "audit.query"]
    assert len(found) in (2, 3)  # the minute may end in between
    assert '"actor": "x"' in found[0]


def test_login_and_logout_leave_one_record_each(home):
    client, audit = home.server.test_client(), home.engine.state.audit
    token = csrf(client)
    before = audit.head()[0]
    client.post("/login", data={"csrf_token": token, "username": "analyst", "password": "wrong"})
    assert [r.event for r in own(list(audit.records(before))) if r.request] == ["session.login"]
    inside = home.client("clerk")
    token = csrf(inside)
    before = audit.head()[0]
    assert inside.post("/logout", data={"csrf_token": token}).status_code == 303
    assert [r.event for r in own(list(audit.records(before))) if r.request] == ["session.logout"]
