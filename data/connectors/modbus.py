"""Modbus TCP and RTU: holding and input registers, coils and inputs, read only (GB/T 19582)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException, ModbusIOException
from pymodbus.pdu import ModbusPDU

from data.connectors.base import (
    Batch,
    Emit,
    InterfaceDoc,
    LinkError,
    Point,
    ProbeReport,
    ProbeRow,
    Quality,
    Reading,
    scaled,
)
from data.connectors.modbus_table import (
    COILS,
    HOLDING,
    INPUTS,
    Block,
    ModbusAddress,
    ModbusConfig,
    ModbusRtuConfig,
    ModbusTcpConfig,
    Place,
    blocks,
    located,
)
from data.connectors.words import decoded, every_order, not_implemented
from data.slots import Slot, slots, utc_now

# The library writes whole frames and every failed request as errors of its own.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

Client = AsyncModbusTcpClient | AsyncModbusSerialClient
NO_FUNCTION, NO_ADDRESS, NO_VALUE, BUSY = 1, 2, 3, 6
_OURS_WRONG = {
    NO_FUNCTION: "设备不支持这个功能码",
    NO_ADDRESS: "设备没有这个地址",
    NO_VALUE: "设备不接受这样的请求",
}
_ANSWERS = {4: "设备故障", 5: "设备正在处理", BUSY: "设备忙", 8: "设备存储校验错", 10: "网关不通",
            11: "网关后的设备没有应答"}  # fmt: skip
_TIRED = 3  # time-outs, or busy answers, in a row
_BUSY_WAITS_S = (0.2, 0.5, 1.0)
ODD = "超出上下限，疑似字节序或地址错位"


class _Refused(Exception):
    """The device answered with an exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(_OURS_WRONG.get(code) or _ANSWERS.get(code, "设备答复异常码"))
        self.code = code


class _Silent(Exception):
    """The device did not answer in time."""


@dataclass
class _Line:
    """A connection over which one request goes at a time."""

    client: Client
    cfg: ModbusConfig
    gap_s: float
    _last: float = 0.0

    async def read(self, unit: int, func: int, first: int, count: int) -> bytes:
        """Return registers as bytes of the wire; coils as one word each.

        Raises
        ------
        _Refused
            The device answers that it cannot.
        _Silent
            It does not answer in time.
        LinkError
            The connection is lost.
        """
        for _ in range(self.cfg.retries + 1):
            try:
                return await self._once(unit, func, first, count)
            except _Silent:
                await self._drop_line()
        raise _Silent

    async def _once(self, unit: int, func: int, first: int, count: int) -> bytes:
        await asyncio.sleep(max(0.0, self._last + self.gap_s - time.monotonic()))
        ask = {COILS: self.client.read_coils, INPUTS: self.client.read_discrete_inputs,
               HOLDING: self.client.read_holding_registers}.get(
                   func, self.client.read_input_registers)  # fmt: skip
        try:
            answer: ModbusPDU = await ask(first, count=count, device_id=unit)
        except ModbusIOException as error:
            raise _Silent from error
        except ConnectionException as error:
            raise LinkError("连接已断开") from error
        except ModbusException as error:
            raise LinkError(str(error)) from error
        finally:
            self._last = time.monotonic()
        if answer.isError():
            raise _Refused(int(getattr(answer, "exception_code", 0)))
        if func in (COILS, INPUTS):
            return b"".join(bytes((0, int(bit))) for bit in answer.bits[:count])
        if len(answer.registers) != count:
            raise _Silent  # an answer to another request
        return b"".join(register.to_bytes(2, "big") for register in answer.registers)

    async def _drop_line(self) -> None:
        """Open a serial port anew: there a late answer cannot be told from the next one.

        Whatever comes within twice the time-out more is thrown away with the closed port.
        """
        if isinstance(self.client, AsyncModbusSerialClient):
            self.client.close()
            await asyncio.sleep(2 * self.cfg.timeout_s)
            if not await self.client.connect():
                raise LinkError("串口打不开")
        elif not self.client.connected:
            raise LinkError("连接已断开")


class _Modbus:
    """What TCP and RTU have in common."""

    polls: ClassVar[bool] = True
    PointAddr: ClassVar = ModbusAddress

    def __init__(self, cfg: ModbusConfig, points: Sequence[Point]) -> None:
        self._cfg = cfg
        self._points = tuple(points)
        self._disabled: set[str] = set()
        self._silences = 0
        self._busy = 0
        self._answered = False

    def _client(self) -> Client:
        raise NotImplementedError

    def _gap_s(self) -> float:
        return self._cfg.min_gap_ms / 1000

    async def _connected(self) -> _Line:
        client = self._client()
        try:
            async with asyncio.timeout(self._cfg.connect_s):
                known = await client.connect()
        except TimeoutError:
            known = False
        except OSError as error:
            raise LinkError(str(error)) from error
        if not known:
            client.close()
            raise LinkError("连接不上")
        return _Line(client, self._cfg, self._gap_s())

    async def run(self, emit: Emit) -> None:
        """Read every point at its slots until cancelled."""
        line = await self._connected()
        emit.connected()
        try:
            async for slot in slots(sorted({p.period_s for p in self._points}), emit.clock):
                await self._slot(line, slot, emit)
        finally:
            line.client.close()

    async def _slot(self, line: _Line, slot: Slot, emit: Emit) -> None:
        due = [
            p for p in self._points
            if p.period_s == slot.period_s and p.point_id not in self._disabled
            and (p.kind.metered or not emit.pressed)
        ]  # fmt: skip
        readings: list[Reading] = []
        self._answered = False
        for block in blocks(due, self._cfg):
            readings += await self._block(line, block, slot, emit)
        if readings:
            await emit(Batch(f"{slot.at:%Y%m%dT%H%M%S.%f}/{slot.period_s:g}", tuple(readings)))
        if self._silences >= _TIRED and not self._answered:
            raise LinkError("设备连续没有应答")  # one silent unit of several ends no line

    async def _block(self, line: _Line, block: Block, slot: Slot, emit: Emit) -> list[Reading]:
        try:
            raw = await self._patient(line, block)
        except _Silent:
            self._silences += 1
            emit.trouble("应答超时")
            return [_bad(point, slot, "应答超时") for point, _ in block.points]
        except _Refused as refused:
            self._silences, self._answered = 0, True
            return await self._refused(line, block, refused, slot, emit)
        self._silences = self._busy = 0
        self._answered = True
        emit.connected()
        return [
            _reading(self._cfg, point, _part(raw, block, place), place.bit, slot)
            for point, place in block.points
        ]

    async def _patient(self, line: _Line, block: Block) -> bytes:
        """Ask a busy device again, later each time."""
        for wait in _BUSY_WAITS_S:
            try:
                return await line.read(block.unit, block.func, block.first, block.count)
            except _Refused as refused:
                if refused.code != BUSY:
                    raise
                await asyncio.sleep(wait)
        return await line.read(block.unit, block.func, block.first, block.count)

    async def _refused(
        self, line: _Line, block: Block, refused: _Refused, slot: Slot, emit: Emit
    ) -> list[Reading]:
        """Find the row that the device refuses; what is its own trouble passes."""
        if refused.code not in _OURS_WRONG:
            self._busy += 1
            if refused.code != BUSY or self._busy >= _TIRED:
                emit.trouble(str(refused))
            return [_bad(point, slot, str(refused)) for point, _ in block.points]
        if len(block.points) > 1:
            found: list[Reading] = []
            for point, place in block.points:
                alone = Block(place.unit, place.func, place.first, place.count, ((point, place),))
                found += await self._block(line, alone, slot, emit)
            return found
        (point, _) = block.points[0]
        self._disabled.add(point.point_id)
        emit.disable(point.point_id, str(refused))
        return [_bad(point, slot, str(refused))]

    async def probe(self) -> ProbeReport:
        """Read every point once, each by itself, and show its bytes by every order."""
        at, began = utc_now(), time.monotonic()
        try:
            line = await self._connected()
        except LinkError as error:
            return ProbeReport(at, False, error=str(error), elapsed_s=time.monotonic() - began)
        try:
            rows = [await self._probed(line, point) for point in self._points]
        except LinkError as error:
            return ProbeReport(at, False, error=str(error), elapsed_s=time.monotonic() - began)
        finally:
            line.client.close()
        usable = all(row.value is not None and not row.error for row in rows)
        return ProbeReport(at, usable and bool(rows), tuple(rows),
                           elapsed_s=time.monotonic() - began)  # fmt: skip

    async def _probed(self, line: _Line, point: Point) -> ProbeRow:
        place = located(point, self._cfg)
        try:
            raw = await line.read(place.unit, place.func, place.first, place.count)
        except _Silent:
            return ProbeRow(point.point_id, point.row, unit=point.unit, error="应答超时")
        except _Refused as refused:
            return ProbeRow(point.point_id, point.row, unit=point.unit, error=str(refused))
        orders = tuple(
            (order, None if value is None else scaled(point, value))
            for order, value in every_order(raw, _dtype(point), place.bit)
        )
        value = _value(self._cfg, point, raw, place.bit)
        hint = _hint(point, value, orders)
        shown = raw.hex(" ").upper()
        return ProbeRow(point.point_id, point.row, shown, orders, value, point.unit, hint=hint)


def _hint(point: Point, value: Decimal | None, orders: Sequence[tuple[str, Decimal | None]]) -> str:
    if value is None:
        return "设备说没有这个值"
    if point.in_range(value):
        return ""
    others = any(v is not None and point.in_range(v) for o, v in orders if o != point.byte_order)
    return "换一种字节序即在上下限之内" if others else ODD


def _part(raw: bytes, block: Block, place: Place) -> bytes:
    start = (place.first - block.first) * 2
    return raw[start : start + place.count * 2]


def _dtype(point: Point) -> str:
    return point.dtype or "bit"


def _value(cfg: ModbusConfig, point: Point, raw: bytes, bit: int) -> Decimal | None:
    if cfg.sunspec and not_implemented(raw, _dtype(point), point.byte_order):
        return None
    found = decoded(raw, _dtype(point), point.byte_order, bit)
    return None if found is None else scaled(point, found)


def _reading(cfg: ModbusConfig, point: Point, raw: bytes, bit: int, slot: Slot) -> Reading:
    value = _value(cfg, point, raw, bit)
    if value is None:
        return _bad(point, slot, "设备说没有这个值")
    if not point.in_range(value):
        return Reading(point.point_id, slot.at, value, Quality.BAD, ODD)
    return Reading(point.point_id, slot.at, value)


def _bad(point: Point, slot: Slot, note: str) -> Reading:
    return Reading(point.point_id, slot.at, None, Quality.BAD, note)


class ModbusTcp(_Modbus):
    """A device or gateway that speaks Modbus over TCP."""

    kind: ClassVar[str] = "modbus_tcp"
    title: ClassVar[str] = "Modbus TCP"
    Config: ClassVar = ModbusTcpConfig
    DOC: ClassVar[InterfaceDoc] = InterfaceDoc(
        purpose="按周期读取网络上的表计、逆变器、充电桩和网关的示数与状态。",
        function="只用功能码 1、2、3、4 读取；相邻寄存器合并为一次请求，不写任何寄存器。",
        physical="以太网，TCP 端口 {port}，设备地址 {host}，从站号 {unit_id}。",
        protocol="Modbus TCP（GB/T 19582）；地址从 {address_base} 数起，"
        "一次至多 {max_regs_per_read} 个寄存器，超时 {timeout_s} 秒；"
        "协议不带时间和质量，由采集程序按时段打时标。",
        test="逐点试读，核对原始字节与四种字节序；断开、恢复、超时、异常码 2 和 6 各试一次。",
        duties="设备方提供寄存器表和字节例，开放只读访问；系统方不写设备，保存试读记录。",
    )

    def __init__(self, cfg: ModbusTcpConfig, points: Sequence[Point]) -> None:
        super().__init__(cfg, points)
        self._tcp = cfg

    def _client(self) -> Client:
        cfg = self._tcp
        return AsyncModbusTcpClient(cfg.host, port=cfg.port, timeout=cfg.timeout_s, retries=0,
                                    reconnect_delay=0)  # fmt: skip

    def _gap_s(self) -> float:
        return max(super()._gap_s(), 0.05 if self._tcp.single_client else 0.0)


class ModbusRtu(_Modbus):
    """Devices on a serial line that speak Modbus RTU."""

    kind: ClassVar[str] = "modbus_rtu"
    title: ClassVar[str] = "Modbus RTU"
    Config: ClassVar = ModbusRtuConfig
    DOC: ClassVar[InterfaceDoc] = InterfaceDoc(
        purpose="按周期读取 RS-485 总线上各从站表计的示数与状态。",
        function="总线上一问一答，只用功能码 1、2、3、4 读取；"
        "超时后重开串口，迟到的应答不会被误认。",
        physical="RS-485 串口 {port}，{baudrate} 波特，数据位 {bytesize}，"
        "校验 {parity}，停止位 {stopbits}。",
        protocol="Modbus RTU（GB/T 19582）；地址从 {address_base} 数起，超时 {timeout_s} 秒，"
        "两次请求至少相隔 {min_gap_ms} 毫秒；协议不带时间和质量。",
        test="逐从站逐点试读；拔线、缺一个从站、重复从站号各试一次，核对总线负荷。",
        duties="设备方给出从站号、波特率和寄存器表；施工方负责接线、终端电阻和屏蔽接地；系统方只读。",
    )

    def __init__(self, cfg: ModbusRtuConfig, points: Sequence[Point]) -> None:
        super().__init__(cfg, points)
        self._rtu = cfg

    def _client(self) -> Client:
        cfg = self._rtu
        return AsyncModbusSerialClient(
            cfg.port, baudrate=cfg.baudrate, bytesize=cfg.bytesize, parity=cfg.parity,
            stopbits=cfg.stopbits, timeout=cfg.timeout_s, retries=0, reconnect_delay=0,
        )  # fmt: skip
