"""The package as setup.py describes it: its version, and what it says that it needs."""

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from uss import __version__
from uss.bin import cli

ROOT = Path(__file__).parents[2]


def described(key: str) -> str:
    """What setup.py answers to `--<key>`, without the noise of setuptools."""
    command = [sys.executable, "setup.py", "--quiet", f"--{key}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_version_stands_once():
    assert described("version") == __version__
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__
    releases = re.findall(r"^## (\d\S*)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert releases[0] == __version__


def test_the_command_says_its_version(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"uss {__version__}\n"


def imported() -> set[str]:
    """Names of the packages that uss imports, without Python's own."""
    names = set()
    for path in (ROOT / "uss").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"uss"}


def required() -> set[str]:
    """Names of the distributions that setup.py states, those of extras included."""
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    return {name.lower() for name in re.findall(r'"([\w-]+)(?:[<>=]=[\d.]+)?"[,\]]', text)}


def test_setup_py_states_what_the_package_imports():
    distributions = metadata.packages_distributions()
    names = imported()
    assert {"torch", "yaml", "soundfile"} <= names
    for name in names:
        assert {one.lower() for one in distributions[name]} & required(), name
