"""What panels of 售碳潜力 (clause 5.7) show: reductions by year and month, and ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from figures import came, charts, fan, revenue
from figures.came import Came
from figures.cards import Built, Plot
from figures.cells import Cell, Key, total
from figures.fan import Fan
from figures.forecast import Backtest, Point, column
from figures.html import Content, Node, el, icon
from figures.number import figure_button, kpi_decimals, shown_value, written
from figures.overview import LINES, YEAR, aim_line, same_margin
from figures.reduction import REDUCTION, copper_words, cumulative
from figures.sheet import Group, Series, Sheet, series, summed
from figures.view import Span, View, months_of

CREDITABLE: tuple[Key, ...] = tuple(("creditable_reduction", "line", line) for _, _, line in LINES)
_ELIGIBILITY = "/help#indicator-creditable_reduction"
REVENUE_MONTHS = 24  # months of the stacked panels: the first issuance


def notice(view: View) -> Node:
    """Return the warning over the page: what counts as creditable, and what does not (D-7)."""
    if view.facts.get("methodology"):
        words = view.t("内部测算：减排量须经审定与核查后方可签发为 CCER，不构成投资建议。")
        kind, mark = "info", "info"
    else:
        words = view.t(
            "情景预测（当前无适用方法学，不构成可签发量）：减排量须经方法学适用性论证、审定与核查后方可签发"
            "为 CCER；在此之前可售量为 0。"
        )
        kind, mark = "warn", "triangle-alert"
    return el("P", icon(mark), el("Span", words),
              el("A", view.t("查看方法学适用性"), icon("chevron-right"), href=_ELIGIBILITY,
                 cls="notice-link"), cls=f"notice notice-{kind}", role="note")  # fmt: skip


def finding(view: View) -> Content:
    """Return what could be earned and what may be issued, in one sentence."""
    months = [month for span in view.periods for month in span.months]
    potential, _ = cumulative(view, REDUCTION, months[0])
    if potential is None:
        return el("Span", view.t("所选期间没有碳减排量的数值。"))
    words: list[Content] = [
        view.t("{range} 潜在减排量", range=view.range_words()), " ",
        *_said(view, potential, "strong"),
    ]  # fmt: skip
    found = [cell for cell in summed(_creditable(view)) if cell is not None]
    if found and all(cell.value is not None for cell in found):
        words += [view.t("，其中可售"), " ", *_said(view, total(found), "strong")]
    points = revenue.points_of(view, "revenue", revenue.entity_of(view))
    if not points:
        joint = "；" if view.language == "zh" else "; "
        return el("Span", words, joint, revenue.unknown(view)[0])
    last = points[-1]
    words += [
        view.t("；按当前趋势情景，到 {month} 累计潜在收益", month=last.target), " ",
        *revenue.money(view, last.cell(), "strong"), view.comma,
        *revenue.interval_words(view, last), view.t("；签发前收益为 0。"),
    ]  # fmt: skip
    return el("Span", words)


def _said(view: View, cell: Cell, cls: str = "") -> list[Content]:
    measure = view.units.of(cell.unit)
    shown = shown_value(cell, measure)
    words = written(shown, kpi_decimals(shown))
    return [figure_button(cell, words, view.language, cls), f" {measure.word}"]


# ---- a: years ----


def years(view: View) -> Built:
    """Return the reductions of the years known and those ahead (5.7 a)."""
    known = view.book.periods(REDUCTION)
    last = view.periods[-1].months[-1]
    found = _years(view, [month for month in known if month <= last])
    points = _years_ahead(view, last)
    labels = tuple(sorted({*(year for year, _ in found), *(point.target for point in points)}))
    cells = dict(found)
    full = {y for y in cells if sum(month[:4] == y and month <= last for month in known) == YEAR}
    whole = tuple(cells.get(y) if y in full else None for y in labels)
    part = tuple(None if y in full else cells.get(y) for y in labels)
    past = Series(view.t("实际"), "role.reduction", whole)
    more = []
    if any(cell is not None for cell in part):
        more = [Series(view.t("不足 12 个月"), "role.reduction", part, "none")]
    sure = [(y, c.value) for y, c in zip(labels, whole, strict=True) if c and c.value is not None]
    spans = [Span(year, tuple(months_of(f"{year}-01", f"{year}-12"))) for year in labels]
    aim = aim_line(replace(view, periods=tuple(spans)), REDUCTION, "kgCO2e")
    chart = Fan("", "kgCO2e", labels, past, points, sure[-1] if sure else None, tuple(more), aim)
    figure = fan.figure(view, chart)
    if len(labels) == 1:
        figure["layout"]["xaxis"]["range"] = [-1, 1]
    figure["layout"]["margin"]["t"] = 26
    scale = figure["layout"]["yaxis"]["range"]
    figure["layout"]["meta"]["words"] += _counts(view, labels, part, known, scale)
    own = view.t("测算情景") if points and view.sales and view.sales.scene else ""
    if own:
        figure["data"].append(_scenario(own, labels, scale[1]))
    ahead = column(points, labels)
    drawn = [cell for cell in cells.values() if cell is not None]
    return Built(
        subtitle=view.joined(
            view.t("{unit}/年", unit=view.units.of("kgCO2e").word),
            view.t("实际，按年"), _kinds(view, points), copper_words(view),
        ),
        plots=(Plot(figure, fan.legend(view, chart, own=own)),),
        body=fan.fold(view, tested(view)) if points else None,
        foot=_year_words(view, points),
        lead=points[-1].cell() if points else (drawn[-1] if drawn else None),
        sheet=Sheet(
            labels, (fan.group_of(view, chart),),
            tuple(a or b or c for a, b, c in zip(whole, ahead, part, strict=True)),
        ),
    )  # fmt: skip


def _scenario(name: str, labels: Sequence[str], high: float) -> charts.Figure:
    """Return the line that the sliders of 测算情景 move (assets/75-sales.js); nothing before."""
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "x": list(labels),
        "y": [None] * len(labels), "hoverinfo": "skip", "connectgaps": False,
        "line": {"color": charts.color("energy.total"), "dash": "dashdot", "width": 2},
        "marker": {"symbol": "diamond", "size": 7, "color": charts.color("energy.total")},
        "meta": {"scenario": high},
    }  # fmt: skip


def _years_ahead(view: View, last: str) -> tuple[Point, ...]:
    """Return the years ahead; none where the range ends before the forecast begins."""
    points = revenue.points_of(view, "reduction", revenue.entity_of(view), "year")
    return points if points and points[0].origin <= last else ()


def _kinds(view: View, points: Sequence[Point]) -> str:
    if not points:
        return ""
    first, rest = points[0], points[1:]
    words = [view.t("{year} 年预测", year=first.target)]
    if rest:
        words.append(view.t("{first} ～ {last} 情景", first=rest[0].target, last=rest[-1].target))
    return view.joined(*words)


def _year_words(view: View, points: Sequence[Point]) -> str:
    """Return how the years ahead were made and how their months were tested."""
    if not points:
        why = revenue.reason_of(view, "reduction", "cable")
        words = fan.waiting(view, why)[0]
        if revenue.points_of(view, "reduction", revenue.entity_of(view), "year"):
            words = view.t("所选期间不含最近的整月，不画预测")
        return view.joined(words, view.t("空心点为不足 12 个月或不完整的年份"))
    models = dict.fromkeys(view.t(fan.MODELS[point.model]) for point in points)
    return view.joined(
        view.t("模型：{model}", model=" / ".join(models)),
        _coverage(view),
        view.t("有计划处理量的年份 = 计划 × 近 12 个月单位减碳量；当年之后为情景"),
    )


def tested(view: View) -> list[tuple[str, Sequence[Backtest]]]:
    """Return the backtests of the lines shown, each with its name."""
    shown = revenue.entity_of(view)
    known = view.forecasts.tested if view.forecasts else {}
    return [
        (view.t(name), known.get(("reduction", revenue.site_of(view), line), ()))
        for name, _, line in LINES if shown in ("site", line)
    ]  # fmt: skip


def _coverage(view: View) -> str:
    """Return error and realised coverage of every line's champion."""
    words, found = [], []
    for name, tests in tested(view):
        best = next((one for one in tests if one.champion), None)
        if best is not None:
            found.append(best)
            words.append(view.t(
                "{name} sMAPE {smape}%、80% 区间实际覆盖 {share}（n={count}）", name=name,
                smape=fan.ratio_words(best.smape_pct, 1), share=fan.percent(best.coverage80),
                count=best.intervals,
            ))  # fmt: skip
    said = view.joined(*words, fan.few_words(view.language, found))
    return view.t("回测：{words}", words=said) if words else ""


def _years(view: View, months: Sequence[str]) -> list[tuple[str, Cell | None]]:
    """Return the sums of the known months of every year; a year that is not whole says so."""
    found = []
    for year in dict.fromkeys(month[:4] for month in months):
        held = tuple(month for month in months if month[:4] == year)
        ended = replace(view, periods=(Span(held[-1], (held[-1],)),), at=None)
        cell, missing = cumulative(ended, REDUCTION, held[0])
        if cell is not None and (missing or len(held) < 12):
            cell = replace(cell, quality="incomplete", period=year)
        found.append((year, cell if cell is None else replace(cell, period=year)))
    return found


def _counts(
    view: View, labels: Sequence[str], part: Sequence[Cell | None], known: Sequence[str],
    scale: Sequence[float],
) -> list[dict[str, object]]:  # fmt: skip
    """Return how many months the points of years have that are not over."""
    found: list[dict[str, object]] = []
    measure = view.units.of("kgCO2e")
    below = scale[0] + 0.2 * (scale[1] - scale[0])
    for at, (label, cell) in enumerate(zip(labels, part, strict=True)):
        shown = None if cell is None else shown_value(cell, measure)
        count = sum(month[:4] == label and month <= view.periods[-1].months[-1] for month in known)
        if count < 12 and shown is not None:
            words = view.t("{count}/12 个月", count=count)
            low = float(shown) <= below  # else the words would lie on the years
            place = {"x": at, "xref": "x", "y": float(shown), "yref": "y",
                     "yshift": 15 if low else -15}  # fmt: skip
            found.append(place | {"text": words, "showarrow": False, "font": {"size": 12}})
    return found


def _creditable(view: View) -> list[Series]:
    return [series(view, key, "", "") for key in CREDITABLE if view.reaches(key)]


# ---- c: months ----


def months(view: View) -> Built:
    """Return reductions and cumulated revenue by month: actual, then forecast (5.7 c)."""
    past = tuple(span.label for span in view.periods)
    entity = revenue.entity_of(view)
    points = _months_ahead(view, past, revenue.points_of(view, "reduction", entity))
    earned = _months_ahead(view, past, revenue.points_of(view, "revenue", entity))
    earned = earned[:REVENUE_MONTHS]
    coming = {point.target for point in (*points, *earned)}
    labels = (*past, *sorted(coming - set(past)))
    reach = (None,) * (len(labels) - len(past))
    actual = tuple(view.cells(REDUCTION)) + reach
    sold = (*summed(_creditable(view)), *reach)
    done = Series(view.t("实际"), "role.reduction", actual)
    origin = _origin(actual, labels, points)
    held = revenue.came_of(view, entity)
    above = Fan(view.t("潜在减排量"), "kgCO2e", labels, done, points, origin,
                _said_before(view, labels, held))  # fmt: skip
    nothing = Series("", revenue.TINT, (None,) * len(labels))
    money = Fan(view.t("累计潜在收益"), "CNY", labels, nothing, earned, step=True)
    drawn = [fan.figure(view, above, axis_words=not earned)]
    plots = [Plot(drawn[0], fan.legend(view, above))]
    groups = [fan.group_of(view, above)]
    if earned:
        drawn.append(fan.figure(view, money))
        same_margin(*drawn)
        plots.append(Plot(drawn[1], fan.legend(view, money)))
        groups.append(fan.group_of(view, money))
    eligible = Series(view.t("计适用性"), "energy.total", sold)
    groups.append(Group(view.t("可售减排量"), "t", (eligible,), sparse=True))
    lead = points[0].cell() if points else view.now(REDUCTION)
    columns = (actual, column(points, labels), column(earned, labels))
    return Built(
        subtitle=view.joined(view.range_words(), view.t("实际"), _span_ahead(view, points),
                             copper_words(view)),
        plots=tuple(plots),
        body=el("Div", None if earned else _unearned(view), came.fold(view, held)),
        foot=_month_words(view, points),
        lead=lead,
        sheet=Sheet(labels, tuple(groups), tuple(
            next((cell for cell in cells if cell is not None), None)
            for cells in zip(*columns, strict=True)
        )),
    )  # fmt: skip


def _said_before(
    view: View, labels: Sequence[str], held: Sequence[Came]
) -> tuple[Series, ...]:  # fmt: skip
    """Return what was forecast last of the months shown, as marks beside what came."""
    cells = column([one.point for one in held], labels)
    if not any(cells):
        return ()
    return (Series(view.t("上次预测"), "equip.other", cells, "none", "diamond-open"),)


def _months_ahead(view: View, past: Sequence[str], points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the months ahead; none unless months are shown up to where the forecast begins."""
    return points if view.grain == "month" and points and points[0].origin in past else ()


def _origin(
    actual: Sequence[Cell | None], labels: Sequence[str], points: Sequence[Point]
) -> tuple[str, float] | None:
    if not points:
        return None
    cell = actual[labels.index(points[0].origin)]
    return None if cell is None or cell.value is None else (points[0].origin, cell.value)


def _span_ahead(view: View, points: Sequence[Point]) -> str:
    if not points:
        return ""
    return view.t("{span} 预测", span=revenue.span_words(view, points))


def _unearned(view: View) -> Node:
    why, again = revenue.unknown(view)
    if revenue.points_of(view, "revenue", revenue.entity_of(view)):
        why = view.t("收益按月给出：选按月、且期间含最近的整月")
    return el("Div", el("Div", el("Strong", view.t("累计潜在收益")), cls="lead-title"),
              el("P", icon("clock"), why, cls="inline-empty"), again, cls="later")  # fmt: skip


def _month_words(view: View, points: Sequence[Point]) -> str:
    rule = view.t("可售 = 有无适用方法学 × 减排量 × 保守系数；没有方法学时为 0")
    if not points:
        return rule
    held = came.words(view, revenue.came_of(view, revenue.entity_of(view)))
    return view.joined(_coverage(view), held, rule, view.t("收益在签发月份成台阶，未扣成本"))
