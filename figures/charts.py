"""Charts as plain dicts: data and layout without the colours of a theme.

assets/30-charts.js adds them. A colour is a name of the template (``@energy.water``); the browser
looks it up in the theme that is on. ``layout.meta`` carries what else the browser needs: ticks,
end labels, margins.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import Any

from figures.cells import Cell
from figures.number import Units, attributes, exact, kpi_decimals, shown_value, written
from figures.sheet import Axis, Group, Series, axis
from figures.view import tick

Figure = dict[str, Any]
HATCH = "/"
ESTIMATED_PCT = 5.0


def color(name: str) -> str:
    """Return a colour's name as the browser resolves it."""
    return f"@{name}"


def values(cells: Sequence[Cell | None], unit: str, units: Units) -> list[float | None]:
    """Return cells as the numbers that are drawn; a gap where a value is not known."""
    measure = units.of(unit)
    shown = [None if cell is None else shown_value(cell, measure) for cell in cells]
    return [None if value is None else float(value) for value in shown]


def _points(cells: Sequence[Cell | None]) -> list[dict[str, Any]]:
    return [{} if cell is None else attributes(cell) for cell in cells]


def unsure(cell: Cell | None) -> bool:
    """Tell whether a mark is hatched: estimated, incomplete or of a month that still runs."""
    return cell is not None and (
        (cell.estimated_pct or 0) >= ESTIMATED_PCT
        or cell.quality == "incomplete"
        or "month_to_date" in cell.flags
    )


def _period_ticks(labels: Sequence[str], language: str) -> list[list[str]]:
    return [[label, *tick(label, language)] for label in labels]


def base_layout(
    labels: Sequence[str], scale: Axis, ticks: Sequence[Sequence[str]], *, words: bool
) -> dict[str, Any]:
    """Return the layout that charts over categories share; ``words`` shows the labels."""
    left = 12 + 7 * max((len(word) for word in scale.words), default=1)
    return {
        "margin": {"l": left, "r": 8, "t": 10, "b": 40 if words else 8, "pad": 4},
        "showlegend": False,
        "hovermode": "x",
        "dragmode": False,
        "xaxis": {
            "type": "category", "categoryorder": "array", "categoryarray": list(labels),
            "fixedrange": True, "showticklabels": words, "automargin": False,
            "range": [-0.5, len(labels) - 0.5],
        },
        "yaxis": {
            "range": [scale.low, scale.high], "tickmode": "array", "fixedrange": True,
            "tickvals": list(scale.ticks), "ticktext": list(scale.words), "automargin": False,
            "zeroline": scale.low < 0,
        },
        "meta": {"ticks": list(ticks), "ends": []},
    }  # fmt: skip


def bars(
    group: Group, labels: Sequence[str], units: Units, language: str, *,
    stacked: bool = True, axis_words: bool = True, marked: bool = False,
) -> Figure:  # fmt: skip
    """Return bars over periods, stacked or side by side, with the comparison as short ticks.

    Parameters
    ----------
    group
        What is drawn.
    labels
        The periods.
    units, language
        How it is written.
    stacked
        Parts on top of each other, else side by side.
    axis_words
        Whether the periods are written under it: only the lowest of stacked plots does.
    marked
        Whether the highest, lowest and last bars carry their value.
    """
    drawn = [values(s.cells, group.unit, units) for s in group.series]
    heights = _heights(drawn) if stacked else [v for column in drawn for v in column if v]
    lows = [min(0.0, *(v for v in column if v is not None), 0.0) for column in drawn]
    beside = values(group.earlier.cells, group.unit, units) if group.earlier else []
    wanted = values(group.target.cells, group.unit, units) if group.target else []
    guessed = values([e.cell if e else None for e in group.estimates], group.unit, units)
    scale = axis([*heights, *lows, *(v for v in (*beside, *wanted, *guessed) if v is not None)])
    layout = base_layout(labels, scale, _period_ticks(labels, language), words=axis_words)
    if stacked and any(value is not None for value in guessed):
        layout["shapes"] = outlines(heights, guessed)
    layout["barmode"] = "relative" if stacked else "group"
    traces = [
        {
            "type": "bar", "name": s.name, "x": list(labels), "y": column, "hoverinfo": "none",
            "marker": {"color": color(s.color), "pattern": _hatches(s.cells)},
            "customdata": _points(s.cells),
        }
        for s, column in zip(group.series, drawn, strict=True)
    ]  # fmt: skip
    if group.earlier:
        traces.append(_ticks(group.earlier, labels, beside))
    if group.target:
        traces += aims(group.target, labels, wanted)
    if marked:
        traces.append(_marks(group, labels, units, heights))
    return {"data": traces, "layout": layout}


HALF_BAR = 0.294  # of a category: what the template's gaps leave of it


def outlines(heights: Sequence[float], guessed: Sequence[float | None]) -> list[dict[str, Any]]:
    """Return the hollow, dashed part from a bar that is not whole up to its estimate."""
    return [
        {
            "type": "rect", "x0": at - HALF_BAR, "x1": at + HALF_BAR, "y0": low, "y1": high,
            "line": {"color": color("ink"), "dash": "dash", "width": 1.5}, "layer": "above",
        }
        for at, (low, high) in enumerate(zip(heights, guessed, strict=True))
        if high is not None
    ]  # fmt: skip


def value_axis(drawn: Sequence[float]) -> dict[str, Any]:
    """Return the parts of a value axis that follow from the values on it."""
    scale = axis(drawn)
    return {
        "range": [scale.low, scale.high], "tickvals": list(scale.ticks),
        "ticktext": list(scale.words), "zeroline": scale.low < 0,
    }  # fmt: skip


def hour_lines(group: Group, labels: Sequence[str], units: Units) -> Figure:
    """Return lines over the hours of a day; the axis has the bare hours."""
    drawn = [values(s.cells, group.unit, units) for s in group.series]
    scale = axis([v for column in drawn for v in column if v is not None])
    ticks = [[label, str(hour), ""] for hour, label in enumerate(labels)]
    layout = base_layout(labels, scale, ticks, words=True)
    layout["meta"]["hours"] = True
    traces = [
        {
            "type": "scatter", "mode": "lines+markers", "name": s.name, "x": list(labels),
            "y": column, "hoverinfo": "none", "connectgaps": False,
            "customdata": _points(s.cells),
            "line": {"color": color(s.color), "dash": s.dash, "width": 2},
            "marker": {"symbol": s.symbol, "size": 6, "color": color(s.color),
                       "line": {"width": 0}},
        }
        for s, column in zip(group.series, drawn, strict=True)
    ]  # fmt: skip
    return {"data": traces, "layout": layout}


def _heights(columns: Sequence[Sequence[float | None]]) -> list[float]:
    return [sum(v for v in at if v is not None and v > 0) for at in zip(*columns, strict=True)]


def strip(labels: Sequence[str], drawn: Sequence[float | None]) -> Figure:
    """Return a strip of one cell a period, shaded by its value, which stands in it."""
    words = ["" if value is None else written(exact(value), 0) for value in drawn]
    layout = base_layout(labels, axis([0.0, 1.0]), [], words=False)
    layout["margin"] |= {"t": 0, "b": 2}
    layout["xaxis"] |= {"visible": False}
    layout["yaxis"] = {"visible": False, "fixedrange": True}
    return {
        "data": [
            {
                "type": "heatmap", "x": list(labels), "y": [""], "z": [list(drawn)],
                "text": [words], "texttemplate": "%{text}", "showscale": False,
                "hoverinfo": "skip", "xgap": 2, "textfont": {"size": 12},
            }
        ],
        "layout": layout,
    }  # fmt: skip


def _hatches(cells: Sequence[Cell | None]) -> dict[str, Any]:
    shapes = [HATCH if unsure(cell) else "" for cell in cells]
    return {"shape": shapes, "size": 6, "solidity": 0.3, "fillmode": "overlay"}


def _ticks(series: Series, labels: Sequence[str], drawn: Sequence[float | None]) -> dict[str, Any]:
    """Return the comparison: a short line on every bar, never mistaken for a part of it."""
    return {
        "type": "scatter", "mode": "markers", "name": series.name, "x": list(labels),
        "y": list(drawn), "hoverinfo": "none", "customdata": _points(series.cells),
        "marker": {
            "symbol": "line-ew", "size": 20, "color": color(series.color),
            "line": {"width": 2, "color": color(series.color)},
        },
        "meta": {"bar_tick": True},
    }  # fmt: skip


def aims(
    series: Series, labels: Sequence[str], drawn: Sequence[float | None]
) -> list[dict[str, Any]]:
    """Return a target over the periods: a line in steps, short lines where it stands alone."""
    return [target_line(series, labels, drawn), *_lone_targets(series, labels, drawn)]


def target_line(
    series: Series, labels: Sequence[str], drawn: Sequence[float | None]
) -> dict[str, Any]:
    """Return the target as a dashed line in steps over the bars; a gap where none is set."""
    return {
        "type": "scatter", "mode": "lines", "name": series.name, "x": list(labels),
        "y": list(drawn), "hoverinfo": "skip", "connectgaps": False,
        "line": {"color": color(series.color), "dash": "dash", "width": 2, "shape": "hvh"},
    }  # fmt: skip


def _lone_targets(
    series: Series, labels: Sequence[str], drawn: Sequence[float | None]
) -> list[dict[str, Any]]:
    """Return targets without a neighbour, of which a line shows nothing, as short lines."""
    beside = [None, *drawn, None]
    lone = [
        value if beside[at] is None and beside[at + 2] is None else None
        for at, value in enumerate(drawn)
    ]
    if all(value is None for value in lone):
        return []
    mark = {"symbol": "line-ew", "size": 20, "color": color(series.color),
            "line": {"width": 2, "color": color(series.color)}}  # fmt: skip
    return [
        {
            "type": "scatter", "mode": "markers", "name": series.name, "x": list(labels),
            "y": lone, "hoverinfo": "skip", "marker": mark, "meta": {"bar_tick": True},
        }
    ]  # fmt: skip


def _marks(
    group: Group, labels: Sequence[str], units: Units, heights: Sequence[float]
) -> dict[str, Any]:
    """Return the values written on the highest, lowest and last bar.

    The browser sets them clear of the ticks of the year before (assets/30-charts.js).
    """
    whole = group.whole or group.series[0].cells
    beside = values(group.earlier.cells, group.unit, units) if group.earlier else []
    # Words inside the top of a bar are read on its colour, which may be a pale one.
    inside = group.earlier is not None and not group.series[-1].color.endswith("-soft")
    measure = units.of(group.unit)
    shown = [None if cell is None else shown_value(cell, measure) for cell in whole]
    words = [written(value, kpi_decimals(value)) for value in shown]
    known = [at for at, cell in enumerate(whole) if cell is not None and cell.value is not None]
    chosen = _chosen([heights[at] for at in known], known)
    return {
        "type": "scatter", "mode": "text", "x": list(labels), "y": list(heights),
        "text": [words[at] if at in chosen else "" for at in range(len(labels))],
        "textposition": "bottom center" if group.earlier else "top center", "hoverinfo": "skip",
        "customdata": _points(whole),
        "meta": {"values": True} | ({"earlier": beside} if beside else {}),
        "textfont": {"size": 12, "color": "@surface" if inside else "@ink"},
    }  # fmt: skip


def _chosen(heights: Sequence[float], places: Sequence[int]) -> set[int]:
    if not places:
        return set()
    top = max(range(len(places)), key=heights.__getitem__)
    low = min(range(len(places)), key=heights.__getitem__)
    return {places[top], places[low], places[-1]}


def lines(
    group: Group, labels: Sequence[str], units: Units, language: str, *,
    axis_words: bool = True, ends: bool = True, markers: bool = True, zero: bool = True,
    band: tuple[Sequence[float | None], Sequence[float | None]] | None = None,
) -> Figure:  # fmt: skip
    """Return lines over periods; a gap stays a gap, an estimate has a hollow marker.

    Parameters
    ----------
    group, labels, units, language
        What is drawn and how it is written.
    axis_words, ends, markers
        Whether periods, end labels and markers are shown.
    zero
        Whether the axis starts at zero; where not, the subtitle says so.
    band
        Low and high edge of the normal range, in the shown unit.
    """
    drawn = [values(s.cells, group.unit, units) for s in group.series]
    edges = [v for side in band or () for v in side if v is not None]
    known = [v for column in drawn for v in column if v is not None]
    wanted = values(group.target.cells, group.unit, units) if group.target else []
    scale = axis([*known, *edges, *(v for v in wanted if v is not None)], zero=zero)
    layout = base_layout(labels, scale, _period_ticks(labels, language), words=axis_words)
    traces: list[dict[str, Any]] = _band(labels, band, group.series[0].color) if band else []
    for s, column in zip(group.series, drawn, strict=True):
        hollow = [unsure(cell) for cell in s.cells]
        traces.append(
            {
                "type": "scatter", "mode": "lines+markers" if s.symbol else "lines",
                "name": s.name, "x": list(labels), "y": column, "hoverinfo": "none",
                "customdata": _points(s.cells), "connectgaps": False,
                "line": {"color": color(s.color), "dash": s.dash, "width": 2},
                "marker": {
                    "symbol": s.symbol or "circle", "opacity": 1,
                    "size": [7 if markers or h else 0.01 for h in hollow],
                    "color": ["@surface" if h else color(s.color) for h in hollow],
                    "line": {"color": color(s.color), "width": [1.5 if h else 0 for h in hollow]},
                },
            }
        )  # fmt: skip
        if ends:
            layout["meta"]["ends"] += _end(group, s, column, units)
    if group.target:
        traces += aims(group.target, labels, wanted)
    if ends:
        layout["margin"]["r"] = 24 + max(
            (width_of(end["text"]) for end in layout["meta"]["ends"]), default=0
        )
    return {"data": traces, "layout": layout}


def shade(at: int) -> dict[str, Any]:
    """Return the ground behind a period of the axis of which nothing is known."""
    return {
        "type": "rect", "xref": "x", "x0": at - 0.5, "x1": at + 0.5, "yref": "paper", "y0": 0,
        "y1": 1, "line": {"width": 0}, "fillcolor": "@axis/shade", "layer": "below",
    }  # fmt: skip


def ring_points(
    figure: Figure, group: Group, labels: Sequence[str], ringed: Sequence[str], units: Units,
    words: str,
) -> None:  # fmt: skip
    """Ring the points of a line at some of its periods; words stand over the last of them.

    A period that is not known is ringed at the foot.
    """
    drawn = values(group.series[0].cells, group.unit, units)
    low = figure["layout"]["yaxis"]["range"][0]
    heights = {label: low if value is None else value
               for label, value in zip(labels, drawn, strict=True) if label in ringed}  # fmt: skip
    at = max(at for at, label in enumerate(labels) if label in ringed)
    figure["layout"]["meta"]["spots"] = [{"at": at, "text": words, "color": color("status.bad")}]
    figure["data"].append({
        "type": "scatter", "mode": "markers", "name": "", "hoverinfo": "skip",
        "x": list(heights), "y": list(heights.values()), "cliponaxis": False,
        "marker": {"symbol": "circle-open", "size": 13, "color": color("status.bad"),
                   "line": {"width": 2, "color": color("status.bad")}},
    })  # fmt: skip


def _band(
    labels: Sequence[str], band: tuple[Sequence[float | None], Sequence[float | None]], name: str
) -> list[dict[str, Any]]:
    low, high = band
    common = {
        "type": "scatter", "mode": "lines", "x": list(labels), "hoverinfo": "skip",
        "line": {"width": 0, "color": color(name)}, "connectgaps": True,
    }  # fmt: skip
    filled = {"y": list(high), "fill": "tonexty", "fillcolor": f"{color(name)}/band"}
    return [common | {"y": list(low)}, common | filled]


def _end(
    group: Group, series: Series, drawn: Sequence[float | None], units: Units
) -> list[dict[str, Any]]:
    """Return the label at the end of a line: its name and last known value."""
    known = [at for at, value in enumerate(drawn) if value is not None]
    if not known:
        return []
    at = known[-1]
    words = group.words(at, units)[group.series.index(series)]
    cell = series.cells[at]
    name = f"{series.name} " if len(group.series) > 1 else ""
    return [
        {
            "y": drawn[at], "text": f"{name}{words}", "color": color(series.color),
            "attributes": {} if cell is None else attributes(cell),
        }
    ]  # fmt: skip


def width_of(words: str) -> int:
    """Return the width of a label, px: CJK characters are square."""
    return sum(13 if ord(character) > 0x2E80 else 7 for character in words)


def made_of(parts: Sequence[Cell | None], whole: Cell | None) -> bool:
    """Tell whether parts, none below zero, make the whole: only then is there a ring of them."""
    values = [part.value for part in parts if part is not None]
    if whole is None or not whole.value or any(value is None or value < 0 for value in values):
        return False
    total = fsum(value for value in values if value is not None)
    return abs(total - whole.value) <= 1e-6 * abs(whole.value)


def ring(parts: Sequence[Series], unit: str, units: Units, *, centre: str, note: str) -> Figure:
    """Return a ring of the parts' only cells; the total stands in the hole."""
    drawn = [values(part.cells, unit, units)[0] for part in parts]
    return {
        "data": [
            {
                "type": "pie", "labels": [part.name for part in parts], "values": drawn,
                "hole": 0.66, "sort": False, "direction": "clockwise", "textinfo": "none",
                "hoverinfo": "none", "customdata": [_points(part.cells)[0] for part in parts],
                "marker": {
                    "colors": [color(part.color) for part in parts],
                    "line": {"color": "@surface", "width": 2},
                    "pattern": _hatches([part.cells[0] for part in parts]),
                },
            }
        ],
        "layout": {
            "margin": {"l": 4, "r": 4, "t": 4, "b": 4}, "showlegend": False, "dragmode": False,
            "meta": {"centre": [centre, note]},
        },
    }  # fmt: skip


def steps(
    labels: Sequence[str], amounts: Sequence[float], kinds: Sequence[str], words: Sequence[str],
    points: Sequence[dict[str, Any]],
) -> Figure:  # fmt: skip
    """Return a waterfall: totals from zero, steps from the end of the step before."""
    running, tops = 0.0, []
    for amount, kind in zip(amounts, kinds, strict=True):
        start = running if kind == "relative" else 0.0
        running = start + amount
        tops.append(max(start, running))
    scale = axis([*tops, 0.0])
    layout = base_layout(labels, scale, [[label, label, ""] for label in labels], words=True)
    layout["meta"]["all_ticks"] = True
    layout["margin"]["t"] = 22
    return {
        "data": [
            {
                "type": "waterfall", "x": list(labels), "y": list(amounts),
                "measure": list(kinds), "text": list(words), "textposition": "outside",
                "hoverinfo": "none", "customdata": list(points), "cliponaxis": False,
                "increasing": {"marker": {"color": color("status.bad")}},
                "decreasing": {"marker": {"color": color("status.good")}},
                "totals": {"marker": {"color": color("role.emission")}},
                "connector": {"line": {"color": "@axis", "width": 1}},
            }
        ],
        "layout": layout,
    }  # fmt: skip


# The line is as thick and its end as round at every size of the card.
_STROKE = "fill='none' stroke='%23000' stroke-linecap='round' vector-effect='non-scaling-stroke'"


def spark(cells: Sequence[Cell | None]) -> str:
    """Return the mask of a sparkline: line, faint ground and end dot, as an SVG address.

    The element's background shows through it, so that the line has the theme's colour.
    """
    known = [(at, cell.value) for at, cell in enumerate(cells) if cell and cell.value is not None]
    if len(known) < 2:
        return ""
    lowest, highest = min(v for _, v in known), max(v for _, v in known)
    room = (highest - lowest) or 1.0
    width = len(cells) - 1

    def place(at: int, value: float) -> tuple[float, float]:
        return 2 + 114 * at / width, 32 - 26 * (value - lowest) / room

    marks = []
    for run in _runs(known):
        found = [place(at, value) for at, value in run]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in found)
        ground = f"{path}L{found[-1][0]:.1f} 38L{found[0][0]:.1f} 38Z"
        marks.append(f"<path d='{ground}' opacity='.14'/>")
        marks.append(f"<path d='{path}' stroke-width='1.75' {_STROKE}/>")
    x, y = place(*known[-1])
    marks.append(f"<path d='M{x:.1f} {y:.1f}h.01' stroke-width='5.2' {_STROKE}/>")
    body = "".join(marks).replace("<", "%3C").replace(">", "%3E")
    head = (
        "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 120 38' "
        "preserveAspectRatio='none'%3E"
    )
    return f'url("data:image/svg+xml,{head}{body}%3C/svg%3E")'


def _runs(known: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """Return the stretches without a gap: a gap is never joined."""
    runs: list[list[tuple[int, float]]] = []
    for at, value in known:
        if runs and runs[-1][-1][0] == at - 1:
            runs[-1].append((at, value))
        else:
            runs.append([(at, value)])
    return runs
