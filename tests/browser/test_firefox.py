"""One pass of every page in Debian's firefox-esr: it settles and says the same."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.firefox import firefox_path, running, signed
from tests.browser.test_equal import SHOWN
from tests.browser.visit import settled
from tests.cli import answers

PAGES = (
    "/", "/emission", "/process", "/substitution", "/lifecycle", "/market", "/factors", "/closing",
    "/help", "/data", "/data?tab=links", "/data?tab=register", "/data?tab=complete",
)  # fmt: skip
SIZE = {"width": 1440, "height": 900}
STATES = """() => Object.fromEntries([...document.querySelectorAll('[data-panel]')].map((panel) =>
  [panel.dataset.panel, panel.dataset.state || '']))"""
WIDE = "() => [document.scrollingElement.scrollWidth, window.innerWidth]"
PAINTED = """() => [...document.querySelectorAll('.plot')].filter((plot) =>
  plot.checkVisibility() && plot.clientWidth).map((plot) => ({
    panel: plot.closest('[data-panel]').dataset.panel, width: plot.clientWidth,
    drawn: Math.round(plot.querySelector('.main-svg').getBoundingClientRect().width)}))"""


@pytest.fixture(scope="module")
def visits(plant_app, signed_in, tmp_path_factory, full):
    """Every page as firefox-esr shows it, by path."""
    firefox_path()
    if not full:
        pytest.skip("pages are opened in firefox-esr under --full")
    assert answers(int(plant_app.url.rpartition(":")[2]))
    place, found = tmp_path_factory.mktemp("firefox"), {}
    cookies = [*signed_in["cookies"], {"name": "lang", "value": "zh"},
               {"name": "theme", "value": "light"}]  # fmt: skip
    with running(place, **SIZE) as browser:
        signed(browser, plant_app.url, cookies)
        for path in PAGES:
            browser.ask("WebDriver:Navigate", url=plant_app.url + path)
            browser.settled()
            found[path] = {
                "numbers": browser.run(SHOWN), "states": browser.run(STATES),
                "wide": browser.run(WIDE), "painted": browser.run(PAINTED),
                "told": browser.told(),
            }  # fmt: skip
            browser.picture(place / f"{path.strip('/').replace('?tab=', '-') or 'overview'}.png")
    return found


class _Broken(BaseHTTPRequestHandler):
    """A page that throws, and one that says something on its console."""

    def do_GET(self):
        body = b"<script>console.error('planted word'); throw new Error('planted fault')</script>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        """Say nothing: the test tells what went wrong."""


def test_what_a_page_complains_of_is_heard(full, tmp_path):
    firefox_path()
    if not full:
        pytest.skip("pages are opened in firefox-esr under --full")
    site = ThreadingHTTPServer(("127.0.0.1", 0), _Broken)
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with running(tmp_path) as browser:
            browser.ask("WebDriver:Navigate", url=f"http://127.0.0.1:{site.server_port}/")
            time.sleep(0.5)
            told = " ".join(browser.told())
    finally:
        site.shutdown()
        thread.join()
        site.server_close()
    assert "planted word" in told
    assert "planted fault" in told


@pytest.fixture
def beside(open_page, plant_app, signed_in):
    """The same page in chromium."""

    def seen(path):
        with open_page(
            plant_app.url + path, cookies={"lang": "zh", "theme": "light"}, state=signed_in, **SIZE
        ) as visit:
            page = settled(visit).page
            return {"numbers": page.evaluate(SHOWN), "states": page.evaluate(STATES)}

    return seen


@pytest.mark.parametrize("path", PAGES)
def test_firefox_shows_what_chromium_shows(visits, beside, path):
    here, there = visits[path], beside(path)
    assert here["told"] == []
    assert here["states"] == there["states"]
    assert "loading" not in here["states"].values()
    assert "error" not in here["states"].values()

    def sorted_numbers(found):
        return sorted((n["panel"], n["figure"], n["value"], n["text"]) for n in found["numbers"])

    assert sorted_numbers(here) == sorted_numbers(there)
    assert here["wide"][0] <= here["wide"][1]
    for plot in here["painted"]:
        assert plot["drawn"] == pytest.approx(plot["width"], abs=1), plot
