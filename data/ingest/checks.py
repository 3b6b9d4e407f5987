"""Rows against what is known: sites, meters, batches and each other (CONTRACT §2, R8, R20)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from data.ingest.kinds import Kind, has_site
from data.ingest.problems import Problem
from data.ingest.rows import Parsed, Row
from translations import text

MEDIUM_UNITS = {
    "electricity": ("kWh", "MWh"),
    "water": ("m3", "L"),
    "heat": ("GJ", "kWh", "MWh"),
    "diesel": ("L",),
}
ROLE_MEDIA = {"heat_pump_heat": ("heat",), "consumer": ("electricity", "water", "diesel", "heat")}
COMMON_SITE = "CN"


@dataclass(frozen=True)
class KnownMeter:
    """What a check needs of a meter."""

    medium: str
    valid_from: date | None
    valid_to: date | None
    parent_id: str | None


@dataclass(frozen=True)
class Known:
    """What the store knows; meters and batches by (site, identifier)."""

    sites: frozenset[str]
    meters: Mapping[tuple[str, str], KnownMeter]
    batches: Mapping[tuple[str, str], Decimal | None]
    vehicle_classes: frozenset[str]


@dataclass(frozen=True)
class _Check:
    """One file being checked."""

    kind: Kind
    known: Known
    file_name: str
    language: str
    default_site: str | None

    def problem(
        self,
        row: Row,
        column: str,
        reason: str,
        remedy: str,
        severity: Literal["error", "warning"] = "error",
    ) -> Problem:
        value = row.values.get(column)
        return Problem(
            self.file_name,
            row.number,
            column,
            None if value is None else str(value),
            text(reason, self.language),
            text(remedy, self.language),
            severity,
        )


def check_rows(
    kind: Kind,
    parsed: Parsed,
    known: Known,
    file_name: str,
    language: str,
    default_site: str | None,
) -> list[Problem]:
    """Return what typed rows contradict.

    Parameters
    ----------
    kind, parsed
        The rows.
    known
        What the store knows.
    file_name, language
        For the messages.
    default_site
        The site given with the file.

    Returns
    -------
    list of Problem
        Errors and warnings, in the order of the rows.
    """
    check = _Check(kind, known, file_name, language, default_site)
    found: list[Problem] = []
    if has_site(kind):
        found += [p for row in parsed.rows for p in _site(check, row)]
    if kind.name == "meters":
        found += _meters(check, parsed.rows)
    elif kind.name in ("meter_changes", "readings"):
        found += _metered(check, parsed.rows)
    elif kind.name == "outputs":
        found += _outputs(check, parsed.rows)
    elif kind.name in _ROW_CHECKS:
        found += [p for row in parsed.rows for p in _ROW_CHECKS[kind.name](check, row)]
    return sorted(found, key=lambda problem: problem.row or 0)


def _site(check: _Check, row: Row) -> list[Problem]:
    site = row.values["site"]
    if site in check.known.sites or (check.kind.name == "calendar" and site == COMMON_SITE):
        return []
    return [check.problem(row, "site", "没有这个站点", "请先导入站点文件（import site）")]


def _meters(check: _Check, rows: list[Row]) -> list[Problem]:
    here = {
        (str(r.values["site"]), str(r.values["meter_id"])): (
            str(r.values["medium"]),
            r.values["parent_id"],
        )
        for r in rows
    }
    before = {key: (m.medium, m.parent_id) for key, m in check.known.meters.items()}
    parents = before | here
    found = []
    for row in rows:
        found += _meter(check, row)
        parent = row.values["parent_id"]
        if parent is not None:
            key = (str(row.values["site"]), str(parent))
            if key not in parents:
                found.append(check.problem(row, "parent_id", "没有这块上级表", "请先录入上级表"))
            elif parents[key][0] != row.values["medium"]:
                found.append(check.problem(row, "parent_id", "上级表的介质不同", "请核对上级表"))
            elif _loops(parents, (key[0], str(row.values["meter_id"]))):
                found.append(check.problem(row, "parent_id", "上级关系成环", "请核对上级表"))
    return found


def _loops(parents: Mapping[tuple[str, str], tuple[str, object]], start: tuple[str, str]) -> bool:
    seen, at = {start}, start
    while (parent := parents.get(at, ("", None))[1]) is not None:
        at = (start[0], str(parent))
        if at in seen:
            return True
        seen.add(at)
    return False


def _meter(check: _Check, row: Row) -> list[Problem]:
    found, v = [], row.values
    medium = str(v["medium"])
    if v["unit"] not in MEDIUM_UNITS[medium]:
        found.append(check.problem(row, "unit", "单位与介质不符", "请核对单位"))
    if medium not in ROLE_MEDIA.get(str(v["role"]), ("electricity",)):
        found.append(check.problem(row, "role", "用途与介质不符", "请核对用途"))
    for name in ("step_min", "multiplier", "register_max", "rated_max_per_hour"):
        value = v[name]
        if isinstance(value, Decimal) and value <= 0:
            found.append(check.problem(row, name, "必须大于零", "请核对表计参数"))
    if _before(v["valid_to"], v["valid_from"]):
        found.append(check.problem(row, "valid_to", "早于启用日期", "请核对日期"))
    if v["reading_kind"] == "register" and v["rated_max_per_hour"] is None:
        reason = "没有小时上限，无法识别突增"
        found.append(check.problem(row, "rated_max_per_hour", reason, "请补上", "warning"))
    return found


def _before(last: object, first: object) -> bool:
    return isinstance(last, date) and isinstance(first, date) and last < first


def _metered(check: _Check, rows: list[Row]) -> list[Problem]:
    owners: dict[str, list[KnownMeter]] = {}
    for (site, meter_id), meter in check.known.meters.items():
        if check.default_site in (None, site):
            owners.setdefault(meter_id, []).append(meter)
    found = []
    for row in rows:
        meters = owners.get(str(row.values["meter_id"]), [])
        if not meters:
            found.append(check.problem(row, "meter_id", "没有这块表", "请先导入表计台账"))
        elif len(meters) > 1:
            found.append(
                check.problem(row, "meter_id", "多个站点有这个表号", "请用 --site 指明站点")
            )
        elif not _within(row.values["timestamp"], meters[0]):
            reason = "时间不在这块表的有效期内"
            remedy = "请核对表计的启用与停用日期"
            found.append(check.problem(row, "timestamp", reason, remedy))
    return found


def _within(moment: object, meter: KnownMeter) -> bool:
    """Tell whether a reading lies in [valid_from 00:00, valid_to 24:00] of its meter (R8)."""
    if not isinstance(moment, datetime):
        return False
    at = moment.replace(tzinfo=None)
    first, last = meter.valid_from, meter.valid_to
    early = first is not None and at < datetime(first.year, first.month, first.day)
    late = last is not None and at > datetime(last.year, last.month, last.day) + timedelta(days=1)
    return not early and not late


def _outputs(check: _Check, rows: list[Row]) -> list[Problem]:
    batches: dict[str, list[Decimal | None]] = {}
    for (site, batch_id), mass in check.known.batches.items():
        if check.default_site in (None, site):
            batches.setdefault(batch_id, []).append(mass)
    found: list[Problem] = []
    sums: dict[str, Decimal] = {}
    for row in rows:
        batch_id = str(row.values["batch_id"])
        if batch_id not in batches:
            found.append(check.problem(row, "batch_id", "没有这个批次", "请先导入拆解批次"))
            continue
        if len(batches[batch_id]) > 1:
            found.append(
                check.problem(row, "batch_id", "多个站点有这个批次", "请用 --site 指明站点")
            )
        whole = sums.get(batch_id, Decimal(0)) + (_decimal(row, "mass_t") or 0)
        sums[batch_id] = whole
        limit = batches[batch_id][0]
        if limit is not None and whole > limit * Decimal("1.0001"):
            reason = "产出大于投入"
            found.append(check.problem(row, "mass_t", reason, "请核对称重", "warning"))
    return found


def _trip(check: _Check, row: Row) -> list[Problem]:
    vehicle = row.values["vehicle_class"]
    if vehicle is None or vehicle in check.known.vehicle_classes:
        return []
    return [check.problem(row, "vehicle_class", "因子库没有这个车型", "请填写因子编号")]


def _job(check: _Check, row: Row) -> list[Problem]:
    start, end = row.values["start"], row.values["end"]
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return []
    if (start.tzinfo is None) == (end.tzinfo is None) and end > start:
        return []
    return [check.problem(row, "end", "结束不晚于开始", "请核对时间")]


def _device(check: _Check, row: Row) -> list[Problem]:
    if _before(row.values["in_service_to"], row.values["in_service_from"]):
        return [check.problem(row, "in_service_to", "早于投运日期", "请核对日期")]
    return []


def _calendar(check: _Check, row: Row) -> list[Problem]:
    if _before(row.values["date_to"], row.values["date_from"]):
        return [check.problem(row, "date_to", "早于开始日期", "请核对日期")]
    return []


def _decimal(row: Row, name: str) -> Decimal | None:
    value = row.values[name]
    return value if isinstance(value, Decimal) else None


def _price(check: _Check, row: Row) -> list[Problem]:
    volume, turnover, close = (_decimal(row, n) for n in ("volume_t", "turnover_cny", "close_cny"))
    if volume is None or turnover is None:
        return []
    if (volume == 0) != (turnover == 0):
        return [check.problem(row, "turnover_cny", "成交量与成交额不一致", "请核对来源")]
    if volume and close and not Decimal("0.6") <= turnover / volume / close <= Decimal("1.4"):
        reason = "均价与收盘价相差超过 40 %"
        return [check.problem(row, "close_cny", reason, "请核对来源", "warning")]
    return []


def _plan(check: _Check, row: Row) -> list[Problem]:
    year = row.values["year"]
    if isinstance(year, int) and 2000 <= year <= 2100:
        return []
    return [check.problem(row, "year", "年份不对", "请写成 2026")]


_ROW_CHECKS: Mapping[str, Callable[[_Check, Row], list[Problem]]] = {
    "trips": _trip,
    "jobs": _job,
    "devices": _device,
    "calendar": _calendar,
    "prices": _price,
    "plan": _plan,
}
