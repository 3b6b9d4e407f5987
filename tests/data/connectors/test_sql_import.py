"""Rows of a view all the way into the store: weighed three times, then voided."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from data.connectors import sql_rows
from data.connectors.sql_rows import Void
from data.digest import sm3
from data.drop_load import load_drops
from data.dropped import WAITING, Drop, Drops
from data.ingest.kinds import KINDS
from data.slots import utc_now
from tests.plant import Plant, meter, opened_home

COLUMNS = {"batch_id": "id", "date": "day", "line": "line", "mass_in_t": "t"}
VOID = Void("voided", frozenset({"1"}))


def weighed(minute, t, voided=0):
    return {
        "id": "B1", "day": date(2026, 1, 5), "line": "cable", "t": Decimal(str(t)),
        "voided": voided, "changed": datetime(2026, 1, 5, 8, minute),
    }  # fmt: skip


@pytest.fixture
def made(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        found = Plant(tmp_path, engine)
        found.meters(meter("M1", role="grid_import"))
        yield found


def test_the_latest_weighing_counts_and_a_void_one_weighs_nothing(made, tmp_path):
    drops = Drops(made.engine.arrivals)
    masses = []
    rounds = [weighed(1, 5.2), weighed(2, 6.1), weighed(3, 5.2), weighed(4, 5.2, voided=1)]
    for number, row in enumerate(rounds):
        body = sql_rows.table(
            [row], COLUMNS, {"site": "S1"}, KINDS["batches"], "changed", VOID
        )  # fmt: skip
        path = tmp_path / f"batches-{number}.csv"
        path.write_bytes(body)
        wanted = Drop(0, "mes", "batches", "S1", path.name, sm3(body), True, WAITING, "")
        drops.take(wanted, path, utc_now() + timedelta(seconds=number))
        load_drops(made.engine, utc_now)
        made.settle()
        masses.append(made.value("throughput", "2026-01", "cable", dimension="line"))
    assert drops.waiting() == []
    assert masses == [pytest.approx(5.2), pytest.approx(6.1), pytest.approx(5.2), 0]
