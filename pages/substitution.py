"""替代情况 (clause 5.5): what PV, chargers and the heat pump take the place of."""

from __future__ import annotations

from figures import beside
from figures import substitution as figures
from pages._panel import Page, Panel, Section

_WAITS = "没有数值：导入清洁能源计量并结算后自动显示"
_NO_PV = "没有光伏发电的计量：导入光伏电表读数并结算后自动显示"
_NO_CHARGERS = "没有充电桩的计量：导入充电电表读数并结算后自动显示"
_NO_PUMP = "没有地源热泵的计量：导入热泵电表读数并结算后自动显示"

_TOP = (
    Panel(
        key="cumulative", clause="5.5.a", title="累计碳排放替代量", form="indicators", width=4,
        reads=(figures.WHOLE,), build=figures.cumulative, waits=_WAITS,
    ),
    Panel(
        key="shares", clause="5.5.b", title="当月三类替代量占比", form="ring", width=4,
        reads=(figures.WHOLE,), build=figures.shares, heights=(132,), waits=_WAITS,
    ),
    Panel(
        key="devices", clause="5.5.e", title="关键指标", form="indicators", width=4,
        reads=(beside.GENERATION, beside.CHARGED, beside.SAVED), build=figures.devices,
        waits=_WAITS,
    ),
)  # fmt: skip

_TREND = Panel(
    key="trend", clause="5.5.h", title="三类替代趋势", form="line", width=12,
    reads=(figures.WHOLE,), build=figures.trend, heights=(300,), waits=_WAITS,
)  # fmt: skip

_PV = (
    Panel(
        key="pv", clause="5.5.c", title="总发电量与自发自用", form="line indicators", width=8,
        reads=(beside.GENERATION,), build=figures.pv, heights=(330,), waits=_NO_PV,
    ),
    Panel(
        key="pv-substitution", clause="5.5.d", title="光伏替代量", form="bar", width=4,
        reads=(figures.of_source("pv"),), build=figures.pv_bars, heights=(330,), waits=_NO_PV,
    ),
)  # fmt: skip

_CHARGERS = (
    Panel(
        key="chargers", clause="5.5.f", title="充电量与充电桩数量", form="bar indicators", width=8,
        reads=(beside.CHARGED, beside.CHARGERS), build=figures.chargers,
        heights=(150, 140, 210), look="with-week", waits=_NO_CHARGERS,
    ),
    Panel(
        key="charger-substitution", clause="5.5.g", title="充电桩替代量", form="bar", width=4,
        reads=(figures.of_source("charger"),), build=figures.charger_bars, heights=(330,),
        waits=_NO_CHARGERS,
    ),
)  # fmt: skip

_PUMP = (
    Panel(
        key="heat-pump", clause="5.5.i", title="节电量、标准空调与热泵用电", form="bar indicators",
        width=8, reads=(beside.SAVED,), build=figures.heat_pump, heights=(340,), waits=_NO_PUMP,
    ),
    Panel(
        key="pump-substitution", clause="5.5.j", title="热泵替代量", form="bar", width=4,
        reads=(figures.of_source("heat_pump"),), build=figures.pump_bars, heights=(340,),
        waits=_NO_PUMP,
    ),
)  # fmt: skip

PAGE = Page(
    key="substitution",
    path="/substitution",
    name="替代情况",
    title="清洁能源替代",
    clause="5.5",
    group="监测分析",
    icon="sun",
    manual="screens-substitution",
    finding=figures.finding,
    sections=(
        Section(panels=_TOP),
        Section(panels=(_TREND,)),
        Section(title="光伏", note="自发自用，余电上网", color="source.pv", panels=_PV),
        Section(title="充电桩", note="班车、公务车与来访车辆充电", color="source.charger",
                panels=_CHARGERS),
        Section(title="地源热泵", note="供冷供热，基准为同负荷标准空调", color="source.gshp",
                panels=_PUMP),
    ),
)  # fmt: skip
