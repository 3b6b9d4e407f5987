"""因子库: the table, versions side by side, proposals from the form to the restated ledger."""

import base64
import csv
import io
import threading
from collections import Counter
from datetime import date, timedelta
from math import isclose

import plotly.graph_objects as go
import pytest
from werkzeug.exceptions import Forbidden

from accounting.factors import family_of
from callbacks import factors as work
from callbacks._reader import PageReader
from callbacks.closing import Asked, Desk, Who, decided
from callbacks.factors import Entry, form_answer, proposed, received, safe_name
from data import queries
from data.digest import sm3
from data.ingest.factor_file import FACTOR_KIND, text_of
from figures import factors as shown
from figures.factors import NO_DOCUMENT
from pages import factors as page
from pages.factors import Choice
from security.policy import default
from security.roles import DEMONSTRATION, ROLES
from tests.callbacks.test_screens import numbers, plain, walk, words
from tests.data.test_book import made
from tests.plant import opened_home

ANA, BOB = Who("ana", "analyst"), Who("bob", "manager")
COLUMNS = [c.name for c in FACTOR_KIND.columns]
KEY = "0" * 32
APPROVERS = {role for role in ROLES if default().allows(role, "/factors", "decide")}


@pytest.fixture
def plant(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        yield made(tmp_path, engine)


@pytest.fixture
def desk(plant):
    return Desk(PageReader(plant.engine), threading.Lock())


def entry(engine, name="FUEL_DIESEL_EF_L", **changed):
    values = text_of(engine.library.rows[name])
    files = changed.pop("files", {})
    fields = {n: values[n] for n in shown.TAKEN} | changed
    return Entry("form", name, fields, files)


def sent(reader, search="", who=BOB, language="zh", done=None):
    return work.contents(reader, Asked(search, who, language, done))


def classes(node, cls):
    return [n for n in walk(node) if cls in n.get("props", {}).get("className", "").split()]


def propose(desk, **changed):
    said = proposed(desk, ANA, entry(desk.reader.engine, **changed), "zh")
    assert said.done, (said.words, said.facts)
    return said.facts["proposal"]


# ---- the table ----


def test_every_factor_stands_in_the_table_once_and_in_one_category(reader):
    lines = work.lines_of(reader, [], date(2026, 3, 18))
    assert {line.factor.factor_id for line in lines} == set(reader.engine.library.rows)
    counts = Counter(line.kind for line in lines)
    assert set(counts) <= set(page.KINDS)
    kinds = words(shown.kinds(lines, "all", Choice().href, "zh"))
    assert f"全部 {len(lines)}" in kinds
    assert sum(len(shown.chosen_lines(lines, kind, "", "name")) for kind in counts) == len(lines)


def test_uses_are_the_figures_that_hold_the_factor(reader):
    found = queries.factor_uses(reader.engine)
    with reader.engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT DISTINCT figure_id, factor_id FROM lineage JOIN ledger USING (figure_id) "
            "WHERE current AND factor_id <> ''"
        ).fetchall()
    held = Counter()
    for figure, name in {(figure, one) for figure, all_ in rows for one in all_.split(";")}:
        assert figure
        held[name] += 1
    assert found == dict(held)
    assert len(found) > 20


@pytest.mark.parametrize(
    ("words_", "expected"),
    [("河北", {"GRID_HE_2021", "GRID_HE_2022", "GRID_HE_2023"}),
     ("grid_he_2022", {"GRID_HE_2022"}), ("HE provincial 2023", {"GRID_HE_2023"}),
     ("2024年第33号 河北", {"GRID_HE_2022"}), ("no such factor", set())],
)  # fmt: skip
def test_search_looks_at_names_identifiers_and_sources(reader, words_, expected):
    lines = work.lines_of(reader, [], date(2026, 3, 18))
    found = shown.chosen_lines(lines, "all", words_, "-uses")
    assert {line.factor.factor_id for line in found} == expected


@pytest.mark.parametrize("sort", [f"{sign}{key}" for key in page.SORTS for sign in ("", "-")])
def test_every_column_sorts_both_ways(reader, sort):
    lines = work.lines_of(reader, [], date(2026, 3, 18))
    found = shown.chosen_lines(lines, "all", "", sort)
    assert len(found) == len(lines)
    keys = [shown._SORTS[sort.removeprefix("-")](line) for line in found]
    assert keys == sorted(keys, reverse=sort.startswith("-"))


def test_the_first_rows_are_the_most_used_and_more_follow_on_request(reader):
    first = sent(reader)
    rows = [n for n in walk(first["library"]) if n.get("type") == "Tr"]
    assert len(rows) - 1 == page.FIRST_SHOWN
    uses = queries.factor_uses(reader.engine)
    top = max(uses, key=lambda name: uses[name])
    assert top in words(rows[1])
    more = sent(reader, "?shown=90")
    assert len([n for n in walk(more["library"]) if n.get("type") == "Tr"]) - 1 == 90
    assert "没有符合的因子" in words(sent(reader, "?q=zzzz")["library"])


TODAY = date(2026, 3, 18)


@pytest.mark.parametrize(
    ("first", "last", "newer", "proposed_", "state"),
    [(None, None, False, False, "valid"), (TODAY, None, False, True, "proposed"),
     (TODAY + timedelta(days=1), None, False, False, "future"),
     (date(2022, 1, 1), date(2022, 12, 31), True, False, "retired"),
     (date(2022, 1, 1), date(2022, 12, 31), False, False, "past"),
     (date(2022, 1, 1), TODAY, False, False, "due"),
     (date(2022, 1, 1), TODAY + timedelta(days=90), False, False, "due"),
     (date(2022, 1, 1), TODAY + timedelta(days=91), False, False, "valid")],
)  # fmt: skip
def test_how_a_factor_stands(reader, first, last, newer, proposed_, state):
    from dataclasses import replace

    row = replace(reader.engine.library.rows["WATER_EF"], valid_from=first, valid_to=last)
    found, days = shown.standing(row, TODAY, newer=newer, proposed=proposed_)
    assert found == state
    assert state != "due" or days == (last - TODAY).days


def test_an_older_row_of_a_family_is_retired(reader):
    lines = {line.factor.factor_id: line for line in work.lines_of(reader, [], TODAY)}
    assert lines["GRID_HE_2022"].state == "retired"
    assert lines["GRID_HE_2023"].state == "valid"


def test_what_is_chosen_stands_in_the_address():
    search = "?site=a&kind=fuel&q=柴油&sort=value&factor=FUEL_DIESEL_EF_L&shown=90"
    chosen = page.choice(search)
    assert page.choice(chosen.href()) == chosen
    assert page.choice(chosen.href(kind="all", q="", shown=30)).words == ""
    assert "site=a" in chosen.href(factor="")
    odd = page.choice("?kind=x&sort=y&factor=' OR 1&proposal=-1&shown=9e9&q=" + "a" * 500)
    assert (odd.kind, odd.sort, odd.factor, odd.proposal, odd.shown) == ("all", "-uses", "", 0, 30)
    assert page.choice(None) == page.choice({"x": 1}) == Choice()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("search", ["", "?factor=GRID_HE_2022", "?kind=power", "?proposal=999"])
def test_the_page_answers_every_address(reader, search, language):
    found = sent(reader, search, language=language)
    assert set(found) >= {"top", "library", "compare", "form", "charts", "decide"}
    assert ("没有这项申请" in words(found["effect-head"])) == (
        search == "?proposal=999" and language == "zh"
    )


def test_only_those_who_may_propose_are_offered_a_new_version(reader):
    for role in (*ROLES, DEMONSTRATION):
        offered = "新增版本" in words(sent(reader, who=Who("x", role))["top"])
        assert offered == (role in APPROVERS)


# ---- versions side by side ----


def test_neighbouring_years_stand_beside_a_factor(reader):
    lines = work.lines_of(reader, [], TODAY)
    columns = work.columns_of(reader, "GRID_HE_2022", lines, [], None, "zh")
    assert [c.factor.factor_id for c in columns] == [
        "GRID_HE_2021", "GRID_HE_2022", "GRID_HE_2023",
    ]  # fmt: skip
    assert [c.kind for c in columns] == ["", "now", ""]
    compared = shown.compare(columns, "x", None, "zh")
    assert "较 GRID_HE_2021 ▼ 8.2%" in words(compared)
    marked = [words(n) for n in classes(compared, "is-changed")]
    assert any("0.7252" in one for one in marked)
    assert not any("CN-HE" in one for one in marked)


# ---- from the form to the ledger ----


def test_a_proposal_from_the_form_to_the_restated_ledger(plant, desk):
    before = plant.ledger()
    number = propose(desk, value="2.7", source="检验报告")
    proposal = plant.engine.state.approvals.find(number)
    assert proposal.proposer == "ana"
    assert proposal.body["document"] == NO_DOCUMENT

    page_ = sent(desk.reader, f"?proposal={number}")
    assert "缺出处文件" in words(page_["effect-head"])
    assert "缺出处文件" in words(page_["compare"])
    assert "待替换" in words(page_["library"])
    assert f"申请 {number} 待批准" in words(page_["top"])
    assert plant.ledger().keys() == before.keys()
    assert plant.value("emission", "2026-02") == before["month", "2026-02", "emission", "site",
                                                        "site"].value  # fmt: skip

    own = decided(desk, ANA, number, accept=True, reason="", chosen="zh")
    assert (own.done, own.words) == (False, "不能批准自己提出的申请，请换一个账号")
    bare = decided(desk, BOB, number, accept=False, reason="  ", chosen="zh")
    assert (bare.done, bare.words) == (False, "请写明原因")
    said = decided(desk, BOB, number, accept=True, reason="已核对", chosen="zh")
    assert said.done
    assert said.facts["figures"] > 0
    again = decided(desk, BOB, number, accept=True, reason="", chosen="zh")
    assert again.words == "这项申请已经处理过"

    after = plant.ledger()
    rows = proposal.effect["rows"]
    assert len(rows) > 10
    for _, period, indicator, dimension, entity, _, old, new, gap in rows:
        key = ("month", period, indicator, dimension, entity)
        assert after[key].value == new
        assert before[key].value == old
        assert isclose(after[key].value - before[key].value, gap, rel_tol=1e-9)
        [(kept, current)] = plant.query(
            "SELECT value, current FROM ledger WHERE figure_id = ?", [before[key].figure_id]
        )
        assert (kept, current) == (old, False)
        [(supersedes, cause)] = plant.query(
            "SELECT supersedes, cause FROM ledger WHERE figure_id = ?", [after[key].figure_id]
        )
        assert (supersedes, cause) == (before[key].figure_id, "factor")

    done = sent(desk.reader, f"?proposal={number}", done=said.facts)
    assert f"已批准申请 {number}，重新结算写入" in words(done["decide"])
    assert f"{len(rows)} / {len(rows)} 个月度数值与试算一致" in words(done["decide"])
    assert "待替换" not in words(done["library"])
    version = plant.engine.libraries.versions()[-1].version
    assert f"v{version}" in words(done["compare"])
    assert "ana / bob" in words(done["compare"])


def test_the_effect_shown_is_the_ledgers_difference(plant, desk):
    before = plant.ledger()
    number = propose(desk, value="2.7")
    found = sent(desk.reader, f"?proposal={number}")
    chart = found["charts"]["effect"]
    for figure in chart["plots"]:
        go.Figure(plain(figure))
        solid, hatched = figure["data"]
        assert solid["marker"]["pattern"]["shape"] == ""
        assert hatched["marker"]["pattern"]["shape"] == "/"
    drawn = chart["plots"][0]["data"]
    decided(desk, BOB, number, accept=True, reason="", chosen="zh")
    for month, old, new in zip(drawn[0]["x"], drawn[0]["y"], drawn[1]["y"], strict=True):
        key = ("month", month, "emission", "site", "site")
        assert old == pytest.approx(before[key].value / 1000, rel=1e-12)
        assert new == pytest.approx(plant.ledger()[key].value / 1000, rel=1e-12)


def test_numbers_that_open_are_rows_of_the_ledger(plant, desk):
    number = propose(desk, value="2.7")
    held = {row.figure_id: row.value for row in plant.ledger().values()}
    count = 0
    for accept in (False, True):
        if accept:
            decided(desk, BOB, number, accept=True, reason="", chosen="zh")
            held |= {row.figure_id: row.value for row in plant.ledger().values()}
        for _, attributes in numbers(sent(desk.reader, f"?proposal={number}")):
            value = attributes["data_value"]
            if "data_figure" in attributes:
                assert value == repr(held[attributes["data_figure"]])
                count += 1
    assert count > 10


def test_a_new_row_of_a_family_is_compared_with_the_last_one(plant, desk):
    said = proposed(
        desk, ANA,
        entry(plant.engine, "GRID_HE_2023", factor_id="GRID_HE_2024", value="0.63",
              valid_from="2024-01-01", name_zh="河北2024", name_en="HE 2024"), "zh",
    )  # fmt: skip
    found = sent(desk.reader, f"?proposal={said.facts['proposal']}")
    assert "GRID_HE_2023" in words(found["compare"])
    assert "GRID_HE_2024" in words(found["compare"])
    lines = work.lines_of(desk.reader, plant.engine.state.approvals.all(only_open=True), TODAY)
    states = {line.factor.factor_id: line.state for line in lines}
    assert states["GRID_HE_2023"] == "proposed"
    assert family_of("GRID_HE_2024") == family_of("GRID_HE_2023")
    decided(desk, BOB, said.facts["proposal"], accept=True, reason="", chosen="zh")
    shown_ = sent(desk.reader, "?factor=GRID_HE_2024")
    assert "GRID_HE_2023" in words(shown_["compare"])


@pytest.mark.parametrize(
    ("changed", "column", "reason"),
    [({"value": "0,63x"}, "取值", "这不是数字"), ({"source": ""}, "出处", "这一格不能为空"),
     ({"valid_to": "2001-01-01"}, "有效期止", "止期早于起期"),
     ({"factor_id": "new row"}, "因子编号", "因子编号写法不对"),
     ({"valid_from": "31.02.2024"}, "有效期起", "")],
)  # fmt: skip
def test_a_form_against_the_rules_says_column_value_reason_and_remedy(
    desk, changed, column, reason
):
    said = proposed(desk, ANA, entry(desk.reader.engine, **changed), "zh")
    assert not said.done
    found = said.facts["problems"][0]
    assert (found[0], found[1]) == (column, next(iter(changed.values())))
    assert reason in found[2]
    assert found[3]
    told = words(form_answer(said, "zh"))
    assert all(part in told for part in found if part)
    assert "填写的内容都还在" in told
    assert desk.reader.engine.state.approvals.all() == []
    english = proposed(desk, ANA, entry(desk.reader.engine, **changed), "en")
    assert not any("\u4e00" <= c <= "\u9fff" for c in english.facts["problems"][0][2])


def test_the_same_values_are_no_proposal(desk):
    said = proposed(desk, ANA, entry(desk.reader.engine), "zh")
    assert (said.done, said.words) == (False, "与因子库相同，没有变化")
    empty = proposed(desk, ANA, Entry("file", "", {}, {}), "zh")
    assert empty.words == "请先选择因子文件"


def test_the_form_leads_to_its_proposal(desk):
    said = proposed(desk, ANA, entry(desk.reader.engine, value="2.7"), "zh")
    answer = form_answer(said, "zh")
    assert answer["props"]["data-goto"] == f"?proposal={said.facts['proposal']}"


# ---- who may ----


@pytest.mark.parametrize("role", [*ROLES, DEMONSTRATION, ""])
def test_only_approvers_propose_decide_and_upload(desk, role):
    who = Who("cy", role)
    number = propose(desk, value="2.71")
    actions = (
        lambda: proposed(desk, who, entry(desk.reader.engine, value="2.72"), "zh"),
        lambda: received(desk, who, piece("document", b"x"), "zh"),
        lambda: decided(desk, who, number, accept=False, reason="no", chosen="zh"),
    )
    for act in actions:
        if role in APPROVERS:
            act()
        else:
            with pytest.raises(Forbidden):
                act()
    open_ = desk.reader.engine.state.approvals.find(number).status == "open"
    assert open_ == (role not in APPROVERS)


@pytest.mark.parametrize(
    ("who", "why"),
    [(ANA, "不能批准自己提出的申请"), (BOB, ""), (Who("v", "verifier"), "核查员不能批准申请"),
     (Who("", DEMONSTRATION), "演示会话只读")],
)  # fmt: skip
def test_the_button_says_why_it_is_shut(desk, who, why):
    number = propose(desk, value="2.7")
    found = sent(desk.reader, f"?proposal={number}", who=who)["decide"]
    button = next(n for n in walk(found) if n.get("props", {}).get("id") == {
        "page": "factors", "part": "accept"})  # fmt: skip
    assert button["props"]["disabled"] == bool(why)
    assert why in words(classes(found, "work-hindrance"))


# ---- uploads ----


def piece(slot, body, at=0, key=KEY):
    return {"slot": slot, "key": key, "at": at, "body": base64.b64encode(body).decode()}


def test_a_document_comes_piece_by_piece_and_is_kept_by_its_digest(plant, desk):
    body = bytes(range(256)) * 3000
    half = len(body) // 2
    assert received(desk, ANA, piece("document", body[:half]), "zh")["at"] == half
    assert received(desk, ANA, piece("document", body[half:], half), "zh")["at"] == len(body)
    files = {"document": (KEY, "公告 2026/12号.pdf")}
    number = propose(desk, value="2.7", files=work._files(
        {"document": {"key": KEY, "name": "公告 2026/12号.pdf"}}))  # fmt: skip
    proposal = plant.engine.state.approvals.find(number)
    assert proposal.body["document"] == safe_name(files["document"][1])
    assert proposal.body["document_sm3"] == sm3(body)
    kept = plant.engine.home / "documents" / f"{sm3(body)}.pdf"
    assert kept.read_bytes() == body
    assert "缺出处文件" not in words(sent(desk.reader, f"?proposal={number}")["effect-head"])


def test_a_factor_file_is_proposed_with_every_row(plant, desk):
    library = plant.engine.library
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for name, value in (("FUEL_DIESEL_EF_L", "2.7"), ("WATER_EF", "0.2")):
        row = text_of(library.rows[name]) | {"value": value}
        writer.writerow([row[c] for c in COLUMNS])
    received(desk, ANA, piece("rows", out.getvalue().encode()), "zh")
    said = proposed(desk, ANA, Entry("file", "", {}, {"rows": (KEY, "factors.csv")}), "zh")
    found = sent(desk.reader, f"?proposal={said.facts['proposal']}&factor=WATER_EF")
    assert "等 2 个因子" in words(found["top"])
    assert "自来水供应，版本对比" in words(found["compare"])
    bad = out.getvalue().replace("2.7", "two")
    received(desk, ANA, piece("rows", bad.encode(), key="1" * 32), "zh")
    said = proposed(desk, ANA, Entry("file", "", {}, {"rows": ("1" * 32, "factors.csv")}), "zh")
    assert said.facts["problems"][0][0] == "第 2 行 取值"


@pytest.mark.parametrize(
    "given",
    [None, 1, [], {}, {"slot": "document"}, piece("other", b"x"), piece("document", b"x", at=5),
     piece("document", b"x", key="../../etc/passwd"), piece("document", b""),
     piece("document", b"x") | {"body": "not base64!"}, piece("document", b"x") | {"body": 5},
     piece("document", b"x" * 700_000)],
    ids=lambda given: repr(given)[:40],
)  # fmt: skip
def test_a_piece_that_does_not_fit_is_refused(desk, given):
    assert "failed" in received(desk, ANA, given, "zh")
    assert list(desk.reader.engine.store.inbox.glob(".form-*")) == []


def test_pieces_end_at_the_limit_and_the_last_upload_counts(desk, monkeypatch):
    monkeypatch.setattr(work, "LARGEST_BYTES", 10)
    assert received(desk, ANA, piece("rows", b"12345678"), "zh")["at"] == 8
    answer = received(desk, ANA, piece("rows", b"90123", 8), "zh")
    assert "文件不能超过" in answer["failed"]
    received(desk, ANA, piece("rows", b"a"), "zh")
    received(desk, ANA, piece("rows", b"b", key="1" * 32), "zh")
    received(desk, BOB, piece("rows", b"c", key="2" * 32), "zh")
    assert len(list(desk.reader.engine.store.inbox.glob(".form-*"))) == 2


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a.pdf", "a.pdf"), ("../../x/../b.pdf", "b.pdf"), ("c:\\docs\\d.pdf", "d.pdf"),
     (".hidden", "hidden"), ("e\x00\n.csv", "e.csv"), ("长" * 300 + ".pdf", "长" * 60 + ".pdf"),
     ("", ""), ("...", "")],
)  # fmt: skip
def test_a_file_keeps_the_plain_part_of_its_name(given, kept):
    assert safe_name(given) == kept


# ---- downloads ----


def test_the_library_downloads_with_version_and_known_from(plant, desk):
    number = propose(desk, value="2.7", note="=1+1")
    decided(desk, BOB, number, accept=True, reason="", chosen="zh")
    answer = work.download(desk, "", "")
    body = answer.get_data()
    assert body.startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    assert list(rows[0])[: len(COLUMNS)] == COLUMNS
    assert len(rows) == len(plant.engine.library.rows)
    found = {row["factor_id"]: row for row in rows}
    diesel = found["FUEL_DIESEL_EF_L"]
    assert (float(diesel["value"]), diesel["version"]) == (2.7, "1")
    assert diesel["known_from"].endswith("Z")
    assert diesel["note"] == "'=1+1"
    assert found["WATER_EF"]["version"] == "0"
    assert work.download(desk, "library", "").get_data() == body
    assert work.download(desk, "other", "") is None


def test_the_effect_downloads_in_full(plant, desk):
    number = propose(desk, value="2.7")
    answer = work.download(desk, "effect", f"proposal={number}")
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))[1:]
    held = plant.engine.state.approvals.find(number).effect["rows"]
    assert [(r[1], r[2], float(r[6]), float(r[7])) for r in rows if r[6] and r[7]] == [
        (h[1], h[2], h[6], h[7]) for h in held if h[6] is not None and h[7] is not None
    ]
    assert work.download(desk, "effect", "proposal=999") is None
