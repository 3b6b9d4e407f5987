"""The drawer of a forecast: what it says, what made it, how it was tested (CONTRACT §5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from figures import fan
from figures.basis import entity_words
from figures.came import Came, inside_of, table
from figures.drawer import drawer_frame, drawer_step, drawer_table
from figures.forecast import BANDS, SCENARIO, Backtest, Point
from figures.html import Content, Node, el, icon
from figures.number import Units, attributes, badge, exact, kpi_decimals, written
from translations import text

SERIES = {
    "ccer_price": "CCER 周均价预测", "cea_price": "CEA 月均价预测", "reduction": "碳减排量预测",
    "revenue": "累计潜在收益",
}  # fmt: skip
HOW = {
    "ccer_price": "成交量加权的周均价；成交不足 1,000 t 的周沿用上一周，不进回测目标。",
    "cea_price": "成交量加权的月均价。",
    "reduction": "每条拆解线的整月减排量各自预测；合计由联合抽样的路径逐条相加，不是分位数相加。",
    "revenue": "5,000 条联合路径：减排量路径 × 售出月份的价格路径；首次签发在第 18 个月，此后每 12 "
               "个月一次，按保守系数和签发比例取整吨；各产品收益在每条路径上相加等于总收益。未扣成本。",
}  # fmt: skip


_ENTITIES = {"cn": "CCER 周均价", "cable": "电缆", "conductor": "架空导线", "transformer": "变压器"}


def series_words(entity: str) -> str:
    """Return what a backtested series is called."""
    return _ENTITIES.get(entity, entity)


@dataclass(frozen=True)
class OpenedForecast:
    """A forecast as the drawer shows it.

    Parameters
    ----------
    series, entity, site
        What it is of; the site in words, empty for the market.
    point, band
        Its numbers, and the one that was pressed.
    run, made_at, seed, check
        The run that made it: number, time of the site, seed, SM3 of what it read.
    reason
        Why no challenger leads.
    tables
        The backtests behind it, by name.
    came
        The last forecasts of its series whose step is known by now, with what came; of revenue,
        of the reductions it is made of.
    demo
        Whether it is of demonstration data.
    """

    series: str
    entity: str
    site: str
    point: Point
    band: str
    run: int
    made_at: str
    seed: int
    check: str
    reason: str
    tables: Sequence[tuple[str, Sequence[Backtest]]]
    came: Sequence[Came] = ()
    demo: bool = False


def forecast_drawer(opened: OpenedForecast, language: str, money: str) -> list[Node]:
    """Return the drawer: value, bands, how it was made, how it was tested."""

    def t(key: str, **values: object) -> str:
        return text(key, language, **values)

    point = opened.point
    measure = Units(money=money).of(point.unit)

    def words(band: str) -> str:
        value = point.bands[band]
        shown = None if value is None else exact(value) * measure.scale
        return written(shown, kpi_decimals(shown), money=point.unit == "CNY")

    kind = t("情景" if point.kind == SCENARIO else "预测")
    shown = opened.band if opened.band in BANDS else "p50"
    whole = "" if opened.series.endswith("price") else t("三线合计")
    one = opened.entity in _ENTITIES and opened.entity != "cn"
    entity = entity_words("line", opened.entity, language) if one else whole
    demo = el("Span", icon("flask-conical"), t("演示数据"), cls="badge badge-demo")
    cell = point.cell(shown)
    name = " ".join(w for w in (t(SERIES[opened.series]), entity, point.target, opened.site) if w)
    head: list[Content] = [
        el("Div", el("Span", t("测算依据"), cls="drawer-kind"), demo if opened.demo else None,
           cls="drawer-marks"),
        el("H2", name, cls="drawer-name"),
        el("Div", el("Span", words(shown), cls="num kpi-value", **attributes(cell)),
           el("Span", measure.word, cls="value-unit"), badge(cell, language),
           cls="value-line drawer-value"),
        el("P", _band_words(shown, language), cls="drawer-note"),
    ]  # fmt: skip
    rows = [[_band_words(band, language), words(band), repr(point.bands[band])
             if point.bands[band] is not None else ""] for band in reversed(BANDS)]  # fmt: skip
    titles = [
        (t("分位"), ""),
        (measure.word, "num"),
        (t("全精度（{unit}）", unit=point.unit), "num"),
    ]
    made = [
        (t("模型"), t(fan.MODELS[point.model])), (t("起点"), point.origin),
        (t("目标期"), point.target), (t("第几次预测"), str(opened.run)),
        (t("预测时间"), opened.made_at), (t("种子"), str(opened.seed)),
        (t("数据版本 SM3"), el("Code", opened.check)), (t("预测编号"), el("Code", point.ident)),
    ]  # fmt: skip
    why: list[Content] = [el("P", t(fan.REASONS[opened.reason]))] if opened.reason else []
    steps = [
        drawer_step(1, t("区间"), kind, [drawer_table(titles, rows)]),
        drawer_step(2, t("怎样得出"), "", [
            el("P", t(HOW[opened.series])),
            drawer_table([(t("项目"), ""), (t("取值"), "")], [list(pair) for pair in made]),
        ]),
        drawer_step(3, t("回测与选择理由"), "", [*why, _tests(opened.tables, language)]),
        drawer_step(4, t("上次预测对实际"), "", _came(opened, Units(money=money), language)),
    ]  # fmt: skip
    copy = el("Button", icon("link"), el("Span", t("复制链接")), cls="button", type="button",
              data_do="link")  # fmt: skip
    return drawer_frame(head, steps, [copy], language)


def _band_words(band: str, language: str) -> str:
    if band == "p50":
        return text("中值", language)
    key = "{level}% 区间下限" if band.startswith("lo") else "{level}% 区间上限"
    return text(key, language, level=band[2:])


def _came(opened: OpenedForecast, units: Units, language: str) -> list[Content]:
    """Return what was forecast last of steps that are known by now, beside what came."""
    of_parts = opened.series == "revenue" or len(opened.point.target) == len("2026")
    note = text("收益和年度值没有到期的实际，下为所依据的月度减排量", language) if of_parts else ""
    said = el("P", note, cls="step-none") if note else None
    if not opened.came:
        return [said, el("P", text("尚无已到期的预测", language), cls="step-none")]
    count = text(
        "{count} 期中 {inside} 期落在 80% 区间内；偏差 =（实际 − 预测中值）÷ 预测中值",
        language, count=len(opened.came), inside=inside_of(opened.came),
    )  # fmt: skip
    return [said, table(opened.came, units, language), el("P", count, cls="step-none")]


def _tests(tables: Sequence[tuple[str, Sequence[Backtest]]], language: str) -> Content:
    """Return the backtests of all models that were tried; the one in force first."""
    rows: list[list[Content]] = [
        [name, text(fan.MODELS[one.model], language), fan.ratio_words(one.mase),
         fan.ratio_words(one.smape_pct, 1), fan.percent(one.coverage80, 1),
         f"{one.intervals} / {one.origins}", text("采用", language) if one.champion else ""]
        for name, tests in tables for one in tests
    ]  # fmt: skip
    if not rows:
        return el("P", text("没有可检验的回测", language), cls="step-none")
    head = ("序列", "模型", "MASE", "sMAPE %", "80% 覆盖", "n / 起点数", "")
    marks = ("", "", "num", "num", "num", "num", "")
    titles = [(text(word, language) if word else "", mark)
              for word, mark in zip(head, marks, strict=True)]  # fmt: skip
    few = fan.few_words(language, [one for _, tests in tables for one in tests])
    return [el("Div", drawer_table(titles, rows), cls="one-line"),
            el("P", few, cls="step-none") if few else None]  # fmt: skip
