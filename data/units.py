"""The closed table of units that a point may have, and what turns one into another."""

from __future__ import annotations

from decimal import Decimal

# Unit: what it measures, and how much of that quantity's first unit it is.
_UNITS: dict[str, tuple[str, Decimal]] = {
    "kWh": ("energy", Decimal(1)),
    "Wh": ("energy", Decimal("0.001")),
    "MWh": ("energy", Decimal(1000)),
    "kvarh": ("reactive_energy", Decimal(1)),
    "GJ": ("heat", Decimal(1)),
    "MJ": ("heat", Decimal("0.001")),
    "m3": ("volume", Decimal(1)),
    "L": ("volume", Decimal("0.001")),
    "kg": ("mass", Decimal(1)),
    "t": ("mass", Decimal(1000)),
    "kW": ("power", Decimal(1)),
    "W": ("power", Decimal("0.001")),
    "MW": ("power", Decimal(1000)),
    "kvar": ("reactive_power", Decimal(1)),
    "V": ("voltage", Decimal(1)),
    "kV": ("voltage", Decimal(1000)),
    "A": ("current", Decimal(1)),
    "Hz": ("frequency", Decimal(1)),
    "°C": ("temperature", Decimal(1)),
    "%": ("share", Decimal(1)),
    "m3/h": ("flow", Decimal(1)),
    "km": ("length", Decimal(1)),
    "h": ("time", Decimal(1)),
    "min": ("time", Decimal(1) / Decimal(60)),
    "CNY": ("money", Decimal(1)),
    "1": ("number", Decimal(1)),
}
_NAMES = {
    "度": "kWh", "千瓦时": "kWh", "兆瓦时": "MWh", "kwh": "kWh", "wh": "Wh", "mwh": "MWh",
    "吉焦": "GJ", "兆焦": "MJ", "立方米": "m3", "m³": "m3", "立方": "m3", "方": "m3", "升": "L",
    "千克": "kg", "公斤": "kg", "吨": "t", "千瓦": "kW", "瓦": "W", "兆瓦": "MW", "千乏时": "kvarh",
    "千乏": "kvar", "伏": "V", "千伏": "kV", "安": "A", "赫兹": "Hz", "℃": "°C", "°c": "°C",
    "摄氏度": "°C", "m³/h": "m3/h", "公里": "km", "小时": "h", "分钟": "min", "元": "CNY",
    "无": "1",
}  # fmt: skip
# Heat meters show either; electricity does not come in joules, so no other pair crosses.
_GJ_PER_KWH = Decimal("0.0036")


def unit(name: str) -> str:
    """Return a unit by any of its names.

    Raises
    ------
    ValueError
        It is none of the table.
    """
    for known in (name, _NAMES.get(name, ""), _NAMES.get(name.lower(), "")):
        if known in _UNITS:
            return known
    raise ValueError("单位不在表中")


def units() -> tuple[str, ...]:
    """Return every unit."""
    return tuple(_UNITS)


def factor(source: str, target: str) -> Decimal:
    """Return what turns a number of one unit into another.

    Raises
    ------
    ValueError
        They do not measure the same.
    """
    (what, size), (wanted, other) = _UNITS[unit(source)], _UNITS[unit(target)]
    if what == wanted:
        return size / other
    if (what, wanted) == ("energy", "heat"):
        return size * _GJ_PER_KWH / other
    if (what, wanted) == ("heat", "energy"):
        return size / (_GJ_PER_KWH * other)
    raise ValueError("两个单位量的不是同一种东西")
