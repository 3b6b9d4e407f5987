"""Robust scores, the EWMA chart and the merging of hits into alarms (§12)."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from accounting.anomaly import DEFAULTS, Floats, Mask, Thresholds, Whole

MAD_TO_SIGMA = 1.4826


def median(values: Floats, axis: int = 0) -> Floats:
    """Return medians of what is known along an axis.

    Parameters
    ----------
    values
        NaN where not known, any unit and shape.
    axis
        Along what to reduce.

    Returns
    -------
    ndarray
        In the unit of the values, without the axis; NaN where nothing is known.
    """
    rest = [place for place in range(values.ndim) if place != axis % values.ndim]
    ordered = values.transpose(*rest, axis).copy()
    ordered.sort()  # what is not known comes last
    size = ordered.shape[-1]
    if not size:
        return np.full(ordered.shape[:-1], np.nan)
    if not np.isnan(ordered[..., -1]).any():
        return np.asarray((ordered[..., (size - 1) // 2] + ordered[..., size // 2]) / 2)
    rows = ordered.reshape(-1, size)
    known, each = size - np.isnan(rows).sum(axis=1), np.arange(len(rows))
    low, high = rows[each, np.maximum((known - 1) // 2, 0)], rows[each, known // 2]
    return np.asarray(((low + high) / 2).reshape(ordered.shape[:-1]))


def trailing(values: Floats, length: int) -> Floats:
    """Return the medians of what is known in the days before each day.

    Parameters
    ----------
    values
        Shape (meters, days), NaN where not known, any unit.
    length
        How many days the reference reaches back; the day itself is none of them.

    Returns
    -------
    ndarray
        Shape (meters, days), in the unit of the values; NaN where nothing is known.
    """
    found = np.full(values.shape, np.nan)
    for row, own in enumerate(values):  # meter by meter: all at once would be large
        padded = np.concatenate([np.full(length, np.nan), own[:-1]])
        if own.size:
            found[row] = median(np.lib.stride_tricks.sliding_window_view(padded, length), 1)
    return found


def robust(
    values: Floats, floor: Floats | float, limits: Thresholds = DEFAULTS, axis: int = 0
) -> tuple[Floats, Floats, Floats]:
    """Return median, median absolute deviation and robust scale of reference classes (§12).

    s = max(1.4826 MAD, 0.02 |median|, resolution floor).

    Parameters
    ----------
    values
        Reference points along ``axis``, NaN where they are not good.
    floor
        Resolution floors in the unit of the values, of the shape of the result.
    limits, axis
        Thresholds; along what to reduce.

    Returns
    -------
    tuple of ndarray
        Median, MAD and scale in the unit of the values; NaN where nothing is known.

    References
    ----------
    accounting.md §12; Iglewicz and Hoaglin (1993), How to detect and handle outliers.
    """
    middle = median(values, axis)
    beside = (slice(None),) * (axis % values.ndim) + (None,)
    deviation = median(np.abs(values - middle[beside]), axis)
    scale = np.maximum(
        np.maximum(MAD_TO_SIGMA * deviation, limits.relative_floor * np.abs(middle)), floor
    )
    return middle, deviation, np.asarray(scale)


class Point(NamedTuple):
    """A day of an EWMA chart: the average, its limits, whether it lies outside."""

    average: float
    low: float
    high: float
    signal: bool


def ewma(
    values: Sequence[float], mean: float, sigma: float, limits: Thresholds = DEFAULTS
) -> list[Point]:
    """Return an exponentially weighted moving average with its control limits (A2).

    Parameters
    ----------
    values
        Daily totals, oldest first; the average begins at ``mean``.
    mean, sigma
        Level and standard deviation of the reference, in the unit of the values.
    limits
        ``drift_lambda`` and ``drift_limit`` are used.

    Returns
    -------
    list of Point
        One per value, in its unit.

    References
    ----------
    accounting.md §12 A2; Roberts (1959), Control chart tests based on geometric moving averages.
    """
    average, found = mean, []
    for count, value in enumerate(values, 1):
        average = limits.drift_lambda * value + (1 - limits.drift_lambda) * average
        half = float(ewma_limit(np.array([count]), limits)[0]) * sigma
        found.append(Point(average, mean - half, mean + half, abs(average - mean) > half))
    return found


def ewma_limit(counts: Whole, limits: Thresholds = DEFAULTS) -> Floats:
    """Return the control limits of an EWMA: L √(λ/(2−λ)·(1−(1−λ)^2n)).

    Parameters
    ----------
    counts
        How many points the average has, n, any shape.
    limits
        ``drift_lambda`` and ``drift_limit`` are used.

    Returns
    -------
    ndarray
        Half widths in standard deviations.

    References
    ----------
    accounting.md §12 A2; Roberts (1959).
    """
    weight = limits.drift_lambda
    grown = 1 - (1 - weight) ** (2.0 * counts)
    return np.asarray(limits.drift_limit * sqrt(weight / (2 - weight)) * np.sqrt(grown))


class Run(NamedTuple):
    """Hits that are one alarm: their places, and whether it is open at the end of the data."""

    places: Whole
    open: bool

    @property
    def first(self) -> int:
        """The place of the first hit."""
        return int(self.places[0])

    @property
    def last(self) -> int:
        """The place of the last hit."""
        return int(self.places[-1])


def merged(hit: Mask, normal: Mask, gap: int) -> list[Run]:
    """Return hits merged into alarms (§12): those at most ``gap`` places apart are one.

    Parameters
    ----------
    hit
        Which hours, days or nights are hits, shape (places,).
    normal
        Which are known and no hits. An alarm closes after ``gap`` + 1 of them; what is missing
        closes nothing.
    gap
        How many places without a hit still merge.

    Returns
    -------
    list of Run
        Oldest first; only the last one can be open.
    """
    at = np.flatnonzero(hit)
    if not at.size:
        return []
    parts = np.split(at, np.flatnonzero(np.diff(at) > gap + 1) + 1)
    still = int(normal[at[-1] + 1 :].sum()) <= gap
    return [Run(part, still and part is parts[-1]) for part in parts]


def enough(hit: Mask, judged: Mask, least: int) -> Mask:
    """Return the hits in unbroken runs of a least length.

    Parameters
    ----------
    hit, judged
        Which places are hits, and which are judged at all, shape (places,); what is not judged
        breaks no run.
    least
        The fewest hits of a run.

    Returns
    -------
    ndarray of bool
        Shape (places,).
    """
    found = np.zeros_like(hit)
    at = np.flatnonzero(judged)
    ours = hit[at]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ours, [False]]).astype(np.int8)))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        if end - first >= least:
            found[at[first:end]] = True
    return found
