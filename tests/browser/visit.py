"""A page opened in Debian's chromium, with everything it said and asked for kept."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

# Nothing but this machine has a name: a page that asks the outside gets no answer.
_INSIDE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
_WAIT_S = 30.0
_QUIET_MS = 300


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a page is looked at."""

    width: int
    height: int
    theme: str = "light"
    language: str = "zh"
    zone: str = "Asia/Shanghai"
    touch: bool = False

    def __str__(self) -> str:
        touch = "-touch" if self.touch else ""
        return f"{self.width}x{self.height}-{self.theme}-{self.language}{touch}"


@dataclass
class Visit:
    """An open page and what was noticed while it was open."""

    page: Page
    look: Look
    host: str
    console: list[dict[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def listen(self) -> None:
        """Note what the page says, throws, asks of others and is refused."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            where = message.location.get("url", "")
            self.console.append({"kind": message.type, "text": message.text, "url": where})

    def _asked(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self.host:
            self.foreign.append(request.url)

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.failures.append({"status": response.status, "url": response.url})


def browser_path() -> str:
    """Return where chromium is; skip in words where it is not, fail where CI has none."""
    path = shutil.which("chromium")
    if path:
        return path
    if os.environ.get("CI") == "true":
        pytest.fail("chromium is not on this machine, and CI must test the pages in it")
    pytest.skip("chromium is not on this machine: pages were not tested in a browser")


@contextmanager
def launched(path: str) -> Iterator[Browser]:
    """Run a browser for as long as the block lasts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", _INSIDE])
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser,
    url: str,
    look: Look,
    *,
    cookies: Mapping[str, str] | None = None,
    state: Any = None,
) -> Iterator[Visit]:
    """Open an address in a context of its own; ``state`` is a signed-in storage state."""
    context = new_context(browser, look, state)
    try:
        parts = urlsplit(url)
        kept = {"name": "", "value": "", "url": f"{parts.scheme}://{parts.netloc}/"}
        jar = [kept | {"name": name, "value": value} for name, value in (cookies or {}).items()]
        context.add_cookies(jar)
        visit = Visit(context.new_page(), look, parts.netloc)
        visit.listen()
        visit.page.goto(url, wait_until="load")
        yield visit
    finally:
        context.close()


def new_context(browser: Browser, look: Look, state: Any = None) -> BrowserContext:
    """Return a context that has the size, theme, language and place of a look."""
    return browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme=look.theme,
        locale="zh-CN" if look.language == "zh" else "en-US",
        timezone_id=look.zone,
        has_touch=look.touch,
        storage_state=state,
    )


_LOADING = """() => {
  const panels = [...document.querySelectorAll('[data-panel]')];
  const loading = panels.filter((panel) => panel.dataset.state === 'loading');
  const blank = [...document.querySelectorAll('.dash-graph')].filter(
    (graph) => graph.checkVisibility() && !graph.querySelector('.js-plotly-plot .main-svg'));
  return {panels: panels.length, waiting: loading.map((panel) => panel.dataset.panel),
    undrawn: blank.length};
}"""

_WATCH = """() => {
  if (window.__changed) { return; }
  window.__changed = performance.now();
  const note = () => { window.__changed = performance.now(); };
  new MutationObserver(note).observe(document.documentElement,
    {subtree: true, childList: true, attributes: true, characterData: true});
}"""

_FRAMES = """() => document.fonts.ready.then(() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))"""


def settled(visit: Visit, *, wait_s: float = _WAIT_S) -> Visit:
    """Wait until no panel loads, every chart is drawn and nothing has changed for a moment."""
    page, until = visit.page, time.monotonic() + wait_s
    found = page.evaluate(_LOADING)
    while not found["panels"] or found["waiting"] or found["undrawn"]:
        assert time.monotonic() < until, f"not settled after {wait_s:g} s: {found}, {told(visit)}"
        page.wait_for_timeout(50)
        found = page.evaluate(_LOADING)
    page.evaluate(_WATCH)
    while page.evaluate("() => performance.now() - window.__changed") < _QUIET_MS:
        assert time.monotonic() < until, f"the page keeps changing after {wait_s:g} s"
        page.wait_for_timeout(50)
    page.evaluate(_FRAMES)
    return visit


def told(visit: Visit) -> str:
    """Return what a page said, for the message of a failed test."""
    return f"console {visit.console}, errors {visit.errors}, failed answers {visit.failures}"
