"""The alarm log reaches its places at least once, whatever happens to them or to us (6.4)."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from data.incidents import clear, raise_alarm
from data.outgoing import overdue
from data.state import Posted
from security.alarm_messages import (
    BOM,
    SIGNATURE,
    TIME,
    escaped,
    signature,
    syslog_message,
    webhook_headers,
)
from security.alarm_upload import (
    NotTaken,
    SyslogPlace,
    Uploader,
    WebhookPlace,
    places_of,
    secret_of,
)
from settings import Settings
from tests.cli import ROOT
from tests.plant import opened_home
from tests.security.test_trail_anchors import certificate

AT = datetime(2026, 3, 31, 8)
KEY = b"0123456789abcdef-shared"
ID = re.compile(rb'\[alarm@32473 id="([^"]+)"')


class Host:
    """A log host over TLS, which may be slow, vanish after some bytes, or never answer."""

    def __init__(self, context, port=0, *, slow=False, vanish_after=None, mute=False, stall=False):
        self.streams, self.context, self.slow = [], context, slow
        self.vanish_after, self.mute, self.stall, self.kept = vanish_after, mute, stall, []
        self.socket = socket.create_server(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(plain,), daemon=True).start()

    def _one(self, plain):
        if self.mute:
            self.kept.append(plain)  # the connection stays half open: nothing is ever read
            return
        if self.stall:
            self.kept.append(self.context.wrap_socket(plain, server_side=True))
            return  # it shook hands and hangs
        try:
            with self.context.wrap_socket(plain, server_side=True) as found:
                self._read(found)
        except OSError:
            pass

    def _read(self, found):
        read, mine = 0, bytearray()
        self.streams.append(mine)  # of one connection: who was killed may still be being read
        while part := found.recv(64 if self.slow else 65536):
            read += len(part)
            if self.vanish_after is not None and read >= self.vanish_after:
                return  # what was read is lost with it
            mine += part
            if self.slow:
                time.sleep(0.002)
        found.unwrap()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)  # so that who waits in accept lets go of the port
        self.socket.close()
        for one in self.kept:
            one.close()

    @property
    def ids(self):
        return [one.decode() for one in ID.findall(self.got)]

    @property
    def got(self):
        return b"\n".join(map(bytes, self.streams))


@pytest.fixture
def engine(tmp_path):
    with opened_home(tmp_path / "home") as found:
        yield found


@pytest.fixture
def tls(tmp_path):
    return certificate(tmp_path)


class Clock:
    """A time that a test moves."""

    def __init__(self):
        self.at = AT

    def __call__(self):
        return self.at

    def pass_(self, seconds):
        self.at += timedelta(seconds=seconds)


def raised(engine, count, detail="no answer", at=AT):
    for n in range(count):
        raise_alarm(engine, "silence", f"P{n}", "warn", detail, at)
    return [row.uid for row in engine.state.outbox.waiting("nobody", 10_000)]


def syslog(host, pem, patience=3.0):
    return SyslogPlace(f"tls://localhost:{host.port}", pem, patience)


def until_taken(uploader, clock, name, turns=40):
    for _ in range(turns):
        uploader.turn()
        if uploader.outbox.count(name) == 0:
            return
        clock.pass_(301)
    raise AssertionError("never taken")


# ---- the message ----


@pytest.mark.parametrize(("value", "shown"), [
    ('a"b', 'a\\"b'), ("a]b", "a\\]b"), ("a\\b", "a\\\\b"), ("a\r\nb\0c", "a  b c"),
    ("\x1b[31m", " [31m"), ("告警", "告警"), (True, "true"), (0.5, "0.5"),
])  # fmt: skip
def test_values_are_escaped(value, shown):
    assert escaped(value) == shown


def test_a_message_is_rfc_5424_whatever_the_alarm_says(engine):
    raised(engine, 1, detail='x"] [evil@1 a="b"]\r\n<13>1 - - - - - -')
    (row,) = engine.state.outbox.waiting("nobody", 9)
    message = syslog_message(row.body, "plant host")
    pattern = (rb"<(\d+)>1 (\S+) (\S+) ccms \d+ alarm\.raise "
               rb'\[alarm@32473( [a-z_0-9]+="(?:[^"\\\]]|\\["\\\]])*")+\] ')  # fmt: skip
    found = re.match(pattern, message)
    assert found is not None
    assert (found[1], found[3]) == (b"116", b"planthost")  # facility 14, warning
    rest = message[found.end() :]
    assert rest.startswith(BOM)
    assert b"\r" not in message
    assert b"\n" not in message
    assert rest[3:].decode().startswith("raise warn")


# ---- syslog over TLS ----


def test_rows_arrive_in_order_once_where_nothing_happens(engine, tls):
    pem, context = tls
    host, clock = Host(context), Clock()
    uids = raised(engine, 120)
    uploader = Uploader(engine.state.outbox, [syslog(host, pem)], clock)
    for _ in range(4):
        uploader.turn()
    assert host.ids == uids
    clear(engine, "silence", "P0", AT)
    uploader.turn()
    host.close()
    assert len(host.ids) == 121
    assert bytes(host.got).count(b"alarm.clear") == 1


def test_an_unknown_certificate_gets_nothing(engine, tls, tmp_path):
    pem, _ = tls
    other = tmp_path / "other"
    other.mkdir()
    _, foreign = certificate(other)
    host, clock = Host(foreign), Clock()
    raised(engine, 1)
    uploader = Uploader(engine.state.outbox, [syslog(host, pem)], clock)
    uploader.turn()
    how = engine.state.outbox.delivery(uploader.places[0].name)
    assert (how.tries, how.seq) == (1, 0)
    assert "CERTIFICATE_VERIFY_FAILED" in how.error
    named = SyslogPlace(f"tls://127.0.0.1:{host.port}", pem, 3.0)
    with pytest.raises(ssl.SSLError):
        named.send(engine.state.outbox.waiting("nobody", 1))
    host.close()
    assert not host.got


def test_a_host_that_is_away_is_asked_again_with_longer_pauses(engine, tls):
    pem, context = tls
    gone = Host(context)
    gone.close()
    clock, uids = Clock(), raised(engine, 3)
    place = SyslogPlace(f"tls://localhost:{gone.port}", pem, 1.0)
    uploader = Uploader(engine.state.outbox, [place], clock)
    pauses = []
    for _ in range(12):
        uploader.turn()
        how = engine.state.outbox.delivery(place.name)
        pauses.append((how.next_at - clock.at).total_seconds())
        uploader.turn()  # nothing is due yet
        assert engine.state.outbox.delivery(place.name).tries == how.tries
        clock.at = how.next_at
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    restarted = Uploader(engine.state.outbox, [place], clock)
    for tries in (13, 13):  # asked at once, then in its turn
        restarted.turn()
        assert engine.state.outbox.delivery(place.name).tries == tries
    clock.at -= timedelta(days=1)  # the clock is set back: nobody waits a day
    back = Host(context, gone.port)
    until_taken(uploader, clock, place.name)
    back.close()
    assert back.ids == uids


@pytest.mark.parametrize("trouble", [
    {"slow": True}, {"vanish_after": 700}, {"mute": True}, {"stall": True},
])  # fmt: skip
def test_a_slow_a_vanishing_and_a_half_open_host_lose_nothing(engine, tls, trouble):
    pem, context = tls
    host, clock = Host(context, **trouble), Clock()
    uids = raised(engine, 8)
    place = syslog(host, pem, 0.8)
    uploader = Uploader(engine.state.outbox, [place], clock)
    uploader.turn()
    if trouble != {"slow": True}:
        assert engine.state.outbox.count(place.name) == 8  # it has not said that it took them
    host.close()
    well = Host(context, host.port)
    until_taken(uploader, clock, place.name)
    well.close()
    arrived = set(host.ids) | set(well.ids)
    assert arrived == set(uids)


# ---- webhook ----


class Receiver:
    """An HTTP receiver that checks signatures and answers what it is told to."""

    def __init__(self, context=None, answers=(), port=0):
        self.got, self.answers = [], list(answers)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.answers.pop(0) if outer.answers else 204
                right = signature(KEY, self.headers[TIME], self.headers["X-Carbon-Id"], body)
                assert self.headers[SIGNATURE] == f"sm3={right}"
                assert self.headers["Idempotency-Key"] == json.loads(body)["id"]
                if status < 300:
                    outer.got.append(self.headers["X-Carbon-Id"])
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "webhook.key"
    path.write_bytes(KEY + b"\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_webhook_takes_each_row_with_its_signature(engine, tls, key_file, scheme):
    pem, context = tls
    receiver = Receiver(context if scheme == "https" else None, [204, 500, 204, 503])
    clock, uids = Clock(), raised(engine, 4)
    host = "localhost" if scheme == "https" else "127.0.0.1"
    place = WebhookPlace(f"{scheme}://{host}:{receiver.port}/in?token=x", pem, key_file, clock, 3)
    uploader = Uploader(engine.state.outbox, [place], clock)
    until_taken(uploader, clock, place.name)
    receiver.close()
    assert receiver.got == uids
    assert "token" not in place.name


def manuals_check():
    """The check that the manual gives to receivers, as it stands there."""
    said = (ROOT / "docs/manual/alerts.md").read_text(encoding="utf-8")
    found = {}
    exec(said.partition("```python\n")[2].partition("```")[0], found)
    return found["genuine"]


def test_a_receiver_checks_a_request_as_the_manual_says():
    genuine, at = manuals_check(), datetime.now(UTC).replace(tzinfo=None)
    body = '{"id": "u1", "detail": "缺数"}'.encode()
    headers = webhook_headers(KEY, "u1", body, at)
    assert genuine(KEY, headers, body)
    assert not genuine(KEY, headers, body + b" ")
    assert not genuine(KEY[:-1] + b"x", headers, body)
    assert not genuine(KEY, headers | {"X-Carbon-Id": "u2"}, body)
    assert not genuine(KEY, webhook_headers(KEY, "u1", body, at - timedelta(hours=1)), body)


def test_a_secret_is_for_its_owner_alone_and_long_enough(key_file, tmp_path):
    assert secret_of(key_file) == KEY
    key_file.chmod(0o640)
    with pytest.raises(NotTaken, match="0600"):
        secret_of(key_file)
    short = tmp_path / "short"
    short.write_bytes(b"abc")
    short.chmod(0o600)
    for path in (short, tmp_path / "absent"):
        with pytest.raises(NotTaken):
            secret_of(path)


# ---- the outbox ----


def test_one_place_that_is_away_keeps_no_other_waiting(engine, tls, key_file):
    pem, context = tls
    gone, receiver, clock = Host(context), Receiver(), Clock()
    gone.close()
    uids = raised(engine, 2)
    hook = WebhookPlace(f"http://127.0.0.1:{receiver.port}/", None, key_file, clock, 3)
    away = SyslogPlace(f"tls://localhost:{gone.port}", pem, 1.0)
    Uploader(engine.state.outbox, [away, hook], clock).turn()
    receiver.close()
    assert receiver.got == uids
    assert engine.state.outbox.count(away.name) == 2


def test_what_waits_too_long_is_told_and_what_must_go_is_told_too(tmp_path):
    place = "tls://log:6514"
    with opened_home(tmp_path / "home", alarm_places=(place,)) as engine:
        raised(engine, 12)
        outbox = engine.state.outbox
        assert overdue(engine, AT + timedelta(minutes=14)).places == ()
        (late,) = overdue(engine, AT + timedelta(minutes=16)).places
        assert (late.place, late.since) == (place, AT)
        first = outbox.waiting(place, 1)[0].uid
        assert outbox.trim([place], AT, most=5) == 7
        assert outbox.trim([place], AT, most=6) == 0
        rows = outbox.waiting(place, 99)
        told = json.loads(rows[0].body)
        assert (told["event"], told["count"], told["first"]) == ("dropped", 7, first)
        assert b"alarm.dropped" in syslog_message(rows[0].body)
        assert len(rows) == 6
        assert overdue(engine, AT).dropped == 7
        (record,) = [r for r in engine.state.audit.records() if r.event == "alarm.dropped"]
        assert record.description.startswith("7: ")


def test_what_everybody_took_goes_without_a_word(engine):
    raised(engine, 3)
    outbox = engine.state.outbox
    outbox.taken("a", 3, AT)
    assert outbox.trim(["a"], AT, most=1) == 0
    assert [row.seq for row in outbox.waiting("b", 9)] == [1, 2, 3]  # kept for who comes later


KILLED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from data.state import State
from security.alarm_upload import SyslogPlace, Uploader
home, port, pem = sys.argv[1:]
def now():
    return datetime.now(UTC).replace(tzinfo=None)
state = State(Path(home))
place = SyslogPlace(f"tls://localhost:{port}", Path(pem), 3.0)
uploader = Uploader(state.outbox, [place], now)
print("ready", flush=True)
while state.outbox.count(place.name):
    uploader.turn()
print("done", flush=True)
"""


def test_a_sender_that_is_killed_again_and_again_loses_nothing(tmp_path, tls, full):
    pem, context = tls
    host = Host(context, slow=True)
    with opened_home(tmp_path / "home") as engine:
        uids = raised(engine, 150)
    words = [sys.executable, "-c", KILLED, str(tmp_path / "home"), str(host.port), str(pem)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for turn in range(12 if full else 3):
        process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.05 + 0.07 * turn)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
    host.close()
    assert done.stdout.endswith("done\n"), done.stderr
    assert set(host.ids) == set(uids)


# ---- settings ----


@pytest.mark.parametrize("given", [
    {"alarm_syslog": "udp://log:514"}, {"alarm_syslog": "tls://log"},
    {"alarm_webhook": "http://log.x/in", "alarm_webhook_key_file": "k"},
    {"alarm_webhook": "https://a@b/", "alarm_webhook_key_file": "k"},
    {"alarm_webhook": "https://log.x/in"},
])  # fmt: skip
def test_places_that_anybody_could_read_or_forge_are_refused(tmp_path, given):
    with pytest.raises(ValueError, match="alarm_"):
        Settings(home=tmp_path / "home", **given)


def test_the_settings_name_the_places(tmp_path):
    assert places_of(Settings(home=tmp_path / "home"), Clock()) == []
    settings = Settings(
        home=tmp_path / "home", alarm_syslog="tls://log.x:6514", alarm_syslog_ca="ca.pem",
        alarm_webhook="https://in.x/alarms", alarm_webhook_key_file="k",
    )  # fmt: skip
    names = [place.name for place in places_of(settings, Clock())]
    assert names == ["tls://log.x:6514", "https://in.x/alarms"]
    assert isinstance(Posted(1, "a", AT, "{}"), Posted)
