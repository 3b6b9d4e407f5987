"""Looking without an account: only where nobody from elsewhere comes and nothing is real."""

from __future__ import annotations

import json

import pytest

from commands import only_demo_sites
from data.ingest.load import Options, import_file
from data.state import State
from security import first
from security.first import demonstration_link, is_loopback, link_digest
from security.guard import CALLBACK
from security.roles import DEMONSTRATION, PAGE_ROLES, may_open
from security.sessions import Sessions
from tests.plant import SITE
from tests.security.doors import (
    EVERYBODY,
    HERE,
    NOBODY,
    Site,
    asked,
    csrf,
    kept,
    known,
    rows,
    send,
    small,
    whole,
)

PROXIES = [
    {"X-Forwarded-For": "10.0.0.7"},
    {"x-forwarded-host": "carbon.example"},
    {"X-Forwarded-Proto": "https"},
    {"Forwarded": "for=10.0.0.7"},
    {"Via": "1.1 proxy"},
    {"X-Real-IP": "10.0.0.7"},
    {"X-Forwarded-For": ""},
]


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def server(state, clock, site):
    return small(state, clock, site=site)


def link(state, clock, *, only_demo=True, bind=HERE):
    return demonstration_link(state, only_demo, bind, clock())


def visitor(server, state, clock):
    """Somebody who has opened a link."""
    client = server.test_client()
    answer = client.get(link(state, clock))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    return client


# When there is a link


def test_a_link_needs_demonstration_sites_alone(state, clock):
    assert link(state, clock, only_demo=False) is None
    assert link(state, clock)


@pytest.mark.parametrize(
    ("bind", "own"),
    [("127.0.0.1", True), ("127.0.0.53", True), ("::1", True), ("[::1]", True),
     ("localhost", True), ("0.0.0.0", False), ("::", False), ("10.0.0.7", False),
     ("192.168.1.2", False), ("localhost.example", False), ("127.0.0.1.example", False),
     ("", False), ("carbon", False), ("2130706433", False)],
)  # fmt: skip
def test_a_link_needs_an_address_that_only_this_machine_reaches(state, clock, bind, own):
    assert is_loopback(bind) is own
    assert (link(state, clock, bind=bind) is not None) is own


def test_without_sites_there_is_no_demonstration(tmp_path):
    with whole(tmp_path / "home") as server:
        engine = server.extensions["carbon"][0]
        assert only_demo_sites(engine) is False
        assert not server.extensions["security"].demonstration_open()


@pytest.mark.parametrize("headers", PROXIES, ids=str)
def test_no_link_after_the_first_sign_of_a_proxy_even_after_a_restart(
    server, state, clock, tmp_path, headers
):
    assert link(state, clock)
    server.test_client().get("/healthz", headers=headers)
    assert link(state, clock) is None
    again = State(tmp_path)
    assert link(again, clock) is None
    again.close()


def test_headers_of_a_browser_are_no_sign_of_a_proxy(server, state, clock):
    headers = {"Accept-Language": "zh", "Origin": "http://localhost", "X-Requested-With": "x",
               "Forwardedness": "x", "X-Real-Name": "x"}  # fmt: skip
    server.test_client().get("/healthz", headers=headers)
    assert link(state, clock)


# The link


def test_a_link_opens_once(server, state, clock):
    path = link(state, clock)
    assert server.test_client().get(path).status_code == 303
    assert server.test_client().get(path).status_code == 404


def test_a_new_link_voids_the_one_before(server, state, clock):
    before, after = link(state, clock), link(state, clock)
    assert server.test_client().get(before).status_code == 404
    assert server.test_client().get(after).status_code == 303


def test_only_a_digest_of_the_link_is_stored(state, clock, tmp_path):
    token = link(state, clock).rpartition("/")[2]
    assert len(token) >= 32
    assert token.encode() not in kept(tmp_path)


def test_a_link_is_no_setup_code_and_a_setup_code_no_link(state, clock):
    code = first.setup_code(state, clock())
    token = link(state, clock).rpartition("/")[2]
    assert not Sessions(state, clock).open_demonstration("", link_digest(code))
    assert not state.accounts.has_code("setup", first.code_digest(token))
    assert Sessions(state, clock).open_demonstration("", link_digest(token))


def test_asking_ahead_does_not_spend_the_link(server, state, clock):
    path, client = link(state, clock), server.test_client()
    assert client.head(path).status_code == 405
    assert client.get(path, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 405
    assert client.post(path).status_code == 401
    assert client.get(path).status_code == 303


@pytest.mark.parametrize("token", ["", "x", "x" * 32, "..", "x" * 100, "\u00e9" * 32])
def test_a_guessed_link_opens_nothing(server, state, clock, token):
    link(state, clock)
    client = server.test_client()
    assert client.get(f"/demonstration/{token}").status_code in (302, 404)
    assert client.get_cookie("sid") is None


def test_a_link_ends_the_session_before(server, state, clock):
    client = visitor(server, state, clock)
    token = client.get_cookie("sid").value
    client.get(link(state, clock))
    thief = server.test_client()
    thief.set_cookie("sid", token)
    assert client.get("/").status_code == 200
    assert thief.get("/").status_code == 302


# Its end


@pytest.mark.parametrize("headers", PROXIES, ids=str)
def test_the_first_sign_of_a_proxy_ends_it(server, state, clock, tmp_path, headers):
    client, path = visitor(server, state, clock), link(state, clock)
    assert client.get("/").status_code == 200
    assert server.test_client().get("/healthz", headers=headers).status_code == 200
    assert rows(tmp_path, "SELECT count(*) FROM session") == [(0,)]
    assert client.get("/").status_code == 302
    assert server.test_client().get(path).status_code == 404


def test_the_request_that_shows_the_proxy_is_refused_already(server, state, clock):
    client = visitor(server, state, clock)
    assert client.get("/", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 302


def test_accounts_stay_in_behind_a_proxy(server, state, clock):
    account = known(state, clock)
    client = server.test_client()
    client.set_cookie("sid", server.extensions["security"].sessions.open(account.account, HERE))
    assert client.get("/", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 200


def test_a_real_site_ends_it_and_its_going_does_not_bring_it_back(server, state, clock, site):
    client, path = visitor(server, state, clock), link(state, clock)
    site.only_demo = False
    assert client.get("/").status_code == 302
    site.only_demo = True
    assert client.get("/").status_code == 302
    assert server.test_client().get(path).status_code == 404


def test_a_link_opens_nothing_while_there_is_a_real_site(server, state, clock, site):
    path, client = link(state, clock), server.test_client()
    site.only_demo = False
    assert client.get(path).status_code == 404
    assert client.get_cookie("sid") is None


def test_an_imported_real_site_ends_it(tmp_path):
    demo, real = tmp_path / "demo.toml", tmp_path / "real.toml"
    body = SITE.format(site="D1", zone="Asia/Shanghai", settings="")
    demo.write_text(f"demo = true\n{body}", encoding="utf-8")
    real.write_text(body.replace('"D1"', '"R1"'), encoding="utf-8")
    with whole(tmp_path / "home") as server:
        engine = server.extensions["carbon"][0]
        import_file(engine, "site", demo, Options())
        path = demonstration_link(engine.state, only_demo_sites(engine), HERE)
        client = server.test_client()
        assert client.get(path).status_code == 303
        assert client.get("/").status_code == 200
        import_file(engine, "site", real, Options())
        assert client.get("/").status_code == 302
        assert client.get("/_dash-layout").status_code == 401
        assert demonstration_link(engine.state, only_demo_sites(engine), HERE) is None


def test_it_runs_out_like_any_session(server, state, clock):
    client = visitor(server, state, clock)
    clock.pass_(minutes=30)
    assert client.get("/").status_code == 302


# What it may do


def test_it_opens_what_readers_open_and_nothing_else(application):
    opened = {page for page in PAGE_ROLES if may_open(DEMONSTRATION, page)}
    everyday = {"clerk", "analyst", "manager", "verifier"}
    assert opened == {page for page, roles in PAGE_ROLES.items() if roles >= everyday}
    client = application.client(DEMONSTRATION)
    closed = set(PAGE_ROLES) - opened
    assert closed
    assert {client.get(page).status_code for page in closed} <= {403, 404}


def test_it_only_reads(application):
    client = application.client(DEMONSTRATION)
    paths = {rule.rule for rule in application.server.url_map.iter_rules() if "<" not in rule.rule}
    for path in paths - {CALLBACK, "/login", "/setup", "/logout"}:
        assert client.post(path).status_code == 404, path


def test_it_cannot_make_the_first_accounts(server, state, clock):
    client = visitor(server, state, clock)
    assert client.post("/setup", data={"csrf_token": csrf(client)}).status_code == 400
    assert state.accounts.everyone() == []


def test_the_frame_marks_it_and_nobody_else(application):
    for role in EVERYBODY:
        if role == NOBODY:
            continue
        frame = json.dumps(application.client(role).get("/_dash-layout").json, ensure_ascii=False)
        assert ("演示会话，只读" in frame) == (role == DEMONSTRATION)


def test_every_page_marks_its_data_for_everybody(application):
    pages = [e for e in application.dependencies if '"part":"head"' in e["output"]]
    assert pages
    for role in (DEMONSTRATION, "analyst"):
        for entry in pages:
            assert "演示数据" in send(application.client(role), asked(entry)).text
