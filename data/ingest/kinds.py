"""The kinds of import files and their columns (CONTRACT §2): one table for every use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

CellType = Literal["text", "number", "integer", "timestamp", "date", "month", "flag", "period"]

LINES = {"cable": "电缆", "conductor": "架空导线", "transformer": "变压器"}
SHARED_LINES = LINES | {"shared": "公用"}
MATERIALS = {
    "aluminium": "铝", "copper": "铜", "steel": "钢", "iron": "铁", "silicon_steel": "硅钢片",
    "transformer_oil": "变压器油", "plastic_pvc": "聚氯乙烯", "plastic_pe": "聚乙烯",
    "plastic_xlpe": "交联聚乙烯",
}  # fmt: skip
ENERGY_UNITS = {"kWh": Decimal(1), "MWh": Decimal(1000), "度": Decimal(1), "万kWh": Decimal(10000)}
MASS_UNITS = {"t": Decimal(1), "吨": Decimal(1), "kg": Decimal("0.001"), "千克": Decimal("0.001")}
VOLUME_UNITS = {"L": Decimal(1), "升": Decimal(1), "m3": Decimal(1000)}
LENGTH_UNITS = {"km": Decimal(1), "公里": Decimal(1), "m": Decimal("0.001"), "米": Decimal("0.001")}
NO_UNITS: Mapping[str, Decimal] = MappingProxyType({})
NO_CHOICES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Column:
    """A column: its names, what it holds, and between which limits.

    Parameters
    ----------
    name, zh
        The column's English and Chinese name.
    type
        What a cell holds.
    required
        Whether a row may leave it empty.
    choices
        Allowed values with their Chinese titles; empty where anything goes.
    default
        What an empty cell means; for a choice one of the choices.
    aliases
        Other headers seen in the field.
    units
        Units a header may carry, with the number that turns them into the column's own.
    minimum
        Lowest number allowed.
    """

    name: str
    zh: str
    type: CellType = "text"
    required: bool = False
    choices: Mapping[str, str] = field(default_factory=lambda: NO_CHOICES)
    default: object = None
    aliases: tuple[str, ...] = ()
    units: Mapping[str, Decimal] = field(default_factory=lambda: NO_UNITS)
    minimum: Decimal | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of file: its columns, and those that make a row's key."""

    name: str
    zh: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


def _of(name: str, zh: str, choices: Mapping[str, str], *, required: bool = False,
        default: object = None, aliases: tuple[str, ...] = ()) -> Column:  # fmt: skip
    return Column(name, zh, "text", required, choices, default, aliases)


def _number(name: str, zh: str, *, required: bool = False, units: Mapping[str, Decimal] = NO_UNITS,
            minimum: Decimal | None = Decimal(0), default: object = None,
            aliases: tuple[str, ...] = ()) -> Column:  # fmt: skip
    return Column(
        name, zh, "number", required, default=default, aliases=aliases, units=units,
        minimum=minimum,
    )  # fmt: skip


def _typed(name: str, zh: str, kind: CellType, *, required: bool = False,
           default: object = None, aliases: tuple[str, ...] = ()) -> Column:  # fmt: skip
    return Column(name, zh, kind, required, default=default, aliases=aliases)


_SITE = _typed("site", "站点", "text", required=True, aliases=("site_id", "站点编号"))
_METER = _typed(
    "meter_id", "表号", "text", required=True, aliases=("表计编号", "测点编码", "设备编号", "点号")
)
_BATCH = _typed("batch_id", "批次号", "text", required=True, aliases=("批次", "批号"))
_DATE = _typed("date", "日期", "date", required=True)

_KINDS = (
    Kind(
        "meters",
        "表计台账",
        (
            _METER,
            _SITE,
            _typed("name", "名称", "text", aliases=("表计名称",)),
            _of(
                "medium",
                "介质",
                {"electricity": "电", "water": "水", "heat": "热", "diesel": "柴油"},
                required=True,
            ),
            _of(
                "role",
                "用途",
                {
                    "grid_import": "电网购电",
                    "pv_generation": "光伏发电",
                    "pv_export": "光伏上网",
                    "charger": "充电桩",
                    "heat_pump": "热泵",
                    "heat_pump_heat": "热泵供热",
                    "consumer": "用能",
                },
                required=True,
            ),
            _of("building", "建筑", {"plant": "厂区", "office": "办公楼"}),
            _of(
                "group",
                "设备分组",
                {
                    "dismantling": "拆解设备",
                    "office": "办公设备",
                    "ac": "空调设备",
                    "other": "其他设备",
                },
            ),
            _of("line", "产线", SHARED_LINES),
            _of(
                "equipment",
                "设备",
                {
                    "cable_line": "电缆拆解设备",
                    "conductor_line": "架空导线拆解设备",
                    "transformer_bench": "变压器拆解台",
                    "crane": "吊机",
                    "environmental": "环保装置",
                    "sorting": "分拣设备",
                    "storage": "存储",
                },
            ),
            _typed("parent_id", "上级表号", "text", aliases=("上级表",)),
            _of(
                "unit",
                "单位",
                {"kWh": "千瓦时", "MWh": "兆瓦时", "m3": "立方米", "L": "升", "GJ": "吉焦"},
                required=True,
            ),
            _of(
                "reading_kind", "读数类型", {"register": "累计", "interval": "区间"}, required=True
            ),
            _number("multiplier", "倍率", default=Decimal(1)),
            _number("register_max", "满度值", aliases=("翻转值",)),
            _number("step_min", "周期", required=True, aliases=("采集周期", "周期（分钟）")),
            _number("rated_max_per_hour", "每小时上限", aliases=("小时上限",)),
            _typed("valid_from", "启用日期", "date"),
            _typed("valid_to", "停用日期", "date"),
        ),
        ("site", "meter_id"),
    ),
    Kind(
        "meter_changes",
        "换表记录",
        (
            _METER,
            _typed("timestamp", "时间", "timestamp", required=True, aliases=("换表时间",)),
            _number("old_end", "旧表止码", required=True, minimum=None),
            _number("new_start", "新表起码", required=True, minimum=None),
            _number("new_multiplier", "新倍率"),
        ),
        ("meter_id", "timestamp"),
    ),
    Kind(
        "readings",
        "读数",
        (
            _METER,
            _typed(
                "timestamp",
                "时间",
                "timestamp",
                required=True,
                aliases=("抄表时间", "采集时间", "ts"),
            ),
            _number(
                "value",
                "读数",
                required=True,
                minimum=None,
                units=ENERGY_UNITS | {"m3": Decimal(1)},
                aliases=("示数", "表码", "止码", "电量", "值"),
            ),
            _of(
                "quality",
                "质量",
                {"good": "好", "uncertain": "可疑", "bad": "坏", "manual": "人工"},
                default="good",
            ),
        ),
        ("meter_id", "timestamp"),
    ),
    Kind(
        "batches",
        "拆解批次",
        (
            _BATCH,
            _SITE,
            _DATE,
            _of("line", "产线", LINES, required=True, aliases=("类别",)),
            _typed("spec", "规格", "text", aliases=("规格型号",)),
            _number("mass_in_t", "投入质量", required=True, units=MASS_UNITS),
            _number("units", "台数"),
            _number("length_km", "长度", units=LENGTH_UNITS),
            _number("residue_t", "残余质量", units=MASS_UNITS),
        ),
        ("site", "batch_id"),
    ),
    Kind(
        "outputs",
        "产出物",
        (
            _BATCH,
            _of("material", "材料", MATERIALS, required=True),
            _number("mass_t", "质量", required=True, units=MASS_UNITS),
            _of(
                "fate",
                "去向",
                {
                    "sold": "销售",
                    "reused": "再利用",
                    "rerefined": "再精炼",
                    "burnt": "焚烧",
                    "disposed": "处置",
                },
            ),
        ),
        ("batch_id", "material", "fate"),
    ),
    Kind(
        "trips",
        "运输",
        (
            _typed("trip_id", "车次号", "text", required=True),
            _SITE,
            _DATE,
            _of("line", "产线", LINES, required=True),
            _of(
                "leg",
                "区段",
                {"collection": "收集", "transport": "运输", "outbound": "外运"},
                required=True,
            ),
            _number("tonnes", "吨数", required=True, units=MASS_UNITS),
            _number("km", "里程", required=True, units=LENGTH_UNITS),
            _typed("vehicle_class", "车型", "text"),
            _typed("own", "自有车辆", "flag", default=False),
            _number("litres", "油量", units=VOLUME_UNITS),
        ),
        ("site", "trip_id"),
    ),
    Kind(
        "fuel",
        "燃油",
        (
            _typed("fuel_id", "单号", "text", required=True),
            _SITE,
            _typed("timestamp", "时间", "timestamp", required=True),
            _number("litres", "油量", required=True, units=VOLUME_UNITS),
            _of("kind", "类型", {"use": "用油", "delivery": "进油", "dip": "液位"}, required=True),
            _of("consumer", "用油设备", {"forklift": "叉车", "stacker": "堆高车", "truck": "货车"}),
            _of("line", "产线", SHARED_LINES),
            _of("product", "油品", {"diesel": "柴油", "petrol": "汽油"}, default="diesel"),
        ),
        ("site", "fuel_id"),
    ),
    Kind(
        "vehicles",
        "车辆",
        (
            _typed("vehicle_id", "车辆", "text", required=True, aliases=("车牌号",)),
            _SITE,
            _typed("month", "月份", "month", required=True),
            _of(
                "class",
                "车辆类别",
                {"shuttle_bus": "班车", "official_car": "公务车"},
                required=True,
            ),
            _typed("new_energy", "新能源", "flag", required=True),
            _number("km", "里程", units=LENGTH_UNITS),
            _number("kwh", "充电量", units=ENERGY_UNITS),
        ),
        ("site", "vehicle_id", "month"),
    ),
    Kind(
        "devices",
        "设备",
        (
            _typed("device_id", "设备编号", "text", required=True),
            _SITE,
            _of(
                "kind",
                "类型",
                {"pv": "光伏", "charger": "充电桩", "heat_pump": "热泵"},
                required=True,
            ),
            _number("capacity", "容量", required=True),
            _of("unit", "单位", {"kWp": "千瓦峰值", "kW": "千瓦"}, required=True),
            _typed("in_service_from", "投运日期", "date", required=True),
            _typed("in_service_to", "退运日期", "date"),
        ),
        ("site", "device_id"),
    ),
    Kind(
        "jobs",
        "作业",
        (
            _typed("job_id", "作业号", "text", required=True),
            _SITE,
            _of(
                "equipment",
                "设备",
                {"crane": "吊机", "environmental": "环保装置", "forklift": "叉车"},
                required=True,
            ),
            _typed("start", "开始", "timestamp", required=True),
            _typed("end", "结束", "timestamp", required=True),
            _of("line", "产线", LINES, required=True),
            _number("lifted_t", "吊重", units=MASS_UNITS),
        ),
        ("site", "job_id"),
    ),
    Kind(
        "prices",
        "行情",
        (
            _DATE,
            _of("instrument", "品种", {"CCER": "核证自愿减排量", "CEA": "碳配额"}, required=True),
            _number("volume_t", "成交量", required=True),
            _number("turnover_cny", "成交额", required=True),
            _number("close_cny", "收盘价"),
            _typed("source", "来源", "text"),
        ),
        ("date", "instrument"),
    ),
    Kind(
        "targets",
        "目标",
        (
            _SITE,
            _typed("indicator", "指标", "text", required=True),
            _typed("dimension", "维度", "text", required=True),
            _typed("entity", "对象", "text", required=True),
            _typed("period", "期间", "period", required=True),
            _number("value", "数值", required=True, minimum=None),
            _of(
                "kind",
                "类型",
                {"target": "目标", "quota": "配额", "budget": "预算"},
                default="target",
            ),
            _typed("source", "来源", "text"),
        ),
        ("site", "indicator", "dimension", "entity", "period", "kind"),
    ),
    Kind(
        "plan",
        "计划",
        (
            _SITE,
            _of("line", "产线", LINES, required=True),
            _typed("year", "年份", "integer", required=True),
            _number("mass_in_t", "投入质量", required=True, units=MASS_UNITS),
        ),
        ("site", "line", "year"),
    ),
    Kind(
        "calendar",
        "日历",
        (
            _SITE,
            _typed("date_from", "开始日期", "date", required=True),
            _typed("date_to", "结束日期", "date", required=True),
            _of(
                "kind",
                "类型",
                {"holiday": "假日", "workday": "工作日", "shutdown": "停工"},
                required=True,
            ),
            _typed("note", "备注", "text"),
        ),
        ("site", "date_from", "kind"),
    ),
    Kind(
        "site_months",
        "月度信息",
        (
            _SITE,
            _typed("month", "月份", "month", required=True),
            _number("headcount_plant", "厂区人数"),
            _number("headcount_office", "办公人数"),
            _number("green_kwh", "绿电", units=ENERGY_UNITS),
            _number("gec_sold_kwh", "售出绿证电量", units=ENERGY_UNITS),
            _number("outdoor_mean_c", "室外均温", minimum=None),
        ),
        ("site", "month"),
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _KINDS})


def has_site(kind: Kind) -> bool:
    """Tell whether a kind's rows name their site themselves."""
    return any(column.name == "site" for column in kind.columns)
