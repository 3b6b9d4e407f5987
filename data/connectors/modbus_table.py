"""Modbus point tables: settings, addresses, and which registers are read together."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import Field

from data.connectors.base import ConnectorConfig, Point, PointAddress
from data.connectors.words import WIDTHS

COILS, INPUTS, HOLDING, INPUT_REGISTERS = 1, 2, 3, 4
_FUNCS = {
    "1": COILS, "01": COILS, "线圈": COILS, "2": INPUTS, "02": INPUTS, "离散输入": INPUTS,
    "3": HOLDING, "03": HOLDING, "保持寄存器": HOLDING,
    "4": INPUT_REGISTERS, "04": INPUT_REGISTERS, "输入寄存器": INPUT_REGISTERS,
}  # fmt: skip
_AREAS = {"0": COILS, "1": INPUTS, "3": INPUT_REGISTERS, "4": HOLDING}
_ADDRESS = re.compile(r"(?:(\d{1,3})!)?(0x[0-9a-f]+|\d{1,6})(?:\.(\d{1,2}))?")
_LAST_REGISTER = 0xFFFF
_LAST_UNIT = 247
_AREA_DIGITS = 5


class ModbusConfig(ConnectorConfig):
    """What every Modbus link needs to know; how its addresses count is asked, never guessed."""

    unit_id: int = Field(1, ge=0, le=255, description="从站号；地址可写成 从站号!寄存器")
    address_base: Literal[0, 1, 40001] = Field(
        description="地址从几数起：0，1，或 40001（首位是区号）"
    )
    max_regs_per_read: int = Field(100, ge=1, le=125, description="一次最多读的寄存器数")
    min_gap_ms: int = Field(0, ge=0, le=10_000, description="两次请求之间至少相隔（毫秒）")
    retries: int = Field(1, ge=0, le=5, description="超时后再问几次")
    sunspec: bool = Field(
        default=False, description="SunSpec 设备：0x8000、0xFFFF 等表示没有这个值"
    )


class ModbusTcpConfig(ModbusConfig):
    """A device or gateway on the network."""

    host: str = Field(min_length=1, max_length=253, description="地址")
    port: int = Field(502, ge=1, le=65535, description="端口")
    single_client: bool = Field(
        default=False, description="设备只接受一个连接：每次之间至少隔 50 毫秒"
    )


class ModbusRtuConfig(ModbusConfig):
    """Devices on a serial line."""

    port: str = Field(min_length=1, description="串口，例如 /dev/ttyUSB0")
    baudrate: int = Field(9600, ge=300, le=115_200, description="波特率")
    parity: Literal["N", "E", "O"] = Field("E", description="校验：N 无，E 偶，O 奇")
    bytesize: Literal[7, 8] = Field(8, description="数据位")
    stopbits: Literal[1, 2] = Field(1, description="停止位")


class ModbusAddress(PointAddress):
    """A register as a cell names it: ``3!40001``, ``0x1F``, ``120.5`` (bit 5)."""

    words: ClassVar[bool] = True
    unit: int | None = None
    number: int
    digits: int
    bit: int = 0
    func: int | None = None

    @classmethod
    def parse(cls, address: str, func: str = "") -> Self:
        """Return the address of a cell."""
        found = _ADDRESS.fullmatch(address.strip().lower())
        if found is None:
            raise ValueError("地址应写成寄存器号，或 从站号!寄存器号，位写在小数点后")
        unit = None if found[1] is None else int(found[1])
        if unit is not None and unit > _LAST_UNIT:
            raise ValueError("从站号应在 0 到 247 之间")
        if func and func.strip() not in _FUNCS:
            raise ValueError("功能码只能是 1、2、3、4：本系统只读")
        bit = int(found[3] or 0)
        if bit > 15:
            raise ValueError("位应在 0 到 15 之间")
        return cls(unit=unit, number=int(found[2], 0) if found[2].startswith("0x")
                   else int(found[2]), digits=len(found[2]), bit=bit,
                   func=_FUNCS[func.strip()] if func else None)  # fmt: skip

    @classmethod
    def check(cls, point: Point, cfg: ConnectorConfig) -> None:
        """Raise ValueError where a row cannot be asked."""
        if isinstance(cfg, ModbusConfig):
            located(point, cfg)

    @classmethod
    def place(cls, point: Point, cfg: ConnectorConfig) -> Hashable:
        """Return unit, function, first register, bit; a register is more than its bit 0."""
        if not isinstance(cfg, ModbusConfig):
            return cls.parse(point.address, point.func)
        at = located(point, cfg)
        return at.unit, at.func, at.first, at.bit, point.dtype == "bit"


@dataclass(frozen=True)
class Place:
    """Where a point is: unit, function, first register counted from 0, how many, which bit."""

    unit: int
    func: int
    first: int
    count: int
    bit: int


def located(point: Point, cfg: ModbusConfig) -> Place:
    """Return where a point is.

    Raises
    ------
    ValueError
        Its row says no place; the message is a sentence in Chinese, key of the catalogue.
    """
    address = ModbusAddress.parse(point.address, point.func)
    func, number = address.func, address.number
    if cfg.address_base == 40001 and address.digits >= _AREA_DIGITS:
        area = str(number).zfill(address.digits)[0]
        if area not in _AREAS:
            raise ValueError("地址的首位应是 0、1、3、4 之一")
        if func is not None and func != _AREAS[area]:
            raise ValueError("地址的区号与功能码不符")
        func, number = _AREAS[area], int(str(number).zfill(address.digits)[1:]) - 1
    elif cfg.address_base != 0:
        number -= 1
    func = func or HOLDING
    if func in (COILS, INPUTS):
        if point.dtype not in ("", "bit"):
            raise ValueError("线圈和离散输入的数据类型只能是 bit")
        count = 1
    elif point.dtype not in WIDTHS:
        raise ValueError("这个协议没有这种数据类型")
    else:
        count = WIDTHS[point.dtype] // 2
    if not 0 <= number <= _LAST_REGISTER + 1 - count:
        raise ValueError("寄存器号超出范围；请核对地址从几数起")
    if count > cfg.max_regs_per_read:
        raise ValueError("这个数据类型比一次能读的寄存器还长")
    return Place(cfg.unit_id if address.unit is None else address.unit, func, number, count,
                 address.bit)  # fmt: skip


@dataclass(frozen=True)
class Block:
    """Registers that are read by one request, and the points in them."""

    unit: int
    func: int
    first: int
    count: int
    points: tuple[tuple[Point, Place], ...]


def blocks(points: Sequence[Point], cfg: ModbusConfig) -> Iterator[Block]:
    """Yield the requests that read points: adjacent registers together, no others with them."""
    places = sorted(
        ((located(point, cfg), point) for point in points),
        key=lambda one: (one[0].unit, one[0].func, one[0].first),
    )
    run: list[tuple[Point, Place]] = []
    for place, point in places:
        if run and not _joins(run, place, cfg.max_regs_per_read):
            yield _block(run)
            run = []
        run.append((point, place))
    if run:
        yield _block(run)


def _joins(run: list[tuple[Point, Place]], place: Place, most: int) -> bool:
    first, last = run[0][1], max(one.first + one.count for _, one in run)
    return (
        (place.unit, place.func) == (first.unit, first.func)
        and place.first <= last
        and max(last, place.first + place.count) - first.first <= most
    )


def _block(run: list[tuple[Point, Place]]) -> Block:
    first = run[0][1]
    last = max(place.first + place.count for _, place in run)
    return Block(first.unit, first.func, first.first, last - first.first, tuple(run))
