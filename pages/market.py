"""售碳潜力 (clause 5.7): what the reductions could be worth, and how far a project is."""

from __future__ import annotations

from functools import partial

from figures import aims, outlook, revenue, trading
from figures import market as figures
from figures.evidence import evidence
from figures.html import Node, el
from figures.price import PRICE, VOLUME
from figures.project import path
from figures.reduction import REDUCTION
from figures.scenario import scenario
from figures.sellable import eligibility, sellable
from figures.whatif import whatif
from pages._panel import Page, Panel, Section
from pages._plain import part, stores

_WAITS = "没有数值：导入批次、产出、车次并结算后自动显示"
_MARKET = "没有 CCER 价格：导入价格后自动显示"

KEY = "market"
SCENARIO_OUT = part(KEY, "scenario-out")
WHATIF_OUT = part(KEY, "whatif-out")

_SUMS = Panel(
    key="revenue", clause="5.7.b", title="累计售碳收益预测", form="indicators", width=12,
    kind="bare", reads=None, build=revenue.sums, ground=revenue.ground,
)  # fmt: skip

_YEARS = (
    Panel(
        key="years", clause="5.7.a", title="年减碳量趋势预测", form="line", width=8,
        reads=(REDUCTION,), build=figures.years, heights=(500,), waits=_WAITS,
    ),
    Panel(
        key="scenario", clause="", title="测算情景", form="indicators", width=4, reads=None,
        build=partial(scenario, out=SCENARIO_OUT),
    ),
)  # fmt: skip

_MONTHS = (
    Panel(
        key="months", clause="5.7.c", title="月度动态减碳与收益预测", form="line",
        reads=(REDUCTION,), build=figures.months, heights=(170, 175), waits=_WAITS,
    ),
    Panel(
        key="trading", clause="5.7.e", title="全国 CCER 市场交易", form="bar",
        reads=(VOLUME, PRICE), build=trading.trading, heights=(120, 190),
        waits=_MARKET,
    ),
)  # fmt: skip

_OUTLOOK = (
    Panel(
        key="outlook", clause="5.7.f", title="全国 CCER 市场发展前景", form="ring", width=4,
        reads=None, build=outlook.outlook, heights=(136,),
    ),
    Panel(
        key="evidence", clause="5.7.d", title="CCER 政策分析", form="list", width=4, reads=None,
        build=evidence,
    ),
    Panel(
        key="aims", clause="5.7.h", title="售碳预期成果", form="indicators", width=4, reads=None,
        build=aims.aims,
    ),
)  # fmt: skip

_SELLABLE = (
    Panel(
        key="sellable", clause="", title="可售量：从毛减排到可售", form="bar", width=8,
        reads=(REDUCTION,), build=sellable, heights=(320,), waits=_WAITS,
    ),
    Panel(
        key="eligibility", clause="", title="方法学适用性", form="list", width=4, reads=None,
        build=eligibility,
    ),
)  # fmt: skip

_WHATIF = Panel(
    key="whatif", clause="", title="假设分析", form="indicators", width=12, reads=(REDUCTION,),
    build=partial(whatif, out=WHATIF_OUT), waits=_WAITS,
)  # fmt: skip

_PATH = Panel(
    key="path", clause="5.7.g", title="CCER 项目开发路径", form="steps", width=12, reads=None,
    build=path,
)  # fmt: skip


def _stores(_language: str) -> Node:
    """Return the stores of what the page sends besides the dialog."""
    names = ("scenario", "whatif", "piece", "act-piece", "sent", "file-evidence")
    return el("Div", stores(KEY, *names), hidden=True)


PAGE = Page(
    key=KEY,
    path="/market",
    name="售碳潜力",
    title="售碳潜力",
    clause="5.7",
    group="监测分析",
    icon="trending-up",
    manual="screens-carbon-sales",
    finding=figures.finding,
    notice=figures.notice,
    before=_stores,
    sections=(
        Section(panels=(_SUMS,)),
        Section(panels=_YEARS),
        Section(panels=_MONTHS),
        Section(panels=_OUTLOOK),
        Section(panels=_SELLABLE),
        Section(panels=(_PATH,)),
        Section(panels=(_WHATIF,)),
    ),
)
