"""The estimated effect of an alarm, by hand: the unsure quantity times its factor."""

import numpy as np
import pandas as pd
import pytest

from accounting.alarm_effect import impact, unsure_quantity, usual

FACTORS = {"electricity": 0.7, "water": 0.2}


def history(days, value):
    """Hours of days from Monday 2026-01-05 on; the value of a day and an hour."""
    index = pd.date_range("2026-01-05", periods=24 * days, freq="h")
    return pd.Series([value(at) for at in index], index=index, dtype="float64")


def hours(*rows):
    return pd.DataFrame(rows, columns=["quantity", "usual", "hour"])


def test_usual_is_the_median_of_like_days():
    before = history(28, lambda at: 2.0 if at.day_of_week >= 5 else 40.0 + at.day % 3)
    wanted = pd.DatetimeIndex(["2026-02-02 10:00", "2026-02-07 10:00"])  # a Monday, a Saturday
    assert list(usual(before, wanted)) == [41.0, 2.0]


def test_where_like_days_are_too_few_every_day_counts_and_then_none():
    before = history(14, lambda at: 3.0 if at.day_of_week >= 5 else 5.0)
    saturday = pd.DatetimeIndex(["2026-01-24 10:00"])
    assert list(usual(before, saturday)) == [5.0]  # 4 days of rest, 14 days in all
    assert np.isnan(usual(before[: 24 * 7], saturday).iloc[0])
    assert np.isnan(usual(before.where(before.index.hour != 10), saturday).iloc[0])


@pytest.mark.parametrize(("kind", "rows", "quantity"), [
    ("A1", [(400.0, 40.0, 11), (50.0, 40.0, 12)], 370.0),
    ("A1", [(1.0, 40.0, 11)], -39.0),
    ("A1", [(400.0, np.nan, 11)], None),
    ("A6", [(np.nan, 40.0, 11), (38.0, 40.0, 12)], 78.0),  # what was estimated counts as it is
    ("A6", [(np.nan, np.nan, 11)], None),
    ("A5", [(12.0, 2.0, 23), (50.0, 40.0, 12)], 10.0),  # the night alone
    ("A7", [(5.0, 2.0, 1)], None),
    ("A11", [(5.0, 2.0, 1)], None),
    ("A3", [], None),
])  # fmt: skip
def test_what_is_unsure(kind, rows, quantity):
    assert unsure_quantity(kind, hours(*rows)) == quantity


@pytest.mark.parametrize(("kind", "role", "medium", "quantity", "counts", "known", "wanted"), [
    ("A1", "consumer", "electricity", 110.9, False, False, (77.63, "emission")),
    ("A6", "grid_import", "electricity", 174.0, True, False, (121.8, "emission")),
    ("A6", "grid_import", "electricity", 174.0, True, True, (0.0, "emission")),
    ("A6", "consumer", "electricity", 174.0, False, False, (0.0, "emission")),
    ("A6", "pv_generation", "electricity", 100.0, False, False, (70.0, "substitution")),
    ("A6", "consumer", "water", None, True, False, (None, "emission")),
    ("A6", "heat_pump_heat", "heat", 3.0, True, False, (None, "emission")),
    ("A10", "pv_generation", "electricity", -50.0, True, False, (-35.0, "substitution")),
])  # fmt: skip
def test_the_effect_of_a_meter(kind, role, medium, quantity, counts, known, wanted):
    found = impact(kind, role, medium, quantity, FACTORS, counts=counts, total_known=known)
    assert found.on == wanted[1]
    assert found.kgco2e == (None if wanted[0] is None else pytest.approx(wanted[0]))
