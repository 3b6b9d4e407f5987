"""Cells as people write them: numbers, times, dates, names; nonsense is refused, never guessed."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NoReturn

EMPTY = frozenset({"", "-", "--", "—", "——", "–", "/", "无", "#n/a", "n/a", "null"})
_EXCEL_DAYS = (20000, 80000)
_EXCEL_EPOCH = datetime(1899, 12, 30)
_YEARS = (1900, 2199)
_EXACT_FLOAT = 1e15
_LARGEST_EXPONENT = 30
_INVISIBLE = str.maketrans({"\u200b": None, "\ufeff": None, "\u00a0": " ", "\u2212": "-"})
_WRITE_TIME = "请写成 2026-08-31 23:45"


class CellError(ValueError):
    """A cell cannot be read.

    Parameters
    ----------
    reason, remedy
        Keys of the sentences that say why and what to do.
    values
        What the sentences name in braces.
    """

    def __init__(self, reason: str, remedy: str, **values: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.values = values


def plain(cell: object) -> str:
    """Return a cell's text with full-width characters narrowed and blanks trimmed."""
    words = str(cell)
    if words.isascii():  # most cells of a large file; nothing to narrow
        return words.strip()
    return unicodedata.normalize("NFKC", words).translate(_INVISIBLE).strip()


def is_empty(cell: object) -> bool:
    """Tell whether a cell says nothing; a word for nothing is not a zero."""
    return cell is None or (isinstance(cell, str) and plain(cell).lower() in EMPTY)


def name(cell: object) -> str | None:
    """Return a name or identifier; a whole number of a workbook loses its ``.0``.

    Raises
    ------
    CellError
        A spreadsheet has turned an identifier into a date, or rounded its digits away.
    """
    if is_empty(cell):
        return None
    if isinstance(cell, date):
        raise CellError("表格软件把编号变成了日期", "请把这一列设为文本格式后重新填写")
    if isinstance(cell, float):
        if not math.isfinite(cell) or abs(cell) >= _EXACT_FLOAT:
            _refuse_rounded()
        return str(int(cell)) if cell.is_integer() else repr(cell)
    words = plain(cell)
    if re.fullmatch(r"[0-9](\.[0-9]+)?[eE]\+[0-9]{2}", words):
        _refuse_rounded()
    return words


def _refuse_rounded() -> NoReturn:
    raise CellError(
        "表格软件只保留 15 位数字，这个编号已经不完整", "请把这一列设为文本格式后重新填写"
    )


_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:(,[0-9]{3})+|( [0-9]{3})+)(\.[0-9]+)?")
_PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")


def number(cell: object) -> Decimal | None:
    """Return a number, None for an empty cell.

    Parameters
    ----------
    cell
        A number of a workbook, or text: thousands separators, full-width digits, ``1.2万``,
        ``(1,234.5)`` for a negative one.

    Returns
    -------
    Decimal or None
        Exactly what is written, in the unit the column has.

    Raises
    ------
    CellError
        It is no number; a wrong grouping such as ``1,3万`` is none.
    """
    if is_empty(cell):
        return None
    if isinstance(cell, bool):
        raise CellError("这不是数字", "请填写数字，单位写在表头")
    if isinstance(cell, float):
        return _bounded(Decimal(repr(float(cell))))
    if isinstance(cell, (int, Decimal)):
        return _bounded(Decimal(cell))
    words = plain(cell)
    if words.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise CellError("这不是有限的数字", "请填写数字；没有数据就留空")
    return _bounded(_written(words))


def _written(words: str) -> Decimal:
    """Return the number that a text writes."""
    digits, scale = words, Decimal(1)
    if words.startswith("(") and words.endswith(")"):
        digits, scale = words[1:-1].strip(), Decimal(-1)
        if digits.startswith(("+", "-")):
            raise CellError("括号里的负数又带了符号", "请只用一种写法，例如 -1234.5")
    if digits.endswith("万"):
        digits, scale = digits[:-1].strip(), scale * 10000
    if _GROUPED.fullmatch(digits):
        digits = digits.replace(",", "").replace(" ", "")
    if _PLAIN.fullmatch(digits):
        return _bounded(Decimal(digits)) * scale
    if re.fullmatch(r"[+-]?[0-9][0-9, .]*", digits):
        _refuse_grouping(words)
    raise CellError("这不是数字", "请填写数字，单位写在表头")


def _refuse_grouping(words: str) -> NoReturn:
    """Say both readings of a comma that can be a decimal point or a separator."""
    if words.count(",") == 1 and not re.search(r"[ .]", words):
        raise CellError(
            "数字的千分位写法不对",
            "逗号若是小数点请写 {point}，若是千分位请写 {bare}",
            point=words.replace(",", "."),
            bare=words.replace(",", ""),
        )
    raise CellError("数字的千分位写法不对", "请去掉分隔符，例如写 12345.67")


def _bounded(found: Decimal) -> Decimal:
    """Return a number that can be computed with; 1e999999 cannot."""
    if not found.is_finite():
        raise CellError("这不是有限的数字", "请填写数字；没有数据就留空")
    if found and abs(found.adjusted()) > _LARGEST_EXPONENT:
        raise CellError("数字过大或过小", "请核对单位")
    return found


_DATE = re.compile(
    r"(?P<y>[0-9]{4})(?:"
    r"(?P<mark>[-/.])(?P<m>[0-9]{1,2})(?P=mark)(?P<d>[0-9]{1,2})(?=$|[ Tt])"
    r"|\s*年\s*(?P<m2>[0-9]{1,2})\s*月\s*(?P<d2>[0-9]{1,2})\s*日"
    r"|(?P<m3>[0-9]{2})(?P<d3>[0-9]{2})(?=$|[ Tt]))"
)
_CLOCK = re.compile(
    r"(?P<h>[0-9]{1,2}):(?P<n>[0-9]{1,2})(?::(?P<s>[0-9]{1,2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r"|(?P<h2>[0-9]{1,2})[时点](?:(?P<n2>[0-9]{1,2})分?(?:(?P<s2>[0-9]{1,2})秒)?)?"
    r"|(?P<h3>[0-9]{2})(?P<n3>[0-9]{2})(?P<s3>[0-9]{2})?"
)
_USUAL = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_OFFSET = re.compile(r"\s*(Z|[+-][0-9]{2}(?::?[0-9]{2})?)$", re.IGNORECASE)


def timestamp(cell: object) -> datetime | None:
    """Return a time, None for an empty cell.

    Parameters
    ----------
    cell
        A date, time or serial number of a workbook, or text: ISO 8601, ``2026/8/31 9:5``,
        ``2026年8月31日 9时05分``, ``20260831 0915``. A date alone means its 00:00, ``24:00`` the
        next midnight.

    Returns
    -------
    datetime or None
        Naive means site-local; an offset in the cell is kept.

    Raises
    ------
    CellError
        It is no time, or its order of day and month is not certain.
    """
    if is_empty(cell):
        return None
    if isinstance(cell, datetime):
        return _in_range(cell)
    if isinstance(cell, date):
        return _in_range(datetime(cell.year, cell.month, cell.day))
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return _in_range(_from_serial(cell))
    words = plain(cell)
    usual = _usual(words)
    if usual is not None:
        return _in_range(usual)
    found = _DATE.match(words)
    if found is None:
        if re.match(r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}", words):
            raise CellError("年、月、日的先后无法确定", _WRITE_TIME)
        raise CellError("这不是时间", _WRITE_TIME)
    rest = re.sub(r"^(\s*[Tt]\s*|\s+)", "", words[found.end() :])
    try:
        return _in_range(_with_clock(_dated(found), rest))
    except CellError:
        raise
    except (ValueError, OverflowError) as error:
        raise CellError("没有这个日期或时间", _WRITE_TIME) from error


def _usual(words: str) -> datetime | None:
    """Return a time as programs write it, at once: most times of a large file are such ones."""
    if not _USUAL.fullmatch(words):
        return None
    try:
        return datetime.fromisoformat(words)
    except ValueError:  # no such day, minute or offset: read with care, which says what is wrong
        return None


def _in_range(moment: datetime) -> datetime:
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise CellError("年份不合理", _WRITE_TIME)
    return moment


def is_serial(cell: object) -> bool:
    """Tell whether a cell is a workbook's day number, left without a date format."""
    is_number = isinstance(cell, (int, float)) and not isinstance(cell, bool)
    return is_number and _EXCEL_DAYS[0] <= float(str(cell)) <= _EXCEL_DAYS[1]


def _from_serial(cell: float) -> datetime:
    """Return the time of an unformatted workbook cell: days since 1899-12-30, or 20260831."""
    if is_serial(cell):
        return _EXCEL_EPOCH + timedelta(seconds=round(cell * 86400))
    if math.isfinite(cell) and cell == int(cell) and 10**7 <= cell < 10**8:
        try:
            return datetime(int(cell) // 10000, int(cell) // 100 % 100, int(cell) % 100)
        except ValueError as error:
            raise CellError("没有这个日期或时间", _WRITE_TIME) from error
    raise CellError("这不是时间", _WRITE_TIME)


def _dated(found: re.Match[str]) -> datetime:
    month, day = (found[a] or found[b] or found[c] for a, b, c in (("m", "m2", "m3"),
                                                                   ("d", "d2", "d3")))  # fmt: skip
    return datetime(int(found["y"]), int(month), int(day))


def _with_clock(day: datetime, words: str) -> datetime:
    if not words:
        return day
    offset = _OFFSET.search(words)
    clock = words[: offset.start()] if offset else words
    found = _CLOCK.fullmatch(clock.strip())
    if found is None:
        raise CellError("这不是时间", _WRITE_TIME)
    hour, minute, second = (
        int(found[mark] or found[mark + "2"] or found[mark + "3"] or 0) for mark in "hns"
    )
    micro = int((found["f"] or "").ljust(6, "0")[:6])
    if hour == 24:
        if minute or second or micro:
            raise CellError("24 点之后没有分秒", "请写成次日 00:00 之后的时间")
        day, hour = day + timedelta(days=1), 0
    moment = day.replace(hour=hour, minute=minute, second=second, microsecond=micro)
    return datetime.fromisoformat(moment.isoformat() + offset[1].upper()) if offset else moment


def day(cell: object) -> date | None:
    """Return a date; a time of day other than midnight is refused."""
    moment = timestamp(cell)
    if moment is None:
        return None
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        raise CellError("这里只要日期", "请写成 2026-08-31")
    return moment.date()


def month(cell: object) -> str | None:
    """Return a month as 2026-07; a date counts when it is the month's first day.

    Raises
    ------
    CellError
        It is no month; ``2026.1`` is what a spreadsheet makes of 2026.10, so it is refused.
    """
    if is_empty(cell):
        return None
    words = _whole(cell)
    if re.fullmatch(r"[0-9]{4}\.1", words):
        raise CellError("“2026.1”可能是一月，也可能是十月", "请写成 2026-07")
    found = re.fullmatch(
        r"([0-9]{4})(?:\s*年\s*([0-9]{1,2})\s*月?|[-/.]([0-9]{1,2})|([0-9]{2}))", words
    )
    if found and 1 <= (at := int(found[2] or found[3] or found[4])) <= 12:
        return _in_range(datetime(max(int(found[1]), 1), at, 1)).strftime("%Y-%m")
    try:
        first = day(cell)
    except CellError as error:
        raise CellError("这不是月份", "请写成 2026-07") from error
    if first is None or first.day != 1:
        raise CellError("这不是月份", "请写成 2026-07")
    return first.strftime("%Y-%m")


def _whole(cell: object) -> str:
    """Return a cell's text, a whole float without its ``.0``."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return plain(cell)


def period(cell: object) -> str | None:
    """Return a year (2026) or a month (2026-07)."""
    if is_empty(cell):
        return None
    found = re.fullmatch(r"((?:19|20|21)[0-9]{2})年?", _whole(cell))
    return found[1] if found else month(cell)


_YES = frozenset({"1", "true", "yes", "y", "是"})
_NO = frozenset({"0", "false", "no", "n", "否"})


def flag(cell: object) -> bool | None:
    """Return yes or no, None for an empty cell."""
    if is_empty(cell):
        return None
    words = _whole(cell).lower()
    if words in _YES:
        return True
    if words in _NO:
        return False
    raise CellError("这里要填是或否", "请填 1 或 0")
