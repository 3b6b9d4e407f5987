"""How numbers become words, and how cells are combined."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figures.cells import Cell, change, ratio, share, total
from figures.number import (
    Units,
    apportioned,
    attributes,
    figure_button,
    kpi_decimals,
    share_words,
    shown_value,
    written,
)
from figures.sheet import axis

NUMBERS = st.decimals(-(10**7), 10**7, places=6)


def cell(value, ident="a" * 20, **more):
    return Cell(value, "kgCO2e", (ident,), period="2026-07", **more)


@pytest.mark.parametrize(
    ("value", "decimals", "words"),
    [
        ("72.29", 1, "72.3"),
        ("2.345", 2, "2.34"),  # half to even, GB/T 8170
        ("2.355", 2, "2.36"),
        ("1435.6", 0, "1,436"),
        ("-0.04", 1, "0.0"),
        ("-2.25", 1, "−2.2"),
        ("1234567", 0, "1,234,567"),
    ],
)
def test_words_of_a_number(value, decimals, words):
    assert written(Decimal(value), decimals) == words


@pytest.mark.parametrize(
    ("pct", "decimals", "words"),
    [
        (100.0, 1, "100.0"),
        (100 * (1 - 1 / 70_000_000), 1, "99.9"),  # one reading of seventy million lacks
        (99.95, 1, "99.9"),
        (100 * (0.1 + 0.2) / (0.3 + 5e-17), 1, "100.0"),  # what the computer rounds lacks nothing
        (99.999, 0, "99"),
        (0.04, 1, "0.0"),
        (None, 1, "--"),
    ],
)
def test_what_lacks_anything_is_never_said_to_be_whole(pct, decimals, words):
    assert share_words(pct, decimals) == words


def test_money_rounds_half_up():
    assert written(Decimal("2.345"), 2, money=True) == "2.35"


def test_what_is_not_known_is_never_a_zero():
    assert written(None, 1) == "--"
    button = figure_button(cell(None), "--", "zh")
    assert button["props"]["data-value"] == ""


@pytest.mark.parametrize(("value", "decimals"), [("9.99", 2), ("10", 1), ("999.9", 1), ("1000", 0)])
def test_decimals_of_a_card(value, decimals):
    assert kpi_decimals(Decimal(value)) == decimals


@given(st.lists(NUMBERS, min_size=1, max_size=7), st.integers(0, 2))
def test_parts_add_up_to_the_shown_whole(parts, decimals):
    whole = sum(parts)
    words = apportioned(parts, whole, decimals)
    shown = [Decimal(w.replace(",", "").replace("−", "-")) for w in words]
    step = Decimal(1).scaleb(-decimals)
    assert sum(shown) == whole.quantize(step, "ROUND_HALF_EVEN")
    assert all(abs(s - p) < step for s, p in zip(shown, parts, strict=True))


def test_parts_that_do_not_make_the_whole_are_rounded_alone():
    assert apportioned([Decimal("1.04"), None], Decimal(5), 1) == ["1.0", "--"]


def test_units_of_the_reader():
    value = cell(72290.5)
    assert shown_value(value, Units().of("kgCO2e")) == Decimal("72.2905")
    assert shown_value(value, Units("kg").of("kgCO2e")) == Decimal("72290.5")
    assert Units().of("kWh").word == "MWh"
    assert Units("t", "kWh").of("kWh").word == "kWh"
    assert Units().of("kgce/m2").scale == 1


def test_a_ledger_row_names_itself_and_a_sum_names_its_parts():
    assert attributes(cell(1.5)) == {"data_value": "1.5", "data_figure": "a" * 20}
    whole = total([cell(1.0, "a" * 20), cell(2.0, "b" * 20)])
    found = attributes(whole)
    assert found["data_figures"] == f"{'a' * 20} {'b' * 20}"
    assert (found["data_rule"], found["data_value"]) == ("sum", "3.0")


def test_a_sum_with_an_unknown_part_is_unknown():
    assert total([cell(1.0), cell(None)]).value is None


def test_shares_changes_and_ratios():
    assert share(cell(25.0), cell(100.0)).value == 25.0
    assert change(cell(110.0), cell(100.0)).value == pytest.approx(10.0)
    assert change(cell(110.0), cell(0.0)).value is None
    assert change(cell(110.0), None).value is None
    assert ratio(cell(10.0), cell(4.0), "kgCO2e/t").value == 2.5
    assert share(cell(1.0), cell(0.0)).value is None


def test_the_worst_part_gives_the_quality():
    parts = [cell(1.0), cell(2.0, quality="estimated"), cell(3.0, quality="incomplete")]
    assert total(parts).quality == "incomplete"


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_an_axis_holds_its_values_and_starts_at_zero(values):
    found = axis(values)
    spread = found.high - found.low
    assert spread > 0
    assert found.low <= min(*values, 0.0) + 1e-9 * spread
    assert found.high >= max(*values, 0.0) - 1e-9 * spread
    assert 2 <= len(found.ticks) <= 8
    assert all(found.low - 1e-9 * spread <= t <= found.high + 1e-9 * spread for t in found.ticks)
    assert len(set(found.words)) == len(found.words)
