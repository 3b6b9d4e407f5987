"""售碳潜力 beyond figures: sliders, what the dialog keeps, who may, what is recorded."""

from __future__ import annotations

import base64
import csv
import io
import threading
from datetime import date
from types import SimpleNamespace

import pytest
from werkzeug.exceptions import Forbidden

from accounting.forecast.run import run
from accounting.whatif import Levers
from callbacks import edits, sales
from callbacks._bind import contents
from callbacks._reader import PageReader
from callbacks._sales import any_eligible, eligible_lines, outcome_of, paths_of, rights
from callbacks.closing import Desk, Who
from data import forecasts, scenarios
from data.demo.build import build_demo
from data.forecasts import refresh
from data.settle import settle
from figures import whatif
from pages import market
from security import policy
from security.roles import ROLES
from tests.callbacks.test_screens import words
from tests.plant import opened_home
from tests.security.doors import asked, house, keys, send

ANA = Who("ana", "analyst")
SITE = "demo-langfang"
EVIDENCE = {"do": "evidence-add", "site": SITE, "title": "管理办法", "number_of": "第31号",
            "issuer": "生态环境部", "issued_on": "2023-10-19", "clause": "第九条",
            "stance": "support", "expires_on": ""}  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with opened_home(tmp_path_factory.mktemp("sales") / "home") as engine:
        build_demo(engine, date(2026, 3, 18), 15, 615, lambda *_: None)
        settle(engine)
        refresh(engine, run)
        yield Desk(PageReader(engine), threading.Lock(), keys=keys)


count = iter(range(10**6))


def do(desk, who=ANA, chosen="zh", **sent):
    values = {"key": f"{next(count):032x}", "site": SITE} | sent
    return edits.edited(desk, market.PAGE, who, values, chosen)


def page(desk, panel, search="", chosen="zh"):
    at = [one.key for one in market.PAGE.panels].index(panel)
    found = contents(market.PAGE, desk.reader, search, chosen)
    return words(found["words"][at]), found["states"][at]


def base(desk):
    shown = page(desk, "scenario")
    assert shown[1] == "ready"
    return shown[0]


def test_the_base_scenario_is_the_stored_forecast_at_its_own_price(desk):
    found = paths_of(desk.reader, SITE)
    choice = scenarios.choice_of(f"{found.basis.weekly_cny_per_t[-1]!r},0,0.85")
    made = outcome_of(desk.reader, SITE, choice)
    rows = forecasts.forecasts(desk.reader.engine)
    last = rows[(rows["series"] == "revenue") & (rows["entity"] == "site")].iloc[-1]
    assert made.until == last["target"]
    bands = (made.gross_cny.p10, made.gross_cny.p50, made.gross_cny.p90)
    assert bands == pytest.approx((last["lo80"], last["p50"], last["hi80"]), rel=1e-12)


def test_the_panel_says_scenario_potential_and_issuable_apart(desk):
    said = base(desk)
    for part in (
        "情景",
        "潜在",
        "累计可签发收益",
        "盈亏平衡价",
        "不构成投资建议",
        "种子 615",
        "基准",
    ):
        assert part in said
    assert "预测值" not in said
    made = paths_of(desk.reader, SITE)
    assert paths_of(desk.reader, SITE) is made  # drawn once a run


def test_sliders_are_recomputed_and_nonsense_is_refused_in_words(desk):
    said = words(sales.recomputed(desk, "98,4.5,0.82", "", "zh"))
    assert "盈亏平衡价" in said
    assert said == words(sales.recomputed(desk, "98,4.5,0.82", "", "zh"))
    assert said != words(sales.recomputed(desk, "99,4.5,0.82", "", "zh"))
    for values in ("", "1,2,3", None, "98,4.5", ["98"], "1e999,0,0"):
        assert sales.recomputed(desk, values, "", "zh") == "情景的数值超出滑块范围"
    assert "Break-even" in words(sales.recomputed(desk, "98,4.5,0.82", "", "en"))


def test_a_scenario_stands_beside_the_presets_in_table_and_csv(desk):
    made = do(desk, do="scenario-save", name="=董事会<b>", of="98,4.5,0.82")
    assert made.done, made.words
    assert "=董事会<b>" in base(desk)
    view = desk.reader.view("market", parsed(desk), "zh")
    panel = next(one for one in market.PAGE.panels if one.key == "scenario")
    sheet = panel.made(view).sheet
    assert sheet.labels == ("保守", "基准", "积极", "=董事会<b>")
    assert sheet.groups[0].series[0].cells[3].value == 98.0
    removed = do(desk, do="scenario-remove", number=str(made.facts["scenario"]))
    assert "=董事会<b>" not in base(desk)
    back = removed.facts["back"]
    assert do(desk, **back).done
    assert "=董事会<b>" in base(desk)
    do(desk, do="scenario-remove", number=str(made.facts["scenario"]))


def parsed(desk, search=""):
    from pages._filters import parse

    return parse(search, desk.reader.known())


@pytest.mark.parametrize("role", [*ROLES])
def test_who_may_is_what_the_policy_says(desk, role):
    state = desk.reader.engine.state
    for act, sent in (("scenario", {"do": "scenario-save", "name": "", "of": ""}),
                      ("project", {"do": "project-step", "number": "1", "act": "plan"}),
                      ("project", {"do": "evidence-retire", "number": "99"})):  # fmt: skip
        allowed = policy.may(state, role, "/market", act)
        assert allowed is (role in ("analyst", "manager"))
        if not allowed:
            with pytest.raises(Forbidden):
                do(desk, Who("x", role), **sent)
    assert rights(desk.reader) == (False, False)  # nobody asks


def upload(desk, body, slot="evidence"):
    key = f"{next(count):032x}"
    piece = {"slot": slot, "key": key, "at": 0, "body": base64.b64encode(body).decode()}
    return key, sales.received(desk, ANA, piece, "zh")


def test_a_document_with_its_original_is_listed_sealed_and_given_back(desk):
    body = b"%PDF-1.4 " + b"z" * 5000
    key, said = upload(desk, body)
    assert said["at"] == len(body)
    made = do(desk, **EVIDENCE | {"file": f"{key}|../../管理 办法.pdf", "stance": "argue"})
    assert made.done, made.words
    number = made.facts["evidence"]
    shown, state = page(desk, "evidence")
    assert (state, "需论证" in shown, "已存证 1" in shown) == ("ready", True, True)
    assert not list(desk.reader.engine.store.inbox.glob(".form-*"))
    found = desk.reader.engine.state.evidence.find(number)
    assert "/" not in found.original.name
    answer = original(desk, number)
    assert answer.get_data() == body
    assert answer.headers["X-Content-SM3"] == found.original.sm3
    assert "attachment" in answer.headers["Content-Disposition"]
    assert do(desk, do="evidence-retire", number=str(number)).done
    assert "已停用 1 份" in page(desk, "evidence")[0]


def original(desk, number):
    from flask import Flask

    with Flask("x").test_request_context():
        return sales.original_of(desk, number)


def test_a_broken_original_says_so_and_leaves_a_record(desk):
    key, _ = upload(desk, b"%PDF-1.4 other")
    number = do(desk, **EVIDENCE | {"title": "二", "file": f"{key}|b.pdf"}).facts["evidence"]
    engine = desk.reader.engine
    digest = engine.state.evidence.find(number).original.sm3
    sealed = engine.home / "evidence" / f"{digest}.gme"
    sealed.write_bytes(sealed.read_bytes()[:-3])
    before = engine.state.audit.head()[0]
    answer = original(desk, number)
    assert answer.status_code == 409
    assert "E-" in answer.get_data(as_text=True)
    (record,) = engine.state.audit.records(before)
    assert (record.event, record.outcome) == ("evidence.open", "failure")
    do(desk, do="evidence-retire", number=str(number))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title": ""}, "请填写名称"), ({"file": "zz|a.pdf"}, "请重选"),
        ({"file": f"{'0' * 32}|a.pdf"}, "请重选"), ({"issued_on": "x"}, "2026-12-31"),
        ({"site": "nowhere"}, "没有此站点"), ({"key": "1"}, "请重试"),
    ],
)  # fmt: skip
def test_a_refused_document_says_why(desk, wrong, said):
    made = do(desk, **EVIDENCE | wrong)
    assert not made.done
    assert said in made.words


def test_a_file_that_is_not_what_it_says_is_refused(desk):
    key, _ = upload(desk, b"<script>alert(1)</script>")
    made = do(desk, **EVIDENCE | {"file": f"{key}|a.pdf"})
    assert "扩展名" in made.words
    assert sales.received(desk, ANA, {"slot": "rows", "key": key}, "zh")["failed"]


def test_facts_and_phases_are_stated_on_the_page_with_year_and_source(desk):
    made = do(desk, do="fact-set", of="covered", value="7,800", period="2025", source="部门公告")
    assert made.done, made.words
    assert "78 亿 t（2025，部门公告）" in page(desk, "outlook")[0]
    made = do(desk, do="phase-set", of="phase3", period="2030", reduction="50000", revenue="900",
              source="可研报告")  # fmt: skip
    assert made.done, made.words
    shown = page(desk, "aims")[0]
    assert all(part in shown for part in ("2030", "收益目标 900", "可研报告 ana"))
    for kind, of, parts in (
        ("fact", "covered", ("部门公告", "随产品提供", "二手来源")),
        ("phase", "phase3", ("可研报告", "减排量（tCO₂e/年） 50000")),
        ("phase", "phase1", ("年份（2026）",)), ("fact", "x", ("没有这项",)),
    ):  # fmt: skip
        said = words(edits.filled(desk, market.PAGE, {"kind": kind, "of": of}, "", ANA))
        assert all(part in said for part in parts), (kind, of)
    for wrong in ({"source": ""}, {"period": "x"}, {"value": "-1"}):
        sent = {"do": "fact-set", "of": "verified", "value": "20", "period": "2026", "source": "x"}
        assert not do(desk, **sent | wrong).done


def test_who_sees_some_sites_only_does_not_change_the_market_for_all(desk, monkeypatch):
    monkeypatch.setattr("callbacks._sale_acts.scope", lambda: (SITE,))
    made = do(desk, do="fact-set", of="traded", value="1", period="2026", source="x")
    assert not made.done
    assert "全部站点" in made.words


def test_steps_of_the_project_on_the_page(desk):
    assert page(desk, "path")[0].count("未开始") >= 6
    made = do(desk, do="project-step", number="1", act="begin", owner="王工",
              planned_on="2099-01-01")  # fmt: skip
    assert made.done, made.words
    shown = page(desk, "path")[0]
    assert "进行中，剩" in shown
    assert "王工" in shown
    assert "历史 1 条" in shown
    refused = do(desk, do="project-step", number="1", act="complete", owner="王工",
                 actual_on="2026-01-01", documents="1")  # fmt: skip
    assert not refused.done
    for wrong in ({"number": "9", "act": "plan"}, {"number": "2", "act": "begin", "owner": "x"},
                  {"number": "1", "act": "plan", "documents": "x"}):  # fmt: skip
        assert not do(desk, do="project-step", **wrong).done


def panel_of(desk, key, search=""):
    view = desk.reader.view("market", parsed(desk, search), "zh")
    return view, next(one for one in market.PAGE.panels if one.key == key).made(view)


def test_the_steps_to_what_can_be_sold_add_up_and_open(desk):
    view, built = panel_of(desk, "sellable")
    cells = built.sheet.groups[0].series[0].cells
    amounts = [cell.value for cell in cells]
    assert sum(amounts[:-1]) == pytest.approx(amounts[-1], abs=1e-6)
    assert amounts[-1] == 0.0  # no methodology
    months = [m for span in view.periods for m in span.months]
    gross = [view.book.cell(("product_substitution", "site", "site"), m) for m in months]
    assert amounts[0] == pytest.approx(sum(c.value for c in gross if c and c.value is not None))
    assert all(cell.ids for cell in cells)
    said = words(built.body)
    for rule in ("BE", "PE + LE", "CF(u)", "没有登记方法学"):
        assert rule in said
    numbers = [int(w.replace(",", "").replace("\u2212", "-"))
               for w in built.sheet.groups[0].said]  # fmt: skip
    assert sum(numbers[:-1]) == numbers[-1]  # as written, too
    assert "只按账本口径" in page(desk, "sellable", "?view=footprint")[0]


def test_potential_stands_beside_the_switch_of_every_source(desk):
    shown = page(desk, "eligibility")[0]
    for source in ("电缆拆解", "架空导线拆解", "变压器拆解", "光伏", "充电桩", "地源热泵"):
        assert source in shown
    assert shown.count("无方法学") == 6
    assert "0 个来源有适用方法学" in shown
    assert (shown.count("可签发 0"), shown.count("可签发 不计入")) == (3, 3)
    assert "光伏自用已含在各线的减排量中" in shown


def test_a_methodology_of_any_source_opens_the_first_step():
    def reader(**settings):
        return SimpleNamespace(documents=lambda: {"S1": SimpleNamespace(settings=settings)})

    assert not any_eligible(reader(creditable_pv=False), "S1")
    assert any_eligible(reader(creditable_pv=True), "S1")
    assert any_eligible(reader(creditable_cable=True), "S1")
    assert not eligible_lines(reader(creditable_pv=True), "S1")  # nothing of it is sold


def test_what_ifs_come_of_the_ledgers_last_twelve_months(desk):
    view, _ = panel_of(desk, "whatif")
    months = whatif.months_of(view)
    assert len(months) == 12
    found = whatif.made(view, Levers(throughput_pct=10.0))
    reductions = [view.book.cell(("reduction", "site", "site"), m).value for m in months]
    assert found.whole.reduction_kg == pytest.approx(0.1 * sum(reductions))
    said = words(sales.assumed(desk, "500,0,0,0,0", "", "zh"))
    assert "新增发电" in said
    for values in ("", "1", "9999,0,0,0,0", None, "0,0,0,0,0,0"):
        assert sales.assumed(desk, values, "", "zh") == "情景的数值超出滑块范围"
    made = do(desk, do="whatif-save", name="扩建", of="500,2,0,10,5")
    assert made.done, made.words
    _, built = panel_of(desk, "whatif")
    assert built.sheet.labels == ("扩建",)
    wanted = whatif.made(view, Levers(500.0, 2.0, 0.0, 10.0, 5.0)).whole.emission_kg
    assert built.sheet.groups[-1].series[0].cells[0].value == wanted
    assert "新增光伏 500 kWp" in page(desk, "whatif")[0]
    removed = do(desk, do="scenario-remove", number=str(made.facts["scenario"]))
    assert removed.done
    _, built = panel_of(desk, "whatif")
    assert built.sheet is None


def test_every_coefficient_of_a_what_if_opens(desk):
    found = contents(market.PAGE, desk.reader, "", "zh")
    at = [one.key for one in market.PAGE.panels].index("whatif")
    shown = str(found["words"][at])
    assert shown.count("data-figures") >= 7


def test_forms_are_filled_with_what_there_is(desk):
    for kind, of, part in (("scenario", "98,4.5,0.82", "98.0 元/t"), ("evidence", "0", "文号"),
                           ("step", "1", "责任人"), ("step", "x", "没有这个步骤"),
                           ("whatif", "10,0,0,0,0", "新增光伏 10 kWp"),
                           ("eligibility", "pv", "方法学编号"),
                           ("eligibility", "x", "没有")):  # fmt: skip
        found = edits.filled(desk, market.PAGE, {"kind": kind, "of": of}, "", ANA)
        assert part in words(found)
    title, body = edits.filled(
        desk, market.PAGE, {"kind": "step", "of": "1"}, "", Who("x", "clerk")
    )
    assert title == "没有权限"
    assert "不能这样做" in body


def test_several_sites_have_no_scenario_and_a_site_without_forecast_says_so(tmp_path):
    from tests.data.test_book import made

    with opened_home(tmp_path / "home") as engine:
        made(tmp_path, engine)
        bare = Desk(PageReader(engine), threading.Lock())
        shown, state = page(bare, "scenario")
        assert state == "empty"
        assert "还没有减碳量预测" in shown
        assert page(bare, "evidence")[1] == "empty"
        assert (
            sales.recomputed(bare, "98,4.5,0.82", "", "zh")
            == "还没有减碳量预测：作出预测后自动显示"
        )


SENT = {
    "scenario-save": ({"name": "一", "of": "98,4.5,0.82"}, "scenario.save"),
    "whatif-save": ({"name": "二", "of": "100,0,0,0,5"}, "scenario.save"),
    "scenario-remove": ({"number": "1"}, "scenario.remove"),
    "scenario-restore": ({"number": "1"}, "scenario.restore"),
    "evidence-add": ({k: v for k, v in EVIDENCE.items() if k not in ("do", "site")},
                     "evidence.add"),
    "evidence-change": ({"number": "1"} | {k: v for k, v in EVIDENCE.items() if k != "do"}
                        | {"title": "新"}, "evidence.change"),
    "evidence-retire": ({"number": "1"}, "evidence.retire"),
    "evidence-restore": ({"number": "1"}, "evidence.restore"),
    "project-step": ({"number": "1", "act": "begin", "owner": "王工"}, "project.step"),
    "fact-set": ({"of": "covered", "value": "7800", "period": "2025", "source": "部门公告"},
                 "market.fact"),
    "phase-set": ({"of": "phase1", "period": "2026", "reduction": "30000", "source": "可研"},
                  "phase.set"),
    "eligibility-propose": ({"of": "cable", "applies": "yes", "methodology": "X-1",
                             "evidence": "1"}, "eligibility.propose"),
}  # fmt: skip


def test_each_act_leaves_exactly_one_record(tmp_path):
    """Through the gate, as the page sends it, with a site that has a ledger."""
    from callbacks._sale_acts import ACTS
    from tests.security.test_trail_classified import own

    assert set(SENT) == set(ACTS)
    with house(tmp_path) as home:
        client, audit = home.client("analyst"), home.engine.state.audit
        (entry,) = (e for e in home.dependencies if '"page":"market","part":"act-edit-said"'
                    in e["output"])  # fmt: skip
        client.get("/healthz")
        for at, (act, (sent, event)) in enumerate(SENT.items()):
            for wrong in (True, False):
                values = sent | {"do": act, "site": "S1", "key": f"{at}-{wrong}-{'0' * 16}"}
                values |= (
                    {"number": "77", "name": "", "title": "", "methodology": "", "source": ""}
                    if wrong
                    else {}
                )
                body = asked(entry)
                for one in (*body["inputs"], *body["state"]):
                    if one["id"]["part"] == "edit":
                        one["value"] = values
                before = audit.head()[0]
                assert send(client, body).status_code == 200
                left = own([r for r in audit.records(before) if r.request])
                assert [r.event for r in left] == [event], act
                assert left[0].outcome == ("failure" if wrong else "success"), (act, left[0])


def test_csv_of_scenarios_has_every_digit(desk):
    from callbacks.download import _table

    view = desk.reader.view("market", parsed(desk), "zh")
    panel = next(one for one in market.PAGE.panels if one.key == "scenario")
    sheet = panel.made(view).sheet
    rows = list(_table(view, sheet))
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    cell = sheet.groups[3].series[1].cells[1]
    measure = view.units.of("CNY")
    assert float(rows[2][8]) == pytest.approx(cell.value * float(measure.scale), rel=1e-12)
    assert rows[2][-1] == "情景"
