"""Ledger values as the screen combines them: cells, their sums, shares and changes.

A cell is a ledger row, or a number made of several, which then says by which rule and from which
rows (CONTRACT §5), so that it opens and adds up again wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import fsum

import pandas as pd

Key = tuple[str, str, str]
_KEY_COLUMNS = ("indicator", "dimension", "entity")
_CELL_COLUMNS = (
    "period", "value", "unit", "figure_id", "quality", "measured_pct", "estimated_pct", "flags",
)  # fmt: skip
QUALITIES = (
    "measured", "published", "estimated", "forecast", "scenario", "incomplete", "null",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of the screen.

    Parameters
    ----------
    value
        In ``unit``, full precision; None where it is not known.
    unit
        The ledger's unit.
    ids
        The ledger rows it is made of, oldest first.
    rule
        How it is made of them; empty for a ledger row itself.
    query
        Names the rows of a sum in words, for where they are too many to list.
    addends
        What a sum adds: a sum of sums is rounded once, as if its rows were added directly.
    view
        The view (口径) of the ledger it is a number of; empty for the ledger's own. Its ids are
        the ledger rows that it stands in the place of.
    note
        What the drawer says of how it was made, in the reader's language.
    part
        Which part of a site it is of (``line:cable``), by which a page can be filtered; empty
        for the whole site and for numbers of several parts.
    forecast, band
        The forecast it is a number of, and which of its numbers: ``p50``, ``lo80``; a forecast is
        no ledger row.
    """

    value: float | None
    unit: str
    ids: tuple[str, ...] = ()
    rule: str = ""
    quality: str = "measured"
    measured_pct: float | None = None
    estimated_pct: float | None = None
    flags: frozenset[str] = frozenset()
    period: str = ""
    query: str = ""
    addends: tuple[float, ...] = ()
    view: str = ""
    note: str = ""
    part: str = ""
    forecast: str = ""
    band: str = ""


class Book:
    """The ledger rows of one or more sites, found by name and period."""

    def __init__(self, cells: Mapping[Key, Mapping[str, Sequence[Cell]]], sites: int) -> None:
        self._cells = cells
        self._sites = sites

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Book:
        """Return the book of ledger rows, one frame for all sites."""
        sites = rows.loc[rows["site"] != "", "site"].nunique() if len(rows) else 0
        return cls(_Rows(rows), sites)

    def has(self, key: Key) -> bool:
        """Tell whether the ledger has any row of a name."""
        return key in self._cells

    def named(self, key: Key) -> Key:
        """Return the name under which a number is found: its own, unless the page is filtered."""
        return key

    def periods(self, key: Key) -> list[str]:
        """Return the periods of a name, in order."""
        return sorted(self._cells.get(key, {}))

    def cell(self, key: Key, period: str) -> Cell | None:
        """Return the cell of a name and ledger period; None where there is no row."""
        found = self._cells.get(key, {}).get(period)
        if not found:
            return None
        if len(found) == 1 and (self._sites <= 1 or key[1] == "market"):
            return found[0]
        if len(found) < self._sites or not adds_over_sites(found[0].unit):
            return Cell(None, found[0].unit, (), "", "null", period=period)
        return replace(total(found), period=period)

    def over(self, key: Key, months: Sequence[str], label: str) -> Cell | None:
        """Return the cell of a span of months: the row itself, or the sum of all of them."""
        if len(months) == 1:
            return self.cell(key, months[0])
        found = [self.cell(key, month) for month in months]
        known = [cell for cell in found if cell is not None]
        if not known:
            return None
        if len(known) < len(found) or not adds_over_time(known[0].unit):
            return Cell(None, known[0].unit, (), "", "null", period=label)
        indicator, dimension, entity = key
        names = f"indicator={indicator}&dimension={dimension}&entity={entity}"
        query = f"{names}&from={months[0]}&to={months[-1]}"
        return replace(total(known), period=label, query=query)


class _Rows(Mapping[Key, Mapping[str, Sequence[Cell]]]):
    """Ledger rows by name and period, made into cells when a name is asked for.

    A page shows a tenth of the names; cells of all of them would be most of its time.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        views = rows["view"].tolist() if "view" in rows else [""] * len(rows)
        self._columns = [*(rows[name].tolist() for name in _CELL_COLUMNS), views]
        self._flags: dict[str, frozenset[str]] = {"": frozenset()}
        self._places: dict[Key, list[int]] = {}
        self._made: dict[Key, dict[str, list[Cell]]] = {}
        names = zip(*(rows[name].tolist() for name in _KEY_COLUMNS), strict=True)
        for at, key in enumerate(names):
            self._places.setdefault(key, []).append(at)

    def __getitem__(self, key: Key) -> Mapping[str, Sequence[Cell]]:
        """Return the cells of a name by period, in the order of the rows."""
        if key not in self._made:
            found: dict[str, list[Cell]] = {}
            part = part_of(key)
            for at in self._places[key]:
                cell = self._cell(part, *(column[at] for column in self._columns))
                found.setdefault(cell.period, []).append(cell)
            self._made[key] = found  # whole: readers share the book
        return self._made[key]

    def _cell(
        self, part: str, period: str, value: object, unit: str, ident: str, quality: str,
        sure: object, guessed: object, marks: str, view: str,
    ) -> Cell:  # fmt: skip
        if marks not in self._flags:
            self._flags[marks] = frozenset(marks.split(";"))
        return Cell(
            _known(value), unit, (ident,), "", quality, _known(sure), _known(guessed),
            self._flags[marks], period, view=view, part=part,
        )  # fmt: skip

    def __iter__(self) -> Iterator[Key]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


# The dimensions that name two parts at once, and those that a page can be filtered by.
JOINT = {"line_material": ("line", "material"), "equipment_line": ("equipment", "line")}
PARTS = ("line", "building", "group", "equipment", "medium", "material", "source", "stage", "scope")
WHOLES = frozenset((("medium", "total"),))


def facets(key: Key) -> dict[str, str]:
    """Return the parts of a site that a ledger name is of, by dimension; none for the whole."""
    _, dimension, entity = key
    if dimension in JOINT:
        return dict(zip(JOINT[dimension], entity.split("/"), strict=True))
    if dimension == "site" or (dimension, entity) in WHOLES:
        return {}
    return {dimension: entity}


def part_of(key: Key) -> str:
    """Return the part of a site that a ledger name is of, as an address has it; else empty."""
    found = facets(key)
    part = ",".join(f"{dimension}:{entity}" for dimension, entity in found.items())
    return part if all(dimension in PARTS for dimension in found) else ""


def _known(value: object) -> float | None:
    return None if value is None or value != value else float(value)  # type: ignore[arg-type]


def adds_over_sites(unit: str) -> bool:
    """Tell whether quantities of a unit add up over sites: a quotient does not."""
    return "/" not in unit and unit != "%"


def adds_over_time(unit: str) -> bool:
    """Tell whether quantities of a unit add up over months; per floor area they do (§9 e)."""
    return adds_over_sites(unit) or unit.endswith("/m2")


def total(cells: Iterable[Cell]) -> Cell:
    """Return the sum; None where any part is not known, because a zero would be a guess."""
    parts = list(cells)
    values = [
        value for part in parts for value in (part.addends if part.addends else (part.value,))
    ]
    known = tuple(value for value in values if value is not None)
    whole = fsum(known) if len(known) == len(values) else None
    addends = known if whole is not None else ()
    return replace(_joined(parts, whole, parts[0].unit, "sum"), addends=addends)


def share(part: Cell | None, whole: Cell | None) -> Cell:
    """Return 100 x part / whole in percent; its rows are the part's, then the whole's."""
    if part is None or whole is None or part.value is None or not whole.value:
        return Cell(None, "%", quality="null")
    return _joined([part, whole], 100 * part.value / whole.value, "%", "share")


def ratio(numerator: Cell | None, denominator: Cell | None, unit: str) -> Cell:
    """Return numerator / denominator in the given unit."""
    if numerator is None or denominator is None:
        return Cell(None, unit, quality="null")
    if numerator.value is None or not denominator.value:
        return Cell(None, unit, quality="null")
    return _joined([numerator, denominator], numerator.value / denominator.value, unit, "ratio")


def change(now: Cell | None, before: Cell | None) -> Cell:
    """Return (x - x0) / x0 in percent; None where the base is missing or nothing (§9 d).

    A base below zero, or under 1 % of what it became, gives a percentage that says nothing.
    """
    if now is None or before is None or now.value is None or not before.value:
        return Cell(None, "%", quality="null")
    if before.value < 0 or before.value < abs(now.value) / 100:
        return Cell(None, "%", quality="null")
    value = 100 * (now.value - before.value) / before.value
    return _joined([before, now], value, "%", "change")


def difference(now: Cell | None, before: Cell | None) -> Cell | None:
    """Return now - before in their unit."""
    if now is None or before is None or now.value is None or before.value is None:
        return None
    return _joined([before, now], now.value - before.value, now.unit, "change")


def view(value: float | None, unit: str, parts: Iterable[Cell]) -> Cell:
    """Return a number computed on request from ledger rows and not kept (CONTRACT §3)."""
    return _joined(list(parts), value, unit, "view")


def _joined(parts: Sequence[Cell], value: float | None, unit: str, rule: str) -> Cell:
    ids = tuple(dict.fromkeys(ident for part in parts for ident in part.ids))
    quality = max((part.quality for part in parts), key=QUALITIES.index)
    return Cell(
        value, unit, ids, rule, "null" if value is None else quality,
        _mean([(part.measured_pct, _days(part)) for part in parts]),
        _mean([(part.estimated_pct, _days(part)) for part in parts]),
        frozenset().union(*(part.flags for part in parts)), parts[-1].period,
        view=next((part.view for part in parts if part.view), ""),
        part=parts[0].part if len({part.part for part in parts}) == 1 else "",
    )  # fmt: skip


def _days(cell: Cell) -> int:
    """Return the days of a cell's period, the weight of its measured share."""
    if len(cell.period) != 7 or "Q" in cell.period:
        return 1
    year, month = int(cell.period[:4]), int(cell.period[5:7])
    return (date(year + month // 12, month % 12 + 1, 1) - date(year, month, 1)).days


def _mean(weighted: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in weighted if value is not None]
    weights = sum(weight for _, weight in known)
    return fsum(value * weight for value, weight in known) / weights if weights else None
