"""月结: steps of months and their refusals, adjustments, settings, and what was restated."""

import csv
import io
import json
import threading
from datetime import timedelta
from decimal import Decimal

import plotly.graph_objects as go
import pytest
from werkzeug.exceptions import Forbidden

from callbacks import closing as work
from callbacks import factors
from callbacks._reader import PageReader
from callbacks.closing import Asked, Desk, Who, decided, stepped
from data import approvals, closing, queries
from data.state import now
from figures import closing as shown
from figures.closing import Changed, polarity
from pages import closing as page
from pages._filters import parse
from pages.closing import Choice
from security.policy import default
from security.roles import DEMONSTRATION, PAGE_ROLES, ROLES
from tests.callbacks.test_screens import numbers, plain, walk, words
from tests.data.test_book import change_factor, factor_file, made
from tests.plant import Plant, meter, moment, opened_home, series
from tests.security.doors import EVERYBODY, NOBODY, asked, house, send

ANA, BOB = Who("ana", "analyst"), Who("bob", "manager")
EMISSION = ("emission", "site", "site")
CLOSERS = {role for role in ROLES if default().allows(role, "/closing", "lock")}


@pytest.fixture
def plant(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        yield made(tmp_path, engine)


@pytest.fixture
def desk(plant):
    return Desk(PageReader(plant.engine), threading.Lock())


def sent(desk, search="", who=BOB, language="zh", **done):
    return work.contents(desk.reader, Asked(search, who, language, **done))


def step(desk, name, month="2026-01", who=BOB, reason="", site="S1", chosen="zh"):
    return stepped(desk, who, step=name, site=site, month=month, reason=reason, chosen=chosen)


def lock(desk, month):
    assert step(desk, "check", month, ANA).done
    assert step(desk, "lock", month).done


def run_on(plant):
    """Five days of the next month, which then runs."""
    plant.readings(
        series("G", moment("2026-04-01 01:00"), moment("2026-04-05 00:00"), step_min=60,
               value=24 * 90 * 30.0 + 30.0, per_step=30.0)
    )  # fmt: skip
    plant.settle()


def more_fuel(plant, litres=131.7):
    """Another quantity of a fuel record: a correction."""
    plant.put(
        "fuel",
        ("fuel_id", "site", "timestamp", "litres", "kind"),
        [("F2026-02", "S1", "2026-02-05 08:00", litres, "use")],
    )
    plant.settle()


# ---- months ----


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "search", ["", "?month=2026-02", "?month=1999-01", "?proposal=7", "?indicator=water&since=9"]
)
def test_the_page_answers_every_address(desk, search, language):
    found = sent(desk, search, language=language)
    assert found["months-state"] == "ready"
    rows = [n for n in walk(found["months"]) if n.get("type") == "Tr"][1:]
    assert [words(row)[:7] for row in rows] == ["2026-03", "2026-02", "2026-01"]


def test_the_table_is_what_the_months_are(plant, desk):
    run_on(plant)
    lock(desk, "2026-01")
    rows = work.month_rows(desk.reader, desk.reader.sites()["S1"], [])
    states = closing.month_states(desk.reader.engine, "S1")
    assert [m.month for m in rows] == [s.month for s in reversed(states)]
    for row, state in zip(rows, reversed(states), strict=True):
        for name in ("status", "figures", "incomplete", "unknown", "running", "due", "changed",
                     "adjustments", "actor"):  # fmt: skip
            assert getattr(row, name) == getattr(state, name)
    locked = rows[-1]
    assert (
        locked.at == f"{now() + timedelta(hours=8):%Y-%m-%d %H:%M}"[: len(locked.at)]
        or (locked.at[:10])
    )
    found = sent(desk, "?month=2026-01")
    assert "已锁定" in words(found["month"])
    assert "bob" in words(found["month"])
    assert "1 个已锁定" in words(found["top"])


def test_the_next_month_to_close_is_the_one_that_is_shown(desk):
    assert "2026年1月" in words(sent(desk)["month"])
    lock(desk, "2026-01")
    assert "2026年2月" in words(sent(desk)["month"])


def test_steps_go_from_open_to_checked_to_locked_and_back(desk):
    engine = desk.reader.engine
    said = step(desk, "check", who=ANA)
    assert said.done
    assert said.words == "2026-01 已核对"
    found = sent(desk, "?month=2026-01", step=said.facts)
    assert "2026-01 已核对" in words(found["month"])
    assert step(desk, "lock").words == "2026-01 已锁定"
    said = step(desk, "reopen", reason="补录票据")
    assert (said.done, said.facts["proposal"]) == (True, 1)
    assert "须由另一账号批准（申请 1）" in said.words
    assert engine.state.months.locked("S1") == {"2026-01"}
    assert "补录票据" in words(sent(desk, "?proposal=1")["effect-head"])
    own = decided(desk, BOB, 1, accept=True, reason="", chosen="zh")
    assert own.words == "不能批准自己提出的申请，请换一个账号"
    assert decided(desk, ANA, 1, accept=True, reason="", chosen="zh").done
    assert engine.state.months.locked("S1") == frozenset()
    history = words(sent(desk, "?month=2026-01")["month"])
    assert history.index("补录票据") < history.index("经过") + 200


def refusals(plant, desk):
    """Every way a step is refused: what was done, the step, the word of the refusal."""
    yield "unknown", step(desk, "check", "1999-01")
    yield "unknown", step(desk, "check", site="S9")
    run_on(plant)
    yield "running", step(desk, "check", "2026-04")
    yield "open", step(desk, "lock")
    yield "open", step(desk, "reopen")
    lock(desk, "2026-01")
    yield "locked", step(desk, "check")
    yield "locked", step(desk, "lock")
    yield "reason", step(desk, "reopen", reason="  ")
    step(desk, "check", "2026-03", ANA)
    change_factor(plant)
    yield "changed", step(desk, "lock", "2026-03")
    approvals.propose_factors(
        plant.engine, factor_file(plant, FUEL_DIESEL_EF_L={"value": 2.9}), "ana"
    )
    yield "waiting", step(desk, "check", "2026-02")
    plant.engine.store.write(
        lambda cursor: cursor.execute(
            "INSERT INTO changed_month VALUES ('S1', DATE '2026-02-01', 'late data', 0)"
        )
    )
    yield "due", step(desk, "check", "2026-02")


def test_every_refusal_says_why_in_words(plant, desk):
    met = set()
    for reason, said in refusals(plant, desk):
        assert not said.done
        assert closing.REASONS[reason] in said.words
        met.add(reason)
        english = work.said_answer(said)["said"]
        assert words(english) == said.words
    assert met == set(closing.REASONS) - {"checked"}


@pytest.mark.parametrize("role", [*ROLES, DEMONSTRATION, ""])
@pytest.mark.parametrize("name", work.STEPS)
def test_only_closers_take_steps(desk, role, name):
    who = Who("x", role)
    if role not in CLOSERS:
        with pytest.raises(Forbidden):
            step(desk, name, who=who)
    else:
        step(desk, name, who=who)
    if role not in PAGE_ROLES["/closing"]:
        return
    card = sent(desk, "?month=2026-02", who=who)["month"]
    buttons = [n for n in walk(card) if n.get("type") == "Button"]
    assert len(buttons) == 3
    assert {n["props"]["disabled"] for n in buttons} == {role not in CLOSERS}
    assert ("work-hindrance" in str(card)) == (role not in CLOSERS)


def test_two_writers_do_not_write_at_once(desk, monkeypatch):
    monkeypatch.setattr(work, "PATIENCE_S", 0.05)
    with work.writes(desk):
        assert step(desk, "check").words == "另一项写入还没有结束，请稍后再试"
    assert step(desk, "check").done


# ---- what waits ----


def test_a_locked_month_changes_by_an_approved_adjustment(plant, desk):
    lock(desk, "2026-02")
    before = plant.ledger()
    more_fuel(plant)
    (waits,) = plant.engine.state.approvals.all(only_open=True)
    assert (waits.kind, waits.proposer) == ("adjustment", "system")
    found = sent(desk, f"?proposal={waits.proposal}")
    assert "2026-02 已锁定，更正数据会改变它的数值" in words(found["effect-head"])
    assert "月份调整" in words(found["waiting"])
    key = ("month", "2026-02", *EMISSION)
    assert plant.ledger()[key].value == before[key].value
    assert decided(desk, BOB, waits.proposal, accept=True, reason="", chosen="zh").done
    row = next(r for r in waits.effect["rows"] if tuple(r[2:5]) == EMISSION)
    assert plant.ledger()[key].value == row[7]
    months = {m.month: m for m in work.month_rows(desk.reader, desk.reader.sites()["S1"], [])}
    assert (months["2026-02"].status, months["2026-02"].adjustments) == ("locked", 1)


def test_a_changed_factor_says_that_locked_months_wait(plant, desk):
    lock(desk, "2026-01")
    path = factor_file(plant, FUEL_DIESEL_EF_L={"value": 2.7})
    number = approvals.propose_factors(plant.engine, path, "ana").proposal
    assert decided(desk, BOB, number, accept=True, reason="", chosen="zh").done
    found = sent(desk, f"?proposal={number}")
    assert "锁定的月份不直接改写：1 项调整申请待批准" in words(found["effect-head"])
    (waits,) = plant.engine.state.approvals.all(only_open=True)
    assert "因子变更会改变它的数值" in words(
        sent(desk, f"?proposal={waits.proposal}")["effect-head"]
    )


def test_other_settings_are_shown_with_their_effect_and_decided(plant, desk):
    path = plant.folder / "S1.toml"
    path.write_text(path.read_text(encoding="utf-8") + "water_in_energy = false\n", "utf-8")
    plant.take("site", path)
    (number,) = approvals.propose_settings(plant.engine, "ana")
    found = sent(desk, f"?proposal={number}")
    assert "water_in_energy" in words(found["effect-head"])
    assert "站点设置" in words(found["waiting"])
    assert "能耗总量" in words(found["affected"])
    before = plant.value("energy", "2026-02")
    assert decided(desk, BOB, number, accept=True, reason="", chosen="zh").done
    assert plant.value("energy", "2026-02") < before
    assert sent(desk)["effect-box"] == "work-hidden"


def test_what_is_rejected_changes_nothing(plant, desk):
    path = factor_file(plant, FUEL_DIESEL_EF_L={"value": 2.9})
    number = approvals.propose_factors(plant.engine, path, "ana").proposal
    said = decided(desk, BOB, number, accept=False, reason="出处不清", chosen="zh")
    assert said.words == f"已驳回申请 {number}"
    found = sent(desk, f"?proposal={number}", done=said.facts)
    assert "出处不清" in words(found["decide"])
    assert "已驳回" in words(found["decide"])
    assert plant.settle().figures == 0
    assert decided(desk, BOB, 99, accept=True, reason="", chosen="zh").words == "没有这项申请"


# ---- what was restated ----


def restated(plant, indicator="emission", since=None, first="2026-01", last="2026-03"):
    return queries.restated(
        plant.engine, ["S1"], indicator, "site", "site", first, last, since or now()
    )


def test_parts_by_cause_make_new_of_old_exactly(plant, desk):
    start = now()
    old = {key: row.value for key, row in plant.ledger().items()}
    change_factor(plant, value=2.7)
    change_factor(plant, "WATER_EF", 0.2)
    path = plant.folder / "S1.toml"
    path.write_text(path.read_text(encoding="utf-8") + "water_in_energy = false\n", "utf-8")
    plant.take("site", path)
    (number,) = approvals.propose_settings(plant.engine, "ana")
    decided(desk, BOB, number, accept=True, reason="", chosen="zh")
    more_fuel(plant)
    causes = set()
    for indicator in ("emission", "energy", "substitution", "reduction", "water"):
        found = restated(plant, indicator, start)
        assert found.old + sum(found.parts.values()) == found.new
        causes |= set(found.parts)
        for month in found.months:
            assert Decimal(repr(month.old)) + sum(month.parts.values()) == Decimal(repr(month.new))
            key = ("month", month.period, indicator, "site", "site")
            assert month.old == old[key]
            assert month.new == plant.ledger()[key].value
            held = dict(plant.query("SELECT figure_id, value FROM ledger"))
            assert (held[month.old_id], held[month.new_id]) == (month.old, month.new)
    assert {"factor", "setting"} < causes
    assert len(causes) >= 3


def test_nothing_restated_has_no_parts(plant):
    found = restated(plant)
    assert (found.parts, found.old) == ({}, found.new)
    assert "没有重述" in words(sent_empty(plant)["restated-words"])


def sent_empty(plant):
    return sent(Desk(PageReader(plant.engine), threading.Lock()))


def test_months_that_were_not_there_then_are_named_and_left_out(plant):
    first = plant.query("SELECT min(settled_at) FROM ledger WHERE grain = 'month'")[0][0]
    early = restated(plant, since=first - timedelta(seconds=1))
    assert (early.old, early.new, early.parts) == (None, None, {})
    assert {why for _, _, why in early.left_out} == {"later"}
    assert len(early.left_out) == 3


def test_a_step_over_an_unknown_value_goes_to_the_known_one_after_it():
    at = now()
    rows = [
        ("S1", "2026-01", "a", 10.1, "t", at, None),
        ("S1", "2026-01", "b", None, "t", at + timedelta(1), "correction"),
        ("S1", "2026-01", "c", 12.3, "t", at + timedelta(2), "factor"),
    ]
    found = queries._restated_month(rows, at)
    assert found.parts == {"factor": Decimal("2.2")}
    assert queries._restated_month(rows[:2], at) == "unknown"
    assert queries._restated_month(rows, at - timedelta(1)) == "later"


def test_the_waterfall_starts_then_ends_now_and_says_why(plant, desk):
    change_factor(plant, value=2.7)
    found = sent(desk, "?indicator=emission")
    figure = found["charts"]["restated"]["plots"][0]
    go.Figure(plain(figure))
    trace = figure["data"][0]
    assert trace["measure"] == ["absolute", "relative", "total"]
    assert trace["x"] == ["当时", "因子变更", "现在"]
    assert trace["y"][0] + trace["y"][1] == pytest.approx(trace["y"][2], rel=1e-12)
    said = [Decimal(w.replace(",", "").replace("−", "-")) for w in trace["text"]]
    assert said[0] + said[1] == said[2]
    months = words(found["restated"])
    assert "2026-02" in months
    assert "因子变更" in months
    lines = figure["data"][0]["customdata"]
    assert len(lines[0]["data_figures"].split()) == len(lines[2]["data_figures"].split())


@pytest.mark.parametrize(
    ("amounts", "said"),
    [((100, 1, 101), ["100.0", "+1.0", "101.0"]), ((1, "0.0004", "1.0004"), None),
     (("10.005", "-0.004", "10.001"), None), ((20000, "0.4", "20000.4"), None)],
)  # fmt: skip
def test_the_words_of_a_waterfall_add_up(amounts, said):
    found = shown._adding([Decimal(str(a)) for a in amounts])
    assert said is None or found == said
    numbers_ = [Decimal(w.replace(",", "").replace("−", "-")) for w in found]
    assert sum(numbers_[:-1]) == numbers_[-1]
    assert numbers_[1] != 0


def test_numbers_that_open_are_rows_of_the_ledger(plant, desk):
    change_factor(plant, value=2.7)
    held = dict(plant.query("SELECT figure_id, value FROM ledger"))
    count = 0
    for _, attributes in numbers(sent(desk)):
        if "data_figure" in attributes:
            assert attributes["data_value"] == repr(held[attributes["data_figure"]])
            count += 1
        else:
            assert all(ident in held for ident in attributes["data_figures"].split())
    assert count > 5


# ---- words and addresses ----


def test_what_is_chosen_stands_in_the_address():
    search = "?site=S1&month=2026-02&proposal=3&indicator=water&since=4&shown=36"
    assert page.choice(page.choice(search).href()) == page.choice(search)
    odd = page.choice("?indicator=x&since=-2&proposal=a&shown=1")
    assert odd == Choice()
    assert page.choice(5) == Choice()


def test_every_ledger_name_has_words_in_both_languages(reader):
    with reader.engine.store.read() as cursor:
        names = cursor.execute(
            "SELECT DISTINCT indicator, dimension, entity FROM ledger WHERE current"
        ).fetchall()
    assert len(names) > 100
    for key in names:
        english = shown.named(key, "en")
        assert not any("\u4e00" <= c <= "\u9fff" for c in english), english
        assert "_" not in shown.named(key, "zh"), key


@pytest.mark.parametrize(
    ("indicator", "meaning"),
    [("emission", "bad"), ("energy_per_tonne", "bad"), ("reduction", "good"),
     ("substitution", "good"), ("pv_generation", "good"), ("net_factor", "neutral"),
     ("lifecycle_emission", "bad"), ("product_substitution", "good")],
)  # fmt: skip
def test_more_is_good_or_bad_by_what_it_is(indicator, meaning):
    assert polarity(indicator) == meaning


def test_unknown_values_in_an_effect_stay_unknown(reader):
    rows = [Changed("demo-langfang", "2026-01", *EMISSION, "kgCO2e", None, 5.0)]
    site = reader.sites()["demo-langfang"]
    effect = shown.Effect(tuple(rows), site, (site,), 1, 1)
    filters = parse("", reader.known())
    view = work.site_view(reader, site, ["2026-01"], filters, "zh", "")
    table = words(shown.affected(view, effect, "x.csv"))
    assert "--" in table


# ---- downloads ----


def test_months_effect_and_restatements_download(plant, desk):
    number = approvals.propose_factors(
        plant.engine, factor_file(plant, FUEL_DIESEL_EF_L={"value": 2.9}), "ana"
    ).proposal
    change_factor(plant, "WATER_EF", 0.2)
    for name in ("", "months"):
        rows = rows_of(work.download(desk, name, ""))
        assert [row[1] for row in rows[1:]] == ["2026-03", "2026-02", "2026-01"]
    effect = rows_of(work.download(desk, "effect", f"proposal={number}"))
    held = plant.engine.state.approvals.find(number).effect["rows"]
    assert len(effect) == len(held) + 1
    for row in rows_of(work.download(desk, "restated", ""))[1:]:
        parts = [Decimal(cell) for cell in row[6:-1] if cell]
        assert Decimal(row[3]) + sum(parts) == Decimal(row[4])
    assert work.download(desk, "other", "") is None
    assert work.download(desk, "effect", "proposal=77") is None


def rows_of(answer):
    body = answer.get_data()
    assert body.startswith("\ufeff".encode())
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))


# ---- over HTTP: the gate, then the callback itself ----


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    with house(tmp_path_factory.mktemp("house")) as found:
        yield found


def changing(application, page_key):
    return [
        entry
        for entry in application.dependencies
        if f'"page":"{page_key}","part":"act-' in entry["output"]
        and not entry["clientside_function"]
    ]


def pressed(entry):
    """The body of a callback whose first button was pressed."""
    body = asked(entry)
    body["inputs"][0]["value"] = {"slot": "rows"} if "piece" in entry["output"] else 1
    body["changedPropIds"] = [f"{json_id(body['inputs'][0]['id'])}.{body['inputs'][0]['property']}"]
    return body


def json_id(ident):
    return json.dumps(ident, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("key", ["factors", "closing"])
def test_only_the_right_roles_reach_what_changes_something(application, key):
    entries = changing(application, key)
    assert len(entries) == {"factors": 3, "closing": 2}[key]
    for who in EVERYBODY:
        client = application.client(who)
        for entry in entries:
            wanted = 401 if who == NOBODY else 200 if who in CLOSERS else 403
            assert send(client, pressed(entry)).status_code == wanted, (who, entry["output"])


def test_pressing_needs_a_session_and_says_why_it_failed(application):
    client = application.client("manager")
    (entry,) = [e for e in changing(application, "closing") if "act-step" in e["output"]]
    body = pressed(entry)
    body["state"][0]["value"] = {"site": "S1", "month": "2026-01"}
    answer = send(client, body).json["response"]
    assert answer
    said = json.dumps(answer, ensure_ascii=False)
    assert "act-step-done" in said
    assert application.engine.state.months.status("S1")["2026-01"].actor == "manager"
    said = json.dumps(send(client, body | {"changedPropIds": []}).json, ensure_ascii=False)
    assert "已核对" not in said


@pytest.mark.parametrize("path", ["/factors", "/closing"])
def test_pages_and_their_downloads_open_to_the_roles_that_may(application, path):
    key = path.strip("/")
    name = {"factors": "library", "closing": "months"}[key]
    for who in EVERYBODY:
        client = application.client(who)
        wanted = 302 if who == NOBODY else 200 if who in PAGE_ROLES[path] else 403
        for address in (path, f"/download/{key}.csv", f"/download/{key}/{name}.csv"):
            assert client.get(address).status_code == wanted, (who, address)
        if wanted == 200:
            assert client.get(f"/download/{key}/nothing.csv").status_code == 404
            assert client.get(f"/download/{key}/effect.csv?proposal=5").status_code == 404


@pytest.mark.parametrize("language", ["zh", "en"])
def test_without_any_figure_both_pages_say_what_to_do(tmp_path, language):
    with opened_home(tmp_path / "home") as engine:
        asked_ = Asked("?proposal=1&month=2026-01", BOB, language)
        found = work.contents(PageReader(engine), asked_)
        assert found["months-state"] == "empty"
        assert ("先导入" in words(found["months"])) == (language == "zh")
        library = factors.contents(PageReader(engine), asked_)
        assert len([n for n in walk(library["library"]) if n.get("type") == "Tr"]) > 30


def test_several_sites_are_closed_one_by_one(plant, desk):
    other = Plant(plant.folder, plant.engine, site="S2")
    other.meters(meter("G", role="grid_import", register_max=1000000, step_min=60))
    other.readings(
        series("G", moment("2026-02-01 00:00"), moment("2026-03-01 00:00"), step_min=60),
        site="S2",
    )
    other.settle()
    assert "测试站" in words(sent(desk)["top"])
    rows = [n for n in walk(sent(desk, "?site=S2")["months"]) if n.get("type") == "Tr"][1:]
    assert [words(row)[:7] for row in rows] == ["2026-02"]
    links = {n["props"]["href"] for n in walk(sent(desk)["top"]) if "href" in n.get("props", {})}
    assert {"?site=S1", "?site=S2"} <= links
    assert step(desk, "check", "2026-02", site="S2").done
    states = {m.month: m.status for m in closing.month_states(plant.engine, "S1")}
    assert states["2026-02"] == "open"
    change_factor(plant, "GRID_HE_2023", 0.63)
    newest = plant.engine.state.approvals.all()[-1].proposal
    effect = sent(desk, f"?proposal={newest}&site=S2")
    assert "2026-02 ～ 2026-02" in words(effect["effect-head"])
    assert words(effect["effect-head"]).count("测试站") == 3
