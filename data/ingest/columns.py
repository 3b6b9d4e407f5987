"""What a column of an import file is: names, cell type, choices, units and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

CellType = Literal["text", "number", "integer", "timestamp", "date", "month", "flag", "period"]

NO_UNITS: Mapping[str, Decimal] = MappingProxyType({})
NO_CHOICES: Mapping[str, str] = MappingProxyType({})
ENERGY_UNITS = {
    "kWh": Decimal(1), "千瓦时": Decimal(1), "度": Decimal(1), "MWh": Decimal(1000),
    "兆瓦时": Decimal(1000), "万kWh": Decimal(10000), "万千瓦时": Decimal(10000),
    "万度": Decimal(10000),
}  # fmt: skip
MASS_UNITS = {
    "t": Decimal(1), "吨": Decimal(1), "kg": Decimal("0.001"), "千克": Decimal("0.001"),
    "公斤": Decimal("0.001"), "万吨": Decimal(10000),
}  # fmt: skip
VOLUME_UNITS = {
    "L": Decimal(1), "升": Decimal(1), "m3": Decimal(1000), "立方米": Decimal(1000),
}  # fmt: skip
LENGTH_UNITS = {"km": Decimal(1), "公里": Decimal(1), "千米": Decimal(1), "m": Decimal("0.001"),
                "米": Decimal("0.001")}  # fmt: skip
MONEY_UNITS = {"CNY": Decimal(1), "元": Decimal(1), "万元": Decimal(10000)}
PRICE_UNITS = {"CNY/t": Decimal(1), "元/吨": Decimal(1), "元/t": Decimal(1)}
MINUTE_UNITS = {"min": Decimal(1), "分钟": Decimal(1), "分": Decimal(1), "h": Decimal(60),
                "小时": Decimal(60)}  # fmt: skip
PEOPLE_UNITS = {"人": Decimal(1)}
PIECE_UNITS = {"台": Decimal(1)}
CELSIUS_UNITS = {"°C": Decimal(1), "C": Decimal(1)}
METER_UNITS = ENERGY_UNITS | {
    "m3": Decimal(1), "立方米": Decimal(1), "L": Decimal(1), "升": Decimal(1), "GJ": Decimal(1),
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column: its names, what it holds, and between which limits.

    Parameters
    ----------
    name, zh
        The column's English and Chinese name.
    type
        What a cell holds.
    required
        Whether a row may leave it empty.
    choices
        Allowed values with their Chinese titles; empty where anything goes.
    default
        What an empty cell means; for a choice one of the choices.
    aliases
        Other headers seen in the field.
    units
        Units a header may carry, with the number that turns them into the column's own.
    minimum, maximum
        Lowest and highest number allowed, in the column's unit.
    may_be_blank
        Whether cells of a required column may be empty: another column decides.
    meaning
        What the notes of a template say about it, beyond its title.
    """

    name: str
    zh: str
    type: CellType = "text"
    required: bool = False
    choices: Mapping[str, str] = field(default_factory=lambda: NO_CHOICES)
    default: object = None
    aliases: tuple[str, ...] = ()
    units: Mapping[str, Decimal] = field(default_factory=lambda: NO_UNITS)
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    may_be_blank: bool = False
    meaning: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of file: its columns, those that make a row's key, and the one that dates it."""

    name: str
    zh: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    date_column: str | None = None


def choice(name: str, zh: str, choices: Mapping[str, str], *, required: bool = False,
           default: object = None, aliases: tuple[str, ...] = (),
           meaning: str = "") -> Column:  # fmt: skip
    """Return a column whose cells are one of the choices."""
    return Column(name, zh, "text", required, choices, default, aliases, meaning=meaning)


def quantity(name: str, zh: str, *, required: bool = False,
             units: Mapping[str, Decimal] = NO_UNITS, minimum: Decimal | None = Decimal(0),
             default: object = None, aliases: tuple[str, ...] = (), may_be_blank: bool = False,
             meaning: str = "") -> Column:  # fmt: skip
    """Return a column of numbers, not negative unless told otherwise."""
    return Column(
        name, zh, "number", required, default=default, aliases=aliases, units=units,
        minimum=minimum, may_be_blank=may_be_blank, meaning=meaning,
    )  # fmt: skip


def typed(name: str, zh: str, kind: CellType, *, required: bool = False, default: object = None,
          aliases: tuple[str, ...] = (), meaning: str = "") -> Column:  # fmt: skip
    """Return a column of texts, times or flags."""
    return Column(name, zh, kind, required, default=default, aliases=aliases, meaning=meaning)
