"""What the data of DL/T 645-2007 mean: numbers in BCD with their sign and unit, and clocks.

Source: DL/T 645-2007, appendix A (data identifiers and formats).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from data.connectors.wire import WireError

DATE_ID, TIME_ID = 0x04000101, 0x04000102


@dataclass(frozen=True)
class Form:
    """How a datum is written: a BCD number of some digits, its sign and unit (appendix A).

    Parameters
    ----------
    size
        Bytes.
    decimals
        Digits behind the point.
    unit
        Unit of the number; empty for a ratio.
    signed
        Whether the highest bit is the sign.
    """

    size: int
    decimals: int
    unit: str
    signed: bool = False


_ENERGY_UNITS = {
    0: "kWh", 1: "kWh", 2: "kWh", 3: "kvarh", 4: "kvarh", 5: "kvarh", 6: "kvarh",
    7: "kvarh", 8: "kvarh", 9: "kVAh", 10: "kVAh",
}  # fmt: skip
# Phase energies stand 20, 40 and 60 places on: 0015H is phase A's forward active energy.
_PHASE_STEP = 20
_VARIABLES = {
    0x01: Form(2, 1, "V"),
    0x02: Form(3, 3, "A", signed=True),
    0x03: Form(3, 4, "kW", signed=True),
    0x04: Form(3, 4, "kvar", signed=True),
    0x05: Form(3, 4, "kVA", signed=True),
    0x06: Form(2, 3, "", signed=True),
}
_SINGLES = {
    0x02800001: Form(3, 3, "A"),
    0x02800002: Form(2, 2, "Hz"),
    0x02800003: Form(3, 4, "kW", signed=True),
    0x02800004: Form(3, 4, "kW"),
    0x02800005: Form(3, 4, "kvar"),
    0x02800006: Form(3, 4, "kVA"),
    0x02800007: Form(2, 1, "°C", signed=True),
    0x02800008: Form(2, 2, "V"),
    0x02800009: Form(2, 2, "V"),
}
_TOTALS_AND_PHASES = {0x03, 0x04, 0x05, 0x06}


def form(identifier: int) -> Form | None:
    """Return how the datum of an identifier is written; None for one not known here.

    Blocks (FF) are not known: every point asks for one datum.
    """
    if identifier in _SINGLES:
        return _SINGLES[identifier]
    di3, di2, di1, di0 = identifier.to_bytes(4, "big")
    if di3 == 0x00:
        return _energy_form(di2, di1, di0)
    if di3 == 0x02 and di2 in _VARIABLES and di0 == 0x00:
        lowest = 0 if di2 in _TOTALS_AND_PHASES else 1
        return _VARIABLES[di2] if lowest <= di1 <= 3 else None
    return None


def _energy_form(kind: int, rate: int, day: int) -> Form | None:
    """Return the form of a register: kind, tariff 0–63, settlement day 0–12."""
    phase, kind = divmod(kind, _PHASE_STEP)
    if phase > 3 or kind not in _ENERGY_UNITS or rate > 0x3F or day > 0x0C:
        return None
    if phase and (kind == 0 or rate):  # phases have neither a combined energy nor tariffs
        return None
    # Only sums of several quadrants can fall below zero: combined energies carry a sign.
    return Form(4, 2, _ENERGY_UNITS[kind], signed=kind in (0, 3, 4))


def number(data: bytes, written: Form) -> Decimal:
    """Return the number of a BCD datum, low byte first.

    Parameters
    ----------
    data
        At least ``written.size`` bytes; what follows (a demand's time) is left.
    written
        How the datum is written.

    Raises
    ------
    WireError
        Too few bytes, or a digit above nine: a meter that has no value answers FFH.
    """
    if len(data) < written.size:
        raise WireError("数据字节数不足", length=len(data), size=written.size)
    field = bytearray(data[: written.size])
    negative = written.signed and bool(field[-1] & 0x80)
    if negative:
        field[-1] &= 0x7F
    if not is_bcd(field):
        raise WireError(
            "数据不是 BCD，电表没有这个值", hex=data[: written.size][::-1].hex().upper()
        )
    digits = int(field[::-1].hex())
    return Decimal(-digits if negative else digits).scaleb(-written.decimals)


def clock(date_data: bytes, time_data: bytes) -> datetime:
    """Return a meter's clock from its date (04000101) and time (04000102), site-local.

    Parameters
    ----------
    date_data
        WW DD MM YY as it comes, low byte first.
    time_data
        ss mm hh as it comes.

    Raises
    ------
    WireError
        No date or time.
    """
    if len(date_data) != 4 or len(time_data) != 3 or not is_bcd(date_data + time_data):
        raise WireError("电表时钟不是 BCD 日期时间")
    _, day, month, year = (int(f"{byte:02x}") for byte in date_data)
    second, minute, hour = (int(f"{byte:02x}") for byte in time_data)
    try:
        return datetime(2000 + year, month, day, hour, minute, second)
    except ValueError:
        raise WireError("电表时钟不是 BCD 日期时间") from None


def is_bcd(data: bytes | bytearray) -> bool:
    """Tell whether every half byte is a decimal digit."""
    return data.hex().isdigit()
