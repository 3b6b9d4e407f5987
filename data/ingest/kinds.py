"""The kinds of import files and their columns (CONTRACT §2): one table for every use."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from data.ingest.columns import (
    CELSIUS_UNITS,
    ENERGY_UNITS,
    LENGTH_UNITS,
    MASS_UNITS,
    METER_UNITS,
    MINUTE_UNITS,
    MONEY_UNITS,
    PEOPLE_UNITS,
    PIECE_UNITS,
    PRICE_UNITS,
    VOLUME_UNITS,
    CellType,
    Column,
    Kind,
    choice,
    quantity,
    typed,
)

__all__ = ["KINDS", "CellType", "Column", "Kind", "has_site"]

LINES = {"cable": "电缆", "conductor": "架空导线", "transformer": "变压器"}
SHARED_LINES = LINES | {"shared": "公用"}
ROLES = {
    "grid_import": "电网购电", "pv_generation": "光伏发电", "pv_export": "光伏上网",
    "charger": "充电桩", "heat_pump": "热泵", "heat_pump_heat": "热泵供热", "consumer": "用能",
}  # fmt: skip
GROUPS = {
    "dismantling": "拆解设备", "office": "办公设备", "ac": "空调设备", "other": "其他设备",
}  # fmt: skip
EQUIPMENT = {
    "cable_line": "电缆拆解设备", "conductor_line": "架空导线拆解设备",
    "transformer_bench": "变压器拆解台", "crane": "吊机", "environmental": "环保装置",
    "sorting": "分拣设备", "storage": "存储",
}  # fmt: skip
FATES = {
    "sold": "销售", "reused": "再利用", "rerefined": "再精炼", "burnt": "焚烧",
    "disposed": "处置",
}  # fmt: skip
MATERIALS = {
    "aluminium": "铝", "copper": "铜", "steel": "钢", "iron": "铁", "silicon_steel": "硅钢片",
    "transformer_oil": "变压器油", "plastic_pvc": "聚氯乙烯", "plastic_pe": "聚乙烯",
    "plastic_xlpe": "交联聚乙烯",
}  # fmt: skip

_SITE = typed(
    "site",
    "站点",
    "text",
    required=True,
    aliases=("site_id", "站点编号"),
    meaning="站点文件中的编号；整个文件属于一个站点时可用 --site 代替",
)
_METER = typed(
    "meter_id", "表号", "text", required=True, aliases=("表计编号", "测点编码", "设备编号", "点号")
)
_BATCH = typed("batch_id", "批次号", "text", required=True, aliases=("批次", "批号"))
_DATE = typed("date", "日期", "date", required=True)

_KINDS = (
    Kind(
        "meters",
        "表计台账",
        (
            _METER,
            _SITE,
            typed("name", "名称", "text", aliases=("表计名称",)),
            choice(
                "medium",
                "介质",
                {"electricity": "电", "water": "水", "heat": "热", "diesel": "柴油"},
                required=True,
            ),
            choice("role", "用途", ROLES, required=True),
            choice("building", "建筑", {"plant": "厂区", "office": "办公楼"}),
            choice("group", "设备分组", GROUPS, aliases=("分组",)),
            choice("line", "产线", SHARED_LINES),
            choice("equipment", "设备", EQUIPMENT),
            typed(
                "parent_id",
                "上级表号",
                "text",
                aliases=("上级表",),
                meaning="同一站点、同一介质的上级表的表号",
            ),
            choice(
                "unit",
                "单位",
                {"kWh": "千瓦时", "MWh": "兆瓦时", "m3": "立方米", "L": "升", "GJ": "吉焦"},
                required=True,
            ),
            choice(
                "reading_kind",
                "读数类型",
                {"register": "累计", "interval": "区间"},
                required=True,
                aliases=("读数方式", "抄表方式"),
            ),
            quantity("multiplier", "倍率", default=Decimal(1), meaning="读数乘以倍率才是用量"),
            quantity(
                "register_max",
                "满度值",
                aliases=("翻转值",),
                meaning="表上显示不出的第一个数，例如六位表写 1000000",
            ),
            quantity(
                "step_min",
                "周期",
                required=True,
                units=MINUTE_UNITS,
                aliases=("采集周期", "采集间隔"),
                meaning="两次读数相隔的分钟数",
            ),
            quantity(
                "rated_max_per_hour",
                "每小时上限",
                aliases=("小时上限",),
                meaning="乘过倍率后每小时最多的用量；不填就无法识别突增",
            ),
            typed("valid_from", "启用日期", "date", meaning="从当日 00:00 起的读数有效"),
            typed("valid_to", "停用日期", "date", meaning="到当日 24:00 止的读数有效"),
        ),
        ("site", "meter_id"),
        "valid_from",
    ),
    Kind(
        "meter_changes",
        "换表记录",
        (
            _METER,
            typed("timestamp", "时间", "timestamp", required=True, aliases=("换表时间",)),
            quantity("old_end", "旧表止码", required=True, minimum=None),
            quantity("new_start", "新表起码", required=True, minimum=None),
            quantity("new_multiplier", "新倍率", meaning="不填表示倍率不变"),
        ),
        ("meter_id", "timestamp"),
        "timestamp",
    ),
    Kind(
        "readings",
        "读数",
        (
            _METER,
            typed(
                "timestamp",
                "时间",
                "timestamp",
                required=True,
                aliases=("抄表时间", "采集时间", "ts"),
            ),
            quantity(
                "value",
                "读数",
                required=True,
                minimum=None,
                units=METER_UNITS,
                meaning="累计表填表上的示数，区间表填这一区间的用量",
                aliases=("示数", "表码", "止码", "电量", "值"),
            ),
            choice(
                "quality",
                "质量",
                {"good": "好", "uncertain": "可疑", "bad": "坏", "manual": "人工"},
                default="good",
            ),
        ),
        ("meter_id", "timestamp"),
        "timestamp",
    ),
    Kind(
        "batches",
        "拆解批次",
        (
            _BATCH,
            _SITE,
            _DATE,
            choice("line", "产线", LINES, required=True, aliases=("类别",)),
            typed("spec", "规格", "text", aliases=("规格型号",)),
            quantity("mass_in_t", "投入质量", required=True, units=MASS_UNITS),
            quantity("units", "台数", units=PIECE_UNITS),
            quantity("length_km", "长度", units=LENGTH_UNITS),
            quantity(
                "residue_t",
                "残余质量",
                units=MASS_UNITS,
                meaning="没有成为产出物的质量；不填按 0 计",
            ),
        ),
        ("site", "batch_id"),
        "date",
    ),
    Kind(
        "outputs",
        "产出物",
        (
            _BATCH,
            choice("material", "材料", MATERIALS, required=True, aliases=("产物", "产出物")),
            quantity("mass_t", "质量", required=True, units=MASS_UNITS),
            choice(
                "fate",
                "去向",
                FATES,
                meaning="不填时变压器油按再精炼，其余按销售",
            ),
        ),
        ("batch_id", "material", "fate"),
    ),
    Kind(
        "trips",
        "运输",
        (
            typed("trip_id", "车次号", "text", required=True, aliases=("运输单号", "运单号")),
            _SITE,
            _DATE,
            choice("line", "产线", LINES, required=True),
            choice(
                "leg",
                "区段",
                {"collection": "收集", "transport": "运输", "outbound": "外运"},
                required=True,
            ),
            quantity("tonnes", "吨数", required=True, units=MASS_UNITS),
            quantity("km", "里程", required=True, units=LENGTH_UNITS, aliases=("公里", "公里数")),
            typed(
                "vehicle_class",
                "车型",
                "text",
                meaning="因子库中的运输因子编号；不填按区段取默认值",
            ),
            typed("own", "自有车辆", "flag", default=False),
            quantity("litres", "油量", units=VOLUME_UNITS, meaning="只用于自有车辆"),
        ),
        ("site", "trip_id"),
        "date",
    ),
    Kind(
        "fuel",
        "燃油",
        (
            typed("fuel_id", "单号", "text", required=True, aliases=("油单号", "加油单号")),
            _SITE,
            typed("timestamp", "时间", "timestamp", required=True),
            quantity(
                "litres", "油量", required=True, units=VOLUME_UNITS, aliases=("升数", "加油量")
            ),
            choice(
                "kind", "类型", {"use": "用油", "delivery": "进油", "dip": "液位"}, required=True
            ),
            choice(
                "consumer", "用油设备", {"forklift": "叉车", "stacker": "堆高车", "truck": "货车"}
            ),
            choice("line", "产线", SHARED_LINES),
            choice("product", "油品", {"diesel": "柴油", "petrol": "汽油"}, default="diesel"),
        ),
        ("site", "fuel_id"),
        "timestamp",
    ),
    Kind(
        "vehicles",
        "车辆",
        (
            typed("vehicle_id", "车辆", "text", required=True, aliases=("车牌号", "车辆编号")),
            _SITE,
            typed("month", "月份", "month", required=True),
            choice(
                "class",
                "车辆类别",
                {"shuttle_bus": "班车", "official_car": "公务车"},
                required=True,
                aliases=("车型",),
            ),
            typed("new_energy", "新能源", "flag", required=True),
            quantity("km", "里程", units=LENGTH_UNITS, aliases=("公里", "公里数")),
            quantity("kwh", "充电量", units=ENERGY_UNITS),
        ),
        ("site", "vehicle_id", "month"),
        "month",
    ),
    Kind(
        "devices",
        "设备",
        (
            typed("device_id", "设备编号", "text", required=True),
            _SITE,
            choice(
                "kind",
                "类型",
                {"pv": "光伏", "charger": "充电桩", "heat_pump": "热泵"},
                required=True,
            ),
            quantity("capacity", "容量", required=True),
            choice("unit", "单位", {"kWp": "千瓦峰值", "kW": "千瓦"}, required=True),
            typed("in_service_from", "投运日期", "date", required=True),
            typed("in_service_to", "退运日期", "date"),
        ),
        ("site", "device_id"),
        "in_service_from",
    ),
    Kind(
        "jobs",
        "作业",
        (
            typed("job_id", "作业号", "text", required=True, aliases=("作业编号",)),
            _SITE,
            choice(
                "equipment",
                "设备",
                {"crane": "吊机", "environmental": "环保装置", "forklift": "叉车"},
                required=True,
            ),
            typed("start", "开始", "timestamp", required=True),
            typed("end", "结束", "timestamp", required=True),
            choice("line", "产线", LINES, required=True),
            quantity("lifted_t", "吊重", units=MASS_UNITS, aliases=("吊装吨数",)),
        ),
        ("site", "job_id"),
        "start",
    ),
    Kind(
        "prices",
        "行情",
        (
            _DATE,
            choice(
                "instrument", "品种", {"CCER": "核证自愿减排量", "CEA": "碳配额"}, required=True
            ),
            quantity("volume_t", "成交量", required=True, units=MASS_UNITS),
            quantity(
                "turnover_cny",
                "成交额",
                required=True,
                units=MONEY_UNITS,
                may_be_blank=True,
                meaning="成交量为 0 时可以不填",
            ),
            quantity("close_cny", "收盘价", units=PRICE_UNITS),
            typed("source", "来源", "text"),
        ),
        ("date", "instrument"),
        "date",
    ),
    Kind(
        "targets",
        "目标",
        (
            _SITE,
            typed("indicator", "指标", "text", required=True),
            typed("dimension", "维度", "text", required=True),
            typed("entity", "对象", "text", required=True),
            typed("period", "期间", "period", required=True, meaning="年或月：2026 或 2026-07"),
            quantity("value", "数值", required=True, minimum=None),
            choice(
                "kind",
                "类型",
                {"target": "目标", "quota": "配额", "budget": "预算"},
                default="target",
            ),
            typed("source", "来源", "text"),
        ),
        ("site", "indicator", "dimension", "entity", "period", "kind"),
        "period",
    ),
    Kind(
        "plan",
        "计划",
        (
            _SITE,
            choice("line", "产线", LINES, required=True),
            typed("year", "年份", "integer", required=True),
            quantity("mass_in_t", "投入质量", required=True, units=MASS_UNITS),
        ),
        ("site", "line", "year"),
        "year",
    ),
    Kind(
        "calendar",
        "日历",
        (
            _SITE,
            typed("date_from", "开始日期", "date", required=True),
            typed("date_to", "结束日期", "date", required=True),
            choice(
                "kind",
                "类型",
                {"holiday": "假日", "workday": "工作日", "shutdown": "停工"},
                required=True,
            ),
            typed("note", "备注", "text", aliases=("说明",)),
        ),
        ("site", "date_from", "kind"),
        "date_from",
    ),
    Kind(
        "site_months",
        "月度信息",
        (
            _SITE,
            typed("month", "月份", "month", required=True),
            quantity("headcount_plant", "厂区人数", units=PEOPLE_UNITS),
            quantity("headcount_office", "办公人数", units=PEOPLE_UNITS),
            quantity("green_kwh", "绿电", units=ENERGY_UNITS),
            quantity("gec_sold_kwh", "售出绿证电量", units=ENERGY_UNITS),
            quantity("outdoor_mean_c", "室外均温", units=CELSIUS_UNITS, minimum=None),
        ),
        ("site", "month"),
        "month",
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _KINDS})


def has_site(kind: Kind) -> bool:
    """Tell whether a kind's rows name their site themselves."""
    return any(column.name == "site" for column in kind.columns)
