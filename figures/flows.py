"""Energy from its carrier through equipment to what it was used for, parted so that it balances.

Every flow is a ledger row, or is made of several with its rule; what is not metered apart is the
rest of a whole, so that left, middle and right have the same sum (accounting.md §4, §5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum

from figures.cells import Cell
from figures.cells import view as viewed
from figures.number import attributes
from figures.overview import LINES
from figures.shapes import Flow, Stop
from figures.sheet import Group, Series
from figures.view import View

EQUIPMENT = (
    ("cable_line", "电缆拆解设备", "电缆设备"), ("conductor_line", "架空导线拆解设备", "导线设备"),
    ("transformer_bench", "变压器拆解台", "拆解台"), ("crane", "吊机", "吊机"),
    ("environmental", "环保装置", "环保"), ("sorting", "分拣设备", "分拣"),
    ("forklift", "叉车", "叉车"), ("office_ac", "办公与空调", "办公空调"),
    ("rest", "其他设备", "其他"),
)  # fmt: skip
_DIRECT = {"cable_line": "cable", "conductor_line": "conductor",
           "transformer_bench": "transformer"}  # fmt: skip
_SHARED = ("crane", "environmental", "sorting", "forklift")
_CARRIERS = (("grid", "外购电", "energy.electricity"), ("pv", "光伏自用电", "source.pv"),
             ("diesel", "柴油", "energy.oil"), ("water", "用水", "energy.water"))  # fmt: skip
_NAMES_SHORT = {"光伏自用电": "光伏", "架空导线": "导线", "公用未分摊": "未分摊"}
OFFICE, UNALLOCATED = "office_etc", "_unallocated"
TINY = 1e-6  # of the whole: rounding, not energy

Found = tuple[list[Stop], list[Flow], list[Cell], str]


@dataclass(frozen=True)
class _Part:
    """A flow before it has words: from, to, cell."""

    source: str
    target: str
    cell: Cell


def equipment_flows(view: View) -> Found | None:
    """Return stops, flows, the cells of the flows and what was left out, of the last period.

    None where the energy of the site or its carriers is not known.
    """
    whole = view.now(("energy", "site", "site"))
    electricity = view.now(("energy", "medium", "electricity"))
    diesel = view.now(("energy", "medium", "diesel"))
    if electricity is None or whole is None:
        return None
    if (electricity.value or 0.0) <= 0 or (whole.value or 0.0) <= 0:
        return None
    used = _equipment(view)
    parts: list[_Part] = []
    powered = [(key, cell) for key, cell in used.items() if key != "forklift"]
    rest = _rest(view, electricity, [cell for _, cell in powered])
    if rest is not None:
        powered.append(("rest", rest))
    pv = _pv_share(view)
    for key, cell in powered:
        parts += _parted(view, key, cell, pv)
    parts += _fuelled(view, diesel, used.get("forklift"))
    water = view.now(("energy", "medium", "water"))
    if water is not None and water.value:
        parts.append(_Part("water", "rest", water))
    parts += _uses(view, used, parts)
    least = TINY * abs(whole.value or 0.0)
    kept = [part for part in parts if part.cell.value is not None and part.cell.value > least]
    fed = {part.target for part in kept} | {key for key, _, _ in _CARRIERS}
    kept = [part for part in kept if part.source in fed]
    negative = any((part.cell.value or 0.0) < -least for part in parts)
    left = view.t("负的平衡差没有画出") if negative else ""
    return _worded(view, kept, left)


def _equipment(view: View) -> dict[str, Cell]:
    """Return the energy of every kind of equipment that is known."""
    found: dict[str, Cell] = {}
    for key in (*_DIRECT, "crane", "environmental", "forklift"):
        cell = view.now(("energy", "equipment", key))
        if cell is not None and cell.value is not None:
            found[key] = cell
    sorting = [view.now(("energy", "equipment_line", f"sorting/{line}")) for _, _, line in LINES]
    known = [cell for cell in sorting if cell is not None and cell.value is not None]
    if known:
        found["sorting"] = _sum(view, known, "三条线的分拣之和")
    groups = [view.now(("energy", "group", group)) for group in ("office", "ac")]
    known = [cell for cell in groups if cell is not None and cell.value is not None]
    if known:
        found["office_ac"] = _sum(view, known, "办公设备与空调之和")
    return found


def _sum(view: View, cells: Sequence[Cell], note: str) -> Cell:
    value = fsum(cell.value for cell in cells if cell.value is not None)
    return replace(viewed(value, "kgce", cells), note=view.t(note))


def _rest(view: View, whole: Cell, cells: Sequence[Cell]) -> Cell | None:
    """Return what of a whole none of the cells has."""
    known = [cell.value for cell in cells if cell.value is not None]
    if whole.value is None:
        return None
    value = fsum([whole.value, *(-v for v in known)])
    return replace(viewed(value, "kgce", [whole, *cells]), note=view.t("全站减去已列出的设备"))


def _pv_share(view: View) -> tuple[float, list[Cell]]:
    """Return PV self-use over electricity used, zero where there is no PV, and its rows."""
    own, whole = (
        view.now(("pv_self_use", "site", "site")),
        view.now(("electricity", "site", "site")),
    )
    if own is None or whole is None or own.value is None or not whole.value:
        return 0.0, []
    return min(max(own.value / whole.value, 0.0), 1.0), [own, whole]


def _parted(view: View, key: str, cell: Cell, pv: tuple[float, list[Cell]]) -> list[_Part]:
    """Return a consumer's electricity from the grid and from PV, by the site's share (§4)."""
    part, rows = pv
    if not rows or cell.value is None:
        return [_Part("grid", key, cell)]
    own = cell.value * part
    note = view.t("用电 × 光伏自用 ÷ 全站用电")
    other = view.t("用电 ×（1 − 光伏自用 ÷ 全站用电）")
    return [
        _Part("grid", key, replace(viewed(cell.value - own, "kgce", [cell, *rows]), note=other)),
        _Part("pv", key, replace(viewed(own, "kgce", [cell, *rows]), note=note)),
    ]


def _fuelled(view: View, diesel: Cell | None, forklift: Cell | None) -> list[_Part]:
    """Return the diesel of the forklifts, and what stackers and trucks used."""
    if diesel is None or diesel.value is None:
        return []
    if forklift is None:
        return [_Part("diesel", "rest", diesel)]
    rest = _rest(view, diesel, [forklift])
    return [_Part("diesel", "forklift", forklift),
            *([_Part("diesel", "rest", rest)] if rest is not None else [])]  # fmt: skip


def _uses(view: View, used: dict[str, Cell], inflows: Sequence[_Part]) -> list[_Part]:
    """Return what each kind of equipment was used for; all that no line has is 办公等."""
    found = [_Part(key, line, used[key]) for key, line in _DIRECT.items() if key in used]
    for key in _SHARED:
        if key not in used:
            continue
        cells = [
            (line, cell) for _, _, line in LINES
            if (cell := view.now(("energy", "equipment_line", f"{key}/{line}"))) is not None
        ]  # fmt: skip
        found += [_Part(key, line, cell) for line, cell in cells]
        rest = _rest(view, used[key], [cell for _, cell in cells])
        if rest is not None:
            found.append(_Part(key, UNALLOCATED, rest))
    if "office_ac" in used:
        found.append(_Part("office_ac", OFFICE, used["office_ac"]))
    others = [part.cell for part in inflows if part.target == "rest"]
    if others:
        found.append(_Part("rest", OFFICE, _sum(view, others, "其他设备、车辆与用水之和")))
    return found


def _worded(view: View, parts: Sequence[_Part], left: str) -> Found:
    """Return the stops with their sums in words, and the flows with their names."""
    stops: list[Stop] = []
    for at, members in enumerate((_CARRIERS, EQUIPMENT, _objects())):
        for key, name, tint in members:
            own = [p.cell for p in parts if (p.source if at == 0 else p.target) == key]
            if own:
                color = "equip.other" if at == 1 else tint
                short = view.t(tint if at == 1 else _NAMES_SHORT.get(name, name))
                stops.append(
                    _stop(view, (key, at, view.t(name), short, color), own, part_of(key, at))
                )
    names = {stop.key: stop for stop in stops}
    flows = [
        Flow(
            p.source, p.target, p.cell.value or 0.0,
            f"{names[p.source].name} → {names[p.target].name}",
            names[p.source].color if names[p.source].column == 0 else names[p.target].color,
            attributes(_filtering(view, p)),
        )
        for p in parts
    ]  # fmt: skip
    return stops, flows, [part.cell for part in parts], left


def _objects() -> tuple[tuple[str, str, str], ...]:
    return (
        *((line, name, tint) for name, tint, line in LINES),
        (OFFICE, "办公等", "product.office"), (UNALLOCATED, "公用未分摊", "equip.other"),
    )  # fmt: skip


def _filtering(view: View, part: _Part) -> Cell:
    """Return a flow's number; one of equipment that the ledger has no row of filters nothing."""
    known = view.book.has(("energy", "equipment", part.source))
    return part.cell if known else replace(part.cell, part="")


def part_of(key: str, column: int) -> str:
    """Return which part of the site a stop stands for; empty for what no other panel parts by."""
    if column == 0 or key in ("office_ac", "rest", "sorting", OFFICE, UNALLOCATED):
        return ""
    return f"equipment:{key}" if column == 1 else f"line:{key}"


def _stop(
    view: View, what: tuple[str, int, str, str, str], cells: Sequence[Cell], part: str
) -> Stop:
    key, column, name, short, color = what
    cell = cells[0] if len(cells) == 1 else _sum(view, cells, "流入或流出之和")
    cell = replace(cell, part=part)
    words = Group("", "kgce", (Series("", "", (cell,)),)).words(0, view.units)[0]
    return Stop(key, column, name, short, words, color, attributes(cell))
