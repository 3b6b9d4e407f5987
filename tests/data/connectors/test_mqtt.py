"""MQTT against Debian's mosquitto: F6, F7, F12, F16, back-pressure, certificates."""

import asyncio
import contextlib
import gc
import json
import subprocess
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from data.collector import Link
from data.collector import _Point as Watched
from data.connectors.base import ConnectorConfig, LinkError, Point, Quality
from data.connectors.mqtt import Mqtt, MqttAddress
from data.connectors.mqtt_link import MqttConfig
from data.digest import sm3
from data.dropped import Drops
from data.link_book import LinkBook
from data.pushes import Pushes, decoded
from data.slots import SteadyClock
from data.spool_file import SpoolFile
from tests.data.connectors.broker import Broker, Sender, needs_mosquitto
from tests.data.connectors.peers import Kept, running, until

FIVE, THREE = "5", "3.1.1"


def point(name, address=None, **more):
    return Point(point_id=name, address=address or name, **more)


@pytest.fixture
def broker(tmp_path):
    found = Broker(tmp_path)
    yield found
    found.kill()


@pytest.fixture
def sender(broker):
    found = Sender(broker.port)
    yield found
    found.close()


def subscription(broker, *points, version=FIVE, **settings):
    more = {
        "topics": ("plant/+/up",), "client_id": "carbon", "ack_topic": "ack/{device}",
        "timeout_s": 3,
    } | settings  # fmt: skip
    cfg = MqttConfig(host="127.0.0.1", port=broker.port, version=version, **more)
    return Mqtt(cfg, points or (point("E1"),))


def took(broker, act, enough, *points, emit=None, **settings):
    """Run a subscription, act once it is linked, until ``enough(kept)``."""

    async def run():
        kept = emit or Kept()
        async with running(subscription(broker, *points, **settings), kept) as task:
            await until(lambda: kept.links, task)
            await asyncio.to_thread(act)
            await until(lambda: enough(kept), task)
        return kept

    return asyncio.run(run())


@pytest.mark.parametrize("version", [FIVE, THREE])
def test_a_value_arrives_exact_and_its_sender_is_told(broker, sender, version):
    kept = took(
        broker,
        lambda: sender.measure(1, 12345.67, ago_s=5),
        lambda _: sender.answers,
        point("E1", scale=Decimal(10), unit="kWh"),
        version=version,
    )
    (batch,) = kept.batches
    (reading,) = batch.readings
    assert reading.value == Decimal("123456.70")
    assert abs(datetime.now(UTC) - reading.ts - timedelta(seconds=5)) < timedelta(seconds=5)
    assert (batch.source_seq, batch.stamped, batch.backlog) == (1, True, False)
    assert sender.answers == [{"result": 1, "seq": 1}]


def test_a_vendors_contract(broker):
    """The shape of connectors.md §1.1: upload and download topics, an answer with result 1."""
    body = {
        "version": "1.0",
        "location_code": "NX001",
        "ts": 1795671901000,
        "properties": [
            {"type": "AI", "key": "E1", "value": 12.5, "unit": "kWh", "timestamp": 1795671900000}
        ],
    }
    sender = Sender(broker.port)
    came = []
    sender.client.subscribe("CET/NX/download", 1)
    sender.client.on_message = lambda _, __, message: came.append(json.loads(message.payload))
    kept = took(
        broker,
        lambda: sender.send(body, "CET/NX/upload").wait_for_publish(5),
        lambda _: came,
        point("P", "NX001#E1"),
        topics=("CET/NX/upload",),
        ack_topic="CET/NX/download",
        ack_copy=("location_code", "ts"),
        values="properties",
        time="timestamp",
        time_format="ms",
        device="location_code",
        sent="ts",
    )
    sender.close()
    assert kept.readings[0].ts == datetime.fromtimestamp(1795671900, UTC)
    assert kept.batches[0].sent_at == datetime.fromtimestamp(1795671901, UTC)
    assert came == [{"location_code": "NX001", "ts": 1795671901000, "result": 1}]


def test_points_of_several_devices_and_bare_numbers(broker, sender):
    def act():
        sender.send({"values": {"E1": 1}}, "plant/A/up")
        sender.send({"values": {"E1": 2}}, "plant/B/up")
        sender.send(b"3.5", "plant/C/up")
        sender.send({"values": {"E9": 9}}, "plant/A/up").wait_for_publish(5)

    kept = took(
        broker,
        act,
        lambda k: len(k.readings) >= 3 and k.troubles,
        point("A1", "A#E1"),
        point("B1", "B#E1"),
        point("C1", "plant/C/up#"),
    )
    assert {r.point: r.value for r in kept.readings} == {"A1": 1, "B1": 2, "C1": Decimal("3.5")}
    assert kept.troubles == ["报文里有点表没有的测点"]
    # Without a time of its own a value has the time it came, and two equal ones are two.
    assert not any(batch.stamped for batch in kept.batches)


def linked(folder, *points):
    """What the collector gives a connector: a link into a real spool."""
    file, clock = SpoolFile(folder), SteadyClock()
    watched = {one.point_id: Watched(one, clock.monotonic()) for one in points}
    return Link("mqtt-1", "S1", 1, False, ConnectorConfig(), watched, Pushes(file), LinkBook(file),
                Drops(file), clock)  # fmt: skip


def test_messages_delivered_twice_count_once(broker, sender, tmp_path):
    """F6: the collector dies between disk and acknowledgement; the broker brings all again."""

    class Died(Exception):
        pass

    async def run():
        link = linked(tmp_path, point("E1"))
        put, keys = link.pushes.put, []

        def dying(interface, version, batch, at, *, forced=False):
            receipt = put(interface, version, batch, at, forced=forced)
            keys.append(batch.key)
            if len(keys) == 3:
                raise Died  # three on the disk and the third unacknowledged
            return receipt

        link.pushes.put = dying
        with contextlib.suppress(Died):
            async with running(subscription(broker), link) as task:
                await until(lambda: link.answered, task)
                for seq in range(1, 9):
                    await asyncio.to_thread(sender.measure, seq, seq)
                await until(lambda: task.done())
        again = linked(tmp_path, point("E1"))
        async with running(subscription(broker), again) as task:
            await until(lambda: again.batches == 6, task)  # the third once more, then the others
            await until(lambda: not sender.kept, task)
        return again

    again = asyncio.run(run())
    assert (again.health().duplicates, again.health().readings) == (1, 5)
    rows = again.pushes.file.select("SELECT payload FROM pushed ORDER BY seq")
    assert [r.value for (row,) in rows for r in decoded(row)] == [Decimal(n) for n in range(1, 9)]


@pytest.mark.parametrize("version", [FIVE, THREE])
def test_a_full_spool_is_waited_for_and_nothing_acknowledged(broker, sender, version):
    """Back-pressure: the broker holds the rest, no more than receive-maximum are with us."""
    kept = Kept()
    kept.busy_for = 10**6

    async def run():
        taken = subscription(broker, receive_maximum=4, version=version)
        async with running(taken, kept) as task:
            await until(lambda: kept.links, task)
            for seq in range(1, 31):
                await asyncio.to_thread(sender.measure, seq, seq)
            await asyncio.sleep(0.3)
            assert sender.answers == []
            assert kept.batches == []
            assert "暂存库已满，暂不确认" in kept.troubles
            kept.busy_for = 0
            await until(lambda: len(sender.answers) >= 30, task)

    asyncio.run(run())
    assert kept.values("E1") == [Decimal(n) for n in range(1, 31)]
    assert kept.duplicates == 0


class Spooled(Kept):
    """An emit into a real spool file, so that the gaps are its own."""

    def __init__(self, folder):
        super().__init__()
        self.pushes = Pushes(SpoolFile(folder))

    async def __call__(self, batch):
        await super().__call__(batch)
        return self.pushes.put("mqtt-1", 1, batch, self.clock.wall())


async def linked_again(broker, kept, points=()):
    """Connect again as the supervisor does, until the broker takes us."""
    before = kept.links
    while True:
        task = asyncio.create_task(subscription(broker, *points).run(kept))
        try:
            await until(lambda: kept.links > before, task, 5)
            return task
        except (LinkError, OSError):
            await asyncio.sleep(0.1)


async def ended(task):
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, LinkError):
        await task


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_broker_that_goes_away_loses_nothing_for_good(broker, sender, tmp_path, how):
    """F7: after SIGTERM nothing is lost; after kill -9 the hole is found by number and filled."""
    kept = Spooled(tmp_path)

    async def run():
        task = await linked_again(broker, kept)
        await asyncio.to_thread(sender.measure, 1, 1)
        await until(lambda: kept.values("E1") == [1], task)
        await until(lambda: sender.answers, task)
        await ended(task)  # the collector is away; the broker takes on 2 to 6
        for seq in range(2, 7):
            await asyncio.to_thread(sender.measure, seq, seq)
        await asyncio.to_thread(getattr(broker, how))
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(sender.ready.clear)
        await asyncio.to_thread(sender.ready.wait, 10)
        began = time.monotonic()
        task = await linked_again(broker, kept)
        assert time.monotonic() - began < 10  # F1
        if how == "kill":
            await asyncio.sleep(0.3)
            assert kept.values("E1") == [1]  # the broker had acknowledged five and lost them
        await asyncio.to_thread(sender.measure, 7, 7)
        await until(lambda: len(kept.batches) >= 7, task, 15)
        await until(lambda: not sender.kept, task, 15)
        assert time.monotonic() - began < 60  # found, asked for and filled
        await ended(task)

    asyncio.run(run())
    assert sorted(kept.values("E1")) == [Decimal(n) for n in range(1, 8)]
    assert kept.pushes.missing("mqtt-1") == ()
    asked = [answer["missing"] for answer in sender.answers if "missing" in answer]
    if how == "kill":
        assert asked[0] == [2, 3, 4, 5, 6]
        # What is sent again is old, not the word of a slow clock.
        assert all(batch.backlog for batch in kept.batches[2:])
    else:
        assert asked == []


def test_a_broker_that_dies_is_told_at_once(broker):
    async def run():
        kept = Kept()
        task = asyncio.create_task(subscription(broker).run(kept))
        await until(lambda: kept.links, task)
        broker.kill()
        with pytest.raises(LinkError, match="断开"):
            await asyncio.wait_for(task, 5)
        with pytest.raises(LinkError):
            await subscription(broker).run(Kept())

    asyncio.run(run())


@pytest.mark.parametrize("off_s", [3600, -86_400])
def test_a_senders_wrong_clock_is_passed_on_as_it_is(broker, sender, off_s):
    """F12: the stamp stays the sender's, the batch says that it is new: the spool judges it."""
    kept = took(
        broker,
        lambda: sender.measure(1, 5, ago_s=-off_s, sent=None),
        lambda k: k.batches,
    )
    (batch,) = kept.batches
    off = (batch.readings[0].ts - datetime.now(UTC)).total_seconds()
    assert abs(off - off_s) < 10
    assert (batch.stamped, batch.backlog) == (True, False)


@pytest.mark.parametrize("version", [FIVE, THREE])
def test_a_changed_message_is_refused_and_the_next_one_taken(broker, sender, version):
    """F16: refused with its reason and number, nothing kept; the same bytes sent well are taken."""
    text = '{"values":{"E1":7},"seq":1}'
    digest = sm3(text.encode())
    inside = text[:-1] + f',"sm3":"{digest}"}}'

    def act():
        if version == FIVE:
            sender.send(text.replace("7", "8").encode(), sm3=digest, seq=1)
            sender.send(text.encode(), sm3=digest, seq=1).wait_for_publish(5)
        else:
            sender.send(inside.replace(":7", ":8").encode())
            sender.send(inside.encode()).wait_for_publish(5)

    kept = took(
        broker,
        act,
        lambda _: len(sender.answers) >= 2,
        version=version,
        require_digest=True,
    )
    refused, taken = sender.answers
    assert (refused["result"], refused["reason"]) == (0, "报文与 SM3 摘要不符")
    assert taken == {"result": 1, "seq": 1}
    assert kept.values("E1") == [7]
    assert kept.troubles == ["报文与 SM3 摘要不符"]


def test_nonsense_blocks_nobody(broker, sender):
    def act():
        for raw in (b"", b"{", b"\xff", b'{"seq":1}'):
            sender.send(raw)
        sender.measure(2, 5)

    kept = took(broker, act, lambda k: k.batches)
    assert kept.values("E1") == [5]
    assert len(kept.troubles) == 4


def test_a_value_the_broker_kept_without_a_time_is_left(broker, sender):
    def keep():
        sender.client.publish("plant/D1/up", b'{"values":{"E1":1}}', 1, retain=True)
        sender.client.publish(
            "plant/D2/up", b'{"ts":"2026-11-01T00:00:00Z","values":{"E1":2}}', 1, retain=True
        ).wait_for_publish(5)

    keep()
    kept = took(broker, lambda: None, lambda k: len(k.batches) >= 2)
    assert kept.values("E1") == [2]
    assert all(batch.backlog for batch in kept.batches)


def test_one_interface_follows_the_numbers_of_one_sender(broker, sender):
    other = Sender(broker.port, "D2")

    def act():
        sender.measure(5, 1)
        other.measure(900, 2)

    kept = took(broker, act, lambda k: len(k.batches) >= 2)
    other.close()
    assert [batch.source_seq for batch in kept.batches] == [5, None]
    assert "一个接口只跟踪一个发送方" in kept.troubles[0]


def test_limits_and_quality(broker, sender):
    kept = took(
        broker,
        lambda: sender.measure(1, 900),
        lambda k: k.batches,
        point("E1", valid_max=Decimal(500)),
    )
    assert kept.readings[0].q is Quality.BAD


def test_a_probe_shows_the_payload_and_acknowledges_nothing(broker, sender):
    async def run():
        kept = Kept()
        async with running(subscription(broker), kept) as task:
            await until(lambda: kept.links, task)
        await asyncio.to_thread(sender.measure, 1, 5)
        points = point("E1"), point("E2")
        report = await subscription(broker, *points, timeout_s=1).probe()
        async with running(subscription(broker), kept) as task:
            await until(lambda: kept.batches, task)
        return report, kept

    report, kept = asyncio.run(run())
    found, absent = report.rows
    assert found.value == 5
    assert bytes.fromhex(found.raw_hex).startswith(b'{"ts"')
    assert "没有收到" in absent.error
    assert kept.values("E1") == [5]


def test_a_wrong_password_says_so(tmp_path, monkeypatch):
    needs_mosquitto()
    (tmp_path / "pw").write_text("carbon:right\n")
    subprocess.run(["mosquitto_passwd", "-U", tmp_path / "pw"], check=True)
    broker = Broker(tmp_path, "allow_anonymous false", f"password_file {tmp_path}/pw")
    monkeypatch.setenv("BROKER_PASSWORD", "wrong")
    try:
        for version in (FIVE, THREE):
            settings = {"username": "carbon", "password": "env:BROKER_PASSWORD"}
            with pytest.raises(LinkError, match="用户名或密码不对|拒绝这个账号"):
                asyncio.run(subscription(broker, version=version, **settings).run(Kept()))
        monkeypatch.setenv("BROKER_PASSWORD", "right")
        assert took(broker, lambda: None, lambda k: k.links, **settings).links == 1
    finally:
        broker.kill()


# paho leaves the socket of a failed handshake to the collector of garbage.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_certificates_are_checked(tmp_path):
    from tests.data.connectors.certificates import made

    made(tmp_path)
    broker = Broker(
        tmp_path,
        "allow_anonymous true",
        f"cafile {tmp_path}/ca.pem",
        f"certfile {tmp_path}/server.pem",
        f"keyfile {tmp_path}/server.key",
        "require_certificate true",
    )
    own = {"cert_file": tmp_path / "client.pem", "key_file": tmp_path / "client.key"}
    try:
        kept = took(
            broker, lambda: None, lambda k: k.links, tls=True, ca_file=tmp_path / "ca.pem", **own
        )
        assert kept.links == 1
        with pytest.raises(LinkError, match="证书"):  # an issuer that the system does not know
            asyncio.run(subscription(broker, tls=True, **own).run(Kept()))
        with pytest.raises(LinkError):  # no certificate of our own
            asyncio.run(
                subscription(broker, tls=True, ca_file=tmp_path / "ca.pem", timeout_s=1).run(Kept())
            )
        with pytest.raises(LinkError):  # no encryption
            asyncio.run(subscription(broker, timeout_s=1).run(Kept()))
    finally:
        broker.kill()
        gc.collect()  # those sockets are this test's, not the next one's


@pytest.mark.parametrize(
    ("cell", "device", "key"),
    [("E1", "", "E1"), ("NX001#E1", "NX001", "E1"), ("plant/C/up#", "plant/C/up", "")],
)
def test_addresses_as_people_write_them(cell, device, key):
    assert MqttAddress.parse(cell) == MqttAddress(device=device, key=key)


@pytest.mark.parametrize(
    "wrong",
    [{"topics": ()}, {"cert_file": "a"}, {"ca_file": "a"}, {"ack_topic": "a/+"},
     {"password": "secret"}, {"tls_insecure": True}, {"version": "4"}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValidationError):
        MqttConfig(**{"host": "h", "client_id": "c", "topics": ("a",)} | wrong)
    with pytest.raises(ValueError, match="地址"):
        MqttAddress.parse(" ")
