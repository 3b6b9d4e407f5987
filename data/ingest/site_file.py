"""The site document (TOML, CONTRACT §2) and the table of settings a site may have."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from data.ingest.problems import Problem, Refused
from translations import text

DEFAULT_ZONE = "Asia/Shanghai"


@dataclass(frozen=True)
class Setting:
    """A site setting: what it means, its default, what it may be."""

    name: str
    zh: str
    kind: type
    default: object
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = float("inf")


_WEIGHTS = tuple(
    Setting(f"allocation_weight_{resource}_{line}", f"{zh}分摊权重（{line_zh}）", float, 1.0)
    for resource, zh in (("crane", "吊机"), ("environmental", "环保装置"), ("forklift", "叉车"))
    for line, line_zh in (("cable", "电缆"), ("conductor", "架空导线"), ("transformer", "变压器"))
)

SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("material_set", "材料因子集", str, "CONS", ("CONS", "CN2026")),
        Setting("include_copper", "合计中计入铜", bool, True),
        Setting("water_in_energy", "能耗中计入水", bool, True),
        Setting("charger_resold", "充电转售", bool, False),
        Setting("book_on", "替代量入账时点", str, "dismantling", ("dismantling", "shipment")),
        Setting("heating_baseline", "供热基准", str, "ac", ("ac", "gas", "district")),
        Setting("return_trip_factor", "回程系数", float, 1.0, (), 1.0, 2.0),
        Setting("headcount_office", "办公人数", float, None),
        Setting("headcount_plant", "厂区人数", float, None),
        Setting("creditable", "存在适用方法学", bool, False),
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

    def problem(self, key: str, value: object, reason: str, remedy: str) -> None:
        """Note a problem with a key."""
        shown = None if value is None else str(value)
        self.problems.append(
            Problem(
                self.file_name,
                None,
                key,
                shown,
                text(reason, self.language),
                text(remedy, self.language),
            )
        )

    def known(self, table: Mapping[str, object], allowed: set[str], where: str) -> None:
        """Refuse keys that nobody would read."""
        for key in table:
            if key not in allowed:
                self.problem(f"{where}.{key}", table[key], "没有这个设置", "请核对手册中的设置表")

    def get(
        self, table: Mapping[str, object], key: str, kind: type, where: str, *, need: bool = False
    ) -> object:
        """Return a value of the wanted type, None where it is absent or wrong."""
        value = table.get(key)
        if value is None:
            if need:
                self.problem(f"{where}.{key}", None, "缺少必填项", "请补上")
            return None
        number = kind is float and isinstance(value, int) and not isinstance(value, bool)
        wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        if wrong and not number:
            self.problem(f"{where}.{key}", value, "类型不对", "请核对手册中的设置表")
            return None
        return float(str(value)) if kind is float else value


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
    site = found.get("site", {})
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
        reader.problem("site.id", ident, "编号只能用字母、数字、点、横线", "请改用短编号")
    province = str(reader.get(site, "province", str, "site", need=True) or "")
    if province and not re.fullmatch(r"CN-[A-Z]{2}", province):
        reader.problem("site.province", province, "省份代码不对", "请写成 CN-HE 这样的代码")
    zone = str(reader.get(site, "timezone", str, "site") or DEFAULT_ZONE)
    _check_zone(reader, zone)
    commissioned = reader.get(site, "commissioned_on", date, "site")
    year = reader.get(site, "base_year", int, "site")
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
    except (ZoneInfoNotFoundError, ValueError):
        reader.problem("site.timezone", zone, "没有这个时区", "请写成 Asia/Shanghai 这样的名称")
        return
    offset = datetime(2026, 1, 1, tzinfo=UTC).astimezone(place).utcoffset()
    if offset is not None and offset.total_seconds() % 3600:
        reader.problem("site.timezone", zone, "时差不是整小时", "请选用整小时的时区")


def _areas(reader: _Reader, rows: object) -> tuple[Area, ...]:
    if not isinstance(rows, list):
        reader.problem("area", rows, "类型不对", "请写成 [[area]] 表")
        return ()
    found = []
    for place, row in enumerate(rows, start=1):
        where = f"area[{place}]"
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


def _settings(reader: _Reader, table: object) -> dict[str, object]:
    if not isinstance(table, dict):
        reader.problem("settings", table, "类型不对", "请写成 [settings] 表")
        return {}
    reader.known(table, set(SETTINGS), "settings")
    found: dict[str, object] = {}
    for name, setting in SETTINGS.items():
        value = reader.get(table, name, setting.kind, "settings")
        if isinstance(value, float) and not setting.low <= value <= setting.high:
            reader.problem(f"settings.{name}", value, "超出允许范围", "请核对手册中的设置表")
        if setting.choices and value is not None and value not in setting.choices:
            reader.problem(f"settings.{name}", value, "不在可选值之中", "请核对手册中的设置表")
        found[name] = setting.default if value is None else value
    return found
