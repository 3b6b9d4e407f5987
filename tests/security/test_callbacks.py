"""Callbacks posted by hand: another's page, a forged address, other ids, bodies of any kind."""

from __future__ import annotations

import io
import json

import pytest

from app import PAGES
from security.body import DEEPEST, LONGEST_BYTES, Malformed, depth, parsed
from security.guard import CALLBACK, GuardRules
from security.roles import DEMONSTRATION, DISPLAY, PAGE_ROLES
from tests.security.doors import (
    EVERYBODY,
    NOBODY,
    allowed,
    asked,
    known,
    log_in,
    page_key,
    send,
    small,
)

# Callbacks of the frame, which every session may call; any other must name its page.
FRAME = {
    "main.children",
    "..breadcrumb.children...freshness.children...nav-foot.children...alarms.children..",
    "drawer.children",
}
PATHS = {page.key: page.path for page in PAGES}
CHANGES = '"part":"act-'  # how the parts are named that a changing callback answers to
ROUTED = "main.children"
FORGED = ["//emission", "/emission/", "/Emission", "/emission?x=1", "/./emission", "emission", "",
          "/emission\0", "/%65mission", "/ops", "/nowhere"]  # fmt: skip
ODD = [1, 1.5, True, [], ["/"], {}, {"x": 1}, float("nan"), float("inf"), 10**400, "\ud800", "\0",
       "?from=9999-99&to=0000-00", "?from=0001-01&to=9999-12", "?%ff=%fe", "?" + "a=b&" * 20_000,
       "?site=' OR 1=1 --", "?table=../../etc/passwd", {"figure": ["x"]}, {"figures": 5},
       {"figures": "indicator=x&from=a"}, {"figures": "=", "value": "1e999"},
       {"figure": "0" * 20}, {"figures": "'; DROP TABLE ledger; --"}]  # fmt: skip


@pytest.fixture(autouse=True)
def _quick(work):
    """Every hash with one round."""


@pytest.fixture(scope="module")
def served(application):
    """Callbacks that the server runs, by output."""
    return {e["output"]: e for e in application.dependencies if not e["clientside_function"]}


@pytest.fixture(scope="module")
def routed(served):
    return served[ROUTED]


def test_every_callback_belongs_to_a_page_or_to_the_frame(served):
    loose = {output for output in served if page_key(output) is None}
    assert loose == FRAME
    assert {page_key(output) for output in served} - {None} == set(PATHS)


@pytest.mark.parametrize("who", EVERYBODY)
def test_every_callback_answers_everybody_as_the_roles_say(application, served, who):
    client, wrong = application.client(who), []
    for output, entry in served.items():
        status = send(client, asked(entry)).status_code
        key = page_key(output)
        wanted = 401 if who == NOBODY else 200 if not key or allowed(who, PATHS[key]) else 403
        if who in (DEMONSTRATION, DISPLAY) and CHANGES in output:
            wanted = 403
        if who == DISPLAY and output == "drawer.children":
            wanted = 403
        if status != wanted:
            wrong.append((output[:60], status, wanted))
    assert wrong == []


@pytest.mark.parametrize("who", EVERYBODY)
def test_the_router_shows_each_role_its_pages_and_no_others(application, served, who):
    client, built = application.client(who), {page.path for page in PAGES}
    for output in FRAME:
        entry = served[output]
        if not any(one["property"] == "pathname" for one in entry["inputs"]):
            continue
        for path in PAGE_ROLES:
            answer = send(client, asked(entry, {"pathname": path}))
            if who == NOBODY:
                assert answer.status_code == 401
            elif path not in built:
                assert answer.status_code == 404, path
            else:
                assert answer.status_code == (200 if allowed(who, path) else 403), path
            assert ("data-page" in answer.text) <= allowed(who, path)


@pytest.mark.parametrize("path", FORGED)
def test_a_forged_address_shows_nothing(application, routed, path):
    for who in ("sysadmin", "analyst"):
        answer = send(application.client(who), asked(routed, {"pathname": path}))
        assert answer.status_code == 404
        assert answer.json == {"error": "unknown"}


@pytest.mark.parametrize("path", [1, True, ["/emission"], {"x": "/emission"}, 1.5, "\ud800"])
def test_an_address_that_is_no_text_shows_nothing(application, routed, path):
    body = asked(routed)
    body["inputs"][0]["value"] = path
    assert send(application.client("analyst"), body).status_code == 400


def test_a_second_address_is_not_slipped_in(application, routed):
    client = application.client("sysadmin")
    for path in ("/emission", "/"):
        body = asked(routed, {"pathname": "/"})
        body["inputs"].append(body["inputs"][0] | {"value": path})
        assert send(client, body).status_code == 400
        body = asked(routed, {"pathname": "/"})
        body["state"].append(body["inputs"][0] | {"value": path})
        assert send(client, body).status_code == 400


def test_a_repeated_key_counts_once_for_gate_and_dash_alike(application, routed):
    open_, closed = (asked(routed, {"pathname": path}) for path in ("/", "/emission"))
    client = application.client("sysadmin")
    for first, last, status in ((open_, closed, 403), (closed, open_, 200)):
        inputs = json.dumps(last["inputs"])
        body = json.dumps(first)[:-1] + f', "inputs": {inputs}}}'
        answer = send(client, body)
        assert answer.status_code == status
        assert '"emission"' not in answer.text


def test_the_outputs_of_another_callback_are_refused(application, served):
    client = application.client("sysadmin")
    for mine in served.values():
        for other in served.values():
            if mine is not other:
                body = asked(mine) | {"outputs": asked(other)["outputs"]}
                assert send(client, body).status_code in (400, 403)
                body = asked(mine) | {"output": other["output"]}
                assert send(client, body).status_code in (400, 403)


def test_outputs_in_another_order_are_refused(application, served):
    client = application.client("analyst")
    for entry in served.values():
        body = asked(entry)
        if isinstance(body["outputs"], list):
            body["outputs"] = body["outputs"][::-1]
            assert send(client, body).status_code == 400


def test_too_few_or_too_many_outputs_are_refused(application, served):
    client = application.client("analyst")
    for entry in served.values():
        outputs = asked(entry)["outputs"]
        if isinstance(outputs, list):
            for other in (outputs[:-1], [*outputs, outputs[0]], []):
                assert send(client, asked(entry) | {"outputs": other}).status_code == 400


@pytest.mark.parametrize("changed", [{"id": "main"}, {"property": "href"}, {"id": {"x": 1}},
                                     {"id": None}, {"property": ["pathname"]}])  # fmt: skip
def test_the_inputs_must_be_the_registered_ones(application, routed, changed):
    body = asked(routed, {"pathname": "/"})
    body["inputs"][0] |= changed
    assert send(application.client("analyst"), body).status_code == 400


@pytest.mark.parametrize("output", ["", "..", "....", "main", "main.children.", "nothing.children",
                                    "_pages_content.children", '{"page":"x"}.children',
                                    "..main.children..", "main.children@0"])  # fmt: skip
def test_an_unknown_output_is_refused(application, routed, output):
    for who in ("analyst", "sysadmin"):
        answer = send(application.client(who), asked(routed) | {"output": output})
        assert answer.status_code == 404


def test_what_only_runs_in_the_browser_does_not_run_here(application):
    own = [e for e in application.dependencies if e["clientside_function"]]
    assert own
    for entry in own:
        assert send(application.client("analyst"), asked(entry)).status_code == 404


# Bodies of any kind: refused in one line, never a fault

BODIES = [
    b"", b"null", b"[]", b"1", b'"x"', b"{", b"{}", b'{"output": 1}', b'{"output": null}',
    b'{"output": ["main.children"]}', b'{"output": "main.children"', b"\xff\xfe{\x00}\x00",
    b'{"output": "\xff"}', b"\xef\xbb\xbf{}", b"{}" * 2, b"[" * 200_000, b'{"a":' * 200_000,
    b'{"output": "main.children", "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b'{"output": "main.children", "x": ' + b"9" * 5000 + b"}",
    b'{"output": "main.children", "inputs": [' + b"{}," * 1000 + b"{}]}",
    '{"output": "main.children"}'.encode("utf-16"), '{"output": "main.children"}'.encode("utf-32"),
    b"output=main.children", b"a" * 100_000, b"\0" * 1000,
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:24]))
def test_a_malformed_body_is_refused(application, body):
    answer = send(application.client("analyst"), body)
    assert answer.status_code == 400
    assert answer.json == {"error": "malformed"}
    assert send(application.client(NOBODY), body).status_code == 401


@pytest.mark.parametrize("key", ["output", "outputs", "inputs", "state", "changedPropIds"])
@pytest.mark.parametrize("value", [None, 1, "x", {}, [None], [[]], [{}], [{"id": 1}]])
def test_a_part_of_another_kind_is_refused(application, served, key, value):
    for entry in served.values():
        body = asked(entry) | {key: value}
        assert send(application.client("analyst"), body).status_code in (400, 404)


@pytest.mark.parametrize("key", ["output", "outputs", "inputs"])
def test_a_missing_part_is_refused(application, served, key):
    for entry in served.values():
        body = asked(entry)
        del body[key]
        assert send(application.client("analyst"), body).status_code == 400


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:24])
def test_no_value_breaks_a_callback(application, served, value):
    for who in ("analyst", "secadmin", "auditor"):
        client = application.client(who)
        for output, entry in served.items():
            key = page_key(output)
            if key and not allowed(who, PATHS[key]):
                continue
            body = asked(entry)
            for one in body["inputs"]:
                if isinstance(one, dict):
                    one["value"] = value
            refused = (403,) if CHANGES in output else ()  # a page's act may be another role's
            assert send(client, body).status_code in (200, 400, 404, *refused)


def test_a_body_over_the_limit_is_refused_whatever_is_in_it(application, routed):
    client = application.client("analyst")
    good = json.dumps(asked(routed, {"pathname": "/"}))
    assert send(client, good.ljust(LONGEST_BYTES)).status_code == 200
    assert send(client, good.ljust(LONGEST_BYTES + 1)).status_code == 400


def test_a_body_over_the_limit_is_not_read(application):
    body = io.BytesIO(b" " * (LONGEST_BYTES + 1))
    sent = {"wsgi.input": body, "CONTENT_LENGTH": str(LONGEST_BYTES + 1)}
    answer = application.client("analyst").post(CALLBACK, environ_overrides=sent)
    assert answer.status_code == 400
    assert body.tell() == 0


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded",
                                  "multipart/form-data; boundary=x"])  # fmt: skip
def test_what_a_form_of_another_site_could_send_is_not_taken(application, routed, kind):
    body = json.dumps(asked(routed, {"pathname": "/"}))
    answer = send(application.client("analyst"), body, **{"Content-Type": kind})
    assert answer.status_code == 415


# What a callback changes


def test_a_callback_needs_the_token_of_its_cookie(application, routed, monkeypatch):
    client = application.client("analyst")
    for token in ("", "x" * 43, "ü"):
        assert send(client, asked(routed), **{"X-CSRF-Token": token}).status_code == 403
    assert send(client, asked(routed)).status_code != 403
    monkeypatch.setattr("security.web.csrf_right", lambda sent=None: True)  # without the defence
    assert send(client, asked(routed), **{"X-CSRF-Token": ""}).status_code != 403


def test_a_demonstration_calls_nothing_that_changes_anything(state, clock):
    record = {"inputs": [], "state": [], "callback": None, "no_output": True}
    rules = GuardRules(
        outputs=lambda: {"read.x": record, "write.x": record},
        changes=lambda output: output == "write.x",
    )
    server = small(state, clock, rules=rules, site=lambda: True)
    known(state, clock)
    for demonstration, status in ((True, 403), (False, 200)):
        client = server.test_client()
        if demonstration:
            token = server.extensions["security"].sessions.open_demonstration("")
            client.set_cookie("sid", token)
        else:
            log_in(client)
        assert send(client, {"output": "read.x"}).status_code == 200
        assert send(client, {"output": "write.x"}).status_code == status


# Reading a body


def test_a_body_is_no_deeper_than_a_page_would_send(application, routed):
    client, body = application.client("analyst"), asked(routed, {"pathname": "/"})
    for deep, status in ((DEEPEST - 1, 200), (DEEPEST, 400)):
        nested = json.loads("[" * deep + "]" * deep)
        assert send(client, body | {"extra": nested}).status_code == status


def test_depth_counts_brackets_and_not_what_is_quoted():
    assert depth(b'{"a": [1, "[[[[[[["]}') <= DEEPEST
    for deep in (DEEPEST, DEEPEST + 1, 1000):
        assert (depth(b"[" * deep + b"]" * deep) > DEEPEST) == (deep > DEEPEST)
    wide = b"[" + b"[]," * 10_000 + b"[]]"
    assert depth(wide) == 2
    quoted = b'["' + b"[" * 10_000 + b'\\"' + b"[" * 100 + b'"]'
    assert depth(quoted) == 1


def test_depth_takes_no_time_over_a_long_body():
    with pytest.raises(Malformed):
        parsed(b'"' + b"\\" * (LONGEST_BYTES - 1))
    with pytest.raises(Malformed):
        parsed(b'["' * (LONGEST_BYTES // 2))
