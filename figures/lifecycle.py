"""Charts that 全流程减碳 and 售碳潜力 need beside the common ones: values in, plain dicts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from figures import charts
from figures.charts import Figure, base_layout, color, width_of
from figures.number import MINUS, Units, apportioned, attributes, written
from figures.sheet import Group, Series, axis

STEP, TOTAL = "step", "total"
COLUMN_PX = 4  # what stands between the words of two columns
ROW_PX = 30
WRAP = 4  # Chinese characters of a line under an axis


@dataclass(frozen=True, slots=True)
class Step:
    """A column of a waterfall.

    Parameters
    ----------
    name
        What stands under it.
    amount
        In the shown unit, with its sign; None where it is not known: an empty column.
    kind
        ``step`` from the end of the step before, or ``total`` from zero.
    color, words
        Its colour's name and its number in words.
    point, said
        What the column opens, and what its number opens.
    unsure
        Whether it is hatched.
    """

    name: str
    amount: float | None
    kind: str
    color: str
    words: str
    point: dict[str, Any] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Shade:
    """Columns that belong together: from one to another, named."""

    first: int
    last: int
    name: str
    color: str


def edges(steps: Sequence[Step]) -> list[tuple[float, float]]:
    """Return where every column begins and ends: a total at zero, a step where the last ended."""
    found, running = [], 0.0
    for step in steps:
        start = running if step.kind == STEP else 0.0
        running = start + (step.amount or 0.0) if step.kind == STEP else step.amount or 0.0
        found.append((start, running))
    return found


def wrapped(name: str) -> list[str]:
    """Return a name in lines short enough for a column."""
    if " " in name:
        return name.split(" ")
    head, opening, rest = name.partition("（")
    if opening and head:
        return [head, opening + rest]
    if len(name) > WRAP and all(ord(character) > 0x2E80 for character in name):
        half = (len(name) + 1) // 2
        cut = WRAP if len(name) - WRAP >= 2 else half
        return [name[:cut], name[cut:]]
    return [name]


def waterfall(steps: Sequence[Step], shades: Sequence[Shade] = ()) -> Figure:
    """Return a waterfall: totals from zero, floating steps, a thin line from one to the next.

    Where its columns are too narrow for their names the browser turns it (assets/30-charts.js).

    Parameters
    ----------
    steps
        Its columns.
    shades
        The groups behind them.
    """
    places = edges(steps)
    scale = axis([0.0, *(at for place in places for at in place)])
    names = [step.name for step in steps]
    lines = [wrapped(name) for name in names]
    ticks = [[name, "<br>".join(words), ""] for name, words in zip(names, lines, strict=True)]
    layout = base_layout(names, scale, ticks, words=True)
    layout["margin"] |= {"t": 34 if shades else 22, "b": 24 + 17 * max(map(len, lines), default=1)}
    layout["shapes"] = [*map(_shade, shades), *_joints(places)]
    layout["barmode"] = "overlay"
    layout["meta"] |= {
        "all_ticks": True,
        "words": [_shade_name(shade) for shade in shades],
        "turn": {
            "each": max(
                COLUMN_PX
                + max(map(width_of, [*sum(lines, []), *(s.words for s in steps)]), default=0),
                *(width_of(one.name) / (one.last - one.first + 1) for one in shades),
                0.0,
            ),
            "left": 14 + max(map(width_of, names), default=0),
            "right": max(56, 12 + max((width_of(step.words) for step in steps), default=0)),
            "height": 46 + ROW_PX * (len(steps) + len(shades)),
        },
    }
    return {"data": [_columns(steps, places), _amounts(steps, places)], "layout": layout}


def _columns(steps: Sequence[Step], places: Sequence[tuple[float, float]]) -> dict[str, Any]:
    shapes = [charts.HATCH if step.unsure else "" for step in steps]
    return {
        "type": "bar", "x": [step.name for step in steps], "base": [low for low, _ in places],
        "y": [None if step.amount is None else high - low
              for step, (low, high) in zip(steps, places, strict=True)],
        "width": 0.62, "hoverinfo": "none", "customdata": [step.point for step in steps],
        "marker": {
            "color": [color(step.color) for step in steps],
            "pattern": {"shape": shapes, "size": 6, "solidity": 0.3, "fillmode": "overlay"},
        },
    }  # fmt: skip


def _amounts(steps: Sequence[Step], places: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return the numbers over the columns."""
    return {
        "type": "scatter", "mode": "text", "x": [step.name for step in steps],
        "y": [max(place) for place in places], "cliponaxis": False,
        "text": [f"<b>{step.words}</b>" if step.kind == TOTAL else step.words for step in steps],
        "textposition": "top center", "hoverinfo": "skip",
        "customdata": [step.said for step in steps],
        "textfont": {"size": 12, "color": "@ink"},
    }  # fmt: skip


def _joints(places: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    """Return the thin lines from the end of a column to the next."""
    return [
        {
            "type": "line", "x0": at + 0.31, "x1": at + 0.69, "y0": high, "y1": high,
            "line": {"color": "@axis", "width": 1}, "layer": "below",
        }
        for at, (_, high) in enumerate(places[:-1])
    ]  # fmt: skip


def _shade(shade: Shade) -> dict[str, Any]:
    return {
        "type": "rect", "x0": shade.first - 0.5, "x1": shade.last + 0.5, "y0": 0, "y1": 1,
        "xref": "x", "yref": "paper", "layer": "below", "line": {"width": 0},
        "fillcolor": f"{color(shade.color)}/shade",
    }  # fmt: skip


def _shade_name(shade: Shade) -> dict[str, Any]:
    """Return a group's name over its columns; ``last`` is where it stands when turned."""
    return {
        "x": (shade.first + shade.last) / 2, "xref": "x", "y": 1, "yref": "paper",
        "yanchor": "bottom", "yshift": 6, "text": shade.name, "showarrow": False,
        "font": {"size": 12}, "last": shade.last,
    }  # fmt: skip


@dataclass(frozen=True)
class Said(Group):
    """A group whose rows have their words already: steps that add up over rows."""

    said: tuple[str, ...] = ()

    def words(self, at: int, units: Units) -> list[str]:
        """Return a row's only number in words."""
        return [self.said[at]]


def signed(values: Sequence[Decimal | None], whole: Decimal, decimals: int) -> list[str]:
    """Return steps with their signs in words that add up to the shown whole (largest remainder).

    What is not known is written ``--`` and takes nothing; a difference between the steps and the
    whole that comes of rounding both is spread over them.
    """
    known = [value for value in values if value is not None]
    if not known:
        return [written(None, decimals) for _ in values]
    gap = (whole - sum(known)) / len(known)
    step = Decimal(1).scaleb(-decimals)
    if abs(gap) * len(known) > step:
        gap = Decimal(0)
    words = apportioned(
        [None if value is None else value + gap for value in values], whole, decimals
    )
    return [word if _plain(word) else f"+{word}" for word in words]


def _plain(word: str) -> bool:
    """Tell whether a number stands without a plus: negative, nothing or not known."""
    return word.startswith(MINUS) or not word.strip("0.,-")


def bars_and_line(
    bars: Group, line: Series, labels: Sequence[str], units: Units, language: str, *,
    stacked: bool = False,
) -> Figure:  # fmt: skip
    """Return bars with a line over them: one unit, one axis; the line has a halo.

    Parameters
    ----------
    bars, line
        What is drawn, in one unit.
    labels, units, language
        The periods and how numbers are written.
    stacked
        Bars on one another, those below zero downwards, else side by side.
    """
    figure = charts.bars(bars, labels, units, language, stacked=stacked)
    whole = replace(bars, series=(line,), whole=None)
    over = charts.lines(whole, labels, units, language)
    (trace,) = over["data"]
    drawn = [value for one in (*figure["data"], trace) for value in one["y"] if value is not None]
    scale = axis([0.0, *drawn])
    ready = base_layout(labels, scale, figure["layout"]["meta"]["ticks"], words=True)
    figure["layout"]["yaxis"] = ready["yaxis"]
    ends = _ends(replace(bars, series=(*bars.series, line)), units)
    room = 24 + max((width_of(end["text"]) for end in ends), default=0)
    figure["layout"]["margin"] = ready["margin"] | {"r": room}
    figure["layout"]["meta"]["ends"] = ends
    halo = trace | {
        "mode": "lines", "line": {"color": "@surface", "width": 4}, "hoverinfo": "skip",
        "customdata": [{} for _ in labels],
    }  # fmt: skip
    figure["data"] = [*figure["data"], halo, trace]
    return figure


def _ends(group: Group, units: Units) -> list[dict[str, Any]]:
    """Return the last known value of every series, to stand at the right in its colour."""
    found = []
    for place, one in enumerate(group.series):
        drawn = charts.values(one.cells, group.unit, units)
        known = [at for at, value in enumerate(drawn) if value is not None]
        cell = one.cells[known[-1]] if known else None
        if cell is not None:
            found.append({
                "y": drawn[known[-1]], "text": group.words(known[-1], units)[place],
                "color": color(one.color), "attributes": attributes(cell),
            })  # fmt: skip
    return found
