"""Raw cells into typed rows: every bad cell is named, none is guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from data.ingest import cells
from data.ingest.kinds import Column, Kind
from data.ingest.problems import Problem
from data.ingest.tables import Table
from translations import text

MAX_PROBLEMS = 1000


@dataclass(frozen=True)
class Row:
    """A typed row and its number in the file."""

    number: int
    values: Mapping[str, object]


@dataclass(frozen=True)
class Parsed:
    """What a file says: rows without a bad cell, the problems, and remarks."""

    rows: list[Row]
    problems: list[Problem]
    notes: tuple[str, ...]


def _integer(cell: object) -> int | None:
    found = cells.number(cell)
    if found is None:
        return None
    if found != int(found):
        raise cells.CellError("这不是整数", "请填写整数")
    return int(found)


_READERS: Mapping[str, Callable[[object], object]] = {
    "text": cells.name,
    "number": cells.number,
    "integer": _integer,
    "timestamp": cells.timestamp,
    "date": cells.day,
    "month": cells.month,
    "period": cells.period,
    "flag": cells.flag,
}


def parse_rows(
    table: Table, kind: Kind, file_name: str, language: str, default_site: str | None
) -> Parsed:
    """Return a table's typed rows.

    Parameters
    ----------
    table
        Raw cells.
    kind
        What they are.
    file_name
        The file's name, for messages.
    language
        Of the messages.
    default_site
        The site of rows that name none.

    Returns
    -------
    Parsed
        Numbers in the unit of their column, times naive where site-local.
    """
    rows: list[Row] = []
    problems: list[Problem] = []
    scales = {name: scale for name, (_, scale) in table.layout.columns.items()}
    for number, raw in table.rows:
        values: dict[str, object] = {}
        found = len(problems)
        for column, cell in zip(kind.columns, raw, strict=True):
            try:
                values[column.name] = _value(column, cell, scales, default_site)
            except cells.CellError as error:
                shown = None if cells.is_empty(cell) else str(cell)
                problems.append(
                    Problem(
                        file_name,
                        number,
                        column.name,
                        shown,
                        text(error.reason, language),
                        text(error.remedy, language),
                    )
                )
        if len(problems) == found:
            rows.append(Row(number, _completed(kind, values)))
        if len(problems) >= MAX_PROBLEMS:
            problems.append(_too_many(file_name, language))
            break
    return Parsed(rows, problems, table.notes)


def _too_many(file_name: str, language: str) -> Problem:
    reason = text("问题超过 {count} 处，其余没有列出", language, count=MAX_PROBLEMS)
    return Problem(file_name, None, None, None, reason, text("请先改正以上各处", language))


def _value(
    column: Column, cell: object, scales: Mapping[str, Decimal], default_site: str | None
) -> object:
    if column.name == "site":
        return _site(cells.name(cell), default_site)
    value = _READERS[column.type](cell)
    if value is None:
        value = column.default
    if value is None and column.required:
        raise cells.CellError("这一格不能为空", "请填写")
    if column.choices and value is not None:
        return _choice(column, str(value))
    if isinstance(value, Decimal):
        value = value * scales.get(column.name, Decimal(1))
        if column.minimum is not None and value < column.minimum:
            raise cells.CellError("不能小于零", "请核对符号")
        if abs(value) >= Decimal(10) ** 12:
            raise cells.CellError("数字过大", "请核对单位")
    return value


def _site(named: str | None, default_site: str | None) -> str:
    if named is None and default_site is None:
        raise cells.CellError("没有写站点", "请填写站点，或用 --site 指明")
    if named is not None and default_site is not None and named != default_site:
        raise cells.CellError("与 --site 指明的站点不同", "请核对站点")
    return named or default_site or ""


def _choice(column: Column, value: str) -> str:
    for name, zh in column.choices.items():
        if value.lower() == name.lower() or value == zh:
            return name
    raise cells.CellError("不在可选值之中", "请对照模板的“说明”填写")


def _completed(kind: Kind, values: dict[str, object]) -> dict[str, object]:
    """Fill what depends on another cell: recovered oil is re-refined unless told otherwise."""
    if kind.name == "outputs" and values.get("fate") is None:
        oil = values["material"] == "transformer_oil"
        values["fate"] = "rerefined" if oil else "sold"
    return values
