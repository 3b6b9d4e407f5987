"""What a page is filtered by: parts of a site, as the ledger parts its numbers.

A filtered page reads its numbers through `Parted`: a name becomes the name of the chosen part. A
number that the ledger does not part this way is refused, so that no panel can show the whole as if
it were the part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from figures.basis import entity_words
from figures.cells import JOINT, Book, Cell, Key, facets, part_of
from translations import text

MONTH = "month"
Made = TypeVar("Made")
Focus = tuple[tuple[str, str], ...]  # dimension and entity, in the order they were chosen
DIMENSIONS = {
    "line": "拆解对象", "building": "建筑", "group": "用能分项", "equipment": "设备",
    "medium": "能源品种", "material": "产物", "source": "清洁能源", "stage": "流程环节",
    "scope": "排放范围", MONTH: "月份",
}  # fmt: skip
# The colour of a part where it stands alone.
TINTS = {
    ("line", "cable"): "product.cable", ("line", "conductor"): "product.conductor",
    ("line", "transformer"): "product.transformer", ("line", "office_etc"): "product.office",
    ("medium", "electricity"): "energy.electricity", ("medium", "water"): "energy.water",
    ("medium", "diesel"): "energy.oil", ("building", "plant"): "equip.dismantling",
    ("building", "office"): "equip.office", ("group", "dismantling"): "equip.dismantling",
    ("group", "office"): "equip.office", ("group", "ac"): "equip.hvac",
    ("source", "pv"): "source.pv", ("source", "charger"): "source.charger",
    ("source", "heat_pump"): "source.gshp",
}  # fmt: skip
# What an indicator is of by itself: electricity is all of one medium, PV of one source.
_OWN: Mapping[str, tuple[str, str]] = {
    "electricity": ("medium", "electricity"), "water": ("medium", "water"),
    "diesel": ("medium", "diesel"), "pv_generation": ("source", "pv"),
    "pv_self_use": ("source", "pv"), "pv_export": ("source", "pv"),
    "pv_capacity": ("source", "pv"), "pv_self_rate": ("source", "pv"),
    "pv_substitution": ("source", "pv"), "charger_energy": ("source", "charger"),
    "charger_count": ("source", "charger"), "nev_share": ("source", "charger"),
    "heat_pump_electricity": ("source", "heat_pump"),
    "standard_ac_electricity": ("source", "heat_pump"),
    "heat_pump_saved": ("source", "heat_pump"), "heat_pump_mean_load": ("source", "heat_pump"),
}  # fmt: skip
_LINE_OF = {"cable_line": "cable", "conductor_line": "conductor",
            "transformer_bench": "transformer"}  # fmt: skip
_JOINED = {frozenset(pair): (name, pair) for name, pair in JOINT.items()}
_INNER = frozenset(("part", "vehicle_class"))  # dimensions within what an indicator is of


class Unparted(Exception):
    """The ledger does not part a number as the page is filtered.

    ``other`` where the number is of another part.
    """

    def __init__(self, key: Key, *, other: bool) -> None:
        super().__init__(key)
        self.other = other


def where_parted(make: Callable[[], Made]) -> Made | None:
    """Return what is made beside a number, or nothing where the ledger does not part it so."""
    try:
        return make()
    except Unparted:
        return None


class Parted(Book):
    """A book read for chosen parts alone; see the module."""

    def __init__(self, book: Book, focus: Focus) -> None:
        self.whole = book
        self.focus = focus
        self._names: dict[Key, Key | Unparted] = {}

    def named(self, key: Key) -> Key:
        """Return the name of the chosen part.

        Raises
        ------
        Unparted
            The ledger has no such number.
        """
        if key not in self._names:
            self._names[key] = self._found(key)
        found = self._names[key]
        if isinstance(found, Unparted):
            raise Unparted(key, other=found.other)
        return found

    def _found(self, key: Key) -> Key | Unparted:
        whole = facets(key)
        implied = dict([_OWN[key[0]]]) if key[0] in _OWN else {}
        if whole.get("equipment") in _LINE_OF:
            implied["line"] = _LINE_OF[whole["equipment"]]
        for dimension, entity in self.focus:
            known = whole.get(dimension, implied.get(dimension))
            if known not in (None, entity):
                return Unparted(key, other=True)
            if dimension not in implied:
                whole[dimension] = entity
        if whole == facets(key):
            return key
        found = (key[0], *_dimension(whole))
        if set(whole) & _INNER or not found[1] or not self.whole.has(found):
            return Unparted(key, other=False)
        return found

    def has(self, key: Key) -> bool:
        """Tell whether the ledger has any row of a name, whatever the page is filtered by."""
        return self.whole.has(key)

    def periods(self, key: Key) -> list[str]:
        """Return the periods of a name, in order."""
        return self.whole.periods(self.named(key))

    def cell(self, key: Key, period: str) -> Cell | None:
        """Return the cell of the chosen part."""
        return self.whole.cell(self.named(key), period)

    def over(self, key: Key, months: Sequence[str], label: str) -> Cell | None:
        """Return the chosen part over a span of months."""
        return self.whole.over(self.named(key), months, label)


def _dimension(parts: Mapping[str, str]) -> tuple[str, str]:
    """Return the ledger's dimension and entity of parts; empty where it has none."""
    if len(parts) == 1:
        return next(iter(parts.items()))
    name, pair = _JOINED.get(frozenset(parts), ("", ()))
    return name, "/".join(parts[dimension] for dimension in pair)


def focus_of(indicator: str, dimension: str, entity: str) -> str:
    """Return the part that a ledger row is of, by its name or by its indicator, for an address."""
    part = part_of((indicator, dimension, entity))
    own = _OWN.get(indicator)
    return part or (f"{own[0]}:{own[1]}" if own and dimension == "site" else "")


def part_words(dimension: str, entity: str, language: str) -> str:
    """Return a part by its name: 电缆; a month by itself."""
    return entity if dimension == MONTH else entity_words(dimension, entity, language)


def focus_words(focus: Focus, language: str) -> str:
    """Return parts by their names, as one phrase."""
    joint = "、" if language == "zh" else ", "
    return joint.join(part_words(*one, language) for one in focus)


def unparted_words(refused: Unparted, focus: Focus, language: str) -> str:
    """Return why a panel does not follow the filter."""
    name = focus_words(focus, language)
    if refused.other:
        return text("未筛选：这里还有不属于「{name}」的数值", language, name=name)
    by = "、" if language == "zh" else ", "
    dimensions = by.join(text(DIMENSIONS[dimension], language) for dimension, _ in focus)
    return text(
        "未筛选：账本没有按{dimensions}分开这些数值，显示的是全站", language,
        dimensions=dimensions,
    )  # fmt: skip
