"""The connection to an MQTT broker: settings, certificates, session, and what paho hands over."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import Field, field_validator, model_validator

from data.connectors.base import LinkError, Secret
from data.connectors.mqtt_payload import Shape

QOS = 1
_CODES = {
    4: "用户名或密码不对", 5: "对方拒绝这个账号", 134: "用户名或密码不对", 135: "对方拒绝这个账号",
    133: "对方不接受这个客户端标识", 2: "对方不接受这个客户端标识",
    132: "对方不支持这个协议版本", 1: "对方不支持这个协议版本",
}  # fmt: skip


class MqttConfig(Shape):
    """Settings of a subscription."""

    host: str = Field(min_length=1, description="代理服务器地址")
    port: int = Field(1883, ge=1, le=65535, description="端口；加密时通常为 8883")
    version: Literal["3.1.1", "5"] = Field("5", description="MQTT 版本")
    client_id: str = Field(min_length=1, description="客户端标识：保持不变，离线期间的报文才会留着")
    topics: tuple[str, ...] = Field(min_length=1, description="订阅的主题，可用 + 和 #")
    username: str = Field("", description="用户名")
    password: Secret | None = Field(
        None, description="密码：env:变量名、file:路径或 credential:名称"
    )
    tls: bool = Field(default=False, description="加密连接，并核对对方证书")
    ca_file: Path | None = Field(None, description="对方证书的签发者；空为系统所信任的")
    cert_file: Path | None = Field(None, description="本方证书")
    key_file: Path | None = Field(None, description="本方私钥")
    keepalive_s: int = Field(10, ge=5, le=600, description="保活间隔（秒）")
    receive_maximum: int = Field(20, ge=1, le=1000, description="未确认报文的最大数目（MQTT 5）")
    session_days: int = Field(7, ge=0, le=30, description="离线时对方保留报文的天数（MQTT 5）")
    ack_topic: str = Field("", description="应用层应答的主题，{device} 为设备；空为不应答")
    ack_copy: tuple[str, ...] = Field((), description="应答里照抄的报文字段")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("本方证书和私钥要一起填")
        if not self.tls and (self.ca_file or self.cert_file):
            raise ValueError("填了证书而没有启用加密")
        return self

    @field_validator("ack_topic")
    @classmethod
    def _publishable(cls, value: str) -> str:
        if "+" in value or "#" in value:
            raise ValueError("应答主题里不能有通配符")
        return value


@dataclass
class Session:
    """One connection: what paho's thread hands over, and what has been seen on it."""

    inbox: asyncio.Queue[paho.MQTTMessage | LinkError]
    began: float = field(default_factory=time.monotonic)
    resumed: bool = False
    numbered: str | None = None
    highest: int = -1
    strangers: set[tuple[str, str]] = field(default_factory=set)


async def opened(cfg: MqttConfig) -> tuple[paho.Client, Session]:
    """Connect, resume the session and subscribe.

    Raises
    ------
    LinkError
        The broker is not there or does not want us.
    """
    session = Session(asyncio.Queue())
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    client = _client(cfg)

    def tell(result: LinkError | None) -> None:
        if not ready.done():
            ready.set_exception(result) if result else ready.set_result(None)
        elif result is not None:
            session.inbox.put_nowait(result)

    def on_connect(
        _: paho.Client, __: object, flags: paho.ConnectFlags, code: ReasonCode, ___: object
    ) -> None:
        if code.is_failure:
            loop.call_soon_threadsafe(tell, LinkError(_CODES.get(code.value, "对方拒绝连接")))
            return
        session.resumed = flags.session_present
        client.subscribe([(topic, QOS) for topic in cfg.topics])

    def on_subscribe(
        _: paho.Client, __: object, ___: int, codes: list[ReasonCode], ____: object
    ) -> None:
        refused = any(code.is_failure for code in codes)
        loop.call_soon_threadsafe(tell, LinkError("对方拒绝订阅") if refused else None)

    def on_disconnect(*_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have ended before the thread
            loop.call_soon_threadsafe(tell, LinkError("对方断开了连接"))

    def on_message(_: paho.Client, __: object, came: paho.MQTTMessage) -> None:
        loop.call_soon_threadsafe(session.inbox.put_nowait, came)

    client.on_connect, client.on_subscribe = on_connect, on_subscribe
    client.on_disconnect, client.on_message = on_disconnect, on_message
    try:
        await asyncio.to_thread(_connect, cfg, client)
        client.loop_start()
        await asyncio.wait_for(ready, cfg.connect_s)
    except (TimeoutError, LinkError, OSError) as error:
        await closed(client)
        raise _link_error(error) from error
    return client, session


def _client(cfg: MqttConfig) -> paho.Client:
    five = cfg.version == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2, cfg.client_id,
        clean_session=None if five else False,
        protocol=paho.MQTTv5 if five else paho.MQTTv311,
        manual_ack=True, reconnect_on_failure=False,
    )  # fmt: skip
    client.connect_timeout = cfg.connect_s
    if cfg.username:
        secret = cfg.password.get_secret_value() if cfg.password else None
        client.username_pw_set(cfg.username, secret)
    return client


def _connect(cfg: MqttConfig, client: paho.Client) -> None:
    """Connect; certificates are always checked, there is no setting that leaves it out."""
    if cfg.tls:
        context = ssl.create_default_context(cafile=cfg.ca_file)
        if cfg.cert_file:
            context.load_cert_chain(cfg.cert_file, cfg.key_file)
        client.tls_set_context(context)
    properties = None
    if cfg.version == "5":
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = cfg.session_days * 86_400
        properties.ReceiveMaximum = cfg.receive_maximum
    client.connect(
        cfg.host, cfg.port, cfg.keepalive_s,
        clean_start=False if properties else paho.MQTT_CLEAN_START_FIRST_ONLY,
        properties=properties,
    )  # fmt: skip


def _link_error(error: Exception) -> LinkError:
    if isinstance(error, LinkError):
        return error
    if isinstance(error, ssl.SSLError):
        return LinkError("加密连接失败：请核对证书")
    if isinstance(error, TimeoutError):
        return LinkError("连接超时")
    return LinkError(str(error))


async def closed(client: paho.Client) -> None:
    """End a connection and paho's thread."""

    def end() -> None:
        client.disconnect()
        client.loop_stop()

    await asyncio.to_thread(end)
