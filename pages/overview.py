"""总览 (clause 5.2): how the month is, in four answers and eleven panels."""

from __future__ import annotations

from functools import partial

from figures import alerts, beside, cards, revenue
from figures import overview as figures
from figures.beside import Beside
from figures.cards import Indicator
from figures.html import Content, core
from figures.price import PRICE
from figures.view import View
from pages._panel import Page, Panel, Section
from pages._plain import part, place

_BENEFIT = "没有数值：导入批次、产出和清洁能源计量并结算后自动显示"
_MARKET = "没有 CCER 价格：导入价格后自动显示"


def _unknown(question: str, name: str, color: str) -> Content:
    def ground(view: View, reason: str) -> Content:
        return cards.unknown_kpi(view, question, name, color, reason)

    return ground


def _compact(
    key: str, clause: str, name: str, indicator: tuple[str, str, str], color: str, more: Beside,
    polarity: str = cards.GOOD,
) -> Panel:  # fmt: skip
    def ground(view: View, reason: str) -> Content:
        return cards.unknown_compact(view, name, color, reason)

    what = Indicator("", name, indicator, color, polarity)
    return Panel(
        key=key, clause=clause, title=name, form="indicators", reads=(indicator,), width=2,
        build=partial(figures.indicator, what=what, beside=more), kind="bare", ground=ground,
        waits=_BENEFIT,
    )  # fmt: skip


_ANSWERS = (
    Panel(
        key="emission-answer", clause="5.2.a", title="碳排放量", form="indicators", width=3,
        reads=(figures.EMISSION,), build=figures.emission_kpi, kind="bare",
        ground=_unknown("排了多少", "碳排放量", "role.emission"),
    ),
    Panel(
        key="reduction-answer", clause="5.2.i", title="拆解减排量", form="indicators", width=3,
        reads=(figures.REDUCTION,), build=figures.reduction_kpi, kind="bare", waits=_BENEFIT,
        ground=_unknown("减了多少", "拆解减排量", "role.reduction"),
    ),
    Panel(
        key="substitution-answer", clause="5.2.e", title="清洁能源代碳量", form="indicators",
        width=3, reads=(figures.SUBSTITUTION,), build=figures.substitution_kpi, kind="bare",
        waits=_BENEFIT, ground=_unknown("替了多少", "清洁能源代碳量", "role.substitution"),
    ),
    Panel(
        key="revenue-answer", clause="5.2.k", title="预测售碳收益", form="indicators", width=3,
        reads=None, build=revenue.answer, kind="bare", ground=revenue.unanswered,
    ),
)  # fmt: skip

_EMISSION = Panel(
    key="energy-emission", clause="5.2.a", title="能耗量与碳排放量", form="bar indicators",
    width=12, reads=(figures.ENERGY, figures.EMISSION), build=figures.energy_and_emission,
    heights=(140, 178), aside=True,
)  # fmt: skip

_KEY_FIGURES = (
    _compact("pv-generation", "5.2.b", "光伏发电量", ("pv_generation", "site", "site"),
             "source.pv", beside.PV),
    _compact("charger-energy", "5.2.c", "充电桩充电量", ("charger_energy", "site", "site"),
             "source.charger", beside.PILES),
    _compact("heat-pump-saved", "5.2.d", "地源热泵节电量", ("heat_pump_saved", "site", "site"),
             "source.gshp", beside.PUMP),
    _compact("cable-reduction", "5.2.f", "电缆减排量", ("reduction", "line", "cable"),
             "product.cable", beside.LINES["cable"]),
    _compact("conductor-reduction", "5.2.g", "架空导线减排量", ("reduction", "line", "conductor"),
             "product.conductor", beside.LINES["conductor"]),
    _compact("transformer-reduction", "5.2.h", "变压器减排量",
             ("reduction", "line", "transformer"), "product.transformer",
             beside.LINES["transformer"]),
)  # fmt: skip

_TRENDS = (
    Panel(
        key="reduction-trend", clause="5.2.i", title="实际减排量", form="bar",
        reads=(("reduction", "line", "cable"),), build=figures.reduction_bars, heights=(236,),
        waits=_BENEFIT,
    ),
    Panel(
        key="substitution-trend", clause="5.2.e", title="绿色改造代碳量", form="line",
        reads=(("substitution", "source", "pv"),), build=figures.substitution_lines,
        heights=(236,), waits=_BENEFIT,
    ),
)  # fmt: skip

_MARKET_PANELS = (
    Panel(
        key="ccer-price", clause="5.2.j", title="CCER 市场价格", form="line",
        reads=(PRICE,), build=figures.ccer_price, heights=(236,), waits=_MARKET,
    ),
    Panel(
        key="revenue-forecast", clause="5.2.k", title="预测收益", form="line", reads=None,
        build=revenue.curve, heights=(236,),
    ),
)  # fmt: skip

KEY = "overview"


def _since(_language: str) -> Content:
    """Return the place of what changed since the reader's last visit."""
    return [core("Store", id=part(KEY, "act-read")), place(KEY, "since", cls="since-place")]


PAGE = Page(
    key=KEY,
    path="/",
    name="总览",
    title="碳排放监测总览",
    clause="5.2",
    group="监测分析",
    icon="layout-dashboard",
    manual="screens-overview",
    finding=figures.finding,
    notice=alerts.notice,
    before=_since,
    sections=(
        Section(panels=_ANSWERS),
        Section(
            title="碳排放", note="能耗折标煤与二氧化碳排放，按拆解对象归集", panels=(_EMISSION,)
        ),
        Section(title="清洁能源替代与拆解减排", note="关键指标", panels=(*_KEY_FIGURES, *_TRENDS)),
        Section(title="碳市场与收益", panels=_MARKET_PANELS),
    ),
)
