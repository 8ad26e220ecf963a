"""Folders and packages of the same name, variables that leak, the first steps of run.sh."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.field.case import Done, Skip, case, require
from tests.field.place import ROOT, Place
from tests.helpers.recipe_runs import REDUCED, copy_recipe

ENVIRONMENTS = "environments"
FINDER = """import sys
from importlib.machinery import PathFinder
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "uss":
            return PathFinder.find_spec(name, [{folder!r}.rpartition("/")[0]])
sys.meta_path.append(Finder)
"""
STAGE_0 = ("--stage", "0", "--stop-stage", "0")


def clone(place: Place, name: str) -> Path:
    """What a clone has, in a folder of this name."""
    folder = place.folder / name
    copy_recipe("mini", folder)
    for file in ("path.sh", "setup.py", "README.md"):
        shutil.copy(ROOT / file, folder)
    shutil.copytree(ROOT / "uss", folder / "uss", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tools").unlink()
    ignored = shutil.ignore_patterns("venv", ".install.lock")
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=ignored)
    return folder


def run_sh(place: Place, *options: str, **variables: str | Path | None) -> Done:
    recipe = place.folder / "clone" / "egs" / "mini"
    if not recipe.exists():
        recipe = copy_recipe("mini", place.folder / "clone")
    words = [word for override in REDUCED for word in ("--set", override)]
    return place.run("./run.sh", *options, *words, cwd=recipe, **variables)


@case(
    ENVIRONMENTS,
    "setuptools#3592",
    "a clone in a folder called `uss`; from its parent `. uss/path.sh; python -m uss classes ...`",
    "works; the Python of README's example too",
)
def a_clone_called_uss(place: Place) -> str:
    folder = clone(place, "uss")
    path = f"{environment_of(place, folder)}:/usr/bin:/bin"
    place.wav("street.wav")
    model = f"'{place.model}'"
    for command in (
        f"python -m uss classes --model {model}",
        f"python -m uss separate street.wav --model {model} --class 0 --output out",
        f"python -c 'from uss.separation.model import Model; Model(\"{place.model}\")'",
    ):
        script = f". uss/path.sh && {command}"
        done = place.run("bash", "-c", script, PYTHONPATH=None, PATH=path)
        require(done.status == 0, f"{command.split(' --model')[0]}: {done.short}")
    return "all three commands work"


def environment_of(place: Place, clone: Path) -> Path:
    """bin/ of an environment in which this clone is installed as `pip install -e .` does it: a
    finder of its own, asked after the working directory; the other packages are this one's."""
    venv = place.folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    site = next(venv.glob("lib/python3*/site-packages"))
    (site / "editable_uss.py").write_text(FINDER.format(folder=str(clone / "uss")))
    others = [path for path in sys.path if path.endswith("site-packages")]
    (site / "others.pth").write_text("\n".join([*others, "import editable_uss\n"]))
    return venv / "bin"


@case(
    ENVIRONMENTS,
    "PyPI's uss is bytedance's",
    "an active environment with torch, torchaudio and another package called uss, without soxr: "
    "`. ./path.sh`",
    "not taken for ours",
)
def another_package_called_uss(place: Place) -> str:
    folder = clone(place, "clone")
    site = place.folder / "site"
    for name in ("uss", "torch", "torchaudio", "pytest", "ruff"):
        (site / name).mkdir(parents=True)
        (site / name / "__init__.py").write_text("")
    python = place.folder / "bin" / "python"
    python.parent.mkdir()
    base = Path(sys.base_prefix) / "bin" / "python3"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{base}" -S "$@"\n')
    python.chmod(0o755)
    path = f"{python.parent}:/usr/bin:/bin"
    script = f'. "{folder}/path.sh" && python -c "import uss.audio, soxr"'
    done = place.run("bash", "-c", script, PATH=path, PYTHONPATH=None)
    require("no Python with uss" in done.said, done.short)
    return done.line


@case(ENVIRONMENTS, "own", "`PYTHONSAFEPATH=1 ./run.sh --stage 0`", "works")
def a_safe_path(place: Place) -> str:
    return run_sh(place, *STAGE_0, PYTHONSAFEPATH="1").require_ok().line


@case(
    ENVIRONMENTS,
    "own",
    "`PYTHONPATH=FOLDER ./run.sh --stage 0`, where FOLDER holds a sounds.py and a parameters.py",
    "the recipe's own modules, and the environment's",
)
def a_python_path_that_leaked(place: Place) -> str:
    folder = place.folder / "leaked"
    folder.mkdir()
    for name in ("sounds", "parameters", "data_config"):
        (folder / f"{name}.py").write_text("raise SystemExit('another module')\n")
    return run_sh(place, *STAGE_0, PYTHONPATH=folder).require_ok().line


@case(
    ENVIRONMENTS,
    "own",
    "the same with a yaml.py and a numpy/ there, as a module of the site for another Python",
    "the environment's own packages",
)
def packages_that_leaked(place: Place) -> str:
    folder = place.folder / "leaked"
    (folder / "numpy").mkdir(parents=True)
    for name in ("yaml.py", "numpy/__init__.py"):
        (folder / name).write_text("raise ImportError('made for another Python')\n")
    return run_sh(place, *STAGE_0, PYTHONPATH=folder).require_ok().line


@case(ENVIRONMENTS, "own", "`./run.sh --set nosuchkey=1`", "exit 2, before anything is installed")
def a_setting_that_is_not_there(place: Place) -> str:
    folder = clone(place, "clone")
    (folder / "tools" / "install.sh").write_text("#!/bin/sh\necho installing >&2; exit 1\n")
    said = ""
    for option in ("nosuchkey=1", "nosuchfile.key=1", "train=1", "=1"):
        done = place.run(
            "./run.sh", "--set", option, cwd=folder / "egs/mini", PATH="/usr/bin:/bin",
            PYTHONPATH=None,
        )  # fmt: skip
        require("installing" not in done.said, f"{option}: it installs first; {done.short}")
        require(done.status == 2 and option in done.said, f"{option}: {done.short}")
        said = done.short
    return said


@case(
    ENVIRONMENTS, "own", "`data` is a link that leads nowhere: `./run.sh --stage 0`", "a sentence"
)
def a_dangling_link(place: Place) -> str:
    recipe = copy_recipe("mini", place.folder / "clone")
    (recipe / "data").symlink_to(place.folder / "other disk" / "data")
    done = run_sh(place, *STAGE_0)
    require(done.sentence and "link" in done.said.lower(), done.short)
    return done.short


@case(
    ENVIRONMENTS,
    "own",
    "`./run.sh --stage 0` in a folder whose name has a space, a quote and a letter of UTF-8, "
    "with LC_ALL=C",
    "works",
)
def a_strange_folder(place: Place) -> str:
    recipe = copy_recipe("mini", place.folder / "it's ünï $1")
    words = [word for override in REDUCED for word in ("--set", override)]
    done = place.run("./run.sh", *STAGE_0, *words, cwd=recipe, LC_ALL="C")
    return done.require_ok().line


@case(ENVIRONMENTS, "own", "mypy --check-untyped-defs uss", "clean")
def types(place: Place) -> str:
    if not shutil.which("mypy", path=place.environment()["PATH"]):
        raise Skip("no mypy")
    done = place.run("mypy", "--check-untyped-defs", "uss", cwd=ROOT, seconds=400, PYTHONPATH=None)
    return done.require_ok().line
