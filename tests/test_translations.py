"""Every sentence has its English, and the binary catalogue is the one of the sources."""

import ast
import re
import string
from pathlib import Path

from babel.messages.pofile import read_po

from translations import HERE, text
from translations.compile import compiled

ROOT = Path(__file__).parent.parent
SCREENS = ("pages", "figures", "callbacks", "security", "api", "reports")
# What interfaces say travels as its key and is translated where it is shown.
SAYING = ("data/connectors/", "data/interfaces.py", "data/link_book.py", "data/collector.py",
          "data/standing_links.py", "interface_commands.py")  # fmt: skip


def keys():
    """Chinese literals of the product's code that reach a user."""
    found = set()
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).parts
        if parts[0] in {".venv", "var", "tests"}:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if parts[0] in SCREENS or "/".join(parts).startswith(SAYING):
            found |= set(_literals(tree)) - set(_docstrings(tree))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ("text", "CellError", "problem", "_Wrong", "_twice", "ValueError"):
                for value in (*node.args, *(k.value for k in node.keywords)):
                    found |= set(_literals(value))
    return found | templates()


def templates():
    """Sentences of the plain forms, which are rendered without any script."""
    forms = [p for room in ("api", "security") for p in (ROOT / room).rglob("*.html")]
    bodies = [p.read_text(encoding="utf-8") for p in forms]
    return {key for body in bodies for key in re.findall(r"""\bt\(\s*"([^"]+)\"""", body)}


def _docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(
            node
        ):
            yield node.body[0].value.value


def _literals(node):
    for part in ast.walk(node):
        value = getattr(part, "value", None)
        if isinstance(value, str) and any("\u4e00" <= c <= "\u9fff" for c in value):
            yield value


def catalogue():
    found = {}
    for path in sorted((HERE / "en").glob("*.po")):
        with path.open("rb") as file:
            found |= {m.id: m.string for m in read_po(file) if m.id}
    return found


def test_every_sentence_has_its_english():
    english = catalogue()
    missing = sorted(k for k in keys() if not english.get(k))
    assert missing == []


def test_english_keeps_the_named_values():
    def fields(sentence):
        return {f for _, f, _, _ in string.Formatter().parse(sentence) if f}

    assert [k for k, v in catalogue().items() if fields(k) != fields(v)] == []


def test_catalogue_is_compiled_from_its_sources():
    assert (HERE / "en" / "LC_MESSAGES" / "messages.mo").read_bytes() == compiled("en")


def test_a_sentence_in_both_languages():
    assert text("文件是空的", "zh") == "文件是空的"
    assert text("文件是空的", "en") == "The file is empty"
