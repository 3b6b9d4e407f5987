"""Checks that look at one row alone: spans of time, amounts that contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal

from data.ingest.known import Check
from data.ingest.problems import Problem
from data.ingest.rows import Row

_YEARS = (2000, 2100)
_APART = Decimal("0.4")


def before(last: object, first: object) -> bool:
    """Tell whether an end lies before its beginning; an open one never does."""
    return isinstance(last, date) and isinstance(first, date) and last < first


def decimal(row: Row, name: str) -> Decimal | None:
    """Return a number of a row, None where the cell is empty."""
    value = row.values[name]
    return value if isinstance(value, Decimal) else None


def _trip(check: Check, row: Row) -> list[Problem]:
    found, vehicle = [], row.values["vehicle_class"]
    if vehicle is not None and vehicle not in check.known.vehicle_classes:
        reason, remedy = "因子库没有这个车型", "请填写因子库中运输因子的编号"
        found.append(check.problem(row, "vehicle_class", reason, remedy))
    if row.values["litres"] is not None and not row.values["own"]:
        reason = "不是自有车辆，油量不会计入"
        found.append(
            check.problem(row, "litres", reason, "自有车辆请在 own 列填 1", warning="not_own")
        )
    return found


def _fuel(check: Check, row: Row) -> list[Problem]:
    if row.values["kind"] == "use":
        return []
    return [
        check.problem(
            row,
            name,
            "只有用油的行才分用油设备和产线",
            "请核对类型，或清空这一格",
            warning="not_used",
        )
        for name in ("consumer", "line")
        if row.values[name] is not None
    ]


def _job(check: Check, row: Row) -> list[Problem]:
    start, end = row.values["start"], row.values["end"]
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return []
    site = str(row.values["site"])
    if check.known.local(end, site) > check.known.local(start, site):
        return []
    return [check.problem(row, "end", "结束不晚于开始", "请核对时间")]


def _device(check: Check, row: Row) -> list[Problem]:
    if before(row.values["in_service_to"], row.values["in_service_from"]):
        return [check.problem(row, "in_service_to", "早于投运日期", "请核对日期")]
    return []


def _calendar(check: Check, row: Row) -> list[Problem]:
    if before(row.values["date_to"], row.values["date_from"]):
        return [check.problem(row, "date_to", "早于开始日期", "请核对日期")]
    return []


def price_row(check: Check, row: Row) -> list[Problem]:
    """Return what is wrong with a trade by itself."""
    volume, turnover, close = (decimal(row, n) for n in ("volume_t", "turnover_cny", "close_cny"))
    if volume is None:
        return []
    if volume == 0:
        if turnover:
            return [check.problem(row, "turnover_cny", "成交量为 0 却有成交额", "请核对来源")]
        return []
    if not turnover:
        return [check.problem(row, "turnover_cny", "有成交量却没有成交额", "请核对来源")]
    mean = turnover / volume
    if close and abs(mean - close) > _APART * close:
        reason = "收盘价与均价 {mean} 相差超过 40 %"
        shown = f"{mean:.2f}"
        return [check.problem(row, "close_cny", reason, "请核对来源", warning="close", mean=shown)]
    return []


def _plan(check: Check, row: Row) -> list[Problem]:
    year = row.values["year"]
    if isinstance(year, int) and _YEARS[0] <= year <= _YEARS[1]:
        return []
    return [check.problem(row, "year", "年份不在 2000 到 2100 之间", "请写成 2026")]


ROW_CHECKS: Mapping[str, Callable[[Check, Row], list[Problem]]] = {
    "trips": _trip,
    "fuel": _fuel,
    "jobs": _job,
    "devices": _device,
    "calendar": _calendar,
    "plan": _plan,
}
