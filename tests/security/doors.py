"""Doors to knock at: a small server with login and gate, and the whole application."""

from __future__ import annotations

import gc
import json
import re
import sqlite3
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from data.state import FILE_NAME, Decider, NewAccount, NewRequest, grant_display
from security import factor, guard, login, passwords, people, web
from security.first import display_link
from security.guard import CALLBACK, GuardRules
from security.keys import Keys, provider
from security.login import LoginOptions
from security.policy import default
from security.roles import DEMONSTRATION, DISPLAY, ROLES
from settings import Settings
from tests.plant import Plant, meter, moment, opened_home, series

PASSWORD = "Kupfer-Eisen-47"
NOBODY = "nobody"
EVERYBODY = (*ROLES, DEMONSTRATION, DISPLAY, NOBODY)
HERE = "127.0.0.1"
TOKEN = "t" * 43
SHOWN = "/emission"  # the page of the display


@cache
def keys() -> Keys:
    """Keys of these tests, made once."""
    folder = tempfile.mkdtemp(prefix="keys-")
    return Keys.open(Path(folder) / "keys", provider=provider("file"), create=True)


class Client(FlaskClient):
    """A browser that reads every answer to its end: files are closed.

    Its scripts send the token of the cookie, as Dash's do.
    """

    def open(self, *words, buffered=True, **named):
        if words and words[0] == CALLBACK and named.get("method") == "POST":
            named["headers"] = scripted(self) | dict(named.get("headers") or {})
        return super().open(*words, buffered=buffered, **named)


def scripted(client):
    """The header that a page's script sends: the token of the cookie."""
    kept = client.get_cookie("csrf")
    if kept is None:
        client.set_cookie("csrf", TOKEN)
    return {"X-CSRF-Token": kept.value if kept else TOKEN}


@dataclass
class Clock:
    """The time, moved by hand."""

    at: datetime = datetime(2026, 3, 2, 8)

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **much: float) -> None:
        self.at += timedelta(**much)


@dataclass
class Site:
    """Whether all sites are demonstrations, changed by hand."""

    only_demo: bool = True

    def __call__(self) -> bool:
        return self.only_demo


def small(
    state, clock, *, rules=None, site=lambda: False, bind=HERE, before=None, certificates=None
):
    """A server of three pages, with login and gate as the application has them."""
    server = Flask(__name__)
    for path in ("/", "/emission", "/audit", "/unclassified"):
        server.add_url_rule(path, path, lambda: "<html></html>")
    server.add_url_rule(CALLBACK, CALLBACK, lambda: "{}", methods=["POST"])
    server.add_url_rule("/healthz", "/healthz", lambda: "ok")
    if before is not None:
        server.before_request(before)
    login.install(server, state, LoginOptions("zh", bind, site, clock, keys(), certificates))
    guard.install(server, state, rules or GuardRules())
    return server


def known(
    state,
    clock,
    name="chen.jing",
    role="analyst",
    password=PASSWORD,
    *,
    enrolled=True,
    person="",
    **more,
):
    """Make an account, with its second factor unless told otherwise, and return it."""
    folded = name.casefold()
    if enrolled:
        more["totp"] = factor.sealed_secret(keys(), factor.new_secret(), folded)
    found = people.sealed(keys(), folded, person, "")
    new = NewAccount(name, folded, role, passwords.hashed(password), person=found.person,
                     person_mac=found.person_mac, **more)  # fmt: skip
    state.accounts.add([new], clock())
    return state.accounts.find(new.folded)


def code_of(state, clock, name="chen.jing"):
    """The earliest one-time code that an account can still use.

    Three count at one moment; where all are used, the test forgets so instead of waiting.
    """
    account = state.accounts.find(name.casefold())
    if account is None or not account.totp:
        return ""
    step = max(factor.step_at(clock()) - 1, account.totp_step + 1)
    if step > factor.step_at(clock()) + 1:
        with state.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE account SET totp_step = 0")
        step = factor.step_at(clock()) - 1
    return factor.code_at(factor.opened_secret(keys(), account), step)


def granted(state, clock, page=SHOWN, sites="", address="", name="hall"):
    """Let a display show a page, as two administrators do, and return the path of its link."""
    path, digest = display_link()
    number = state.access.propose(NewRequest("display", name, {}, "sec", "secadmin"), clock())
    grant = {"name": name, "page": page, "sites": sites, "address": address}
    state.access.accept(
        state.access.request(number), Decider("sys", "sysadmin"), clock(),
        lambda connection: grant_display(connection, grant, digest, "sys", clock()),
    )  # fmt: skip
    return path


def csrf(client):
    """The token of the forms, as the browser keeps it."""
    client.get("/login")
    return client.get_cookie("csrf").value


def post(client, path, headers=None, **fields):
    """Send a form as a browser does."""
    return client.post(path, data={"csrf_token": csrf(client), **fields}, headers=headers)


def log_in(client, name="chen.jing", password=PASSWORD, **fields):
    door = web.door(client.application)
    code = {"code": code_of(door.state, door.clock, name)} if "\ud800" not in name else {}
    return post(client, "/login", username=name, password=password, **code | fields)


def kept(home: Path) -> bytes:
    """Everything that the state's files hold."""
    return b"".join(path.read_bytes() for path in sorted(home.glob(f"{FILE_NAME}*")))


def rows(home: Path, sql: str):
    """What the state holds, read past the application."""
    with sqlite3.connect(home / FILE_NAME) as found:
        result = found.execute(sql).fetchall()
    found.close()
    return result


@dataclass
class House:
    """The whole application over a small demonstration site, with an account of every role."""

    server: Flask
    accounts: dict[str, int]
    dependencies: list[dict] = field(default_factory=list)

    @property
    def engine(self):
        return self.server.extensions["carbon"][0]

    def client(self, role):
        """Somebody of a role, signed in; nobody has no session."""
        client = self.server.test_client()
        sessions = web.door(self.server).sessions
        if role == DEMONSTRATION:
            client.set_cookie("sid", sessions.open_demonstration(HERE))
        elif role == DISPLAY:
            state = self.engine.state
            path = granted(state, web.door(self.server).clock)
            assert client.get(path).status_code == 303
        elif role != NOBODY:
            client.set_cookie("sid", sessions.open(self.accounts[role], HERE))
        return client


@contextmanager
def whole(home: Path):
    """The application over a data directory, closed at the end."""
    server = create_app(Settings(home=home))
    server.test_client_class = Client
    try:
        yield server
    finally:
        server.extensions["carbon"][1].close()
        gc.unfreeze()


@contextmanager
def house(folder: Path):
    """Two settled months of one demonstration site, and the application over them."""
    home = folder / "home"
    with opened_home(home) as engine:
        plant = Plant(folder, engine)
        site = folder / "S1.toml"
        site.write_text("demo = true\n" + site.read_text(encoding="utf-8"), encoding="utf-8")
        plant.take("site", site)
        plant.meters(meter("G", role="grid_import", register_max=10**6))
        plant.readings(series("G", moment("2026-01-01 00:00"), moment("2026-03-01 00:00")))
        plant.settle()
    with whole(home) as server:
        state = server.extensions["carbon"][0].state
        clock = web.door(server).clock
        numbers = {}
        for role in ROLES:
            person = people.same_person(keys(), role)
            new = NewAccount(role, role, role, passwords.hashed("x", 1), person_mac=person)
            state.accounts.add([new], clock())
            numbers[role] = state.accounts.find(role).account
        found = House(server, numbers)
        found.dependencies = found.client("analyst").get("/_dash-dependencies").json
        yield found


def allowed(who, page, action="open"):
    """Whether the policy of the code lets somebody do something; the display has one page."""
    return default().allows(who, page, action) and (who != DISPLAY or page == SHOWN)


def identifier(written: str):
    return json.loads(written) if written.startswith("{") else written


def asked(entry, value=None) -> dict:
    """The body of a callback as the browser sends it; ``value`` by property, or one for all."""
    output = entry["output"]
    several = output.startswith("..")
    parts = [part.rpartition(".") for part in output.strip(".").split("...")]
    outputs = [{"id": identifier(ident), "property": name} for ident, _, name in parts]

    def of(one):
        if '["ALL"]' in one["id"]:
            return []  # of many: none is on the page
        given = value.get(one["property"]) if isinstance(value, dict) else value
        return {"id": identifier(one["id"]), "property": one["property"], "value": given}

    return {
        "output": output,
        "outputs": outputs if several else outputs[0],
        "inputs": [of(one) for one in entry["inputs"]],
        "state": [of(one) for one in entry["state"]],
        "changedPropIds": [],
    }


def send(client, body, **headers):
    """Post a callback by hand."""
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    known = {"Content-Type": "application/json"} | scripted(client)
    return client.post(CALLBACK, data=data, headers=known | headers)


def page_key(output: str) -> str | None:
    """The page that an output names."""
    named = set(re.findall(r'"page":"([^"]+)"', output))
    assert len(named) < 2, f"one callback of several pages: {named}"
    return named.pop() if named else None
