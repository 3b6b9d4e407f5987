"""可售量 from gross to sellable, and the switch of every source beside its potential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

from accounting.sellable import (
    ESTIMATED,
    GROSS,
    INELIGIBLE,
    NEGATIVE,
    PROJECT,
    SELLABLE,
    STEPS,
    UNCERTAIN,
    LineMonth,
)
from accounting.sellable import waterfall as steps_of
from figures.cards import Built, Plot
from figures.cells import Cell, Key, total
from figures.cells import view as viewed
from figures.html import Content, Node, el, icon
from figures.lifecycle import STEP, TOTAL, Said, Step, signed, waterfall
from figures.number import attributes, figure_button, kpi_decimals, shown_value, written
from figures.sales import LINES, SOURCE_WORDS, Sales, Source
from figures.sheet import Series, Sheet
from figures.view import View

# Of every step its title, colour and rule.
RULES = {
    GROSS: ("毛减排", "role.substitution", "再生产物替代原生产物的排放 BE"),
    PROJECT: ("项目排放", "role.emission", "收集到处理全流程的排放 PE + LE"),
    NEGATIVE: ("净增排月份", "equip.other", "净增排的月份按 0 计，不结转"),
    ESTIMATED: ("估算数据", "equip.hvac", "因数据估算而加大的保守系数扣减"),
    UNCERTAIN: ("不确定度折扣", "equip.dismantling", "R × (1 − CF(u))，CF 按不确定度取值"),
    INELIGIBLE: ("无适用方法学", "energy.total", "没有登记方法学和佐证的来源不可售"),
    SELLABLE: ("可售量", "role.reduction", "Σ 适用 × max(0, R) × CF(u)"),
}


def sellable(view: View) -> Built:
    """Return the waterfall of the range; every step says its rule and opens what it is made of."""
    sales = view.sales
    if sales is None or not sales.site:
        return Built(empty=view.t("可售量属于一个站点，请先只选一个站点"))
    if view.lens is not None:
        return Built(empty=view.t("可售量只按账本口径给出"))
    months = [month for span in view.periods for month in span.months]
    rows, cells, missing = _rows(view, sales, months)
    if not rows:
        return Built(empty=view.t("所选期间没有碳减排量的数值。"))
    amounts = steps_of(rows)
    shown = [step for step in STEPS if step != NEGATIVE or amounts[step]]
    found = [_cell(view, step, float(amounts[step]), cells) for step in shown]
    steps = _steps(view, shown, found)
    group = Said("", "kgCO2e", (Series(view.t("变化"), "energy.total", tuple(found)),),
                 said=tuple(step.words for step in steps))  # fmt: skip
    labels = tuple(step.name for step in steps)
    left_out = view.t("{count} 个线·月没有数值，未计入", count=missing) if missing else ""
    return Built(
        subtitle=view.joined(view.units.of("kgCO2e").word, view.range_words(), left_out),
        plots=(Plot(waterfall(steps)),),
        body=_rules(view, shown, steps),
        foot=view.t("各步相加等于可售量；保守系数见核算依据"),
        lead=found[-1],
        sheet=Sheet(labels, (group,), tuple(found), view.t("步骤"),
                    notes=tuple((view.t(RULES[step][2]),) for step in shown)),
    )  # fmt: skip


def _rows(
    view: View, sales: Sales, months: Sequence[str]
) -> tuple[list[LineMonth], dict[str, list[Cell]], int]:
    """Return the known lines and months, the ledger's rows they are of, and how many are not."""
    rows, missing = [], 0
    cells: dict[str, list[Cell]] = {GROSS: [], PROJECT: [], NEGATIVE: [], SELLABLE: []}
    for line in LINES:
        for month in months:
            found = [view.book.cell((name, "line", line), month) for name in
                     ("product_substitution", "lifecycle_emission", "reduction",
                      "creditable_reduction")]  # fmt: skip
            gross, burden, net, credited = found
            factors = sales.discounts.get((line, month))
            if net is None or net.value is None or factors is None or gross is None:
                missing += 0 if net is None and gross is None else 1
                continue
            if gross.value is None or burden is None or burden.value is None:
                missing += 1
                continue
            eligible = line in sales.eligible
            rows.append(LineMonth(gross.value, burden.value, net.value, *factors, eligible))
            cells[GROSS].append(gross)
            cells[PROJECT].append(burden)
            cells[NEGATIVE].append(net)
            cells[SELLABLE] += [credited] if credited is not None else []
    return rows, cells, missing


def _cell(view: View, step: str, amount: float, cells: dict[str, list[Cell]]) -> Cell:
    """Return a step's number: the ledger's own sum, or one that is made of it by the step's rule.

    What is sellable is the ledger's creditable reduction; it stands as that.
    """
    if step == GROSS:
        return total(cells[GROSS])
    of = cells[PROJECT] if step == PROJECT else cells[NEGATIVE]
    of = cells[SELLABLE] or of if step == SELLABLE else of
    return replace(viewed(amount, "kgCO2e", of), note=view.t(RULES[step][2]))


def _steps(view: View, names: Sequence[str], cells: Sequence[Cell]) -> list[Step]:
    measure = view.units.of("kgCO2e")
    values = [shown_value(cell, measure) for cell in cells]
    decimals = 0 if max((abs(v) for v in values if v is not None), default=0) >= 1000 else 1
    ends = (values[0], values[-1])
    whole = written(ends[0], decimals), written(ends[1], decimals)
    gap = _rounded(ends[1], decimals) - _rounded(ends[0], decimals)
    words = [whole[0], *signed(values[1:-1], gap, decimals), whole[1]]
    return [
        Step(view.t(RULES[name][0]), None if value is None else float(value),
             TOTAL if name in (GROSS, SELLABLE) else STEP, RULES[name][1], said,
             attributes(cell), attributes(cell))
        for name, value, said, cell in zip(names, values, words, cells, strict=True)
    ]  # fmt: skip


def _rounded(value: Decimal | None, decimals: int) -> Decimal:
    return (value or Decimal(0)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)


def _rules(view: View, names: Sequence[str], steps: Sequence[Step]) -> Node:
    """Return the rule of every step in words."""
    items = [
        el("Div", el("Dt", step.name, " ", el("Span", step.words, cls="num")),
           el("Dd", view.t(RULES[name][2])), cls="rule")
        for name, step in zip(names, steps, strict=True)
    ]  # fmt: skip
    return el("Dl", items, cls="rules", aria_label=view.t("每一步的规则"))


# ---- eligibility ----

_POTENTIAL: dict[str, Key] = {
    **{line: ("reduction", "line", line) for line in LINES},
    **{name: ("substitution", "source", name) for name in ("pv", "charger", "heat_pump")},
}


def eligibility(view: View) -> Built:
    """Return every source: its potential over the range beside its switch, default no (D-7)."""
    sales = view.sales
    if sales is None or not sales.site:
        return Built(empty=view.t("适用性属于一个站点，请先只选一个站点"))
    months = [month for span in view.periods for month in span.months]
    rows = [_source(view, one, sales, months) for one in sales.sources]
    count = len(sales.eligible)
    return Built(
        subtitle=view.joined(
            view.t("{count} 个来源有适用方法学", count=count), view.range_words(),
            view.t("潜在量，不相加"), view.lens_words,
        ),
        body=el(
            "Div", el("Ul", rows, cls="sources", data_site=sales.site),
            el("P", icon("info"), view.t(
                "光伏自用已含在各线的减排量中，另计会重复；充电桩和热泵不属于拆解减排量，须单独立项：三者只列潜在量，"
                "不计可售量和收益"
            ), cls="sale-note"),
        ),
        foot=view.t("改动须由另一人批准，批准后重算"),
        mark=el("Span", icon("shield-check"), view.t("默认不适用"), cls="badge badge-stale"),
    )  # fmt: skip


def _amount(view: View, cell: Cell | None) -> Content:
    if cell is None:
        return "--"
    measure = view.units.of(cell.unit)
    value = shown_value(cell, measure)
    words = written(value, kpi_decimals(value) if value else 0)
    return [figure_button(cell, words, view.language), f" {measure.word}"]


def _source(view: View, one: Source, sales: Sales, months: Sequence[str]) -> Node:
    name = view.t(SOURCE_WORDS[one.source])
    potential = _amount(view, view.book.over(_POTENTIAL[one.source], months, ""))
    creditable = view.book.over(("creditable_reduction", "line", one.source), months, "")
    issuable = _amount(view, creditable) if one.source in LINES else view.t("不计入")
    kind, sign, words = (
        ("ok", "circle-check", "有方法学") if one.eligible else ("stale", "circle-x", "无方法学")
    )
    facts = [f"{one.methodology} · #{one.evidence}"] if one.methodology else []
    edit = el(
        "Button", icon("square-pen"), cls="tool", type="button", data_ask="eligibility",
        data_of=one.source, aria_label=view.t("修改适用性：{name}", name=name),
        title=view.t("修改适用性：{name}", name=name),
    ) if sales.keeps else None  # fmt: skip
    waits = el(
        "A", icon("clock"), view.t("申请 {number} 待批准", number=one.waiting),
        href=f"/closing?proposal={one.waiting}", cls="badge badge-warn",
    ) if one.waiting else None  # fmt: skip
    return el(
        "Li",
        el("Div", el("Strong", name),
           el("P", el("Span", view.t("潜在"), " ", potential),
              el("Span", view.t("可签发"), " ", issuable), cls="document-facts"),
           el("P", el("Span", facts, data_verbatim="1"), cls="document-facts") if facts else None,
           waits, cls="document-words"),
        el("Div", el("Span", icon(sign), view.t(words), cls=f"badge badge-{kind}"), edit,
           cls="document-side"),
        cls="document", data_source=one.source,
    )  # fmt: skip
