"""tests/run.sh, tests/checks.sh and .pre-commit-config.yaml: what runs, and on what."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.helpers.bash import PATH, ROOT, bash


def known_checks() -> list[str]:
    """As tests/checks.sh names them to who asks for another one."""
    result = bash("tests/checks.sh nonsense", ROOT)
    assert result.returncode == 2
    return re.split(", | and ", result.stderr.strip().partition("known are ")[2])


@pytest.fixture
def checkout(tmp_path) -> Path:
    """The two scripts; an environment that is there; `python` and apt's programs say their
    arguments."""
    (tmp_path / "tests").mkdir()
    for name in ("run.sh", "checks.sh"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    (tmp_path / "path.sh").touch()
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name in ("python", "apt-get", "dpkg-query"):
        program = bin_folder / name
        says = f"{name} $*${{USS_NUM_KILLS:+ ($USS_NUM_KILLS kills)}}"
        program.write_text(f'#!/bin/sh\necho "{says}"\n')
        program.chmod(0o755)
    return tmp_path


def run_tests(checkout: Path, *options: str):
    (checkout / "tests" / "checks.sh").write_text('#!/bin/sh\necho "checks:$*"\n')
    return bash('tests/run.sh "$@"', checkout, *options, PATH=f"{checkout / 'bin'}:{PATH}")


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ([], "--durations 20"),
        (["--all"], "--durations 20 (50 kills)"),
        (["--fast"], "-m not slow --durations 20 --durations-min 1.5"),
        (["--fast", "--", "-n", "0"], "-m not slow --durations 20 --durations-min 1.5 -n 0"),
        (["--", "-x", "tests/data"], "--durations 20 -x tests/data"),
    ],
)
def test_all_checks_run_before_the_tests(checkout, options, arguments):
    result = run_tests(checkout, *options)
    assert result.returncode == 0, result.stderr
    expected = f"python -m pytest -n 3 --dist worksteal {arguments}"
    assert result.stdout.splitlines() == ["checks:", expected]


def test_little_disk_is_told_before_the_tests(checkout):
    df = checkout / "bin" / "df"
    for free, told in ((2999, True), (3000, False)):
        df.write_text(f"#!/bin/sh\necho Avail\necho {free}\n")
        df.chmod(0o755)
        result = run_tests(checkout)
        assert result.returncode == 0 and result.stdout.startswith("checks:\npython -m pytest ")
        assert (f" has {free} MB left; " in result.stderr) == told


@pytest.mark.parametrize(
    "options", [["--fats"], ["tests/data"], [""], ["--fast", "--all"], ["--fast", "-x"]]
)
def test_an_unknown_option_runs_nothing(checkout, options):
    result = run_tests(checkout, *options)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1 and "after --" in result.stderr


def test_a_check_that_fails_ends_the_run(checkout):
    (checkout / "tests" / "checks.sh").write_text("#!/bin/sh\nexit 1\n")
    result = bash("tests/run.sh", checkout, PATH=f"{checkout / 'bin'}:{PATH}")
    assert (result.returncode, result.stdout) == (1, "")


def test_each_hook_before_a_commit_is_a_check_of_run_sh():
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    assert [hook["id"] for hook in local["hooks"]] == known_checks()
    for hook in local["hooks"]:
        assert hook["entry"] == f"tests/checks.sh {hook['id']}"
        assert hook["language"] == "system" and hook["pass_filenames"] is False


@pytest.mark.parametrize(
    ("check", "name", "fault"),
    [
        ("shellcheck", "a.sh", "#!/bin/bash\ncd $1\n"),
        ("shellcheck", ".ci/run", "#!/bin/bash\ncd $1\n"),
        ("ruff", "a.py", "import os\n"),
        ("ruff-format", "a.py", "a = 'b'\n"),
    ],
)
def test_a_check_sees_a_file_that_is_new(checkout, check, name, fault):
    shutil.copy(ROOT / "pyproject.toml", checkout)
    assert bash("git init --quiet", checkout).returncode == 0
    (checkout / "path.sh").write_text("# shellcheck shell=bash\n")
    assert bash('tests/checks.sh "$1"', checkout, check).returncode == 0
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text(fault)
    result = bash('tests/checks.sh "$1"', checkout, check)
    assert result.returncode == 1
    assert name in result.stdout
