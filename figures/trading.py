"""The national market: volume and price by week or month, and the price ahead (5.7 e)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from figures import came, cards, charts, fan
from figures.came import Came, met
from figures.cards import Built, Plot
from figures.cells import Book, Cell, total
from figures.fan import Fan
from figures.forecast import Backtest, Point, column
from figures.html import el
from figures.number import shown_value, written
from figures.overview import grain_words, same_margin
from figures.price import PRICE, VOLUME, average
from figures.scenario import base_at
from figures.sheet import Group, Series, Sheet
from figures.view import View, tick

THIN_T = 1000.0  # a week with less says little about the price
RECENT_WEEKS = 26
LEAST_WEEKS = 4  # between two names of months
_FORECAST = ("ccer_price", "", "cn")

_RANGES = (("recent", "近 26 周"), ("week", "按周"), ("month", "按月"))
WEEKS = "周（截至周五）"


def trading(view: View) -> Built:
    """Return volume and average price as bars, by week with the forecast, or by month (5.7 e)."""
    chosen = view.switches.get("trading", "recent")
    chosen = chosen if chosen in dict(_RANGES) else "recent"
    switch = cards.switch(view, "trading", _RANGES, chosen)
    if chosen == "month":
        return replace(_monthly(view), switch=switch)
    return replace(_weekly(view, RECENT_WEEKS if chosen == "recent" else None), switch=switch)


def _monthly(view: View) -> Built:
    labels = tuple(span.label for span in view.periods)
    volume, price = view.cells(VOLUME), _prices(view)
    subtitle = view.joined(view.range_words(), grain_words(view), view.t("全国市场"))
    if _untraded([*volume, *price]):
        return _nothing(view, subtitle)
    above, below = _volume(view, volume), _price_group(view, price)
    drawn = [
        charts.bars(above, labels, view.units, view.language, axis_words=False),
        charts.bars(below, labels, view.units, view.language),
    ]
    same_margin(*drawn)
    leads = [cards.legend(view, above), cards.legend(view, below)]
    return Built(
        subtitle=subtitle,
        plots=(Plot(drawn[0], leads[0]), Plot(drawn[1], leads[1])),
        foot=_source(view),
        lead=_last(price),
        sheet=Sheet(labels, (above, below), tuple(price)),
    )


def _weekly(view: View, most: int | None) -> Built:
    past, volume, price = weeks(view.days, view.language, most)
    joint = " ～ " if view.language == "zh" else " – "
    span = f"{past[0]}{joint}{past[-1]}" if past else view.range_words()
    subtitle = view.joined(span, view.t("按周"), view.t("全国市场"))
    if _untraded([*volume, *price]):
        return _nothing(view, subtitle)
    points = ahead(view, past)
    labels = (*past, *(point.target for point in points))
    empty = [None] * len(points)
    above = replace(_volume(view, [*volume, *empty]), sparse=True)
    chart = _fan(view, labels, [*price, *empty], [*volume, *empty], points)
    below = fan.group_of(view, chart)
    drawn = [
        charts.bars(above, labels, view.units, view.language, axis_words=False),
        fan.figure(view, chart, bar=True),
    ]
    thin = [_thin(cell) for cell in (*volume, *empty)]
    for figure, series in zip(drawn, (above.series[0], chart.past), strict=True):
        figure["data"][0]["marker"] = _hollow(series, thin)
        _month_ticks(figure, labels, view.language)
    same_margin(*drawn)
    quality = [*price, *column(points, labels[len(past) :])]
    return Built(
        subtitle=subtitle,
        plots=(Plot(drawn[0], cards.legend(view, above)),
               Plot(drawn[1], fan.legend(view, chart, bar=True))),
        body=el("Div", fan.fold(view, [(view.t("CCER 周均价"), _tested(view))]),
                came.fold(view, came_of(view))),
        foot=view.joined(*_words(view, points, thin=any(thin))),
        lead=points[0].cell() if points else _last(price),
        sheet=Sheet(labels, (above, below), tuple(quality), view.t(WEEKS)),
    )  # fmt: skip


def ahead(view: View, past: Sequence[str]) -> tuple[Point, ...]:
    """Return the forecast weeks that follow the last week shown; none of an earlier range."""
    known = view.forecasts.points.get((*_FORECAST, "week"), ()) if view.forecasts else ()
    return known if known and past and known[0].origin == past[-1] else ()


def came_of(view: View) -> tuple[Came, ...]:
    """Return the last forecasts of weeks that are known by now, each with what came."""
    points = view.forecasts.came.get((*_FORECAST, "week"), ()) if view.forecasts else ()
    return came_in(view.days, points, view.language)


def came_in(days: Book, points: Sequence[Point], language: str) -> tuple[Came, ...]:
    """Return forecasts of weeks against the prices of a book of days."""
    if not points:
        return ()
    labels, _, prices = weeks(days, language)
    return met(points, dict(zip(labels, prices, strict=True)).get)


def _tested(view: View) -> tuple[Backtest, ...]:
    return view.forecasts.tested.get(_FORECAST, ()) if view.forecasts else ()


def _fan(
    view: View, labels: tuple[str, ...], price: Sequence[Cell | None],
    volume: Sequence[Cell | None], points: tuple[Point, ...],
) -> Fan:  # fmt: skip
    """Return the price with its forecast, led on from the last week that says something."""
    series = Series(view.t("CCER 交易均价"), "equip.hvac", tuple(price))
    sure = [cell for cell, mass in zip(price, volume, strict=True)
            if cell is not None and cell.value is not None and not _thin(mass)]  # fmt: skip
    origin, more = None, []
    if points and sure:
        origin = (points[0].origin, sure[-1].value or 0.0)
        if points[0].model != "naive":
            targets = {point.target for point in points}
            flat = tuple(sure[-1] if label in targets else None for label in labels)
            more = [Series(view.t("朴素法"), "equip.other", flat, "solid")]
    return Fan(view.t("交易均价"), "CNY/t", labels, series, points, origin, tuple(more),
               _assumed(view, len(labels)))  # fmt: skip


def _assumed(view: View, count: int) -> Series | None:
    """Return the price that the site's own base scenario assumes; None without one."""
    scene = view.sales.scene if view.sales else None
    if scene is None:
        return None
    price = Cell(scene.presets[base_at(scene)].choice.price_cny_per_t, "CNY/t")
    measure = view.units.of(price.unit)
    words = written(shown_value(price, measure), 1)
    name = view.t("测算均价 {value} {unit}", value=words, unit=measure.word)
    return Series(name, "equip.other", (price,) * count, "dash")


def _words(view: View, points: Sequence[Point], *, thin: bool) -> list[str]:
    """Return the caption: model, errors, coverage, how far the data reach, the source."""
    reason = view.forecasts.reasons.get(_FORECAST, "") if view.forecasts else ""
    found = []
    if points and view.forecasts:
        champion = view.forecasts.champion(_FORECAST)
        found.append(fan.caption(view, champion, _tested(view), reason))
        found.append(view.t("行情截至 {day}", day=points[0].origin))
    elif view.forecasts and view.forecasts.points.get((*_FORECAST, "week")):
        found.append(view.t("所选期间不含最近一周，不画预测"))
    else:
        found.append(fan.waiting(replace(view, sites=view.sites[:1], lens=None), reason)[0])
    if thin:
        found.append(view.t("空心为成交不足 1,000 t 的周，均价参考性弱，不进模型"))
    feed = view.facts.get("feed", "")
    return [*found, *([feed] if feed else []), _source(view), view.t("不构成投资建议")]


def _hollow(series: Series, thin: Sequence[bool]) -> dict[str, object]:
    tint = charts.color(series.color)
    return {"color": ["@surface" if t else tint for t in thin],
            "line": {"color": tint, "width": [1.5 if t else 0 for t in thin]}}  # fmt: skip


def _volume(view: View, cells: Sequence[Cell | None]) -> Group:
    series = Series(view.t("CCER 交易量"), "equip.dismantling", tuple(cells))
    return Group(view.t("交易量"), "t", (series,))


def _price_group(view: View, cells: Sequence[Cell | None]) -> Group:
    series = Series(view.t("CCER 交易均价"), "equip.hvac", tuple(cells))
    return Group(view.t("交易均价"), "CNY/t", (series,), target=_assumed(view, len(cells)))


def _source(view: View) -> str:
    return view.t(
        "来源：公布的周合计和导入行情，均价 = 成交额 ÷ 成交量；没有成交的期间留空，不补零也不插值"
    )


def _untraded(cells: Sequence[Cell | None]) -> bool:
    return not any(cell is not None and cell.value is not None for cell in cells)


def _nothing(view: View, subtitle: str) -> Built:
    reason = view.t("所选期间没有 CCER 成交：导入行情后自动显示")
    return Built(subtitle=subtitle, empty=reason)


def _last(cells: Sequence[Cell | None]) -> Cell | None:
    return next((cell for cell in reversed(cells) if cell and cell.value is not None), None)


def _prices(view: View) -> list[Cell | None]:
    """Return the average price of each period: of several months, turnover over volume."""
    return [
        view.cell(PRICE, span) if len(span.months) == 1
        else average(
            view.language, [view.book.cell(PRICE, month) for month in span.months],
            [view.book.cell(VOLUME, month) for month in span.months], span.label,
        )
        for span in view.periods
    ]  # fmt: skip


def _thin(cell: Cell | None) -> bool:
    return cell is not None and cell.value is not None and cell.value < THIN_T


def _friday(day: str) -> date:
    found = date.fromisoformat(day)
    return found + timedelta(days=(4 - found.weekday()) % 7)


def weeks(
    book: Book, language: str, most: int | None = None
) -> tuple[tuple[str, ...], list[Cell | None], list[Cell | None]]:
    """Return the weeks of a book of days by their Friday: volume and average price of each."""
    days = book.periods(VOLUME)
    if not days:
        return (), [], []
    by_week: dict[str, list[str]] = {}
    at, end = _friday(days[0]), _friday(days[-1])
    while at <= end:
        by_week[at.isoformat()] = []
        at += timedelta(days=7)
    for day in days:
        by_week[_friday(day).isoformat()].append(day)
    labels = tuple(by_week)[-most:] if most else tuple(by_week)
    volumes, prices = [], []
    for label in labels:
        traded = [book.cell(VOLUME, day) for day in by_week[label]]
        paid = [book.cell(PRICE, day) for day in by_week[label]]
        known = [cell for cell in traded if cell is not None]
        volumes.append(None if not known else known[0] if len(known) == 1 else total(known))
        prices.append(average(language, paid, traded, label) if known else None)
    return labels, volumes, prices


def _month_ticks(figure: charts.Figure, labels: Sequence[str], language: str) -> None:
    """Write the months under weeks: the first week of each, or of every third."""
    firsts = [label for at, label in enumerate(labels) if not at or label[:7] != labels[at - 1][:7]]
    if len(firsts) > 1 and labels.index(firsts[1]) < LEAST_WEEKS:
        firsts = firsts[1:]  # no room between a month that has just ended and the next
    step = 1 if len(firsts) <= 7 else 3
    shown = firsts[::step]
    words, year = [], ""
    for label in shown:
        name, of_year = tick(label[:7], language)
        words.append(f"{name}<br>{of_year}" if of_year != year else name)
        year = of_year
    figure["layout"]["meta"]["ticks"] = []
    figure["layout"]["xaxis"] |= {
        "tickmode": "array", "tickvals": shown, "ticktext": words, "tickangle": 0,
    }  # fmt: skip
