"""Integration documents of clause 7.2: seven items, from what is configured, in three formats."""

import io
import re
import shutil
import subprocess
from dataclasses import replace
from decimal import Decimal
from itertools import combinations

import pytest
from docx import Document

from data import interfaces
from data.connectors.base import ProbeReport, ProbeRow
from data.interfaces import Draft
from data.points import load_points
from data.state import now
from reports import integration
from reports.paper_pdf import NoFont, pdf
from settings import Settings
from tests.data.arrivals import drained, plant, push, reading, register, wanted
from tests.data.connectors.test_kinds import EXAMPLES, SETTINGS

SECRET = "a-password-that-nobody-prints"
ITEMS = [letter for letter, _ in integration.ITEMS]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("papers")
    with plant(folder) as found, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BROKER_PASSWORD", SECRET)
        for kind, settings in SETTINGS.items():
            more = {"password": "env:BROKER_PASSWORD"} if kind in ("mqtt", "sql_view") else {}
            draft = Draft(f"{kind}-1", kind, "S1", "", settings | more, EXAMPLES / f"{kind}.csv")
            interfaces.save(found.engine, draft, "clerk")
        drop = {"folder": str(folder / "into")}
        interfaces.save(found.engine, Draft("drop", "drop_folder", "S1", "", drop), "clerk")
        line = {"port": "/dev/ttyS9", "address_base": 0}
        given = wanted([register(dtype="u16")], "bus", kind="modbus_rtu", **line)
        found.engine.state.interfaces.save(given, "clerk", now())
        push(found, "a", [reading(0, 5)])
        drained(found)
        found.settings = Settings(home=folder / "home")
        yield found


def paper(made, name, language="zh"):
    return integration.document(made.engine, name, made.settings, language)


def words(section):
    """Everything an item says."""
    cells = [cell for table in section.tables for row in table.rows for cell in row]
    return "\n".join((*section.words, *cells))


def texts(name, body):
    if name == "html":
        return body.decode()
    if name == "docx":
        word = Document(io.BytesIO(body))
        found = [p.text for p in word.paragraphs]
        found += [c.text for table in word.tables for row in table.rows for c in row.cells]
        return "\n".join(found)
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext here: what a PDF says is not read")
    done = subprocess.run(["pdftotext", "-", "-"], input=body, capture_output=True, check=True)
    return done.stdout.decode().replace("\u200b", "")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_interface_has_seven_items_and_none_is_empty(made, language):
    found = integration.names(made.engine)
    assert {"house", "mqtt-1", "drop", "bus", "builtin.rest", "builtin.upload"} <= set(found)
    for name in found:
        sections = paper(made, name, language).sections
        assert [section.letter for section in sections] == ITEMS
        assert all(words(section).strip() for section in sections)
        assert not any("{" in said for section in sections for said in section.words)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_item_says_the_same_in_two_kinds(made, language):
    said = {name: paper(made, name, language).sections for name in integration.names(made.engine)}
    same = [
        (one, other, a.letter)
        for one, other in combinations(said, 2)
        for a, b in zip(said[one], said[other], strict=True)
        if words(a) == words(b) or a.words[0] == b.words[0]
    ]
    assert same == []


def test_as_many_points_as_the_registry(made):
    for name, version in made.engine.state.interfaces.current().items():
        found = paper(made, name)
        assert sum(len(table.rows) for table in found.sections[-1].tables) == len(
            version.wanted.points
        )
        assert version.points_sm3 in words(found.sections[-1])
        assert version.points_sm3 in found.foot
    (meters,) = paper(made, "builtin.rest").sections[-1].tables
    assert len(meters.rows) == made.query("SELECT count(*) FROM meter_number")[0][0]


@pytest.mark.parametrize("form", integration.FORMATS)
def test_a_secret_is_in_no_document(made, form):
    for name in ("mqtt-1", "sql_view-1"):
        body = integration.FORMATS[form](paper(made, name))
        assert SECRET.encode() not in body
        said = texts(form, body)
        assert "***" in said
        assert SECRET not in said
        assert "BROKER_PASSWORD" not in said
    assert "***" not in texts(form, integration.FORMATS[form](paper(made, "house")))


@pytest.mark.parametrize("form", integration.FORMATS)
def test_every_format_says_all_of_it(made, form):
    found = paper(made, "dlt645-1")
    said = re.sub(r"\s", "", texts(form, integration.FORMATS[form](found)))
    for section in found.sections:
        for part in (section.letter, section.title, section.second, *section.words):
            assert re.sub(r"\s", "", part) in said
        for table in section.tables:
            for row in table.rows:
                assert all(re.sub(r"\s", "", cell) in said for cell in row), row
    assert "签字" in said
    assert "变更记录" in said


@pytest.mark.parametrize("form", integration.FORMATS)
def test_the_same_configuration_is_the_same_bytes_and_another_one_is_not(made, form):
    make = integration.FORMATS[form]
    before = make(paper(made, "house"))
    assert make(paper(made, "house")) == before
    version = made.engine.state.interfaces.find("house")
    other = replace(version.wanted, settings=dict(version.wanted.settings) | {"port": 1502})
    made.engine.state.interfaces.save(other, "chief", now())
    after = make(paper(made, "house"))
    assert after != before
    assert "1502" in texts(form, after)
    assert "chief" in texts(form, after)
    made.engine.state.interfaces.save(version.wanted, "chief", now())


def test_a_changed_point_table_changes_the_document(made):
    before = paper(made, "house")
    found = made.engine.state.interfaces.find("house")
    point = found.wanted.points[0].model_copy(update={"scale": Decimal("0.1")})
    made.engine.state.interfaces.save(replace(found.wanted, points=(point,)), "chief", now())
    after = paper(made, "house")
    assert before.foot != after.foot
    assert "0.1" in words(after.sections[-1])
    assert after.closing[0].rows[0][2] == "chief"
    assert len(after.closing[0].rows) == len(before.closing[0].rows) + 1


def test_a_changed_setting_of_any_kind_changes_the_document(made):
    for name, version in made.engine.state.interfaces.current().items():
        before = paper(made, name)
        settings = dict(version.wanted.settings) | {"timeout_s": 7.5}
        made.engine.state.interfaces.save(
            replace(version.wanted, settings=settings), "chief", now()
        )
        after = paper(made, name)
        assert "7.5" in words(after.sections[3]), name
        assert "7.5" not in words(before.sections[3]), name
        made.engine.state.interfaces.save(version.wanted, "chief", now())


def test_what_is_always_there_says_when_something_last_came_or_that_nothing_did(made):
    said = words(paper(made, "builtin.upload").sections[4])
    assert "表计台账" in said
    assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", said)
    assert "还没有收到过数据" in words(paper(made, "builtin.rest").sections[4])


def test_the_register_is_read_in_words(made):
    said = words(paper(made, "builtin.rest").sections[6])
    assert {"电", "电网购电", "累计", "kWh", "15 min"} <= set(said.split("\n"))
    assert not {"electricity", "grid_import", "register", "15.0"} & set(said.split())
    english = words(paper(made, "builtin.rest", "en").sections[6])
    assert not re.search(r"[\u4e00-\u9fff]", english.replace("测试站", ""))


def test_the_test_is_what_was_recorded(made):
    state = made.engine.state
    assert "还没有试读记录" in words(paper(made, "house").sections[4])
    row = ProbeRow("P1", 2, "43 65 02 8F", (("ABCD", Decimal("229.01")), ("CDAB", None)),
                   Decimal("229.01"), "kWh", "", "")  # fmt: skip
    lost = ProbeRow("P2", 3, "", (), None, "kWh", "无应答", "")
    version = state.interfaces.find("house").version
    report = ProbeReport(now().astimezone(), False, (row, lost), "", 1.25)
    state.interface_tests.add("house", version, report, "tester", now())
    said = words(paper(made, "house").sections[4])
    for part in (
        "43 65 02 8F",
        "229.01 kWh",
        "无应答",
        "tester",
        "1 个测点有值，1 个没有",
        "未通过",
    ):
        assert part in said
    assert "须重新试读" not in said
    assert "5" in words(paper(made, "house").sections[4])  # the newest value that came
    state.interfaces.switch("house", "chief", now(), on=False)
    assert "须重新试读" in words(paper(made, "house").sections[4])
    state.interfaces.switch("house", "chief", now(), on=True)


def test_imports_are_the_test_of_the_upload(made):
    said = words(paper(made, "builtin.upload").sections[4])
    assert "meters-1.csv" in said
    assert "house" not in said


def test_a_font_that_is_not_there_is_no_document(made):
    with pytest.raises(NoFont, match="No Such Face"):
        pdf(paper(made, "house"), font="No Such Face")


def test_what_is_written_is_never_markup(made):
    found = made.engine.state.interfaces.find("house")
    name = "#set page <b>x</b> $1$ *bold* _u_ `c` [y] \\ ~ @z"
    point = found.wanted.points[0].model_copy(update={"name": name})
    made.engine.state.interfaces.save(replace(found.wanted, points=(point,)), "chief", now())
    page = paper(made, "house")
    for form, make in integration.FORMATS.items():
        body = make(page)
        if form == "html":
            assert b"<b>x</b>" not in body
            assert b"&lt;b&gt;x" in body
        else:
            assert "#set" in texts(form, body)


def test_an_example_table_of_every_kind_is_all_there(made):
    from data import connectors  # the classes behind the names
    from data.points import Target

    for kind in SETTINGS:
        cls = connectors.connector(kind)
        points = load_points(
            EXAMPLES / f"{kind}.csv", Target(cls, cls.Config(**SETTINGS[kind])), "zh"
        )
        said = words(paper(made, f"{kind}-1").sections[-1])
        assert all(point.point_id in said for point in points)


def test_the_configuration_names_who_signs_and_persons_sign_by_hand(made):
    settings = {"host": "192.0.2.9", "address_base": 0, "provider": "供电所", "builder": "集成公司"}
    interfaces.save(made.engine, Draft("signed", "modbus_tcp", "S1", "", settings), "clerk")
    for language, user in (("zh", "测试站（S1）"), ("en", "测试站 (S1)")):
        found = paper(made, "signed", language)
        parties = found.closing[-1].rows
        assert [row[1] for row in parties] == ["供电所", "集成公司", user]
        assert all(row[2:] == ("", "") for row in parties)
        assert "供电所" not in "".join(words(section) for section in found.sections)
    assert [row[1] for row in paper(made, "bus").closing[-1].rows][:2] == ["", ""]
    interfaces.remove(made.engine, "signed", "clerk")
