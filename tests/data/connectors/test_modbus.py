"""Modbus against servers that others wrote: npm's modbus-serial and Debian's libmodbus."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from decimal import Decimal

import pytest
from pymodbus.client import AsyncModbusSerialClient

from data.connectors.base import LinkError, Point, Quality
from data.connectors.modbus import _BUSY_WAITS_S, ODD, ModbusRtu, ModbusTcp
from data.connectors.modbus_table import ModbusRtuConfig, ModbusTcpConfig, blocks
from tests.data.connectors.emitted import Emitted, running, until
from tests.peers.start import libmodbus_peer, modbus_server, serial_pair
from tests.peers.start import running as peer

FLOAT = (0x4365, 0x028F)


def point(name, address, dtype="u16", **more):
    given = {"point_id": name, "address": str(address), "dtype": dtype, "kind": "instant",
             "period_s": 0.2, "row": 2}  # fmt: skip
    return Point(**given | more)


def tcp(port, points, **more):
    given = {"host": "127.0.0.1", "port": port, "address_base": 0, "timeout_s": 0.5}
    return ModbusTcp(ModbusTcpConfig(**given | more), points)


@pytest.fixture
def server():
    with modbus_server() as found:
        yield found


def collected(connector, done, emit=None):
    emit = emit or Emitted()

    async def run():
        async with running(connector, emit):
            await until(lambda: done(emit))

    asyncio.run(run())
    return emit


def test_values_are_exact_and_stamped_by_slots(server):
    server.words(10, *FLOAT, 0x0001, 0xE240, 0xFFFF)
    server.words(3, 1, area=1)
    points = [
        point("V", 10, "f32"), point("E", 12, "u32", scale="0.01", kind="register"),
        point("T", 14, "s16", scale="0.1"), point("C", 3, "bit", func="1"),
        point("B", "13.6", "bit"),
    ]  # fmt: skip
    emit = collected(tcp(server.port, points), lambda e: len(e.batches) >= 2)
    first = {r.point: r for r in emit.batches[0].readings}
    assert {name: r.value for name, r in first.items()} == {
        "V": Decimal("229.01"), "E": Decimal("1234.56"), "T": Decimal("-0.1"),
        "C": 1, "B": 1,
    }  # fmt: skip
    stamp = first["V"].ts
    assert (stamp.timestamp() * 1000) % 200 == 0
    keys = [batch.key for batch in emit.batches]
    assert len(keys) == len(set(keys))
    assert all(r.q is Quality.GOOD for b in emit.batches for r in b.readings)


def test_adjacent_registers_are_one_request_and_a_limit_holds():
    points = [point(f"P{n}", n, "u16") for n in range(10)] + [point("F", 20, "f32")]
    cfg = ModbusTcpConfig(host="x", address_base=0)
    assert [(b.first, b.count) for b in blocks(points, cfg)] == [(0, 10), (20, 2)]
    one = ModbusTcpConfig(host="x", address_base=0, max_regs_per_read=4)
    assert [(b.first, b.count) for b in blocks(points, one)] == [(0, 4), (4, 4), (8, 2), (20, 2)]


def test_a_gap_between_requests_is_kept(server):
    server.words(0, 1, 2, 3)
    points = [point("A", 0), point("B", 2)]
    emit = collected(tcp(server.port, points, min_gap_ms=150, single_client=True),
                     lambda e: len(e.batches) >= 3)  # fmt: skip
    gaps = [b - a for a, b in zip(emit.times, emit.times[1:], strict=False)]
    assert min(gaps) > 0.28  # two requests, 150 ms each


def test_a_late_answer_is_not_given_to_the_next_request(server):
    """F2: the slot is bad, and the values after it are right."""
    server.words(0, 111)
    server.words(50, 222)
    points = [point("A", 0), point("B", 50)]
    emit = Emitted()

    async def run():
        async with running(tcp(server.port, points, timeout_s=0.3, retries=0), emit):
            await until(lambda: len(emit.batches) >= 2)
            server.say(delay=500)
            await until(lambda: "应答超时" in emit.troubles)
            server.say(delay=0)
            seen = len(emit.batches)
            await until(lambda: len(emit.batches) >= seen + 6)

    asyncio.run(run())
    assert {v for v in emit.values("A") if v is not None} == {111}
    assert {v for v in emit.values("B") if v is not None} == {222}
    late = [r for r in emit.of("A") + emit.of("B") if r.value is None]
    assert late
    assert all(r.q is Quality.BAD and r.note for r in late)
    assert emit.values("A")[-1] == 111


def test_a_frozen_peer_is_noticed_and_the_link_ends(server):
    """F3: SIGSTOP; the connection stays up and nothing answers."""
    server.words(0, 1)
    emit = Emitted()

    async def run():
        connector = tcp(server.port, [point("A", 0)], timeout_s=0.2, retries=0)
        async with running(connector, emit) as task:
            await until(lambda: emit.batches)
            server.signal(signal.SIGSTOP)
            await until(task.done)
            server.signal(signal.SIGCONT)
            with pytest.raises(LinkError):
                task.result()

    asyncio.run(run())
    assert emit.of("A")[-1].q is Quality.BAD


def test_a_peer_that_dies_ends_the_link_at_once(server):
    server.words(0, 1)
    emit = Emitted()

    async def run():
        async with running(tcp(server.port, [point("A", 0)]), emit) as task:
            await until(lambda: emit.batches)
            server.kill()
            await until(task.done, 5)
            with pytest.raises(LinkError):
                task.result()
        with pytest.raises(LinkError):
            await tcp(server.port, [point("A", 0)]).run(emit)
        server.start()

    asyncio.run(run())


def test_a_wrong_byte_order_is_bad_and_says_what_to_look_at(server):
    """F4: outside the limits, and the probe shows all four orders side by side."""
    server.words(0, *FLOAT)
    wrong = point("A", 0, "f32", byte_order="CDAB", valid_min="100", valid_max="300")
    emit = collected(tcp(server.port, [wrong]), lambda e: e.batches)
    (reading, *_) = emit.of("A")
    assert (reading.q, reading.note) == (Quality.BAD, ODD)
    report = asyncio.run(tcp(server.port, [wrong]).probe())
    (row,) = report.rows
    assert row.raw_hex == "43 65 02 8F"
    orders = dict(row.orders)
    assert orders["ABCD"] == Decimal("229.01")
    assert set(orders) == {"ABCD", "CDAB", "BADC", "DCBA"}
    assert row.value == orders["CDAB"]
    assert "字节序" in row.hint


def test_off_by_one_is_bad(server):
    """F4: a value that straddles two others."""
    server.words(0, *FLOAT, *FLOAT)
    wrong = point("A", 1, "f32", valid_min="100", valid_max="300")
    emit = collected(tcp(server.port, [wrong]), lambda e: e.batches)
    assert emit.of("A")[0].q is Quality.BAD


def test_an_address_that_the_device_has_not_disables_its_row_alone(server):
    """F5: exception 2."""
    server.words(0, 5, 6, 7)
    server.say(refuse=[1])
    points = [point("A", 0), point("X", 1, row=3), point("C", 2)]
    emit = collected(tcp(server.port, points), lambda e: len(e.batches) >= 4)
    assert emit.disabled == {"X": "设备没有这个地址"}
    assert emit.values("A")[-1] == 5
    assert emit.values("C")[-1] == 7
    assert len(emit.of("X")) == 1


def test_a_busy_device_is_asked_again_and_nobody_is_told_under_three(server):
    """F5: exception 6."""
    server.words(0, 5)
    server.say(busy=2)
    emit = collected(tcp(server.port, [point("A", 0)]), lambda e: e.batches)
    assert emit.troubles == []
    assert emit.values("A")[0] == 5
    assert emit.disabled == {}


@pytest.mark.parametrize(("refused", "told"), [(8, []), (12, ["设备忙"])])
def test_a_device_that_stays_busy_is_asked_later_each_time(server, refused, told, monkeypatch):
    """F5, exception 6: four tries a slot, each later; told from the third slot on."""
    pauses = (0.01, 0.03, 0.09)
    monkeypatch.setattr("data.connectors.modbus._BUSY_WAITS_S", pauses)
    server.words(0, 5)
    server.say(busy=refused)
    emit = collected(tcp(server.port, [point("A", 0)]), lambda e: 5 in e.values("A"))
    bad = [r for r in emit.of("A") if r.value is None]
    assert [(r.q, r.note) for r in bad] == [(Quality.BAD, "设备忙")] * (refused // 4)
    assert emit.troubles == told
    assert emit.disabled == {}


def test_the_pauses_of_a_busy_device_grow():
    assert list(_BUSY_WAITS_S) == sorted(set(_BUSY_WAITS_S))


def test_sunspec_words_for_nothing_are_null(server):
    """F21."""
    server.words(0, 0x8000, 0xFFFF, 0xFFFF, 0xFFFF, 0x7FC0, 0x0000)
    points = [point("S", 0, "s16"), point("U", 1, "u16"), point("L", 2, "u32"),
              point("N", 4, "f32")]  # fmt: skip
    emit = collected(tcp(server.port, points, sunspec=True), lambda e: e.batches)
    found = {r.point: r for r in emit.batches[0].readings}
    assert all(r.value is None and r.q is Quality.BAD for r in found.values())
    plain = collected(tcp(server.port, points), lambda e: e.batches)
    assert {r.point: r.value for r in plain.batches[0].readings} == {
        "S": -32768, "U": 65535, "L": 0xFFFFFFFF, "N": None,
    }  # fmt: skip


def test_under_pressure_only_registers_are_asked(server):
    server.words(0, 5, 6)
    points = [point("A", 0), point("E", 1, kind="register")]
    emit = Emitted()
    emit.pressed = True
    collected(tcp(server.port, points), lambda e: len(e.batches) >= 2, emit)
    assert emit.of("A") == []
    assert emit.values("E")[0] == 6


# libmodbus: its four names for byte orders, by TCP and on a serial line.
ORDERS = {"A": (0, "BADC"), "B": (2, "CDAB"), "C": (4, "ABCD"), "D": (6, "DCBA")}


def orders():
    return [point(n, a, "f32", byte_order=o) for n, (a, o) in ORDERS.items()]


def test_libmodbus_by_every_order():
    from tests.peers.start import free_port

    port = free_port()
    with peer(libmodbus_peer(), "tcp", str(port)):
        points = [*orders(), point("E", 100, "u32", kind="register"),
                  point("I", 7, func="4"), point("Q", 4, "bit", func="2")]  # fmt: skip
        emit = collected(tcp(port, points), lambda e: e.batches)
    found = {r.point: r.value for r in emit.batches[0].readings}
    assert [found[n] for n in ORDERS] == [Decimal("229.01")] * 4
    assert (found["E"], found["I"], found["Q"]) == (123456, 4711, 1)


def rtu(port, points, **more):
    given = {"port": str(port), "address_base": 0, "timeout_s": 0.4, "parity": "N", "retries": 0}
    return ModbusRtu(ModbusRtuConfig(**given | more), points)


def test_a_serial_line(tmp_path):
    with serial_pair(tmp_path) as (ours, theirs), peer(libmodbus_peer(), "rtu", str(theirs)):
        emit = collected(rtu(ours, orders()), lambda e: len(e.batches) >= 2)
    found = {r.point: r.value for r in emit.batches[0].readings}
    assert [found[n] for n in ORDERS] == [Decimal("229.01")] * 4


def test_an_absent_unit_on_a_line_takes_nothing_from_the_others(tmp_path):
    points = [point("A", "1!0", "f32", byte_order="BADC"), point("X", "9!0", "f32")]
    # libmodbus takes what follows a request to another unit within 0.5 s for that unit's answer.
    with serial_pair(tmp_path) as (ours, theirs), peer(libmodbus_peer(), "rtu", str(theirs)):
        emit = collected(rtu(ours, points, timeout_s=0.6), lambda e: len(e.batches) >= 2)
    assert set(emit.values("A")) == {Decimal("229.01")}
    assert set(emit.values("X")) == {None}


def test_a_late_answer_on_a_line_is_not_taken_for_the_next(tmp_path, monkeypatch):
    """F2 on RTU: the answer has no number, so the port is opened anew."""
    opened, connect = [], AsyncModbusSerialClient.connect

    async def connected(client):
        opened.append(True)
        return await connect(client)

    monkeypatch.setattr(AsyncModbusSerialClient, "connect", connected)
    points = [point("A", 0, "f32", byte_order="BADC"), point("E", 100, "u32")]
    command = (str(libmodbus_peer()), "rtu")
    with serial_pair(tmp_path) as (ours, theirs), peer(*command, str(theirs), "600", "1"):
        emit = collected(rtu(ours, points), lambda e: len(e.batches) >= 2)
    assert emit.values("A")[:2] == [None, Decimal("229.01")]
    assert emit.values("E")[:2] == [123456, 123456]
    assert emit.of("A")[0].q is Quality.BAD
    assert len(opened) == 2  # once at the start, once after the time-out


def test_probe_of_a_peer_that_is_not_there():
    report = asyncio.run(tcp(1, [point("A", 0)]).probe())
    assert not report.ok
    assert report.error
    assert report.elapsed_s < timedelta(seconds=5).total_seconds()
