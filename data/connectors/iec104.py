"""Stations of IEC 60870-5-104 (DL/T 634.5104): a master that asks and listens, nothing else.

Values that the station stamped keep its time; the others get the time they came. An I frame is
acknowledged when its values are on the disk, so that the station keeps what we could not.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from data.connectors import iec104_codec as codec
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
from data.connectors.iec104_codec import Asdu, Flag, Item
from data.connectors.iec104_link import Link, Timers
from data.connectors.wire import WireError
from data.slots import slots, utc_now

_ACT_TERM = 10
_UNKNOWN_CAUSES = range(44, 48)
_LINGER_S = 0.3
_TICK_S = 0.5
_CHUNK = 1 << 16
_ADDRESS = re.compile(r"(?:(\d{1,5})[.:#])?(\d{1,8}|0x[0-9a-f]{1,6}|[0-9a-f]{1,6}h)", re.IGNORECASE)
# The worst first: a value can be several of these.
_VERDICTS = (
    (Flag.INVALID, Quality.BAD, "品质位：无效（IV）"),
    (Flag.OVERFLOW, Quality.BAD, "品质位：溢出（OV）"),
    (Flag.NOT_TOPICAL, Quality.UNCERTAIN, "品质位：非当前值（NT）"),
    (Flag.SUBSTITUTED, Quality.UNCERTAIN, "品质位：被取代（SB）"),
    (Flag.BLOCKED, Quality.UNCERTAIN, "品质位：被封锁（BL）"),
    (Flag.ADJUSTED, Quality.UNCERTAIN, "品质位：计数量被调整（CA）"),
)
_NO_TIME = "时标无效或带夏令时标志，改用接收时间"


class Iec104Config(ConnectorConfig):
    """Settings of a station; the timers are the standard's unless both sides agree on others."""

    host: str = Field(min_length=1, description="站端地址")
    port: int = Field(2404, ge=1, le=65535, description="端口")
    common_address: int = Field(1, ge=1, le=65534, description="公共地址（站地址）")
    station_zone: str = Field("Asia/Shanghai", description="站端时标的时区")
    t1_s: float = Field(15, gt=0, le=255, description="发送后等待确认的时间（秒）")
    t2_s: float = Field(10, gt=0, le=255, description="收到后最迟确认的时间（秒）")
    t3_s: float = Field(20, gt=0, le=172_800, description="空闲多久发测试帧（秒）")
    k: int = Field(12, ge=1, le=32_767, description="未确认 I 帧的最大数目")
    w: int = Field(8, ge=1, le=32_767, description="收到多少 I 帧后确认")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.t2_s >= self.t1_s:
            raise ValueError("t2 必须小于 t1")
        try:
            ZoneInfo(self.station_zone)
        except (KeyError, ValueError) as error:
            raise ValueError("没有这个时区") from error
        return self

    @property
    def timers(self) -> Timers:
        """Return the parameters of the link."""
        return Timers(self.t1_s, self.t2_s, self.t3_s, self.k, self.w)


class Iec104Address(PointAddress):
    """Column 地址: ``16385``, ``0x4001`` or ``4001H``, with ``station.`` in front where several."""

    common: int | None
    address: int

    @classmethod
    def parse(cls, address: str, func: str = "") -> Self:
        """Return an object's address.

        Raises
        ------
        ValueError
            It is none.
        """
        found = _ADDRESS.fullmatch(address.strip())
        if found is None:
            raise ValueError("信息体地址应写成 16385、0x4001 或 4001H，多个站时前面加 公共地址.")
        words = found[2].lower()
        if words.startswith("0x"):
            number = int(words, 16)
        else:
            number = int(words[:-1], 16) if words.endswith("h") else int(words)
        common = None if found[1] is None else int(found[1])
        if not 0 < number < 1 << 24 or not (common is None or 1 <= common <= 65534):
            raise ValueError("信息体地址应在 1～16777215，公共地址在 1～65534")
        return cls(common=common, address=number)

    @classmethod
    def place(cls, point: Point, cfg: ConnectorConfig) -> tuple[int, int]:
        """Return station and object: ``16385`` is that of the station which the settings name."""
        at = cls.parse(point.address, point.func)
        common = cfg.common_address if isinstance(cfg, Iec104Config) else 0
        return at.common or common, at.address


@dataclass
class _Session:
    """One connection: its link, what has come and is not on the disk yet, what was said."""

    link: Link
    writer: asyncio.StreamWriter
    cutter: codec.Cutter = field(default_factory=codec.Cutter)
    began: datetime = field(default_factory=utc_now)
    stamped: list[Reading] = field(default_factory=list)
    unstamped: list[Reading] = field(default_factory=list)
    waiting_since: float | None = None
    batches: int = 0
    unknown: set[int] = field(default_factory=set)
    refused: set[tuple[int, int]] = field(default_factory=set)
    ended: set[tuple[int, int]] = field(default_factory=set)

    def ask(self, type_id: int, common: int) -> None:
        """Send an interrogation, unless the station has said it knows none."""
        if (type_id, common) in self.refused or not self.link.may_send:
            return
        counters = type_id == codec.COUNTERS
        asdu = (codec.counter_interrogation if counters else codec.general_interrogation)(common)
        self.writer.write(self.link.send(asdu, time.monotonic()))

    def answered(self, unit: Asdu) -> bool:
        """Remember how an interrogation went; tell whether the station has just refused it."""
        asked = unit.type_id, unit.common
        if unit.cause == _ACT_TERM:
            self.ended.add(asked)
        if not unit.negative and unit.cause not in _UNKNOWN_CAUSES or asked in self.refused:
            return False
        self.refused.add(asked)
        self.ended.add(asked)
        return True


class Iec104:
    """One station."""

    kind: ClassVar[str] = "iec104"
    title: ClassVar[str] = "IEC 60870-5-104 站端"
    polls: ClassVar[bool] = True
    Config: ClassVar[type[ConnectorConfig]] = Iec104Config
    PointAddr: ClassVar[type[PointAddress]] = Iec104Address
    DOC: ClassVar[InterfaceDoc] = InterfaceDoc(
        purpose="从配电监控后台或远动终端取得已经汇集的遥测、电度和遥信，免去对每只表重复布线。",
        function="建立连接后总召唤一次，以后按点表周期总召唤和电度召唤，并接收突发上送；"
        "保留站端时标和品质。不下发遥控、设点、对时和参数，不冻结也不复位电度。",
        physical="以太网 TCP，端口 {port}；监控系统所在的生产控制区与本系统之间"
        "须经横向隔离或防火墙，只放行本系统到站端的一个方向的连接。",
        protocol="DL/T 634.5104—2009（IEC 60870-5-104）：类型 1、3、9、11、13、15、30、31、34～37，"
        "SQ=0 和 SQ=1，公共地址 2 字节、信息体地址 3 字节、传送原因 2 字节；"
        "k={k}，w={w}，t1={t1_s} 秒，t2={t2_s} 秒，t3={t3_s} 秒；品质 IV 为坏值，"
        "时标 IV 或 SU 用接收时间。数值入库后才发 S 帧确认。",
        test="总召唤得到点表全部对象；电度与后台画面一致；置某点无效后本系统显示坏值；"
        "冻结站端进程，t1 内断开并重连；序号跳变后重连并重新总召唤；不认识的类型只计数。",
        duties="监控系统厂家提供信息体地址表、系数和公共地址，开通一个主站连接；"
        "信息安全责任方批准跨区访问；用户核对电度的倍率；本系统不承担对时和控制。",
    )

    def __init__(self, cfg: Any, points: Sequence[Point]) -> None:  # noqa: ANN401 - its own Config
        self._cfg: Iec104Config = cfg
        self._points = points
        self._zone = ZoneInfo(cfg.station_zone)
        self._by_address = {Iec104Address.place(point, cfg): point for point in points}
        self._common = {point.point_id: place[0] for place, point in self._by_address.items()}

    async def run(self, emit: Emit) -> None:
        """Listen and ask until cancelled."""
        reader, session = await self._open()
        try:
            await self._listen(reader, session, emit)
        except WireError as error:
            raise LinkError(error.reason) from error
        finally:
            session.writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, _Session]:
        """Connect and send STARTDT."""
        try:
            async with asyncio.timeout(self._cfg.connect_s):
                reader, writer = await asyncio.open_connection(self._cfg.host, self._cfg.port)
        except TimeoutError:
            raise LinkError("连接超时") from None
        now = time.monotonic()
        session = _Session(Link(self._cfg.timers, now), writer)
        writer.write(session.link.start(now))
        return reader, session

    async def _listen(self, reader: asyncio.StreamReader, session: _Session, emit: Emit) -> None:
        asking: asyncio.Task[None] | None = None
        try:
            while True:
                wait_s = _TICK_S if session.waiting_since is None else _LINGER_S
                for _, unit in await self._received(reader, session, wait_s):
                    self._take(unit, session, emit)
                if session.link.started and asking is None:
                    emit.connected()
                    asking = asyncio.create_task(self._ask_on(session, emit))
                now = time.monotonic()
                since = session.waiting_since
                lingered = since is not None and now - since >= _LINGER_S
                if session.link.full or lingered or session.link.overdue(now):
                    await self._hand_over(session, emit)
                session.writer.write(session.link.due(now))
                await session.writer.drain()
        finally:
            if asking is not None:
                asking.cancel()

    async def _ask_on(self, session: _Session, emit: Emit) -> None:
        """Ask for everything now, then again at every slot that begins from now on."""
        began = emit.clock.now()
        self._ask_for(self._points, session)
        async for slot in slots(sorted({p.period_s for p in self._points}), emit.clock):
            if slot.at < began:
                continue
            due = [p for p in self._points if p.period_s == slot.period_s]
            self._ask_for(due, session)

    async def _received(
        self, reader: asyncio.StreamReader, session: _Session, wait_s: float
    ) -> list[tuple[bytes, Asdu]]:
        """Return what came within a while; tests and acknowledgements are dealt with."""
        try:
            async with asyncio.timeout(wait_s):
                chunk = await reader.read(_CHUNK)
        except TimeoutError:
            return []
        if not chunk:
            raise LinkError("对方关闭了连接")
        units = []
        for apdu in session.cutter.feed(chunk):
            session.writer.write(session.link.received(apdu, time.monotonic()))
            if apdu.send is not None:
                units.append((apdu.asdu, codec.asdu(apdu.asdu)))
                session.waiting_since = session.waiting_since or time.monotonic()
        return units

    def _ask_for(self, points: Sequence[Point], session: _Session) -> None:
        """Ask the stations of these points for everything, and for counters where there are any.

        A register may come as a counter or, from many stations, as a measured value.
        """
        wanted = {(codec.GENERAL, self._common[p.point_id]) for p in points}
        wanted |= {
            (codec.COUNTERS, self._common[p.point_id])
            for p in points
            if p.kind is PointKind.REGISTER
        }
        for type_id, common in sorted(wanted):
            session.ask(type_id, common)

    def _take(self, unit: Asdu, session: _Session, emit: Emit) -> None:
        """Keep the values of the points; count types that are not read here."""
        if unit.type_id in (codec.GENERAL, codec.COUNTERS):
            if session.answered(unit):
                counters = unit.type_id == codec.COUNTERS
                emit.trouble("站端拒绝电度召唤" if counters else "站端拒绝总召唤")
            return
        if not unit.known:
            if unit.type_id not in session.unknown:
                session.unknown.add(unit.type_id)
                emit.trouble("收到不读取的类型标识，已计数")
            return
        if unit.test:
            return  # a test value is not a measurement (101: 7.2.3, bit T)
        for item in unit.items:
            point = self._by_address.get((unit.common, item.address))
            if point is None or (emit.pressed and not point.kind.metered):
                continue
            reading = self._reading(point, item, emit.clock.now())
            stamped = item.stamp is not None and item.stamp.usable
            (session.stamped if stamped else session.unstamped).append(reading)

    def _reading(self, point: Point, item: Item, now: datetime) -> Reading:
        """Return an object as a reading of its point."""
        ts, quality, note = now, Quality.GOOD, ""
        if item.stamp is not None:
            if item.stamp.usable and item.stamp.at is not None:
                ts = item.stamp.at.replace(tzinfo=self._zone).astimezone(UTC)
            else:
                quality, note = Quality.UNCERTAIN, _NO_TIME
        for flag, verdict, words in reversed(_VERDICTS):
            if item.flags & flag:
                quality, note = max(quality, verdict), words
        if item.value is None or item.flags & Flag.INVALID:
            return Reading(point.point_id, ts, None, Quality.BAD, note or "站端没有给出数值")
        value = scaled(point, item.value)
        if not point.in_range(value):
            quality, note = Quality.BAD, "超出点表的上下限"
        return Reading(point.point_id, ts, value, quality, note)

    async def _hand_over(self, session: _Session, emit: Emit) -> None:
        """Put on the disk what has come, then acknowledge it to the station."""
        session.waiting_since = None
        for readings, stamped in ((session.stamped, True), (session.unstamped, False)):
            if not readings:
                continue
            session.batches += 1
            key = f"{session.began:%Y-%m-%dT%H:%M:%S.%f}/{session.batches}"
            # What a station kept while we were away comes before its first interrogation ends.
            backlog = stamped and not session.ended
            await emit(Batch(key, tuple(readings), stamped=stamped, backlog=backlog))
            readings.clear()
        session.writer.write(session.link.tell())

    async def probe(self) -> ProbeReport:
        """Interrogate once; a point's bytes are those of the ASDU it came in."""
        began, at = time.monotonic(), utc_now()
        got: dict[str, tuple[Reading, str]] = {}
        try:
            reader, session = await self._open()
            try:
                await self._interrogated(reader, session, got)
            finally:
                session.writer.close()
        except WireError as error:
            return ProbeReport(at, ok=False, error=error.reason)
        except (LinkError, OSError) as error:
            return ProbeReport(at, ok=False, error=str(error))
        rows = tuple(_probe_row(point, got.get(point.point_id)) for point in self._points)
        ok = all(not row.error for row in rows)
        return ProbeReport(at, ok, rows, "", time.monotonic() - began)

    async def _interrogated(
        self,
        reader: asyncio.StreamReader,
        session: _Session,
        got: dict[str, tuple[Reading, str]],
    ) -> None:
        """Fill ``got`` until the interrogations have ended or the time-out has passed."""
        stations = set(self._common.values())
        wanted = {(t, c) for t in (codec.GENERAL, codec.COUNTERS) for c in stations}
        until = time.monotonic() + self._cfg.timeout_s
        asked, at = False, utc_now()
        while time.monotonic() < until and not wanted <= session.ended | session.refused:
            for raw, unit in await self._received(reader, session, _LINGER_S):
                if unit.type_id in (codec.GENERAL, codec.COUNTERS):
                    session.answered(unit)
                for item in unit.items:
                    point = self._by_address.get((unit.common, item.address))
                    if point is not None:
                        got[point.point_id] = self._reading(point, item, at), raw.hex(" ").upper()
            if session.link.started and not asked:
                asked = True
                for type_id, common in sorted(wanted):
                    session.ask(type_id, common)
            session.writer.write(session.link.tell() + session.link.due(time.monotonic()))


def _probe_row(point: Point, found: tuple[Reading, str] | None) -> ProbeRow:
    if found is None:
        return ProbeRow(
            point.point_id, point.row, error="总召唤里没有这个信息体",
            hint="请核对公共地址，以及信息体地址是十进制还是十六进制",
        )  # fmt: skip
    reading, raw = found
    bad = reading.q is Quality.BAD
    return ProbeRow(
        point.point_id, point.row, raw, (), reading.value, point.unit, reading.note if bad else ""
    )
