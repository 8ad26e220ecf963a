"""What tests of several folders share lies in tests/helpers/, and no test imports another."""

import ast
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SHARED = ("helpers", "benchmarks")  # benchmarks are programs, which tests also run


def imported(path: Path) -> set[tuple[str, ...]]:
    """(folder, module) below tests/ of each module that a file imports from there."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tests."):
            _, *parts = node.module.split(".")
            names = [alias.name for alias in node.names] if len(parts) == 1 else [parts[1]]
            found |= {(parts[0], name) for name in names}
    return found


@pytest.mark.parametrize("folder", sorted({path.parent.name for path in TESTS.glob("*/*.py")}))
def test_a_folder_imports_its_own_modules_and_the_helpers(folder):
    for path in (TESTS / folder).glob("*.py"):
        for other, module in imported(path):
            assert other in (folder, *SHARED) or folder == "benchmarks", f"{path}: {other}.{module}"
            assert not module.startswith("test_") and module != "conftest", f"{path}: {module}"


def test_no_two_helpers_of_one_name():
    names = Counter(path.stem for path in (TESTS / "helpers").rglob("*.py"))
    assert len(names) > 15 and set(names.values()) == {1}


def test_nothing_else_lies_at_the_top():
    assert {path.name for path in TESTS.glob("*.py")} == {"conftest.py"}
