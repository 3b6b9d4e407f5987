"""The site document (TOML, CONTRACT §2) and the table of settings a site may have."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from data.ingest.problems import Problem, Refused
from translations import text

DEFAULT_ZONE = "Asia/Shanghai"
_ZONE_YEARS = range(2015, 2041)
_BASE_YEARS = (1990, 2100)
# Words that a table's reader takes for something else than a site.
_RESERVED = frozenset({"cn", "total", "subtotal", "example", "null"})


@dataclass(frozen=True)
class Setting:
    """A site setting: what it means, its default, what it may be."""

    name: str
    zh: str
    en: str
    kind: type
    default: object
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = float("inf")


_RESOURCES = (
    ("crane", "吊机", "Cranes"),
    ("environmental", "环保装置", "Environmental devices"),
    ("forklift", "叉车", "Forklifts"),
)
_LINES = (
    ("cable", "电缆", "cable"),
    ("conductor", "架空导线", "conductor"),
    ("transformer", "变压器", "transformer"),
)
_WEIGHTS = tuple(
    Setting(
        f"allocation_weight_{resource}_{line}",
        f"{zh}分摊权重（{line_zh}）",
        f"{en}: allocation weight ({line_en})",
        float,
        1.0,
    )
    for resource, zh, en in _RESOURCES
    for line, line_zh, line_en in _LINES
)

# flag_k of accounting.md §11: by source, default no, with methodology and evidence (D-7).
SOURCES = (
    *((name, f"{zh}拆解", f"{en} dismantling") for name, zh, en in _LINES),
    ("pv", "光伏", "PV"),
    ("charger", "充电桩", "chargers"),
    ("heat_pump", "地源热泵", "heat pump"),
)
_ELIGIBLE = tuple(
    Setting(f"{name}_{source}", f"{zh}（{source_zh}）", f"{en} ({source_en})", kind, default)
    for source, source_zh, source_en in SOURCES
    for name, zh, en, kind, default in (
        ("creditable", "适用方法学", "A methodology applies", bool, False),
        ("methodology", "方法学编号", "Methodology id", str, ""),
        ("evidence", "佐证材料编号", "Evidence id", str, ""),
    )
)

SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            "material_set", "材料因子集", "Material factor set", str, "CONS", ("CONS", "CN2026")
        ),
        Setting("include_copper", "合计中计入铜", "Copper counts in totals", bool, True),
        Setting("water_in_energy", "能耗中计入水", "Water counts as energy", bool, True),
        Setting("charger_resold", "充电转售", "Charging is resold", bool, False),
        Setting(
            "book_on",
            "替代量入账时点",
            "When substitution is booked",
            str,
            "dismantling",
            ("dismantling", "shipment"),
        ),
        Setting(
            "heating_baseline", "供热基准", "Heating baseline", str, "ac", ("ac", "gas", "district")
        ),
        Setting("return_trip_factor", "回程系数", "Return trip factor", float, 1.0, (), 1.0, 2.0),
        Setting("headcount_office", "办公人数", "Office headcount", float, None),
        Setting("headcount_plant", "厂区人数", "Plant headcount", float, None),
        Setting("tank_l", "油罐容量（L）", "Tank capacity (L)", float, None),
        Setting(
            "creditable",
            "全部拆解线存在适用方法学",
            "A methodology applies to all lines",
            bool,
            False,
        ),
        *_ELIGIBLE,
        *_WEIGHTS,
    )
}


@dataclass(frozen=True)
class Area:
    """A building's floor area, m2, and the days on which it holds."""

    building: str
    m2: float
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True)
class SiteDocument:
    """A site as its document describes it; settings hold every setting, defaults included."""

    site_id: str
    name_zh: str
    name_en: str
    province: str
    timezone: str
    commissioned_on: date | None
    base_year: int | None
    demo: bool
    areas: tuple[Area, ...]
    settings: Mapping[str, object]


class _Reader:
    """Reads one document and gathers what is wrong with it."""

    def __init__(self, file_name: str, language: str) -> None:
        self.file_name = file_name
        self.language = language
        self.problems: list[Problem] = []

    def problem(self, key: str, value: object, reason: str, remedy: str, **values: object) -> None:
        """Note a problem with a key."""
        shown = None if value is None else str(value)
        self.problems.append(
            Problem(
                self.file_name,
                None,
                key,
                shown,
                text(reason, self.language, **values),
                text(remedy, self.language, **values),
            )
        )

    def table(self, value: object, where: str) -> Mapping[str, object]:
        """Return a TOML table, an empty one where something else stands."""
        if isinstance(value, dict):
            return value
        self.problem(where, value, "类型不对", "这里要写成 TOML 的表，请对照模板")
        return {}

    def known(self, table: Mapping[str, object], allowed: set[str], where: str) -> None:
        """Refuse keys that nobody would read."""
        for key in table:
            if key in allowed:
                continue
            near = get_close_matches(key, sorted(allowed), 1)
            reason = "没有这个设置" if where else "没有这个表或键"
            if near:
                self.problem(
                    _path(where, key), table[key], reason, "是否要写 {near}？", near=near[0]
                )
            else:
                self.problem(_path(where, key), table[key], reason, "请核对手册中的设置表")

    def get(
        self, table: Mapping[str, object], key: str, kind: type, where: str, *, need: bool = False
    ) -> object:
        """Return a value of the wanted type, None where it is absent or wrong."""
        value = table.get(key)
        if value is None or (need and value == ""):
            if need:
                self.problem(_path(where, key), None, "缺少必填项", "请补上")
            return None
        if not _is_a(value, kind):
            remedy = "这里要写{kind}"
            self.problem(
                _path(where, key), value, "类型不对", remedy, kind=text(_TYPES[kind], self.language)
            )
            return None
        return float(str(value)) if kind is float else value


_TYPES = {str: "文字", bool: "true 或 false", int: "整数", float: "数字", date: "日期"}


def _is_a(value: object, kind: type) -> bool:
    """Tell whether TOML holds what is wanted: a boolean is no number, a time no date."""
    if kind is float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and math.isfinite(float(str(value)))
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) and not (kind is date and isinstance(value, datetime))


def _path(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


_SITE_KEYS = {
    "id", "name_zh", "name_en", "province", "timezone", "commissioned_on", "base_year", "demo",
}  # fmt: skip


def read_site(path: Path, language: str) -> SiteDocument:
    """Return a site document from its file.

    Raises
    ------
    Refused
        It is no TOML, a key is unknown, missing or has a wrong value.
    """
    try:
        body = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        reason = text("站点文件必须是 UTF-8 编码", language)
        remedy = text("请另存为 UTF-8", language)
        raise Refused((Problem(path.name, None, None, None, reason, remedy),)) from error
    return parse_site(body, path.name, language)


def parse_site(body: str, file_name: str, language: str) -> SiteDocument:
    """Return a site document from its text; see :func:`read_site`."""
    try:
        found = tomllib.loads(body)
    except tomllib.TOMLDecodeError as error:
        reason = text("不是有效的 TOML：{reason}", language, reason=error)
        remedy = text("请对照模板改正（import --template site）", language)
        raise Refused((Problem(file_name, None, None, None, reason, remedy),)) from error
    reader = _Reader(file_name, language)
    reader.known(found, {"site", "area", "settings", "demo"}, "")
    site = reader.table(found.get("site", {}), "site")
    reader.known(site, _SITE_KEYS, "site")
    document = _document(reader, found, site)
    if reader.problems:
        raise Refused(tuple(reader.problems))
    return document


def _document(
    reader: _Reader, found: Mapping[str, object], site: Mapping[str, object]
) -> SiteDocument:
    ident = str(reader.get(site, "id", str, "site", need=True) or "")
    if ident and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", ident):
        remedy = "请只用字母、数字、点、横线和下划线，最多 64 个"
        reader.problem("site.id", ident, "编号不能用", remedy)
    if ident.lower() in _RESERVED:
        reader.problem("site.id", ident, "这个词另有含义，不能作编号", "请改用别的编号")
    province = str(reader.get(site, "province", str, "site", need=True) or "")
    if province and not re.fullmatch(r"CN-[A-Z]{2}", province):
        reader.problem("site.province", province, "省份代码不对", "请写成 CN-HE 这样的代码")
    zone = str(reader.get(site, "timezone", str, "site") or DEFAULT_ZONE)
    _check_zone(reader, zone)
    commissioned = reader.get(site, "commissioned_on", date, "site")
    year = reader.get(site, "base_year", int, "site")
    if isinstance(year, int) and not _BASE_YEARS[0] <= year <= _BASE_YEARS[1]:
        reader.problem("site.base_year", year, "年份不合理", "请写成 2025")
    demo = reader.get(found, "demo", bool, "") or reader.get(site, "demo", bool, "site")
    return SiteDocument(
        site_id=ident,
        name_zh=str(reader.get(site, "name_zh", str, "site", need=True) or ""),
        name_en=str(reader.get(site, "name_en", str, "site") or ""),
        province=province,
        timezone=zone,
        commissioned_on=commissioned if isinstance(commissioned, date) else None,
        base_year=year if isinstance(year, int) else None,
        demo=bool(demo),
        areas=_areas(reader, found.get("area", [])),
        settings=_settings(reader, found.get("settings", {})),
    )


def _check_zone(reader: _Reader, zone: str) -> None:
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        reader.problem("site.timezone", zone, "没有这个时区", "请写成 Asia/Shanghai 这样的名称")
        return
    months = (datetime(y, m, 1, tzinfo=UTC) for y in _ZONE_YEARS for m in (1, 4, 7, 10))
    offsets = (month.astimezone(place).utcoffset() for month in months)
    if any(offset and offset.total_seconds() % 3600 for offset in offsets):
        reader.problem("site.timezone", zone, "时差不是整小时", "请选用整小时的时区")


def _areas(reader: _Reader, rows: object) -> tuple[Area, ...]:
    if not isinstance(rows, list):
        reader.problem("area", rows, "类型不对", "请写成 [[area]] 表")
        return ()
    found = []
    for place, entry in enumerate(rows, start=1):
        where = f"area[{place}]"
        row = reader.table(entry, where)
        reader.known(row, {"building", "m2", "valid_from", "valid_to"}, where)
        building = reader.get(row, "building", str, where, need=True)
        if building not in (None, "plant", "office"):
            reader.problem(f"{where}.building", building, "不在可选值之中", "请写 plant 或 office")
        m2 = reader.get(row, "m2", float, where, need=True)
        if isinstance(m2, float) and m2 < 0:
            reader.problem(f"{where}.m2", m2, "不能小于零", "请核对面积")
        since = reader.get(row, "valid_from", date, where, need=True)
        until = reader.get(row, "valid_to", date, where)
        if isinstance(since, date) and isinstance(m2, float):
            if isinstance(until, date) and until < since:
                reader.problem(f"{where}.valid_to", until, "早于启用日期", "请核对日期")
            last = until if isinstance(until, date) else None
            found.append(Area(str(building), m2, since, last))
    return tuple(found)


def _settings(reader: _Reader, given: object) -> dict[str, object]:
    table = reader.table(given, "settings")
    reader.known(table, set(SETTINGS), "settings")
    found: dict[str, object] = {}
    for name, setting in SETTINGS.items():
        value = reader.get(table, name, setting.kind, "settings")
        if isinstance(value, float) and not setting.low <= value <= setting.high:
            limits = f"{setting.low:g} – {setting.high:g}".replace("inf", "∞")
            remedy = "允许范围：{limits}"
            reader.problem(f"settings.{name}", value, "超出允许范围", remedy, limits=limits)
        if setting.choices and value is not None and value not in setting.choices:
            allowed = ", ".join(setting.choices)
            remedy = "请填写其中之一：{allowed}"
            reader.problem(f"settings.{name}", value, "不在可选值之中", remedy, allowed=allowed)
        found[name] = setting.default if value is None else value
    for source, _, _ in SOURCES:
        if found[f"creditable_{source}"] is not True:
            continue
        for name in (f"methodology_{source}", f"evidence_{source}"):
            if not str(found[name]).strip():
                remedy = "适用方法学须同时写明方法学编号和佐证材料编号"
                reader.problem(f"settings.{name}", None, "缺少必填项", remedy)
    return found
