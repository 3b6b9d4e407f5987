"""docs/faults.md says truly which test injects which fault, and leaves none out."""

import ast
import re
from functools import cache

from tests.conftest import ROOT

ROW = re.compile(
    r"\| (F\d+) \| ([^|]+) \| (tests/[\w/]+\.py)::(\w+) \| (default|full) \| ([^|]+) \|"
)


def rows():
    lines = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("| F")]
    found = [ROW.fullmatch(line) for line in table]
    assert None not in found, table[found.index(None)]
    return [match.groups() for match in found]


@cache
def found_in(path):
    """A file's tests, each with whether it runs under make test-full alone."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {
        node.name: any("larger" in ast.unparse(mark) for mark in node.decorator_list)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_fault_has_its_tests():
    assert {row for row, *_ in rows()} == {f"F{n}" for n in range(1, 26)}


def test_every_test_named_is_there_and_runs_when_it_says():
    for row, _, path, name, run, _ in rows():
        known = found_in(path)
        assert name in known, (row, path, name)
        assert known[name] is (run == "full"), (row, name)
