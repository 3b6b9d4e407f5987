"""The accounting basis as data, read from the code that computes with it.

What an indicator is, which factors it uses, which settings change it: all of it is asked of the
tables and functions that settle a month, so that a description cannot be out of date. Sentences
are Chinese keys of the catalogue, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import pandas as pd

from accounting.amount import FLAGS, QUALITIES
from accounting.emission import Basis
from accounting.factors import Factor, FactorLibrary
from accounting.formulas import formula
from accounting.inputs import Area, Site, SiteMonth
from accounting.ledger import Figure, Indicator, indicators
from accounting.montecarlo import DRAWS, SEED
from accounting.products import REUSED_SHEET, SETS, Pair, verdicts
from accounting.revenue import market_month
from accounting.settlement import METHOD, site_month
from accounting.uncertainty import DEFAULTS
from accounting.years import FORMULA as YEAR_FORMULA
from data.ingest.site_file import SETTINGS, Setting
from data.views import VIEWS

PROVINCE = "CN-HE"
MONTHS = (date(2026, 1, 1), date(2026, 7, 1))  # one that is heated, one that is cooled (R17)
UNSURE = "low"

FLAG_SENTENCES: Mapping[str, str] = {
    "month_to_date": "月份还没有结束，数值只到最新读数为止",
    "low_coverage": "本期有读数的时间占 80% 到 95%",
    "gap": "有超过 3 小时的缺口，或区间表缺少区间",
    "error": "有无法解释的读数，这一段按缺失处理",
    "spike": "有突增后在 24 小时内返回的读数，已弃用",
    "jump": "有超过额定上限且没有返回的读数，有人否定以前照计",
    "rollover": "表底走满归零，已按满码续算",
    "meter_change": "期内换过表，新表旧表两段都计入",
    "provisional": "当年的因子还没有公布，暂用最近一年的",
    "backcast": "月份早于最早一年的因子，暂用最早一年的",
    "mass_balance": "有批次的质量对不上（超过 5%、产出多于投入或没有产出记录），该批次不计替代量",
    "mass_balance_warn": "有批次的质量相差 2% 到 5%，照计",
    "alloc_job": "公用资源按作业记录分摊",
    "alloc_mass": "公用资源按处理质量分摊",
    "alloc_kwh": "公用资源按各线直接用电分摊",
    "unallocated": "没有可用的分摊依据，公用部分不归入任何环节",
    "area_split": "两栋建筑共用的热泵用电按面积划分",
    "cop_default": "没有热量表，冷热量由用电和默认能效推算",
    "merged_in_dismantle": "没有分拣电表，分拣用电含在拆解里",
    "no_disposal_factor": "有残余物而没有处置因子，处置排放按零计",
    "boundary_overlap": "再生料因子已含收集和分拣，与全流程排放重叠，结果偏保守",
    "low_volume": "处理量不到前 12 个月中位数的 5%，单位值失真",
    "idle": "没有处理量却有用能",
    "balance_error": "分表之和超过总用电 2%，剩余部分不补平",
    "review_high": "每吨的替代量高得不合常理，需要人工复核",
    "no_trips": "本月没有运输记录，运输按零计",
    "no_export_meter": "没有上网电表，上网电量按零计",
}
QUALITY_SENTENCES: Mapping[str, str] = {
    "measured": "全部来自读数和记录",
    "estimated": "有一部分时间是估算的，占比另列",
    "incomplete": "缺少一部分，数值是已知部分之和",
    "null": "不知道，留空，从不当作零",
}
UNCERTAINTY_SENTENCES: Mapping[str, str] = {
    "electricity_meter": "电表", "heat_meter": "热量表", "water_meter": "水表",
    "fuel_log": "加油记录", "tank_dip": "油罐液位", "weighbridge": "地磅称重",
    "tonne_km": "货运周转量", "odometer": "里程表", "exact": "面积、台数、铭牌和时间",
    "allocation_job": "按作业记录分摊", "allocation_mass": "按质量或用电分摊",
    "estimated": "估算的数据", "factor": "没有给出不确定度的因子",
}  # fmt: skip
# An indicator without a clause of its own: why the ledger has it nevertheless.
REASONS: Mapping[tuple[str, str], str] = {
    ("grid_electricity", "site"): "碳排放量由它算起，供核对",
    ("emission", "medium"): "碳排放量的分项，供核对",
    ("pv_export", "site"): "光伏替代量的一部分，供核对",
    ("emission_market_based", "site"): "与按地区平均因子计算的结果并列披露，从不代替它",
}
DECISIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "D-1": (
        "排放与减排分记两本账，互不抵扣；唯一的差是标准点名的碳减排量。",
        ("accounting.inventory", "accounting.benefit"),
    ),
    "D-2": (
        "一个合计里只用一种电力因子：默认是所在省的平均因子，碳足迹和市场法是另外的视图。",
        ("accounting.emission", "data.views"),
    ),
    "D-3": (
        "按活动发生的月份选用因子；官方还没有公布的年份暂用最近一年，公布后重算，旧值保留。",
        ("accounting.factors", "data.library"),
    ),
    "D-4": (
        "材料因子默认用 CONS，原生与再生出自同一来源；CN2026 是标明的情景，数值旁总写明用了哪组。",
        ("accounting.products",),
    ),
    "D-5": (
        "水在能耗里按耗能工质折算，可用设置剔除；在碳排放里单列一项。",
        ("accounting.inventory",),
    ),
    "D-6": (
        "电力按当量值折标准煤；光伏自用计入能耗，排放为零。",
        ("accounting.emission",),
    ),
    "D-7": (
        "有无适用的核证减排方法学由站点设置说明，默认没有；没有时可售量为零，收益只是情景。",
        ("accounting.revenue",),
    ),
    "D-8": (
        "缺数不是零：不知道的留空，合计标明不完整。",
        ("accounting.amount",),
    ),
    "D-9": (
        "排放多于基准的充电桩或热泵得出负的替代量，照实显示。",
        ("accounting.substitution",),
    ),
    "D-10": (
        "铜不在标准点名的六种产物之内，作为扩展项计算，可从合计中去掉。",
        ("accounting.products",),
    ),
}
RULES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "R1": (
        "部分之和跳过未知的部分并标明不完整；乘积、商和占比有一项未知即未知。质量取各输入中最差的。",
        ("accounting.amount",),
    ),
    "R2": (
        "正在进行的月份由站点最新的读数决定，与时钟无关；比其余各表晚 48 小时以上的读数先搁置。",
        ("data.horizon",),
    ),
    "R3": (
        "从第一个月到最后一个月，每个对象每月都有一行，未知的也有。",
        ("accounting.settlement", "data.settle"),
    ),
    "R4": (
        "标记是一张封闭的表，按字母排列，用分号相连。",
        ("accounting.amount",),
    ),
    "R5": (
        "表底按时间先后取差：先看换表和走满归零，小幅回跳不计，突增和下跌看 24 小时内是否返回。",
        ("accounting.registers", "data.intervals"),
    ),
    "R6": (
        "3 小时以内的缺口均摊并算作估算；更长的缺口在月内计入当月，跨月则不计入任何一月。",
        ("data.intervals", "data.periods"),
    ),
    "R7": (
        "区间表缺少的区间从不补数；有读数的时间不足 80% 时本期未知。",
        ("data.periods",),
    ),
    "R8": (
        "表计启用以前和停用以后的读数不收；零点的记录属于开始的那一天，零点的读数属于结束的那一天。",
        ("data.ingest.readings", "data.ingest.checks"),
    ),
    "R9": (
        "一块表自己的用量是读数减去直接下级表；总用电与各表之差归入其他和厂区。",
        ("accounting.balance",),
    ),
    "R10": (
        "环节用电是直接用电加上吊机、环保和分拣的分摊；堆场用电不归任何环节。",
        ("accounting.inventory", "accounting.allocation"),
    ),
    "R11": (
        "分摊先用作业记录，没有时用处理质量，环保装置再其次用各线直接用电；权重可在站点设置里改。",
        ("accounting.allocation",),
    ),
    "R12": (
        "当月有任何批次才算报过产量，没有批次的环节为零；一个批次也没有则产量和替代量未知。",
        ("accounting.allocation", "accounting.products"),
    ),
    "R13": (
        "用油取使用记录加自有车辆；没有使用记录时由油罐液位和进油推算。汽油并入燃油，归厂区和拆解。",
        ("accounting.fuel",),
    ),
    "R14": (
        "办公用水取办公楼水表；没有时按人数分摊，连人数也没有则未知。",
        ("accounting.balance",),
    ),
    "R15": (
        "两栋建筑共用的热泵电表按各楼热量表划分，没有热量表时按面积划分。",
        ("accounting.balance",),
    ),
    "R16": (
        "月末在役的设备和面积才算数；没有任何设备记录则未知。",
        ("accounting.substitution", "accounting.intensity"),
    ),
    "R17": (
        "热泵的冷热量取热量表，没有时由用电乘默认能效；十月到四月算供暖，其余算供冷。",
        ("accounting.substitution", "data.periods"),
    ),
    "R18": (
        "充电替代按新能源车的里程计，没有里程由充电量推算；说不清去向的充电量算作轿车。",
        ("accounting.substitution",),
    ),
    "R19": (
        "没有光伏表则光伏各项未知、自用按零计入用电；没有上网表按零上网。绿电和绿证取月度记录。",
        ("accounting.balance", "accounting.emission"),
    ),
    "R20": (
        "出售、再用和再精炼的产物计入替代量；质量对不上的批次不计。再用的硅钢片按冷轧薄板替代。",
        ("accounting.products",),
    ),
    "R21": (
        "运输按出行日期入账；六个环节之和等于各环节与公用未分摊之和。",
        ("accounting.lifecycle",),
    ),
    "R22": (
        "只差年份的因子是一族：取月初有效的一年，否则取此前最近的一年，再否则取最早的一年。",
        ("accounting.factors",),
    ),
    "R23": (
        "没有成交的日子没有价格；月均价是成交额除以成交量。没有方法学时可售减排量为零。",
        ("accounting.revenue", "data.market"),
    ),
    "R24": (
        "每公里和每台的数值由每吨的数值与有长度或台数的批次折算；告警按开始的月份计数。",
        ("accounting.intensity", "data.alarms"),
    ),
    "R25": (
        "读数和区间用定点小数，求和与次序无关：同样的读数怎样导入都得出同样的字节。",
        ("accounting.registers", "data.intervals"),
    ),
    "R26": (
        "趋势图的常态带由此前的同类日子得出；两月之差用对数平均分解，各项之和等于总差。",
        ("figures.emission", "accounting.decomposition"),
    ),
}


def basis(library: FactorLibrary) -> dict[str, Any]:
    """Return the accounting basis of a factor library (T/CASMES 615 clauses 5.2-5.7).

    Parameters
    ----------
    library
        The factors as they are known.

    Returns
    -------
    dict
        ``method``, ``library`` (start of its digest), ``province``, ``months``, ``draws``,
        ``seed``; ``indicators``, one per name with its ``forms`` by dimension: entities, grains,
        clauses or reason, formula, identifiers of the factors used; ``factors``, the rows used
        anywhere, value in the row's unit, with what uses them; ``sets`` of materials with net
        factors, kgCO2e/t; ``views``, ``settings``, ``flags``, ``qualities``, ``uncertainties``
        (half-widths of 95 % intervals, percent), ``decisions``, ``rules``.

    References
    ----------
    The factors used are those in the lineage of a made-up month of a site of ``PROVINCE``, once
    heated and once cooled, in which every indicator occurs.
    """
    found = _figures(library)
    used = _used(found)
    return {
        "method": METHOD,
        "library": library.digest[:8],
        "province": PROVINCE,
        "months": [f"{month:%Y-%m}" for month in MONTHS],
        "draws": DRAWS,
        "seed": SEED,
        "indicators": _indicators(used, _entities(found)),
        "factors": _factors(library, used),
        "sets": [_set(library, name, pairs) for name, pairs in SETS.items()],
        "reused": _pair(library, "silicon_steel", REUSED_SHEET),
        "views": [
            {"view": name, "sentence": rule.zh, "settings": dict(rule.settings),
             "basis": str(rule.basis)}
            for name, rule in VIEWS.items()
        ],
        "settings": [_setting(setting) for setting in SETTINGS.values()],
        "flags": [{"flag": name, "sentence": FLAG_SENTENCES[name]} for name in sorted(FLAGS)],
        "qualities": [{"quality": name, "sentence": QUALITY_SENTENCES[name]} for name in QUALITIES],
        "uncertainties": [
            {"name": name, "pct": pct, "sentence": UNCERTAINTY_SENTENCES[name]}
            for name, pct in asdict(DEFAULTS).items()
        ],
        "decisions": _numbered(DECISIONS),
        "rules": _numbered(RULES),
    }  # fmt: skip


def sentences() -> list[str]:
    """Return every sentence of this module, for the catalogue's completeness.

    Returns
    -------
    list of str
        Keys of the catalogue, the views' among them.
    """
    tables: Sequence[Mapping[Any, str]] = (
        FLAG_SENTENCES, QUALITY_SENTENCES, UNCERTAINTY_SENTENCES, REASONS,
    )  # fmt: skip
    numbered = [sentence for table in (DECISIONS, RULES) for sentence, _ in table.values()]
    views = [rule.zh for rule in VIEWS.values()]
    return [*(s for table in tables for s in table.values()), *numbered, *views]


def _numbered(table: Mapping[str, tuple[str, tuple[str, ...]]]) -> list[dict[str, Any]]:
    return [
        {"id": ident, "sentence": sentence, "modules": list(modules)}
        for ident, (sentence, modules) in table.items()
    ]


def _setting(setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name, "zh": setting.zh, "en": setting.en, "kind": setting.kind.__name__,
        "default": setting.default, "choices": list(setting.choices), "low": setting.low,
        "high": setting.high,
    }  # fmt: skip


# Which factors are used where -----------------------------------------------------------------

_Form = tuple[str, str]


def _figures(library: FactorLibrary) -> dict[str, list[Figure]]:
    """Return the month figures of the made-up months: the ledger's own, and of the views."""
    months = [_month(start) for start in MONTHS]
    found = {
        "": [f for month in months for f in site_month(month, library, grains=("month",))]
        + market_month(_prices(MONTHS[0]), f"{MONTHS[0]:%Y-%m}")
    }
    for name, rule in VIEWS.items():
        if rule.basis is not Basis.INVENTORY:
            viewed = (
                site_month(month, library, grains=("month",), basis=rule.basis) for month in months
            )
            found[name] = [figure for figures in viewed for figure in figures]
    return found


def _factor_ids(figure: Figure) -> Iterator[str]:
    for term in figure.terms:
        yield from term.factor_ids
        if term.kind == "factor":
            yield term.ref


def _used(found: Mapping[str, Iterable[Figure]]) -> dict[str, dict[_Form, set[str]]]:
    """Return by view the factors in each figure's lineage; the ledger's own under ``""``."""
    used: dict[str, dict[_Form, set[str]]] = {}
    for name, figures in found.items():
        of_view = used.setdefault(name, {})
        for figure in figures:
            key = (figure.indicator, figure.dimension)
            of_view.setdefault(key, set()).update(_factor_ids(figure))
    return used


def _entities(found: Mapping[str, Iterable[Figure]]) -> dict[_Form, list[str]]:
    """Return the entities of every name, which indicators.csv cuts short where they are many."""
    entities: dict[_Form, dict[str, None]] = {}
    for figure in found[""]:
        entities.setdefault((figure.indicator, figure.dimension), {})[figure.entity] = None
    return {key: list(names) for key, names in entities.items()}


def _indicators(
    used: Mapping[str, Mapping[_Form, set[str]]], entities: Mapping[_Form, list[str]]
) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, row in indicators().items():
        whole = found.setdefault(
            row.indicator,
            {"indicator": row.indicator, "name_zh": row.name_zh, "name_en": row.name_en,
             "unit": row.unit, "forms": []},
        )  # fmt: skip
        if row.dimension == "site" and len(row.name_zh) < len(whole["name_zh"]):
            whole |= {"name_zh": row.name_zh, "name_en": row.name_en}  # the least special name
        whole["forms"].append(_form(row, used[""].get(key, set()), entities.get(key, [])))
    return list(found.values())


def _form(row: Indicator, factors: set[str], entities: list[str]) -> dict[str, Any]:
    short = "..." in row.entities
    return {
        "dimension": row.dimension,
        "name_zh": row.name_zh,
        "name_en": row.name_en,
        "entities": entities if short else list(row.entities),
        "grains": list(row.grains),
        "ledger": row.ledger,
        "section": row.section,
        "clauses": list(row.clauses),
        "reason": REASONS.get((row.indicator, row.dimension), ""),
        "formula": formula(row.indicator, row.dimension),
        "year_formula": YEAR_FORMULA if "year" in row.grains else "",
        "factors": sorted(factors),
    }


def _factors(
    library: FactorLibrary, used: Mapping[str, Mapping[_Form, set[str]]]
) -> list[dict[str, Any]]:
    """Return every factor that an indicator, a material set or a view uses."""
    users: dict[str, dict[str, list[str]]] = {}

    def note(factor_id: str, kind: str, name: str) -> None:
        if not factor_id:
            return
        of_factor = users.setdefault(factor_id, {"indicators": [], "sets": [], "views": []})
        if name not in of_factor[kind]:
            of_factor[kind].append(name)

    for (indicator, _), ids in used[""].items():
        for factor_id in ids:
            note(factor_id, "indicators", indicator)
    for name, pairs in SETS.items():
        for one in pairs.values():
            for factor_id in (one.kappa, one.primary, one.recycled):
                note(factor_id, "sets", name)
    own = {factor_id for ids in used[""].values() for factor_id in ids}
    for name, of_view in used.items():
        for factor_id in set().union(*of_view.values()) - own if name else ():
            note(factor_id, "views", name)
    return [_factor(library.rows[name]) | users[name] for name in sorted(users)]


def _factor(row: Factor) -> dict[str, Any]:
    return {
        "factor_id": row.factor_id, "name_zh": row.name_zh, "name_en": row.name_en,
        "value": row.value, "unit": row.unit, "uncertainty_pct": row.uncertainty_pct,
        "valid_from": None if row.valid_from is None else row.valid_from.isoformat(),
        "valid_to": None if row.valid_to is None else row.valid_to.isoformat(),
        "source": row.source, "source_ref": row.source_ref, "confidence": row.confidence,
        "unsure": row.confidence == UNSURE,
    }  # fmt: skip


def _set(library: FactorLibrary, name: str, pairs: Mapping[str, Pair]) -> dict[str, Any]:
    return {
        "set": name,
        "rows": [_pair(library, material, used) for material, used in pairs.items()],
    }


def _pair(library: FactorLibrary, material: str, used: Pair) -> dict[str, Any]:
    """Return a material's factors and kappa (EF_prim - EF_rec), kgCO2e/t (§8)."""

    def value(factor_id: str) -> float:
        return library.rows[factor_id].value if factor_id else 0.0

    kappa, primary, recycled = (value(n) for n in (used.kappa, used.primary, used.recycled))
    return {
        "material": material, "kappa_id": used.kappa, "primary_id": used.primary,
        "recycled_id": used.recycled, "kappa": kappa, "primary": primary, "recycled": recycled,
        "net": kappa * (primary - recycled),
    }  # fmt: skip


# A month in which every indicator occurs; its quantities are made up and shown nowhere -----------

_METERS = (
    ("grid", "electricity", "grid_import", "", "", "", "", 80_000.0),
    ("pv", "electricity", "pv_generation", "", "", "", "", 30_000.0),
    ("export", "electricity", "pv_export", "", "", "", "", 5_000.0),
    ("cable", "electricity", "consumer", "plant", "", "cable", "cable_line", 9_000.0),
    ("conductor", "electricity", "consumer", "plant", "", "conductor", "conductor_line", 6_000.0),
    ("bench", "electricity", "consumer", "plant", "", "transformer", "transformer_bench", 5_000.0),
    ("crane", "electricity", "consumer", "plant", "", "", "crane", 4_000.0),
    ("filter", "electricity", "consumer", "plant", "", "", "environmental", 5_000.0),
    ("sorter", "electricity", "consumer", "plant", "", "", "sorting", 4_000.0),
    ("yard", "electricity", "consumer", "plant", "", "", "storage", 2_000.0),
    ("office", "electricity", "consumer", "office", "office", "", "", 8_000.0),
    ("chargers", "electricity", "charger", "plant", "", "", "", 6_000.0),
    ("heat_pump", "electricity", "heat_pump", "office", "", "", "", 9_000.0),
    ("tap_plant", "water", "consumer", "plant", "", "", "", 300.0),
    ("tap_office", "water", "consumer", "office", "", "", "", 90.0),
)
_METER = ("meter_id", "medium", "role", "building", "group", "line", "equipment")
_BATCHES = (("c", "cable", 100.0, 4.0, None), ("w", "conductor", 100.0, 5.0, None),
            ("t", "transformer", 100.0, None, 50.0))  # fmt: skip
_OUTPUTS = (
    ("c", "copper", 50.0, "sold"), ("c", "plastic_pvc", 20.0, "sold"),
    ("c", "plastic_pe", 10.0, "sold"), ("c", "plastic_xlpe", 20.0, "sold"),
    ("w", "aluminium", 85.0, "sold"), ("w", "steel", 15.0, "sold"),
    ("t", "silicon_steel", 30.0, "sold"), ("t", "silicon_steel", 10.0, "reused"),
    ("t", "copper", 20.0, "sold"), ("t", "iron", 15.0, "sold"),
    ("t", "transformer_oil", 20.0, "rerefined"), ("t", "transformer_oil", 5.0, "burnt"),
)  # fmt: skip
_FUEL = (("diesel", "forklift", 900.0), ("diesel", "stacker", 100.0), ("petrol", "forklift", 50.0))
_VEHICLES = (
    ("car", "official_car", True, 1_000.0, None), ("bus", "shuttle_bus", True, None, 2_000.0),
    ("bus_km", "shuttle_bus", True, 500.0, None), ("old", "shuttle_bus", False, 900.0, None),
)  # fmt: skip
_DEVICES = (("roof", "pv", 400.0, "kWp"), ("pile", "charger", 60.0, "kW"))
_JOB = ("job_id", "day", "equipment", "line", "hours", "lifted_t")
_LEGS = ("collection", "transport", "outbound")


def _month(start: date) -> SiteMonth:
    """Return the inputs of a made-up month of a site of the province."""
    end = (start + timedelta(days=32)).replace(day=1)
    hours = 24.0 * (end - start).days
    label, day = f"{start:%Y-%m}", f"{start:%Y-%m}-05"
    batches, outputs = _production(day)
    defaults = {name: setting.default for name, setting in SETTINGS.items()}
    quantities = _quantities(label, hours)
    return SiteMonth(
        site=Site("example", PROVINCE, tuple(_areas()), defaults | {"creditable": True}),
        month_start=start, month_end=end, days=(), elapsed_h=hours, elapsed_day_h=(),
        running=False, meters=_meters(), meter_month=quantities, meter_day=quantities.iloc[:0],
        batches=batches, jobs=_rows(_JOB, ()),
        fuel=_fuel(start, day), trips=_trips(day), outputs=outputs, booked=outputs,
        vehicles=_rows(("vehicle_id", "class", "new_energy", "km", "kwh"), _VEHICLES),
        devices=_devices(), headcounts={}, green_kwh=1_000.0, gec_sold_kwh=1_000.0,
        heat_pump_hours=hours / 2.0, usual_throughput_t={},
    )  # fmt: skip


def _rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> pd.DataFrame:
    found = pd.DataFrame([list(row) for row in rows], columns=list(columns))
    return found.assign(origin="")


def _areas() -> Iterator[Area]:
    for building, m2 in (("plant", 12_000.0), ("office", 2_000.0)):
        yield Area(building, m2, date(2020, 1, 1), None)


def _meters() -> pd.DataFrame:
    rows = pd.DataFrame([row[:7] for row in _METERS], columns=list(_METER))
    units = {"electricity": "kWh", "water": "m3"}
    return rows.assign(parent_id="", unit=rows["medium"].map(units))


def _quantities(label: str, hours: float) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"meter_id": row[0], "period": label, "quantity": row[7], "quality": 0, "flags": 0,
             "measured_h": hours, "estimated_h": 0.0, "expected_h": hours}
            for row in _METERS
        ]
    )  # fmt: skip


def _production(day: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = ("batch_id", "line", "mass_in_t", "length_km", "units")
    batches = _rows(columns, _BATCHES).assign(day=day, residue_t=0.0)
    batches = batches.astype({"length_km": float, "units": float})
    outputs = _rows(("batch_id", "material", "mass_t", "fate"), _OUTPUTS)
    outputs = outputs.merge(batches[["batch_id", "line", "day"]], on="batch_id")
    judged = verdicts(batches, outputs)
    for frame in (batches, outputs):
        frame["verdict"] = [judged[ident] for ident in frame["batch_id"]]
    return batches, outputs


def _fuel(start: date, day: str) -> pd.DataFrame:
    rows = _rows(("product", "consumer", "litres"), _FUEL)
    moment = pd.Timestamp(start) + pd.Timedelta(days=4)
    ids = [f"fuel{at}" for at in range(len(rows))]
    return rows.assign(fuel_id=ids, timestamp=moment, day=day, kind="use", line="")


def _trips(day: str) -> pd.DataFrame:
    hired = [
        (f"{leg}/{line}", line, leg, 100.0, 50.0, False, None)
        for leg in _LEGS
        for _, line, *_ in _BATCHES
    ]
    own = ("own", "cable", "collection", 10.0, 20.0, True, 8.0)
    columns = ("trip_id", "line", "leg", "tonnes", "km", "own", "litres")
    rows = _rows(columns, [*hired, own]).astype({"own": bool, "litres": float})
    return rows.assign(day=day, vehicle_class="")


def _devices() -> pd.DataFrame:
    rows = _rows(("device_id", "kind", "capacity", "unit"), _DEVICES)
    return rows.assign(in_service_from=pd.Timestamp(2020, 1, 1), in_service_to=pd.NaT)


def _prices(month: date) -> pd.DataFrame:
    row = {"date": f"{month:%Y-%m}-05", "volume_t": 1.0, "turnover_cny": 1.0, "origin": ""}
    return pd.DataFrame([row])
