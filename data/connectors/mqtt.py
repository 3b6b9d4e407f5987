"""Senders on an MQTT broker, 3.1.1 or 5.

A broker is no bank: it may lose what it has acknowledged (mosquitto#1855). So a message is
acknowledged, to the broker and by a message of ours to the sender, when it is on the disk; its
number tells what is missing, and the sender is asked for that again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self

import paho.mqtt.client as paho

from data.connectors.base import (
    Batch,
    Emit,
    InterfaceDoc,
    LinkError,
    Point,
    PointAddress,
    ProbeReport,
    ProbeRow,
    Quality,
    Reading,
    Receipt,
    SpoolBusy,
    scaled,
)
from data.connectors.mqtt_link import QOS, MqttConfig, Session, closed, opened
from data.connectors.mqtt_payload import Item, Message, PayloadError, acknowledgement, message
from data.digest import sm3
from data.slots import utc_now

_MOST_ASKED = 1000
_CATCH_UP_S = 60.0
_LIVE_S = 300.0


class MqttAddress(PointAddress):
    """Column 地址: the name in the message, with ``device#`` or ``topic#`` in front if needed."""

    device: str
    key: str

    @classmethod
    def parse(cls, address: str, func: str = "") -> Self:
        """Return a point's name.

        Raises
        ------
        ValueError
            It is empty.
        """
        device, _, key = address.strip().rpartition("#")
        if not device and not key:
            raise ValueError(
                "地址应写成报文里的名称，例如 E1、NX001#E1；主题里只有一个数时写 主题#"
            )
        return cls(device=device, key=key)


class Mqtt:
    """A subscription on a broker."""

    kind: ClassVar[str] = "mqtt"
    title: ClassVar[str] = "MQTT 上送"
    polls: ClassVar[bool] = False
    Config: ClassVar = MqttConfig
    PointAddr: ClassVar = MqttAddress
    DOC: ClassVar[InterfaceDoc] = InterfaceDoc(
        purpose="接收网关、数据采集器和第三方平台主动上送的读数，适合跨网段和设备众多的场合。",
        function="订阅主题 {topics}，按配置从 JSON 报文取数；入库后才确认，"
        "按序号发现缺口并请求补发。除应答主题外不发布任何报文。",
        physical="以太网或 4G 到代理服务器 {host}:{port}；上送方与本系统都只需向外连接代理服务器。",
        protocol="MQTT {version}，QoS 1，会话保留；未确认报文至多 {receive_maximum} 条。"
        "报文带发送方的时间和序号，可带 SM3 摘要（MQTT 5 用户属性 sm3，3.1.1 为 JSON 末字段）；"
        "应答主题 {ack_topic} 返回 result、seq 和 missing（需补发的序号）。",
        test="同一报文发两次只记一次；停采集期间的报文恢复后补齐；代理服务器断电后按序号补发；"
        "改动一个字节的报文被拒并要求重发；时钟超前的报文被隔离。",
        duties="上送方为每个设备连续编号、本地保留未得到应答的报文并按要求补发；"
        "代理服务器运维方管理账号、证书和持久化；本系统应答并保存。",
    )

    def __init__(self, cfg: Any, points: Sequence[Point]) -> None:  # noqa: ANN401 - its own Config
        self._cfg: MqttConfig = cfg
        self._points = points
        self._by_name: dict[tuple[str, str], Point] = {}
        for point in points:
            at = MqttAddress.parse(point.address, point.func)
            self._by_name[at.device, at.key] = point

    async def run(self, emit: Emit) -> None:
        """Take messages until cancelled."""
        client, session = await opened(self._cfg)
        emit.connected()
        try:
            while True:
                came = await session.inbox.get()
                if isinstance(came, LinkError):
                    raise came
                await self._take(client, session, came, emit)
        finally:
            await closed(client)

    async def _take(
        self, client: paho.Client, session: Session, came: paho.MQTTMessage, emit: Emit
    ) -> None:
        """Commit a message, answer its sender, then let the broker forget it."""
        device = _device(self._cfg.topics, came.topic)
        properties = _user_properties(came)
        try:
            read = message(self._cfg, device, bytes(came.payload), properties)
            receipt = await self._committed(session, came, read, emit)
        except PayloadError as error:
            # The broker would bring the same bytes for ever: the sender has to mend them.
            emit.trouble(error.reason)
            said = {"reason": error.reason} | _seq(properties.get("seq"))
            self._answer(client, device, None, 0, said)
        else:
            missing = list(receipt.missing[:_MOST_ASKED])
            more = _seq(read.seq) | ({"missing": missing} if missing else {})
            self._answer(client, read.device, read.body, 1, more)
        client.ack(came.mid, came.qos)

    async def _committed(
        self, session: Session, came: paho.MQTTMessage, read: Message, emit: Emit
    ) -> Receipt:
        """Return the receipt of a message; a full spool is waited for, and nothing acknowledged."""
        now = emit.clock.now()
        readings = []
        for item in read.items:
            point = self._point(read.device, came.topic, item.key)
            if point is None:
                self._strange(session, read.device, item.key, emit)
            elif not (came.retain and item.at is None):  # kept by the broker: nobody knows when
                readings.append(_reading(point, item, now))
        number = self._number(session, read, emit)
        stamped = any(item.at is not None for item in read.items)
        # A number may begin anew and a value may stay the same: only the whole message is itself.
        key = f"{came.topic}/{read.seq}/{sm3(bytes(came.payload))[:32]}"
        if not stamped:
            key += f"/{came.mid if came.dup else time.time_ns()}"
        backlog = self._is_backlog(session, came, readings, number)
        batch = Batch(
            key, tuple(readings), number, stamped, None if backlog else read.sent_at, backlog
        )
        while True:
            try:
                return await emit(batch)
            except SpoolBusy as busy:
                emit.trouble("暂存库已满，暂不确认")
                await asyncio.sleep(busy.retry_after_s)

    def _point(self, device: str, topic: str, key: str) -> Point | None:
        names = ((device, key), (topic, key), ("", key))
        return next((self._by_name[name] for name in names if name in self._by_name), None)

    def _strange(self, session: Session, device: str, key: str, emit: Emit) -> None:
        if (device, key) not in session.strangers:
            session.strangers.add((device, key))
            emit.trouble("报文里有点表没有的测点")

    def _number(self, session: Session, read: Message, emit: Emit) -> int | None:
        """Return a message's number; an interface follows the numbers of one sender."""
        if read.seq is None:
            return None
        if session.numbered is None:
            session.numbered = read.device
        if session.numbered != read.device:
            emit.trouble("一个接口只跟踪一个发送方的序号，请为其他设备另建接口")
            return None
        return read.seq

    def _is_backlog(
        self,
        session: Session,
        came: paho.MQTTMessage,
        readings: Sequence[Reading],
        number: int | None,
    ) -> bool:
        """Tell what was kept meanwhile from what is new: the former says nothing of a clock."""
        before = number is not None and number <= session.highest
        session.highest = max(session.highest, -1 if number is None else number)
        if before or came.dup or came.retain:
            return True
        if not session.resumed or time.monotonic() - session.began > _CATCH_UP_S:
            return False
        newest = max((r.ts for r in readings), default=None)
        if newest is not None and abs((utc_now() - newest).total_seconds()) < _LIVE_S:
            session.resumed = False  # caught up
            return False
        return True

    def _answer(
        self,
        client: paho.Client,
        device: str,
        body: object,
        result: int,
        more: Mapping[str, object],
    ) -> None:
        """Tell the sender what became of its message, if it wants to know."""
        if not self._cfg.ack_topic:
            return
        topic = self._cfg.ack_topic.replace("{device}", device)
        payload = acknowledgement(body, list(self._cfg.ack_copy), result, more)
        client.publish(topic, payload, QOS)

    async def probe(self) -> ProbeReport:
        """Listen for a while under the same name; what comes is not acknowledged, so none is lost.

        It takes the session over for as long: the broker allows one connection a name.
        """
        began, at = time.monotonic(), utc_now()
        got: dict[str, tuple[Reading, bytes]] = {}
        try:
            client, session = await opened(self._cfg)
        except (LinkError, OSError) as error:
            return ProbeReport(at, ok=False, error=str(error))
        error_word = ""
        try:
            async with asyncio.timeout(self._cfg.timeout_s):
                while len(got) < len(self._points):
                    came = await session.inbox.get()
                    if isinstance(came, LinkError):
                        raise came
                    error_word = self._looked_at(came, got) or error_word
        except TimeoutError:
            pass
        except LinkError as error:
            error_word = str(error)
        finally:
            await closed(client)
        rows = tuple(_probe_row(point, got.get(point.point_id)) for point in self._points)
        ok = not error_word and all(not row.error for row in rows)
        return ProbeReport(at, ok, rows, error_word, time.monotonic() - began)

    def _looked_at(self, came: paho.MQTTMessage, got: dict[str, tuple[Reading, bytes]]) -> str:
        """Note a message's values; return why it cannot be read."""
        device = _device(self._cfg.topics, came.topic)
        try:
            read = message(self._cfg, device, bytes(came.payload), _user_properties(came))
        except PayloadError as error:
            return error.reason
        for item in read.items:
            point = self._point(read.device, came.topic, item.key)
            if point is not None:
                got[point.point_id] = _reading(point, item, utc_now()), bytes(came.payload)
        return ""


def _seq(seq: object) -> dict[str, object]:
    return {} if seq is None else {"seq": seq}


def _reading(point: Point, item: Item, now: datetime) -> Reading:
    """Return a value as a reading; without a time of its own it has the one it came at."""
    ts = now if item.at is None else item.at
    if item.value is None:
        return Reading(point.point_id, ts, None, Quality.BAD, item.note)
    value = scaled(point, item.value)
    if not point.in_range(value):
        return Reading(point.point_id, ts, value, Quality.BAD, "超出点表的上下限")
    return Reading(point.point_id, ts, value, item.q, item.note)


def _probe_row(point: Point, found: tuple[Reading, bytes] | None) -> ProbeRow:
    if found is None:
        return ProbeRow(
            point.point_id, point.row, error="等待期间没有收到这个测点",
            hint="请核对主题、报文里的名称和上送周期",
        )  # fmt: skip
    reading, payload = found
    error = reading.note if reading.q is Quality.BAD else ""
    shown = payload[:200].hex(" ").upper()
    return ProbeRow(point.point_id, point.row, shown, (), reading.value, point.unit, error)


def _device(filters: Sequence[str], topic: str) -> str:
    """Return what stands in a topic where the subscription has wildcards."""
    for pattern in filters:
        if not paho.topic_matches_sub(pattern, topic):
            continue
        levels, found = topic.split("/"), []
        for number, part in enumerate(pattern.split("/")):
            if part == "#":
                found += levels[number:]
            elif part == "+":
                found.append(levels[number])
        return "/".join(found)
    return ""


def _user_properties(came: paho.MQTTMessage) -> dict[str, str]:
    pairs = getattr(came.properties, "UserProperty", None) or []
    return {str(name): str(value) for name, value in pairs}
