"""What an MQTT message says: its JSON is read by configuration, never by one fixed shape.

Two shapes as examples. Plain::

    {"ts": "2026-11-26T13:45:00+08:00", "seq": 7, "values": {"E1": 12345.67}}

and the contract of a Chinese vendor (connectors.md §1.1)::

    {"location_code": "NX001", "ts": 1795671900000,
     "properties": [{"type": "AI", "key": "E1", "value": 12345.67, "timestamp": 1795671900000}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from data.connectors.base import ConnectorConfig, Quality
from data.connectors.wire import WireError
from data.digest import sm3

QUALITIES: dict[str, Literal[0, 1, 2, 3]] = {
    "0": 0, "1": 1, "2": 2, "3": 3, "good": 0, "uncertain": 1, "bad": 2, "manual": 3,
}  # fmt: skip
_MOST_DIGITS = 30
_DIGEST_TAIL = ',"sm3":"'


class PayloadError(WireError):
    """A message is not what the settings say; nothing of it is taken."""


class Shape(ConnectorConfig):
    """Where in a message things are: names joined by dots, empty where there is none."""

    values: str = Field("values", description="数值所在：对象（名称:数值）或数组；空为整个报文")
    key: str = Field("key", description="数组元素里测点名称的字段")
    value: str = Field("value", description="数组元素里数值的字段")
    time: str = Field("ts", description="时间字段：先看数组元素，再看报文")
    time_format: Literal["iso", "s", "ms"] = Field("iso", description="时间写法")
    zone: str = Field("Asia/Shanghai", description="时间不带时区时按哪个时区")
    quality: str = Field("", description="数组元素里品质的字段")
    quality_map: dict[str, Literal[0, 1, 2, 3]] = Field(
        default_factory=lambda: dict(QUALITIES),
        description="品质的写法：0 好、1 可疑、2 坏、3 人工",
    )
    device: str = Field("", description="设备标识字段；空为主题里通配符对应的一段")
    seq: str = Field("seq", description="序号字段")
    sent: str = Field("", description="发送时刻字段，用于核对对方时钟")
    require_digest: bool = Field(default=False, description="没有 SM3 摘要的报文不收")


@dataclass(frozen=True)
class Item:
    """One value of a message.

    Parameters
    ----------
    key
        The point's name at the sender; empty where a topic carries one bare number.
    value
        None where it is no number.
    at
        The sender's time, UTC; None where the message gives none.
    q
        The sender's quality.
    note
        Why it is not good; a sentence in Chinese.
    """

    key: str
    value: Decimal | None
    at: datetime | None
    q: Quality = Quality.GOOD
    note: str = ""


@dataclass(frozen=True)
class Message:
    """A message that was read.

    Parameters
    ----------
    device
        Who sent it.
    items
        Its values.
    seq
        The sender's running number.
    sent_at
        When it was sent by the sender's clock, UTC.
    body
        The whole JSON, for what an acknowledgement repeats.
    """

    device: str
    items: tuple[Item, ...]
    seq: int | None
    sent_at: datetime | None
    body: object


def checked(payload: bytes, properties: Mapping[str, str], *, required: bool) -> None:
    """Compare a message with its SM3 digest (9.1.1).

    MQTT 5 carries it as the user property ``sm3`` over the payload. In 3.1.1 it is the last member
    of the JSON, over the text without that member: ``…,"sm3":"<64 digits>"}``.

    Raises
    ------
    PayloadError
        They differ, or there is none and one is required.
    """
    said = properties.get("sm3", "").lower()
    body = payload
    if not said:
        body, said = _parted(payload)
    if not said:
        if required:
            raise PayloadError("报文没有 SM3 摘要")
        return
    if sm3(body) != said:
        raise PayloadError("报文与 SM3 摘要不符")


def _parted(payload: bytes) -> tuple[bytes, str]:
    """Return a text without its digest, and the digest."""
    tail = payload.rstrip()
    start = tail.rfind(_DIGEST_TAIL.encode())
    if start < 0 or not tail.endswith(b'"}'):
        return payload, ""
    digest = tail[start + len(_DIGEST_TAIL) : -2]
    return tail[:start] + b"}", digest.decode("ascii", "replace").lower()


def message(
    shape: Shape, device: str, payload: bytes, properties: Mapping[str, str] | None = None
) -> Message:
    """Return what a payload says.

    Parameters
    ----------
    shape
        Where things are.
    device
        Who sent it, by its topic; a field of the payload counts more.
    payload
        UTF-8 JSON.
    properties
        User properties of MQTT 5: ``seq`` and ``sm3``.

    Raises
    ------
    PayloadError
        It is no JSON, its digest differs, or what the settings name is not there.
    """
    properties = properties or {}
    checked(payload, properties, required=shape.require_digest)
    body = _json(payload)
    own = _at(body, shape.device) if shape.device else None
    seq = properties.get("seq") if "seq" in properties else _at(body, shape.seq)
    sent = _at(body, shape.sent) if shape.sent else None
    return Message(
        device if own is None else str(own),
        tuple(_items(shape, body)),
        None if seq is None else _whole(seq),
        None if sent is None else _time(shape, sent),
        body,
    )


def _json(payload: bytes) -> object:  # noqa: ANN401 - JSON is of any type
    def refuse(word: str) -> None:
        raise PayloadError("报文里有 NaN 或无穷大", word=word)

    try:
        found: object = json.loads(
            payload.decode("utf-8"), parse_float=Decimal, parse_int=Decimal, parse_constant=refuse
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, InvalidOperation) as error:
        raise PayloadError("报文不是 UTF-8 的 JSON") from error
    return found


def _at(body: object, path: str) -> object:  # noqa: ANN401
    """Return what stands at a path of names, None where nothing does."""
    for name in path.split(".") if path else ():
        if not isinstance(body, dict):
            return None
        body = body.get(name)
    return body


def _items(shape: Shape, body: object) -> Iterator[Item]:  # noqa: ANN401
    """Yield the values of a message."""
    common = _at(body, shape.time) if shape.time and isinstance(body, dict) else None
    at = None if common is None else _time(shape, common)
    found = _at(body, shape.values) if isinstance(body, dict) else body
    if isinstance(found, dict):
        yield from (_item(shape, key, value, at) for key, value in found.items())
    elif isinstance(found, list):
        for element in found:
            if not isinstance(element, dict):
                raise PayloadError("数组元素不是对象")
            name, own = _at(element, shape.key), _at(element, shape.time)
            if name is None:
                raise PayloadError("数组元素没有测点名称")
            moment = at if own is None else _time(shape, own)
            quality = _at(element, shape.quality) if shape.quality else None
            yield _item(shape, str(name), _at(element, shape.value), moment, quality)
    elif isinstance(found, Decimal | bool) or (found is not None and not isinstance(body, dict)):
        yield _item(shape, "", found, at)
    else:
        raise PayloadError("报文里没有数值")


def _item(
    shape: Shape,
    key: str,
    value: object,
    at: datetime | None,
    quality: object = None,  # noqa: ANN401
) -> Item:
    """Return one value; a word where a number should be is bad, never zero."""
    number = _number(value)
    if number is None:
        return Item(key, None, at, Quality.BAD, "对方给出的不是数")
    if quality is None:
        return Item(key, number, at)
    known = shape.quality_map.get(str(quality).lower(), shape.quality_map.get(str(quality)))
    if known is None:
        return Item(key, number, at, Quality.UNCERTAIN, "对方给出的品质不认识")
    verdict = Quality(known)
    return Item(key, number, at, verdict, "" if verdict is Quality.GOOD else "对方给出的品质")


def _number(value: object) -> Decimal | None:  # noqa: ANN401
    """Return a number as it was written; true and false are a switch's 1 and 0."""
    if isinstance(value, bool):
        return Decimal(int(value))
    try:
        number = Decimal(value.strip()) if isinstance(value, str) else value
    except InvalidOperation:
        return None
    if not isinstance(number, Decimal) or not number.is_finite():
        return None
    # 1e999999999 is valid JSON and fills the memory when it is made a whole number.
    return number if not number or abs(number.adjusted()) <= _MOST_DIGITS else None


def _whole(value: object) -> int:  # noqa: ANN401
    number = None if isinstance(value, bool) else _number(value)
    if number is None or number != number.to_integral_value() or number < 0:
        raise PayloadError("序号不是自然数", seq=value)
    return int(number)


def _time(shape: Shape, value: object) -> datetime:  # noqa: ANN401
    """Return a time of the message, UTC.

    Raises
    ------
    PayloadError
        It is none in the format of the settings.
    """
    try:
        if shape.time_format == "iso":
            if not isinstance(value, str):
                raise ValueError
            at = datetime.fromisoformat(value.strip())
            return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(shape.zone))).astimezone(UTC)
        number = None if isinstance(value, bool) else _number(value)
        if number is None:
            raise ValueError
        seconds = number / 1000 if shape.time_format == "ms" else number
        return datetime.fromtimestamp(float(seconds), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise PayloadError("时间与设置的写法不符", time=value) from error


def acknowledgement(
    body: object,
    copied: list[str],
    result: int,
    more: Mapping[str, object],  # noqa: ANN401
) -> bytes:
    """Return the JSON that tells a sender what became of its message."""
    said: dict[str, object] = {name: _at(body, name) for name in copied}
    said |= {"result": result} | dict(more)
    return json.dumps(said, ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> object:
    """Return a decimal as JSON writes it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(type(value).__name__)
