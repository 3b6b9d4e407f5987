"""Rows against what is known: sites, meters, batches and each other (CONTRACT §2, R8, R20)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from data.ingest.columns import METER_UNITS
from data.ingest.headers import folded
from data.ingest.kinds import Kind, has_site
from data.ingest.known import Check, Known, KnownMeter
from data.ingest.price_checks import prices
from data.ingest.problems import Problem
from data.ingest.row_checks import ROW_CHECKS, before, decimal
from data.ingest.rows import Parsed, Row

__all__ = ["Known", "KnownMeter", "check_rows"]

MEDIUM_UNITS = {
    "electricity": ("kWh", "MWh"),
    "water": ("m3", "L"),
    "heat": ("GJ", "kWh", "MWh"),
    "diesel": ("L",),
}
ROLE_MEDIA = {"heat_pump_heat": ("heat",), "consumer": ("electricity", "water", "diesel", "heat")}
COMMON_SITE = "CN"
_MORE_THAN_IN = Decimal("1.0001")
_SAME_UNIT = {"立方米": "m3", "升": "L"}


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

    References
    ----------
    accounting.md §16 R5 (limits and roll-over of registers), R8 (validity), R20 (mass balance).
    """
    check = Check(kind, known, file_name, language, default_site)
    found: list[Problem] = []
    if has_site(kind):
        found += [p for row in parsed.rows for p in _site(check, row)]
    if kind.name == "meters":
        found += _meters(check, parsed.rows)
    elif kind.name in ("meter_changes", "readings"):
        found += _metered(check, parsed)
    elif kind.name == "outputs":
        found += _outputs(check, parsed.rows)
    elif kind.name == "prices":
        found += prices(check, parsed.rows)
    elif kind.name in ROW_CHECKS:
        found += [p for row in parsed.rows for p in ROW_CHECKS[kind.name](check, row)]
    return sorted(found, key=lambda problem: problem.row or 0)


def _site(check: Check, row: Row) -> list[Problem]:
    site = row.values["site"]
    if site in check.known.sites or (check.kind.name == "calendar" and site == COMMON_SITE):
        return []
    return [check.problem(row, "site", "没有这个站点", "请先导入站点文件（import site）")]


Meters = Mapping[tuple[str, str], tuple[str, object]]


def _meters(check: Check, rows: Sequence[Row]) -> list[Problem]:
    """Check meters; of one meter the later line counts, so parents are those after the file."""
    here = {
        (str(r.values["site"]), str(r.values["meter_id"])): (
            str(r.values["medium"]),
            r.values["parent_id"],
        )
        for r in rows
    }
    meters = {key: (m.medium, m.parent_id) for key, m in check.known.meters.items()} | here
    return [
        problem
        for row in rows
        for problem in (*_meter(check, row), *_register(check, row), *_parent(check, row, meters))
    ]


def _parent(check: Check, row: Row, meters: Meters) -> list[Problem]:
    site, parent = str(row.values["site"]), row.values["parent_id"]
    if parent is None:
        return []
    found = meters.get((site, str(parent)))
    if found is None:
        elsewhere = sorted(other for other, name in meters if name == parent)
        if elsewhere:
            reason = "上级表属于另一个站点（{site}）"
            return [
                check.problem(
                    row, "parent_id", reason, "上级表必须在同一站点", site=", ".join(elsewhere)
                )
            ]
        return [check.problem(row, "parent_id", "没有这块上级表", "请先录入上级表")]
    if found[0] != row.values["medium"]:
        return [check.problem(row, "parent_id", "上级表的介质不同", "请核对上级表")]
    if _loops(meters, (site, str(row.values["meter_id"]))):
        return [check.problem(row, "parent_id", "上级关系成环", "请核对上级表")]
    return []


def _loops(parents: Meters, start: tuple[str, str]) -> bool:
    seen, at = {start}, start
    while (parent := parents.get(at, ("", None))[1]) is not None:
        at = (start[0], str(parent))
        if at in seen:
            return True
        seen.add(at)
    return False


def _meter(check: Check, row: Row) -> list[Problem]:
    found, v = [], row.values
    medium = str(v["medium"])
    if v["unit"] not in MEDIUM_UNITS[medium]:
        units = ", ".join(MEDIUM_UNITS[medium])
        remedy = "这种介质可用的单位：{units}"
        found.append(check.problem(row, "unit", "单位与介质不符", remedy, units=units))
    if medium not in ROLE_MEDIA.get(str(v["role"]), ("electricity",)):
        found.append(check.problem(row, "role", "用途与介质不符", "请核对用途"))
    for name in ("step_min", "multiplier", "register_max", "rated_max_per_hour"):
        value = decimal(row, name)
        if value is not None and value <= 0:
            found.append(check.problem(row, name, "必须大于零", "请核对表计参数"))
        elif name == "step_min" and value is not None and value % 1:
            found.append(check.problem(row, name, "周期必须是整分钟", "请填写整数，例如 15"))
    if before(v["valid_to"], v["valid_from"]):
        found.append(check.problem(row, "valid_to", "早于启用日期", "请核对日期"))
    return found


def _register(check: Check, row: Row) -> list[Problem]:
    """Warn of a register whose spikes or roll-over nobody will recognise (R5)."""
    if row.values["reading_kind"] != "register":
        return []
    found = []
    if row.values["rated_max_per_hour"] is None:
        reason, remedy = "没有小时上限，无法识别突增", "请填写每小时最多的用量"
        found.append(check.problem(row, "rated_max_per_hour", reason, remedy, warning="no_limit"))
    if row.values["register_max"] is None:
        reason, remedy = "没有满度值，翻转会被当作清零", "请填写表上显示不出的第一个数"
        found.append(check.problem(row, "register_max", reason, remedy, warning="no_rollover"))
    return found


def _metered(check: Check, parsed: Parsed) -> list[Problem]:
    owners: dict[str, list[tuple[str, KnownMeter]]] = {}
    for (site, meter_id), meter in check.known.meters.items():
        if check.default_site in (None, site):
            owners.setdefault(meter_id, []).append((site, meter))
    header_unit = parsed.units.get("value", "")
    found, compared = [], set()
    for row in parsed.rows:
        meter_id = str(row.values["meter_id"])
        meters = owners.get(meter_id, [])
        if not meters:
            found.append(check.problem(row, "meter_id", "没有这块表", "请先导入表计台账"))
            continue
        if len(meters) > 1:
            reason = "多个站点有这个表号"
            found.append(check.problem(row, "meter_id", reason, "请用 --site 指明站点"))
            continue
        found += _validity(check, row, *meters[0])
        if header_unit and meter_id not in compared:
            compared.add(meter_id)
            found += _header_unit(check, row, meters[0][1], header_unit)
    return found


def _validity(check: Check, row: Row, site: str, meter: KnownMeter) -> list[Problem]:
    """Refuse a reading outside [valid_from 00:00, valid_to 24:00] of its meter (R8)."""
    moment = row.values["timestamp"]
    if not isinstance(moment, datetime):
        return []
    at, first, last = check.known.local(moment, site), meter.valid_from, meter.valid_to
    early = first is not None and at < datetime(first.year, first.month, first.day)
    late = last is not None and at > datetime(last.year, last.month, last.day) + timedelta(days=1)
    if not early and not late:
        return []
    reason = "时间不在这块表的有效期内（{first} 至 {last}）"
    remedy = "请核对表计的启用与停用日期"
    return [check.problem(row, "timestamp", reason, remedy, first=first or "…", last=last or "…")]


def _header_unit(check: Check, row: Row, meter: KnownMeter, unit: str) -> list[Problem]:
    """Compare the header's unit with the meter's: a reading is in the unit of its meter."""
    base = _base_unit(unit)
    if meter.unit and meter.unit != base:
        reason = "表头单位 {unit} 换算成 {base}，而台账中这块表的单位是 {own}"
        remedy = "请去掉表头里的单位，读数按台账的单位填写"
        return [check.problem(row, "meter_id", reason, remedy, unit=unit, base=base,
                              own=meter.unit)]  # fmt: skip
    if not meter.unit:
        reason = "表头单位 {unit} 已换算成 {base}"
        remedy = "请核对台账中这块表的单位"
        return [
            check.problem(
                row, "meter_id", reason, remedy, warning="header_unit", unit=unit, base=base
            )
        ]
    return []


def _base_unit(unit: str) -> str:
    """Return the unit that numbers under a header's unit are turned into."""
    named = {folded(name): name for name in METER_UNITS}[folded(unit)]
    return _SAME_UNIT.get(named, named if named in ("m3", "L", "GJ") else "kWh")


def _outputs(check: Check, rows: Sequence[Row]) -> list[Problem]:
    batches: dict[str, list[tuple[str, str]]] = {}
    for key in check.known.batches:
        if check.default_site in (None, key[0]):
            batches.setdefault(key[1], []).append(key)
    found: list[Problem] = []
    parts: dict[str, dict[tuple[object, object], Decimal]] = {}
    last: dict[str, Row] = {}
    for row in rows:
        batch_id = str(row.values["batch_id"])
        owners = batches.get(batch_id, [])
        if not owners:
            found.append(check.problem(row, "batch_id", "没有这个批次", "请先导入拆解批次"))
        elif len(owners) > 1:
            reason = "多个站点有这个批次"
            found.append(check.problem(row, "batch_id", reason, "请用 --site 指明站点"))
        else:
            part = row.values["material"], row.values["fate"]
            parts.setdefault(batch_id, {})[part] = decimal(row, "mass_t") or Decimal(0)
            last[batch_id] = row
    for batch_id, row in last.items():
        found += _balance(check, row, batches[batch_id][0], sum(parts[batch_id].values()))
    return found


def _balance(check: Check, row: Row, key: tuple[str, str], out: Decimal | int) -> list[Problem]:
    """Warn of a batch that gives more than it took; the accounting leaves it out (R20)."""
    mass_in = check.known.batches[key]
    whole = out + check.known.residues.get(key, Decimal(0))
    if mass_in is None or whole <= mass_in * _MORE_THAN_IN:
        return []
    reason = "产出与残余共 {whole} t，大于投入 {mass_in} t"
    return [
        check.problem(
            row, "batch_id", reason, "请核对称重", warning="balance", whole=whole, mass_in=mass_in
        )
    ]
