"""全流程减碳 (clause 5.6): what recycling saves from collection to treatment."""

from __future__ import annotations

from figures import reduction as figures
from pages._panel import Page, Panel, Section

_WAITS = "没有数值：导入批次、产出、车次并结算后自动显示"

_SUMS = Panel(
    key="sums", clause="5.6.a", title="减碳情况", form="indicators", width=12, kind="bare",
    reads=(figures.REDUCTION, figures.SUBSTITUTION, figures.EMISSION), build=figures.sums,
    waits=_WAITS,
)  # fmt: skip

_STEPS = Panel(
    key="steps", clause="5.6.a", title="从替代减排到净减排", form="bar", width=12,
    reads=(figures.REDUCTION,), build=figures.flow_down, heights=(310,), waits=_WAITS,
)  # fmt: skip

_MONTHS = (
    Panel(
        key="reduction-months", clause="5.6.b", title="月度减排、替代与排放", form="bar line",
        width=8, reads=(figures.REDUCTION, figures.SUBSTITUTION, figures.EMISSION),
        build=figures.trend, heights=(280,), waits=_WAITS,
    ),
    Panel(
        key="unit-product", clause="5.6.e", title="单位产品减碳", form="indicators ring", width=4,
        reads=(("reduction", "line", "cable"), ("reduction", "line", "conductor"),
               ("reduction", "line", "transformer")),
        build=figures.unit_product, heights=(132,), waits=_WAITS,
    ),
)  # fmt: skip

_PRODUCTS = Panel(
    key="products", clause="5.6.c", title="各再生产物减排量", form="line indicators", width=12,
    reads=(figures.SUBSTITUTION,), build=figures.products, heights=(390,), aside=True,
    waits=_WAITS,
)  # fmt: skip

_STAGES = Panel(
    key="stages", clause="5.6.d", title="各环节碳排放", form="line ring", width=12,
    reads=(figures.EMISSION,), build=figures.stages, heights=(340, 138), aside=True, aside_from=1,
    waits=_WAITS,
)  # fmt: skip

_FLOW = Panel(
    key="network", clause="5.6.d", title="排放流向：活动 → 环节 → 对象", form="sankey", width=12,
    reads=(figures.EMISSION,), build=figures.network, heights=(320,), waits=_WAITS,
)  # fmt: skip

PAGE = Page(
    key="lifecycle",
    path="/lifecycle",
    name="全流程减碳",
    title="全流程减碳",
    clause="5.6",
    group="监测分析",
    icon="recycle",
    manual="screens-life-cycle",
    finding=figures.finding,
    sections=(
        Section(panels=(_SUMS,)),
        Section(panels=(_STEPS,)),
        Section(panels=_MONTHS),
        Section(panels=(_PRODUCTS,)),
        Section(panels=(_STAGES,)),
        Section(panels=(_FLOW,)),
    ),
)
