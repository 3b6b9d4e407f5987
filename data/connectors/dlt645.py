"""Electricity meters by DL/T 645-2007, over a serial line or a serial-to-ethernet converter.

Meters stamp nothing: a value is that of the slot it was asked in. Each meter's clock is read once a
day to see how far it is off. Only reads are sent: the codec knows no other request.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from data.connectors import dlt645_codec as codec
from data.connectors import dlt645_data as forms
from data.connectors.base import (
    Batch,
    ConnectorConfig,
    Emit,
    InterfaceDoc,
    LinkError,
    Point,
    PointAddress,
    PointKind,
    ProbeReport,
    ProbeRow,
    Quality,
    Reading,
    scaled,
)
from data.connectors.dlt645_line import Line, open_serial, open_tcp
from data.connectors.wire import WireError
from data.slots import Slot, slots
from data.units import unit

CLOCK_ID = 0x04000100  # no datum of the standard: our name for "how far the clock is off"
SKEW_TOLD_S = 300
_DAY_S = 86_400
_MOST_FOLLOWING = 50
_SILENT = "超时没有应答"
_GARBLED = "收到的字节校验不符或不成帧"
_FORMAT = re.compile(r"([±+-]?)(X+)(?:\.(X+))?", re.IGNORECASE)
_ADDRESS = re.compile(r"(\d{1,12})#(?:((?:[0-9A-F]{2}-?){4})|(\w+))", re.IGNORECASE)
_CLOCK_WORDS = ("clock", "时钟")
_WRITE_LIKE = "地址应写成：表地址#数据标识，例如 201709320072#00-01-00-00"


class Dlt645Config(ConnectorConfig):
    """Settings of a line of meters."""

    host: str = Field("", description="串口服务器地址；直接用串口时留空")
    port: int = Field(8899, ge=1, le=65535, description="串口服务器端口")
    serial_port: str = Field("", description="串口设备，例如 /dev/ttyUSB0；用串口服务器时留空")
    baud: Literal[600, 1200, 2400, 4800, 9600, 19200] = Field(2400, description="通信速率")
    parity: Literal["E", "N", "O"] = Field("E", description="校验：规约规定偶校验 E")
    stop_bits: Literal[1, 2] = Field(1, description="停止位")
    wake_bytes: int = Field(4, ge=0, le=8, description="前导字节 FEH 的个数")
    retries: int = Field(1, ge=0, le=5, description="超时后重问的次数")
    min_gap_ms: int = Field(50, ge=0, le=5000, description="两次提问之间的间隔（毫秒）")
    meter_zone: str = Field("Asia/Shanghai", description="电表时钟的时区")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.host) == bool(self.serial_port):
            raise ValueError("串口服务器地址和串口设备必须且只能填一个")
        try:
            ZoneInfo(self.meter_zone)
        except (KeyError, ValueError) as error:
            raise ValueError("没有这个时区") from error
        return self


class Dlt645Address(PointAddress):
    """Column 地址: ``meter#identifier``; column 功能码: the form, where appendix A is not meant."""

    meter: str
    identifier: int
    written: forms.Form | None

    @classmethod
    def parse(cls, address: str, func: str = "") -> Self:
        """Return a datum's address.

        Raises
        ------
        ValueError
            It is none, or nobody knows how its datum is written.
        """
        found = _ADDRESS.fullmatch(address.strip())
        if found is None or (found[3] and found[3].lower() not in _CLOCK_WORDS):
            raise ValueError(_WRITE_LIKE)
        meter = found[1].zfill(12)
        if found[3]:
            return cls(meter=meter, identifier=CLOCK_ID, written=None)
        identifier = int(found[2].replace("-", ""), 16)
        written = _form(func) if func else forms.form(identifier)
        if written is None:
            raise ValueError("不认识这个数据标识；请在功能码列写出格式，例如 XXXXXX.XX")
        return cls(meter=meter, identifier=identifier, written=written)

    @classmethod
    def check(cls, point: Point, cfg: ConnectorConfig) -> None:
        """Refuse a unit that the meter does not give while nothing turns one into the other."""
        written = cls.parse(point.address, point.func).written
        if written is None:
            if point.kind is not PointKind.INSTANT:
                raise ValueError("电表时钟偏差是瞬时量")
            return
        if written.unit and point.unit and point.scale == 1 and point.unit != _known(written.unit):
            raise ValueError("单位与电表给出的不同，而系数是 1")


def _known(name: str) -> str:
    """Return a unit by the name of our table; units that totals never need are not in it."""
    try:
        return unit(name)
    except ValueError:
        return name


def _form(words: str) -> forms.Form:
    """Return a form as people write it: ``XXXXXX.XX``, with ± in front where there is a sign."""
    found = _FORMAT.fullmatch(words.strip())
    whole, decimals = (len(found[2]), len(found[3] or "")) if found else (0, 0)
    if found is None or (whole + decimals) % 2:
        raise ValueError("格式应写成偶数位的 X，例如 XXXXXX.XX")
    return forms.Form((whole + decimals) // 2, decimals, "", signed=bool(found[1]))


class Dlt645:
    """A line of meters, asked one after the other."""

    kind: ClassVar[str] = "dlt645"
    title: ClassVar[str] = "DL/T 645-2007 电能表"
    polls: ClassVar[bool] = True
    Config: ClassVar[type[ConnectorConfig]] = Dlt645Config
    PointAddr: ClassVar[type[PointAddress]] = Dlt645Address
    DOC: ClassVar[InterfaceDoc] = InterfaceDoc(
        purpose="从电能表直接取得各用电回路的止码，作为分表电量核算的原始读数；不经过人工抄录。",
        function="按点表周期逐表读取电能示值、电压、电流、功率；每日读一次表内时钟并记录偏差。"
        "不校时、不冻结、不清零、不拉合闸。",
        physical="RS-485 两线，屏蔽双绞线，屏蔽层单端接地；一条线不超过 32 只表、1200 米；"
        "8 位数据、偶校验、1 位停止位，速率 2400 bit/s 或 9600 bit/s；"
        "也可经串口服务器走以太网 TCP。",
        protocol="DL/T 645-2007：请求 11H（读数据）、12H（读后续数据）、13H（读通信地址），"
        "地址域低字节在前，数据域每字节加 33H，校验为各字节和的低 8 位，前导 FEH。"
        "规约不带时标和品质，数值记在所属的采集时刻；应答错误字按附录 C.6 说明。",
        test="逐表核对：屏幕示值与采集值一致到末位；改动一个字节的应答被拒绝；断开一只表，"
        "其余表照常；错误应答给出原因；表时钟偏差超过 5 分钟有提示。",
        duties="电能表产权方提供表地址、读取权限和接线位置；集成方布线、设地址、做终端电阻；"
        "用户提供网络和供电；本系统只读，不承担电表校时。计费关口表须先征得供电公司同意。",
    )

    def __init__(self, cfg: Any, points: Sequence[Point]) -> None:  # noqa: ANN401 - its own Config
        self._cfg: Dlt645Config = cfg
        self._points = points
        self._at = {p.point_id: Dlt645Address.parse(p.address, p.func) for p in points}
        self._off: set[str] = set()
        self._clock_due: dict[str, float] = {}

    async def run(self, emit: Emit) -> None:
        """Read every point at its slots until cancelled."""
        line = await self._open()
        emit.connected()
        try:
            async for slot in slots(sorted({p.period_s for p in self._points}), emit.clock):
                await self._slot(line, slot, emit)
                await self._look_at_clocks(line, emit)
        finally:
            line.close()

    async def _slot(self, line: Line, slot: Slot, emit: Emit) -> None:
        """Read what is due, a batch a meter: what one has given is kept when the line breaks.

        That a meter is silent is only said when another one answers; else the line is at fault,
        and after a new connection the slot is tried again.
        """
        silent: list[Batch] = []
        answered = False
        for meter, points in self._due(slot, pressed=emit.pressed).items():
            readings = await self._meter(line, points, slot, emit)
            batch = Batch(f"{slot.at:%Y%m%dT%H%M%S.%f}/{slot.period_s:g}/{meter}", tuple(readings))
            if all(reading.note in (_SILENT, _GARBLED) for reading in readings):
                silent.append(batch)
                continue
            answered = True
            await emit(batch)
        if silent and not answered:
            raise LinkError("这条线上没有一只表应答")
        for batch in silent:
            emit.trouble(batch.readings[0].note)
            await emit(batch)

    def _due(self, slot: Slot, *, pressed: bool) -> dict[str, list[Point]]:
        """Return a slot's points by meter, in the table's order."""
        due: dict[str, list[Point]] = {}
        for point in self._points:
            left_out = pressed and not point.kind.metered
            if point.period_s == slot.period_s and not left_out and point.point_id not in self._off:
                due.setdefault(self._at[point.point_id].meter, []).append(point)
        return due

    async def _meter(
        self, line: Line, points: Sequence[Point], slot: Slot, emit: Emit
    ) -> list[Reading]:
        """Return a meter's readings; one that does not answer is not asked for the rest."""
        readings: list[Reading] = []
        reason = ""
        for point in points:
            if not reason:
                try:
                    readings.append(await self._reading(line, point, slot, emit))
                    continue
                except TimeoutError:
                    reason = _GARBLED if line.junk else _SILENT
            readings.append(_bad(point, slot, reason))
        return readings

    async def _open(self) -> Line:
        cfg = self._cfg
        wake, gap_s = b"\xfe" * cfg.wake_bytes, cfg.min_gap_ms / 1000
        if cfg.serial_port:
            return await open_serial(
                cfg.serial_port, cfg.baud, cfg.parity, cfg.stop_bits, wake, gap_s
            )
        return await open_tcp(cfg.host, cfg.port, cfg.connect_s, wake, gap_s)

    async def _reading(self, line: Line, point: Point, slot: Slot, emit: Emit) -> Reading:
        """Return a point's reading; what the meter refuses or garbles is bad."""
        try:
            raw = await self._value(line, self._at[point.point_id])
        except codec.MeterRefusal as refusal:
            if refusal.lasting:
                self._off.add(point.point_id)
                emit.disable(point.point_id, refusal.reason)
            return _bad(point, slot, refusal.reason)
        except WireError as error:
            return _bad(point, slot, error.reason)
        value = scaled(point, raw)
        if point.in_range(value):
            return Reading(point.point_id, slot.at, value)
        return Reading(point.point_id, slot.at, value, Quality.BAD, "超出点表的上下限")

    async def _value(self, line: Line, address: Dlt645Address) -> Decimal:
        if address.written is None:
            return Decimal(round(await self._skew_s(line, address.meter)))
        return forms.number(
            await self._data(line, address.meter, address.identifier), address.written
        )

    async def _data(self, line: Line, meter: str, identifier: int) -> bytes:
        """Return a datum's bytes, following frames included."""
        answer = codec.answer(
            await self._ask(line, meter, codec.read_request(meter, identifier), identifier),
            identifier,
        )
        data = answer.data
        for sequence in range(1, _MOST_FOLLOWING):
            if not answer.follows:
                return data
            request = codec.read_on_request(meter, identifier, sequence)
            answer = codec.answer(
                await self._ask(line, meter, request, identifier, sequence), identifier
            )
            data += answer.data
        raise WireError("后续帧没有尽头")

    async def _ask(
        self, line: Line, meter: str, request: bytes, identifier: int, sequence: int | None = None
    ) -> codec.Frame:
        """Return the answer to a request, asked again after a time-out."""
        wanted = codec.READ if sequence is None else codec.READ_ON
        di = identifier.to_bytes(4, "little")

        def fits(frame: codec.Frame) -> bool:
            """Tell an answer to this question from a late one, another meter's or an echo."""
            if not frame.from_meter or frame.address != meter or frame.function != wanted:
                return False
            if frame.refused:
                return True
            return frame.data[:4] == di and (sequence is None or frame.data[-1] == sequence)

        for _ in range(self._cfg.retries):
            try:
                return await line.ask(request, fits, self._cfg.timeout_s)
            except TimeoutError:
                continue
        return await line.ask(request, fits, self._cfg.timeout_s)

    async def _skew_s(self, line: Line, meter: str) -> float:
        """Return how many seconds a meter's clock is ahead."""
        date = await self._data(line, meter, forms.DATE_ID)
        at = forms.clock(date, await self._data(line, meter, forms.TIME_ID))
        now = datetime.now(UTC)
        if at.hour == 0 and at.minute == 0:  # midnight may lie between the two answers
            date = await self._data(line, meter, forms.DATE_ID)
            at = datetime.combine(forms.clock(date, bytes(3)).date(), at.time())
        return (at.replace(tzinfo=ZoneInfo(self._cfg.meter_zone)) - now).total_seconds()

    async def _look_at_clocks(self, line: Line, emit: Emit) -> None:
        """Read the clock of each meter once a day; one that is off is told."""
        now = time.monotonic()
        for meter in dict.fromkeys(address.meter for address in self._at.values()):
            if now < self._clock_due.get(meter, 0.0):
                continue
            self._clock_due[meter] = now + _DAY_S
            try:
                if abs(await self._skew_s(line, meter)) > SKEW_TOLD_S:
                    emit.trouble("电表时钟偏差超过 5 分钟")
            except (WireError, TimeoutError):
                continue  # a meter without a clock; the values do not need one

    async def probe(self) -> ProbeReport:
        """Read every point once, with the bytes as they came."""
        began = time.monotonic()
        at = datetime.now(UTC)
        try:
            line = await self._open()
        except (LinkError, OSError) as error:
            return ProbeReport(at, ok=False, error=str(error))
        try:
            rows = tuple([await self._probed(line, point) for point in self._points])
            skew = await self._first_skew(line)
        except LinkError as error:
            return ProbeReport(at, ok=False, error=str(error))
        finally:
            line.close()
        ok = all(not row.error for row in rows)
        return ProbeReport(at, ok, rows, "", time.monotonic() - began, skew)

    async def _probed(self, line: Line, point: Point) -> ProbeRow:
        error, hint, value = "", "", None
        try:
            value = await self._value(line, self._at[point.point_id])
        except TimeoutError:
            error = _GARBLED if line.junk else _SILENT
            hint = "请核对表地址、速率、偶校验和 A/B 线"
        except WireError as wrong:
            error = wrong.reason
        return ProbeRow(
            point.point_id, point.row, line.heard.hex(" ").upper(), (),
            None if value is None else scaled(point, value), point.unit, error, hint,
        )  # fmt: skip

    async def _first_skew(self, line: Line) -> float | None:
        for meter in dict.fromkeys(address.meter for address in self._at.values()):
            try:
                return await self._skew_s(line, meter)
            except (WireError, TimeoutError):
                continue
        return None


def _bad(point: Point, slot: Slot, reason: str) -> Reading:
    return Reading(point.point_id, slot.at, None, Quality.BAD, reason)
