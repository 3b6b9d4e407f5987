"""导入: why doubtful rows are let pass, one reason a kind of warning (DESIGN §8.7)."""

from __future__ import annotations

from collections.abc import Mapping

from figures.html import Node, core, el, icon
from translations import text

ALL = "all"
LONGEST_REASON = 200
# Kinds of warnings, as the checks of files call them (data/ingest).
WARNINGS = {
    "repeated": "编号重复",
    "size": "数量级可疑",
    "limit": "超过每小时上限",
    "backward": "示数变小",
    "future": "日期在今天之后",
    "not_own": "非自有车辆填了油量",
    "not_used": "非用油的行填了设备或产线",
    "close": "收盘价与均价相差大",
    "no_limit": "没有小时上限",
    "no_rollover": "没有满度值",
    "header_unit": "按表头单位换算",
    "balance": "产出大于投入",
}


def reasons_card(warnings: Mapping[str, int], held: Mapping[str, str], language: str) -> Node:
    """Return where the reasons are written: a field for all kinds, and one for each.

    Parameters
    ----------
    warnings
        Kinds of warnings and how many rows each concerns.
    held
        What is written already.
    language
        Of the page.
    """
    fields = [
        _field(kind, text("{name}：{n} 行", language, name=text(WARNINGS[kind], language), n=rows),
               held, text("不填则用上一栏", language) if len(warnings) > 1 else "")
        for kind, rows in warnings.items()
    ]  # fmt: skip
    if len(warnings) > 1:
        fields.insert(0, _field(ALL, text("用于没有单独填写的各类", language), held, ""))
    head = el(
        "Div", icon("triangle-alert"),
        el("Div", el("H2", text("放行警告的说明", language), cls="card-title"),
           el("P", text("每类警告都要有说明，记入批次与审计", language), cls="card-sub"),
           cls="card-titles"),
        cls="card-head intake-reasons-head",
    )  # fmt: skip
    return el("Div", head, el("Div", fields, cls="intake-reasons"), cls="card")


def _field(name: str, label: str, held: Mapping[str, str], hint: str) -> Node:
    field = core("Input", name=name, type="text", value=held.get(name, ""), placeholder=hint,
                 maxLength=LONGEST_REASON, autoComplete="off")  # fmt: skip
    return el("Label", el("Span", label, cls="work-label"), field, cls="work-field",
              data_reason=name)  # fmt: skip
