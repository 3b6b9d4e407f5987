"""Factor files: rows proposed for the library, checked before anyone is asked (CONTRACT §2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from accounting.factors import Factor, FactorLibrary, family_of, library
from accounting.products import SETS
from data.ingest.columns import Kind, choice, quantity, typed
from data.ingest.problems import Problem, Refused
from data.ingest.rows import Row, parse_rows
from data.ingest.tables import read_table
from translations import text

FACTOR_KIND = Kind(
    "factors",
    "因子",
    (
        typed("factor_id", "因子编号", "text", required=True),
        typed("name_zh", "中文名", "text", required=True),
        typed("name_en", "英文名", "text", required=True),
        typed("category", "类别", "text", required=True),
        quantity("value", "取值", required=True),
        typed("unit", "单位", "text", required=True),
        quantity("uncertainty_pct", "不确定度"),
        typed("region", "适用地区", "text", required=True),
        typed("valid_from", "有效期起", "date"),
        typed("valid_to", "有效期止", "date"),
        typed("source", "出处", "text", required=True),
        typed("source_ref", "出处位置", "text"),
        choice("confidence", "可信度", {"high": "高", "medium": "中", "low": "低"}, required=True),
        typed("note", "备注", "text"),
    ),
    ("factor_id",),
)
_NAME = re.compile(r"[A-Z][A-Z0-9_]{1,63}")


@dataclass(frozen=True)
class _Check:
    """What the rows of one file are checked against."""

    file: str
    language: str
    known: FactorLibrary

    def problem(self, row: Row, column: str, reason: str, remedy: str, **values: object) -> Problem:
        value = row.values.get(column)
        return Problem(
            self.file,
            row.number,
            column,
            None if value is None else str(value),
            text(reason, self.language, **values),
            text(remedy, self.language, **values),
        )


def read_factors(path: Path, known: FactorLibrary, language: str) -> list[dict[str, str]]:
    """Return the rows of a factor file as text, those that are as before left out.

    Parameters
    ----------
    path
        CSV, XLSX or XLS with the columns of factors.csv.
    known
        The library in force.
    language
        Of the messages.

    Returns
    -------
    list of dict
        Column to text, an empty cell being unknown.

    Raises
    ------
    Refused
        A row has no source, overlaps another, has another unit than its family, or makes a
        primary factor smaller than its recycled one; nothing is proposed.

    References
    ----------
    accounting.md §8 (primary and recycled), D-3, R22.
    """
    table = read_table(path, FACTOR_KIND, language)
    parsed = parse_rows(table, FACTOR_KIND, path.name, language, None)
    check = _Check(path.name, language, known)
    problems = [p for p in parsed.problems if p.severity == "error"]
    problems += [p for row in parsed.rows for p in _row(check, row)]
    rows = {str(row.values["factor_id"]): _as_text(row) for row in parsed.rows}
    if not problems:
        problems += _together(check, parsed.rows, rows)
    if problems:
        raise Refused(tuple(problems))
    before = known.rows
    made = library(rows.values(), "")
    return [row for name, row in rows.items() if before.get(name) != made.rows[name]]


def _as_text(row: Row) -> dict[str, str]:
    return {c.name: _cell(row.values.get(c.name)) for c in FACTOR_KIND.columns}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return repr(float(value))
    return value.isoformat() if isinstance(value, date) else str(value)


def _row(check: _Check, row: Row) -> list[Problem]:
    v, found = row.values, []
    name = str(v["factor_id"])
    if not _NAME.fullmatch(name):
        remedy = "请用大写字母、数字和下划线，例如 GRID_HE_2024"
        found.append(check.problem(row, "factor_id", "因子编号写法不对", remedy))
    if before(v["valid_to"], v["valid_from"]):
        found.append(check.problem(row, "valid_to", "止期早于起期", "请核对有效期"))
    kin = _kin(check.known, name)
    units = {one.unit for one in kin} or {
        one.unit for one in check.known.rows.values() if one.category == v["category"]
    }
    if not units:
        found.append(check.problem(row, "category", "没有这个类别", "请对照因子库的类别"))
    elif v["unit"] not in units:
        remedy = "这里的单位应为：{units}"
        found.append(
            check.problem(row, "unit", "单位与同类因子不符", remedy, units=", ".join(sorted(units)))
        )
    if kin and v["category"] != kin[0].category:
        remedy = "同一因子的类别为 {category}"
        found.append(
            check.problem(row, "category", "类别与同一因子不符", remedy, category=kin[0].category)
        )
    return found


def before(last: object, first: object) -> bool:
    """Tell whether a period ends before it begins."""
    return isinstance(last, date) and isinstance(first, date) and last < first


def _kin(known: FactorLibrary, name: str) -> list[Factor]:
    """Return the row of a name, or the rows of its family."""
    if name in known.rows:
        return [known.rows[name]]
    return list(known.families.get(family_of(name), ()))


def _together(
    check: _Check, rows: Sequence[Row], texts: Mapping[str, Mapping[str, str]]
) -> list[Problem]:
    """Check the library as it would be: validity within families, primary against recycled."""
    whole = with_rows(check.known, texts)
    found = []
    for row in rows:
        other = _overlap(whole, str(row.values["factor_id"]))
        if other is not None:
            reason = "有效期与 {other}（{first} ～ {last}）重叠"
            found.append(
                check.problem(
                    row,
                    "valid_from",
                    reason,
                    "请核对有效期",
                    other=other.factor_id,
                    first=other.valid_from or "…",
                    last=other.valid_to or "…",
                )
            )
        for primary, recycled in _inverted(whole, str(row.values["factor_id"])):
            reason = "原生因子 {primary} 小于再生因子 {recycled}"
            found.append(
                check.problem(
                    row,
                    "value",
                    reason,
                    "再生不可能比原生排放更多，请核对两者的边界与来源",
                    primary=primary,
                    recycled=recycled,
                )
            )
    return found


def with_rows(known: FactorLibrary, texts: Mapping[str, Mapping[str, str]]) -> FactorLibrary:
    """Return the library as it would be with some rows, by factor_id, new or replaced."""
    kept = (text_of(factor) for name, factor in known.rows.items() if name not in texts)
    return library([*kept, *texts.values()], "")


def conflicting(whole: FactorLibrary, names: Iterable[str]) -> bool:
    """Tell whether rows of a library overlap others or make a primary factor the smaller one."""
    return any(_overlap(whole, name) is not None or _inverted(whole, name) for name in names)


def text_of(factor: Factor) -> dict[str, str]:
    """Return a row of the library as a factor file has it."""
    return {c.name: _cell(getattr(factor, c.name)) for c in FACTOR_KIND.columns}


def _overlap(whole: FactorLibrary, name: str) -> Factor | None:
    """Return a row of the family that holds for the same days; an open end meets the next row."""
    one = whole.rows[name]
    if family_of(name) == name:  # a name without a year stands alone
        return None
    for other in whole.families[family_of(name)]:
        if other.factor_id == name:
            continue
        early, late = sorted((one, other), key=_began)
        same_start = _began(early) == _began(late)
        if same_start or (early.valid_to is not None and early.valid_to >= _began(late)):
            return other
    return None


def _began(factor: Factor) -> date:
    return factor.valid_from or date.min


def _inverted(whole: FactorLibrary, name: str) -> list[tuple[str, str]]:
    pairs = {(p.primary, p.recycled) for chosen in SETS.values() for p in chosen.values()}
    return [
        (primary, recycled)
        for primary, recycled in sorted(pairs)
        if name in (primary, recycled) and whole.rows[primary].value < whole.rows[recycled].value
    ]
