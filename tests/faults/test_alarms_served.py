"""Data come in by the real ways, and nobody does anything: alarms stand and leave the house (6.4).

The product as it is served: its own jobs, its own times. Every rule has a site of its own, whose
readings are pushed, dropped or imported; a meter falls silent, a sender's clock is wrong, the
server's own clock has been set back, the disk is nearly full. Then the app is killed with every
row still in the outbox, and a log host and a webhook that were away get all of them, in order.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from data.state import Entry, State, WantedInterface, now
from data.state.audit import BEIJING, append, writing
from tests.api.client import Program, made_key
from tests.bench.screens import JSON, USER, Callback, Reader, signed_in
from tests.browser.app import add_user
from tests.cli import answers, command, environment, free_port, manage
from tests.codes import next_code
from tests.data.arrivals import register
from tests.jobs.faults import FAULTS, just_past
from tests.peers.start import modbus_server
from tests.plant import Plant, meter, opened_home, write_csv
from tests.security.test_alarm_upload import KEY, Host, Receiver
from tests.security.test_trail_anchors import certificate

pytestmark = [pytest.mark.larger, pytest.mark.timeout(900)]
MINUTE = 60.0
WORDS = "Kupfer-Eisen-4711 Stahl"  # a password of this test alone
NAMED = {"meter_id", "parent_id", "batch_id", "fuel_id", "device_id"}
SHOWN = {"site": "全站", "diesel": "用油"}
SENT = {"readings", "fuel", "batches", "outputs"}
PUSHED = {"A4", "A6", "A8", "A11"}
IMPORTED = {"A7"}


class Waiting(Plant):
    """A site whose register is there, and whose data wait to be sent; named after its rule."""

    def __init__(self, folder, engine, rule):
        self.waiting = []
        super().__init__(folder, engine, site=rule)

    def put(self, kind, columns, rows, **options):
        rows = [[f"{self.site}-{value}" if name in NAMED and value else value
                 for name, value in zip(columns, row, strict=True)] for row in rows]  # fmt: skip
        if kind in SENT:
            self.waiting.append((kind, columns, rows))
            return None
        return super().put(kind, columns, rows, **options)


@dataclass
class House:
    """A data directory with a site for each rule, and what is to be sent."""

    home: object
    folder: object
    sites: dict = field(default_factory=dict)
    secret: str = ""


def drops(folder, rule, kind):
    """The interface that takes the files of a kind of a site."""
    place = folder / f"{rule}-{kind}"
    place.mkdir()
    settings = {"folder": str(place), "content": kind, "settle_s": 1.0, "look_s": 0.5}
    return WantedInterface(f"drop-{rule}-{kind}", "drop_folder", rule, "", settings, ())


def built(tmp_path, port):
    """Sites, interfaces and an account, by an app that is not served yet."""
    house, when = House(tmp_path / "home", tmp_path), just_past(datetime.now().date())
    with opened_home(house.home) as engine:
        interfaces = engine.state.interfaces
        for (rule, _), fault in FAULTS.items():
            site = house.sites[rule] = Waiting(tmp_path, engine, rule)
            fault(site, when)
            for kind in dict.fromkeys(kind for kind, *_ in site.waiting):
                if rule not in PUSHED | IMPORTED:
                    interfaces.save(drops(tmp_path, rule, kind), "t", now())
        Waiting(tmp_path, engine, "L1").meters(meter("M1", register_max=10**6))
        point = register("P1", meter_id="L1-M1", address="0", dtype="u16", period_s=1.0)
        settings = {"host": "127.0.0.1", "port": port, "address_base": 0, "timeout_s": 0.4,
                    "retries": 0}  # fmt: skip
        interfaces.save(WantedInterface("house", "modbus_tcp", "L1", "", settings, (point,)),
                        "t", now())  # fmt: skip
    words = tmp_path / "words"
    words.write_text(WORDS, encoding="utf-8")
    house.secret = add_user(house.home, USER, "analyst", words)
    return house


def recorded_ahead(home):
    """The trail's newest record is an hour ahead: the server's clock was set back meanwhile."""
    state = State(home)
    with writing(state.engine) as connection:
        append(connection, Entry("service.alive", ""), datetime.now(BEIJING) + timedelta(hours=1))
    state.close()


@contextmanager
def served(home, **more):
    """The app; ended by its number, whatever happens."""
    port = free_port()
    process = subprocess.Popen(
        command("serve"), env=environment(home, CARBON_PORT=str(port), **more),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + MINUTE
        while not answers(port):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        yield port, process
    finally:
        process.terminate()
        process.wait(timeout=MINUTE)


def sent(house, rule, program):
    """Send what a site has by the way that is its rule's."""
    for kind, columns, rows in house.sites[rule].waiting:
        if rule in PUSHED:
            pushed(program, kind, columns, rows, rule)
            continue
        path = house.folder / f"{rule}-{kind}.part"
        write_csv(path, columns, rows)
        if rule in IMPORTED:
            path = path.rename(path.with_suffix(".csv"))
            assert manage(house.home, "import", kind, str(path)).returncode == 0
        else:
            path.replace(house.folder / f"{rule}-{kind}" / "new.csv")


def pushed(program, kind, columns, rows, site):
    path = {"readings": "/readings"}.get(kind, f"/production/{kind}")
    for first in range(0, len(rows), 1000):
        found = [dict(zip(columns, row, strict=True)) for row in rows[first : first + 1000]]
        if kind == "readings":
            found = [{**row, "value": float(row["value"])} for row in found]
        answer = program.insist(path, {"site": site, "rows": found})
        assert answer["rejected"] == []


def once(true, since, limit_s=MINUTE):
    """Wait until something is so; how long after ``since`` it was."""
    while not (found := true()):
        assert time.monotonic() - since < limit_s
        time.sleep(0.5)
    return found


class Page:
    """质量与告警 as a browser asks for it."""

    def __init__(self, port, secret):
        self.reader = Reader(port, signed_in(port, WORDS, next_code(secret)))
        _, _, data = self.reader.send(
            "GET", "/_dash-dependencies", **{"Accept-Encoding": "identity"}
        )
        (entry,) = [one for one in json.loads(data)
                    if '"page":"alerts","part":"alarms"' in one["output"]]  # fmt: skip
        read = tuple((one["id"], one["property"]) for one in entry["inputs"])
        self.callback = Callback(entry["output"], read)

    def shows(self, site, month, *words):
        """Whether one alarm of the list says all the words."""
        body = self.callback.body(f"?site={site}&month={month}")
        _, status, data = self.reader.send(
            "POST", "/_dash-update-component", body, **JSON | {"Accept-Encoding": "identity"}
        )
        assert status == 200
        (rows,) = [one["children"] for name, one in json.loads(data)["response"].items()
                   if '"part":"alarms"' in name]  # fmt: skip
        told = [json.dumps(row, ensure_ascii=False) for row in listed(rows)]
        return any(all(word in one for word in words) for one in told)


def listed(node):
    """The rows of the list, wherever they stand in what the page is made of."""
    if isinstance(node, list):
        return [row for one in node for row in listed(one)]
    if not isinstance(node, dict):
        return []
    props = node.get("props", {})
    return [node] if "data-issue" in props else listed(props.get("children"))


def alarm_of(program, site, rule):
    """The alarm of a rule as GET /alarms tells it; None while there is none."""
    _, _, body = program.ask("GET", f"/alarms?site={site}&rule={rule}")
    rows = json.loads(body)["rows"]
    return rows[0] if rows else None


def test_everything_stands_within_a_minute_and_leaves_the_house(tmp_path):
    pem, context = certificate(tmp_path)
    key_file = tmp_path / "webhook.key"
    key_file.write_bytes(KEY)
    key_file.chmod(0o600)
    log_port, hook_port = free_port(), free_port()
    places = {
        "CARBON_ALARM_SYSLOG": f"tls://localhost:{log_port}", "CARBON_ALARM_SYSLOG_CA": str(pem),
        "CARBON_ALARM_WEBHOOK": f"https://localhost:{hook_port}/in",
        "CARBON_ALARM_WEBHOOK_CA": str(pem), "CARBON_ALARM_WEBHOOK_KEY_FILE": str(key_file),
    }  # fmt: skip
    with modbus_server() as peer:
        peer.words(0, 7)
        house = built(tmp_path, peer.port)
        recorded_ahead(house.home)
        with served(house.home, **places) as (port, process):
            token = made_key(house.home, "read", "ingest:meter", "ingest:production")
            program, page = Program(port, token), Page(port, house.secret)
            this = f"{datetime.now():%Y-%m}"
            once(lambda: page.shows("L1", this, "时钟偏差", "服务器"), time.monotonic())
            rules_stand(house, program, page)
            silence_stands_and_ends(peer, page, this)
            wrong_clock_stands(program, page, this)
            numbers = outbox(house.home)
            program.close()
            page.reader.connection.close()
            os.killpg(process.pid, signal.SIGKILL)  # nobody has taken anything yet
            process.wait()
    leaves(house, places, numbers, (log_port, hook_port, context))


def rules_stand(house, program, page):
    began = {}
    for rule in house.sites:
        began[rule] = time.monotonic()
        sent(house, rule, program)
    for rule, subject in FAULTS:
        since = began[rule]
        found = once(lambda rule=rule: alarm_of(program, rule, rule), since)
        assert found["entity"] == (subject if subject in SHOWN else f"{rule}-{subject}")
        name = SHOWN.get(subject, found["entity"])
        once(lambda f=found, r=rule, n=name: page.shows(r, f["started"][:7], n), since)


def silence_stands_and_ends(peer, page, month):
    began = time.monotonic()
    peer.kill()
    once(lambda: page.shows("L1", month, "house", "life-open"), began)
    began = time.monotonic()
    peer.start()
    once(lambda: not page.shows("L1", month, '"house"', "life-open"), began)


def wrong_clock_stands(program, page, month):
    behind = f"{datetime.now(UTC) - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
    row = {"meter_id": "A6-G", "value": 99999.0, "timestamp": behind}
    began = time.monotonic()
    program.insist("/readings", {"site": "A6", "sent_at": behind, "rows": [row]})
    once(lambda: page.shows("A6", month, "rest:A6"), began)


def outbox(home):
    """The ids that wait, in order, and what each tells."""
    state = State(home)
    try:
        return [(row.uid, json.loads(row.body)) for row in state.outbox.waiting("nobody", 10_000)]
    finally:
        state.close()


def leaves(house, places, before, away):
    log_port, hook_port, context = away
    told = {(body["kind"], body["event"]) for _, body in before}
    assert {(rule, "raise") for rule, _ in FAULTS} <= told
    assert {("silence", "raise"), ("silence", "clear"), ("clock", "raise")} <= told
    huge = {"CARBON_DISK_FLOOR_MB": str(10**9)}
    host, receiver = Host(context, log_port), Receiver(context, port=hook_port)
    try:
        with served(house.home, **places, **huge):
            began = time.monotonic()
            once(lambda: any(body["kind"] == "disk" for _, body in outbox(house.home)), began, 80)
            every = [uid for uid, _ in outbox(house.home)]
            assert every[: len(before)] == [uid for uid, _ in before]
            for got in (lambda: host.ids, lambda: receiver.got):
                once(lambda got=got: len(set(got())) >= len(every), time.monotonic())
    finally:
        host.close()
        receiver.close()
    assert list(dict.fromkeys(host.ids))[: len(every)] == every
    assert list(dict.fromkeys(receiver.got))[: len(every)] == every
