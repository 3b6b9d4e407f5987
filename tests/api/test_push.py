"""What programs bring: taken whole, once, and only what was sent (F16, F17)."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.connectors.base import SpoolBusy
from data.posts import KEYS_KEPT, Posts
from security.api_gate import signed
from tests.api.conftest import bearer, fresh

START = datetime(2026, 3, 1, 0, 15)


def sm3(body):
    return hashlib.new("sm3", body).hexdigest()


def rows(count, begin=START, first=100_000.0):
    return [
        {"meter_id": "G", "timestamp": f"{begin + timedelta(minutes=15 * n):%Y-%m-%dT%H:%M:%S}",
         "value": first + n}
        for n in range(count)
    ]  # fmt: skip


def posted(api):
    return api.engine.arrivals.select("SELECT count(*) FROM posted")[0][0]


# Worked examples


def test_readings_reach_the_store_as_they_were_sent(api, token):
    begin, before = datetime(2026, 3, 2), api.head()
    sent = rows(3, begin) + [
        {"meter_id": "G", "timestamp": "2026-03-02T08:00:00+08:00", "value": 100123.25,
         "quality": "manual"}
    ]  # fmt: skip
    answer = api.post("/readings", token, {"rows": sent})
    assert answer.status_code == 202
    receipt = answer.json
    assert (receipt["accepted"], receipt["rejected"], receipt["duplicate"]) == (4, [], False)
    state = api.settled(receipt["batch_id"], token)
    assert (state["state"], state["outcome"]) == ("loaded", {"held": {}})
    found = api.query(
        "SELECT ts, value, quality FROM reading WHERE batch = ? AND ts < '2026-03-03' ORDER BY ts",
        [state["batch"]],  # several documents are loaded together
    )
    utc = timedelta(hours=8)  # times without an offset are the site's own
    assert found == [
        *((begin + timedelta(minutes=15 * n) - utc, Decimal(f"{100000 + n}.000000"), 0)
          for n in range(3)),
        (datetime(2026, 3, 2), Decimal("100123.250000"), 3),
    ]  # fmt: skip
    assert [r.object for r in api.records(before, "api.push")] == [receipt["batch_id"]]


def test_a_row_is_refused_by_place_column_value_reason_and_remedy(api, token):
    sent = [*rows(1, datetime(2026, 3, 3)),
            {"meter_id": "X", "timestamp": "2026-03-03T00:30:00", "value": 1},
            {"meter_id": "G", "timestamp": "2026-02-31T00:30:00", "value": 1}]  # fmt: skip
    answer = api.post("/readings", token, {"rows": sent}, **{"Accept-Language": "en"})
    assert answer.json["accepted"] == 1
    told = {one["index"]: one for one in answer.json["rejected"]}
    assert {n: (one["column"], one["value"]) for n, one in told.items()} == {
        1: ("meter_id", "X"), 2: ("timestamp", "2026-02-31T00:30:00")}  # fmt: skip
    assert told[1]["reason"] == "There is no such meter"
    assert all(one["remedy"] and one["detail"] for one in told.values())


def test_nothing_good_is_answered_and_kept_as_refused(api, token):
    answer = api.post("/readings", token, {"rows": [
        {"meter_id": "X", "timestamp": "2026-03-03T00:30:00", "value": 1}]})  # fmt: skip
    assert (answer.status_code, answer.json["accepted"]) == (202, 0)
    assert api.get(f"/batches/{answer.json['batch_id']}", token).json["state"] == "refused"


def test_batches_outputs_and_prices(api, token):
    batches = [{"batch_id": "API-1", "site": "S1", "date": "2026-02-03", "line": "conductor",
                "mass_in_t": 12.5, "residue_t": 0.5}]  # fmt: skip
    outputs = [{"batch_id": "API-1", "material": "aluminium", "mass_t": 9.125},
               {"batch_id": "API-1", "material": "steel", "mass_t": 2.5}]  # fmt: skip
    prices = [{"date": "2026-02-03", "instrument": "CCER", "volume_t": 1000, "turnover_cny": 80500,
               "close_cny": 81.2, "source": "exchange"},
              {"date": "2026-02-04", "instrument": "CCER", "volume_t": 0,
               "turnover_cny": 5}]  # fmt: skip
    one = api.post("/production/batches", token, {"rows": batches})
    two = api.post("/production/outputs", token, {"rows": outputs})  # its batch may still wait
    three = api.post("/market/prices", token, {"rows": prices})
    assert [a.status_code for a in (one, two, three)] == [202] * 3
    assert [a.json["accepted"] for a in (one, two, three)] == [1, 2, 1]
    assert three.json["rejected"][0]["column"] == "turnover_cny"
    for answer, new in ((one, 1), (two, 2), (three, 1)):
        state = api.settled(answer.json["batch_id"], token)
        assert (state["state"], state["outcome"]["new"]) == ("loaded", new)
    assert api.query("SELECT site, mass_in_t FROM record_batches WHERE batch_id = 'API-1'") == [
        ("S1", Decimal("12.500000"))]  # fmt: skip
    assert api.query("SELECT sum(mass_t) FROM record_outputs WHERE batch_id = 'API-1'") == [
        (Decimal("11.625000"),)]  # fmt: skip
    assert api.query("SELECT turnover_cny, source FROM record_prices WHERE volume_t = 1000") == [
        (Decimal("80500.000000"), "exchange")]  # fmt: skip


def test_the_same_row_under_another_key_changes_nothing_and_another_value_corrects(api, token):
    row = {"batch_id": "API-2", "site": "S1", "date": "2026-02-03", "line": "cable",
           "mass_in_t": 3}  # fmt: skip
    outcomes = []
    for change in ({}, {}, {"mass_in_t": 4}):
        answer = api.post("/production/batches", token, {"rows": [row | change]})
        outcome = api.settled(answer.json["batch_id"], token)["outcome"]
        outcomes.append([outcome[name] for name in ("new", "same", "corrections")])
    assert outcomes == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_a_reading_from_the_future_is_taken_and_held_back(api, token):
    ahead = datetime.now(UTC) + timedelta(hours=2)
    answer = api.post("/readings", token, {"rows": [
        {"meter_id": "G", "timestamp": f"{ahead:%Y-%m-%dT%H:%M:%SZ}", "value": 1}]})  # fmt: skip
    assert api.settled(answer.json["batch_id"], token)["outcome"] == {"held": {"future": 1}}


def test_a_sender_that_tells_its_clock_is_judged_by_it(api, token):
    slow = datetime.now(UTC) - timedelta(hours=1)
    sent = rows(1, datetime(2026, 3, 4))
    answer = api.post("/readings", token,
                      {"sent_at": f"{slow:%Y-%m-%dT%H:%M:%SZ}", "rows": sent})  # fmt: skip
    batch = api.settled(answer.json["batch_id"], token)["batch"]
    assert api.query(
        "SELECT quality FROM reading WHERE batch = ? AND ts = '2026-03-03 16:00'", [batch]
    ) == [(1,)]


# Strict types


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"value": False}, "value"),
        ({"value": "1"}, "value"),
        ({"value": None}, "value"),
        ({"timestamp": 46265}, "timestamp"),
        ({"timestamp": 0}, "timestamp"),
        ({"timestamp": "2026-03-01"}, "timestamp"),
        ({"timestamp": "٢٠٢٦-03-01T00:00"}, "timestamp"),
        ({"meter_id": 5}, "meter_id"),
        ({"meter_id": ""}, "meter_id"),
        ({"meter_id": "G\u0000"}, "meter_id"),
        ({"quality": "fine"}, "quality"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_not_of_its_type_is_refused_whole(api, token, change, column):
    before = posted(api)
    answer = api.post("/readings", token, {"rows": [rows(1)[0] | change]})
    assert answer.status_code == 422
    error = answer.json["errors"][0]
    assert (error["index"], error["column"]) == (0, column)
    assert error["reason"]
    assert error["remedy"]
    assert posted(api) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"rows": [{"meter_id": "G", "timestamp": "2026-03-01T00:15", "value": NaN}]}', 400),
        (b'{"rows": [{"meter_id": "G", "timestamp": "2026-03-01T00:15", "value": Infinity}]}', 400),
        (b'{"rows": [{"meter_id": "\\ud800", "timestamp": "2026-03-01T00:15", "value": 1}]}', 400),
        (b"[" * 200_000, 400),
        (b'{"rows": ' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}", 400),
        ('{"rows": []}'.encode("utf-16"), 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'{"rows": []}', 422),
        (b'{"rows": {}}', 422),
        (json.dumps({"rows": rows(1001)}).encode(), 422),
        (b" " * (1 << 20) + b"{}", 413),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else str(value),
)
def test_a_body_that_is_none_is_refused(api, token, body, status):
    before = posted(api)
    answer = api.post("/readings", token, body)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["status"] == status
    assert posted(api) == before


def test_media_type_and_packing(api, token):
    body = json.dumps({"rows": rows(1)}).encode()
    for headers in ({"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"},
                    {"Content-Type": "application/x-www-form-urlencoded"}):  # fmt: skip
        assert api.post("/readings", token, body, **headers).status_code == 415


# Once (F17)


def test_the_same_key_and_body_is_one_batch_and_another_body_a_conflict(api, token):
    document, key, before = {"rows": rows(2, datetime(2026, 3, 5))}, fresh(), api.head()
    first = api.post("/readings", token, document, key)
    again = api.post("/readings", token, document, key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json == first.json | {"duplicate": True}
    other = api.post("/readings", token, {"rows": rows(2, datetime(2026, 3, 5), 1.0)}, key)
    assert (other.status_code, other.json["code"]) == (409, "idempotency-conflict")
    assert api.settled(first.json["batch_id"], token)["state"] == "loaded"
    assert len(api.records(before, "api.push")) == 1
    mine = api.key()  # the same words of another client are another key
    assert api.post("/readings", mine, document, key).json["duplicate"] is False


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, "ü"])
def test_an_idempotency_key_is_needed(api, token, key):
    client = api.house.server.test_client()
    headers = bearer(token) | {"Idempotency-Key": key}
    answer = client.post("/api/v1/readings", json={"rows": rows(1)}, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency-key")


def test_many_senders_of_one_document_make_one_batch(api, token):
    document, key, before = {"rows": rows(5, datetime(2026, 3, 6))}, fresh(), api.head()
    answers, gate = [], threading.Barrier(8)

    def send():
        gate.wait()
        answers.append(api.post("/readings", token, document, key))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} == {202}
    assert len({a.json["batch_id"] for a in answers}) == 1
    assert sorted(a.json["duplicate"] for a in answers) == [False] + [True] * 7
    assert len(api.records(before, "api.push")) == 1


def test_a_key_may_be_used_again_after_a_week(api, token):
    document, key = {"rows": rows(1, datetime(2026, 3, 7))}, fresh()
    first = api.post("/readings", token, document, key).json["batch_id"]
    past = KEYS_KEPT + timedelta(minutes=1)
    with api.engine.arrivals.transaction() as connection:
        connection.execute("UPDATE posted SET received_us = received_us - ? WHERE id = ?",
                           (past // timedelta(microseconds=1), first))  # fmt: skip
    other = api.post("/readings", token, {"rows": rows(1, datetime(2026, 3, 7), 7.0)}, key)
    assert (other.status_code, other.json["duplicate"]) == (202, False)
    assert api.get(f"/batches/{first}", token).status_code == 200


# Only what was sent (F16)


def test_one_changed_bit_anywhere_is_refused_and_the_resend_taken(api, token):
    body = json.dumps({"rows": rows(1, datetime(2026, 3, 8))}).encode()
    before, key = posted(api), fresh()
    for at in range(0, len(body) * 8, 37):
        changed = bytearray(body)
        changed[at // 8] ^= 1 << at % 8
        answer = api.post("/readings", token, bytes(changed), key, **{"X-Content-SM3": sm3(body)})
        assert (answer.status_code, answer.json["code"]) == (422, "digest-mismatch")
        assert answer.json["retryable"] is True
    assert posted(api) == before
    answer = api.post("/readings", token, body, key, **{"X-Content-SM3": sm3(body).upper()})
    assert (answer.status_code, answer.json["digest_verified"]) == (202, True)
    assert posted(api) == before + 1


def signature(token, body, *, ts=None, nonce=None, path="/api/v1/readings", method="POST",
              keyid=None):  # fmt: skip
    prefix, secret = token.split(".")
    ts = str(int(time.time())) if ts is None else str(ts)
    nonce = nonce or f"nonce-{fresh():->16}"
    sig = signed(secret, method, path, ts, nonce, sm3(body))
    return {"X-Signature": f"SM3-HMAC keyid={keyid or prefix},ts={ts},nonce={nonce},sig={sig}"}


def test_the_signature_is_the_one_of_the_note(api, token):
    """By hand: HMAC-SM3 over method, path, time, nonce and digest, a line each."""
    import hmac

    words = b"POST\n/api/v1/readings\n1772323200\nabcdefghijklmnop\n" + sm3(b"{}").encode()
    expected = hmac.new(b"secret", words, "sm3").hexdigest()
    assert signed("secret", "POST", "/api/v1/readings", "1772323200", "abcdefghijklmnop",
                  sm3(b"{}")) == expected  # fmt: skip


def test_a_signed_message_is_taken_once(api, token):
    body = json.dumps({"rows": rows(1, datetime(2026, 3, 9))}).encode()
    headers, key = signature(token, body), fresh()
    answer = api.post("/readings", token, body, key, **headers)
    assert (answer.status_code, answer.json["digest_verified"]) == (202, True)
    replayed = api.post("/readings", token, body, fresh(), **headers)
    assert (replayed.status_code, replayed.json["code"]) == (422, "nonce-replayed")
    again = api.post("/readings", token, body, key, **signature(token, body))
    assert (again.status_code, again.json["duplicate"]) == (202, True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ts": int(time.time()) - 301 - 600}, "signature-expired"),
        ({"ts": int(time.time()) + 301 + 600}, "signature-expired"),
        ({"path": "/api/v1/market/prices"}, "digest-mismatch"),
        ({"method": "GET"}, "digest-mismatch"),
        ({"keyid": "0" * 12}, "digest-mismatch"),
    ],
)
def test_a_signature_of_another_time_place_or_key_is_refused(api, token, change, code):
    body, before = json.dumps({"rows": rows(1)}).encode(), posted(api)
    answer = api.post("/readings", token, body, **signature(token, body, **change))
    assert (answer.status_code, answer.json["code"]) == (422, code)
    other = api.post("/readings", token, body + b" ", **signature(token, body))
    assert other.json["code"] == "digest-mismatch"
    assert api.post("/readings", token, body, **{"X-Signature": "SM3-HMAC x"}).status_code == 422
    assert posted(api) == before


# Acknowledged = committed


def test_a_busy_spool_is_answered_with_when_to_come_again(api, token, monkeypatch):
    monkeypatch.setattr(Posts, "_require_room",
                        lambda *_words: (_ for _ in ()).throw(SpoolBusy(7.2)))  # fmt: skip
    key = fresh()
    answer = api.post("/readings", token, {"rows": rows(1, datetime(2026, 3, 10))}, key)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "8")
    assert answer.json["retryable"] is True
    monkeypatch.undo()
    answer = api.post("/readings", token, {"rows": rows(1, datetime(2026, 3, 10))}, key)
    assert (answer.status_code, answer.json["duplicate"]) == (202, False)


@pytest.mark.parametrize("kind", ["readings", "production/batches"])
def test_a_full_spool_takes_nothing_more(api, token, monkeypatch, kind):
    monkeypatch.setattr("data.posts.MOST_WAITING", 0)
    monkeypatch.setattr("data.pushes.MOST_WAITING", -1)
    monkeypatch.setattr(Posts.__init__, "__defaults__", (-1,))
    from data.pushes import Pushes

    monkeypatch.setattr(Pushes.__init__, "__defaults__", (-1,))
    document = {"rows": rows(1)} if kind == "readings" else {
        "rows": [{"batch_id": "B", "site": "S1", "date": "2026-02-03", "line": "cable",
                  "mass_in_t": 1}]}  # fmt: skip
    before = posted(api), api.head()
    answer = api.post(f"/{kind}", token, document)
    assert (answer.status_code, answer.json["code"]) == (503, "busy")
    assert int(answer.headers["Retry-After"]) >= 1
    assert (posted(api), len(api.records(before[1], "api.push"))) == (before[0], 0)


def test_too_little_space_is_answered_with_a_word(api, token, monkeypatch):
    usage = shutil.disk_usage(api.engine.home)
    monkeypatch.setattr("data.engine.shutil.disk_usage",
                        lambda _path: usage._replace(free=1 << 20))  # fmt: skip
    before = posted(api)
    answer = api.post("/readings", token, {"rows": rows(1)})
    assert (answer.status_code, answer.json["code"]) == (503, "disk-full")
    assert "MB" in answer.json["detail"]
    assert posted(api) == before


def test_what_cannot_be_recorded_is_not_taken(api, token, monkeypatch):
    before = posted(api)

    def fails(*_words):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(type(api.engine.state.audit), "record_all", fails)
    answer = api.post("/readings", token, {"rows": rows(1)})
    assert answer.status_code == 503
    monkeypatch.undo()
    assert posted(api) == before


def test_a_failure_shows_no_traceback(api, token, monkeypatch, caplog):
    monkeypatch.setattr("api.writes.judged", lambda *_words: 1 / 0)
    answer = api.post("/readings", token, {"rows": rows(1)})
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert "ZeroDivision" not in answer.text
    assert "Traceback" not in answer.text
    assert "ZeroDivisionError" in caplog.text  # nor swallowed


# Properties


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(value=st.floats(-1e11, 1e11, allow_nan=False).map(lambda v: round(v, 6)))
def test_a_value_comes_back_exactly(api, token, value):
    before = api.engine.posts
    answer = api.post("/readings", token, {"rows": [
        {"meter_id": "G", "timestamp": "2026-04-01T00:00:00", "value": value}]})  # fmt: skip
    assert answer.json["accepted"] == 1
    kept = before._file.select("SELECT payload FROM pushed WHERE key = ?", answer.json["batch_id"])
    assert float(json.loads(kept[0][0])[0][2]) == value
