"""Numbers out of bytes: byte orders, data types, and the worked example that proves both.

An order is named by where the bytes of the value ABCD (most significant first) stand on the wire.
The words "ABCD" of a vendor prove nothing, two libraries name the same order differently; an
example in hex does (connectors.md §2).
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from decimal import Decimal

from data.connectors.base import BYTE_ORDERS

WIDTHS = {
    "u16": 2, "s16": 2, "bit": 2, "bcd16": 2, "u32": 4, "s32": 4, "f32": 4, "bcd32": 4,
    "u64": 8, "s64": 8, "f64": 8,
}  # fmt: skip
_EXAMPLE = re.compile(r"(-?\d+(?:\.\d+)?)=((?:[0-9a-f]{2})+)")
_SINGLE_DIGITS = range(6, 10)


@dataclass(frozen=True)
class Example:
    """A worked example: this value is these bytes on the wire."""

    value: Decimal
    raw: bytes


def arranged(raw: bytes, order: str) -> bytes:
    """Return bytes of the wire, most significant first."""
    words = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return b"".join(words)


def decoded(raw: bytes, dtype: str, order: str = "ABCD", bit: int = 0) -> Decimal | None:
    """Return the number that bytes of the wire mean; None where they mean none.

    Parameters
    ----------
    raw
        As they came, ``WIDTHS[dtype]`` of them.
    dtype, order
        The point's data type and byte order.
    bit
        Which bit of the word, for ``bit``.
    """
    body = arranged(raw, order)
    if dtype == "bit":
        return Decimal(int.from_bytes(body, "big") >> bit & 1)
    if dtype.startswith("bcd"):
        digits = body.hex()
        return Decimal(digits) if digits.isdecimal() else None
    if dtype == "f32":
        return _single(body)
    if dtype == "f64":
        found = struct.unpack(">d", body)[0]
        return Decimal(repr(found)) if math.isfinite(found) else None
    return Decimal(int.from_bytes(body, "big", signed=dtype.startswith("s")))


def _single(body: bytes) -> Decimal | None:
    """Return the shortest decimal that is this single-precision number: 229.01, not 229.00999."""
    found = struct.unpack(">f", body)[0]
    if not math.isfinite(found):
        return None
    shown = (f"{found:.{digits}g}" for digits in _SINGLE_DIGITS)
    return Decimal(next(one for one in shown if struct.pack(">f", float(one)) == body))


_ABSENT = {"u16": "ffff", "s16": "8000", "u32": "ffffffff", "s32": "80000000",
           "u64": "ff" * 8, "s64": "80" + "00" * 7}  # fmt: skip


def not_implemented(raw: bytes, dtype: str, order: str) -> bool:
    """Tell whether bytes are SunSpec's word for "not implemented"."""
    return arranged(raw, order).hex() == _ABSENT.get(dtype)


def every_order(raw: bytes, dtype: str, bit: int = 0) -> tuple[tuple[str, Decimal | None], ...]:
    """Return the number by each byte order, side by side."""
    return tuple((order, decoded(raw, dtype, order, bit)) for order in BYTE_ORDERS)


def example(words: str) -> Example:
    """Return the worked example that a cell holds: ``229.01 = 43 65 02 8F``.

    Raises
    ------
    ValueError
        It is none.
    """
    found = _EXAMPLE.fullmatch(re.sub(r"[\s,]|0x", "", words.lower()))
    if found is None:
        raise ValueError("例子应写成：数值 = 十六进制字节，例如 229.01 = 43 65 02 8F")
    return Example(Decimal(found[1]), bytes.fromhex(found[2]))


def orders_that_fit(shown: Example, dtype: str, scale: Decimal, offset: Decimal) -> list[str]:
    """Return the byte orders by which an example comes true, of the raw value or the scaled one.

    Raises
    ------
    ValueError
        It has another number of bytes than the data type.
    """
    if len(shown.raw) != WIDTHS[dtype]:
        raise ValueError("例子的字节数与数据类型不符")
    found = []
    for order, value in every_order(shown.raw, dtype):
        if value is not None and shown.value in (value, value * scale + offset):
            found.append(order)
    return found
