"""The trace drawer: formula, factors, activity data, readings of a figure (DESIGN §3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import fsum
from typing import Any

from accounting.montecarlo import Band, Driver
from figures.cells import Cell, part_of, share
from figures.focus import DIMENSIONS, focus_of
from figures.formulas import formula_words
from figures.html import Content, Node, core, el, icon
from figures.number import (
    MINUS,
    Units,
    badge,
    exact,
    figure_button,
    kpi_decimals,
    shown_value,
    written,
)
from figures.view import period_words
from translations import text

Row = Mapping[str, Any]
PARTS_SHOWN = 60
DRIVERS_SHOWN = 3
# The band is drawn after the drawer has opened. Its place bears the name of the page that every
# role may open, as the sheet does.
BAND = {"page": "overview", "part": "band"}
BAND_ASKED = {"page": "overview", "part": "band-asked"}


@dataclass(frozen=True)
class Opened:
    """A figure as the drawer shows it.

    Parameters
    ----------
    name, entity
        The indicator and its entity in words.
    figure, terms, meters, versions
        The ledger row, its terms, the meters behind it, its versions from the newest on.
    factors
        Factor rows by identifier: name, value, unit, source, reference, validity, confidence.
    settled_at, check
        When it was computed, site-local, and its check value.
    letter
        Its data quality, A to D; None where there is none to tell.
    simulated
        Whether a band is drawn for it.
    parts
        The ledger rows that it is parted into, named by their part.
    months
        The ledger rows that a year's figure adds up, named by their month.
    opens
        Whether the reader may walk on to the meters' readings.
    """

    name: str
    entity: str
    figure: Row
    terms: Sequence[Row]
    meters: Sequence[Row]
    versions: Sequence[Row]
    factors: Mapping[str, Row]
    settled_at: datetime
    check: str
    demo: bool = False
    letter: str | None = None
    simulated: bool = False
    parts: Sequence[Part] = ()
    months: Sequence[Part] = ()
    opens: bool = True


@dataclass(frozen=True)
class TermGroup:
    """Terms that share kind, unit and coefficient: one line of the activity table."""

    kind: str
    unit: str
    coefficient: float
    factor_id: str
    terms: tuple[Row, ...] = field(default=())

    @property
    def quantity(self) -> float:
        """The sum of their quantities, in their unit."""
        return fsum(float(term["quantity"]) for term in self.terms)

    @property
    def amount(self) -> float:
        """What they add to the figure, in its unit."""
        return fsum(float(term["quantity"]) * float(term["coefficient"]) for term in self.terms)


def grouped(terms: Sequence[Row]) -> list[TermGroup]:
    """Return the terms that add to a figure, put together where only their source differs."""
    found: dict[tuple[str, str, float, str], list[Row]] = {}
    for term in terms:
        if term["kind"] == "divisor":
            continue
        key = (term["kind"], term["unit"], term["coefficient"], term["factor_id"] or "")
        found.setdefault(key, []).append(term)
    groups = [TermGroup(*key, tuple(rows)) for key, rows in found.items()]
    return sorted(groups, key=lambda group: -abs(group.amount))


_KINDS = {
    "meter": "计量表", "fuel": "燃油记录", "batch": "拆解批次", "trip": "运输记录",
    "job": "作业记录", "area": "建筑面积", "devices": "设备台账", "vehicle": "车辆记录",
    "figure": "账本数值", "divisor": "除数", "setting": "站点设置", "month": "月度数据",
    "output": "产出记录", "factor": "因子", "green_electricity": "绿电合同",
    "green_certificate": "已售绿证", "vehicles": "车辆数", "heat_pump_hours": "热泵运行小时",
    "device": "设备台账", "km": "长度", "unit": "台数", "price": "成交记录", "alarm": "告警",
}  # fmt: skip

_RULES = {
    "sum": "各部分之和", "share": "部分 ÷ 合计 × 100%",
    "change": "（本期 − 基期）÷ 基期，或本期 − 基期",
    "ratio": "分子 ÷ 分母", "count": "个数", "view": "由下列数值即时计算，不入账",
}  # fmt: skip


def amount_words(value: float | None) -> str:
    """Return a quantity of the drawer: two decimals, more where it would vanish."""
    if value is None:
        return "--"
    decimal = exact(value)
    decimals = 2 if decimal == 0 or abs(decimal) >= Decimal("0.1") else 4
    return written(decimal, decimals)


def _coefficient(value: float) -> str:
    return f"{value:.6g}".replace("-", MINUS)


def figure_drawer(opened: Opened, language: str, address: str) -> list[Node]:
    """Return the drawer of one ledger row."""
    cell = _cell(opened.figure)
    return drawer_frame(
        _head(opened, cell, language),
        [
            _certainty(opened, language),
            _formula(opened, cell, language), _factors(opened, language),
            _activity(opened, cell, language), _readings(opened, language),
            _below(opened, cell, language), _foot(opened, language),
        ],
        [
            el("A", icon("download"), el("Span", text("下载核算单 CSV", language)), cls="button",
               href=address, download="", target="_self"),
            _filter(opened, language), _module(opened, language), _copy(language),
            _compare(opened, language),
        ],
        language,
    )  # fmt: skip


def _filter(opened: Opened, language: str) -> Node | None:
    """Return the button that filters the page by the part that a figure is of."""
    name = (opened.figure["indicator"], opened.figure["dimension"], opened.figure["entity"])
    part = part_of(name)
    if not part:
        return None
    words = text("按{name}筛选本页", language, name=opened.entity)
    return el("Button", icon("funnel"), el("Span", words), cls="button", type="button",
              data_filter=part)  # fmt: skip


_MODULES = {
    "/process": "拆解流程", "/substitution": "替代情况", "/lifecycle": "全流程减碳",
    "/emission": "整体碳排放",
}  # fmt: skip
_LIFECYCLE = ("reduction", "product_substitution", "lifecycle_emission", "net_factor")


def module_of(indicator: str, part: str) -> str:
    """Return the path of the page that a part of a figure is looked into on; empty for none."""
    dimension = part.partition(":")[0]
    if indicator in _LIFECYCLE or dimension in ("stage", "material"):
        return "/lifecycle"
    return {
        "line": "/process", "equipment": "/process", "source": "/substitution",
        "building": "/emission", "group": "/emission", "medium": "/emission", "scope": "/emission",
    }.get(dimension, "")  # fmt: skip


def _module(opened: Opened, language: str) -> Node | None:
    """Return the button that leads to a figure's page, filtered by the figure's part.

    assets/45-drill.js takes it away where the reader is on that page already.
    """
    indicator = str(opened.figure["indicator"])
    part = focus_of(indicator, opened.figure["dimension"], opened.figure["entity"])
    path = module_of(indicator, part)
    if not path or not opened.opens:
        return None
    words = text("到{page}", language, page=text(_MODULES[path], language))
    return el("Button", icon("chevron-right"), el("Span", words), cls="button", type="button",
              data_module=path, data_part=part)  # fmt: skip


def drawer_frame(head: Content, body: Content, foot: Content, language: str) -> list[Node]:
    """Return a drawer: what it is of, its steps, what can be done with it."""
    close = text("关闭", language)
    way = text("来路", language)
    return [
        el("Div", cls="drawer-shade"),
        el(
            "Div",
            el("Nav", cls="drawer-crumbs", aria_label=way, data_back=text("返回", language)),
            el("Div", el("Div", head, cls="drawer-title"),
               el("Button", icon("x"), cls="tool drawer-close", type="button", data_do="close",
                  aria_label=close, title=close), cls="drawer-head"),
            el("Div", body, cls="drawer-body", tabIndex="0", data_scroll="y"),
            el("Div", foot, cls="drawer-foot"),
            cls="drawer", role="dialog", aria_modal="true", aria_label=text("核算依据", language),
        ),
    ]  # fmt: skip


def _cell(figure: Row) -> Cell:
    flags = frozenset(figure["flags"].split(";")) if figure["flags"] else frozenset()
    return Cell(
        figure["value"], figure["unit"], (figure["figure_id"],), "", figure["quality"],
        figure.get("measured_pct"), figure.get("estimated_pct"), flags, figure["period"],
    )  # fmt: skip


def _head(opened: Opened, cell: Cell, language: str) -> Content:
    measure = Units().of(cell.unit)
    shown = shown_value(cell, measure)
    entity = f"，{opened.entity}" if opened.entity else ""
    entity = entity.replace("，", ", ") if language == "en" else entity
    when = period_words(str(opened.figure["period"]), language)
    joint = "，" if language == "zh" else ", "
    demo = el("Span", icon("flask-conical"), text("演示数据", language), cls="badge badge-demo")
    return [
        el("Div", el("Span", text("核算依据", language), cls="drawer-kind"),
           demo if opened.demo else None, cls="drawer-marks"),
        el("H2", f"{opened.name}{entity}{joint}{when}", cls="drawer-name"),
        el("Div",
           el("Span", written(shown, max(2, kpi_decimals(shown))), cls="num kpi-value",
              data_figure=cell.ids[0], data_value="" if cell.value is None else repr(cell.value)),
           el("Span", measure.word, cls="value-unit"), badge(cell, language),
           cls="value-line drawer-value"),
    ]  # fmt: skip


# How sure a figure is --------------------------------------------------------------------------

_ACTIVITIES = {
    "weighbridge": "地磅称重", "tonne_km": "货运周转量", "fuel_log": "加油记录",
    "electricity_meter": "电表", "water_meter": "水表", "heat_meter": "热量表",
    "odometer": "里程表", "allocation": "公用资源分摊", "estimated": "估算的数据",
}  # fmt: skip


def _certainty(opened: Opened, language: str) -> Content:
    """Return how sure the figure is; a band comes after the drawer."""
    if not opened.simulated:
        inside = tier_one(opened, language)
        return el("Div", inside, cls="band") if inside else None
    waits = el("Div", text("正在抽样…", language), cls="band-waits")
    return [
        core("Store", id=BAND_ASKED, data={"figure": opened.figure["figure_id"]}),
        el("Div", waits, id=BAND, cls="band", aria_live="polite"),
    ]


def tier_one(opened: Opened, language: str, note: str = "") -> list[Node]:
    """Return a figure's uncertainty by error propagation and its data quality."""
    pct = opened.figure.get("uncertainty_pct")
    notes = [el("P", note, cls="band-how")] if note else []
    if pct is None and opened.letter is None:
        return notes
    half = None if pct is None else f"±{written(exact(pct), 1)}%"
    line = el(
        "P", _name_of(text("不确定度", language)), el("Span", half or "--", cls="band-range"),
        el("Span", text("95% 区间的半宽，误差传递", language), cls="band-how"),
        _letter(opened.letter, language), cls="band-line",
    )  # fmt: skip
    return [line, *notes]


def band_parts(band: Band, opened: Opened, language: str) -> list[Node]:
    """Return a figure's 95 % interval, how it was drawn, and what makes it wide."""
    low, high = _ends(band, opened)
    measure = Units().of(str(opened.figure["unit"]))
    half = "" if band.half_pct is None else f"±{written(exact(band.half_pct), 1)}%"
    joint = " ～ " if language == "zh" else " to "
    line = el(
        "P", _name_of(text("95% 区间", language)),
        el("Span", f"{low}{joint}{high}", cls="band-range"), el("Span", measure.word),
        el("Span", half), _letter(opened.letter, language), cls="band-line",
    )  # fmt: skip
    how = text("联合抽样 {draws} 次，种子 {seed}；质量闭合，同一因子只抽一次", language,
               draws=f"{band.draws:,}", seed=band.seed)  # fmt: skip
    rows = [_driver(driver, opened, language) for driver in band.drivers[:DRIVERS_SHOWN]]
    drivers = [
        el("P", text("区间主要来自（占方差）", language), cls="band-name"),
        el("Ul", rows, cls="band-drivers"),
    ]
    return [line, el("P", how, cls="band-how"), *(drivers if rows else [])]


def _ends(band: Band, opened: Opened) -> tuple[str, str]:
    """Return both ends of a band in the unit the drawer shows."""
    measure = Units().of(str(opened.figure["unit"]))
    low, high = (exact(end) * measure.scale for end in (band.lo95, band.hi95))
    return written(low, 2), written(high, 2)


def driver_words(driver: Driver, opened: Opened, language: str) -> str:
    """Return what a driver is: a factor by its name, or a class of activity data."""
    if not driver.factor_ids:
        return text(_ACTIVITIES.get(driver.name, driver.name), language)
    factor = opened.factors.get(driver.name)
    if factor is None:
        return driver.name
    english = language == "en" and factor["name_en"]
    return str(factor["name_en"] if english else factor["name_zh"])


def _driver(driver: Driver, opened: Opened, language: str) -> Node:
    share = written(exact(driver.share_pct), 1)
    ident = el("Span", driver.name, cls="note") if driver.factor_ids else None
    bar = el("Div", el("Div", cls="bar-fill", style={"width": f"{driver.share_pct:.1f}%"}),
             cls="bar-track", aria_hidden="true")  # fmt: skip
    return el(
        "Li", el("Span", driver_words(driver, opened, language), " ", ident), bar,
        el("Span", f"{share}%", cls="band-share"), cls="band-driver",
    )  # fmt: skip


def _name_of(words: str) -> Node:
    return el("Span", words, cls="band-name")


def _letter(letter: str | None, language: str) -> Node | None:
    if letter is None:
        return None
    return el("Span", text("数据质量 {letter}", language, letter=letter), cls="band-letter",
              title=text("A 最好，D 最差", language))  # fmt: skip


def drawer_step(number: int, title: str, note: Content, inside: Content) -> Node:
    """Return a step of a drawer with its number, title and a note beside it."""
    return el(
        "Section",
        el("Div", el("Span", str(number), cls="step-number", aria_hidden="true"), el("H3", title),
           el("Span", note, cls="step-note") if note else None, cls="step-head"),
        inside, cls="step",
    )  # fmt: skip


def _formula(opened: Opened, cell: Cell, language: str) -> Node:
    groups = [group for group in grouped(opened.terms) if group.amount]
    put_in = " + ".join(
        f"{amount_words(g.quantity)} {g.unit} × {_coefficient(g.coefficient)}" for g in groups[:8]
    )
    more = text(" + 其余 {count} 项", language, count=len(groups) - 8) if len(groups) > 8 else ""
    divisor = next((t for t in opened.terms if t["kind"] == "divisor"), None)
    parts = " + ".join(amount_words(g.amount) for g in groups[:8]).replace(
        f"+ {MINUS}", f"{MINUS} "
    )
    inside = [
        el("P", formula_words(str(opened.figure["formula"]), language), cls="formula-words"),
        el("P", f"= {put_in}{more}") if put_in else None,
        el("P", f"= {parts}{more} = ",
           el("Strong", f"{amount_words(cell.value)} {cell.unit}")) if put_in else None,
    ]  # fmt: skip
    if divisor is not None:
        words = text("系数已除以 {quantity} {unit}", language,
                     quantity=amount_words(divisor["quantity"]), unit=divisor["unit"])  # fmt: skip
        inside.append(el("P", words, cls="step-note"))
    note = text("口径 {factor_set}", language, factor_set=opened.figure["factor_set"])
    return drawer_step(1, text("计算公式", language), note, el("Div", inside, cls="formula"))


def _factors(opened: Opened, language: str) -> Node:
    used = sorted(
        {name for term in opened.terms for name in (term["factor_id"] or "").split(";") if name}
    )
    if not used:
        inside: Content = el("P", text("这个数值不用因子", language), cls="step-none")
    else:
        head = [text(word, language) for word in ("因子", "取值", "出处与适用")]
        inside = drawer_table(
            [(head[0], ""), (head[1], "num"), (head[2], "")],
            [_factor_row(opened.factors[name], language) for name in used],
        )
    return drawer_step(2, text("排放因子", language), None, inside)


_SURE = {"high": "高", "medium": "中", "low": "低"}


def _ident(words: str) -> list[Content]:
    """Return an identifier that may go on in the next line after each of its underscores."""
    parts = words.split("_")
    return [*(piece for part in parts[:-1] for piece in (f"{part}_", el("Wbr"))), parts[-1]]


def _factor_row(factor: Row, language: str) -> list[Content]:
    name = factor["name_en"] if language == "en" and factor["name_en"] else factor["name_zh"]
    valid = text("适用 {begin} 起", language, begin=factor["valid_from"] or "--")
    if factor["valid_to"]:
        valid = text("适用 {begin} ～ {end}", language, begin=factor["valid_from"] or "--",
                     end=factor["valid_to"])  # fmt: skip
    confidence = text(_SURE.get(str(factor["confidence"]), "--"), language)
    sure = text("可信度 {confidence}", language, confidence=confidence)
    return [
        [el("Div", name), el("Div", _ident(factor["factor_id"]), cls="note")],
        [el("Div", f"{factor['value']:.10g}"), el("Div", factor["unit"], cls="note")],
        [el("Div", factor["source"], data_verbatim="1"),
         el("Div", factor["source_ref"], cls="note wrap", data_verbatim="1"),
         el("Div", f"{valid}  {sure}", cls="note")],
    ]  # fmt: skip


def _activity(opened: Opened, cell: Cell, language: str) -> Node:
    groups = grouped(opened.terms)
    if not groups:
        none = text("没有活动数据：数值不可知", language)
        return drawer_step(3, text("活动数据", language), None, el("P", none, cls="step-none"))
    note = text("{count} 项", language, count=len(opened.terms))
    if opened.months:
        inside: Content = _months(opened, cell, language)
        return drawer_step(3, text("活动数据", language), note, inside)
    head = [text(word, language) for word in ("输入", "数量", "计入", "占比")]
    rows = [_activity_row(group, cell, language) for group in groups]
    inside = [
        drawer_table([(head[0], ""), (head[1], "num"), (head[2], "num"), (head[3], "num")], rows),
        _terms(opened.terms, language),
    ]
    return drawer_step(3, text("活动数据", language), note, inside)


def _months(opened: Opened, cell: Cell, language: str) -> Node:
    """Return the months that a year's figure adds up, each to be opened."""
    head = [(text("期间", language), ""), (cell.unit, "num"), (text("占比", language), "num"),
            (text("质量", language), "")]  # fmt: skip
    rows = [
        [*_part_row(part, cell, language), badge(_cell(part.figure), language)]
        for part in opened.months
    ]
    return drawer_table(head, rows)


def _activity_row(group: TermGroup, cell: Cell, language: str) -> list[Content]:
    kind = _kind(group.kind, language)
    refs = [str(term["ref"]) for term in group.terms]
    if len(refs) > 1:
        name = text("{kind} {count} 项", language, kind=kind, count=len(refs))
    else:
        name = f"{kind} {refs[0]}"
    share = None if not cell.value else 100 * group.amount / cell.value
    return [
        [el("Div", name), el("Div", _ident(group.factor_id), cls="note wrap")],
        f"{amount_words(group.quantity)} {group.unit}",
        f"{amount_words(group.amount)} {cell.unit}" if group.coefficient else "--",
        "--" if share is None or not group.coefficient else f"{written(exact(share), 1)}%",
    ]


def _kind(kind: str, language: str) -> str:
    return text(_KINDS.get(kind, kind), language)


def _terms(terms: Sequence[Row], language: str) -> Node:
    """Return every term, folded: what a verifier adds up."""
    head = [text(word, language) for word in ("来源", "数量", "系数")]
    rows: list[list[Content]] = [
        [
            f"{_kind(str(term['kind']), language)} {term['ref']}",
            f"{amount_words(term['quantity'])} {term['unit']}",
            "÷" if term["kind"] == "divisor" else _coefficient(term["coefficient"]),
        ]
        for term in terms
    ]
    return el(
        "Details", el("Summary", text("展开每一项", language), cls="more"),
        drawer_table([(head[0], ""), (head[1], "num"), (head[2], "num")], rows),
    )  # fmt: skip


def _readings(opened: Opened, language: str) -> Node:
    title = text("原始读数", language)
    if not opened.meters:
        none = text("这个数值不经过计量表", language)
        return drawer_step(4, title, None, el("P", none, cls="step-none"))
    whole = opened.figure["value"]
    return meters_step(4, title, opened.meters, whole, language, opens=opened.opens)


def meters_step(
    number: int, title: str, meters: Sequence[Row], whole: object, language: str, *, opens: bool
) -> Node:
    """Return the step of a drawer that lists meters; ``whole`` is what they are a share of."""
    titles = ("计量点", "本期", "占本数", "质量")
    marks = ("", "num", "num", "")
    head = [(text(word, language), mark) for word, mark in zip(titles, marks, strict=True)]
    rows = [_meter_row(meter, whole, language, opens=opens) for meter in meters]
    note = text("{count} 块表", language, count=len(meters))
    return drawer_step(number, title, note, drawer_table(head, rows))


def _meter_share(meter: Row, whole: object) -> str:
    """Return what a meter adds to a figure, in percent of it; -- where that says nothing."""
    if not whole or meter["amount"] is None:
        return "--"
    return f"{written(exact(100 * float(meter['amount']) / float(str(whole))), 1)}%"


def _meter_row(meter: Row, whole: object, language: str, *, opens: bool) -> list[Content]:
    newest = meter["newest"]
    unit = {"electricity": "kWh", "water": "m³", "heat": "kWh"}.get(meter["medium"] or "", "")
    quantity = None if meter["quantity"] is None else float(meter["quantity"])
    hours = meter["expected_h"] or 0.0
    sure = 100 * (meter["measured_h"] or 0.0) / hours if hours else None
    guessed = 100 * (meter["estimated_h"] or 0.0) / hours if hours else None
    quality = ("measured", "estimated", "incomplete", "null")[int(meter["quality"])]
    cell = Cell(quantity, unit, (), "", quality, sure, guessed)
    name = meter["name"] or meter["meter_id"]
    first, last = str(meter["first"]), str(meter["last"])
    leads: dict[str, str] = {
        "data_meter": str(meter["meter_id"]), "data_site": str(meter["site"]),
        "data_period": first if first == last else f"{first}/{last}",
    }  # fmt: skip
    title = el("Button", name, cls="drill", type="button", data_verbatim="1", **leads)
    return [
        [title if opens else el("Div", name, data_verbatim="1"),
         el("Div", meter["meter_id"], cls="note"),
         el("Div", text("末次 {time}", language, time=f"{newest:%m-%d %H:%M}"), cls="note")
         if newest else None],
        f"{amount_words(quantity)} {unit}",
        _meter_share(meter, whole),
        badge(cell, language),
    ]  # fmt: skip


def _below(opened: Opened, cell: Cell, language: str) -> Node | None:
    """Return the parts that the ledger has of a figure, each to be opened; none without parts."""
    if not opened.parts:
        return None
    head = [(text("部分", language), ""), (cell.unit, "num"), (text("占比", language), "num")]
    groups: dict[str, list[Part]] = {}
    for part in opened.parts:
        groups.setdefault(str(part.figure["dimension"]), []).append(part)
    tables = []
    for dimension, parts in groups.items():
        rows = [_part_row(part, cell, language) for part in parts]
        title = text(DIMENSIONS.get(dimension, "部分"), language)
        tables.append(el("P", title, cls="band-name"))
        tables.append(drawer_table(head, rows))
    note = text("点数值往下看", language)
    return drawer_step(5, text("各部分", language), note, tables)


def _part_row(part: Part, whole: Cell, language: str) -> list[Content]:
    cell = _cell(part.figure)
    of = share(cell, whole).value
    said = "--" if of is None else f"{written(exact(of), 1)}%"
    return [part.name, figure_button(cell, amount_words(cell.value), language), said]


def _foot(opened: Opened, language: str) -> Node:
    check = " ".join(opened.check[at : at + 4].upper() for at in (0, 4, 8, 12))
    words = [
        text("计算于 {at}，第 {run} 次结算，校验码 SM3 {check}", language,
             at=f"{opened.settled_at:%Y-%m-%d %H:%M:%S}", run=opened.figure["run"], check=check)
    ]  # fmt: skip
    if len(opened.versions) > 1:
        before = opened.versions[1]
        words.append(
            text("上一版 {value} {unit}，{cause}后修正", language, unit=opened.figure["unit"],
                 value=amount_words(before["value"]),
                 cause=_cause(opened.figure["cause"], language))
        )  # fmt: skip
    return el("Div", [el("P", line) for line in words], cls="drawer-notes")


_CAUSES = {
    "late data": "补录数据", "correction": "更正数据", "factor": "因子变更", "method": "方法变更",
    "setting": "设置变更", "meter register": "计量表变更",
}  # fmt: skip


def _cause(cause: str | None, language: str) -> str:
    return text(_CAUSES.get(cause or "") or cause or "--", language)


def _copy(language: str) -> Node:
    return el("Button", icon("link"), el("Span", text("复制链接", language)), cls="button",
              type="button", data_do="link")  # fmt: skip


def _compare(opened: Opened, language: str) -> Node:
    """Return the versions of a figure, folded under their button."""
    rows: list[list[Content]] = []
    for at, version in enumerate(opened.versions):
        before = opened.versions[at + 1] if at + 1 < len(opened.versions) else None
        gap = None
        if before and before["value"] is not None and version["value"] is not None:
            gap = float(version["value"]) - float(before["value"])
        rows.append([
            f"{version['revision']}", f"{version['settled_at']:%Y-%m-%d %H:%M}",
            amount_words(version["value"]), "--" if gap is None else amount_words(gap),
            _cause(version["cause"], language) if version["cause"] else text("首次核算", language),
        ])  # fmt: skip
    head = [text(word, language) for word in ("版本", "核算时间", "数值", "变化", "原因")]
    marks = ["num", "num", "num", "num", ""]
    return el(
        "Details",
        el("Summary", icon("history"), el("Span", text("版本对比", language)), cls="button"),
        el("Div", drawer_table(list(zip(head, marks, strict=True)), rows), cls="menu versions"),
        cls="menu-box versions-box",
    )  # fmt: skip


def drawer_table(head: Sequence[tuple[str, str]], rows: Sequence[Sequence[Content]]) -> Node:
    """Return a table; each column has its title and the class of its cells."""
    return el(
        "Div",
        el("Table",
           el("Thead", el("Tr", [el("Th", word, cls=cls, scope="col") for word, cls in head])),
           el("Tbody", [el("Tr", [el("Td", inside, cls=cls)
                                  for inside, (_, cls) in zip(row, head, strict=True)])
                        for row in rows]), cls="trace-table"),
        cls="table-scroll",
    )  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A ledger row among those a number is made of, named in words."""

    name: str
    figure: Row


@dataclass(frozen=True)
class Number:
    """A number made of ledger rows, as the screen said it: value, unit, rule and words.

    Parameters
    ----------
    made
        The rule that a number of a view was made by; empty for a row under a view.
    note
        How it was made, in words: a denominator, the days of an estimate.
    """

    value: float | None
    unit: str
    rule: str
    made: str = ""
    note: str = ""


def _number_head(kind: str, name: str, number: Number, language: str) -> list[Content]:
    """Return the title of a number that is no ledger row."""
    shown = "--" if number.value is None else amount_words(number.value)
    return [
        el("Span", kind, cls="drawer-kind"),
        el("H2", name, cls="drawer-name"),
        el("Div", el("Span", shown, cls="num kpi-value"),
           el("Span", number.unit, cls="value-unit") if number.unit else None,
           cls="value-line drawer-value"),
        el("P", number.note, cls="drawer-note") if number.note else None,
    ]  # fmt: skip


@dataclass(frozen=True)
class Viewed:
    """A ledger row beside its value under a view; None where it is not known."""

    part: Part
    value: float | None


def view_drawer(parts: Sequence[Viewed], number: Number, title: str, language: str) -> list[Node]:
    """Return the drawer of a number of a view: the ledger's own beside it, and the difference."""
    name = text(_RULES[number.made], language) if number.made in _RULES else parts[0].part.name
    words = text("按此口径即时计算，不入账，没有核算编号。账本数值可点开。", language)
    rows = [_viewed_row(viewed, language) for viewed in parts[:PARTS_SHOWN]]
    if number.made == "sum":
        rows.append(_viewed_sum(parts, number, language))
    head = [
        (text(word, language), cls)
        for word, cls in (
            ("数值", ""),
            ("期间", ""),
            ("账本", "num"),
            ("此口径", "num"),
            ("差", "num"),
        )
    ]
    count = text("{count} 项", language, count=len(parts))
    inside = [el("P", words, cls="step-none"), drawer_table(head, rows), _left_out(parts, language)]
    step = drawer_step(1, text("与账本对照", language), count, inside)
    kind = text("口径：{name}", language, name=text(title, language))
    head_of = _number_head(kind, name, number, language)
    return drawer_frame(head_of, [step], [_copy(language)], language)


def _viewed_row(viewed: Viewed, language: str) -> list[Content]:
    cell = _cell(viewed.part.figure)
    return [
        viewed.part.name, str(viewed.part.figure["period"]),
        [figure_button(cell, amount_words(cell.value), language), f" {cell.unit}"],
        amount_words(viewed.value), _gap(viewed.value, cell.value),
    ]  # fmt: skip


def _viewed_sum(parts: Sequence[Viewed], number: Number, language: str) -> list[Content]:
    """Return the line that adds up the ledger's values; unknown as soon as one of them is."""
    values = [_cell(viewed.part.figure).value for viewed in parts]
    known = [value for value in values if value is not None]
    whole = fsum(known) if len(known) == len(values) else None
    return [
        el("Strong", text("合计", language)), "", f"{amount_words(whole)} {number.unit}",
        amount_words(number.value), _gap(number.value, whole),
    ]  # fmt: skip


def _gap(value: float | None, held: float | None) -> str:
    if value is None or held is None:
        return "--"
    words = amount_words(value - held)
    return f"+{words}" if value > held else words


def _left_out(parts: Sequence[object], language: str) -> Node | None:
    left = len(parts) - PARTS_SHOWN
    return el("P", text("另有 {count} 项，见 CSV", language, count=left)) if left > 0 else None


def parts_drawer(
    parts: Sequence[Part], number: Number, language: str, meters: Sequence[Row] = (), *,
    opens: bool = True,
) -> list[Node]:  # fmt: skip
    """Return the drawer of a number made of several ledger rows; rows and meters open."""
    rows: list[list[Content]] = []
    for part in parts[:PARTS_SHOWN]:
        cell = _cell(part.figure)
        rows.append([
            part.name, str(part.figure["period"]),
            [figure_button(cell, amount_words(cell.value), language), f" {cell.unit}"],
        ])  # fmt: skip
    head = [
        (text("数值", language), ""),
        (text("期间", language), ""),
        (text("取值", language), "num"),
    ]
    title = _number_head(
        text("核算依据", language), _parts_name(parts, number, language), number, language
    )
    count = text("{count} 项", language, count=len(parts))
    inside = [drawer_table(head, rows), _left_out(parts, language)]
    steps = [drawer_step(1, text("由这些账本数值得出", language), count, inside)]
    if meters:
        whole = fsum(float(part.figure["value"] or 0.0) for part in parts)
        named = text("各期的计量表", language)
        steps.append(meters_step(2, named, meters, whole, language, opens=opens))
    return drawer_frame(title, steps, [_copy(language)], language)


def _parts_name(parts: Sequence[Part], number: Number, language: str) -> str:
    """Return what a number is: periods of one name by that name, else its rule."""
    names = {part.name for part in parts}
    months = sorted(str(part.figure["period"]) for part in parts)
    if number.rule != "sum" or len(names) > 1 or any(len(month) != 7 for month in months):
        return text(_RULES.get(number.rule, number.rule), language)
    when = period_words(f"{months[0]}/{months[-1]}", language)
    return f"{names.pop()}{'，' if language == 'zh' else ', '}{when}"


def missing_drawer(language: str) -> list[Node]:
    """Return the drawer of a figure that is not in the ledger."""
    words = text("账本里没有这个数值：链接可能来自另一套系统", language)
    return drawer_frame(el("H2", text("找不到", language), cls="drawer-name"),
                  el("P", words, cls="step-none"), [], language)  # fmt: skip
