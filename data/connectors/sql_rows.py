"""Rows of a view of another system: where reading stopped, and what a row means.

No SQL here. A row is a mapping of the view's column names to what the driver gave.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from data.connectors.base import Point, Quality, Reading, scaled
from data.connectors.wire import WireError
from data.digest import sm3
from data.ingest.columns import Kind

Row = Mapping[str, object]
SOURCE_COLUMN = "source_row_changed"  # tells a value that came back from one that stayed
_QUALITIES = {
    "0": Quality.GOOD, "1": Quality.UNCERTAIN, "2": Quality.BAD, "3": Quality.MANUAL,
    "good": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "bad": Quality.BAD,
    "manual": Quality.MANUAL,
}  # fmt: skip


class RowError(WireError):
    """A row of the view cannot be taken."""


@dataclass(frozen=True)
class Mark:
    """Where reading stopped: the newest change read, and the key of the row that has it.

    Parameters
    ----------
    cursor
        Value of the cursor column.
    key
        Values of the key columns: they tell rows apart that were changed at the same moment.
    """

    cursor: object
    key: tuple[object, ...]


def dumped(found: object) -> str:
    """Return the value of a cursor column as JSON that keeps its type.

    Raises
    ------
    RowError
        Nobody can go on from such a value.
    """
    for name, kind, words in (
        ("datetime", datetime, lambda value: value.isoformat()),
        ("date", date, lambda value: value.isoformat()),
        ("decimal", (Decimal, float), str),
        ("int", int, str),
        ("str", str, str),
    ):
        if isinstance(found, kind):
            return json.dumps([name, words(found)])
    raise RowError("游标列的类型不能用来续读", type=type(found).__name__)


def cursor(text: str) -> object:
    """Return a kept value of a cursor column.

    Raises
    ------
    ValueError
        It is none.
    """
    readers: dict[str, Callable[[str], object]] = {
        "datetime": datetime.fromisoformat, "date": date.fromisoformat, "decimal": Decimal,
        "int": int, "str": str,
    }  # fmt: skip
    try:
        kind, words = json.loads(text)
        return readers[kind](words)
    except (TypeError, KeyError, InvalidOperation) as error:
        raise ValueError("not a cursor") from error


def overlapped(found: object, seconds: float) -> object:
    """Return from which change to read again: rows may be committed later than they are dated."""
    return found - timedelta(seconds=seconds) if isinstance(found, datetime) else found


def digest(row: Row) -> str:
    """Return the SM3 digest of a row."""
    return sm3(json.dumps([[n, str(v)] for n, v in sorted(row.items())]).encode())


@dataclass(frozen=True)
class Void:
    """How a row says that it no longer counts.

    Parameters
    ----------
    column
        The view's column; empty where rows are never voided.
    words
        What stands in it then, in small letters.
    """

    column: str
    words: frozenset[str]

    def holds(self, row: Row) -> bool:
        """Tell whether a row is void."""
        if not self.column:
            return False
        value = row[self.column]
        found = str(int(value)) if isinstance(value, bool) else str(value).strip().lower()
        return value is not None and found in self.words


def readings(
    row: Row,
    columns: Mapping[str, str],
    points: Mapping[str, Point],
    zone: ZoneInfo,
    void: Void,
) -> list[Reading]:
    """Return what a row says of points.

    Parameters
    ----------
    row
        A row of the view.
    columns
        ``timestamp`` and, for one value a row, ``point`` and ``value``; ``quality``. Without
        ``point`` each point's address is a column of the view.
    points
        By address.
    zone
        Of times without one.
    void
        How a row says that it no longer counts: its values are bad then, a correction.

    Raises
    ------
    RowError
        It has no usable time.
    """
    at = moment(row[columns["timestamp"]], zone)
    if "point" in columns:
        found = points.get(str(row[columns["point"]]).strip())
        values = [] if found is None else [(found, row[columns["value"]])]
    else:
        values = [(point, row[address]) for address, point in points.items()]
    quality = row[columns["quality"]] if "quality" in columns else None
    gone = void.holds(row)
    return [_reading(point, at, value, quality, gone=gone) for point, value in values]


def _reading(point: Point, at: datetime, raw: object, quality: object, *, gone: bool) -> Reading:
    value = number(raw)
    if value is None:
        return Reading(point.point_id, at, None, Quality.BAD, "视图里没有数值")
    value = scaled(point, value)
    if gone:
        return Reading(point.point_id, at, value, Quality.BAD, "对方已作废这一行")
    if not point.in_range(value):
        return Reading(point.point_id, at, value, Quality.BAD, "超出点表的上下限")
    if quality is None:
        return Reading(point.point_id, at, value)
    known = _QUALITIES.get(str(quality).strip().lower())
    if known is None:
        return Reading(point.point_id, at, value, Quality.UNCERTAIN, "对方给出的品质不认识")
    note = "对方给出的品质" if known in (Quality.UNCERTAIN, Quality.BAD) else ""
    return Reading(point.point_id, at, value, known, note)


def number(raw: object) -> Decimal | None:
    """Return a number as the database has it; a word that is none is no zero."""
    if isinstance(raw, bool):
        return Decimal(int(raw))
    try:
        found = Decimal(repr(raw) if isinstance(raw, float) else str(raw).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def moment(raw: object, zone: ZoneInfo) -> datetime:
    """Return a time with a zone, UTC.

    Raises
    ------
    RowError
        It is none.
    """
    if isinstance(raw, str):
        try:
            raw = datetime.fromisoformat(raw.strip())
        except ValueError:
            raise RowError("视图里的时间读不懂", time=raw) from None
    if not isinstance(raw, datetime):
        raise RowError("视图里的时间读不懂", time=raw)
    return (raw if raw.tzinfo else raw.replace(tzinfo=zone)).astimezone(UTC)


def table(
    rows: Sequence[Row],
    columns: Mapping[str, str],
    constants: Mapping[str, str],
    kind: Kind,
    changed: str,
    void: Void,
) -> bytes:
    """Return rows as an import file of a kind.

    A void row is a correction to nothing: what it weighed is known to be zero. The last column
    says when the source changed the row, so that 5, 6, 5 are three files and not two.

    Parameters
    ----------
    rows
        Rows of the view.
    columns
        The kind's columns and what the view calls them.
    constants
        The kind's columns that are the same in every row.
    kind
        The kind of file.
    changed
        The view's cursor column.
    void
        How a row says that it no longer counts.
    """
    names = [c for c in kind.columns if c.name in columns or c.name in constants]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*(column.name for column in names), SOURCE_COLUMN])
    for row in rows:
        gone = void.holds(row)
        cells = []
        for column in names:
            nothing = gone and column.type == "number"
            if nothing:
                cells.append("0" if column.required else "")
            elif column.name in constants:
                cells.append(constants[column.name])
            else:
                cells.append(cell(row[columns[column.name]]))
        writer.writerow([*cells, cell(row[changed])])
    return out.getvalue().encode()


def cell(value: object) -> str:
    """Return what the database has as an import file writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return repr(value)
    return str(value).strip()
