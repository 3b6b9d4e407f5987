"""Rows 70, 72-74: what cannot be recorded is not done; clocks; nothing turns it off or deletes."""

from __future__ import annotations

import ast
import re
import sqlite3
import subprocess
from datetime import timedelta

import pytest

import manage as manage_module
from commands import COMMANDS
from data.state import FILE_NAME, DBAPIError, Entry, State
from data.state import audit as audit_module
from data.state.audit import GENESIS
from jobs.schedule import Schedule, trail_of
from jobs.watch import Watch
from security.notary import Notary
from security.trail_check import TrailCheck
from security.verify_audit import examine
from settings import PREFIX, Settings
from tests.cli import ROOT, manage
from tests.security.doors import csrf, known, log_in, small
from tests.security.trail import Pair


@pytest.fixture
def mono():
    return Seconds()


class Seconds:
    """Seconds that nobody can set, moved by hand."""

    def __init__(self):
        self.at = 1000.0

    def __call__(self):
        return self.at


@pytest.fixture
def watch(state, clock, mono, tmp_path):
    keys = Pair()
    return Watch(
        tmp_path, Notary(state, keys, [], clock), TrailCheck(state, keys), keys, clock, mono
    )


def passed(clock, mono, seconds, step=0.0):
    """Let so many seconds pass, and the time of day jump besides."""
    mono.at += seconds
    clock.at += timedelta(seconds=seconds + step)


def noted(state, event):
    return [record for record in state.audit.records() if record.event == event]


# Row 72: clocks


@pytest.mark.parametrize("step", [-3600.0, 365 * 86400.0, 6.0, -5.5])
def test_a_step_of_the_clock_is_recorded_and_alarmed(watch, state, clock, mono, step):
    told = []
    watch.told = told.append
    passed(clock, mono, 60, step)
    watch.minute()
    (found,) = noted(state, "clock.step")
    assert told == [f"{step:+.1f} s: {found.before} > {found.after}"]
    assert found.object == f"{step:+.1f} s"
    assert found.before != found.after
    assert len(noted(state, "alarm.security")) == 1
    passed(clock, mono, 60)
    watch.minute()
    assert len(noted(state, "clock.step")) == 1  # once


@pytest.mark.parametrize("step", [0.0, 1.0, -4.9])
def test_small_corrections_are_none(watch, state, clock, mono, step):
    passed(clock, mono, 60, step)  # a leap second, a server of times
    watch.minute()
    assert noted(state, "clock.step") == []


def test_without_the_look_a_step_passes_unnoticed(watch, state, clock, mono):
    """Control."""
    passed(clock, mono, 60, -3600)
    watch.beat()
    assert noted(state, "clock.step") == []


def test_records_keep_their_order_whatever_the_clock_says(state, monkeypatch):
    class Backwards(audit_module.datetime):
        at = audit_module.datetime(2026, 3, 2, 8, tzinfo=audit_module.BEIJING)

        @classmethod
        def now(cls, zone=None):
            cls.at -= timedelta(hours=1)
            return cls.at

    monkeypatch.setattr(audit_module, "datetime", Backwards)
    for number in range(5):
        state.audit.record(Entry("session.login", str(number)))
    rows = list(state.audit.rows())
    assert [row[9] for row in rows[-5:]] == list("01234")
    assert rows[-1][1] < rows[-2][1]
    assert examine(rows).ok


def test_a_clock_set_back_while_stopped_is_seen_at_the_start(watch, state, clock):
    clock.at = clock.at.replace(year=2020)
    watch.begin()
    assert len(noted(state, "clock.step")) == 1
    assert len(noted(state, "service.start")) == 1


def test_the_heartbeat_and_the_end(watch, state, clock, mono):
    watch.beat()
    (found,) = noted(state, "service.alive")
    assert '"uptime_s": 0' in found.description
    watch.end()
    assert len(noted(state, "service.stop")) == 1
    assert state.checkpoints.newest().size == state.audit.head()[0]


def test_a_failing_job_ends_neither_the_others_nor_itself(watch, state):
    schedule = Schedule(watch)

    def fails():
        raise OSError("disk")

    schedule._guarded(fails)()
    (found,) = noted(state, "alarm.security")
    assert found.object == "job_failed fails"


# Row 73: nothing turns it off


def test_no_setting_turns_it_off(tmp_path):
    """Every setting, at every value that it takes: there is a schedule with an anchor."""
    odd = {str: ["", "x"], bool: [True, False], int: [1, 64], float: [0.0]}
    for name, one in Settings.model_fields.items():
        for value in odd.get(one.annotation, []):
            try:
                settings = Settings(home=tmp_path / "home", **{name: value})
            except ValueError:
                continue
            state = State(_folder(tmp_path))
            schedule = trail_of(settings, state, Pair())
            jobs = {job.trigger.__class__.__name__ for job in schedule._scheduler.get_jobs()}
            assert len(schedule.watch.notary.anchors) >= 1
            assert jobs == {"IntervalTrigger", "CronTrigger"}
            state.close()
    switches = re.compile(r"audit.*(off|disable|enabled|level|retention|days)|retention")
    assert [name for name in Settings.model_fields if switches.search(name)] == []


def _folder(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize(
    "name",
    ["AUDIT", "LOG_LEVEL"]
    + [pytest.param(name, marks=pytest.mark.larger)
       for name in ("AUDIT_OFF", "AUDIT_ENABLED", "AUDIT_LEVEL", "AUDIT_RETENTION_DAYS",
                    "RETENTION_DAYS")],
)  # fmt: skip
def test_a_variable_that_would_is_unknown(tmp_path, name):
    done = manage(tmp_path / "home", "setup", **{f"{PREFIX}{name}": "30"})
    assert done.returncode == 2
    assert name in done.stderr
    assert not (tmp_path / "home").exists()


def test_no_command_and_no_route_is_about_stopping_it(application):
    words = re.compile(r"audit.*(stop|off|disable|delete|purge|clear|prune|rotate)|stop|purge")
    assert [name for name in COMMANDS if words.search(name)] == []
    names = [command.name for command in manage_module.audit_app.registered_commands]
    assert sorted(names) == ["export", "report", "verify"]
    routes = {rule.rule for rule in application.server.url_map.iter_rules()}
    assert [rule for rule in routes if words.search(rule)] == []


def test_a_schedule_that_was_ended_makes_the_service_unhealthy(application):
    client = application.server.test_client()
    assert client.get("/healthz").status_code == 200
    schedule = next(
        cell.cell_contents
        for cell in application.server.view_functions["healthz"].__closure__
        if isinstance(cell.cell_contents, Schedule)
    )
    schedule._scheduler.pause()
    running = schedule.watch._ran
    schedule.watch._ran -= 10_000  # nothing has run for hours
    assert client.get("/healthz").status_code == 503
    schedule.watch._ran = running
    schedule._scheduler.resume()
    assert client.get("/healthz").status_code == 200


# Row 74: nothing deletes


def test_no_code_deletes_or_changes_a_record():
    wanted = re.compile(
        r"(delete|update)\(\s*(AUDIT|CHECKPOINT|ANCHORED)\b|(DELETE FROM|UPDATE|DROP TABLE)\s+"
        r"(audit|checkpoint|anchored)\b", re.IGNORECASE,
    )  # fmt: skip
    found = []
    for path in ROOT.rglob("*.py"):
        relative = path.relative_to(ROOT)
        if relative.parts[0] in {".venv", "tests", "var"}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call | ast.Constant) and wanted.search(ast.unparse(node)):
                found.append(str(relative))
    assert found == []


@pytest.mark.parametrize("days", [0, 30, 179, 180, 3650])
def test_no_record_of_any_age_can_be_deleted(state, days):
    with pytest.raises(DBAPIError), state.engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM audit WHERE at < date('now', '-{days} days')")
    assert state.audit.count() == 1


def test_past_the_product_the_triggers_still_refuse(state, tmp_path):
    with sqlite3.connect(tmp_path / FILE_NAME) as raw, pytest.raises(sqlite3.IntegrityError):
        raw.execute("DELETE FROM audit")
    raw.close()


def test_without_triggers_they_are_deleted(state, tmp_path):
    """Control."""
    with sqlite3.connect(tmp_path / FILE_NAME) as raw:
        raw.execute("DROP TRIGGER audit_DELETE")
        raw.execute("DELETE FROM audit")
    raw.close()
    assert state.audit.head() == (0, GENESIS)


# Row 70: what cannot be recorded is not done


@pytest.fixture
def broken(state, tmp_path):
    """Let no record be written any more; returns what mends it."""
    raw = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)

    def breaks():
        raw.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN "
                    "SELECT RAISE(ABORT, 'no space'); END")  # fmt: skip

    yield breaks
    raw.execute("DROP TRIGGER IF EXISTS full")
    raw.close()


def test_a_change_without_its_record_is_rolled_back(state, clock, broken):
    known(state, clock)
    before = state.audit.count()
    broken()
    with pytest.raises((DBAPIError, audit_module.NotRecorded)):
        known(state, clock, "second")
    assert state.accounts.find("second") is None
    assert state.audit.count() == before


def test_without_the_rule_it_would_be_kept(state, clock, monkeypatch):
    """Control: a record that is not insisted on is missing, and the account is there."""
    monkeypatch.setattr(audit_module, "append", lambda *_words: 0)
    known(state, clock, "second")
    assert state.accounts.find("second") is not None
    assert noted(state, "account.add") == []


def test_a_request_without_its_record_is_not_answered(state, clock, broken, work):
    known(state, clock)
    client = small(state, clock).test_client()
    token = csrf(client)
    broken()
    answer = client.post(
        "/login", data={"csrf_token": token, "username": "chen.jing", "password": "Kupfer-Eisen-47"}
    )
    assert answer.status_code == 503
    assert client.get_cookie("sid") is None


def test_a_refusal_without_its_record_is_no_refusal_but_503(state, clock, broken, work):
    known(state, clock)
    client = small(state, clock).test_client()
    assert log_in(client).status_code == 303
    assert client.get("/audit").status_code == 403
    broken()
    assert client.get("/audit").status_code == 503


def test_a_command_without_its_record_fails_and_does_nothing(tmp_path):
    home = tmp_path / "home"
    assert manage(home, "setup").returncode == 0
    secret = tmp_path / "password"
    secret.write_text("Kupfer-Eisen-4711 Stahl\n", encoding="utf-8")
    with sqlite3.connect(home / FILE_NAME) as raw:
        raw.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN "
                    "SELECT RAISE(ABORT, 'no space'); END")  # fmt: skip
    raw.close()
    done = manage(home, "user", "add", "one", "--role", "analyst", "--password-file", str(secret))
    assert done.returncode == 1
    assert "审计记录无法写入" in done.stderr
    with sqlite3.connect(home / FILE_NAME) as raw:
        assert raw.execute("SELECT count(*) FROM account").fetchone() == (0,)
    raw.close()


def test_a_lock_that_is_held_too_long(state, clock, tmp_path, full):
    raw = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    with pytest.raises(DBAPIError, match="locked"):
        known(state, clock, "second")
    raw.execute("ROLLBACK")
    raw.close()
    assert state.accounts.find("second") is None
    known(state, clock, "second")  # and when it is free again, it is done


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)],
                          capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        pytest.skip(f"no small file system here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def until_full(state):
    """Record until nothing more can be; returns how many were."""
    for number in range(20_000):
        try:
            state.audit.record(Entry("session.login", "x" * 3000, "y" * 3000))
        except DBAPIError:
            return number
    raise AssertionError("never full")


def accounts_until_full(state, clock):
    for number in range(200):
        try:
            known(state, clock, f"name{number}" + "x" * 3000)
        except (DBAPIError, audit_module.NotRecorded):
            return number
    raise AssertionError("never full")


def test_a_full_disk(small_disk, clock):
    state = State(small_disk)
    done = until_full(state)
    assert state.audit.head()[0] == done + 1
    accounts = accounts_until_full(state, clock)
    rows = list(state.audit.rows())
    assert examine(rows).ok
    assert len(rows) == done + 1 + accounts  # a record for each account, an account for each
    state.close()
    with sqlite3.connect(small_disk / FILE_NAME) as raw:
        assert raw.execute("SELECT count(*) FROM account").fetchone() == (accounts,)
    raw.close()
