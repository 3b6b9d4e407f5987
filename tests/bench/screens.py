"""The screens under load: a page's callback cold and kept, the first load, fifty readers."""

from __future__ import annotations

import http.client
import json
import random
import re
import statistics
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

PAGES = ("overview", "emission")
CARBON = ("source", "scope", "object", "cause")


@dataclass
class Reader:
    """A signed-in reader over one kept connection."""

    port: int
    cookie: str
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def send(self, method, path, body=None, **headers):
        wanted = {"Cookie": self.cookie, "Accept-Encoding": "gzip", **headers}
        began = time.perf_counter()
        self.connection.request(method, path, body, wanted)
        answer = self.connection.getresponse()
        data = answer.read()
        return time.perf_counter() - began, answer.status, data


def bodies(reader):
    """The callback of every page as the browser sends it, to be filled with an address."""
    _, _, data = reader.send("GET", "/_dash-dependencies", **{"Accept-Encoding": "identity"})
    found = {}
    for entry in json.loads(data):
        named = re.search(r'"page":"(\w+)","part":"head"', entry["output"])
        if named and not entry["clientside_function"]:
            found[named[1]] = entry["output"]
    return found


def body(output, search):
    parts = [part.rsplit(".", 1) for part in output.strip(".").split("...")]
    outputs = [
        {"id": json.loads(ident) if ident.startswith("{") else ident, "property": name}
        for ident, name in parts
    ]
    return json.dumps({
        "output": output, "outputs": outputs, "changedPropIds": ["url.search"],
        "inputs": [{"id": "url", "property": "search", "value": search}],
    })  # fmt: skip


def searches(seed):
    """Addresses, each not seen before: another range, switch or unit."""
    at = seed
    while True:
        at += 1
        first = 2023 * 12 + 10 + at % 20
        last = 2026 * 12 + 9 - (at // 20) % 15
        yield "?" + urlencode({
            "from": f"{first // 12}-{first % 12 + 1:02d}",
            "to": f"{last // 12}-{last % 12 + 1:02d}",
            "carbon": CARBON[(at // 300) % 4], "mass": ("t", "kg")[(at // 1200) % 2],
            "x": str(at),
        })  # fmt: skip


def callbacks(reader, line):
    """The slowest page's callback at 36 months, one reader."""
    outputs = bodies(reader)
    headers = {"Content-Type": "application/json"}
    for name, budget in (("not kept", 150), ("kept", 20)):
        slowest = 0.0
        for page in PAGES:
            fresh, times = searches(7), []
            for _ in range(40):
                search = next(fresh) if name == "not kept" else "?from=2023-11&to=2026-10"
                seconds, status, _ = reader.send(
                    "POST", "/_dash-update-component", body(outputs[page], search), **headers
                )
                assert status == 200
                times.append(seconds * 1e3)
            slowest = max(slowest, statistics.quantiles(times[2:], n=20)[-1])
        floor, _, _ = reader.send("GET", "/healthz")
        line(f"page callback, 36 months, {name}, P95", slowest, budget, floor * 1e3, "ms")


def first_load(reader, line):
    """Everything the browser fetches before the first page stands, compressed."""
    _, _, page = reader.send("GET", "/", **{"Accept-Encoding": "identity"})
    paths = re.findall(r'(?:src|href)="(/[^"]+)"', page.decode())
    paths += ["/_dash-layout", "/_dash-dependencies",
              "/_dash-component-suites/plotly/package_data/plotly.min.js",
              "/_dash-component-suites/dash/dcc/async-graph.js"]  # fmt: skip
    total = len(page)
    for path in dict.fromkeys(paths):
        total += len(reader.send("GET", path, **{"Accept-Encoding": "zstd, br, gzip"})[2])
    line("first load, compressed", total / 1e6, 3.0, len(page) / 1e6, "MB")


def crowd(port, cookie, line, *, seconds=300, readers=50):
    """Fifty readers, thinking a second, half of their addresses never seen before."""
    outputs = bodies(Reader(port, cookie))
    until = time.monotonic() + seconds
    times, errors, guard = [], [], threading.Lock()

    def read(number):
        reader, fresh = Reader(port, cookie), searches(number * 97)
        at = number
        time.sleep(random.random())  # noqa: S311
        while time.monotonic() < until:
            at += 1
            search = next(fresh) if at % 2 else ""
            sent = body(outputs[PAGES[at // 2 % 2]], search)
            taken, status, _ = reader.send(
                "POST", "/_dash-update-component", sent, **{"Content-Type": "application/json"}
            )
            with guard:
                times.append(taken * 1e3)
                if status != 200:
                    errors.append(status)
            time.sleep(1)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    line(f"{readers} readers, {len(times)} requests, {len(errors)} errors, P95",
         statistics.quantiles(times, n=20)[-1], 400, statistics.median(times), "ms")  # fmt: skip
