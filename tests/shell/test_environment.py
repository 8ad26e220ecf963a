"""path.sh and run.sh in surroundings of the user's: variables, other packages, places, shells."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.helpers.bash import PATH, ROOT, bash, executable, make_recipe, run

IMPORTED = "python -c 'import uss; print(uss.__path__[0])'"
MINI = ("egs/mini/conf", "egs/mini/local", "egs/mini/run.sh")
SHARED = ("path.sh", "setup.py", "tools", "uss", *MINI)


@pytest.fixture
def clone(tmp_path) -> Path:
    """This checkout, without data and environment, in a folder called `uss`."""
    result = tmp_path / "uss"
    for name in SHARED:
        (result / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, result / name, ignore=shutil.ignore_patterns("venv"))
        else:
            shutil.copy(ROOT / name, result / name)
    return result


def prepare(recipe: Path, **variables: str) -> subprocess.CompletedProcess:
    """Stage 0, with the real programs and few clips."""
    rounds = (f"--set=data.num_rounds.{split}=1" for split in ("train", "dev", "eval"))
    command = [str(recipe / "run.sh"), "--stage=0", "--stop-stage=0", *rounds]
    return bash('"$@"', recipe.parent, *command, **variables)


@pytest.fixture
def environment_of_another(tmp_path) -> Path:
    """The folder of a Python that sees what this one does except soxr, and has another `uss`."""
    folder = tmp_path / "another"
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    own = Path(next(path for path in sys.path if path.endswith("site-packages")))
    for path in own.iterdir():
        if "soxr" not in path.name.lower() and "uss" not in path.name.lower():
            (packages / path.name).symlink_to(path)
    (packages / "uss").mkdir()
    (packages / "uss" / "__init__.py").write_text("name = 'other'\n")
    return folder


def test_a_clone_called_uss_from_its_parent(clone):
    """There the folder itself looks like a package without __init__.py."""
    result = bash(f". uss/path.sh; {IMPORTED}; python -m uss --help", clone.parent)
    assert result.stdout.startswith(f"{clone}/uss\n"), result.stderr
    assert "separate" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONSAFEPATH": "1"},
        {"PYTHONHOME": "/nonexistent"},
        {"PYTHONINSPECT": "1"},
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONNOUSERSITE": "1", "PYTHONSTARTUP": "/nonexistent"},
        {"POSIXLY_CORRECT": "1", "GREP_OPTIONS": "--color=always", "IFS": "/e"},
        {"LC_ALL": "tr_TR.ISO-8859-9", "LANG": "C"},
        {"LC_ALL": "C"},
        {"HOME": "/proc/nonexistent", "XDG_CACHE_HOME": "/proc/nonexistent"},
        {"CDPATH": "/tmp:/", "BASH_ENV": "/nonexistent"},
        {"PYTHONWARNINGS": "always"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_stage_0_whatever_the_variables(clone, variables):
    result = prepare(clone / "egs" / "mini", **variables)
    assert result.returncode == 0, result.stderr
    assert (clone / "egs" / "mini" / "data" / "train" / "clips.csv").exists()


@pytest.mark.slow
def test_a_pythonpath_of_modules_with_packages_of_another_python(clone, tmp_path):
    for name in ("torch", "numpy", "yaml", "uss"):
        executable(tmp_path / "module" / name / "__init__.py", "raise ImportError('of 3.6')\n")
    result = prepare(clone / "egs" / "mini", PYTHONPATH=tmp_path / "module")
    assert result.returncode == 0, result.stderr


def test_a_pythonpath_that_brings_what_is_needed_stays(clone, environment_of_another):
    (packages,) = environment_of_another.glob("lib/python*/site-packages")
    own = next(path for path in sys.path if path.endswith("site-packages"))
    result = bash(
        f'. ./path.sh; echo "$PYTHONPATH"; {IMPORTED}',
        clone,
        PATH=f"{environment_of_another}/bin:{PATH}",
        PYTHONPATH=own,
    )
    assert result.stdout == f"{clone}:{own}\n{clone}/uss\n", result.stderr


def test_an_environment_that_lacks_a_requirement_is_not_taken(clone, environment_of_another):
    """Such as one with another package called uss, and torch."""
    executable(clone / "tools" / "install.sh", "#!/bin/sh\necho installs\nexit 3\n")
    result = bash(
        ". ./path.sh --install || echo failed", clone, PATH=f"{environment_of_another}/bin:{PATH}"
    )
    assert result.stdout == "installs\nfailed\n"
    assert f"{environment_of_another}/bin/python lacks soxr>=0.3: using tools/venv" in result.stderr


def test_the_arguments_of_a_script_are_no_options_of_path_sh(clone):
    result = bash(f". ./path.sh; {IMPORTED}", clone, "python", "-m")
    assert result.stdout == f"{clone}/uss\n", result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["two words", "a \"quoted\" 'one'", "100%d", "two\nlines", "a\\b$HOME"]
)
def test_a_path_that_is_hard_to_quote(clone, tmp_path, name):
    moved = tmp_path / name / "clone"
    moved.parent.mkdir()
    clone.rename(moved)
    result = prepare(moved / "egs" / "mini")
    assert result.returncode == 0, result.stderr


def test_a_path_with_a_colon_is_named(clone, tmp_path):
    clone = clone.rename(tmp_path / "a:b")
    result = prepare(clone / "egs" / "mini")
    assert result.returncode == 1
    assert f"path.sh: {clone}: PATH and PYTHONPATH cannot hold a ':'" in result.stderr


def test_path_sh_in_another_shell_is_a_sentence():
    result = subprocess.run(
        ["sh", "-c", ". ./path.sh; echo $?"], cwd=ROOT, capture_output=True, text=True
    )
    if result.stdout:  # dash; where sh is bash it works
        assert result.stdout in ("1\n", "0\n")
        assert result.stdout == "0\n" or result.stderr.startswith("path.sh: source it in bash")


SHOW = 'stage_3() { pwd -P; }\nrun_stages "$@"\n'


@pytest.fixture
def recipe(tmp_path) -> Path:
    """With the real head of run.sh, and a stage that shows where it runs."""
    result = make_recipe(tmp_path)
    text = (result / "run.sh").read_text().replace('run_stages "$@"\n', SHOW)
    (result / "run.sh").write_text(text)
    return result


@pytest.mark.parametrize(
    "call",
    [
        "cd '{recipe}' && ./run.sh",
        "cd '{recipe}' && sh run.sh",
        "cd '{recipe}' && bash run.sh",
        "cd '{recipe}' && bash --posix run.sh",
        "cd '{recipe}/conf' && ../run.sh",
        "cd '{recipe}/..' && mine/run.sh",
        "cd '{recipe}/..' && sh mine/run.sh",
        "ln -s '{recipe}/run.sh' link && ./link",
        "ln -s '{recipe}' folder && folder/run.sh",
        "PATH='{recipe}':$PATH && run.sh",
        "cd '{recipe}' && cd() {{ echo elsewhere; }}; export -f cd; ./run.sh",
    ],
)
def test_run_sh_however_it_is_called(recipe, tmp_path, call):
    result = bash(call.format(recipe=recipe) + " --stage=3 --stop-stage=3", tmp_path)
    assert (result.returncode, result.stdout) == (0, f"{recipe}\n"), result.stderr


def test_a_link_in_a_recipe_of_its_own_runs_there(recipe):
    other = recipe.parent / "other"
    other.mkdir()
    for name in ("run.sh", "conf", "local"):
        (other / name).symlink_to(recipe / name)
    assert run(other, "--stage=3", "--stop-stage=3").stdout == f"{other}\n"


def test_run_sh_away_from_its_checkout_is_a_sentence(recipe, tmp_path):
    shutil.copy(recipe / "run.sh", tmp_path / "run.sh")
    result = bash("./run.sh", tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("run.sh: no tools/stages.sh two folders up")
    assert result.stderr.count("\n") == 1


@pytest.mark.slow
def test_systems_have_one_order_in_every_language(recipe):
    text = (recipe / "run.sh").read_text()
    (recipe / "run.sh").write_text(text.replace("pwd -P;", 'echo "${systems[*]}";'))
    (recipe / "conf/default_systems").unlink()
    orders = {
        bash("./run.sh --stage=3 --stop-stage=3", recipe, LC_ALL=language).stdout
        for language in ("C", "en_US.UTF-8", "tr_TR.UTF-8")
    }
    assert orders == {" ".join(sorted(p.stem for p in (recipe / "conf/systems").iterdir())) + "\n"}


@pytest.mark.slow
def test_a_umask_that_keeps_others_out(clone):
    script = "umask 077; egs/mini/run.sh --stage=0 --stop-stage=0 --set data.num_rounds.train=1"
    assert bash(script, clone).returncode == 0
    assert os.stat(clone / "egs/mini/data").st_mode & 0o777 == 0o700
