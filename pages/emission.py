"""整体碳排放 (clause 5.3): what the energy went into, where the carbon comes from."""

from __future__ import annotations

from figures import alerts
from figures import emission as figures
from pages._panel import Page, Panel, Section

_GLANCE = Panel(
    key="glance", clause="5.3.d", title="能耗概况", form="indicators", width=12, kind="bare",
    reads=(figures.ENERGY,), build=figures.glance,
)  # fmt: skip

_CARBON = (
    Panel(
        key="carbon", clause="5.3.g", title="碳排放量", form="bar indicators", width=8,
        reads=(figures.EMISSION,), build=figures.carbon, heights=(336,),
    ),
    Panel(
        key="anomalies", clause="5.3.f", title="用能异常", form="indicators", width=4,
        reads=(figures.ALARMS,), build=figures.anomalies,
        waits="没有告警数值：导入读数并结算后自动显示",
    ),
)  # fmt: skip

_TRENDS = (
    Panel(
        key="trend", clause="5.3.a", title="用能趋势", form="line", width=8,
        reads=(figures.ENERGY,), build=figures.trends, heights=(130, 130, 130, 130), quad=True,
    ),
    Panel(
        key="building-share", clause="5.3.h", title="厂区、办公楼碳排占比", form="ring", width=4,
        reads=(("emission", "building", "plant"),), build=figures.building_ring, heights=(132,),
    ),
)  # fmt: skip

_USE = (
    Panel(
        key="building-energy", clause="5.3.b", title="厂区、办公室能耗", form="bar",
        reads=(("energy", "building", "plant"),), build=figures.building_energy, heights=(290,),
    ),
    Panel(
        key="group-electricity", clause="5.3.c", title="拆解、办公、空调用电", form="line",
        reads=(("electricity", "group", "dismantling"),), build=figures.group_electricity,
        heights=(96, 128, 26),
    ),
)  # fmt: skip

_AREA = (
    Panel(
        key="per-area", clause="5.3.e", title="单位面积能耗与碳排放", form="bar line", width=8,
        reads=(("energy_per_area", "building", "site"),), build=figures.per_area,
        heights=(110, 150),
    ),
    Panel(
        key="group-share", clause="5.3.i", title="分项碳排占比", form="ring", width=4,
        reads=(("emission", "group", "dismantling"),), build=figures.group_ring, heights=(132,),
    ),
)  # fmt: skip

PAGE = Page(
    key="emission",
    path="/emission",
    name="整体碳排放",
    title="整体碳排放",
    clause="5.3",
    group="监测分析",
    icon="factory",
    manual="screens-whole-site-emissions",
    finding=figures.finding,
    notice=alerts.notice,
    sections=(
        Section(panels=(_GLANCE,)),
        Section(panels=_CARBON),
        Section(panels=_TRENDS),
        Section(panels=_USE),
        Section(panels=_AREA),
    ),
)
