"""The screens under load: a page's callback cold and kept, the first load, fifty readers."""

from __future__ import annotations

import http.client
import itertools
import json
import lzma
import random
import re
import secrets
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from client import over_socket
from commands import Request
from tests.cli import manage, serving
from tests.codes import next_code
from tests.plant import write_csv

MONTHS = 36
PAGES = ("overview", "emission", "process", "substitution", "lifecycle", "market")
USER = "bench"
CARBON = ("source", "scope", "object", "cause")
KEPT_S = 1.5  # the server ends a connection that rests for two seconds
CALLBACK = "/_dash-update-component"
JSON = {"Content-Type": "application/json"}
LAST = datetime.now(ZoneInfo("Asia/Shanghai")).date() - timedelta(days=1)  # as manage.py demo
NEWEST = LAST.year * 12 + LAST.month - 2  # the last whole month, counted from the year 0
OLDEST = NEWEST - MONTHS + 1


@dataclass
class Reader:
    """A signed-in reader over one kept connection."""

    port: int
    cookie: str
    used: float = 0.0
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def send(self, method, path, body=None, **headers):
        wanted = {"Cookie": self.cookie, "Accept-Encoding": "gzip", **headers}
        if method == "POST":
            wanted["X-CSRF-Token"] = self.cookie.rpartition("csrf=")[2]
        began = time.perf_counter()
        if began - self.used > KEPT_S:
            self.connection.close()  # it is opened again by itself
        self.connection.request(method, path, body, wanted)
        answer = self.connection.getresponse()
        data = answer.read()
        self.used = time.perf_counter()
        return self.used - began, answer.status, data

    def callback(self, page, search):
        """How long a page's callback takes, in milliseconds, and its status."""
        seconds, status, _ = self.send("POST", CALLBACK, page.body(search), **JSON)
        return seconds * 1e3, status


class _Quiet:
    """A console of which only the end matters."""

    def out(self, line):
        pass

    err = out

    def progress(self, task, done, of):
        pass


@contextmanager
def plant():
    """A served demonstration plant and the cookie of a reader of it: port, cookie, directory."""
    with tempfile.TemporaryDirectory() as name:
        home, secret = Path(name) / "home", Path(name) / "password"
        word = f"Aa1-{secrets.token_urlsafe(12)}"
        secret.write_text(word, encoding="utf-8")
        told(manage(home, "demo", "--months", str(MONTHS)))
        told(manage(home, "forecast"))  # as a plant in service has them; not made while measured
        words = ("--role", "analyst", "--password-file", str(secret), "--json")
        made = json.loads(told(manage(home, "user", "add", USER, *words)))
        with serving(home) as port:
            yield port, signed_in(port, word, next_code(made["totp_secret"])), home


def told(done):
    if done.returncode:
        raise RuntimeError(f"{done.stdout}{done.stderr}")
    return done.stdout


def signed_in(port, word, code):
    """The cookie of a session, from the form as a browser fills it in."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/login")
    answer = connection.getresponse()
    answer.read()
    csrf = cookie(answer, "csrf")
    form = urlencode({"username": USER, "password": word, "code": code, "csrf_token": csrf})
    headers = {"Cookie": f"csrf={csrf}", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", form, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return f"sid={cookie(answer, 'sid')}; csrf={cookie(answer, 'csrf')}"


def cookie(answer, name):
    given = [v for k, v in answer.getheaders() if k == "Set-Cookie" and v.startswith(f"{name}=")]
    return given[0].partition(";")[0].partition("=")[2]


@dataclass(frozen=True)
class Callback:
    """A page's callback as the browser calls it: its output and what it reads."""

    output: str
    inputs: tuple

    def body(self, search):
        parts = [part.rsplit(".", 1) for part in self.output.strip(".").split("...")]
        outputs = [{"id": _ident(ident), "property": name} for ident, name in parts]
        inputs = [
            {"id": _ident(ident), "property": name}
            | ({"value": search} if (ident, name) == ("url", "search") else {})
            for ident, name in self.inputs
        ]
        return json.dumps({
            "output": self.output, "outputs": outputs, "changedPropIds": ["url.search"],
            "inputs": inputs,
        })  # fmt: skip


def _ident(ident):
    return json.loads(ident) if ident.startswith("{") else ident


def page_callbacks(entries):
    """The callback that fills each page, by page, out of what Dash says of its callbacks."""
    found = {}
    for entry in entries:
        named = re.search(r'"page":"(\w+)","part":"head"', entry["output"])
        if named and not entry["clientside_function"]:
            read = tuple((one["id"], one["property"]) for one in entry["inputs"])
            found[named[1]] = Callback(entry["output"], read)
    return found


def bodies(reader):
    """The callback of every monitoring page; one that fails is an error."""
    _, _, data = reader.send("GET", "/_dash-dependencies", **{"Accept-Encoding": "identity"})
    known = page_callbacks(json.loads(data))
    found = {page: known[page] for page in PAGES}
    for page, callback in found.items():
        assert reader.callback(callback, "")[1] == 200, page
    return found


def search(number, first=OLDEST, last=NEWEST):
    """An address that no other number gives, all of it read by the page."""
    return "?" + urlencode({
        "from": f"{first // 12}-{first % 12 + 1:02d}", "to": f"{last // 12}-{last % 12 + 1:02d}",
        "carbon": CARBON[number % 4], "mass": ("t", "kg")[number // 4 % 2], "x": str(number),
    })  # fmt: skip


def anywhere(number):
    """An address of another range for every number."""
    return search(number, OLDEST + number % 20, NEWEST - number // 20 % 15)


def p95(times):
    return statistics.quantiles(times, n=20)[-1]


def callbacks(reader, line, home):
    """The slowest page's callback at 36 months, one reader: new data, not kept, kept."""
    outputs, numbers = bodies(reader), itertools.count()
    trips = [reader.send("GET", "/healthz")[0] * 1e3 for _ in range(40)]
    whole = search(0)
    kept, fresh, renewed = {}, {}, {}
    for page, output in outputs.items():
        reader.callback(output, whole)
        kept[page] = answered(reader.callback(output, whole) for _ in range(100))
        fresh[page] = answered(reader.callback(output, search(next(numbers))) for _ in range(60))
        renewed[page] = answered(after_new_data(reader, output, home) for _ in range(20))
    name, floor = max(kept, key=lambda p: p95(kept[p])), statistics.median(trips)
    line(f"page callback, 36 months, kept, P95 ({name})", p95(kept[name]), 20, floor, "ms")
    for how, times in (("filter not seen", fresh), ("data not seen", renewed)):
        name = max(times, key=lambda p, t=times: p95(t[p]))
        line(f"page callback, 36 months, {how}, P95 ({name})", p95(times[name]), 150,
             statistics.median(kept[name]), "ms")  # fmt: skip


def answered(calls):
    times = []
    for taken, status in calls:
        assert status == 200, status
        times.append(taken)
    return times


_DAYS = itertools.count()


def after_new_data(reader, output, home):
    """The first look at a page after records were taken in and a month was settled anew."""
    day = f"{LAST + timedelta(days=400 + next(_DAYS))}"
    path = write_csv(home.parent / "calendar.csv", ("site", "date_from", "date_to", "kind"),
                     [("CN", day, day, "holiday")])  # fmt: skip
    values = {"kind": "calendar", "files": [str(path)], "site": "", "dry_run": False,
              "accept_good": False, "actor": USER, "as_json": False}  # fmt: skip
    assert over_socket(home, Request("import", values), _Quiet()) == 0
    month = f"{NEWEST // 12}-{NEWEST % 12 + 1:02d}"
    again = {"first": month, "last": month, "as_json": False}
    assert over_socket(home, Request("settle", again), _Quiet()) == 0
    return reader.callback(output, search(0))


def first_load(reader, line):
    """Everything the browser fetches before the first page stands, compressed; xz for the floor."""
    _, _, page = reader.send("GET", "/", **{"Accept-Encoding": "identity"})
    paths = re.findall(r'(?:src|href)="(/[^"]+)"', page.decode())
    paths += ["/", "/_dash-layout", "/_dash-dependencies",
              "/_dash-component-suites/plotly/package_data/plotly.min.js",
              "/_dash-component-suites/dash/dcc/async-graph.js"]  # fmt: skip
    asked = [("GET", path, None) for path in dict.fromkeys(paths) if "data:" not in path]
    asked.append(("POST", CALLBACK, bodies(reader)["overview"].body("")))
    sizes = {}
    for encoding in ("zstd, br, gzip", "identity"):
        found = [reader.send(*one, **JSON, **{"Accept-Encoding": encoding}) for one in asked]
        assert [status for _, status, _ in found] == [200] * len(asked)
        sizes[encoding] = [data for _, _, data in found]
    total = sum(len(data) for data in sizes["zstd, br, gzip"])
    floor = sum(len(lzma.compress(data)) for data in sizes["identity"])
    line("first load, compressed", total / 1e6, 3.0, floor / 1e6, "MB")


def crowd(port, cookie, line, *, seconds=60, readers=50):
    """Fifty readers, thinking a second, half of their addresses never seen before."""
    outputs = list(bodies(Reader(port, cookie)).values())
    numbers = itertools.count(1_000)

    def look(reader, at):
        wanted = anywhere(next(numbers)) if at % 2 else ""
        return reader.callback(outputs[at // 2 % len(outputs)], wanted)

    lone = Reader(port, cookie)
    alone = answered(look(lone, at) for at in range(80))
    until = time.monotonic() + seconds
    times, errors, guard = [], [], threading.Lock()

    def read(number):
        reader = Reader(port, cookie)
        time.sleep(random.random())
        for at in itertools.count(number):
            if time.monotonic() > until:
                return
            try:
                taken, status = look(reader, at)
            except (OSError, http.client.HTTPException) as error:
                taken, status = 0.0, repr(error)
                reader.connection.close()
            with guard:
                if status == 200:
                    times.append(taken)
                else:
                    errors.append(status)
            time.sleep(1)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    line(f"{readers} readers, {seconds} s, {len(times)} pages, {len(errors)} errors, P95",
         float("inf") if errors else p95(times), 400, p95(alone), "ms")  # fmt: skip


def screens(line, *, full=False):
    """The budgets of the screens over a demonstration plant of three years."""
    with plant() as (port, cookie, home):
        reader = Reader(port, cookie)
        first_load(reader, line)
        callbacks(reader, line, home)
        crowd(port, cookie, line, seconds=300 if full else 60)
