"""Keys of programs: what is kept of them, what they open, what nobody can change."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from commands import House, Request, run
from data.state import FILE_NAME, ApiKey
from security.api_keys import SCOPES, Refusal, WantedKey, add, digest, known, revoke
from security.problem import Problem
from settings import Settings
from tests.api.client import Lines
from tests.plant import Plant, opened_home

PLACE = "10.1.2.3"


def made(state, clock, *scopes, days=30, **more):
    return add(state, WantedKey("scales", scopes or ("read",), days, **more), "root", clock(),
               ("S1",))  # fmt: skip


def test_a_key_is_found_by_its_token_alone(state, clock):
    key, token = made(state, clock, "read", "ingest:meter")
    assert re.fullmatch(r"[0-9a-f]{12}\.[\w-]{43}", token)
    found = known(state, token, PLACE, clock())
    assert found == key
    assert found.scopes == ("ingest:meter", "read")  # in one order, whatever was asked for
    prefix, secret = token.split(".")
    assert found.digest == digest(found.salt, secret)
    assert known(state, f"{prefix}.{'A' * 43}", PLACE, clock()) == Refusal("wrong", prefix)
    for wrong in ("", ".", token + "x", token.replace(".", ""), f"{'0' * 12}.{secret}",
                  f" {token}", token.upper()):  # fmt: skip
        assert isinstance(known(state, wrong, PLACE, clock()), Refusal)


def test_the_digest_is_salted_sm3_by_hand(state):
    import hashlib

    salt = "00112233445566778899aabbccddeeff"
    assert digest(salt, "abc") == hashlib.new("sm3", bytes.fromhex(salt) + b"abc").hexdigest()


def test_only_the_digest_is_kept(state, clock, tmp_path):
    _, token = made(state, clock)
    kept = b"".join(p.read_bytes() for p in tmp_path.glob(f"{FILE_NAME}*"))
    assert token.split(".")[1].encode() not in kept
    assert token.split(".")[0].encode() in kept


def test_term_revocation_and_place(state, clock):
    _, token = made(state, clock, days=1, addresses=("10.1.0.0/16", "192.168.7.9"))
    for place, opens in ((PLACE, True), ("192.168.7.9", True), ("192.168.7.8", False),
                         ("::ffff:10.1.2.3", True), ("::1", False), ("", False)):  # fmt: skip
        assert isinstance(known(state, token, place, clock()), ApiKey) is opens, place
    assert known(state, token, PLACE, clock() + timedelta(days=1)).why == "expired"
    revoke(state, token.split(".")[0], "root", clock())
    assert known(state, token, PLACE, clock()).why == "revoked"
    with pytest.raises(Problem):
        revoke(state, token.split(".")[0], "root", clock())


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"name": "a\nb"}, {"name": "x" * 81}, {"scopes": ()}, {"scopes": ("write",)},
     {"scopes": ("read", "ingest:*")}, {"days": 0}, {"days": 731}, {"sites": ("S9",)},
     {"addresses": ("10.1.2",)}, {"addresses": ("10.1.2.0/33",)}, {"addresses": ("host",)}],
)  # fmt: skip
def test_what_is_no_key_is_not_made(state, clock, change):
    wanted = {"name": "scales", "scopes": ("read",), "days": 30} | change
    before = state.audit.head()[0]
    with pytest.raises(Problem) as refused:
        add(state, WantedKey(**wanted), "root", clock(), ("S1",))
    for language in ("zh", "en"):
        assert refused.value.told(language)
    assert state.api_keys.all() == []
    assert state.audit.head()[0] == before


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE api_key SET scopes = 'admin'",
        "UPDATE api_key SET expires_at = '2999-01-01 00:00:00.000000'",
        "UPDATE api_key SET digest = 'x'",
        "UPDATE api_key SET revoked_at = '2026-01-01 00:00:00.000000', scopes = 'admin'",
        "DELETE FROM api_key",
    ],
)
def test_a_key_is_only_ever_revoked(state, clock, sql):
    key, token = made(state, clock)
    with pytest.raises(DBAPIError), state.engine.begin() as connection:
        connection.exec_driver_sql(sql)
    assert state.api_keys.find(key.prefix) == key
    revoke(state, key.prefix, "root", clock())
    with pytest.raises(DBAPIError), state.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE api_key SET revoked_at = NULL")


def test_making_and_revoking_leave_one_record_each(state, clock):
    before = state.audit.head()[0]
    key, token = made(state, clock, sites=("S1",))
    revoke(state, key.prefix, "root", clock())
    rows = list(state.audit.records(before))
    assert [(r.event, r.object) for r in rows] == [("api_key.add", key.prefix),
                                                   ("api_key.revoke", key.prefix)]  # fmt: skip
    assert json.loads(rows[0].after)["sites"] == ["S1"]
    assert not any(token.split(".")[1] in str(r) for r in rows)


def test_the_commands(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        Plant(tmp_path, engine)
        place = House(engine, Settings(home=tmp_path / "home"))

        def said(command, code=0, /, **values):
            console = Lines()
            assert run(place, Request(command, values), console, "root") == code, console.said
            return console.said

        wanted = {"name": "地磅", "scopes": ["ingest:production"], "sites": ["S1"],
                  "addresses": ["10.1.0.0/16"], "days": 90}  # fmt: skip
        told = json.loads(said("api-key-add", **wanted, as_json=True)[-1])
        assert isinstance(known(engine.state, told["key"], PLACE, told_at(engine)), ApiKey)
        lines = said("api-key-add", **wanted, as_json=False)
        assert "." in lines[0]
        listed = json.loads(said("api-key-list", as_json=True)[-1])
        assert [one["name"] for one in listed] == ["地磅", "地磅"]
        assert not any({"key", "digest", "salt"} & set(one) for one in listed)
        said("api-key-revoke", prefix=told["prefix"])
        assert any(told["prefix"] in line and "吊销" in line
                   for line in said("api-key-list", as_json=False))  # fmt: skip
        assert "没有这个站点" in said("api-key-add", 1, **wanted | {"sites": ["S9"]},
                                      as_json=False)[-1]  # fmt: skip


def told_at(engine):
    return engine.state.api_keys.all()[0].created_at


def test_scopes_are_those_of_the_contract():
    assert SCOPES == ("ingest:meter", "ingest:production", "ingest:market", "read", "admin")
