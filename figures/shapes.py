"""Charts of other shapes than bars and lines: radar, flows, hours of the week.

Plain dicts as in figures/charts.py, without the colours of a theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from figures.charts import Figure, color
from figures.sheet import axis

RADAR_LEAST = 140.0  # the ratio axis reaches at least this far (DESIGN §7)
LONGEST_TICK = 6  # characters
WHOLE_WEEK = (7, 24)


@dataclass(frozen=True, slots=True)
class Spoke:
    """An axis of a radar: its name in lines, its value and the base, and their words.

    Parameters
    ----------
    name, lines
        Its name as the hover box has it, and as it stands at the axis.
    value, base
        As drawn; None is not drawn and never zero.
    words
        The value in words, under the name.
    point
        The attributes by which the value opens.
    marked
        Whether the point is one to look at.
    """

    name: str
    lines: str
    value: float | None
    base: float | None
    words: str
    point: Mapping[str, Any]
    marked: bool = False


def radar(
    spokes: Sequence[Spoke], now: tuple[str, str], base: tuple[str, str], *, least: float = 0.0
) -> Figure:
    """Return a radar from zero on one scale: the base dashed, the present filled.

    Parameters
    ----------
    spokes
        The axes, clockwise from the top.
    now, base
        Name and colour of the two polygons; a polygon without any value is left out.
    least
        How far the scale reaches at least.
    """
    known = [v for s in spokes for v in (s.value, s.base) if v is not None]
    scale = axis([*known, least], most=3)
    names = [s.name for s in spokes]
    traces = []
    if any(s.base is not None for s in spokes):
        traces.append(
            _polygon(names, [s.base for s in spokes], base, [{} for _ in spokes],
                     ["@equip.other"] * len(spokes), dash="dash", size=4)
        )  # fmt: skip
    marks = ["@status.bad" if s.marked else color(now[1]) for s in spokes]
    whole = all(s.value is not None for s in spokes)  # with a gap there is no inside
    traces.append(
        _polygon(names, [s.value for s in spokes], now, [dict(s.point) for s in spokes], marks)
        | ({"fill": "toself", "fillcolor": f"{color(now[1])}/band"} if whole else {})
    )
    ticks = [at for at in scale.ticks if at > 0]
    return {
        "data": traces,
        "layout": {
            "margin": {"l": 92, "r": 92, "t": 58, "b": 58}, "showlegend": False,
            "dragmode": False, "hovermode": "closest",
            "polar": {
                "angularaxis": {
                    "type": "category", "categoryorder": "array", "categoryarray": names,
                    "tickmode": "array", "tickvals": names,
                    "ticktext": [f"{s.lines}<br><b>{s.words}</b>" for s in spokes],
                    "rotation": 90, "direction": "clockwise", "ticks": "",
                },
                "radialaxis": {
                    "range": [0, scale.high], "tickmode": "array", "tickvals": ticks,
                    "ticktext": [_short(scale.words[scale.ticks.index(at)]) for at in ticks],
                    "angle": 60, "tickangle": 60, "showline": False,
                },
            },
            "meta": {"spokes": [dict(s.point) for s in spokes]},
        },
    }  # fmt: skip


def _short(words: str) -> str:
    """Return what stands on a radar's scale: a long number would lie over the names around it."""
    return words if len(words) <= LONGEST_TICK else ""


def _polygon(
    names: Sequence[str], drawn: Sequence[float | None], what: tuple[str, str],
    points: Sequence[Mapping[str, Any]], marks: Sequence[str], *, dash: str = "solid",
    size: int = 7,
) -> Figure:  # fmt: skip
    """Return a closed polygon; with a gap it stays open there."""
    name, tint = what
    return {
        "type": "scatterpolar", "mode": "lines+markers", "name": name, "hoverinfo": "none",
        "hoveron": "points",  # the inside would take the pointer from the points
        "theta": [*names, names[0]], "r": [*drawn, drawn[0]], "connectgaps": False,
        "customdata": [*points, points[0]], "fill": "none", "cliponaxis": False,
        "line": {"color": color(tint), "dash": dash, "width": 2},
        "marker": {"size": size, "color": [*marks, marks[0]], "line": {"width": 0}},
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stop:
    """What flows lead from or to.

    Parameters
    ----------
    key, column
        Its name among the flows; its place from the left, 0 first.
    name, short, words
        How it is written: on a wide screen, on a phone, its quantity.
    color, point
        Its colour; the attributes by which its quantity opens.
    """

    key: str
    column: int
    name: str
    short: str
    words: str
    color: str
    point: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Flow:
    """A quantity between two stops: its name in hover and table, colour, attributes.

    ``pale`` where it is estimated.
    """

    source: str
    target: str
    value: float
    name: str
    color: str
    point: Mapping[str, Any]
    pale: bool = False


def sankey(stops: Sequence[Stop], flows: Sequence[Flow]) -> Figure:
    """Return flows between stops in columns; a quantity that is not above zero has no band."""
    drawn = [flow for flow in flows if flow.value > 0]
    met = {name for flow in drawn for name in (flow.source, flow.target)}
    kept = [stop for stop in stops if stop.key in met]
    place = {stop.key: at for at, stop in enumerate(kept)}
    last = max((stop.column for stop in kept), default=1) or 1
    size: dict[str, float] = {}
    for stop in kept:
        into = sum(flow.value for flow in drawn if flow.target == stop.key)
        size[stop.key] = into or sum(flow.value for flow in drawn if flow.source == stop.key)
    return {
        "data": [
            {
                "type": "sankey", "arrangement": "fixed", "hoverinfo": "none",
                "node": {
                    "label": [f"{stop.name} {stop.words}" for stop in kept],
                    "color": [color(stop.color) for stop in kept],
                    "customdata": [dict(stop.point) for stop in kept],
                    "x": [min(max(stop.column / last, 0.001), 0.999) for stop in kept],
                    "y": _middles(kept, size),
                    "pad": 16, "thickness": 12, "line": {"width": 0}, "hoverinfo": "none",
                },
                "link": {
                    "source": [place[flow.source] for flow in drawn],
                    "target": [place[flow.target] for flow in drawn],
                    "value": [flow.value for flow in drawn],
                    "label": [flow.name for flow in drawn],
                    "color": [f"{color(flow.color)}/{'pale' if flow.pale else 'flow'}"
                              for flow in drawn],
                    "customdata": [dict(flow.point) for flow in drawn],
                    "hoverinfo": "none",
                },
            }
        ],
        "layout": {
            "margin": {"l": 4, "r": 4, "t": 14, "b": 12}, "showlegend": False, "dragmode": False,
            "meta": {
                "short": [stop.short for stop in kept],
                "stops": [dict(stop.point) for stop in kept],
            },
        },
    }  # fmt: skip


GAP = 0.045  # between two stops of a column, of the height


def _middles(stops: Sequence[Stop], size: Mapping[str, float]) -> list[float]:
    """Return where the middle of each stop stands, so that a column fills the height in order."""
    columns: dict[int, list[Stop]] = {}
    for stop in stops:
        columns.setdefault(stop.column, []).append(stop)
    most = max((len(column) for column in columns.values()), default=1)
    whole = max((sum(size[s.key] for s in column) for column in columns.values()), default=1.0)
    room = 1.0 - GAP * (most - 1)
    found: dict[str, float] = {}
    for column in columns.values():
        taken = room * sum(size[stop.key] for stop in column) / whole
        gap = (1.0 - taken) / (len(column) - 1) if len(column) > 1 else 0.0
        gap = min(gap, 3 * GAP)
        at = (1.0 - taken - gap * (len(column) - 1)) / 2
        for stop in column:
            height = room * size[stop.key] / whole
            found[stop.key] = min(max(at + height / 2, 0.001), 0.999)
            at += height + gap
    return [found[stop.key] for stop in stops]


def week(
    shares: Mapping[tuple[int, int], float], days: Sequence[str], *, top: float, name: str,
    hour: str, common: Mapping[str, Any],
) -> Figure:  # fmt: skip
    """Return the hours of a week as cells shaded by fifths of the top; unknown hours are empty.

    Parameters
    ----------
    shares
        Weekday (0 is Monday) and hour to a share, %.
    days
        The names of the weekdays.
    top
        The share that is drawn darkest, %.
    name, hour
        What a cell is; how an hour is written, with ``{hour}``.
    common
        The attributes that every cell opens by, besides its own value.
    """
    height, width = WHOLE_WEEK
    cells = [[shares.get((day, at)) for at in range(width)] for day in range(height)]
    levels = [[None if v is None else min(int(5 * v / top), 4) + 0.5 for v in row] for row in cells]
    scale = [[edge, f"@seq.{at + 1}"] for at in range(5) for edge in (at / 5, (at + 1) / 5)]
    return {
        "data": [
            {
                "type": "heatmap", "x": list(range(width)), "y": list(range(height)),
                "z": levels, "customdata": cells, "zmin": 0, "zmax": 5, "colorscale": scale,
                "showscale": False, "hoverinfo": "none", "xgap": 2, "ygap": 2,
            }
        ],
        "layout": {
            "margin": {"l": 30, "r": 4, "t": 4, "b": 28}, "showlegend": False, "dragmode": False,
            "hovermode": "closest",
            "xaxis": {
                "range": [-0.5, width - 0.5], "fixedrange": True, "tickmode": "array",
                "tickvals": [0, 6, 12, 18],
                "ticktext": [hour.format(hour=at) for at in (0, 6, 12, 18)],
                "ticks": "", "showline": False, "tickangle": 0,
            },
            "yaxis": {
                "range": [height - 0.5, -0.5], "fixedrange": True, "tickmode": "array",
                "tickvals": list(range(height)), "ticktext": list(days), "showgrid": False,
                "zeroline": False,
            },
            "meta": {"week": {"name": name, "hour": hour, "days": list(days),
                              "common": dict(common)}},
        },
    }  # fmt: skip
