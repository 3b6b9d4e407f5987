"""上次来访以来 on the overview: for accounts alone, at most five, by role, read once."""

import time
from datetime import datetime, timedelta

import pytest
from flask import Flask

from callbacks import since as work
from callbacks._reader import PageReader
from callbacks.closing import Who
from callbacks.since import Asks
from data import closing
from data.state import now
from data.state.visits import _Kept
from figures.number import Units
from security.roles import may_open
from tests.callbacks.test_screens import numbers, walk, words
from tests.data.test_book import change_factor, made
from tests.plant import opened_home
from tests.security.doors import asked, house, send

SINCE_PAGES = ("/", "/emission", "/factors", "/closing", "/help")
BEFORE = datetime(2000, 1, 1)


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    folder = tmp_path_factory.mktemp("since")
    with opened_home(folder / "home") as engine:
        found = made(folder, engine)
        found.since = now()
        change_factor(found)
        closing.check(engine, "S1", "2026-01", "ana")
        closing.lock(engine, "S1", "2026-01", "ana")
        columns = ("site", "indicator", "dimension", "entity", "period", "value", "kind")
        aim = ("S1", "emission", "site", "site", "2026-02", 1, "budget")
        found.put("targets", columns, [aim])
        yield found


def asks(role="manager", name="eve", language="zh"):
    pages = [path for path in SINCE_PAGES if may_open(role, path)]
    return Asks(Who(name, role), language, Units(), pages, "Asia/Shanghai")


def card(plant, since=None, search="", **who):
    with Flask(__name__).test_request_context():
        reader = PageReader(plant.engine)
        return work.contents(reader, search, since or plant.since, asks(**who))


def rows(found):
    return [words(node) for node in walk(found) if node.get("type") == "Li"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_of_change_is_told_with_its_proof(plant, language):
    found = card(plant, language=language)
    said = " ".join(rows(found))
    for word in {"zh": ("预算", "重述", "因子批准"), "en": ("budget", "restated", "Factor")}[
        language
    ]:
        assert word in said
    links = {n["props"]["href"] for n in walk(found) if n.get("type") == "A"}
    assert "/factors?factor=FUEL_DIESEL_EF_L" in links
    assert [a for _, a in numbers(found) if "data_figure" in a]


def test_at_most_five_are_shown_and_the_rest_is_counted(plant):
    found = card(plant, BEFORE)
    shown, whole = rows(found), words(found)
    assert len(shown) == 5
    count = int(whole.split("上次来访以来")[1].split(" 项变化")[0])
    assert count > 5
    assert f"另有 {count - 5} 项" in whole


def test_nothing_changed_shows_nothing(plant):
    assert card(plant, now()) is None


def test_only_what_the_role_may_open_is_told(plant):
    administrator = " ".join(rows(card(plant, role="secadmin")))
    assert "已锁定" not in administrator
    assert "因子批准" not in administrator
    assert "因子批准" not in " ".join(rows(card(plant, role="clerk")))


def test_it_is_computed_in_no_time(plant):
    from data.queries import site_documents
    from data.since import digest

    documents = site_documents(plant.engine)
    took = []
    for _ in range(7):
        begun = time.process_time()
        digest(plant.engine, documents, work.keys(), plant.since, now(), "eve")
        took.append(time.process_time() - begun)
    assert min(took) < 0.05


@pytest.mark.parametrize("upto", [None, "", "tomorrow", 7, "2999-01-01T00:00:00"])
def test_a_time_that_nobody_was_shown_is_not_read(plant, upto):
    from types import SimpleNamespace

    class Never:
        def read(self, *_):
            raise AssertionError("read")

    desk = SimpleNamespace(reader=SimpleNamespace(engine=SimpleNamespace(
        state=SimpleNamespace(visits=Never()))))  # fmt: skip
    work.read_upto(desk, 1, upto)


def test_the_button_reads_once_and_a_demonstration_has_none(tmp_path):
    with house(tmp_path) as found:
        state = found.engine.state
        (entry,) = [d for d in found.dependencies if "act-read" in d["output"]]
        (shows,) = [d for d in found.dependencies if '"part":"since"' in d["output"]]
        manager = found.client("manager")
        number = found.accounts["manager"]
        manager.get("/")
        assert state.visits.since(number) is None
        late = now() - timedelta(hours=1)
        state.visits._kept[number] = _Kept(None, late, late)
        manager.get("/")
        assert state.visits.since(number) == late
        upto = now().isoformat()
        body = asked(entry, {"n_clicks": 1, "data": upto})
        before = state.audit.count()
        assert send(manager, body).status_code == 200
        assert send(manager, body).status_code == 200  # a second click
        read = [r for r in state.audit.records(before) if r.event == "visit.read"]
        assert [(r.actor, r.outcome) for r in read] == [("manager", "success")]
        demonstration = found.client("demonstration")
        assert send(demonstration, body).status_code == 403
        answer = send(demonstration, asked(shows, {"search": "", "data": None}))
        assert answer.json["response"] == {"since": {"children": None}} or not answer.json.get(
            "response", {}
        ).popitem()[1].get("children")
