"""The gate: every route for everybody exactly as the roles say, and headers on every answer."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
from collections import Counter
from dataclasses import dataclass

import pytest
from flask import Response
from werkzeug.routing import Rule

from app import ASSETS, PAGES
from security import account_pages
from security.guard import COMMAND
from security.roles import (
    ADMINISTRATORS,
    DEMONSTRATION,
    DISPLAY,
    PAGE_ROLES,
    ROLES,
    may_open,
    role_name,
)
from tests.security.doors import EVERYBODY, NOBODY, SHOWN, allowed, known, log_in, post, small

SUITE = "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>"
# Who gets what: nobody's GET and POST, then the GET and POST of somebody who is in. A page's
# third status is 403 for the roles that may not open it.
KINDS = {
    "command": (404, 404, 404, 404),
    "login": (200, 403, 303, 403),
    "setup": (404, 404, 404, 404),
    "logout": (303, 303, 404, 403),
    "open": (200, 401, 200, 404),
    "link": (404, 401, 404, 404),
    "account": (302, 401, 200, 403),
    "account read": (302, 401, 200, 404),
    "page": (302, 401, 200, 404),
    "session": (401, 401, 200, 404),
    "callback": (401, 401, 404, 400),
    "closed": (302, 401, 404, 404),
    "closed to scripts": (401, 401, 404, 404),
    "api": (404, 404, 404, 404),  # another application, with keys of its own: tests/api
}


EXPORTED = ("overview", "emission", "factors", "closing")


@dataclass(frozen=True)
class Case:
    """An address, what it is, the page whose roles decide, and what these roles are answered."""

    path: str
    kind: str
    page: str = ""
    right: int = 200
    action: str = "open"

    def status(self, who: str, method: str) -> int:
        """What somebody must be answered."""
        signed_in = who != NOBODY
        found = KINDS[self.kind][2 * signed_in + (method == "POST")]
        if self.kind == "login" and who == DEMONSTRATION and method == "GET":
            return 200  # there is an account to come in with
        if who == DISPLAY and self.kind == "login" and method == "GET":
            return 200
        if signed_in and who not in ROLES and self.kind.startswith("account"):
            return 404
        if self.kind == "page" and found == 200:
            return self.right if allowed(who, self.page, self.action) else 403
        return found


def routes(application) -> dict[str, list[Case]]:
    """Every rule that the application has, with addresses for it: what is not here is new."""
    with application.engine.store.read() as cursor:
        # one that the overview shows: administrators may open it too
        [(figure,)] = cursor.execute(
            "SELECT figure_id FROM ledger WHERE current AND grain = 'month' "
            "AND indicator = 'emission' AND dimension = 'site' ORDER BY period LIMIT 1"
        ).fetchall()
        meter = "site={}&meter={}&period=2026-03-02".format(
            *cursor.execute("SELECT site, meter_id FROM meter_number LIMIT 1").fetchone()
        )
    built = {page.path: page for page in PAGES}
    suite = re.search(
        r'"(/_dash-component-suites/[^"]+)"', application.client("analyst").get("/").text
    )
    waiting = [Case(path, "closed") for path in PAGE_ROLES if path not in built]
    strange = ("/nowhere", "/favicon.ico", "/static/app.py", "/api", "/download/nowhere.csv")
    return {
        "/": [Case("/", "page", "/")],
        "/<path:path>": [
            *(Case(path, "page", path) for path in built if path != "/"),
            *waiting,
            *(Case(path, "api" if path == "/api" else "closed") for path in strange),
        ],
        "/healthz": [Case("/healthz", "open")],
        "/internal/command": [Case("/internal/command", "command")],
        "/assets/<path:filename>": [
            Case("/assets/login.css", "open"),
            Case("/assets/30-app.css", "session"),
            Case("/assets/.env", "closed to scripts"),
            Case("/assets/../app.py", "closed to scripts"),
        ],
        SUITE: [
            Case(suite[1], "open"),
            Case("/_dash-component-suites/dash/../app.py", "closed to scripts"),
        ],
        "/_dash-layout": [Case("/_dash-layout", "session")],
        "/_dash-dependencies": [Case("/_dash-dependencies", "session")],
        "/_dash-update-component": [Case("/_dash-update-component", "callback")],
        "/_reload-hash": [Case("/_reload-hash", "closed to scripts")],
        "/_favicon.ico": [Case("/_favicon.ico", "open")],
        "/download/trace/<figure_id>.csv": [
            Case(f"/download/trace/{figure}.csv", "page", "/", action="export")
        ],
        "/download/trace/meter.csv": [
            Case(f"/download/trace/meter.csv?{meter}", "page", "/emission", action="export"),
            Case("/download/trace/meter.csv", "page", "/emission", 404, action="export"),
        ],
        "/download/<page>/<panel>.csv": [
            *(download(application, page, "/none") for page in PAGES),
            *(download(application, page, f"/{p.key}") for page in PAGES for p in page.panels),
            Case("/download/nowhere/panel.csv", "closed"),
        ],
        "/download/<page>.csv": [download(application, page) for page in PAGES],
        "/download/<page>/<panel>.png": [
            *(Case(f"/download/{page.key}/none.png", "page", page.path, 404, "export")
              for page in PAGES),
            Case("/download/nowhere/panel.png", "closed"),
        ],
        "/download/<page>.xlsx": [
            *(download(application, page, ending="xlsx") for page in PAGES),
            Case("/download/nowhere.xlsx", "closed"),
        ],
        "/download/data/interface/<name>.<form>": [
            *(Case(f"/download/data/interface/builtin.rest.{form}", "page", "/data", right,
                   "export")
              for form, right in (("pdf", 200), ("docx", 200), ("html", 200), ("csv", 404))),
            Case("/download/data/interface/none.html", "page", "/data", 404, "export"),
            Case("/download/data/interface/none.exe", "closed"),
        ],
        "/audit/report": [
            Case("/audit/report?month=2026-03", "page", "/audit"),
            Case("/audit/report?month=2026-13", "page", "/audit", 404),
        ],
        "/evidence/<int:evidence>": [
            Case("/evidence/9", "page", "/market", 404, action="export")
        ],
        "/audit/day": [
            Case("/audit/day?day=2026-03-01", "page", "/audit"),
            Case("/audit/day", "page", "/audit", 404),
        ],
        "/login": [Case("/login", "login")],
        "/logout": [Case("/logout", "logout")],
        "/setup": [Case("/setup", "setup")],
        "/demonstration/<token>": [Case(f"/demonstration/{'x' * 32}", "link")],
        "/display/<token>": [Case(f"/display/{'x' * 32}", "link")],
        "/account": [Case("/account", "account read")],
        **{path: [Case(path, "account")] for path in account_pages.PATHS if path != "/account"},
    }  # fmt: skip


def download(application, page, panel="", ending="csv") -> Case:
    """A download; one without numbers is not there even for those who may have it."""
    path = f"/download/{page.key}{panel}.{ending}"
    having = [role for role in ROLES if allowed(role, page.path, "export")]
    right = application.client(having[0]).get(path).status_code if having else 403
    assert right in (200, 404) if having else page.key not in EXPORTED
    return Case(path, "page", page.path, right, "export")


@pytest.fixture(scope="module")
def cases(application):
    return routes(application)


# Roles


def test_every_page_belongs_to_known_roles_and_nobody_has_every_page():
    everything = set(PAGE_ROLES)
    for role in (*ROLES, DEMONSTRATION, DISPLAY):
        assert {page for page in PAGE_ROLES if may_open(role, page)} < everything
        assert role_name(role, "zh") != role_name(role, "en")
    assert set().union(*PAGE_ROLES.values()) == {*ROLES, DEMONSTRATION, DISPLAY}


def test_the_administrators_see_no_business_page_and_exclude_each_other():
    owned = {
        role: {page for page in PAGE_ROLES if may_open(role, page)} - {"/", "/help"}
        for role in ADMINISTRATORS
    }
    assert owned == {
        "sysadmin": {"/ops", "/users"}, "secadmin": {"/users"}, "auditor": {"/audit"}
    }  # fmt: skip
    for page in set().union(*owned.values()):
        assert PAGE_ROLES[page] <= set(ADMINISTRATORS)


def test_an_unknown_role_or_page_opens_nothing():
    assert not any(may_open(role, page) for role in ("", "admin", NOBODY) for page in PAGE_ROLES)
    assert not any(may_open(role, "/audit/") for role in ROLES)


# Every route


def test_every_route_is_classified(application, cases):
    assert {rule.rule for rule in application.server.url_map.iter_rules()} == set(cases)
    for rule in ("/download/<page>.csv", "/download/<page>.xlsx", "/download/<page>/<panel>.csv"):
        assert sum(case.right == 200 for case in cases[rule]) >= 2


@pytest.mark.parametrize("who", EVERYBODY)
def test_every_route_answers_everybody_as_the_roles_say(application, cases, who):
    client, wrong = application.client(who), []
    for case in (case for found in cases.values() for case in found):
        for method in ("GET", "POST"):
            status = client.open(case.path, method=method).status_code
            if status != case.status(who, method):
                wrong.append((case.path, method, status, case.status(who, method)))
    assert wrong == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "X"])
@pytest.mark.parametrize("who", ["sysadmin", NOBODY])
def test_other_methods_are_refused_everywhere(application, cases, who, method):
    client = application.client(who)
    found = {
        (case.path, client.open(case.path, method=method).status_code)
        for group in cases.values()
        for case in group
        if case.kind not in ("command", "api")
    }
    assert {status for _, status in found} == {405}


def test_head_is_judged_as_get(application, cases):
    for who in ("auditor", NOBODY):
        client = application.client(who)
        for case in (case for group in cases.values() for case in group if case.kind != "link"):
            assert client.head(case.path).status_code == case.status(who, "GET"), case


def test_a_new_route_is_refused_until_it_is_classified(application):
    server = application.server
    server.view_functions["new"] = lambda *_: Response("leaked")
    for path in ("/brand-new", "/api/v1/brand-new", "/download/brand/new", "/_dash-brand-new"):
        server.url_map.add(Rule(path, endpoint="new", methods=["GET", "POST"]))
        for who in EVERYBODY:
            for method in ("GET", "POST"):
                answer = application.client(who).open(path, method=method)
                assert "leaked" not in answer.text
                led = who == NOBODY and not path.startswith("/api/")  # that is no page's
                assert answer.status_code in ((302, 401) if led else (404,))


def test_nothing_answers_ahead_of_the_gate(state, clock):
    server = small(state, clock, before=lambda: "leaked")
    assert server.test_client().get("/emission").status_code == 302


def test_the_interface_for_machines_that_dash_can_offer_stays_shut(application):
    for path in ("/_mcp", "/_dash-ws-callback", "/_dash-health", "/_dash-error"):
        assert application.client("sysadmin").get(path).status_code == 404
        assert application.client(NOBODY).get(path).status_code in (302, 401)


# The same path, written otherwise

SPELLINGS = [
    "//emission", "///emission", "/emission/", "/emission//", "/Emission", "/EMISSION",
    "/./emission", "/x/../emission", "/emission/.", "/emission/..", "/emission;x", "/emission\0",
    "/emission ", "/ emission", "/emission\u200b", "/ｅmission", "emission", "/%65mission",
    "/emission%2f", "\\emission", "/emission\r\nX: y", "", "http://localhost/emission",
]  # fmt: skip


def raw(client, path, method="GET"):
    """Ask for a path as the server hands it on: decoded once."""
    environ = {"PATH_INFO": path.encode("utf-8").decode("latin-1")}
    return client.open("/", method=method, environ_overrides=environ)


@pytest.mark.parametrize("path", SPELLINGS)
def test_a_page_has_one_spelling(application, path):
    assert raw(application.client("analyst"), path).status_code == 404
    answer = raw(application.client(NOBODY), path)
    assert answer.status_code == 302
    assert re.fullmatch(r"/login\?next=%2F[\w.%+-]*", answer.headers["Location"])


@pytest.mark.parametrize("path", ["//login", "//setup", "/login/", "/LOGIN", "//assets/login.css",
                                  "//healthz", "//internal/command",
                                  "/internal/command/"])  # fmt: skip
def test_what_is_open_is_open_in_one_spelling(application, path):
    assert raw(application.client(NOBODY), path).status_code == 302
    assert raw(application.client(NOBODY), path, "POST").status_code == 401


def test_an_encoded_page_is_the_page_and_its_roles(application):
    assert application.client("analyst").get("/%65mission").status_code == 200
    assert application.client("sysadmin").get("/%65mission").status_code == 403
    assert application.client(NOBODY).get("/%65mission").status_code == 302


@pytest.mark.parametrize("path", ["/assets/%2e%2e/app.py", "/assets/..%2fapp.py",
                                  "/assets/x/%2e%2e/%2e%2e/settings.py", "/assets/%2e/30-app.css",
                                  "/assets/..%5capp.py", "/assets/%00", "/assets//30-app.css",
                                  "/_dash-component-suites/dash/%2e%2e/%2e%2e/app.py"])  # fmt: skip
def test_no_spelling_leaves_the_folder(application, path):
    assert application.client("analyst").get(path).status_code == 404
    assert application.client(NOBODY).get(path).status_code == 401


@pytest.mark.parametrize("path", ["/\xff", "/emission\xff", "/assets/\xc0\xae\xc0\xae/app.py"])
def test_a_path_that_is_not_utf_8_is_refused(application, path):
    for who, status in (("analyst", 404), (NOBODY, 401)):
        answer = application.client(who).get("/", environ_overrides={"PATH_INFO": path})
        assert answer.status_code == status


# Commands


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_commands_are_answered_over_the_socket_file_alone(application, family):
    with socket.socket(family) as sock:
        answer = application.client(NOBODY).post(
            COMMAND,
            data=b'{"name": "setup", "values": {}}',
            environ_overrides={"gunicorn.socket": sock},
        )
        if family == socket.AF_UNIX:
            assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson")
            assert '{"code": 1}' in answer.text
        else:
            assert answer.status_code == 404


def test_no_header_makes_a_request_look_like_the_socket_file(application):
    headers = {"Gunicorn-Socket": "x", "X-Original-URL": COMMAND, "X-Rewrite-URL": COMMAND}
    for who in (NOBODY, "sysadmin"):
        client = application.client(who)
        assert client.post(COMMAND, data=b"{}", headers=headers).status_code == 404
        assert client.get("/healthz", headers=headers).text == "ok\n"


# Headers

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def policy(answer) -> dict[str, list[str]]:
    parts = [part.split() for part in answer.headers["Content-Security-Policy"].split(";")]
    assert max(Counter(name for name, *_ in parts).values()) == 1
    return {name: values for name, *values in parts}


def assert_guarded(answer):
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["Permissions-Policy"]
    found = policy(answer)
    assert found["frame-ancestors"] == ["'none'"]
    assert found["base-uri"] == ["'none'"]
    assert found["form-action"] == ["'self'"]
    assert found.get("object-src", found["default-src"]) == ["'none'"]
    scripts = found.get("script-src", found["default-src"])
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:", "https:"} & set(scripts)
    assert not [source for values in found.values() for source in values if "://" in source]


def test_every_answer_has_the_headers(application, cases):
    seen = set()
    for who in ("analyst", "auditor", NOBODY):
        client = application.client(who)
        for case in (case for group in cases.values() for case in group):
            for method in ("GET", "POST", "PUT"):
                answer = client.open(case.path, method=method)
                assert_guarded(answer)
                seen.add(answer.status_code)
    assert seen >= {200, 302, 303, 400, 401, 403, 404, 405}


def test_an_error_has_the_headers_and_tells_nothing(state, clock):
    server = small(state, clock)
    server.logger.disabled = True
    known(state, clock, "ops", "sysadmin")
    client = server.test_client()
    log_in(client, "ops")
    # The gate refuses what is not classified, so the fault is behind a page that is.
    server.view_functions["/audit"] = lambda: 1 / 0
    server.view_functions["/"] = lambda: 1 / 0
    answer = client.get("/")
    assert answer.status_code == 500
    assert_guarded(answer)
    assert "ZeroDivisionError" not in answer.text


def test_only_assets_may_be_kept_by_the_browser(application, cases):
    for who in ("analyst", NOBODY):
        client = application.client(who)
        for case in (case for group in cases.values() for case in group):
            kept = case.path.startswith(("/assets/", "/_dash-component-suites/", "/_favicon"))
            found = client.get(case.path).headers.get("Cache-Control", "")
            assert kept or found == "no-store", case


def test_assets_carry_no_cookie(application, cases):
    paths = [c.path for g in cases.values() for c in g if c.kind in ("open", "session")]
    paths += [f"/assets/{path.name}" for path in ASSETS.iterdir()]
    for who in ("analyst", NOBODY):
        client = application.client(who)
        for path in set(paths) - {"/_dash-layout", "/_dash-dependencies"}:
            assert "Set-Cookie" not in client.get(path).headers, path


# What may run

INLINE = re.compile(r"<script(?![^>]*\bsrc=)([^>]*)>(.*?)</script>", re.DOTALL)


def digest(script: str) -> str:
    found = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(found).decode()}'"


@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_dashs_inline_scripts_run_and_no_others(application, path):
    role = min(PAGE_ROLES[path] - {DEMONSTRATION})
    answer = application.client(role).get(path)
    inline = {digest(body) for kind, body in INLINE.findall(answer.text) if "json" not in kind}
    allowed = {source for source in policy(answer)["script-src"] if source.startswith("'sha")}
    assert inline
    assert inline <= allowed
    assert len(allowed) <= 4
    assert set(policy(answer)["script-src"]) - allowed == {"'self'"}


def test_pages_without_a_session_run_no_inline_script_or_style(application):
    for path in ("/login", "/setup"):
        answer = application.client(NOBODY).get(path)
        assert policy(answer)["script-src"] == ["'self'"]
        assert policy(answer)["style-src"] == ["'self'"]
        assert not INLINE.search(answer.text)
        assert not re.search(r"<style|\bstyle=|\son\w+=", answer.text)


def test_pages_without_a_session_use_only_what_is_open(application):
    client = application.client(NOBODY)
    used = set(re.findall(r'(?:src|href)="(/assets/[^"]+)"', client.get("/login").text))
    assert len(used) >= 3
    assert {client.get(path).status_code for path in used} == {200}


def test_the_frame_shows_each_role_only_its_pages(application):
    for role in (*ROLES, DEMONSTRATION, DISPLAY):
        layout = json.dumps(application.client(role).get("/_dash-layout").json)
        shown = {page.path for page in PAGES if f'"data-nav": "{page.path}"' in layout}
        assert shown == {page.path for page in PAGES if allowed(role, page.path)}


def test_signing_out_works_for_every_role(application):
    for who in EVERYBODY[:-1]:
        client = application.client(who)
        home = SHOWN if who == DISPLAY else "/"
        assert client.get(home).status_code == 200
        assert post(client, "/logout").status_code == 303
        assert client.get(home).status_code == 302


@pytest.mark.parametrize("role", ["sysadmin", "secadmin", "auditor"])
def test_administrators_get_no_sheet_of_a_figure_beyond_the_overview(application, role):
    with application.engine.store.read() as cursor:
        [(figure,)] = cursor.execute(
            "SELECT figure_id FROM ledger WHERE current AND indicator = 'electricity' "
            "AND dimension = 'equipment' AND grain = 'month' ORDER BY period, entity LIMIT 1"
        ).fetchall()
    answered = application.client(role).get(f"/download/trace/{figure}.csv")
    assert answered.status_code == 404
