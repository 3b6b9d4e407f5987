"""The closed table of units."""

from decimal import Decimal

import pytest

from data.units import factor, unit, units


@pytest.mark.parametrize(
    ("source", "target", "size"),
    [("度", "kWh", "1"), ("MWh", "kWh", "1000"), ("Wh", "kWh", "0.001"), ("升", "m3", "0.001"),
     ("吨", "kg", "1000"), ("kWh", "GJ", "0.0036"), ("GJ", "MWh", None)],
)  # fmt: skip
def test_one_unit_into_another(source, target, size):
    found = factor(source, target)
    if size is not None:
        assert found == Decimal(size)
    else:
        assert abs(found * Decimal("3.6") - 1) < Decimal("1e-20")


def test_what_is_not_in_the_table_is_refused():
    with pytest.raises(ValueError, match="单位不在表中"):
        unit("tce")
    with pytest.raises(ValueError, match="不是同一种"):
        factor("kWh", "m3")


def test_every_unit_is_its_own_name():
    assert all(unit(name) == name and factor(name, name) == 1 for name in units())
