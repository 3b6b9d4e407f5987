"""The checks find what is planted, no more; and nothing on a page without fault."""

from __future__ import annotations

import base64
import hashlib
import threading
import tomllib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser import audits
from tests.browser.planted import CLEAN, KINDS, STYLE, Planted, document
from tests.browser.visit import browser_path, settled

ALL = [(kind, planted) for kind, several in KINDS.items() for planted in several]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CSP = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src * data:"


class _Site(ThreadingHTTPServer):
    """A site of files held in memory, with a strict CSP on every answer."""

    def __init__(self):
        self.files = {"/pixel.png": ("image/png", PIXEL)}
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def host(self):
        return f"127.0.0.1:{self.server_port}"

    def put(self, path, kind, words):
        self.files[path] = (kind, words.encode())


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        kind, body = self.server.files.get(self.path.split("?")[0], ("", b""))
        self.send_response(200 if kind else 404)
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        """Say nothing: the test tells what went wrong."""


@contextmanager
def _running():
    site = _Site()
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.shutdown()
        thread.join()
        site.server_close()


@pytest.fixture(scope="module")
def site():
    with _running() as running:
        running.put("/style.css", "text/css", STYLE)
        yield running


@pytest.fixture(scope="module")
def other():
    with _running() as running:
        yield running


@contextmanager
def _shown(site, other, open_page, planted):
    site.put("/", "text/html", document(planted, other.host))
    site.put("/script.js", "text/javascript", planted.script)
    look = {"width": planted.width, "height": 700, "touch": planted.touch}
    with open_page(f"http://{site.host}/", language=planted.lang, **look) as visit:
        yield visit


@pytest.mark.parametrize(
    "planted", [planted for _, planted in ALL], ids=[f"{kind}-{one.name}" for kind, one in ALL]
)
def test_what_is_planted_is_found_and_nothing_else(site, other, open_page, full, planted):
    whole = full or planted.rule.startswith("axe-")
    checks = audits.ALL if whole else [check for check in audits.ALL if check is not audits.axe]
    with _shown(site, other, open_page, planted) as visit:
        findings = audits.everything(visit, checks)
    expected = [planted.rule] if planted.rule else []
    assert [finding["rule"] for finding in findings] == expected, audits.told(findings)


@pytest.mark.parametrize(("width", "touch"), [(1440, False), (800, False), (390, True)])
def test_a_page_without_fault_passes_every_check(site, other, open_page, width, touch):
    clean = Planted("clean", CLEAN, "", width=width, touch=touch)
    with _shown(site, other, open_page, clean) as visit:
        findings = audits.everything(settled(visit))
    assert findings == [], audits.told(findings)


def _page(body, script=""):
    return Planted("page", body, "", script=script)


def test_the_walk_tells_names_in_order(site, other, open_page):
    body = '<a class="nav" href="/a">One</a><button aria-label="Two">x</button>'
    labelled = f"{body}<label>Three <input></label><button disabled>Four</button>"
    with _shown(site, other, open_page, _page(labelled)) as visit:
        assert audits.walk(visit) == audits.Walk(["One", "Two", "Three"], [])


def test_a_walk_without_end_says_so(site, other, open_page):
    with _shown(site, other, open_page, _page("<button>A</button>" * 9)) as visit:
        assert [one["rule"] for one in audits.walk(visit, steps=5).findings] == ["focus-endless"]


def test_a_page_settles_when_no_panel_loads(site, other, open_page):
    body = '<section id="p" data-panel="p" data-state="loading">…</section>'
    script = "setTimeout(() => { p.dataset.state = 'ready'; p.textContent = 'Done'; }, 400);"
    with _shown(site, other, open_page, _page(body, script)) as visit:
        assert settled(visit).page.locator("#p").inner_text() == "Done"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('<section data-panel="slow" data-state="loading">…</section>', "slow"),
        ("<p>No panel at all</p>", "'panels': 0"),
        ('<section data-panel="p" data-state="ready"><div class="dash-graph">…</div></section>',
         "'undrawn': 1"),
    ],
)  # fmt: skip
def test_a_page_that_does_not_settle_says_why(site, other, open_page, body, why):
    with (
        _shown(site, other, open_page, _page(body)) as visit,
        pytest.raises(AssertionError, match=why),
    ):
        settled(visit, wait_s=0.3)


def test_a_page_that_keeps_changing_does_not_settle(site, other, open_page):
    body = '<section id="p" data-panel="p" data-state="ready">…</section>'
    script = "setInterval(() => { p.textContent = Math.random(); }, 20);"
    with (
        _shown(site, other, open_page, _page(body, script)) as visit,
        pytest.raises(AssertionError, match="keeps changing"),
    ):
        settled(visit, wait_s=1)


def test_a_page_is_looked_at_as_asked(site, other, open_page):
    look = {"width": 390, "height": 844, "theme": "dark", "language": "zh", "touch": True}
    url = f"http://{site.host}/"
    with open_page(
        url, zone="Asia/Urumqi", cookies={"lang": "zh", "theme": "dark"}, **look
    ) as visit:
        seen = visit.page.evaluate("""() => ({
            width: innerWidth, height: innerHeight, language: navigator.language,
            zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
            dark: matchMedia('(prefers-color-scheme: dark)').matches,
            coarse: matchMedia('(pointer: coarse)').matches,
            cookie: document.cookie})""")
    assert seen == {
        "width": 390, "height": 844, "language": "zh-CN", "zone": "Asia/Urumqi", "dark": True,
        "coarse": True, "cookie": "lang=zh; theme=dark",
    }  # fmt: skip


def test_no_outside_name_is_known(site, other, open_page):
    body = '<img src="http://example.org/a.png" alt="A">'
    with _shown(site, other, open_page, _page(body)) as visit:
        assert visit.foreign == ["http://example.org/a.png"]
        assert any("ERR_NAME_NOT_RESOLVED" in line["text"] for line in visit.console)


def test_a_machine_without_a_browser_skips_in_words_and_fails_in_ci(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="chromium is not on this machine"):
        browser_path()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must test the pages"):
        browser_path()


def test_the_vendored_axe_is_the_one_that_its_note_names():
    vendor = audits.HERE / "vendor"
    note = tomllib.loads((vendor / "vendor.toml").read_text(encoding="utf-8"))["axe-core"]
    body = (vendor / note["file"]).read_bytes()
    assert hashlib.sha256(body).hexdigest() == note["sha256"]
    assert f"axe v{note['version']}".encode() in body[:40]
    assert (vendor / note["licence_file"]).is_file()
