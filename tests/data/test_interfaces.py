"""Interfaces for people: one check, versions with who and when, secrets that never come out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from data import interfaces
from data.connectors.base import Health, LinkState, Reading
from data.ingest.problems import Refused
from data.state import NoSuchInterface, now
from tests.data.arrivals import codes, drained, plant, push, reading
from tests.peers.start import modbus_server

POINTS = "point_id,meter_id,address,dtype,unit,example\nP1,M1,0,u16,kWh,\nP2,M7,1,u16,kWh,\n"
NOW = datetime(2026, 7, 1, tzinfo=UTC)


def written(folder, points=POINTS, **settings):
    lines = ['id = "gate"', 'kind = "modbus_tcp"', 'site = "S1"', 'title = "大门"',
             'points = "points.csv"', "[settings]"]  # fmt: skip
    given = {"host": "127.0.0.1", "port": 502, "address_base": 0} | settings
    lines += [f"{name} = {json.dumps(value)}" for name, value in given.items()]
    (folder / "gate.toml").write_text("\n".join(lines), encoding="utf-8")
    (folder / "points.csv").write_text(points, encoding="utf-8")
    return folder / "gate.toml"


def saved(made, folder, **settings):
    draft = interfaces.read_draft(written(folder, **settings), "zh")
    return interfaces.save(made.engine, draft, "clerk")


def refused(made, folder, **settings):
    with pytest.raises(Refused) as found:
        saved(made, folder, **settings)
    return [problem.line("zh") for problem in found.value.problems]


@pytest.fixture
def made(tmp_path):
    with plant(tmp_path) as found:
        yield found


def test_every_change_is_a_version_with_who_and_when(made, tmp_path):
    first, remarks = saved(made, tmp_path)
    assert "M7" in remarks[0]
    again, _ = saved(made, tmp_path)
    assert again == first
    second, _ = saved(made, tmp_path, port=503)
    assert second > first
    interfaces.switch(made.engine, "gate", "boss", on=False)
    third, _ = saved(made, tmp_path, port=504)
    history = made.engine.state.interfaces.history("gate")
    assert [(v.act, v.author, v.wanted.settings["port"], v.wanted.enabled) for v in history] == [
        ("save", "clerk", 504, False), ("disable", "boss", 503, False),
        ("save", "clerk", 503, True), ("save", "clerk", 502, True),
    ]  # fmt: skip
    assert all(v.at <= now() for v in history)
    assert made.engine.state.interfaces.at_version(first).wanted.points[0].point_id == "P1"


def test_a_removed_interface_keeps_its_versions_and_its_name(made, tmp_path):
    saved(made, tmp_path)
    interfaces.remove(made.engine, "gate", "clerk")
    kept = made.engine.state.interfaces
    with pytest.raises(NoSuchInterface):
        kept.find("gate")
    with pytest.raises(Refused) as refused:
        saved(made, tmp_path)
    assert "已移除" in refused.value.problems[0].reason
    with pytest.raises(NoSuchInterface):
        interfaces.remove(made.engine, "gate", "clerk")
    assert [(one.act, one.author) for one in kept.history("gate")] == [
        ("remove", "clerk"), ("save", "clerk"),
    ]  # fmt: skip
    assert kept.removed()["gate"].wanted.enabled is False


@pytest.mark.parametrize(
    ("settings", "column", "reason"),
    [
        ({"port": "x"}, "port", "整数"),
        ({"port": 0}, "port", "太小"),
        ({"address_base": 2}, "address_base", "可选值"),
        ({"colour": "red"}, "colour", "没有这一项设置"),
        ({"host": ""}, "host", "空"),
    ],
)
def test_a_wrong_setting_is_named(made, tmp_path, settings, column, reason):
    (line,) = refused(made, tmp_path, **settings)
    assert f"「{column}」列" in line
    assert reason in line


def test_a_wrong_table_leaves_the_version_before(made, tmp_path):
    """F23."""
    first, _ = saved(made, tmp_path)
    path = written(tmp_path, points=POINTS.replace("u16", "u99"))
    with pytest.raises(Refused):
        interfaces.save(made.engine, interfaces.read_draft(path, "zh"), "clerk")
    assert made.engine.state.interfaces.find("gate").version == first


def test_an_unknown_site_and_kind_are_named(made, tmp_path):
    path = written(tmp_path)
    path.write_text(path.read_text().replace("S1", "S9").replace("modbus_tcp", "telepathy"))
    with pytest.raises(Refused) as found:
        interfaces.save(made.engine, interfaces.read_draft(path, "zh"), "clerk")
    said = " ".join(problem.line("zh") for problem in found.value.problems)
    assert "S9" in said
    assert "telepathy" in said
    assert "drop_folder" in said


@pytest.mark.parametrize("folder", ["home", "home/inbox", "link"])
def test_a_folder_among_our_own_data_is_refused(made, tmp_path, folder):
    (tmp_path / "link").symlink_to(tmp_path / "home")
    path = tmp_path / "drop.toml"
    path.write_text(
        f'id = "d"\nkind = "drop_folder"\nsite = "S1"\n[settings]\nfolder = "{tmp_path}/{folder}"\n'
    )
    with pytest.raises(Refused) as refused:
        interfaces.save(made.engine, interfaces.read_draft(path, "zh"), "clerk")
    assert "系统自己的目录" in refused.value.problems[0].line("zh")


def test_a_file_that_is_none(tmp_path):
    path = tmp_path / "x.toml"
    for body in ("not toml =", 'id = "x"', 'id = "x"\nkind = "y"\nsite = "z"\nmore = 1'):
        path.write_text(body)
        with pytest.raises(Refused):
            interfaces.read_draft(path, "zh")


def test_the_page_sees_state_counts_and_what_is_held_back(made, tmp_path):
    at = NOW
    push(made, "a", [reading(0, 1), Reading("NO", reading(0, 1).ts, Decimal(1))], source_seq=1)
    push(made, "c", [reading(15, 1)], source_seq=4)
    drained(made)
    (row,) = interfaces.listed(made.engine, at)
    assert (row.waiting, row.held, row.missing) == (0, 1, 2)
    assert interfaces.state_of(row) is LinkState.WAITING
    health = Health("house", LinkState.RUNNING, at, last_good_at=at, disabled=(("P9", "x"),))
    made.engine.links.keep_health([health], at)
    (row,) = interfaces.listed(made.engine, at)
    assert row.health == health
    assert interfaces.state_of(row) is LinkState.RUNNING
    (row,) = interfaces.listed(made.engine, at + timedelta(minutes=1))
    assert row.health is None
    assert {v.point for v in interfaces.last_values(made.engine, "house")} == {"P1", "NO"}


def test_events_of_nobody_in_particular_begin_and_end(made, monkeypatch):
    push(made, "a", [reading(0, 1)], source_seq=1)
    push(made, "c", [reading(15, 1)], source_seq=3)

    class Usage:
        total, free = 100, 5

    monkeypatch.setattr("data.interfaces.shutil.disk_usage", lambda _: Usage)
    interfaces.look(made.engine, NOW, collector_runs=False)
    assert codes(made) == ["collector", "disk", "gap"]
    Usage.free = 50
    push(made, "b", [reading(30, 1)], source_seq=2)
    interfaces.look(made.engine, NOW, collector_runs=True)
    assert codes(made) == []


def test_a_probe_shows_bytes_and_every_order_and_is_recorded(made, tmp_path):
    with modbus_server() as server:
        server.words(0, 0x1234, 5)
        saved(made, tmp_path, port=server.port)
        before = made.engine.state.audit.head()[0]
        report = interfaces.probe(made.engine, "gate")
    assert report.ok
    row = report.rows[0]
    assert row.raw_hex == "12 34"
    assert dict(row.orders) == {"ABCD": 0x1234, "CDAB": 0x1234, "BADC": 0x3412, "DCBA": 0x3412}
    assert [r.event for r in made.engine.state.audit.records(before)] == ["interface.probe"]


def test_the_trail_has_the_tables_digest_and_no_secret(made, tmp_path):
    before = made.engine.state.audit.head()[0]
    saved(made, tmp_path)
    (record,) = list(made.engine.state.audit.records(before))
    assert record.event == "interface.save"
    after = json.loads(record.after)
    assert after["points_sm3"] == made.engine.state.interfaces.find("gate").points_sm3


def test_versions_cannot_be_changed(made, tmp_path):
    from sqlalchemy import text

    saved(made, tmp_path)
    for words in ("UPDATE interface_version SET author = 'x'", "DELETE FROM interface_version"):
        with (
            pytest.raises(Exception, match="not authorized|is kept"),
            made.engine.state.engine.begin() as connection,
        ):
            connection.execute(text(words))
