"""The month's days beside the counts of alarms (5.3 f): energy as colour, open alarms as rings."""

from __future__ import annotations

from datetime import date

from figures.cells import Cell, Key
from figures.charts import unsure
from figures.html import Content, Node, el, link
from figures.number import exact, written
from figures.view import View

STEPS = 5


def month_heat(view: View, key: Key) -> Content:
    """Return the last month of the axis day by day; nothing where no day is known.

    Parameters
    ----------
    view
        With the day figures and the alarm issues of its sites.
    key
        The figure whose days are coloured, kgce.
    """
    month = view.last.months[-1]
    days = [day for day in view.days.periods(key) if day[:7] == month]
    if not days:
        return None
    cells = {day: view.days.cell(key, day) for day in days}
    known = [cell.value for cell in cells.values() if cell is not None and cell.value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    names = view.t("一 二 三 四 五 六 日").split()
    first = date.fromisoformat(f"{month}-01")
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    every = [f"{month}-{day:02d}" for day in range(1, (after - first).days + 1)]
    grid = [el("Span", name, cls="heat-name", aria_hidden="true") for name in names]
    grid += [el("Span", aria_hidden="true") for _ in range(first.weekday())]
    grid += [_day(view, day, cells.get(day), low, high) for day in every]
    measure = view.units.of("kgce")
    ends = view.t(
        "日能耗 {low} ～ {high} {unit}", unit=measure.word, low=_number(low, measure.scale),
        high=_number(high, measure.scale),
    )  # fmt: skip
    return [el("Div", grid, cls="heat", role="group", aria_label=view.t("本月每日能耗与告警")),
            _legend(view, ends)]  # fmt: skip


def _number(value: float, scale: object) -> str:
    shown = exact(value) * exact(float(str(scale)))
    return written(shown, 2)


def _level(value: float, low: float, high: float) -> int:
    if high <= low:
        return 3
    return min(int((value - low) / (high - low) * STEPS), STEPS - 1) + 1


def _day(view: View, day: str, cell: Cell | None, low: float, high: float) -> Node:
    here = [one for one in view.issues if one.status != "closed" and one.first <= day <= one.last]
    measure = view.units.of("kgce")
    words = [day]
    cls = "heat-day"
    if cell is not None and cell.value is not None:
        cls += f" heat-{_level(cell.value, low, high)}"
        words.append(f"{_number(cell.value, measure.scale)} {measure.word}")
    elif cell is not None:
        words.append(view.t("缺数"))
    if cell is not None and (cell.value is None or unsure(cell)):
        cls += " heat-foot"
        words.append(view.t("含估算或缺数"))
    if here:
        cls += " heat-ring"
        words.append(view.t("{count} 条未关闭的告警", count=len(here)))
    said = view.joined(*words)
    number = str(int(day[8:]))
    if here and view.alerts:
        target = f"{view.alerts}?month={day[:7]}&day={int(day[8:])}"
        return link(target, number, cls=cls, title=said)
    return el("Span", number, cls=cls, title=said)


def _legend(view: View, ends: str) -> Node:
    scale = [el("Span", cls=f"heat-key heat-{n}") for n in range(1, STEPS + 1)]
    return el(
        "Div",
        el("Span", el("Span", view.t("低")), scale, el("Span", view.t("高")), cls="heat-scale"),
        el("Span", el("Span", cls="heat-key heat-ring", aria_hidden="true"), " ",
           view.t("未关闭的告警")),
        el("Span", el("Span", cls="heat-key heat-foot", aria_hidden="true"), " ",
           view.t("含估算或缺数")), el("Span", ends), cls="heat-legend",
    )  # fmt: skip
