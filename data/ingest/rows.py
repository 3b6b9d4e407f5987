"""Raw cells into typed rows: every bad cell is named, none is guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from data.ingest import cells
from data.ingest.columns import Column, Kind
from data.ingest.problems import Problem
from data.ingest.tables import Table
from data.ingest.watch import Watch
from translations import text

MAX_PROBLEMS = 1000
_TOO_LARGE = Decimal(10) ** 12


@dataclass(frozen=True)
class Row:
    """A typed row and its number in the file."""

    number: int
    values: Mapping[str, object]


@dataclass(frozen=True)
class Parsed:
    """What a file says: rows without a bad cell, the problems, and remarks.

    ``units`` holds the units that the header carries, by column.
    """

    rows: list[Row]
    problems: list[Problem]
    notes: tuple[str, ...]
    units: Mapping[str, str] = field(default_factory=dict)


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
    table: Table, kind: Kind, file_name: str, language: str, default_site: str | None,
    watch: Watch | None = None,
) -> Parsed:  # fmt: skip
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
    watch
        Follows how far it is.

    Returns
    -------
    Parsed
        Numbers in the unit of their column, times naive where site-local. At most 1,000 problems
        are listed, the rest are counted.
    """
    if "site" in table.columns and "site" not in table.layout.columns and default_site is None:
        return Parsed([], [*table.problems, _no_site(file_name, language)], table.notes)
    scales = {name: scale for name, (_, scale) in table.layout.columns.items()}
    reader = _Reader(kind, scales, file_name, language, default_site)
    rows: list[Row] = []
    problems = list(table.problems)
    for number, raw in watch.checking(table.rows) if watch else table.rows:
        values, found = reader.values(number, raw)
        problems += found
        if not found:
            rows.append(Row(number, _completed(kind, values)))
    notes = (*table.notes, *_serial_note(table, kind, language))
    return Parsed(rows, _limited(problems, file_name, language), notes, table.layout.units)


@dataclass(frozen=True)
class _Reader:
    """Reads the cells of one file."""

    kind: Kind
    scales: Mapping[str, Decimal]
    file_name: str
    language: str
    default_site: str | None

    def values(self, number: int, raw: list[object]) -> tuple[dict[str, object], list[Problem]]:
        """Return a row's typed values and what is wrong with its cells."""
        values: dict[str, object] = {}
        problems = []
        for column, cell in zip(self.kind.columns, raw, strict=True):
            try:
                values[column.name] = _value(column, cell, self.scales, self.default_site)
            except cells.CellError as error:
                problems.append(
                    Problem(
                        self.file_name,
                        number,
                        column.name,
                        None if cells.is_empty(cell) else str(cell),
                        text(error.reason, self.language, **error.values),
                        text(error.remedy, self.language, **error.values),
                    )
                )
        return values, problems


def _no_site(file_name: str, language: str) -> Problem:
    reason, remedy = "没有写站点", "请填写站点，或用 --site 指明"
    return Problem(file_name, None, "site", None, text(reason, language), text(remedy, language))


def _limited(problems: list[Problem], file_name: str, language: str) -> list[Problem]:
    """Return the first problems, and one that says how many more there are."""
    more = len(problems) - MAX_PROBLEMS
    if more <= 0:
        return problems
    reason = text("还有 {count} 处问题没有列出", language, count=more)
    remedy = text("请先改正以上各处", language)
    return [*problems[:MAX_PROBLEMS], Problem(file_name, None, None, None, reason, remedy)]


def _serial_note(table: Table, kind: Kind, language: str) -> tuple[str, ...]:
    """Say that day numbers were read as dates: a column of plain numbers could be a mistake."""
    dated = [n for n, c in enumerate(kind.columns) if c.type in ("timestamp", "date", "month")]
    count = sum(cells.is_serial(raw[n]) for _, raw in table.rows for n in dated)
    if not count:
        return ()
    return (text("{count} 格日期没有日期格式，已按表格软件的日序号换算", language, count=count),)


def _value(
    column: Column, cell: object, scales: Mapping[str, Decimal], default_site: str | None
) -> object:
    if column.name == "site":
        return _site(cells.name(cell), default_site)
    value = _READERS[column.type](cell)
    if value is None:
        value = column.default
    if value is None and column.required and not column.may_be_blank:
        raise cells.CellError("这一格不能为空", "请填写")
    if column.choices and value is not None:
        return _choice(column, str(value))
    if isinstance(value, Decimal):
        return _measured(column, value * scales.get(column.name, Decimal(1)))
    return value


def _measured(column: Column, value: Decimal) -> Decimal:
    """Return a number of the column's unit if it lies within the column's limits."""
    if column.minimum is not None and value < column.minimum:
        if column.minimum == 0:
            raise cells.CellError("不能小于零", "请核对符号")
        raise cells.CellError("小于 {limit}", "请核对单位", limit=column.minimum)
    if column.maximum is not None and value > column.maximum:
        raise cells.CellError("大于 {limit}", "请核对单位", limit=column.maximum)
    if abs(value) >= _TOO_LARGE:
        raise cells.CellError("数字过大或过小", "请核对单位")
    return value


def _site(named: str | None, default_site: str | None) -> str:
    if named is None and default_site is None:
        raise cells.CellError("没有写站点", "请填写站点，或用 --site 指明")
    if named is not None and default_site is not None and named != default_site:
        raise cells.CellError("与 --site 指明的站点 {site} 不同", "请核对站点", site=default_site)
    return named or default_site or ""


def _choice(column: Column, value: str) -> str:
    for name, zh in column.choices.items():
        if value.lower() == name.lower() or value == zh:
            return name
    allowed = ", ".join(f"{name}/{zh}" for name, zh in column.choices.items())
    raise cells.CellError("不在可选值之中", "请填写其中之一：{allowed}", allowed=allowed)


def _completed(kind: Kind, values: dict[str, object]) -> dict[str, object]:
    """Fill what depends on another cell: recovered oil is re-refined unless told otherwise."""
    if kind.name == "outputs" and values.get("fate") is None:
        oil = values["material"] == "transformer_oil"
        values["fate"] = "rerefined" if oil else "sold"
    return values
