"""数据接入 as it is put together: whose file it is, what stays of it, who may do what."""

from __future__ import annotations

import base64
import json
import re
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask, g
from werkzeug.exceptions import Forbidden, NotFound

from callbacks import _intake_review as shown
from callbacks import intake_forms, intake_import
from callbacks._reader import PageReader
from callbacks._uploads import Uploads, piece, whole
from callbacks.closing import Desk, Who
from data.ingest.watch import Stopped, Watch
from data.state import NewAccount, SessionRow
from figures.intake_reasons import WARNINGS
from pages import data as page
from security import passwords
from security.sessions import Sessions
from tests.callbacks.test_screens import walk, words
from tests.plant import Plant, meter, moment, opened_home, series
from translations import text

CLERK = Who("li", "clerk")
GOOD = "meter_id,timestamp,value\nG,2026-03-02 00:15,3\nG,2026-03-02 00:30,4\n"
BAD = "meter_id,timestamp,value\nG,2026-03-02 00:15,3\nX,2026-03-02 00:30,4\n"


@pytest.fixture
def plant(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        found = Plant(tmp_path, engine)
        found.meters(meter("G", role="grid_import", register_max=10**6))
        found.readings(series("G", moment("2026-03-01 00:00"), moment("2026-03-02 00:00"),
                              per_step=0.01))  # fmt: skip
        found.settle()
        yield found


@pytest.fixture
def desk(plant):
    return Desk(PageReader(plant.engine), threading.Lock(), "zh")


@pytest.fixture
def asked():
    """A request context with a session, which may name sites."""
    with Flask(__name__).test_request_context() as context:
        g.session = session()
        yield context


def session(token="a" * 64, name="li", sites=()):
    at = datetime(2026, 3, 3)
    return SessionRow(token, "user", 1, name, "clerk", at, at, at + timedelta(hours=8), "", "full",
                      tuple(sites))  # fmt: skip


def sent(plant, slot, body, name="a.csv", key="k" * 32):
    data = body if isinstance(body, bytes) else body.encode()
    answer = {}
    for at in range(0, len(data), 20):
        part = base64.b64encode(data[at : at + 20]).decode()
        given = {"key": key, "name": name, "size": len(data), "at": at, "body": part}
        answer = piece(plant.engine, slot, given, "zh")
        if "failed" in answer:
            return answer
    return answer


def arrived(desk, plant, body, name="a.csv", slot=None):
    slot = slot or Uploads(plant.engine).slot(session())
    assert "failed" not in sent(plant, slot, body, name)
    intake_import.drafted(desk, slot, {"do": "whole", "key": "k" * 32}, "zh")
    slot.version += 1
    return slot


def commit(desk, slot, good=False, version=None):
    given = {"commit": slot.version if version is None else version, "good": good}
    return intake_import.committed(desk, slot, given, CLERK, "zh")


def contents(desk, slot, search="", who=CLERK, language="zh"):
    return shown.contents(desk, slot, page.choice(search), who, language)


def test_pieces_come_in_order_and_large_or_strange_files_not_at_all(plant):
    slot = Uploads(plant.engine).slot(session())
    assert sent(plant, slot, GOOD)["at"] == len(GOOD)
    assert "failed" in sent(plant, slot, GOOD, "a.exe")
    assert "import site" in sent(plant, slot, GOOD, "site.toml")["failed"]
    assert "MB" in piece(plant.engine, slot, {"key": "k", "name": "a.csv", "size": 1 << 40,
                                              "at": 0, "body": "YQ=="}, "zh")["failed"]  # fmt: skip
    assert "failed" in piece(plant.engine, slot, {"key": "k" * 32, "name": "a.csv", "at": 7,
                                                  "body": "YQ=="}, "zh")  # fmt: skip
    assert "failed" in piece(plant.engine, slot, {"at": "x", "body": 5}, "zh")
    assert whole(slot, "other") is None


def test_how_large_a_file_may_be_is_said_before_it_is_sent(plant, asked, desk):
    slot = Uploads(plant.engine).slot(session())
    shown_ = words(contents(desk, slot)["import-body"])
    assert "不超过 64 MB" in shown_
    assert "不超过 16 MB" in shown_
    for name, size, remedy in (("a.csv", 65, "落地文件夹"), ("a.xlsx", 17, "CSV")):
        given = {"key": "k", "name": name, "size": size << 20, "at": 0, "body": "YQ=="}
        assert remedy in piece(plant.engine, slot, given, "zh")["failed"]


def test_a_large_file_takes_reasons_and_leaves_bad_rows_out(plant, asked, desk, monkeypatch):
    monkeypatch.setattr("data.intake.EDITED_BYTES", 10)
    slot = arrived(desk, plant, BAD + "G,2026-03-02 00:15,3\n")
    seen = contents(desk, slot)
    assert "不能在此逐格修改" in words(seen["import-body"])
    assert not [node for node in walk(seen["import-body"]) if "data-cell" in node]
    assert seen["import-reasons"] is not None
    assert not commit(desk, slot).done
    slot.reasons = {"all": "sent twice"}
    assert not commit(desk, slot).done
    assert shown.download(desk, slot, page.choice("what=errors"), "zh").status_code == 200
    assert commit(desk, slot, good=True).done
    assert plant.query("SELECT warning, reason FROM intake_reason") == [("repeated", "sent twice")]


def test_a_large_file_whose_rows_are_judged_together_is_refused_with_a_way_back(
    plant, asked, desk, monkeypatch
):
    monkeypatch.setattr("data.intake.EDITED_BYTES", 10)
    slot = arrived(desk, plant, "date,instrument,volume_t,turnover_cny\n2026-03-01,CCER,1,80\n")
    body = contents(desk, slot)["import-body"]
    assert "不能超过 16 MB" in words(body)
    ways = [json.loads(n["props"]["data-intake"]) for n in walk(body)
            if "data-intake" in n.get("props", {})]  # fmt: skip
    assert ways == [{"do": "step", "to": 1}, {"do": "cancel"}]
    intake_import.drafted(desk, slot, ways[0], "zh")
    assert "匹配" in words(contents(desk, slot)["import-body"])


def test_a_path_in_a_name_is_no_path(plant, asked, desk):
    slot = arrived(desk, plant, GOOD, "../../<i>etc</i>/p.csv")
    assert slot.draft.path.parent == slot.folder
    assert slot.folder.parent == plant.engine.store.inbox


def test_a_file_in_work_is_its_sessions_alone_and_ends_with_it(plant, asked, desk):
    state = plant.engine.state
    new = NewAccount("li", "li", "clerk", passwords.hashed("Kupfer-Eisen-47"))
    state.accounts.add([new], datetime(2026, 3, 3))
    sessions = Sessions(state)
    mine = state.accounts.session  # rows as the gate has them
    tokens = [sessions.open(state.accounts.find("li").account, "127.0.0.1")]
    first = sessions.find(tokens[0], "127.0.0.1")
    uploads = Uploads(plant.engine)
    slot = arrived(desk, plant, GOOD, slot=uploads.slot(first))
    assert slot.draft.path.exists()
    second = sessions.find(sessions.open(first.account, "127.0.0.1"), "127.0.0.1")
    assert mine(first.token_digest) is None
    assert uploads.slot(second).draft is None
    assert not slot.folder.exists()


def test_a_commit_is_of_what_was_seen(plant, asked, desk):
    slot = arrived(desk, plant, BAD)
    before = slot.version
    intake_import.drafted(desk, slot, {"do": "edit", "row": 3, "column": "meter_id",
                                       "value": "G"}, "zh")  # fmt: skip
    slot.version += 1
    assert not commit(desk, slot, version=before).done
    assert commit(desk, slot).done
    assert slot.draft is None
    assert not commit(desk, slot).done  # pressed twice
    events = [(r.event, r.outcome) for r in plant.engine.state.audit.records(0)
              if r.outcome != "intent" and r.event == "data.import"]  # fmt: skip
    assert events == [("data.import", "failure"), ("data.import", "success"),
                      ("data.import", "failure")]  # fmt: skip


def test_errors_block_and_good_rows_go_on_request(plant, asked, desk):
    slot = arrived(desk, plant, BAD)
    assert "1 行有错误" in commit(desk, slot).words
    done = commit(desk, slot, good=True)
    assert done.done
    batch = done.facts["batch"]
    assert plant.query("SELECT count(*) FROM reading WHERE batch = ?", [batch]) == [(1,)]


ODD = "meter_id,timestamp,value\nG,2026-02-20 00:15,1\nG,2026-02-20 00:15,1\nG,2099-01-01 00:15,2\n"


def test_each_kind_of_warning_has_a_reason(plant, asked, desk):
    slot = arrived(desk, plant, ODD)
    kinds = list(shown.review_of(desk, slot, slot.draft, "zh").warnings)
    assert {"repeated", "future"} <= set(kinds)
    card = str(contents(desk, slot)["import-reasons"])
    assert all(f"'data-reason': '{kind}'" in card for kind in ("all", *kinds))
    words = commit(desk, slot).words
    assert "编号重复" in words
    assert "日期在今天之后" in words
    slot.reasons = intake_import.reasons_given({"reasons": {"future": " 计划 ", "x": "y"}}, {})
    assert slot.reasons == {"future": "计划"}
    words = commit(desk, slot).words
    assert "日期在今天之后" not in words
    assert "编号重复" in words
    assert "'value': '计划'" in str(contents(desk, slot)["import-reasons"])  # nothing is lost
    slot.reasons = intake_import.reasons_given(
        {"reasons": {"all": "仪表试验", "future": "计划"}}, slot.reasons
    )
    done = commit(desk, slot)
    assert done.done
    assert slot.reasons == {}  # no reason passes on to another file
    record = list(plant.engine.state.audit.records(0))[-1]
    assert "repeated (1): 仪表试验" in record.description
    assert "future (1): 计划" in record.description
    batch = str(contents(desk, slot, f"?batch={done.facts['batch']}")["import-batch"])
    assert "编号重复 (1): 仪表试验" in batch
    assert "日期在今天之后 (1): 计划" in batch


def test_every_kind_of_warning_has_a_name_in_both_languages():
    used = set()
    for path in Path("data/ingest").glob("*.py"):
        body = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'warning="(\w+)"', body))
        used |= set(re.findall(r'words = "(\w+)", "', body))
        used |= set(re.findall(r'"(\w+)", "日期在今天', body))
    assert used == set(WARNINGS)
    assert all(text(name, "en") != name for name in WARNINGS.values())


def test_commands_that_make_no_sense_do_nothing(plant, asked, desk):
    slot = arrived(desk, plant, BAD)
    draft = slot.draft
    for command in ({"do": "map", "at": 99, "name": "value"}, {"do": "map", "at": 0, "name": "x"},
                    {"do": "kind", "value": "site"}, {"do": "site", "value": "elsewhere"},
                    {"do": "edit", "row": 2, "column": "nothing", "value": "1"},
                    {"do": "edit", "row": "2", "column": "value"}, {"do": [1]}, {}):  # fmt: skip
        intake_import.drafted(desk, slot, command, "zh")
        assert slot.draft == draft


def test_the_same_file_says_so_and_no_table_says_why(plant, asked, desk):
    slot = arrived(desk, plant, GOOD)
    assert commit(desk, slot).done
    slot = arrived(desk, plant, GOOD, "other name.csv")
    assert slot.draft is None
    assert "没有变化" in words(contents(desk, slot)["import-body"])
    slot = arrived(desk, plant, b"PK\x03\x04 no workbook", "a.xlsx")
    assert slot.draft is None
    assert "损坏" in slot.words[0]


def test_whoever_sees_some_sites_brings_in_for_those(plant, asked, desk, monkeypatch):
    monkeypatch.setattr("callbacks.closing.denied", lambda what: None)
    other = Plant(plant.folder, plant.engine, site="S2")
    other.meters(meter("K", role="grid_import", register_max=10**6))
    body = "batch_id,site,date,line,mass_in_t\nB1,S1,2026-03-02,cable,1\nB2,S2,2026-03-02,cable,1\n"
    g.session = session(sites=("S2",))
    slot = arrived(desk, plant, body)
    assert slot.draft.site == "S2"
    done = commit(desk, slot, good=True)
    assert plant.query("SELECT batch_id FROM record_batches") == [("B2",)]
    intake_import.drafted(desk, slot, {"do": "site", "value": "S1"}, "zh")
    g.session = session(sites=("S1",))
    with pytest.raises(NotFound):
        intake_import.revoked(desk, done.facts["batch"], "x", CLERK, "zh")
    rows = contents(desk, None)["import-batches"]
    assert str(done.facts["batch"]) not in [
        n["props"]["data-batch"] for n in walk(rows) if "data-batch" in n.get("props", {})
    ]  # fmt: skip


def test_who_may_not_is_refused(plant, asked, desk):
    for role in ("manager", "verifier", "auditor"):
        with pytest.raises(Forbidden):
            intake_import.revoked(desk, 1, "x", Who("x", role), "zh")
        with pytest.raises(Forbidden):
            intake_forms.taken(desk, {"form": "fuel"}, Who("x", role), "zh")


def test_a_template_of_every_kind_and_the_list_of_errors(plant, asked, desk):
    slot = arrived(desk, plant, BAD)
    for what in ("readings", "trips", "errors"):
        answer = shown.download(desk, slot, page.choice(f"?what={what}"), "zh")
        assert answer.data.startswith(b"PK")
    assert shown.download(desk, slot, page.choice("?what=site"), "zh") is None
    assert shown.download(desk, None, page.choice("?what=errors"), "zh") is None


FORM = {"form": "production", "site": "S1", "values": {
    "batch_id": "H1", "date": "2026-03-02", "line": "cable", "mass_in_t": "10",
    "out_copper": "6", "out_steel": "2"}}  # fmt: skip


def test_a_form_is_a_batch_of_each_kind_or_nothing(plant, asked, desk):
    wrong = FORM | {"values": FORM["values"] | {"out_steel": "much"}}
    answer = intake_forms.taken(desk, wrong, CLERK, "zh")
    assert list(answer["done"]["errors"]) == ["out_steel"]
    assert plant.query("SELECT count(*) FROM record_batches") == [(0,)]
    heavy = FORM | {"values": FORM["values"] | {"out_steel": "5"}}
    answer = intake_forms.taken(desk, heavy, CLERK, "zh")  # more comes out than went in
    assert list(answer["done"]["doubts"]) == ["batch_id"]
    answer = intake_forms.taken(desk, FORM, CLERK, "zh")
    assert answer["done"]["ok"]
    assert plant.query("SELECT batch_id, site FROM record_batches") == [("H1", "S1")]
    assert plant.query("SELECT count(*) FROM record_outputs") == [(2,)]
    again = intake_forms.taken(desk, FORM, CLERK, "zh")
    assert "没有变化" in words(again["said"])


def test_a_reading_by_hand_is_marked_so(plant, asked, desk):
    values = {"meter_id": "G", "timestamp": "2026-03-02 00:15", "value": "1.5"}
    answer = intake_forms.taken(desk, {"form": "readings", "site": "S1", "values": values}, CLERK,
                                "zh")  # fmt: skip
    assert answer["done"]["ok"], answer
    batch = plant.query("SELECT max(batch) FROM batch")[0][0]
    assert plant.query("SELECT quality FROM reading WHERE batch = ?", [batch]) == [(3,)]
    assert plant.query("SELECT way FROM intake") == [("form",)]
    assert intake_import.revoked(desk, batch, "typo", CLERK, "zh").done
    assert not intake_import.revoked(desk, batch, "typo", CLERK, "zh").done


def slow(monkeypatch):
    """Make checking wait at its first look until it is told to go on."""
    go, watches = threading.Event(), []

    def checking(self, rows):
        watches.append(self)
        self.total = len(rows)
        for self.checked, row in enumerate(rows, 1):
            if self.checked == 2:
                go.wait(20)
                self.look()
            yield row

    monkeypatch.setattr(Watch, "checking", checking)
    monkeypatch.setattr(shown, "PATIENCE_S", 0.2)
    return go, watches


def test_a_long_check_tells_how_far_it_is(plant, asked, desk, monkeypatch):
    go, _ = slow(monkeypatch)
    slot = arrived(desk, plant, GOOD)
    body = words(contents(desk, slot)["import-body"])
    assert "2 / 2 行" in body or "已校验 2 行" in body
    assert contents(desk, slot)["import-foot"] is None
    assert shown.progress(slot, "en") is not None
    assert "rows checked" in words(shown.progress(slot, "en"))
    go.set()
    assert slot.check.wait(20)
    assert shown.progress(slot, "zh") is None
    assert "已校验：2 行" in words(contents(desk, slot)["import-body"])
    assert commit(desk, slot).done


def test_a_long_check_is_stopped_where_it_is(plant, asked, desk, monkeypatch):
    go, watches = slow(monkeypatch)
    slot = arrived(desk, plant, GOOD)
    contents(desk, slot)
    check = slot.check
    intake_import.drafted(desk, slot, {"do": "cancel"}, "zh")
    assert slot.draft is None
    go.set()
    assert check.wait(20)
    with pytest.raises(Stopped):
        check.result()
    assert [watch.checked for watch in watches] == [2]
    assert "把文件拖到这里" in words(contents(desk, slot)["import-body"])


def test_another_edit_stops_the_check_before_it(plant, asked, desk, monkeypatch):
    go, watches = slow(monkeypatch)
    slot = arrived(desk, plant, BAD)
    contents(desk, slot)
    first = slot.check
    intake_import.drafted(desk, slot, {"do": "edit", "row": 3, "column": "meter_id",
                                       "value": "G"}, "zh")  # fmt: skip
    contents(desk, slot)
    go.set()
    with pytest.raises(Stopped):
        first.result()
    assert slot.check.result().bad == frozenset()
    assert len(watches) == 2
