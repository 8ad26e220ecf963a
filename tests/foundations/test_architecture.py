"""The house: imports go down only, entry points import none of their kind, no name stands twice."""

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# From the ground up; a module imports from its own room and from those before it.
ROOMS = [
    "version faults temporaries writing text_files checksums ranges shards seeding distributed "
    "layout",
    "renamed files yaml_files config schema table_checks tables labels hdf5_disk hdf5 plotting",
    "audio_files audio",
    "recipe_config",
    "models",
    "data",
    "model_store",
    "training",
    "evaluation",
    "reporting",
    "separation",
    "command",
    "bin",
]
ROOM = {name: number for number, names in enumerate(ROOMS) for name in names.split()}
MODULES = sorted(path for path in (ROOT / "uss").rglob("*.py") if path.stem != "__init__")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


NAMES = {name_of(path) for path in MODULES}


def imports(path: Path) -> set[str]:
    """The modules of the package that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found & NAMES


GRAPH = {name_of(path): imports(path) for path in MODULES}


@pytest.mark.parametrize("module", sorted(NAMES - {"uss.__main__"}))
def test_imports_go_down(module: str) -> None:
    here = ROOM[module.split(".")[1]]
    climbing = [other for other in GRAPH[module] if ROOM[other.split(".")[1]] > here]
    assert not climbing


def test_no_entry_point_imports_another() -> None:
    between = {
        module: [other for other in others if other.startswith("uss.bin.")]
        for module, others in GRAPH.items()
        if module.startswith("uss.bin.")
    }
    assert not {module: others for module, others in between.items() if others}


def test_no_circle() -> None:
    done: set[str] = set()
    left = dict(GRAPH)
    while left:
        free = [module for module, others in left.items() if others <= done]
        assert free, f"these import each other in a circle: {sorted(left)}"
        done.update(free)
        for module in free:
            del left[module]


def test_no_two_files_of_one_name() -> None:
    twice = {stem for stem, num in Counter(path.stem for path in MODULES).items() if num > 1}
    assert not twice


def test_options_are_read_by_entry_points_only() -> None:
    readers = {name_of(path) for path in MODULES if "ArgumentParser" in path.read_text()}
    assert all(name == "uss.command" or name.startswith("uss.bin.") for name in readers)
