"""测算情景 beside 5.7 a: three sliders, what they come to, saved scenarios side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from accounting.scenario import GROWTH_PCT, PRICE_CNY_PER_T, RATIO, Band, Choice, Outcome
from figures.cards import Built
from figures.cells import Cell
from figures.html import Content, Node, el, icon
from figures.number import exact, shown_value, written
from figures.sales import Sales, Scene, money, tonnes
from figures.sheet import Group, Series, Sheet
from figures.view import View

PRICE, GROWTH, SHARE = "price", "growth", "ratio"
Ident = dict[str, str]


def scenario(view: View, out: Ident) -> Built:
    """Return the panel of scenarios.

    Parameters
    ----------
    view
        What the page shows.
    out
        Where the results of the sliders stand: they are made anew without the rest of the page.
    """
    sales = view.sales
    if sales is None or not sales.site:
        return Built(empty=view.t("测算情景属于一个站点，请先只选一个站点"))
    if sales.scene is None:
        return Built(empty=view.t("还没有减碳量预测：作出预测后自动显示"))
    scene = sales.scene
    at = base_at(scene)
    return Built(
        subtitle=view.t("拖动后即时重算；情景，不是预测，不构成投资建议"),
        body=el(
            "Div", _presets(view, scene, at), _sliders(view, scene.presets[at].choice),
            el("Div", results(view, scene.outcomes[at], scene.presets[at].choice), id=out,
               cls="sale-out", aria_live="polite"),
            _actions(view, sales), _saved(view, sales),
            cls="sale", data_sale="scenario", data_at=_stamp(sales), data_site=sales.site,
        ),
        foot=view.joined(
            scene.prices,
            view.t("第 {run} 次预测，数据至 {origin}，种子 {seed}", run=scene.run,
                   origin=scene.origin, seed=scene.seed),
        ),
        sheet=compared(view, sales),
        mark=scenario_mark(view),
    )  # fmt: skip


def scenario_mark(view: View) -> Node:
    """Return the mark of what is no forecast: 情景."""
    return el("Span", icon("chart-line"), el("Span", view.t("情景"), cls="badge-words"),
              cls="badge badge-info")  # fmt: skip


def base_at(scene: Scene) -> int:
    """Return the place of the preset that is shown first."""
    return next(at for at, one in enumerate(scene.presets) if one.key == "base")


def values_of(choice: Choice) -> str:
    """Return assumptions as an attribute has them."""
    return f"{choice.price_cny_per_t!r},{choice.growth_pct!r},{choice.ratio!r}"


def _stamp(sales: Sales) -> str:
    """Return what is another one when the saved scenarios or the run change."""
    scene = sales.scene
    return "" if scene is None else f"{scene.run}|{[(s.scenario, s.name) for s in scene.saved]}"


def _presets(view: View, scene: Scene, at: int) -> Node:
    items = [
        el("Button", view.t(one.title), cls="segment", type="button",
           data_values=values_of(one.choice), aria_pressed=str(place == at).lower())
        for place, one in enumerate(scene.presets)
    ]  # fmt: skip
    return el("Div", items, cls="segments sale-presets", role="group",
              aria_label=view.t("情景预设"))  # fmt: skip


def _sliders(view: View, choice: Choice) -> Node:
    rows = (
        (PRICE, "CCER 均价", PRICE_CNY_PER_T, 0.1, choice.price_cny_per_t, 1, "{value} 元/t", 1.0),
        (GROWTH, "年处理量增速", GROWTH_PCT, 0.5, choice.growth_pct, 1, "{value} %", 1.0),
        (SHARE, "可核证比例", RATIO, 0.01, choice.ratio, 0, "{value} %", 100.0),
    )
    return el("Div", [slider(view, *row) for row in rows], cls="sale-sliders")


def slider(
    view: View, name: str, label: str, limits: tuple[float, float], step: float, value: float,
    decimals: int, words: str, scale: float,
) -> Node:  # fmt: skip
    """Return a slider's place; the script puts the control there and says its value in words."""
    title = view.t(label)
    shown = view.t(words, value=written(exact(round(value * scale, 6)), decimals))
    return el(
        "Div", el("Span", title, cls="sale-label"), el("Span", shown, cls="sale-value num"),
        el("Div", cls="sale-control", data_slider=name, data_min=repr(limits[0]),
           data_max=repr(limits[1]), data_step=repr(step), data_start=repr(value),
           data_label=title, data_words=view.t(words, value="{value}"), data_decimals=str(decimals),
           data_scale=repr(scale)),
        cls="sale-row",
    )  # fmt: skip


def results(view: View, outcome: Outcome, choice: Choice) -> list[Node]:
    """Return what a scenario comes to, each number with its band from the tenth path in a hundred.

    The potential stands beside what is issuable, never in one number (D-7).
    """
    year = outcome.year
    band = view.t("P10～P90")
    found = [
        _line(view, view.t("{year} 年减碳量", year=year), outcome.reduction_t, tonnes, "t"),
        _course(view, outcome, choice),
    ]
    if outcome.gross_cny is None or outcome.year_cny is None or outcome.issuable_cny is None:
        why = view.t("没有 CCER 价格，只给减排量、不给金额")
        return [*found, el("P", icon("info"), why, cls="sale-note")]
    wan = view.t("万元")
    found += [
        _line(view, view.t("{year} 年收益（潜在）", year=year), outcome.year_cny, money, wan),
        _line(view, view.t("累计收益（潜在），至 {until}", until=outcome.until),
              outcome.gross_cny, money, wan),
        _line(view, view.t("累计可签发收益"), outcome.issuable_cny, money, wan),
        _break_even(view, outcome),
        el("P", view.t("大字为 P50，小字为 {band}；同一种子的联合路径", band=band),
           cls="sale-note"),
    ]  # fmt: skip
    if view.sales and view.sales.scene and not view.sales.scene.sure:
        why = view.t("有产线还没有历史误差：小字不含减排量的波动，偏窄")
        found.append(el("P", icon("triangle-alert"), why, cls="sale-note"))
    return found


def _line(view: View, name: str, band: Band, shown: Callable[[float], str], unit: str) -> Node:
    same = band.p10 == band.p90
    wide = None if same else el(
        "Span", f"{shown(band.p10)} ～ {shown(band.p90)}" if view.language == "zh"
        else f"{shown(band.p10)} – {shown(band.p90)}", cls="sale-band num",
    )  # fmt: skip
    return el(
        "Div", el("Span", name, cls="sale-name"),
        el("Span", el("Strong", shown(band.p50), cls="num", data_scenario=repr(band.p50)),
           f" {unit}", wide, cls="sale-said"),
        cls="sale-line",
    )  # fmt: skip


def _course(view: View, outcome: Outcome, choice: Choice) -> Node:
    """Return the years of a scenario as the chart of 5.7 a takes them, and what they are of."""
    measure = view.units.of("kgCO2e")
    shown = {year: shown_value(Cell(1000.0 * tonnes, "kgCO2e"), measure)
             for year, tonnes in outcome.years_t.items()}  # fmt: skip
    years = ";".join(f"{year}:{value}" for year, value in shown.items())
    return el("Span", cls="sale-years", hidden=True, data_years=years, data_of=values_of(choice))


def _break_even(view: View, outcome: Outcome) -> Node:
    price = outcome.break_even_cny_per_t
    said: Content = view.t("任何价格都不足以抵偿成本")
    if price is not None:
        number = written(exact(price), 1, money=True)
        said = [el("Strong", number, cls="num", data_scenario=repr(price)), " ", view.t("元/t")]
    return el("Div", el("Span", view.t("盈亏平衡价"), cls="sale-name"),
              el("Span", said, cls="sale-said"), cls="sale-line")  # fmt: skip


def _actions(view: View, sales: Sales) -> Node:
    save = el(
        "Button", icon("plus"), el("Span", view.t("保存情景")), cls="button", type="button",
        data_ask="scenario", data_of="",
    ) if sales.saves else None  # fmt: skip
    compare = el("Button", icon("git-compare-arrows"), el("Span", view.t("比较情景")),
                 cls="button", type="button", data_switch="table=scenario")  # fmt: skip
    return el("Div", save, compare, cls="sale-actions")


def _saved(view: View, sales: Sales) -> Content:
    if sales.scene is None or not sales.scene.saved:
        return None
    items = [
        el(
            "Li",
            el("Button", el("Span", one.name, data_verbatim="1"), cls="sale-saved-name",
               type="button", data_values=values_of(one.choice), title=one.by),
            el("Span", _brief(view, one.outcome), cls="sale-saved-words"),
            removal(view, "scenario-remove", one.scenario, one.name) if sales.saves else None,
        )
        for one in sales.scene.saved
    ]  # fmt: skip
    return el("Div", el("H4", view.t("已保存的情景"), cls="sale-title"),
              el("Ul", items, cls="sale-saved"))  # fmt: skip


def removal(view: View, act: str, number: int, name: str) -> Node:
    """Return the button that takes something away; it can be brought back."""
    return el("Button", icon("x"), cls="tool", type="button", data_edit="act", data_act=act,
              data_number=str(number), aria_label=f"{view.t('删除')}: {name}",
              title=view.t("删除"))  # fmt: skip


def _brief(view: View, outcome: Outcome) -> str:
    if outcome.gross_cny is None:
        return f"{tonnes(outcome.reduction_t.p50)} t"
    return f"{money(outcome.gross_cny.p50)} {view.t('万元')}"


def compared(view: View, sales: Sales) -> Sheet | None:
    """Return presets and saved scenarios side by side, for table, CSV and workbook."""
    if sales.scene is None:
        return None
    rows = [
        (view.t(one.title), one.choice, outcome)
        for one, outcome in zip(sales.scene.presets, sales.scene.outcomes, strict=True)
    ] + [(one.name, one.choice, one.outcome) for one in sales.scene.saved]
    choices = [choice for _, choice, _ in rows]
    found = [outcome for _, _, outcome in rows]

    def column(name: str, values: Sequence[float | None], unit: str) -> Series:
        cells = tuple(Cell(value, unit, quality="null" if value is None else "scenario")
                      for value in values)  # fmt: skip
        return Series(view.t(name), "energy.total", cells)

    def bands(title: str, given: Sequence[Band | None], unit: str, scale: float = 1.0) -> Group:
        def of(name: str) -> list[float | None]:
            return [None if b is None else getattr(b, name) * scale for b in given]

        parts = tuple(column(p.upper(), of(p), unit) for p in ("p10", "p50", "p90"))
        return Group(title, unit, parts)

    groups = (
        Group(view.t("假设"), "CNY/t",
              (column("CCER 均价", [c.price_cny_per_t for c in choices], "CNY/t"),)),
        Group(view.t("假设"), "%",
              (column("年处理量增速", [c.growth_pct for c in choices], "%"),
               column("可核证比例", [100 * c.ratio for c in choices], "%"))),
        bands(view.t("{year} 年减碳量", year=found[0].year),
              [o.reduction_t for o in found], "kgCO2e", 1000.0),
        bands(view.t("累计收益（潜在）"), [o.gross_cny for o in found], "CNY"),
        bands(view.t("累计净收益（潜在）"), [o.net_cny for o in found], "CNY"),
        bands(view.t("累计可签发收益"), [o.issuable_cny for o in found], "CNY"),
        Group(view.t("盈亏平衡价"), "CNY/t",
              (column("P50", [o.break_even_cny_per_t for o in found], "CNY/t"),)),
    )  # fmt: skip
    marks = tuple(Cell(1.0, "1", quality="scenario") for _ in rows)
    return Sheet(tuple(name for name, _, _ in rows), groups, marks, head=view.t("情景"))
