"""Every route for every key exactly as its scope says; no cookie, no other way in (F22)."""

from __future__ import annotations

import secrets
import threading
from datetime import timedelta

import pytest
from werkzeug.routing import Rule

from api.app import Options, create_api
from api.problems import MEDIA
from data.state import now
from security import web
from security.api_gate import LOCKED, MOST_WRONG, OPEN, OWN, ROUTES, Buckets, Lockout
from security.api_keys import SCOPES
from tests.api.conftest import bearer, fresh
from tests.security.doors import Clock

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE")
RULES = sorted({rule for _, rule in ROUTES})
ANSWERED = {
    "GET": (200, 404, 422),
    "HEAD": (200, 404, 422),
    "POST": (202, 422),
}  # by what the route itself says


def path_of(rule):
    return "/api" + rule.replace("<batch_id>", "0" * 24).replace("<figure_id>", "0" * 20)


def ask(api, method, rule, token=None, **headers):
    client = api.house.server.test_client()
    body = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
    sent = bearer(token) | {"Idempotency-Key": fresh()} | headers
    return client.open(path_of(rule), method=method, headers=sent, **body)


def test_every_route_of_the_api_is_classified(api):
    server = api.house.server.extensions["api"]
    found = {(method, rule.rule) for rule in server.url_map.iter_rules()
             for method in rule.methods - {"HEAD", "OPTIONS"}}  # fmt: skip
    assert found == set(ROUTES)
    assert set(ROUTES.values()) - {OPEN, OWN} <= set(SCOPES)


def test_a_new_route_is_refused_until_it_is_classified(api):
    signals = web.door(api.house.server).signals
    server = create_api(api.engine, Options("zh", 100, signals, now, lambda: True))
    server.view_functions["new"] = lambda: "leaked"
    server.url_map.add(Rule("/v1/brand-new", endpoint="new", methods=["GET", "POST"]))
    for token in ("", api.key("admin")):
        for method in ("GET", "POST"):
            answer = server.test_client().open(
                "/v1/brand-new", method=method, headers=bearer(token)
            )
            assert (answer.status_code, "leaked" in answer.text) == (404, False)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("method", METHODS)
def test_route_by_method_by_scope(api, method, rule):
    """What nobody may: 405 to everybody; what needs a key: 401 without, 403 with another scope."""
    scope = ROUTES.get(("GET" if method == "HEAD" else method, rule))
    status = ask(api, method, rule).status_code
    if scope is None:
        assert status == 405
        assert ask(api, method, rule, api.key("admin")).status_code == 405
        return
    assert status == (200 if scope == OPEN else 401)
    for one in SCOPES:
        found = ask(api, method, rule, api.key(one)).status_code
        allowed = scope in (OPEN, OWN, one) or one == "admin"
        assert (found in ANSWERED[method]) if allowed else found == 403, (one, found)


def test_no_cookie_opens_the_api(api):
    for role in api.house.accounts:
        client = api.house.client(role)
        for method, rule in ROUTES:
            if ROUTES[method, rule] == OPEN:
                continue
            body = {"json": {}} if method == "POST" else {}
            headers = {web.CSRF_HEADER: "t" * 43}
            answer = client.open(path_of(rule), method=method, headers=headers, **body)
            assert (answer.status_code, answer.mimetype) == (401, MEDIA)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert "Set-Cookie" not in answer.headers


def test_no_key_opens_a_page(api):
    token = api.key("admin")
    client = api.house.server.test_client()
    for path in ("/", "/emission", "/audit", "/users", "/download/overview.csv"):
        answer = client.get(path, headers=bearer(token))
        assert (answer.status_code, answer.headers["Location"][:6]) == (302, "/login")
    answer = client.post("/_dash-update-component", json={}, headers=bearer(token))
    assert answer.status_code == 401
    assert client.post("/internal/command", data=b"{}", headers=bearer(token)).status_code == 404


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v2/ledger", "/api/v1/ledger/",
                                  "/api//v1/ledger", "/api/../audit", "/api/v1/%2e%2e/ledger",
                                  "/api/v1/nothing", "/api/_dash-layout",
                                  "/api/healthz"])  # fmt: skip
def test_what_is_not_there_is_not_found(api, token, path):
    answer = api.house.server.test_client().get(path, headers=bearer(token))
    assert (answer.status_code, answer.mimetype) == (404, MEDIA)


def test_no_other_site_s_page_may_read(api, token):
    for origin in ("https://evil.example", "null", "http://localhost"):
        for method in ("GET", "OPTIONS"):
            answer = ask(api, method, "/v1/ledger", token, Origin=origin,
                         **{"Access-Control-Request-Method": "GET"})  # fmt: skip
            assert not [n for n, _ in answer.headers if n.startswith("Access-Control")]


def test_every_answer_has_its_headers(api, token):
    for method, rule in ROUTES:
        for answer in (ask(api, method, rule), ask(api, method, rule, token)):
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "script-src" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer x", "Bearer x.y",
                                  "Bearer " + "0" * 12 + "." + "a" * 43, "Bearer " + "é" * 9,
                                  "Bearer " + "a" * 100_00])  # fmt: skip
def test_what_is_no_key_is_answered_the_same(api, sent):
    api.gate.lockout = Lockout()
    client = api.house.server.test_client()
    answer = client.get("/api/v1/ledger", headers={"Authorization": sent})
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")


def test_a_wrong_secret_is_told_no_more_than_an_unknown_key(api):
    api.gate.lockout = Lockout()
    token = api.key()
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    unknown = secrets.token_hex(6) + token[12:]
    answers = [api.get("/ledger", one) for one in (wrong, unknown)]
    assert answers[0].data == answers[1].data
    assert answers[0].status_code == 401


def test_expired_revoked_and_from_elsewhere(api):
    old, gone, far = api.key(days=1), api.key(), api.key(addresses=("10.9.0.0/16",))
    state = api.engine.state
    state.api_keys.revoke(gone.split(".")[0], "tester", now())
    clock, later = api.gate.clock, now() + timedelta(days=2)
    before = api.head()
    try:
        api.gate.clock = lambda: later
        assert api.get("/ledger", old).json["code"] == "expired"
    finally:
        api.gate.clock = clock
    assert api.get("/ledger", old).status_code == 200
    assert api.get("/ledger", gone).json["code"] == "revoked"
    answer = api.get("/ledger", far)
    assert (answer.status_code, answer.json["code"]) == (403, "address")
    told = [r.description.split()[0] for r in api.records(before, "api.denied")]
    assert set(told) <= {"expired", "revoked", "address"}
    near = api.key(addresses=("127.0.0.1",))
    assert api.get("/ledger", near).status_code == 200


def test_a_hundred_wrong_keys_are_counted_locked_out_recorded_and_alarmed(api, token):
    api.gate.lockout = Lockout()
    signals = web.door(api.house.server).signals
    signals._recorded.clear()
    signals._counted.clear()
    before = api.head()
    answers = [api.get("/ledger", secrets.token_hex(6) + "." + secrets.token_urlsafe(32))
               for _ in range(100)]  # fmt: skip
    assert [a.status_code for a in answers] == [401] * MOST_WRONG + [429] * (100 - MOST_WRONG)
    assert int(answers[-1].headers["Retry-After"]) > 60
    rows = api.records(before, "api.denied")
    assert 1 <= len(rows) <= 10  # the rest is counted: no flood of records
    assert rows[0].outcome == "denied"
    alarms = [r.object for r in api.records(before, "alarm.security")]
    assert "wrong_api_keys 127.0.0.1" in alarms
    assert api.get("/ledger", token).status_code == 200  # who has a key is not locked out by them
    api.gate.lockout = Lockout()


def test_guessing_one_key_locks_that_key_here(api):
    api.gate.lockout = Lockout()
    token = api.key()
    for _ in range(MOST_WRONG):
        api.get("/ledger", token[:13] + secrets.token_urlsafe(32))
    assert api.get("/ledger", token).status_code == 429
    clock, later = api.gate.clock, now() + LOCKED + timedelta(seconds=1)
    try:
        api.gate.clock = lambda: later
        assert api.get("/ledger", token).status_code == 200
    finally:
        api.gate.clock = clock
        api.gate.lockout = Lockout()


def test_slow_mistakes_lock_nobody_out():
    clock, lockout = Clock(), Lockout()
    for _ in range(3 * MOST_WRONG):
        lockout.wrong("x", clock())
        clock.pass_(minutes=1)
    assert lockout.left_s("x", clock()) == 0


def test_the_rate_of_a_key(api, token):
    api.gate.buckets, kept = Buckets(2), api.gate.buckets
    try:
        found = [api.get("/indicators", token) for _ in range(8)]
        assert [a.status_code for a in found[:4]] == [200] * 4
        assert found[-1].status_code == 429
        assert (found[-1].json["code"], int(found[-1].headers["Retry-After"])) == (
            "rate-limited",
            1,
        )
        other = api.key("read")
        assert api.get("/indicators", other).status_code == 200
    finally:
        api.gate.buckets = kept


def test_a_bucket_by_hand():
    clock, buckets = Clock(), Buckets(10)
    assert [buckets.wait_s("k", clock()) for _ in range(20)] == [0.0] * 20
    assert buckets.wait_s("k", clock()) == pytest.approx(0.1)
    clock.pass_(milliseconds=500)
    assert [buckets.wait_s("k", clock()) for _ in range(5)] == [0.0] * 5
    assert buckets.wait_s("k", clock()) > 0
    clock.pass_(seconds=-100)  # a clock put back gives nothing away
    assert buckets.wait_s("k", clock()) > 0


# What is recorded


def test_what_is_read_is_recorded_once_a_minute_of_a_key_and_an_address(api):
    token, before = api.key("read"), api.head()
    for _ in range(3):
        api.get("/ledger?limit=1", token)
    api.get("/meters", token)
    rows = api.records(before, "api.read")
    assert [r.object for r in rows] == ["/api/v1/ledger", "/api/v1/meters"]
    assert {r.actor for r in rows} == {"api:" + token.split(".")[0]}


def test_another_scope_is_recorded_and_a_batch_is_its_sender_s(api):
    web.door(api.house.server).signals._recorded.clear()
    token, other, before = api.key("ingest:meter"), api.key("ingest:meter"), api.head()
    assert api.get("/ledger", token).status_code == 403
    assert [r.outcome for r in api.records(before, "api.denied")] == ["denied"]
    row = {"meter_id": "G", "timestamp": "2026-03-20T00:00:00", "value": 200000}
    batch = api.post("/readings", token, {"rows": [row]}).json["batch_id"]
    assert api.get(f"/batches/{batch}", token).status_code == 200
    assert api.get(f"/batches/{batch}", other).status_code == 404
    assert api.get(f"/batches/{batch}", api.key("read")).status_code == 200


def test_no_record_no_file_and_no_answer_holds_a_secret(api):
    token = api.key()
    secret = token.split(".")[1]
    api.get("/ledger", token)
    row = {"meter_id": "G", "timestamp": "2026-03-21T00:00:00", "value": 200000}
    api.post("/readings", token, {"rows": [row]})
    for path in api.engine.home.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_health_without_a_key_and_ill(api, monkeypatch):
    assert api.get("/health", "").json == {"status": "ok"}
    from jobs.schedule import Schedule

    monkeypatch.setattr(Schedule, "alive", property(lambda self: False))
    answer = api.get("/health", "")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")


# Languages and the readable page


def test_problems_in_the_language_of_the_reader(api):
    for accepted, word in (("en", "key is needed"), ("zh-CN,zh;q=0.9", "需要接口密钥"),
                           ("fr", "需要接口密钥"), ("", "需要接口密钥")):  # fmt: skip
        answer = api.get("/ledger", "", **{"Accept-Language": accepted})
        assert word in answer.json["detail"], accepted
        assert set(answer.json) == {"type", "title", "status", "detail", "instance", "code",
                                    "retryable", "errors"}  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_specification_and_its_page_speak_it_and_fetch_nothing_from_elsewhere(api, language):
    spec = api.get(f"/openapi.json?lang={language}", "").json
    assert spec["openapi"] == "3.1.0"
    assert spec["servers"] == [{"url": "/api"}]
    chinese = [one for one in words(spec) if any("\u4e00" <= c <= "\u9fff" for c in one)]
    assert (chinese == []) is (language == "en"), chinese
    page = api.get(f"/docs?lang={language}", "").get_data(as_text=True)
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            assert f"<b>{method.upper()}</b> <code>/api{path}</code>" in page
            assert operation["summary"] in page
            assert operation["summary"]
    assert api.get("/docs.css", "").mimetype == "text/css"


def words(tree):
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name in ("description", "summary") and isinstance(value, str):
                yield value
            else:
                yield from words(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from words(value)


def test_requests_at_once_are_each_their_own(api):
    """Who acts is of the request, not of the thread that another one used before."""
    tokens = [api.key("ingest:meter") for _ in range(4)]
    before, answers = api.head(), {}

    def send(number):
        for n in range(5):
            row = {"meter_id": "G", "timestamp": f"2026-03-2{number}T0{n}:00:00", "value": 3e5}
            found = api.post("/readings", tokens[number], {"rows": [row]})
            answers[found.json["batch_id"]] = tokens[number].split(".")[0]

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = api.records(before, "api.push")
    assert {r.object: r.actor for r in rows} == {b: f"api:{p}" for b, p in answers.items()}
    assert len(rows) == 20
