"""DL/T 645-2007 on the wire: the frames of a reader, and what a meter answers.

Only the three requests that read are made here: 11H (data), 12H (following data) and 13H
(address). There is no function that writes, sets a clock, freezes or clears.

Source: DL/T 645-2007, 5.2 (frame), 7 (commands), C.6 (error word).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data.connectors.dlt645_data import is_bcd
from data.connectors.wire import WireError

READ, READ_ON, READ_ADDRESS = 0x11, 0x12, 0x13
ANY_ADDRESS = "AA" * 6
WAKE = b"\xfe" * 4
_START, _END, _OFFSET = 0x68, 0x16, 0x33
_FROM_METER, _REFUSED, _FOLLOWS, _FUNCTION = 0x80, 0x40, 0x20, 0x1F
_HEAD, _TAIL = 10, 2
_MOST_DATA = 200
_READERS = frozenset({READ, READ_ON, READ_ADDRESS})
_NO_DATUM, _NO_RIGHT = 0x02, 0x04
_REFUSALS = {
    _NO_DATUM: "电表答复 02H：没有所请求的数据",
    _NO_RIGHT: "电表答复 04H：密码错或未授权",
    0x08: "电表答复 08H：通信速率不能更改",
    0x10: "电表答复 10H：年时区数超限",
    0x20: "电表答复 20H：日时段数超限",
    0x40: "电表答复 40H：费率数超限",
    0x01: "电表答复 01H：其他错误",
}
_UNSTATED = "电表答复：错误，未说明原因"


class ChecksumError(WireError):
    """The sum over the frame is not the one it carries."""


class MeterRefusal(WireError):
    """The meter answered that it cannot give the datum (C.6).

    Parameters
    ----------
    code
        The error word, one bit a reason.
    """

    def __init__(self, code: int) -> None:
        reasons = [words for bit, words in _REFUSALS.items() if code & bit]
        super().__init__(reasons[0] if reasons else _UNSTATED, code=f"{code:02X}H")
        self.code = code

    @property
    def lasting(self) -> bool:
        """Tell whether asking again is of no use: the datum is not there or not for us."""
        return bool(self.code & (_NO_DATUM | _NO_RIGHT))


@dataclass(frozen=True)
class Frame:
    """One frame with its data field as it was before the +33H of the wire.

    Parameters
    ----------
    address
        Twelve digits as printed on the meter; ``A`` where a digit is left open.
    control
        Control code C.
    data
        Data field, at most 200 bytes.
    """

    address: str
    control: int
    data: bytes

    @property
    def function(self) -> int:
        """Return the function, without the direction and its flags."""
        return self.control & _FUNCTION

    @property
    def from_meter(self) -> bool:
        """Tell whether a meter sent it."""
        return bool(self.control & _FROM_METER)

    @property
    def refused(self) -> bool:
        """Tell whether it carries an error word instead of data."""
        return bool(self.control & _REFUSED)

    @property
    def follows(self) -> bool:
        """Tell whether more data wait to be asked for."""
        return bool(self.control & _FOLLOWS)


@dataclass(frozen=True)
class Answer:
    """The data a meter gave for one identifier.

    Parameters
    ----------
    identifier
        DI3 DI2 DI1 DI0 as one number.
    data
        Bytes of the datum, low byte first.
    follows
        Whether more data wait.
    sequence
        Number of a following frame; None in a first one.
    """

    identifier: int
    data: bytes
    follows: bool
    sequence: int | None


def wire_address(address: str) -> bytes:
    """Return the six bytes of a meter's address, low byte first (5.2.2).

    Parameters
    ----------
    address
        Up to twelve digits as printed; shorter ones are filled with zeros on the left. ``A``
        stands for a digit left open.

    Raises
    ------
    WireError
        Something else than digits, or more than twelve.
    """
    digits = address.upper().zfill(12)
    if len(digits) != 12 or not set(digits) <= set("0123456789A"):
        raise WireError("表地址应为至多 12 位数字", address=address)
    return bytes.fromhex(digits)[::-1]


def encoded(frame: Frame) -> bytes:
    """Return the bytes of a frame, without the wake-up bytes in front.

    Raises
    ------
    WireError
        The address is none, or the data field is longer than 200 bytes.
    """
    if len(frame.data) > _MOST_DATA:
        raise WireError("数据域超过 200 字节", length=len(frame.data))
    field = bytes((byte + _OFFSET) & 0xFF for byte in frame.data)
    address = wire_address(frame.address)
    body = bytes([_START, *address, _START, frame.control & 0xFF, len(field)]) + field
    return body + bytes([sum(body) & 0xFF, _END])


def _request(address: str, function: int, data: bytes) -> bytes:
    """Return a master's request; by construction one of the three that read."""
    if function not in _READERS:
        raise WireError("只读：这个功能码不发送", code=f"{function:02X}H")
    return encoded(Frame(address, function, data))


def read_request(address: str, identifier: int) -> bytes:
    """Return the request for one datum (7.1, C=11H), without wake-up bytes."""
    return _request(address, READ, identifier.to_bytes(4, "little"))


def read_on_request(address: str, identifier: int, sequence: int) -> bytes:
    """Return the request for following frame number ``sequence`` (7.2, C=12H)."""
    return _request(address, READ_ON, identifier.to_bytes(4, "little") + bytes([sequence & 0xFF]))


def address_request() -> bytes:
    """Return the request for the address of the only meter on a line (7.4, C=13H)."""
    return _request(ANY_ADDRESS, READ_ADDRESS, b"")


def decoded(raw: bytes) -> Frame:
    """Return the frame in these bytes, wake-up bytes in front allowed.

    Raises
    ------
    ChecksumError
        The sum does not fit.
    WireError
        Anything else that is not one whole frame.
    """
    body = raw.lstrip(b"\xfe")
    if len(body) < _HEAD + _TAIL:
        raise WireError("帧不完整", length=len(body))
    if body[0] != _START or body[7] != _START:
        raise WireError("帧起始符不是 68H")
    size = body[9]
    if size > _MOST_DATA:
        raise WireError("数据域超过 200 字节", length=size)
    if len(body) != _HEAD + size + _TAIL:
        raise WireError("帧长与数据域长度不符", length=len(body))
    if sum(body[: _HEAD + size]) & 0xFF != body[_HEAD + size]:
        raise ChecksumError("校验和不符",
                            expected=f"{sum(body[: _HEAD + size]) & 0xFF:02X}H",
                            got=f"{body[_HEAD + size]:02X}H")  # fmt: skip
    if body[-1] != _END:
        raise WireError("帧结束符不是 16H")
    address = body[1:7][::-1].hex().upper()
    if not set(address) <= set("0123456789A"):
        raise WireError("表地址应为至多 12 位数字", address=address)
    data = bytes((byte - _OFFSET) & 0xFF for byte in body[_HEAD : _HEAD + size])
    return Frame(address, body[8], data)


class Scanner:
    """Cuts frames out of a stream by their length, never by a 16H that may be data."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self.discarded = 0

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """Yield the whole frames; bytes that belong to none are counted and dropped."""
        self._rest += chunk
        while (start := self._rest.find(_START)) >= 0:
            self._drop(start)
            size = self._whole()
            if size is None:
                return
            try:
                frame = decoded(bytes(self._rest[:size]))
            except WireError:
                # A 68H that opens no frame: the next one may.
                self._drop(1)
                continue
            del self._rest[:size]
            yield frame
        self._drop(len(self._rest))

    def _whole(self) -> int | None:
        """Return the length of the frame in front, None while bytes are missing."""
        if len(self._rest) > 7 and self._rest[7] != _START:
            return 1
        if len(self._rest) < _HEAD:
            return None
        size = _HEAD + self._rest[9] + _TAIL
        if self._rest[9] > _MOST_DATA:
            return 1
        return size if len(self._rest) >= size else None

    def _drop(self, count: int) -> None:
        self.discarded += sum(byte != 0xFE for byte in self._rest[:count])
        del self._rest[:count]


def answer(frame: Frame, identifier: int) -> Answer:
    """Return what a meter gave for the identifier asked for.

    Raises
    ------
    MeterRefusal
        It answered with an error word.
    WireError
        The frame answers something else.
    """
    if not frame.from_meter or frame.function not in (READ, READ_ON):
        raise WireError("不是读数据的应答", code=f"{frame.control:02X}H")
    if frame.refused:
        if len(frame.data) != 1:
            raise WireError("错误应答应带 1 字节错误字")
        raise MeterRefusal(frame.data[0])
    following = frame.function == READ_ON
    if len(frame.data) < (5 if following else 4):
        raise WireError("应答没有数据标识")
    got = int.from_bytes(frame.data[:4], "little")
    if got != identifier:
        raise WireError("答的不是所问的数据标识", asked=di_text(identifier), got=di_text(got))
    data = frame.data[4:-1] if following else frame.data[4:]
    return Answer(got, data, frame.follows, frame.data[-1] if following else None)


def answered_address(frame: Frame) -> str:
    """Return the twelve digits a meter gave for its address.

    Raises
    ------
    WireError
        The frame is no answer to 13H.
    """
    if not frame.from_meter or frame.refused or frame.function != READ_ADDRESS:
        raise WireError("不是读通信地址的应答", code=f"{frame.control:02X}H")
    if len(frame.data) != 6 or not is_bcd(frame.data):
        raise WireError("应答的通信地址不是 6 字节 BCD")
    return frame.data[::-1].hex()


def di_text(identifier: int) -> str:
    """Return an identifier as people write it: ``00-01-00-00``."""
    return identifier.to_bytes(4, "big").hex("-").upper()
