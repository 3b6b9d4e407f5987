"""Every form of figure with numbers of every kind: readable, uncut, honest about what it lacks."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser import audits
from tests.browser.gallery import CASES, PAGES, document, files, opened_source
from tests.browser.visit import Look, browser_path, opened, settled

LOOKS = (
    Look(width=1440, height=900), Look(width=1440, height=900, theme="dark", language="en"),
    Look(width=390, height=844, theme="dark"), Look(width=390, height=844, language="en"),
)  # fmt: skip
CHECKS = (
    audits.page_scroll, audits.clipped, audits.svg_text, audits.overlaps, audits.leftovers,
    audits.language, audits.traffic,
)  # fmt: skip

# What every chart says of itself, read from what was drawn.
DRAWN = """() => [...document.querySelectorAll('.plot .js-plotly-plot')].filter((gd) =>
  gd.data && gd.data.length && gd.checkVisibility()).map((gd) => {
  const axis = gd.layout.yaxis || {}, low = axis.range ? axis.range[0] : null;
  const sideways = gd.data.some((trace) => trace.orientation === 'h');
  const bars = gd.data.filter((trace) => trace.type === 'bar' && !sideways);
  const known = (list) => list.filter((v) => v !== null && v !== undefined);
  const lines = gd.data.filter((trace) => trace.type === 'scatter'
    && (trace.mode || '').includes('lines') && !(trace.line && trace.line.width === 0));
  const plain = [...gd.querySelectorAll('.barlayer .trace')].flatMap((group) =>
    [...group.querySelectorAll('.point')].filter((point) => {
      const path = point.querySelector('path'), datum = point.__data__;
      const trace = datum && datum.trace ? datum.trace : group.__data__[0].trace;
      const shape = ((trace.marker.pattern || {}).shape || [])[datum.i];
      return shape && path && path.getBBox().height >= 1 && path.getBBox().width >= 1
        && !/url\\(/.test(path.style.fill || '');
    })).length;
  return {
    panel: gd.closest('[data-panel]').dataset.panel,
    range: axis.range || null, bars: bars.length,
    beyond: axis.range && !sideways ? gd.data.filter((t) => ['bar', 'scatter'].includes(t.type)
      && t.mode !== 'text' && !t.base).flatMap((t) => known(t.y || [])).filter((v) =>
      typeof v === 'number'
      && (v > axis.range[1] * (axis.range[1] > 0 ? 1.0001 : 0.9999) + 1e-9
        || v < axis.range[0] - Math.abs(axis.range[0]) * 1e-4 - 1e-9)).length : 0,
    plain,
    joined: lines.filter((t) => t.connectgaps === true).length,
    gaps: lines.filter((t) => t.visible !== 'legendonly').map((t) => {
      let runs = 0, open = false;
      t.y.forEach((v, i) => { const is = v !== null && v !== undefined;
        if (is && !open && t.y[i + 1] !== null && t.y[i + 1] !== undefined) { runs += 1; }
        open = is; });
      return runs; }),
    paths: [...gd.querySelectorAll('.scatterlayer .js-line')].map((path) =>
      (path.getAttribute('d') || '').split('M').length - 1),
    odd: gd.data.flatMap((t) => [t.y, t.x, t.values, t.r, t.value]).flat().filter((v) =>
      typeof v === 'number' && !Number.isFinite(v)).length,
  };
})"""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        kind, body = self.server.files.get(self.path.split("?")[0], ("text/plain", b""))
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        """Say nothing: the test tells what went wrong."""


@contextmanager
def site(documents):
    """Serve documents and all that they ask for; yield where."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.files = files(documents)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def shown(browser, host, look):
    """Open a document and wait until all of it is drawn."""
    with opened(browser, f"{host}?theme={look.theme}", look) as visit:
        for _ in range(400):
            if visit.page.evaluate("() => document.documentElement.dataset.failed || ''"):
                break
            if visit.page.evaluate("() => document.documentElement.dataset.drawn"):
                break
            visit.page.wait_for_timeout(25)
        failed = visit.page.evaluate("() => document.documentElement.dataset.failed")
        assert not failed, failed
        yield settled(visit)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    browser_path()
    with opened_source(tmp_path_factory.mktemp("gallery") / "home") as found:
        yield found


def chosen(full):
    """Page, case and look of each visit: all, or every case once, pages and looks in turn."""
    if full:
        return [(page, case, look) for page in PAGES for case in CASES for look in LOOKS]
    return [
        (PAGES[at % len(PAGES)], case, LOOKS[(at // 2 + at) % len(LOOKS)])
        for at, case in enumerate(CASES)
    ]


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        found = chosen(metafunc.config.getoption("--full"))
        names = [f"{page.key}-{case}-{look}" for page, case, look in found]
        metafunc.parametrize(("page", "case", "look"), found, ids=names)


def faults(drawn):
    """What a chart does that it must not."""
    for chart in drawn:
        name = chart["panel"]
        if chart["odd"]:
            yield f"{name}: {chart['odd']} numbers that are none"
        if chart["bars"] and chart["range"] and not chart["range"][0] <= 0 <= chart["range"][1]:
            yield f"{name}: bars on an axis {chart['range']}"
        if chart["beyond"]:
            yield f"{name}: {chart['beyond']} marks beyond the axis {chart['range']}"
        if chart["joined"]:
            yield f"{name}: a gap is joined"
        if chart["plain"]:
            yield f"{name}: {chart['plain']} unsure bars without hatches"
        for runs, pieces in zip(chart["gaps"], chart["paths"], strict=False):
            if len(chart["gaps"]) == len(chart["paths"]) and runs > pieces:
                yield f"{name}: {runs} stretches drawn as {pieces} lines"


def test_nothing_is_wrong(chromium, source, page, case, look):
    body = document(page, source.view(page, case, look.language))
    with site({"/": body}) as host, shown(chromium, host, look) as visit:
        drawn = visit.page.evaluate(DRAWN)
        findings = audits.everything(visit, CHECKS)
    wrong = list(faults(drawn))
    assert not wrong, "\n".join(wrong)
    assert not findings, audits.told(findings)


def test_every_case_and_page_occurs_in_the_normal_run():
    found = chosen(full=False)
    assert {str(case) for _, case, _ in found} == {str(case) for case in CASES}
    assert {page.key for page, _, _ in found} == {page.key for page in PAGES}
    assert {look for _, _, look in found} == set(LOOKS)
