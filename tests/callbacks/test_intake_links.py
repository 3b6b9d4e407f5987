"""接口, 台账 and 完整性 as they are put together: what is shown, who may do what, what is said."""

import base64
import re
import threading

import pytest
from flask import Flask
from werkzeug.exceptions import Forbidden, NotFound

from callbacks import (
    closing,
    intake_complete,
    intake_keys,
    intake_link_form,
    intake_links,
    intake_register,
)
from callbacks._reader import PageReader
from callbacks.closing import Desk, Who
from data import connectors
from data.connectors.base import ProbeReport, ProbeRow
from data.interface_form import on_server
from data.state import now
from figures.intake_links import FIRST_POINTS, links_table
from pages import data as page
from tests.callbacks.test_screens import walk, words
from tests.data.arrivals import drained, push, reading, register, wanted
from tests.data.arrivals import plant as arrivals_plant

CLERK, ANALYST, VERIFIER = Who("cle", "clerk"), Who("ana", "analyst"), Who("ver", "verifier")
TABLE = "点号,表号,地址,数据类型,单位\nP1,M1,7,u16,kWh\n"


@pytest.fixture
def made(tmp_path):
    with arrivals_plant(tmp_path) as found:
        push(found, "a", [reading(0, 1)])
        found.settle()
        yield found


@pytest.fixture
def as_(monkeypatch):
    """Become somebody."""

    def become(who):
        for module in (closing, intake_links, intake_link_form, intake_keys, intake_register):
            monkeypatch.setattr(module, "who", lambda: who)

    become(ANALYST)
    return become


def desk(made):
    return Desk(PageReader(made.engine), threading.Lock(), "zh")


def shown(made, search, language="zh"):
    with Flask(__name__).test_request_context():
        return intake_links.contents(desk(made), search, language, form=True)


def table_of(text_):
    return "data:text/csv;base64," + base64.b64encode(text_.encode()).decode()


def uploaded(made, body, name="points.csv"):
    with Flask(__name__).test_request_context():
        return intake_links.table_answer(desk(made), "house", table_of(body), name, "zh")


def disabled(node, part):
    (found,) = [n for n in walk(node) if n.get("props", {}).get("id") ==
                {"page": "data", "part": part}]  # fmt: skip
    return found["props"]["disabled"]


def test_every_interface_is_listed_with_the_ways_that_are_always_there(made, as_):
    found = words(shown(made, "?tab=links")["links-list"])
    for part in ("house", "Modbus TCP", "断开", "P1 1 kWh", "REST 推送接口", "文件上传与导入"):
        assert part in found
    assert "采集程序没有运行或没有应答" in found
    assert re.search(r"P1 1 kWh2026-01-05 00:00:00\d+ 天", found)  # since when nothing came
    assert "2 行 / 2 批" in found  # files by hand
    assert "3 个接口，1 个启用，1 个异常或断开" in shown(made, "?tab=links")["links-sub"]
    assert shown(made, "?tab=links")["links-detail"] is None
    assert shown(made, "?tab=links&link=nothing")["links-detail"] is None


def test_an_interface_is_removed_once_and_shown_behind_the_switch(made, as_):
    assert shown(made, "?tab=links")["links-gone"] is None
    assert "不能恢复" in words(shown(made, "?tab=links&link=house")["links-detail"])
    as_(VERIFIER)
    with Flask(__name__).test_request_context(), pytest.raises(Forbidden):
        intake_links.acted(desk(made), "remove", "house", "zh")
    as_(ANALYST)
    with Flask(__name__).test_request_context():
        assert intake_links.acted(desk(made), "remove", "house", "zh").done
        assert not intake_links.acted(desk(made), "remove", "house", "zh").done
    assert "house" not in words(shown(made, "?tab=links")["links-list"])
    assert "ana" not in words(shown(made, "?tab=links")["links-gone"])
    gone = words(shown(made, "?tab=links&gone=1")["links-gone"])
    for part in ("house", "Modbus TCP", "ana", "编号不再使用"):
        assert part in gone
    drained(made)  # what had come before is loaded all the same
    assert made.query("SELECT count(*) FROM reading") == [(1,)]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_one_is_opened_with_points_probe_versions_and_what_differs(made, as_, language):
    wider = wanted([register(), register("P2", "", scale="0.1", kind="instant")])
    second = made.engine.state.interfaces.save(wider, "boss", now())
    row = ProbeRow("P1", 2, "43 65 02 8F", (("ABCD", 229), ("CDAB", 2), ("BADC", 3), ("DCBA", 4)),
                   229, "kWh", "", "")  # fmt: skip
    report = ProbeReport(now().astimezone(), True, (row,), "", 0.1, None)
    made.engine.state.interface_tests.add("house", second, report, "boss", now())
    found = words(shown(made, f"?tab=links&link=house&version={second}", language)["links-detail"])
    for part in ("43 65 02 8F", "229", "ABCD", "CDAB", "BADC", "DCBA", "boss", "P2"):
        assert part in found
    if language == "zh":
        assert "测点（2）" in found
        assert f"版本 {second} 与前一版的不同" in found
    links = [n["props"]["href"] for n in walk(shown(made, "?tab=links&link=house")["links-detail"])
             if n.get("props", {}).get("href", "").startswith("/download")]  # fmt: skip
    assert [one.rpartition(".")[2] for one in links] == ["pdf", "docx", "html", "xlsx", "csv"]


def test_many_points_are_shown_in_part(made, as_):
    many = wanted([register(f"P{n}", "", kind="instant") for n in range(1, FIRST_POINTS + 6)])
    made.engine.state.interfaces.save(many, "boss", now())
    short = words(shown(made, "?tab=links&link=house")["links-detail"])
    assert f"显示全部 {FIRST_POINTS + 5} 个测点" in short
    assert f"P{FIRST_POINTS + 5}" not in short
    assert f"P{FIRST_POINTS + 5}" in words(
        shown(made, "?tab=links&link=house&all=1")["links-detail"]
    )


def test_who_may_not_look_after_interfaces_sees_them_only(made, as_):
    assert not disabled(shown(made, "?tab=links&link=house")["links-detail"], "links-off")
    as_(VERIFIER)
    detail = shown(made, "?tab=links&link=house")["links-detail"]
    assert disabled(detail, "links-off")
    assert "上传新点表" not in words(detail)
    with Flask(__name__).test_request_context(), pytest.raises(Forbidden):
        intake_links.acted(desk(made), "disable", "house", "zh")
    with pytest.raises(Forbidden):
        uploaded(made, TABLE)


def test_switching_is_a_version_and_an_unknown_name_is_said(made, as_):
    with Flask(__name__).test_request_context():
        said = intake_links.acted(desk(made), "disable", "house", "zh")
        assert (said.done, said.words) == (True, "已停用接口 house")
        assert not made.engine.state.interfaces.find("house").wanted.enabled
        assert made.engine.state.interfaces.find("house").author == "ana"
        said = intake_links.acted(desk(made), "enable", "nothing", "zh")
        assert (said.done, said.words) == (False, "没有这个接口：nothing")
        said = intake_links.acted(desk(made), "probe", "house", "zh")
        assert said.done
    assert made.engine.state.interface_tests.last("house").author == "system"


def test_another_sites_interface_is_not_there(made, as_, monkeypatch):
    told = []
    monkeypatch.setattr(intake_links, "in_scope", lambda _site: False)
    monkeypatch.setattr(closing, "denied", told.append)
    with Flask(__name__).test_request_context(), pytest.raises(NotFound):
        intake_links.acted(desk(made), "disable", "house", "zh")
    assert told == ["interface house"]
    assert made.engine.state.interfaces.find("house").wanted.enabled


def test_a_new_point_table_is_a_new_version(made, as_):
    before = made.engine.state.interfaces.find("house")
    answer = uploaded(made, TABLE)
    after = made.engine.state.interfaces.find("house")
    assert "已保存接口 house" in words(answer["said"])
    assert (after.version, after.author) == (before.version + 1, "ana")
    assert after.wanted.points[0].address == "7"


@pytest.mark.parametrize(
    ("body", "name", "cells"),
    [
        (TABLE.replace("u16", "u99"), "points.csv", ("2", "数据类型", "u99")),
        (TABLE.replace("kWh", "斗"), "points.csv", ("2", "单位", "斗")),
        (TABLE, "points.exe", ("不是点表文件",)),
        ("", "points.csv", ()),
    ],
)
def test_a_wrong_table_is_answered_cell_by_cell_and_the_version_before_stays(
    made, as_, body, name, cells
):
    before = made.engine.state.interfaces.find("house").version
    head = made.engine.state.audit.head()[0]
    found = words(uploaded(made, body, name)["said"])
    assert "原版本继续有效" in found
    assert all(cell in found for cell in cells)
    assert made.engine.state.interfaces.find("house").version == before
    records = list(made.engine.state.audit.records(head))
    assert [(r.event, r.outcome) for r in records] == [("interface.save", "failure")]


def test_a_key_is_shown_once_and_revoked(made, as_):
    given = {"name": "scales", "days": "30", "scopes": ["ingest:meter"], "sites": ["S1"],
             "addresses": "10.0.0.0/8， 10.1.2.3"}  # fmt: skip
    with Flask(__name__).test_request_context():
        answer = intake_keys.add(desk(made), given, "zh")
        (key,) = made.engine.state.api_keys.all()
        token = next(n for n in walk(answer["said"]) if n.get("type") == "Code")
        assert words(token).startswith(key.prefix + ".")
        assert key.addresses == ("10.0.0.0/8", "10.1.2.3/32")
        listed = words(shown(made, "?tab=links")["links-keys"])
        assert "scales" in listed
        assert "推送读数" in listed
        assert words(token).partition(".")[2] not in listed
        intake_keys.revoke(desk(made), key.prefix, "zh")
        assert "已吊销" in words(shown(made, "?tab=links")["links-keys"])
        assert "没有仍可使用的密钥" in words(
            intake_keys.revoke(desk(made), key.prefix, "zh")["said"]
        )


@pytest.mark.parametrize(
    "wrong", [{"days": "0"}, {"days": "x"}, {"scopes": []}, {"name": ""}, {"addresses": "moon"},
              {"sites": ["S9"]}, {"scopes": "read"}],
)  # fmt: skip
def test_a_wrong_key_is_refused_in_words(made, as_, wrong):
    given = {"name": "x", "days": "30", "scopes": ["read"], "sites": [], "addresses": ""} | wrong
    with Flask(__name__).test_request_context():
        answer = intake_keys.add(desk(made), given, "zh")
    assert "strip-danger" in str(answer["said"])
    assert made.engine.state.api_keys.all() == []


def test_who_brings_data_in_makes_no_key(made, as_):
    as_(CLERK)
    assert shown(made, "?tab=links")["links-key-form"] is None
    with Flask(__name__).test_request_context(), pytest.raises(Forbidden):
        intake_keys.add(desk(made), {}, "zh")
    with Flask(__name__).test_request_context(), pytest.raises(Forbidden):
        intake_keys.revoke(desk(made), "0" * 12, "zh")


def test_what_is_written_is_no_element(made, as_):
    odd = wanted([register(name="P<b>")])
    made.engine.state.interfaces.save(odd, "<script>", now())
    detail = shown(made, "?tab=links&link=house")["links-detail"]
    assert "P<b>" in words(detail)
    assert all(n.get("type") not in ("b", "script", "Script") for n in walk(detail))


def test_the_table_of_none_is_empty():
    assert links_table([], "", page.Choice().href, "zh")["props"]["data-state"] == "ready"


# ---- 台账, 完整性 ----


def register_shown(made, search, language="zh"):
    with Flask(__name__).test_request_context():
        return intake_register.contents(desk(made), page.choice(search), language)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_register_and_its_forms(made, as_, language):
    found = register_shown(made, "?tab=register&edit=meter:M1", language)
    assert "M1" in words(found["register-body"])
    assert "M1" in str(found["register-form"])
    for edit in ("meter:", "device:", "area:0", "area:2", "setting:", "setting:headcount_plant"):
        assert register_shown(made, f"?tab=register&edit={edit}", language)["register-form"]
    form = register_shown(made, "?tab=register&edit=setting:", language)["register-form"]
    ways = [n["props"]["href"] for n in walk(form) if "href" in n.get("props", {})]
    assert any("edit=setting%3Aheadcount_plant" in one for one in ways)  # a name fills itself in
    assert "None" not in words(form)
    for edit in ("meter:no", "area:9", "moon:1", "area:x"):
        found = register_shown(made, f"?tab=register&edit={edit}", language)
        assert found["register-form"] is None


def saved(made, of, given):
    with Flask(__name__).test_request_context():
        return intake_register.saved(desk(made), page.choice("?tab=register"), of, given, "zh")


METER = {"medium": "electricity", "role": "grid_import", "unit": "kWh", "reading_kind": "register",
         "multiplier": "1", "register_max": "1000000", "step_min": "15"}  # fmt: skip


def test_a_change_of_the_register_is_recorded_once(made, as_):
    head = made.engine.state.audit.head()[0]
    answer = saved(made, {"what": "meter", "ident": "M1"}, METER | {"name": "关口"})
    assert "已保存" in words(answer["said"])
    ours = [r for r in made.engine.state.audit.records(head) if r.event == "data.import"]
    assert [r.outcome for r in ours] == ["intent", "success"]
    assert "关口" in words(register_shown(made, "?tab=register")["register-body"])
    wrong = saved(made, {"what": "meter", "ident": "M1"}, METER | {"step_min": "x"})
    assert "周期" in words(wrong["said"])
    assert "没有变化" in words(
        saved(made, {"what": "meter", "ident": "M1"}, METER | {"name": "关口"})["said"]
    )
    assert "没有这样的台账项" in words(saved(made, {"what": "moon"}, {})["said"])
    as_(VERIFIER)
    with pytest.raises(Forbidden):
        saved(made, {"what": "meter", "ident": "M1"}, METER)


def test_a_setting_that_waits_is_told(made, as_):
    made.readings([("M1", "2026-01-05 00:00", "1"), ("M1", "2026-01-05 06:00", "5")])
    made.settle()
    answer = saved(made, {"what": "setting"}, {"name": "headcount_plant", "value": "55"})
    assert "另一账号批准" in words(answer["said"])
    assert "headcount_plant" in words(register_shown(made, "?tab=register")["register-body"])


def test_the_calendar_leads_to_the_alarms(made, as_, monkeypatch):
    monkeypatch.setattr(intake_complete, "alerts_address", lambda _state: "/alerts")
    made.readings([("M1", "2026-01-05 06:00", "5")])
    made.settle()
    with Flask(__name__).test_request_context():
        found = intake_complete.contents(desk(made), "?tab=complete&month=2026-01", "zh")
    hrefs = [n["props"]["href"] for n in walk(found) if "href" in n.get("props", {})]
    cells = [one for one in hrefs if "meter=M1" in one]
    assert cells
    assert all(one.startswith("/alerts?") and "tab=" not in one for one in cells)
    assert all("tab=complete" in one for one in hrefs if "gaps=1" in one)


# ---- an interface is added and changed in a form ----

NEW = {"id": "gate-2", "title": "门卫", "site": "S1", "set-host": "192.0.2.7",
       "set-address_base": "0", "set-port": "1502", "set-sunspec": "true"}  # fmt: skip


def form(made, search, language="zh"):
    with Flask(__name__).test_request_context():
        return intake_link_form.contents(desk(made), page.choice(search), language)


def kept(made, given, ident="", kind="modbus_tcp", upload=None):
    with Flask(__name__).test_request_context():
        return intake_link_form.saved(
            desk(made), {"ident": ident, "kind": kind}, given, upload, "zh"
        )


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", connectors.names())
def test_every_kind_has_its_form(made, as_, kind, language):
    card = form(made, f"?tab=links&new={kind}", language)["links-form"]
    fields = {
        n["props"]["id"]["field"]
        for n in walk(card)
        if isinstance(n.get("props", {}).get("id"), dict) and "field" in n["props"]["id"]
    }
    config = connectors.connector(kind).Config
    open_ = {f"set-{name}" for name in config.model_fields if not on_server(config, name, {})}
    assert fields == {"id", "title", "site"} | open_
    assert not fields & {"set-folder", "set-password", "set-ca_file", "set-key_file"}
    if language == "en":
        said = "".join(n["props"].get("placeholder", "") for n in walk(card) if "props" in n)
        said = (said + words(card)).replace("测试站", "").replace("作废", "")
        assert not re.search("[\u4e00-\u9fff]", said)


def test_an_interface_is_added_with_its_point_table(made, as_):
    answer = kept(made, NEW, upload=(table_of(TABLE.replace("M1", "")), "points.csv"))
    assert "已保存接口 gate-2" in words(answer["said"])
    found = made.engine.state.interfaces.find("gate-2")
    assert found.wanted.settings == {
        "host": "192.0.2.7", "address_base": 0, "port": 1502, "sunspec": True,
    }  # fmt: skip
    assert (found.author, found.wanted.title, len(found.wanted.points)) == ("ana", "门卫", 1)
    again = kept(made, NEW)
    assert "已有这个编号的接口" in words(again["said"])
    assert made.engine.state.interfaces.find("gate-2").version == found.version
    events = [(r.event, r.outcome) for r in made.engine.state.audit.records(0)
              if r.object == "gate-2"]  # fmt: skip
    assert events == [("interface.save", "success"), ("interface.save", "failure")]


def test_settings_are_changed_and_the_difference_is_shown(made, as_):
    uploaded(made, TABLE)
    before = made.engine.state.interfaces.find("house")
    card = form(made, "?tab=links&link=house&edit=1")["links-form"]
    values = {n["props"]["id"]["field"]: n["props"].get("value", n["props"].get("data"))
              for n in walk(card) if isinstance(n.get("props", {}).get("id"), dict)
              and "field" in n["props"]["id"]}  # fmt: skip
    assert (values["set-host"], values["set-address_base"]) == ("127.0.0.1", "0")
    answer = kept(made, values | {"set-port": "1502"}, "house")
    assert "已保存接口 house" in words(answer["said"])
    after = made.engine.state.interfaces.find("house")
    assert after.wanted.points == before.wanted.points
    shown_ = words(shown(made, f"?tab=links&link=house&version={after.version}")["links-detail"])
    assert "port" in shown_
    assert "1502" in shown_
    kept(made, values | {"set-port": "1502"}, "house")  # the same again
    assert made.engine.state.interfaces.find("house").version == after.version
    answer = kept(made, values | {"set-port": "many"}, "house")
    said = words(answer["said"])
    assert "端口" in said
    assert "many" in said
    assert "这不是整数" in said


def test_what_names_something_of_the_server_is_not_set_on_a_page(made, as_, tmp_path):
    given = {"id": "broker", "site": "S1", "set-host": "h", "set-client_id": "c",
             "set-topics": "a/+, b/#", "set-quality_map": "ok=0，bad=2",
             "set-password": "file:/etc/shadow", "set-ca_file": "/etc/shadow"}  # fmt: skip
    kept(made, given, kind="mqtt")
    held = made.engine.state.interfaces.find("broker").wanted.settings
    assert held["topics"] == ["a/+", "b/#"]
    assert held["quality_map"] == {"ok": 0, "bad": 2}
    assert not {"password", "ca_file"} & set(held)
    said = words(kept(made, {"id": "in", "site": "S1", "set-folder": str(tmp_path),
                             "set-content": "readings"}, kind="drop_folder")["said"])  # fmt: skip
    assert "文件夹的绝对路径" in said
    assert set(made.engine.state.interfaces.current()) == {"house", "broker"}
    card = form(made, "?tab=links&new=drop_folder")["links-form"]
    assert "只能在服务器上设置" in words(card)
    assert "link-save" not in str(card)


def test_an_interface_with_a_secret_is_sent_nowhere_else(made, as_, monkeypatch):
    monkeypatch.setenv("GATE_PASSWORD", "Kupfer-47")
    settings = {"host": "h", "client_id": "c", "topics": ["a/+"], "password": "env:GATE_PASSWORD"}
    broker = wanted([], "broker", kind="mqtt", **settings)
    made.engine.state.interfaces.save(broker, "boss", now())
    card = form(made, "?tab=links&link=broker&edit=1")["links-form"]
    assert "已设置，不再显示" in words(card)
    for secret in ("GATE_PASSWORD", "Kupfer"):
        assert secret not in str(card)
        assert secret not in words(shown(made, "?tab=links&link=broker")["links-detail"])
    sent = {"title": "门卫", "set-host": "evil.example", "set-password": "", "set-username": "u"}
    kept(made, sent, "broker", "mqtt")
    after = made.engine.state.interfaces.find("broker").wanted
    assert after.title == "门卫"
    assert dict(after.settings) == settings


def test_who_may_not_gets_no_form_and_other_sites_are_not_there(made, as_, monkeypatch):
    as_(VERIFIER)
    assert form(made, "?tab=links&new=modbus_tcp") == {"links-new": None, "links-form": None}
    with pytest.raises(Forbidden):
        kept(made, NEW)
    as_(ANALYST)
    monkeypatch.setattr(intake_link_form, "in_scope", lambda _site: False)
    monkeypatch.setattr(closing, "denied", lambda _what: None)
    for ident in ("", "house"):
        with pytest.raises(NotFound):
            kept(made, NEW, ident)
    assert form(made, "?tab=links&link=house&edit=1")["links-form"] is None


def test_what_makes_no_sense_is_refused_in_words(made, as_):
    assert "没有这个接口" in words(kept(made, NEW, kind="nothing")["said"])
    assert "没有这个接口" in words(kept(made, NEW, "nothing")["said"])
    said = words(kept(made, {"site": "S1"})["said"])
    assert "接口编号只能用字母" in said
    assert "不是点表文件" in words(kept(made, NEW, upload=("x", "a.exe"))["said"])
    assert set(made.engine.state.interfaces.current()) == {"house"}
