"""IEC 60870-5-104 on the wire: what a master that only reads sends, and what a station answers.

The only commands made here ask for values: general interrogation (C_IC_NA_1) and counter
interrogation without freeze or reset (C_CI_NA_1). There is no function for a command, set-point,
clock or parameter.

Source: IEC 60870-5-104:2006 (DL/T 634.5104—2009), 5 (APCI), 7 (ASDU); IEC 60870-5-101:2003,
7.2 (information elements), 7.3 (types).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum, IntFlag

from data.connectors.wire import WireError

START = 0x68
SEQUENCE = 1 << 15
_HEAD, _LONGEST = 4, 253
_ASDU_HEAD, _ADDRESS = 6, 3
GENERAL, COUNTERS, INITIALISED = 100, 101, 70
_ACTIVATE = 6
_WHOLE_STATION = 20
# RQT 5 = every group, FRZ 0 = read as it is: a freeze or reset would change the station.
_READ_ALL_COUNTERS = 5


class Unnumbered(Enum):
    """The control functions of a U frame (5.1)."""

    STARTDT = 0x07
    STARTDT_CON = 0x0B
    STOPDT = 0x13
    STOPDT_CON = 0x23
    TESTFR = 0x43
    TESTFR_CON = 0x83


class Flag(IntFlag):
    """Quality of an information object (101: 7.2.6.3, 7.2.6.9); 0 is good."""

    OVERFLOW = 0x01
    BLOCKED = 0x10
    SUBSTITUTED = 0x20
    NOT_TOPICAL = 0x40
    INVALID = 0x80
    ADJUSTED = 0x100  # a counter that was set since it was last read
    CARRY = 0x200  # a counter that passed its end since it was last read


@dataclass(frozen=True)
class Apdu:
    """One frame.

    Parameters
    ----------
    control
        A U frame's function; None for I and S frames.
    send
        N(S) of an I frame; None for S and U frames.
    receive
        N(R) of I and S frames.
    asdu
        What an I frame carries.
    """

    control: Unnumbered | None = None
    send: int | None = None
    receive: int = 0
    asdu: bytes = b""


@dataclass(frozen=True)
class Stamp:
    """A time tag CP56Time2a (101: 7.2.6.18).

    Parameters
    ----------
    at
        The station's clock, without a zone; None where the bytes are no time.
    invalid, summer
        The bits IV and SU.
    """

    at: datetime | None
    invalid: bool
    summer: bool

    @property
    def usable(self) -> bool:
        """Tell whether the time can be taken as it stands."""
        return self.at is not None and not self.invalid and not self.summer


@dataclass(frozen=True)
class Item:
    """One information object.

    Parameters
    ----------
    address
        Information object address.
    value
        Its value; None where it has none: an invalid float, a double point in between.
    flags
        Its quality.
    stamp
        Its time tag, where the type has one.
    """

    address: int
    value: Decimal | None
    flags: Flag
    stamp: Stamp | None = None


@dataclass(frozen=True)
class Asdu:
    """What an I frame carries.

    Parameters
    ----------
    type_id, cause, negative, test, originator, common
        Type identification, cause of transmission with its bits, originator and common address.
    items
        Its objects; none for a type that is not read here.
    known
        Whether the type is read here.
    """

    type_id: int
    cause: int
    negative: bool
    test: bool
    originator: int
    common: int
    items: tuple[Item, ...] = ()
    known: bool = True


def unnumbered(function: Unnumbered) -> bytes:
    """Return a U frame."""
    return bytes([START, _HEAD, function.value, 0, 0, 0])


def supervisory(receive: int) -> bytes:
    """Return an S frame that acknowledges everything before N(R) ``receive``."""
    return bytes([START, _HEAD, 1, 0]) + (receive % SEQUENCE << 1).to_bytes(2, "little")


def information(send: int, receive: int, asdu: bytes) -> bytes:
    """Return an I frame."""
    numbers = struct.pack("<HH", send % SEQUENCE << 1, receive % SEQUENCE << 1)
    return bytes([START, _HEAD + len(asdu)]) + numbers + asdu


def general_interrogation(common: int) -> bytes:
    """Return the ASDU that asks a station for all its values (C_IC_NA_1, QOI 20)."""
    return _asked(GENERAL, common, _WHOLE_STATION)


def counter_interrogation(common: int) -> bytes:
    """Return the ASDU that asks for all counters as they stand (C_CI_NA_1, no freeze)."""
    return _asked(COUNTERS, common, _READ_ALL_COUNTERS)


def _asked(type_id: int, common: int, qualifier: int) -> bytes:
    return struct.pack("<BBBBH", type_id, 1, _ACTIVATE, 0, common) + bytes([0, 0, 0, qualifier])


class Cutter:
    """Cuts frames out of a stream; TCP loses nothing, so a wrong start ends the link."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Apdu]:
        """Yield the whole frames.

        Raises
        ------
        WireError
            The stream is not one of frames.
        """
        self._rest += chunk
        while len(self._rest) >= 2:
            if self._rest[0] != START:
                raise WireError("帧起始符不是 68H")
            size = self._rest[1]
            if not _HEAD <= size <= _LONGEST:
                raise WireError("APDU 长度不在 4～253", length=size)
            if len(self._rest) < 2 + size:
                return
            frame = bytes(self._rest[2 : 2 + size])
            del self._rest[: 2 + size]
            yield _apdu(frame)


def _apdu(frame: bytes) -> Apdu:
    """Return a frame from its control field and what follows."""
    first, receive = frame[0], int.from_bytes(frame[2:4], "little") >> 1
    if not first & 0x01:
        return Apdu(None, int.from_bytes(frame[:2], "little") >> 1, receive, frame[_HEAD:])
    if len(frame) != _HEAD:
        raise WireError("S/U 帧长不是 4", length=len(frame))
    if not first & 0x02:
        return Apdu(receive=receive)
    try:
        return Apdu(Unnumbered(first))
    except ValueError:
        raise WireError("未知的 U 帧", code=f"{first:02X}H") from None


@dataclass(frozen=True)
class _Type:
    """How a type's element is read: bytes of its value and quality, and its reader."""

    size: int
    read: Callable[[bytes], tuple[Decimal | None, Flag]]
    stamped: bool = False


def _single(raw: bytes) -> tuple[Decimal | None, Flag]:
    return Decimal(raw[0] & 1), Flag(raw[0] & 0xF0)


def _double(raw: bytes) -> tuple[Decimal | None, Flag]:
    """Return 0 (off) or 1 (on); None in between and where the station cannot tell."""
    return {1: Decimal(0), 2: Decimal(1)}.get(raw[0] & 3), Flag(raw[0] & 0xF0)


def _normalised(raw: bytes) -> tuple[Decimal | None, Flag]:
    return Decimal(int.from_bytes(raw[:2], "little", signed=True)) / 32768, _quality(raw[2])


def _whole(raw: bytes) -> tuple[Decimal | None, Flag]:
    return Decimal(int.from_bytes(raw[:2], "little", signed=True)), _quality(raw[2])


def _float(raw: bytes) -> tuple[Decimal | None, Flag]:
    return float_value(raw[:4]), _quality(raw[4])


def _quality(byte: int) -> Flag:
    return Flag(byte & 0xF1)


def _counter(raw: bytes) -> tuple[Decimal | None, Flag]:
    flags = Flag(raw[4] & 0x80)
    if raw[4] & 0x40:
        flags |= Flag.ADJUSTED
    if raw[4] & 0x20:
        flags |= Flag.CARRY
    return Decimal(int.from_bytes(raw[:4], "little", signed=True)), flags


def float_value(raw: bytes) -> Decimal | None:
    """Return the shortest number that is these four bytes, low byte first; None for none."""
    value = struct.unpack("<f", raw)[0]
    for digits in (6, 7, 8, 9):
        words = f"{value:.{digits}g}"
        if words.lstrip("-") in ("inf", "nan"):
            return None
        if abs(float(words)) < 3.4028236e38 and struct.pack("<f", float(words)) == raw:
            return Decimal(words)
    return None


_PLAIN = {
    1: _Type(1, _single),
    3: _Type(1, _double),
    9: _Type(3, _normalised),
    11: _Type(3, _whole),
    13: _Type(5, _float),
    15: _Type(5, _counter),
}
_TYPES = _PLAIN | {
    stamped: _Type(_PLAIN[plain].size, _PLAIN[plain].read, stamped=True)
    for stamped, plain in {30: 1, 31: 3, 34: 9, 35: 11, 36: 13, 37: 15}.items()
}
TYPES = frozenset(_TYPES)
_STAMP = 7


def asdu(raw: bytes) -> Asdu:
    """Return what an I frame carries; a type not read here comes back without objects.

    Raises
    ------
    WireError
        Its length does not fit its type and number of objects.
    """
    if len(raw) < _ASDU_HEAD:
        raise WireError("ASDU 不完整", length=len(raw))
    type_id, structure, cause, originator, common = struct.unpack("<BBBBH", raw[:_ASDU_HEAD])
    kind = _TYPES.get(type_id)
    items = tuple(_items(raw[_ASDU_HEAD:], kind, structure, type_id)) if kind else ()
    return Asdu(
        type_id, cause & 0x3F, bool(cause & 0x40), bool(cause & 0x80), originator, common, items,
        kind is not None or type_id in (GENERAL, COUNTERS, INITIALISED),
    )  # fmt: skip


def _items(body: bytes, kind: _Type, structure: int, type_id: int) -> Iterator[Item]:
    """Yield the objects: each with its address (SQ=0), or in a row from the first one's (SQ=1)."""
    count, in_row = structure & 0x7F, bool(structure & 0x80)
    size = kind.size + (_STAMP if kind.stamped else 0)
    expected = _ADDRESS + count * size if in_row else count * (_ADDRESS + size)
    if count == 0 or len(body) != expected:
        raise WireError(
            "信息体的长度与类型和个数不符",
            type_id=type_id, count=count, expected=expected, length=len(body),
        )  # fmt: skip
    first = int.from_bytes(body[:_ADDRESS], "little")
    for number in range(count):
        place = _ADDRESS + number * size if in_row else number * (_ADDRESS + size)
        address = first + number
        if not in_row:
            address = int.from_bytes(body[place : place + _ADDRESS], "little")
            place += _ADDRESS
        element = body[place : place + size]
        value, flags = kind.read(element[: kind.size])
        yield Item(address, value, flags, stamp(element[kind.size :]) if kind.stamped else None)


def stamp(raw: bytes) -> Stamp:
    """Return a time tag from its seven bytes."""
    millisecond, minute, hour, day, month, year = struct.unpack("<HBBBBB", raw)
    second, thousandth = divmod(millisecond, 1000)
    try:
        at = datetime(
            2000 + (year & 0x7F), month & 0x0F, day & 0x1F, hour & 0x1F, minute & 0x3F,
            second, thousandth * 1000,
        )  # fmt: skip
    except ValueError:
        at = None
    return Stamp(at, bool(minute & 0x80), bool(hour & 0x80))
