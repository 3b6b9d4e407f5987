"""What the panels of 整体碳排放 (clause 5.3) show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache, partial
from statistics import quantiles

from accounting.decomposition import EFFECTS, Drivers, emission_effects
from figures import cards, charts
from figures.alert_heat import month_heat
from figures.budgets import budget_line
from figures.cards import Built, Indicator, Plot
from figures.cells import Cell, Key, change, difference, ratio, share, total
from figures.cells import view as viewed
from figures.focus import where_parted
from figures.html import Content, Node, el, link
from figures.number import (
    MINUS,
    apportioned,
    attributes,
    figure_button,
    kpi_decimals,
    percent_button,
    shown_value,
    written,
)
from figures.overview import LINES, OBJECTS, aim_line, grain_words, same_margin
from figures.sheet import Group, Series, Sheet, earlier, parted, series
from figures.view import Span, View, months_of, period_words, shifted, short_period, tick
from figures.years import estimate_line, estimates, index_line

ENERGY: Key = ("energy", "site", "site")
EMISSION: Key = ("emission", "site", "site")
ALARMS: Key = ("alarm_count", "medium", "total")
ALARM_MEDIA = (
    ("用电", "用电异常", "energy.electricity", "electricity"),
    ("用水", "用水异常", "energy.water", "water"),
    ("用油", "用油异常", "energy.oil", "diesel"),
)
ELECTRICITY: Key = ("electricity", "site", "site")
WATER: Key = ("water", "site", "site")
DIESEL: Key = ("diesel", "site", "site")
BUILDINGS = (("厂区", "equip.dismantling", "plant"), ("办公楼", "equip.office", "office"))
GROUPS = (
    ("拆解", "equip.dismantling", "dismantling"),
    ("空调", "equip.hvac", "ac"),
    ("办公", "equip.office", "office"),
    ("其他", "equip.other", "other"),
)
SCOPES = (
    ("范围一（直接）", "energy.oil", "scope1"),
    ("范围二（外购电）", "energy.electricity", "scope2"),
    ("范围三（用水）", "energy.water", "scope3"),
)
EMISSION_MEDIA = (
    ("外购电（间接）", "energy.electricity", "electricity"),
    ("柴油（直接）", "energy.oil", "diesel"),
    ("用水（间接）", "energy.water", "water"),
)
BAND_MONTHS = 12
BAND_LEAST = 8


def _unit_key(view: View, physical: Key, medium: str) -> Key:
    """Return a medium's ledger name in the unit that the reader chose: its own, or tce."""
    return ("energy", "medium", medium) if view.units.energy == "tce" else physical


def glance(view: View) -> Built:
    """Return energy, electricity, water and diesel of the last period (5.3 d)."""
    electricity = _unit_key(view, ELECTRICITY, "electricity")
    water = _unit_key(view, WATER, "water")
    diesel = _unit_key(view, DIESEL, "diesel")
    found = (
        (Indicator("总共用了多少", "能耗", ENERGY, "energy.total"), _energy_foot),
        (Indicator("用电多少", "用电量", electricity, "energy.electricity"),
         lambda v: budget_line(v, ELECTRICITY) or _pv_foot(v)),
        (Indicator("用水多少", "用水量", water, "energy.water"),
         lambda v: budget_line(v, WATER) or _office_water_foot(v)),
        (Indicator("用油多少", "用油量", diesel, "energy.oil"),
         lambda v: budget_line(v, DIESEL) or _diesel_foot(v)),
    )  # fmt: skip
    body = el("Div", [cards.each(view, partial(_glance, *one)) for one in found], cls="kpi-row")
    return Built(body=body, lead=where_parted(lambda: view.now(ENERGY)))


def _glance(what: Indicator, foot: Callable[[View], Content], view: View) -> Node:
    return cards.kpi(view, what, where_parted(lambda: foot(view)))


def _energy_foot(view: View) -> Content:
    share_of = where_parted(lambda: budget_line(view, ENERGY) or _share_foot(view))
    return [share_of, index_line(view, ENERGY)]


def _small(view: View, cell: Cell | None, tail: str) -> Content:
    """Return a number of a card's foot with the words after it."""
    if cell is None:
        return None
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    words = written(shown, kpi_decimals(shown))
    return [figure_button(cell, words, view.language), f" {measure.word}{tail}"]


def _share_foot(view: View) -> Content:
    part = share(view.now(("energy", "medium", "electricity")), view.now(ENERGY))
    return el("Span", view.t("用电占"), " ", percent_button(part, view.language))


def _pv_foot(view: View) -> Content:
    found = _small(view, view.now(("pv_self_use", "site", "site")), "")
    return el("Span", view.t("光伏自用"), " ", *found) if found else None


def _office_water_foot(view: View) -> Content:
    part = share(view.now(("water", "building", "office")), view.now(WATER))
    return el("Span", view.t("办公楼占"), " ", percent_button(part, view.language))


def _diesel_foot(view: View) -> Content:
    lines = view.kept("throughput", "line", LINES)
    masses = [view.now(("throughput", "line", line)) for _, _, line in lines]
    known = [mass for mass in masses if mass is not None]
    if len(known) < len(masses):
        return None
    per_tonne = ratio(view.now(DIESEL), total(known), "L/t")
    words = written(shown_value(per_tonne, view.units.of("L/t")), 2)
    return el("Span", figure_button(per_tonne, words, view.language), " ", view.t("L/t 废旧物资"))


_STACKS = {"source": ("medium", EMISSION_MEDIA), "scope": ("scope", SCOPES),
           "object": ("line", OBJECTS)}  # fmt: skip
_CARBON = (("source", "按来源"), ("scope", "按范围"), ("object", "按对象"), ("cause", "变化原因"))


def carbon(view: View) -> Built:
    """Return emissions over time by source, scope or object, or why they changed (5.3 g)."""
    chosen = view.switches.get("carbon", "source")
    chosen = chosen if chosen in dict(_CARBON) else "source"
    labels = tuple(span.label for span in view.periods)
    dimension, members = _STACKS.get(chosen, _STACKS["source"])
    group = Group(
        "", "kgCO2e",
        parted(view, "emission", dimension, members),
        tuple(view.cells(EMISSION)), earlier(view, EMISSION), view.t("合计"),
        aim_line(view, EMISSION, "kgCO2e"), estimates(view, EMISSION),
    )  # fmt: skip
    if chosen == "cause":
        plot = _causes_plot(view)
    else:
        figure = charts.bars(group, labels, view.units, view.language, marked=True)
        plot = Plot(figure, cards.legend(view, group))
    word = view.units.of("kgCO2e").word
    return Built(
        subtitle=view.joined(
            word, view.range_words(), grain_words(view), view.t(dict(_CARBON)[chosen])
        ),
        plots=(plot,),
        side=_carbon_side(view),
        switch=cards.switch(view, "carbon", _CARBON, chosen),
        foot=view.facts.get("sources", ""),
        lead=view.now(EMISSION),
        sheet=Sheet(labels, (group,), tuple(view.cells(EMISSION))),
    )


def _drivers(view: View, back: int) -> tuple[Drivers | None, list[Cell]]:
    """Return what the emissions of a period are made of, and the cells it was read from."""
    span = view.last.back(back)
    keys: list[Key] = [
        *(("throughput", "line", line) for _, _, line in LINES),
        ELECTRICITY, ("grid_electricity", "site", "site"),
        *(("emission", "medium", medium) for _, _, medium in EMISSION_MEDIA),
    ]  # fmt: skip
    found = [view.cell(key, span) for key in keys]
    cells = [cell for cell in found if cell is not None]
    values = [cell.value for cell in cells]
    known = [value for value in values if value is not None]
    if len(known) < len(keys):
        return None, cells
    a, b, c, electricity, grid, from_grid, fuel, water = known
    return Drivers(a + b + c, electricity, grid, from_grid, fuel, water), cells


def _effects(view: View) -> list[tuple[str, Cell]] | None:
    """Return the effects of the drivers between the last two periods, as cells."""
    before, old = _drivers(view, view.step)
    now, new = _drivers(view, 0)
    if before is None or now is None:
        return None
    found = emission_effects(before, now)
    if found is None:
        return None
    return [(name, viewed(found[name], "kgCO2e", [*old, *new])) for name in EFFECTS]


_EFFECT_NAMES = {"throughput": "处理量", "intensity": "用能强度", "pv_share": "光伏占比",
                 "grid_factor": "电力因子"}  # fmt: skip


def _causes(view: View) -> tuple[Cell, Cell, list[tuple[str, Cell]], list[str]] | None:
    """Return the emissions before and now, the effects between, and their words."""
    effects = _effects(view)
    before, now = view.previous(EMISSION), view.now(EMISSION)
    if effects is None or before is None or now is None:
        return None
    measure = view.units.of("kgCO2e")
    first, last = shown_value(before, measure), shown_value(now, measure)
    if first is None or last is None:
        return None
    decimals = 2 if max(first, last) < 10000 else 0
    step = Decimal(1).scaleb(-decimals)
    difference_shown = last.quantize(step) - first.quantize(step)
    values = [shown_value(cell, measure) for _, cell in effects]
    words = _signed(values, difference_shown, decimals)
    return before, now, effects, [written(first, decimals), *words, written(last, decimals)]


def _signed(values: Sequence[Decimal | None], whole: Decimal, decimals: int) -> list[str]:
    """Return steps with their signs; they add up to the difference of the shown totals."""
    known = [value or Decimal(0) for value in values]
    gap = (whole - sum(known)) / len(known)
    words = apportioned([value + gap for value in known], whole, decimals)
    return [
        word if word.startswith(MINUS) or not word.strip("0.,") else f"+{word}" for word in words
    ]


def _causes_plot(view: View) -> Plot:
    found = _causes(view)
    if found is None:
        return Plot(
            charts.steps([], [], [], [], []), el("P", view.t("上期或本期数据不全，无法分解"))
        )
    before, now, effects, words = found
    measure = view.units.of("kgCO2e")
    names = [
        short_period(before.period, view.language),
        *(view.t(_EFFECT_NAMES[name]) for name, _ in effects),
        view.last_short,
    ]
    cells = [before, *(cell for _, cell in effects), now]
    amounts = [float(shown_value(cell, measure) or 0) for cell in cells]
    kinds = ["absolute", *["relative"] * len(effects), "total"]
    figure = charts.steps(names, amounts, kinds, words, [attributes(cell) for cell in cells])
    lead = el(
        "Div", el("Div", el("Strong", view.t("上期到本期，变化原因")), cls="lead-title"), cls="lead"
    )
    return Plot(figure, lead)


def _carbon_side(view: View) -> Content:
    """Return the column beside the chart: the period's emissions and what changed them."""
    cell = view.now(EMISSION)
    head = [
        el("Div", cards.swatch("role.emission"),
           el("Span", view.last_words), cls="side-title"),
        cards.value_line(view, cell, size="compact-value"),
        cards.changes(view, EMISSION, cards.BAD),
        el("Div", estimate_line(view, EMISSION), index_line(view, EMISSION), cls="side-note"),
    ]  # fmt: skip
    found = where_parted(lambda: _causes(view))
    if found is None:
        return el("Div", head, cls="side")
    before, now, effects, words = found
    names = [view.t("上期"), *(view.t(_EFFECT_NAMES[name]) for name, _ in effects), view.t("本期")]
    rows = [
        el("Div", el("Span", name), figure_button(part, shown, view.language, _cause_class(part)),
           cls="cause" + (" cause-total" if part.rule != "view" else ""))
        for name, part, shown in zip(
            names, [before, *(c for _, c in effects), now], words, strict=True
        )
    ]  # fmt: skip
    unit = view.units.of("kgCO2e").word
    title = el("Div", view.t("上期到本期，变化原因"), " ", el("Span", unit, cls="lead-unit"),
               cls="side-note")  # fmt: skip
    return el("Div", head, el("Div", title, rows, cls="causes"), cls="side")


def _cause_class(cell: Cell) -> str:
    if cell.rule != "view" or not cell.value:
        return ""
    return "bad" if cell.value > 0 else "good"


def anomalies(view: View) -> Built:
    """Return how many alarms began, in total and by medium, beside the month's days (5.3 f)."""
    labels = tuple(span.label for span in view.periods)
    media = view.kept(
        "alarm_count", "medium", [(name, color, m, long) for name, long, color, m in ALARM_MEDIA]
    )
    found = parted(view, "alarm_count", "medium", [row[:3] for row in media])
    group = Group("", "1", found, tuple(view.cells(ALARMS)), None, view.t("合计"))
    tiles = [_alarm_tile(view, "异常总数", "energy.total", ALARMS)]
    tiles += [
        _alarm_tile(view, long, color, ("alarm_count", "medium", medium))
        for _, color, medium, long in media
    ]
    body = el("Div", el("Div", tiles, cls="tiles"), month_heat(view, ENERGY), cls="tiles-lead")
    return Built(
        subtitle=view.joined(view.t("次"), view.last_words),
        body=body,
        foot=view.t("按开始的月份计，含已关闭的告警；日历为日能耗，规则见核算口径"),
        lead=view.now(ALARMS),
        sheet=Sheet(labels, (group,), tuple(view.cells(ALARMS))),
    )


def _alarm_tile(view: View, name: str, color: str, key: Key) -> Node:
    """Return one count with how many are open, and how many more or fewer there were before."""
    cell = view.now(key)
    step = difference(cell, view.previous(key))
    words = "--" if cell is None or cell.value is None else f"{cell.value:.0f}"
    more = "--" if step is None or step.value is None else _plus(step.value)
    return el(
        "Div",
        el("Div", cards.swatch(color), el("Span", view.t(name), cls="tile-name"), cls="tile-top"),
        el("Div", figure_button(cell, words, view.language, "compact-value") if cell else words,
           cls="value-line"),
        el("Div", _standing(view, key[2]), " ", el("Span", view.t("较上期")), " ",
           figure_button(step, more, view.language) if step else more, cls="tile-note"),
        cls="tile",
    )  # fmt: skip


def _standing(view: View, medium: str) -> Content:
    """Return how many of the period's alarms are not closed, with the way to them."""
    media = ("electricity", "water", "diesel") if medium == "total" else (medium,)
    own = [one for one in view.issues if one.medium in media
           and one.first[:7] in view.last.months]  # fmt: skip
    if not own:
        return None
    left = sum(one.status != "closed" for one in own)
    words = view.t("未关闭 {count}", count=left) if left else view.t("已全部关闭")
    if not view.alerts:
        return el("Span", words, cls="bad" if left else "")
    month = max(one.first[:7] for one in own)
    more = "" if medium == "total" else f"&medium={medium}"
    return link(f"{view.alerts}?month={month}{more}", words,
                cls="tile-link bad" if left else "tile-link")  # fmt: skip


def _plus(value: float) -> str:
    return f"+{value:.0f}" if value > 0 else f"{MINUS}{-value:.0f}" if value < 0 else "0"


_TRENDS = (
    ("整体", "energy.total", ENERGY, "energy"),
    ("用电", "energy.electricity", ELECTRICITY, "electricity"),
    ("用水", "energy.water", WATER, "water"),
    ("用油", "energy.oil", DIESEL, "diesel"),
)
_GRAINS = (("day", "日"), ("month", "月"))


def trends(view: View) -> Built:
    """Return energy, electricity, water and diesel by day or month, each on its own (5.3 a)."""
    chosen = view.switches.get("trend", "day")
    chosen = chosen if chosen in dict(_GRAINS) else "day"
    rows = [row for row in _TRENDS if view.reaches(_unit_key(view, row[2], row[3]))]
    labels, columns = (_daily if chosen == "day" else _monthly)(view, rows)
    groups = tuple(
        Group(view.t(name), cells[0].unit if cells and cells[0] else "kgce",
              (Series(view.t(name), color, tuple(cells)),))
        for (name, color, _, _), cells in zip(rows, columns, strict=True)
    )  # fmt: skip
    bands = [_band(view, key, labels) if chosen == "day" else None for _, _, key, _ in rows]
    plots = tuple(
        Plot(
            _watched(view, group, labels, band, medium if chosen == "day" else ""),
            _trend_lead(view, group, key, color),
        )
        for group, band, (_, color, key, medium) in zip(groups, bands, rows, strict=True)
    )
    if any(plot.figure["layout"]["meta"].get("spots") for plot in plots):
        for plot in plots:  # one line of words over each, so that they stay side by side
            plot.figure["layout"]["margin"]["t"] = 22
    subtitle = (
        view.t("{period}，按日；阴影为近 12 个月同类日的正常范围（P10 ～ P90）",
               period=period_words(view.last.months[-1], view.language))
        if chosen == "day"
        else view.joined(view.range_words(), grain_words(view))
    )  # fmt: skip
    return Built(
        subtitle=subtitle,
        plots=plots,
        switch=cards.switch(view, "trend", _GRAINS, chosen),
        foot=view.joined(
            view.t("空心点为估算或不完整的数值，缺数处断开并加底色"),
            view.t("红圈为未关闭的告警") if chosen == "day" else "",
        ),
        lead=view.now(ENERGY),
        sheet=Sheet(labels, groups, tuple(columns[0])),
    )


_Band = tuple[list[float | None], list[float | None]] | None


def _watched(
    view: View, group: Group, labels: tuple[str, ...], band: _Band, medium: str
) -> charts.Figure:
    """Return a line whose missing periods are shaded and whose days with an open alarm are ringed.

    ``medium`` is what the alarms are of; the newest one's day and finding stand beside its ring.
    """
    figure = charts.lines(
        group, labels, view.units, view.language, ends=False, markers=False, band=band
    )
    cells = group.series[0].cells
    gaps = [at for at, cell in enumerate(cells) if cell is None or cell.value is None]
    if gaps and len(gaps) < len(cells):
        figure["layout"]["shapes"] = [charts.shade(at) for at in gaps]
    issues = [one for one in view.issues if one.status != "closed" and one.medium == medium]
    days = [day for day in labels if any(one.first <= day <= one.last for one in issues)]
    if medium and days:
        newest = next(one for one in issues if one.first <= days[-1] <= one.last)
        words = f"{_day_words(days[-1], view.language)} {newest.what}"
        charts.ring_points(figure, group, labels, days, view.units, words)
    return figure


def _day_words(day: str, language: str) -> str:
    """Return a day of the month that a chart is of: 22日, Oct 22:."""
    number = tick(day, language)[0]
    return number if language == "zh" else f"{short_period(day[:7], language)} {number}:"


_Trend = tuple[str, str, Key, str]
_Columns = tuple[tuple[str, ...], list[list[Cell | None]]]


def _monthly(view: View, rows: Sequence[_Trend]) -> _Columns:
    labels = tuple(span.label for span in view.periods)
    return labels, [view.cells(_unit_key(view, key, medium)) for _, _, key, medium in rows]


def _days(view: View) -> list[str]:
    month = view.last.months[-1]
    return [day for day in view.days.periods(ENERGY) if day[:7] == month]


def _daily(view: View, rows: Sequence[_Trend]) -> _Columns:
    days = _days(view)
    found = [
        [view.days.cell(_unit_key(view, key, medium), day) for day in days]
        for _, _, key, medium in rows
    ]
    return tuple(days), found


@lru_cache(maxsize=8192)
def _kind_of_day(day: str) -> bool:
    """Tell whether a day is a weekend day: like days are compared with like."""
    return date.fromisoformat(day).weekday() >= 5


def _band(
    view: View, key: Key, days: Sequence[str]
) -> tuple[list[float | None], list[float | None]] | None:
    """Return the 10th and 90th percentile of like days in the twelve months before (R26)."""
    if not days:
        return None
    month = days[0][:7]
    wanted = set(months_of(shifted(month, -BAND_MONTHS), shifted(month, -1)))
    medium = next(m for _, _, k, m in _TRENDS if k == key)
    name = _unit_key(view, key, medium)
    past = [day for day in view.days.periods(name) if day[:7] in wanted]
    edges: dict[bool, tuple[float, float]] = {}
    for weekend in (False, True):
        like = [view.days.cell(name, day) for day in past if _kind_of_day(day) == weekend]
        known = [cell.value for cell in like if cell is not None and cell.value is not None]
        if len(known) < BAND_LEAST:
            return None
        cuts = quantiles(known, n=10, method="inclusive")
        scale = float(view.units.of(next(c.unit for c in like if c is not None)).scale)
        edges[weekend] = (cuts[0] * scale, cuts[-1] * scale)
    sides = [edges[_kind_of_day(day)] for day in days]
    return [low for low, _ in sides], [high for _, high in sides]


def _trend_lead(view: View, group: Group, key: Key, color: str) -> Content:
    """Return the words above a small chart: name, what is estimated or missing, the sum."""
    medium = next(m for _, _, k, m in _TRENDS if k == key)
    cell = view.now(_unit_key(view, key, medium))
    if cell is None:
        number: Content = el("Span", "--")
    else:
        measure = view.units.of(cell.unit)
        shown = shown_value(cell, measure)
        number = el("Span", figure_button(cell, written(shown, 2 if (shown or 0) < 1000 else 1),
                                          view.language, "lead-value"),
                    el("Span", measure.word, cls="value-unit"))  # fmt: skip
    return el(
        "Div", el("Div", cards.swatch(color), el("Strong", group.title),
                  el("Span", _holes(view, group), cls="lead-unit"), cls="lead-title"),
        number, cls="lead",
    )  # fmt: skip


def _holes(view: View, group: Group) -> str:
    """Return how many values of a line are missing or not fully measured."""
    cells = group.series[0].cells
    missing = sum(cell is None or cell.value is None for cell in cells)
    unsure = sum(charts.unsure(c) for c in cells if c is not None and c.value is not None)
    words = []
    if missing:
        words.append(view.t("缺数 {count} 个", count=missing))
    if unsure:
        words.append(view.t("含估算 {count} 个", count=unsure))
    return view.joined(*words)


def building_ring(view: View) -> Built:
    """Return the shares of plant and office in the emissions (5.3 h)."""
    parts = tuple(
        Series(view.t(name), color, (view.now(("emission", "building", b)),))
        for name, color, b in BUILDINGS
    )
    whole = view.now(EMISSION)
    notes = [_last_year_share(view, b) for _, _, b in BUILDINGS]
    rows = [_building_change(view, name, b) for name, _, b in BUILDINGS]
    rows += [_per_area(view, name, b) for name, _, b in BUILDINGS]
    return _ring(view, parts, whole, notes, el("Div", rows, cls="facts"),
                 view.t("附上年同月占比"))  # fmt: skip


def _ring(
    view: View, parts: tuple[Series, ...], whole: Cell | None, notes: Sequence[Content],
    below: Content, note: str,
) -> Built:  # fmt: skip
    """Return a ring with its list; a part below zero makes no ring."""
    word = view.units.of("kgCO2e").word
    subtitle = view.joined(word, view.last_words, note)
    if whole is None or not charts.made_of([part.cells[0] for part in parts], whole):
        return Built(subtitle=subtitle, empty=view.t("占比无法计算：有未知的部分，或有负值"))
    group = Group("", "kgCO2e", parts, (whole,), None, view.t("合计"))
    words = group.words(0, view.units)[-1]
    figure = charts.ring(parts, "kgCO2e", view.units, centre=words, note=word)
    figure["layout"]["meta"]["attributes"] = attributes(whole)
    return Built(
        subtitle=subtitle,
        plots=(Plot(figure),),
        beside=cards.parts_list(view, parts, whole, notes),
        body=below,
        foot=view.t("合计 {value} {unit}，与碳排放量一致", value=words, unit=word),
        lead=whole,
        sheet=Sheet((view.last.label,), (group,), (whole,)),
    )


def _last_year_share(view: View, building: str) -> Content:
    part = share(view.year_ago(("emission", "building", building)), view.year_ago(EMISSION))
    if part.value is None:
        return None
    return el("Span", view.t("上年"), " ", percent_button(part, view.language),
              cls="part-note")  # fmt: skip


def _building_change(view: View, name: str, building: str) -> Content:
    key = ("emission", "building", building)
    cell = change(view.now(key), view.year_ago(key))
    words, meaning = cards.change_words(view, cell, cards.BAD)
    return el("Div", el("Span", view.t("{name}较上年同月", name=view.t(name))),
              figure_button(cell, words, view.language, f"change {meaning}"),
              cls="fact")  # fmt: skip


def _per_area(view: View, name: str, building: str) -> Content:
    cell = view.now(("emission_per_area", "building", building))
    if cell is None:
        return None
    measure = view.units.of(cell.unit)
    return el("Div", el("Span", view.t("{name}单位面积", name=view.t(name))),
              el("Span", figure_button(cell, written(shown_value(cell, measure), 2),
                                       view.language), f" {measure.word}"), cls="fact")  # fmt: skip


_BUILDING_ENERGY = (
    ("energy", "总量"), ("electricity", "用电"), ("water", "用水"), ("energy_per_area", "每 m²"),
)  # fmt: skip


def building_energy(view: View) -> Built:
    """Return the energy of plant and office side by side (5.3 b)."""
    chosen = view.switches.get("building", "energy")
    chosen = chosen if chosen in dict(_BUILDING_ENERGY) else "energy"
    labels = tuple(span.label for span in view.periods)
    found = parted(view, chosen, "building", BUILDINGS)
    unit = next((c.unit for s in found for c in s.cells if c is not None), "kgce")
    group = Group("", unit, found)
    figure = charts.bars(group, labels, view.units, view.language, stacked=False)
    return Built(
        subtitle=view.joined(view.units.of(unit).word, view.range_words(), grain_words(view)),
        plots=(Plot(figure, cards.legend(view, group)),),
        switch=cards.switch(view, "building", _BUILDING_ENERGY, chosen),
        foot=view.facts.get("meters", ""),
        lead=view.now(ENERGY),
        sheet=Sheet(labels, (group,), tuple(view.cells(ENERGY))),
    )


def group_electricity(view: View) -> Built:
    """Return the electricity of dismantling over that of office and air conditioning (5.3 c)."""
    if not all(view.reaches(("electricity", "group", g)) for _, _, g in GROUPS):
        return _filtered_groups(view)
    labels = tuple(span.label for span in view.periods)
    styles = {"dismantling": ("solid", "circle"), "ac": ("dot", "square"),
              "office": ("dash", "diamond")}  # fmt: skip
    found = {
        g: series(view, ("electricity", "group", g), view.t(name), color,
                  dash=styles[g][0], symbol=styles[g][1])
        for name, color, g in GROUPS if g in styles
    }  # fmt: skip
    large = Group(view.t("拆解"), "kWh", (found["dismantling"],))
    small = Group(view.t("空调、办公"), "kWh", (found["ac"], found["office"]))
    above = charts.lines(large, labels, view.units, view.language, axis_words=False)
    below = charts.lines(small, labels, view.units, view.language)
    warm = [_outdoor(view, span) for span in view.periods]
    strip = charts.strip(labels, warm)
    same_margin(above, below, strip)
    word = view.units.of("kWh").word
    plots = [Plot(above, cards.legend(view, large, shape="line")),
             Plot(below, cards.legend(view, small, shape="line"))]  # fmt: skip
    if any(value is not None for value in warm):
        name = el("Div", el("Strong", view.t("气温")), el("Span", "°C", cls="lead-unit"),
                  cls="lead-title")  # fmt: skip
        plots.append(Plot(strip, el("Div", name, cls="lead")))
    return Built(
        subtitle=view.joined(word, grain_words(view), view.t("上下两格单位相同，刻度不同")),
        plots=tuple(plots),
        foot=view.facts.get("meters", ""),
        lead=view.now(("electricity", "group", "dismantling")),
        sheet=Sheet(labels, (large, small),
                    tuple(view.cells(("electricity", "group", "dismantling")))),
    )  # fmt: skip


def _filtered_groups(view: View) -> Built:
    """Return the electricity of what the page is filtered by, in one chart."""
    labels = tuple(span.label for span in view.periods)
    group = Group("", "kWh", parted(view, "electricity", "group", GROUPS))
    figure = charts.lines(group, labels, view.units, view.language)
    return Built(
        subtitle=view.joined(view.units.of("kWh").word, grain_words(view)),
        plots=(Plot(figure, cards.legend(view, group, shape="line")),),
        foot=view.facts.get("meters", ""),
        lead=group.series[0].cells[view.periods.index(view.last)],
        sheet=Sheet(labels, (group,), group.series[0].cells),
    )


def _outdoor(view: View, span: Span) -> float | None:
    """Return the mean outdoor temperature of a period; None where a month is not known."""
    known = [view.outdoor_c[month] for month in span.months if month in view.outdoor_c]
    return sum(known) / len(known) if len(known) == len(span.months) else None


def per_area(view: View) -> Built:
    """Return energy per floor area over emissions per floor area (5.3 e)."""
    labels = tuple(span.label for span in view.periods)
    energy_key: Key = ("energy_per_area", "building", "site")
    emission_key: Key = ("emission_per_area", "building", "site")
    energy = Group(view.t("单位面积能耗"), "kgce/m2",
                   (series(view, energy_key, view.t("全站能耗"), "energy.total"),),
                   target=aim_line(view, energy_key, "kgce/m2"))  # fmt: skip
    emission = Group(view.t("单位面积碳排放"), "kgCO2e/m2",
                     (series(view, emission_key, view.t("全站碳排放"), "role.emission"),),
                     target=aim_line(view, emission_key, "kgCO2e/m2"))  # fmt: skip
    above = charts.bars(energy, labels, view.units, view.language, axis_words=False)
    below = charts.lines(emission, labels, view.units, view.language)
    same_margin(above, below)
    return Built(
        subtitle=view.joined(
            view.range_words(), grain_words(view), *view.facts.get("areas", "").split("|")
        ),
        plots=(Plot(above, cards.legend(view, energy)),
               Plot(below, cards.legend(view, emission, shape="line"))),
        switch=cards.leads(view, "/data?tab=register", "修改面积"),
        foot=view.joined(view.t("建筑面积取当月最后一天有效的值"),
                         view.t("本年未完，没有年值") if view.last.running else ""),
        lead=view.now(energy_key),
        sheet=Sheet(labels, (energy, emission), tuple(view.cells(energy_key))),
    )  # fmt: skip


_EQUIPMENT = (
    ("电缆拆解设备", "cable_line"), ("架空导线拆解设备", "conductor_line"),
    ("变压器拆解台", "transformer_bench"), ("吊机", "crane"), ("环保装置", "environmental"),
    ("叉车", "forklift"),
)  # fmt: skip


def group_ring(view: View) -> Built:
    """Return the shares of dismantling, air conditioning, office and other (5.3 i)."""
    parts = tuple(
        Series(view.t(name), color, (view.now(("emission", "group", g)),))
        for name, color, g in GROUPS
    )
    return _ring(view, parts, view.now(EMISSION), [None] * len(parts), _equipment(view), "")


def _equipment(view: View) -> Content:
    """Return the three pieces of equipment that use most, as a Pareto list."""
    found = [
        (cell, name)
        for name, key in _EQUIPMENT
        if (cell := view.now(("energy", "equipment", key))) is not None and cell.value is not None
    ]
    found.sort(key=lambda pair: pair[0].value or 0.0, reverse=True)
    top = found[:3]
    if not top:
        return None
    measure = view.units.of("kgce")
    largest = top[0][0].value or 1.0
    rows = [
        el("Div",
           el("Div", el("Span", view.t(name)),
              el("Span", figure_button(cell, written(shown_value(cell, measure), 2),
                                       view.language), el("Span", measure.word, cls="value-unit"))),
           el("Div", el("Div", cls="bar-fill c-equip-dismantling",
                        style={"width": f"{100 * (cell.value or 0) / largest:.1f}%"}),
              cls="bar-track", aria_hidden="true"), cls="pareto")
        for cell, name in top
    ]  # fmt: skip
    return el("Div", el("P", view.t("拆解设备能耗，前 3 项"), cls="side-note"), rows, cls="facts")


def finding(view: View) -> Content:
    """Return what the last period means, in one sentence."""
    energy, emission = view.now(ENERGY), view.now(EMISSION)
    if energy is None or emission is None or emission.value is None:
        return el("Span", view.t("所选期间没有能耗数值。"))
    words: list[Content] = [
        view.t("{period}能耗", period=view.last_short),
        " ",
    ]
    words += _strong(view, energy)
    words += [view.t("，排放"), " ", *_strong(view, emission)]
    gap = difference(emission, view.previous(EMISSION))
    if gap is not None and gap.value is not None:
        more = view.t("，比上期多") if gap.value > 0 else view.t("，比上期少")
        shown = shown_value(gap, view.units.of(gap.unit))
        words += [more, " ", figure_button(gap, written(abs(shown or Decimal(0)), 2),
                                           view.language, "strong"),
                  f" {view.units.of(gap.unit).word}"]  # fmt: skip
    part = where_parted(lambda: share(view.now(("emission", "building", "plant")), emission))
    if part is not None and part.value is not None and not view.focus:
        words += [view.t("，厂区占排放的"), " ", percent_button(part, view.language, "strong")]
    return el("Span", *words, view.t("。"))


def _strong(view: View, cell: Cell) -> list[Content]:
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    words = written(shown, kpi_decimals(shown))
    return [figure_button(cell, words, view.language, "strong"), f" {measure.word}"]
