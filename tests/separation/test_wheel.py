"""The wheel: all files of the package are in it, and it works where there is no checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import soundfile

from tests.separation.chirp import RATE, sound
from uss import __version__

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def tracked(*paths: str) -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *paths]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in done.stdout.splitlines() if (ROOT / path).exists()]


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy: setuptools would leave `build/` here and take its files the next time."""
    folder = tmp_path_factory.mktemp("wheel")
    for path in tracked("uss", "setup.py", "pyproject.toml", "LICENSE"):
        (folder / "source" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / "source" / path)
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", folder, folder / "source")
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A new virtual environment with the wheel, then all else that this Python has. It lies in a
    git repository that is not this one."""
    folder = tmp_path_factory.mktemp("another project")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    author = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    commit = ["commit", "--quiet", "--allow-empty", "--message", "Another project"]
    subprocess.run(["git", "-C", folder, *author, *commit], check=True)
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    pip("--python", venv / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    (site_packages,) = venv.glob("lib/python*/site-packages")
    (site_packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return venv


def run(installed: Path, folder: Path, command: str, *arguments: str | Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [installed / "bin" / command, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_every_file_of_the_package(wheel):
    assert wheel.name == f"uss-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == set(tracked("uss"))
    assert "uss/py.typed" in names


def test_the_command_and_the_package_work(installed, tmp_path):
    assert "usage: uss" in run(installed, tmp_path, "uss", "--help")
    assert run(installed, tmp_path, "uss", "--version") == f"uss {__version__}\n"
    code = "import uss; from uss.files import code_version; print(uss.__file__, code_version())"
    (package,) = installed.glob("lib/python*/site-packages/uss/__init__.py")
    assert run(installed, tmp_path, "python", "-c", code) == f"{package} {__version__}\n"


def test_a_recording_is_separated(installed, experiment, tmp_path):
    """With all that the package reads of its own: the class tables, and the page's template."""
    soundfile.write(tmp_path / "street.wav", sound(1), RATE)
    model = experiment / "at_soft"
    run(
        installed, tmp_path, "uss", "separate", "street.wav", "--model", model,
        "--auto", "--level", "1", "--report",
    )  # fmt: skip
    assert "street" in (tmp_path / "separated" / "index.html").read_text(encoding="utf-8")
    code = "import sys, uss; print(*uss.load(sys.argv[1]).class_names, sep='\\n')"
    assert run(installed, tmp_path, "python", "-c", code, model).splitlines()
