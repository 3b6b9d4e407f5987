"""What a transaction says it touches is all it changes: what is kept of the rest stays true."""

from datetime import date

import pytest

from accounting.forecast.run import run
from data.demo.build import build_demo
from data.forecasts import refresh
from data.price_feed import Outcome, keep
from data.settle import settle
from data.state import now
from data.store import EVERYTHING, Store, Topic
from tests.data.arrivals import drained, plant, push, reading
from tests.plant import opened_home

FORECASTS = ("forecast", "forecast_run", "forecast_basis", "forecast_backtest", "price_feed")
LEDGER = ("ledger", "lineage", "withdrawn_figure")
UNREAD = ("applied_intent",)  # of no page


def topic_of(table):
    if table in FORECASTS:
        return Topic.FORECASTS
    if table in LEDGER:
        return Topic.LEDGER
    if table == "site_document" or table.startswith(("record_", "aside_record_")):
        return Topic.RECORDS
    return Topic.READINGS


def contents(store):
    """Rows and the sum of their hashes, by table."""
    with store.read() as cursor:
        names = [name for (name,) in cursor.execute("SELECT table_name FROM duckdb_tables()")
                 .fetchall() if name not in UNREAD]  # fmt: skip
        return {
            name: cursor.execute(f'SELECT count(*), bit_xor(hash(t)) FROM "{name}" t').fetchone()
            for name in names
        }


@pytest.fixture
def watched(monkeypatch):
    """Every write is held against what it says; the topics that were said, one by one."""
    said, plain = [], Store.write

    def write(store, work, touches=EVERYTHING):
        before = contents(store)
        result = plain(store, work, touches)
        after = contents(store)
        changed = {topic_of(name) for name in after if before[name] != after[name]}
        assert all(topic in touches for topic in changed), (changed, touches, work)
        said.append(touches)
        return result

    monkeypatch.setattr(Store, "write", write)
    return said


def test_a_plant_from_files_to_forecasts(watched, tmp_path):
    with opened_home(tmp_path / "home") as engine:
        build_demo(engine, date(2026, 3, 14), 1, 1, lambda *_: None)
        settle(engine)
        refresh(engine, run)
        keep(engine, Outcome(now(), True, 0, "", 0, "", ""))
        assert settle(engine).figures == 0
    narrow = [one for one in watched if one != EVERYTHING]
    assert {Topic.READINGS, Topic.READINGS | Topic.RECORDS, Topic.READINGS | Topic.LEDGER,
            Topic.FORECASTS} <= set(narrow)  # fmt: skip


def test_what_comes_by_itself(watched, tmp_path):
    with plant(tmp_path) as made:
        push(made, "a", [reading(15 * n, n) for n in range(5)])
        watched.clear()
        assert drained(made).rows == 5
        assert watched == [Topic.READINGS]


def test_versions_change_with_their_topics_alone(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        store = engine.store
        before = {topic: store.version_of(topic) for topic in EVERYTHING}
        both = store.version_of(Topic.READINGS | Topic.LEDGER)
        store.write(lambda _cursor: None, Topic.LEDGER)
        changed = [topic for topic in EVERYTHING if store.version_of(topic) != before[topic]]
        assert changed == [Topic.LEDGER]
        assert store.version_of(Topic.READINGS | Topic.LEDGER) != both
        store.write(lambda _cursor: None)
        assert all(store.version_of(topic) != before[topic] for topic in EVERYTHING)
