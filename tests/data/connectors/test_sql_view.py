"""The SQL view against Debian's PostgreSQL and MariaDB."""

import asyncio
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from data.connectors import sql_view
from data.connectors.base import FileAnswer, LinkError, Point, Quality
from data.connectors.sql_config import SqlViewConfig, ViewAddress
from data.connectors.sql_cursor import FOLDER
from data.connectors.sql_view import SqlView
from tests.data.connectors.databases import (
    ADMIN,
    ADMIN_PASSWORD,
    READER_PASSWORD,
    MariaDb,
    Postgres,
    started,
)
from tests.data.connectors.peers import Kept, running, until

VIEW = "v weighing 称重"
TABLE = """
CREATE TABLE weighing(
    id INT PRIMARY KEY, meter VARCHAR(20), read_at TIMESTAMP NULL, kwh DECIMAL(14,3),
    voided INT NOT NULL DEFAULT 0, line VARCHAR(20), t DECIMAL(10,3), changed TIMESTAMP(6) NULL)
"""


@pytest.fixture(scope="module", params=[Postgres, MariaDb])
def server(request):
    found = started(request.param)
    q = found.quote
    found.execute(
        TABLE,
        f"CREATE VIEW {q}{VIEW}{q} AS SELECT * FROM weighing",
        f"CREATE VIEW v_slow AS {found.slow}",
        "CREATE VIEW v_secret AS SELECT * FROM weighing",
    )
    found.reader(VIEW, "v_slow")
    yield found
    found.close()


@pytest.fixture
def plant(server, monkeypatch, tmp_path):
    """An empty table, and a data directory that keeps how far reading is."""
    monkeypatch.setenv("CARBON_HOME", str(tmp_path))
    monkeypatch.setenv("READER_PASSWORD", READER_PASSWORD)
    monkeypatch.setenv("ADMIN_PASSWORD", ADMIN_PASSWORD)
    server.execute("DELETE FROM weighing")
    return server


def weigh(plant, number, **more):
    """Insert or replace a row, changed now unless told otherwise."""
    values = {
        "id": number, "meter": "M1", "read_at": datetime(2026, 7, 1, 8, number % 60),
        "kwh": Decimal("12.345"), "voided": 0, "line": "cable", "t": Decimal("5.2"),
    } | more  # fmt: skip
    changed = values.pop("changed", None)
    if changed is not None:
        values["changed"] = changed
    names = ", ".join(values)
    bound = ", ".join(f":{name}" for name in values)
    if changed is None:
        names, bound = f"{names}, changed", f"{bound}, {plant.now}(6)"
    plant.execute("DELETE FROM weighing WHERE id = :i", i=number)
    plant.execute(f"INSERT INTO weighing({names}) VALUES ({bound})", **values)


def points():
    return (Point(point_id="E1", address="M1"), Point(point_id="E2", address="M2"))


def view(plant, *of, **settings):
    more = {
        "url": plant.url(), "password": "env:READER_PASSWORD", "view": VIEW, "cursor": "changed",
        "key": ("id",), "period_s": 1, "void": "voided", "overlap_s": 0,
        "columns": {"point": "meter", "timestamp": "read_at", "value": "kwh"},
    } | settings  # fmt: skip
    if plant.scheme.startswith("mysql"):
        more["url"] = more["url"].replace("mysql:", "mariadb:")
    return SqlView(SqlViewConfig(**more), of if of or "content" in settings else points())


def one_round(plant, *of, emit=None, enough=lambda k: k.links, **settings):
    async def run():
        kept = emit or Kept()
        async with running(view(plant, *of, **settings), kept) as task:
            await until(lambda: enough(kept), task)
            await asyncio.sleep(0.1)
        return kept

    return asyncio.run(run())


def failure(plant, **settings):
    with pytest.raises(LinkError) as error:
        asyncio.run(asyncio.wait_for(view(plant, **settings).run(Kept()), 15))
    return str(error.value)


def test_rows_become_readings_exact_and_in_their_time(plant):
    weigh(plant, 1, kwh=Decimal("98765432.101"))
    weigh(plant, 2, meter="M2", kwh=None)
    weigh(plant, 3, meter="M9")
    kept = one_round(plant, enough=lambda k: len(k.readings) >= 2)
    first, second = kept.readings
    assert (first.point, first.value) == ("E1", Decimal("98765432.101"))
    assert first.ts == datetime(2026, 7, 1, 0, 1, tzinfo=UTC)
    assert (second.point, second.value, second.q) == ("E2", None, Quality.BAD)
    assert kept.troubles == ["视图里有点表没有的测点"]
    assert all(batch.stamped and batch.backlog for batch in kept.batches)


def test_many_rows_of_one_moment_are_neither_lost_nor_doubled(plant):
    at = datetime(2026, 7, 1, 9, 0)
    for number in range(1, 24):
        weigh(plant, number, kwh=number, changed=at)
    kept = one_round(plant, page_rows=5, enough=lambda k: len(k.readings) >= 23)
    assert sorted(kept.values("E1")) == [Decimal(n) for n in range(1, 24)]
    assert len(kept.batches) == 5


def test_a_row_weighed_again_and_one_voided_are_corrections(plant):
    async def run():
        kept = Kept()
        await asyncio.to_thread(weigh, plant, 1, kwh=10)
        async with running(view(plant), kept) as task:
            await until(lambda: len(kept.readings) >= 1, task)
            await asyncio.to_thread(weigh, plant, 1, kwh=11)
            await until(lambda: len(kept.readings) >= 2, task)
            await asyncio.to_thread(weigh, plant, 1, kwh=10)
            await until(lambda: len(kept.readings) >= 3, task)
            await asyncio.to_thread(weigh, plant, 1, kwh=10, voided=1)
            await until(lambda: len(kept.readings) >= 4, task)
        return kept

    kept = asyncio.run(run())
    assert kept.values("E1") == [10, 11, 10, 10]
    assert [r.q for r in kept.readings] == [Quality.GOOD] * 3 + [Quality.BAD]
    assert len({r.ts for r in kept.readings}) == 1
    assert len(kept.keys) == 4


def test_reading_goes_on_where_it_stopped(plant):
    weigh(plant, 1, kwh=1)
    assert one_round(plant).values("E1") == [1]
    weigh(plant, 2, kwh=2)
    again = one_round(plant, enough=lambda k: 2 in k.values("E1"))
    # The newest row is looked at once more, under the key it had: it counts once.
    assert again.values("E1") in ([1, 2], [2])
    assert set(one_round(plant, enough=lambda k: k.readings).values("E1")) == {2}


def test_a_new_point_is_read_from_the_beginning(plant):
    weigh(plant, 1, kwh=1)
    weigh(plant, 2, kwh=2, meter="M2")
    first, second = points()
    kept = one_round(plant, first, enough=lambda k: k.readings)
    assert [r.point for r in kept.readings] == ["E1"]
    again = one_round(plant, first, second, enough=lambda k: len(k.readings) >= 2)
    assert {r.point: r.value for r in again.readings} == {"E1": 1, "E2": 2}


def test_a_row_committed_late_is_found_by_reading_back(plant):
    weigh(plant, 1, kwh=1)

    async def run():
        kept = Kept()
        async with running(view(plant, overlap_s=3600), kept) as task:
            await until(lambda: kept.values("E1") == [1], task)
            late = plant.now if plant.quote == '"' else "LOCALTIMESTAMP(6)"
            await asyncio.to_thread(
                plant.execute,
                "INSERT INTO weighing(id, meter, read_at, kwh, changed) SELECT 2, 'M1', "
                f"read_at, 2, {late} - INTERVAL '60' SECOND FROM weighing WHERE id = 1",
            )
            await until(lambda: 2 in kept.values("E1"), task)
            await asyncio.sleep(1.2)
        return kept

    assert asyncio.run(run()).values("E1") == [1, 2]  # what was there is not given again


def test_a_row_from_the_future_hides_nothing(plant):
    weigh(plant, 1, kwh=1, changed=datetime(2036, 1, 1))
    one_round(plant, overlap_s=60, enough=lambda k: k.readings)
    weigh(plant, 2, kwh=2)
    kept = one_round(plant, overlap_s=60, enough=lambda k: 2 in k.values("E1"))
    assert 2 in kept.values("E1")


def test_rows_without_a_cursor_are_told(plant):
    weigh(plant, 1)
    plant.execute("INSERT INTO weighing(id, meter) VALUES (2, 'M1')")
    kept = one_round(plant, enough=lambda k: k.readings)
    assert kept.troubles == ["视图里有游标列为空的行，它们读不到"]
    assert len(kept.readings) == 1


def test_a_wide_view(plant):
    weigh(plant, 1, kwh=7, t=Decimal("5.2"))
    of = Point(point_id="E", address="kwh"), Point(point_id="W", address="t")
    kept = one_round(
        plant, *of, columns={"timestamp": "read_at"}, enough=lambda k: len(k.readings) >= 2
    )
    assert {r.point: r.value for r in kept.readings} == {"E": 7, "W": Decimal("5.2")}


class Files(Kept):
    """Takes files as the spool does."""

    def __init__(self):
        super().__init__()
        self.state = "waiting"

    async def take(self, path, digest, kind, *, accept_good):
        if path.exists():
            self.files.append((kind, path.read_text().splitlines(), digest))
        return FileAnswer(self.state if path.exists() else "done")


def test_production_rows_become_import_files(plant):
    settings = {
        "content": "batches",
        "columns": {"batch_id": "id", "date": "read_at", "line": "line", "mass_in_t": "t"},
        "constants": {"site": "HB01"},
    }

    async def run():
        kept = Files()
        await asyncio.to_thread(weigh, plant, 1)
        async with running(view(plant, **settings), kept) as task:
            await until(lambda: len(kept.files) >= 1, task)
            await asyncio.to_thread(weigh, plant, 1, t=Decimal("4.9"))
            await until(lambda: len(kept.files) >= 2, task)
            await asyncio.to_thread(weigh, plant, 1, voided=1)
            await until(lambda: len(kept.files) >= 3, task)
        return kept

    kept = asyncio.run(run())
    assert {kind for kind, _, _ in kept.files} == {"batches"}
    rows = [lines[1].rsplit(",", 1)[0] for _, lines, _ in kept.files]
    assert rows == [
        "1,HB01,2026-07-01T08:01:00,cable,5.200",
        "1,HB01,2026-07-01T08:01:00,cable,4.900",
        "1,HB01,2026-07-01T08:01:00,cable,0",
    ]
    assert kept.readings == []


def test_an_account_that_could_write_is_refused(plant):
    said = failure(plant, url=plant.url(ADMIN), password="env:ADMIN_PASSWORD")
    assert "只读账号" in said


def test_even_an_administrators_session_cannot_write(plant):
    cfg = view(plant, url=plant.url(ADMIN), password="env:ADMIN_PASSWORD")._cfg
    engine = sql_view._engine(cfg)
    with sql_view._session(engine, cfg) as connection, pytest.raises(sa.exc.SQLAlchemyError):
        connection.execute(sa.text("INSERT INTO weighing(id) VALUES (1)"))


def test_the_only_statement_is_a_select_of_quoted_names(plant):
    connector = view(plant)
    engine = sql_view._engine(connector._cfg)
    words = str(connector._select(1, sql_view.Mark(1, (2,))).compile(engine))
    assert words.startswith("SELECT ")
    assert f"{plant.quote}{VIEW}{plant.quote}" in words
    assert words.count(";") == 0


def test_a_slow_statement_is_given_up(plant):
    began = time.monotonic()
    said = failure(
        plant, view="v_slow", key=("id",), void="", statement_s=1,
        columns={"point": "id", "timestamp": "changed", "value": "id"},
    )  # fmt: skip
    assert "限定时间" in said
    assert time.monotonic() - began < 6


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"password": "env:ADMIN_PASSWORD"}, "账号或密码"),
        ({"view": "v_secret"}, "没有这个视图，或账号无权读它"),
        ({"view": "nothing"}, "没有这个视图，或账号无权读它"),
        ({"cursor": "altered"}, "某一列"),
    ],
)
def test_what_went_wrong_is_said_and_no_password(plant, settings, words):
    said = failure(plant, **settings)
    assert words in said
    assert ADMIN_PASSWORD not in said


def test_a_server_that_goes_and_comes_back(plant):
    weigh(plant, 1, kwh=1)

    async def run():
        kept = Kept()
        task = asyncio.create_task(view(plant).run(kept))
        await until(lambda: kept.values("E1") == [1], task)
        await asyncio.to_thread(plant.stop)
        with pytest.raises(LinkError):
            await asyncio.wait_for(task, 10)
        await asyncio.to_thread(plant.start)
        await asyncio.to_thread(weigh, plant, 2, kwh=2)
        again = Kept()
        async with running(view(plant), again) as task:
            await until(lambda: 2 in again.values("E1"), task)

    asyncio.run(run())


def test_a_probe_shows_the_newest_values_and_keeps_nothing(plant, tmp_path):
    for number in (1, 2, 3):
        weigh(plant, number, kwh=number)
    report = asyncio.run(view(plant, page_rows=2).probe())
    found, absent = report.rows
    assert (found.value, found.error) == (3, "")
    assert "没有这个测点" in absent.error
    assert not (tmp_path / FOLDER).exists()
    assert asyncio.run(view(plant, url=plant.url("nobody")).probe()).error


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "postgresql://a:secret@h/db"},
        {"url": "sqlite:///etc/passwd"},
        {"url": "postgresql://h"},
        {"url": "postgresql://h/db?options=-c"},
        {"url": "nonsense"},
        {"view": 'v"; DROP TABLE weighing; --'},
        {"cursor": "a`b"},
        {"columns": {"point": "a", "timestamp": "b"}},
        {"columns": {"timestamp": "b", "colour": "c"}},
        {"content": "batches", "columns": {"batch_id": "a"}},
        {"content": "meters"},
        {"key": ()},
        {"zone": "Mars"},
        {"password": "secret"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong):
    good = {
        "url": "postgresql://reader@h/db", "view": "v", "cursor": "changed", "key": ("id",),
        "columns": {"point": "a", "timestamp": "b", "value": "c"},
    }  # fmt: skip
    SqlViewConfig(**good)
    with pytest.raises(ValidationError):
        SqlViewConfig(**good | wrong)


def test_points_fit_the_settings():
    cfg = SqlViewConfig(
        url="postgresql://h/db", view="v", cursor="c", key=("id",), columns={"timestamp": "b"}
    )
    ViewAddress.check(Point(point_id="E", address="kwh"), cfg)
    with pytest.raises(ValueError, match="字符"):
        ViewAddress.check(Point(point_id="E", address="a;b"), cfg)
    with pytest.raises(ValueError, match="地址"):
        ViewAddress.parse(" ")
