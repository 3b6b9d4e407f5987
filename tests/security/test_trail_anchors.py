"""Row 69 and 65: places outside that are away, refuse, lose, lie; implementations that differ."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from data.state import Entry, State
from security import anchors as anchors_module
from security.anchors import FileAnchor, SyslogAnchor, anchors_of
from security.notary import EVERY, EVERY_RECORDS, Notary
from security.sm import Verdict
from security.trail_check import TrailCheck
from security.verify_audit import head_of, read_anchors
from settings import Settings
from tests.security.trail import Pair, made


class Away:
    """A place outside that takes nothing until it is told to."""

    place = "test:away"

    def __init__(self):
        self.taken, self.open = [], False

    def send(self, lines):
        if not self.open:
            raise ConnectionRefusedError("nobody there")
        self.taken += lines

    def lost(self, lines):
        return sum(line not in self.taken for line in lines) if self.open else 0


@pytest.fixture
def keys():
    return Pair()


def noted(state, event):
    return [record for record in state.audit.records() if record.event == event]


# When a checkpoint is due, and what it says


def test_due_after_so_many_records_so_much_time_and_the_day(state, keys, clock):
    notary = Notary(state, keys, [], clock)
    assert notary.due()  # there is none yet
    first = notary.sign()
    assert not notary.due()
    for number in range(EVERY_RECORDS - 1):
        state.audit.record(Entry("session.login", str(number)))
    assert not notary.due()
    state.audit.record(Entry("session.login", "one more"))
    assert notary.due()
    second = notary.sign()
    state.audit.record(Entry("session.login", "later"))
    assert not notary.due()
    clock.at += EVERY
    assert notary.due()
    clock.at = datetime(2026, 3, 2, 15, 59, 30)  # half a minute before midnight in Beijing
    notary.sign()
    state.audit.record(Entry("session.login", "at the end of the day"))
    clock.pass_(minutes=1)
    assert notary.due()
    assert notary.sign() is not None
    assert notary.sign() is None  # nothing new to say
    assert (first.size, second.size) == (1, 1 + EVERY_RECORDS)


def test_the_text_is_exactly_that(state, keys, clock):
    notary = Notary(state, keys, [], clock)
    size, head = state.audit.head()
    signed = notary.sign()
    lines = signed.text.split("\n")
    assert lines[0] == f"ccms-audit/{state.audit.begin()}"
    assert lines[1] == str(size)
    assert lines[3] == "A" * 43 + "="
    assert lines[4] == "2026-03-02T16:00:00+08:00"
    assert lines[5:] == [""]
    assert head_of(signed.text).hash == head
    assert keys.verify(signed.kid, signed.text.encode(), signed.signature).valid


def test_the_installation_is_the_first_record_and_stays(tmp_path):
    first = State(tmp_path)
    number = first.audit.begin()
    record = next(first.audit.records())
    assert (record.seq, record.event, record.object) == (1, "audit.begin", number)
    first.close()
    again = State(tmp_path)
    assert again.audit.begin() == number
    assert again.audit.count() == 1
    again.close()


# Away, refusing: it queues, it is alarmed once, nobody waits


def test_a_place_that_is_away_queues_and_is_alarmed_once(state, keys, clock):
    away = Away()
    notary = Notary(state, keys, [away], clock)
    for _ in range(3):
        state.audit.record(Entry("session.login"))
        notary.sign()
        assert notary.deliver() == 0
        clock.pass_(minutes=10)
    assert len(noted(state, "alarm.security")) == 1
    assert len(state.checkpoints.waiting(away.place, 10)) == 3
    clock.pass_(hours=24)
    notary.deliver()
    assert len(noted(state, "alarm.security")) == 2  # still away the next day
    away.open = True
    assert notary.deliver() == 3
    assert notary.deliver() == 0
    assert state.checkpoints.sizes_at(away.place) == [head_size(line) for line in away.taken]
    assert len(noted(state, "audit.anchor")) == 1


def head_size(line):
    return json.loads(line)["size"]


def test_one_that_is_away_does_not_keep_another_waiting(state, keys, clock, tmp_path):
    file = FileAnchor(tmp_path / "elsewhere" / "checkpoints.jsonl")
    notary = Notary(state, keys, [Away(), file], clock)
    notary.sign()
    assert notary.deliver() == 1
    assert len(file.read()) == 1


def test_without_a_queue_it_would_be_lost(state, keys, clock):
    """Control: sent once and forgotten, the checkpoint never gets there."""
    away = Away()
    notary = Notary(state, keys, [away], clock)
    signed = notary.sign()
    notary.deliver()
    state.checkpoints.deliver(away.place, [signed.size], clock())  # believed to be there
    away.open = True
    assert notary.deliver() == 0
    assert away.taken == []


# Files that lose and lie


def test_a_file_that_is_gone_or_shorter(tmp_path):
    trail = made(tmp_path, 1500)
    assert trail.check().ok
    lines = trail.anchor.read()
    trail.anchor.path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    behind = trail.check()
    assert not behind.ok
    assert behind.reason.startswith("anchor")
    trail.anchor.path.unlink()
    assert not trail.check().ok
    assert trail.check(anchored=False).ok  # control: who does not look outside sees nothing


def test_a_file_that_says_otherwise(tmp_path):
    trail, liar = made(tmp_path / "a", 1500), made(tmp_path / "b", 1500)
    lines = trail.anchor.read()
    other = liar.anchor.read()
    trail.anchor.path.write_text("\n".join([*lines, *other]) + "\n", encoding="utf-8")
    assert trail.check().foreign == len(other)  # of another installation: told apart
    found = json.loads(lines[-1])
    found["text"] = found["text"].replace("\n1500\n", "\n1600\n")
    changed = json.dumps(found | {"size": 1600})
    trail.anchor.path.write_text("\n".join([*lines, changed]) + "\n", encoding="utf-8")
    lying = trail.check()
    assert not lying.ok
    assert lying.reason.startswith("signature")


def test_anchors_of_another_installation_alone_are_not_enough(tmp_path):
    trail, other = made(tmp_path / "a", 600), made(tmp_path / "b", 600)
    found = trail.check(anchored=False, more=[other.anchor.path])
    assert not found.ok
    assert "none is of this installation" in found.reason


def test_a_line_that_was_cut_by_a_stop_is_ended_first(tmp_path):
    file = FileAnchor(tmp_path / "checkpoints.jsonl")
    file.send(["one"])
    with file.path.open("a", encoding="utf-8") as raw:
        raw.write('{"cut')
    file.send(["two"])
    assert file.read() == ["one", '{"cut', "two"]
    assert read_anchors(file.read()) == ([], 3)
    assert oct(file.path.stat().st_mode & 0o777) == "0o600"


def test_a_link_in_the_place_of_the_file_is_refused(tmp_path, state, keys, clock):
    (tmp_path / "checkpoints.jsonl").symlink_to(tmp_path / "target")
    notary = Notary(state, keys, [FileAnchor(tmp_path / "checkpoints.jsonl")], clock)
    notary.sign()
    assert notary.deliver() == 0
    assert "anchor_unreachable" in noted(state, "alarm.security")[0].object


# Log hosts


class Host:
    """A log host that takes what it is sent."""

    def __init__(self, context=None, deaf=False):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.got, self.deaf = self.socket.getsockname()[1], b"", deaf
        self.context = context
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            if self.deaf:
                plain.close()
                continue
            try:
                taken = self.context.wrap_socket(plain, server_side=True) if self.context else plain
                with taken:
                    taken.settimeout(2)
                    while part := taken.recv(65536):
                        self.got += part
            except OSError:
                continue

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(3)


def frames(body):
    """What was counted in octets, taken apart (RFC 6587)."""
    found = []
    while body:
        length, _, rest = body.partition(b" ")
        found.append(rest[: int(length)])
        body = rest[int(length) :]
    return found


def checked(message, line):
    head, _, rest = message.decode().partition(" - ")
    priority, version = head.split(">")
    words = version.split(" ")
    assert priority == "<109"
    assert words[0] == "1"
    assert datetime.fromisoformat(words[1]).tzinfo is not None
    assert words[3] == "ccms"
    assert words[5] == "checkpoint"
    assert rest == line
    assert len(read_anchors([message.decode()])[0]) == 1  # the verifier takes it as it is


@pytest.fixture
def signed_line(state, keys, clock):
    from security.notary import line_of

    return line_of(Notary(state, keys, [], clock).sign())


def test_tcp_counts_octets(signed_line):
    host = Host()
    SyslogAnchor(f"tcp://127.0.0.1:{host.port}").send([signed_line, signed_line])
    host.close()
    first, second = frames(host.got)
    checked(first, signed_line)
    checked(second, signed_line)


def test_udp_sends_datagrams(signed_line):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
        host.bind(("127.0.0.1", 0))
        host.settimeout(2)
        SyslogAnchor(f"udp://127.0.0.1:{host.getsockname()[1]}").send([signed_line])
        checked(host.recv(4096), signed_line)


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made_ = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, private = folder / "ca.pem", folder / "key.pem"
    pem.write_bytes(made_.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                          serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return pem, context


def test_tls_knows_the_host_by_its_certificate(tmp_path, signed_line):
    pem, context = certificate(tmp_path)
    host = Host(context)
    SyslogAnchor(f"tls://localhost:{host.port}", pem).send([signed_line])
    with pytest.raises(ssl.SSLError):
        SyslogAnchor(f"tls://localhost:{host.port}").send([signed_line])  # not known here
    with pytest.raises(ssl.SSLError):
        SyslogAnchor(f"tls://127.0.0.1:{host.port}", pem).send([signed_line])  # another name
    host.close()
    (message,) = frames(host.got)
    checked(message, signed_line)


@pytest.mark.parametrize("scheme", ["udp", "tcp", "tls"])
def test_a_host_that_is_not_there(state, keys, clock, scheme):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    notary = Notary(state, keys, [SyslogAnchor(f"{scheme}://127.0.0.1:{port}")], clock)
    notary.sign()
    assert notary.deliver() == 0
    assert len(noted(state, "alarm.security")) == 1


def test_a_host_that_hangs_up(state, keys, clock):
    host = Host(deaf=True)
    notary = Notary(state, keys, [SyslogAnchor(f"tcp://127.0.0.1:{host.port}")], clock)
    notary.sign()
    assert notary.deliver() == 0
    host.close()


def test_without_a_look_at_the_connection_it_would_be_believed(state, keys, clock, monkeypatch):
    """Control: what was only written to the connection passes for delivered."""
    host = Host(deaf=True)
    monkeypatch.setattr(anchors_module, "_still_open", lambda _found: None)
    notary = Notary(state, keys, [SyslogAnchor(f"tcp://127.0.0.1:{host.port}")], clock)
    notary.sign()
    assert notary.deliver() == 1
    host.close()


# Row 65: the two implementations differ


class Differing(Pair):
    """Keys of which one implementation says yes and the other no."""

    def verify(self, kid, message, signature):
        return Verdict(valid=False, agreed=False)


def test_a_disagreement_is_invalid_and_an_alarm(tmp_path):
    trail = made(tmp_path, 600)
    assert trail.check().ok  # control: where both agree it is valid
    state = State(trail.home)
    keys = Differing()
    found = TrailCheck(state, keys, [trail.anchor]).verify(trail.clock(), full=True).findings
    assert not found.ok
    assert found.reason.startswith("signature")
    names = [record.object for record in noted(state, "alarm.security")]
    assert any(name.startswith("signature_disagreement") for name in names)
    assert any(name.startswith("audit_verification_failed") for name in names)
    state.close()


def test_a_failure_is_alarmed_once_and_again_when_it_is_another(tmp_path):
    trail = made(tmp_path, 600)
    with trail.raw() as raw:
        raw.execute("UPDATE audit SET object = 'x' WHERE seq = 100")
    state = State(trail.home)
    check = TrailCheck(state, trail.keys, [trail.anchor])
    for _ in range(3):
        check.verify(trail.clock(), full=False)
    assert len(noted(state, "alarm.security")) == 1
    state.close()


# Settings: there is always a place outside


@pytest.mark.parametrize("syslog", ["", "udp://log:514", "tcp://10.0.0.1:601", "tls://log.x:6514"])
def test_the_file_is_always_among_them(tmp_path, syslog):
    settings = Settings(home=tmp_path / "home", audit_syslog=syslog)
    found = anchors_of(settings)
    assert isinstance(found[0], FileAnchor)
    assert found[0].path == tmp_path / "home.anchor" / "checkpoints.jsonl"
    assert len(found) == 1 + bool(syslog)


@pytest.mark.parametrize("wrong", ["log:514", "http://log:514", "udp://log", "tcp://log:99999999"])
def test_another_form_of_log_host_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="audit_syslog"):
        Settings(home=tmp_path / "home", audit_syslog=wrong)


def test_an_anchor_among_the_data_is_refused(tmp_path):
    with pytest.raises(ValueError, match="锚点"):
        Settings(home=tmp_path, audit_anchor=tmp_path / "checkpoints.jsonl")
