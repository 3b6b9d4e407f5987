"""Point tables (接口点表): files into points, with every wrong cell named, and back to files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import xlsxwriter
from pydantic import ValidationError

from data.connectors.base import (
    BYTE_ORDERS,
    Connector,
    ConnectorConfig,
    Point,
    PointKind,
)
from data.connectors.words import WIDTHS, example, orders_that_fit
from data.ingest.columns import Kind, choice, quantity, typed
from data.ingest.problems import Problem, Refused
from data.ingest.rows import Row, parse_rows
from data.ingest.tables import read_table
from data.ingest.template import safe
from data.units import unit, units
from translations import text

MAX_BYTES = 8 << 20
KIND_WORDS = {"register": "累计", "instant": "瞬时", "interval": "区间", "status": "状态"}

POINTS = Kind(
    "points",
    "接口点表",
    (
        typed("point_id", "点号", "text", required=True, aliases=("测点编码", "测点")),
        typed("name", "信号名称", "text", aliases=("名称",)),
        typed("meter_id", "表号", "text", aliases=("设备编号", "表计编号")),
        typed(
            "address",
            "地址",
            "text",
            required=True,
            aliases=("寄存器地址", "信息体地址", "数据标识", "主题", "节点"),
        ),
        typed("func", "功能码", "text"),
        typed("dtype", "数据类型", "text"),
        typed("byte_order", "字节序", "text", default="ABCD"),
        typed("example", "例子", "text", aliases=("字节例", "样例")),
        quantity("scale", "系数", default=Decimal(1), minimum=None, aliases=("倍率",)),
        quantity("offset", "偏移", default=Decimal(0), minimum=None),
        typed("unit", "单位", "text"),
        choice("kind", "量类", KIND_WORDS, default="register"),
        quantity("rollover", "满度值", aliases=("翻转值",)),
        quantity("period_s", "采集周期", default=Decimal(900), aliases=("采集周期(s)", "周期")),
        typed("dir", "方向", "text", default="R"),
        quantity("valid_min", "下限", minimum=None),
        quantity("valid_max", "上限", minimum=None),
        quantity("max_rate", "最大速率"),
        choice("quiet", "静默", {"night": "夜间"}),
        typed("note", "备注", "text"),
    ),
    ("point_id",),
)
DTYPES = (*WIDTHS, "bcd", "json")


@dataclass(frozen=True)
class Target:
    """What a point table is for: its connector's class and the interface's checked settings."""

    connector: type[Connector]
    cfg: ConnectorConfig


def load_points(path: Path, target: Target, language: str) -> tuple[Point, ...]:
    """Return the points of a CSV or workbook.

    Parameters
    ----------
    path
        The file, columns by their Chinese or English names.
    target
        Whose addresses they are.
    language
        Of the messages.

    Returns
    -------
    tuple of Point
        In the file's order.

    Raises
    ------
    Refused
        Every wrong cell with row, column, value, reason and remedy; nothing is taken.
    """
    table = read_table(path, POINTS, language, max_bytes=MAX_BYTES)
    parsed = parse_rows(table, POINTS, path.name, language, None)
    judge = _Judge(path.name, language, target)
    problems = [judge.unknown_column(one) for one in parsed.problems]
    points = []
    for row in parsed.rows:
        found = judge.point(row)
        if isinstance(found, Point):
            points.append(found)
        else:
            problems.append(found)
    problems += judge.together(points)
    if not points and not problems:
        problems.append(judge.problem(None, None, None, "点表里没有测点", "请至少填写一行"))
    if problems:
        raise Refused(tuple(sorted(problems, key=lambda p: p.row or 0)))
    return tuple(points)


def check_points(
    points: Sequence[Point], target: Target, name: str, language: str
) -> tuple[Problem, ...]:
    """Return what is wrong with points that are typed already: what a screen sends."""
    judge = _Judge(name, language, target)
    found = [judge.checked(point) for point in points]
    wrong = [one for one in found if isinstance(one, Problem)]
    return (*wrong, *judge.together([one for one in found if isinstance(one, Point)]))


class _Wrong(Exception):
    """What is wrong with one cell."""

    def __init__(self, column: str, value: str, reason: str, remedy: str, **named: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason, self.remedy = column, value, reason, remedy
        self.named = named


@dataclass(frozen=True)
class _Judge:
    """Judges the rows of one table, in the user's language."""

    file: str
    language: str
    target: Target

    def problem(
        self, row: int | None, column: str | None, value: str | None, reason: str, remedy: str,
        **named: str,
    ) -> Problem:  # fmt: skip
        said = text(reason, self.language, **named), text(remedy, self.language, **named)
        return Problem(self.file, row, self._title(column), value, *said)

    def _title(self, column: str | None) -> str | None:
        if self.language == "zh":
            return next((c.zh for c in POINTS.columns if c.name == column), column)
        return column

    def unknown_column(self, found: Problem) -> Problem:
        """Return a cell's problem; a column that nobody reads is one here, not a remark."""
        if found.severity == "error":
            return Problem(found.file, found.row, self._title(found.column), found.value,
                           found.reason, found.remedy)  # fmt: skip
        return self.problem(
            found.row, found.value, None, "未知的列名", "请改成点表的列名，或删去这一列"
        )

    def point(self, row: Row) -> Point | Problem:
        """Return a row's point or what is wrong with it."""
        values = {name: value for name, value in row.values.items() if value is not None}
        direction = str(values.pop("dir", "R")).upper()
        if direction not in ("R", "读", "只读"):
            return self.problem(row.number, "dir", direction, "本系统只读，不写设备", "请改为 R")
        try:
            return self.checked(Point(**values, row=row.number))
        except ValidationError as error:
            first = error.errors()[0]
            column = str(first["loc"][0]) if first["loc"] else None
            return self.problem(row.number, column, str(first.get("input")), "这一格的值不可用",
                                "请对照说明填写")  # fmt: skip

    def checked(self, point: Point) -> Point | Problem:
        """Return a point with its names made uniform, or what is wrong with it."""
        try:
            return self._checked(point)
        except _Wrong as wrong:
            return self.problem(point.row, wrong.column, wrong.value, wrong.reason, wrong.remedy,
                                **wrong.named)  # fmt: skip

    def _checked(self, point: Point) -> Point:
        found = point.model_copy(
            update={"dtype": point.dtype.lower(), "byte_order": point.byte_order.upper(),
                    "unit": _unit(point)}
        )  # fmt: skip
        if found.dtype and found.dtype not in DTYPES:
            raise _Wrong("dtype", point.dtype, "数据类型不在可选值之中",
                         "请填写其中之一：{allowed}", allowed=", ".join(DTYPES))  # fmt: skip
        if found.byte_order not in BYTE_ORDERS:
            raise _Wrong("byte_order", point.byte_order, "字节序不在可选值之中",
                         "请填写其中之一：{allowed}", allowed=", ".join(BYTE_ORDERS))  # fmt: skip
        low, high = found.valid_min, found.valid_max
        if low is not None and high is not None and low > high:
            raise _Wrong("valid_max", str(high), "上限小于下限", "请核对上限和下限")
        if found.kind.metered and found.meter_id and not found.unit:
            raise _Wrong("unit", "", "有表号的累计量和区间量要有单位", "请填写单位")
        _check_example(found)
        try:
            self.target.connector.PointAddr.parse(found.address, found.func)
            self.target.connector.PointAddr.check(found, self.target.cfg)
        except ValidationError as error:
            raise _Wrong(
                "address", found.address, "地址不可用", "请对照该协议的地址写法"
            ) from error
        except ValueError as error:
            column = "dtype" if "数据类型" in str(error) else "address"
            value = found.dtype if column == "dtype" else found.address
            raise _Wrong(column, value, str(error), "请对照该协议的地址写法") from error
        return _with_rollover(found)

    def together(self, points: Sequence[Point]) -> Iterator[Problem]:
        """Yield what is wrong with rows beside each other."""
        yield from self._twice(points, "point_id", lambda p: p.point_id, "与第 {other} 行同一点号")
        address, cfg = self.target.connector.PointAddr, self.target.cfg
        yield from self._twice(
            points, "address", lambda p: address.place(p, cfg), "与第 {other} 行同一地址"
        )
        metered = [p for p in points if p.meter_id and p.kind.metered]
        yield from self._twice(metered, "meter_id", lambda p: p.meter_id, "与第 {other} 行同一表号")
        if getattr(self.target.connector.PointAddr, "words", False):
            yield from self._unproved(points)

    def _twice(self, points: Iterable[Point], column: str, key, reason: str) -> Iterator[Problem]:  # type: ignore[no-untyped-def]  # noqa: ANN001
        seen: dict[object, int] = {}
        for point in points:
            before = seen.setdefault(key(point), point.row)
            if before != point.row:
                yield self.problem(point.row, column, str(getattr(point, column)), reason,
                                   "请删去其中一行或改正", other=str(before))  # fmt: skip

    def _unproved(self, points: Sequence[Point]) -> Iterator[Problem]:
        """Yield the byte orders of wide values that no row proves by an example."""
        wide = [p for p in points if WIDTHS.get(p.dtype, 2) > 2]
        proved = {p.byte_order for p in wide if p.example}
        for order in dict.fromkeys(p.byte_order for p in wide):
            if order not in proved:
                first = next(p for p in wide if p.byte_order == order)
                yield self.problem(
                    first.row, "example", order,
                    "字节序 {order} 没有例子可以证明",
                    "请在这个字节序的一行写上：数值 = 十六进制字节", order=order,
                )  # fmt: skip


def _unit(point: Point) -> str:
    if not point.unit:
        return ""
    try:
        return unit(point.unit)
    except ValueError as error:
        raise _Wrong("unit", point.unit, str(error), "请填写其中之一：{allowed}",
                     allowed=", ".join(units())) from error  # fmt: skip


def _check_example(point: Point) -> None:
    if not point.example or point.dtype not in WIDTHS:
        return
    try:
        shown = example(point.example)
        fitting = orders_that_fit(shown, point.dtype, point.scale, point.offset)
    except ValueError as error:
        raise _Wrong("example", point.example, str(error), "请按设备说明书核对") from error
    if point.byte_order in fitting:
        return
    if fitting:
        raise _Wrong("byte_order", point.byte_order, "例子按这个字节序得不到这个数值",
                     "按例子应是 {orders}", orders=", ".join(fitting))  # fmt: skip
    raise _Wrong(
        "example", point.example, "例子按哪种字节序都得不到这个数值", "请核对数据类型和系数"
    )


def _with_rollover(point: Point) -> Point:
    """Return a counter with the first value it never shows, where its width says that."""
    if point.rollover is not None or point.kind is not PointKind.REGISTER:
        return point
    if point.dtype.startswith("bcd") and point.dtype in WIDTHS:
        return point.model_copy(
            update={"rollover": Decimal(10) ** (WIDTHS[point.dtype] * 2) * point.scale}
        )
    if point.dtype in ("u16", "u32"):
        return point.model_copy(
            update={"rollover": Decimal(2) ** (WIDTHS[point.dtype] * 8) * point.scale}
        )
    return point


def table_rows(points: Sequence[Point], language: str) -> list[list[str]]:
    """Return a point table as it is written to a file, header first."""
    head = [column.zh if language == "zh" else column.name for column in POINTS.columns]
    return [head, *(list(table_cells(point, language).values()) for point in points)]


def table_cells(point: Point, language: str) -> dict[str, str]:
    """Return a point's row as it is written to a file, by the names of its columns."""
    zh, values = language == "zh", point.model_dump() | {"dir": "R"}
    return {
        column.zh if zh else column.name: _cell(values[column.name], zh=zh)
        for column in POINTS.columns
    }


def _cell(value: object, *, zh: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, PointKind):
        return KIND_WORDS[value.value] if zh else value.value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return f"{value:g}"
    return {"night": "夜间"}.get(str(value), str(value)) if zh else str(value)


def points_csv(points: Sequence[Point], language: str) -> str:
    """Return a point table as CSV, with the mark that spreadsheets need for UTF-8."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(table_rows(points, language))
    return "\ufeff" + out.getvalue()


def points_xlsx(points: Sequence[Point], language: str) -> bytes:
    """Return a point table as a workbook; every cell is text, so nothing is taken for a formula."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet(POINTS.zh if language == "zh" else POINTS.name)
    held = book.add_format({"num_format": "@"})
    sheet.set_column(0, len(POINTS.columns) - 1, 14, held)
    for number, row in enumerate(table_rows(points, language)):
        sheet.write_row(number, 0, [cell if _is_number(cell) else safe(cell) for cell in row], held)
    sheet.freeze_panes(1, 0)
    book.close()
    return out.getvalue()


def _is_number(cell: str) -> bool:
    return cell.lstrip("-").replace(".", "", 1).isdigit()
