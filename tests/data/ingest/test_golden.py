"""Files as people export them, byte for byte, and what must be read out of each (F15)."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.data.ingest.make import parsed

GOLDEN = Path(__file__).parent / "golden"
ROWS = [
    (3, "EM0006", datetime(2026, 8, 31, 23, 45), Decimal("12345.67"), "good"),
    (4, "EM0006", datetime(2026, 9, 1), Decimal("12346.10"), "good"),
    (5, "EM0006", datetime(2026, 9, 1, 0, 15), Decimal(12000), "uncertain"),
    (9, "EM0006", datetime(2026, 9, 1, 0, 45), Decimal("-12.5"), "bad"),
]
COLUMNS = ("meter_id", "timestamp", "value", "quality")


@pytest.mark.parametrize("name", ["gbk.csv", "utf8-bom.csv", "utf16.csv"])
def test_a_file_of_others_is_read_as_it_was_meant(tmp_path, name):
    """Full width, thousands, 1.2万, 24:00, a title, a row of totals, a dash for nothing."""
    found = parsed(tmp_path, "readings", (GOLDEN / name).read_bytes(), name)
    rows = [(row.number, *(row.values[column] for column in COLUMNS)) for row in found.rows]
    assert rows == ROWS
    assert found.notes == ("跳过 1 行合计",)
    (problem,) = found.problems  # a dash is no value, and never a zero
    assert (problem.row, problem.column) == (6, "value")
