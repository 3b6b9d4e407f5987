"""Axes and rings of numbers at the edges: one value, tiny, huge, unknown, not adding up."""

import pytest

from figures.cells import Cell
from figures.charts import made_of
from figures.sheet import axis

UNIT = "kgCO2e"


@pytest.mark.parametrize("size", [1e-9, 1e-4, 1.0, 90.0, 3.3e7, 1e12])
@pytest.mark.parametrize("values", [[1.0], [1.0, 1.0], [0.2, 1.0], [-1.0], [-1.0, 0.4], [0.0]])
@pytest.mark.parametrize("zero", [True, False])
def test_an_axis_holds_its_values_with_few_ticks_that_differ(values, size, zero):
    found = axis([value * size for value in values], zero=zero)
    assert found.low < found.high
    slip = 1e-9 * (found.high - found.low)
    assert all(found.low - slip <= value * size <= found.high for value in values)
    assert not zero or found.low <= 0 <= found.high
    assert 1 <= len(found.ticks) <= 7
    assert len(set(found.words)) == len(found.words)
    assert all(found.low - slip <= at <= found.high + slip for at in found.ticks)


def test_one_price_stands_in_the_middle_of_its_axis():
    found = axis([90.0], zero=False)
    assert 80 < found.low < 90 < found.high < 100


def cells(*values):
    return [Cell(value, UNIT) for value in values]


@pytest.mark.parametrize(
    ("parts", "whole", "ring"),
    [
        (cells(1.0, 2.0), Cell(3.0, UNIT), True),
        ([*cells(1.0, 2.0), None], Cell(3.0, UNIT), True),  # what a site does not have
        (cells(1.0, None), Cell(3.0, UNIT), False),
        (cells(1.0), Cell(3.0, UNIT), False),  # a part that has no row
        (cells(-1.0, 4.0), Cell(3.0, UNIT), False),
        (cells(0.0, 0.0), Cell(0.0, UNIT), False),
        (cells(1.0), Cell(None, UNIT), False),
        (cells(1.0), None, False),
        (cells(1e12, 1e-3), Cell(1e12, UNIT), True),
    ],
)
def test_a_ring_is_of_parts_that_make_the_whole(parts, whole, ring):
    assert made_of(parts, whole) is ring
