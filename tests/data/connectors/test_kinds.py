"""Every kind of interface of ours: its document, its example point table, no way to write."""

import ast
import json
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import pytest

from data import connectors
from data.ingest.problems import Refused
from data.interfaces import Draft, checked
from data.points import Target, load_points
from tests.conftest import ROOT
from translations import text

EXAMPLES = ROOT / "data" / "connectors" / "examples"
SETTINGS = {
    "dlt645": {"host": "h"},
    "iec104": {"host": "h"},
    "mqtt": {"host": "h", "client_id": "carbon", "topics": ("plant/+/up",), "ack_topic": "ack"},
    "sql_view": {
        "url": "postgresql://reader@h/db", "view": "v", "cursor": "changed", "key": ("id",),
        "columns": {"point": "code", "timestamp": "at", "value": "v"},
    },
}  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_item_of_a_document_is_the_same_in_two_kinds(language):
    documents = {kind: asdict(connectors.connector(kind).DOC) for kind in connectors.BUILT_IN}
    said = {
        kind: {item: text(words, language) for item, words in document.items()}
        for kind, document in documents.items()
    }
    same = [
        (one, other, item)
        for one, other in combinations(said, 2)
        for item in said[one]
        if said[one][item] == said[other][item]
    ]
    assert same == []


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_documents_blanks_are_settings(kind):
    found = connectors.connector(kind)
    settings = found.Config(**SETTINGS[kind]).model_dump()
    for words in asdict(found.DOC).values():
        for language in ("zh", "en"):
            filled = text(words, language, **settings)
            assert "{" not in filled


@pytest.mark.parametrize("kind", SETTINGS)
def test_the_example_point_table_can_be_loaded(kind):
    found = connectors.connector(kind)
    target = Target(found, found.Config(**SETTINGS[kind]))
    points = load_points(EXAMPLES / f"{kind}.csv", target, "zh")
    assert len(points) >= 2
    assert all("演示数据" in point.note for point in points)
    assert {point.kind for point in points} > {points[0].kind} or kind == "sql_view"
    found(target.cfg, points)


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_draft_with_the_example_passes_the_check_and_survives_json(kind):
    draft = Draft(f"{kind}-1", kind, "S1", "", SETTINGS[kind], EXAMPLES / f"{kind}.csv")
    wanted = checked(draft, ["S1"], "zh")
    settings = json.loads(json.dumps(dict(wanted.settings)))
    found = connectors.connector(kind)
    found(found.Config.model_validate(settings), wanted.points)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("dlt645", {"host": ""}),
        ("iec104", {"t2_s": 15}),
        ("mqtt", {"topics": ()}),
        ("sql_view", {"url": "postgresql://a:secret@h/db"}),
        ("sql_view", {"columns": {"timestamp": "b", "colour": "c"}}),
    ],
)
def test_a_wrong_setting_is_refused_in_the_users_language(kind, wrong, language):
    draft = Draft("x", kind, "S1", "", SETTINGS[kind] | wrong, EXAMPLES / f"{kind}.csv")
    with pytest.raises(Refused) as refused:
        checked(draft, ["S1"], language)
    (found,) = refused.value.problems
    chinese = any("\u4e00" <= letter <= "\u9fff" for letter in found.reason)
    assert chinese == (language == "zh")


WRITES = {"write_register", "write_registers", "write_coil", "write_coils", "insert", "update",
          "delete", "merge"}  # fmt: skip


@pytest.mark.parametrize(
    "path", sorted(Path(ROOT, "data", "connectors").glob("*.py")), ids=lambda p: p.name
)
def test_nothing_that_writes_to_a_device_or_database_is_called(path):
    """Read-only by construction: the calls are not there (7.1)."""
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert calls & WRITES == set()


@pytest.mark.parametrize("kind", ["mqtt", "sql_view"])
def test_a_password_that_is_written_out_is_refused_and_not_repeated(kind):
    draft = Draft("x", kind, "S1", "", SETTINGS[kind] | {"password": "hunter2-4711"}, ())
    with pytest.raises(Refused) as refused:
        checked(draft, ["S1"], "zh")
    said = [problem.line("zh") for problem in refused.value.problems]
    assert any("密码" in line for line in said)
    assert "hunter2-4711" not in " ".join(said)
