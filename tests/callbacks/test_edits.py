"""The dialog of notes and targets: who may, what it refuses, where a note is seen."""

import csv
import io
import threading

import pytest
from werkzeug.exceptions import Forbidden

from callbacks import edits as work
from callbacks._bind import answer, contents
from callbacks._reader import PageReader
from callbacks.closing import Desk, Who
from pages import emission, overview
from security import policy
from security.roles import DEMONSTRATION, ROLES
from tests.callbacks.test_screens import downloads, walk, words
from tests.data.test_book import made
from tests.plant import opened_home
from tests.security.doors import asked, house, send

ANA = Who("ana", "analyst")
MARKUP = "<img src=x onerror=alert(1)> @停工"
NOTE = {"do": "note-add", "key": "a1" * 8, "site": "S1", "month": "2026-02", "scope": "all",
        "panel": "energy-emission", "text": MARKUP}  # fmt: skip
AIM = {"do": "target-set", "key": "a1" * 8, "site": "S1", "of": "emission|site|site",
       "aim": "budget", "period": "2026-02", "value": "1,035.5", "mass": "t", "energy": "MWh",
       "source": "<b>计划"}  # fmt: skip


@pytest.fixture
def desk(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        made(tmp_path, engine)
        yield Desk(PageReader(engine), threading.Lock())


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A desk that every test leaves as it was."""
    folder = tmp_path_factory.mktemp("still")
    with opened_home(folder / "home") as engine:
        made(folder, engine)
        yield Desk(PageReader(engine), threading.Lock())


def do(desk, page=overview.PAGE, who=ANA, chosen="zh", **sent):
    return work.edited(desk, page, who, sent, chosen)


def chart(desk, page=overview.PAGE, panel="energy-emission", search=""):
    return contents(page, desk.reader, search, "zh")["charts"][panel]


def marks(drawn):
    return [n for plot in drawn["plots"] for n in plot["layout"]["meta"].get("notes", [])]


def test_a_note_stands_on_every_monthly_chart_table_hover_and_csv(desk):
    assert do(desk, **NOTE).done
    drawn = chart(desk)
    assert marks(drawn) == [{"x": "2026-02", "brief": MARKUP, "texts": [MARKUP]}]
    assert drawn["hover"]["2026-02"]["notes"] == [MARKUP]
    assert "1 期有备注" in drawn["label"]
    assert marks(chart(desk, emission.PAGE, "carbon"))
    table = contents(overview.PAGE, desk.reader, "?table=energy-emission", "zh")["words"]
    assert MARKUP in words(table)
    client = downloads(desk.reader)
    body = client.get("/download/overview/energy-emission.csv").get_data().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(body)))
    assert rows[0][-1] == "备注"
    assert {row[0]: row[-1] for row in rows[1:]}["2026-02"] == MARKUP


def test_a_note_of_a_page_or_a_chart_stands_there_alone(desk):
    assert do(desk, **NOTE | {"scope": "page", "text": "页", "key": "b" * 16}).done
    assert do(desk, **NOTE | {"scope": "panel", "text": "图", "key": "c" * 16}).done
    assert [n["texts"] for n in marks(chart(desk))] == [["页", "图"]]
    assert marks(chart(desk, emission.PAGE, "carbon")) == []
    assert [n["texts"] for n in marks(chart(desk, panel="reduction-trend"))] == [["页"]]


def test_a_formula_stays_text_in_a_spreadsheet(desk):
    assert do(desk, **NOTE | {"text": "=1+1"}).done
    body = downloads(desk.reader).get("/download/overview/energy-emission.csv").get_data().decode()
    assert "'=1+1" in body


def test_quarters_say_the_month(desk):
    assert do(desk, **NOTE | {"text": "停工"}).done
    drawn = chart(desk, search="?grain=quarter&from=2026-01&to=2026-03")
    assert marks(drawn)[0]["texts"] == ["2月 停工"]


def test_a_changed_note_makes_the_page_anew(desk):
    first = answer(overview.PAGE, desk.reader, "", "zh")
    number = do(desk, **NOTE).facts["note"]
    again = answer(overview.PAGE, desk.reader, "", "zh")
    assert again is not first
    assert do(desk, do="note-change", key="b" * 16, note=str(number), text="改").done
    assert marks(chart(desk))[0]["texts"] == ["改"]
    assert do(desk, do="note-remove", key="c" * 16, note=str(number)).done
    assert marks(chart(desk)) == []
    assert do(desk, do="note-restore", key="d" * 16, note=str(number)).done
    assert marks(chart(desk))[0]["texts"] == ["改"]


@pytest.mark.parametrize(
    ("sent", "words_said"),
    [
        (NOTE | {"text": "长" * 201}, "200 字"), (NOTE | {"text": ""}, "请写"),
        (NOTE | {"month": "2031-01"}, "没有这个月份"),
        (NOTE | {"month": ["2026-02"]}, "没有这个月份"),
        (NOTE | {"site": "S9"}, "没有这个站点"),
        ({**NOTE, "do": "note-remove", "note": "9"}, "没有这条"),
        (NOTE | {"do": "drop"}, "未能完成"), (NOTE | {"key": ""}, "未能完成"),
        (AIM | {"value": "viel"}, "请填写数值"), (AIM | {"value": ""}, "请填写数值"),
        (AIM | {"period": "2026-99"}, "期间"), (AIM | {"of": "magic|site|site"}, "没有这个指标"),
        (AIM | {"aim": "wish"}, "没有这种目标"), (AIM | {"site": "S9"}, "没有这个站点"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("chosen", ["zh", "en"])
def test_refusals_are_words_and_recorded(still, sent, words_said, chosen):
    before = still.reader.engine.state.audit.count()
    said = do(still, chosen=chosen, **sent)
    assert not said.done
    assert chosen == "en" or words_said in said.words
    assert chosen == "zh" or all(ord(c) < 0x2E80 for c in said.words)
    if "未能完成" not in words_said:
        (*_, record) = still.reader.engine.state.audit.records(before)
        assert record.outcome == "failure"


def test_a_target_is_in_the_ledgers_unit_and_shown_at_once(desk):
    assert do(desk, **AIM).done
    view = desk.reader.view("overview", work.parse("", desk.reader.known()), "zh")
    assert view.targets["emission", "site", "site", "budget"] == {"2026-02": 1035500.0}
    lines = [t for t in chart(desk)["plots"][1]["data"] if "预算" in t["name"]]
    assert lines
    assert any(1035.5 in [y for y in line["y"] if y] for line in lines)
    again = do(desk, **AIM)
    assert again.done
    history = work.targets.history(desk.reader.engine, "S1", ("emission", "site", "site"))
    assert [(one.source, one.actor) for one in history] == [("<b>计划", "ana")]
    events = [(r.event, r.outcome) for r in desk.reader.engine.state.audit.records()]
    assert ("target.set", "success") in events


@pytest.mark.parametrize(
    "role", [r for r in (*ROLES, DEMONSTRATION) if not policy.default().allows(r, "/", policy.NOTE)]
)
def test_who_may_not_is_refused(still, role):
    for sent in (NOTE, AIM):
        with pytest.raises(Forbidden):
            do(still, who=Who("x", role), **sent)
    assert still.reader.engine.state.notes.of(["S1"]) == []


def test_the_policy_in_force_takes_and_gives_the_right(still):
    access = still.reader.engine.state.access
    cells = {("analyst", "/", policy.NOTE): False, ("clerk", "/", policy.NOTE): True}
    try:
        access._matrix = policy.written(cells)
        with pytest.raises(Forbidden):
            do(still, **NOTE)
        assert work.filled(still, overview.PAGE, {"kind": "note"}, "", ANA)[0] == "没有权限"
        assert not do(still, who=Who("cl", "clerk"), do="note", key="00000000").done
    finally:
        access._matrix = ""


def test_the_form_has_the_month_and_what_there_is(desk):
    do(desk, **NOTE)
    ask = {"kind": "note", "panel": "energy-emission", "month": "2026-02"}
    title, form = work.filled(desk, overview.PAGE, ask, "", ANA)
    assert title == "月份备注"
    chosen = [n["props"]["data-chosen"] for n in walk(form) if n.get("type") == "Select"]
    assert chosen == ["2026-02", "all"]
    assert MARKUP in words(form)
    ask = {"kind": "target", "of": "emission|site|site"}
    do(desk, **AIM)
    title, form = work.filled(desk, overview.PAGE, ask, "", ANA)
    assert (title, "数值（tCO₂e）" in words(form)) == ("设目标", True)
    assert "预算 1,036 tCO₂e" in words(form)


@pytest.mark.parametrize("ask", [None, {}, {"kind": "target", "of": "x"}, {"kind": 7, "panel": 3}])
def test_any_question_is_answered(still, ask):
    work.filled(still, overview.PAGE, ask, "?grain=year", ANA)


def test_the_entries_are_there_for_those_who_may(still):
    def entries(edits):
        sent = contents(overview.PAGE, still.reader, "", "zh", edits=edits)
        return [n for n in walk(sent) if "data-ask" in n.get("props", {})]

    assert entries(False) == []
    assert {n["props"]["data-ask"] for n in entries(True)} == {"note", "target"}


def test_the_wrong_role_is_refused_and_recorded(tmp_path):
    with house(tmp_path) as found:
        state = found.engine.state
        (entry,) = [d for d in found.dependencies
                    if '"page":"overview","part":"act-edit-said"' in d["output"]]  # fmt: skip
        for role, status in (("clerk", 403), ("auditor", 403), (DEMONSTRATION, 403),
                             ("analyst", 200), ("manager", 200)):  # fmt: skip
            before = state.audit.count()
            body = asked(entry, {"data": NOTE})
            assert send(found.client(role), body).status_code == status
            events = [(r.event, r.role, r.outcome) for r in state.audit.records(before)]
            if status == 403:
                assert ("request.denied", role, "denied") in events
        assert [n.text for n in state.notes.of(["S1"])] == [MARKUP]
