import ast
import gettext
import io
import string
import zipfile
from pathlib import Path

import pytest
import python_calamine as calamine

import data.ingest
from data.ingest.kinds import KINDS
from data.ingest.template import safe, template_csv, template_xlsx
from tests.data.ingest.make import parsed
from translations.compile import compiled

LANGUAGES = ("zh", "en")
EVERY = [(kind, language) for kind in KINDS.values() for language in LANGUAGES]


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_every_template_comes_back_empty_and_without_a_problem(tmp_path, kind, language):
    bodies = {
        "file.csv": template_csv(kind, language),
        "file.xlsx": template_xlsx(kind, language),
    }
    for name, body in bodies.items():
        found = parsed(tmp_path, kind.name, body, name)
        assert found.problems == []
        assert found.rows == []
        assert found.notes == ("跳过 1 行示例",)


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_the_notes_explain_every_column(kind, language):
    book = calamine.load_workbook(io.BytesIO(template_xlsx(kind, language)))
    assert len(book.sheet_names) == 2
    rows = book.get_sheet_by_index(1).to_python()[1:]
    assert [row[1] for row in rows] == [column.name for column in kind.columns]
    assert [bool(row[2]) for row in rows] == [column.required for column in kind.columns]
    titles = [column.zh if language == "zh" else column.name for column in kind.columns]
    assert [row[0] for row in rows] == titles
    for row, column in zip(rows, kind.columns, strict=True):
        shown = column.choices.values() if language == "zh" else column.choices.keys()
        assert all(title in row[3] for title in shown)


def test_choices_are_offered_in_a_list():
    body = template_xlsx(KINDS["outputs"], "zh")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<dataValidation ") == 2
    assert "铝,铜,钢" in sheet


def test_the_csv_template_opens_in_a_spreadsheet():
    body = template_csv(KINDS["readings"], "zh")
    assert body.startswith("\ufeff表号,时间,读数,质量\r\n示例,")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_cell_becomes_a_formula(cell):
    assert safe(cell) == "'" + cell
    assert safe("a" + cell) == "a" + cell


def _sentences():
    """Chinese texts of the import that reach a user: arguments of what makes messages."""
    for path in sorted(Path(data.ingest.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Tuple | ast.Name)
                and {"reason", "remedy"} & {getattr(e, "id", "") for e in getattr(t, "elts", [t])}
                for t in node.targets
            ):
                yield from _chinese(node.value)
            name = getattr(getattr(node, "func", None), "id", None) or getattr(
                getattr(node, "func", None), "attr", ""
            )
            if name in ("text", "CellError", "problem"):
                yield from _chinese(node)
    yield from (c.meaning for k in KINDS.values() for c in k.columns if c.meaning)


def _chinese(node):
    for part in ast.walk(node):
        words = part.value if isinstance(part, ast.Constant) else None
        if isinstance(words, str) and any("\u4e00" <= letter <= "\u9fff" for letter in words):
            yield words


def _values(sentence):
    return {field for _, field, _, _ in string.Formatter().parse(sentence) if field}


def test_every_sentence_has_its_english_with_the_same_values():
    english = gettext.GNUTranslations(io.BytesIO(compiled("en")))
    sentences = set(_sentences())
    assert len(sentences) > 120
    for sentence in sentences:
        said = english.gettext(sentence)
        assert said != sentence, sentence
        assert _values(said) == _values(sentence)
