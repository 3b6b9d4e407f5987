"""The forms: their token, other sites' requests, where one goes afterwards, what they repeat."""

from __future__ import annotations

import io

import pytest

from security.first import setup_code
from security.guard import CALLBACK
from security.web import LARGEST_FORM, safe_next
from tests.security.doors import PASSWORD, csrf, known, log_in, post, rows, small


@pytest.fixture(autouse=True)
def _quick(work):
    """Every hash with one round."""


@pytest.fixture
def server(state, clock):
    known(state, clock)
    return small(state, clock)


def signed_in(server):
    client = server.test_client()
    log_in(client)
    return client


# The token


@pytest.mark.parametrize("sent", [None, "", "x" * 43, "\ud800".encode("utf-8", "surrogatepass")])
def test_no_login_without_the_token(server, sent, tmp_path):
    client = server.test_client()
    csrf(client)
    fields = {"username": "chen.jing", "password": PASSWORD}
    answer = client.post("/login", data=fields | ({} if sent is None else {"csrf_token": sent}))
    assert answer.status_code == 403
    assert client.get_cookie("sid") is None
    assert rows(tmp_path, "SELECT * FROM attempt") == []


@pytest.mark.parametrize("cookie", ["", "short", "x" * 44, "é" * 43 + "!"])
def test_the_token_needs_its_cookie_and_that_its_form(server, cookie):
    client = server.test_client()
    client.set_cookie("csrf", cookie)
    fields = {"username": "chen.jing", "password": PASSWORD, "csrf_token": cookie}
    assert client.post("/login", data=fields).status_code == 403


def test_no_logout_without_the_token(server):
    client = signed_in(server)
    assert client.post("/logout").status_code == 403
    assert client.post("/logout", data={"csrf_token": "x" * 43}).status_code == 403
    assert client.get("/logout").status_code == 404
    assert client.get("/").status_code == 200


def test_no_setup_without_the_token(state, clock):
    client = small(state, clock).test_client()
    code = setup_code(state, clock())
    assert client.post("/setup", data={"code": code}).status_code == 403
    assert state.accounts.everyone() == []


# Other sites

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "nonsense"},
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://evil.example:80"},
    {"Origin": "http://localhost:8051"},
    {"Origin": "http://localhost@evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "file://localhost"},
    {"Origin": "http://["},
    {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_request_of_another_site_changes_nothing(server, headers, tmp_path):
    client = signed_in(server)
    assert post(client, "/logout", headers=headers).status_code == 403
    assert client.post(CALLBACK, json={"output": "x"}, headers=headers).status_code == 403
    assert client.get("/").status_code == 200
    stranger = server.test_client()
    fields = {"username": "chen.jing", "password": "wrong"}
    assert post(stranger, "/login", headers=headers, **fields).status_code == 403
    assert post(stranger, "/setup", headers=headers).status_code == 403
    assert rows(tmp_path, "SELECT * FROM attempt") == []


@pytest.mark.parametrize("headers", [
    {"Origin": "http://localhost"}, {"Origin": "http://LOCALHOST:80"},
    {"Origin": "https://localhost"},  # a proxy ends TLS
    {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"},
], ids=str)  # fmt: skip
def test_the_pages_own_requests_pass(server, headers):
    client = server.test_client()
    assert log_in(client, headers=headers).status_code == 303
    assert post(client, "/logout", headers=headers).status_code == 303


# Where to go

ELSEWHERE = [
    "//evil.example", "///evil.example", "////evil.example/x", "/\\evil.example",
    "\\\\evil.example", "\\/evil.example", "/x\\..\\evil", "http://evil.example",
    "https:evil.example", "http:/evil",
    "javascript:alert(1)", "data:text/html,x", "evil.example", "@evil.example", ".evil.example",
    "/\tevil.example", "/\n/evil.example", "/\r\nSet-Cookie: sid=x", "\t//evil.example",
    " //evil.example", "/\0", "/\u2028", "/\u202e", "/x\x7f", "/\x85/evil", "", " ", "x" * 10,
    "/" + "x" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("wanted", ELSEWHERE, ids=repr)
def test_the_login_leads_nowhere_else(server, wanted):
    assert safe_next(wanted) is None
    client = server.test_client()
    page = client.get("/login", query_string={"next": wanted}).text
    assert 'name="next"' not in page
    assert "next=" not in page
    answer = log_in(client, next=wanted)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert len(answer.headers.getlist("Set-Cookie")) == 2
    again = client.get("/login", query_string={"next": wanted})
    assert again.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/emission?from=2026-01&to=2026-03", "/emission?from=2026-01&to=2026-03"),
        ("/emission?site=廊坊", "/emission?site=%E5%BB%8A%E5%9D%8A"),
        ("/.//evil.example", "/.//evil.example"),  # a path of this host however it is read
    ],
)
def test_the_login_leads_back_to_where_one_was(server, wanted, location):
    client = server.test_client()
    client.get("/login", query_string={"next": wanted})
    assert log_in(client, next=wanted).headers["Location"] == location


def test_where_one_was_survives_a_wrong_password_and_another_language(server):
    client = server.test_client()
    answer = log_in(client, password="wrong", next="/emission?from=2026-01")
    assert 'name="next" value="/emission?from=2026-01"' in answer.text
    assert 'href="/login?lang=en&amp;next=%2Femission%3Ffrom%3D2026-01"' in answer.text


@pytest.mark.parametrize("path", ["/emission?a=1&b=2", "/x?next=//evil", "/%E5%BB%8A", "//evil"])
def test_who_is_not_in_is_led_to_the_login_of_this_service(server, path):
    environ = {"PATH_INFO": path.partition("?")[0], "QUERY_STRING": path.partition("?")[2]}
    answer = server.test_client().get("/", environ_overrides=environ)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login?next=%2F")
    assert not answer.headers["Location"].startswith("/login?next=%2F%2F")


# What is repeated is text

MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def test_what_was_typed_is_shown_as_text(server, state):
    client = server.test_client()
    pages = [
        log_in(client, MARKUP, "wrong").text,
        client.get("/login", query_string={"next": f"/{MARKUP}"}).text,
        post(client, "/login", username="x", next=f"/{MARKUP}").text,
        client.get("/setup", query_string={"lang": MARKUP}).text,
        client.get(f"/demonstration/{MARKUP}").text,
    ]
    for page in pages:
        assert "<script>alert" not in page
        assert "<img" not in page


def test_what_was_typed_into_the_setup_is_shown_as_text(state, clock):
    client = small(state, clock).test_client()
    fields = {f"name_{role}": MARKUP for role in ("sysadmin", "secadmin", "auditor", "analyst")}
    setup_code(state, clock())
    for path in ("/setup", f"/setup?lang=en&x={MARKUP}"):
        page = post(client, path, code=MARKUP, **fields).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_a_password_is_never_sent_back(server, state, clock):
    client = server.test_client()
    assert "Secret-Word-2026" not in log_in(client, "no.one", "Secret-Word-2026").text


@pytest.mark.parametrize("name", ["theme", "lang"])
def test_a_cookie_is_not_repeated_into_a_page(server, name):
    client = server.test_client()
    client.set_cookie(name, '"><script>')
    assert "<script>" not in client.get("/login").text


# Large bodies


def upload(size):
    return {"data": {"file": (io.BytesIO(b"x" * size), "x")}}


@pytest.mark.parametrize("path", ["/login", "/setup", "/logout"])
def test_a_large_form_is_refused_in_words(server, path):
    client = signed_in(server)
    for body in ({"data": {"username": "x" * LARGEST_FORM}}, upload(LARGEST_FORM)):
        answer = client.post(path, **body)
        assert answer.status_code == (404 if path == "/setup" else 413)
        assert "</html>" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("PUT", "/login", {}),
        ("PATCH", "/x", {}),
        ("POST", "/x", {}),
        ("POST", "/internal/command", {}),
        ("POST", "/login", {"Origin": "http://evil.example"}),
        ("POST", "/logout", {}),
    ],
)
def test_what_is_refused_is_not_read(server, method, path, headers):
    """An upload that nobody takes must not fill the disk first."""
    for client in (server.test_client(), signed_in(server)):
        if path == "/logout" and client.get_cookie("sid"):
            continue  # taken, up to the limit of forms
        body = io.BytesIO(UPLOAD)
        sent = {"wsgi.input": body, "CONTENT_LENGTH": str(len(UPLOAD)),
                "CONTENT_TYPE": "multipart/form-data; boundary=x"}  # fmt: skip
        answer = client.open(path, method=method, headers=headers, environ_overrides=sent)
        assert answer.status_code in (303, 401, 403, 404, 405)
        assert body.tell() == 0


UPLOAD = (
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    + b"y" * 100_000
    + b"\r\n--x--\r\n"
)
