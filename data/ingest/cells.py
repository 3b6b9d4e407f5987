"""Cells as people write them: numbers, times, dates, names; nonsense is refused, never guessed."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

EMPTY = frozenset({"", "-", "--", "—", "——", "/", "无", "#n/a", "n/a", "na", "null", "none", "nan"})
_EXCEL_DAYS = (20000, 80000)
_EXCEL_EPOCH = datetime(1899, 12, 30)


class CellError(ValueError):
    """A cell cannot be read; carries keys of the sentences that say why and what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def plain(cell: object) -> str:
    """Return a cell's text with full-width characters narrowed and blanks trimmed."""
    return unicodedata.normalize("NFKC", str(cell)).replace("\u00a0", " ").strip()


def is_empty(cell: object) -> bool:
    """Tell whether a cell says nothing; a word for nothing is not a zero."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return True
    return isinstance(cell, str) and plain(cell).lower() in EMPTY


def name(cell: object) -> str | None:
    """Return a name or identifier; a whole number from a workbook loses its `.0`."""
    if is_empty(cell):
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return plain(cell)


_GROUPED = re.compile(r"[+-]?\d{1,3}([, ]\d{3})+(\.\d+)?$")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")


def number(cell: object) -> Decimal | None:
    """Return a number, None for an empty cell.

    Parameters
    ----------
    cell
        A number of a workbook, or text: thousands separators, full-width digits, ``1.2万``,
        ``(1,234.5)`` for a negative one.

    Raises
    ------
    CellError
        It is no number; a wrong grouping such as ``1,3万`` is none.
    """
    if is_empty(cell):
        return None
    if isinstance(cell, bool):
        raise CellError("这不是数字", "请填写数字")
    if isinstance(cell, (int, float, Decimal)):
        found = Decimal(repr(cell)) if isinstance(cell, float) else Decimal(cell)
        if not found.is_finite():
            raise CellError("这不是有限的数字", "请填写数字")
        return found
    words = plain(cell)
    scale = Decimal(1)
    if words.startswith("(") and words.endswith(")"):
        words, scale = words[1:-1].strip(), Decimal(-1)
    if words.endswith("万"):
        words, scale = words[:-1].strip(), scale * 10000
    if _GROUPED.match(words):
        words = re.sub(r"[, ]", "", words)
    if not _PLAIN.match(words):
        if "," in words:
            raise CellError("千分位的写法不对", "请去掉逗号，例如写 12345.67")
        raise CellError("这不是数字", "请填写数字，单位写在表头")
    try:
        return Decimal(words) * scale
    except InvalidOperation as error:
        raise CellError("这不是数字", "请填写数字") from error


_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?=$|[ T])"
    r"|(\d{4})(\d{2})(\d{2})(?=$|[ T])"
)
_TIME = re.compile(
    r"(\d{1,2})[:时](\d{1,2})[:分]?(?:(\d{1,2})(?:[.,](\d{1,6}))?)?秒?$|(\d{2})(\d{2})(\d{2})?$|(\d{1,2})时$"
)
_OFFSET = re.compile(r"\s*(Z|[+-]\d{2}(?::?\d{2})?)$")


def timestamp(cell: object) -> datetime | None:
    """Return a time: naive means site-local, an offset in the cell is kept.

    Raises
    ------
    CellError
        It is no time, or its order of day and month is not certain.
    """
    if is_empty(cell):
        return None
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return _from_excel(cell)
    words = plain(cell)
    found = _DATE.match(words)
    if found is None:
        if re.match(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}", words):
            raise CellError("日和月的先后无法确定", "请写成 2026-08-31 23:45")
        raise CellError("这不是时间", "请写成 2026-08-31 23:45")
    year, month, day = (int(part) for part in found.groups() if part is not None)
    rest = words[found.end() :].lstrip(" T")
    try:
        return _with_time(datetime(year, month, day), rest)
    except ValueError as error:
        if isinstance(error, CellError):
            raise
        raise CellError("没有这个日期或时间", "请写成 2026-08-31 23:45") from error


def _from_excel(cell: float) -> datetime:
    if not _EXCEL_DAYS[0] <= cell <= _EXCEL_DAYS[1]:
        text = str(int(cell))
        if len(text) == 8 and float(cell).is_integer():
            return datetime.strptime(text, "%Y%m%d")
        raise CellError("这不是时间", "请写成 2026-08-31 23:45")
    seconds = round(cell * 86400)
    return _EXCEL_EPOCH + timedelta(seconds=seconds)


def _with_time(day: datetime, words: str) -> datetime:
    if not words:
        return day
    offset = _OFFSET.search(words)
    clock = words[: offset.start()] if offset else words
    found = _TIME.match(clock.strip())
    if found is None:
        raise CellError("这不是时间", "请写成 2026-08-31 23:45")
    hour = int(found[1] or found[5] or found[8])
    minute = int(found[2] or found[6] or 0)
    second = int(found[3] or found[7] or 0)
    micro = int((found[4] or "0").ljust(6, "0"))
    if hour == 24:
        if minute or second or micro:
            raise CellError("24 点之后没有分秒", "请写成次日 00:00 之后的时间")
        day, hour = day + timedelta(days=1), 0
    moment = day.replace(hour=hour, minute=minute, second=second, microsecond=micro)
    return datetime.fromisoformat(moment.isoformat() + offset[1]) if offset else moment


def day(cell: object) -> date | None:
    """Return a date; a time of day other than midnight is refused."""
    moment = timestamp(cell)
    if moment is None:
        return None
    if (moment.hour, moment.minute, moment.second) != (0, 0, 0):
        raise CellError("这里只要日期", "请写成 2026-08-31")
    return moment.date()


def month(cell: object) -> str | None:
    """Return a month as 2026-07."""
    if is_empty(cell):
        return None
    if isinstance(cell, date):
        return cell.strftime("%Y-%m")
    found = re.match(r"(\d{4})\s*[-/.年]?\s*(\d{1,2})\s*月?$", plain(cell))
    if found is None or not 1 <= int(found[2]) <= 12:
        moment = timestamp(cell)
        if moment is None or moment.day != 1:
            raise CellError("这不是月份", "请写成 2026-07")
        return moment.strftime("%Y-%m")
    return f"{int(found[1]):04d}-{int(found[2]):02d}"


def period(cell: object) -> str | None:
    """Return a year (2026) or a month (2026-07)."""
    words = name(cell)
    if words is not None and re.match(r"(19|20)\d{2}年?$", words):
        return words[:4]
    return month(cell)


_YES = frozenset({"1", "true", "yes", "y", "是", "有", "1.0"})
_NO = frozenset({"0", "false", "no", "n", "否", "无", "0.0"})


def flag(cell: object) -> bool | None:
    """Return yes or no."""
    if isinstance(cell, bool):
        return cell
    words = "" if cell is None else plain(cell).lower()
    if words in _YES:
        return True
    if words in _NO:
        return False
    if is_empty(cell):
        return None
    raise CellError("这里要填是或否", "请填 1 或 0")
