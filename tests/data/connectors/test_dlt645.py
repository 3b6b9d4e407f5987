"""DL/T 645 meters: against a server nobody here wrote, and against a faulty meter of our own."""

import asyncio
import os
import pty
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from data.connectors import dlt645_codec as codec
from data.connectors import dlt645_data as forms
from data.connectors.base import LinkError, Point, PointKind, Quality
from data.connectors.dlt645 import CLOCK_ID, Dlt645, Dlt645Address, Dlt645Config
from tests.data.connectors.peers import Kept, running, until

METER, OTHER = "201709320016", "000000000161"
ENERGY, POWER, VOLTAGE = "00-01-00-00", "02-03-00-00", "02-01-01-00"


def point(name, meter, identifier, **more):
    return Point(
        point_id=name, address=f"{meter}#{identifier}", **{"period_s": 0.3, "row": 2} | more
    )


class Meter(asyncio.Protocol):
    """A meter of our own, with the faults of real ones; the standard's layout, low byte first.

    ``answers`` maps identifiers to bytes (a block longer than 4 is cut into following frames
    when ``cut`` says so); ``spoil`` changes what goes out.
    """

    def __init__(self, answers, address=METER, spoil=lambda raw: [raw], cut=None):
        self.answers, self.address, self.spoil, self.cut = answers, address, spoil, cut
        self.scanner = codec.Scanner()
        self.requests = []
        self.transports = []

    def __call__(self):
        return self

    def connection_made(self, transport):
        self.transports.append(transport)
        self.transport = transport

    def data_received(self, data):
        for frame in self.scanner.feed(data):
            if frame.address == self.address:
                self.requests.append(frame)
                self.reply(frame)

    def reply(self, frame):
        di = int.from_bytes(frame.data[:4], "little")
        data = self.answers.get(di)
        if data is None:
            out = codec.Frame(self.address, frame.control | 0xC0, b"\x02")
        elif isinstance(data, int):
            out = codec.Frame(self.address, frame.control | 0xC0, bytes([data]))
        elif self.cut and frame.function == codec.READ:
            out = codec.Frame(self.address, 0xB1, frame.data[:4] + data[: self.cut])
        elif frame.function == codec.READ_ON:
            number = frame.data[4]
            part = data[number * self.cut : (number + 1) * self.cut]
            more = len(data) > (number + 1) * self.cut
            out = codec.Frame(
                self.address, 0xB2 if more else 0x92, frame.data[:4] + part + bytes([number])
            )
        else:
            out = codec.Frame(self.address, 0x91, frame.data[:4] + data)
        for delay, raw in enumerate(self.spoil(codec.encoded(out))):
            asyncio.get_running_loop().call_later(delay * 0.25, self.transport.write, raw)


async def served(meter):
    server = await asyncio.get_running_loop().create_server(meter, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def connector(port, *points, **settings):
    more = {"min_gap_ms": 0, "timeout_s": 0.15, "retries": 0} | settings
    return Dlt645(Dlt645Config(host="127.0.0.1", port=port, **more), points)


def tried(meter, *points, seconds=10, enough, **settings):
    """Run a connector against a meter of our own until ``enough(kept)``."""

    async def run():
        server, port = await served(meter)
        kept = Kept()
        async with server, running(connector(port, *points, **settings), kept) as task:
            await until(lambda: enough(kept), task, seconds)
        return kept

    return asyncio.run(run())


def bcd(digits):
    return bytes.fromhex(digits)[::-1]


CLOCK = {forms.DATE_ID: bcd("26112604"), forms.TIME_ID: bcd("134509")}


def test_values_come_with_their_sign_and_scale():
    meter = Meter({0x00010000: bcd("01234567"), 0x02030000: bcd("812345")} | CLOCK)
    kept = tried(
        meter,
        point("E1", METER, ENERGY, unit="kWh", scale=Decimal("0.001")),
        point("P1", METER, POWER, kind="instant"),
        enough=lambda k: len(k.batches) >= 2,
    )
    assert kept.values("E1")[0] == Decimal("12.34567")
    assert kept.values("P1")[0] == Decimal("-1.2345")
    assert {r.q for r in kept.readings} == {Quality.GOOD}
    assert not any(batch.stamped for batch in kept.batches)
    assert len(kept.keys) == len(kept.batches)
    assert kept.duplicates == 0
    # The slot's own time, a whole multiple of the period; again and again a new one.
    times = [r.ts for r in kept.of("E1")]
    assert all(at.timestamp() % 0.3 < 1e-3 or at.timestamp() % 0.3 > 0.299 for at in times)
    assert len(set(times)) == len(times)
    assert abs(times[0].timestamp() - datetime.now().timestamp()) < 10
    assert {f.function for f in meter.requests} == {codec.READ}


def test_following_frames_are_put_together():
    data = bytes(range(1, 4)) + bcd("00000012")
    meter = Meter({0x00010000: data}, cut=3)
    point_ = Point(point_id="B", address=f"{METER}#{ENERGY}", func="XXXXXXXXXXXXXX", period_s=0.3)
    kept = tried(meter, point_, enough=lambda k: k.batches)
    assert kept.values("B") == [Decimal(int(data[::-1].hex()))]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: [raw[:-2] + bytes([raw[-2] ^ 1]) + raw[-1:]],  # checksum
        lambda raw: [raw[: len(raw) // 2]],  # cut short
        lambda raw: [b"\x00\xff" * 9],  # noise
    ],
)
def test_a_spoilt_answer_is_bad_and_never_a_value(spoil):
    meter = Meter({0x00010000: bcd("01234567")}, spoil=spoil)

    async def run():
        server, port = await served(meter)
        kept = Kept()
        async with server:
            with pytest.raises(LinkError):
                await connector(port, point("E1", METER, ENERGY)).run(kept)
            report = await connector(port, point("E1", METER, ENERGY)).probe()
        return kept, report

    kept, report = asyncio.run(run())
    assert kept.readings == []
    assert "没有应答" in report.rows[0].error or "校验不符" in report.rows[0].error
    assert report.rows[0].raw_hex


def test_noise_and_wake_up_bytes_around_an_answer_do_not_matter():
    meter = Meter(
        {0x00010000: bcd("01234567")}, spoil=lambda raw: [b"\x00\xfe\xfe\xfe\xfe" + raw + b"\xff"]
    )
    kept = tried(meter, point("E1", METER, ENERGY), enough=lambda k: k.batches)
    assert kept.values("E1")[0] == Decimal("12345.67")


def test_an_echo_of_the_question_is_no_answer():
    class Echoing(Meter):
        def data_received(self, data):
            self.transport.write(data)
            super().data_received(data)

    kept = tried(
        Echoing({0x00010000: bcd("01234567")}),
        point("E1", METER, ENERGY),
        enough=lambda k: k.batches,
    )
    assert kept.values("E1")[0] == Decimal("12345.67")


def test_a_late_answer_is_never_given_to_the_next_question():
    """F2: the voltage's answer comes while the energy is being asked."""

    class Late(Meter):
        def reply(self, frame):
            if int.from_bytes(frame.data[:4], "little") == 0x02010100:
                asyncio.get_running_loop().call_later(0.2, super().reply, frame)
            else:
                super().reply(frame)

    meter = Late({0x02010100: bcd("2205"), 0x00010000: bcd("01234567")})
    kept = tried(
        meter,
        point("V1", METER, VOLTAGE),
        point("E1", METER, ENERGY),
        enough=lambda k: len(k.of("E1")) >= 3,
        retries=1,
    )
    assert set(kept.values("V1")) == {Decimal("220.5")}
    assert set(kept.values("E1")) == {Decimal("12345.67")}


def test_an_error_reply_turns_the_point_off_and_says_why():
    meter = Meter({0x00010000: bcd("01234567"), 0x02010100: 0x01})
    kept = tried(
        meter,
        point("E1", METER, ENERGY),
        point("NO", METER, POWER),
        point("V1", METER, VOLTAGE),
        enough=lambda k: len(k.batches) >= 3,
    )
    assert list(kept.disabled) == ["NO"]
    assert kept.disabled["NO"] == "电表答复 02H：没有所请求的数据"  # F20: with the code
    assert len(kept.of("NO")) == 1  # asked once, then no more
    assert {r.note for r in kept.of("V1")} == {"电表答复 01H：其他错误"}
    assert len(kept.of("V1")) >= 3
    assert set(kept.values("E1")) == {Decimal("12345.67")}


def test_a_dead_meter_does_not_silence_its_neighbour():
    """One time-out a round for a silent meter, whatever number of points it has."""
    meter = Meter({0x00010000: bcd("01234567")})
    dead = [point(f"D{n}", OTHER, ENERGY, func="XXXXXX.XX") for n in range(5)]
    kept = tried(meter, *dead, point("E1", METER, ENERGY), enough=lambda k: len(k.of("E1")) >= 3)
    assert set(kept.values("E1")) == {Decimal("12345.67")}
    assert {(r.value, r.q) for r in kept.of("D4")} == {(None, Quality.BAD)}


def test_a_line_where_nobody_answers_is_given_up():
    async def run():
        server, port = await served(Meter({}, address="999999999999"))
        kept = Kept()
        async with server:
            with pytest.raises(LinkError, match="没有一只表应答"):
                await connector(port, point("E1", METER, ENERGY)).run(kept)
        return kept

    kept = asyncio.run(run())
    # Tried again after a new connection, the same slot may still be read.
    assert kept.readings == []


def test_a_link_that_breaks_keeps_the_meters_that_were_read():
    async def run():
        class Both(Meter):
            """Two meters on one line; the converter dies when the second is asked."""

            def data_received(self, data):
                if codec.wire_address(OTHER) in data:
                    self.transport.close()
                else:
                    super().data_received(data)

        server, port = await served(Both({0x00010000: bcd("01234567")}))
        kept = Kept()
        async with server:
            points = point("E1", METER, ENERGY), point("E2", OTHER, ENERGY)
            with pytest.raises(LinkError):
                await connector(port, *points).run(kept)
        return kept

    kept = asyncio.run(run())
    assert kept.values("E1") == [Decimal("12345.67")]
    assert kept.of("E2") == []


def test_no_gateway_is_a_lost_link():
    async def run():
        server, port = await served(Meter({}))
        server.close()
        await server.wait_closed()
        with pytest.raises((LinkError, OSError)):
            await connector(port, point("E1", METER, ENERGY)).run(Kept())
        return await connector(port, point("E1", METER, ENERGY)).probe()

    report = asyncio.run(run())
    assert not report.ok
    assert report.error


def now_clock(ahead_s):
    from zoneinfo import ZoneInfo

    at = datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(seconds=ahead_s)
    return {
        forms.DATE_ID: bcd(f"{at:%y%m%d}0{at.isoweekday() % 7}"),
        forms.TIME_ID: bcd(f"{at:%H%M%S}"),
    }


@pytest.mark.parametrize(("ahead_s", "told"), [(0, False), (3600, True), (-86400, True)])
def test_a_meters_clock_is_read_daily_and_its_skew_recorded(ahead_s, told):
    meter = Meter({0x00010000: bcd("01234567")} | now_clock(ahead_s))
    kept = tried(
        meter,
        point("E1", METER, ENERGY),
        point("C1", METER, "clock", kind="instant"),
        enough=lambda k: len(k.batches) >= 3,
    )
    assert abs(kept.values("C1")[0] - ahead_s) <= 3
    assert kept.troubles == (["电表时钟偏差超过 5 分钟"] if told else [])


def test_pressed_leaves_out_what_no_total_is_made_of():
    async def run():
        server, port = await served(Meter({0x00010000: bcd("01234567")}))
        kept = Kept(pressed=True)
        points = point("E1", METER, ENERGY), point("V1", METER, VOLTAGE, kind="instant")
        async with server, running(connector(port, *points), kept) as task:
            await until(lambda: len(kept.batches) >= 2, task)
        return kept

    assert {r.point for r in asyncio.run(run()).readings} == {"E1"}


def test_a_value_beyond_the_limits_is_bad():
    meter = Meter({0x02010100: bcd("2205")})
    kept = tried(meter, point("V1", METER, VOLTAGE, valid_max=200), enough=lambda k: k.batches)
    assert kept.readings[0].q is Quality.BAD


def test_a_probe_shows_the_bytes_and_the_clock():
    async def run():
        server, port = await served(Meter({0x00010000: bcd("00000026")} | now_clock(0)))
        async with server:
            points = point("E1", METER, ENERGY), point("P1", METER, POWER)
            return await connector(port, *points).probe()

    report = asyncio.run(run())
    energy, power = report.rows
    assert energy.value == Decimal("0.26")
    assert energy.raw_hex == "68 16 00 32 09 17 20 68 91 08 33 33 34 33 59 33 33 33 B0 16"
    assert "没有所请求的数据" in power.error
    assert not report.ok
    assert abs(report.clock_skew_s) < 5


# The peer nobody here wrote.


@pytest.fixture
def stranger():
    """The server of the package dlt645; it puts addresses on the wire unreversed, so reverse."""
    peer = pytest.importorskip("dlt645", reason="no second DL/T 645 implementation installed")
    server = peer.MeterServerService.new_tcp_server("127.0.0.1", 0, 3.0)
    server.set_address(bytes.fromhex(METER)[::-1])
    server.set_00(0x00000000, 12345.67)
    server.set_02(0x02010100, 220.5)
    server.set_02(0x02030000, 1.2345)
    assert server.server.start()
    yield server.server.port
    server.server.stop()


def test_values_of_a_server_nobody_here_wrote(stranger):
    async def run():
        kept = Kept()
        points = (
            point("E1", METER, "00-00-00-00"),
            point("V1", METER, VOLTAGE),
            point("P1", METER, POWER),
        )
        async with running(connector(stranger, *points, timeout_s=2), kept) as task:
            await until(lambda: len(kept.batches) >= 2, task)
        return kept

    kept = asyncio.run(run())
    assert kept.values("E1")[0] == Decimal("12345.67")
    assert kept.values("V1")[0] == Decimal("220.5")
    assert kept.values("P1")[0] == Decimal("1.2345")


def test_the_strangers_refusal_is_understood(stranger):
    async def run():
        kept = Kept()
        points = point("NO", METER, "0E-99-01-01", func="XXXX"), point("V1", METER, VOLTAGE)
        async with running(connector(stranger, *points, timeout_s=2), kept) as task:
            await until(lambda: len(kept.of("V1")) >= 2, task)
        return kept

    kept = asyncio.run(run())
    assert {r.q for r in kept.of("NO")} == {Quality.BAD}
    assert kept.of("NO")[0].note.startswith("电表答复")


# Serial.


def test_over_a_serial_port():
    """A pair of pseudo-terminals stands for the line; no meter hangs on this machine."""
    pytest.importorskip("serial")

    async def run():
        master, slave = pty.openpty()
        meter = Meter({0x00010000: bcd("01234567")})
        meter.transport = type("Port", (), {"write": lambda _, raw: os.write(master, raw)})()
        loop = asyncio.get_running_loop()
        loop.add_reader(master, lambda: meter.data_received(os.read(master, 512)))
        kept = Kept()
        cfg = Dlt645Config(
            serial_port=os.ttyname(slave), baud=9600, parity="N", min_gap_ms=0, timeout_s=1
        )
        try:
            async with running(Dlt645(cfg, (point("E1", METER, ENERGY),)), kept) as task:
                await until(lambda: len(kept.batches) >= 3, task)
        finally:
            loop.remove_reader(master)
            os.close(master)
            os.close(slave)
        return kept

    assert set(asyncio.run(run()).values("E1")) == {Decimal("12345.67")}


def test_a_port_that_is_not_there_is_a_lost_link():
    pytest.importorskip("serial")
    cfg = Dlt645Config(serial_port="/dev/there-is-no-such-port")
    with pytest.raises(LinkError, match="串口打不开"):
        asyncio.run(Dlt645(cfg, (point("E1", METER, ENERGY),)).run(Kept()))


# The point table's cells.


@pytest.mark.parametrize(
    ("address", "func", "identifier", "unit"),
    [
        ("201709320016#00-01-00-00", "", 0x00010000, "kWh"),
        ("161#00010000", "", 0x00010000, "kWh"),
        ("161#0e-99-01-01", "±XXX.X", 0x0E990101, ""),
        ("161#时钟", "", CLOCK_ID, None),
    ],
)
def test_addresses_as_people_write_them(address, func, identifier, unit):
    found = Dlt645Address.parse(address, func)
    assert found.identifier == identifier
    assert (found.written.unit if found.written else None) == unit


@pytest.mark.parametrize(
    ("address", "func"),
    [
        ("201709320016", ""),
        ("2017093200161#00-01-00-00", ""),
        ("161#00-01-00", ""),
        ("161#0E-99-01-01", ""),
        ("161#00-01-00-00", "XXX.XX"),
        ("161#00-01-00-00", "12"),
        ("AAAAAAAAAAAA#00-01-00-00", ""),
    ],
)
def test_an_address_that_is_none_is_refused(address, func):
    with pytest.raises(ValueError, match="[地址数据标识格式]"):
        Dlt645Address.parse(address, func)


def test_a_unit_the_meter_does_not_give_is_refused():
    cfg = Dlt645Config(host="h")
    Dlt645Address.check(point("E", METER, ENERGY, unit="MWh", scale=Decimal("0.001")), cfg)
    with pytest.raises(ValueError, match="系数是 1"):
        Dlt645Address.check(point("E", METER, ENERGY, unit="MWh"), cfg)
    with pytest.raises(ValueError, match="瞬时"):
        Dlt645Address.check(point("C", METER, "clock", kind=PointKind.REGISTER), cfg)


@pytest.mark.parametrize("wrong", [{}, {"host": "a", "serial_port": "b"}, {"host": "a", "baud": 1}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValidationError):
        Dlt645Config(**wrong)


def test_it_only_ever_sends_reads():
    """Read-only by construction: no request with another function exists."""
    sent = {codec.READ, codec.READ_ON, codec.READ_ADDRESS}
    assert sent == codec._READERS
