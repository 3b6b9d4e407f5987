"""拆解流程 (clause 5.4): which line and which class of scrap the energy goes into."""

from __future__ import annotations

from functools import partial

from figures import cards
from figures import process as figures
from figures.html import Content
from figures.view import View
from pages._panel import Page, Panel, Section

_LINE_CARDS = (
    ("cable", "5.4.d", "电缆拆解环节"),
    ("conductor", "5.4.e", "架空导线拆解环节"),
    ("transformer", "5.4.f", "变压器拆解环节"),
)
_PRODUCTS = (
    ("cable", "电缆", "电缆单位能耗", "product.cable"),
    ("conductor", "架空导线", "架空导线单位能耗", "product.conductor"),
    ("transformer", "变压器", "变压器单位能耗", "product.transformer"),
)


def _unknown(question: str, name: str, color: str) -> Content:
    def ground(view: View, reason: str) -> Content:
        return cards.unknown_kpi(view, question, name, color, reason)

    return ground


_KEY_FIGURES = (
    Panel(
        key="month", clause="5.4.a", title="拆解环节碳排放", form="indicators", width=3,
        reads=(("emission", "line", "cable"),), build=figures.month_kpi, kind="bare",
        ground=_unknown("当月合计", "拆解环节碳排放", "role.emission"),
    ),
    *(
        Panel(
            key=f"product-{line}", clause="5.4.b", title=title, form="indicators",
            width=3, reads=(("energy_per_tonne", "line", line),), kind="bare",
            build=partial(figures.product_kpi, line=line),
            waits="没有数值：导入批次与处理量并结算后自动显示",
            ground=_unknown("单个产品能耗", name, color),
        )
        for line, name, title, color in _PRODUCTS
    ),
)  # fmt: skip

_COMPARED = (
    Panel(
        key="comparison", clause="5.4.a", title="拆解流程整体对比", form="line", width=8,
        reads=(("emission", "line", "cable"),), build=figures.comparison, heights=(450,),
    ),
    Panel(
        key="radar", clause="5.4.c", title="拆解流程整体用能", form="radar", width=4,
        reads=tuple(("energy", "equipment", key) for _, _, key in figures.SPOKES),
        build=figures.radar, heights=(330,), look="radar",
    ),
)  # fmt: skip

_LINES = tuple(
    Panel(
        key=f"line-{line}", clause=clause, title=title, form="indicators", width=4,
        reads=(("energy", "line", line),), build=partial(figures.line_card, line=line),
        look=f"line-{line}",
    )
    for line, clause, title in _LINE_CARDS
)  # fmt: skip

_FLOWS = (
    Panel(
        key="flows", clause="5.4.g", title="能源流向：品种 → 设备 → 拆解对象", form="sankey",
        width=7, reads=(("energy", "medium", "electricity"),), build=figures.flows,
        heights=(400,), look="flow",
    ),
    Panel(
        key="equipment", clause="5.4.g", title="拆解用能构成", form="ring", width=5,
        reads=tuple(("energy", "equipment", key) for _, _, key in figures.SPOKES),
        build=figures.equipment_ring, heights=(200,), look="wide-ring",
    ),
)  # fmt: skip

_OUTPUTS = Panel(
    key="products", clause="5.4.g", title="分类别月度拆解产物", form="line", width=12,
    reads=(("product_output", "material", "aluminium"),), build=figures.products, heights=(330,),
    waits="没有数值：导入批次与产物并结算后自动显示",
)  # fmt: skip

PAGE = Page(
    key="process",
    path="/process",
    name="拆解流程",
    title="拆解流程碳排放",
    clause="5.4",
    group="监测分析",
    icon="workflow",
    manual="screens-dismantling",
    finding=figures.finding,
    sections=(
        Section(panels=_KEY_FIGURES),
        Section(panels=_COMPARED),
        Section(title="拆解环节监测", note="当月用电、用油及其能耗与碳排放", panels=_LINES),
        Section(title="能源流向与产物", panels=_FLOWS),
        Section(panels=(_OUTPUTS,)),
    ),
)
