"""质量与告警 as it is put together: every cell, every alarm, who may do what."""

import csv
import io
import re
import threading
from datetime import datetime

import pytest
from flask import Flask
from werkzeug.exceptions import Forbidden

from callbacks import alerts as work
from callbacks._reader import PageReader
from callbacks.closing import Desk, Who
from data import incidents, quality
from pages import alerts as page
from tests.callbacks.test_screens import walk, words
from tests.jobs.faults import FIXED, spike
from tests.plant import Plant, meter, moment, opened_home, series

ANA = Who("ana", "analyst")
AT = datetime(2026, 3, 31)


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alerts")
    with opened_home(folder / "home") as engine:
        found = Plant(folder, engine)
        found.meters(meter("G", role="grid_import", name="关口表"),
                     meter("C", parent_id="G", name="剥线机"))  # fmt: skip
        whole = series("G", moment("2026-02-01 00:00"), moment("2026-04-01 00:00"))
        lost = ("2026-03-05 10:00", "2026-03-06 16:00"), ("2026-03-09 10:00", "2026-03-09 12:00")
        found.readings([row for row in whole if not any(a < row[1] < b for a, b in lost)])
        found.readings(series("C", moment("2026-02-01 00:00"), moment("2026-03-31 06:00"),
                              per_step=0.95))  # fmt: skip
        found.settle()
        incidents.follow(engine, AT)
        incidents.raise_alarm(engine, "silence", "P<b>1", "critical", 'no "answer"', AT, "S1")
        yield found


def contents(plant, search="", who=ANA, language="zh"):
    with Flask(__name__).test_request_context():
        return work.contents(PageReader(plant.engine), search, who, language)


def desk(plant):
    return Desk(PageReader(plant.engine), threading.Lock(), "zh")


def rows(found):
    return [n for n in walk(found["alarms"]) if "data-issue" in n.get("props", {})]


def cells(found, state):
    return [n for n in walk(found["calendar"])
            if f"cal-{state}" in n.get("props", {}).get("className", "").split()
            and "title" in n["props"]]  # fmt: skip


def test_every_cell_that_lacks_something_has_an_alarm_or_says_why(plant):
    found = contents(plant, "?month=2026-03")
    lacking = [node for state in ("part", "missing", "estimated") for node in cells(found, state)]
    assert len(lacking) == 4  # two days of the long gap, the short one, the end of C
    told = [node["props"]["title"] for node in lacking]
    assert all("条告警" in one or "未告警" in one for one in told), told
    assert sum("不到 3 小时的告警限值" in one for one in told) == 1


def test_the_numbers_on_top_are_those_of_the_list(plant):
    found = contents(plant, "?month=2026-03")
    own = plant.engine.state.incidents.of(["S1"])
    assert len(rows(found)) == len(own) == 3
    assert "未处理" in words(found["kpis"][1])
    assert "3" in words(found["kpis"][1])
    assert f"{len(own)} 条告警中" in words(found["top"])


@pytest.mark.parametrize(("search", "count"), [
    ("?month=2026-03&meter=G", 1), ("?month=2026-03&meter=G&day=6", 1),
    ("?month=2026-03&meter=G&day=7", 0), ("?month=2026-03&level=critical", 1),
    ("?month=2026-03&status=closed", 0), ("?month=2026-02", 0),
    ("?month=2026-03&medium=water", 0), ("?month=1999-01&status=nonsense&day=99", 3),
])  # fmt: skip
def test_the_address_filters_the_list(plant, search, count):
    assert len(rows(contents(plant, search))) == count


def test_a_choice_survives_its_address():
    asked = "?month=2026-03&status=open&meter=E%2F1&day=7&issue=4"
    assert page.choice(page.choice(asked).href()) == page.choice(asked)


def test_an_effect_opens_to_its_quantity_and_factor(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        other = Plant(tmp_path, engine)
        spike(other, FIXED)
        other.settle()
        incidents.follow(engine, AT)
        (one,) = engine.state.incidents.of(["S1"])
        said = words(contents(other, f"?month=2026-03&issue={one.incident}")["drawer-facts"])
    found = re.search(r"影响 = ([\d.]+) kWh × ([\d.]+) kgCO₂e/kWh = ([\d.]+) kgCO₂e", said)
    assert found, said
    quantity, factor, kg = map(float, found.groups())
    assert 355 < quantity < 362  # 400 kWh in an hour that usually has 40 to 41
    assert kg == pytest.approx(one.effect_kgco2e, abs=0.005)
    assert quantity * factor == pytest.approx(kg, abs=0.05)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_drawer_of_every_alarm(plant, language):
    for one in plant.engine.state.incidents.of(["S1"]):
        found = contents(plant, f"?issue={one.incident}", language=language)
        assert found["drawer-box"] == "alert-drawer-box"
        assert words(found["drawer-story"])
        drawn = bool(found["charts"])
        assert drawn == (one.kind == "A6")
        if drawn:
            (chart,) = found["charts"].values()
            assert chart["plots"][0]["layout"]["shapes"][0]["type"] == "rect"
        ids = [n for n in walk(found["drawer-figures"]) if n.get("props", {}).get("data-figure")]
        assert len(ids) == (2 if one.kind == "A6" else 0)  # links to the trace
    assert contents(plant, "?issue=999")["drawer-box"] == "work-hidden"


def test_the_csv_has_the_lines_and_no_formula(plant):
    with Flask(__name__).test_request_context():
        answer = work.download(desk(plant), "alarms", "?month=2026-03")
        days = work.download(desk(plant), "calendar", "?month=2026-03")
        assert work.download(desk(plant), "nothing", "") is None
    lines = list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    assert len(lines) == 4
    assert not any(cell.startswith(("=", "+", "@")) for line in lines for cell in line)
    assert len(days.get_data(as_text=True).splitlines()) == 1 + 62


def act(plant, who, doing, number, key="k", reason="", assignee=""):
    with Flask(__name__).test_request_context():
        sent = {"issue": number, "key": key}
        return work.handled(desk(plant), who, doing, sent, reason, assignee, "zh")


def test_who_may_handle_and_what_it_takes(plant):
    number = plant.engine.state.incidents.of(["S1"])[0].incident
    for role in ("verifier", "auditor", "display", "demonstration"):
        with pytest.raises(Forbidden):
            act(plant, Who("eve", role), "close", number, reason="x")
    assert not act(plant, ANA, "close", number, "k1").done
    assert not act(plant, ANA, "close", number, "k1", reason="x" * 201).done
    assert act(plant, Who("cleo", "clerk"), "assign", number, "k2").done
    assert plant.engine.state.incidents.find(number).assignee == "cleo"
    assert act(plant, ANA, "close", number, "k3", reason="网关重启").done
    assert not act(plant, ANA, "assign", number, "k4").done
    assert act(plant, ANA, "reopen", number, "k5", reason="误关").done
    assert not act(plant, ANA, "close", 999, "k6", reason="x").done
    events = [r.event for r in plant.engine.state.audit.records()
              if r.event.startswith("alarm.") and r.outcome == "failure"]  # fmt: skip
    assert events == ["alarm.close", "alarm.close", "alarm.assign", "alarm.close"]


def test_without_data_the_page_says_what_to_do(tmp_path):
    with opened_home(tmp_path / "home") as engine, Flask(__name__).test_request_context():
        found = work.contents(PageReader(engine), "", ANA, "zh")
    assert found["alarms-state"] == found["calendar-state"] == "empty"
    assert "导入" in words(found["alarms"])


@pytest.mark.parametrize(("hours", "state"), [
    ((24, 0, 24), "complete"), ((23.9, 0, 24), "complete"), ((20, 4, 24), "estimated"),
    ((20, 0, 24), "part"), ((0.5, 0, 24), "missing"), ((0, 24, 24), "estimated"),
    ((6, 0, 6), "complete"),
])  # fmt: skip
def test_the_state_of_a_day(hours, state):
    assert quality.day_of(*hours).state == state


def test_a_page_that_cannot_be_read_says_so_with_a_number(caplog):
    with Flask(__name__).test_request_context():
        try:
            raise ValueError("of this test")
        except ValueError:
            found = work._broken("zh")
    assert found["calendar-state"] == "error"
    for name, title in (("calendar", "完整率日历"), ("alarms", "告警")):
        assert title in words(found[name])
        assert "E-" in words(found[name])
        assert "重试" in words(found[name])
    assert "of this test" in caplog.text
    assert found["drawer-box"] == "work-hidden"
